# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Harnesses for what comes to the media port and to WHEP: STUN, DTLS, TCP frames, offers."""

import asyncio
import contextlib
import hmac
import struct
import zlib

from OpenSSL import SSL

from gateway.model.errors import PeerError, WireError
from gateway.relay.video.dtls import Certificate, Handshake
from gateway.wire import ice_tcp, sdp_fragment, sdp_offer, stun
from gateway.wire.sdp_offer import AnswerTerms

PASSWORD = "of-the-session-22-characters"
DIGEST = ":".join(["AB"] * 32)


def _check_words(error: WireError) -> None:
    assert str(error).isprintable(), error


def eat_stun(data: bytes) -> None:
    try:
        request = stun.receive(data)
    except WireError:
        return
    assert request.local_ufrag
    if request.proves(PASSWORD):
        assert stun.success(request, PASSWORD, "2001:db8::1", 9)[:2] == b"\1\1"
        assert stun.role_conflict(request, PASSWORD)[:2] == b"\1\x11"


def _attribute(name: int, value: bytes) -> bytes:
    return struct.pack("!HH", name, len(value)) + value + bytes(-len(value) % 4)


def _check(username: bytes) -> bytes:
    """A connectivity check as browsers send it."""
    body = _attribute(0x0006, username) + _attribute(0x0025, b"") + _attribute(0x0024, bytes(4))
    head = struct.pack("!HHI12s", 1, len(body) + 24, 0x2112A442, b"transaction!")
    body += _attribute(0x0008, hmac.digest(PASSWORD.encode(), head + body, "sha1"))
    head = struct.pack("!HHI12s", 1, len(body) + 8, 0x2112A442, b"transaction!")
    crc = zlib.crc32(head + body) ^ 0x5354554E
    return head + body + _attribute(0x8028, crc.to_bytes(4, "big"))


CHECKS = [_check(b"ours:theirs"), _check(b"ours:" + b"x" * 200)]


def eat_whep(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    try:
        offer = sdp_offer.read(text, most_slots=sdp_offer.MOST_SLOTS)
    except WireError as error:
        _check_words(error)
        return
    assert 0 < len(offer.slots) <= sdp_offer.MOST_SLOTS
    sources = tuple((2 * at + 1, 2 * at + 2) for at in range(len(offer.slots)))
    terms = AnswerTerms(
        "ours", PASSWORD, ("sha-256", DIGEST), sources, "cname", ("192.0.2.1",), 9, tcp=True
    )
    answer = sdp_offer.answer(offer, terms)
    assert answer.count("\nm=") == len(offer.sections)
    assert "\n" not in answer.replace("\r\n", "")


def _offer(mids: str) -> bytes:
    sections = "".join(
        f"m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\na=mid:{mid}\r\na=recvonly\r\na=rtcp-mux\r\n"
        "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\n"
        f"a=fingerprint:sha-256 {DIGEST}\r\na=rtpmap:96 H264/90000\r\na=rtcp-fb:96 nack pli\r\n"
        "a=fmtp:96 packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:97 rtx/90000\r\n"
        "a=fmtp:97 apt=96\r\na=rtpmap:98 H265/90000\r\na=rtcp-fb:98 nack\r\n"
        for mid in mids
    )
    head = f"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {' '.join(mids)}\r\n"
    return (head + sections).encode()


WHEP = [_offer("0"), _offer("012")]


def eat_fragment(data: bytes) -> None:
    try:
        found = sdp_fragment.read(data.decode("utf-8", "replace"))
    except WireError as error:
        _check_words(error)
        return
    assert all(one.isascii() for one in (found.ufrag, found.password, *found.candidates))


FRAGMENTS = [
    b"a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=video 9 RTP/AVP 0\r\na=mid:0\r\n"
    b"a=candidate:1 1 UDP 2130706431 a1b2.local 9 typ host tcptype active\r\n"
    b"a=end-of-candidates\r\n",
    sdp_fragment.answer(
        "ours", PASSWORD, "0", sdp_offer.candidates(("::1",), 9, tcp=True)
    ).encode(),
]


def eat_tcp(data: bytes) -> None:
    """The first byte says where the stream is cut."""
    splitter = ice_tcp.FrameSplitter()
    size = 1 + data[0] if data else 1
    with contextlib.suppress(WireError):
        for at in range(1, len(data), size):
            for frame in splitter.receive(data[at : at + size]):
                assert len(frame) <= ice_tcp.MOST_BYTES


TCP = [b"\x1f" + ice_tcp.framed([*CHECKS, b"", b"\x80\xc9"], 1)]


class _Loop:
    """One event loop and certificate for all inputs."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.certificate = Certificate()

    def eat(self, data: bytes) -> None:
        """A row of datagrams, each behind two octets of length, to a server's handshake."""
        self.loop.run_until_complete(self._eat(data))

    async def _eat(self, data: bytes) -> None:
        sent: list[bytes] = []
        handshake = Handshake(self.certificate, (("sha-256", DIGEST),), sent.append, lambda: None)
        task = asyncio.ensure_future(handshake.keys(30.0))
        try:
            for datagram in ice_tcp.FrameSplitter().receive(data):
                if not datagram or not 20 <= datagram[0] < 64:
                    continue  # as the port sorts
                handshake.receive(datagram)
                for _ in range(3):
                    await asyncio.sleep(0)
        except WireError:
            pass
        finally:
            await handshake.close()
            task.cancel()
            with contextlib.suppress(PeerError, asyncio.CancelledError, ConnectionError):
                await task
        assert sum(map(len, sent)) < 64 << 10


_loops: list[_Loop] = []


def eat_dtls(data: bytes) -> None:
    if not _loops:
        _loops.append(_Loop())
    _loops[0].eat(data)


def _hello() -> bytes:
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_tlsext_use_srtp(b"SRTP_AEAD_AES_128_GCM")
    connection = SSL.Connection(context)
    connection.set_connect_state()
    with contextlib.suppress(SSL.WantReadError):
        connection.do_handshake()
    return connection.bio_read(2000)


DTLS = [ice_tcp.framed([_hello()], 1), ice_tcp.framed([_hello(), b"\x14\xfe\xfd" + bytes(11)], 1)]
