# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Rows of hot lists in a real database."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from gateway.model.hotlist import EntryState, HotEntry, HotList
from gateway.model.plate import ListKind
from gateway.registry import hotlist_table as table
from gateway.registry.hotlist_table import Sealed

LIST = HotList("ufficio", ListKind.STOLEN, 3, 10, 20, "ab", "atto", "furti", "Questura", "anna")
ENTRY = HotEntry(
    1, ListKind.LOCAL, "IT", 0, 100, "", "indagine", "atto", "12/2026", "PM", "sala", 5, "anna",
    0, "", EntryState.WAITING, newcomers=frozenset({"nuovo"}),
)  # fmt: skip


@pytest.fixture
def connection():
    """An empty database."""
    with closing(sqlite3.connect(":memory:")) as made:
        made.execute("pragma foreign_keys = on")
        made.executescript(table.SCHEMA)
        yield made


def sealed(number):
    return Sealed(bytes([number]) * 32, b"sealed" + bytes([number]))


def test_a_waiting_entry_is_not_sought_until_it_is_approved(connection):
    """It is shown with who may not approve it; then it is in force."""
    table.insert(connection, None, [(replace(ENTRY, newcomers=frozenset()), sealed(1))])
    table.bind_anew(connection, ["nuovo"])
    assert table.local(connection) == (ENTRY,)
    assert list(table.sought(connection)) == []
    table.approve(connection, 1, "bruno", 50)
    (one,) = table.sought(connection)
    assert (one.number, one.digest) == (1, sealed(1).digest)
    kept = table.one(connection, 1)
    assert (kept.approved_by, kept.approved_us, kept.state) == ("bruno", 50, EntryState.IN_FORCE)


def test_what_is_over_goes_and_the_rest_stays(connection):
    """By list, with how many; an entry is over the moment its time is."""
    number = table.put_list(connection, LIST)
    forced = replace(ENTRY, kind=ListKind.STOLEN, state=EntryState.IN_FORCE)
    table.insert(
        connection,
        number,
        [(replace(forced, number=n, until_us=100 * n), sealed(n)) for n in (1, 2, 3)],
    )
    assert table.lists(connection)[0].entries == 3
    assert table.expire(connection, 200) == (("ufficio", "A1", 2),)
    assert [one.number for one in table.sought(connection)] == [3]
    assert table.expire(connection, 200) == ()


def test_a_newer_delivery_replaces_what_a_list_says_not_another_list(connection):
    """One row for each source and kind; entries can be dropped by digest, or all."""
    number = table.put_list(connection, LIST)
    other = table.put_list(connection, replace(LIST, source="altro"))
    assert table.put_list(connection, replace(LIST, sequence=4, issued_us=11)) == number != other
    assert table.latest(connection, "ufficio", ListKind.STOLEN) == (number, 4, 11)
    table.insert(connection, number, [(replace(ENTRY, number=n), sealed(n)) for n in (1, 2)])
    assert table.drop(connection, number, [sealed(1).digest, b"none"]) == 1
    assert table.sealed(connection, 2) == sealed(2)
    assert table.drop(connection, number, None) == 1
    assert not table.holds_any(connection)
