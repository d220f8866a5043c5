# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a box was told: every value present, defaults filled in, secrets still references.

Paths are absolute: what a file says is taken relative to that file. Each dataclass is one table
of `gateway.toml`, each field one key; `configs/gateway.toml` explains them to people.
"""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from gateway.model.access import Purpose


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
    transcodes_most: int = 2
    """Live streams coded anew at once: masks, and what browsers cannot play."""
    transcode_height_px: int = 1080
    """No higher does one leave."""
    tcp: bool = True
    """Whether the same port number takes TCP connections too."""


@dataclass(frozen=True, slots=True)
class TurnOptions:
    """TURN servers that relay for viewers who do not reach the box."""

    urls: tuple[str, ...]
    """RFC 7065."""
    secret: str
    """A reference: what the servers and we know."""
    ttl_s: int
    """How long the credentials of one session are good for new allocations."""


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
    standby: tuple[str, ...] = ()
    """`host:port` of further brokers, dialled in this order when the first does not answer."""


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
    mfa: bool = False
    """It asks everybody for a second factor, whatever its tokens say."""


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
    budget_cores: float = 0.0
    """CPU seconds a second that looking may take in the whole box; 0: four fifths of `workers`."""
    detector: Path | None = None
    """A net of the user's own that names what moves: ONNX, or weights of ultralytics."""
    detector_python: Path | None = None
    """The interpreter that runs ultralytics; None: the net is ONNX."""
    detector_least: float = 0.35
    """Confidence below which it has said nothing, 0..1."""


@dataclass(frozen=True, slots=True)
class PlateSourceLine:
    """Who may deliver lists of plates that are sought (A-49)."""

    name: str
    key: str
    """Ed25519 public key, 32 bytes in base64."""
    lists: tuple[str, ...]
    """Kinds: `A1`, `A2`, `C`."""


@dataclass(frozen=True, slots=True)
class PlateOptions:
    """How plates are read at gates, and what is known of those that are sought."""

    key: str = ""
    """A reference to 32 bytes in base64, from which the keys of the hot lists are derived."""
    models: Path | None = None
    """Folder of the nets that find and read; None: ours."""
    second: bool = True
    """Whether a second reader has to agree before a read is certain."""
    k_threshold: int = 10
    """Counts below it are not told."""
    children: int = 1
    """Processes that read plates; none runs while no gate is open."""
    timeout_s: int = 10
    """One that takes longer over one request is replaced."""
    passages: int = 2_000
    """One is replaced after so many, once its lanes are empty."""
    former_key: str = ""
    """As `key`, the one before it: what was written under it is written anew."""
    sources: tuple[PlateSourceLine, ...] = ()


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
class AlarmOptions:
    """The book of alarms."""

    keep_days: int = 180
    """What is over, and everybody has, leaves it after this."""
    most: int = 200_000
    """Alarms on disk."""
    ballast_mib: int = 16
    """Disk space kept back, so that a full disk still takes acknowledgements; 0: none."""


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What is logged."""

    level: LogLevel


@dataclass(frozen=True, slots=True)
class RoomOptions:
    """The listener that edges dial: this box is (also) a room."""

    name: str
    """What edges' people read."""
    host: str
    port: int
    addresses: tuple[str, ...]
    """`host:port` as edges reach it, at least one: in invitations, and names of the certificate."""
    heartbeat_s: int
    """Told to edges, 20..180 (B-44)."""
    store: str = ""
    """A reference to the URL of a PostgreSQL database; empty: SQLite in the state directory."""


@dataclass(frozen=True, slots=True)
class UplinkOptions:
    """One room that this box dials."""

    name: str
    """Of the line at this box; brokers of recipients are `line:NAME`."""
    recipient: str
    """Id of the recipient of the registry that the room is."""
    addresses: tuple[str, ...]
    """`host:port` or `host:port@local-address`, the best first; empty: as the invitation said."""
    most_kbps: int
    """What pictures may take of the line; 0: no bound."""
    heartbeat_s: int
    """Until the room says otherwise, 20..180."""
    certificate: Path
    """PEM, given by the room's authority."""
    key: str
    """As `ConsoleOptions.tls_key`."""
    ca: Path
    """PEM of the room's authority, and of no other."""
    pairs: bool = True
    """Two pictures of a stream may go together where the line is free; False: each at once."""
    organisations: tuple[str, ...] = ()
    """Besides `recipient`, by the room's ids: whose people may look as that recipient."""
    emergency: bool = False
    """The room may break the glass here, and is believed about a second person."""


@dataclass(frozen=True, slots=True)
class VmsAccount:
    """What one recording program of a recipient may take, and on which order."""

    user: str
    """Id of a user of the registry with the role of a machine; the name of the RTSP login."""
    password: str
    """A reference; empty: the user's own password, by Basic over TLS only."""
    purpose: Purpose
    case: str
    """Number of the standing order."""


@dataclass(frozen=True, slots=True)
class VmsOptions:
    """Where recording programs of recipients read pictures, RTSP or RTSPS."""

    host: str
    port: int
    tls_certificate: Path | None
    """None: plain RTSP, on loopback only."""
    tls_key: str
    """As `ConsoleOptions.tls_key`."""
    accounts: tuple[VmsAccount, ...]


@dataclass(frozen=True, slots=True)
class IncidentOptions:
    """Who this room is towards the rooms that it dials, and how long closed incidents stay."""

    organisation: str = ""
    """Id of a recipient of the registry: its people get what those rooms share with us; empty:
    nothing is shared with them."""
    keep_days: int = 365
    """From the closing on."""
    keep_reason: str = ""
    """Why so long; asked for above a year."""


class Dc09Format(Enum):
    """How a central station wants events."""

    SIA = "SIA-DCS"
    CID = "ADM-CID"


@dataclass(frozen=True, slots=True)
class Dc09Options:
    """One central station that is told by SIA DC-09 (B-46)."""

    name: str
    """Brokers of recipients are `dc09:NAME`."""
    receivers: tuple[str, ...]
    """`host:port`, the first one first; the second is the way around."""
    account: str
    key: str
    """A reference; empty: in clear."""
    format: Dc09Format
    receiver: str
    """Number of its receiver (R), empty if it asks for none."""
    line: str
    """Number of the line (L)."""
    supervision_s: int
    """A NULL message after so long without another; 0: none."""
    zones: tuple[tuple[str, int], ...]
    """Ids of zones and cameras with what the station calls them."""


@dataclass(frozen=True, slots=True)
class Dc09ReceiverOptions:
    """Where alarm panels report to."""

    host: str
    port: int
    """TCP."""
    plain: bool
    """Panels of the registry without a key are heard too."""


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """How long what institutes report is kept; numbers and passages stay."""

    keep_days: int = 180
    """An answer, and the committee's half-yearly look at the protocol, need no longer."""
    keep_reason: str = ""


@dataclass(frozen=True, slots=True)
class WebhookOptions:
    """One address that is told of an organisation's incidents, or alarms, or both."""

    name: str
    url: str
    organisation: str
    """Empty: it is told of no incident."""
    secret: str
    """A reference."""
    events: tuple[str, ...]
    """Patterns: `*`, `message`, `incident.*`, `incident.closed`."""
    private: bool
    """It may be in a private network or on this machine, and there without TLS."""
    ca: Path | None
    """None: the system's authorities."""


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
    room: RoomOptions | None = None
    uplinks: tuple[UplinkOptions, ...] = ()
    vms: VmsOptions | None = None
    incidents: IncidentOptions = field(default_factory=IncidentOptions)
    webhooks: tuple[WebhookOptions, ...] = ()
    reports: ReportOptions = field(default_factory=ReportOptions)
    alarms: AlarmOptions = field(default_factory=AlarmOptions)
    stations: tuple[Dc09Options, ...] = ()
    dc09_receiver: Dc09ReceiverOptions | None = None
    turn: TurnOptions | None = None
    plates: PlateOptions = field(default_factory=PlateOptions)
