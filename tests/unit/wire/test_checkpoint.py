# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Signed checkpoints: form, round trip, and everything that is not one."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.wire.checkpoint import Checkpoint, VerifierKey, parse, parse_vkey, sign, verify

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
CHECKPOINT = Checkpoint("massa.example/varco", 42, bytes(range(32, 64)))
NOTE = sign(CHECKPOINT, KEY)


def test_the_form_is_the_published_one():
    """Origin, size, root, an empty line, and a signature line with dash, name and key id."""
    lines = NOTE.split("\n")
    assert lines[:4] == [
        "massa.example/varco",
        "42",
        base64.b64encode(CHECKPOINT.root).decode(),
        "",
    ]
    dash, name, signature = lines[4].split(" ")
    assert (dash, name, lines[5:]) == ("\u2014", "massa.example/varco", [""])
    raw = base64.b64decode(signature)
    assert raw[:4] == VerifierKey(CHECKPOINT.origin, PUBLIC).id()
    KEY.public_key().verify(raw[4:], "\n".join([*lines[:3], ""]).encode())


def test_published_verifier_key():
    """The example key of the Go checksum database has the id that its operators publish."""
    text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    key = parse_vkey(text)
    assert (key.origin, key.id().hex(), key.vkey()) == ("sum.golang.org", "033de0ae", text)


def test_what_was_signed_comes_back():
    """A signed checkpoint verifies, with or without naming the log."""
    assert parse(NOTE) == verify(NOTE, PUBLIC) == verify(NOTE, PUBLIC, CHECKPOINT.origin)


def test_other_signatures_are_passed_over():
    """A witness's line before ours does not disturb."""
    other = sign(CHECKPOINT, Ed25519PrivateKey.generate()).rpartition("\n\n")[2]
    body, _, ours = NOTE.rpartition("\n\n")
    assert verify(f"{body}\n\n{other}{ours}", PUBLIC) == CHECKPOINT


def test_another_key_or_log_is_refused():
    """Neither another key nor another name passes."""
    with pytest.raises(WireError, match="not signed by this key"):
        verify(NOTE, Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    with pytest.raises(WireError, match="not of"):
        verify(NOTE, PUBLIC, "carrara.example/varco")


@given(st.integers(0, len(NOTE) - 1), st.characters(codec="utf-8"))
def test_no_changed_note_verifies_as_something_else(at, character):
    """Whatever single character is exchanged, the note is refused."""
    changed = NOTE[:at] + character + NOTE[at + 1 :]
    if changed != NOTE:
        with pytest.raises(WireError):
            verify(changed, PUBLIC)


@given(st.text(max_size=300))
def test_any_text_is_a_note_or_an_error(text):
    """Garbage raises WireError and nothing else."""
    for attempt in (lambda: parse(text), lambda: verify(text, PUBLIC), lambda: parse_vkey(text)):
        with pytest.raises(WireError):
            attempt()


@pytest.mark.parametrize(
    "body",
    [
        "a\n1\nAAAA\n",
        "a\n01\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "a\n-1\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "a b\n1\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "a\n1\n",
        "a\n1\n" + base64.b64encode(bytes(32)).decode() + " \n",
        "a\n1\n" + base64.b64encode(bytes(32)).decode().replace("A=", "B=") + "\n",
    ],
)
def test_bodies_that_are_no_checkpoint(body):
    """A short root, a size with a leading zero, a name with a space: refused even if signed."""
    key = VerifierKey("a", PUBLIC)
    signature = base64.b64encode(key.id() + KEY.sign(body.encode())).decode()
    with pytest.raises(WireError):
        verify(f"{body}\n\u2014 a {signature}\n", PUBLIC)


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "a\nb", "x" * 201])
def test_a_name_that_breaks_the_form_is_not_signed(origin):
    """An origin that could not be parsed again is refused before signing."""
    with pytest.raises(WireError, match="origin"):
        sign(Checkpoint(origin, 0, bytes(32)), KEY)


def test_a_verifier_key_with_a_wrong_id_is_refused():
    """The hash in a verifier key guards against typing errors."""
    name, _, public = VerifierKey("a", PUBLIC).vkey().split("+", 2)
    with pytest.raises(WireError, match="hash"):
        parse_vkey(f"{name}+00000000+{public}")
