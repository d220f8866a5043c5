# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A clip in a real browser: it plays, and its pixels are what they must be."""

import base64
from pathlib import Path

import pytest

from gateway.codec.exits import render_clip
from gateway.codec.mux import ClipRequest
from gateway.model.media import Codec
from tests.chromium import FLAGS
from tests.footage import later, need, rgb, scene

CHROMIUM = Path("/usr/bin/chromium")
LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
PLAY = """async (data) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const video = document.createElement('video');
  video.muted = true;
  video.src = URL.createObjectURL(new Blob([bytes], {type: 'video/mp4'}));
  const ended = new Promise((done, failed) => {
    video.onended = done;
    video.onerror = () => failed(new Error(video.error.message));
  });
  await video.play();
  await ended;
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0);
  const at = (x, y) => Array.from(context.getImageData(x, y, 1, 1).data.slice(0, 3));
  return {size: [canvas.width, canvas.height], seconds: video.duration,
          left: at(80, 20), right: at(240, 20)};
}"""


@pytest.fixture
async def page():
    """A page of a headless Chromium."""
    need(CHROMIUM)
    from playwright.async_api import async_playwright

    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield await browser.new_page()
        await browser.close()


@pytest.mark.peer
@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("masks", [[], [LEFT_HALF]])
async def test_a_clip_plays_in_chromium(page, masks: list, codec: Codec) -> None:
    """Chromium plays the clip to its end; the mask is black, the rest is the source."""
    units = later(scene(50, gop=25, visits=range(50), codec=codec), 777_600_000)
    data = render_clip(ClipRequest(masks, units).pack())
    found = await page.evaluate(PLAY, base64.b64encode(data).decode())
    assert found["size"] == [320, 240]
    assert found["seconds"] == pytest.approx(2.0, abs=0.1)
    truth = rgb(49, size=(320, 240), visitor=True)
    assert found["right"] == pytest.approx(truth[20, 240].tolist(), abs=30)
    if masks:
        assert max(found["left"]) < 24
    else:
        assert found["left"] == pytest.approx(truth[20, 80].tolist(), abs=30)
