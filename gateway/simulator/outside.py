# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The town's scenes as a stranger sees them: over HTTP, WebRTC, MQTT's text and the ledger file.

Nothing here touches the gateway's objects. `python -m gateway.simulator.outside FILE` reads where
the town is from a JSON file, plays every scene, and ends with status 0 only if each held.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import httpx

from gateway.codec.mp4 import read_mp4
from gateway.model.errors import PeerError
from gateway.model.room import SEPARATOR, at_room
from gateway.simulator import forgery
from gateway.simulator.paint import read_frame_index
from gateway.simulator.whep_viewer import Seen, WhepViewer

T = TypeVar("T")

ALARM_S = 20.0
DARK_S = 2.0
"""Bound of the promise: revoked, hence dark within two seconds."""
ENDS_S = 20.0
"""Sharing stops within seconds of an act's end; a minute is what the requirement asks."""
STAYS_S = 3.0
"""Pictures come for so long after the end: the look goes on."""
SERVICE = "purpose=servizio&case=OS-1"
PICTURE_S = 15.0
CUT_S = 15.0
"""The line is away for so long."""
STILL_S = 3.0
BACK_S = CUT_S + 10.0
PORTO = at_room("farmacia-porto", "porto")
"""The camera behind NAT."""
HOLD_UP = 5
"""The highest severity."""
EXERCISE_CODE = "/RX000"
PASSED_ON_S = 5.0
"""So long the room has to answer before the institute hears of an intrusion."""
BEFORE_PICTURES = 250
"""Of the 30 s before a hold-up: the recorder may have been away for a moment."""
SUBSCRIBED = 'device_subscription_healthy{device="registratore-farmacia"} 1.0'
CARS_S, SEARCH_S = 120.0, 120.0
"""So long twenty cars and the search may take, on a machine that does other things, too."""
SUB_SHAPE = (270, 480)


@dataclass(slots=True)
class Figures:
    """What the last line tells."""

    first_alarm_s: float = 0.0
    first_picture_s: float = 0.0
    cameras: int = 0
    scenes: int = 0


@dataclass(slots=True)
class Stage:
    """Where everything is, and who may enter."""

    base_url: str
    ledger: Path
    ledger_key: str
    institute_log: Path
    """What the institute's subscriber got over MQTT, one JSON object a line."""
    station_log: Path
    """What the central station got over SIA DC-09, likewise."""
    passwords: dict[str, str]
    tokens: dict[str, str] = field(default_factory=dict)
    figures: Figures = field(default_factory=Figures)
    alarm: str = ""
    questura: "Stage | None" = None
    """The second room."""

    def client(self, who: str = "") -> httpx.AsyncClient:
        """Return a client that is signed in as one of the accounts, or as nobody."""
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        return httpx.AsyncClient(base_url=self.base_url, headers=headers, timeout=20.0)


class SceneError(Exception):
    """A scene did not hold; the text says what was seen instead."""


def hold(condition: object, otherwise: str) -> None:
    """Raise SceneError unless `condition` holds."""
    if not condition:
        raise SceneError(otherwise)


async def refused(stage: Stage, who: str, url: str, status: int, code: str = "") -> None:
    """Assert that a WHEP offer is refused with a status and a stable code."""
    async with stage.client(who) as client:
        try:
            async with WhepViewer(client, url):
                pass
        except PeerError as error:
            wanted = f"WHEP {status}: "
            hold(str(error).startswith(wanted) and code in str(error), f"{url}: {error}")
            return
    raise SceneError(f"{url}: pictures were given, {status} {code} expected")


async def anonymous(stage: Stage) -> None:
    """Nobody looks without signing in."""
    await refused(stage, "", "/whep/piazza?purpose=servizio&case=OS-1", 401)


async def without_purpose(stage: Stage) -> None:
    """Nobody looks without saying why."""
    await refused(stage, "operatore", "/whep/piazza", 403, "purpose-missing")


async def square(stage: Stage) -> None:
    """An operator on a service order sees the square: decoded pixels carry its frame counter."""
    async with stage.client("operatore") as client:
        states = await _until(lambda: _all_live(client), PICTURE_S, "not all cameras are live")
        stage.figures.cameras = len(states)
        async with WhepViewer(client, "/whep/piazza?purpose=servizio&case=OS-1") as viewer:
            first = await viewer.picture(PICTURE_S)
            stage.figures.first_picture_s = first.at_s
            numbers = [_number(first)]
            while len(numbers) < 10:
                numbers.append(_number(await viewer.picture(PICTURE_S)))
    steps = [b - a for a, b in pairwise(numbers)]
    hold(steps.count(1) >= 7, f"frame counters do not run: {numbers}")


async def _all_live(client: httpx.AsyncClient) -> dict[str, str] | None:
    """Return the states of the town's own cameras once all live; edges' live while looked at."""
    cameras = (await client.get("/api/cameras")).json()
    states = {one["id"]: one["state"] for one in cameras if SEPARATOR not in one["id"]}
    return states if set(states.values()) == {"live"} else None


def _number(seen: Seen) -> int:
    number = read_frame_index(seen.luma)
    hold(number is not None, f"no frame counter in a picture of {seen.luma.shape}")
    return number or 0


async def pharmacy_before(stage: Stage) -> None:
    """Without an alarm the pharmacy is refused to the room, with the reason."""
    url = "/whep/farmacia?purpose=servizio&case=OS-1"
    await refused(stage, "operatore", url, 403, "only-on-alarm")


async def intrusion(stage: Stage) -> None:
    """Somebody enters: the alarm is on the operator's list."""
    alarm, stage.figures.first_alarm_s = await _raised_by(stage, "intrusione")
    hold(alarm["rule"] == "intrusione", f"another alarm: {alarm}")


async def central_station(stage: Stage) -> None:
    """The central station has the alarm as a SIA code; one that rings nobody: an exercise."""
    told = await _until(lambda: _at_station(stage), ALARM_S, "nothing at the central station")
    hold(told["data"].endswith(EXERCISE_CODE), f"another code: {told}")
    hold("farmacia" in told["I"], f"it does not say where: {told}")


async def _at_station(stage: Stage) -> dict[str, str] | None:
    return next(iter(_lines(stage.station_log)), None)


async def passed_on(stage: Stage) -> None:
    """Nobody answers: the alarm goes on to the institute, as text alone, and says so."""
    await _told(stage)
    async with stage.client("operatore") as client:
        told = (await client.get(f"/api/alarms/{stage.alarm}")).json()
    after_s = _seconds(told["alarm"]["stored"], _delivery(told, "istituto")["delivered"])
    hold(after_s >= PASSED_ON_S - 1.0, f"the institute had it after {after_s:.1f} s")


def _delivery(told: dict[str, Any], recipient: str) -> dict[str, Any]:
    found = [one for one in told["deliveries"] if one["recipient"] == recipient]
    hold(found, f"no delivery to {recipient}: {told}")
    return dict(found[0])


def _seconds(since: str, until: str) -> float:
    begin, end = (datetime.fromisoformat(one) for one in (since, until))
    return (end - begin).total_seconds()


async def _raised_by(stage: Stage, scene: str) -> tuple[dict[str, object], float]:
    """Start a scene; return the pharmacy's alarm and how many seconds it took."""
    loop = asyncio.get_running_loop()
    async with stage.client("operatore") as client:
        known = {one["id"] for one in (await client.get("/api/alarms")).json()}
        began_s = loop.time()
        reply = await client.post(f"/api/exercise/scenes/{scene}")
        hold(reply.is_success, f"the scene does not start: {reply.text}")
        alarm = await _until(lambda: _new_alarm(client, known), ALARM_S, "no alarm")
        took_s = loop.time() - began_s
    stage.alarm = str(alarm["id"])
    hold(alarm["camera"] == "farmacia" and alarm["exercise"], f"another alarm: {alarm}")
    return alarm, took_s


async def _told(stage: Stage) -> None:
    """Assert that the institute got the alarm, and no picture with it."""
    message = await _until(lambda: _at_institute(stage), ALARM_S, "nothing at the institute")
    hold("/onvif-ej/" in message["topic"], f"not an ONVIF topic: {message['topic']}")
    hold(len(message["payload"]) < 2000, "the institute's message is not text alone")
    hold("base64" not in message["payload"].lower(), "a picture reached the institute")


async def _new_alarm(client: httpx.AsyncClient, known: set[str]) -> dict[str, object] | None:
    alarms = (await client.get("/api/alarms")).json()
    return next((one for one in alarms if one["id"] not in known), None)


async def _at_institute(stage: Stage) -> dict[str, str] | None:
    lines = _lines(stage.institute_log)
    return next((one for one in lines if stage.alarm in one["payload"]), None)


def _lines(path: Path) -> list[dict[str, str]]:
    """Return the JSON objects of a file that is written line by line; none if it is not there."""
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


async def _until(look: Callable[[], Awaitable[T | None]], bound_s: float, otherwise: str) -> T:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while loop.time() - began_s < bound_s:
        found = await look()
        if found is not None:
            return found
        await asyncio.sleep(0.1)
    raise SceneError(f"{otherwise} within {bound_s:.0f} s")


async def pharmacy_during(stage: Stage) -> None:
    """The alarm opens the seconds before and the live picture; the institute gets neither."""
    await _opened(stage, 50)


async def _opened(stage: Stage, least: int) -> None:
    """Assert what an alarm opens, with so many pictures from before; then close it."""
    why = f"purpose=allarme&case={stage.alarm}"
    async with stage.client("operatore") as client:
        clip = await client.get(f"/api/alarms/{stage.alarm}/before.mp4?{why}")
        hold(clip.status_code == httpx.codes.OK, f"no seconds before: {clip.text[:200]}")
        pictures = await asyncio.to_thread(read_mp4, clip.content)
        hold(len(pictures) >= least, f"{len(pictures)} pictures in the clip")
        hold(read_frame_index(pictures[0]) is not None, "the clip is not of the town")
        still = await _until(lambda: _still(client, stage.alarm, why), 5.0, "no still")
        hold(still.startswith(b"\xff\xd8\xff"), "the still is no JPEG")
        async with WhepViewer(client, f"/whep/farmacia?{why}") as viewer:
            _number(await viewer.picture(PICTURE_S))
            await _closing_darkens(stage, client, viewer)
    await refused(stage, "istituto", f"/whep/farmacia?{why}", 403)


async def _still(client: httpx.AsyncClient, alarm: str, why: str) -> bytes | None:
    reply = await client.get(f"/api/alarms/{alarm}/still.jpg?{why}")
    return reply.content if reply.status_code == httpx.codes.OK else None


async def _closing_darkens(stage: Stage, client: httpx.AsyncClient, viewer: WhepViewer) -> None:
    """Close the alarm; no picture may come later than two seconds after."""
    loop = asyncio.get_running_loop()
    body = {"verdict": "esercitazione"}
    reply = await client.post(f"/api/alarms/{stage.alarm}/close", json=body)
    hold(reply.is_success, f"the alarm cannot be closed: {reply.text[:200]}")
    closed_s = last_s = loop.time()
    while loop.time() - closed_s < DARK_S + 2.0:
        try:
            await viewer.picture(1.0)
            last_s = loop.time()
        except PeerError:
            break
    hold(last_s - closed_s <= DARK_S, f"pictures came {last_s - closed_s:.1f} s after the end")


async def pharmacy_after(stage: Stage) -> None:
    """Once the alarm is closed the pharmacy is refused again, with the reason."""
    url = f"/whep/farmacia?purpose=allarme&case={stage.alarm}"
    await refused(stage, "operatore", url, 403, "alarm-closed")


async def hold_up(stage: Stage) -> None:
    """A button is pressed: nothing on site shows it; the room sees the shop and the 30 s before.

    The owner reads nothing and the institute is told nothing; once the alarm is closed the owner
    reads it. The small rendition is one of the town's.
    """
    async with stage.client("operatore") as client:
        await _until(lambda: _subscribed(client), PICTURE_S, "the recorder's events do not arrive")
        alarm, _ = await _raised_by(stage, "antirapina")
        hold(alarm["severity"] == HOLD_UP, f"severity {alarm['severity']}, not {HOLD_UP}")
        hold(alarm["zone"] == "antirapina-farmacia" and alarm["silent"], f"another alarm: {alarm}")
        hold(not await _owner_reads(stage), "the owner reads of a hold-up that lives")
        url = f"/whep/farmacia?purpose=allarme&case={stage.alarm}&stream=sub"
        async with WhepViewer(client, url) as viewer:
            small = await viewer.picture(PICTURE_S)
            _number(small)
            hold(small.luma.shape == SUB_SHAPE, f"a small picture of {small.luma.shape}")
    await _opened(stage, BEFORE_PICTURES)
    await pharmacy_after(stage)
    hold(await _at_institute(stage) is None, "the institute was told of a hold-up")
    hold(await _owner_reads(stage), "the owner cannot read of it once it is over")


async def _owner_reads(stage: Stage) -> bool:
    async with stage.client("titolare") as client:
        return any(one["id"] == stage.alarm for one in (await client.get("/api/alarms")).json())


async def thousand_eyes(stage: Stage) -> None:
    """A patrol reports: numbered, at the competent room, taken on; the institute sees that."""
    async with stage.client("operatore") as room, stage.client("istituto") as institute:
        told = (await room.post("/api/exercise/scenes/segnalazione")).json()
        report = await _until(lambda: _report(room, told["text"]), ALARM_S, f"no report: {told}")
        hold(report["kind"] == "persone-o-veicoli-sospetti", f"another report: {report}")
        taken = await room.post(f"/api/reports/{report['id']}/ack")
        hold(taken.is_success, f"it cannot be taken on: {taken.text[:200]}")
        seen = await _report(institute, told["text"])
        hold(seen and seen["state"] == "presa-in-carico", f"the institute reads {seen}")


async def _report(client: httpx.AsyncClient, told: str) -> dict[str, Any] | None:
    reports = (await client.get("/api/reports")).json()["reports"]
    return next((one for one in reports if one["number"] in told), None)


async def _subscribed(client: httpx.AsyncClient) -> bool | None:
    return True if SUBSCRIBED in (await client.get("/metrics")).text else None


async def cars_and_one(stage: Stage) -> None:
    """Cars pass the gate, one is sought: one hit, one alarm; of the others nothing is anywhere."""
    async with stage.client("operatore") as client:
        reply = await client.post("/api/exercise/scenes/corsie")
        hold(reply.is_success, f"the cars do not come: {reply.text[:200]}")
        state = await _until(lambda: _cars_over(client), CARS_S, "the cars have not passed")
        hold(state["done"] == state["whole"], f"cars were not counted: {state}")
        hit = await _until(lambda: _hit(client), ALARM_S, "no hit")
        hold(hit["state"] in ("in-attesa", "da-verificare"), f"the hit waits for nobody: {hit}")
        alarms = [one for one in (await client.get("/api/alarms")).json() if one["id"] == hit["id"]]
        hold([one["rule"] for one in alarms] == ["targa-cercata"], f"its alarm: {alarms}")
        told = (await client.post("/api/exercise/scenes/cerca", timeout=SEARCH_S)).json()
        hold(told["finds"] == 0, f"plates of the others were kept: {told}")
        hold("controllo, messa apposta in un file, è stata trovata" in told["text"], str(told))


async def _cars_over(client: httpx.AsyncClient) -> dict[str, Any] | None:
    scenes = (await client.get("/api/exercise")).json()["scenes"]
    (state,) = (one for one in scenes if one["id"] == "corsie")
    return None if state["running"] else dict(state)


async def _hit(client: httpx.AsyncClient) -> dict[str, Any] | None:
    """Return the one hit there is; SceneError if there are more."""
    hits = (await client.get("/api/plates/hits")).json()
    hold(len(hits) <= 1, f"{len(hits)} hits")
    return next(iter(hits), None)


async def line_pulled(stage: Stage) -> None:
    """The pharmacy behind NAT loses its line while somebody enters, and nobody misses anything.

    Its picture stops and goes on by itself in the same session. The alarm comes to both rooms
    once; there it opens the picture to the Questura, which was refused before.
    """
    other = stage.questura
    hold(other is not None, "there is no second room")
    assert other is not None  # noqa: S101 - for the type checker
    await enter(other)
    url = f"/whep/{PORTO}"
    async with stage.client("operatore") as room, other.client("operatore-questura") as police:
        for client in (room, police):
            await _until(partial(_offered, client), PICTURE_S, f"no camera {PORTO}")
        known = [await _alarms_of(client) for client in (room, police)]
        await refused(other, "operatore-questura", f"{url}?{SERVICE}", 403, "only-on-alarm")
        async with WhepViewer(room, f"{url}?{SERVICE}") as viewer:
            _number(await viewer.picture(PICTURE_S))
            reply = await room.post("/api/exercise/scenes/stacca")
            hold(reply.is_success, f"the scene does not start: {reply.text}")
            await _stands_still(viewer)
            _number(await viewer.picture(BACK_S))
        alarms = [await _one_more(c, k) for c, k in zip((room, police), known, strict=True)]
        hold(len(set(alarms)) == 1, f"the rooms were told different alarms: {alarms}")
        async with WhepViewer(police, f"{url}?purpose=allarme&case={alarms[0]}") as viewer:
            _number(await viewer.picture(PICTURE_S))
        for client, before in zip((room, police), known, strict=True):
            now = await _alarms_of(client)
            hold(len(now - before) == 1, f"{len(now - before)} alarms for one intrusion")
        body = {"verdict": "esercitazione"}
        reply = await room.post(f"/api/alarms/{alarms[0]}/close", json=body)
        hold(reply.is_success, f"the alarm cannot be closed: {reply.text[:200]}")


async def _offered(client: httpx.AsyncClient) -> bool | None:
    cameras = (await client.get("/api/cameras")).json()
    return True if PORTO in {one["id"] for one in cameras} else None


async def _alarms_of(client: httpx.AsyncClient) -> set[str]:
    """Return the alarms of the pharmacy behind NAT that a room shows."""
    alarms = (await client.get("/api/alarms")).json()
    return {str(one["id"]) for one in alarms if one["camera"] == PORTO}


async def _one_more(client: httpx.AsyncClient, before: set[str]) -> str:
    async def look() -> str | None:
        return next(iter(await _alarms_of(client) - before), None)

    return await _until(look, CUT_S + ALARM_S, "no alarm after the line came back")


async def _stands_still(viewer: WhepViewer) -> None:
    """Assert that pictures stop while the line is away; returns once it has been away a while."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while loop.time() - began_s < CUT_S:
        try:
            await viewer.picture(STILL_S)
        except PeerError:
            return
    raise SceneError("the picture never stopped")


async def pact_ends(stage: Stage) -> None:
    """The acts end: the square goes dark, owner and open incident go on, an extension helps.

    The operator's look at the pharmacy began during its alarm, and goes on flagged; a new look
    says why not. The supervisor extends both acts, and the square is there again.
    """
    alarm, _ = await _raised_by(stage, "antirapina")
    why = f"purpose=allarme&case={alarm['id']}"
    async with AsyncExitStack() as stack:
        room = await stack.enter_async_context(stage.client("operatore"))
        owner = await stack.enter_async_context(stage.client("titolare"))
        look = WhepViewer
        square = await stack.enter_async_context(look(room, f"/whep/piazza?{SERVICE}"))
        incident = await stack.enter_async_context(look(room, f"/whep/farmacia?{why}"))
        own = await stack.enter_async_context(look(owner, "/whep/farmacia?purpose=titolare"))
        for viewer in (square, incident, own):
            await viewer.picture(PICTURE_S)
        told = (await room.post("/api/exercise/scenes/scadenza")).json()
        hold("Proroga" in told["text"], f"the scene does not say how to go on: {told}")
        await _goes_dark(square, ENDS_S)
        await refused(stage, "operatore", f"/whep/piazza?{SERVICE}", 403, "act-expired")
        state, _ = await asyncio.gather(_goes_on(room, incident), _goes_on(owner, own))
        hold("act-ended-incident-open" in str(state), f"the look says nothing: {state}")
    await _extend(stage)
    async with (
        stage.client("operatore") as client,
        WhepViewer(client, f"/whep/piazza?{SERVICE}") as viewer,
    ):
        await viewer.picture(PICTURE_S)
        body = {"verdict": "esercitazione"}
        reply = await client.post(f"/api/alarms/{alarm['id']}/close", json=body)
        hold(reply.is_success, f"the alarm cannot be closed: {reply.text[:200]}")


async def _goes_dark(viewer: WhepViewer, within_s: float) -> None:
    """Assert that the pictures end in time."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while loop.time() - began_s < within_s:
        try:
            await viewer.picture(1.0)
        except PeerError:
            return
    raise SceneError(f"pictures still come after {within_s:.0f} s")


async def _goes_on(client: httpx.AsyncClient, viewer: WhepViewer) -> dict[str, object]:
    """Assert that pictures keep coming, not only those on their way; return the look's state."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + STAYS_S
    try:
        while loop.time() < until_s:
            await viewer.picture(STAYS_S)
    except PeerError as error:
        told = (await client.get(viewer.resource)).text
        raise SceneError(f"{viewer.resource}: {error}; {told}") from error
    state: dict[str, object] = (await client.get(viewer.resource)).json()
    return state


async def _extend(stage: Stage) -> None:
    """Extend every act as the room's supervisor, as the page does."""
    async with stage.client("responsabile") as client:
        acts = (await client.get("/api/acts")).json()["acts"]
        hold({one["state"] for one in acts} == {"scaduto"}, f"the acts' states: {acts}")
        for act in acts:
            until = date.fromisoformat(act["last_day"]) + timedelta(days=30)
            body = {"until": str(until), "reason": "esercitazione: proroga"}
            reply = await client.post(f"/api/acts/{act['id']}/extensions", json=body)
            hold(reply.is_success, f"{act['id']} cannot be extended: {reply.text[:200]}")


async def tampering(stage: Stage) -> None:
    """The scene alters a copy; the stand-alone verifier names the entry; the true one verifies."""
    async with stage.client("dpo") as client:
        reply = await client.post("/api/exercise/scenes/manomissione")
        hold(reply.is_success, f"the scene does not run: {reply.text[:200]}")
        told = reply.json()
        hold(told["entry"] >= 0, f"no entry is named: {told}")
        hold(f"voce {told['entry']} di una copia" in told["text"], f"another entry: {told}")
        verified = (await client.post("/api/ledger/verify")).json()
        hold(verified["ok"], f"the true ledger does not verify: {verified}")


async def ledger(stage: Stage) -> None:
    """A stranger finds every access, refused ones too, and one flipped byte is named."""
    async with stage.client("revisore") as client:
        reply = await client.get("/api/ledger?after=-1&limit=500&aim=verifica-liceita")
        hold(reply.is_success, f"the ledger cannot be read: {reply.text[:200]}")
        events = [one["event"] for one in reply.json()["entries"]]
        checkpoint = (await client.get("/api/ledger/checkpoint")).json()
    for wanted in ("live.open", "live.deny", "live.close", "playback.open", "alarm.raise"):
        hold(wanted in events, f"{wanted} is not in the ledger: {sorted(set(events))}")
    fine = await asyncio.to_thread(_audit, stage, stage.ledger, checkpoint["note"])
    hold(fine.returncode == 0, f"audit verify: {fine.stdout}{fine.stderr}")
    with tempfile.TemporaryDirectory() as folder:
        forged = await asyncio.to_thread(forgery.copied, stage.ledger, Path(folder))
        seq = await asyncio.to_thread(forgery.flip, forged)
        found = await asyncio.to_thread(_audit, stage, forged, "")
        hold(found.returncode == 1, f"a forged ledger passes: {found.stdout}")
        hold(str(seq) in found.stdout, f"entry {seq} is not named: {found.stdout}")


def _audit(stage: Stage, path: Path, note: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway", "audit", "verify"]
    command += ["--ledger", str(path), "--key", stage.ledger_key]
    with tempfile.NamedTemporaryFile("w", suffix=".checkpoint") as held:
        if note:
            held.write(note)
            held.flush()
            command += ["--checkpoint", held.name]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own command


SCENES: tuple[Callable[[Stage], Awaitable[None]], ...] = (
    anonymous,
    without_purpose,
    square,
    pharmacy_before,
    intrusion,
    central_station,
    passed_on,
    pharmacy_during,
    pharmacy_after,
    hold_up,
    thousand_eyes,
    cars_and_one,
    line_pulled,
    pact_ends,
    tampering,
    ledger,
)


async def enter(stage: Stage) -> None:
    """Sign in as every account of the town."""
    async with stage.client() as client:
        for user, password in stage.passwords.items():
            body = {"user": user, "password": password, "bearer": True}
            reply = await client.post("/api/session", json=body)
            hold(reply.is_success, f"{user} cannot sign in: {reply.text[:200]}")
            stage.tokens[user] = reply.json()["token"]


async def play(stage: Stage) -> Figures:
    """Play every scene in order; SceneError names the first that did not hold."""
    await enter(stage)
    for scene in SCENES:
        try:
            await scene(stage)
        except (SceneError, PeerError, httpx.HTTPError) as error:
            raise SceneError(f"{scene.__name__}: {error}") from error
        stage.figures.scenes += 1
        print(f"scene {scene.__name__}: ok", flush=True)
    return stage.figures


def main(path: str) -> int:
    """Play the scenes of the town that FILE describes; print the line of figures."""
    told = json.loads(Path(path).read_text())
    stage = Stage(
        told["base_url"],
        Path(told["ledger"]),
        told["ledger_key"],
        Path(told["institute_log"]),
        Path(told["station_log"]),
        told["passwords"],
        questura=Stage(
            told["questura"]["base_url"],
            Path(),
            "",
            Path(),
            Path(),
            told["questura"]["passwords"],
        ),
    )
    try:
        f = asyncio.run(play(stage))
    except SceneError as error:
        print(f"failed {error}", file=sys.stderr)
        return 1
    print(
        f"ok scenes={f.scenes} first_alarm_s={f.first_alarm_s:.2f}"
        f" first_picture_s={f.first_picture_s:.2f} ledger=verified cameras={f.cameras}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
