# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The export: complete, self-describing, and checkable without us."""

import io
import json
import zipfile
from hashlib import sha256

import pytest

from gateway.audit.entry import Opening
from gateway.audit.export import Keys, export_folder, export_zip
from gateway.model.audit import LedgerQuery
from gateway.model.errors import StoreError
from gateway.wire import checkpoint
from gateway.wire.checkpoint import VerifierKey, parse_vkey
from gateway.wire.merkle import leaf_hash, proves_inclusion, root_of
from tests.unit.audit.logbook import ORIGIN, PUBLIC, write

KEYS = Keys(VerifierKey(ORIGIN, PUBLIC))
ALL = LedgerQuery()
NAMES = {
    "entries.jsonl",
    "checkpoint.txt",
    "checkpoints.jsonl",
    "key.txt",
    "witnesses.txt",
    "LEGGIMI.txt",
    "varco_verify.py",
    "manifest.json",
}


@pytest.fixture
def ledger(tmp_path):
    path = tmp_path / "ledger.db"
    write(path, [1, 4, 2])
    return path


def lines_of(folder):
    return [json.loads(line) for line in (folder / "entries.jsonl").read_text().splitlines()]


def test_a_folder_that_verifies(ledger, tmp_path):
    """Headers give the leaves, leaves the root, the root is signed, values fit commitments."""
    folder = tmp_path / "out"
    exported = export_folder(ledger, folder, KEYS, ALL)
    lines = lines_of(folder)
    key = parse_vkey((folder / "key.txt").read_text())
    signed = checkpoint.verify((folder / "checkpoint.txt").read_text(), key.public, ORIGIN)
    leaves = [leaf_hash(line["header"].encode()) for line in lines]
    assert [line["leaf"] for line in lines] == [leaf.hex() for leaf in leaves]
    assert (signed.size, signed.root) == (len(lines), root_of(leaves)) == (7, signed.root)
    assert (exported.entries, exported.size) == (7, 7)
    for line in lines:
        committed = json.loads(line["header"])["commit"]
        assert committed.keys() == line["opened"].keys()
        for name, value in line["opened"].items():
            opening = Opening(name, bytes.fromhex(value["salt"]), value["value"])
            assert opening.commitment() == committed[name]


@pytest.mark.parametrize("size", [1, 2, 7, 8, 300, 513])
def test_every_entry_of_an_extract_proves_that_it_belongs_to_the_log(tmp_path, size):
    """For trees of every shape, one entry of the log alone verifies under the root."""
    path = tmp_path / "l.db"
    write(path, [size])
    for wanted in sorted({0, size // 2, size - 1}):
        folder = tmp_path / f"out{wanted}"
        export_folder(path, folder, KEYS, LedgerQuery(camera=f"cam-{wanted}"))
        (line,) = lines_of(folder)
        signed = checkpoint.parse((folder / "checkpoint.txt").read_text())
        proof = [bytes.fromhex(one) for one in line["proof"]]
        leaf = bytes.fromhex(line["leaf"])
        assert line["seq"] == wanted
        assert proves_inclusion(leaf, wanted, size, proof, signed.root)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (LedgerQuery(camera="cam-3"), [3]),
        (LedgerQuery(case="caso 5"), [5]),
        (LedgerQuery(person="anna"), [*range(7)]),
        (LedgerQuery(person="nessuno"), []),
        (LedgerQuery(event="live.", camera="cam-1"), [1]),
        (LedgerQuery(event="live"), []),
        (LedgerQuery(organisation="sala-pl", case="caso 0"), [0]),
        (LedgerQuery(organisation="altri"), []),
        (LedgerQuery(from_utc_us=1 << 60), []),
    ],
)
def test_an_extract_holds_what_was_asked_for(ledger, tmp_path, query, found):
    """By camera, case, person, event, organisation and time, and says how it was asked for."""
    export_folder(ledger, tmp_path / "out", KEYS, query)
    assert [line["seq"] for line in lines_of(tmp_path / "out")] == found
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["kind"] == "extract"
    assert manifest["filters"]


def test_the_manifest_names_every_file(ledger, tmp_path):
    """The manifest holds the hash of each other file; its own hash names the export."""
    folder = tmp_path / "out"
    exported = export_folder(ledger, folder, KEYS, ALL)
    text = (folder / "manifest.json").read_bytes()
    manifest = json.loads(text)
    assert sha256(text).hexdigest() == exported.sha256
    assert manifest["files"].keys() | {"manifest.json"} == NAMES
    assert (manifest["origin"], manifest["entries"], manifest["kind"]) == (ORIGIN, 7, "full")
    for name, digest in manifest["files"].items():
        assert sha256((folder / name).read_bytes()).hexdigest() == digest


def test_a_zip(ledger):
    """One file with the same content, and its hash."""
    file = io.BytesIO()
    exported = export_zip(ledger, file, KEYS, ALL)
    assert sha256(file.getvalue()).hexdigest() == exported.sha256
    with zipfile.ZipFile(file) as packed:
        assert {name.rpartition("/")[2] for name in packed.namelist()} == NAMES


def test_nothing_is_overwritten(ledger, tmp_path):
    """An existing destination, or a ledger that is absent, is a StoreError."""
    (tmp_path / "out").mkdir()
    with pytest.raises(StoreError, match="exists"):
        export_folder(ledger, tmp_path / "out", KEYS, ALL)
    with pytest.raises(StoreError, match="ledger export"):
        export_zip(tmp_path / "absent.db", io.BytesIO(), KEYS, ALL)
