# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Reading the ledger over HTTP."""

import pytest

from gateway.console.ledger import instant
from gateway.console.problem import ProblemError
from gateway.console.services import Vouched, Vouching
from gateway.model.access import Action, Regime
from gateway.model.audit import ExportForm, LedgerEvent, Operation

AIM = {"aim": "verifica-liceita"}


@pytest.mark.parametrize("user", ["dora", "aldo"])
async def test_reading_is_itself_an_entry(site, town, user):
    """A reading with a lawful aim shows the entries, its own included."""
    async with site.as_user(user) as client:
        page = (await client.get("/api/ledger", params=AIM)).json()
    assert [one["event"] for one in page["entries"]] == ["log.read.open"]
    assert page["entries"][0]["purpose"] == "verifica-liceita"
    assert page["aim"] == "verifica-liceita"
    assert page["head"]["size"] == 1
    assert len(town.gate.closed) == 1


async def test_without_an_aim_nothing_is_read(site, town):
    """No aim: 403 with the reason, written down."""
    async with site.as_user("dora") as client:
        answer = await client.get("/api/ledger")
    assert answer.status_code == 403
    assert answer.json()["code"] == "purpose-missing"
    assert town.ledger.entries_now[-1].event.result == "denied"


async def test_an_operators_purpose_is_no_aim(site):
    """Only the four aims of the law are accepted."""
    async with site.as_user("dora") as client:
        assert (await client.get("/api/ledger", params={"aim": "servizio"})).status_code == 422


@pytest.mark.parametrize("user", ["anna", "sara", "ivo"])
async def test_others_are_refused(site, user):
    """Operators and system administrators do not read the ledger."""
    async with site.as_user(user) as client:
        assert (await client.get("/api/ledger", params=AIM)).status_code == 403
        assert (await client.post("/api/ledger/verify")).status_code == 403
        assert (await client.get("/api/ledger/checkpoint")).status_code == 403


async def test_pages_go_forward_from_a_sequence(site, town):
    """`after` and `limit` select; without `after` the newest come."""
    async with site.as_user("dora") as client:
        for _ in range(3):
            await client.get("/api/ledger", params=AIM)
        middle = (await client.get("/api/ledger", params={**AIM, "after": 1, "limit": 2})).json()
        newest = (await client.get("/api/ledger", params={**AIM, "limit": 2})).json()
    assert [one["seq"] for one in middle["entries"]] == [2, 3]
    assert [one["seq"] for one in newest["entries"]] == [7, 8]


async def test_verification_names_the_entry(site, town):
    """An intact ledger verifies; a changed entry is named by its number."""
    async with site.as_user("aldo") as client:
        await client.get("/api/ledger", params=AIM)
        good = (await client.post("/api/ledger/verify")).json()
        town.ledger.tamper(1)
        bad = (await client.post("/api/ledger/verify")).json()
    assert good["ok"] is True
    assert good["size"] == 3
    assert bad["ok"] is False
    assert [one["seq"] for one in bad["findings"]] == [1]


async def test_checkpoint_is_given_to_auditors(site, town):
    """The checkpoint comes as text and as hexadecimal root."""
    async with site.as_user("aldo") as client:
        point = (await client.get("/api/ledger/checkpoint")).json()
    assert point["note"].startswith("varco.example/demo\n")
    assert bytes.fromhex(point["root"]) == town.ledger.head().root


async def test_a_dpo_reads_only_the_entries_of_the_own_organisation(site, town):
    """An auditor reads all; the gaps in the numbers are all that a DPO learns of others."""
    other = LedgerEvent("live.open", Operation.CONSULTATION, Regime.GDPR, controller="farmacia")
    own = LedgerEvent("live.open", Operation.CONSULTATION, Regime.GDPR, controller="comune")
    for one in (other, own, other):
        town.ledger.append(one)
    async with site.as_user("dora") as client:
        page = (await client.get("/api/ledger", params={**AIM, "event": "live.open"})).json()
    assert [one["seq"] for one in page["entries"]] == [1]
    assert page["only"] == town.registry.controllers["comune"].name
    async with site.as_user("aldo") as client:
        page = (await client.get("/api/ledger", params={**AIM, "event": "live.open"})).json()
    assert [one["seq"] for one in page["entries"]] == [0, 1, 2]
    assert page["only"] == ""


@pytest.mark.parametrize(("user", "organisation"), [("dora", "comune"), ("aldo", "")])
async def test_an_export_is_asked_for_under_a_grant(site, town, user, organisation):
    """With filters, within what the actor may know; the file comes with its hash."""
    body = {"aim": "verifica-liceita", "format": "csv", "person": "anna", "to": "2026-11-22"}
    async with site.as_user(user) as client:
        answer = await client.post("/api/ledger/export", json=body)
    assert (answer.status_code, answer.content) == (200, b"registro")
    assert answer.headers["x-varco-sha256"] == "00" * 32
    assert "attachment" in answer.headers["content-disposition"]
    ((wish, grant),) = town.ledger.wishes
    assert grant.request.action is Action.LOG_EXPORT
    assert (wish.query.person, wish.query.organisation) == ("anna", organisation)
    assert wish.query.to_utc_us == instant("2026-11-23")
    assert wish.form is ExportForm.TABLE
    assert town.gate.closed[-1][2] == 8


@pytest.mark.parametrize("form", ["jsonl", "ocsf"])
@pytest.mark.parametrize("user", ["anna", "sara", "ivo"])
async def test_others_export_nothing(site, town, user, form):
    """Neither operators nor administrators (D.5.7), in no form."""
    async with site.as_user(user) as client:
        body = {"aim": "verifica-liceita", "format": form}
        assert (await client.post("/api/ledger/export", json=body)).status_code == 403
    assert town.ledger.wishes == []


@pytest.mark.parametrize(
    "body", [{"aim": "servizio"}, {}, {"aim": "verifica-liceita", "from": "ieri"}, {"x": 1}]
)
async def test_an_export_without_a_lawful_aim_or_with_nonsense_is_refused(site, town, body):
    """403 for the aim, 422 for what cannot be read; nothing leaves."""
    async with site.as_user("dora") as client:
        assert (await client.post("/api/ledger/export", json=body)).status_code in (403, 422)
    assert town.ledger.wishes == []


def test_days_are_those_of_rome_and_an_end_counts_whole():
    """Also where a day has 25 hours."""
    hours = (instant("2026-10-25", end=True) - instant("2026-10-25")) / 3_600_000_000
    assert hours == 25
    assert instant("2026-11-22T10:00:00+01:00") == instant("2026-11-22T09:00:00+00:00")
    assert instant("") == 0
    for text in ("2026-11-22T10:00:00", "x", "9999-99-99", "0001-01-01x"):
        with pytest.raises(ProblemError):
            instant(text)


async def test_witnesses_stand_beside_the_checkpoint(site, town):
    """Who vouches, and up to where."""
    town.ledger.vouching = Vouched((Vouching("sala", 3, 1_000_000),), Vouching("", 2, 2_000_000))
    async with site.as_user("aldo") as client:
        point = (await client.get("/api/ledger/checkpoint")).json()
    assert point["witnesses"] == [{"name": "sala", "size": 3, "time": "1970-01-01T00:00:01.000Z"}]
    assert point["anchor"]["size"] == 2
