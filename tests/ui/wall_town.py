# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A town whose cameras are pictures that say whose they are, sent by the real media process."""

import asyncio
import colorsys
import socket
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import av

from gateway.assembly.turn import IceServer
from gateway.assembly.viewing import Viewing
from gateway.console.app import build_app
from gateway.console.listener import bind_tcp, serve
from gateway.console.services import Endings
from gateway.model.media import AccessUnit, Codec, StreamKind, StreamState, StreamStatus
from gateway.model.registry import Act, ActScope
from gateway.relay.video.process import MediaOptions, open_media
from gateway.runtime.fanout import Fanout
from tests.ui.live import picture
from tests.ui.town import ROOM, SQUARE, Town
from tests.unit.assembly.exits import exits_of
from tests.whep_parts import COMMAND

FPS, GOP = 8, 8
TURN = "turn:127.0.0.1:9?transport=udp"
SIZES = {StreamKind.MAIN: (640, 360), StreamKind.SUB: (256, 144)}
PLACES = (
    "Lungofiume, passerella",
    "Stazione, binario 1",
    "Municipio, ingresso",
    "Parco Nord, giochi",
    "Via Roma, incrocio",
    "Biblioteca, cortile",
    "Mercato coperto",
)
CAMERAS = tuple(f"posto-{number}" for number in range(1, len(PLACES) + 1))
WALL = (SQUARE, "piazza-2", *CAMERAS)
"""Nine cameras that a room may look at."""


def colour(camera: str) -> tuple[int, int, int]:
    """Return the colour that a camera's pictures are painted with, RGB 0..255."""
    red, green, blue = colorsys.hsv_to_rgb(WALL.index(camera) / len(WALL), 0.9, 0.85)
    return round(red * 255), round(green * 255), round(blue * 255)


def _scene(camera: str, number: int, size: tuple[int, int]) -> av.VideoFrame:
    """Return a shop at night with a door in the camera's colour, and somebody who walks."""
    rgb = picture(number * 10 + 40 * WALL.index(camera))
    rgb[40:250, 20:110] = colour(camera)
    return av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(*size, format="yuv420p")


def encode(camera: str, kind: StreamKind) -> list[tuple[bytes, ...]]:
    """Return one group of pictures as NAL units: no B-frames, parameter sets inside."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height = SIZES[kind]
    context.pix_fmt, context.framerate, context.gop_size = "yuv420p", FPS, GOP
    context.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "profile": "baseline",
        "x264-params": "scenecut=0:repeat-headers=1",
    }
    coded = []
    for number in range(GOP):
        frame = _scene(camera, number, SIZES[kind])
        frame.pts = number
        for packet in context.encode(frame):
            parts = bytes(packet).replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
            coded.append(tuple(part for part in parts if part))
    return coded


class Post:
    """One camera with a large and a small stream."""

    def __init__(self, camera: str) -> None:
        self._fanouts = {kind: Fanout() for kind in StreamKind}
        self._coded = {kind: encode(camera, kind) for kind in StreamKind}
        self.is_sending = True

    def fanout(self, kind):
        return self._fanouts[kind]

    def rendition(self, kind):
        return kind

    def status(self, _kind=None):
        return StreamStatus(StreamState.LIVE, codec=Codec.H264)

    def publish(self, count, now):
        if not self.is_sending:
            return
        for kind, fanout in self._fanouts.items():
            nals = self._coded[kind][count % GOP]
            is_key = count % GOP == 0
            fanout.publish(AccessUnit(count * 90_000 // FPS, is_key, nals, now, now))


class Wire(asyncio.DatagramProtocol):
    """The network between the browsers and the media process; it can be cut."""

    def __init__(self) -> None:
        self.is_cut = False
        self.to_browsers: asyncio.DatagramTransport | None = None
        self._ends: dict[tuple[str, int], Far] = {}

    def connection_made(self, transport) -> None:
        self.to_browsers = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr not in self._ends:
            self._ends[addr] = far = Far(self, addr)
            far.socket.connect(("127.0.0.1", self.port))
            asyncio.get_running_loop().add_reader(far.socket, far.read)
        if not self.is_cut:
            self._ends[addr].send(data)

    @property
    def port(self) -> int:
        return self.to_browsers.get_extra_info("sockname")[1]

    def close(self) -> None:
        self.to_browsers.close()
        for far in self._ends.values():
            asyncio.get_running_loop().remove_reader(far.socket)
            far.socket.close()


class Far:
    """What the media process takes for one browser."""

    def __init__(self, wire: Wire, browser: tuple[str, int]) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._wire = wire
        self._browser = browser

    def send(self, data: bytes) -> None:
        with suppress(OSError):  # the media process may be away
            self.socket.send(data)

    def read(self) -> None:
        with suppress(OSError):
            data = self.socket.recv(2048)
            if not self._wire.is_cut:
                self._wire.to_browsers.sendto(data, self._browser)


class WallTown(Town):
    """The town with nine cameras, whose media are the product's own."""

    def __init__(self) -> None:
        super().__init__()
        known = self.registry
        more = {
            camera: replace(known.cameras[SQUARE], id=camera, name=name, device="", channel=0)
            for camera, name in zip(CAMERAS, PLACES, strict=True)
        }
        scope = ActScope((*WALL, "varco-nord", "scuola-1"), (ROOM,))
        act = known.acts["patto-2026"]
        acts: dict[str, Act] = {act.id: replace(act, scopes=(scope, *act.scopes[1:]))}
        self.registry = replace(known, cameras=known.cameras | more, acts=acts)
        self.streams |= dict.fromkeys((*CAMERAS, "piazza-2"), self.streams[SQUARE])
        self.posts = {camera: Post(camera) for camera in WALL}
        self.revoked: set[str] = set()
        """Cameras whose Grants hold no more."""
        self.ends = []
        self._count = 0

    @asynccontextmanager
    async def running(self, bound):
        """Serve on a socket, with cameras and a media process; everything ends together.

        Each time with a media process that knows nothing of what was, as after a restart.
        """
        endings = Endings()

        def ended(end):
            reason = "revoked" if end.reason == "grant-not-valid" else end.reason
            person = end.grant.request.actor.id
            self.ends.append((end.grant.camera, reason))
            for name in (end.session, f"{end.wall}/{end.mid}", end.wall):
                endings.note(name, person, reason)

        loop = asyncio.get_running_loop()
        _, self.wire = await loop.create_datagram_endpoint(Wire, ("127.0.0.2", 0))
        place = ("127.0.0.1", self.wire.port)
        options = MediaOptions(place, ("127.0.0.2",), COMMAND, tcp=False)
        async with (
            open_media(options, clock=self.clock, on_end=ended) as process,
            asyncio.TaskGroup() as tasks,
        ):
            exits = exits_of(self.posts.get, lambda: self.registry, self.clock)
            self.media = Viewing(process, self.posts.get, exits, self.clock)
            self.media.endings = endings
            is_valid = lambda grant: grant.camera not in self.revoked  # noqa: E731 - short
            work = (
                self._play(),
                process.keep(is_valid),
                self.media.keep(),
                serve(build_app(self.services()), sockets=[bound]),
            )
            running = [tasks.create_task(one) for one in work]
            try:
                yield
            finally:
                self.wire.close()
                for task in running:
                    task.cancel()

    async def _play(self):
        while True:
            now = self.clock.now()
            for post in self.posts.values():
                post.publish(self._count, now)
            self._count += 1
            await self.clock.sleep(1 / FPS)

    def services(self):
        """As any town, with a TURN server that nobody needs here."""
        return replace(super().services(), ice_servers=self)

    def issue(self):
        """Return it."""
        return (IceServer(TURN, "1:a", "b="),)

    async def cut(self) -> None:
        """Looks of this town end by `revoked`."""


def listening(port: int = 0):
    """Return a bound socket on loopback."""
    return bind_tcp("127.0.0.1", port)
