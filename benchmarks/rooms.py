# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What it costs to look at cameras behind NAT, and how soon one sees them.

Real gateways in network namespaces: edges behind masquerading routers, one room, viewers with real
ICE and DTLS. Each picture bears its number, so that its age is read out of the decoded pixels. The
mobile link delays 60±20 ms each way, loses 2 % of the packets and carries 4 Mbit/s.
"""

import copy
import json
import signal
import sys
import tempfile
import time
import traceback
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.lab import counted, pictures
from benchmarks.lab.boxes import CONSOLE, START_S, BoxError, GatewayBox, until
from benchmarks.lab.figures import (
    Figure,
    Report,
    median,
    parser,
    percentile,
    plan_of,
    rounded,
    written,
)
from benchmarks.lab.interconnection import (
    ROOM,
    ROOM_PORT,
    View,
    edge_config,
    edge_seed,
    enrol_before,
    room_config,
    room_seed,
)
from benchmarks.lab.link import Terms
from benchmarks.lab.network import Carrier, House, Kernels, Lab, LabError, lab
from benchmarks.lab.process import ChildError, cpu_ms, cpu_parts_ms
from benchmarks.lab.soaking import Sample, Soak, soak
from gateway.relay.video.sender import ALONE_S

OPERATORS = 20
ORGANISATION = "sala-pl"
USER = f"operatore-{ORGANISATION}"
LTE = Terms(delay_ms=60, jitter_ms=20, loss=0.02, rate_kbps=4000, queue_ms=300)
YOUNG_S = 0.25
"""A first picture counts once it is younger than this, and the link's delay."""
LIVE_S = 60.0
WHY = "purpose=servizio&case=OdS-1"
CUT_RULE = "linea-interrotta"
PARTS = ("looks", "operators", "toll", "mobile", "cuts", "soak", "crowd")
"""In this order; `soak` alone only where it is asked for."""
SOAK_MIN = 30.0
TOGETHER = 4
"""Gateways that start at a time: twenty at once would each take longer than any is waited for."""
BEGUN_S = ALONE_S + 1.0
"""So long after it was opened a stream is as it will be for hours: pictures go in pairs."""
SETTLE_S = 0.2
"""After the receiving threads came or went, which empties the interfaces' queues."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much is measured for how long; seconds."""

    rounds: int
    window_s: float
    looks: int
    """Cold ones, and as many warm ones."""
    edges: int
    """Of many; in a quick run beside the one that is measured in depth, else on their own."""
    cameras: int
    """Of each of these edges."""
    mobile_s: float
    cuts: int
    small: bool
    """Also with every small stream of many edges."""
    cut_s: float = 15.0
    beside: bool = False
    """Many edges are there while one is measured in depth."""
    soak_min: float = 0.0
    """Minutes of one stream over the mobile link in one piece."""


QUICK = Load(
    rounds=1, window_s=3.0, looks=3, edges=1, cameras=4, mobile_s=6.0, cuts=1, small=False,
    cut_s=11.0, beside=True,
)  # fmt: skip
FULL = Load(
    rounds=5, window_s=15.0, looks=10, edges=20, cameras=4, mobile_s=300.0, cuts=3, small=True
)


@dataclass(slots=True)
class Found:
    """Everything that was measured."""

    stream_kbps: float = 0.0
    uplink_ratio: list[float] = field(default_factory=list)
    edge_cpu_ms: list[float] = field(default_factory=list)
    """With the edge's kernel apart from the router's: its process and its receiving thread."""
    edge_own_ms: list[float] = field(default_factory=list)
    """Of these, in its own code."""
    edge_receiving_ms: list[float] = field(default_factory=list)
    """Of these, in the kernel's thread that receives for it."""
    edge_one_kernel_ms: list[float] = field(default_factory=list)
    """Its process while router and link run in its sends."""
    router_ms: list[float] = field(default_factory=list)
    """The router's forwarding, masquerading and handing over, in a thread of its own."""
    least_share: float | None = None
    """Packets that the worst viewer got, of those that the median one got."""
    cold: list[tuple[float, float]] = field(default_factory=list)
    """Seconds to the first picture, and to the first young one."""
    warm: list[tuple[float, float]] = field(default_factory=list)
    held: list[tuple[float, float]] = field(default_factory=list)
    """Of a stream that somebody in the room looks at already."""
    edges: int = 0
    streams: int = 0
    room_cpu_cores: dict[str, float] = field(default_factory=dict)
    """By rendition."""
    room_rss_mb: dict[str, float] = field(default_factory=dict)
    dark: dict[str, int] = field(default_factory=dict)
    """Viewers that got nothing while the room was measured."""
    refused: list[str] = field(default_factory=list)
    """What the viewers said that could not begin."""
    edge_rss_mb: float | None = None
    delays_s: list[float] = field(default_factory=list)
    growth_s: float | None = None
    """Median age of the last third less that of the first."""
    seen_share: float | None = None
    """Pictures that were shown, of those that were taken."""
    back_s: list[float] = field(default_factory=list)
    lost: int = 0
    """Cuts after which no picture came back."""
    noticed_s: list[float] = field(default_factory=list)
    cuts: int = 0
    soak: Soak | None = None
    part_s: dict[str, float] = field(default_factory=dict)
    """How long each part took."""
    skipped: list[str] = field(default_factory=list)


class Edge:
    """A house with cameras and a gateway."""

    def __init__(
        self, named: tuple[str, Sequence[str]], house: House, box: GatewayBox, began_s: float
    ) -> None:
        (self.name, self.cameras), self.house = named, house
        self.box, self.began_s = box, began_s


class ViewerError(Exception):
    """The viewers could not do what was asked; they answer the next order."""


class Room:
    """The room's gateway and its viewers' process."""

    def __init__(self, box: GatewayBox, stack: ExitStack) -> None:
        self.box = box
        self._client = stack.enter_context(box.client(USER))
        self.viewers = box.place.child("benchmarks.lab.viewers")
        stack.callback(self._end_viewers)
        self._introduce()

    def _introduce(self) -> None:
        token = self._client.headers["Authorization"].split()[1]
        url = f"http://127.0.0.1:{CONSOLE}"
        self.ask({"url": url, "token": token, "address": "127.0.0.1"})

    def _end_viewers(self) -> None:
        self.viewers.kill()

    def renew(self) -> None:
        """Have other viewers: these may be in the middle of something that failed."""
        self._end_viewers()
        self.viewers = self.box.place.child("benchmarks.lab.viewers")
        self._introduce()

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """Have the viewers do something; ViewerError with their words if they cannot."""
        answer = self.viewers.ask(json.dumps(order), 120.0)
        if "error" in answer:
            raise ViewerError(f"viewers: {answer['error']}")
        return answer

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return what the console answers."""
        with self.box.place.inside():
            return self._client.get(path).json()

    def cameras(self) -> dict[str, dict[str, Any]]:
        """Return the cameras that the operator knows."""
        return {one["id"]: one for one in self.get("/api/cameras")}

    def line_alarms(self) -> set[str]:
        """Return the alarms of lines that broke and stand as open."""
        found = self.get("/api/alarms")
        return {one["id"] for one in found if one["rule"] == CUT_RULE and not one["ended"]}


def path_of(edge: str, camera: str, *, small: bool = False) -> str:
    """Return the WHEP endpoint of an edge's camera at the room."""
    stream = "sub" if small else "main"  # pinned: the choice by the line would carry both
    return f"/whep/{edge}.{camera}?{WHY}&stream={stream}"


def main() -> int:
    """Measure, print, write."""
    options = _parser().parse_args()
    plan = plan_of(options)
    load, wanted = asked_for(options)
    found = Found()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="varco-rooms-") as name:
            measure(Path(name), load, found, wanted)
    except KeyboardInterrupt:
        found.skipped.append("what follows: interrupted")
    report(Report("rooms", plan, load.rounds), load, found)
    return 0


def _parser() -> ArgumentParser:
    made = parser("rooms", __doc__)
    made.add_argument("--parts", nargs="+", choices=PARTS, help="measure only these")
    made.add_argument(
        "--soak", type=float, metavar="MINUTES", default=0.0,
        help="also one stream over the mobile link for so long: whether anything grows",
    )  # fmt: skip
    made.add_argument("--edges", type=int, metavar="N", help="of many, instead of 1 or 20")
    made.add_argument("--rounds", type=int, metavar="N", help="instead of 1 or 5")
    made.add_argument("--mobile", type=float, metavar="S", help="of the mobile link, before cuts")
    return made


def asked_for(options: Namespace) -> tuple[Load, list[str]]:
    """Return how much is measured, and which parts."""
    load = QUICK if options.quick else FULL
    for name, value in (
        ("edges", options.edges),
        ("rounds", options.rounds),
        ("mobile_s", options.mobile),
    ):
        load = load if value is None else replace(load, **{name: value})
    minutes = options.soak or (SOAK_MIN if "soak" in (options.parts or ()) else 0.0)
    wanted = [one for one in PARTS if one in (options.parts or PARTS) and one != "soak"]
    if minutes:
        wanted = [one for one in PARTS if one in (*wanted, "soak")]
    return replace(load, soak_min=minutes), wanted


def measure(folder: Path, load: Load, found: Found, wanted: Sequence[str]) -> None:
    """Measure one edge in depth, then many; what cannot be measured is said, and the next is."""
    found.skipped += [f"{one}: not asked for" for one in PARTS if one not in wanted]
    apart = [] if load.beside else [one for one in wanted if one == "crowd"]
    deep = [one for one in wanted if one not in apart]
    film = folder / "film"
    film.mkdir()
    if not attempt("the film", partial(_make_film, film, found), found):
        found.skipped += [f"{one}: without the film" for one in wanted]
        return
    for name, parts in (("one edge and the room", deep), (f"{load.edges} edges", apart)):
        if parts:
            left = list(parts)
            built = partial(in_depth, folder / parts[-1], load, found, left)
            if not attempt(name, built, found, is_whole=False) and left:
                found.skipped += [f"{one}: {name} failed" for one in left]


def _make_film(film: Path, found: Found) -> None:
    counted.make(film)
    found.stream_kbps = counted.kbps(film / "main")


def in_depth(folder: Path, load: Load, found: Found, left: list[str]) -> None:
    """Build what these parts need and measure one after the other; `left` loses what was tried."""
    cameras: dict[str, Sequence[str]] = {}
    if left != ["crowd"]:
        cameras["uno"] = views(load)
    if "crowd" in left:
        cameras |= many(load)
    terms = Terms() if "uno" in cameras else None
    with lab() as made, ExitStack() as stack:
        room, edges = build(made, folder, cameras, stack, terms)
        while left:
            part = partial(MEASURES[left[0]], room, edges, load, found)
            if not attempt(left.pop(0), part, found):
                recover(room, edges[0], found)


def attempt(name: str, part: Callable[[], None], found: Found, *, is_whole: bool = True) -> bool:
    """Do one part and note how long it took; if it fails say so, and keep nothing of half of it.

    Without `is_whole` what it had measured before it failed stays: its parts are whole.
    """
    kept = copy.deepcopy(found) if is_whole else found
    began_s = time.monotonic()
    tell(name)
    try:
        part()
    except BaseException as error:
        for one in fields(found):
            setattr(found, one.name, getattr(kept, one.name))
        if not isinstance(error, Exception):
            found.skipped.append(f"{name}: interrupted")
            raise
        traceback.print_exc()
        found.skipped.append(f"{name}: {_short(error)}")
        return False
    finally:
        found.part_s[name] = time.monotonic() - began_s
        tell(f"{name}: {found.part_s[name]:.0f} s")
    return True


def _short(error: Exception) -> str:
    """Return the first line of what went wrong, and of what kind it is."""
    words = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {words}"[:300]


def recover(room: Room, edge: Edge, found: Found) -> None:
    """After a part that failed: a link without faults and other viewers, for the next part."""
    try:
        if edge.house.carrier is not None:
            edge.house.carrier.change(Terms())
        room.renew()
    except (ChildError, ViewerError, OSError) as error:
        found.skipped.append(f"what follows stands on a room that is not as it was: {error}")


def tell(what: str) -> None:
    """Say what is being measured, on standard error."""
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def views(load: Load) -> list[str]:
    """Return the cameras of the edge that is measured in depth."""
    return [f"{kind}-{n}" for kind in ("cold", "warm") for n in range(load.looks)]


def many(load: Load) -> dict[str, list[str]]:
    """Return the cameras of many edges; in a quick run they rest until they are looked at."""
    kind = "cold" if load.beside else "c"
    return {f"casa-{n}": [f"{kind}{k}" for k in range(load.cameras)] for n in range(load.edges)}


def build(
    made: Lab,
    folder: Path,
    cameras: Mapping[str, Sequence[str]],
    stack: ExitStack,
    terms: Terms | None = None,
) -> tuple[Room, list[Edge]]:
    """Start a room and edges with these cameras; all of them are known to the room on return."""
    seed = room_seed([ORGANISATION], {one: [ORGANISATION] for one in cameras})
    box = stack.enter_context(GatewayBox(made.room, folder / ROOM, seed, room_config()))
    box.found(USER)
    edges = [open_edge(made, folder, one, stack, terms) for one in cameras.items()]
    enrol_before(box, [edge.box for edge in edges], ROOM)
    box.start()
    for first in range(0, len(edges), TOGETHER):
        some = edges[first : first + TOGETHER]
        for edge in some:
            edge.box.start(wait=False)
        for edge in some:
            edge.box.wait()
        if len(edges) > TOGETHER:
            tell(f"{first + len(some)} of {len(edges)} gateways answer")
    room = Room(box, stack)
    count = sum(map(len, cameras.values()))
    until(lambda: len(room.cameras()) >= count, START_S, f"{count} cameras at the room")
    return room, edges


def open_edge(
    made: Lab,
    folder: Path,
    named: tuple[str, Sequence[str]],
    stack: ExitStack,
    terms: Terms | None,
) -> Edge:
    """Build a house with cameras; those called `cold…` rest. Its gateway does not run yet.

    The film that they show lies beside `folder`.
    """
    name, cameras = named
    house = made.house(name, terms)
    film = str(folder.parent / "film")
    child = house.edge.child("benchmarks.lab.counted", "0", str(len(cameras)), film)
    stack.callback(child.kill)
    told = child.read()
    shown = [
        View(
            one, f"rtsp://127.0.0.1:{told['port']}/{index}", (ORGANISATION,),
            watched=False, continuous=not one.startswith("cold"),
        )
        for index, one in enumerate(cameras)
    ]  # fmt: skip
    seed = edge_seed(name, shown, {ORGANISATION: ROOM})
    config = edge_config(name, {ROOM: ORGANISATION})
    box = stack.enter_context(GatewayBox(house.edge, folder / name, seed, config))
    return Edge(named, house, box, told["began_s"])


def first_pictures(room: Room, edges: Sequence[Edge], load: Load, found: Found) -> None:
    """Measure how soon a picture comes: of cold, warm and held cameras."""
    edge = edges[0]
    _await_warm(edge, load)
    for number in range(load.looks):
        for kind, seconds in (("cold", found.cold), ("warm", found.warm)):
            seconds.append(look(room, edge, f"{kind}-{number}"))
        room.ask({"look": path_of(edge.name, f"warm-{number}"), "many": 1})
        found.held.append(look(room, edge, f"warm-{number}"))


def operators(room: Room, edges: Sequence[Edge], load: Load, found: Found) -> None:
    """Measure the uplink while twenty operators look at one camera."""
    _await_warm(edges[0], load)
    for _ in range(load.rounds):
        share(room, edges[0], load, found)


def tolls(room: Room, edges: Sequence[Edge], load: Load, found: Found) -> None:
    """Measure what streams cost the edge."""
    warm = _await_warm(edges[0], load)
    for _ in range(load.rounds):
        toll(room, edges[0], warm[:4], load, found)


def _await_warm(edge: Edge, load: Load) -> list[str]:
    """Return the cameras that the edge pulls always, once it does."""
    warm = [f"warm-{number}" for number in range(load.looks)]
    until(lambda: all(_is_live(edge, one) for one in warm), LIVE_S, "warm cameras")
    return warm


def _is_live(edge: Edge, camera: str) -> bool:
    """Return whether the edge pulls a camera, as its own metrics tell."""
    with edge.box.client() as client:
        return f'varco_camera_live{{camera="{camera}"}} 1.0' in client.get("/metrics").text


def look(room: Room, edge: Edge, camera: str) -> tuple[float, float]:
    """Look at a camera; return the seconds to the first picture and to the first young one."""
    asked = room.ask({"watch": path_of(edge.name, camera), "began_s": edge.began_s})
    ends_s = time.monotonic() + LIVE_S
    try:
        while time.monotonic() < ends_s:
            for seen_s, age_s in room.ask({"ages": True})["ages"]:
                if age_s is not None and age_s < YOUNG_S:
                    return asked["first_s"], seen_s - asked["asked_s"]
            time.sleep(0.05)
    finally:
        room.ask({"close": True})
    raise BoxError(f"{camera}: no young picture within {LIVE_S:.0f} s")


def share(room: Room, edge: Edge, load: Load, found: Found) -> None:
    """Measure the uplink while twenty operators look at one camera."""
    given = room.ask({"look": path_of(edge.name, "warm-0"), "many": OPERATORS})["given"]
    try:
        time.sleep(1.0)
        given = room.ask({"count": True})["given"]
        before, began_s = edge.house.uplink(), time.monotonic()
        time.sleep(load.window_s)
        after, spent_s = edge.house.uplink(), time.monotonic() - began_s
        got = [b - a for a, b in zip(given, room.ask({"count": True})["given"], strict=True)]
    finally:
        room.ask({"close": True})
    sent_kbps = 8 * (after.sent_bytes - before.sent_bytes) / spent_s / 1e3
    found.uplink_ratio.append(sent_kbps / found.stream_kbps)
    least = min(got) / (median(got) or 1)
    found.least_share = least if found.least_share is None else min(found.least_share, least)


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU time in ms a second."""

    process: float
    """Of the edge's gateway, ..."""
    own: float
    """... of this in its own code."""
    receiving: float = 0.0
    """Of the kernel's thread that receives for the edge, where it is apart, ..."""
    routing: float = 0.0
    """... and of the router's."""


def toll(room: Room, edge: Edge, cameras: Sequence[str], load: Load, found: Found) -> None:
    """Measure the edge's CPU with these streams on the line, less without them."""
    before = _spent(edge, load.window_s)
    try:
        for camera in cameras:
            room.ask({"look": path_of(edge.name, camera), "many": 1})
        time.sleep(BEGUN_S)
        apart, one_kernel = _busy(edge, load.window_s / 2, found)
    finally:
        room.ask({"close": True})
    time.sleep(1.0)
    after = _spent(edge, load.window_s)
    count = len(cameras)
    rest, rest_own = (before.process + after.process) / 2, (before.own + after.own) / 2
    found.edge_one_kernel_ms.append((_mean(one_kernel).process - rest) / count)
    if apart:
        mean = _mean(apart)
        found.edge_cpu_ms.append((mean.process + mean.receiving - rest) / count)
        found.edge_own_ms.append((mean.own - rest_own) / count)
        found.edge_receiving_ms.append(mean.receiving / count)
        found.router_ms.append(mean.routing / count)


def _busy(edge: Edge, window_s: float, found: Found) -> tuple[list[Spent], list[Spent]]:
    """Return what is spent as two machines and as one kernel, which take turns."""
    apart: list[Spent] = []
    one_kernel: list[Spent] = []
    for is_apart in (True, False, False, True):
        if not is_apart:
            time.sleep(SETTLE_S)
            one_kernel.append(_spent(edge, window_s))
            continue
        try:
            with edge.house.apart() as kernels:
                time.sleep(SETTLE_S)
                apart.append(_spent(edge, window_s, kernels))
        except LabError as error:
            note = f"edge and router as two machines: {error}"
            found.skipped += [note] * (note not in found.skipped)
            return [], one_kernel or [_spent(edge, window_s)]
    return apart, one_kernel


def _mean(some: Sequence[Spent]) -> Spent:
    sums = (sum(getattr(one, part.name) for one in some) for part in fields(Spent))
    return Spent(*(one / len(some) for one in sums))


def _spent(edge: Edge, window_s: float, kernels: Kernels | None = None) -> Spent:
    """Return what is spent within so many seconds."""
    before, began_s = _clocks(edge, kernels), time.monotonic()
    time.sleep(window_s)
    spent_s = time.monotonic() - began_s
    return Spent(*((b - a) / spent_s for a, b in zip(before, _clocks(edge, kernels), strict=True)))


def _clocks(edge: Edge, kernels: Kernels | None) -> tuple[float, ...]:
    """Return the CPU time so far, in the order of `Spent`; ms."""
    pid = edge.box.pid
    threads = (cpu_ms(kernels.edge), cpu_ms(kernels.router)) if kernels else (0.0, 0.0)
    return (cpu_ms(pid), cpu_parts_ms(pid)[0], *threads)


def mobile(room: Room, edges: Sequence[Edge], load: Load, found: Found) -> None:
    """Measure the age of pictures over a mobile link."""
    watch_mobile(room, edges[0])
    began_s = time.monotonic()
    ages = _ages(room, load.mobile_s)
    found.delays_s = [age_s for _, age_s in ages]
    found.seen_share = len(ages) / (load.mobile_s * pictures.FPS)
    third = load.mobile_s / 3
    parts = [[age for at, age in ages if low <= (at - began_s) / third < low + 1] for low in (0, 2)]
    middles = [median(part) for part in parts]
    if None not in middles:
        found.growth_s = (middles[1] or 0.0) - (middles[0] or 0.0)
    leave_mobile(room, edges[0])


def cuts(room: Room, edges: Sequence[Edge], load: Load, found: Found) -> None:
    """Cut the mobile link some times."""
    watch_mobile(room, edges[0])
    for number in range(load.cuts):
        tell(f"cut {number + 1} of {load.cuts}")
        cut(room, edges[0], load, found)
    leave_mobile(room, edges[0])


def soaked(room: Room, edges: Sequence[Edge], load: Load, found: Found) -> None:
    """Watch for a long time whether anything grows; one line a minute is told."""
    edge, carrier = edges[0], carrier_of(edges[0])
    watch_mobile(room, edge)
    began_s = time.monotonic()

    def wait(until_s: float) -> float:
        time.sleep(max(0.0, began_s + until_s - time.monotonic()))
        return time.monotonic() - began_s

    def take(at_s: float) -> Sample:
        told = [age_s for _, age_s in room.ask({"ages": True})["ages"] if age_s is not None]
        link = carrier.figures()
        gone = sum(link[f"out_{what}"] for what in ("lost", "dropped", "delivered"))
        made = Sample(
            at_s, median(told), len(told),
            edge.house.edge.queues(ROOM_PORT)[0] / 1e3, room.box.place.queues(ROOM_PORT)[1] / 1e3,
            link["out_taken"] - gone, edge.box.usage().rss_mb, room.box.usage().rss_mb,
        )  # fmt: skip
        if int(at_s) % 60 < 10:
            tell(str(made))
        return made

    found.soak = soak(take, wait, load.soak_min * 60)
    leave_mobile(room, edge)


def carrier_of(edge: Edge) -> Carrier:
    """Return the link of an edge; BoxError if it hangs on a plain wire."""
    if edge.house.carrier is None:
        raise BoxError("this house has no link")
    return edge.house.carrier


def watch_mobile(room: Room, edge: Edge) -> None:
    """Give the edge a mobile link and look at one of its cameras over it, settled."""
    carrier_of(edge).change(LTE)
    room.ask({"watch": path_of(edge.name, "warm-0"), "began_s": edge.began_s})
    time.sleep(3.0)
    room.ask({"ages": True})


def leave_mobile(room: Room, edge: Edge) -> None:
    """Undo that."""
    room.ask({"close": True})
    carrier_of(edge).change(Terms())


def _ages(room: Room, seconds: float) -> list[tuple[float, float]]:
    """Return when each picture was seen and how old it was, for so long."""
    found: list[tuple[float, float]] = []
    ends_s = time.monotonic() + seconds
    while time.monotonic() < ends_s:
        time.sleep(0.5)
        told = room.ask({"ages": True})["ages"]
        found += [(at_s, age_s) for at_s, age_s in told if age_s is not None]
    return found


def cut(room: Room, edge: Edge, load: Load, found: Found) -> None:
    """Cut the link; measure when the room tells of it, and how soon the picture is back."""
    carrier = carrier_of(edge)
    before = room.line_alarms()
    carrier.cut()
    found.cuts += 1
    cut_s = time.monotonic()
    noticed = False
    while time.monotonic() < cut_s + load.cut_s:
        if not noticed and room.line_alarms() - before:
            found.noticed_s.append(time.monotonic() - cut_s)
            noticed = True
        time.sleep(0.1)
    room.ask({"ages": True})
    carrier.mend()
    mended_s = time.monotonic()
    while time.monotonic() < mended_s + LIVE_S:
        for seen_s, age_s in room.ask({"ages": True})["ages"]:
            if age_s is not None and age_s < 1.0 and seen_s > mended_s:
                found.back_s.append(seen_s - mended_s)
                time.sleep(2.0)
                return
        time.sleep(0.05)
    found.lost += 1


def crowd(room: Room, edges: Sequence[Edge], load: Load, found: Found) -> None:
    """Measure the room while it shows every camera of many edges, a viewer each."""
    cameras = [(edge.name, one) for edge in edges for one in edge.cameras]
    found.edges, found.streams = len(edges), len(cameras)
    for small in (True, False) if load.small else (False,):
        for edge, camera in cameras:
            try:
                room.ask({"look": path_of(edge, camera, small=small), "many": 1})
            except ViewerError as error:  # counted among those who got nothing
                found.refused.append(f"{edge}.{camera}: {error}")
        tell(f"{len(cameras)} viewers, {'small' if small else 'main'} streams")
        time.sleep(2.0)
        before, began_s = room.box.usage(), time.monotonic()
        given = room.ask({"count": True})["given"]
        time.sleep(load.window_s)
        after, spent_s = room.box.usage(), time.monotonic() - began_s
        got = [b - a for a, b in zip(given, room.ask({"count": True})["given"], strict=True)]
        room.ask({"close": True})
        kind = "sub" if small else "main"
        found.room_cpu_cores[kind] = (after.cpu_ms - before.cpu_ms) / spent_s / 1e3
        found.room_rss_mb[kind] = after.rss_mb
        found.dark[kind] = sum(one == 0 for one in got)
    found.edge_rss_mb = median([edge.box.usage().rss_mb for edge in edges])


MEASURES: Mapping[str, Callable[[Room, Sequence[Edge], Load, Found], None]] = {
    "looks": first_pictures,
    "operators": operators,
    "toll": tolls,
    "mobile": mobile,
    "cuts": cuts,
    "soak": soaked,
    "crowd": crowd,
}


def report(made: Report, load: Load, found: Found) -> None:
    """Say it all."""
    made.skipped = found.skipped
    looks = {"cold": found.cold, "warm": found.warm, "held": found.held}
    whole, own = median(found.edge_cpu_ms), median(found.edge_own_ms)
    middles = {kind: median([young for _, young in some]) for kind, some in looks.items()}
    made.figures = {
        "operators": OPERATORS,
        "stream_kbps": rounded(found.stream_kbps, 0),
        "uplink_ratio": rounded(median(found.uplink_ratio)),
        "least_share": rounded(found.least_share),
        "edge_cpu_ms_per_stream_s": rounded(median(found.edge_cpu_ms)),
        "edge_cpu_own_ms_per_stream_s": rounded(own, 1),
        "edge_cpu_kernel_ms_per_stream_s": rounded(
            None if whole is None or own is None else whole - own, 1
        ),
        "edge_cpu_receiving_ms_per_stream_s": rounded(median(found.edge_receiving_ms)),
        "edge_cpu_one_kernel_ms_per_stream_s": rounded(median(found.edge_one_kernel_ms)),
        "router_cpu_ms_per_stream_s": rounded(median(found.router_ms)),
        "edge_cpu_rounds": [round(one, 3) for one in found.edge_cpu_ms],
        "edges": found.edges or None,
        "streams": found.streams or None,
        "room_cpu_cores": rounded(found.room_cpu_cores.get("main")),
        "room_cpu_cores_sub": rounded(found.room_cpu_cores.get("sub")),
        "room_rss_mb": rounded(found.room_rss_mb.get("main"), 0),
        "room_dark_viewers": sum(found.dark.values()) if found.dark else None,
        "room_refused_viewers": len(found.refused) if found.dark else None,
        "edge_rss_mb": rounded(found.edge_rss_mb, 0),
        "cold_first_picture_s": rounded(middles["cold"]),
        "warm_first_picture_s": rounded(middles["warm"]),
        "held_first_picture_s": rounded(middles["held"]),
        "cold_first_picture_s_most": rounded(max((y for _, y in found.cold), default=None)),
        "warm_first_picture_s_most": rounded(max((y for _, y in found.warm), default=None)),
        "held_first_picture_s_most": rounded(max((y for _, y in found.held), default=None)),
        "cold_any_picture_s": rounded(median([first for first, _ in found.cold])),
        "warm_any_picture_s": rounded(median([first for first, _ in found.warm])),
        "lte": _mobile_figures(load, found),
        "dead_line_noticed_s": rounded(max(found.noticed_s, default=None)),
        "dead_line_not_noticed": found.cuts - len(found.noticed_s) if found.cuts else None,
        "soak": found.soak.figures() if found.soak else None,
        "part_s": {name: round(seconds, 1) for name, seconds in found.part_s.items()},
    }
    made.rows = rows(made.figures, load, found)
    made.not_like_for_like = remarks(load, found)
    made.publish()


def _mobile_figures(load: Load, found: Found) -> dict[str, Figure]:
    return {
        "delay_s_p50": rounded(percentile(found.delays_s, 50)),
        "delay_s_p95": rounded(percentile(found.delays_s, 95)),
        "delay_growth_s": rounded(found.growth_s),
        "seconds": load.mobile_s if found.delays_s else None,
        "shown_share": rounded(found.seen_share),
        "cuts": found.cuts or None,
        "cut_s": load.cut_s if found.cuts else None,
        "back_s_after_cut": rounded(max(found.back_s, default=None)),
        "not_back": found.lost if found.cuts else None,
    }


def rows(figures: dict[str, Figure], load: Load, found: Found) -> list[tuple[str, str]]:
    """Return the table for people."""
    one = f"{figures['stream_kbps']} kbit/s"
    ratio, cpu = median(found.uplink_ratio), median(found.edge_cpu_ms)
    cores, size = found.room_cpu_cores, found.room_rss_mb
    crowd_ = f"{found.edges} edges, {found.streams} cameras"
    return [
        (f"uplink with {OPERATORS} operators, of one stream ({one})", written(ratio, "x", 3)),
        ("edge: CPU for the line per stream-second", written(cpu, "ms")),
        ("  of these in its own code, TLS included", written(median(found.edge_own_ms), "ms", 1)),
        (
            "  the same, router and link in its sends",
            written(median(found.edge_one_kernel_ms), "ms"),
        ),
        ("  the router's own", written(median(found.router_ms), "ms")),
        ("first young picture, warm edge: median / most", _pair([y for _, y in found.warm])),
        ("first young picture, stream in the room", _pair([y for _, y in found.held])),
        ("first young picture, cold edge: median / most", _pair([y for _, y in found.cold])),
        ("first picture of any age, warm edge", _pair([first for first, _ in found.warm])),
        (f"room, {crowd_}, main: CPU", written(cores.get("main"), "cores", 3)),
        (f"room, {crowd_}, sub: CPU", written(cores.get("sub"), "cores", 3)),
        ("room: memory", written(size.get("main"), "MB", 0)),
        ("edge: memory", written(found.edge_rss_mb, "MB", 0)),
        ("mobile link: age of pictures p50", written(percentile(found.delays_s, 50), "s")),
        ("mobile link: age of pictures p95", written(percentile(found.delays_s, 95), "s")),
        (f"mobile link: growth over {load.mobile_s:.0f} s", written(found.growth_s, "s")),
        (f"mobile link: back after {load.cut_s:.0f} s", _pair(found.back_s)),
        ("dead line: alarm in the room after", _pair(found.noticed_s)),
        (f"{load.soak_min:g} minutes of mobile link", _soaked(found.soak)),
    ]


def _soaked(found: Soak | None) -> str:
    if found is None or found.steady is None:
        return "not measured" if found is None else "too short to tell"
    said = [*found.grew, *([f"{found.dark} times dark"] if found.dark else [])]
    return "nothing grew" if found.steady else f"grew: {', '.join(said)}"


def _pair(seconds: Sequence[float]) -> str:
    return f"{written(median(seconds), 's')} / {written(max(seconds, default=None), 's')}"


def remarks(load: Load, found: Found) -> list[str]:
    """Return what is not as in the field."""
    said = [
        "edges, routers, cameras, room and viewers share the same cores",
        "the cameras are our own simulator's: they begin with the kept key picture",
        "the uplink is counted in IP packets at the router, against the coded bytes of one stream",
        "the kernel's work for NAT and the process that is the mobile link run on these two cores",
        "edge's CPU: edge and router each receive in a kernel thread of their own, as two machines "
        "do; the router's is not counted, the edge's is. The edge's interface segments by software "
        "as one without offloads does. one_kernel: without all that, when whatever a packet leads "
        "to runs in the edge's send and is charged to it",
        "own code and kernel: their sum is measured, how it divides is sampled at the tick",
        "the edge's CPU for the line: of its whole gateway process with four streams on the line, "
        "less the same process without them just before and after, so that pulling and watching "
        "the cameras is not in it; TLS, the kernel's sends and all answers of the line are",
        "on an idle machine each picture finds cold caches: sealing and sending alone, without any "
        "of our code, cost 4 times as much per picture 40 ms apart as back to back",
        "cold: the edge does not pull the camera; warm: it does, and nothing is on the line yet; "
        "held: somebody in the room looks already",
        "the viewer decodes all pictures since the last key picture on one core, 4 ms each, before "
        "it shows a young one",
        "first pictures over a link without delay; young: less than 0.25 s old",
        "ages come out of the decoded pixels of one more viewer, aiortc, on the same machine",
        f"the mobile link ran for {max(load.mobile_s, 60 * load.soak_min):.0f} s at a time",
        "2 % loss of single packets is harsher than LTE, whose radio layer repeats them itself",
    ]
    if load.edges < FULL.edges:
        said.append(f"{found.edges} edges, not {FULL.edges}; they stand beside all else")
        said.append(f"the link is cut for {load.cut_s:.0f} s, not {FULL.cut_s:.0f}")
    if found.least_share is not None and found.least_share < 0.97:
        said.append(f"one viewer got only {found.least_share:.0%} of the median one's packets")
    if sum(found.dark.values()):
        said.append(f"{sum(found.dark.values())} viewers of the many edges got nothing")
    return said


if __name__ == "__main__":
    sys.exit(main())
