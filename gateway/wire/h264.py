# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""H.264: from RTP packets to coded pictures (RFC 6184), and the size in an SPS (ITU-T H.264)."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.model.errors import WireError
from gateway.wire import rtp

SLICE = 1
IDR = 5
SEI = 6
SPS = 7
PPS = 8
AUD = 9
FILLER = 12
STAP_A = 24
FU_A = 28
_SLICES = range(1, 6)
_FIRST_STRUCTURE = 24

MOST_UNIT_BYTES = 8 << 20
"""Above the largest legal picture at level 5.1: 384 * 36864 / MinCR 2 = 7.1 MB (H.264 A.3.1)."""
MOST_UNIT_NALS = 1024
"""A slice per macroblock row of a 4320-line picture is 270; four fields of safety."""
MOST_SET_BYTES = 4096
"""An SPS with VUI, 32 HRD entries and all scaling lists stays below 1 KiB (H.264 §7.3.2.1)."""
MOST_SPS = 32
"""seq_parameter_set_id is 0..31 (H.264 §7.4.2.1.1)."""
MOST_PPS = 256
"""pic_parameter_set_id is 0..255 (H.264 §7.4.2.2)."""
MOST_SIDE_MBS = 1055
"""sqrt(8 * MaxFS) at level 6.2 (H.264 A.3.1)."""
_MOST_GOLOMB_ZEROS = 32
"""ue(v) stays below 2^32 (H.264 §9.1)."""
_HIGH_PROFILES = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135))

_FRAGMENT = struct.Struct("!BBHIIH")
"""RTP header, then FU indicator and FU header as one number."""

_MOST_MISORDER = 100
_MOST_DROPOUT = 3000
"""RFC 3550 A.1: what is farther away is a restart of the numbering, not a loss."""


@dataclass(frozen=True, slots=True)
class SequenceParameters:
    """What the gateway wants to know of an SPS."""

    id: int
    profile: int
    level: int
    """Ten times the level's name."""
    width_px: int
    height_px: int


class BitReader:
    """Reads the raw byte sequence payload of a NAL unit; WireError beyond its end."""

    def __init__(self, nal: bytes) -> None:
        """`nal` with its one-octet header; emulation prevention is removed here."""
        raw = unescape(nal[1:])
        self._value = int.from_bytes(raw, "big")
        self._left = 8 * len(raw)

    def bits(self, count: int) -> int:
        """Return the next `count` bits as an unsigned number."""
        if count > self._left:
            raise WireError("parameter set cut short")
        self._left -= count
        return self._value >> self._left & (1 << count) - 1

    def golomb(self, most: int = 0xFFFFFFFE) -> int:
        """Return the next ue(v), at most `most` (H.264 §9.1)."""
        zeros = 0
        while not self.bits(1):
            zeros += 1
            if zeros > _MOST_GOLOMB_ZEROS:
                raise WireError("Exp-Golomb code longer than 65 bits")
        value = (1 << zeros) - 1 + self.bits(zeros)
        if value > most:
            raise WireError(f"parameter set holds {value} where at most {most} is legal")
        return value

    def signed_golomb(self) -> int:
        """Return the next se(v)."""
        value = self.golomb()
        return (value + 1) // 2 if value & 1 else -(value // 2)


def unescape(data: bytes) -> bytes:
    """Return `data` without emulation prevention: 00 00 03 becomes 00 00 (H.264 §7.4.1)."""
    return data.replace(b"\0\0\3", b"\0\0")


def parse_sps(nal: bytes) -> SequenceParameters:
    """Return what an SPS says (H.264 §7.3.2.1); WireError if it makes no sense."""
    if not nal or nal[0] & 31 != SPS or len(nal) > MOST_SET_BYTES:
        raise WireError(f"not an SPS: {len(nal)} bytes")
    reader = BitReader(nal)
    profile, _, level = reader.bits(8), reader.bits(8), reader.bits(8)
    number = reader.golomb(MOST_SPS - 1)
    chroma = _skip_chroma(reader) if profile in _HIGH_PROFILES else 1
    reader.golomb(12)
    _skip_order_count(reader)
    reader.golomb()
    reader.bits(1)
    width_mbs = 1 + reader.golomb(MOST_SIDE_MBS - 1)
    height_units = 1 + reader.golomb(MOST_SIDE_MBS - 1)
    frames_only = reader.bits(1)
    if not frames_only:
        reader.bits(1)
    reader.bits(1)
    width_px, height_px = 16 * width_mbs, 16 * height_units * (2 - frames_only)
    if reader.bits(1):
        left, right, top, bottom = (reader.golomb() for _ in range(4))
        width_px -= (left + right) * (2 if chroma in (1, 2) else 1)
        height_px -= (top + bottom) * (2 if chroma == 1 else 1) * (2 - frames_only)
    if width_px <= 0 or height_px <= 0:
        raise WireError("SPS crops the whole picture away")
    return SequenceParameters(number, profile, level, width_px, height_px)


def _skip_chroma(reader: BitReader) -> int:
    """Skip the fields of the high profiles; return chroma_format_idc, 0 for separate planes."""
    chroma = reader.golomb(3)
    separate = chroma == 3 and reader.bits(1)  # noqa: PLR2004 - 4:4:4
    reader.golomb(6)
    reader.golomb(6)
    reader.bits(1)
    if reader.bits(1):
        for index in range(12 if chroma == 3 else 8):  # noqa: PLR2004 - 4:4:4
            if reader.bits(1):
                _skip_scaling_list(reader, 16 if index < 6 else 64)  # noqa: PLR2004
    return 0 if separate else chroma


def _skip_scaling_list(reader: BitReader, size: int) -> None:
    """H.264 §7.3.2.1.1.1."""
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + reader.signed_golomb()) % 256
        last = following or last


def _skip_order_count(reader: BitReader) -> None:
    kind = reader.golomb(2)
    if kind == 0:
        reader.golomb(12)
    elif kind == 1:
        reader.bits(1)
        reader.signed_golomb()
        reader.signed_golomb()
        for _ in range(reader.golomb(255)):
            reader.signed_golomb()


class ParameterSets:
    """The parameter sets in force, by number; bounded by the standard's own ranges."""

    def __init__(self) -> None:
        self._sps: dict[int, bytes] = {}
        self._pps: dict[int, bytes] = {}
        self._in_force: tuple[bytes, ...] = ()
        self.size_px = (0, 0)
        """Width and height from the SPS learnt last; zeros while unknown."""

    def learn(self, nal: bytes) -> None:
        """Take an SPS or a PPS; WireError if it cannot be numbered or measured."""
        if len(nal) > MOST_SET_BYTES:
            raise WireError(f"parameter set of {len(nal)} bytes")
        if nal[0] & 31 == SPS:
            known = self._sps
            if nal in known.values():
                return
            parameters = parse_sps(nal)
            number = parameters.id
            self.size_px = (parameters.width_px, parameters.height_px)
        else:
            known = self._pps
            if nal in known.values():
                return
            number = BitReader(nal).golomb(MOST_PPS - 1)
        known[number] = nal
        self._in_force = (*self._sps.values(), *self._pps.values())

    def in_force(self) -> tuple[bytes, ...]:
        """Return all SPS, then all PPS; empty unless there is one of each."""
        return self._in_force if self._sps and self._pps else ()


@dataclass(frozen=True, slots=True)
class CodedPicture:
    """All NAL units of one picture, whole."""

    pts_90k: int
    timestamp: int
    """The RTP timestamp as it came."""
    is_key: bool
    nals: tuple[bytes, ...]


class H264Depacketizer:
    """Joins the packets of one stream to pictures; never raises, counts what is wrong.

    After a loss, pictures are dropped until the next key picture, because any of them may refer
    to what is missing: a frozen clean picture is honest, a smeared one is neither evidence nor
    free of false motion. The end of a picture is told by the marker bit, an access unit delimiter
    or a new timestamp. A camera that sets the marker inside pictures is noticed by a slice that
    goes on with the same timestamp; its markers are ignored from then on.
    """

    def __init__(self, payload_type: int, parameter_sets: Iterable[bytes] = ()) -> None:
        """`parameter_sets` from the SDP; those that make no sense are left out."""
        self.sets = ParameterSets()
        self.lost_packets = 0
        self.late_packets = 0
        """Doubled, or behind one that came already."""
        self.foreign_packets = 0
        """Another payload type."""
        self.pictures = 0
        """Whole pictures, also those that had to be skipped."""
        self.damaged_units = 0
        self.skipped_units = 0
        """Whole, but a reference may be missing."""
        self.problem = ""
        """What was wrong last, one line."""
        self._payload_type = payload_type
        self._ssrc = -1
        self._next = 0
        self._timestamp = -1
        self._unwrapper = rtp.TimestampUnwrapper()
        self._nals: list[bytes] = []
        self._unit_bytes = 0
        self._has_slice = False
        self._has_idr = False
        self._begins_unsure = False
        self._broken = False
        self._ended_timestamp = -1
        self._trusts_marker = True
        self._wants_key = True
        self._fragments: bytearray | None = None
        self._fragment_head = -1
        self._done: list[CodedPicture] = []
        for nal in parameter_sets:
            self._learn(nal)

    def receive(self, packet: bytes | memoryview) -> list[CodedPicture]:
        """Take one RTP packet, return the pictures that it completes (mostly none).

        `packet` may be a view of a buffer that is used again afterwards.
        """
        if len(packet) > _FRAGMENT.size:
            first, kind, sequence, timestamp, ssrc, head = _FRAGMENT.unpack_from(packet)
            if (
                sequence == self._next
                and head == self._fragment_head
                and timestamp == self._timestamp
                and ssrc == self._ssrc
                and kind == self._payload_type
                and first == rtp.PLAIN
                and self._fragments is not None
                and len(self._fragments) < MOST_UNIT_BYTES
            ):
                self._fragments += packet[14:]
                self._next = sequence + 1 & 0xFFFF
                return []
        self._receive(packet)
        if not self._done:
            return []
        done, self._done = self._done, []
        return done

    def _receive(self, packet: bytes | memoryview) -> None:
        """Take a packet of any form."""
        try:
            start, end = rtp.payload_bounds(packet)
        except WireError as error:
            self._damage(str(error))
            return
        _, second, sequence, timestamp, ssrc = rtp.HEADER.unpack_from(packet)
        if second & 0x7F != self._payload_type:
            self.foreign_packets += 1
            self.problem = f"payload type {second & 0x7F} where {self._payload_type} was announced"
            return
        if not self._follow(sequence, ssrc):
            return
        if timestamp != self._timestamp:
            self._end_unit()
            self._timestamp = timestamp
        if start < end:
            self._take(bytes(packet[start:end]))
        if second >= rtp.MARKER and self._trusts_marker and (self._has_slice or self._broken):
            self._end_unit()

    def _follow(self, sequence: int, ssrc: int) -> bool:
        """Account for the packet's number; False if the packet comes too late to be used."""
        if ssrc != self._ssrc:
            if self._ssrc >= 0:
                self._damage(f"stream restarted with SSRC {ssrc:08x}")
            self._ssrc = ssrc
            self._next = sequence
            self._drop_unit()
        gap = sequence - self._next & 0xFFFF
        if gap >= (1 << 16) - _MOST_MISORDER:
            self.late_packets += 1
            return False
        if gap:
            self.lost_packets += gap if gap <= _MOST_DROPOUT else 1
            self._lose(f"{gap} packets lost before sequence {sequence}, SSRC {ssrc:08x}")
        self._next = sequence + 1 & 0xFFFF
        return True

    def _take(self, payload: bytes) -> None:
        kind = payload[0] & 31
        if self._fragments is not None and kind != FU_A:
            self._damage("fragmented NAL unit without an end")
        if kind == FU_A:
            self._take_fragment(payload)
        elif kind == STAP_A:
            self._take_aggregate(payload)
        elif kind >= _FIRST_STRUCTURE or not kind:
            self._damage(f"payload type {kind} of the interleaved mode")
        else:
            self._add(payload)

    def _take_aggregate(self, payload: bytes) -> None:
        at = 1
        while at < len(payload):
            length = int.from_bytes(payload[at : at + 2], "big")
            nal = payload[at + 2 : at + 2 + length]
            if not nal or len(nal) < length:
                left = len(payload) - at - 2
                self._damage(f"truncated NAL unit: STAP-A names {length} bytes, {left} are left")
                return
            self._add(nal)
            at += 2 + length

    def _take_fragment(self, payload: bytes) -> None:
        """RFC 6184 §5.8."""
        if len(payload) < 3:  # noqa: PLR2004 - indicator, header, one byte
            self._damage(f"truncated NAL unit: FU-A of {len(payload)} bytes")
            return
        indicator, header = payload[0], payload[1]
        if header & 0x80:
            if self._fragments is not None:
                self._damage("fragmented NAL unit without an end")
            self._fragments = bytearray((indicator & 0xE0 | header & 31,))
            self._fragment_head = indicator << 8 | header & 31
        if self._fragments is None:
            if not self._broken:
                self._damage("fragmented NAL unit without a beginning")
            return
        self._fragments += payload[2:]
        if len(self._fragments) > MOST_UNIT_BYTES:
            self._damage(f"NAL unit larger than {MOST_UNIT_BYTES} bytes")
        elif header & 0x40:
            nal = bytes(self._fragments)
            self._fragments = None
            self._fragment_head = -1
            self._add(nal)

    def _add(self, nal: bytes) -> None:
        kind = nal[0] & 31
        if kind == AUD:
            if self._has_slice:
                self._end_unit()
            return
        if kind == FILLER:
            return
        if kind in (SPS, PPS):
            self._learn(nal)
        elif kind in _SLICES:
            self._add_slice(nal, kind)
        self._unit_bytes += len(nal)
        if self._unit_bytes > MOST_UNIT_BYTES or len(self._nals) >= MOST_UNIT_NALS:
            self._damage(f"picture larger than {MOST_UNIT_BYTES} bytes or {MOST_UNIT_NALS} units")
        elif not self._broken:
            self._nals.append(nal)

    def _add_slice(self, nal: bytes, kind: int) -> None:
        """Note the picture's kind; see whether its beginning is there (first_mb_in_slice = 0)."""
        begins = len(nal) > 1 and nal[1] >= 0x80  # noqa: PLR2004 - ue(v) of 0 is a single 1 bit
        if not self._has_slice and not begins and not self._broken:
            if self._timestamp == self._ended_timestamp and not self._begins_unsure:
                self._trusts_marker = False
                self._damage("marker bit inside a picture: markers are ignored from now on")
            else:
                self._damage("picture without its first slice")
        self._has_slice = True
        self._has_idr |= kind == IDR

    def _learn(self, nal: bytes) -> None:
        try:
            self.sets.learn(nal)
        except WireError as error:
            self.problem = str(error)

    def _end_unit(self) -> None:
        """Emit the picture under construction, or count why not."""
        if self._fragments is not None:
            self._damage("fragmented NAL unit without an end")
        if self._broken:
            self.damaged_units += 1
        elif self._has_slice:
            self._finish()
        elif self._nals:
            return  # parameter sets that were given a marker or a timestamp of their own
        self._ended_timestamp = self._timestamp
        self._drop_unit()

    def _finish(self) -> None:
        self.pictures += 1
        nals = tuple(self._nals)
        if self._has_idr:
            sets = self.sets.in_force()
            if not sets:
                self.problem = "key picture without parameter sets"
                self.skipped_units += 1
                return
            self._wants_key = False
            nals = (*sets, *(nal for nal in nals if nal[0] & 31 not in (SPS, PPS)))
        elif self._wants_key:
            self.skipped_units += 1
            return
        pts_90k = self._unwrapper.unwrap(self._timestamp)
        self._done.append(CodedPicture(pts_90k, self._timestamp, self._has_idr, nals))

    def _drop_unit(self) -> None:
        """Begin anew with nothing."""
        self._nals = []
        self._unit_bytes = 0
        self._has_slice = self._has_idr = self._broken = self._begins_unsure = False
        self._fragments = None
        self._fragment_head = -1

    def _lose(self, problem: str) -> None:
        """Packets are missing: whatever was under construction is, and what follows may be."""
        if self._nals or self._fragments is not None:
            self._damage(problem)
        self.problem = problem
        self._wants_key = True
        self._begins_unsure = True

    def _damage(self, problem: str) -> None:
        """Give up the picture under construction and what may refer to it."""
        self.problem = problem
        self._nals = []
        self._unit_bytes = 0
        self._fragments = None
        self._fragment_head = -1
        self._broken = True
        self._wants_key = True
