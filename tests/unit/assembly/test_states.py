# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Cameras lost and found, and our own clock, as the ledger is told of them."""

import pytest

from gateway.assembly.states import LOST_S, QUIET_S, StateWatch
from gateway.model.media import StreamState, StreamStatus
from gateway.model.time import ClockQuality
from tests.fakes import FakeClock


class Notes:
    """Takes entries as a journal does."""

    def __init__(self):
        self.events = []

    async def account(self, event):
        self.events.append(event)


class Scene:
    def __init__(self):
        self.clock, self.notes = FakeClock(), Notes()
        self.states = {"uno": StreamState.LIVE}
        self.watch = StateWatch(
            self.notes,
            lambda: [(id_, StreamStatus(state)) for id_, state in self.states.items()],
            self.clock,
            lambda camera: f"casa-{camera}",
        )

    async def after(self, seconds, state=None):
        self.clock.advance(seconds)
        if state is not None:
            self.states["uno"] = state
        await self.watch.tick()
        return [(one.event, one.error) for one in self.notes.events]


@pytest.fixture
def scene():
    return Scene()


async def test_a_camera_that_is_away_is_lost_once_and_back_once(scene):
    """A short redial is nothing; the entry names camera and owner, and nobody."""
    assert await scene.after(0) == []
    assert await scene.after(1, StreamState.STALLED) == []
    assert await scene.after(LOST_S - 1) == []
    assert await scene.after(1) == [("camera.state", "stalled")]
    assert await scene.after(600, StreamState.UNREACHABLE) == [("camera.state", "stalled")]
    told = await scene.after(5, StreamState.LIVE)
    assert told == [("camera.state", "stalled"), ("camera.state", "")]
    lost = scene.notes.events[0]
    assert (lost.object_id, lost.controller, lost.result) == ("uno", "casa-uno", "error")
    assert lost.actor_id == ""


async def test_a_redial_in_between_begins_the_wait_anew(scene):
    """What counts is being away at a stretch."""
    await scene.after(0, StreamState.STALLED)
    await scene.after(LOST_S - 1, StreamState.LIVE)
    await scene.after(1, StreamState.CONNECTING)
    assert await scene.after(LOST_S - 1) == []
    assert len(await scene.after(1)) == 1


async def test_a_camera_that_comes_and_goes_fills_no_ledger(scene):
    """Lost at most once in ten minutes; no return is told of a loss that was not."""
    for _ in range(10):
        await scene.after(0, StreamState.UNREACHABLE)
        await scene.after(LOST_S, StreamState.UNREACHABLE)
        told = await scene.after(5, StreamState.LIVE)
    assert told == [("camera.state", "unreachable"), ("camera.state", "")]
    await scene.after(QUIET_S, StreamState.UNREACHABLE)
    assert len(await scene.after(LOST_S)) == 3


async def test_an_idle_camera_is_not_lost_and_a_removed_one_is_forgotten(scene):
    """Nobody needs it; nobody has it."""
    assert await scene.after(LOST_S * 2, StreamState.IDLE) == []
    assert await scene.after(LOST_S * 2) == []
    scene.states.clear()
    assert await scene.after(LOST_S * 2) == []


async def test_our_own_clock_is_lost_and_found(scene):
    """Each once; an exercise's clock is neither."""
    scene.clock.quality = ClockQuality.EXERCISE
    assert await scene.after(1) == []
    scene.clock.quality = ClockQuality.UNSYNCHRONISED
    assert await scene.after(1) == [("clock.unsync", "unsynchronised")]
    assert await scene.after(1) == [("clock.unsync", "unsynchronised")]
    scene.clock.quality = ClockQuality.SYNCHRONISED
    assert await scene.after(1) == [("clock.unsync", "unsynchronised"), ("clock.sync", "")]
