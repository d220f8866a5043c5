# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a box was told: every value present, defaults filled in, secrets still references.

Paths are absolute: what a file says is taken relative to that file. Each dataclass is one table
of `gateway.toml`, each field one key; `configs/gateway.toml` explains them to people.
"""

from dataclasses import dataclass
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
class RegistryOptions:
    """What an empty box starts with."""

    seed: Path | None


@dataclass(frozen=True, slots=True)
class LedgerOptions:
    """Who signs the log and where it goes when the disk is full."""

    origin: str
    """Name of the log in its checkpoints."""
    key: str
    """A reference; empty: made once in the state directory."""
    spare: Path | None
    """Second sink, on another disk."""


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
    """Pictures of alarms."""

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
