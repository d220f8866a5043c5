# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Telling the service manager how we are (sd_notify(3)); silent where there is none."""

import socket
from collections.abc import Mapping


class Notifier:
    """Sends states to $NOTIFY_SOCKET; a lost message is not an error."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Read NOTIFY_SOCKET and WATCHDOG_USEC from `environment`."""
        path = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        microseconds = environment.get("WATCHDOG_USEC", "0")
        self.watchdog_s = int(microseconds) / 1_000_000 if microseconds.isdigit() else 0.0
        """Bound within which the watchdog wants a ping; 0: none."""

    def ready(self, status: str) -> None:
        """Say that start-up is over."""
        self._send(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        """Show one line in the service manager's status."""
        self._send(f"STATUS={status}")

    def reloading(self, monotonic_us: int) -> None:
        """Say that the configuration is being read again; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic_us}")

    def watchdog(self) -> None:
        """Ping the watchdog."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that shut-down began."""
        self._send("STOPPING=1")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link:
            link.setblocking(False)  # a full or missing socket must not hold the daemon
            try:
                link.sendto(state.encode(), self._address)
            except OSError:
                return
