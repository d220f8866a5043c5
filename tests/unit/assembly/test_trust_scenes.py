# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The scene in which the acts end, with the exercise's seed and a real registry."""

from datetime import timedelta

from gateway.access import calendar
from gateway.access.policy import acts_for
from gateway.assembly.trust_scenes import BY, end_acts
from gateway.model.registry import Analytic, Extension
from gateway.registry.seed import read_seed
from gateway.registry.store import open_registry
from tests.fakes import FakeClock
from tests.unit.test_demo import founded


class Notes:
    """A ledger that remembers."""

    def __init__(self):
        self.events = []

    async def account(self, event):
        self.events.append(event)


def shares(store, clock):
    """Who is told of an intrusion in the pharmacy now."""
    return acts_for(store.current(), "farmacia", Analytic.INTRUSION, clock.now()).recipients


async def test_every_act_ends_within_a_second_and_an_extension_brings_it_back(tmp_path):
    """Also one that was extended before; the ledger names the exercise, each act once a time."""
    founded(tmp_path)
    clock, notes = FakeClock(), Notes()
    today = calendar.today(clock.now())
    async with open_registry(tmp_path / "registry.db", clock=clock) as store:
        await store.apply(read_seed(tmp_path / "seed.toml"), by=BY, replace=True)
        for number in range(2):
            assert shares(store, clock)
            await end_acts(store, notes, clock)
            clock.advance(1.0)
            assert shares(store, clock) == ()
            later = today + timedelta(days=30)
            extension = Extension(
                f"p{number}", "accordo-farmacia", later, "dpo", today, "esercitazione"
            )
            await store.enter(extension, by="dpo")
    assert {event.actor_id for event in notes.events} == {BY}
    assert sorted(event.object_id for event in notes.events) == [
        "accordo-farmacia", "accordo-farmacia", "patto", "patto",
    ]  # fmt: skip
