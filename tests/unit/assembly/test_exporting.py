# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Entries made into one file without a name."""

import csv
import hashlib
import io
import zipfile
from datetime import datetime
from html import unescape
from zoneinfo import ZoneInfo

import pytest

from gateway.assembly.exporting import ExportMaker
from gateway.audit import wording
from gateway.audit.export import Keys
from gateway.audit.verify import verify
from gateway.console.services import Box, ExportWish
from gateway.model.access import Actor
from gateway.model.audit import ExportForm, LedgerQuery
from gateway.model.errors import StoreError
from gateway.model.registry import Role
from gateway.registry.entities import assemble
from gateway.registry.seed import parse_seed
from gateway.wire.checkpoint import VerifierKey
from tests.unit.audit.logbook import ORIGIN, PUBLIC, write
from tests.unit.registry.worlds import SEED

DPO = Actor("dora", "Dora D.", Role.DPO, "farmacia", "s1", "password")
MADE = datetime(2026, 11, 22, 9, 30, tzinfo=ZoneInfo("Europe/Rome"))
WHOLE = LedgerQuery()


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
