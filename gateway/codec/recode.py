# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Ask a child to code a live stream anew: masks burned in, another codec, a line of text.

One child serves one stream (`Pool.take`) and remembers it from request to request: decoder, encoder
and rasters. Each request carries everything else, so that a new child goes on after a lost one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.codec.protocol import Cursor, Kind, Pen, Polygon
from gateway.model.errors import WireError
from gateway.model.media import AccessUnit, Codec
from gateway.wire import units as wire_units

TIMEOUT_S: Final = 10.0
MOST_MARK_CHARS: Final = 80
GOP_90K: Final = 90_000
"""A viewer waits for a key picture no longer than this; the encoder begins one a little earlier."""
NEVER: Final = -(1 << 63)
"""Before every picture."""
_UNBEGUN: Final = "not begun"


class RecodeCaller(Protocol):
    """A child that one stream has for itself."""

    async def call(self, kind: int, payload: bytes, *, timeout_s: float) -> bytes:
        """Have the child answer one request."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """What the coded stream looks like; the same for its whole life."""

    masks: tuple[Polygon, ...] = ()
    mark: str = ""
    """Written into each picture with its time; empty: nothing is written."""
    most_height_px: int = 1080
    """A larger picture is made smaller; its shape stays."""


@dataclass(frozen=True, slots=True)
class RecodeRequest:
    """What the child is told; pictures are decoded all, shown as far as there is time."""

    look: Look
    is_fresh: bool
    """Nothing before joins these units, the first of which is a key unit."""
    after_90k: int
    """Pictures up to this time are decoded only."""
    every: int
    """Of the others each so-manieth is shown; 1: all."""
    units: Sequence[AccessUnit]

    def pack(self) -> bytes:
        """Return the request as bytes."""
        look = self.look
        pen = Pen().polygons(look.masks).text(look.mark).fields("H", look.most_height_px)
        pen.fields("BqB", self.is_fresh, self.after_90k, self.every)
        return pen.rest(wire_units.pack_many(list(self.units))).bytes()

    @classmethod
    def unpack(cls, data: bytes) -> "RecodeRequest":
        """Return what `pack` wrote; WireError for anything else."""
        cursor = Cursor(data)
        masks = tuple(tuple(one) for one in cursor.polygons())
        look = Look(masks, cursor.text()[:MOST_MARK_CHARS], cursor.whole("H"))
        is_fresh, after_90k, every = (cursor.whole(form) for form in "BqB")
        units = wire_units.unpack_many(cursor.rest())
        return cls(look, bool(is_fresh), after_90k, max(1, every), units)


@dataclass(frozen=True, slots=True)
class Recoded:
    """What the child answers."""

    units: Sequence[AccessUnit]
    """H.264, in the order of presentation, each with the times of the picture it was made of."""
    errors: int
    """Units that its decoder refused since the stream began."""

    def pack(self) -> bytes:
        """Return the answer as bytes; never none."""
        return Pen().fields("I", self.errors).rest(wire_units.pack_many(list(self.units))).bytes()

    @classmethod
    def unpack(cls, data: bytes) -> "Recoded":
        """Return what `pack` wrote; WireError for anything else, also for another codec."""
        cursor = Cursor(data)
        errors = cursor.whole("I")
        units = wire_units.unpack_many(cursor.rest())
        if any(unit.codec is not Codec.H264 or not unit.nals for unit in units):
            raise WireError("a child answered something that is not H.264")
        return cls(units, errors)


async def recode(child: RecodeCaller, request: RecodeRequest) -> Recoded:
    """Return what the units become.

    WireError if nothing can be made of them, or the child does not know the stream any more (then
    begin anew with a key unit); PeerError if the child is gone or too slow.
    """
    answer = await child.call(Kind.RECODE, request.pack(), timeout_s=TIMEOUT_S)
    return Recoded.unpack(answer)
