# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.capture."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.time import Moment
from gateway.wire.capture import MOST_AGE_S, CaptureClock
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
