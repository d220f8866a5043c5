# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What gateway and media process say to each other: kinds of frames and their payloads.

Gateway to media: OPEN, UNIT, RENEW, CLOSE, FORGET. Media to gateway: HELLO, OPENED, ENDED, STATE.
Units are binary, the rest is JSON.
"""

import json
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from typing import Any, TypeVar

from gateway.model.errors import WireError
from gateway.model.media import AccessUnit
from gateway.wire import frames, units

T = TypeVar("T")

LEASE_S = 2.0
"""A session lives this long without a renewal."""
LEAVING = "shutdown"
"""Reason of a session that ends because the gateway left."""
RENEW_S = 1.0
"""How often the gateway renews, and the media process tells its state."""


class Kind(IntEnum):
    """Frame kinds; the two directions do not overlap."""

    OPEN = 1
    UNIT = 2
    RENEW = 3
    CLOSE = 4
    FORGET = 5
    HELLO = 17
    OPENED = 18
    ENDED = 19
    STATE = 20


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Everything the media process must know of a session; it never sees SDP or persons."""

    session: str
    camera: str
    ufrag: str
    password: str = field(repr=False)
    remote_ufrag: str
    fingerprints: tuple[tuple[str, str], ...]
    ssrc: int
    payload_type: int
    rtx_ssrc: int
    rtx_payload_type: int | None
    cname: str
    from_kept: bool
    """Whether the kept units still join what follows."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The last word on a session."""

    session: str
    reason: str
    bytes: int
    frames: int


@dataclass(frozen=True, slots=True)
class SessionState:
    """Where a session stands, once a second."""

    session: str
    connected: bool
    bytes: int
    frames: int


def open_session(terms: OpenSession) -> bytes:
    """Return an OPEN frame."""
    return _frame(Kind.OPEN, asdict(terms))


def unit(camera: str, one: AccessUnit) -> bytes:
    """Return a UNIT frame."""
    name = camera.encode()
    payload = b"".join((bytes((len(name),)), name, units.pack(one)))
    return frames.send(frames.Frame(Kind.UNIT, payload))


def renew(sessions: list[str]) -> bytes:
    """Return a RENEW frame."""
    return _frame(Kind.RENEW, sessions)


def close(session: str, reason: str) -> bytes:
    """Return a CLOSE frame."""
    return _frame(Kind.CLOSE, [session, reason])


def forget(camera: str) -> bytes:
    """Return a FORGET frame: nobody watches the camera, its kept units age."""
    return _frame(Kind.FORGET, camera)


def hello(fingerprint: tuple[str, str]) -> bytes:
    """Return a HELLO frame: ready, with this certificate."""
    return _frame(Kind.HELLO, list(fingerprint))


def opened(session: str) -> bytes:
    """Return an OPENED frame."""
    return _frame(Kind.OPENED, session)


def ended(end: Ended) -> bytes:
    """Return an ENDED frame."""
    return _frame(Kind.ENDED, asdict(end))


def state(states: list[SessionState]) -> bytes:
    """Return a STATE frame; it is the heartbeat too."""
    return _frame(Kind.STATE, [asdict(one) for one in states])


def _frame(kind: Kind, value: object) -> bytes:
    return frames.send(frames.Frame(kind, json.dumps(value).encode()))


def read_unit(payload: bytes) -> tuple[str, AccessUnit]:
    """Return camera and unit of a UNIT frame; WireError if it is none."""
    end = 1 + payload[0] if payload else 1
    try:
        camera = payload[1:end].decode()
    except UnicodeDecodeError as error:
        raise WireError(f"unit of an unnamed camera: {error}") from error
    return camera, units.unpack(payload[end:])


def read_open(payload: bytes) -> OpenSession:
    """Return the session of an OPEN frame."""
    value = _object(payload)
    value["fingerprints"] = tuple((str(a), str(b)) for a, b in value.get("fingerprints", ()))
    return _built(OpenSession, value)


def read_ended(payload: bytes) -> Ended:
    """Return the end in an ENDED frame."""
    return _built(Ended, _object(payload))


def read_state(payload: bytes) -> list[SessionState]:
    """Return the sessions of a STATE frame."""
    return [_built(SessionState, one) for one in _value(payload, list)]


def read_texts(payload: bytes) -> list[str]:
    """Return the texts of a RENEW, CLOSE or HELLO frame."""
    return [str(one) for one in _value(payload, list)]


def read_text(payload: bytes) -> str:
    """Return the text of a FORGET or OPENED frame."""
    return str(_value(payload, str))


def _object(payload: bytes) -> dict[str, Any]:
    value: dict[str, Any] = _value(payload, dict)
    return value


def _value(payload: bytes, kind: type[T]) -> T:
    try:
        value = json.loads(payload)
    except ValueError as error:
        raise WireError(f"link frame is not JSON: {error}") from error
    if not isinstance(value, kind):
        raise WireError(f"link frame holds a {type(value).__name__}, not a {kind.__name__}")
    return value


def _built(kind: type[T], value: dict[str, Any]) -> T:
    try:
        return kind(**value)
    except TypeError as error:
        raise WireError(f"link frame: {error}") from error
