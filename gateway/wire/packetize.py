# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From coded pictures to RTP payloads: H.264 (RFC 6184), H.265 (RFC 7798), JPEG (RFC 2435).

H.264 and H.265 come in runs of equal size, so that the relay can hand a whole run to the kernel in
one call (UDP_SEGMENT wants every segment but the last to be as long as the first). JPEG is only
sent by our own cameras.
"""

from collections.abc import Sequence

from gateway.model.errors import WireError
from gateway.model.media import AccessUnit, Codec
from gateway.wire import h265, jfif, jpeg

FU_A = 28
STAP_A = 24
_AUD = 9
_GROUPED = frozenset((6, 7, 8, 13, 15))
"""SEI and parameter sets: small, and needed before the slices."""
_GROUPED_H265 = frozenset((h265.VPS, h265.SPS, h265.PPS, 39))
"""Parameter sets and SEI."""
_MOST_BLOCKS = 255
_WHOLE_PICTURE = b"\xff\xff"
"""First and last fragment, no count: restart intervals are not aligned (RFC 2435 §3.1.7)."""
_FIRST_RESERVED = 24
"""From here on a type octet means a payload structure, not a NAL unit (RFC 6184 §5.2)."""


def payloads(unit: AccessUnit, most_bytes: int = 1400) -> list[bytes]:
    """Return the payloads of one unit of any codec; the last one gets the marker bit.

    WireError for a JPEG that RFC 2435 cannot carry.
    """
    if unit.codec is Codec.JPEG:
        return fragment_jpeg(unit.nals[0], most_bytes)
    cut = fragment_h265 if unit.codec is Codec.H265 else fragment
    return [payload for run in cut(unit.nals, most_bytes) for payload in run]


def fragment(nals: Sequence[bytes], most_bytes: int = 1188) -> list[list[bytes]]:
    """Return runs of payloads; within a run all are equally long, the last may be shorter.

    Parameter sets and SEI that follow each other share a STAP-A, larger NAL units become FU-A
    fragments balanced in size. Access unit delimiters are dropped (the marker bit says the same),
    so are types that only exist as payload structures. The caller sets the marker bit on the last
    payload of the last run. `most_bytes` must be at least 8.
    """
    runs: list[list[bytes]] = []
    group: list[bytes] = []
    group_bytes = 1
    for nal in nals:
        kind = nal[0] & 31 if nal else 0
        if kind in (0, _AUD) or kind >= _FIRST_RESERVED:
            continue
        grows_bytes = 2 + len(nal)
        if group and (kind not in _GROUPED or group_bytes + grows_bytes > most_bytes):
            runs.append([_aggregate(group)])
            group, group_bytes = [], 1
        if kind in _GROUPED and 1 + grows_bytes <= most_bytes:
            group.append(nal)
            group_bytes += grows_bytes
        else:
            runs.append([nal] if len(nal) <= most_bytes else _split(nal, most_bytes))
    if group:
        runs.append([_aggregate(group)])
    return runs


def _aggregate(nals: list[bytes]) -> bytes:
    """Return a STAP-A; one NAL unit alone stays as it is (RFC 6184 §5.7.1)."""
    if len(nals) == 1:
        return nals[0]
    forbidden = max(nal[0] & 0x80 for nal in nals)
    importance = max(nal[0] & 0x60 for nal in nals)
    parts = [bytes((forbidden | importance | STAP_A,))]
    for nal in nals:
        parts.append(len(nal).to_bytes(2, "big"))
        parts.append(nal)
    return b"".join(parts)


def _split(nal: bytes, most_bytes: int) -> list[bytes]:
    """Return FU-A payloads of equal size, the last up to count - 1 bytes shorter (§5.8)."""
    body_bytes = len(nal) - 1
    count = -(-body_bytes // (most_bytes - 2))
    size_bytes = -(-body_bytes // count)
    indicator = nal[0] & 0xE0 | FU_A
    kind = nal[0] & 31
    middle = bytes((indicator, kind))
    payloads = [middle + nal[at : at + size_bytes] for at in range(1, len(nal), size_bytes)]
    payloads[0] = bytes((indicator, 0x80 | kind)) + payloads[0][2:]
    payloads[-1] = bytes((indicator, 0x40 | kind)) + payloads[-1][2:]
    return payloads


def fragment_h265(nals: Sequence[bytes], most_bytes: int = 1188) -> list[list[bytes]]:
    """Return runs of payloads, as `fragment` does.

    Parameter sets and SEI that follow each other share an AP, larger NAL units become FU fragments
    balanced in size. Access unit delimiters are dropped, so are types that only exist as payload
    structures. `most_bytes` must be at least 16.
    """
    runs: list[list[bytes]] = []
    group: list[bytes] = []
    group_bytes = 2
    for nal in nals:
        kind = nal[0] >> 1 & 63 if len(nal) > 2 else h265.AUD  # noqa: PLR2004 - its header
        if kind == h265.AUD or kind >= h265.AP:
            continue
        grows_bytes = 2 + len(nal)
        if group and (kind not in _GROUPED_H265 or group_bytes + grows_bytes > most_bytes):
            runs.append([_aggregate_h265(group)])
            group, group_bytes = [], 2
        if kind in _GROUPED_H265 and 2 + grows_bytes <= most_bytes:
            group.append(nal)
            group_bytes += grows_bytes
        else:
            runs.append([nal] if len(nal) <= most_bytes else _split_h265(nal, most_bytes))
    if group:
        runs.append([_aggregate_h265(group)])
    return runs


def _aggregate_h265(nals: list[bytes]) -> bytes:
    """Return an AP; one NAL unit alone stays as it is (RFC 7798 §4.4.2)."""
    if len(nals) == 1:
        return nals[0]
    head = bytes((h265.AP << 1, min(nal[1] for nal in nals)))
    return head + b"".join(len(nal).to_bytes(2, "big") + nal for nal in nals)


def _split_h265(nal: bytes, most_bytes: int) -> list[bytes]:
    """Return FU payloads of equal size, the last one a little shorter (RFC 7798 §4.4.3)."""
    kind = nal[0] >> 1 & 63
    head = bytes((nal[0] & 0x81 | h265.FU << 1, nal[1]))
    body_bytes = len(nal) - 2
    count = -(-body_bytes // (most_bytes - 3))
    size_bytes = -(-body_bytes // count)
    middle = head + bytes((kind,))
    payloads = [middle + nal[at : at + size_bytes] for at in range(2, len(nal), size_bytes)]
    payloads[0] = head + bytes((0x80 | kind,)) + payloads[0][3:]
    payloads[-1] = head + bytes((0x40 | kind,)) + payloads[-1][3:]
    return payloads


def fragment_jpeg(data: bytes, most_bytes: int = 1400) -> list[bytes]:
    """Return the payloads of a baseline JFIF file, its quantisation tables in the first one.

    Beyond 2040 pixels the size is left out, the SDP must tell it. WireError for a file with
    sampling other than 4:2:0 and 4:2:2 or with Huffman tables of its own. `most_bytes` must be
    at least 300.
    """
    file = jfif.parse(data)
    kind = _jpeg_type(file)
    blocks = [-(-size_px // 8) for size_px in file.frame.size_px]
    width, height = blocks if max(blocks) <= _MOST_BLOCKS else (0, 0)
    restart = file.restart.to_bytes(2, "big") + _WHOLE_PICTURE if file.restart else b""
    tables = [file.tables[one.table] for one in file.frame.components[:2]]
    wide = sum(1 << at for at, table in enumerate(tables) if len(table) > jfif.TABLE_ENTRIES)
    content = b"".join(tables)
    extra = bytes((0, wide)) + len(content).to_bytes(2, "big") + content
    found = []
    at = 0
    while at < len(file.scan):
        head = jpeg.MAIN.pack(at, kind, jpeg.CHANGING_Q, width, height) + restart + extra
        extra = b""
        body = file.scan[at : at + most_bytes - len(head)]
        found.append(head + body)
        at += len(body)
    return found


def _jpeg_type(file: jfif.File) -> int:
    """Return the type of RFC 2435 §4.1; WireError if there is none."""
    components = file.frame.components
    sampling = [one.sampling for one in components]
    kinds = [kind for kind, luminance in jpeg.SAMPLING.items() if sampling == [luminance, 17, 17]]
    if not kinds or any(one.table not in file.tables for one in components):
        raise WireError("JPEG that RTP cannot carry: neither 4:2:0 nor 4:2:2")
    if any(table not in jfif.HUFFMAN for table in file.huffman.values()):
        raise WireError("JPEG that RTP cannot carry: Huffman tables of its own")
    return kinds[0] + (jpeg.RESTART_TYPE if file.restart else 0)


def fragment_metadata(data: bytes, most_bytes: int = 1400) -> list[bytes]:
    """Return the payloads of one metadata document; the last one gets the marker bit."""
    return [data[at : at + most_bytes] for at in range(0, len(data), most_bytes)]
