# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""SRTP (RFC 3711, RFC 7714): AES-GCM by `cryptography`, AES-CM and all RTCP by libsrtp.

Protecting the same packet index twice yields the same bytes, so that a retransmission never
reuses a nonce for other content.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple, Protocol

import pylibsrtp
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.model.errors import WireError
from gateway.wire.rtp import EXTENDED, HEADER, MARKER, PLAIN

_LABEL_KEY = 0
_LABEL_SALT = 2
_WINDOW_PACKETS = 2048
"""Wider than the history from which packets are repeated."""
_SEQUENCES = 1 << 16
_RTCP_LEAST_BYTES = 8
_RTCP_MOST_BYTES = 1350
"""What libsrtp's binding takes at once."""


@dataclass(frozen=True, slots=True)
class SrtpProfile:
    """A DTLS-SRTP protection profile (RFC 5764 §4.1.2, RFC 7714 §14.2)."""

    name: str
    """As OpenSSL calls it."""
    libsrtp: int
    key_bytes: int
    salt_bytes: int
    tag_bytes: int

    @property
    def is_gcm(self) -> bool:
        """Whether it is an AEAD profile."""
        return self.tag_bytes == 16  # noqa: PLR2004 - length of a GCM tag


GCM_128 = SrtpProfile(
    "SRTP_AEAD_AES_128_GCM", pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12, 16
)
GCM_256 = SrtpProfile(
    "SRTP_AEAD_AES_256_GCM", pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12, 16
)
CM_SHA1_80 = SrtpProfile(
    "SRTP_AES128_CM_SHA1_80", pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14, 10
)
PROFILES = (GCM_128, GCM_256, CM_SHA1_80)
"""Best first: AES-128-GCM costs a third of AES-CM with SHA-1 (findings §1)."""


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """What a DTLS handshake yields; each half is the master key followed by its salt."""

    profile: SrtpProfile
    ours: bytes = field(repr=False)
    theirs: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RtpStream:
    """What distinguishes one stream's packets from another's."""

    ssrc: int
    payload_type: int


class Protector(Protocol):
    """Turns payloads into SRTP packets."""

    overhead_bytes: int
    """Header and tag."""
    pieces: int
    """Buffers per packet in what `protect` returns."""

    def protect(
        self,
        stream: RtpStream,
        index: int,
        timestamp: int,
        payloads: Sequence[bytes],
        *,
        ends_picture: bool,
        extension: bytes = b"",
    ) -> list[bytes]:
        """Return `pieces` buffers per payload; `index` is the first packet's ROC and sequence.

        `extension`: a header extension for each of them.
        """
        ...


class _Lanes(NamedTuple):
    """Constants that make one number of `count` lanes of 96 bits, the first packet's uppermost.

    Headers and nonces are 12 bytes each and count upwards: those of a whole run come out of a few
    operations on one long number, not of some for each packet.
    """

    ones: int
    """1 in each lane; a factor repeats."""
    steps: int
    """0, 1, 2, … from the first packet's lane on."""
    size_bytes: int
    cut: struct.Struct


@cache  # runs have at most 48 packets
def _lanes(count: int) -> _Lanes:
    ones = sum(1 << 96 * lane for lane in range(count))
    steps = sum(count - 1 - lane << 96 * lane for lane in range(count))
    return _Lanes(ones, steps, 12 * count, struct.Struct("12s" * count))


class GcmProtector:
    """AES-GCM without copying header or payload (RFC 7714 §8, §9)."""

    overhead_bytes = HEADER.size + 16
    pieces = 2

    def __init__(self, keys: SrtpKeys) -> None:
        cut = keys.profile.key_bytes
        key, salt = keys.ours[:cut], keys.ours[cut:]
        self._encrypt = AESGCM(_derive(key, salt, _LABEL_KEY, cut)).encrypt
        self._salt = int.from_bytes(_derive(key, salt, _LABEL_SALT, len(salt)), "big")

    def protect(
        self,
        stream: RtpStream,
        index: int,
        timestamp: int,
        payloads: Sequence[bytes],
        *,
        ends_picture: bool,
        extension: bytes = b"",
    ) -> list[bytes]:
        """Return header and ciphertext of each packet in turn."""
        count = len(payloads)
        sequence = index & 0xFFFF
        if count == 1 and not extension:  # a repeat, or a picture of one packet
            second = stream.payload_type | (MARKER if ends_picture else 0)
            alone = HEADER.pack(PLAIN, second, sequence, timestamp, stream.ssrc)
            nonce = (self._salt ^ stream.ssrc << 48 ^ index).to_bytes(12, "big")
            return [alone, self._encrypt(nonce, payloads[0], alone)]
        if sequence + count > _SEQUENCES:
            fit = _SEQUENCES - sequence
            head, tail = payloads[:fit], payloads[fit:]
            before = self.protect(
                stream, index, timestamp, head, ends_picture=False, extension=extension
            )
            return before + self.protect(
                stream, index + fit, timestamp, tail, ends_picture=ends_picture, extension=extension
            )
        ones, steps, size_bytes, cut = _lanes(count)
        ssrc = stream.ssrc
        first = EXTENDED if extension else PLAIN
        header = first << 88 | stream.payload_type << 80 | sequence << 64 | timestamp << 32 | ssrc
        lanes = header * ones + (steps << 64)
        if ends_picture:
            lanes += MARKER << 80
        headers: Sequence[bytes] = cut.unpack(lanes.to_bytes(size_bytes, "big"))
        if extension:
            headers = [one + extension for one in headers]
        salted = (self._salt ^ ssrc << 48) * ones
        nonces = cut.unpack(((index * ones + steps) ^ salted).to_bytes(size_bytes, "big"))
        out = [b""] * (2 * count)
        out[::2] = headers
        out[1::2] = map(self._encrypt, nonces, payloads, headers)
        return out


class LibsrtpProtector:
    """AES-CM with HMAC-SHA1 by libsrtp."""

    pieces = 1

    def __init__(self, keys: SrtpKeys) -> None:
        self.overhead_bytes = HEADER.size + keys.profile.tag_bytes
        self._session = _session(keys.profile, keys.ours, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)

    def protect(
        self,
        stream: RtpStream,
        index: int,
        timestamp: int,
        payloads: Sequence[bytes],
        *,
        ends_picture: bool,
        extension: bytes = b"",
    ) -> list[bytes]:
        """Return one buffer per packet; an index too old for the window yields an empty one."""
        final = len(payloads) - 1 if ends_picture else -1
        first = EXTENDED if extension else PLAIN
        out: list[bytes] = []
        for position, payload in enumerate(payloads):
            second = stream.payload_type | (MARKER if position == final else 0)
            header = HEADER.pack(first, second, index + position & 0xFFFF, timestamp, stream.ssrc)
            try:
                out.append(self._session.protect(header + extension + payload))
            except pylibsrtp.Error:
                out.append(b"")
        return out


def protector(keys: SrtpKeys) -> Protector:
    """Return the sender half that fits the negotiated profile."""
    return GcmProtector(keys) if keys.profile.is_gcm else LibsrtpProtector(keys)


class Srtcp:
    """Both directions of SRTCP of one session."""

    def __init__(self, keys: SrtpKeys) -> None:
        policy = pylibsrtp.Policy
        self._out = _session(keys.profile, keys.ours, policy.SSRC_ANY_OUTBOUND)
        self._in = _session(keys.profile, keys.theirs, policy.SSRC_ANY_INBOUND)

    def protect(self, packet: bytes) -> bytes:
        """Return the SRTCP packet of a compound RTCP packet."""
        protected: bytes = self._out.protect_rtcp(packet)
        return protected

    def unprotect(self, data: bytes) -> bytes:
        """Return the RTCP packet in `data`; WireError if forged, replayed or garbled."""
        if not _RTCP_LEAST_BYTES <= len(data) <= _RTCP_MOST_BYTES:
            raise WireError(f"SRTCP packet of {len(data)} bytes")
        try:
            packet: bytes = self._in.unprotect_rtcp(data)
        except pylibsrtp.Error as error:
            raise WireError(f"SRTCP: {error}") from error
        return packet


def _session(profile: SrtpProfile, master: bytes, direction: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(key=master, ssrc_type=direction, srtp_profile=profile.libsrtp)
    policy.allow_repeat_tx = True
    policy.window_size = _WINDOW_PACKETS
    return pylibsrtp.Session(policy)


def _derive(key: bytes, salt: bytes, label: int, size_bytes: int) -> bytes:
    """Derive a session key (RFC 3711 §4.3.1; a 96-bit salt is padded, RFC 7714 §11)."""
    block = int.from_bytes(salt.ljust(14, b"\0"), "big") ^ label << 48
    counter = struct.pack("!14sH", block.to_bytes(14, "big"), 0)
    cipher = Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor()
    return cipher.update(bytes(size_bytes))
