# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What an installer measures and signs: `varco probe`, `varco accept`, and who is refused."""

import base64
import json
import re
import subprocess

import cv2
import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from tests.chromium import PEER_FLAGS
from tests.e2e.conftest import HERE, LOGIN, Child, running, seed
from tests.e2e.daemon import PASSWORDS, Daemon, free_port, until
from tests.e2e.test_main_job import MOST_DIFFERENCE, nearest, source_frames

__all__ = ["source_frames"]
pytestmark = pytest.mark.peer
WIDTH_M = 6.0
INSTALLER = """
[[user]]
id = "installatore"
name = "Ignoto Installatore"
role = "installer"
organisation = "comune"
"""


@pytest.fixture(scope="module")
def rare_keys(program, tmp_path_factory):
    """A minute of pictures with a key picture every ten seconds."""
    made = tmp_path_factory.mktemp("rare") / "rare.mp4"
    subprocess.run(
        [
            *(program("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25"),
            *("-f", "lavfi", "-i", "sine", "-t", "40", "-c:v", "libx264", "-preset", "ultrafast"),
            *("-bf", "0", "-x264-params", "keyint=250:min-keyint=250:scenecut=0", "-c:a", "aac"),
            made,
        ],
        check=True,
        timeout=60,
    )
    return made


def test_an_installer_is_told_in_italian_to_change_a_long_gop(rare_keys, tmp_path):
    """A camera by its URL, no daemon: how far apart its key pictures are and what to set."""
    port = free_port()
    command = ["/usr/bin/python3", str(HERE / "gst_footage.py"), str(port), str(rare_keys), LOGIN]
    secret = tmp_path / "camera.secret"
    secret.write_text(LOGIN)
    secret.chmod(0o600)
    with running(Child(command, ready="ready")):
        box = Daemon(tmp_path, "")
        told = box.varco(
            "probe", f"rtsp://127.0.0.1:{port}/footage", "--credential", f"file:{secret}",
            "--seconds", "11", ok=False,
        )  # fmt: skip
    assert told.returncode in (0, 1), told.stdout + told.stderr
    assert re.search(r"[✗!] GOP di 250 immagini \(10 s\)\n +→ impostare 50", told.stdout), (
        told.stdout
    )
    assert LOGIN.partition(":")[2] not in told.stdout + told.stderr


def surveyed(made):
    """The registry with a camera that was measured on site, and its installer."""
    more = f'area = "pubblica"\ntarget_width_m = {WIDTH_M}\ndensity_class = "observe"'
    return made.replace('area = "pubblica"', more) + INSTALLER


def accepted(box, folder, user, password, *, ok=True):
    paths = folder / "scheda.json", folder / "scheda.html"
    done = box.varco(
        "accept", "uno", "--as", user, "--stdin", "--seconds", "4", "--json", str(paths[0]),
        "--html", str(paths[1]), "--config", str(box.config), stdin=password + "\n", ok=False,
    )  # fmt: skip
    assert not ok or done.returncode in (0, 1), done.stdout + done.stderr
    return done, *paths


def entries(client):
    reply = client.get("/api/ledger", params={"after": -1, "limit": 200, "aim": "verifica-liceita"})
    assert reply.status_code == 200, reply.text
    return reply.json()["entries"]


def test_the_installer_accepts_a_camera_and_nobody_else_does(camera, tmp_path, source_frames):
    """A sheet with the frame and its scale; each look and each refusal is in a sound ledger."""
    port = free_port()
    camera(port)
    made = surveyed(seed(tmp_path, {"uno": f"rtsp://127.0.0.1:{port}/footage"}))
    with Daemon(tmp_path, made) as box:
        box.with_passwords("operatore", "revisore", "installatore")
        client = box.client("operatore")
        until(lambda: box.cameras(client)["uno"]["state"] == "live", 15, "live")
        probed = box.varco("probe", "uno", "--seconds", "3", "--config", str(box.config), ok=False)
        assert probed.returncode in (0, 1), probed.stdout + probed.stderr
        assert re.search(r"flusso +H264", probed.stdout), probed.stdout
        for user, password in (
            ("root", "quel-che-capita"),
            ("operatore", PASSWORDS["operatore"]),
        ):
            refused, _, page = accepted(box, tmp_path, user, password, ok=False)
            assert refused.returncode != 0, refused.stdout
            assert not page.exists()
        done, sheet, page = accepted(box, tmp_path, "installatore", PASSWORDS["installatore"])
        record = json.loads(sheet.read_text())
        assert (record["camera"], record["form"]) == ("uno", "varco.acceptance/1"), done.stdout
        assert record["installer"] == "Ignoto Installatore"
        assert page.stat().st_mode & 0o077 == 0
        assert_in_the_ledger(entries(box.client("revisore")))
        assert "integro" in box.varco("audit", "verify", "--config", str(box.config)).stdout
    assert_rendered(page, record, source_frames, tmp_path)


def assert_in_the_ledger(found):
    """The measurement by root, an unknown account, a wrong role, the installer's snapshot."""
    looks = [e for e in found if e["object_id"] == "uno" and e["purpose"] == "installazione"]
    assert [(e["event"], e["actor"], e["result"], e["error"]) for e in looks] == [
        ("camera.inspect", "uid:0", "ok", ""),
        ("live.deny", "operatore", "denied", "purpose-not-allowed"),
        ("live.snapshot", "installatore", "ok", ""),
    ]
    assert [e["result"] for e in found if e["event"] == "auth.fail"] == ["denied"]


def assert_rendered(page, record, frames, tmp_path):
    """Chromium shows a picture of the footage, and a metre as long as the density says."""
    shot = tmp_path / "scheda.png"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=PEER_FLAGS)
        view = browser.new_page(viewport={"width": 1000, "height": 1400})
        view.goto(page.as_uri())
        view.screenshot(path=shot, full_page=True)
        place = view.locator("figure svg").bounding_box()
        bar = view.locator("figure path").bounding_box()
        words = view.locator("figure text").text_content()
        source = view.locator("figure image").get_attribute("href")
        browser.close()
    picture = cv2.imdecode(
        np.frombuffer(base64.b64decode(source.partition(",")[2]), np.uint8), cv2.IMREAD_GRAYSCALE
    )
    best, _ = nearest(picture.astype(np.int16), frames)
    assert picture.std() > 5
    assert best < MOST_DIFFERENCE
    left, top, wide, tall = (round(place[one]) for one in ("x", "y", "width", "height"))
    page_px = cv2.imread(str(shot), cv2.IMREAD_GRAYSCALE)[top : top + tall, left : left + wide]
    height_px, width_px = picture.shape
    shown = cv2.resize(page_px, (width_px, height_px))
    above = slice(0, height_px * 2 // 3)  # the bar stands below
    assert np.abs(shown[above].astype(int) - picture[above]).mean() < MOST_DIFFERENCE
    assert words == f"1 m = {width_px / WIDTH_M:.0f} px"
    assert bar["width"] == pytest.approx(place["width"] / WIDTH_M, rel=0.1)
