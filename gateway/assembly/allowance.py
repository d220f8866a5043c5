# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the people of one recipient may look at together: so many pictures, so much bandwidth.

A recipient over its bandwidth gets the small streams until it is clearly below again, and no
further look; what runs is not ended for it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.model.access import Grant
from gateway.model.errors import BusyError
from gateway.model.registry import Recipient, Registry
from gateway.relay.video.process import SessionInfo
from gateway.runtime.clock import Clock

BELOW = 0.7
"""Of its bandwidth: below this for `BELOW_FOR_S` a recipient is no longer over it."""
BELOW_FOR_S = 10.0
_SMOOTH = 0.3
"""Weight of the newest second."""


@dataclass(slots=True)
class _Share:
    """What one recipient takes."""

    bits_per_s: float = 0.0
    is_over: bool = False
    below_since_s: float | None = None


class Allowance:
    """Counts looks and bits by the organisation of those who look."""

    def __init__(self, registry: Callable[[], Registry], clock: Clock) -> None:
        self._registry = registry
        self._clock = clock
        self._shares: dict[str, _Share] = {}
        self._bytes: dict[str, int] = {}
        """Sent so far, by look."""
        self._noted_s: float | None = None
        self._beginning: Counter[str] = Counter()
        """Looks that are about to begin, by recipient."""

    @contextmanager
    def place(self, grant: Grant, looks: Iterable[SessionInfo]) -> Iterator[None]:
        """Begin one more look in the block; BusyError if it is too much for its recipient.

        What is about to begin counts: many that are asked for at once are no way around.
        """
        self._insist(grant, looks)
        whose = _whose(grant)
        self._beginning[whose] += 1
        try:
            yield
        finally:
            self._beginning[whose] -= 1
            self._beginning += Counter()  # forget zeros

    def _insist(self, grant: Grant, looks: Iterable[SessionInfo]) -> None:
        recipient = self._recipient(grant)
        if recipient is None:
            return
        most = recipient.viewers_most
        taken = sum(_whose(one.grant) == recipient.id for one in looks)
        if most and taken + self._beginning[recipient.id] >= most:
            raise BusyError(f"{recipient.name}: {most} pictures are open, no more are allowed")
        share = self._shares.get(recipient.id)
        if share is not None and share.is_over:
            raise BusyError(
                f"{recipient.name}: {share.bits_per_s / 1000:.0f} of {recipient.bandwidth_kbps} "
                "kbit/s are taken"
            )

    def is_over(self, grant: Grant) -> bool:
        """Return whether the viewer's recipient has to be content with the small streams."""
        share = self._shares.get(_whose(grant))
        return share is not None and share.is_over

    def note(self, looks: Iterable[SessionInfo]) -> None:
        """Measure since the last call, once a second."""
        now_s, looks = self._clock.monotonic_s(), tuple(looks)
        passed_s = 0.0 if self._noted_s is None else now_s - self._noted_s
        sent: dict[str, int] = {}
        for one in looks:
            more = one.bytes - self._bytes.get(one.session, 0)
            whose = _whose(one.grant)
            sent[whose] = sent.get(whose, 0) + max(0, more)
        self._noted_s = now_s
        self._bytes = {one.session: one.bytes for one in looks}
        self._shares = {whose: self._shares.get(whose, _Share()) for whose in sent}
        if passed_s > 0:
            for whose, share in self._shares.items():
                newest = 8 * sent[whose] / passed_s
                share.bits_per_s += _SMOOTH * (newest - share.bits_per_s)
                self._judge(share, whose, now_s)

    def _judge(self, share: _Share, whose: str, now_s: float) -> None:
        recipient = self._registry().recipients.get(whose)
        limit = 1000 * recipient.bandwidth_kbps if recipient is not None else 0
        if not limit:
            share.is_over = False
        elif share.bits_per_s > limit:
            share.is_over, share.below_since_s = True, None
        elif share.bits_per_s > BELOW * limit:
            share.below_since_s = None
        elif share.below_since_s is None:
            share.below_since_s = now_s
        elif now_s - share.below_since_s >= BELOW_FOR_S:
            share.is_over = False

    def _recipient(self, grant: Grant) -> Recipient | None:
        return self._registry().recipients.get(_whose(grant))


def _whose(grant: Grant) -> str:
    return grant.request.actor.organisation
