# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Composition root of a child: `python -m gateway child --fd N`.

Imports, warms up, closes its cage, says READY, and then answers requests until its socket ends.
"""

import argparse
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence

import cv2

from gateway.analytics.look import Feed, LookRequest
from gateway.analytics.looker import Looker
from gateway.codec.exits import render_clip, render_still
from gateway.codec.protocol import Kind
from gateway.codec.recoder import Recoder
from gateway.codec.sandbox import Cage, close_cage
from gateway.codec.warm_up import grey_units, warm_up
from gateway.model.errors import ConfigError, WireError
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


def main(argv: Sequence[str]) -> int:
    """Serve on the inherited socket until it ends; return the exit status."""
    parser = argparse.ArgumentParser(prog="varco child")
    parser.add_argument("--fd", type=int, required=True, help="inherited AF_UNIX stream socket")
    parser.add_argument("--memory-bytes", type=int, default=Cage().memory_bytes)
    parser.add_argument("--without-seccomp", action="store_true")
    options = parser.parse_args(argv)
    cv2.setNumThreads(1)
    table = handlers()
    warm_up(table, LookRequest("", Feed.START, [], grey_units()).pack())
    channel = socket.socket(fileno=options.fd)
    try:
        close_cage(Cage(options.memory_bytes, not options.without_seccomp), options.fd)
    except ConfigError as error:
        channel.sendall(send(Frame(Kind.REFUSED, str(error).encode())))
        return EXIT_CONFIG
    channel.sendall(send(Frame(Kind.READY, b"")))
    serve(channel, table)
    return 0


def serve(channel: socket.socket, table: Mapping[int, Handler]) -> None:
    """Answer one request after the other until the other side closes."""
    receiver = FrameReceiver()
    while data := channel.recv(_CHUNK_BYTES):
        for frame in receiver.receive(data):
            channel.sendall(send(answer(frame, table)))


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
