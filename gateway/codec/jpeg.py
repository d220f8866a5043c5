# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Ask a child for a still picture: masks burned in, JPEG."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.codec.protocol import Cursor, Kind, Pen, Polygon
from gateway.model.alarm import Box
from gateway.model.errors import WireError
from gateway.model.media import AccessUnit
from gateway.model.registry import Mask
from gateway.wire import units as wire_units

TIMEOUT_S = 10.0
MOST_BOXES = 32
_START = b"\xff\xd8\xff"


class Caller(Protocol):
    """The part of a pool that is needed here."""

    async def call(self, affinity: str, kind: int, payload: bytes, *, timeout_s: float) -> bytes:
        """Have a child answer one request."""
        ...


@dataclass(frozen=True, slots=True)
class StillRequest:
    """What the child is told; the last picture of `units` is wanted."""

    masks: Sequence[Polygon]
    width_px: int
    """Largest width of the JPEG; a smaller picture is not enlarged."""
    units: Sequence[AccessUnit]
    boxes: Sequence[Box] = ()
    """Drawn around what decided, outside of the masks only; at most MOST_BOXES."""

    def pack(self) -> bytes:
        """Return the request as bytes."""
        boxes = self.boxes[:MOST_BOXES]
        pen = Pen().polygons(self.masks).fields("HB", self.width_px, len(boxes))
        for box in boxes:
            pen.fields("4f", box.left, box.top, box.right, box.bottom)
        return pen.rest(wire_units.pack_many(list(self.units))).bytes()

    @classmethod
    def unpack(cls, data: bytes) -> "StillRequest":
        """Return what `pack` wrote; WireError for anything else."""
        cursor = Cursor(data)
        masks, width_px = cursor.polygons(), cursor.whole("H")
        boxes = [_box(cursor) for _ in range(cursor.count("B", MOST_BOXES, "boxes"))]
        return cls(masks, width_px, wire_units.unpack_many(cursor.rest()), boxes)


def _box(cursor: Cursor) -> Box:
    box = Box(*cursor.fields("4f"))
    if not (0.0 <= box.left < box.right <= 1.0 and 0.0 <= box.top < box.bottom <= 1.0):
        raise WireError(f"impossible box {box.left}, {box.top}, {box.right}, {box.bottom}")
    return box


async def still(
    pool: Caller,
    units: Sequence[AccessUnit],
    masks: Sequence[Mask],
    *,
    width_px: int = 1280,
    boxes: Sequence[Box] = (),
) -> bytes:
    """Return a JPEG of the last picture of the units, which begin with a key unit, boxes drawn.

    Raises WireError if nothing can be decoded or a mask cannot be applied (then no picture at
    all is made), PeerError if the child is gone or too slow.
    """
    request = StillRequest([mask.polygon for mask in masks], width_px, units, boxes)
    answer = await pool.call("", Kind.STILL, request.pack(), timeout_s=TIMEOUT_S)
    if not answer.startswith(_START):
        raise WireError("a child answered something that is not a JPEG")
    return answer
