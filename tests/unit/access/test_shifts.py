# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Shifts: opened on an order, bounded, one for each sign-in, and written down."""

from dataclasses import replace

import pytest

from gateway.access.shifts import HOURS, MOST_HOURS
from gateway.model.access import Grant, Refusal
from gateway.model.errors import LedgerError
from tests.unit.access.test_looks import Box
from tests.unit.access.town import actor, wish


@pytest.fixture
async def box():
    return Box()


async def test_the_first_look_under_an_order_opens_the_shift(box):
    """Its order is written once; looks last as long as the shift and are not asked about."""
    one = await box.gate.open(wish())
    two = await box.gate.open(wish())
    assert box.journal.names() == ["shift.open", "live.open", "live.open"]
    assert one.expires == two.expires == box.shifts.of(one.request.actor).until
    assert await box.gate.prolong(one) is None
    box.clock.advance(4 * 3600)
    assert box.gate.check(one).allowed


async def test_another_order_is_refused_while_a_shift_is_open(box):
    """One sign-in, one order; closing the shift darkens what was opened under it."""
    grant = await box.gate.open(wish())
    refused = await box.gate.open(wish(case="OdS 5"))
    assert refused.refusal is Refusal.NO_SHIFT
    await box.shifts.close(grant.request.actor)
    assert box.gate.check(grant).refusal is Refusal.NO_SHIFT
    assert isinstance(await box.gate.open(wish(case="OdS 5")), Grant)
    assert box.journal.names().count("shift.close") == 1


async def test_a_refused_look_opens_no_shift(box):
    """Only what is allowed otherwise starts a shift; a dead ledger starts none."""
    assert not (await box.gate.open(wish("banco"))).allowed
    assert box.journal.names() == ["live.deny"]
    box.journal.refuses = True
    assert (await box.gate.open(wish())).refusal is Refusal.LEDGER
    assert box.shifts.of(actor()) is None


async def test_a_shift_ends_by_itself_and_with_its_sign_in(box):
    """After its hours, and at the next sweep after a sign-out, with an entry each."""
    await box.shifts.open(actor(), "OdS 4", 99)
    box.clock.advance(12 * 3600)
    assert box.shifts.of(actor()) is None
    await box.shifts.sweep()
    await box.shifts.open(actor(), "OdS 5")
    box.there = False
    await box.gate.sweep()
    closed = [one for one in box.journal.events if one.event == "shift.close"]
    assert [(one.closes, one.error) for one in closed] == [(0, "expired"), (2, "signed-out")]


@pytest.mark.parametrize(
    ("asked", "hours"), [(6, 6), (MOST_HOURS, 12), (12.1, 12), (1e9, 12), (0, 0), (-3, 0)]
)
async def test_hours_are_bounded(box, asked, hours):
    """Nobody is on duty for more than twelve hours, nor for less than none."""
    shift = await box.shifts.open(actor(), "OdS 4", asked)
    assert shift.until == shift.since.shifted(hours * 3600)
    assert (box.shifts.of(actor()) is not None) is (hours > 0)


async def test_a_shift_holds_to_its_last_second(box):
    """Eight hours where nobody says how many."""
    await box.shifts.open(actor(), "OdS 4")
    box.clock.advance(HOURS * 3600 - 1)
    assert box.shifts.of(actor()).order == "OdS 4"
    box.clock.advance(1)
    assert box.shifts.of(actor()) is None


async def test_one_order_for_each_sign_in(box):
    """Again with the same is the same; with another, none; another sign-in has its own."""
    first = await box.shifts.open(actor(), " OdS 4 ")
    assert first.order == "OdS 4"
    assert await box.shifts.open(actor(), "OdS 4") is first
    assert await box.shifts.open(actor(), "OdS 5") is None
    assert await box.shifts.open(actor(), " ") is None
    other = replace(actor(), session="s2")
    assert (await box.shifts.open(other, "OdS 5")).order == "OdS 5"
    assert box.journal.names() == ["shift.open", "shift.open"]


async def test_a_shift_belongs_to_its_person(box):
    """Somebody else with the same session neither has it nor ends it."""
    await box.shifts.open(actor(), "OdS 4")
    stranger = replace(actor(), id="berta")
    await box.shifts.close(stranger)
    assert box.shifts.of(stranger) is None
    assert box.shifts.of(actor()) is not None


async def test_of_two_windows_at_once_the_first_stands(box):
    """The second entry is closed at once; both windows go on under one shift."""
    append, inner = box.journal.append, []

    async def meanwhile(event):
        box.journal.append = append
        inner.append(await box.shifts.open(actor(), "OdS 4"))
        return await append(event)

    box.journal.append = meanwhile
    assert await box.shifts.open(actor(), "OdS 4") is inner[0]
    assert box.shifts.of(actor()) is inner[0]
    assert box.journal.names() == ["shift.open", "shift.open", "shift.close"]
    assert box.journal.events[-1].error == "second"


async def test_no_entry_no_shift(box):
    """What cannot be written down is not open; an end counts even if it cannot be."""
    box.journal.refuses = True
    with pytest.raises(LedgerError):
        await box.shifts.open(actor(), "OdS 4")
    assert box.shifts.of(actor()) is None
    box.journal.refuses = False
    await box.shifts.open(actor(), "OdS 4")
    box.journal.refuses = True
    with pytest.raises(LedgerError):
        await box.shifts.close(actor())
    assert box.shifts.of(actor()) is None
