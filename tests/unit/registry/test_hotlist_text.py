# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A plate's normal form, and what else the same marks may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.model.plate import Alternative, PlateRead
from gateway.registry.hotlist_text import (
    FLOOR,
    MOST_TRIED,
    country_code,
    normal,
    spellings,
)

SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
plates = st.text(SIGNS, min_size=4, max_size=12)
reads = st.builds(
    PlateRead,
    plates,
    st.floats(0, 1),
    st.lists(st.floats(0, 1), max_size=12).map(tuple),
    st.lists(st.builds(Alternative, plates, st.floats(0, 1)), max_size=8).map(tuple),
)


def texts(read):
    return [one.text for one in spellings(read)]


@given(plates, st.lists(st.tuples(st.integers(0, 12), st.sampled_from(" -.·\t")), max_size=6))
def test_marks_between_and_small_letters_change_nothing(plate, marks):
    """Whoever types a plate in his own way means the same plate."""
    typed = plate.lower()
    for at, mark in marks:
        typed = typed[:at] + mark + typed[at:]
    assert normal(typed) == plate


@given(plates)
def test_the_normal_form_is_its_own(plate):
    """Twice is once."""
    assert normal(normal(plate)) == normal(plate)


@given(st.text(max_size=20))
def test_any_text_is_a_plate_or_an_error_without_it(text):
    """No error repeats what was typed."""
    told = ""
    try:
        found = normal(text)
    except WireError as error:
        found, told = "", str(error)
    assert set(found) <= set(SIGNS)
    assert told in (
        "",
        "a plate has letters A-Z and digits",
        "a plate has 4 to 12 letters and digits",
    )


@pytest.mark.parametrize("text", ["", "ABC", "A" * 13, "AB 123 ЖЖ", "AA000AA;", "AB\n123"])
def test_what_is_no_plate_is_refused(text):
    """Too short, too long, other alphabets, other signs."""
    with pytest.raises(WireError):
        normal(text)


def test_umlauts_are_their_letters():
    """German and Polish plates have them."""
    assert normal("LÖ-AB 12") == "LOAB12"


def test_a_country_is_two_letters():
    """Or none."""
    assert (country_code(" it "), country_code("")) == ("IT", "")
    with pytest.raises(WireError):
        country_code("ITA")


@given(reads)
def test_the_read_itself_comes_first_and_each_text_once(read):
    """However unsure it is; all others are likely enough, falling, and bounded in number."""
    found = spellings(read)
    assert found[0].text == read.text
    assert [one.is_read for one in found] == [True] + [False] * (len(found) - 1)
    assert len({one.text for one in found}) == len(found) <= MOST_TRIED
    rest = [one.probability for one in found[1:]]
    assert rest == sorted(rest, reverse=True)
    assert all(FLOOR <= one <= 1 for one in rest)
    assert all(normal(one.text) == one.text for one in found)


@pytest.mark.parametrize(
    ("read", "other"),
    [("AB123CO", "AB123C0"), ("AB123C0", "AB123CO"), ("AI123CD", "A1123CD"), ("OO11AB", "0O1IAB")],
)
def test_one_glyph_is_two_signs(read, other):
    """O and 0, I and 1, wherever they stand, each by itself."""
    assert other in texts(PlateRead(read, 0.99, (0.99,) * len(read)))


def test_a_doubtful_sign_may_be_its_neighbour():
    """B for 8 as far as the reader doubts it; where it is sure the other one comes far behind."""
    doubted = PlateRead("AB123CD", 0.7, (0.99, 0.6, 0.99, 0.99, 0.99, 0.99, 0.99))
    by = {one.text: one.probability for one in spellings(doubted)}
    assert by["A8123CD"] == pytest.approx(0.7 * 0.4)
    sure = PlateRead("AB123CD", 0.99, (1.0,) * 7)
    by = {one.text: one.probability for one in spellings(sure)}
    assert by.get("A8123CD", 0.0) < 0.05


def test_a_readers_alternative_counts_as_likely_as_it_says():
    """And not at all below the floor."""
    read = PlateRead(
        "AB123CD", 0.6, (), (Alternative("AB123CE", 0.3), Alternative("AB123CF", FLOOR / 2))
    )
    by = {one.text: one.probability for one in spellings(read)}
    assert by["AB123CE"] == pytest.approx(0.3)
    assert "AB123CF" not in by


def test_no_spelling_stands_in_a_repr():
    """Nor a text that was read."""
    read = PlateRead("AB123CO", 0.9)
    assert "AB123" not in repr(spellings(read)) + repr(read)


def test_nothing_read_is_nothing_sought():
    """An empty text, or three signs of a half plate."""
    assert spellings(PlateRead("", 0.0)) == ()
    assert spellings(PlateRead("AB1", 0.9)) == ()
