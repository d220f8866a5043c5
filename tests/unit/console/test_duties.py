# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Shift, second person, confirmation and reasons over HTTP, before the real gate."""

import asyncio
import json
from dataclasses import replace

import pytest

from gateway.access.gate import Gate, Surroundings
from gateway.access.second import Seconds
from gateway.access.shifts import Shifts
from gateway.console.app import build_app
from gateway.console.listener import bind_tcp
from gateway.model.registry import Permit, Role, User
from tests.ui.town import PHARMACY, ROOM, SQUARE
from tests.unit.access.test_gate import Journal
from tests.unit.console.conftest import Site, serving

OFFER = {"Content-Type": "application/sdp"}
SDP = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 H264/90000\r\n"


class Looks:
    """Looks whose one session is Anna's."""

    def __init__(self):
        self.confirmed = []
        self.answer = None

    async def confirm(self, session, actor):
        self.confirmed.append((session, actor.id))
        return self.answer


@pytest.fixture
async def desk(town, patto):
    """Return the console with the real gate behind it."""
    town.registry = replace(
        town.registry,
        users=town.registry.users | {"berta": User("berta", "B", Role.PL_OPERATOR, ROOM)},
    )
    journal, clock = Journal(), town.clock
    shifts = Shifts(journal, clock)
    gate = Gate(journal, lambda: town.registry, town.alarms.get, clock, Surroundings(shifts=shifts))
    town.journal, town.looks = journal, Looks()
    services = replace(
        town.services(),
        gate=gate,
        rights=gate,
        shifts=shifts,
        seconds=Seconds(clock),
        looks=town.looks,
    )
    bound = bind_tcp("127.0.0.1", 0)
    port = bound.getsockname()[1]
    town.notices = services.notices
    async with serving(build_app(services), [bound]):
        yield Site(town, f"http://127.0.0.1:{port}")


@pytest.fixture
def patto(town):
    """Date the assessment, so that public cameras may be looked at."""
    act = town.registry.acts["patto-2026"]
    town.registry = replace(town.registry, acts={act.id: replace(act, dpia_date=act.valid_from)})


async def test_a_shift_is_opened_shown_and_closed(desk, town):
    """One order for each sign-in; another one has to wait until it is closed."""
    async with desk.as_user("anna") as anna:
        assert (await anna.get("/api/shift")).json() == {"order": "", "until": ""}
        opened = await anna.post("/api/shift", json={"order": " OdS 4 ", "hours": 6})
        assert opened.json()["order"] == "OdS 4"
        assert (await anna.get("/api/shift")).json() == opened.json()
        again = await anna.post("/api/shift", json={"order": "OdS 4"})
        assert again.json() == opened.json()
        other = await anna.post("/api/shift", json={"order": "OdS 5"})
        assert (other.status_code, other.json()["code"]) == (409, "another-shift-open")
        assert (await anna.delete("/api/shift")).status_code == 204
        assert (await anna.get("/api/shift")).json()["order"] == ""
        for bad in ({"order": ""}, {"order": "  "}, {"order": "x", "hours": 13}, {}):
            assert (await anna.post("/api/shift", json=bad)).status_code == 422
    assert town.journal.names() == ["shift.open", "shift.close"]


async def test_owners_have_no_shifts(desk):
    """Who does no ordinary surveillance opens none; nobody is asked without a sign-in."""
    async with desk.as_user("marco") as marco:
        assert (await marco.post("/api/shift", json={"order": "1"})).status_code == 403
    async with desk.anonymous() as nobody:
        assert (await nobody.get("/api/shift")).status_code == 401


async def test_a_wall_opens_under_its_order_and_no_other(desk):
    """The first look opens the shift; another order is refused with its own code."""
    async with desk.as_user("anna", **OFFER) as anna:
        why = {"purpose": "servizio", "case": "OdS 4"}
        assert (await anna.post(f"/whep/{SQUARE}", params=why, content=SDP)).status_code == 201
        assert (await anna.get("/api/shift")).json()["order"] == "OdS 4"
        why["case"] = "OdS 5"
        answer = await anna.post(f"/whep/{SQUARE}", params=why, content=SDP)
        assert (answer.status_code, answer.json()["code"]) == (403, "no-shift")


async def test_breaking_the_glass_over_whep(desk, town):
    """With ten characters of reason the closed camera opens, with an entry of its own."""
    async with desk.as_user("anna", **OFFER) as anna:
        why = {"purpose": "intervento", "case": "INT 1"}
        shut = await anna.post(f"/whep/{PHARMACY}", params=why, content=SDP)
        assert shut.json()["code"] == "only-on-alarm"
        short = await anna.post(
            f"/whep/{PHARMACY}", params=why | {"break_glass": "true", "reason": "boh"}, content=SDP
        )
        assert short.json()["code"] == "reason-missing"
        why |= {"break_glass": "true", "reason": "rapina in corso"}
        assert (await anna.post(f"/whep/{PHARMACY}", params=why, content=SDP)).status_code == 201
    assert town.journal.names()[-2:] == ["breakglass.use", "live.open"]


async def test_four_eyes_over_http(desk, town):
    """Ask, have a colleague confirm, repeat with the code: the ledger names the colleague."""
    line = Permit("p", Role.PL_OPERATOR, ("live",), ("intervento",), four_eyes=True)
    town.registry = replace(town.registry, permits={"p": line})
    wish = {"camera": SQUARE, "action": "live", "purpose": "intervento", "case": "INT 1"}
    why = {"purpose": "intervento", "case": "INT 1"}
    async with desk.as_user("anna") as anna, desk.as_user("berta") as berta:
        alone = await anna.post(f"/whep/{SQUARE}", params=why, content=SDP, headers=OFFER)
        assert alone.json()["code"] == "second-person-needed"
        made = (await anna.post("/api/second", json={"request": wish})).json()
        assert (await anna.post(f"/api/second/{made['code']}")).status_code == 404
        async with desk.as_user("marco") as marco:
            assert (await marco.post(f"/api/second/{made['code']}")).status_code == 404
        told = (await berta.get(f"/api/second/{made['code']}")).json()
        assert (told["asker"], told["camera"]) == ("Anna Ricci", SQUARE)
        assert (await berta.post(f"/api/second/{made['code']}")).status_code == 204
        why["second"] = made["code"]
        both = await anna.post(f"/whep/{SQUARE}", params=why, content=SDP, headers=OFFER)
        assert both.status_code == 201
        once = await anna.post(f"/whep/{SQUARE}", params=why, content=SDP, headers=OFFER)
        assert once.status_code == 403
    opened = [one for one in town.journal.events if one.event == "live.open"]
    assert [one.delegated_by for one in opened] == ["berta"]


async def test_why_not(desk, town):
    """Each question has its answer in two languages; nothing is opened or written."""
    async with desk.as_user("anna") as anna:
        why = {"purpose": "servizio", "case": "OdS 4"}
        told = (await anna.get(f"/api/cameras/{PHARMACY}/why", params=why)).json()
        assert (told["allowed"], told["refusal"]) == (False, "only-on-alarm")
        assert told["steps"][-1]["question"] == "disclosure"
        assert {step["ok"] for step in told["steps"][:-1]} == {True}
        assert all(step["text_it"] and step["text_en"] for step in told["steps"])
        assert (await anna.get(f"/api/cameras/{PHARMACY}/why?action=x")).status_code == 422
    assert town.journal.names() == []


async def test_why_does_not_tell_of_others_cameras(desk):
    """A camera of another controller answers as one that does not exist."""
    async with desk.as_user("marco") as marco:
        hidden = await marco.get(f"/api/cameras/{SQUARE}/why?purpose=titolare")
        nowhere = await marco.get("/api/cameras/nessuna/why?purpose=titolare")
        assert hidden.status_code == nowhere.status_code == 404
        assert hidden.json() == nowhere.json()
        look = await marco.post(f"/whep/{SQUARE}?purpose=titolare", content=SDP, headers=OFFER)
        other = await marco.post("/whep/nessuna?purpose=titolare", content=SDP, headers=OFFER)
        assert (look.status_code, look.json()["code"]) == (404, other.json()["code"])


async def test_confirming(desk, town):
    """Only what the gateway knows as this person's look is confirmed."""
    async with desk.as_user("anna") as anna:
        assert (await anna.post("/api/looks/s-9/confirm")).status_code == 404
        assert town.looks.confirmed == [("s-9", "anna")]


async def test_a_notice_reaches_its_person_only(desk, town):
    """What is told to Anna comes over her event stream, with its own event name."""
    async with desk.as_user("anna") as anna, anna.stream("GET", "/api/alarms/events") as stream:
        lines = stream.aiter_lines()
        async with asyncio.timeout(10):
            while await anext(lines) != "event: ready":
                pass
            town.notices.tell("confirm", {"n": 1}, to=lambda actor: actor.id == "marco")
            town.notices.tell("confirm", {"n": 2}, to=lambda actor: actor.id == "anna")
            while await anext(lines) != "event: confirm":
                pass
            data = (await anext(lines)).removeprefix("data: ")
    assert json.loads(data) == {"n": 2}
