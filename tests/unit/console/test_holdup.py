# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.console.holdup: one answer for everybody; the centre's word; the pictures."""

from dataclasses import replace

import httpx
import pytest

from gateway.console.app import build_app, build_control_app
from gateway.console.holdup import ANSWER_S
from gateway.model.alarm import AlarmVerdict
from tests.fakes import FakeClock
from tests.ui.town import Town

KEY = "/api/holdup/rapina"


class Desk:
    """Takes presses and the centre's word, and knows one channel."""

    def __init__(self):
        self.pressed, self.said, self.centre = [], [], ""

    async def press(self, holdup, token, source_ip):
        self.pressed.append((holdup, token))

    def asks(self, record, organisation):
        return organisation == self.centre and not self.said

    async def answer(self, record, verdict, by, organisation):
        if not self.asks(record, organisation):
            return False
        self.said.append((verdict, by))
        return True

    def devices(self, holdup):
        return ("banco",)

    async def make_token(self, holdup, device, by):
        return "s3gr3to" if holdup == "rapina" else None

    async def revoke_token(self, holdup, device, by):
        return holdup == "rapina"

    async def test(self, holdup, by):
        return None


@pytest.fixture
def services():
    """Return the town's services with a desk and a clock that sleeping moves."""
    town = Town()
    return replace(town.services(), holdups=Desk(), clock=FakeClock())


def client(services):
    transport = httpx.ASGITransport(build_app(services))
    return httpx.AsyncClient(transport=transport, base_url="http://varco")


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({"Authorization": "Bearer good"}, "good"),
        ({"Authorization": "Basic good"}, ""),
        ({"Authorization": "Bearer " + "x" * 5000}, "x" * 128),
        ({}, ""),
    ],
)
async def test_every_press_is_answered_alike_after_the_same_time(services, headers, token):
    """Right, wrong or no token: 202, no body, nothing that tells them apart."""
    async with client(services) as asking:
        begun_s = services.clock.monotonic_s()
        answer = await asking.post(KEY, headers=headers)
        assert (answer.status_code, answer.content) == (202, b"")
        assert services.clock.monotonic_s() - begun_s == pytest.approx(ANSWER_S)
    assert services.holdups.pressed == [("rapina", token)]
    names = {name for name in answer.headers if name not in ("date", "content-length")}
    async with client(replace(services, holdups=None)) as asking:
        other = await asking.post(KEY)
    assert (other.status_code, {*other.headers} - {"date", "content-length"}) == (202, names)


async def test_the_control_socket_gives_tokens_and_tests(services):
    """An unknown channel is 404, whatever is asked of it."""
    app = build_control_app(services)

    async def local(scope, receive, send):
        scope["extensions"] = {"peercred": {"uid": 0, "pid": 1, "gid": 0}}
        await app(scope, receive, send)

    transport = httpx.ASGITransport(local)
    async with httpx.AsyncClient(transport=transport, base_url="http://varco") as asking:
        made = await asking.post("/control/holdup/rapina/token", json={"device": "banco"})
        assert made.json() == {"holdup": "rapina", "device": "banco", "token": "s3gr3to"}
        gone = await asking.post("/control/holdup/rapina/token", json={"revoke": True})
        assert gone.json()["token"] == ""
        for path, body in (("altra/token", {}), ("altra/test", None)):
            missing = await asking.post(f"/control/holdup/{path}", json=body)
            assert missing.status_code == 404


async def test_the_centres_word_is_no_verdict(site, town):
    """While it is asked its *confirmed* goes to the desk; afterwards a verdict is a verdict."""
    desk = Desk()
    site.app.state.services = replace(site.app.state.services, holdups=desk)
    raised = town.alarms.raise_one(severity=5)
    path = f"/api/alarms/{raised.alarm.id}"
    async with site.as_user("anna") as asking:
        desk.centre = town.registry.users["anna"].organisation
        told = (await asking.get(path)).json()["alarm"]
        assert (told["asked"], told["may_close"], told["may_take"]) == (True, True, False)
        answer = await asking.post(f"{path}/close", json={"verdict": "confermato"})
        assert answer.json()["state"] == "aperto"
        assert desk.said == [(AlarmVerdict.CONFIRMED, "anna")]
        answer = await asking.post(f"{path}/close", json={"verdict": "falso"})
        assert answer.json()["state"] == "chiuso"


async def test_a_picture_of_another_camera_is_no_picture_of_this_alarm(site, town):
    """Only the cameras that the alarm opens may be named."""
    raised = town.alarms.raise_one(severity=5)
    async with site.as_user("anna") as asking:
        for what in ("still.jpg", "before.mp4"):
            wish = {"purpose": "allarme", "case": raised.alarm.id, "camera": "altra"}
            answer = await asking.get(f"/api/alarms/{raised.alarm.id}/{what}", params=wish)
            assert answer.status_code == 404
