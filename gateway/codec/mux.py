# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Ask a child for a clip: fragmented MP4, coded anew only if there are masks to burn in."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.codec.jpeg import Caller
from gateway.codec.protocol import Cursor, Kind, Pen, Polygon
from gateway.model.errors import WireError
from gateway.model.media import AccessUnit
from gateway.model.registry import Mask
from gateway.wire import units as wire_units

TIMEOUT_S = 60.0
_BRAND = b"ftyp"


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """What the child is told."""

    masks: Sequence[Polygon]
    units: Sequence[AccessUnit]

    def pack(self) -> bytes:
        """Return the request as bytes."""
        pen = Pen().polygons(self.masks)
        return pen.rest(wire_units.pack_many(list(self.units))).bytes()

    @classmethod
    def unpack(cls, data: bytes) -> "ClipRequest":
        """Return what `pack` wrote; WireError for anything else."""
        cursor = Cursor(data)
        masks = cursor.polygons()
        return cls(masks, wire_units.unpack_many(cursor.rest()))


async def clip(pool: Caller, units: Sequence[AccessUnit], masks: Sequence[Mask]) -> bytes:
    """Return an MP4 of the units; without masks the camera's own bytes, else coded anew.

    What comes before the first key unit is left out. Raises WireError if no player could start
    or a mask cannot be applied, PeerError if the child is gone or too slow.
    """
    request = ClipRequest([mask.polygon for mask in masks], units)
    answer = await pool.call("", Kind.CLIP, request.pack(), timeout_s=TIMEOUT_S)
    if answer[4:8] != _BRAND:
        raise WireError("a child answered something that is not an MP4")
    return answer
