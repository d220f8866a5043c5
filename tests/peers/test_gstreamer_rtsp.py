# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Our RTSP parts against GStreamer and ffmpeg: what counts is decoded pixels."""

import asyncio
import contextlib
import hashlib
import socket
import sys
from pathlib import Path

import av
import pytest

from gateway.ingest.camera import CameraFeed, CameraSource
from gateway.model.media import StreamState
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout, Reader
from tests.conftest import missing
from tests.goldens import pictures
from tests.virtual_camera import USERS, virtual_camera

pytestmark = pytest.mark.peer
USER, PASSWORD = "admin", "s3cret"
SERVER = Path(__file__).with_name("gst_server.py")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.asynccontextmanager
async def gstreamer(port, folder):
    """A GStreamer camera in a process of its own; yields it once it serves."""
    process = await asyncio.create_subprocess_exec(
        *("/usr/bin/python3", str(SERVER), str(port), f"{USER}:{PASSWORD}", str(folder)),
        stdout=-1,
        stderr=-1,
    )
    try:
        async with asyncio.timeout(20):
            if (await process.stdout.readline()).strip() != b"ready":
                missing(f"GStreamer RTSP server ({(await process.stderr.read()).decode()[-200:]})")
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        process._transport.close()


class Pulled:
    """A feed and all that it published."""

    def __init__(self, port, path, password=PASSWORD):
        self.fanout = Fanout()
        self.reader = Reader("test", most_units=10_000, most_bytes=1 << 30)
        self.fanout.join(self.reader)
        self.feed = CameraFeed(
            CameraSource(path, f"rtsp://127.0.0.1:{port}/{path}", USER, password),
            self.fanout,
            clock=SystemClock(),
            on_change=lambda camera, status: None,
        )

    def units(self):
        out = []
        while unit := self.reader.receive_nowait():
            out.append(unit)
        return out


@contextlib.asynccontextmanager
async def pulling(*pulled):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one.feed.run()) for one in pulled]
        yield
        for task in tasks:
            task.cancel()


async def until(condition, within_s=20.0):
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)


def pixels(frame):
    """A fingerprint of all three planes."""
    return hashlib.sha256(frame.to_ndarray(format="yuv420p").tobytes()).hexdigest()


def decoded(units):
    """Decode access units, one packet each; return a fingerprint per picture."""
    decoder = av.CodecContext.create("h264", "r")
    out = []
    for unit in units:
        out += [pixels(frame) for frame in decoder.decode(av.Packet(unit.coded()))]
    return out + [pixels(frame) for frame in decoder.decode(None)]


def encoded(path):
    """Decode what the camera's own encoder wrote; libav's parser finds the pictures in it."""
    with av.open(str(path), format="h264") as source:
        return [pixels(frame) for frame in source.decode(video=0)]


@pytest.mark.parametrize("path", ["h264", "slices", "both"])
async def test_pixels_are_those_that_the_camera_encoded(path, tmp_path):
    """With digest, one or four slices, with and without sound: not one picture differs."""
    port = free_port()
    async with gstreamer(port, tmp_path):
        pulled = Pulled(port, path)
        async with pulling(pulled):
            await until(lambda: pulled.feed.status().units >= 60)
            await until(lambda: pulled.feed.status().clock_offset_s is not None)
            status = pulled.feed.status()
    units = pulled.units()
    truth = encoded(tmp_path / path)
    slices = [sum(nal[0] & 31 in (1, 5) for nal in unit.nals) for unit in units]
    assert all((count > 1) is (path == "slices") for count in slices)
    first = next(index for index, unit in enumerate(units[-50:]) if unit.is_key)
    ours = decoded(units[-50:][first:])
    at = truth.index(ours[1]) - 1
    assert ours == truth[at : at + len(ours)]
    assert len(set(ours)) > 20
    assert (status.width_px, status.height_px) == (320, 180)
    assert status.lost_packets <= 1  # GStreamer leaves one number out between preroll and play
    assert abs(status.clock_offset_s) < 0.5


async def test_capture_times_of_gstreamer_precede_reception(tmp_path):
    """After the first report every picture was taken before it came, by less than a second."""
    port = free_port()
    async with gstreamer(port, tmp_path):
        pulled = Pulled(port, "h264")
        async with pulling(pulled):
            await until(lambda: pulled.feed.status().clock_offset_s is not None)
            pulled.units()
            reached = pulled.feed.status().units + 25
            await until(lambda: pulled.feed.status().units >= reached)
    ages_s = [one.received.monotonic_s - one.captured.monotonic_s for one in pulled.units()]
    assert all(0 <= age_s < 1 for age_s in ages_s)
    assert any(age_s > 0 for age_s in ages_s)


@pytest.mark.parametrize(
    ("path", "password", "state", "words"),
    [
        ("h264", "wrong", StreamState.REFUSED, "refuses the user or the password"),
        ("jpeg", PASSWORD, StreamState.UNSUPPORTED, "video codec JPEG is not supported"),
        ("audio", PASSWORD, StreamState.UNSUPPORTED, "SDP without video (media: audio)"),
        ("nope", PASSWORD, StreamState.UNSUPPORTED, "answers 404 Not Found to DESCRIBE"),
    ],
)
async def test_what_gstreamer_refuses_is_told_in_one_line(path, password, state, words, tmp_path):
    """Wrong password, MJPEG only, audio only, no such stream."""
    port = free_port()
    async with gstreamer(port, tmp_path):
        pulled = Pulled(port, path, password)
        async with pulling(pulled):
            await until(lambda: pulled.feed.status().state is state)
    assert words in pulled.feed.status().problem
    assert password not in pulled.feed.status().problem.replace("password", "")


async def test_a_restarted_gstreamer_camera_shows_a_picture_within_three_seconds(tmp_path):
    """Killed and started anew on the same port, the stream resumes by itself."""
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
            assert pulled.reader.receive_nowait().received.monotonic_s - ready_s <= 3.0


@pytest.mark.parametrize("name", ["x264-320x180.h264", "x264-320x180-slices.h264"])
async def test_ffmpeg_decodes_what_our_server_sends(program, name):
    """A foreign client with digest gets pictures whose pixels are those of the file."""
    ffmpeg = program("ffmpeg")
    async with virtual_camera(name=name, credentials=USERS) as port:
        process = await asyncio.create_subprocess_exec(
            *(ffmpeg, "-v", "error", "-rtsp_transport", "tcp"),
            *("-i", f"rtsp://{USER}:{PASSWORD}@127.0.0.1:{port}/live", "-an"),
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
        async with asyncio.timeout(30):
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
