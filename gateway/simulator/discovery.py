# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A device that lets itself be found (WS-Discovery April 2005, as ONVIF Core §7 profiles it)."""

import asyncio
import socket
import struct
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote
from xml.sax.saxutils import escape

from lxml import etree
from typing_extensions import override

from gateway.model.errors import WireError
from gateway.wire import xml
from gateway.wire.ws_discovery import GROUP_V4, GROUP_V6, PORT

_ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
_ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_DISCOVERY = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
_NETWORK = "http://www.onvif.org/ver10/network/wsdl"
_DEVICE = "http://www.onvif.org/ver10/device/wsdl"

Answer = Callable[[bytes], bytes | None]
"""Returns what to answer to a datagram; None: nothing."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What the device says of itself."""

    urn: str
    xaddrs: tuple[str, ...]
    name: str = "telecamera"
    hardware: str = "simulator"
    location: str = ""

    def answer(self, data: bytes) -> bytes | None:
        """Answer a Probe whose types we have; ignore everything else, as the standard asks."""
        message_id = _probe_id(data)
        if message_id is None:
            return None
        scopes = ["onvif://www.onvif.org/Profile/T", "onvif://www.onvif.org/type/video_encoder"]
        kinds = {"name": self.name, "hardware": self.hardware, "location": self.location}
        scopes += [f"onvif://www.onvif.org/{kind}/{quote(text)}" for kind, text in kinds.items()]
        return (
            f'<s:Envelope xmlns:s="{_ENVELOPE}" xmlns:a="{_ADDRESSING}" xmlns:d="{_DISCOVERY}" '
            f'xmlns:dn="{_NETWORK}" xmlns:tds="{_DEVICE}"><s:Header>'
            f"<a:MessageID>urn:uuid:{uuid.uuid4()}</a:MessageID>"
            f"<a:RelatesTo>{escape(message_id)}</a:RelatesTo>"
            f"<a:To>{_ADDRESSING}/role/anonymous</a:To>"
            f"<a:Action>{_DISCOVERY}/ProbeMatches</a:Action></s:Header><s:Body><d:ProbeMatches>"
            f"<d:ProbeMatch><a:EndpointReference><a:Address>{escape(self.urn)}</a:Address>"
            "</a:EndpointReference><d:Types>dn:NetworkVideoTransmitter tds:Device</d:Types>"
            f"<d:Scopes>{' '.join(scopes)}</d:Scopes>"
            f"<d:XAddrs>{escape(' '.join(self.xaddrs))}</d:XAddrs>"
            "<d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></s:Body>"
            "</s:Envelope>"
        ).encode()


@asynccontextmanager
async def respond(answer: Answer, address: str, port: int = PORT) -> AsyncIterator[int]:
    """Answer probes that reach `address` of this machine by multicast; yields the port.

    `address`: IPv4, or the name of an interface for IPv6. `port` 0: any.
    """
    sock = _open_v4(address, port) if "." in address else _open_v6(address, port)
    try:
        loop = asyncio.get_running_loop()
        responder = _Responder(answer)
        transport, _ = await loop.create_datagram_endpoint(lambda: responder, sock=sock)
    except BaseException:
        sock.close()
        raise
    responder.transport = transport
    try:
        yield sock.getsockname()[1]
    finally:
        transport.close()
        await asyncio.sleep(0)  # noqa: TID251 - lets the loop close the socket; no wait


class _Responder(asyncio.DatagramProtocol):
    """Answers each message once, also if it is repeated."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._seen: deque[bytes] = deque(maxlen=64)
        self.transport: asyncio.DatagramTransport | None = None
        """Set by whoever opened it."""

    @override
    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        if data in self._seen or self.transport is None:
            return
        self._seen.append(data)
        reply = self._answer(data)
        if reply is not None:
            self.transport.sendto(reply, addr)


def _probe_id(data: bytes) -> str | None:
    """Return the MessageID of a Probe for a type that we are; None if it is anything else."""
    try:
        root = xml.parse(data, 1 << 16)
    except WireError:
        return None
    found = root.find(f"{{{_ENVELOPE}}}Body/{{{_DISCOVERY}}}Probe")
    message_id = root.findtext(f"{{{_ENVELOPE}}}Header/{{{_ADDRESSING}}}MessageID")
    if found is None or not message_id:
        return None
    types = found.find(f"{{{_DISCOVERY}}}Types")
    ours = {(_NETWORK, "NetworkVideoTransmitter"), (_DEVICE, "Device")}
    return message_id.strip() if types is None or _named(types) <= ours else None


def _named(types: etree._Element) -> set[tuple[str, str]]:
    """Return the types with their namespaces; an undeclared prefix is a type of nobody."""
    parts = [word.partition(":") for word in (types.text or "").split()]
    return {(types.nsmap.get(prefix, ""), name) for prefix, _, name in parts}


def _open_v4(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("", port))
    group = struct.pack("=4s4s", socket.inet_aton(GROUP_V4), socket.inet_aton(address))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
    sock.setblocking(False)
    return sock


def _open_v6(interface: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind(("", port))
    index = socket.if_nametoindex(interface)
    group = struct.pack("=16si", socket.inet_pton(socket.AF_INET6, GROUP_V6), index)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
    sock.setblocking(False)
    return sock
