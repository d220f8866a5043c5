# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What goes wrong in the field: cameras die, freeze and lie; the power button is pressed."""

import asyncio
import contextlib
import socket
import threading
import time

import httpx
import pytest

from gateway.simulator.whep_viewer import WhepViewer
from tests.e2e.conftest import BROKER, Child, running, seed
from tests.e2e.daemon import Daemon, free_port, promised, reads, until

pytestmark = pytest.mark.peer
BACK_S = 3.0
"""Picture back within this after the camera is."""
HICCUP_S = 1.5
"""The footage has 12.5 pictures a second; a neighbour must never pause as long as this."""


class Pulse:
    """Watches a camera's picture counter from outside and remembers the longest pause."""

    def __init__(self, box, camera):
        self.box = box
        self.name = f'varco_camera_units_total{{camera="{camera}"}}'
        self.longest_s = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self):
        seen, at_s = None, time.monotonic()
        while not self._stop.wait(0.1):
            units, now_s = self.box.metric(self.name), time.monotonic()
            if units != seen:
                seen, at_s = units, now_s
            self.longest_s = max(self.longest_s, now_s - at_s)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


@contextlib.contextmanager
def liar(port):
    """A camera that answers every connection with garbage."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        listening.settimeout(0.2)
        stop = threading.Event()

        def serve():
            while not stop.is_set():
                with contextlib.suppress(OSError):
                    connection, _ = listening.accept()
                    with connection:
                        connection.recv(100)
                        connection.sendall(bytes(range(256)) * 40)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def state(box, client, camera="uno"):
    return box.cameras(client)[camera]["state"]


def back(box, client):
    """Assert that camera uno is live again in time."""
    began_s = time.monotonic()
    until(lambda: state(box, client) == "live", BACK_S, "picture back")
    assert time.monotonic() - began_s < promised(BACK_S)


def test_a_camera_that_dies_freezes_or_lies_comes_back_and_disturbs_nobody(camera, tmp_path):
    """Killed, frozen, lying: back within three seconds, and the neighbour never hiccups."""
    ports = free_port(), free_port()
    first, _ = camera(ports[0]), camera(ports[1])
    urls = {n: f"rtsp://127.0.0.1:{p}/footage" for n, p in zip(("uno", "due"), ports, strict=True)}
    with Daemon(tmp_path, seed(tmp_path, urls)) as box:
        box.with_passwords()
        client = box.client("operatore")
        until(lambda: {state(box, client, c) for c in urls} == {"live"}, 15, "both live")
        with Pulse(box, "due") as pulse:
            first.kill()
            until(lambda: state(box, client) == "unreachable", 10, "seen as gone")
            with liar(ports[0]):
                until(lambda: "uno" in problem(box, client), 10, "the problem names the camera")
            first = camera(ports[0])
            back(box, client)
            first.freeze()
            until(lambda: state(box, client) in ("stalled", "unreachable"), 10, "seen as frozen")
            first.thaw()
            back(box, client)
        assert pulse.longest_s < promised(HICCUP_S)


def problem(box, client):
    one = box.cameras(client)["uno"]
    return f"{one['id']}: {one['problem']}" if one["problem"] else ""


def broker_on(port, program, tmp_path):
    config = tmp_path / "late.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    return Child([program("mosquitto"), "-c", str(config)])


def test_the_power_button_loses_no_alarm_and_closes_the_ledger(camera, program, tmp_path):
    """kill -9 between detection and delivery: the alarm arrives later, what was open is closed."""
    port, mqtt = free_port(), free_port()
    camera(port)
    made = seed(tmp_path, {"uno": f"rtsp://127.0.0.1:{port}/footage"})
    box = Daemon(tmp_path, made, extra=BROKER.format(port=mqtt))
    with box:
        box.with_passwords()
        client = box.client("operatore")
        alarm = until(lambda: client.get("/api/alarms").json(), 30, "an alarm")[0]
        asyncio.run(look_until_killed(box, client.headers["Authorization"]))
    with running(broker_on(mqtt, program, tmp_path)):
        until(lambda: reads(mqtt), 10, "mosquitto listens")
        sub = Child(
            [
                program("mosquitto_sub"),
                "-V",
                "5",
                "-p",
                str(mqtt),
                "-q",
                "1",
                "-C",
                "1",
                "-t",
                "prova/istituto/onvif-ej/#",
                "-F",
                "%p",
            ]
        )
        with running(sub), box:
            assert alarm["id"] in sub.process.stdout.readline()
            dpo = box.client("dpo")
            why = {"after": -1, "limit": 200, "aim": "verifica-liceita"}
            entries = dpo.get("/api/ledger", params=why).json()["entries"]
    (opened,) = [e for e in entries if e["event"] == "live.open"]
    (closed,) = [e for e in entries if e["closes"] == opened["seq"]]
    assert (closed["event"], closed["result"], closed["error"]) == ("live.close", "error", "crash")
    assert box.varco("audit", "verify", "--config", str(box.config)).returncode == 0


async def look_until_killed(box, bearer):
    headers = {"Authorization": bearer}
    async with httpx.AsyncClient(base_url=box.url, headers=headers, timeout=40) as client:
        viewer = WhepViewer(client, "/whep/uno?purpose=servizio&case=OS-1")
        await viewer.__aenter__()
        assert (await viewer.picture(15)).luma.std() > 5
        box.kill()
        await viewer._peer.close()


def test_stopping_is_quick_and_tells_the_ledger(camera, tmp_path):
    """SIGTERM with a viewer: down within five seconds, the session's entry closed as shutdown."""
    port = free_port()
    camera(port)
    with Daemon(tmp_path, seed(tmp_path, {"uno": f"rtsp://127.0.0.1:{port}/footage"})) as box:
        box.with_passwords()
        client = box.client("operatore")
        until(lambda: state(box, client) == "live", 15, "live")
        asyncio.run(look_until_stopped(box, client.headers["Authorization"]))
    out = tmp_path / "registro.csv"
    words = ("--offline", "prova", "--format", "csv", "--out", str(out))
    box.varco("audit", "export", "--config", str(box.config), *words)
    (line,) = [x for x in out.read_text("utf-8").splitlines() if ";live.close;" in x]
    assert "crash" not in line
    assert "shutdown" in line


async def look_until_stopped(box, bearer):
    headers = {"Authorization": bearer}
    async with httpx.AsyncClient(base_url=box.url, headers=headers, timeout=40) as client:
        viewer = WhepViewer(client, "/whep/uno?purpose=servizio&case=OS-1")
        await viewer.__aenter__()
        await viewer.picture(15)
        began_s = time.monotonic()
        assert await asyncio.to_thread(box.stop) == 0
        assert time.monotonic() - began_s < promised(5.0)
        await viewer._peer.close()
