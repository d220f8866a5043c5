# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Alarms over a real mosquitto with the shipped configuration, read by mosquitto_sub."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.assembly.holdup_mqtt import HoldupTopics
from gateway.model.alarm import Alarm
from gateway.model.alarm import DeliveryState as State
from gateway.model.errors import ConfigError, CredentialError, PeerError
from gateway.model.identifiers import uuid7
from gateway.model.registry import Recipient, RecipientKind
from gateway.relay.alarms.delivery import Courier, Pace
from gateway.relay.alarms.mqtt import BrokerOptions, MqttBroker, TlsOptions
from gateway.relay.alarms.outbox import open_outbox
from gateway.room.inbox import open_inbox
from gateway.runtime.clock import SystemClock
from gateway.wire.onvif_mqtt import Message, Phase
from tests.ports import free_port
from tests.unit.access.shop import HOLDUP, shop

pytestmark = pytest.mark.peer

ROOT = Path(__file__).parents[2]
CLOCK = SystemClock()
PACE = Pace(first_s=0.3, most_s=1.0, refused_first_s=0.3, refused_most_s=0.6, tick_s=0.05)
INSTITUTE = Recipient(
    "istituto", "Istituto", RecipientKind.INSTITUTE, broker="b", topic_prefix="varco/box-1/istituto"
)
ROOM = Recipient(
    "sala-pl",
    "Sala",
    RecipientKind.ROOM,
    broker="b",
    topic_prefix="varco/box-1/sala-pl",
    inbox=True,
)


def alarm(camera="farmacia-retro", *, exercise=True):
    now = CLOCK.now()
    return Alarm(
        uuid7(now.utc_us, os.urandom(10)), camera, "banco", "intrusione", 4, now, exercise=exercise
    )


async def until(condition, timeout_s=30.0):
    """Poll an async or plain condition until it holds."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        assert time.monotonic() < end, "condition never came true"
        await asyncio.sleep(0.02)


def answers(port):
    try:
        with closing(socket.create_connection(("127.0.0.1", port), 0.2)):
            return True
    except OSError:
        return False


class Mosquitto:
    """The broker with our configuration on a loopback port; can be killed and started again."""

    def __init__(self, binary, folder, extra="allow_anonymous true\n"):
        self.port = free_port()
        self.binary = binary
        self.process = None
        self.conf = folder / "mosquitto.conf"
        store = folder / "store"
        store.mkdir(exist_ok=True)
        shipped = (ROOT / "configs" / "mosquitto" / "mosquitto.conf").read_text()
        text = shipped.partition("# ---- Identity")[0].replace("/var/lib/mosquitto/", f"{store}/")
        user = "user root\n" if os.geteuid() == 0 else ""
        self.conf.write_text(f"{text}\n{user}listener {self.port} 127.0.0.1\n{extra}")
        self.log = (folder / "mosquitto.log").open("ab")

    def start(self):
        self.process = subprocess.Popen(
            [self.binary, "-c", self.conf], stdout=self.log, stderr=self.log
        )
        end = time.monotonic() + 10
        while not answers(self.port):
            assert self.process.poll() is None, Path(self.log.name).read_text()
            assert time.monotonic() < end, "mosquitto does not listen"
            time.sleep(0.02)  # before any loop runs
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        self.log.close()


@pytest.fixture
def mosquitto(program, tmp_path):
    made = []

    def make(extra="allow_anonymous true\n", *, start=True):
        broker = Mosquitto(program("mosquitto"), tmp_path, extra)
        made.append(broker)
        return broker.start() if start else broker

    yield make
    for broker in made:
        broker.close()


def options(port, **changes):
    values = {"name": "prova", "host": "127.0.0.1", "port": port, "client_id": "box-1"} | changes
    return BrokerOptions(**values)


@contextmanager
def reading(program, port, topic, *more):
    """Run mosquitto_sub and collect its lines: topic, retained flag, expiry, JSON."""
    command = [
        program("mosquitto_sub"), "-V", "5", "-h", "127.0.0.1", "-p", str(port), "-t", topic,
        "-q", "1", "-F", '{"topic":"%t","retain":%r,"qos":%q,"payload":%p}', *more,
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.set_blocking(process.stdout.fileno(), False)
    seen = []
    rest = b""

    def read():
        nonlocal rest
        rest += process.stdout.read() or b""
        *lines, rest = rest.split(b"\n")
        seen.extend(json.loads(line) for line in lines)
        return seen

    try:
        yield read
    finally:
        process.terminate()
        process.communicate(timeout=10)


@asynccontextmanager
async def running(*works):
    """Run coroutines beside the test, cancelled at its end."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(result, asyncio.CancelledError), result


def courier(recipient, broker_options, outbox):
    return Courier(
        recipient, MqttBroker(broker_options), outbox, box="box-1", clock=CLOCK, pace=PACE
    )


async def state_of(outbox, raised, phase=Phase.RAISED):
    (delivery,) = await outbox.deliveries(raised.id, phase)
    return delivery


async def test_subscriber_sees_exact_topic_and_json(mosquitto, program, tmp_path):
    """An institute reads the alarm and its end at the ONVIF topic, as text without a picture."""
    broker = mosquitto()
    raised = alarm()
    async with open_outbox(tmp_path / "alarms.db", clock=CLOCK) as outbox:
        with reading(program, broker.port, "varco/box-1/istituto/#") as read:
            async with running(courier(INSTITUTE, options(broker.port), outbox).run()):
                await until(read)  # the health message: the subscription stands
                await outbox.raise_alarm(raised, recipients=[INSTITUTE], act="patto-1")
                delivery = await until(lambda: delivered(outbox, raised))
                await outbox.end(raised.id, CLOCK.now())
                _, first, second = await until(lambda: len(read()) == 3 and read())
                await until(lambda: delivered(outbox, raised, Phase.ENDED))
    assert delivery.problem == ""
    assert delivery.sent_utc_us <= delivery.delivered_utc_us
    assert (
        first["topic"]
        == second["topic"]
        == (
            "varco/box-1/istituto/onvif-ej/RuleEngine/FieldDetector/ObjectsInside/"
            "&farmacia-retro/intrusione/banco"
        )
    )
    assert first["payload"].keys() == {"UtcTime", "Source", "Data"}
    assert first["payload"]["Source"] == {
        "VideoSourceConfigurationToken": "farmacia-retro",
        "VideoAnalyticsConfigurationToken": "intrusione",
        "Rule": "banco",
    }
    data = first["payload"]["Data"]
    assert data.pop("RaisedUtc") == first["payload"]["UtcTime"]
    assert data == {
        "IsInside": True,
        "AlarmId": raised.id,
        "Box": "box-1",
        "Severity": 4,
        "Exercise": True,
        "StillUri": f"/api/alarms/{raised.id}/still.jpg",
    }
    assert second["payload"]["Data"]["IsInside"] is False
    assert first["qos"] == 1


async def delivered(outbox, raised, phase=Phase.RAISED):
    found = await outbox.deliveries(raised.id, phase)
    return found[0] if found and found[0].state is State.DELIVERED else None


async def test_property_is_retained_with_expiry(mosquitto, program, tmp_path):
    """Who subscribes later gets the zone's present state, which the broker forgets in time."""
    broker = mosquitto()
    raised = alarm()
    async with open_outbox(tmp_path / "alarms.db", clock=CLOCK) as outbox:
        await outbox.raise_alarm(raised, recipients=[INSTITUTE], act="patto-1")
        sender = courier(INSTITUTE, options(broker.port), outbox)
        async with running(sender.run()):
            await until(lambda: sent_once(outbox, raised))
            with reading(program, broker.port, "varco/box-1/istituto/onvif-ej/#") as read:
                seen = await until(read)
                await until(lambda: delivered(outbox, raised))
            expiry = await output(
                program("mosquitto_sub"), "-V", "5", "-h", "127.0.0.1", "-p", str(broker.port),
                "-t", "varco/box-1/istituto/onvif-ej/#", "-C", "1", "-W", "5", "-F", "%E",
            )  # fmt: skip
    assert seen[0]["retain"] == 1
    assert 0 < int(expiry) <= 300


async def output(*command):
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    text, _ = await process.communicate()
    assert process.returncode == 0
    return text


async def sent_once(outbox, raised):
    return (await state_of(outbox, raised)).attempts


async def test_nobody_subscribed_is_not_delivery(mosquitto, program, tmp_path):
    """An alarm that MQTT accepted but nobody could hear waits until somebody listens."""
    broker = mosquitto()
    raised = alarm()
    async with open_outbox(tmp_path / "alarms.db", clock=CLOCK) as outbox:
        await outbox.raise_alarm(raised, recipients=[INSTITUTE], act="patto-1")
        async with running(courier(INSTITUTE, options(broker.port), outbox).run()):
            delivery = await until(lambda: twice(outbox, raised))
            assert delivery.state is State.WAITING
            assert delivery.problem == "0x10 no matching subscribers"
            with reading(program, broker.port, "varco/box-1/istituto/#") as read:
                await until(read)
                await until(lambda: delivered(outbox, raised))


async def twice(outbox, raised):
    delivery = await state_of(outbox, raised)
    return delivery if delivery.attempts >= 2 else None


async def test_broker_down_when_raised(mosquitto, program, tmp_path):
    """What was raised while the broker was away arrives once it is back."""
    broker = mosquitto(start=False)
    raised = alarm()
    async with open_outbox(tmp_path / "alarms.db", clock=CLOCK) as outbox:
        sender = courier(INSTITUTE, options(broker.port), outbox)
        async with running(sender.run()):
            await outbox.raise_alarm(raised, recipients=[INSTITUTE], act="patto-1")
            await until(lambda: sender.status().problem)
            assert f"broker prova (127.0.0.1:{broker.port})" in sender.status().problem
            assert (await state_of(outbox, raised)).state is State.WAITING
            broker.start()
            with reading(program, broker.port, "varco/box-1/istituto/onvif-ej/#") as read:
                seen = await until(read)
                await until(lambda: delivered(outbox, raised))
    assert seen[0]["payload"]["Data"]["AlarmId"] == raised.id


async def test_broker_killed_between_alarms(mosquitto, tmp_path):
    """Every alarm reaches the inbox exactly once while the broker dies again and again."""
    broker = mosquitto()
    shown = []
    async with (
        open_outbox(tmp_path / "alarms.db", clock=CLOCK) as outbox,
        open_inbox(tmp_path / "inbox.db", clock=CLOCK) as inbox,
        running(
            courier(ROOM, options(broker.port), outbox).run(),
            inbox.run(
                MqttBroker(options(broker.port, client_id="sala-pl")),
                prefix="varco/+/sala-pl",
                on_alarm=shown.append,
            ),
        ),
    ):
        raised = []
        for _ in range(3):
            for _ in range(20):
                raised.append(alarm())
                await outbox.raise_alarm(raised[-1], recipients=[ROOM], act="patto-1")
            await until(lambda: len(shown) >= len(raised) - 10, timeout_s=30)
            broker.kill()
            broker.start()
        for one in raised:
            await until(lambda one=one: delivered(outbox, one), timeout_s=30)
        stored = await inbox.recent(1000)
    assert sorted(one.id for one in stored) == sorted(one.id for one in raised)
    assert sorted(one.id for one in shown) == sorted(one.id for one in raised)


async def test_inbox_decides_what_is_delivered(mosquitto, tmp_path):
    """A PUBACK makes an alarm *sent*; only the room's acknowledgement makes it delivered."""
    broker = mosquitto()
    raised = alarm()
    async with open_outbox(tmp_path / "alarms.db", clock=CLOCK) as outbox:
        await outbox.raise_alarm(raised, recipients=[ROOM], act="patto-1")
        async with (
            running(courier(ROOM, options(broker.port), outbox).run()),
            MqttBroker(options(broker.port)).connect("deaf", will=None) as deaf,
        ):
            await deaf.subscribe("varco/box-1/sala-pl/onvif-ej/#")
            await deaf.receive(1)
            await until(lambda: sent(outbox, raised))
            async with (
                open_inbox(tmp_path / "inbox.db", clock=CLOCK) as inbox,
                running(
                    inbox.run(
                        MqttBroker(options(broker.port, client_id="sala-pl")),
                        prefix="varco/+/sala-pl",
                    )
                ),
            ):
                await until(lambda: delivered(outbox, raised))
                (stored,) = await inbox.recent(9)
                await outbox.end(raised.id, CLOCK.now())
                await until(lambda: delivered(outbox, raised, Phase.ENDED))
                (ended,) = await inbox.recent(9)
    assert stored.id == raised.id
    assert stored.ended_utc_us == 0
    assert ended.ended_utc_us == (await_ended := ended.ended_utc_us) > 0
    assert await_ended >= stored.raised_utc_us


async def sent(outbox, raised):
    return (await state_of(outbox, raised)).state is State.SENT


PRODUCER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from gateway.model.alarm import Alarm
from gateway.model.registry import Recipient, RecipientKind
from gateway.model.identifiers import uuid7
from gateway.relay.alarms.delivery import Courier
from gateway.relay.alarms.mqtt import BrokerOptions, MqttBroker
from gateway.relay.alarms.outbox import open_outbox
from gateway.runtime.clock import SystemClock
import os

async def main():
    clock = SystemClock()
    room = Recipient("sala-pl", "Sala", RecipientKind.ROOM, broker="b",
                     topic_prefix="varco/box-1/sala-pl", inbox=True)
    broker = MqttBroker(BrokerOptions("prova", "127.0.0.1", {port}, client_id="box-1"))
    async with open_outbox(Path({db!r}), clock=clock) as outbox, asyncio.TaskGroup() as tasks:
        tasks.create_task(Courier(room, broker, outbox, box="box-1", clock=clock).run())
        while True:
            now = clock.now()
            made = Alarm(uuid7(now.utc_us, os.urandom(10)), "c", "z", "intrusione", 3, now)
            await outbox.raise_alarm(made, recipients=[room], act="a")
            print(made.id, flush=True)  # the promise
            await asyncio.sleep(0.002)

asyncio.run(main())
"""


async def test_killed_producer_forgets_nothing(mosquitto, tmp_path):
    """Alarms promised before a `kill -9` are in the inbox after the restart, none twice."""
    broker = mosquitto()
    database = tmp_path / "alarms.db"
    script = PRODUCER.format(root=str(ROOT), port=broker.port, db=str(database))
    promised, shown, waiting = [], [], []
    async with open_inbox(tmp_path / "inbox.db", clock=CLOCK) as inbox:
        async with running(
            inbox.run(
                MqttBroker(options(broker.port, client_id="sala-pl")),
                prefix="varco/box-1/sala-pl",
                on_alarm=shown.append,
            )
        ):
            for _ in range(3):
                producer = await asyncio.create_subprocess_exec(
                    sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
                )
                head = [await producer.stdout.readline() for _ in range(30)]
                producer.send_signal(signal.SIGKILL)
                rest = (await producer.stdout.read()).splitlines(keepends=True)
                promised += [line.decode().strip() for line in head + rest if line.endswith(b"\n")]
                await producer.wait()
            async with open_outbox(database, clock=CLOCK) as outbox:
                waiting += await outbox.due(ROOM.id, (State.WAITING, State.SENT), limit=9999)
                async with running(courier(ROOM, options(broker.port), outbox).run()):
                    await until(lambda: nothing_due(outbox), timeout_s=30)
        stored = [one.id for one in await inbox.recent(9999)]
    assert waiting, "the kill came too late to test anything"
    assert set(promised) <= set(stored)
    assert len(stored) == len(set(stored))
    assert sorted(one.id for one in shown) == sorted(stored)
    with closing(sqlite3.connect(database)) as db:
        assert len(stored) == db.execute("select count(*) from alarm").fetchone()[0]


async def nothing_due(outbox):
    return not await outbox.due(ROOM.id, (State.WAITING, State.SENT, State.REFUSED), limit=1)


async def test_refused_by_acl(mosquitto, program, tmp_path):
    """A denied publish is shown as refused with its reason, and goes out once it is allowed."""
    acl = tmp_path / "acl"
    rules = "topic read varco/#\ntopic write varco/box-1/istituto/gw/#\n"
    acl.write_text(rules)
    acl.chmod(0o600)
    broker = mosquitto(f"allow_anonymous true\nacl_file {acl}\n")
    raised = alarm()
    async with open_outbox(tmp_path / "alarms.db", clock=CLOCK) as outbox:
        await outbox.raise_alarm(raised, recipients=[INSTITUTE], act="patto-1")
        sender = courier(INSTITUTE, options(broker.port), outbox)
        with reading(program, broker.port, "varco/box-1/istituto/onvif-ej/#") as read:
            async with running(sender.run()):
                await until(lambda: refused(outbox, raised))
                assert (await state_of(outbox, raised)).problem == "0x87 not authorized"
                assert sender.status().problem == "0x87 not authorized"
                assert not read()
                acl.write_text(rules + "topic write varco/#\n")
                broker.process.send_signal(signal.SIGHUP)
                await until(lambda: delivered(outbox, raised))
                await until(read)
                assert sender.status().problem == ""


async def refused(outbox, raised):
    return (await state_of(outbox, raised)).state is State.REFUSED


async def test_health_and_last_will(mosquitto, program, tmp_path):
    """The box is retained as on the line while it is, and as off it however it goes."""
    broker = mosquitto()
    topic = "varco/box-1/istituto/gw/box-1/health"
    async with open_outbox(tmp_path / "alarms.db", clock=CLOCK) as outbox:
        with reading(program, broker.port, topic) as read:
            async with running(courier(INSTITUTE, options(broker.port), outbox).run()):
                await until(lambda: read() and read()[-1]["payload"]["Online"])
            await until(lambda: not read()[-1]["payload"]["Online"])


async def test_a_retained_press_is_a_press_while_it_is_published_alone(mosquitto, program):
    """The broker's copy of it is none at the next start; the button works then as before."""
    port = mosquitto().port
    channel = replace(HOLDUP, broker="prova", topic="negozio/antirapina")
    brokers = {"prova": options(port, session_expiry_s=0)}
    heard = []

    async def take(holdup, _topic):
        heard.append(holdup)

    async def is_heard():
        words = ("-V", "5", "-p", str(port), "-q", "1", "-r", "-t", channel.topic, "-m", "1")
        before = len(heard)
        await output(program("mosquitto_pub"), *words)
        await asyncio.sleep(0.05)  # until what was subscribed in time has come
        return len(heard) > before

    async with asyncio.TaskGroup() as tasks:
        made = HoldupTopics(brokers, take, tasks, CLOCK)
        made.reconcile(shop(channel))
        await until(is_heard)
        made.reconcile(replace(shop(), holdups={}))
    before = len(heard)
    async with asyncio.TaskGroup() as tasks:
        made = HoldupTopics(brokers, take, tasks, CLOCK)
        made.reconcile(shop(channel))
        await until(lambda: made.tally.statistics() == {"holdup-retained": 1})
        assert len(heard) == before
        await until(is_heard)
        made.reconcile(replace(shop(), holdups={}))


async def test_wrong_password_is_a_credential_error(mosquitto, program, tmp_path):
    """A refused sign-in is told apart from an absent broker, without the password."""
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    await output(program("mosquitto_passwd"), "-b", str(passwords), "box-1", "right-secret")
    broker = mosquitto(f"allow_anonymous false\npassword_file {passwords}\n")
    wrong = MqttBroker(options(broker.port, user="box-1", password="wrong-secret"))
    with pytest.raises(CredentialError, match=r"broker prova .* refuses our credentials") as caught:
        async with wrong.connect("x", will=None):
            pass
    assert "secret" not in str(caught.value) + repr(wrong.options)
    right = MqttBroker(options(broker.port, user="box-1", password="right-secret"))
    async with right.connect("x", will=None) as line:
        assert await line.publish(Message("a/b", b"{}")) == 0x10


@pytest.fixture
def authorities(program, tmp_path):
    """Two authorities, and a certificate for localhost from the first."""

    def openssl(*arguments):
        subprocess.run(
            [program("openssl"), *map(str, arguments)],
            check=True,
            capture_output=True,
            cwd=tmp_path,
        )

    for name in ("ca", "other"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-days", 2, "-subj", f"/CN={name}", "-keyout", f"{name}.key",
                "-out", f"{name}.pem")  # fmt: skip
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-subj", "/CN=localhost", "-keyout", "broker.key", "-out", "broker.csr")  # fmt: skip
    (tmp_path / "san").write_text("subjectAltName=DNS:localhost\n")
    openssl("x509", "-req", "-in", "broker.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", 2, "-extfile", "san", "-out", "broker.pem")  # fmt: skip
    return tmp_path


async def test_tls_is_verified(mosquitto, authorities):
    """Over TLS a broker is believed only with the right authority and the right name."""
    broker = mosquitto(
        f"allow_anonymous true\ncafile {authorities}/ca.pem\ncertfile {authorities}/broker.pem\n"
        f"keyfile {authorities}/broker.key\n"
    )

    async def dial(host, ca):
        tls = TlsOptions(ca_file=authorities / ca)
        there = MqttBroker(options(broker.port, host=host, tls=tls))
        async with there.connect("x", will=None) as line:
            return await line.publish(Message("a/b", b"{}"))

    assert await dial("localhost", "ca.pem") == 0x10
    with pytest.raises(PeerError, match=r"broker prova .*certificate verify failed"):
        await dial("localhost", "other.pem")
    with pytest.raises(PeerError, match="certificate verify failed: IP address mismatch"):
        await dial("127.0.0.1", "ca.pem")


async def test_unusable_options_name_the_broker(tmp_path):
    """A missing authority file and a password in clear are refused with the broker's name."""
    with pytest.raises(ConfigError, match="broker prova: tls: certificate or key cannot be used"):
        MqttBroker(options(1, tls=TlsOptions(ca_file=tmp_path / "absent.pem")))
    with pytest.raises(ConfigError, match="broker prova: tls: a password would cross the network"):
        MqttBroker(options(1, host="broker.example", user="u", password="p"))
