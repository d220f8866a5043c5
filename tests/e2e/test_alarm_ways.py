# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One whole box, mosquitto, pysiaalarm and a panel: hold-ups, DC-09 both ways, reports, a rule."""

import json
import socket
import subprocess
import time
from contextlib import ExitStack
from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from pysiaalarm import SIAAccount, SIAClient

from gateway.wire import dc09
from gateway.wire.dc09 import Content, FrameReader, Sender, Token
from tests.dc09_parts import PAD
from tests.e2e.conftest import BROKER, Child, running
from tests.e2e.daemon import PASSWORDS, Daemon, free_port, reads, until

pytestmark = pytest.mark.peer

KEY = "chiave-di-prova1"
PANEL_KEY = "chiave-di-prova2"
SILENT = "rapina"
TODAY = date.today()  # noqa: DTZ011 - a day of the list, far from both ends
SEED = f"""
[[controller]]
id = "bottega"
name = "Bottega"
contact = "bottega@example.org"
kind = "esercizio"
[[site]]
id = "bottega"
name = "Bottega"
controller = "bottega"
kind = "farmacia"
state = "attivo"
address = "Via di prova 1"
approval = "Prova 1"
[[camera]]
id = "banco"
name = "Banco"
site = "bottega"
url = "rtsp://127.0.0.1:1/banco"
continuous = false
area = "aperta-al-pubblico"
[[holdup]]
id = "antirapina"
name = "Antirapina"
site = "bottega"
cameras = ["banco"]
recipients = ["sala-pl", "questura"]
broker = "prova"
topic = "bottega/antirapina"
[[panel]]
id = "centralina"
name = "Centralina"
account = "0ABC"
camera = "banco"
holdup = "antirapina"
key = "file:@panel@"
[[recipient]]
id = "sala-pl"
name = "Sala"
kind = "sala-operativa"
[[recipient]]
id = "questura"
name = "Questura"
kind = "sala-operativa"
broker = "prova"
topic_prefix = "prova/questura"
[[recipient]]
id = "istituto"
name = "Istituto"
kind = "istituto-di-vigilanza"
broker = "prova"
topic_prefix = "prova/istituto"
[[recipient]]
id = "centrale"
name = "Centrale"
kind = "istituto-di-vigilanza"
broker = "dc09:centrale"
[[institute]]
id = "istituto"
name = "Istituto"
organisation = "istituto"
list_number = "1"
list_date = {TODAY - timedelta(30)}
listed_from = {TODAY - timedelta(30)}
listed_until = {TODAY + timedelta(30)}
certificate = "EN50518-1"
certificate_until = {TODAY + timedelta(30)}
contact = "Centrale operativa"
[[report_route]]
id = "tutte"
recipients = ["sala-pl"]
[[act]]
id = "patto"
title = "Patto"
number = "1"
parties = ["Prefettura"]
valid_from = {TODAY - timedelta(30)}
valid_until = {TODAY + timedelta(30)}
dpia = "DPIA"
dpia_sha256 = "f60d087c5a4bf2686af546bb9ea1720ba608c016b5d356837c5fc948499672ea"
dpia_date = {TODAY - timedelta(31)}
[[act.scope]]
cameras = ["banco"]
recipients = ["sala-pl", "questura"]
analytics = ["intrusione"]
disclosure = "su-allarme"
retention_before_s = 30.0
[[act.scope]]
cameras = ["banco"]
recipients = ["istituto", "centrale"]
analytics = ["intrusione"]
disclosure = "solo-testo"
[[user]]
id = "operatore"
name = "Operatore"
role = "pl.operator"
organisation = "sala-pl"
[[user]]
id = "istituto"
name = "Guardia"
role = "vigilanza.operator"
organisation = "istituto"
[[user]]
id = "titolare"
name = "Titolare"
role = "owner.private"
organisation = "bottega"
"""
EXTRA = """
[[dc09]]
name = "centrale"
receivers = ["127.0.0.1:{station}"]
account = "1A2B"
key = "file:{key}"
[dc09_receiver]
host = "127.0.0.1"
port = {panels}
"""


def secret(folder, name, text):
    path = folder / name
    path.write_text(text)
    path.chmod(0o600)
    return path


def central_station(stack):
    """The real receiver of another project on a thread of its own; what it takes is kept."""
    taken, port = [], free_port()
    account = SIAAccount("1A2B", KEY)
    client = SIAClient("127.0.0.1", port, [account], taken.append)
    client.start()
    stack.callback(client.stop)
    return taken, port


def mosquitto(stack, program, folder):
    """A broker, and somebody who reads everything that it carries."""
    port, heard = free_port(), folder / "heard.txt"
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    stack.enter_context(running(Child([program("mosquitto"), "-c", str(config)])))
    until(lambda: reads(port), 20, "mosquitto listens")
    command = [program("mosquitto_sub"), "-V", "5", "-p", str(port), "-q", "1", "-t", "prova/#"]
    file = stack.enter_context(heard.open("wb"))
    reader = subprocess.Popen([*command, "-F", "%t %p"], stdout=file)
    stack.callback(reader.wait)
    stack.callback(reader.kill)

    def press(payload):
        words = ("-V", "5", "-p", str(port), "-q", "1", "-t", "bottega/antirapina", "-m", payload)
        subprocess.run([program("mosquitto_pub"), *words], check=True, timeout=30)

    return port, press, lambda: heard.read_text().splitlines()


@pytest.fixture(scope="module")
def town(program, tmp_path_factory):
    """A box with a broker, a central station and a panel's line; nobody pressed anything yet."""
    folder = tmp_path_factory.mktemp("ways")
    with ExitStack() as stack:
        taken, station = central_station(stack)
        port, press, heard = mosquitto(stack, program, folder)
        panels = free_port()
        key = secret(folder, "station.key", KEY)
        extra = BROKER.format(port=port) + EXTRA.format(station=station, panels=panels, key=key)
        seed = SEED.replace("@panel@", str(secret(folder, "panel.key", PANEL_KEY)))
        box = stack.enter_context(Daemon(folder, seed, extra=extra))
        for user in ("operatore", "istituto", "titolare"):
            PASSWORDS.setdefault(user, f"{user}-prova-123456")
        box.with_passwords("operatore", "istituto", "titolare")
        until(lambda: any("/health" in one or "online" in one for one in heard()), 60, "a greeting")
        yield SimpleNamespace(
            box=box, taken=taken, panels=panels, press=press, heard=heard,
            room=box.client("operatore"), guard=box.client("istituto"),
            owner=box.client("titolare"),
        )  # fmt: skip


def said_by_panel(port, code, number):
    """Report as a panel does, encrypted; return the receiver's answer."""
    sender = Sender("0ABC", key=PANEL_KEY.encode())
    content = Content(f"Nri1/{code}003", (), time.time_ns() // 1000)
    with socket.create_connection(("127.0.0.1", port), 30) as line:
        line.sendall(dc09.message(Token.SIA, sender, number, content, padding=PAD))
        cutter, frames = FrameReader(), []
        while not frames:
            frames = cutter.receive(line.recv(4096))
    return dc09.parse(frames[0]).token


def alarms(client, rule):
    return [one for one in client.get("/api/alarms").json() if one["rule"] == rule]


def at(town, recipient, alarm):
    """What the broker carried to somebody about an alarm."""
    return [one for one in town.heard() if one.startswith(f"prova/{recipient}/") and alarm in one]


def test_a_panels_burglary_is_on_every_way_at_its_recipients(town):
    """ACK after the disk; the room's page, ONVIF over MQTT as text, SIA at pysiaalarm; its end."""
    assert said_by_panel(town.panels, "BA", 1) is Token.ACK
    (alarm,) = until(lambda: alarms(town.room, "furto"), 30, "the alarm at the room")
    until(lambda: at(town, "istituto", alarm["id"]), 30, "the institute's message")
    until(lambda: at(town, "questura", alarm["id"]), 30, "the Questura's message")
    body = json.loads(at(town, "istituto", alarm["id"])[0].partition(" ")[2])
    assert body["Data"]["IsInside"] is True
    until(lambda: [one.code for one in town.taken if one.code != "RP"] == ["BA"], 30, "SIA")
    assert said_by_panel(town.panels, "BH", 2) is Token.ACK
    until(lambda: "BH" in [one.code for one in town.taken], 30, "its restore")
    until(lambda: alarms(town.room, "furto")[0]["ended"], 30, "its end")


def test_a_hold_up_calls_the_police_and_shows_nothing_on_site(town):
    """By MQTT, and by the panel while it lives: one alarm, silent, until a person closes it."""
    until(lambda: town.box.metric("varco_deliveries_waiting") == 0, 30, "nothing waits")
    figures = figures_of(town.box)
    town.press("1")
    (alarm,) = until(lambda: alarms(town.room, SILENT), 30, "the hold-up at the room")
    assert (alarm["severity"], alarm["silent"], alarm["camera"]) == (5, True, "banco")
    until(lambda: at(town, "questura", alarm["id"]), 30, "the Questura's message")
    assert said_by_panel(town.panels, "HA", 3) is Token.ACK
    (again,) = until(
        lambda: [one for one in alarms(town.room, SILENT) if one["repeats"]], 30, "its repetition"
    )
    assert again["id"] == alarm["id"]
    assert alarms(town.owner, SILENT) == []
    assert figures_of(town.box) == figures
    reply = town.room.post(f"/api/alarms/{alarm['id']}/close", json={"verdict": "esercitazione"})
    assert reply.is_success, reply.text
    until(lambda: alarms(town.owner, SILENT), 30, "the owner reads of it")
    assert at(town, "istituto", alarm["id"]) == []
    assert "HA" not in [one.code for one in town.taken]


def figures_of(box):
    names = ("varco_viewers", "varco_ledger_entries", "varco_deliveries_waiting")
    return [box.metric(name) for name in (*names, "varco_alarms_open")]


def test_a_button_in_the_network_is_answered_alike_whoever_presses(town):
    """With the device's token it counts, with another it is refused; both read 202."""
    told = town.box.varco(
        "holdup", "token", "antirapina", "--device", "banco", "--config", str(town.box.config)
    )
    token = next(word for word in told.stdout.split() if len(word) == 43)
    known = {one["id"] for one in alarms(town.room, SILENT)}
    for given in ("x" * 43, token):
        headers = {"Authorization": f"Bearer {given}"}
        reply = town.box.client().post("/api/holdup/antirapina", headers=headers)
        assert (reply.status_code, reply.content) == (202, b"")
    # answered after the commit: no waiting here
    (alarm,) = [one for one in alarms(town.room, SILENT) if one["id"] not in known]
    until(lambda: at(town, "questura", alarm["id"]), 30, "the Questura's message")


def test_a_report_is_numbered_routed_and_taken_on(town):
    """From the guard's phone to the room and back; sent again it is the same one."""
    body = {"kind": "ostacolo-sulla-strada", "place": "Via di prova 9", "text": "un tronco"}
    headers = {"Idempotency-Key": "7d0f5a1e-5d29-4b39-9a0e-0f6a5c6b0001"}
    sent = [town.guard.post("/api/reports", json=body, headers=headers) for _ in range(2)]
    assert sent[0].status_code == 201, sent[0].text
    number = sent[0].json()["number"]
    assert number.startswith("IN-")
    assert sent[1].json()["number"] == number
    (report,) = town.room.get("/api/reports").json()["reports"]
    assert (report["number"], report["text"], report["line"]) == (number, "un tronco", "tutte")
    assert town.room.post(f"/api/reports/{report['id']}/ack").is_success
    (seen,) = town.guard.get("/api/reports").json()["reports"]
    assert seen["state"] == "presa-in-carico"
    assert town.owner.get("/api/reports").status_code == 403
