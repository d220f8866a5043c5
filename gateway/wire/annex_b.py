# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Byte streams with start codes (ITU-T H.264 Annex B); the inverse of `AccessUnit.coded`."""

_START_CODE = b"\0\0\1"


def split_annex_b(data: bytes) -> list[bytes]:
    """Return the NAL units, without start codes and the zeros that may stand before them."""
    nals: list[bytes] = []
    at = data.find(_START_CODE)
    while at >= 0:
        following = data.find(_START_CODE, at + 3)
        nal = data[at + 3 : following if following >= 0 else len(data)].rstrip(b"\0")
        if nal:
            nals.append(nal)
        at = following
    return nals
