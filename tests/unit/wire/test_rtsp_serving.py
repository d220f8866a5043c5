# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.rtsp_serving."""

import base64
from dataclasses import replace

import pytest

from gateway.model.errors import WireError
from gateway.model.media import Codec
from gateway.wire import rtcp, rtp, sdp
from gateway.wire.capture import CaptureClock
from gateway.wire.digest import Authenticator, Credentials, Verifier
from gateway.wire.rtsp import Media, Request, RtspReceiver, ServerState
from gateway.wire.rtsp_serving import (
    Door,
    Login,
    Serving,
    Track,
    Wanted,
    describe,
    sdp_path,
)
from tests.footage import moment, scene

URI = "rtsp://h/gate/main"
TCP = ("transport", "RTP/AVP/TCP;unicast;interleaved=4-5")
UNITS = scene(10, gop=5, visits=range(10), size=(160, 128))


def asked(method, *headers, uri=URI):
    return Request(method, uri, (("cseq", "3"), *headers))


def status(answer):
    assert isinstance(answer, bytes)
    return int(answer.split()[1])


def playing():
    """A session that plays."""
    serving = Serving("5e55")
    assert serving.receive(asked("DESCRIBE"), 0.0) == Wanted("gate/main", "")
    assert status(serving.opened(b"v=0\r\n")) == 200
    assert status(serving.receive(asked("SETUP", TCP, uri=f"{URI}/track0"), 0.0)) == 200
    assert status(serving.receive(asked("PLAY", ("session", "5e55")), 0.0)) == 200
    return serving


def test_a_session_goes_its_way():
    """Described once, set up on the channels asked for, played, ended."""
    serving = playing()
    assert (serving.state, serving.path, serving.channel) == (ServerState.PLAYING, "gate/main", 4)
    assert status(serving.receive(asked("GET_PARAMETER"), 0.0)) == 200
    assert status(serving.receive(asked("TEARDOWN", ("session", "5e55")), 0.0)) == 200
    assert serving.state is ServerState.ENDED


def test_requests_may_come_before_the_session_has_a_name():
    """DESCRIBE, SETUP and PLAY in one go (RFC 7826): only those that say so."""
    for headers, expected in (((("pipelined-requests", "1"),), 200), ((), 454)):
        serving = Serving("5e55")
        serving.receive(asked("DESCRIBE"), 0.0)
        serving.opened(b"v=0\r\n")
        serving.receive(asked("SETUP", TCP, *headers), 0.0)
        assert status(serving.receive(asked("PLAY", *headers), 0.0)) == expected


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (asked("SETUP", ("transport", "RTP/AVP;unicast;client_port=5000-5001")), 461),
        (asked("SETUP", ("transport", "RTP/AVP/TCP;interleaved=255-256")), 461),
        (asked("PLAY"), 455),
        (asked("PLAY", ("session", "other")), 454),
        (asked("RECORD"), 501),
        (asked("DESCRIBE", uri="rtsp://h/other/main"), 459),
        (asked("DESCRIBE", uri="*"), 459),
    ],
)
def test_what_cannot_be_is_answered_so(request_, code):
    """A status for each, and no change of state."""
    serving = Serving("5e55")
    serving.receive(asked("DESCRIBE"), 0.0)
    serving.opened(b"v=0\r\n")
    assert status(serving.receive(request_, 0.0)) == code
    assert serving.state is ServerState.INIT


def test_no_path_is_nobodys():
    """It is not even asked about."""
    assert status(Serving("5e55").receive(asked("DESCRIBE", uri="*"), 0.0)) == 404


def test_a_refusal_is_told_in_words_that_break_no_line():
    """Accents are left out, line ends too."""
    serving = Serving("5e55")
    serving.receive(asked("DESCRIBE"), 0.0)
    answer = serving.refuse(403, "no-act: non c'è più\r\nX-Evil: 1")
    assert answer.startswith(b"RTSP/1.0 403 no-act: non c'e piu")
    assert answer.count(b"\r\n") == 4


def basic(text):
    return ("authorization", "Basic " + base64.b64encode(text.encode()).decode())


def test_basic_is_asked_about_once_for_a_connection():
    """The same header passes from then on; another user does not."""
    serving = Serving("5e55", Door("Varco", None))
    challenge = serving.receive(asked("DESCRIBE"), 0.0)
    assert b'WWW-Authenticate: Basic realm="Varco"' in challenge
    assert serving.receive(asked("DESCRIBE", basic("vms:se:gret")), 0.0) == Login("vms", "se:gret")
    assert serving.admit("vms") == Wanted("gate/main", "vms")
    assert serving.receive(asked("DESCRIBE", basic("vms:se:gret")), 0.0) == Wanted(
        "gate/main", "vms"
    )
    assert isinstance(serving.receive(asked("DESCRIBE", basic("other:x")), 0.0), Login)
    assert status(serving.admit("other")) == 403


@pytest.mark.parametrize("word", ["Basic ????", "Basic " + "A" * 2000, "Basic dm1z", "Bearer x"])
def test_a_header_that_says_nothing_is_challenged(word):
    """Nothing is asked about and nothing raised."""
    serving = Serving("5e55", Door("Varco", None))
    assert status(serving.receive(asked("DESCRIBE", ("authorization", word)), 0.0)) == 401
    assert status(serving.reject()) == 401


def test_digest_proves_who_it_is_and_counts_what_is_wrong():
    """The right answer opens; a wrong one is counted with the name it claimed."""
    door = Door("Varco", Verifier("Varco", {"vms": "right"}, b"x" * 16))
    for password, failures in (("right", 0), ("wrong", 1)):
        serving = Serving("5e55", door)
        challenge = serving.receive(asked("DESCRIBE"), 5.0)
        (answer,) = RtspReceiver().receive(challenge)
        client = Authenticator(Credentials("vms", password), lambda: "c0ffee")
        client.challenged(answer.all("www-authenticate"))
        header = client.authorization("DESCRIBE", URI)
        step = serving.receive(asked("DESCRIBE", ("authorization", header)), 6.0)
        assert (step == Wanted("gate/main", "vms")) is not failures
        assert serving.failures == failures
        assert serving.claimed == ("vms" if failures else "")


@pytest.mark.parametrize("codec", list(Codec))
def test_the_description_is_that_of_the_unit(codec):
    """Codec, parameter sets, and of a JPEG the size."""
    (unit,) = scene(1, gop=1, size=(160, 128), codec=codec)
    track = sdp.choose(sdp.parse(describe(unit, "gate"))).video
    assert track.codec is codec
    assert len(track.parameter_sets) == {"H264": 2, "H265": 3, "JPEG": 0}[codec.value]
    assert all(one in unit.nals for one in track.parameter_sets)
    assert track.size_px == ((160, 128) if codec is Codec.JPEG else (0, 0))


def test_a_picture_that_rtp_cannot_carry_is_refused():
    """A JPEG with tables of its own, or none at all."""
    unit = replace(UNITS[0], codec=Codec.JPEG, nals=(b"no JPEG",))
    with pytest.raises(WireError):
        describe(unit, "gate")
    with pytest.raises(WireError):
        Track(26, 0, 7, 1400).packets(unit, moment(0))


def sent(track, unit, now=None):
    """Return RTP packets and RTCP of what goes out for a unit."""
    (media,) = RtspReceiver().receive(b"".join(track.packets(unit, now or unit.captured)))
    assert isinstance(media, Media)
    packets = [rtp.parse(bytes(view)) for channel, view in media.frames if channel == 4]
    reports = [one for channel, view in media.frames if channel == 5 for one in rtcp.parse(view)]
    return packets, reports


def test_packets_are_numbered_dated_and_marked():
    """One marker at the end of each picture, no number left out, one report a second."""
    track, seen, reports = Track(96, 4, 0xC0FFEE, 1400), [], []
    for unit in UNITS:
        packets, found = sent(track, unit)
        assert [one.marker for one in packets] == [False] * (len(packets) - 1) + [True]
        assert {one.timestamp for one in packets} == {unit.pts_90k}
        seen += [one.sequence for one in packets]
        reports += [one for one in found if isinstance(one, rtcp.RtcpSenderReport)]
    assert seen == [(seen[0] + number) & 0xFFFF for number in range(len(seen))]
    assert len(reports) == 1
    assert (track.sent, track.octets > 0) == (len(seen), True)


def test_a_report_dates_pictures_as_the_camera_did():
    """A unit that waited is dated by when it was taken, not by when it went out."""
    track, unit = Track(96, 4, 7, 1400), UNITS[0]
    now = unit.captured.shifted(3.0)
    _, reports = sent(track, unit, now)
    clock = CaptureClock()
    clock.report(reports[0], now)
    found = clock.captured(unit.pts_90k, now)
    assert found.utc_us == pytest.approx(unit.captured.utc_us, abs=2000)


def test_time_goes_on_over_another_rendition():
    """Its own origin means nothing: what passed since the last picture counts."""
    track = Track(96, 4, 7, 1400)
    sent(track, UNITS[0])
    other = replace(UNITS[5], pts_90k=77_000_000, captured=UNITS[0].captured.shifted(0.2))
    track.join()
    packets, reports = sent(track, other)
    assert packets[0].timestamp == UNITS[0].pts_90k + 18_000
    assert reports, "dated anew at once"
    packets, _ = sent(track, replace(other, pts_90k=77_003_600))
    assert packets[0].timestamp == UNITS[0].pts_90k + 21_600


def test_a_camera_whose_clock_began_anew_does_not_step_back():
    """A reconnect is a new origin too."""
    track = Track(96, 4, 7, 1400)
    sent(track, replace(UNITS[0], pts_90k=1 << 40))
    packets, _ = sent(track, replace(UNITS[5], captured=UNITS[0].captured.shifted(1.0)))
    assert packets[0].timestamp == ((1 << 40) + 90_000) & 0xFFFFFFFF


def test_goodbye_names_the_source():
    """RFC 3550 §6.6, on the channel of the reports."""
    (media,) = RtspReceiver().receive(Track(96, 4, 7, 1400).goodbye())
    ((channel, view),) = media.frames
    assert channel == 5
    assert rtcp.parse(view)[-1] == rtcp.RtcpBye((7,))


def test_paths_are_read_with_patience():
    """Whatever stands there, a path or nothing comes out."""
    assert sdp_path("rtsp://h:554/a/b/?x=1#y") == "a/b"
    assert sdp_path("rtsp://[broken/a") == "a"
    assert sdp_path("*") == sdp_path("rtsp://h") == ""
