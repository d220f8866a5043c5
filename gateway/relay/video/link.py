# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What gateway and media process say to each other: kinds of frames and their payloads.

A session is one peer's ICE and DTLS session with 1..16 slots; what a slot shows is a look, and
its leases are the looks'. Gateway to media: OPEN, PLAY, STOP, UNIT, RENEW, CLOSE, RESTART, FORGET.
Media to gateway: HELLO, OPENED, STOPPED, ENDED, STATE, WANTED. Units are binary, the rest is JSON.
"""

import json
from dataclasses import asdict, dataclass, field, fields, replace
from enum import IntEnum
from operator import attrgetter
from typing import Any, TypeVar

from gateway.model.errors import WireError
from gateway.model.media import AccessUnit, Codec
from gateway.wire import frames, units

T = TypeVar("T")

LEASE_S = 2.0
"""A look lives this long without a renewal."""
WALL_IDLE_S = 60.0
"""A wall without a picture waits this long for the next."""
MOST_SLOTS = 16
"""Pictures in one session."""
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
    PLAY = 6
    STOP = 7
    RESTART = 8
    HELLO = 17
    OPENED = 18
    ENDED = 19
    STATE = 20
    STOPPED = 21
    WANTED = 22


@dataclass(frozen=True, slots=True)
class SlotFormat:
    """The payload types that a slot's peer takes one codec under."""

    codec: Codec
    payload_type: int
    rtx_payload_type: int | None


@dataclass(frozen=True, slots=True)
class Slot:
    """One m-line of the answer: who it is never changes, whatever it shows."""

    mid: str
    """Empty where the peer gave none."""
    ssrc: int
    rtx_ssrc: int
    formats: tuple[SlotFormat, ...]
    playout_delay: int = 0
    """Number of the header extension that holds pictures back; 0: the peer knows none."""

    def format(self, codec: Codec) -> SlotFormat | None:
        """Return how the peer takes a codec; None: not at all."""
        return next((one for one in self.formats if one.codec is codec), None)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What proves STUN checks of one ICE session."""

    ufrag: str
    password: str = field(repr=False)
    remote_ufrag: str


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Everything the media process must know of a session; it never sees SDP or persons."""

    session: str
    ice: Credentials
    fingerprints: tuple[tuple[str, str], ...]
    cname: str
    slots: tuple[Slot, ...]
    idle_s: float
    """How long it waits for the next picture after the last; 0: it ends with that."""


@dataclass(frozen=True, slots=True)
class Play:
    """What a slot is to show; the same look again with another stream is a switch."""

    session: str
    mid: str
    look: int
    """Number of the Grant's look; no other ever has it while a media process lives."""
    stream: str
    """`camera`, `camera/sub`, or another rendition of it."""
    codec: Codec
    from_kept: bool
    """Whether the kept units still join what follows."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The last word on a look."""

    look: int
    reason: str
    bytes: int
    frames: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The last word on a session, after that on its looks."""

    session: str
    reason: str


@dataclass(frozen=True, slots=True)
class SlotState:
    """Where a look stands, once a second; counters since it began."""

    look: int
    stream: str
    """What is sent now; until a switch has come to its key unit that is the old one."""
    connected: bool
    bytes: int = 0
    frames: int = 0
    packets: int = 0
    repeated: int = 0
    overflows: int = 0
    """Times that the send buffer was full and pictures were skipped."""
    fraction_lost: float = 0.0
    """As the peer last reported, 0..1."""
    jitter_s: float | None = None
    """As the peer last reported."""
    round_trip_s: float | None = None
    delay_s: float | None = None
    """From the capture of the newest picture to its sending."""


_STATE = tuple(one.name for one in fields(SlotState))
_values = attrgetter(*_STATE)
"""As `asdict`, without copying deeply: there are as many as looks, each second."""


def open_session(terms: OpenSession) -> bytes:
    """Return an OPEN frame."""
    return _frame(Kind.OPEN, asdict(terms))


def play(what: Play) -> bytes:
    """Return a PLAY frame."""
    return _frame(Kind.PLAY, asdict(what))


def stop(look: int, reason: str) -> bytes:
    """Return a STOP frame."""
    return _frame(Kind.STOP, [look, reason])


def unit(stream: str, one: AccessUnit) -> bytes:
    """Return a UNIT frame."""
    name = stream.encode()
    payload = b"".join((bytes((len(name),)), name, units.pack(one)))
    return frames.send(frames.Frame(Kind.UNIT, payload))


def renew(looks: list[int]) -> bytes:
    """Return a RENEW frame."""
    return _frame(Kind.RENEW, looks)


def close(session: str, reason: str) -> bytes:
    """Return a CLOSE frame."""
    return _frame(Kind.CLOSE, [session, reason])


def restart(session: str, ice: Credentials) -> bytes:
    """Return a RESTART frame: the peer checks with new credentials from now on (RFC 8445 §9)."""
    return _frame(Kind.RESTART, [session, asdict(ice)])


def forget(stream: str) -> bytes:
    """Return a FORGET frame: what is kept of the stream ages, or must not be shown any more."""
    return _frame(Kind.FORGET, stream)


def hello(fingerprint: tuple[str, str]) -> bytes:
    """Return a HELLO frame: ready, with this certificate."""
    return _frame(Kind.HELLO, list(fingerprint))


def opened(session: str) -> bytes:
    """Return an OPENED frame."""
    return _frame(Kind.OPENED, session)


def stopped(end: Stopped) -> bytes:
    """Return a STOPPED frame."""
    return _frame(Kind.STOPPED, asdict(end))


def ended(end: Ended) -> bytes:
    """Return an ENDED frame."""
    return _frame(Kind.ENDED, asdict(end))


def state(states: list[SlotState]) -> bytes:
    """Return a STATE frame; it is the heartbeat too."""
    return _frame(Kind.STATE, [dict(zip(_STATE, _values(one), strict=True)) for one in states])


def wanted(stream: str) -> bytes:
    """Return a WANTED frame: a key unit of the stream would be welcome soon."""
    return _frame(Kind.WANTED, stream)


def _frame(kind: Kind, value: object) -> bytes:
    return frames.send(frames.Frame(kind, json.dumps(value, default=_plain).encode()))


def _plain(value: object) -> object:
    """Return what stands on the link for a value that JSON does not know."""
    if isinstance(value, Codec):
        return value.value
    raise WireError(f"a {type(value).__name__} does not go over the link")


def read_unit(payload: bytes) -> tuple[str, AccessUnit]:
    """Return stream and unit of a UNIT frame; WireError if it is none."""
    end = 1 + payload[0] if payload else 1
    try:
        stream = payload[1:end].decode()
    except UnicodeDecodeError as error:
        raise WireError(f"unit of an unnamed stream: {error}") from error
    return stream, units.unpack(payload[end:])


def read_open(payload: bytes) -> OpenSession:
    """Return the session of an OPEN frame."""
    value = _object(payload)
    value["fingerprints"] = tuple((str(a), str(b)) for a, b in value.get("fingerprints", ()))
    value["ice"] = _built(Credentials, value.get("ice"))
    value["slots"] = tuple(_slot(one) for one in value.get("slots", ()))
    return _built(OpenSession, value)


def _slot(value: dict[str, Any]) -> Slot:
    slot = _built(Slot, value)
    offered: tuple[Any, ...] = slot.formats
    return replace(slot, formats=tuple(_coded(SlotFormat, one) for one in offered))


def read_play(payload: bytes) -> Play:
    """Return what a PLAY frame asks for."""
    return _coded(Play, _object(payload))


def read_stop(payload: bytes) -> tuple[int, str]:
    """Return look and reason of a STOP frame."""
    look, reason = _two(payload)
    return _number(look), str(reason)


def read_restart(payload: bytes) -> tuple[str, Credentials]:
    """Return session and new credentials of a RESTART frame."""
    session, ice = _two(payload)
    return str(session), _built(Credentials, ice)


def read_stopped(payload: bytes) -> Stopped:
    """Return the end in a STOPPED frame."""
    return _built(Stopped, _object(payload))


def read_ended(payload: bytes) -> Ended:
    """Return the end in an ENDED frame."""
    return _built(Ended, _object(payload))


def read_state(payload: bytes) -> list[SlotState]:
    """Return the looks of a STATE frame."""
    return [_built(SlotState, one) for one in _value(payload, list)]


def read_looks(payload: bytes) -> list[int]:
    """Return the looks of a RENEW frame."""
    return [_number(one) for one in _value(payload, list)]


def read_texts(payload: bytes) -> list[str]:
    """Return the texts of a CLOSE or HELLO frame."""
    return [str(one) for one in _value(payload, list)]


def read_text(payload: bytes) -> str:
    """Return the text of a FORGET, OPENED or WANTED frame."""
    return str(_value(payload, str))


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise WireError(f"link frame holds a {type(value).__name__}, not the number of a look")
    return value


def _two(payload: bytes) -> list[Any]:
    value: list[Any] = _value(payload, list)
    if len(value) != 2:  # noqa: PLR2004 - a pair
        raise WireError("link frame is no pair")
    return value


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


def _coded(kind: type[T], value: dict[str, Any]) -> T:
    """Return a thing that names a codec."""
    try:
        return _built(kind, {**value, "codec": Codec(value.get("codec"))})
    except ValueError as error:
        raise WireError(f"link frame: {error}") from error


def _built(kind: type[T], value: Any) -> T:  # noqa: ANN401 - JSON
    try:
        return kind(**value)
    except TypeError as error:
        raise WireError(f"link frame: {error}") from error
