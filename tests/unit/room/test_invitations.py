# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.room.invitations: codes that people pass on, and how each ends."""

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import ConfigError, RefusedError
from gateway.room import invitations
from gateway.room.invitations import (
    FILE,
    KEPT_US,
    LIFE_US,
    MOST_KEPT,
    MOST_OPEN,
    MOST_TRIES,
    Code,
    Invitations,
    pin_of,
    read_code,
    write_code,
)
from tests.unit.room.enrolling import NOW

CODE = Code(bytes(range(16)), bytes(16), "varco-nord", ("sala.example:8445", "[2001:db8::1]:1"))


@pytest.fixture
def book(tmp_path):
    return Invitations(tmp_path / FILE)


def refusal(book, secret, edge="nord", now=NOW):
    with pytest.raises(RefusedError) as caught:
        book.redeem(secret, edge, now)
    return caught.value.code


hosts = st.from_regex(r"[a-z][a-z0-9.-]{0,20}", fullmatch=True)
codes = st.builds(
    Code,
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=16, max_size=16),
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", fullmatch=True),
    st.lists(
        st.tuples(hosts, st.integers(1, 65535)).map(lambda pair: f"{pair[0]}:{pair[1]}"),
        min_size=1,
        max_size=8,
    ).map(tuple),
)


@given(codes)
def test_every_code_comes_back_however_it_is_typed(code):
    """Small letters, blanks, line breaks, and O, I, L for 0 and 1."""
    text = write_code(code)
    assert read_code(text) == code
    typed = text.lower().replace("-", " \n").replace("0", "O").replace("1", "l")
    assert read_code(typed) == code


def test_a_slip_is_told_as_that_and_not_repeated():
    """One letter wrong, one missing, two swapped: a checksum, so that no try is wasted."""
    text = write_code(CODE)
    for at in (0, 7, len(text) // 2, len(text) - 1):
        wrong = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        for bad in (wrong, text[:at] + text[at + 1 :]):
            if bad.replace("-", "") == text.replace("-", ""):
                continue
            with pytest.raises(ConfigError, match="not a whole invitation") as caught:
                read_code(bad)
            assert bad not in str(caught.value)


@given(st.text(max_size=200) | st.binary(max_size=80).map(lambda b: b.hex()))
def test_anything_else_is_refused(text):
    """In one way only."""
    with pytest.raises(ConfigError):
        read_code(text)


def test_another_version_says_so():
    """A code of a newer Varco is not a slip of the pen."""
    import base64
    import hashlib

    from gateway.room import invitations

    body = bytes([9]) + bytes(40)
    data = body + hashlib.sha256(body).digest()[:4]
    text = base64.b32encode(data).decode().rstrip("=").translate(invitations._TO_PEOPLE)
    with pytest.raises(ConfigError, match="version 9"):
        read_code(text)


def test_half_of_the_fingerprint_stands_for_the_authority():
    """128 bits: nobody makes another authority that fits."""
    assert pin_of(bytes(range(32))) == bytes(range(16))


def test_a_code_serves_once(book):
    """The second time it says so; that stands on disk before anybody gets a certificate."""
    secret, made = book.open("nord", "rossi", NOW)
    assert made.until_utc_us == NOW + LIFE_US
    assert book.redeem(secret, "nord", NOW).by == "rossi"
    assert refusal(book, secret) == "code-used"
    assert refusal(Invitations(book._path), secret) == "code-used"


def test_the_book_holds_no_secret_and_nobody_else_reads_it(book, tmp_path):
    """A hash, mode 0600."""
    secret, _ = book.open("nord", "rossi", NOW)
    text = (tmp_path / FILE).read_bytes()
    assert secret.hex().encode() not in text
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_a_code_is_over_after_a_day(book):
    """To the microsecond; later it is not known any more at all."""
    secret, made = book.open("nord", "rossi", NOW)
    assert refusal(book, secret, now=made.until_utc_us) == "code-expired"
    assert book.waiting(made.until_utc_us) == ()
    book.redeem(secret, "nord", made.until_utc_us - 1)
    later = made.until_utc_us + KEPT_US
    book.open("sud", "rossi", later)
    assert refusal(book, secret, now=later) == "code-unknown"


def test_a_wrong_secret_costs_nobody_anything(book):
    """Whoever guesses cannot make the right code void."""
    secret, _ = book.open("nord", "rossi", NOW)
    for number in range(20):
        assert refusal(book, bytes([number]) * 16) == "code-unknown"
    book.redeem(secret, "nord", NOW)


def test_a_code_for_another_edge_is_void_after_some_tries(book):
    """Its holder may slip, not search."""
    secret, _ = book.open("nord", "rossi", NOW)
    for _ in range(MOST_TRIES):
        assert refusal(book, secret, "sud") == "name"
    assert refusal(book, secret) == "code-void"


def test_a_new_invitation_replaces_the_old_one_and_revoking_ends_it(book):
    """One open code for each edge."""
    first, _ = book.open("nord", "rossi", NOW)
    second, _ = book.open("nord", "verdi", NOW)
    assert refusal(book, first) == "code-replaced"
    assert [one.by for one in book.waiting(NOW)] == ["verdi"]
    book.withdraw("nord", NOW)
    assert refusal(book, second) == "code-withdrawn"
    assert book.waiting(NOW) == ()


def test_the_book_is_bounded(book, monkeypatch):
    """So many wait, so many are remembered."""
    most_open, most_kept = 8, 16  # each invitation writes the whole book
    assert (MOST_OPEN, MOST_KEPT) == (64, 256)
    monkeypatch.setattr(invitations, "MOST_OPEN", most_open)
    monkeypatch.setattr(invitations, "MOST_KEPT", most_kept)
    for number in range(most_open):
        book.open(f"e{number}", "rossi", NOW)
    with pytest.raises(RefusedError, match="full"):
        book.open("one-more", "rossi", NOW)
    for _ in range(most_kept):
        book.open("e0", "rossi", NOW)
    assert len(book._book) <= most_kept
    assert len(book.waiting(NOW)) == most_open


def test_a_book_that_cannot_be_read_is_told(tmp_path):
    """An operator may remove it; nobody is let in by accident."""
    for text in ("{", "[1]", '[{"who": 1}]'):
        (tmp_path / FILE).write_text(text)
        with pytest.raises(ConfigError, match="cannot be read"):
            Invitations(tmp_path / FILE)
