# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.relay.alarms.dc09, against pysiaalarm and against a station with a script."""

import asyncio
import os
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pysiaalarm import SIAAccount
from pysiaalarm.aio import SIAClient

from gateway.model.alarm import Alarm, AlarmRecord, AlarmState
from gateway.model.alarm import DeliveryState as State
from gateway.model.errors import ConfigError, StoreError
from gateway.model.identifiers import uuid7
from gateway.model.registry import Recipient, RecipientKind
from gateway.relay.alarms.dc09 import Dc09Courier, sequence_of, word
from gateway.relay.alarms.dc09_line import Station, StationPace
from gateway.relay.alarms.outbox import Outgoing, open_outbox
from gateway.relay.alarms.webhook import payload
from gateway.runtime.clock import SystemClock
from gateway.runtime.supervise import Policy
from gateway.wire import dc09
from gateway.wire.dc09 import Sender, Token
from gateway.wire.onvif_mqtt import Phase
from tests.dc09_parts import KEY, PAD, ScriptedStation
from tests.unit.assembly.parts import until

INSTITUTE = Recipient("istituto", "Istituto", RecipientKind.INSTITUTE, broker="dc09:istituto")
PACE = StationPace(
    connect_s=20.0, answer_s=20.0, tick_s=0.02, refused_first_s=0.1, refused_most_s=0.2,
    redial=Policy(first_s=0.05, most_s=0.1),
)  # fmt: skip


def station(*ports, **more):
    places = tuple(("127.0.0.1", port) for port in ports)
    given = {"sender": Sender("1A2B"), "supervision_s": 0.0, "zones": {"retro": 7}}
    return Station("istituto", places, **given | more)


class Bench:
    def __init__(self, outbox, clock):
        self.outbox = outbox
        self.clock = clock
        self.courier = None

    async def raise_one(self, **changes):
        now = self.clock.now()
        values = {
            "id": uuid7(now.utc_us, os.urandom(10)), "camera": "banco", "zone": "retro",
            "rule": "intrusione", "severity": 3, "raised": now,
        }  # fmt: skip
        made = Alarm(**values | changes)
        return await self.outbox.raise_alarm(made, recipients=(INSTITUTE,), act="patto")

    async def delivery(self, record, phase=Phase.RAISED):
        found = await self.outbox.deliveries(record.alarm.id, phase)
        return found[0] if found else None

    async def settled(self, record, state=State.DELIVERED, phase=Phase.RAISED):
        async def there():
            one = await self.delivery(record, phase)
            return one is not None and one.state is state

        await until(there, what=state.value)


@asynccontextmanager
async def bench(folder):
    clock = SystemClock()
    async with open_outbox(folder / "alarms.db", clock=clock) as outbox:
        yield Bench(outbox, clock)


@asynccontextmanager
async def telling(desk, where, pace=PACE):
    desk.courier = Dc09Courier(INSTITUTE, where, desk.outbox, clock=desk.clock, pace=pace)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(desk.courier.run())
        try:
            yield desk.courier
        finally:
            task.cancel()


@asynccontextmanager
async def pysiaalarm_receiver(key, port):
    """The real receiver of another project; what it takes is kept."""
    taken = []

    async def take(event):
        taken.append(event)

    account = SIAAccount("1A2B", key.decode() if key else None)
    client = SIAClient("127.0.0.1", port, [account], take)
    await client.async_start()
    try:
        yield taken, client.server.sockets[0].getsockname()[1], client.counts
    finally:
        client.server.close()


@pytest.mark.peer
@pytest.mark.parametrize("key", [None, KEY, KEY * 2], ids=["clear", "aes128", "aes256"])
@pytest.mark.parametrize(
    ("token", "codes"), [(Token.SIA, ["BA", "BH"]), (Token.CID, ["BA", "BH"])], ids=["sia", "cid"]
)
async def test_pysiaalarm_takes_what_we_tell(tmp_path, key, token, codes):
    """An alarm and its end, in both formats, in clear and in cipher; its ACK is ours to read."""
    async with bench(tmp_path) as desk, pysiaalarm_receiver(key, 0) as (taken, port, counts):
        where = station(port, sender=Sender("1A2B", "0", "0", key), token=token, supervision_s=90.0)
        record = await desk.raise_one()
        async with telling(desk, where) as courier:
            await desk.settled(record)
            await desk.outbox.end(record.alarm.id, desk.clock.now())
            await desk.settled(record, phase=Phase.ENDED)
            assert courier.status().online
            assert courier.status().problem == ""
        told = [one for one in taken if one.code != "RP"]
        assert [one.code for one in told] == codes
        assert {one.account for one in told} == {"1A2B"}
        assert int(told[0].ri or 0) == (7 if token is Token.CID else 1)
        assert taken[0].code == "RP", "a NULL first"
        assert counts.valid_events == len(taken)


async def test_the_gravest_goes_first_and_each_keeps_its_number(tmp_path):
    """A hold-up passes what waited; sent again after a start, a message has its old number."""
    async with bench(tmp_path) as desk, ScriptedStation(desk.clock).open() as there:
        slight = await desk.raise_one()
        grave = await desk.raise_one(rule="rapina", severity=5, zone="cassa")
        there.answer = lambda frame, content: None
        async with telling(desk, station(there.port)):
            await until(lambda: there.frames, what="a try without an answer")
        there.answer = there.ack
        async with telling(desk, station(there.port)):
            await desk.settled(slight)
            await desk.settled(grave)
        codes = [content.data for _, _, content in there.frames]
        assert codes[0] == "Nri1/HA000"
        assert codes[-1] == "Nri1/BA007"
        numbers = {content.data: {n for _, n, one in there.frames if one.data == content.data}
                   for _, _, content in there.frames}  # fmt: skip
        assert all(len(one) == 1 for one in numbers.values())


async def test_the_second_receiver_is_the_way_around(tmp_path):
    """The first is dead: the second takes it. Once the first is back it is used again."""
    async with bench(tmp_path) as desk:
        first, second = ScriptedStation(desk.clock), ScriptedStation(desk.clock)
        async with first.open() as _:
            port = first.port
        async with second.open():
            pace = replace(PACE, home_s=0.3)
            async with telling(desk, station(port, second.port), pace) as courier:
                await desk.settled(await desk.raise_one())
                assert len(second.frames) == 1
                assert courier.status().online
                async with first.open(port):
                    await until(lambda: courier._receiver == 0 or first.nulls, what="home")

                    async def at_home():
                        await desk.settled(await desk.raise_one())
                        return first.frames

                    await until(at_home, what="the first one is used again")


async def test_what_it_does_not_take_is_parked_and_shown(tmp_path):
    """DUH for one code: the others pass; what was parked goes once the station takes it."""
    async with bench(tmp_path) as desk, ScriptedStation(desk.clock).open() as there:
        takes = []

        def answer(frame, content):
            token = Token.DUH if "HA" in content.data and not takes else Token.ACK
            return dc09.answer(token, frame, there.clock.now().utc_us)

        there.answer = answer
        async with telling(desk, station(there.port)) as courier:
            grave = await desk.raise_one(rule="rapina", severity=5)
            await desk.settled(grave, State.REFUSED)
            await desk.settled(await desk.raise_one())
            assert "DUH" in (await desk.delivery(grave)).problem
            assert "DUH" in courier.status().problem
            takes.append(True)
            await desk.settled(grave)
            await until(lambda: courier.status().problem == "", what="all is well")


async def test_a_restore_does_not_overtake_an_alarm_that_was_refused(tmp_path):
    """DUH for the alarm: its restore waits for it, and both come in their order."""
    async with bench(tmp_path) as desk, ScriptedStation(desk.clock).open() as there:
        takes = []

        def answer(frame, content):
            token = Token.ACK if takes or "BA" not in content.data else Token.DUH
            return dc09.answer(token, frame, there.clock.now().utc_us)

        there.answer = answer
        record = await desk.raise_one()
        await desk.outbox.end(record.alarm.id, desk.clock.now())
        async with telling(desk, station(there.port)):
            await desk.settled(record, State.REFUSED)
            await desk.settled(await desk.raise_one(rule="rapina", severity=5))
            assert (await desk.delivery(record, Phase.ENDED)).state is State.WAITING
            takes.append(True)
            await desk.settled(record, phase=Phase.ENDED)
        codes = [content.data for _, _, content in there.frames if "HA" not in content.data]
        assert {one[-5:-3] for one in codes[:-1]} == {"BA"}
        assert codes[-1].endswith("BH007")


async def test_one_that_cannot_be_written_hides_no_other(tmp_path):
    """A time that no calendar has is parked with words; what comes after it is told."""
    async with bench(tmp_path) as desk, ScriptedStation(desk.clock).open() as there:
        strange = replace(desk.clock.now(), utc_us=1 << 62)
        async with telling(desk, station(there.port)) as courier:
            poison = await desk.raise_one(raised=strange, severity=5)
            await desk.settled(poison, State.REFUSED)
            await desk.settled(await desk.raise_one())
            assert "cannot be written" in (await desk.delivery(poison)).problem
            assert "cannot be written" in courier.status().problem


async def test_a_disk_that_cannot_be_read_is_no_bug(tmp_path, monkeypatch):
    """It is asked again for as long as it takes: no crash is counted against the box."""
    async with bench(tmp_path) as desk, ScriptedStation(desk.clock).open() as there:
        due, failures = desk.outbox.due, []

        async def refuse(*args, **more):
            if len(failures) < 6:
                failures.append(1)
                raise StoreError("alarms.db: disk I/O error")
            return await due(*args, **more)

        monkeypatch.setattr(desk.outbox, "due", refuse)
        async with telling(desk, station(there.port)):
            await desk.settled(await desk.raise_one())
        assert len(failures) == 6


async def test_an_exercise_rings_nobody(tmp_path):
    """It is told as a manual test with the word in its text, and its end not at all."""
    async with bench(tmp_path) as desk, ScriptedStation(desk.clock).open() as there:
        record = await desk.raise_one(exercise=True, severity=5, rule="rapina")
        await desk.outbox.end(record.alarm.id, desk.clock.now())
        async with telling(desk, station(there.port)):
            await desk.settled(record)
            await desk.settled(record, phase=Phase.ENDED)
        ((_, _, content),) = there.frames
        assert content.data == "Nri1/RX007"
        assert dict(content.extended)["I"].startswith("ESERCITAZIONE")


async def test_a_line_that_breaks_while_nothing_is_said_is_noticed(tmp_path):
    """The station goes away between two alarms: offline, and dialled again."""
    async with bench(tmp_path) as desk:
        there = ScriptedStation(desk.clock)
        async with telling(desk, station(1), replace(PACE, connect_s=1.0)) as courier:
            await until(lambda: courier.status().problem, what="nobody there")
            assert "127.0.0.1:1:" in courier.status().problem
            assert not courier.status().online
        async with there.open():
            await telling_once(desk, there)


async def telling_once(desk, there):
    async with telling(desk, station(there.port)):
        await desk.settled(await desk.raise_one())


def test_a_recipient_with_an_inbox_is_refused(tmp_path):
    """Nobody at a central station writes our acknowledgements."""
    with pytest.raises(ConfigError, match="inbox"):
        Dc09Courier(replace(INSTITUTE, inbox=True), station(1), None, clock=SystemClock())


def test_numbers_go_round_without_zero():
    """0000 is the NULL's."""
    assert [sequence_of(n) for n in (1, 9999, 10_000, 19_999)] == [1, 9999, 1, 1]


PRIVATE = st.text(min_size=3, max_size=20).filter(lambda one: not one.isascii() or " " in one)


@given(
    plate=st.from_regex(r"[A-Z]{2}[0-9]{3}[A-Z]{2}", fullmatch=True), person=PRIVATE,
    is_new=st.booleans(), severity=st.integers(1, 5), token=st.sampled_from([Token.SIA, Token.CID]),
)  # fmt: skip
def test_no_message_holds_a_plate_or_a_person(plate, person, is_new, severity, token):
    """Whatever stands in a record beside ids leaves in no message, nor does it in a webhook."""
    now = SystemClock().now()
    alarm = Alarm(uuid7(now.utc_us, bytes(10)), "banco", plate, person, severity, now)
    record = AlarmRecord(
        alarm, AlarmState.CLOSED, 1, 2, 3, closed_by=person, taken_by=plate, act=person
    )
    one = Outgoing(1, Phase.RAISED if is_new else Phase.ENDED, record, State.WAITING, True)
    courier = Dc09Courier(INSTITUTE, station(1, token=token), None, clock=SystemClock())
    content = courier._content(one)
    told = dc09.message(token, Sender("1A2B"), 1, content).decode("latin-1")
    told += payload(one, "varco-nord").decode()
    assert plate not in told
    assert person not in told
    assert word("cassa-1") == "cassa-1"
    assert word("varco-sud.cassa") == "varco-sud.cassa"


def test_padding_is_long_enough():
    """The fixed one of these tests, too."""
    assert len(PAD) == dc09.MOST_PADDING
