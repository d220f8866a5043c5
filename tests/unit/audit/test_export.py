# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The export: complete, self-describing, and checkable without us."""

import json
import zipfile
from hashlib import sha256

import pytest

from gateway.audit.entry import Opening
from gateway.audit.export import export
from gateway.model.errors import StoreError
from gateway.wire import checkpoint
from gateway.wire.checkpoint import VerifierKey, parse_vkey
from gateway.wire.merkle import leaf_hash, root_of
from tests.unit.audit.logbook import ORIGIN, PUBLIC, write

KEY = VerifierKey(ORIGIN, PUBLIC)
NAMES = {"entries.jsonl", "checkpoint.txt", "key.txt", "manifest.json"}


@pytest.fixture
def ledger(tmp_path):
    path = tmp_path / "ledger.db"
    write(path, [1, 4, 2])
    return path


def test_a_folder_that_verifies(ledger, tmp_path):
    """Headers give the leaves, leaves the root, the root is signed, values fit commitments."""
    exported = export(ledger, tmp_path / "out", KEY)
    lines = [
        json.loads(line) for line in (exported.path / "entries.jsonl").read_text().splitlines()
    ]
    key = parse_vkey((exported.path / "key.txt").read_text())
    signed = checkpoint.verify((exported.path / "checkpoint.txt").read_text(), key.public, ORIGIN)
    leaves = [leaf_hash(line["header"].encode()) for line in lines]
    assert [line["leaf"] for line in lines] == [leaf.hex() for leaf in leaves]
    assert (signed.size, signed.root) == (len(lines), root_of(leaves)) == (7, signed.root)
    assert exported.entries == 7
    for line in lines:
        committed = json.loads(line["header"])["commit"]
        assert committed.keys() == line["opened"].keys()
        for name, value in line["opened"].items():
            opening = Opening(name, bytes.fromhex(value["salt"]), value["value"])
            assert opening.commitment() == committed[name]


def test_the_manifest_names_every_file(ledger, tmp_path):
    """The manifest holds the hash of each other file; its own hash names the export."""
    exported = export(ledger, tmp_path / "out", KEY)
    text = (exported.path / "manifest.json").read_bytes()
    manifest = json.loads(text)
    assert sha256(text).hexdigest() == exported.manifest_sha256
    assert manifest["files"].keys() | {"manifest.json"} == NAMES
    assert (manifest["origin"], manifest["entries"]) == (ORIGIN, 7)
    for name, digest in manifest["files"].items():
        assert sha256((exported.path / name).read_bytes()).hexdigest() == digest


def test_a_zip(ledger, tmp_path):
    """A destination ending in .zip is one file with the same content."""
    exported = export(ledger, tmp_path / "out.zip", KEY)
    with zipfile.ZipFile(exported.path) as packed:
        assert {name.rpartition("/")[2] for name in packed.namelist()} - {""} == NAMES
    left = {one.name for one in tmp_path.iterdir() if not one.name.startswith("ledger.db")}
    assert left == {"out.zip"}


def test_nothing_is_overwritten(ledger, tmp_path):
    """An existing destination, or a ledger that is absent, is a StoreError."""
    (tmp_path / "out").mkdir()
    with pytest.raises(StoreError, match="exists"):
        export(ledger, tmp_path / "out", KEY)
    with pytest.raises(StoreError, match="ledger export"):
        export(tmp_path / "absent.db", tmp_path / "out2", KEY)
    with pytest.raises(StoreError):
        export(ledger, tmp_path / "no" / "folder", KEY)
    assert not (tmp_path / "out2").exists()
