# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The vocabulary of reports: ten kinds in five classes, numbers, what the ledger is told."""

from gateway.model.report import (
    KINDS,
    Direction,
    ReportClass,
    ReportWords,
    Routing,
    number_of,
    routed,
    routing,
)
from gateway.room.incident_rules import kinds


def test_there_are_ten_kinds_in_all_five_classes():
    """As the protocol has them (B-29, A-15); each is known to incidents, too."""
    assert len(KINDS) == 10
    assert {one.of for one in KINDS.values()} == set(ReportClass)
    for one in KINDS.values():
        assert one.incident in kinds()
        assert kinds()[one.incident].of == one.of.value


def test_numbers_are_fixed_width_and_grow():
    """Six digits sort as text; the millionth is not cut."""
    assert number_of(Direction.IN, 2026, 1) == "IN-2026-000001"
    assert number_of(Direction.OUT, 2026, 1_234_567) == "OUT-2026-1234567"


def test_routing_is_read_back():
    """Rooms and line, also none of them."""
    for one in (Routing(("a", "b"), "resto"), Routing((), ""), Routing(("a",), "")):
        assert routing(routed(one.recipients, one.line)) == one


def test_the_ledger_is_told_position_place_and_text_in_one_line():
    """What is missing leaves no trace."""
    words = ReportWords("fermo\ndavanti", "Via Roma 1", 44.030351, 10.12975)
    assert words.spoken() == "44.03035,10.12975 · Via Roma 1 · fermo davanti"
    assert ReportWords().spoken() == ""
