# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Our client against our own server: each codec over each way, with a metadata track beside it.

No cell of {tcp, udp, tls} x {h264, h265, mjpeg} is missing. A metadata track by a third party is:
ONVIF's payloader of GStreamer is written in Rust (gst-plugins-rs, `rtponvifmetadatapay`) and no
Debian package has it; what Debian's `rtponvif` has is the header extension with times only. ipycam
offers none. So documents come from our own server here, and from goldens in tests/unit/wire.
"""

import pytest

from gateway.ingest.source import Trust
from gateway.model.media import Codec
from gateway.simulator.rtsp_server import Service
from tests.certificates import Certificate
from tests.peers.own_camera import PICTURES, check, document, own_camera
from tests.peers.pulled import HOW, Pulled, pulling, until

pytestmark = pytest.mark.peer
DOCUMENTS = 7


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("codec", list(Codec))
async def test_pixels_and_documents_are_those_that_were_sent(codec, how, tmp_path):
    """Every picture of the scene with its pixels, and documents byte by byte; SHA-256 digest."""
    certificate = Certificate(tmp_path, "127.0.0.1") if how == "tls" else None
    options = dict(HOW[how], wants_metadata=True)
    if certificate:
        options["trust"] = Trust(sha256=certificate.sha256)
    service = Service(tls=certificate.server() if certificate else None)
    async with own_camera(codec, service=service) as port:
        pulled = Pulled(port, "live", **options)
        async with pulling(pulled):
            await until(lambda: pulled.feed.status().units >= 2 * PICTURES)
            await until(lambda: len(pulled.documents) >= DOCUMENTS)
            session = pulled.feed.statistics()
    assert check(pulled.units()) == PICTURES
    sent = {document(number): number for number in range(2000)}
    numbers = [sent[one.data] for one in pulled.documents]
    assert numbers == sorted(set(numbers))
    if how != "udp":
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert session.lost_packets == 0
    assert session.codec is codec
    assert session.size_px == (320, 240)
    assert session.transport == ("RTP/UDP" if how == "udp" else "RTP/TCP")
    assert bool(session.tls) is (how == "tls")
    assert session.authentication == "Digest SHA-256"
    assert session.parameter_sets == ("" if codec is Codec.JPEG else "both")
