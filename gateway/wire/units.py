# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Access units as bytes, for the pipes between our own processes."""

import struct

from gateway.model.errors import WireError
from gateway.model.media import AccessUnit, Codec
from gateway.model.time import ClockQuality, Moment

_HEAD = struct.Struct("!qBBdqdqBH")
_CODECS = tuple(Codec)
_QUALITIES = tuple(ClockQuality)


def pack(unit: AccessUnit) -> bytes:
    """Return one unit as bytes; `unpack` is its inverse."""
    head = _HEAD.pack(
        unit.pts_90k,
        unit.is_key,
        _CODECS.index(unit.codec),
        unit.captured.monotonic_s,
        unit.captured.utc_us,
        unit.received.monotonic_s,
        unit.received.utc_us,
        _QUALITIES.index(unit.received.quality),
        len(unit.nals),
    )
    lengths = struct.pack(f"!{len(unit.nals)}I", *map(len, unit.nals))
    return b"".join((head, lengths, *unit.nals))


def unpack(data: bytes) -> AccessUnit:
    """Return the unit that `pack` wrote; WireError for anything else."""
    try:
        pts, key, codec, mono, utc, mono_r, utc_r, quality, count = _HEAD.unpack_from(data)
        lengths = struct.unpack_from(f"!{count}I", data, _HEAD.size)
        kind = _QUALITIES[quality]
        known_codec = _CODECS[codec]
    except (struct.error, IndexError) as error:
        raise WireError(f"not a packed unit: {error}") from error
    at = _HEAD.size + 4 * count
    if at + sum(lengths) != len(data):
        raise WireError(f"packed unit of {len(data)} bytes, {at + sum(lengths)} announced")
    nals = []
    for length in lengths:
        nals.append(data[at : at + length])
        at += length
    return AccessUnit(
        pts,
        bool(key),
        tuple(nals),
        Moment(mono, utc, kind),
        Moment(mono_r, utc_r, kind),
        known_codec,
    )


def pack_many(units: list[AccessUnit] | tuple[AccessUnit, ...]) -> bytes:
    """Return several units as bytes; `unpack_many` is its inverse."""
    packed = [pack(unit) for unit in units]
    return b"".join(struct.pack("!I", len(one)) + one for one in packed)


def unpack_many(data: bytes) -> list[AccessUnit]:
    """Return the units that `pack_many` wrote; WireError for anything else."""
    units: list[AccessUnit] = []
    at = 0
    while at < len(data):
        if at + 4 > len(data):
            raise WireError("packed units cut short")
        (length,) = struct.unpack_from("!I", data, at)
        units.append(unpack(data[at + 4 : at + 4 + length]))
        at += 4 + length
    return units
