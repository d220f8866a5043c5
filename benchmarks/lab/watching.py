# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A browser that watches a line's far end: which picture it shows when, read from the pixels.

Pictures bear their number as a strip of black and white blocks; Chromium calls back for every
picture that it puts on the screen, and a canvas reads the strip. So an age is that of what a
person sees, without trusting any clock but that of this machine. The browser runs in whatever
network namespace the caller is in when it is launched (`benchmarks.lab.network.Place.inside`).
"""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from gateway.simulator.paint import HEIGHT, STRIP_BITS, STRIP_BLOCK_PX, WIDTH

if TYPE_CHECKING:
    from playwright.async_api import Page

FLAGS = [
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
]
YOUNG_S = 0.25
"""A picture younger than this is live."""
LOOK_EVERY_S = 0.05
_CHECK_SEED = 0b1010
_WATCH_JS = """
async ([name, strip, bits]) => {
  const peer = new RTCPeerConnection();
  const video = document.createElement("video");
  video.muted = true; video.autoplay = true; video.playsInline = true;
  document.body.append(video);
  const canvas = document.createElement("canvas");
  canvas.width = 8 * bits; canvas.height = 8;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const now = () => performance.timeOrigin + performance.now();
  const seen = { frames: [], peer, video };
  const look = () => {
    const [wide, high] = [video.videoWidth, video.videoHeight];
    const [x, y, w, h] = strip;
    pen.drawImage(video, x * wide, y * high, w * wide, h * high, 0, 0, 8 * bits, 8);
    const data = pen.getImageData(0, 4, 8 * bits, 1).data;
    let value = 0;
    for (let bit = 0; bit < bits; bit++) value = 2 * value + (data[4 * (8 * bit + 4) + 1] > 125);
    seen.frames.push([now(), value, wide]);
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  peer.ontrack = (event) => { video.srcObject = new MediaStream([event.track]); };
  (window.watching ??= {})[name] = seen;
  const asked = now();
  peer.addTransceiver("video", { direction: "recvonly" });
  await peer.setLocalDescription(await peer.createOffer());
  const sdp = await negotiate(name, peer.localDescription.sdp);
  await peer.setRemoteDescription({ type: "answer", sdp });
  return asked;
}
"""
_SEEN_JS = """
async (name) => {
  const seen = watching[name], told = {};
  for (const one of (await seen.peer.getStats()).values())
    if (one.type === "inbound-rtp" && one.kind === "video") Object.assign(told, {
      decoded: one.framesDecoded, dropped: one.framesDropped, lost: one.packetsLost,
      nacks: one.nackCount, losses: one.pliCount, freezes: one.freezeCount,
      frozen_s: one.totalFreezesDuration,
      held_s: one.jitterBufferDelay / one.jitterBufferEmittedCount,
      repeated: one.retransmittedPacketsReceived });
  return [seen.frames.splice(0), told];
}
"""
_END_JS = "(name) => { watching[name].peer.close(); watching[name].video.remove(); }"

Negotiate = Callable[[str, str], Awaitable[str]]
"""Takes a name and an offer, returns the answer."""


@dataclass(frozen=True, slots=True)
class Strip:
    """Where a picture bears its number, and how that is read."""

    box: tuple[float, float, float, float]
    """Left, top, width, height as shares of the picture."""
    bits: int
    number: Callable[[int], int | None]
    """Takes the blocks from left to right, white is 1; None: illegible."""
    loop: int
    """Numbers begin again after so many."""


def _counted_number(value: int) -> int | None:
    number, check = value >> 4, value & 0xF
    return number if check == (number ^ number >> 4 ^ number >> 8) & 0xF ^ _CHECK_SEED else None


def counted_strip(loop: int) -> Strip:
    """Return where `benchmarks.lab.counted` burns numbers in."""
    wide, high = STRIP_BLOCK_PX / WIDTH, STRIP_BLOCK_PX / HEIGHT
    return Strip((0.0, 1.0 - high, STRIP_BITS * wide, high), STRIP_BITS, _counted_number, loop)


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture on the screen."""

    at_s: float
    """UTC."""
    number: int | None
    wide_px: int


@dataclass(frozen=True, slots=True)
class Smoothness:
    """How a stretch of watching looked."""

    fps: float
    """Different pictures a second."""
    longest_freeze_s: float


class Screen:
    """One page; any number of live pictures in it."""

    def __init__(self, page: "Page", strip: Strip) -> None:
        self._page = page
        self._strip = strip

    async def watch(self, name: str) -> float:
        """Open a picture; return when it was asked for, UTC seconds."""
        asked = await self._page.evaluate(_WATCH_JS, [name, self._strip.box, self._strip.bits])
        return float(asked) / 1000

    async def seen(self, name: str) -> tuple[list[Shown], dict[str, Any]]:
        """Return what was shown since the last question, and the browser's own statistics."""
        frames, told = await self._page.evaluate(_SEEN_JS, name)
        shown = [Shown(at / 1000, self._strip.number(value), wide) for at, value, wide in frames]
        return shown, told

    async def close(self, name: str) -> None:
        """End a picture from the browser's side."""
        await self._page.evaluate(_END_JS, name)


@asynccontextmanager
async def screen(
    negotiate: Negotiate, strip: Strip, program: str | None = None
) -> AsyncIterator[Screen]:
    """Launch Chromium where the caller is. FileNotFoundError, ImportError where there is none."""
    from playwright.async_api import async_playwright  # noqa: PLC0415 - a peer that may be absent

    path = program or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise FileNotFoundError("chromium is not installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            page = await browser.new_page()
            await page.expose_function("negotiate", negotiate)
            yield Screen(page, strip)
        finally:
            await browser.close()


def ages_s(
    shown: Sequence[Shown], taken_s: Callable[[int, float], float]
) -> list[tuple[float, float]]:
    """Return when each legible picture was shown and how old it was then.

    `taken_s` takes a number and when it was shown, and returns when it was taken last before.
    """
    return [
        (one.at_s, one.at_s - taken_s(one.number, one.at_s))
        for one in shown
        if one.number is not None
    ]


async def first_live_s(
    on: Screen, name: str, taken_s: Callable[[int, float], float], within_s: float = 20.0
) -> tuple[float | None, list[Shown]]:
    """Open a picture; return how long until one younger than `YOUNG_S` was shown, and all shown.

    None if none was within `within_s`. The picture stays open.
    """
    asked_s = await on.watch(name)
    until_s, shown = time.monotonic() + within_s, list[Shown]()
    while time.monotonic() < until_s:
        new, _ = await on.seen(name)
        shown += new
        young = next((at for at, age in ages_s(new, taken_s) if age < YOUNG_S), None)
        if young is not None:
            return young - asked_s, shown
        await asyncio.sleep(LOOK_EVERY_S)
    return None, shown


def smoothness(shown: Sequence[Shown]) -> Smoothness:
    """Return how a stretch looked; a picture that is illegible or shown again counts as none."""
    fresh: list[Shown] = []
    for one in shown:
        if one.number is not None and (not fresh or one.number != fresh[-1].number):
            fresh.append(one)
    if len(fresh) < 2:
        return Smoothness(0.0, float("inf"))
    gaps = [b.at_s - a.at_s for a, b in pairwise(fresh)]
    return Smoothness((len(fresh) - 1) / (fresh[-1].at_s - fresh[0].at_s), max(gaps))
