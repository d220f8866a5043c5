# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import asyncio

import pytest

from gateway.assembly.box import insist
from gateway.codec.protocol import Kind
from gateway.model.access import AccessRequest, Action, Actor, Grant, Purpose, Refusal
from gateway.model.alarm import AlarmState, Box, Observation
from gateway.model.errors import LedgerError, PeerError, StoreError
from gateway.model.event import CameraEvent, PropertyOperation
from gateway.model.media import StreamKind, StreamState, StreamWish
from gateway.model.registry import Role
from gateway.ops.watchdog import Progress, exercise
from tests.unit.access.town import at
from tests.unit.assembly.parts import (
    ShiftedClock,
    apply,
    entries,
    running_box,
    secret_file,
    town,
    until,
    zone,
)
from tests.unit.assembly.test_cameras import FastClock, SeeingPool
from tests.unit.assembly.test_devices import TRIGGER
from tests.virtual_camera import USERS, virtual_camera

ANNA = Actor("anna", "Anna", Role.PL_OPERATOR, "sala-pl", "s1", "password")


def urls(port, *names):
    return dict.fromkeys(names, f"rtsp://127.0.0.1:{port}/live")


async def live(box, *names):
    for name in names:
        post = box.cameras.post(name)
        await until(lambda p=post: p.status().state is StreamState.LIVE, what=name)


async def intrusion(box, camera="uno", zone_id="z"):
    now = box._o.clock.now()
    for step_s in (0.0, 0.5, 1.0):
        seen = Observation(camera, now.shifted(step_s), 0, (Box(0, 0, 1, 1),), (zone_id,), 0.1)
        await box._observe(seen)


async def test_a_change_of_one_cameras_zones_reconnects_nobody(tmp_path):
    """The registry changes; the box follows by itself and every stream goes on."""
    async with virtual_camera(credentials=USERS) as port:
        seed = town(tmp_path, urls(port, "uno", "due"))
        async with running_box(tmp_path, seed) as (box, opened):
            await live(box, "uno", "due")
            await apply(opened.registry, seed + zone("z", "uno"))
            await until(lambda: Kind.LOOK in opened.pool.kinds(), what="zones are watched")
            assert box.cameras.post("uno").ring is not None
            assert [s.connects for _, s in box.cameras.statuses()] == [1, 1]
            await apply(opened.registry, seed)
            await until(lambda: box.cameras.post("uno").ring is None, what="the ring is gone")
            assert [s.connects for _, s in box.cameras.statuses()] == [1, 1]


async def test_a_removed_zone_ends_its_alarm(tmp_path):
    """Seen from the box: registry, desk and outbox agree within a few seconds."""
    async with virtual_camera(credentials=USERS) as port:
        seed = town(tmp_path, urls(port, "uno"))
        async with running_box(tmp_path, seed + zone("z", "uno")) as (box, opened):
            await live(box, "uno")
            await intrusion(box)
            (record,) = await opened.outbox.recent(10)
            assert record.state is AlarmState.OPEN
            await apply(opened.registry, seed)

            def ended():
                return opened.outbox.get(record.alarm.id).state is AlarmState.ENDED

            await until(ended, what="the alarm ended")


async def test_when_an_act_ends_watch_and_ring_stop_and_the_reason_is_kept(tmp_path):
    """At 24:00 in Rome of the last day, within one replan; the owner's stream goes on."""
    clock = ShiftedClock(at(2027, 6, 30, 21, 59, 50))
    async with virtual_camera(credentials=USERS) as port:
        seed = town(tmp_path, urls(port, "uno")) + zone("z", "uno")
        async with running_box(tmp_path, seed, clock=clock) as (box, opened):
            await live(box, "uno")
            post = box.cameras.post("uno")
            ring = post.ring
            await until(lambda: ring.statistics().units, what="kept")
            clock.set(at(2027, 6, 30, 22, 0, 0))
            assert await box.replan() == ("uno",)
            assert post.ring is None
            await until(
                lambda: not post.fanout(StreamKind.MAIN).wanted(), what="nobody reads any more"
            )
            assert ring.statistics().units == 0
            assert "7/2026" in post.plan.off_reason
            await intrusion(box)
            assert not await opened.outbox.recent(10)
            assert post.status().connects == 1


async def test_a_live_session_ends_within_two_seconds_of_its_act(tmp_path):
    """The lease is not renewed for a Grant that no longer holds."""
    clock = ShiftedClock(at(2027, 6, 30, 21, 59, 50))
    async with running_box(tmp_path, town(tmp_path), clock=clock) as (box, opened):
        request = AccessRequest(ANNA, Action.LIVE, "uno", Purpose.SERVICE, "OS 1")
        grant = await opened.gate.open(request)
        assert isinstance(grant, Grant), grant
        await box.viewing.open(grant, "v=0")
        clock.set(at(2027, 6, 30, 22, 0, 0))
        await until(lambda: opened.media.closed, bound_s=2.0, what="dark")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.unlink(), "no such file"),
        (lambda path: path.chmod(0o644), "others may read it"),
        (lambda path: path.write_text("nocolon"), "user:password"),
    ],
)
async def test_an_unusable_credential_stops_that_camera_alone_and_is_seen(
    tmp_path, spoil, words, caplog
):
    """State, problem, health, metrics and one log line; mended, it comes back by itself."""
    async with virtual_camera(credentials=USERS) as port:
        seed = town(tmp_path, urls(port, "uno", "due"))
        own = secret_file(tmp_path, "uno.secret")
        seed = seed.replace("camera.secret", "uno.secret", 1)
        async with running_box(tmp_path, seed) as (box, _):
            await live(box, "uno", "due")
            spoil(own)
            await box.replan()
            await box.replan()
            status = dict(box.cameras.statuses())["uno"]
            assert status.state is StreamState.REFUSED
            assert words in status.problem
            assert "s3cret" not in status.problem
            assert box.face.health().problems == ("camera uno: refused",)
            assert 'varco_camera_live{camera="uno"} 0.0' in box.face.metrics()
            assert len([r for r in caplog.records if r.message == "camera-unusable"]) == 1
            secret_file(tmp_path, "uno.secret")
            assert await box.replan() == ("uno",)
            await live(box, "uno")
            assert dict(box.cameras.statuses())["due"].connects == 1


async def test_a_changed_secret_file_reconnects_that_camera_only(tmp_path):
    """A wrong password is refused, the right one is taken at the next replan."""
    async with virtual_camera(credentials=USERS) as port:
        seed = town(tmp_path, urls(port, "uno", "due")).replace("camera.secret", "uno.secret", 1)
        own = secret_file(tmp_path, "uno.secret", "admin:wrong")
        async with running_box(tmp_path, seed) as (box, _):
            await live(box, "due")
            post = box.cameras.post("uno")
            await until(lambda: post.status().state is StreamState.REFUSED, what="refused")
            own.write_text("admin:s3cret")
            assert await box.replan() == ("uno",)
            await live(box, "uno")
            assert dict(box.cameras.statuses())["due"].connects == 1


async def test_what_cannot_be_stored_shows_in_health_and_ends_no_task(tmp_path, monkeypatch):
    """A disk that refuses everything: the box says so and is well again by itself."""
    seed = town(tmp_path) + zone("z", "uno")
    monkeypatch.setattr("gateway.assembly.box.SWEEP_S", 0.05)
    async with running_box(tmp_path, seed) as (box, opened):

        async def refuse(*_, **__):
            raise StoreError("disk full")

        def refused(*_):
            raise StoreError("disk full")

        with monkeypatch.context() as patch:
            for name in ("raise_alarm", "end", "expire"):
                patch.setattr(opened.outbox, name, refuse)
            patch.setattr(opened.stills, "sweep", refused)
            await intrusion(box)
            health = box.face.health()
            assert not health.ok
            assert any("alarms: not written: disk full" in one for one in health.problems)

            def swept_in_vain():
                return "sweep: not written: disk full" in box.face.health().problems

            await until(swept_in_vain, what="the sweep says so, too")
        await until(opened.outbox.living, what="the alarm is raised after all")
        await until(lambda: box.face.health().ok, what="well again")


async def test_a_ledger_that_hangs_is_no_progress_and_one_that_refuses_is():
    """The watchdog restarts a box whose disk answers nothing, not one whose disk is full."""
    clock = ShiftedClock()
    progress = Progress(clock, bound_s=0.2)
    hung = asyncio.Event()
    answers = [StoreError("full"), PeerError("away"), TimeoutError(), None]
    given = []

    async def work():
        if not answers:
            await hung.wait()
            return
        answer = answers.pop(0)
        given.append(answer)
        if answer is not None:
            raise answer

    class Quick(ShiftedClock):
        async def sleep(self, seconds):
            await super().sleep(0.01)

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(
            exercise("ledger", lambda: insist(work), progress, clock=Quick())
        )
        await until(lambda: not answers, what="all answers were taken")
        assert len(given) == 4
        await until(lambda: progress.stale() == ("ledger",), what="stale")
        hung.set()
        await until(lambda: not progress.stale(), what="well again")
        running.cancel()


async def test_the_exercises_of_a_running_box_do_real_work(tmp_path, monkeypatch):
    """Each returns on a box that is well; a ledger whose writer hangs never does."""
    async with running_box(tmp_path, town(tmp_path)) as (box, opened):
        parts = dict(box.exercises())
        assert sorted(parts) == ["alarms", "ledger", "media"]
        for work in parts.values():
            await work()
        release = asyncio.Event()
        before = opened.ledger._store.write

        async def hang(job):
            await release.wait()
            return await before(job)

        monkeypatch.setattr(opened.ledger._store, "write", hang)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await parts["ledger"]()
        release.set()


async def test_starting_adopts_what_the_previous_process_left(tmp_path):
    """The incident goes on: its alarm stays the only one."""
    seed = town(tmp_path) + zone("z", "uno")
    for _ in range(2):
        async with running_box(tmp_path, seed) as (box, opened):
            await intrusion(box)
            assert len(await opened.outbox.recent(10)) == 1
            assert len(await entries(opened.ledger, "alarm.raise")) == 1


async def test_a_dark_ledger_fails_the_box_until_it_writes_again(tmp_path, monkeypatch):
    """Nobody has to ask for anything: the box probes, tells the outage, and lets go.

    What is looked at goes dark, on walls as well; the walls themselves wait for better times.
    """
    monkeypatch.setattr("gateway.assembly.box.SETTLE_S", 0.05)
    monkeypatch.setattr("gateway.assembly.journal.DARK_S", 1.0)
    async with running_box(tmp_path, town(tmp_path)) as (box, opened):
        request = AccessRequest(ANNA, Action.LIVE, "uno", Purpose.SERVICE, "OS 1")
        await box.viewing.open(await opened.gate.open(request), "v=0")
        wall = await box.viewing.open_wall(ANNA, "v=0")
        tile = await opened.gate.open(request)
        await box.viewing.show(tile, wall.session, "0", StreamWish.AUTO)
        box.clips._held["gone"] = ("uno", ())

        async def refuse(_):
            raise LedgerError("disk full")

        with monkeypatch.context() as patch:
            patch.setattr(opened.ledger, "append", refuse)
            answer = await opened.gate.open(request)
            assert answer.refusal is Refusal.LEDGER
            assert "ledger: not written: disk full" in box.face.health().problems
            assert not box.face.health().ok
            await until(lambda: len(opened.media.closed) == 2, what="dark")
            assert opened.gate.check(tile).refusal is Refusal.LEDGER
            assert opened.media.open_walls
        await until(lambda: box.face.health().ok, what="well again")
        await until(lambda: entries(opened.ledger, "log.outage"), what="the outage is told")
        await until(lambda: not box.clips._held, what="what no alarm holds is let go")


ON_DEMAND = 'continuous = false\nsub_url = "{sub}"'


async def test_an_intrusion_is_alarmed_although_the_small_stream_died(tmp_path):
    """No ring, no viewer: only the small stream is pulled, and then the main one in its place."""
    pool, clock = SeeingPool(), FastClock(0.05)
    pool.problem = "sees nothing yet"
    async with virtual_camera(credentials=USERS) as main:
        async with virtual_camera(credentials=USERS) as sub:
            more = {"uno": ON_DEMAND.format(sub=f"rtsp://127.0.0.1:{sub}/live")}
            seed = town(tmp_path, urls(main, "uno"), zone("z", "uno"), **more)
            seed = seed.replace("retention_before_s = 10.0", "retention_before_s = 0.0")
            running = running_box(tmp_path, seed, pool=pool, clock=clock)
            box, opened = await running.__aenter__()
            post = box.cameras.post("uno")
            await until(
                lambda: post.status(StreamKind.SUB).state is StreamState.LIVE, what="guarded"
            )
            assert post.status(StreamKind.MAIN).connects == 0
        try:

            def over():
                clock.jump(3.0)
                return post.watched is StreamKind.MAIN

            await until(over, what="goes over")
            pool.problem = ""
            await until(opened.outbox.living, what="an alarm")
            assert not box.face.health().problems
        finally:
            await running.__aexit__(None, None, None)


HEARD = """
[[device]]
id = "teste"
name = "Telecamera"
site = "centro"
kind = "telecamera"
url = "http://192.0.2.9/onvif"
events = true
"""


async def test_an_event_of_a_camera_that_nobody_pulls_has_a_picture_all_the_same(tmp_path):
    """Pulled for one key picture; what is not needed any more is let go."""
    clock = FastClock(0.05)
    topic = "RuleEngine/CellMotionDetector/Motion"
    trigger = TRIGGER.format(id="moto", camera="uno", topic=topic)
    async with virtual_camera(credentials=USERS) as port:
        more = {"uno": 'continuous = false\ndevice = "teste"'}
        seed = town(tmp_path, urls(port, "uno"), HEARD + trigger, **more)
        seed = seed.replace("retention_before_s = 10.0", "retention_before_s = 0.0")
        async with running_box(tmp_path, seed, clock=clock) as (box, opened):
            post = box.cameras.post("uno")
            assert post._need(StreamKind.MAIN) is None
            event = CameraEvent(
                topic, PropertyOperation.CHANGED, (), (), (("IsMotion", "true"),), 0, clock.now()
            )
            box._hear("uno", event)
            await until(opened.outbox.living, what="the alarm")
            (record,) = await opened.outbox.recent(10)
            still = tmp_path / "stills" / f"{record.alarm.id}.jpg"
            await until(still.exists, what="its picture")
            assert post.status(StreamKind.MAIN).connects == 1

            def let_go():
                clock.jump(1.0)
                return post.status(StreamKind.MAIN).state is StreamState.IDLE

            await until(let_go, what="let go")
