# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The child's side of LOOK, without the process around it."""

from dataclasses import replace

import numpy as np
import pytest

from gateway.analytics.look import Feed, LookReply, LookRequest
from gateway.analytics.looker import CALM_S, EVERY_90K, Looker, _going
from gateway.analytics.motion import MotionModel, cells
from gateway.analytics.tracks import Region, Tracker
from gateway.model.alarm import Box
from gateway.model.media import AccessUnit, Codec
from tests.footage import later, rgb, scene

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
RIGHT = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))


def ask(
    looker: Looker, feed: Feed, units: list[AccessUnit], zones: tuple = (), camera: str = "cam"
) -> LookReply:
    """Send units and return the answer."""
    request = LookRequest(camera, feed, zones, units)
    return LookReply.unpack(looker.look(request.pack()), len(zones))


@pytest.mark.parametrize("codec", list(Codec))
def test_a_visitor_is_seen_in_his_zone(codec: Codec) -> None:
    """A visitor who walks from left to right occupies the left zone, then the right one."""
    units = scene(120, gop=25, visits=range(40, 120), codec=codec)
    sights = ask(Looker(), Feed.START, units, (LEFT, RIGHT)).sights
    occupied = [(sight.pts_90k // 3600, sight.occupied) for sight in sights if sight.occupied]
    assert all(number >= 40 for number, _ in occupied)
    assert {(0,), (1,)} <= {zones for _, zones in occupied}
    for number, zones in occupied:
        left = 8 + 4 * number % 260
        if left + 40 < 150:
            assert zones == (0,)
        elif left > 170:
            assert zones == (1,)


def test_pictures_are_judged_at_a_bounded_rate() -> None:
    """All pictures are decoded, at most one in 0.08 s is judged."""
    reply = ask(Looker(), Feed.START, scene(50, gop=25))
    assert reply.pictures == 50
    steps = [b.pts_90k - a.pts_90k for a, b in zip(reply.sights, reply.sights[1:], strict=False)]
    assert set(steps) == {EVERY_90K}


def test_jpeg_that_is_not_judged_is_not_decoded() -> None:
    """Every picture stands for itself: those in between cost nothing, in either feed."""
    units = scene(50, gop=1, codec=Codec.JPEG)
    for feed in (Feed.START, Feed.KEYS):
        reply = ask(Looker(), feed, units)
        assert reply.pictures == len(reply.sights) == 25


def test_batches_give_the_same_as_one_run() -> None:
    """Cut into batches that follow each other, units show what they show in one piece."""
    units = scene(60, gop=25, visits=range(30, 60))
    whole = ask(Looker(), Feed.START, units, (LEFT,)).sights
    looker = Looker()
    pieces = ask(looker, Feed.START, units[:7], (LEFT,)).sights
    for at in range(7, 60, 9):
        pieces += ask(looker, Feed.FOLLOW, units[at : at + 9], (LEFT,)).sights
    bare = [[replace(sight, still=None) for sight in sights] for sights in (pieces, whole)]
    assert bare[0] == bare[1]  # sums of floats over a whole picture may differ in the last digit


def test_key_units_alone_are_enough_to_stir() -> None:
    """Key units two seconds apart: quiet ones show nothing, the one with a visitor does."""
    looker = Looker()
    units = scene(700, gop=50, visits=range(640, 660))
    keys = [unit for unit in units if unit.is_key]
    sights = [ask(looker, Feed.KEYS, [key], (LEFT, RIGHT)).sights[0] for key in keys]
    assert [sight.unsettled for sight in sights[:5]] == [True] * 5
    settled = sights[6:]
    assert [bool(sight.boxes) for sight in settled] == [
        key.pts_90k == 650 * 3600 for key in keys[6:]
    ]


def test_the_model_survives_the_change_of_feeds() -> None:
    """Going from key units to everything and back, the background stays learnt."""
    looker = Looker()
    units = scene(100, gop=25)
    ask(looker, Feed.START, units[:50])
    assert not ask(looker, Feed.KEYS, [units[50]]).sights[0].unsettled
    assert looker._cameras["cam"].decoder is None, "asleep it costs no decoder"
    again = ask(looker, Feed.START, units[50:60]).sights
    assert [sight.unsettled for sight in again] == [False] * len(again)
    assert all(sight.pts_90k > units[50].pts_90k for sight in again), "no picture judged twice"


def test_cameras_do_not_share_what_they_learnt() -> None:
    """Two cameras with interleaved requests keep their own backgrounds."""
    looker = Looker()
    dark, bright = scene(50, gop=5), scene(50, gop=5, light=90)
    for at in range(0, 50, 5):
        for camera, units in (("dark", dark), ("bright", bright)):
            reply = ask(looker, Feed.FOLLOW if at else Feed.START, units[at : at + 5], (), camera)
            assert not any(sight.boxes for sight in reply.sights)
    assert not reply.sights[-1].unsettled


def test_a_new_child_waits_for_a_key_unit() -> None:
    """Units that follow something which this child never saw are skipped up to a key unit."""
    reply = ask(Looker(), Feed.FOLLOW, scene(60, gop=25)[10:])
    assert reply.pictures == 35
    assert reply.decode_errors == 0
    assert reply.sights[0].pts_90k == 25 * 3600


def test_a_restarted_camera_is_judged_again() -> None:
    """A camera whose time starts again from zero is not ignored for the next hours."""
    looker = Looker()
    ask(looker, Feed.START, later(scene(5, gop=5), 9_000_000))
    assert ask(looker, Feed.START, scene(5, gop=5)).sights


def test_what_only_blinks_occupies_no_zone() -> None:
    """While it is awake a zone is occupied by what goes somewhere, or is new where it was calm.

    The same block, seen while it walks, is a track with a way; standing and blinking it is none.
    """
    walks = scene(120, gop=25, visits=range(70, 120))
    looker = Looker()
    sights = ask(looker, Feed.START, walks, (LEFT, RIGHT)).sights
    occupied = [sight for sight in sights if sight.occupied]
    assert len(occupied) >= 20
    assert sum(not sight.tracks for sight in occupied) <= 6  # until its way is known
    assert occupied[-1].tracks
    blinks = [*scene(66, gop=1), *later(scene(6, gop=1, visits=range(6)), 66 * 3600)]
    looker = Looker()
    sights = ask(looker, Feed.START, blinks, (LEFT, RIGHT)).sights
    assert any(sight.boxes for sight in sights)
    assert not any(sight.occupied or sight.tracks for sight in sights)


@pytest.mark.parametrize(("stirred_s", "counts"), [(0.0, True), (CALM_S + 0.4, False)])
def test_what_is_new_counts_at_once_only_where_it_was_calm(stirred_s: float, counts: bool) -> None:
    """Of somebody in the dark pieces are seen in one place; so is a bush that has long swayed."""
    model, tracker = MotionModel(), Tracker()
    for number in range(20):
        model.step(rgb(number, size=(640, 360), visitor=False).mean(axis=2).astype(np.uint8), 0.1)
    piece = Box(0.4, 0.4, 0.5, 0.6)
    moving = np.zeros((180, 320), np.uint8)
    moving[cells(piece, moving.shape)] = 255
    for _ in range(round(stirred_s * 10) + 1 if stirred_s else 0):
        model._last = moving.copy()  # what differs, as a step would leave it
        model.quieten(moving, 0.1)
    at_s = 0.0
    for number in range(6):
        at_s = number * 0.1
        aside = 0.003 * (number % 2)
        seen = tracker.step(
            [Region(Box(0.4 + aside, 0.4, 0.5 + aside, 0.6))], at_s, model.unrest
        )  # fmt: skip
    assert not any(one.is_plausible for one in seen)
    assert bool(_going(model, moving, seen, at_s).any()) is counts


def test_going_back_keeps_who_is_who() -> None:
    """A GOP that is looked at after its next key unit finds the tracks as they were before."""
    looker = Looker()
    units = scene(130, gop=25, visits=range(70, 130))
    before = ask(looker, Feed.START, units[:101]).sights[-1]
    ask(looker, Feed.KEYS, [units[125]])
    again = ask(looker, Feed.AGAIN, units[100:125]).sights
    assert before.tracks
    assert {track.id for sight in again for track in sight.tracks} == {before.tracks[0].id}
    assert all(100 * 3600 < sight.pts_90k < 125 * 3600 for sight in again)


def test_what_it_cost_is_told() -> None:
    """A reply says how much CPU time was spent between question and answer."""
    spent = iter([5.0, 5.75])
    request = LookRequest("cam", Feed.KEYS, (), scene(1, gop=1))
    reply = LookReply.unpack(Looker(lambda: next(spent)).look(request.pack()), 0)
    assert reply.cost_s == 0.75
