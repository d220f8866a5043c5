# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The door for recording programs: RTSP over TCP, or RTSPS; one task for each connection.

Who they are and what they may see is decided by whoever makes their `Terms`.
"""

import asyncio
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from gateway.model.errors import PeerError
from gateway.relay.video.outlet import PlainPipe
from gateway.relay.video.rtsp_server import Served, Terms, TwoWayPipe
from gateway.runtime.clock import Clock
from gateway.runtime.sealed import Sealed, settle

log = logging.getLogger(__name__)

HANDSHAKE_S = 5.0
MOST_CONNECTIONS = 128
"""Cameras that recorders read at a time."""
MOST_PER_ADDRESS = 96
BACKLOG = 64
FULL_S = 1.0
"""So long nobody is let in after the system had no descriptor left."""


@dataclass(frozen=True, slots=True)
class RecorderDoor:
    """Where they knock."""

    listening: socket.socket
    """Bound and listening, non-blocking; closed by whoever made it."""
    tls: ssl.SSLContext | None
    """None: in clear, on loopback or inside a tunnel."""
    terms: Callable[[str], Terms]
    """Makes the terms of one connection, by the address that it comes from."""
    clock: Clock


class Recorders:
    """Serves everybody who comes, until cancelled."""

    def __init__(self, door: RecorderDoor) -> None:
        self._door = door
        self._here: Counter[str] = Counter()
        """Connections by where they come from, those included that still shake hands."""

    def __len__(self) -> int:
        """Return how many connections stand."""
        return self._here.total()

    async def run(self) -> NoReturn:
        """Accept and serve; one connection's end is no other's."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    sock, where = await loop.sock_accept(self._door.listening)
                except OSError as error:
                    log.warning("recorder-not-accepted", extra={"problem": error.strerror or ""})
                    await self._door.clock.sleep(FULL_S)
                    continue
                tasks.create_task(self._serve(sock, str(where[0])), name="recorder")

    async def _serve(self, sock: socket.socket, address: str) -> None:
        """Serve one connection to its end, if there is room for it."""
        if len(self) >= MOST_CONNECTIONS or self._here[address] >= MOST_PER_ADDRESS:
            log.warning("recorders-full", extra={"address": address})
            sock.close()
            return
        self._here[address] += 1
        try:
            pipe = await self._shaken(sock)
            await Served(pipe, self._door.terms(address)).run()
        except PeerError as error:
            log.info("recorder-refused", extra={"address": address, "problem": str(error)})
        finally:
            self._here[address] -= 1
            self._here += Counter()  # forgets who has none

    async def _shaken(self, sock: socket.socket) -> TwoWayPipe:
        """Return the connection, after its handshake if the door is RTSPS."""
        tls = self._door.tls
        if tls is not None:
            return await Sealed.accept(sock, tls, within_s=HANDSHAKE_S)
        try:
            settle(sock)
        except OSError as error:
            sock.close()
            raise PeerError(f"gone: {error.strerror}") from None
        return PlainPipe(sock)
