# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Bad input as a user meets it: each gives one clear line, and the rest of the box goes on."""

import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import LOGIN, Child, running, seed
from tests.e2e.daemon import Daemon, free_port, promised, until

pytestmark = pytest.mark.peer
ROOT = Path(__file__).parents[2]
GST = ROOT / "tests" / "peers" / "gst_server.py"
OFFER = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
EXPIRED = """
[[act]]
id = "vecchio"
title = "Patto precedente"
number = "3/2025"
parties = ["Prefettura", "Comune"]
valid_from = 2025-01-01
valid_until = 2025-12-31
dpia = "DPIA 1/2025"
dpia_sha256 = "c08d0c3afb329b2ecea71bce98fdccc96b2e54057c0751127112d8e68cc34d8e"
dpia_date = 2025-01-01
[[act.scope]]
cameras = ["scaduta"]
recipients = ["sala-pl"]
analytics = ["intrusione"]
retention_before_s = 10.0
[[zone]]
id = "vecchia"
name = "Zona vecchia"
camera = "scaduta"
polygon = [[0.01, 0.01], [0.99, 0.01], [0.99, 0.99]]
"""


def gst(port, folder, login=LOGIN):
    """GStreamer's server with a moving ball, an MJPEG and an audio mount; digest only."""
    return Child(["/usr/bin/python3", str(GST), str(port), login, str(folder)], ready="ready")


def torn(port):
    return Child([sys.executable, "-m", "tests.e2e.torn_camera", str(port)], ready=f"ready {port}")


def without_act(text, *cameras):
    """Return the seed with these cameras under the expired act alone."""
    for camera in cameras:
        text = text.replace(f', "{camera}"', "")
    return text


class Town:
    """A box with one good camera and every kind of bad one."""

    def __init__(self, box, client):
        self.box = box
        self.client = client

    def camera(self, name):
        return self.box.cameras(self.client)[name]

    def look(self, path, **query):
        return self.client.post(
            f"/whep/{path}",
            params=query,
            content=OFFER,
            headers={"Content-Type": "application/sdp", "Accept-Language": "en"},
        )


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    (folder / "truth").mkdir()
    good, strict, tear, nobody = (free_port() for _ in range(4))
    at = "rtsp://127.0.0.1:{}/{}"
    urls = {
        "uno": at.format(good, "h264"),
        "password": at.format(strict, "h264"),
        "mpeg4": at.format(good, "mpeg4"),
        "audio": at.format(good, "audio"),
        "strappata": at.format(tear, "live"),
        "assente": at.format(nobody, "live"),
        "scaduta": at.format(good, "h264"),
    }
    text = without_act(seed(folder, urls), "scaduta") + EXPIRED
    text = text.replace('id = "scaduta"', 'id = "scaduta"\ncontinuous = false')
    with (
        running(gst(good, folder / "truth")),
        running(gst(strict, folder / "truth", "admin:another")),
        running(torn(tear)),
        Daemon(folder, text) as box,
    ):
        box.with_passwords()
        made = Town(box, box.client("operatore"))
        until(lambda: made.camera("uno")["state"] == "live", 20, "the good camera is live")
        yield made


CASES = {
    "password": ("refused", "refuses"),
    "mpeg4": (
        "unsupported",
        "video codec MP4V-ES is not supported; set the camera to H.264, H.265 or MJPEG",
    ),
    "audio": ("unsupported", "SDP without video (media: audio)"),
    "assente": ("unreachable", "onnect"),
    "strappata": ("stalled", "(last: "),
}


@pytest.mark.parametrize("name", CASES)
def test_a_bad_camera_says_what_is_wrong_in_one_line(town, name):
    """The page and `varco status` tell state and reason; the password is in neither."""
    state, words = CASES[name]

    def told():
        one = town.camera(name)
        return one if one["state"] == state and words in one["problem"] else None

    one = until(told, 20, f"{name}: {town.camera(name)}")
    assert "\n" not in one["problem"]
    assert "s3cret" not in one["problem"]
    shown = json.loads(town.box.varco("status", "--config", str(town.box.config)).stdout)
    (seen,) = [camera for camera in shown["cameras"] if camera["id"] == name]
    assert words in seen["problem"]


def test_bad_cameras_disturb_no_good_one(town):
    """It has connected once and its pictures keep coming."""
    units = 'varco_camera_units_total{camera="uno"}'
    before = until(lambda: town.box.metric(units), 10, "pictures")
    until(lambda: town.box.metric(units) > before + 10, 10, "more pictures")
    assert town.box.metric('varco_camera_connects_total{camera="uno"}') == 1.0
    assert town.camera("uno")["problem"] == ""


def test_an_expired_act_shuts_pictures_with_its_reason_and_switches_analysis_off(town):
    """403 that names the act and its last day; nobody pulls the camera to watch its zone."""
    reply = town.look("scaduta", purpose="servizio", case="OS-1")
    assert (reply.status_code, reply.json()["code"]) == (403, "act-expired")
    assert "3/2025" in reply.json()["title"]
    assert town.camera("scaduta")["state"] == "idle"
    assert town.box.metric('varco_camera_connects_total{camera="scaduta"}') == 0.0
    alarms = town.client.get("/api/alarms").json()
    assert {one["camera"] for one in alarms} <= {"uno"}


def test_an_unknown_camera_is_404(town):
    """With the id that was asked for."""
    reply = town.look("nessuna", purpose="servizio", case="OS-1")
    assert reply.status_code == 404
    assert "nessuna" in reply.json()["title"]


def test_a_missing_purpose_is_refused_and_logged(town):
    """403, and the data protection officer finds who tried."""
    reply = town.look("uno")
    assert (reply.status_code, reply.json()["code"]) == (403, "purpose-missing")
    dpo = town.box.client("dpo")
    why = {"after": -1, "limit": 500, "aim": "verifica-liceita"}
    entries = dpo.get("/api/ledger", params=why).json()["entries"]
    denied = [e for e in entries if e["event"] == "live.deny" and e["error"] == "purpose-missing"]
    assert denied[-1]["result"] == "denied"


def test_an_import_that_is_not_text_is_refused(town, tmp_path):
    """One line, nothing changes."""
    made = tmp_path / "seed.toml"
    made.write_bytes(b'[[controller]]\nid = "\xff"\n')
    done = town.box.varco(
        "registry", "apply", str(made), "--config", str(town.box.config), ok=False
    )
    assert done.returncode == 78
    (line,) = done.stderr.splitlines()
    assert "UTF-8" in line


def test_a_second_daemon_on_the_same_state_is_refused(town):
    """It names the directory and leaves the first alone."""
    status, lines = run_once(town.box.config)
    assert status == 78
    assert lines == [
        f"{town.box.state}: box.state_dir: another varco is running on it"
        " (stop that one or choose another place)"
    ]
    assert httpx.get(f"{town.box.url}/healthz", timeout=40).status_code == 200
    assert town.box.varco("status", "--config", str(town.box.config)).stdout


def run_once(config):
    """Run a daemon that must not start; return its status and what it says besides its log."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "run", "--config", str(config)],
        capture_output=True,
        text=True,
        timeout=40,
        cwd=ROOT,
        check=False,
    )
    return done.returncode, [x for x in done.stderr.splitlines() if not x.startswith('{"ts"')]


@pytest.fixture
def empty(tmp_path):
    """A box without cameras that was never started."""
    return Daemon(tmp_path, seed(tmp_path, {"uno": "rtsp://127.0.0.1:9/x"}))


def test_a_typo_names_line_and_nearest_key(empty):
    """Both the check and the start say it, with the status for which nothing restarts."""
    text = empty.config.read_text().replace("[console]\nport", "[console]\nprot")
    empty.config.write_text(text)
    status, (line,) = run_once(empty.config)
    assert status == 78
    place = text[: text.index("prot")].count("\n") + 1
    assert line == f"{empty.config}:{place}: console.prot: unknown key (did you mean port?)"
    checked = empty.varco("check", str(empty.config), ok=False)
    assert checked.returncode == 78
    assert line in checked.stdout + checked.stderr


def test_a_port_in_use_names_its_key(empty):
    """File, key and address, and no traceback."""
    with socket.create_server(("127.0.0.1", empty.port)):
        status, (line,) = run_once(empty.config)
    assert status == 78
    assert line.startswith(f"{empty.config}: console.port: 127.0.0.1:{empty.port}: cannot listen")


def test_a_damaged_ledger_stops_the_start_and_is_named(empty):
    """One line with the file; nothing is repaired behind anybody's back."""
    empty.state.mkdir()
    damaged = empty.state / "ledger.db"
    damaged.write_bytes(b"no database at all" * 500)
    status, (line,) = run_once(empty.config)
    assert status == 1
    assert str(damaged) in line
    assert damaged.read_bytes() == b"no database at all" * 500


def children(pid):
    """Return the processes that a process has started."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(entry.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(entry.parent)
    return found


def test_a_second_signal_exits_at_once_and_leaves_no_child(empty):
    """Whoever presses Ctrl-C twice means it."""
    with empty as box:
        kept = children(box.process.pid)
        assert kept
        began_s = time.monotonic()
        box.process.send_signal(signal.SIGTERM)
        box.process.send_signal(signal.SIGINT)
        assert box.process.wait(40) == 130
        assert time.monotonic() - began_s < promised(2.5)
        until(lambda: not any(one.exists() for one in kept), 5, "its children ended")


class Disk:
    """A small disk of its own that can be filled."""

    def __init__(self, path, mebibytes):
        self.path = Path(path)
        self.path.mkdir()
        options = f"size={mebibytes}m"
        command = ["mount", "-t", "tmpfs", "-o", options, "varco-test", str(self.path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.is_mounted = done.returncode == 0

    def fill(self):
        ballast = os.open(self.path / "ballast", os.O_CREAT | os.O_WRONLY)
        try:
            for size in (1 << 20, 4096):
                with contextlib.suppress(OSError):
                    while os.write(ballast, bytes(size)) > 0:
                        pass
        finally:
            os.close(ballast)
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            (self.path / "probe").write_bytes(bytes(8192))
        (self.path / "probe").unlink()

    def free(self):
        (self.path / "ballast").unlink()

    def remove(self):
        if self.is_mounted:
            subprocess.run(["umount", "-l", str(self.path)], check=True)


@pytest.fixture
def disks(tmp_path):
    """One for the state, one for the spare ledger."""
    made = [Disk(tmp_path / "state", 12), Disk(tmp_path / "spare", 1)]
    try:
        if not all(one.is_mounted for one in made):
            pytest.skip("a small disk needs the right to mount one")
        yield made
    finally:
        for one in made:
            one.remove()


def health(box):
    reply = httpx.get(f"{box.url}/healthz", timeout=40)
    told = reply.json()["problems"]
    return reply.status_code, [one for one in told if not one.startswith("clock: ")]


def test_a_full_disk_goes_to_the_spare_then_dark_and_comes_back_by_itself(disks, tmp_path):
    """Nobody looks unseen, no alarm is lost, the process never restarts."""
    state, spare = disks
    port = free_port()
    made = seed(tmp_path, {"uno": f"rtsp://127.0.0.1:{port}/h264"})
    made = made.replace('broker = "prova"\n', "")
    extra = f'[ledger]\nspare = "{spare.path}/ledger.jsonl"\n'
    with Daemon(tmp_path, made, extra=extra) as box:
        box.with_passwords()
        town = Town(box, box.client("operatore"))
        state.fill()
        assert town.look("uno").json()["code"] == "purpose-missing"  # written to the spare
        assert health(box) == (
            503,
            ["ledger: writing to the spare file", "camera uno: unreachable"],
        )
        spare.fill()

        def dark():
            return town.look("uno").json()["code"] == "ledger-not-writable"

        until(dark, 20, "dark")
        assert town.look("uno", purpose="servizio", case="OS-1").status_code == 503
        status, problems = health(box)
        assert status == 503
        assert any(one.startswith("ledger: not written: ") for one in problems)
        (tmp_path / "truth").mkdir()
        with running(gst(port, tmp_path / "truth")):
            until(
                lambda: any(x.startswith("alarms: not written: ") for x in health(box)[1]),
                30,
                "the alarm path says so",
            )
            assert "\n" not in "".join(health(box)[1])
            assert not town.client.get("/api/alarms").json()
            state.free()
            spare.free()
            until(lambda: health(box) == (200, []), 30, "well again")
            (alarm,) = until(lambda: town.client.get("/api/alarms").json(), 10, "the alarm")
            assert alarm["camera"] == "uno"
        assert box.process.poll() is None
        assert box.stop() == 0
    assert box.varco("audit", "verify", "--config", str(box.config)).returncode == 0
    out = tmp_path / "r.csv"
    words = ("--offline", "prova", "--format", "csv", "--out", str(out))
    box.varco("audit", "export", "--config", str(box.config), *words)
    text = out.read_text("utf-8")
    for event in ("log.outage", "alarm.raise", "live.deny"):
        assert f";{event};" in text
