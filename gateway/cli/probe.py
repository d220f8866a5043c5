# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco probe`: what a camera's stream is like, what is wrong with it and what to change."""

import asyncio
import sys
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import urlsplit

from gateway.cli.control_client import Control
from gateway.cli.login import camera_login
from gateway.cli.progress import Progress
from gateway.cli.speech import Say
from gateway.ingest import camera, probed
from gateway.ingest.findings import offset_of
from gateway.ingest.nvr import renditions
from gateway.ingest.onvif import open_device
from gateway.ingest.onvif_model import OnvifDevice, OnvifTarget
from gateway.ingest.probe import Order, Prober
from gateway.ingest.probed import Outcome, ProbeResult, Severity, Trial
from gateway.ingest.source import Session, Sink, StreamSource, Trust
from gateway.model.errors import ConfigError, PeerError
from gateway.model.registry import Transport
from gateway.runtime.clock import SystemClock

EXIT_FAIL = 1
EXIT_UNUSABLE = 2
WHERE = "varco probe"
TICK_S = 1.0
_SIGNS = {Severity.FAIL: "✗", Severity.WARN: "!", Severity.INFO: "·"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """What was typed."""

    target: str
    """A URL, or the id of a camera in the registry."""
    seconds: float
    as_json: bool
    credential: str | None
    ask: bool
    """Ask for user and password at the terminal."""
    udp: bool
    tls_sha256: str
    onvif: str
    """URL of the device service; empty: not known."""

    @property
    def is_url(self) -> bool:
        """Return whether the camera need not be in the registry."""
        return "://" in self.target


def probe_camera(control: Control, request: ProbeRequest, say: Say) -> int:
    """Have the daemon probe a camera of its registry, and print what it found."""
    own = (request.credential, request.ask, request.udp, request.tls_sha256, request.onvif)
    if any(own):
        problem = say("è nel registro: vale ciò che vi è scritto", "is in the registry")
        advice = say("per provare altro scrivere l'URL", "to try something else write the URL")
        raise ConfigError(WHERE, request.target, problem, advice)
    progress = Progress(say, sys.stderr, SystemClock())
    result = control.probe(request.target, request.seconds, progress)
    progress.clear()
    return _report(result, request, say)


def probe_url(request: ProbeRequest, say: Say) -> int:
    """Probe a camera by its URL from here, without the daemon, and print what was found."""
    user, password = camera_login(request.credential, ask=request.ask, say=say, where=WHERE)
    try:
        source = _source(request, user, password)
    except ConfigError as error:
        print(f"{say('inutilizzabile', 'unusable')}: {error}", file=sys.stderr)
        return EXIT_UNUSABLE
    progress = Progress(say, sys.stderr, SystemClock())
    try:
        result = asyncio.run(ticking(_probe(source, request, progress), progress))
    except PeerError as error:
        progress.clear()
        print(f"{say('inutilizzabile', 'unusable')}: {error}", file=sys.stderr)
        return EXIT_UNUSABLE
    progress.clear()
    return _report(result, request, say)


def _source(request: ProbeRequest, user: str, password: str) -> StreamSource:
    advice = "write the URL without them, and --login or --credential file:/absolute/path"
    try:
        return StreamSource(
            camera="",
            url=request.target,
            user=user,
            password=password,
            transport=Transport.UDP if request.udp else Transport.TCP,
            trust=Trust(sha256=request.tls_sha256),
        )
    except ConfigError as error:
        hint = advice if "credentials" in error.problem else error.advice
        raise ConfigError(WHERE, "URL", error.problem, hint) from None


async def ticking(work: Coroutine[None, None, T], progress: Progress) -> T:
    """Return what the work makes, with a line that shows the seconds meanwhile."""
    clock = SystemClock()

    async def tick() -> None:
        while True:
            await clock.sleep(TICK_S)
            progress.tick()

    ticker = asyncio.TaskGroup()
    try:
        async with ticker:
            ticks = ticker.create_task(tick())
            done = await work
            ticks.cancel()
    except ExceptionGroup as group:
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None  # a command fails with one error
        raise
    return done


async def _probe(source: StreamSource, request: ProbeRequest, progress: Progress) -> ProbeResult:
    clock = SystemClock()

    def opened(target: OnvifTarget) -> AbstractAsyncContextManager[OnvifDevice]:
        return open_device(target, clock=clock)

    def session(one: StreamSource, sink: Sink) -> Session:
        return camera.open_session(one, sink, clock=clock)

    device_url = request.onvif
    if "/onvif/" in urlsplit(source.url).path:
        device_url = source.url
    target = None
    if device_url:
        target = OnvifTarget("", device_url, source.user, source.password, source.trust)
    if target is not None and device_url == source.url:
        progress.tell("ONVIF: chiedo l'URL del flusso", "ONVIF: asking for the stream's URL")
        async with opened(target) as device:
            source = replace(source, url=await _stream_url(device, source.transport))
    prober = Prober(session, clock, progress.tell)
    prober.open_device = opened
    return await prober.probe(Order(source, request.seconds, device=target))


async def _stream_url(device: OnvifDevice, transport: Transport) -> str:
    main, _ = renditions(await device.profiles())
    if main is None:
        raise PeerError("the device has no profile with video that we can read")
    return await device.stream_uri(main.token, transport=transport)


def _report(result: ProbeResult, request: ProbeRequest, say: Say) -> int:
    if request.as_json:
        print(probed.dump(result))
    else:
        for line in words(result, say):
            print(line)
    if result.outcome is not Outcome.MEASURED:
        return EXIT_UNUSABLE
    return EXIT_FAIL if result.worst is Severity.FAIL else 0


def words(result: ProbeResult, say: Say) -> list[str]:
    """Return a result for people, line by line."""
    told = [result.camera or result.address]
    if result.stream.units:
        told += _stream_words(result, say)
    told += _line_words(result, say)
    told += _device_words(result, say)
    told.append("")
    if not any(one.severity is not Severity.INFO for one in result.findings):
        told.append(say("Nulla da correggere.", "Nothing to correct."))
    for one in result.findings:
        told.append(f"{_SIGNS[one.severity]} {say(one.text_it, one.text_en)}")
        if one.advice_it:
            told.append(f"  → {say(one.advice_it, one.advice_en)}")
    return told


def _fact(name: str, value: str) -> str:
    return f"  {name:<14} {value}"


def _stream_words(result: ProbeResult, say: Say) -> list[str]:
    stream, (width, height) = result.stream, result.session.size_px
    codec = f"{stream.codec.value if stream.codec else '?'} {stream.profile} {stream.level}".strip()
    at_least = "≥ " if stream.gop_is_open else ""
    yes_no = say("sì", "yes") if stream.b_frames else "no"
    first = f"{stream.first_key_s:.2f} s" if stream.first_key_s is not None else "–"
    rtp = say(f"{stream.fps:g} per tempo RTP", f"{stream.fps:g} by RTP time")
    mean = say("medio, di picco", "mean, peak")
    return [
        _fact(say("flusso", "stream"), f"{codec}, {width} × {height}"),
        _fact(say("cadenza", "rate"), f"{stream.fps_arrival:g} fps ({rtp})"),
        _fact("GOP", f"{at_least}{stream.gop_units}, {at_least}{stream.gop_s:g} s"),
        _fact("bit rate", f"{stream.mean_kbps:.0f} / {stream.peak_kbps:.0f} kbit/s ({mean})"),
        _fact(say("immagini B", "B pictures"), f"{yes_no}; slice: {stream.slices}"),
        _fact(say("prima chiave", "first key"), first),
    ]


def _line_words(result: ProbeResult, say: Say) -> list[str]:
    session = result.session
    ways = ", ".join(_way_words(one, say) for one in result.trials)
    told = [_fact(say("trasporti", "transports"), ways)]
    none = say("nessuna", "none")
    if result.outcome is Outcome.MEASURED:
        told += [
            _fact(say("cifratura", "encryption"), session.tls or none),
            _fact(say("accesso", "sign-in"), session.authentication or none),
            _fact(say("persi", "lost"), f"{session.lost_packets} {say('pacchetti', 'packets')}"),
        ]
    if result.certificate is not None:
        seen = f"SHA-256 {result.certificate.sha256} (:{result.certificate.port})"
        told.append(_fact(say("certificato", "certificate"), seen))
    offset_s = offset_of(result)
    if offset_s is not None:
        drift = session.clock_drift_ppm
        more = f", {drift:+.0f} ppm" if drift is not None else ""
        told.append(_fact(say("orologio", "clock"), f"{offset_s:+.2f} s{more}"))
    if session.parameter_sets:
        told.append(
            _fact(say("SPS e PPS", "SPS and PPS"), _sets_words(session.parameter_sets, say))
        )
    if session.server:
        told.append(_fact(say("si dice", "says it is"), session.server))
    return told


def _sets_words(parameter_sets: str, say: Say) -> str:
    words = {
        "SDP": say("solo nell'SDP", "in the SDP only"),
        "in-band": say("solo nel flusso", "in the stream only"),
        "both": say("nell'SDP e nel flusso", "in the SDP and in the stream"),
    }
    return words.get(parameter_sets, parameter_sets)


def _way_words(trial: Trial, say: Say) -> str:
    if not trial.works:
        return f"{trial.way.value} no"
    first = f" ({trial.first_key_s:.1f} s)" if trial.first_key_s is not None else ""
    return f"{trial.way.value} {say('sì', 'yes')}{first}"


def _device_words(result: ProbeResult, say: Say) -> list[str]:
    device = result.device
    if device is None:
        return []
    made = f"{device.manufacturer} {device.model} {device.firmware}".strip() or device.url
    events = say("eventi sì", "events yes") if device.has_events else say("eventi no", "no events")
    told = [
        _fact("ONVIF", f"{made}; {len(device.services)} {say('servizi', 'services')}, {events}")
    ]
    servers = ", ".join(device.ntp_servers) or ("DHCP" if device.ntp_from_dhcp else "–")
    told.append(_fact("NTP", f"{device.time_from or '–'} ({servers})"))
    for one in device.profiles:
        width, height = one.size_px
        told.append(
            _fact(
                say("profilo", "profile"),
                f"{one.name}: {one.codec} {width} × {height}, {one.fps:g} fps, GOP {one.gop}",
            )
        )
    return told
