# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Asks cameras for a key picture when somebody who looks waits for one (ONVIF, ADR 38).

The media process wishes as often as viewers come and go; a camera is asked far less: whoever looks
must not be able to hammer it. What a camera does not take is not asked of it again for a while.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from gateway.model.errors import PeerError
from gateway.model.media import StreamKind
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)

EVERY_S: Final = 5.0
"""One stream of a camera is asked this often at most."""
REFUSED_S: Final = 300.0
"""So long not, if it did not answer or does not know the question."""
MOST_AT_ONCE: Final = 4
"""Questions under way; a wish beyond them is forgotten, for wishes are repeated."""

Key = tuple[str, StreamKind]


class KeyWishes:
    """Takes wishes; asks in tasks of the box."""

    def __init__(
        self,
        source: Callable[[str], Key | None],
        ask: Callable[[str, StreamKind], Awaitable[bool]],
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        clock: Clock,
    ) -> None:
        """`source`: the camera and stream that one on the link passes through.

        `ask` returns whether there was a device to ask; PeerError if it did not obey.
        """
        self._source = source
        self._ask = ask
        self._start = start
        self._clock = clock
        self._not_before_s: dict[Key, float] = {}
        self._running = 0

    def wanted(self, stream: str) -> None:
        """Take a wish for a stream on the link to the media process; never waits, never raises."""
        key, now_s = self._source(stream), self._clock.monotonic_s()
        if key is None or self._running >= MOST_AT_ONCE:
            return
        if now_s < self._not_before_s.get(key, now_s):
            return
        waiting = {one: until_s for one, until_s in self._not_before_s.items() if until_s > now_s}
        self._not_before_s = {**waiting, key: now_s + EVERY_S}
        self._running += 1
        self._start(self._put(key))

    async def _put(self, key: Key) -> None:
        camera, kind = key
        try:
            if await self._ask(camera, kind):
                return
        except PeerError as error:
            log.info("key-not-asked", extra={"camera": camera, "problem": str(error)})
        finally:
            self._running -= 1
        self._not_before_s[key] = self._clock.monotonic_s() + REFUSED_S
