# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.relay.alarms.mqtt; a real broker is in tests/peers/test_mosquitto_alarms.py."""

import asyncio
import socket
from contextlib import asynccontextmanager, closing

import aiomqtt
import paho.mqtt.client as paho
import pytest

from gateway.model.errors import PeerError
from gateway.relay.alarms.mqtt import BrokerOptions, MqttBroker, _Client
from gateway.wire.onvif_mqtt import Message


def options(port, **changes):
    return BrokerOptions("prova", "127.0.0.1", port, connect_s=0.5, answer_s=0.5, **changes)


async def test_private_attributes_of_aiomqtt_are_where_we_use_them():
    """After an upgrade of aiomqtt or paho the wrapped callbacks and the line's end still exist."""
    plain = aiomqtt.Client("localhost")
    assert isinstance(plain._client, paho.Client)
    assert isinstance(plain._disconnected, asyncio.Future)
    assert plain._client.on_connect == plain._on_connect
    assert plain._client.on_publish == plain._on_publish
    assert plain._client.on_socket_open == plain._on_socket_open
    ours = _Client(options(1), "x", None)
    assert ours._paho.on_publish != ours.mqtt._on_publish


CONNACK = b"\x20\x06\x00\x00\x03\x21\x00\x02"
"""MQTT 5, success, Receive Maximum 2."""


class Peer:
    """A scripted broker: answers CONNECT, then each PUBLISH as told."""

    def __init__(self, connack=CONNACK, puback=None):
        self.connack = connack
        self.puback = puback
        self.publishes = 0
        self.closed = asyncio.Event()
        self.seen = asyncio.Event()

    async def serve(self, reader, writer):
        try:
            while head := await reader.read(1):
                length = await self.length(reader)
                body = await reader.readexactly(length)
                self.seen.set()
                if head[0] == 0x10:
                    writer.write(self.connack)
                elif head[0] >> 4 == 3:
                    self.publishes += 1
                    topic = 2 + int.from_bytes(body[:2], "big")
                    if self.puback is not None:
                        mid = body[topic : topic + 2]
                        writer.write(b"\x40\x03" + mid + bytes([self.puback]))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.closed.set()
            writer.close()

    async def length(self, reader):
        value, shift = 0, 0
        while True:
            (byte,) = await reader.readexactly(1)
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value


@asynccontextmanager
async def serving(peer):
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("code", [0x00, 0x10, 0x87, 0x97])
async def test_reason_code_of_the_answer_is_returned(code):
    """What the broker answers to a publish is what `publish` returns."""
    async with (
        serving(Peer(puback=code)) as port,
        MqttBroker(options(port)).connect("x", will=None) as line,
    ):
        assert await line.publish(Message("a/b", b"{}")) == code


async def test_receive_maximum_is_heeded():
    """No more publishes are unanswered than the broker allows."""
    peer = Peer()
    async with serving(peer) as port:
        async with MqttBroker(options(port)).connect("x", will=None) as line:
            works = [line.publish(Message("a/b", b"{}")) for _ in range(5)]
            found = await asyncio.gather(*works, return_exceptions=True)
            assert peer.publishes == 2
            with pytest.raises(PeerError, match="gives no answer"):
                await line.publish(Message("a/b", b"{}"))
        assert peer.publishes == 2
    assert all(isinstance(one, PeerError) for one in found)
    assert "gives no answer" in str(found[0])


async def test_absent_and_silent_brokers_are_named():
    """A closed port and a peer that says nothing are PeerErrors with the broker's name."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(PeerError, match=rf"broker prova \(127\.0\.0\.1:{port}\): .*refused"):
        async with MqttBroker(options(port)).connect("x", will=None):
            pass
    peer = Peer(connack=b"")
    async with serving(peer) as port:
        with pytest.raises(PeerError, match=r"broker prova .*timed out"):
            async with MqttBroker(options(port)).connect("x", will=None):
                pass
        async with asyncio.timeout(5):
            await peer.closed.wait()


@pytest.mark.parametrize("garbage", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\xff\xff\xff\xff"])
async def test_peer_that_is_no_broker(garbage):
    """Bytes that are not MQTT end in a PeerError, not in a crash."""
    async with serving(Peer(connack=garbage)) as port:
        with pytest.raises(PeerError, match="broker prova"):
            async with MqttBroker(options(port)).connect("x", will=None):
                pass


async def test_broken_line_wakes_whoever_waits():
    """When the connection goes, a pending publish and a pending receive fail at once."""
    peer = Peer()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    patient = BrokerOptions("prova", "127.0.0.1", port, connect_s=0.5, answer_s=60)
    async with MqttBroker(patient).connect("x", will=None) as line:
        works = [
            asyncio.ensure_future(line.publish(Message("a/b", b"{}"))),
            asyncio.ensure_future(line.receive(1)),
        ]
        while not peer.publishes:
            await asyncio.sleep(0)
        peer_task = next(t for t in asyncio.all_tasks() if "serve" in repr(t.get_coro()))
        peer_task.cancel()
        async with asyncio.timeout(5):
            found = await asyncio.gather(*works, return_exceptions=True)
    server.close()
    assert [type(one) for one in found] == [PeerError, PeerError]
    assert "line broke" in str(found[0])


async def test_cancelled_while_connecting_hangs_up():
    """Who is cancelled while the broker does not answer leaves no connection behind."""
    peer = Peer(connack=b"")
    async with serving(peer) as port:

        async def dial():
            async with MqttBroker(options(port)).connect("x", will=None):
                pass

        task = asyncio.create_task(dial())
        async with asyncio.timeout(5):
            await peer.seen.wait()
            task.cancel()
            await peer.closed.wait()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_password_is_in_no_text():
    """Options show no password."""
    assert "geheim" not in repr(options(1, user="u", password="geheim"))
