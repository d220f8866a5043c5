# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import logging
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.assembly.journal import DARK_S, MOST_OWED, Journal, signed
from gateway.audit.ledger import open_ledger
from gateway.model.access import Actor
from gateway.model.errors import LedgerError
from gateway.model.registry import Role
from tests.fakes import FakeClock
from tests.unit.assembly.parts import entries
from tests.unit.audit.logbook import KEY, ORIGIN, event


class Fullable:
    """The real ledger on a disk that can be full."""

    def __init__(self, real):
        self._real = real
        self.full = False
        self.entries = real.entries

    async def append(self, one):
        if self.full:
            raise LedgerError("ledger.db: database or disk is full")
        return await self._real.append(one)


@asynccontextmanager
async def journal(folder):
    clock = FakeClock()
    async with open_ledger(folder / "l.db", origin=ORIGIN, key=KEY, clock=clock) as ledger:
        disk = Fullable(ledger)
        yield Journal(disk, clock), disk, clock


async def objects(disk):
    return [one.object_id or one.event for one in await entries(disk)]


async def test_a_ledger_that_refuses_is_a_problem_until_it_takes_an_entry(tmp_path):
    """Whoever must not go on without an entry gets the error; the problem is kept meanwhile."""
    async with journal(tmp_path) as (made, disk, _):
        disk.full = True
        with pytest.raises(LedgerError):
            await made.append(event(1))
        assert "disk is full" in made.problem
        disk.full = False
        await made.append(event(2))
        assert not made.problem
        assert await objects(disk) == ["cam-2"]


async def test_only_what_is_refused_for_a_while_is_dark_and_it_ends_with_an_entry(tmp_path):
    """One refusal, and several at once, are a hiccup; the probe of `settle` tells the rest."""
    async with journal(tmp_path) as (one, real, clock):
        real.full = True
        for _ in range(3):
            await one.account(event(1))
        assert not one.is_dark()
        clock.advance(DARK_S)
        assert not one.is_dark()
        await one.settle()
        assert one.is_dark()
        real.full = False
        await one.settle()
        assert not one.is_dark()
        real.full = True
        await one.account(event(1))
        assert not one.is_dark()


async def test_what_happened_in_the_dark_is_written_later_in_order(tmp_path):
    """An entry tells how long the darkness lasted, then come the owed ones, once."""
    async with journal(tmp_path) as (made, disk, clock):
        disk.full = True
        for number in range(3):
            await made.account(event(number))
        clock.advance(90)
        await made.settle()
        assert made.problem
        disk.full = False
        await made.settle()
        await made.settle()
        assert await objects(disk) == ["log.outage", "cam-0", "cam-1", "cam-2"]
        (outage,) = await entries(disk, "log.outage")
        assert outage.duration_ms == 90_000
        assert not made.problem


async def test_a_later_entry_does_not_overtake_an_owed_one(tmp_path):
    """Order in the log is order of happening."""
    async with journal(tmp_path) as (made, disk, _):
        disk.full = True
        await made.account(event(1))
        disk.full = False
        await made.account(event(2))
        await made.settle()
        assert (await objects(disk))[-2:] == ["cam-1", "cam-2"]


async def test_recovery_shows_without_anybody_writing(tmp_path):
    """The probe is the entry on the outage itself, so health comes back by itself."""
    async with journal(tmp_path) as (made, disk, _):
        disk.full = True
        with pytest.raises(LedgerError):
            await made.append(event(1))
        disk.full = False
        await made.settle()
        assert not made.problem


async def test_what_is_owed_is_bounded_and_its_loss_is_said(tmp_path, caplog):
    """The oldest gives way."""
    async with journal(tmp_path) as (made, disk, _):
        disk.full = True
        for number in range(MOST_OWED + 1):
            await made.account(event(number))
        lost = [one for one in caplog.records if one.message == "ledger-entry-lost"]
        assert [(one.object, one.levelno) for one in lost] == [("cam-0", logging.ERROR)]


def test_a_deed_is_in_its_persons_name():
    """Whatever is known of a signed-in person stands in the entry, and nothing else changes."""
    by = Actor(
        "m-rossi", "M. R.", Role.DPO, "comune", "s-1", "password", "192.0.2.9", "0f" * 32, "mfa",
        "postazione-3",
    )  # fmt: skip
    blank = event(7)
    made = signed(blank, by)
    assert made == replace(
        blank,
        actor_id="m-rossi",
        actor_type="human",
        role="dpo",
        org="comune",
        auth_method="password",
        acr="mfa",
        session_id="s-1",
        src_ip="192.0.2.9",
        client_cert_fp="0f" * 32,
        workstation="postazione-3",
    )
