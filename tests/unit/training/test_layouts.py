# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What may stand on a synthetic plate."""

import random
import re

import pytest

from training import layouts

LISTED = layouts.layouts()


def test_every_pattern_spells_texts_of_the_alphabet():
    """Whatever is drawn, the label has 1 to 12 signs, all of them known to the reader."""
    dice = random.Random(1)
    for one in LISTED:
        for pattern in (*one.one, *one.two):
            for _ in range(20):
                text = layouts.label(layouts.spell(pattern, dice))
                assert 1 <= len(text) <= 12, (one.country, pattern, text)
                assert set(text) <= set(layouts.ALPHABET), (one.country, pattern, text)


def test_no_rule_of_the_grammar_is_left_in_a_text():
    """A line holds signs and known separators only: no class, bracket or bar survives."""
    dice = random.Random(2)
    allowed = set(layouts.ALPHABET + layouts.ALPHABET.lower() + layouts.SEPARATORS)
    for one in LISTED:
        for pattern in (*one.one, *one.two):
            lines = layouts.spell(pattern, dice)
            assert set("".join(lines)) <= allowed, (one.country, pattern, lines)


def test_one_and_two_lines_are_what_they_say():
    """Patterns of two lines give two, all others one."""
    dice = random.Random(3)
    for one in LISTED:
        assert all(len(layouts.spell(pattern, dice)) == 1 for pattern in one.one), one.country
        assert all(len(layouts.spell(pattern, dice)) == 2 for pattern in one.two), one.country


@pytest.mark.parametrize(
    ("pattern", "form"),
    [
        ("%% ###%%", r"[A-HJ-NPR-TV-Z]{2} \d{3}[A-HJ-NPR-TV-Z]{2}"),
        ("[@1-3]:[@1-2] [#1-4]", r"[A-Z]{1,3}:[A-Z]{1,2} \d{1,4}"),
        ("#### &&&", r"\d{4} [BCDFGHJ-NPR-TV-Z]{3}"),
        ("GdF ###%%", r"GdF \d{3}[A-HJ-NPR-TV-Z]{2}"),
        ("{prov} ######", r"[A-Z]{2} \d{6}"),
    ],
)
def test_a_pattern_is_kept_to(pattern, form):
    """Each sign of a pattern draws from its own class, each bracket as often as it says."""
    dice = random.Random(4)
    for _ in range(300):
        (line,) = layouts.spell(pattern, dice)
        assert re.fullmatch(form, line), line


def test_small_letters_are_read_as_capitals():
    """The lettering of Roma and GdF counts as capitals."""
    assert layouts.label(("Roma A12345",)) == "ROMAA12345"
    assert layouts.label(("GdF", "123*AB")) == "GDF123AB"


def test_the_same_seed_draws_the_same_plates():
    """Layout and text depend on the seed alone."""

    def drawn(seed: int) -> list[tuple[str, ...]]:
        dice = random.Random(seed)
        chosen = [layouts.choose(LISTED, two, dice) for two in (False, True) * 40]
        return [layouts.spell((one.one or one.two)[0], dice) for one in chosen]

    assert drawn(5) == drawn(5)
    assert drawn(5) != drawn(6)


def test_weights_say_how_often_a_country_comes():
    """Italian plates are at least a fifth of all, and every country comes."""
    dice = random.Random(7)
    countries = [layouts.choose(LISTED, two=False, dice=dice).country for _ in range(6000)]
    assert countries.count("I") > 1400
    assert set(countries) == {one.country for one in LISTED if one.one}


def test_a_field_that_there_is_not_is_refused(tmp_path):
    """A misspelt field is an error, not a layout that silently lacks it."""
    wrong = tmp_path / "layouts.toml"
    wrong.write_text('[[layout]]\ncountry = "I"\nweight = 1.0\nband = "blue"\n', "utf-8")
    with pytest.raises(TypeError, match="band"):
        layouts.layouts(wrong)
