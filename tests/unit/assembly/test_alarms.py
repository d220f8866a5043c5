# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import asyncio
import io
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import av
import numpy as np
import pytest

from gateway.analytics.rules import RuleState
from gateway.analytics.watch import Watch
from gateway.assembly.alarms import (
    MOST_DUE,
    MOST_DUE_PICTURES,
    MOST_EVENTS,
    AlarmDesk,
    DeskParts,
    analytic_of,
    hearers,
)
from gateway.assembly.journal import Journal
from gateway.assembly.plans import Basis, CameraPlan
from gateway.audit.ledger import open_ledger
from gateway.codec.jpeg import StillRequest
from gateway.codec.pool import open_pool
from gateway.codec.protocol import Kind
from gateway.evidence.ring import Ring
from gateway.evidence.stills import Stills
from gateway.model.alarm import Alarm, AlarmState, AlarmVerdict, Box, Observation, Track
from gateway.model.errors import LedgerError, PeerError, StoreError
from gateway.model.event import CameraEvent, PropertyOperation
from gateway.model.media import StreamKind, StreamState, StreamStatus
from gateway.model.panel import panel_zone
from gateway.model.registry import Analytic, Mask, Pause, Trigger, Zone
from gateway.relay.alarms.outbox import Bounds, open_outbox
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from tests.fakes import unit
from tests.footage import decoded, scene
from tests.unit.access.town import NOW, registry
from tests.unit.assembly.parts import FakePool, ManualClock, entries, until
from tests.unit.audit.logbook import KEY, ORIGIN

SHAPE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
ZONE = Zone("retro", "Retro", "banco", SHAPE)
PLAN = CameraPlan("banco", None, True, (ZONE,), "accordo-farmacia", ("istituto", "sala-pl"), 10.0)


@dataclass
class Post:
    """What the desk looks at of a camera."""

    plan: CameraPlan
    main: Fanout
    ring: Ring | None = None
    sub: Fanout | None = None
    watch_mode: str = "key-units"
    watched: StreamKind = StreamKind.MAIN
    state: StreamState = StreamState.LIVE
    woken: int = 0

    def wake(self):
        self.woken += 1

    def status(self, kind):
        return StreamStatus(self.state)

    def fanout(self, kind):
        return self.sub or self.main if kind is StreamKind.SUB else self.main

    async def key_unit(self, name, bound_s):
        raise PeerError("nobody pulls it")


class FullDisk:
    """An outbox or ledger whose disk can be full."""

    def __init__(self, real, error):
        self._real = real
        self._error = error
        self.full = False

    def __getattr__(self, name):
        return getattr(self._real, name)

    def _take(self):
        if self.full:
            raise self._error("database or disk is full")

    async def raise_alarm(self, *args, **more):
        self._take()
        return await self._real.raise_alarm(*args, **more)

    async def end(self, *args):
        self._take()
        return await self._real.end(*args)

    async def append(self, event):
        self._take()
        return await self._real.append(event)


class Held:
    """Notes for which alarms the seconds before are to be kept."""

    def __init__(self):
        self.alarms = []

    async def hold(self, alarm):
        self.alarms.append(alarm.id)


class World:
    """A desk on real stores, and the hands to move it."""

    def __init__(self, parts, registry, post, tasks):
        self.parts = parts
        self.registry = registry
        self.posts = {"banco": post}
        self.post = post
        self.clock = parts.clock
        self.outbox = parts.outbox
        self.desk = AlarmDesk(
            replace(parts, registry=lambda: self.registry, post=self.posts.get), tasks.create_task
        )

    async def see(self, *occupied, times=1, step_s=0.5):
        """Let pictures come in which these zones are occupied."""
        for _ in range(times):
            self.clock.advance(step_s)
            now = self.clock.now()
            boxes = (Box(0.1, 0.1, 0.2, 0.2),) if occupied else ()
            await self.desk.observe(Observation("banco", now, 0, boxes, occupied, 0.1))

    async def intrusion(self):
        await self.see("retro", times=4)

    async def records(self):
        return await self.outbox.recent(50)

    async def tick(self):
        await self.desk._stored(self.desk._sweep(self.clock.now()))


@asynccontextmanager
async def world(folder, *, clock=None, pool=None, known=None, bounds=None):
    clock = clock or ManualClock(utc_us=NOW.utc_us)
    known = known or replace(registry(), zones={"retro": ZONE})
    async with (
        open_outbox(folder / "alarms.db", clock=clock, bounds=bounds) as outbox,
        open_ledger(folder / "ledger.db", origin=ORIGIN, key=KEY, clock=clock) as ledger,
    ):
        failing, held = FullDisk(ledger, LedgerError), Held()
        parts = DeskParts(
            FullDisk(outbox, StoreError),
            Journal(failing, clock),
            Stills(folder / "stills", clock),
            pool or FakePool(),
            lambda: known,
            {}.get,
            clock,
            False,
            held.hold,
        )
        async with asyncio.TaskGroup() as tasks:
            made = World(parts, known, Post(PLAN, Fanout()), tasks)
            made.ledger, made.held = failing, held
            yield made


async def test_one_incident_is_one_alarm_however_long_it_lasts(tmp_path):
    """Presence for a minute raises once, and its absence ends that alarm."""
    async with world(tmp_path) as w:
        await w.see("retro", times=120)
        (record,) = await w.records()
        assert (record.state, record.act) == (AlarmState.OPEN, "accordo-farmacia")
        assert record.recipients == ("istituto", "sala-pl")
        await w.see(times=30)
        (record,) = await w.records()
        assert record.state is AlarmState.ENDED
        await w.intrusion()
        assert len(await w.records()) == 2
        raised = await entries(w.ledger, "alarm.raise")
        assert {e.camera for e in raised} == {record.alarm.camera}
        assert [e.object_id for e in raised] == [
            one.alarm.id for one in reversed(await w.records())
        ]


async def test_an_alarm_is_durable_before_its_still_is_asked_for(tmp_path):
    """While the child is still at work on the picture the alarm is on disk and on its way."""
    pool = FakePool(held=asyncio.Event())
    async with world(tmp_path, pool=pool) as w:
        w.post.main.publish(unit(0, key=True))
        await w.intrusion()
        (record,) = await w.records()
        await until(lambda: Kind.STILL in pool.kinds(), what="the still is asked for")
        assert not list((tmp_path / "stills").iterdir())
        assert len(await w.outbox.deliveries(record.alarm.id)) == 2
        assert w.held.alarms == [record.alarm.id]
        pool.held.set()
        await until(lambda: list((tmp_path / "stills").iterdir()), what="the still is kept")
    assert (tmp_path / "stills" / f"{record.alarm.id}.jpg").exists()


@pytest.mark.parametrize("broken", ["child", "disk"])
async def test_a_still_that_fails_leaves_the_alarm(tmp_path, broken, caplog):
    """Neither a dead child nor a disk that refuses the picture touches the alarm."""
    pool = FakePool(problem="child died" if broken == "child" else "")
    async with world(tmp_path, pool=pool) as w:
        if broken == "disk":
            (tmp_path / "stills").rmdir()
        await w.intrusion()
        await until(lambda: "no-still" in caplog.text, what="said")
        (record,) = await w.records()
        assert record.state is AlarmState.OPEN
        await w.see(times=30)
        assert (await w.records())[0].state is AlarmState.ENDED


async def test_an_alarm_of_the_previous_process_is_adopted_not_doubled(tmp_path):
    """After a restart the incident that goes on keeps its alarm, also once it was judged."""
    async with world(tmp_path) as w:
        await w.intrusion()
        await w.outbox.close((await w.records())[0].alarm.id, "anna", AlarmVerdict.FALSE)
    async with world(tmp_path, clock=ManualClock(utc_us=NOW.utc_us + 60_000_000)) as w:
        await w.desk.adopt()
        await w.see("retro", times=20)
        (record,) = await w.records()
        assert record.ended_utc_us == 0
        await w.see(times=30)
        (record,) = await w.records()
        assert (record.state, record.ended_utc_us > 0) == (AlarmState.CLOSED, True)
        await w.intrusion()
        assert len(await w.records()) == 2


async def test_alarms_of_edges_and_of_lines_are_left_alone(tmp_path):
    """No rule of this box raised them, so none of it ends them."""
    async with world(tmp_path) as w:
        await w.intrusion()
        (own,) = await w.records()
        for camera, number in (("varco-nord.banco", 1), ("", 2)):
            id_ = f"far-{number}"
            far = replace(own.alarm, id=id_, camera=camera, zone="retro")
            await w.outbox.adopt(far, recipients=["sala-pl"], act="")
    async with world(tmp_path, clock=ManualClock(utc_us=NOW.utc_us + 60_000_000)) as w:
        await w.desk.adopt()
        w.clock.advance(100)
        await w.tick()
        ended = {one.alarm.camera: bool(one.ended_utc_us) for one in await w.records()}
        assert ended == {own.alarm.camera: True, "varco-nord.banco": False, "": False}


async def test_an_adopted_incident_that_nothing_confirms_ends(tmp_path):
    """A camera that comes back to an empty room, or never, does not leave the alarm open."""
    async with world(tmp_path) as w:
        await w.intrusion()
    async with world(tmp_path, clock=ManualClock(utc_us=NOW.utc_us + 60_000_000)) as w:
        await w.desk.adopt()
        w.clock.advance(25)
        await w.tick()
        assert (await w.records())[0].state is AlarmState.OPEN
        w.clock.advance(20)
        await w.tick()
        assert (await w.records())[0].state is AlarmState.ENDED


async def test_an_alarm_ends_when_its_zone_leaves_the_registry(tmp_path):
    """Nobody watches the zone any more: the alarm ends and nothing of it is remembered."""
    async with world(tmp_path) as w:
        await w.intrusion()
        w.registry = replace(w.registry, zones={})
        await w.tick()
        assert (await w.records())[0].state is AlarmState.ENDED
        assert not w.desk._states
        assert not w.desk._open


async def test_an_alarm_ends_when_its_camera_falls_silent(tmp_path):
    """Without pictures an incident ends by itself."""
    async with world(tmp_path) as w:
        await w.intrusion()
        w.clock.advance(11)
        await w.tick()
        assert (await w.records())[0].state is AlarmState.ENDED


async def test_what_nobody_closes_is_closed_and_accounted_once(tmp_path):
    """Expiry writes one entry with its reason, once somebody answered."""
    async with world(tmp_path, bounds=Bounds(close_ended_s=60)) as w:
        await w.intrusion()
        (record,) = await w.records()
        await w.outbox.take(record.alarm.id, "verdi")
        await w.see(times=30)
        w.clock.advance(61)
        await w.tick()
        await w.tick()
        (record,) = await w.records()
        assert record.state is AlarmState.CLOSED
        (entry,) = await entries(w.ledger, "alarm.close")
        assert (entry.object_id, entry.error) == (record.alarm.id, "expired")


async def test_a_full_disk_delays_an_alarm_and_ends_nothing(tmp_path):
    """The desk says so, raises it once when there is room, with the time of the picture."""
    async with world(tmp_path) as w:
        w.outbox.full = True
        await w.intrusion()
        seen_at = w.clock.now()
        assert "disk is full" in w.desk.problem
        await w.see(times=30)
        await w.tick()
        assert not await w.records()
        w.outbox.full = False
        await w.tick()
        (record,) = await w.records()
        assert record.alarm.raised.utc_us <= seen_at.utc_us
        assert record.state is AlarmState.ENDED
        assert not w.desk.problem
        await w.tick()
        assert len(await w.records()) == 1
        assert len(await entries(w.ledger, "alarm.raise")) == 1


async def test_incidents_while_the_disk_refuses_are_an_alarm_each(tmp_path):
    """Late, each with its own beginning and end; the one that goes on is the one that is open."""
    async with world(tmp_path) as w:
        w.outbox.full = True
        begun, over = [], []
        for _ in range(2):
            await w.intrusion()
            begun.append(w.clock.now().utc_us)
            await w.see(times=30)
            over.append(w.clock.now().utc_us)
        await w.intrusion()
        w.outbox.full = False
        await w.tick()
        *before, now = reversed(await w.records())
        assert [one.state for one in before] == [AlarmState.ENDED] * 2
        for record, raised_us, ended_us in zip(before, begun, over, strict=True):
            assert record.alarm.raised.utc_us <= raised_us < record.ended_utc_us <= ended_us
        assert now.state is AlarmState.OPEN
        assert len(await entries(w.ledger, "alarm.raise")) == 3
        await w.see(times=30)
        assert {one.state for one in await w.records()} == {AlarmState.ENDED}
        assert w.desk.lost == 0


async def test_a_disk_that_refuses_in_between_leaves_no_alarm_open(tmp_path):
    """The first is stored and its end refused: it ends at the next try, and the second follows."""
    async with world(tmp_path) as w:
        w.outbox.full = True
        for _ in range(2):
            await w.intrusion()
            await w.see(times=30)
        w.outbox.full, ends = False, w.outbox.end

        async def once(*_):
            w.outbox.end = ends
            raise StoreError("database or disk is full")

        w.outbox.end = once
        await w.tick()
        assert [one.state for one in await w.records()] == [AlarmState.OPEN]
        await w.tick()
        assert [one.state for one in await w.records()] == [AlarmState.ENDED] * 2
        assert len(await entries(w.ledger, "alarm.raise")) == 2


async def test_what_waits_for_the_disk_is_bounded_and_what_gives_way_is_counted(tmp_path, caplog):
    """The oldest alarms give way, and of those that are over the newest alone get their still."""
    async with world(tmp_path) as w:
        w.outbox.full = True
        w.post.main.publish(unit(0, key=True))
        for _ in range(MOST_DUE + 2):
            await w.intrusion()
            await w.see(times=30)
        w.outbox.full = False
        await w.tick()
        assert len(await w.outbox.recent(MOST_DUE + 9)) == MOST_DUE
        assert w.desk.lost == 2
        assert [one.message for one in caplog.records].count("alarm-dropped") == 2
        stills = tmp_path / "stills"
        most = MOST_DUE_PICTURES + 1
        await until(lambda: len(list(stills.glob("*.jpg"))) >= most, what="the stills are kept")
    assert len(list(stills.glob("*.jpg"))) == most


async def test_an_end_that_the_disk_refuses_is_told_later(tmp_path):
    """The incident stays open until its end is stored."""
    async with world(tmp_path) as w:
        await w.intrusion()
        w.outbox.full = True
        await w.see(times=30)
        assert (await w.records())[0].state is AlarmState.OPEN
        w.outbox.full = False
        await w.see(times=2)
        assert (await w.records())[0].state is AlarmState.ENDED


async def test_a_dark_ledger_stops_no_alarm_and_is_told_later(tmp_path):
    """One alarm, raised once; its entry follows when the ledger writes again."""
    async with world(tmp_path) as w:
        w.ledger.full = True
        await w.see("retro", times=20)
        (record,) = await w.records()
        assert w.parts.journal.problem
        w.ledger.full = False
        await w.parts.journal.settle()
        (entry,) = await entries(w.ledger, "alarm.raise")
        assert entry.object_id == record.alarm.id


async def test_a_recipient_that_was_just_removed_is_left_out(tmp_path):
    """The plan may be older than the registry for a moment; that is no bug."""
    async with world(tmp_path) as w:
        known = {k: v for k, v in w.registry.recipients.items() if k != "istituto"}
        w.registry = replace(w.registry, recipients=known)
        await w.intrusion()
        assert (await w.records())[0].recipients == ("sala-pl",)


async def test_the_still_shows_the_picture_that_decided(tmp_path):
    """The ring knows it even if the kept group has gone on to the next key unit."""
    async with world(tmp_path) as w:
        pool = w.parts.pool
        w.post.ring = Ring(10, 1 << 20, clock=w.clock)
        for index in range(3):
            moment = w.clock.now().shifted(0.4 * index)
            one = unit(index, key=index != 1, at=moment)
            w.post.ring.offer(one)
            w.post.main.publish(one)
        decided = w.clock.now().shifted(0.5)
        w.desk._states["retro"] = RuleState(since=w.clock.now(), present=w.clock.now(), sightings=1)
        await w.desk.observe(Observation("banco", decided, 0, (), ("retro",), 0.1))
        await until(lambda: pool.asked, what="the still is asked for")
        request = StillRequest.unpack(pool.asked[0][1])
        assert [one.pts_90k for one in request.units] == [0, 3000]


async def test_an_alarm_says_why_and_its_still_shows_what_decided(tmp_path):
    """Rule, seconds and what was decoded are on disk with it; the box is drawn into the still."""
    pool = FakePool()
    async with world(tmp_path, pool=pool) as w:
        w.post.main.publish(unit(0, key=True))
        await w.intrusion()
        (record,) = await w.records()
        assert (record.alarm.why.rule, record.alarm.why.mode) == ("intrusione", "key-units")
        assert record.alarm.why.seconds >= 0.4
        await until(lambda: Kind.STILL in pool.kinds(), what="the still is asked for")
        boxes = StillRequest.unpack(next(p for k, p in pool.asked if k == Kind.STILL)).boxes
        assert [round(box.right, 3) for box in boxes] == [0.2]


async def test_a_mask_drawn_while_the_still_is_made_is_on_it(tmp_path):
    """A picture made with yesterday's masks is thrown away."""
    pool = FakePool(held=asyncio.Event())
    async with world(tmp_path, pool=pool) as w:
        w.post.main.publish(unit(0, key=True))
        await w.intrusion()
        await until(lambda: pool.asked, what="the still is asked for")
        w.registry = replace(w.registry, masks={"m": Mask("m", "banco", SHAPE)})
        pool.held.set()
        await until(lambda: list((tmp_path / "stills").iterdir()), what="the still is kept")
        first, second = (StillRequest.unpack(payload) for _, payload in pool.asked)
        assert not first.masks
        assert [list(one) for one in second.masks] == [list(SHAPE)]


async def test_from_coded_pictures_to_a_masked_still_with_a_real_child(tmp_path):
    """A visitor walks in: one alarm, whose still is that picture, black where the mask is."""
    left = ((0.0, 0.0), (0.25, 0.0), (0.25, 1.0), (0.0, 1.0))
    known = replace(registry(), zones={"retro": ZONE}, masks={"m": Mask("m", "banco", left)})
    units = scene(150, gop=25, visits=range(60, 150))
    clock = ManualClock(monotonic_s=1000.0, utc_us=units[0].captured.utc_us)
    real = SystemClock()
    async with (
        open_pool(1, clock=real) as pool,
        world(tmp_path, pool=pool, known=known, clock=clock) as w,
    ):
        watch = Watch(
            "banco", (ZONE,), w.post.main, pool, clock=real, on_observation=w.desk.observe
        )
        async with asyncio.TaskGroup() as tasks:
            looking = tasks.create_task(watch.run())
            await until(w.post.main.wanted, what="the watch reads")
            w.post.ring = Ring(30, 64 << 20, clock=clock)
            for one in units:
                w.post.ring.offer(one)
                w.post.main.publish(one)
                clock.advance(0.04)
            (record,) = await until(w.records, what="an alarm")
            path = tmp_path / "stills" / f"{record.alarm.id}.jpg"
            await until(path.exists, what="its still")
            looking.cancel()
        pts = record.alarm.raised
        at = next(i for i, one in enumerate(units) if one.captured.utc_us == pts.utc_us)
        with av.open(io.BytesIO(path.read_bytes())) as file:
            (frame,) = file.decode(video=0)
        shown = frame.to_ndarray(format="rgb24").astype(int)
        truth = decoded(units[: at + 1])[-1].astype(int)
        assert at >= 60
        assert shown[:, :70].mean() < 12
        assert np.abs(shown[:, 90:] - truth[:, 90:]).mean() < 6
        assert len(await w.records()) == 1


TRIGGER = Trigger("moto", "Movimento", "banco", "RuleEngine/CellMotionDetector/Motion")


def motion(w, state, topic=TRIGGER.topic):
    """What the camera says of its own detector."""
    source, data = (("VideoSourceConfigurationToken", "v1"),), (("IsMotion", state),)
    now = w.clock.now()
    return CameraEvent(topic, PropertyOperation.CHANGED, source, (), data, 0, now)


@asynccontextmanager
async def listening_world(folder, **more):
    known = replace(registry(), zones={"retro": ZONE}, triggers={"moto": TRIGGER})
    async with world(folder, known=known, **more) as w:
        w.post.plan = replace(PLAN, triggers=(TRIGGER,))
        yield w


async def test_a_cameras_own_event_is_an_alarm_like_a_zones(tmp_path):
    """Durable, told under the act, with a still and the seconds before; it ends when it says so."""
    async with listening_world(tmp_path) as w:
        w.post.main.publish(unit(0, key=True, at=w.clock.now()))
        await w.desk.judge("banco", motion(w, "true"))
        await w.desk.judge("banco", motion(w, "true"))
        (record,) = await w.records()
        alarm = record.alarm
        assert (alarm.rule, alarm.zone, alarm.camera) == ("evento", "moto", "banco")
        assert (record.act, record.recipients) == ("accordo-farmacia", ("istituto", "sala-pl"))
        assert w.held.alarms == [alarm.id]
        await w.desk.judge("banco", motion(w, "false"))
        w.clock.advance(3)
        await w.tick()
        (record,) = await w.records()
        assert record.state is AlarmState.ENDED
        assert record.ended_utc_us == w.clock.now().shifted(-3).utc_us
        (entry,) = await entries(w.ledger, "alarm.raise")
        assert entry.zone == "moto"


async def test_an_event_that_is_never_taken_back_ends_by_itself(tmp_path):
    """Pain 12: neither repeated nor confirmed within the trigger's bound."""
    async with listening_world(tmp_path) as w:
        await w.desk.judge("banco", motion(w, "true"))
        w.clock.advance(TRIGGER.off_after_s - 1)
        await w.tick()
        assert (await w.records())[0].state is AlarmState.OPEN
        w.clock.advance(2)
        await w.tick()
        assert (await w.records())[0].state is AlarmState.ENDED


async def test_without_triggers_in_force_an_event_is_not_even_queued(tmp_path):
    """No act, no trigger in the plan; another topic, another camera: nothing."""
    async with listening_world(tmp_path) as w:
        w.desk.hear("banco", motion(w, "true", "Device/Trigger/DigitalInput"))
        w.desk.hear("altrove", motion(w, "true"))
        assert w.post.woken == 0
        w.post.plan = replace(PLAN, triggers=())
        w.desk.hear("banco", motion(w, "true"))
        assert not w.desk._events
        assert w.post.woken == 1  # its own word is a reason to look closer all the same


async def test_a_flood_of_one_camera_loses_its_oldest_events_and_no_other_cameras(tmp_path):
    """Bounded per camera; what is judged is judged in order."""
    async with listening_world(tmp_path) as w, asyncio.TaskGroup() as tasks:
        for _ in range(500):
            w.desk.hear("banco", motion(w, "false"))
        w.desk.hear("banco", motion(w, "true"))
        assert len(w.desk._events["banco"]) == MOST_EVENTS
        task = tasks.create_task(w.desk.listen())
        await until(w.outbox.living, what="the newest counted")
        task.cancel()


async def test_an_alarm_of_an_event_is_adopted_after_a_restart(tmp_path):
    """The incident goes on: told again it is the same; never heard of again it ends."""
    async with listening_world(tmp_path) as w:
        await w.desk.judge("banco", motion(w, "true"))
        (record,) = await w.records()
        again = AlarmDesk(replace(w.desk._parts), lambda work: work.close())
        await again.adopt()
        await again.judge("banco", motion(w, "true"))
        await again._stored(again._sweep(w.clock.now()))
        assert [r.alarm.id for r in await w.records()] == [record.alarm.id]
        w.clock.advance(TRIGGER.off_after_s + 1)
        await again._stored(again._sweep(w.clock.now()))
        assert (await w.records())[0].state is AlarmState.ENDED


async def test_a_zone_and_a_trigger_of_one_name_are_two_incidents(tmp_path):
    """Ids are unique in their table only."""
    async with listening_world(tmp_path) as w:
        trigger = replace(TRIGGER, id="retro")
        w.registry = replace(w.registry, triggers={"retro": trigger})
        w.post.plan = replace(PLAN, triggers=(trigger,))
        await w.intrusion()
        await w.desk.judge("banco", motion(w, "true"))
        rules = sorted(record.alarm.rule for record in await w.records())
        assert rules == ["evento", "intrusione"]


async def test_a_still_comes_from_the_small_stream_where_the_main_one_is_not_pulled(tmp_path):
    """The picture that decided was seen there."""
    pool = FakePool()
    async with listening_world(tmp_path, pool=pool) as w:
        w.post.sub = Fanout()
        w.post.sub.publish(unit(0, key=True, at=w.clock.now()))
        await w.desk.judge("banco", motion(w, "true"))
        await until(lambda: Kind.STILL in pool.kinds(), what="a still is made")


def test_nobody_hears_of_an_alarm_that_the_owner_withholds():
    """Even if the plan is older than the pause; what is not withheld goes on."""
    known = registry()
    camera = next(iter(known.cameras.values()))
    recipient = next(iter(known.recipients))
    planned = (recipient, "gone")
    assert [one.id for one in hearers(camera.id, planned, known)] == [recipient]
    pause = Pause("p", known.controller_of(camera).id, (camera.id,), "m", 1)
    assert hearers(camera.id, planned, replace(known, pauses={"p": pause})) == []
    elsewhere = replace(known, pauses={"p": replace(pause, cameras=("another",))})
    assert [one.id for one in hearers(camera.id, planned, elsewhere)] == [recipient]


def other(analytic, **more):
    """Return the world of one zone of an analysis besides intrusion, and its plan."""
    zone = Zone("altra", "Altra", "banco", SHAPE, analytic, dwell_s=5.0, **more)
    known = replace(registry(), zones={"altra": zone})
    basis = Basis(analytic, "accordo-altro", ("sala-pl",))
    return known, replace(PLAN, zones=(zone,), bases=(basis,))


async def test_each_rule_alarms_under_its_own_act(tmp_path):
    """Loitering goes to whom its act names, with what decided it; nobody else hears."""
    known, plan = other(Analytic.LOITERING)
    async with world(tmp_path, known=known) as w:
        w.post.plan = plan
        stays = Track(4, Box(0.4, 0.4, 0.5, 0.6), confidence=0.8, foot=(0.45, 0.6))
        for _ in range(8):
            w.clock.advance(1.0)
            seen = Observation("banco", w.clock.now(), 0, (), (), 0.1, tracks=(stays,))
            await w.desk.observe(seen)
        (record,) = await w.records()
        assert (record.alarm.rule, record.alarm.zone) == ("stazionamento", "altra")
        assert (record.act, record.recipients) == ("accordo-altro", ("sala-pl",))
        assert record.alarm.boxes == (stays.box,)
        w.clock.advance(60.0)
        await w.tick()
        (record,) = await w.records()
        assert record.state is AlarmState.ENDED


async def test_pictures_that_do_not_come_are_one_alarm(tmp_path):
    """A stream that is lost raises once, and the alarm ends when it has come for a while."""
    known, plan = other(Analytic.LOSS)
    async with world(tmp_path, known=known) as w:
        w.post.plan = plan

        async def seconds(count, state):
            w.post.state = state
            for _ in range(count):
                w.clock.advance(1.0)
                await w.desk._miss(w.clock.now())
                await w.tick()

        await seconds(5, StreamState.LIVE)
        await seconds(4, StreamState.UNREACHABLE)
        await seconds(5, StreamState.LIVE)
        assert not await w.records()
        await seconds(30, StreamState.UNREACHABLE)
        (record,) = await w.records()
        assert (record.alarm.rule, record.state) == ("perdita-video", AlarmState.OPEN)
        assert record.act == "accordo-altro"
        await seconds(12, StreamState.LIVE)
        (record,) = await w.records()
        assert record.state is AlarmState.ENDED


def test_a_panel_that_is_tampered_with_is_no_camera():
    """Panels call a rule as an analysis is called; it rests on the act that it always did."""
    alarm = Alarm("1", "banco", panel_zone("centrale", "3"), "manomissione", 3, NOW)
    assert analytic_of(alarm) is Analytic.INTRUSION
    assert analytic_of(replace(alarm, zone="altra")) is Analytic.TAMPER
