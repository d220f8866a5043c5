# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A box of real parts for these tests; only what would be slow stands in."""

import asyncio
import inspect
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from gateway.access.gate import Gate, Surroundings
from gateway.access.identity import Accounts
from gateway.analytics.look import LookReply
from gateway.assembly.box import Opened, RunningBox
from gateway.assembly.holdup_book import open_holdup_book
from gateway.assembly.journal import Journal
from gateway.assembly.masks import MasksInForce
from gateway.assembly.retention import RulesInForce, origin_of
from gateway.assembly.viewing import Accountant
from gateway.assembly.which_stream import Sight, pick
from gateway.audit.ledger import open_ledger
from gateway.codec.pool import PoolStatistics
from gateway.codec.protocol import Kind
from gateway.config.load import parse
from gateway.console.services import Endings
from gateway.evidence.stills import Stills
from gateway.model.errors import PeerError
from gateway.model.media import Codec, StreamKind
from gateway.ops.watchdog import Progress
from gateway.registry.seed import parse_seed
from gateway.registry.store import open_registry
from gateway.relay.alarms.outbox import open_outbox
from gateway.relay.video.link import SlotState
from gateway.relay.video.process import SessionInfo, Totals, WallInfo, WhepAnswer
from gateway.runtime.clock import SystemClock
from tests.fakes import FakeClock
from tests.unit.audit.logbook import KEY, ORIGIN

JPEG = b"\xff\xd8\xff still"
MP4 = b"\0\0\0\x08ftyp"


async def until(look, bound_s=30.0, what="condition"):
    """Poll until `look()` (plain or async) returns something true; fail after the bound."""
    ends_s = time.monotonic() + bound_s
    while True:
        found = look()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < ends_s, f"{what}: not within {bound_s} s"
        await asyncio.sleep(0.01)


class ManualClock(FakeClock):
    """Time stands still until `advance`; sleepers wake when it has passed their due time."""

    def __init__(self, **more):
        super().__init__(**more)
        self._sleepers = []

    def advance(self, seconds):
        super().advance(seconds)
        for due_s, woken in self._sleepers:
            if due_s <= self.time_s and not woken.done():
                woken.set_result(None)
        self._sleepers = [one for one in self._sleepers if not one[1].done()]

    async def sleep(self, seconds):
        woken = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.time_s + seconds, woken))
        await woken


class ShiftedClock(SystemClock):
    """The real clocks, with a UTC that can be set."""

    def __init__(self, now=None):
        super().__init__()
        self.ahead_us = 0
        if now is not None:
            self.set(now)

    def set(self, moment):
        self.ahead_us = moment.utc_us - time.time_ns() // 1000

    def now(self):
        return super().now().shifted(0.0) if not self.ahead_us else self._shifted()

    def _shifted(self):
        now = super().now()
        return type(now)(now.monotonic_s, now.utc_us + self.ahead_us, now.quality)


@dataclass
class FakePool:
    """Children that see nothing and make pictures of three bytes; `problem` makes them fail."""

    problem: str = ""
    asked: list = field(default_factory=list)
    held: asyncio.Event | None = None
    """What an answer waits for."""

    async def call(self, affinity, kind, payload, *, timeout_s):
        self.asked.append((kind, payload))
        if self.held is not None:
            await self.held.wait()
        if self.problem:
            raise PeerError(self.problem)
        if kind == Kind.LOOK:
            return LookReply(0, 0, ()).pack()
        return JPEG if kind == Kind.STILL else MP4

    def kinds(self):
        return [kind for kind, _ in self.asked]

    def statistics(self):
        return PoolStatistics(len(self.asked), 0, 0, 1, 0, 0, (1,))


class RawExits:
    """Cameras as they come; no masks, nothing is coded anew."""

    def __init__(self, post):
        self.post = post

    def choose(self, camera, wish, codecs, grant=None):
        post = self.post(camera)
        if post is None:
            return pick(Sight(None), wish, codecs)
        main, sub = (post.fanout(kind).kept() for kind in StreamKind)
        has_sub = post.rendition(StreamKind.SUB) is StreamKind.SUB
        seen = [kept[0].codec if kept else None for kept in (main, sub)]
        return pick(Sight(seen[0], seen[1] if has_sub else None, has_sub), wish, codecs)

    def fanout(self, camera, what, grant=None):
        return self.post(camera).fanout(what.rendition.source)

    def at_hand(self, camera, what, grant=None):
        post = self.post(camera)
        return post.fanout(what.rendition.source).kept() if post is not None else ()

    @asynccontextmanager
    async def use(self, camera, what, grant=None):
        if self.post(camera) is None:
            raise PeerError(f"camera {camera}: not running")
        yield self.fanout(camera, what)


class FakeMedia:
    """Sessions without a process behind them."""

    restarts = 0

    def __init__(self, clock):
        self.clock = clock
        self.running = {}
        self.closed = []
        self.sources = []
        self.cuts = []
        self.open_walls = {}
        self.codecs = (Codec.H264,)

    def offered(self, offer_sdp):
        return frozenset(self.codecs)

    def cut(self, stream):
        self.cuts.append(stream)

    async def open(self, grant, offer_sdp, source):
        name = f"s{len(self.running) + len(self.closed)}"
        self.begin(name, grant, source)
        return WhepAnswer(name, "v=0", f'"{name}-etag"', ("0",))

    def begin(self, name, grant, source, wall="", mid="0"):
        """Add a look that is connected and has sent nothing yet."""
        self.sources.append(source)
        state = SlotState(len(self.sources), source.name, connected=True)
        self.running[name] = SessionInfo(
            name, grant, self.clock.now(), wall, mid, source, frozenset(self.codecs), state
        )

    async def open_wall(self, owner, offer_sdp, sign_in=""):
        name, mids = f"w{len(self.open_walls)}", ("0", "1", "2")
        self.open_walls[name] = WallInfo(name, owner, self.clock.now(), mids, "tag", sign_in)
        return WhepAnswer(name, "v=0", '"tag"', ("0", "1", "2"))

    def totals(self):
        return Totals(*(sum(one.bytes for one in self.sessions()),) * 5)

    def walls(self):
        return tuple(self.open_walls.values())

    def takes(self, session, mid):
        known = session in self.open_walls and mid in self.open_walls[session].mids
        return frozenset(self.codecs if known else ())

    def play(self, session, mid, grant, source):
        for one in self.sessions():
            if (one.wall, one.mid) == (session, mid):
                self.close(one.session, "replaced")
        name = f"{session}.{len(self.sources)}"
        self.begin(name, grant, source, session, mid)
        return name

    def switch(self, name, source):
        self.sources.append(source)
        one = self.running[name]
        state = replace(one.state, stream=source.name)
        self.running[name] = replace(one, source=source, state=state)
        return True

    def report(self, name, **figures):
        """Have the media process say how a look goes."""
        one = self.running[name]
        self.running[name] = replace(one, state=replace(one.state, **figures))

    def close(self, session, reason):
        self.closed.append((session, reason))
        tiles = [one.session for one in self.sessions() if one.wall == session]
        for one in tiles:
            del self.running[one]
        self.open_walls.pop(session, None)
        return self.running.pop(session, None) is not None

    def regrant(self, grant):
        for name, one in self.running.items():
            if one.grant.id == grant.id:
                self.running[name] = replace(one, grant=grant)
                return True
        return False

    def sessions(self):
        return tuple(self.running.values())

    async def keep(self, is_valid):
        while True:
            for one in self.sessions():
                if not is_valid(one.grant):
                    self.close(one.session, "grant-not-valid")
            await self.clock.sleep(1.0)

    async def ready(self, timeout_s):
        return None


CONFIG = """
[box]
id = "prova"
name = "Box di prova"
state_dir = "state"
runtime_dir = "run"
"""

SEED = """
[[controller]]
id = "comune"
name = "Comune"
kind = "comune"
[[site]]
id = "centro"
name = "Centro"
controller = "comune"
kind = "piazza"
state = "attivo"
[[recipient]]
id = "sala-pl"
name = "Sala"
kind = "sala-operativa"
[[act]]
id = "patto"
title = "Patto"
number = "7/2026"
parties = ["Prefettura", "Comune"]
valid_from = 2026-01-01
valid_until = 2027-06-30
dpia = "DPIA 3/2025"
dpia_sha256 = "807cf9abed59de643bf0e442095dd6fe723f186226debf5fd2ce30d3f640fe39"
dpia_date = 2026-01-01
[[act.scope]]
cameras = [{ids}]
recipients = ["sala-pl"]
analytics = ["intrusione"]
retention_before_s = 10.0
[[user]]
id = "anna"
name = "Anna"
role = "pl.operator"
organisation = "sala-pl"
"""
CAMERA = """
[[camera]]
id = "{id}"
name = "Telecamera {id}"
site = "centro"
url = "{url}"
area = "pubblica"
credential = "file:{secret}"
{more}
"""
ZONE = """
[[zone]]
id = "{id}"
name = "Zona {id}"
camera = "{camera}"
polygon = {polygon}
"""
WHOLE = "[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]"
HALF = "[[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]"


def secret_file(folder, name="camera.secret", login="admin:s3cret", mode=0o600):
    path = Path(folder) / name
    path.write_text(login)
    path.chmod(mode)
    return path


def camera(id_, url, secret, more=""):
    return CAMERA.format(id=id_, url=url, secret=secret, more=more)


def zone(id_, camera_, polygon=WHOLE):
    return ZONE.format(id=id_, camera=camera_, polygon=polygon)


def town(folder, urls=None, more="", **cameras):
    """Return a seed with these cameras (id -> URL), all under one act."""
    urls = {"uno": "rtsp://192.0.2.1/"} if urls is None else urls
    secret = secret_file(folder)
    made = "".join(camera(i, u, secret, cameras.get(i, "")) for i, u in urls.items())
    return SEED.replace("{ids}", ", ".join(f'"{i}"' for i in urls)) + made + more


async def apply(store, text, *, replace=True):
    return await store.apply(parse_seed(text, "test"), by="test", replace=replace)


@asynccontextmanager
async def nobody_there(target):
    """No device answers ONVIF."""
    raise PeerError(f"{target.url} is unreachable")
    yield


@asynccontextmanager
async def opened_box(
    folder, seed, *, clock=None, pool=None, config=CONFIG, open_device=nobody_there
):
    """Open everything as the composition root does; yields Opened."""
    clock = clock or SystemClock()
    path = Path(folder) / "gateway.toml"
    path.write_text(config)
    options = parse(config, path)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        registry = await enter(open_registry(folder / "registry.db", clock=clock))
        await apply(registry, seed)
        ledger = await enter(open_ledger(folder / "ledger.db", origin=ORIGIN, key=KEY, clock=clock))
        journal = Journal(ledger, clock)
        outbox = await enter(open_outbox(folder / "alarms.db", clock=clock))
        rules = RulesInForce(registry.current, options.stills.keep_hours * 3600.0)
        stills = Stills(
            folder / "stills",
            clock,
            origin_of=lambda alarm: origin_of(outbox.get(alarm), registry.current()),
            rules=rules,
        )
        masks = MasksInForce(registry.current, clock)
        around = Surroundings(is_dark=journal.is_dark)
        gate, endings = Gate(journal, masks.current, outbox.get, clock, around), Endings()
        accountant = Accountant(gate, endings, await enter(asyncio.TaskGroup()))
        yield Opened(
            options,
            path,
            clock,
            registry,
            ledger,
            outbox,
            pool or FakePool(),
            stills,
            Accounts(registry.current, clock, journal),
            gate,
            endings,
            FakeMedia(clock),
            journal,
            accountant,
            masks,
            open_device,
            holdups=await enter(open_holdup_book(folder / "holdup.db")),
        )


@asynccontextmanager
async def running_box(folder, seed, **more):
    """Start a box; yields RunningBox and what was opened."""
    async with opened_box(folder, seed, **more) as opened, asyncio.TaskGroup() as tasks:
        box = RunningBox(opened, Progress(opened.clock), tasks)
        try:
            await box.start()
            yield box, opened
        finally:
            for task in tasks._tasks:
                task.cancel()


async def entries(ledger, event=None):
    """Return the events in the ledger, by name if given."""
    found = [entry.event for entry in await ledger.entries(-1, 1000)]
    return [one for one in found if event in (None, one.event)]
