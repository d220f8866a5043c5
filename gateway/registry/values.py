# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Forms of single values in seeds; each refusal says what to write and never repeats the value."""

import ipaddress
import re
from datetime import time
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, StringConstraints

from gateway.model.identifiers import ID_FORM
from gateway.model.registry import Point
from gateway.model.room import DC09_BROKER, HOOK_BROKER, LINE_BROKER
from gateway.registry import polygon
from gateway.runtime.fields import CREDENTIALS_IN_URL, Id, Number, refusal

MOST_HOSTS = 16
LEAST_LINE = 0.02
"""Shorter lines are slips of the hand."""
NETWORK_SCHEMES = ("rtsp", "rtsps", "http", "https")
"""How cameras are reached; http(s) is MJPEG. Recorded footage is a `file:`."""

_PIN = re.compile(r"[0-9a-f]{64}")
_ACCOUNT = re.compile(r"[0-9A-Fa-f]{3,16}")
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_-]*[a-z0-9_])*")
_TOPIC = re.compile(r"(?:\{[^{}\s]{1,200}\})?[\w.-]+(?:/(?:\{[^{}\s]{1,200}\})?[\w.-]+)*")


def _parts(value: str) -> SplitResult | None:
    """Return the parts of a clean URL, or None; refuses credentials."""
    if CREDENTIALS_IN_URL.search(value):
        raise refusal(
            "contains credentials", 'remove them and write credential = "file:/absolute/path"'
        )
    if not value.isprintable() or " " in value:
        return None
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return None
    return None if port == 0 else parts


def _camera_url(value: str) -> str:
    if not value:
        return value
    parts = _parts(value)
    if parts and parts.scheme == "file":
        if not re.match("file:///[^/]", value):
            raise refusal("is not a file's URL", 'write for example "file:///var/footage.mp4"')
        return value
    if parts is None or parts.scheme not in NETWORK_SCHEMES or not parts.hostname:
        raise refusal("is not a camera's URL", 'write for example "rtsp://192.0.2.20:554/stream1"')
    return value


def _device_url(value: str) -> str:
    if not value:
        return value
    parts = _parts(value)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise refusal(
            "is not a device's URL",
            'write for example "http://192.0.2.30/onvif/device_service"',
        )
    return value


def _pin(value: str) -> str:
    """Return the pin as we keep it; `openssl x509 -fingerprint` writes colons and capitals."""
    bare = value.replace(":", "").lower()
    if value and not _PIN.fullmatch(bare):
        raise refusal(
            "is not the SHA-256 of a certificate",
            "write 64 hexadecimal digits, as openssl x509 -noout -fingerprint -sha256 prints them",
        )
    return bare


def _bare_host(value: str) -> str:
    """Return a host without port as it is compared: small letters, addresses in short form."""
    bare = value.lower().strip("[]")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        pass
    if not _NAME.fullmatch(bare) or bare.replace(".", "").isdigit():
        raise refusal(
            "is not a host", 'write a name or an address without port, for example "192.0.2.30"'
        )
    return bare


def _topic(value: str) -> str:
    if not _TOPIC.fullmatch(value):
        raise refusal(
            "is not a topic",
            'write it without prefix, for example "RuleEngine/CellMotionDetector/Motion"',
        )
    return value


def _polygon(value: tuple[Point, ...]) -> tuple[Point, ...]:
    if problem := polygon.fault(value):
        raise refusal(
            problem, "write 3 to 64 corners in order as fractions, [[0.1, 0.2], [0.9, 0.2], …]"
        )
    return value


def _polygon_or_nothing(value: tuple[Point, ...]) -> tuple[Point, ...]:
    return _polygon(value) if value else ()


def _ground(value: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return the corners of an area counterclockwise and not closed, however they were written."""
    opened = value[:-1] if len(value) > 1 and value[0] == value[-1] else value
    problem, advice = polygon.ground_fault(opened)
    if problem:
        raise refusal(problem, advice)
    return polygon.counterclockwise(opened)


def _segment(value: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return the two points of a line, or nothing."""
    if not value:
        return value
    advice = "write two points of the picture, 0.02 or more apart, [[0.2, 0.6], [0.8, 0.6]]"
    if len(value) != 2:  # noqa: PLR2004 - a line
        raise refusal(f"has {len(value)} points", advice)
    if not all(0 <= x <= 1 and 0 <= y <= 1 for x, y in value):
        raise refusal("goes out of the picture", advice)
    (ax, ay), (bx, by) = value
    if (ax - bx) ** 2 + (ay - by) ** 2 < LEAST_LINE**2:
        raise refusal("is too short", advice)
    return value


def _local(value: time) -> time:
    if value.tzinfo is not None:
        raise refusal("has a time zone", "write the local time alone, 22:00:00")
    return value


def _prefix(value: str) -> str:
    bad = set(value) & set("+#$\0 ") or value.startswith("/") or value.endswith("/")
    if bad or not value.isprintable():
        raise refusal("is not a topic", 'write for example "varco/questura", without + # $')
    return value


def _digest(value: str) -> str:
    if value and not _PIN.fullmatch(value):
        raise refusal("is not a SHA-256", "write 64 hexadecimal digits, as sha256sum prints them")
    return value


def _broker(value: str) -> str:
    if value and not ID_FORM.match(_bare_name(value)):
        raise refusal(
            "is neither a name nor a line",
            'write the name of a [[broker]], "line:" and the name of an [[uplink]], "dc09:" and'
            ' that of a [[dc09]], or "webhook:" and that of a [[webhook]]',
        )
    return value


def _bare_name(value: str) -> str:
    for prefix in (LINE_BROKER, DC09_BROKER, HOOK_BROKER):
        if value.startswith(prefix):
            return value.removeprefix(prefix)
    return value


def _account(value: str) -> str:
    """Return an account of SIA DC-09 as it is compared, upper case."""
    if not _ACCOUNT.fullmatch(value):
        raise refusal("is not an account", 'write 3 to 16 hexadecimal digits, for example "1A2B"')
    return value.upper()


def some(value: tuple[object, ...]) -> tuple[object, ...]:
    """Return a list that is not empty."""
    if not value:
        raise refusal("is empty", "write at least one")
    return value


_Line = StringConstraints(strict=True, max_length=500)
CameraUrl = Annotated[str, _Line, AfterValidator(_camera_url)]
"""Empty, or well-formed; whether footage may stand for a camera is decided where plans are made."""
DeviceUrl = Annotated[str, _Line, AfterValidator(_device_url)]
Pin = Annotated[str, StringConstraints(strict=True, max_length=100), AfterValidator(_pin)]
BareHost = Annotated[str, StringConstraints(strict=True), AfterValidator(_bare_host)]
Hosts = Annotated[tuple[BareHost, ...], Field(max_length=MOST_HOSTS)]
Topic = Annotated[str, _Line, AfterValidator(_topic)]
Polygon = Annotated[tuple[tuple[Number, Number], ...], AfterValidator(_polygon)]
PolygonOrNothing = Annotated[
    tuple[tuple[Number, Number], ...],
    AfterValidator(_polygon_or_nothing),
]
Segment = Annotated[tuple[tuple[Number, Number], ...], AfterValidator(_segment)]
Ground = Annotated[tuple[tuple[Number, Number], ...], AfterValidator(_ground)]
GroundOrNothing = Annotated[
    tuple[tuple[Number, Number], ...], AfterValidator(lambda value: _ground(value) if value else ())
]
LocalTime = Annotated[time, AfterValidator(_local)]
TopicPrefix = Annotated[
    str, StringConstraints(strict=True, max_length=200), AfterValidator(_prefix)
]
Digest = Annotated[str, StringConstraints(strict=True), AfterValidator(_digest)]
Nothing = Literal[""]
Account = Annotated[str, StringConstraints(strict=True), AfterValidator(_account)]
NameOrNothing = Id | Nothing
BrokerName = Annotated[str, StringConstraints(strict=True, max_length=80), AfterValidator(_broker)]
"""Empty, the name of a broker, or one of another kind behind its prefix."""
Ids = Annotated[tuple[Id, ...], AfterValidator(some)]
