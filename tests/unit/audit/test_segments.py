# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The log's own retention: expired prefixes go, values go earlier, and it still verifies."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace

import pytest

from gateway.audit import segments
from gateway.audit.catalogue import DAY_US, TECHNICAL_US, TERM_US
from gateway.audit.tables import Cosigned
from gateway.audit.verify import verify
from gateway.audit.witness import MOST_PROOF
from gateway.model.access import Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import InvariantError, LedgerError
from gateway.model.time import ClockQuality
from gateway.wire import checkpoint
from gateway.wire.merkle import leaf_hash, proves_consistency, proves_inclusion, root_of
from tests.conftest import ROOT
from tests.fakes import FakeClock
from tests.unit.audit.logbook import LOOK, ORIGIN, PUBLIC, event, opened, tamper

GDPR = replace(LOOK, regime=Regime.GDPR)
TECHNICAL = LedgerEvent("log.verify", Operation.NONE, Regime.GDPR, object_type="ledger")
ASKED = LedgerEvent("log.erase", Operation.DELETION, Regime.GDPR, actor_id="dpo", case_ref="D 1")


def advance_us(clock, span_us):
    clock.advance(span_us / 1_000_000)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


async def filled(ledger, events):
    """Append one by one and keep every checkpoint."""
    held = []
    for one in events:
        await ledger.append(one)
        held.append(ledger.checkpoint())
    return held


async def test_an_expired_prefix_goes_and_the_rest_verifies(path):
    """Only entries before the first that is still due are dropped; the log says so and verifies."""
    clock = FakeClock()
    async with opened(path, clock) as ledger:
        held = await filled(ledger, [GDPR, GDPR, TECHNICAL, GDPR, LOOK, GDPR])
        advance_us(clock, TERM_US[Regime.GDPR] + DAY_US)
        await ledger.append(event(9))
        kept = await ledger.rotate()
        (rotation,) = kept.rotations
        assert (rotation.first, rotation.size, kept.erased) == (0, 4, 1)
        entries = await ledger.entries()
        assert [one.seq for one in entries][:3] == [4, 5, 6]
        assert entries[1].event.actor_id == ""  # past its own term, behind one that is not
        assert entries[0].event.actor_id == "anna"
        (told,) = [one.event for one in entries if one.event.event == "log.rotate"]
        assert (told.count, told.object_id) == (4, "4")
        assert await ledger.rotate() == segments_nothing()
        held.append(ledger.checkpoint())
    report = verify(path, PUBLIC, held[3:])
    assert (report.ok, report.start, report.size) == (True, 4, 5), report.findings
    async with opened(path, clock) as ledger:
        assert (await ledger.append(event(1))).seq == 9
    assert verify(path, PUBLIC).ok


def segments_nothing():
    from gateway.audit.ledger import Kept

    return Kept()


@pytest.mark.parametrize(
    ("one", "term_us"),
    [
        (TECHNICAL, TECHNICAL_US),
        (GDPR, TERM_US[Regime.GDPR]),
        (LOOK, TERM_US[Regime.LED]),
    ],
)
async def test_terms(path, one, term_us):
    """An entry stays to the last second of its term, and not one longer."""
    clock = FakeClock()
    async with opened(path, clock) as ledger:
        await ledger.append(one)
        advance_us(clock, term_us - DAY_US)
        await ledger.append(LOOK)
        advance_us(clock, DAY_US)
        assert await ledger.rotate() == segments_nothing()
        clock.advance(1)
        assert (await ledger.rotate()).rotations[0].size == 1
    assert TERM_US[Regime.LED] >= 5 * 365 * DAY_US + DAY_US
    assert verify(path, PUBLIC).ok


async def test_nothing_goes_while_the_clock_is_unknown_or_something_is_open(path):
    """A clock that nobody vouches for deletes nothing; neither goes what is not closed."""
    clock = FakeClock()
    async with opened(path, clock) as ledger:
        first = await ledger.append(replace(LOOK, opens=True))
        advance_us(clock, 10 * TERM_US[Regime.LED])
        clock.quality = ClockQuality.UNSYNCHRONISED
        assert await ledger.rotate() == segments_nothing()
        clock.quality = ClockQuality.SYNCHRONISED
        assert (await ledger.rotate()).rotations == ()
        await ledger.append(replace(LOOK, event="live.close", closes=first.seq))
        assert len((await ledger.rotate()).rotations) == 1


async def test_it_ends_at_a_checkpoint(path):
    """A prefix ends where something was signed, even if more had expired."""
    clock = FakeClock()
    async with opened(path, clock) as ledger:
        await ledger.append_many([GDPR, GDPR, GDPR])
        await ledger.append_many([GDPR, GDPR, LOOK])
        advance_us(clock, TERM_US[Regime.GDPR] + DAY_US)
        assert (await ledger.rotate()).rotations[0].size == 3
    assert verify(path, PUBLIC).ok


async def rotated(path):
    """A ledger of which 300 entries went and some 300 are left, and its newest checkpoint."""
    clock = FakeClock()
    async with opened(path, clock) as ledger:
        for _ in range(3):
            await ledger.append_many([TECHNICAL] * 100)
        advance_us(clock, TECHNICAL_US + DAY_US)
        for n in range(30):
            await ledger.append_many([event(n * 10 + i) for i in range(10)])
        assert (await ledger.rotate()).rotations[0].size == 300
        return ledger.checkpoint()


async def test_a_prefix_that_somebody_else_dropped(path):
    """Whoever shrinks the log himself, with true peaks, is found: no entry announces it."""
    await rotated(path)
    with closing(sqlite3.connect(path)) as db:
        peaks = segments._frontier_at(db, 400).pack()
    tamper(
        path,
        ("insert into segment values(400, 300, ?, 0, 0, 0)", (peaks,)),
        "delete from entry where seq < 400",
        "delete from opened where seq < 400",
        "delete from checkpoint where size < 400 and size <> 300",
    )
    report = verify(path, PUBLIC)
    assert (report.first_bad, report.missing) == (0, ((0, 399),))


@pytest.mark.parametrize(
    "change",
    [
        "delete from segment",
        "update segment set peaks = zeroblob(length(peaks))",
        "update segment set size = 310",
        "delete from checkpoint where size = 300",
        "update checkpoint set note = (select note from checkpoint where size=310) where size=300",
    ],
)
async def test_a_frontier_that_was_tampered_with(path, change):
    """Without the true frontier the dropped entries count as missing."""
    await rotated(path)
    assert verify(path, PUBLIC).ok
    tamper(path, change)
    report = verify(path, PUBLIC)
    assert (report.ok, report.first_bad) == (False, 0)
    assert report.missing[0][0] == 0


async def test_the_database_refuses_other_deletions(path):
    """Only what lies below a segment can go, and a segment only ends at a checkpoint."""
    await rotated(path)
    with closing(sqlite3.connect(path)) as db:
        for statement in (
            "delete from entry where seq = 300",
            "delete from checkpoint where size = 300",
            "delete from checkpoint where size = 310",
            "delete from segment",
            "update segment set size = 400",
            "insert into segment values(305, 300, x'', 0, 0, 0)",
            "insert into segment values(290, 300, x'', 0, 0, 0)",
            "insert into segment select max(size), 300, x'', 0, 0, 0 from checkpoint",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="ledger"):
                db.execute(statement)


async def test_a_tampered_log_is_not_shrunk(path):
    """If the entries are not what was signed, nothing of them is destroyed."""
    clock = FakeClock()
    async with opened(path, clock) as ledger:
        await filled(ledger, [GDPR, GDPR, GDPR])
        advance_us(clock, TERM_US[Regime.GDPR] + DAY_US)
        await ledger.append(LOOK)
        tamper(path, ("update entry set leaf = ? where seq = 1", (leaf_hash(b"x"),)))
        with pytest.raises(LedgerError, match="not what was signed"):
            await ledger.rotate()
    assert len(rows(path, "select seq from entry")) >= 4


def rows(path, sql):
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


async def test_proofs_over_a_log_that_was_shrunk(path):
    """Inclusion and consistency are proved for everything that is left, across the frontier."""
    note = await rotated(path)
    whole = checkpoint.verify(note, PUBLIC, ORIGIN)
    with closing(sqlite3.connect(path)) as db:
        roots = {
            size: checkpoint.parse(text).root
            for size, text in db.execute("select size, note from checkpoint")
        }
        for seq in (300, 301, 387, 511, 512, 599, whole.size - 1):
            leaf = db.execute("select leaf from entry where seq=?", (seq,)).fetchone()[0]
            proof = segments.prove_inclusion(db, seq, whole.size)
            assert proves_inclusion(leaf, seq, whole.size, proof, whole.root)
        for first, root in roots.items():
            proof = segments.prove_consistency(db, first, whole.size)
            assert proves_consistency(first, whole.size, proof, root, whole.root)
        for call in (
            lambda: segments.prove_inclusion(db, 299, whole.size),
            lambda: segments.prove_inclusion(db, whole.size, whole.size),
            lambda: segments.prove_consistency(db, 200, whole.size),
            lambda: segments.prove_consistency(db, 300, whole.size + 1),
            lambda: segments.prove_inclusion(db, 300, whole.size + 1),
        ):
            with pytest.raises(LedgerError):
                call()


async def test_absent_witnesses_are_proved_the_rest_over_rotations(path):
    """Whoever cosigned last at any size is led from there to the end, however often it shrank."""
    clock = FakeClock()
    lasts = (1, 37, 64, 150, 255, 256, 300, 301, 599)
    async with opened(path, clock) as ledger:
        held = await filled(ledger, [TECHNICAL] * 620)
        for last in lasts:
            await ledger.keep_cosignature(Cosigned(last, f"w{last}", last, "line"))
        await ledger.keep_cosignature(Cosigned(20, "w599", 2, "an older one"))
        for more in (100, 33):
            advance_us(clock, TECHNICAL_US + DAY_US)
            await ledger.append_many([TECHNICAL] * 3)
            assert (await ledger.rotate()).rotations
            await filled(ledger, [TECHNICAL] * more)
            for last in lasts:
                asked = await ledger.extension(last)
                before, now = checkpoint.parse(held[last - 1]), checkpoint.parse(asked.note)
                assert len(asked.proof) <= MOST_PROOF
                assert proves_consistency(last, now.size, asked.proof, before.root, now.root)
        with pytest.raises(LedgerError, match="dropped"):
            await ledger.extension(20)
        for last in lasts:
            await ledger.keep_cosignature(Cosigned(ledger.head().size, f"w{last}", 9_999, "l"))
    assert verify(path, PUBLIC).ok
    assert len(rows(path, "select 1 from bridge where size = 300")) < 3 * 10


async def test_a_rotation_before_any_term_is_found(path, monkeypatch):
    """Whoever holds the key and drops what is younger than the shortest term is found."""
    clock = FakeClock()
    for days, ok in ((29, False), (30, True)):
        path.unlink(missing_ok=True)
        async with opened(path, clock) as ledger:
            await filled(ledger, [TECHNICAL] * 5)
            advance_us(clock, days * DAY_US)
            monkeypatch.setattr(segments, "TECHNICAL_US", (days - 1) * DAY_US)
            assert (await ledger.rotate()).rotations
        report = verify(path, PUBLIC)
        assert report.ok is ok
        if not ok:
            assert (report.first_bad, "before their term" in report.findings[0].problem) == (
                0,
                True,
            )
            assert report.missing == ()


async def test_only_the_newest_absent_witnesses_count(path, monkeypatch):
    """What is kept for them is bounded."""
    monkeypatch.setattr(segments, "MOST_BRIDGES", 2)
    clock = FakeClock()
    async with opened(path, clock) as ledger:
        await filled(ledger, [TECHNICAL] * 40)
        for last in (5, 6, 7):
            await ledger.keep_cosignature(Cosigned(last, f"w{last}", last, "line"))
        advance_us(clock, TECHNICAL_US + DAY_US)
        await ledger.append(LOOK)
        await ledger.rotate()
        await ledger.extension(6)
        with pytest.raises(LedgerError, match="dropped"):
            await ledger.extension(5)


async def test_kept_nodes_are_those_of_the_leaves(path):
    """Every kept inner node is the root of its 256 leaves, written in whatever batches."""
    async with opened(path) as ledger:
        for size in (255, 1, 100, 500):
            await ledger.append_many([TECHNICAL] * size)
    leaves = [leaf for (leaf,) in rows(path, "select leaf from entry order by seq")]
    kept = rows(path, "select idx, hash from node order by idx")
    assert kept == [(n, root_of(leaves[n * 256 : n * 256 + 256])) for n in range(3)]


async def test_values_are_erased_on_request(path):
    """What a person may have erased goes for good and is told of; the log verifies as before."""
    async with opened(path) as ledger:
        await ledger.append_many([GDPR, replace(GDPR, actor_id="bruno"), LOOK, TECHNICAL])
        erasure = await ledger.erase(lambda one: one.event.actor_id == "anna", ASKED)
        assert (erasure.seqs, erasure.kept) == ((0,), 1)  # five years under the LED stay
        entries = await ledger.entries()
        again = await ledger.erase(lambda one: one.event.actor_id == "anna", ASKED)
        assert again.seqs == ()
        data = path.read_bytes() + path.with_name("ledger.db-wal").read_bytes()
    assert [one.event.actor_id for one in entries] == ["", "bruno", "anna", "", "dpo"]
    told = entries[-1].event
    assert (told.event, told.count, told.object_id, told.case_ref) == ("log.erase", 1, "0-0", "D 1")
    assert data.count(b"anna") < 3
    assert verify(path, PUBLIC).ok


async def test_upkeep_waits_while_the_spare_stands_in(path, tmp_path):
    """While places are given by the spare, neither rotation nor erasure may write."""
    clock = FakeClock()
    async with opened(path, clock, spare=tmp_path / "s") as ledger:
        await ledger.append(GDPR)
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute(
                "create trigger refuse before insert on entry begin select raise(abort, 'no'); end"
            )
            await ledger.append(GDPR)
            with pytest.raises(LedgerError, match="spare"):
                await ledger.erase(lambda _: True, ASKED)
            db.execute("drop trigger refuse")
    assert verify(path, PUBLIC).size == 2


async def test_a_code_that_nobody_knows_is_refused(path):
    """An event that is not in the catalogue is our bug and writes nothing."""
    async with opened(path) as ledger:
        with pytest.raises(InvariantError, match=r"live\.opne"):
            await ledger.append_many([LOOK, replace(LOOK, event="live.opne")])
        assert ledger.head().size == 0


async def test_the_clock_offset_stands_in_the_entry(path):
    """What is known of our clock's error is written with every entry; nothing if unknown."""
    offsets = iter([0, -250])
    async with opened(path, offset=lambda: next(offsets)) as ledger:
        await ledger.append_many([LOOK])
        await ledger.append_many([LOOK])
        entries = await ledger.entries()
    assert [one.clock_offset_ms for one in entries] == [0, -250]
    assert b"clock_offset_ms" not in entries[0].header


KEEPER = """
import asyncio, sys
from pathlib import Path
from dataclasses import replace
from tests.conftest import ROOT
from tests.fakes import FakeClock
from gateway.model.access import Regime
from tests.unit.audit.logbook import LOOK, opened

async def main():
    clock = FakeClock()
    async with opened(Path(sys.argv[1]), clock) as ledger:
        while True:
            await ledger.append_many([replace(LOOK, regime=Regime.GDPR)] * 50)
            await ledger.append(replace(LOOK, regime=Regime.GDPR, opens=False))
            clock.advance(400 * 86400)
            await ledger.rotate()
            print(ledger.head().size, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [2, 5, 9])
async def test_a_keeper_that_was_killed(path, lines):
    """After SIGKILL amid appends and rotations the log verifies, without a gap, and goes on."""
    with subprocess.Popen(  # noqa: ASYNC220 - nothing else runs meanwhile
        [sys.executable, "-c", KEEPER, path], stdout=subprocess.PIPE, cwd=ROOT, text=True
    ) as keeper:
        for _ in range(lines):
            said = int(keeper.stdout.readline())
        os.kill(keeper.pid, signal.SIGKILL)
    report = verify(path, PUBLIC)
    assert report.ok, report.findings
    assert report.start + report.size >= said
    async with opened(path) as ledger:
        assert (await ledger.append(LOOK)).seq == report.start + report.size
    assert verify(path, PUBLIC).ok
