# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""When a picture was taken: RTP time, through the camera's sender reports, on our own clocks."""

from array import array
from collections import deque
from itertools import combinations
from statistics import median

from gateway.model.time import Moment
from gateway.wire.rtcp import RtcpSenderReport, utc_us_from_ntp
from gateway.wire.rtp import HALF_TIMESTAMP

CLOCK_HZ = 90_000
"""Of every video format that we take (RFC 6184 §5.1, RFC 7798 §4.1, RFC 2435 §3)."""
WINDOW = 8
"""Reports whose quickest counts: half a minute at the usual 5 s, so that drift stays small."""
STEP_S = 1.0
"""A report this far off the others means that the camera's clock was set."""
MOST_AGE_S = 10.0
"""No camera holds a picture longer; beyond that its reports are wrong and are not believed."""

SPAN_S = 20.0
"""Of reports within such a span the quickest counts for the drift: queues on the way drop out."""
MOST_SPANS = 48
"""Spans that are remembered, 16 minutes: 1 KiB a camera."""
LEAST_SPANS = 15
"""Below 5 minutes the jitter of the way weighs more than the drift."""
SMALL_STEP_S = 0.1
"""So far off its predecessor a span does not follow from drift; some NTP clients step by that."""
STEP_AFTER = 3
"""So many spans that lie off say that the clock was set; fewer are a jam on the way."""
MOST_DRIFT_PPM = 1000.0
"""Bad crystals drift by 100; a clock that is worse was set, or is steered."""


class DriftEstimate:
    """How much faster the camera's clock runs than ours, from when its reports came.

    The median of the slopes of all pairs of spans (Theil-Sen): a third of them may be wrong.
    """

    def __init__(self) -> None:
        self.ppm: float | None = None
        """None until five minutes were seen."""
        self._at_s: array[float] = array("d")
        self._leads_s: array[float] = array("d")
        self._span_s = 0.0
        """When the running span began."""
        self._best: tuple[float, float] | None = None
        self._off: list[tuple[float, float]] = []

    def report(self, at_s: float, lead_s: float) -> None:
        """Take a report: received at monotonic `at_s`, which is `lead_s` after the camera's time.

        O(1) but for one report each `SPAN_S`, which costs about a millisecond at most.
        """
        if self._best is None:
            self._span_s, self._best = at_s, (at_s, lead_s)
        elif at_s - self._span_s >= SPAN_S:
            self._take(*self._best)
            self._span_s, self._best = at_s, (at_s, lead_s)
        elif lead_s < self._best[1]:
            self._best = (at_s, lead_s)

    def forget(self) -> None:
        """Start anew: the clock was set."""
        self.ppm, self._best, self._off = None, None, []
        self._at_s, self._leads_s = array("d"), array("d")

    def _take(self, at_s: float, lead_s: float) -> None:
        """Take the quickest report of a span."""
        if self._at_s and self._is_off(at_s, lead_s):
            self._off.append((at_s, lead_s))
            if len(self._off) < STEP_AFTER:
                return
            kept, self.ppm = self._off, None
            self._at_s = array("d", (at for at, _ in kept))
            self._leads_s = array("d", (lead for _, lead in kept))
        else:
            self._at_s.append(at_s)
            self._leads_s.append(lead_s)
        self._off = []
        if len(self._at_s) > MOST_SPANS:
            del self._at_s[0], self._leads_s[0]
        if len(self._at_s) >= LEAST_SPANS:
            self.ppm = self._slope_ppm()

    def _is_off(self, at_s: float, lead_s: float) -> bool:
        passed_s = at_s - self._at_s[-1]
        drift = -(self.ppm or 0.0) * 1e-6
        allowed_s = SMALL_STEP_S + passed_s * MOST_DRIFT_PPM * 1e-6
        return abs(lead_s - self._leads_s[-1] - drift * passed_s) > allowed_s

    def _slope_ppm(self) -> float:
        points = zip(self._at_s, self._leads_s, strict=True)
        slopes = [(b - a) / (t - s) for (s, a), (t, b) in combinations(points, 2) if t > s]
        return -1e6 * median(slopes)


class CaptureClock:
    """Maps one stream's RTP timestamps to Moments.

    The camera's clock may be wrong by years: the quickest of the last reports ties it to our
    monotonic clock, so that what remains is the shortest way of a packet (RFC 3550 §6.4.1).
    """

    def __init__(self) -> None:
        self.offset_s: float | None = None
        """Camera clock minus our UTC at the last report (B-57); None before any.

        By the quickest of the last reports: too small by the shortest way of a packet.
        """
        self._timestamp = 0
        self._camera_s = 0.0
        self._origin_s = 0.0
        """When, on our monotonic clock, the picture of the last report was taken."""
        self._leads_s: deque[float] = deque(maxlen=WINDOW)
        self._drift = DriftEstimate()

    @property
    def drift_ppm(self) -> float | None:
        """How much faster the camera's clock runs than ours; None until it was measured."""
        return self._drift.ppm

    def report(self, report: RtcpSenderReport, received: Moment) -> None:
        """Take a sender report; one without wall clock (NTP time 0) says nothing."""
        if not report.ntp:
            return
        self._camera_s = utc_us_from_ntp(report.ntp) / 1e6
        self._timestamp = report.timestamp
        lead_s = received.monotonic_s - self._camera_s
        if self._leads_s and abs(lead_s - min(self._leads_s)) > STEP_S:
            self._leads_s.clear()
            self._drift.forget()
        self._leads_s.append(lead_s)
        self._drift.report(received.monotonic_s, lead_s)
        least_s = min(self._leads_s)
        self._origin_s = self._camera_s + least_s
        camera_now_s = received.monotonic_s - least_s
        self.offset_s = camera_now_s - received.utc_us / 1e6

    def captured(self, timestamp: int, received: Moment) -> Moment:
        """Return when the picture with this RTP timestamp was taken, never after `received`."""
        if not self._leads_s:
            return received
        ticks = (timestamp - self._timestamp + HALF_TIMESTAMP & 0xFFFFFFFF) - HALF_TIMESTAMP
        taken_s = self._origin_s + ticks / CLOCK_HZ
        age_s = received.monotonic_s - taken_s
        return received.shifted(-age_s) if 0 < age_s <= MOST_AGE_S else received
