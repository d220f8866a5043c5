# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Motion against hand-drawn truth: CDnet 2014, sequence *highway*."""

import cv2
import numpy as np

from gateway.analytics.motion import MotionModel
from tests.footage import MOTION, need

UNKNOWN = (85, 170)
MOVING = 255
FIRST_JUDGED = 470


def test_motion_finds_the_cars_of_the_highway() -> None:
    """Pixel F-measure of at least 0.80 (0.90 measured) over frames 470-1700, no false scene."""
    folder = need(MOTION / "cdnet_highway")
    model = MotionModel()
    hits = false = missed = scenes = 0
    pictures = sorted((folder / "input").glob("*.jpg"))
    truths = sorted((folder / "groundtruth").glob("*.png"))
    assert len(pictures) == len(truths) == 1700
    for number, (picture, truth) in enumerate(zip(pictures, truths, strict=True)):
        motion = model.step(cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE), 0.04)
        scenes += motion.scene_changed
        if number < FIRST_JUDGED:
            continue
        drawn = cv2.imread(str(truth), cv2.IMREAD_GRAYSCALE)
        judged = ~np.isin(drawn, UNKNOWN)
        found, there = (motion.moving > 0) & judged, (drawn == MOVING) & judged
        hits += np.count_nonzero(found & there)
        false += np.count_nonzero(found & ~there)
        missed += np.count_nonzero(~found & there)
    measure = 2 * hits / (2 * hits + false + missed)
    assert measure >= 0.80, measure
    assert scenes == 0
