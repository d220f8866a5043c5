# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Programs of others read our door for recorders: FFmpeg and GStreamer, pixels compared."""

import asyncio
import itertools
import shutil

import numpy as np
import pytest

from tests.footage import decoded
from tests.recorder_door import SCENE, SECRET, recorder_door
from tests.unit.assembly.parts import until

pytestmark = pytest.mark.peer
PICTURES = 40


async def run(*words, within_s=60):
    """Run a program; return status, output and errors."""
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is missing")
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(within_s):
        out, err = await process.communicate()
    return process.returncode, out, err.decode(errors="replace")


async def ffmpeg(url):
    """Return what FFmpeg says and the pictures that it decodes, grey."""
    status, out, err = await run(
        "ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", url, "-frames:v", str(PICTURES),
        "-fps_mode", "passthrough", "-pix_fmt", "gray", "-f", "rawvideo", "-",
    )  # fmt: skip
    size = 320 * 240
    return status, [out[at : at + size] for at in range(0, len(out), size)], err


@pytest.mark.parametrize("tls", [False, True])
async def test_ffmpeg_sees_the_pictures_of_the_camera(tmp_path, tls):
    """Every picture is one of the scene's, in its order, from a key picture on."""
    truth = [np.asarray(one, np.float32).mean(2) for one in decoded(SCENE)]
    async with recorder_door(tmp_path, tls=tls) as door:
        status, pictures, err = await ffmpeg(door.url())
        closed = await until(lambda: door.entries("live.close"), 30)
    assert status == 0, err
    assert len(pictures) == PICTURES
    numbers = []
    for picture in pictures:
        seen = np.frombuffer(picture, np.uint8).reshape(240, 320).astype(np.float32)
        far = [np.abs(seen - one).mean() for one in truth]
        numbers.append(int(np.argmin(far)))
        assert min(far) < 12, "grey is weighted, noise is not"
    assert numbers[0] % 5 == 0
    assert all((b - a) % len(SCENE) == 1 for a, b in itertools.pairwise(numbers))
    assert closed[0].frames >= PICTURES


async def test_ffprobe_reads_what_it_is(tmp_path):
    """Codec and size from the description."""
    async with recorder_door(tmp_path) as door:
        status, out, err = await run(
            "ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-show_entries",
            "stream=codec_name,width,height", "-of", "csv=p=0", door.url(),
        )  # fmt: skip
    assert status == 0, err
    assert out.split() == [b"h264,320,240"]


@pytest.mark.parametrize("tls", [False, True])
async def test_a_wrong_password_is_refused_to_programs_of_others(tmp_path, tls):
    """FFmpeg says 401, and nothing was granted."""
    async with recorder_door(tmp_path, tls=tls) as door:
        status, pictures, err = await ffmpeg(door.url(login="vms:wrong-password"))
        assert not await door.entries("live.open")
    assert status != 0
    assert not pictures
    assert "401" in err


async def test_gstreamer_reads_it_too(tmp_path):
    """Another stack, the same pictures: so many buffers and a clean end."""
    async with recorder_door(tmp_path) as door:
        status, _, err = await run(
            "gst-launch-1.0", "-q", "rtspsrc", f"location=rtsp://127.0.0.1:{door.port}/uno",
            "protocols=tcp", "user-id=vms", f"user-pw={SECRET}", "!", "rtph264depay", "!",
            "h264parse", "!", "identity", f"eos-after={PICTURES}", "!", "fakesink",
        )  # fmt: skip
        opened = await door.entries("live.open")
    assert status == 0, err
    assert len(opened) == 1
