# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Bit by bit through the headers of H.264 and H.265 (ITU-T H.264 §7.2, §9.1)."""

from gateway.model.errors import WireError

_MOST_GOLOMB_ZEROS = 32
"""ue(v) stays below 2^32 (H.264 §9.1)."""


class BitReader:
    """Reads a raw byte sequence payload; WireError beyond its end."""

    def __init__(self, payload: bytes) -> None:
        """`payload`: a NAL unit without its header; emulation prevention is removed here."""
        raw = unescape(payload)
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
