# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Plates that edges bring over their lines, each beside the alarm of the same id (B-48).

The alarm comes first and is judged by `gateway.room.alarms.Intake`: camera, act and pace are
settled there. A plate whose alarm is not here yet waits at the edge; one whose alarm was discarded
is taken and let go.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.model.alarm import AlarmRecord, AlarmVerdict
from gateway.model.errors import RefusedError, StoreError
from gateway.model.hit import RULE_HIT
from gateway.model.identifiers import ID_FORM
from gateway.model.registry import Edge
from gateway.model.room import LinePeer, Reply, at_room
from gateway.room.mqtt_line import NOT_YET, message_of
from gateway.wire.onvif_mqtt import PlateHit, parse_plate

LET_GO = frozenset({AlarmVerdict.FALSE, AlarmVerdict.EXERCISE})


KeepPlate = Callable[[PlateHit, AlarmRecord], Awaitable[None]]
"""Keeps a hit beside its alarm, sealed, durably; StoreError if it cannot."""


class Book(Protocol):
    """The room's own alarms, as this file needs them."""

    async def find(self, alarm_id: str) -> AlarmRecord | None:
        """Return an alarm however old it is."""
        ...


@dataclass(frozen=True, slots=True)
class PlateIntakeParts:
    """What plates are checked against, and who keeps them."""

    book: Book
    edge: Callable[[str], Edge | None]
    keep: KeepPlate
    refused: Callable[[str, str, str], Awaitable[None]]
    """Told of edge, alarm and code of what was not taken."""


class PlateIntake:
    """Takes what edges bring; `plate` is the handler of that kind."""

    def __init__(self, parts: PlateIntakeParts) -> None:
        self._parts = parts

    async def plate(self, peer: LinePeer, body: Mapping[str, Any], blob: bytes) -> Reply:
        """Keep one hit; RefusedError, which tells no plate, says why not."""
        del blob
        message = message_of(body)
        _, hit = parse_plate(message.topic, message.payload)
        try:
            await self._take(peer.id, hit)
        except RefusedError as error:
            if error.code != NOT_YET:
                await self._parts.refused(peer.id, hit.hit, error.code)
            raise
        return Reply()

    async def _take(self, edge_id: str, hit: PlateHit) -> None:
        parts = self._parts
        edge = parts.edge(edge_id)
        if edge is None or not edge.enabled:
            raise RefusedError("not-authorised", f"edge {edge_id} is not one of this room")
        if hit.box != edge_id or hit.rule != RULE_HIT or not ID_FORM.match(hit.camera):
            raise RefusedError("not-yours", f"edge {edge_id} brings a plate that is not its own")
        try:
            record = await parts.book.find(hit.hit)
            if record is None:
                raise RefusedError(NOT_YET, "the alarm of this plate has not come yet")
            alarm = record.alarm
            if alarm.camera != at_room(edge_id, hit.camera) or alarm.rule != RULE_HIT:
                raise RefusedError("not-yours", f"edge {edge_id}: a plate of another alarm")
            if record.verdict not in LET_GO:
                await parts.keep(hit, record)
        except StoreError as error:
            raise RefusedError(NOT_YET, "this room cannot store it now") from error
