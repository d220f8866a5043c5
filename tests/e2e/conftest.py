# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Real parts around one gateway: footage cameras, a broker, a subscriber, a browser."""

import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.daemon import free_port, reads, until

HERE = Path(__file__).parent
LOGIN = "admin:s3cret-camera"

SEED = """
[[controller]]
id = "comune"
name = "Comune di prova"
kind = "comune"
[[site]]
id = "piazza"
name = "Piazza"
controller = "comune"
kind = "piazza"
state = "attivo"
{cameras}
[[zone]]
id = "parcheggio"
name = "Parcheggio"
camera = "uno"
polygon = [[0.01, 0.01], [0.99, 0.01], [0.99, 0.99], [0.01, 0.99]]
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
[[act]]
id = "patto"
title = "Patto per la sicurezza urbana"
number = "7/2026"
parties = ["Prefettura", "Comune"]
valid_from = 2026-01-01
valid_until = {until}
dpia = "DPIA 3/2025"
dpia_sha256 = "807cf9abed59de643bf0e442095dd6fe723f186226debf5fd2ce30d3f640fe39"
dpia_date = 2026-01-01
[[act.scope]]
cameras = [{ids}]
recipients = ["sala-pl"]
analytics = ["intrusione"]
retention_before_s = 10.0
[[act.scope]]
cameras = [{ids}]
recipients = ["istituto"]
analytics = ["intrusione"]
disclosure = "solo-testo"
[[user]]
id = "operatore"
name = "Operatore"
role = "pl.operator"
organisation = "sala-pl"
[[user]]
id = "dpo"
name = "DPO"
role = "dpo"
organisation = "comune"
[[user]]
id = "revisore"
name = "Revisore"
role = "auditor"
organisation = "comune"
"""
CAMERA = """
[[camera]]
id = "{id}"
name = "Telecamera {id}"
site = "piazza"
url = "{url}"
credential = "file:{secret}"
area = "pubblica"
"""
BROKER = """
[[broker]]
name = "prova"
host = "127.0.0.1"
port = {port}
"""


def seed(folder, cameras, *, until="2099-12-31"):
    """Return a seed with these cameras (id -> URL), all under one act."""
    secret = folder / "camera.secret"
    secret.write_text(LOGIN)
    secret.chmod(0o600)
    made = "".join(CAMERA.format(id=i, url=u, secret=secret) for i, u in cameras.items())
    ids = ", ".join(f'"{i}"' for i in cameras)
    return SEED.format(cameras=made, ids=ids, until=until)


class Child:
    """A third-party program that can be stopped, frozen and killed."""

    def __init__(self, command, *, ready=None):
        self.command = command
        self.ready = ready
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        if self.ready:
            line = self.process.stdout.readline()
            assert line.strip() == self.ready, f"{self.command[:3]}: {line!r}"
        return self

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None


@contextmanager
def running(child):
    child.start()
    try:
        yield child
    finally:
        child.kill()


@pytest.fixture(scope="session")
def long_footage(footage, program, tmp_path_factory):
    """Real footage repeated so that it lasts for the whole test; not transcoded."""
    made = tmp_path_factory.mktemp("footage") / "long.mp4"
    source = footage("motion/intel_car-detection.mp4")
    subprocess.run(
        [program("ffmpeg"), "-v", "error", "-stream_loop", "20", "-i", source, "-c", "copy", made],
        check=True,
        timeout=60,
    )
    return made


@contextmanager
def cameras(long_footage):
    """Start GStreamer cameras; yields a function from a port to a running Child."""
    started = []

    def start(port):
        python = "/usr/bin/python3"
        child = Child(
            [python, str(HERE / "gst_footage.py"), str(port), str(long_footage), LOGIN],
            ready="ready",
        )
        started.append(child)
        return child.start()

    try:
        yield start
    finally:
        for child in started:
            child.kill()


@pytest.fixture
def camera(long_footage):
    """Return a function from a port to a running GStreamer camera (Child)."""
    with cameras(long_footage) as start:
        yield start


@pytest.fixture
def broker(program, tmp_path):
    """A mosquitto on loopback with the configuration that we ship."""
    port = free_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    child = Child([program("mosquitto"), "-c", str(config)])
    with running(child):
        until(lambda: reads(port), 10, "mosquitto listens")
        child.port = port
        yield child


@pytest.fixture
def subscriber(program, broker, tmp_path):
    """A `mosquitto_sub` of the institute; returns a function that reads what it has got."""
    out = tmp_path / "institute.txt"
    with out.open("wb") as file:
        process = subprocess.Popen(
            [
                program("mosquitto_sub"),
                "-V",
                "5",
                "-p",
                str(broker.port),
                "-q",
                "1",
                "-t",
                "prova/istituto/#",
                "-F",
                "%t %p",
            ],
            stdout=file,
        )
    yield lambda: out.read_text().splitlines()
    process.kill()
    process.wait()


def python():
    return sys.executable


def which(name):
    return shutil.which(name)
