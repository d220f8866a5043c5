# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.room.plates: an edge's desk, a room's desk, and the line between them."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from gateway.assembly.journal import Journal
from gateway.assembly.plans import Basis
from gateway.assembly.plate_book import open_hit_book
from gateway.assembly.plate_couriers import PlatePost
from gateway.assembly.plates import PlateDesk, PlateParts
from gateway.model.alarm import AlarmVerdict
from gateway.model.errors import RefusedError, StoreError, WireError
from gateway.model.hit import RULE_HIT, HitState
from gateway.model.registry import Analytic
from gateway.model.room import LinePeer
from gateway.relay.alarms.plate_courier import PlateCourier, PlatePace
from gateway.room import mqtt_line
from gateway.room.mqtt_line import NOT_YET
from gateway.room.plates import PlateIntake, PlateIntakeParts
from gateway.runtime.supervise import Policy
from gateway.wire.onvif_mqtt import PlateHit, PlateLabel, plate_message
from tests.unit.access.town import registry
from tests.unit.assembly.parts import until
from tests.unit.assembly.plate_parts import PLATE, Lists, passage
from tests.unit.assembly.two_boxes import EDGE, ENROLLED, ROOM, boxes, running

FAST = PlatePace(first_s=0.05, most_s=0.2, redial=Policy(first_s=0.05, most_s=0.1))
PEER = LinePeer(EDGE, "Varco nord", "f" * 64)


@dataclass
class Two:
    """Both boxes, each with its desk of plates."""

    boxes: object
    edge: PlateDesk
    room: PlateDesk
    edge_book: object
    room_book: object
    refused: list
    rings: list

    def courier(self):
        post = PlatePost(self.edge_book, Lists(), EDGE, self.boxes.clock)
        made = PlateCourier(
            self.boxes.recipient, self.boxes.broker, post, box=EDGE, clock=self.boxes.clock,
            pace=FAST,
        )  # fmt: skip
        self.rings.append(made.ring)
        return made

    async def judged_at_room(self, hit_id, verdict):
        await self.boxes.desk.judge(hit_id, "anna", verdict)
        await self.boxes.room_outbox.close(hit_id, "anna", verdict)


@asynccontextmanager
async def two(folder):
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(boxes(folder))
        refused, plain = [], registry()
        known = replace(plain, recipients=plain.recipients | {"questura": made.recipient})
        desks, books, rings = [], [], []
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        for name, outbox, ledger in (
            (EDGE, made.edge_outbox, made.edge_ledger),
            (ROOM, made.room_outbox, made.room_ledger),
        ):
            book = await stack.enter_async_context(open_hit_book(folder / name / "hits.db"))
            secret = name[0].encode() * 32 if name == ROOM else b"k" * 32
            parts = PlateParts(
                book, outbox, Journal(ledger, made.clock), lambda: known, Lists(secret=secret),
                lambda _: Basis(Analytic.PLATES, "patto", ("questura",)), made.clock,
                tasks.create_task, changed=lambda: [one() for one in rings],
            )  # fmt: skip
            desks.append(PlateDesk(parts))
            books.append(book)

        async def note(*said):
            refused.append(said)

        intake = PlateIntake(
            PlateIntakeParts(made.room_outbox, made.edges.get, desks[1].keep_foreign, note)
        )
        made.pair.room.handlers = {**made.pair.room.handlers, mqtt_line.PLATE: intake.plate}
        keeping = [tasks.create_task(one.keep()) for one in desks]
        yield Two(made, *desks, *books, refused, rings)
        for one in keeping:
            one.cancel()


async def test_a_hit_reaches_a_room_over_its_line_and_its_no_comes_back(tmp_path):
    """Alarm and plate under one id, sealed at both; the room's verdict deletes it at both."""
    async with two(tmp_path) as w, running(w.boxes.courier().run()), running(w.courier().run()):
        await w.edge.passed(passage(w.boxes.clock))
        (hit,) = await w.edge_book.all()
        (far,) = await until(w.room_book.all, what="the plate at the room")
        assert (far.id, far.camera, far.state) == (hit.id, f"{EDGE}.piazza", HitState.WAITING)
        assert (far.kind, far.passing, far.entry) == (hit.kind, hit.passing, "")
        await until(lambda: _waits_for_nobody(w), what="the edge knows")
        disk = b"".join(one.read_bytes() for one in tmp_path.rglob("*") if one.is_file())
        assert PLATE.encode() not in disk
        await w.judged_at_room(hit.id, AlarmVerdict.FALSE)
        await until(lambda: _none_left(w), what="discarded at both")
        (gone,) = await w.boxes.entries(EDGE, "lpr.discard")
        assert (gone.object_id, gone.case_ref) == ("voce-1", hit.id)
        assert len(await w.boxes.entries(ROOM, "lpr.hit", "lpr.discard")) == 2


async def _waits_for_nobody(w):
    return not await w.edge_book.waiting("questura")


async def _none_left(w):
    return not await w.edge_book.all() and not await w.room_book.all()


async def test_what_is_not_certain_reaches_no_room_before_its_own_box_has_confirmed_it(tmp_path):
    """Neither alarm nor plate; then both."""
    async with two(tmp_path) as w, running(w.boxes.courier().run()), running(w.courier().run()):
        await w.edge.passed(passage(w.boxes.clock, certain=False))
        (hit,) = await w.edge_book.all()
        await w.edge.passed(passage(w.boxes.clock, zone="varco-sud", number=2))  # it comes after
        (only,) = await until(w.room_book.all, what="the certain one")
        assert only.id != hit.id
        assert hit.id not in [one.alarm.id for one in await w.boxes.shown()]
        assert await w.edge.confirm(hit.id, "anna")
        await until(lambda: _count(w, 2), what="both")


async def _count(w, wanted):
    return len(await w.room_book.all()) == wanted


def told(hit_id="019b0000-0000-7000-8000-000000000001", **more):
    plain = PlateHit(
        hit_id, EDGE, "piazza", RULE_HIT, 1_000_000, 0.9, PLATE, "IT", PlateLabel.WANTED
    )
    return replace(plain, **more)


def body(hit, recipient):
    message = plate_message("varco/x/sala", hit, recipient)
    return {"topic": message.topic, "payload": message.payload.decode()}


class Intakes:
    """An intake over answers given by the test."""

    def __init__(self, record=None, edge=ENROLLED, problem=None):
        self.kept, self.refused, self.record, self.problem = [], [], record, problem
        self.intake = PlateIntake(PlateIntakeParts(self, lambda _: edge, self.keep, self.note))

    async def find(self, alarm_id):
        return self.record

    async def keep(self, hit, record):
        if self.problem:
            raise self.problem
        self.kept.append(hit)

    async def note(self, *said):
        self.refused.append(said)


async def an_alarm(w, **more):
    await w.edge.passed(passage(w.boxes.clock, **more))
    return await w.boxes.edge_outbox.find((await w.edge_book.all())[0].id)


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("no-alarm", NOT_YET), ("disk", NOT_YET), ("unknown-edge", "not-authorised"),
        ("disabled", "not-authorised"), ("other-box", "not-yours"), ("other-camera", "not-yours"),
        ("other-rule", "not-yours"), ("alarm-of-another-rule", "not-yours"),
    ],
)  # fmt: skip
async def test_what_does_not_belong_to_an_alarm_of_the_edge_is_refused(tmp_path, case, code):
    """And no refusal names the plate."""
    async with two(tmp_path) as w:
        record = await an_alarm(w)
        recipient = w.boxes.recipient
    far = replace(record.alarm, camera=f"{EDGE}.piazza")
    if case == "alarm-of-another-rule":
        far = replace(far, rule="intrusione")
    edge = {"unknown-edge": None, "disabled": replace(ENROLLED, enabled=False)}.get(case, ENROLLED)
    one = Intakes(
        None if case == "no-alarm" else replace(record, alarm=far), edge,
        StoreError("full") if case == "disk" else None,
    )  # fmt: skip
    changes = {
        "other-box": {"box": "box-9"}, "other-camera": {"camera": "banco"},
        "other-rule": {"rule": "intrusione"},
    }.get(case, {})  # fmt: skip
    with pytest.raises(RefusedError) as refused:
        await one.intake.plate(PEER, body(told(record.alarm.id, **changes), recipient), b"")
    assert refused.value.code == code
    assert PLATE not in str(refused.value)
    assert one.kept == []
    assert bool(one.refused) is (code != NOT_YET)


async def test_a_plate_whose_alarm_was_discarded_is_let_go(tmp_path):
    """It is taken, so that the edge stops bringing it, and kept nowhere."""
    async with two(tmp_path) as w:
        record, recipient = await an_alarm(w), w.boxes.recipient
    far = replace(record.alarm, camera=f"{EDGE}.piazza")
    one = Intakes(replace(record, alarm=far, verdict=AlarmVerdict.FALSE))
    await one.intake.plate(PEER, body(told(far.id), recipient), b"")
    assert one.kept == []
    one = Intakes(replace(record, alarm=far))
    await one.intake.plate(PEER, body(told(far.id), recipient), b"")
    assert [kept.plate for kept in one.kept] == [PLATE]


@pytest.mark.parametrize(
    "wrong", [{}, {"topic": 1, "payload": ""}, {"topic": "x", "payload": "{}"}]
)
async def test_what_is_no_plate_is_a_wire_error(wrong):
    """As for every message of a line."""
    with pytest.raises(WireError):
        await Intakes().intake.plate(PEER, wrong, b"")
