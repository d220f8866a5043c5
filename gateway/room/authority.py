# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The room's own authority (X.509, P-256): signs its server and the edges that it lets in.

Files in the state directory, 0600: `room-ca.key`, `room-ca.pem`, `room-server.pem` (certificate
and key), `room-issued.json` (what was issued: never trusted to let anybody in, that is the
registry's; it keeps one key from being two edges'). A server may not be a client nor an edge a
server: the extended key usage keeps an edge from posing as the room (RFC 5280 §4.2.1.12).
"""

import contextlib
import hashlib
import ipaddress
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.model.errors import ConfigError, RefusedError, StoreError
from gateway.model.identifiers import ID_FORM
from gateway.model.room import SERVER_NAME, split_address

CA_KEY, CA_FILE = "room-ca.key", "room-ca.pem"
SERVER_FILE, ISSUED_FILE = "room-server.pem", "room-issued.json"
CA_DAYS = 20 * 365
SERVER_DAYS = 10 * 365
EDGE_DAYS = 2 * 365
LEAST_SERVER_DAYS = 365
"""With fewer left it is made anew when the box starts."""
EARLY = timedelta(days=1)
"""A certificate begins so long before it is made: clocks of edges differ."""
RENEW_AT = 2 / 3
"""Of a certificate's life."""
MOST_CSR_BYTES = 4096
MOST_ISSUED = 4096


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that an edge was given."""

    edge: str
    sha256: str
    """Of the certificate's DER, 64 hexadecimal digits."""
    key_sha256: str
    """Of its public key (SubjectPublicKeyInfo)."""
    until_utc_us: int
    pending: bool = False
    """Given by a renewal; the one before still counts."""


class Authority:
    """One room's; made by `open_authority`. Methods do file I/O: call them beside the loop."""

    def __init__(self, folder: Path, ca: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._folder = folder
        self._ca = ca
        self._key = key
        self._issued = {one.edge: one for one in _read_issued(folder / ISSUED_FILE)}

    @property
    def ca_file(self) -> Path:
        """Where the authority's certificate is."""
        return self._folder / CA_FILE

    @property
    def server_file(self) -> Path:
        """Where the server's certificate and key are."""
        return self._folder / SERVER_FILE

    @property
    def ca_pem(self) -> str:
        """The authority's certificate."""
        return self._ca.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the authority's certificate."""
        return fingerprint(self._ca)

    def issued(self, edge: str) -> Issued | None:
        """Return what an edge was given last."""
        return self._issued.get(edge)

    def pending(self, sha256: str) -> str:
        """Return the edge that was given a certificate which does not count yet, or nothing."""
        found = (one.edge for one in self._issued.values() if one.pending and one.sha256 == sha256)
        return next(found, "")

    def examine(self, csr_pem: str, edge: str) -> ec.EllipticCurvePublicKey:
        """Return the key of an edge's request.

        RefusedError `csr`: not a good request with a P-256 key; `name`: for somebody else; `key`:
        the key is the room's own or another edge's.
        """
        request = _request(csr_pem)
        if _names(request.subject) != [edge]:
            raise RefusedError("name", f"the request is not for {edge}")
        key = request.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(
            key.curve, ec.SECP256R1
        ):
            raise RefusedError("csr", "the key is not P-256")
        digest = _key_sha256(key)
        own = {_key_sha256(one) for one in (self._key.public_key(), *self._server_key())}
        others = {one.key_sha256 for one in self._issued.values() if one.edge != edge}
        if digest in own | others:
            raise RefusedError("key", "the key is somebody else's already")
        return key

    def issue(self, csr_pem: str, edge: str, now_utc_us: int) -> tuple[str, Issued]:
        """Return the certificate for a request, and keep that it was given; as `examine`."""
        key = self.examine(csr_pem, edge)
        digest = _key_sha256(key)
        made = self._sign(key, edge, now_utc_us)
        until_utc_us = _us(made.not_valid_after_utc)
        given = Issued(edge, fingerprint(made).hex(), digest, until_utc_us, pending=True)
        self._keep(given)
        return made.public_bytes(serialization.Encoding.PEM).decode(), given

    def settle(self, edge: str, sha256: str) -> None:
        """Note that what an edge was given counts."""
        one = self._issued.get(edge)
        if one is not None and one.sha256 == sha256 and one.pending:
            self._keep(replace(one, pending=False))

    def forget(self, edge: str) -> None:
        """Let what is pending for an edge never count; its key stays taken."""
        one = self._issued.get(edge)
        if one is not None and one.pending:
            self._keep(replace(one, pending=False))

    def furnish(self, addresses: Sequence[str], room: str, now_utc_us: int) -> None:
        """See that the server has a certificate for these addresses that lasts a while."""
        wanted = _server_names(addresses)
        with contextlib.suppress(OSError, ValueError):
            held = x509.load_pem_x509_certificate(self.server_file.read_bytes())
            names = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            left = held.not_valid_after_utc - _time(now_utc_us)
            good = held.issuer == self._ca.subject and left > timedelta(days=LEAST_SERVER_DAYS)
            held.verify_directly_issued_by(self._ca)
            if good and set(names) == set(wanted):
                return
        key = ec.generate_private_key(ec.SECP256R1())
        made = _builder(_name(room), self._ca.subject, key.public_key(), now_utc_us, SERVER_DAYS)
        made = made.add_extension(x509.SubjectAlternativeName(wanted), critical=False)
        made = _leaf(made, self._ca, ExtendedKeyUsageOID.SERVER_AUTH)
        signed = made.sign(self._key, hashes.SHA256())
        write_guarded(
            self.server_file,
            signed.public_bytes(serialization.Encoding.PEM) + key_pem(key).encode(),
        )

    def _server_key(self) -> Iterable[ec.EllipticCurvePublicKey]:
        with contextlib.suppress(OSError, ValueError):
            held = x509.load_pem_x509_certificate(self.server_file.read_bytes()).public_key()
            if isinstance(held, ec.EllipticCurvePublicKey):
                yield held

    def _sign(self, key: ec.EllipticCurvePublicKey, edge: str, now: int) -> x509.Certificate:
        made = _builder(_name(edge), self._ca.subject, key, now, EDGE_DAYS)
        made = _leaf(made, self._ca, ExtendedKeyUsageOID.CLIENT_AUTH)
        return made.sign(self._key, hashes.SHA256())

    def _keep(self, one: Issued) -> None:
        if one.edge not in self._issued and len(self._issued) >= MOST_ISSUED:
            raise RefusedError("full", f"{MOST_ISSUED} edges have a certificate already")
        after = self._issued | {one.edge: one}
        text = json.dumps([asdict(each) for each in after.values()], indent=1)
        write_guarded(self._folder / ISSUED_FILE, text.encode())
        self._issued = after


def open_authority(folder: Path, room: str, now_utc_us: int) -> Authority:
    """Return the authority of a state directory, made once; ConfigError if it cannot be used."""
    key_path, path = folder / CA_KEY, folder / CA_FILE
    if not key_path.exists() and not path.exists():
        _make(folder, room, now_utc_us)
    try:
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
        ca = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        problem = error.strerror if isinstance(error, OSError) else "is not a PEM file of ours"
        advice = "restore room-ca.key and room-ca.pem together"
        raise ConfigError(str(path), "", str(problem), advice) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != ca.public_key():
        advice = "restore room-ca.key and room-ca.pem together"
        raise ConfigError(str(path), "", "does not belong to room-ca.key", advice)
    return Authority(folder, ca, key)


def _make(folder: Path, room: str, now_utc_us: int) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Varco {room}")
    made = _builder(name, name, key.public_key(), now_utc_us, CA_DAYS)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    made = made.add_extension(_usage(sign_certificates=True), critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    made = made.add_extension(identifier, critical=False)
    ca = made.sign(key, hashes.SHA256())
    # The key last: a certificate without one is told, a key without one would be a new room.
    write_guarded(folder / CA_FILE, ca.public_bytes(serialization.Encoding.PEM))
    write_guarded(folder / CA_KEY, key_pem(key).encode())


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a key for an edge; it never leaves that box."""
    return ec.generate_private_key(ec.SECP256R1())


def request_for(key: ec.EllipticCurvePrivateKey, edge: str) -> str:
    """Return the certificate request (PKCS #10) of an edge, PEM."""
    made = x509.CertificateSigningRequestBuilder().subject_name(_name(edge))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    """Return a key as PEM (PKCS #8)."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def fingerprint(certificate: x509.Certificate) -> bytes:
    """Return the SHA-256 of a certificate's DER."""
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).digest()


def is_room(leaf_der: bytes, ca: x509.Certificate, now_utc_us: int) -> bool:
    """Return whether a certificate is that of the server of a room's authority, in force."""
    try:
        leaf = x509.load_der_x509_certificate(leaf_der)
        leaf.verify_directly_issued_by(ca)
        uses = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        base = ca.extensions.get_extension_for_class(x509.BasicConstraints).value
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        told = names.get_values_for_type(x509.DNSName)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound, UnsupportedAlgorithm):
        return False
    now = _time(now_utc_us)
    in_force = all(c.not_valid_before_utc <= now <= c.not_valid_after_utc for c in (leaf, ca))
    is_server = ExtendedKeyUsageOID.SERVER_AUTH in uses and SERVER_NAME in told
    return in_force and base.ca and is_server


def is_ours(pem: str, key: ec.EllipticCurvePrivateKey, edge: str, ca: x509.Certificate) -> bool:
    """Return whether a certificate that an edge was given is for its name and its key."""
    try:
        made = x509.load_pem_x509_certificate(pem.encode())
        made.verify_directly_issued_by(ca)
        return _names(made.subject) == [edge] and made.public_key() == key.public_key()
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False


def span_of(pem: bytes) -> tuple[int, int]:
    """Return from when until when a certificate is in force, UTC in microseconds.

    ValueError if it is none.
    """
    made = x509.load_pem_x509_certificate(pem)
    return _us(made.not_valid_before_utc), _us(made.not_valid_after_utc)


def renewal_due(pem: bytes, now_utc_us: int) -> bool:
    """Return whether two thirds of a certificate's life are over; ValueError if it is none."""
    since, until = span_of(pem)
    return now_utc_us >= since + (until - since) * RENEW_AT


def write_guarded(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, as a whole or not at all; StoreError.

    Whoever owns the folder owns the file, also where an administrator runs the command.
    """
    part = path.with_name(path.name + ".part")
    try:
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            adopt(file.fileno(), path.parent)
        part.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error


def adopt(file: int | Path, folder: Path) -> None:
    """Give a file to the owner of a folder, where we are the machine's administrator."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(file, owner.st_uid, owner.st_gid)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _request(csr_pem: str) -> x509.CertificateSigningRequest:
    if len(csr_pem) > MOST_CSR_BYTES:
        raise RefusedError("csr", "the request is too long")
    try:
        request = x509.load_pem_x509_csr(csr_pem.encode())
        good = request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise RefusedError("csr", "the request cannot be read") from error
    if not good:
        raise RefusedError("csr", "the request is not signed with its own key")
    return request


def _names(subject: x509.Name) -> list[str]:
    """Return the common names of a subject that consists of one; else nothing."""
    found = list(subject)
    if len(found) != 1 or found[0].oid != NameOID.COMMON_NAME:
        return []
    value = found[0].value
    return [value] if isinstance(value, str) and ID_FORM.match(value) else []


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _server_names(addresses: Sequence[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = [x509.DNSName(SERVER_NAME)]
    for host in dict.fromkeys(split_address(one)[0] for one in addresses):
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            found.append(x509.DNSName(host))
    return found


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: int, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_time(now) - EARLY)
        .not_valid_after(_time(now) + timedelta(days=days))
    )


def _leaf(
    made: x509.CertificateBuilder, ca: x509.Certificate, use: x509.ObjectIdentifier
) -> x509.CertificateBuilder:
    authority = ca.public_key()
    assert isinstance(authority, ec.EllipticCurvePublicKey)  # noqa: S101 - checked when it was opened
    made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    made = made.add_extension(_usage(sign_certificates=False), critical=True)
    made = made.add_extension(x509.ExtendedKeyUsage([use]), critical=True)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority)
    return made.add_extension(identifier, critical=False)


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _key_sha256(key: ec.EllipticCurvePublicKey) -> str:
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, spki)).hexdigest()


def _read_issued(path: Path) -> list[Issued]:
    try:
        rows = json.loads(path.read_bytes())
        return [_one_issued(row) for row in rows]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        advice = "restore it, or invite every edge anew and remove it"
        raise ConfigError(str(path), "", "cannot be read", advice) from error


def _one_issued(row: Mapping[str, object]) -> Issued:
    until = row["until_utc_us"]
    if not isinstance(until, int):
        raise TypeError("until_utc_us")
    edge, sha256, key_sha256 = (str(row[name]) for name in ("edge", "sha256", "key_sha256"))
    return Issued(edge, sha256, key_sha256, until, bool(row["pending"]))


def _time(utc_us: int) -> datetime:
    return datetime.fromtimestamp(utc_us // 1_000_000, UTC)


def _us(when: datetime) -> int:
    return int(when.timestamp()) * 1_000_000
