# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import asyncio
import tomllib

import pytest

from gateway.ingest import nvr
from gateway.ingest.makes import read_makes
from gateway.ingest.nvr import (
    Described,
    channels_by_onvif,
    channels_by_template,
    channels_of,
    describer,
    registry_text,
)
from gateway.ingest.onvif_model import MediaProfile
from gateway.model.errors import CredentialError, PeerError
from gateway.model.media import Codec
from gateway.wire.digest import Credentials
from gateway.wire.sdp import UnusableStreamError
from tests.fakes import FakeClock
from tests.virtual_camera import USERS, virtual_camera


def profile(token, source, size_px=(1920, 1080), codec=Codec.H264, **more):
    return MediaProfile(
        token,
        more.pop("name", token),
        source,
        more.pop("source_name", f"Ingresso {source}"),
        f"enc-{token}",
        codec,
        size_px,
        25.0,
        50,
        more.pop("kbps", 4096),
        True,
        source_configuration=f"conf-{source}",
        **more,
    )


def four():
    return tuple(
        one
        for number in range(4)
        for one in (
            profile(f"sub{number}", f"VideoSource_{number}", (640, 360)),
            profile(f"mid{number}", f"VideoSource_{number}", (1280, 720)),
            profile(f"main{number}", f"VideoSource_{number}"),
        )
    )


class Device:
    def __init__(self, profiles, silent=(), refused=False):
        self._profiles = tuple(profiles)
        self._silent = silent
        self._refused = refused

    async def profiles(self):
        return self._profiles

    async def stream_uri(self, token, *, transport, tls=False):
        if self._refused:
            raise CredentialError("nvr refuses")
        if token in self._silent:
            raise PeerError(f"no video on {token}")
        return f"rtsp://192.0.2.9/{token}"


async def test_channels_are_the_video_sources_with_largest_and_smallest_profile():
    """Numbered from 1, named by the recorder, main and sub of the same source."""
    found = await channels_by_onvif(Device(four()))
    assert [(c.number, c.main_url[-5:], c.sub_url[-4:]) for c in found] == [
        (number + 1, f"main{number}", f"sub{number}") for number in range(4)
    ]
    assert found[2].name == "Ingresso VideoSource_2"
    assert found[2].size_px == (1920, 1080)
    assert {"conf-VideoSource_2", "main2", "VideoSource_2"} <= set(found[2].tokens)


async def test_a_channel_that_does_not_tell_is_its_own_problem():
    """The others have their URLs."""
    found = await channels_by_onvif(Device(four(), silent={"main1"}))
    assert [bool(c.main_url) for c in found] == [True, False, True, True]
    assert "no video" in found[1].problem


async def test_refused_credentials_end_it_at_once():
    """No further question is asked with a password that is wrong."""
    with pytest.raises(CredentialError):
        await channels_by_onvif(Device(four(), refused=True))


def test_an_unplugged_channel_does_not_renumber_the_others():
    """Numbers come from the tokens where those have any."""
    left = [one for one in four() if one.source_token != "VideoSource_1"]
    assert [c.number for c in channels_of(left)] == [1, 3, 4]
    assert [c.number for c in channels_of([profile("a", "Nord"), profile("b", "Sud")])] == [1, 2]


def test_a_source_without_a_codec_that_we_know_says_so():
    """MPEG-4 only: there, named, and not to be pulled."""
    (found,) = channels_of([profile("a", "s1", codec=None)])
    assert found.problem
    assert found.codec is None


def test_jpeg_is_no_sub_stream_while_there_is_another():
    """A JPEG stream costs more to watch than to have none."""
    main, sub = nvr.renditions(
        [
            profile("m", "s"),
            profile("j", "s", (320, 240), Codec.JPEG),
            profile("h", "s", (640, 360)),
        ]
    )
    assert (main.token, sub.token) == ("m", "h")


class Paths:
    """A recorder by its paths: what is there, and in which order it was asked."""

    def __init__(self, *there, locked=(), busy=()):
        self.there, self.locked, self.busy = there, locked, busy
        self.asked = []
        self.at_once = 0

    async def describe(self, url):
        path = url.partition("192.0.2.9:554")[2]
        self.asked.append(path)
        self.at_once += 1
        assert self.at_once == 1
        await asyncio.sleep(0)
        self.at_once -= 1
        if path in self.locked:
            raise CredentialError("refused")
        if path in self.busy:
            raise PeerError("does not answer")
        if path not in self.there:
            raise UnusableStreamError("404")
        return Described(Codec.H264)


def hikvision(*numbers, sub=True):
    kinds = ("01", "02") if sub else ("01",)
    return [f"/Streaming/Channels/{number}{kind}" for number in numbers for kind in kinds]


async def probed(paths, make="hikvision"):
    clock = FakeClock()
    return await channels_by_template(read_makes()[make], "192.0.2.9", paths.describe, clock=clock)


async def test_paths_are_tried_one_by_one_until_two_in_a_row_are_missing():
    """A gap of one is a camera that is unplugged; a gap of two is the end."""
    paths = Paths(*hikvision(1, 2, 4))
    found = await probed(paths)
    assert [c.number for c in found] == [1, 2, 4]
    assert all(c.main_url and c.sub_url for c in found)
    assert paths.asked[-1] == "/Streaming/Channels/601"
    assert len(paths.asked) == 9


async def test_a_refused_password_is_not_tried_at_the_next_channel():
    """Recorders lock accounts: one question, no more."""
    paths = Paths(locked=hikvision(1))
    with pytest.raises(CredentialError):
        await probed(paths)
    assert len(paths.asked) == 1


async def test_a_channel_without_a_sub_stream_has_none_and_a_silent_one_says_so():
    """Found as it is, not as the template would like it."""
    paths = Paths(*hikvision(1, sub=False), busy=hikvision(2))
    found = await probed(paths)
    assert [(c.number, c.sub_url, c.problem) for c in found] == [
        (1, "", ""),
        (2, "", "does not answer"),
    ]


async def test_a_make_whose_path_names_no_channel_is_asked_once():
    """A camera, not a recorder."""
    paths = Paths("/main", "/sub")
    found = await probed(paths, "milesight")
    assert len(found) == 1
    assert paths.asked == ["/main", "/sub"]


async def test_the_question_is_a_describe_on_a_connection_of_its_own():
    """Against our own server: there, not there, wrong password, nobody."""
    ask = describer(Credentials("admin", USERS["admin"]))
    async with virtual_camera(credentials=USERS) as port:
        base = f"rtsp://127.0.0.1:{port}"
        assert (await ask(f"{base}/live")).codec is Codec.H264
        with pytest.raises(UnusableStreamError):
            await ask(f"{base}/other")
        with pytest.raises(CredentialError):
            await describer(Credentials("admin", "wrong"))(f"{base}/live")
    with pytest.raises(PeerError, match="unreachable"):
        await ask(f"{base}/live")


async def test_the_tables_are_a_registry_that_can_be_read():
    """A name with quotes and a line break does no harm."""
    odd = [profile("m1", "s1", source_name='Ufficio "A"\n[[user]]'), profile("m2", "s2")]
    found = await channels_by_onvif(Device(odd))
    cameras = tomllib.loads(registry_text(found, device="nvr", site="negozio"))["camera"]
    assert [c["id"] for c in cameras] == ["nvr-1", "nvr-2"]
    assert cameras[0]["name"] == 'Ufficio "A" [[user]]'
    assert (cameras[1]["device"], cameras[1]["channel"]) == ("nvr", 2)
