# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from gateway.model.media import StreamState, StreamStatus
from gateway.ops.health import BoxSnapshot, health, metrics_text

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
    assert names <= {"camera", "process"}
