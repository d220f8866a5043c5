# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From what a probe measured to what is wrong and what to change, in words. Pure."""

from collections.abc import Iterator

from gateway.ingest.measure import StreamMeasure
from gateway.ingest.probed import Finding, Outcome, ProbeResult, Severity, Way
from gateway.model.media import Codec

WANTED_GOP_S = 2.0
"""What we advise: a viewer starts, and a watch looks, at key pictures."""
MOST_GOP_S = 4.0
WORST_GOP_S = 10.0
LEAST_FPS = 12.0
"""A-08: below it a running person is hard to follow."""
WORST_FPS = 5.0
OFFSET_WARN_S = 1.0
"""B-57."""
OFFSET_FAIL_S = 5.0
"""B-57: evidence cannot be sealed."""
DRIFT_PPM = 100.0
"""Quartz is better than this; it loses 9 s a day."""
RATE_SPREAD = 0.1
"""How far the camera's rate may be from the one that we see."""
LEAST_UNITS = 25
"""Fewer pictures say nothing about rates."""
LOSS_WARN = 0.0
LATE_KEY_S = 5.0
MOST_SLICES = 8
_BROWSER_PROFILES = {"Baseline", "Constrained Baseline", "Main", "High"}


def find(result: ProbeResult) -> tuple[Finding, ...]:
    """Return everything that a person should know, the worst first."""
    found = [*_outcome(result), *_security(result), *_clock(result), *_ways(result)]
    if result.stream.units:
        found += [*_gop(result.stream), *_rate(result.stream), *_coding(result.stream)]
        found += [*_losses(result), *_parameter_sets(result)]
    found += _device(result)
    order = list(reversed(Severity))
    return tuple(sorted(found, key=lambda one: order.index(one.severity)))


_Words = tuple[str, str, str, str, str]
_OUTCOMES: dict[Outcome, _Words] = {
    Outcome.REFUSED: (
        "credentials-refused",
        "la telecamera rifiuta le credenziali",
        "the camera refuses the credentials",
        "dare utente e password giusti; non è stato ritentato, per non bloccare l'account",
        "give the right user and password; it was tried once, so that no account is locked",
    ),
    Outcome.UNREACHABLE: (
        "unreachable",
        "la telecamera non si raggiunge o interrompe",
        "the camera cannot be reached or hangs up",
        "controllare indirizzo, porta, VLAN e firewall",
        "check address, port, VLAN and firewall",
    ),
    Outcome.BUSY: (
        "busy",
        "nessuna sessione libera",
        "no session left",
        "chiudere altre viste sul dispositivo, poi dichiarare most_sessions nel registro",
        "close other views of the device, then state most_sessions in the registry",
    ),
    Outcome.UNUSABLE: (
        "unusable",
        "risponde, ma ciò che offre non è utilizzabile",
        "it answers, but what it offers cannot be used",
        "controllare il percorso dell'URL e impostare H.264, H.265 o MJPEG",
        "check the path of the URL and set H.264, H.265 or MJPEG",
    ),
    Outcome.NO_PICTURE: (
        "no-picture",
        "la sessione si apre, ma non è arrivata alcuna immagine utilizzabile",
        "the session opens, but no usable picture came",
        "controllare che il flusso sia attivo e la distanza fra le immagini chiave",
        "check that the stream is on, and the distance of key pictures",
    ),
}
"""Code, text and advice of attempts that measured nothing."""


def _outcome(result: ProbeResult) -> Iterator[Finding]:
    if result.outcome not in _OUTCOMES:
        return
    code, italian, english, *advice = _OUTCOMES[result.outcome]
    why = f" ({result.problem})" if result.problem else ""
    yield Finding(code, Severity.FAIL, italian + why, english + why, *advice)


def _gop(stream: StreamMeasure) -> Iterator[Finding]:
    if stream.codec is Codec.JPEG or not stream.key_units:
        return
    severity = Severity.FAIL if stream.gop_s > WORST_GOP_S else Severity.WARN
    if stream.gop_s > MOST_GOP_S:
        wanted = max(1, round(stream.fps * WANTED_GOP_S))
        at_least_it = "almeno " if stream.gop_is_open else ""
        at_least_en = "at least " if stream.gop_is_open else ""
        yield Finding(
            "gop-long",
            severity,
            f"GOP di {at_least_it}{stream.gop_units} immagini ({stream.gop_s:g} s)",
            f"GOP of {at_least_en}{stream.gop_units} pictures ({stream.gop_s:g} s)",
            f"impostare {wanted} ({WANTED_GOP_S:g} s), senza modi «smart» (H.264+, H.265+, Zip)",
            f"set {wanted} ({WANTED_GOP_S:g} s), without smart modes (H.264+, H.265+, Zip)",
        )
    if stream.first_key_s is not None and stream.first_key_s > LATE_KEY_S:
        yield Finding(
            "first-key-late",
            Severity.WARN,
            f"prima immagine chiave dopo {stream.first_key_s:.1f} s",
            f"first key picture after {stream.first_key_s:.1f} s",
            "chi apre la vista aspetta altrettanto: accorciare il GOP",
            "whoever opens the view waits as long: shorten the GOP",
        )


def _rate(stream: StreamMeasure) -> Iterator[Finding]:
    if stream.units < LEAST_UNITS and stream.seconds < 1.0:
        return
    if stream.fps_arrival < LEAST_FPS:
        yield Finding(
            "fps-low",
            Severity.FAIL if stream.fps_arrival < WORST_FPS else Severity.WARN,
            f"{stream.fps_arrival:g} immagini al secondo",
            f"{stream.fps_arrival:g} pictures a second",
            f"impostarne almeno {LEAST_FPS:g}",
            f"set at least {LEAST_FPS:g}",
        )
    spread = abs(stream.fps - stream.fps_arrival) / stream.fps_arrival if stream.fps_arrival else 0
    if stream.units >= LEAST_UNITS and spread > RATE_SPREAD:
        yield Finding(
            "rtp-clock",
            Severity.WARN,
            f"il tempo RTP dice {stream.fps:g} immagini/s, ne arrivano {stream.fps_arrival:g}",
            f"RTP time says {stream.fps:g} pictures/s, {stream.fps_arrival:g} arrive",
            "rete satura, oppure orologio RTP errato: verificare la rete, poi il firmware",
            "a full network, or a wrong RTP clock: check the network, then the firmware",
        )


def _coding(stream: StreamMeasure) -> Iterator[Finding]:
    if stream.b_frames:
        yield Finding(
            "b-frames",
            Severity.WARN,
            "il flusso contiene immagini B: i browser le mostrano male e il ritardo cresce",
            "the stream has B pictures: browsers show them badly and the delay grows",
            "disattivare le immagini B (o profilo Baseline)",
            "switch B pictures off (or use the Baseline profile)",
        )
    if stream.codec is Codec.H264 and stream.profile not in _BROWSER_PROFILES:
        yield Finding(
            "profile",
            Severity.WARN,
            f"profilo H.264 {stream.profile or 'sconosciuto'}: molti browser non lo leggono",
            f"H.264 profile {stream.profile or 'unknown'}: many browsers cannot read it",
            "impostare Main o High",
            "set Main or High",
        )
    if stream.slices > MOST_SLICES:
        yield Finding(
            "slices",
            Severity.INFO,
            f"{stream.slices} slice per immagine: pacchetti piccoli, più lavoro per tutti",
            f"{stream.slices} slices a picture: small packets, more work for everybody",
        )
    yield from _codec(stream)


def _codec(stream: StreamMeasure) -> Iterator[Finding]:
    if stream.codec is Codec.H265:
        yield Finding(
            "h265",
            Severity.INFO,
            "H.265: si conserva e si analizza, ma non ogni browser lo mostra",
            "H.265: kept and analysed, but not every browser shows it",
            "impostare H.264 almeno sul flusso secondario",
            "set H.264 on the sub stream at least",
        )
    if stream.codec is Codec.JPEG:
        yield Finding(
            "mjpeg",
            Severity.WARN,
            f"MJPEG: {stream.mean_kbps / 1000:.1f} Mbit/s per ciò che H.264 fa con un decimo",
            f"MJPEG: {stream.mean_kbps / 1000:.1f} Mbit/s for what H.264 does with a tenth",
            "impostare H.264",
            "set H.264",
        )


def _losses(result: ProbeResult) -> Iterator[Finding]:
    lost = result.session.lost_packets
    if lost <= LOSS_WARN:
        return
    by_udp = result.session.transport.endswith("UDP")
    yield Finding(
        "losses",
        Severity.WARN,
        f"{lost} pacchetti persi in {result.stream.seconds:.0f} s",
        f"{lost} packets lost in {result.stream.seconds:.0f} s",
        "impostare il trasporto TCP" if by_udp else "la telecamera stessa perde: ridurne la banda",
        "set the TCP transport" if by_udp else "the camera itself loses: lower its bit rate",
    )


def _parameter_sets(result: ProbeResult) -> Iterator[Finding]:
    if result.session.parameter_sets != "SDP" or not result.stream.key_units:
        return
    yield Finding(
        "sets-in-sdp-only",
        Severity.INFO,
        "i parametri del codec (SPS, PPS) sono solo nell'SDP: li aggiungiamo noi a ogni immagine "
        "chiave, ma se la telecamera cambia risoluzione il flusso va riaperto",
        "the codec's parameter sets (SPS, PPS) are in the SDP only: we add them to each key "
        "picture, but after a change of resolution the stream has to be opened anew",
    )


def _security(result: ProbeResult) -> Iterator[Finding]:
    session = result.session
    in_clear = not session.tls and result.outcome is Outcome.MEASURED
    if not in_clear:
        yield from _unverified(result)
    else:
        yield from _in_clear(result)
    if result.outcome is Outcome.MEASURED and not session.authentication:
        yield Finding(
            "no-authentication",
            Severity.FAIL,
            "nessuna autenticazione: chiunque sia in rete vede le immagini",
            "no authentication: whoever is on the network sees the pictures",
            "imporre utente e password anche per RTSP",
            "require user and password for RTSP, too",
        )
    elif in_clear and session.authentication.startswith("Basic"):
        yield Finding(
            "basic-in-clear",
            Severity.FAIL,
            "la password viaggia in chiaro (Basic senza TLS)",
            "the password travels in clear (Basic without TLS)",
            "impostare l'autenticazione Digest, poi cambiare la password",
            "set Digest authentication, then change the password",
        )


def _in_clear(result: ProbeResult) -> Iterator[Finding]:
    by_tls = any(one.works for one in result.trials if one.way is Way.TLS)
    seen = result.certificate
    if by_tls and seen is not None:
        yield Finding(
            "tls-unused",
            Severity.WARN,
            "le immagini viaggiano in chiaro, ma la telecamera offre RTSPS",
            "pictures travel in clear, though the camera offers RTSPS",
            f"usare rtsps:// sulla porta {seen.port} e fissare tls_sha256 = {seen.sha256}",
            f"use rtsps:// on port {seen.port} and pin tls_sha256 = {seen.sha256}",
        )
        return
    yield Finding(
        "in-clear",
        Severity.WARN,
        "le immagini viaggiano in chiaro",
        "pictures travel in clear",
        "attivare RTSPS; altrimenti tenere la telecamera su una VLAN propria e dichiararlo",
        "switch RTSPS on; else keep the camera on a VLAN of its own and say so",
    )


def _unverified(result: ProbeResult) -> Iterator[Finding]:
    seen = result.certificate
    if seen is None or result.session.tls or "certificate" not in result.problem.lower():
        return
    yield Finding(
        "certificate",
        Severity.FAIL,
        "il certificato della telecamera non è verificabile",
        "the camera's certificate cannot be verified",
        f"confrontarne l'impronta sulla telecamera e fissare tls_sha256 = {seen.sha256}",
        f"compare its fingerprint at the camera and pin tls_sha256 = {seen.sha256}",
    )


def offset_of(result: ProbeResult) -> float | None:
    """Return the camera's clock minus ours: by RTCP, else as its ONVIF service tells."""
    if result.session.clock_offset_s is not None:
        return result.session.clock_offset_s
    return result.device.clock_offset_s if result.device else None


def _clock(result: ProbeResult) -> Iterator[Finding]:
    offset_s, drift_ppm = offset_of(result), result.session.clock_drift_ppm
    if offset_s is None and result.outcome is Outcome.MEASURED:
        yield Finding(
            "clock-unknown",
            Severity.INFO,
            "ora della telecamera sconosciuta: non invia rapporti RTCP",
            "the camera's time is unknown: it sends no RTCP reports",
        )
    if offset_s is not None and abs(offset_s) > OFFSET_WARN_S:
        yield Finding(
            "clock-offset",
            Severity.FAIL if abs(offset_s) > OFFSET_FAIL_S else Severity.WARN,
            f"orologio della telecamera spostato di {offset_s:+.1f} s",
            f"the camera's clock is {offset_s:+.1f} s off",
            "impostare NTP, lo stesso server del gateway",
            "set NTP, the same server as the gateway",
        )
    if drift_ppm is not None and abs(drift_ppm) > DRIFT_PPM:
        yield Finding(
            "clock-drift",
            Severity.WARN,
            f"l'orologio della telecamera deriva di {drift_ppm:+.0f} ppm",
            f"the camera's clock drifts by {drift_ppm:+.0f} ppm",
            "impostare NTP sulla telecamera",
            "set NTP at the camera",
        )


def _ways(result: ProbeResult) -> Iterator[Finding]:
    for trial in result.trials[1:]:
        if trial.works or trial.way is Way.TLS:
            continue
        yield Finding(
            f"{trial.way.value.lower()}-fails",
            Severity.INFO,
            f"il trasporto {trial.way.value} non funziona ({trial.problem})",
            f"transport {trial.way.value} does not work ({trial.problem})",
        )


def _device(result: ProbeResult) -> Iterator[Finding]:
    device = result.device
    if device is None:
        return
    if device.problem:
        yield Finding(
            "onvif-fails",
            Severity.WARN,
            f"ONVIF non risponde come deve ({device.problem})",
            f"ONVIF does not answer as it should ({device.problem})",
            "attivare ONVIF e dargli un utente proprio",
            "switch ONVIF on and give it a user of its own",
        )
        return
    has_server = bool(device.ntp_servers) or device.ntp_from_dhcp
    if device.time_from != "NTP" or not has_server:
        yield Finding(
            "no-ntp",
            Severity.WARN,
            "l'ora della telecamera non viene da un server NTP",
            "the camera's time does not come from an NTP server",
            "impostare NTP, lo stesso server del gateway",
            "set NTP, the same server as the gateway",
        )
    if not device.has_events:
        yield Finding(
            "no-events",
            Severity.INFO,
            "nessun servizio di eventi ONVIF: allarmi della telecamera non disponibili",
            "no ONVIF event service: the camera's own alarms are not available",
        )
    for note in device.notes:
        yield Finding("onvif-note", Severity.INFO, f"ONVIF: {note}", f"ONVIF: {note}")
