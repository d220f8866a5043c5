# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco audit` on real ledgers, as an auditor types it."""

import asyncio
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import zipfile

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit import varco_verify
from gateway.audit.keys import generate_key, load_key, public_vkey
from gateway.audit.ledger import open_ledger
from gateway.model.access import Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.wire.cosignature import WitnessKey, cosign
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


def test_a_period_by_number_and_by_day(varco, box):
    """Status, first bad entry and missing ranges are the period's; the rest is one warning."""
    tamper(box / "ledger.db", "delete from entry where seq in (1, 2)")
    words = ("audit", "verify", "--config", "gateway.toml")
    done = varco(*words, "--from", "2", "--to", "4")
    assert done.returncode == 1
    assert (
        "periodo: 2–4\nREGISTRO ALTERATO\nprima voce alterata: 2\nvoci mancanti: 2\n" in done.stdout
    )
    done = varco(*words, "--from", "3")
    assert (done.returncode, done.stderr) == (0, "")
    assert "periodo integro: 3–4\n" in done.stdout
    assert "ATTENZIONE, anomalie fuori dal periodo: 1\n" in done.stdout
    done = varco(*words, "--from", "1999-01-01", "--to", "1999-12-31")
    assert (done.returncode, "periodo integro: nessuna voce" in done.stdout) == (0, True)
    assert varco(*words, "--from", "1999-01-01", "--to", "2999-12-31").returncode == 1
    done = varco(*words, "--to", "ieri")
    assert (done.returncode, "--to: is no entry and no time" in done.stderr) == (2, True)


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


EXPORT = "POST /control/ledger/export"
AIM = ("--aim", "verifica-liceita")


def test_an_export_asks_who_and_why(varco, daemon, tmp_path):
    """A named person with a password; what comes is written for its owner alone."""
    daemon.answer(EXPORT, 200, "registro", "application/zip")
    digest = hashlib.sha256(b"registro").hexdigest()
    daemon.headers = {"X-Varco-SHA256": digest, "Content-Disposition": 'x; filename="../r.zip"'}
    words = ("audit", "export", "--socket", daemon.path, "--user", "dora", *AIM, "--stdin")
    done = varco(*words, "--camera", "uno", "--from", "2026-11-22", stdin="segreto\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert digest in done.stdout
    assert (tmp_path / "r.zip").read_bytes() == b"registro"
    assert (tmp_path / "r.zip").stat().st_mode & 0o077 == 0
    ((_, _, body),) = daemon.asked
    sent = json.loads(body)
    assert sent == {
        "aim": "verifica-liceita", "own_case": "", "format": "jsonl", "from": "2026-11-22",
        "camera": "uno", "user": "dora", "password": "segreto",
    }  # fmt: skip
    assert varco(*words, stdin="segreto\n").returncode == 2  # nothing is overwritten


def test_an_export_that_broke_off_is_not_kept(varco, daemon, tmp_path):
    """Its hash does not fit."""
    daemon.answer(EXPORT, 200, "regi", "application/zip")
    daemon.headers = {"X-Varco-SHA256": "00" * 32, "Content-Disposition": 'x; filename="r.zip"'}
    words = ("audit", "export", "--socket", daemon.path, "--user", "dora", *AIM, "--stdin")
    assert varco(*words, stdin="x\n").returncode == 2
    assert not (tmp_path / "r.zip").exists()


def test_an_export_asks_for_the_code_where_one_is_due(varco, daemon):
    """A line more; without it the refusal stands and nothing is sent again."""
    problem = "application/problem+json"
    daemon.answer(EXPORT, 401, {"code": "totp-needed", "title": "code"}, problem)
    words = ("audit", "export", "--socket", daemon.path, "--user", "dora", *AIM, "--stdin")
    assert varco(*words, stdin="segreto\n").returncode == 2
    assert len(daemon.asked) == 1
    assert varco(*words, stdin="segreto\n123456\n").returncode == 2
    assert [json.loads(body).get("totp") for _, _, body in daemon.asked] == [None, None, "123456"]


def test_the_check_of_administrators_names_its_year(varco, daemon):
    """`report --admins --year`."""
    daemon.answer(EXPORT, 200, "p", "text/html")
    daemon.headers = {"X-Varco-SHA256": hashlib.sha256(b"p").hexdigest()}
    words = ("audit", "report", "--admins", "--year", "2026", "--user", "aldo", *AIM, "--stdin")
    assert varco(*words, "--socket", daemon.path, "--out", "a.html", stdin="x\n").returncode == 0
    sent = json.loads(daemon.asked[0][2])
    assert (sent["format"], sent["year"]) == ("admins", 2026)


def test_lines_for_monitors_are_asked_for_and_made_offline(varco, daemon, box):
    """Over the control socket like the other forms; offline from the file itself."""
    daemon.answer(EXPORT, 200, "{}", "application/x-ndjson")
    daemon.headers = {"X-Varco-SHA256": hashlib.sha256(b"{}").hexdigest()}
    words = ("audit", "export", "--format", "ocsf", "--out")
    asked = ("--socket", daemon.path, "--user", "dora", *AIM, "--stdin")
    assert varco(*words, "a.jsonl", *asked, stdin="x\n").returncode == 0
    assert json.loads(daemon.asked[0][2])["format"] == "ocsf"
    done = varco(*words, "b.jsonl", "--config", "gateway.toml", "--offline", "perizia 7")
    assert done.returncode == 0, done.stderr
    text = (box / "b.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [one["metadata"]["sequence"] for one in lines] == [*range(len(lines))]
    assert len({one["actor"]["user"]["uid"] for one in lines[:5]}) == 5
    assert "persona-" not in text
    assert "perizia" not in text


def test_without_a_person_nothing_is_exported(varco, box):
    """Root alone is not enough, and a stopped service is told as that."""
    assert varco("audit", "export", "--config", "gateway.toml").returncode == 2
    done = varco("audit", "export", "--config", "gateway.toml", "--user", "d", *AIM, "--stdin")
    assert done.returncode == 2
    assert "inutilizzabile" in done.stderr


def test_offline_the_reason_is_an_entry_before_anything_leaves(varco, box):
    """Two entries: why, and what left; the export holds the first and verifies by itself."""
    words = ("audit", "export", "--config", "gateway.toml", "--out", "r.zip")
    done = varco(*words, "--offline", "perizia 7")
    assert done.returncode == 0, done.stderr
    verified = subprocess.run(
        [sys.executable, "-I", varco_verify.__file__, box / "r.zip", "--key", box / "vkey"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert verified.returncode == 0, verified.stdout + verified.stderr
    with zipfile.ZipFile(box / "r.zip") as packed:
        lines = packed.read("registro-varco/entries.jsonl").splitlines()
    last = json.loads(lines[-1])
    assert json.loads(last["header"])["event"] == "log.export"
    assert last["opened"]["reason_text"]["value"] == "perizia 7"
    with sqlite3.connect(box / "ledger.db") as db:
        (header,) = db.execute("select header from entry order by seq desc limit 1").fetchone()
    db.close()
    digest = hashlib.sha256((box / "r.zip").read_bytes()).hexdigest()
    assert json.loads(header)["content_hash"] == digest
    assert varco("audit", "verify", "--config", "gateway.toml").returncode == 0


def test_what_a_witness_vouches_for_is_told_and_what_nobody_does(varco, box):
    """Its key comes from the command line or from the configuration; a stranger's counts not."""
    secret = Ed25519PrivateKey.generate()
    public = secret.public_key().public_bytes_raw()
    line = cosign((box / "note").read_text(), "sala.example", secret, 1_700_000_000)
    with sqlite3.connect(box / "ledger.db") as connection:
        connection.execute(
            "insert into cosignature values(5, 'sala.example', 1700000000, ?)", (line,)
        )
    connection.close()
    files = ("--ledger", "ledger.db", "--key", "vkey")
    alone = varco("audit", "verify", *files)
    assert "chi ha la chiave: 5" in alone.stdout
    vkey = WitnessKey("sala.example", public).vkey()
    told = varco("audit", "verify", *files, "--witness", vkey)
    assert "testimone sala.example: 5 voci, 2023-11-14T22:13:20.000Z" in told.stdout
    assert "chi ha la chiave" not in told.stdout
    with (box / "gateway.toml").open("a") as config:
        config.write(f'[[ledger.witness]]\nkey = "{vkey}"\n')
    assert "testimone sala.example" in varco("audit", "verify", "--config", "gateway.toml").stdout
    wrong = varco("audit", "verify", *files, "--witness", "nobody")
    assert wrong.returncode == 2
    assert "--witness" in wrong.stderr
