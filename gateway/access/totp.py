# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Codes of a second device (RFC 6238): SHA-1, six digits, 30 s, as every authenticator knows them.

pyotp and segno live here. Times are UTC in whole seconds; nothing is remembered here.
"""

import io
import secrets
from dataclasses import dataclass, field
from typing import Final

import pyotp
import segno

STEP_S: Final = 30
DIGITS: Final = 6
TOLERANCE_STEPS: Final = 1
"""A device's clock may be this far off, either way (RFC 6238 §5.2 recommends one)."""
SECRET_CHARS: Final = 32
"""Base32: 160 bits, as RFC 4226 §4 recommends."""
MOST_CODE_CHARS: Final = 16


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a person puts into their device, once."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)
    """`otpauth://totp/…`."""
    qr_svg: str = field(repr=False)
    """The same as a picture; no script, no style, no reference to anything."""


def new_secret() -> str:
    """Return a fresh secret, base32."""
    return pyotp.random_base32(SECRET_CHARS)


def enrolment(secret: str, user: str, box: str) -> Enrolment:
    """Return how a secret is shown to the person `user` of the box called `box`."""
    uri = pyotp.TOTP(secret, digits=DIGITS, interval=STEP_S).provisioning_uri(
        name=user, issuer_name=f"Varco {box}"
    )
    drawn = io.BytesIO()
    segno.make(uri, error="m", micro=False).save(
        drawn, kind="svg", scale=4, border=4, xmldecl=False, light="#fff", dark="#000"
    )
    return Enrolment(secret, uri, drawn.getvalue().decode())


def step_of(secret: str, code: str, utc_s: int) -> int | None:
    """Return the step of time that a code belongs to, within the tolerance; None if to none.

    All candidates are compared, each in constant time. Spaces that people type are ignored.
    """
    typed = "".join(code[:MOST_CODE_CHARS].split())
    if len(typed) != DIGITS or not (typed.isascii() and typed.isdigit()):
        return None
    device = pyotp.TOTP(secret, digits=DIGITS, interval=STEP_S)
    now = utc_s // STEP_S
    found: int | None = None
    for step in range(max(0, now - TOLERANCE_STEPS), now + TOLERANCE_STEPS + 1):
        if secrets.compare_digest(device.generate_otp(step), typed):
            found = step
    return found
