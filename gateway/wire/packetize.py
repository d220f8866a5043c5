# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From the NAL units of one picture to RTP payloads (RFC 6184), in runs of equal size.

Equal sizes let the relay hand a whole run to the kernel in one call (UDP_SEGMENT wants every
segment but the last to be as long as the first).
"""

from collections.abc import Sequence

FU_A = 28
STAP_A = 24
_AUD = 9
_GROUPED = frozenset((6, 7, 8, 13, 15))
"""SEI and parameter sets: small, and needed before the slices."""
_FIRST_RESERVED = 24
"""From here on a type octet means a payload structure, not a NAL unit (RFC 6184 §5.2)."""


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
