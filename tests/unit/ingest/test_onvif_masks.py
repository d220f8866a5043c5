# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Mask polygons between two coordinate systems."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ingest import onvif_masks
from gateway.ingest.onvif_masks import MaskLimits
from gateway.ingest.onvif_model import CameraMask, MaskKind
from gateway.model.errors import PeerError

FRACTION = st.floats(0, 1, allow_subnormal=False)
POLYGON = st.lists(st.tuples(FRACTION, FRACTION), min_size=3, max_size=8)
SQUARE = ((0.1, 0.2), (0.6, 0.2), (0.6, 0.7), (0.1, 0.7))
EVERYTHING = MaskLimits(8, 16, tuple(MaskKind))


def test_the_corners_of_the_picture_map_to_the_corners_of_onvif():
    """Top left is -1, 1 and bottom right is 1, -1 (Media2 §5.3.9)."""
    assert onvif_masks.to_onvif([(0, 0), (1, 1), (0.5, 0.5)]) == ((-1, 1), (1, -1), (0, 0))


@given(POLYGON)
def test_there_and_back_is_the_same(polygon):
    """A polygon survives the way to the device and back."""
    back = onvif_masks.from_onvif(onvif_masks.to_onvif(polygon))
    for (ax, ay), (bx, by) in zip(polygon, back, strict=True):
        assert ax == pytest.approx(bx, abs=1e-9)
        assert ay == pytest.approx(by, abs=1e-9)


def test_what_lies_outside_is_cut_to_the_picture():
    """A device that tells coordinates outside its picture gives no coordinates outside ours."""
    assert onvif_masks.from_onvif([(-9, 9), (9, -9), (0, 0)])[:2] == ((0.0, 0.0), (1.0, 1.0))


@given(POLYGON, st.integers(0, 7), st.booleans(), st.floats(-0.01, 0.01))
def test_a_turned_or_rounded_polygon_is_the_same(polygon, turn, backwards, drift):
    """Devices may start at another corner, go the other way round and round to their grid."""
    turn %= len(polygon)
    other = [(x + drift, y - drift) for x, y in polygon[turn:] + polygon[:turn]]
    other = tuple(other[::-1] if backwards else other)
    assert onvif_masks.same(CameraMask("", tuple(polygon)), CameraMask("m", other))


def test_a_moved_mask_is_not_the_same():
    """A mask elsewhere, off, or of another kind is not what was set."""
    wanted = CameraMask("", SQUARE)
    moved = tuple((x + 0.1, y) for x, y in SQUARE)
    assert not onvif_masks.same(wanted, CameraMask("", moved))
    assert not onvif_masks.same(wanted, CameraMask("", SQUARE[:3]))
    assert not onvif_masks.same(wanted, CameraMask("", SQUARE, enabled=False))
    assert not onvif_masks.same(wanted, CameraMask("", SQUARE, kind=MaskKind.BLURRED))


def test_rectangles_are_told_apart():
    """Only four corners with upright sides make a rectangle."""
    assert onvif_masks.is_rectangle(SQUARE)
    assert onvif_masks.is_rectangle(SQUARE[2:] + SQUARE[:2])
    assert not onvif_masks.is_rectangle((SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]))
    assert not onvif_masks.is_rectangle(SQUARE[:3])
    assert not onvif_masks.is_rectangle(((0, 0), (0.5, 0.1), (0.5, 0.5), (0, 0.5)))


@pytest.mark.parametrize("polygon", [SQUARE[:2], ((0, 0), (1.1, 0), (0, 1)), ()])
def test_what_is_no_area_of_the_picture_is_refused(polygon):
    """A mask is three or more points inside the picture."""
    with pytest.raises(PeerError, match="three or more points"):
        onvif_masks.check([CameraMask("", polygon)], EVERYTHING)
