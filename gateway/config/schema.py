# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What may stand in `gateway.toml`. A field's description completes "write …" in its error."""

import ipaddress
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from gateway.config.options import Dc09Format, Language, LogLevel
from gateway.model.access import Purpose
from gateway.model.room import address_problem
from gateway.runtime.fields import (
    CREDENTIALS_IN_URL,
    Flag,
    Host,
    Id,
    Line,
    Port,
    Reference,
    Text,
    Whole,
    is_loopback,
    refusal,
)

MOST_RING_S = 30
"""Seconds before an alarm that an act can allow (Act.retention_before_s)."""
MOST_STILLS_H = 24
"""Alarm pictures that nobody confirmed are no recording: a day, then gone."""
MOST_REPORT_DAYS = 1827
"""Five years: no longer than the log that tells of a report (D.4)."""
LONG_REPORT_DAYS = 365
"""Beyond it somebody says why."""
MOST_ADDRESSES = 8
"""Of one room: a name, and ways around a broken line."""
MOST_UPLINKS = 16
MOST_ORGANISATIONS = 64
LEAST_SUPERVISION_S = 10

_TLS_KEY_FORM = re.compile(r"credential:[A-Za-z0-9_][A-Za-z0-9_.-]*|(?!\w+:)[^\0]+")


def _path(value: str) -> str:
    if not value or "\0" in value or not value.isprintable():
        raise refusal("is not a path", 'write a file, for example "/etc/varco/tls.pem"')
    return value


def _tls_key(value: str) -> str:
    if not _TLS_KEY_FORM.fullmatch(value) or "-----BEGIN" in value:
        raise refusal("is not a key file", "write a path or credential:NAME")
    return value


def _candidate(value: str) -> str:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        raise refusal(
            "is not an address", 'write numbers, not a name, for example "192.0.2.10"'
        ) from None
    if address.is_unspecified:
        raise refusal("is no address that browsers can reach", "write the address of one interface")
    return value


def _public_url(value: str) -> str:
    if CREDENTIALS_IN_URL.search(value):
        raise refusal("contains credentials", "write scheme, host and port only")
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        good = parts.port != 0
    except ValueError:
        good, host, parts = False, "", urlsplit("")
    bare = not (parts.query or parts.fragment or parts.path.strip("/"))
    if not (good and bare and host and parts.scheme in ("https", "http")):
        raise refusal("is not a public URL", 'write for example "https://varco.comune.example"')
    if parts.scheme == "http" and not is_loopback(host):
        raise refusal("is not encrypted", "write https, or http with a loopback address")
    return value.rstrip("/")


def _issuer(value: str) -> str:
    """Take an issuer identifier (OpenID Connect Discovery §2): no query, no fragment."""
    if CREDENTIALS_IN_URL.search(value):
        raise refusal("contains credentials", "write the issuer as the provider states it")
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        good = parts.port != 0
    except ValueError:
        good, host, parts = False, "", urlsplit("")
    if not (good and host and parts.scheme in ("https", "http")) or "?" in value or "#" in value:
        raise refusal("is not an issuer", 'write for example "https://id.example/realms/comune"')
    if parts.scheme == "http" and not is_loopback(host):
        raise refusal("is not encrypted", "write https, or http with a loopback address")
    return value


def _web_origin(value: str) -> str:
    if value != _public_url(value):
        raise refusal("is not an origin", 'write for example "https://sala.example", no slash')
    return value


PathText = Annotated[str, StringConstraints(strict=True), AfterValidator(_path)]
TlsKey = Annotated[str, StringConstraints(strict=True), AfterValidator(_tls_key)]
Candidate = Annotated[str, StringConstraints(strict=True), AfterValidator(_candidate)]
PublicUrl = Annotated[str, StringConstraints(strict=True), AfterValidator(_public_url)]
Issuer = Annotated[str, StringConstraints(strict=True, max_length=255), AfterValidator(_issuer)]
WebOrigin = Annotated[str, StringConstraints(strict=True), AfterValidator(_web_origin)]


class Box(Text):
    """[box]."""

    id: Id = Field(description='the box\'s id, for example id = "varco-nord"')
    name: Line = Field(min_length=1, description='a name for people, for example name = "Nord"')
    state_dir: PathText = Field(default="/var/lib/varco", description="a folder")
    runtime_dir: PathText = Field(default="/run/varco", description="a folder")
    language: Language = Field(default=Language.ITALIAN, description='"it" or "en"')
    exercise: Flag = Field(default=False, description="true or false")


class Console(Text):
    """[console]."""

    host: Host = Field(default="127.0.0.1", description='an address, for example "127.0.0.1"')
    port: Port = Field(default=8443, description="a port, 1 to 65535")
    tls_certificate: PathText | None = Field(default=None, description="a file")
    tls_key: TlsKey | None = Field(default=None, description="a file or credential:NAME")
    public_url: PublicUrl | None = Field(default=None, description="what browsers type")
    origins: Annotated[tuple[WebOrigin, ...], Field(max_length=16)] = Field(
        default=(), description="origins of other pages with players"
    )
    monitors: Annotated[tuple[Candidate, ...], Field(max_length=16)] = Field(
        default=(), description="addresses of monitoring hosts"
    )

    @model_validator(mode="after")
    def _check(self) -> "Console":
        if (self.tls_certificate is None) != (self.tls_key is None):
            missing = "tls_key" if self.tls_key is None else "tls_certificate"
            raise refusal("is missing", "write both tls_certificate and tls_key", missing)
        if self.tls_certificate is None and not is_loopback(self.host):
            raise refusal(
                "is not on this machine and has no TLS",
                'write tls_certificate and tls_key, or host = "127.0.0.1"',
                "host",
            )
        if self.public_url is None and is_wildcard(self.host):
            raise refusal(
                "is missing", "with a wildcard host write what browsers type", "public_url"
            )
        return self


class Machines(Text):
    """[machines]."""

    host: Host = Field(default="127.0.0.1", description='an address, for example "127.0.0.1"')
    port: Port = Field(default=8444, description="a port, 1 to 65535")
    tls_certificate: PathText = Field(description="the listener's certificate file")
    tls_key: TlsKey = Field(description="the certificate's key: a file or credential:NAME")
    client_ca: PathText = Field(description="the file of the authority of client certificates")


class Media(Text):
    """[media]."""

    host: Host = Field(default="127.0.0.1", description='an address, for example "0.0.0.0"')
    port: Port = Field(default=8189, description="a UDP port, 1 to 65535")
    candidates: Annotated[tuple[Candidate, ...], Field(max_length=8)] = Field(
        default=(), description='addresses, for example ["192.0.2.10"]'
    )
    tcp: Flag = Field(default=True, description="true if the same port number takes TCP too")
    transcodes_most: int = Field(default=2, ge=0, le=16, description="0 to 16")
    transcode_height_px: int = Field(default=1080, ge=240, le=2160, description="240 to 2160")

    @model_validator(mode="after")
    def _check(self) -> "Media":
        if not self.candidates and not is_address(self.host):
            raise refusal(
                "is missing",
                'write the addresses that browsers reach, ["192.0.2.10"]',
                "candidates",
            )
        return self


_TURN_URL = re.compile(
    r"turns?:(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(?::\d{1,5})?"
    r"(?:\?transport=(?:udp|tcp))?"
)


def _turn_url(value: str) -> str:
    if not _TURN_URL.fullmatch(value):
        raise refusal("is no TURN address", 'write "turn:192.0.2.20:3478?transport=udp"')
    return value


TurnUrl = Annotated[str, StringConstraints(strict=True, max_length=300), AfterValidator(_turn_url)]
LEAST_TURN_TTL_S = 60


class Turn(Text):
    """[turn]."""

    urls: Annotated[tuple[TurnUrl, ...], Field(min_length=1, max_length=4)] = Field(
        description='addresses, for example ["turn:192.0.2.20:3478?transport=udp"]'
    )
    secret: Reference = Field(
        min_length=1, description="a reference, for example credential:turn-secret"
    )
    ttl_s: Whole = Field(default=3600, ge=LEAST_TURN_TTL_S, le=86_400, description="60 to 86400 s")


def _both(certificate: str | None, key: str | None) -> None:
    """Refuse one of a pair without the other."""
    if (certificate is None) != (key is None):
        missing = "key" if key is None else "certificate"
        raise refusal("is missing", "write both certificate and key, or neither", missing)


class Tls(Text):
    """[broker.tls]."""

    ca: PathText | None = Field(default=None, description="the broker's authority, a file")
    certificate: PathText | None = Field(default=None, description="our certificate, a file")
    key: TlsKey | None = Field(default=None, description="its key: a file or credential:NAME")

    @model_validator(mode="after")
    def _check(self) -> "Tls":
        _both(self.certificate, self.key)
        return self


def _stands_by(value: str) -> str:
    return _reachable(value)


StandbyAddress = Annotated[
    str, StringConstraints(strict=True, max_length=200), AfterValidator(_stands_by)
]


class Broker(Text):
    """[[broker]]."""

    name: Id = Field(description='the name that recipients use, for example name = "questura"')
    host: Host = Field(description='the broker\'s host, for example host = "mqtt.example"')
    port: Port | None = Field(default=None, description="a port, 1 to 65535")
    standby: Annotated[tuple[StandbyAddress, ...], Field(max_length=3)] = Field(
        default=(), description='further brokers, ["mqtt2.example:8883"]'
    )
    tls: Tls | None = Field(default=None, description="a table [broker.tls]")
    user: Line = Field(default="", description="the name to sign in with")
    password: Reference = Field(
        default="", description="a reference, for example credential:mqtt-questura"
    )

    @model_validator(mode="after")
    def _check(self) -> "Broker":
        if self.tls is None and not is_loopback(self.host):
            raise refusal(
                "is missing", "write [broker.tls]: plaintext stays on this machine", "tls"
            )
        for one in self.standby:
            if self.tls is None and not is_loopback(host_of(one)):
                raise refusal(
                    f"goes to {one} without TLS",
                    "write [broker.tls]: plaintext stays on this machine",
                    "standby",
                )
        return self


class Oidc(Text):
    """[[oidc]]."""

    name: Id = Field(description='a name for addresses, for example name = "comune"')
    title: Line = Field(default="", description="what the button says")
    issuer: Issuer = Field(description="the issuer as the provider states it")
    client_id: Line = Field(min_length=1, description="who this box is at the provider")
    client_secret: Reference = Field(
        default="", description="a reference, for example credential:oidc-comune"
    )
    private_key: Reference = Field(
        default="", description="a reference to a PEM key, for example credential:oidc-key"
    )
    acr: Annotated[tuple[Line, ...], Field(max_length=8)] = Field(
        default=(), description="the levels that are enough, the least first"
    )
    mfa: Flag = Field(default=False, description="true or false")
    hosts: Annotated[tuple[Host, ...], Field(max_length=4)] = Field(
        default=(), description="further hosts of the provider"
    )
    ca: PathText | None = Field(default=None, description="the provider's authority, a file")
    keep_hours: Whole = Field(default=24, ge=0, le=168, description="0 to 168 hours")

    @model_validator(mode="after")
    def _check(self) -> "Oidc":
        if self.client_secret and self.private_key:
            raise refusal("is too much", "write client_secret or private_key", "client_secret")
        return self


def _reachable(value: str) -> str:
    if problem := address_problem(value):
        raise refusal(problem, 'write for example "sala.example:8445" or "[2001:db8::1]:8445"')
    return value


def _dialled(value: str) -> str:
    """Take `host:port`, or `host:port@local-address` for a second path."""
    remote, at, local = value.partition("@")
    if at:
        try:
            ipaddress.ip_address(local)
        except ValueError:
            raise refusal(
                "has no address of this machine after the @",
                'write for example "sala.example:8445@192.0.2.10"',
            ) from None
    return _reachable(remote) + at + local


RoomAddress = Annotated[
    str, StringConstraints(strict=True, max_length=200), AfterValidator(_reachable)
]
DialAddress = Annotated[
    str, StringConstraints(strict=True, max_length=260), AfterValidator(_dialled)
]
Heartbeat = Annotated[int, Field(strict=True, ge=20, le=180)]


class Room(Text):
    """[room]."""

    name: Line = Field(default="", description="a name for people at edges")
    host: Host = Field(default="127.0.0.1", description='an address, for example "0.0.0.0"')
    port: Port = Field(default=8445, description="a port, 1 to 65535")
    addresses: Annotated[tuple[RoomAddress, ...], Field(max_length=MOST_ADDRESSES)] = Field(
        default=(), description='what edges dial, ["sala.example:8445"]'
    )
    heartbeat_s: Heartbeat = Field(default=90, description="20 to 180 seconds")
    store: Reference = Field(
        default="", description="a reference to a PostgreSQL URL, for example credential:room-store"
    )

    @model_validator(mode="after")
    def _check(self) -> "Room":
        if not self.addresses and is_wildcard(self.host):
            raise refusal(
                "is missing",
                'with a wildcard host write what edges dial, ["sala.example:8445"]',
                "addresses",
            )
        return self


def host_of(address: str) -> str:
    """Return the host of `host:port`."""
    return address.rpartition(":")[0].strip("[]")


def _hex_account(value: str) -> str:
    if not re.fullmatch("[0-9A-Fa-f]{3,16}", value):
        raise refusal("is not an account", 'write 3 to 16 hexadecimal digits, for example "1A2B"')
    return value.upper()


def _hex_number(value: str) -> str:
    if not re.fullmatch("[0-9A-Fa-f]{1,6}", value):
        raise refusal("is not a number", 'write 1 to 6 hexadecimal digits, for example "0"')
    return value.upper()


HexAccount = Annotated[str, StringConstraints(strict=True), AfterValidator(_hex_account)]
HexNumber = Annotated[str, StringConstraints(strict=True), AfterValidator(_hex_number)]


class Uplink(Text):
    """[[uplink]]."""

    name: Id = Field(description='a name for the line, for example name = "questura"')
    recipient: Id = Field(description="the id of the recipient that the room is")
    addresses: Annotated[tuple[DialAddress, ...], Field(max_length=MOST_ADDRESSES)] = Field(
        default=(), description='where the room is, the best first, ["sala.example:8445"]'
    )
    most_kbps: Whole = Field(default=0, ge=0, le=10_000_000, description="kbit/s, 0: no bound")
    organisations: Annotated[tuple[Id, ...], Field(max_length=MOST_ORGANISATIONS)] = Field(
        default=(), description='the room\'s ids of them, ["carabinieri"]'
    )
    emergency: Flag = Field(default=False, description="true or false")
    pairs: bool = Field(default=True, description="true or false")
    heartbeat_s: Heartbeat = Field(default=90, description="20 to 180 seconds")
    certificate: PathText | None = Field(default=None, description="our certificate, a file")
    key: TlsKey | None = Field(default=None, description="its key: a file or credential:NAME")
    ca: PathText | None = Field(default=None, description="the room's authority, a file")

    @model_validator(mode="after")
    def _check(self) -> "Uplink":
        _both(self.certificate, self.key)
        return self


class VmsAccount(Text):
    """[[vms.account]]."""

    user: Id = Field(description="the id of a user with the role of a machine")
    password: Reference = Field(
        default="", description="a reference, for example credential:vms-questura"
    )
    purpose: Purpose = Field(default=Purpose.SERVICE, description='for example "servizio"')
    case: Line = Field(min_length=1, description="the number of the standing order")


class Vms(Text):
    """[vms]."""

    host: Host = Field(default="127.0.0.1", description='an address, for example "192.0.2.10"')
    port: Port | None = Field(default=None, description="a port, 1 to 65535")
    tls_certificate: PathText | None = Field(default=None, description="a file")
    tls_key: TlsKey | None = Field(default=None, description="a file or credential:NAME")
    account: Annotated[tuple[VmsAccount, ...], Field(max_length=64)] = Field(
        default=(), description="tables [[vms.account]]"
    )

    @model_validator(mode="after")
    def _check(self) -> "Vms":
        if (self.tls_certificate is None) != (self.tls_key is None):
            missing = "tls_key" if self.tls_key is None else "tls_certificate"
            raise refusal("is missing", "write both tls_certificate and tls_key", missing)
        if self.tls_certificate is None and not is_loopback(self.host):
            raise refusal(
                "is not on this machine and has no TLS",
                'write tls_certificate and tls_key, or host = "127.0.0.1"',
                "host",
            )
        return self


class Registry(Text):
    """[registry]."""

    seed: PathText | None = Field(default=None, description="a seed file")


def _origin(value: str) -> str:
    """Take a signed note's key name (C2SP signed-note): no spaces, no plus sign."""
    if not re.fullmatch(r"[!-*,-~]{1,128}", value):
        raise refusal("is not a log's name", 'write for example "comune.example/varco-nord"')
    return value


def _authority_url(value: str) -> str:
    """Take a plain HTTP or HTTPS address; what it answers is signed."""
    host = ""
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        good = parts.scheme in ("http", "https") and bool(host) and parts.port != 0
    except ValueError:
        good = False
    if not good or not value.isprintable() or " " in value:
        raise refusal("is not an http(s) address", 'write for example "http://tsa.example/tsr"')
    if CREDENTIALS_IN_URL.search(value):
        raise refusal("holds credentials", "write the address alone")
    return value


AuthorityUrl = Annotated[str, StringConstraints(strict=True), AfterValidator(_authority_url)]


def _witness_key(value: str) -> str:
    """Take a C2SP witness key; whether its parts fit is told when the box starts."""
    if not re.fullmatch(r"[!-*,-~]{1,128}\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{44}", value):
        raise refusal("is not a witness's key", "write it as it was given: name+hash+base64")
    return value


class LedgerWitness(Text):
    """[[ledger.witness]]."""

    key: Annotated[str, StringConstraints(strict=True), AfterValidator(_witness_key)] = Field(
        description="the witness's public key, name+hash+base64"
    )
    url: AuthorityUrl | None = Field(default=None, description="where it is asked (tlog-witness)")


class Ledger(Text):
    """[ledger]."""

    origin: Annotated[str, StringConstraints(strict=True), AfterValidator(_origin)] | None = Field(
        default=None, description="the log's name"
    )
    key: Reference = Field(default="", description="a reference, for example credential:ledger-key")
    spare: PathText | None = Field(default=None, description="a file on another disk")
    timestamp_url: AuthorityUrl | None = Field(
        default=None, description="an RFC 3161 authority's address"
    )
    timestamp_ca: PathText | None = Field(
        default=None, description="the authority's root certificates, a PEM file"
    )
    witness: Annotated[tuple[LedgerWitness, ...], Field(max_length=16)] = Field(
        default=(), description="tables [[ledger.witness]]"
    )

    @model_validator(mode="after")
    def _both_or_neither(self) -> "Ledger":
        if (self.timestamp_url is None) != (self.timestamp_ca is None):
            raise refusal(
                "has only one of timestamp_url and timestamp_ca",
                "write both: a token that nobody checks is no proof",
            )
        return self


class Analytics(Text):
    """[analytics]."""

    workers: Whole = Field(default=0, ge=0, le=64, description="0 (one per core) to 64")
    budget_cores: Annotated[float, Field(strict=True, ge=0.0, le=64.0, allow_inf_nan=False)] = (
        Field(default=0.0, description="0.0 (four fifths of the workers) to 64.0")
    )
    detector: PathText | None = Field(default=None, description="a net's file, .onnx or .pt")
    detector_python: PathText | None = Field(
        default=None, description="an interpreter that has ultralytics, as make yolo builds it"
    )
    detector_least: Annotated[float, Field(strict=True, ge=0.05, le=0.95, allow_inf_nan=False)] = (
        Field(default=0.35, description="0.05 to 0.95")
    )

    @model_validator(mode="after")
    def _check(self) -> "Analytics":
        if self.detector_python is not None and self.detector is None:
            raise refusal("has nothing to run", "write detector, or remove it", "detector_python")
        if self.detector_python is None and not (self.detector or ".onnx").endswith(".onnx"):
            advice = "write what make yolo built, or export the net to .onnx"
            raise refusal("is missing: only ultralytics reads this net", advice, "detector_python")
        return self


class PlateSource(Text):
    """[[plates.source]]."""

    name: Id = Field(description="a name, for example questura-ms")
    key: Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9+/]{43}=$")] = Field(
        description="the Ed25519 public key of who signs, 32 bytes in base64"
    )
    lists: Annotated[tuple[Literal["A1", "A2", "C"], ...], Field(min_length=1, max_length=3)] = (
        Field(description='kinds that it delivers: "A1", "A2", "C"')
    )


class Plates(Text):
    """[plates]."""

    key: Reference = Field(default="", description="a reference, for example credential:plates")
    former_key: Reference = Field(default="", description="a reference to the key before this one")
    models: PathText | None = Field(default=None, description="a folder with finder and reader")
    second: Flag = Field(default=True, description="true or false")
    k_threshold: Whole = Field(default=10, ge=2, le=1_000, description="2 to 1000")
    children: Whole = Field(default=1, ge=1, le=16, description="1 to 16 processes")
    timeout_s: Whole = Field(default=10, ge=1, le=60, description="1 to 60 seconds")
    passages: Whole = Field(default=2_000, ge=1, le=1_000_000, description="1 to 1000000")
    source: Annotated[tuple[PlateSource, ...], Field(max_length=16)] = Field(
        default=(), description="tables [[plates.source]]"
    )


class Ring(Text):
    """[ring]."""

    most_seconds: Whole = Field(
        default=10, ge=0, le=MOST_RING_S, description=f"0 to {MOST_RING_S} seconds"
    )
    most_mib: Whole = Field(default=32, ge=1, le=512, description="1 to 512 MiB")


class Stills(Text):
    """[stills]."""

    keep_hours: Whole = Field(
        default=24, ge=1, le=MOST_STILLS_H, description=f"1 to {MOST_STILLS_H} hours"
    )


class Alarms(Text):
    """[alarms]."""

    keep_days: Whole = Field(default=180, ge=1, le=3_650, description="1 to 3650 days")
    most: Whole = Field(default=200_000, ge=1_000, le=5_000_000, description="1000 to 5000000")
    ballast_mib: Whole = Field(default=16, ge=0, le=1_024, description="0 to 1024 MiB; 0: none")


class Access(Text):
    """[access]."""

    incident_hours: float = Field(
        default=4.0, ge=0, le=4, description="0 to 4 hours; 0: no look outlasts its act"
    )


class Incidents(Text):
    """[incidents]."""

    organisation: Id | None = Field(
        default=None, description="the id of the recipient that this room is"
    )
    keep_days: Whole = Field(
        default=365, ge=1, le=MOST_REPORT_DAYS, description=f"1 to {MOST_REPORT_DAYS} days"
    )
    keep_reason: Line = Field(default="", description="why incidents are kept for so long")

    @model_validator(mode="after")
    def _check(self) -> "Incidents":
        if self.keep_days > LONG_REPORT_DAYS and not self.keep_reason:
            advice = f"write why, or {LONG_REPORT_DAYS} days or fewer"
            raise refusal("is missing", advice, "keep_reason")
        return self


class Reports(Text):
    """[reports]."""

    keep_days: Whole = Field(
        default=180, ge=1, le=MOST_REPORT_DAYS, description=f"1 to {MOST_REPORT_DAYS} days"
    )
    keep_reason: Line = Field(default="", description="why words are kept for so long")

    @model_validator(mode="after")
    def _check(self) -> "Reports":
        if self.keep_days > LONG_REPORT_DAYS and not self.keep_reason:
            advice = f"write why, or {LONG_REPORT_DAYS} days or fewer"
            raise refusal("is missing", advice, "keep_reason")
        return self


_HOOK_EVENT = re.compile(r"\*|message|incident\.(?:\*|[a-z-]{1,40})")


def _hook_event(value: str) -> str:
    if not _HOOK_EVENT.fullmatch(value):
        raise refusal("is no event", 'write "*", "message", "incident.*" or "incident.closed"')
    return value


def _hook_url(value: str) -> str:
    host = ""
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        good = parts.scheme in ("http", "https") and bool(host) and parts.port != 0
    except ValueError:
        good = False
    if not good or not value.isprintable() or " " in value or "#" in value:
        raise refusal("is not an http(s) address", 'write for example "https://cad.example/varco"')
    if not host.isascii():
        raise refusal("has a host that is not in ASCII", "write the host as xn--…")
    if CREDENTIALS_IN_URL.search(value):
        raise refusal("holds credentials", "the signature says who we are: write the address alone")
    return value


HookEvent = Annotated[str, StringConstraints(strict=True), AfterValidator(_hook_event)]
HookUrl = Annotated[str, StringConstraints(strict=True, max_length=500), AfterValidator(_hook_url)]


class Dc09Zone(Text):
    """[[dc09.zone]]."""

    id: Id = Field(description="the id of a zone or of a camera")
    number: Whole = Field(ge=1, le=999, description="what the station calls it, 1 to 999")


class Dc09(Text):
    """[[dc09]]."""

    name: Id = Field(description='the name that recipients use, for example name = "istituto"')
    receivers: Annotated[tuple[RoomAddress, ...], Field(min_length=1, max_length=2)] = Field(
        description='its receivers, the first one first, ["192.0.2.10:9999"]'
    )
    account: HexAccount = Field(description='3 to 16 hexadecimal digits, for example "1A2B"')
    key: Reference = Field(default="", description="a reference, for example credential:dc09-key")
    plain: Flag = Field(default=False, description="true if it may go in clear over a network")
    format: Dc09Format = Field(default=Dc09Format.SIA, description='"SIA-DCS" or "ADM-CID"')
    receiver: HexNumber | Literal[""] = Field(default="0", description='its number, or ""')
    line: HexNumber = Field(default="0", description='its line, for example "0"')
    supervision_s: Whole = Field(default=90, ge=0, le=86_400, description="0 or 10 to 86400 s")
    zone: Annotated[tuple[Dc09Zone, ...], Field(max_length=999)] = Field(
        default=(), description="tables [[dc09.zone]]"
    )

    @model_validator(mode="after")
    def _check(self) -> "Dc09":
        if 0 < self.supervision_s < LEAST_SUPERVISION_S:
            raise refusal("is too short", "write 10 seconds or more, or 0", "supervision_s")
        clear = self.plain or all(is_loopback(host_of(one)) for one in self.receivers)
        if not self.key and not clear:
            raise refusal("is missing", "write a reference to the AES key, or plain = true", "key")
        if len({one.id for one in self.zone}) < len(self.zone):
            raise refusal("names one id twice", "write each id once", "zone")
        return self


class Dc09Receiver(Text):
    """[dc09_receiver]."""

    host: Host = Field(default="127.0.0.1", description='an address, for example "192.0.2.10"')
    port: Port = Field(default=9999, description="a port, 1 to 65535")
    plain: Flag = Field(default=False, description="true if panels without a key are heard")


class Webhook(Text):
    """[[webhook]]."""

    name: Id = Field(description='a name, for example name = "centrale"')
    url: HookUrl = Field(description='where it is told, "https://cad.example/varco"')
    organisation: Id | Literal[""] = Field(
        default="", description="the id of the organisation whose incidents it is told"
    )
    secret: Reference = Field(
        min_length=1, description="a reference, for example credential:webhook-centrale"
    )
    events: Annotated[tuple[HookEvent, ...], Field(min_length=1, max_length=16)] = Field(
        default=("*",), description='events, for example ["incident.*", "message"]'
    )
    private: Flag = Field(
        default=False, description="true if it is in a private network or on this machine"
    )
    ca: PathText | None = Field(default=None, description="its authority, a file")

    @model_validator(mode="after")
    def _check(self) -> "Webhook":
        if self.url.startswith("http:") and not self.private:
            raise refusal("is not encrypted", "write https, or private = true", "url")
        return self


class Log(Text):
    """[log]."""

    level: LogLevel = Field(
        default=LogLevel.INFO, description='"debug", "info", "warning" or "error"'
    )


class File(Text):
    """The whole of `gateway.toml`."""

    box: Box = Field(description='a table [box] with id = "varco-nord" and name = "Nord"')
    console: Console = Field(default_factory=Console, description="a table [console]")
    machines: Machines | None = Field(default=None, description="a table [machines]")
    media: Media = Field(default_factory=Media, description="a table [media]")
    turn: Turn | None = Field(default=None, description="a table [turn]")
    broker: tuple[Broker, ...] = Field(default=(), description="tables [[broker]]")
    oidc: Annotated[tuple[Oidc, ...], Field(max_length=4)] = Field(
        default=(), description="tables [[oidc]]"
    )
    registry: Registry = Field(default_factory=Registry, description="a table [registry]")
    ledger: Ledger = Field(default_factory=Ledger, description="a table [ledger]")
    analytics: Analytics = Field(default_factory=Analytics, description="a table [analytics]")
    plates: Plates = Field(default_factory=Plates, description="a table [plates]")
    ring: Ring = Field(default_factory=Ring, description="a table [ring]")
    stills: Stills = Field(default_factory=Stills, description="a table [stills]")
    alarms: Alarms = Field(default_factory=Alarms, description="a table [alarms]")
    access: Access = Field(default_factory=Access, description="a table [access]")
    incidents: Incidents | None = Field(default=None, description="a table [incidents]")
    reports: Reports = Field(default_factory=Reports, description="a table [reports]")
    webhook: Annotated[tuple[Webhook, ...], Field(max_length=16)] = Field(
        default=(), description="tables [[webhook]]"
    )
    dc09: Annotated[tuple[Dc09, ...], Field(max_length=16)] = Field(
        default=(), description="tables [[dc09]]"
    )
    dc09_receiver: Dc09Receiver | None = Field(default=None, description="a table [dc09_receiver]")
    log: Log = Field(default_factory=Log, description="a table [log]")
    room: Room | None = Field(default=None, description="a table [room]")
    uplink: Annotated[tuple[Uplink, ...], Field(max_length=MOST_UPLINKS)] = Field(
        default=(), description="tables [[uplink]]"
    )
    vms: Vms | None = Field(default=None, description="a table [vms]")


def is_wildcard(host: str) -> bool:
    """Return whether a host means every address of the machine."""
    return host in ("0.0.0.0", "::")  # noqa: S104 - recognised, not bound


def is_address(host: str) -> bool:
    """Return whether a host is one address in numbers, as a candidate must be."""
    try:
        _candidate(host)
    except PydanticCustomError:
        return False
    return True
