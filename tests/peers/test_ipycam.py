# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A third party's ONVIF camera: ipycam 1.3 (PyPI, MIT), with all its oddities."""

import asyncio
import contextlib
import importlib.util
import sys
from pathlib import Path

import pytest

from gateway.ingest.onvif_model import OnvifFaultError
from gateway.model.errors import CredentialError, PeerError
from gateway.model.media import Codec
from gateway.model.registry import Transport
from tests.conftest import missing
from tests.onvif_parts import PASSWORD, USER, opened

pytestmark = pytest.mark.peer
SERVER = Path(__file__).with_name("ipycam_server.py")


@contextlib.asynccontextmanager
async def camera(user=USER, password=PASSWORD, advertised="192.168.77.7"):
    """Run ipycam's ONVIF side in a process of its own; yields its URL."""
    if importlib.util.find_spec("ipycam") is None:
        missing("PyPI ipycam")
    process = await asyncio.create_subprocess_exec(
        sys.executable, SERVER, user, password, advertised, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(30):
            port = int(await process.stdout.readline())
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.communicate()


async def test_it_is_read_although_it_guards_its_clock():
    """ipycam wants credentials for everything, names an inner address and has no Media2."""
    async with camera() as url, opened(url) as device:
        assert (await device.information()).manufacturer
        main, sub = await device.profiles()
        assert (main.token, main.codec, main.media2) == ("Profile_Main", Codec.H264, False)
        assert sub.size_px[0] < main.size_px[0]
        uri = await device.stream_uri(main.token, transport=Transport.TCP)
        assert uri.startswith("rtsp://127.0.0.1:8554/")
        assert (await device.snapshot_uri(main.token)).startswith("http://127.0.0.1:")
        assert abs(device.clock_offset_s) < 2
        assert device.authentication == "UsernameToken"
        assert any("192.168.77.7" in note for note in device.notes)
        assert any("tell its time" in note for note in device.notes)


async def test_what_it_lacks_is_said_in_words():
    """No events, no NTP, no GOP: each is an error with the device's name, or an empty value."""
    async with camera() as url, opened(url) as device:
        assert not device.has_events
        assert (await device.ntp()).servers == ()
        main, _ = await device.profiles()
        with pytest.raises(PeerError, match="cam-1"):
            await device.set_gop(main, 25)
        with pytest.raises(PeerError, match="no service"):
            async with device.pull_point():
                pass
        with pytest.raises((OnvifFaultError, PeerError)):
            await device.masks("VSC_1")


async def test_wrong_credentials_are_told():
    """Its 401 without a challenge, with a fault inside, is a CredentialError."""
    async with camera() as url:
        with pytest.raises(CredentialError, match="refuses user and password"):
            async with opened(url, password="sbagliata"):
                pass


async def test_it_may_be_open():
    """Without credentials configured at the camera, ours are never sent."""
    async with camera("", "") as url, opened(url) as device:
        assert await device.profiles()
        assert device.authentication == ""
