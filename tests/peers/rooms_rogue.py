# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A room that has been taken over: its real certificate and keys, and a will of its own.

Usage: python -m tests.peers.rooms_rogue HOST PORT STATE EDGE SHA256; STATE is the real room's state
directory, SHA256 the edge's certificate. Prints `{}` once it listens, then does what each JSON line
says, see `Rogue.do`.
"""

import asyncio
import base64
import json
import socket
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.lab.process import say
from gateway.model.access import Action, Purpose
from gateway.model.errors import PeerError, RefusedError
from gateway.model.registry import Edge, Role
from gateway.model.room import Assertion
from gateway.room.assertions import assertion_key
from gateway.room.authority import CA_FILE, SERVER_FILE
from gateway.room.reception import Reception, ReceptionParts
from gateway.runtime.clock import SystemClock
from gateway.runtime.sealed import server_context
from gateway.wire.assertion import sign
from gateway.wire.uplink import ALPN_LINE, ALPN_MEDIA

ROOM = "sala"
UP_S = 60.0
MINUTE_US = 60_000_000


class Rogue:
    """What it does to the edge."""

    def __init__(self, listener, state, edge, sha256):
        self.clock, self.edge = SystemClock(), edge
        self.key = assertion_key(state)
        public = self.key.public_key().public_bytes_raw()
        files = (state / SERVER_FILE, state / SERVER_FILE, state / CA_FILE)
        context = server_context(*files, [ALPN_LINE, ALPN_MEDIA])
        known = {edge: Edge(edge, edge, sha256, ("sala-pl",))}
        greeting = {
            "room": ROOM,
            "name": "Sala presa",
            "heartbeat_s": 90,
            "vkey": "",
            "assertion_key": base64.b64encode(public).decode(),
        }
        parts = ReceptionParts(
            listener=listener,
            context=lambda: context,
            edges=lambda: known,
            greeting=lambda: greeting,
            refused=self.refused,
            clock=self.clock,
        )
        self.up = asyncio.Event()
        self.reception = Reception(parts, {})
        self.reception.on_up.append(lambda _: self.up.set())
        self.token = ""

    async def refused(self, refusal):
        print("rogue refuses", refusal, file=sys.stderr)

    def assertion(self, told):
        now = self.clock.now().utc_us
        given = {
            "grant": "0192-rogue", "serial": 1, "room": ROOM, "edge": self.edge,
            "camera": "banco", "action": Action.LIVE, "actor": "operatore-sala-pl",
            "actor_name": "Qualcuno", "role": Role.PL_OPERATOR, "organisation": "sala-pl",
            "purpose": Purpose.SERVICE, "case": "OdS-1", "reason": "", "act": "patto-sala-pl",
            "origin": "varco/sala", "seq": 1,
            "issued_utc_us": now + told.pop("issued_in_us", 0),
        }  # fmt: skip
        given |= told
        given["expires_utc_us"] = given["issued_utc_us"] + MINUTE_US
        return Assertion(**given)

    async def do(self, order):
        """Do one thing; return `{"ok": …}` or `{"code": …}` of the refusal."""
        async with asyncio.timeout(UP_S):
            await self.up.wait()
        try:
            match order:
                case {"assert": told, "forged": True}:
                    token = sign(self.assertion(told), Ed25519PrivateKey.generate())
                    return await self.show(token)
                case {"assert": told}:
                    self.token = sign(self.assertion(told), self.key)
                    return await self.show(self.token)
                case {"again": _}:
                    return await self.show(self.token)
                case {"describe": path}:
                    return {"ok": await self.describe(path)}
                case {"release": grant}:
                    body = {"grant": grant, "reason": "viewer-left"}
                    return {"ok": self.reception.caller(self.edge).tell("release", body)}
        except RefusedError as error:
            return {"code": error.code}
        except PeerError as error:
            return {"problem": str(error)}

    async def show(self, token):
        reply = await self.reception.caller(self.edge).call("assert", {"assertion": token})
        return {"ok": reply.body["release"]}

    async def describe(self, path):
        """Ask for a stream on a connection of its own; return the first line of the answer."""
        sealed = await self.reception.media(self.edge)
        try:
            url = f"rtsp://{self.edge}.line.invalid/{path}"
            await sealed.write(f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
            async with asyncio.timeout(UP_S):
                return (await sealed.read()).split(b"\r\n")[0].decode()
        finally:
            sealed.close()


async def main(host, port, state, edge, sha256):
    """Serve until stdin ends."""
    listener = socket.create_server((host, int(port)))
    listener.setblocking(False)
    rogue = Rogue(listener, Path(state), edge, sha256)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(rogue.reception.run())
        say({})
        while line := await asyncio.to_thread(sys.stdin.readline):
            say(await rogue.do(json.loads(line)))
        running.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
