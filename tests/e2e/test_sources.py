# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Every kind of source in one daemon: UDP, TLS with a pin, H.265, MJPEG over HTTP, a file."""

import io
import subprocess

import av
import cv2
import numpy as np
import pytest

from tests.certificates import Certificate
from tests.e2e.conftest import HERE, LOGIN, Child, running, seed
from tests.e2e.daemon import Daemon, free_port, until
from tests.e2e.test_hostile_cameras import hostile
from tests.e2e.test_main_job import MOST_DIFFERENCE, nearest, source_frames

__all__ = ["source_frames"]
pytestmark = pytest.mark.peer
PEERS = HERE.parent / "peers"
WRONG = "ab" * 32


@pytest.fixture(scope="module")
def h265_footage(footage, program, tmp_path_factory):
    """The footage in H.265, for as long as the test lasts."""
    folder = tmp_path_factory.mktemp("h265")
    quiet = [program("ffmpeg"), "-v", "error"]
    coded = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=25"]
    once, made = folder / "once.mp4", folder / "long.mp4"
    source = footage("motion/intel_car-detection.mp4")
    commands = (
        [*quiet, "-i", source, "-t", "16", "-an", *coded, "-crf", "20", once],
        [*quiet, "-stream_loop", "20", "-i", once, "-c", "copy", made],
    )
    for command in commands:
        subprocess.run(command, check=True, timeout=90)
    return made


def gst(script, port, *words):
    """A GStreamer camera under the system's Python."""
    return Child(["/usr/bin/python3", str(script), str(port), *words], ready="ready")


def mjpeg(program):
    """A script for `hostile`: ffmpeg's MJPEG over HTTP, straight into the connection."""
    command = [
        *(program("ffmpeg"), "-nostdin", "-v", "quiet", "-re", "-f", "lavfi"),
        *("-i", "testsrc2=s=320x240:r=10", "-c:v", "mjpeg", "-f", "mpjpeg", "pipe:1"),
    ]

    def script(connection, asked, port):
        kind = b"Content-Type: multipart/x-mixed-replace; boundary=ffmpeg"
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + kind + b"\r\n\r\n")
        subprocess.run(command, stdout=connection.fileno(), check=False)
        raise ConnectionAbortedError

    return script


def told(made, camera, line):
    """The registry with one more line about a camera."""
    mark = f'[[camera]]\nid = "{camera}"\n'
    assert mark in made
    return made.replace(mark, mark + line + "\n")


def test_every_kind_of_source_is_live_in_one_daemon(
    h265_footage, long_footage, program, tmp_path, source_frames
):
    """All live at once; a wrong pin is told with the one found; an alarm of H.265 is seen."""
    certificate = Certificate(tmp_path, "127.0.0.1")
    ports = [free_port() for _ in range(3)]
    files = str(certificate.certificate_file), str(certificate.key_file)
    clear, secure = tmp_path / "clear", tmp_path / "secure"
    clear.mkdir(), secure.mkdir()
    urls = {
        "uno": f"rtsp://127.0.0.1:{ports[0]}/footage",
        "udp": f"rtsp://127.0.0.1:{ports[1]}/h264",
        "tls": f"rtsps://127.0.0.1:{ports[2]}/h264",
        "altro": f"rtsps://127.0.0.1:{ports[2]}/h264",
        "file": long_footage.as_uri(),
    }
    with (
        hostile(mjpeg(program)) as http_port,
        running(gst(HERE / "gst_footage.py", ports[0], str(h265_footage), LOGIN, "h265")),
        running(gst(PEERS / "gst_server.py", ports[1], LOGIN, str(clear))),
        running(gst(PEERS / "gst_server.py", ports[2], LOGIN, str(secure), *files)),
    ):
        made = seed(tmp_path, urls | {"mjpeg": f"http://127.0.0.1:{http_port}/cam"})
        made = told(made, "udp", 'transport = "udp"')
        made = told(made, "tls", f'tls_sha256 = "{certificate.sha256}"')
        made = told(made, "altro", f'tls_sha256 = "{WRONG}"')
        with Daemon(tmp_path, made, exercise=True) as box:
            assert_all_live_but_one(box, certificate.sha256, source_frames)


def assert_all_live_but_one(box, fingerprint, frames):
    """Five kinds live, the wrong pin told, an alarm of the H.265 one."""
    box.with_passwords("operatore")
    client = box.client("operatore")

    def dark():
        return {n: c for n, c in box.cameras(client).items() if c["state"] != "live"}

    until(lambda: set(dark()) == {"altro"}, 20, "all live but one")
    refused = box.cameras(client)["altro"]
    assert fingerprint in refused["problem"], refused
    alarm = until(lambda: client.get("/api/alarms").json(), 30, "an alarm")[0]
    assert alarm["camera"] == "uno"
    assert_alarm_is_seen(client, alarm["id"], frames)
    assert set(dark()) == {"altro"}
    for camera in ("uno", "udp", "tls", "mjpeg", "file"):
        assert box.metric(f'varco_camera_units_total{{camera="{camera}"}}') > 20, camera


def assert_alarm_is_seen(client, alarm, frames):
    """The still and every picture of the clip are the footage, whatever coded them."""
    why = {"purpose": "allarme", "case": alarm}
    url = f"/api/alarms/{alarm}/still.jpg"
    jpeg = until(
        lambda: reply.content if (reply := client.get(url, params=why)).is_success else None,
        15,
        "the still",
    )
    still = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert_footage(still, frames)
    clip = client.get(f"/api/alarms/{alarm}/before.mp4", params=why)
    assert clip.status_code == 200, clip.text
    with av.open(io.BytesIO(clip.content)) as file:
        shown = [frame.to_ndarray(format="gray") for frame in file.decode(video=0)]
    assert len(shown) > 5
    for one in shown[:: max(1, len(shown) // 4)]:
        assert_footage(one, frames)


def assert_footage(grey, frames):
    height, width = frames[0].shape  # a quarter of the footage's own
    whole = cv2.resize(grey, (4 * width, 4 * height))
    best, _ = nearest(whole.astype(np.int16), frames)
    assert grey.std() > 5
    assert best < MOST_DIFFERENCE
