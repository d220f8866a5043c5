# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One harness per parser: what it eats, what it may raise, and where its seeds come from.

A harness takes any bytes. The errors it catches are the documented ones; anything else is a
finding.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.model.errors import PeerError, WireError
from gateway.wire import rtcp, rtp, sdp
from gateway.wire.digest import Authenticator, Credentials, Proved, Verifier, parse_challenges
from gateway.wire.h264 import MOST_UNIT_BYTES, H264Depacketizer, parse_sps
from gateway.wire.rtsp import (
    BUFFER_BYTES,
    Media,
    Request,
    RtspClient,
    RtspReceiver,
    RtspServer,
    ServerState,
    parse_url,
)
from tests.goldens import FOLDER, golden, pictures

SECRET = "hunter2-is-a-secret"


@dataclass(frozen=True)
class Target:
    """A harness and its seeds."""

    name: str
    run: Callable[[bytes], None]
    seeds: list[bytes] = field(repr=False)


def check(error: PeerError) -> None:
    """Documented errors fit one log line and hold no secret."""
    assert str(error).isprintable(), error
    assert SECRET not in str(error)


def eat_rtp(data: bytes) -> None:
    try:
        packet = rtp.parse(data)
    except WireError:
        return
    assert len(packet.payload) < len(data)
    assert rtp.parse(packet.serialise()) == packet


def eat_rtcp(data: bytes) -> None:
    try:
        packets = rtcp.parse(data)
    except WireError:
        return
    assert len(packets) <= len(data) // 4
    rtcp.serialise(packets)


def eat_sdp(data: bytes) -> None:
    try:
        sdp.choose_video(sdp.parse(data))
    except (WireError, sdp.UnusableStreamError) as error:
        check(error)


def eat_sps(data: bytes) -> None:
    try:
        found = parse_sps(data)
    except WireError:
        return
    assert 0 < found.width_px <= 16_880


def eat_packets(data: bytes) -> None:
    """The input is a row of packets, each behind one octet of length."""
    depacketizer, at = H264Depacketizer(96), 0
    while at < len(data):
        end = at + 1 + data[at]
        for picture in depacketizer.receive(memoryview(data)[at + 1 : end]):
            assert all(picture.nals)
            assert sum(map(len, picture.nals)) <= MOST_UNIT_BYTES + (1 << 20)
        at = end


def eat_stream(data: bytes) -> None:
    """The first octet says into how many pieces the stream is cut."""
    receiver = RtspReceiver()
    step = 1 + (data[0] if data else 0) * 8
    try:
        for at in range(1, len(data), step):
            for event in receiver.receive(data[at : at + step]):
                assert not isinstance(event, Media) or event.frames
            assert len(receiver.space()) <= BUFFER_BYTES
    except WireError as error:
        check(error)


def eat_answers(data: bytes) -> None:
    """A hostile camera: its stream drives our client."""
    credentials = Credentials("operator", SECRET)
    client = RtspClient(parse_url("rtsp://127.0.0.1:18554/h264"), credentials, lambda: "c")
    client.start()
    try:
        for event in RtspReceiver().receive(data):
            if not isinstance(event, Media):
                client.receive(event)
    except PeerError as error:
        check(error)


def eat_requests(data: bytes) -> None:
    """A hostile client: nobody plays without having proved anything."""
    verifier = Verifier("Varco", {"operator": SECRET}, b"x" * 16)
    server = RtspServer({"gate": b"v=0"}.get, verifier, "5e55")
    try:
        for event in RtspReceiver().receive(data):
            if not isinstance(event, Media):
                answer = server.receive(event, 1.0)
                assert answer.startswith(b"RTSP/1.0 ") is isinstance(event, Request)
    except WireError:
        pass
    assert server.state is ServerState.INIT


def eat_headers(data: bytes) -> None:
    text = data.decode("latin-1")
    parse_challenges([text])
    authenticator = Authenticator(Credentials("operator", SECRET), lambda: "c")
    if authenticator.challenged([text]):
        answer = authenticator.authorization("PLAY", "rtsp://h/") or ""
        assert SECRET not in answer
    verifier = Verifier("Varco", {"operator": SECRET}, b"x" * 16)
    assert verifier.verify(text, "PLAY", "rtsp://h/", 1.0) is not Proved.YES


def _sessions() -> list[bytes]:
    return [golden(path.name)[:8000] for path in sorted(FOLDER.glob("*.rtsp"))]


def _frames(channel: int) -> list[bytes]:
    """Return the frames of one channel of a golden session."""
    events = RtspReceiver().receive(golden("gstreamer-slices-digest.rtsp"))
    media = [event for event in events if isinstance(event, Media)]
    return [bytes(view) for event in media for own, view in event.frames if own == channel]


def _rows(packets: list[bytes]) -> list[bytes]:
    short = [packet for packet in packets if len(packet) < 256]
    rows = [short[at : at + 12] for at in range(0, len(short), 12)]
    return [b"".join(bytes((len(one),)) + one for one in row) for row in rows][:20]


def _bodies() -> list[bytes]:
    return [one[one.find(b"v=0") :][:2000] for one in _sessions() if b"v=0" in one]


REQUESTS = [
    b"SETUP rtsp://h/gate RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n",
    b"PLAY rtsp://h/gate RTSP/1.0\r\nCSeq: 2\r\nSession: 5e55\r\n"
    b'Authorization: Digest username="operator", realm="Varco", nonce="1", uri="x"\r\n\r\n',
]
HEADERS = [
    b'Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth", opaque="o", stale=true',
    b'Basic realm="r", Digest realm="q", nonce="m"',
    b'Digest username="operator", realm="Varco", nonce="0", uri="rtsp://h/", response="0"',
]

BLOCK = rtcp.ReceptionReport(1, 2, -3, 4, 5, 6, 7)
RTCP = [
    rtcp.serialise([rtcp.RtcpSenderReport(1, 2 << 32, 3, 4, 5, (BLOCK, BLOCK))]),
    rtcp.serialise([rtcp.RtcpReceiverReport(1), rtcp.RtcpDescription(((1, "camera"), (2, "")))]),
    rtcp.serialise([rtcp.RtcpNack(1, 2, (3, 4, 90)), rtcp.RtcpPictureLoss(1, 2)]),
    rtcp.serialise([rtcp.RtcpFullIntra(1, ((2, 3),)), rtcp.RtcpBye((1, 2), "enough")]),
]

TARGETS = {
    target.name: target
    for target in (
        Target("rtp", eat_rtp, _frames(0)[:20]),
        Target("rtcp", eat_rtcp, RTCP),
        Target("sdp", eat_sdp, _bodies()),
        Target("sps", eat_sps, [nal for nal in pictures("x264-320x180.h264")[0] if nal[0] == 0x67]),
        Target("packets", eat_packets, _rows(_frames(0))),
        Target("stream", eat_stream, [b"\x20" + one for one in _sessions()]),
        Target("answers", eat_answers, _sessions()),
        Target("requests", eat_requests, REQUESTS),
        Target("headers", eat_headers, HEADERS),
    )
}
