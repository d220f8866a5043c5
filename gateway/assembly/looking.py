# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What looking at pictures may cost in this box, and how it stands."""

from gateway.analytics.budget import Budget
from gateway.config.options import AnalyticsOptions
from gateway.ops.health import LookingSnapshot

SHARE = 0.8
"""Of the workers' cores; the rest is for their peaks, for stills and clips, and for the relay."""


def budget_of(options: AnalyticsOptions) -> Budget:
    """Return the budget that the configuration gives."""
    return Budget(options.budget_cores or SHARE * options.workers)


def looking_of(budget: Budget | None) -> LookingSnapshot:
    """Return how the budget stands, for health and metrics."""
    if budget is None:
        return LookingSnapshot()
    said = budget.statistics()
    reduced = tuple(camera for camera, _ in said.reduced)
    return LookingSnapshot(said.cores, round(said.used, 2), reduced)
