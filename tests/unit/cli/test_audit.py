# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco audit` on real ledgers, as an auditor types it."""

import asyncio
import json
import os
import sqlite3

import pytest

from gateway.audit.keys import generate_key, load_key, public_vkey
from gateway.audit.ledger import open_ledger
from gateway.model.access import Regime
from gateway.model.audit import LedgerEvent, Operation
from tests.fakes import FakeClock


@pytest.fixture
def box(tmp_path):
    """A box with a configuration, a key and a ledger of some entries; returns the last note."""
    pem = generate_key()
    (tmp_path / "ledger.key").write_text(pem)
    (tmp_path / "ledger.key").chmod(0o600)
    (tmp_path / "gateway.toml").write_text('[box]\nid = "nord"\nname = "N"\nstate_dir = "."\n')

    async def fill():
        key = load_key(pem, where="x")
        async with open_ledger(
            tmp_path / "ledger.db", origin="varco/nord", key=key, clock=FakeClock()
        ) as ledger:
            for number in range(5):
                await ledger.append(
                    LedgerEvent(
                        "live.open",
                        Operation.CONSULTATION,
                        Regime.LED,
                        actor_id=f"persona-{number}",
                        object_id="banco",
                    )
                )
            return ledger.head().checkpoint_note

    (tmp_path / "note").write_text(asyncio.run(fill()))
    (tmp_path / "vkey").write_text(public_vkey("varco/nord", load_key(pem, where="x")) + "\n")
    return tmp_path


def tamper(path, *statements):
    with sqlite3.connect(path) as connection:
        for name in connection.execute("select name from sqlite_master where type='trigger'"):
            connection.execute(f"drop trigger {name[0]}")
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_an_intact_log_is_0(varco, box):
    """With nothing but the configuration, key and place are known."""
    done = varco("audit", "verify", "--config", "gateway.toml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("registro integro: ")


def test_an_auditor_needs_the_file_the_key_and_a_checkpoint(varco, box):
    """The key as text or in a file; the checkpoint as it was kept."""
    vkey = (box / "vkey").read_text().strip()
    for key in (vkey, "vkey"):
        done = varco(
            "audit", "verify", "--ledger", "ledger.db", "--key", key, "--checkpoint", "note"
        )
        assert done.returncode == 0, done.stderr + done.stdout


def test_an_edited_entry_is_named_in_italian(varco, box):
    """Status 1 and the number of the first altered entry."""
    edit = (
        "update entry set header = cast(replace(cast(header as text), 'banco', 'altro') as blob)"
        " where seq = 2"
    )
    tamper(box / "ledger.db", edit)
    done = varco("audit", "verify", "--config", "gateway.toml")
    assert done.returncode == 1
    assert "REGISTRO ALTERATO\nprima voce alterata: 2\n" in done.stdout
    assert "  voce 2: " in done.stdout


def test_removed_entries_are_named_as_ranges(varco, box):
    """What is missing is told from where to where."""
    tamper(box / "ledger.db", "delete from entry where seq in (1, 2)")
    done = varco("audit", "verify", "--config", "gateway.toml")
    assert done.returncode == 1
    assert "voci mancanti: 1–2\n" in done.stdout


def test_another_logs_checkpoint_is_an_alteration(varco, box):
    """A log that does not contain what somebody else holds was rewritten."""
    note = (box / "note").read_text()
    (box / "note").write_text(note.replace("varco/nord", "varco/sud"))
    words = ("audit", "verify", "--config", "gateway.toml", "--checkpoint", "note")
    assert varco(*words).returncode == 1


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--ledger", "nix.db", "--key", "vkey"), "nix.db: non esiste"),
        (("--ledger", "ledger.db", "--key", "nix"), "nix: no such file"),
        (("--ledger", "ledger.db", "--key", "a+b+c"), "--key: is not the public key of a log"),
        (("--ledger", "ledger.db", "--key", "note"), "--key: is not the public key of a log"),
        (("--ledger", "ledger.db", "--key", "vkey", "--checkpoint", "nix"), "nix: no such file"),
        (("--config", "nix.toml"), "nix.toml: no such file"),
    ],
)
def test_what_cannot_be_verified_at_all_is_2(varco, box, words, text):
    """A wrong file is told from an altered log."""
    done = varco("audit", "verify", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("inutilizzabile: ")
    assert text in done.stderr


def test_verification_changes_nothing(varco, box):
    """Log, key and configuration are the same, byte for byte."""
    before = {path: path.read_bytes() for path in box.iterdir() if path.is_file()}
    assert varco("audit", "verify", "--config", "gateway.toml").returncode == 0
    assert {path: path.read_bytes() for path in before} == before


def test_the_public_key_is_printed_for_auditors(varco, box):
    """In the form that --key takes."""
    done = varco("audit", "key", "--config", "gateway.toml")
    assert done.stdout == (box / "vkey").read_text()


def test_a_key_that_others_can_read_is_refused(varco, box):
    """The private key's file is checked like every secret."""
    (box / "ledger.key").chmod(0o644)
    done = varco("audit", "key", "--config", "gateway.toml")
    assert done.returncode == 78
    assert "others may read it" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_root_reads_the_key_that_the_service_made(varco, box):
    """Under DynamicUser the key belongs to another user; an administrator may print it."""
    os.chown(box / "ledger.key", 12345, -1)
    done = varco("audit", "key", "--config", "gateway.toml")
    assert done.stdout == (box / "vkey").read_text()


def test_an_export_has_one_line_for_each_entry(varco, box):
    """Header as signed and personal values apart, from the file alone."""
    done = varco("audit", "export", "--config", "gateway.toml")
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    looks = [one for one in records if one["header"]["event"] == "live.open"]
    assert [one["opened"]["actor_id"] for one in looks] == [f"persona-{n}" for n in range(5)]
    assert all("persona" not in json.dumps(one["header"]) for one in records)
    assert [one["header"]["seq"] for one in records] == list(range(len(records)))


def test_an_export_of_something_else_is_2(varco, box):
    """What is no ledger is told in one line."""
    (box / "x.db").write_bytes(b"x" * 5000)
    done = varco("audit", "export", "--ledger", "x.db")
    assert done.returncode == 2
    assert "inutilizzabile: x.db" in done.stderr
