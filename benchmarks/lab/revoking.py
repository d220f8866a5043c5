# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A room that shows one camera: a real gate, ledger and media process, a drawn picture."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.lab import town
from gateway.access.gate import Gate
from gateway.audit.ledger import open_ledger
from gateway.codec.encode import Encoder
from gateway.model.media import AccessUnit
from gateway.relay.video.process import MediaOptions, MediaProcess, open_media
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout

FPS = 25
FIRST_PICTURE_S = 20.0
DARK_S = 10.0
"""Not dark after so long is dark never."""
QUIET_MEDIA = (sys.executable, "-m", "gateway", "media", "--log-level", "WARNING")
QUIET_S = 1.0
"""Without a picture for so long it is dark."""


@dataclass(frozen=True, slots=True)
class Room:
    """A gate, a media process and one camera."""

    gate: Gate
    media: MediaProcess
    fanout: Fanout


@asynccontextmanager
async def room_of(folder: Path, clock: Clock) -> AsyncIterator[tuple[Room, str]]:
    """Open the room; yields it and its camera."""
    registry = town.town(clock.now())
    key = Ed25519PrivateKey.generate()
    options = MediaOptions(("127.0.0.1", 0), ("127.0.0.1",), QUIET_MEDIA)
    fanout = Fanout()

    async with (
        open_ledger(folder / "revoke.db", origin="bench/varco", key=key, clock=clock) as ledger,
        open_media(options, clock=clock, on_end=lambda _: None) as media,
        asyncio.TaskGroup() as tasks,
    ):
        gate = Gate(ledger, lambda: registry, lambda _: None, clock)
        running = [
            tasks.create_task(_play(fanout, clock)),
            tasks.create_task(media.keep(lambda grant: gate.check(grant).allowed)),
        ]
        try:
            yield Room(gate, media, fanout), town.first_camera(registry)
        finally:
            for task in running:
                task.cancel()


async def _play(fanout: Fanout, clock: Clock) -> None:
    """Publish a small moving picture in real time."""
    encoder = Encoder(320, 240, FPS, FPS, 500)
    draw = np.random.default_rng(3)
    still = draw.integers(0, 255, (240, 320, 3), np.uint8)
    scene = [np.roll(still, 4 * number, axis=1) for number in range(2 * FPS)]
    coded = [unit for picture in scene for unit in encoder.encode(picture)]
    began_s, index = clock.monotonic_s(), 0
    while True:
        nals, now = coded[index % len(coded)], clock.now()
        is_key = any(nal[0] & 31 == 5 for nal in nals)
        fanout.publish(AccessUnit(index * 90_000 // FPS, is_key, nals, now, now))
        index += 1
        await clock.sleep(max(0.0, began_s + index / FPS - clock.monotonic_s()))
