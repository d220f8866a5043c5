# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Names of tracks by votes."""

from gateway.analytics.detect import Detection
from gateway.analytics.naming import AGAIN_S, ENOUGH, IN_VAIN, MOST_TRACKS, Naming
from gateway.model.alarm import Box, Kind, Track

LEGS = Track(7, Box(0.4, 0.5, 0.45, 0.7), confidence=0.9)
BODY = Box(0.38, 0.2, 0.47, 0.72)


def person(confidence: float = 0.8, box: Box = BODY) -> Detection:
    """Return a person detected."""
    return Detection(Kind.PERSON, confidence, box)


def test_a_part_that_moves_has_the_name_of_the_whole():
    """Of somebody who walks often only the legs move; what lies elsewhere names nothing."""
    naming = Naming()
    naming.learn([LEGS], [Detection(Kind.VEHICLE, 0.99, Box(0.6, 0.2, 0.9, 0.7)), person()], 1.0)
    assert (naming.named(LEGS).kind, naming.named(LEGS).confidence) == (Kind.PERSON, 0.8)
    other = Track(8, Box(0.0, 0.5, 0.05, 0.7))
    assert naming.named(other) is other


def test_votes_outweigh_a_slip():
    """One picture in which a net errs does not turn a person into a vehicle."""
    naming = Naming()
    for kind, confidence in ((Kind.VEHICLE, 0.6), (Kind.PERSON, 0.5), (Kind.PERSON, 0.7)):
        naming.learn([LEGS], [Detection(kind, confidence, BODY)], 1.0)
    assert naming.named(LEGS).kind is Kind.PERSON


def test_nobody_is_asked_for_ever():
    """Asked again after a while, until it was named often enough, or looked for in vain."""
    naming = Naming()
    assert naming.settled(0.0) == ()
    naming.learn([LEGS], [], 1.0)
    assert naming.settled(1.0 + AGAIN_S / 2) == (7,)
    assert naming.settled(1.0 + AGAIN_S) == ()
    for number in range(2, IN_VAIN + 1):
        naming.learn([LEGS], [], float(number))
    assert naming.settled(1e6) == (7,)
    assert naming.named(LEGS).kind is Kind.MOVING
    surer = Naming()
    for number in range(ENOUGH):
        surer.learn([LEGS], [person()], float(number))
    assert surer.settled(1e6) == (7,)


def test_what_is_remembered_is_bounded():
    """Of a street only the last tracks are known."""
    naming = Naming()
    for number in range(3 * MOST_TRACKS):
        naming.learn([Track(number, LEGS.box)], [person()], 1.0)
    assert len(naming._votes) == MOST_TRACKS
    assert naming.named(Track(3 * MOST_TRACKS - 1, LEGS.box)).kind is Kind.PERSON
    assert naming.named(Track(0, LEGS.box)).kind is Kind.MOVING
