# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Alarms over HTTP: list, live stream, verdict, pictures."""

import asyncio
import json
import os
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest

from gateway.assembly.services import AlarmBook
from gateway.console import alarms
from gateway.console.alarms import _clip, _still, is_far
from gateway.console.app import build_app
from gateway.console.listener import bind_tcp
from gateway.model.alarm import (
    Alarm,
    AlarmRecord,
    AlarmState,
    AlarmVerdict,
    Delivery,
    DeliveryState,
)
from gateway.model.identifiers import uuid7
from gateway.model.panel import panel_zone
from gateway.relay.alarms import book_rows
from gateway.relay.alarms.book_rows import Fresh
from gateway.relay.alarms.outbox import Bounds, open_outbox
from tests.ui.town import INSTITUTE, PHARMACY, ROOM, Town
from tests.unit.console.conftest import Site, serving

JPEG = b"\xff\xd8\xff\xe0 picture"


class Stream:
    """Reads server-sent events from a response."""

    def __init__(self, response):
        self._lines = response.aiter_lines()

    async def next(self):
        """Return the next event as (name, data); comments and beats are skipped."""
        name, data = "", ""
        async with asyncio.timeout(30):
            async for line in self._lines:
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    data = line.removeprefix("data: ")
                elif line == "" and name not in ("", "beat"):
                    return name, json.loads(data)
        return "end", None


async def test_list_is_newest_first_and_only_what_concerns_the_organisation(site, town):
    """A recipient sees its alarms in words, others see none."""
    old = town.alarms.raise_one(ago_s=100)
    new = town.alarms.raise_one(severity=5)
    private = town.alarms.raise_one("piazza-1", recipients=())
    async with site.as_user("anna") as client:
        listed = (await client.get("/api/alarms")).json()
        assert [one["id"] for one in listed] == [new.alarm.id, old.alarm.id]
        assert listed[0]["camera_name"] == "Banco e ingresso"
        assert listed[0]["zone_name"] == "Dietro il banco"
        assert listed[0]["severity"] == 5
        assert listed[0]["exercise"] is True
        assert (await client.get(f"/api/alarms/{private.alarm.id}")).status_code == 404
    async with site.as_user("sara") as client:
        assert (await client.get("/api/alarms")).json() == []


async def test_detail_tells_the_deliveries(site, town):
    """One alarm comes with what became of it at each recipient, by name."""
    record = town.alarms.raise_one()
    async with site.as_user("ivo") as client:
        detail = (await client.get(f"/api/alarms/{record.alarm.id}")).json()
    assert [one["recipient_name"] for one in detail["deliveries"]] == [
        "Sala operativa Polizia Locale",
        "Istituto Apuania Vigilanza",
    ]
    assert detail["alarm"]["viewable"] is False
    assert detail["alarm"]["may_close"] is False


async def test_what_went_wrong_is_told_in_the_readers_language_without_an_address(
    site, town, monkeypatch
):
    """An institute reads what a broker said, and not where the police's broker is."""
    record = town.alarms.raise_one()
    said = "broker a (b.example:8883) refuses the connection: 0x87 not authorized"
    failed = Delivery(record.alarm.id, ROOM, DeliveryState.REFUSED, 2, 1, 0, said)

    async def deliveries(_alarm_id):
        return [failed]

    monkeypatch.setattr(town.alarms, "deliveries", deliveries)
    async with site.as_user("ivo") as client:
        url = f"/api/alarms/{record.alarm.id}"
        told = {
            tongue: (await client.get(url, headers={"Accept-Language": tongue})).json()
            for tongue in ("it", "en")
        }
    assert {tongue: one["deliveries"][0]["problem"] for tongue, one in told.items()} == {
        "it": "broker a rifiuta il collegamento: 0x87 non autorizzato",
        "en": "broker a refuses the connection: 0x87 not authorized",
    }


async def test_a_new_alarm_arrives_on_the_open_stream(site, town):
    """After `ready` every change of one's own alarms arrives, nobody else's."""
    async with site.as_user("anna") as client, client.stream("GET", "/api/alarms/events") as line:
        assert line.headers["content-type"].startswith("text/event-stream")
        stream = Stream(line)
        assert (await stream.next())[0] == "ready"
        town.alarms.raise_one("piazza-1", recipients=(INSTITUTE,))
        mine = town.alarms.raise_one()
        name, data = await stream.next()
        # the first one is not ours: a recipient elsewhere
        assert (name, data["id"]) == ("alarm", mine.alarm.id)
        await town.alarms.end(mine.alarm.id)
        assert (await stream.next())[1]["state"] == "cessato"


async def test_a_gap_makes_the_page_reload(site, town):
    """When changes were lost the stream says `ready` again."""
    async with site.as_user("anna") as client, client.stream("GET", "/api/alarms/events") as line:
        stream = Stream(line)
        await stream.next()
        for subscription in town.alarms.subscriptions:
            subscription.offer(None)
        assert (await stream.next())[0] == "ready"


async def test_the_stream_ends_with_the_sign_in(site, town):
    """A stream of somebody who signed out says so and ends, and leaves no subscription."""
    async with site.as_user("anna") as client, client.stream("GET", "/api/alarms/events") as line:
        stream = Stream(line)
        await stream.next()
        town.accounts.sessions.clear()
        town.alarms.raise_one()
        assert (await stream.next())[0] == "signed-out"
        assert (await stream.next())[0] == "end"
    assert town.alarms.subscriptions == set()


async def test_the_stream_wants_identity(site):
    """Nobody reads alarms without signing in."""
    async with site.anonymous() as client:
        assert (await client.get("/api/alarms/events")).status_code == 401


@pytest.mark.parametrize("verdict", ["confermato", "falso", "esercitazione"])
async def test_a_verdict_closes_once(site, town, verdict):
    """The first verdict closes the alarm under the operator's id; a second one is 409."""
    record = town.alarms.raise_one()
    path = f"/api/alarms/{record.alarm.id}/close"
    async with site.as_user("anna") as client:
        closed = await client.post(path, json={"verdict": verdict})
        again = await client.post(path, json={"verdict": "falso"})
    assert closed.status_code == 200
    assert closed.json()["verdict"] == verdict
    assert closed.json()["viewable"] is False
    assert town.alarms.records[record.alarm.id].closed_by == "anna"
    assert again.status_code == 409
    assert again.json()["code"] == "alarm-already-closed"


async def test_an_institute_may_not_close(site, town):
    """Who only gets the text gives no verdict."""
    record = town.alarms.raise_one()
    async with site.as_user("ivo") as client:
        answer = await client.post(
            f"/api/alarms/{record.alarm.id}/close", json={"verdict": "falso"}
        )
    assert answer.status_code == 403
    assert town.alarms.records[record.alarm.id].closed_by == ""


async def test_verdicts_are_a_closed_set(site, town):
    """A made-up verdict is refused and changes nothing."""
    record = town.alarms.raise_one()
    async with site.as_user("anna") as client:
        path = f"/api/alarms/{record.alarm.id}/close"
        assert (await client.post(path, json={"verdict": "boh"})).status_code == 422
    assert town.alarms.records[record.alarm.id].closed_by == ""


@pytest.mark.parametrize(
    ("what", "kind"), [("still.jpg", "image/jpeg"), ("before.mp4", "video/mp4")]
)
async def test_pictures_leave_under_a_grant_that_is_closed_with_their_size(site, town, what, kind):
    """A picture comes with purpose and case; the ledger then knows how much left."""
    record = town.alarms.raise_one()
    town.stills.kept[record.alarm.id] = JPEG
    town.clips.mp4 = JPEG
    why = {"purpose": "allarme", "case": record.alarm.id}
    async with site.as_user("anna") as client:
        answer = await client.get(f"/api/alarms/{record.alarm.id}/{what}", params=why)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == kind
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content == JPEG
    assert [(reason, size) for _, reason, size in town.gate.closed] == [("delivered", len(JPEG))]


@pytest.mark.parametrize("what", ["still.jpg", "before.mp4"])
async def test_no_purpose_no_picture(site, town, what):
    """A missing purpose is 403 with its reason, and the refusal is in the ledger."""
    record = town.alarms.raise_one()
    town.stills.kept[record.alarm.id] = town.clips.mp4 = JPEG
    async with site.as_user("anna") as client:
        answer = await client.get(f"/api/alarms/{record.alarm.id}/{what}")
    assert answer.status_code == 403
    assert answer.json()["code"] == "purpose-missing"
    assert town.ledger.entries_now[-1].event.result == "denied"


@pytest.mark.parametrize(("what", "code"), [("still.jpg", "no-still"), ("before.mp4", "no-clip")])
async def test_nothing_kept_is_404_and_the_grant_ends(site, town, what, code):
    """Where nothing is kept the answer says so and the access is closed with no bytes."""
    record = town.alarms.raise_one()
    why = {"purpose": "allarme", "case": record.alarm.id}
    async with site.as_user("anna") as client:
        answer = await client.get(f"/api/alarms/{record.alarm.id}/{what}", params=why)
    assert answer.status_code == 404
    assert answer.json()["code"] == code
    assert town.gate.closed[0][2] == 0


async def test_a_closed_alarm_shows_nothing_any_more(site, town):
    """After the verdict the same request is refused with the reason."""
    record = town.alarms.raise_one()
    town.clips.mp4 = JPEG
    why = {"purpose": "allarme", "case": record.alarm.id}
    path = f"/api/alarms/{record.alarm.id}"
    async with site.as_user("anna") as client:
        assert (await client.get(f"{path}/before.mp4", params=why)).status_code == 200
        await client.post(f"{path}/close", json={"verdict": "falso"})
        answer = await client.get(f"{path}/before.mp4", params=why)
    assert answer.status_code == 403
    assert answer.json()["code"] == "alarm-closed"
    assert record.alarm.camera == PHARMACY


@pytest.mark.parametrize("picture", ["still.jpg", "before.mp4"])
async def test_an_open_alarm_does_not_open_the_pictures_of_a_closed_one(site, town, picture):
    """Each alarm is its own case: naming another one of the same camera changes nothing."""
    past, now = town.alarms.raise_one(ago_s=900), town.alarms.raise_one()
    town.stills.kept = {past.alarm.id: JPEG, now.alarm.id: JPEG}
    town.clips.mp4 = b"mp4"
    await town.alarms.close(past.alarm.id, "anna", AlarmVerdict.FALSE)
    why = {"purpose": "allarme", "case": now.alarm.id}
    async with site.as_user("anna") as client:
        answer = await client.get(f"/api/alarms/{past.alarm.id}/{picture}", params=why)
        assert (answer.status_code, answer.json()["code"]) == (403, "alarm-closed")
        allowed = await client.get(f"/api/alarms/{now.alarm.id}/{picture}", params=why)
        assert allowed.status_code == 200


async def test_event_streams_of_one_person_are_bounded(site, town, monkeypatch):
    """One person cannot take all places; a stream that ended gives its place back."""
    monkeypatch.setattr(alarms, "MOST_STREAMS", 1)
    async with site.as_user("anna") as client, site.as_user("ivo") as other:
        async with client.stream("GET", "/api/alarms/events") as first:
            open_stream = Stream(first)
            assert (await open_stream.next())[0] == "ready"
            assert (await client.get("/api/alarms/events")).status_code == 429
            async with other.stream("GET", "/api/alarms/events") as theirs:
                assert theirs.status_code == 200
        async with asyncio.timeout(30):
            while True:
                async with client.stream("GET", "/api/alarms/events") as again:
                    if again.status_code == 200:
                        break


class Far:
    """Pictures of an edge's alarms."""

    def __init__(self):
        self.asked = []

    async def still(self, grant, alarm):
        self.asked.append(("still", grant.camera, alarm.alarm.id))
        return b"far still"

    async def clip(self, grant, alarm):
        self.asked.append(("clip", grant.camera, alarm.alarm.id))
        return b""


@pytest.mark.parametrize("line", ["", "nord.piazza"])
def test_an_alarm_without_a_camera_of_ours_asks_the_edge_or_nobody(line):
    """Only what an edge raised is fetched from it."""
    record = Town().alarms.raise_one(camera=line)
    assert is_far(record) is (line != "")


async def test_pictures_of_an_edges_alarm_come_from_the_edge():
    """Under the same Grant; without lines there are none, and ours stay ours."""
    town, far = Town(), Far()
    services = replace(town.services(), far=far)
    record = town.alarms.raise_one(camera="nord.piazza")
    grant = SimpleNamespace(camera="nord.piazza")
    assert await _still(services, grant, record) == b"far still"
    assert await _clip(services, grant, record) == b""
    assert far.asked == [(what, "nord.piazza", record.alarm.id) for what in ("still", "clip")]


async def test_an_event_tells_its_version_and_the_time(site, town):
    """The id of an event is the alarm's and its version, which only grows; `ready` has the time."""
    record = town.alarms.raise_one()
    async with site.as_user("anna") as client, client.stream("GET", "/api/alarms/events") as line:
        lines = line.aiter_lines()
        seen, now = [], ""
        async with asyncio.timeout(20):
            while len(seen) < 3:
                text = await anext(lines)
                if text.startswith("data: ") and not now:
                    now = json.loads(text.removeprefix("data: "))["now"]
                    town.alarms.change(record, repeats=1)
                    await town.alarms.take(record.alarm.id, "anna")
                    await town.alarms.close(record.alarm.id, "anna", AlarmVerdict.FALSE)
                elif text.startswith("id: "):
                    seen.append(text.removeprefix("id: "))
    assert now.startswith("20")
    assert now.endswith("Z")
    alarm, versions = record.alarm.id, [int(one.rpartition(".")[2]) for one in seen]
    assert [one.rpartition(".")[0] for one in seen] == [alarm] * 3
    assert versions == sorted(set(versions))


async def test_what_waits_is_listed_however_many_are_closed(site, town):
    """The limit is one of the closed: an old alarm that nobody closed stands in the list."""
    waiting = town.alarms.raise_one(ago_s=900)
    for ago_s in range(3):
        done = town.alarms.raise_one(ago_s=float(ago_s))
        await town.alarms.close(done.alarm.id, "anna", AlarmVerdict.FALSE)
    async with site.as_user("anna") as client:
        listed = (await client.get("/api/alarms", params={"limit": 1})).json()
    assert [one["state"] for one in listed] == ["chiuso", "aperto"]
    assert listed[-1]["id"] == waiting.alarm.id


async def test_who_answers_first_has_it(site, town):
    """Again changes nothing; another house is told which has it, and one that is none of, nothing.

    Colleagues read the person's name; other organisations only that of the house.
    """
    record = town.alarms.raise_one()
    path = f"/api/alarms/{record.alarm.id}"
    async with site.as_user("anna") as anna, site.as_user("ivo") as ivo:
        assert (await anna.get(path)).json()["alarm"]["may_take"] is True
        for _ in range(2):
            taken = (await anna.post(f"{path}/take")).json()
            assert (taken["taken_by"], taken["may_take"]) == ("Anna Ricci", False)
            assert taken["taken"]
        late = await ivo.post(f"{path}/take")
        assert (late.status_code, late.json()["code"]) == (409, "alarm-already-taken")
        assert late.json()["detail"] == "Sala operativa Polizia Locale"
        await anna.post(f"{path}/close", json={"verdict": "falso"})
        again = await ivo.post(f"{path}/take")
        assert (again.status_code, again.json()["code"]) == (409, "alarm-already-closed")
    async with site.as_user("sara") as client:
        assert (await client.post(f"{path}/take")).status_code == 404


async def test_when_and_to_whom_it_goes_on_is_told(site, town):
    """By name and time; what went to everybody and nobody answered says so."""
    record = town.alarms.raise_one()
    at_us = record.stored_utc_us + 60_000_000
    town.alarms._put(replace(record, escalates_utc_us=at_us, escalates_to=(INSTITUTE,), repeats=2))
    async with site.as_user("anna") as client:
        (one,) = (await client.get("/api/alarms")).json()
        assert one["escalates"]
        assert len(one["escalates_to"]) == 1
        assert (one["repeats"], one["unanswered"], one["group"]) == (2, False, record.alarm.id)
        town.alarms._put(replace(record, step=2))
        (one,) = (await client.get("/api/alarms")).json()
        assert (one["escalates"], one["unanswered"]) == ("", True)


async def test_what_the_actor_may_not_know_pushes_nothing_out_of_the_list(site, town):
    """Else a shop would read off a short list that a hold-up was raised."""
    mine = town.alarms.raise_one()
    await town.alarms.close(mine.alarm.id, "anna", AlarmVerdict.FALSE)
    town.alarms.raise_one("piazza-1", recipients=())
    async with site.as_user("anna") as client:
        listed = (await client.get("/api/alarms", params={"limit": 1})).json()
    assert [one["id"] for one in listed] == [mine.alarm.id]


class Ledger:
    """A journal in memory."""

    def __init__(self):
        self.entries = []

    async def account(self, event):
        self.entries.append(event)


@asynccontextmanager
async def on_disk(folder):
    """Serve the town before a real book of alarms that remembers three; yields site and book."""
    town, bounds = Town(), Bounds(kept=3)
    async with open_outbox(folder / "alarms.db", clock=town.clock, bounds=bounds) as outbox:
        town.alarms = AlarmBook(outbox, Ledger(), lambda: town.registry)
        bound = bind_tcp("127.0.0.1", 0)
        async with serving(build_app(town.services()), [bound]):
            yield Site(town, f"http://127.0.0.1:{bound.getsockname()[1]}"), outbox


def made(town, camera=PHARMACY, **changes):
    now = town.clock.now()
    values = {"zone": "banco", "rule": "intrusione", "severity": 5, "raised": now} | changes
    return Alarm(uuid7(now.utc_us, os.urandom(10)), camera, **values)


async def flood(outbox, town, count):
    """Store newer alarms of another house in one transaction."""
    now = town.clock.now()

    def job(db):
        for _ in range(count):
            record = AlarmRecord(made(town, "altrove"), AlarmState.OPEN, now.utc_us)
            book_rows.insert(db, Fresh(record, (("altri", True),)), outbox._quota, now)

    await outbox._store.write(job)


async def test_an_open_alarm_is_found_behind_any_number_of_others(tmp_path):
    """Listed after a reload, taken and closed; nor do closed ones of others fill the list."""
    async with on_disk(tmp_path) as (site, outbox):
        rooms = [site.town.registry.recipients[ROOM]]
        call = await outbox.raise_alarm(made(site.town), recipients=rooms, act="patto")
        done = await outbox.raise_alarm(made(site.town, severity=2), recipients=rooms, act="patto")
        await outbox.close(done.alarm.id, "anna", AlarmVerdict.FALSE)
        await flood(outbox, site.town, 501)
        for _ in range(4):
            await outbox.raise_alarm(made(site.town, "altrove"), recipients=(), act="")
        assert outbox.get(call.alarm.id) is None
        path = f"/api/alarms/{call.alarm.id}"
        async with site.as_user("anna") as client:
            listed = (await client.get("/api/alarms")).json()
            assert [one["id"] for one in listed] == [done.alarm.id, call.alarm.id]
            assert (await client.get(path)).status_code == 200
            taken = await client.post(f"{path}/take")
            assert (taken.status_code, taken.json()["taken_by"]) == (200, "Anna Ricci")
            await outbox.end(call.alarm.id, site.town.clock.now())
            await outbox.raise_alarm(made(site.town, "altrove"), recipients=(), act="")
            closed = await client.post(f"{path}/close", json={"verdict": "confermato"})
            assert outbox.get(call.alarm.id) is None
            assert (closed.status_code, closed.json()["state"]) == (200, "chiuso")
            assert (
                await client.post(f"{path}/close", json={"verdict": "falso"})
            ).status_code == 409
        async with site.as_user("sara") as client:
            assert (await client.post(f"{path}/take")).status_code == 404


async def test_a_panels_holdup_is_taken_while_its_next_step_waits(tmp_path):
    """It has no channel whose centre is asked first: whoever takes it has it."""
    async with on_disk(tmp_path) as (site, outbox):
        alarm = made(site.town, zone=panel_zone("centralina", "3"), rule="rapina", silent=True)
        rooms = [site.town.registry.recipients[ROOM]]
        plan = ((60.0, (INSTITUTE,)), (240.0, ()))
        await outbox.raise_alarm(alarm, recipients=rooms, act="patto", plan=plan)
        async with site.as_user("anna") as client:
            assert (await client.get(f"/api/alarms/{alarm.id}")).json()["alarm"]["may_take"] is True
            taken = await client.post(f"/api/alarms/{alarm.id}/take")
        assert (taken.status_code, taken.json()["taken_by"]) == (200, "Anna Ricci")
        assert outbox.get(alarm.id).escalates_utc_us == 0
