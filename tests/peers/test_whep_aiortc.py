# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""An independent WebRTC stack (aiortc) watches; what it decodes is compared with the source."""

import asyncio
import os
import re
import signal
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise

import pytest
from aiortc import (
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcdtlstransport import SRTP_AEAD_AES_256_GCM, SRTP_AES128_CM_SHA1_80
from aiortc.rtcrtpreceiver import RemoteStreamTrack

from gateway.model.errors import PeerError
from gateway.relay.video.process import MediaOptions, WhepAnswer, open_media
from gateway.relay.video.viewer import KEY_DEBOUNCE_S
from gateway.runtime.clock import SystemClock
from tests.whep_parts import (
    COMMAND,
    FPS,
    PatternCamera,
    difference,
    encode,
    grant,
    playing,
    until,
)

pytestmark = pytest.mark.peer
LUMA_TOLERANCE = 6.0


@pytest.fixture(scope="session")
def coded():
    return encode()


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch):
    """The viewer gathers on loopback, whatever interfaces this machine has."""
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda **_: ["127.0.0.1"])


@dataclass
class Watching:
    """One aiortc viewer."""

    connection: RTCPeerConnection
    track: RemoteStreamTrack
    answer: WhepAnswer

    @property
    def transport(self):
        return self.connection.getReceivers()[0].transport


@asynccontextmanager
async def viewer(media, camera, *, codecs=("H264", "rtx"), edit=lambda sdp: sdp, profiles=None):
    """An aiortc viewer that offers `codecs` and, if given, only these SRTP profiles."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    transceiver = connection.addTransceiver("video", direction="recvonly")
    known = RTCRtpReceiver.getCapabilities("video").codecs
    transceiver.setCodecPreferences([one for one in known if one.name in codecs])
    if profiles:
        transceiver.receiver.transport._srtp_profiles = profiles
    try:
        await connection.setLocalDescription(await connection.createOffer())
        offer = edit(connection.localDescription.sdp)
        answer = await media.open(grant(), offer, camera.source)
        await connection.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
        yield Watching(connection, transceiver.receiver.track, answer)
    finally:
        await connection.close()


async def picture(track):
    """Return the luma plane of the next decoded picture."""
    async with asyncio.timeout(30):
        frame = await track.recv()
    return frame.to_ndarray(format="yuv420p")[: frame.height]


async def watch(track, count):
    """Return number and error of the next `count` pictures."""
    return [difference(await picture(track)) for _ in range(count)]


def steps(seen):
    """Return the distances between the numbers of consecutive pictures."""
    return [(b - a) % 256 for (a, _), (b, _) in pairwise(seen)]


async def test_pictures_match_source(coded):
    """What aiortc decodes is the camera's picture, without a gap from the kept key unit on."""
    async with playing(coded) as (media, camera, _):
        await until(lambda: camera.published > 30)
        async with viewer(media, camera) as watching:
            seen = await watch(watching.track, 60)
    assert max(error for _, error in seen) < LUMA_TOLERANCE
    assert steps(seen) == [1] * 59
    assert seen[0][0] % 25 == 0


async def test_second_viewer_starts_at_kept_key_unit(coded):
    """A later viewer is on the live picture at once although no key unit comes for ten seconds."""
    async with (
        playing(encode(count=256, gop=256)) as (media, camera, _),
        viewer(media, camera) as first,
    ):
        await watch(first.track, 30)
        async with viewer(media, camera) as second:
            seen = []
            while not seen or camera.published - 1 - seen[-1][0] > 5:
                seen.append(difference(await picture(second.track)))
            assert camera.published < 200
    assert seen[0][0] == 0
    assert max(error for _, error in seen) < LUMA_TOLERANCE


@pytest.mark.parametrize(
    ("profile", "codecs"),
    [
        (SRTP_AEAD_AES_256_GCM, ("H264", "rtx")),
        (SRTP_AES128_CM_SHA1_80, ("H264", "rtx")),
        (SRTP_AES128_CM_SHA1_80, ("H264",)),
    ],
    ids=["gcm256", "cm-rtx", "cm"],
)
async def test_other_profiles(coded, profile, codecs):
    """A viewer that speaks one other SRTP profile gets the same pictures."""
    async with (
        playing(coded) as (media, camera, _),
        viewer(media, camera, codecs=codecs, profiles=[profile]) as watching,
    ):
        seen = await watch(watching.track, 30)
    assert max(error for _, error in seen) < LUMA_TOLERANCE
    assert steps(seen) == [1] * 29


@pytest.mark.parametrize("codecs", [("H264", "rtx"), ("H264",)], ids=["rtx", "same-ssrc"])
async def test_lost_packets_come_again(coded, codecs, monkeypatch):
    """With every twentieth packet lost on the way, NACKs bring back each one."""
    async with (
        playing(coded) as (media, camera, _),
        viewer(media, camera, codecs=codecs) as watching,
    ):
        await picture(watching.track)
        ice = watching.transport.transport
        receive, arrived, dropped = ice._recv, [], set()

        async def lossy():
            while True:
                data = await receive()
                if not 128 <= data[0] < 192 or 192 <= data[1] < 224:
                    return data
                key = data[2:4], data[8:12]
                arrived.append(key)
                if len(arrived) % 20 or key in dropped:
                    return data
                dropped.add(key)

        monkeypatch.setattr(ice, "_recv", lossy)
        seen = await watch(watching.track, 80)
    assert len(dropped) >= 8
    assert max(error for _, error in seen) < LUMA_TOLERANCE
    assert steps(seen) == [1] * 79
    if codecs == ("H264",):
        assert any(arrived.count(key) > 1 for key in dropped)
    else:
        assert len({ssrc for _, ssrc in arrived}) == 2


async def test_picture_loss_is_answered_in_the_middle_of_a_gop(coded):
    """A PLI is answered from the kept key unit; the replay decodes without error."""
    async with (
        playing(encode(count=256, gop=256)) as (media, camera, _),
        viewer(media, camera) as watching,
    ):
        seen = await watch(watching.track, 40)
        receiver = watching.connection.getReceivers()[0]
        (ssrc,) = receiver._RTCRtpReceiver__active_ssrc
        await asyncio.sleep(KEY_DEBOUNCE_S)
        await receiver._send_rtcp_pli(ssrc)
        while 0 not in [index for index, _ in seen[1:]]:
            seen.append(difference(await picture(watching.track)))
        replay = await watch(watching.track, 60)
        assert camera.published < 230
    assert max(error for _, error in seen + replay) < LUMA_TOLERANCE
    assert steps(replay) == [1] * 59


async def test_wrong_fingerprint_is_refused(coded):
    """A peer whose certificate is not the one in its offer gets no picture."""

    def forge(sdp):
        return re.sub(r"(a=fingerprint:sha-\d+ )(..)", lambda m: m[1] + flipped(m[2]), sdp)

    def flipped(digits):
        return f"{int(digits, 16) ^ 1:02X}"

    async with (
        playing(coded) as (media, camera, ends),
        viewer(media, camera, edit=forge) as watching,
    ):
        await until(lambda: ends)
        assert media.sessions() == ()
        assert ends[0].session == watching.answer.session
        assert (ends[0].reason, ends[0].frames) == ("handshake-failed", 0)


async def test_peer_that_leaves_is_reported_once(coded):
    """When the viewer closes, its session ends with what it was sent."""
    async with playing(coded) as (media, camera, ends):
        async with viewer(media, camera) as watching:
            await watch(watching.track, 30)
        await until(lambda: ends)
        assert not camera.fanout.wanted()
    (end,) = ends
    assert end.reason == "peer-closed"
    assert end.grant.id == "g1"
    assert end.frames >= 30
    assert end.bytes > 20_000
    assert 1000 < end.duration_ms < 10_000


async def test_close_goes_dark(coded):
    """DELETE says goodbye to the peer, and nothing follows."""
    async with playing(coded) as (media, camera, ends), viewer(media, camera) as watching:
        await watch(watching.track, 5)
        assert media.close(watching.answer.session, "viewer-left")
        with pytest.raises(MediaStreamError):
            await watch(watching.track, 1000)
        await until(lambda: ends)  # the peer hears it before we do
        assert not media.close(watching.answer.session, "again")
    assert [end.reason for end in ends] == ["viewer-left"]


async def test_grant_no_longer_valid_goes_dark_within_two_seconds(coded):
    """Revoking a grant ends its session before two seconds have passed."""
    revoked = []
    async with (
        playing(coded, is_valid=lambda one: one.id not in revoked) as (media, camera, ends),
        viewer(media, camera) as watching,
    ):
        await watch(watching.track, 5)
        revoked.append("g1")
        async with asyncio.timeout(30):
            with pytest.raises(MediaStreamError):
                await watch(watching.track, 1000)
    assert [end.reason for end in ends] == ["grant-not-valid"]


async def test_lease_without_renewal_goes_dark(coded):
    """If the gateway stops renewing, the media process cuts the session by itself after 2 s."""
    ends = []
    options = MediaOptions(("127.0.0.1", 0), ("127.0.0.1",), COMMAND)
    async with open_media(options, clock=SystemClock(), on_end=ends.append) as media:
        camera = PatternCamera(coded)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(camera.run())
            async with viewer(media, camera) as watching:
                begun_s = time.monotonic()
                await watch(watching.track, 5)
                with pytest.raises(MediaStreamError):
                    await watch(watching.track, 1000)
                spent_s = time.monotonic() - begun_s
            running.cancel()
    assert [end.reason for end in ends] == ["lease-expired"]
    assert 1.5 < spent_s < 5  # two seconds, and what a loaded machine adds


async def test_killed_media_process_is_replaced(coded):
    """After a crash each session is reported once with its last counters, and new ones work."""
    async with playing(coded) as (media, camera, ends):
        async with viewer(media, camera) as watching:
            await watch(watching.track, 5)
            await until(lambda: media.sessions()[0].frames > 0)
            port = media.port
            os.kill(media.pid, signal.SIGKILL)
            await until(lambda: ends)
            (end,) = ends
            assert (end.reason, end.session) == ("media-process-ended", watching.answer.session)
            assert end.frames > 0
            assert media.sessions() == ()
        with pytest.raises(PeerError):
            await media.open(grant(), watching.connection.localDescription.sdp, camera.source)
        await media.ready(10)
        assert media.port == port
        async with viewer(media, camera) as again:
            seen = await watch(again.track, 10)
    assert max(error for _, error in seen) < LUMA_TOLERANCE
    assert [end.reason for end in ends] == ["media-process-ended", "shutdown"] or [
        end.reason for end in ends
    ] == ["media-process-ended", "peer-closed"]


async def test_stopped_media_process_never_blocks_the_gateway(coded):
    """While the media process hangs the camera goes on; then it is replaced."""
    async with playing(coded) as (media, camera, ends):
        async with viewer(media, camera) as watching:
            await watch(watching.track, 5)
            stuck = media.pid
            os.kill(stuck, signal.SIGSTOP)
            before, begun_s = camera.published, time.monotonic()
            await until(lambda: ends, timeout_s=12)
            spent_s = time.monotonic() - begun_s
            assert camera.published - before > 0.9 * FPS * spent_s
            assert [end.reason for end in ends] == ["media-process-ended"]
        await media.ready(10)
        assert media.pid != stuck
        assert media.restarts == 1


async def test_ipv6_and_ipv4_on_one_port(coded, monkeypatch):
    """A port bound to `::` serves a viewer on IPv6 and one on IPv4."""
    options = {"bind": ("::", 0), "candidates": ("::1", "127.0.0.1")}
    async with playing(coded, **options) as (media, camera, _):
        for host in ("::1", "127.0.0.1"):
            monkeypatch.setattr("aioice.ice.get_host_addresses", lambda host=host, **_: [host])
            async with viewer(media, camera) as watching:
                seen = await watch(watching.track, 10)
            assert max(error for _, error in seen) < LUMA_TOLERANCE
