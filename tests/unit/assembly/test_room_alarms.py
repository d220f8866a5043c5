# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.assembly.room_alarms: alarms at a room, verdicts back, lines watched."""

import asyncio
import os
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from gateway.assembly import room_alarms as module
from gateway.assembly.room_alarms import RULE_LINE
from gateway.assembly.services import AlarmBook
from gateway.model.alarm import AlarmState, AlarmVerdict, DeliveryState
from gateway.model.errors import RefusedError, StoreError
from gateway.model.holdup import RULE
from gateway.model.identifiers import uuid7
from gateway.model.registry import Recipient, RecipientKind
from gateway.model.room import LinePeer
from gateway.room import alarms
from gateway.room.line import Bounds
from gateway.wire.onvif_mqtt import AlarmNotice, Phase, event_payload, event_topic
from tests.unit.access.town import registry
from tests.unit.assembly.parts import ManualClock, until
from tests.unit.assembly.two_boxes import EDGE, ENROLLED, ROOM, alarm, boxes, offer, running

CLOSED = AlarmState.CLOSED
UNDELIVERED = [one for one in DeliveryState if one is not DeliveryState.DELIVERED]


async def test_an_alarm_arrives_ends_and_is_never_shown_twice(tmp_path):
    """Camera EDGE.CAMERA, seen by the edge's organisations, on its way to nobody, once."""
    async with boxes(tmp_path) as two, running(two.courier().run()):
        made = await two.raise_one()
        (record,) = await until(two.shown, what="the alarm is at the room")
        assert (record.alarm.id, record.alarm.camera) == (made.id, f"{EDGE}.piazza")
        assert record.alarm.zone == f"{EDGE}.centro"
        assert record.act == f"{EDGE}.patto"
        assert record.recipients == ("sala-pl",)
        assert record.alarm.raised.utc_us == made.raised.utc_us
        assert (await two.room_outbox.find(made.id)).recipients == record.recipients
        assert await two.room_outbox.due("sala-pl", UNDELIVERED, limit=9) == []
        await two.edge_outbox.end(made.id, two.clock.now())

        def ended():
            return two.room_outbox.get(made.id).state is AlarmState.ENDED

        await until(ended, what="the end is at the room")
        assert len(await two.shown()) == 1
        assert await two.room_outbox.due("sala-pl", UNDELIVERED, limit=9) == []
        (entry,) = await until(lambda: two.entries(ROOM, "alarm.raise"), what="the entry")
        assert (entry.object_id, entry.channel, entry.camera) == (made.id, "line", f"{EDGE}.piazza")

        async def confirmed():
            return await two.edge_outbox.due("questura", list(DeliveryState)[:2], limit=9) == []

        await until(confirmed, what="both messages are acknowledged")


async def test_an_alarm_of_the_future_is_of_now_at_the_room(tmp_path):
    """An edge whose clock is ahead cannot have an alarm stand above all others for a year."""
    async with boxes(tmp_path) as two, running(two.courier().run()):
        now = two.clock.now()
        late = replace(alarm(n=1), raised=now.shifted(-3600))
        for one in (replace(alarm(), raised=now.shifted(365 * 86_400.0)), late):
            await two.edge_outbox.raise_alarm(one, recipients=[two.recipient], act="patto")

        async def both_shown():
            found = await two.shown()
            return found if len(found) == 2 else None

        found = {one.alarm.id: one for one in await until(both_shown, bound_s=30, what="both")}
        seen = two.clock.now()
        ahead = next(found[one].alarm.raised for one in found if one != late.id)
        assert now.utc_us <= ahead.utc_us <= seen.utc_us
        assert ahead.monotonic_s <= seen.monotonic_s
        assert found[late.id].alarm.raised.utc_us == late.raised.utc_us


async def test_a_verdict_closes_the_edges_alarm_in_the_persons_name(tmp_path):
    """Also if it is given while the line is cut and the room starts anew before it stands."""
    async with boxes(tmp_path) as two, running(two.courier().run()):
        made = await two.raise_one()
        await until(two.shown, what="the alarm is at the room")
        two.pair.cut()
        book = AlarmBook(two.room_outbox, module.Journal(two.room_ledger, two.clock), registry,
                         judge=two.desk.judge)  # fmt: skip
        await book.close(made.id, "m-rossi", AlarmVerdict.CONFIRMED)
        await book.close(made.id, "altra", AlarmVerdict.FALSE)
        assert two.room_outbox.get(made.id).state is CLOSED
        assert two.edge_outbox.get(made.id).state is AlarmState.OPEN
    async with boxes(tmp_path) as two:

        def closed():
            return two.edge_outbox.get(made.id).state is CLOSED

        await until(closed, what="the edge has the verdict")
        record = two.edge_outbox.get(made.id)
        assert (record.closed_by, record.verdict) == (f"{ROOM}:m-rossi", AlarmVerdict.CONFIRMED)
        (entry,) = await until(lambda: two.entries(EDGE, "alarm.close"), what="the entry")
        assert (entry.actor_id, entry.org, entry.channel) == (f"{ROOM}:m-rossi", "questura", "line")

        async def nothing_waits():
            return not await two.desk.queue.waiting()

        await until(nothing_waits, what="the queue is empty")
        again = {"alarm": made.id, "verdict": "falso", "by": "altra", "utc_us": 1}
        reply = await two.pair.room.call("verdict", again)
        assert reply.body == {"verdict": "confermato"}
        assert len(await two.entries(EDGE, "alarm.close")) == 1


async def test_an_answer_at_the_room_stops_the_edge_and_is_told_to_others(tmp_path, monkeypatch):
    """Kept while the line is cut, brought with the room's time, written once; nobody is named."""
    monkeypatch.setattr(module, "FATES_S", 0.1)
    async with boxes(tmp_path) as two, running(two.courier().run()):
        made = await two.raise_one()
        await until(two.shown, what="the alarm is at the room")
        two.pair.cut()
        book = AlarmBook(two.room_outbox, module.Journal(two.room_ledger, two.clock), registry,
                         taken=two.desk.taken)  # fmt: skip
        assert (await book.take(made.id, "m-rossi")).taken_by == "m-rossi"
        assert (await book.take(made.id, "altra")).taken_by == "m-rossi"
        assert len(await two.entries(ROOM, "alarm.ack")) == 1
        assert two.edge_outbox.get(made.id).taken_by == ""
        two.pair.mend()
        await until(lambda: two.edge_outbox.get(made.id).taken_by, bound_s=30, what="it is there")
        record = two.edge_outbox.get(made.id)
        assert record.taken_by == f"{ROOM}:m-rossi"
        assert record.taken_utc_us <= two.room_outbox.get(made.id).taken_utc_us
        (entry,) = await until(lambda: two.entries(EDGE, "alarm.ack"), what="the entry")
        assert (entry.actor_id, entry.org) == (f"{ROOM}:m-rossi", "questura")
        await two.pair.room.call("taken", {"alarm": made.id, "by": "altra", "utc_us": 1})
        assert len(await two.entries(EDGE, "alarm.ack")) == 1
        other = await two.raise_one()
        await until(lambda: two.room_outbox.get(other.id), bound_s=30, what="the second")
        await two.edge_outbox.take(other.id, "titolare")
        await until(lambda: two.room_outbox.get(other.id).taken_by, bound_s=30, what="it is told")
        assert two.room_outbox.get(other.id).taken_by == EDGE
        assert len(await two.desk.answers.waiting()) == 0


async def test_when_it_goes_on_is_told_to_the_room(tmp_path, monkeypatch):
    """The time alone: whom else the edge serves is not the room's to know."""
    monkeypatch.setattr(module, "FATES_S", 0.1)
    async with boxes(tmp_path) as two, running(two.courier().run()):
        made = alarm()
        await two.edge_outbox.raise_alarm(
            made, recipients=[two.recipient], act="", plan=((600.0, ("istituto",)), (780.0, ()))
        )
        await until(two.shown, what="the alarm is at the room")
        due_us = two.edge_outbox.get(made.id).escalates_utc_us
        assert due_us

        def told():
            return two.room_outbox.get(made.id).escalates_utc_us == due_us

        await until(told, bound_s=30, what="the time")
        assert two.room_outbox.get(made.id).escalates_to == ()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"alarm": 7, "by": "m"},
        {"alarm": "x", "by": "Un Nome: <b>"},
        {"alarm": "x", "by": "m", "utc_us": -1},
        {"alarm": "x", "by": "m", "utc_us": True},
        {"alarm": "x", "by": "m", "utc_us": 1},
    ],
)
async def test_a_strange_answer_is_refused(tmp_path, body):
    """As is one to an alarm that the room was not sent."""
    async with boxes(tmp_path, run=False) as two:
        with pytest.raises(RefusedError):
            await two.pair.room.call("taken", body)


async def test_a_verdict_whose_answer_is_lost_is_one_verdict(tmp_path):
    """Repeated until answered; the edge's log has one entry."""
    async with boxes(tmp_path) as two, running(two.courier().run()):
        made = await two.raise_one()
        await until(two.shown, what="the alarm is at the room")
        two.pair.room.lose_answers = 1_000_000
        await two.desk.judge(made.id, "m-rossi", AlarmVerdict.FALSE)
        await until(lambda: two.edge_outbox.get(made.id).state is CLOSED, what="closed")
        assert len(await two.desk.queue.waiting()) == 1
        two.pair.room.lose_answers = 0

        async def nothing_waits():
            return not await two.desk.queue.waiting()

        await until(nothing_waits, what="answered")
        assert len(await two.entries(EDGE, "alarm.close")) == 1


async def test_a_crash_between_queue_and_book_is_mended_at_the_start(tmp_path):
    """A verdict that only the queue has closes the room's own alarm, too."""
    async with boxes(tmp_path, run=False) as two, running(two.courier().run()):
        made = await two.raise_one()
        await until(two.shown, what="the alarm is at the room")
        two.pair.cut()
        await two.desk.judge(made.id, "m-rossi", AlarmVerdict.FALSE)
        assert two.room_outbox.get(made.id).state is AlarmState.OPEN
    async with boxes(tmp_path) as two:
        await until(lambda: two.room_outbox.get(made.id).state is CLOSED, what="closed here")
        assert two.room_outbox.get(made.id).closed_by == "m-rossi"


async def test_what_the_edge_does_with_its_alarm_reaches_the_room(tmp_path, monkeypatch):
    """Closed by its owner, ended, or gone with its disk: the room's record follows."""
    monkeypatch.setattr(module, "FATES_S", 0.1)
    async with boxes(tmp_path) as two, running(two.courier().run()):
        closed = await two.raise_one()
        await until(two.shown, what="the alarm is at the room")
        await two.edge_outbox.close(closed.id, "titolare", AlarmVerdict.FALSE)
        await until(lambda: two.room_outbox.get(closed.id).state is CLOSED, bound_s=30, what="it")
        record = two.room_outbox.get(closed.id)
        assert (record.closed_by, record.verdict) == (EDGE, AlarmVerdict.FALSE)
        assert await two.desk.queue.waiting() == []
        lost = alarm(camera=f"{EDGE}.piazza")
        await two.room_outbox.adopt(lost, recipients=["sala-pl"], act="")
        await until(lambda: two.room_outbox.get(lost.id).ended_utc_us, bound_s=30, what="ended")


async def test_a_room_learns_nothing_of_alarms_that_it_was_not_sent(tmp_path):
    """Neither closes them nor hears that they exist."""
    async with boxes(tmp_path) as two:
        secret = alarm()
        await two.edge_outbox.raise_alarm(secret, recipients=[], act="")
        nowhere = uuid7(1, os.urandom(10))
        reply = await two.pair.room.call("alarms?", {"ids": [secret.id, nowhere]})
        assert [row[1:] for row in reply.body["states"]] == [["ignoto", 0, "nessuno"]] * 2
        for id_ in (secret.id, nowhere):
            with pytest.raises(RefusedError) as told:
                body = {"alarm": id_, "verdict": "falso", "by": "m-rossi"}
                await two.pair.room.call("verdict", body)
            assert told.value.code == "unknown-alarm"
        assert two.edge_outbox.get(secret.id).state is AlarmState.OPEN


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"alarm": 7, "verdict": "falso", "by": "m"},
        {"alarm": "x", "verdict": "forse", "by": "m"},
        {"alarm": "x", "verdict": "nessuno", "by": "m"},
        {"alarm": "x", "verdict": "falso", "by": "Un Nome: <b>"},
        {"ids": "x"},
        {"ids": [1]},
        {"ids": ["x"] * 257},
    ],
)
async def test_strange_questions_are_refused(tmp_path, body):
    """Whatever a room sends, the edge answers with an error and goes on."""
    async with boxes(tmp_path, run=False) as two:
        with pytest.raises(RefusedError):
            await two.pair.room.call("verdict" if "ids" not in body else "alarms?", body)


def notice(**changes):
    values = {
        "alarm": uuid7(SECONDS, os.urandom(10)), "phase": Phase.RAISED, "box": EDGE,
        "camera": "piazza", "rule": "intrusione", "zone": "centro", "severity": 3,
        "exercise": False, "raised_utc_us": SECONDS, "at_utc_us": SECONDS,
    }  # fmt: skip
    return AlarmNotice(**values | changes)


SECONDS = 1_800_000_000_000_000


async def send(two, one):
    topic = event_topic(f"varco/{one.box}/questura", one.camera, one.rule, one.zone)
    body = {"topic": topic, "payload": event_payload(one).decode()}
    return await two.pair.edge.call("alarm", body)


async def refusal(two, one):
    with pytest.raises(RefusedError) as told:
        await send(two, one)
    return told.value.code


async def test_an_edge_that_raises_without_end_has_to_wait(tmp_path, monkeypatch):
    """Neither disk nor log nor screens are filled; what is known may end, others are not hindered.

    Refused as something that passes: an honest edge repeats it, and nothing is lost.
    """
    monkeypatch.setattr(alarms, "MOST_NEW", 3)
    monkeypatch.setattr(alarms, "NEW_S", 1e9)
    async with boxes(tmp_path, run=False) as two:
        made = [notice() for _ in range(3)]
        for one in made:
            await send(two, one)
        for _ in range(20):
            assert await refusal(two, notice()) == "not-yet"
        await send(two, replace(made[0], phase=Phase.ENDED))
        await send(two, made[1])
        assert {one.alarm.id for one in await two.shown()} == {one.alarm for one in made}
        with closing(sqlite3.connect(tmp_path / ROOM / "room.db")) as db:
            assert db.execute("select count(*) from inbox").fetchone() == (3,)
        (told,) = await two.entries(ROOM, "line.refuse")
        assert (told.object_id, told.error) == (EDGE, "flood")
        assert len(await two.entries(ROOM, "alarm.raise")) == 3
        monkeypatch.setattr(alarms, "NEW_S", 1e-9)
        await send(two, notice())


async def test_what_was_settled_long_ago_is_forgotten(tmp_path, monkeypatch):
    """The inbox and the queue do not grow for ever; what waits stays, and so does the book."""
    monkeypatch.setattr(module, "KEPT_US", -60_000_000)
    async with boxes(tmp_path, run=False) as two:
        one = notice()
        await send(two, one)
        await two.desk.queue.put("arrived", EDGE, AlarmVerdict.FALSE, "m-rossi")
        await two.desk.queue.settle("arrived")
        await two.desk.queue.put("waits", "elsewhere", AlarmVerdict.FALSE, "m-rossi")
        two.pair.cut()
        await two.desk.step(0.0)
        with closing(sqlite3.connect(tmp_path / ROOM / "room.db")) as db:
            assert db.execute("select count(*) from inbox").fetchone() == (0,)
            assert db.execute("select alarm from verdict").fetchall() == [("waits",)]
        two.pair.mend()
        await send(two, one)
        assert [each.alarm.id for each in await two.shown()].count(one.alarm) == 1


async def test_an_edge_speaks_for_itself_alone(tmp_path):
    """Another edge's id, a camera that is not offered, somebody's alarm id: refused and named."""
    async with boxes(tmp_path, run=False) as two:
        assert await refusal(two, notice(box="altra-sede")) == "not-yours"
        assert await refusal(two, notice(camera="spogliatoio")) == "not-offered"
        assert await refusal(two, notice(camera="altra.piazza")) == "not-offered"
        own = alarm(camera="piazza")
        await two.room_outbox.raise_alarm(own, recipients=[], act="patto")
        assert await refusal(two, notice(alarm=own.id)) == "not-yours"
        assert [one.alarm.id for one in await two.shown()] == [own.id]
        for _ in range(5):
            await refusal(two, notice(box="altra-sede"))
        told = await two.entries(ROOM, "line.refuse")
        assert sorted((one.object_id, one.error) for one in told) == [
            (EDGE, "not-offered"),
            (EDGE, "not-yours"),
        ]


async def test_one_edge_cannot_take_anothers_alarm(tmp_path):
    """The same id from a second edge is refused, and ends nothing."""
    async with boxes(tmp_path, run=False) as two:
        first = notice()
        await send(two, first)
        two.pair.edge.peer = replace(two.pair.edge.peer, id="sede-due")
        two.edges["sede-due"] = replace(ENROLLED, id="sede-due")
        two.offers["sede-due"] = offer()
        for phase in Phase:
            assert await refusal(two, replace(first, box="sede-due", phase=phase)) == "not-yours"
        (one,) = await two.shown()
        assert (one.alarm.camera, one.ended_utc_us) == (f"{EDGE}.piazza", 0)


async def test_an_edge_that_has_left_brings_nothing(tmp_path):
    """Unknown or switched off: not taken, whatever the line still lets through."""
    async with boxes(tmp_path, run=False) as two:
        two.edges[EDGE] = replace(ENROLLED, enabled=False)
        assert await refusal(two, notice()) == "not-authorised"
        del two.edges[EDGE]
        assert await refusal(two, notice()) == "not-authorised"
        assert await two.shown() == []


async def test_what_is_not_offered_yet_waits_and_ends_are_heard_after(tmp_path):
    """Before the first offer: try again. A known alarm's end counts when the camera has gone."""
    async with boxes(tmp_path, run=False) as two:
        one = notice()
        kept = two.offers.pop(EDGE)
        assert await refusal(two, one) == "not-yet"
        two.offers[EDGE] = kept
        await send(two, one)
        two.offers[EDGE] = offer("altra")
        await send(two, replace(one, phase=Phase.ENDED, at_utc_us=SECONDS + 5))
        (record,) = await two.shown()
        assert record.ended_utc_us == SECONDS + 5


async def test_an_exercise_stays_one(tmp_path):
    """Of a box that exercises every alarm is marked, also if the message forgets to say."""
    async with boxes(tmp_path, run=False) as two:
        await send(two, notice(exercise=True))
        two.offers[EDGE] = offer(exercise=True)
        await send(two, notice())
        two.offers[EDGE] = offer()
        await send(two, notice())
        marks = [one.alarm.exercise for one in await two.shown()]
        assert marks == [False, True, True]


async def test_the_end_may_come_before_the_beginning(tmp_path):
    """Either order makes one alarm that has ended; replays change nothing."""
    async with boxes(tmp_path, run=False) as two:
        one = notice()
        end = replace(one, phase=Phase.ENDED, at_utc_us=SECONDS + 9)
        async with two.room_outbox.changes() as changes:
            for each in (end, one, end, one, one):
                await send(two, each)
            assert (await changes.receive()).state is AlarmState.ENDED
            assert not changes._waiting
        (record,) = await two.shown()
        assert (record.state, record.ended_utc_us) == (AlarmState.ENDED, SECONDS + 9)
        assert await two.desk.inbox.copies() == 4
        assert len(await two.entries(ROOM, "alarm.raise")) == 1


async def test_a_full_disk_acknowledges_nothing(tmp_path):
    """Neither answer nor acknowledgement before both commits; all of it arrives afterwards."""
    async with boxes(tmp_path, run=False) as two, running(two.courier().run()):
        adopt = two.room_outbox.adopt

        async def refuses(*_, **__):
            raise StoreError("alarms.db: database or disk is full")

        two.room_outbox.adopt = refuses
        made = [(await two.raise_one(n=n)).id for n in range(5)]
        asked = two.pair.edge.said
        await until(lambda: len(asked) > 12, bound_s=20, what="it is tried again and again")
        assert await two.shown() == []
        assert [one for one in two.pair.room.said if one.kind == "acks"] == []
        assert len(await two.edge_outbox.due("questura", list(DeliveryState)[:1], limit=9)) == 5
        two.room_outbox.adopt = adopt

        async def all_there():
            return len(await two.shown()) == 5

        await until(all_there, bound_s=20, what="all five")
        assert sorted(one.alarm.id for one in await two.shown()) == sorted(made)


async def test_nothing_is_lost_or_doubled_while_the_line_flaps(tmp_path):
    """Two thousand alarms over a line that falls again and again, answers lost: each once."""
    count = 2_000
    async with boxes(tmp_path, run=False) as two:
        announced = []

        async def watch():
            async with two.room_outbox.changes(most=50_000) as changes:
                while True:
                    announced.append((await changes.receive()).alarm.id)

        async with running(watch()), running(two.courier().run()):
            await asyncio.gather(*(two.raise_one(n=n) for n in range(count)))
            order = [one.alarm.id for one in await two.edge_outbox.recent(count)][::-1]
            for turn in range(12):

                def more(least=(turn + 1) * 100):
                    return len(announced) >= least or len(announced) == count

                await until(more, bound_s=60, what="more has come")
                two.pair.edge.lose_answers = 5
                two.pair.cut()
                await asyncio.sleep(0)
                two.pair.mend()

            async def all_there():
                return len(await two.shown()) == count

            await until(all_there, bound_s=120, what="all are there")
        shown = [one.alarm.id for one in await two.shown()][::-1]
        assert len(set(announced)) == len(announced) == count
        assert sorted(shown) == sorted(order)
        with closing(sqlite3.connect(tmp_path / ROOM / "room.db")) as db:
            assert db.execute("select count(*) from inbox").fetchone() == (count,)


async def test_of_a_backlog_the_newest_come_first(tmp_path):
    """What happens now is at the room first, at most a window out of place; nothing is left out."""
    async with boxes(tmp_path, run=False) as two:
        two.pair.cut()
        order = [(await two.raise_one(n=n)).id for n in range(200)][::-1]
        async with running(two.courier(window=8).run()):
            two.pair.mend()

            async def all_there():
                return len(await two.shown()) == 200

            await until(all_there, bound_s=30, what="all are there")
        asked = [one for one in two.pair.edge.said if one.kind == "alarm"]
        shown = [one.alarm.id for one in await two.shown()][::-1]
        assert max(abs(order.index(id_) - at) for at, id_ in enumerate(shown)) <= 8
        assert order[0] in asked[0].body["payload"]


# the lines ----------------------------------------------------------------------------------


async def standing(two):
    return [one for one in await two.shown() if one.alarm.rule == RULE_LINE]


async def rounds(two, clock, seconds):
    for _ in range(round(seconds * 2)):
        clock.advance(0.5)
        await two.desk.step(1000.0)


async def test_a_dead_line_is_one_alarm_until_it_stands_again(tmp_path):
    """Raised within two seconds of being noticed, ended when it is back, one for each outage."""
    clock = ManualClock()
    async with boxes(tmp_path, clock=clock, run=False) as two:
        await rounds(two, clock, 1)
        for outage in (1, 2):
            two.pair.cut()
            await rounds(two, clock, 0.5)
            assert len(await standing(two)) == outage - 1
            await rounds(two, clock, 1.5)
            newest = (await standing(two))[0]
            assert newest.alarm.zone == EDGE
            assert (newest.alarm.camera, newest.alarm.severity) == ("", 3)
            assert newest.recipients == ("sala-pl",)
            await rounds(two, clock, 30)
            two.pair.mend()
            await rounds(two, clock, 1)
            assert (await standing(two))[0].state is AlarmState.ENDED
            assert len(await standing(two)) == outage
        assert len(await two.entries(ROOM, "alarm.raise")) == 2


async def test_an_outage_outlasts_a_restart_and_a_verdict(tmp_path):
    """The next process goes on with the same alarm, however long it lasts and whoever closed it."""
    clock = ManualClock()
    async with boxes(tmp_path, clock=clock, run=False) as two:
        await rounds(two, clock, 1)
        two.pair.cut()
        await rounds(two, clock, 3)
        (one,) = await standing(two)
        await two.room_outbox.close(one.alarm.id, "m-rossi", AlarmVerdict.CONFIRMED)
    async with boxes(tmp_path, clock=clock, run=False) as two:
        two.pair.cut()
        for _ in range(20):
            await rounds(two, clock, 5)
            clock.advance(120)
            await two.desk.step(1000.0)
            await two.room_outbox.expire(clock.now())
        (one,) = await standing(two)
        assert one.ended_utc_us == 0
        two.pair.mend()
        await rounds(two, clock, 1)
        (one,) = await standing(two)
        assert one.ended_utc_us
        assert one.closed_by == "m-rossi"


async def test_a_fork_before_the_first_round_is_no_second_alarm(tmp_path):
    """What an earlier process raised is known before anything is raised anew."""
    async with boxes(tmp_path, run=False) as two:
        assert await two.desk.raise_line(EDGE, "registro-incoerente", "cut")
        assert not await two.desk.raise_line(EDGE, "registro-incoerente", "cut")
    async with boxes(tmp_path, run=False) as two:
        assert not await two.desk.raise_line(EDGE, "registro-incoerente", "cut")
        assert len(await two.shown()) == 1
        await two.desk.end_line(EDGE, "registro-incoerente")
        assert (await two.shown())[0].ended_utc_us
        assert not await two.desk.raise_line("ignota", RULE_LINE, "nobody")


async def test_who_is_not_awaited_is_not_missed(tmp_path):
    """Revoked, removed or never enrolled: no alarm; one that stood ends."""
    clock = ManualClock()
    async with boxes(tmp_path, clock=clock, run=False) as two:
        two.edges["nuova"] = replace(ENROLLED, id="nuova", certificate_sha256="")
        await rounds(two, clock, 1)
        two.pair.cut()
        await rounds(two, clock, 3)
        assert [one.alarm.zone for one in await standing(two)] == [EDGE]
        two.edges[EDGE] = replace(ENROLLED, enabled=False)
        await rounds(two, clock, 1)
        (one,) = await standing(two)
        assert one.ended_utc_us
        await rounds(two, clock, 5)
        assert len(await standing(two)) == 1


async def test_after_a_start_edges_get_time_to_come_back(tmp_path):
    """No alarm for a minute; then one for each that stays away."""
    clock = ManualClock()
    async with boxes(tmp_path, clock=clock, run=False) as two:
        two.pair.cut()
        await rounds(two, clock, module.START_S - 2)
        assert await standing(two) == []
        await rounds(two, clock, 5)
        assert len(await standing(two)) == 1


async def test_a_lasting_alarm_outlives_the_rooms_own_bound(tmp_path):
    """What the edge still sees is not ended here; with its line gone for long, it is."""
    clock = ManualClock()
    async with boxes(tmp_path, clock=clock, run=False) as two:
        made = alarm(camera="piazza")
        await two.edge_outbox.raise_alarm(made, recipients=[two.recipient], act="patto")
        await two.room_outbox.adopt(
            replace(made, camera=f"{EDGE}.piazza"), recipients=["sala-pl"], act=""
        )
        for _ in range(8):
            clock.advance(600)
            await two.desk.step(1000.0)
            await two.room_outbox.expire(clock.now())
        assert two.room_outbox.get(made.id).ended_utc_us == 0
        two.pair.cut()
        for _ in range(4):
            clock.advance(600)
            await two.desk.step(1000.0)
            await two.room_outbox.expire(clock.now())
        assert two.room_outbox.get(made.id).state is CLOSED


async def test_a_disk_that_refuses_stops_nothing(tmp_path):
    """The desk says what is wrong and goes on when it is mended."""
    async with boxes(tmp_path, run=False) as two:
        waiting = two.desk.queue.waiting

        async def refuses(*_):
            raise StoreError("room.db: disk is full")

        two.desk.queue.waiting = refuses
        async with running(two.desk.keep()):
            await until(lambda: "disk is full" in two.desk.problem, what="it is said")
            two.desk.queue.waiting = waiting
            two.desk.wake()
            await until(lambda: not two.desk.problem, what="it is mended")


async def test_a_disk_that_refuses_in_the_middle_of_a_round_stops_nothing(tmp_path):
    """What an edge answered and could not be noted is sent again, and the box lives on."""
    async with boxes(tmp_path, run=False) as two, running(two.courier().run()):
        made = await two.raise_one()
        await until(two.shown, what="the alarm is at the room")
        settle = two.desk.queue.settle

        async def refuses(*_):
            raise StoreError("room.db: disk is full")

        two.desk.queue.settle = refuses
        await two.desk.judge(made.id, "m-rossi", AlarmVerdict.FALSE)
        async with running(two.desk.keep()):
            await until(lambda: "disk is full" in two.desk.problem, bound_s=30, what="it is said")
            two.desk.queue.settle = settle
            two.desk.wake()
            await until(lambda: not two.desk.problem, bound_s=30, what="it is mended")
        assert await two.desk.queue.waiting() == []
        assert two.edge_outbox.get(made.id).verdict is AlarmVerdict.FALSE


async def test_an_edge_that_does_not_answer_hides_no_broken_line(tmp_path):
    """The rounds go on by themselves, and people are told as soon as it is due."""
    assert Bounds().dead_s + 2 * Bounds().look_s + module.SETTLE_S <= 9.0
    async with boxes(tmp_path) as two:
        asked, there = asyncio.Event(), {"hangs": True, EDGE: True}

        async def hang(*_):
            asked.set()
            await asyncio.Event().wait()

        two.desk._parts = replace(two.desk._parts, is_up=there.get)
        two.edges["hangs"] = replace(ENROLLED, id="hangs")
        await two.room_outbox.adopt(alarm(camera="hangs.piazza"), recipients=["sala-pl"], act="")
        two.pair.room.call = hang
        two.desk._asked_s = float("-inf")
        two.desk.wake()
        async with asyncio.timeout(30):
            await asked.wait()
        await until(lambda: EDGE in two.desk._down_s, what="its line was seen")
        there[EDGE] = False
        two.desk.wake()

        async def told():
            return [one for one in await standing(two) if one.alarm.zone == EDGE]

        await until(told, bound_s=30, what="people are told")


async def test_an_alarm_is_due_and_not_only_at_the_next_round(tmp_path):
    """Whoever waits for a line to come back wakes when it has been away for long enough."""
    clock = ManualClock()
    async with boxes(tmp_path, clock=clock, run=False) as two:
        await rounds(two, clock, 1)
        two.pair.cut()
        await two.desk.step(1000.0)
        clock.advance(module.SETTLE_S - 0.1)
        assert two.desk._left_s() == pytest.approx(0.1)
        clock.advance(0.1)
        await two.desk.step(1000.0)
        assert len(await standing(two)) == 1
        assert two.desk._left_s() == module.TICK_S


async def test_an_institutes_word_closes_no_alarm_that_reached_a_room(tmp_path):
    """Whatever its own box lets its people do; it closes a hold-up that only institutes have."""
    town = registry()
    kinds = {"questura": RecipientKind.INSTITUTE, "sala-pl": RecipientKind.ROOM}
    known = {one: Recipient(one, one, kind) for one, kind in kinds.items()}
    town = replace(town, recipients=town.recipients | known)
    async with boxes(tmp_path, run=False) as two:
        journal = module.Journal(two.edge_ledger, two.clock)
        parts = module.EdgeParts(two.edge_outbox, journal, lambda: town, "questura")
        ear, peer = module.EdgeAlarms(parts), LinePeer(ROOM, "", "")
        both = list(known.values())
        plain, called, alone = alarm(), alarm(), alarm()
        holdups = [replace(one, rule=RULE, silent=True) for one in (called, alone)]
        await two.edge_outbox.raise_alarm(plain, recipients=both[:1], act="patto")
        await two.edge_outbox.raise_alarm(holdups[0], recipients=both, act="patto")
        await two.edge_outbox.raise_alarm(holdups[1], recipients=both[:1], act="patto")
        for one in (plain, called):
            with pytest.raises(RefusedError, match="institute"):
                await ear.verdict(peer, {"alarm": one.id, "verdict": "falso", "by": "ivo"}, b"")
            assert two.edge_outbox.get(one.id).state is AlarmState.OPEN
        await ear.verdict(peer, {"alarm": alone.id, "verdict": "falso", "by": "ivo"}, b"")
        assert two.edge_outbox.get(alone.id).state is CLOSED
