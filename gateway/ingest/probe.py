# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Probing: one session measured for some seconds, then what else works, one after the other.

Never hammers: sessions follow each other with a pause, and the first refusal of the credentials
ends everything.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import urlsplit

from gateway.ingest import tls
from gateway.ingest.findings import find
from gateway.ingest.measure import Measure
from gateway.ingest.onvif_model import (
    DeviceInformation,
    MediaProfile,
    NtpState,
    OnvifTarget,
    Service,
)
from gateway.ingest.probed import (
    Certificate,
    DeviceFacts,
    Outcome,
    ProbeResult,
    ProfileFacts,
    Trial,
    Way,
)
from gateway.ingest.source import Session, SessionStatistics, Sink, StreamSource
from gateway.ingest.stall import StallError
from gateway.model.errors import BusyError, CredentialError, PeerError, WireError
from gateway.model.media import AccessUnit
from gateway.model.registry import Transport
from gateway.runtime.clock import Clock
from gateway.wire.sdp import UnusableStreamError

RTSPS_PORT = 322
"""IANA; where a camera that has RTSPS at all has it, unless somebody moved it."""
FIRST_PICTURE_S = 15.0
"""For how long the first usable picture is waited for: the longest GOP that we know of."""
TRIAL_S = 8.0
PAUSE_S = 0.5
"""Between two sessions: recorders count one as open until they have noticed its end."""
DEVICE_S = 30.0
MOST_SECONDS = 300.0
_WORTH_TRYING = {Outcome.MEASURED, Outcome.NO_PICTURE}
"""Else another way would meet the same answer."""

Open = Callable[[StreamSource, Sink], Session]
"""Makes the session of a source."""
Progress = Callable[[str, str], None]
"""Told what is being tried, in Italian and English."""


class Device(Protocol):
    """The part of an ONVIF client that is asked here."""

    @property
    def clock_offset_s(self) -> float | None:
        """Its clock minus ours."""
        ...

    @property
    def has_events(self) -> bool:
        """It has an event service."""
        ...

    @property
    def has_media2(self) -> bool:
        """It has Media2."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was odd and was put right."""
        ...

    async def information(self) -> DeviceInformation:
        """Return who made it."""
        ...

    async def services(self) -> tuple[Service, ...]:
        """Return what it offers."""
        ...

    async def profiles(self) -> tuple[MediaProfile, ...]:
        """Return its video profiles."""
        ...

    async def ntp(self) -> NtpState:
        """Return where it has its time from."""
        ...


OpenDevice = Callable[[OnvifTarget], AbstractAsyncContextManager[Device]]
"""Opens the ONVIF side of a device."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be probed."""

    source: StreamSource
    seconds: float = 10.0
    """Of pictures, counted from the first."""
    camera: str = ""
    """Id in the registry; empty if it is not in there."""
    device: OnvifTarget | None = None
    """Its ONVIF side, if that is known."""
    other_ways: bool = True
    """Try the transports that the source does not name, too."""


@dataclass(slots=True)
class _Watched:
    """What one session brought."""

    measure: Measure
    statistics: SessionStatistics
    outcome: Outcome
    problem: str


class Prober:
    """Probes one camera."""

    def __init__(self, open_session: Open, clock: Clock, progress: Progress) -> None:
        self._open = open_session
        self._clock = clock
        self._progress = progress
        self.open_device: OpenDevice | None = None
        """How ONVIF is spoken; None: it is not asked."""
        self.on_key: Callable[[AccessUnit], None] = lambda _: None
        """Takes the key pictures of the measured session; without it no picture is kept."""

    async def probe(self, order: Order) -> ProbeResult:
        """Measure, try the other ways, ask the device, and say what is wrong.

        A camera that cannot be probed is a result as well, never an error.
        """
        began = self._clock.now()
        source = order.source
        seconds = min(order.seconds, MOST_SECONDS)
        way = _way(source)
        self._progress(
            f"{way.value}: apro la sessione, poi misuro per {seconds:g} s",
            f"{way.value}: opening the session, then measuring for {seconds:g} s",
        )
        watched = await self._watch(source, seconds, until_key=False)
        stream = watched.measure.result()
        works = watched.outcome is Outcome.MEASURED
        refused = watched.outcome is Outcome.REFUSED
        first = Trial(way, works, watched.problem, stream.first_key_s, refused)
        result = ProbeResult(
            address=source.peer,
            camera=order.camera,
            utc=began.iso(),
            outcome=watched.outcome,
            problem=watched.problem,
            stream=stream,
            session=watched.statistics,
            trials=(first,),
        )
        result = await self._further(order, result)
        return replace(result, findings=find(result))

    async def _further(self, order: Order, result: ProbeResult) -> ProbeResult:
        """Add what else there is to know, as far as the camera may still be asked."""
        if result.outcome is Outcome.REFUSED:
            return result
        certificate = await self._certificate(order.source)
        result = replace(result, certificate=certificate)
        by_udp = order.source.transport is Transport.UDP
        if order.other_ways and (result.outcome in _WORTH_TRYING or by_udp):
            result = replace(result, trials=(*result.trials, *await self._others(order, result)))
        if order.device is not None and not any(one.refused for one in result.trials):
            result = replace(result, device=await self._ask_device(order.device))
        return result

    async def _certificate(self, source: StreamSource) -> Certificate | None:
        """Return what the camera shows where TLS begins; nothing is sent there."""
        if source.scheme not in ("rtsp", "rtsps", "https"):
            return None
        port = RTSPS_PORT if source.scheme == "rtsp" else source.port
        self._progress("TLS: guardo il certificato", "TLS: looking at the certificate")
        found = await tls.seen(source.host, port)
        return Certificate(found, port) if found else None

    async def _others(self, order: Order, result: ProbeResult) -> list[Trial]:
        """Try the ways that the source does not name, one after the other."""
        made: list[Trial] = []
        if order.source.scheme == "rtsp" and result.certificate is None:
            made.append(Trial(Way.TLS, works=False, problem=f"no TLS on port {RTSPS_PORT}"))
        for way, source in _variants(order.source, result.certificate):
            await self._clock.sleep(PAUSE_S)
            self._progress(f"{way.value}: provo", f"{way.value}: trying")
            watched = await self._watch(source, TRIAL_S, until_key=True)
            works = watched.outcome is Outcome.MEASURED
            first_key_s = watched.measure.result().first_key_s
            refused = watched.outcome is Outcome.REFUSED
            problem = "" if works else watched.problem
            made.append(Trial(way, works, problem, first_key_s, refused))
            if refused:
                break
        return made

    async def _watch(self, source: StreamSource, seconds: float, *, until_key: bool) -> _Watched:
        """Run one session: `seconds` of pictures, or until the first key picture."""
        measure = Measure(self._clock.monotonic_s())
        loop = asyncio.get_running_loop()
        bound = asyncio.timeout(min(FIRST_PICTURE_S, TRIAL_S) if until_key else FIRST_PICTURE_S)

        def take(unit: AccessUnit) -> None:
            measure.take(unit)
            if until_key and unit.is_key:
                bound.reschedule(loop.time())
            elif measure.units == 1 and not until_key:
                bound.reschedule(loop.time() + seconds)
            if unit.is_key and not until_key:
                self.on_key(unit)

        session = self._open(source, Sink(take, lambda _: None, lambda: None))
        error: PeerError | None = None
        try:
            async with bound:
                await session.run()
        except TimeoutError:
            pass  # the time that it was given is over
        except PeerError as caught:
            error = caught
        outcome = _outcome(error, measure)
        return _Watched(measure, session.statistics(), outcome, str(error) if error else "")

    async def _ask_device(self, target: OnvifTarget) -> DeviceFacts | None:
        if self.open_device is None:
            return None
        self._progress("ONVIF: chiedo al dispositivo", "ONVIF: asking the device")
        facts = DeviceFacts(target.url)
        try:
            async with asyncio.timeout(DEVICE_S), self.open_device(target) as device:
                return await _describe(device, facts)
        except TimeoutError:
            return replace(facts, problem=f"no answer within {DEVICE_S:g} s")
        except PeerError as error:
            return replace(facts, problem=str(error))


async def _describe(device: Device, facts: DeviceFacts) -> DeviceFacts:
    made, services = await device.information(), await device.services()
    profiles, time = await device.profiles(), await device.ntp()
    return replace(
        facts,
        manufacturer=made.manufacturer,
        model=made.model,
        firmware=made.firmware,
        services=tuple(one.namespace for one in services),
        profiles=tuple(map(_profile_facts, profiles)),
        has_events=device.has_events,
        has_media2=device.has_media2,
        clock_offset_s=device.clock_offset_s,
        time_from=time.kind.value if time.kind else "",
        ntp_servers=time.servers,
        ntp_from_dhcp=time.from_dhcp,
        notes=device.notes,
    )


def _profile_facts(profile: MediaProfile) -> ProfileFacts:
    codec = profile.codec.value if profile.codec else profile.encoding
    return ProfileFacts(
        profile.token,
        profile.name,
        profile.source_token,
        codec,
        profile.size_px,
        profile.fps,
        profile.gop,
    )


def _outcome(error: PeerError | None, measure: Measure) -> Outcome:
    if isinstance(error, CredentialError):
        return Outcome.REFUSED
    if isinstance(error, BusyError):
        return Outcome.BUSY
    if measure.key_units:
        return Outcome.MEASURED
    if error is None or isinstance(error, StallError):
        return Outcome.NO_PICTURE
    if isinstance(error, WireError | UnusableStreamError):
        return Outcome.UNUSABLE
    return Outcome.UNREACHABLE


def _way(source: StreamSource) -> Way:
    if source.scheme in ("rtsps", "https"):
        return Way.TLS
    return Way.UDP if source.transport is Transport.UDP else Way.TCP


def _variants(
    source: StreamSource, certificate: Certificate | None
) -> list[tuple[Way, StreamSource]]:
    """Return what else an `rtsp://` source could be; what is TLS already is never asked in clear.

    The session by TLS is held to the pin of the registry, else to the certificate just seen.
    """
    if source.scheme != "rtsp":
        return []
    by_udp = source.transport is Transport.UDP
    other = (Way.TCP, Transport.TCP) if by_udp else (Way.UDP, Transport.UDP)
    made = [(other[0], replace(source, transport=other[1]))]
    if certificate is not None:
        host = f"[{source.host}]" if ":" in source.host else source.host
        parts = urlsplit(source.url)._replace(scheme="rtsps", netloc=f"{host}:{certificate.port}")
        trust = source.trust
        if not trust.sha256:
            trust = replace(trust, sha256=certificate.sha256)
        made.append(
            (Way.TLS, replace(source, url=parts.geturl(), trust=trust, transport=Transport.TCP))
        )
    return made
