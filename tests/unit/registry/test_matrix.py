# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a line of the access matrix opens wider than any line before it."""

from dataclasses import replace
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.registry import ArmedHours, Permit, Role
from gateway.registry.entities import assemble, flatten, key_of
from gateway.registry.matrix import covers, covers_hours, opened
from tests.unit.registry.worlds import small

DAY = ArmedHours(time(8), time(20))
LINE = Permit(
    "turno", Role.PL_OPERATOR, ("live",), ("servizio",), ("sala",), ("farmacia",), ("banco",),
    (DAY,), four_eyes=True, act="patto",
)  # fmt: skip
BUILT_IN = (Permit("pl", Role.PL_OPERATOR, ("live",), ("servizio", "allarme")),)


def world(*lines):
    return assemble(1, flatten(small()) | {key_of(one): one for one in lines})


def subjects(before, after, built_in=()):
    found = list(opened(world(*before), world(*after), built_in))
    return [(one.camera, one.controllers) for one in found]


@pytest.mark.parametrize(
    "change",
    [
        {"hours": ()},
        {"hours": (ArmedHours(time(7), time(20)),)},
        {"hours": (ArmedHours(time(20), time(8)),)},
        {"four_eyes": False},
        {"act": ""},
        {"act": "altro"},
        {"cameras": ()},
        {"organisations": ()},
        {"organisations": ("sala", "farmacia")},
        {"controllers": ()},
        {"actions": ()},
        {"actions": ("live", "recorded")},
        {"purposes": ()},
        {"purposes": ("allarme",)},
        {"role": Role.PS_OPERATOR},
    ],
)
def test_what_is_wider_is_seen(change):
    """Each field by itself, in the direction that opens; back it is free."""
    wide = replace(LINE, **change)
    assert not covers(LINE, wide)
    assert subjects([LINE], [wide])
    if change.get("act") != "altro" and "role" not in change and change.get("purposes") is None:
        narrower = covers(wide, LINE)
        assert narrower or "hours" in change


def test_what_is_the_same_or_less_is_free():
    """Another id, fewer hours, a line taken away while another of the role stays."""
    assert subjects([LINE], [replace(LINE, id="altra")]) == []
    assert subjects([LINE], [replace(LINE, hours=(ArmedHours(time(9), time(10)),))]) == []
    assert subjects([LINE, replace(LINE, id="b")], [LINE]) == []
    wide = replace(LINE, four_eyes=False, hours=(), act="")
    assert subjects([wide], [LINE]) == []


def test_the_built_in_lines_of_a_role_count_until_it_has_its_own():
    """A first own line is measured by them, and taking the last own one away brings them back."""
    plain = replace(
        LINE, organisations=(), controllers=(), cameras=(), hours=(), four_eyes=False, act=""
    )
    assert subjects([], [LINE], BUILT_IN) == []
    assert subjects([], [plain], BUILT_IN) == []
    assert subjects([], [replace(plain, actions=("recorded",))], BUILT_IN)
    assert subjects([LINE], [], BUILT_IN) == [("", ("farmacia",))]


def test_whose_consent_it_needs():
    """The camera's owner, the controllers named, or all."""
    assert subjects([], [LINE]) == [("banco", ("farmacia",))]
    assert subjects([], [replace(LINE, cameras=())]) == [("", ("farmacia",))]
    assert subjects([], [replace(LINE, cameras=(), controllers=())]) == [("", ("farmacia",))]


def test_who_read_one_line_has_not_read_another():
    """The same id with more in it has to be approved again."""
    (one,) = opened(world(), world(LINE), ())
    (other,) = opened(world(), world(replace(LINE, four_eyes=False)), ())
    assert one.within([one])
    assert not other.within([one])


clocks = st.times(time(0), time(23, 59)).map(lambda one: one.replace(microsecond=0))
spans = st.lists(
    st.tuples(clocks, clocks).filter(lambda pair: pair[0] != pair[1]).map(
        lambda pair: ArmedHours(*pair)
    ),
    max_size=3,
)  # fmt: skip


def inside(hours, second):
    """An oracle, second by second."""
    if not hours:
        return True
    at = lambda clock: clock.hour * 3600 + clock.minute * 60 + clock.second  # noqa: E731 - short
    return any(
        at(one.since) <= second < at(one.until)
        if one.since < one.until
        else second >= at(one.since) or second < at(one.until)
        for one in hours
    )


@given(old=spans, new=spans, more=st.lists(st.integers(0, 86_399), max_size=20))
def test_hours_hold_others_as_the_clock_says(old, new, more):
    """Tested at every border and somewhere between."""
    borders = {
        clock.hour * 3600 + clock.minute * 60 + clock.second
        for one in (*old, *new)
        for clock in (one.since, one.until)
    }
    points = {0, 86_399, *more, *borders, *(max(0, one - 1) for one in borders)}
    expected = all(inside(old, one) for one in points if inside(new, one))
    assert covers_hours(old, new) is expected
