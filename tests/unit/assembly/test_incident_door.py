# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.assembly.incident_door: how fast rooms bring incidents, what is written of it."""

import pytest

from gateway.assembly import incident_door as module
from gateway.assembly.incident_door import MOST_NEW, NEW_S, SAY_AGAIN_S, IncidentDoor
from gateway.model.errors import RefusedError
from tests.fakes import FakeClock
from tests.unit.assembly.incident_parts import house, municipal


def brought(door, room, most=3 * MOST_NEW):
    """Return how many incidents a room may bring now."""
    for number in range(most):
        try:
            door.insist_patient(room)
        except RefusedError:
            return number
    return most


def test_each_room_has_its_own_pace():
    """So many at once, one in `NEW_S` after, never more than so many saved up."""
    clock = FakeClock()
    door = IncidentDoor(None, clock)
    assert brought(door, "nord") == MOST_NEW
    assert brought(door, "sud") == MOST_NEW
    with pytest.raises(RefusedError, match="not-yet"):
        door.insist_patient("sud")
    for wait_s, more in ((NEW_S / 2, 0), (NEW_S / 2, 1), (3 * NEW_S, 3), (1e6 * NEW_S, MOST_NEW)):
        clock.advance(wait_s)
        assert brought(door, "nord") == more


async def test_refusals_are_entries_by_room_and_code(tmp_path, monkeypatch):
    """The same one every ten minutes, with how many there were; what is remembered is bounded."""
    monkeypatch.setattr(module, "MOST_SAID", 4)
    clock = FakeClock()
    async with house(tmp_path, municipal()) as pl:
        door = IncidentDoor(pl.journal, clock)
        for room, code in (("nord", "full"), ("nord", "clock"), ("sud", "full"), ("nord", "full")):
            await door.refused(room, "i", code)
        clock.advance(SAY_AGAIN_S)
        await door.refused("nord", "i", "full")
        told = [(one.object_id, one.error, one.count) for one in await pl.entries("line.refuse")]
        assert told == [
            ("nord", "full", 0), ("nord", "clock", 0), ("sud", "full", 0), ("nord", "full", 2),
        ]  # fmt: skip
        for number in range(9):
            await door.refused(f"r{number}", "i", "full")
        assert len(door._said) <= 4


@pytest.mark.parametrize("incident", ["", "x" * 9_000, "\ud800"])
async def test_whatever_a_room_calls_an_incident_is_written_down(tmp_path, incident):
    """Texts of others are bounded and clean in the ledger."""
    async with house(tmp_path, municipal()) as pl:
        await IncidentDoor(pl.journal, FakeClock()).refused("nord", incident, "not-yours")
        (entry,) = await pl.entries("line.refuse")
        assert len(entry.case_ref) < 9_000
