# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Entries made into one file without a name."""

import asyncio
import csv
import hashlib
import io
import json
import zipfile
from dataclasses import replace
from datetime import datetime
from html import unescape
from zoneinfo import ZoneInfo

import pytest

from gateway.assembly.exporting import ExportMaker
from gateway.audit import wording
from gateway.audit.export import Keys
from gateway.audit.verify import verify
from gateway.console.services import Box, ExportWish
from gateway.model.access import Actor, Refusal
from gateway.model.audit import ExportForm, LedgerQuery, Operation
from gateway.model.errors import StoreError
from gateway.model.registry import Role
from gateway.registry.entities import assemble
from gateway.registry.seed import parse_seed
from gateway.wire.checkpoint import VerifierKey
from tests.unit.audit.logbook import LOOK, ORIGIN, PUBLIC, opened, write
from tests.unit.registry.worlds import SEED

DPO = Actor("dora", "Dora D.", Role.DPO, "farmacia", "s1", "password")
MADE = datetime(2026, 11, 22, 9, 30, tzinfo=ZoneInfo("Europe/Rome"))
WHOLE = LedgerQuery()
PAUSED = Refusal.PAUSED.value


@pytest.fixture
def ledger(tmp_path):
    """A log of six entries, about cam-0 .. cam-5."""
    write(tmp_path / "ledger.db", [6])
    return tmp_path / "ledger.db"


def maker(path, size=6, **more):
    registry = assemble(1, parse_seed(SEED, "s").entities)
    box = Box("Nord / 1°", "Nord")
    keys = Keys(VerifierKey(ORIGIN, PUBLIC))
    return ExportMaker(path, keys, registry, box, MADE, size, **more)


def made(maker, form, query=WHOLE, **more):
    """Return what was made, its bytes, and close it."""
    one = maker.make(ExportWish(query, form, **more), DPO, "verifica-liceita")
    with one.file as file:
        assert file.tell() == 0
        content = file.read()
    assert (one.bytes, one.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    return one, content


def test_a_table_has_the_entries_that_were_there_and_were_meant(ledger):
    """Neither what came since it was asked for, nor what the query leaves out."""
    one, content = made(maker(ledger, size=4), ExportForm.TABLE, bom=False)
    rows = list(csv.DictReader(io.StringIO(content.decode()), delimiter=";"))
    assert [row["Oggetto"] for row in rows] == ["cam-0", "cam-1", "cam-2", "cam-3"]
    assert (one.entries, one.content_type) == (4, "text/csv; charset=utf-8")
    one, content = made(maker(ledger), ExportForm.TABLE, LedgerQuery(case="caso 5"))
    (row,) = csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=";")
    assert (one.entries, row["Oggetto"]) == (1, "cam-5")
    assert content.startswith("\ufeff".encode())


def test_a_package_holds_every_entry(ledger):
    """A zip that says how many; its name has nothing that a shell or a header minds."""
    one, content = made(maker(ledger), ExportForm.PACKAGE)
    assert (one.name, one.entries) == ("varco-registro-Nord-1--6.zip", 6)
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        lines = packed.read("registro-varco/entries.jsonl").splitlines()
    assert len(lines) == 6


def test_a_page_says_who_asked_why_and_what_verification_found(ledger):
    """And does not claim what nobody has verified."""
    sound = maker(ledger, verified=verify(ledger, PUBLIC))
    query = LedgerQuery(camera="banco", person="anna")
    _, content = made(sound, ExportForm.REPORT, query)
    page = content.decode()
    aim = wording.PURPOSES["verifica-liceita"]
    for word in ("Dora D.", aim, "dall'inizio – 22/11/2026", "Banco", "anna"):
        assert word in unescape(page), word
    assert "non verificato" not in page
    _, content = made(maker(ledger), ExportForm.REPORT, query)
    assert "non verificato" in content.decode()
    first, after = (datetime(2026, 10, day, tzinfo=MADE.tzinfo).timestamp() for day in (1, 3))
    span = LedgerQuery(from_utc_us=int(first) * 1_000_000, to_utc_us=int(after) * 1_000_000)
    _, content = made(sound, ExportForm.REPORT, span)
    assert "01/10/2026 – 02/10/2026" in content.decode()


def test_lines_for_monitors_name_nobody(ledger):
    """As many lines as entries; one pseudonym within a file, another in the next."""
    one, content = made(maker(ledger, size=5), ExportForm.MONITORS)
    lines = [json.loads(line) for line in content.splitlines()]
    assert (one.entries, one.name[-11:]) == (5, ".ocsf.jsonl")
    assert [line["resources"][0]["uid"] for line in lines] == [f"cam-{n}" for n in range(5)]
    (person,) = {line["actor"]["user"]["uid"] for line in lines}
    assert b"anna" not in content
    _, again = made(maker(ledger), ExportForm.MONITORS)
    assert person.encode() not in again


@pytest.mark.parametrize("form", [ExportForm.MONITORS, ExportForm.TABLE])
def test_an_export_says_no_more_than_the_page(tmp_path, form):
    """The refusal of a camera that the reader's organisation may not know reads as unknown."""
    denied = replace(
        LOOK, event="live.deny", result="denied", operation=Operation.NONE, object_id="nascosta",
        error=PAUSED, controller="farmacia", legal_basis_id="accordo", org="istituto",
    )  # fmt: skip

    async def fill():
        async with opened(tmp_path / "ledger.db") as log:
            await log.append(denied)

    asyncio.run(fill())
    path = tmp_path / "ledger.db"
    _, content = made(maker(path), form, LedgerQuery(organisation="istituto"), bom=False)
    told = ("farmacia", "accordo", PAUSED, wording.REFUSALS[PAUSED])
    assert [word for word in told if word.encode() in content] == []
    _, content = made(maker(path), form, bom=False)
    assert b"accordo" in content


@pytest.mark.parametrize("form", list(ExportForm))
def test_the_file_has_no_name(ledger, form):
    """Nothing of it can be found in the folder while it is read."""
    own = {"ledger.db", "ledger.db-shm", "ledger.db-wal"}
    one = maker(ledger).make(ExportWish(WHOLE, form, year=2026), DPO, "perizia")
    with one.file:
        assert {path.name for path in ledger.parent.iterdir()} <= own


@pytest.mark.parametrize("form", ExportForm)
def test_a_log_that_cannot_be_read_is_an_error_of_ours(ledger, form):
    """As `make` promises, whatever the form."""
    ledger.write_bytes(b"no ledger" * 1000)
    with pytest.raises(StoreError):
        maker(ledger).make(ExportWish(WHOLE, form, year=2026), DPO, "perizia")
