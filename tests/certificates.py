# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Certificates for cameras in tests: self-signed, for names and addresses, in a folder."""

import datetime
import hashlib
import ipaddress
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Certificate:
    """A key and its certificate; signs for itself."""

    def __init__(self, folder, *names, days=1):
        """`names`: DNS names and addresses that it stands for; `days`: until it expires."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "camera")])
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=2))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([_name(one) for one in names]), False)
            .sign(key, hashes.SHA256())
        )
        der = made.public_bytes(serialization.Encoding.DER)
        self.sha256 = hashlib.sha256(der).hexdigest()
        self.certificate_file = folder / f"{self.sha256[:8]}.pem"
        self.key_file = folder / f"{self.sha256[:8]}.key"
        self.certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        self.key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

    def server(self):
        """Return the context of a server that presents it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate_file, self.key_file)
        return context


def _name(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


class Authority:
    """Signs for others; `file` is its certificate."""

    def __init__(self, folder):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        self._folder = folder
        made = self._builder(self._name, self._key.public_key(), 365, (), is_ca=True)
        self.file = self._write(made.sign(self._key, hashes.SHA256()), "ca.pem")

    def issue(self, *names, days=30):
        """Return a certificate for these names, in force until in `days`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "end")])
        made = self._builder(subject, key.public_key(), days, names, is_ca=False)
        return Issued(self._folder, made.sign(self._key, hashes.SHA256()), key)

    def _builder(self, subject, key, days, names, *, is_ca):
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=2))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        if not names:
            return made
        return made.add_extension(x509.SubjectAlternativeName([_name(one) for one in names]), False)

    def _write(self, made, name):
        digest = made.fingerprint(hashes.SHA256()).hex()[:8]
        path = self._folder / f"{digest}-{name}"
        path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        return path


class Issued:
    """A certificate and its key, in one file."""

    def __init__(self, folder, made, key):
        self.sha256 = made.fingerprint(hashes.SHA256()).hex()
        self.file = folder / f"{self.sha256[:8]}.pem"
        self.file.write_bytes(
            made.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
