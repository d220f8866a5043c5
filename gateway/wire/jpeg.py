# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""JPEG over RTP: from packets to whole JFIF files (RFC 2435, ONVIF Streaming §5.1.3.3)."""

import struct
from typing import ClassVar

from typing_extensions import override

from gateway.model.errors import WireError
from gateway.model.media import Codec
from gateway.wire import jfif, rtp
from gateway.wire.jfif import Component, Frame
from gateway.wire.pictures import CodedPicture
from gateway.wire.stream import RtpStream

MOST_PICTURE_BYTES = jfif.MOST_BYTES
MAIN = struct.Struct("!IBBBB")
"""Type-specific octet and fragment offset, type, Q, width and height in blocks (§3.1)."""
_FRAGMENT = struct.Struct("!BBHIIII")
"""RTP header, then the main header as two numbers."""
_OFFSET = 0xFFFFFF
_RESTART_BYTES = 4
_TABLES_BYTES = 4
RESTART_TYPE = 64
FIRST_DYNAMIC_TYPE = 128
TABLES_Q = 128
"""From here on the tables come with the pictures (§4.2)."""
CHANGING_Q = 255
"""The tables may change with every picture: they must always be there (§3.1.8)."""
SAMPLING = {0: 0x21, 1: 0x22}
"""Of luminance by type (§4.1): 4:2:2 and 4:2:0."""
_WHOLE = (0, 3)
"""Type-specific octets of pictures that are not interlaced fields (§3.1.1)."""
_MOST_EXTRA_BYTES = 64 << 10
_EXTENSION_HEADERS = (0xFFD8, 0xFFFF)
"""Header segments in the packet's extension, and their continuation (ONVIF)."""
_EXTENSION_REPLAY = 0xABAC
_REPLAY_BYTES = 12


class JpegDepacketizer(RtpStream):
    """Joins the packets of one stream to JFIF files; never raises, counts what is wrong.

    Every picture stands for itself: a loss costs the picture that it hits. The marker bit, a
    new timestamp or a new beginning ends a picture.
    """

    codec: ClassVar[Codec] = Codec.JPEG

    def __init__(self, payload_type: int, size_px: tuple[int, int] = (0, 0)) -> None:
        """`size_px` from the SDP, for pictures that are too large for the packets' own fields."""
        super().__init__(payload_type)
        self.pictures = 0
        self.damaged_units = 0
        self.skipped_units = 0
        self.size_px = size_px
        """Width and height of the pictures; zeros while unknown."""
        self._announced_px = size_px
        self._timestamp = -1
        self._unwrapper = rtp.TimestampUnwrapper()
        self._scan: bytearray | None = None
        self._shape = -1
        self._skip_bytes = _FRAGMENT.size
        self._restart = 0
        self._tables: tuple[bytes, ...] = ()
        self._kept: dict[int, tuple[bytes, ...]] = {}
        self._extra = b""
        self._broken = False
        self._done: list[CodedPicture] = []

    def receive(self, packet: bytes | memoryview) -> list[CodedPicture]:
        """Take one RTP packet, return the picture that it completes, if any.

        `packet` may be a view of a buffer that is used again afterwards.
        """
        if len(packet) > self._skip_bytes:
            first, kind, sequence, timestamp, ssrc, at, shape = _FRAGMENT.unpack_from(packet)
            if (
                sequence == self._next
                and shape == self._shape
                and timestamp == self._timestamp
                and ssrc == self._ssrc
                and kind == self._payload_type
                and first == rtp.PLAIN
                and self._scan is not None
                and at & _OFFSET == len(self._scan) < MOST_PICTURE_BYTES
            ):
                self._scan += packet[self._skip_bytes :]
                self._next = sequence + 1 & 0xFFFF
                return []
        self._receive(packet)
        if not self._done:
            return []
        done, self._done = self._done, []
        return done

    @override
    def _accept(
        self, packet: bytes | memoryview, payload: bytes, timestamp: int, marker: bool
    ) -> None:
        if timestamp != self._timestamp:
            self._end_picture()
            self._timestamp = timestamp
        if payload:
            try:
                self._take(payload, _extension(packet))
            except WireError as error:
                self._damage(str(error))
        if marker:
            self._end_picture()

    def _take(self, payload: bytes, extra: bytes) -> None:
        if len(payload) < MAIN.size:
            raise WireError(f"JPEG packet of {len(payload)} bytes")
        at = int.from_bytes(payload[1:4], "big")
        if at == 0:
            if self._scan or self._broken:
                self._end_picture()
            self._begin_picture(payload)
        scan = self._scan
        if scan is None:
            if not self._broken:
                raise WireError("JPEG without its beginning")
            return
        if int.from_bytes(payload[4:8], "big") != self._shape:
            raise WireError("JPEG fragments of different pictures")
        if at != len(scan):
            raise WireError(f"JPEG fragment at byte {at} where {len(scan)} was expected")
        if len(self._extra) + len(extra) > _MOST_EXTRA_BYTES:
            raise WireError(f"JPEG headers larger than {_MOST_EXTRA_BYTES} bytes")
        self._extra += extra
        scan += payload[self._data_at(payload) :]
        if len(scan) > MOST_PICTURE_BYTES:
            raise WireError(f"JPEG larger than {MOST_PICTURE_BYTES} bytes")

    def _begin_picture(self, payload: bytes) -> None:
        """Read the headers that only the first fragment has."""
        first, kind, quality, _, _ = MAIN.unpack_from(payload)
        if first >> 24 not in _WHOLE:
            raise WireError("interlaced JPEG is not supported")
        if kind & ~RESTART_TYPE not in SAMPLING:
            raise WireError(f"JPEG of type {kind} is not supported (4:2:0 and 4:2:2 are)")
        at = MAIN.size
        self._restart = 0
        if kind >= RESTART_TYPE:
            self._restart = int.from_bytes(payload[at : at + 2], "big")
            at += _RESTART_BYTES
        self._tables = self._tables_of(quality, payload[at:])
        self._skip_bytes = rtp.HEADER.size + at
        self._shape = int.from_bytes(payload[4:8], "big")
        self._extra = b""
        self._broken = False
        self._scan = bytearray()

    def _data_at(self, payload: bytes) -> int:
        """Return where the coded data begin behind the payload's headers."""
        at = self._skip_bytes - rtp.HEADER.size
        if not self._scan and payload[5] >= TABLES_Q:
            at += _TABLES_BYTES + int.from_bytes(payload[at + 2 : at + 4], "big")
        return at

    def _tables_of(self, quality: int, rest: bytes) -> tuple[bytes, ...]:
        """Return the tables for Q; those that came with an earlier picture are kept (§3.1.8)."""
        if not quality or 100 <= quality < TABLES_Q:  # noqa: PLR2004 - reserved
            raise WireError(f"JPEG with the reserved quality {quality}")
        if quality < TABLES_Q:
            return jfif.quantisation(quality)
        if len(rest) < _TABLES_BYTES:
            raise WireError("JPEG quantisation tables cut short")
        precision, length = rest[1], int.from_bytes(rest[2:4], "big")
        if not length:
            if quality == CHANGING_Q or quality not in self._kept:
                raise WireError(f"JPEG quantisation tables for quality {quality} never came")
            return self._kept[quality]
        tables = []
        at, end = _TABLES_BYTES, _TABLES_BYTES + length
        for number in range(2):
            size_bytes = jfif.TABLE_ENTRIES << (precision >> number & 1)
            table = rest[at : at + size_bytes]
            at += size_bytes
            if len(table) == size_bytes and at <= end:
                tables.append(table)
        if not tables or len(rest) < end:
            raise WireError(f"JPEG quantisation tables of {length} bytes")
        self._kept[quality] = tuple(tables)
        return self._kept[quality]

    def _end_picture(self) -> None:
        """Emit the picture under construction, or count why not."""
        if self._scan and not self._broken:
            try:
                self._finish(bytes(self._scan))
            except WireError as error:
                self._damage(str(error))
        if self._broken:
            self.damaged_units += 1
        self._begin()

    def _finish(self, scan: bytes) -> None:
        head, size_px = self._header()
        self.pictures += 1
        self.size_px = size_px
        data = b"".join((head, scan, b"" if scan.endswith(jfif.EOI) else jfif.EOI))
        pts_90k = self._unwrapper.unwrap(self._timestamp)
        self._done.append(CodedPicture(pts_90k, self._timestamp, True, (data,)))

    def _header(self) -> tuple[bytes, tuple[int, int]]:
        """Return the file's header and the picture's size; what the extension says goes first."""
        tables = dict(enumerate(self._tables))
        restart, huffman, frame = self._restart, b"", None
        for marker, begin, end in jfif.segments(self._extra):
            content = self._extra[begin:end]
            if marker == jfif.DQT:
                tables |= jfif.parse_tables(content)
            elif marker == jfif.DHT:
                huffman += jfif.segment(marker, content)
            elif marker == jfif.DRI:
                restart = int.from_bytes(content[:2], "big")
            elif marker in (jfif.SOF0, jfif.SOF1):
                frame = jfif.parse_frame(marker, content)
        frame = frame or self._usual_frame()
        return jfif.header(frame, tables, restart, huffman), frame.size_px

    def _usual_frame(self) -> Frame:
        """Return the frame header that the packets describe (§4.1)."""
        kind, width_blocks, height_blocks = (self._shape >> at & 0xFF for at in (24, 8, 0))
        width_px, height_px = 8 * width_blocks, 8 * height_blocks
        if self._fits(width_blocks, height_blocks):
            width_px, height_px = self._announced_px
        if not width_px or not height_px:
            raise WireError("JPEG larger than 2040 pixels, and nothing says how large")
        chroma = len(self._tables) - 1
        wide = any(len(table) > jfif.TABLE_ENTRIES for table in self._tables)
        components = (
            Component(1, SAMPLING[kind & ~RESTART_TYPE], 0),
            Component(2, 0x11, chroma),
            Component(3, 0x11, chroma),
        )
        marker = jfif.SOF1 if wide else jfif.SOF0
        return Frame(marker, 8, (width_px, height_px), components)

    def _fits(self, *blocks: int) -> bool:
        """Return whether the SDP's size is the one that the packets' octets stand for.

        Beyond 2040 pixels some cameras write 0, some what is left of the number.
        """
        pairs = zip(blocks, self._announced_px, strict=True)
        return all(size_px and block in (0, -(-size_px // 8) & 0xFF) for block, size_px in pairs)

    @override
    def _begin(self) -> None:
        self._scan = None
        self._shape = -1
        self._skip_bytes = _FRAGMENT.size
        self._extra = b""
        self._broken = False

    @override
    def _lose(self, problem: str) -> None:
        if self._scan is not None:
            self._damage(problem)
        self.problem = problem

    @override
    def _damage(self, problem: str) -> None:
        self.problem = problem
        self._scan = None
        self._shape = -1
        self._broken = True


def _extension(packet: bytes | memoryview) -> bytes:
    """Return the header segments in a packet's extension, mostly none."""
    if not packet[0] & 0x10:
        return b""
    at = rtp.HEADER.size + 4 * (packet[0] & 15)
    end = at + 4 + 4 * int.from_bytes(packet[at + 2 : at + 4], "big")
    if int.from_bytes(packet[at : at + 2], "big") == _EXTENSION_REPLAY:
        at += 4 + _REPLAY_BYTES
    if at + 4 > end or int.from_bytes(packet[at : at + 2], "big") not in _EXTENSION_HEADERS:
        return b""
    length = 4 * int.from_bytes(packet[at + 2 : at + 4], "big")
    return bytes(packet[at + 4 : min(end, at + 4 + length)])
