# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The handshake with aiortc at the other end, and what we rely on inside aiortc."""

import asyncio
import inspect

import aiortc
import pytest
from aiortc import rtcdtlstransport as theirs

from gateway.model.errors import PeerError
from gateway.relay.video.dtls import Certificate, Handshake
from gateway.relay.video.srtp import CM_SHA1_80, GCM_128, GCM_256

ALL = [
    theirs.SRTP_AEAD_AES_256_GCM,
    theirs.SRTP_AES128_CM_SHA1_80,
    theirs.SRTP_AEAD_AES_128_GCM,
]


class Wire:
    """The client's ICE transport: a queue in, our handshake out."""

    role = "controlling"

    def __init__(self):
        self.queue = asyncio.Queue()
        self.handshake = None

    async def _recv(self):
        data = await self.queue.get()
        if data is None:
            raise ConnectionError
        return data

    async def _send(self, data):
        self.handshake.receive(data)


class Pair:
    """Our Handshake as server and aiortc's transport as client."""

    def __init__(self, profiles=tuple(ALL), lie=False):
        wire = Wire()
        self.closed = []
        self.certificate = Certificate()
        own = theirs.RTCCertificate.generateCertificate()
        self.client = theirs.RTCDtlsTransport(wire, [own])
        self.client._srtp_profiles = list(profiles)
        self.client._set_role("client")
        stated = own if not lie else theirs.RTCCertificate.generateCertificate()
        prints = tuple((one.algorithm, one.value) for one in stated.getFingerprints())
        self.server = Handshake(
            self.certificate, prints, wire.queue.put_nowait, lambda: self.closed.append(True)
        )
        wire.handshake = self.server
        self.wire = wire

    async def shake(self):
        """Run both ends; return our keys."""
        expected = theirs.RTCDtlsFingerprint(*self.certificate.fingerprint)
        parameters = theirs.RTCDtlsParameters(fingerprints=[expected])
        client = asyncio.create_task(self.client.start(parameters))
        try:
            return await self.server.keys(5)
        finally:
            await client

    async def end(self):
        await self.client.stop()
        await self.server.close()


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (ALL, GCM_128),
        ([theirs.SRTP_AES128_CM_SHA1_80, theirs.SRTP_AEAD_AES_256_GCM], GCM_256),
        ([theirs.SRTP_AES128_CM_SHA1_80], CM_SHA1_80),
    ],
    ids=["all", "gcm256", "cm"],
)
async def test_profile_is_the_best_that_both_have(offered, chosen):
    """Whatever the peer's order, AES-128-GCM wins, then AES-256-GCM, then AES-CM."""
    pair = Pair(offered)
    keys = await pair.shake()
    assert keys.profile is chosen
    assert len(keys.ours) == len(keys.theirs) == chosen.key_bytes + chosen.salt_bytes
    await pair.end()


async def test_keys_are_those_of_the_peer():
    """What we protect with the exported keys the peer's own SRTP session reads, both ways."""
    pair = Pair()
    keys = await pair.shake()
    packet = b"\x80\x66\0\1" + bytes(8) + b"payload"
    sender = theirs.Session(
        theirs.Policy(keys.ours, theirs.Policy.SSRC_ANY_OUTBOUND, srtp_profile=keys.profile.libsrtp)
    )
    assert pair.client._rx_srtp.unprotect(sender.protect(packet)) == packet
    receiver = theirs.Session(
        theirs.Policy(
            keys.theirs, theirs.Policy.SSRC_ANY_INBOUND, srtp_profile=keys.profile.libsrtp
        )
    )
    assert receiver.unprotect(pair.client._tx_srtp.protect(packet)) == packet
    await pair.end()


async def test_wrong_certificate_is_refused():
    """A peer that shows another certificate than its offer announced gets no keys."""
    pair = Pair(lie=True)
    with pytest.raises(PeerError, match="refused"):
        await pair.shake()
    await pair.end()


async def test_silent_peer_times_out():
    """A handshake that never comes is given up."""
    pair = Pair()
    with pytest.raises(PeerError, match="not complete"):
        await pair.server.keys(0.05)
    await pair.server.close()


async def test_noise_does_not_stop_a_handshake():
    """Datagrams that are no DTLS records are skipped, as RFC 6347 §4.1.2.7 wants."""
    pair = Pair()
    for noise in (b"\x16", b"\x16\xfe\xfd" + b"\xff" * 40, bytes([20]) * 600):
        pair.server.receive(noise)
    keys = await pair.shake()
    assert keys.profile is GCM_128
    await pair.end()


async def test_peer_closing_is_told():
    """close_notify of the peer is reported, our own close is not."""
    pair = Pair()
    await pair.shake()
    await pair.client.stop()
    async with asyncio.timeout(30):
        while not pair.closed:
            await asyncio.sleep(0)
    await pair.server.close()
    assert pair.closed == [True]
    quiet = Pair()
    await quiet.shake()
    await quiet.server.close()
    await asyncio.sleep(0)
    assert quiet.closed == []
    await quiet.client.stop()


def test_aiortc_is_as_we_know_it():
    """The private names that we touch are there and called as we expect: read dtls.py if not."""
    assert aiortc.__version__ == "1.16.0"
    transport = theirs.RTCDtlsTransport
    start = inspect.getsource(transport.start)
    order = ["_do_handshake", "_validate_peer_identity", "_setup_srtp", "State.CONNECTED"]
    places = [start.index(name) for name in order]
    assert places == sorted(places)
    assert start.count("self._state == State.FAILED") == 3
    assert "self.transport._recv()" in inspect.getsource(transport._recv_next)
    assert "await self.transport._send(data)" in inspect.getsource(transport._write_ssl)
    init = inspect.getsource(transport.__init__)
    assert "self._srtp_profiles = SRTP_PROFILES" in init
    assert "self._ssl: Optional[SSL.Connection] = None" in init
    assert 'self.emit("statechange")' in inspect.getsource(transport._set_state)
    assert list(inspect.signature(theirs.SRTPProtectionProfile).parameters) == [
        "libsrtp_profile",
        "openssl_profile",
        "key_length",
        "salt_length",
    ]
