# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""mosquitto exactly as shipped in configs/mosquitto: only port, user and paths are others."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from gateway.relay.alarms.mqtt import BrokerOptions, MqttBroker
from gateway.relay.alarms.mqtt_tls import TlsOptions
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "configs" / "mosquitto"


class SecureMosquitto:
    """A broker with TLS, client certificates and dynamic security."""

    def __init__(self, binary, folder, authority, *, stem="broker", **changes):
        """`changes`: other values of lines, by their first word."""
        self.port = free_port()
        self.folder = folder
        self.authority = authority
        self._binary = binary
        self._process = None
        store = folder / f"store-{stem}"
        store.mkdir()
        self._rights = store / "dynamic-security.json"
        self._log = folder / f"mosquitto-{stem}.log"
        text = (SHIPPED / "mosquitto.conf").read_text()
        for old, new in (
            ("/var/lib/mosquitto/", f"{store}/"),
            ("/etc/mosquitto/broker.", f"{folder}/{stem}."),
            ("/etc/mosquitto/", f"{folder}/"),
            ("listener 8883", f"listener {self.port} 127.0.0.1"),
        ):
            assert old in text, old
            text = text.replace(old, new)
        for name, value in changes.items():
            (line,) = [one for one in text.splitlines() if one.startswith(f"{name} ")]
            text = text.replace(line, f"{name} {value}")
        user = "user root\n" if os.geteuid() == 0 else ""
        self._config = folder / f"mosquitto-{stem}.conf"
        self._config.write_text(user + text)

    def start(self, *who):
        """Give rights with the shipped script, and listen."""
        made = subprocess.run(
            [sys.executable, SHIPPED / "make_dynsec.py", *who], check=True, capture_output=True
        )
        self._rights.write_bytes(made.stdout)
        self._rights.chmod(0o600)
        return self.listen()

    def listen(self):
        """Start, or start again after `kill`."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary, "-c", self._config], stdout=log, stderr=log
            )
        end = time.monotonic() + 30
        while not self._answers():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < end, "mosquitto does not listen"
            time.sleep(0.02)  # before any loop runs
        return self

    def _answers(self):
        try:
            with closing(socket.create_connection(("127.0.0.1", self.port), 0.2)):
                return True
        except OSError:
            return False

    def kill(self):
        self._process.kill()
        self._process.wait()

    def freeze(self):
        """Let it be there and say nothing, as a machine that hangs."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self._process.send_signal(signal.SIGCONT)

    def close(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def options(self, who, *, ca="ca", **changes):
        """Return how `who`, by the stem of a certificate, reaches it."""
        mine = (self.folder / f"{who}.pem", self.folder / f"{who}.key") if who else (None, None)
        tls = TlsOptions(self.folder / f"{ca}.pem", *mine)
        values = {"name": "prova", "host": "localhost", "port": self.port, "tls": tls}
        return BrokerOptions(**(values | {"client_id": who or "x"} | changes))

    def broker(self, who, **changes):
        return MqttBroker(self.options(who, **changes))
