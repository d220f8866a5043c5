# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""RFC 3161: a time-stamping authority's word that a checkpoint existed at its time.

The only file that knows `rfc3161_client`. Everything here computes and waits for nobody; it takes
milliseconds, so that callers on the loop use a thread.
"""

from dataclasses import dataclass
from hashlib import sha256

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from gateway.model.errors import WireError

MOST_TOKEN_BYTES = 64 << 10
"""A token with the certificates of its authority has 3 to 8 KiB."""
_SHA256 = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")


@dataclass(frozen=True, slots=True)
class Question:
    """What is sent to an authority."""

    der: bytes
    nonce: int
    """Random, 64 bits; the answer must repeat it, so that no old one can be played back."""


def question(data: bytes) -> Question:
    """Return the request for a token over the SHA-256 of `data`, with the authority's chain."""
    builder = TimestampRequestBuilder(data=data).hash_algorithm(HashAlgorithm.SHA256)
    made = builder.cert_request(cert_request=True).nonce(nonce=True).build()
    if made.nonce is None:
        raise WireError("timestamp request without a nonce")
    return Question(made.as_bytes(), made.nonce)


def check(der: bytes, data: bytes, roots_pem: bytes, nonce: int | None = None) -> int:
    """Return the time of a token over `data`, in microseconds UTC since 1970.

    WireError if it is none, is over something else, does not repeat `nonce`, or if no chain at
    that time leads to one of the certificates in `roots_pem`. `nonce` None: a kept token.
    """
    if len(der) > MOST_TOKEN_BYTES:
        raise WireError(f"timestamp token of {len(der)} bytes")
    roots = authorities(roots_pem)
    try:
        response = decode_timestamp_response(der)
        _insist(response, data, roots, nonce)
        return round(response.tst_info.gen_time.timestamp() * 1_000_000)
    except VerificationError as error:
        raise WireError(f"timestamp token: {error}") from error
    except (ValueError, TypeError, AssertionError, NotImplementedError) as error:
        raise WireError(f"timestamp token that cannot be read: {error}") from error


def _insist(
    response: TimeStampResponse, data: bytes, roots: list[x509.Certificate], nonce: int | None
) -> None:
    if response.status != 0:
        raise WireError(f"timestamp refused: {response.status} {' '.join(response.status_string)}")
    if response.tst_info.message_imprint.hash_algorithm != _SHA256:
        raise WireError("timestamp token: not over a SHA-256")
    builder = VerifierBuilder(roots=roots, nonce=nonce)
    builder.build().verify(response, sha256(data).digest())


def authorities(pem: bytes) -> list[x509.Certificate]:
    """Return the certificates of a PEM text; WireError if there is none."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise WireError("timestamp authority: no certificate in PEM form") from error
