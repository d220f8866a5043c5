# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The virtual recorder: channels by ONVIF, pictures by RTSP, cables that can be pulled."""

import asyncio
from dataclasses import replace

import pytest

from gateway.ingest.onvif import Wsdls
from gateway.ingest.rtsp import RtspSession
from gateway.ingest.source import Sink, StreamSource
from gateway.model.errors import PeerError
from gateway.model.registry import Transport
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from gateway.simulator.nvr import RecorderChannel, RecorderOptions, Rendition, VirtualRecorder
from gateway.simulator.onvif_device import DeviceOptions
from gateway.simulator.rtsp_server import Mount
from tests.fakes import unit
from tests.goldens import pictures
from tests.onvif_parts import PASSWORD, USER, opened

NALS = pictures("x264-320x180.h264")[0]
OPTIONS = RecorderOptions(DeviceOptions(users={USER: PASSWORD}, model="NVR"))


class Inputs:
    """Cameras behind a recorder: one fan-out for each, fed by hand."""

    def __init__(self, count, options=OPTIONS):
        self.fanouts = [Fanout() for _ in range(count)]
        channels = [
            RecorderChannel(f"Ingresso {number}", self._rendition(fanout), self._rendition(fanout))
            for number, fanout in enumerate(self.fanouts, 1)
        ]
        self.recorder = VirtualRecorder(channels, options, SystemClock())
        self.sent = 0

    def _rendition(self, fanout):
        sets = tuple(nal for nal in NALS if nal[0] & 31 in (7, 8))
        return Rendition(Mount(fanout, sets), size_px=(320, 180))

    def publish(self):
        """Send one key picture into every channel."""
        self.sent += 1
        for fanout in self.fanouts:
            fanout.publish(replace(unit(self.sent, key=True), nals=NALS))


async def pulled(uri, feed, most_s=5.0):
    """Pull one picture of a stream while `feed` publishes; PeerError if there is none."""
    found = asyncio.Event()
    sink = Sink(lambda _unit: found.set(), lambda _document: None, lambda: None)
    source = StreamSource("c", uri, user=USER, password=PASSWORD)
    session = RtspSession(source, sink, clock=SystemClock())
    task = asyncio.create_task(session.run())
    try:
        async with asyncio.timeout(most_s):
            while not found.is_set() and not task.done():
                feed()
                await asyncio.sleep(0.02)
    finally:
        if not task.done():
            task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        raise task.exception()
    return found.is_set()


async def test_every_channel_is_listed_and_plays():
    """ONVIF lists main and sub of every channel with its name, and the URIs play."""
    inputs, wsdls = Inputs(3), Wsdls()
    async with inputs.recorder.serve("127.0.0.1") as url, opened(url, wsdls=wsdls) as device:
        profiles = await device.profiles()
        assert len(profiles) == 6
        assert {one.source_name for one in profiles} == {"Ingresso 1", "Ingresso 2", "Ingresso 3"}
        assert len({one.source_token for one in profiles}) == 3
        uri = await device.stream_uri(profiles[-1].token, transport=Transport.TCP)
        assert uri.endswith("/Streaming/Channels/302")
        assert await pulled(uri, inputs.publish)


async def test_an_unplugged_channel_keeps_its_profile_and_loses_its_stream():
    """Without its camera a channel is not found over RTSP; plugged in again it plays."""
    inputs = Inputs(2)
    async with inputs.recorder.serve("127.0.0.1") as url, opened(url) as device:
        first, _, second, _ = await device.profiles()
        uris = [
            await device.stream_uri(one.token, transport=Transport.TCP) for one in (first, second)
        ]
        inputs.recorder.unplug(1)
        assert len(await device.profiles()) == 4
        with pytest.raises(PeerError, match="404"):
            await pulled(uris[0], inputs.publish)
        assert await pulled(uris[1], inputs.publish)
        inputs.recorder.plug(1)
        assert await pulled(uris[0], inputs.publish)


async def test_a_running_stream_falls_silent_when_the_cable_is_pulled():
    """Pictures stop at once and resume when the camera is back."""
    inputs = Inputs(1)
    gate = next(iter(inputs.recorder._gates[1].values()))
    async with inputs.recorder.serve("127.0.0.1"):
        inputs.publish()
        assert len(gate.fanout.kept()) == 1
        inputs.recorder.unplug(1)
        inputs.publish()
        assert gate.fanout.kept() == ()
        inputs.recorder.plug(1)
        inputs.publish()
        assert len(gate.fanout.kept()) == 1
    assert not inputs.fanouts[0].wanted()


async def test_the_session_limit_holds_over_all_channels():
    """A recorder of one session refuses the second, whichever channel it asks for."""
    inputs = Inputs(2, replace(OPTIONS, most_sessions=1))
    async with inputs.recorder.serve("127.0.0.1") as url, opened(url) as device:
        profiles = await device.profiles()
        first = await device.stream_uri(profiles[0].token, transport=Transport.TCP)
        other = await device.stream_uri(profiles[2].token, transport=Transport.TCP)
        holder = asyncio.create_task(hold(first, inputs))
        try:
            while not any(gate.fanout.wanted() for gate in inputs.recorder._gates[1].values()):
                inputs.publish()
                await asyncio.sleep(0.02)
            with pytest.raises(PeerError):
                await pulled(other, inputs.publish)
        finally:
            holder.cancel()
            await asyncio.wait([holder])


async def hold(uri, _inputs):
    """Play a stream until cancelled."""
    sink = Sink(lambda _unit: None, lambda _document: None, lambda: None)
    source = StreamSource("c", uri, user=USER, password=PASSWORD, least_stall_s=60)
    await RtspSession(source, sink, clock=SystemClock()).run()
