# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.scene_port."""

import numpy as np

from gateway.simulator.paint import read_frame_index
from gateway.simulator.scene_pharmacy import INTRUSION_INDEX, Intrusion
from gateway.simulator.scene_port import GUARDED, PortIntrusion, QuietPort
from tests.unit.simulator.pictures import box_px, grey


def test_the_room_is_the_other_way_round_and_its_marks_are_not():
    """The cross shines on the right, and the frame's number can be read."""
    picture, seen = QuietPort().draw(30)
    assert seen == ()
    assert read_frame_index(picture[..., 1]) == 30
    green = (picture[40:-20, :, 1].astype(int) - picture[40:-20, :, 0]) > 90
    assert np.median(np.nonzero(green)[1]) > 640


def test_the_intruder_moves_where_the_truth_says():
    scene = PortIntrusion()
    with_, (seen,) = scene.draw(75)
    without = QuietPort().draw(75)[0]
    assert read_frame_index(with_[..., 1]) == INTRUSION_INDEX + 75
    changed = np.abs(grey(with_) - grey(without))
    left, top, right, bottom = box_px(seen.box)
    assert changed[top:bottom, left:right].mean() > 3 * changed[40:200].mean()
    (other,) = Intrusion().truth(75)
    assert seen.box.left == 1.0 - other.box.right
    assert seen.box.left < seen.box.right


def test_the_guarded_zone_is_the_floor_on_this_side():
    assert {(round(x, 2), y) for x, y in GUARDED} >= {(0.02, 0.97), (0.78, 0.97)}
