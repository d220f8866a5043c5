# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""MQTT 5 over aiomqtt and paho; no other file imports them.

aiomqtt drops the reason code of a PUBACK, and paho does not heed the broker's Receive Maximum
(mosquitto: 20). So paho's own callbacks are wrapped here. That needs two private attributes,
`aiomqtt.Client._client` and `_disconnected`, and a contract test fails when an upgrade moves them.
Every line is a new client: what is unsent lies in the outbox, never in paho.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.model.errors import ConfigError, CredentialError, InvariantError, PeerError
from gateway.wire.onvif_mqtt import Message, Received

log = logging.getLogger(__name__)

MOST_WAITING = 1024
"""Incoming messages kept; beyond it the newest are dropped, and their sender repeats them."""
MOST_INFLIGHT = 256
BAD_CREDENTIALS = frozenset({0x86, 0x87, 0x8C})
"""CONNACK: bad user name or password, not authorized, bad authentication method."""
GOODBYE = ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message")
"""We say it even when we leave in order, so that the retained health is never out of date."""


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """How the broker is verified, always with its host name, and how we prove who we are."""

    ca_file: Path | None = None
    """PEM of the authorities that may vouch for the broker; None: those of the system."""
    cert_file: Path | None = None
    key_file: Path | None = None


@dataclass(frozen=True, slots=True)
class BrokerOptions:
    """One broker of the configuration."""

    name: str
    host: str
    port: int = 8883
    tls: TlsOptions | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    client_id: str = "varco"
    """Beginning of the client ids; each line adds its own name."""
    keepalive_s: int = 5
    """A dead broker is noticed within twice this time."""
    connect_s: float = 3.0
    answer_s: float = 10.0
    """Bound of every wait for an answer of the broker."""
    session_expiry_s: int = 300
    """How long the broker keeps our subscriptions while we are away (requirements §C)."""


class MqttBroker:
    """Opens lines to one broker; ConfigError if its options cannot work."""

    def __init__(self, options: BrokerOptions) -> None:
        self.options = options
        where = f"broker {options.name}"
        if options.password and options.tls is None and not _is_loopback(options.host):
            raise ConfigError(
                where, "tls", "a password would cross the network in clear", "configure tls"
            )
        try:
            _tls_context(options.tls)
        except (OSError, ValueError) as error:
            raise ConfigError(
                where, "tls", f"certificate or key cannot be used: {error}"
            ) from error

    @asynccontextmanager
    async def connect(self, client: str, *, will: Message | None) -> AsyncIterator["MqttLine"]:
        """Open a line as client `<client_id>-<client>`; PeerError while it cannot be had.

        CredentialError if the broker refuses who we are. Leaving it publishes the will.
        """
        with self._named_errors():
            dialled = _Client(self.options, client, will)
            answered = False
            try:
                await dialled.mqtt.__aenter__()
                answered = True
            finally:
                if not answered:  # a refusal, no answer, or nobody waits any more
                    dialled.abandon()
        try:
            _heed_cancellation()
            yield MqttLine(self, dialled)
        finally:
            await self._leave(dialled)

    async def _leave(self, client: "_Client") -> None:
        try:
            async with asyncio.timeout(self.options.connect_s):
                await client.leave()
        except (TimeoutError, aiomqtt.MqttError, OSError):
            client.abandon()  # the line is gone, and the broker publishes the will by itself

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Turn the library's errors into ours, with the broker's name."""
        options = self.options
        place = f"broker {options.name} ({options.host}:{options.port})"
        try:
            yield
        except MqttConnectError as error:
            code = error.rc.value if isinstance(error.rc, ReasonCode) else error.rc
            if code in BAD_CREDENTIALS:
                raise CredentialError(f"{place} refuses our credentials: {error.rc}") from None
            raise PeerError(f"{place} refuses the connection: {error.rc}") from None
        except TimeoutError:
            raise PeerError(f"{place} gives no answer") from None
        except (aiomqtt.MqttError, OSError, ValueError) as error:
            raise PeerError(f"{place}: {error}") from error


class MqttLine:
    """One open connection."""

    def __init__(self, broker: MqttBroker, client: "_Client") -> None:
        self._broker = broker
        self._client = client
        self._messages = client.mqtt.messages

    async def publish(self, message: Message) -> int:
        """Publish with QoS 1; return the reason code of the PUBACK (MQTT 5 §3.4.2.1)."""
        with self._broker._named_errors():  # noqa: SLF001 - same module
            async with asyncio.timeout(self._broker.options.answer_s):
                return await self._client.publish(message)

    async def subscribe(self, topic: str) -> int:
        """Subscribe with QoS 1; return the reason code of the SUBACK (MQTT 5 §3.9.3)."""
        with self._broker._named_errors():  # noqa: SLF001 - same module
            (code,) = await self._client.mqtt.subscribe(topic, qos=1)
            _heed_cancellation()
        return code.value if isinstance(code, ReasonCode) else code

    async def receive(self, most: int) -> list[Received]:
        """Wait for a message, then take with it what else has come; PeerError if the line broke."""
        with self._broker._named_errors():  # noqa: SLF001 - same module
            found = [await anext(self._messages)]
            while len(found) < most and len(self._messages):
                found.append(await anext(self._messages))
        return [Received(str(one.topic), one.payload) for one in found]


class _Client:
    """aiomqtt's client with the callbacks of its paho client wrapped."""

    def __init__(self, options: BrokerOptions, client: str, will: Message | None) -> None:
        self.mqtt = aiomqtt.Client(
            options.host,
            options.port,
            identifier=f"{options.client_id}-{client}",
            username=options.user or None,
            password=options.password or None,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,
            properties=_properties(
                PacketTypes.CONNECT, SessionExpiryInterval=options.session_expiry_s
            ),
            keepalive=options.keepalive_s,
            timeout=options.connect_s,
            tls_context=_tls_context(options.tls),
            will=_will(will),
            max_queued_incoming_messages=MOST_WAITING,
            max_inflight_messages=MOST_INFLIGHT,
            logger=log,
        )
        self._paho = self.mqtt._client  # noqa: SLF001 - see the module's docstring
        self._paho.connect_timeout = options.connect_s
        self._loop = asyncio.get_running_loop()
        self._reasons: dict[int, asyncio.Future[int]] = {}
        self._slots = asyncio.Semaphore(1)
        self._abandoned = False
        self._wrap()
        self.mqtt._disconnected.add_done_callback(self._broke)  # noqa: SLF001 - see above

    def _broke(self, disconnected: "asyncio.Future[None]") -> None:
        """Let nobody wait for an answer that cannot come."""
        told = None if disconnected.cancelled() else disconnected.exception()
        problem = told or aiomqtt.MqttError("closed")
        for answer in self._reasons.values():
            self._slots.release()
            if not answer.done():
                answer.set_exception(aiomqtt.MqttError(f"line broke: {problem}"))
        self._reasons.clear()

    def _wrap(self) -> None:
        """Put our callbacks before aiomqtt's."""
        on_connect, on_publish, on_socket_open = (
            self._paho.on_connect,
            self._paho.on_publish,
            self._paho.on_socket_open,
        )
        if on_connect is None or on_publish is None or on_socket_open is None:
            raise InvariantError("aiomqtt no longer sets the callbacks of its paho client")

        def connected(*args: Any) -> None:  # noqa: ANN401 - client, data, flags, reason, properties
            most = getattr(args[4], "ReceiveMaximum", MOST_INFLIGHT)
            self._slots = asyncio.Semaphore(min(most, MOST_INFLIGHT))
            on_connect(*args)

        def published(*args: Any) -> None:  # noqa: ANN401 - client, data, id, reason, properties
            answer = self._reasons.pop(args[2], None)
            if answer is not None:
                self._slots.release()
                if not answer.done():
                    answer.set_result(args[3].value)
            on_publish(*args)

        def opened(*args: Any) -> None:  # noqa: ANN401 - client, data, socket; on a thread
            on_socket_open(*args)
            if self._abandoned:
                self._loop.call_soon_threadsafe(self._paho.disconnect)

        self._paho.on_connect = connected
        self._paho.on_publish = published
        self._paho.on_socket_open = opened

    async def publish(self, message: Message) -> int:
        """Publish with QoS 1; return the PUBACK's reason code.

        Whoever stops waiting leaves the slot taken: the broker counts the message until it answers
        (MQTT 5 §4.9).
        """
        properties = _properties(
            PacketTypes.PUBLISH, PayloadFormatIndicator=1, ContentType="application/json"
        )
        if message.expiry_s:
            properties.MessageExpiryInterval = message.expiry_s
        await self._slots.acquire()
        info = self._paho.publish(message.topic, message.payload, 1, message.retain, properties)
        if info.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._slots.release()
            raise aiomqtt.MqttCodeError(info.rc, "cannot publish")
        answer: asyncio.Future[int] = self._loop.create_future()
        self._reasons[info.mid] = answer
        return await answer

    async def leave(self) -> None:
        """Say goodbye so that the will is published, and wait until the socket is closed."""
        if self._paho.is_connected():
            self._paho.disconnect(GOODBYE)
        await self.mqtt.__aexit__(None, None, None)

    def abandon(self) -> None:
        """Hang up without waiting, also if the connection is still being made on a thread."""
        self._abandoned = True
        self._paho.on_disconnect = None  # aiomqtt's trips over its own cancelled future
        self._paho.disconnect()


def _properties(kind: int, **values: int | str) -> Properties:
    """Return MQTT 5 properties for a packet."""
    properties = Properties(kind)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


def _will(message: Message | None) -> aiomqtt.Will | None:
    if message is None:
        return None
    return aiomqtt.Will(message.topic, message.payload, qos=1, retain=message.retain)


class _TlsSocket(ssl.SSLSocket):
    """Closes itself when the handshake fails; paho would leave it to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:  # type: ignore[explicit-override]
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def _tls_context(options: TlsOptions | None) -> ssl.SSLContext | None:
    """Return a context that verifies chain and host name, TLS 1.2 or newer."""
    if options is None:
        return None
    context = ssl.create_default_context(cafile=options.ca_file)
    context.sslsocket_class = _TlsSocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if options.cert_file is not None:
        context.load_cert_chain(options.cert_file, options.key_file)
    return context


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _heed_cancellation() -> None:
    """Raise a cancellation that `asyncio.wait_for` inside aiomqtt swallowed (CPython #86296)."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
