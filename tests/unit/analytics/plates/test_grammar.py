# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Patterns pick the plate out of what was read, and leave alone what they do not know."""

import numpy as np
import pytest

from gateway.analytics.plates import grammar
from gateway.analytics.plates.models import SIGNS
from gateway.analytics.plates.read import NOTHING
from gateway.model.errors import ConfigError

GRAMMAR = grammar.load()


def slots(text, *, sure=0.9995, doubt=None):
    """Return slots of a text; `doubt`: place -> (other sign, its probability)."""
    made = np.full((len(text), 37), (1 - sure) / 36, np.float32)
    for number, sign in enumerate(text):
        made[number, SIGNS.index(sign)] = sure
        if doubt and number in doubt:
            other, share = doubt[number]
            made[number, SIGNS.index(sign)] = sure - share
            made[number, SIGNS.index(other)] = share
    return made


def best(text, **more):
    """Return the best text of one line."""
    return grammar.parse(slots(text, **more), [0] * len(text), GRAMMAR)[0]


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("AB123CD", "IT"), ("XA123BC", "IT"), ("MI12345A", "IT"), ("MIA12345", "IT"),
        ("ROMA12345A", "IT"), ("AB12345", "IT"), ("EIAB123", "IT"), ("CCAB123", "IT"),
        ("POLIZIAH1234", "IT"), ("GDF123AB", "IT"), ("VF12345", "IT"), ("CRI123AB", "IT"),
        ("CP1234", "IT"), ("CD123AB", "IT"), ("EE123AB", "IT"), ("DPCA1234", "IT"),
        ("E0P12345", ""), ("1234BCD", "ES"), ("KAEA123", "DE"),
        ("ZH123456", "CH"), ("LJAB123", "SI"), ("WPI12345", "PL"), ("AB12CDE", ""),
    ],
)  # fmt: skip
def test_plates_of_the_country_are_known(text, country):
    """As they were read, and as of that country where no other writes them so."""
    one = best(text)
    assert one.text == text
    if country:
        weights = grammar.countries_of(text, GRAMMAR)
        assert country in weights


def test_bands_and_province_codes_are_left_out():
    """What stands before and after an Italian plate costs less than it gains."""
    one = best("IAB123CDMS")
    assert one.text == "AB123CD"
    assert one.pattern.country == "IT"
    assert one.named


def test_twins_are_told_apart_by_their_place():
    """An O between digits is a zero, a one among letters is an I; Italy has neither I nor O."""
    assert best("AB1O3CD").text == "AB103CD"
    assert best("0Y09FEU").text == "OY09FEU"
    assert best("BDI2PYZ").text == "BD12PYZ"


def test_what_fits_no_pattern_stays_as_it_was_read():
    """However odd: Vietnamese plates are read at a toll gate."""
    assert best("34A36837").text == "34A36837"
    assert best("A1B2C3D4E5").pattern is None


def test_doubt_goes_to_the_sign_that_fits():
    """B or 8 where Italy has a digit."""
    assert best("AB12BCD", doubt={4: ("8", 0.45)}).text == "AB128CD"


def test_a_reader_that_tells_the_country_changes_the_pattern():
    """The text may be French or Italian; who is told France takes France."""
    even = grammar.countries_of("AB123CD", GRAMMAR)
    told = {"IT": -2.0, "FR": 3.0}
    french = grammar.countries_of("AB123CD", GRAMMAR, told)
    assert max(even, key=even.get) == "IT"
    assert max(french, key=french.get) == "FR"


def test_nothing_read_is_no_plate():
    """No slots, or slots where nothing stands."""
    assert grammar.parse(np.zeros((0, 37), np.float32), [], GRAMMAR) == ()
    empty = np.full((3, 37), 1e-4, np.float32)
    empty[:, NOTHING] = 0.99
    parses = grammar.parse(empty, [0, 0, 0], GRAMMAR)
    assert all(one.score < -15 for one in parses)


def test_every_country_has_a_source_and_no_word_of_a_plate_is_in_a_repr():
    """The file is data: each entry says where it can be looked up."""
    codes = {one.country for one in GRAMMAR.patterns}
    assert len(codes) >= 35
    assert {"IT", "FR", "DE", "CH", "GB", "UA", "SM", "VA"} <= codes
    assert "AB123CD" not in repr(best("AB123CD"))
    italian = {sign for one in GRAMMAR.patterns if one.country == "IT" for sign in one.form}
    assert {"#", "@"} <= italian
    assert not set(grammar.countries_of("AO123QI", GRAMMAR)) & {"IT"}


def test_a_bad_file_is_named_with_its_entry(tmp_path):
    """An entry without a source is refused."""
    path = tmp_path / "g.toml"
    with pytest.raises(ConfigError, match=r"g\.toml"):
        grammar.load(path)
    path.write_text('[[country]]\ncode="XX"\nsign="X"\nshare=1.0\nforms=[{form="@#"}]\n')
    with pytest.raises(ConfigError, match=r"country\[0\].*source"):
        grammar.load(path)
    path.write_text("")
    with pytest.raises(ConfigError, match="missing"):
        grammar.load(path)


def test_a_seal_between_district_and_letters_is_no_letter():
    """Read as O, the seal makes no German plate: HHO is no district; HH is."""
    read = slots("HHONR367")
    read[2, [SIGNS.index("O"), NOTHING]] = 0.7, 0.2995
    one = grammar.parse(read, [0] * 8, GRAMMAR)[0]
    assert (one.text, one.pattern.country) == ("HHNR367", "DE")


def test_an_emblem_between_letters_and_number_is_no_letter():
    """On an Italian motorcycle the republic's is taken for an M now and then."""
    read = slots("AHM59817")
    read[2, [SIGNS.index("M"), NOTHING]] = 0.7, 0.2995
    one = grammar.parse(read, [0, 0, 0, 1, 1, 1, 1, 1], GRAMMAR)[0]
    assert (one.text, one.pattern.country) == ("AH59817", "IT")


def test_a_plate_of_no_known_district_is_read_and_not_known():
    """Lists grow old: it is told as it was read, and never certain."""
    parses = {one.text: one for one in grammar.parse(slots("QQQAB12"), [0] * 7, GRAMMAR)}
    assert parses["QQQAB12"].pattern is None
    known = {one.text: one for one in grammar.parse(slots("WPIAB12"), [0] * 7, GRAMMAR)}
    assert known["WPIAB12"].pattern.country == "PL"


def test_what_stands_at_a_seal_is_left_out_once():
    """Two signs there are no seal: a chosen Austrian plate stays whole."""
    assert best("VW4X4WP").text == "VW4X4WP"


@pytest.mark.parametrize(
    ("codes", "between", "text", "seal", "begins"),
    [
        ("A AB", (0, 2), "ABX12", 0, True),
        ("A AB", (0, 0), "ABX12", 0, False),
        ("A AB", (0, 2), "ABX12", 2, True),
        ("A AB", (0, 2), "ABX12", 3, False),
        ("BX", (0, 2), "ABX12", 0, False),
    ],
)
def test_a_text_begins_with_a_district(codes, between, text, seal, begins):
    """Up to its seal, or with so many letters before the first digit."""
    assert grammar.Districts(frozenset(codes.split()), between).begin(text, seal) is begins
