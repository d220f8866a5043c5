# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.scene_pharmacy."""

import cv2
import numpy as np
import pytest

from gateway.simulator.clips import paint_part
from gateway.simulator.paint import read_frame_index
from gateway.simulator.scene_pharmacy import (
    FPS,
    FRAMES,
    GUARDED,
    INTRUSION_INDEX,
    Intrusion,
    QuietPharmacy,
)
from gateway.simulator.truth import Kind
from tests.unit.simulator.pictures import box_px, decoded, grey


@pytest.fixture(scope="module")
def quiet():
    return QuietPharmacy()


@pytest.fixture(scope="module")
def intrusion():
    return Intrusion()


def guarded():
    mask = np.zeros((720, 1280), np.uint8)
    corners = np.round(np.array(GUARDED) * (1280, 720)).astype(np.int32)
    return cv2.fillPoly(mask, [corners], 255) > 0


def test_nothing_moves_in_the_guarded_zone_when_it_is_quiet(quiet):
    """All night long the zone shows only noise, while the cross outside runs."""
    zone, first = guarded(), cv2.GaussianBlur(quiet.draw(0)[0], (9, 9), 0)
    for index in range(5, FRAMES, 25):
        picture, seen = quiet.draw(index)
        assert seen == ()
        calm = np.abs(grey(cv2.GaussianBlur(picture, (9, 9), 0)) - grey(first))
        assert np.percentile(calm[zone], 99.9) < 6
    assert (np.abs(grey(quiet.draw(0)[0]) - grey(quiet.draw(5)[0])) > 30).sum() > 100


def test_the_room_is_dim_and_the_cross_is_green(quiet):
    """After closing time the mean is low, yet the cross is bright green."""
    picture = quiet.draw(0)[0]
    assert 15 < grey(picture[40:-20]).mean() < 75
    green = (picture[..., 1] > 180) & (picture[..., 0] < 160)
    assert green.sum() > 150


def test_the_intruder_is_in_the_zone_within_a_second_and_gone_at_the_end(intrusion):
    """The truth names one intruder from the first second on, and none at both ends."""
    there = [bool(intrusion.truth(index)) for index in range(FRAMES)]
    assert not there[0]
    assert not there[-1]
    assert there.index(True) <= FPS
    assert sum(there) > 9 * FPS
    zone = guarded()
    for index in range(2 * FPS, 11 * FPS, 7):
        (seen,) = intrusion.truth(index)
        assert seen.kind is Kind.INTRUDER
        left, top, right, bottom = box_px(seen.box)
        assert zone[top:bottom, left:right].mean() > 0.5


def test_the_zone_changes_as_soon_as_the_torch_is_there(intrusion, quiet):
    """Within a second a good part of the guarded zone differs from the quiet picture."""
    zone, still = guarded(), grey(quiet.draw(FPS)[0])
    changed = np.abs(grey(intrusion.draw(FPS)[0]) - still) > 20
    assert changed[zone].mean() > 0.01


@pytest.mark.parametrize("index", [60, 100, 130, 150])
def test_the_box_is_where_the_intruder_is(intrusion, quiet, index):
    """A torch only brightens: what got darker, beside the door, is in the box or its shadow."""
    picture, (seen,) = intrusion.draw(index)
    darker = grey(quiet.draw(index)[0]) - grey(picture) > 12
    left, top, right, bottom = box_px(seen.box)
    assert darker[top:bottom, left:right].mean() > 0.05
    darker[top - 6 : bottom + 40, left - 60 : right + 60] = False
    darker[-16:, :256] = False
    darker[:, 785:905] = False
    assert darker.sum() < 60


def test_both_clips_meet_without_a_jump(intrusion, quiet):
    """Begin and end of the intrusion look like the quiet room, whose loop is seamless."""
    first, last = grey(quiet.draw(0)[0]), grey(quiet.draw(FRAMES - 1)[0])
    assert np.abs(first - last).mean() < 2.5
    for index in (0, FRAMES - 1):
        assert np.abs(grey(intrusion.draw(index)[0]) - first).mean() < 2.5


def test_the_strip_tells_the_clips_apart(quiet):
    """The quiet loop counts from 0, the intrusion from 2000, also after coding."""
    packed = paint_part(Intrusion, 0, FPS).units
    numbers = [read_frame_index(luma) for luma in decoded(packed)]
    assert numbers == list(range(INTRUSION_INDEX, INTRUSION_INDEX + FPS))
    assert read_frame_index(grey(quiet.draw(7)[0]).astype(np.uint8)) == 7
