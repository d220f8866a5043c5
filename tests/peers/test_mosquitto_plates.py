# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Plates that hit a list over a real mosquitto with the shipped configuration."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.assembly.plate_couriers import PlateCouriers, PlatePost, Roads
from gateway.model.alarm import AlarmVerdict
from gateway.runtime.clock import SystemClock
from tests.peers.test_mosquitto_alarms import mosquitto, options, reading, until
from tests.unit.assembly.plate_parts import FAR, OTHER, PLATE, Lists, Match, town, world

__all__ = ["mosquitto"]

pytestmark = pytest.mark.peer

ROOT = Path(__file__).parents[2]
FORM = '{"topic":"%t","retain":%r,"qos":%q,"expiry":"%E","payload":%p}'
TOPIC = "varco/box-1/sala-ps/onvif-ej/RuleEngine/Recognition/LicensePlate/&piazza/targa-cercata"
NOBODY = [f"ZQ{number:03}AA" for number in range(200)]
KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from gateway.runtime.clock import SystemClock
from tests.unit.assembly.plate_parts import world

async def main():
    async with world(Path(sys.argv[1]), clock=SystemClock()) as w:
        await w.pass_by()
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@asynccontextmanager
async def box(folder, port, **more):
    """A desk and its couriers, as a box has them."""
    ring = []
    async with world(
        folder, clock=SystemClock(), changed=lambda: [one() for one in ring], **more
    ) as w:
        post = PlatePost(w.book, w.parts.lists, "box-1", w.clock)
        roads = Roads({"b": options(port)}, {}, "box-1")
        async with asyncio.TaskGroup() as tasks:
            couriers = PlateCouriers(post, roads, tasks, w.clock)
            ring.append(couriers.ring)
            couriers.reconcile(town())
            w.couriers = couriers
            yield w
            for _, _, cancel in couriers._running.values():
                cancel()


async def sent(w, hit):
    """Return whether the far room has a hit."""
    return hit.id not in [one.hit.id for one in await w.book.waiting(FAR.id)]


async def test_a_room_gets_the_hit_and_nothing_of_any_other_plate(mosquitto, program, tmp_path):
    """Right topic, QoS 1, never retained, five minutes, no picture; an institute gets nothing."""
    broker = mosquitto()
    with reading(program, broker.port, "varco/#", "-F", FORM) as read:
        (tmp_path / "state").mkdir()
        sought = Lists({PLATE: Match(), OTHER: Match("voce-2", text=OTHER)})
        async with box(tmp_path / "state", broker.port, lists=sought) as w:
            for number, text in enumerate(NOBODY):
                await w.pass_by(text, number=number)
            await w.pass_by(PLATE)
            (hit,) = await w.book.all()
            await until(lambda: sent(w, hit))
            await w.pass_by(OTHER, certain=False)
            (unsure,) = [one for one in await w.book.all() if not one.certain]
            assert [one["payload"]["Data"]["EventId"] for one in await until(read)] == [hit.id]
            assert await w.desk.confirm(unsure.id, "anna")
            first, second = await until(lambda: read() if len(read()) == 2 else None)
    assert first["topic"] == second["topic"] == TOPIC
    for one in (first, second):
        assert (one["retain"], one["qos"]) == (0, 1)
        assert 0 < int(one["expiry"]) <= 300
    assert first["payload"]["Data"] == {
        "Likelihood": 0.97,
        "LicensePlateInfo": {
            "PlateNumber": PLATE, "PlateType": "Normal", "CountryCode": "IT", "IssuingEntity": "",
        },
        "Label": "Blacklisted",
        "EventId": hit.id,
        "Box": "box-1",
    }  # fmt: skip
    assert second["payload"]["Data"]["Verified"] is True
    assert second["payload"]["Data"]["LicensePlateInfo"]["PlateNumber"] == OTHER
    broker.close()
    everything = b"".join(one.read_bytes() for one in tmp_path.rglob("*") if one.is_file())
    assert not any(text.encode() in everything for text in (*NOBODY, PLATE, OTHER))


async def test_who_subscribes_later_gets_it_once_and_the_broker_keeps_nothing(
    mosquitto, program, tmp_path
):
    """Without a listener it waits here, not at the broker; then it comes, and once."""
    broker = mosquitto()
    async with box(tmp_path, broker.port) as w:
        await w.pass_by()
        (hit,) = await w.book.all()
        await until(lambda: "subscriber" in "".join(w.couriers.problems))
        with reading(program, broker.port, "varco/#", "-F", FORM) as read:
            w.couriers.ring()
            while not await sent(w, hit):
                w.couriers.ring()
                await asyncio.sleep(0.05)
            assert len(await until(read)) == 1
        with reading(program, broker.port, "varco/#", "-F", FORM) as late:
            w.couriers.ring()
            probe = "varco/box-1/sala-ps/prova"
            while not late():
                said = await asyncio.create_subprocess_exec(
                    program("mosquitto_pub"), "-V", "5", "-p", str(broker.port), "-t", probe,
                    "-m", '"prova"',
                )  # fmt: skip
                assert await said.wait() == 0
            assert {one["topic"] for one in late()} == {probe}


async def test_a_kill_between_hit_and_sending_loses_nothing_and_shows_once(
    mosquitto, program, tmp_path
):
    """The process dies by SIGKILL with the hit on disk; the next one sends it, one alarm, once."""
    state = tmp_path / "state"
    state.mkdir()
    died = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, str(state), cwd=ROOT, env={**os.environ},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    _, words = await died.communicate()
    assert died.returncode == -signal.SIGKILL, words.decode()
    broker = mosquitto()
    with reading(program, broker.port, "varco/#", "-F", FORM) as read:
        async with box(state, broker.port) as w:
            keeping = w.tasks.create_task(w.desk.keep())
            (hit,) = await w.book.all()
            await until(lambda: sent(w, hit))
            await until(read)
            for _ in range(3):
                await w.desk.recover()
                w.couriers.ring()
            assert await w.book.waiting(FAR.id) == []
            (record,) = await w.outbox.recent(10)
            assert (record.alarm.id, record.verdict) == (hit.id, AlarmVerdict.NONE)
            keeping.cancel()
        got = [json.dumps(one["payload"]) for one in read()]
    assert len(got) == 1
    assert hit.id in got[0]


async def test_what_is_discarded_while_it_waits_is_never_sent(mosquitto, program, tmp_path):
    """The broker is away, the person says no, the broker comes back: nothing was told."""
    broker = mosquitto(start=False)
    async with box(tmp_path, broker.port) as w:
        await w.pass_by()
        (hit,) = await w.book.all()
        await w.outbox.close(hit.id, "anna", AlarmVerdict.FALSE)
        await w.desk.settle(hit.id)
        broker.start()
        with reading(program, broker.port, "varco/#", "-F", FORM) as read:
            await w.pass_by(zone="varco-sud")
            await until(read)
            (later,) = await w.book.all()
            assert [one["payload"]["Data"]["EventId"] for one in read()] == [later.id]
