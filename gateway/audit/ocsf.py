# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Entries as security monitors read them: one JSON object a line, in the words of OCSF 1.3.

No account leaves by its name: a person is a pseudonym, the same within one file and another in
the next. Who may read the log finds the person by the entry's number (`metadata.sequence`). Free
text stays behind. A value that was erased has no key at all.
"""

import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from gateway.audit import wording
from gateway.audit.entry import LedgerEntry
from gateway.model.access import BREAK_GLASS
from gateway.model.audit import LedgerEvent, Operation

VERSION: Final = "1.3.0"
"""Of the schema."""
PRODUCT: Final = "Varco"
KEY_BYTES: Final = 32
"""Of the key under which pseudonyms are made."""

FINDING, ACCOUNT, LOGON, ENTITY, API = 2004, 3001, 3002, 3004, 6003
"""Detection Finding, Account Change, Authentication, Entity Management, API Activity."""
_CREATE, _READ, _UPDATE, _DELETE, _OTHER = 1, 2, 3, 4, 99
_CRUD: Final = {_CREATE: "Create", _READ: "Read", _UPDATE: "Update", _DELETE: "Delete"}
_NAMES: Final[Mapping[int, Mapping[int, str]]] = {
    FINDING: {1: "Create", 2: "Update", 3: "Close"},
    ACCOUNT: {1: "Create", 5: "Disable", 9: "Lock", 10: "MFA Factor Enable"},
    LOGON: {1: "Logon", 2: "Logoff", 4: "Service Ticket Request"},
    ENTITY: _CRUD,
    API: _CRUD,
}
_EXACT: Final = {
    "auth.login": (LOGON, 1),
    "auth.fail": (LOGON, 1),
    "mfa.fail": (LOGON, 1),
    "auth.logout": (LOGON, 2),
    "token.issue": (LOGON, 4),
    "auth.lock": (ACCOUNT, 9),
    "mfa.enrol": (ACCOUNT, 10),
    "user.create": (ACCOUNT, 1),
    "user.disable": (ACCOUNT, 5),
    "alarm.raise": (FINDING, 1),
    "alarm.close": (FINDING, 3),
    "camera.state": (API, _OTHER),
    "camera.inspect": (API, _READ),
    "camera.deny": (API, _READ),
    "log.export": (API, _READ),
    "clip.export": (API, _READ),
    "clip.download": (API, _READ),
}
_CLASSES: Final = {
    "user": ACCOUNT,
    "alarm": FINDING,
    **dict.fromkeys(
        ("camera", "config", "edge", "hold", "legalbasis", "mask", "policy", "sharing", "site"),
        ENTITY,
    ),
}
"""By the family of a code; all others are what a program was asked to do."""
_OF_ENTITIES: Final = {
    **dict.fromkeys(("create", "add", "invite", "enrol", "set", "pause"), _CREATE),
    **dict.fromkeys(("remove", "revoke", "release", "resume"), _DELETE),
}
_OF_OPERATIONS: Final = {
    Operation.COLLECTION: _CREATE,
    Operation.CONSULTATION: _READ,
    Operation.MODIFICATION: _UPDATE,
    Operation.DELETION: _DELETE,
}
_LOOKS: Final = frozenset({"live", "playback", "recorded", "clip", "lpr", "log"})
"""Families in which what was refused is a reading."""
_INFORMATIONAL, _LOW, _MEDIUM = 1, 2, 3
_SUCCESS, _FAILURE = 1, 2
_PROGRESS = 2
"""Activity of a finding that is neither new nor closed."""
_FINDING_STATES: Final = {1: 1, _PROGRESS: 2, 3: 4}
"""New, in progress, resolved: what became of a finding, by its activity."""
_ACCOUNT: Final = "user/"
"""How commands name an account that they change."""
_USER_TYPES: Final = {"human": 1, "service": 3, "device": _OTHER}


def lines(entries: Iterable[LedgerEntry], key: bytes) -> Iterator[bytes]:
    """Return one line for each entry; `key`: under which pseudonyms are made, kept nowhere."""
    for entry in entries:
        text = json.dumps(record(entry, key), ensure_ascii=False, separators=(",", ":"))
        yield f"{text}\n".encode("utf-8", "replace")


def pseudonym(person: str, key: bytes) -> str:
    """Return who somebody is in one file; empty for nobody."""
    return f"p-{hmac.digest(key, person.encode(), 'sha256').hex()[:24]}" if person else ""


def class_of(event: LedgerEvent) -> tuple[int, int]:
    """Return class and activity of an entry."""
    family, _, verb = event.event.partition(".")
    if known := _EXACT.get(event.event):
        return known
    class_uid = _CLASSES.get(family, API)
    if class_uid == ACCOUNT:
        return class_uid, _OTHER
    if class_uid == FINDING:
        return class_uid, _PROGRESS
    if class_uid == ENTITY:
        return class_uid, _OF_ENTITIES.get(verb, _UPDATE)
    if verb == "deny" and family in _LOOKS:
        return class_uid, _READ
    return class_uid, _OF_OPERATIONS.get(event.operation, _OTHER)


def record(entry: LedgerEntry, key: bytes) -> dict[str, object]:
    """Return an entry as OCSF names its parts; what is empty is left out."""
    event = entry.event
    class_uid, activity = class_of(event)
    person = _person(event, key)
    failed = event.result != "ok"
    made: dict[str, object] = {
        "category_uid": class_uid // 1000,
        "class_uid": class_uid,
        "activity_id": activity,
        "activity_name": _NAMES[class_uid].get(activity, event.event),
        "type_uid": class_uid * 100 + activity,
        "severity_id": _severity(event),
        "time": entry.utc_us // 1000,
        "message": wording.event_words(event.event),
        "status_id": _FAILURE if failed else _SUCCESS,
        "status": event.result,
        "status_code": event.error,
        "duration": event.duration_ms,
        "metadata": _metadata(entry),
        "actor": {"user": person, "session": _full({"uid": event.session_id})},
        "src_endpoint": _full({"ip": event.src_ip, "hostname": event.workstation}),
        "unmapped": _unmapped(entry, key),
    }
    if class_uid == FINDING:
        made["status_id"] = _FINDING_STATES[activity]
    made |= _about(event, class_uid, person, key)
    made["actor"] = _full(made["actor"])  # type: ignore[arg-type] # made above
    return _full(made)


def _about(
    event: LedgerEvent, class_uid: int, person: dict[str, object], key: bytes
) -> dict[str, object]:
    """Return what a class has of its own: whom or what an entry is about."""
    is_user, uid = _thing(event, key)
    thing = _full({"uid": uid, "type": event.object_type})
    if class_uid == ACCOUNT:
        return {"user": {"uid": uid} if is_user and uid else person}
    if class_uid == LOGON:
        return {"user": person, "auth_protocol": event.auth_method}
    if class_uid == ENTITY:
        return {"entity": thing}
    if class_uid == FINDING:
        return {"finding_info": _full({"uid": uid, "title": wording.event_words(event.event)})}
    return {"api": {"operation": event.event}, "resources": [thing] if thing else []}


def _thing(event: LedgerEvent, key: bytes) -> tuple[bool, str]:
    """Return whether an entry is about an account, and what it is about."""
    if event.object_type == "user":
        return True, pseudonym(event.object_id, key)
    if event.object_id.startswith(_ACCOUNT):
        return True, pseudonym(event.object_id.removeprefix(_ACCOUNT), key)
    return False, event.object_id


def _person(event: LedgerEvent, key: bytes) -> dict[str, object]:
    return _full(
        {
            "uid": pseudonym(event.actor_id, key),
            "type_id": _USER_TYPES.get(event.actor_type, 0),
            "org": _full({"uid": event.org}),
            "groups": [{"name": event.role}] if event.role else [],
        }
    )


def _metadata(entry: LedgerEntry) -> dict[str, object]:
    return {
        "version": VERSION,
        "uid": entry.id,
        "sequence": entry.seq,
        "event_code": entry.event.event,
        "product": {"name": PRODUCT, "vendor_name": PRODUCT, "version": entry.software},
    }


def _unmapped(entry: LedgerEntry, key: bytes) -> dict[str, object]:
    """Return what OCSF has no word for, in ours."""
    event = entry.event
    return _full(
        {
            "operation": event.operation.value,
            "regime": event.regime.value,
            "controller": event.controller,
            "camera": event.camera,
            "purpose": event.purpose_code,
            "legal_basis": event.legal_basis_id,
            "case": event.case_ref,
            "second": pseudonym(event.delegated_by, key),
            "recipient_org": event.recipient_org,
            "channel": event.channel,
            "flags": [one for one in event.flags.split(",") if one],
            "bytes": event.bytes,
            "frames": event.frames,
            "count": event.count,
            "closes": event.closes if event.closes >= 0 else None,
            "policy_version": event.policy_version,
            "clock_sync": entry.clock_sync,
            "erased": list(entry.erased),
        }
    )


def _severity(event: LedgerEvent) -> int:
    if BREAK_GLASS in event.flags.split(",") or event.event.startswith("breakglass."):
        return _MEDIUM
    return _INFORMATIONAL if event.result == "ok" else _LOW


def _full(made: Mapping[str, object]) -> dict[str, object]:
    """Return what is not empty; the closed entry may be number 0."""
    kept = ("closes", "time", "sequence")
    return {name: one for name, one in made.items() if one or (name in kept and one == 0)}
