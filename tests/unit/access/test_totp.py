# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Codes of a second device."""

import base64
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import pytest

from gateway.access import totp

RFC = base64.b32encode(b"12345678901234567890").decode()
"""Secret of RFC 6238, appendix B, SHA-1; its codes are the last six of the eight digits there."""


@pytest.mark.parametrize(
    ("utc_s", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (2000000000, "279037")],
)
def test_the_vectors_of_rfc_6238(utc_s, code):
    """The codes of the standard belong to their steps."""
    assert totp.step_of(RFC, code, utc_s) == utc_s // 30


def test_one_step_either_way_and_no_more():
    """A device's clock may be half a minute off, not a whole one."""
    found = [totp.step_of(RFC, "050471", 1111111111 + 30 * n) for n in (-2, -1, 0, 1, 2)]
    step = 1111111111 // 30
    assert found == [None, step, step, step, None]


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", "٠٥٠٤٧١", "05047l", "-50471", "0" * 5000, "\ud800"]
)
def test_anything_else_is_no_code(code):
    """Six ASCII digits or nothing."""
    assert totp.step_of(RFC, code, 1111111111) is None


def test_spaces_that_people_type_do_not_matter():
    """Authenticators show codes in two groups."""
    assert totp.step_of(RFC, " 050 471 ", 1111111111) == 1111111111 // 30


def test_an_enrolment_says_the_same_thrice():
    """Secret, address and picture belong together; the picture has nothing active in it."""
    secret = totp.new_secret()
    made = totp.enrolment(secret, "anna", "Borgo Apuano")
    assert len(base64.b32decode(secret)) * 8 == 160
    assert totp.new_secret() != secret
    parts = urlsplit(made.uri)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parse_qs(parts.query)["secret"] == [secret]
    root = ET.fromstring(made.qr_svg)
    names = {one.tag.rpartition("}")[2] for one in root.iter()}
    assert names <= {"svg", "g", "path"}
    assert not any(
        name.startswith("on") or "href" in name for one in root.iter() for name in one.attrib
    )
    assert secret not in repr(made)
