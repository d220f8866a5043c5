# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The port on real sockets."""

import asyncio
import errno
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.relay.video.port import PEER_PER_TICK, STRANGERS_PER_TICK, Path, Port
from gateway.wire.ice_tcp import framed
from tests.whep_parts import until


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
        self.listener = socket.create_server((host, 0), family=family)
        self.port = Port(wrap(self.sock), *(self.ear(kind) for kind in kinds), self.listener)

    def ear(self, kind):
        return lambda data, address: self.heard.append((kind, data, address))

    def path(self):
        return Path(self.peer.getsockname())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.port.detach()
        self.sock.close()
        self.listener.close()
        self.peer.close()

    def hear(self, data, peer=None):
        (peer or self.peer).sendto(data, self.sock.getsockname())


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


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
async def test_a_peer_has_a_queue_of_its_own(family, host):
    """However many strangers knock, what a proved peer says is heard; strangers are bounded."""
    with Ends(family, host) as ends, socket.socket(family, socket.SOCK_DGRAM) as stranger:
        stranger.bind((host, 0))
        ends.port.attach(asyncio.get_running_loop())
        path = ends.path()
        ends.port.direct(path)
        for _ in range(6000):  # more than the common socket's queue holds
            ends.hear(b"\1knock", stranger)
        ends.hear(b"\x80report")
        friend = ("rtcp", b"\x80report", ends.peer.getsockname())
        await until(lambda: friend in ends.heard)

        def knocks():
            return sum(kind == "stun" for kind, _, _ in ends.heard)

        await until(lambda: knocks() == STRANGERS_PER_TICK)
        for _ in range(20):
            await asyncio.sleep(0)
        assert knocks() == STRANGERS_PER_TICK
        ends.port.tick()
        await until(lambda: knocks() == 2 * STRANGERS_PER_TICK)


async def test_a_peer_that_floods_is_bounded_too():
    """Whoever pretends to be a peer, or is one gone mad, is read up to a bound per tick."""
    with Ends() as ends:
        ends.port.attach(asyncio.get_running_loop())
        ends.port.direct(ends.path())
        for _ in range(PEER_PER_TICK + 50):
            ends.hear(b"\x80")
        await until(lambda: len(ends.heard) == PEER_PER_TICK)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(ends.heard) == PEER_PER_TICK
        ends.port.tick()
        await until(lambda: len(ends.heard) == PEER_PER_TICK + 50)


async def test_trains_leave_from_the_same_port():
    """The peer sees one address, whichever socket sends; released, the common one goes on."""
    with Ends() as ends:
        ends.port.attach(asyncio.get_running_loop())
        path = ends.path()
        for direct in (True, False):
            (ends.port.direct if direct else ends.port.release)(path)
            assert (path.door is not None) == direct
            assert ends.port.send_train(path, [b"a" * 10, b"b" * 10, b"c"], 1)
            got = [ends.peer.recvfrom(99) for _ in range(3)]
            assert got == [(data, ends.sock.getsockname()) for data in (b"a" * 10, b"b" * 10, b"c")]
        assert ends.port.send_train(path, [b"alone"], 1)


async def test_a_pretended_icmp_error_costs_no_train():
    """A peer that was unreachable a moment ago is sent the next train all the same."""
    with Ends() as ends:
        ends.port.attach(asyncio.get_running_loop())
        path = ends.path()
        ends.port.direct(path)
        where = ends.peer.getsockname()
        ends.peer.close()
        assert ends.port.send_train(path, [b"lost"], 1)  # answered by an ICMP error
        ends.peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ends.peer.bind(where)
        ends.peer.settimeout(5)
        assert ends.port.send_train(path, [b"a" * 9, b"b" * 9], 1)
        assert [ends.peer.recv(99), ends.peer.recv(99)] == [b"a" * 9, b"b" * 9]
        assert ends.port.lost == 0


async def test_tcp_peers_are_peers():
    """Frames are sorted like datagrams, and trains go out framed; gone is lost, not full."""
    with Ends() as ends:
        ends.port.attach(asyncio.get_running_loop())
        with socket.create_connection(ends.listener.getsockname(), timeout=10) as peer:
            peer.sendall(framed([b"\0check", b"\x16hello", b"\x80report", b"other"], 1))
            await until(lambda: len(ends.heard) == 3)
            assert [kind for kind, _, _ in ends.heard] == ["stun", "dtls", "rtcp"]
            address = ends.heard[0][2]
            ends.port.prove(address)
            path = Path(address)
            ends.port.direct(path)
            assert path.door is None
            assert ends.port.send_train(path, [b"h", b"a", b"h", b"b"], 2)
            assert ends.port.send(b"one", address)
            assert peer.recv(13, socket.MSG_WAITALL) == b"\0\2ha\0\2hb\0\3one"
            ends.port.part(address)
            assert ends.port.send_train(path, [b"h"], 1)
            assert ends.port.lost == 1


@pytest.mark.parametrize(
    ("family", "everywhere", "far"),
    [(socket.AF_INET, "0.0.0.0", "127.0.0.9"), (socket.AF_INET6, "::", "::ffff:127.0.0.9")],
)
async def test_answers_leave_from_where_they_were_asked(family, everywhere, far):
    """On a machine with several addresses a peer is answered from the one that it knows."""
    with (
        socket.socket(family, socket.SOCK_DGRAM) as sock,
        socket.socket(family, socket.SOCK_DGRAM) as peer,
    ):
        if family == socket.AF_INET6:
            for one in (sock, peer):
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind((everywhere, 0))
        known = (far, sock.getsockname()[1])
        peer.connect(known)  # hears that address alone
        peer.settimeout(10)
        paths = []

        def hear(data, address):
            port.send(b"answer", address)
            paths.append(Path(address))
            port.direct(paths[-1])

        port = Port(sock, hear, hear, hear)
        port.attach(asyncio.get_running_loop())
        try:
            peer.send(b"\1")
            await until(lambda: paths)
            assert peer.recv(99) == b"answer"
            assert paths[0].door is not None
            assert port.send_train(paths[0], [b"a", b"b"], 1)
            assert port.send(b"c", paths[0].address)
            assert [peer.recv(99) for _ in range(3)] == [b"a", b"b", b"c"]
            port.release(paths[0])
        finally:
            port.detach()
