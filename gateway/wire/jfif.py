# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""JPEG files (ITU-T T.81, T.871): the segments of their headers, and the tables of the standard."""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.model.errors import WireError

SOI = b"\xff\xd8"
EOI = b"\xff\xd9"
SOF0 = 0xC0
SOF1 = 0xC1
DHT = 0xC4
SOS = 0xDA
DQT = 0xDB
DRI = 0xDD
APP0 = 0xE0
_ALONE = (0x01, *range(0xD0, 0xD9))
"""Markers without a length (T.81 B.1.1.3)."""
_FRAMES = frozenset(
    (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))
)
MOST_BYTES = 8 << 20
"""A file; 4000 x 3000 at the best quality stays below."""
MOST_SEGMENTS = 256
TABLE_ENTRIES = 64
_FILL = re.compile(rb"\xff*(?=\xff)", re.DOTALL)
_JFIF = b"JFIF\0\1\1\0\0\1\0\1\0\0"
_HEAD_BYTES = 6
"""Of a frame header, before its components: precision, height, width, count."""

LUMINANCE = bytes.fromhex(
    "100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933"
    "383740485c4e404457453738506d51575f626768673e4d71797064785c656763"
)
"""T.81 table K.1 in zigzag order."""
CHROMINANCE = bytes.fromhex("111212181518 2f1a1a2f 63423842") + b"\x63" * 50
"""T.81 table K.2 in zigzag order."""
_DC = "0000010501010101010100000000000000 000102030405060708090a0b"
_DC_CHROMINANCE = "0100030101010101010101010000000000 000102030405060708090a0b"
_AC = (
    "100002010303020403050504040000017d 01020300041105122131410613516107"
    "227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a4344454647"
    "48494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3"
    "a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2"
    "f3f4f5f6f7f8f9fa"
)
_AC_CHROMINANCE = (
    "1100020102040403040705040400010277 00010203110405213106124151076171"
    "1322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a43444546"
    "4748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999a"
    "a2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2"
    "f3f4f5f6f7f8f9fa"
)
HUFFMAN = tuple(map(bytes.fromhex, (_DC, _AC, _DC_CHROMINANCE, _AC_CHROMINANCE)))
"""T.81 tables K.3 to K.6 as in a DHT segment, class and number first."""


@dataclass(frozen=True, slots=True)
class Component:
    """A colour channel of a frame."""

    id: int
    sampling: int
    """Horizontal factor in the upper half, vertical one in the lower."""
    table: int


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame header."""

    marker: int
    precision: int
    size_px: tuple[int, int]
    components: tuple[Component, ...]


@dataclass(frozen=True, slots=True)
class File:
    """A JPEG file in its parts."""

    frame: Frame
    tables: Mapping[int, bytes]
    """Quantisation tables by number, 64 octets or 128 (16 bits an entry), zigzag order."""
    huffman: Mapping[int, bytes]
    """By class and number, as in HUFFMAN."""
    restart: int
    """MCUs between restart markers, 0 without."""
    scan: bytes
    """Coded data without EOI."""


@functools.lru_cache(maxsize=128)
def quantisation(quality: int) -> tuple[bytes, bytes]:
    """Return luminance and chrominance tables for a quality of 1..99 (RFC 2435 §4.2)."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality  # noqa: PLR2004
    luminance, chrominance = (
        bytes(min(255, max(1, (entry * percent + 50) // 100)) for entry in table)
        for table in (LUMINANCE, CHROMINANCE)
    )
    return luminance, chrominance


def segments(data: bytes, at: int = 0) -> Iterator[tuple[int, int, int]]:
    """Yield marker, begin and end of each header segment's content, the last is SOS if there.

    Octets 0xFF may stand before a marker. WireError for what is no segment.
    """
    for _ in range(MOST_SEGMENTS):
        fill = _FILL.match(data, at)
        at = fill.end() if fill else at
        if len(data) - at < 2 or data.startswith(EOI, at):  # noqa: PLR2004 - a marker
            return
        marker = data[at + 1]
        if data[at] != 0xFF or marker in (0, 0xFF):  # noqa: PLR2004 - of every marker
            raise WireError(f"JPEG without a marker at byte {at}")
        at += 2
        if marker in _ALONE:
            continue
        end = at + int.from_bytes(data[at : at + 2], "big")
        if end < at + 2 or end > len(data):
            raise WireError(f"JPEG segment at byte {at} goes beyond the end")
        yield marker, at + 2, end
        if marker == SOS:
            return
        at = end
    raise WireError(f"JPEG with more than {MOST_SEGMENTS} segments")


def parse(data: bytes) -> File:
    """Return the parts of a sequential JPEG; WireError for anything else."""
    if len(data) > MOST_BYTES or not data.startswith(SOI):
        raise WireError(f"{len(data)} bytes that are no JPEG")
    frame: Frame | None = None
    tables: dict[int, bytes] = {}
    huffman: dict[int, bytes] = {}
    restart = 0
    for marker, begin, end in segments(data, 2):
        content = data[begin:end]
        if marker in _FRAMES:
            frame = parse_frame(marker, content)
        elif marker == DQT:
            tables |= parse_tables(content)
        elif marker == DHT:
            huffman |= _parse_huffman(content)
        elif marker == DRI:
            restart = int.from_bytes(content[:2], "big")
        elif marker == SOS and frame is not None:
            return File(frame, tables, huffman, restart, data[end:].removesuffix(EOI))
    raise WireError("JPEG without a frame or a scan")


def parse_frame(marker: int, content: bytes) -> Frame:
    """Return what an SOF segment says; WireError if it is not sequential Huffman coding."""
    if marker not in (SOF0, SOF1):
        raise WireError(f"JPEG of kind SOF{marker - SOF0}, only baseline is supported")
    if len(content) < _HEAD_BYTES or len(content) < _HEAD_BYTES + 3 * content[5]:
        raise WireError("JPEG frame header cut short")
    ends = range(_HEAD_BYTES, _HEAD_BYTES + 3 * content[5], 3)
    components = tuple(Component(*content[at : at + 3]) for at in ends)
    height_px, width_px = (int.from_bytes(content[at : at + 2], "big") for at in (1, 3))
    if not (width_px and height_px and components):
        raise WireError(f"JPEG of {width_px} x {height_px} pixels")
    return Frame(marker, content[0], (width_px, height_px), components)


def parse_tables(content: bytes) -> dict[int, bytes]:
    """Return the quantisation tables of a DQT segment by number."""
    tables: dict[int, bytes] = {}
    at = 0
    while at < len(content):
        size_bytes = TABLE_ENTRIES << (content[at] >> 4 & 1)
        table = content[at + 1 : at + 1 + size_bytes]
        if len(table) < size_bytes:
            raise WireError("JPEG quantisation table cut short")
        tables[content[at] & 15] = table
        at += 1 + size_bytes
    return tables


def _parse_huffman(content: bytes) -> dict[int, bytes]:
    tables: dict[int, bytes] = {}
    at = 0
    while at < len(content):
        size_bytes = 17 + sum(content[at + 1 : at + 17])
        table = content[at : at + size_bytes]
        if len(table) < size_bytes:
            raise WireError("JPEG Huffman table cut short")
        tables[table[0]] = table
        at += size_bytes
    return tables


def segment(marker: int, content: bytes) -> bytes:
    """Return a segment."""
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def header(frame: Frame, tables: Mapping[int, bytes], restart: int, huffman: bytes = b"") -> bytes:
    """Return everything before the scan; `huffman`: DHT segments instead of the standard's."""
    parts = [SOI, segment(APP0, _JFIF)]
    for number, table in sorted(tables.items()):
        wide = 0x10 * (len(table) > TABLE_ENTRIES)
        parts.append(segment(DQT, bytes((wide | number,)) + table))
    if restart:
        parts.append(segment(DRI, restart.to_bytes(2, "big")))
    width_px, height_px = frame.size_px
    sizes = height_px.to_bytes(2, "big") + width_px.to_bytes(2, "big")
    channels = b"".join(bytes((one.id, one.sampling, one.table)) for one in frame.components)
    count = bytes((len(frame.components),))
    parts.append(segment(frame.marker, bytes((frame.precision,)) + sizes + count + channels))
    parts.append(huffman or b"".join(segment(DHT, table) for table in HUFFMAN))
    choice = b"".join(
        bytes((one.id, 0x11 * (index > 0))) for index, one in enumerate(frame.components)
    )
    parts.append(segment(SOS, count + choice + b"\0\x3f\0"))
    return b"".join(parts)
