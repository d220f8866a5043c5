# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Stock rapidocr (PP-OCRv6 detector and recogniser) as somebody would use it on plates.

Its code is never imported by the gateway; here it is, with one thread, if it and what it needs are
installed. It is helped: of what it reads in a photograph, only what lies on the plate that the
truth names is counted.
"""

import re
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
_ONE_THREAD = {
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    "Global.use_cls": False,
    "Global.log_level": "critical",
}
_LEAST_SHARE = 0.3
"""Of a line of text that must lie on the plate."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What it reads on one plate."""

    text: str
    """Letters and digits, upper case, of all lines from top to bottom."""
    cpu_ms: float


class Stock:
    """One instance."""

    def __init__(self) -> None:
        """ImportError if it, or what it needs, is not installed."""
        from rapidocr import RapidOCR  # noqa: PLC0415 - a peer that need not be there

        self._engine: Any = RapidOCR(params=_ONE_THREAD)
        self._engine(np.zeros((64, 64, 3), np.uint8))

    def on(self, picture: Picture, box: tuple[float, float, float, float] | None) -> Answer:
        """Read a BGR picture; `box`: left, top, right, bottom of the plate, None: all is plate."""
        begun_s = time.process_time()
        told = self._engine(picture)
        if told.txts is None and box is None:
            told = self._engine(picture, use_det=False)
        cpu_ms = (time.process_time() - begun_s) * 1000
        texts, boxes = told.txts or (), getattr(told, "boxes", None)
        if boxes is None:
            return Answer(signs("".join(texts)), cpu_ms)
        lines = [
            (float(quad[:, 1].mean()), float(quad[:, 0].min()), text)
            for quad, text in zip(np.asarray(boxes), texts, strict=True)
            if box is None or _share(quad, box) >= _LEAST_SHARE
        ]
        return Answer(signs("".join(text for _, _, text in sorted(_rows(lines)))), cpu_ms)

    def alone(self, crop: Picture) -> Answer:
        """Read a crop with the recogniser alone, as one line."""
        begun_s = time.process_time()
        told = self._engine(crop, use_det=False)
        cpu_ms = (time.process_time() - begun_s) * 1000
        return Answer(signs("".join(told.txts or ())), cpu_ms)


def signs(text: str) -> str:
    """Return letters and digits alone, upper case."""
    return re.sub("[^A-Z0-9]", "", text.upper())


def _rows(lines: list[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    """Give lines that stand beside each other the same height, so that left comes first."""
    made: list[tuple[float, float, str]] = []
    for y, x, text in sorted(lines):
        same = made and abs(y - made[-1][0]) < _SAME_ROW_PX
        made.append((made[-1][0] if same else y, x, text))
    return made


_SAME_ROW_PX = 8.0


def _share(quad: NDArray[np.float32], box: tuple[float, float, float, float]) -> float:
    """Return the share of a text's rectangle that lies in a box."""
    (left, top), (right, bottom) = quad.min(axis=0), quad.max(axis=0)
    across = min(right, box[2]) - max(left, box[0])
    down = min(bottom, box[3]) - max(top, box[1])
    if across <= 0 or down <= 0:
        return 0.0
    return float(across * down / max(1e-6, (right - left) * (bottom - top)))
