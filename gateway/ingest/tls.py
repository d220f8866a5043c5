# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""TLS towards cameras: always verified, by name or by the certificate that a person pinned."""

import asyncio
import contextlib
import hashlib
import re
import ssl
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from gateway.ingest.source import Trust
from gateway.model.errors import ConfigError, PeerError

PIN = re.compile(r"[0-9a-f]{64}")
PINNED_CIPHERS = "DEFAULT:@SECLEVEL=1"
"""Cameras sign themselves with RSA of 1024 bits; a pin stands for the certificate, not its key."""
_CERTIFICATE_SEEN_S = 3.0


TlsObject: TypeAlias = ssl.SSLObject | ssl.SSLSocket


def context(trust: Trust) -> ssl.SSLContext:
    """Return a client's context: TLS 1.2 or later, verified by name, or to be held to a pin.

    With a pin neither chain nor name is looked at: call `check_pin` before anything is sent.
    ConfigError if the authorities' file or the pin cannot be used.
    """
    if trust.sha256:
        pin_of(trust)
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
        made.set_ciphers(PINNED_CIPHERS)
    else:
        try:
            made = _verifying(trust.ca_file, _changed(trust.ca_file))
        except (OSError, ssl.SSLError) as error:
            where, advice = str(trust.ca_file), "a PEM file with the authorities' certificates"
            raise ConfigError(where, "", f"cannot be read: {error}", advice) from None
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


@lru_cache(maxsize=16)
def _verifying(ca_file: Path | None, changed: int) -> ssl.SSLContext:
    """Return a context that verifies by name, one for all cameras; `changed` dates the file.

    To read the authorities of a system takes 40 ms, and cameras come back together.
    """
    del changed
    return ssl.create_default_context(cafile=ca_file)


def _changed(ca_file: Path | None) -> int:
    """Return when the authorities' file was changed last; 0 if that is not known."""
    path = ca_file or ssl.get_default_verify_paths().cafile
    with contextlib.suppress(OSError):
        return Path(path).stat().st_mtime_ns if path else 0
    return 0


def pin_of(trust: Trust) -> str:
    """Return the pin in plain lower-case digits, or nothing; ConfigError if it is none."""
    pin = trust.sha256.replace(":", "").lower()
    if pin and not PIN.fullmatch(pin):
        advice = "SHA-256 of the certificate's DER: 64 hexadecimal digits"
        raise ConfigError("tls_sha256", "", "is not a fingerprint", advice)
    return pin


def check_pin(ssl_object: TlsObject, trust: Trust, where: str) -> None:
    """Hold a finished handshake to the pin, if there is one.

    PeerError with the fingerprint that was found; `where` names the peer.
    """
    pin = pin_of(trust)
    if not pin:
        return
    found = fingerprint(ssl_object)
    if found != pin:
        raise PeerError(
            f"{where}: another certificate than the pinned one, SHA-256 {found or 'none'}; if the "
            "camera was replaced or renewed it on purpose, pin this one, otherwise somebody is "
            "between it and us"
        )


def fingerprint(ssl_object: TlsObject) -> str:
    """Return the SHA-256 of the peer's certificate (DER) in hexadecimal; empty without one."""
    der = ssl_object.getpeercert(True)
    return hashlib.sha256(der).hexdigest() if isinstance(der, bytes) else ""


def refusal(error: ssl.SSLError, where: str, seen: str) -> PeerError:
    """Return what an installer is told about a failed handshake.

    `seen`: fingerprint of what the peer presents, which a person may pin; empty if unknown.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = f"its certificate does not verify: {error.verify_message or error.reason}"
        advice = f"; SHA-256 {seen}: compare it with the camera's page and pin it" if seen else ""
        return PeerError(f"{where}: {reason}{advice}")
    reason = (error.reason or str(error)).replace("_", " ").lower()
    return PeerError(f"{where}: no TLS agreed on ({reason}); TLS 1.2 is the least")


async def seen(host: str, port: int) -> str:
    """Return the fingerprint of what a peer presents, to be shown to a person; never raises.

    A connection of its own on which nothing is sent; empty if it cannot be had in 3 s.
    """
    bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bare.check_hostname = False
    bare.verify_mode = ssl.CERT_NONE
    bare.set_ciphers(PINNED_CIPHERS)
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_CERTIFICATE_SEEN_S):
            _, writer = await asyncio.open_connection(host, port, ssl=bare)
            try:
                found = fingerprint(writer.get_extra_info("ssl_object"))
            finally:
                writer.transport.abort()
            return found
    return ""


def agreed(ssl_object: ssl.SSLObject) -> str:
    """Return protocol and cipher for a status line, `TLSv1.3 TLS_AES_256_GCM_SHA384`."""
    cipher = ssl_object.cipher()
    return f"{ssl_object.version() or ''} {cipher[0] if cipher else ''}".strip()
