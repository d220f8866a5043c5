# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Is this plate sought? Answered in memory, from digests."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.plate import Alternative, ListKind, PlateRead
from gateway.model.time import Moment
from gateway.registry.hotlist_keys import HotListKeys
from gateway.registry.hotlist_match import Ground, HotIndex, Sought, entry_id

KEYS = HotListKeys(bytes(range(32)))
BEGIN, END = 1_000_000, 9_000_000
NOW = Moment(5.0, 5_000_000)
GROUND = Ground("questura", "prot. 12", "furto")


def sought(text, number=1, kind=ListKind.STOLEN, country="IT", span=(BEGIN, END)):
    return Sought(number, kind, country, KEYS.digest(country, text), *span, GROUND)


def index(*entries):
    return HotIndex(KEYS, entries)


def read(text, *, certain=True, country="IT", **more):
    return PlateRead(
        text, more.pop("p", 0.99), (0.99,) * len(text), country=country, certain=certain, **more
    )


def test_a_certain_read_that_stands_on_the_list_is_exact():
    """With why it is sought and who delivered it; the entry is its id."""
    found = index(sought("AB123CD", 7)).match(read("AB123CD"), NOW)
    assert (found.entry, found.kind, found.text) == (entry_id(7), ListKind.STOLEN, "AB123CD")
    assert (found.exact, found.needs_person) == (True, False)
    assert (found.reason, found.source, found.act) == ("furto", "questura", "prot. 12")
    assert "AB123CD" not in repr(found)


def test_an_uncertain_read_needs_a_person():
    """Although it is the very text of the list."""
    found = index(sought("AB123CD")).match(read("AB123CD", certain=False, p=0.6), NOW)
    assert (found.exact, found.needs_person, found.probability) == (True, True, 0.6)


@pytest.mark.parametrize("listed", ["AB123C0", "A8123CO", "AB1Z3CO"])
def test_another_spelling_matches_and_says_so(listed):
    """What is on the list is another text than what was read: never exact, always a person."""
    doubted = PlateRead("AB123CO", 0.8, (0.99, 0.6, 0.99, 0.6, 0.99, 0.99, 0.99), country="IT",
                        certain=True)  # fmt: skip
    found = index(sought(listed)).match(doubted, NOW)
    assert found.text == listed
    assert (found.exact, found.needs_person) == (False, True)
    assert found.probability < 0.8


def test_a_readers_alternative_matches_and_says_so():
    """The text that was likelier stands on no list."""
    doubted = read("AB123CE", alternatives=(Alternative("AB123CD", 0.2),))
    found = index(sought("AB123CD")).match(doubted, NOW)
    assert (found.exact, found.probability) == (False, pytest.approx(0.2))


def test_the_likeliest_spelling_wins():
    """Both stand on the list; told is the one that was read."""
    both = index(sought("AB123C0", 1), sought("AB123CO", 2))
    assert both.match(read("AB123CO"), NOW).entry == entry_id(2)


@given(st.text("ABCDEFGHJKLMNPRTVWXYZ2345679", min_size=7, max_size=7))
def test_nobody_else_is_stopped(text):
    """A plate that differs in more than a confusable sign is not sought."""
    listed = index(sought("FF444FF"))
    assert (listed.match(read(text), NOW) is not None) == (text == "FF444FF")


def test_it_is_sought_from_its_first_to_its_last_microsecond():
    """The instant of its end it matches nothing, although nobody has swept yet."""
    one = index(sought("AB123CD"))
    at = lambda us: one.match(read("AB123CD"), Moment(0.0, us))  # noqa: E731
    assert at(BEGIN - 1) is None
    assert at(BEGIN) is not None
    assert at(END - 1) is not None
    assert at(END) is None


def test_of_several_entries_the_weightiest_in_force_is_told():
    """One that is over steps back behind one that is not."""
    several = index(
        sought("AB123CD", 1, ListKind.LOCAL), sought("AB123CD", 2, ListKind.STOLEN, span=(0, 10)),
        sought("AB123CD", 3, ListKind.REPORTED), sought("AB123CD", 4, ListKind.NO_INSPECTION),
    )  # fmt: skip
    assert several.match(read("AB123CD"), NOW).entry == entry_id(3)


@pytest.mark.parametrize(
    ("listed", "seen", "exact"),
    [("IT", "IT", True), ("", "IT", True), ("", "", True), ("IT", "", False), ("IT", "FR", False)],
)
def test_the_country_of_a_plate(listed, seen, exact):
    """An entry without one is any country's; a reader that is wrong about it makes it doubtful."""
    found = index(sought("AB123CD", country=listed)).match(read("AB123CD", country=seen), NOW)
    assert found is not None
    assert (found.exact, found.needs_person) == (exact, not exact)
    assert found.country == listed


def test_an_empty_index_and_an_empty_read_match_nothing():
    """No list, no plate."""
    assert index().match(read("AB123CD"), NOW) is None
    assert index(sought("AB123CD")).match(PlateRead("", 0.0), NOW) is None


def test_a_hundred_thousand_entries_answer_within_a_millisecond():
    """CPU time of one read with eight alternatives, none of which is sought."""
    dice = random.Random(9)
    letters, digits = "ABCDEFGHJKLMNPRSTVWXYZ", "0123456789"

    def plate():
        return "".join(dice.choice(one) for one in (*[letters] * 2, *[digits] * 3, *[letters] * 2))

    listed = {plate() for _ in range(100_000)}
    big = HotIndex(KEYS, (sought(one, at) for at, one in enumerate(listed)))
    others = [one for one in (plate() for _ in range(1_800)) if one not in listed]
    reads = [
        read(
            others[at],
            alternatives=tuple(Alternative(one, 0.05) for one in others[at + 1 : at + 9]),
        )
        for at in range(0, len(others) - 9, 9)
    ]
    began = time.process_time()
    for one in reads:
        big.match(one, NOW)
    assert (time.process_time() - began) / len(reads) < 0.002, "twice the bound: machines are busy"
    assert big.match(read(next(iter(listed))), NOW).exact
