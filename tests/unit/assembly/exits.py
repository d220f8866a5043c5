# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Exits for tests of those who read from them."""

import asyncio
from contextlib import contextmanager

from gateway.assembly.renditions import RenditionParts, Renditions
from gateway.codec.pool import PoolBusyError
from gateway.codec.recoder import Recoder
from gateway.model.errors import PeerError


class NoPlaces:
    """A pool without a child that could be taken."""

    @contextmanager
    def take(self):
        raise PoolBusyError("0 live streams are coded anew already")
        yield


class Place:
    """A child that is none: the real recoder, in this process."""

    def __init__(self, pool):
        self._pool = pool
        self._recoder = Recoder()
        self.is_dead = False

    async def call(self, kind, payload, *, timeout_s):
        self._pool.calls += 1
        if self.is_dead:
            self._recoder, self.is_dead = Recoder(), False
            raise PeerError("child is gone")
        await asyncio.sleep(0)
        return self._recoder.recode(payload)


class Places:
    """A pool of such children."""

    def __init__(self, most=1):
        self.most = most
        self.taken = []
        self.calls = 0

    @contextmanager
    def take(self):
        if len(self.taken) >= self.most:
            raise PoolBusyError(f"{self.most} live streams are coded anew already")
        place = Place(self)
        self.taken.append(place)
        try:
            yield place
        finally:
            self.taken.remove(place)


async def until(condition, bound_s=30.0):
    """Wait until a condition holds; fail after the bound."""
    async with asyncio.timeout(bound_s):
        while not condition():
            await asyncio.sleep(0.005)


async def _unwritten(_):
    """Write no ledger."""


def _started(work):
    return asyncio.get_running_loop().create_task(work)


def exits_of(post, registry, clock, pool=None, account=_unwritten):
    """Return the exits of cameras; `post` and `registry` as the box has them."""
    return Renditions(
        RenditionParts(post, registry, pool or NoPlaces(), account, _started, clock, "varco/prova")
    )
