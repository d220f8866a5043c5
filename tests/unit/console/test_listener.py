# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The listener: TLS with client certificates, and a stop that keeps its bound."""

import asyncio
import contextlib
import datetime
import hashlib
import ipaddress
import signal
import socket
import ssl

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.console import listener
from gateway.console.app import build_app
from gateway.console.listener import STOP_S, bind_tcp, bind_unix, serve, server_tls
from gateway.model.errors import ConfigError
from tests.ui.town import PASSWORD
from tests.unit.console.conftest import Site, serving


class Authority:
    """A certificate authority for one test."""

    def __init__(self, folder, name):
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        made = self._build(self._name, self._key.public_key(), ca=True)
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def _build(self, subject, key, *, ca):
        now = datetime.datetime.now(datetime.UTC)
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .sign(self._key, hashes.SHA256())
        )

    def issue(self, name):
        """Return files of a certificate and its key, and the hash of its DER form."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Sala Nord"),
                x509.NameAttribute(NameOID.COMMON_NAME, name),
            ]
        )
        made = self._build(subject, key.public_key(), ca=False)
        certificate, secret = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        der = made.public_bytes(serialization.Encoding.DER)
        return certificate, secret, hashlib.sha256(der).hexdigest()


def trusting(authority, identity=None):
    """Return a client context."""
    context = ssl.create_default_context(cafile=authority.file)
    if identity is not None:
        context.load_cert_chain(identity[0], identity[1])
    return context


async def test_a_client_certificate_reaches_the_handler(town, tmp_path):
    """mTLS: whoami tells hash and subject; none is 401; a stranger's is not even served."""
    ours, strangers = Authority(tmp_path, "ours"), Authority(tmp_path, "strangers")
    server, peer, stranger = ours.issue("server"), ours.issue("node"), strangers.issue("stranger")
    tls = server_tls(server[0], server[1], clients=ours.file, required=False)
    bound = bind_tcp("127.0.0.1", 0)
    base = f"https://127.0.0.1:{bound.getsockname()[1]}"
    async with serving(build_app(town.services()), [bound], tls):
        async with httpx.AsyncClient(verify=trusting(ours, peer), base_url=base) as client:
            answer = await client.get("/api/machine/whoami")
        async with httpx.AsyncClient(verify=trusting(ours), base_url=base) as client:
            nobody = await client.get("/api/machine/whoami")
            signed = await client.post("/api/session", json={"user": "anna", "password": PASSWORD})
        async with httpx.AsyncClient(verify=trusting(ours, stranger), base_url=base) as client:
            with pytest.raises(httpx.TransportError):
                await client.get("/api/machine/whoami")
    assert answer.json() == {
        "certificate_sha256": peer[2],
        "subject": "CN=node,O=Sala Nord",
        "user": None,
    }
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert nobody.status_code == 401
    assert nobody.json()["code"] == "client-certificate-needed"
    assert "Secure" in signed.headers["set-cookie"]


async def test_a_machine_listener_can_demand_the_certificate(town, tmp_path):
    """With required client certificates nobody else gets an answer."""
    ours = Authority(tmp_path, "ours")
    server = ours.issue("server")
    tls = server_tls(server[0], server[1], clients=ours.file)
    bound = bind_tcp("127.0.0.1", 0)
    base = f"https://127.0.0.1:{bound.getsockname()[1]}"
    async with (
        serving(build_app(town.services()), [bound], tls),
        httpx.AsyncClient(verify=trusting(ours), base_url=base) as client,
    ):
        with pytest.raises(httpx.TransportError):
            await client.get("/healthz")


async def test_a_forwarded_certificate_header_proves_nothing(site):
    """Headers that pretend to carry a certificate are ignored."""
    async with site.anonymous(headers={"X-Client-Cert": "x", "X-Forwarded-For": "9.9.9.9"}) as one:
        assert (await one.get("/api/machine/whoami")).status_code == 401


async def test_cancelling_ends_open_streams_within_the_bound(town):
    """Open event streams end by themselves and the port is free again."""
    bound = bind_tcp("127.0.0.1", 0)
    port = bound.getsockname()[1]
    site = Site(town, f"http://127.0.0.1:{port}")
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        server = group.create_task(serve(build_app(town.services()), sockets=[bound]))
        async with (
            site.as_user("anna") as client,
            client.stream("GET", "/api/alarms/events") as stream,
        ):
            lines = stream.aiter_lines()
            assert await anext(lines) == "retry: 2000"
            began = loop.time()
            server.cancel()
            rest = [line async for line in lines]
            while not server.done():
                await asyncio.sleep(0.01)
            took = loop.time() - began
    assert server.cancelled()
    assert took < STOP_S
    assert "event: signed-out" not in rest
    assert town.alarms.subscriptions == set()
    bind_tcp("127.0.0.1", port).close()


async def test_serving_installs_no_signal_handlers(town):
    """The composition root keeps SIGTERM and SIGINT."""
    before = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)]
    bound = bind_tcp("127.0.0.1", 0)
    site = Site(town, f"http://127.0.0.1:{bound.getsockname()[1]}")
    async with serving(build_app(town.services()), [bound]), site.anonymous() as client:
        await client.get("/healthz")
        assert [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)] == before


async def test_a_silent_connection_is_closed(town, monkeypatch):
    """Who connects and never completes a request head does not keep the place."""
    monkeypatch.setattr(listener, "REQUEST_S", 0.05)
    bound = bind_tcp("127.0.0.1", 0)
    port = bound.getsockname()[1]
    async with serving(build_app(town.services()), [bound]):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow:")
        async with asyncio.timeout(30):
            assert await reader.read() == b""
        writer.close()


async def test_a_taken_port_is_a_clear_error():
    """Address in use names the address."""
    first = bind_tcp("127.0.0.1", 0)
    port = first.getsockname()[1]
    with pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{port}: .*cannot listen"):
        bind_tcp("127.0.0.1", port)
    first.close()


def test_a_socket_path_that_cannot_be_made_is_a_clear_error(tmp_path):
    """The path is named; a stale socket is replaced instead."""
    with pytest.raises(ConfigError, match="cannot listen"):
        bind_unix(tmp_path / "none" / "control.sock")
    path = tmp_path / "control.sock"
    bind_unix(path).close()
    bind_unix(path).close()


def test_bad_tls_files_are_named(tmp_path):
    """A file that is no certificate is named in the error."""
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    with pytest.raises(ConfigError, match=r"junk\.pem"):
        server_tls(junk, junk)
    good = Authority(tmp_path, "ours").issue("server")
    with pytest.raises(ConfigError, match=r"junk\.pem"):
        server_tls(good[0], good[1], clients=junk)


@pytest.mark.parametrize(
    ("sent", "drip"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /h", b"e"),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n", b"x"),
    ],
    ids=["second-head", "unread-body"],
)
async def test_a_later_request_that_never_ends_is_closed_too(town, monkeypatch, sent, drip):
    """The bound holds for every request, and drops of bytes do not move it."""
    monkeypatch.setattr(listener, "REQUEST_S", 0.1)
    bound = bind_tcp("127.0.0.1", 0)
    async with serving(build_app(town.services()), [bound]):
        reader, writer = await asyncio.open_connection(*bound.getsockname())
        writer.write(sent)
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(30):
                while not reader.at_eof():
                    writer.write(drip)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.02):
                            await reader.read(4096)
        writer.close()


async def test_who_reads_no_answer_is_cut_off(town, monkeypatch):
    """A peer that asks and does not read does not keep the place."""
    monkeypatch.setattr(listener, "REQUEST_S", 0.1)
    monkeypatch.setattr(listener, "UNREAD_S", 0.3)
    bound = bind_tcp("127.0.0.1", 0)
    loop = asyncio.get_running_loop()
    async with serving(build_app(town.services()), [bound]):
        with socket.socket() as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.setblocking(False)
            await loop.sock_connect(peer, bound.getsockname())
            ask = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 100
            with pytest.raises(ConnectionError):
                async with asyncio.timeout(30):
                    while True:
                        await loop.sock_sendall(peer, ask)


async def test_a_slow_handler_and_an_idle_stream_are_not_cut_off(town, monkeypatch):
    """What is being answered may take its time."""
    monkeypatch.setattr(listener, "REQUEST_S", 0.5)
    bound = bind_tcp("127.0.0.1", 0)
    site = Site(town, f"http://127.0.0.1:{bound.getsockname()[1]}")
    async with (
        serving(build_app(town.services()), [bound]),
        site.as_user("anna") as client,
        client.stream("GET", "/api/alarms/events", timeout=30) as stream,
    ):
        lines = stream.aiter_lines()
        while await anext(lines) != "event: ready":
            pass
        looks = asyncio.Event()
        asyncio.get_running_loop().call_later(1.0, looks.set)
        await looks.wait()
        made = town.alarms.raise_one()
        while not (await anext(lines)).startswith(f"id: {made.alarm.id}."):
            pass
