# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The control socket: identity by SO_PEERCRED."""

import os
from dataclasses import replace

import httpx
import pytest

from gateway.console.app import build_control_app
from gateway.console.control import NO_LADDER
from gateway.console.listener import bind_tcp, bind_unix
from gateway.console.problem import RefusedError
from gateway.console.services import Health, InspectionWish
from gateway.model.access import Refusal, Verdict
from gateway.model.registry import Escalation, EscalationStep
from tests.ui.town import PASSWORD, ROOM, Change
from tests.unit.console.conftest import serving


@pytest.fixture
async def control(town, tmp_path):
    """Return a client of the control socket."""
    path = tmp_path / "control.sock"
    async with (
        serving(build_control_app(town.services()), [bind_unix(path)]),
        httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(path)), base_url="http://control"
        ) as client,
    ):
        assert path.stat().st_mode & 0o777 == 0o600
        yield client


async def test_status_tells_the_box_at_a_glance(control, town):
    """Cameras with their state, version of the registry, size of the ledger."""
    status = (await control.get("/control/status")).json()
    assert status["registry_version"] == 7
    assert status["healthy"] is True
    assert {one["id"]: one["state"] for one in status["cameras"]}["piazza-2"] == "stalled"


async def test_status_tells_what_is_wrong_in_the_language_of_who_reads(control, town, monkeypatch):
    """English to a script that asks for nothing; that nobody else hears of an alarm stands there.

    Not where a ladder says who does, nor where no act names anybody.
    """
    problems = ("recipient sala: broker a (b:8883) gives no answer",)
    monkeypatch.setattr(town.operations, "state", Health(True, problems))
    said = {
        tongue: (await control.get("/control/status", headers=header)).json()["problems"]
        for tongue, header in {"en": {}, "it": {"Accept-Language": "it"}}.items()
    }
    assert said == {
        "en": [*problems, NO_LADDER[1]],
        "it": ["destinatario sala: broker a (b:8883) non risponde", NO_LADDER[0]],
    }
    bare = town.registry
    assert not bare.escalations
    ladder = {"notte": Escalation("notte", steps=(EscalationStep(0, (ROOM,)),))}
    for registry in (replace(bare, escalations=ladder), replace(bare, acts={})):
        town.registry = registry
        assert (await control.get("/control/status")).json()["problems"] == [*problems]


async def test_apply_imports_as_the_local_administrator(control, town):
    """A seed larger than the public bound is taken; the caller is known by its process."""
    document = b"# seed\n" * 20_000
    answer = await control.post(
        "/control/registry/apply?replace=true",
        content=document,
        headers={"Content-Type": "application/toml"},
    )
    told = {"version": 8, "added": ["nuova"], "changed": [], "removed": [], "held": ""}
    assert answer.json() == told
    assert town.control.calls == [("apply", f"application/toml {len(document)} True peercred")]


async def test_a_held_import_is_accepted_and_says_under_which_id(control, town, monkeypatch):
    """202: nothing of it is in force before two people approve it."""

    async def held(*_args, **_more):
        return Change(8, held="h1")

    monkeypatch.setattr(town.control, "apply", held)
    answer = await control.post("/control/registry/apply", content=b"# seed\n")
    assert (answer.status_code, answer.json()["held"]) == (202, "h1")


async def test_a_wrong_seed_is_422_with_file_key_and_advice(control):
    """The answer says where, what and what to write instead."""
    answer = await control.post("/control/registry/apply", content=b"sbagliato")
    assert answer.status_code == 422
    assert answer.json()["code"] == "configuration"
    assert "cameras.x.url" in answer.json()["detail"]
    assert "write rtsp://" in answer.json()["detail"]


async def test_another_type_of_seed_is_415(control, town):
    """Only TOML, GeoJSON and CSV are registries."""
    answer = await control.post(
        "/control/registry/apply", content=b"x", headers={"Content-Type": "text/xml"}
    )
    assert answer.status_code == 415
    assert town.control.calls == []


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("toml", "application/toml"),
        ("geojson", "application/geo+json"),
        ("csv", "text/csv"),
        ("csv-it", "text/csv"),
        ("osm-geojson", "application/geo+json"),
    ],
)
async def test_export_in_each_form(control, form, kind):
    """The registry comes out in the form asked for."""
    answer = await control.get("/control/registry/export", params={"format": form})
    assert answer.headers["content-type"].startswith(kind)
    assert answer.text == f"# {form}\n"


async def test_unknown_form_is_refused(control):
    """A form that does not exist is 422."""
    assert (await control.get("/control/registry/export?format=xls")).status_code == 422


async def test_reload_and_password(control, town):
    """Reload tells what changed; a password needs 12 characters and an existing user."""
    assert (await control.post("/control/reload")).json() == {"changed": ["box.name"]}
    path = "/control/users/anna/password"
    assert (await control.post(path, json={"password": "corta"})).status_code == 422
    assert (await control.post(path, json={"password": "abbastanza lunga"})).status_code == 204
    other = await control.post("/control/users/x/password", json={"password": "abbastanza lunga"})
    assert other.status_code == 422
    assert "abbastanza" not in other.text
    assert town.control.calls == [("reload", f"uid:{os.geteuid()}"), ("password", "anna")]


async def test_another_uid_is_refused(control, monkeypatch):
    """Somebody who is neither root nor the daemon's user gets 403."""
    from gateway.console import listener

    real = listener._CREDENTIALS

    class Foreign:
        size = real.size

        @staticmethod
        def unpack(raw):
            pid, _, gid = real.unpack(raw)
            return pid, 4242, gid

    monkeypatch.setattr(listener, "_CREDENTIALS", Foreign)
    answer = await control.get("/control/status")
    assert answer.status_code == 403
    assert answer.json()["code"] == "peer-not-allowed"


async def test_control_over_tcp_is_refused(town):
    """Without a socket peer there is no local administrator."""
    bound = bind_tcp("127.0.0.1", 0)
    base = f"http://127.0.0.1:{bound.getsockname()[1]}"
    async with (
        serving(build_control_app(town.services()), [bound]),
        httpx.AsyncClient(base_url=base) as client,
    ):
        assert (await client.get("/control/status")).status_code == 403
        assert (await client.post("/control/reload")).status_code == 403


async def test_the_public_application_has_no_control_routes(site):
    """/control is not there for browsers."""
    async with site.as_user("sara") as client:
        assert (await client.get("/control/status")).status_code == 404


class Inspection:
    """Answers two lines; refuses a camera of somebody else's, or fails before it answers."""

    def __init__(self):
        self.wishes = []
        self.closed = 0

    async def probe(self, wish, *, by):
        if wish.camera == "altrui":
            raise RefusedError(VERDICT)
        self.wishes.append((wish, by.method))
        return self._lines()

    accept = probe

    async def _lines(self):
        try:
            yield b'{"progress":{"it":"a","en":"b"}}\n'
            yield b'{"result":{}}\n'
        finally:
            self.closed += 1


VERDICT = Verdict(False, Refusal.ROLE, "no", "no")
ACCEPT = {"camera": "piazza-1", "user": "anna", "password": PASSWORD, "clear_reason": "VLAN"}


@pytest.fixture
async def inspected(town, tmp_path):
    """Return a client of a control socket that can inspect, and what inspects."""
    inspection, path = Inspection(), tmp_path / "control.sock"
    services = replace(town.services(), inspection=inspection)
    async with (
        serving(build_control_app(services), [bind_unix(path)]),
        httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(path)), base_url="http://control"
        ) as client,
    ):
        yield client, inspection


async def test_a_probe_is_told_line_by_line(inspected):
    """As the local administrator; what works behind it has ended when the answer has."""
    client, inspection = inspected
    answer = await client.post("/control/probe", json={"camera": "piazza-1", "seconds": 3})
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert answer.text.splitlines() == ['{"progress":{"it":"a","en":"b"}}', '{"result":{}}']
    assert inspection.wishes == [(InspectionWish("piazza-1", 3.0), "peercred")]
    assert inspection.closed == 1


async def test_a_sheet_is_made_under_the_installers_account(inspected, town):
    """Who signs in for it is signed out when the sheet is there."""
    client, inspection = inspected
    answer = await client.post("/control/accept", json=ACCEPT)
    assert answer.text.splitlines()[-1] == '{"result":{}}'
    assert inspection.wishes == [(InspectionWish("piazza-1", 10.0, "VLAN"), "password")]
    assert town.accounts.sessions == {}


async def test_a_wrong_password_makes_no_sheet(inspected):
    """401, and nothing is asked of the camera."""
    client, inspection = inspected
    answer = await client.post("/control/accept", json=ACCEPT | {"password": "sbagliata"})
    assert (answer.status_code, inspection.wishes) == (401, [])


async def test_a_refusal_comes_before_the_first_line(inspected, town):
    """It has its status and words, and the sign-in is over as well."""
    client, _ = inspected
    answer = await client.post("/control/accept", json=ACCEPT | {"camera": "altrui"})
    assert (answer.status_code, answer.json()["code"]) == (403, "role-may-not")
    assert town.accounts.sessions == {}


@pytest.mark.parametrize("body", [{}, {"camera": "a", "seconds": 0}, {"camera": "a", "x": 1}])
async def test_half_a_wish_is_422(inspected, body):
    """Seconds are between 1 and 300; unknown keys are refused."""
    client, _ = inspected
    assert (await client.post("/control/probe", json=body)).status_code == 422


async def test_a_box_that_cannot_inspect_says_so(control):
    """503, not a crash."""
    assert (await control.post("/control/probe", json={"camera": "a"})).status_code == 503


async def test_a_second_device_is_taken_away(control, town):
    """By the local administrator, of an existing user."""
    assert (await control.post("/control/users/anna/totp-reset")).status_code == 204
    assert (await control.post("/control/users/x/totp-reset")).status_code == 422
    assert town.control.calls == [("totp-reset", "anna")]
