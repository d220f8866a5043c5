# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Rooms among themselves: incidents, messages and receipts over the lines that join two rooms.

The room that opened an incident is its home: it decides who knows of it and what counts. Each
other room writes what it does into its own journal at once and owes it to the home; the home owes
everything to everybody with whom it is shared. What the home does not take stays in the journal
of whoever wrote it, void (ADR 26).
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway.model.errors import DownError, RefusedError, StateError, WireError
from gateway.model.incident import (
    MOST_ALARMS,
    MOST_CAMERAS,
    Author,
    Change,
    Draft,
    Incident,
    IncidentEvent,
    fold,
    text_of,
)
from gateway.model.room import Caller, at_edge, at_room
from gateway.room.incidents import WITHDRAWN, IncidentBook, Owed, Owing, Recorded, Step
from gateway.runtime.clock import Clock
from gateway.runtime.supervise import Policy, supervise
from gateway.wire.incident import MOST_EVENTS, Told, kind_of, pack

log = logging.getLogger(__name__)

PREFIX: Final = "room:"
LINE: Final = Policy(first_s=0.5, most_s=15.0)
IDLE_S: Final = 60.0
"""A queue is looked at this often even if nobody rang."""
MOST_FROM_PARTNER: Final = 200
"""Incidents of one other room that are open here at once."""
FOR_GOOD: Final = frozenset({"not-shared", "not-yours", "full", "clock", "unknown", "wire"})
"""Refusals that asking again does not change."""

_CAMERAS: Final = frozenset({Change.CAMERA_ATTACHED, Change.CAMERA_DETACHED})
_ALARMS: Final = frozenset({Change.ALARM_ATTACHED, Change.ALARM_DETACHED})
_LEADING: Final = frozenset({Change.TAKEN, Change.UPDATED, Change.CLOSED, Change.HANDED_OVER})
_HOME_ONLY: Final = frozenset({Change.OPENED, Change.SHARED, Change.UNSHARED})
_ORGANISATIONS: Final = ("with", "to")


@dataclass(frozen=True, slots=True)
class Partner:
    """Another room, as we know it."""

    id: str
    """Of its edge in our registry, or name of our uplink to it."""
    organisation: str
    """Of its people, as our registry names it."""
    own: str
    """Our organisation with which it deals."""
    is_edge: bool
    """It dials us."""
    caller: Caller
    shows: Callable[[str], bool]
    """Whether an act in force lets it see a camera of ours."""
    reads: Callable[[str], bool]
    """Whether an alarm of ours was for it."""
    names: Callable[[str], str]
    """What an organisation is called here."""

    @property
    def taker(self) -> str:
        """Return its name in the queue."""
        return PREFIX + self.id


# names on both sides -----------------------------------------------------------------------


def outward(partner: Partner, event: IncidentEvent) -> Told | None:
    """Return an event as this room is told of it; None: it is not for it."""
    body = dict(event.body)
    if event.kind in _CAMERAS:
        camera = _camera_outward(partner, text_of(body, "camera"))
        if not camera:
            return None
        body["camera"] = camera
    if event.kind in _ALARMS and not partner.reads(text_of(body, "alarm")):
        return None
    for key in _ORGANISATIONS:
        if key in body:
            body[key] = _who(partner, text_of(body, key))
    who = _who(partner, event.author.organisation)
    return Told(event.id, event.clock, event.utc_us, event.kind, who, event.author.role, body)


def _who(partner: Partner, organisation: str) -> str:
    """Name an organisation to a partner: it, the one of ours it deals with, or another by name.

    A second organisation of this room is another: nobody here speaks in the first one's name.
    """
    if organisation == partner.organisation:
        return "peer"
    if organisation == partner.own:
        return "self"
    return f"other:{partner.names(organisation)[:100] or organisation[:100]}"


def _camera_outward(partner: Partner, camera: str) -> str:
    """Return a camera as the edge of the two names it; empty if the other room cannot have it."""
    if partner.is_edge:
        edge, name = at_edge(camera)
        return name if edge == partner.id else ""
    return camera if partner.shows(camera) else ""


def inward(partner: Partner, incident: str, told: Told) -> IncidentEvent | None:
    """Return an event as we keep it; None: it speaks of a camera that is none of theirs."""
    body = dict(told.body)
    if told.kind in _CAMERAS:
        camera = text_of(body, "camera")
        if not partner.is_edge and not partner.shows(camera):
            return None
        body["camera"] = at_room(partner.id, camera) if partner.is_edge else camera
    for key in _ORGANISATIONS:
        if key in body:
            body[key] = _organisation(partner, text_of(body, key))
    if told.who == "peer":
        raise StateError("not-yours", "it speaks in our name")
    author = Author(_organisation(partner, told.who), told.role)
    return IncidentEvent(
        told.id, incident, told.clock, told.utc_us, told.kind, author, body, partner.id
    )


def _organisation(partner: Partner, who: str) -> str:
    if who == "self":
        return partner.organisation
    if who == "peer":
        return partner.own
    return f"{partner.id}/{who.partition(':')[2]}"


# what may come in --------------------------------------------------------------------------


def admitted(
    partner: Partner, found: Incident | None, events: Sequence[IncidentEvent], open_here: int
) -> Sequence[IncidentEvent]:
    """Return what another room may write into an incident.

    StateError `not-shared` where it has no business, the same for what does not exist;
    `not-yours` for what another room decides; `full` if it has too many open.
    """
    if found is None:
        return _admit_new(partner, events, open_here)
    if found.home == partner.id:
        return events
    if found.home or partner.organisation not in found.parties:
        raise StateError("not-shared")
    return _admit_from_guest(partner, found, [_at_home(partner, found, one) for one in events])


def _admit_new(
    partner: Partner, events: Sequence[IncidentEvent], open_here: int
) -> Sequence[IncidentEvent]:
    made = fold(events, partner.id)
    if made is None or partner.own not in made.parties:
        raise StateError("not-shared")
    if open_here >= MOST_FROM_PARTNER:
        raise StateError("full")
    return events


def _at_home(partner: Partner, found: Incident, event: IncidentEvent) -> IncidentEvent:
    """Return an event that hands over to whom the guest knows by name alone with our id of it.

    A name that two parties have is nobody's.
    """
    to = text_of(event.body, "to")
    if event.kind is not Change.HANDED_OVER or not to.startswith(f"{partner.id}/"):
        return event
    told = f"other:{to.partition('/')[2]}"
    meant = [one for one in found.parties if _who(partner, one) == told]
    return replace(event, body={**event.body, "to": meant[0]}) if len(meant) == 1 else event


def _admit_from_guest(
    partner: Partner, found: Incident, events: Sequence[IncidentEvent]
) -> Sequence[IncidentEvent]:
    """Let a guest speak in its own name, attach what is its own, and lead where it has to."""
    responsible = found.responsible
    cameras, alarms = len(found.cameras), len(found.alarms)
    for event in events:
        kind = event.kind
        if event.author.organisation != partner.organisation or kind in _HOME_ONLY:
            raise StateError("not-yours")
        if kind in _LEADING:
            if responsible != partner.organisation:
                raise StateError("not-yours")
            if kind is Change.HANDED_OVER:
                responsible = text_of(event.body, "to")
                if responsible not in found.parties:
                    raise StateError("not-yours")
        cameras += kind is Change.CAMERA_ATTACHED
        alarms += kind is Change.ALARM_ATTACHED
    if cameras > MOST_CAMERAS or alarms > MOST_ALARMS:
        raise StateError("full")
    return events


def receipts(partner: Partner, events: Sequence[IncidentEvent]) -> tuple[Author, list[Draft]]:
    """Return what we say to messages that have just been written down."""
    ids = [one.id for one in events if one.kind is Change.MESSAGE]
    drafts = [Draft(Change.RECEIPT, {"state": "delivered", "messages": ids})] if ids else []
    return Author(partner.own), drafts


# what goes out -----------------------------------------------------------------------------


def owed_to(partners: Sequence[Partner]) -> Owing:
    """Return which events these rooms are owed for a change."""

    def owing(step: Step) -> Iterable[tuple[str, str, str]]:
        for partner in partners:
            if _has_left(partner, step):
                yield partner.taker, WITHDRAWN, ""
            for event in _for_partner(partner, step):
                yield partner.taker, event.id, ""

    return owing


def _has_left(partner: Partner, step: Step) -> bool:
    """Return whether a change takes an incident of ours back from a room."""
    before = step.before.parties if step.before is not None else ()
    is_ours = not step.after.home
    return is_ours and partner.organisation in before and partner.organisation not in (
        step.after.parties
    )  # fmt: skip


def _for_partner(partner: Partner, step: Step) -> Iterable[IncidentEvent]:
    if step.after.home == partner.id:
        return [one for one in step.new if not one.room]
    if step.after.home:
        return ()
    was = step.before is not None and partner.organisation in step.before.parties
    if was:
        return [one for one in step.new if one.room != partner.id]
    if partner.organisation not in step.after.parties:
        return ()
    inviting = [one for one in step.new if _invites(one, partner.organisation)]
    first = [one for one in step.journal if one.kind is Change.OPENED][:1]
    head = [*first, *inviting[:1]]
    return [*head, *(one for one in step.journal if one not in head and not one.void)]


def _invites(event: IncidentEvent, organisation: str) -> bool:
    return event.kind in (Change.SHARED, Change.HANDED_OVER) and organisation in (
        text_of(event.body, "with"),
        text_of(event.body, "to"),
    )


class Exchange:
    """Tells one other room what it is owed, in order, for as long as it takes."""

    def __init__(
        self, book: IncidentBook, partner: Callable[[], Partner | None], clock: Clock
    ) -> None:
        """`partner` returns the room as it is known now; None: it is known no more."""
        self._book = book
        self._partner = partner
        self._clock = clock

    async def run(self, name: str) -> None:
        """Send until cancelled."""
        await supervise(f"incidents:{name}", self._attempt, clock=self._clock, policy=LINE)

    async def _attempt(self) -> None:
        while True:
            bell = self._book.bell()
            if await self._send_some():
                continue
            try:
                async with asyncio.timeout(IDLE_S):
                    await bell.wait()
            except TimeoutError:
                pass

    async def _send_some(self) -> bool:
        """Send the oldest events of one incident and kind; False if there is nothing."""
        partner = self._partner()
        if partner is None:
            return False
        waiting = await self._book.waiting(partner.taker, MOST_EVENTS)
        if not waiting:
            return False
        batch = _alike(waiting)
        told = [one for _, event in batch if (one := outward(partner, event)) is not None]
        ids = [owed.event for owed, _ in batch]
        if any(event.kind is Change.OPENED for _, event in batch):
            if not await self._book.telling(partner.taker, ids):
                return True  # it was taken back meanwhile
            try:
                await self._tell(partner, batch[0][1], told, ids)
            except DownError:
                await self._book.untold(partner.taker, ids)
                raise
        elif told:
            await self._tell(partner, batch[0][1], told, ids)
        await self._book.settle(partner.taker, ids)
        return True

    async def _tell(
        self, partner: Partner, first: IncidentEvent, told: list[Told], ids: list[str]
    ) -> None:
        """Send a batch, or one by one where it is refused; PeerError if it has to wait."""
        incident, kind = first.incident, kind_of(first.kind)
        try:
            await partner.caller.call(kind, pack(incident, told))
        except RefusedError as error:
            if error.code not in FOR_GOOD:
                raise
            if len(told) > 1:
                for one in told:
                    await self._tell(partner, first, [one], [one.id])
                return
            fields = {"room": partner.id, "incident": incident, "problem": error.code}
            log.warning("incident-event-refused", extra=fields)
            known = self._book.get(incident)
            if known is not None and known.home == partner.id:
                await self._book.void(incident, ids)


def _alike(waiting: Sequence[tuple[Owed, IncidentEvent]]) -> list[tuple[Owed, IncidentEvent]]:
    """Return the first ones that go in one frame."""
    first = waiting[0][1]
    batch: list[tuple[Owed, IncidentEvent]] = []
    for owed, event in waiting:
        if event.incident != first.incident or kind_of(event.kind) != kind_of(first.kind):
            break
        batch.append((owed, event))
    return batch


async def take(
    book: IncidentBook, partner: Partner, incident: str, told: Sequence[Told], owing: Owing
) -> Recorded:
    """Write down what another room tells; RefusedError if it may not, StoreError if we cannot."""
    try:
        events = [one for each in told if (one := inward(partner, incident, each)) is not None]
        open_here = sum(one.home == partner.id and one.is_open for one in book.listed())
        return await book.take_in(
            incident,
            partner.id,
            lambda found: admitted(partner, found, events, open_here),
            owing=owing,
            then=lambda _, fresh: receipts(partner, fresh),
        )
    except StateError as error:
        raise RefusedError(error.code) from error
    except WireError as error:
        raise RefusedError("wire", str(error)) from error
