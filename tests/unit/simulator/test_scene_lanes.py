# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.scene_lanes."""

import numpy as np
import pytest

from gateway.analytics.geometry import contains
from gateway.analytics.plates import eyes
from gateway.codec.encode import Encoder
from gateway.simulator.clips import BITRATE_KBPS
from gateway.simulator.paint import HEIGHT, STRIP_BLOCK_PX, WIDTH, read_frame_index
from gateway.simulator.scene_lanes import FPS, LANES, LINES, STEPS, QuietLanes, Rush

PLATES = ("FX512WA", "GB094XN", "EH264KP")


@pytest.fixture(scope="module")
def rush():
    return Rush()


def test_a_row_joins_the_stream_of_the_empty_road(rush):
    """The same parameter sets, a key picture first; every picture carries its marks."""
    encoder = Encoder(WIDTH, HEIGHT, FPS, FPS, BITRATE_KBPS)
    quiet = encoder.encode(QuietLanes().draw(0)[0]) + encoder.flush()
    coded = rush.coded(0, PLATES[:1])
    assert len(coded) == STEPS
    assert coded[0][:2] == quiet[0][:2]
    assert [any(nal[0] & 31 == 5 for nal in one) for one in coded] == [True] + [False] * 15
    for number, picture in enumerate(rush.pictures(2, PLATES[:1])):
        assert read_frame_index(picture.mean(axis=2).astype(np.uint8)) == 2 * STEPS + number


def test_every_plate_of_a_row_can_be_read_and_crosses_its_own_line(rush):
    """Found and read right with certainty near the camera; each goes over one line, from above."""
    look = eyes.load("")
    crossed = {}
    for picture in rush.pictures(1, PLATES)[::3]:
        pixels = np.ascontiguousarray(picture[..., ::-1])
        for spot in look.find(pixels):
            seen = look.read(pixels, spot)
            read = look.decide([seen]) if seen is not None else None
            middle = ((spot.left + spot.right) / 2 / WIDTH, (spot.top + spot.bottom) / 2 / HEIGHT)
            lanes = [at for at, lane in enumerate(LANES) if contains(lane, middle)]
            if read is not None and read.certain:
                assert read.text in PLATES
                crossed.setdefault(read.text, []).append((lanes, middle[1]))
    assert set(crossed) == set(PLATES)
    for number, plate in enumerate(PLATES):
        inside = [y for lanes, y in crossed[plate] if lanes == [number]]
        assert inside[0] < LINES[number][0][1] < inside[-1]
        assert inside == sorted(inside)


def test_lanes_spare_what_is_burned_in():
    """Neither banner nor strip lies in a lane."""
    assert all(0.1 < y < 1 - STRIP_BLOCK_PX / HEIGHT for lane in LANES for _, y in lane)


def test_nothing_moves_on_the_empty_road():
    """Only the frame counter differs: a watch has nothing to wake for."""
    quiet = QuietLanes()
    (first, nobody), (second, _) = quiet.draw(0), quiet.draw(7)
    assert nobody == ()
    assert np.array_equal(first[: HEIGHT - STRIP_BLOCK_PX], second[: HEIGHT - STRIP_BLOCK_PX])
