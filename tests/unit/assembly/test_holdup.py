# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.assembly.holdup: presses, the centre's word, silence; over real stores."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import date
from functools import partial
from types import SimpleNamespace

import pytest

from gateway.access.gate import Gate
from gateway.assembly import holdup
from gateway.assembly.escalation import Escalator, EscalatorParts
from gateway.assembly.holdup import (
    MOST_PRESSES,
    PRESSES_S,
    HoldupDesk,
    HoldupParts,
    stages,
    token_hash,
)
from gateway.assembly.holdup_book import open_holdup_book
from gateway.assembly.journal import Journal
from gateway.assembly.room_alarms import EdgeAlarms, EdgeParts
from gateway.console.visibility import may_close, sees_alarm
from gateway.model.access import Actor, Purpose
from gateway.model.alarm import Alarm, AlarmRecord, AlarmState, AlarmVerdict
from gateway.model.errors import PeerError, StoreError
from gateway.model.event import CameraEvent, PropertyOperation
from gateway.model.holdup import RULE, HoldupSource, Verification, is_hidden
from gateway.model.panel import PanelEvent, Qualifier
from gateway.model.registry import Panel, Pause, Role
from gateway.relay.alarms.outbox import Bounds, open_outbox
from tests.fakes import FakeClock
from tests.unit.access.shop import ACT, HOLDUP, SHOP, VERIFIED, shop
from tests.unit.access.town import NOW, actor
from tests.unit.assembly.federated import Post, World
from tests.unit.assembly.parts import until
from tests.unit.assembly.two_boxes import EDGE, boxes, offer, running
from tests.unit.audit.logbook import opened

ROOT = Actor("uid:0", "root", Role.SYSADMIN, "", "pid:1", "peercred")
OWNER = actor(Role.OWNER, "farmacia")
NAME = HOLDUP.id


class Pictures:
    """Makes a still of every camera but the broken ones."""

    def __init__(self):
        self.broken = set()

    async def still(self, camera, _seen, _why):
        if camera in self.broken:
            raise PeerError(f"camera {camera}: dark")
        return b"\xff\xd8" + camera.encode()


class Stills:
    """Keeps what it is given."""

    def __init__(self):
        self.kept, self.confirmed = {}, []

    def save(self, name, jpeg):
        self.kept[name] = jpeg

    def confirm(self, name):
        self.confirmed.append(name)
        return name in self.kept


class Bench:
    """A desk with what is behind it; `settle` waits for what it began."""

    def __init__(self, outbox, book, ledger, clock, town):
        self.outbox, self.book, self.ledger, self.clock, self.town = (
            outbox,
            book,
            ledger,
            clock,
            town,
        )
        self.pictures, self.stills, self.held, self.tasks = Pictures(), Stills(), [], []
        self.journal = Journal(ledger, clock)
        self.desk = HoldupDesk(self.parts(), self.spawn)

    def parts(self):
        return HoldupParts(
            self.outbox, self.book, self.journal, lambda: self.town, self.post, self.pictures,
            self.stills, self.hold, self.clock,
        )  # fmt: skip

    def post(self, camera):
        contacts = [one for one in self.town.triggers.values() if one.camera == camera]
        plan = SimpleNamespace(contacts=contacts)
        return SimpleNamespace(plan=plan, ring=None, fanout=lambda _: SimpleNamespace(kept=tuple))

    async def hold(self, alarm):
        self.held.append(alarm.cameras)

    def spawn(self, coroutine):
        self.tasks.append(asyncio.create_task(coroutine))

    async def settle(self):
        while self.tasks:
            tasks, self.tasks = self.tasks, []
            await asyncio.gather(*tasks)

    async def press(self, token, name=NAME):
        await self.desk.press(name, token, "192.0.2.50")
        await self.settle()

    async def alarms(self):
        return await self.outbox.recent(100)

    async def codes(self):
        entries = await self.ledger.entries(-1, 1000)
        return [one.event.event for one in entries if one.event.event.startswith("holdup.")]


@asynccontextmanager
async def bench(folder, town=None):
    clock = FakeClock(NOW.monotonic_s, NOW.utc_us)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        outbox = await enter(open_outbox(folder / "alarms.db", clock=clock, bounds=Bounds()))
        book = await enter(open_holdup_book(folder / "holdup.db"))
        ledger = await enter(opened(folder / "ledger.db", clock))
        made = Bench(outbox, book, ledger, clock, town or shop())
        yield made
        await made.settle()


async def test_a_press_is_one_silent_alarm_of_all_the_shops_cameras(tmp_path):
    """Rule, severity, cameras, recipients, act; picture and seconds before of each camera."""
    async with bench(tmp_path) as b:
        b.pictures.broken = {"magazzino"}
        await b.press(await b.desk.make_token(NAME, "banco", ROOT))
        (record,) = await b.alarms()
        alarm = record.alarm
        assert (alarm.rule, alarm.severity, alarm.silent, alarm.exercise) == (RULE, 5, True, False)
        assert (alarm.cameras, record.recipients) == (SHOP, ("sala-pl",))
        assert record.act == "accordo-farmacia"
        assert b.held == [SHOP]
        assert set(b.stills.kept) == {alarm.id, f"{alarm.id}-1"}
        assert "holdup.trigger" in await b.codes()
        assert b.desk.confirm(alarm.id)
        assert len(b.stills.confirmed) == len(SHOP)


async def test_a_second_press_repeats_the_alarm_that_lives(tmp_path):
    """While it lives there is one; once it is closed the next press is a new one."""
    async with bench(tmp_path) as b:
        token = await b.desk.make_token(NAME, "banco", ROOT)
        await b.press(token)
        await b.press(token)
        (record,) = await b.alarms()
        assert record.repeats == 1
        await b.outbox.close(record.alarm.id, "anna", AlarmVerdict.FALSE)
        await b.press(token)
        assert len(await b.alarms()) == 2
        presses = await b.book.presses(0, 1 << 60)
        assert [one.source for one in presses] == [HoldupSource.BUTTON] * 3


@pytest.mark.parametrize("given", ["", "x" * 43, "another"])
async def test_a_wrong_token_does_nothing_and_is_counted(tmp_path, given):
    """Nothing is raised; one entry a minute and source stands for all of them."""
    async with bench(tmp_path) as b:
        await b.desk.make_token(NAME, "banco", ROOT)
        for _ in range(5):
            await b.press(given)
        assert (await b.alarms(), b.desk.refused) == ([], 5)
        assert (await b.codes()).count("holdup.refuse") == 1
        b.clock.advance(61)
        await b.press(given)
        assert (await b.codes()).count("holdup.refuse") == 2


async def test_a_token_opens_its_own_channel_alone_and_only_its_hash_is_kept(tmp_path):
    """A token of another channel, one that was replaced and one that was revoked do nothing."""
    async with bench(tmp_path) as b:
        b.town = replace(b.town, holdups=b.town.holdups | {"altra": replace(HOLDUP, id="altra")})
        old = await b.desk.make_token(NAME, "banco", ROOT)
        await b.press(old, "altra")
        new = await b.desk.make_token(NAME, "banco", ROOT)
        await b.press(old)
        assert await b.alarms() == []
        assert new.encode() not in (tmp_path / "holdup.db").read_bytes()
        assert b.book.token(token_hash(new)).holdup == NAME
        assert await b.desk.revoke_token(NAME, "banco", ROOT)
        await b.press(new)
        assert await b.alarms() == []
        assert await b.desk.make_token("nessuna", "banco", ROOT) is None


async def test_presses_of_one_device_have_a_rate(tmp_path):
    """A button that chatters is refused for a minute, and another button is not."""
    async with bench(tmp_path) as b:
        token, other = [await b.desk.make_token(NAME, one, ROOT) for one in ("banco", "retro")]
        for _ in range(MOST_PRESSES + 3):
            await b.press(token)
        (record,) = await b.alarms()
        assert record.repeats == MOST_PRESSES - 1
        await b.press(other)
        assert (await b.alarms())[0].repeats == MOST_PRESSES
        b.clock.advance(PRESSES_S + 1)
        await b.press(token)
        assert (await b.alarms())[0].repeats == MOST_PRESSES + 1


async def test_the_owner_sees_it_only_once_it_is_closed(tmp_path):
    """Neither in a list nor by its number; looks at the shop stay untold for so long, too."""
    async with bench(tmp_path) as b:
        await b.press(await b.desk.make_token(NAME, "banco", ROOT))
        (record,) = await b.alarms()
        assert is_hidden(record)
        assert not sees_alarm(record, b.town, OWNER)
        assert not may_close(record, b.town, OWNER)
        assert sees_alarm(record, b.town, actor())
        assert b.desk.hidden() == 1
        assert b.desk.hides("ingresso", record.alarm.raised.utc_us)
        assert not b.desk.hides("ingresso", record.alarm.raised.utc_us - 1)
        assert not b.desk.hides("piazza", record.alarm.raised.utc_us)
        closed = await b.outbox.close(record.alarm.id, "anna", AlarmVerdict.CONFIRMED)
        assert sees_alarm(closed, b.town, OWNER)
        assert not b.desk.hides("ingresso", record.alarm.raised.utc_us)
        assert b.desk.hidden() == 0


async def test_after_a_restart_it_is_still_hidden(tmp_path):
    """What lives on disk is found again before anybody asks."""
    async with bench(tmp_path) as b:
        await b.press(await b.desk.make_token(NAME, "banco", ROOT))
    async with bench(tmp_path) as b:
        assert b.desk.hidden() == 1
        assert b.desk.hides("ingresso", b.clock.now().utc_us)


def _contact(on, operation=PropertyOperation.CHANGED, at=NOW):
    return CameraEvent(
        "Device/Trigger/DigitalInput", operation, (("InputToken", "1"),), (),
        (("LogicalState", "true" if on else "false"),), 0, at,
    )  # fmt: skip


async def test_a_dry_contact_sets_it_off_and_its_release_does_not_end_it(tmp_path):
    """The edge of a contact is a press; only a person closes what it raised."""
    async with bench(tmp_path) as b:
        b.desk.hear("banco", _contact(True))
        b.desk.hear("banco", _contact(False))
        await b.settle()
        b.clock.advance(60)
        await b.desk.step()
        (record,) = await b.alarms()
        assert (record.state, record.ended_utc_us) == (AlarmState.OPEN, 0)
        b.desk.hear("banco", _contact(True, at=b.clock.now()))
        await b.settle()
        assert (await b.alarms())[0].repeats == 1
        b.desk.hear("piazza", _contact(True))
        await b.settle()
        assert len(await b.alarms()) == 1


@pytest.mark.parametrize(
    ("code", "qualifier", "taken", "raised"),
    [
        ("HA", Qualifier.NEW, True, 1),
        ("PA", Qualifier.NEW, True, 1),
        ("HA", Qualifier.RESTORE, True, 0),
        ("BA", Qualifier.NEW, False, 0),
    ],
)
async def test_a_panels_holdup_sets_it_off_and_its_restore_does_nothing(
    tmp_path, code, qualifier, taken, raised
):
    """HA and PA alone; what else the panel says is somebody else's business."""
    async with bench(tmp_path) as b:
        panel = Panel("centralina", "Centralina", "1A2B", "", NAME)
        event = PanelEvent("1A2B", code, qualifier, NOW.utc_us)
        assert await b.desk.on_panel(panel, event) is taken
        assert len(await b.alarms()) == raised


async def test_a_test_is_marked_and_repeats_no_alarm(tmp_path):
    """A real press during a test is an alarm of its own."""
    async with bench(tmp_path) as b:
        made = await b.desk.test(NAME, ROOT)
        assert made.alarm.exercise
        await b.press(await b.desk.make_token(NAME, "banco", ROOT))
        assert {one.alarm.exercise for one in await b.alarms()} == {True, False}
        assert await b.desk.test("altra", ROOT) is None


async def test_the_disk_may_refuse_for_a_while(tmp_path, monkeypatch):
    """A press that could not be stored is tried again and keeps its time."""
    monkeypatch.setattr(holdup, "STORED_S", 0.01)
    async with bench(tmp_path) as b:
        token, whole = await b.desk.make_token(NAME, "banco", ROOT), b.outbox.raise_alarm

        async def refuse(*_args, **_more):
            raise StoreError("disk full")

        b.outbox.raise_alarm = refuse
        await b.press(token)
        await b.desk.step()
        assert b.desk.problem == "disk full"
        pressed_us = b.clock.now().utc_us
        b.clock.advance(20)
        b.outbox.raise_alarm = whole
        await b.desk.step()
        (record,) = await b.alarms()
        assert record.alarm.raised.utc_us == pressed_us
        assert b.desk.problem == ""


async def test_presses_that_wait_for_the_disk_are_bounded_and_counted(
    tmp_path, monkeypatch, caplog
):
    """The oldest gives way; the newest press is an alarm once the disk takes it."""
    monkeypatch.setattr(holdup, "STORED_S", 0.01)
    monkeypatch.setattr(holdup, "MOST_DUE", 2)
    async with bench(tmp_path) as b:
        token, whole = await b.desk.make_token(NAME, "banco", ROOT), b.outbox.raise_alarm

        async def refuse(*_args, **_more):
            raise StoreError("disk full")

        b.outbox.raise_alarm = refuse
        for _ in range(3):
            pressed_us = b.clock.now().utc_us
            await b.press(token)
            b.clock.advance(1)
        b.outbox.raise_alarm = whole
        await b.desk.step()
        (record,) = await b.alarms()
        assert (record.alarm.raised.utc_us, record.repeats) == (pressed_us - 1_000_000, 1)
        assert b.desk.lost == 1
        assert "holdup-dropped" in [one.message for one in caplog.records]


# the monitoring centre ---------------------------------------------------------------------------


async def test_the_centre_hears_first_and_confirmed_calls_the_rooms(tmp_path):
    """The alarm stays open for the police; who confirmed stands in the ledger."""
    async with bench(tmp_path, shop(VERIFIED)) as b:
        await b.press(await b.desk.make_token(NAME, "banco", ROOT))
        (record,) = await b.alarms()
        assert record.recipients == ("centrale",)
        assert b.desk.asks(record, "centrale")
        assert not b.desk.asks(record, "sala-pl")
        assert await b.desk.answer(record, AlarmVerdict.CONFIRMED, "carla", "centrale")
        (now,) = await b.alarms()
        assert (now.recipients, now.state) == (("centrale", "sala-pl"), AlarmState.OPEN)
        assert not b.desk.asks(now, "centrale")
        codes = await b.codes()
        assert {"holdup.verify", "holdup.forward"} <= set(codes)


async def test_false_closes_it_and_no_room_ever_hears(tmp_path):
    """The centre's *false* ends it before anybody was called."""
    async with bench(tmp_path, shop(VERIFIED)) as b:
        await b.press(await b.desk.make_token(NAME, "banco", ROOT))
        (record,) = await b.alarms()
        assert await b.desk.answer(record, AlarmVerdict.FALSE, "carla", "centrale")
        b.clock.advance(3600)
        assert b.outbox.overdue() == []
        (now,) = await b.alarms()
        assert (now.recipients, now.state) == (("centrale",), AlarmState.CLOSED)
        assert "holdup.forward" not in await b.codes()


async def test_without_an_answer_the_rooms_are_due(tmp_path):
    """After the centre's time the next stage is the rooms; its word is too late then."""
    async with bench(tmp_path, shop(VERIFIED)) as b:
        await b.press(await b.desk.make_token(NAME, "banco", ROOT))
        (record,) = await b.alarms()
        b.clock.advance(29)
        assert b.outbox.overdue() == []
        b.clock.advance(2)
        assert b.outbox.overdue() == [(record.alarm.id, 0)]
        b.town = replace(b.town, pauses={"p": Pause("p", "farmacia", (), "marco", 1)})
        parts = EscalatorParts(b.outbox, b.journal, lambda: b.town, b.clock)
        await Escalator(parts).step()
        now = b.outbox.get(record.alarm.id)
        assert now.recipients == ("centrale", "sala-pl")
        assert not b.desk.asks(now, "centrale")
        assert not await b.desk.answer(now, AlarmVerdict.FALSE, "carla", "centrale")


async def test_to_take_it_is_no_word_of_the_centre(tmp_path):
    """Who takes it in hand and says nothing does not keep it from the rooms."""
    async with bench(tmp_path, shop(VERIFIED)) as b:
        await b.press(await b.desk.make_token(NAME, "banco", ROOT))
        (record,) = await b.alarms()
        await b.outbox.take(record.alarm.id, "carla")
        b.clock.advance(31)
        assert b.outbox.overdue() == [(record.alarm.id, 0)]


async def test_a_holdup_is_of_no_other_alarms_group(tmp_path):
    """Who may not know of it would read its id beside an alarm of the same shop."""
    async with bench(tmp_path) as b:
        await b.press(await b.desk.make_token(NAME, "banco", ROOT))
        (record,) = await b.alarms()
        plain = replace(
            record.alarm, id="0190163d-8694-739b-aea5-966c26f8ad90", rule="intrusione",
            silent=False, also=(),
        )  # fmt: skip
        other = await b.outbox.raise_alarm(plain, recipients=(), act="", near=SHOP)
        assert (record.group, other.group) == (record.alarm.id, plain.id)


async def test_a_channel_that_nobody_is_named_for_is_shown_and_raises_all_the_same(tmp_path):
    """The alarm stays in the house, and health says what a person has to correct."""
    town = shop()
    async with bench(tmp_path, replace(town, acts={})) as b:
        assert "no act in force" in b.desk.problems[0]
        await b.press(await b.desk.make_token(NAME, "banco", ROOT))
        (record,) = await b.alarms()
        assert (record.recipients, record.act, record.escalates_utc_us) == ((), "", 0)
        assert "holdup.refuse" in await b.codes()


def test_a_centre_alone_is_called(tmp_path):
    """Without a room to call the centre's silence is said in time, and nobody else is called."""
    basis = SimpleNamespace(rooms=(), centre="centrale")
    assert stages(basis, 30.0) == (("centrale",), ((180.0, ()),))
    assert stages(SimpleNamespace(rooms=(), centre=""), 30.0) == ((), ())


# the report --------------------------------------------------------------------------------------


async def test_the_report_counts_presses_tests_and_times(tmp_path):
    """Of a period: what was pressed, what was tested, how soon it arrived, what came of it."""
    async with bench(tmp_path, shop(VERIFIED)) as b:
        token = await b.desk.make_token(NAME, "banco", ROOT)
        await b.press(token)
        await b.press(token)
        await b.desk.test(NAME, ROOT)
        await b.settle()
        real = next(one for one in await b.alarms() if not one.alarm.exercise)
        b.clock.advance(5)
        await b.desk.answer(real, AlarmVerdict.FALSE, "carla", "centrale")
        made = await b.desk.report(NOW.utc_us, NOW.utc_us + 60_000_000)
        (channel,) = made.channels
        assert (channel.triggers, channel.presses, channel.tests) == (1, 2, 1)
        case = next(one for one in made.cases if not one.exercise)
        assert (case.verification, case.verdict) == (Verification.FALSE, AlarmVerdict.FALSE)
        assert case.verification_s == pytest.approx(5)
        assert case.sources == (HoldupSource.BUTTON, HoldupSource.BUTTON)
        assert made.to_room.count == 2
        assert made.in_time
        empty = await b.desk.report(0, NOW.utc_us)
        assert (empty.cases, empty.channels[0].triggers, empty.in_time) == ((), 0, False)


# over a line -------------------------------------------------------------------------------------

LASTING = replace(ACT, valid_from=date(2020, 1, 1), valid_until=date(2099, 12, 31))
"""Lines run by the true clock."""
PRESSES = 12


@asynccontextmanager
async def lined(folder, town):
    """Two boxes; the edge has a desk, a courier runs, and the room knows the shop's cameras."""
    async with boxes(folder) as two, open_holdup_book(folder / "holdup.db") as book:
        two.offers[EDGE] = offer(*SHOP)
        bench = Bench(two.edge_outbox, book, two.edge_ledger, two.clock, town)
        ear = EdgeAlarms(
            EdgeParts(
                two.edge_outbox, bench.journal, lambda: town, "questura", answer=bench.desk.answer
            )
        )
        two.pair.edge.handlers = two.pair.edge.handlers | ear.handlers()
        async with running(two.courier().run()):
            yield two, bench
            await bench.settle()


async def _arrived(outbox, alarm_id):
    return all(one.delivered_utc_us for one in await outbox.deliveries(alarm_id))


async def test_a_press_reaches_the_room_over_its_line_with_the_cameras_of_the_shop(tmp_path):
    """The room's own alarm opens the same cameras by its own names; the report has the times."""
    holdup = replace(HOLDUP, recipients=("questura",))
    async with lined(tmp_path, shop(holdup, LASTING, questura="line:questura")) as (two, bench):
        token = await bench.desk.make_token(NAME, "banco", ROOT)
        for number in range(1, PRESSES + 1):
            bench.desk._pressed.clear()
            await bench.desk.press(NAME, token, "192.0.2.50")
            await until(lambda n=number: two.room_outbox.living() == n)
            await bench.settle()
            (newest,) = await two.edge_outbox.recent(1)
            await until(partial(_arrived, two.edge_outbox, newest.alarm.id))
            await two.edge_outbox.close(newest.alarm.id, "anna", AlarmVerdict.FALSE)
        alarm = (await two.shown())[0].alarm
        assert alarm.cameras == tuple(f"{EDGE}.{one}" for one in SHOP)
        assert (alarm.silent, alarm.severity, alarm.rule) == (True, 5, RULE)
        made = await bench.desk.report(0, 1 << 60)
        assert (made.to_room.count, made.channels[0].undelivered) == (PRESSES, 0)
        print(f"press to room over a line: {made.to_room}")  # benchmark's figure, not a bound


async def test_a_camera_that_is_not_offered_is_no_part_of_the_rooms_alarm(tmp_path):
    """What the edge does not show this room does not become visible by being named."""
    holdup = replace(HOLDUP, recipients=("questura",))
    async with lined(tmp_path, shop(holdup, LASTING, questura="line:questura")) as (two, bench):
        two.offers[EDGE] = offer("banco", "ingresso")
        await bench.press(await bench.desk.make_token(NAME, "banco", ROOT))
        await until(lambda: two.room_outbox.living() == 1)
        assert (await two.shown())[0].alarm.also == (f"{EDGE}.ingresso",)


async def test_a_centre_over_a_line_verifies_with_its_verdict(tmp_path):
    """*Confirmed* at the centre's box calls the police at the edge; the alarm stays open there."""
    holdup = replace(HOLDUP, verify="questura", verify_s=300.0)
    async with lined(tmp_path, shop(holdup, LASTING, questura="line:questura")) as (two, bench):
        await bench.press(await bench.desk.make_token(NAME, "banco", ROOT))
        await until(lambda: two.room_outbox.living() == 1)
        (there,) = await two.shown()
        await two.desk.judge(there.alarm.id, "carla", AlarmVerdict.CONFIRMED)
        await until(lambda: len(two.edge_outbox.get(there.alarm.id).recipients) == 2)
        here = two.edge_outbox.get(there.alarm.id)
        assert (here.recipients, here.state) == (("questura", "sala-pl"), AlarmState.OPEN)


async def test_both_gates_open_each_camera_of_the_shop_under_its_holdup(tmp_path):
    """The room asks with its own Grant, and the edge's owner's policy decides again."""
    world = World(tmp_path)
    world.edge_town = shop(act=replace(LASTING, valid_until=date(2027, 1, 31)))
    world.posts = {one: Post(one) for one in world.edge_town.cameras}
    here = Alarm("al-1", "banco", NAME, RULE, 5, NOW, also=SHOP[1:], silent=True)
    world.alarms["al-1"] = AlarmRecord(here, AlarmState.OPEN, NOW.utc_us, recipients=("sala-pl",))
    names = [f"nord.{one}" for one in SHOP]
    far = replace(here, camera=names[0], also=tuple(names[1:]))
    known = {"al-1": replace(world.alarms["al-1"], alarm=far)}
    world.room_gate = Gate(world.room_ledger, world.offers.current, known.get, world.room_clock)
    await world.offered()
    for name in names:
        await world.look(name, purpose=Purpose.ALARM, case="al-1")
    assert world.looks() == len(SHOP)
    record = world.alarms["al-1"]
    world.alarms["al-1"] = replace(record, state=AlarmState.CLOSED)
    await world.settle()
    assert world.looks() == 0


async def test_a_panels_silent_alarm_without_a_channel_is_hidden_as_well(tmp_path):
    """In the gauge and on the owner's page; an edge's at a room is none of this site."""
    async with bench(tmp_path) as b:
        now = b.clock.now()
        for number, camera in enumerate(("banco", "nord.banco")):
            alarm = Alarm(f"al-{number}", camera, "z", "panico", 5, now, silent=True)
            await b.outbox.raise_alarm(alarm, recipients=[], act="")
        assert b.desk.hidden() == 1
        assert b.desk.hides("banco", now.utc_us)
        assert not b.desk.hides("nord.banco", now.utc_us)


async def test_a_press_is_answered_once_it_is_on_disk(tmp_path, monkeypatch):
    """Not before, however slow the disk; one that takes none is tried on after the answer."""
    async with bench(tmp_path) as b:
        token = await b.desk.make_token(NAME, "banco", ROOT)
        store, may_store = b.outbox.raise_alarm, asyncio.Event()

        async def slow(*args, **more):
            await may_store.wait()
            return await store(*args, **more)

        monkeypatch.setattr(b.outbox, "raise_alarm", slow)
        pressing = asyncio.create_task(b.desk.press(NAME, token, "192.0.2.50"))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not pressing.done()
        may_store.set()
        await pressing
        assert len(await b.alarms()) == 1

        async def full(*_args, **_more):
            raise StoreError("alarms.db: the disk is full")

        monkeypatch.setattr(b.outbox, "raise_alarm", full)
        monkeypatch.setattr(holdup, "STORED_S", 0.05)
        await b.desk.press(NAME, token, "192.0.2.50")
        monkeypatch.setattr(b.outbox, "raise_alarm", store)
        assert b.desk.problem
        await b.desk.step()
        assert (await b.alarms())[0].repeats == 1
