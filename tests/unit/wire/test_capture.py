# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.capture."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.time import Moment
from gateway.wire.capture import MOST_AGE_S, MOST_SPANS, CaptureClock
from gateway.wire.rtcp import RtcpSenderReport, ntp_from_utc_us

NOW_US = 1_795_348_800_000_000


def at(seconds):
    return Moment(100 + seconds, NOW_US + round(seconds * 1e6))


def report(camera_s, timestamp):
    return RtcpSenderReport(1, ntp_from_utc_us(NOW_US + round(camera_s * 1e6)), timestamp)


def test_without_reports_received_is_all_there_is():
    """No report, or one without wall clock, changes nothing."""
    capture = CaptureClock()
    assert capture.captured(5, at(1)) == at(1)
    capture.report(RtcpSenderReport(1, 0, 5), at(0))
    assert capture.captured(5, at(1)) == at(1)
    assert capture.offset_s is None


@given(
    st.floats(-3e7, 3e7),
    st.integers(0, 2**32 - 1),
    st.floats(0.01, MOST_AGE_S - 0.5),
)
def test_pictures_are_dated_by_us_however_wrong_the_camera_clock_is(wrong_s, origin, age_s):
    """A camera half a year off, timestamps wrapping: the picture's age is right to a tick."""
    capture = CaptureClock()
    capture.report(report(wrong_s, origin), at(0))
    timestamp = origin + round(90_000 * (20 - age_s)) & 0xFFFFFFFF
    captured = capture.captured(timestamp, at(20))
    assert captured.monotonic_s == pytest.approx(120 - age_s, abs=1e-4)
    assert captured.utc_us == pytest.approx(NOW_US + (20 - age_s) * 1e6, abs=100)
    assert capture.offset_s == pytest.approx(wrong_s, abs=1e-5)


def test_the_quickest_report_counts():
    """Reports that were held up on the way do not make pictures look younger."""
    capture = CaptureClock()
    for second, held_up_s in enumerate((0.3, 0.01, 0.4)):
        capture.report(report(second, 90_000 * second), at(second + held_up_s))
    captured = capture.captured(90_000 * 3, at(3.5))
    assert captured.monotonic_s == pytest.approx(103.01, abs=1e-4)


def test_a_camera_whose_clock_is_set_is_followed_at_once():
    """A step of its clock drops the older reports."""
    capture = CaptureClock()
    capture.report(report(0, 0), at(0.1))
    capture.report(report(3600, 90_000), at(1.2))
    assert capture.captured(180_000, at(2.5)).monotonic_s == pytest.approx(102.2, abs=1e-4)
    assert capture.offset_s == pytest.approx(3598.8, abs=1e-4)


@pytest.mark.parametrize("age_s", [-0.5, MOST_AGE_S + 0.5])
def test_impossible_ages_are_not_believed(age_s):
    """A picture from the future, or one that no camera would have held so long."""
    capture = CaptureClock()
    capture.report(report(0, 0), at(0))
    assert capture.captured(round(90_000 * (20 - age_s)) & 0xFFFFFFFF, at(20)) == at(20)


def measured(drift_ppm, *, wrong_s=0.0, minutes=20.0, ways_s=(0.01,), lead=lambda second: 0.0):
    """A capture clock after reports each 5 s from a camera that drifts; `ways_s` repeat."""
    capture = CaptureClock()
    for index, second in enumerate(range(0, int(60 * minutes), 5)):
        camera_s = wrong_s + second * (1 + drift_ppm * 1e-6) + lead(second)
        capture.report(report(camera_s, 90_000 * second), at(second + ways_s[index % len(ways_s)]))
    return capture


@given(
    st.floats(-200, 200),
    st.floats(-3e8, 3e8),
    st.lists(st.floats(0.001, 0.02), min_size=20, max_size=240),
)
def test_drift_is_measured_however_wrong_the_clock_is(drift_ppm, wrong_s, ways_s):
    """Clocks off by ten years and 200 ppm, ways of 1 to 20 ms: right to the way's own change."""
    capture = measured(drift_ppm, wrong_s=wrong_s, ways_s=ways_s)
    assert capture.drift_ppm == pytest.approx(drift_ppm, abs=25)
    now_wrong_s = wrong_s + 1195 * drift_ppm * 1e-6
    assert capture.offset_s == pytest.approx(now_wrong_s, abs=0.03)


def test_drift_over_an_even_way_is_exact():
    """Nothing but the resolution of the clocks is left."""
    assert measured(42.0).drift_ppm == pytest.approx(42.0, abs=0.1)


def test_drift_is_unknown_until_it_means_something():
    """Four minutes of jitter would tell a drift that is none."""
    assert measured(50, minutes=4).drift_ppm is None
    assert measured(50, minutes=6).drift_ppm is not None


@pytest.mark.parametrize("step_s", [0.25, -0.25, 3600, -1e8])
def test_a_clock_that_is_set_starts_the_measure_anew(step_s):
    """No slope is drawn across a step, small or large; minutes later the drift is right again."""
    steps = measured(30, minutes=12, lead=lambda second: step_s if second >= 400 else 0.0)
    assert steps.drift_ppm is None or steps.drift_ppm == pytest.approx(30, abs=1)
    later = measured(30, minutes=20, lead=lambda second: step_s if second >= 400 else 0.0)
    assert later.drift_ppm == pytest.approx(30, abs=1)
    assert later.offset_s == pytest.approx(step_s + 0.036, abs=0.02)


def test_a_jam_on_the_way_is_no_step():
    """Half a minute in which every report is late by half a second changes nothing."""
    jammed = [0.5 if 500 <= second < 530 else 0.01 for second in range(0, 1200, 5)]
    for minutes in (10, 20):
        found = measured(-80, minutes=minutes, ways_s=jammed).drift_ppm
        assert found == pytest.approx(-80, abs=2)


def test_the_memory_of_a_camera_that_reports_without_end_is_bounded():
    """A day of reports keeps no more than sixteen minutes of spans."""
    capture = measured(10, minutes=24 * 60)
    assert len(capture._drift._at_s) == MOST_SPANS
