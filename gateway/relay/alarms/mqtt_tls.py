# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""TLS towards a broker: how it is verified, and what a person is told when that fails.

OpenSSL says `certificate has expired`; whoever is woken at night needs to know whose, since when
and what to do. So a failed handshake is explained with the certificates themselves: ours from its
file, the broker's by a second look that sends nothing but a greeting.
"""

import socket
import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from gateway.model.errors import CredentialError, PeerError

RETRY_S = 30.0
"""Nobody renews a certificate faster."""

_EXPIRED, _NOT_YET = 10, 9
_UNTRUSTED = frozenset({2, 18, 19, 20, 21})
"""X509_V_ERR_*: no issuer, self-signed, self-signed in chain, no local issuer, unverified leaf."""

_ALERTS = {
    "CERTIFICATE_UNKNOWN": "the broker does not accept it",
    "BAD_CERTIFICATE": "the broker cannot read it",
    "UNSUPPORTED_CERTIFICATE": "the broker does not accept its kind",
    "CERTIFICATE_REVOKED": "it was revoked",
    "ACCESS_DENIED": "the broker does not let it in",
}
"""Alerts of the broker about our certificate (RFC 8446 §6.2), beside those with dates."""


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """How the broker is verified, always with its host name, and how we prove who we are."""

    ca_file: Path | None = None
    """PEM of the authorities that may vouch for the broker; None: those of the system."""
    cert_file: Path | None = None
    key_file: Path | None = None


class TlsSocket(ssl.SSLSocket):
    """Closes itself when the handshake fails, which paho leaves to the garbage collector.

    With TLS 1.3 a broker refuses our certificate only after our handshake: as an alert, which
    paho logs and forgets. It stays in `refusal`.
    """

    refusal: ssl.SSLError | None = None

    def do_handshake(self, block: bool = False) -> None:  # type: ignore[explicit-override]
        """Do it; OSError if it fails, and the socket is closed."""
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:  # type: ignore[explicit-override]
        """Receive as always; an alert is kept."""
        try:
            return super().recv(buflen, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            self.refusal = error
            raise


def tls_context(options: TlsOptions | None) -> ssl.SSLContext | None:
    """Return a context that verifies chain and host name, TLS 1.2 or newer.

    OSError or ValueError if a file cannot be used.
    """
    if options is None:
        return None
    context = ssl.create_default_context(cafile=options.ca_file)
    context.sslsocket_class = TlsSocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if options.cert_file is not None:
        context.load_cert_chain(options.cert_file, options.key_file)
    return context


def explain(
    error: ssl.SSLError, place: str, options: TlsOptions, peer: x509.Certificate | None
) -> PeerError:
    """Return what a person is told about a failed handshake.

    `place` names the broker; `peer` is its certificate if `peek` could have it.
    """
    made: PeerError
    if isinstance(error, ssl.SSLCertVerificationError):
        made = PeerError(f"{place}: {_of_theirs(error, options, peer)}")
    else:
        ours = _of_ours(error.reason or "", options)
        made = (
            CredentialError(f"{place} {ours}") if ours else PeerError(f"{place}: {_other(error)}")
        )
    made.retry_after_s = RETRY_S
    return made


def peek(host: str, port: int, within_s: float) -> x509.Certificate | None:
    """Return the certificate that a broker shows, unverified, for words only; blocks.

    Nothing is sent over that connection. None if there is no answer in time.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), within_s) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            der = secured.getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(der) if der else None
    except (OSError, ValueError):
        return None


def _of_theirs(
    error: ssl.SSLCertVerificationError, options: TlsOptions, peer: x509.Certificate | None
) -> str:
    """Return what is wrong with the broker's certificate."""
    told = f"(certificate verify failed: {error.verify_message})"
    if error.verify_code == _EXPIRED:
        since = f" on {_minute(peer.not_valid_after_utc)}" if peer else ""
        return f"the broker's certificate expired{since}: its operator must renew it {told}"
    if error.verify_code == _NOT_YET:
        since = f" from {_minute(peer.not_valid_before_utc)}" if peer else " later"
        return (
            f"the broker's certificate is valid only{since}: is this machine's clock right? {told}"
        )
    if error.verify_code in _UNTRUSTED:
        issuer = f" {_name(peer.issuer)}" if peer else ""
        trusted = options.ca_file or "the system's authorities"
        return (
            f"the broker's certificate was issued by{issuer or ' somebody'}, whom {trusted} does"
            f" not vouch for: correct tls.ca {told}"
        )
    shown = f" is for {', '.join(_hosts(peer))} and" if peer and _hosts(peer) else ""
    return f"the broker's certificate{shown} does not stand for this host: correct host {told}"


def _of_ours(alert: str, options: TlsOptions) -> str:
    """Return why the broker refuses our certificate; empty if the alert is not about it."""
    if options.cert_file is None:
        wants = ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE")
        asked = "wants a client certificate: write certificate and key in [broker.tls]"
        return asked if alert.endswith(wants) else ""
    ours = _ours(options.cert_file)
    whose = f"refuses our certificate {options.cert_file}"
    if alert.endswith("CERTIFICATE_EXPIRED"):
        since = f" on {_minute(ours.not_valid_after_utc)}" if ours else ""
        return f"{whose}: it expired{since}; have a new one issued"
    if alert.endswith("UNKNOWN_CA"):
        issuer = f" {_name(ours.issuer)}" if ours else " another authority"
        return f"{whose}: the broker does not trust its issuer{issuer}"
    why = next((text for name, text in _ALERTS.items() if alert.endswith(name)), "")
    return f"{whose}: {why}" if why else ""


def _other(error: ssl.SSLError) -> str:
    reason = error.reason or str(error)
    if reason == "WRONG_VERSION_NUMBER":
        return "no TLS on this port: correct port, or the broker's listener"
    if "PROTOCOL_VERSION" in reason or reason == "UNSUPPORTED_PROTOCOL":
        return "the broker offers no TLS 1.2 or newer"
    return f"TLS failed: {reason.lower().replace('_', ' ')}"


def _ours(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None


def _minute(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"


def _name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return repr(str(found[0].value)[:80]) if found else repr(name.rfc4514_string()[:80])


def _hosts(certificate: x509.Certificate) -> list[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [str(one.value)[:80] for one in extension.value][:4]
