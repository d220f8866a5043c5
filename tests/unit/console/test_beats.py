# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The beats of an event stream (ADR 32), in a loop whose time jumps from timer to timer."""

import asyncio
import selectors

import pytest

from gateway.console.alarms import BEAT_S, _lines
from tests.ui.town import PASSWORD, PHARMACY, SQUARE, Town

WATCHED_S = 5 * BEAT_S


class Jumping(selectors.SelectSelector):
    """Waits for nothing: what it would have waited has passed."""

    passed_s = 0.0

    def select(self, timeout=None):
        assert timeout is not None, "nothing would ever happen"
        self.passed_s += timeout
        return super().select(0)


def jumping_loop():
    selector = Jumping()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.passed_s
    return loop


def heard(happens):
    """Return (seconds, event) of all that an owner's page hears while `happens(town)` goes on."""

    async def listen():
        town, stopping, told = Town(), asyncio.Event(), []
        loop = asyncio.get_running_loop()
        marco = await town.accounts.sign_in("marco", PASSWORD, "192.0.2.1")
        loop.call_later(WATCHED_S + 0.5, stopping.set)
        other = asyncio.create_task(happens(town))
        began_s = loop.time()
        async for line in _lines(town.services(), marco.actor.id, marco.token, stopping):
            name = line.partition("event: ")[2].partition("\n")[0]
            told.append((round(loop.time() - began_s, 6), name))
        other.cancel()
        return told

    with asyncio.Runner(loop_factory=jumping_loop) as runner:
        return runner.run(listen())


async def nothing(_town):
    await asyncio.Event().wait()


def every(seconds, **facts):
    """Somebody else's alarm every so often; the facts are what it turns into."""

    async def happens(town):
        while True:
            await asyncio.sleep(seconds)
            record = town.alarms.raise_one(SQUARE, recipients=())
            if facts:
                town.alarms.change(record, **facts)

    return happens


HOLD_UP = {"camera": PHARMACY, "silent": True, "severity": 5}


QUIET = [(0.0, "ready"), *((n * BEAT_S, "beat") for n in range(1, 6))]


@pytest.mark.parametrize("seconds", [0.25, 3.0, 7.0, 23.0])
@pytest.mark.parametrize("facts", [HOLD_UP, {}], ids=["hold-up", "foreign"])
def test_what_is_withheld_moves_no_beat(seconds, facts):
    """Neither a hold-up of the house nor others' alarms, however few or many they are."""
    assert heard(nothing) == QUIET
    assert heard(every(seconds, **facts)) == QUIET


def test_a_page_that_hears_much_hears_beats_as_well():
    """By them it knows the time, and that its sign-in stands."""
    told = heard(every(4.0, camera=PHARMACY))
    assert [one for one in told if one[1] != "alarm"] == QUIET
    assert len(told) == len(QUIET) + WATCHED_S // 4
