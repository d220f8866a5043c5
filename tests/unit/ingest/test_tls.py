# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.ingest.tls, against real handshakes."""

import asyncio
import contextlib
import os
import ssl

import pytest

from gateway.ingest import tls
from gateway.ingest.source import Trust
from gateway.model.errors import ConfigError, PeerError
from tests.certificates import Certificate


@contextlib.asynccontextmanager
async def presented(certificate):
    """A server that presents a certificate and says nothing; yields its port."""

    async def hold(reader, writer):
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0, ssl=certificate.server())
    async with server:
        yield server.sockets[0].getsockname()[1]


async def shaken(port, trust, host="127.0.0.1"):
    """Shake hands as ingest does; return what was agreed on."""
    _, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls.context(trust), server_hostname=host
    )
    try:
        found = writer.get_extra_info("ssl_object")
        tls.check_pin(found, trust, "rtsps://camera:322")
        return tls.agreed(found)
    finally:
        writer.transport.abort()


async def test_a_certificate_that_the_authorities_vouch_for_is_taken(tmp_path):
    """By name, with TLS 1.3."""
    certificate = Certificate(tmp_path, "127.0.0.1")
    async with presented(certificate) as port:
        agreed = await shaken(port, Trust(ca_file=certificate.certificate_file))
    assert agreed.startswith("TLSv1.3 TLS_")


async def test_a_pinned_certificate_needs_no_authority_and_no_name(tmp_path):
    """Self-signed for another name: the pin alone counts, however it is written."""
    certificate = Certificate(tmp_path, "other.example")
    written = ":".join(
        certificate.sha256[at : at + 2].upper() for at in range(0, len(certificate.sha256), 2)
    )
    async with presented(certificate) as port:
        for pin in (certificate.sha256, written):
            assert await shaken(port, Trust(sha256=pin))


async def test_another_certificate_than_the_pinned_one_is_named(tmp_path):
    """The error has the fingerprint found and what to do."""
    certificate = Certificate(tmp_path, "127.0.0.1")
    async with presented(certificate) as port:
        with pytest.raises(PeerError, match=certificate.sha256) as caught:
            await shaken(port, Trust(sha256="0" * 64))
    assert "rtsps://camera:322" in str(caught.value)
    assert "pin this one" in str(caught.value)


@pytest.mark.parametrize(
    ("names", "days", "known", "words"),
    [
        (["127.0.0.1"], 1, False, "self-signed certificate"),
        (["other.example"], 1, True, "not valid for '127.0.0.1'|IP address mismatch"),
        (["127.0.0.1"], -1, True, "expired"),
    ],
)
async def test_a_bad_certificate_is_refused_with_its_fingerprint(
    tmp_path, names, days, known, words
):
    """Unknown authority, another name, expired: the reason, and what may be pinned."""
    certificate = Certificate(tmp_path, *names, days=days)
    trust = Trust(ca_file=certificate.certificate_file) if known else Trust()
    async with presented(certificate) as port:
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            await shaken(port, trust)
        seen = await tls.seen("127.0.0.1", port)
    error = tls.refusal(caught.value, "rtsps://camera:322", seen)
    assert certificate.sha256 in str(error)
    with pytest.raises(PeerError, match=words):
        raise error


async def test_an_old_protocol_is_refused(tmp_path):
    """TLS 1.1 is not spoken, pin or not."""
    for trust in (Trust(), Trust(sha256="0" * 64)):
        assert tls.context(trust).minimum_version is ssl.TLSVersion.TLSv1_2


async def test_nobody_there_has_no_fingerprint():
    """Looking never raises."""
    assert await tls.seen("127.0.0.1", 1) == ""


@pytest.mark.parametrize("pin", ["abc", "g" * 64, "0" * 63])
def test_a_pin_that_is_none_is_a_configuration_error(pin):
    """It is told before anything is dialled."""
    with pytest.raises(ConfigError, match="64 hexadecimal digits"):
        tls.context(Trust(sha256=pin))


def test_a_missing_file_of_authorities_is_a_configuration_error(tmp_path):
    """The file is named."""
    with pytest.raises(ConfigError, match=r"nothing\.pem"):
        tls.context(Trust(ca_file=tmp_path / "nothing.pem"))


def test_the_authorities_are_read_once_until_their_file_changes(tmp_path):
    """Cameras share a context by name; a renewed file is read again, a pin has its own."""
    first = Certificate(tmp_path, "127.0.0.1").certificate_file
    trust = Trust(ca_file=first)
    made = tls.context(trust)
    assert tls.context(trust) is made
    assert tls.context(Trust()) is not made
    before = first.stat().st_mtime_ns
    os.utime(first, ns=(before + 1, before + 1))
    assert tls.context(trust) is not made
    pin = Trust(sha256="a" * 64)
    assert tls.context(pin) is not tls.context(pin)
