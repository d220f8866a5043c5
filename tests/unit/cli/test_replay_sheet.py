# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.cli.replay_sheet: one page, nothing in it that runs or is fetched."""

import re
from xml.etree import ElementTree

from gateway.analytics.incident import Raised
from gateway.analytics.watch import WatchMode, WatchStatistics
from gateway.assembly.replay import Replayed, Would
from gateway.cli.replay_sheet import clock_of, sheet
from gateway.cli.speech import speech
from gateway.model.alarm import Why
from gateway.model.registry import Zone
from gateway.model.time import Moment

WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
EVIL = "<script>alert(1)</script>\"'"
STATISTICS = WatchStatistics(WatchMode.KEYS, 1.0, 10, 10, 10, 0, 0, 0, 0)


def page(language="it", alarms=1, more=0):
    why = Why("intrusione", seconds=1.2)
    one = Would(
        Zone("z", EVIL, "c", WHOLE),
        Raised("z", Moment(0, 0), (), why),
        3725.0,
        "",
        b"\xff\xd8",
        3730.0,
    )
    found = Replayed((one,) * alarms, more, 7200.0, (0.0,) * 3724 + (0.25,) * 6, STATISTICS)
    return sheet(EVIL, found, speech({"LANG": f"{language}_IT.UTF-8"}))


def test_whatever_a_zone_or_file_is_called_nothing_runs():
    """Every text is escaped; a policy forbids scripts and any fetching."""
    text = page()
    assert "<script" not in text
    assert "default-src &#x27;none&#x27;" in text or "default-src 'none'" in text
    assert not re.search(r'(?:src|href)="(?!data:)', text)


def test_it_tells_when_and_why_and_how_much_moved():
    """In the reader's language; alarms that are not drawn are counted."""
    assert "<b>1:02:05</b> Movimento nella zona" in page()
    assert "Movement in the zone" in page("en")
    assert "4 allarmi in 2:00:00" in page(more=3)
    plot = ElementTree.fromstring(
        re.sub(r"class=(\w+)", r'class="\1"', re.search(r"<svg.*?</svg>", page())[0])
    )
    raised = next(one for one in plot if one.get("class") == "raised")
    assert round(float(raised.get("x1"))) == round(3725 / 7200 * 1000)
    moves = [one for one in plot if one.get("class") == "moves"]
    assert moves
    assert all(abs(float(one.get("x")) - 517) < 3 for one in moves)


def test_hours_are_told_from_the_begin():
    """0:00:00 is the first picture."""
    assert [clock_of(at) for at in (0, 59.9, 3600, 90_000)] == [
        "0:00:00", "0:00:59", "1:00:00", "25:00:00",
    ]  # fmt: skip
