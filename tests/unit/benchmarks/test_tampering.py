# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The tampering that the benchmark counts really tampers, and the verifier's misses would count."""

import asyncio
import random
import sqlite3
from contextlib import closing

import pytest

from benchmarks import ledger
from benchmarks.lab.tampering import MUTATIONS, Mutation, Scene, first_difference, tamper
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


def test_the_first_bad_entry_is_told_from_the_files(target, tmp_path):
    """The oracle compares files: an edit is at its entry, a cut at the first missing one."""
    copy = ledger.replace(target, path=ledger.copied(target.path, tmp_path / "copy.db"))
    assert first_difference(target.path, copy.path) is None

    def edit(scene: Scene):
        return scene.run("update entry set leaf = x'00' where seq in (7, 9)")

    assert tamper(copy, Mutation("edit", edit), random.Random(1))
    assert first_difference(target.path, copy.path) == 7
    assert tamper(copy, Mutation("cut", lambda s: s.run("delete from entry where seq = 3")), random)
    assert first_difference(target.path, copy.path) == 3


def test_a_miss_is_counted_as_a_miss(target, tmp_path, monkeypatch):
    """Erasure is no tampering for the verifier: as a mutation it would show as not found."""

    def erase(scene: Scene):
        return scene.run("delete from opened")

    monkeypatch.setattr(ledger, "MUTATIONS", (Mutation("erasure", erase),))
    found = ledger.Found([], [], [], [], [], [])
    load = ledger.replace(ledger.QUICK, mutations_each=2)
    assert ledger.mutate(tmp_path, load, found) == {"erasure": ledger.Outcome(made=2)}
    assert found.intact
