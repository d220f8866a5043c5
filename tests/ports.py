# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Ports that are named before somebody listens on them, and that nobody else takes meanwhile.

A port that the kernel has just given is given again at any time: to the next who asks, or to any
connection on its way out. Those below its range are given to nobody; each worker counts through
its own share of them, and TCP and UDP must both be free.
"""

import itertools
import os
import random
import socket

_FIRST, _END = 10_240, 32_768
"""Below what the kernel hands out (`net.ipv4.ip_local_port_range`), above what services use."""
_SHARES = 8


def _mine():
    """Return the share of this worker: two that run side by side never name the same port."""
    size = (_END - _FIRST) // _SHARES
    share = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _SHARES
    ports = range(_FIRST + share * size, _FIRST + (share + 1) * size)
    begin = random.randrange(size)
    return itertools.cycle([*ports[begin:], *ports[:begin]])


_ports = _mine()


def _is_free(port, host):
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.bind((host, port))
    except OSError:
        return False
    return True


def free_port(host="127.0.0.1"):
    """Return a port on which nobody listens, by TCP or UDP."""
    return next(port for port in _ports if _is_free(port, host))
