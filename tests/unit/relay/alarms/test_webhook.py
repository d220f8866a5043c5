# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.relay.alarms.webhook: real POSTs to a real server, the outbox is the real one."""

import asyncio
import base64
import hashlib
import hmac
import json
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.model.alarm import DeliveryState as State
from gateway.model.errors import ConfigError, StoreError
from gateway.relay.alarms import webhook
from gateway.relay.alarms.webhook import AlarmHook, HookCourier, HookPace
from gateway.runtime.supervise import Policy
from gateway.wire.onvif_mqtt import Phase
from tests.unit.assembly.parts import until
from tests.unit.relay.alarms.test_dc09 import INSTITUTE, bench
from tests.unit.room.test_webhooks import serving

PACE = HookPace(first_s=0.05, most_s=0.1, refused_first_s=0.1, refused_most_s=0.2, tick_s=0.02)


@asynccontextmanager
async def telling(desk, port, pace=PACE):
    hook = AlarmHook("cad", f"http://127.0.0.1:{port}/varco", "molto segreto", private=True)
    courier = HookCourier(
        INSTITUTE, hook, desk.outbox, box="varco-nord", clock=desk.clock, pace=pace
    )
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(courier.run())
        try:
            yield courier
        finally:
            task.cancel()


def told(receiver):
    return [(headers["webhook-id"], json.loads(body)) for headers, body in receiver.got]


async def test_an_alarm_and_its_end_are_told_signed(tmp_path):
    """Each phase has its own id, and the signature is over id, time and body."""
    async with bench(tmp_path) as desk, serving() as (receiver, port):
        record = await desk.raise_one()
        async with telling(desk, port) as courier:
            await desk.settled(record)
            await desk.outbox.end(record.alarm.id, desk.clock.now())
            await desk.settled(record, phase=Phase.ENDED)
            assert (courier.status().online, courier.status().problem) == (True, "")
        (raised, first), (ended, last) = told(receiver)
        assert (raised, ended) == (f"{record.alarm.id}.raised", f"{record.alarm.id}.ended")
        assert (first["type"], last["type"]) == ("alarm.raised", "alarm.ended")
        assert first["data"]["alarm"] == record.alarm.id
        assert (first["data"]["camera"], first["data"]["box"]) == ("banco", "varco-nord")
        headers, body = receiver.got[0]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        mac = base64.b64encode(hmac.new(b"molto segreto", signed, hashlib.sha256).digest())
        assert headers["webhook-signature"] == "v1," + mac.decode()


@pytest.mark.parametrize("status", [500, 503, 429, 302])
async def test_what_passes_is_tried_again_by_the_same_id(tmp_path, status):
    """And its end does not overtake it."""
    async with bench(tmp_path) as desk, serving() as (receiver, port):
        receiver.answers = [status, status]
        record = await desk.raise_one()
        async with telling(desk, port):
            await until(lambda: receiver.got, what="the first try")
            await desk.outbox.end(record.alarm.id, desk.clock.now())
            await desk.settled(record, phase=Phase.ENDED)
        ids = [one for one, _ in told(receiver)]
        raised = f"{record.alarm.id}.raised"
        assert ids == [raised] * 3 + [f"{record.alarm.id}.ended"]


async def test_what_is_refused_is_parked_and_shown(tmp_path):
    """4xx: parked with words, the others pass; it goes once the address takes it."""
    async with bench(tmp_path) as desk, serving() as (receiver, port):
        receiver.answers = [403, 200, 403]
        first = await desk.raise_one()
        async with telling(desk, port, replace(PACE, refused_first_s=0.2)) as courier:
            await desk.settled(first, State.REFUSED)
            assert (await desk.delivery(first)).problem == "webhook cad: status 403"
            assert courier.status().problem == "webhook cad: status 403"
            await desk.settled(await desk.raise_one())
            await desk.settled(first)
            assert courier.status().problem == ""


async def test_an_end_behind_a_pause_rests_as_well(tmp_path):
    """While its raising waits for its next try nothing is asked of the disk again and again."""
    async with bench(tmp_path) as desk, serving() as (receiver, port):
        receiver.answers = [500]
        record = await desk.raise_one()
        await desk.outbox.end(record.alarm.id, desk.clock.now())
        async with telling(desk, port, replace(PACE, first_s=3600.0, most_s=3600.0)) as courier:
            await desk.settled(record, State.SENT)
            await until(lambda: len(courier._pauses) == 2, what="both rest")
            assert not await courier._deliver()
            assert len(receiver.got) == 1


async def test_an_end_does_not_overtake_a_raising_that_was_refused(tmp_path):
    """4xx: the end waits with it, and follows it."""
    async with bench(tmp_path) as desk, serving() as (receiver, port):
        receiver.answers = [403, 403]
        record = await desk.raise_one()
        async with telling(desk, port):
            await desk.settled(record, State.REFUSED)
            await desk.outbox.end(record.alarm.id, desk.clock.now())
            await desk.settled(record, phase=Phase.ENDED)
        words = [one.partition(".")[2] for one, _ in told(receiver)]
        assert words[-2:] == ["raised", "ended"]
        assert words.count("ended") == 1


async def test_a_disk_that_cannot_be_read_is_no_bug(tmp_path, monkeypatch):
    """It is asked again for as long as it takes: no crash is counted against the box."""
    async with bench(tmp_path) as desk, serving() as (_, port):
        due, failures = desk.outbox.due, []

        async def refuse(*args, **more):
            if len(failures) < 6:
                failures.append(1)
                raise StoreError("alarms.db: disk I/O error")
            return await due(*args, **more)

        monkeypatch.setattr(desk.outbox, "due", refuse)
        monkeypatch.setattr(webhook, "POLICY", Policy(first_s=0.01, most_s=0.02))
        async with telling(desk, port):
            await desk.settled(await desk.raise_one())
        assert len(failures) == 6


async def test_who_is_gone_is_not_knocked_at(tmp_path):
    """410: what is new is tried once, what was refused not again."""
    async with bench(tmp_path) as desk, serving() as (receiver, port):
        receiver.answers = [410] * 100
        async with telling(desk, port) as courier:
            for _ in range(2):
                await desk.settled(await desk.raise_one(), State.REFUSED)
            courier._knocks.begin()
            assert not await courier._knock()
            assert len(receiver.got) == 2
            assert not courier.status().online


async def test_one_that_fails_holds_up_no_other(tmp_path):
    """The first waits for its turn; what comes meanwhile is told."""
    async with bench(tmp_path) as desk, serving() as (receiver, port):
        receiver.answers = [500]
        stuck = await desk.raise_one()
        async with telling(desk, port, replace(PACE, first_s=3600.0)):
            await desk.settled(stuck, State.SENT)
            await desk.settled(await desk.raise_one())
            assert "500" in (await desk.delivery(stuck)).problem


def test_a_recipient_with_an_inbox_is_refused():
    """There is nobody to acknowledge but the status."""
    hook = AlarmHook("cad", "https://cad.example/", "x")
    with pytest.raises(ConfigError, match="inbox"):
        HookCourier(replace(INSTITUTE, inbox=True), hook, None, box="b", clock=None)
    assert "'x'" not in repr(hook)
