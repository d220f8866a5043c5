# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The exercise's other boxes: a pharmacy behind NAT, and a second room, the Questura's.

The pharmacy is a process like that of any installer: its gateway is enrolled with the words
`varco link join` and a code that each room gave. Where the machine lets us it sits in a namespace
behind real NAT (`gateway.simulator.nat`); elsewhere a wire on loopback stands in for its line.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Final, Protocol

import httpx

from gateway.assembly.exercise import Outcome
from gateway.model.errors import PeerError
from gateway.runtime.clock import Clock
from gateway.simulator.nat import House, open_house
from gateway.simulator.town import HOUSE_POLYGON, INTRUSION
from gateway.simulator.wire import Wire, open_wire

HOST: Final = "127.0.0.1"
EDGE: Final = "farmacia-porto"
EDGE_NAME: Final = "Farmacia del Porto"
CAMERA: Final = f"{EDGE}.porto"
"""As the rooms name it."""
CUT_S: Final = 15.0
COMMAND_S: Final = 60.0
_PORTS: Final = (18_443, 18_189, 18_554)
"""Console, media and camera in the house, whose loopback is its own."""
_KINDS: Final = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_STREAM)
PULLED: Final = Outcome(
    "La linea della Farmacia del Porto è staccata per 15 secondi, e dentro entra qualcuno. "
    "L'allarme resta al sicuro nella farmacia; quando la linea torna arriva qui e alla Questura, "
    "una volta sola, e l'immagine riprende da sola. Vedi «Collegamenti».",
    "The line of the pharmacy by the harbour is pulled for 15 seconds, and somebody enters there. "
    "The alarm is safe at the pharmacy; when the line is back it comes here and to the Questura, "
    "once only, and the picture goes on by itself. See “Lines”.",
)
AWAY: Final = Outcome(
    "La Farmacia del Porto non è in servizio.", "The pharmacy by the harbour is not running."
)


@dataclass(frozen=True, slots=True)
class Room:
    """One room that the pharmacy dials."""

    line: str
    """Name of the line at the pharmacy."""
    url: str
    """Of its console."""
    address: str
    """`host:port` by which the pharmacy reaches it."""
    user: str
    password: str = field(repr=False)
    organisations: tuple[str, ...]
    """Whose people may know of the pharmacy."""


class Street:
    """What lies between the rooms and the pharmacy; made by `open_street`."""

    def __init__(self, house: House | None, stack: AsyncExitStack) -> None:
        self._house = house
        self._stack = stack
        self._wires: list[Wire] = []
        self.address = house.town if house is not None else HOST
        """Where rooms listen for edges."""

    @property
    def is_real(self) -> bool:
        """Return whether there is a NAT."""
        return self._house is not None

    async def reach(self, port: int) -> str:
        """Return how the pharmacy reaches a port of the town, `host:port`."""
        if self._house is not None:
            return f"{self.address}:{port}"
        wire = await self._stack.enter_async_context(open_wire((HOST, port)))
        self._wires.append(wire)
        return f"{HOST}:{wire.port}"

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Have processes that are started meanwhile in the pharmacy."""
        with self._house.inside() if self._house is not None else nullcontext():
            yield

    async def pull(self) -> None:
        """Pull the pharmacy's line."""
        for wire in self._wires:
            wire.pull()
        if self._house is not None:
            await asyncio.to_thread(self._house.pull)

    async def plug(self) -> None:
        """Put it back."""
        for wire in self._wires:
            wire.plug()
        if self._house is not None:
            await asyncio.to_thread(self._house.plug)


@asynccontextmanager
async def open_street() -> AsyncIterator[Street]:
    """Open the way to the pharmacy: through NAT if this machine lets us, else over loopback."""
    async with AsyncExitStack() as stack:
        try:
            house = stack.enter_context(open_house())
        except PeerError:
            house = None
        yield Street(house, stack)


@dataclass(frozen=True, slots=True)
class Plot:
    """Where the pharmacy is built."""

    folder: Path
    cache: Path
    """Painted clips."""
    secret: Path
    """`user:password` of its camera."""
    days: tuple[str, str]
    """First and last day of its act."""


class Pharmacy:
    """The pharmacy's camera and gateway, two processes."""

    def __init__(self, plot: Plot, street: Street, clock: Clock) -> None:
        """Start nothing yet."""
        self._plot = plot
        self._street = street
        self._clock = clock
        self._camera: subprocess.Popen[bytes] | None = None
        self._box: subprocess.Popen[bytes] | None = None
        self._cutting = asyncio.Lock()
        self._tasks: asyncio.TaskGroup | None = None
        self.ready = asyncio.Event()
        """Set once its gateway runs, with all its lines enrolled, or could not be made to."""

    @property
    def config(self) -> Path:
        """Return its gateway's configuration."""
        return self._plot.folder / "gateway.toml"

    async def live(self, rooms: tuple[Room, ...]) -> None:
        """Move in and stay until cancelled; PeerError with what went wrong."""
        ports = _PORTS if self._street.is_real else tuple(free_ports(*_KINDS))
        for folder in (self._plot.folder, self._plot.folder / "state"):
            folder.mkdir(mode=0o700, exist_ok=True)
        await self._furnish(rooms, ports)
        try:
            self._camera = self._start("gateway.simulator.house", str(self._plot.cache),
                                       str(ports[2]), str(self._plot.secret))  # fmt: skip
            await asyncio.to_thread(_said_ready, self._camera)
            for room in rooms:
                await self._enrol(room)
            self._box = self._start("gateway", "run", "--config", str(self.config))
            self.ready.set()
            async with asyncio.TaskGroup() as self._tasks:
                await asyncio.to_thread(self._box.wait)
            raise PeerError(f"the gateway of {EDGE} ended: see {self._log}")
        finally:
            self.ready.set()
            await asyncio.shield(asyncio.to_thread(self._end))

    async def cut(self) -> Outcome:
        """Play the scene: pull the line, let somebody in, put it back after CUT_S."""
        if self._tasks is None or self._cutting.locked():
            return AWAY if self._tasks is None else PULLED
        self._tasks.create_task(self._cut())
        return PULLED

    async def _cut(self) -> None:
        async with self._cutting:
            await self._street.pull()
            try:
                self.intrude()
                await self._clock.sleep(CUT_S)
            finally:
                await asyncio.shield(self._street.plug())

    def intrude(self) -> None:
        """Let somebody into the pharmacy."""
        camera = self._camera
        if camera is not None and camera.stdin is not None and camera.poll() is None:
            camera.stdin.write(f"{INTRUSION}\n".encode())
            camera.stdin.flush()

    @property
    def _log(self) -> Path:
        return self._plot.folder / "gateway.log"

    def _start(self, module: str, *words: str) -> "subprocess.Popen[bytes]":
        """Start `python -m module words` in the pharmacy."""
        with self._street.inside(), self._log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own words
                [sys.executable, "-m", module, *words],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE if "house" in module else log,
                stderr=log,
            )  # fmt: skip

    def _end(self) -> None:
        """End both processes; their time to do so is bounded."""
        for process in (self._box, self._camera):
            if process is None:
                continue
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    async def _furnish(self, rooms: tuple[Room, ...], ports: tuple[int, ...]) -> None:
        """Write configuration and seed, as an installer does."""
        reach = {room.line: room.address for room in rooms}
        text = _configuration(self._plot.folder, ports, reach)
        words = {
            "@rtsp@": f"rtsp://{HOST}:{ports[2]}",
            "@credential@": f"file:{self._plot.secret}",
            "@polygon@": json.dumps([list(corner) for corner in HOUSE_POLYGON]),
            "@from@": self._plot.days[0],
            "@until@": self._plot.days[1],
        }
        seed = files("gateway.simulator").joinpath("porto.toml").read_text(encoding="utf-8")
        for mark, value in words.items():
            seed = seed.replace(mark, value)
        await asyncio.to_thread(write_anew, self.config, text)
        await asyncio.to_thread(write_anew, self._plot.folder / "seed.toml", seed)

    async def _enrol(self, room: Room) -> None:
        """Have the room invite us, and join with its code; PeerError if either says no."""
        code = await _invited(room)
        words = ("link", "join", "--as", room.line, "--config", str(self.config), code)

        def run() -> "subprocess.CompletedProcess[str]":
            with self._street.inside():
                return subprocess.run(  # noqa: S603 - our own words
                    [sys.executable, "-m", "gateway", *words], capture_output=True, text=True,
                    check=False, timeout=COMMAND_S,
                )  # fmt: skip

        done = await asyncio.to_thread(run)
        if done.returncode:
            raise PeerError(f"{EDGE}: varco link join: {done.stdout}{done.stderr}")


async def _invited(room: Room) -> str:
    """Return the code of an invitation, asked for in a named person's name."""
    try:
        async with httpx.AsyncClient(base_url=room.url, timeout=20.0) as client:
            login = {"user": room.user, "password": room.password, "bearer": True}
            session = await client.post("/api/session", json=login)
            session.raise_for_status()
            wish = {"edge": EDGE, "name": EDGE_NAME, "organisations": list(room.organisations)}
            headers = {"Authorization": f"Bearer {session.json()['token']}"}
            made = await client.post("/api/lines/invitations", json=wish, headers=headers)
            made.raise_for_status()
    except httpx.HTTPError as error:
        raise PeerError(f"{room.url}: {error}") from error
    return str(made.json()["code"])


def _said_ready(process: "subprocess.Popen[bytes]") -> None:
    line = process.stdout.readline() if process.stdout is not None else b""
    if line.strip() != b"ready":
        raise PeerError(f"the camera of {EDGE} did not start")


class QuesturaPorts(Protocol):
    """Ports of the second room."""

    @property
    def questura(self) -> int:
        """Console."""
        ...

    @property
    def questura_lines(self) -> int:
        """Where edges dial."""
        ...

    @property
    def questura_media(self) -> int:
        """UDP."""
        ...


def questura_configuration(folder: Path, ports: QuesturaPorts, address: str) -> str:
    """Return the second room's `gateway.toml`; edges dial it at `address`."""
    return f"""
[box]
id = "questura"
name = "Questura"
state_dir = "{folder / "state"}"
runtime_dir = "{folder / "run"}"
exercise = true
[console]
port = {ports.questura}
[media]
port = {ports.questura_media}
[room]
name = "Sala operativa della Questura"
host = "{address}"
port = {ports.questura_lines}
addresses = ["{address}:{ports.questura_lines}"]
[registry]
seed = "seed.toml"
[analytics]
workers = 1
[log]
level = "warning"
"""


def _configuration(folder: Path, ports: tuple[int, ...], reach: Mapping[str, str]) -> str:
    uplinks = "".join(
        f'[[uplink]]\nname = "{line}"\nrecipient = "{line}"\naddresses = ["{address}"]\n'
        for line, address in reach.items()
    )
    return f"""
[box]
id = "{EDGE}"
name = "{EDGE_NAME}"
state_dir = "{folder / "state"}"
runtime_dir = "{folder / "run"}"
exercise = true
[console]
port = {ports[0]}
[media]
port = {ports[1]}
{uplinks}[registry]
seed = "seed.toml"
[analytics]
workers = 1
[ring]
most_seconds = 15
[log]
level = "warning"
"""


def write_anew(path: Path, text: str) -> None:
    """Write a file that only we may read, whatever stood there."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)


def free_ports(*kinds: socket.SocketKind) -> list[int]:
    """Return as many different ports of this machine that are free now."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket(socket.AF_INET, kind)) for kind in kinds]
        for probe in probes:
            probe.bind((HOST, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
