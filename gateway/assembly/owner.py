# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The owner's side: who looked at its cameras, what was looked at in an emergency, the off-switch.

What is told is the ledger's own, kept in a bounded index by controller: fed once from the newest
entries after a start, then by each entry that the ledger takes.
"""

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from gateway.assembly.journal import signed
from gateway.model.access import Actor, Purpose, Regime
from gateway.model.audit import LedgerEvent, LedgerReceipt, Operation
from gateway.model.errors import ConfigError, GatewayError
from gateway.model.registry import Pause, Registry, Role
from gateway.registry.store import RegistryStore
from gateway.registry.tenants import Project, project_of
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)

DAYS: Final = 30
"""How far back an owner reads here; the DPO reads the whole ledger."""
MOST_LOOKS: Final = 500
"""Looks kept of one controller, the newest."""
MOST_ALERTS: Final = 200
MOST_READ: Final = 20_000
"""Entries read after a start, the newest; a busy box writes them in a day."""
PAGE: Final = 1_000
_DAY_US: Final = 86_400_000_000

LOOKS: Final = frozenset(
    {"live.open", "live.snapshot", "playback.open", "recorded.open", "clip.export", "clip.download"}
)
"""Entries that stand for somebody who saw pictures."""
ENDS: Final = frozenset({"live.close", "playback.close", "recorded.close"})
BREAK_GLASS: Final = "breakglass.use"
ACKNOWLEDGED: Final = "breakglass.ack"
ERASED: Final = "log.erase"
WITHHELD: Final = frozenset({Purpose.JUDICIAL.value})
"""Purposes whose case is not told: an investigation is not its owner's to know."""
TOLD: Final = (Role.OWNER, Role.DPO)


class Entry(Protocol):
    """An entry of the ledger as it is read."""

    @property
    def seq(self) -> int:
        """Its place."""
        ...

    @property
    def utc_us(self) -> int:
        """When it was written."""
        ...

    @property
    def event(self) -> LedgerEvent:
        """What happened; erased values are empty."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody saw pictures of a camera."""

    seq: int
    utc_us: int
    event: str
    organisation: str
    role: str
    purpose: str
    case: str
    """Empty where it is withheld or was erased."""
    camera: str
    flags: tuple[str, ...] = ()
    until_us: int = 0
    """0: it lasts, or is over at once."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Alert:
    """Somebody looked in an emergency, past what the acts allow."""

    look: Look
    reason: str
    acknowledged_us: int = 0
    """0: the owner has not said yet that it was read."""


@dataclass(slots=True)
class _Book:
    """Of one controller, oldest first."""

    looks: deque[Look] = field(default_factory=lambda: deque(maxlen=MOST_LOOKS))
    alerts: deque[Alert] = field(default_factory=lambda: deque(maxlen=MOST_ALERTS))


class Index:
    """Looks and alerts by controller; bounded by what the registry names."""

    def __init__(self) -> None:
        self._books: dict[str, _Book] = {}

    def take(self, seq: int, utc_us: int, event: LedgerEvent) -> Look | Alert | None:
        """Note one entry; return what an owner is to be told of at once."""
        if not event.controller or event.result != "ok":
            return None
        if event.event in ENDS:
            self._end(event, utc_us)
        elif event.event == ACKNOWLEDGED:
            self._acknowledge(event, utc_us)
        elif event.event in LOOKS:
            look = _look(seq, utc_us, event)
            self._book(event.controller).looks.append(look)
            return look
        elif event.event == BREAK_GLASS:
            alert = Alert(_look(seq, utc_us, event), event.reason_text)
            self._book(event.controller).alerts.append(alert)
            return alert
        return None

    def _book(self, controller: str) -> _Book:
        return self._books.setdefault(controller, _Book())

    def _end(self, event: LedgerEvent, utc_us: int) -> None:
        looks = self._book(event.controller).looks
        for place in range(len(looks) - 1, -1, -1):
            if looks[place].seq == event.closes:
                seconds = event.duration_ms / 1000
                looks[place] = replace(looks[place], until_us=utc_us, seconds=seconds)
                return

    def _acknowledge(self, event: LedgerEvent, utc_us: int) -> None:
        alerts = self._book(event.controller).alerts
        for place, alert in enumerate(alerts):
            if str(alert.look.seq) == event.object_id and not alert.acknowledged_us:
                alerts[place] = replace(alert, acknowledged_us=utc_us)

    def looks(self, controller: str, since_us: int) -> list[Look]:
        """Return the looks of a controller from a time on, newest first."""
        book = self._books.get(controller)
        found = [] if book is None else [one for one in book.looks if one.utc_us >= since_us]
        return sorted(found, key=lambda one: one.seq, reverse=True)

    def alerts(self, controller: str, since_us: int) -> list[Alert]:
        """Return the alerts of a controller from a time on, newest first."""
        book = self._books.get(controller)
        found = [] if book is None else [one for one in book.alerts if one.look.utc_us >= since_us]
        return sorted(found, key=lambda one: one.look.seq, reverse=True)

    def keep(self, controllers: Mapping[str, object]) -> None:
        """Forget controllers that left the registry."""
        for gone in self._books.keys() - controllers.keys():
            del self._books[gone]


def _look(seq: int, utc_us: int, event: LedgerEvent) -> Look:
    return Look(
        seq=seq,
        utc_us=utc_us,
        event=event.event,
        organisation=event.org,
        role=event.role,
        purpose=event.purpose_code,
        case="" if event.purpose_code in WITHHELD else event.case_ref,
        camera=event.object_id,
        flags=tuple(filter(None, event.flags.split(","))),
    )


Append = Callable[[LedgerEvent], Awaitable[LedgerReceipt]]
Account = Callable[[LedgerEvent], Awaitable[None]]
Read = Callable[[int, int], Awaitable[Sequence[Entry]]]
Tell = Callable[[str, str, Mapping[str, object]], None]
"""Takes a controller, an event's name and its data, for the pages that are open."""


def _nobody(_controller: str, _event: str, _data: Mapping[str, object]) -> None:
    """Tell nobody: no page can be open yet."""


@dataclass(frozen=True, slots=True)
class OwnerParts:
    """What the owner's desk reads and writes."""

    registry: RegistryStore
    append: Append
    """Writes an entry; LedgerError if it cannot be."""
    account: Account
    """Writes an entry now, or as soon as the ledger takes it."""
    read: Read
    """Returns entries above a sequence, at most so many, oldest first."""
    size: Callable[[], int]
    """Entries of the ledger."""
    clock: Clock
    tell: Tell = _nobody
    hides: Callable[[str, int], bool] = lambda _camera, _utc_us: False
    """Whether a stranger's look at a camera, begun then, would tell the shop of a hold-up."""


class OwnerDesk:
    """What the console calls `owners`."""

    def __init__(self, parts: OwnerParts) -> None:
        """Nothing is known of before; `read_back` or `follow` reads it."""
        self._parts = parts
        self._index = Index()
        self._early: list[tuple[int, int, LedgerEvent]] | None = None
        """What the ledger takes while it is read back; None otherwise."""
        self._unread = asyncio.Event()
        self._unread.set()

    def noted(self, event: LedgerEvent, receipt: LedgerReceipt) -> None:
        """Take an entry that the ledger just took; never waits."""
        if event.event == ERASED:
            self._unread.set()
        if self._early is not None:
            if len(self._early) < MOST_READ:
                self._early.append((receipt.seq, receipt.utc_us, event))
            return
        self._hear(receipt.seq, receipt.utc_us, event)

    def _hear(self, seq: int, utc_us: int, event: LedgerEvent) -> None:
        found = self._index.take(seq, utc_us, event)
        if found is not None and not self._is_hidden(found, event.controller):
            self._parts.tell(event.controller, "owner", told(found))

    async def follow(self) -> None:
        """Read back what is not known, after a start and after each erasure, until cancelled."""
        while True:
            await self._unread.wait()
            self._unread.clear()
            try:
                await self.read_back()
            except GatewayError as error:
                log.warning("owner-index-fails", extra={"problem": str(error)})

    async def read_back(self) -> None:
        """Make the index anew from the newest entries; what comes meanwhile is not lost."""
        fresh, self._early = Index(), []
        try:
            after, last = max(self._parts.size() - MOST_READ, 0) - 1, self._parts.size()
            since_us = self._since_us()
            while after < last - 1:
                page = await self._parts.read(after, PAGE)
                if not page:
                    break
                for entry in page:
                    if entry.utc_us >= since_us:
                        fresh.take(entry.seq, entry.utc_us, entry.event)
                after = page[-1].seq
            self._index = fresh
        finally:
            early, self._early = self._early or [], None
            for seq, utc_us, event in early:
                if seq > after or self._index is not fresh:
                    self._hear(seq, utc_us, event)

    def _since_us(self) -> int:
        return self._parts.clock.now().utc_us - DAYS * _DAY_US

    def looks(self, controller: str) -> Sequence[Look]:
        """Return who looked at a controller's cameras in the last days, newest first."""
        self._index.keep(self._registry().controllers)
        found = self._index.looks(controller, self._since_us())
        return [one for one in found if not self._is_hidden(one, controller)]

    def alerts(self, controller: str) -> Sequence[Alert]:
        """Return the looks in an emergency of the last days, newest first."""
        found = self._index.alerts(controller, self._since_us())
        return [one for one in found if not self._is_hidden(one, controller)]

    def _is_hidden(self, what: Look | Alert, controller: str) -> bool:
        """Return whether a look would tell of a hold-up; one's own would tell by its absence."""
        look = what.look if isinstance(what, Alert) else what
        is_own = look.organisation == controller
        return not is_own and self._parts.hides(look.camera, look.utc_us)

    def fitness(self, controller: str) -> Project | None:
        """Return the security project of a controller; None if it takes part in none."""
        return project_of(self._registry(), controller)

    async def acknowledge(self, alert: int, *, by: Actor) -> bool:
        """Note that the owner has read an alert; False if there is none of its own."""
        known = {one.look.seq: one for one in self.alerts(by.organisation)}
        if alert not in known:
            return False
        if not known[alert].acknowledged_us:
            await self._parts.append(self._entry(ACKNOWLEDGED, by, "ledger-entry", str(alert)))
        return True

    async def pause(self, cameras: Sequence[str], reason: str, *, by: Actor) -> Pause:
        """Withhold cameras of the actor's own from everybody else; return the pause.

        No cameras: all of them, also those that come. The registry has it first: pictures stop
        even while the ledger is dark, and the entry follows. ConfigErrors for others' cameras.
        """
        now = self._parts.clock.now()
        id_ = f"pausa-{secrets.token_hex(6)}"
        chosen = tuple(dict.fromkeys(cameras))
        pause = Pause(id_, by.organisation, chosen, by.id, now.utc_us, reason)
        await self._parts.registry.enter(pause, by=by.id)
        for entry in self._pause_entries("sharing.pause", pause, by):
            await self._parts.account(entry)
        return pause

    async def resume(self, pause: str, *, by: Actor) -> bool:
        """Take a pause of the actor's own back; False if there is none.

        The ledger has it first: pictures go out again only after it is written.
        """
        known = self._registry().pauses.get(pause)
        if known is None or known.controller != by.organisation:
            return False
        for entry in self._pause_entries("sharing.resume", known, by):
            await self._parts.append(entry)
        try:
            await self._parts.registry.withdraw("pause", pause, by=by.id)
        except ConfigError:
            return False  # somebody else was quicker
        return True

    def _pause_entries(self, event: str, pause: Pause, by: Actor) -> list[LedgerEvent]:
        """Return an entry for each camera; one about the controller where it is all of them."""
        things = [("camera", one) for one in pause.cameras] or [("controller", pause.controller)]
        return [
            replace(self._entry(event, by, *one), reason_text=pause.reason, case_ref=pause.id)
            for one in things
        ]

    def _entry(self, event: str, by: Actor, kind: str, id_: str) -> LedgerEvent:
        blank = LedgerEvent(
            event=event,
            operation=Operation.NONE,
            regime=Regime.GDPR,
            object_type=kind,
            object_id=id_,
            controller=by.organisation,
            policy_version=self._registry().version,
        )
        return signed(blank, by)

    def _registry(self) -> Registry:
        return self._parts.registry.current()


Send = Callable[..., None]
"""`gateway.console.services.Notices.tell`."""


def told_to(send: Send) -> Tell:
    """Return how owners and DPOs of a controller are told, by whatever reaches open pages."""

    def tell(controller: str, event: str, data: Mapping[str, object]) -> None:
        send(
            event,
            data,
            to=lambda actor: actor.organisation == controller and actor.role in TOLD,
        )

    return tell


def told(what: Look | Alert) -> dict[str, object]:
    """Return what an open page of the owner is told: that something happened, and where."""
    look = what.look if isinstance(what, Alert) else what
    return {
        "kind": "break-glass" if isinstance(what, Alert) else "look",
        "seq": look.seq,
        "camera": look.camera,
        "organisation": look.organisation,
        "purpose": look.purpose,
    }
