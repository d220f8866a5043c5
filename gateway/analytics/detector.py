# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Answers DETECT requests with a net of the user's own: an ONNX file as ultralytics exports it.

Runs in a child, loaded before its cage closes. Two forms of output are understood: (1, 4 + K, N)
with centre, size and K scores, and (1, N, 6) with corners, score and class. The names of the
classes come from the file's metadata (`names`), or from whoever exported it.
"""

import ast
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.analytics.detect import MOST_DETECTIONS, Detection, DetectReply, clipped, kinds_of
from gateway.model.alarm import Kind
from gateway.model.errors import ConfigError, WireError

Table = NDArray[np.float32]
"""Shape (N, 6): left, top, right, bottom in px of the net's input, score, class."""

OVERLAP = 0.5
"""Of two boxes of one class that share more than this (IoU), the surer one stays."""
_GRAY = 114
_QUIET = 3
"""ONNX Runtime says errors only."""
_USUAL_PX = 640


class Detector:
    """The handler of DETECT requests; one per child."""

    def __init__(
        self, model: Path, least: float, spent_s: Callable[[], float] = time.thread_time
    ) -> None:
        """Load a net; ConfigError names the file if it is none, or names nothing that we know.

        `least`: confidence below which nothing is said, 0..1. `spent_s`: CPU seconds used so far.
        """
        import onnxruntime  # noqa: PLC0415 - its threads may not be there before a process forks

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = _QUIET
        try:
            self._session = onnxruntime.InferenceSession(
                model.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except OSError as error:
            raise ConfigError(str(model), "", f"cannot be read: {error.strerror}") from None
        except Exception as error:
            if type(error).__module__.startswith("onnxruntime"):  # its errors have no root
                raise ConfigError(str(model), "", f"is no net: {str(error)[:200]}") from None
            raise
        given, answered = self._session.get_inputs()[0], self._session.get_outputs()[0]
        self._input = str(given.name)
        self._size = _size(list(given.shape), str(model))
        self._has_corners = len(answered.shape) > 2 and answered.shape[-1] == 6  # noqa: PLR2004
        self._kinds = _kinds(self._session.get_modelmeta().custom_metadata_map, str(model))
        self._least, self._spent_s = least, spent_s

    def detect(self, payload: bytes) -> bytes:
        """Answer a JPEG with a packed DetectReply; WireError if it is no picture."""
        begun_s = self._spent_s()
        picture = cv2.imdecode(np.frombuffer(payload, np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            raise WireError("not a picture")
        tensor, scale = _tensor(np.asarray(picture, np.uint8), self._size)
        output = np.asarray(self._session.run(None, {self._input: tensor})[0], np.float32)[0]
        table = output if self._has_corners else _sure(_flat(output), self._least)
        found = self._named(table, scale, picture.shape[:2])
        return DetectReply(tuple(found), max(0.0, self._spent_s() - begun_s)).pack()

    def _named(self, table: Table, scale: float, size: tuple[int, ...]) -> list[Detection]:
        """Return what is sure enough and has a name, in fractions of a picture (height, width)."""
        high, wide = size[0] * scale, size[1] * scale
        found: list[Detection] = []
        for left, top, right, bottom, score, number in table[np.argsort(-table[:, 4])]:
            kind = self._kinds.get(round(float(number)))
            box = clipped(left / wide, top / high, right / wide, bottom / high)
            if kind is not None and box is not None and score >= self._least:
                found.append(Detection(kind, min(1.0, float(score)), box))
        return found[:MOST_DETECTIONS]


def _tensor(picture: NDArray[np.uint8], size: tuple[int, int]) -> tuple[Table, float]:
    """Return a BGR picture as (1, 3, H, W), RGB 0..1, and how many of its px are one of it."""
    high, wide = picture.shape[:2]
    scale = min(size[0] / high, size[1] / wide)
    small = (max(1, round(wide * scale)), max(1, round(high * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas = np.full((*size, 3), _GRAY, np.uint8)
    canvas[: small[1], : small[0]] = cv2.resize(picture, small, interpolation=way)
    plain = canvas[:, :, ::-1].transpose(2, 0, 1)[None]
    return np.ascontiguousarray(plain, np.float32) / np.float32(255), scale


def _flat(output: Table) -> Table:
    """Return (4 + K, N), centres and scores, as a table with the best class of each."""
    rows = output.T
    half = rows[:, 2:4] / 2
    scores = rows[:, 4:]
    best = scores.argmax(1)
    score = scores[np.arange(len(rows)), best]
    columns = (rows[:, :2] - half, rows[:, :2] + half, score[:, None], best[:, None])
    return np.concatenate(columns, 1).astype(np.float32)


def _sure(table: Table, least: float) -> Table:
    """Return the surest of each heap of overlapping boxes of one class."""
    left = table[table[:, 4] >= least]
    left = left[np.argsort(-left[:, 4], kind="stable")]
    kept: list[Table] = []
    while len(left) and len(kept) < MOST_DETECTIONS:
        top = left[0]
        kept.append(top)
        sides = np.minimum(left[:, 2:4], top[2:4]) - np.maximum(left[:, :2], top[:2])
        common = np.maximum(sides, 0).prod(1)
        areas = (left[:, 2:4] - left[:, :2]).prod(1)
        overlap = common / np.maximum(areas + areas[0] - common, 1e-6)
        same = (left[:, 5] == top[5]) & (overlap > OVERLAP)
        same[0] = True
        left = left[~same]
    return np.stack(kept) if kept else left


def _size(shape: list[object], where: str) -> tuple[int, int]:
    """Return height and width of the input; a net that takes any size gets the usual one."""
    if len(shape) != 4 or shape[1] != 3:  # noqa: PLR2004 - one picture of three colours
        raise ConfigError(where, "input", f"is {shape}, and must be (1, 3, height, width)")
    high, wide = (side if isinstance(side, int) else _USUAL_PX for side in shape[2:])
    return high, wide


def _kinds(metadata: Mapping[str, str], where: str) -> dict[int, Kind]:
    """Return what the classes of a net are to us; ConfigError if it knows nothing of use."""
    try:
        told = ast.literal_eval(metadata.get("names", "{}"))
        names = {int(number): str(name) for number, name in dict(told).items()}
    except (ValueError, SyntaxError, TypeError):
        raise ConfigError(where, "names", "its metadata `names` is no table of classes") from None
    kinds = kinds_of(names)
    if not kinds:
        words = "its metadata names no class that is a person, a vehicle or a two-wheeler"
        raise ConfigError(where, "names", words, "export it with ultralytics, which writes them")
    return kinds
