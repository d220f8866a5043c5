# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What it costs to look at cameras behind NAT, and how soon one sees them.

Real gateways in network namespaces: edges behind masquerading routers, one room, viewers with real
ICE and DTLS. Each picture bears its number, so that its age is read out of the decoded pixels. The
mobile link delays 60±20 ms each way, loses 2 % of the packets and carries 4 Mbit/s.
"""

import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.lab import counted, pictures
from benchmarks.lab.boxes import CONSOLE, BoxError, GatewayBox, until
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
    View,
    edge_config,
    edge_seed,
    enrol_before,
    room_config,
    room_seed,
)
from benchmarks.lab.link import Terms
from benchmarks.lab.network import House, Lab, LabError, lab
from benchmarks.lab.process import ChildError, cpu_ms, cpu_parts_ms

OPERATORS = 20
ORGANISATION = "sala-pl"
USER = f"operatore-{ORGANISATION}"
LTE = Terms(delay_ms=60, jitter_ms=20, loss=0.02, rate_kbps=4000, queue_ms=300)
YOUNG_S = 0.25
"""A first picture counts once it is younger than this, and the link's delay."""
LIVE_S = 60.0
WHY = "purpose=servizio&case=OdS-1"
CUT_RULE = "linea-interrotta"


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


QUICK = Load(
    rounds=1, window_s=3.0, looks=3, edges=1, cameras=4, mobile_s=6.0, cuts=1, small=False,
    cut_s=11.0,
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
    edge_own_ms: list[float] = field(default_factory=list)
    """Of these, in its own code."""
    least_share: float = 1.0
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
    skipped: list[str] = field(default_factory=list)


class Edge:
    """A house with cameras and a gateway."""

    def __init__(
        self, named: tuple[str, Sequence[str]], house: House, box: GatewayBox, began_s: float
    ) -> None:
        (self.name, self.cameras), self.house = named, house
        self.box, self.began_s = box, began_s


class Room:
    """The room's gateway and its viewers' process."""

    def __init__(self, box: GatewayBox, stack: ExitStack) -> None:
        self.box = box
        self._client = stack.enter_context(box.client(USER))
        token = self._client.headers["Authorization"].split()[1]
        self.viewers = box.place.child("benchmarks.lab.viewers")
        stack.callback(self.viewers.kill)
        url = f"http://127.0.0.1:{CONSOLE}"
        self.ask({"url": url, "token": token, "address": "127.0.0.1"})

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """Have the viewers do something; ChildError with their words if it fails."""
        answer = self.viewers.ask(json.dumps(order), 120.0)
        if "error" in answer:
            raise ChildError(f"viewers: {answer['error']}")
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
    plan = plan_of(parser("rooms", __doc__).parse_args())
    load, found = (QUICK if plan.quick else FULL), Found()
    try:
        with tempfile.TemporaryDirectory(prefix="varco-rooms-") as name:
            measure(Path(name), load, found)
    except LabError as error:
        found.skipped.append(f"everything: {error}")
    report(Report("rooms", plan, load.rounds), load, found)
    return 0


def measure(folder: Path, load: Load, found: Found) -> None:
    """Measure one edge in depth, then many."""
    film = folder / "film"
    film.mkdir()
    tell("the film")
    counted.make(film)
    found.stream_kbps = counted.kbps(film / "main")
    with lab() as made, ExitStack() as stack:
        tell("one edge and the room")
        cameras = {"uno": views(load)} | (many(load) if load is QUICK else {})
        room, edges = build(made, folder / "one", cameras, stack, Terms())
        single(room, edges[0], load, found)
        mobile(room, edges[0], load, found)
        if load is QUICK:
            crowd(room, edges, load, found)
            return
    with lab() as made, ExitStack() as stack:
        tell(f"{load.edges} edges")
        room, edges = build(made, folder / "many", many(load), stack)
        crowd(room, edges, load, found)


def tell(what: str) -> None:
    """Say what is being measured, on standard error."""
    print(f"{time.strftime('%H:%M:%S')} {what} …", file=sys.stderr, flush=True)


def views(load: Load) -> list[str]:
    """Return the cameras of the edge that is measured in depth."""
    return [f"{kind}-{n}" for kind in ("cold", "warm") for n in range(load.looks)]


def many(load: Load) -> dict[str, list[str]]:
    """Return the cameras of many edges; in a quick run they rest until they are looked at."""
    kind = "cold" if load is QUICK else "c"
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
    for edge in edges:
        edge.box.start(wait=False)
    for edge in edges:
        edge.box.wait()
    room = Room(box, stack)
    count = sum(map(len, cameras.values()))
    until(lambda: len(room.cameras()) >= count, LIVE_S, f"{count} cameras at the room")
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


def single(room: Room, edge: Edge, load: Load, found: Found) -> None:
    """Measure first pictures, then what twenty operators cost."""
    warm = [f"warm-{number}" for number in range(load.looks)]
    tell("first pictures")
    until(lambda: all(_is_live(edge, one) for one in warm), LIVE_S, "warm cameras")
    for number in range(load.looks):
        for kind, seconds in (("cold", found.cold), ("warm", found.warm)):
            seconds.append(look(room, edge, f"{kind}-{number}"))
        room.ask({"look": path_of(edge.name, f"warm-{number}"), "many": 1})
        found.held.append(look(room, edge, f"warm-{number}"))
    tell(f"{OPERATORS} operators")
    for _ in range(load.rounds):
        share(room, edge, load, found)
        toll(room, edge, warm[:4], load, found)


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
    found.least_share = min(found.least_share, min(got) / (median(got) or 1))


def toll(room: Room, edge: Edge, cameras: Sequence[str], load: Load, found: Found) -> None:
    """Measure the edge's CPU with these streams on the line, less without them."""
    before = _spent(edge, load.window_s)
    for camera in cameras:
        room.ask({"look": path_of(edge.name, camera), "many": 1})
    try:
        time.sleep(1.0)
        busy = _spent(edge, load.window_s)
    finally:
        room.ask({"close": True})
    time.sleep(1.0)
    after = _spent(edge, load.window_s)
    whole, own = (
        (with_ - (one + other) / 2) / len(cameras)
        for with_, one, other in zip(busy, before, after, strict=True)
    )
    found.edge_cpu_ms.append(whole)
    found.edge_own_ms.append(own)


def _spent(edge: Edge, window_s: float) -> tuple[float, float]:
    """Return the CPU time of the edge's gateway in ms a second: all of it, and its own code's."""
    pid = edge.box.pid
    whole_ms, (own_ms, _), began_s = cpu_ms(pid), cpu_parts_ms(pid), time.monotonic()
    time.sleep(window_s)
    spent_s = time.monotonic() - began_s
    return (cpu_ms(pid) - whole_ms) / spent_s, (cpu_parts_ms(pid)[0] - own_ms) / spent_s


def mobile(room: Room, edge: Edge, load: Load, found: Found) -> None:
    """Measure over a mobile link: the age of pictures, a cut, and what comes after it."""
    carrier = edge.house.carrier
    if carrier is None:
        raise BoxError("this house has no link")
    tell("the mobile link")
    carrier.change(LTE)
    watch = {"watch": path_of(edge.name, "warm-0"), "began_s": edge.began_s}
    room.ask(watch)
    time.sleep(3.0)
    room.ask({"ages": True})
    began_s = time.monotonic()
    ages = _ages(room, load.mobile_s)
    found.delays_s = [age_s for _, age_s in ages]
    found.seen_share = len(ages) / (load.mobile_s * pictures.FPS)
    third = load.mobile_s / 3
    parts = [[age for at, age in ages if low <= (at - began_s) / third < low + 1] for low in (0, 2)]
    middles = [median(part) for part in parts]
    if None not in middles:
        found.growth_s = (middles[1] or 0.0) - (middles[0] or 0.0)
    for _ in range(load.cuts):
        tell("a cut")
        cut(room, edge, load, found)
    room.ask({"close": True})
    carrier.change(Terms())


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
    carrier = edge.house.carrier
    if carrier is None:
        raise BoxError("this house has no link")
    before = room.line_alarms()
    carrier.cut()
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
    tell("every camera of every edge")
    cameras = [(edge.name, one) for edge in edges for one in edge.cameras]
    found.edges, found.streams = len(edges), len(cameras)
    for small in (True, False) if load.small else (False,):
        for edge, camera in cameras:
            room.ask({"look": path_of(edge, camera, small=small), "many": 1})
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
        "edge_cpu_rounds": [round(one, 3) for one in found.edge_cpu_ms],
        "edges": found.edges,
        "streams": found.streams,
        "room_cpu_cores": rounded(found.room_cpu_cores.get("main")),
        "room_cpu_cores_sub": rounded(found.room_cpu_cores.get("sub")),
        "room_rss_mb": rounded(found.room_rss_mb.get("main"), 0),
        "room_dark_viewers": sum(found.dark.values()) if found.dark else None,
        "edge_rss_mb": rounded(found.edge_rss_mb, 0),
        "cold_first_picture_s": rounded(middles["cold"]),
        "warm_first_picture_s": rounded(middles["warm"]),
        "held_first_picture_s": rounded(middles["held"]),
        "cold_first_picture_s_most": rounded(max((y for _, y in found.cold), default=None)),
        "warm_first_picture_s_most": rounded(max((y for _, y in found.warm), default=None)),
        "held_first_picture_s_most": rounded(max((y for _, y in found.held), default=None)),
        "cold_any_picture_s": rounded(median([first for first, _ in found.cold])),
        "warm_any_picture_s": rounded(median([first for first, _ in found.warm])),
        "lte": {
            "delay_s_p50": rounded(percentile(found.delays_s, 50)),
            "delay_s_p95": rounded(percentile(found.delays_s, 95)),
            "delay_growth_s": rounded(found.growth_s),
            "seconds": load.mobile_s,
            "shown_share": rounded(found.seen_share),
            "cut_s": load.cut_s,
            "back_s_after_cut": rounded(max(found.back_s, default=None)),
            "not_back": found.lost,
        },
        "dead_line_noticed_s": rounded(max(found.noticed_s, default=None)),
        "dead_line_not_noticed": load.cuts - len(found.noticed_s),
    }
    made.rows = rows(made.figures, load, found)
    made.not_like_for_like = remarks(load, found)
    made.publish()


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
    ]


def _pair(seconds: Sequence[float]) -> str:
    return f"{written(median(seconds), 's')} / {written(max(seconds, default=None), 's')}"


def remarks(load: Load, found: Found) -> list[str]:
    """Return what is not as in the field."""
    said = [
        "edges, routers, cameras, room and viewers share the same cores",
        "the cameras are our own simulator's: they begin with the kept key picture",
        "the uplink is counted in IP packets at the router, against the coded bytes of one stream",
        "the kernel's work for NAT and the process that is the mobile link run on these two cores; "
        "what they cost is counted where it falls, some of it in the edge's kernel time",
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
        f"the mobile link ran for {load.mobile_s:.0f} s, not for 30 minutes",
        "2 % loss of single packets is harsher than LTE, whose radio layer repeats them itself",
    ]
    if load.edges < FULL.edges:
        said.append(f"{found.edges} edges, not {FULL.edges}; they stand beside all else")
        said.append(f"the link is cut for {load.cut_s:.0f} s, not {FULL.cut_s:.0f}")
    if found.least_share < 0.97:
        said.append(f"one viewer got only {found.least_share:.0%} of the median one's packets")
    if sum(found.dark.values()):
        said.append(f"{sum(found.dark.values())} viewers of the many edges got nothing")
    return said


if __name__ == "__main__":
    sys.exit(main())
