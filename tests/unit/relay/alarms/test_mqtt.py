# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.relay.alarms.mqtt; a real broker is in tests/peers/test_mosquitto_alarms.py."""

import asyncio
import socket
from contextlib import asynccontextmanager, closing

import aiomqtt
import paho.mqtt.client as paho
import pytest

from gateway.model.errors import ConfigError, CredentialError, PeerError
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
    assert plain._client.on_disconnect == plain._on_disconnect
    assert isinstance(plain._connected, asyncio.Future)
    assert plain._client._keepalive == 60
    ours = _Client(options(1), "x", None)
    assert ours._paho.on_publish != ours.mqtt._on_publish


CONNACK = b"\x20\x06\x00\x00\x03\x21\x00\x02"
"""MQTT 5, success, Receive Maximum 2."""


class Peer:
    """A scripted broker: answers CONNECT, then each PUBLISH as told."""

    def __init__(self, connack=CONNACK, puback=None, after=b""):
        self.connack = connack
        self.puback = puback
        self.after = after
        self.flags = []
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
                    writer.write(self.connack + self.after)
                elif head[0] >> 4 == 3:
                    self.publishes += 1
                    self.flags.append(head[0])
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
        async with asyncio.timeout(30):
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
        async with asyncio.timeout(30):
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
        async with asyncio.timeout(30):
            await peer.seen.wait()
            task.cancel()
            await peer.closed.wait()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_password_is_in_no_text():
    """Options show no password."""
    assert "geheim" not in repr(options(1, user="u", password="geheim"))


def connack(code, properties=b""):
    """Return a CONNACK with a reason code and packed properties."""
    body = bytes([0, code, len(properties)]) + properties
    return bytes([0x20, len(body)]) + body


@pytest.mark.parametrize(
    ("code", "kind", "words", "patient"),
    [
        (0x86, CredentialError, "refuses our credentials: 0x86 bad user name or password; ", True),
        (0x87, CredentialError, "refuses our credentials: 0x87 not authorized; the brok", True),
        (0x88, PeerError, "refuses the connection: 0x88 server unavailable", False),
        (0x89, PeerError, "refuses the connection: 0x89 server busy", False),
        (0x8A, CredentialError, "refuses our credentials: 0x8A banned; ask", True),
        (0x97, PeerError, "refuses the connection: 0x97 quota exceeded", False),
        (0x9C, PeerError, "refuses the connection: 0x9C use another server; write", True),
    ],
)
async def test_a_refused_connection_says_code_words_and_what_to_do(code, kind, words, patient):
    """What only a person can mend is dialled again seldom."""
    async with serving(Peer(connack=connack(code))) as port:
        with pytest.raises(PeerError) as caught:
            async with MqttBroker(options(port)).connect("x", will=None):
                pass
    assert type(caught.value) is kind
    assert str(caught.value).startswith(f"broker prova (127.0.0.1:{port}) {words}")
    assert (caught.value.retry_after_s > 0) == patient


@pytest.mark.parametrize(
    ("code", "words", "patient"),
    [
        (0x8B, "0x8B server shutting down", False),
        (0x8E, "0x8E session taken over; another box signs in with the same id", True),
        (0x93, "0x93 receive maximum exceeded", False),
        (0x98, "0x98 administrative action", False),
    ],
)
async def test_a_disconnect_of_the_broker_is_told_with_its_reason(code, words, patient):
    """Whoever waits for messages learns why the line ended."""
    goodbye = bytes([0xE0, 1, code])
    async with serving(Peer(after=goodbye)) as port:
        with pytest.raises(PeerError) as caught:
            async with MqttBroker(options(port)).connect("x", will=None) as line:
                async with asyncio.timeout(20):
                    await line.receive(1)
    assert f"broker prova (127.0.0.1:{port}) ended the connection: {words}" in str(caught.value)
    assert (caught.value.retry_after_s > 0) == patient


async def test_maximum_packet_size_is_heeded_to_the_byte():
    """What is larger is not sent and counts as refused with the standard's code."""
    message = Message("a/b", b"x" * 200, expiry_s=300)
    exact = 1 + 2 + (2 + 3) + 2 + (1 + 2 + 3 + 16 + 5) + 200
    for most, expected in ((exact, 0x00), (exact - 1, 0x95)):
        peer = Peer(connack=connack(0, b"\x27" + most.to_bytes(4, "big")), puback=0)
        async with (
            serving(peer) as port,
            MqttBroker(options(port)).connect("x", will=None) as line,
        ):
            assert await line.publish(message) == expected
        assert peer.publishes == (expected == 0)


async def test_a_broker_without_retain_gets_none():
    """The flag would end the line (0x9A)."""
    peer = Peer(connack=connack(0, b"\x25\x00"), puback=0)
    async with serving(peer) as port, MqttBroker(options(port)).connect("x", will=None) as line:
        assert await line.publish(Message("a/b", b"{}", retain=True)) == 0
    assert peer.flags == [0x32]


async def test_a_broker_without_qos_1_is_no_broker_for_alarms():
    """It is told, and asked again seldom."""
    async with serving(Peer(connack=connack(0, b"\x24\x00"))) as port:
        with pytest.raises(PeerError, match="takes no QoS 1") as caught:
            async with MqttBroker(options(port)).connect("x", will=None):
                pass
    assert caught.value.retry_after_s > 0


@pytest.mark.parametrize(("server_s", "used_s"), [(None, 3), (2, 2), (60, 3)])
async def test_a_shorter_server_keep_alive_is_heeded(server_s, used_s):
    """A longer one does not keep us from asking: a dead broker is noticed within 8 s."""
    said = b"" if server_s is None else b"\x13" + server_s.to_bytes(2, "big")
    async with (
        serving(Peer(connack=connack(0, said))) as port,
        MqttBroker(options(port)).connect("x", will=None) as line,
    ):
        assert line._client._paho._keepalive == used_s
    assert 2 * (used_s + 1) <= 10  # paho looks once a second


def test_a_session_longer_than_the_law_allows_is_refused():
    """300 s at most (requirements §C)."""
    with pytest.raises(ConfigError, match="session_expiry_s"):
        MqttBroker(options(1, session_expiry_s=301))
