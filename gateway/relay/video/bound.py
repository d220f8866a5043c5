# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The sockets of the media process, bound by the gateway before it gives up its rights."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address

from gateway.model.errors import ConfigError

_BACKLOG = 128


@dataclass(frozen=True, slots=True)
class Sockets:
    """One port number; TCP where wanted."""

    udp: socket.socket
    tcp: socket.socket | None


@contextmanager
def bound(bind: tuple[str, int], *, tcp: bool) -> Iterator[Sockets]:
    """Bind host and port, `::` for IPv4 too, and close on leaving; ConfigError says what failed.

    With port 0 the kernel chooses one; should another program hold that number for TCP, there is
    no TCP.
    """
    with ExitStack() as stack:
        udp = stack.enter_context(_socket(bind, socket.SOCK_DGRAM))
        listener = None
        if tcp:
            try:
                where = (bind[0], udp.getsockname()[1])
                listener = stack.enter_context(_socket(where, socket.SOCK_STREAM))
            except ConfigError:
                if bind[1]:
                    raise
        yield Sockets(udp, listener)


def _socket(bind: tuple[str, int], kind: socket.SocketKind) -> socket.socket:
    host, port = bind
    name = "TCP port" if kind is socket.SOCK_STREAM else "port"
    try:
        is_ipv6 = ip_address(host).version == 6  # noqa: PLR2004 - the protocol's number
        made = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, kind)
    except (OSError, ValueError) as error:
        raise ConfigError("media", "bind", f"{host}: {error}") from error
    try:
        if is_ipv6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if kind is socket.SOCK_STREAM:  # connections of an earlier run may still be closing
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(bind)
        if kind is socket.SOCK_STREAM:
            made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise ConfigError("media", "bind", f"{host} {name} {port}: {error}") from error
    return made
