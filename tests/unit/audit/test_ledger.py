# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The ledger: durable, gap-free, closed after a crash, spilled to the spare, then dark."""

import asyncio
import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit import ledger as module
from gateway.audit.ledger import RETRY_S, SPARE_S
from gateway.audit.verify import verify
from gateway.model.errors import InvariantError, LedgerError
from gateway.wire import checkpoint
from gateway.wire.merkle import Frontier, leaf_hash
from tests.conftest import ROOT, missing
from tests.fakes import EPOCH_US, FakeClock
from tests.unit.audit.logbook import KEY, LOOK, ORIGIN, PUBLIC, event, opened, tamper

OPENING = replace(LOOK, opens=True)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


@asynccontextmanager
async def refusing(path):
    """Make the main database refuse by taking its write lock away for good."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(
            "create trigger refuse before insert on entry begin select raise(abort, 'no'); end"
        )
        yield
        db.execute("drop trigger refuse")


async def test_what_is_appended_can_be_read(path):
    """An entry comes back with its place, its time, and its personal values."""
    async with opened(path) as ledger:
        receipt = await ledger.append(LOOK)
        (entry,) = await ledger.entries()
    assert (receipt.seq, receipt.utc_us) == (entry.seq, entry.utc_us) == (0, EPOCH_US)
    assert (entry.id, entry.event, entry.erased) == (receipt.id, LOOK, ())
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab].*", entry.id)
    assert (entry.clock_sync, entry.mono_us) == ("synchronised", 1_000_000_000)


async def test_pages(path):
    """Entries are read in order, above a number, up to a limit."""
    async with opened(path) as ledger:
        await ledger.append_many([event(n) for n in range(10)])
        assert await ledger.append_many([]) == []
        pages = [await ledger.entries(after, 4) for after in (-1, 3, 7, 9)]
        assert await ledger.entries(-1, -5) == []
    assert [[one.seq for one in page] for page in pages] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
        [],
    ]


async def test_erased_values_are_named_not_shown(path):
    """After erasure an entry says which values it once had."""
    async with opened(path) as ledger:
        await ledger.append(LOOK)
        tamper(path, "delete from opened where field = 'actor_id'")
        (entry,) = await ledger.entries()
    assert (entry.event.actor_id, entry.event.src_ip) == ("", "192.0.2.7")
    assert entry.erased == ("actor_id",)


async def test_every_batch_is_signed(path):
    """After each append the newest checkpoint covers all entries, in memory and on disk."""
    async with opened(path) as ledger:
        assert (ledger.head().size, ledger.checkpoint()) == (0, "")
        for n in range(1, 6):
            await ledger.append(event(n))
            signed = checkpoint.verify(ledger.checkpoint(), PUBLIC, ORIGIN)
            assert (signed.size, signed.root) == (n, ledger.head().root)
            assert verify(path, PUBLIC, ledger.checkpoint()).ok
    assert verify(path, PUBLIC).size == 5


async def test_appends_side_by_side_leave_no_gap(path):
    """Many writers at once get all numbers, each once, and the log verifies."""
    async with opened(path) as ledger, asyncio.TaskGroup() as group:
        tasks = [group.create_task(ledger.append(event(n))) for n in range(200)]
    assert sorted(task.result().seq for task in tasks) == list(range(200))
    assert verify(path, PUBLIC).ok


async def test_an_abandoned_append_still_lands(path):
    """Cancelling an append does not take it back, and closing waits for it."""
    async with opened(path) as ledger:
        task = asyncio.ensure_future(ledger.append(LOOK))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert verify(path, PUBLIC).size == 1


async def test_the_database_itself_refuses_changes(path):
    """Entries and checkpoints cannot be changed or deleted through SQL, values only deleted."""
    async with opened(path) as ledger:
        await ledger.append_many([event(n) for n in range(3)])
    with closing(sqlite3.connect(path)) as db:
        for statement in (
            "update entry set header = x'00'",
            "delete from entry",
            "insert into entry values(7, x'00', x'00')",
            "update opened set value = 'x'",
            "update checkpoint set note = 'x'",
            "delete from checkpoint",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="ledger"):
                db.execute(statement)
        db.execute("delete from opened")


async def test_it_goes_on_where_it_ended(path):
    """A ledger that is opened again continues the same tree."""
    for n in range(3):
        async with opened(path) as ledger:
            assert (await ledger.append(event(n))).seq == n
    assert verify(path, PUBLIC).ok


async def test_what_was_open_is_closed_at_the_next_start(path):
    """Openings without a closing get one with error `crash`, once; closed ones do not."""
    async with opened(path) as ledger:
        first = await ledger.append(OPENING)
        second = await ledger.append(replace(OPENING, event="playback.open"))
        third = await ledger.append(replace(OPENING, event="shift.open"))
        await ledger.append(replace(LOOK, event="live.close", closes=first.seq))
    for _ in range(2):
        async with opened(path) as ledger:
            entries = [one.event for one in await ledger.entries(3)]
    assert [(one.event, one.closes) for one in entries] == [
        ("playback.close", second.seq),
        ("shift.close", third.seq),
    ]
    for one in entries:
        assert (one.result, one.error, one.opens) == ("error", "crash", False)
        assert (one.actor_id, one.case_ref) == (LOOK.actor_id, LOOK.case_ref)
    assert verify(path, PUBLIC).ok


WRITER = """
import asyncio, sys
from pathlib import Path
from dataclasses import replace
from gateway.runtime.clock import SystemClock
from tests.unit.audit.logbook import LOOK, opened

async def main():
    async with opened(Path(sys.argv[1]), SystemClock()) as ledger:
        while True:
            receipt = await ledger.append(replace(LOOK, opens=True))
            print(receipt.seq, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [1, 40])
async def test_a_killed_writer(path, lines):
    """After SIGKILL every acknowledged entry is there, what was open is closed, all verifies."""
    with subprocess.Popen(  # noqa: ASYNC220 - nothing else runs meanwhile
        [sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, cwd=ROOT, text=True
    ) as writer:
        told = [int(writer.stdout.readline()) for _ in range(lines)]
        os.kill(writer.pid, signal.SIGKILL)
        told += [int(line) for line in writer.stdout.read().split("\n") if line]
    async with opened(path) as ledger:
        entries = await ledger.entries(-1, 1000)
    openings = [one.seq for one in entries if one.event.opens]
    assert set(told) <= set(openings)
    assert [one.event.closes for one in entries if one.event.closes >= 0] == openings
    assert verify(path, PUBLIC).ok


async def test_without_a_spare_it_refuses_at_once(path):
    """If the database refuses and there is no spare, the append fails; later it works again."""
    async with opened(path) as ledger:
        async with refusing(path):
            with pytest.raises(LedgerError):
                await ledger.append(event(0))
        assert (await ledger.append(event(1))).seq == 0


async def test_the_spare_stands_in_and_is_merged(path, tmp_path):
    """What the database refuses goes to the spare, keeps its number, and comes home later."""
    clock, spare = FakeClock(), tmp_path / "spare.jsonl"
    async with opened(path, clock, spare=spare) as ledger:
        await ledger.append(event(0))
        async with refusing(path):
            receipts = await ledger.append_many([event(1), event(2)])
            receipts += [await ledger.append(event(3))]
            assert [one.seq for one in receipts] == [1, 2, 3]
            assert len(spare.read_bytes().splitlines()) == 3
            assert spare.stat().st_mode & 0o777 == 0o600
            assert ledger.head().size == 1
        clock.advance(RETRY_S)
        assert (await ledger.append(event(4))).seq == 4
        assert not spare.exists()
        entries = await ledger.entries()
    assert [(one.seq, one.spilled) for one in entries] == [
        (0, False),
        (1, True),
        (2, True),
        (3, True),
        (4, False),
    ]
    assert [one.id for one in entries[1:4]] == [one.id for one in receipts]
    assert [one.event for one in entries] == [event(n) for n in range(5)]
    assert verify(path, PUBLIC).ok


async def test_many_spill_at_once(path, tmp_path):
    """Appends that meet the refusal together still get all numbers, each once."""
    clock = FakeClock()
    async with opened(path, clock, spare=tmp_path / "s") as ledger:
        async with refusing(path), asyncio.TaskGroup() as group:
            tasks = [group.create_task(ledger.append(event(n))) for n in range(50)]
        clock.advance(RETRY_S)
        async with asyncio.TaskGroup() as group:
            tasks += [group.create_task(ledger.append(event(n))) for n in range(50, 100)]
    assert sorted(task.result().seq for task in tasks) == list(range(100))
    report = verify(path, PUBLIC)
    assert (report.ok, report.size) == (True, 100)


async def test_spilling_waits_for_what_is_under_way(path, tmp_path):
    """One entry is refused while others behind it still get in: no number is given twice."""
    clock = FakeClock()
    async with opened(path, clock, spare=tmp_path / "s") as ledger:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute(
                "create trigger refuse before insert on entry"
                " when instr(new.header, cast('cam-0' as blob))"
                " begin select raise(abort, 'no'); end"
            )
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(ledger.append(event(n))) for n in range(60)]
            db.execute("drop trigger refuse")
    seqs = [task.result().seq for task in tasks]
    assert sorted(seqs) == list(range(60))
    assert seqs[0] >= 1
    assert verify(path, PUBLIC).ok


async def test_closing_empties_the_spare(path, tmp_path):
    """A clean end brings the spare home without another append."""
    spare = tmp_path / "spare.jsonl"
    async with opened(path, spare=spare) as ledger, refusing(path):
        await ledger.append(event(0))
    assert not spare.exists()
    assert verify(path, PUBLIC).size == 1


@pytest.mark.parametrize("merged", [False, True])
async def test_a_spare_that_a_dead_process_left(path, tmp_path, merged):
    """At the next start the spare is merged, and not twice if it was merged already."""
    spare = tmp_path / "spare.jsonl"
    async with opened(path, spare=spare) as ledger, refusing(path):
        await ledger.append(OPENING)
        left = spare.read_bytes()
    if not merged:
        path.unlink()
    spare.write_bytes(left + b'{"half a li')
    async with opened(path, spare=spare) as ledger:
        entries = await ledger.entries()
    assert [one.event.event for one in entries] == ["live.open", "live.close"]
    assert not spare.exists()
    assert verify(path, PUBLIC).ok


async def test_a_spare_of_another_ledger_is_not_merged(path, tmp_path):
    """A spare that does not continue this ledger stops the start, untouched."""
    spare = tmp_path / "spare.jsonl"
    other = tmp_path / "other.db"
    async with opened(other, spare=spare) as ledger, refusing(other):
        await ledger.append(event(0))
        left = spare.read_bytes()
    async with opened(path) as ledger:
        await ledger.append(event(5))
    spare.write_bytes(left)
    with pytest.raises(LedgerError, match="another ledger"):
        async with opened(path, spare=spare):
            pass
    assert spare.read_bytes() == left


async def test_the_spare_is_bounded_in_time(path, tmp_path):
    """After its time the spare no longer stands in: dark."""
    clock = FakeClock()
    async with opened(path, clock, spare=tmp_path / "s") as ledger:
        async with refusing(path):
            await ledger.append(event(0))
            clock.advance(SPARE_S)
            await ledger.append(event(1))
            clock.advance(1)
            with pytest.raises(LedgerError, match="not writable for 901 s"):
                await ledger.append(event(2))
        clock.advance(RETRY_S)
        assert (await ledger.append(event(3))).seq == 2


async def test_the_spare_is_bounded_in_entries(path, tmp_path, monkeypatch):
    """A full spare refuses."""
    monkeypatch.setattr(module, "SPARE_ENTRIES", 3)
    async with opened(path, spare=tmp_path / "s") as ledger, refusing(path):
        await ledger.append_many([event(0), event(1)])
        with pytest.raises(LedgerError, match="full"):
            await ledger.append_many([event(2), event(3)])
        await ledger.append(event(4))


async def test_if_the_spare_fails_too(path, tmp_path):
    """With neither the database nor the spare there is no receipt; nothing half is kept."""
    spare = tmp_path / "away" / "spare.jsonl"
    async with opened(path, spare=spare) as ledger, refusing(path):
        with pytest.raises(LedgerError, match="spare"):
            await ledger.append(event(0))
        spare.parent.mkdir()
        assert (await ledger.append(event(1))).seq == 0
    assert verify(path, PUBLIC).size == 1


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one megabyte."""
    mount = tmp_path / "disk"
    mount.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", mount], capture_output=True, check=False
    )
    if made.returncode:
        missing("a tmpfs that may be mounted")
    yield mount
    subprocess.run(["umount", "-l", mount], check=True)


@pytest.mark.parametrize("spare_on_same_disk", [False, True])
async def test_a_full_disk(small_disk, tmp_path, spare_on_same_disk):
    """A full disk spills to a spare elsewhere; with the spare on it too, all goes dark."""
    path, clock = small_disk / "ledger.db", FakeClock()
    spare = (small_disk if spare_on_same_disk else tmp_path) / "spare.jsonl"
    async with opened(path, clock, spare=spare) as ledger:
        await ledger.append(event(0))
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as full, suppress(OSError):
            while True:
                full.write(bytes(512))
        receipts = []
        dark = False
        for n in range(1, 60):
            try:
                receipts.append(await ledger.append(event(n)))
            except LedgerError:
                dark = True
        assert dark is spare_on_same_disk
        ballast.unlink()
        clock.advance(RETRY_S)
        receipts.append(await ledger.append(event(99)))
    assert [one.seq for one in receipts] == list(range(1, len(receipts) + 1))
    assert verify(path, PUBLIC).size == len(receipts) + 1
    assert verify(path, PUBLIC).ok
    assert not spare.exists()


async def test_a_disk_that_hangs(path, monkeypatch):
    """An append that gets no answer in time is refused."""
    monkeypatch.setattr(module, "ANSWER_S", 0.05)
    async with opened(path) as ledger:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("begin immediate")
            with pytest.raises(LedgerError, match="no answer"):
                await ledger.append(event(0))
            db.execute("rollback")


async def test_an_event_that_cannot_be_written_is_our_bug(path, tmp_path):
    """A number that JSON cannot carry is refused as a bug and does not send us to the spare."""
    async with opened(path, spare=tmp_path / "s") as ledger:
        with pytest.raises(InvariantError):
            await ledger.append(replace(LOOK, bytes=2**60))
        assert (await ledger.append(LOOK)).seq == 0
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    "given", [{"key": Ed25519PrivateKey.generate()}, {"origin": "other.example/varco"}]
)
async def test_another_key_or_name_does_not_continue_a_ledger(path, given):
    """A ledger is only continued under the key and the name that signed it."""
    async with opened(path) as ledger:
        await ledger.append(LOOK)
    with pytest.raises(LedgerError, match="checkpoint"):
        async with opened(path, **given):
            pass


@pytest.mark.parametrize(
    "damage",
    [
        "delete from entry where seq = 2",
        "delete from checkpoint where size = 3",
        "delete from checkpoint",
        "update frontier set peaks = x'00'",
        "update frontier set size = 2, peaks = zeroblob(32)",
    ],
)
async def test_a_ledger_that_was_cut_is_not_continued(path, damage):
    """The writer does not sign what does not end as its newest checkpoint says."""
    async with opened(path) as ledger:
        for n in range(3):
            await ledger.append(event(n))
    tamper(path, damage)
    with pytest.raises(LedgerError, match="ledger"):
        async with opened(path):
            pass


async def test_a_place_that_cannot_be_used(tmp_path):
    """A missing folder and a bad name are LedgerErrors that say where."""
    with pytest.raises(LedgerError, match="away"):
        async with opened(tmp_path / "away" / "ledger.db"):
            pass
    with pytest.raises(LedgerError, match="origin"):
        async with opened(tmp_path / "ledger.db", origin="two words"):
            pass


async def test_errors_of_the_body_stay_what_they_are(path):
    """What goes wrong beside the ledger is not turned into a LedgerError."""
    with pytest.raises(KeyError):
        async with opened(path):
            raise KeyError("x")


def test_the_key_is_the_one_we_sign_with():
    """The helper's key pair belongs together."""
    assert KEY.public_key().public_bytes_raw() == PUBLIC
    assert Path(ROOT).is_dir()


def forged(path):
    """Rewrite history as the holder of the file can: entries, leaves, frontier, checkpoints."""
    tree, edits = Frontier(), []
    with closing(sqlite3.connect(path)) as db:
        for seq, header in db.execute("select seq, header from entry order by seq"):
            lie = header.replace(b"cam-2", b"cam-7")
            tree = tree.append(leaf_hash(lie))
            edits.append(
                ("update entry set header=?, leaf=? where seq=?", (lie, leaf_hash(lie), seq))
            )
    tamper(path, *edits, ("update frontier set peaks=?", (tree.pack(),)), "delete from checkpoint")


async def test_a_history_forged_under_a_running_ledger_is_not_signed(path):
    """Whoever rewrites the file while we run gets no signature of ours under it."""
    async with opened(path) as ledger:
        for n in range(5):
            await ledger.append(event(n))
        forged(path)
        with pytest.raises(LedgerError, match="changed by somebody else"):
            await ledger.append(event(5))
    assert not verify(path, PUBLIC).ok


async def test_a_tail_cut_under_a_running_ledger_is_noticed(path):
    """Going back to an older checkpoint, which is signed, does not help either."""
    async with opened(path) as ledger:
        for n in range(5):
            await ledger.append(event(n))
            if n == 2:
                with closing(sqlite3.connect(path)) as db:
                    peaks = db.execute("select size, peaks from frontier").fetchone()
        tamper(
            path,
            "delete from entry where seq > 2",
            "delete from opened where seq > 2",
            "delete from checkpoint where size > 3",
            ("update frontier set size=?, peaks=?", peaks),
        )
        with pytest.raises(LedgerError, match="changed by somebody else"):
            await ledger.append(event(5))
