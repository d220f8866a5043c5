# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.truth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.alarm import Box
from gateway.model.errors import WireError
from gateway.simulator.truth import (
    Direction,
    Kind,
    Passage,
    PlateSeen,
    Seen,
    Truth,
    from_json,
    to_json,
)

share = st.floats(0, 1)
boxes = st.builds(Box, share, share, share, share)
plates = st.builds(
    PlateSeen, st.text("ABC123", max_size=7), st.sampled_from(Direction), boxes,
    st.floats(0, 100), st.booleans(),
)  # fmt: skip
things = st.builds(Seen, st.sampled_from(Kind), st.text(max_size=9), boxes, st.none() | plates)
truths = st.builds(Truth, st.lists(st.lists(things, max_size=3).map(tuple), max_size=5).map(tuple))
BOX = Box(0.1, 0.2, 0.3, 0.4)


@given(truths)
def test_json_brings_back_the_same_truth(truth):
    """Nothing is lost between to_json and from_json, not even the last bit of a fraction."""
    assert from_json(to_json(truth)) == truth


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b"[]", b"{}", b'{"pictures": 3}', b'{"pictures": [[{"kind": "auto"}]]}',
     b'{"pictures": [[{"kind": "ufo", "name": "x", "box": {}, "plate": null}]]}'],
)  # fmt: skip
def test_other_bytes_are_refused(data):
    """What is not the truth of a clip is a WireError."""
    with pytest.raises(WireError, match="truth"):
        from_json(data)


def sight(text, height_px, *, whole=True, direction=Direction.IN):
    return Seen(Kind.CAR, text, BOX, PlateSeen(text, direction, BOX, height_px, whole))


def test_a_passage_spans_the_pictures_in_which_its_plate_can_be_read():
    """Low and covered plates do not count; walkers have none."""
    walker = Seen(Kind.WALKER, "pedone-1", BOX)
    pictures = (
        (walker, sight("AA", 10.0)),
        (sight("AA", 16.0),),
        (sight("AA", 18.0), sight("BB", 20.0, whole=False)),
        (sight("AA", 21.0),),
        (sight("AA", 25.0, whole=False),),
    )
    assert Truth(pictures).passages() == (Passage("AA", Direction.IN, 1, 3, 21.0),)


def test_a_passage_may_go_over_the_end_of_the_loop():
    """Then it begins late and ends early."""
    pictures = ((sight("AA", 20.0),), (), (), (sight("AA", 17.0),), (sight("AA", 18.0),))
    assert Truth(pictures).passages() == (Passage("AA", Direction.IN, 3, 0, 20.0),)
