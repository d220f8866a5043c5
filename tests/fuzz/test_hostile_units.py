# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Mutated bitstreams through real, caged children: whatever breaks, the gateway does not."""

import os
import random
from dataclasses import replace

import pytest

from gateway.analytics.look import Feed, LookReply, LookRequest
from gateway.codec.jpeg import StillRequest, still
from gateway.codec.mux import ClipRequest, clip
from gateway.codec.pool import Pool, PoolOptions, open_pool
from gateway.codec.protocol import Kind
from gateway.model.errors import PeerError
from gateway.model.media import AccessUnit, Codec
from gateway.runtime.clock import SystemClock
from tests.footage import mp4_frames, scene

ROUNDS = int(os.environ.get("VARCO_FUZZ_ROUNDS", "60"))
TRIANGLE = [((0.0, 0.0), (1.0, 0.0), (0.5, 1.0))]


def mutated(units: list[AccessUnit], dice: random.Random) -> list[AccessUnit]:
    """Return units in which bits are flipped, NAL units cut, doubled, swapped or dropped."""
    broken = []
    for unit in units:
        nals = [bytearray(nal) for nal in unit.nals]
        for _ in range(dice.randrange(12)):
            nal = dice.choice(nals)
            nal[dice.randrange(len(nal))] = dice.randrange(256)
        if dice.random() < 0.2:
            nals.append(bytearray(dice.choice(nals)))
        if dice.random() < 0.2:
            dice.shuffle(nals)
        if dice.random() < 0.2:
            cut = dice.choice(nals)
            del cut[dice.randrange(1, len(cut) + 1) :]
        key = unit.is_key if dice.random() < 0.9 else not unit.is_key
        pts_90k = unit.pts_90k if dice.random() < 0.9 else dice.randrange(-(2**62), 2**62)
        broken.append(replace(unit, nals=tuple(map(bytes, nals)), is_key=key, pts_90k=pts_90k))
    return broken


async def survive(pool: Pool, camera: str, units: list[AccessUnit], dice: random.Random) -> None:
    """Ask all three kinds about hostile units; only a PeerError may come back."""
    for feed in Feed:
        payload = LookRequest(camera, feed, TRIANGLE, units).pack()
        try:
            LookReply.unpack(await pool.call(camera, Kind.LOOK, payload, timeout_s=10), 1)
        except PeerError:
            continue
    masks = TRIANGLE if dice.random() < 0.5 else []
    for kind, payload in (
        (Kind.STILL, StillRequest(masks, 320, units).pack()),
        (Kind.CLIP, ClipRequest(masks, units).pack()),
    ):
        try:
            await pool.call("", kind, payload, timeout_s=10)
        except PeerError:
            continue


@pytest.mark.timeout(600)
@pytest.mark.parametrize("codec", list(Codec))
async def test_hostile_units_never_reach_the_gateway(codec: Codec) -> None:
    """After every mutation the pool still serves: a healthy still, clip and look come out."""
    dice = random.Random(20261122)
    good = scene(8, gop=4, codec=codec)
    async with open_pool(1, clock=SystemClock(), options=PoolOptions(spares=1)) as pool:
        for _ in range(ROUNDS):
            await survive(pool, "hostile", mutated(good, dice), dice)
        assert (await still(pool, good, [])).startswith(b"\xff\xd8")
        assert len(mp4_frames(await clip(pool, good, []))) == 8
        payload = LookRequest("healthy", Feed.START, [], good).pack()
        reply = LookReply.unpack(await pool.call("healthy", Kind.LOOK, payload, timeout_s=10), 0)
        assert reply.pictures == (4 if codec is Codec.JPEG else 8)  # JPEG that nobody judges rests
        assert pool.statistics().requests == 6 * ROUNDS + 3


@pytest.mark.timeout(300)
async def test_hostile_requests_are_refused() -> None:
    """Requests that are mutated themselves are refused by the child, which goes on."""
    dice = random.Random(1)
    request = bytearray(LookRequest("cam", Feed.START, TRIANGLE, scene(2, gop=2)).pack())
    async with open_pool(1, clock=SystemClock(), options=PoolOptions(spares=0)) as pool:
        for _ in range(ROUNDS):
            broken = bytearray(request)
            for _ in range(dice.randrange(1, 6)):
                broken[dice.randrange(len(broken))] = dice.randrange(256)
            try:
                await pool.call("cam", Kind.LOOK, bytes(broken), timeout_s=10)
            except PeerError:
                continue
        assert pool.statistics().failures == 0
