# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the alarm of a hit says of it."""

import pytest

from gateway.model.hit import RULE_HIT, Hit, HitState, read_detail, why_of
from gateway.model.plate import ListKind, Passing


@pytest.mark.parametrize("certain", [True, False])
@pytest.mark.parametrize("passing", [Passing.OUT, None])
def test_kind_direction_lane_and_doubt_travel_in_a_word(certain, passing):
    """What institutes may know of it, too: nothing of the plate."""
    hit = Hit(
        "h", "cam", "varco", "Corsia 1/nord", passing, "e", ListKind.LOCAL, "IT", 0.75, certain, 5,
        HitState.WAITING,
    )  # fmt: skip
    why = why_of(hit)
    assert (why.rule, why.confidence) == (RULE_HIT, 0.75)
    assert read_detail(why.detail) == (ListKind.LOCAL, passing, "Corsia-1-nord", certain)


def test_a_detail_of_another_rule_says_nothing():
    """An older box, or another rule: no list, no direction, no lane."""
    assert read_detail("coperta") == (None, None, "", True)
