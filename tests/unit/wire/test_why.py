# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.wire.why: it comes back, and nothing else is believed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.alarm import Kind, Why
from gateway.model.errors import WireError
from gateway.wire.why import MOST_METRES, MOST_SECONDS, MOST_TRACK, read_why, why_fields

words = st.from_regex(r"\A[a-z/-]{0,64}\Z")
whys = st.builds(
    Why,
    words,
    st.integers(0, MOST_TRACK - 1),
    st.sampled_from(Kind),
    st.floats(0, MOST_SECONDS).map(lambda one: round(one, 4)),
    st.floats(0, MOST_METRES).map(lambda one: round(one, 4)),
    st.floats(0, 1).map(lambda one: round(one, 4)),
    words,
    words,
)
anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
NAMES = ["Rule", "Track", "Kind", "Seconds", "Metres", "Confidence", "Detail", "Mode"]


@given(whys)
def test_it_comes_back(why: Why) -> None:
    """Through JSON, to four decimals; what is not known is not written."""
    fields = json.loads(json.dumps(why_fields(why)))
    assert read_why(fields) == why
    assert all(fields.values())


@given(anything | st.dictionaries(st.sampled_from(NAMES), anything, max_size=4))
def test_whatever_comes_is_a_reason_or_refused(value: object) -> None:
    """A number out of bounds, a word that is none, another shape: WireError and nothing else."""
    try:
        why = read_why(value)
    except WireError:
        return
    assert 0 <= why.confidence <= 1
    assert len(why.detail) <= 64


def test_a_kind_that_nobody_knows_is_movement() -> None:
    """A newer box may know more kinds; and a line break is in no word."""
    assert read_why({"Kind": "drone"}).kind is Kind.MOVING
    with pytest.raises(WireError, match="Detail"):
        read_why({"Detail": "a\nb"})
    for name, value in (("Seconds", -0.5), ("Confidence", 1.5), ("Metres", float("nan"))):
        with pytest.raises(WireError, match=name):
            read_why({name: value})
