# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Composition root of the media process: packets to viewers, nothing else.

Started by the gateway with exec (`python -m gateway media --fd N --link-fd M`); the descriptors
are inherited: the UDP port, one end of the link over which units and leases arrive, and the TCP
port where there is one.
"""

import argparse
import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Sequence

from gateway.ops.logs import configure
from gateway.relay.video.sessions import serve
from gateway.runtime.clock import SystemClock


def main(argv: Sequence[str] | None = None) -> int:
    """Run until the gateway closes the link; return the exit status."""
    parser = argparse.ArgumentParser(prog="varco media", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="descriptor of the UDP socket")
    parser.add_argument("--link-fd", type=int, required=True, help="descriptor of the link")
    parser.add_argument("--tcp-fd", type=int, help="descriptor of the listening TCP socket")
    parser.add_argument("--log-level", default="info", help="as [log].level of the gateway")
    options = parser.parse_args(argv)
    configure(options.log_level, sys.stderr)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the gateway decides when we end
    udp, control = socket.socket(fileno=options.fd), socket.socket(fileno=options.link_fd)
    listener = None if options.tcp_fd is None else socket.socket(fileno=options.tcp_fd)
    with udp, control, listener or contextlib.nullcontext():
        asyncio.run(serve(udp, control, SystemClock(), listener))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
