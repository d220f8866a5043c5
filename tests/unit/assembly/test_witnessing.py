# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The running box has its log cosigned, stamped and verified, and tells what is missing."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.assembly import witnessing as module
from gateway.assembly.journal import Journal
from gateway.assembly.witnessing import Anchor, Outside, Subject, Witnessing
from gateway.audit.verify import Trust, verify
from gateway.audit.witness import LocalWitness, WitnessState
from gateway.model.errors import PeerError
from gateway.wire.cosignature import WitnessKey
from tests.fakes import EPOCH_US, FakeClock
from tests.unit.audit.logbook import LOOK, ORIGIN, PUBLIC, event, opened, tamper

ROOM = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))


class Absent:
    """A witness whose line is cut, or not."""

    def __init__(self, inner):
        self.inner, self.key, self.cut = inner, inner.key, False

    async def cosign(self, note, first, proof):
        if self.cut:
            raise PeerError("the line is cut")
        return await self.inner.cosign(note, first, proof)


def room(folder, clock):
    state = WitnessState(folder / "seen.json", "sala.example/t", ROOM, {ORIGIN: PUBLIC})
    return Absent(LocalWitness(state, lambda: clock.utc_us // 1_000_000))


@asynccontextmanager
async def running(folder, witnesses=(), anchor=None, clock=None):
    """A ledger with its keeper."""
    clock = clock or FakeClock()
    path = folder / "ledger.db"
    async with opened(path, clock) as ledger:
        subject = Subject(path, PUBLIC, tuple(one.key.vkey() for one in witnesses))
        outside = Outside(tuple(witnesses), anchor)
        keeper = Witnessing(ledger, Journal(ledger, clock), clock, subject, outside)
        yield ledger, keeper, clock


async def events(ledger):
    return [(one.event.event, one.event.error) for one in await ledger.entries(-1, 1000)]


async def test_every_round_vouches_for_what_is_new(tmp_path):
    """Each round cosigns the newest checkpoint, also after a restart of either side."""
    clock = FakeClock()
    for _ in range(2):
        one = room(tmp_path, clock)
        async with running(tmp_path, [one], clock=clock) as (ledger, keeper, _):
            for n in range(3):
                await ledger.append_many([event(n)] * 3)
                await keeper.ask_all()
                assert keeper.problems == ()
                assert keeper.cosigned_age_s() == 0
            clock.advance(90)
            assert keeper.cosigned_age_s() == 90
            assert "log.cosign" not in dict(await events(ledger))
            await ledger.append(LOOK)
            await keeper.farewell()
    report = verify(tmp_path / "ledger.db", PUBLIC, trust=Trust((one.key,)))
    assert (report.ok, report.exposed, report.size) == (True, 0, 20)


async def test_an_empty_log_asks_nobody(tmp_path):
    """Without an entry there is nothing to vouch for."""
    async with running(tmp_path, [room(tmp_path, FakeClock())]) as (_, keeper, _clock):
        await keeper.ask_all()
        assert (keeper.problems, keeper.cosigned_age_s()) == ((), None)


async def test_a_witness_that_goes_and_comes_is_told_once(tmp_path):
    """Silence is a problem and one entry, coming back another; looking goes on meanwhile."""
    one = room(tmp_path, FakeClock())
    async with running(tmp_path, [one]) as (ledger, keeper, _):
        await ledger.append(LOOK)
        one.cut = True
        for _ in range(3):
            await keeper.ask_all()
        assert keeper.problems == ("ledger: the line is cut",)
        one.cut = False
        for _ in range(3):
            await keeper.ask_all()
        assert keeper.problems == ()
        told = [each for each in await events(ledger) if each[0] == "log.cosign"]
    assert told == [("log.cosign", "silent"), ("log.cosign", "")]


async def test_a_cut_or_rewritten_log_gets_no_cosignature(tmp_path):
    """A log that was exchanged for a shorter or another one is refused by who remembers."""
    one = room(tmp_path, FakeClock())
    async with running(tmp_path, [one]) as (ledger, keeper, _):
        await ledger.append_many([event(n) for n in range(9)])
        await keeper.ask_all()
    for entries in (3, 12):
        (tmp_path / f"{entries}").mkdir()
        async with running(tmp_path / f"{entries}", [one]) as (ledger, keeper, _):
            await ledger.append_many([event(n + 1) for n in range(entries)])
            await keeper.ask_all()
            (problem,) = keeper.problems
            assert "refused" in problem
            assert ("log.cosign", "refused") in await events(ledger)


async def test_a_line_by_another_key_is_not_kept(tmp_path):
    """What a witness sends is checked with its own key before it is kept."""
    one = room(tmp_path, FakeClock())
    one.key = WitnessKey(one.key.name, PUBLIC)
    async with running(tmp_path, [one]) as (ledger, keeper, _):
        await ledger.append(LOOK)
        await keeper.ask_all()
        assert "another key" in keeper.problems[0]
        assert await ledger.cosignatures() == []


async def test_it_asks_every_minute(tmp_path):
    """The task asks, waits a minute, and asks again, until it is cancelled."""
    clock = FakeClock()
    async with running(tmp_path, [room(tmp_path, clock)], clock=clock) as (ledger, keeper, _):
        await ledger.append(LOOK)
        task = asyncio.create_task(keeper.cosign())
        while len(clock.sleeps) < 3:
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert set(clock.sleeps) == {60.0}


async def test_a_token_a_day(tmp_path, monkeypatch):
    """One token a day; after a failure it tries again in an hour and says so meanwhile."""
    asked, failing = [], [True, False, False]

    async def obtain(url, data, roots):
        asked.append((clock.utc_us, url, roots))
        if failing[len(asked) - 1]:
            raise PeerError("tsa: absent")
        return clock.utc_us, b"token"

    monkeypatch.setattr(module, "obtain_token", obtain)
    clock = FakeClock()
    anchor = Anchor("http://tsa.example", b"roots")
    async with running(tmp_path, anchor=anchor, clock=clock) as (ledger, keeper, _):
        await ledger.append(LOOK)
        task, problems = asyncio.create_task(keeper.anchor()), set()
        while len(asked) < 3:
            await asyncio.sleep(0)
            problems |= set(keeper.problems)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert (await ledger.newest_token()).der == b"token"
        told = [one.event for one in await ledger.entries() if one.event.event == "log.anchor"]
    hours = [(utc_us - EPOCH_US) / 3.6e9 for utc_us, *_ in asked]
    assert hours == [0, 1, 25]
    assert problems == {"ledger: timestamp: tsa: absent"}
    assert told[0].object_id == "1"
    assert len(told[0].content_hash) == 64


async def test_it_verifies_in_a_child_and_tells(tmp_path):
    """An intact log gets an entry; an altered one makes the box ill and says where."""
    async with running(tmp_path) as (ledger, keeper, _):
        await ledger.append_many([event(n) for n in range(5)])
        await keeper.examine()
        assert (keeper.altered, keeper.problems) == ("", ())
        (entry,) = await ledger.entries(4)
        assert (entry.event.event, entry.event.result, entry.event.count) == ("log.verify", "ok", 5)
        tamper(tmp_path / "ledger.db", "update entry set leaf = zeroblob(32) where seq = 2")
        await keeper.examine()
        assert "first at entry 2" in keeper.altered
        (entry,) = await ledger.entries(5)
    assert (entry.event.result, entry.event.error, entry.event.object_id) == (
        "error",
        "altered",
        "2",
    )


async def test_a_verification_that_cannot_run_is_a_problem(tmp_path, monkeypatch):
    """If the child gives no answer the box says that nothing was verified."""
    monkeypatch.setattr(module.sys, "executable", "/bin/false")
    async with running(tmp_path) as (ledger, keeper, _):
        await keeper.examine()
        assert keeper.problems[0].startswith("ledger: not verified")
        assert keeper.altered == ""
        assert await events(ledger) == [("log.verify", "not-verified")]


async def test_after_a_good_verification_expired_entries_go(tmp_path):
    """Retention follows verification in the same night."""
    async with running(tmp_path) as (ledger, keeper, clock):
        await ledger.append(LOOK)
        clock.advance(6 * 366 * 86_400)
        await keeper.examine()
        assert [name for name, _ in await events(ledger)] == ["log.verify", "log.rotate"]


@pytest.mark.parametrize("hours", [0, 2.5, 12.0])
async def test_the_next_night(tmp_path, monkeypatch, hours):
    """After the start it verifies at 02:30 UTC, never twice at once."""
    clock = FakeClock(utc_us=1_790_000_000_000_000 // 86_400_000_000 * 86_400_000_000)
    clock.advance(hours * 3600)
    seen = []

    async def examine():
        seen.append(clock.utc_us % 86_400_000_000 / 3.6e9)

    async with running(tmp_path, clock=clock) as (_, keeper, _c):
        monkeypatch.setattr(keeper, "examine", examine)
        task = asyncio.create_task(keeper.watch())
        while len(seen) < 3:
            await asyncio.sleep(0)
        task.cancel()
    assert seen[:3] == [hours, 2.5, 2.5]
