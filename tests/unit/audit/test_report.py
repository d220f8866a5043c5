# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What data protection officers read: the page."""

import re
from dataclasses import replace

from gateway.audit import report as pages
from gateway.audit import wording
from gateway.audit.report import Proof, gather, report
from tests.unit.audit.logbook import LOOK
from tests.unit.audit.papers import CAMERA, COVER, PROOF, TOWN, entries

GLASS = replace(
    LOOK, object_id=CAMERA, flags="break-glass", reason_text="<script>alert(1)</script>"
)


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
