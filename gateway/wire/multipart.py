# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Motion JPEG over HTTP: `multipart/x-mixed-replace` (RFC 2046 §5.1) as cameras really send it.

Bytes in, whole JPEG files out, in bounded memory. What is found wrong is skipped and counted; the
stream goes on at the next boundary.
"""

import re

from gateway.model.errors import WireError
from gateway.wire.sdp import printable

MOST_PART_BYTES = 8 << 20
"""An 8K picture at high quality has about 6 MB."""
MOST_LINE_BYTES = 8 << 10
"""The usual limit of HTTP servers for a header line."""
MOST_PADDING_BYTES = 4096
"""Some fill up to the next page."""
_BEGIN = b"\xff\xd8"
_END = b"\xff\xd9"
_DASHES = b"--"
_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)

QUIRKS = {
    "boundary-with-dashes": "the boundary parameter may begin with the two dashes already",
    "first-boundary-missing": "the first part may begin with its headers, without a boundary",
    "part-without-length": "a part without Content-Length ends at the next boundary",
    "line-end-missing": "the boundary may follow the picture without a line end",
    "blank-line-missing": "the picture may follow its headers without an empty line",
    "boundary-unnamed": "without a boundary parameter, the first line with two dashes is it",
}
"""What is tolerated, by name; each has a recorded stream, `tests/golden/quirk-*.multipart`."""


def boundary_of(content_type: str) -> str | None:
    """Return the boundary without its dashes, empty if none is named; None if no multipart."""
    kind, _, parameters = content_type.partition(";")
    if not kind.strip().lower().startswith("multipart/"):
        return None
    found = re.search(
        r'boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;"]{1,200}))', parameters, re.IGNORECASE
    )
    return (found[1] or found[2]).strip().lstrip("-") if found else ""


class MultipartReceiver:
    """Cuts a body into JPEG files."""

    def __init__(self, boundary: str) -> None:
        """`boundary`: without leading dashes; empty: told by the stream itself."""
        self.parts = 0
        """Pictures."""
        self.lost = 0
        """Parts that were no picture."""
        self.problem = ""
        """What was wrong last, one line."""
        self._buffer = bytearray()
        self._at = 0
        """What lies before was read; thrown away once per `receive`, not once per part."""
        self._pattern = _pattern(boundary.encode("latin-1", "replace")) if boundary else None
        self._in_body = False
        self._has_begun = False
        """A boundary or a header of the part that is being read was seen."""
        self._length: int | None = None
        self._scanned = 0
        """How much of the body holds no boundary."""
        self._kind = ""

    def receive(self, data: bytes) -> list[bytes]:
        """Return the pictures that `data` completes; WireError if a part is too large."""
        self._buffer += data
        pictures = self._cut()
        del self._buffer[: self._at]
        self._at = 0
        return pictures

    def _cut(self) -> list[bytes]:
        """Return the pictures that are complete."""
        pictures: list[bytes] = []
        while True:
            if not self._in_body:
                self._in_body = self._read_head()
                if not self._in_body:
                    return pictures
            part = self._read_body()
            if part is None:
                return pictures
            self._in_body, self._has_begun = False, False
            picture = _picture_in(part)
            if picture:
                self.parts += 1
                pictures.append(picture)
            else:
                self.lost += 1
                kind = printable(self._kind, 40) or "no type"
                self.problem = f"part of {len(part)} bytes ({kind}) is no whole JPEG"

    def _read_head(self) -> bool:
        """Consume lines up to a body; return whether one begins."""
        buffer, at = self._buffer, self._at
        while True:
            if self._has_begun and buffer.startswith(_BEGIN, at):
                break
            end = buffer.find(b"\n", at)
            if end < 0:
                if len(buffer) - at > MOST_LINE_BYTES:
                    at = len(buffer)
                self._at = at
                return False
            line = bytes(buffer[at : min(end, at + MOST_LINE_BYTES)]).strip()
            at = end + 1
            if line:
                self._take_line(line)
            elif self._has_begun:
                break
        self._at = at
        self._scanned = 0
        return True

    def _take_line(self, line: bytes) -> None:
        """Take a boundary or a header; anything else between parts means nothing."""
        name, _, value = line.partition(b":")
        name = name.strip().lower()
        if line.startswith(_DASHES):
            self._has_begun, self._length, self._kind = True, None, ""
            if self._pattern is None and line.strip(b"-"):
                self._pattern = _pattern(line.lstrip(b"-"))
        elif name == b"content-length" and re.fullmatch(rb"[0-9]{1,9}", value.strip()):
            self._has_begun, self._length = True, int(value)
        elif name == b"content-type":
            self._has_begun, self._kind = True, value.strip().decode("latin-1")

    def _read_body(self) -> bytes | None:
        """Return the part, or None while it is incomplete."""
        buffer, at = self._buffer, self._at
        if self._length:
            if self._length > MOST_PART_BYTES:
                raise WireError(f"part of {self._length} bytes (at most {MOST_PART_BYTES})")
            if len(buffer) - at < self._length:
                return None
            self._at += self._length
            return bytes(buffer[at : self._at])
        if self._pattern is None:
            raise WireError("parts with neither a boundary nor a length")
        found = self._pattern.search(buffer, at + self._scanned)
        if found is None:
            if len(buffer) - at > MOST_PART_BYTES:
                raise WireError(f"no boundary within {MOST_PART_BYTES} bytes")
            self._scanned = max(0, len(buffer) - at - 512)
            return None
        self._at = found.start("dashes")
        return bytes(buffer[at : self._at])


def _pattern(boundary: bytes) -> re.Pattern[bytes]:
    """Return what ends a part: a boundary at the begin of a line, or right after a picture."""
    return re.compile(rb"(?:\n|\xff\xd9)(?P<dashes>-{2,4}" + re.escape(boundary[:200]) + rb")")


def _picture_in(part: bytes) -> bytes:
    """Return a whole JPEG file without what stands behind its end marker; nothing if it is none."""
    if not part.startswith(_BEGIN):
        return b""
    end = part.rfind(_END, max(0, len(part) - MOST_PADDING_BYTES))
    return part[: end + 2] if end >= 0 else b""
