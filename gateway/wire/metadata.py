# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A camera's own observations: RTP packets to XML documents (ONVIF Streaming §5.1.2.1.1).

What a document says is read elsewhere; here it is only joined, and unpacked if it is gzip.
"""

import re
import zlib
from dataclasses import dataclass

from typing_extensions import override

from gateway.wire.sdp import MetadataTrack
from gateway.wire.stream import RtpStream

MOST_BYTES = 1 << 20
"""A frame with a hundred objects stays below 100 KiB; unpacked documents share this bound."""
_GZIP_WINDOW = 31
"""zlib's window for gzip with its header."""
_GZIP = b"\x1f\x8b\x08"
_XML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s{0,16}<(?:\?xml|(?:[A-Za-z_][\w.-]{0,63}:)?MetadataStream[\s>/])"
)


@dataclass(frozen=True, slots=True)
class Document:
    """One XML document, unread."""

    data: bytes
    timestamp: int
    """RTP timestamp in the track's clock."""


class MetadataDepacketizer(RtpStream):
    """Joins the packets of a metadata track to documents; never raises, counts what is wrong.

    The marker bit ends a document, and so does a new timestamp where another one begins. A loss
    costs the document that it hits; one whose beginning was missed at the start does not count.
    """

    def __init__(self, track: MetadataTrack) -> None:
        super().__init__(track.payload_type)
        self.documents = 0
        self.damaged_documents = 0
        self._gzip = track.gzip
        self._timestamp = -1
        self._data = bytearray()
        self._broken = False
        self._joins = True
        self._done: list[Document] = []

    def receive(self, packet: bytes | memoryview) -> list[Document]:
        """Take one RTP packet, return the document that it completes, if any.

        `packet` may be a view of a buffer that is used again afterwards.
        """
        self._receive(packet)
        if not self._done:
            return []
        done, self._done = self._done, []
        return done

    @override
    def _accept(
        self, packet: bytes | memoryview, payload: bytes, timestamp: int, marker: bool
    ) -> None:
        if self._joins:
            self._joins = not marker and not _begins(payload)
            if not _begins(payload):
                return
        if (self._broken or timestamp != self._timestamp) and _begins(payload):
            self._end()
        self._timestamp = timestamp
        if not self._broken:
            self._data += payload
            if len(self._data) > MOST_BYTES:
                self._damage(f"metadata document larger than {MOST_BYTES} bytes")
        if marker:
            self._end()

    def _end(self) -> None:
        """Emit the document, or count why not."""
        data = b"" if self._broken else bytes(self._data)
        if data and (self._gzip or data.startswith(_GZIP)):
            data = self._unpack(data)
        if data.strip():
            self.documents += 1
            self._done.append(Document(data, self._timestamp))
        self.damaged_documents += self._broken
        self._data = bytearray()
        self._broken = False

    def _unpack(self, data: bytes) -> bytes:
        unpacker = zlib.decompressobj(_GZIP_WINDOW)
        try:
            plain = unpacker.decompress(data, MOST_BYTES)
        except zlib.error as error:
            self._damage(f"metadata is no gzip: {error}")
            return b""
        if unpacker.unconsumed_tail or not unpacker.eof:
            self._damage(f"metadata cut short or larger than {MOST_BYTES} bytes unpacked")
            return b""
        return plain

    @override
    def _begin(self) -> None:
        self._data = bytearray()
        self._broken = False
        self._joins = True

    @override
    def _lose(self, problem: str) -> None:
        self._damage(problem)

    @override
    def _damage(self, problem: str) -> None:
        self.problem = problem
        self._data = bytearray()
        self._broken = True


def _begins(payload: bytes) -> bool:
    """Return whether this is the first packet of a document."""
    return payload.startswith(_GZIP) or _XML.match(payload) is not None
