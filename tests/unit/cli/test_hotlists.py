# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco plates list|import|add|remove` against a daemon that answers as the real one does."""

import base64
import json

LIST = {
    "source": "questura", "kind": "A1", "sequence": 7, "issued": "2026-09-20T10:00:00Z",
    "act": "prot. 1234/2026", "entries": 2, "first_end": "2026-10-20T10:00:00Z",
}  # fmt: skip
ENTRY = {"id": "00000000000abc", "kind": "locale", "until": "2026-10-20T10:00:00Z"}
PERSON = ("--user", "anna", "--reason", "ricerca di persona", "--stdin")
CASE = ("--case", "INT 12")
WHO = {"user": "anna", "password": "segreto", "reason": "ricerca di persona"}


def test_lists_are_told_with_counts_and_ends(varco, daemon):
    """Whose, how many, until when, of which delivery and act; in the reader's language."""
    daemon.answer("GET /control/hotlists", 200, {"problem": "", "lists": [LIST]})
    done = varco("plates", "list", "--socket", daemon.path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "A1 (rubati) questura: 2 voci, scadono dal 2026-10-20T10:00:00Z,"
        " consegna 7 del 2026-09-20T10:00:00Z, prot. 1234/2026\n"
    )
    done = varco("plates", "list", "--socket", daemon.path, LANG="en_IE.UTF-8")
    assert "2 entries" in done.stdout


def test_a_key_that_is_missing_is_1_and_said(varco, daemon):
    """Nothing is matched: a script must not take it for well."""
    daemon.answer("GET /control/hotlists", 200, {"problem": "[plates] key is missing", "lists": []})
    done = varco("plates", "list", "--socket", daemon.path)
    assert (done.returncode, done.stdout) == (1, "nessuna lista ricevuta\n")
    assert "key is missing" in done.stderr


def test_a_list_goes_as_it_was_signed(varco, daemon, tmp_path):
    """Byte by byte; a raw signature and one in base64 arrive alike."""
    document, raw = b"\xef\xbb\xbf# format\r\n", bytes(range(64))
    (tmp_path / "a1.csv").write_bytes(document)
    (tmp_path / "raw.sig").write_bytes(raw)
    (tmp_path / "text.sig").write_bytes(base64.b64encode(raw) + b"\n")
    done = {"source": "questura", "kind": "A1", "sequence": 7, "added": 2, "removed": 1, "over": 3}
    daemon.answer("POST /control/hotlists/imports", 200, done)
    for name in ("raw.sig", "text.sig"):
        told = varco(
            "plates", "import", tmp_path / "a1.csv", "--signature", tmp_path / name, *CASE, *PERSON,
            "--socket", daemon.path, stdin="segreto\n",
        )  # fmt: skip
        assert (told.returncode, told.stderr) == (0, "")
        assert told.stdout == "questura A1, consegna 7: 2 voci, 1 tolte, 3 già scadute\n"
    for _, _, body in daemon.asked:
        assert json.loads(body) == WHO | {
            "purpose": "intervento", "case": "INT 12",
            "document": base64.b64encode(document).decode(),
            "signature": base64.b64encode(raw).decode(),
        }  # fmt: skip


def test_a_file_that_is_not_there_is_told(varco, daemon, tmp_path):
    """And nothing is sent."""
    done = varco(
        "plates", "import", tmp_path / "no.csv", "--signature", tmp_path / "no.sig", *CASE, *PERSON,
        "--socket", daemon.path, stdin="segreto\n",
    )  # fmt: skip
    assert done.returncode == 78
    assert "no.csv" in done.stderr
    assert not daemon.asked


def test_a_plate_is_typed_and_never_a_word_of_the_command(varco, daemon):
    """It is the first line of the standard input; what is printed is the entry's id."""
    daemon.answer("POST /control/hotlists/entries", 201, ENTRY)
    done = varco(
        "plates", "add", "--act", "ordinanza 7", "--requester", "Comando", "--until", "2026-10-20",
        *CASE, *PERSON, "--socket", daemon.path, stdin="fx 417 mz\nsegreto\n",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("00000000000abc [locale] ")
    assert "attende l'approvazione" in done.stdout
    assert "417" not in done.stdout
    ((_, _, body),) = daemon.asked
    assert json.loads(body) == WHO | {
        "purpose": "intervento", "case": "INT 12", "plate": "fx 417 mz", "country": "IT",
        "act": "ordinanza 7", "requester": "Comando", "until": "2026-10-20", "label": "",
    }  # fmt: skip


def test_an_entry_is_removed_by_its_id(varco, daemon):
    """In somebody's name, with a reason."""
    daemon.answer("POST /control/hotlists/entries/00000000000abc/remove", 200, ENTRY)
    done = varco(
        "plates", "remove", "00000000000abc", *PERSON, "--socket", daemon.path, stdin="segreto\n"
    )
    assert (done.returncode, done.stdout) == (
        0,
        "00000000000abc [locale] 2026-10-20T10:00:00Z: tolta\n",
    )
    ((_, _, body),) = daemon.asked
    assert json.loads(body) == WHO
