# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A recorded file as coded units, for ever or once: `python -m gateway.codec.demux --fd N FILE`.

Runs in a child of its own, like everything that parses what others made. The file is mapped
before the cage closes (`codec.sandbox`); from then on the child has that memory and one socket.
"""

import argparse
import mmap
import os
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

import av
from av.bitstream import BitStreamFilterContext
from av.packet import Packet

from gateway.codec.decode import TIME_BASE
from gateway.codec.mp4 import write_mp4
from gateway.codec.sandbox import Cage, close_cage
from gateway.codec.warm_up import grey_units
from gateway.model.errors import ConfigError, WireError
from gateway.model.media import AccessUnit, Codec
from gateway.model.time import ClockQuality, Moment
from gateway.wire.annex_b import split_annex_b
from gateway.wire.frames import Frame, send
from gateway.wire.units import pack, unpack

FORMATS = "mov,mp4,matroska,webm,avi,h264,hevc,mpegts"
"""Containers that are read; no playlist, which would name other files."""
MOST_FILE_BYTES = 1 << 30
"""About 45 minutes at 3 Mbit/s; it is mapped as a whole."""
INTERVAL_90K = 3600
"""25 pictures a second, for streams that carry no times."""
EXIT_CONFIG = 78
_NAMES = {"h264": Codec.H264, "hevc": Codec.H265, "mjpeg": Codec.JPEG}
_FILTERS = {Codec.H264: "h264_mp4toannexb", Codec.H265: "hevc_mp4toannexb"}
_SETS = {Codec.H264: (7, 8), Codec.H265: (32, 33, 34)}
VideoPacket: TypeAlias = "Packet[av.VideoStream]"
_NOWHEN = Moment(0.0, 0, ClockQuality.EXERCISE)
_DUE = struct.Struct("!qHH")


class Word(IntEnum):
    """Kinds of frames from the child."""

    READY = 1
    """The cage is closed."""
    UNIT = 2
    """When it is due (1/90000 s since the begin), then the unit."""
    FAILED = 3
    """Why there is no more, in words."""
    ENDED = 4
    """The file is over."""


@dataclass(frozen=True, slots=True)
class Due:
    """A unit and when it is to be published."""

    due_90k: int
    """Since the first unit of the first pass, by decoding time; never falls."""
    unit: AccessUnit
    size_px: tuple[int, int] = (0, 0)


def pack_due(due: Due) -> bytes:
    """Return one unit as bytes; `unpack_due` is its inverse."""
    return _DUE.pack(due.due_90k, *due.size_px) + pack(due.unit)


def unpack_due(data: bytes) -> Due:
    """Return what `pack_due` wrote; WireError for anything else."""
    if len(data) < _DUE.size:
        raise WireError("not a packed unit: no time")
    due_90k, width_px, height_px = _DUE.unpack_from(data)
    return Due(due_90k, unpack(data[_DUE.size :]), (width_px, height_px))


def one_pass(file: BinaryIO) -> Iterator[Due]:
    """Yield the units of a file from its first key unit on, times from zero; WireError if none."""
    try:
        with av.open(file, "r", options={"format_whitelist": FORMATS}) as container:
            if not container.streams.video:
                raise WireError("no video in it")
            stream = container.streams.video[0]
            codec = _NAMES.get(stream.codec_context.name)
            if codec is None:
                known = ", ".join(one.value for one in Codec)
                raise WireError(f"video codec {stream.codec_context.name}, not one of {known}")
            found = stream.codec_context
            size_px = (min(found.width, 0xFFFF), min(found.height, 0xFFFF))
            for due in _timed(_filtered(container.demux(stream), stream, codec), codec):
                yield replace(due, size_px=size_px)
    except (av.FFmpegError, ValueError) as error:
        raise WireError(f"cannot be read: {error}") from error


def _filtered(
    packets: Iterator[VideoPacket], stream: av.VideoStream, codec: Codec
) -> Iterator[tuple[VideoPacket, bytes]]:
    """Yield packets with their content as start codes want it."""
    name = _FILTERS.get(codec)
    filter_ = BitStreamFilterContext(name, stream) if name else None
    for packet in packets:
        for one in [packet] if filter_ is None else filter_.filter(packet):
            if one.size:
                yield one, bytes(one)


def _timed(packets: Iterator[tuple[VideoPacket, bytes]], codec: Codec) -> Iterator[Due]:
    """Yield units with times from zero, each key unit with the parameter sets in force."""
    sets: dict[int, bytes] = {}
    origin: int | None = None
    due = -INTERVAL_90K
    for packet, data in packets:
        nals = (data,) if codec is Codec.JPEG else tuple(split_annex_b(data))
        is_key = packet.is_keyframe or codec is Codec.JPEG
        if codec is not Codec.JPEG:
            nals = _with_sets(nals, codec, sets, is_key=is_key)
        if not nals or (origin is None and not is_key):
            continue
        decoded = _time_of(packet.dts, packet)
        shown = _time_of(packet.pts, packet)
        decoded = shown if decoded is None else decoded
        if origin is None:
            origin = decoded or 0
        due = due + INTERVAL_90K if decoded is None else max(due, decoded - origin, 0)
        pts = due if shown is None else shown - origin
        yield Due(due, AccessUnit(pts, is_key, nals, _NOWHEN, _NOWHEN, codec))


def _time_of(ticks: int | None, packet: VideoPacket) -> int | None:
    base = packet.time_base
    return None if ticks is None or not base else round(ticks * base / TIME_BASE)


def _with_sets(
    nals: Sequence[bytes], codec: Codec, sets: dict[int, bytes], *, is_key: bool
) -> tuple[bytes, ...]:
    """Return a picture's NAL units, a key picture's with the parameter sets in front."""
    kinds = [nal[0] & 31 if codec is Codec.H264 else nal[0] >> 1 & 63 for nal in nals]
    sets.update({kind: nal for kind, nal in zip(kinds, nals, strict=True) if kind in _SETS[codec]})
    if not is_key:
        return tuple(nals)
    rest = [nal for kind, nal in zip(kinds, nals, strict=True) if kind not in _SETS[codec]]
    return (*(sets[kind] for kind in _SETS[codec] if kind in sets), *rest)


def for_ever(file: BinaryIO) -> Iterator[Due]:
    """Yield the units of a file again and again, times going on; WireError if there are none."""
    base = 0
    while True:
        file.seek(0)
        last, before = -INTERVAL_90K, -2 * INTERVAL_90K
        for due in one_pass(file):
            before, last = last, due.due_90k
            unit = due.unit
            unit = replace(unit, pts_90k=base + unit.pts_90k)
            yield replace(due, due_90k=base + last, unit=unit)
        if last < 0:
            raise WireError("no key picture in it")
        base += last + max(1, last - before)


def main(argv: Sequence[str]) -> int:
    """Send units to the inherited socket until it ends; return the exit status."""
    parser = argparse.ArgumentParser(prog="varco demux")
    parser.add_argument("--fd", type=int, required=True, help="inherited AF_UNIX stream socket")
    parser.add_argument("--once", action="store_true", help="one pass, then the end")
    parser.add_argument("file", type=Path)
    options = parser.parse_args(argv)
    channel = socket.socket(fileno=options.fd)
    try:
        file = mapped(options.file)
        warm_up()
        close_cage(Cage(), options.fd)
    except (ConfigError, WireError) as error:
        channel.sendall(send(Frame(Word.FAILED, str(error).encode())))
        return EXIT_CONFIG
    try:
        channel.sendall(send(Frame(Word.READY, b"")))
        for due in one_pass(file) if options.once else for_ever(file):
            channel.sendall(send(Frame(Word.UNIT, pack_due(due))))
        channel.sendall(send(Frame(Word.ENDED, b"")))
    except WireError as error:
        channel.sendall(send(Frame(Word.FAILED, str(error)[:500].encode())))
    except OSError:
        return 0  # nobody listens any more
    return 0


def mapped(path: Path) -> BinaryIO:
    """Return a file as memory that stays readable; WireError if it cannot be had."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > MOST_FILE_BYTES:
                raise WireError(f"{size} bytes, at most {MOST_FILE_BYTES} are taken")
            return cast("BinaryIO", mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
    except (OSError, ValueError) as error:
        words = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "empty"
        raise WireError(f"cannot be read: {words}") from error


def warm_up() -> None:
    """Use everything once: what loads late could not load in the cage."""
    import io  # noqa: PLC0415 - only here

    clip = io.BytesIO(write_mp4(grey_units()))
    for due in one_pass(clip):
        unpack_due(pack_due(due))


if __name__ == "__main__":
    sys.stdout.flush()
    os._exit(main(sys.argv[1:]))  # no clean-up: what it would touch is forbidden
