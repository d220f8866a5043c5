# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The tampering that the benchmark counts really tampers, and the verifier's misses would count."""

import asyncio
import random
import sqlite3
from contextlib import closing

import pytest

from benchmarks import ledger
from benchmarks.lab.tampering import MUTATIONS, Mutation, Scene, tamper
from gateway.audit.keys import public_bytes
from gateway.audit.verify import verify


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """The small ledger of the benchmark."""
    path = tmp_path_factory.mktemp("small") / "small.db"
    return asyncio.run(ledger.small_ledger(path))


def content(path):
    """Everything that is evidence in a file."""
    with closing(sqlite3.connect(path)) as db:
        return [
            db.execute(f"select * from {table} order by 1, 2").fetchall()
            for table in ("entry", "opened", "checkpoint")
        ]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
def test_each_kind_changes_the_evidence_and_is_found(target, tmp_path, mutation):
    """A change that changed nothing must not be counted; a change that was made is found."""
    copy = ledger.replace(target, path=ledger.copied(target.path, tmp_path / "copy.db"))
    draw = random.Random(5)
    while not tamper(copy, mutation, draw):
        assert content(copy.path) == content(target.path)
    assert content(copy.path) != content(target.path)
    held = target.held if mutation.needs_witness else None
    assert not verify(copy.path, public_bytes(target.key), held).ok


def test_a_miss_is_counted_as_a_miss(target, tmp_path, monkeypatch):
    """Erasure is no tampering for the verifier: as a mutation it would show as not found."""

    def erase(scene: Scene):
        return scene.run("delete from opened")

    monkeypatch.setattr(ledger, "MUTATIONS", (Mutation("erasure", erase),))
    found = ledger.Found([], [], [], [], [], [])
    load = ledger.replace(ledger.QUICK, mutations_each=2)
    assert ledger.mutate(tmp_path, load, found) == {"erasure": (2, 0)}
    assert found.intact
