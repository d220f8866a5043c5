# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import base64

import pytest

from gateway.console.app import build_app
from gateway.console.listener import bind_tcp
from gateway.console.visibility import reads_plates
from gateway.model.alarm import AlarmState, AlarmVerdict
from gateway.model.hit import HitState
from gateway.model.plate import Passing
from tests.ui.plate_town import LANE, NOT_HIM, STOLEN, plate_picture, plates_of, with_gate
from tests.ui.town import GATE
from tests.unit.console.conftest import Site, serving


@pytest.fixture
async def gate(town, tmp_path):
    async with plates_of(town, tmp_path) as made:
        yield made


@pytest.fixture
async def site(town, gate):
    bound = bind_tcp("127.0.0.1", 0)
    app = build_app(town.services())
    async with serving(app, [bound]):
        yield Site(town, f"http://127.0.0.1:{bound.getsockname()[1]}", app)


def why(hit, purpose="allarme"):
    return {"purpose": purpose, "case": hit.id}


async def test_the_list_tells_no_plate_and_the_opened_hit_everything(site, gate, town):
    """One Grant, one entry, one answer that nobody may cache."""
    hit = await gate.pass_by(STOLEN)
    async with site.as_user("anna") as client:
        listed = await client.get("/api/plates/hits")
        assert STOLEN not in listed.text
        (one,) = listed.json()
        assert (one["state"], one["list"], one["passing"], one["gate_name"]) == (
            "in-attesa", "A1", "entrata", "Varco Nord",
        )  # fmt: skip
        assert (one["open"], one["may_decide"], one["told"], one["certain"]) == (True,) * 4
        before = len(town.ledger.entries_now)
        opened = await client.get(f"/api/plates/hits/{hit.id}", params=why(hit))
        assert opened.headers["cache-control"] == "no-store"
        body = opened.json()
        assert (body["text"], body["listed"], body["reason"]) == (
            STOLEN, STOLEN, "denuncia 12/2026",
        )  # fmt: skip
        pictures = plate_picture(STOLEN)
        assert base64.b64decode(body["crop"]) == pictures.crop
        assert base64.b64decode(body["context"]) == pictures.context
        (looked,) = [
            one.event for one in town.ledger.entries_now[before:]
            if one.event.event == "lpr.query.open"
        ]  # fmt: skip
        assert (looked.object_id, looked.case_ref) == (GATE, hit.id)


async def test_without_a_purpose_nothing_opens(site, gate):
    """The gate says no before anything is read."""
    hit = await gate.pass_by(STOLEN)
    async with site.as_user("anna") as client:
        refused = await client.get(f"/api/plates/hits/{hit.id}")
        assert refused.status_code == 403
        assert STOLEN not in refused.text


@pytest.mark.parametrize("user", ["ivo", "marco", "dora", "sara"])
async def test_nobody_but_people_of_rooms_learns_of_a_hit(site, gate, user):
    """Institute, owner, data protection officer, administrator: there is no such thing."""
    hit = await gate.pass_by(STOLEN)
    async with site.as_user(user) as client:
        for path in ("hits", f"hits/{hit.id}", "counts"):
            assert (await client.get(f"/api/plates/{path}", params=why(hit))).status_code == 404
        said = await client.post(
            f"/api/plates/hits/{hit.id}/decision", json={"verdict": "confermato"}
        )
        assert said.status_code == 404
        views = (await client.get("/api/session")).json()["user"]["views"]
        assert "plates" not in views


async def test_nobody_decides_about_what_they_have_not_opened(site, gate):
    """Each person compares for themselves; then the first decision counts."""
    hit = await gate.pass_by(STOLEN)
    path = f"/api/plates/hits/{hit.id}/decision"
    async with site.as_user("anna") as client:
        early = await client.post(path, json={"verdict": "confermato"})
        assert (early.status_code, early.json()["code"]) == (409, "plate-not-opened")
        assert (await gate.book.get(hit.id)).state is HitState.WAITING
        await client.get(f"/api/plates/hits/{hit.id}", params=why(hit))
        done = await client.post(path, json={"verdict": "confermato"})
        assert (done.json()["state"], done.json()["decided_by"]) == ("confermato", "Anna Ricci")
        again = await client.post(path, json={"verdict": "falso"})
        assert (again.status_code, again.json()["code"]) == (409, "alarm-already-closed")
        assert (await client.post(path, json={"verdict": "esercitazione"})).status_code == 422
    assert (await gate.outbox.find(hit.id)).verdict is AlarmVerdict.CONFIRMED


async def test_a_discarded_hit_is_gone_when_the_answer_comes(site, gate):
    """Its text and its pictures with it; whoever asks again finds nothing."""
    hit = await gate.pass_by(NOT_HIM)
    async with site.as_user("anna") as client:
        await client.get(f"/api/plates/hits/{hit.id}", params=why(hit))
        done = await client.post(f"/api/plates/hits/{hit.id}/decision", json={"verdict": "falso"})
        assert (done.status_code, done.json()) == (200, None)
        assert await gate.book.all() == []
        gone = await client.get(f"/api/plates/hits/{hit.id}", params=why(hit))
        assert gone.status_code == 404


async def test_what_was_to_be_verified_goes_out_and_its_alarm_stays_open(site, gate):
    """Rooms close it; nobody is asked a second time here."""
    hit = await gate.pass_by(STOLEN, certain=False)
    async with site.as_user("anna") as client:
        (one,) = (await client.get("/api/plates/hits")).json()
        assert (one["state"], one["told"]) == ("da-verificare", False)
        await client.get(f"/api/plates/hits/{hit.id}", params=why(hit))
        done = await client.post(
            f"/api/plates/hits/{hit.id}/decision", json={"verdict": "confermato"}
        )
        assert (done.json()["told"], done.json()["may_decide"]) == (True, False)
    assert (await gate.outbox.find(hit.id)).state is AlarmState.OPEN


async def test_small_figures_are_null(site, gate, town):
    """And the threshold is told, so that a page can say why."""
    hour = town.clock.now().utc_us // 3_600_000_000 - 2
    gate.desk.counts._cells[LANE.id, hour, Passing.IN] = 30
    gate.desk.counts._cells[LANE.id, hour, Passing.OUT] = 3
    async with site.as_user("anna") as client:
        told = (await client.get("/api/plates/counts")).json()
        assert told["k"] == 10
        (one,) = told["hours"]
        assert (one["inward"], one["outward"], one["total"]) == (None, None, 33)


async def test_a_box_without_plates_has_no_page(town):
    """Nor has one where no act has plates read."""
    assert not reads_plates(town.registry)
    assert reads_plates(with_gate(town.registry))
