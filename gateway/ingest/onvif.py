# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""ONVIF, as a client: the one place that knows onvif-zeep-async and zeep.

The library gives the WSDLs, makes the requests and reads the replies. Its transport, its trust in
any certificate and its idea of authentication are not used: bytes come from `onvif_http`, and no
reply reaches zeep before it is plain, small XML without a document type.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from lxml import etree

from gateway.ingest import onvif_masks, onvif_reading, onvif_soap
from gateway.ingest.onvif_addresses import HTTP, RTSP, Admitted, admit, device_url, printable
from gateway.ingest.onvif_http import CALL_S, DeviceHttp, Exchange, connect
from gateway.ingest.onvif_model import (
    CameraMask,
    DeviceInformation,
    MaskKind,
    MediaProfile,
    NtpState,
    OnvifFaultError,
    OnvifTarget,
    Pulled,
    Service,
)
from gateway.ingest.onvif_reading import Loose
from gateway.model.errors import CredentialError, PeerError
from gateway.model.registry import Transport
from gateway.model.time import Moment
from gateway.runtime.clock import Clock
from gateway.wire import xml

__all__ = ["OnvifClient", "OnvifTarget", "Wsdls", "open_device"]

DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
MEDIA2 = "http://www.onvif.org/ver20/media/wsdl"
EVENTS = "http://www.onvif.org/ver10/events/wsdl"
_ADDRESSING = "http://www.w3.org/2005/08/addressing"
_NOTIFICATION = "http://docs.oasis-open.org/wsn/b-2"
_TOPICS = "http://www.onvif.org/ver10/topics"
_CONCRETE_SET = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
_XSD = "http://www.w3.org/2001/XMLSchema"

MOST_SNAPSHOT_BYTES = 8 << 20
"""A 4K picture at the best quality has about 4 MiB."""
SNAPSHOT_S = 10.0
"""Some cameras take the picture only then."""
LEAVE_S = 2.0
"""For ending a subscription that ends by itself anyway."""
MOST_MESSAGES = 1000
"""One reply of 1 MiB cannot hold many more."""
MOST_NOTES = 16
MOST_AT_ONCE_BYTES = 64 << 10
"""Read where it came; 10 ms at the very most."""
_CLOCK_STEP_S = 1.0
_ODD_REPLY = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    etree.LxmlError,
)
"""What zeep raises besides its own errors when a reply does not fit its types."""


class Binding(Enum):
    """The port types that are spoken: WSDL file and name of the binding."""

    DEVICE = ("devicemgmt.wsdl", f"{{{DEVICE}}}DeviceBinding")
    MEDIA = ("media.wsdl", f"{{{MEDIA}}}MediaBinding")
    MEDIA2 = ("media2.wsdl", f"{{{MEDIA2}}}Media2Binding")
    EVENT = ("events.wsdl", f"{{{EVENTS}}}EventBinding")
    PULL_POINT = ("events.wsdl", f"{{{EVENTS}}}PullPointSubscriptionBinding")
    SUBSCRIPTION = ("events.wsdl", f"{{{EVENTS}}}SubscriptionManagerBinding")


@dataclass(frozen=True, slots=True)
class _Spoken:
    """One binding, ready to make requests and to read replies."""

    client: Any
    binding: Any
    token: Callable[..., Any]
    error: type[Exception]
    """Root of what zeep raises."""

    def request(
        self, operation: str, address: str, parameters: Mapping[str, Loose]
    ) -> etree._Element:
        """Return the envelope of a request, without credentials.

        PeerError if it cannot be made: what is sent back to a device may lack what it left out.
        """
        options = {"address": address}
        try:
            envelope: etree._Element = self.binding._create(  # noqa: SLF001 - contract test
                operation, (), dict(parameters), client=self.client, options=options
            )[0]
        except (self.error, *_ODD_REPLY) as error:
            problem = printable(str(error), 120) or type(error).__name__
            raise PeerError(f"{operation}: cannot be asked of it: {problem}") from None
        return envelope

    def action(self, operation: str) -> str:
        """Return the SOAP action."""
        return str(self.binding.get(operation).soapaction)

    def value(self, operation: str, root: etree._Element) -> Loose:
        """Return a reply's value in zeep's types; PeerError if it does not fit them."""
        try:
            return self.binding.get(operation).process_reply(root)
        except (self.error, *_ODD_REPLY) as error:
            problem = printable(str(error), 120) or type(error).__name__
            raise PeerError(f"{operation}: the reply does not fit the WSDL: {problem}") from None


class Wsdls:
    """The WSDLs, each parsed once and off the loop; one object per process is enough.

    About 0.15 s of CPU and 5 MiB for each of four files, 0.6 s for the library itself; nothing is
    ever fetched from the network.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._documents: dict[str, Any] = {}

    async def spoken(self, binding: Binding) -> _Spoken:
        """Return a binding; the first use of a file takes a moment."""
        name = binding.value[0]
        async with self._lock:
            if name not in self._documents:
                self._documents[name] = await asyncio.to_thread(_load, name)
        return _speak(self._documents[name], binding.value[1])


def _import_library() -> None:
    """Import the library without the root logging handler that it sets up for itself."""
    root = logging.getLogger()
    placeholder = logging.NullHandler()
    root.addHandler(placeholder)  # basicConfig does nothing where there is a handler
    try:
        import onvif.client  # noqa: PLC0415 - 0.6 s, only for who talks to a device
    finally:
        root.removeHandler(placeholder)
    logging.getLogger("zeep").setLevel(logging.ERROR)
    logging.getLogger("onvif").setLevel(logging.ERROR)
    del onvif


def _load(name: str) -> Loose:
    """Return a parsed WSDL, with the library's forgiving dates."""
    _import_library()
    from onvif.client import _WSDL_PATH, DocumentWithDeferredLoad  # noqa: PLC0415
    from onvif.transport import ASYNC_TRANSPORT  # noqa: PLC0415
    from onvif.types import FastDateTime, ForgivingTime  # noqa: PLC0415
    from zeep import Settings  # noqa: PLC0415

    own = Path(__file__).with_name(name)
    path = str(own if own.exists() else Path(_WSDL_PATH) / name)
    settings = Settings(strict=False, forbid_external=True, forbid_entities=True)
    document = DocumentWithDeferredLoad(path, ASYNC_TRANSPORT, settings=settings)
    schema = document.types.documents.get_by_namespace(_XSD, False)[0]
    for kind in (FastDateTime, ForgivingTime):
        schema.register_type(kind._default_qname, kind(is_global=True))  # noqa: SLF001
    document.types.add_documents([None], path)
    document.original_load(path)
    return document


def _speak(document: Loose, binding: str) -> _Spoken:
    from onvif.client import UsernameDigestTokenDtDiff, ZeepAsyncClient  # noqa: PLC0415
    from onvif.transport import ASYNC_TRANSPORT  # noqa: PLC0415
    from onvif.wsa import WsAddressingIfMissingPlugin  # noqa: PLC0415
    from zeep import Settings  # noqa: PLC0415
    from zeep.exceptions import Error  # noqa: PLC0415

    settings = Settings(strict=False, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    client = ZeepAsyncClient(
        wsdl=document,
        transport=ASYNC_TRANSPORT,
        plugins=[WsAddressingIfMissingPlugin()],
        settings=settings,
    )
    token = UsernameDigestTokenDtDiff
    return _Spoken(client, document.bindings[binding], token, Error)


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """Where a request goes."""

    url: str
    to: str = ""
    """For wsa:To where it differs: what the device itself calls the place."""
    parameters: tuple[etree._Element, ...] = ()
    """Reference parameters, to be echoed as headers (WS-Addressing SOAP binding §2.3)."""


class _RefusedError(PeerError):
    """A request was refused for its credentials, or for having none."""

    def __init__(self, words: str, *, by_digest: bool = False) -> None:
        """`by_digest`: user and password were proved by digest, and this is what was refused."""
        super().__init__(words)
        self.by_digest = by_digest


class _Caller:
    """Makes calls on one device: authentication, clock, notes."""

    def __init__(self, target: OnvifTarget, http: DeviceHttp, clock: Clock, wsdls: Wsdls) -> None:
        self.target = target
        self.http = http
        self.clock = clock
        self.offset_s: float | None = None
        self.notes: list[str] = []
        self._wsdls = wsdls
        self._by_token = False
        self._has_proved = False
        self._refusal = ""

    def note(self, text: str) -> None:
        """Keep what an installer should know, once."""
        if text and text not in self.notes and len(self.notes) < MOST_NOTES:
            self.notes.append(text)

    def admit(self, address: object, schemes: frozenset[str]) -> Admitted:
        """Return an address that the device hands out as we may use it; PeerError."""
        try:
            target = self.target
            admitted = admit(str(address or ""), target.url, target.hosts, schemes)
        except PeerError as error:
            raise PeerError(f"{self.target.id}: {error}") from None
        self.note(admitted.note)
        return admitted

    async def value(
        self, binding: Binding, operation: str, endpoint: _Endpoint, **parameters: Loose
    ) -> Loose:
        """Call and return the reply in zeep's types; PeerError."""
        root = await self.root(binding, operation, endpoint, **parameters)
        spoken = await self._wsdls.spoken(binding)
        try:
            # zeep takes up to two seconds for what a device may answer at most
            return await asyncio.to_thread(spoken.value, operation, root)
        except PeerError as error:
            raise PeerError(f"{self.target.id}: {error}") from None

    async def root(
        self,
        binding: Binding,
        operation: str,
        endpoint: _Endpoint,
        *,
        timeout_s: float = CALL_S,
        **parameters: Loose,
    ) -> etree._Element:
        """Call and return the reply's envelope; PeerError, OnvifFaultError, CredentialError."""
        if self._refusal:
            raise CredentialError(self._refusal)
        spoken = await self._wsdls.spoken(binding)

        async def attempt(*, by_token: bool) -> etree._Element:
            made = self._envelope(spoken, operation, endpoint, parameters)
            if by_token:
                self._sign(spoken, made)
            return await self._post(spoken.action(operation), operation, endpoint, made, timeout_s)

        try:
            answer = await attempt(by_token=self._by_token)
        except _RefusedError as refusal:
            answer = await self._again(attempt, operation, refusal)
        if self._by_token or self.http.authentication:
            self._has_proved = True
        return answer

    async def plain(self, operation: str, endpoint: _Endpoint) -> Loose:
        """Call an operation of the device service that needs no credentials, without any."""
        spoken = await self._wsdls.spoken(Binding.DEVICE)
        made = self._envelope(spoken, operation, endpoint, {})
        action = spoken.action(operation)
        root = await self._post(action, operation, endpoint, made, CALL_S)
        return spoken.value(operation, root)

    async def _again(
        self, attempt: Callable[..., Any], operation: str, refusal: _RefusedError
    ) -> etree._Element:
        """Try what has not been tried: a token, or a token by the device's clock of now."""
        if not self.target.user:
            raise CredentialError(f"{self.target.id}: wants credentials and none are configured")
        if self._has_proved and not (self._by_token and await self._clock_stepped()):
            raise CredentialError(f"{self.target.id}: the user may not call {operation}") from None
        try:
            if refusal.by_digest and not self._has_proved:
                raise refusal  # each further proof of a wrong password brings a lock-out nearer
            answer: etree._Element = await attempt(by_token=True)
        except _RefusedError:
            text = f"{self.target.id}: refuses user and password ({refusal})"
            if not self._has_proved:
                self._refusal = text
            raise CredentialError(text) from None
        self._by_token = True
        return answer

    async def _clock_stepped(self) -> bool:
        before_s = self.offset_s or 0.0
        with suppress(PeerError):
            await self._open_clock()
        return abs((self.offset_s or 0.0) - before_s) > _CLOCK_STEP_S

    async def read_clock(self) -> Loose:
        """Measure the device's clock against ours; returns SystemDateAndTime. PeerError.

        Without credentials, as the specification has it; some devices want them even here.
        """
        try:
            return await self._open_clock()
        except _RefusedError:
            self.note("wants credentials even to tell its time")
        asked = self.clock.now()
        name = "GetSystemDateAndTime"
        value = await self.value(Binding.DEVICE, name, _Endpoint(self.target.url))
        self._measure(asked, value)
        return value

    async def _open_clock(self) -> Loose:
        await self._wsdls.spoken(Binding.DEVICE)  # its first use takes time of its own
        asked = self.clock.now()
        value = await self.plain("GetSystemDateAndTime", _Endpoint(self.target.url))
        self._measure(asked, value)
        return value

    def _measure(self, asked: Moment, value: Loose) -> None:
        took_s = self.clock.now().monotonic_s - asked.monotonic_s
        at_s = asked.utc_us / 1_000_000 + took_s / 2
        told_s = onvif_reading.utc_s(value)
        # the device cuts off the fraction of its second: half of one is the best guess
        self.offset_s = None if told_s is None else told_s + 0.5 - at_s

    def _envelope(
        self, spoken: _Spoken, operation: str, endpoint: _Endpoint, parameters: Mapping[str, Any]
    ) -> etree._Element:
        headers = [_as_header(one) for one in endpoint.parameters]
        extra = {"_soapheaders": headers} if headers else {}
        try:
            made = spoken.request(operation, endpoint.url, {**parameters, **extra})
        except PeerError as error:
            raise PeerError(f"{self.target.id}: {error}") from None
        to = made.find(f".//{{{_ADDRESSING}}}To")
        if to is not None and endpoint.to:
            to.text = endpoint.to
        return made

    def _sign(self, spoken: _Spoken, envelope: etree._Element) -> None:
        """Add a UsernameToken: a digest dated by the device's own clock, never the password."""
        offset = timedelta(seconds=self.offset_s or 0.0)
        token = spoken.token(self.target.user, self.target.password, offset, use_digest=True)
        now = datetime.fromtimestamp(self.clock.now().utc_us / 1_000_000, UTC)
        token.created = now.replace(tzinfo=None)
        token.apply(envelope, {})

    async def _post(
        self,
        action: str,
        operation: str,
        endpoint: _Endpoint,
        envelope: etree._Element,
        timeout_s: float,
    ) -> etree._Element:
        content_type = f'application/soap+xml; charset=utf-8; action="{action}"'
        body = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
        exchange = Exchange(
            endpoint.url, xml.MOST_BYTES, body, content_type, action, timeout_s=timeout_s
        )
        reply = await self.http.exchange(exchange)
        where = f"{self.target.id}: {operation}"
        if reply.status == 401:  # noqa: PLR2004 - RFC 9110
            raise _RefusedError("HTTP 401", by_digest=reply.answered_challenge)
        try:
            read = await _read(reply.body)
        except OnvifFaultError as fault:
            if onvif_soap.is_refusal(fault):
                raise _RefusedError(str(fault)) from None
            raise OnvifFaultError(f"{where}: {fault}", fault.subcodes) from None
        except PeerError as error:
            if reply.status == 403:  # noqa: PLR2004 - RFC 9110
                raise CredentialError(
                    f"{where}: HTTP 403, the user may not, or is locked"
                ) from None
            status = "" if reply.status == 200 else f" (HTTP {reply.status})"  # noqa: PLR2004
            raise PeerError(f"{where}: {error}{status}") from None
        self.note(read.note)
        return read.root


async def _read(body: bytes) -> onvif_soap.Envelope:
    """Return the envelope in `body`; a large one is read off the loop."""
    if len(body) <= MOST_AT_ONCE_BYTES:
        return onvif_soap.read(body)
    return await asyncio.to_thread(onvif_soap.read, body)


def _as_header(parameter: etree._Element) -> etree._Element:
    made = etree.fromstring(etree.tostring(parameter, with_tail=False))
    made.set(f"{{{_ADDRESSING}}}IsReferenceParameter", "true")
    return made


class OnvifClient:
    """One open device; see `onvif_model.OnvifDevice` for what each method promises."""

    def __init__(self, caller: _Caller) -> None:
        self._caller = caller
        self._device = _Endpoint(caller.target.url)
        self._services: dict[str, Service] = {}
        self._left_out = ""
        """Why a service that it lists is not used: the first one's reason."""
        self._media2_tokens: set[str] = set()
        self._media1_tokens: set[str] = set()

    @property
    def clock_offset_s(self) -> float | None:
        """Its clock minus ours, to about half a second; None if it does not tell."""
        return self._caller.offset_s

    @property
    def has_events(self) -> bool:
        """It has an event service."""
        return EVENTS in self._services

    @property
    def has_media2(self) -> bool:
        """It has Media2: H.265 and masks."""
        return MEDIA2 in self._services

    @property
    def notes(self) -> tuple[str, ...]:
        """What was odd and was put right."""
        return tuple(self._caller.notes)

    @property
    def authentication(self) -> str:
        """How it was proved who we are: `Digest SHA-256`, `UsernameToken`, or nothing yet."""
        token = "UsernameToken" if self._caller._by_token else ""  # noqa: SLF001
        return token or self._caller.http.authentication

    async def prepare(self) -> None:
        """Read its clock and its list of services; PeerError, CredentialError."""
        await self._caller.read_clock()
        if self._caller.offset_s is None:
            self._caller.note("does not tell its time in UTC")
        try:
            listed = onvif_reading.services(await self._ask("GetServices", IncludeCapability=False))
        except OnvifFaultError:
            value = await self._ask("GetCapabilities", Category=["All"])
            listed = onvif_reading.capabilities(value)
            self._caller.note("has no GetServices; its capabilities are used")
        for service in listed:
            try:
                admitted = self._caller.admit(service.xaddr, HTTP)
            except PeerError as error:
                self._caller.note(f"service {service.namespace} left out: {error}")
                self._left_out = self._left_out or str(error)
                continue
            self._services.setdefault(service.namespace, replace(service, xaddr=admitted.url))

    async def information(self) -> DeviceInformation:
        """Return who made it."""
        return onvif_reading.information(await self._ask("GetDeviceInformation"))

    async def services(self) -> tuple[Service, ...]:
        """Return what it offers, as read when it was opened."""
        return tuple(self._services.values())

    async def profiles(self) -> tuple[MediaProfile, ...]:
        """Return its video profiles; Media2's if there are any, else Media1's."""
        found: tuple[MediaProfile, ...] = ()
        if self.has_media2:
            found = await self._profiles2()
            self._media2_tokens = {one.token for one in found}
        if not found and (MEDIA in self._services or not self.has_media2):
            value = await self._call(Binding.MEDIA, MEDIA, "GetProfiles")
            found = onvif_reading.profiles1(value)
            self._media1_tokens = {one.token for one in found}
        return found

    async def _profiles2(self) -> tuple[MediaProfile, ...]:
        """Ask for the three configurations that matter; devices that balk are asked for all."""
        for wanted in (["VideoSource", "VideoEncoder", "Metadata"], ["All"]):
            try:
                value = await self._call(Binding.MEDIA2, MEDIA2, "GetProfiles", Type=wanted)
            except OnvifFaultError:
                continue
            found = onvif_reading.profiles2(value)
            if any(one.encoder_token for one in found):
                return found
        self._caller.note("lists no video in Media2; Media1 is used")
        return ()

    async def stream_uri(self, token: str, *, transport: Transport, tls: bool = False) -> str:
        """Return the RTSP URI of a profile, without credentials, on an allowed host."""
        if self._is_media2(token):
            uri = await self._stream_uri2(token, transport, tls=tls)
        else:
            protocol = "UDP" if transport is Transport.UDP else "RTSP"
            setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": protocol}}
            value = await self._call(
                Binding.MEDIA, MEDIA, "GetStreamUri", StreamSetup=setup, ProfileToken=token
            )
            uri = onvif_reading.at(value, "Uri")
        admitted = self._caller.admit(uri, RTSP).url
        if tls and not admitted.startswith("rtsps:"):
            raise PeerError(f"{self._caller.target.id}: offers no RTSPS for profile {token}")
        return admitted

    async def _stream_uri2(self, token: str, transport: Transport, *, tls: bool) -> Loose:
        preferred = "RTSP" if transport is Transport.TCP else "RtspUnicast"
        protocols = ["RtspsUnicast"] if tls else list(dict.fromkeys([preferred, "RtspUnicast"]))
        for protocol in protocols:
            try:
                return await self._call(
                    Binding.MEDIA2, MEDIA2, "GetStreamUri", Protocol=protocol, ProfileToken=token
                )
            except OnvifFaultError:
                if protocol == protocols[-1]:
                    raise
        raise AssertionError

    async def synchronise(self, token: str) -> None:
        """Ask for a key picture of a profile now (ONVIF Media, SetSynchronizationPoint)."""
        binding, namespace = (
            (Binding.MEDIA2, MEDIA2) if self._is_media2(token) else (Binding.MEDIA, MEDIA)
        )
        await self._call(binding, namespace, "SetSynchronizationPoint", ProfileToken=token)

    async def snapshot_uri(self, token: str) -> str:
        """Return the HTTP URI of a profile's still picture, without credentials."""
        binding, namespace = (
            (Binding.MEDIA2, MEDIA2) if self._is_media2(token) else (Binding.MEDIA, MEDIA)
        )
        value = await self._call(binding, namespace, "GetSnapshotUri", ProfileToken=token)
        uri = value if isinstance(value, str) else onvif_reading.at(value, "Uri")
        return self._caller.admit(uri, HTTP).url

    async def snapshot(self, token: str) -> bytes:
        """Return a still picture: one JPEG of at most `MOST_SNAPSHOT_BYTES`."""
        url = await self.snapshot_uri(token)
        exchange = Exchange(url, MOST_SNAPSHOT_BYTES, timeout_s=SNAPSHOT_S)
        reply = await self._caller.http.exchange(exchange)
        where = f"{self._caller.target.id}: snapshot"
        if reply.status in {401, 403}:
            raise CredentialError(f"{where}: refused (HTTP {reply.status})")
        if reply.status != 200 or not reply.body.startswith(b"\xff\xd8\xff"):  # noqa: PLR2004
            kind = printable(reply.content_type, 40)
            raise PeerError(f"{where}: no JPEG came (HTTP {reply.status}, {kind})")
        return reply.body

    async def ntp(self) -> NtpState:
        """Return where it has its time from and how far it is off."""
        told = await self._caller.read_clock()
        try:
            servers = await self._ask("GetNTP")
        except OnvifFaultError:
            servers = None
        return onvif_reading.ntp(told, servers, self._caller.offset_s)

    async def set_gop(self, profile: MediaProfile, gop: int) -> MediaProfile:
        """Set the pictures per GOP, read it back and return the profile as it now is."""
        now = await (self._gop2(profile, gop) if profile.media2 else self._gop1(profile, gop))
        if now != gop:
            where = f"{self._caller.target.id}: profile {profile.token}"
            raise PeerError(f"{where}: keeps a GOP of {now} pictures instead of {gop}")
        return replace(profile, gop=now)

    async def _gop2(self, profile: MediaProfile, gop: int) -> int:
        async def read() -> Loose:
            value = await self._call(
                Binding.MEDIA2,
                MEDIA2,
                "GetVideoEncoderConfigurations",
                ConfigurationToken=profile.encoder_token,
            )
            return self._one(value, profile.encoder_token)

        configuration = await read()
        configuration.GovLength = gop
        await self._call(
            Binding.MEDIA2, MEDIA2, "SetVideoEncoderConfiguration", Configuration=configuration
        )
        return onvif_reading.integer(onvif_reading.at(await read(), "GovLength"))

    async def _gop1(self, profile: MediaProfile, gop: int) -> int:
        async def read() -> Loose:
            return await self._call(
                Binding.MEDIA,
                MEDIA,
                "GetVideoEncoderConfiguration",
                ConfigurationToken=profile.encoder_token,
            )

        configuration = await read()
        name = onvif_reading.gop_element(configuration)
        if name is None:
            raise PeerError(f"{self._caller.target.id}: this encoder has no GOP to set")
        getattr(configuration, name).GovLength = gop
        await self._call(
            Binding.MEDIA,
            MEDIA,
            "SetVideoEncoderConfiguration",
            Configuration=configuration,
            ForcePersistence=True,
        )
        return onvif_reading.integer(onvif_reading.at(await read(), name, "GovLength"))

    def _one(self, values: object, token: str) -> Loose:
        """Return the one with this token: some devices always list all."""
        for value in onvif_reading.listed(values):
            if onvif_reading.at(value, "token") == token:
                return value
        raise PeerError(f"{self._caller.target.id}: no longer has the configuration {token}")

    async def masks(self, configuration: str) -> tuple[CameraMask, ...]:
        """Return the privacy masks of a video source configuration."""
        return onvif_reading.masks(await self._masks(configuration))

    async def _masks(self, configuration: str) -> Loose:
        return await self._call(
            Binding.MEDIA2, MEDIA2, "GetMasks", ConfigurationToken=configuration
        )

    async def put_masks(
        self, configuration: str, masks: Sequence[CameraMask]
    ) -> tuple[CameraMask, ...]:
        """Make `masks` all the masks there are, read them back and return them.

        Places are reused before any is freed, so that the picture is never barer than before.
        """
        limits = await self._limits(configuration)
        try:
            onvif_masks.check(masks, limits)
        except PeerError as error:
            raise PeerError(f"{self._caller.target.id}: {error}") from None
        tokens = [one.token for one in await self.masks(configuration)]
        for index, mask in enumerate(masks):
            await self._put_mask(configuration, mask, tokens[index : index + 1], limits)
        for token in tokens[len(masks) :]:
            await self._call(Binding.MEDIA2, MEDIA2, "DeleteMask", Token=token)
        found = await self.masks(configuration)
        missing = [one for one in masks if not any(onvif_masks.same(one, it) for it in found)]
        if missing or len(found) != len(masks):
            where = f"{self._caller.target.id}: {configuration}"
            raise PeerError(f"{where}: the camera did not keep the masks as they were set")
        return found

    async def _limits(self, configuration: str) -> onvif_masks.MaskLimits:
        options = await self._call(
            Binding.MEDIA2, MEDIA2, "GetMaskOptions", ConfigurationToken=configuration
        )
        return onvif_reading.mask_limits(options)

    async def _put_mask(
        self,
        configuration: str,
        mask: CameraMask,
        token: list[str],
        limits: onvif_masks.MaskLimits,
    ) -> None:
        points = [{"x": x, "y": y} for x, y in onvif_masks.to_onvif(mask.polygon)]
        value: dict[str, Any] = {
            "ConfigurationToken": configuration,
            "Polygon": {"Point": points},
            "Type": mask.kind.value,
            "Enabled": mask.enabled,
        }
        if mask.kind is MaskKind.COLOR:
            x, y, z = (*limits.colors, onvif_masks.BLACK)[0]
            value["Color"] = {"X": x, "Y": y, "Z": z}
        if token:
            await self._call(Binding.MEDIA2, MEDIA2, "SetMask", Mask={**value, "token": token[0]})
        else:
            await self._call(Binding.MEDIA2, MEDIA2, "CreateMask", Mask=value)

    @asynccontextmanager
    async def pull_point(
        self, *, filter_topic: str = "", termination_s: float = 60.0
    ) -> AsyncIterator["_PullPoint"]:
        """Subscribe to events; unsubscribes when left. `filter_topic`: ONVIF's ConcreteSet."""
        parameters: dict[str, Any] = {"InitialTerminationTime": _duration(termination_s)}
        if filter_topic:
            parameters["Filter"] = {"_value_1": [_topic_filter(filter_topic)]}
        root = await self._caller.root(
            Binding.EVENT,
            "CreatePullPointSubscription",
            self._service(EVENTS),
            **parameters,
        )
        point = _PullPoint(self._caller, self._subscription(root))
        point.judge(root, termination_s)
        try:
            yield point
        finally:
            await point.leave()

    def _subscription(self, root: etree._Element) -> _Endpoint:
        """Return where the subscription is managed, by its reference (WS-Addressing §2.1)."""
        place = root.find(f".//{{{EVENTS}}}SubscriptionReference")
        address = "" if place is None else (place.findtext(f"{{{_ADDRESSING}}}Address") or "")
        admitted = self._caller.admit(address.strip(), HTTP)
        found = [] if place is None else place.findall(f"{{{_ADDRESSING}}}ReferenceParameters/*")
        return _Endpoint(admitted.url, address.strip(), tuple(found[:16]))

    def _is_media2(self, token: str) -> bool:
        return token not in self._media1_tokens and self.has_media2

    async def _ask(self, operation: str, **parameters: Loose) -> Loose:
        return await self._caller.value(Binding.DEVICE, operation, self._device, **parameters)

    async def _call(
        self, binding: Binding, namespace: str, operation: str, **parameters: Loose
    ) -> Loose:
        endpoint = self._service(namespace)
        return await self._caller.value(binding, operation, endpoint, **parameters)

    def _service(self, namespace: str) -> _Endpoint:
        service = self._services.get(namespace)
        if service is None:
            missing = f"{self._caller.target.id}: has no service {namespace}"
            raise PeerError(self._left_out or missing)
        return _Endpoint(service.xaddr)


class _PullPoint:
    """An open subscription; see `onvif_model.PullPoint`."""

    def __init__(self, caller: _Caller, endpoint: _Endpoint) -> None:
        self._caller = caller
        self._endpoint = endpoint
        self._absolute = False

    def judge(self, root: etree._Element, termination_s: float) -> None:
        """Notice a device that reads a relative time as none, and name absolute ones to it."""
        current_us, end_us = onvif_reading.times(root)
        if current_us is None or end_us is None:
            return
        if end_us - current_us < termination_s * 500_000:
            self._absolute = True
            self._caller.note("cuts subscriptions short; they are renewed by absolute times")

    async def pull(self, timeout_s: float, most: int) -> Pulled:
        """Wait at the device up to `timeout_s` for up to `most` messages; PeerError."""
        root = await self._caller.root(
            Binding.PULL_POINT,
            "PullMessages",
            self._endpoint,
            timeout_s=timeout_s + CALL_S,
            Timeout=timedelta(seconds=timeout_s),
            MessageLimit=most,
        )
        current_us, end_us = onvif_reading.times(root)
        found = root.findall(f".//{{{_NOTIFICATION}}}NotificationMessage")
        messages = tuple(etree.tostring(one, with_tail=False) for one in found[:MOST_MESSAGES])
        return Pulled(current_us, end_us, messages)

    async def renew(self, termination_s: float) -> None:
        """Keep the subscription for `termination_s` from now; PeerError."""
        until = self._moment(termination_s) if self._absolute else _duration(termination_s)
        root = await self._caller.root(
            Binding.SUBSCRIPTION, "Renew", self._endpoint, TerminationTime=until
        )
        self.judge(root, termination_s)

    async def synchronise(self) -> None:
        """Ask for the present state of every property; PeerError."""
        await self._caller.root(Binding.PULL_POINT, "SetSynchronizationPoint", self._endpoint)

    async def leave(self) -> None:
        """Unsubscribe if that is quick; the subscription ends by itself otherwise."""
        with suppress(PeerError):
            await self._caller.root(
                Binding.SUBSCRIPTION, "Unsubscribe", self._endpoint, timeout_s=LEAVE_S
            )

    def _moment(self, termination_s: float) -> str:
        seconds = self._caller.clock.now().utc_us / 1_000_000
        at_s = seconds + (self._caller.offset_s or 0.0) + termination_s
        return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _duration(seconds: float) -> str:
    return f"PT{max(1, round(seconds))}S"


def _topic_filter(expression: str) -> etree._Element:
    made = etree.Element(
        f"{{{_NOTIFICATION}}}TopicExpression",
        {"Dialect": _CONCRETE_SET},
        nsmap={"wsnt": _NOTIFICATION, "tns1": _TOPICS},
    )
    made.text = expression
    return made


@asynccontextmanager
async def open_device(
    target: OnvifTarget, *, clock: Clock, wsdls: Wsdls | None = None
) -> AsyncIterator[OnvifClient]:
    """Open a device: its clock is read and its services are listed before anything else.

    `wsdls` is shared by whoever opens more than one. PeerError, CredentialError. On leaving no
    connection and no task remains.
    """
    placed = replace(target, url=device_url(target.url))
    async with connect(placed) as http:
        client = OnvifClient(_Caller(placed, http, clock, wsdls or Wsdls()))
        await client.prepare()
        yield client
