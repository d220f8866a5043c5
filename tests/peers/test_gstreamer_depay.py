# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Packets of our own cameras in GStreamer: another program understands what we send."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from gateway.model.media import Codec
from gateway.wire.packetize import payloads
from tests.footage import decoded, need, scene
from tests.rtp_camera import Camera

LAUNCH = Path("/usr/bin/gst-launch-1.0")
DEPAY = {
    Codec.H264: "H264 ! rtph264depay ! h264parse ! avdec_h264",
    Codec.H265: "H265 ! rtph265depay ! h265parse ! avdec_h265",
    Codec.JPEG: "JPEG ! rtpjpegdepay ! jpegdec",
}


@pytest.mark.peer
@pytest.mark.parametrize("codec", list(Codec))
def test_gstreamer_shows_what_we_packetize(codec, tmp_path):
    """Every picture, with its pixels."""
    need(LAUNCH)
    units = scene(8, gop=4, visits=range(8), codec=codec)
    camera = Camera(timestamp=0)
    sent = [one for unit in units for one in camera.payloads(payloads(unit, 700))]
    (tmp_path / "sent.rtp").write_bytes(b"".join(len(one).to_bytes(2, "big") + one for one in sent))
    pipeline = (
        f"filesrc location={tmp_path}/sent.rtp ! application/x-rtp-stream ! rtpstreamdepay ! "
        f"application/x-rtp,media=video,payload=96,clock-rate=90000,encoding-name={DEPAY[codec]} ! "
        f"videoconvert ! video/x-raw,format=RGB ! filesink location={tmp_path}/shown.rgb"
    )
    ran = subprocess.run(
        [LAUNCH, "-q", *pipeline.split()], timeout=60, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    shown = np.fromfile(tmp_path / "shown.rgb", np.uint8).reshape(-1, 240, 320, 3)
    assert len(shown) == 8
    for one, truth in zip(shown, decoded(units), strict=True):
        assert np.abs(one.astype(int) - truth).mean() < 8
