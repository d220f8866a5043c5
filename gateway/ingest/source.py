# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The narrow interface of everything that pictures can be pulled from.

A source makes one `Session` per attempt; `gateway.ingest.camera` runs sessions for ever. Sessions
are `gateway.ingest.rtsp` (RTSP over TCP, UDP, TLS), `http_mjpeg` and `recorded`, one file each.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from gateway.model.errors import ConfigError
from gateway.model.media import AccessUnit, Codec, MetadataDocument, StreamKind
from gateway.model.registry import Transport
from gateway.model.room import LINE_SCHEME
from gateway.runtime.sealed import Sealed
from gateway.wire.digest import Manners

DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
"""RFC 2326, RFC 7826 §4.2, RFC 9110."""

Dial = Callable[[], Awaitable[Sealed]]
"""Returns a connection whose other end is known and awaits RTSP; PeerError if there is none now.

Two dials that lead to the same place are equal, so that a stream is not begun anew for nothing.
"""


@dataclass(frozen=True, slots=True)
class Trust:
    """How a camera's TLS certificate is verified (RTSPS, HTTPS): always, by pin or by name."""

    ca_file: Path | None = None
    """PEM of the authorities that may vouch for it; None: those of the system."""
    sha256: str = ""
    """Pinned certificate: SHA-256 of its DER, 64 hexadecimal digits; then names do not matter."""


@dataclass(frozen=True, slots=True)
class StreamSource:
    """One rendition of one camera and how it is opened; ConfigError if the URL cannot be used."""

    camera: str
    """Id, for messages and logs."""
    url: str
    """`rtsp://`, `rtsps://`, `http(s)://` (MJPEG) or `file:///` (recorded); no credentials.

    `line://EDGE/CAMERA` where a box dialled us: then `dial` leads there.
    """
    kind: StreamKind = StreamKind.MAIN
    user: str = ""
    password: str = field(default="", repr=False)
    transport: Transport = Transport.TCP
    trust: Trust = field(default_factory=Trust)
    hosts: tuple[str, ...] = ()
    """Further hosts to which it may redirect."""
    wants_metadata: bool = False
    """Set up the metadata track too, if there is one."""
    connect_s: float = 5.0
    """Bound of connecting and agreeing on a stream."""
    least_stall_s: float = 2.0
    """A stall is no picture for max(two intervals, this)."""
    manners: Manners = field(default_factory=Manners, repr=False, compare=False)
    """How the camera has us prove ourselves; shared by all sessions of this source."""
    dial: Dial | None = field(default=None, repr=False)
    """How to reach what nobody can connect to."""

    def __post_init__(self) -> None:
        """Refuse early what a person has to correct, without repeating what may be a secret."""
        problem = _problem_of(self.url)
        if not problem and (self.scheme == LINE_SCHEME) != (self.dial is not None):
            problem = "is of a box that dials in, and none does here"
        if problem:
            advice = "write rtsp://host[:port]/path, and user and password apart"
            raise ConfigError(f"camera {self.camera}", "url", problem, advice)

    @property
    def scheme(self) -> str:
        """`rtsp`, `rtsps`, `http`, `https`, `file` or `line`."""
        return urlsplit(self.url).scheme

    @property
    def host(self) -> str:
        """Name or address, without brackets; empty for a file."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """As written, or that of the scheme; 0 for a file."""
        parts = urlsplit(self.url)
        return parts.port or DEFAULT_PORTS.get(parts.scheme, 0)

    @property
    def path(self) -> Path:
        """Where a file lies."""
        return Path(unquote(urlsplit(self.url).path))

    @property
    def peer(self) -> str:
        """What may be shown: no path and no query, since cameras hide passwords there."""
        if self.scheme == "file":
            return f"file {self.path.name}"
        if self.dial is not None:
            return f"line {self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Sink:
    """Where a session puts what comes; called in order, on the loop, and never waits."""

    on_unit: Callable[[AccessUnit], None]
    on_document: Callable[[MetadataDocument], None]
    on_playing: Callable[[], None]
    """The camera agreed to play; pictures follow."""


@dataclass(frozen=True, slots=True)
class SessionStatistics:
    """A snapshot of one session."""

    received_bytes: int = 0
    lost_packets: int = 0
    """RTP packets that never came, or came too late to be used."""
    reordered_packets: int = 0
    """Came out of order and were put right (UDP)."""
    lost_units: int = 0
    """Pictures that were damaged or could not be shown."""
    problem: str = ""
    """What was wrong with the stream last, one line."""
    codec: Codec | None = None
    size_px: tuple[int, int] = (0, 0)
    clock_offset_s: float | None = None
    clock_drift_ppm: float | None = None
    documents: int = 0
    """Metadata documents."""
    server: str = ""
    """How the camera names itself (Server header), one line."""
    authentication: str = ""
    """`Basic`, `Digest MD5`, `Digest SHA-256`, or nothing if none was asked for."""
    tls: str = ""
    """Protocol and cipher, `TLSv1.3 TLS_AES_256_GCM_SHA384`; empty in clear."""
    transport: str = ""
    """How pictures come: `RTP/TCP`, `RTP/UDP`, `HTTP`, `file`."""
    parameter_sets: str = ""
    """Where those of H.264 and H.265 come from over RTP: `in-band`, `SDP`, `both`."""


class Session(Protocol):
    """One attempt."""

    async def run(self) -> None:
        """Connect, play, publish into the sink until it ends, which always raises.

        PeerError in all its kinds (CredentialError, WireError, UnusableStreamError, StallError).
        Cancelling ends the session politely at the camera and leaves no task, socket or timer.
        """
        ...

    def statistics(self) -> SessionStatistics:
        """Return a snapshot; O(1)."""
        ...


def _problem_of(url: str) -> str:
    """Return what is wrong with an address, or nothing."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - it is parsed when it is read
    except ValueError:
        return "impossible host or port"
    if not url.isascii() or not url.isprintable() or " " in url:
        return "only printable ASCII without spaces"
    if parts.username is not None or parts.password is not None:
        return "must not contain credentials"
    if parts.scheme == "file":
        return _problem_of_file(parts)
    if parts.scheme == LINE_SCHEME:
        is_whole = bool(parts.hostname) and bool(parts.path.strip("/")) and parts.port is None
        return "" if is_whole else "a line is line://EDGE/CAMERA"
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        return "must begin with rtsp://, rtsps://, http:// or https:// and a host, or with file:///"
    return ""


def _problem_of_file(parts: SplitResult) -> str:
    path = unquote(parts.path)
    if parts.netloc or not path.startswith("/") or ".." in Path(path).parts or "\0" in path:
        return "a file is file:/// and its absolute path"
    return ""
