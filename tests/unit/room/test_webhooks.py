# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Webhooks before a real HTTP server: signed, in order, again until taken, never elsewhere."""

import asyncio
import base64
import hashlib
import hmac
import json
from contextlib import asynccontextmanager
from dataclasses import replace

from aiohttp import web

from gateway.model.incident import Change, Draft, fold
from gateway.room.incidents import Step, open_incidents
from gateway.room.webhooks import Courier, Hook, owed_to_hooks
from tests.unit.assembly.parts import ShiftedClock, until
from tests.unit.model.test_incident import FACTS, OPENED, PL, PS, event

SECRET = "whsec_" + base64.b64encode(b"molto segreto").decode()


class Receiver:
    """A dispatch system; `answers` are its next statuses, then 204."""

    def __init__(self):
        self.got = []
        self.answers = []
        self.elsewhere = ""

    async def take(self, request):
        body = await request.read()
        self.got.append((request.headers.copy(), body))
        status = self.answers.pop(0) if self.answers else 204
        headers = {"Location": self.elsewhere} if status in (301, 302, 307, 308) else {}
        return web.Response(status=status, headers=headers)

    def types(self):
        return [json.loads(body)["type"] for _, body in self.got]


@asynccontextmanager
async def serving(tls=None, host="127.0.0.1"):
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/{tail:.*}", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, host, 0, ssl_context=tls)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    try:
        yield receiver, port
    finally:
        await runner.cleanup()


def hook(port, **more):
    given = {"secret": SECRET, "private": True, "url": f"http://127.0.0.1:{port}/varco"} | more
    return Hook("centrale", organisation="sala-pl", **given)


@asynccontextmanager
async def telling(folder, one):
    """A book, and a courier that tells this hook."""
    clock = ShiftedClock()
    async with open_incidents(folder / "i.db", clock=clock) as book:
        courier = Courier(book, one, clock)
        task = asyncio.create_task(courier.run())
        try:
            yield book, courier, owed_to_hooks([one])
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def opened(book, owing, by=PL):
    return (await book.open(book.new_id(), [Draft(Change.OPENED, FACTS)], by, owing=owing)).incident


async def test_a_delivery_is_signed_and_says_what_happened(tmp_path):
    """Id, time and HMAC over id.time.body; which incident, what, by which organisation."""
    async with serving() as (receiver, port), telling(tmp_path, hook(port)) as (book, _, owing):
        made = await opened(book, owing, replace(PL, actor="anna", name="Anna Ricci"))
        say = [Draft(Change.MESSAGE, {"text": "parole riservate"})]
        await book.change(made.id, lambda _: say, PL, owing=owing)
        await until(lambda: len(receiver.got) == 2, what="two deliveries")
        headers, body = receiver.got[0]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        mac = hmac.new(b"molto segreto", signed, hashlib.sha256).digest()
        assert headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()
        told = json.loads(body)
        assert (told["type"], told["data"]["by"]) == ("incident.opened", "sala-pl")
        assert told["data"]["incident"]["id"] == made.id
        assert told["data"]["incident"]["title"] == "Rapina"
        assert receiver.types() == ["incident.opened", "message"]
        everything = b"".join(body for _, body in receiver.got)
        assert b"anna" not in everything.lower()
        assert b"riservate" not in everything
        await until(lambda: _nothing(book, made.id), what="settled")


async def _nothing(book, incident):
    return not await book.owes(incident)


async def test_what_fails_comes_again_in_order(tmp_path, monkeypatch):
    """Whatever the status, the same id comes again; what followed waits behind it."""
    monkeypatch.setattr("gateway.room.webhooks.FIRST_S", 0.05)
    async with serving() as (receiver, port), telling(tmp_path, hook(port)) as (book, one, owing):
        receiver.answers = [500, 404, 302, 200]
        made = await opened(book, owing)
        for n in range(3):
            update = [Draft(Change.UPDATED, {"priority": n + 1})]
            await book.change(made.id, lambda _, draft=update: draft, PL, owing=owing)
        await until(lambda: _nothing(book, made.id), bound_s=30, what="all taken")
        ids = [headers["webhook-id"] for headers, _ in receiver.got]
        assert ids[:4] == [ids[0]] * 4
        assert receiver.types()[3:] == ["incident.opened"] + ["incident.updated"] * 3
        numbers = [json.loads(body)["data"]["number"] for _, body in receiver.got[3:]]
        assert numbers == [1, 2, 3, 4]
        assert (one.state.delivered, one.state.problem) == (4, "")


async def test_one_incident_that_fails_holds_up_no_other(tmp_path, monkeypatch):
    """Order is kept within an incident; the others go on."""
    monkeypatch.setattr("gateway.room.webhooks.FIRST_S", 3600.0)
    async with serving() as (receiver, port), telling(tmp_path, hook(port)) as (book, one, owing):
        receiver.answers = [500]
        stuck = await opened(book, owing)
        await until(lambda: one.state.problem, what="the failure")
        other = await opened(book, owing)
        await until(lambda: _nothing(book, other.id), what="the other one")
        assert await book.owes(stuck.id) == {"hook:centrale": 1}


async def test_what_is_owed_outlasts_a_restart(tmp_path):
    """Nobody listens; after a restart somebody does."""
    async with serving() as (receiver, port):
        nowhere = hook(1)
        async with telling(tmp_path, nowhere) as (book, one, owing):
            made = await opened(book, owing)
            await until(lambda: one.state.problem, what="the failure")
            await book.postpone("hook:centrale", (await book.journal(made.id))[0].id, 0)
        async with telling(tmp_path, hook(port)):
            await until(lambda: receiver.got, what="the delivery")
        assert json.loads(receiver.got[0][1])["data"]["incident"]["id"] == made.id


def test_hooks_are_owed_what_they_asked_for_of_their_own(tmp_path):
    """Patterns choose; others' incidents are never told; what is no longer theirs is a number."""
    shared = event(2, Change.SHARED, {"with": "questura"})
    gone = event(3, Change.UNSHARED, {"with": "questura"})
    read = event(4, Change.RECEIPT, {"state": "read", "messages": []}, PS)
    journal = (OPENED, shared)
    step = Step(fold([OPENED]), fold(journal), (shared, read), journal)

    def owed(events, organisation, which=step):
        one = replace(hook(1), organisation=organisation, events=events)
        return [json.loads(body)["type"] for _, _, body in owed_to_hooks([one])(which)]

    assert owed(("*",), "sala-pl") == owed(("incident.*",), "questura") == ["incident.shared"]
    assert owed(("incident.closed", "message"), "sala-pl") == []
    assert owed(("*",), "carabinieri") == []
    left = Step(fold(journal), fold([*journal, gone]), (gone,), (*journal, gone))
    (entry,) = owed_to_hooks([replace(hook(1), organisation="questura")])(left)
    assert set(json.loads(entry[2])["data"]["incident"]) == {"id", "state"}
    assert owed(("*",), "questura", left) == ["incident.unshared"]
