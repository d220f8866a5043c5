# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Events of incidents as two rooms tell them to each other: JSON of a line's frame (ADR 26).

    {"incident": UUIDv7, "events": [{"id": UUIDv7, "clock": 7, "utc_us": …, "kind": "message",
                                     "who": "self", "role": "pl.operator", "body": {…}}, …]}

`who`, and `with` and `to` in bodies, is an organisation: `self` (of whoever tells), `peer` (of
whoever is told) or `other:NAME` (somebody else there). Cameras are named as the edge names them.
"""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.model.errors import WireError
from gateway.model.identifiers import ID_FORM
from gateway.model.incident import (
    MOST_READ_AT_ONCE,
    MOST_TEXT,
    MOST_TITLE,
    Change,
    Outcome,
)

KINDS: Final = ("incident", "message", "receipt")
"""Kinds of frame; each takes only its own events."""
MOST_EVENTS: Final = 20
"""In one frame."""
MOST_ADDRESS: Final = 200
MOST_NOTE: Final = 500
_MOST_NAME: Final = 120
_MOST_CODE: Final = 64
_MOST_CLOCK: Final = 1 << 40
_MOST_UTC_US: Final = 1 << 53
_MOST_PRIORITY: Final = 5
_UUID_VERSION: Final = 7
_ROLE: Final = re.compile(r"[a-z.]{0,32}\Z")
_OTHER: Final = "other:"


@dataclass(frozen=True, slots=True)
class Told:
    """One event as it travels; nothing in it is believed yet but its shape."""

    id: str
    clock: int
    utc_us: int
    kind: Change
    who: str
    role: str = ""
    body: Mapping[str, object] = field(default_factory=dict)


def kind_of(change: Change) -> str:
    """Return the kind of frame in which an event travels."""
    return change.value if change in (Change.MESSAGE, Change.RECEIPT) else "incident"


def pack(incident: str, told: list[Told]) -> dict[str, object]:
    """Return the body of a frame."""
    events = [
        {
            "id": one.id,
            "clock": one.clock,
            "utc_us": one.utc_us,
            "kind": one.kind.value,
            "who": one.who,
            "role": one.role,
            "body": dict(one.body),
        }
        for one in told
    ]
    return {"incident": incident, "events": events}


def parse(kind: str, body: Mapping[str, object]) -> tuple[str, list[Told]]:
    """Return incident and events of a frame; WireError for anything else."""
    events = body.get("events")
    if not isinstance(events, list) or not 0 < len(events) <= MOST_EVENTS:
        raise WireError(f"{kind}: no events, or too many")
    told = [_event(one) for one in events]
    for one in told:
        if kind_of(one.kind) != kind:
            raise WireError(f"{kind}: an event {one.kind.value}")
    return _uuid(body.get("incident"), "incident"), told


def _event(value: object) -> Told:
    if not isinstance(value, dict):
        raise WireError("incident: an event that is not an object")
    kind = next((one for one in Change if one.value == value.get("kind")), None)
    body, role = value.get("body"), value.get("role", "")
    if kind is None or not isinstance(body, dict):
        raise WireError("incident: an event of no known kind")
    if not isinstance(role, str) or not _ROLE.match(role):
        raise WireError("incident: a strange role")
    return Told(
        _uuid(value.get("id"), "event"),
        _whole(value.get("clock"), 1, _MOST_CLOCK, "clock"),
        _whole(value.get("utc_us"), 0, _MOST_UTC_US, "time"),
        kind,
        _who(value.get("who")),
        role,
        _BODIES[kind](body),
    )


Json = Mapping[str, object]


def _facts(body: Json) -> dict[str, object]:
    """Take what an incident is; a place has both numbers or none."""
    facts: dict[str, object] = {}
    for key, most in (("title", MOST_TITLE), ("kind", _MOST_CODE), ("address", MOST_ADDRESS)):
        if key in body:
            facts[key] = line(body[key], most, key)
    if "kind" in facts and not ID_FORM.match(str(facts["kind"])):
        raise WireError("incident: a strange kind")
    if "priority" in body:
        facts["priority"] = _whole(body["priority"], 1, _MOST_PRIORITY, "priority")
    for key, most_deg in (("latitude", 90.0), ("longitude", 180.0)):
        if body.get(key) is not None:
            facts[key] = _degrees(body[key], most_deg)
    if body.get("exercise") is True:
        facts["exercise"] = True
    return facts


def _opened(body: Json) -> dict[str, object]:
    facts = _facts(body)
    if not facts.get("title") or not facts.get("kind"):
        raise WireError("incident: opened without title or kind")
    return facts


def _nothing(_: Json) -> dict[str, object]:
    return {}


def _to(body: Json) -> dict[str, object]:
    return {"to": _who(body.get("to"))}


def _with(body: Json) -> dict[str, object]:
    return {"with": _who(body.get("with"))}


def _closed(body: Json) -> dict[str, object]:
    outcome = body.get("outcome")
    if outcome not in [
        one.value for one in Outcome
    ]:  # a list: it may be anything, a set would hash
        raise WireError("incident: closed without an outcome")
    return {"outcome": outcome, "note": words(body.get("note", ""), MOST_NOTE, "note")}


def _camera(body: Json) -> dict[str, object]:
    camera = body.get("camera")
    parts = camera.split(".") if isinstance(camera, str) else []
    if not 0 < len(parts) <= 3 or not all(ID_FORM.match(one) for one in parts):  # noqa: PLR2004 - an edge of an edge, and no deeper
        raise WireError("incident: a strange camera")
    return {"camera": camera, "name": line(body.get("name", ""), _MOST_NAME, "name")}


def _alarm(body: Json) -> dict[str, object]:
    return {"alarm": _uuid(body.get("alarm"), "alarm")}


def _message(body: Json) -> dict[str, object]:
    text = words(body.get("text"), MOST_TEXT, "text")
    if not text:
        raise WireError("incident: an empty message")
    return {"text": text}


def _receipt(body: Json) -> dict[str, object]:
    state, named = body.get("state"), body.get("messages")
    if state not in ("delivered", "read") or not isinstance(named, list):
        raise WireError("incident: a strange receipt")
    if not 0 < len(named) <= MOST_READ_AT_ONCE:
        raise WireError("incident: a receipt for nothing, or for too much")
    return {"state": state, "messages": [_uuid(one, "message") for one in named]}


_BODIES: Final[Mapping[Change, Callable[[Json], dict[str, object]]]] = {
    Change.OPENED: _opened,
    Change.UPDATED: _facts,
    Change.TAKEN: _nothing,
    Change.HANDED_OVER: _to,
    Change.CLOSED: _closed,
    Change.CAMERA_ATTACHED: _camera,
    Change.CAMERA_DETACHED: _camera,
    Change.ALARM_ATTACHED: _alarm,
    Change.ALARM_DETACHED: _alarm,
    Change.SHARED: _with,
    Change.UNSHARED: _with,
    Change.MESSAGE: _message,
    Change.RECEIPT: _receipt,
}


def line(value: object, most: int, what: str) -> str:
    """Return one printable line of bounded length; WireError for anything else."""
    if not isinstance(value, str) or len(value) > most or not (value.isprintable() or not value):
        raise WireError(f"incident: a strange {what}")
    return value.strip()


def words(value: object, most: int, what: str) -> str:
    """Return text of bounded length that may have several lines; WireError for anything else."""
    if not isinstance(value, str) or len(value) > most:
        raise WireError(f"incident: a strange {what}")
    if not all(one.isprintable() or one == "\n" for one in value):
        raise WireError(f"incident: a strange {what}")
    return value.strip()


def _who(value: object) -> str:
    if value in ("self", "peer"):
        return str(value)
    if isinstance(value, str) and value.startswith(_OTHER):
        name = line(value.removeprefix(_OTHER), _MOST_NAME, "name")
        if name:
            return _OTHER + name
    raise WireError("incident: a strange organisation")


def _uuid(value: object, what: str) -> str:
    try:
        made = uuid.UUID(value) if isinstance(value, str) else None
    except ValueError:
        made = None
    if made is None or str(made) != value or made.version != _UUID_VERSION:
        raise WireError(f"incident: a strange id of {what}")
    return str(made)


def _whole(value: object, least: int, most: int, what: str) -> int:
    if type(value) is not int or not least <= value <= most:
        raise WireError(f"incident: a strange {what}")
    return value


def _degrees(value: object, most: float) -> float:
    if type(value) not in (int, float) or not isinstance(value, int | float):
        raise WireError("incident: a strange place")
    if not -most <= value <= most:
        raise WireError("incident: a strange place")
    return float(value)
