# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The nets that tests read with: ours, and until there are some the spikes' baselines."""

import hashlib
import json
import tempfile
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from gateway.analytics.plates import grammar, models
from gateway.analytics.plates.evaluate import Tools
from tests.footage import need

SHARED = Path(__file__).resolve().parents[5] / "shared"
PLATES = SHARED / "data" / "plates"
OLD = {"finder": "detector", "reader": "recogniser"}
SPIKES = SHARED / "spikes" / "plates"


@cache
def folder() -> Path:
    """Return a folder with a finder, a reader and their description."""
    if all((models.WEIGHTS / f"{name}.onnx").exists() for name in OLD):
        return models.WEIGHTS
    made = Path(tempfile.mkdtemp(prefix="varco-nets-"))
    told: dict[str, dict[str, object]] = {}
    for name, old in OLD.items():
        data = need(SPIKES / f"{old}_baseline.onnx").read_bytes()
        (made / f"{name}.onnx").write_bytes(data)
        told[name] = {"sha256": hashlib.sha256(data).hexdigest()}
    told["finder"] |= {"input_long_px": 960, "threshold": 0.3}
    (made / "weights.json").write_text(json.dumps(told))
    return made


@cache
def tools() -> Tools:
    """Return everything that reads, loaded once."""
    return Tools(models.load(folder(), models.installed_second()), grammar.load())


def plate(text: str, high: int = 40, *, band: bool = False) -> np.ndarray:
    """Return a drawn plate, uint8 BGR, dark on white within a dark frame."""
    (wide, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 3.0, 9)
    pixels = np.full((140, wide + 90, 3), 235, np.uint8)
    cv2.putText(pixels, text, (55, 108), cv2.FONT_HERSHEY_SIMPLEX, 3.0, (25, 25, 25), 9)
    if band:
        pixels[:, :38] = (170, 60, 10)
    cv2.rectangle(pixels, (0, 0), (pixels.shape[1] - 1, 139), (30, 30, 30), 4)
    return cv2.resize(pixels, (round(pixels.shape[1] * high / 140), high), cv2.INTER_AREA)


def scene(text: str, *, size=(960, 540), place=(420, 360)) -> tuple[np.ndarray, tuple]:
    """Return a street of noise with a car's back and a plate, and the plate's box."""
    width, height = size
    ground = np.random.default_rng(3).normal(110, 6, (height, width, 3))
    pixels = np.clip(cv2.GaussianBlur(ground, (0, 0), 2), 0, 255).astype(np.uint8)
    left, top = place
    cv2.rectangle(pixels, (left - 120, top - 160), (left + 300, top + 90), (60, 50, 45), -1)
    one = plate(text, 44)
    pixels[top : top + one.shape[0], left : left + one.shape[1]] = one
    box = (float(left), float(top), float(left + one.shape[1]), float(top + one.shape[0]))
    return cv2.GaussianBlur(pixels, (0, 0), 0.7), box
