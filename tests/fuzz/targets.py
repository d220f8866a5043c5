# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One harness per parser: what it eats, what it may raise, and where its seeds come from.

A harness takes any bytes. The errors it catches are the documented ones; anything else is a
finding.
"""

import contextlib
import gzip
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.model.access import Action, Purpose
from gateway.model.errors import PeerError, WireError
from gateway.model.media import Codec, MetadataDocument
from gateway.model.registry import AreaKind, Disclosure, Role, SiteKind
from gateway.model.room import Assertion, Offer, OfferedAct, OfferedCamera
from gateway.model.time import ClockQuality, Moment
from gateway.wire import (
    assertion,
    dc09,
    federation,
    jfif,
    metadata_events,
    multipart,
    onvif_events,
    reorder,
    rtcp,
    rtp,
    sdp,
    uplink,
    ws_discovery,
    xml,
)
from gateway.wire.depacketize import depacketizer
from gateway.wire.digest import Authenticator, Credentials, Proved, Verifier, parse_challenges
from gateway.wire.h264 import parse_sps
from gateway.wire.h265 import parse_sps as parse_sps_h265
from gateway.wire.metadata import MetadataDepacketizer
from gateway.wire.packetize import fragment_metadata
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
from gateway.wire.rtsp_serving import Door, Login, Serving, Wanted
from gateway.wire.sdp import MetadataTrack, VideoTrack
from tests.fuzz import media
from tests.goldens import FOLDER, golden, packets, pictures

SECRET = "hunter2-is-a-secret"
MOST_PICTURE_BYTES = 9 << 20
"""What depacketizers bound a picture to, and a packet more."""
NOW = Moment(1.0, 1_790_000_000_000_000, ClockQuality.SYNCHRONISED)


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
        sdp.choose(sdp.parse(data))
    except (WireError, sdp.UnusableStreamError) as error:
        check(error)


def eat_sps(data: bytes) -> None:
    try:
        found = parse_sps(data)
    except WireError:
        return
    assert 0 < found.width_px <= 16_880


def eat_sps_h265(data: bytes) -> None:
    try:
        found = parse_sps_h265(data)
    except WireError:
        return
    assert 0 < found.width_px <= 1 << 16


def _row(data: bytes) -> Iterator[memoryview]:
    """Yield packets: the input is a row of them, each behind two octets of length."""
    at = 0
    while at + 2 <= len(data):
        end = at + 2 + (data[at] << 8 | data[at + 1])
        yield memoryview(data)[at + 2 : end]
        at = end


def _eat_video(data: bytes, track: VideoTrack) -> None:
    stream = depacketizer(track)
    for packet in _row(data):
        for picture in stream.receive(packet):
            assert all(picture.nals)
            assert sum(map(len, picture.nals)) <= MOST_PICTURE_BYTES
        assert stream.problem.isprintable()


def eat_h264(data: bytes) -> None:
    _eat_video(data, VideoTrack(96, Codec.H264, ""))


def eat_h265(data: bytes) -> None:
    _eat_video(data, VideoTrack(96, Codec.H265, ""))


def eat_jpeg(data: bytes) -> None:
    _eat_video(data, VideoTrack(26, Codec.JPEG, ""))


def eat_metadata(data: bytes) -> None:
    """The first octet says whether documents are compressed."""
    stream = MetadataDepacketizer(MetadataTrack(98, "", gzip=data[:1] == b"z"))
    for packet in _row(data[1:]):
        for document in stream.receive(packet):
            assert len(document.data) <= 1 << 20
        assert stream.problem.isprintable()


def eat_document(data: bytes) -> None:
    """What a metadata document or a notification says never names a body."""
    try:
        reading = metadata_events.read(MetadataDocument(data, NOW, NOW))
    except WireError as error:
        check(error)
        return
    assert not any("Face" in event.topic for event in reading.events)


def eat_notification(data: bytes) -> None:
    try:
        event = onvif_events.parse_notification(data, NOW)
    except WireError as error:
        check(error)
        return
    assert event.received is NOW


def eat_announcement(data: bytes) -> None:
    try:
        ws_discovery.parse(data)
    except WireError as error:
        check(error)


def eat_xml(data: bytes) -> None:
    try:
        xml.parse(data)
    except WireError as error:
        check(error)


def eat_jfif(data: bytes) -> None:
    try:
        jfif.parse(data)
    except WireError as error:
        check(error)


def eat_parts(data: bytes) -> None:
    """The first octet says into how many pieces the body is cut."""
    receiver = multipart.MultipartReceiver("ffmpeg")
    step = 1 + (data[0] if data else 0) * 8
    try:
        for at in range(1, len(data), step):
            assert all(
                one.startswith(b"\xff\xd8") for one in receiver.receive(data[at : at + step])
            )
    except WireError as error:
        check(error)


def eat_disorder(data: bytes) -> None:
    """Whatever comes in whatever order: numbers that go out only grow, and each once."""
    window, numbers, now_s = reorder.ReorderWindow(), [], 0.0
    for packet in _row(data):
        now_s += 0.01
        out = (*window.receive(bytes(packet), now_s), *window.expire(now_s))
        whole = [one for one in out if len(one) >= rtp.HEADER.size]
        numbers += [(bytes(one[8:12]), one[2] << 8 | one[3]) for one in whole]
    for (ssrc, one), (other_ssrc, other) in pairwise(numbers):
        assert ssrc != other_ssrc or one != other


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


def eat_served(data: bytes) -> None:
    """Requests to what rooms and recorders talk to: by Basic, by Digest, and without."""
    verifier = Verifier("Varco", {"operator": SECRET}, b"x" * 16)
    doors = (None, Door("Varco", None), Door("Varco", verifier))
    for door in doors:
        serving = Serving("5e55", door)
        with contextlib.suppress(WireError):
            for event in RtspReceiver().receive(data):
                if isinstance(event, Request):
                    _serve(serving, event, is_open=door is None)


def _serve(serving: Serving, request: Request, *, is_open: bool) -> None:
    step = serving.receive(request, 1.0)
    if isinstance(step, Login):
        assert step.user
        step = serving.reject()
    if isinstance(step, Wanted):
        assert is_open, "nobody proved anything"
        step = serving.opened(b"v=0") if len(step.path) < 8 else serving.refuse(403, step.path)
    assert isinstance(step, bytes)
    head = step.partition(b"\r\n\r\n")[0]
    assert head.startswith(b"RTSP/1.0 ")
    assert all(b":" in line for line in head.split(b"\r\n")[1:])
    assert is_open or serving.state is ServerState.INIT


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


def _rows(row: list[bytes], most: int = 12) -> list[bytes]:
    """Return seeds of a few packets each."""
    rows = [row[at : at + most] for at in range(0, min(len(row), 20 * most), most)]
    return [b"".join(len(one).to_bytes(2, "big") + one for one in some) for some in rows]


def _rtp(payloads: list[bytes], payload_type: int) -> list[bytes]:
    """Return packets of one timestamp, the last with the marker."""
    last = len(payloads) - 1
    return [
        bytes((0x80, payload_type | 0x80 * (at == last), 0, at, *b"\0\0\0\1ssrc")) + payload
        for at, payload in enumerate(payloads)
    ]


def _jpeg() -> bytes:
    """Return the first picture of a golden stream as a file."""
    stream = depacketizer(VideoTrack(26, Codec.JPEG, ""))
    found = (stream.receive(one) for one in packets("gstreamer-jpeg-320x240.rtp"))
    return next(done[0].nals[0] for done in found if done)


def _documents() -> list[bytes]:
    return [path.read_bytes() for path in sorted(FOLDER.rglob("*.xml"))]


def _multiparts() -> list[bytes]:
    return [b"\x20" + path.read_bytes()[:8000] for path in sorted(FOLDER.glob("*.multipart"))]


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

H265_SETS = [one[12:] for one in packets("gstreamer-x265-320x180.rtp") if len(one) < 200]
JPEG = _jpeg()
METADATA = [
    kind + _rows(_rtp(fragment_metadata(data, 300), 98), 99)[0]
    for one in _documents()[-3:]
    for kind, data in ((b"-", one), (b"z", gzip.compress(one, mtime=0)))
]
BARE_MATCH = golden("quirk-probe-match-bare.xml")
ANNOUNCEMENT = ws_discovery.probe("urn:uuid:1", ws_discovery.ProbeType.DEVICE)

ROOM_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ROOM_PUBLIC = ROOM_KEY.public_key().public_bytes_raw()


def eat_assertion(data: bytes) -> None:
    """A payload that the room's own key has signed, and the same bytes as a token of anybody."""
    signature = urlsafe_b64encode(ROOM_KEY.sign(b"varco-assertion/1\n" + data)).rstrip(b"=")
    token = b".".join((b"va1", urlsafe_b64encode(data).rstrip(b"="), signature)).decode()
    for one in (token, data.decode("latin-1")):
        try:
            found = assertion.verify(one, ROOM_PUBLIC)
        except WireError as error:
            check(error)
            continue
        assert 0 < found.expires_utc_us - found.issued_utc_us <= 60_000_000
        assert assertion.sign(found, ROOM_KEY) == one


def eat_frames(data: bytes) -> None:
    """Frames of a line, in pieces; what was read can be written again."""
    decoder = uplink.FrameDecoder()
    step = data[0] + 1 if data else 1
    try:
        for at in range(1, len(data), step):
            for frame in decoder.receive(data[at : at + step]):
                again = uplink.FrameDecoder().receive(uplink.encode(frame))
                assert again == [frame]
    except WireError as error:
        check(error)


FRAMES = [
    b"\x05" + uplink.encode(uplink.Frame("hello", {"v": 1, "edge": "nord"}, number=1)),
    b"\xff"
    + uplink.encode(uplink.Frame("clip", {"size": 3}, b"\xff\xd8\xff", answers=7))
    + uplink.encode(uplink.Frame("alarm", answers=8, error=("not-yet", "disco pieno")))
    + uplink.encode(uplink.Frame("bring", {"n": 2})),
]


def eat_offer(data: bytes) -> None:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return
    try:
        found = federation.Parts().receive(body)
    except WireError as error:
        check(error)
        return
    if found is not None:
        assert federation.Parts().receive(federation.parts_of(found)[0]) in (found, None)


ASSERTION = assertion.sign(
    Assertion(
        "0199aaaa-0000-7000-8000-000000000001", 1, "sala", "nord", "piazza", Action.LIVE, "op",
        "Operatore", Role.PL_OPERATOR, "pl", Purpose.SERVICE, "OS 1", "", "patto", "varco/sala",
        4, 1_790_000_000_000_000, 1_790_000_060_000_000,
    ),
    ROOM_KEY,
)  # fmt: skip
ASSERTIONS = [urlsafe_b64decode(ASSERTION.split(".")[1] + "=="), ASSERTION.encode()]
OFFERED = OfferedCamera(
    "banco", "Banco", "farmacia", "Farmacia", SiteKind.PHARMACY, "titolare", "Titolare",
    AreaKind.PRIVATE, (OfferedAct("patto", "Patto", "1", 1, 2, Disclosure.ALWAYS),),
)  # fmt: skip
OFFERS = [
    json.dumps(one).encode() for one in federation.parts_of(Offer("nord", "Nord", 1, (OFFERED,)))
]

DC09_KEY = b"A" * 16
DC09 = [
    *(line + b"\r" for line in golden("dc09-frames.txt").splitlines()),
    dc09.message(
        dc09.Token.SIA, dc09.Sender("1A2B", key=DC09_KEY), 7,
        dc09.Content("Nri1/BA003", (("I", "Porta"),), NOW.utc_us), padding="K3J5H6G7F8D9S0A",
    ),
]  # fmt: skip


def eat_dc09(data: bytes) -> None:
    """A hostile panel, with the CRC that it sent and with the right one; and a hostile plaintext.

    What was read fits one line of a log.
    """
    bodies = [data.decode("latin-1")]
    with contextlib.suppress(WireError):
        for line in dc09.FrameReader().receive(data):
            mended = b"%04X%04X%b" % (dc09.crc16(line[8:]), len(line[8:]), line[8:])
            for one in (line, mended):
                try:
                    frame = dc09.parse(one)
                    bodies.append(dc09.open_body(frame, DC09_KEY))
                except WireError as error:
                    check(error)
    for body in bodies:
        for padded in (True, False):
            _eat_dc09_content(body, padded=padded)


def _eat_dc09_content(body: str, *, padded: bool) -> None:
    try:
        content = dc09.parse_content(body, padded=padded)
    except WireError as error:
        check(error)
        return
    assert len(content.extended) <= dc09.MOST_EVENTS
    for read in (dc09.parse_sia, dc09.parse_cid):
        try:
            found = read(content.data)
        except WireError as error:
            check(error)
            continue
        for event in found if isinstance(found, tuple) else ():
            assert event.text.isprintable()
            assert len(event.text) <= dc09.MOST_TEXT_CHARS


TARGETS = {
    target.name: target
    for target in (
        Target("line", eat_frames, FRAMES),
        Target("rtp", eat_rtp, _frames(0)[:20]),
        Target("rtcp", eat_rtcp, RTCP),
        Target("sdp", eat_sdp, _bodies()),
        Target("sps", eat_sps, [nal for nal in pictures("x264-320x180.h264")[0] if nal[0] == 0x67]),
        Target("sps-h265", eat_sps_h265, [nal for nal in H265_SETS if nal[0] >> 1 == 33]),
        Target("h264", eat_h264, _rows(_frames(0))),
        Target("h265", eat_h265, _rows(packets("gstreamer-x265-320x180.rtp"))),
        Target("jpeg", eat_jpeg, _rows(packets("gstreamer-jpeg-320x240.rtp"))),
        Target("metadata", eat_metadata, METADATA),
        Target("document", eat_document, _documents()),
        Target("notification", eat_notification, _documents()),
        Target("announcement", eat_announcement, [ANNOUNCEMENT, BARE_MATCH, *_documents()[:2]]),
        Target("xml", eat_xml, _documents()),
        Target("jfif", eat_jfif, [JPEG]),
        Target("multipart", eat_parts, _multiparts()),
        Target("reorder", eat_disorder, _rows([one[:20] for one in _frames(0)], 40)),
        Target("stream", eat_stream, [b"\x20" + one for one in _sessions()]),
        Target("answers", eat_answers, _sessions()),
        Target("requests", eat_requests, REQUESTS),
        Target("served", eat_served, REQUESTS),
        Target("headers", eat_headers, HEADERS),
        Target("assertion", eat_assertion, ASSERTIONS),
        Target("offer", eat_offer, OFFERS),
        Target("dc09", eat_dc09, DC09),
        Target("stun", media.eat_stun, media.CHECKS),
        Target("dtls", media.eat_dtls, media.DTLS),
        Target("ice-tcp", media.eat_tcp, media.TCP),
        Target("whep", media.eat_whep, media.WHEP),
        Target("fragment", media.eat_fragment, media.FRAGMENTS),
    )
}
