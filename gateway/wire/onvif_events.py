# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A camera's own events: wsnt:NotificationMessage with tt:Message (ONVIF Core, event handling).

Read strictly where a mistake could invent an alarm, and loosely where cameras are known to be
loose: a missing wsnt:Message wrapper, a missing or wrong topic dialect, a topic whose prefix was
never declared, times of many forms. Whatever the bytes: a `CameraEvent` or WireError.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from lxml import etree

from gateway.model.errors import WireError
from gateway.model.event import CameraEvent, Item, PropertyOperation
from gateway.model.time import Moment
from gateway.wire import xml

ONVIF_TOPICS: Final = "http://www.onvif.org/ver10/topics"
"""Namespace of ONVIF's own topics, by custom `tns1` (ONVIF Core, topic structure)."""

MOST_BYTES = 64 << 10
"""A notification without embedded picture has 1 to 4 KiB."""
MOST_ITEMS = 64
"""Per group; the richest event of the specification (a plate) has about 12."""
MOST_NAME_CHARS = 128
MOST_VALUE_CHARS = 1024
"""Of an item; longer ones (embedded pictures) are left out."""
MOST_TOPIC_CHARS = 512
MOST_SEGMENTS = 16

_AXIS = "{http://www.axis.com/2009/event/topics}"
_HIKVISION = "{http://www.hikvision.com/2011/event/topics}"
_SAME: Final[dict[str, str]] = {
    # Motion: the video source's own alarm (Imaging Service, events), the cell detector's (Analytics
    # Service), and the region detector's, which Profile T prefers.
    "VideoSource/MotionAlarm": "RuleEngine/CellMotionDetector/Motion",
    "RuleEngine/MotionRegionDetector/Motion": "RuleEngine/CellMotionDetector/Motion",
    # Covered or turned away: the specification adds which part of the device noticed it; Hikvision
    # and others send a tamper rule; Axis has its own last level.
    "VideoSource/GlobalSceneChange/ImagingService": "VideoSource/GlobalSceneChange",
    "VideoSource/GlobalSceneChange/AnalyticsService": "VideoSource/GlobalSceneChange",
    "VideoSource/GlobalSceneChange/RecordingService": "VideoSource/GlobalSceneChange",
    "RuleEngine/TamperDetector/Tamper": "VideoSource/GlobalSceneChange",
    f"VideoSource/{_AXIS}Tampering": "VideoSource/GlobalSceneChange",
    # A contact (DeviceIO Service, events) and the names of Hikvision and Axis.
    f"Device/Trigger/{_HIKVISION}AlarmIn": "Device/Trigger/DigitalInput",
    f"Device/{_AXIS}IO/Port": "Device/Trigger/DigitalInput",
    # Line and field (Analytics Service) and the names that TP-Link gives to the same rules.
    "RuleEngine/LineCrossDetector/LineCross": "RuleEngine/LineDetector/Crossed",
    "RuleEngine/IntrusionDetector/Intrusion": "RuleEngine/FieldDetector/ObjectsInside",
}
_CANONICAL: Final = {topic.casefold(): same.casefold() for topic, same in _SAME.items()}

_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[Tt ](\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](\d{1,9})\d*)?"
    r"\s*(?:([+-])(\d{1,2}):?(\d{2})|[Zz]|UTC|GMT)?",
    re.ASCII,
)
_OPERATIONS: Final = {one.value.casefold(): one for one in PropertyOperation}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_notification(data: bytes | etree._Element, received: Moment) -> CameraEvent:
    """Return the event of a wsnt:NotificationMessage, or of a bare tt:Message (topic empty).

    ElementItems are left out; so are SimpleItems of more than `MOST_VALUE_CHARS`. WireError.
    """
    root = xml.parse(data, MOST_BYTES) if isinstance(data, bytes) else data
    message = _message(root)
    groups = [_items(message, group) for group in ("Source", "Key", "Data")]
    return CameraEvent(
        topic=_topic(root),
        operation=_operation(message),
        source=groups[0],
        key=groups[1],
        data=groups[2],
        utc_us=utc_us(message.get("UtcTime", "")),
        received=received,
    )


def canonical_topic(topic: str) -> str:
    """Return one spelling for topics that mean the same, in lower case; for comparing only."""
    folded = topic.casefold()
    return _CANONICAL.get(folded, folded)


def utc_us(text: str) -> int:
    """Return an xs:dateTime as microseconds since 1970; 0 if it is none, or before 1970.

    Without a zone it counts as UTC, since ONVIF wants nothing else; `24:00:00` is the next
    midnight and `:60` the next minute.
    """
    match = _TIME.fullmatch(text.strip()[:64])
    if match is None:
        return 0
    year, month, day, hour, minute, second = (int(match[group]) for group in range(1, 7))
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):  # noqa: PLR2004 - see xs:dateTime
        return 0
    offset = timedelta(hours=int(match[9] or 0), minutes=int(match[10] or 0))
    span = timedelta(hours=hour, minutes=minute, seconds=second)
    try:
        when = datetime(year, month, day, tzinfo=UTC) + span
        when += offset if match[8] == "-" else -offset
    except (ValueError, OverflowError):
        return 0
    fraction_us = int((match[7] or "").ljust(6, "0")[:6])
    past = when - _EPOCH
    return max(0, past.days * 86_400_000_000 + past.seconds * 1_000_000 + fraction_us)


def local_name(element: etree._Element) -> str:
    """Return the name without namespace."""
    return str(element.tag).rpartition("}")[2]


def _message(root: etree._Element) -> etree._Element:
    """Return tt:Message, which stands in wsnt:Message, or should."""
    found = None
    if local_name(root) == "NotificationMessage":
        found = _child(root, "Message")
        found = _child(found, "Message", found) if found is not None else None
    elif local_name(root) == "Message":
        found = root
    if found is None:
        raise WireError(f"<{local_name(root)[:40]}> is not a notification with a message")
    return found


def _child(
    parent: etree._Element, name: str, default: etree._Element | None = None
) -> etree._Element | None:
    return next((child for child in parent if local_name(child) == name), default)


def _operation(message: etree._Element) -> PropertyOperation:
    """Return what happened to the property; an unknown word says at least that it changed."""
    text = message.get("PropertyOperation", "").strip().casefold()
    return _OPERATIONS.get(text, PropertyOperation.CHANGED)


def _items(message: etree._Element, group: str) -> tuple[Item, ...]:
    """Return the SimpleItems of one group."""
    found: list[Item] = []
    for parent in message:
        if local_name(parent) != group:
            continue
        for item in parent:
            if local_name(item) != "SimpleItem":
                continue
            name, value = item.get("Name", "").strip(), item.get("Value", "").strip()
            if not name or len(name) > MOST_NAME_CHARS:
                raise WireError(f"an item of {group} has no usable name ({len(name)} characters)")
            if len(value) <= MOST_VALUE_CHARS:
                found.append((name, value))
            if len(found) > MOST_ITEMS:
                raise WireError(f"more than {MOST_ITEMS} items in {group}")
    return tuple(found)


def _topic(root: etree._Element) -> str:
    element = _child(root, "Topic")
    if element is None:
        return ""
    text = "".join(str(part) for part in element.itertext()).strip()
    if len(text) > MOST_TOPIC_CHARS:
        raise WireError(f"topic of {len(text)} characters (at most {MOST_TOPIC_CHARS})")
    segments = [segment.strip() for segment in text.split("/") if segment.strip()]
    if len(segments) > MOST_SEGMENTS:
        raise WireError(f"topic of {len(segments)} levels (at most {MOST_SEGMENTS})")
    return "/".join(_resolved(segments, element.nsmap))


def _resolved(segments: list[str], nsmap: dict[str | None, str]) -> list[str]:
    """Replace prefixes: ONVIF's vanishes, a vendor's becomes its namespace where it changes."""
    out: list[str] = []
    current = ""
    for segment in segments:
        prefix, colon, name = segment.partition(":")
        if not colon:
            out.append(segment)
            continue
        namespace = _namespace(prefix, nsmap)
        out.append(f"{{{namespace}}}{name}" if namespace not in ("", current) else name)
        current = namespace
    return out


def _namespace(prefix: str, nsmap: dict[str | None, str]) -> str:
    """Return the namespace behind a prefix; empty for ONVIF's, the prefix if undeclared."""
    namespace = nsmap.get(prefix, ONVIF_TOPICS if prefix == "tns1" else prefix).rstrip("/")
    return "" if namespace == ONVIF_TOPICS else namespace[:MOST_TOPIC_CHARS]
