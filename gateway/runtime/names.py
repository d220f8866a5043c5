# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The event loop of the gateway: names are looked up in threads of their own.

A resolver that does not answer keeps its thread for tens of seconds, whatever bound the caller
set. In the threads that asyncio shares out, a dozen cameras with names would then hold up the
ledger, the outbox and every sign-in.
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from typing_extensions import override

MOST_LOOK_UPS = 8
"""At once; one name is looked up once, however many wait for it."""


class Loop(asyncio.SelectorEventLoop):
    """An event loop that a dead resolver cannot hold up."""

    def __init__(self) -> None:
        """Start no thread before the first look-up."""
        super().__init__()
        self._resolver = ThreadPoolExecutor(MOST_LOOK_UPS, "names")
        self._asked: dict[tuple[object, ...], asyncio.Future[Any]] = {}

    @override
    async def getaddrinfo(
        self,
        host: Any,
        port: Any,
        *,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        """Return the addresses of a name, as `socket.getaddrinfo` does."""
        what = (host, port, family, type, proto, flags)
        answer = self._asked.get(what)
        if answer is None:
            answer = self.run_in_executor(self._resolver, socket.getaddrinfo, *what)
            self._asked[what] = answer
            answer.add_done_callback(lambda done: self._answered(what, done))
        return await asyncio.shield(answer)

    def _answered(self, what: tuple[object, ...], answer: asyncio.Future[Any]) -> None:
        del self._asked[what]
        if not answer.cancelled():
            answer.exception()  # whoever asked may have gone

    @override
    def close(self) -> None:
        """Close, and wait for no resolver."""
        self._resolver.shutdown(wait=False, cancel_futures=True)
        super().close()
