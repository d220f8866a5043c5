# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What is wrong with a camera, and what to change."""

from dataclasses import replace

import pytest

from gateway.ingest.findings import find, offset_of
from gateway.ingest.probed import Certificate, Outcome, Severity, Trial, Way
from gateway.model.media import Codec
from tests.unit.ingest.probes import DEVICE, GOOD, session, stream


def codes(result):
    return {one.code: one.severity for one in find(result)}


def test_a_good_camera_has_nothing_to_correct():
    """An installer reads one line and goes on."""
    assert codes(replace(GOOD, device=DEVICE)) == {}


@pytest.mark.parametrize(
    ("result", "code", "severity"),
    [
        (stream(gop_units=250, gop_s=10.0), "gop-long", Severity.WARN),
        (stream(gop_units=1500, gop_s=60.0), "gop-long", Severity.FAIL),
        (stream(first_key_s=6.0), "first-key-late", Severity.WARN),
        (stream(fps=8.0, fps_arrival=8.0), "fps-low", Severity.WARN),
        (stream(fps=2.0, fps_arrival=2.0), "fps-low", Severity.FAIL),
        (stream(fps_arrival=20.0), "rtp-clock", Severity.WARN),
        (stream(b_frames=True), "b-frames", Severity.WARN),
        (stream(profile="High 10"), "profile", Severity.WARN),
        (stream(codec=Codec.H265, profile="Main"), "h265", Severity.INFO),
        (stream(codec=Codec.JPEG, profile="", gop_s=60.0), "mjpeg", Severity.WARN),
        (stream(slices=16), "slices", Severity.INFO),
        (session(lost_packets=3), "losses", Severity.WARN),
        (session(parameter_sets="SDP"), "sets-in-sdp-only", Severity.INFO),
        (session(authentication=""), "no-authentication", Severity.FAIL),
        (session(authentication="Basic", tls=""), "basic-in-clear", Severity.FAIL),
        (session(tls=""), "in-clear", Severity.WARN),
        (session(clock_offset_s=None), "clock-unknown", Severity.INFO),
        (session(clock_offset_s=-1.5), "clock-offset", Severity.WARN),
        (session(clock_offset_s=7200.0), "clock-offset", Severity.FAIL),
        (session(clock_drift_ppm=-400.0), "clock-drift", Severity.WARN),
        (replace(GOOD, device=replace(DEVICE, time_from="Manual")), "no-ntp", Severity.WARN),
        (replace(GOOD, device=replace(DEVICE, ntp_servers=())), "no-ntp", Severity.WARN),
        (replace(GOOD, device=replace(DEVICE, has_events=False)), "no-events", Severity.INFO),
        (replace(GOOD, device=replace(DEVICE, problem="x")), "onvif-fails", Severity.WARN),
        (replace(GOOD, device=replace(DEVICE, notes=("odd",))), "onvif-note", Severity.INFO),
        (
            replace(GOOD, trials=(*GOOD.trials, Trial(Way.UDP, works=False, problem="x"))),
            "udp-fails",
            Severity.INFO,
        ),
    ],
)
def test_each_fault_is_one_finding(result, code, severity):
    """One change of the good camera, one finding of that severity, in both languages."""
    found = [one for one in find(result) if one.code == code]
    assert [one.severity for one in found] == [severity]
    (one,) = found
    assert one.text_it
    assert bool(one.advice_it) == bool(one.advice_en)
    assert one.advice_it or one.severity is Severity.INFO
    assert codes(result).keys() - {"in-clear"} == {code} - {"in-clear"}


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.REFUSED, "credentials-refused"),
        (Outcome.BUSY, "busy"),
        (Outcome.UNREACHABLE, "unreachable"),
        (Outcome.UNUSABLE, "unusable"),
        (Outcome.NO_PICTURE, "no-picture"),
    ],
)
def test_a_camera_that_cannot_be_measured_is_one_failure(outcome, code):
    """Whatever else is unknown then is not blamed on it."""
    empty = type(GOOD)(GOOD.address, "", GOOD.utc, outcome, "the peer's words")
    assert codes(empty) == {code: Severity.FAIL}


def test_the_advice_for_a_long_gop_is_a_number_that_can_be_typed():
    """GOP of 250 at 25 a second: write 50."""
    (one,) = find(stream(gop_units=250, gop_s=10.0))
    assert one.text_it == "GOP di 250 immagini (10 s)"
    assert one.advice_it.startswith("impostare 50 (2 s)")
    (one,) = find(stream(gop_units=250, gop_s=10.0, gop_is_open=True))
    assert one.text_it == "GOP di almeno 250 immagini (10 s)"


def test_tls_that_the_camera_offers_is_named_with_its_fingerprint():
    """The installer copies port and pin into the registry."""
    seen = replace(session(tls=""), certificate=Certificate("ab" * 32, 322))
    (one,) = find(replace(seen, trials=(Trial(Way.TCP, True), Trial(Way.TLS, True))))
    assert one.code == "tls-unused"
    assert "ab" * 32 in one.advice_it
    assert "322" in one.advice_it


def test_a_certificate_that_does_not_verify_is_told_with_its_fingerprint():
    """A self-signed camera is pinned, never trusted blindly."""
    refused = replace(
        GOOD,
        outcome=Outcome.UNREACHABLE,
        problem="rtsps://c: its certificate does not verify",
        session=replace(GOOD.session, tls="", authentication=""),
        certificate=Certificate("cd" * 32, 322),
    )
    found = {one.code: one for one in find(refused)}
    assert "cd" * 32 in found["certificate"].advice_it


def test_losses_over_udp_are_cured_by_tcp():
    """Over TCP it is the camera itself that loses."""
    (by_udp,) = find(session(lost_packets=3, transport="RTP/UDP"))
    (by_tcp,) = find(session(lost_packets=3))
    assert "TCP" in by_udp.advice_it
    assert "TCP" not in by_tcp.advice_it


def test_the_worst_comes_first():
    """What must be done stands on top."""
    bad = replace(stream(gop_s=60.0, slices=16), device=replace(DEVICE, time_from=""))
    severities = [one.severity for one in find(bad)]
    assert severities == [Severity.FAIL, Severity.WARN, Severity.INFO]


def test_the_offset_is_onvif_where_rtcp_tells_none():
    """RTCP is exact, ONVIF good to half a second: better than nothing."""
    silent = session(clock_offset_s=None)
    assert offset_of(GOOD) == 0.2
    assert offset_of(silent) is None
    assert offset_of(replace(silent, device=replace(DEVICE, clock_offset_s=3.0))) == 3.0
