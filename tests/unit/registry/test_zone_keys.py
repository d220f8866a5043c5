# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Keys that do not fit an analysis are refused by name of zone and key."""

import pytest

from gateway.model.errors import ConfigErrors
from gateway.model.registry import WHOLE_PICTURE, Direction, Holidays, empty_registry
from gateway.registry.seed import merge, parse_seed
from tests.unit.registry.test_templates import CORNERS, with_zone

GATE = ["analytic = 'targhe'"]
LINE = "line = [[0.2, 0.5], [0.8, 0.5]]"


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (["analytic = 'attraversamento'"], "line: is missing"),
        (["analytic = 'attraversamento'", "line = [[0.2, 0.5]]"], "line: has 1 points"),
        (["analytic = 'attraversamento'", "line = [[0.2, 0.5], [0.2, 0.51]]"], "line: is too"),
        (["analytic = 'attraversamento'", "line = [[0.2, 0.5], [1.2, 0.5]]"], "line: goes out of"),
        ([CORNERS, LINE], "line: belongs to attraversamento and targhe alone"),
        ([CORNERS, 'direction = "ab"'], "direction: belongs to attraversamento and targhe alone"),
        ([CORNERS, *GATE, 'inbound = "ab"'], "line: is missing"),
        ([CORNERS, *GATE, LINE], "inbound: is missing"),
        ([CORNERS, *GATE, LINE, 'inbound = "entrambi"'], "inbound: is missing"),
        ([CORNERS, *GATE, LINE, 'inbound = "dentro"'], "inbound: must be"),
        ([*GATE, LINE, 'inbound = "ab"'], "polygon: is missing"),
        ([CORNERS, 'inbound = "ab"'], "inbound: belongs to targhe alone"),
        ([CORNERS, 'lane = "1"'], "lane: belongs to targhe alone"),
        ([CORNERS, "dwell_s = 30"], "dwell_s: does not belong to intrusione"),
        ([CORNERS, 'analytic = "stazionamento"', "dwell_s = 2"], "dwell_s: is out of the range"),
        (['analytic = "manomissione"', "dwell_s = 61"], "dwell_s: is out of the range"),
        (['analytic = "manomissione"', CORNERS], "polygon: does not belong to manomissione"),
        (['analytic = "perdita-video"', "least_m = 1"], "least_m: does not belong to perdita"),
        (['analytic = "stazionamento"'], "polygon: is missing"),
        ([CORNERS, 'classes = ["movimento"]'], "classes: names movimento"),
        ([CORNERS, 'classes = ["persona", "persona"]'], "classes: names something twice"),
        ([CORNERS, "least_m = 2", "most_m = 1"], "most_m: is less than least_m"),
        ([CORNERS, 'holidays = "forse"'], "holidays: must be"),
        ([CORNERS, "week = [{ days = [8], since = 00:00:00, until = 00:00:00 }]"], "days[#1]"),
        ([CORNERS, "feasts = [2026-10-04]"], "feasts: unknown key"),
    ],
)
def test_faults(lines: list[str], fault: str) -> None:
    """Each is one line that says what to write instead."""
    with pytest.raises(ConfigErrors) as caught:
        parse_seed(with_zone(*lines), "seed.toml")
    assert f"zone[sagoma].{fault}" in str(caught.value) or f".{fault}" in str(caught.value)
    assert "zone[sagoma]" in str(caught.value)


def test_what_may_be_written() -> None:
    """A line needs no polygon, a whole picture has none, a night may go into the day after."""
    text = with_zone(
        "analytic = 'attraversamento'", LINE, 'direction = "ba"', 'holidays = "mai"',
        "week = [{ days = [5], since = 22:00:00, until = 06:00:00 }]", 'classes = ["veicolo"]',
    )  # fmt: skip
    zone = merge(empty_registry(), parse_seed(text, "seed.toml")).zones["sagoma"]
    assert (zone.polygon, zone.direction) == (WHOLE_PICTURE, Direction.BA)
    assert (zone.holidays, zone.week[0].days) == (Holidays.NEVER, (5,))
    with pytest.raises(ConfigErrors, match="patron: is not in every year"):
        parse_seed(text.replace("[[camera]]", "patron = 2028-02-29\n\n[[camera]]", 1), "s")


def test_a_gate_says_which_way_leads_into_the_city() -> None:
    """Lane, line, the way in and the passings that are read come out as they were written."""
    text = with_zone(
        *GATE, CORNERS, LINE, 'inbound = "ba"', 'direction = "ab"', 'lane = "Corsia nord"'
    )
    zone = merge(empty_registry(), parse_seed(text, "seed.toml")).zones["sagoma"]
    assert (zone.line, zone.inbound) == (((0.2, 0.5), (0.8, 0.5)), Direction.BA)
    assert (zone.direction, zone.lane) == (Direction.AB, "Corsia nord")
