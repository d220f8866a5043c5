# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Plots are well-formed XML with every value in words, whatever the names are."""

from xml.etree import ElementTree

import pytest

from gateway.audit.plots import bars, columns

HOSTILE = '<b a="1">&\'x'


def test_plots_of_nothing_and_of_much():
    """No division by nothing; every value stands in the text for those who do not see."""
    assert columns([], "x").startswith("<svg")
    assert bars([("<b>", 3)], "x").count("&lt;b&gt;") == 2
    assert columns([(str(n), n) for n in range(400)], "x").count("<rect") == 399


@pytest.mark.parametrize("plot", [columns, bars])
@pytest.mark.parametrize("many", [0, 1, 13, 400])
def test_they_are_well_formed_and_inside_their_frame(plot, many):
    """Any number of values, with names of any characters."""
    top = ElementTree.fromstring(plot([(f"{HOSTILE}{n}", n) for n in range(many)], HOSTILE))
    wide, high = map(float, top.get("viewBox").split()[2:])
    assert top.get("aria-label").startswith(f"{HOSTILE}: ")
    for one in top.iter("rect"):
        left, up, width, height = (float(one.get(k)) for k in ("x", "y", "width", "height"))
        assert 0 <= left <= left + width <= wide
        assert 0 <= up <= up + height <= high


def test_columns_say_their_numbers():
    """Each in its title and in the label; the highest on top; nothing is drawn for nothing."""
    top = ElementTree.fromstring(columns([("gen", 3), ("feb", 0), ("mar", 12)], "Voci"))
    assert [one.text for one in top.iter("title")] == ["gen: 3", "mar: 12"]
    assert top.get("aria-label") == "Voci: gen 3, mar 12"
    assert [one.text for one in top.iter("text")] == ["gen", "feb", "12", "mar"]
    low, tall = (float(one.get("height")) for one in top.iter("rect"))
    assert tall == pytest.approx(4 * low)


def test_bars_are_as_long_as_their_numbers():
    """And each number stands beside its bar."""
    top = ElementTree.fromstring(bars([("uno", 10), ("due", 5)], "Chi"))
    long, short = (float(one.get("width")) for one in top.iter("rect"))
    assert long == pytest.approx(2 * short)
    values = [one.text for one in top.iter("text") if one.get("class") == "value"]
    assert values == ["10", "5"]
