# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.runtime.unix_path, on real sockets."""

import os
import socket
from pathlib import Path

import pytest

from gateway.runtime.unix_path import MOST_BYTES, unix_address


def place(folder, length):
    """Return a path of `length` bytes whose folder exists."""
    name = "control.sock"
    rest = length - len(os.fsencode(folder)) - len(name) - 2
    deep = folder / ("d" * rest)
    deep.mkdir()
    found = deep / name
    assert len(os.fsencode(found)) == length
    return found


def opened():
    """Return how many files this process holds open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("length", [MOST_BYTES, MOST_BYTES + 1, 190])
def test_a_path_of_any_length_is_bound_and_reached(tmp_path_factory, length):
    """Both ends meet at the path, and nothing stays open behind it."""
    folder = tmp_path_factory.mktemp("s")
    path = place(folder, length)
    held = opened()
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        with unix_address(path) as address:
            server.bind(address)
        server.listen()
        assert path.is_socket()
        with unix_address(path) as address:
            client.connect(address)
        client.sendall(b"here")
        with server.accept()[0] as met:
            assert met.recv(4) == b"here"
    assert opened() == held


def test_a_long_path_without_a_folder_is_an_error(tmp_path):
    """The error is the system's."""
    with pytest.raises(FileNotFoundError), unix_address(tmp_path / ("x" * 120) / "control.sock"):
        pass
