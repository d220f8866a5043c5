# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The main job, end to end: camera, alarm, browser, ledger, all on real parts."""

import base64
import json
import re
import sqlite3
from contextlib import closing

import av
import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from tests.chromium import PEER_FLAGS, load
from tests.e2e.conftest import BROKER, seed
from tests.e2e.daemon import PASSWORDS, Daemon, free_port, until

pytestmark = pytest.mark.peer
MOST_DIFFERENCE = 10.0
"""Mean absolute difference of grey values: colour conversion and nothing else."""
READ_VIDEO = """(index) => {
  const video = document.querySelectorAll('video')[index];
  if (!video || !video.videoWidth || video.readyState < 2) return null;
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  const context = canvas.getContext('2d'); context.drawImage(video, 0, 0);
  const rgba = context.getImageData(0, 0, canvas.width, canvas.height).data;
  let out = '';
  for (let i = 0; i < rgba.length; i += 4)
    out += String.fromCharCode((rgba[i] * 299 + rgba[i + 1] * 587 + rgba[i + 2] * 114) / 1000 | 0);
  return {width: canvas.width, height: canvas.height, grey: btoa(out)};
}"""


@pytest.fixture(scope="module")
def source_frames(footage):
    """Every picture of the footage, grey, a quarter of its size."""
    with av.open(str(footage("motion/intel_car-detection.mp4"))) as file:
        return [
            frame.reformat(width=frame.width // 4, height=frame.height // 4, format="gray")
            .to_ndarray()
            .astype(np.int16)
            for frame in file.decode(video=0)
        ]


def shrink(grey):
    """Average four by four pixels."""
    height, width = grey.shape
    return grey.reshape(height // 4, 4, width // 4, 4).mean((1, 3))


def nearest(grey, frames):
    """Return the smallest mean absolute difference to any source frame, and to a typical one."""
    small = shrink(grey)
    differences = np.array([np.abs(small - frame).mean() for frame in frames])
    return differences.min(), np.median(differences)


def video_of(page, index):
    """Return what a <video> shows now, as grey pixels; None while it shows nothing."""
    read = page.evaluate(READ_VIDEO, index)
    if read is None:
        return None
    grey = np.frombuffer(base64.b64decode(read["grey"]), np.uint8)
    return grey.reshape(read["height"], read["width"]).astype(np.int16)


def assert_footage(page, index, frames, bound_s=20):
    """Assert that a <video> shows a picture of the footage and not something alike."""
    ends = {}

    def shows():
        grey = video_of(page, index)
        if grey is None or grey.std() < 5:
            return False
        best, typical = nearest(grey, frames)
        ends["seen"] = (best, typical)
        return best < MOST_DIFFERENCE

    try:
        until(shows, bound_s)
    except AssertionError:
        page.screenshot(path="/tmp/varco-e2e-failure.png")
        pytest.fail(f"video {index} does not show the footage: {ends}; see the screenshot in /tmp")


def sign_in(page, url):
    load(page, url, "#user")
    page.get_by_label("Utente").fill("operatore")
    page.get_by_role("textbox", name="Password").fill(PASSWORDS["operatore"])
    page.keyboard.press("Enter")


def test_from_the_camera_to_the_auditor(camera, broker, subscriber, tmp_path, source_frames):
    """Something moves: the institute reads it, an operator sees it, a stranger can verify who."""
    port = free_port()
    camera(port)
    url = f"rtsp://127.0.0.1:{port}/footage"
    extra = BROKER.format(port=broker.port)
    with Daemon(tmp_path, seed(tmp_path, {"uno": url}), extra=extra) as box:
        box.with_passwords()
        operator = box.client("operatore")
        alarm = until(lambda: operator.get("/api/alarms").json(), 30, "an alarm")[0]
        line = until(lambda: [x for x in subscriber() if alarm["id"] in x], 15, "MQTT")[0]
        topic, _, payload = line.partition(" ")
        assert re.fullmatch(r"prova/istituto/onvif-ej/RuleEngine/[^#+ ]+", topic)
        body = json.loads(payload)
        assert set(body) == {"UtcTime", "Source", "Data"}
        assert len(payload) < 1500, "text alone: a reference, never the image"
        watch_in_browser(box, alarm, source_frames)
        audit(box, alarm)


def watch_in_browser(box, alarm, frames):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=PEER_FLAGS)
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        sign_in(page, box.url)
        page.get_by_role("link", name="Allarmi").first.click()
        page.goto(f"{box.url}/#/allarmi/{alarm['id']}")
        page.get_by_role("button", name="Prendi in carico").first.click()
        assert_footage(page, 0, frames)
        assert_footage(page, 1, frames)
        until(lambda: box.metric("varco_viewers") == 1, 5, "one viewer")
        page.get_by_role("link", name="Telecamere").first.click()
        until(lambda: box.metric("varco_viewers") == 0, 5, "leaving the page ends the session")
        browser.close()


def audit(box, alarm):
    """Both accesses are in the ledger, it verifies, and one flipped byte is named."""
    dpo = box.client("dpo")

    def entries():
        reply = dpo.get(
            "/api/ledger", params={"after": -1, "limit": 200, "aim": "verifica-liceita"}
        )
        assert reply.status_code == 200, reply.text
        return reply.json()["entries"]

    def ended():
        found = [e for e in entries() if e["event"] in ("live.close", "playback.close")]
        return found if len(found) >= 2 else None

    until(ended, 10, "both accesses are closed")
    opened = [e for e in entries() if e["event"] in ("live.open", "playback.open")]
    assert {e["event"] for e in opened} == {"live.open", "playback.open"}
    assert {(e["actor"], e["case"], e["object_id"]) for e in opened} == {
        ("operatore", alarm["id"], "uno")
    }
    words = ("audit", "verify", "--config", str(box.config))
    assert "integro" in box.varco(*words).stdout
    box.stop()
    path = box.state / "ledger.db"
    with closing(sqlite3.connect(path)) as ledger:
        ledger.execute("drop trigger entry_update")
        (seq, header) = ledger.execute(
            "select seq, header from entry where seq=?", (opened[0]["seq"],)
        ).fetchone()
        forged = header.replace(b'"live', b'"lime').replace(b'"playback', b'"playbacj')
        assert forged != header
        ledger.execute("update entry set header=? where seq=?", (forged, seq))
        ledger.commit()
    found = box.varco(*words, ok=False)
    assert found.returncode == 1
    assert f"prima voce alterata: {seq}" in found.stdout
