# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A box, a broker and a room in processes of their own, and somebody who kills them.

What counts is read from outside: the ids that the box has promised, the rows of the room's inbox,
the lines of its screen. Nothing that a killed process believed of itself is taken for granted.
"""

import contextlib
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.lab.boxes import BoxError, until
from benchmarks.lab.network import LabError, Place

BOX: Final = "box-1"
RECIPIENT: Final = "sala-pl"
PREFIX: Final = f"prova/{RECIPIENT}"
LOCAL: Final = "127.0.0.1"
START_S: Final = 60.0
ENDLESS: Final = 10_000_000
SETTLE_S: Final = 180.0
"""What did not arrive so long after the last kill is lost."""
_ROOT = Path(__file__).parents[2]
_SHIPPED = _ROOT / "configs" / "mosquitto" / "mosquitto.conf"


@dataclass(frozen=True, slots=True)
class Inbox:
    """What a room has on disk."""

    received_us: dict[str, int]
    """When each alarm came, UTC."""
    raised_us: dict[str, int]
    copies: int
    """Messages that came again."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where the processes run; None: here."""

    folder: Path
    box: Place | None = None
    far: Place | None = None
    """The broker's and the room's."""
    address: str = LOCAL
    """Of the broker, as the box dials it."""


class Trio:
    """A box, a broker and a room; use as a context manager."""

    def __init__(self, site: Site, rate: float, total: int) -> None:
        """`rate`: alarms a second, 0 for as many as the disk takes; `total`: alarms in all."""
        mosquitto = _mosquitto()
        self.folder = site.folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self._site = site
        self._log = (self.folder / "log").open("ab")
        with _inside(site.far):
            self.port = free_port()
        python = (sys.executable, "-m")
        folder, port = str(site.folder), str(self.port)
        self._commands: dict[str, Sequence[str]] = {
            "broker": (mosquitto, "-c", str(self._broker_config())),
            "room": (*python, "benchmarks.lab.killing_room", folder, LOCAL, port),
            "box": (
                *python, "benchmarks.lab.killing_box", folder, site.address, port, str(rate),
                str(total),
            ),
        }  # fmt: skip
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def _broker_config(self) -> Path:
        """Write what we ship for brokers, on these addresses and for anybody."""
        store = self.folder / "store"
        store.mkdir(exist_ok=True)
        shipped = _SHIPPED.read_text(encoding="utf-8").partition("# ---- Identity")[0]
        text = shipped.replace("/var/lib/mosquitto/", f"{store}/")
        user = "user root\n" if os.geteuid() == 0 else ""
        listeners = "".join(
            f"listener {self.port} {one}\n" for one in dict.fromkeys((LOCAL, self._site.address))
        )
        path = self.folder / "mosquitto.conf"
        path.write_text(f"{text}\n{user}allow_anonymous true\n{listeners}", encoding="utf-8")
        return path

    def start(self, name: str) -> None:
        """Start one that does not run; the broker listens when this returns."""
        place = self._site.box if name == "box" else self._site.far
        with _inside(place):
            self._running[name] = subprocess.Popen(
                self._commands[name], stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
                cwd=_ROOT,
            )  # fmt: skip
            if name == "broker":
                until(self._listens, START_S, "mosquitto listens", 0.01)

    def _listens(self) -> bool:
        if self._running["broker"].poll() is not None:
            raise BoxError(f"mosquitto ended: {self.tail()}")
        with contextlib.suppress(OSError), closing(socket.create_connection((LOCAL, self.port), 1)):
            return True
        return False

    def kill(self, name: str) -> None:
        """Kill -9."""
        process = self._running[name]
        if process.poll() not in (None, -signal.SIGKILL):
            raise BoxError(f"{name} ended by itself: {self.tail()}")
        process.kill()
        process.wait()

    def stop_raising(self) -> None:
        """Have the box raise nothing more, and deliver what it has."""
        self.kill("box")
        self._commands["box"] = (*self._commands["box"][:-1], "0")
        self.start("box")

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal."""
        self._running[name].send_signal(number)

    def tail(self) -> str:
        """Return the end of what they all said."""
        return (self.folder / "log").read_text(errors="replace")[-3000:]

    def promised(self) -> list[str]:
        """Return the alarms that the box has promised."""
        return lines_of(self.folder / "promised")

    def shown(self) -> list[str]:
        """Return what was shown to people, in order."""
        return lines_of(self.folder / "shown")

    def inbox(self) -> Inbox:
        """Return what the room has."""
        path = self.folder / "inbox.db"
        if not path.exists():
            return Inbox({}, {}, 0)
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=20)) as db:
            try:
                rows = db.execute(
                    "select id, received_utc_us, raised_utc_us, copies from inbox"
                ).fetchall()
            except sqlite3.OperationalError:  # made, and still empty
                rows = []
        received = {row[0]: int(row[1]) for row in rows}
        return Inbox(received, {row[0]: int(row[2]) for row in rows}, sum(row[3] for row in rows))

    def missing(self) -> set[str]:
        """Return what was promised and is not in the inbox."""
        promised = self.promised()
        return set(promised) - self.inbox().received_us.keys()

    def settle(self, bound_s: float = SETTLE_S) -> set[str]:
        """Wait until everything promised has arrived; return what has not, after the bound."""
        ends_s = time.monotonic() + bound_s
        while (missing := self.missing()) and time.monotonic() < ends_s:
            time.sleep(0.1)
        return missing

    def turns(self) -> list[tuple[float, bool]]:
        """Return when the box's line came up and fell, monotonic, as the box saw it."""
        found = [line.split() for line in lines_of(self.folder / "line")]
        return [(float(at_s), up == "1") for at_s, up in found]

    def line_turned(self, *, up: bool, after_s: float) -> float | None:
        """Return when the box's line first turned so after a monotonic time; None: not yet."""
        return next((at_s for at_s, is_up in self.turns() if is_up is up and at_s > after_s), None)

    def close(self) -> None:
        """End them all."""
        for process in self._running.values():
            process.kill()
            process.wait()
        self._log.close()


@contextmanager
def trio(site: Site, rate: float, total: int) -> Iterator[Trio]:
    """Make the three; none runs yet, and all end with the block. LabError without mosquitto."""
    made = Trio(site, rate, total)
    try:
        yield made
    finally:
        made.close()


def lines_of(path: Path) -> list[str]:
    """Return the complete lines of a file that somebody appends to; none if it is not there."""
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        return []
    return text[: text.rfind("\n") + 1].split("\n")[:-1]


def free_port() -> int:
    """Return a loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((LOCAL, 0))
        port: int = probe.getsockname()[1]
        return port


def _mosquitto() -> str:
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise LabError("mosquitto is not installed")
    return found


@contextmanager
def _inside(place: Place | None) -> Iterator[None]:
    with ExitStack() as stack:
        if place is not None:
            stack.enter_context(place.inside())
        yield


# ---- the storm


@dataclass(frozen=True, slots=True)
class Storm:
    """How much is killed, and how hard."""

    alarms: int
    kills: int
    rate: float
    steady_s: float
    """Before the first kill."""
    seed: int = 1
    pause_s: tuple[float, float] = (0.4, 2.0)
    """Between a start and the next kill."""
    down_s: tuple[float, ...] = (0.0, 0.1, 0.3, 1.0)
    """Most that a killed one stays down, drawn each time."""


@dataclass(slots=True)
class Outcome:
    """What a storm left."""

    alarms: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    shown_twice: int = 0
    never_promised: int = 0
    """Arrived though the box died before it could promise: allowed, and told."""
    steady_share: float = 0.0
    """Copies on the wire, of the alarms before the first kill."""
    storm_share: float = 0.0
    """The same, of the alarms since."""
    seconds: float = 0.0
    settled_s: float = 0.0
    """From the last kill until everything had arrived."""


def _more(three: Trio, known: int) -> bool:
    return len(three.promised()) > known


def rage(site: Site, storm: Storm) -> Outcome:
    """Raise alarms and kill at random; return what came of it."""
    draw, out = random.Random(storm.seed), Outcome()
    with trio(site, storm.rate, ENDLESS) as three:
        began_s = time.monotonic()
        for name in ("broker", "room", "box"):
            three.start(name)
        until(three.shown, START_S, "a first alarm on the screen")
        until(lambda: not three.missing(), SETTLE_S, "all that was there before the line", 0.02)
        first = three.inbox()
        time.sleep(storm.steady_s)
        calm = three.inbox()
        for _ in range(storm.kills):
            known = len(three.promised())
            until(partial(_more, three, known), START_S, "alarms go on")
            time.sleep(draw.uniform(*storm.pause_s))
            name = draw.choice(("broker", "room", "box"))
            three.kill(name)
            out.kills[name] += 1
            time.sleep(draw.choice(storm.down_s) * draw.random())
            three.start(name)
        rest_s = START_S + 3 * storm.alarms / storm.rate
        until(lambda: len(three.promised()) >= storm.alarms, rest_s, "the rest of the alarms")
        three.stop_raising()
        ended_s = time.monotonic()
        out.lost = len(three.settle())
        out.settled_s, out.seconds = time.monotonic() - ended_s, ended_s - began_s
        _count(three, (first, calm), out)
    return out


def _count(three: Trio, marks: tuple[Inbox, Inbox], out: Outcome) -> None:
    promised, inbox = set(three.promised()), three.inbox()
    out.alarms = len(promised)
    out.never_promised = len(inbox.received_us.keys() - promised)
    out.shown_twice = sum(count > 1 for count in Counter(three.shown()).values())
    first, calm = marks
    out.steady_share = _share(first, calm)
    out.storm_share = _share(calm, inbox)


def _share(before: Inbox, after: Inbox) -> float:
    """Return how many copies came meanwhile, for each alarm that did."""
    came = len(after.received_us) - len(before.received_us)
    return (after.copies - before.copies) / max(1, came)
