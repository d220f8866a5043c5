# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.room.inbox; over a real broker in tests/peers/test_mosquitto_alarms.py."""

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing
from dataclasses import replace

import pytest

from gateway.model.errors import PeerError, StoreError
from gateway.room.inbox import open_inbox
from gateway.wire.onvif_mqtt import (
    AlarmNotice,
    Phase,
    Received,
    event_payload,
    event_topic,
    parse_ack,
)
from tests.fakes import FakeClock

PREFIX = "varco/box-1/sala"
RAISED = AlarmNotice(
    "01900000-0000-7000-8000-000000000001",
    Phase.RAISED,
    "box-1",
    "cam-1",
    "intrusione",
    "retro",
    3,
    True,
    1_000_000,
    1_000_000,
)
ENDED = replace(RAISED, phase=Phase.ENDED, at_utc_us=9_000_000)


def message(notice, prefix=PREFIX):
    topic = event_topic(prefix, notice.camera, notice.rule, notice.zone)
    return Received(topic, event_payload(notice))


class Line:
    """Gives its batches one by one, then waits; keeps what is published."""

    def __init__(self, batches, database, code=0):
        self.batches = list(batches)
        self.database = database
        self.code = code
        self.published = []
        self.rows_when_acknowledged = []
        self.idle = asyncio.Event()

    @asynccontextmanager
    async def connect(self, client, *, will):
        yield self

    async def subscribe(self, topic):
        self.filter = topic
        return self.code

    async def publish(self, message):
        with closing(sqlite3.connect(self.database)) as db:
            self.rows_when_acknowledged.append(
                db.execute("select count(*) from inbox").fetchone()[0]
            )
        self.published.append((message.topic, parse_ack(message.payload)))
        return 0

    async def receive(self, most):
        if self.batches:
            return self.batches.pop(0)
        self.idle.set()
        return await asyncio.get_running_loop().create_future()


async def run(inbox, line, shown):
    task = asyncio.create_task(inbox.run(line, prefix="varco/+/sala", on_alarm=shown.append))
    async with asyncio.timeout(30):
        await line.idle.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.fixture
async def inbox(tmp_path):
    async with open_inbox(tmp_path / "inbox.db", clock=FakeClock()) as opened:
        yield opened


async def test_new_alarm_is_told_once(inbox):
    """The first copy is new, every other is counted and told to nobody."""
    (first,) = await inbox.take([(PREFIX, RAISED), (PREFIX, RAISED)])
    assert await inbox.take([(PREFIX, RAISED)]) == []
    assert await inbox.recent(9) == [first]
    assert (first.id, first.exercise, first.ended_utc_us) == (RAISED.alarm, True, 0)
    assert await inbox.copies() == 2


async def test_end_is_told_once_whichever_comes_first(inbox):
    """An end completes its alarm; one that overtook the raising is the alarm itself."""
    await inbox.take([(PREFIX, RAISED)])
    (ended,) = await inbox.take([(PREFIX, ENDED)])
    assert ended.ended_utc_us == 9_000_000
    assert await inbox.take([(PREFIX, ENDED), (PREFIX, RAISED)]) == []
    other = replace(ENDED, alarm=RAISED.alarm.replace("1900", "1901"))
    (first,) = await inbox.take([(PREFIX, other)])
    assert first.ended_utc_us == 9_000_000
    assert await inbox.take([(PREFIX, replace(other, phase=Phase.RAISED))]) == []
    assert len(await inbox.recent(9)) == 2


async def test_another_box_cannot_end_it(inbox):
    """Only the box that raised an alarm can end it."""
    await inbox.take([(PREFIX, RAISED)])
    assert await inbox.take([("varco/box-2/sala", replace(ENDED, box="box-2"))]) == []
    (one,) = await inbox.recent(9)
    assert one.ended_utc_us == 0


async def test_acknowledged_after_commit_to_each_box(inbox, tmp_path):
    """Each box hears of its own alarms, after they are on disk; a copy is acknowledged again."""
    foreign = replace(RAISED, alarm=RAISED.alarm.replace("1900", "1901"), box="box-2")
    line = Line(
        [
            [message(RAISED), message(ENDED), message(foreign, "varco/box-2/sala")],
            [message(RAISED)],
        ],
        tmp_path / "inbox.db",
    )
    shown = []
    await run(inbox, line, shown)
    assert line.rows_when_acknowledged == [2, 2, 2]
    topics = [topic for topic, _ in line.published]
    assert topics == [f"{PREFIX}/ack/box-1", "varco/box-2/sala/ack/box-2", f"{PREFIX}/ack/box-1"]
    first = line.published[0][1]
    assert (first.raised, first.ended) == ((RAISED.alarm,), (RAISED.alarm,))
    assert [one.id for one in shown] == [RAISED.alarm, foreign.alarm]
    assert line.filter == "varco/+/sala/onvif-ej/RuleEngine/FieldDetector/ObjectsInside/#"


async def test_strange_messages_harm_nobody(inbox, tmp_path):
    """Deleted properties and unreadable bytes are passed over, and the next alarm is taken."""
    topic = message(RAISED).topic
    line = Line(
        [[Received(topic, b"")], [Received(topic, b"{"), message(RAISED)]], tmp_path / "inbox.db"
    )
    shown = []
    await run(inbox, line, shown)
    assert len(shown) == len(line.published) == 1


async def test_what_is_not_on_disk_is_not_acknowledged(inbox, tmp_path, monkeypatch):
    """When the disk refuses, nothing is acknowledged or shown, and a later copy succeeds."""
    take = inbox.take
    failures = [StoreError("inbox.db: database or disk is full")]

    async def refuse(notices):
        if failures:
            raise failures.pop()
        return await take(notices)

    monkeypatch.setattr(inbox, "take", refuse)
    line = Line([[message(RAISED)], [message(RAISED)]], tmp_path / "inbox.db")
    shown = []
    await run(inbox, line, shown)
    assert len(shown) == len(line.published) == 1


async def test_restart_shows_nothing_twice(place):
    """What was shown before a restart is not new after it."""
    path = place
    async with open_inbox(path, clock=FakeClock()) as inbox:
        await inbox.take([(PREFIX, RAISED)])
    async with open_inbox(path, clock=FakeClock()) as inbox:
        assert await inbox.take([(PREFIX, RAISED)]) == []
        assert len(await inbox.recent(9)) == 1


async def test_refused_subscription_is_not_silent(inbox, tmp_path, caplog):
    """A broker that lets the room read nothing is reported and asked again."""
    line = Line([], tmp_path / "inbox.db", code=0x87)
    task = asyncio.create_task(inbox.run(line, prefix="varco/+/sala"))
    async with asyncio.timeout(30):
        while not any("0x87" in str(vars(record)) for record in caplog.records):
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert issubclass(PeerError, Exception)
