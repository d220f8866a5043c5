# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the gateway and a child say to each other: kinds of frames and the bytes of their fields.

A child is trusted with pictures and with nothing else: whatever it answers is read with the same
care as bytes from a camera. This module is light on purpose; the gateway process imports it and
never loads av, cv2 or numpy.
"""

import math
import struct
from collections.abc import Sequence
from enum import IntEnum

from gateway.model.errors import WireError
from gateway.model.registry import Point

Polygon = Sequence[Point]
"""Corners in fractions of the picture, at least three."""

MOST_CORNERS = 64
MOST_POLYGONS = 64


class Kind(IntEnum):
    """Kinds of frames; requests below 128, what a child answers from 128 on."""

    LOOK = 1
    """Coded units of one camera in, what moves in them out."""
    STILL = 2
    """Coded units in, JPEG of the last picture out."""
    CLIP = 3
    """Coded units in, fragmented MP4 out."""
    RECODE = 4
    """Coded units of one live stream in, the same coded anew out."""
    PLATES = 5
    """Coded units of one gate in, the passages that are over out; only in children of gates."""
    PLATE_PICTURE = 6
    """The best picture of a passage that was just told, masks and other plates covered."""
    DETECT = 7
    """A small JPEG in, boxes with names out; only in children with a net of the user's own."""
    READY = 128
    """Sent once, after the sandbox has closed."""
    REFUSED = 129
    """Instead of READY: why the child will not serve (text)."""
    DONE = 130
    """The answer."""
    FAILED = 131
    """The request's bytes were of no use (text); the child goes on."""


class Pen:
    """Writes fields one after the other."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def fields(self, form: str, *values: float) -> "Pen":
        """Add values in a `struct` form, network order."""
        self._parts.append(struct.pack("!" + form, *values))
        return self

    def text(self, text: str) -> "Pen":
        """Add UTF-8 text of at most 65535 bytes."""
        data = text.encode()
        return self.fields("H", len(data)).rest(data)

    def polygon(self, polygon: Polygon) -> "Pen":
        """Add a polygon; the reader refuses an impossible one."""
        self.fields("H", len(polygon))
        for x, y in polygon:
            self.fields("ff", x, y)
        return self

    def polygons(self, polygons: Sequence[Polygon]) -> "Pen":
        """Add several polygons."""
        self.fields("H", len(polygons))
        for polygon in polygons:
            self.polygon(polygon)
        return self

    def rest(self, data: bytes) -> "Pen":
        """Add bytes as they are; the reader takes them with `rest`."""
        self._parts.append(data)
        return self

    def bytes(self) -> bytes:
        """Return everything written so far."""
        return b"".join(self._parts)


class Cursor:
    """Reads what `Pen` wrote; WireError for anything else."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def fields(self, form: str) -> tuple[float, ...]:
        """Return values in a `struct` form; floats are finite."""
        try:
            values: tuple[float, ...] = struct.unpack_from("!" + form, self._data, self._at)
        except struct.error as error:
            raise WireError(f"message cut short at byte {self._at}: {error}") from error
        if not all(map(math.isfinite, values)):
            raise WireError(f"not a finite number at byte {self._at}")
        self._at += struct.calcsize("!" + form)
        return values

    def whole(self, form: str) -> int:
        """Return one integer."""
        return int(self.fields(form)[0])

    def count(self, form: str, most: int, what: str) -> int:
        """Return a count that must not exceed `most`."""
        number = self.whole(form)
        if number > most:
            raise WireError(f"{number} {what}, at most {most}")
        return number

    def text(self) -> str:
        """Return a text."""
        length = self.whole("H")
        data = self._data[self._at : self._at + length]
        if len(data) != length:
            raise WireError(f"text cut short at byte {self._at}")
        self._at += length
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise WireError(f"text is not UTF-8: {error}") from error

    def polygon(self) -> list[Point]:
        """Return a polygon of at least three corners inside 0..1."""
        corners = self.count("H", MOST_CORNERS, "corners")
        if corners < 3:  # noqa: PLR2004 - the smallest polygon
            raise WireError(f"polygon of {corners} corners, at least 3")
        values = self.fields(f"{2 * corners}f")
        if not all(0.0 <= value <= 1.0 for value in values):
            raise WireError("polygon leaves the picture (0..1)")
        return list(zip(values[::2], values[1::2], strict=True))

    def polygons(self) -> list[list[Point]]:
        """Return several polygons."""
        return [self.polygon() for _ in range(self.count("H", MOST_POLYGONS, "polygons"))]

    def rest(self) -> bytes:
        """Return everything not yet read."""
        data = self._data[self._at :]
        self._at = len(self._data)
        return data

    def end(self) -> None:
        """Raise WireError if something is left over."""
        if self._at != len(self._data):
            raise WireError(f"{len(self._data) - self._at} bytes too many")
