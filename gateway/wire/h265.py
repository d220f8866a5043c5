# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""H.265: from RTP packets to coded pictures (RFC 7798), and the size in an SPS (ITU-T H.265).

Units come in decoding order (no DONL fields): `gateway.wire.sdp` refuses cameras that announce
something else. Layers above the base layer are dropped.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from gateway.model.errors import WireError
from gateway.model.media import Codec
from gateway.wire import pictures, rtp
from gateway.wire.bits import BitReader
from gateway.wire.pictures import (
    MOST_SET_BYTES,
    MOST_UNIT_BYTES,
    CodedPicture,
    NalDepacketizer,
    Role,
)

RASL = (8, 9)
"""Leading pictures that may refer to what comes before the key picture that they follow."""
IRAP = range(16, 24)
"""Decoding may start here."""
BLA = range(16, 19)
CRA = 21
VPS = 32
SPS = 33
PPS = 34
AUD = 35
END_OF_SEQUENCE = (36, 37)
FILLER = 38
AP = 48
FU = 49
PACI = 50
_SLICES = (*range(10), *range(16, 22))
_ROLES = {
    **dict.fromkeys(_SLICES, Role.SLICE),
    VPS: Role.SET,
    SPS: Role.SET,
    PPS: Role.SET,
    AUD: Role.DELIMITER,
    FILLER: Role.FILLER,
    **dict.fromkeys(END_OF_SEQUENCE, Role.HINT),
}
MOST_SPS = 16
"""sps_seq_parameter_set_id is 0..15 (H.265 §7.4.3.2.1); so is that of a VPS."""
MOST_PPS = 64
MOST_SIDE_PX = 16_888
"""sqrt(8 * MaxLumaPs) at level 6.2 (H.265 A.4.1)."""
_PROFILE_BITS = 88
_LEVEL_BITS = 8
_MOST_SUB_LAYERS = 7

_FRAGMENT = struct.Struct("!BBHIII")
"""RTP header, then payload header, FU header and one octet more as one number."""


@dataclass(frozen=True, slots=True)
class SequenceParameters:
    """What the gateway wants to know of an SPS."""

    id: int
    profile: int
    level: int
    """Thirty times the level's name."""
    width_px: int
    height_px: int


def parse_sps(nal: bytes) -> SequenceParameters:
    """Return what an SPS says (H.265 §7.3.2.2.1); WireError if it makes no sense."""
    if not nal or nal[0] >> 1 & 63 != SPS or len(nal) > MOST_SET_BYTES:
        raise WireError(f"not an SPS: {len(nal)} bytes")
    reader = BitReader(nal[2:])
    reader.bits(4)
    sub_layers = reader.bits(3)
    if sub_layers >= _MOST_SUB_LAYERS:
        raise WireError(f"SPS with {sub_layers + 1} temporal layers (at most 7)")
    reader.bits(1)
    profile = reader.bits(_PROFILE_BITS) >> _PROFILE_BITS - 8 & 31
    level = reader.bits(_LEVEL_BITS)
    _skip_sub_layers(reader, sub_layers)
    number = reader.golomb(MOST_SPS - 1)
    chroma = reader.golomb(3)
    if chroma == 3:  # noqa: PLR2004 - 4:4:4
        reader.bits(1)
    width_px, height_px = reader.golomb(MOST_SIDE_PX), reader.golomb(MOST_SIDE_PX)
    if reader.bits(1):
        left, right, top, bottom = (reader.golomb(MOST_SIDE_PX) for _ in range(4))
        width_px -= (left + right) * (2 if chroma in (1, 2) else 1)
        height_px -= (top + bottom) * (2 if chroma == 1 else 1)
    if width_px <= 0 or height_px <= 0:
        raise WireError("SPS crops the whole picture away")
    return SequenceParameters(number, profile, level, width_px, height_px)


def _skip_sub_layers(reader: BitReader, count: int) -> None:
    """H.265 §7.3.3, from sub_layer_profile_present_flag on."""
    present = [(reader.bits(1), reader.bits(1)) for _ in range(count)]
    if count:
        reader.bits(2 * (8 - count))
    for profile, level in present:
        reader.bits(_PROFILE_BITS * profile + _LEVEL_BITS * level)


class ParameterSets(pictures.ParameterSets):
    """VPS, SPS and PPS in force."""

    def __init__(self) -> None:
        super().__init__(3)

    @override
    def _rank(self, nal: bytes) -> int:
        return (nal[0] >> 1 & 63) - VPS

    @override
    def _read(self, nal: bytes) -> int:
        kind = nal[0] >> 1 & 63
        if kind == SPS:
            parameters = parse_sps(nal)
            self.size_px = (parameters.width_px, parameters.height_px)
            return parameters.id
        reader = BitReader(nal[2:])
        return reader.bits(4) if kind == VPS else reader.golomb(MOST_PPS - 1)


class H265Depacketizer(NalDepacketizer):
    """Joins the packets of one H.265 stream to pictures, see `NalDepacketizer`.

    Key pictures are IRAP pictures. Behind one at which the stream was joined or cut, leading
    pictures that refer to what came before (RASL) are dropped.
    """

    codec: ClassVar[Codec] = Codec.H265
    _roles = tuple(_ROLES.get(octet >> 1 & 63, Role.OTHER) for octet in range(256))
    _keys = tuple(octet >> 1 & 63 in IRAP for octet in range(256))
    _slice_at = 2
    _begins_once = True

    def __init__(self, payload_type: int, parameter_sets: Iterable[bytes] = ()) -> None:
        """`parameter_sets` from the SDP; those that make no sense are left out."""
        self._ends = False
        self._is_cut = False
        super().__init__(payload_type, ParameterSets(), parameter_sets)

    def receive(self, packet: bytes | memoryview) -> list[CodedPicture]:
        """Take one RTP packet, return the pictures that it completes (mostly none).

        `packet` may be a view of a buffer that is used again afterwards.
        """
        if len(packet) > _FRAGMENT.size:
            first, kind, sequence, timestamp, ssrc, head = _FRAGMENT.unpack_from(packet)
            if (
                sequence == self._next
                and head >> 8 == self._fragment_head
                and timestamp == self._timestamp
                and ssrc == self._ssrc
                and kind == self._payload_type
                and first == rtp.PLAIN
                and self._fragments is not None
                and len(self._fragments) < MOST_UNIT_BYTES
            ):
                self._fragments += packet[15:]
                self._next = sequence + 1 & 0xFFFF
                return []
        self._receive(packet)
        if not self._done:
            return []
        done, self._done = self._done, []
        return done

    @override
    def _take(self, payload: bytes) -> None:
        if len(payload) < 2:  # noqa: PLR2004 - the payload header
            self._damage("truncated NAL unit: payload of 1 byte")
            return
        kind = payload[0] >> 1 & 63
        if kind == PACI:
            payload = _without_paci(payload)
            kind = payload[0] >> 1 & 63 if payload else PACI
        if kind == FU:
            self._take_fragment(payload, "FU")
            return
        if self._fragments is not None:
            self._damage("fragmented NAL unit without an end")
        if kind == AP:
            self._take_many(payload, 2, "AP")
        elif kind > AP:
            self._damage(f"payload type {kind} is not supported")
        else:
            self._add(payload)

    @override
    def _begin_fragments(self, payload: bytes) -> tuple[bytes, int]:
        first, second, kind = payload[0], payload[1], payload[2] & 63
        head = bytes((first & 0x81 | kind << 1, second))
        return head, first << 16 | second << 8 | kind

    @override
    def _add(self, nal: bytes) -> None:
        if len(nal) < 2 or nal[0] & 1 or nal[1] >> 3:  # noqa: PLR2004 - header of two octets
            return
        super()._add(nal)

    @override
    def _read_hints(self) -> bool:
        first, last = (self._nals[at][0] >> 1 & 63 for at in (0, -1))
        self._is_cut = self._ends or first in END_OF_SEQUENCE
        self._ends = last in END_OF_SEQUENCE
        return False

    @override
    def _start(self, *, joins: bool) -> None:
        if not self._hinted:
            self._is_cut, self._ends = self._ends, False
        self._may_lead = joins or self._is_cut or self._octet >> 1 & 63 in BLA

    @override
    def _leads(self) -> bool:
        return self._octet >> 1 & 63 in RASL


def _without_paci(payload: bytes) -> bytes:
    """Return the payload inside, without the extension that nobody needs (RFC 7798 §4.4.4)."""
    if len(payload) < 4:  # noqa: PLR2004 - two headers of two octets
        return b""
    fields = int.from_bytes(payload[2:4], "big")
    inside = payload[4 + (fields >> 4 & 31) :]
    head = (payload[0] & 1) | (fields >> 8 & 0xFE)
    return bytes((head, payload[1])) + inside if inside else b""
