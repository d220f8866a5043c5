# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Alarms over the mosquitto that we ship: certificates, one role per recipient, deletion."""

import asyncio
import json
import os
import re
import subprocess
import sys
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from gateway.assembly.couriers import Couriers
from gateway.model.alarm import Alarm
from gateway.model.alarm import DeliveryState as State
from gateway.model.errors import CredentialError, PeerError
from gateway.model.identifiers import uuid7
from gateway.model.registry import Recipient, RecipientKind
from gateway.relay.alarms.delivery import Courier, Pace
from gateway.relay.alarms.outbox import open_outbox
from gateway.runtime.clock import SystemClock
from gateway.wire.mqtt_reasons import italian
from gateway.wire.onvif_mqtt import (
    AlarmNotice,
    Message,
    Phase,
    PlateHit,
    PlateLabel,
    event_filter,
    event_payload,
    plate_message,
)
from tests.peers.broker_authority import DAY, Authority
from tests.peers.secure_mosquitto import ROOT, SecureMosquitto
from tests.unit.access.town import registry

pytestmark = pytest.mark.peer

CLOCK = SystemClock()
PACE = Pace(first_s=0.3, most_s=1.0, refused_first_s=0.3, refused_most_s=0.6, tick_s=0.05)
INSTITUTE = Recipient("istituto", "Istituto", RecipientKind.INSTITUTE, broker="prova")
ROOM = Recipient("sala-pl", "Sala", RecipientKind.ROOM, broker="prova", inbox=True)
WHO = (
    "--box", "box-1", "--room", "sala-pl", "--institute", "istituto", "--admin", "varco-admin",
)  # fmt: skip


@pytest.fixture(scope="module")
def broker(program, tmp_path_factory):
    """One broker for the whole module; each test speaks of cameras of its own."""
    folder = tmp_path_factory.mktemp("mosquitto")
    authority = Authority(folder, "ca")
    authority.issue("localhost", stem="broker")
    for name in ("box-1", "sala-pl", "istituto", "varco-admin", "sconosciuto"):
        authority.issue(name)
    authority.issue("box-1", stem="scaduto", since=-10 * DAY, until=-2 * DAY)
    Authority(folder, "altra").issue("box-1", stem="straniero")
    made = SecureMosquitto(program("mosquitto"), folder, authority).start(*WHO)
    yield made
    made.close()


def alarm(camera):
    now = CLOCK.now()
    return Alarm(uuid7(now.utc_us, os.urandom(10)), camera, "retro", "intrusione", 4, now)


async def until(condition, timeout_s=30.0):
    async with asyncio.timeout(timeout_s):
        while True:
            value = condition()
            value = await value if asyncio.iscoroutine(value) else value
            if value:
                return value
            await asyncio.sleep(0.02)


async def state(outbox, raised):
    (delivery,) = await outbox.deliveries(raised.id)
    return delivery.state, delivery.problem


async def refusal(dialled):
    with pytest.raises(PeerError) as caught:
        async with dialled.connect("x", will=None):
            pass
    return caught.value


async def test_an_expired_client_certificate_says_whose_and_since_when(broker):
    """A person reads broker, file and day, and the box asks again only seldom."""
    error = await refusal(broker.broker("scaduto"))
    assert isinstance(error, CredentialError)
    assert re.fullmatch(
        rf"broker prova \(localhost:{broker.port}\) refuses our certificate \S+/scaduto\.pem: it"
        r" expired on \d{4}-\d\d-\d\d \d\d:\d\d UTC; have a new one issued",
        str(error),
    )
    assert error.retry_after_s >= 30


async def test_a_foreign_or_missing_client_certificate_is_named(broker):
    """Its issuer, or the two keys to write."""
    assert str(await refusal(broker.broker("straniero"))).endswith(
        "straniero.pem: the broker does not trust its issuer 'altra'"
    )
    assert str(await refusal(broker.broker(""))).endswith(
        "wants a client certificate: write certificate and key in [broker.tls]"
    )


async def test_an_authority_that_does_not_vouch_is_named(broker):
    """With the issuer that the broker shows and the file that does not hold it."""
    text = str(await refusal(broker.broker("box-1", ca="altra")))
    assert f"broker prova (localhost:{broker.port}): the broker's certificate" in text
    assert "was issued by 'ca', whom" in text
    assert "altra.pem does not vouch for: correct tls.ca" in text


async def test_an_expired_broker_certificate_says_since_when(broker, program):
    """The day comes from the certificate itself, seen without trusting it."""
    broker.authority.issue("localhost", stem="vecchio", since=-10 * DAY, until=-2 * DAY)
    old = SecureMosquitto(program("mosquitto"), broker.folder, broker.authority, stem="vecchio")
    try:
        text = str(await refusal(old.start(*WHO).broker("box-1")))
    finally:
        old.close()
    assert re.search(
        rf"broker prova \(localhost:{old.port}\): the broker's certificate expired on"
        r" \d{4}-\d\d-\d\d \d\d:\d\d UTC: its operator must renew it",
        text,
    )


async def test_each_recipient_reads_its_own_and_nobody_elses(broker):
    """The shipped roles: a room reads its alarms, an institute neither these nor any plate."""
    async with AsyncExitStack() as lines:

        async def line(who):
            return await lines.enter_async_context(broker.broker(who).connect("x", will=None))

        box, room, institute, nobody = [
            await line(who) for who in ("box-1", "sala-pl", "istituto", "sconosciuto")
        ]
        assert await room.subscribe(event_filter("varco/+/sala-pl")) == 1
        assert await room.subscribe("varco/+/sala-pl/onvif-ej/RuleEngine/Recognition/#") == 1
        assert await institute.subscribe(event_filter("varco/+/istituto")) == 1
        plates = "varco/+/istituto/onvif-ej/RuleEngine/Recognition/#"
        for reader, topic in (
            (room, "#"), (room, "varco/#"), (institute, event_filter("varco/+/sala-pl")),
            (institute, plates), (nobody, event_filter("varco/+/sala-pl")),
        ):  # fmt: skip
            assert await reader.subscribe(topic) == 0x87, topic
        hit = PlateHit(
            "01900000-0000-7000-8000-000000000001", "box-1", "varco-nord", "lista", 1, 0.9,
            "AB123CD", "IT", PlateLabel.WANTED,
        )  # fmt: skip
        assert await box.publish(plate_message("varco/box-1/sala-pl", hit, ROOM)) == 0
        (got,) = await room.receive(1)
        assert json.loads(got.payload)["Data"]["LicensePlateInfo"]["PlateNumber"] == "AB123CD"
        assert "AB123CD" not in got.topic
        stolen = Message(got.topic.replace("sala-pl", "istituto"), got.payload)
        assert await box.publish(stolen) == 0x87
        assert await institute.publish(Message("varco/box-1/sala-pl/ack/box-1", b"{}")) == 0x87
        assert await nobody.publish(Message("varco/box-1/sala-pl/gw/box-1/health", b"{}")) == 0x87
        late = await line("sala-pl")
        await late.subscribe("varco/+/sala-pl/onvif-ej/RuleEngine/Recognition/#")
        assert await box.publish(plate_message("varco/box-1/sala-pl", hit, ROOM)) == 0
        assert json.loads((await late.receive(9))[0].payload)["Data"]["EventId"] == hit.hit


async def command(line, name, **values):
    """Tell the broker's dynamic security; its answer is not needed."""
    body = {"commands": [{"command": name, **values}]}
    topic = "$CONTROL/dynamic-security/v1"
    assert await line.publish(Message(topic, json.dumps(body).encode())) in (0x00, 0x10)


async def test_a_denied_publish_is_refused_in_words_until_it_is_allowed(broker, tmp_path):
    """Rights taken from a living line show at once, and given back let the alarm go."""
    role = {"rolename": "box-1.invia.istituto", "acltype": "publishClientSend"}
    topic = "varco/box-1/istituto/onvif-ej/RuleEngine/FieldDetector/#"
    raised = alarm("negata")
    async with (
        broker.broker("istituto").connect("legge", will=None) as reader,
        broker.broker("varco-admin").connect("x", will=None) as admin,
        open_outbox(tmp_path / "alarms.db", clock=CLOCK) as outbox,
        asyncio.TaskGroup() as tasks,
    ):
        await reader.subscribe(event_filter("varco/+/istituto"))
        sender = Courier(
            INSTITUTE, broker.broker("box-1"), outbox, box="box-1", clock=CLOCK, pace=PACE
        )
        running = tasks.create_task(sender.run())
        await until(lambda: sender.status().online)
        await command(admin, "removeRoleACL", **role, topic=topic)
        await outbox.raise_alarm(raised, recipients=[INSTITUTE], act="patto-1")
        denied = (State.REFUSED, "0x87 not authorized")

        async def is_denied():
            return await state(outbox, raised) == denied

        await until(is_denied)
        await until(lambda: italian(sender.status().problem) == "0x87 non autorizzato")
        await command(admin, "addRoleACL", **role, topic=topic, priority=0, allow=True)

        async def arrived():
            return (await state(outbox, raised))[0] is State.DELIVERED

        await until(arrived)
        assert json.loads((await reader.receive(9))[0].payload)["Data"]["AlarmId"] == raised.id
        assert sender.status().problem == ""
        running.cancel()


async def held(broker, who, topic):
    """Return the retained messages that a late subscriber gets."""
    name = f"tardi-{os.urandom(4).hex()}"  # no session of an earlier one
    async with broker.broker(who).connect(name, will=None) as late:
        await late.subscribe(topic)
        found = []
        try:
            async with asyncio.timeout(0.5):
                while True:
                    found += await late.receive(9)
        except TimeoutError:
            return {one.topic: one.payload for one in found if one.payload}


async def test_a_state_is_deleted_when_its_camera_or_its_recipient_goes(broker, tmp_path):
    """Zero bytes to whoever listens, nothing for whoever comes late; also the health."""
    town = registry()
    camera = next(iter(town.cameras))
    raised = alarm(camera)
    brokers = {"prova": broker.options("box-1")}
    async with (
        broker.broker("sala-pl").connect("legge", will=None) as reader,
        open_outbox(tmp_path / "alarms.db", clock=CLOCK) as outbox,
        asyncio.TaskGroup() as tasks,
    ):
        for topic in (event_filter("varco/+/sala-pl"), "varco/+/sala-pl/gw/#"):
            await reader.subscribe(topic)
        made = Couriers(outbox, brokers, tasks, box="box-1", clock=CLOCK)
        made.reconcile(replace(town, recipients={"sala-pl": ROOM}))
        await outbox.raise_alarm(raised, recipients=[ROOM], act="patto-1")
        (topic,) = await until(lambda: told(reader, b"IsInside"))
        assert topic in await held(broker, "sala-pl", event_filter("varco/+/sala-pl"))
        others = {one: seen for one, seen in town.cameras.items() if one != camera}
        made.reconcile(replace(town, cameras=others, recipients={"sala-pl": ROOM}))
        assert await until(lambda: told(reader, b"")) == [topic]
        assert not await held(broker, "sala-pl", event_filter("varco/+/sala-pl"))
        assert await held(broker, "sala-pl", "varco/+/sala-pl/gw/#")
        made.reconcile(replace(town, cameras=others, recipients={}))
        health = "varco/box-1/sala-pl/gw/box-1/health"
        await until(lambda: told(reader, b"", health))
        assert not await held(broker, "sala-pl", "varco/+/sala-pl/gw/#")


async def told(reader, mark, topic=""):
    """Return the topics of what came with a mark; zero bytes for an empty one."""
    found = await reader.receive(50)
    return [
        one.topic
        for one in found
        if (mark in one.payload if mark else not one.payload) and topic in one.topic
    ]


def example(language, mark):
    """Return a code block of the subscribers' guide."""
    guide = (ROOT / "docs" / "guide" / "abbonati.md").read_text(encoding="utf-8")
    blocks = re.findall(rf"^```{language}\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    (found,) = [one for one in blocks if mark in one]
    return found


async def test_the_guides_python_example_runs(broker, tmp_path):
    """Word for word from the guide, but for host, port and files; an alarm prints once."""
    text = example("python", "paho")
    for old, new in (
        ("mqtt.questura.example", "localhost"),
        ("8883", str(broker.port)),
        ("/etc/varco/", f"{broker.folder}/"),
    ):
        assert old in text
        text = text.replace(old, new)
    assert len([line for line in text.splitlines() if line.strip()]) <= 20
    raised, drill = alarm("esempio"), replace(alarm("prova"), exercise=True)
    reader = await asyncio.create_subprocess_exec(
        sys.executable, "-u", "-c", text, stdout=asyncio.subprocess.PIPE, cwd=tmp_path
    )
    try:
        async with (
            open_outbox(tmp_path / "alarms.db", clock=CLOCK) as outbox,
            asyncio.TaskGroup() as tasks,
        ):
            sender = Courier(
                INSTITUTE, broker.broker("box-1"), outbox, box="box-1", clock=CLOCK, pace=PACE
            )
            running = tasks.create_task(sender.run())
            lines = {}
            for one in (raised, drill):
                await outbox.raise_alarm(one, recipients=[INSTITUTE], act="patto-1")
            async with asyncio.timeout(30):
                while len(lines) < 2:  # others are states of earlier tests
                    line = (await reader.stdout.readline()).decode()
                    lines |= {one: line for one in (raised, drill) if one.id in line}
            running.cancel()
    finally:
        reader.terminate()
        await reader.wait()
    assert f"  ALLARME esempio {raised.id}" in lines[raised]
    assert f" ESERCITAZIONE ALLARME prova {drill.id}" in lines[drill]


def test_the_guides_node_red_flow_listens_where_we_publish():
    """The flow parses, its wires end at nodes, its filter is ours and it signs in with TLS."""
    flow = json.loads(example("json", "mqtt in"))
    nodes = {node["id"]: node for node in flow}
    kinds = {node["type"]: node for node in flow}
    assert kinds["mqtt in"]["topic"] == event_filter("varco/+/istituto")
    assert kinds["mqtt in"]["qos"] == "1"
    assert kinds["mqtt in"]["broker"] == kinds["mqtt-broker"]["id"]
    assert kinds["mqtt-broker"]["protocolVersion"] == "5"
    assert int(kinds["mqtt-broker"]["sessionExpiry"]) <= 300
    assert kinds["mqtt-broker"]["tls"] == kinds["tls-config"]["id"]
    assert kinds["tls-config"]["verifyservercert"] is True
    for node in flow:
        for wire in node.get("wires", []):
            assert all(end in nodes for end in wire)


RUN = """
const [source, payloads] = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const kept = new Map();
const context = {get: (name) => kept.get(name), set: (name, value) => kept.set(name, value)};
const node = new Function('msg', 'context', source);
const out = payloads.map((payload) => node({payload}, context)).filter((msg) => msg !== null);
console.log(JSON.stringify(out.map((msg) => msg.payload.Data)));
"""
"""A function node, as Node-RED calls it."""


def test_the_guides_node_red_function_tells_each_alarm_once(program):
    """Its own words, run: a repetition and an emptied topic are left out, an end is told."""
    flow = json.loads(example("json", "mqtt in"))
    (source,) = [node["func"] for node in flow if node["type"] == "function"]
    now = SystemClock().now()
    raised = AlarmNotice("a-1", Phase.RAISED, "box", "c", "intrusione", "z", 4, False,
                         now.utc_us, now.utc_us)  # fmt: skip
    other, ended = replace(raised, alarm="a-2"), replace(raised, phase=Phase.ENDED)
    payloads = [event_payload(one).decode() for one in (raised, raised, other, ended, raised)]
    done = subprocess.run(
        [program("node"), "-e", RUN], input=json.dumps([source, [*payloads, ""]]),
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    told = [(one["AlarmId"], one["IsInside"]) for one in json.loads(done.stdout)]
    assert told == [("a-1", True), ("a-2", True), ("a-1", False)]
