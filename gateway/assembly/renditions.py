# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The only way out for live pictures: as the camera sends them, or coded anew, masks burned in.

Whoever shows live pictures (media process, recorders, lines to rooms) reads from an exit of here,
never from a camera's own fan-out. An exit passes units through while no mask of the gateway's is in
force for its camera; else it has a child code them anew, once for all readers, with the masks of
this moment (ADR 37). Masks are looked at again for every unit: what was made without one that is in
force by now goes nowhere, neither as it comes nor out of what is kept.
"""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NoReturn, Protocol

from typing_extensions import override

from gateway.assembly.journal import signed
from gateway.assembly.order import Order
from gateway.assembly.which_stream import MARKED, Pick, Rendition, Sight, pick
from gateway.codec.recode import (
    MOST_MARK_CHARS,
    NEVER,
    Look,
    RecodeCaller,
    RecodeRequest,
    recode,
)
from gateway.model.access import Actor, Grant, Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import BusyError, PeerError
from gateway.model.media import AccessUnit, Codec, StreamKind, StreamStatus
from gateway.model.registry import Mask, Registry
from gateway.model.room import at_edge
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout, Reader
from gateway.runtime.supervise import Policy, supervise

log = logging.getLogger(__name__)

FRESH_S: Final = 0.2
"""The masks in force are read anew after so long; who changes them has `follow` called."""
TICK_S: Final = 0.5
IDLE_AFTER_S: Final = 10.0
"""A stream that is coded anew for nobody goes on so long: operators go back and forth. An edge's
does not: it sends nothing that nobody is said to look at."""
MOST_UNITS: Final = 512
MOST_BYTES: Final = 16 << 20
"""What waits for a child; then pictures are left out up to the next key unit."""
BATCH_BYTES: Final = 8 << 20
LATE_90K: Final = 45_000
CATCH_UP_90K: Final = 18_000
"""Where more than half a second waits, all of it is decoded and the last fifth is shown."""
EASY: Final = 4
"""Units that may wait without a picture being left out."""
MOST_EVERY: Final = 8
_BACK_90K: Final = 60 * 90_000
_POLICY = Policy(first_s=0.2, most_s=5.0)
_EXIT = "exit:"
"""How the names begin under which exits read a camera: as viewers of it."""


class TranscodesBusyError(BusyError):
    """As many streams are coded anew as this box may; the text says how many."""

    retry_after_s = IDLE_AFTER_S
    """A stream that nobody looks at any more gives its place back by then."""


class _Places(Protocol):
    """The part of a child pool that is needed here."""

    def take(self) -> AbstractContextManager[RecodeCaller]:
        """Lend a child to one stream; PeerError, at once, if none is left."""
        ...


class _Post(Protocol):
    """The part of a camera that is needed here."""

    def fanout(self, kind: StreamKind) -> Fanout:
        """Return where a stream's pictures come."""
        ...

    def rendition(self, kind: StreamKind) -> StreamKind:
        """Return which stream serves a wish."""
        ...

    def status(self, kind: StreamKind | None = None) -> StreamStatus:
        """Return how a stream is."""
        ...


@dataclass(frozen=True, slots=True)
class RenditionParts:
    """What exits are made of."""

    post: Callable[[str], _Post | None]
    registry: Callable[[], Registry]
    """As everybody must see it who lets pictures out: with the masks in force."""
    pool: _Places
    account: Callable[[LedgerEvent], Awaitable[None]]
    start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    """Starts a coroutine as a task of the box: `TaskGroup.create_task`."""
    clock: Clock
    origin: str = ""
    """Of the ledger: two boxes give one person different marks."""
    most_height_px: int = 1080


@dataclass(frozen=True, slots=True)
class RenditionStatistics:
    """What is coded anew now, and counters since the start."""

    running: int
    begun: int
    refused: int
    """Times that somebody could not be served because all places were taken."""
    units: int
    """Coded anew."""
    problems: tuple[str, ...]
    """Of streams that should be coded anew and are not."""


@dataclass(slots=True)
class _Counts:
    begun: int = 0
    refused: int = 0
    units: int = 0


class _Guarded(Fanout):
    """A fan-out that shows nothing it kept from before the masks changed."""

    def __init__(self, exit_: "_Exit") -> None:
        super().__init__(on_readers=exit_.turn)
        self._exit = exit_

    @override
    def kept(self) -> tuple[AccessUnit, ...]:
        """Return the key unit and what followed it, if that may still be shown."""
        self._exit.check()
        return super().kept()

    @override
    def join(self, reader: Reader, *, from_kept: bool = False) -> None:
        """Add a reader; what it gets first is of now, and may be shown."""
        with self._exit.held():
            super().join(reader, from_kept=from_kept)


class _Valve(Reader):
    """Reads a camera for an exit: hands each unit on at once, from a key unit on."""

    def __init__(self, name: str, take: Callable[[AccessUnit], None]) -> None:
        super().__init__(name)
        self.is_open = False
        self._hand_on = take

    @override
    def offer(self, unit: AccessUnit) -> None:
        """Hand a unit on; what it refers to was handed on before."""
        self.is_open = self.is_open or unit.is_key
        if self.is_open:
            self._hand_on(unit)


class _Coding:
    """A stream that is coded anew: the place in the pool, and the task that feeds it."""

    def __init__(self, look: Look, raw: Fanout, places: _Places) -> None:
        """PeerError if there is no place."""
        self.look = look
        self.raw = raw
        self._stack = ExitStack()
        self.child = self._stack.enter_context(places.take())
        self.task: asyncio.Task[None] | None = None

    def end(self) -> None:
        """Stop at once; the child ends with it."""
        if self.task is not None:
            self.task.cancel()
        self._stack.close()


class _Exit:
    """One rendition of one camera, for whoever reads it; `turn` brings it in line."""

    def __init__(self, owner: "Renditions", camera: str, what: Pick, by: Actor | None) -> None:
        self.camera = camera
        self.what = what
        self.stream = what.stream(camera)
        self.problem = ""
        """Why pictures that somebody wants are not coded anew."""
        self.coding: _Coding | None = None
        self._holds = 0
        self._owner = owner
        self._by = by
        self._parts = owner.parts
        self._look: Look | None = None
        """What was done to the units that are kept."""
        self._valve = _Valve(_EXIT + self.what.plain(self.camera), self._pass)
        self._raw: Fanout | None = None
        """What the valve reads now."""
        self._needed_s = 0.0
        self._idle_s = 0.0 if at_edge(camera)[0] else IDLE_AFTER_S
        self._last_90k: int | None = None
        self.order = Order()
        """Of what it reads."""
        self.fanout = _Guarded(self)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have it flow, though nobody reads it yet."""
        self._holds += 1
        try:
            self.turn()
            yield
        finally:
            self._holds -= 1
            self.turn()

    def look(self) -> Look | None:
        """Return what must be done to each picture now; None: nothing."""
        masks = self._owner.masks(self.camera)
        if not (masks or self.what.mark or self.what.rendition.is_anew):
            return None
        polygons = tuple(one.polygon for one in masks)
        return Look(polygons, self.what.mark, self._parts.most_height_px)

    @property
    def is_wanted(self) -> bool:
        """Return whether somebody reads it, or is about to."""
        return self.fanout.wanted() or self._holds > 0

    def at_hand(self) -> Sequence[AccessUnit]:
        """Return what a reader begins with; of one at rest that passes on, what its camera kept."""
        self.check()
        post = self._parts.post(self.camera)
        if self._look is None and not self.is_wanted and post is not None:
            return post.fanout(self.what.rendition.source).kept()
        return self.fanout.kept()

    def check(self) -> None:
        """Forget what is kept if it was made under other masks."""
        look = self.look()
        if look != self._look:
            self._look = look
            self.fanout.forget()
            self._owner.cut(self.stream)

    def turn(self) -> None:
        """Read, code or rest, as is right now; never waits, never raises."""
        self.check()
        post = self._parts.post(self.camera)
        raw = post.fanout(self.what.rendition.source) if post is not None else None
        now_s = self._parts.clock.monotonic_s()
        if self.is_wanted:
            self._needed_s = now_s
        self._turn_valve(raw if self.is_wanted and self._look is None else None)
        lingers = self.coding is not None and now_s - self._needed_s < self._idle_s
        is_coded = self._look is not None and (self.is_wanted or lingers)
        self._turn_coding(raw if is_coded else None)

    def _turn_valve(self, raw: Fanout | None) -> None:
        if raw is self._raw:
            return
        before, self._raw = self._raw, raw
        self.fanout.forget()  # what comes next does not join it
        if before is not None:
            before.leave(self._valve)
        if raw is not None:
            self._valve.is_open = False
            self.order.begin()
            kept = raw.kept()
            is_new = not self.fanout.readers() or not (kept and self._is_shown(kept[0]))
            raw.join(self._valve, from_kept=bool(kept) and is_new)  # nobody sees it twice

    def _turn_coding(self, raw: Fanout | None) -> None:
        coding = self.coding
        if coding is not None and (coding.raw is not raw or coding.look != self._look):
            coding.end()
            coding = self.coding = None
            self.fanout.forget()
        if raw is None or self._look is None:
            self.problem = ""
        elif coding is None:
            self._begin(raw, self._look)

    def _begin(self, raw: Fanout, look: Look) -> None:
        try:
            self.coding = coding = _Coding(look, raw, self._parts.pool)
        except PeerError as error:
            self.problem = f"{self.what.plain(self.camera)}: {error}"
            return
        self.problem = ""
        name = f"recode:{self.what.plain(self.camera)}"  # a mark is a person's: not in logs
        attempt = partial(self._code, coding)
        coding.task = self._parts.start(
            supervise(name, attempt, clock=self._parts.clock, policy=_POLICY)
        )
        self._owner.begun(self._entry(look))

    def _entry(self, look: Look) -> LedgerEvent:
        """Return the entry that says what is done to the pictures from now on."""
        registry = self._parts.registry()
        camera = registry.cameras.get(self.camera)
        masks = ", ".join(one.id for one in self._owner.masks(self.camera))
        words = [f"masks: {masks}"] if masks else []
        words += [f"watermark: {look.mark}"] if look.mark else []
        words += ["transcoded"] if self.what.rendition.is_anew else []
        event = LedgerEvent(
            "live.recode", Operation.NONE, Regime.GDPR,
            object_type="camera", object_id=self.camera,
            controller=registry.controller_of(camera).id if camera is not None else "",
            reason_text="; ".join(words), mask_version=registry.version if masks else 0,
        )  # fmt: skip
        return signed(event, self._by) if self._by is not None else event

    # pictures ----------------------------------------------------------------------------------

    def _pass(self, unit: AccessUnit) -> None:
        """Hand a camera's unit on, unless it must not be seen as it is."""
        self.check()
        if self._look is None:
            self.order.note(unit.pts_90k)
            self._last_90k = unit.pts_90k
            self.fanout.publish(unit)

    async def _code(self, coding: _Coding) -> None:
        """Have the child code what comes until cancelled; PeerError if it is lost."""
        reader = Reader(_EXIT + self.what.plain(self.camera), MOST_UNITS, MOST_BYTES)
        kept = coding.raw.kept()
        after_90k = self._after(kept)
        self.order.begin()
        coding.raw.join(reader, from_kept=True)
        dropped = -1
        try:
            while True:
                batch = await _batch(reader)
                for unit in batch:
                    self.order.note(unit.pts_90k)
                lost = reader.statistics().dropped
                request = asked(coding.look, batch, is_fresh=lost != dropped, after_90k=after_90k)
                dropped, after_90k = lost, NEVER
                self._show(coding, (await recode(coding.child, request)).units)
        finally:
            coding.raw.leave(reader)

    def _after(self, kept: tuple[AccessUnit, ...]) -> int:
        """Return up to when pictures were shown already, for who begins with what is kept."""
        last = self._last_90k
        return last if last is not None and kept and self._is_shown(kept[0]) else NEVER

    def _is_shown(self, unit: AccessUnit) -> bool:
        """Return whether readers have seen later pictures; a long way back is another beginning."""
        return self._last_90k is not None and 0 <= self._last_90k - unit.pts_90k < _BACK_90K

    def _show(self, coding: _Coding, units: Sequence[AccessUnit]) -> None:
        """Publish what the child made, unless other masks are in force by now."""
        self.check()
        if self._look != coding.look or self.coding is not coding:
            return
        for unit in units:
            self._last_90k = unit.pts_90k
            self.fanout.publish(unit)
        self._owner.counts.units += len(units)


async def _batch(reader: Reader) -> list[AccessUnit]:
    """Return what waits, at least one unit, as much as one request may carry."""
    unit = await reader.receive()
    batch, size_bytes = [unit], unit.size_bytes()
    while size_bytes < BATCH_BYTES and (more := reader.receive_nowait()) is not None:
        batch.append(more)
        size_bytes += more.size_bytes()
    return batch


def asked(
    look: Look, batch: list[AccessUnit], *, is_fresh: bool, after_90k: int = NEVER
) -> RecodeRequest:
    """Return the request for what waits: all of it is decoded, less is shown where it is late."""
    newest_90k = max(unit.pts_90k for unit in batch)
    late_90k = newest_90k - min(unit.pts_90k for unit in batch)
    every = min(MOST_EVERY, 1 + (len(batch) - 1) // EASY)
    if late_90k > LATE_90K:
        after_90k, every = max(after_90k, newest_90k - CATCH_UP_90K), 1
    return RecodeRequest(look, is_fresh, after_90k, every, batch)


class Renditions:
    """All exits; made once per box, `keep` runs as one of its tasks."""

    def __init__(self, parts: RenditionParts) -> None:
        self.parts = parts
        self.counts = _Counts()
        self.on_cut: Callable[[str], None] = lambda _: None
        """Told the name of a stream whose kept units must not be shown any more."""
        self._exits: dict[str, _Exit] = {}
        self._registry: Registry | None = None
        self._read_s = float("-inf")
        self._masks: dict[str, tuple[Mask, ...]] = {}

    # what can be had ---------------------------------------------------------------------------

    def choose(
        self,
        camera: str,
        wish: StreamKind,
        codecs: frozenset[Codec],
        grant: Grant | None = None,
        *,
        in_order: bool = True,
    ) -> Pick:
        """Return which rendition a viewer gets now; see `which_stream.pick`."""
        mark = self._mark(grant) if grant is not None and MARKED in grant.flags else ""
        return pick(self._sight(camera), wish, codecs, mark, in_order=in_order)

    def source(self, stream: str) -> tuple[str, StreamKind] | None:
        """Return of which camera's stream one on the link is a passed-through copy, if of any."""
        found = self._exits.get(stream)
        if found is None or found.look() is not None:
            return None
        return found.camera, found.what.rendition.source

    def codec(self, camera: str, what: Pick) -> Codec | None:
        """Return how a rendition is coded now; None: not known yet."""
        if what.mark or what.rendition.is_anew or self.masks(camera):
            return Codec.H264
        post = self.parts.post(camera)
        return _codec(post, what.rendition.source) if post is not None else None

    def _mark(self, grant: Grant) -> str:
        """Return a person's mark: who it is stands in the ledger, beside it."""
        actor = grant.request.actor
        told = hashlib.sha256(f"{self.parts.origin}\n{actor.id}".encode()).hexdigest()
        return f"{actor.organisation[: MOST_MARK_CHARS - 32]} {told[:8]}"

    def _sight(self, camera: str) -> Sight:
        post = self.parts.post(camera)
        if post is None:
            return Sight(None, masked=bool(self.masks(camera)))
        has_sub = post.rendition(StreamKind.SUB) is StreamKind.SUB
        return Sight(
            _codec(post, StreamKind.MAIN),
            _codec(post, StreamKind.SUB) if has_sub else None,
            has_sub,
            bool(self.masks(camera)),
            self._reordered(camera),
        )

    def _reordered(self, camera: str) -> frozenset[StreamKind]:
        """Return which streams of a camera come in another order than they are to be shown in."""
        exits = (self._exits.get(Pick(one).stream(camera)) for one in Rendition)
        return frozenset(
            one.what.rendition.source for one in exits if one is not None and one.order.is_reordered
        )

    def masks(self, camera: str) -> tuple[Mask, ...]:
        """Return the masks that must be burned in, as of a fifth of a second ago at most."""
        now_s = self.parts.clock.monotonic_s()
        if now_s - self._read_s >= FRESH_S:
            self._read_s, registry = now_s, self.parts.registry()
            if registry is not self._registry:
                self._registry = registry
                self._masks.clear()
        found = self._masks.get(camera)
        if found is None:
            assert self._registry is not None  # noqa: S101 - read at the first call
            found = self._masks[camera] = self._registry.masks_of(camera)
        return found

    # having it ---------------------------------------------------------------------------------

    def fanout(self, camera: str, what: Pick, grant: Grant | None = None) -> Fanout:
        """Return where a rendition comes: it flows as long as somebody reads.

        The same object every time. Use `use` to be told that no place is left.
        """
        return self._exit(camera, what, grant).fanout

    def at_hand(self, camera: str, what: Pick, grant: Grant | None = None) -> Sequence[AccessUnit]:
        """Return what somebody who reads a rendition from now on begins with; starts nothing."""
        return self._exit(camera, what, grant).at_hand()

    @asynccontextmanager
    async def use(
        self, camera: str, what: Pick, grant: Grant | None = None
    ) -> AsyncIterator[Fanout]:
        """Hold a rendition; whoever reads the fan-out afterwards needs to hold it no more.

        PeerError if there is no such camera, TranscodesBusyError if its pictures must be coded
        anew and no place is left.
        """
        if self.parts.post(camera) is None:
            raise PeerError(f"camera {camera}: not running")
        found = self._exit(camera, what, grant)
        with found.held():
            if found.problem:
                self.counts.refused += 1
                raise TranscodesBusyError(found.problem)
            yield found.fanout

    def _exit(self, camera: str, what: Pick, grant: Grant | None) -> _Exit:
        stream = what.stream(camera)
        found = self._exits.get(stream)
        if found is None:
            by = grant.request.actor if grant is not None and what.mark else None
            found = self._exits[stream] = _Exit(self, camera, what, by)
        return found

    # keeping it true ---------------------------------------------------------------------------

    def follow(self) -> None:
        """Bring every exit in line at once: call it after masks or cameras changed."""
        self._read_s = float("-inf")
        for one in tuple(self._exits.values()):
            one.turn()

    def tick(self) -> None:
        """Do one round of `keep`: masks that ran out, cameras set up anew, streams for nobody."""
        for stream, one in tuple(self._exits.items()):
            one.turn()
            is_gone = self.parts.post(one.camera) is None or one.what.mark
            if is_gone and one.coding is None and not one.is_wanted:
                del self._exits[stream]

    async def keep(self) -> NoReturn:
        """Bring every exit in line twice a second, until cancelled."""
        while True:
            self.tick()
            await self.parts.clock.sleep(TICK_S)

    def fanouts(self) -> tuple[Fanout, ...]:
        """Return all of them, for whoever forgets what is kept for too long."""
        return tuple(one.fanout for one in self._exits.values())

    def statistics(self) -> RenditionStatistics:
        """Return a snapshot."""
        exits = tuple(self._exits.values())
        counts = self.counts
        return RenditionStatistics(
            sum(one.coding is not None for one in exits),
            counts.begun, counts.refused, counts.units,
            tuple(one.problem for one in exits if one.problem),
        )  # fmt: skip

    # for exits alone ---------------------------------------------------------------------------

    def cut(self, stream: str) -> None:
        """Have what is kept elsewhere forgotten, too."""
        self.on_cut(stream)

    def begun(self, event: LedgerEvent) -> None:
        """Count a stream that is coded anew from now on, and write it down."""
        self.counts.begun += 1

        async def write() -> None:
            await self.parts.account(event)

        self.parts.start(write())


def _codec(post: _Post, kind: StreamKind) -> Codec | None:
    """Return how a stream is coded, as far as that is known."""
    kept = post.fanout(kind).kept()
    return kept[-1].codec if kept else post.status(kind).codec
