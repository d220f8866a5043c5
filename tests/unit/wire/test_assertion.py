# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A room's word as a token: what is signed is read back, and nothing else is."""

import base64
import json
from dataclasses import fields, replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.access import Action, Purpose
from gateway.model.errors import WireError
from gateway.model.registry import Role
from gateway.model.room import Assertion
from gateway.wire.assertion import MOST_TOKEN_CHARS, clean, sign, verify

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
ISSUED = 1_790_000_000_000_000
GOOD = Assertion(
    grant="0199aaaa-0000-7000-8000-000000000001",
    serial=1,
    room="sala-pl",
    edge="varco-nord",
    camera="piazza",
    action=Action.LIVE,
    actor="op-1",
    actor_name="Operatore 1",
    role=Role.PL_OPERATOR,
    organisation="polizia-locale",
    purpose=Purpose.SERVICE,
    case="OS 12/2026",
    reason="",
    act="patto",
    origin="varco/sala-pl",
    seq=41,
    issued_utc_us=ISSUED,
    expires_utc_us=ISSUED + 60_000_000,
    flags=("break-glass",),
)


def packed(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(payload, key=KEY, domain=b"varco-assertion/1\n"):
    return f"va1.{packed(payload)}.{packed(key.sign(domain + payload))}"


def payload_of(token):
    part = token.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_what_is_signed_is_read_back():
    """All fields survive, in a token of bounded size."""
    token = sign(GOOD, KEY)
    assert verify(token, PUBLIC) == GOOD
    assert len(token) < 1024
    said = json.loads(payload_of(token))
    assert said.keys() == {one.name for one in fields(Assertion)}


lines = st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=60).filter(
    str.isprintable
)


@given(
    case=lines,
    reason=lines,
    name=lines,
    serial=st.integers(1, 1 << 53),
    left=st.integers(1, 60_000_000),
)
def test_any_words_survive(case, reason, name, serial, left):
    """Whatever people typed comes back as it was."""
    serial = min(serial, (1 << 53) - 1)
    one = replace(
        GOOD, case=case, reason=reason, actor_name=name, serial=serial,
        expires_utc_us=ISSUED + left,
    )  # fmt: skip
    assert verify(sign(one, KEY), PUBLIC) == one


@pytest.mark.parametrize(
    "change",
    [
        {"serial": 0},
        {"expires_utc_us": ISSUED},
        {"expires_utc_us": ISSUED + 60_000_001},
        {"room": "Sala PL"},
        {"edge": "a.b"},
        {"camera": ""},
        {"grant": ""},
        {"actor": ""},
        {"origin": ""},
        {"case": "a\nb"},
        {"reason": "x" * 201},
        {"flags": ("a",) * 9},
        {"flags": ("not a word",)},
        {"seq": -1},
        {"serial": 1 << 53},
    ],
)
def test_what_no_edge_takes_is_never_signed(change):
    """A room notices its own nonsense."""
    with pytest.raises(WireError):
        sign(replace(GOOD, **change), KEY)


@pytest.mark.parametrize(
    "change",
    [
        {"serial": True},
        {"serial": 1.0},
        {"action": "fly"},
        {"role": "king"},
        {"purpose": None},
        {"flags": "break-glass"},
        {"camera": 7},
        {"case": None},
        {"surprise": 1},
    ],
)
def test_a_signed_payload_of_wrong_form_is_refused(change):
    """A genuine signature does not make a strange payload good."""
    said = json.loads(payload_of(sign(GOOD, KEY))) | change
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    with pytest.raises(WireError):
        verify(signed(text.encode()), PUBLIC)


def test_another_spelling_of_the_same_payload_is_refused():
    """Blanks, another order, a key twice, a field too few: one form only."""
    said = json.loads(payload_of(sign(GOOD, KEY)))
    plain = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for text in (
        json.dumps(said, sort_keys=True, ensure_ascii=False),
        json.dumps(dict(reversed(said.items())), separators=(",", ":"), ensure_ascii=False),
        plain.replace('{"act":', '{"act":"x","act":'),
        plain.replace('"act":"patto",', ""),
        plain + " ",
    ):
        with pytest.raises(WireError):
            verify(signed(text.encode()), PUBLIC)
    assert verify(signed(plain.encode()), PUBLIC) == GOOD


def test_a_signature_of_another_key_or_for_another_thing_is_refused():
    """Neither another room's key nor our own over other bytes opens anything."""
    payload = payload_of(sign(GOOD, KEY))
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    for token in (
        signed(payload, other),
        signed(payload, KEY, b""),
        signed(payload, KEY, b"cosignature/v1\n"),
        f"va1.{packed(payload)}.{packed(bytes(64))}",
        f"va1.{packed(payload)}.",
    ):
        with pytest.raises(WireError, match="wrong signature"):
            verify(token, PUBLIC)
    with pytest.raises(WireError):
        verify(sign(GOOD, KEY), b"short")


def test_one_changed_bit_is_noticed():
    """Each character of the token counts, unless it no longer is base64url at all."""
    token = sign(GOOD, KEY)
    for at in range(4, len(token), 7):
        spoilt = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        with pytest.raises(WireError):
            verify(spoilt, PUBLIC)


@pytest.mark.parametrize(
    "token",
    ["", "va1", "va1..", "va2.e30.e30", "va1.e30=.e30", "va1.e31.AA", "va1.é.é", "va1.e30.e30.e30",
     "va1." + "A" * MOST_TOKEN_CHARS + ".AA"],
)  # fmt: skip
def test_what_is_no_token_is_refused(token):
    """Also one that is too long to look at."""
    with pytest.raises(WireError):
        verify(token, PUBLIC)


def test_cleaning_makes_one_line():
    """What people typed fits, cut and printable."""
    assert clean(" a\nb\u202ec ") == "a b c"
    assert len(clean("x" * 900)) == 200
