# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What an outage costs: the backlog afterwards, a broker that is dead, a mobile link and its cuts.

Times are between two processes' own records on one machine, so that they share a clock.
"""

import signal
import time
from dataclasses import dataclass, field

from benchmarks.lab.boxes import BoxError, until
from benchmarks.lab.killing import ENDLESS, START_S, Inbox, Site, Trio, trio
from benchmarks.lab.link import Terms
from benchmarks.lab.network import ROOM_ADDRESS, House, Lab

LTE = Terms(delay_ms=60, jitter_ms=20, loss=0.02, rate_kbps=4000, queue_ms=300)
FAR_PACE = 20.0
"""Alarms a second over the link: more than a town raises."""
NOTICE_S = 60.0
BACK_S = 120.0


@dataclass(frozen=True, slots=True)
class Load:
    """How much; seconds."""

    backlog: int
    lte_s: float
    cut_s: float
    deaths: int


@dataclass(slots=True)
class Outage:
    """What was seen."""

    backlog: int = 0
    drain_per_s: float | None = None
    """Over the time in which the inbox took the backlog."""
    drain_s: float | None = None
    """From the broker's return until the inbox had it all, redialling included."""
    noticed_s: list[float] = field(default_factory=list)
    """From the moment a broker said no word more until the box held its line for dead."""
    latencies_s: list[float] = field(default_factory=list)
    """Over the mobile link, from raised to the room's commit; not those around a cut."""
    copies: int = 0
    carried: int = 0
    """Alarms over the mobile link in all."""
    cut_noticed_s: float | None = None
    caught_up_s: float | None = None
    """From the end of the cut until everything raised before it had arrived."""
    lost: int = 0


def drain(site: Site, load: Load, out: Outage) -> None:
    """Raise a backlog while there is no broker, then have it delivered."""
    with trio(site, 0, load.backlog) as three:
        three.start("room")
        three.start("box")
        until(lambda: len(three.promised()) >= load.backlog, BACK_S, "a backlog")
        back_s = time.monotonic()
        three.start("broker")
        out.lost += len(three.settle())
        out.backlog, out.drain_s = load.backlog, time.monotonic() - back_s
        times_us = sorted(three.inbox().received_us.values())
        span_us = times_us[-1] - times_us[0] if times_us else 0
        if span_us:
            first = sum(one == times_us[0] for one in times_us)
            out.drain_per_s = (len(times_us) - first) / (span_us / 1e6)


def deaths(site: Site, load: Load, out: Outage) -> None:
    """Freeze the broker: the connection stands and nobody answers; the box has to notice."""
    with trio(site, FAR_PACE, ENDLESS) as three:
        _begin(three)
        for left in reversed(range(load.deaths)):
            frozen_s = time.monotonic()
            three.signal("broker", signal.SIGSTOP)
            found_s = _turned(three, up=False, after_s=frozen_s)
            three.signal("broker", signal.SIGCONT)
            out.noticed_s.append(found_s - frozen_s)
            if left:
                _turned(three, up=True, after_s=found_s)


def mobile(lab: Lab, site: Site, load: Load, out: Outage) -> None:
    """Raise alarms behind a mobile link, which is cut for a while."""
    house = lab.house("lte", LTE)
    with trio(Site(site.folder, house.edge, lab.room, ROOM_ADDRESS), FAR_PACE, ENDLESS) as three:
        _begin(three)
        before = set(three.promised())
        first = three.inbox()
        time.sleep(load.lte_s)
        told = set(three.promised()) - before
        until(lambda: not told - three.inbox().received_us.keys(), BACK_S, "all of the link")
        calm = three.inbox()
        out.latencies_s = _latencies(calm, told)
        out.copies, out.carried = calm.copies - first.copies, len(told)
        _cut(three, house, load, out)


def _latencies(inbox: Inbox, told: set[str]) -> list[float]:
    return [(inbox.received_us[one] - inbox.raised_us[one]) / 1e6 for one in told]


def _cut(three: Trio, house: House, load: Load, out: Outage) -> None:
    carrier = house.carrier
    if carrier is None:
        raise BoxError("this house has no link")
    carrier.cut()
    cut_s = time.monotonic()
    time.sleep(load.cut_s)
    fell_s = three.line_turned(up=False, after_s=cut_s)
    out.cut_noticed_s = None if fell_s is None else fell_s - cut_s
    carrier.mend()
    mended_s, owed = time.monotonic(), set(three.promised())
    until(lambda: not owed - three.inbox().received_us.keys(), BACK_S, "all after the cut")
    out.caught_up_s = time.monotonic() - mended_s


def _begin(three: Trio) -> None:
    for name in ("broker", "room", "box"):
        three.start(name)
    until(three.shown, START_S, "a first alarm on the screen")
    time.sleep(1.0)  # what was raised before the line stood is no steady run


def _turned(three: Trio, *, up: bool, after_s: float) -> float:
    """Return when the box's line turned."""
    what = "the line is back" if up else "a dead broker is noticed"
    found_s = until(lambda: three.line_turned(up=up, after_s=after_s), NOTICE_S, what, 0.02)
    return found_s or 0.0
