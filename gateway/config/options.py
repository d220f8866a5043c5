# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a box was told: every value present, defaults filled in, secrets still references.

Paths are absolute: what a file says is taken relative to that file. Each dataclass is one table
of `gateway.toml`, each field one key; `configs/gateway.toml` explains them to people.
"""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


class Language(Enum):
    """Language of pages and notices."""

    ITALIAN = "it"
    ENGLISH = "en"


class LogLevel(Enum):
    """The least important event that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class BoxOptions:
    """Who this box is and where it keeps its state."""

    id: str
    name: str
    state_dir: Path
    runtime_dir: Path
    language: Language
    exercise: bool
    """Training (A-33): everything is marked, nothing reaches real rooms."""

    @property
    def control_socket(self) -> Path:
        """Where `varco` commands reach the daemon."""
        return self.runtime_dir / "control.sock"


@dataclass(frozen=True, slots=True)
class ConsoleOptions:
    """The listener for browsers."""

    host: str
    port: int
    tls_certificate: Path | None
    """None: plain HTTP, on loopback only."""
    tls_key: str
    """An absolute path or `credential:NAME`; for `gateway.config.secrets.locate`."""
    public_url: str
    """What browsers type: scheme, host and port, no slash at the end."""
    origins: tuple[str, ...] = ()
    """Other pages whose players may use WHEP with a token."""
    monitors: tuple[str, ...] = ()
    """Addresses that read `/metrics` and `/healthz` with the names of cameras and devices."""


@dataclass(frozen=True, slots=True)
class MachinesOptions:
    """The second listener: machines, which must show a certificate of `client_ca`."""

    host: str
    port: int
    tls_certificate: Path
    tls_key: str
    """As `ConsoleOptions.tls_key`."""
    client_ca: Path


@dataclass(frozen=True, slots=True)
class MediaListenOptions:
    """Where pictures leave the box."""

    host: str
    port: int
    """UDP."""
    candidates: tuple[str, ...]
    """Addresses told to browsers; at least one."""


@dataclass(frozen=True, slots=True)
class BrokerTls:
    """How a broker is known and how we prove who we are."""

    ca: Path | None
    """None: the system's authorities."""
    certificate: Path | None
    key: str
    """As `ConsoleOptions.tls_key`; empty with `certificate` None."""


@dataclass(frozen=True, slots=True)
class BrokerLine:
    """One MQTT 5 broker that recipients of the registry name."""

    name: str
    host: str
    port: int
    tls: BrokerTls | None
    """None: plaintext, on loopback only."""
    user: str
    password: str
    """A reference; empty: none."""


@dataclass(frozen=True, slots=True)
class OidcLine:
    """One identity provider (OpenID Connect)."""

    name: str
    title: str
    issuer: str
    client_id: str
    client_secret: str
    """A reference; empty with `private_key`, and for a client that has none."""
    private_key: str
    """A reference to a PEM text; empty: none."""
    acr: tuple[str, ...]
    """Levels that are enough; empty: any."""
    hosts: tuple[str, ...]
    ca: Path | None
    """None: the system's authorities."""
    keep_hours: int
    """So long its keys are believed when it does not answer."""


@dataclass(frozen=True, slots=True)
class AccessOptions:
    """Bounds of who may look."""

    incident_hours: float = 4.0
    """An act that ends during an open alarm lets the looks bound to it go on so long, 0..4."""


@dataclass(frozen=True, slots=True)
class RegistryOptions:
    """What an empty box starts with."""

    seed: Path | None


@dataclass(frozen=True, slots=True)
class WitnessLine:
    """Somebody who cosigns the log."""

    key: str
    """C2SP vkey."""
    url: str = ""
    """Where it is asked; empty: its word comes over a line of its own."""


@dataclass(frozen=True, slots=True)
class LedgerOptions:
    """Who signs the log and where it goes when the disk is full."""

    origin: str
    """Name of the log in its checkpoints."""
    key: str
    """A reference; empty: made once in the state directory."""
    spare: Path | None
    """Second sink, on another disk."""
    timestamp_url: str = ""
    """RFC 3161 authority; empty: no timestamps."""
    timestamp_ca: Path | None = None
    """Its roots, PEM."""
    witnesses: tuple[WitnessLine, ...] = ()


@dataclass(frozen=True, slots=True)
class AnalyticsOptions:
    """How much of the machine may look at pictures."""

    workers: int
    """Child processes, at least 1."""


@dataclass(frozen=True, slots=True)
class RingOptions:
    """The seconds before an alarm, in RAM; an act may allow less, never more."""

    most_seconds: int
    most_mib: int
    """Of each camera."""


@dataclass(frozen=True, slots=True)
class StillsOptions:
    """Alarm pictures that nobody confirmed."""

    keep_hours: int


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What is logged."""

    level: LogLevel


@dataclass(frozen=True, slots=True)
class Options:
    """One `gateway.toml`, complete and consistent."""

    box: BoxOptions
    console: ConsoleOptions
    machines: MachinesOptions | None
    media: MediaListenOptions
    brokers: tuple[BrokerLine, ...]
    registry: RegistryOptions
    ledger: LedgerOptions
    analytics: AnalyticsOptions
    ring: RingOptions
    stills: StillsOptions
    log: LogOptions
    access: AccessOptions = field(default_factory=AccessOptions)
    oidc: tuple[OidcLine, ...] = ()
