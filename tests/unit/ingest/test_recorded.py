# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.ingest.recorded, with the real child in its cage."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from gateway.codec.mp4 import write_mp4
from gateway.ingest.recorded import RecordedSession
from gateway.ingest.source import Sink, StreamSource
from gateway.model.errors import PeerError
from gateway.model.media import Codec
from gateway.model.time import ClockQuality
from gateway.runtime.clock import SystemClock
from gateway.wire.sdp import UnusableStreamError
from tests.footage import decoded, scene


@pytest.fixture
def clip(tmp_path):
    """A second of pictures in a file with a space in its name."""
    path = tmp_path / "a clip.mp4"
    path.write_bytes(write_mp4(scene(25, gop=25, visits=range(25))))
    return path


class Played:
    """A session and what it published."""

    def __init__(self, path):
        self.units, self.playing = [], 0
        sink = Sink(self.units.append, lambda _: None, self._on_playing)
        url = "file://" + str(path).replace(" ", "%20")
        self.session = RecordedSession(StreamSource("gate", url), sink, clock=SystemClock())

    def _on_playing(self):
        self.playing += 1


def children():
    """Return the processes that this one has started."""
    return {
        pid
        for file in Path("/proc/self/task").glob("*/children")
        for pid in file.read_text().split()
    }


@contextlib.asynccontextmanager
async def playing(played, count):
    """Play until so many units came; ends with the block."""
    task = asyncio.create_task(played.session.run())
    try:
        async with asyncio.timeout(60):
            while len(played.units) < count and not task.done():
                await asyncio.sleep(0.01)
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.timeout(90)
async def test_a_file_plays_like_a_camera_over_and_over(clip):
    """In real time, across its end, the pixels that were recorded; never evidence."""
    played, before = Played(clip), children()
    async with playing(played, 40):
        assert played.playing == 1
        assert len(children() - before) == 1
        found = played.session.statistics()
        assert (found.codec, found.size_px, found.transport) == (Codec.H264, (320, 240), "file")
    assert children() - before == set()
    units = played.units
    assert units[25].is_key
    assert [unit.pts_90k for unit in units[:40]] == [3600 * n for n in range(40)]
    assert all(unit.captured.quality is ClockQuality.EXERCISE for unit in units)
    for ours, theirs in zip(
        decoded(units[:25]), decoded(scene(25, gop=25, visits=range(25))), strict=True
    ):
        assert np.array_equal(ours, theirs)
    took_s = units[39].received.monotonic_s - units[0].received.monotonic_s
    assert 39 / 25 - 0.1 < took_s < 39 / 25 + 1.0


@pytest.mark.timeout(90)
@pytest.mark.parametrize(
    ("content", "words"), [(None, "cannot be read: No such file"), (b"no video", "cannot be read")]
)
async def test_what_cannot_be_played_is_explained(tmp_path, content, words):
    """The child's reason with the file's name, not its folder."""
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    before = children()
    with pytest.raises(UnusableStreamError, match=f"file clip.mp4: {words}") as caught:
        await Played(path).session.run()
    assert str(tmp_path) not in str(caught.value)
    assert children() - before == set()


@pytest.mark.timeout(90)
async def test_a_child_that_dies_ends_the_session(clip):
    """Killed from outside: an error that is retried, not a hang."""
    played, before = Played(clip), children()
    task = asyncio.create_task(played.session.run())
    async with asyncio.timeout(60):
        while not played.units:
            await asyncio.sleep(0.01)
    (pid,) = children() - before
    os.kill(int(pid), signal.SIGKILL)
    with pytest.raises(PeerError, match="the child that reads it ended"):
        async with asyncio.timeout(30):
            await task
