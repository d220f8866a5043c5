# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A gateway as its user starts it: one TOML file, one seed, one command."""

import os
import signal
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path

import httpx

from tests import varco_process
from tests.ports import free_port

PASSWORDS = {
    "operatore": "sala-prova-1234",
    "dpo": "dpo-prova-123456",
    "revisore": "revisore-prova-123456",
    "titolare": "titolare-prova-12",
    "installatore": "installatore-12",
}
START_S = 60.0
LEAST_S = 40.0
"""Nothing is given up sooner: a bound is for what never comes, not for a machine that is busy."""


def promised(seconds):
    """Return what a promise made for a machine with time is worth on this one, as busy as it is."""
    return seconds * max(1.0, os.getloadavg()[0] / os.cpu_count())


def until(look, bound_s=LEAST_S, what="condition"):
    """Poll until `look()` returns something true; fail after the bound, LEAST_S or more."""
    bound_s = max(bound_s, LEAST_S)
    ends = time.monotonic() + bound_s
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < ends, f"{what}: not within {bound_s} s"
        time.sleep(0.05)


class Daemon:
    """One box; use as a context manager."""

    def __init__(self, folder, seed, *, extra="", exercise=False):
        self.folder = Path(folder)
        self.port = free_port()
        self.media_port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = self.folder / "gateway.toml"
        self.state = self.folder / "state"
        self.log = self.folder / "gateway.log"
        (self.folder / "seed.toml").write_text(seed)
        self.config.write_text(f"""
[box]
id = "prova"
name = "Box di prova"
state_dir = "{self.state}"
runtime_dir = "{self.folder / "run"}"
exercise = {str(exercise).lower()}
[console]
port = {self.port}
monitors = ["127.0.0.1"]
[media]
port = {self.media_port}
[registry]
seed = "seed.toml"
[analytics]
workers = 1
{extra}
""")
        self.process = None
        self.clients = []

    def start(self):
        """Start and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = varco_process.start(
                "run", "--config", self.config, stdout=log, stderr=log
            )
        until(self.answers, START_S, "the gateway answers")
        return self

    def answers(self):
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).status_code in (200, 503)
        except httpx.HTTPError:
            return False

    def varco(self, *words, stdin=None, ok=True):
        """Run a `varco` command against this box."""
        done = varco_process.run(
            *words,
            stdin=stdin,
            environ=os.environ | {"LANG": "it_IT.UTF-8"},
            new_session=True,  # no terminal: passwords are read from stdin
        )
        assert not ok or done.returncode == 0, done.stdout + done.stderr
        return done

    def with_passwords(self, *users):
        for user in users or ("operatore", "dpo"):
            self.varco(
                "user", "password", user, "--stdin", "--config", str(self.config),
                stdin=PASSWORDS[user] + "\n",
            )  # fmt: skip
        return self

    def client(self, user=None):
        """Return an HTTP client, signed in if a user is named."""
        client = httpx.Client(base_url=self.url, timeout=LEAST_S)
        self.clients.append(client)
        if user:
            body = {"user": user, "password": PASSWORDS[user], "bearer": True}
            reply = client.post("/api/session", json=body)
            assert reply.status_code == 201, reply.text
            client.headers["Authorization"] = f"Bearer {reply.json()['token']}"
        return client

    def cameras(self, client):
        return {one["id"]: one for one in client.get("/api/cameras").json()}

    def metric(self, name):
        """Return a metric's value by its full sample name."""
        for line in httpx.get(f"{self.url}/metrics", timeout=LEAST_S).text.splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
        return None

    def stop(self, bound_s=LEAST_S):
        """Stop as the service manager does; return the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(bound_s)

    def kill(self):
        """Kill -9: the power button."""
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        for client in self.clients:
            client.close()
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def reads(path):
    """Return whether something listens on a port."""
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", path)) == 0
