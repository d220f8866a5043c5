# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The box's budget from its configuration to its health."""

import sys
from pathlib import Path

import pytest

from gateway.analytics.budget import Budget, Importance
from gateway.assembly.looking import budget_of, detector_of, looking_of
from gateway.config.options import AnalyticsOptions


@pytest.mark.parametrize(("budget_cores", "expected"), [(0.0, 3.2), (1.5, 1.5)])
def test_without_a_word_most_of_the_workers_may_be_used(
    budget_cores: float, expected: float
) -> None:
    """0 means four fifths of the workers; anything else is meant."""
    assert budget_of(AnalyticsOptions(4, budget_cores)).cores == pytest.approx(expected)


def test_health_names_who_is_looked_at_less() -> None:
    """A camera that costs more than the budget is in the snapshot."""
    budget = Budget(0.1)
    budget.join("cam", Importance)
    for second in range(20):
        budget.spend("cam", 0.5)
        budget.effort("cam", float(second))
    said = looking_of(budget)
    assert said.budget_cores == 0.1
    assert said.used_cores > 0.1
    assert said.reduced == ("cam",)


def test_a_net_has_a_child_of_its_own_and_ultralytics_its_own_interpreter() -> None:
    """Without a net there is none; ONNX runs in our cage, weights of torch elsewhere."""
    assert detector_of(AnalyticsOptions(1)) is None
    own = detector_of(AnalyticsOptions(1, detector=Path("/n.onnx"), detector_least=0.5))
    assert own is not None
    assert own.command[0] == sys.executable
    assert own.command[-4:] == ("--detector", "/n.onnx", "--least", "0.5")
    other = detector_of(AnalyticsOptions(1, 0.0, Path("/n.pt"), Path("/yolo/bin/python")))
    assert other is not None
    assert other.command[:3] == ("/yolo/bin/python", "-m", "gateway.yolo")
