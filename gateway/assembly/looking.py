# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What looking at pictures may cost in this box, and how it stands."""

import sys
from pathlib import Path

from gateway.analytics.budget import Budget
from gateway.codec.pool import PoolOptions
from gateway.config.options import AnalyticsOptions
from gateway.ops.health import LookingSnapshot

SHARE = 0.8
"""Of the workers' cores; the rest is for their peaks, for stills and clips, and for the relay."""


def budget_of(options: AnalyticsOptions) -> Budget:
    """Return the budget that the configuration gives."""
    return Budget(options.budget_cores or SHARE * options.workers)


def detector_of(options: AnalyticsOptions) -> PoolOptions | None:
    """Return the child that names what moves, with the user's net; None without one.

    ONNX runs in the cage that all our children live in; ultralytics under its own interpreter.
    """
    net = options.detector
    if net is None:
        return None
    least = ("--least", f"{options.detector_least:g}")
    own = (sys.executable, "-m", "gateway", "child", "--detector", str(net), *least)
    python: Path | None = options.detector_python
    if python is None:
        return PoolOptions(own, spares=0, resident_bytes=2 << 30, address_bytes=8 << 30)
    other = (str(python), "-m", "gateway.yolo", "--weights", str(net), *least)
    return PoolOptions(other, spares=0, start_s=180.0, resident_bytes=8 << 30)


def looking_of(budget: Budget | None) -> LookingSnapshot:
    """Return how the budget stands, for health and metrics."""
    if budget is None:
        return LookingSnapshot()
    said = budget.statistics()
    reduced = tuple(camera for camera, _ in said.reduced)
    return LookingSnapshot(said.cores, round(said.used, 2), reduced)
