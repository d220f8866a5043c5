# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the guides tell people to type works as written."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.audit.keys import public_vkey
from gateway.cli.link import REFUSALS
from gateway.cli.parser import build_parser
from gateway.cli.speech import say_italian
from gateway.config.load import parse
from gateway.console.reports import ReportBody
from gateway.model.report import KINDS as KINDS_OF_REPORT
from gateway.registry.seed import check_alone, parse_seed
from tests.unit.audit.logbook import KEY, ORIGIN, copied, tamper, write
from tests.unit.ingest.test_acceptance import sheet

GUIDES = Path(__file__).parents[3] / "docs" / "guide"
PAGES = sorted(GUIDES.glob("*.md"))
WITHOUT_TERMINAL = {"titolare.md", "abbonati.md"}
"""Pages for people who never see one of ours."""


def blocks(page, language):
    """The fenced blocks of one language."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(page):
    """Every `varco …` line of the console blocks, without prompt and assignments."""
    for line in "\n".join(blocks(page, "console")).splitlines():
        words = shlex.split(line[2:].split(" > ")[0]) if line[:2] in ("# ", "$ ") else []
        words = [word for word in words if not re.match(r"[A-Z_]+=", word)]
        if words[:1] == ["varco"]:
            yield words[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_guide_exists(page):
    """The parser takes each command line as it is printed."""
    found = list(commands(page))
    assert found or page.name in WITHOUT_TERMINAL
    for words in found:
        assert build_parser(say_italian).parse_args(words).command


def test_the_configuration_of_the_guide_loads():
    """Its TOML blocks: gateway.toml, a camera, a provider, a machine, a ladder, a recorder."""
    box, camera, provider, machine, ladder, recorder = blocks(GUIDES / "installazione.md", "toml")
    assert parse(box, GUIDES / "gateway.toml").console.public_url.startswith("https://")
    assert len(parse_seed(camera, "guide").entities) == 1
    (found,) = parse(box + provider, GUIDES / "gateway.toml").oidc
    assert found.name == "comune"
    digits = "0f" * 32
    (account,) = parse_seed(machine.replace("…64 cifre…", digits), "guide").entities.values()
    assert account.certificate_sha256 == digits
    (steps,) = parse_seed(ladder, "guide").entities.values()
    assert [one.recipients for one in steps.steps] == [("sala-pl",), ("istituto",)]
    kinds = [kind for kind, _ in parse_seed(recorder, "guide").entities]
    assert kinds == ["device", "camera"]


def test_the_lines_of_the_guide_load():
    """A room, an uplink, with a second path, with who looks, an edge; refusals are explained."""
    page = GUIDES / "collegamenti.md"
    room, uplink, paths, words, edge = blocks(page, "toml")
    box = '[box]\nid = "varco-nord"\nname = "Nord"\n'
    assert parse(box + room, GUIDES / "gateway.toml").room.addresses
    for text in (uplink, paths, words):
        (found,) = parse(box + text, GUIDES / "gateway.toml").uplinks
        assert (found.name, found.recipient) == ("questura", "sala-questura")
    assert (found.organisations, found.emergency) == (("carabinieri",), False)
    assert list(parse_seed(edge, "guide").entities) == [("edge", "varco-nord")]
    told = page.read_text(encoding="utf-8")
    codes = {code for code in REFUSALS if code.startswith("code-")} - {"code-unknown"}
    assert [code for code in codes if f"`{code}`" not in told] == []


def test_the_lists_of_the_guide_on_reports_load():
    """Institute, rooms and retention as printed; every kind of report is named; the body is one."""
    page = GUIDES / "mille-occhi.md"
    institute, rooms, retention = blocks(page, "toml")
    assert not check_alone(parse_seed(institute + rooms, "guide")).empty
    box = '[box]\nid = "sala"\nname = "Sala"\n'
    assert parse(box + retention, GUIDES / "gateway.toml").reports.keep_days == 400
    (body,) = blocks(page, "json")
    assert ReportBody.model_validate_json(body).place
    told = page.read_text(encoding="utf-8")
    assert [one for one in KINDS_OF_REPORT if f"`{one}`" not in told] == []


def test_the_guide_explains_every_row_of_the_acceptance_sheet():
    """Each row by its code and under the title that the sheet prints."""
    guide = (GUIDES / "installazione.md").read_text(encoding="utf-8").casefold()
    rows = sheet().rows
    assert [row.code for row in rows if f"`{row.code}`" not in guide] == []
    assert [row.title_it for row in rows if row.title_it.casefold() not in guide] == []


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A closed ledger, its key and a checkpoint that somebody kept."""
    folder = tmp_path_factory.mktemp("audit")
    notes = write(folder / "ledger.db", [1, 1, 5, 1, 3])
    (folder / "chiave.txt").write_text(public_vkey(ORIGIN, KEY) + "\n")
    (folder / "tenuto.txt").write_text(notes[2])
    (script,) = blocks(GUIDES / "audit.md", "python")
    (folder / "verifica.py").write_text(script, encoding="utf-8")
    return folder


def strangers_answer(folder, ledger, *held):
    """Run the guide's own verifier in a Python that cannot see this project."""
    words = [folder / "verifica.py", ledger, folder / "chiave.txt", *held]
    command = [sys.executable, "-I", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_stranger_finds_a_sound_ledger_sound(original, tmp_path):
    """The lines in the guide verify what the product wrote, also after an erasure."""
    copy = copied(original / "ledger.db", tmp_path)
    answer = strangers_answer(original, copy, original / "tenuto.txt")
    assert (answer.returncode, answer.stdout) == (0, "registro integro: 11 voci\n"), answer.stderr
    tamper(copy, "delete from opened")
    assert strangers_answer(original, copy, original / "tenuto.txt").returncode == 0


HEADER = "update entry set header = cast(replace(header, {}) as blob)"
CHANGES = {
    "edited": (HEADER.format("'live', 'dead'") + " where seq = 4", "voci 2-6"),
    "renumbered": (HEADER.format("""'"seq":10', '"seq":9'""") + " where seq = 10", "voce 10"),
    "missing": ("delete from entry where seq = 3", "voce 3"),
    "cut": ("delete from entry where seq > 7", "mancano le voci da 8 a 10"),
    "unsigned": ("delete from checkpoint where size > 8", "nessuna firma copre le voci da 8"),
    "person": (
        "update opened set value = 'bruno' where seq = 2 and field = 'actor_id'",
        "voce 2: actor_id",
    ),
    "signature": ("update checkpoint set note = replace(note, '7', '6')", "InvalidSignature"),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_stranger_sees_tampering(original, tmp_path, kind):
    """Each kind of change stops the guide's verifier with the place."""
    copy = copied(original / "ledger.db", tmp_path)
    change, says = CHANGES[kind]
    tamper(copy, change)
    answer = strangers_answer(original, copy)
    assert answer.returncode != 0
    assert says in answer.stderr


def test_a_kept_checkpoint_shows_a_cut_tail(original, tmp_path):
    """Cut off together with its checkpoints it looks sound, except to who kept one."""
    copy = copied(original / "ledger.db", tmp_path)
    for table, column in (("entry", "seq >="), ("opened", "seq >="), ("checkpoint", "size >")):
        tamper(copy, f"delete from {table} where {column} 2")
    assert strangers_answer(original, copy).returncode == 0
    answer = strangers_answer(original, copy, original / "tenuto.txt")
    assert "mancano le voci da 2 a 6" in answer.stderr


def test_the_configuration_of_central_stations_loads():
    """DC-09, a webhook, a receiver and its panel: each block is good beside a box of its own."""
    (box, *_) = blocks(GUIDES / "installazione.md", "toml")
    station, institute, hook, address, receiver, panel = blocks(GUIDES / "centrali.md", "toml")
    made = parse(box + station + hook + receiver, GUIDES / "gateway.toml")
    assert made.stations[0].zones == (("dietro-il-banco", 1),)
    assert made.webhooks[0].organisation == ""
    assert made.dc09_receiver.port == 9999
    brokers = [
        one.broker
        for text in (institute, address)
        for one in parse_seed(text, "guide").entities.values()
    ]
    assert brokers == [f"dc09:{made.stations[0].name}", f"webhook:{made.webhooks[0].name}"]
    (found,) = parse_seed(panel, "guide").entities.values()
    assert (found.account, found.camera) == ("00C3", "banco")


def test_the_configuration_of_a_room_loads():
    """Incidents, a VMS and PostgreSQL: each block is good beside a box of its own."""
    (box, *_), blocks_ = (
        blocks(GUIDES / "installazione.md", "toml"),
        blocks(GUIDES / "sala.md", "toml"),
    )
    incidents, recorder, room = blocks_
    made = parse(box + incidents, GUIDES / "gateway.toml")
    assert (made.incidents.organisation, made.webhooks[0].name) == ("sala-pl", "centrale")
    assert parse(box + recorder, GUIDES / "gateway.toml").vms.accounts[0].case == "OdS 12/2026"
    assert parse(box + room, GUIDES / "gateway.toml").room.store == "credential:room-store"
