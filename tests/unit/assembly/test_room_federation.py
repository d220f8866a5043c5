# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A room that asks its edges: what it asserts, renews and ends; and both ends under any course."""

import asyncio
import contextlib
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.assembly.room_federation import RENEW_S, WAIT_S, refusal_of, verdict_of
from gateway.model.access import Grant, Refusal
from gateway.model.errors import PeerError, RefusedError, WireError
from gateway.model.media import StreamState, StreamStatus
from gateway.model.registry import Pause
from gateway.wire.assertion import verify
from tests.unit.access.town import actor, wish
from tests.unit.assembly.federated import EDGE, KEY, ROOM, World
from tests.unit.assembly.parts import until

PUBLIC = KEY.public_key().public_bytes_raw()
PAUSED = {"p": Pause("p", "comune", (), "u", 0)}


@pytest.fixture
async def world(tmp_path):
    one = World(tmp_path / "offers")
    await one.offered()
    one.advance(10)
    return one


def asserts(world):
    return [verify(body["assertion"], PUBLIC) for kind, body in world.down.said if kind == "assert"]


# looks --------------------------------------------------------------------------------------


async def test_a_look_is_asserted_renewed_and_released(world):
    """One every twenty seconds while somebody looks, then the end."""
    grant = await world.look()
    assert [one.serial for one in asserts(world)] == [1]
    for _ in range(8):
        world.advance(RENEW_S / 4)
        await world.settle()
    assert [one.serial for one in asserts(world)] == [1, 2, 3]
    del world.sessions[f"s-{grant.id}"]
    await world.settle()
    assert world.down.said[-1] == ("release", {"grant": grant.id, "reason": "closed"})
    assert not world.flows()
    world.advance(60)
    await world.settle()
    assert len(asserts(world)) == 3


async def test_a_camera_of_our_own_is_nobodys_business(world):
    """No edge is asked."""
    grant = await world.room_gate.open(wish("piazza", who=actor(method="oidc")))
    await world.room.begin(grant)
    world.room.over(grant.id, "closed")
    assert not world.down.said


async def test_who_goes_away_while_the_edge_is_asked_leaves_nothing(world):
    """Cancelled: the edge is told that it is over."""
    grant = await world.room_gate.open(wish("nord.piazza", who=actor(method="oidc")))
    async with asyncio.timeout(30):
        task = asyncio.ensure_future(world.room.begin(grant))
        while not world.down.said:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await world.settle()
    assert not world.flows()
    assert not world.room.holds(grant.id)


async def test_a_refusal_reaches_the_operator_with_the_edges_words(world):
    """In Italian, with the edge's name and its own reason."""
    world.edge_town = replace(world.edge_town, pauses=PAUSED)
    with pytest.raises(RefusedError) as caught:
        await world.look()
    verdict = verdict_of(caught.value, "nord")
    assert verdict.refusal is Refusal.PAUSED
    assert verdict.text_it.startswith("La sede «nord» non concede l'immagine: ")
    assert "sospes" in verdict.text_it
    assert not world.room._held


def test_what_an_edge_says_is_made_fit_for_a_page():
    """Codes we do not know, words without end or with tricks in them."""
    strange = RefusedError("boom", "x\u202e\n" * 500)
    assert refusal_of(strange) is Refusal.EDGE
    assert len(verdict_of(strange, "nord").text_it) < 300
    assert verdict_of(strange, "nord").text_it.isprintable()
    assert verdict_of(PeerError("down"), "nord").refusal is Refusal.LINE


# lines --------------------------------------------------------------------------------------


async def test_a_look_waits_for_a_line_that_broke_and_goes_on(world):
    """The session stays; the picture is back as soon as the line is."""
    grant = await world.look()
    world.cut()
    for _ in range(12):
        world.advance(10)
        await world.settle()
    assert not world.flows()
    assert world.room.holds(grant.id)
    assert not world.ended
    world.join()
    await world.settle()
    assert world.flows()
    assert world.edge_ledger.told()[-1] == ("live.open", "")


async def test_a_look_does_not_wait_for_ever(world):
    """After five minutes it ends, and says why."""
    grant = await world.look()
    world.cut()
    for _ in range(round(WAIT_S / 10) + 3):
        world.advance(10)
        await world.settle()
    assert world.ended == [(f"s-{grant.id}", "line-down")]
    assert not world.room.holds(grant.id)


async def test_no_look_begins_over_a_line_that_is_down(world):
    """The operator is told at once."""
    world.cut()
    with pytest.raises(PeerError):
        await world.look()
    assert not world.room._held


async def test_an_edge_that_changes_its_mind_ends_the_look(world):
    """At the next renewal at the latest, when its word did not come through."""
    grant = await world.look()
    world.up.up = False
    world.edge_town = replace(world.edge_town, pauses=PAUSED)
    await world.edge.tick()
    assert not world.ended
    world.up.up = True
    world.advance(RENEW_S)
    await world.settle()
    assert world.ended == [(f"s-{grant.id}", "refused-by-edge")]


async def test_only_the_edge_of_a_camera_may_end_its_look(world):
    """Another edge's revocation is nobody's."""
    grant = await world.look()
    other = replace(EDGE, id="sud")
    await world.room.handlers()["revoke"](other, {"grant": grant.id, "reason": "x"}, b"")
    assert not world.ended
    await world.room.handlers()["revoke"](EDGE, {"grant": grant.id, "reason": "act-expired"}, b"")
    assert world.ended == [(f"s-{grant.id}", "act-expired")]


async def test_a_look_whose_owner_says_when_it_is_over(world):
    """A recording program's: no session of the console's, and renewed all the same."""
    grant = await world.room_gate.open(wish("nord.piazza", who=actor(method="oidc")))
    await world.room.begin(grant, kept=True)
    for _ in range(10):
        world.advance(10)
        await world.settle()
    assert world.flows()
    world.room.over(grant.id, "closed")
    await world.settle()
    assert not world.flows()


# the map ------------------------------------------------------------------------------------


async def test_a_camera_shows_what_its_edge_says_of_it(world):
    """Out of reach while the line is down, the edge's word while nobody looks, else our own."""
    idle, live = StreamStatus(StreamState.IDLE), StreamStatus(StreamState.LIVE)
    assert world.room.status("nord.piazza", idle).state is StreamState.LIVE
    world.posts["piazza"].state = StreamState.STALLED
    world.advance(10)
    await world.edge.tell("questura")
    assert world.room.status("nord.piazza", idle).state is StreamState.STALLED
    assert world.room.status("nord.piazza", live) is live
    assert world.room.status("piazza", idle) is idle
    assert world.room.status("nord.piazza", None) is None
    world.cut()
    away = world.room.status("nord.piazza", live)
    assert away.state is StreamState.UNREACHABLE
    assert "interrotta" in away.problem
    assert "nord.piazza" in world.room.current().cameras


async def test_reduced_cameras_are_named(world):
    """What the edge tells; what it does not offer is not kept."""
    for camera, reduced in (("piazza", True), ("banco", True), ("banco", False), ("x", True)):
        body = {"camera": camera, "reduced": reduced, "reason": "linea lenta"}
        await world.room.handlers()["reduced"](EDGE, body, b"")
    assert world.room.reduced("nord") == ("nord.piazza",)
    for body in ({}, {"camera": "piazza"}, {"camera": 7, "reduced": True}):
        with pytest.raises(WireError):
            await world.room.handlers()["reduced"](EDGE, body, b"")


@pytest.mark.parametrize(
    ("kind", "body"),
    [("revoke", {}), ("revoke", {"grant": 1, "reason": "x"}), ("offer", {}), ("offer", {"v": 1})],
)
async def test_strange_remarks_are_refused(world, kind, body):
    """They change nothing."""
    with pytest.raises((WireError, RefusedError)):
        await world.room.handlers()[kind](EDGE, body, b"")
    assert "nord.piazza" in world.room.current().cameras


@pytest.mark.parametrize(
    ("kind", "body"), [("assert", {}), ("assert", {"assertion": 7}), ("release", {})]
)
async def test_strange_questions_are_refused_by_the_edge(world, kind, body):
    """Nothing is opened, nothing breaks."""
    with pytest.raises(WireError):
        await world.edge.handlers("questura")[kind](ROOM, body, b"")
    assert not world.looks()


async def test_keeping_follows_offers_and_keeps_them_on_disk(world):
    """The box is told of a change, the last offer is written, and looks are renewed."""
    told = []

    async def changed():
        told.append(1)

    world.room._p = replace(world.room._p, changed=changed)
    keeping = asyncio.ensure_future(world.room.keep())
    try:
        world.join()
        await world.look()
        await until((world.folder / "nord.json").exists)
        await until(lambda: len(asserts(world)) >= 3)
    finally:
        keeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await keeping
    assert told


# any course of events -------------------------------------------------------------------------


class Courses(RuleBasedStateMachine):
    """Whatever happens in whatever order, no picture flows outside a valid assertion.

    What is valid is reckoned here from the tokens themselves and from what both ends said of a
    Grant, not from what the edge keeps.
    """

    @initialize()
    def begin(self):
        """A room, an edge, a line."""
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.tokens = []
        self.shown = []
        self.over = set()

        async def make():
            world = World(Path(self.folder.name))
            await world.offered()
            world.advance(5)
            return world

        self.world = self.run(make())
        self.started_us = self.world.clock.utc_us
        self.read = 0

    def run(self, work):
        """Run something on both ends."""
        return self.loop.run_until_complete(work)

    def note(self):
        """Read off the line which assertions got through, and what was said to be over."""
        world = self.world
        for kind, body in world.down.said[self.read :]:
            if kind == "assert":
                self.tokens.append(body["assertion"])
            elif kind == "release":
                self.over.add(body["grant"])
        self.read = len(world.down.said)

    @rule(camera=st.sampled_from(["nord.piazza", "nord.banco", "nord.cantina"]))
    def look(self, camera):
        """An operator wants to see."""

        async def work():
            grant = await self.world.room_gate.open(wish(camera, who=actor(method="oidc")))
            if isinstance(grant, Grant):
                with contextlib.suppress(PeerError):
                    await self.world.look(camera)

        self.run(work())
        self.note()

    @precondition(lambda self: self.world.sessions)
    @rule(data=st.data())
    def leave(self, data):
        """An operator has seen enough."""
        name = data.draw(st.sampled_from(sorted(self.world.sessions)))
        self.run(self.world.end(name, "viewer-left"))

    @rule(seconds=st.sampled_from([0.1, 1.0, 7.0, 19.0, 21.0, 59.0, 61.0, 200.0]))
    def wait(self, seconds):
        """Time passes without anything being done at either end."""
        self.world.advance(seconds)

    @rule()
    def settle(self):
        """Both ends do what is due."""
        self.run(self.world.settle())
        self.note()

    @rule()
    def cut(self):
        """The line breaks."""
        self.world.cut()

    @rule()
    def join(self):
        """It stands again."""
        self.world.join()

    @rule(paused=st.booleans())
    def pause(self, paused):
        """The owner changes their mind."""
        pauses = PAUSED if paused else {}
        self.world.edge_town = replace(self.world.edge_town, pauses=pauses)

    @precondition(lambda self: self.tokens)
    @rule(data=st.data())
    def replay(self, data):
        """Somebody shows an old token once more."""
        token = data.draw(st.sampled_from(self.tokens))
        try:
            self.run(self.world.edge.release("questura", token, ROOM))
        except RefusedError:
            return
        raise AssertionError("a token was taken twice")

    @rule()
    def edge_restarts(self):
        """Its memory is gone; a second later it is there again."""
        self.world.advance(2)
        self.world.edge_starts()
        self.started_us = self.world.clock.utc_us
        self.world.join()

    @precondition(lambda self: self.world.looks())
    @rule(data=st.data())
    def revoke(self, data):
        """The edge ends a look."""
        looks = self.world.edge._sides["questura"].held
        grant = data.draw(st.sampled_from(sorted(looks)))
        self.run(self.world.edge.revoke("questura", grant, "paused-by-owner"))
        self.over.add(grant)

    @invariant()
    def only_under_a_valid_assertion(self):
        """What flows is covered by a token that is genuine, not over and less than a minute old."""
        self.note()
        now_us = self.world.clock.utc_us
        said = [verify(one, PUBLIC) for one in self.tokens]
        for camera in ("piazza", "banco", "cantina"):
            covered = any(
                one.camera == camera
                and one.edge == "nord"
                and one.issued_utc_us <= now_us < one.expires_utc_us
                and one.grant not in self.over
                for one in said
            )
            assert covered or not self.world.flows(camera)
            assert camera != "cantina" or not self.world.flows(camera)

    @invariant()
    def each_look_is_an_entry(self):
        """Whatever flows was written down before, and is not closed."""
        events = self.world.edge_ledger.events
        closed = {one.closes for one in events}
        opened = [
            seq for seq, one in enumerate(events) if one.event == "live.open" and seq not in closed
        ]
        assert len(opened) == self.world.looks()

    def teardown(self):
        """Close the loop."""
        if hasattr(self, "world"):
            self.run(self.world.settle())
            self.loop.close()
            self.folder.cleanup()


Courses.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestCourses = Courses.TestCase
