# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Chromium that reads the time out of what it shows: `benchmarks.lab.relay_screen`.

Runs in the namespace of the viewer. First of all it is told {"namespace", "url", "token",
"began_s"}: where the gateway answers, and when the cameras took picture 0 (monotonic). Its offers
go to the gateway from within that namespace; its pictures come as the network lets them. Orders:

{"look": PATH, "within_s": S}   show a camera; {"first_s", "young_s"} of its first picture of any
                                age and of the first one younger than a quarter of a second
{"watch": S}                    what was shown for so long: [when, age] of each picture
{"end": true}                   show nothing
"""

import asyncio
import json
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks.lab.counted import LOOP_S, MAIN_PX
from benchmarks.lab.network import Place
from benchmarks.lab.pictures import FPS
from benchmarks.lab.process import say
from gateway.simulator.paint import HEIGHT, STRIP_BITS, STRIP_BLOCK_PX, WIDTH

if TYPE_CHECKING:
    from playwright.async_api import Page

YOUNG_S = 0.25
FLAGS = [
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
]
LOOK_JS = """
async ([path, geometry]) => {
  const peer = new RTCPeerConnection();
  const video = document.createElement("video");
  video.muted = true; video.autoplay = true; video.playsInline = true;
  document.body.replaceChildren(video);
  const [bits, width, height] = geometry;
  const canvas = document.createElement("canvas");
  canvas.width = 3 * bits; canvas.height = 3;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const shown = window.shown = [];
  const read = () => {
    const across = video.videoWidth * width, down = video.videoHeight * height;
    pen.drawImage(video, 0, video.videoHeight - down, bits * across, down, 0, 0, 3 * bits, 3);
    const pixels = pen.getImageData(0, 0, 3 * bits, 3).data;
    let value = 0;
    for (let bit = 0; bit < bits; bit++) {
      const level = pixels[4 * (3 * bits + 3 * bit + 1) + 1];
      if (level > 90 && level < 165) return -1;
      value = value << 1 | (level >= 165 ? 1 : 0);
    }
    return value;
  };
  const each = () => {
    shown.push([performance.now(), read()]);
    if (peer.connectionState !== "closed") video.requestVideoFrameCallback(each);
  };
  video.requestVideoFrameCallback(each);
  peer.ontrack = (event) => { video.srcObject = new MediaStream([event.track]); };
  window.peer = peer;
  window.asked = performance.now();
  peer.addTransceiver("video", { direction: "recvonly" });
  await peer.setLocalDescription(await peer.createOffer());
  const sdp = await negotiate(path, peer.localDescription.sdp);
  await peer.setRemoteDescription({ type: "answer", sdp });
  return window.asked;
}
"""
"""Shows a camera and writes down which picture was there when."""
TAKE_JS = "() => { const all = window.shown ?? []; return all.splice(0); }"
END_JS = "() => { window.peer?.close(); document.body.replaceChildren(); }"
STATS_JS = """
async () => {
  for (const one of (await window.peer.getStats()).values())
    if (one.type === "inbound-rtp")
      return { decoded: one.framesDecoded, dropped: one.framesDropped, lost: one.packetsLost,
               nacks: one.nackCount, freezes: one.freezeCount, pli: one.pliCount };
  return {};
}
"""
_CLOCK_TRIES = 20
_POLL_S = 0.05
_CHECK_SEED = 0b1010


def number_of(value: int) -> int | None:
    """Return the number of a picture from what its strip says, None if that was not legible."""
    number = value >> 4
    check = (number ^ number >> 4 ^ number >> 8) & 0xF ^ _CHECK_SEED
    return number if value >= 0 and value & 0xF == check else None


def age_of(number: int, began_s: float, seen_s: float) -> float:
    """Return how old a picture was when it was seen; less than the film's loop."""
    return (seen_s - began_s - number / FPS) % LOOP_S


class Screen:
    """One page, one picture at a time."""

    def __init__(self, page: "Page", told: dict[str, Any]) -> None:
        self._page = page
        self._place = Place(told["namespace"])
        self._url, self._token = told["url"], told["token"]
        self._began_s: float = told["began_s"]
        self._offset_s = 0.0
        """Monotonic time of the page's time 0."""
        self._resource = ""

    async def negotiate(self, path: str, offer: str) -> str:
        """Return the gateway's answer to the page's offer."""
        return await asyncio.to_thread(self._post, path, offer)

    def _post(self, path: str, offer: str) -> str:
        headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {self._token}"}
        with self._place.inside():
            reply = httpx.post(self._url + path, content=offer, headers=headers, timeout=20.0)
        if reply.status_code != httpx.codes.CREATED:
            raise ValueError(f"WHEP {reply.status_code}: {reply.text[:300]}")
        self._resource = reply.headers["location"]
        return reply.text

    async def set_clock(self) -> None:
        """Find out what the page's clock says now: the quickest answer is the nearest."""
        found: list[tuple[float, float]] = []
        for _ in range(_CLOCK_TRIES):
            before_s = time.monotonic()
            page_ms = await self._page.evaluate("performance.now()")
            after_s = time.monotonic()
            found.append((after_s - before_s, (before_s + after_s) / 2 - page_ms / 1e3))
        self._offset_s = min(found)[1]

    async def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Do one thing; return what there is to tell."""
        match order:
            case {"look": path, "within_s": within_s}:
                return await self._look(path, within_s)
            case {"watch": seconds}:
                await self._pictures()
                await asyncio.sleep(seconds)
                return {"shown": await self._pictures(),
                        "stats": await self._page.evaluate(STATS_JS)}  # fmt: skip
            case {"end": _}:
                await self._end()
        return {}

    async def _look(self, path: str, within_s: float) -> dict[str, Any]:
        geometry = [STRIP_BITS, STRIP_BLOCK_PX / WIDTH, STRIP_BLOCK_PX / HEIGHT]
        asked_s = self._offset_s + await self._page.evaluate(LOOK_JS, [path, geometry]) / 1e3
        first_s: float | None = None
        while time.monotonic() < asked_s + within_s:
            for seen_s, age_s in await self._pictures():
                first_s = seen_s - asked_s if first_s is None else first_s
                if age_s is not None and age_s < YOUNG_S:
                    return {"first_s": first_s, "young_s": seen_s - asked_s}
            await asyncio.sleep(_POLL_S)
        return {"first_s": first_s, "young_s": None}

    async def _pictures(self) -> list[tuple[float, float | None]]:
        """Return what was shown since it was last asked."""
        found: list[tuple[float, float | None]] = []
        for page_ms, value in await self._page.evaluate(TAKE_JS):
            seen_s, number = self._offset_s + page_ms / 1e3, number_of(int(value))
            age_s = None if number is None else age_of(number, self._began_s, seen_s)
            found.append((seen_s, age_s))
        return found

    async def _end(self) -> None:
        await self._page.evaluate(END_JS)
        if self._resource:
            await asyncio.to_thread(self._delete, self._resource)
            self._resource = ""

    def _delete(self, resource: str) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        with self._place.inside():
            httpx.delete(self._url + resource, headers=headers, timeout=20.0)


async def main() -> None:
    """Obey until standard input ends; {"error"} where there is no browser."""
    told = json.loads(await asyncio.to_thread(sys.stdin.readline))
    try:
        from playwright.async_api import Error, async_playwright  # noqa: PLC0415 - may be absent
    except ImportError as error:
        say({"error": str(error)})
        return
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        say({"error": "chromium is not installed"})
        return
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = await browser.new_page(viewport={"width": MAIN_PX[0], "height": MAIN_PX[1]})
        screen = Screen(page, told)
        await page.expose_function("negotiate", screen.negotiate)
        await screen.set_clock()
        say({"ready": True})
        while line := await asyncio.to_thread(sys.stdin.readline):
            try:
                say(await screen.obey(json.loads(line)))
            except (Error, ValueError, httpx.HTTPError) as error:
                say({"error": str(error) or type(error).__name__})
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
