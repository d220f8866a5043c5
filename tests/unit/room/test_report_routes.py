# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The table of reports: B-30 as data, and a province's own lines before it."""

from dataclasses import replace

import pytest

from gateway.model.errors import InvariantError
from gateway.model.registry import (
    Force,
    Recipient,
    RecipientKind,
    ReportRoute,
    empty_registry,
)
from gateway.model.report import ReportDraft, ReportWords
from gateway.room.report_routes import NOBODY, lines, read_lines, route

CAPITAL = ((10.1, 44.0), (10.2, 44.0), (10.2, 44.1), (10.1, 44.1))
NORTH = ((10.1, 44.2), (10.2, 44.2), (10.2, 44.3), (10.1, 44.3))
IN_CAPITAL, IN_NORTH, FAR = (44.05, 10.15), (44.25, 10.15), (43.0, 11.0)
WEST = (44.05, 10.05)


def room(id_, force, territory=()):
    return Recipient(id_, id_, RecipientKind.ROOM, force=force, territory=territory)


ROOMS = (
    room("questura", Force.QUESTURA, CAPITAL),
    room("arma", Force.CARABINIERI),
    room("gdf", Force.FINANCE),
    room("pl-capoluogo", Force.LOCAL, CAPITAL),
    room("pl-nord", Force.LOCAL, NORTH),
    Recipient("istituto", "I", RecipientKind.INSTITUTE),
)


def registry(*rows, rooms=ROOMS):
    return replace(
        empty_registry(),
        recipients={one.id: one for one in rooms},
        report_routes={one.id: one for one in rows},
    )


def draft(kind="persone-o-veicoli-sospetti", at=IN_CAPITAL, **more):
    words = ReportWords(latitude=at[0], longitude=at[1]) if at else ReportWords(place="Via Roma")
    return ReportDraft(kind, words, **more)


@pytest.mark.parametrize(
    ("what", "to", "line"),
    [
        (draft(), ("questura",), "capoluogo"),
        (draft(at=IN_NORTH), ("arma",), "resto-della-provincia"),
        (draft(at=WEST), ("arma",), "resto-della-provincia"),
        (draft(at=None), ("arma",), "resto-della-provincia"),
        (draft("degrado-urbano"), ("pl-capoluogo",), "sicurezza-urbana"),
        (draft("interruzione-di-energia", IN_NORTH), ("pl-nord",), "sicurezza-urbana"),
        (draft("degrado-urbano", FAR), ("arma",), "resto-della-provincia"),
        (draft(economic=True), ("gdf",), "economico-finanziario"),
        (draft("degrado-urbano", economic=True), ("gdf",), "economico-finanziario"),
    ],
)
def test_the_table_that_comes_with_varco(what, to, line):
    """Capital, rest, finance, urban security; each municipality's own police."""
    made = route(what, registry())
    assert (made.recipients, made.line) == (to, line)


def test_a_line_of_the_province_goes_first():
    """By order, kind, area and the economic mark; without coordinates no area holds."""
    port = ReportRoute("porto", ("arma", "gdf"), area=CAPITAL, order=5)
    decay = ReportRoute("degrado", ("questura",), kinds=("degrado",), order=1)
    money = ReportRoute("soldi", ("questura",), economic=True, order=2)
    table = registry(port, decay, money)
    assert route(draft(), table).line == "porto"
    assert route(draft("degrado-urbano"), table).line == "degrado"
    assert route(draft(economic=True), table).line == "soldi"
    assert route(draft(at=None), table).line == "resto-della-provincia"
    assert route(draft(at=IN_NORTH), table).line == "resto-della-provincia"


def test_no_report_is_lost_for_want_of_a_line():
    """Without Carabinieri the Questura gets it; without any force every room, no institute."""
    few = [one for one in ROOMS if one.id in ("questura", "istituto")]
    assert route(draft(at=IN_NORTH), registry(rooms=few)).recipients == ("questura",)
    plain = [room("sala", Force.OTHER), ROOMS[-1]]
    made = route(draft(), registry(rooms=plain))
    assert (made.recipients, made.line) == (("sala",), NOBODY)
    assert route(draft(), registry(rooms=ROOMS[-1:])).recipients == ()


@pytest.mark.parametrize(
    "wrong", ['kinds = ["furto"]\nforce = "questura"', 'force = "esercito"', 'forza = "questura"']
)
def test_a_wrong_table_is_named(wrong):
    """File, line and word."""
    with pytest.raises(InvariantError, match=r"report_routes.toml: route\[x\]"):
        read_lines(f'[[route]]\nid = "x"\n{wrong}\n')


def test_every_line_leads_somewhere():
    """Ids differ; the last two take everything."""
    table = lines()
    assert len({one.id for one in table}) == len(table)
    assert not table[-1].kinds
    assert not table[-1].inside
