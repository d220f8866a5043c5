# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.room.authority: what it signs, what it refuses, and what others accept."""

import ssl
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from gateway.model.errors import ConfigError, RefusedError
from gateway.model.room import SERVER_NAME
from gateway.room.authority import (
    CA_FILE,
    CA_KEY,
    EDGE_DAYS,
    ISSUED_FILE,
    SERVER_FILE,
    is_ours,
    is_room,
    key_pem,
    new_key,
    open_authority,
    renewal_due,
    request_for,
    span_of,
)
from gateway.runtime.clock import SystemClock
from tests.unit.room.enrolling import NOW

DAY_US = 86_400 * 1_000_000


@pytest.fixture
def authority(tmp_path):
    made = open_authority(tmp_path, "sala", NOW)
    made.furnish(["192.0.2.1:8445", "sala.example:8445"], "sala", NOW)
    return made


def refusal(authority, csr, edge="nord"):
    with pytest.raises(RefusedError) as caught:
        authority.issue(csr, edge, NOW)
    return caught.value.code


@pytest.fixture
def today(tmp_path):
    """An authority of this very day: OpenSSL asks the machine's clock."""
    (tmp_path / "today").mkdir()
    now = SystemClock().now().utc_us
    made = open_authority(tmp_path / "today", "sala", now)
    made.furnish(["192.0.2.1:8445"], "sala", now)
    return made, now


def shake_hands(server, client):
    """Let two contexts shake hands in memory; return the server's side."""
    a, b = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(a, b, server_side=True)
    theirs = client.wrap_bio(b, a, server_hostname=SERVER_NAME)
    for _ in range(5):
        for side in (theirs, ours):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return ours


def contexts(authority, tmp_path, pem, key):
    own = tmp_path / "edge.pem"
    own.write_text(pem + key_pem(key))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_cert_chain(authority.server_file)
    server.load_verify_locations(authority.ca_file)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_cert_chain(own)
    client.load_verify_locations(authority.ca_file)
    for one in (server, client):
        one.minimum_version = ssl.TLSVersion.TLSv1_3
    return server, client


def test_both_ends_verify_what_it_signed(today, tmp_path):
    """Server and edge shake hands in TLS 1.3, by the name that every room's server has."""
    authority, now = today
    key = new_key()
    pem, given = authority.issue(request_for(key, "nord"), "nord", now)
    ours = shake_hands(*contexts(authority, tmp_path, pem, key))
    assert ours.version() == "TLSv1.3"
    assert x509.load_der_x509_certificate(
        ours.getpeercert(binary_form=True)
    ) == x509.load_pem_x509_certificate(pem.encode())
    assert len(given.sha256) == 64


def test_an_edge_cannot_pose_as_the_room(today, tmp_path):
    """A certificate of an edge is refused by another edge that believes it dials the room."""
    authority, now = today
    key = new_key()
    pem, _ = authority.issue(request_for(key, "nord"), "nord", now)
    server, client = contexts(authority, tmp_path, pem, key)
    server.load_cert_chain(tmp_path / "edge.pem")
    client.check_hostname = False  # what is left is the use of the key
    with pytest.raises(ssl.SSLCertVerificationError, match=r"purpose|certificate"):
        shake_hands(server, client)
    ca = x509.load_pem_x509_certificate(authority.ca_pem.encode())
    der = x509.load_pem_x509_certificate(pem.encode()).public_bytes(serialization.Encoding.DER)
    assert not is_room(der, ca, now)


def test_the_server_is_known_by_its_authority_alone_and_only_while_in_force(authority, tmp_path):
    """What an edge asks before it says anything."""
    leaf = x509.load_pem_x509_certificate(authority.server_file.read_bytes())
    der = leaf.public_bytes(serialization.Encoding.DER)
    ca = x509.load_pem_x509_certificate(authority.ca_pem.encode())
    assert is_room(der, ca, NOW)
    assert not is_room(der, ca, NOW + 11 * 365 * DAY_US)
    assert not is_room(der, leaf, NOW)
    assert not is_room(b"", ca, NOW)
    (tmp_path / "x").mkdir()
    other = open_authority(tmp_path / "x", "sala", NOW)
    assert not is_room(der, x509.load_pem_x509_certificate(other.ca_pem.encode()), NOW)


def test_files_are_guarded_made_once_and_taken_up_again(authority, tmp_path):
    """Mode 0600; a second start is the same room with the same server."""
    for name in (CA_KEY, CA_FILE, SERVER_FILE):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    server = authority.server_file.read_bytes()
    again = open_authority(tmp_path, "sala", NOW)
    again.furnish(["192.0.2.1:8445", "sala.example:8445"], "sala", NOW)
    assert again.fingerprint == authority.fingerprint
    assert again.server_file.read_bytes() == server


def test_the_server_gets_a_new_certificate_for_new_addresses_and_in_time(authority):
    """Names follow the configuration; a certificate is not used to its last day."""
    first = authority.server_file.read_bytes()
    authority.furnish(["192.0.2.2:8445"], "sala", NOW)
    second = authority.server_file.read_bytes()
    assert second != first
    authority.furnish(["192.0.2.2:8445"], "sala", NOW + 9 * 365 * DAY_US + 2 * DAY_US)
    assert authority.server_file.read_bytes() != second


def test_half_an_authority_is_told_and_not_replaced(authority, tmp_path):
    """Without its key, or with another one, every edge would have to be enrolled anew."""
    key = (tmp_path / CA_KEY).read_bytes()
    (tmp_path / CA_KEY).unlink()
    with pytest.raises(ConfigError, match="restore"):
        open_authority(tmp_path, "sala", NOW)
    (tmp_path / CA_KEY).write_text(key_pem(new_key()))
    with pytest.raises(ConfigError, match="does not belong"):
        open_authority(tmp_path, "sala", NOW)
    (tmp_path / CA_KEY).write_bytes(key)
    assert open_authority(tmp_path, "sala", NOW).fingerprint == authority.fingerprint


def test_a_request_for_another_name_is_refused(authority):
    """Also one with more than a name in it."""
    assert refusal(authority, request_for(new_key(), "sud")) == "name"
    two = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "nord"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Sala"),
        ]
    )
    csr = x509.CertificateSigningRequestBuilder().subject_name(two)
    signed = csr.sign(new_key(), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    assert refusal(authority, signed.decode()) == "name"


def test_what_a_request_asks_besides_its_key_is_not_granted(authority):
    """A request that wants to be an authority and the room's server is an edge like any other."""
    wish = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nord")]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(SERVER_NAME)]), critical=False)
        .sign(new_key(), hashes.SHA256())
    )
    pem, _ = authority.issue(wish.public_bytes(serialization.Encoding.PEM).decode(), "nord", NOW)
    made = x509.load_pem_x509_certificate(pem.encode())
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    with pytest.raises(x509.ExtensionNotFound):
        made.extensions.get_extension_for_class(x509.SubjectAlternativeName)


@pytest.mark.parametrize("csr", ["", "-----BEGIN", "x" * 5000, "è"])
def test_what_is_no_request_is_refused(authority, csr):
    """Whatever bytes come."""
    assert refusal(authority, csr) == "csr"


def test_a_request_must_be_signed_with_its_own_p_256_key(authority):
    """Somebody else's public key in a request of one's own, and other kinds of key."""
    good = request_for(new_key(), "nord").encode()
    der = bytearray(x509.load_pem_x509_csr(good).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    broken = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM)
    assert refusal(authority, broken.decode()) == "csr"
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nord")])
    blank = x509.CertificateSigningRequestBuilder().subject_name(name)
    for key, digest in (
        (ec.generate_private_key(ec.SECP384R1()), hashes.SHA256()),
        (ed25519.Ed25519PrivateKey.generate(), None),
    ):
        pem = blank.sign(key, digest).public_bytes(serialization.Encoding.PEM).decode()
        assert refusal(authority, pem) == "csr"


def test_nobody_gets_in_with_a_key_that_is_somebody_elses(authority, tmp_path):
    """Another edge's, the authority's, the server's; one's own may come again."""
    key = new_key()
    authority.issue(request_for(key, "sud"), "sud", NOW)
    assert refusal(authority, request_for(key, "nord")) == "key"
    for name in (CA_KEY, SERVER_FILE):
        own = serialization.load_pem_private_key((tmp_path / name).read_bytes(), None)
        assert refusal(authority, request_for(own, "nord")) == "key"
    authority.issue(request_for(key, "sud"), "sud", NOW)
    again = open_authority(tmp_path, "sala", NOW)
    assert refusal(again, request_for(key, "nord")) == "key", "also after a restart"


def test_what_was_given_is_pending_until_it_is_used(authority, tmp_path):
    """By it an edge is known whose answer got lost; settled or forgotten, it is not."""
    _, given = authority.issue(request_for(new_key(), "nord"), "nord", NOW)
    assert authority.pending(given.sha256) == "nord"
    assert open_authority(tmp_path, "sala", NOW).pending(given.sha256) == "nord"
    authority.settle("nord", "0" * 64)
    assert authority.pending(given.sha256) == "nord"
    authority.settle("nord", given.sha256)
    assert authority.pending(given.sha256) == ""
    _, second = authority.issue(request_for(new_key(), "nord"), "nord", NOW)
    authority.forget("nord")
    assert authority.pending(second.sha256) == ""


def test_a_certificate_is_due_at_two_thirds_of_its_life(authority):
    """Two years, from a day before: clocks differ."""
    key = new_key()
    pem, given = authority.issue(request_for(key, "nord"), "nord", NOW)
    since, until = span_of(pem.encode())
    assert (since, until) == (NOW - DAY_US, NOW + EDGE_DAYS * DAY_US)
    assert given.until_utc_us == until
    due = NOW + int(EDGE_DAYS * DAY_US * 2 / 3)
    assert not renewal_due(pem.encode(), due - 2 * DAY_US)
    assert renewal_due(pem.encode(), due + DAY_US)
    ca = x509.load_pem_x509_certificate(authority.ca_pem.encode())
    assert is_ours(pem, key, "nord", ca)
    assert not is_ours(pem, new_key(), "nord", ca)
    assert not is_ours(pem, key, "sud", ca)
    assert not is_ours("", key, "nord", ca)


def test_a_list_that_cannot_be_read_is_told(authority, tmp_path):
    """It is not taken for an empty one: keys would be free again."""
    for text in ("{", "[1]", '[{"edge": "a"}]'):
        (tmp_path / ISSUED_FILE).write_text(text)
        with pytest.raises(ConfigError, match="cannot be read"):
            open_authority(tmp_path, "sala", NOW)
