# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The LOOK request and the answer of a child that is not trusted."""

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.look import Feed, LookReply, LookRequest, Sight
from gateway.model.alarm import MOST_TRACKS, Box, Condition, Kind, Track
from gateway.model.errors import WireError
from tests.footage import scene

BOX = Box(0.25, 0.25, 0.5, 0.75)


def test_a_request_comes_back() -> None:
    """Camera, feed, zones and units survive the pipe."""
    zones = [[(0.0, 0.0), (1.0, 0.0), (0.5, 1.0)]]
    request = LookRequest("varco-nord", Feed.FOLLOW, zones, scene(3, gop=3))
    assert LookRequest.unpack(request.pack()) == request


PATH = ((0.25, 0.5), (0.375, 0.75))
TRACK = Track(7, BOX, Kind.VEHICLE, 0.5, 4.0, 2.0, PATH[-1], PATH)
STILL = Condition(0.5, 100.0, 2.0, 0.25, 1.0, 40.0, 0.0, 1.5)


def told(**more: object) -> Sight:
    """Return a sight with something in it."""
    return replace(Sight(0, 0.5, False, (BOX,), (0,)), **more)


def test_tracks_and_condition_come_back() -> None:
    """What is followed, and how the whole picture is, survive the pipe; so does what it cost."""
    sights = (told(tracks=(TRACK,), still=STILL, stirs=True), told(tracks=(TRACK,) * MOST_TRACKS))
    reply = LookReply(0, 2, sights, 0.25)
    assert LookReply.unpack(reply.pack(), 1) == reply


@pytest.mark.parametrize(
    "sight",
    [
        told(tracks=(replace(TRACK, path=()),)),
        told(tracks=(replace(TRACK, path=((0.5, 1.5),)),)),
        told(tracks=(replace(TRACK, path=PATH * 17),)),
        told(tracks=(replace(TRACK, confidence=1.5),)),
        told(tracks=(replace(TRACK, still_s=-1.0),)),
        told(tracks=(replace(TRACK, seen_s=float("inf")),)),
        told(tracks=(replace(TRACK, box=Box(0.5, 0.0, 0.25, 1.0)),)),
        told(tracks=(TRACK,) * (MOST_TRACKS + 1)),
        told(still=replace(STILL, edges=1.25)),
        told(still=replace(STILL, luma=float("nan"))),
        told(still=replace(STILL, shift=-0.5)),
    ],
)
def test_impossible_tracks_are_refused(sight: Sight) -> None:
    """Ways that leave the picture, shares above one, endless times, too many of anything."""
    with pytest.raises(WireError):
        LookReply.unpack(LookReply(0, 1, (sight,)).pack(), 1)


@pytest.mark.parametrize("cost_s", [-1.0, 1e9, float("nan")])
def test_an_impossible_cost_is_refused(cost_s: float) -> None:
    """A child cannot give time back, nor spend more than there was."""
    with pytest.raises(WireError):
        LookReply.unpack(LookReply(0, 1, (), cost_s).pack(), 1)


def test_an_answer_comes_back() -> None:
    """Counters, boxes, zones and flags survive the pipe."""
    reply = LookReply(2, 5, (Sight(9000, 0.5, False, (BOX,), (0, 2)), Sight(-1, 0.0, True, (), ())))
    assert LookReply.unpack(reply.pack(), 3) == reply


@pytest.mark.parametrize(
    "sight",
    [
        Sight(0, 1.5, False, (), ()),
        Sight(0, float("nan"), False, (), ()),
        Sight(0, 0.1, False, (Box(0.5, 0.0, 0.25, 1.0),), ()),
        Sight(0, 0.1, False, (Box(0.0, 0.0, 2.0, 1.0),), ()),
        Sight(0, 0.1, False, (BOX,), (3,)),
        Sight(0, 0.1, False, (BOX,) * 33, ()),
        Sight(0, 0.1, False, (BOX,), (0, 1, 2, 0)),
    ],
)
def test_impossible_sights_are_refused(sight: Sight) -> None:
    """Shares above one, boxes inside out or outside, unknown zones, too many of anything."""
    with pytest.raises(WireError):
        LookReply.unpack(LookReply(0, 1, (sight,)).pack(), 3)


def test_a_flood_of_sights_is_refused_before_it_is_read() -> None:
    """A count beyond the bound is refused whatever follows."""
    with pytest.raises(WireError, match="sights"):
        LookReply.unpack(struct.pack("!IIH", 0, 0, 2000), 1)


@given(st.binary(max_size=400))
def test_any_answer_is_read_or_refused(data: bytes) -> None:
    """Arbitrary bytes from a child are a reply or a WireError."""
    try:
        reply = LookReply.unpack(data, 2)
    except WireError:
        return
    assert LookReply.unpack(reply.pack(), 2) == reply


@given(st.binary(max_size=400))
def test_any_request_is_read_or_refused(data: bytes) -> None:
    """Arbitrary bytes to a child are a request or a WireError."""
    try:
        LookRequest.unpack(data)
    except WireError:
        return
