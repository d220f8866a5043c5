# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Composition root of a detector that is ultralytics itself: `PYTHON -m gateway.yolo --fd N ...`.

Runs under an interpreter of its own (`make yolo`), which keeps torch and the AGPL out of the
gateway; nothing of ours but the protocol is imported here. It speaks as every child does, and is
given small JPEGs that another child coded, never a camera's bytes; hence it needs no cage, which
torch and a GPU would not bear. Nothing is downloaded: the weights are a file.
"""

import argparse
import importlib
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gateway.analytics.detect import MOST_DETECTIONS, Detection, DetectReply, clipped, kinds_of
from gateway.codec.protocol import Kind as Word
from gateway.wire.frames import Frame, FrameReceiver, send

EXIT_CONFIG = 78
_CHUNK_BYTES = 1 << 20

Answer = Callable[[bytes], bytes]
"""A JPEG in, a packed DetectReply out; ValueError if it is no picture."""


def main(argv: Sequence[str]) -> int:
    """Serve on the inherited socket until it ends; return the exit status."""
    parser = argparse.ArgumentParser(prog="varco yolo")
    parser.add_argument("--fd", type=int, required=True, help="inherited AF_UNIX stream socket")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--least", type=float, default=0.35)
    parser.add_argument("--memory-bytes", type=int, help="not heeded: torch reserves what it likes")
    options = parser.parse_args(argv)
    channel = socket.socket(fileno=options.fd)
    try:
        answer = opened(options.weights, options.least)
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        words = f"{options.weights}: {type(error).__name__}: {error}"
        channel.sendall(send(Frame(Word.REFUSED, words[:500].encode())))
        return EXIT_CONFIG
    channel.sendall(send(Frame(Word.READY, b"")))
    serve(channel, answer)
    return 0


def opened(weights: Path, least: float) -> Answer:
    """Return what answers with a net; FileNotFoundError, ImportError, ValueError say why not."""
    if not weights.is_file():
        raise FileNotFoundError(f"{weights} is no file, and nothing is downloaded")
    os.environ.update(YOLO_OFFLINE="True", YOLO_AUTOINSTALL="False", YOLO_VERBOSE="False")
    net: Any = importlib.import_module("ultralytics").YOLO(str(weights))
    cv2: Any = importlib.import_module("cv2")
    numpy: Any = importlib.import_module("numpy")
    kinds = kinds_of({int(number): str(name) for number, name in net.names.items()})
    if not kinds:
        raise ValueError("names no class that is a person, a vehicle or a two-wheeler")

    def answer(payload: bytes) -> bytes:
        begun_s = time.process_time()
        picture = cv2.imdecode(numpy.frombuffer(payload, numpy.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            raise ValueError("not a picture")
        (result,) = net.predict(picture, conf=least, verbose=False)
        found: list[Detection] = []
        for row, score, number in zip(
            result.boxes.xyxyn.tolist(),
            result.boxes.conf.tolist(),
            result.boxes.cls.tolist(),
            strict=True,
        ):
            kind, box = kinds.get(round(number)), clipped(*row)
            if kind is not None and box is not None:
                found.append(Detection(kind, min(1.0, score), box))
        found.sort(key=lambda one: -one.confidence)
        cost_s = max(0.0, time.process_time() - begun_s)
        return DetectReply(tuple(found[:MOST_DETECTIONS]), cost_s).pack()

    return answer


def serve(channel: socket.socket, answer: Answer) -> None:
    """Answer one request after the other until the other side closes."""
    receiver = FrameReceiver()
    while data := channel.recv(_CHUNK_BYTES):
        for frame in receiver.receive(data):
            channel.sendall(send(_said(frame, answer)))


def _said(frame: Frame, answer: Answer) -> Frame:
    """Return DONE with the answer, or FAILED with the reason."""
    if frame.kind != Word.DETECT:
        return Frame(Word.FAILED, f"no handler for kind {frame.kind}".encode())
    try:
        return Frame(Word.DONE, answer(frame.payload))
    except ValueError as error:
        return Frame(Word.FAILED, str(error)[:500].encode())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
