# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A net for tests, written field by field (ONNX is protobuf): it calls what is bright a person.

It has the form of what ultralytics exports, (1, 4 + K, N), and proves plumbing, not accuracy.
"""

import struct
from collections.abc import Iterable

import numpy as np

SIDE_PX = 256
CELL_PX = 16
NAMES = "{0: 'person', 1: 'car', 2: 'kite'}"
_FLOAT, _INT64 = 1, 7


def bright_net(names: str = NAMES) -> bytes:
    """Return an ONNX file: input (1, 3, 256, 256), output (1, 7, 256), a box for each cell.

    The score of class 0 is 2 * mean - 1 of a cell's colours, that of the others -1.
    """
    cells = SIDE_PX // CELL_PX
    rows, columns = np.mgrid[:cells, :cells].reshape(2, -1) * CELL_PX + CELL_PX / 2
    size = np.full(cells * cells, CELL_PX)
    boxes = np.stack([columns, rows, size, size]).astype(np.float32)[None]
    weights = np.zeros((3, 3, 1, 1), np.float32)
    weights[0] = 2 / 3
    graph = [
        _node("Conv", ["images", "weights", "bias"], "scores", [_ints("kernel_shape", (1, 1))]),
        _node(
            "AveragePool", ["scores"], "pooled",
            [_ints("kernel_shape", (CELL_PX, CELL_PX)), _ints("strides", (CELL_PX, CELL_PX))],
        ),
        _node("Reshape", ["pooled", "shape"], "flat", []),
        _node("Concat", ["boxes", "flat"], "output0", [_int("axis", 1)]),
        _text(2, "bright"),
        _tensor("weights", weights, _FLOAT),
        _tensor("bias", np.full(3, -1, np.float32), _FLOAT),
        _tensor("shape", np.array([1, 3, -1], np.int64), _INT64),
        _tensor("boxes", boxes, _FLOAT),
        _field(11, _value("images", (1, 3, SIDE_PX, SIDE_PX))),
        _field(12, _value("output0", (1, 7, cells * cells))),
    ]  # fmt: skip
    opset = _text(1, "") + _number(2, 17)
    told = _text(1, "names") + _text(2, names)
    return _number(1, 8) + _field(7, b"".join(graph)) + _field(8, opset) + _field(14, told)


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _field(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _text(field: int, text: str) -> bytes:
    return _field(field, text.encode())


def _node(kind: str, inputs: Iterable[str], output: str, attributes: Iterable[bytes]) -> bytes:
    body = b"".join(_text(1, name) for name in inputs) + _text(2, output) + _text(4, kind)
    return _field(1, body + b"".join(_field(5, one) for one in attributes))


def _ints(name: str, values: Iterable[int]) -> bytes:
    return _text(1, name) + b"".join(_number(8, value) for value in values) + _number(20, 7)


def _int(name: str, value: int) -> bytes:
    return _text(1, name) + _number(3, value) + _number(20, 2)


def _tensor(name: str, values: np.ndarray, kind: int) -> bytes:
    dims = b"".join(_number(1, size) for size in values.shape)
    raw = values.astype(values.dtype.newbyteorder("<")).tobytes()
    return _field(5, dims + _number(2, kind) + _text(8, name) + _field(9, raw))


def _value(name: str, shape: Iterable[int]) -> bytes:
    dims = b"".join(_field(1, _number(1, size)) for size in shape)
    return _text(1, name) + _field(2, _field(1, _number(1, _FLOAT) + _field(2, dims)))


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Return width and height of a baseline JPEG (ITU-T T.81, frame header)."""
    at = data.index(b"\xff\xc0") + 5
    height, width = struct.unpack_from("!HH", data, at)
    return width, height
