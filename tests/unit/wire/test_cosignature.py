# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""C2SP cosignatures: made, checked, and refused if anything is off."""

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.wire import checkpoint, cosignature
from gateway.wire.checkpoint import Checkpoint
from gateway.wire.cosignature import WitnessKey, parse_witness_key

LOG = Ed25519PrivateKey.from_private_bytes(bytes(32))
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = WitnessKey("sala.example/t", PRIVATE.public_key().public_bytes_raw())
NOTE = checkpoint.sign(Checkpoint("massa.example/varco", 7, bytes(32)), LOG)
UTC_S = 1_790_000_000
LINE = cosignature.cosign(NOTE, KEY.name, PRIVATE, UTC_S)


def test_the_form_is_that_of_the_specification():
    """Key id, time and signature stand where C2SP tlog-cosignature puts them."""
    mark, name, coded = LINE.split(" ")
    raw = base64.b64decode(coded)
    assert (mark, name, len(raw)) == ("\u2014", KEY.name, 76)
    assert raw[:4] == sha256(KEY.name.encode() + b"\n\x04" + KEY.public).digest()[:4]
    assert int.from_bytes(raw[4:12], "big") == UTC_S
    body = NOTE[: NOTE.index("\n\n") + 1]
    signed = f"cosignature/v1\ntime {UTC_S}\n{body}".encode()
    PRIVATE.public_key().verify(raw[12:], signed)
    assert cosignature.check(NOTE, LINE, KEY) == UTC_S


def test_a_note_with_cosignatures_is_still_the_logs():
    """The log's own verification passes over the witnesses' lines, before or after its own."""
    public = LOG.public_key().public_bytes_raw()
    assert checkpoint.verify(NOTE + LINE + "\n", public).size == 7
    head, _, own = NOTE.partition("\n\n")
    assert checkpoint.verify(f"{head}\n\n{LINE}\n{own}", public).size == 7
    assert cosignature.check(NOTE + LINE + "\n", LINE, KEY) == UTC_S


def test_keys_travel_as_text():
    """A vkey comes back; a log's key, or one whose hash does not fit, is refused."""
    assert parse_witness_key(KEY.vkey() + "\n") == KEY
    other = checkpoint.VerifierKey(KEY.name, KEY.public).vkey()
    for text in (other, KEY.vkey().replace(KEY.id().hex(), "00000000"), "", "a+b", "a b+c+d"):
        with pytest.raises(WireError):
            parse_witness_key(text)


def test_what_is_off_is_refused():
    """Another note, name, key, time or a flipped bit."""
    other = checkpoint.sign(Checkpoint("massa.example/varco", 8, bytes(32)), LOG)
    raw = base64.b64decode(LINE.rsplit(" ", 1)[1])
    later = base64.b64encode(raw[:4] + (UTC_S + 1).to_bytes(8, "big") + raw[12:]).decode()
    for note, line, key in (
        (other, LINE, KEY),
        (NOTE, LINE, WitnessKey("altri", KEY.public)),
        (NOTE, LINE, WitnessKey(KEY.name, LOG.public_key().public_bytes_raw())),
        (NOTE, f"\u2014 {KEY.name} {later}", KEY),
        (NOTE, LINE[:-4], KEY),
        (NOTE, LINE + "A" * 600, KEY),
        ("", LINE, KEY),
    ):
        with pytest.raises(WireError):
            cosignature.check(note, line, key)


@given(st.text(max_size=200), st.binary(max_size=100))
def test_hostile_lines(text, data):
    """Whatever stands there, the answer is WireError."""
    for line in (text, f"\u2014 {KEY.name} {text}", f"\u2014 {KEY.name} {base64.b64encode(data)}"):
        with pytest.raises(WireError):
            cosignature.check(NOTE, line, KEY)
