# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.ingest.discovery, with responders on loopback and over real multicast."""

import asyncio
import contextlib
import itertools
import socket
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ingest import discovery
from gateway.ingest.discovery import DiscoveryOptions, Found, discover, list_interfaces
from gateway.model.errors import PeerError
from gateway.simulator.discovery import Announced, respond
from gateway.wire.ws_discovery import ProbeType, parse, probe
from tests.conftest import missing

GATE = Announced(
    "urn:uuid:gate", ("http://192.0.2.7/onvif/device_service",), "Varco Nord", "DS-2CD", "Milano"
)
SIX = Announced("urn:uuid:six", ("http://[fe80::9]/onvif/device_service",))
TYPES = ("NetworkVideoTransmitter", "Device")
SECONDS = 0.6
ANSWERS = [
    GATE.answer(probe("urn:uuid:9", ProbeType.DEVICE)),
    GATE.answer(probe("urn:uuid:8", ProbeType.DEVICE)),
    SIX.answer(probe("urn:uuid:9", ProbeType.DEVICE))[:-5],
    SIX.answer(probe("urn:uuid:9", ProbeType.DEVICE)),
]


@contextlib.asynccontextmanager
async def answering(*answers, address="127.0.0.1"):
    """Responders on one port; yields the options that reach them."""
    async with contextlib.AsyncExitStack() as stack:
        port = 0
        for answer in answers:
            port = await stack.enter_async_context(respond(answer, address, port))
        yield DiscoveryOptions(port=port)


async def found(*answers, seconds=SECONDS):
    """Return what a discovery on loopback finds."""
    async with answering(*answers) as options:
        return await discover(seconds, ["lo"], options=options)


async def test_a_device_is_found_with_what_it_says():
    """One entry although it answers two kinds of probe; nothing is fetched from its address."""
    assert await found(GATE.answer) == (
        Found("127.0.0.1", GATE.urn, GATE.xaddrs, "Varco Nord", "DS-2CD", "Milano", TYPES),
    )


IN_A_NETWORK = """
import asyncio
from gateway.ingest.discovery import DiscoveryOptions, discover
from gateway.simulator.discovery import respond
from tests.unit.ingest.test_discovery import GATE, SIX

async def main():
    async with respond(GATE.answer, "10.9.9.1", 0) as port, respond(SIX.answer, "cam0", port):
        for one in await discover(2, options=DiscoveryOptions(port=port)):
            print(one.address, one.urn)

asyncio.run(main())
"""
NETWORK = """
set -e
ip link add cam0 type veth peer name cam1
ip address add 10.9.9.1/24 dev cam0
ip link set lo up
ip link set cam1 up
ip link set cam0 up
ip -6 address add fe80::9/64 dev cam0 nodad
exec "$0" -c "$1"
"""


async def test_every_interface_of_a_network_is_asked_over_ipv4_and_ipv6(program):
    """In a network of its own, without naming interfaces: a device of each kind is found."""
    process = await asyncio.create_subprocess_exec(
        program("unshare"),
        *("-n", "sh", "-c", NETWORK, sys.executable, IN_A_NETWORK),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    if b"unshare" in err and b"not permitted" in err:
        missing("a network namespace of its own")
    lines = out.decode().splitlines()
    # the two ends of one cable: the first to hear the same answer names it
    either = [[f"10.9.9.1 {GATE.urn}", f"fe80::9%{end} {SIX.urn}"] for end in ("cam0", "cam1")]
    assert lines in either, err.decode()


async def test_answers_that_cannot_be_read_are_named_and_harm_nobody():
    """One device answers nonsense, the other properly from the same host: both are dealt with."""
    assert await found(lambda _: b"<html>") == (
        Found(
            "127.0.0.1",
            problem="its answer cannot be read: not well-formed XML: Premature end of data in tag "
            "html line 1, line 1, column 7 (<string>, line 1)",
        ),
    )
    assert [one.urn for one in await found(lambda _: b"\xff" * 60_000, GATE.answer)] == [GATE.urn]


async def test_answers_to_somebody_else_do_not_count():
    """A reply must carry the id of one of our probes."""
    foreign = GATE.answer(probe("urn:uuid:not-ours", ProbeType.DEVICE))
    (one,) = await found(lambda _: foreign)
    assert (one.xaddrs, one.problem) == (
        (),
        "its answer cannot be read: it answers a probe that was not ours",
    )


async def test_a_device_without_address_is_shown_as_such():
    """It is there, but nobody can talk to it yet."""
    (one,) = await found(Announced("urn:uuid:x", ("rtsp://192.0.2.7/",)).answer)
    assert (one.urn, one.xaddrs, one.problem) == (
        "urn:uuid:x",
        (),
        "it names no usable address",
    )


def collected(*replies):
    """Return what is made of datagrams: (sender, device)."""
    reader = discovery._Collected(("urn:uuid:9",))
    message = probe("urn:uuid:9", ProbeType.DEVICE)
    for sender, device in replies:
        reader.datagram_received(device.answer(message), (sender, 3702))
    return reader


def test_the_same_device_on_two_interfaces_is_one():
    """Same endpoint and an address in common: one entry with all addresses."""
    wide = Announced(GATE.urn, (*GATE.xaddrs, "http://[2001:db8::7]/onvif/device_service"))
    (one,) = collected(("192.0.2.7", GATE), ("198.51.100.7", wide)).found()
    assert one.xaddrs == wide.xaddrs
    assert (one.address, one.name, one.problem) == ("192.0.2.7", "Varco Nord", "")


def test_devices_that_share_an_identity_stay_apart():
    """Cheap cameras of one batch have the same endpoint: both are shown, and marked."""
    other = Announced(GATE.urn, ("http://192.0.2.8/onvif/device_service",))
    both = collected(("192.0.2.7", GATE), ("192.0.2.8", other)).found()
    assert [one.address for one in both] == ["192.0.2.7", "192.0.2.8"]
    assert {one.problem for one in both} == {"another device gives the same identity"}


def test_one_sender_cannot_crowd_out_the_others():
    """Its share is bounded; who comes later is still heard; the rest is counted."""
    noisy = [("192.0.2.66", Announced(f"urn:uuid:{n}", (f"http://h{n}/",))) for n in range(500)]
    reader = collected(*noisy, ("192.0.2.7", GATE))
    assert len(reader.found()) == discovery.MOST_REPLIES_EACH + 1
    assert reader.left_out == 500 - discovery.MOST_REPLIES_EACH


def test_the_sum_is_bounded():
    """Many invented senders fill nothing beyond the bound."""
    many = [
        (f"10.{n >> 8}.{n & 255}.1", Announced(f"urn:uuid:{n}", ("http://h/",)))
        for n in range(5000)
    ]
    reader = collected(*many)
    assert len(reader.found()) == discovery.MOST_FOUND
    assert reader.left_out == 5000 - discovery.MOST_FOUND


@given(st.lists(st.binary(max_size=60) | st.sampled_from(ANSWERS), max_size=8))
def test_any_datagrams_give_a_result(datagrams):
    """Whatever comes: at most one entry per sender and device, printable, no exception."""
    reader = discovery._Collected(("urn:uuid:9",))
    for number, data in enumerate(datagrams):
        reader.datagram_received(data, (f"192.0.2.{number}", 3702))
    assert len(reader.found()) <= len(datagrams)
    assert all(one.xaddrs or one.problem for one in reader.found())


async def test_probes_are_repeated_with_growing_waits():
    """Four sendings of both kinds under the same ids within about a second."""
    times = {}

    class Listener(asyncio.DatagramProtocol):
        def datagram_received(self, data, addr):
            times.setdefault(data, []).append(asyncio.get_running_loop().time())

    loop = asyncio.get_running_loop()
    sock = discovery_socket()
    transport, _ = await loop.create_datagram_endpoint(Listener, sock=sock)
    try:
        options = DiscoveryOptions(port=sock.getsockname()[1])
        await discover(1.5, ["lo"], options=options)
    finally:
        transport.close()
        await asyncio.sleep(0)
    assert len(times) == 2
    for sent in times.values():
        gaps = [late - early for early, late in itertools.pairwise(sent)]
        assert len(gaps) == 3
        assert 0.04 < gaps[0] < 0.4
        assert gaps[0] < gaps[1] + 0.05
        assert gaps[2] < 0.8


def discovery_socket():
    """Return a socket that hears the group on loopback."""
    from gateway.simulator.discovery import _open_v4

    return _open_v4("127.0.0.1", 0)


async def test_cancelling_closes_every_socket():
    """No descriptor and no task is left."""
    task = asyncio.get_running_loop().create_task(discover(60, ["lo"]))
    await asyncio.sleep(0.05)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    assert task.cancelled()
    assert len(asyncio.all_tasks()) == 1


async def test_an_interface_that_does_not_exist_is_named():
    """PeerError with its name."""
    with pytest.raises(PeerError, match="no such interface, or it is down: wlan99"):
        await discover(0.1, ["lo", "wlan99"])


async def test_nothing_to_look_with_is_an_error(monkeypatch):
    """No interface at all: said, and not an empty list that looks like an empty network."""
    monkeypatch.setattr(discovery, "list_interfaces", lambda: ())
    with pytest.raises(PeerError, match="no interface can look for devices"):
        await discover(0.1)


def test_interfaces_come_from_the_kernel():
    """Loopback is up, has its address, and every index is the kernel's."""
    known = {one.name: one for one in list_interfaces()}
    assert known["lo"].ipv4 == "127.0.0.1"
    for name, one in known.items():
        assert socket.if_nametoindex(name) == one.index


def test_parsing_agrees_with_the_simulator():
    """What the responder writes, the reader reads, whatever is in the texts."""
    odd = Announced("urn:uuid:<&>", ("http://h/?a=1&b=2",), "è <b>/&%20")
    (match,) = parse(odd.answer(probe("urn:uuid:9", ProbeType.DEVICE))).matches
    assert (match.urn, match.xaddrs) == ("urn:uuid:<&>", odd.xaddrs)
    assert match.name == "è <b> &%20"
