# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.relay.alarms.mqtt_tls; a real broker is in test_mosquitto_secure.py."""

import re
import socket
import ssl
from contextlib import closing

import pytest
from cryptography import x509

from gateway.model.errors import CredentialError, PeerError
from gateway.relay.alarms.mqtt_tls import TlsOptions, explain, peek, tls_context
from tests.peers.broker_authority import DAY, Authority

PLACE = "broker q (h:1)"


def verification(code, message):
    error = ssl.SSLCertVerificationError(1, "x")
    error.verify_code, error.verify_message = code, message
    return error


def alert(reason):
    error = ssl.SSLError(1, "x")
    error.reason = reason
    return error


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder, "ca")
    authority.issue("box-1", since=-9 * DAY, until=-2 * DAY)
    return folder


@pytest.fixture
def ours(files):
    return TlsOptions(files / "ca.pem", files / "box-1.pem", files / "box-1.key")


@pytest.fixture
def shown(files):
    return x509.load_pem_x509_certificate((files / "box-1.pem").read_bytes())


@pytest.mark.parametrize(
    ("code", "message", "text"),
    [
        (10, "certificate has expired", r"certificate expired on \d{4}-\d\d-\d\d \d\d:\d\d UTC: "),
        (9, "not yet valid", r"valid only from \d{4}-\d\d-\d\d \d\d:\d\d UTC: .*clock"),
        (20, "no local issuer", r"issued by 'ca', whom \S+/ca\.pem does not vouch for"),
        (62, "Hostname mismatch", r"is for localhost, 127\.0\.0\.1 and does not stand for this"),
    ],
)
def test_the_brokers_certificate_is_told_with_its_own_dates_and_names(
    ours, shown, code, message, text
):
    """And with OpenSSL's words, for whoever searches for them."""
    error = explain(verification(code, message), PLACE, ours, shown)
    assert type(error) is PeerError
    assert re.search(rf"^broker q \(h:1\): the broker's certificate .*{text}", str(error)) or (
        re.search(rf"^broker q \(h:1\): the broker's {text}", str(error))
    )
    assert str(error).endswith(f"(certificate verify failed: {message})")
    assert error.retry_after_s >= 30
    without = str(explain(verification(code, message), PLACE, ours, None))
    assert without.startswith("broker q (h:1): the broker's certificate ")


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", r"it expired on \d{4}-\d\d-\d\d \d\d:\d\d UTC; have a"),
        ("TLSV1_ALERT_UNKNOWN_CA", "the broker does not trust its issuer 'ca'"),
        ("SSLV3_ALERT_CERTIFICATE_REVOKED", "it was revoked"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", "the broker cannot read it"),
        ("SSLV3_ALERT_CERTIFICATE_UNKNOWN", "the broker does not accept it"),
    ],
)
def test_our_certificate_is_named_with_its_file(ours, reason, text):
    """It is a matter of credentials, asked again seldom."""
    error = explain(alert(reason), PLACE, ours, None)
    assert isinstance(error, CredentialError)
    assert re.search(
        rf"^broker q \(h:1\) refuses our certificate \S+/box-1\.pem: {text}", str(error)
    )


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("WRONG_VERSION_NUMBER", "no TLS on this port"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "offers no TLS 1.2 or newer"),
        ("DECRYPTION_FAILED_OR_BAD_RECORD_MAC", "TLS failed: decryption failed or bad record mac"),
        (None, "TLS failed: "),
    ],
)
def test_other_failures_are_told_as_they_are(ours, reason, text):
    """None is taken for a certificate's."""
    error = explain(alert(reason), PLACE, ours, None)
    assert type(error) is PeerError
    assert text in str(error)


def test_a_certificate_that_is_wanted_names_the_keys_to_write(files):
    """Whether TLS 1.3 says so or 1.2 only fails."""
    for reason in ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_HANDSHAKE_FAILURE"):
        error = explain(alert(reason), PLACE, TlsOptions(files / "ca.pem"), None)
        assert str(error).endswith("write certificate and key in [broker.tls]")


def test_nothing_below_tls_1_2_is_spoken(files):
    """Chain and host name are always verified."""
    context = tls_context(TlsOptions(files / "ca.pem"))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert tls_context(None) is None


def test_a_look_at_nobody_is_no_certificate():
    """A closed port is no error of its own: the first one is told."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert peek("127.0.0.1", port, 0.5) is None
