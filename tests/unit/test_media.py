# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The media process as a program: says hello, ends with its link, keeps to its log level."""

import json
import signal
import socket
import subprocess
import sys

import pytest

from gateway import media
from gateway.relay.video import link
from gateway.wire.frames import FrameReceiver

BOUND_S = 20


def started(*words):
    """Start the program; return it, our end of its link and its UDP port."""
    ours, theirs = socket.socketpair()
    ours.settimeout(BOUND_S)
    with theirs, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        numbers = (udp.fileno(), theirs.fileno())
        command = ("--fd", str(numbers[0]), "--link-fd", str(numbers[1]), *words)
        child = subprocess.Popen(
            [sys.executable, "-m", "gateway", "media", *command],
            pass_fds=numbers,
            stderr=subprocess.PIPE,
            text=True,
        )
        return child, ours


def hello(ours):
    """Return what its first frame says."""
    receiver = FrameReceiver()
    while True:
        for frame in receiver.receive(ours.recv(9999)):
            assert frame.kind == link.Kind.HELLO
            return link.read_texts(frame.payload)


@pytest.mark.parametrize(
    ("words", "events"),
    [((), ["link-closed"]), (("--log-level", "warning"), [])],
    ids=["info", "warning"],
)
def test_it_lives_as_long_as_its_link(words, events):
    """HELLO with a fingerprint; SIGINT is the gateway's affair; the end of the link ends it."""
    child, ours = started(*words)
    with child, ours:
        algorithm, digest = hello(ours)
        assert (algorithm, len(digest)) == ("sha-256", 32 * 3 - 1)
        child.send_signal(signal.SIGINT)
        ours.shutdown(socket.SHUT_WR)
        _, errors = child.communicate(timeout=BOUND_S)
        assert child.returncode == 0
    assert [json.loads(line)["event"] for line in errors.splitlines()] == events


def test_it_needs_its_descriptors(capsys):
    """Started by hand it says what is missing."""
    with pytest.raises(SystemExit):
        media.main([])
    assert "--link-fd" in capsys.readouterr().err
