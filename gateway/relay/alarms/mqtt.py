# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""MQTT 5 over aiomqtt and paho; no other file imports them.

aiomqtt drops the reason code of a PUBACK and of a DISCONNECT, and paho does not heed what a
broker's CONNACK allows (mosquitto: a Receive Maximum of 20). So paho's own callbacks are wrapped
here. That needs three private attributes of `aiomqtt.Client`, `_client`, `_connected` and
`_disconnected`, and `_keepalive` of paho's; a contract test fails when an upgrade moves them.
Every line is a new client: what is unsent lies in the outbox, never in paho. No topic aliases are
used, so that none can be refused.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from gateway.model.errors import ConfigError, CredentialError, InvariantError, PeerError
from gateway.relay.alarms.mqtt_tls import TlsOptions, TlsSocket, explain, peek, tls_context
from gateway.wire.mqtt_reasons import TOO_LARGE, Conduct, advised, on_line
from gateway.wire.onvif_mqtt import Message, Received

log = logging.getLogger(__name__)

MOST_WAITING = 1024
"""Incoming messages kept; beyond it the newest are dropped, and their sender repeats them."""
MOST_INFLIGHT = 256
MOST_PACKET_BYTES = 65_536
"""What a broker may send us: an acknowledgement is 40 KiB at most."""
MOST_SESSION_S = 300
"""How long a broker may keep our session at most (requirements §C)."""
BAD_CREDENTIALS = frozenset({0x86, 0x87, 0x8A, 0x8C})
"""CONNACK: bad user name or password, not authorized, banned, bad authentication method."""
STOP_S = 30.0
"""Least wait before an address is dialled again that told us to stop."""
_SUBSCRIBE = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
GOODBYE = ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message")
"""We say it even when we leave in order, so that the retained health is never out of date."""


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
    keepalive_s: int = 10
    """The broker counts us as gone after half as long again."""
    beat_s: int = 3
    """We ask after this long without a sound, and leave after as long without an answer: a dead
    broker is noticed within 8 s. A shorter Server Keep Alive is heeded."""
    connect_s: float = 3.0
    answer_s: float = 10.0
    """Bound of every wait for an answer of the broker."""
    session_expiry_s: int = 300
    """How long the broker keeps our subscriptions while we are away (requirements §C)."""
    standby: tuple[tuple[str, int], ...] = ()
    """Host and port of further brokers with the same rights, for `gateway.relay.alarms.standby`."""


class MqttBroker:
    """Opens lines to one broker; ConfigError if its options cannot work."""

    def __init__(self, options: BrokerOptions) -> None:
        self.options = options
        where = f"broker {options.name}"
        if options.password and options.tls is None and not _is_loopback(options.host):
            raise ConfigError(
                where, "tls", "a password would cross the network in clear", "configure tls"
            )
        if not 0 <= options.session_expiry_s <= MOST_SESSION_S:
            raise ConfigError(
                where, "session_expiry_s", f"is not within 0..{MOST_SESSION_S}", "leave it out"
            )
        try:
            tls_context(options.tls)
        except (OSError, ValueError) as error:
            raise ConfigError(
                where, "tls", f"certificate or key cannot be used: {error}"
            ) from error

    @property
    def place(self) -> str:
        """Return name and address, as people read it in every error."""
        return f"broker {self.options.name} ({self.options.host}:{self.options.port})"

    @asynccontextmanager
    async def connect(self, client: str, *, will: Message | None) -> AsyncIterator["MqttLine"]:
        """Open a line as client `<client_id>-<client>`; PeerError while it cannot be had.

        CredentialError if the broker refuses who we are. Leaving it publishes the will.
        """
        dialled = _Client(self.options, client, will)
        answered = False
        try:
            await dialled.mqtt.__aenter__()
            answered = True
        except _TROUBLE as error:
            raise await self._explained(error, dialled) from error
        finally:
            if not answered:  # a refusal, no answer, or nobody waits any more
                dialled.abandon()
        try:
            _heed_cancellation()
            if dialled.lost:  # aiomqtt forgets a line that broke as soon as it stood
                raise self._told(aiomqtt.MqttError("hung up at once"), dialled)
            if dialled.limits.most_qos < 1:
                raise _stopped(f"{self.place} takes no QoS 1, which alarms need", PeerError)
            yield MqttLine(self, dialled)
        finally:
            await self._leave(dialled)

    async def _leave(self, client: "_Client") -> None:
        try:
            async with asyncio.timeout(self.options.connect_s):
                await client.leave()
        except (TimeoutError, aiomqtt.MqttError, OSError):
            client.abandon()  # the line is gone, and the broker publishes the will by itself

    async def _explained(self, error: BaseException, client: "_Client") -> PeerError:
        """Return why there is no line; looks at the broker's certificate if that is at fault."""
        broken = client.refusal or _ssl_error(error)
        options = self.options
        if broken is None or options.tls is None:
            return self._told(error, client)
        shown = None
        if isinstance(broken, ssl.SSLCertVerificationError):
            shown = await asyncio.to_thread(peek, options.host, options.port, options.connect_s)
        return explain(broken, self.place, options.tls, shown)

    def _told(self, error: BaseException, client: "_Client") -> PeerError:
        """Return the library's error as ours, with the broker's name."""
        if client.refusal is not None and self.options.tls is not None:
            return explain(client.refusal, self.place, self.options.tls, None)
        if client.farewell is not None:
            text = f"{self.place} ended the connection: {advised(client.farewell)}"
            return _by_code(client.farewell, text)
        if isinstance(error, MqttConnectError):
            code = error.rc.value if isinstance(error.rc, ReasonCode) else error.rc or 0
            who = "our credentials" if code in BAD_CREDENTIALS else "the connection"
            return _by_code(code, f"{self.place} refuses {who}: {advised(code)}")
        if isinstance(error, TimeoutError):
            return PeerError(f"{self.place} gives no answer")
        return PeerError(f"{self.place}: {error}")

    @contextmanager
    def _named_errors(self, client: "_Client") -> Iterator[None]:
        """Turn the library's errors into ours, with the broker's name."""
        try:
            yield
        except _TROUBLE as error:
            raise self._told(error, client) from error


_TROUBLE = (aiomqtt.MqttError, OSError, ValueError)
"""What aiomqtt and paho raise, and TimeoutError, which is an OSError."""


def _by_code(code: int, text: str) -> PeerError:
    """Return the error that fits a reason code of CONNACK or DISCONNECT."""
    kind = CredentialError if code in BAD_CREDENTIALS else PeerError
    return _stopped(text, kind) if on_line(code) is Conduct.STOP else kind(text)


def _stopped(text: str, kind: type[PeerError]) -> PeerError:
    error = kind(text)
    error.retry_after_s = STOP_S
    return error


def _ssl_error(error: BaseException | None) -> ssl.SSLError | None:
    """Return the failed handshake behind an error, which aiomqtt keeps as its context only."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error


class MqttLine:
    """One open connection."""

    def __init__(self, broker: MqttBroker, client: "_Client") -> None:
        self._broker = broker
        self._client = client
        self._messages = client.mqtt.messages

    async def publish(self, message: Message) -> int:
        """Publish with QoS 1; return the reason code of the PUBACK (MQTT 5 §3.4.2.1).

        0x95 without asking if the broker said that it takes no packet of this size.
        """
        with self._broker._named_errors(self._client):  # noqa: SLF001 - same module
            async with asyncio.timeout(self._broker.options.answer_s):
                return await self._client.publish(message)

    async def subscribe(self, topic: str) -> int:
        """Subscribe with QoS 1; return the reason code of the SUBACK (MQTT 5 §3.9.3).

        Retained states come when the subscription is new to the broker, not at each return.
        """
        with self._broker._named_errors(self._client):  # noqa: SLF001 - same module
            (code,) = await self._client.mqtt.subscribe(topic, options=_SUBSCRIBE)
            _heed_cancellation()
        return code.value if isinstance(code, ReasonCode) else code

    async def receive(self, most: int) -> list[Received]:
        """Wait for a message, then take with it what else has come; PeerError if the line broke."""
        with self._broker._named_errors(self._client):  # noqa: SLF001 - same module
            found = [await anext(self._messages)]
            while len(found) < most and len(self._messages):
                found.append(await anext(self._messages))
        return [Received(str(one.topic), one.payload, one.retain) for one in found]


@dataclass(slots=True)
class _Limits:
    """What the broker's CONNACK allows (MQTT 5 §3.2.2.3)."""

    most_packet_bytes: int = 0
    """0: any size."""
    most_qos: int = 2
    retain: bool = True


class _Client:
    """aiomqtt's client with the callbacks of its paho client wrapped."""

    def __init__(self, options: BrokerOptions, client: str, will: Message | None) -> None:
        self._options = options
        self.limits = _Limits()
        self.farewell: int | None = None
        """Reason code of the broker's DISCONNECT."""
        self.lost = False
        self.mqtt = _made(options, client, will)
        self._paho = self.mqtt._client  # noqa: SLF001 - see the module's docstring
        self._paho.connect_timeout = options.connect_s
        self._socket: TlsSocket | None = None
        self._loop = asyncio.get_running_loop()
        self._reasons: dict[int, asyncio.Future[int]] = {}
        self._slots = asyncio.Semaphore(1)
        self._abandoned = False
        self._wrap()
        self.mqtt._disconnected.add_done_callback(self._broke)  # noqa: SLF001 - see above

    @property
    def refusal(self) -> ssl.SSLError | None:
        """Return the alert with which the broker ended TLS, None if it did not."""
        return self._socket.refusal if self._socket is not None else None

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
        paho = self._paho
        theirs = (paho.on_connect, paho.on_publish, paho.on_socket_open, paho.on_disconnect)
        if None in theirs:
            raise InvariantError("aiomqtt no longer sets the callbacks of its paho client")
        self._theirs: tuple[Callable[..., None], ...] = theirs  # type: ignore[assignment]
        paho.on_connect = self._connected
        paho.on_publish = self._published
        paho.on_socket_open = self._opened
        paho.on_disconnect = self._disconnected

    def _connected(self, *args: Any) -> None:  # noqa: ANN401 - client, data, flags, reason, properties
        allowed = args[4]
        most = getattr(allowed, "ReceiveMaximum", MOST_INFLIGHT)
        self._slots = asyncio.Semaphore(min(most, MOST_INFLIGHT))
        self.limits = _Limits(
            getattr(allowed, "MaximumPacketSize", 0),
            getattr(allowed, "MaximumQoS", 2),
            bool(getattr(allowed, "RetainAvailable", 1)),
        )
        theirs_s = getattr(allowed, "ServerKeepAlive", 0) or self._options.beat_s
        self._paho._keepalive = min(theirs_s, self._options.beat_s)  # noqa: SLF001 - see above
        self._theirs[0](*args)

    def _published(self, *args: Any) -> None:  # noqa: ANN401 - client, data, id, reason, properties
        answer = self._reasons.pop(args[2], None)
        if answer is not None:
            self._slots.release()
            if not answer.done():
                answer.set_result(args[3].value)
        self._theirs[1](*args)

    def _opened(self, *args: Any) -> None:  # noqa: ANN401 - client, data, socket; on a thread
        if isinstance(args[2], TlsSocket):
            self._socket = args[2]
        self._theirs[2](*args)
        if self._abandoned:
            self._loop.call_soon_threadsafe(self._paho.disconnect)

    def _disconnected(self, *args: Any) -> None:  # noqa: ANN401 - client, data, flags, reason, properties
        self.lost = True
        if args[2].is_disconnect_packet_from_server:
            self.farewell = args[3].value
        waiting = self.mqtt._connected  # noqa: SLF001 - see the module's docstring
        if not waiting.done():  # aiomqtt would wait for its time-out
            waiting.set_exception(aiomqtt.MqttError("hung up before it answered"))
        self._theirs[3](*args)

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
        most_bytes = self.limits.most_packet_bytes
        if most_bytes and _packet_bytes(message, properties) > most_bytes:
            return TOO_LARGE
        await self._slots.acquire()
        retain = message.retain and self.limits.retain
        info = self._paho.publish(message.topic, message.payload, 1, retain, properties)
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
        waiting = self.mqtt._connected  # noqa: SLF001 - see the module's docstring
        if waiting.done() and not waiting.cancelled():
            waiting.exception()  # it was told otherwise
        self._paho.disconnect()


def _made(options: BrokerOptions, client: str, will: Message | None) -> aiomqtt.Client:
    """Return aiomqtt's client; nothing is dialled yet."""
    return aiomqtt.Client(
        options.host,
        options.port,
        identifier=f"{options.client_id}-{client}",
        username=options.user or None,
        password=options.password or None,
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=False,
        properties=_properties(
            PacketTypes.CONNECT,
            SessionExpiryInterval=options.session_expiry_s,
            ReceiveMaximum=MOST_INFLIGHT,
            MaximumPacketSize=MOST_PACKET_BYTES,
        ),
        keepalive=options.keepalive_s,
        timeout=options.connect_s,
        tls_context=tls_context(options.tls),
        will=_will(will),
        max_queued_incoming_messages=MOST_WAITING,
        max_inflight_messages=MOST_INFLIGHT,
        logger=log,
    )


def _packet_bytes(message: Message, properties: Properties) -> int:
    """Return the size of a PUBLISH with QoS 1 on the wire (MQTT 5 §3.3)."""
    packed: bytes = properties.pack()  # type: ignore[no-untyped-call]
    rest = 2 + len(message.topic.encode()) + 2 + len(packed) + len(message.payload)
    digits = 1 + (rest >= 128) + (rest >= 128**2) + (rest >= 128**3)  # noqa: PLR2004 - §1.5.5
    return 1 + digits + rest


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
