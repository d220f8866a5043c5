# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The figures of one look, and of all of them together."""

from types import SimpleNamespace

import pytest

from gateway.assembly.figures import figures_of, live_of
from gateway.model.media import StreamState, StreamStatus
from gateway.ops.health import LiveSnapshot
from gateway.relay.video.link import SlotState
from gateway.relay.video.process import Totals


def look(**figures):
    return SimpleNamespace(state=SlotState(1, "uno", True, **figures))


def test_all_together_name_nobody():
    """Counters are those of the media process, gauges of the looks that run."""
    looks = [
        look(fraction_lost=0.5, round_trip_s=0.3, delay_s=0.02),
        look(fraction_lost=0.01, round_trip_s=0.1, delay_s=0.04),
        look(),
    ]
    media = SimpleNamespace(
        totals=lambda: Totals(1, 2, 3, 4, 5), sessions=lambda: looks, walls=lambda: [1]
    )
    live = live_of(media)
    assert (live.walls, live.bytes, live.overflows, live.lossy) == (1, 1, 5, 1)
    assert live.round_trip_s == pytest.approx(0.2)
    assert live.delay_s == 0.04
    looks.clear()
    assert live_of(media) == LiveSnapshot(1, 1, 2, 3, 4, 5)


@pytest.mark.parametrize(("offset_s", "trusted"), [(0.01, True), (None, False)])
def test_a_capture_is_the_cameras_only_while_its_clock_is_known(offset_s, trusted):
    """Else the delay counts from the arrival at the box."""
    one = look(bytes=7, frames=6, packets=5, repeated=4, overflows=3, delay_s=0.02)
    figures = figures_of(one, StreamStatus(StreamState.LIVE, clock_offset_s=offset_s))
    assert (figures.bytes, figures.overflows, figures.delay_s) == (7, 3, 0.02)
    assert figures.from_camera is trusted
    assert not figures_of(one, None).from_camera
