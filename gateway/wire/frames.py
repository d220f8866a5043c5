# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Length-prefixed frames between our own processes: gateway and media, gateway and children.

A frame is: length of what follows (u32, big-endian), kind (u8), payload. What a kind means is
its protocol's business.
"""

import struct
from dataclasses import dataclass

from gateway.model.errors import WireError

_HEAD = struct.Struct("!IB")
MOST_BYTES = 64 << 20
"""Larger than any picture, clip or kept GOP that we send."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message."""

    kind: int
    payload: bytes


def send(frame: Frame) -> bytes:
    """Return the bytes of a frame; InvariantError is not raised, the receiver refuses."""
    return _HEAD.pack(len(frame.payload) + 1, frame.kind) + frame.payload


class FrameReceiver:
    """Cuts a byte stream into frames; bounded memory."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._buffer = bytearray()
        self._most_bytes = most_bytes

    def receive(self, data: bytes) -> list[Frame]:
        """Return the frames that `data` completes; WireError for an impossible length."""
        self._buffer += data
        frames: list[Frame] = []
        at = 0
        while len(self._buffer) - at >= _HEAD.size:
            length, kind = _HEAD.unpack_from(self._buffer, at)
            if not 1 <= length <= self._most_bytes:
                raise WireError(f"frame of {length} bytes (1..{self._most_bytes} allowed)")
            end = at + 4 + length
            if len(self._buffer) < end:
                break
            frames.append(Frame(kind, bytes(self._buffer[at + _HEAD.size : end])))
            at = end
        del self._buffer[:at]
        return frames
