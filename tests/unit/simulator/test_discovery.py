# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.discovery: what it answers, and to whom it keeps silent."""

import asyncio
import socket

import pytest

from gateway.simulator.discovery import Announced, respond
from gateway.wire.ws_discovery import GROUP_V4, MessageKind, ProbeType, parse, probe

CAMERA = Announced("urn:uuid:1", ("http://192.0.2.7/onvif/device_service",), "Piazza & Mercato")


@pytest.mark.parametrize("wanted", list(ProbeType))
def test_a_probe_is_answered(wanted):
    """With the probe's own id, the endpoint, and the name as it was set."""
    announcement = parse(CAMERA.answer(probe("urn:uuid:9", wanted)))
    assert (announcement.kind, announcement.relates_to) == (
        MessageKind.PROBE_MATCHES,
        "urn:uuid:9",
    )
    (match,) = announcement.matches
    assert (match.urn, match.xaddrs, match.name) == (CAMERA.urn, CAMERA.xaddrs, CAMERA.name)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<a/>",
        CAMERA.answer(probe("urn:uuid:9", ProbeType.DEVICE)),
        probe("", ProbeType.DEVICE),
        probe("urn:uuid:9", ProbeType.DEVICE).replace(b"w:Device", b"w:Printer"),
        probe("urn:uuid:9", ProbeType.DEVICE).replace(b"w:Device", b"x:Device"),
    ],
)
def test_what_is_no_probe_for_us_is_ignored(data):
    """Nonsense, other messages, other types."""
    assert CAMERA.answer(data) is None


async def test_a_repeated_probe_is_answered_once():
    """By multicast on loopback; the repetition of the same message gets nothing more."""
    message = probe("urn:uuid:9", ProbeType.DEVICE)
    async with respond(CAMERA.answer, "127.0.0.1", 0) as port:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.bind(("127.0.0.1", 0))
            chosen = socket.inet_aton("127.0.0.1")
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, chosen)
            other = probe("urn:uuid:10", ProbeType.DEVICE)
            for one in (message, message, other):
                await loop.sock_sendto(sock, one, (GROUP_V4, port))
            async with asyncio.timeout(30):
                replies = [parse(await loop.sock_recv(sock, 65536)) for _ in range(2)]
    assert [one.relates_to for one in replies] == ["urn:uuid:9", "urn:uuid:10"]
