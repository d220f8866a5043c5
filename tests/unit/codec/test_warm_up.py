# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a child does before its cage closes."""

from gateway.codec.protocol import Kind
from gateway.codec.warm_up import grey_units, warm_up
from tests.footage import decoded


def test_the_tiny_stream_is_a_real_one() -> None:
    """It begins with a key unit and decodes to as many pictures as asked for."""
    units = grey_units(3)
    assert units[0].is_key
    assert len(decoded(units)) == 3


def test_every_kind_is_tried_and_none_may_fail() -> None:
    """Each handler is called with a request that it can answer; its error is not swallowed."""
    called = []
    table = {kind: lambda _, kind=kind: called.append(kind) or b"" for kind in Kind}
    warm_up(table, b"look")
    assert set(called) == {Kind.LOOK, Kind.STILL, Kind.CLIP, Kind.RECODE}
