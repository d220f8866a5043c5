# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The second reader: PP-OCRv6's recogniser (Apache-2.0), with its head cut down to plate signs.

Of the `rapidocr` wheel one file is used and none of its code. The head knows 18,710 characters;
columns that no plate has are taken out of the last matrix before the net is loaded, in memory, by
walking the file's protocol-buffer fields (onnx.proto3): no other package is needed and nothing is
written. What is left decides between the same numbers as before.
"""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.model.errors import ConfigError

PACKAGE = "rapidocr"
FILE = "models/PP-OCRv6_rec_small.onnx"
BLANK = ""
_PLATE = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SMALL = "abcdefghijklmnopqrstuvwxyz"
_MARKS = "-·. :•*/|"
KEPT = (BLANK, *_PLATE, *_SMALL, *_MARKS)
"""What each column of the pruned head stands for."""
HIGH_PX, WIDE_PX = 48, 320
"""Size of the input; narrower lines are padded, which reads 6 points better than any width."""
_HEAD = (b"linear_8.w_0", b"linear_8.b_0")
_INITIALIZER, _VALUE_INFO, _OUTPUT = 5, 13, 12
_GRAPH, _METADATA = 7, 14
_DIMS, _TYPE, _NAME, _RAW = 1, 2, 8, 9
_FLOAT = 1

Field = tuple[int, int, bytes | int]
"""Number, wire type, and the content."""


def lines(gray: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return a crop (H, W) uint8 as input (1, 3, 48, 320): -1..1, padded at the right with 0."""
    high, wide = gray.shape[:2]
    width = min(WIDE_PX, max(1, round(wide * HIGH_PX / max(1, high))))
    small = cv2.resize(gray, (width, HIGH_PX), interpolation=cv2.INTER_LINEAR)
    line = np.zeros((1, 3, HIGH_PX, WIDE_PX), np.float32)
    line[:, :, :, :width] = small.astype(np.float32) / 127.5 - 1
    return line


def fold(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (T, len(KEPT)) as (T, 37): small letters are their capitals, marks are blank."""
    kept = len(_PLATE)
    folded = np.zeros((len(probabilities), kept + 1), np.float32)
    folded[:, :kept] = probabilities[:, 1 : kept + 1]
    folded[:, 10:kept] += probabilities[:, kept + 1 : kept + 1 + len(_SMALL)]
    folded[:, kept] = probabilities[:, 0] + probabilities[:, kept + 1 + len(_SMALL) :].sum(1)
    return np.asarray(folded / np.maximum(folded.sum(1, keepdims=True), 1e-9), np.float32)


def pruned(data: bytes, where: str) -> bytes:
    """Return the net without the columns that no plate needs; ConfigError if it is another net."""
    try:
        model = list(_fields(data))
        keep = _columns(model)
        graph = next(one for number, _, one in model if number == _GRAPH and isinstance(one, bytes))
        cut = b"".join(_graph(one, keep) for one in _fields(graph))
    except (ValueError, IndexError, StopIteration) as error:
        raise ConfigError(where, "", "is not the recogniser that is expected") from error
    return b"".join(
        _field((_GRAPH, 2, cut)) if one[0] == _GRAPH else _field(one)
        for one in model
        if one[0] != _METADATA
    )


def _columns(model: list[Field]) -> list[int]:
    """Return where KEPT stand among the characters that the file names in its metadata."""
    for number, _, content in model:
        if number == _METADATA and isinstance(content, bytes):
            entry = {key: value for key, _, value in _fields(content)}
            if entry.get(1) == b"character" and isinstance(entry.get(2), bytes):
                named = entry[2].decode().split("\n")  # type: ignore[union-attr]
                return [0, *(_place(named, one) for one in KEPT[1:])]
    raise ValueError


def _place(named: list[str], one: str) -> int:
    """Return a character's class: blank is the first, the space comes after all that are named."""
    return len(named) + 1 if one == " " else named.index(one) + 1


def _graph(one: Field, keep: list[int]) -> bytes:
    """Return a field of the graph as it stays, and nothing of what told the old shapes."""
    number, _, content = one
    if number == _VALUE_INFO:
        return b""
    if not isinstance(content, bytes):
        return _field(one)
    if number == _OUTPUT:
        name = next(value for key, _, value in _fields(content) if key == 1)
        return _field((number, 2, _field((1, 2, name)) + _field((2, 2, b"\x0a\x02\x08\x01"))))
    if number == _INITIALIZER:
        return _field((number, 2, _tensor(content, keep)))
    return _field(one)


def _tensor(content: bytes, keep: list[int]) -> bytes:
    """Return an initializer, cut if it belongs to the head."""
    fields = list(_fields(content))
    by_number = {number: value for number, _, value in fields}
    if by_number.get(_NAME) not in _HEAD:
        return content
    raw, dims = by_number[_RAW], _dims(fields)
    if by_number[_TYPE] != _FLOAT or not isinstance(raw, bytes):
        raise ValueError
    cut = np.ascontiguousarray(np.frombuffer(raw, "<f4").reshape(dims)[..., keep])
    shape = b"".join(_field((_DIMS, 0, size)) for size in cut.shape)
    rest = b"".join(_field(one) for one in fields if one[0] not in (_DIMS, _RAW))
    return shape + rest + _field((_RAW, 2, cut.tobytes()))


def _dims(fields: list[Field]) -> list[int]:
    """Return a tensor's shape, packed or not."""
    dims: list[int] = []
    for number, _, value in fields:
        if number == _DIMS and isinstance(value, int):
            dims.append(value)
        elif number == _DIMS and isinstance(value, bytes):
            at = 0
            while at < len(value):
                size, at = _varint(value, at)
                dims.append(size)
    return dims


def _fields(data: bytes) -> Iterator[Field]:
    """Yield the fields of a protocol-buffer message; ValueError, IndexError if it is none."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, kind, value
            continue
        size = {1: 8, 5: 4}.get(kind, 0)
        if kind == 2:  # noqa: PLR2004 - length-delimited
            size, at = _varint(data, at)
        elif not size:
            raise ValueError
        if at + size > len(data):
            raise ValueError
        yield number, kind, data[at : at + size]
        at += size


def _field(one: Field) -> bytes:
    number, kind, content = one
    tag = _written(number << 3 | kind)
    if isinstance(content, int):
        return tag + _written(content)
    return tag + (_written(len(content)) if kind == 2 else b"") + content  # noqa: PLR2004


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a variable-length integer and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004 - the top bit says that more follows
            return value, at
        if shift > 63:  # noqa: PLR2004
            raise ValueError


def _written(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:  # noqa: PLR2004 - as in _varint
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])
