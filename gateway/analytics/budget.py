# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What looking may cost in the whole box, and who gives way first. No clock: time is an argument.

Cameras report what their children spent. Above the budget the least important ones lose effort a
step at a time; below it they get it back, the most important first, one at a time, and after each
try that failed later. Nobody falls below the least effort, and who has an alarm keeps the most.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum

SETTLE_S = 2.0
"""How often it is judged."""
MEMORY_S = 8.0
"""Over about so long what a camera spends is averaged."""
FREE_SHARE = 0.75
"""Below this share of the budget somebody gets effort back."""
PATIENCE_S = 10.0
MOST_PATIENCE_S = 320.0
_TRIED_S = 30.0
"""What is taken again within so long was given in vain."""
_SAVES = 0.6
"""Share of a camera's cost that one step less is expected to save."""


class Effort(IntEnum):
    """What a camera's watch may do."""

    SPARSE = 0
    """A key unit now and then."""
    KEYS = 1
    """All key units, and nothing between them."""
    WAKING = 2
    """Everything while something stirs, but not all the time."""
    FULL = 3
    """Whatever its rules and its stream need."""


@dataclass(frozen=True, slots=True)
class Importance:
    """How important a camera is now; compared field by field."""

    urgent: bool = False
    """An alarm or an incident goes on: it gives nothing away."""
    severity: int = 0
    """Most severe of its zones."""
    armed: bool = True
    """One of its zones is armed at this hour."""

    @property
    def rank(self) -> tuple[bool, int, bool]:
        """The higher, the later it gives way."""
        return self.urgent, self.severity, self.armed


@dataclass(frozen=True, slots=True)
class BudgetStatistics:
    """How it stands."""

    cores: float
    """What may be used."""
    used: float
    """What is used now, in cores."""
    cameras: int
    reduced: tuple[tuple[str, Effort], ...]
    """Cameras with less than full effort, by id."""


@dataclass(frozen=True, slots=True)
class _Account:
    importance: Callable[[], Importance]
    effort: Effort = Effort.FULL
    cores: float = 0.0
    """Mean of what it spends."""
    spent_s: float = 0.0
    """Since the last judgement."""
    changed_s: float = -1e9
    patience_s: float = PATIENCE_S
    was_given: bool = False
    """The last change was for the better."""


class Budget:
    """The accounts of all cameras of a box; bounded by their number."""

    def __init__(self, cores: float) -> None:
        """`cores`: CPU seconds a second that looking may take."""
        self.cores = cores
        self._accounts: dict[str, _Account] = {}
        self._settled_s: float | None = None

    def join(self, camera: str, importance: Callable[[], Importance]) -> None:
        """Open an account; one that is there keeps its effort."""
        known = self._accounts.get(camera, _Account(importance))
        self._accounts[camera] = replace(known, importance=importance)

    def leave(self, camera: str) -> None:
        """Close an account."""
        self._accounts.pop(camera, None)

    def spend(self, camera: str, cpu_s: float) -> None:
        """Note what a camera has cost."""
        account = self._accounts.get(camera)
        if account is not None:
            self._accounts[camera] = replace(account, spent_s=account.spent_s + max(0.0, cpu_s))

    def effort(self, camera: str, now_s: float) -> Effort:
        """Return what a camera may do now, on the monotonic clock; FULL without an account."""
        self._settle(now_s)
        account = self._accounts.get(camera)
        return account.effort if account is not None else Effort.FULL

    def statistics(self) -> BudgetStatistics:
        """Return a snapshot."""
        reduced = tuple(
            (camera, account.effort)
            for camera, account in sorted(self._accounts.items())
            if account.effort is not Effort.FULL
        )
        return BudgetStatistics(self.cores, self._used(), len(self._accounts), reduced)

    def _used(self) -> float:
        return sum(account.cores for account in self._accounts.values())

    def _settle(self, now_s: float) -> None:
        """Judge, if it is time."""
        if self._settled_s is None:
            self._settled_s = now_s
        since_s = now_s - self._settled_s
        if since_s < SETTLE_S:
            return
        self._settled_s = now_s
        share = min(1.0, since_s / MEMORY_S)
        for camera, one in self._accounts.items():
            mean = one.cores + share * (one.spent_s / since_s - one.cores)
            self._accounts[camera] = replace(one, cores=mean, spent_s=0.0)
        self._favour(now_s)
        excess = self._used() - self.cores
        if excess > 0:
            self._reduce(excess, now_s)
        elif self._used() < FREE_SHARE * self.cores:
            self._restore(now_s)

    def _ranked(self) -> list[tuple[tuple[bool, int, bool], str]]:
        """Return all cameras, the least important first."""
        return sorted((one.importance().rank, camera) for camera, one in self._accounts.items())

    def _favour(self, now_s: float) -> None:
        """Give everything to those with an alarm, whatever it costs."""
        for camera, one in self._accounts.items():
            if one.effort is not Effort.FULL and one.importance().urgent:
                self._change(camera, Effort.FULL, now_s, one.patience_s)

    def _reduce(self, excess: float, now_s: float) -> None:
        """Take a step from the least important until enough should be saved."""
        for (urgent, _, _), camera in self._ranked():
            one = self._accounts[camera]
            since_s = now_s - one.changed_s
            if urgent or one.effort is Effort.SPARSE:
                continue
            excess -= one.cores * _SAVES
            if since_s >= MEMORY_S or one.was_given:  # else it is not felt yet
                again = one.was_given and since_s < _TRIED_S
                patience_s = min(2 * one.patience_s, MOST_PATIENCE_S) if again else PATIENCE_S
                self._change(camera, Effort(one.effort - 1), now_s, patience_s)
            if excess <= 0:
                return

    def _restore(self, now_s: float) -> None:
        """Give a step back to the most important that has waited."""
        for _, camera in reversed(self._ranked()):
            one = self._accounts[camera]
            has_waited = now_s - one.changed_s >= one.patience_s
            if one.effort is not Effort.FULL and has_waited:
                self._change(camera, Effort(one.effort + 1), now_s, one.patience_s)
                return

    def _change(self, camera: str, effort: Effort, now_s: float, patience_s: float) -> None:
        before = self._accounts[camera]
        self._accounts[camera] = replace(
            before,
            effort=effort,
            changed_s=now_s,
            patience_s=patience_s,
            was_given=effort > before.effort,
        )
