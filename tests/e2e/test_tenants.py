# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The owner's page, off-switch and alerts on a box as its user starts it."""

import asyncio
import contextlib
import json

import httpx
import pytest

from gateway.model.errors import PeerError
from gateway.model.registry import Pause
from gateway.simulator.whep_viewer import WhepViewer
from tests.e2e.daemon import Daemon, free_port, promised, until
from tests.e2e.tenants_town import PASSWORD, everybody, founded, town

pytestmark = pytest.mark.peer
DARK_S = 2.0
WHY = "purpose=servizio&case=OS-1"


@contextlib.contextmanager
def two_houses(camera, folder, *entered):
    """Run a box with two houses, one camera each."""
    ports = [free_port() for _ in range(2)]
    for port in ports:
        camera(port)
    secret = folder / "camera.secret"
    secret.write_text("admin:s3cret-camera")
    secret.chmod(0o600)
    seed = town([f"rtsp://127.0.0.1:{port}/footage" for port in ports])
    seed = seed.replace('area = "privata"', f'area = "privata"\ncredential = "file:{secret}"')
    made = Daemon(folder, seed)
    asyncio.run(founded(made.state, seed, everybody("a") + everybody("b"), *entered))
    with made as one:
        yield one


@pytest.fixture
def box(camera, tmp_path):
    """A box whose cameras are live."""
    with two_houses(camera, tmp_path) as one:
        yield one


@contextlib.contextmanager
def as_user(box, user):
    """Return a client that is signed in."""
    with httpx.Client(base_url=box.url, timeout=20) as client:
        body = {"user": user, "password": PASSWORD, "bearer": True}
        reply = client.post("/api/session", json=body)
        assert reply.status_code == 201, reply.text
        client.headers["Authorization"] = f"Bearer {reply.json()['token']}"
        yield client


def live(box, client, camera):
    until(lambda: box.cameras(client)[camera]["state"] == "live", 30, f"{camera} live")


async def looks_until(box, client, do):
    """Watch the first camera, call `do`; return the seconds until the last picture."""
    headers = {"Authorization": client.headers["Authorization"]}
    async with httpx.AsyncClient(base_url=box.url, headers=headers, timeout=20) as viewing:
        viewer = WhepViewer(viewing, f"/whep/a-cam?{WHY}")
        await viewer.__aenter__()
        try:
            await viewer.picture(15)
            await asyncio.to_thread(do)
            began_s = last_s = asyncio.get_running_loop().time()
            with pytest.raises(PeerError):
                while True:
                    await viewer.picture(2)
                    last_s = asyncio.get_running_loop().time()
            return last_s - began_s
        finally:
            await viewer._peer.close()


def alarms(client):
    return client.get("/api/alarms").json()


def asked(client, camera="a-cam", why=WHY):
    """What the gate answers to a wish to look; the offer itself is none."""
    headers = {"Content-Type": "application/sdp"}
    return client.post(f"/whep/{camera}?{why}", content="none", headers=headers)


def test_the_owners_switch_darkens_others_and_not_the_owner(box):
    """Within two seconds; the owner looks on, reads who looked, and takes it back."""
    with as_user(box, "a-pl-operator") as room, as_user(box, "a-owner-private") as owner:
        live(box, room, "a-cam")
        made = []
        seconds = asyncio.run(
            looks_until(
                box,
                room,
                lambda: made.append(
                    owner.post("/api/mine/pause", json={"cameras": ["a-cam"], "reason": "prova"})
                ),
            )
        )
        assert made[0].status_code == 201, made[0].text
        assert seconds < promised(DARK_S)
        refused = asked(room)
        assert (refused.status_code, refused.json()["code"]) == (403, "paused-by-owner")
        assert asked(owner, why="purpose=titolare").status_code == 400  # granted; no offer
        page = owner.get("/api/mine").json()
        assert page["cameras"][0]["paused"] is True
        look = page["looks"][-1]
        assert (look["camera"], look["organisation"], look["purpose"]) == (
            "a-cam",
            "a-sala",
            "servizio",
        )
        assert look["until"]
        assert owner.delete(f"/api/mine/pause/{made[0].json()['id']}").status_code == 204
        assert asked(room).status_code == 400


def test_a_paused_camera_alarms_nobody_else(camera, tmp_path):
    """The room gets nothing while the other house's room does; taken back, it gets alarms again."""
    pause = Pause("pausa-1", "a-casa", (), "a-owner-private", 1)
    with two_houses(camera, tmp_path, pause) as box, contextlib.ExitStack() as people:
        users = ("a-owner-private", "a-pl-operator", "b-pl-operator")
        owner, room, other = (people.enter_context(as_user(box, one)) for one in users)
        live(box, room, "a-cam")
        until(lambda: alarms(other), 60, "an alarm in the other house")
        assert {one["camera"] for one in alarms(other)} == {"b-cam"}
        assert alarms(room) == []
        assert owner.delete("/api/mine/pause/pausa-1").status_code == 204
        until(lambda: alarms(room), 60, "an alarm once it was taken back")
        assert {one["camera"] for one in alarms(room)} == {"a-cam"}


def test_the_other_house_notices_nothing(box):
    """A pause of one house is none of the other's: neither its pictures nor its page change."""
    with as_user(box, "a-owner-private") as ours, as_user(box, "b-owner-private") as theirs:
        before = theirs.get("/api/mine").json()
        assert ours.post("/api/mine/pause", json={}).status_code == 201
        assert theirs.get("/api/mine").json() == before
        denied = ours.post("/api/mine/pause", json={"cameras": ["b-cam"]})
        nothing = ours.post("/api/mine/pause", json={"cameras": ["z-cam"]})
        assert (denied.status_code, denied.text) == (nothing.status_code, nothing.text)
        with as_user(box, "b-pl-operator") as room:
            assert asked(room, "b-cam").status_code == 400


def test_breaking_the_glass_tells_the_owner_at_once(box):
    """By the event stream and on the page, with the reason; once read it stays read."""
    with as_user(box, "a-owner-private") as owner, as_user(box, "a-ps-supervisor") as police:
        with owner.stream("GET", "/api/alarms/events") as stream:
            lines = stream.iter_lines()
            assert any(line == "event: ready" for line in lines)
            why = "purpose=intervento&case=INT-9&break_glass=true&reason=persona+dispersa"
            answer = asked(police, why=why)
            assert answer.status_code == 400, answer.text  # granted; no offer
            told = []
            for line in lines:
                if line.startswith("data: {") and '"kind"' in line:
                    told.append(json.loads(line.removeprefix("data: ")))
                if told and told[-1]["kind"] == "break-glass":
                    break
        (alert,) = owner.get("/api/mine").json()["alerts"]
        assert (alert["camera"], alert["reason"]) == ("a-cam", "persona dispersa")
        assert alert["acknowledged"] == ""
        assert owner.post(f"/api/mine/alerts/{alert['id']}").status_code == 204
        assert owner.get("/api/mine").json()["alerts"][0]["acknowledged"]
    with as_user(box, "b-owner-private") as stranger:
        assert stranger.get("/api/mine").json()["alerts"] == []
        assert stranger.post(f"/api/mine/alerts/{alert['id']}").status_code == 404


def test_pause_alerts_and_looks_survive_a_restart(box):
    """What the owner decided and read stands; what was seen is read back from the ledger."""
    with as_user(box, "a-owner-private") as owner, as_user(box, "a-pl-operator") as room:
        asked(room)
        owner.post("/api/mine/pause", json={"reason": "ferie"})
        before = owner.get("/api/mine").json()
        assert before["looks"]
    box.kill()
    box.start()
    with as_user(box, "a-owner-private") as owner, as_user(box, "a-pl-operator") as room:
        until(lambda: owner.get("/api/mine").json()["looks"], 10, "looks read back")
        after = owner.get("/api/mine").json()
        assert after["pauses"] == before["pauses"]
        assert [one["utc"] for one in after["looks"]] == [one["utc"] for one in before["looks"]]
        assert asked(room).json()["code"] == "paused-by-owner"
