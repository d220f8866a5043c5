# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who may change what of an incident: commands in, drafts of events out. Pure.

Whether an organisation may know of a camera or an alarm is asked before, by whoever knows acts.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, cast

from gateway.model.errors import StateError
from gateway.model.incident import (
    MOST_ALARMS,
    MOST_CAMERAS,
    MOST_PARTIES,
    MOST_READ_AT_ONCE,
    Attach,
    Author,
    Change,
    Close,
    Command,
    Detach,
    Draft,
    HandOver,
    Incident,
    Open,
    Read,
    Say,
    Share,
    Take,
    Unshare,
    Update,
)

FILE: Final = "kinds.toml"
Names = Mapping[str, str]
"""What people call a camera, by id."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What an incident may be about."""

    code: str
    of: str
    """One of the five classes of A-15."""
    it: str
    en: str


@cache
def kinds() -> Mapping[str, Kind]:
    """Return every kind by its code, in the order of the file."""
    text = resources.files("gateway.room").joinpath(FILE).read_text("utf-8")
    return {
        code: Kind(code, one["class"], one["it"], one["en"])
        for code, one in tomllib.loads(text).items()
    }


def opening(command: Open, names: Names) -> list[Draft]:
    """Return the events of a new incident; StateError for a kind that does not exist."""
    _known_kind(command.kind)
    facts: dict[str, object] = {
        "title": command.title,
        "kind": command.kind,
        "priority": command.priority,
        "address": command.address,
        "exercise": command.exercise,
    }
    if command.latitude is not None and command.longitude is not None:
        facts |= {"latitude": command.latitude, "longitude": command.longitude}
    drafts = [Draft(Change.OPENED, facts)]
    drafts += [Draft(Change.CAMERA_ATTACHED, _camera(one, names)) for one in command.cameras]
    return drafts + [Draft(Change.ALARM_ATTACHED, {"alarm": one}) for one in command.alarms]


def changing(command: Command, incident: Incident, by: Author, names: Names) -> list[Draft]:
    """Return the events of a change; none if nothing would change.

    StateError: `closed`, `not-yours` (another organisation has to do it), `full`, `unknown`.
    """
    if by.organisation not in incident.parties:
        raise StateError("unknown")
    if not incident.is_open and not isinstance(command, Read):
        raise StateError("closed")
    make = cast("Callable[[Command, Incident, Author, Names], list[Draft]]", _MAKERS[type(command)])
    return make(command, incident, by, names)


def _open_again(_: Open, __: Incident, ___: Author, ____: Names) -> list[Draft]:
    raise StateError("unknown")


def _update(command: Update, incident: Incident, by: Author, _: Names) -> list[Draft]:
    _leads(incident, by)
    if command.kind is not None:
        _known_kind(command.kind)
    wished = {
        "title": command.title,
        "kind": command.kind,
        "priority": command.priority,
        "latitude": command.latitude,
        "longitude": command.longitude,
        "address": command.address,
    }
    new = {
        key: value
        for key, value in wished.items()
        if value is not None and value != getattr(incident, key)
    }
    return [Draft(Change.UPDATED, new)] if new else []


def _take(_: Take, incident: Incident, by: Author, __: Names) -> list[Draft]:
    _leads(incident, by)
    return [Draft(Change.TAKEN)]


def _hand_over(command: HandOver, incident: Incident, by: Author, _: Names) -> list[Draft]:
    """Hand it to anybody from its home; elsewhere, back to the home alone."""
    _leads(incident, by)
    if command.to == by.organisation:
        raise StateError("not-possible", "it is there already")
    if command.to not in incident.parties:
        if incident.home:
            raise StateError("not-yours", "only the room that opened it shares it further")
        _room_for_party(incident)
    return [Draft(Change.HANDED_OVER, {"to": command.to})]


def _close(command: Close, incident: Incident, by: Author, _: Names) -> list[Draft]:
    _leads(incident, by)
    return [Draft(Change.CLOSED, {"outcome": command.outcome.value, "note": command.note})]


def _attach(command: Attach, incident: Incident, _: Author, names: Names) -> list[Draft]:
    cameras = [one for one in dict.fromkeys(command.cameras) if one not in incident.cameras]
    alarms = [one for one in dict.fromkeys(command.alarms) if one not in incident.alarms]
    if (
        len(incident.cameras) + len(cameras) > MOST_CAMERAS
        or len(incident.alarms) + len(alarms) > MOST_ALARMS
    ):
        raise StateError("full")
    drafts = [Draft(Change.CAMERA_ATTACHED, _camera(one, names)) for one in cameras]
    return drafts + [Draft(Change.ALARM_ATTACHED, {"alarm": one}) for one in alarms]


def _detach(command: Detach, incident: Incident, _: Author, __: Names) -> list[Draft]:
    drafts: list[Draft] = []
    if command.camera in incident.cameras:
        drafts.append(Draft(Change.CAMERA_DETACHED, {"camera": command.camera}))
    if command.alarm in incident.alarms:
        drafts.append(Draft(Change.ALARM_DETACHED, {"alarm": command.alarm}))
    return drafts


def _share(command: Share, incident: Incident, by: Author, _: Names) -> list[Draft]:
    _shares(incident, by)
    if command.organisation in incident.parties:
        return []
    _room_for_party(incident)
    return [Draft(Change.SHARED, {"with": command.organisation})]


def _unshare(command: Unshare, incident: Incident, by: Author, _: Names) -> list[Draft]:
    _shares(incident, by)
    if command.organisation not in incident.shared_with:
        return []
    return [Draft(Change.UNSHARED, {"with": command.organisation})]


def _say(command: Say, _: Incident, __: Author, ___: Names) -> list[Draft]:
    return [Draft(Change.MESSAGE, {"text": command.text})]


def _read(command: Read, incident: Incident, by: Author, _: Names) -> list[Draft]:
    """Note what came up to a message, and was not noted yet."""
    ids = [one.id for one in incident.messages]
    if command.upto not in ids:
        raise StateError("unknown")
    upto = incident.messages[: ids.index(command.upto) + 1]
    own = by.organisation
    unread = [one.id for one in upto if one.author.organisation != own and own not in one.read]
    return [
        Draft(Change.RECEIPT, {"state": "read", "messages": unread[at : at + MOST_READ_AT_ONCE]})
        for at in range(0, len(unread), MOST_READ_AT_ONCE)
    ]


_MAKERS: Final[Mapping[type, Callable[..., list[Draft]]]] = {
    Open: _open_again,
    Update: _update,
    Take: _take,
    HandOver: _hand_over,
    Close: _close,
    Attach: _attach,
    Detach: _detach,
    Share: _share,
    Unshare: _unshare,
    Say: _say,
    Read: _read,
}


def leads(incident: Incident, organisation: str) -> bool:
    """Return whether an organisation may change, hand over and close an incident now."""
    return incident.is_open and organisation == incident.responsible


def shares(incident: Incident, organisation: str) -> bool:
    """Return whether an organisation decides who else knows of it: in its home room alone."""
    return (
        incident.is_open
        and not incident.home
        and organisation in (incident.opened_by, incident.responsible)
    )


def _leads(incident: Incident, by: Author) -> None:
    if not leads(incident, by.organisation):
        raise StateError("not-yours")


def _shares(incident: Incident, by: Author) -> None:
    if not shares(incident, by.organisation):
        raise StateError("not-yours")


def _room_for_party(incident: Incident) -> None:
    if len(incident.parties) >= MOST_PARTIES:
        raise StateError("full")


def _known_kind(code: str) -> None:
    if code not in kinds():
        raise StateError("kind", code)


def _camera(camera: str, names: Names) -> dict[str, object]:
    return {"camera": camera, "name": names.get(camera, camera)}
