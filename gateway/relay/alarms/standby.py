# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Two or more brokers for one recipient: the first that answers, and back to the first.

The brokers know nothing of each other. What the first took and did not hand on before it died is
sent again to the second, since only the recipient's own acknowledgement ends an alarm; its inbox
knows each alarm by its id, so that none is shown twice. The recipient listens at both.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from gateway.model.errors import CredentialError, PeerError
from gateway.relay.alarms.delivery import Broker, Line
from gateway.runtime.clock import Clock
from gateway.runtime.supervise import leaves
from gateway.wire.onvif_mqtt import Message

log = logging.getLogger(__name__)


class Placed(Broker, Protocol):
    """A broker at one address."""

    @property
    def place(self) -> str:
        """Return name and address for people."""
        ...


@dataclass(frozen=True, slots=True)
class StandbyPace:
    """When to look whether a better address is back."""

    first_s: float = 15.0
    most_s: float = 300.0
    """An address that comes and goes is tried ever more seldom."""
    settled_s: float = 60.0
    """One that held this long is believed again at once."""


class StandbyBroker:
    """Opens lines to the first of several addresses that answers."""

    def __init__(
        self, brokers: Sequence[Placed], clock: Clock, pace: StandbyPace | None = None
    ) -> None:
        """`brokers`: the best first, at least one. One line at a time."""
        self._brokers = tuple(brokers)
        self._clock = clock
        self._pace = pace or StandbyPace()
        self._closed_until_s = [0.0] * len(self._brokers)
        self._wait_s = self._pace.first_s
        self._returned_s = -self._pace.settled_s
        self.problem = ""
        """Why the first address is not in use; one line, empty if it is."""

    @asynccontextmanager
    async def connect(self, client: str, *, will: Message | None) -> AsyncIterator[Line]:
        """Open a line to the best address that takes us; PeerError if none does.

        On another than the first, it breaks with a PeerError once a better one answers again.
        """
        async with AsyncExitStack() as stack:
            at, line = await self._dial(stack, client, will)
            try:
                if at == 0:
                    yield line
                    return
                async with asyncio.TaskGroup() as tasks:
                    back = tasks.create_task(self._return(client, at))
                    try:
                        yield line
                    finally:
                        back.cancel()
            except* PeerError as group:
                self._shut(at, group)
                raise

    async def _dial(
        self, stack: AsyncExitStack, client: str, will: Message | None
    ) -> tuple[int, Line]:
        troubles: list[PeerError] = []
        for at in self._open():
            try:
                line = await stack.enter_async_context(self._brokers[at].connect(client, will=will))
            except PeerError as error:
                self._closed_until_s[at] = self._clock.monotonic_s() + error.retry_after_s
                troubles.append(error)
                continue
            self._say(at, troubles)
            return at, line
        raise _joined(troubles)

    def _open(self) -> Sequence[int]:
        """Return the addresses worth dialling; all, if each asked for patience."""
        now_s = self._clock.monotonic_s()
        every = range(len(self._brokers))
        return [at for at in every if self._closed_until_s[at] <= now_s] or every

    def _say(self, at: int, troubles: Sequence[PeerError]) -> None:
        now_s = self._clock.monotonic_s()
        if at == 0:
            self.problem, self._returned_s = "", now_s
            return
        flapped = now_s - self._returned_s < self._pace.settled_s
        self._wait_s = min(2 * self._wait_s, self._pace.most_s) if flapped else self._pace.first_s
        why = "; ".join(map(str, troubles)) or f"{self._brokers[0].place} asked us to wait"
        self.problem = f"{self._brokers[at].place} stands in: {why}"
        log.warning("broker-standby", extra={"problem": self.problem})

    async def _return(self, client: str, at: int) -> None:
        """Wait until a better address answers; PeerError then, so that the line is made anew."""
        wait_s = self._wait_s
        while True:
            await self._clock.sleep(wait_s)
            for better in range(at):
                broker = self._brokers[better]
                try:
                    async with broker.connect(f"{client}-look", will=None):
                        pass
                except PeerError as error:
                    wait_s = min(2 * wait_s, max(self._pace.most_s, error.retry_after_s))
                    continue
                self._closed_until_s[better] = 0.0
                raise PeerError(f"{broker.place} is back: leaving {self._brokers[at].place}")

    def _shut(self, at: int, group: ExceptionGroup[PeerError]) -> None:
        """Leave an address alone for as long as it asked, without waiting for the others."""
        for error in leaves(group):
            if isinstance(error, PeerError) and error.retry_after_s:
                until_s = self._clock.monotonic_s() + error.retry_after_s
                self._closed_until_s[at] = max(self._closed_until_s[at], until_s)
                error.retry_after_s = 0.0


def _joined(troubles: Sequence[PeerError]) -> PeerError:
    """Return one error for all addresses; patient only as far as the least patient asks."""
    if len(troubles) == 1:
        return troubles[0]
    refused = all(isinstance(one, CredentialError) for one in troubles)
    error = (CredentialError if refused else PeerError)("; ".join(map(str, troubles)))
    error.retry_after_s = min(one.retry_after_s for one in troubles)
    return error
