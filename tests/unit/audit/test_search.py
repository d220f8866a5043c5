# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Entries that match a query, page by page, in both directions."""

import asyncio
from contextlib import closing
from dataclasses import replace

import pytest

from gateway.audit import search
from gateway.model.audit import LedgerQuery
from tests.unit.audit.logbook import LOOK, opened

ALARM = replace(LOOK, event="alarm.raise", object_type="alarm", object_id="a-1")
EVENTS = [
    replace(LOOK, object_id="nord", actor_id="anna"),
    replace(ALARM, camera="nord", actor_id="", delegated_by="bruno"),
    replace(ALARM, camera="sud", case_ref="caso 9"),
    replace(LOOK, object_id="sud", org="altri", controller="comune"),
    replace(LOOK, object_id="nord", event="live.close", actor_id="bruno"),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A log of these entries."""
    path = tmp_path_factory.mktemp("search") / "l.db"

    async def run():
        async with opened(path) as ledger:
            await ledger.append_many(EVENTS)

    asyncio.run(run())
    return path


@pytest.fixture
def db(path):
    with closing(search.open_reading(path)) as db:
        yield db


def seqs(page):
    return [one.seq for one in page.entries]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (LedgerQuery(), [0, 1, 2, 3, 4]),
        (LedgerQuery(camera="nord"), [0, 1, 4]),
        (LedgerQuery(camera="a-1"), [1, 2]),
        (LedgerQuery(camera="nor"), []),
        (LedgerQuery(camera="sud", event="alarm."), [2]),
        (LedgerQuery(person="bruno"), [1, 4]),
        (LedgerQuery(case="caso 9"), [2]),
        (LedgerQuery(event="live.close"), [4]),
        (LedgerQuery(event="live."), [0, 3, 4]),
        (LedgerQuery(event="live"), []),
        (LedgerQuery(organisation="comune"), [3]),
        (LedgerQuery(organisation="altri"), [3]),
        (LedgerQuery(person="' or 1=1 --"), []),
    ],
)
def test_what_matches(path, db, query, found):
    """By the camera itself or the one an alarm comes from, by person, case, code, organisation."""
    assert seqs(search.forward(db, query, -1, 10)) == found
    assert seqs(search.backward(db, query, None, 10)) == found
    assert [one.seq for one in search.read(path, query, 5)] == found
    assert list(search.every(db, query, 4)) == [one for one in found if one < 4]


def test_times_are_half_open(db):
    """The first microsecond is meant, the last is not."""
    times = [one.utc_us for one in search.forward(db, LedgerQuery(), -1, 10).entries]
    low, high = times[0], times[-1]
    assert len(search.forward(db, LedgerQuery(from_utc_us=low), -1, 10).entries) == 5
    assert seqs(search.forward(db, LedgerQuery(to_utc_us=low), -1, 10)) == []
    assert seqs(search.forward(db, LedgerQuery(from_utc_us=high + 1), -1, 10)) == []
    assert len(search.forward(db, LedgerQuery(to_utc_us=high + 1), -1, 10).entries) == 5


@pytest.mark.parametrize("looked_at", [1, 2, 100])
def test_pages_join_without_gap_or_overlap(db, monkeypatch, looked_at):
    """In both directions, also where a page looks at few entries and finds none."""
    monkeypatch.setattr(search, "MOST_LOOKED_AT", looked_at)
    query, after, there = LedgerQuery(camera="nord"), -1, []
    while after is not None:
        page = search.forward(db, query, after, 2)
        there, after = [*there, *seqs(page)], page.newer
    page = search.backward(db, query, None, 2)
    before, back = page.older, seqs(page)
    while before is not None:
        page = search.backward(db, query, before, 2)
        back, before = [*seqs(page), *back], page.older
    assert there == back == [0, 1, 4]
