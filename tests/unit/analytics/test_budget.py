# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who gives way under load, who never does, and when effort comes back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.budget import Budget, Effort, Importance

COST = {Effort.SPARSE: 0.02, Effort.KEYS: 0.1, Effort.WAKING: 0.4, Effort.FULL: 1.0}
"""Cores of a camera that always stirs, by effort."""


@dataclass
class Box:
    """Cameras whose cost follows their effort."""

    cores: float
    importance: dict[str, Importance]
    costs: dict[str, float] = field(default_factory=dict)
    now_s: float = 0.0

    def __post_init__(self) -> None:
        self.budget = Budget(self.cores)
        for camera in self.importance:
            self.budget.join(camera, partial(self.importance.__getitem__, camera))

    def run(self, seconds: int, each: Callable[[], None] = lambda: None) -> None:
        """Let time pass, everybody spending what his effort costs."""
        for _ in range(seconds):
            self.now_s += 1.0
            for camera in self.importance:
                effort = self.budget.effort(camera, self.now_s)
                self.budget.spend(camera, COST[effort] * self.costs.get(camera, 1.0))
            each()

    def efforts(self) -> dict[str, Effort]:
        """Return everybody's effort."""
        return {camera: self.budget.effort(camera, self.now_s) for camera in self.importance}


def test_below_the_budget_nobody_gives_anything() -> None:
    """Whoever fits does what he needs."""
    box = Box(4.0, {"a": Importance(severity=1), "b": Importance(severity=5)})
    box.run(60)
    assert set(box.efforts().values()) == {Effort.FULL}
    assert box.budget.statistics().reduced == ()
    assert 1.8 < box.budget.statistics().used < 2.2


def test_the_least_severe_gives_way_first() -> None:
    """Three cameras on a budget for two: only the least important loses effort."""
    severities = {"low": 1, "middle": 3, "high": 5}
    box = Box(2.5, {name: Importance(severity=one) for name, one in severities.items()})
    box.run(30)
    efforts = box.efforts()
    assert efforts["low"] < Effort.FULL
    assert efforts["middle"] is efforts["high"] is Effort.FULL
    assert [camera for camera, _ in box.budget.statistics().reduced] == ["low"]


def test_at_equal_severity_the_unarmed_hour_gives_way() -> None:
    """Who is not armed now is less important than who is."""
    box = Box(1.6, {"day": Importance(severity=3, armed=False), "night": Importance(severity=3)})
    box.run(30)
    assert box.efforts()["night"] is Effort.FULL
    assert box.efforts()["day"] < Effort.FULL


def test_an_alarm_keeps_everything() -> None:
    """Far beyond the budget the camera with an alarm does what it needs, whatever its severity."""
    many = {f"c{n}": Importance(severity=4) for n in range(8)}
    box = Box(1.0, {**many, "alarm": Importance(urgent=True, severity=1)})
    box.run(120, lambda: None)
    assert box.efforts()["alarm"] is Effort.FULL
    box.importance["c0"] = Importance(urgent=True, severity=4)
    box.run(4)
    assert box.efforts()["c0"] is Effort.FULL, "one that gave way gets it back at once"


def test_the_budget_is_kept() -> None:
    """A box with twenty busy cameras settles below its budget, and everybody is still looked at."""
    box = Box(3.0, {f"c{n:02}": Importance(severity=1 + n % 4) for n in range(20)})
    box.run(120)
    used = []
    box.run(300, lambda: used.append(box.budget.statistics().used))
    assert sum(used) / len(used) <= 3.2
    assert min(box.efforts().values()) >= Effort.SPARSE


def test_effort_comes_back_when_the_load_goes() -> None:
    """After a storm the most important gets its effort back first, in the end everybody."""
    box = Box(2.0, {f"c{n}": Importance(severity=1 + n) for n in range(4)})
    box.run(60)
    assert box.budget.statistics().reduced
    box.costs = dict.fromkeys(box.importance, 0.1)
    box.run(400)
    assert box.budget.statistics().reduced == ()


def test_a_load_that_stays_is_tried_less_and_less() -> None:
    """A camera does not go to and fro every few seconds where it cannot fit."""
    box = Box(0.75, {"cam": Importance(severity=1)})
    efforts = []
    box.run(2000, lambda: efforts.append(box.efforts()["cam"]))
    late = efforts[1000:]
    changes = sum(a is not b for a, b in pairwise(late))
    assert changes <= 12


def test_who_left_costs_nothing() -> None:
    """A camera that is watched no more is forgotten; an unknown one may do everything."""
    box = Box(0.1, {"cam": Importance()})
    box.run(30)
    box.budget.leave("cam")
    statistics = box.budget.statistics()
    assert (statistics.cameras, statistics.used, statistics.reduced) == (0, 0.0, ())
    assert box.budget.effort("cam", 100.0) is Effort.FULL


@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(0, 2), st.floats(0, 5)), max_size=60),
    st.floats(0.05, 3.0),
)
def test_whatever_is_spent_efforts_stay_in_bounds(
    spent: list[tuple[int, float, float]], cores: float
) -> None:
    """Any course of costs and of time leaves each camera an effort, and the urgent one all."""
    budget, now_s = Budget(cores), 0.0
    for number in range(4):
        budget.join(str(number), partial(Importance, number == 0, number))
    for camera, cpu_s, later_s in spent:
        now_s += later_s
        budget.spend(str(camera), cpu_s)
        assert budget.effort(str(camera), now_s) in Effort
        assert budget.effort("0", now_s) is Effort.FULL
