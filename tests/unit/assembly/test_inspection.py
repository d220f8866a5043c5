# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Probing and accepting by the daemon: gate, ledger, masks, and no credential that leaves."""

import base64
import json
import re
from contextlib import aclosing
from dataclasses import replace

import cv2
import numpy as np
import pytest

from gateway.assembly.inspection import MOST_AT_ONCE, InspectionDesk, inspection_parts
from gateway.codec.pool import open_pool
from gateway.console.problem import RefusedError
from gateway.console.services import InspectionWish
from gateway.ingest import acceptance, probed
from gateway.ingest.pace import Pace
from gateway.ingest.probed import Outcome
from gateway.ingest.sessions import Budgets, Priority
from gateway.model.access import Actor
from gateway.model.errors import ConfigError, PeerError
from gateway.model.registry import Role
from gateway.runtime.clock import SystemClock
from tests.unit.assembly.parts import HALF, FakePool, entries, opened_box, town
from tests.virtual_camera import USERS, virtual_camera

ROOT = Actor("uid:0", "root", Role.SYSADMIN, "", "pid:1", "peercred")
INSTALLER = Actor("bruno", "Bruno", Role.INSTALLER, "comune", "s1", "certificate")
AWAY = "rtsp://127.0.0.1:1/live"
MASK = f"""
[[mask]]
id = "finestra"
camera = "uno"
polygon = {HALF}
reason = "casa"
"""


class Desk:
    """A desk on real stores and, where asked, a real camera."""

    def __init__(self, opened, budgets=None, pace=None):
        self.opened = opened
        self.budgets = budgets or Budgets()
        self.desk = InspectionDesk(inspection_parts(opened, self.budgets, pace))

    async def probe(self, by=ROOT, camera="uno"):
        lines = await self.desk.probe(InspectionWish(camera, 1.0), by=by)
        return await told(lines)

    async def accept(self, by=INSTALLER, camera="uno", reason=""):
        lines = await self.desk.accept(InspectionWish(camera, 1.0, reason), by=by)
        return await told(lines)


async def told(lines):
    """Return the messages of an answer."""
    async with aclosing(lines):
        return [json.loads(line) async for line in lines]


async def test_a_probe_measures_the_registrys_camera_and_is_in_the_ledger(tmp_path):
    """The daemon signs in with the credential that it alone can read; the answer has none."""
    async with virtual_camera(credentials=USERS) as port:
        seed = town(tmp_path, {"uno": f"rtsp://127.0.0.1:{port}/live"})
        async with opened_box(tmp_path, seed) as opened:
            *news, last = await Desk(opened).probe()
            (entry,) = await entries(opened.ledger, "camera.inspect")
    result = probed.load(json.dumps(last["result"]))
    assert (result.outcome, result.camera) == (Outcome.MEASURED, "uno")
    assert result.session.size_px == (320, 180)
    assert any("progress" in one for one in news)
    assert (entry.actor_id, entry.object_id, entry.purpose_code) == (
        "uid:0",
        "uno",
        "installazione",
    )
    assert "s3cret" not in json.dumps(last)


@pytest.mark.parametrize(
    ("by", "event"),
    [
        (replace(INSTALLER, organisation="altrui"), "live.deny"),
        (ROOT, "live.deny"),
        (replace(INSTALLER, role=Role.PL_OPERATOR), "live.deny"),
    ],
)
async def test_a_sheet_needs_the_installer_of_the_house(tmp_path, by, event):
    """It shows a picture: root on the socket does not get one, and the refusal is written."""
    async with opened_box(tmp_path, town(tmp_path)) as opened:
        with pytest.raises(RefusedError):
            await Desk(opened).accept(by)
        assert [one.object_id for one in await entries(opened.ledger, event)] == ["uno"]
        assert await entries(opened.ledger, "live.snapshot") == []


async def test_an_unknown_camera_is_refused_and_written(tmp_path):
    """Also that somebody asked for what does not exist."""
    async with opened_box(tmp_path, town(tmp_path)) as opened:
        with pytest.raises(RefusedError):
            await Desk(opened).probe(camera="nessuna")
        assert len(await entries(opened.ledger, "camera.deny")) == 1


async def test_a_camera_that_is_away_still_has_a_sheet(tmp_path):
    """It fails, with the reason; no picture is on it."""
    pool = FakePool()
    async with opened_box(tmp_path, town(tmp_path, {"uno": AWAY}), pool=pool) as opened:
        *_, last = await Desk(opened).accept()
    sheet = acceptance.load(json.dumps(last["result"]["sheet"]))
    assert not sheet.passed
    assert sheet.probe.outcome is Outcome.UNREACHABLE
    assert "Nessuna immagine" in last["result"]["page"]
    assert pool.asked == []


async def test_the_picture_on_a_sheet_has_the_masks_burned_in(tmp_path):
    """Real camera, real decoder: the masked half is dark, the other is not."""
    async with virtual_camera(credentials=USERS) as port, open_pool(1, clock=SystemClock()) as pool:
        url = f"rtsp://127.0.0.1:{port}/live"
        more = 'target_width_m = 2.0\ndensity_class = "recognise"'
        seed = town(tmp_path, {"uno": url}, MASK, uno=more)
        async with opened_box(tmp_path, seed, pool=pool) as opened:
            *_, last = await Desk(opened).accept(reason="VLAN dedicata")
            (entry,) = await entries(opened.ledger, "live.snapshot")
    assert (entry.actor_id, entry.purpose_code) == ("bruno", "installazione")
    page, sheet = last["result"]["page"], acceptance.load(json.dumps(last["result"]["sheet"]))
    coded = base64.b64decode(re.search(r"base64,([^\"]+)", page)[1])
    picture = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture.shape == (180, 320)
    assert picture[:, :150].max() < 40
    assert picture[:, 170:].max() > 80
    assert (sheet.installer, sheet.controller, sheet.density_px_m) == ("Bruno", "Comune", 160.0)
    assert {one.code for one in sheet.rows if one.mark is acceptance.Mark.FAIL} <= {"resolution"}
    assert "VLAN dedicata" in page


async def test_a_picture_that_cannot_be_masked_is_not_shown(tmp_path):
    """The sheet fails and says why."""
    async with virtual_camera(credentials=USERS) as port:
        seed = town(tmp_path, {"uno": f"rtsp://127.0.0.1:{port}/live"}, MASK)
        async with opened_box(tmp_path, seed, pool=FakePool("mask refused")) as opened:
            *_, last = await Desk(opened).accept()
    assert "base64" not in last["result"]["page"]
    sheet = acceptance.load(json.dumps(last["result"]["sheet"]))
    (row,) = [one for one in sheet.rows if one.code == "picture"]
    assert (row.mark, "mask refused" in row.reason_it) == (acceptance.Mark.FAIL, True)


async def test_a_grant_that_ends_meanwhile_shows_nothing(tmp_path):
    """The site's owner changes while the camera is measured: the answer is the refusal."""
    async with virtual_camera(credentials=USERS) as port:
        seed = town(tmp_path, {"uno": f"rtsp://127.0.0.1:{port}/live"})
        async with opened_box(tmp_path, seed) as opened:
            desk = Desk(opened)
            lines = await desk.desk.accept(InspectionWish("uno", 1.0), by=INSTALLER)
            for grant in list(opened.gate._valid):
                opened.gate.revoke(grant)
            *_, last = await told(lines)
    assert "result" not in last
    assert last["problem"]["it"]


async def test_leaving_early_ends_the_work(tmp_path):
    """Whoever hangs up leaves no session at the camera and no place taken."""
    async with virtual_camera(credentials=USERS) as port:
        seed = town(tmp_path, {"uno": f"rtsp://127.0.0.1:{port}/live"})
        async with opened_box(tmp_path, seed) as opened:
            desk = Desk(opened)
            lines = await desk.desk.probe(InspectionWish("uno", 60.0), by=ROOT)
            async with aclosing(lines):
                await anext(lines)
            assert desk.desk._running == 0


async def test_no_more_than_a_few_at_once(tmp_path):
    """A box that records goes before a box that is being tried out."""
    async with opened_box(tmp_path, town(tmp_path)) as opened:
        desk = Desk(opened)
        desk.desk._running = MOST_AT_ONCE
        with pytest.raises(PeerError, match="inspections run already"):
            await desk.probe()


async def test_what_a_person_has_to_correct_first_is_told(tmp_path):
    """A credential that cannot be read names file and key."""
    seed = town(tmp_path)
    (tmp_path / "camera.secret").unlink()
    async with opened_box(tmp_path, seed) as opened:
        with pytest.raises(ConfigError, match=r"camera\.secret"):
            await Desk(opened).probe()


async def test_a_full_recorder_gives_way_and_gets_its_session_back(tmp_path):
    """One session only: what matters less ends first; afterwards it may open again."""
    async with virtual_camera(credentials=USERS) as port:
        device = '[[device]]\nid = "nvr"\nname = "NVR"\nsite = "centro"\nmost_sessions = 1\n'
        seed = town(
            tmp_path, {"uno": f"rtsp://127.0.0.1:{port}/live"}, device, uno='device = "nvr"'
        )
        async with opened_box(tmp_path, seed) as opened:
            desk = Desk(opened, Budgets())
            _, planned = desk.desk._order(InspectionWish("uno", 1.0))
            budget = desk.budgets.of(planned.limit)
            lines = await desk.desk.probe(InspectionWish("uno", 1.0), by=ROOT)
            async with aclosing(lines):
                async with budget.claim("wall", Priority.WALL) as wall:
                    await anext(lines)
                    await wall.revoked.wait()
                *_, last = [json.loads(line) async for line in lines]
            assert budget.held == 0
    result = probed.load(json.dumps(last["result"]))
    assert result.outcome is Outcome.MEASURED
    assert len(result.trials) == 1


async def test_an_account_that_was_just_refused_is_not_tried_and_the_answer_says_until_when(
    tmp_path,
):
    """A wrong password is tried once; the second probe opens nothing."""
    async with virtual_camera(credentials={"admin": "other"}) as port:
        seed = town(tmp_path, {"uno": f"rtsp://127.0.0.1:{port}/live"})
        async with opened_box(tmp_path, seed) as opened:
            pace = Pace(opened.clock)
            desk = Desk(opened, pace=pace)
            *_, first = await desk.probe()
            assert probed.load(json.dumps(first["result"])).outcome is Outcome.REFUSED
            order, _ = desk.desk._order(InspectionWish("uno", 1.0))
            assert pace.wait_s(order.source) > 20
            *_, second = await desk.probe()
    assert re.search(r"riprovare alle \d\d:\d\d:\d\d UTC", second["problem"]["it"])
    assert "try again at" in second["problem"]["en"]
