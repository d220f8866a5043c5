# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which addresses that a device hands out are followed: its own, never one that it points us at."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from gateway.model.errors import PeerError

MOST_LETTERS = 2048
"""The longest stream URI seen in the wild has about 400."""
DEVICE_PATH = "/onvif/device_service"
"""Where the device service is if nothing else is said (ONVIF Core §5.1.1)."""
HTTP = frozenset({"http", "https"})
RTSP = frozenset({"rtsp", "rtsps"})

_METADATA = frozenset({"fd00:ec2::254", "100.100.100.200"})
"""Of clouds; the well-known IPv4 one is link-local."""
_PORTS = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322}


@dataclass(frozen=True, slots=True)
class Admitted:
    """An address that may be used."""

    url: str
    """Without credentials."""
    note: str = ""
    """What was put right, for the installer."""


def device_url(url: str) -> str:
    """Return the URL of the device service for what an installer wrote."""
    parts = urlsplit(url)
    path = parts.path if parts.path not in {"", "/"} else DEVICE_PATH
    return urlunsplit((parts.scheme.lower(), _netloc(_host(url), parts.port), path, "", ""))


def admit(address: str, url: str, hosts: tuple[str, ...], schemes: frozenset[str]) -> Admitted:
    """Return `address`, of a device at `url`, as we may use it; PeerError if not at all.

    A host that is neither the configured one nor in `hosts` is replaced by the configured one: a
    device behind NAT names its inner address. Loopback, link-local and the like are refused. A
    device that is spoken to over TLS is not followed to clear HTTP.
    """
    shown = without_credentials(address)
    try:
        parts = urlsplit(address.strip())
        host, port = _key(parts.hostname or ""), parts.port
    except ValueError:
        raise PeerError(f"hands out an address that is none: {shown}") from None
    scheme = parts.scheme.lower()
    if scheme not in schemes or not host or len(address) > MOST_LETTERS or _odd(address.strip()):
        raise PeerError(f"hands out an address that cannot be used: {shown}")
    own = urlsplit(url)
    notes = ["credentials inside an address were taken out"] if parts.username else []
    if host not in {_key(one) for one in (own.hostname or "", *hosts)}:
        if _is_local(host):
            raise PeerError(f"hands out the address {host}, which is never followed")
        notes.append(f"hands out addresses on {host}: {own.hostname} is used instead (NAT?)")
        host = _host(url)
        if scheme in HTTP:
            scheme, port = own.scheme, own.port
    if scheme == "http" and own.scheme == "https":
        notes.append("hands out clear HTTP although asked over TLS: TLS is used")
        scheme, port = "https", own.port
    netloc = _netloc(host, None if port == _PORTS[scheme] else port)
    return Admitted(urlunsplit((scheme, netloc, parts.path, parts.query, "")), "; ".join(notes))


def printable(text: str, most: int = 128) -> str:
    """Return text of a device fit for a log line or a page: printable, one line, bounded."""
    clean = "".join(one if one.isprintable() else " " for one in text[: 4 * most])
    return " ".join(clean.split())[:most]


def without_credentials(url: str) -> str:
    """Return `url` for a message: no user, no password, no query."""
    try:
        parts = urlsplit(url)
        return printable(
            f"{parts.scheme}://{_netloc(parts.hostname or '', parts.port)}{parts.path}"
        )
    except ValueError:
        return "an address that is none"


def _odd(address: str) -> bool:
    return any(one.isspace() or not one.isprintable() or one == "\\" for one in address)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _netloc(host: str, port: int | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def _key(host: str) -> str:
    """Return a host in one spelling, so that hosts can be compared."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host.lower().rstrip(".")
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _is_local(host: str) -> bool:
    if host in _METADATA or host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return (
        address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or address.is_multicast
        or address.is_reserved
    )
