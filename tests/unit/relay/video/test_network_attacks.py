# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What others may try at the media port: another's address, floods, restarts, TCP."""

import asyncio
import gc
import os
import socket
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

from aioice import stun as peer

from gateway.relay.video import link, sessions
from gateway.wire.ice_tcp import FrameSplitter, framed
from tests.unit.relay.video.test_sessions import (
    ICE,
    TERMS,
    Gateway,
    SteppedClock,
    another,
    bound,
    check,
    client_hello,
)

NEW = link.Credentials("renewed", "another-password-of-22-chars", "theirs2")
NOMINATE = {"USE-CANDIDATE": None}


@asynccontextmanager
async def serving():
    """The media process in-process, with a TCP port."""
    ours, theirs = socket.socketpair()
    clock = SteppedClock()
    listener = socket.create_server(("127.0.0.1", 0), backlog=50)
    with bound() as udp, bound() as client, bound() as witness, listener:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(sessions.serve(udp, theirs, clock, listener))
            reader, writer = await asyncio.open_connection(sock=ours)
            gateway = Gateway(clock, reader, writer, udp, client)
            gateway.listener, gateway.witness = listener, witness
            await gateway.expect(link.Kind.HELLO)
            try:
                yield gateway
            finally:
                writer.close()
                async with asyncio.timeout(30):
                    await asyncio.wait([task])


def checked(terms, **attributes):
    """A check that proves a session's password."""
    ice = terms if isinstance(terms, link.Credentials) else terms.ice
    return check(f"{ice.ufrag}:{ice.remote_ufrag}", ice.password, **attributes)


async def is_answered(gateway, data, client=None):
    """Whether a check is answered; a later one by somebody new shows that it was read."""
    gateway.send(data, client)
    gateway.send(checked(PROBE), gateway.witness)
    await gateway.answer(30, gateway.witness)
    try:
        answer = await gateway.answer(0.02, client)
    except TimeoutError:
        return False
    return peer.parse_message(answer).message_class is peer.Class.RESPONSE


PROBE = replace(TERMS, session="probe", ice=replace(ICE, ufrag="probe"))


async def test_a_viewer_does_not_get_anothers_address(monkeypatch):
    """A peer that pretends to be where another is draws nothing from there, until that is gone."""
    monkeypatch.setattr(link, "LEASE_S", 1000.0)
    monkeypatch.setattr(sessions, "CONNECT_S", 1000.0)
    async with serving() as gateway:
        for terms, looks in ((TERMS, (1,)), (another(), (2,)), (PROBE, (3,))):
            await gateway.open(terms, looks)
        assert await is_answered(gateway, checked(TERMS, **NOMINATE))
        assert not await is_answered(gateway, checked(another(), **NOMINATE))
        assert await is_answered(gateway, checked(TERMS))
        await gateway.clock.step(sessions.FRESH_S + 1)
        assert await is_answered(gateway, checked(another(), **NOMINATE))


async def test_a_restart_has_credentials_and_places_of_its_own():
    """New checks are answered from eight new places; the old ones no more once one is nominated."""
    async with serving() as gateway:
        await gateway.open()
        await gateway.open(PROBE, (3,))
        assert await is_answered(gateway, checked(TERMS, **NOMINATE))
        await gateway.tell(link.restart("s1", NEW))
        await gateway.open(replace(PROBE, session="p2", ice=replace(ICE, ufrag="p2")), (4,))
        assert await is_answered(gateway, checked(TERMS))  # media flow on meanwhile
        assert not await is_answered(gateway, check("renewed:theirs2", ICE.password))
        clients = [bound() for _ in range(sessions.MOST_ADDRESSES - 1)]
        try:
            for client in clients:
                assert await is_answered(gateway, checked(NEW), client)
            assert await is_answered(gateway, checked(NEW, **NOMINATE), clients[0])
            assert not await is_answered(gateway, checked(TERMS))
        finally:
            for client in clients:
                client.close()


class Peer:
    """A TCP peer."""

    def __init__(self, gateway):
        self.sock = socket.create_connection(gateway.listener.getsockname(), timeout=10)
        self.sock.setblocking(False)
        self.splitter, self.got = FrameSplitter(), []

    def close(self):
        self.sock.close()

    async def say(self, data):
        await asyncio.get_running_loop().sock_sendall(self.sock, framed([data], 1))

    async def hear(self):
        """The next frame; None at the end."""
        async with asyncio.timeout(30):
            while not self.got:
                data = await asyncio.get_running_loop().sock_recv(self.sock, 9999)
                if not data:
                    return None
                self.got += self.splitter.receive(data)
        return self.got.pop(0)


async def test_a_peer_over_tcp_is_served():
    """Checks and handshake go over the connection; it closes with the session."""
    async with serving() as gateway:
        await gateway.open()
        with closing(Peer(gateway)) as player:
            await player.say(checked(TERMS, **NOMINATE))
            answer = peer.parse_message(await player.hear())
            assert answer.attributes["XOR-MAPPED-ADDRESS"] == player.sock.getsockname()
            await player.say(client_hello())
            assert 20 <= (await player.hear())[0] < 64
            await gateway.tell(link.close("s1", "viewer-left"))
            assert (await gateway.end()).reason == "viewer-left"
            while (last := await player.hear()) is not None:
                assert 20 <= last[0] < 64  # what remains of the handshake
            assert last is None


async def test_a_stranger_over_tcp_hears_nothing():
    """Without the password a connection is silence, and ends."""
    async with serving() as gateway:
        await gateway.open()
        with closing(Peer(gateway)) as player:
            for data in (check(password="guessed"), client_hello(), b"\x80\xc8" + bytes(60)):
                await player.say(data)
            await gateway.clock.step(11)
            assert await player.hear() is None


async def test_a_flood_leaves_a_viewer_alone():
    """Forged checks by the thousand: the viewer's own are answered within the same tick."""
    async with serving() as gateway:
        await gateway.open()
        gateway.send(checked(TERMS, **NOMINATE))
        await gateway.answer()
        forged = [check(password="guessed"), b"\x16\xfe\xfd" + bytes(200), client_hello()]
        with bound() as stranger:
            for number in range(5000):
                gateway.send(forged[number % 3], stranger)
            gateway.send(checked(TERMS))
            assert peer.parse_message(await gateway.answer(30)).attributes["XOR-MAPPED-ADDRESS"]


def descriptors():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def cycle(gateway, number):
    """A viewer comes, over UDP or TCP by turns, begins its handshake, and is gone."""
    name = f"c{number}"
    terms = replace(TERMS, session=name, ice=replace(ICE, ufrag=name))
    await gateway.open(terms, (100 + number,))
    if number % 2:
        with bound() as client:
            gateway.send(checked(terms, **NOMINATE), client)
            await gateway.answer(30, client)
            gateway.send(client_hello(), client)
            await gateway.answer(30, client)
    else:
        with closing(Peer(gateway)) as player:
            await player.say(checked(terms, **NOMINATE))
            await player.hear()
            await player.say(client_hello())
            await player.hear()
    await gateway.tell(link.close(name, "viewer-left"))
    assert (await gateway.end()).session == name
    await gateway.stopped()


async def settled(measure, wanted):
    """Wait until what ends in the background has ended."""
    async with asyncio.timeout(30):
        while measure() > wanted:
            await asyncio.sleep(0)


ROUNDS = int(os.environ.get("VARCO_CYCLES", "30"))
"""`make nightly` has 500 come and go."""


async def test_coming_and_going_leaves_nothing():
    """After many viewers there are as many tasks, descriptors and sessions' objects as before."""
    async with serving() as gateway:
        for number in range(5):
            await cycle(gateway, number)
        await gateway.clock.step(0.2)
        before = len(asyncio.all_tasks()), descriptors()
        for number in range(5, 5 + ROUNDS):
            await cycle(gateway, number)
            if number % 20 == 0:
                await gateway.clock.step(0.2)  # a tick: allowances are filled
        await settled(lambda: len(asyncio.all_tasks()), before[0])
        await settled(descriptors, before[1])
        gc.collect()
        kept = [one for one in gc.get_objects() if isinstance(one, sessions.Session)]
        assert len(kept) <= 1  # the last one may still be held by a frame of the loop
