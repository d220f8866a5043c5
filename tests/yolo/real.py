# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Both detector children on a net that was just trained: `python -m tests.yolo.real --python P`.

The same pictures go to ultralytics under its own interpreter and to the exported net in our cage;
both have to find the person and the car where they were drawn, and agree.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from gateway.analytics.detect import Detection, DetectReply
from gateway.assembly.looking import detector_of
from gateway.codec.pool import open_pool
from gateway.codec.protocol import Kind as Word
from gateway.config.options import AnalyticsOptions
from gateway.model.alarm import Box, Kind
from gateway.runtime.clock import SystemClock

PERSON, CAR = Box(0.5, 0.25, 0.6625, 0.625), Box(0.05, 0.7, 0.45, 0.8875)
TRAIN = Path(__file__).with_name("train.py")


def drawn() -> bytes:
    """Return a JPEG with one person and one car, as the net knows them, twice as large."""
    pixels = np.full((320, 320, 3), 110, np.uint8)
    for box, shade in ((PERSON, 240), (CAR, 15)):
        rows = slice(round(box.top * 320), round(box.bottom * 320))
        pixels[rows, round(box.left * 320) : round(box.right * 320)] = shade
    return bytes(cv2.imencode(".jpg", pixels)[1])


def overlap(one: Box, other: Box) -> float:
    """Return the area that two boxes share over what they cover."""
    wide = min(one.right, other.right) - max(one.left, other.left)
    high = min(one.bottom, other.bottom) - max(one.top, other.top)
    common = max(wide, 0) * max(high, 0)
    areas = [(box.right - box.left) * (box.bottom - box.top) for box in (one, other)]
    return common / (sum(areas) - common)


async def asked(options: AnalyticsOptions) -> tuple[Detection, ...]:
    """Return what a real child says of the picture."""
    child = detector_of(options)
    assert child is not None
    async with open_pool(1, clock=SystemClock(), options=child) as pool:
        data = await pool.call("", Word.DETECT, drawn(), timeout_s=60)
    return DetectReply.unpack(data).detections


def check(who: str, found: tuple[Detection, ...]) -> None:
    """Exit with words unless a person and a car stand where they were drawn."""
    for kind, box in ((Kind.PERSON, PERSON), (Kind.VEHICLE, CAR)):
        best = max((overlap(one.box, box) for one in found if one.kind is kind), default=0.0)
        print(f"{who}: {kind.value} found with an overlap of {best:.2f}")
        if best < 0.6:
            sys.exit(f"{who} does not find what was drawn: {found}")


def main() -> None:
    """Train, ask both, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", type=Path, required=True)
    python = parser.parse_args().python.absolute()
    with tempfile.TemporaryDirectory(prefix="varco-yolo-") as name:
        folder = Path(name)
        print("training a net on drawn blocks …", flush=True)
        done = subprocess.run(
            [python, TRAIN, folder], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(done.stderr[-2000:])
        own = asyncio.run(asked(AnalyticsOptions(1, detector=folder / "net.onnx")))
        other = asyncio.run(
            asked(AnalyticsOptions(1, detector=folder / "net.pt", detector_python=python))
        )
    check("ONNX in the cage", own)
    check("ultralytics itself", other)
    print("both agree: plumbing is proved, accuracy is not")


if __name__ == "__main__":
    main()
