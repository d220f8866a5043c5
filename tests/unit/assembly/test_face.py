# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
from dataclasses import replace

from gateway.assembly.face import Face, Gauges
from gateway.model.media import StreamState, StreamStatus
from gateway.ops.watchdog import Progress
from tests.fakes import FakeClock

REFUSED = StreamStatus(StreamState.REFUSED, "camera uno: credential: no such file")
GAUGES = Gauges(
    cameras=lambda: (("uno", StreamStatus(StreamState.LIVE, units=7)),),
    viewers=lambda: 2,
    ledger_size=lambda: 3,
    ledger_spilling=lambda: False,
    registry_version=lambda: 4,
    alarms_open=lambda: 5,
    deliveries_waiting=lambda: 6,
    media_restarts=lambda: 0,
    children_restarts=lambda: 1,
    failing=lambda: (),
    limping=lambda: (),
)


def face(**changed):
    clock = FakeClock()
    return Face(replace(GAUGES, **changed), Progress(clock), clock)


def test_a_box_that_does_its_duty_is_healthy():
    """And its gauges are in the exposition."""
    one = face()
    assert (one.health().ok, one.health().problems) == (True, ())
    text = one.metrics()
    for line in ("varco_viewers 2.0", "varco_ledger_entries 3.0", "varco_alarms_open 5.0"):
        assert line in text
    assert 'varco_camera_units_total{camera="uno"} 7.0' in text


def test_a_spilling_ledger_is_a_failure_that_people_see():
    """Health says it in words, metrics as a number."""
    one = face(ledger_spilling=lambda: True)
    assert not one.health().ok
    assert "spare" in one.health().problems[0]
    assert "varco_ledger_spilling 1.0" in one.metrics()


def test_what_cannot_be_written_fails_the_box():
    """The reason comes first."""
    one = face(failing=lambda: ("ledger: not written: disk full",))
    assert not one.health().ok
    assert one.health().problems[0] == "ledger: not written: disk full"


def test_what_a_person_has_to_correct_shows_but_fails_nothing():
    """One camera or one recipient is no reason to restart a box."""
    one = face(limping=lambda: ("recipient a: no broker",), cameras=lambda: (("uno", REFUSED),))
    assert one.health().ok
    assert one.health().problems == ("camera uno: refused", "recipient a: no broker")
    assert 'varco_camera_live{camera="uno"} 0.0' in one.metrics()


def test_a_part_without_progress_fails_the_box():
    """Whatever else is well."""
    clock = FakeClock()
    progress = Progress(clock)
    progress.beat("ledger")
    clock.advance(60)
    one = Face(GAUGES, progress, clock)
    assert one.health().problems == ("no progress: ledger",)
    assert not one.health().ok
