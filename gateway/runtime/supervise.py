# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Restart what talks to the outside; crash on what we cannot explain."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from gateway.model.errors import BusyError, CredentialError, PeerError, StoreError
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)

SAY_AGAIN_S = 600.0
"""A failure that repeats is told this often, with how often it came: a dead peer fills no disk."""


@dataclass(frozen=True, slots=True)
class Policy:
    """When to try again, and when to give up; all in seconds."""

    first_s: float = 0.5
    most_s: float = 60.0
    jitter: float = 0.2
    """Each wait is drawn from 1 ± jitter, so that boxes do not dial in step."""
    reset_after_s: float = 30.0
    """An attempt that lived this long starts again from `first_s`."""
    refused_s: tuple[float, ...] = (30.0, 120.0, 600.0, 1800.0)
    """Waits after credentials were refused once, twice ...: cameras lock accounts that knock."""
    busy_s: tuple[float, ...] = (10.0, 20.0, 40.0, 60.0)
    """Waits after the peer had no session left once, twice ..."""
    from_begin: bool = False
    """Waits count from the begin of the attempt: one that took long is followed at once."""
    crashes: int = 3
    """Crashes (anything but PeerError) tolerated per `crash_window_s`."""
    crash_window_s: float = 600.0


Draw = Callable[[], float]
"""Returns a number in 0..1; `random.random` in service."""

LEAST_S = 0.05
"""Between two attempts in any case: nothing spins."""


class _Pauses:
    """How long to wait after what."""

    def __init__(self, policy: Policy, draw: Draw) -> None:
        self._policy = policy
        self._draw = draw
        self._wait_s = policy.first_s
        self._refusals = 0
        self._busy = 0

    def after(self, failure: BaseExceptionGroup[BaseException] | None, lived_s: float) -> float:
        """Return the wait after an attempt that lived `lived_s` and ended with `failure`."""
        policy = self._policy
        if lived_s >= policy.reset_after_s:
            self._wait_s, self._refusals, self._busy = policy.first_s, 0, 0
        drawn = self._draw()
        wait_s = self._wait_s * (1 + policy.jitter * (2 * drawn - 1))
        self._wait_s = min(2 * self._wait_s, policy.most_s)
        if policy.from_begin:
            wait_s = max(LEAST_S, wait_s - lived_s)
        for error in leaves(failure):
            if isinstance(error, PeerError):
                wait_s = max(wait_s, error.retry_after_s or self._least_s(error))
        return wait_s

    def _least_s(self, error: PeerError) -> float:
        """Return the wait after a kind of error; refusals and full peers get ever more."""
        if isinstance(error, CredentialError):
            self._refusals += 1
            return _nth(self._policy.refused_s, self._refusals)
        if isinstance(error, BusyError):
            self._busy += 1
            return _nth(self._policy.busy_s, self._busy)
        return 0.0


class _Complaints:
    """Says what changes at once, and what repeats now and then."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._name = name
        self._clock = clock
        self._words = ""
        self._said_s = 0.0
        self._repeats = 0

    def note(self, words: str) -> None:
        """Log a failure, or count it."""
        now_s = self._clock.monotonic_s()
        if words == self._words and now_s - self._said_s < SAY_AGAIN_S:
            self._repeats += 1
            return
        fields = {"task": self._name, "problem": words, "repeats": self._repeats}
        log.warning("retry", extra=fields)
        self._words, self._said_s, self._repeats = words, now_s, 0


async def supervise(
    name: str,
    attempt: Callable[[], Awaitable[None]],
    *,
    clock: Clock,
    policy: Policy,
    draw: Draw = random.random,
) -> None:
    """Run `attempt` again and again until cancelled; an attempt that returns is run anew.

    PeerError is normal and retried for ever; its own `retry_after_s` is a least wait. A database
    that refuses (StoreError) is outside as well (ADR 7). Any other
    exception is our bug: it is logged with its traceback and retried too, so that one camera
    cannot take down its neighbours, until the crash budget is spent; then it propagates.
    """
    pauses, complaints = _Pauses(policy, draw), _Complaints(name, clock)
    crashes_s: list[float] = []
    while True:
        began_s = clock.monotonic_s()
        failure: BaseExceptionGroup[BaseException] | None = None
        try:
            await _apart(attempt)
        except* (PeerError, StoreError) as group:
            failure = group
            complaints.note("; ".join(map(str, leaves(group))))
        except* Exception:
            now_s = clock.monotonic_s()
            crashes_s = [t for t in crashes_s if now_s - t < policy.crash_window_s]
            if len(crashes_s) >= policy.crashes:
                raise
            crashes_s.append(now_s)
            log.exception("bug", extra={"task": name})
        wait_s = pauses.after(failure, clock.monotonic_s() - began_s)
        failure = None  # its traceback holds the attempt's whole frame
        await clock.sleep(wait_s)


async def contained(name: str, attempt: Callable[[], Awaitable[None]]) -> bool:
    """Run what one peer began, once; return whether it ended without a bug of ours.

    PeerError is normal, and a database that refuses (StoreError) is no fault of the peer's (ADR 7).
    Anything else is logged with its traceback and goes no further, so that one peer cannot take
    down its neighbours: whoever asks counts, and locks that peer out.
    """
    fine = True
    try:
        await _apart(attempt)
    except* PeerError as group:
        words = "; ".join(map(str, leaves(group)))
        log.debug("ended", extra={"task": name, "problem": words})
    except* StoreError as group:
        words = "; ".join(map(str, leaves(group)))
        log.info("not-stored", extra={"task": name, "problem": words})
    except* Exception:
        log.exception("bug", extra={"task": name})
        fine = False
    return fine


async def _apart(attempt: Callable[[], Awaitable[None]]) -> None:
    """Run it in a task of its own; a cancellation of ours reaches it, and is never lost.

    A TaskGroup that is ending with an error forgets a cancellation that comes then, and counts
    one that never was (CPython #116720 and #94398, mended later than 3.11): neither may decide
    whether we go on.
    """

    async def run() -> None:
        await attempt()

    task = asyncio.create_task(run())  # noqa: TID251 - waited for right here
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        while not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # it is of no interest any more
        raise
    if task.cancelled():  # by nobody who could mean us: nothing may end of it in silence
        raise PeerError("ended by a cancellation that was not ours")
    task.result()


def _nth(waits_s: tuple[float, ...], times: int) -> float:
    """Return the wait after the `times`-th time; the last stays."""
    return waits_s[min(times, len(waits_s)) - 1] if waits_s else 0.0


def leaves(group: BaseExceptionGroup[BaseException] | None) -> Iterator[BaseException]:
    """Yield the errors of a group and of the groups in it."""
    for error in group.exceptions if group else ():
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error
