# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a viewer of a live picture costs, beside the best-tuned peers, and how live the picture is.

First many viewers of one 1080p25 camera at each relay in turn, every one of them with ICE, DTLS and
AES-128-GCM, reporting each second and asking for one packet of a hundred again. Then a whole
gateway and Chromium: each picture bears its number, so that its age is read out of the pixels.
"""

import json
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.lab import counted, relay_arms, relay_box
from benchmarks.lab.boxes import CONSOLE, BoxError, GatewayBox
from benchmarks.lab.figures import (
    Figure,
    Report,
    median,
    parser,
    percentile,
    plan_of,
    ratio,
    rounded,
    written,
)
from benchmarks.lab.link import Terms
from benchmarks.lab.network import ROOM_ADDRESS, Lab, LabError, Place, lab
from benchmarks.lab.process import Child, ChildError
from benchmarks.lab.relay_arms import ARMS, Arm, ArmError, Stage

VIEWERS = 100
LEAST_SHARE = 0.97
"""A row counts only if every viewer was given so much of what the camera took."""
SETTLE_S = 1.5
THIN = Terms(rate_kbps=4000, queue_ms=300)
LOSSY = Terms(delay_ms=30, loss=0.02)
"""One way: 60 ms there and back."""
LOOK_S = 20.0
STEADY_S = 2.0
FEWER = {"aiortc": 25}
"""Viewers of relays that take most of a core for a hundred: on few cores nobody would see all."""
PEERS = tuple(name for name in ARMS if name != "ours")
COLD_CAMERAS = 6


@dataclass(frozen=True, slots=True)
class Load:
    """How much is measured for how long; seconds."""

    rounds: int
    window_s: float
    """Whole groups of pictures: multiples of 2 s."""
    delay_s: float
    looks: int
    """First pictures of each kind; cold ones need a camera each."""
    watch_s: float
    lossy_s: float
    join_s: float
    """A relay that has not let all viewers in by then is left out."""


QUICK = Load(rounds=1, window_s=4.0, delay_s=3.0, looks=2, watch_s=2.5, lossy_s=4.0, join_s=20.0)
FULL = Load(rounds=5, window_s=10.0, delay_s=20.0, looks=6, watch_s=20.0, lossy_s=60.0, join_s=60.0)


@dataclass(frozen=True, slots=True)
class Row:
    """One relay in one round."""

    cpu_ms: float
    """Per viewer-second."""
    rss_mb: tuple[float, ...]
    """Of each of its processes."""
    least_share: float
    """Of what the camera took, at the worst viewer."""
    answered: float
    """Share of the packets asked for again that came."""
    nack_percent: float
    features: frozenset[str]

    @property
    def counts(self) -> bool:
        """Whether every viewer saw the pictures."""
        return self.least_share >= LEAST_SHARE


@dataclass(slots=True)
class Found:
    """Everything that was measured."""

    viewers: int = VIEWERS
    stream_kbps: float = 0.0
    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    ratios: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Of each round in which both rows count."""
    delays_s: list[float] = field(default_factory=list)
    """Of each picture at each viewer."""
    last_s: list[float] = field(default_factory=list)
    """Of each picture at the last of all viewers."""
    young: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    first: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    never: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Looks without a young picture."""
    ages_s: list[float] = field(default_factory=list)
    """Glass to glass, on loopback."""
    lossy_at_s: list[float] = field(default_factory=list)
    """When each picture was shown on the lossy link."""
    lossy_s: float = 0.0
    lossy: dict[str, int] = field(default_factory=dict)
    """What the browser counted, and `swallowed`: packets that the link lost on their way to it."""
    skipped: list[str] = field(default_factory=list)


def main() -> int:
    """Measure, print, write."""
    words = parser("relay", __doc__)
    words.add_argument("--viewers", type=int, default=VIEWERS, help="for each relay (100)")
    plan = plan_of(words.parse_args())
    load, found = (QUICK if plan.quick else FULL), Found(plan.extra.viewers)
    try:
        with tempfile.TemporaryDirectory(prefix="varco-relay-") as name:
            measure(Path(name), load, found)
    except LabError as error:
        found.skipped.append(f"everything from here on: {error}")
    report(Report("relay", plan, load.rounds), load, found)
    return 0


def tell(what: str) -> None:
    """Say what is being measured, on standard error."""
    print(f"{time.strftime('%H:%M:%S')} {what} …", file=sys.stderr, flush=True)


def measure(folder: Path, load: Load, found: Found) -> None:
    """Measure the relays, then the whole gateway."""
    film = folder / "film"
    film.mkdir()
    tell("the film")
    counted.make(film)
    found.stream_kbps = counted.kbps(film / "main")
    with lab() as made:
        with relay_arms.stage_of(made, folder, film) as stage:
            for number in range(load.rounds):
                one_round(stage, number, load, found)
        with ExitStack() as stack:
            try:
                live(made, folder, film, load, found, stack)
            except (BoxError, ChildError) as error:
                found.skipped.append(f"pictures in a browser: {error}")


# what a viewer costs ---------------------------------------------------------------------------


def one_round(stage: Stage, number: int, load: Load, found: Found) -> None:
    """Measure each relay once, ours and the peers by turns, in another order each time."""
    names = list(ARMS)
    turned = names[number % len(names) :] + names[: number % len(names)]
    rows: dict[str, Row] = {}
    for name in turned:
        tell(f"round {number + 1}: {name}")
        try:
            rows[name] = arm_row(stage, name, load, found)
        except (ArmError, ChildError) as error:
            _skip(found, f"{name}: {error}")
    for name, row in rows.items():
        found.rows[name].append(row)
        if not row.counts:
            _skip(found, f"{name}, a round: one viewer was given only {row.least_share:.1%}")
    mine = rows.get("ours")
    if mine is not None and mine.counts:
        for name, row in rows.items():
            if name != "ours" and row.counts:
                found.ratios[name].append(row.cpu_ms / mine.cpu_ms)


def _skip(found: Found, line: str) -> None:
    if line not in found.skipped:
        found.skipped.append(line)


def arm_row(stage: Stage, name: str, load: Load, found: Found) -> Row:
    """Start a relay, let all viewers in, measure; ours also under load."""
    start, payload_bytes = ARMS[name]
    with ExitStack() as stack:
        arm = start(stage, stack)
        crowd = stage.viewers.child("benchmarks.lab.relay_viewers", relay_arms.CLIENT)
        stack.callback(crowd.kill)
        crowd.read()
        many = min(found.viewers, FEWER.get(name, found.viewers))
        joined = ask(crowd, {"join": arm.url, "kind": arm.kind, "many": many}, load.join_s)
        sizes = relay_arms.sizes_of(stage.film, payload_bytes)
        row = window(stage, arm, crowd, load.window_s, sizes, joined)
        if name == "ours":
            under_load(stage, load, found)
        return row


def ask(child: Child, order: dict[str, Any], timeout_s: float = 60.0) -> dict[str, Any]:
    """Have a child do something; ChildError with its words if it cannot."""
    answer = child.ask(json.dumps(order), timeout_s)
    if "error" in answer:
        raise ChildError(str(answer["error"]))
    return answer


def window(
    stage: Stage, arm: Arm, crowd: Child, window_s: float, sizes: Sequence[int],
    joined: dict[str, Any],
) -> Row:  # fmt: skip
    """Measure CPU time and what every viewer was given between the same two moments."""
    from_s = relay_arms.quiet_after(stage.began_s, time.monotonic() + SETTLE_S)
    to_s = from_s + window_s
    answers: list[dict[str, Any]] = []
    order = {"count": {"from_s": from_s, "to_s": to_s}}
    counting = threading.Thread(target=lambda: answers.append(ask(crowd, order)))
    counting.start()
    time.sleep(max(0.0, from_s - time.monotonic()))
    before_ms, began_s = arm.cpu_ms(), time.monotonic()
    time.sleep(max(0.0, to_s - time.monotonic()))
    spent_ms, spent_s = arm.cpu_ms() - before_ms, time.monotonic() - began_s
    counting.join()
    if not answers:
        raise ChildError("the viewers do not answer")
    given = answers[0]["given"]
    wanted = relay_arms.due(stage.began_s, from_s, to_s, sizes)
    return row_of(spent_ms / spent_s / len(given), tuple(arm.rss_mb()), wanted, given, joined)


def row_of(
    cpu_ms: float, rss_mb: tuple[float, ...], wanted: int, given: Sequence[dict[str, int]],
    joined: dict[str, Any],
) -> Row:  # fmt: skip
    """Return a row from the counters of every viewer; `wanted`: packets that the camera took."""
    sums = {name: sum(one[name] for one in given) for name in given[0]}
    features = {str(joined.get("profile", ""))}
    if sums["repeats"]:
        features.add("nack")
    if sums["in_rtx"]:
        features.add("rtx")
    if sums["reports"]:
        features.add("sr")
    if sums["described"]:
        features.add("sdes")
    if sums["extended"]:
        features.add("header-extensions")
    return Row(
        cpu_ms,
        rss_mb,
        min(one["packets"] for one in given) / wanted,
        min(1.0, sums["repeats"] / sums["asked"]) if sums["asked"] else 0.0,
        100 * sums["asked"] / sums["packets"] if sums["packets"] else 0.0,
        frozenset(features),
    )


def under_load(stage: Stage, load: Load, found: Found) -> None:
    """Measure how long pictures stay in our relay while analytics keep another core busy."""
    with ExitStack() as stack:
        film = str(stage.folder / "film" / "main")
        busy = stage.servers.child("benchmarks.lab.relay_load", film)
        stack.callback(busy.kill)
        words = (str(stage.rtsp_port), relay_arms.SERVER)
        tap = stage.servers.child("benchmarks.lab.relay_tap", *words)
        stack.callback(tap.kill)
        busy.read()
        tap.read()
        heard = ask(tap, {"listen": load.delay_s}, load.delay_s + 60.0)
    found.delays_s += heard["every"]
    found.last_s += heard["last"]


# how live it is --------------------------------------------------------------------------------


class Gateway:
    """A whole gateway with cameras, in the room's namespace, and browsers that look."""

    def __init__(self, made: Lab, folder: Path, film: Path, stack: ExitStack) -> None:
        self._stack = stack
        self._room = made.room
        camera = made.room.child(
            "benchmarks.lab.relay_camera", "0", str(1 + COLD_CAMERAS), str(film)
        )
        stack.callback(camera.kill)
        told = camera.read()
        self._began_s: float = told["began_s"]
        seed = relay_box.seed(told["port"], 1, COLD_CAMERAS)
        box = GatewayBox(made.room, folder / "gateway", seed, relay_box.config())
        config = box.config.read_text(encoding="utf-8")
        box.config.write_text(
            relay_box.reachable(config, "127.0.0.1", ROOM_ADDRESS), encoding="utf-8"
        )
        stack.enter_context(box)
        box.found(relay_box.OWNER)
        box.start()
        with box.client(relay_box.OWNER) as client:
            self._token = client.headers["Authorization"].split()[1]

    def screen(self, place: Place) -> Child:
        """Start a browser somewhere; ChildError if there is none."""
        made = place.child("benchmarks.lab.relay_screen")
        self._stack.callback(made.kill)
        told = {
            "namespace": self._room.name,
            "url": f"http://127.0.0.1:{CONSOLE}",
            "token": self._token,
            "began_s": self._began_s,
        }
        ask(made, told)
        return made


def live(made: Lab, folder: Path, film: Path, load: Load, found: Found, stack: ExitStack) -> None:
    """Measure in Chromium: first pictures, glass to glass, a thin link, a lossy one."""
    tell("a whole gateway and Chromium")
    house = made.house("browser", Terms())
    gateway = Gateway(made, folder, film, stack)
    near = gateway.screen(made.room)
    with looking(near, "warm-0", "", found):
        pass  # the browser's own first use of its decoder
    for number in range(load.looks):
        tell(f"first pictures {number + 1} of {load.looks}")
        with looking(near, "warm-0", "warm", found):
            if number == 0:
                steady(near, load, found)
        if number < COLD_CAMERAS:
            with looking(near, f"cold-{number}", "cold", found):
                pass
        time.sleep(0.37)  # another place in the group of pictures each time
    if house.carrier is None:
        raise BoxError("this house has no link")
    far = gateway.screen(house.edge)
    tell("a thin link")
    house.carrier.change(THIN)
    for _ in range(load.looks):
        with looking(far, "warm-0", "thin", found):
            pass
    tell("a lossy link")
    house.carrier.change(LOSSY)
    with looking(far, "warm-0", "lossy", found):
        time.sleep(STEADY_S)
        swallowed = house.carrier.figures()["back_lost"]
        lossy(far, load, found)
        found.lossy["swallowed"] = house.carrier.figures()["back_lost"] - swallowed


@contextmanager
def looking(screen: Child, camera: str, kind: str, found: Found) -> Iterator[None]:
    """Look at a camera, note when its first pictures came, and look away at the end."""
    order = {"look": relay_box.path_of(camera), "within_s": LOOK_S}
    told = ask(screen, order, LOOK_S + 60.0)
    if kind and told["young_s"] is None:
        found.never[kind] += 1
    elif kind:
        found.young[kind].append(told["young_s"])
        found.first[kind].append(told["first_s"])
    try:
        yield
    finally:
        ask(screen, {"end": True})


def steady(screen: Child, load: Load, found: Found) -> None:
    """Note the age of every picture that is shown."""
    time.sleep(STEADY_S)
    shown = ask(screen, {"watch": load.watch_s}, load.watch_s + 60.0)["shown"]
    found.ages_s += [age_s for _, age_s in shown if age_s is not None]


def lossy(screen: Child, load: Load, found: Found) -> None:
    """Note when pictures were shown while packets are lost."""
    told = ask(screen, {"watch": load.lossy_s}, load.lossy_s + 60.0)
    found.lossy_at_s = [at_s for at_s, _ in told["shown"]]
    found.lossy_s, found.lossy = load.lossy_s, told["stats"]


def longest_gap(at_s: Sequence[float]) -> float | None:
    """Return the longest time without a new picture; None of fewer than two."""
    return max((b - a for a, b in pairwise(at_s)), default=None)


# what is said ----------------------------------------------------------------------------------


def middle(found: Found, name: str, of: Callable[[Row], float]) -> float | None:
    """Return the median over the rounds that count."""
    return median([of(row) for row in found.rows.get(name, ()) if row.counts])


def best_of(found: Found) -> str | None:
    """Return the cheapest peer, None if none was measured."""
    costs = {name: middle(found, name, lambda row: row.cpu_ms) for name in PEERS}
    present = {name: cost for name, cost in costs.items() if cost is not None}
    return min(present, key=lambda name: present[name]) if present else None


def peer(found: Found, name: str) -> Figure:
    """Return what is said of a peer; None if it was not measured."""
    if middle(found, name, lambda row: row.cpu_ms) is None:
        return None
    return {
        "cpu_ms_per_viewer_s": rounded(middle(found, name, lambda row: row.cpu_ms)),
        "rss_mb": rounded(middle(found, name, lambda row: sum(row.rss_mb)), 0),
        "nack_answered": rounded(middle(found, name, lambda row: row.answered)),
        "features": list[Figure](features(found, name)),
    }


def features(found: Found, name: str) -> list[str]:
    """Return what was seen of a relay in every round that counts."""
    seen = [row.features for row in found.rows.get(name, ()) if row.counts]
    return sorted(frozenset.intersection(*seen)) if seen else []


def milliseconds(seconds: float | None, digits: int = 2) -> float | None:
    """Return seconds as milliseconds."""
    return rounded(None if seconds is None else 1e3 * seconds, digits)


def figures(found: Found) -> dict[str, Figure]:
    """Return the JSON object."""
    best = best_of(found)
    ratios = {name: rounded(median(found.ratios[name]), 2) for name in PEERS}
    ours = found.rows.get("ours", [])
    shown = len(found.lossy_at_s) / found.lossy_s if found.lossy_s else None
    return {
        "viewers": found.viewers,
        "stream_kbps": rounded(found.stream_kbps, 0),
        "nack_percent": rounded(middle(found, "ours", lambda row: row.nack_percent), 2),
        "ours": {
            "cpu_ms_per_viewer_s": rounded(middle(found, "ours", lambda row: row.cpu_ms)),
            "rss_mb": rounded(middle(found, "ours", lambda row: row.rss_mb[-1]), 0),
            "feeder_rss_mb": rounded(middle(found, "ours", lambda row: row.rss_mb[0]), 0),
            "nack_answered": rounded(middle(found, "ours", lambda row: row.answered)),
            "features": list[Figure](features(found, "ours")),
            "rounds": [round(row.cpu_ms, 3) for row in ours],
        },
        "peers": {name: peer(found, name) for name in PEERS},
        "ratio": {"best": None if best is None else ratios[best], **ratios},
        "best_peer": best,
        "first_live_picture_s": {
            kind: rounded(median(found.young[kind])) for kind in ("warm", "cold", "thin")
        },
        "first_live_picture_s_most": {
            kind: rounded(max(found.young[kind], default=None)) for kind in ("warm", "cold", "thin")
        },
        "first_any_picture_s": {
            kind: rounded(median(found.first[kind])) for kind in ("warm", "cold", "thin")
        },
        "never_live": sum(found.never.values()),
        "added_delay_ms_p50": milliseconds(percentile(found.delays_s, 50)),
        "added_delay_ms_p99": milliseconds(percentile(found.delays_s, 99)),
        "added_delay_last_viewer_ms_p99": milliseconds(percentile(found.last_s, 99)),
        "glass_to_glass_ms_p50": milliseconds(percentile(found.ages_s, 50), 0),
        "glass_to_glass_ms_p95": milliseconds(percentile(found.ages_s, 95), 0),
        "lossy": {
            "fps_shown": rounded(shown, 1),
            "freeze_s_most": rounded(longest_gap(found.lossy_at_s)),
            "seconds": found.lossy_s,
            "swallowed": found.lossy.get("swallowed"),
            "nacks": found.lossy.get("nacks"),
        },
    }


def report(made: Report, load: Load, found: Found) -> None:
    """Say it all."""
    made.skipped = found.skipped
    made.figures = figures(found)
    made.rows = rows(found)
    made.not_like_for_like = remarks(load, found)
    made.publish()


def rows(found: Found) -> list[tuple[str, str]]:
    """Return the table for people."""
    ours = middle(found, "ours", lambda row: row.cpu_ms)
    said = [(f"{found.viewers} viewers, ours: CPU per viewer-second", written(ours, "ms"))]
    for name in PEERS:
        cost = middle(found, name, lambda row: row.cpu_ms)
        times = written(median(found.ratios[name]) or ratio(cost, ours), "x")
        said.append((f"  {name}", f"{written(cost, 'ms')}, {times}" if cost else "not measured"))
    for name in ("ours", *PEERS):
        if (answered := middle(found, name, lambda row: row.answered)) is not None:
            size = middle(found, name, lambda row: sum(row.rss_mb))
            said.append(
                (f"  {name}: asked again and answered, memory",
                 f"{answered:.0%}, {written(size, 'MB', 0)}")
            )  # fmt: skip
    for kind in ("warm", "cold", "thin"):
        young, most = median(found.young[kind]), max(found.young[kind], default=None)
        label = f"first live picture, {kind}: median / most"
        said.append((label, f"{written(young, 's')} / {written(most, 's')}"))
    every, last = percentile(found.delays_s, 99), percentile(found.last_s, 99)
    shown = len(found.lossy_at_s) / found.lossy_s if found.lossy_s else None
    return [
        *said,
        ("added delay under load p99, any viewer", written(milliseconds(every), "ms")),
        ("added delay under load p99, the last viewer", written(milliseconds(last), "ms")),
        ("glass to glass p95, loopback",
         written(milliseconds(percentile(found.ages_s, 95)), "ms", 0)),
        ("2 % loss, 60 ms: pictures shown a second", written(shown, "", 1)),
        ("2 % loss, 60 ms: longest freeze", written(longest_gap(found.lossy_at_s), "s")),
    ]  # fmt: skip


def remarks(load: Load, found: Found) -> list[str]:
    """Return what is not as in the field."""
    said = [
        "relays, camera and viewers share the same cores; what a datagram costs on its way to the "
        "viewer's socket, where the kernel drops it, is counted at the relay that sent it, for all",
        "ours: CPU is that of the media process and of a process that pulls, feeds and leases as "
        "the gateway does; rss_mb is the media process's, feeder_rss_mb the other one's, and the "
        "table has both together",
        "Janus and libdatachannel are given plain RTP over UDP, which costs them less than the "
        "RTSP that ours and aiortc pull; Janus with event_loops=2 and ICE-lite",
        "libdatachannel gets each packet from a script that writes payload type and SSRC and keeps "
        "512 for NACK: letting the library cut whole pictures cost it half as much again",
        "a viewer counts every hundredth packet as lost, asks for it once and opens what comes; "
        "ours, Janus and aiortc answer in RTX, libdatachannel with the packet itself",
        f"aiortc has {FEWER['aiortc']} viewers: one core would not do for {VIEWERS}; what "
        "it spends on pulling is shared by fewer, under a tenth of its figure",
        "memory is the sum of resident sets; pages that two processes share count twice",
        "added delay: from the last TCP segment of a picture at the camera's end of loopback to "
        "the last datagram of that picture on the wire, at each viewer; one process decodes "
        "1080p and looks for motion as fast as it can meanwhile",
        "first live picture: from the click to the first picture less than 0.25 s old, its age "
        "read out of Chromium's pixels; signalling does not cross the thin link",
        "cold: the gateway does not pull the camera; the camera is our own simulator, which begins "
        "with the kept key picture, where many cameras let one wait for the next",
        "glass to glass: from the time at which the camera's encoder would have taken the picture "
        "to its being presented; no sensor, no encoder, no monitor; Chromium decodes in software",
    ]
    if found.viewers != VIEWERS:
        said.append(
            f"{found.viewers} viewers, not {VIEWERS}: what does not grow with them weighs more"
        )
    if load is QUICK:
        said.append("quick: one round, and few looks")
    if sum(found.never.values()):
        said.append(f"{sum(found.never.values())} looks had no live picture within {LOOK_S:.0f} s")
    return said


if __name__ == "__main__":
    sys.exit(main())
