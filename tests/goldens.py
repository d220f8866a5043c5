# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Golden messages and streams: each is at once a test, a fuzz seed and material for benchmarks.

Named after the camera and what it said; `x264-*` are coded pictures in Annex B, `*.rtp` are RTP
packets.
"""

from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def golden(name):
    """Return the bytes of a golden file."""
    return (FOLDER / name).read_bytes()


def pictures(name):
    """Return the NAL units of each picture of an Annex B golden, in order."""
    nals = golden(name).replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]
    units = [[]]
    has_slice = False
    for nal in nals:
        is_slice = nal[0] & 31 in (1, 5)
        if has_slice and (not is_slice or nal[1] & 0x80):
            units.append([])
            has_slice = False
        units[-1].append(nal)
        has_slice |= is_slice
    return [tuple(unit) for unit in units]


def is_key(nals):
    """Say whether a picture is an IDR picture."""
    return any(nal[0] & 31 == 5 for nal in nals)


def packets(name):
    """Return the RTP packets of a golden in which each has its length before it (RFC 4571)."""
    data, at, found = golden(name), 0, []
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        found.append(data[at + 2 : end])
        at = end
    return found
