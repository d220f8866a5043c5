# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.xml."""

import contextlib
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.wire import xml

LEVELS = b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 9))
LAUGHS = b'<!DOCTYPE r [<!ENTITY a0 "aaaaaaaaaa">' + LEVELS + b"]>"
QUADRATIC = b'<!DOCTYPE r [<!ENTITY a "' + b"a" * 100_000 + b'">]>'


def test_plain_xml_is_read_without_comments_and_instructions():
    """Elements, attributes and text as they are; comments do not split a text."""
    root = xml.parse(b'<?xml version="1.0"?><a x="1"><?pi no?><b>on<!-- no -->e</b></a>')
    assert root.get("x") == "1"
    assert [child.text for child in root] == ["one"]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(LAUGHS + b"<r>&a8;</r>", id="billion laughs"),
        pytest.param(LAUGHS + b'<r x="&a8;"/>', id="billion laughs in an attribute"),
        pytest.param(QUADRATIC + b'<r x="' + b"&a;" * 30_000 + b'"/>', id="quadratic"),
        pytest.param(b"<!DOCTYPE r><r/>", id="a document type without entities"),
        pytest.param(b'<!DOCTYPE r SYSTEM "http://127.0.0.1:1/x.dtd"><r/>', id="external DTD"),
        pytest.param(
            b'<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]><r>&f;</r>', id="a file"
        ),
        pytest.param("<!DOCTYPE r><r/>".encode("utf-16"), id="a document type in UTF-16"),
        pytest.param(b"<a>&x;</a>", id="an unknown entity"),
        pytest.param(b"<a>" * 65 + b"</a>" * 65, id="deeper than the bound"),
        pytest.param(b"<a>" * 9000 + b"</a>" * 9000, id="far deeper"),
        pytest.param(b"<x:a/>", id="an undeclared prefix"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"<a", id="cut off"),
        pytest.param(b"<a>\0</a>", id="a zero byte"),
        pytest.param(b'<?xml version="1.0" encoding="klingon"?><a/>', id="unknown encoding"),
        pytest.param(b"<a>" + b" " * (1 << 20) + b"</a>", id="too large"),
    ],
)
def test_what_is_not_plain_small_xml_is_refused(data):
    """WireError, quickly, in little memory, with a text of one bounded line's length."""
    tracemalloc.start()
    try:
        with pytest.raises(WireError) as caught:
            xml.parse(data)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert len(str(caught.value)) < 300


def test_the_bound_on_depth_is_exact():
    """64 levels pass, 65 do not (see above)."""
    assert xml.parse(b"<a>" * 64 + b"</a>" * 64) is not None


def test_the_bound_on_size_can_be_lowered():
    """A caller who knows that its messages are small says so."""
    with pytest.raises(WireError, match=r"XML of 7 bytes \(at most 6\)"):
        xml.parse(b"<abc />", 6)


def test_many_small_tags_are_refused_before_they_are_parsed():
    """A megabyte of nothing but tags would take a second of everybody's time."""
    assert xml.parse(b"<a>" + b"<b/>" * (xml.MOST_TAGS - 2) + b"</a>") is not None
    with pytest.raises(WireError, match=rf"XML of {xml.MOST_TAGS + 1} tags"):
        xml.parse(b"<a>" + b"<b/>" * (xml.MOST_TAGS - 1) + b"</a>")
    with pytest.raises(WireError, match=r"XML of 3 tags \(at most 2\)"):
        xml.parse(b"<a><b/></a>", most_tags=2)


@given(
    st.binary(max_size=300) | st.text(alphabet="<>/ab&;!?[]\"'=x -", max_size=120).map(str.encode)
)
def test_any_bytes_give_an_element_or_a_wire_error(data):
    """Nothing else gets out."""
    with contextlib.suppress(WireError):
        assert xml.parse(data).tag
