# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Every kind of tampering is found, and the right entry named."""

import asyncio
import json
import os
import sqlite3
from contextlib import closing

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.audit import verify as module
from gateway.audit.verify import (
    NO_TRUST,
    NOWHERE,
    Span,
    first_since,
    last_before,
    verify,
    within,
)
from gateway.model.errors import LedgerError
from gateway.wire import checkpoint
from gateway.wire.checkpoint import Checkpoint
from gateway.wire.merkle import Frontier, leaf_hash
from tests.fakes import EPOCH_US, FakeClock
from tests.unit.audit.logbook import (
    KEY,
    ORIGIN,
    PUBLIC,
    copied,
    event,
    opened,
    tamper,
    write,
)

BATCHES = [1] * 20 + [5, 5]
SIZE = 30


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A closed ledger and its checkpoints."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    return path, write(path, BATCHES)


@pytest.fixture
def ledger(original, tmp_path):
    """A copy of it."""
    return copied(original[0], tmp_path)


def first_bad(path, held=None, public=PUBLIC):
    """The first bad entry of a file that must not verify."""
    report = verify(path, public, held)
    assert not report.ok
    assert report.findings
    return report.first_bad


def rows(path):
    with closing(sqlite3.connect(path)) as db:
        return db.execute("select seq, header, leaf from entry order by seq").fetchall()


def edited(header):
    """Another header of the same form."""
    return header.replace(b'"result":"ok"', b'"result":"no"')


def root_at(path, size):
    frontier = Frontier()
    for _, header, _ in rows(path)[:size]:
        frontier = frontier.append(leaf_hash(header))
    return frontier.root()


def test_an_untouched_ledger_verifies(original):
    """What was written verifies, alone and against any checkpoint held since."""
    path, notes = original
    for held in [None, *notes]:
        report = verify(path, PUBLIC, held)
        assert (report.ok, report.size, report.findings) == (True, SIZE, ())
    assert report.root == checkpoint.parse(notes[-1]).root == root_at(path, SIZE)
    assert (report.origin, report.checkpoints, report.first_bad) == (ORIGIN, len(BATCHES), None)


@pytest.mark.parametrize("seq", [0, 7, 19, 22, 29])
def test_an_edited_header(ledger, seq):
    """A header that was changed is named; so is the entry alone, not its successors."""
    header = edited(rows(ledger)[seq][1])
    tamper(ledger, ("update entry set header=? where seq=?", (header, seq)))
    report = verify(ledger, PUBLIC)
    assert {one.seq for one in report.findings} == {seq}
    assert not report.ok


@pytest.mark.parametrize("seq", [0, 7, 19, 22, 29])
def test_an_edited_leaf(ledger, seq):
    """A leaf hash that was changed is named."""
    tamper(ledger, ("update entry set leaf=? where seq=?", (bytes(32), seq)))
    assert {one.seq for one in verify(ledger, PUBLIC).findings} == {seq}


@pytest.mark.parametrize(("seq", "named"), [(0, 0), (7, 7), (19, 19), (22, 20), (29, 25)])
def test_an_edited_header_with_its_leaf(ledger, seq, named):
    """If the leaf hash was made to fit, the batch under the first broken checkpoint is named."""
    header = edited(rows(ledger)[seq][1])
    tamper(
        ledger, ("update entry set header=?, leaf=? where seq=?", (header, leaf_hash(header), seq))
    )
    assert first_bad(ledger) == named


@pytest.mark.parametrize(("first", "last"), [(0, 0), (4, 4), (8, 12), (21, 26)])
def test_missing_entries(ledger, first, last):
    """A gap is named with its first and last entry."""
    for table in ("entry", "opened"):
        tamper(ledger, f"delete from {table} where seq between {first} and {last}")
    report = verify(ledger, PUBLIC)
    assert (report.first_bad, report.missing) == (first, ((first, last),))


def test_a_gap_that_was_renumbered(ledger):
    """Entries moved up into a gap still say their old numbers."""
    tamper(ledger, "delete from entry where seq = 9", "delete from opened where seq = 9")
    for seq in range(10, SIZE):
        tamper(ledger, f"update entry set seq={seq - 1} where seq={seq}")
    assert first_bad(ledger) == 9


def test_reordered_entries(ledger):
    """Two entries that changed places are both named."""
    tamper(
        ledger,
        "update entry set seq=1000 where seq=10",
        "update entry set seq=10 where seq=11",
        "update entry set seq=11 where seq=1000",
    )
    report = verify(ledger, PUBLIC)
    assert {10, 11} <= {one.seq for one in report.findings}
    assert report.first_bad == 10


def test_entries_reordered_inside_a_batch(ledger):
    """Inside a batch, where no checkpoint stands, their own numbers tell which two moved."""
    tamper(
        ledger,
        "update entry set seq=1000 where seq=21",
        "update entry set seq=21 where seq=23",
        "update entry set seq=23 where seq=1000",
    )
    moved = [one.seq for one in verify(ledger, PUBLIC).findings if "reordered" in one.problem]
    assert moved == [21, 23]


def test_an_inserted_entry(ledger):
    """An entry slipped in at the end, without the key, is named."""
    header = rows(ledger)[29][1].replace(b'"seq":29', b'"seq":30')
    tamper(ledger, ("insert into entry values(30, ?, ?)", (header, leaf_hash(header))))
    assert first_bad(ledger) == 30


def test_an_entry_below_zero(ledger):
    """An entry under a number that never was is found."""
    tamper(ledger, ("insert into entry values(-5, ?, ?)", (b"{}", leaf_hash(b"{}"))))
    assert not verify(ledger, PUBLIC).ok


@pytest.mark.parametrize(("size", "named"), [(0, 0), (12, 12), (20, 20), (23, 20)])
def test_truncation_below_the_last_checkpoint(ledger, size, named):
    """A cut tail is named from the first missing entry to the last that was signed.

    Cut inside a batch, what is left of the batch can no longer be proved, and is named too.
    """
    for table in ("entry", "opened"):
        tamper(ledger, f"delete from {table} where seq >= {size}")
    report = verify(ledger, PUBLIC)
    assert (report.first_bad, report.missing) == (named, ((size, SIZE - 1),))


@pytest.mark.parametrize("size", [0, 12, 20])
def test_truncation_with_its_checkpoints(original, ledger, size):
    """A tail cut off with its checkpoints shows against a checkpoint held elsewhere, not else."""
    for table in ("entry", "opened"):
        tamper(ledger, f"delete from {table} where seq >= {size}")
    tamper(ledger, f"delete from checkpoint where size > {size}")
    assert verify(ledger, PUBLIC).ok
    report = verify(ledger, PUBLIC, original[1][-1])
    assert (report.first_bad, report.missing) == (size, ((size, SIZE - 1),))
    assert verify(ledger, PUBLIC, original[1][size - 1] if size else None).ok


def test_checkpoints_that_are_gone(ledger):
    """Entries above the newest checkpoint that is left are named."""
    tamper(ledger, "delete from checkpoint where size > 12")
    assert first_bad(ledger) == 12
    tamper(ledger, "delete from checkpoint")
    assert first_bad(ledger) == 0


@pytest.mark.parametrize("size", [3, SIZE])
def test_a_wrong_signature(ledger, size):
    """A checkpoint that another key signed is named by the entry that it ends with."""
    forged = checkpoint.sign(
        Checkpoint(ORIGIN, size, root_at(ledger, size)), Ed25519PrivateKey.generate()
    )
    tamper(ledger, ("update checkpoint set note=? where size=?", (forged, size)))
    report = verify(ledger, PUBLIC)
    assert f"checkpoint of {size} entries" in report.findings[-1].problem
    assert report.findings[-1].seq in {size - 1, 25}
    assert not report.ok


@pytest.mark.parametrize("note", ["", "x", "a\n\n\u2014 b c\n", "\x00", "x" * 50_000])
def test_a_checkpoint_that_is_none(ledger, note):
    """Garbage in place of a checkpoint is found, never trusted, never a crash."""
    tamper(ledger, ("update checkpoint set note=? where size=5", (note,)))
    assert first_bad(ledger) == 4


def test_a_checkpoint_under_another_size(ledger):
    """A true checkpoint stored under a wrong size is found."""
    of_four = "(select note from checkpoint where size=4)"
    tamper(ledger, f"update checkpoint set note={of_four} where size=5")
    assert first_bad(ledger) == 4


def test_the_wrong_key(ledger):
    """Under another public key nothing is vouched for."""
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    assert first_bad(ledger, public=other) == 0
    assert first_bad(ledger, public=b"short") == 0


@pytest.mark.parametrize("column", ["value", "salt", "field"])
def test_an_opened_value_that_was_changed(ledger, column):
    """A person, a salt or a field name that does not fit its commitment is named."""
    new = b"0" * 16 if column == "salt" else "bruno"
    tamper(ledger, (f"update opened set {column}=? where seq=9 and field='actor_id'", (new,)))
    report = verify(ledger, PUBLIC)
    assert {one.seq for one in report.findings} == {9}
    assert not report.ok


def test_a_value_for_no_entry(ledger):
    """A value beside an entry that does not exist is found."""
    tamper(ledger, "insert into opened values(77, 'actor_id', x'00', 'anna')")
    assert first_bad(ledger) == 77


def test_erasure_is_not_tampering(original, ledger):
    """Personal values may be deleted; the log verifies against every checkpoint as before."""
    with closing(sqlite3.connect(ledger)) as db:
        db.execute("delete from opened where seq < 10")
        db.commit()
    for held in original[1]:
        assert verify(ledger, PUBLIC, held).ok


def rewrite(path, seq):
    """Do what the holder of the key can: change an entry and sign everything anew."""
    frontier = Frontier()
    roots = {}
    for number, header, _ in rows(path):
        new = edited(header) if number == seq else header
        tamper(
            path, ("update entry set header=?, leaf=? where seq=?", (new, leaf_hash(new), number))
        )
        frontier = frontier.append(leaf_hash(new))
        roots[frontier.size] = frontier.root()
    with closing(sqlite3.connect(path)) as db:
        sizes = [size for (size,) in db.execute("select size from checkpoint").fetchall()]
    for size in sizes:
        note = checkpoint.sign(Checkpoint(ORIGIN, size, roots[size]), KEY)
        tamper(path, ("update checkpoint set note=? where size=?", (note, size)))


def test_history_rewritten_with_the_stolen_key(original, ledger):
    """Whoever has the key can forge the file, but not against a checkpoint held elsewhere."""
    rewrite(ledger, 8)
    assert verify(ledger, PUBLIC).ok
    assert verify(ledger, PUBLIC, original[1][7]).ok
    report = verify(ledger, PUBLIC, original[1][12])
    assert not report.ok
    assert "held checkpoint of 13" in report.findings[0].problem


@pytest.mark.parametrize("held", ["", "garbage", "a\n1\nAA==\n\n\u2014 a AA==\n"])
def test_a_held_checkpoint_that_is_none(ledger, held):
    """A held checkpoint that cannot be read is a finding about no entry."""
    report = verify(ledger, PUBLIC, held)
    assert (report.ok, report.findings[0].seq) == (False, NOWHERE)


def test_a_held_checkpoint_of_another_log(ledger):
    """A checkpoint of another log, signed by the same key, does not count."""
    held = checkpoint.sign(Checkpoint("carrara.example/varco", 3, root_at(ledger, 3)), KEY)
    assert not verify(ledger, PUBLIC, held).ok


def test_not_a_ledger(tmp_path):
    """A file that is absent, empty or something else is a finding, not a crash."""
    path = tmp_path / "x.db"
    assert "no such file" in verify(path, PUBLIC).findings[0].problem
    path.write_bytes(b"")
    assert not verify(path, PUBLIC).ok
    path.write_bytes(b"SQLite format 3\x00" + os.urandom(5000))
    assert not verify(path, PUBLIC).ok


def test_a_header_that_is_not_json(ledger):
    """An entry that holds something else, hashed and all, is named."""
    tamper(ledger, ("update entry set header=?, leaf=? where seq=6", (b"[]", leaf_hash(b"[]"))))
    assert first_bad(ledger) == 6


def test_many_checkpoints_are_not_all_checked_at_first(ledger, monkeypatch):
    """Beyond the bound the newest vouches; a first finding brings all signatures under scrutiny."""
    monkeypatch.setattr(module, "MOST_SIGNATURES", 2)
    forged = checkpoint.sign(
        Checkpoint(ORIGIN, 9, root_at(ledger, 9)), Ed25519PrivateKey.generate()
    )
    tamper(ledger, ("update checkpoint set note=? where size=9", (forged,)))
    audit = module._pass(ledger, module._Audit(PUBLIC, (), NO_TRUST, 2))
    assert (audit.problems, audit.unchecked) == (0, len(BATCHES) - 3)
    tamper(ledger, ("update entry set leaf=? where seq=15", (bytes(32),)))
    again = module._pass(ledger, module._Audit(PUBLIC, (), NO_TRUST, 10**6))
    assert [one.seq for one in again.findings] == [8, 15]


async def test_it_reads_while_the_daemon_writes(tmp_path):
    """A verifier beside a busy writer sees one consistent state each time."""
    path = tmp_path / "ledger.db"
    done = asyncio.Event()
    sizes = []
    async with opened(path) as ledger, asyncio.TaskGroup() as group:

        async def look():
            while not done.is_set():
                report = await asyncio.to_thread(verify, path, PUBLIC, ledger.checkpoint() or None)
                assert report.ok, report.findings
                sizes.append(report.size)

        await ledger.append(event(0))
        group.create_task(look())
        while len(set(sizes)) < 5:
            await ledger.append_many([event(n) for n in range(20)])
        done.set()


def test_a_read_only_medium(original, ledger):
    """A closed ledger on a medium that cannot be written verifies there."""
    folder = ledger.parent
    ledger.chmod(0o400)
    folder.chmod(0o500)
    try:
        assert verify(ledger, PUBLIC, original[1][-1]).ok
    finally:
        folder.chmod(0o700)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_single_flipped_byte_of_evidence(original, tmp_path, data):
    """Flip any byte of any header, leaf or value: the entry it belongs to is the first bad one."""
    path = copied(original[0], tmp_path)
    table, column = data.draw(
        st.sampled_from([("entry", "header"), ("entry", "leaf"), ("opened", "salt")])
    )
    with closing(sqlite3.connect(path)) as db:
        cells = db.execute(f"select seq, {column} from {table}").fetchall()
    seq, value = data.draw(st.sampled_from(cells))
    at = data.draw(st.integers(0, len(value) - 1))
    new = value[:at] + bytes([value[at] ^ data.draw(st.integers(1, 255))]) + value[at + 1 :]
    tamper(path, (f"update {table} set {column}=? where seq=? and {column}=?", (new, seq, value)))
    assert first_bad(path) == seq


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_flipped_bytes_of_the_file(original, tmp_path, data):
    """Whatever byte of the file is flipped: never a crash; if it verifies, nothing was changed."""
    raw = bytearray(original[0].read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "flipped.db"
    path.write_bytes(raw)
    if verify(path, PUBLIC, original[1][-1]).ok:
        assert [row[1] for row in rows(path)] == [row[1] for row in rows(original[0])]


def test_headers_carry_what_the_norm_asks(original):
    """Each entry has its place, id, times, clock state and software in its hashed header."""
    record = json.loads(rows(original[0])[3][1])
    assert record["seq"] == 3
    assert {"id", "ts_utc_us", "ts_mono_us", "clock_sync", "sw_version"} <= record.keys()
    assert "anna" not in rows(original[0])[3][1].decode()


TABLES = {
    "opened": "create table opened(seq, field, salt, value)",
    "checkpoint": "create table checkpoint(size, note)",
    "entry": "create table entry(seq, header, leaf)",
}
ENDLESS = (
    "create view entry as with recursive c(x) as (select 0 union all select x + 1 from c) "
    "select x as seq, x'00' as header, x'00' as leaf from c"
)


def crafted(path, *statements, **tables):
    """Make a file that only looks like a ledger; return what verification says."""
    with closing(sqlite3.connect(path)) as db:
        for statement in (*(TABLES | tables).values(), *statements):
            db.execute(statement)
        db.commit()
    return verify(path, PUBLIC)


@pytest.mark.parametrize(
    "statement",
    [
        "insert into entry values('a', x'00', x'00')",
        "insert into entry values(null, x'00', x'00')",
        "insert into entry values(9e999, x'00', x'00')",
        "insert into checkpoint values('z', 'note')",
        "insert into opened values(x'00', 'actor_id', x'00', 'anna')",
    ],
)
def test_rows_without_a_number(tmp_path, statement):
    """A hostile file numbers its rows with words: a finding, not a crash of the auditor's tool."""
    report = crafted(tmp_path / "x.db", statement)
    assert any("without a number" in one.problem for one in report.findings)


def test_a_header_as_deep_as_a_well(tmp_path):
    """JSON that nests without end names its entry."""
    deep = "insert into entry values(0, cast('" + "[" * 100_000 + "' as blob), x'00')"
    report = crafted(tmp_path / "x.db", deep)
    assert any("entry 0 is not a ledger entry" in one.problem for one in report.findings)


def test_a_giant_value(tmp_path):
    """A value that would fill the memory is not read."""
    report = crafted(tmp_path / "x.db", "insert into entry values(0, zeroblob(300000000), x'00')")
    assert any("cannot be read" in one.problem for one in report.findings)


def test_a_view_instead_of_a_table(tmp_path):
    """A view that never ends is refused before it is asked."""
    report = crafted(tmp_path / "x.db", entry=ENDLESS)
    assert [one.problem for one in report.findings] == [
        f"{tmp_path / 'x.db'}: cannot be read: entry is no table"
    ]


HOUR_US = 3_600_000_000


async def hourly(path, hours):
    """A ledger with one entry an hour from EPOCH on; return when entry n was written, in us."""
    clock = FakeClock()
    async with opened(path, clock) as ledger:
        for n in range(hours):
            await ledger.append(event(n))
            clock.advance(3600)
    return lambda n: EPOCH_US + n * HOUR_US


async def test_a_period_is_that_of_its_times(tmp_path):
    """Days become numbers of entries; before the first and after the last there are none."""
    path = tmp_path / "ledger.db"
    at = await hourly(path, 10)
    assert (first_since(path, at(3)), last_before(path, at(7))) == (3, 6)
    assert (first_since(path, at(3) + 1), last_before(path, at(7) + 1)) == (4, 7)
    assert (first_since(path, 0), last_before(path, at(99))) == (0, None)
    assert (first_since(path, at(99)), last_before(path, 1)) == (10, -1)
    with pytest.raises(LedgerError, match="cannot be read"):
        first_since(tmp_path / "nix.db", 1)


async def test_missing_entries_belong_to_the_period_around_them(tmp_path):
    """Where all entries of some hours were taken out, those hours are not intact."""
    path = tmp_path / "ledger.db"
    at = await hourly(path, 10)
    tamper(path, "delete from entry where seq in (3, 4, 5)")
    asked = [(at(3), at(5)), (at(4), at(4) + 1), (0, at(2)), (at(7), at(9))]
    told = []
    for since, until in asked:
        found = within(
            verify(path, PUBLIC), Span(first_since(path, since), last_before(path, until))
        )
        told.append((found.missing, found.first_bad))
    assert told == [(((3, 5),), 3), (((3, 5),), 3), ((), None), ((), None)]


@pytest.mark.parametrize(
    ("span", "ok", "first", "missing"),
    [
        (Span(0, 9), True, None, ()),
        (Span(10, 12), False, 10, ((11, 12),)),
        (Span(12, 12), False, 12, ((12, 12),)),
        (Span(15, 19), True, None, ()),
        (Span(20), False, 25, ((28, 29),)),
        (Span(99), True, None, ()),
    ],
)
def test_a_period_is_judged_by_what_touches_it(ledger, span, ok, first, missing):
    """A range that reaches into a period counts, from the period's first entry on."""
    tamper(
        ledger,
        "delete from entry where seq in (11, 12, 13)",
        "delete from entry where seq >= 28",
        "update entry set leaf = zeroblob(32) where seq in (10, 25)",
    )
    report = verify(ledger, PUBLIC)
    found = within(report, span)
    assert (found.ok, found.first_bad, found.missing) == (ok, first, missing), report.findings
    assert found.outside == len(report.findings) - len(found.findings) > 0


def test_what_names_no_entry_and_what_is_not_listed_concern_every_period(ledger, monkeypatch):
    """Nothing is called intact on the strength of a list that is cut."""
    found = within(verify(ledger, PUBLIC, "nonsense"), Span(3, 3))
    assert (found.ok, found.first_bad, found.outside) == (False, None, 0)
    monkeypatch.setattr(module, "MOST_FINDINGS", 1)
    tamper(ledger, "update entry set leaf = zeroblob(32) where seq in (10, 25)")
    assert not within(verify(ledger, PUBLIC), Span(3, 3)).ok
