# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How the box is, as one value, as one verdict, and as Prometheus text."""

from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from gateway.model.media import StreamState, StreamStatus


@dataclass(frozen=True, slots=True)
class BoxSnapshot:
    """Everything that /healthz and /metrics tell; no person, plate or case is in it."""

    version: str
    uptime_s: float
    cameras: tuple[tuple[str, StreamStatus], ...]
    viewers: int
    ledger_size: int
    ledger_spilling: bool
    """Entries go to the spare file: the main one cannot be written."""
    registry_version: int
    alarms_open: int
    deliveries_waiting: int
    media_restarts: int
    children_restarts: int
    stale: tuple[str, ...]
    """Essential parts without progress."""


@dataclass(frozen=True, slots=True)
class Health:
    """`ok` while the box does its duty; `problems` in words for a person."""

    ok: bool
    problems: tuple[str, ...]


def health(snapshot: BoxSnapshot) -> Health:
    """Judge a snapshot: stale parts and a spilling ledger fail it, cameras only show up."""
    fatal = [f"no progress: {part}" for part in snapshot.stale]
    if snapshot.ledger_spilling:
        fatal.append("ledger: writing to the spare file")
    fine = {StreamState.LIVE, StreamState.IDLE}
    cameras = [
        f"camera {camera}: {status.state.value}"
        for camera, status in snapshot.cameras
        if status.state not in fine
    ]
    return Health(not fatal, (*fatal, *cameras))


class _BoxCollector(Collector):
    """Turns one snapshot into metric families."""

    def __init__(self, snapshot: BoxSnapshot) -> None:
        self._snapshot = snapshot

    @override
    def collect(self) -> Iterable[Metric]:
        """Yield the box's families, then the cameras'."""
        s = self._snapshot
        gauges = (
            ("varco_uptime_seconds", "Since the process began", s.uptime_s),
            ("varco_viewers", "Live sessions", s.viewers),
            ("varco_ledger_entries", "Entries in the access ledger", s.ledger_size),
            ("varco_ledger_spilling", "1 while the spare file is in use", s.ledger_spilling),
            ("varco_registry_version", "Version in force", s.registry_version),
            ("varco_alarms_open", "Alarms not closed", s.alarms_open),
            ("varco_deliveries_waiting", "Deliveries not confirmed", s.deliveries_waiting),
        )
        for name, text, value in gauges:
            yield GaugeMetricFamily(name, text, value=float(value))
        restarts = CounterMetricFamily(
            "varco_process_restarts", "Restarts of our own processes", labels=["process"]
        )
        restarts.add_metric(["media"], s.media_restarts)
        restarts.add_metric(["child"], s.children_restarts)
        yield restarts
        yield from self._cameras()

    def _cameras(self) -> Iterable[Metric]:
        live = GaugeMetricFamily("varco_camera_live", "1 while pictures come", labels=["camera"])
        offset = GaugeMetricFamily(
            "varco_camera_clock_offset_seconds", "Camera clock minus UTC", labels=["camera"]
        )
        counters = {
            "units": CounterMetricFamily("varco_camera_units", "Pictures", labels=["camera"]),
            "received_bytes": CounterMetricFamily(
                "varco_camera_received_bytes", "Coded bytes", labels=["camera"]
            ),
            "lost_packets": CounterMetricFamily(
                "varco_camera_lost_packets", "RTP packets lost", labels=["camera"]
            ),
            "connects": CounterMetricFamily("varco_camera_connects", "Connects", labels=["camera"]),
        }
        for camera, status in self._snapshot.cameras:
            live.add_metric([camera], float(status.state is StreamState.LIVE))
            if status.clock_offset_s is not None:
                offset.add_metric([camera], status.clock_offset_s)
            for field, family in counters.items():
                family.add_metric([camera], getattr(status, field))
        yield from (live, offset, *counters.values())


def metrics_text(snapshot: BoxSnapshot) -> bytes:
    """Return the Prometheus exposition of a snapshot."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_BoxCollector(snapshot))
    return generate_latest(registry)
