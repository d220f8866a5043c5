# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The yearly check of administrators: what each did, and who did nothing."""

from dataclasses import replace

from gateway.audit import administrators
from gateway.audit.report import Proof
from gateway.model.access import Regime
from gateway.model.audit import LedgerEvent, Operation
from tests.unit.audit.logbook import LOOK
from tests.unit.audit.papers import COVER, PROOF, TOWN, entries

CHANGE = LedgerEvent(
    "config.change", Operation.NONE, Regime.GDPR, actor_id="sara", role="sysadmin",
    auth_method="peercred", channel="control-socket",
)  # fmt: skip


def check(*events, proof=PROOF):
    """The page of 2026."""
    return administrators.report(entries(*events), TOWN, COVER, proof, 2026)


def test_the_check_of_administrators():
    """Who did what in the year, over which way, and which account was never used."""
    root = replace(CHANGE, actor_id="uid:0")
    text = administrators.report(entries(CHANGE, root, LOOK), TOWN, COVER, PROOF, 2026)
    assert "Sara Conti (sara)" in text
    assert "uid:0" in text
    assert "anna" not in text
    assert "Ugo Serra" in text[text.index("Mai usate") :]
    idle = administrators.report(entries(CHANGE), TOWN, COVER, PROOF, 2025)
    assert "Sara Conti" in idle[idle.index("Mai usate") :]


def test_each_figure_counts_its_own():
    """Sign-ins, failures, changes, refusals and the socket, in the order of the columns."""
    web = replace(CHANGE, auth_method="password", channel="web")
    text = check(
        *[replace(web, event="auth.login")] * 2,
        *[replace(web, event="auth.fail", result="denied")] * 3,
        *[web] * 4,
        replace(CHANGE, result="error"),
    )
    row = text[text.index("(sara)") :]
    figures = [cell.partition("<")[0] for cell in row.split('<td class="n">')[1:6]]
    assert figures == ["2", "3", "4", "3", "1"]


def test_the_number_of_names_is_bounded(monkeypatch):
    """Names that a stranger makes up end in one row, and none of them is markup."""
    monkeypatch.setattr(administrators, "MOST_ADMINISTRATORS", 3)
    text = check(*[replace(CHANGE, actor_id=f"<uid:{n}>") for n in range(5)])
    assert ("&lt;uid:0&gt;" in text, "uid:1" in text, "(altri)" in text) == (True, False, True)
    assert "<uid" not in text


def test_an_altered_log_is_said_so():
    """At the end, where it says what the check stands on."""
    assert "ALTERATO" in check(CHANGE, proof=Proof(False, 3, "", "entry 2 was edited"))
    assert "ALTERATO" not in check(CHANGE)
