# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A room and two edges behind NAT, each a gateway as its user starts it, with cameras and people.

`negozio` hangs on a link that can be cut and shows two cameras to the Polizia Locale; `farmacia` is
on a wire and shows one to the Questura. A third camera of `negozio` stays in the house.
"""

import asyncio
import contextlib
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from benchmarks.lab.boxes import CONSOLE, PASSWORD, GatewayBox, until
from benchmarks.lab.interconnection import (
    INVITER,
    View,
    edge_config,
    edge_seed,
    enrol,
    room_config,
    room_seed,
)
from benchmarks.lab.link import Terms
from benchmarks.lab.network import ROOM_ADDRESS
from gateway.model.errors import PeerError
from gateway.simulator.whep_viewer import WhepViewer
from tests.peers.net_lab import net_lab
from tests.peers.rooms_camera import MOST_DIFFERENCE, difference, light_of

PL, PS = "sala-pl", "questura"
LOCAL, STATE = f"operatore-{PL}", f"operatore-{PS}"
"""Operators of the two organisations."""
WHY = "purpose=servizio&case=OdS-1"
ROGUES = {"presa": 8446, "falsa": 8447, "scaduta": 8448}
"""Lines of `negozio` to a room that was taken over, to a forged one, and to an expired one."""
LIVE_S = 60.0
DARK_S = 2.0
"""What is promised; asserted with what a loaded machine adds."""
SLACK_S = 3.0
CAMERAS = {"negozio": ("banco", "vetrina", "retro"), "farmacia": ("cassa",)}
SHOWN = {"negozio": ("banco", "vetrina"), "farmacia": ("cassa",)}
TO = {"negozio": PL, "farmacia": PS}


class Edge:
    """One house."""

    def __init__(self, name, house, box, cameras):
        self.name, self.house, self.box, self._cameras = name, house, box, cameras

    def visit(self, *cameras):
        """Have somebody walk through these cameras' views for three seconds."""
        for camera in cameras:
            self._cameras.ask(camera)

    def light(self, camera):
        return light_of(CAMERAS[self.name].index(camera))


class Town:
    """Everything that runs."""

    def __init__(self, lab, folder):
        self.lab, self.folder = lab, folder
        self.room = self.rogue = None
        self.edges = {}

    def build(self, stack):
        houses = {
            name: self.lab.house(name, Terms() if name == "negozio" else None) for name in CAMERAS
        }
        cameras = {
            name: house.edge.child("tests.peers.rooms_camera", *CAMERAS[name])
            for name, house in houses.items()
        }
        for child in cameras.values():
            stack.callback(child.kill)
        known = {edge: [TO[edge]] for edge in CAMERAS}
        seed = room_seed([PL, PS], known)
        self.room = GatewayBox(self.lab.room, self.folder / "sala", seed, room_config())
        self.room.found(LOCAL, STATE, "dpo", "revisore", INVITER)
        stack.enter_context(self.room).start(wait=False)
        for name, house in houses.items():
            self.edges[name] = self._edge(name, house, cameras[name])
        self.room.wait()
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(lambda one: enrol(self.room, one.box, "sala"), self.edges.values()))
        self.rogue = self._rogue(self.edges["negozio"], stack)
        for edge in self.edges.values():
            stack.enter_context(edge.box).start(wait=False)
        for edge in self.edges.values():
            edge.box.wait()
        for name, shown in SHOWN.items():
            self.until_offered(name, shown)

    def _edge(self, name, house, cameras):
        """Write what a gateway needs; it does not run yet."""
        port = cameras.read()["port"]
        views = [
            View(one, f"rtsp://127.0.0.1:{port}/{one}", (TO[name],) if one in SHOWN[name] else ())
            for one in CAMERAS[name]
        ]
        seed = edge_seed(name, views, {TO[name]: "sala"})
        config = edge_config(name, {"sala": TO[name]})
        for line, port in ROGUES.items() if name == "negozio" else ():
            config += f"""
[[uplink]]
name = "{line}"
recipient = "{TO[name]}"
addresses = ["{ROOM_ADDRESS}:{port}"]
"""
        box = GatewayBox(house.edge, self.folder / name, seed, config)
        box.found("titolare", "revisore")
        return Edge(name, house, box, cameras)

    def _rogue(self, edge, stack):
        """Start the room that was taken over, which the edge trusts as the real one; and others."""
        lines = edge.box.state / "lines"
        for line in ROGUES:
            shutil.copytree(lines / "sala", lines / line)
        pem = x509.load_pem_x509_certificate((lines / "sala" / "line.pem").read_bytes())
        sha256 = pem.fingerprint(hashes.SHA256()).hex()
        state = str(self.room.state)
        made = [
            self.room.place.child(f"tests.peers.{name}", ROOM_ADDRESS, *words)
            for name, words in (
                ("rooms_rogue", (str(ROGUES["presa"]), state, edge.name, sha256)),
                ("rooms_forged", (str(ROGUES["falsa"]), state)),
            )
        ]
        for child in made:
            stack.callback(child.kill)
            child.read()
        return made[0]

    def rogue_does(self, order):
        """Have the room that was taken over do something; return what the edge answers."""
        return self.rogue.ask(json.dumps(order))

    def until_offered(self, edge, cameras):
        """Wait until the room shows these cameras of an edge as live to those who may know."""
        names = {f"{edge}.{one}" for one in cameras}
        with self.room.client(f"operatore-{TO[edge]}") as client:

            def live():
                found = {one["id"]: one["state"] for one in client.get("/api/cameras").json()}
                return all(found.get(name) in {"live", "idle"} for name in names)

            until(live, LIVE_S, f"{edge} offers {sorted(cameras)}")


@contextmanager
def town(folder):
    """Build everything; it goes away at the end. Its logs are printed if something fails."""
    with net_lab() as lab, ExitStack() as stack:
        made = Town(lab, Path(folder))
        try:
            made.build(stack)
            yield made
        except BaseException:
            for box in (made.room, *(edge.box for edge in made.edges.values())):
                if box is not None:
                    print(f"--- {box.folder.name}\n{box.tail()}")
            raise


def entries(box, event="", *, user="revisore"):
    """Return the ledger of a box, or the entries of one kind."""
    with box.client(user) as client:
        found, after = [], -1
        while True:
            params = {"after": after, "limit": 500, "aim": "verifica-liceita"}
            reply = client.get("/api/ledger", params=params)
            assert reply.status_code == 200, reply.text
            rows = reply.json()["entries"]
            found += rows
            if len(rows) < 500:
                break
            after = rows[-1]["seq"]
    return [one for one in found if event in ("", one["event"])]


def until_entry(box, event, condition=lambda _: True, bound_s=LIVE_S):
    """Wait for an entry; return it."""

    def look():
        return [one for one in entries(box, event) if condition(one)]

    return until(look, bound_s, f"{event} in the ledger of {box.folder.name}", 0.3)[-1]


def alarms(box, user):
    """Return the alarms that somebody is shown."""
    with box.client(user) as client:
        return client.get("/api/alarms").json()


@contextlib.asynccontextmanager
async def looking(box, user, camera, why=WHY, small=False):
    """A decoding viewer at a box; the thread has to be in the box's namespace."""
    base = f"http://127.0.0.1:{CONSOLE}"
    async with httpx.AsyncClient(base_url=base, timeout=30) as client:
        body = {"user": user, "password": PASSWORD, "bearer": True}
        reply = await client.post("/api/session", json=body)
        assert reply.status_code == 201, reply.text
        client.headers["Authorization"] = f"Bearer {reply.json()['token']}"
        path = f"/whep/{camera}?{why}" + ("&stream=sub" if small else "")
        async with WhepViewer(client, path) as viewer:
            yield viewer


async def numbers(viewer, light, count, within_s=30.0):
    """Return the numbers of the next pictures; each must be the camera's, pixel for pixel."""
    found = []
    for _ in range(count):
        seen = difference((await viewer.picture(within_s)).luma, light)
        assert seen is not None, "a picture without a number"
        number, error = seen
        assert error < MOST_DIFFERENCE, f"picture {number} differs by {error:.1f}"
        found.append(number)
    return found


def in_thread(box, run):
    """Run a coroutine function in the box's namespace, beside whatever loop this thread has."""

    def inside():
        with box.place.inside():
            return asyncio.run(run())

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(inside).result()


def look(box, user, camera, light, count=30, **how):
    """Look at a camera; return the numbers of the pictures."""

    async def run():
        async with looking(box, user, camera, **how) as viewer:
            return await numbers(viewer, light, count)

    return in_thread(box, run)


def dark_after(box, user, camera, light, do):
    """Look, call `do`; return the seconds from its return to the last picture."""

    async def run():
        loop = asyncio.get_running_loop()
        async with contextlib.AsyncExitStack() as stack:
            viewer = await stack.enter_async_context(looking(box, user, camera))
            await numbers(viewer, light, 10)
            done_s = await loop.run_in_executor(None, lambda: (do(), loop.time())[1])
            last_s = done_s
            with pytest.raises(PeerError):
                while loop.time() < done_s + 20:
                    await viewer.picture(4.0)
                    last_s = loop.time()
        return last_s - done_s

    return in_thread(box, run)
