# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Where a room may keep things: each test that asks for a `place` runs on both stores."""

import uuid

import psycopg
import pytest

from gateway.room.postgres import prepare
from tests.postgres import DAEMON, OWNER, cluster


@pytest.fixture(scope="session")
def postgresql():
    """Return what makes a fresh, prepared database, as the daemon signs in."""
    with cluster() as running:
        with psycopg.connect(running.options(OWNER).conninfo, autocommit=True) as db:
            db.execute(f"create role {DAEMON} login")

        def fresh():
            name = f"room_{uuid.uuid4().hex[:8]}"
            with psycopg.connect(running.options(OWNER).conninfo, autocommit=True) as db:
                db.execute(f"create database {name}")
            prepare(running.options(OWNER, name), DAEMON)
            return running.options(DAEMON, name)

        yield fresh


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path):
    """Return where a store goes, empty."""
    if request.param == "sqlite":
        return tmp_path / "place.db"
    return request.getfixturevalue("postgresql")()
