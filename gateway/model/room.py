# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Words of the interconnection: edges, the lines that they dial, what they offer to a room.

Ids are as everywhere (`gateway.model.identifiers`). At a room, a camera of an edge is named
`EDGE.CAMERA`: a full stop is in no id of its own, so that no name is taken twice.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from gateway.model.access import Action, Purpose
from gateway.model.registry import AreaKind, Disclosure, Role, SiteKind

_HOST = re.compile(r"[A-Za-z0-9_.:-]{1,253}")
SEPARATOR = "."
MOST_LINE_STREAMS = 64
"""Connections of one line that carry pictures; the same bound at both of its ends."""
MOST_CAMERA_CHARS = 129
"""Of the name of an edge's camera at a room: two ids and what separates them."""
ASSERTION = "assertion"
"""How a person of a room proved identity to an edge (Actor.method): the room vouches."""
LINE_BROKER = "line:"
"""With the name of an uplink: broker of a recipient whose alarms go over that line."""
DC09_BROKER = "dc09:"
"""With the name of a [[dc09]]: a central station that is told by SIA DC-09."""
HOOK_BROKER = "webhook:"
"""With the name of a [[webhook]]: a web address that is told by signed HTTP POST."""
LINE_SCHEME = "line"
"""Scheme of the URL of an edge's camera at a room, `line://EDGE/CAMERA`."""

LINES_FOLDER = "lines"
"""In the state directory: one folder for each line that this box dials."""
LINE_CERTIFICATE = "line.pem"
"""Certificate and key in one file: replaced in one step, they always belong together."""
LINE_KEY = LINE_CERTIFICATE
LINE_NEXT = "line-next.pem"
"""A renewed one, until the room counts on it."""
LINE_CA = "room-ca.pem"
LINE_ROOM = "room.json"
"""What the enrolment told of the room: id, name, addresses and keys."""
SERVER_NAME = "room.varco.invalid"
"""In the certificate of every room, for its name check: a room is known by its own authority, and
is reached by addresses that change (RFC 6761 §6.4: `invalid` is nobody's)."""


def address_problem(value: str) -> str:
    """Return what keeps `host:port` (IPv6 in brackets) from being an address; empty: nothing."""
    host, colon, port = value.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not _HOST.fullmatch(bare) or (":" in bare) != (bare != host):
        return "is not host:port"
    if not port.isascii() or not port.isdigit() or not 0 < int(port) <= 65_535:  # noqa: PLR2004 - TCP
        return "has no port from 1 to 65535"
    return ""


def split_address(value: str) -> tuple[str, int, str]:
    """Return host, port and local address (or nothing) of `host:port@local`."""
    remote, _, local = value.partition("@")
    host, _, port = remote.rpartition(":")
    return host.strip("[]"), int(port), local


def at_room(edge: str, camera: str) -> str:
    """Return the name of an edge's camera at a room."""
    return f"{edge}{SEPARATOR}{camera}"


def at_edge(name: str) -> tuple[str, str]:
    """Return edge and camera of a name at a room; an empty edge for a camera of the box itself."""
    edge, separator, camera = name.partition(SEPARATOR)
    return (edge, camera) if separator else ("", name)


class LineState(Enum):
    """What people are told about a line."""

    NOT_ENROLLED = "da-associare"
    CONNECTING = "in-collegamento"
    UP = "attiva"
    SILENT = "muta"
    """It stands, but nothing was heard for longer than it should be."""
    DOWN = "interrotta"
    REFUSED = "rifiutata"
    """The other side does not accept who we are, or we do not accept who it is."""


@dataclass(frozen=True, slots=True)
class LinePeer:
    """Who is at the other end, as its certificate proves it."""

    id: str
    """Id of the edge, or of the room."""
    name: str
    certificate_sha256: str
    """Of the DER, 64 hexadecimal digits."""
    address: str = ""
    """Where it comes from, for people; proves nothing."""


@dataclass(frozen=True, slots=True)
class LineStatus:
    """A snapshot of one line."""

    peer: str
    """Id of the other end."""
    state: LineState
    problem: str = ""
    """Why it is down, one line; empty while it is up."""
    since_utc_us: int = 0
    heard_utc_us: int = 0
    """When something came last."""
    round_trip_ms: float = 0.0
    clock_offset_ms: float = 0.0
    """Their UTC minus ours, as heartbeats tell."""
    address: str = ""
    """The one in use, `host:port`."""
    dials: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    streams: int = 0
    """How many pictures' streams run over it now."""
    reduced: tuple[str, ...] = ()
    """Cameras whose small stream is sent because the line is slow."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers."""

    body: Mapping[str, Any] = field(default_factory=dict)
    blob: bytes = b""


class Caller(Protocol):
    """One end of a line that stands, or of one that may stand again; see `gateway.room`."""

    async def call(
        self, kind: str, body: Mapping[str, Any], blob: bytes = b"", *, within_s: float = 10.0
    ) -> Reply:
        """Ask the other end.

        PeerError: the line is down, broke, or no answer came in time; RefusedError: it said no.
        """
        ...

    def tell(self, kind: str, body: Mapping[str, Any]) -> bool:
        """Say something without an answer; False if the line is down. Never waits."""
        ...


class Handler(Protocol):
    """What one end does with a kind of question."""

    async def __call__(self, peer: LinePeer, body: Mapping[str, Any], blob: bytes, /) -> Reply:
        """Answer; RefusedError and WireError are told to the asker, the line goes on."""
        ...


@dataclass(frozen=True, slots=True)
class OfferedAct:
    """The act on which an edge lets a room see a camera, as far as the room has to know it."""

    id: str
    title: str
    number: str
    from_utc_us: int
    until_utc_us: int
    disclosure: Disclosure
    before_s: float = 0.0
    """Seconds before an alarm that come with it."""
    watermark: bool = False
    """The room writes who looks into live pictures."""
    plates: bool = False
    """Plates that hit a list are told to the room."""


@dataclass(frozen=True, slots=True)
class OfferedCamera:
    """One camera that an edge shows to this room, and nothing more than the room may know."""

    id: str
    """As the edge names it."""
    name: str
    site: str
    site_name: str
    site_kind: SiteKind
    controller: str
    controller_name: str
    area: AreaKind
    acts: tuple[OfferedAct, ...]
    latitude: float = 0.0
    longitude: float = 0.0
    azimuth_deg: float = 0.0
    field_of_view_deg: float = 60.0
    has_sub: bool = False
    state: str = ""
    """Value of `gateway.model.media.StreamState`."""
    problem: str = ""
    masked: bool = False
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """Everything that one edge shows to one room at a time."""

    edge: str
    edge_name: str
    version: int
    cameras: tuple[OfferedCamera, ...]
    exercise: bool = False


@dataclass(frozen=True, slots=True)
class Assertion:
    """A room's word that a named person holds a Grant of its own for one camera, now."""

    grant: str
    """Id of the room's Grant: stands in both ledgers."""
    serial: int
    """1, 2, 3 … within one Grant; one that is not higher than the last is a replay."""
    room: str
    edge: str
    """Whom it is meant for."""
    camera: str
    """As the edge names it."""
    action: Action
    actor: str
    """Pseudonymous id of the person at the room."""
    actor_name: str
    role: Role
    organisation: str
    """As the room names it."""
    purpose: Purpose
    case: str
    reason: str
    act: str
    """Act that the room decided on."""
    origin: str
    """Name of the room's log."""
    seq: int
    """Entry of the room's log."""
    issued_utc_us: int
    expires_utc_us: int
    """At most 60 s after it was issued."""
    second: str = ""
    on_behalf_of: str = ""
    """Another room that the pictures go on to."""
    flags: tuple[str, ...] = ()
