# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""When a picture was taken: RTP time, through the camera's sender reports, on our own clocks."""

from collections import deque

from gateway.model.time import Moment
from gateway.wire.rtcp import RtcpSenderReport, utc_us_from_ntp
from gateway.wire.rtp import HALF_TIMESTAMP

CLOCK_HZ = 90_000
"""Of every video format that we take (RFC 6184 §5.1)."""
WINDOW = 8
"""Reports whose quickest counts: half a minute at the usual 5 s, so that drift stays small."""
STEP_S = 1.0
"""A report this far off the others means that the camera's clock was set."""
MOST_AGE_S = 10.0
"""No camera holds a picture longer; beyond that its reports are wrong and are not believed."""


class CaptureClock:
    """Maps one stream's RTP timestamps to Moments.

    The camera's clock may be wrong by years: the quickest of the last reports ties it to our
    monotonic clock, so that what remains is the shortest way of a packet (RFC 3550 §6.4.1).
    """

    def __init__(self) -> None:
        self.offset_s: float | None = None
        """Camera clock minus our UTC at the last report (B-57); None before any."""
        self._timestamp = 0
        self._camera_s = 0.0
        self._leads_s: deque[float] = deque(maxlen=WINDOW)

    def report(self, report: RtcpSenderReport, received: Moment) -> None:
        """Take a sender report; one without wall clock (NTP time 0) says nothing."""
        if not report.ntp:
            return
        camera_us = utc_us_from_ntp(report.ntp)
        self._camera_s = camera_us / 1e6
        self._timestamp = report.timestamp
        self.offset_s = (camera_us - received.utc_us) / 1e6
        lead_s = received.monotonic_s - self._camera_s
        if self._leads_s and abs(lead_s - min(self._leads_s)) > STEP_S:
            self._leads_s.clear()
        self._leads_s.append(lead_s)

    def captured(self, timestamp: int, received: Moment) -> Moment:
        """Return when the picture with this RTP timestamp was taken, never after `received`."""
        if not self._leads_s:
            return received
        ticks = (timestamp - self._timestamp + HALF_TIMESTAMP & 0xFFFFFFFF) - HALF_TIMESTAMP
        taken_s = self._camera_s + ticks / CLOCK_HZ + min(self._leads_s)
        age_s = received.monotonic_s - taken_s
        return received.shifted(-age_s) if 0 < age_s <= MOST_AGE_S else received
