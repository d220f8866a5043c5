# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Datagrams over a TCP connection, as ICE-TCP carries them (RFC 6544 §3: RFC 4571 framing)."""

from collections.abc import Sequence

from gateway.model.errors import WireError

MOST_BYTES = 2048
"""A frame from outside: STUN, DTLS and RTCP keep below the path's MTU."""
_HEAD_BYTES = 2


class FrameSplitter:
    """Cuts a stream into its frames; holds at most one unfinished frame."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def receive(self, data: bytes) -> list[bytes]:
        """Return the frames that `data` completes; WireError if one is larger than allowed."""
        self._rest += data
        frames: list[bytes] = []
        at = 0
        while len(self._rest) >= at + _HEAD_BYTES:
            size = int.from_bytes(self._rest[at : at + _HEAD_BYTES], "big")
            if size > MOST_BYTES:
                raise WireError(f"frame of {size} bytes on a TCP connection")
            end = at + _HEAD_BYTES + size
            if len(self._rest) < end:
                break
            frames.append(bytes(self._rest[at + _HEAD_BYTES : end]))
            at = end
        del self._rest[:at]
        return frames


def framed(buffers: Sequence[bytes], pieces: int) -> bytes:
    """Return datagrams of `pieces` buffers each as frames; none may pass 65,535 bytes."""
    parts: list[bytes] = []
    for at in range(0, len(buffers), pieces):
        datagram = buffers[at : at + pieces]
        parts.append(sum(map(len, datagram)).to_bytes(_HEAD_BYTES, "big"))
        parts += datagram
    return b"".join(parts)
