# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One whole box, mosquitto, pysiaalarm and a panel: hold-ups, DC-09 both ways, reports, a rule."""

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from datetime import date, timedelta
from types import SimpleNamespace

import httpx
import pytest
from pysiaalarm import SIAAccount, SIAClient

from gateway.simulator.whep_viewer import WhepViewer
from gateway.wire import dc09
from gateway.wire.dc09 import Content, FrameReader, Sender, Token
from tests.dc09_parts import PAD
from tests.e2e.conftest import BROKER, Child, running
from tests.e2e.daemon import PASSWORDS, Daemon, free_port, reads, until
from tests.virtual_camera import USERS

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
url = "rtsp://127.0.0.1:@camera@/live"
credential = "file:@login@"
continuous = false
area = "aperta-al-pubblico"
[[camera]]
id = "retro"
name = "Retro"
site = "bottega"
url = "rtsp://localhost:@camera@/live"
credential = "file:@login@"
continuous = false
area = "aperta-al-pubblico"
[[holdup]]
id = "antirapina"
name = "Antirapina"
site = "bottega"
cameras = ["banco", "retro"]
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
cameras = ["retro"]
recipients = ["sala-pl", "questura"]
analytics = ["intrusione"]
disclosure = "su-allarme"
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
[[user]]
id = "installatore"
name = "Installatore"
role = "installer"
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
        camera = free_port()
        ready = [sys.executable, "-m", "tests.virtual_camera", str(camera)]
        stack.enter_context(running(Child(ready, ready=f"ready {camera}")))
        login = secret(folder, "camera.secret", ":".join(next(iter(USERS.items()))))
        seed = SEED.replace("@panel@", str(secret(folder, "panel.key", PANEL_KEY)))
        seed = seed.replace("@camera@", str(camera)).replace("@login@", str(login))
        box = stack.enter_context(Daemon(folder, seed, extra=extra))
        users = "operatore", "istituto", "titolare", "installatore"
        for user in users:
            PASSWORDS.setdefault(user, f"{user}-prova-123456")
        box.with_passwords(*users)
        until(lambda: any("/health" in one or "online" in one for one in heard()), 60, "a greeting")
        yield SimpleNamespace(
            box=box, taken=taken, panels=panels, press=press, heard=heard,
            room=box.client("operatore"), guard=box.client("istituto"),
            owner=box.client("titolare"), installer=box.client("installatore"),
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


PAGES = ("alarms", "cameras", "devices", "lines", "mine", "acts", "retention", "session")
"""All that people on site read, `/metrics` and `/healthz` aside."""
GROWS = ("varco_camera_", 'camera="banco"')
"""What the camera that is kept for the seconds before counts of its own pictures."""
OF_KEPT = ("cameras/0/fps", "cameras/0/clock_offset_s")
STEADY = ("connects", "state", "live", "stalls")


def leaves(value, path=""):
    """Return each leaf of a page by its path."""
    if isinstance(value, dict | list):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        return {k: v for name, one in parts for k, v in leaves(one, f"{path}/{name}").items()}
    return {path: value}


def figures(box):
    """Return every metric by its full name, without what the kept camera itself counts."""
    text = httpx.get(f"{box.url}/metrics", timeout=30).text
    lines = [one.rpartition(" ") for one in text.splitlines() if not one.startswith("#")]
    return {
        name: value
        for name, _, value in lines
        if not all(part in name for part in GROWS) or any(part in name for part in STEADY)
    }


def on_site(town):
    """Return everything that the owner, the installer and the shop's monitors read now."""
    found = leaves(town.box.client().get("/healthz").json(), "healthz")
    for who in (town.owner, town.installer):
        for page in PAGES:
            reply = who.get(f"/api/{page}")
            text = reply.json() if reply.is_success else reply.status_code
            found |= leaves(text, f"{who.headers['Authorization'][-4:]}/{page}")
    return found | figures(town.box)


def without(told, *moving):
    return {name: value for name, value in told.items() if name not in moving}


@contextmanager
def hearing(town):
    """Read the owner's event stream meanwhile; yields the names of what came."""
    heard, client = [], town.box.client("titolare")

    def read():
        with suppress(httpx.HTTPError), client.stream("GET", "/api/alarms/events") as reply:
            lines = reply.iter_lines()
            heard.extend(one.removeprefix("event: ") for one in lines if one.startswith("event: "))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    until(lambda: heard, 30, "the stream stands")
    yield heard
    client.close()


def looking(town, client, camera, why, then):
    """Look at a camera and call `then` while pictures come; return what it says."""

    async def look():
        headers = {"Authorization": client.headers["Authorization"]}
        async with (
            httpx.AsyncClient(base_url=town.box.url, headers=headers, timeout=40) as http,
            WhepViewer(http, f"/whep/{camera}?{why}") as viewer,
        ):
            await viewer.picture(40)
            return await asyncio.to_thread(then)

    return asyncio.run(look())


def looks(town):
    """What the owner reads of looks: organisation and camera."""
    found = town.owner.get("/api/mine").json()["looks"]
    return sorted((one["organisation"], one["camera"]) for one in found)


def test_a_hold_up_calls_the_police_and_shows_nothing_on_site(town):
    """By MQTT, and by the panel while it lives: one alarm, silent, until a person closes it.

    The police look at a camera that is kept and at one that is not, the owner at the latter too:
    of all that is read on site nothing moves but what the owner does.
    """
    until(lambda: town.box.metric("varco_deliveries_waiting") == 0, 30, "nothing waits")
    until(lambda: town.box.cameras(town.room)["banco"]["state"] == "live", 40, "the kept camera")
    first, units = on_site(town), 'varco_camera_units_total{camera="banco"}'
    before = town.box.metric(units)
    until(lambda: town.box.metric(units) > before + 75, 40, "some seconds of pictures")
    calm = on_site(town)  # what has moved does so while nothing happens, as the clock does
    moving = {name for name in calm.keys() | first.keys() if calm.get(name) != first.get(name)}
    moving |= {name for name in calm if name.endswith(OF_KEPT)}
    assert not [one for one in moving if "retro" in one or "viewers" in one or "mine" in one]
    calm = without(calm, *moving)
    with hearing(town) as heard:
        town.press("1")
        (alarm,) = until(lambda: alarms(town.room, SILENT), 30, "the hold-up at the room")
        assert (alarm["severity"], alarm["silent"], alarm["camera"]) == (5, True, "banco")
        until(lambda: at(town, "questura", alarm["id"]), 30, "the Questura's message")
        assert said_by_panel(town.panels, "HA", 3) is Token.ACK
        (again,) = until(
            lambda: [one for one in alarms(town.room, SILENT) if one["repeats"]],
            30,
            "its repetition",
        )
        assert again["id"] == alarm["id"]
        assert without(on_site(town), *moving) == calm
        case = f"purpose=allarme&case={alarm['id']}"
        for camera in ("banco", "retro"):
            during = looking(town, town.room, camera, case, lambda: on_site(town))
            assert without(during, *moving) == calm
        assert town.box.cameras(town.room)["retro"]["state"] == "live"
        assert town.box.cameras(town.owner)["retro"]["state"] == "idle"
        during = looking(town, town.owner, "retro", "purpose=titolare", lambda: on_site(town))
        assert float(during["varco_viewers"]) == float(calm["varco_viewers"]) + 1
        assert town.box.cameras(town.owner)["retro"]["state"] == "live"
        assert looks(town) == [("bottega", "retro")]
        assert heard.count("owner") == 1
        assert set(heard) <= {"ready", "owner", "beat"}
        reply = town.room.post(
            f"/api/alarms/{alarm['id']}/close", json={"verdict": "esercitazione"}
        )
        assert reply.is_success, reply.text
        until(lambda: alarms(town.owner, SILENT), 30, "the owner reads of it")
        until(lambda: "alarm" in heard, 30, "the owner's page hears of it")
    seen = [("bottega", "retro"), ("sala-pl", "banco"), ("sala-pl", "retro")]
    assert looks(town) == seen
    assert at(town, "istituto", alarm["id"]) == []
    assert "HA" not in [one.code for one in town.taken]


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
