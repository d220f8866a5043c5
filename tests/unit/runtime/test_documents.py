# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Texts that people write: every fault with its line, its key and what to write instead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, model_validator

from gateway.model.errors import ConfigError, ConfigErrors
from gateway.runtime.documents import (
    MOST_BYTES,
    check,
    decode,
    parse_json,
    parse_toml,
    read_text,
)
from gateway.runtime.fields import Id, Text, Whole, refusal


class Leg(Text):
    length: Whole = Field(ge=1, description="centimetres")
    colour: str = Field(default="", alias="color", description="a colour")


class Table(Text):
    id: Id = Field(description="an id")
    legs: tuple[Leg, ...] = Field(default=(), description="tables [[table.legs]]")


class House(Text):
    name: str = Field(description='a name, name = "x"')
    best: Leg | None = Field(default=None, description="a table [best]")
    table: tuple[Table, ...] = Field(default=(), description="tables [[table]]")


def faults(text, schema=House):
    with pytest.raises(ConfigErrors) as caught:
        check(parse_toml(text, "house.toml"), schema)
    return [str(problem) for problem in caught.value.problems]


def test_unknown_key_names_line_key_and_the_nearest_known_one():
    """A typo is answered with its line and the key that was probably meant."""
    assert faults('name = "x"\n[best]\nlenght = 3\nlength = 3\n') == [
        "house.toml:3: best.lenght: unknown key (did you mean length?)"
    ]


def test_faults_stand_in_the_order_of_the_text():
    """Not in that of the schema: people go through their file from top to bottom."""
    text = 'name = "x"\n[[table]]\nid = "A"\n[best]\nlength = 0\n'
    assert [fault.split(":")[1] for fault in faults(text)] == ["3", "5"]


def test_unknown_key_without_a_neighbour_lists_what_is_known():
    """A key that resembles nothing is answered with all keys of its table, by their aliases."""
    assert faults('name = "x"\n[best]\nlength = 1\nzzz = 3\n') == [
        "house.toml:4: best.zzz: unknown key (known keys: color, length)"
    ]


def test_every_fault_is_told_at_once_in_the_order_of_the_lines():
    """One run of the command shows all that must be changed."""
    text = '[[table]]\nid = "A"\n[[table]]\nid = "b"\n[[table.legs]]\nlength = 0\nhight = 1\n'
    assert faults(text) == [
        'house.toml: name: is missing (write a name, name = "x")',
        "house.toml:2: table[A].id: is not an id (write 1 to 64 of a-z, 0-9 and -, "
        "beginning and ending with a-z or 0-9)",
        "house.toml:6: table[b].legs[#1].length: must be greater than or equal to 1 "
        "(write centimetres)",
        "house.toml:7: table[b].legs[#1].hight: unknown key (known keys: color, length)",
    ]


def test_missing_key_of_a_listed_table_points_at_the_header_of_that_table():
    """The nearest line that exists is shown when the key itself stands nowhere."""
    text = 'name = "x"\n\n[[table]]\nid = "a"\n[[table.legs]]\nlength = 1\n[[table.legs]]\n'
    assert faults(text) == [
        "house.toml:7: table[a].legs[#2].length: is missing (write centimetres)"
    ]


def test_lines_are_counted_through_multi_line_strings():
    """Text that looks like keys inside a multi-line string is not taken for keys."""
    text = 'name = """\n[best]\nlength = 1\n"""\n[best]\nlength = "x"\n'
    assert faults(text) == [
        "house.toml:6: best.length: must be a valid integer (write centimetres)"
    ]


def test_a_refused_value_is_never_repeated():
    """A password in the wrong place does not travel into a log by way of a message."""
    text = 'name = "x"\n[best]\nlength = "hunter2"\n[[table]]\nid = "Hunter2!"\n'
    assert "unter2" not in "\n".join(faults(text))


def test_validators_of_tables_can_name_one_key():
    """A rule on two keys blames the one that must change."""

    class Pair(Text):
        one: int
        two: int

        @model_validator(mode="after")
        def _check(self):
            raise refusal("is smaller than one", "write more", "two")

    assert faults("one = 2\ntwo = 1\n", Pair) == [
        "house.toml:2: two: is smaller than one (write more)"
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a = 1\nb = \n", 2, "is not TOML"),
        ("a = 1\na = 2\n", 2, "is not TOML"),
        ("[a\n", 1, "is not TOML"),
    ],
)
def test_toml_syntax_errors_name_their_line(text, line, words):
    """What is no TOML at all is told with its line and an example of TOML."""
    with pytest.raises(ConfigError) as caught:
        parse_toml(text, "x.toml")
    assert str(caught.value).startswith(f"x.toml:{line}: {words}")
    assert caught.value.advice


def test_json_syntax_errors_name_their_line():
    """What is no JSON at all is told with its line."""
    with pytest.raises(ConfigError, match=r"^x\.json:2: is not JSON"):
        parse_json('{\n"a": }', "x.json")


@pytest.mark.parametrize("text", ["[]", "1", '"x"'])
def test_json_that_is_no_object_is_refused(text):
    """A list or a number is no document."""
    with pytest.raises(ConfigError, match="is not a JSON object"):
        parse_json(text, "x.json")


def test_nesting_without_end_is_an_error_not_a_crash():
    """Deep nesting is refused in words."""
    with pytest.raises(ConfigError, match="nested too deeply"):
        parse_json('{"a":' + "[" * 200_000, "x.json")
    with pytest.raises(ConfigError, match=r"nested too deeply|is not TOML"):
        parse_toml("a = " + "[" * 200_000, "x.toml")


def test_unreadable_files_are_named_with_the_reason(tmp_path):
    """A file that is absent, a folder, too long or not text is a fault of the file."""
    with pytest.raises(ConfigError, match=r"absent\.toml: no such file"):
        read_text(tmp_path / "absent.toml")
    with pytest.raises(ConfigError, match="is a directory"):
        read_text(tmp_path)
    with pytest.raises(ConfigError, match="is not UTF-8 text at byte 2"):
        decode(b"ab\xff", "x")
    with pytest.raises(ConfigError, match="is too long"):
        decode(b"#" * (MOST_BYTES + 1), "x")


def test_a_byte_order_mark_is_no_fault(tmp_path):
    """Files saved by Windows editors are read."""
    (tmp_path / "x.toml").write_bytes(b"\xef\xbb\xbfname = 'x'\r\n")
    document = parse_toml(read_text(tmp_path / "x.toml"), "x")
    assert check(document, House).name == "x"


@given(st.text(alphabet="ab.=[]\"'\n #{},1_-", max_size=200))
def test_any_text_is_a_document_or_a_fault(text):
    """Whatever stands in a file, the answer is a value or a ConfigError."""
    with pytest.raises(ConfigError) as caught:  # a House needs a name: not in this alphabet
        check(parse_toml(text, "x"), House)
    assert str(caught.value)
    assert all(problem.where.startswith("x") for problem in caught.value.problems)
