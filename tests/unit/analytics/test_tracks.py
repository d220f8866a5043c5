# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who is who from picture to picture, and who goes anywhere at all."""

import math

import pytest

from gateway.analytics.tracks import Known, Region, Tracker
from gateway.model.alarm import MOST_PATH, MOST_TRACKS, Box, Kind

STEP_S = 0.08


def box(x: float, y: float = 0.5, width: float = 0.06, height: float = 0.2) -> Box:
    """Return a box around a middle."""
    return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def walk(
    tracker: Tracker, places: list[list[Box]], begin_s: float = 0.0, step_s: float = STEP_S
) -> list[tuple[Known, ...]]:
    """Feed boxes picture by picture."""
    return [
        tracker.step([Region(one) for one in boxes], begin_s + number * step_s)
        for number, boxes in enumerate(places)
    ]


def test_who_walks_keeps_one_id_and_counts() -> None:
    """One thing that crosses is one plausible track, with where it stood and what way it came."""
    tracker = Tracker()
    seen = walk(tracker, [[box(0.1 + 0.01 * n)] for n in range(50)])
    assert {known.id for step in seen for known in step} == {1}
    (track,) = tracker.tracks(seen[-1], 49 * STEP_S)
    assert track.seen_s == pytest.approx(49 * STEP_S)
    assert track.still_s == 0.0
    assert track.foot == pytest.approx((0.59, 0.6))
    assert len(track.path) == MOST_PATH
    assert track.path[-1] == track.foot
    assert track.path[0] < track.path[-1]


def test_two_who_pass_each_other_keep_theirs() -> None:
    """Where two ways cross, each goes on in its own direction."""
    tracker = Tracker()
    places = [[box(0.1 + 0.01 * n, 0.45), box(0.9 - 0.01 * n, 0.55)] for n in range(80)]
    begins = {known.id: known.box.left for known in walk(tracker, places[:1])[0]}
    seen = walk(tracker, places[1:], begin_s=STEP_S)
    for known in seen[-1]:
        assert abs(known.box.left - begins[known.id]) > 0.5
    assert len(seen[-1]) == 2


@pytest.mark.parametrize(("gap", "same"), [(8, True), (25, False)])
def test_a_short_gap_is_bridged(gap: int, same: bool) -> None:
    """Behind a post somebody stays himself; after two seconds he is somebody new."""
    tracker = Tracker()
    places = [[box(0.1 + 0.01 * n)] if not 20 <= n < 20 + gap else [] for n in range(60)]
    seen = walk(tracker, places)
    assert (seen[-1][0].id == seen[0][0].id) is same


def test_what_sways_never_counts() -> None:
    """A bush moves for a minute and gets nowhere."""
    tracker = Tracker()
    places = [[box(0.5 + 0.02 * math.sin(n), width=0.12, height=0.12)] for n in range(750)]
    assert not any(known.is_plausible for step in walk(tracker, places) for known in step)


def test_what_blinks_never_counts() -> None:
    """A lamp that is on and off stands in its place, and is missed half of the time."""
    tracker = Tracker()
    places = [[box(0.5)] if n % 8 < 3 else [] for n in range(300)]
    assert not any(known.is_plausible for step in walk(tracker, places) for known in step)


def test_what_is_too_fast_or_too_large_never_counts() -> None:
    """An insect crosses the picture in a third of a second; light fills all of it."""
    fast, large = Tracker(), Tracker()
    insects = [[box(0.05 + 0.16 * n, width=0.3, height=0.3)] for n in range(6)]
    light = [[box(0.4 + 0.01 * n, width=0.75, height=0.9)] for n in range(20)]
    for tracker, places in ((fast, insects), (large, light)):
        assert not any(known.is_plausible for step in walk(tracker, places) for known in step)


def test_parts_of_one_thing_are_one_track() -> None:
    """Head and legs that are seen apart for a while do not begin tracks."""
    tracker = Tracker()
    whole = [[box(0.1 + 0.01 * n)] for n in range(20)]
    apart = [
        [box(0.3 + 0.01 * n, 0.43, height=0.06), box(0.3 + 0.01 * n, 0.55, height=0.1)]
        for n in range(10)
    ]
    seen = walk(tracker, whole + apart)
    assert {known.id for step in seen for known in step} == {1}


def test_who_stands_is_still_and_stays() -> None:
    """After walking in somebody stands: the track goes on, and says for how long."""
    tracker = Tracker()
    places = [[box(min(0.1 + 0.01 * n, 0.4))] for n in range(120)]
    seen = walk(tracker, places)
    (track,) = tracker.tracks(seen[-1], 119 * STEP_S)
    assert track.still_s == pytest.approx(89 * STEP_S, abs=0.5)
    assert seen[-1][0].stood(119 * STEP_S)


def test_what_is_parked_stays_until_the_ground_is_seen() -> None:
    """A parked car becomes background and is still told of; it ends when its place is bare."""
    tracker = Tracker()
    walk(tracker, [[box(min(0.1 + 0.01 * n, 0.4))] for n in range(500)])
    later = walk(tracker, [[] for _ in range(50)], begin_s=60.0, step_s=2.0)
    assert [len(step) for step in later] == [1] * 50
    assert tracker.tracks(later[-1], 158.0)[0].still_s > 100
    tracker.uncover(lambda _: 0.1)
    assert tracker.step([], 160.0)
    tracker.uncover(lambda _: 0.9)
    assert not tracker.step([], 162.0)


def test_a_step_back_keeps_only_what_has_stood() -> None:
    """When time goes back to look again, who moved is met anew and who stood is known."""
    tracker = Tracker()
    places = [[box(0.1 + 0.004 * n), box(max(0.9 - 0.01 * n, 0.7))] for n in range(100)]
    seen = walk(tracker, places)
    stood = next(known.id for known in seen[-1] if known.box.left > 0.6)
    again = tracker.step([Region(box(0.48)), Region(box(0.7))], 97 * STEP_S)
    assert stood in {known.id for known in again}
    assert seen[-1][0].id not in {known.id for known in again}


def test_a_copy_goes_its_own_way() -> None:
    """What is tried on a copy leaves the tracker as it was."""
    tracker = Tracker()
    walk(tracker, [[box(0.1 + 0.01 * n)] for n in range(10)])
    copy = tracker.copy()
    walk(copy, [[box(0.2 + 0.01 * n)] for n in range(10)], begin_s=0.8)
    (known,) = tracker.step([Region(box(0.2))], 0.8)
    assert known.hits == 11
    assert len(known.path) == 11


def test_a_named_kind_is_kept() -> None:
    """Once a detector has said what it is, a picture without its word changes nothing."""
    tracker = Tracker()
    tracker.step([Region(box(0.3), Kind.PERSON, 0.9)], 0.0)
    (known,) = tracker.step([Region(box(0.31))], 0.08)
    assert (known.region.kind, known.region.confidence) == (Kind.PERSON, 0.9)


def test_the_number_of_tracks_is_bounded() -> None:
    """A storm of regions is followed up to a bound, for as long as it goes on."""
    tracker = Tracker()
    for n in range(20):
        regions = [Region(box(0.01 + 0.0155 * i, 0.1 + 0.04 * n, 0.01, 0.01)) for i in range(64)]
        assert len(tracker.step(regions, n * 1.5)) <= MOST_TRACKS
