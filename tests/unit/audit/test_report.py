# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What data protection officers read: the page, the table, the check of administrators."""

import csv
import io
import re
from dataclasses import replace
from datetime import datetime

import pytest

from gateway.audit import administrators, wording
from gateway.audit import report as pages
from gateway.audit.entry import LedgerEntry
from gateway.audit.plots import bars, columns
from gateway.audit.report import Cover, Proof, gather, report
from gateway.audit.table import HEADERS, table
from gateway.model.access import Purpose, Refusal, Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.registry import Role
from tests.ui.town import registry
from tests.unit.audit.logbook import LOOK

NOON_US = 1_795_345_200_000_000
"""22/11/2026 12:00 in Rome."""
TOWN = registry()
CAMERA = next(iter(TOWN.cameras))
COVER = Cover(
    "Varco",
    "",
    "Dora, DPO",
    "verifica-liceita",
    datetime(2026, 11, 22, tzinfo=wording.ROME),
    "sempre",
)
PROOF = Proof(ok=True, size=9, root="ab" * 32)
GLASS = replace(
    LOOK, object_id=CAMERA, flags="break-glass", reason_text="<script>alert(1)</script>"
)


def entries(*events):
    """These events, an hour apart."""
    return [
        LedgerEntry(
            seq=at, id="x", utc_us=NOON_US + at * 3_600_000_000, mono_us=0,
            clock_sync="synchronised",
            software="0", event=one, erased=("actor_id",) if not one.actor_id else (),
            spilled=False, header=b"h",
        )
        for at, one in enumerate(events)
    ]  # fmt: skip


def closed(seq, milliseconds):
    return replace(LOOK, event="live.close", closes=seq, duration_ms=milliseconds)


def test_the_page_says_who_what_when_why_and_on_which_basis():
    """Of each look."""
    look = replace(LOOK, object_id=CAMERA, legal_basis_id="patto-2026", role="pl.operator")
    text = report(entries(look, closed(0, 185_000)), TOWN, COVER, PROOF)
    for words in ("anna", "operatore, Polizia Locale", "22/11/2026 12:00:00", "Servizio ordinario",
                  "OdS 4", "controllo", "Patto per la sicurezza urbana n. 12/2026", "3 min 05 s",
                  wording.camera(TOWN, CAMERA)):  # fmt: skip
        assert words in text


def test_nothing_on_the_page_can_run_or_load():
    """What people typed is escaped; no scripts, no addresses."""
    text = report(entries(GLASS), TOWN, COVER, PROOF)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert not re.search(r'(?:src|href|url\()\s*=?\s*["\']?(?:https?:|//)', text)
    assert " on" not in re.sub(r">[^<]*<", "><", text).replace(" one", "")


def test_totals():
    """Looks, time, refusals by reason, break-glass, erased values."""
    denied = replace(LOOK, event="live.deny", result="denied", error="act-expired")
    found = gather(entries(GLASS, closed(0, 4000), denied, denied, replace(LOOK, actor_id="")))
    assert (found.count, found.watched_ms, found.erased) == (2, 4000, 1)
    assert found.refusals == {"act-expired": 2}
    assert [pages.is_break_glass(one) for one in found.flagged] == [True]
    assert found.people == {"anna"}


def test_only_the_newest_are_listed_but_all_count(monkeypatch):
    """A large log does not fill the memory."""
    monkeypatch.setattr(pages, "MOST_ROWS", 5)
    found = gather(entries(*[replace(LOOK, object_id=f"c{n % 3}") for n in range(20)]))
    left = sorted(one.seq for rows in found.looks.values() for one in rows)
    assert (found.count, left) == (20, [15, 16, 17, 18, 19])
    assert "le ultime 5 di 20" in report(
        entries(*[replace(LOOK, object_id=f"c{n % 3}") for n in range(20)]), TOWN, COVER, PROOF
    )


def test_an_altered_log_is_said_so():
    """In the badge and at the end."""
    text = report(entries(LOOK), TOWN, COVER, Proof(False, 3, "", "entry 2 was edited"))
    assert "Registro alterato" in text
    assert "entry 2 was edited" in text
    assert "è alterato" in text


def test_an_erased_person_is_shown_as_erased():
    """Not as nobody."""
    assert "cancellato" in report(entries(replace(LOOK, actor_id="")), TOWN, COVER, PROOF)


def rows(*events, bom=True):
    data = b"".join(table(entries(*events), TOWN, bom=bom))
    assert data.startswith(b"\xef\xbb\xbf") is bom
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=";"))


def test_the_table_is_what_an_italian_spreadsheet_reads():
    """Semicolons, Italian words, decimal commas."""
    (row,) = rows(replace(LOOK, object_id=CAMERA, duration_ms=1500))
    assert tuple(row) == HEADERS
    assert row["Data e ora (Roma)"] == "22/11/2026 12:00:00"
    assert row["Durata (s)"] == "1,5"
    assert row["Persona"] == "anna"
    assert row["Scopo"] == "Servizio ordinario"
    rows(LOOK, bom=False)


@pytest.mark.parametrize("text", ["=1+1", "+39", "-1", "@x", "\t=1", "'=1"])
def test_no_cell_runs_as_a_formula(text):
    """What somebody typed as reason leaves with an apostrophe."""
    (row,) = rows(replace(LOOK, reason_text=text))
    assert row["Motivo"] == f"'{text}"


def test_the_check_of_administrators():
    """Who did what in the year, over which way, and which account was never used."""
    change = LedgerEvent(
        "config.change", Operation.NONE, Regime.GDPR, actor_id="sara", role="sysadmin",
        auth_method="peercred", channel="control-socket",
    )  # fmt: skip
    root = replace(change, actor_id="uid:0")
    text = administrators.report(entries(change, root, LOOK), TOWN, COVER, PROOF, 2026)
    assert "Sara Conti (sara)" in text
    assert "uid:0" in text
    assert "anna" not in text
    assert "Ugo Serra" in text[text.index("Mai usate") :]
    idle = administrators.report(entries(change), TOWN, COVER, PROOF, 2025)
    assert "Sara Conti" in idle[idle.index("Mai usate") :]


def test_every_code_has_italian_words():
    """No reader meets a bare code."""
    assert wording.PURPOSES.keys() == {one.value for one in Purpose}
    assert wording.ROLES.keys() == {one.value for one in Role}
    assert wording.REFUSALS.keys() == {one.value for one in Refusal}


def test_plots_of_nothing_and_of_much():
    """No division by nothing; every value stands in the text for those who do not see."""
    assert columns([], "x").startswith("<svg")
    assert bars([("<b>", 3)], "x").count("&lt;b&gt;") == 2
    assert columns([(str(n), n) for n in range(400)], "x").count("<rect") == 399
