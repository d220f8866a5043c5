# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A net of the user's own in a child, on a net that calls what is bright a person."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from gateway.analytics.detect import DetectReply
from gateway.analytics.detector import Detector
from gateway.analytics.watch import Watch
from gateway.codec.pool import PoolOptions, open_pool
from gateway.codec.protocol import Kind as Word
from gateway.model.alarm import Kind, Observation
from gateway.model.errors import ConfigError, WireError
from gateway.model.registry import Zone
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from tests.footage import scene
from tests.onnx_net import bright_net

EVERYWHERE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """Return the net's file."""
    path = tmp_path / "detector.onnx"
    path.write_bytes(bright_net())
    return path


def jpeg(*bright: tuple[int, int, int, int], size: tuple[int, int] = (512, 256)) -> bytes:
    """Return a dark JPEG (width, height) with bright rectangles: left, top, right, bottom."""
    pixels = np.full((size[1], size[0], 3), 40, np.uint8)
    for left, top, right, bottom in bright:
        pixels[top:bottom, left:right] = 250
    return bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1])


def test_what_is_bright_is_found_where_it_is(net: Path):
    """A picture twice as wide as high keeps its shape; boxes are fractions of it."""
    reply = DetectReply.unpack(Detector(net, 0.5).detect(jpeg((320, 64, 352, 96))))
    (one,) = reply.detections
    assert (one.kind, one.confidence) == (Kind.PERSON, pytest.approx(0.96, abs=0.05))
    assert (one.box.left, one.box.right) == pytest.approx((320 / 512, 352 / 512), abs=0.01)
    assert (one.box.top, one.box.bottom) == pytest.approx((64 / 256, 96 / 256), abs=0.01)
    assert reply.cost_s >= 0


def test_the_surer_of_two_that_overlap_stays(net: Path):
    """The same thing is told once; below the least confidence nothing is."""
    detector = Detector(net, 0.5)
    assert DetectReply.unpack(detector.detect(jpeg())).detections == ()
    assert len(DetectReply.unpack(detector.detect(jpeg((0, 0, 64, 64)))).detections) == 4


def test_files_that_are_no_net_and_nets_that_know_nobody_are_refused(tmp_path: Path):
    """The error names the file and says what is wrong with it."""
    path = tmp_path / "x.onnx"
    with pytest.raises(ConfigError, match="cannot be read"):
        Detector(path, 0.5)
    path.write_bytes(b"no net at all")
    with pytest.raises(ConfigError, match="is no net"):
        Detector(path, 0.5)
    path.write_bytes(bright_net("{0: 'kite'}"))
    with pytest.raises(ConfigError, match="names no class"):
        Detector(path, 0.5)
    path.write_bytes(bright_net("__import__('os')"))
    with pytest.raises(ConfigError, match="no table of classes"):
        Detector(path, 0.5)


def test_what_is_no_picture_is_refused(net: Path):
    """Bytes that are no picture cost the request only."""
    with pytest.raises(WireError):
        Detector(net, 0.5).detect(b"\xff\xd8 and no more")


async def test_a_track_gets_its_name_in_the_cage(net: Path):
    """Real children: one looks, one names, with its cage closed; the rules are told a person."""
    seen: list[Observation] = []

    async def note(observation: Observation) -> None:
        seen.append(observation)

    command = (sys.executable, "-m", "gateway", "child", "--detector", str(net), "--least", "0.5")
    clock, named = SystemClock(), PoolOptions(command, spares=0, address_bytes=8 << 30)
    async with (
        open_pool(1, clock=clock, options=PoolOptions(spares=0)) as looking,
        open_pool(1, clock=clock, options=named) as naming,
    ):
        assert DetectReply.unpack(
            await naming.call("", Word.DETECT, jpeg((0, 0, 32, 32)), timeout_s=20)
        ).detections
        watch = Watch(
            "cam", [Zone("z", "z", "cam", EVERYWHERE)], Fanout(), looking, clock=clock,
            on_observation=note, detector=naming,
        )  # fmt: skip
        for unit in scene(130, gop=25, visits=range(60, 130)):
            await watch.take(unit)
        await watch.finish()
    tracks = [track for one in seen for track in one.tracks]
    assert tracks
    assert {track.kind for track in tracks} == {Kind.PERSON}
    assert min(track.confidence for track in tracks) > 0.5


async def test_without_an_answer_it_stays_a_movement():
    """A detector that fails silences nothing: what moves is reported, without a name."""
    seen: list[Observation] = []

    async def note(observation: Observation) -> None:
        seen.append(observation)

    clock = SystemClock()
    async with open_pool(1, clock=clock, options=PoolOptions(spares=0)) as looking:
        watch = Watch(
            "cam", [Zone("z", "z", "cam", EVERYWHERE)], Fanout(), looking, clock=clock,
            on_observation=note, detector=looking,
        )  # fmt: skip
        for unit in scene(130, gop=25, visits=range(60, 130)):
            await watch.take(unit)
        await watch.finish()
    assert {track.kind for one in seen for track in one.tracks} == {Kind.MOVING}
    assert watch.statistics().failures == 0
