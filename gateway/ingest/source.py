# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The narrow interface of everything that pictures can be pulled from.

A source makes one `Session` per attempt; `gateway.ingest.camera` runs sessions for ever. Sessions
are `gateway.ingest.rtsp` (RTSP over TCP, UDP, TLS), `http_mjpeg` and `recorded`, one file each.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gateway.model.media import AccessUnit, Codec, MetadataDocument, StreamKind
from gateway.model.registry import Transport


@dataclass(frozen=True, slots=True)
class Trust:
    """How a camera's TLS certificate is verified (RTSPS, HTTPS): always, by pin or by name."""

    ca_file: Path | None = None
    """PEM of the authorities that may vouch for it; None: those of the system."""
    sha256: str = ""
    """Pinned certificate: SHA-256 of its DER, 64 hexadecimal digits; then names do not matter."""


@dataclass(frozen=True, slots=True)
class StreamSource:
    """One rendition of one camera and how it is opened."""

    camera: str
    """Id, for messages and logs."""
    url: str
    """`rtsp://`, `rtsps://`, `http(s)://` (MJPEG) or `file:///` (recorded); no credentials."""
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
