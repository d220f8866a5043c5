# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.rush."""

import asyncio
import sys

import pytest

from gateway.codec.decode import every_picture
from gateway.model.errors import PeerError
from gateway.simulator import rush
from gateway.simulator.scene_lanes import STEPS


async def test_a_painter_gives_row_after_row_and_ends():
    """Each row can be decoded by itself: it begins with a key picture."""
    async with rush.painter(5, 4) as rows:
        found = [row async for row in rows]
    assert [len(row) for row in found] == [STEPS, STEPS]
    for row in found:
        assert row[0].is_key
        assert len(list(every_picture(row))) == STEPS


async def test_a_painter_that_breaks_off_is_told(monkeypatch):
    """In the middle of a row, or with a status: never as if all had come."""
    run = asyncio.create_subprocess_exec
    for words in ("import os; os.write(1, b'\\0\\0\\0\\x09half')", "raise SystemExit(3)"):

        def broken(*_, words=words, **options):
            return run(sys.executable, "-c", words, **options)

        monkeypatch.setattr(asyncio, "create_subprocess_exec", broken)
        with pytest.raises(PeerError, match="early"):
            async with rush.painter(5, 4) as rows:
                assert [row async for row in rows] == []


async def test_who_leaves_early_leaves_no_process():
    """The child is gone when the context ends."""
    async with rush.painter(5, 500) as rows:
        assert await anext(rows)
