# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The port on real sockets."""

import errno
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.relay.video.port import Path, Port


class Ends:
    """A port and a peer on loopback; what the port hears is kept by kind."""

    def __init__(self, family=socket.AF_INET, host="127.0.0.1", wrap=lambda sock: sock):
        self.heard = []
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.bind((host, 0))
        self.peer = socket.socket(family, socket.SOCK_DGRAM)
        self.peer.bind((host, 0))
        self.peer.settimeout(2)
        kinds = ("stun", "dtls", "rtcp")
        self.port = Port(wrap(self.sock), *(self.ear(kind) for kind in kinds))

    def ear(self, kind):
        return lambda data, address: self.heard.append((kind, data, address))

    def path(self):
        return Path(self.peer.getsockname())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()
        self.peer.close()


class Stubborn:
    """A socket whose kernel refuses trains (`train`) or anything (`always`) with an errno."""

    def __init__(self, sock, train=None, always=None):
        self.sock, self.train, self.always = sock, train, always
        self.calls = 0

    def __getattr__(self, name):
        return getattr(self.sock, name)

    def sendmsg(self, buffers, control, flags, address):
        self.calls += 1
        if self.always or (control and self.train):
            raise OSError(self.always or self.train, "refused")
        return self.sock.sendmsg(buffers, control, flags, address)


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_train_arrives_as_datagrams(family, host):
    """One call becomes datagrams of the first one's size, the last one shorter."""
    with Ends(family, host) as ends:
        buffers = [b"h" * 12, b"a" * 100] * 47 + [b"h" * 12, b"end"]
        assert ends.port.send_train(ends.path(), buffers, 2)
        got = [ends.peer.recv(2000) for _ in range(48)]
    assert got[:47] == [b"h" * 12 + b"a" * 100] * 47
    assert got[47] == b"h" * 12 + b"end"


@pytest.mark.parametrize("refusal", [errno.EIO, errno.EINVAL])
def test_refused_train_goes_out_singly(refusal):
    """Where the kernel takes no trains each datagram is sent by itself, and no more are tried."""
    stubborn = []

    def wrap(sock):
        stubborn.append(Stubborn(sock, train=refusal))
        return stubborn[0]

    with Ends(wrap=wrap) as ends:
        path = ends.path()
        for _ in range(2):
            assert ends.port.send_train(path, [b"a" * 10, b"b" * 10, b"c"], 1)
            assert [ends.peer.recv(99) for _ in range(3)] == [b"a" * 10, b"b" * 10, b"c"]
    assert not path.segments
    assert stubborn[0].calls == 1 + 3 + 3


@pytest.mark.parametrize("refusal", [errno.EAGAIN, errno.ENOBUFS])
def test_full_send_buffer_is_told(refusal):
    """A full buffer is no loss but an answer: the viewer must wait."""
    with Ends(wrap=lambda sock: Stubborn(sock, always=refusal)) as ends:
        assert not ends.port.send_train(ends.path(), [b"a", b"b"], 1)
        assert not ends.port.send(b"a", ends.peer.getsockname())
        assert ends.port.lost == 0


def test_unreachable_peer_counts_as_loss():
    """No route is like a lost packet: the session ends by consent, not by an exception."""
    with Ends(wrap=lambda sock: Stubborn(sock, always=errno.ENETUNREACH)) as ends:
        assert ends.port.send_train(ends.path(), [b"a", b"b"], 1)
        assert ends.port.send(b"a", ends.peer.getsockname())
        assert ends.port.lost == 3


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_first_byte_decides(datagrams):
    """Any datagram is handed to STUN, DTLS or RTCP by its first byte, or dropped (RFC 7983)."""
    ranges = {"stun": range(4), "dtls": range(20, 64), "rtcp": range(128, 192)}
    with Ends() as ends:
        for data in datagrams:
            ends.peer.sendto(data, ends.sock.getsockname())
        ends.port.readable()
        expected = [
            (kind, data, ends.peer.getsockname())
            for data in datagrams
            for kind, firsts in ranges.items()
            if data and data[0] in firsts
        ]
        assert ends.heard == expected
