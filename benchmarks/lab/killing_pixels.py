# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From a camera's pixels to a person's screen while the processes between are killed.

A real edge behind NAT pulls cameras that know when somebody walks past; its alarms go over its
line, mutual TLS, to a real room, where an operator's page listens: the event stream, and the list
whenever the stream begins anew, as the console does it.
"""

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import httpx

from benchmarks.lab.boxes import GatewayBox, until
from benchmarks.lab.interconnection import (
    ROOM,
    View,
    edge_config,
    edge_seed,
    enrol_before,
    room_config,
    room_seed,
)
from benchmarks.lab.killing import lines_of
from benchmarks.lab.killing_camera import OFF_AFTER_S, PERIOD_S, VISIT_S, spread_s
from benchmarks.lab.network import Lab

EDGE, ORGANISATION = "uno", "sala-pl"
USER = f"operatore-{ORGANISATION}"
RULE = "intrusione"
LEARN_S = 6.0
"""A new camera's scene is learnt; longer than it takes."""
BOUND_S = 60.0
LATE_S = 30.0
"""What is not on the screen so long after the last visit is lost."""
EARLY_US = 500_000
"""Capture times are told to about a frame."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much; a kill each `kill_s` on average."""

    cameras: int
    visits: int
    """Of each camera."""
    kill_s: float
    room_kills: int
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody walked past a camera; microseconds UTC."""

    camera: str
    began_us: int
    next_us: int
    """When the next one came; far away after the last one."""


@dataclass(slots=True)
class Seen:
    """What became of the visits."""

    incidents: int = 0
    lost: int = 0
    in_open_alarm: int = 0
    """Visits that began while the alarm of the one before was still open and nobody had answered
    it: that one tells of them, since a scene that is learnt anew ends no incident. Told, not lost,
    and counted apart; who had answered it would have been told nothing, so then it is lost."""
    twice: int = 0
    """Visits with more than one alarm."""
    untrue: int = 0
    """Alarms with no visit."""
    child_kills: int = 0
    room_kills: int = 0
    screen_s: list[float] = field(default_factory=list)
    """From the first picture with somebody to the alarm on the screen."""
    streams: int = 0
    """How often the page had to begin its stream anew."""
    shown_twice: int = 0
    """Alarms that the stream gave as new again, the version being the same."""


class Screen:
    """An operator's page, on a thread of its own."""

    def __init__(self, room: GatewayBox) -> None:
        self._room = room
        self.alarms: dict[str, tuple[dict[str, Any], float]] = {}
        """By id, each alarm as it was last seen, and when it first was, in seconds UTC."""
        self.streams = 0
        self.versions: Counter[str] = Counter()
        """How often an event of the stream came, by its id; within one stream."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        until(lambda: self.streams, BOUND_S, "an operator's stream")
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._stop.set()
        self._thread.join(BOUND_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            with suppress(httpx.HTTPError), self._room.client(USER) as client:
                self._watch(client)
            self._stop.wait(0.3)

    def _watch(self, client: httpx.Client) -> None:
        with client.stream("GET", "/api/alarms/events", timeout=25.0) as stream:
            if stream.status_code != httpx.codes.OK:
                return
            self.streams += 1
            kind = name = ""
            for line in stream.iter_lines():
                if self._stop.is_set():
                    return
                word, _, rest = line.partition(": ")
                if word == "event":
                    kind = rest
                elif word == "id":
                    name = f"{self.streams} {rest}"
                elif word == "data" and kind == "alarm":
                    self.versions[name] += 1
                    self._show(json.loads(rest))
                elif word == "data" and kind == "ready":
                    self._reload(client)

    def _reload(self, client: httpx.Client) -> None:
        for one in client.get("/api/alarms", params={"limit": 500}).json():
            self._show(one)

    def _show(self, alarm: dict[str, Any]) -> None:
        if alarm["rule"] == RULE:
            _, seen_s = self.alarms.get(alarm["id"], (alarm, time.time()))
            self.alarms[alarm["id"]] = alarm, seen_s


def watch(lab: Lab, folder: Path, load: Load) -> Seen:
    """Let people walk, kill, and see what the operator sees."""
    seen = Seen()
    with ExitStack() as stack:
        house = lab.house(EDGE)
        (folder / "film").mkdir(parents=True)
        words = (str(load.cameras), str(load.visits), str(folder / "film"))
        cameras = house.edge.child("benchmarks.lab.killing_camera", *words)
        stack.callback(cameras.kill)
        room = _room(lab, folder, stack)  # while the film is painted
        port = cameras.read()["port"]
        names = [f"c{number}" for number in range(load.cameras)]
        edge = _edge(lab, folder, stack, [
            View(one, f"rtsp://127.0.0.1:{port}/{number}", (ORGANISATION,), off_after_s=OFF_AFTER_S)
            for number, one in enumerate(names)
        ])  # fmt: skip
        _enrolled(room, edge)
        until(lambda: _all_live(edge, names), BOUND_S, "the cameras")
        learnt_s = time.monotonic() + LEARN_S
        with Screen(room) as screen:
            time.sleep(max(0.0, learnt_s - time.monotonic()))
            cameras.ask("walk")
            _torment(room, edge, load, seen)
            truth = until(
                lambda: _complete(folder / "film" / "visits", load), BOUND_S, "the last visit"
            )
            _judge(screen, truth, seen)
    return seen


def _room(lab: Lab, folder: Path, stack: ExitStack) -> GatewayBox:
    """Found a room; it does not run yet."""
    seed = room_seed([ORGANISATION], {EDGE: [ORGANISATION]})
    room = stack.enter_context(GatewayBox(lab.room, folder / ROOM, seed, room_config()))
    room.found(USER)
    return room


def _edge(lab: Lab, folder: Path, stack: ExitStack, views: Sequence[View]) -> GatewayBox:
    """Return an edge that does not run yet."""
    return stack.enter_context(
        GatewayBox(
            lab.houses[-1].edge, folder / EDGE, edge_seed(EDGE, views, {ORGANISATION: ROOM}),
            edge_config(EDGE, {ROOM: ORGANISATION}),
        )
    )  # fmt: skip


def _enrolled(room: GatewayBox, edge: GatewayBox) -> None:
    """Enrol the edge and start both."""
    enrol_before(room, [edge], ROOM)
    room.start(wait=False)
    edge.start(wait=False)
    room.wait()
    edge.wait()


def _all_live(edge: GatewayBox, names: Sequence[str]) -> bool:
    with edge.client() as client:
        text = client.get("/metrics").text
    return all(f'varco_camera_live{{camera="{one}"}} 1.0' in text for one in names)


def _torment(room: GatewayBox, edge: GatewayBox, load: Load, seen: Seen) -> None:
    """Kill children of the edge, and now and then the room's gateway, until the walks are over."""
    draw = random.Random(load.seed)
    last = spread_s(load.visits) * (load.cameras - 1) / load.cameras
    lasts_s = PERIOD_S * (load.visits - 1) + last + VISIT_S
    began_s = time.monotonic()
    for number in range(load.room_kills):
        room_s = began_s + lasts_s * (number + draw.random()) / load.room_kills
        _kill_children(edge, draw, load, seen, min(room_s, began_s + lasts_s - VISIT_S))
        room.kill()
        room.start(wait=False)
        seen.room_kills += 1
    _kill_children(edge, draw, load, seen, began_s + lasts_s)
    room.wait()


def _kill_children(
    edge: GatewayBox, draw: random.Random, load: Load, seen: Seen, until_s: float
) -> None:
    while (now_s := time.monotonic()) < until_s:
        time.sleep(min(until_s - now_s, draw.uniform(0.5, 1.5) * load.kill_s))
        if found := children(edge.pid):
            with suppress(ProcessLookupError):
                os.kill(draw.choice(found), signal.SIGKILL)
                seen.child_kills += 1


def children(pid: int) -> list[int]:
    """Return the codec children of a gateway: those that decode and look at pictures."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(word) for word in path.read_text().split() if _is_codec(word)]
    return sorted(found)


def _is_codec(pid: str) -> bool:
    return b"--memory-bytes" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def _complete(path: Path, load: Load) -> list[Visit]:
    """Return the visits once the last one is over; nothing before."""
    lines = lines_of(path)
    return visits_of(lines) if len(lines) >= load.cameras * load.visits else []


def visits_of(lines: Sequence[str]) -> list[Visit]:
    """Return what the cameras wrote down."""
    rows = sorted(tuple(map(int, line.split())) for line in lines)
    found: list[Visit] = []
    for row, later in zip(rows, [*rows[1:], None], strict=True):
        is_last = later is None or later[0] != row[0]
        next_us = row[3] + 10**12 if later is None or is_last else later[2]
        found.append(Visit(f"{EDGE}.c{row[0]}", row[2], next_us))
    return found


def _judge(screen: Screen, truth: Sequence[Visit], seen: Seen) -> None:
    ends_s = time.monotonic() + LATE_S
    while time.monotonic() < ends_s and tally(truth, list(screen.alarms.values())).lost:
        time.sleep(0.2)
    found = tally(truth, list(screen.alarms.values()))
    seen.incidents, seen.lost, seen.twice = found.incidents, found.lost, found.twice
    seen.untrue, seen.screen_s = found.untrue, found.screen_s
    seen.in_open_alarm = found.in_open_alarm
    seen.streams = screen.streams
    seen.shown_twice = sum(count > 1 for count in screen.versions.values())


def tally(truth: Sequence[Visit], alarms: Sequence[tuple[dict[str, Any], float]]) -> Seen:
    """Set alarms beside visits: one belongs to the visit before it, of its camera."""
    seen, left = Seen(incidents=len(truth)), list(alarms)
    for one in truth:
        mine = [
            (alarm, at_s)
            for alarm, at_s in left
            if alarm["camera"] == one.camera
            and one.began_us - EARLY_US <= _us(alarm["raised"]) < one.next_us - EARLY_US
        ]
        left = [alarm for alarm in left if alarm not in mine]
        if not mine:
            is_open = any(_covers(alarm, one) for alarm, _ in alarms)
            seen.in_open_alarm += is_open
            seen.lost += not is_open
        seen.twice += len(mine) > 1
        if mine:
            seen.screen_s.append(min(at_s for _, at_s in mine) - one.began_us / 1e6)
    seen.untrue = len(left)
    return seen


def _covers(alarm: dict[str, Any], visit: Visit) -> bool:
    """Return whether an alarm, as the page knows it last, called for somebody when a visit began.

    It was open, and nobody had answered it: the operator's page rang with this camera's name.
    """
    if alarm["camera"] != visit.camera or _us(alarm["raised"]) > visit.began_us:
        return False
    answers = (alarm["taken"], alarm["closed"])
    if any(said and _us(said) <= visit.began_us for said in answers):
        return False
    return not alarm["ended"] or _us(alarm["ended"]) > visit.began_us


def _us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1e6)
