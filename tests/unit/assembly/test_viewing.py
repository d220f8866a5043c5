# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest

from gateway.assembly.allowance import Allowance
from gateway.assembly.viewing import (
    Accountant,
    ClipParts,
    Clips,
    Viewing,
    is_hidden_picture,
    subject_of,
)
from gateway.codec.mux import ClipRequest
from gateway.console.problem import RefusedError
from gateway.console.services import Endings
from gateway.evidence.ring import Ring
from gateway.model.access import AccessRequest, Action, Grant, Purpose, Refusal
from gateway.model.alarm import Alarm, AlarmVerdict
from gateway.model.errors import BusyError, LedgerError, PeerError
from gateway.model.media import StreamKind, StreamState, StreamStatus, StreamWish
from gateway.model.registry import Mask, Pause, Recipient, RecipientKind
from gateway.relay.video.process import NOT_VALID, SessionEnd
from gateway.runtime.fanout import Fanout
from tests.fakes import FakeClock, unit
from tests.unit.access.town import NOW, actor, wish
from tests.unit.assembly.federated import World
from tests.unit.assembly.parts import (
    MP4,
    FakeMedia,
    FakePool,
    ManualClock,
    RawExits,
    entries,
    opened_box,
    town,
    until,
)
from tests.whep_parts import grant as look_grant


class Post:
    """What is asked of a camera here."""

    def __init__(self, clock):
        self.fanouts = {StreamKind.MAIN: Fanout()}
        self.ring = Ring(10.0, 1 << 20, clock=clock)
        self.clock_offset_s = None

    def status(self, kind=None):
        return StreamStatus(StreamState.LIVE, clock_offset_s=self.clock_offset_s)

    def rendition(self, kind):
        return kind if kind in self.fanouts else StreamKind.MAIN

    def fanout(self, kind):
        return self.fanouts[self.rendition(kind)]


class Room:
    """An operator, an alarm, and the ring of its camera; all the rest is real."""

    def __init__(self, opened):
        self.opened = opened
        self.clock = opened.clock
        self.pool = opened.pool
        self.registry = opened.registry.current()
        self.posts = {"uno": Post(self.clock)}
        self.clips = Clips(
            ClipParts(
                self.pool,
                self.posts.get,
                lambda: self.registry,
                opened.gate.check,
                opened.outbox.get,
                self.clock,
                most_bytes=1000,
            )
        )

    async def alarm(self):
        now = self.clock.now()
        self.alarm_id = "019352f0-0000-7000-8000-000000000001"
        alarm = Alarm(self.alarm_id, "uno", "z", "intrusione", 3, now)
        recipients = [self.registry.recipients["sala-pl"]]
        return await self.opened.outbox.raise_alarm(alarm, recipients=recipients, act="patto")

    async def grant(self, action=Action.PLAYBACK, purpose=Purpose.ALARM):
        request = AccessRequest(actor(), action, "uno", purpose, self.alarm_id)
        grant = await self.opened.gate.open(request)
        assert isinstance(grant, Grant), grant
        return grant

    def viewing(self, media):
        return Viewing(media, self.posts.get, RawExits(self.posts.get), self.clock)

    def film(self, since_s=-20.0, until_s=0.0):
        """Fill the ring with a picture each half second, a key unit each second."""
        now = self.clock.now()
        for index in range(int((until_s - since_s) * 2) + 1):
            at = now.shifted(since_s + index / 2)
            self.posts["uno"].ring.offer(unit(index, key=index % 2 == 0, at=at))


@asynccontextmanager
async def room(folder, pool=None):
    seed = town(folder)
    clock = ManualClock(utc_us=NOW.utc_us)
    async with opened_box(folder, seed, clock=clock, pool=pool) as opened:
        yield Room(opened)


async def later(r, coroutine, seconds=3.0):
    """Start something, let time pass, return what came of it."""
    task = asyncio.create_task(coroutine)
    await until(lambda: r.clock._sleepers or task.done(), what="it waits")
    r.clock.advance(seconds)
    return await task


def times(r, payload, record):
    """When the units of a request were captured, relative to the alarm."""
    raised_s = record.alarm.raised.monotonic_s
    return [u.captured.monotonic_s - raised_s for u in ClipRequest.unpack(payload).units]


async def test_a_clip_has_the_seconds_before_the_alarm_and_a_few_after(tmp_path):
    """From the key unit at or before ten seconds earlier; it waits for what follows."""
    async with room(tmp_path) as r:
        record = await r.alarm()
        r.film()
        holding = asyncio.create_task(r.clips.hold(record.alarm))
        task = asyncio.create_task(r.clips.clip(await r.grant(), record))
        await until(lambda: len(r.clock._sleepers) == 2, what="both wait")
        r.clock.advance(3)
        r.film(-2.5, 2)
        assert await task == MP4
        await holding
        assert times(r, r.pool.asked[0][1], record) == [n / 2 for n in range(-20, 7)]


async def test_the_seconds_before_are_still_there_when_somebody_looks_later(tmp_path):
    """The ring has long gone on; the alarm is open, so its seconds are held."""
    async with room(tmp_path) as r:
        record = await r.alarm()
        r.film()
        holding = asyncio.create_task(r.clips.hold(record.alarm))
        await until(lambda: r.clock._sleepers, what="it waits")
        r.clock.advance(3)
        r.film(-2.5, 0)
        await holding
        r.clock.advance(120)
        r.film()
        r.clips.sweep()
        assert await r.clips.clip(await r.grant(), record) == MP4
        assert times(r, r.pool.asked[0][1], record) == [n / 2 for n in range(-20, 7)]


@pytest.mark.parametrize("end", ["closed", "act", "camera"])
async def test_held_seconds_go_with_their_reason(tmp_path, end):
    """The alarm is closed, the act ends, the camera goes: nothing of it stays in memory."""
    async with room(tmp_path) as r:
        record = await r.alarm()
        r.film()
        r.clips._keep(record.alarm)
        r.clips.sweep()
        assert r.clips._held
        if end == "closed":
            await r.opened.outbox.close(r.alarm_id, "anna", AlarmVerdict.FALSE)
        elif end == "act":
            r.posts["uno"].ring = None
        else:
            del r.posts["uno"]
        r.clips.sweep()
        assert not r.clips._held


async def test_held_seconds_are_bounded_and_the_oldest_give_way(tmp_path):
    """A flood of alarms of one camera does not fill the memory."""
    async with room(tmp_path) as r:
        record = await r.alarm()
        r.film()
        for number in range(50):
            r.clips._keep(replace(record.alarm, id=f"al-{number}"))
        held = [sum(u.size_bytes() for u in units) for _, units in r.clips._held.values()]
        assert 0 < sum(held) <= 1000
        assert list(r.clips._held)[-1] == "al-49"


async def test_masks_are_burned_into_a_clip_also_those_drawn_meanwhile(tmp_path):
    """A clip made with fewer masks than are in force is made anew."""
    pool = FakePool(held=asyncio.Event())
    async with room(tmp_path, pool) as r:
        record = await r.alarm()
        r.film()
        shape = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
        first, second = Mask("a", "uno", shape), Mask("b", "uno", shape)
        r.registry = replace(r.registry, masks={"a": first})
        task = asyncio.create_task(r.clips.clip(await r.grant(), record))
        await until(lambda: r.clock._sleepers, what="it waits")
        r.clock.advance(3)
        await until(lambda: pool.asked, what="the child is asked")
        r.registry = replace(r.registry, masks={"a": first, "b": second})
        pool.held.set()
        await task
        assert [len(ClipRequest.unpack(p).masks) for _, p in pool.asked] == [1, 2]


@pytest.mark.parametrize("when", ["before", "while it waits", "while it is made"])
async def test_a_clip_does_not_outlive_its_reason(tmp_path, when):
    """The alarm is closed: no byte leaves, whenever that happens."""
    pool = FakePool(held=asyncio.Event())
    async with room(tmp_path, pool) as r:
        record = await r.alarm()
        r.film()
        grant = await r.grant()

        async def close():
            await r.opened.outbox.close(r.alarm_id, "anna", AlarmVerdict.FALSE)

        if when == "before":
            await close()
        task = asyncio.create_task(r.clips.clip(grant, record))
        if when != "before":
            await until(lambda: r.clock._sleepers, what="it waits")
            if when == "while it waits":
                await close()
            r.clock.advance(3)
            await until(lambda: pool.asked, what="the child is asked")
            await close()
        pool.held.set()
        with pytest.raises(RefusedError) as caught:
            await task
        assert caught.value.verdict.refusal is Refusal.ALARM_CLOSED


async def test_a_made_up_grant_opens_no_clip(tmp_path):
    """Only what the gate has handed out counts."""
    async with room(tmp_path) as r:
        record = await r.alarm()
        r.film()
        forged = replace(await r.grant(), id="019352f0-0000-7000-8000-00000000dead")
        with pytest.raises(RefusedError):
            await r.clips.clip(forged, record)
        assert not r.pool.asked


async def test_a_clip_of_another_camera_or_of_nothing_is_empty(tmp_path):
    """The Grant's camera decides, and a ring that was taken away holds nothing."""
    async with room(tmp_path) as r:
        record = await r.alarm()
        grant = await r.grant()
        other = replace(record, alarm=replace(record.alarm, camera="due"))
        assert await r.clips.clip(grant, other) == b""
        assert await later(r, r.clips.clip(grant, record)) == b""
        r.posts["uno"].ring = None
        assert await r.clips.clip(grant, record) == b""
        del r.posts["uno"]
        assert await r.clips.clip(grant, record) == b""
        assert not r.pool.asked


async def test_sessions_have_their_etags_and_forget_those_that_ended(tmp_path):
    """What is kept is bounded by what runs."""
    async with room(tmp_path) as r:
        await r.alarm()
        media = FakeMedia(r.clock)
        viewing = r.viewing(media)
        for _ in range(5):
            made = await viewing.open(await r.grant(Action.LIVE), "v=0")
            assert [(s.session, s.etag) for s in viewing.sessions()] == [
                (made.session, f"{made.session}-etag")
            ]
            await viewing.close(made.session, "viewer-left")
        assert len(viewing._etags) == 1
        del r.posts["uno"]
        with pytest.raises(PeerError, match="camera uno"):
            await viewing.open(await r.grant(Action.LIVE), "v=0")


class Dark:
    """A ledger that can refuse."""

    def __init__(self, real):
        self._real = real
        self.dark = False

    async def append(self, event):
        if self.dark:
            raise LedgerError("disk full")
        return await self._real.append(event)


async def test_the_end_of_a_session_is_written_even_if_the_ledger_was_dark(tmp_path, caplog):
    """With the seconds and bytes of then, once; the player learns the reason at once."""
    async with room(tmp_path) as r:
        await r.alarm()
        dark = Dark(r.opened.gate._ledger)
        r.opened.gate._ledger = dark
        endings = Endings()
        async with asyncio.TaskGroup() as tasks:
            accountant = Accountant(r.opened.gate, endings, tasks)
            grant = await r.grant(Action.LIVE)
            dark.dark = True
            accountant.session_ended(SessionEnd("s1", grant, "viewer-left", 5000, 700, 9))
            assert endings.reason("s1", "anna") == "viewer-left"
            await until(lambda: "close-not-written" in caplog.text, what="said")
            await accountant.settle()
            assert not await entries(r.opened.ledger, "live.close")
            dark.dark = False
            await accountant.settle()
            assert not accountant._owed
            await accountant.settle()
        (entry,) = await entries(r.opened.ledger, "live.close")
        assert (entry.error, entry.duration_ms, entry.bytes) == ("viewer-left", 5000, 700)


async def test_a_session_whose_grant_fell_is_told_and_written_with_the_reason_why(tmp_path):
    """Not *grant not valid* but what the gate says now: the alarm was closed."""
    async with room(tmp_path) as r:
        await r.alarm()
        grant = await r.grant(Action.LIVE)
        await r.opened.outbox.close(r.alarm_id, "anna", AlarmVerdict.FALSE)
        endings = Endings()
        async with asyncio.TaskGroup() as tasks:
            accountant = Accountant(r.opened.gate, endings, tasks)
            accountant.session_ended(SessionEnd("s1", grant, NOT_VALID, 5000, 700, 9))
        assert endings.reason("s1", "anna") == "alarm-closed"
        (entry,) = await entries(r.opened.ledger, "live.close")
        assert entry.error == "alarm-closed"


async def test_a_wall_gets_the_small_stream_and_an_incident_the_main_one(tmp_path):
    """Where there is no small stream the main one serves both."""
    async with room(tmp_path) as r:
        await r.alarm()
        media = FakeMedia(r.clock)
        viewing, post = r.viewing(media), r.posts["uno"]
        await viewing.open(await r.grant(Action.LIVE), "v=0", StreamKind.SUB)
        post.fanouts[StreamKind.SUB] = Fanout()
        await viewing.open(await r.grant(Action.LIVE), "v=0", StreamKind.SUB)
        await viewing.open(await r.grant(Action.LIVE), "v=0")
        main, sub = post.fanouts[StreamKind.MAIN], post.fanouts[StreamKind.SUB]
        assert [(one.name, one.fanout) for one in media.sources] == [
            ("uno", main),
            ("uno/sub", sub),
            ("uno", main),
        ]


async def test_only_an_alarm_or_an_incident_is_urgent(tmp_path):
    """A look for another purpose takes no recorder's session from anybody."""
    async with room(tmp_path) as r:
        await r.alarm()
        viewing = r.viewing(FakeMedia(r.clock))
        await viewing.open(await r.grant(Action.LIVE, Purpose.SERVICE), "v=0")
        assert not viewing.is_urgent("uno")
        await viewing.open(await r.grant(Action.LIVE), "v=0")
        assert viewing.is_urgent("uno")
        assert not viewing.is_urgent("due")


# cameras of edges -------------------------------------------------------------------------


@asynccontextmanager
async def remote(folder):
    """A room that looks at an edge's camera, both gates real; the media process stands in."""
    world = World(folder / "offers")
    await world.offered()
    world.advance(10)
    post = Post(world.room_clock)
    media = FakeMedia(world.room_clock)
    posts = {"nord.piazza": post}
    viewing = Viewing(media, posts.get, RawExits(posts.get), world.room_clock)
    viewing.federation = world.room
    grant = await world.room_gate.open(wish("nord.piazza", who=actor(method="oidc")))
    yield world, viewing, media, post, grant


async def test_an_edges_camera_is_shown_once_the_edge_has_released_it(tmp_path):
    """While the edge is asked its pictures are fetched already; the session comes after."""
    async with remote(tmp_path) as (world, viewing, media, post, grant):
        fanout, seen = post.fanout(StreamKind.MAIN), []
        ask = world.down.call

        async def call(*what, **more):
            seen.append((fanout.readers(), len(media.running)))
            return await ask(*what, **more)

        world.down.call = call
        await viewing.open(grant, "v=0")
        assert seen == [({f"line:{grant.id}"}, 0)]
        assert not fanout.readers()
        assert (len(media.running), world.flows()) == (1, True)
        assert world.room._held[grant.id].is_open


async def test_what_the_edge_refuses_is_not_shown(tmp_path):
    """With the edge's reason in Italian; nothing is left behind at either end."""
    async with remote(tmp_path) as (world, viewing, media, post, grant):
        world.edge_town = replace(world.edge_town, pauses={"p": Pause("p", "comune", (), "u", 0)})
        with pytest.raises(RefusedError) as caught:
            await viewing.open(grant, "v=0")
        assert caught.value.verdict.refusal is Refusal.PAUSED
        assert "La sede «nord» non concede" in caught.value.verdict.text_it
        world.cut()
        with pytest.raises(RefusedError) as caught:
            await viewing.open(grant, "v=0")
        assert caught.value.verdict.refusal is Refusal.LINE
        assert not media.running
        assert not post.fanout(StreamKind.MAIN).readers()
        assert not world.room.holds(grant.id)


async def test_a_session_that_does_not_begin_is_given_back(tmp_path):
    """The edge is told that nobody looks after all."""
    async with remote(tmp_path) as (world, viewing, media, _, grant):

        async def broken(*_):
            raise PeerError("media process is gone")

        media.open = broken
        with pytest.raises(PeerError):
            await viewing.open(grant, "v=0")
        await world.settle()
        assert not world.flows()
        assert world.edge_ledger.told()[-1] == ("live.close", "never-began")


async def test_a_holdup_holds_thirty_seconds_of_each_of_its_cameras(tmp_path):
    """Each camera's own, by its own name; closed, all of them are gone."""
    async with room(tmp_path) as r:
        now, id_ = r.clock.now(), "019352f0-0000-7000-8000-000000000002"
        r.posts["due"] = SimpleNamespace(ring=Ring(30.0, 1_000_000, clock=r.clock))
        alarm = Alarm(id_, "due", "z", "rapina", 5, now, also=("uno",), silent=True)
        recipients = [r.registry.recipients["sala-pl"]]
        await r.opened.outbox.raise_alarm(alarm, recipients=recipients, act="patto")
        r.film(since_s=-29)
        for index in range(59):
            at = now.shifted(-29 + index / 2)
            r.posts["due"].ring.offer(unit(index, key=index % 2 == 0, at=at))
        r.clips._parts = replace(r.clips._parts, most_bytes=1_000_000)
        r.clips._keep(alarm)
        r.clips.sweep()
        held = {name: (camera, len(units)) for name, (camera, units) in r.clips._held.items()}
        assert held[id_] == ("due", 59)
        assert held[f"{id_}-1"][0] == "uno"
        assert subject_of(f"{id_}-1", r.opened.outbox.get)[1] == "uno"
        assert subject_of(f"{id_}-2", r.opened.outbox.get) is None
        assert r.clips.oldest() == ()  # their number would tell the shop
        assert is_hidden_picture(f"{id_}-1", r.opened.outbox.get)
        await r.opened.outbox.close(id_, "anna", AlarmVerdict.FALSE)
        r.clips.sweep()
        assert not r.clips._held


async def test_a_tile_that_is_replaced_is_no_look_more_but_many_at_once_are():
    """A full recipient may look at something else; asking for all at once is no way around."""
    clock = FakeClock()
    media, room = FakeMedia(clock), Recipient("comune", "Sala", RecipientKind.ROOM, viewers_most=2)
    registry = SimpleNamespace(recipients={"comune": room})
    posts = {"piazza": Post(clock), "banco": Post(clock)}.get
    viewing = Viewing(media, posts, RawExits(posts), clock, Allowance(lambda: registry, clock))
    wall = (await viewing.open_wall(look_grant().request.actor, "v=0")).session
    await viewing.show(look_grant(), wall, "0", StreamWish.AUTO)
    opening, begun, go_on = media.open, asyncio.Event(), asyncio.Event()

    async def slow(*args):
        begun.set()
        await go_on.wait()
        return await opening(*args)

    media.open = slow
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(viewing.open(look_grant(), "v=0"))
        await begun.wait()
        with pytest.raises(BusyError):
            await viewing.open(look_grant(), "v=0")
        with pytest.raises(BusyError):
            await viewing.show(look_grant(), wall, "1", StreamWish.AUTO)
        go_on.set()
    await viewing.show(look_grant("banco"), wall, "0", StreamWish.AUTO)
    assert sorted(one.grant.camera for one in viewing.sessions()) == ["banco", "piazza"]
    await viewing.leave_walls("another", "signed-out")
    assert viewing.walls()
    await viewing.leave_walls("s1", "signed-out")
    assert not viewing.walls()
    assert [one.wall for one in viewing.sessions()] == [""]
