# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The jobs that run on the ledger's file."""

import sqlite3
from contextlib import closing

import pytest

from gateway.audit import tables
from gateway.audit.entry import draft
from gateway.model.errors import InvariantError
from gateway.model.time import Moment
from tests.unit.audit.logbook import KEY, ORIGIN, event

SIGNER = tables.Signer(ORIGIN, KEY)


def drafts(*numbers):
    return [draft(event(n), Moment(1.0, 2), "1", bytes) for n in numbers]


@pytest.fixture
def db():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.executescript(tables.SCHEMA)
        yield db


def test_the_head_is_what_was_written_last(db):
    """The head that an insert returns is the head that is read back."""
    assert tables.read_head(db, SIGNER).size == 0
    for n in range(5):
        head = tables.insert_drafts(db, drafts(n, n), SIGNER)
        assert tables.read_head(db, SIGNER) == head
        assert head.size == 2 * n + 2


def test_rows_with_places_only_fit_at_the_end(db):
    """Rows that carry their numbers are inserted where they continue the log, nowhere else."""
    tables.insert_drafts(db, drafts(0, 1), SIGNER)
    rows = [tables.row_of(one, 2) for one in drafts(2)]
    for first in (1, 3):
        with pytest.raises(InvariantError):
            tables.insert_rows(db, first, rows, SIGNER)
    assert tables.insert_rows(db, 2, rows, SIGNER).size == 3
    assert tables.read_header(db, 2) == rows[0].header
    assert tables.read_header(db, 3) is None
