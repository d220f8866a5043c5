# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""H.264: from RTP packets to coded pictures (RFC 6184), and the size in an SPS (ITU-T H.264)."""

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

SLICE = 1
IDR = 5
SEI = 6
SPS = 7
PPS = 8
AUD = 9
FILLER = 12
STAP_A = 24
FU_A = 28
_INTERLEAVED = {0: "0", 25: "25 (STAP-B)", 26: "26 (MTAP16)", 27: "27 (MTAP24)", 29: "29 (FU-B)"}
"""Refused: a camera that cannot send in decoding order does not exist."""
_FIRST_STRUCTURE = 24
_ROLES = {
    **dict.fromkeys(range(SLICE, IDR + 1), Role.SLICE),
    SPS: Role.SET,
    PPS: Role.SET,
    SEI: Role.HINT,
    AUD: Role.DELIMITER,
    FILLER: Role.FILLER,
}
_RECOVERY_POINT = 6
"""SEI payload type (H.264 D.1.8)."""
_INTRA = frozenset((2, 4, 7, 9))
"""slice_type of I and SI slices (H.264 table 7-6)."""
_MOST_MESSAGES = 32
"""SEI messages of one unit that are looked at."""
_HEAD_BYTES = 24
"""Enough for the three numbers at the beginning of a slice."""

MOST_SPS = 32
"""seq_parameter_set_id is 0..31 (H.264 §7.4.2.1.1)."""
MOST_PPS = 256
"""pic_parameter_set_id is 0..255 (H.264 §7.4.2.2)."""
MOST_SIDE_MBS = 1055
"""sqrt(8 * MaxFS) at level 6.2 (H.264 A.3.1)."""
_HIGH_PROFILES = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135))

_FRAGMENT = struct.Struct("!BBHIIH")
"""RTP header, then FU indicator and FU header as one number."""
_FRAME = struct.Struct("!HHHHQH")
"""The same behind an interleaved frame's header; first octets and source as one number each."""
_FU_A_BEGIN = FU_A << 8 | 0x80
"""FU indicator without its importance and FU header without its type: the first fragment."""


@dataclass(frozen=True, slots=True)
class SequenceParameters:
    """What the gateway wants to know of an SPS."""

    id: int
    profile: int
    level: int
    """Ten times the level's name."""
    width_px: int
    height_px: int


def parse_sps(nal: bytes) -> SequenceParameters:
    """Return what an SPS says (H.264 §7.3.2.1); WireError if it makes no sense."""
    if not nal or nal[0] & 31 != SPS or len(nal) > MOST_SET_BYTES:
        raise WireError(f"not an SPS: {len(nal)} bytes")
    reader = BitReader(nal[1:])
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


class ParameterSets(pictures.ParameterSets):
    """SPS and PPS in force."""

    def __init__(self) -> None:
        super().__init__(2)

    @override
    def _rank(self, nal: bytes) -> int:
        return 0 if nal[0] & 31 == SPS else 1

    @override
    def _read(self, nal: bytes) -> int:
        if nal[0] & 31 == SPS:
            parameters = parse_sps(nal)
            self.size_px = (parameters.width_px, parameters.height_px)
            return parameters.id
        return BitReader(nal[1:]).golomb(MOST_PPS - 1)


def recovery_frames(nal: bytes) -> int | None:
    """Return recovery_frame_cnt of an SEI, None without a recovery point (H.264 D.1.8)."""
    at = 1
    for _ in range(_MOST_MESSAGES):
        kind, at = _sei_number(nal, at)
        size_bytes, at = _sei_number(nal, at)
        if at >= len(nal):
            break
        if kind == _RECOVERY_POINT:
            try:
                return BitReader(nal[at : at + size_bytes + 1]).golomb()
            except WireError:
                return None
        at += size_bytes
    return None


def _sei_number(nal: bytes, at: int) -> tuple[int, int]:
    """Return a number made of octets 255 and one less, and where it ends (H.264 §7.3.2.3.1)."""
    number = 0
    most = min(len(nal), at + MOST_SET_BYTES)
    while at < most and nal[at] == 0xFF:  # noqa: PLR2004 - goes on
        number, at = number + 0xFF, at + 1
    return (number + nal[at], at + 1) if at < most else (number, len(nal))


def is_intra(nal: bytes) -> bool:
    """Return whether a slice refers to no other picture: I or SI (H.264 §7.3.3)."""
    reader = BitReader(nal[1:_HEAD_BYTES])
    try:
        reader.golomb()
        return reader.golomb() in _INTRA
    except WireError:
        return False


class H264Depacketizer(NalDepacketizer):
    """Joins the packets of one H.264 stream to pictures, see `NalDepacketizer`.

    Key pictures are IDR pictures, and pictures of I slices with a recovery point of 0 frames:
    cameras with an open GOP have no others. What is shown before such a picture, but comes after
    it, is dropped when the stream is joined there.
    """

    codec: ClassVar[Codec] = Codec.H264
    _roles = tuple(_ROLES.get(octet & 31, Role.OTHER) for octet in range(256))
    _keys = tuple(octet & 31 == IDR for octet in range(256))
    _slice_at = 1

    def __init__(self, payload_type: int, parameter_sets: Iterable[bytes] = ()) -> None:
        """`parameter_sets` from the SDP; those that make no sense are left out."""
        self._started = 0
        super().__init__(payload_type, ParameterSets(), parameter_sets)

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
            if head & 0x1F00 == FU_A << 8:
                self._take_frame(packet)
            else:
                self._receive(packet)
        else:
            self._receive(packet)
        if not self._done:
            return []
        done, self._done = self._done, []
        return done

    def receive_frames(self, buffer: bytearray, at: int, end: int) -> int:
        """Take the interleaved frames of one channel that follow each other (RFC 2326 §10.12).

        The same as cutting them out and calling `receive`, at a third of the cost. Returns where
        the first begins that is incomplete or of another channel; `finished` has the pictures.
        `buffer` reaches 20 bytes beyond `end`.
        """
        unpack, view = _FRAME.unpack_from, memoryview(buffer)
        lead, middle = buffer[at] << 8 | buffer[at + 1], rtp.PLAIN << 8 | self._payload_type
        fragments, awaited, source, fragment_head = self._expected()
        least, parts = _FRAGMENT.size, list[memoryview]()
        while end - at >= 4:  # noqa: PLR2004 - a frame's own header
            first, length, form, sequence, origin, head = unpack(buffer, at)
            following = at + 4 + length
            if first != lead or following > end:
                break
            is_next = sequence == awaited and origin == source and length > least
            if is_next and head == fragment_head and form == middle:
                parts.append(view[at + 18 : following])
                awaited = awaited + 1 & 0xFFFF
                at = following
                continue
            self._next = awaited
            if is_next and head == fragment_head | 0x40 and form & 0xFF7F == middle:
                nal = b"".join((fragments, *parts, view[at + 18 : following]))
                self._complete_unit(nal, is_marked=form != middle)
                awaited, fragment_head = self._next, -1
            elif (
                head & 0x1FC0 == _FU_A_BEGIN
                and form == middle
                and length > least
                and self._begins(sequence, origin)
            ):
                fragments = self._begin_unit(origin >> 32, head, view[at + 4 : following])
                awaited, source, fragment_head = self._next, origin, self._fragment_head
            else:
                fragments += b"".join(parts)
                self._receive(view[at + 4 : following])
                fragments, awaited, source, fragment_head = self._expected()
            parts.clear()
            at = following
        fragments += b"".join(parts)
        self._next = awaited
        return at

    def finished(self) -> list[CodedPicture]:
        """Return the pictures that `receive_frames` completed."""
        done, self._done = self._done, []
        return done

    def _expected(self) -> tuple[bytearray, int, int, int]:
        """Return the unit under construction, and what the next fragment's header says."""
        fragments = self._fragments
        if fragments is None or len(fragments) >= MOST_UNIT_BYTES:
            return bytearray(), self._next, -1, -1
        return fragments, self._next, self._timestamp << 32 | self._ssrc, self._fragment_head

    def _take_frame(self, packet: bytes | memoryview) -> None:
        """Take a packet; the first and last fragments of a unit go a shorter way."""
        if len(packet) > _FRAGMENT.size:
            first, kind, sequence, timestamp, ssrc, head = _FRAGMENT.unpack_from(packet)
            if (
                first == rtp.PLAIN
                and kind & 0x7F == self._payload_type
                and sequence == self._next
                and ssrc == self._ssrc
                and not self._broken
            ):
                is_marked = kind >= rtp.MARKER
                fragments = self._fragments
                if fragments is None:
                    if head & 0x1FC0 == _FU_A_BEGIN and not is_marked:
                        self._begin_unit(timestamp, head, packet)
                        return
                elif (
                    head == self._fragment_head | 0x40
                    and timestamp == self._timestamp
                    and len(fragments) < MOST_UNIT_BYTES
                ):
                    fragments += packet[_FRAGMENT.size :]
                    self._complete_unit(bytes(fragments), is_marked=is_marked)
                    return
        self._receive(packet)

    def _begins(self, sequence: int, origin: int) -> bool:
        """Return whether a first fragment of this source may begin a unit, nothing being amiss."""
        is_next = sequence == self._next and origin & 0xFFFFFFFF == self._ssrc
        return is_next and self._fragments is None and not self._broken

    def _begin_unit(self, timestamp: int, head: int, packet: bytes | memoryview) -> bytearray:
        """Take the first fragment of a unit (RFC 6184 §5.8)."""
        if timestamp != self._timestamp:
            if self._nals or self._has_slice or self._begins_unsure:
                self._end_unit()
            self._timestamp = timestamp
        fragments = bytearray(((head >> 8) & 0xE0 | head & 31,))
        fragments += packet[_FRAGMENT.size :]
        self._fragments = fragments
        self._fragment_head = head & 0xFF1F
        self._next = self._next + 1 & 0xFFFF
        return fragments

    def _complete_unit(self, nal: bytes, *, is_marked: bool) -> None:
        """Take a unit whose last fragment came."""
        self._next = self._next + 1 & 0xFFFF
        self._fragments = None
        self._fragment_head = -1
        self._add(nal)
        if is_marked and self._trusts_marker and self._has_slice:
            self._end_unit()

    @override
    def _take(self, payload: bytes) -> None:
        kind = payload[0] & 31
        if kind == FU_A:
            self._take_fragment(payload, "FU-A")
            return
        if self._fragments is not None:
            self._damage("fragmented NAL unit without an end")
        if kind == STAP_A:
            self._take_many(payload, 1, "STAP-A")
        elif kind >= _FIRST_STRUCTURE or not kind:
            name = _INTERLEAVED.get(kind, str(kind))
            self._damage(f"payload type {name} of the interleaved mode is not supported")
        else:
            self._add(payload)

    @override
    def _begin_fragments(self, payload: bytes) -> tuple[bytes, int]:
        indicator, kind = payload[0], payload[1] & 31
        return bytes((indicator & 0xE0 | kind,)), indicator << 8 | kind

    @override
    def _read_hints(self) -> bool:
        points = [recovery_frames(nal) for nal in self._nals if nal[0] & 31 == SEI]
        frames = next((count for count in points if count is not None), None)
        if frames and self._wants_key:
            self.problem = "picture refreshed bit by bit: set the camera to periodic key frames"
        slices = [nal for nal in self._nals if self._roles[nal[0]] is Role.SLICE]
        return frames == 0 and all(nal[0] & 31 == SLICE and is_intra(nal) for nal in slices)

    @override
    def _start(self, *, joins: bool) -> None:
        self._may_lead = joins and not self._keys[self._octet]
        self._started = self._timestamp

    @override
    def _leads(self) -> bool:
        if self._timestamp - self._started & 0xFFFFFFFF >= rtp.HALF_TIMESTAMP:
            return True
        self._may_lead = False
        return False
