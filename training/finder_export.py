# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Write trained finder weights as ONNX and enter them in ``weights.json``.

``python -m training.finder_export WEIGHTS.pt FOLDER``; batch norm is folded, so the file holds
plain convolutions only.
"""

import argparse
import datetime
import hashlib
import io
import json
import warnings
from pathlib import Path

import torch

from training.finder_model import Finder

FILE, INDEX = "finder.onnx", "weights.json"
MOST_BYTES = 1_000_000
INPUT_LONG_PX, THRESHOLD = 640, 0.5
_OPSET = 17


def to_onnx(weights: Path) -> bytes:
    """Return the ONNX model of weights that ``finder_train`` wrote; N, H and W stay free."""
    net = Finder()
    net.load_state_dict(torch.load(weights, weights_only=True, map_location="cpu"))
    net.eval()
    made = io.BytesIO()
    free = {0: "n", 2: "h", 3: "w"}
    cells = {0: "n", 2: "rows", 3: "columns"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net, (torch.zeros(1, 3, 368, 640),), made, dynamo=False, opset_version=_OPSET,
            input_names=["x"], output_names=["y"], dynamic_axes={"x": free, "y": cells},
        )  # fmt: skip
    data = made.getvalue()
    if len(data) > MOST_BYTES:
        raise ValueError(f"{len(data)} bytes; {MOST_BYTES} allowed")
    return data


def entry(data: bytes, seed: int, threshold: float) -> dict[str, object]:
    """Return what ``weights.json`` says of the finder; `measured` is filled by hand."""
    return {
        "file": FILE,
        "sha256": hashlib.sha256(data).hexdigest(),
        "licence": "EUPL-1.2",
        "parameters": sum(one.numel() for one in Finder().parameters()),
        "seed": seed,
        "trained": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "input": "x float32 (N,3,H,W) BGR (x/255-0.45)/0.25; H and W multiples of 16",
        "output": "y float32 (N,9,H/8,W/8): logit; four corners x,y clockwise from the plate's "
        "top left, offsets from the cell's centre in units of 8 px",
        "input_long_px": INPUT_LONG_PX,
        "threshold": threshold,
    }


def write(data: bytes, folder: Path, seed: int, threshold: float) -> None:
    """Put the model into a folder of weights and say so in its index, all else kept."""
    index = folder / INDEX
    known = json.loads(index.read_text(encoding="utf-8")) if index.exists() else {}
    nets = known.get("nets", known)
    former = nets.get("finder", {})
    nets["finder"] = entry(data, seed, threshold) | {"measured": former.get("measured", {})}
    (folder / FILE).write_bytes(data)
    index.write_text(json.dumps(known, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--threshold", type=float, default=THRESHOLD)
    given = parser.parse_args()
    write(to_onnx(given.weights), given.folder, given.seed, given.threshold)


if __name__ == "__main__":
    main()
