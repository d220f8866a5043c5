# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From `revoke` to no new pixel in Chromium: a real gate, ledger, media process and browser."""

import asyncio
import random
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.lab import revoking, town
from benchmarks.lab.revoking import DARK_S, FIRST_PICTURE_S, QUIET_S, Room
from gateway.model.access import Grant
from gateway.model.errors import PeerError
from gateway.model.media import Codec
from gateway.relay.video.process import Source
from gateway.runtime.clock import Clock

if TYPE_CHECKING:
    from playwright.async_api import Page

FLAGS = [
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
]
LOOK_JS = """
async (name) => {
  const peer = new RTCPeerConnection();
  const video = document.createElement("video");
  video.muted = true; video.autoplay = true; video.playsInline = true;
  document.body.append(video);
  peer.ontrack = (event) => { video.srcObject = new MediaStream([event.track]); };
  peer.addTransceiver("video", { direction: "recvonly" });
  await peer.setLocalDescription(await peer.createOffer());
  const sdp = await negotiate(name, peer.localDescription.sdp);
  await peer.setRemoteDescription({ type: "answer", sdp });
  const canvas = document.createElement("canvas");
  canvas.width = 16; canvas.height = 12;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const seen = { changed: 0, peer };
  let before = "";
  setInterval(() => {
    if (!video.videoWidth) return;
    pen.drawImage(video, 0, 0, 16, 12);
    const now = pen.getImageData(0, 0, 16, 12).data.join();
    if (before && now !== before) seen.changed = performance.now();
    before = now;
  }, 20);
  (window.looks ??= {})[name] = seen;
}
"""
"""Opens a picture and looks at its pixels fifty times a second."""
AGE_JS = "(name) => looks[name].changed ? performance.now() - looks[name].changed : -1"
END_JS = "(name) => looks[name].peer.close()"


class Screen:
    """One page of one browser, with any number of live pictures."""

    def __init__(self, page: "Page", room: Room, camera: str, clock: Clock) -> None:
        self._page = page
        self._room = room
        self._camera = camera
        self._clock = clock
        self._grants: dict[str, Grant] = {}

    async def negotiate(self, name: str, offer: str) -> str:
        """Return the answer to a page's offer."""
        source = Source(self._camera, Codec.H264, self._room.fanout)
        answer = await self._room.media.open(self._grants[name], offer, source)
        return answer.sdp

    async def open(self, name: str) -> Grant:
        """Ask the gate, then look until a pixel changes."""
        grant = await self._room.gate.open(town.look(self._camera))
        if not isinstance(grant, Grant):
            raise PeerError(f"refused: {grant.text_en}")
        self._grants[name] = grant
        await self._page.evaluate(LOOK_JS, name)
        async with asyncio.timeout(FIRST_PICTURE_S):
            while await self._age_s(name) is None:
                await self._clock.sleep(0.05)
        return grant

    async def revoke(self, name: str, grant: Grant, wait_s: float) -> float | None:
        """Revoke after `wait_s`; return how long pixels went on changing, None if for ever."""
        await self._clock.sleep(wait_s)
        self._room.gate.revoke(grant.id)
        revoked_s = self._clock.monotonic_s()
        while (now_s := self._clock.monotonic_s()) < revoked_s + DARK_S:
            age_s = await self._age_s(name)
            if age_s is not None and age_s > QUIET_S:
                await self._room.gate.close(grant, reason="revoked")
                return max(0.0, now_s - age_s - revoked_s)
            await self._clock.sleep(0.05)
        return None

    async def close(self, name: str) -> None:
        """End the browser's side."""
        await self._page.evaluate(END_JS, name)

    async def _age_s(self, name: str) -> float | None:
        """Return how long ago a pixel last changed; None if none did yet."""
        age_ms = await self._page.evaluate(AGE_JS, name)
        return float(age_ms) / 1000 if age_ms >= 0 else None


async def measure(folder: Path, clock: Clock, rounds: int, viewers: int) -> list[float | None]:
    """Return the times from `revoke` to dark, of `rounds` times `viewers` pictures.

    FileNotFoundError without Chromium, ImportError without playwright.
    """
    from playwright.async_api import async_playwright  # noqa: PLC0415 - a peer that may be absent

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise FileNotFoundError("chromium is not installed")
    draw = random.Random(2)
    found: list[float | None] = []
    async with (
        revoking.room_of(folder, clock) as (room, camera),
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = await browser.new_page()
        screen = Screen(page, room, camera, clock)
        await page.expose_function("negotiate", screen.negotiate)
        for number in range(rounds):
            names = [f"{number}-{viewer}" for viewer in range(viewers)]
            grants = [await screen.open(name) for name in names]
            async with asyncio.TaskGroup() as tasks:
                ends = [
                    tasks.create_task(screen.revoke(name, grant, draw.uniform(0.0, 2.0)))
                    for name, grant in zip(names, grants, strict=True)
                ]
            found += [end.result() for end in ends]
            for name in names:
                await screen.close(name)
        await browser.close()
    return found
