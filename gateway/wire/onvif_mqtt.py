# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""ONVIF events over MQTT: topics, JSON payloads, and our own acknowledgements (B-47).

Under one recipient's prefix lie

    <prefix>/onvif-ej/RuleEngine/FieldDetector/ObjectsInside/&<camera>/<rule>/<zone>   alarms
    <prefix>/onvif-ej/RuleEngine/Recognition/LicensePlate/&<camera>/<rule>    hits of a plate list
    <prefix>/ack/<box>               ids that the recipient's inbox has committed
    <prefix>/gw/<box>/health         whether the box is on the line (retained, last will)

ONVIF Core (events, MQTT): the prefix is mandatory, no level holds `#` or `+`, the payload is
`{"UtcTime", "Source", "Data"}` without Key and PropertyOperation, a property event is retained.
`ObjectsInside` is a property: true while somebody is in the zone, then false. No topic and no
payload names a person or a plate, and a payload refers to a still image but never contains one.

The one exception is a hit of a plate list (B-48), which tells the plate in its payload: to a room
only, never retained, forgotten after five minutes, without a picture. `plate_message` is the only
way to make one.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Final, TypeVar
from urllib.parse import quote, unquote

from gateway.model.alarm import Why
from gateway.model.errors import ConfigError, InvariantError, WireError
from gateway.model.identifiers import ID_FORM
from gateway.model.registry import Recipient, RecipientKind
from gateway.wire.why import read_why, why_fields

EVENT: Final = "onvif-ej"
OBJECTS_INSIDE: Final = "RuleEngine/FieldDetector/ObjectsInside"
"""ONVIF Analytics, field detector: a state per rule, hence a property event."""
LICENSE_PLATE: Final = "RuleEngine/Recognition/LicensePlate"
"""ONVIF Analytics, licence plate recognition: something that happened, hence never retained."""
MOST_PLATE_EXPIRY_S: Final = 300

MOST_PREFIX_BYTES = 256
"""With it every topic stays below 1 KiB; MQTT 5 §1.5.4 allows 64 KiB, many brokers less."""
MOST_TOKEN_CHARS = 64
SEVERITIES = range(1, 6)
MOST_PAYLOAD_BYTES = 8192
"""An alarm is text of about 500 bytes; anything larger is not one of ours."""
MOST_ALSO = 32
"""Further cameras of a hold-up: a registry allows 15."""
MOST_IDS = 512
"""Ids in one acknowledgement."""

_RESERVED = frozenset({EVENT, "onvif-mj", "ack", "gw"})
_PLATE = re.compile(r"[^\W_]{1,16}\Z")
_COUNTRY = re.compile(r"(?:[A-Z]{2})?\Z")
_WORD = re.compile(r"[^\x00-\x1f\x7f]{0,64}\Z")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_MOST_UTC_US = 253_402_300_799_999_999
"""The end of year 9999."""


_T = TypeVar("_T")


class Phase(Enum):
    """Which of the two messages of one alarm."""

    RAISED = "Raised"
    ENDED = "Ended"


@dataclass(frozen=True, slots=True)
class AlarmNotice:
    """What one message says of one alarm; each phase is complete in itself."""

    alarm: str
    """UUIDv7; the recipient's primary key."""
    phase: Phase
    box: str
    """Who sends, and where the acknowledgement goes."""
    camera: str
    rule: str
    zone: str
    severity: int
    """1 (information) .. 5 (hold-up)."""
    exercise: bool
    raised_utc_us: int
    at_utc_us: int
    """When the state began that this message tells: the raising or the end."""
    also: tuple[str, ...] = ()
    """Further cameras that it opens (a hold-up); empty for every other alarm."""
    silent: bool = False
    """Nothing on site may show it (a hold-up)."""
    why: Why | None = None
    """What made a rule decide; None where none did."""


class PlateLabel(Enum):
    """Which kind of list a plate stands on (ONVIF Analytics)."""

    WANTED = "Blacklisted"
    ALLOWED = "Whitelisted"
    TEMPORARY = "Temporary"


@dataclass(frozen=True, slots=True)
class PlateHit:
    """A plate that stands on a list; one that stands on none is never made into this."""

    hit: str
    """UUIDv7; the recipient's primary key."""
    box: str
    camera: str
    rule: str
    at_utc_us: int
    likelihood: float
    """0..1, of the whole reading."""
    plate: str = field(repr=False)
    """Letters and digits without blanks, upper case; in no log and no topic."""
    country: str
    """ISO 3166-1 alpha-2; empty if it could not be told."""
    label: PlateLabel
    plate_type: str = "Normal"
    issuer: str = ""
    verified: bool = False
    """A person compared it with the picture before it was sent (D.9)."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Ids that an inbox has on disk."""

    raised: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a box is on the line; the last will says that it is not."""

    online: bool
    utc_us: int = 0
    """0 in a last will, which the broker sends at a time that we cannot know."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is published, always with QoS 1."""

    topic: str
    payload: bytes
    retain: bool = False
    expiry_s: int = 0
    """Broker forgets it after this long (MQTT 5 §3.3.2.3.3); 0: never."""


@dataclass(frozen=True, slots=True)
class Received:
    """What a subscription brought."""

    topic: str
    payload: bytes
    retain: bool = False
    """The broker had kept it: it was published before the subscription (MQTT 5 §3.3.1.3)."""


def check_prefix(prefix: str, *, where: str) -> None:
    """Raise ConfigError unless every topic under `prefix` is valid (MQTT 5 §4.7, B-47)."""
    problem = _prefix_problem(prefix)
    if problem:
        raise ConfigError(
            where, "topic_prefix", problem, "write levels like varco/box-1/sala, without # and +"
        )


def _prefix_problem(prefix: str) -> str:
    if not prefix:
        return "a prefix is mandatory"
    if not prefix.isprintable():
        return "holds a character that cannot be printed"
    if len(prefix.encode()) > MOST_PREFIX_BYTES:
        return f"is longer than {MOST_PREFIX_BYTES} bytes"
    if "#" in prefix or "+" in prefix:
        return "holds a wildcard (# or +)"
    if prefix.startswith(("$", "&")):
        return f"starts with {prefix[0]}, which is reserved"
    levels = prefix.split("/")
    if "" in levels:
        return "has an empty level (a slash too many)"
    taken = _RESERVED.intersection(levels)
    return f"uses the reserved level {min(taken)!r}" if taken else ""


def event_topic(prefix: str, camera: str, rule: str, zone: str) -> str:
    """Return the topic of an alarm; ids are escaped, so that none adds a level or a wildcard."""
    return f"{prefix}/{EVENT}/{OBJECTS_INSIDE}/&{_escape(camera)}/{_escape(rule)}/{_escape(zone)}"


def may_have_plates(recipient: Recipient) -> bool:
    """Return whether plates may ever be told to a recipient: to a room, not to an institute."""
    return recipient.kind is RecipientKind.ROOM


def plate_message(
    prefix: str, hit: PlateHit, recipient: Recipient, *, expiry_s: int = MOST_PLATE_EXPIRY_S
) -> Message:
    """Return the message of a hit: not retained, expiring, no picture (requirements §C).

    InvariantError for a recipient that may have no plates: whoever calls has to ask before.
    """
    if not may_have_plates(recipient):
        raise InvariantError(f"a plate was on its way to {recipient.id}, who may have none")
    within_s = min(max(1, expiry_s), MOST_PLATE_EXPIRY_S)
    return Message(plate_topic(prefix, hit), plate_payload(hit), retain=False, expiry_s=within_s)


def plate_topic(prefix: str, hit: PlateHit) -> str:
    """Return the topic of a hit, which names camera and rule, never the plate."""
    return f"{prefix}/{EVENT}/{LICENSE_PLATE}/&{_escape(hit.camera)}/{_escape(hit.rule)}"


def parse_plate(topic: str, payload: bytes) -> tuple[str, PlateHit]:
    """Return prefix and hit of a received message; WireError, which tells no plate, if it is none.

    An element may be a text or, as cameras send it, an object with `#text`.
    """
    prefix, mark, sources = topic.partition(f"/{EVENT}/{LICENSE_PLATE}/&")
    if not mark or _prefix_problem(prefix):
        raise WireError(f"topic {topic[:80]!r} is not one of our hits")
    body = _object(payload)
    source, data = _member(body, "Source", dict), _member(body, "Data", dict)
    info = _member(data, "LicensePlateInfo", dict)
    hit = PlateHit(
        hit=_alarm_id(_member(data, "EventId", str)),
        box=_id(data, "Box"),
        camera=_token(source, "VideoSource"),
        rule=_token(source, "Rule"),
        at_utc_us=_utc_us(_member(body, "UtcTime", str)),
        likelihood=_likelihood(data.get("Likelihood")),
        plate=_form(info, "PlateNumber", _PLATE),
        country=_form(info, "CountryCode", _COUNTRY),
        label=_label(data.get("Label")),
        plate_type=_form(info, "PlateType", _WORD),
        issuer=_form(info, "IssuingEntity", _WORD),
        verified=_member(data, "Verified", bool) if "Verified" in data else False,
    )
    if [_unescape(level) for level in sources.split("/")] != [hit.camera, hit.rule]:
        raise WireError(f"topic {topic[:80]!r} and Source do not name the same rule")
    return prefix, hit


def plate_payload(hit: PlateHit) -> bytes:
    """Return the JSON of a hit; `parse_plate` is its inverse."""
    return _json(
        {
            "UtcTime": _iso(hit.at_utc_us),
            "Source": {"VideoSource": hit.camera, "Rule": hit.rule},
            "Data": {
                "Likelihood": hit.likelihood,
                "LicensePlateInfo": {
                    "PlateNumber": hit.plate,
                    "PlateType": hit.plate_type,
                    "CountryCode": hit.country,
                    "IssuingEntity": hit.issuer,
                },
                "Label": hit.label.value,
                "EventId": hit.hit,
                "Box": hit.box,
                **({"Verified": True} if hit.verified else {}),
            },
        }
    )


def deletion(topic: str) -> Message:
    """Return the message that empties a topic: its property exists no more (B-47)."""
    return Message(topic, b"", retain=True)


def ack_topic(prefix: str, box: str) -> str:
    """Return where the recipient acknowledges what `box` sent."""
    return f"{prefix}/ack/{_escape(box)}"


def health_topic(prefix: str, box: str) -> str:
    """Return where a box says that it is on the line."""
    return f"{prefix}/gw/{_escape(box)}/health"


def event_filter(prefix: str) -> str:
    """Return the subscription for all alarms under a prefix, which may hold `+` as a level."""
    return f"{prefix}/{EVENT}/{OBJECTS_INSIDE}/#"


def still_path(alarm: str) -> str:
    """Return the path of the still image on the box's console; opening it needs a Grant."""
    return f"/api/alarms/{alarm}/still.jpg"


def _holdup(notice: AlarmNotice) -> dict[str, object]:
    """Return what only a hold-up says: other alarms stay as they were."""
    also: dict[str, object] = {"Also": notice.also} if notice.also else {}
    return also | ({"Silent": True} if notice.silent else {})


def _also(data: dict[str, object]) -> tuple[str, ...]:
    """Return the further cameras of a hold-up; WireError for anything but a few ids."""
    values = data.get("Also", [])
    if not isinstance(values, list) or len(values) > MOST_ALSO:
        raise WireError(f"Also is not a list of at most {MOST_ALSO} cameras")
    found = tuple(_token({"Also": one}, "Also") for one in values)
    if len(set(found)) < len(found):
        raise WireError("Also names a camera twice")
    return found


def event_payload(notice: AlarmNotice) -> bytes:
    """Return the JSON of a notice; `parse_event` is its inverse."""
    return _json(
        {
            "UtcTime": _iso(notice.at_utc_us),
            "Source": {
                "VideoSourceConfigurationToken": notice.camera,
                "VideoAnalyticsConfigurationToken": notice.rule,
                "Rule": notice.zone,
            },
            "Data": {
                "IsInside": notice.phase is Phase.RAISED,
                "AlarmId": notice.alarm,
                "Box": notice.box,
                "RaisedUtc": _iso(notice.raised_utc_us),
                "Severity": notice.severity,
                "Exercise": notice.exercise,
                "StillUri": still_path(notice.alarm),
                **_holdup(notice),
                **({"Why": why_fields(notice.why)} if notice.why else {}),
            },
        }
    )


def parse_event(topic: str, payload: bytes) -> tuple[str, AlarmNotice]:
    """Return prefix and notice of a received alarm; WireError for anything else."""
    prefix, mark, sources = topic.partition(f"/{EVENT}/{OBJECTS_INSIDE}/&")
    if not mark or _prefix_problem(prefix):
        raise WireError(f"topic {topic[:80]!r} is not one of our alarms")
    body = _object(payload)
    source, data = _member(body, "Source", dict), _member(body, "Data", dict)
    notice = AlarmNotice(
        alarm=_alarm_id(_member(data, "AlarmId", str)),
        phase=Phase.RAISED if _member(data, "IsInside", bool) else Phase.ENDED,
        box=_id(data, "Box"),
        camera=_token(source, "VideoSourceConfigurationToken"),
        rule=_token(source, "VideoAnalyticsConfigurationToken"),
        zone=_token(source, "Rule"),
        severity=_member(data, "Severity", int),
        exercise=_member(data, "Exercise", bool),
        raised_utc_us=_utc_us(_member(data, "RaisedUtc", str)),
        at_utc_us=_utc_us(_member(body, "UtcTime", str)),
        also=_also(data),
        silent=_member(data, "Silent", bool) if "Silent" in data else False,
        why=read_why(data["Why"]) if "Why" in data else None,
    )
    if notice.severity not in SEVERITIES:
        raise WireError(f"severity {notice.severity} is not within 1..5")
    if [_unescape(level) for level in sources.split("/")] != [
        notice.camera,
        notice.rule,
        notice.zone,
    ]:
        raise WireError(f"topic {topic[:80]!r} and Source do not name the same rule")
    return prefix, notice


def ack_payload(ack: Acknowledgement) -> bytes:
    """Return the JSON of an acknowledgement; `parse_ack` is its inverse."""
    return _json({Phase.RAISED.value: ack.raised, Phase.ENDED.value: ack.ended})


def parse_ack(payload: bytes) -> Acknowledgement:
    """Return what a recipient acknowledged; WireError for anything else."""
    body = _object(payload, most_bytes=64 * MOST_IDS)
    raised, ended = (_ids(_member(body, phase.value, list)) for phase in Phase)
    return Acknowledgement(raised, ended)


def health_payload(health: Health) -> bytes:
    """Return the JSON of a health message."""
    body: dict[str, object] = {"Online": health.online}
    if health.utc_us:
        body["UtcTime"] = _iso(health.utc_us)
    return _json(body)


def parse_health(payload: bytes) -> Health:
    """Return what a box says of itself; WireError for anything else."""
    body = _object(payload)
    utc_us = _utc_us(_member(body, "UtcTime", str)) if "UtcTime" in body else 0
    return Health(_member(body, "Online", bool), utc_us)


def _escape(token: str) -> str:
    """Percent-encode all but unreserved characters (RFC 3986 §2.3): no / # + & and no NUL."""
    return quote(token, safe="")


def _unescape(level: str) -> str:
    try:
        return unquote(level, errors="strict")
    except UnicodeDecodeError as error:
        raise WireError(f"topic level {level[:80]!r} is not escaped UTF-8") from error


def _json(body: dict[str, object]) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def _iso(utc_us: int) -> str:
    """Return xs:dateTime in UTC with microseconds."""
    whole = datetime.fromtimestamp(utc_us // 1_000_000, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{utc_us % 1_000_000:06d}Z"


def _utc_us(text: str) -> int:
    """Return microseconds since 1970 of an xs:dateTime that names its zone."""
    try:
        when = datetime.fromisoformat(text)
        if when.tzinfo is None:
            raise WireError(f"time {text[:40]!r} names no zone")
        past = when - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise WireError(f"time {text[:40]!r} is not an xs:dateTime") from error
    utc_us = past.days * 86_400_000_000 + past.seconds * 1_000_000 + past.microseconds
    if not 0 <= utc_us <= _MOST_UTC_US:
        raise WireError(f"time {text[:40]!r} lies before 1970")
    return utc_us


def _object(payload: bytes, most_bytes: int = MOST_PAYLOAD_BYTES) -> dict[str, object]:
    if len(payload) > most_bytes:
        raise WireError(f"payload of {len(payload)} bytes ({most_bytes} allowed)")
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise WireError(f"payload is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise WireError("payload is not a JSON object")
    return body


def _member(body: dict[str, object], key: str, kind: type[_T]) -> _T:
    value = body.get(key)
    if type(value) is not kind:
        raise WireError(f"{key} is missing or not of type {kind.__name__}")
    return value


def _id(body: dict[str, object], key: str) -> str:
    value = _member(body, key, str)
    if not ID_FORM.match(value):
        raise WireError(f"{key} is not an id")
    return value


def _token(body: dict[str, object], key: str) -> str:
    value = _member(body, key, str)
    if not 0 < len(value) <= MOST_TOKEN_CHARS or not value.isprintable():
        raise WireError(f"{key} is empty, too long or cannot be printed")
    return value


def _alarm_id(value: object) -> str:
    if not isinstance(value, str) or not _UUID.match(value):
        raise WireError("an alarm id is not a UUID in lower case")
    return value


def _ids(values: list[object]) -> tuple[str, ...]:
    if len(values) > MOST_IDS:
        raise WireError(f"{len(values)} ids in one acknowledgement ({MOST_IDS} allowed)")
    return tuple(map(_alarm_id, values))


def _form(body: dict[str, object], key: str, form: re.Pattern[str]) -> str:
    """Return an element that has a form; the error tells only its name, for it may be a plate."""
    value = body.get(key)
    if isinstance(value, dict):
        value = value.get("#text")
    if not isinstance(value, str) or not form.match(value):
        raise WireError(f"{key} is missing or has not the form it must have")
    return value


def _likelihood(value: object) -> float:
    if type(value) not in (int, float) or not 0 <= value <= 1:  # type: ignore[operator]
        raise WireError("Likelihood is not a number within 0..1")
    return float(value)  # type: ignore[arg-type]


def _label(value: object) -> PlateLabel:
    try:
        return PlateLabel(value)
    except ValueError as error:
        raise WireError("Label is none of ONVIF's") from error
