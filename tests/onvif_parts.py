# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Strict ONVIF devices, and servers that answer SOAP with whatever a test gives them."""

import asyncio
import contextlib
import re

from lxml import etree

from gateway.ingest.onvif import open_device
from gateway.ingest.onvif_model import OnvifTarget
from gateway.model.media import Codec
from gateway.runtime.clock import SystemClock
from gateway.simulator.onvif_device import DeviceOptions, OnvifDevice
from gateway.simulator.onvif_media import (
    Media1Service,
    Media2Service,
    MediaOptions,
    MediaState,
    SimulatedProfile,
)

USER, PASSWORD = "admin", "s3cret-e-lungo"
JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 100 + b"\xff\xd9"
PROFILES = (
    SimulatedProfile(
        "main", "Principale", "vs-1", "Ingresso", "ch1/main", codec=Codec.H265, has_metadata=True
    ),
    SimulatedProfile("sub", "Secondario", "vs-1", "Ingresso", "ch1/sub", size_px=(640, 360)),
)
SOAP = "http://www.w3.org/2003/05/soap-envelope"
TDS = "http://www.onvif.org/ver10/device/wsdl"
TT = "http://www.onvif.org/ver10/schema"


async def jpeg(_token):
    return JPEG


@contextlib.asynccontextmanager
async def strict_device(
    options=None, *, media=None, profiles=PROFILES, services=(Media1Service, Media2Service), more=()
):
    """Serve a strict device; yields it, its media state and its URL."""
    state = MediaState(profiles, media or MediaOptions(8554, 322, jpeg))
    made = [service(state) for service in services] + list(more)
    device = OnvifDevice(options or DeviceOptions(users={USER: PASSWORD}), made, SystemClock())
    state.serve_snapshots(device)
    async with device.serve("127.0.0.1") as url:
        yield device, state, url


def opened(url, *, clock=None, wsdls=None, password=PASSWORD, **target):
    """Open a device as our client does."""
    made = OnvifTarget("cam-1", url, USER, password, **target)
    return open_device(made, clock=clock or SystemClock(), wsdls=wsdls)


def envelope(body, status=200, headers=""):
    """Return a whole HTTP answer with `body` in a SOAP envelope."""
    text = (
        f'<s:Envelope xmlns:s="{SOAP}" xmlns:tds="{TDS}" xmlns:tt="{TT}">'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    )
    return answer(text.encode(), status, headers)


def answer(body, status=200, headers="", content_type="application/soap+xml"):
    """Return a whole HTTP answer."""
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + headers.encode() + b"Connection: close\r\n\r\n" + body


DATE = (
    "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>Manual"
    "</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings><tt:UTCDateTime><tt:Time>"
    "<tt:Hour>12</tt:Hour><tt:Minute>0</tt:Minute><tt:Second>0</tt:Second></tt:Time><tt:Date>"
    "<tt:Year>2026</tt:Year><tt:Month>9</tt:Month><tt:Day>21</tt:Day></tt:Date></tt:UTCDateTime>"
    "</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
)


def services(*entries):
    """Return GetServicesResponse for (namespace, xaddr)."""
    listed = "".join(
        f"<tds:Service><tds:Namespace>{space}</tds:Namespace><tds:XAddr>{xaddr}</tds:XAddr>"
        "<tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
        for space, xaddr in entries
    )
    return f"<tds:GetServicesResponse>{listed}</tds:GetServicesResponse>"


class OddDevice:
    """Answers each operation with bytes of the test's choice; `asked` notes what came."""

    def __init__(self, answers):
        """`answers`: by operation, bytes or a coroutine function; `*` for the rest."""
        self.answers = {"GetSystemDateAndTime": envelope(DATE), **answers}
        self.asked = []
        self.requests = []

    @contextlib.asynccontextmanager
    async def serve(self, host="127.0.0.1"):
        server = await asyncio.start_server(self._serve, host, 0)
        self._writers = set()
        try:
            yield f"http://{host}:{server.sockets[0].getsockname()[1]}/onvif/device_service"
        finally:
            server.close()
            for writer in self._writers:
                writer.transport.abort()
            await server.wait_closed()

    async def _serve(self, reader, writer):
        self._writers.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            size = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(size[1])) if size else b""
            name = operation(body) if body else head.split()[1]
            self.asked.append(name)
            self.requests.append((head, body))
            found = self.answers.get(name, self.answers.get("*", answer(b"", 404)))
            if isinstance(found, bytes):
                writer.write(found)
                await writer.drain()
            else:
                await found(writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def operation(body):
    """Return the local name of the request in an envelope."""
    child = etree.fromstring(body).find(f"{{{SOAP}}}Body/*")
    return etree.QName(child).localname
