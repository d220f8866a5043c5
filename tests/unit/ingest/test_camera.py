# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.ingest.camera, against real sockets and killable cameras."""

import asyncio
import contextlib
import gc
import itertools
import os
import re
import signal
import sys
import tracemalloc
from pathlib import Path

import pytest

from gateway.codec.mp4 import write_mp4
from gateway.ingest.camera import CameraFeed
from gateway.ingest.pace import Bounds, Pace
from gateway.ingest.source import StreamSource, Trust
from gateway.model.media import Codec, StreamState
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout, Reader
from tests.footage import scene
from tests.goldens import golden, pictures
from tests.ports import free_port
from tests.virtual_camera import LATENCY_S, USERS, virtual_camera

ROOT = Path(__file__).parents[3]
BACK_WITHIN_S = 2.0


async def until(condition, within_s=30.0):
    """Wait for a condition; fail when it does not come true."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


class Pulled:
    """A feed with a reader that notes everything."""

    def __init__(self, port, *, clock=None, pace=None, **options):
        self.fanout = Fanout()
        self.changes = []
        self.reader = Reader("test", most_units=10_000)
        self.fanout.join(self.reader)
        usual = {"user": "admin", "password": "s3cret", "least_stall_s": 1.0, "connect_s": 1.0}
        camera, path = options.pop("camera", "gate"), options.pop("path", "live")
        source = StreamSource(camera, f"rtsp://127.0.0.1:{port}/{path}", **{**usual, **options})
        self.feed = CameraFeed(
            source,
            self.fanout,
            clock=clock or SystemClock(),
            on_change=lambda camera, status: self.changes.append((camera, status)),
            pace=pace,
        )

    @property
    def status(self):
        return self.feed.status()

    def units(self):
        """Return all units since the last call."""
        out = []
        while unit := self.reader.receive_nowait():
            out.append(unit)
        return out


@contextlib.asynccontextmanager
async def pulling(*pulled):
    """Run feeds until the block ends."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one.feed.run()) for one in pulled]
        yield
        for task in tasks:
            task.cancel()


@contextlib.asynccontextmanager
async def camera_process(port):
    """A camera of its own process; yields it once it is ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.virtual_camera", str(port), cwd=ROOT, stdout=-1
    )
    try:
        async with asyncio.timeout(30):
            assert (await process.stdout.readline()).startswith(b"ready")
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        process._transport.close()


@pytest.mark.parametrize("name", ["x264-320x180.h264", "x264-320x180-slices.h264"])
async def test_pictures_arrive_whole_and_with_their_capture_time(name):
    """NAL units as encoded, key first, captured when the camera took them, status complete."""
    async with virtual_camera(name=name, credentials=USERS) as port:
        pulled = Pulled(port)
        async with pulling(pulled):
            await until(lambda: pulled.status.units >= 30)
    units = pulled.units()
    source = pictures(name)
    first = source.index(units[0].nals)
    assert units[0].is_key
    for offset, unit in enumerate(units):
        assert unit.nals == source[(first + offset) % len(source)]
        late_s = unit.received.monotonic_s - unit.captured.monotonic_s
        assert late_s >= 0
    on_time = sorted(one.received.monotonic_s - one.captured.monotonic_s for one in units[12:])
    assert LATENCY_S / 5 < on_time[len(on_time) // 2] < 1
    status = pulled.status
    assert (status.codec, status.width_px, status.height_px) == (Codec.H264, 320, 180)
    assert (status.connects, status.lost_packets) == (1, 0)
    assert status.key_units == sum(unit.is_key for unit in units)
    assert [state.state for _, state in pulled.changes] == [
        StreamState.CONNECTING,
        StreamState.LIVE,
    ]
    assert status.received_bytes > sum(unit.size_bytes() for unit in units)


async def test_the_camera_clock_is_compared_with_ours():
    """After the first sender report the offset of a camera on our own clock is about zero."""
    async with virtual_camera(credentials=USERS) as port:
        pulled = Pulled(port)
        async with pulling(pulled):
            await until(lambda: pulled.status.clock_offset_s is not None)
            assert abs(pulled.status.clock_offset_s) < 0.5


async def test_a_wrong_password_is_refused_and_tried_rarely():
    """State REFUSED, a line without the secret, and no second attempt for half a minute."""
    async with virtual_camera(credentials=USERS) as port:
        pulled = Pulled(port, password="wr0ng-secret")
        async with pulling(pulled):
            await until(lambda: pulled.status.state is StreamState.REFUSED)
            received_bytes = pulled.status.received_bytes
            with pytest.raises(TimeoutError):
                await until(lambda: pulled.status.received_bytes != received_bytes, 1.5)
    words = f"rtsp://127.0.0.1:{port} refuses the user or the password; next attempt at "
    assert re.fullmatch(re.escape(words) + r"\d\d:\d\d:\d\d UTC", pulled.status.problem)
    assert "wr0ng-secret" not in repr(pulled.feed.source)


async def test_an_unreachable_camera_is_named_with_the_reason():
    """Nobody listens there: state UNREACHABLE and the system's words."""
    port = free_port()
    pulled = Pulled(port)
    async with pulling(pulled):
        await until(lambda: pulled.status.state is StreamState.UNREACHABLE)
    expected = f"rtsp://127.0.0.1:{port} is unreachable: Connection refused"
    assert pulled.status.problem == expected


@contextlib.asynccontextmanager
async def scripted(reply, port=0):
    """A camera that answers everything with the same bytes, then keeps the line open."""
    clients = []

    async def serve_one(reader, writer):
        clients.append(writer)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(4096):
                writer.write(reply(data) if callable(reply) else reply)
        writer.close()

    server = await asyncio.start_server(serve_one, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in clients:
            writer.transport.abort()
        await server.wait_closed()


def described(sdp):
    """Answer like a camera whose DESCRIBE yields this SDP."""

    def reply(request):
        sequence = request.partition(b"CSeq: ")[2].partition(b"\r\n")[0]
        body = sdp if request.startswith(b"DESCRIBE") else b""
        head = b"RTSP/1.0 200 OK\r\nCSeq: %s\r\nContent-Length: %d\r\n\r\n"
        return head % (sequence, len(body)) + body

    return reply


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "neither RTSP nor interleaved data: 'HTTP/1.1 400"),
        (b"\x15\x03\x01\x00\x02", "neither RTSP nor interleaved data: 15 03 01 00 02"),
        (described(b"v=0\r\nm=audio 0 RTP/AVP 0\r\n"), "SDP without video (media: audio)"),
        (
            described(b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 MP4V-ES/90000\r\n"),
            "video codec MP4V-ES is not supported",
        ),
        (described(b"<html>"), "not an SDP"),
    ],
)
async def test_a_peer_without_usable_video_is_explained(reply, words):
    """State UNSUPPORTED, one line that names the peer and what it sent."""
    async with scripted(reply) as port:
        pulled = Pulled(port)
        async with pulling(pulled):
            await until(lambda: pulled.status.state is StreamState.UNSUPPORTED)
    assert pulled.status.problem.startswith(f"rtsp://127.0.0.1:{port}: ")
    assert words in pulled.status.problem


async def test_a_silent_peer_is_given_up():
    """One that accepts and never answers is unreachable after the bound."""
    async with scripted(b"") as port:
        pulled = Pulled(port)
        async with pulling(pulled):
            await until(lambda: pulled.status.state is StreamState.UNREACHABLE)
    assert pulled.status.problem.endswith("does not answer RTSP within 1 s")


async def test_damaged_pictures_are_reported_when_the_stream_stalls():
    """A camera that sends only truncated NAL units ends as STALLED, with the reason."""

    def reply(request):
        sdp = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
        data = described(sdp)(request)
        if request.startswith(b"PLAY"):
            packet = b"\x80\xe0\0\1" + bytes(8) + b"\x78\x00\xff\x67"
            data += b"$\0" + len(packet).to_bytes(2, "big") + packet
        return data

    async with scripted(reply) as port:
        pulled = Pulled(port)
        async with pulling(pulled):
            await until(lambda: pulled.status.state is StreamState.STALLED)
    assert "no picture for 5 s (last: truncated NAL unit: STAP-A" in pulled.status.problem


async def test_a_new_session_forgets_what_the_old_one_kept():
    """After an end of the session nothing of it is given to new readers."""
    async with virtual_camera(credentials=USERS) as port:
        pulled = Pulled(port)
        async with pulling(pulled):
            await until(pulled.fanout.kept)
    assert pulled.fanout.kept() == ()


class Steady:
    """A second camera that must never hiccup while the first one suffers."""

    def __init__(self, port):
        self.pulled = Pulled(port, camera="square")

    def longest_gap_s(self):
        times = [unit.received.monotonic_s for unit in self.pulled.units()]
        assert len(times) > 10
        return max(later - earlier for earlier, later in itertools.pairwise(times))


async def back_within(pulled, clock, since_s):
    """Wait for the next unit; return how long after `since_s` it was received."""
    pulled.units()
    await until(lambda: pulled.reader.statistics().depth > 0, 10.0)
    first = pulled.reader.receive_nowait()
    assert first.is_key
    return first.received.monotonic_s - since_s


@contextlib.asynccontextmanager
async def victim_and_witness():
    """A feed that is about to lose its camera, and one that must not notice."""
    port = free_port()
    async with virtual_camera(credentials=USERS) as other:
        victim, steady = Pulled(port), Steady(other)
        async with pulling(victim, steady.pulled):
            await until(lambda: steady.pulled.status.units > 0)
            steady.pulled.units()
            yield port, victim, SystemClock()
            assert steady.longest_gap_s() < 1.0
            assert steady.pulled.status.connects == 1


@pytest.mark.timeout(60)
async def test_a_killed_camera_is_back_in_time_and_the_other_never_stalls():
    """SIGKILL, later a new process on the same port: picture back within 2 s."""
    async with victim_and_witness() as (port, victim, clock):
        async with camera_process(port) as process:
            await until(lambda: victim.status.units > 5)
            process.kill()
            await until(lambda: victim.status.state is StreamState.UNREACHABLE)
        async with camera_process(port):
            assert await back_within(victim, clock, clock.monotonic_s()) <= BACK_WITHIN_S
            await until(lambda: victim.status.state is StreamState.LIVE)
            assert victim.status.problem == ""


@pytest.mark.timeout(60)
async def test_a_stopped_camera_is_back_in_time_and_the_other_never_stalls():
    """SIGSTOP is noticed as a stall; after SIGCONT the picture is back within 2 s."""
    async with victim_and_witness() as (port, victim, clock), camera_process(port) as process:
        await until(lambda: victim.status.units > 5)
        os.kill(process.pid, signal.SIGSTOP)
        await until(lambda: victim.status.state is StreamState.STALLED)
        assert "no picture for 1 s" in victim.status.problem
        await until(lambda: "does not answer" in victim.status.problem)
        victim.units()
        os.kill(process.pid, signal.SIGCONT)
        assert await back_within(victim, clock, clock.monotonic_s()) <= BACK_WITHIN_S


@pytest.mark.timeout(60)
async def test_a_camera_that_spoke_garbage_is_back_in_time_and_the_other_never_stalls():
    """Noise on the camera's port is named; the real camera is back within 2 s."""
    async with victim_and_witness() as (port, victim, clock):
        async with scripted(golden("x264-320x180.h264"), port):
            await until(lambda: victim.status.state is StreamState.UNSUPPORTED)
            assert "neither RTSP nor interleaved data" in victim.status.problem
        async with camera_process(port):
            assert await back_within(victim, clock, clock.monotonic_s()) <= BACK_WITHIN_S


class Hasty(SystemClock):
    """The real clock, but nobody waits between two attempts."""

    async def sleep(self, seconds):
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def cutting(port, after_bytes):
    """Forward to a camera, and cut each connection once the camera has sent so much."""
    cuts, running = [], set()

    async def up(reader, back):
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(4096):
                back.write(data)
        back.transport.abort()

    async def forward(reader, writer):
        running.add(asyncio.current_task())
        there, back = await asyncio.open_connection("127.0.0.1", port)
        sent = 0
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(up(reader, back))
                while sent < after_bytes and (data := await there.read(4096)):
                    writer.write(data)
                    sent += len(data)
                cuts.append(sent)
                writer.transport.abort()
        except* ConnectionError:
            pass
        finally:
            writer.transport.abort()
            back.transport.abort()
            running.discard(asyncio.current_task())

    server = await asyncio.start_server(forward, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], cuts
    finally:
        server.close()
        await server.wait_closed()
        await until(lambda: not running)


def footprint():
    """Return tasks, open descriptors and traced bytes, after what is garbage went away."""
    gc.collect()
    fds = len(list(Path("/proc/self/fd").iterdir()))
    return len(asyncio.all_tasks()), fds, tracemalloc.get_traced_memory()[0]


@pytest.mark.timeout(150)
async def test_many_reconnects_leave_no_task_socket_or_memory_behind():
    """A camera whose line is cut sixty times more costs what it cost before."""
    async with (
        virtual_camera(credentials=USERS) as port,
        cutting(port, 2000) as (flaky, cuts),
    ):
        pulled = Pulled(flaky, clock=Hasty())
        async with pulling(pulled):
            await until(lambda: len(cuts) >= 15, 60)
            tracemalloc.start()
            try:
                await until(lambda: len(cuts) >= 30, 60)
                tasks, fds, traced_bytes = footprint()
                pulled.units(), pulled.changes.clear()
                await until(lambda: len(cuts) >= 90, 120)
                pulled.units(), pulled.changes.clear()
                more_tasks, more_fds, more_bytes = footprint()
            finally:
                tracemalloc.stop()
        assert pulled.status.connects >= 60
        assert more_tasks <= tasks + 6  # those of a connection that is up at this moment
        assert more_fds <= fds + 6
        assert more_bytes - traced_bytes < 100_000  # a packet kept of each cut is more


async def test_a_stall_is_noticed_counted_and_told():
    """Pictures that stop on a standing session: STALLED within 3 s, one more in the counter."""
    async with camera_under_stop() as (pulled, stopped_s):
        await until(lambda: pulled.status.state is StreamState.STALLED)
        assert SystemClock().monotonic_s() - stopped_s <= 3.0
        assert pulled.status.stalls == 1
        assert pulled.status.fps == 0.0


@contextlib.asynccontextmanager
async def camera_under_stop():
    """A feed with the usual stall bound, whose camera has just been stopped."""
    port = free_port()
    pulled = Pulled(port, least_stall_s=2.0)
    async with camera_process(port) as process, pulling(pulled):
        await until(lambda: pulled.status.fps > 0)
        assert 20 <= pulled.status.fps <= 30
        os.kill(process.pid, signal.SIGSTOP)
        yield pulled, SystemClock().monotonic_s()


def refusing(asked):
    """Answer like a device that takes nobody, and count who came with credentials."""

    def reply(request):
        sequence = request.partition(b"CSeq: ")[2].partition(b"\r\n")[0]
        if request.startswith(b"OPTIONS"):
            return b"RTSP/1.0 200 OK\r\nCSeq: %s\r\n\r\n" % sequence
        if b"Authorization: " in request:
            asked.append(request)
        head = b'RTSP/1.0 401 Unauthorized\r\nCSeq: %s\r\nWWW-Authenticate: Basic realm="x"\r\n\r\n'
        return head % sequence

    return reply


async def test_a_recorder_with_a_changed_password_is_knocked_at_once_for_all_its_channels():
    """Sixteen channels, one account: one attempt in the first seconds, and all say why."""
    asked = []
    async with scripted(refusing(asked)) as port:
        pace = Pace(SystemClock())
        channels = [Pulled(port, camera=f"c{i}", path=f"{i}", pace=pace) for i in range(16)]
        async with pulling(*channels):
            for one in channels:
                await until(lambda one=one: one.status.state is StreamState.REFUSED)
            with pytest.raises(TimeoutError):
                await until(lambda: len(asked) > 1, 1.0)
            assert all("; next attempt at " in one.status.problem for one in channels)
    assert len(asked) == 1


async def test_new_credentials_are_tried_at_once():
    """The wait after a refusal belongs to the old password."""
    asked = []
    async with scripted(refusing(asked)) as port:
        pace = Pace(SystemClock())
        for password in ("old", "new"):
            pulled = Pulled(port, password=password, pace=pace)
            async with pulling(pulled):
                await until(lambda one=pulled: one.status.state is StreamState.REFUSED)
    assert len(asked) == 2


async def test_a_full_recorder_is_asked_again_after_a_while():
    """453: the words say that its sessions are used up; no second attempt for seconds."""
    asked = []

    def reply(request):
        sequence = request.partition(b"CSeq: ")[2].partition(b"\r\n")[0]
        asked.append(request)
        status = b"200 OK" if request.startswith(b"OPTIONS") else b"453 Not Enough Bandwidth"
        return b"RTSP/1.0 %s\r\nCSeq: %s\r\n\r\n" % (status, sequence)

    async with scripted(reply) as port:
        pulled = Pulled(port)
        async with pulling(pulled):
            await until(lambda: "453" in pulled.status.problem)
            count = len(asked)
            with pytest.raises(TimeoutError):
                await until(lambda: len(asked) > count, 2.0)
    assert "limit of sessions" in pulled.status.problem


async def test_a_site_that_comes_back_is_asked_by_a_few_at_a_time():
    """Forty channels behind one address start together: never more than four handshakes there."""
    running = most = 0

    def reply(request):
        nonlocal running, most
        sequence = request.partition(b"CSeq: ")[2].partition(b"\r\n")[0]
        if request.startswith(b"OPTIONS"):
            running += 1
            most = max(most, running)
        if request.startswith(b"DESCRIBE"):
            running -= 1
            return b"RTSP/1.0 404 Not Found\r\nCSeq: %s\r\n\r\n" % sequence
        return b"RTSP/1.0 200 OK\r\nCSeq: %s\r\n\r\n" % sequence

    async with scripted(reply) as port:
        pace = Pace(SystemClock(), Bounds(spacing_s=0.0))
        channels = [Pulled(port, camera=f"c{i}", path=f"{i}", pace=pace) for i in range(40)]
        async with pulling(*channels):
            for one in channels:
                await until(lambda one=one: one.status.state is StreamState.UNSUPPORTED)
    assert 1 < most <= 4


async def test_the_dead_hold_up_nobody():
    """Sixty cameras that do not exist beside one that does: it is live at once."""
    pace = Pace(SystemClock(), Bounds(spacing_s=0.001))
    async with virtual_camera(credentials=USERS) as port:
        nowhere = [Pulled(free_port(), camera=f"d{i}", pace=pace) for i in range(60)]
        alive = Pulled(port, pace=pace)
        async with pulling(*nowhere, alive):
            await until(lambda: alive.status.state is StreamState.LIVE, 2.0)
            await until(lambda: all(one.status.problem for one in nowhere))


async def test_a_configuration_that_only_shows_when_it_is_used_is_told_and_not_a_crash(tmp_path):
    """Authorities' file missing: the camera says what to correct, and the box goes on."""
    async with scripted(b"") as port:
        pulled = Pulled(port, clock=Hasty())
        trust = Trust(ca_file=tmp_path / "absent.pem")
        source = StreamSource("gate", f"rtsps://127.0.0.1:{port}/x", trust=trust)
        feed = CameraFeed(source, pulled.fanout, clock=SystemClock(), on_change=lambda *_: None)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(feed.run())
            await until(lambda: feed.status().state is StreamState.REFUSED)
            assert "absent.pem" in feed.status().problem
            task.cancel()


@pytest.mark.timeout(90)
async def test_a_recorded_file_and_a_motion_jpeg_camera_are_pulled_like_any_other(tmp_path):
    """The scheme of the URL picks the way; the status tells codec, size and rate."""
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(write_mp4(scene(25, gop=25)))

    def reply(_):
        stream = golden("quirk-boundary-with-dashes.multipart")
        return b"HTTP/1.1 200 OK\r\n" + stream

    async with scripted(reply) as port:
        feeds = [
            CameraFeed(
                StreamSource("gate", url),
                Fanout(),
                clock=SystemClock(),
                on_change=lambda *_: None,
            )
            for url in (f"file://{clip}", f"http://127.0.0.1:{port}/video")
        ]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(feed.run()) for feed in feeds]
            await until(lambda: feeds[0].status().fps > 0, 60)
            await until(lambda: feeds[1].status().units >= 3)
            for task in tasks:
                task.cancel()
    recorded, motion = (feed.status() for feed in feeds)
    assert (recorded.codec, recorded.width_px, recorded.height_px) == (Codec.H264, 320, 240)
    assert 20 <= recorded.fps <= 30
    assert (motion.codec, motion.width_px, motion.height_px) == (Codec.JPEG, 64, 48)
