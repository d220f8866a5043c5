# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What offices deliver: signed, bounded, and told apart from what they do not."""

import base64
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import ConfigError, ConfigErrors, StateError
from gateway.model.plate import ListKind
from gateway.registry import hotlist_import
from gateway.registry.hotlist_import import parse_source, read_delivery
from tests.unit.registry.hotlist_parts import (
    DAY,
    PUBLIC,
    SOURCES,
    STRANGER,
    as_csv,
    as_json,
    signed,
)

NOW_US = round(datetime.fromisoformat("2026-09-21T09:00:00Z").timestamp() * 1e6)


def us(text):
    return round(datetime.fromisoformat(text).timestamp() * 1e6)


def delivered(document, key=None):
    return read_delivery(*(signed(document, key) if key else signed(document)), SOURCES, NOW_US)


def faults(document):
    with pytest.raises(ConfigError) as caught:
        delivered(document)
    return [str(one) for one in caught.value.problems]


def test_json_and_csv_say_the_same():
    """Also with a BOM, CRLF and commas, as spreadsheets write it."""
    wanted = delivered(
        as_json(
            {"plate": "ab 123-cd", "country": "it", "expires": DAY, "label": "grigia"}, "EF456GH"
        )
    )
    semicolons = as_csv(f"AB123CD;IT;{DAY};grigia", "EF456GH;;;")
    commas = as_csv(
        f'"AB123CD",IT,{DAY},"grigia"', "EF456GH,,,", columns="plate,country,expires,label"
    )
    bom = b"\xef\xbb\xbf" + semicolons.replace(b"\n", b"\r\n")
    for other in (semicolons, commas, bom):
        assert delivered(other) == wanted
    first, second = wanted.entries
    assert (first.text, first.country, first.until_us, first.label) == (
        "AB123CD", "IT", us(DAY), "grigia",
    )  # fmt: skip
    assert (second.from_us, second.until_us) == (us("2026-09-20T10:00Z"), us("2026-10-20T10:00Z"))
    assert (wanted.kind, wanted.sequence, wanted.is_whole) == (ListKind.STOLEN, 1, True)


def test_a_raw_signature_is_as_good_as_base64():
    """openssl writes 64 bytes."""
    document, text = signed(as_json("AB123CD"))
    assert read_delivery(document, base64.b64decode(text), SOURCES, NOW_US).entries


@given(st.data())
def test_one_changed_bit_and_nothing_of_it_is_believed(data):
    """Of the file or of the signature."""
    document, signature = signed(as_json("AB123CD"))
    raw = base64.b64decode(signature)
    both = bytearray(document + raw)
    both[data.draw(st.integers(0, len(both) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(StateError, match="signature"):
        read_delivery(bytes(both[:-64]), bytes(both[-64:]), SOURCES, NOW_US)


def test_who_is_not_registered_delivers_nothing():
    """A good signature of somebody else; a signature that is none; nobody registered at all."""
    with pytest.raises(StateError, match="signature"):
        delivered(as_json("AB123CD"), STRANGER)
    with pytest.raises(StateError, match="signature"):
        read_delivery(as_json("AB123CD"), b"", SOURCES, NOW_US)
    with pytest.raises(StateError, match="source"):
        read_delivery(*signed(as_json("AB123CD")), {}, NOW_US)


@pytest.mark.parametrize(("key", "value"), [("kind", "A2"), ("kind", "locale"), ("source", "pm")])
def test_a_source_delivers_its_own_lists_only(key, value):
    """Not another's kind, never local ones, and not in another's name."""
    with pytest.raises(StateError):
        delivered(as_json("AB123CD", **{key: value}))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("A?123CD;IT;;", "line 13: plate: "),
        ("AB123CD;ITA;;", "line 13: country: "),
        ("AB123CD;IT;tomorrow;", "line 13: expires: is no instant"),
        ("AB123CD;IT;2026-10-01T10:00:00;", "line 13: expires: is no instant"),
        ("AB123CD;IT;2029-12-01T10:00:00Z;", "line 13: expires: is more than 366 days away"),
        ("AB123CD;IT;2026-09-01T10:00:00Z;", "line 13: expires: is not after valid_from"),
        ("AB123CD;IT", "line 13: has 2 columns, not 4"),
        (f"AB123CD;IT;;{'x' * 201}", "line 13: has a value that is no text"),
    ],
)
def test_a_fault_is_told_with_line_and_column_and_without_the_plate(line, told):
    """Whoever delivers finds it; the log has no plate."""
    (found,) = faults(as_csv("EF456GH;;;", line))
    assert found.startswith(told)
    assert "123CD" not in found
    assert "456" not in found


def test_every_fault_is_told_at_once_up_to_a_bound():
    """A file in the wrong form has one in each line."""
    assert len(faults(as_csv(*["?;IT;;"] * 50))) == hotlist_import.MOST_FAULTS


def test_an_end_is_mandatory():
    """Of each entry or of the whole delivery."""
    (found,) = faults(as_json("AB123CD", expires=""))
    assert found.startswith("entries[1]: expires: is missing")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "csv"), ("sequence", 0), ("sequence", "-3"), ("sequence", True), ("issued", ""),
        ("issued", "2026-09-21T11:00:00Z"), ("act", ""), ("reason", " "), ("requester", None),
        ("mode", "delta"), ("colour", "red"), ("base", 4),
    ],
)  # fmt: skip
def test_a_head_that_does_not_say_who_and_why_is_refused(key, value):
    """Act, reason, who asks, date and number are no decoration."""
    if key == "base":
        assert delivered(as_json("AB123CD", base=4)).base == 0, "a whole list has no base"
        return
    assert any(f"header: {key}" in one for one in faults(as_json("AB123CD", **{key: value})))


def test_what_is_over_already_is_left_out_and_counted():
    """It would be deleted at once."""
    past = {"plate": "AB123CD", "expires": "2026-09-21T08:00:00Z"}
    found = delivered(as_json(past, "EF456GH"))
    assert ([one.text for one in found.entries], found.over) == (["EF456GH"], 1)


def test_a_plate_that_stands_twice_is_told_without_it():
    """Which of the two reasons holds nobody could say."""
    (found,) = faults(as_json("AB123CD", "ab 123 cd"))
    assert "twice" in found
    assert "123" not in found


def test_bounds(monkeypatch):
    """Too many bytes before the signature is looked at, too many entries after."""
    document, signature = signed(as_json("AB123CD", "EF456GH"))
    monkeypatch.setattr(hotlist_import, "MOST_ENTRIES", 1)
    with pytest.raises(StateError, match="too-many"):
        read_delivery(document, signature, SOURCES, NOW_US)
    monkeypatch.setattr(hotlist_import, "MOST_BYTES", 10)
    with pytest.raises(StateError, match="too-large"):
        read_delivery(document, b"", SOURCES, NOW_US)


@given(st.binary(max_size=200))
def test_any_signed_bytes_are_a_list_or_an_error(document):
    """An office that signs rubbish breaks nothing."""
    for begin in (b"", b"{", b"# format: varco-hotlist/1\n# source: questura\n# kind: A1\nplate\n"):
        with pytest.raises((ConfigError, ConfigErrors, StateError)):
            delivered(begin + document)


def test_a_source_has_a_key():
    """Base64 of 32 bytes."""
    made = parse_source("a", base64.b64encode(PUBLIC).decode(), ["A1"], where="gateway.toml")
    assert (made.key, made.lists) == (PUBLIC, {ListKind.STOLEN})
    for key in ("", "x", base64.b64encode(b"short").decode()):
        with pytest.raises(ConfigError, match=r"plates.source\[a\].key"):
            parse_source("a", key, ["A1"], where="gateway.toml")
