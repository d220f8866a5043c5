# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Finding ONVIF devices: WS-Discovery April 2005 as ONVIF Core §7 profiles it. Bytes only.

Whoever answers is unknown: everything read here is a claim. An address (XAddr) is text to show or
to check, never to fetch unasked.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import unquote, urlsplit

from lxml import etree

from gateway.model.errors import WireError
from gateway.wire import xml
from gateway.wire.onvif_events import local_name

PORT: Final = 3702
GROUP_V4: Final = "239.255.255.250"
GROUP_V6: Final = "ff02::c"

MOST_BYTES = 64 << 10
"""The largest UDP datagram; a ProbeMatches has 1 to 4 KiB."""
MOST_MATCHES = 64
"""In one message; a device sends one, a discovery proxy many."""
MOST_WORDS = 64
"""Scopes, types or addresses of one device."""
MOST_CHARS = 512
"""Of one of them."""

_ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
_ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_DISCOVERY = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
_SCOPE = re.compile(r"onvif://www\.onvif\.org/([A-Za-z]+)/(.*)", re.IGNORECASE | re.DOTALL)
_CONTROL = re.compile(r"[^\x21-\x7e]")

QUIRKS: Final = {
    "probe-match-bare": "a ProbeMatch that stands in the body without ProbeMatches around it",
}
"""What is tolerated, by name; each has a recorded answer, `tests/golden/quirk-*.xml`."""
_BARE: Final = "ProbeMatch"


class ProbeType(Enum):
    """What is asked for; a device answers to one or both (ONVIF Core §7.3.1)."""

    TRANSMITTER = ("NetworkVideoTransmitter", "http://www.onvif.org/ver10/network/wsdl")
    DEVICE = ("Device", "http://www.onvif.org/ver10/device/wsdl")


class MessageKind(Enum):
    """Messages that devices send."""

    PROBE_MATCHES = "ProbeMatches"
    RESOLVE_MATCHES = "ResolveMatches"
    HELLO = "Hello"
    BYE = "Bye"


@dataclass(frozen=True, slots=True)
class Match:
    """What one device says of itself; each text is printable and bounded."""

    urn: str
    """Its endpoint reference, stable over addresses: `urn:uuid:...`; empty if it gives none."""
    xaddrs: tuple[str, ...] = ()
    """HTTP(S) addresses of the device service, without credentials, in its order."""
    types: tuple[str, ...] = ()
    """Local names."""
    name: str = ""
    hardware: str = ""
    location: str = ""
    profiles: tuple[str, ...] = ()
    """ONVIF profiles, `T`, `Streaming`."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """One message of a device."""

    kind: MessageKind
    relates_to: str
    """`MessageID` of the probe that it answers; empty for Hello and Bye."""
    matches: tuple[Match, ...]


def probe(message_id: str, wanted: ProbeType) -> bytes:
    """Return a Probe; `message_id` is `urn:uuid:...` and the same in repetitions."""
    name, namespace = wanted.value
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<s:Envelope xmlns:s="{_ENVELOPE}" xmlns:a="{_ADDRESSING}" xmlns:d="{_DISCOVERY}">'
        f"<s:Header><a:Action>{_DISCOVERY}/Probe</a:Action>"
        f"<a:MessageID>{message_id}</a:MessageID>"
        "<a:ReplyTo><a:Address>"
        f"{_ADDRESSING}/role/anonymous</a:Address></a:ReplyTo>"
        "<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header>"
        f'<s:Body><d:Probe><d:Types xmlns:w="{namespace}">w:{name}</d:Types></d:Probe></s:Body>'
        "</s:Envelope>"
    ).encode()


def parse(data: bytes) -> Announcement:
    """Return what a datagram announces; WireError names what is wrong with it.

    Namespaces are not looked at: devices use those of several drafts.
    """
    root = xml.parse(data, MOST_BYTES)
    if local_name(root) != "Envelope":
        raise WireError(f"not a SOAP envelope but <{local_name(root)[:40]}>")
    body = _one(_elements(root, "Body"), "Body")
    kind, element = _message(body)
    elements = _elements(body, _BARE)
    if local_name(element) != _BARE:
        elements = [element] if kind in {MessageKind.HELLO, MessageKind.BYE} else list(element)
    if len(elements) > MOST_MATCHES:
        raise WireError(f"{len(elements)} devices in one message (at most {MOST_MATCHES})")
    relates_to = next((one.text or "" for one in root.iter("{*}RelatesTo")), "").strip()
    return Announcement(kind, relates_to[:MOST_CHARS], tuple(map(_match, elements)))


def same_message(one: str, other: str) -> bool:
    """Return whether two message ids are the same; devices drop `urn:` and change case."""
    return _bare(one) == _bare(other) != ""


def _bare(message_id: str) -> str:
    return message_id.strip().casefold().removeprefix("urn:").removeprefix("uuid:").strip("{}")


def _elements(parent: etree._Element, name: str) -> list[etree._Element]:
    return [child for child in parent if local_name(child) == name]


def _one(found: list[etree._Element], name: str) -> etree._Element:
    if not found:
        raise WireError(f"SOAP without {name}")
    return found[0]


def _message(body: etree._Element) -> tuple[MessageKind, etree._Element]:
    known = {kind.value: kind for kind in MessageKind} | {_BARE: MessageKind.PROBE_MATCHES}
    for child in body:
        kind = known.get(local_name(child))
        if kind is not None:
            return kind, child
    names = ", ".join(local_name(child)[:40] for child in list(body)[:4]) or "nothing"
    raise WireError(f"no announcement but {names}")


def _match(element: etree._Element) -> Match:
    xaddrs = [word for word in _words(element, "XAddrs") if _is_address(word)]
    types = [word.rpartition(":")[2] for word in _words(element, "Types")]
    scopes: dict[str, list[str]] = {}
    for scope in _words(element, "Scopes"):
        found = _SCOPE.fullmatch(scope)
        if found is not None:
            scopes.setdefault(found[1].casefold(), []).append(_plain(found[2]))
    return Match(
        urn=_text(element, "EndpointReference"),
        xaddrs=tuple(dict.fromkeys(xaddrs)),
        types=tuple(types),
        name=_first(scopes, "name"),
        hardware=_first(scopes, "hardware"),
        location=", ".join(filter(None, scopes.get("location", [])))[:MOST_CHARS],
        profiles=tuple(dict.fromkeys(filter(None, scopes.get("profile", [])))),
    )


def _first(scopes: dict[str, list[str]], name: str) -> str:
    return next(filter(None, scopes.get(name, [])), "")


def _text(element: etree._Element, name: str) -> str:
    """Return the text in a child of any depth, if it is one word of sober characters."""
    found = _elements(element, name)
    text = "".join(str(part) for part in found[0].itertext()).strip() if found else ""
    return "" if len(text) > MOST_CHARS or _CONTROL.search(text) else text


def _words(element: etree._Element, name: str) -> list[str]:
    """Return the words of a child; what is too long or not plain ASCII is left out."""
    found = _elements(element, name)
    text = "".join(str(part) for part in found[0].itertext()) if found else ""
    words = text.split()[:MOST_WORDS]
    return [word for word in words if len(word) <= MOST_CHARS and not _CONTROL.search(word)]


def _is_address(word: str) -> bool:
    """Return whether a word is an HTTP URL with a host and without credentials."""
    try:
        parts = urlsplit(word)
        port = parts.port
    except ValueError:
        return False
    is_http = parts.scheme in {"http", "https"} and bool(parts.hostname)
    return is_http and "@" not in parts.netloc and port != 0


def _plain(escaped: str) -> str:
    """Return the text of a scope: percent signs undone, nothing that cannot be printed."""
    text = unquote(escaped, errors="replace").replace("/", " ").strip()
    return "".join(sign for sign in text if sign.isprintable())[:MOST_CHARS]
