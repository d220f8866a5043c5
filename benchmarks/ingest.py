# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What pulling cameras costs, against libav, and how soon a picture is back.

1080p25 H.264 over RTSP/TCP on loopback. Ours and libav's client (PyAV, one demux thread a camera)
pull the same cameras from processes of their own, in turn in each round. CPU time is what
the kernel accounted to all threads, divided by the seconds of video that arrived.
"""

import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.lab import pictures
from benchmarks.lab.figures import (
    Figure,
    Plan,
    Report,
    median,
    parser,
    percentile,
    plan_of,
    ratio,
    rounded,
    written,
)
from benchmarks.lab.process import Child, ChildError, child, cpu_ms, rss_mb, start

OURS, LIBAV = "benchmarks.lab.pull_ours", "benchmarks.lab.pull_libav"
CAMERA = "benchmarks.lab.camera"
STALL_S = 2.0
"""The default of `StreamSource.least_stall_s`."""
FIRST_PICTURES_S = 2.5
"""Before this a session is given more time than `stall_s`: encoders that start on demand."""
WARM_UP = 25
"""Deaths after which the allocator has what reconnecting needs; growth counts from there.

A quick run waits for half of its deaths: measured, memory rises by 4 % over the first five and by
less than 1 % over the next ten.
"""
LEAST_SHARE = 0.97
"""A run in which fewer of the pictures arrived measured something else."""
LIVE_S = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """How much is measured for how long."""

    streams: int
    rounds: int
    settle_s: float
    measure_s: float
    kills: int
    freezes: int


QUICK = Load(streams=100, rounds=2, settle_s=1.5, measure_s=4.0, kills=10, freezes=1)
FULL = Load(streams=100, rounds=5, settle_s=4.0, measure_s=20.0, kills=100, freezes=10)
"""The full run reconnects more than 10,000 times."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One run of one client."""

    cpu_ms_per_stream_s: float
    mb_per_stream: float
    share: float
    """Pictures that arrived, of those that were due."""


@dataclass(slots=True)
class Returns:
    """What happened when cameras died and froze."""

    recover_s: list[float] = field(default_factory=list)
    noticed_s: list[float] = field(default_factory=list)
    reconnects: int = 0
    growth_percent: float | None = None
    growth_tasks: int = 0
    growth_sockets: int = 0
    start_s: list[float] = field(default_factory=list)
    """From the call to pull to each camera's first picture, all cameras started at once."""
    lost: int = 0
    """Cameras that did not come back in time, and stalls that nobody noticed."""


class Cameras:
    """The process of cameras; killed, stopped and started again."""

    def __init__(self, streams: int, path: Path) -> None:
        self._streams = streams
        self._path = path
        self.port = 0
        self.ready_s = 0.0
        self.running: Child | None = None

    def begin(self) -> Child:
        """Start serving, on the same port as before."""
        running = start(CAMERA, str(self.port), str(self._streams), str(self._path))
        self.running = running
        told = running.read()
        self.port, self.ready_s = told["port"], told["ready_s"]
        return running

    def end(self) -> None:
        """Kill the process."""
        if self.running is not None:
            self.running.kill()
            self.running = None


@contextmanager
def cameras(streams: int, path: Path) -> Iterator[Cameras]:
    """Serve until the block ends."""
    made = Cameras(streams, path)
    try:
        made.begin()
        yield made
    finally:
        made.end()


def main() -> int:
    """Measure, print, write."""
    command = parser("ingest", __doc__)
    command.add_argument("--streams", type=int, metavar="N", help="cameras pulled at once")
    plan = plan_of(command.parse_args())
    load = QUICK if plan.quick else FULL
    streams = plan.extra.streams or load.streams
    with tempfile.TemporaryDirectory(prefix="varco-ingest-") as folder:
        path = Path(folder) / "pictures"
        kbps = pictures.make(path)
        with cameras(streams, path) as served:
            ours, libav = compare(served, load, streams)
        with cameras(streams, path) as served:
            returns = torment(served, load, streams)
    report(plan, load, (ours, libav), returns, streams=streams, kbps=kbps)
    return 0


def compare(served: Cameras, load: Load, streams: int) -> tuple[list[Cost], list[Cost]]:
    """Run both clients in turn."""
    ours: list[Cost] = []
    libav: list[Cost] = []
    for _ in range(load.rounds):
        ours.append(cost(OURS, served.port, load, streams))
        libav.append(cost(LIBAV, served.port, load, streams))
    return ours, libav


def cost(module: str, port: int, load: Load, streams: int) -> Cost:
    """Run one client once."""
    with child(module, str(streams)) as client:
        client.read()
        empty_mb = rss_mb(client.pid)
        client.ask(f"pull {port}")
        wait_live(client, streams)
        time.sleep(load.settle_s)
        before, spent_ms = client.ask("count"), cpu_ms(client.pid)
        time.sleep(load.measure_s)
        spent_ms = cpu_ms(client.pid) - spent_ms
        after = client.ask("count")
        stream_s = (after["units"] - before["units"]) / pictures.FPS
        due_s = streams * (after["at_s"] - before["at_s"])
        size_mb = (rss_mb(client.pid) - empty_mb) / streams
    return Cost(spent_ms / stream_s, size_mb, stream_s / due_s)


def wait_live(client: Child, streams: int, timeout_s: float = LIVE_S) -> dict[str, Any]:
    """Wait until all cameras give pictures; ChildError if they do not."""
    limit_s = time.monotonic() + timeout_s
    while (counts := client.ask("count"))["live"] < streams:
        if time.monotonic() > limit_s:
            raise ChildError(f"{counts['live']} of {streams} cameras after {timeout_s:.0f} s")
        time.sleep(0.05)
    return counts


def torment(served: Cameras, load: Load, streams: int) -> Returns:
    """Kill and freeze the cameras while our client pulls them."""
    returns = Returns()
    draw = random.Random(1)
    with child(OURS, str(streams)) as client:
        client.read()
        asked_s = client.ask(f"pull {served.port}")["at_s"]
        returns.start_s = [at_s - asked_s for at_s in watch(client, "live", streams, LIVE_S)]
        first = wait_live(client, streams)
        first_mb, began = 0.0, first["connects"]
        for number in range(load.kills + load.freezes):
            client.ask("events")
            if number < load.kills:
                back_s = die(served, draw)
            else:
                back_s = freeze(served, client, streams, returns)
            note_recoveries(client, streams, back_s, returns)
            time.sleep(0.3)
            if number < max(1, min(WARM_UP, load.kills // 2)):
                first_mb, first = rss_mb(client.pid), client.ask("count")
        last = client.ask("count")
        returns.reconnects = last["connects"] - began
        returns.growth_tasks = last["tasks"] - first["tasks"]
        returns.growth_sockets = last["sockets"] - first["sockets"]
        returns.growth_percent = 100 * (rss_mb(client.pid) / first_mb - 1)
    return returns


def die(served: Cameras, draw: random.Random) -> float:
    """Kill the cameras, start them again after a while; return when they were back."""
    served.end()
    time.sleep(draw.uniform(0.3, 1.5))
    served.begin()
    return served.ready_s


def freeze(served: Cameras, client: Child, streams: int, returns: Returns) -> float:
    """Stop the cameras until the stall is noticed; return when they went on."""
    running = served.running or served.begin()
    time.sleep(FIRST_PICTURES_S)
    stopped_s = time.monotonic()
    running.signal(signal.SIGSTOP)
    try:
        noticed = watch(client, "stalled", streams, STALL_S + 5.0)
        time.sleep(1.0)
    finally:
        back_s = time.monotonic()
        running.signal(signal.SIGCONT)
    returns.noticed_s += [at_s - stopped_s for at_s in noticed]
    returns.lost += streams - len(noticed)
    return back_s


def note_recoveries(client: Child, streams: int, back_s: float, returns: Returns) -> None:
    """Wait until all pictures are back and note how long each took."""
    live = watch(client, "live", streams, 20.0)
    returns.recover_s += [max(0.0, at_s - back_s) for at_s in live]
    returns.lost += streams - len(live)


def watch(client: Child, state: str, streams: int, timeout_s: float) -> list[float]:
    """Return when each camera first entered `state`; those that did not in time are left out."""
    limit_s = time.monotonic() + timeout_s
    seen: dict[str, float] = {}
    while len(seen) < streams and time.monotonic() < limit_s:
        for at_s, camera, entered in client.ask("events")["events"]:
            if entered == state:
                seen.setdefault(camera, at_s)
        time.sleep(0.05)
    return list(seen.values())


def summary(costs: list[Cost]) -> dict[str, Figure]:
    """Return the medians over the rounds, and each round."""
    return {
        "cpu_ms_per_stream_s": rounded(median([one.cpu_ms_per_stream_s for one in costs])),
        "mb_per_stream": rounded(median([one.mb_per_stream for one in costs])),
        "cpu_rounds": [round(one.cpu_ms_per_stream_s, 3) for one in costs],
        "least_share": rounded(min(one.share for one in costs), 4),
    }


def ratios(costs: tuple[list[Cost], list[Cost]]) -> tuple[float | None, float | None]:
    """Return the medians over rounds of libav's CPU and memory divided by ours."""
    pairs = list(zip(*costs, strict=True))
    cpu = [ratio(theirs.cpu_ms_per_stream_s, us.cpu_ms_per_stream_s) for us, theirs in pairs]
    memory = [ratio(theirs.mb_per_stream, us.mb_per_stream) for us, theirs in pairs]
    known = [[one for one in some if one is not None] for some in (cpu, memory)]
    return median(known[0]), median(known[1])


def report(
    plan: Plan,
    load: Load,
    costs: tuple[list[Cost], list[Cost]],
    returns: Returns,
    *,
    streams: int,
    kbps: int,
) -> None:
    """Say it all."""
    by_cpu, by_memory = ratios(costs)
    ours, libav = summary(costs[0]), summary(costs[1])
    made = Report("ingest", plan, load.rounds)
    made.figures = {
        "streams": streams,
        "stream_kbps": kbps,
        "ours": ours,
        "libav": libav,
        "ratio": {"cpu": rounded(by_cpu), "memory": rounded(by_memory)},
        "recover_s_p95": rounded(percentile(returns.recover_s, 95)),
        "recover_s_most": rounded(max(returns.recover_s, default=None)),
        "stall_noticed_s_p95": rounded(percentile(returns.noticed_s, 95)),
        "reconnects": returns.reconnects,
        "not_recovered": returns.lost,
        "growth_percent": rounded(returns.growth_percent, 2),
        "growth_tasks": returns.growth_tasks,
        "growth_sockets": returns.growth_sockets,
        "start_s_p50": rounded(percentile(returns.start_s, 50)),
        "start_s_p95": rounded(percentile(returns.start_s, 95)),
        "start_s_most": rounded(max(returns.start_s, default=None)),
    }
    made.rows = rows(made.figures, costs, kbps)
    made.not_like_for_like = remarks(costs)
    made.publish()


def rows(
    figures: dict[str, Figure], costs: tuple[list[Cost], list[Cost]], kbps: int
) -> list[tuple[str, str]]:
    """Return the table for people."""
    by_cpu, by_memory = ratios(costs)
    found = [(f"{figures['streams']} cameras, 1080p25 H.264", f"{kbps} kbit/s each, RTSP/TCP")]
    for name, some in zip(("ours", "libav"), costs, strict=True):
        cpu = median([one.cpu_ms_per_stream_s for one in some])
        size = median([one.mb_per_stream for one in some])
        spread = f"({min(c.cpu_ms_per_stream_s for c in some):.2f}" + (
            f"-{max(c.cpu_ms_per_stream_s for c in some):.2f})"
        )
        found.append((f"{name}: CPU per stream-second", f"{written(cpu, 'ms')} {spread}"))
        found.append((f"{name}: memory per stream", written(size, "MB")))
    found += [
        ("libav / ours: CPU", written(by_cpu, "x")),
        ("libav / ours: memory", written(by_memory, "x", 1)),
        (
            "first pictures after a start of all at once, p50 / p95 / last",
            f"{figures['start_s_p50']} / {figures['start_s_p95']} / {figures['start_s_most']} s",
        ),
        ("picture back after the camera is, p95", f"{figures['recover_s_p95']} s"),
        ("stall noticed, p95", f"{figures['stall_noticed_s_p95']} s"),
        (
            "reconnects, and memory growth over them",
            f"{figures['reconnects']}, {figures['growth_percent']} %, "
            f"{figures['growth_tasks']} tasks, {figures['growth_sockets']} sockets",
        ),
        ("cameras that did not come back", str(figures["not_recovered"])),
    ]
    return found


def remarks(costs: tuple[list[Cost], list[Cost]]) -> list[str]:
    """Return what is not the same on both sides, or not as in the field."""
    said = [
        "loopback: each picture arrives in one burst; a camera on a wire spreads its packets",
        "the cameras are our own simulator's, each at another phase",
        "libav only demuxes; ours also maps capture times and publishes to a fan-out (no reader)",
        "ours without the kept GOP, which costs the bytes of one GOP per camera",
        "recovery is of our client alone, measured from when the cameras serve again",
    ]
    for name, some in zip(("ours", "libav"), costs, strict=True):
        least = min(one.share for one in some)
        if least < LEAST_SHARE:
            said.append(f"{name}: in one round only {least:.0%} of the pictures arrived")
    return said


if __name__ == "__main__":
    sys.exit(main())
