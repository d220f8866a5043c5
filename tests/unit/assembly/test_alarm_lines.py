# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.assembly.alarm_lines: both sides over a real line, TLS and all."""

import asyncio
import contextlib
import json
from collections import defaultdict
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

from gateway.assembly.alarm_lines import SCHEMA, AlarmLines, Around, RoomKept, _Names, room_kept
from gateway.assembly.couriers import Couriers
from gateway.assembly.journal import Journal
from gateway.assembly.room_alarms import RULE_LINE
from gateway.assembly.room_witness import RULE_FORK, open_witness
from gateway.assembly.witnessing import Outside, Subject, Witnessing
from gateway.config.options import RoomOptions, UplinkOptions
from gateway.model.access import Action, Verdict
from gateway.model.alarm import AlarmState, AlarmVerdict
from gateway.model.registry import Recipient, RecipientKind
from gateway.model.room import LINE_ROOM
from gateway.relay.alarms.outbox import open_outbox
from gateway.relay.video.thin import LineBudget
from gateway.room.dial import Uplink, UplinkParts
from gateway.room.reception import Reception, ReceptionParts
from gateway.room.store import open_room_store
from gateway.runtime.clock import SystemClock
from gateway.wire.checkpoint import VerifierKey
from tests.line_parts import BOUNDS, DOORSTEP, PATIENCE, SOON_S, World, address, listener
from tests.unit.access.town import registry
from tests.unit.assembly.parts import until
from tests.unit.assembly.test_far_pictures import grant
from tests.unit.assembly.two_boxes import alarm, camera, running
from tests.unit.audit.logbook import ORIGIN, PUBLIC, event, opened

EDGE = "varco-nord"
VKEY = VerifierKey(ORIGIN, PUBLIC).vkey()
QUESTURA = Recipient("questura", "Questura", RecipientKind.ROOM, "line:questura", "", True)


def options(folder, room=False):
    uplink = UplinkOptions("questura", "questura", (), 0, 20, folder, "", folder)
    return SimpleNamespace(
        box=SimpleNamespace(id="sala" if room else "scatola", state_dir=folder, exercise=False),
        ledger=SimpleNamespace(origin=ORIGIN),
        room=RoomOptions("Sala", "127.0.0.1", 0, (), 20) if room else None,
        uplinks=() if room else (uplink,),
    )


class Lines:
    """What `assembly.lines.Lines` is to others, over a test's own ends."""

    def __init__(self):
        self.handlers_room, self.handlers_edge = {}, {"questura": {}}
        self.greeting = {"room": "sala", "name": "Sala", "heartbeat_s": 20}
        self.on_up, self.on_down = [], []
        self.uplinks, self.reception = {}, None

    def hook(self, end, name):
        end.on_up.append(lambda peer: [told(name, peer) for told in self.on_up])
        end.on_down.append(lambda peer: [told(name, peer) for told in self.on_down])
        return end


class Stills:
    """One picture for everybody."""

    def get(self, _alarm, _grant):
        return b"\xff\xd8" + bytes(100_000)

    def confirm(self, _alarm):
        return True


class Federation:
    """Both of its sides, of whatever was asked for."""

    def __init__(self, offer):
        self.offers = SimpleNamespace(of=lambda edge: offer if edge == EDGE else None)
        self.edge = self.room = self
        self.budgets = defaultdict(LineBudget)
        self.released = []

    async def release(self, line, token, peer):
        self.released.append((line, token, peer.id))
        made = grant("piazza", Action.SNAPSHOT, "edge-grant")
        actor = replace(made.request.actor, organisation="questura")
        return replace(made, request=replace(made.request, actor=actor))

    def assertion_for(self, one):
        return f"token-{one.id}"


class Box:
    """One side, opened."""

    def __init__(self, outbox, ledger, joined, journal):
        self.outbox, self.ledger, self.joined, self.journal = outbox, ledger, joined, journal


@asynccontextmanager
async def box(folder, lines, edges, offer, *, room):
    clock, own = SystemClock(), options(folder, room)
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        ledger = await stack.enter_async_context(opened(folder / "ledger.db", clock))
        outbox = await stack.enter_async_context(open_outbox(folder / "alarms.db", clock=clock))
        journal = Journal(ledger, clock)
        keeper = Witnessing(
            ledger, journal, clock, Subject(folder / "ledger.db", PUBLIC), Outside()
        )
        kept = await room_kept(own, "gateway.toml", stack)
        assert (kept is not None) is room
        joined = AlarmLines.of(own, lines, clock)
        gate = SimpleNamespace(check=lambda _: Verdict(True, None, "", ""))
        federation = Federation(offer)
        joined.join(
            Around(outbox, journal, gate, Stills(), None, federation, keeper,
                   lambda: replace(registry(), edges=edges), clock, tasks.create_task, kept)
        )  # fmt: skip
        made = Box(outbox, ledger, joined, journal)
        made.keeper, made.federation, made.tasks = keeper, federation, tasks
        try:
            yield made
        finally:
            for task in tasks._tasks:
                task.cancel()


@asynccontextmanager
async def several(coroutines):
    """Run what a box says has to run."""
    async with AsyncExitStack() as stack:
        for one in coroutines:
            await stack.enter_async_context(running(one))
        yield


@asynccontextmanager
async def both(folder, door=None, ways=None, **given):
    """A room that listens, at `door` if it is given, and an edge that may dial it, by `ways`."""
    given = {"bounds": BOUNDS, "patience": PATIENCE, **given}
    world, far, near = World(folder), Lines(), Lines()
    issued = world.edge(EDGE, organisations=("sala-pl",), ledger_vkey=VKEY)
    offer = SimpleNamespace(cameras=(camera(),), exercise=False)
    for name in ("room", "edge/lines/questura"):
        (folder / name).mkdir(parents=True)
    row = {"id": "sala", "name": "Sala", "edge": EDGE, "addresses": ["127.0.0.1:1"], "keys": {}}
    (folder / "edge/lines/questura" / LINE_ROOM).write_text(json.dumps(row))
    with contextlib.nullcontext(door) if door is not None else listener() as sock:

        async def refused(_):
            pass

        far.reception = far.hook(
            Reception(
                ReceptionParts(sock, world.server_context, lambda: world.edges,
                               lambda: far.greeting, refused, SystemClock(), bounds=given["bounds"],
                               doorstep=DOORSTEP),
                far.handlers_room,
            ), "",
        )  # fmt: skip

        async def no_media(_):
            pass

        hello = {"edge": EDGE, "name": "Nord", "software": "t", "origin": ORIGIN, "vkey": VKEY}
        near.uplinks["questura"] = near.hook(
            Uplink(
                UplinkParts("questura", lambda: ways or [address(sock)],
                            lambda alpn: world.client_context(issued, alpn), lambda: hello, dict,
                            no_media, SystemClock(), **given),
                near.handlers_edge["questura"],
            ), "questura",
        )  # fmt: skip
        async with (
            box(folder / "room", far, world.edges, offer, room=True) as room,
            box(folder / "edge", near, {}, offer, room=False) as edge,
            running(far.reception.run()),
            several(room.joined.tasks()),
        ):
            yield room, edge, near.uplinks["questura"]


async def test_an_offer_that_the_room_refuses_is_an_entry_of_its_log(tmp_path):
    """Written by the desk of alarms, one entry a minute, whatever an edge sends."""
    async with both(tmp_path) as (room, _, __):
        for _ in range(3):
            await room.federation.refused(EDGE, "", "wrong-edge")
        events = [one.event for one in await room.ledger.entries(-1, 100)]
        (told,) = [one for one in events if one.event == "line.refuse"]
        assert (told.error, told.object_id, told.result) == ("wrong-edge", EDGE, "denied")


async def test_an_edge_whose_log_nobody_cosigns_is_named_while_its_line_stands(
    tmp_path, monkeypatch
):
    """The room itself looks, and knows whose line stands."""
    for name, value in (("LOOK_S", 0.05), ("STANDING_S", 0.2), ("SILENT_S", 0.2)):
        monkeypatch.setattr(f"gateway.assembly.room_witness.{name}", value)
    async with both(tmp_path) as (room, _, uplink), running(uplink.run()):

        async def named():
            events = [one.event for one in await room.ledger.entries(-1, 100)]
            return [(one.object_id, one.error) for one in events if one.event == "log.fork"]

        assert await until(named, bound_s=SOON_S, what="the silence") == [(EDGE, "silent")]
        records = await room.outbox.recent(9)
        assert [(one.alarm.rule, one.alarm.zone) for one in records] == [(RULE_FORK, EDGE)]


async def test_alarm_verdict_picture_and_witness_over_one_line(tmp_path):
    """The whole way there and back; then the line falls, which is an alarm of its own."""
    async with both(tmp_path) as (room, edge, uplink):
        couriers = Couriers(
            edge.outbox, {}, edge.tasks, box="scatola", clock=SystemClock(),
            lines=edge.joined.brokers,
        )  # fmt: skip
        couriers.reconcile(replace(registry(), recipients={"questura": QUESTURA}))
        assert couriers.problems == ()
        made = alarm()
        await edge.outbox.raise_alarm(made, recipients=[QUESTURA], act="patto")
        async with running(uplink.run()):
            (record,) = await until(lambda: room.outbox.recent(9), bound_s=SOON_S, what="the alarm")
            assert record.alarm.camera == f"{EDGE}.piazza"

            async def delivered():
                rows = await edge.outbox.deliveries(made.id)
                return [one.state.value for one in rows] == ["consegnato"]

            await until(delivered, bound_s=SOON_S, what="acknowledged under our own name")
            wanted = grant(record.alarm.camera)
            assert await room.joined.far.still(wanted, record) == Stills().get("", None)
            assert edge.federation.released == [("questura", "token-g1", "sala")]
            assert list(edge.federation.budgets) == ["questura"]
            await edge.ledger.append(event(1))
            await until(lambda: edge.keeper.witnesses, bound_s=SOON_S, what="the room's key")
            await edge.keeper.ask_all()
            assert (edge.keeper.problems, edge.keeper.cosigned_age_s() is not None) == ((), True)
            assert edge.joined.problems == ()
            await room.joined.judge(made.id, "m-rossi", AlarmVerdict.CONFIRMED)
            await until(
                lambda: edge.outbox.get(made.id).closed_by == "sala:m-rossi",
                bound_s=SOON_S, what="the verdict",
            )  # fmt: skip

        async def fallen():
            return [one for one in await room.outbox.recent(9) if one.alarm.rule == RULE_LINE]

        (line,) = await until(fallen, bound_s=SOON_S, what="the alarm about the line")
        assert (line.alarm.zone, line.state) == (EDGE, AlarmState.OPEN)
        assert room.joined.problem == ""


def test_a_box_is_called_what_its_enrolment_says(tmp_path):
    """Also once it is enrolled anew; a file that nobody can read is the line's problem."""
    names = _Names("scatola", tmp_path)
    assert names() == ("scatola", "scatola")
    row = {"id": "sala", "name": "Sala", "edge": EDGE, "addresses": ["127.0.0.1:1"], "keys": {}}
    (tmp_path / LINE_ROOM).write_text(json.dumps(row))
    assert names() == ("scatola", EDGE)
    (tmp_path / LINE_ROOM).write_text("nonsense")
    assert names() == ("scatola", "scatola")


async def test_a_box_without_lines_has_none_of_it(tmp_path):
    """Nothing to run, nothing kept, nothing wrong."""
    own = options(tmp_path)
    own.uplinks = ()
    joined = AlarmLines.of(own, Lines(), SystemClock())
    async with AsyncExitStack() as stack:
        assert await room_kept(own, "gateway.toml", stack) is None
    assert (joined.tasks(), joined.problem, joined.problems) == ((), "", ())
    await joined.judge("x", "y", AlarmVerdict.FALSE)
    assert joined.far is None


async def test_the_room_keeps_its_store_and_key(tmp_path):
    """Opened with the box, closed with it, the same key the next time."""
    keys = set()
    for _ in range(2):
        async with AsyncExitStack() as stack:
            kept = await room_kept(options(tmp_path, room=True), "gateway.toml", stack)
            assert isinstance(kept, RoomKept)
            keys.add(kept.witness.key.vkey())
    assert keys == {open_witness(tmp_path, ORIGIN).key.vkey()}
    assert (tmp_path / "room.db").exists()
    async with open_room_store(tmp_path / "room.db", SCHEMA) as store:
        assert await store.read(lambda db: db.execute("select * from inbox").fetchall()) == []
