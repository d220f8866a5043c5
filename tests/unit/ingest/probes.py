# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Results of probes to start from."""

from dataclasses import replace

from gateway.ingest.measure import StreamMeasure
from gateway.ingest.probed import DeviceFacts, Outcome, ProbeResult, Trial, Way
from gateway.ingest.source import SessionStatistics
from gateway.model.media import Codec

GOOD = ProbeResult(
    address="rtsps://192.0.2.20:322",
    camera="piazza-1",
    utc="2026-11-22T17:00:00.000Z",
    outcome=Outcome.MEASURED,
    stream=StreamMeasure(
        codec=Codec.H264,
        profile="High",
        level="4.1",
        units=251,
        key_units=6,
        seconds=10.0,
        fps=25.0,
        fps_arrival=25.0,
        longest_gap_s=0.05,
        gop_units=50,
        gop_s=2.0,
        mean_kbps=4100.0,
        peak_kbps=5200.0,
        slices=1,
        first_key_s=0.8,
    ),
    session=SessionStatistics(
        received_bytes=5_125_000,
        codec=Codec.H264,
        size_px=(1920, 1080),
        clock_offset_s=0.2,
        clock_drift_ppm=8.0,
        server="Camera/1.0",
        authentication="Digest SHA-256",
        tls="TLSv1.3 TLS_AES_256_GCM_SHA384",
        transport="RTP/TCP",
        parameter_sets="both",
    ),
    trials=(Trial(Way.TLS, works=True, first_key_s=0.8),),
)
DEVICE = DeviceFacts(
    "http://192.0.2.20/onvif/device_service",
    "ACME",
    "C1",
    "1.0",
    has_events=True,
    time_from="NTP",
    ntp_servers=("192.0.2.1",),
)


def stream(**changes):
    """The good result with another stream."""
    return replace(GOOD, stream=replace(GOOD.stream, **changes))


def session(**changes):
    """The good result with another session."""
    return replace(GOOD, session=replace(GOOD.session, **changes))
