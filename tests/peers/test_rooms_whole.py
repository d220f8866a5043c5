# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Two edges behind NAT and a room, all real processes: what the interconnection promises."""

import base64
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from benchmarks.lab.boxes import CONSOLE, PASSWORD, until
from benchmarks.lab.interconnection import INVITER
from gateway.audit import varco_verify
from tests.chromium import PEER_FLAGS
from tests.e2e.daemon import promised
from tests.e2e.test_main_job import READ_VIDEO
from tests.peers.rooms_attacks import authority, certificate, greet
from tests.peers.rooms_camera import MOST_DIFFERENCE, difference
from tests.peers.rooms_town import (
    DARK_S,
    LIVE_S,
    LOCAL,
    PL,
    SLACK_S,
    STATE,
    WHY,
    alarms,
    dark_after,
    entries,
    look,
    town,
    until_entry,
)

pytestmark = [pytest.mark.peer, pytest.mark.timeout(180)]
CARD = ".card[aria-labelledby='camera-{}']"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Everything, enrolled and live."""
    with town(tmp_path_factory.mktemp("rooms")) as made:
        yield made


@pytest.fixture(scope="module")
def screen(whole, program):
    """Chromium in the room's network, on a page of the operator of the Polizia Locale."""
    with whole.room.place.inside(), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=PEER_FLAGS)
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.goto(f"http://127.0.0.1:{CONSOLE}")
        page.get_by_label("Utente").fill(LOCAL)
        page.get_by_role("textbox", name="Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector("nav [aria-current=page]")
        yield page
        browser.close()


def shown(page, light):
    """Return number and difference of what the first <video> shows; None while it shows nothing."""
    read = page.evaluate(READ_VIDEO, 0)
    if read is None:
        return None
    grey = np.frombuffer(base64.b64decode(read["grey"]), np.uint8)
    return difference(grey.reshape(read["height"], read["width"]), light)


def assert_live(page, light, bound_s=LIVE_S):
    """Assert that pictures of the camera are shown and go on: two that are right, and differ."""
    seen = set()

    def goes_on():
        found = shown(page, light)
        if found is not None and found[1] < MOST_DIFFERENCE:
            seen.add(found[0])
        return len(seen) >= 3

    until(goes_on, bound_s, "the page shows live pictures")


def open_camera(page, camera):
    """Look at a camera from the page of cameras; nothing if it is being looked at."""
    if page.locator("video").count():
        return
    page.click("nav a[href='#/telecamere']")
    card = page.locator(CARD.format(camera))
    card.get_by_role("button", name=re.compile("Guarda")).click()
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    page.keyboard.type("OdS 7/2026")
    page.keyboard.press("Enter")


def test_chromium_in_the_room_shows_a_camera_behind_nat(whole, screen):
    """The pixels are that camera's, live, over a line that the house opened."""
    edge = whole.edges["negozio"]
    open_camera(screen, "negozio.banco")
    assert_live(screen, edge.light("banco"))
    opened = until_entry(edge.box, "live.open", lambda one: one["object_id"] == "banco")
    assert opened["channel"] == "line"
    assert opened["actor"] == f"sala:{LOCAL}"
    assert PL in opened["recipient_organisation"]


def test_decoded_pictures_are_the_cameras_own(whole):
    """Another stack, aiortc: every picture of both renditions is one that the camera made."""
    light = whole.edges["negozio"].light("vetrina")
    for small in (False, True):
        assert len(set(look(whole.room, LOCAL, "negozio.vetrina", light, small=small))) >= 25
    cashier = whole.edges["farmacia"].light("cassa")
    assert len(set(look(whole.room, STATE, "farmacia.cassa", cashier, count=10))) == 10


def test_two_organisations_never_see_each_others_edges(whole):
    """Cameras, lines, alarms, pictures and events: of the other's house there is no trace."""
    for user, own, other in ((LOCAL, "negozio", "farmacia"), (STATE, "farmacia", "negozio")):
        with whole.room.client(user) as client:
            paths = ("cameras", "lines", "alarms", "registry/near?lat=44.03&lon=10.13", "acts")
            for path in paths:
                text = client.get(f"/api/{path}").text
                assert other not in text, f"{user} reads of {other} in /api/{path}"
            assert own in client.get("/api/cameras").text
            assert own in client.get("/api/lines").text
            body = {"content": "v=0", "headers": {"Content-Type": "application/sdp"}}
            known = client.post(f"/whep/{other}.cassa?{WHY}", **body)
            unknown = client.post(f"/whep/nessuno.cassa?{WHY}", **body)
            assert known.status_code == unknown.status_code == 404
            text = known.text.replace(other, "nessuno")
            assert json.loads(text).get("code") == unknown.json().get("code")


def line_alarms(whole):
    """Return the open alarms about the line of `negozio` that its organisation is shown."""
    found = alarms(whole.room, LOCAL)
    return [one for one in found if one["rule"] == "linea-interrotta" and not one["ended"]]


def intrusions(whole):
    """Return the cameras of the intrusions that the room lists, one for each time it is listed."""
    found = alarms(whole.room, LOCAL)
    return [(one["id"], one["camera"]) for one in found if one["rule"] == "intrusione"]


def test_after_a_cut_everything_arrives_once_and_the_picture_returns(whole, screen):
    """Alarms pile up in the house, whose power fails as well; nothing is lost, nothing twice."""
    edge = whole.edges["negozio"]
    open_camera(screen, "negozio.banco")
    assert_live(screen, edge.light("banco"))
    before = {id_ for id_, _ in intrusions(whole)}
    edge.house.carrier.cut()
    cut_s = time.monotonic()
    edge.visit("banco", "vetrina")
    until(lambda: len(raised(edge)) >= 2, LIVE_S, "both alarms in the house")
    until(lambda: line_alarms(whole), LIVE_S, "the room raises the alarm of the line")
    noticed_s = time.monotonic() - cut_s
    assert not {id_ for id_, _ in intrusions(whole)} - before
    edge.box.kill()
    edge.box.start()
    edge.house.carrier.mend()
    until(lambda: len({i for i, _ in intrusions(whole)} - before) >= 2, LIVE_S, "both arrive")
    assert_live(screen, edge.light("banco"))
    until(lambda: not line_alarms(whole), LIVE_S, "the alarm of the line ends")
    found = [one for one in intrusions(whole) if one[0] not in before]
    assert sorted(camera for _, camera in found) == ["negozio.banco", "negozio.vetrina"]
    assert len({id_ for id_, _ in found}) == len(found)
    assert {id_ for id_, _ in found} <= {one["id"] for one in raised(edge)}
    screen.click("nav a[href='#/allarmi']")
    for id_, _ in found:
        until(lambda one=id_: rows(screen, one), LIVE_S, "the alarm is on the list")
        assert rows(screen, id_) == 1
    print(f"dead line noticed after {noticed_s:.1f} s")


def rows(page, alarm):
    """Return how often an alarm stands on the list of the page."""
    return page.locator(f".alarm-row:has(a[href*='{alarm}'])").count()


def raised(edge):
    """Return the intrusions that the house itself knows."""
    found = entries(edge.box, "alarm.raise")
    return [{"id": one["case"] or one["object_id"]} for one in found]


def test_another_address_of_the_house_changes_nothing(whole):
    """The router gets a new address; the line is dialled again and the same cameras are live."""
    edge = whole.edges["farmacia"]
    address = edge.house.change_address(9)

    def moved():
        with whole.room.client(INVITER) as client:
            lines = client.get("/api/lines").json()["lines"]
        return any(one["state"] == "attiva" and address in one["address"] for one in lines)

    until(moved, LIVE_S, "the line stands from the new address")
    assert len(set(look(whole.room, STATE, "farmacia.cassa", edge.light("cassa"), 10))) == 10


def test_the_owners_pause_darkens_the_room(whole):
    """Revoked in the house: dark within two seconds; and both ledgers say so."""
    edge = whole.edges["negozio"]

    def pause():
        with edge.box.client("titolare") as owner:
            body = {"cameras": ["vetrina"], "reason": "prova"}
            reply = owner.post("/api/mine/pause", json=body)
            assert reply.status_code == 201, reply.text

    light = edge.light("vetrina")
    seconds = dark_after(whole.room, LOCAL, "negozio.vetrina", light, pause)
    assert seconds < promised(DARK_S) + SLACK_S
    until_entry(edge.box, "live.close", lambda one: one["object_id"] == "vetrina")
    until_entry(whole.room, "live.close", lambda one: one["object_id"] == "negozio.vetrina")
    print(f"dark {seconds:.2f} s after the owner's pause")


def refusals(box, event="line.refuse"):
    """Return what the ledger says of those who were sent away."""
    return {(one["error"], one["object_id"]) for one in entries(box, event)}


def test_a_certificate_that_is_none_or_has_expired_is_refused(whole, tmp_path):
    """Signed by itself, or by the room's own authority and expired: no hello is answered."""
    shop, pharmacy = whole.edges["negozio"].house, whole.edges["farmacia"].house
    before = len(entries(whole.room, "line.refuse"))
    forged = certificate(tmp_path, "negozio")
    assert greet(shop.edge, forged, "negozio") is None
    ca = authority(whole.room.state)
    expired = certificate(tmp_path, "negozio", ca=ca, from_days=-3, until_days=-1)
    assert greet(pharmacy.edge, expired, "negozio") is None
    until(lambda: len(entries(whole.room, "line.refuse")) >= before + 2, LIVE_S, "both entries")
    assert ("certificate", "") in refusals(whole.room)


def test_a_room_that_is_forged_or_has_expired_is_refused(whole):
    """The house tells it nothing, and writes down that somebody posed as its room."""
    box = whole.edges["negozio"].box
    wanted = {("certificate", "falsa"), ("certificate", "scaduta")}
    until(lambda: wanted <= refusals(box), LIVE_S, "both entries in the house")
    with box.client("revisore") as client:
        health = client.get("/healthz").text
    assert "falsa" in health
    assert "scaduta" in health


def test_a_good_certificate_that_the_room_never_gave_is_refused(whole, tmp_path):
    """The authority's key alone lets nobody in: the registry has to know the certificate."""
    pem = certificate(tmp_path, "negozio", ca=authority(whole.room.state))
    answer = greet(whole.edges["negozio"].house.edge, pem, "negozio")
    assert answer is None or answer.error[0] == "unknown"
    until(lambda: ("unknown", "") in refusals(whole.room), LIVE_S, "the entry")


def test_an_edge_that_lies_about_its_identity_is_refused(whole):
    """The pharmacy's own certificate, and the shop's name in the hello."""
    edge = whole.edges["farmacia"]
    pem = edge.box.state / "lines" / "sala" / "line.pem"
    answer = greet(edge.house.edge, pem, "negozio")
    assert answer.error[0] == "edge-id"
    until(lambda: ("edge-id", "farmacia") in refusals(whole.room), LIVE_S, "the entry")


def test_a_room_that_was_taken_over_gets_what_was_agreed_and_no_more(whole):
    """Replayed, forged, stale and foreign assertions: each refused, and written down."""
    order = whole.rogue_does
    assert "ok" in order({"assert": {"serial": 5}})
    assert order({"again": True})["code"] == "replayed"
    assert order({"assert": {"serial": 4}})["code"] == "replayed"
    assert order({"assert": {"serial": 6, "camera": "vetrina"}})["code"] == "changed"
    assert order({"assert": {"grant": "a"}, "forged": True})["code"] == "forged"
    assert order({"assert": {"grant": "b", "edge": "farmacia"}})["code"] == "wrong-audience"
    assert order({"assert": {"grant": "c", "room": "altrove"}})["code"] == "wrong-room"
    assert order({"assert": {"grant": "d", "camera": "retro"}})["code"] == "not-offered"
    late = {"assert": {"grant": "e", "issued_in_us": -3_600_000_000}}
    assert order(late)["code"] == "expired"
    early = {"assert": {"grant": "f", "issued_in_us": 3_600_000_000}}
    assert order(early)["code"] == "not-yet"
    denied = {one["error"] for one in entries(whole.edges["negozio"].box, "live.deny")}
    wanted = {"replayed", "changed", "forged", "wrong-audience", "wrong-room", "not-offered"}
    assert wanted | {"expired", "not-yet"} <= denied


def test_a_greedy_room_gets_no_picture_that_nobody_vouched_for(whole):
    """It asks for streams without assertions, for what it is not offered, and for too many."""
    order = whole.rogue_does
    for path in ("vetrina/main", "retro/main", "../banco/main", "banco/raw"):
        answer = order({"describe": path})
        assert "200" not in answer.get("ok", ""), f"{path}: {answer}"
    codes = [order({"assert": {"grant": f"molti-{n}"}}).get("code") for n in range(70)]
    assert codes[0] is None
    assert codes[-1] == "too-many"
    until_entry(whole.edges["negozio"].box, "live.deny", lambda one: one["error"] == "too-many")
    for number in range(70):
        order({"release": f"molti-{number}"})


def exported(box, folder):
    """Export a ledger as its auditor does; return the package and what the verifier says of it."""
    path = folder / f"{box.folder.name}.zip"
    words = ("--user", "revisore", "--aim", "verifica-liceita", "--stdin", "--out", str(path))
    box.varco("audit", "export", *words, text=f"{PASSWORD}\n")
    verifier = Path(varco_verify.__file__)
    done = subprocess.run(
        [sys.executable, str(verifier), str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return path


def test_ledgers_of_both_ends_verify_and_match(whole, tmp_path):
    """The stand-alone verifier finds both intact; every look over the line stands in both."""
    edge = whole.edges["farmacia"]
    look(whole.room, STATE, "farmacia.cassa", edge.light("cassa"), 10)
    opened = len([one for one in entries(edge.box, "live.open") if one["channel"] == "line"])
    until(lambda: len(entries(edge.box, "live.close")) >= opened, LIVE_S, "every look is closed")
    paths = [str(exported(box, tmp_path)) for box in (whole.room, edge.box)]
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "audit", "match", *paths, "--edge-id", "farmacia"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_edge_that_the_room_revokes_is_dark_and_stays_out(whole):
    """`varco link revoke`: dark within two seconds; the line does not come back; both write it."""
    edge = whole.edges["farmacia"]

    def revoke():
        words = ("link", "revoke", "farmacia", "--user", INVITER, "--stdin")
        whole.room.varco(*words, text=f"{PASSWORD}\n")

    seconds = dark_after(whole.room, STATE, "farmacia.cassa", edge.light("cassa"), revoke)
    assert seconds < promised(DARK_S) + SLACK_S
    until_entry(whole.room, "edge.revoke", lambda one: one["object_id"] == "farmacia")
    until_entry(edge.box, "line.refuse", lambda one: one["object_id"] == "sala")
    with whole.room.client(STATE) as client:
        assert "farmacia.cassa" not in client.get("/api/cameras").text
    print(f"dark {seconds:.2f} s after the room revoked the edge")
