# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The verifier that travels with exports: alone, on another Python, of one mind with ours."""

import ast
import io
import json
import random
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit import segments
from gateway.audit import varco_verify as alone
from gateway.audit.export import Keys, export_folder, export_zip
from gateway.audit.verify import verify
from gateway.model.audit import LedgerQuery
from gateway.wire import checkpoint
from gateway.wire.checkpoint import Checkpoint, VerifierKey
from gateway.wire.cosignature import WitnessKey, cosign
from tests.unit.audit import test_segments
from tests.unit.audit.authority import make, stamp
from tests.unit.audit.logbook import KEY, ORIGIN, PUBLIC, copied, tamper, write
from tests.unit.audit.mutations import KINDS, apply
from tests.unit.audit.test_segments import rotated

FILE = Path(alone.__file__)
KEYS = Keys(VerifierKey(ORIGIN, PUBLIC))
TRUST = alone.Trust(alone.Key(ORIGIN, PUBLIC))
OTHERS = [one for one in ("/usr/bin/python3",) if Path(one).exists()]


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """A ledger of 40 entries and the notes after each batch."""
    folder = tmp_path_factory.mktemp("log")
    return folder / "l.db", write(folder / "l.db", [1, 4, 2, 20, 1, 1, 11])


@pytest.fixture
def full(log, tmp_path):
    """The whole log as a folder."""
    export_folder(log[0], tmp_path / "full", KEYS, LedgerQuery())
    return tmp_path / "full"


@pytest.fixture
def extract(log, tmp_path):
    """Three entries of it as a folder."""
    export_folder(log[0], tmp_path / "extract", KEYS, LedgerQuery(case="caso 7"))
    return tmp_path / "extract"


def run(*words, python=sys.executable, flags=("-I",)):
    """Run it as an auditor does; return status and output."""
    words = [python, *flags, str(FILE), *map(str, words)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def verdict(path, *more):
    """Return status and JSON of a verification."""
    status, text = run(path, "--json", *more)
    return status, json.loads(text) if text.startswith("{") else text


def test_it_needs_nothing_of_ours():
    """Standard library, and `cryptography` if it happens to be there; syntax of Python 3.8."""
    tree = ast.parse(FILE.read_text(), feature_version=(3, 8))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module.partition(".")[0])
    assert found - sys.stdlib_module_names == {"cryptography"}


@pytest.mark.parametrize("python", OTHERS)
def test_another_python_without_any_package_comes_to_the_same_verdict(log, full, extract, python):
    """No site packages: Ed25519 is checked by hand."""
    vkey = KEYS.log.vkey()
    for target, words in ((full, ()), (extract, ()), (log[0], ("--key", vkey))):
        status, text = run(target, *words, python=python, flags=("-I", "-S"))
        assert status == 0, text
    damaged = (full / "entries.jsonl").read_text().replace("cam-9", "cam-8")
    (full / "entries.jsonl").write_text(damaged)
    status, text = run(full, python=python, flags=("-I", "-S"))
    assert status == 1
    assert "prima voce alterata: 9\n" in text


def test_its_first_page_says_what_it_cannot_prove():
    """The help is that page."""
    status, text = run("--help")
    assert status == 0
    for words in ("CHE COSA NON PUÒ PROVARE", "NON È PASSATO dal gateway", "DOPO l'ultimo"):
        assert words in text


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_it_is_of_one_mind_with_our_own_verifier(log, tmp_path, kind):
    """On tampered files: the same verdict, the same first bad entry, the same missing ranges."""
    path, notes = log
    for seed in range(12):
        copy = copied(path, tmp_path)
        apply(copy, random.Random(seed), KEY, kind)
        for held in ((), tuple(notes)):
            ours = verify(copy, PUBLIC, held)
            theirs = alone.verify_database(str(copy), alone.Trust(TRUST.key, held))
            assert (not theirs.problems) is ours.ok, (kind, seed, ours.findings)
            assert theirs.first_bad() == ours.first_bad, (kind, seed)
            assert tuple(theirs.missing) == ours.missing, (kind, seed)


def test_an_edited_line_of_an_export_is_named(full):
    """Also where the manifest was made to fit."""
    text = (full / "entries.jsonl").read_text().replace("cam-13", "cam-31")
    (full / "entries.jsonl").write_text(text)
    manifest = json.loads((full / "manifest.json").read_text())
    manifest["files"]["entries.jsonl"] = alone.hashlib.sha256(text.encode()).hexdigest()
    (full / "manifest.json").write_text(json.dumps(manifest))
    status, found = verdict(full)
    assert (status, found["first_bad"]) == (1, 13)


def test_a_line_taken_out_of_an_export_is_missing(full):
    """A whole export has no gaps."""
    lines = (full / "entries.jsonl").read_text().splitlines(keepends=True)
    (full / "entries.jsonl").write_text("".join(lines[:5] + lines[7:]))
    status, found = verdict(full)
    assert (status, found["first_bad"], found["missing"]) == (1, 5, [[5, 6]])


def test_an_extract_with_a_forged_entry_is_found_out(extract):
    """Leaf and manifest may be made to fit; the proof cannot."""
    line = json.loads((extract / "entries.jsonl").read_text())
    line["header"] = line["header"].replace("piazza", "altra").replace("cam-7", "cam-8")
    line["leaf"] = alone.leaf_hash(line["header"].encode()).hex()
    (extract / "entries.jsonl").write_text(json.dumps(line) + "\n")
    status, found = verdict(extract)
    assert (status, found["first_bad"]) == (1, 7)


def test_a_changed_personal_value_is_found_out(extract):
    """A value that does not fit its commitment, in an extract, too."""
    text = (extract / "entries.jsonl").read_text().replace('"anna"', '"bruno"')
    (extract / "entries.jsonl").write_text(text)
    status, found = verdict(extract)
    assert (status, found["first_bad"]) == (1, 7)


def test_an_extract_and_a_held_checkpoint(log, extract, tmp_path):
    """The newest checkpoint can be compared, an older one only with the whole export."""
    (tmp_path / "new").write_text(log[1][-1])
    (tmp_path / "old").write_text(log[1][2])
    status, found = verdict(extract, "--held", tmp_path / "new")
    assert (status, found["vouched"][0]["size"]) == (0, 40)
    assert verdict(extract, "--held", tmp_path / "old")[0] == 2


def test_a_held_checkpoint_tells_how_much_is_vouched_for(log, full, tmp_path):
    """What is newer than it has no other guarantor than the key."""
    (tmp_path / "old").write_text(log[1][2])
    status, text = run(full, "--held", tmp_path / "old")
    assert status == 0
    assert "garantite da altri fino alla voce 6" in text
    assert "le voci da 7 a 39 non hanno altro garante" in text


def test_erased_values_are_counted_and_do_no_harm(log, tmp_path):
    """Erasure is lawful."""
    copy = copied(log[0], tmp_path)
    tamper(copy, "delete from opened where seq < 3")
    report = alone.verify_database(str(copy), TRUST)
    assert (report.problems, report.erased) == (0, 12)


def test_another_key_is_an_alteration(log):
    """Nothing is believed that it did not sign."""
    trust = alone.Trust(alone.Key(ORIGIN, bytes(31) + b"\x01"))
    assert alone.verify_database(str(log[0]), trust).problems


@pytest.mark.parametrize(
    "words", [("nix.db",), ("l.db",), ("l.db", "--key", "a+b+c"), ("l.db", "--key", "nix")]
)
def test_what_cannot_be_told_is_2(log, words):
    """Neither intact nor altered."""
    status, text = run(log[0].parent / words[0], *words[1:])
    assert status == 2
    assert text.startswith("inutilizzabile: ")
    assert run(log[0].parent / words[0], *words[1:], "--en")[1].startswith("unusable: ")


# hostile input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 900_000,
        b'{"seq":0,"header":' + b"[" * 400_000,
        b"x" * (alone.MOST_LINE_BYTES + 10),
        b"{}",
        b'{"seq":-1,"header":"","leaf":""}',
        b'{"seq":true,"header":"","leaf":""}',
        b'{"seq":' + b"9" * 5000 + b',"header":"","leaf":""}',
        b"\xff\xfe",
    ],
)
def test_a_hostile_line_is_unusable_and_no_crash(full, line):
    """Deep, long, huge, or not what a line is."""
    (full / "entries.jsonl").write_bytes(line + b"\n")
    status, text = run(full)
    assert status == 2, text
    assert "Traceback" not in text


def packed(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return path


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    """By what it claims to be."""
    bomb = packed(tmp_path / "b.zip", {"manifest.json": "{}", "entries.jsonl": bytes(50 << 20)})
    status, text = run(bomb)
    assert status == 2
    assert "bomba" in text


def test_a_zip_that_is_damaged_is_no_crash(log, tmp_path):
    """At any place: a verdict, never a traceback, and never the verdict intact on other content."""
    file = io.BytesIO()
    export_zip(log[0], file, KEYS, LedgerQuery())
    whole = file.getvalue()
    rng = random.Random(5)
    for _ in range(60):
        data = bytearray(whole)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path = tmp_path / "d.zip"
        path.write_bytes(data)
        if not zipfile.is_zipfile(path):
            continue
        try:
            export = alone.Export(alone.Zip(str(path)))
            report = alone.verify_export(export, TRUST)
        except alone.UnusableError:
            continue
        assert report.problems or report.root == alone.parse_note(export.newest).root


def test_a_file_outside_the_folder_is_not_read(full, tmp_path):
    """A link, or a name with dots, leads nowhere."""
    (tmp_path / "secret").write_text("x")
    (full / "key.txt").unlink()
    (full / "key.txt").symlink_to(tmp_path / "secret")
    assert run(full)[0] == 2


def test_a_name_of_the_log_cannot_move_the_cursor():
    """What a stranger wrote is shown without control characters."""
    report = alone.Report(origin="a\x1b[2Jb", entries=1, size=1)
    text = "\n".join(alone.render(report, lambda it, en: it))
    assert "\x1b" not in text


def test_the_verdict_says_what_is_gone_and_who_vouches():
    """Dropped and erased values are said, and which entries only the key stands for."""
    report = alone.Report(entries=6, size=10, start=4, erased=2, vouched=[(8, "sala", "room")])
    for number, words in (
        (0, ("REGISTRO INTEGRO: 6 voci", "da 0 a 3 sono", "2 valori", "voce 7: sala", "da 8 a 9")),
        (1, ("LOG INTACT: 6 entries", "0 to 3 are", "2 personal", "entry 7: room", "8 to 9")),
    ):
        text = "\n".join(alone.render(report, lambda *both, number=number: both[number]))
        assert [one for one in words if one not in text] == []
    report = alone.Report(entries=1, size=10, kind="extract")
    text = "\n".join(alone.render(report, lambda it, en: en))
    assert text.startswith("EXTRACT AUTHENTIC: 1 entries of a log of 10")
    assert "nobody else vouches" in text
    assert "dropped" not in text


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_in_every_compression_is_unusable(tmp_path, method):
    """What a decompressor raises never leaves as it is."""
    path = tmp_path / "d.zip"
    content = random.Random(2).randbytes(5_000).hex()
    with zipfile.ZipFile(path, "w", method) as made:
        made.writestr("key.txt", content)
    whole = path.read_bytes()
    for start in (38, 42, 60):
        path.write_bytes(whole[:start] + b"\xff" * 600 + whole[start + 600 :])
        with pytest.raises(alone.UnusableError, match=r"key\.txt"):
            alone._small(alone.Zip(str(path)), "key.txt")


# Ed25519 by hand ----------------------------------------------------------------------------------


def test_signatures_by_hand_and_by_library_agree():
    """Good ones, and every kind of wrong one."""
    rng = random.Random(3)
    for _ in range(6):
        message = rng.randbytes(rng.randrange(80))
        good = KEY.sign(message)
        assert alone.slow_ed25519(PUBLIC, good, message)
        for place in (0, 31, 32, 63):
            wrong = bytearray(good)
            wrong[place] ^= 1
            assert not alone.slow_ed25519(PUBLIC, bytes(wrong), message)
        assert not alone.slow_ed25519(PUBLIC, good, message + b"x")
        large = int.from_bytes(good[32:], "little") + alone.L
        assert not alone.slow_ed25519(PUBLIC, good[:32] + large.to_bytes(32, "little"), message)
    assert not alone.slow_ed25519(b"\xff" * 32, good, message)
    assert not alone.slow_ed25519(PUBLIC[:-1], good, message)


def test_the_first_vector_of_rfc_8032():
    """Section 7.1, test 1."""
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
        "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    assert alone.slow_ed25519(public, signature, b"")


def test_the_fallback_is_short_enough_to_be_read():
    """At most 80 lines between its heading and its use."""
    text = FILE.read_text()
    by_hand = text[text.index("(RFC 8032), by hand") : text.index("def ed25519(")]
    code = [line for line in by_hand.splitlines() if line.strip() and not re.match(r"\s*#", line)]
    assert len(code) <= 80


def test_it_is_copied_as_it_is(full):
    """What travels is this very file."""
    assert (full / "varco_verify.py").read_bytes() == FILE.read_bytes()
    assert shutil.which("python3")


# a log that was shrunk, and what others signed ----------------------------------------------------


CHANGES = [
    (),
    ("delete from segment",),
    ("update segment set peaks = zeroblob(length(peaks))",),
    ("update segment set size = 310",),
    ("delete from checkpoint where size = 300",),
    ("delete from entry where seq = 400",),
]


async def test_a_log_that_was_shrunk(tmp_path):
    """Of one mind with ours, whole and in every way of tampering; exports of it verify."""
    path = tmp_path / "l.db"
    note = await rotated(path)
    for change in CHANGES:
        copy = copied(path, tmp_path)
        tamper(copy, *change)
        for held in ((), (note,)):
            ours = verify(copy, PUBLIC, held)
            theirs = alone.verify_database(str(copy), alone.Trust(TRUST.key, held))
            assert (not theirs.problems, theirs.first_bad()) == (ours.ok, ours.first_bad), change
            assert tuple(theirs.missing) == ours.missing, change
    for name, query in (("a", LedgerQuery()), ("b", LedgerQuery(camera="cam-150"))):
        export_folder(path, tmp_path / name, KEYS, query)
        status, found = verdict(tmp_path / name)
        assert status == 0, found
    assert found["entries"] == 1


def test_a_witness_counts_with_its_key_only(log, tmp_path):
    """Its word on an older checkpoint travels with an extract, with the proof that it is a past."""
    witness = Ed25519PrivateKey.from_private_bytes(bytes(32))
    key = WitnessKey("sala.example/w", witness.public_key().public_bytes_raw())
    copy = copied(log[0], tmp_path)
    line = cosign(log[1][2], key.name, witness, 1_795_345_200)
    tamper(copy, ("insert into cosignature values(7, ?, 1795345200, ?)", (key.name, line)))
    for name, query in (("a", LedgerQuery()), ("b", LedgerQuery(camera="cam-30"))):
        folder = tmp_path / name
        export_folder(copy, folder, KEYS, query)
        status, found = verdict(folder, "--witness", key.vkey())
        assert (status, found["vouched"][0]["size"]) == (0, 7)
        assert verdict(folder)[1]["vouched"] == []
        text = (folder / "checkpoints.jsonl").read_text().replace(line[-20:], "A" * 20)
        (folder / "checkpoints.jsonl").write_text(text)
        assert verdict(folder, "--witness", key.vkey())[0] == 1


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
def test_a_time_stamp_of_another_text_is_no_time_stamp(log, tmp_path):
    """Message imprint, signature and chain; the last with openssl."""
    roots = make(tmp_path / "tsa")
    (tmp_path / "ca.pem").write_bytes(roots)
    note = tmp_path / "note"
    note.write_text(log[1][-1])
    words = ["openssl", "ts", "-query", "-data", note, "-sha256", "-cert", "-out", tmp_path / "q"]
    subprocess.run(words, check=True, capture_output=True)
    der = stamp(tmp_path / "tsa", (tmp_path / "q").read_bytes())
    assert alone.check_token(der, log[1][-1]) > 0
    with pytest.raises(alone.BadError):
        alone.check_token(der, log[1][-2])
    for size, good in ((40, True), (39, False)):
        copy = copied(log[0], tmp_path)
        wanted = log[1][-1] if good else log[1][0]
        at = size if good else 1
        tamper(copy, ("insert into token values(?, 1, ?)", (at, der)))
        trust = alone.Trust(TRUST.key, (), (), str(tmp_path / "ca.pem"))
        report = alone.verify_database(str(copy), trust)
        assert (not report.problems) is good, wanted
        assert bool(report.vouched) is good


def test_damaged_time_stamps_are_no_crash():
    """Any bytes."""
    rng = random.Random(1)
    for _ in range(500):
        with pytest.raises(alone.BadError):
            alone.read_token(b"\x30" + rng.randbytes(rng.randrange(60)))


def test_a_ledger_that_is_a_zip_as_well_is_not_believed(log, full, tmp_path):
    """An honest export hung behind a forged database must not speak for it."""
    path = copied(log[0], tmp_path)
    tamper(path, "update entry set header = x'00' where seq = 9")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for one in full.rglob("*.*"):
            file.write(one, one.relative_to(full))
    path.write_bytes(path.read_bytes() + packed.getvalue())
    status, text = run(path, "--key", KEYS.log.vkey(), "--en")
    assert (status, "at once" in text) == (2, True), text


def test_a_whole_export_ends_where_its_checkpoint_says(log, full):
    """Cut to an older checkpoint with its lines, it no longer fits `checkpoint.txt`."""
    assert verdict(full)[0] == 0
    (full / "checkpoint.txt").write_text(log[1][-2])
    status, found = verdict(full)
    assert status == 1
    assert any("not the newest checkpoint" in one["en"] for one in found["findings"])


async def test_a_held_checkpoint_of_what_was_dropped_proves_nothing(tmp_path):
    """It says so, since whoever has the key chooses what is dropped."""
    path = tmp_path / "r.db"
    await rotated(path)
    start = alone.verify_database(str(path), TRUST).start
    old = checkpoint.sign(Checkpoint(ORIGIN, start - 1, bytes(32)), KEY)
    report = alone.verify_database(str(path), alone.Trust(TRUST.key, (old,)))
    assert not report.vouched
    assert any("proves nothing" in en for _, en in report.remarks)


async def test_entries_that_were_dropped_before_their_term_are_missed(tmp_path, monkeypatch):
    """Whoever has the key may drop what he likes; what he signs about it has to fit."""
    monkeypatch.setattr(segments, "TECHNICAL_US", 0)
    monkeypatch.setattr(test_segments, "TECHNICAL_US", 0)
    await rotated(tmp_path / "r.db")
    report = alone.verify_database(str(tmp_path / "r.db"), TRUST)
    assert report.first_bad() == 0
    assert any("dropped before their term" in en for _, _, en in report.findings)
