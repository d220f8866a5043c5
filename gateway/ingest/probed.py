# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a probe brings home, as values: the stream, the line, the device, and what is wrong.

They travel as JSON from the daemon to the command line and into acceptance sheets.
"""

from dataclasses import dataclass, field
from enum import Enum

from pydantic import TypeAdapter, ValidationError

from gateway.ingest.measure import StreamMeasure
from gateway.ingest.source import SessionStatistics
from gateway.model.errors import WireError


class Severity(Enum):
    """How bad a finding is."""

    INFO = "info"
    """Worth knowing; nothing to do."""
    WARN = "warn"
    """It works, and will trouble somebody."""
    FAIL = "fail"
    """It must be put right before the camera is taken over."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or odd, in words, and what to change."""

    code: str
    severity: Severity
    text_it: str
    text_en: str
    advice_it: str = ""
    """Empty: nothing needs changing."""
    advice_en: str = ""


class Way(Enum):
    """How pictures can come."""

    TCP = "TCP"
    UDP = "UDP"
    TLS = "TLS"


@dataclass(frozen=True, slots=True)
class Trial:
    """Whether one way works."""

    way: Way
    works: bool
    problem: str = ""
    first_key_s: float | None = None
    """From the beginning of the attempt to the first key picture."""
    refused: bool = False
    """The credentials were refused: nothing was tried after it."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a camera shows when TLS begins, believed or not."""

    sha256: str
    """Of its DER form, 64 hexadecimal digits: what `tls_sha256` pins."""
    port: int


@dataclass(frozen=True, slots=True)
class ProfileFacts:
    """A profile as the device's ONVIF service names it."""

    token: str
    name: str
    source: str
    """Token of its video source: recorders have one per channel."""
    codec: str
    size_px: tuple[int, int]
    fps: float
    gop: int


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What the ONVIF side of a device says."""

    url: str
    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    services: tuple[str, ...] = ()
    """Namespaces."""
    profiles: tuple[ProfileFacts, ...] = ()
    has_events: bool = False
    has_media2: bool = False
    clock_offset_s: float | None = None
    time_from: str = ""
    """`NTP`, `Manual`, or nothing if it does not tell."""
    ntp_servers: tuple[str, ...] = ()
    ntp_from_dhcp: bool = False
    notes: tuple[str, ...] = ()
    """What was odd and was put right."""
    problem: str = ""
    """Why there is no more than this."""


class Outcome(Enum):
    """What became of the attempt as a whole."""

    MEASURED = "measured"
    NO_PICTURE = "no-picture"
    REFUSED = "refused"
    """The credentials; nothing else was tried after it."""
    BUSY = "busy"
    """It has no session left for us."""
    UNREACHABLE = "unreachable"
    UNUSABLE = "unusable"
    """It answers, and what it offers cannot be used."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One probe."""

    address: str
    """Scheme, host and port: cameras hide passwords in paths."""
    camera: str
    """Id in the registry; empty if it is not in there."""
    utc: str
    """When it began, RFC 3339."""
    outcome: Outcome
    problem: str = ""
    """Why it ended before its time, one line."""
    stream: StreamMeasure = field(default_factory=StreamMeasure)
    session: SessionStatistics = field(default_factory=SessionStatistics)
    trials: tuple[Trial, ...] = ()
    certificate: Certificate | None = None
    device: DeviceFacts | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def worst(self) -> Severity | None:
        """How bad the worst finding is; None without any."""
        order = list(Severity)
        found = [one.severity for one in self.findings]
        return max(found, key=order.index) if found else None


_RESULT = TypeAdapter(ProbeResult)


def dump(result: ProbeResult) -> str:
    """Return a result as one line of JSON."""
    return _RESULT.dump_json(result).decode()


def load(text: str | bytes) -> ProbeResult:
    """Return what `dump` wrote; WireError for anything else."""
    try:
        return _RESULT.validate_json(text)
    except ValidationError as error:
        raise WireError(f"not the result of a probe: {error.error_count()} faults") from error
