# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Composition root of a child: `python -m gateway child --fd N`.

Imports, warms up, closes its cage, says READY, and then answers requests until its socket ends.
"""

import argparse
import os
import select
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from gateway.analytics.look import Feed, LookRequest
from gateway.analytics.looker import Looker
from gateway.analytics.plates.gatekeeper import Eyes, Gatekeeper
from gateway.analytics.plates.request import Lane, PlateRequest, Run
from gateway.codec.exits import render_clip, render_still
from gateway.codec.protocol import Kind
from gateway.codec.recoder import Recoder
from gateway.codec.sandbox import Cage, close_cage
from gateway.codec.warm_up import grey_units, warm_up
from gateway.model.errors import ConfigError, WireError
from gateway.runtime.clock import SystemClock
from gateway.wire.frames import Frame, FrameReceiver, send

EXIT_CONFIG = 78
_CHUNK_BYTES = 1 << 20

Handler = Callable[[bytes], bytes]
"""Answers one request; WireError if its bytes are of no use. Anything else ends the child."""


def handlers() -> Mapping[int, Handler]:
    """Return what this child can do; each value keeps its own state."""
    return {
        Kind.LOOK: Looker().look,
        Kind.STILL: render_still,
        Kind.CLIP: render_clip,
        Kind.RECODE: Recoder().recode,
    }


OpenEyes = Callable[[str, bool], Eyes]
"""Loads what finds and reads plates: a folder (empty: ours), and whether a second reader is."""


def open_eyes(folder: str, second: bool) -> Eyes:
    """Load the nets of a folder; only a child that reads plates pays for them."""
    from gateway.analytics.plates import eyes  # noqa: PLC0415 - loads ONNX Runtime

    return eyes.load(folder, second=second)


def main(argv: Sequence[str], eyes: OpenEyes = open_eyes) -> int:
    """Serve on the inherited socket until it ends; return the exit status."""
    parser = argparse.ArgumentParser(prog="varco child")
    parser.add_argument("--fd", type=int, required=True, help="inherited AF_UNIX stream socket")
    parser.add_argument("--memory-bytes", type=int, default=Cage().memory_bytes)
    parser.add_argument("--without-seccomp", action="store_true")
    parser.add_argument("--plates", metavar="FOLDER", help="read plates, with these nets")
    parser.add_argument("--without-second", action="store_true")
    parser.add_argument("--detector", type=Path, metavar="FILE", help="name what moves, with it")
    parser.add_argument("--least", type=float, default=0.35, help="confidence that counts")
    options = parser.parse_args(argv)
    cv2.setNumThreads(1)
    table = handlers()
    keeper: Gatekeeper | None = None
    warm_up(table, LookRequest("", Feed.START, [], grey_units()).pack())
    channel = socket.socket(fileno=options.fd)
    try:
        if options.plates is not None:
            keeper = Gatekeeper(
                eyes(options.plates, not options.without_second), SystemClock().monotonic_s
            )
            table = plate_handlers(keeper)
        if options.detector is not None:
            table = detector_handlers(options.detector, options.least)
        close_cage(Cage(options.memory_bytes, not options.without_seccomp), options.fd)
    except ConfigError as error:
        channel.sendall(send(Frame(Kind.REFUSED, str(error).encode())))
        return EXIT_CONFIG
    channel.sendall(send(Frame(Kind.READY, b"")))
    serve(channel, table, keeper)
    return 0


def detector_handlers(model: Path, least: float) -> Mapping[int, Handler]:
    """Return what a child with a net of the user's own can do, used once."""
    from gateway.analytics.detector import Detector  # noqa: PLC0415 - loads ONNX Runtime

    detector = Detector(model, least)
    grey = cv2.imencode(".jpg", np.full((64, 64, 3), 128, np.uint8))[1]
    detector.detect(bytes(grey))
    return {Kind.DETECT: detector.detect}


def plate_handlers(keeper: Gatekeeper) -> Mapping[int, Handler]:
    """Return what a child of gates can do, used once."""
    everywhere = Lane(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), ((0.0, 0.5), (1.0, 0.5)))
    keeper.plates(PlateRequest("", Run.BEGIN, [everywhere], grey_units()).pack())
    keeper.plates(PlateRequest("", Run.END, [everywhere], []).pack())
    return {Kind.PLATES: keeper.plates, Kind.PLATE_PICTURE: keeper.picture}


def serve(
    channel: socket.socket, table: Mapping[int, Handler], keeper: Gatekeeper | None = None
) -> None:
    """Answer one request after the other until the other side closes.

    What `keeper` still holds is overwritten in time, whether or not a request comes.
    """
    receiver = FrameReceiver()
    while data := _received(channel, keeper):
        for frame in receiver.receive(data):
            channel.sendall(send(answer(frame, table)))


def _received(channel: socket.socket, keeper: Gatekeeper | None) -> bytes:
    """Return what comes next; nothing at the end of the stream."""
    if keeper is not None:
        ready = select.poll()
        ready.register(channel, select.POLLIN)
        while (due_s := keeper.due_s()) is not None and not ready.poll(1000 * due_s + 1):
            keeper.expire()
    return channel.recv(_CHUNK_BYTES)


def answer(frame: Frame, table: Mapping[int, Handler]) -> Frame:
    """Return DONE with the handler's bytes, or FAILED with the reason."""
    handler = table.get(frame.kind)
    if handler is None:
        return Frame(Kind.FAILED, f"no handler for kind {frame.kind}".encode())
    try:
        body = handler(frame.payload)
    except WireError as error:
        return Frame(Kind.FAILED, str(error).encode())
    return Frame(Kind.DONE, body)


if __name__ == "__main__":
    sys.stdout.flush()
    os._exit(main(sys.argv[1:]))  # no clean-up: what it would touch is forbidden
