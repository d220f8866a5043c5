# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Reports over HTTP: a real server before a real desk on a real store."""

import csv
import io
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date

from gateway.console.app import build_app
from gateway.console.listener import bind_tcp
from gateway.model.access import Actor
from gateway.model.registry import ReportRoute, Role
from tests.ui.report_town import INSIDE, listed, reports_of
from tests.ui.town import INSTITUTE, Town
from tests.unit.console.conftest import Site, serving

BODY = {
    "kind": "persone-o-veicoli-sospetti",
    "text": "=Furgone; bianco",
    "latitude": INSIDE[0],
    "longitude": INSIDE[1],
    "accuracy_m": 12,
}
KEY = {"Idempotency-Key": '"0190f3d2-k"'}


@asynccontextmanager
async def serves(folder):
    """Serve the town; yields the site with clients of the institute and of both rooms."""
    town = Town()
    async with reports_of(town, folder / "reports.db"):
        bound = bind_tcp("127.0.0.1", 0)
        async with serving(build_app(town.services()), [bound]):
            site = Site(town, f"http://127.0.0.1:{bound.getsockname()[1]}")
            async with (
                site.as_user("ivo") as ivo,
                site.as_user("pino") as pino,
                site.as_user("anna") as anna,
            ):
                yield site, ivo, pino, anna


async def test_a_report_from_sending_to_closing(tmp_path):
    """Numbered, routed to the capital's Questura, acknowledged, answered, read, closed."""
    async with serves(tmp_path) as (_, ivo, pino, anna):
        answer = await ivo.post("/api/reports", json=BODY | {"urgent": True}, headers=KEY)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        path = answer.headers["location"]
        assert made["number"].startswith("IN-")
        assert made["number"].endswith("-000001")
        assert "112" in made["instruction"]
        assert [one["id"] for one in made["recipients"]] == ["questura"]
        again = await ivo.post("/api/reports", json=BODY | {"urgent": True}, headers=KEY)
        assert (again.status_code, again.json()["number"]) == (201, made["number"])
        other = await ivo.post("/api/reports", json=BODY, headers=KEY)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
        assert (await anna.get(path)).status_code == 404
        seen = (await pino.get("/api/reports")).json()
        assert len(seen["kinds"]) == 10
        assert (seen["institute"], seen["may_send"]) == (False, False)
        (row,) = seen["reports"]
        assert (row["contact"], row["instruction"]) == ("Centrale operativa, tel. 0585 000000", "")
        taken = await pino.post(f"{path}/ack")
        assert (taken.json()["state"], taken.json()["may_ack"]) == ("presa-in-carico", False)
        out = await pino.post(f"{path}/answers", json={"text": "Arriva", "outcome": "gestita"})
        assert out.status_code == 201, out.text
        detail = (await ivo.get(path)).json()
        assert (detail["report"]["state"], detail["report"]["outcome"]) == ("chiusa", "gestita")
        assert [one["text"] for one in detail["answers"]] == ["Arriva"]
        what = [one["what"] for one in detail["passages"]]
        assert what == ["received", "routed", "acknowledged", "answered", "closed"]
        assert "Pino" not in (await ivo.get(path)).text
        assert "Ivo" not in (await pino.get(path)).text
        read = await ivo.post(f"/api/reports/{out.json()['id']}/ack")
        assert read.json()["state"] == "presa-in-carico"
        assert (await pino.post(f"{path}/close", json={"outcome": "infondata"})).json()[
            "outcome"
        ] == "gestita"


WRONG = (
    {"kind": "furto"},
    {"text": "x" * 501},
    {"latitude": None},
    {"latitude": None, "longitude": None},
    {"text": "a\0b"},
    {"place": "a\nb"},
    {"accuracy_m": -1},
    {"seen": "domani"},
    {"picture": "data:…"},
)


async def test_what_is_no_report_is_refused(tmp_path):
    """Kinds, bounds, half a position, none at all; there is no field for a picture."""
    async with serves(tmp_path) as (_, ivo, _pino, _anna):
        for wrong in WRONG:
            answer = await ivo.post("/api/reports", json=BODY | wrong)
            assert answer.status_code == 422, (wrong, answer.text)
        assert (await ivo.get("/api/reports")).json()["reports"] == []


async def test_only_a_listed_institute_sends_and_is_told_why_not(tmp_path):
    """Rooms, owners and auditors may not; an institute that left the list is told so, with 112."""
    async with serves(tmp_path) as (site, ivo, pino, _):
        assert (await pino.post("/api/reports", json=BODY)).status_code == 403
        for user in ("marco", "aldo", "sara"):
            async with site.as_user(user) as client:
                assert (await client.get("/api/reports")).status_code == 403
                assert (await client.post("/api/reports", json=BODY)).status_code == 403
        one = listed(listed_until=date(2021, 1, 1))
        site.town.registry = replace(site.town.registry, institutes={one.id: one})
        answer = await ivo.post("/api/reports", json=BODY)
        assert answer.status_code == 403
        assert answer.json()["code"] == "institute-no-longer-listed"
        assert "112" in answer.json()["title"]
        page = (await ivo.get("/api/reports")).json()
        assert (page["institute"], page["may_send"]) == (True, False)
        assert "112" in page["bar_text"]


async def test_a_machine_of_the_institute_sends(tmp_path):
    """By certificate or token; a desk's certificate without a person sends nothing."""
    async with serves(tmp_path) as (site, *_):
        who = Actor("centrale", "Centrale", Role.MACHINE, INSTITUTE, "m", "certificate")
        desk = Actor("ivo", "Ivo", Role.INSTITUTE_OPERATOR, INSTITUTE, "c", "certificate")
        site.town.accounts.sessions |= {"macchina": who, "postazione": desk}
        async with site.anonymous() as client:
            bearer = {"Authorization": "Bearer macchina"}
            made = await client.post("/api/reports", json=BODY, headers=bearer)
            assert made.status_code == 201, made.text
            assert len((await client.get("/api/reports", headers=bearer)).json()["reports"]) == 1
            bearer = {"Authorization": "Bearer postazione"}
            assert (await client.post("/api/reports", json=BODY, headers=bearer)).status_code == 403


async def test_the_register_leaves_under_a_reason(tmp_path):
    """As a table that no spreadsheet runs, and as JSON; the reason is in the ledger."""
    async with serves(tmp_path) as (site, ivo, pino, _):
        made = (await ivo.post("/api/reports", json=BODY)).json()
        await pino.post(f"/api/reports/{made['id']}/answers", json={"text": "Arriva"})
        assert (await pino.post("/api/reports/register", json={})).status_code == 422
        wish = {"reason": "verifica semestrale"}
        table = await pino.post("/api/reports/register", json=wish)
        assert table.headers["content-type"].startswith("text/csv")
        assert "segnalazioni-" in table.headers["content-disposition"]
        rows = list(csv.reader(io.StringIO(table.text.lstrip("\ufeff")), delimiter=";"))
        assert [len(one) for one in rows] == [len(rows[0])] * 3
        assert rows[1][0] == made["number"]
        assert "'=Furgone; bianco" in rows[1]
        assert made["number"] in rows[2]
        told = await pino.post("/api/reports/register", json=wish | {"form": "json"})
        assert [one["direction"] for one in told.json()["reports"]] == ["IN", "OUT"]
        none = await pino.post("/api/reports/register", json=wish | {"to": "2020-01-01"})
        assert len(none.text.splitlines()) == 1
        reasons = [
            one.event.reason_text
            for one in site.town.ledger.entries_now
            if one.event.event == "report.export"
        ]
        assert reasons == ["verifica semestrale"] * 3


async def test_a_room_passes_a_report_on(tmp_path):
    """To a room of the registry and to nothing else; a second room is told who has it."""
    async with serves(tmp_path) as (_, ivo, pino, anna):
        path = (await ivo.post("/api/reports", json=BODY)).headers["location"]
        assert (await ivo.post(f"{path}/route", json={"recipient": "sala-pl"})).status_code == 403
        bad = await pino.post(f"{path}/route", json={"recipient": "istituto"})
        assert bad.status_code == 422
        passed = await pino.post(f"{path}/route", json={"recipient": "sala-pl"})
        assert [one["id"] for one in passed.json()["recipients"]] == ["sala-pl"]
        assert (await anna.post(f"{path}/ack")).status_code == 200
        assert (await pino.post(f"{path}/ack")).status_code == 403
        assert (await pino.get(path)).status_code == 200


async def test_a_report_that_another_room_took_is_not_ended_here(tmp_path):
    """Who has it stands in the refusal and on the page; an answer that would close it is not sent.

    A plain answer goes, and the room that has it ends it.
    """
    async with serves(tmp_path) as (site, ivo, pino, anna):
        route = ReportRoute("due", ("questura", "sala-pl"), order=1)
        site.town.registry = replace(site.town.registry, report_routes={"due": route})
        path = (await ivo.post("/api/reports", json=BODY)).headers["location"]
        assert (await anna.get(path)).json()["report"]["may_close"] is True
        taken = (await pino.post(f"{path}/ack")).json()
        assert (taken["may_close"], taken["taken_by"]["id"]) == (True, "questura")
        for action, body in (
            ("route", {"recipient": "sala-pl"}),
            ("close", {"outcome": "infondata"}),
            ("answers", {"text": "Chiudiamo", "outcome": "infondata"}),
        ):
            refused = await anna.post(f"{path}/{action}", json=body)
            assert (refused.status_code, refused.json()["code"]) == (409, "report-taken"), action
            assert refused.json()["detail"] == "Sala operativa Questura"
        there = (await anna.get(path)).json()
        assert there["answers"] == []
        assert there["report"]["taken_by"]["name"] == "Sala operativa Questura"
        assert (there["report"]["may_close"], there["report"]["may_answer"]) == (False, True)
        assert (await anna.post(f"{path}/answers", json={"text": "Visto"})).status_code == 201
        closed = await pino.post(f"{path}/close", json={"outcome": "gestita"})
        assert (closed.json()["state"], closed.json()["may_close"]) == ("chiusa", False)
