# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A strict ONVIF device, built from the ONVIF specifications (Core, Media, Media2) and no product.

It forbids what the specification forbids, so that our client is not only tested against peers as
lenient as itself. Each service is a plug-in (`SoapService`); the device service is built in.
"""

import base64
import hashlib
import hmac
import secrets
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Protocol

from aiohttp import web
from lxml import etree

from gateway.model.errors import PeerError, WireError
from gateway.runtime.clock import Clock
from gateway.wire import xml
from gateway.wire.digest import Proved, Verifier

ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
ERROR = "http://www.onvif.org/ver10/error"
SCHEMA = "http://www.onvif.org/ver10/schema"
DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
MEDIA2 = "http://www.onvif.org/ver20/media/wsdl"
EVENTS = "http://www.onvif.org/ver10/events/wsdl"
ADDRESSING = "http://www.w3.org/2005/08/addressing"
_WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
SECURITY = f"{_WSS}-wssecurity-secext-1.0.xsd"
UTILITY = f"{_WSS}-wssecurity-utility-1.0.xsd"
PASSWORD_DIGEST = f"{_WSS}-username-token-profile-1.0#PasswordDigest"

REALM = "ONVIF"
MOST_BODY_BYTES = 256 << 10
MOST_NONCES = 4096
"""Of the last `skew_s`; a full memory refuses rather than forgets."""

PRE_AUTH = frozenset(
    {
        "GetSystemDateAndTime",
        "GetServices",
        "GetServiceCapabilities",
        "GetCapabilities",
        "GetHostname",
        "GetEndpointReference",
        "GetWsdlUrl",
    }
)
"""Access class PRE_AUTH (Core §5.9.4.2): answered without credentials."""


class Tags:
    """Makes elements of one namespace: `tags("Name", child, "text", token="x")`."""

    def __init__(self, namespace: str, **prefixes: str) -> None:
        self._namespace = namespace
        self._prefixes = prefixes

    def __call__(
        self, name: str, *parts: "etree._Element | str", **attributes: str
    ) -> etree._Element:
        """Return an element with text and children in the order given."""
        made = etree.Element(f"{{{self._namespace}}}{name}", attributes, nsmap=self._prefixes)
        for part in parts:
            if isinstance(part, str):
                made.text = (made.text or "") + part
            else:
                made.append(part)
        return made


TDS = Tags(DEVICE, tds=DEVICE, tt=SCHEMA)
TT = Tags(SCHEMA, tt=SCHEMA)


class SoapFaultError(PeerError):
    """A client asked for what the specification forbids, or what this device does not have."""

    def __init__(self, subcode: str, reason: str, *, receiver: bool = False) -> None:
        """`subcode`: `ter:InvalidArgVal/ter:NoProfile` - one or two, outer first (Core §5.8.2)."""
        super().__init__(reason)
        self.subcode = subcode
        self.reason = reason
        self.receiver = receiver
        """It is our own failure, not the client's."""


class SoapService(Protocol):
    """One web service of a device."""

    @property
    def namespace(self) -> str:
        """As listed by GetServices."""
        ...

    @property
    def path(self) -> str:
        """`/onvif/event_service`; everything below it belongs to the service too."""
        ...

    async def call(self, operation: str, request: etree._Element, device_url: str) -> bytes:
        """Return the response element (child of Body) as XML; SoapFaultError.

        `request` still hangs in its envelope, so that headers can be read; `operation` is its
        local name and its namespace has not been looked at; `getroottree().docinfo.URL` is the
        path that was asked. `device_url` is `http://host:port` as addresses shall name it.
        """
        ...


class Authentication(Enum):
    """What the device accepts."""

    NONE = "none"
    DIGEST = "digest"
    """HTTP digest, SHA-256 and MD5."""
    USERNAME_TOKEN = "username-token"  # noqa: S105 - a name
    """WS-Security UsernameToken with a digest; PasswordText is refused."""
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class DeviceOptions:
    """What the device is like."""

    manufacturer: str = "Varco"
    model: str = "Strict"
    firmware: str = "1.0"
    serial: str = "0001"
    hardware: str = "simulator"
    name: str = "telecamera"
    location: str = ""
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    authentication: Authentication = Authentication.BOTH
    skew_s: float = 10.0
    """How far Created may be from the device's own clock."""
    clock_offset_s: float = 0.0
    """Its clock minus the real one."""
    ntp_servers: tuple[str, ...] = ("192.0.2.123",)
    ntp_from_dhcp: bool = False
    uses_ntp: bool = True
    tls: ssl.SSLContext | None = None
    advertised: str = ""
    """`host` or `host:port` that its addresses name instead of the one asked (NAT)."""
    has_get_services: bool = True
    """False: an old device without GetServices."""


class OnvifDevice:
    """One device: an HTTP server that speaks SOAP 1.2 and hands requests to its services."""

    def __init__(
        self, options: DeviceOptions, services: Sequence[SoapService], clock: Clock
    ) -> None:
        self.options = options
        self._clock = clock
        self.calls: list[str] = []
        """Operations that were let through, the last thousand; for tests."""
        self.most_concurrent = 0
        self._concurrent = 0
        self._nonces: OrderedDict[str, float] = OrderedDict()
        self._verifier = Verifier(REALM, options.users, secrets.token_bytes(32))
        self._files: dict[str, tuple[str, Callable[[], Awaitable[bytes]]]] = {}
        self._services: tuple[SoapService, ...] = (_DeviceService(self, services), *services)

    def serve_file(
        self, path: str, content_type: str, read: Callable[[], Awaitable[bytes]]
    ) -> None:
        """Serve a GET of `path` (snapshots), under HTTP digest where users are known."""
        self._files[path] = (content_type, read)

    @asynccontextmanager
    async def serve(self, host: str, port: int = 0) -> AsyncIterator[str]:
        """Serve on `host:port` (0: any); yields the URL of the device service."""
        app = web.Application(client_max_size=MOST_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port, ssl_context=self.options.tls)
            await site.start()
            bound = runner.addresses[0][1]
            scheme = "https" if self.options.tls else "http"
            shown = f"[{host}]" if ":" in host else host
            yield f"{scheme}://{shown}:{bound}/onvif/device_service"
        finally:
            await runner.cleanup()

    def utc(self) -> datetime:
        """Return what the device's own clock says."""
        real = datetime.fromtimestamp(self._clock.now().utc_us / 1_000_000, UTC)
        return real + timedelta(seconds=self.options.clock_offset_s)

    def url(self, host: str) -> str:
        """Return `scheme://host:port` as addresses of this device name it."""
        return f"{'https' if self.options.tls else 'http'}://{self.options.advertised or host}"

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self._concurrent += 1
        self.most_concurrent = max(self.most_concurrent, self._concurrent)
        try:
            if request.method == "POST":
                return await self._soap(request)
            return await self._file(request)
        finally:
            self._concurrent -= 1

    async def _file(self, request: web.Request) -> web.StreamResponse:
        found = self._files.get(request.path)
        if found is None or request.method != "GET":
            return web.Response(status=404 if found is None else 405)
        if self.options.authentication is not Authentication.NONE:
            proved = self._digest(request)
            if proved is not Proved.YES:
                return self._challenge(stale=proved is Proved.STALE)
        content_type, read = found
        return web.Response(body=await read(), content_type=content_type)

    async def _soap(self, request: web.Request) -> web.StreamResponse:
        if request.content_type != "application/soap+xml":
            return web.Response(status=415)
        service = self._service(request.path)
        if service is None:
            return web.Response(status=404)
        try:
            return await self._answer(service, request, await request.read())
        except SoapFaultError as fault:
            return _reply(_fault(fault), 500 if fault.receiver else 400)

    def _service(self, path: str) -> SoapService | None:
        for service in self._services:
            if path == service.path or path.startswith(service.path + "/"):
                return service
        return None

    async def _answer(
        self, service: SoapService, request: web.Request, data: bytes
    ) -> web.StreamResponse:
        element = _body_of(data, request.path)
        operation = etree.QName(element).localname
        header = element.getroottree().getroot().find(f"{{{ENVELOPE}}}Header")
        if self.options.authentication is not Authentication.NONE and operation not in PRE_AUTH:
            refusal = self._authenticate(request, header)
            if refusal is not None:
                return refusal
        self.calls.append(operation)
        del self.calls[:-1000]
        response = await service.call(operation, element, self.url(request.host))
        return _reply(_wrap(response, _addressing(header)), 200)

    def _authenticate(
        self, request: web.Request, header: etree._Element | None
    ) -> web.StreamResponse | None:
        kind = self.options.authentication
        token = None if header is None else header.find(f".//{{{SECURITY}}}UsernameToken")
        if token is not None and kind in {Authentication.USERNAME_TOKEN, Authentication.BOTH}:
            self._check_token(token)
            return None
        if kind is Authentication.USERNAME_TOKEN:
            raise SoapFaultError("ter:NotAuthorized", "Sender not authorized")
        proved = self._digest(request)
        return None if proved is Proved.YES else self._challenge(stale=proved is Proved.STALE)

    def _digest(self, request: web.Request) -> Proved:
        value = request.headers.get("Authorization", "")
        now_s = self._clock.monotonic_s()
        return self._verifier.verify(value, request.method, request.path_qs, now_s)

    def _challenge(self, *, stale: bool) -> web.Response:
        response = web.Response(status=401)
        for value in self._verifier.challenges(self._clock.monotonic_s(), stale=stale):
            response.headers.add("WWW-Authenticate", value)
        return response

    def _check_token(self, token: etree._Element) -> None:
        """WSS UsernameToken Profile 1.0 §3.1: digest, fresh Created, a nonce never seen."""
        user, password, nonce, created = (
            token.find(f"{{{space}}}{name}")
            for space, name in (
                (SECURITY, "Username"),
                (SECURITY, "Password"),
                (SECURITY, "Nonce"),
                (UTILITY, "Created"),
            )
        )
        refusal = SoapFaultError("ter:NotAuthorized", "Sender not authorized")
        if user is None or password is None or nonce is None or created is None:
            raise refusal
        secret = self.options.users.get(user.text or "")
        if password.get("Type") != PASSWORD_DIGEST or secret is None:
            raise refusal
        try:
            raw = base64.b64decode(nonce.text or "", validate=True)
            at = datetime.fromisoformat(created.text or "")
        except ValueError:
            raise refusal from None
        text = (created.text or "").encode()
        expected = base64.b64encode(
            hashlib.sha1(raw + text + secret.encode(), usedforsecurity=False).digest()
        )
        fresh = (
            at.tzinfo is not None and abs((at - self.utc()).total_seconds()) <= self.options.skew_s
        )
        matches = hmac.compare_digest(expected, (password.text or "").encode())
        if not (fresh and matches and self._is_new(raw.hex())):
            raise refusal

    def _is_new(self, nonce: str) -> bool:
        now_s = self._clock.monotonic_s()
        while self._nonces and next(iter(self._nonces.values())) < now_s - 2 * self.options.skew_s:
            self._nonces.popitem(last=False)
        if nonce in self._nonces or len(self._nonces) >= MOST_NONCES:
            return False
        self._nonces[nonce] = now_s
        return True


def _body_of(data: bytes, path: str) -> etree._Element:
    """Return the one child of Body; SoapFaultError for anything that SOAP 1.2 forbids."""
    try:
        root = xml.parse(data, MOST_BODY_BYTES)
    except WireError as error:
        raise SoapFaultError("ter:WellFormed", str(error)) from None
    if root.tag != f"{{{ENVELOPE}}}Envelope":
        raise SoapFaultError("ter:TagMismatch", "not a SOAP 1.2 envelope")
    root.getroottree().docinfo.URL = path
    for header in root.findall(f"{{{ENVELOPE}}}Header/*"):
        known = etree.QName(header).namespace in {SECURITY, ADDRESSING}
        if header.get(f"{{{ENVELOPE}}}mustUnderstand") in {"1", "true"} and not known:
            raise SoapFaultError("ter:Namespace", "a header that must be understood is not")
    children = root.findall(f"{{{ENVELOPE}}}Body/*")
    if len(children) != 1:
        raise SoapFaultError("ter:Tag", "Body needs exactly one element")
    return children[0]


def _addressing(header: etree._Element | None) -> bytes:
    """Return the reply's WS-Addressing headers if the request had any (WS-Addressing §3.4)."""
    if header is None:
        return b""
    action = header.findtext(f"{{{ADDRESSING}}}Action")
    message = header.findtext(f"{{{ADDRESSING}}}MessageID")
    maker = Tags(ADDRESSING, wsa=ADDRESSING)
    parts: list[etree._Element] = []
    if action:
        parts.append(maker("Action", action.removesuffix("Request") + "Response"))
    if message:
        parts.append(maker("RelatesTo", message))
    return b"".join(etree.tostring(one) for one in parts)


def _wrap(body: bytes, header: bytes = b"") -> bytes:
    head = b"<env:Header>" + header + b"</env:Header>" if header else b""
    return (
        b'<?xml version="1.0" encoding="UTF-8"?><env:Envelope xmlns:env="'
        + ENVELOPE.encode()
        + b'">'
        + head
        + b"<env:Body>"
        + body
        + b"</env:Body></env:Envelope>"
    )


def _fault(fault: SoapFaultError) -> bytes:
    """Return a SOAP 1.2 fault with ONVIF's subcodes (Core §5.8.2)."""
    env = Tags(ENVELOPE, env=ENVELOPE, ter=ERROR)
    code = env("Code", env("Value", "env:Receiver" if fault.receiver else "env:Sender"))
    place = code
    for name in fault.subcode.split("/"):
        inner = env("Subcode", env("Value", name))
        place.append(inner)
        place = inner
    text = env("Text", fault.reason)
    text.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
    return _wrap(etree.tostring(env("Fault", code, env("Reason", text))))


def _reply(data: bytes, status: int) -> web.Response:
    return web.Response(
        status=status, body=data, content_type="application/soap+xml", charset="utf-8"
    )


def text_of(request: etree._Element, name: str) -> str:
    """Return the text of a mandatory child in the request's own namespace; SoapFaultError."""
    found = request.findtext(f"{{{etree.QName(request).namespace}}}{name}")
    if found is None:
        raise SoapFaultError("ter:InvalidArgs", f"{name} is missing")
    return found.strip()


def require_namespace(request: etree._Element, namespace: str) -> None:
    """Refuse a request of another service; SoapFaultError."""
    if etree.QName(request).namespace != namespace:
        raise SoapFaultError("ter:UnknownAction", "no such operation in this service")


class _DeviceService:
    """The device service (Core §8), as far as a client of pictures and events needs it."""

    namespace = DEVICE
    path = "/onvif/device_service"

    def __init__(self, device: OnvifDevice, others: Sequence[SoapService]) -> None:
        self._device = device
        self._services: tuple[SoapService, ...] = (self, *others)
        self._operations: Mapping[str, Callable[[etree._Element, str], etree._Element]] = {
            "GetSystemDateAndTime": self._date,
            "GetDeviceInformation": self._information,
            "GetServices": self._get_services,
            "GetCapabilities": self._capabilities,
            "GetScopes": self._scopes,
            "GetHostname": self._hostname,
            "GetNTP": self._ntp,
            "GetNetworkInterfaces": self._interfaces,
        }

    async def call(self, operation: str, request: etree._Element, device_url: str) -> bytes:
        """Answer one operation."""
        require_namespace(request, DEVICE)
        answer = self._operations.get(operation)
        old = operation == "GetServices" and not self._device.options.has_get_services
        if answer is None or old:
            raise SoapFaultError("ter:ActionNotSupported", "Optional Action Not Implemented")
        return etree.tostring(answer(request, device_url))

    def _date(self, _request: etree._Element, _url: str) -> etree._Element:
        now = self._device.utc()
        kind = "NTP" if self._device.options.uses_ntp else "Manual"
        stamp = TT(
            "UTCDateTime",
            TT(
                "Time",
                TT("Hour", str(now.hour)),
                TT("Minute", str(now.minute)),
                TT("Second", str(now.second)),
            ),
            TT(
                "Date",
                TT("Year", str(now.year)),
                TT("Month", str(now.month)),
                TT("Day", str(now.day)),
            ),
        )
        return TDS(
            "GetSystemDateAndTimeResponse",
            TDS(
                "SystemDateAndTime",
                TT("DateTimeType", kind),
                TT("DaylightSavings", "false"),
                TT("TimeZone", TT("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")),
                stamp,
            ),
        )

    def _information(self, _request: etree._Element, _url: str) -> etree._Element:
        options = self._device.options
        return TDS(
            "GetDeviceInformationResponse",
            TDS("Manufacturer", options.manufacturer),
            TDS("Model", options.model),
            TDS("FirmwareVersion", options.firmware),
            TDS("SerialNumber", options.serial),
            TDS("HardwareId", options.hardware),
        )

    def _get_services(self, request: etree._Element, url: str) -> etree._Element:
        if text_of(request, "IncludeCapability") not in {"true", "false", "1", "0"}:
            raise SoapFaultError("ter:InvalidArgVal", "IncludeCapability is a boolean")
        return TDS(
            "GetServicesResponse",
            *(
                TDS(
                    "Service",
                    TDS("Namespace", service.namespace),
                    TDS("XAddr", url + service.path),
                    TDS("Version", TT("Major", "2"), TT("Minor", "60")),
                )
                for service in self._services
            ),
        )

    def _capabilities(self, _request: etree._Element, url: str) -> etree._Element:
        paths = {service.namespace: url + service.path for service in self._services}
        parts = [TT("Device", TT("XAddr", paths[DEVICE]))]
        if EVENTS in paths:
            policy = ("WSSubscriptionPolicySupport", "WSPullPointSupport")
            flags = [TT(name, "true") for name in policy]
            flags.append(TT("WSPausableSubscriptionManagerInterfaceSupport", "false"))
            parts.append(TT("Events", TT("XAddr", paths[EVENTS]), *flags))
        if MEDIA in paths:
            streaming = TT(
                "StreamingCapabilities", TT("RTPMulticast", "false"), TT("RTP_RTSP_TCP", "true")
            )
            parts.append(TT("Media", TT("XAddr", paths[MEDIA]), streaming))
        return TDS("GetCapabilitiesResponse", TDS("Capabilities", *parts))

    def _scopes(self, _request: etree._Element, _url: str) -> etree._Element:
        options = self._device.options
        values = [
            ("Fixed", "onvif://www.onvif.org/Profile/T"),
            ("Fixed", f"onvif://www.onvif.org/hardware/{options.hardware}"),
            ("Configurable", f"onvif://www.onvif.org/name/{options.name}"),
            ("Configurable", f"onvif://www.onvif.org/location/{options.location}"),
        ]
        scopes = [
            TDS("Scopes", TT("ScopeDef", kind), TT("ScopeItem", item)) for kind, item in values
        ]
        return TDS("GetScopesResponse", *scopes)

    def _hostname(self, _request: etree._Element, _url: str) -> etree._Element:
        name = self._device.options.name
        return TDS(
            "GetHostnameResponse",
            TDS("HostnameInformation", TT("FromDHCP", "false"), TT("Name", name)),
        )

    def _ntp(self, _request: etree._Element, _url: str) -> etree._Element:
        options = self._device.options
        place = "NTPFromDHCP" if options.ntp_from_dhcp else "NTPManual"
        servers = [
            TT(place, TT("Type", "IPv4"), TT("IPv4Address", one))
            if one.replace(".", "").isdigit()
            else TT(place, TT("Type", "DNS"), TT("DNSname", one))
            for one in options.ntp_servers
        ]
        from_dhcp = TT("FromDHCP", "true" if options.ntp_from_dhcp else "false")
        return TDS("GetNTPResponse", TDS("NTPInformation", from_dhcp, *servers))

    def _interfaces(self, _request: etree._Element, _url: str) -> etree._Element:
        name = "eth0"
        info = TT("Info", TT("Name", name), TT("HwAddress", "02:00:00:00:00:01"), TT("MTU", "1500"))
        interface = TDS("NetworkInterfaces", TT("Enabled", "true"), info, token=name)
        return TDS("GetNetworkInterfacesResponse", interface)
