# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.ops.clockwatch."""

import pytest

from gateway.model.time import ClockQuality
from gateway.ops.clockwatch import BLOCK_S, WARN_S, ClockLevel, judge_offset

FINE = ClockQuality.SYNCHRONISED


@pytest.mark.parametrize(
    ("offset_s", "level", "may_seal"),
    [
        (0.0, ClockLevel.FINE, True),
        (-WARN_S, ClockLevel.FINE, True),
        (WARN_S + 0.01, ClockLevel.WARN, True),
        (-BLOCK_S, ClockLevel.WARN, True),
        (BLOCK_S + 0.01, ClockLevel.BLOCK, False),
        (-3e8, ClockLevel.BLOCK, False),
        (None, ClockLevel.UNKNOWN, True),
    ],
)
def test_offsets_warn_above_one_second_and_block_above_five(offset_s, level, may_seal):
    """B-57, at its bounds and on both sides of zero."""
    verdict = judge_offset(offset_s, FINE)
    assert (verdict.level, verdict.may_seal) == (level, may_seal)


def test_our_own_clock_is_blamed_when_it_is_ours():
    """An unsynchronised box says so and accuses no camera, however far the two are apart."""
    verdict = judge_offset(4000.0, ClockQuality.UNSYNCHRONISED)
    assert (verdict.level, verdict.may_seal) == (ClockLevel.OURS, False)
    assert "questo apparato" in verdict.text_it
    assert "own clock" in verdict.text_en


def test_an_exercise_is_no_problem_and_no_evidence():
    """The simulator's clock is never judged and never sealed."""
    verdict = judge_offset(4000.0, ClockQuality.EXERCISE)
    assert not verdict.is_problem
    assert not verdict.may_seal


@pytest.mark.parametrize(
    ("offset_s", "italian", "english"),
    [
        (2.44, "avanti di 2,4 s", "fast by 2.4 s"),
        (-119, "indietro di 119,0 s", "slow by 119.0 s"),
        (-180, "indietro di 3 minuti", "slow by 3 minutes"),
        (7200, "avanti di 2 ore", "fast by 2 hours"),
        (-412 * 86400, "indietro di 412 giorni", "slow by 412 days"),
    ],
)
def test_people_read_how_far_and_which_way(offset_s, italian, english):
    """Units that fit, in both languages."""
    verdict = judge_offset(offset_s, FINE)
    assert italian in verdict.text_it
    assert english in verdict.text_en
