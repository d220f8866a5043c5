# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.assembly.room_witness: a room cosigns an edge's real log over the line."""

import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.assembly.journal import Journal
from gateway.assembly.room_witness import (
    LOOK_S,
    RULE_FORK,
    LineWitness,
    RoomWitness,
    WitnessParts,
    open_witness,
)
from gateway.assembly.witnessing import Outside, Subject, Witnessing
from gateway.audit.catalogue import DAY_US, TECHNICAL_US
from gateway.audit.verify import Trust, verify
from gateway.audit.witness import BehindError, ForkError
from gateway.model.access import Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import ConfigError, LedgerError, PeerError, RefusedError
from gateway.model.registry import Edge
from gateway.room.store import open_room_store
from gateway.room.witnesses import BEHIND, CHECKPOINT, SCHEMA, EdgeLogs, RoomKey, request_text
from gateway.wire.checkpoint import VerifierKey
from tests.fakes import FakeClock
from tests.line_pair import Pair
from tests.unit.access.town import registry
from tests.unit.audit.logbook import ORIGIN, PUBLIC, event, opened

EDGE = "varco-nord"
VKEY = VerifierKey(ORIGIN, PUBLIC).vkey()
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
OTHER_VKEY = VerifierKey(ORIGIN, OTHER.public_key().public_bytes_raw()).vkey()


class Alarms:
    """Remembers what goes on."""

    def __init__(self):
        self.standing = {}
        self.told = []

    async def raise_line(self, edge, rule, problem):
        is_new = (edge, rule) not in self.standing
        self.standing[edge, rule] = problem
        self.told += [edge] * is_new
        return is_new

    async def end_line(self, edge, rule):
        self.standing.pop((edge, rule), None)


@dataclass
class Room:
    """A room's witness at the far end of a line, and what it raised."""

    pair: Pair
    witness: RoomWitness
    alarms: Alarms
    ledger: object
    edges: dict
    line: LineWitness

    async def greet(self, vkey=VKEY):
        await self.witness.greeted(self.pair.edge.peer, {"vkey": vkey})
        await self.line.greeted({"witness_key": self.witness.vkey})

    async def forks(self):
        found = [one.event for one in await self.ledger.entries(-1, 1000)]
        return [(one.object_id, one.error) for one in found if one.event == "log.fork"]


@asynccontextmanager
async def room(folder, clock, vkey=VKEY):
    home = folder / "room"
    home.mkdir(exist_ok=True)
    pair, alarms, edges = Pair(EDGE, "sala"), Alarms(), {EDGE: Edge(EDGE, "Nord", ledger_vkey=vkey)}
    async with (
        open_room_store(home / "room.db", SCHEMA) as store,
        opened(home / "ledger.db", clock, origin="sala.example/varco", key=OTHER) as ledger,
    ):
        town = registry()
        object.__setattr__(town, "edges", edges)
        parts = WitnessParts(
            open_witness(home, "sala.example/varco"), EdgeLogs(store), lambda: town,
            Journal(ledger, clock), alarms, clock, pair.edge.is_up,
        )  # fmt: skip
        witness = RoomWitness(parts)
        pair.room.handlers = witness.handlers()
        line = LineWitness("questura", pair.edge, RoomKey(folder / "lines" / "witness.vkey"))
        yield Room(pair, witness, alarms, ledger, edges, line)


@asynccontextmanager
async def edge(folder, clock, line, **more):
    """An edge's ledger and its keeper, who asks the line."""
    path = folder / "ledger.db"
    async with opened(path, clock, **more) as ledger:
        keeper = Witnessing(ledger, Journal(ledger, clock), clock, Subject(path, PUBLIC), Outside())
        keeper.also(lambda: [line] if line.is_known else [])
        yield ledger, keeper


async def test_the_room_vouches_and_the_verifier_believes_it(tmp_path):
    """Over restarts of both; its key is among those whose word counts."""
    clock = FakeClock()
    for turn in range(2):
        async with room(tmp_path, clock) as far, edge(tmp_path, clock, far.line) as near:
            ledger, keeper = near
            if not turn:
                await ledger.append(event(1))
                await keeper.ask_all()
                assert keeper.cosigned_age_s() is None
                assert keeper.witnesses == ()
            await far.greet()
            for n in range(3):
                await ledger.append_many([event(n)] * 3)
                await keeper.ask_all()
                assert (keeper.problems, keeper.cosigned_age_s()) == ((), 0)
            assert keeper.witnesses == (far.witness.vkey,)
            assert await far.forks() == []
            size, trust = ledger.head().size, keeper.trust
    report = verify(tmp_path / "ledger.db", PUBLIC, trust=trust)
    assert (report.ok, report.exposed, report.size) == (True, 0, size)
    assert isinstance(trust, Trust)


async def test_an_absent_room_catches_up(tmp_path):
    """Ten rounds over a line that is down, then one over one that stands."""
    clock = FakeClock()
    async with room(tmp_path, clock) as far, edge(tmp_path, clock, far.line) as (ledger, keeper):
        await far.greet()
        await ledger.append(event(0))
        await keeper.ask_all()
        far.pair.cut()
        for n in range(10):
            await ledger.append(event(n))
            await keeper.ask_all()
        assert "line" in keeper.problems[0]
        far.pair.mend()
        await keeper.ask_all()
        assert (keeper.problems, await far.forks()) == ((), [])


async def test_a_ledger_that_was_rolled_back_is_named(tmp_path):
    """An older copy of the file, growing on: no signature, one entry, one alarm, while it lasts."""
    clock = FakeClock()
    async with room(tmp_path, clock) as far:
        async with edge(tmp_path, clock, far.line) as (ledger, keeper):
            await far.greet()
            await ledger.append_many([event(n) for n in range(5)])
            await keeper.ask_all()
        shutil.copy(tmp_path / "ledger.db", tmp_path / "old.db")
        async with edge(tmp_path, clock, far.line) as (ledger, keeper):
            await ledger.append_many([event(n) for n in range(9)])
            await keeper.ask_all()
            assert keeper.problems == ()
        shutil.copy(tmp_path / "ledger.db", tmp_path / "true.db")
        for suffix in ("", "-wal", "-shm"):
            (tmp_path / f"ledger.db{suffix}").unlink(missing_ok=True)
        shutil.copy(tmp_path / "old.db", tmp_path / "ledger.db")
        async with edge(tmp_path, clock, far.line) as (ledger, keeper):
            for n in range(14):
                await ledger.append(event(100 + n))
                await keeper.ask_all()
                assert "refused" in keeper.problems[0]
        assert await far.forks() == [(EDGE, "fork")]
        assert far.alarms.told == [EDGE]
        assert list(far.alarms.standing) == [(EDGE, RULE_FORK)]
        for suffix in ("", "-wal", "-shm"):
            (tmp_path / f"ledger.db{suffix}").unlink(missing_ok=True)
        shutil.copy(tmp_path / "true.db", tmp_path / "ledger.db")
        async with edge(tmp_path, clock, far.line) as (ledger, keeper):
            await ledger.append(event(7))
            await keeper.ask_all()
            assert (keeper.problems, far.alarms.standing) == ((), {})


async def minutes(far, clock, count):
    """Let time pass, with the looks that are due."""
    for _ in range(count * 2):
        clock.advance(LOOK_S)
        await far.witness.look(LOOK_S)


async def test_a_new_branch_that_never_shows_a_proof_is_named(tmp_path):
    """Rolled back and longer again, each checkpoint `old 0`: no cosignature, so ten minutes."""
    clock = FakeClock()
    async with room(tmp_path, clock) as far:
        async with edge(tmp_path, clock, far.line) as (ledger, keeper):
            await far.greet()
            await ledger.append_many([event(n) for n in range(5)])
            await keeper.ask_all()
        (tmp_path / "ledger.db").rename(tmp_path / "true.db")
        for suffix in ("-wal", "-shm"):
            (tmp_path / f"ledger.db{suffix}").unlink(missing_ok=True)
        async with edge(tmp_path, clock, far.line) as (ledger, _):
            await ledger.append_many([event(100 + n) for n in range(30)])
            for _ in range(10):
                assert await far.forks() == []
                asked = await ledger.extension(0)
                with pytest.raises(RefusedError, match=BEHIND):
                    await far.pair.edge.call(
                        CHECKPOINT, {"request": request_text(0, (), asked.note)}
                    )
                await minutes(far, clock, 1)
        assert await far.forks() == [(EDGE, "silent")]
        assert far.alarms.told == [EDGE]
        await minutes(far, clock, 5)
        assert len(await far.forks()) == 1


async def test_silence_is_named_over_breaks_of_the_line_and_a_restart_of_the_room(tmp_path):
    """Only while the line stands; whoever was away may ask first; the next cosignature ends it."""
    clock = FakeClock()
    async with room(tmp_path, clock) as far, edge(tmp_path, clock, far.line) as (ledger, keeper):
        await far.greet()
        await ledger.append(event(1))
        await keeper.ask_all()
        await minutes(far, clock, 9)
        await keeper.ask_all()
        await minutes(far, clock, 9)
        far.pair.cut()
        await minutes(far, clock, 60)
        assert await far.forks() == []
    async with room(tmp_path, clock) as far, edge(tmp_path, clock, far.line) as (ledger, keeper):
        for _ in range(4):
            far.pair.mend()
            await minutes(far, clock, 1)
            far.pair.cut()
        assert await far.forks() == []
        far.pair.mend()
        await minutes(far, clock, 1)
        assert await far.forks() == [(EDGE, "silent")]
        await far.greet()
        await keeper.ask_all()
        assert (keeper.problems, far.alarms.standing) == ((), {})
        await minutes(far, clock, 9)
        assert far.alarms.standing == {}
        del far.edges[EDGE]
        await minutes(far, clock, 9)
        assert far.alarms.standing == {}


async def test_a_log_that_was_never_cosigned_is_named_too(tmp_path):
    """Ten minutes after its line was seen first."""
    clock = FakeClock()
    async with room(tmp_path, clock, vkey="") as far:
        await minutes(far, clock, 10)
        assert await far.forks() == []
        await minutes(far, clock, 1)
        assert await far.forks() == [(EDGE, "silent")]


async def test_a_memory_that_vanished_is_said(tmp_path):
    """A log that was seen once, and of which nothing is known any more: one entry, one alarm."""
    clock = FakeClock()
    for turn, said in enumerate(([], [(EDGE, "memory-lost")], [(EDGE, "memory-lost")])):
        async with room(tmp_path, clock) as far, edge(tmp_path, clock, far.line) as near:
            ledger, keeper = near
            await far.greet()
            await ledger.append(event(turn))
            await keeper.ask_all()
            assert keeper.problems == ()
            assert await far.forks() == said
            assert bool(far.alarms.standing) is (turn == 1)
            await keeper.ask_all()
            assert far.alarms.standing == {}
        if not turn:
            (tmp_path / "room" / "witness.json").unlink()


async def test_an_absent_room_catches_up_over_a_rotation(tmp_path):
    """What it saw last was dropped meanwhile; it is led from there to now."""
    clock = FakeClock()
    old = LedgerEvent("log.verify", Operation.NONE, Regime.GDPR, object_type="ledger")
    async with room(tmp_path, clock) as far, edge(tmp_path, clock, far.line) as (ledger, keeper):
        await far.greet()
        for _ in range(5):
            await ledger.append(old)
        await keeper.ask_all()
        far.pair.cut()
        for _ in range(9):
            await ledger.append(old)
        clock.advance((TECHNICAL_US + DAY_US) / 1_000_000)
        assert (await ledger.rotate()).rotations
        assert (await ledger.entries())[0].seq > 6
        far.pair.mend()
    async with room(tmp_path, clock) as far, edge(tmp_path, clock, far.line) as (ledger, keeper):
        await far.greet()
        await keeper.ask_all()
        assert (keeper.problems, await far.forks()) == ((), [])
        assert keeper.cosigned_age_s() == 0


async def test_another_key_of_an_edges_log_is_a_fork(tmp_path):
    """Whether the enrolment told the first one or the first hello did."""
    clock = FakeClock()
    for at, known in enumerate((VKEY, "")):
        home = tmp_path / str(at)
        home.mkdir()
        async with room(home, clock, known) as far:
            await far.greet()
            assert await far.forks() == []
            await far.greet(OTHER_VKEY)
            assert await far.forks() == [(EDGE, "key-changed")]
            async with edge(home, clock, far.line, key=OTHER) as (ledger, keeper):
                await ledger.append(event(1))
                await keeper.ask_all()
                assert "not signed by this key" in keeper.problems[0]
            for strange in (None, 7, "", "nonsense"):
                await far.greet(strange)
            assert len(await far.forks()) == 1


async def test_two_edges_may_name_their_logs_alike(tmp_path):
    """A second log of the same name neither continues nor spoils the first."""
    clock = FakeClock()
    async with room(tmp_path, clock) as far:
        await far.greet()
        async with edge(tmp_path, clock, far.line) as (ledger, keeper):
            await ledger.append_many([event(n) for n in range(4)])
            await keeper.ask_all()
            (tmp_path / "two").mkdir()
            far.edges["sede-due"] = Edge("sede-due", "Due", ledger_vkey=OTHER_VKEY)
            far.pair.edge.peer = type(far.pair.edge.peer)("sede-due", "Due", "c" * 64)
            async with edge(tmp_path / "two", clock, far.line, key=OTHER) as (other, second):
                await other.append(event(1))
                await second.ask_all()
                assert second.problems == ()
            far.pair.edge.peer = type(far.pair.edge.peer)(EDGE, "Nord", "a" * 64)
            await ledger.append(event(5))
            await keeper.ask_all()
            assert (keeper.problems, await far.forks()) == ((), [])


async def test_a_room_whose_key_has_changed_does_not_count(tmp_path):
    """It is not even asked; a person is told."""
    clock = FakeClock()
    async with room(tmp_path, clock) as far, edge(tmp_path, clock, far.line) as (ledger, keeper):
        with pytest.raises(PeerError, match="not told"):
            _ = far.line.key
        await far.greet()
        await far.line.greeted({"witness_key": VKEY.replace("+", "+", 1)})
        await ledger.append(event(1))
        await keeper.ask_all()
        assert "does not witness" in keeper.problems[0]
        assert far.pair.edge.said == []


async def test_a_full_disk_is_no_signature(tmp_path):
    """What the room cannot remember it does not sign; nothing is called a fork."""
    clock = FakeClock()
    async with room(tmp_path, clock) as far, edge(tmp_path, clock, far.line) as (ledger, keeper):
        await far.greet()
        await ledger.append(event(1))
        memory = tmp_path / "room" / "witness.json.part"
        memory.mkdir()
        await keeper.ask_all()
        assert "cannot remember" in keeper.problems[0]
        assert keeper.cosigned_age_s() is None
        memory.rmdir()
        await keeper.ask_all()
        assert (keeper.problems, await far.forks()) == ((), [])


async def test_refusals_keep_their_meaning_over_the_line(tmp_path):
    """Behind is behind with its size, a fork a fork; what is no request is an error."""
    clock = FakeClock()
    async with room(tmp_path, clock) as far, edge(tmp_path, clock, far.line) as (ledger, _):
        await far.greet()
        await ledger.append_many([event(n) for n in range(3)])
        old = ledger.checkpoint()
        await far.line.cosign(old, 0, [])
        await ledger.append(event(4))
        with pytest.raises(BehindError) as told:
            await far.line.cosign(ledger.checkpoint(), 0, [])
        assert told.value.size == 3
        asked = await ledger.extension(3)
        await far.line.cosign(asked.note, 3, asked.proof)
        with pytest.raises(ForkError):
            await far.line.cosign(old, 3, [])
        with pytest.raises(RefusedError):
            await far.pair.edge.call("checkpoint", {"request": request_text(0, [], "nonsense")})


def test_the_witness_keeps_its_key_and_memory(tmp_path):
    """Made once, readable by nobody else; a spoilt one is a person's matter."""
    first = open_witness(tmp_path, "sala.example/varco")
    assert open_witness(tmp_path, "sala.example/varco").key == first.key
    assert (tmp_path / "witness.key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "witness.json").write_text("[]")
    with pytest.raises(LedgerError):
        open_witness(tmp_path, "sala.example/varco")
    (tmp_path / "witness.json").unlink()
    (tmp_path / "witness.key").write_text("nonsense")
    with pytest.raises(ConfigError):
        open_witness(tmp_path, "sala.example/varco")
