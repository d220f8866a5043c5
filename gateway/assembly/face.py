# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How the box looks from outside: health and metrics from what the parts tell of themselves."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway import __version__
from gateway.console.services import Health, LineReport
from gateway.model.media import StreamStatus
from gateway.ops.health import (
    BoxSnapshot,
    DeviceSnapshot,
    GatesSnapshot,
    KeptSnapshot,
    LineSnapshot,
    LiveSnapshot,
    LookingSnapshot,
    health,
    metrics_text,
)
from gateway.ops.watchdog import Progress
from gateway.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class Gauges:
    """Functions that each read one thing, without waiting."""

    cameras: Callable[[], tuple[tuple[str, StreamStatus], ...]]
    viewers: Callable[[], int]
    ledger_size: Callable[[], int]
    ledger_spilling: Callable[[], bool]
    registry_version: Callable[[], int]
    alarms_open: Callable[[], int]
    deliveries_waiting: Callable[[], int]
    media_restarts: Callable[[], int]
    children_restarts: Callable[[], int]
    failing: Callable[[], tuple[str, ...]]
    """What keeps the box from its duty, one line each."""
    limping: Callable[[], tuple[str, ...]]
    """What a person has to correct, one line each; the rest goes on."""
    devices: Callable[[], tuple[DeviceSnapshot, ...]] = tuple
    biometrics_dropped: Callable[[], int] = int
    ledger_cosigned_age_s: Callable[[], float | None] = lambda: None
    kept: Callable[[], tuple[KeptSnapshot, ...]] = tuple
    """Copies of pictures, by class and controller."""
    acts: Callable[[], tuple[tuple[str, int], ...]] = tuple
    """Days left of each act, by id; negative once it is over."""
    lines: Callable[[], tuple[LineReport, ...]] = tuple
    """Between this box and rooms or edges."""
    live: Callable[[], LiveSnapshot] = LiveSnapshot
    """What viewers get, all together."""
    looking: Callable[[], LookingSnapshot] = LookingSnapshot
    """What analysis may cost, and costs."""
    gates: Callable[[], GatesSnapshot] = GatesSnapshot
    """Where plates are read, all together."""


class Face:
    """What the console serves as /healthz and /metrics."""

    def __init__(self, gauges: Gauges, progress: Progress, clock: Clock) -> None:
        self._gauges = gauges
        self._progress = progress
        self._clock = clock
        self._began_s = clock.monotonic_s()

    def snapshot(self) -> BoxSnapshot:
        """Read every gauge now."""
        g = self._gauges
        return BoxSnapshot(
            version=__version__,
            uptime_s=self._clock.monotonic_s() - self._began_s,
            cameras=g.cameras(),
            viewers=g.viewers(),
            ledger_size=g.ledger_size(),
            ledger_spilling=g.ledger_spilling(),
            ledger_cosigned_age_s=g.ledger_cosigned_age_s(),
            registry_version=g.registry_version(),
            alarms_open=g.alarms_open(),
            deliveries_waiting=g.deliveries_waiting(),
            media_restarts=g.media_restarts(),
            children_restarts=g.children_restarts(),
            stale=self._progress.stale(),
            biometrics_dropped=g.biometrics_dropped(),
            devices=g.devices(),
            kept=g.kept(),
            acts=g.acts(),
            lines=tuple(self._line(one) for one in g.lines()),
            clock=self._clock.now().quality,
            live=g.live(),
            looking=g.looking(),
            gates=g.gates(),
        )

    def _line(self, one: LineReport) -> LineSnapshot:
        heard_us = one.status.heard_utc_us
        ago_s = max(0.0, (self._clock.now().utc_us - heard_us) / 1e6) if heard_us else None
        return LineSnapshot(one.id, one.side.value, one.status, ago_s)

    def health(self) -> Health:
        """Judge the box now."""
        verdict = health(self.snapshot())
        failing = self._gauges.failing()
        problems = (*failing, *verdict.problems, *self._gauges.limping())
        return Health(verdict.ok and not failing, problems)

    def metrics(self) -> str:
        """Return the Prometheus exposition."""
        return metrics_text(self.snapshot()).decode()
