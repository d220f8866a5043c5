# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.traffic."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.simulator import traffic
from gateway.simulator.traffic import SOUGHT


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**63 - 1), st.integers(2, 60))
def test_all_plates_differ_and_one_is_sought(seed, count):
    """Another seed draws other cars; no other plate is two misread signs from the sought one."""
    plates = traffic.plates(seed, count)
    assert plates == traffic.plates(seed, count) != traffic.plates(seed + 1, count)
    assert len(set(plates)) == count
    assert all(re.fullmatch("[A-Z]{2}[0-9]{3}[A-Z]{2}", one) for one in plates)
    others = traffic.others(seed, count)
    assert [one for one in plates if one != SOUGHT] == others
    assert len(others) == count - 1
    assert all(sum(a != b for a, b in zip(one, SOUGHT, strict=True)) >= 3 for one in others)


def test_who_looks_like_the_sought_one_does_not_drive(monkeypatch):
    """Two misread signs away is too near, three is far enough."""
    drawn = iter(["GA417XW", "GB418XV", SOUGHT, "GB418XW"])
    monkeypatch.setattr(traffic, "plate_text", lambda _: next(drawn))
    assert traffic.others(1, 2) == ["GB418XW"]


def test_rows_have_everybody_once_in_order():
    """Three abreast; the last row may be shorter."""
    plates = traffic.plates(1, 20)
    rows = traffic.rows(plates)
    assert [one for row in rows for one in row] == plates
    assert [len(row) for row in rows] == [3] * 6 + [2]
