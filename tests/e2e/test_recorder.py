# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A recorder nobody knows, brought on line by an installer's commands; its events; its masks."""

import asyncio
import json
import re
import threading
import time

import httpx
import pytest

from gateway.ingest.onvif import open_device
from gateway.ingest.onvif_model import OnvifTarget
from gateway.runtime.clock import SystemClock
from gateway.simulator.whep_viewer import WhepViewer
from tests.e2e.conftest import BROKER
from tests.e2e.daemon import Daemon, free_port, promised, until
from tests.e2e.recorder import MAIN_PX, NAMES, PASSWORD, USER, Recorder, light

pytestmark = pytest.mark.peer
PAUSE_S = 1.5
"""The recorder sends 25 pictures a second; a neighbour must never pause as long as this."""
SESSIONS = 4
TOPIC = "RuleEngine/CellMotionDetector/Motion"
HOUSE = """
[[controller]]
id = "ditta"
name = "Ditta di prova"
[[site]]
id = "deposito"
name = "Deposito"
controller = "ditta"
kind = "impresa"
state = "attivo"
approval = "CPOSP 1/2026"
[[recipient]]
id = "sala-pl"
name = "Sala operativa"
kind = "sala-operativa"
[[recipient]]
id = "istituto"
name = "Istituto"
kind = "istituto-di-vigilanza"
broker = "prova"
topic_prefix = "prova/istituto"
[[user]]
id = "operatore"
name = "Operatore"
role = "pl.operator"
organisation = "sala-pl"
[[user]]
id = "titolare"
name = "Titolare"
role = "owner.private"
organisation = "ditta"
"""
DEVICE = """
[[device]]
id = "registratore"
name = "Registratore"
site = "deposito"
url = "http://127.0.0.1:{port}/onvif/device_service"
credential = "file:{secret}"
events = {events}
"""
CAMERA = """
[[camera]]
id = "canale-{n}"
name = "Canale {n}"
site = "deposito"
device = "registratore"
channel = {n}
url = "rtsp://127.0.0.1:{rtsp}/Streaming/Channels/{n}01"
sub_url = "rtsp://127.0.0.1:{rtsp}/Streaming/Channels/{n}02"
area = "pubblica"
"""
TRIGGER = """
[[trigger]]
id = "movimento-{n}"
name = "Movimento {n}"
camera = "canale-{n}"
topic = "{topic}"
item = "IsMotion"
off_after_s = 60
"""
ACT = """
[[act]]
id = "patto"
title = "Patto per la sicurezza urbana"
number = "7/2026"
parties = ["Prefettura", "Ditta"]
valid_from = 2026-01-01
valid_until = 2099-12-31
dpia = "DPIA 3/2025"
dpia_sha256 = "807cf9abed59de643bf0e442095dd6fe723f186226debf5fd2ce30d3f640fe39"
dpia_date = 2026-01-01
[[act.scope]]
cameras = [{ids}]
recipients = ["sala-pl"]
analytics = ["intrusione"]
retention_before_s = 2.0
[[act.scope]]
cameras = [{ids}]
recipients = ["istituto"]
analytics = ["intrusione"]
disclosure = "solo-testo"
"""


class Pulses:
    """Watches the picture counters of cameras from outside and keeps the longest pause."""

    def __init__(self, box, cameras):
        self._box = box
        self._names = {f'varco_camera_units_total{{camera="{one}"}}': one for one in cameras}
        self.longest_s = dict.fromkeys(cameras, 0.0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self):
        seen = {}
        with httpx.Client(base_url=self._box.url, timeout=40) as client:
            while not self._stop.wait(0.1):
                lines = client.get("/metrics").text.splitlines()
                now_s = time.monotonic()
                for name, _, value in (line.rpartition(" ") for line in lines):
                    if (camera := self._names.get(name)) is None:
                        continue
                    if seen.get(camera, ("", 0))[0] != value:
                        seen[camera] = (value, now_s)
                    paused_s = now_s - seen[camera][1]
                    self.longest_s[camera] = max(self.longest_s[camera], paused_s)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


def secret_file(tmp_path):
    secret = tmp_path / "registratore.secret"
    secret.write_text(f"{USER}:{PASSWORD}")
    secret.chmod(0o600)
    return secret


def states(box, client, channels):
    cameras = box.cameras(client)
    return {cameras[one]["state"] for one in channels}


def discovered(box, *more):
    """What `varco discover` prints, user and password typed as an installer types them."""
    found = box.varco(
        "discover", "--interface", "lo", "--seconds", "1", "--config", str(box.config), *more,
        stdin=f"{USER}\n{PASSWORD}\n",
    )  # fmt: skip
    assert PASSWORD not in found.stdout + found.stderr
    return found.stdout


def edited(text, secret):
    """What an installer writes into the snippet: credential, sessions, areas."""
    text, changes = re.subn(r"# credential = .*", f'credential = "file:{secret}"', text)
    assert changes == 1
    text = text.replace("\n\n[[camera]]", f"\nmost_sessions = {SESSIONS}\n\n[[camera]]", 1)
    return text.replace('area = "privata"', 'area = "pubblica"')


@pytest.fixture
def recorder():
    with Recorder("127.0.0.1", free_port(), free_port(), sessions=SESSIONS) as one:
        yield one


def test_an_unknown_recorder_comes_on_line_and_one_channel_harms_no_other(recorder, tmp_path):
    """Discover, edit, check, apply: four live; one unplugged is told, three never pause."""
    with Daemon(tmp_path, HOUSE) as box:
        box.with_passwords("titolare")
        assert f"http://127.0.0.1:{recorder.port}/onvif" in discovered(box)
        words = ("127.0.0.1", "--login", "--snippet", "--site", "deposito")
        snippet = tmp_path / "registratore.toml"
        text = edited(discovered(box, *words), secret_file(tmp_path))
        guarded = min(re.findall(r'\[\[camera\]\]\nid = "([^"]+)"', text))
        snippet.write_text(text + ACT.format(ids=f'"{guarded}"'))
        box.varco("check", "--partial", str(snippet))
        box.varco("registry", "apply", str(snippet), "--config", str(box.config))
        client = box.client("titolare")
        ids = sorted(box.cameras(client))
        assert [box.cameras(client)[one]["name"] for one in ids] == list(NAMES)
        until(lambda: states(box, client, ids) == {"live"}, 15, "four channels")
        told = json.loads(box.varco("status", "--config", str(box.config)).stdout)
        assert {one["state"] for one in told["cameras"]} == {"live"}
        lost, others = ids[2], [one for one in ids if one != ids[2]]
        with Pulses(box, others) as pulses:
            recorder.tell(unplug=3)
            until(lambda: box.cameras(client)[lost]["state"] != "live", 15, "seen as gone")
            until(lambda: "404" in box.cameras(client)[lost]["problem"], 20, "named")
            recorder.tell(plug=3)
            until(lambda: states(box, client, ids) == {"live"}, 15, "back")
        assert max(pulses.longest_s.values()) < promised(PAUSE_S), pulses.longest_s
        assert_sessions_are_shared(box, client, recorder, ids, snippet)


def assert_sessions_are_shared(box, client, recorder, ids, snippet):
    """A zone needs a fifth session: what matters least gives way in words, nobody is refused."""
    more = f"""
[[zone]]
id = "zona"
name = "Zona"
camera = "{ids[0]}"
polygon = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
"""
    snippet.write_text(snippet.read_text() + more)
    box.varco("registry", "apply", str(snippet), "--config", str(box.config))
    words = f"limit of {SESSIONS} sessions"
    until(
        lambda: any(words in one["problem"] for one in box.cameras(client).values()),
        15,
        "the one that waits says so",
    )
    until(lambda: box.cameras(client)[ids[0]]["state"] == "live", 10, "the guarded one is live")
    assert recorder.tell()["most_sessions"] <= SESSIONS
    assert " 453 " not in box.log.read_text()  # Not Enough Bandwidth (RFC 2326)


def house(tmp_path, recorder, channels, *, events=True, acts=()):
    """A registry with these channels of the recorder, a trigger on each."""
    device = DEVICE.format(
        port=recorder.port, secret=secret_file(tmp_path), events=str(events).lower()
    )
    cameras = "".join(CAMERA.format(n=n, rtsp=recorder.rtsp_port) for n in channels)
    triggers = "".join(TRIGGER.format(n=n, topic=TOPIC) for n in channels) if events else ""
    ids = ", ".join(f'"canale-{n}"' for n in acts)
    return HOUSE + device + cameras + triggers + (ACT.format(ids=ids) if acts else "")


def alarms(client, camera):
    return [one for one in client.get("/api/alarms").json() if one["camera"] == camera]


def test_a_recorders_event_is_an_alarm_under_an_act_and_survives_a_restart(
    broker, subscriber, tmp_path
):
    """Channel 2 stirs: room and institute hear; channel 3 has no act: nobody does."""
    ports = free_port(), free_port()
    with Recorder("127.0.0.1", *ports) as recorder:
        made = house(tmp_path, recorder, (2, 3), acts=(2,))
        extra = BROKER.format(port=broker.port)
        with Daemon(tmp_path, made, extra=extra) as box:
            box.with_passwords("operatore", "titolare")
            client, owner = box.client("operatore"), box.client("titolare")
            until(lambda: states(box, owner, ("canale-2", "canale-3")) == {"live"}, 15)
            recorder.subscribed()
            recorder.fire(3)
            assert_no_face_leaves_a_trace(box, recorder, subscriber)
            recorder.fire(2)
            (alarm,) = until(lambda: alarms(client, "canale-2"), 5, "an alarm")
            assert alarm["rule"] == "evento"
            until(lambda: any(alarm["id"] in line for line in subscriber()), 10, "MQTT")
            recorder.fire(2, IsMotion="false")
            assert_events_come_again(box, client, recorder)
            until(lambda: states(box, owner, ("canale-2", "canale-3")) == {"live"}, 15, "pictures")
            assert len(alarms(owner, "canale-2")) == 3
            assert not alarms(owner, "canale-3")
            assert not any("canale-3" in line for line in subscriber())


def assert_events_come_again(box, client, recorder):
    """The pull point is lost, then the whole recorder is killed and another one started."""
    created = recorder.tell(forget=1)["created"]
    until(lambda: recorder.tell()["created"] > created, 20, "subscribed again")
    known = {one["id"] for one in alarms(client, "canale-2")}
    until(lambda: not is_going_on(client, known), 10, "the first incident ended")
    recorder.fire(2)
    until(lambda: len(alarms(client, "canale-2")) == 2, 5, "an alarm by the new pull point")
    recorder.kill()
    until(lambda: box.cameras(client)["canale-2"]["state"] != "live", 15, "seen as gone")
    recorder.start()
    recorder.subscribed(40)
    recorder.fire(2, IsMotion="false")
    known = {one["id"] for one in alarms(client, "canale-2")}
    until(lambda: not is_going_on(client, known), 10, "the second incident ended")
    recorder.fire(2)
    until(lambda: len(alarms(client, "canale-2")) == 3, 5, "an alarm after the restart")


def is_going_on(client, known):
    return any(one["id"] in known and not one["ended"] for one in client.get("/api/alarms").json())


def assert_no_face_leaves_a_trace(box, recorder, subscriber):
    """What a recorder says of a face is dropped and counted, whole topics and single items."""
    marks = ("ZZ-Mario-ZZ", "ZZ-Femminile-ZZ")
    recorder.fire(2, "RuleEngine/Recognition/Face", PersonName=marks[0], Likelihood="0.99")
    recorder.fire(2, "RuleEngine/HumanFace/Detected", HumanFace=marks[0])
    recorder.fire(2, "VideoSource/MotionAlarm", State="true", Gender=marks[1])
    dropped = 'varco_device_biometrics_dropped_total{device="registratore"}'
    until(lambda: (box.metric(dropped) or 0) >= 3, 10, "the drops are counted")
    kept = [path.read_bytes() for path in box.state.rglob("*") if path.is_file()]
    kept += [box.log.read_bytes(), "\n".join(subscriber()).encode()]
    for mark in marks:
        assert not any(mark.encode() in one for one in kept), mark


MASK = """
[[mask]]
id = "finestre"
camera = "canale-1"
polygon = [[0.1, 0.2], [0.5, 0.2], [0.5, 0.6], [0.1, 0.6]]
place = "camera"
reason = "finestre"
"""


def hidden_and_open(luma):
    """Return the mean light inside the mask of `canale-1` and beside it."""
    rows, columns = luma.shape
    inside = luma[int(0.25 * rows) : int(0.55 * rows), int(0.15 * columns) : int(0.45 * columns)]
    return inside.mean(), luma[int(0.7 * rows) :, int(0.55 * columns) :].mean()


async def looks(box, bearer):
    headers = {"Authorization": bearer}
    url = "/whep/canale-1?purpose=servizio&case=OS-1"
    async with (
        httpx.AsyncClient(base_url=box.url, headers=headers, timeout=40) as client,
        WhepViewer(client, url) as viewer,
    ):
        return (await viewer.picture(15)).luma


async def masks_of(recorder):
    """Every mask that the device has, by another client of ours."""
    url = f"http://127.0.0.1:{recorder.port}/onvif/device_service"
    target = OnvifTarget("test", url, USER, PASSWORD)
    async with open_device(target, clock=SystemClock()) as device:
        return await device.masks("vsc-input-1")


def test_a_mask_of_the_cameras_is_set_and_read_back_before_its_own_pictures_leave(tmp_path):
    """Once the device has the mask its pictures pass as they are: the box burns nothing in."""
    recorder = Recorder("127.0.0.1", free_port(), free_port())
    made = house(tmp_path, recorder, (1,), events=False, acts=(1,)) + MASK
    with Daemon(tmp_path, made) as box:
        box.with_passwords("operatore")
        client = box.client("operatore")
        with recorder:
            until(lambda: asyncio.run(masks_of(recorder)), 30, "the mask is set")
            (mask,) = asyncio.run(masks_of(recorder))
            assert mask.enabled
            corners = sorted((round(x, 2), round(y, 2)) for x, y in mask.polygon)
            assert corners == [(0.1, 0.2), (0.1, 0.6), (0.5, 0.2), (0.5, 0.6)]
            until(lambda: states(box, client, ("canale-1",)) == {"live"}, 15, "live")
            luma = asyncio.run(looks(box, client.headers["Authorization"]))
            assert luma.shape == MAIN_PX[::-1]
            assert luma.mean() == pytest.approx(90 + light(1), abs=15)
            hidden, seen = hidden_and_open(luma)
            assert hidden > 0.6 * seen  # the simulated device takes masks, and paints none


def test_of_a_device_that_takes_no_mask_the_box_burns_it_in(tmp_path):
    """The camera says that the device did not take it, and the room sees no pixel behind it."""
    with Recorder("127.0.0.1", free_port(), free_port(), masks="none") as recorder:
        made = house(tmp_path, recorder, (1,), events=False, acts=(1,)) + MASK
        with Daemon(tmp_path, made) as box:
            box.with_passwords("operatore")
            client = box.client("operatore")

            def told():
                return box.cameras(client)["canale-1"]["problem"]

            until(lambda: "maschere nella telecamera" in told(), 15, "the camera says why")
            assert box.cameras(client)["canale-1"]["state"] == "live"
            luma = asyncio.run(looks(box, client.headers["Authorization"]))
            hidden, seen = hidden_and_open(luma)
            assert hidden < 30
            assert seen == pytest.approx(90 + light(1), abs=25)
