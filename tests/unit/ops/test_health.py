# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from gateway.model.media import StreamState, StreamStatus
from gateway.model.room import LineState, LineStatus
from gateway.model.time import ClockQuality
from gateway.ops.health import (
    BoxSnapshot,
    DeviceSnapshot,
    LineSnapshot,
    described,
    health,
    metrics_text,
)

FINE = BoxSnapshot(
    version="0.1.0",
    uptime_s=12.5,
    cameras=(
        ("piazza", StreamStatus(StreamState.LIVE, units=25, clock_offset_s=-0.25)),
        ("farmacia", StreamStatus(StreamState.UNREACHABLE, problem="no route")),
    ),
    viewers=2,
    ledger_size=7,
    ledger_spilling=False,
    registry_version=1,
    alarms_open=1,
    deliveries_waiting=3,
    media_restarts=0,
    children_restarts=4,
    stale=(),
    biometrics_dropped=6,
)


def test_a_broken_camera_is_shown_but_does_not_fail_the_box():
    """Restarting the daemon would not mend a camera."""
    verdict = health(FINE)
    assert verdict.ok
    assert verdict.problems == ("camera farmacia: unreachable",)


def test_a_stalled_part_or_a_spilling_ledger_fails_the_box():
    """Both mean that the box does not do its duty."""
    assert not health(replace(FINE, stale=("disk",))).ok
    assert not health(replace(FINE, ledger_spilling=True)).ok


def test_metrics_parse_and_carry_the_values():
    """A Prometheus parser reads back what the snapshot says."""
    samples = {
        (s.name, tuple(s.labels.values())): s.value
        for family in text_string_to_metric_families(metrics_text(FINE).decode())
        for s in family.samples
    }
    assert samples["varco_camera_live", ("piazza",)] == 1
    assert samples["varco_camera_live", ("farmacia",)] == 0
    assert samples["varco_camera_units_total", ("piazza",)] == 25
    assert samples["varco_camera_clock_offset_seconds", ("piazza",)] == -0.25
    assert samples["varco_process_restarts_total", ("child",)] == 4
    assert samples["varco_ledger_entries", ()] == 7


def test_labels_name_cameras_and_processes_only():
    """No person, plate or case may ever become a label (rule of the log)."""
    names = {
        label
        for family in text_string_to_metric_families(metrics_text(FINE).decode())
        for sample in family.samples
        for label in sample.labels
    }
    assert names <= {"camera", "process", "state", "device"}


def samples_of(snapshot):
    return {
        (s.name, tuple(s.labels.values())): s.value
        for family in text_string_to_metric_families(metrics_text(snapshot).decode())
        for s in family.samples
    }


def test_a_stream_is_exported_with_its_state_stalls_rate_and_clock():
    """One state of all is 1; what is not known has no sample."""
    status = StreamStatus(
        StreamState.STALLED, connects=4, stalls=3, fps=24.9, clock_drift_ppm=-12.5, key_units=7
    )
    samples = samples_of(replace(FINE, cameras=(("gate", status), *FINE.cameras)))
    states = {s: samples["varco_camera_state", ("gate", s.value)] for s in StreamState}
    assert states == {s: float(s is StreamState.STALLED) for s in StreamState}
    assert samples["varco_camera_stalls_total", ("gate",)] == 3
    assert samples["varco_camera_reconnects_total", ("gate",)] == 3
    assert samples["varco_camera_fps", ("gate",)] == 24.9
    assert samples["varco_camera_clock_drift_ppm", ("gate",)] == -12.5
    assert ("varco_camera_clock_drift_ppm", ("piazza",)) not in samples


NVR = DeviceSnapshot("nvr", reachable=True, subscription_healthy=False, events=9, dropped=4)


def test_devices_are_exported_and_their_troubles_told():
    """A silent subscription is a line for a person; without events there is no gauge."""
    plain = DeviceSnapshot("cam", reachable=False)
    odd = DeviceSnapshot("odd", reachable=False, problem="a document type is refused")
    snapshot = replace(FINE, devices=(NVR, plain, odd))
    samples = samples_of(snapshot)
    assert samples["varco_device_subscription_healthy", ("nvr",)] == 0
    assert samples["varco_device_events_total", ("nvr",)] == 9
    assert samples["varco_device_biometrics_dropped_total", ("nvr",)] == 4
    assert ("varco_device_biometrics_dropped_total", ("cam",)) not in samples
    assert samples["varco_device_reachable", ("cam",)] == 0
    assert ("varco_device_subscription_healthy", ("cam",)) not in samples
    verdict = health(snapshot)
    assert verdict.ok
    assert "device nvr: its events do not arrive" in verdict.problems
    assert "device cam: unreachable" in verdict.problems
    assert "device odd: unreachable: a document type is refused" in verdict.problems


def test_a_wrong_camera_clock_is_told():
    """B-57: more than a second is a line, more than five blocks sealing."""
    cameras = (("a", StreamStatus(StreamState.LIVE, clock_offset_s=-3.0)),)
    assert health(replace(FINE, cameras=cameras)).problems == (
        "camera a: clock slow by 3.0 s: set NTP",
    )


def test_with_a_clock_of_our_own_in_doubt_no_camera_is_blamed():
    """One line about us, none about them."""
    cameras = (("a", StreamStatus(StreamState.LIVE, clock_offset_s=-3000.0)),)
    doubt = replace(FINE, cameras=cameras, clock=ClockQuality.UNSYNCHRONISED)
    (problem,) = health(doubt).problems
    assert problem.startswith("clock: this box's own clock is not synchronised")
    assert samples_of(doubt)["varco_clock_synchronised", ()] == 0


def test_what_is_described_is_what_is_exposed():
    """The page of metrics is made from the description; nothing more and nothing less is sent."""
    families = {
        (f.name, f.documentation, f.type == "counter")
        for f in text_string_to_metric_families(
            metrics_text(replace(FINE, devices=(NVR,))).decode()
        )
    }
    assert families == {(d.name, d.about, d.is_counter) for d in described()}


def test_lines_are_exported_with_state_silence_and_bytes():
    """By name and by what is at the other end; addresses stay out."""
    status = LineStatus(
        "questura", LineState.UP, round_trip_ms=120.0, address="203.0.113.9:8445",
        sent_bytes=9, received_bytes=7, streams=2, dials=3,
    )  # fmt: skip
    snapshot = replace(FINE, lines=(LineSnapshot("sala", "room", status, 1.5),))
    text = metrics_text(snapshot).decode()
    samples = {
        (s.name, tuple(s.labels.values())): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }
    assert samples["varco_line_state", ("sala", "room", LineState.UP.value)] == 1
    assert samples["varco_line_state", ("sala", "room", LineState.DOWN.value)] == 0
    of_line = ("heard_seconds", "round_trip_seconds", "streams", "dials_total", "sent_bytes_total")
    told = [samples[f"varco_line_{name}", ("sala", "room")] for name in of_line]
    assert told == [1.5, 0.12, 2, 3, 9]
    assert "203.0.113.9" not in text
