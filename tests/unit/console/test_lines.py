# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Lines over HTTP: who reads which, who lets edges in and out, in whose name."""

from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.console.app import build_app, build_control_app
from gateway.console.lines import lines_of
from gateway.console.listener import bind_tcp, bind_unix
from gateway.console.services import InvitationTold, LineReport, LineSide
from gateway.model.access import Actor
from gateway.model.errors import ConfigError
from gateway.model.registry import ActScope, Recipient, RecipientKind, Role, User
from gateway.model.room import LineState, LineStatus
from tests.ui.town import GATE, PHARMACY, ROOM, Town
from tests.unit.console.conftest import Site, serving

PARTNER = "questura-massa"
UP = LineStatus(
    "nord", LineState.UP, "", 1_790_000_000_000_000, 1_790_000_001_000_000, 12.34, -3.21,
    "198.51.100.7:40000", streams=2, reduced=(GATE, PHARMACY, "sconosciuta"),
)  # fmt: skip
NORD = LineReport("nord", "Varco Nord", LineSide.EDGE, UP, (ROOM,), True, 1_800_000_000_000_000)
SUD = replace(NORD, id="sud", name="Varco Sud", organisations=("farmacia",))
SALA = replace(NORD, id="questura", name="Sala", side=LineSide.ROOM, organisations=("comune",))


class Desk:
    """Lines of a room; what was asked is kept."""

    is_room = True

    def __init__(self, *reports):
        self.reports = reports or (NORD, SUD, SALA)
        self.asked = []

    def lines(self):
        return self.reports

    async def invite(self, edge, name, organisations, *, by):
        self.asked.append(("invite", edge, name, organisations, by.id))
        if edge == "cattiva":
            raise ConfigError("request", "edge[cattiva]", "64 invitations are open already")
        return InvitationTold("AAAAA-BBBBB", 1_790_000_000_000_000)

    async def revoke(self, edge, *, by):
        self.asked.append(("revoke", edge, by.id))


def actor(role, organisation):
    return Actor("u", "U", role, organisation, "s", "password")


def told(desk, role, organisation):
    town = Town()
    town.lines = desk
    return lines_of(actor(role, organisation), town.services())


def partnered(desk):
    """A town in whose act a second room stands, and a third one in an act of others."""
    town = Town()
    town.lines = desk
    registry = town.registry
    for one in (PARTNER, "lontana"):
        registry.recipients[one] = Recipient(one, one.title(), RecipientKind.ROOM)
    act = registry.acts["patto-2026"]
    registry.acts["altro"] = replace(act, id="altro", scopes=(ActScope((PHARMACY,), ("lontana",)),))
    more = ActScope((GATE,), (PARTNER,))
    registry.acts["patto-2026"] = replace(act, scopes=(*act.scopes, more))
    return town


@asynccontextmanager
async def before(desk, role=None, organisation=ROOM, town=None):
    """Serve a town with one more user, `capo`, of a role."""
    town = town or Town()
    town.lines = desk
    if role is not None:
        town.registry.users["capo"] = User("capo", "Capo", role, organisation)
    bound = bind_tcp("127.0.0.1", 0)
    async with serving(build_app(town.services()), [bound]):
        site = Site(town, f"http://127.0.0.1:{bound.getsockname()[1]}")
        async with site.as_user("capo" if role else "anna") as client:
            yield client


@pytest.mark.parametrize(
    ("role", "organisation", "seen"),
    [
        (Role.PL_OPERATOR, ROOM, ["nord"]),
        (Role.PS_SUPERVISOR, ROOM, ["nord"]),
        (Role.OWNER, "farmacia", ["sud"]),
        (Role.INSTALLER, "comune", ["questura"]),
        (Role.SYSADMIN, "elsewhere", ["nord", "sud", "questura"]),
        (Role.OWNER, "stranger", []),
        (Role.DPO, "farmacia", []),
        (Role.AUDITOR, ROOM, []),
        (Role.MACHINE, ROOM, []),
    ],
)
def test_lines_are_known_to_their_organisations_alone(role, organisation, seen):
    """And to the sysadmin; a role without the page reads none."""
    assert [one.id for one in told(Desk(), role, organisation).lines] == seen


def test_a_reader_learns_how_a_line_stands_and_of_known_cameras_only():
    """Addresses and reasons are for those who manage lines."""
    (line,) = told(Desk(), Role.PL_OPERATOR, ROOM).lines
    assert (line.state, line.side, line.streams) == ("attiva", "edge", 2)
    assert (line.round_trip_ms, line.clock_offset_ms) == (12.3, -3.2)
    assert line.since_utc.startswith("2026-")
    assert line.heard_utc > line.since_utc
    assert [one.camera for one in line.reduced] == [GATE, PHARMACY]
    assert (line.address, line.problem, line.may_manage) == ("", "", False)
    down = replace(NORD, status=replace(UP, problem="198.51.100.7:8445: refused"))
    (line,) = told(Desk(down), Role.PL_OPERATOR, ROOM).lines
    assert line.problem == ""
    (line,) = told(Desk(down), Role.PS_SUPERVISOR, ROOM).lines
    assert (line.address, line.may_manage) == ("198.51.100.7:40000", True)
    assert "refused" in line.problem


def test_another_organisations_cameras_are_not_named():
    """Who knows one camera on the line hears of that one."""
    shared = replace(NORD, organisations=("farmacia",))
    (line,) = told(Desk(shared), Role.PL_OPERATOR, "farmacia").lines
    assert [one.camera for one in line.reduced] == [PHARMACY]


@pytest.mark.parametrize("role", [Role.OWNER, Role.INSTALLER])
def test_nobody_on_site_reads_off_a_line_that_a_room_looks(role):
    """It would tell of a hold-up that the room looks at."""
    shared = replace(NORD, organisations=("farmacia",))
    (line,) = told(Desk(shared), role, "farmacia").lines
    assert (line.state, line.streams, line.reduced) == ("attiva", 0, [])


def test_a_sysadmin_sees_lines_and_no_cameras():
    """What a camera is called is none of the machine's business."""
    found = told(Desk(), Role.SYSADMIN, "comune")
    assert all(one.reduced == [] for one in found.lines)
    assert [one.may_manage for one in found.lines] == [True, True, False]
    assert {one.id for one in found.organisations} >= {ROOM, "comune", "farmacia"}


def test_a_supervisor_names_the_own_organisation_and_rooms_of_its_acts():
    """Nobody learns here who else is served: neither shops, nor institutes, nor other rooms."""
    found = told(Desk(), Role.PS_SUPERVISOR, ROOM)
    assert [one.id for one in found.organisations] == [ROOM]
    assert (found.may_invite, found.always) == (True, ROOM)
    assert told(Desk(), Role.SYSADMIN, "comune").always == ""
    found = lines_of(actor(Role.PS_SUPERVISOR, ROOM), partnered(Desk()).services())
    assert [one.id for one in found.organisations] == [ROOM, PARTNER]
    assert "lontana" not in found.model_dump_json()
    assert not told(Desk(), Role.PL_OPERATOR, ROOM).may_invite


def test_a_box_without_lines_says_so():
    """Nothing to read, nobody to invite."""
    found = told(None, Role.SYSADMIN, "comune")
    assert (found.lines, found.is_room, found.may_invite) == ([], False, False)


async def test_a_supervisor_invites_and_revokes_in_the_own_name():
    """A new edge is known to the own organisation unless more is said."""
    desk = Desk()
    async with before(desk, Role.PS_SUPERVISOR) as client:
        made = await client.post("/api/lines/invitations", json={"edge": "ovest", "name": " O "})
        assert made.status_code == 201
        assert made.json() == {
            "edge": "ovest", "code": "AAAAA-BBBBB", "expires": "2026-09-21T14:13:20.000Z",
            "kept": 0,
        }  # fmt: skip
        assert made.headers["cache-control"] == "no-store"
        again = await client.post("/api/lines/invitations", json={"edge": "nord"})
        assert again.status_code == 201
        gone = await client.delete("/api/lines/nord")
        assert gone.status_code == 204
    assert desk.asked == [
        ("invite", "ovest", "O", (ROOM,), "capo"),
        ("invite", "nord", "", (), "capo"),
        ("revoke", "nord", "capo"),
    ]


async def test_a_supervisor_names_a_partner_beside_the_own_house():
    """The partner's people know of the edge, the own ones in any case; no third house can be."""
    desk = Desk()
    async with before(desk, Role.PS_SUPERVISOR, town=partnered(desk)) as client:
        body = {"edge": "ovest", "organisations": [PARTNER]}
        made = await client.post("/api/lines/invitations", json=body)
        body = {"edge": "est", "organisations": [PARTNER, "lontana"]}
        refused = await client.post("/api/lines/invitations", json=body)
    assert (made.status_code, refused.status_code) == (201, 403)
    assert desk.asked == [("invite", "ovest", "", (ROOM, PARTNER), "capo")]


@pytest.mark.parametrize(
    ("role", "named", "kept"),
    [(Role.PS_SUPERVISOR, [ROOM], 1), (Role.PS_SUPERVISOR, [], 0), (Role.SYSADMIN, [ROOM], 0)],
)
async def test_an_invitation_takes_an_edge_away_from_nobody_else(role, named, kept):
    """A supervisor leaves out no organisation that he may not know; the sysadmin does."""
    shared = replace(NORD, organisations=(ROOM, "altrove"))
    desk = Desk(shared)
    async with before(desk, role) as client:
        body = {"edge": NORD.id, "organisations": named}
        made = await client.post("/api/lines/invitations", json=body)
    assert (made.status_code, made.json()["kept"]) == (201, kept)
    assert "altrove" not in made.text
    (asked,) = desk.asked
    assert asked[3] == (*named, *["altrove"][:kept])


@pytest.mark.parametrize(
    ("role", "organisation", "body", "status"),
    [
        (Role.PL_OPERATOR, ROOM, {"edge": "ovest"}, 403),
        (Role.INSTALLER, "comune", {"edge": "ovest"}, 403),
        (Role.PS_SUPERVISOR, ROOM, {"edge": "sud"}, 403),
        (Role.PS_SUPERVISOR, ROOM, {"edge": ROOM}, 403),  # the id of a recipient: it would be one
        (Role.PS_SUPERVISOR, ROOM, {"edge": "ovest", "organisations": ["farmacia"]}, 403),
        (Role.PS_SUPERVISOR, ROOM, {"edge": "Ovest"}, 422),
        (Role.PS_SUPERVISOR, ROOM, {"edge": "ovest\n"}, 422),
        (Role.PS_SUPERVISOR, ROOM, {"edge": "../x"}, 422),
        (Role.PS_SUPERVISOR, ROOM, {"edge": "ovest", "name": "a\nb"}, 422),
        (Role.PS_SUPERVISOR, ROOM, {"edge": "ovest", "certificate_sha256": "0" * 64}, 422),
        (Role.SYSADMIN, "comune", {"edge": "ovest", "organisations": ["nobody"]}, 403),
        (Role.SYSADMIN, "comune", {"edge": "cattiva"}, 422),
    ],
)
async def test_who_may_not_invite_cannot(role, organisation, body, status):
    """Neither a role without the duty, nor another's edge, nor a name that is none."""
    desk = Desk()
    async with before(desk, role, organisation) as client:
        answer = await client.post("/api/lines/invitations", json=body)
    assert answer.status_code == status
    assert [one for one in desk.asked if one[1] != "cattiva"] == []


@pytest.mark.parametrize(
    ("role", "edge", "status"),
    [
        (Role.PL_OPERATOR, "nord", 403),
        (Role.PS_SUPERVISOR, "sud", 404),
        (Role.PS_SUPERVISOR, "questura", 404),
        (Role.SYSADMIN, "nobody", 404),
    ],
)
async def test_who_may_not_revoke_cannot(role, edge, status):
    """An edge that the reader may not know is not there; a room is not ours to revoke."""
    desk = Desk()
    async with before(desk, role) as client:
        answer = await client.delete(f"/api/lines/{edge}")
    assert answer.status_code == status
    assert desk.asked == []


async def test_a_box_that_is_no_room_invites_nobody():
    """An edge has lines of its own, and no door."""
    desk = Desk(SALA)
    desk.is_room = False
    async with before(desk, Role.SYSADMIN) as client:
        answer = await client.post("/api/lines/invitations", json={"edge": "ovest"})
        read = (await client.get("/api/lines")).json()
    assert answer.status_code == 403
    assert not read["may_invite"]


async def test_nobody_reads_without_signing_in_and_the_page_is_there_only_with_lines():
    """A box without lines shows its people no empty page; the administrator finds how."""
    for desk, role, shown in (
        (Desk(), Role.PL_OPERATOR, True),
        (None, Role.PL_OPERATOR, False),
        (None, Role.SYSADMIN, True),
    ):
        async with before(desk, role) as client:
            session = (await client.get("/api/session")).json()
            assert ("lines" in session["user"]["views"]) is shown
            del client.headers["Authorization"]
            assert (await client.get("/api/lines")).status_code == 401


@pytest.fixture
async def control(tmp_path):
    """Return a client of the control socket and the desk behind it."""
    import httpx

    town = Town()
    town.registry.users["capo"] = User("capo", "Capo", Role.PS_SUPERVISOR, ROOM)
    town.lines = desk = Desk()
    path = tmp_path / "control.sock"
    app = build_control_app(town.services())
    async with serving(app, [bind_unix(path)]):
        transport = httpx.AsyncHTTPTransport(uds=str(path))
        async with httpx.AsyncClient(transport=transport, base_url="http://varco") as client:
            yield client, desk


async def test_commands_need_a_named_person(control):
    """To be the machine's administrator reads lines, and lets nobody in."""
    from tests.ui.town import PASSWORD

    client, desk = control
    assert [one["id"] for one in (await client.get("/control/lines")).json()["lines"]] == [
        "nord", "sud", "questura",
    ]  # fmt: skip
    signed = {"user": "capo", "password": PASSWORD}
    for path, body in (("invitations", {"edge": "nord"}), ("nord/revoke", {})):
        assert (await client.post(f"/control/lines/{path}", json=body)).status_code == 422
        wrong = await client.post(
            f"/control/lines/{path}", json=body | {"user": "capo", "password": "no"}
        )
        assert wrong.status_code == 401
        assert desk.asked == []
    assert (
        await client.post("/control/lines/invitations", json={"edge": "nord"} | signed)
    ).status_code == 201
    assert (await client.post("/control/lines/nord/revoke", json=signed)).status_code == 204
    assert [one[0] for one in desk.asked] == ["invite", "revoke"]
