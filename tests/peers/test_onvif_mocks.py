# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Replies of an encoder of another make (HD_PREDATOR), taken from npm onvif 0.6.2 (MIT)."""

import pytest

from gateway.ingest.onvif_model import TimeKind
from gateway.model.errors import PeerError
from gateway.model.media import Codec
from gateway.model.registry import Transport
from tests.goldens import FOLDER, golden
from tests.onvif_parts import OddDevice, answer, opened

CAMERA = "hd-predator-"


def predator(*without):
    """Return a device that answers with the recorded replies."""
    files = {path.stem.removeprefix(CAMERA): path for path in (FOLDER / "onvif").glob(f"{CAMERA}*")}
    return OddDevice(
        {name: answer(path.read_bytes()) for name, path in files.items() if name not in without}
    )


async def test_the_encoder_is_read_whole():
    """Information, clock, NTP, profiles and URIs of the recorded encoder come out right."""
    async with predator().serve() as url, opened(url) as device:
        assert (await device.information()).firmware == "Mockup_15_14_13"
        (main,) = await device.profiles()
        assert (main.token, main.codec, main.size_px) == ("main", Codec.H264, (1920, 1080))
        assert (main.fps, main.gop, main.bit_rate_kbps) == (5, 30, 1000)
        assert (main.source_token, main.media2) == ("vidsrc0", False)
        told = await device.ntp()
        assert (told.servers, told.kind) == (("192.168.1.168",), TimeKind.MANUAL)
        assert told.utc_offset_s < -10 * 365 * 86400
        assert device.has_events


async def test_its_inner_addresses_are_rewritten():
    """The encoder names 192.168.68.111 everywhere; we stay where we were told to go."""
    async with predator().serve() as url, opened(url) as device:
        uri = await device.stream_uri("main", transport=Transport.TCP)
        assert uri == "rtsp://127.0.0.1/h264main"
        assert any("192.168.68.111" in note for note in device.notes)
        assert len(device.notes) < 4


async def test_a_reply_with_an_undeclared_prefix_is_an_error_by_name():
    """Its GetSnapshotUri forgets to declare a prefix: that is said, and nothing else breaks."""
    async with predator().serve() as url, opened(url) as device:
        with pytest.raises(PeerError, match=r"cam-1: GetSnapshotUri: .*prefix SOAP-ENV"):
            await device.snapshot_uri("main")
        assert await device.information()


async def test_it_is_read_without_getservices_too():
    """The same encoder through GetCapabilities only."""
    fault = (
        b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault><s:Code>'
        b"<s:Value>s:Receiver</s:Value></s:Code></s:Fault></s:Body></s:Envelope>"
    )
    device = predator()
    device.answers["GetServices"] = answer(fault, 500)
    async with device.serve() as url, opened(url) as client:
        assert {one.namespace.rsplit("/", 2)[-2] for one in await client.services()} == {
            "device",
            "media",
            "events",
        }
        assert (await client.profiles())[0].gop == 30


@pytest.mark.parametrize("name", sorted(path.name for path in (FOLDER / "onvif").glob("*.xml")))
def test_each_golden_is_used_whole(name):
    """No golden is empty or longer than a reply may be."""
    assert 400 < len(golden(f"onvif/{name}")) < 64 << 10
