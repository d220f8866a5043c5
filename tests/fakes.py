# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Doubles that behave: a clock that jumps instead of waiting, and units to push around."""

import asyncio

from gateway.model.media import AccessUnit
from gateway.model.time import ClockQuality, Moment

EPOCH_US = 1_790_000_000_000_000
"""2026-09-21, an arbitrary start for tests."""


class FakeClock:
    """Sleeping moves time on at once and is written down; `advance` moves it by hand."""

    def __init__(self, monotonic_s=1000.0, utc_us=EPOCH_US, quality=ClockQuality.SYNCHRONISED):
        self.time_s = monotonic_s
        self.utc_us = utc_us
        self.quality = quality
        self.sleeps = []

    def monotonic_s(self):
        return self.time_s

    def now(self):
        return Moment(self.time_s, self.utc_us, self.quality)

    def advance(self, seconds):
        self.time_s += seconds
        self.utc_us += round(seconds * 1_000_000)

    async def sleep(self, seconds):
        self.sleeps.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)


def unit(index, key=False, payload=b"\x65body", at=None):
    """A unit of a 30 Hz stream; key units carry no real picture."""
    moment = at or Moment(index / 30, EPOCH_US + index * 33_333)
    return AccessUnit(index * 3000, key, (payload,), moment, moment)
