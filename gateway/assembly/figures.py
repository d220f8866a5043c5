# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How live pictures go: for the viewer his own, for the metrics all of them together."""

from collections.abc import Iterable
from dataclasses import replace
from statistics import median

from gateway.console.services import LookFigures
from gateway.model.media import StreamStatus
from gateway.ops.health import LiveSnapshot
from gateway.relay.video.link import SlotState
from gateway.relay.video.process import MediaProcess, SessionInfo

LOSSY = 0.02
"""Share of lost packets that somebody may see."""


def figures_of(one: SessionInfo, status: StreamStatus | None) -> LookFigures:
    """Return how a look goes; `status`: of its camera, whose clock may be known."""
    state = one.state
    return LookFigures(
        connected=state.connected,
        bytes=state.bytes,
        frames=state.frames,
        packets=state.packets,
        repeated=state.repeated,
        overflows=state.overflows,
        fraction_lost=state.fraction_lost,
        jitter_s=state.jitter_s,
        round_trip_s=state.round_trip_s,
        delay_s=state.delay_s,
        from_camera=status is not None and status.clock_offset_s is not None,
    )


def live_of(media: MediaProcess) -> LiveSnapshot:
    """Return what all viewers get, without anybody in it."""
    totals, states = media.totals(), [one.state for one in media.sessions()]
    counted = LiveSnapshot(
        len(media.walls()),
        totals.bytes,
        totals.frames,
        totals.packets,
        totals.repeated,
        totals.overflows,
    )
    return gauged(counted, states)


def gauged(counted: LiveSnapshot, states: Iterable[SlotState]) -> LiveSnapshot:
    """Return the figures with what viewers report now in place of what they had reported."""
    known = tuple(states)
    trips = [one.round_trip_s for one in known if one.round_trip_s is not None]
    return replace(
        counted,
        lossy=sum(one.fraction_lost > LOSSY for one in known),
        round_trip_s=median(trips) if trips else None,
        delay_s=max((one.delay_s for one in known if one.delay_s is not None), default=None),
    )
