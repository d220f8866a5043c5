# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The child that is ultralytics: what it says, without ultralytics; `make yolo` tries the rest."""

import socket
import sys
from pathlib import Path

import pytest

from gateway.analytics.detect import Detection, DetectReply
from gateway.assembly.looking import detector_of
from gateway.codec.pool import open_pool
from gateway.codec.protocol import Kind as Word
from gateway.config.options import AnalyticsOptions
from gateway.model.alarm import Box, Kind
from gateway.model.errors import ConfigError
from gateway.runtime.clock import SystemClock
from gateway.wire.frames import Frame, FrameReceiver, send
from gateway.yolo import serve

FOUND = DetectReply((Detection(Kind.PERSON, 0.75, Box(0.0, 0.0, 0.5, 1.0)),))


def answer(payload: bytes) -> bytes:
    """Find somebody in every picture."""
    if payload != b"jpeg":
        raise ValueError("not a picture")
    return FOUND.pack()


def test_it_speaks_as_every_child_does():
    """One answer for each request; what is no picture, or no request, costs itself alone."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for frame in (Frame(Word.DETECT, b"jpeg"), Frame(Word.DETECT, b"?"), Frame(99, b"jpeg")):
            ours.sendall(send(frame))
        ours.shutdown(socket.SHUT_WR)
        serve(theirs, answer)
        theirs.shutdown(socket.SHUT_WR)
        data = b"".join(iter(lambda: ours.recv(65_536), b""))
    said = FrameReceiver().receive(data)
    assert [frame.kind for frame in said] == [Word.DONE, Word.FAILED, Word.FAILED]
    assert DetectReply.unpack(said[0].payload) == FOUND
    assert said[1].payload == b"not a picture"


async def test_weights_that_are_not_there_are_named_and_nothing_is_fetched(tmp_path: Path):
    """A real process under another interpreter says why it will not serve."""
    child = detector_of(
        AnalyticsOptions(1, detector=tmp_path / "gone.pt", detector_python=Path(sys.executable))
    )
    assert child is not None
    with pytest.raises(ConfigError, match=r"gone\.pt is no file, and nothing is downloaded"):
        async with open_pool(1, clock=SystemClock(), options=child):
            pass
