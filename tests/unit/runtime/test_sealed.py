# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""TLS over a raw socket: who is who, what is refused, and bytes in and out."""

import asyncio
import errno
import os
import select
import ssl

import pytest

from gateway.model.errors import ConfigError, CredentialError, PeerError
from gateway.model.room import SERVER_NAME
from gateway.runtime.sealed import Sealed, address_of, client_context
from gateway.wire.uplink import ALPN_LINE, ALPN_MEDIA
from tests.certificates import Authority
from tests.line_parts import SOON_S, World, tcp_pair


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


async def shake(world, context, name=SERVER_NAME):
    """Return what both ends got: a connection or an error."""
    near, far = await tcp_pair()
    async with asyncio.timeout(SOON_S):
        return await asyncio.gather(
            Sealed.connect(near, context, name, within_s=SOON_S),
            Sealed.accept(far, world.server_context(), within_s=SOON_S),
            return_exceptions=True,
        )


def run(coroutine):
    return asyncio.run(coroutine)


def test_both_ends_know_each_other_by_certificate_and_agree_on_a_protocol(world):
    """After a handshake each end has the other's verified certificate and the protocol."""

    async def play():
        issued = world.authority.issue("edge")
        client, server = await shake(world, world.client_context(issued, ALPN_MEDIA))
        assert server.peer_sha256 == issued.sha256
        assert client.peer_sha256 == world.server.sha256
        assert client.alpn == server.alpn == ALPN_MEDIA
        assert client.tls.startswith("TLSv1.3 ")
        assert server.peer_address == client.local_address
        client.close()
        server.close()

    run(play())


def test_what_is_written_is_read(world):
    """Bytes arrive in order, also more than any buffer holds, while both ends talk at once."""

    async def play():
        client, server = await world.pair()
        sent = bytes(range(256)) * 4096

        async def read(end):
            got = bytearray()
            while len(got) < len(sent):
                got += await end.read()
            return bytes(got)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(client.write(sent))
            tasks.create_task(server.write(sent))
            got = [tasks.create_task(read(one)) for one in (client, server)]
        assert [one.result() for one in got] == [sent, sent]
        assert client.sent_bytes == server.received_bytes > len(sent)
        client.close()
        server.close()

    run(play())


def test_the_end_is_an_error(world):
    """Whoever reads from a connection that the other end closed is told so."""

    async def play():
        client, server = await world.pair()
        await client.write(b"last words")
        client.close()
        assert await server.read() == b"last words"
        with pytest.raises(PeerError, match="closed the connection"):
            await server.read()
        server.close()
        assert server.closed

    run(play())


@pytest.mark.parametrize("days", [30, -1])
def test_a_certificate_that_does_not_verify_is_refused_and_its_owner_told(world, tmp_path, days):
    """Another authority, or one that has expired: CredentialError at both ends."""

    async def play():
        other = world.authority if days < 0 else Authority(tmp_path)
        context = world.client_context(other.issue("edge", days=days))
        client, server = await shake(world, context)
        assert isinstance(server, CredentialError)
        with pytest.raises(CredentialError, match="refuses our certificate"):
            await client.read()
        client.close()

    run(play())


@pytest.mark.parametrize("name", ["another.example", None])
def test_a_server_that_is_not_the_room_is_refused(world, tmp_path, name):
    """The client looks at the name and at the authority."""

    async def play():
        issued = world.authority.issue("edge")
        ca = None if name else Authority(tmp_path).file
        context = world.client_context(issued, ca=ca)
        client, server = await shake(world, context, name or SERVER_NAME)
        assert isinstance(client, CredentialError)
        assert isinstance(server, PeerError)

    run(play())


def test_older_tls_is_refused(world):
    """TLS 1.2 is not spoken."""

    async def play():
        context = world.client_context(world.authority.issue("edge"))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        client, server = await shake(world, context)
        assert isinstance(client, PeerError)
        assert isinstance(server, PeerError)

    run(play())


def test_a_client_without_certificate_has_none(world):
    """What the protocol needs is for whoever looks at the certificate."""

    async def play():
        context = ssl.create_default_context(cafile=world.authority.file)
        context.set_alpn_protocols([ALPN_LINE])
        client, server = await shake(world, context)
        assert (server.peer_der, server.peer_sha256) == (b"", "")
        client.close()
        server.close()

    run(play())


def test_a_handshake_has_a_bound(world):
    """Somebody who connects and says nothing is let go, and the socket is closed."""

    async def play():
        near, far = await tcp_pair()
        with pytest.raises(PeerError, match="no handshake in time"):
            await Sealed.accept(far, world.server_context(), within_s=0.05)
        assert far.fileno() == -1
        near.close()

    run(play())


def test_a_line_on_which_nothing_comes_back_is_not_called_a_handshake(world):
    """The system gives a standing connection up: ETIMEDOUT is a TimeoutError, too."""

    async def play():
        client, server = await shake(world, world.client_context(world.authority.issue("nord")))

        async def given_up(*_):
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))

        asyncio.get_running_loop().sock_recv = given_up
        with pytest.raises(PeerError, match="nothing comes back"):
            await server.read()
        client.close()
        server.close()

    run(play())


def test_garbage_instead_of_a_handshake(world):
    """Bytes that are not TLS are an error of the peer."""

    async def play():
        near, far = await tcp_pair()
        await asyncio.get_running_loop().sock_sendall(near, b"GET / HTTP/1.1\r\n\r\n" * 10)
        with pytest.raises(PeerError):
            await Sealed.accept(far, world.server_context(), within_s=SOON_S)
        near.close()

    run(play())


def test_bytes_for_those_who_read_the_socket_themselves(world):
    """`seal` gives what to send, `unseal` what was said; the end comes after what was said."""

    async def play():
        client, server = await world.pair()
        sealed = client.seal(b"pictures" * 5000)
        assert server.unseal(b"") == b""
        cut = len(sealed) // 2
        said = server.unseal(sealed[:cut])
        said += server.unseal(memoryview(sealed)[cut:])
        assert said == b"pictures" * 5000
        assert server.unseal(client.seal(b"more")) == b"more"
        server.end_of_stream()
        with pytest.raises(PeerError):
            server.unseal(b"")
        client.close()
        server.close()

    run(play())


def test_spoilt_bytes_end_the_connection(world):
    """A record that was changed on its way raises, and gives nothing."""

    async def play():
        client, server = await world.pair()
        sealed = bytearray(client.seal(b"pictures"))
        sealed[-1] ^= 1
        with pytest.raises(PeerError, match="TLS ended"):
            server.unseal(bytes(sealed))
        client.close()
        server.close()

    run(play())


def test_waiting_for_the_first_word_reads_nothing(world):
    """`spoken_to` returns when bytes came, still to be read; `is_idle` says it at once."""

    async def play():
        client, server = await world.pair()
        assert client.is_idle()
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(client.spoken_to())
            await asyncio.sleep(0)
            assert not waiting.done()
            await server.write(b"DESCRIBE")
        assert not client.is_idle()
        assert await client.read() == b"DESCRIBE"
        server.close()
        client.close()
        assert not client.is_idle()

    run(play())


def test_waiting_for_a_word_that_never_comes(world):
    """`spoken_to` raises when the other end goes away."""

    async def play():
        client, server = await world.pair()
        async with asyncio.timeout(SOON_S):
            server.sock.close()
            with pytest.raises(PeerError):
                await client.spoken_to()
        assert not client.is_idle()
        client.close()

    run(play())


def test_cut_ends_it_under_whoever_uses_it(world):
    """A reader is woken by the end; the descriptor stays the reader's until it closes."""

    async def play():
        client, server = await world.pair()
        server.cut()
        async with asyncio.timeout(SOON_S):
            with pytest.raises(PeerError):
                await server.read()
            with pytest.raises(PeerError):
                await client.read()
        assert server.fileno() >= 0
        server.close()
        client.close()

    run(play())


def test_close_waits_for_nobody(world):
    """Closing a connection whose other end reads nothing returns at once."""

    async def play():
        client, server = await world.pair()
        sealed, poll = client.seal(b"x" * (8 << 20)), select.poll()
        poll.register(client.fileno(), select.POLLOUT)
        while sealed and poll.poll(0):
            sealed = sealed[client.sock.send(sealed) :]
        assert sealed, "the other end's buffers are full"
        client.close()
        assert client.fileno() == -1
        server.close()

    run(play())


def test_files_that_cannot_be_used_are_named(world, tmp_path):
    """A context names the file: one that is not there, one that is no certificate."""
    pem = world.authority.issue("edge").file
    with pytest.raises(ConfigError, match=r"none\.pem"):
        client_context(tmp_path / "none.pem", pem, world.authority.file, [])
    with pytest.raises(ConfigError, match=r"none\.pem"):
        client_context(pem, pem, tmp_path / "none.pem", [])
    (tmp_path / "bad.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match=r"bad\.pem"):
        client_context(pem, tmp_path / "bad.pem", world.authority.file, [])


def test_addresses_for_people():
    """IPv6 stands in brackets; a socket without a name has one for people."""
    assert address_of(("::1", 80, 0, 0)) == "[::1]:80"
    assert address_of(("127.0.0.1", 80)) == "127.0.0.1:80"
    assert address_of("") == "local"
