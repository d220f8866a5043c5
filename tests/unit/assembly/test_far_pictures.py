# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.assembly.far_pictures: pictures of edges' alarms, in parts, under Grants."""

import asyncio
import os
from dataclasses import dataclass, field, replace

import pytest

from gateway.assembly import far_pictures as module
from gateway.assembly.far_pictures import FarParts, FarPictures, LentParts, LentPictures
from gateway.console.problem import RefusedError as LookRefusedError
from gateway.model.access import (
    AccessRequest,
    Action,
    Actor,
    Grant,
    Purpose,
    Refusal,
    Regime,
    Verdict,
)
from gateway.model.alarm import AlarmRecord, AlarmState
from gateway.model.errors import PeerError, RefusedError, StoreError, WireError
from gateway.model.registry import Role
from gateway.model.room import Reply
from gateway.relay.video.thin import LineBudget
from gateway.wire.uplink import MOST_BLOB_BYTES
from tests.fakes import EPOCH_US, FakeClock
from tests.line_pair import Pair
from tests.unit.assembly.two_boxes import EDGE, alarm

YES = Verdict(True, None, "", "")
NO = Verdict(False, Refusal.ALARM_CLOSED, "L'allarme è chiuso.", "The alarm is closed.")
ANNA = Actor("anna", "Anna", Role.PL_OPERATOR, "sala-pl", "s1", "password")


def grant(camera, action=Action.SNAPSHOT, id_="g1"):
    now = FakeClock().now()
    request = AccessRequest(ANNA, action, camera, Purpose.ALARM, "case")
    return Grant(id_, request, "patto", Regime.GDPR, now, now.shifted(600), 1)


@dataclass
class Edge:
    """Stills, clips and a gate whose answers can be set."""

    record: AlarmRecord
    picture: bytes = b""
    verdicts: list = field(default_factory=lambda: [YES])
    released: list = field(default_factory=list)
    error: Exception | None = None
    action: Action = Action.SNAPSHOT
    camera: str = "piazza"

    async def release(self, assertion, peer):
        self.released.append((assertion, peer.id))
        if self.error is not None:
            raise self.error
        return grant(self.camera, self.action, "edge-grant")

    def check(self, _grant):
        return self.verdicts[-1]

    async def alarm(self, alarm_id):
        return self.record if alarm_id == self.record.alarm.id else None

    def get(self, alarm_id, _grant):
        assert alarm_id == self.record.alarm.id
        return self.picture or None

    async def clip(self, _grant, _record):
        if not self.verdicts[-1].allowed:
            raise LookRefusedError(self.verdicts[-1])
        return self.picture


@dataclass
class Street:
    """An edge that lends, a room that fetches."""

    pair: Pair
    edge: Edge
    lent: LentPictures
    far: FarPictures
    record: AlarmRecord
    verdicts: list
    clock: FakeClock

    def grant(self, action=Action.SNAPSHOT):
        return grant(self.record.alarm.camera, action)

    async def still(self):
        self.edge.action = Action.SNAPSHOT
        return await self.far.still(self.grant(), self.record)

    async def clip(self):
        self.edge.action = Action.PLAYBACK
        return await self.far.clip(self.grant(Action.PLAYBACK), self.record)


@pytest.fixture
def street():
    own = AlarmRecord(alarm(camera="piazza"), AlarmState.OPEN, EPOCH_US, recipients=("sala-pl",))
    theirs = replace(own, alarm=replace(own.alarm, camera=f"{EDGE}.piazza"))
    pair, edge, clock, verdicts = Pair(EDGE, "sala"), Edge(own), FakeClock(), [YES]
    lent = LentPictures(LentParts(edge.release, edge.check, edge.alarm, edge, edge, clock))
    pair.edge.handlers = lent.handlers()
    far = FarPictures(
        FarParts(lambda _: pair.room, lambda one: f"token-{one.id}", lambda _: verdicts[-1])
    )
    return Street(pair, edge, lent, far, theirs, verdicts, clock)


@pytest.mark.parametrize("size", [0, 1, MOST_BLOB_BYTES, MOST_BLOB_BYTES + 1, 1_000_003])
async def test_a_picture_comes_whole_whatever_its_size(street, size):
    """In parts of 64 KiB at most; asserted once, let go at both ends afterwards."""
    street.edge.picture = os.urandom(size)
    assert await street.still() == street.edge.picture
    assert await street.clip() == street.edge.picture
    assert street.edge.released == [("token-g1", "sala")] * 2
    assert street.lent.held_bytes() == 0
    ends = [one.body["grant"] for one in street.pair.room.said if one.kind == "release"]
    assert ends == ["g1", "g1"]
    calls = [one for one in street.pair.room.said if one.kind == "still"]
    assert len(calls) == max(1, -(-size // MOST_BLOB_BYTES))


@pytest.mark.parametrize(("streams", "least_s"), [(0, 2.4), (1, 4.8)])
async def test_pictures_pay_the_budget_of_the_line(street, streams, least_s):
    """1 Mbit/s carry 300 kB in 2.4 s, half of it in 4.8 s; every part takes a half second alone."""
    budget = LineBudget(1_000)
    parts = replace(street.lent._parts, budget=budget)
    lent = LentPictures(parts)
    street.pair.edge.handlers = lent.handlers()
    taken = [budget.join() for _ in range(streams)]
    for one in taken:
        one.take(10_000_000)
    street.edge.picture = os.urandom(300_000)
    began_s = street.clock.time_s
    assert await street.clip() == street.edge.picture
    took_s = street.clock.time_s - began_s
    assert least_s <= took_s < least_s * 1.3
    calls = [one for one in street.pair.room.said if one.kind == "clip"]
    assert len(calls) == 5
    assert budget.streams == streams


async def test_a_long_clip_is_not_forgotten_while_it_is_fetched(street):
    """At 64 kbit/s a megabyte takes two minutes: what counts is when it was asked for last."""
    parts = replace(street.lent._parts, budget=LineBudget(64))
    street.pair.edge.handlers = LentPictures(parts).handlers()
    street.edge.picture = os.urandom(1_000_000)
    assert await street.clip() == street.edge.picture


async def test_the_edges_own_gate_is_asked_before_each_part(street):
    """A picture stops half-way when somebody revokes it; the room shows nothing of it."""
    street.edge.picture = os.urandom(300_000)
    street.edge.error = RefusedError("not-offered", "no")
    with pytest.raises(RefusedError, match="not-offered"):
        await street.still()
    street.edge.error = None
    asked = [0]

    def check(_grant):
        asked[0] += 1
        return YES if asked[0] < 3 else NO

    street.lent._parts = replace(street.lent._parts, check=check)
    with pytest.raises(RefusedError, match="alarm-closed"):
        await street.still()
    assert asked[0] == 3
    street.edge.verdicts.append(NO)
    with pytest.raises(RefusedError, match="alarm-closed"):
        await street.clip()


async def test_the_rooms_own_gate_has_the_last_word(street):
    """What was fetched while the Grant ended is not shown."""
    street.edge.picture = b"picture"
    street.verdicts.append(NO)
    with pytest.raises(LookRefusedError):
        await street.still()


async def test_a_grant_for_one_thing_opens_no_other(street):
    """Another camera's alarm, another action, an alarm that there is not: nothing leaves."""
    street.edge.picture = b"picture"
    with pytest.raises(RefusedError, match="another-action"):
        await street.far.clip(street.grant(Action.PLAYBACK), street.record)
    street.edge.camera = "altra"
    with pytest.raises(RefusedError, match="unknown-alarm"):
        await street.still()
    street.edge.camera = "piazza"
    with pytest.raises(RefusedError, match="unknown-alarm"):
        await street.pair.room.call("still", {"alarm": "x", "assertion": "t", "offset": 0})
    assert await street.far.still(grant("sede-due.piazza"), street.record) == b""
    own = replace(street.record, alarm=street.edge.record.alarm)
    assert await street.far.still(grant("piazza"), own) == b""


async def test_another_alarm_is_no_reason_to_see_this_one(street):
    """A room that asserts an open alarm gets no picture of an older one, or of others' alarms."""
    street.edge.picture = b"picture"
    older, own = alarm(camera="piazza").id, street.edge.record
    named = replace(grant("piazza"), request=replace(grant("piazza").request, case=older))

    async def release(_assertion, _peer):
        return named

    async def find(alarm_id):
        return own if alarm_id == own.alarm.id else replace(own, alarm=alarm(camera="piazza"))

    lent = street.lent._parts
    street.lent._parts = replace(lent, release=release, alarm=find)
    with pytest.raises(RefusedError, match="unknown-alarm"):
        await street.still()
    street.lent._parts = lent
    assert await street.still() == b"picture"
    street.edge.record = replace(own, recipients=("questura",))
    with pytest.raises(RefusedError, match="unknown-alarm"):
        await street.still()


async def test_a_ticket_is_for_one_room_one_alarm_and_a_minute(street):
    """And for no more pictures at once than a few."""
    street.edge.picture = os.urandom(200_000)
    id_ = street.record.alarm.id
    first = {"alarm": id_, "assertion": "t", "offset": 0}
    ticket = (await street.pair.room.call("still", first)).body["ticket"]
    more = {"alarm": id_, "ticket": ticket, "offset": MOST_BLOB_BYTES}
    for changes in ({"alarm": "other"}, {"ticket": "guess"}, {"ticket": 7}):
        with pytest.raises(RefusedError, match="over"):
            await street.pair.room.call("still", more | changes)
    street.pair.room.peer = replace(street.pair.room.peer, id="altra-sala")
    with pytest.raises(RefusedError, match="over"):
        await street.pair.room.call("still", more)
    street.pair.room.peer = replace(street.pair.room.peer, id="sala")
    assert (await street.pair.room.call("still", more)).blob
    street.clock.advance(module.LENT_S)
    with pytest.raises(RefusedError, match="over"):
        await street.pair.room.call("still", more)
    assert street.lent.held_bytes() == 0
    for _ in range(20):
        await street.pair.room.call("still", first)
    assert street.lent.held_bytes() == module.MOST_LENT * 200_000


@pytest.mark.parametrize(
    "body", [{}, {"alarm": 1, "offset": 0}, {"alarm": "a", "offset": -1}, {"alarm": "a",
             "offset": True}, {"alarm": "a", "offset": 0, "assertion": 9}],
)  # fmt: skip
async def test_strange_questions_are_refused(street, body):
    """With an error, whatever a room sends."""
    with pytest.raises(RefusedError):
        await street.pair.room.call("still", body)


@pytest.mark.parametrize(
    ("body", "blob"),
    [
        ({}, b""), ({"size": "9"}, b""), ({"size": 99 << 20}, b""), ({"size": -1}, b""),
        ({"size": 5}, b"123456"), ({"size": 5}, b""), ({"size": 9}, b"x"),
        ({"size": 9, "ticket": "t" * 999}, b"x"),
    ],
)  # fmt: skip
async def test_an_edge_that_answers_nonsense_fills_no_memory(street, body, blob):
    """Sizes are bounded, parts have to add up."""

    async def strange(*_):
        return Reply(body, blob)

    street.pair.edge.handlers = {"still": strange}
    with pytest.raises(WireError):
        await street.still()


async def test_no_more_are_fetched_at_once_than_memory_allows(street):
    """The others wait; a line that falls is said and leaves nothing behind."""
    held, running = asyncio.Event(), []

    async def slow(*_):
        running.append(1)
        await held.wait()
        return Reply({"size": 1}, b"x")

    street.pair.edge.handlers = {"still": slow}
    tasks = [asyncio.create_task(street.still()) for _ in range(10)]
    async with asyncio.timeout(30):
        while len(running) < module.MOST_FETCHED:
            await asyncio.sleep(0)
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(running) == module.MOST_FETCHED
    held.set()
    assert await asyncio.gather(*tasks) == [b"x"] * 10
    street.pair.cut()
    with pytest.raises(PeerError):
        await street.still()


async def test_a_disk_that_refuses_is_said_to_the_room(street):
    """As something that passes."""

    def refuses(*_):
        raise StoreError("disk")

    street.edge.get = refuses
    with pytest.raises(RefusedError, match="not-yet"):
        await street.still()


async def test_pictures_of_the_other_cameras_of_a_holdup_come_by_their_own_names(street):
    """The edge looks under the camera that its own gate granted; any other camera gets nothing."""
    own = replace(street.edge.record.alarm, also=("retro",), silent=True)
    street.edge.record = replace(street.edge.record, alarm=own)
    far = replace(street.record.alarm, also=(f"{EDGE}.retro",), silent=True)
    record = replace(street.record, alarm=far)
    street.edge.camera, asked = "retro", []
    street.edge.get = lambda name, _grant: asked.append(name) or b"\xff\xd8"
    assert await street.far.still(grant(f"{EDGE}.retro"), record) == b"\xff\xd8"
    assert asked == [f"{own.id}-1"]
    assert await street.far.still(grant(f"{EDGE}.altra"), record) == b""
