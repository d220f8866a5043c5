# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Write the trained reader as ONNX and describe it: ``python -m training.reader_export DIR``."""

import argparse
import datetime
import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from training.reader_feed import CLASSES, TOKENS
from training.reader_net import HEIGHT_PX, WIDTH_PX, Reader

WEIGHTS = Path(__file__).parents[1] / "gateway" / "analytics" / "plates" / "weights"
MAX_BYTES = 3_000_000


def export(checkpoint: Path, into: Path) -> dict[str, Any]:
    """Write ``reader.onnx`` from a checkpoint's slow average; return its description.

    Raises ValueError if the file would be larger than 3 MB.
    """
    kept = torch.load(checkpoint, map_location="cpu")
    net = Reader()
    net.load_state_dict(kept["slow"])
    net.eval()
    file = into / "reader.onnx"
    torch.onnx.export(
        net,
        (torch.zeros(1, 1, HEIGHT_PX, WIDTH_PX),),
        str(file),
        input_names=["x"],
        output_names=["y"],
        dynamic_axes={"x": {0: "n"}, "y": {0: "n"}},
        opset_version=17,
        dynamo=False,
    )
    data = file.read_bytes()
    if len(data) > MAX_BYTES:
        raise ValueError(f"reader.onnx has {len(data)} bytes, {MAX_BYTES} are allowed")
    return {
        "file": "reader.onnx",
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "licence": "EUPL-1.2",
        "parameters": sum(one.numel() for one in net.parameters()),
        "input": f"x float32 (N,1,{HEIGHT_PX},{WIDTH_PX}), gray, (g - mean) / (std + 8) per crop",
        "output": f"y float32 (N,{TOKENS},{CLASSES}) logits, 0-9A-Z and blank 36, upper then lower"
        " row, CTC over all",
        "trained": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "training": {
            "data": "synthetic plates only (training/plates.py, training/photos.py)",
            "seed": kept["seed"],
            "steps": kept["steps"],
            "crops": kept["steps"] * kept["batch"],
            "minutes": round(kept["seconds"] / 60, 1),
        },
    }


def describe(into: Path, name: str, entry: dict[str, Any]) -> None:
    """Put a net's entry into ``weights.json``; what was measured of the same file stays."""
    file = into / "weights.json"
    said: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    former = said.get(name, {})
    if former.get("sha256") == entry["sha256"] and "measured" in former:
        entry = entry | {"measured": former["measured"]}
    said[name] = entry
    text = json.dumps(said, indent=2, ensure_ascii=False, sort_keys=True)
    file.write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of the training run")
    parser.add_argument("--into", type=Path, default=WEIGHTS)
    given = parser.parse_args()
    given.into.mkdir(parents=True, exist_ok=True)
    entry = export(given.run / "reader.pt", given.into)
    describe(given.into, "reader", entry)
    print(json.dumps(entry, indent=2))


if __name__ == "__main__":
    main()
