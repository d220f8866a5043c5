# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Chromium plays WHEP; a canvas reads back what it shows, and that is compared with the source."""

import asyncio
import base64
import time
from contextlib import asynccontextmanager

import numpy as np
import pytest
from playwright.async_api import async_playwright

from tests.chromium import PEER_FLAGS
from tests.whep_parts import HEIGHT_PX, WIDTH_PX, difference, encode, grant, playing, until

pytestmark = pytest.mark.peer
COLOUR_TOLERANCE = 8.0
"""Two conversions, limited-range luma to RGB and back, and the codec's own loss."""
PAGE = """<!doctype html><video id=v autoplay muted playsinline></video><script>
window.play = async (audio) => {
  const pc = window.pc = new RTCPeerConnection();
  if (audio) pc.addTransceiver('audio', {direction: 'recvonly'});
  pc.addTransceiver('video', {direction: 'recvonly'});
  pc.ontrack = e => { v.srcObject = e.streams[0]; };
  await pc.setLocalDescription(await pc.createOffer());
  const r = await fetch('/whep', {method: 'POST', headers: {'Content-Type': 'application/sdp'},
                                  body: pc.localDescription.sdp});
  await pc.setRemoteDescription({type: 'answer', sdp: await r.text()});
};
window.picture = () => {
  if (!v.videoWidth) return null;
  const c = document.createElement('canvas'); c.width = v.videoWidth; c.height = v.videoHeight;
  const x = c.getContext('2d'); x.drawImage(v, 0, 0);
  const d = x.getImageData(0, 0, c.width, c.height).data;
  const g = new Uint8Array(d.length / 4);
  for (let i = 0; i < g.length; i++) g[i] = d[4 * i + 1];
  let s = ''; for (let i = 0; i < g.length; i += 4096)
    s += String.fromCharCode(...g.subarray(i, i + 4096));
  return btoa(s);
};
window.stats = async () => {
  const r = {};
  for (const s of (await pc.getStats()).values()) {
    if (s.type == 'inbound-rtp') Object.assign(r, {frames: s.framesDecoded});
    if (s.type == 'transport') Object.assign(r, {srtp: s.srtpCipher, dtls: s.dtlsState});
  }
  return r;
};
</script>"""


@pytest.fixture(scope="session")
def coded():
    return encode()


@asynccontextmanager
async def browser_page(program, media, camera):
    """A page of our own origin; its POST /whep reaches `media` as the HTTP layer would."""
    opened = []

    async def page_request(route):
        await route.fulfill(content_type="text/html", body=PAGE)

    async def whep_request(route):
        answer = await media.open(grant(), route.request.post_data, camera.source)
        opened.append(answer)
        await route.fulfill(status=201, content_type="application/sdp", body=answer.sdp)

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program("chromium"), args=PEER_FLAGS
        )
        try:
            page = await browser.new_page()
            await page.route("https://varco.test/", page_request)
            await page.route("https://varco.test/whep", whep_request)
            await page.goto("https://varco.test/")
            yield page, opened
        finally:
            await browser.close()


async def shown(page):
    """Return the luma that the page shows, from its green channel (the source is grey)."""
    async with asyncio.timeout(30):
        while (text := await page.evaluate("picture()")) is None:
            await asyncio.sleep(0.02)
    green = np.frombuffer(base64.b64decode(text), np.uint8).reshape(HEIGHT_PX, WIDTH_PX)
    return (green.astype(float) * 219 / 255 + 16).round().astype(int)


async def until_shown(page, condition, timeout_s=15.0):
    """Wait until the shown picture meets `condition(number, error)`; return both."""
    async with asyncio.timeout(timeout_s):
        while True:
            index, error = difference(await shown(page))
            if condition(index, error):
                return index, error


async def test_shows_live_picture(program, coded):
    """Chromium shows the camera's pixels, is on the live picture, and goes on."""
    async with playing(coded) as (media, camera, _):
        await until(lambda: camera.published > 40)
        async with browser_page(program, media, camera) as (page, _):
            begun = time.monotonic()
            await page.evaluate("play(false)")

            def fresh(index, error):
                return error < COLOUR_TOLERANCE and (camera.published - 1 - index) % 256 <= 8

            first, _ = await until_shown(page, fresh)
            print(f"fresh picture after {time.monotonic() - begun:.3f} s")
            await until_shown(page, lambda index, error: fresh(index, error) and index != first)
            await until_shown(page, lambda index, _: 25 < (index - first) % 256 < 128)
            index, error = difference(await shown(page))
            assert fresh(index, error)
            stats = await page.evaluate("stats()")
    assert stats["dtls"] == "connected"
    assert stats["srtp"] == "SRTP_AEAD_AES_128_GCM"
    assert stats["frames"] > 25


async def test_audio_is_refused_in_bundle(program, coded):
    """An offer whose first m-line is audio still gets its picture; audio is rejected."""
    async with (
        playing(coded) as (media, camera, _),
        browser_page(program, media, camera) as (page, opened),
    ):
        await page.evaluate("play(true)")
        await until_shown(page, lambda _, error: error < COLOUR_TOLERANCE)
        directions = await page.evaluate(
            "pc.getTransceivers().map(t => [t.receiver.track.kind, t.currentDirection])"
        )
    assert directions == [["video", "recvonly"]]  # the refused one is stopped and gone
    assert "m=audio 0 " in opened[0].sdp
