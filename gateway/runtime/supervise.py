# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Restart what talks to the outside; crash on what we cannot explain."""

import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.model.errors import CredentialError, PeerError
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Policy:
    """When to try again, and when to give up; all in seconds."""

    first_s: float = 0.5
    most_s: float = 60.0
    jitter: float = 0.2
    """Each wait is drawn from 1 ± jitter, so that boxes do not dial in step."""
    reset_after_s: float = 30.0
    """An attempt that lived this long starts again from `first_s`."""
    refused_s: float = 30.0
    """Wait after refused credentials: cameras lock accounts that knock too often."""
    crashes: int = 3
    """Crashes (anything but PeerError) tolerated per `crash_window_s`."""
    crash_window_s: float = 600.0


Draw = Callable[[], float]
"""Returns a number in 0..1; `random.random` in service."""


async def supervise(
    name: str,
    attempt: Callable[[], Awaitable[None]],
    *,
    clock: Clock,
    policy: Policy,
    draw: Draw = random.random,
) -> None:
    """Run `attempt` again and again until cancelled; an attempt that returns is run anew.

    PeerError is normal and retried for ever. Any other exception is our bug: it is logged with
    its traceback and retried too, so that one camera cannot take down its neighbours, until the
    crash budget is spent; then it propagates.
    """
    wait_s = policy.first_s
    crashes_s: list[float] = []
    while True:
        began_s = clock.monotonic_s()
        least_s = 0.0
        try:
            await attempt()
        except* PeerError as group:
            if group.subgroup(CredentialError) is not None:
                least_s = policy.refused_s
            log.warning("retry", extra={"task": name, "problem": _words(group)})
        except* Exception:
            now_s = clock.monotonic_s()
            crashes_s = [t for t in crashes_s if now_s - t < policy.crash_window_s]
            if len(crashes_s) >= policy.crashes:
                raise
            crashes_s.append(now_s)
            log.exception("bug", extra={"task": name})
        if clock.monotonic_s() - began_s >= policy.reset_after_s:
            wait_s = policy.first_s
        spread = 1 + policy.jitter * (2 * draw() - 1)
        await clock.sleep(max(wait_s, least_s) * spread)
        wait_s = min(2 * wait_s, policy.most_s)


def _words(group: BaseExceptionGroup[BaseException]) -> str:
    """Join the texts of all leaves of a group."""
    return "; ".join(
        _words(error) if isinstance(error, BaseExceptionGroup) else str(error)
        for error in group.exceptions
    )
