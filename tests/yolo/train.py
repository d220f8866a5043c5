# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Train a small net from ultralytics' own description on drawn blocks, and export it to ONNX.

Runs under the interpreter that `make yolo` builds: `PYTHON train.py FOLDER`. Nothing is fetched. A
white upright block is a person, a dark lying one a car: that proves plumbing, not accuracy.
"""

import os
import shutil
import sys
from pathlib import Path

os.environ.update(YOLO_OFFLINE="True", YOLO_AUTOINSTALL="False")

import cv2
import numpy as np
from ultralytics import YOLO

SIDE_PX, PICTURES, EPOCHS = 160, 96, 30


def picture(rng: np.random.Generator) -> tuple[np.ndarray, list[str]]:
    """Return a grey BGR picture with a person, a car or both, and YOLO's lines about them."""
    pixels = rng.integers(90, 130, (SIDE_PX, SIDE_PX, 3)).astype(np.uint8)
    lines = []
    for number, (wide, high, shade) in enumerate(((26, 60, 240), (64, 30, 15))):
        if rng.random() < 0.75:
            left, top = rng.integers(0, SIDE_PX - wide), rng.integers(0, SIDE_PX - high)
            pixels[top : top + high, left : left + wide] = shade
            middle = (left + wide / 2) / SIDE_PX, (top + high / 2) / SIDE_PX
            lines.append(f"{number} {middle[0]} {middle[1]} {wide / SIDE_PX} {high / SIDE_PX}")
    return pixels, lines


def main(folder: Path) -> None:
    """Write net.pt and net.onnx into a folder."""
    rng = np.random.default_rng(5)
    for kind in ("images", "labels"):
        (folder / "data" / kind).mkdir(parents=True, exist_ok=True)
    for number in range(PICTURES):
        pixels, lines = picture(rng)
        cv2.imwrite(str(folder / f"data/images/{number}.png"), pixels)
        (folder / f"data/labels/{number}.txt").write_text("\n".join(lines))
    data = folder / "data.yaml"
    data.write_text(
        f"path: {folder / 'data'}\ntrain: images\nval: images\nnames: {{0: person, 1: car}}\n"
    )
    net = YOLO("yolo11n.yaml")
    net.train(
        data=str(data), epochs=EPOCHS, imgsz=SIDE_PX, batch=16, device="cpu", workers=0,
        project=str(folder), name="run", seed=5, plots=False, val=False, verbose=False,
        mosaic=0.0, optimizer="AdamW", lr0=0.002, warmup_epochs=1, amp=False,
    )  # fmt: skip
    best = YOLO(str(folder / "run/weights/last.pt"))
    shutil.copy(folder / "run/weights/last.pt", folder / "net.pt")
    shutil.copy(best.export(format="onnx", imgsz=SIDE_PX, simplify=False), folder / "net.onnx")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
