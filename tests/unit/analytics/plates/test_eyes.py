# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The nets as the gatekeeper needs them, on drawn pictures with a known plate."""

import numpy as np
import pytest

from gateway.analytics.plates.eyes import load
from gateway.analytics.plates.gatekeeper import Spot
from gateway.model.errors import ConfigError
from tests.unit.analytics.plates.nets import folder, scene


@pytest.fixture(scope="module")
def eyes():
    """Every net, loaded once and used once."""
    return load(str(folder()))


def test_a_plate_is_found_read_and_decided(eyes):
    """The spot lies on the plate; both readers agree about what stands there."""
    picture, box = scene("FX482GT")
    spot = next(iter(eyes.find(picture)))
    middle = (spot.left + spot.right) / 2, (spot.top + spot.bottom) / 2
    assert box[0] < middle[0] < box[2]
    assert box[1] < middle[1] < box[3]
    read = eyes.decide([eyes.read(picture, spot)])
    assert read.text == "FX482GT"
    assert read.confidence > 0.5


def test_without_a_second_reader_nothing_is_certain():
    """One reader alone may be wrong with confidence."""
    eyes = load(str(folder()), second=False)
    picture, _ = scene("FX482GT")
    spot = next(iter(eyes.find(picture)))
    assert not eyes.decide([eyes.read(picture, spot)]).certain


def test_what_is_too_small_is_no_look_and_nothing_says_nothing(eyes):
    """A spot without room for signs is passed over; no look makes no text."""
    grey = np.full((48, 96, 3), 128, np.uint8)
    found = eyes.find(grey)
    assert len(found) == 0
    assert eyes.decide([]).text == ""


def test_a_folder_without_nets_is_named(tmp_path):
    """The error says which file is missing."""
    with pytest.raises(ConfigError, match=str(tmp_path)):
        load(str(tmp_path))


def test_a_spot_keeps_what_the_finder_said(eyes):
    """What is read later is read where it was found."""
    picture, _ = scene("FX482GT")
    assert all(isinstance(one, Spot) and one.found is not None for one in eyes.find(picture))
