# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Identifiers: UUIDv7 from a given time and given randomness, and the form of registry ids."""

import re
import uuid

ID_FORM = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?\Z")
"""Ids of registry entities: DNS-label-like, so that they fit topics, URLs and file names."""


def uuid7(utc_us: int, randomness: bytes) -> str:
    """Return a UUIDv7 (RFC 9562 §5.7) for a time in microseconds and at least ten random bytes."""
    value = (utc_us // 1000 & (1 << 48) - 1) << 80 | int.from_bytes(randomness[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))
