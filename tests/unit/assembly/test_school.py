# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A school's calendar end to end (A-40): a whole box, asked over the console's HTTP.

Its inside is dark while people are there, also across the end of summer time; no plates; 24 h.
"""

from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest

from gateway.access.identity import hash_password
from gateway.assembly.control import ControlDesk
from gateway.assembly.services import LedgerDesk, services_of
from gateway.console.app import build_app, build_control_app
from gateway.console.listener import bind_tcp, bind_unix
from gateway.model.access import Refusal
from gateway.model.alarm import Alarm
from gateway.model.registry import Analytic
from tests.unit.assembly.parts import CAMERA, ManualClock, entries, running_box, secret_file, until
from tests.unit.audit.logbook import PUBLIC
from tests.unit.console.conftest import serving

PASSWORD = "una frase lunga"
SCHOOL = """
[[controller]]
id = "istituto"
name = "Istituto comprensivo"
kind = "scuola"
[[site]]
id = "centro"
name = "Scuola media"
controller = "istituto"
kind = "scuola"
state = "attivo"
closed_days = [2026-12-24]
opening = [
  { days = [1, 2, 3, 4, 5], since = 08:00:00, until = 14:00:00 },
  { days = [7], since = 08:00:00, until = 12:00:00 },
]
[[recipient]]
id = "sala-pl"
name = "Sala"
kind = "sala-operativa"
[[user]]
id = "dirigente"
name = "Dirigente"
role = "owner.private"
organisation = "istituto"
"""
PLATES = """
[[act]]
id = "targhe"
title = "Patto"
number = "9/2026"
parties = ["Prefettura", "Comune"]
valid_from = 2026-01-01
valid_until = 2027-06-30
dpia = "DPIA 3/2025"
dpia_sha256 = "807cf9abed59de643bf0e442095dd6fe723f186226debf5fd2ce30d3f640fe39"
dpia_date = 2026-01-01
[[act.scope]]
cameras = ["cancello"]
recipients = ["sala-pl"]
analytics = ["targhe"]
disclosure = "sempre"
"""
OFFER = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
H_S = 3600


def utc(month, day, hour, minute=0):
    return round(datetime(2026, month, day, hour, minute, tzinfo=UTC).timestamp() * 1e6)


class School:
    """The running box as its head sees it in a browser."""

    def __init__(self, client, control, opened, box):
        self.client, self.control, self.opened, self.box = client, control, opened, box
        self.clock = opened.clock

    async def at(self, utc_us):
        """Let time pass until then, and sign in."""
        self.clock.advance((utc_us - self.clock.utc_us) / 1e6)
        body = {"user": "dirigente", "password": PASSWORD, "bearer": True}
        reply = await self.client.post("/api/session", json=body)
        assert reply.status_code == 201, reply.text
        self.client.headers["Authorization"] = f"Bearer {reply.json()['token']}"

    async def look(self, camera):
        """Ask for a picture; return "ok" or the code of the refusal."""
        reply = await self.client.post(
            f"/whep/{camera}",
            params={"purpose": "titolare"},
            content=OFFER,
            headers={"Content-Type": "application/sdp"},
        )
        if reply.status_code == 201:
            where = reply.headers["location"]
            assert (await self.client.delete(where)).status_code in (200, 204)
            return "ok"
        assert reply.status_code == 403, reply.text
        return reply.json()["code"]


@pytest.fixture
async def school(tmp_path):
    """A box at a school, before 1 October 2026 in its own time."""
    async with whole(tmp_path) as made:
        yield made


@asynccontextmanager
async def whole(folder):
    secret = secret_file(folder)
    inside, gate = (
        CAMERA.format(id=one, url="rtsp://192.0.2.1/", secret=secret, more=more)
        for one, more in (("atrio", "indoor = true"), ("cancello", ""))
    )
    seed = SCHOOL + (inside + gate).replace('"pubblica"', '"privata"')
    async with running_box(folder, seed, clock=ManualClock()) as (box, opened):
        await opened.registry.set_password("dirigente", hash_password(PASSWORD))
        desk = ControlDesk(
            opened.registry, opened.journal, (opened.config_path, opened.options), box.replan
        )
        ledger = LedgerDesk(opened.ledger, folder / "ledger.db", PUBLIC)
        services = services_of(opened, box, desk, ledger)
        bound, path = bind_tcp("127.0.0.1", 0), folder / "c.sock"
        unix = httpx.AsyncHTTPTransport(uds=str(path))
        async with (
            serving(build_app(services), [bound]),
            serving(build_control_app(services), [bind_unix(path)]),
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{bound.getsockname()[1]}") as client,
            httpx.AsyncClient(transport=unix, base_url="http://control") as control,
        ):
            yield School(client, control, opened, box)


TIMES = (
    (utc(10, 23, 5, 59), "ok"),  # Friday, 7:59
    (utc(10, 23, 6), "school-open"),  # 8:00, summer time
    (utc(10, 23, 11, 59), "school-open"),
    (utc(10, 23, 12), "ok"),  # 14:00
    (utc(10, 23, 22), "ok"),  # midnight
    (utc(10, 24, 8), "ok"),  # Saturday
    (utc(10, 25, 0, 30), "ok"),  # the hour that comes twice, first
    (utc(10, 25, 1, 30), "ok"),  # and again
    (utc(10, 25, 6, 30), "ok"),  # Sunday of the change: 7:30, yesterday 8:30
    (utc(10, 25, 7), "school-open"),  # 8:00, winter time
    (utc(10, 25, 10, 59), "school-open"),  # 11:59
    (utc(10, 25, 11), "ok"),
    (utc(10, 26, 6, 30), "ok"),  # Monday, 7:30
    (utc(10, 26, 7), "school-open"),
    (utc(11, 1, 9), "ok"),  # All Saints, a Sunday
    (utc(12, 7, 9), "school-open"),  # Monday
    (utc(12, 8, 9), "ok"),  # a holiday
    (utc(12, 24, 9), "ok"),  # a day on which this school is closed
)


async def test_the_inside_is_dark_while_people_are_there(school):
    """Refused in class, given at night and on holidays; the gate's camera is seen always."""
    for utc_us, expected in TIMES:
        await school.at(utc_us)
        assert await school.look("atrio") == expected, datetime.fromtimestamp(utc_us / 1e6, UTC)
        assert await school.look("cancello") == "ok"
    denied = await entries(school.opened.ledger, "live.deny")
    codes = [one.error for one in denied]
    assert codes == ["school-open"] * sum(code == "school-open" for _, code in TIMES)
    assert {one.object_id for one in denied} == {"atrio"}
    assert Refusal.SCHOOL_OPEN.value == "school-open"


async def test_a_look_that_runs_ends_when_people_come(school):
    """Begun a minute before eight on the Monday after the change, dark at eight."""
    await school.at(utc(10, 26, 6, 59))
    reply = await school.client.post(
        "/whep/atrio",
        params={"purpose": "titolare"},
        content=OFFER,
        headers={"Content-Type": "application/sdp"},
    )
    assert reply.status_code == 201
    assert len(school.box.viewing.sessions()) == 1
    school.clock.advance(61)
    await until(lambda: not school.box.viewing.sessions(), what="dark")


async def test_no_act_reads_plates_at_a_school(school):
    """The registry refuses it with its reason, also beside a picture line; nothing changes."""
    before = school.opened.registry.current().version
    reply = await school.control.post("/control/registry/apply", content=PLATES)
    assert reply.status_code == 422, reply.text
    assert "would read plates at a school" in reply.json()["detail"]
    assert school.opened.registry.current().version == before
    assert not school.opened.registry.current().acts
    good = PLATES.replace(Analytic.PLATES.value + '"]', Analytic.INTRUSION.value + '"]')
    reply = await school.control.post("/control/registry/apply", content=good)
    assert reply.status_code in (200, 202), reply.text


async def test_a_schools_pictures_are_kept_for_a_day(school):
    """The page says 24 h, and after them the picture is gone; the ledger tells."""
    await school.at(utc(10, 24, 23, 30))  # the night of the change
    alarm = Alarm("al-1", "cancello", "z", "intrusione", 3, school.clock.now())
    room = school.opened.registry.current().recipients["sala-pl"]
    await school.opened.outbox.raise_alarm(alarm, recipients=[room], act="")
    school.opened.stills.save("al-1", b"\xff\xd8 still")
    await school.box.retention.sweep()
    kept = (await school.client.get("/api/retention")).json()["classes"]
    terms = {one["name"]: one["keep_h"] for one in kept}
    assert terms["fermo-immagine"] == 24.0
    assert max(terms.values()) <= 24.0
    school.clock.advance(24 * H_S - 60)
    await school.box.retention.sweep()
    assert [one.name for one in school.opened.stills.copies()] == ["al-1.jpg"]
    school.clock.advance(120)
    await school.box.retention.sweep()
    assert not tuple(school.opened.stills.copies())
    (gone,) = await entries(school.opened.ledger, "retention.delete")
    assert (gone.controller, gone.count) == ("istituto", 1)
