# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Our RTSP parts against GStreamer and ffmpeg: what counts is decoded pixels.

GStreamer's cells of the matrix are all of {tcp, udp, tls} x {h264, h265, mjpeg}. What it cannot do:
digest with SHA-256 (its server offers MD5 alone; SHA-256 is our own server's, see
test_own_server.py), a metadata track (see there), and UDP inside TLS, which would need SRTP: our
client refuses that in its configuration.
"""

import asyncio
import hashlib
import sys

import av
import pytest

from gateway.ingest.source import Trust
from gateway.model.media import Codec, StreamState
from gateway.runtime.clock import SystemClock
from gateway.simulator.rtsp_server import Service
from tests.certificates import Certificate
from tests.goldens import pictures
from tests.peers.gst_process import PASSWORD, USER, gstreamer
from tests.peers.pulled import (
    DECODERS,
    HOW,
    PATIENCE_S,
    PROMPT_S,
    Pulled,
    decoded,
    groups,
    pixels,
    pulling,
    until,
)
from tests.ports import free_port
from tests.virtual_camera import USERS, virtual_camera

pytestmark = pytest.mark.peer


def encoded(path, codec=Codec.H264):
    """Decode what the camera's own encoder wrote; libav's parser finds the pictures in it."""
    if codec is Codec.JPEG:
        decoder = av.CodecContext.create("mjpeg", "r")
        files = sorted(path.parent.glob(f"{path.name}-*.jpg"))[:-1]
        return [
            pixels(one) for file in files for one in decoder.decode(av.Packet(file.read_bytes()))
        ]
    with av.open(str(path), format=DECODERS[codec]) as source:
        return [pixels(frame) for frame in source.decode(video=0)]


CELLS = {
    "tcp": ("h264", "h265", "jpeg", "slices", "both"),
    "udp": ("h264", "h265", "jpeg"),
    "tls": ("h264", "h265", "jpeg"),
}


@pytest.mark.parametrize("how", CELLS)
async def test_pixels_are_those_that_the_camera_encoded(how, tmp_path):
    """Every codec over every transport, with digest, slices and sound: not one picture differs."""
    port = free_port()
    certificate = Certificate(tmp_path, "127.0.0.1") if how == "tls" else None
    options = dict(HOW[how])
    if certificate:
        options["trust"] = Trust(sha256=certificate.sha256)
    feeds = {path: Pulled(port, path, **options) for path in CELLS[how]}
    async with gstreamer(port, tmp_path, certificate), pulling(*feeds.values()):
        for pulled in feeds.values():
            await until(lambda one=pulled: one.feed.status().units >= 50)
            await until(lambda one=pulled: one.feed.status().clock_offset_s is not None)
        units = {path: pulled.units() for path, pulled in feeds.items()}
        reached = {pulled: pulled.feed.status().units + 10 for pulled in feeds.values()}
        for pulled, count in reached.items():  # what was seen is in the files by then
            await until(lambda one=pulled, most=count: one.feed.status().units >= most)
        told = {path: (one.feed.status(), one.feed.statistics()) for path, one in feeds.items()}
    for path in CELLS[how]:
        check(path, units[path], encoded(tmp_path / path, units[path][0].codec))
        check_session(path, how, *told[path])


def check(path, units, truth):
    """What came, decoded from each key unit on, is what the encoder wrote, in its order."""
    if units[0].codec is Codec.H264:
        slices = [sum(nal[0] & 31 in (1, 5) for nal in unit.nals) for unit in units]
        assert all((count > 1) is (path == "slices") for count in slices)
    seen = set()
    for group in groups(units):
        ours = decoded(group)
        begins = [at for at, one in enumerate(truth) if one == ours[0]]
        assert any(truth[at : at + len(ours)] == ours for at in begins), path
        seen |= set(ours)
    assert len(seen) > 20


def check_session(path, how, status, session):
    """What is told of the session is what GStreamer does."""
    is_jpeg = path == "jpeg"
    assert (status.width_px, status.height_px) == (320, 192 if is_jpeg else 180)
    if how != "udp":  # GStreamer leaves one number out between preroll and play
        assert status.lost_packets <= 1
    assert abs(status.clock_offset_s) < 5
    assert session.parameter_sets == ("" if is_jpeg else "both")
    assert session.transport == ("RTP/UDP" if how == "udp" else "RTP/TCP")
    assert bool(session.tls) is (how == "tls")
    assert (session.server, session.authentication) == ("GStreamer RTSP server", "Digest MD5")


async def test_a_certificate_of_gstreamer_that_nobody_vouches_for_is_told(tmp_path):
    """The installer reads the fingerprint that he may pin."""
    port = free_port()
    certificate = Certificate(tmp_path, "127.0.0.1")
    async with gstreamer(port, tmp_path, certificate):
        pulled = Pulled(port, "h264", scheme="rtsps")
        async with pulling(pulled):
            await until(lambda: certificate.sha256 in pulled.feed.status().problem)
    assert pulled.feed.status().units == 0


async def test_capture_times_of_gstreamer_precede_reception(tmp_path):
    """After the first report every picture was taken before it came, by little."""
    port = free_port()
    async with gstreamer(port, tmp_path):
        pulled = Pulled(port, "h264")
        async with pulling(pulled):
            await until(lambda: pulled.feed.status().clock_offset_s is not None)
            pulled.units()
            ages_s = []

            def aged():
                """On a busy machine the quickest report may be as late as many a picture."""
                units = pulled.units()
                ages_s.extend(u.received.monotonic_s - u.captured.monotonic_s for u in units)
                return len(ages_s) >= 25 and any(age_s > 0 for age_s in ages_s)

            await until(aged)
    assert all(0 <= age_s < 10 for age_s in ages_s)


@pytest.mark.parametrize(
    ("path", "password", "state", "words"),
    [
        ("h264", "wrong", StreamState.REFUSED, "refuses the user or the password"),
        ("audio", PASSWORD, StreamState.UNSUPPORTED, "SDP without video (media: audio)"),
        ("nope", PASSWORD, StreamState.UNSUPPORTED, "answers 404 Not Found to DESCRIBE"),
    ],
)
async def test_what_gstreamer_refuses_is_told_in_one_line(path, password, state, words, tmp_path):
    """Wrong password, audio only, no such stream."""
    port = free_port()
    async with gstreamer(port, tmp_path):
        pulled = Pulled(port, path, password=password)
        async with pulling(pulled):
            await until(lambda: pulled.feed.status().state is state)
    assert words in pulled.feed.status().problem
    assert password not in pulled.feed.status().problem.replace("password", "")


async def test_a_restarted_gstreamer_camera_shows_a_picture_again(tmp_path):
    """Killed and started anew on the same port, the stream resumes by itself, and soon."""
    port = free_port()
    clock = SystemClock()
    pulled = Pulled(port, "h264")
    async with pulling(pulled):
        async with gstreamer(port, tmp_path) as process:
            await until(lambda: pulled.feed.status().state is StreamState.LIVE)
            process.kill()
            await until(lambda: pulled.feed.status().state is StreamState.UNREACHABLE)
        async with gstreamer(port, tmp_path):
            ready_s = clock.monotonic_s()
            pulled.units()
            await until(lambda: pulled.reader.statistics().depth > 0)
            assert pulled.reader.receive_nowait().received.monotonic_s - ready_s < PROMPT_S


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("x264-320x180.h264", "tcp"),
        ("x264-320x180.h264", "udp"),
        ("x264-320x180.h264", "tls"),
        ("x264-320x180-slices.h264", "tcp"),
    ],
)
async def test_ffmpeg_decodes_what_our_server_sends(program, name, how, tmp_path):
    """A foreign client with digest gets pictures whose pixels are those of the file."""
    ffmpeg = program("ffmpeg")
    context = Certificate(tmp_path, "127.0.0.1").server() if how == "tls" else None
    scheme, transport = ("rtsps", "tcp") if context else ("rtsp", how)
    async with virtual_camera(name=name, credentials=USERS, service=Service(tls=context)) as port:
        process = await asyncio.create_subprocess_exec(
            *(ffmpeg, "-v", "error", "-rtsp_transport", transport),
            *("-i", f"{scheme}://{USER}:{PASSWORD}@127.0.0.1:{port}/live", "-an"),
            *(
                "-fps_mode",
                "passthrough",
                "-frames:v",
                "25",
                "-pix_fmt",
                "yuv420p",
                "-f",
                "rawvideo",
                "-",
            ),
            stdout=-1,
            stderr=-1,
        )
        async with asyncio.timeout(PATIENCE_S):
            raw, problems = await process.communicate()
    size_bytes = 320 * 180 * 3 // 2
    assert len(raw) == 25 * size_bytes, problems.decode()
    theirs = [
        hashlib.sha256(raw[at : at + size_bytes]).hexdigest()
        for at in range(0, len(raw), size_bytes)
    ]
    source = pictures(name)
    decoder = av.CodecContext.create("h264", "r")
    truth = []
    for nals in source * 4:
        packet = av.Packet(b"".join(b"\0\0\0\1" + nal for nal in nals))
        truth += [pixels(frame) for frame in decoder.decode(packet)]
    at = truth.index(theirs[0])
    assert theirs == truth[at : at + 25]


def test_this_interpreter_is_not_the_one_that_serves():
    """GStreamer's bindings come from Debian; ours must not need them."""
    assert "gi" not in sys.modules
