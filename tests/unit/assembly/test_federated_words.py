# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What an edge takes of a room's word: emergencies, second persons, whose people look; and ends."""

import asyncio
from dataclasses import replace

import pytest

from gateway.access.policy import GLASS_S
from gateway.assembly import federation
from gateway.audit.entry import LedgerEntry
from gateway.audit.match import match
from gateway.model.access import BREAK_GLASS, Action, Grant, Purpose, Refusal
from gateway.model.errors import PeerError, RefusedError, WireError
from gateway.model.registry import Disclosure, Edge, Pause, Recipient, RecipientKind, Role
from gateway.model.room import Assertion
from gateway.wire.assertion import sign
from tests.unit.access.rules_parts import permit
from tests.unit.access.town import NOW, SHOP_ACT, SQUARE_ACT, actor, registry, wish
from tests.unit.assembly.federated import EDGE, KEY, ROOM, Ledger, World
from tests.unit.assembly.parts import ManualClock, until

LINE = "questura"
PAUSED = {"p": Pause("p", "comune", (), "u", 0)}
TRUSTED = {"emergency": True}
WHY = "persona dispersa, serve subito"


@pytest.fixture
async def world(tmp_path):
    return await world_of(tmp_path)


async def world_of(folder, disclosure=Disclosure.ON_ALARM, **terms):
    """A square that is always shown, a shop by `disclosure`; `terms` of the `[[uplink]]`."""
    clock = ManualClock(monotonic_s=NOW.monotonic_s, utc_us=NOW.utc_us)
    one = World(folder / "offers", clock=clock, terms=terms)
    scope = replace(SHOP_ACT.scopes[0], disclosure=disclosure)
    one.edge_town = registry(SQUARE_ACT, replace(SHOP_ACT, scopes=(scope,)))
    await one.offered()
    one.advance(10)
    return one


def word(world, number, **more):
    """A genuine token of a room that asks nobody but the edge."""
    now = world.room_clock.now().utc_us
    said = {
        "camera": "banco", "action": Action.LIVE, "actor": "anna", "actor_name": "Anna",
        "role": Role.PL_OPERATOR, "organisation": "sala-pl", "purpose": Purpose.INCIDENT,
        "case": "112/1", "reason": WHY, "act": "", "flags": (BREAK_GLASS,),
    } | more  # fmt: skip
    return sign(
        Assertion(
            grant=f"g{number}", serial=1, room="sala", edge="nord", origin="varco/sala", seq=number,
            issued_utc_us=now, expires_utc_us=now + 60_000_000, **said,
        ),
        KEY,
    )  # fmt: skip


async def answer(world, number, **more):
    """What the edge says: a code, or nothing if it releases."""
    try:
        await world.edge.release(LINE, word(world, number, **more), ROOM)
    except RefusedError as error:
        return error.code
    return ""


# emergencies ------------------------------------------------------------------------------------


@pytest.mark.parametrize("disclosure", [Disclosure.ON_ALARM, Disclosure.TEXT_ONLY])
@pytest.mark.parametrize("role", [Role.PL_OPERATOR, Role.PS_OPERATOR])
async def test_a_room_breaks_no_glass_unless_the_owner_lets_it(tmp_path, disclosure, role):
    """Whoever it invents, alone or in company; the refusal is an entry, and said in words."""
    world = await world_of(tmp_path, disclosure)
    for number in range(10):
        more = {"actor": f"x{number}", "second": "chiunque" if number % 2 else "", "role": role}
        assert await answer(world, number, **more) == "no-glass"
    assert not world.flows("banco")
    assert set(world.edge_ledger.told()) == {("live.deny", "no-glass")}


async def test_the_operator_reads_why_there_is_no_emergency(world):
    """In the edge's own words."""
    with pytest.raises(RefusedError, match="emergenza") as caught:
        await world.look(break_glass=True, reason=WHY)
    assert caught.value.code == "no-glass"


async def test_where_only_text_is_shown_no_emergency_opens_anything(tmp_path):
    """Even for a room that the owner trusts."""
    world = await world_of(tmp_path, Disclosure.TEXT_ONLY, **TRUSTED)
    assert await answer(world, 1) == "no-glass"
    assert not world.flows("banco")
    assert await answer(world, 2, camera="piazza") == ""


async def test_the_hour_of_an_emergency_counts_for_the_room_not_for_the_person(tmp_path):
    """Of persons a room has any number; another camera, and an hour later, are another matter."""
    world = await world_of(tmp_path, **TRUSTED)
    assert await answer(world, 1) == ""
    assert world.flows("banco")
    said = {await answer(world, 10 + number, actor=f"x{number}") for number in range(10)}
    assert said == {Refusal.FOUR_EYES.value}
    assert [event for event, _ in world.edge_ledger.told()].count("breakglass.use") == 1
    assert await answer(world, 30, camera="piazza") == ""
    assert await answer(world, 31, actor="bruno", second="carla") == ""
    assert world.edge_ledger.events[-1].delegated_by == "sala:carla"
    world.advance(GLASS_S + 1)
    assert await answer(world, 32, actor="dario") == ""


@pytest.mark.parametrize(
    ("terms", "said"), [({}, Refusal.FOUR_EYES.value), (TRUSTED, "")], ids=["default", "trusted"]
)
async def test_a_second_person_is_a_rooms_word_where_four_eyes_are_needed(tmp_path, terms, said):
    """Nobody at the edge has seen that person."""
    world = await world_of(tmp_path, **terms)
    line = permit(actions=("live",), purposes=("servizio",), four_eyes=True)
    world.edge_town = replace(world.edge_town, permits={line.id: line})
    plain = {"camera": "piazza", "purpose": Purpose.SERVICE, "flags": ()}
    assert await answer(world, 1, **plain) == Refusal.FOUR_EYES.value
    assert await answer(world, 2, second="chiunque", **plain) == said


# whose people ----------------------------------------------------------------------------------


def two_houses(world):
    """Two organisations sit in the room, and both may know of the edge there."""
    other = Recipient("carabinieri", "Carabinieri", RecipientKind.ROOM)
    edge = Edge("nord", "Edge Nord", "a" * 64, ("sala-pl", "carabinieri"))
    recipients = world.room_town.recipients | {other.id: other}
    world.room_town = replace(world.room_town, recipients=recipients, edges={"nord": edge})


async def other_looks(world):
    """A person of the second organisation looks, as far as the room's own gate says yes."""
    who = actor(Role.PS_OPERATOR, "carabinieri", method="oidc")
    grant = await world.room_gate.open(wish("nord.piazza", who=who))
    assert isinstance(grant, Grant), grant
    await world.room.begin(grant)


async def test_an_organisation_that_the_owner_did_not_name_sees_nothing(world):
    """The act names one of the two; the entry names who asked."""
    two_houses(world)
    with pytest.raises(RefusedError) as caught:
        await other_looks(world)
    assert caught.value.code == "wrong-organisation"
    assert not world.flows()
    entry = world.edge_ledger.events[-1]
    assert (entry.event, entry.error, entry.org) == (
        "live.deny", "wrong-organisation", "carabinieri",
    )  # fmt: skip
    await world.look()
    assert world.flows()


async def test_an_organisation_that_the_owner_named_stands_in_the_log_by_its_own_name(tmp_path):
    """Beside the one that the act names, and both logs tell the same; so does the end."""
    world = await world_of(tmp_path, organisations=("carabinieri",))
    two_houses(world)
    await other_looks(world)
    assert world.flows()
    opened = world.edge_ledger.events[-1]
    assert (opened.event, opened.org, opened.recipient_org) == (
        "live.open", "carabinieri", "sala-pl",
    )  # fmt: skip
    await world.edge.farewell()
    assert world.edge_ledger.events[-1].org == "carabinieri"
    ours, theirs = logged(world.room_ledger), logged(world.edge_ledger)
    assert match(ours, theirs, "varco/sala").ok
    hidden = [
        replace(one, event=replace(one.event, org=one.event.recipient_org or "sala-pl"))
        for one in theirs
    ]
    (pair,) = match(ours, hidden, "varco/sala").pairs
    assert [(one.name, one.room, one.edge) for one in pair.differences] == [
        ("organisation", "carabinieri", "sala-pl")
    ]


def logged(ledger):
    return [
        LedgerEntry(seq, f"id-{seq}", 0, 0, "synchronised", "0", event, (), False, b"")
        for seq, event in enumerate(ledger.events)
    ]


async def test_a_denial_by_the_edges_gate_names_the_organisation(world):
    """The gate's own refusals, too."""
    world.edge_town = replace(world.edge_town, pauses=PAUSED)
    with pytest.raises(RefusedError):
        await world.look()
    entry = world.edge_ledger.events[-1]
    assert (entry.event, entry.error, entry.org) == ("live.deny", "paused-by-owner", "sala-pl")


# ends that do not wait for the disk ---------------------------------------------------------------


class Slow(Ledger):
    """A disk that takes nothing until it is let."""

    def __init__(self):
        super().__init__()
        self.may = asyncio.Event()
        self.may.set()

    async def append(self, event):
        await self.may.wait()
        return await super().append(event)


async def slow_world(tmp_path):
    world = await world_of(tmp_path, Disclosure.ALWAYS)
    slow = Slow()
    world.edge_ledger = world.edge_gate._ledger = slow
    return world, slow


async def test_every_look_is_dark_before_any_end_is_written(tmp_path):
    """Twenty operators, and a disk that stands still."""
    world, slow = await slow_world(tmp_path)
    for _ in range(20):
        await world.look()
    entries = len(slow.events)
    slow.may.clear()
    world.edge_town = replace(world.edge_town, pauses=PAUSED)
    ticking = asyncio.ensure_future(world.edge.tick())
    await asyncio.sleep(0)
    assert (world.flows(), world.looks(), len(slow.events)) == (False, 0, entries)
    slow.may.set()
    await ticking
    assert slow.told()[entries:] == [("live.close", "paused-by-owner")] * 20
    await world.settle()
    assert len(world.ended) == 20


async def test_what_ends_while_entries_are_written_is_dark_at_the_next_tick(tmp_path):
    """A disk that stands still keeps nobody's picture alight."""
    world, slow = await slow_world(tmp_path)
    await world.look()
    await world.look("nord.banco")
    slow.may.clear()
    world.edge_town = replace(world.edge_town, pauses=PAUSED)
    keeping = asyncio.ensure_future(world.edge.keep())

    def written():
        world.advance(federation.TICK_S)
        return slow.told().count(("live.close", "paused-by-owner")) == 2

    try:
        await until(lambda: not world.flows())
        await until(lambda: not world.edge._owed)  # its entry is on its way, and stays there
        assert world.flows("banco")
        both = PAUSED | {"q": Pause("q", "farmacia", (), "u", 0)}
        world.edge_town = replace(world.edge_town, pauses=both)
        world.advance(federation.TICK_S)
        await until(lambda: not world.flows("banco"))
        slow.may.set()
        await until(written)
    finally:
        keeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await keeping


# refusals that nobody saw -------------------------------------------------------------------------


async def test_streams_without_an_assertion_are_entries_and_no_flood(world, monkeypatch):
    """With the camera if the room may know it, the first one by one, then counted."""
    monkeypatch.setattr(federation, "WAIT_S", 0.01)
    for path, about in (("piazza/main", "piazza"), ("piazza/huge", "piazza"), ("x/main", "")):
        with pytest.raises(RefusedError) as caught:
            await world.edge.open_stream(LINE, path)
        entry = world.edge_ledger.events[-1]
        assert (entry.event, entry.error) == ("live.deny", caught.value.code)
        assert (entry.actor_id, entry.object_id, entry.result) == ("sala:", about, "denied")
    assert [error for _, error in world.edge_ledger.told()] == [
        "no-assertion", "not-offered", "not-offered",
    ]  # fmt: skip
    monkeypatch.setattr(federation, "MOST_STREAMS", 0)
    for _ in range(100):
        with pytest.raises(RefusedError, match="too-many"):
            await world.edge.open_stream(LINE, "piazza/main")
    assert world.edge_ledger.events[-1].error == "too-many"
    assert len(world.edge_ledger.events) <= federation.DENIALS


async def test_a_look_that_is_refused_is_one_entry_with_its_stream(world, monkeypatch):
    """The room asks for both at once; later on a stream alone is another matter."""
    monkeypatch.setattr(federation, "WAIT_S", 0.05)
    world.edge_town = replace(world.edge_town, pauses=PAUSED)
    opening = asyncio.ensure_future(world.edge.open_stream(LINE, "piazza/main"))
    with pytest.raises(RefusedError, match="paused"):
        await world.look()
    with pytest.raises(RefusedError, match="no-assertion"):
        await opening
    assert world.edge_ledger.told() == [("live.deny", "paused-by-owner")]
    world.advance(1)
    with pytest.raises(RefusedError, match="no-assertion"):
        await world.edge.open_stream(LINE, "piazza/main")
    assert world.edge_ledger.told()[1:] == [("live.deny", "no-assertion")]


async def test_a_stream_before_the_room_has_greeted_is_written_under_the_lines_name(world):
    """Its id is not known then."""

    def unknown():
        raise PeerError("line: not greeted")

    world.edge._sides[LINE].room = replace(world.edge._sides[LINE].room, trust=unknown)
    with pytest.raises(RefusedError):
        await world.edge.open_stream(LINE, "x/main")
    assert world.edge_ledger.events[-1].actor_id == f"{LINE}:"


async def test_an_offer_in_another_name_or_form_is_written_down(world):
    """One that only comes too soon is not: an honest edge does that."""
    offer = dict(next(body for kind, body in world.up.said if kind == "offer"))
    for changes, code in (({"edge": "sud"}, "wrong-edge"), ({"v": 9}, "malformed")):
        world.advance(2)
        with pytest.raises((RefusedError, WireError)):
            await world.room_handlers()["offer"](EDGE, offer | changes, b"")
        assert world.refusals[-1] == ("nord", "", code)
    for _ in range(2):
        with pytest.raises((RefusedError, WireError)):
            await world.room_handlers()["offer"](EDGE, offer | {"edge": "sud"}, b"")
    known = len(world.refusals)
    world.advance(2)
    await world.room_handlers()["offer"](EDGE, offer, b"")
    with pytest.raises(RefusedError, match="too-often"):
        await world.room_handlers()["offer"](EDGE, offer, b"")
    assert len(world.refusals) == known
