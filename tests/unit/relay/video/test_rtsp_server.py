# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.relay.video.rtsp_server: a whole stream over a real TLS connection."""

import asyncio
import contextlib

import numpy as np
import pytest

from gateway.model.errors import PeerError
from gateway.model.media import Codec, StreamKind
from gateway.relay.video import rtsp_server
from gateway.relay.video.rtsp_server import ReverseSession
from gateway.relay.video.thin import LineBudget
from gateway.runtime.fanout import Fanout
from tests.footage import decoded, scene
from tests.rtsp_line import CLOCK, Doorman, Encoder, Ends, Lease, Room, dial_of

MAIN = scene(25, gop=25, visits=range(25), size=(320, 240))
SMALL = scene(25, gop=25, visits=range(25), size=(160, 120))


@pytest.fixture
def ends(tmp_path):
    return Ends(tmp_path)


@contextlib.asynccontextmanager
async def playing(ends, doorman, *, kind=StreamKind.MAIN, sealed=None):
    """A room that pulls and an edge that serves; yields both and the room's task."""
    edge, room = sealed or await ends.pair()
    served = ReverseSession(edge, doorman, CLOCK, LineBudget())
    pulled = Room(dial_of(room), kind=kind)
    serving = asyncio.ensure_future(served.run())
    pulling = asyncio.ensure_future(pulled.session.run())
    try:
        yield served, pulled, pulling
    finally:
        for task in (pulling, serving):
            task.cancel()
        await asyncio.wait({pulling, serving})


@pytest.mark.parametrize("codec", list(Codec))
async def test_pictures_of_every_codec_pass_untouched(ends, codec):
    """What is decoded at the room is what the camera coded, byte for byte."""
    units = scene(6, gop=3, visits=range(6), size=(160, 128), codec=codec)
    fanout = Fanout()
    encoder = Encoder(units, fanout)
    encoder.publish(0)
    lease = Lease(fanout)
    async with playing(ends, Doorman(gate_main=lease)) as (_, room, _):
        await room.until(lambda got: len(got) >= 1)
        for number in range(1, 12):
            encoder.publish(number)
        await room.until(lambda got: len(got) >= 12)
    got = [unit.coded() for unit in room.units[:12]]
    assert all(unit.codec is codec for unit in room.units)
    wanted, found = decoded(encoder.published[:12]), decoded(room.units[:12])
    assert len(wanted) == len(found) == 12
    if codec is Codec.JPEG:  # its file head is written anew (RFC 2435)
        assert all(np.array_equal(a, b) for a, b in zip(wanted, found, strict=True))
    else:
        assert got == [unit.coded() for unit in encoder.published[:12]]


async def test_the_first_picture_is_the_kept_one_and_capture_times_survive(ends):
    """A stream that runs already shows at once, dated by the camera and not by the line."""
    fanout = Fanout()
    encoder = Encoder(MAIN, fanout)
    for number in range(10):
        encoder.publish(number, ago_s=3.0 - number / 25)
    async with playing(ends, Doorman(gate_main=Lease(fanout))) as (_, room, _):
        await room.until(lambda got: len(got) >= 10)
    assert [unit.pts_90k - room.units[0].pts_90k for unit in room.units[:10]] == [
        3600 * number for number in range(10)
    ]
    for sent, got in zip(encoder.published, room.units, strict=False):
        late_s = got.captured.monotonic_s - sent.captured.monotonic_s
        assert -0.001 < late_s < 1.5, "the way over the line, and nothing else"
    assert room.session.statistics().tls.startswith("TLSv1.3")


async def test_a_camera_that_is_not_offered_is_refused_in_words(ends):
    """The room hears the code; nothing is opened and the connection ends."""
    edge, room = await ends.pair()
    served = asyncio.ensure_future(ReverseSession(edge, Doorman(), CLOCK, LineBudget()).run())
    with pytest.raises(PeerError, match=r"line piazza: not-offered: camera non offerta"):
        async with asyncio.timeout(30):
            await Room(dial_of(room)).session.run()
    async with asyncio.timeout(30):
        await served


async def test_a_camera_without_pictures_is_refused_and_given_back(ends, monkeypatch):
    """Nobody waits for ever; the lease is ended all the same."""
    monkeypatch.setattr(rtsp_server, "FIRST_KEY_S", 0.2)
    lease = Lease(Fanout())
    async with playing(ends, Doorman(gate_main=lease)) as (_, _, pulling):
        await asyncio.wait({pulling}, timeout=20)
        with pytest.raises(PeerError, match="no picture within"):
            pulling.result()
    assert [(end.frames, end.reason) for end in lease.ends] == [(0, "refused")]
    assert not lease.main.wanted()


async def test_pictures_stop_when_the_leave_is_taken_back(ends):
    """Within a tick the room is told goodbye; nothing follows, and counts are true."""
    fanout = Fanout()
    encoder, lease = Encoder(MAIN, fanout), Lease(fanout)
    encoder.publish(0)
    async with playing(ends, Doorman(gate_main=lease)) as (_, room, pulling):
        await room.until(lambda got: len(got) == 1)
        lease.allowed = False
        await asyncio.wait({pulling}, timeout=20)
        encoder.publish(1)
        with pytest.raises(PeerError, match=r"BYE|closed"):
            pulling.result()
    assert len(room.units) == 1
    (end,) = lease.ends
    assert (end.reason, end.frames) == ("revoked", 1)
    assert end.bytes > encoder.published[0].size_bytes()
    assert not fanout.wanted()


async def test_the_lease_is_ended_once_when_the_room_goes(ends):
    """Whoever leaves without a word is accounted for like anybody else."""
    lease = Lease(Fanout())
    Encoder(MAIN, lease.main).publish(0)
    edge, far = await ends.pair()
    async with playing(ends, Doorman(gate_main=lease), sealed=(edge, far)) as (_, room, pulling):
        await room.until(lambda got: len(got) == 1)
        pulling.cancel()
        async with asyncio.timeout(30):
            while not lease.ends:
                await asyncio.sleep(0.01)
    assert [end.reason for end in lease.ends] == ["closed"]


async def test_the_small_rendition_has_a_path_of_its_own(ends):
    """A wall asks for it, and gets it and no other."""
    main, small = Fanout(), Fanout()
    Encoder(MAIN, main).publish(0)
    Encoder(SMALL, small).publish(0)
    doorman = Doorman(gate_main=Lease(main), gate_sub=Lease(small))
    async with playing(ends, doorman, kind=StreamKind.SUB) as (_, room, _):
        await room.until(lambda got: len(got) == 1)
    assert doorman.opened == ["gate/sub"]
    assert decoded(room.units)[0].shape == (120, 160, 3)


async def test_bytes_that_are_no_rtsp_end_the_connection(ends):
    """Whatever a room sends, the edge only lets go."""
    edge, room = await ends.pair()
    serving = asyncio.ensure_future(ReverseSession(edge, Doorman(), CLOCK, LineBudget()).run())
    await room.write(b"\x00\x01\x02 not RTSP at all\r\n\r\n")
    async with asyncio.timeout(30):
        await serving
    room.close()


async def test_a_bug_of_whoever_decides_is_not_swallowed(ends):
    """What is not about the peer comes out."""

    async def broken(_):
        raise ZeroDivisionError

    edge, room = await ends.pair()
    serving = asyncio.ensure_future(ReverseSession(edge, broken, CLOCK, LineBudget()).run())
    await room.write(b"DESCRIBE rtsp://x/gate/main RTSP/1.0\r\nCSeq: 1\r\n\r\n")
    with pytest.raises(ExceptionGroup):
        async with asyncio.timeout(30):
            await serving
    room.close()
