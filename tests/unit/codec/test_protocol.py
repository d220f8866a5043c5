# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Fields between the gateway and a child."""

import struct
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codec.protocol import MOST_CORNERS, Cursor, Pen
from gateway.model.errors import WireError

SHARES = st.floats(0, 1, width=32)
POLYGONS = st.lists(
    st.lists(st.tuples(SHARES, SHARES), min_size=3, max_size=MOST_CORNERS), max_size=5
)


@given(st.text(max_size=200), POLYGONS, st.binary(max_size=50))
def test_fields_come_back(text: str, polygons: list, rest: bytes) -> None:
    """A cursor reads exactly what a pen wrote."""
    data = Pen().text(text).polygons(polygons).fields("H", 640).rest(rest).bytes()
    cursor = Cursor(data)
    assert cursor.text() == text
    assert cursor.polygons() == polygons
    assert cursor.whole("H") == 640
    assert cursor.rest() == rest
    cursor.end()


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Arbitrary bytes give polygons inside the picture or a WireError, never anything else."""
    cursor = Cursor(data)
    try:
        cursor.text()
        polygons = cursor.polygons()
    except WireError:
        return
    assert all(0 <= x <= 1 and 0 <= y <= 1 for polygon in polygons for x, y in polygon)


@pytest.mark.parametrize(
    "data",
    [
        Pen().polygon([(0, 0), (1, 1)]).bytes(),
        Pen().polygon([(0, 0), (1, 1), (1.5, 0)]).bytes(),
        Pen().polygon([(0, 0), (1, 1), (float("nan"), 0)]).bytes(),
        Pen().polygon([(0, 0)] * (MOST_CORNERS + 1)).bytes(),
        struct.pack("!H", 3),
    ],
)
def test_an_impossible_polygon_is_refused(data: bytes) -> None:
    """Two corners, a corner outside, a NaN, too many corners, or none at all: no mask is made."""
    with pytest.raises(WireError):
        Cursor(data).polygon()


def test_left_over_bytes_are_refused() -> None:
    """A message that goes on after its last field is not ours."""
    cursor = Cursor(b"\0\1\2")
    cursor.whole("H")
    with pytest.raises(WireError, match="1 bytes too many"):
        cursor.end()


def test_the_gateway_side_loads_no_decoder() -> None:
    """What the gateway process imports of codec and analytics loads neither av, cv2 nor numpy."""
    modules = ("codec.pool", "codec.jpeg", "codec.mux", "analytics.watch", "analytics.rules")
    lines = [f"import gateway.{module}" for module in modules]
    lines.append("import sys; print(sorted({'av', 'cv2', 'numpy'} & set(sys.modules)))")
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, check=True, text=True
    )
    assert done.stdout.strip() == "[]"
