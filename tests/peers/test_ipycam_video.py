# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Pictures of ipycam 1.3 (PyPI, MIT), and how it answers a search: what a third party makes of it.

Its cells of the matrix are H.264 over TCP and UDP, and motion JPEG over HTTP. It can do no others:
its RTSP server knows neither TLS nor credentials, its encoder is fixed to H.264, and it sends JPEG
over HTTP alone, in clear. On Linux its UDP works only after the correction in `ipycam_video.py`:
it holds the port that it has ffmpeg send from.
"""

import importlib.util
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.model.media import Codec, StreamState
from gateway.wire.ws_discovery import MessageKind, ProbeType, parse, probe
from tests.conftest import missing
from tests.peers.ipycam_video import PICTURES, RATE_HZ, SIZE_PX, number_of
from tests.peers.pulled import HOW, Pulled, frames, groups, pulling, until

pytestmark = pytest.mark.peer
SERVER = Path(__file__).with_name("ipycam_video.py")
USER, PASSWORD = "admin", "s3cret"


@pytest.fixture(scope="module")
def video():
    """Its video side in a process of its own, once it serves: the ports of RTSP and HTTP."""
    if importlib.util.find_spec("ipycam") is None:
        missing("PyPI ipycam")
    words = (sys.executable, SERVER, USER, PASSWORD)
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        yield tuple(map(int, process.stdout.readline().split()))
        process.kill()


def numbers(units):
    """Decode from each key unit on; return which pictures are seen, by their pixels."""
    shown = [frame for group in groups(units) for frame in frames(group)]
    return [number_of(frame.to_ndarray(format="bgr24")) for frame in shown]


def check(found):
    """Most pictures of the camera were seen, and they follow each other as it made them.

    A busy machine makes it leave some out: it always sends the newest.
    """
    assert len(set(found)) > PICTURES / 2
    steps = [(after - before) % PICTURES for before, after in pairwise(found)]
    assert steps.count(1) > len(steps) / 4


@pytest.mark.parametrize("how", ["tcp", "udp"])
async def test_its_h264_shows_the_colours_that_went_in(video, how):
    """Its packets are ffmpeg's, its dialogue is its own; pixels are compared after decoding."""
    pulled = Pulled(video[0], "live", user="", password="", **HOW[how])
    async with pulling(pulled):
        await until(lambda: pulled.feed.status().units >= 3 * PICTURES)
        session = pulled.feed.statistics()
    check(numbers(pulled.units()))
    assert (session.codec, session.size_px) == (Codec.H264, SIZE_PX)
    assert session.transport == ("RTP/UDP" if how == "udp" else "RTP/TCP")
    assert (session.authentication, session.server) == ("", "")
    assert session.parameter_sets == "both"


async def test_it_is_kept_alive_although_our_reports_confuse_it(video):
    """It reads a receiver report as the beginning of a request and answers 501: harmless."""
    pulled = Pulled(video[0], "live", user="", password="")
    async with pulling(pulled):
        await until(lambda: pulled.feed.status().state is StreamState.LIVE)
        connects, call = pulled.feed.status().connects, pulled.feed._session._call
        for _ in range(3):
            call.send_reports(0.0)
            call.send(call.client.keep_alive())
            reached = pulled.feed.status().units + RATE_HZ // 2
            await until(lambda count=reached: pulled.feed.status().units >= count)
        await until(lambda: not call.client._pending)
        assert call.client._public == ""
        assert pulled.feed.status().connects == connects


async def test_its_motion_jpeg_shows_the_colours_that_went_in(video):
    """Over HTTP, with the Basic authentication that it asks for."""
    pulled = Pulled(video[1], "stream.mjpeg", user=USER, password=PASSWORD, scheme="http")
    async with pulling(pulled):
        await until(lambda: pulled.feed.status().units >= 2 * PICTURES)
        session = pulled.feed.statistics()
    check(numbers(pulled.units()))
    assert (session.codec, session.size_px) == (Codec.JPEG, SIZE_PX)
    assert (session.transport, session.lost_units) == ("HTTP", 0)
    assert session.authentication == "Basic"


async def test_its_motion_jpeg_refuses_a_wrong_password(video):
    """Told as what it is, and not tried again and again."""
    pulled = Pulled(video[1], "stream.mjpeg", user=USER, password="sbagliata", scheme="http")
    async with pulling(pulled):
        await until(lambda: pulled.feed.status().state is StreamState.REFUSED)
    assert "refuses the user or the password" in pulled.feed.status().problem


@pytest.mark.parametrize("wanted", list(ProbeType))
def test_it_hears_our_search_and_its_odd_answer_is_read(wanted):
    """Its ProbeMatch stands in the body without ProbeMatches, under another action; quirk by name.

    Its answers are built as for the network; 239.255.255.250 is not asked for by a test.
    """
    if importlib.util.find_spec("ipycam") is None:
        missing("PyPI ipycam")
    from ipycam.config import CameraConfig
    from ipycam.discovery import WSDiscoveryServer
    from ipycam.onvif import ONVIFService

    config = CameraConfig(name="Porta nord")
    config.local_ip = "192.0.2.9"
    server = WSDiscoveryServer.__new__(WSDiscoveryServer)
    server.onvif = ONVIFService(config)
    ours = probe("urn:uuid:7", wanted).decode()
    assert server._is_probe_request(ours)
    answer = server.onvif.create_probe_match("urn:uuid:7").encode()
    assert b"ProbeMatches>" not in answer
    found = parse(answer)
    assert (found.kind, found.relates_to) == (MessageKind.PROBE_MATCHES, "urn:uuid:7")
    (match,) = found.matches
    assert match.xaddrs == ("http://192.0.2.9:8080/onvif/device_service",)
    assert match.types == ("NetworkVideoTransmitter", "Device")
    assert match.urn == server.onvif.device_uuid
    assert match.name == "Porta"  # it leaves the blank as it is, and blanks part scopes
    for action in ("Hello", "Bye"):
        announced = parse(server._build_announcement(action).encode())
        assert (announced.kind.value, announced.matches[0].urn) == (action, match.urn)
