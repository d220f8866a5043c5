# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One look at a plate: crops, our reader, and later the second one."""

import numpy as np
import pytest

from gateway.analytics.plates import sighting
from gateway.analytics.plates.find import boxed
from gateway.analytics.plates.models import Models
from tests.unit.analytics.plates.nets import scene, tools


def test_the_second_reader_sees_only_what_is_escalated():
    """Then both have read, ours all crops."""
    picture, box = scene("AB123CD")
    one = sighting.look_at(tools().models, picture, boxed(box))
    assert one.seconds == ()
    assert {reading.way for reading in one.readings} == {"close", "loose"}
    more = sighting.escalate(tools().models, one)
    assert [reading.way for reading in more.seconds] == ["loose", "wide"]
    assert len(more.readings) == len(more.crops) > len(one.readings)
    assert all(crop.gray.flags.writeable for crop in more.crops)


def test_without_a_second_reader_there_are_no_second_readings():
    """Ours still reads every crop."""
    models = tools().models
    alone = Models(models.finder, models.reader, None)
    picture, box = scene("AB123CD")
    one = sighting.escalate(alone, sighting.look_at(alone, picture, boxed(box)))
    assert one.seconds == ()
    assert len(one.readings) == len(one.crops)


def test_a_sharp_and_near_plate_is_sharper():
    """Than the same one blurred; nothing is as sharp as zero."""
    import cv2

    picture, box = scene("AB123CD")
    sharp = sighting.look_at(tools().models, picture, boxed(box)).sharpness
    blurred = cv2.GaussianBlur(picture, (0, 0), 3)
    assert sharp > 2 * sighting.look_at(tools().models, blurred, boxed(box)).sharpness
    tiny = sighting.look_at(tools().models, picture, boxed((5.0, 5.0, 8.0, 7.0)))
    assert (tiny.crops, tiny.readings, tiny.sharpness) == ((), (), 0.0)


@pytest.mark.parametrize("shape", [(0, 0, 3), (3, 3), (40, 40)])
def test_small_pictures_hold_nothing(shape):
    """Nothing is raised."""
    sightings = sighting.look(tools().models, np.zeros(shape, np.uint8))
    assert all(len(one.crops) <= 4 for one in sightings)
