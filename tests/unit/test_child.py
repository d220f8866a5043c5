# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The loop of a child, without its cage."""

import socket
import subprocess
import sys
import threading

import pytest

from gateway.child import answer, handlers, serve
from gateway.codec.protocol import Kind
from gateway.model.errors import WireError
from gateway.wire.frames import Frame, FrameReceiver, send


def refuse(payload: bytes) -> bytes:
    """Refuse like a handler that was given garbage."""
    raise WireError(f"{len(payload)} useless bytes")


def test_an_answer_carries_what_the_handler_returned() -> None:
    """DONE is the handler's bytes and nothing else."""
    frame = answer(Frame(Kind.STILL, b"abc"), {Kind.STILL: bytes.upper})
    assert frame == Frame(Kind.DONE, b"ABC")


def test_useless_bytes_and_unknown_kinds_are_told() -> None:
    """A WireError of a handler, and a kind without one, become FAILED with the reason."""
    assert answer(Frame(Kind.LOOK, b"xy"), {Kind.LOOK: refuse}) == Frame(
        Kind.FAILED, b"2 useless bytes"
    )
    assert answer(Frame(7, b""), {}) == Frame(Kind.FAILED, b"no handler for kind 7")


def test_it_serves_until_the_other_side_closes() -> None:
    """Requests that arrive in pieces are answered one by one; the end of the stream ends it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        thread = threading.Thread(target=serve, args=(theirs, {Kind.STILL: bytes.upper}))
        thread.start()
        data = send(Frame(Kind.STILL, b"one")) + send(Frame(Kind.STILL, b"two"))
        receiver, frames = FrameReceiver(), []
        ours.settimeout(10)
        for piece in (data[:3], data[3:11], data[11:]):
            ours.sendall(piece)
        while len(frames) < 2:
            frames += receiver.receive(ours.recv(4096))
        ours.shutdown(socket.SHUT_WR)
        thread.join(10)
        assert not thread.is_alive()
    assert [frame.payload for frame in frames] == [b"ONE", b"TWO"]


def test_there_is_a_handler_for_every_request() -> None:
    """All kinds below 128 can be answered by a child; some by one with nets alone."""
    with_nets = {Kind.PLATES, Kind.PLATE_PICTURE, Kind.DETECT}
    assert set(handlers()) == {kind for kind in Kind if kind < 128} - with_nets


@pytest.mark.parametrize("arguments", [[], ["--fd", "x"]])
def test_a_child_without_a_socket_says_so(arguments: list[str]) -> None:
    """Started by hand without its socket, it ends with a usage line."""
    command = [sys.executable, "-m", "gateway.child", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "--fd" in done.stderr
