# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""An edge that is asked by a room: what it releases, for how long, and what it writes down."""

import asyncio
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.assembly import federation
from gateway.assembly.federation import CONFIRM_S
from gateway.model.access import Action, Grant, Purpose, Refusal
from gateway.model.audit import Operation
from gateway.model.errors import PeerError, RefusedError
from gateway.model.media import StreamState
from gateway.model.registry import Pause, RecipientKind, Role, SiteState
from gateway.relay.video.lease import Sent
from gateway.room.assertions import Asserter
from tests.unit.access.town import actor, wish, with_site
from tests.unit.assembly.federated import ROOM, World
from tests.unit.assembly.parts import until

LINE = "questura"


@pytest.fixture
async def world(tmp_path):
    one = World(tmp_path / "offers")
    await one.offered()
    one.advance(10)
    return one


async def token_of(world, camera="nord.piazza", **more):
    """A token that the room makes without telling anybody."""
    grant = await world.room_gate.open(wish(camera, who=actor(method="oidc"), **more))
    assert isinstance(grant, Grant), grant
    return grant, world.room.assertion_for(grant)


async def refused(world, token, peer=ROOM):
    """The code with which the edge refuses a token; nothing flows after it."""
    with pytest.raises(RefusedError) as caught:
        await world.edge.release(LINE, token, peer)
    return caught.value.code


# what both sides write ------------------------------------------------------------------------


async def test_a_look_stands_in_both_ledgers_as_the_same(world):
    """Person, purpose, case, camera; the edge names the room's Grant and entry."""
    grant = await world.look(case="OdS 4", reason="pattuglia")
    ours, theirs = world.room_ledger.events[-1], world.edge_ledger.events[-1]
    assert (theirs.event, theirs.channel, theirs.operation) == (
        "live.open", "line", Operation.CONSULTATION,
    )  # fmt: skip
    assert theirs.session_id == f"{grant.id}@varco/sala#{grant.ledger_seq}"
    assert (theirs.actor_id, theirs.actor_type) == (f"sala:{ours.actor_id}", "human")
    assert ours.object_id == f"nord.{theirs.object_id}"
    for name in ("purpose_code", "case_ref", "reason_text", "role"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert (theirs.recipient_org, theirs.auth_method) == ("sala-pl", "assertion")
    assert theirs.client_cert_fp == "c" * 64
    assert world.flows()


async def test_each_look_is_opened_and_closed_by_itself(world):
    """Three operators, one stream, three pairs of entries."""
    looks = [await world.look() for _ in range(3)]
    for number, grant in enumerate(looks):
        await world.end(f"s-{grant.id}", "viewer-left")
        await world.settle()
        assert world.flows() is (number < 2)
    told = world.edge_ledger.told()
    assert told.count(("live.open", "")) == 3
    assert told.count(("live.close", "closed")) == 3
    closing = [one.closes for one in world.edge_ledger.events if one.event == "live.close"]
    assert sorted(closing) == [0, 1, 2]


async def test_what_flowed_is_counted(world):
    """Bytes, frames and time of the camera while the look went on."""
    grant = await world.look()
    lease = await world.edge.open_stream(LINE, "piazza/main")
    world.posts["piazza"].units += 50
    world.advance(2)
    await world.end(f"s-{grant.id}", "viewer-left")
    await world.settle()
    world.posts["piazza"].units += 50
    lease.ended(Sent(5, 5, 5, "revoked"))
    closed = world.edge_ledger.events[-1]
    assert (closed.frames, closed.bytes, closed.duration_ms) == (50, 5000, 2000)


# attacks ----------------------------------------------------------------------------------------


async def test_a_forged_assertion_is_refused_and_written_down(world):
    """Signed with another key, for a camera that is offered: nothing flows."""
    grant, _ = await token_of(world)
    thief = Ed25519PrivateKey.generate()
    forged = Asserter("sala", "varco/sala", thief, world.room_clock).assertion_for(grant)
    assert await refused(world, forged) == "forged"
    assert not world.flows()
    entry = world.edge_ledger.events[-1]
    assert (entry.event, entry.error, entry.result) == ("live.deny", "forged", "denied")
    assert (entry.actor_id, entry.object_id) == ("sala:", "")  # what nobody proved is not written


async def test_an_assertion_that_is_late_or_shown_twice_is_refused(world):
    """A minute after it was made; and the second time."""
    _, token = await token_of(world)
    world.advance(61)
    assert await refused(world, token) == "expired"
    _, token = await token_of(world)
    await world.edge.release(LINE, token, ROOM)
    assert await refused(world, token) == "replayed"
    assert [error for _, error in world.edge_ledger.told() if error] == ["expired", "replayed"]


async def test_an_assertion_for_another_camera_is_refused(world):
    """Acts name one camera for this room; the other is not even confirmed to exist."""
    world.edge_town = replace(world.edge_town, acts={"patto": world.edge_town.acts["patto"]})
    for camera in ("nord.banco", "nord.cantina"):
        _, token = await _made(world, camera)
        assert await refused(world, token) == "not-offered"
    assert not world.flows("banco")
    entry = world.edge_ledger.events[-2]
    assert (entry.object_id, entry.actor_id, entry.purpose_code) == (
        "banco", "sala:anna", "servizio",
    )  # fmt: skip


async def _made(world, camera, **changes):
    """A genuine token about any camera at all, as a room could make it that obeys nobody."""
    grant, _ = await token_of(world)
    request = replace(grant.request, camera=camera, **changes)
    other = replace(grant, id=f"{grant.id[:-4]}beef", request=request)
    return other, world.asserter.assertion_for(other)


async def test_a_room_that_speaks_for_another_is_refused(world):
    """Its certificate is one room's, the assertion another's."""
    _, token = await token_of(world)
    assert await refused(world, token, replace(ROOM, id="altra-sala")) == "wrong-room"


async def test_an_assertion_meant_for_another_edge_is_refused(world):
    """What one edge was shown is no use at another."""
    _, token = await _made(world, "sud.piazza")
    assert await refused(world, token) == "wrong-audience"


@pytest.mark.parametrize(
    "changes",
    [
        {"purpose": Purpose.OWNER},
        {"purpose": Purpose.INSTALLATION, "action": Action.INSPECT},
        {"action": Action.EXPORT},
    ],
)
async def test_a_room_cannot_act_as_the_house(world, changes):
    """Neither the owner's purposes nor what no room does."""
    _, token = await _made(world, "nord.piazza", **changes)
    assert await refused(world, token) in ("purpose-not-allowed", "wrong-action")


async def test_a_room_cannot_speak_for_the_owner(world):
    """Even if it names the owner's organisation: the edge says which recipient the room is."""
    grant, _ = await token_of(world)
    who = replace(grant.request.actor, role=Role.OWNER, organisation="comune")
    _, token = await _made(world, "nord.piazza", actor=who)
    assert await refused(world, token) == "role-may-not"
    who = replace(grant.request.actor, organisation="comune")
    _, token = await _made(world, "nord.piazza", actor=who)
    assert await refused(world, token) == "wrong-organisation"
    entry = world.edge_ledger.events[-1]
    assert (entry.error, entry.org) == ("wrong-organisation", "comune")
    world.terms = {"organisations": ("comune",)}  # even then it is this box's recipient who looks
    world.edge_starts()
    world.advance(10)
    other, token = await _made(world, "nord.banco", actor=who)
    held = await world.edge.release(LINE, token, ROOM)
    assert held.request.actor.organisation == "sala-pl"
    assert other.id in held.request.actor.session
    _, token = await _made(world, "nord.piazza", actor=who, purpose=Purpose.OWNER)
    assert await refused(world, token) == "purpose-not-allowed"


async def test_a_greedy_room_gets_no_more_than_a_bound(world, monkeypatch):
    """Looks and streams are counted; what is too much is refused and written."""
    monkeypatch.setattr(federation, "MOST_GRANTS", 2)
    monkeypatch.setattr(federation, "MOST_STREAMS", 1)
    await world.look()
    await world.look("nord.banco")
    _, token = await token_of(world)
    assert await refused(world, token) == "too-many"
    assert world.edge_ledger.told()[-1] == ("live.deny", "too-many")
    lease = await world.edge.open_stream(LINE, "piazza/main")
    with pytest.raises(RefusedError, match="too-many"):
        await world.edge.open_stream(LINE, "banco/main")
    lease.ended(Sent(0, 0, 0, "closed"))
    (await world.edge.open_stream(LINE, "banco/main")).ended(Sent(0, 0, 0, "closed"))


async def test_streams_that_wait_count_against_the_bound(world, monkeypatch):
    """Nobody gets past it by asking for many at once before anything is asserted."""
    monkeypatch.setattr(federation, "MOST_STREAMS", 1)
    waiting = asyncio.ensure_future(world.edge.open_stream(LINE, "piazza/main"))
    await asyncio.sleep(0)
    with pytest.raises(RefusedError, match="too-many"):
        await world.edge.open_stream(LINE, "banco/main")
    await world.look()
    (await waiting).ended(Sent(0, 0, 0, "closed"))
    await world.look("nord.banco")
    (await world.edge.open_stream(LINE, "banco/main")).ended(Sent(0, 0, 0, "closed"))


async def test_a_flood_of_refusals_does_not_fill_the_ledger(world, caplog):
    """The first are written one by one, the others counted; the log says no more than that."""
    for _ in range(200):
        assert await refused(world, "va1.x.y") == "forged"
    written = len(world.edge_ledger.events)
    assert written <= federation.DENIALS
    said = [one for one in caplog.records if one.getMessage() == "assertion-refused"]
    assert len(said) == written
    world.advance(10)
    assert await refused(world, "va1.x.y") == "forged"
    assert world.edge_ledger.events[-1].count == 200 - written + 1
    for _ in range(60):
        await refused(world, "va1.x.y")
    _, token = await token_of(world)
    assert isinstance(await world.edge.release(LINE, token, ROOM), Grant)  # the honest go on


async def test_a_flood_of_denied_looks_is_bounded_as_well(world):
    """Each is genuine and each would be an entry of the gate."""
    town = world.edge_town
    world.edge_town = replace(town, pauses={"p": Pause("p", "comune", (), "u", 0)})
    codes = []
    for number in range(60):
        grant, _ = await token_of(world)
        other = replace(grant, id=f"g-{number}")
        codes.append(await refused(world, world.asserter.assertion_for(other)))
    assert codes[0] == "paused-by-owner"
    assert codes[-1] == "too-often"
    assert len(world.edge_ledger.events) <= federation.DENIALS


# the edge decides -------------------------------------------------------------------------------


async def test_the_edges_own_gate_decides(world):
    """Paused there and not known here yet: refused with the owner's reason, in the ledger."""
    world.edge_town = replace(world.edge_town, pauses={"p": Pause("p", "comune", (), "u", 0)})
    with pytest.raises(RefusedError) as caught:
        await world.look()
    assert caught.value.code == "paused-by-owner"
    assert "sospes" in caught.value.text
    assert world.edge_ledger.told() == [("live.deny", "paused-by-owner")]
    assert not world.flows()


def with_watermarks(town):
    """Every line of every act demands them."""
    acts = {
        key: replace(act, scopes=tuple(replace(one, watermark=True) for one in act.scopes))
        for key, act in town.acts.items()
    }
    return replace(town, acts=acts)


async def test_a_room_that_writes_no_watermark_gets_nothing_where_one_is_demanded(world):
    """Told with the offer, so that the room's own gate demands it; refused if it does not."""
    _, without = await token_of(world)
    world.edge_town = with_watermarks(world.edge_town)
    assert await refused(world, without) == "watermark"
    assert world.edge_ledger.told()[-1] == ("live.deny", "watermark")
    assert not world.flows()
    world.advance(10)
    assert await world.edge.tell(LINE)
    grant, token = await token_of(world)
    assert grant.flags == ("watermark",)
    assert (await world.edge.release(LINE, token, ROOM)).flags == ("watermark",)
    assert world.flows()


async def test_a_watermark_that_is_demanded_meanwhile_is_waited_for_and_not_for_long(world):
    """A look goes on until the room has had its time; then it is over."""
    await world.look()
    world.edge_town = with_watermarks(world.edge_town)
    for _ in range(2):
        world.advance(20)
        await world.settle()
        assert world.flows()
    world.advance(20)
    await world.settle()
    assert not world.flows()
    assert ("live.close", "watermark") in world.edge_ledger.told()


async def test_the_owners_pause_ends_looks_at_once(world):
    """Dark at the edge's next tick, and the operator reads why."""
    grant = await world.look()
    world.edge_town = replace(world.edge_town, pauses={"p": Pause("p", "comune", (), "u", 0)})
    await world.edge.tick()
    assert not world.flows()
    await world.settle()
    assert world.ended == [(f"s-{grant.id}", "paused-by-owner")]
    assert world.edge_ledger.told()[-1] == ("live.close", "paused-by-owner")
    with pytest.raises(RefusedError, match="over"):
        await world.edge.release(LINE, world.room.assertion_for(grant), ROOM)


async def test_a_ledger_that_cannot_be_written_releases_nothing(world):
    """Fail closed (D.5.6)."""
    world.edge_ledger.refuses = True
    with pytest.raises(RefusedError, match="ledger-not-writable"):
        await world.look()
    assert not world.flows()


async def test_an_end_that_could_not_be_written_is_written_later(world):
    """The picture is dark all the same."""
    grant = await world.look()
    world.edge_ledger.refuses = True
    await world.edge.revoke(LINE, grant.id, "paused-by-owner")
    assert not world.flows()
    world.edge_ledger.refuses = False
    await world.edge.tick()
    assert world.edge_ledger.told()[-1] == ("live.close", "paused-by-owner")


async def test_an_alarm_opens_what_waits_for_one(world):
    """The case is an alarm of the edge's own: its gate knows it."""
    from tests.unit.access.town import SHOP_ACT, alarm

    world.edge_town = replace(world.edge_town, acts={SHOP_ACT.id: SHOP_ACT})
    _, token = await _made(world, "nord.banco", purpose=Purpose.ALARM, case="al-1")
    assert await refused(world, token) == "case-missing"
    world.alarms["al-1"] = alarm("banco")
    _, token = await _made(world, "nord.banco", purpose=Purpose.ALARM, case="al-1")
    assert isinstance(await world.edge.release(LINE, token, ROOM), Grant)
    assert world.flows("banco")


# time -------------------------------------------------------------------------------------------


async def test_without_renewal_it_is_dark_when_the_assertion_ends(world):
    """Not before, not after; and the look is closed with that reason."""
    await world.look()
    world.cut()
    world.advance(59.9)
    assert world.flows()
    world.advance(0.2)
    assert not world.flows()
    await world.edge.tick()
    assert world.edge_ledger.told()[-1] == ("live.close", "assertion-expired")
    assert world.looks() == 0


async def test_a_look_goes_on_for_hours_while_it_is_renewed(world):
    """The edge's own Grant is renewed with it, and says so in the ledger."""
    await world.look()
    for _ in range(3600 // 20 * 2):
        world.advance(20)
        for one in world.sessions.values():  # the room confirms, too
            made = await world.room_gate.renew(one.grant)
            one.grant = made if isinstance(made, Grant) else one.grant
        await world.settle()
        assert world.flows()
    told = world.edge_ledger.told()
    assert told.count(("live.open", "")) == 1
    assert ("live.confirm", "") not in told, "nobody was asked here"
    assert 2 <= told.count(("live.prolong", "")) <= 7200 // (1800 - CONFIRM_S) + 1


async def test_clocks_that_differ_do_not_matter(tmp_path):
    """The room is a quarter of an hour ahead."""
    world = World(tmp_path, ahead_us=900_000_000)
    await world.offered()
    world.advance(5)
    await world.look()
    world.advance(59)
    assert world.flows()
    world.advance(2)
    assert not world.flows()


async def test_an_edge_that_restarts_asks_for_a_fresh_assertion(world):
    """What was shown before is a replay; the room's next renewal opens anew."""
    grant = await world.look()
    old = world.room.assertion_for(grant)
    world.advance(2)
    world.edge_starts()
    world.advance(3)
    assert await refused(world, old) == "replayed"
    world.join()
    await world.settle()
    assert world.flows()


# streams ----------------------------------------------------------------------------------------


async def test_a_stream_waits_for_its_assertion(world):
    """The room fetches while it asks; the first byte comes after the release."""
    opening = asyncio.ensure_future(world.edge.open_stream(LINE, "piazza/sub"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not opening.done()
    await world.look()
    lease = await opening
    assert (lease.camera, lease.small) == ("piazza", None)
    assert lease.main is world.edge.fanout("piazza", federation.StreamKind.MAIN)
    assert lease.still_allowed()
    world.advance(61)
    assert not lease.still_allowed()
    lease.ended(Sent(0, 0, 0, "revoked"))


async def test_a_stream_without_an_assertion_is_refused(world, monkeypatch):
    """After a while; and one that is not offered at once, whatever its path says."""
    monkeypatch.setattr(federation, "WAIT_S", 0.05)
    with pytest.raises(RefusedError, match="no-assertion"):
        await world.edge.open_stream(LINE, "piazza/main")
    for path in ("altrove/main", "piazza", "piazza/", "piazza/huge", "../piazza/main", ""):
        with pytest.raises(RefusedError, match="not-offered"):
            await world.edge.opener(LINE)(path)


async def test_a_still_does_not_open_the_stream(world):
    """A Grant for one picture is not one for live."""
    _, token = await _made(world, "nord.piazza", action=Action.SNAPSHOT)
    grant = await world.edge.release(LINE, token, ROOM)
    assert grant.request.action is Action.SNAPSHOT
    assert not world.flows()
    again = await world.edge.release(LINE, token, ROOM, again=True)
    assert again == grant


# offers -----------------------------------------------------------------------------------------


async def test_the_room_is_offered_what_acts_name_for_it(world):
    """And learns of every change; of addresses and problems of the house nothing."""
    assert {"nord.piazza", "nord.banco"} <= world.offers.current().cameras.keys()
    assert "192.0.2.9" not in repr(world.up.said)
    assert "rtsp://" not in repr(world.up.said)
    world.edge_town = with_site(world.edge_town, "centro", state=SiteState.SUSPENDED)
    assert await world.edge.tell(LINE)
    assert "nord.piazza" not in world.offers.current().cameras


async def test_an_institute_that_gets_text_is_told_names_and_no_more(world):
    """Alarms name the camera; no place, no state, and neither gate gives a picture."""
    town = world.edge_town
    recipient = replace(town.recipients["sala-pl"], kind=RecipientKind.INSTITUTE)
    camera = replace(town.cameras["piazza"], latitude=45.0, longitude=12.0)
    world.edge_town = replace(
        town,
        recipients=town.recipients | {"sala-pl": recipient},
        cameras=town.cameras | {"piazza": camera},
    )
    assert await world.edge.tell(LINE)
    told = world.offers.offered("nord.piazza")
    assert (told.name, told.latitude, told.state) == ("Piazza", 0.0, "")
    verdict = await world.room_gate.open(wish("nord.piazza", who=actor(method="oidc")))
    assert verdict.refusal is Refusal.TEXT_ONLY
    _, token = await _made_blind(world)
    assert await refused(world, token) == "text-only"
    assert not world.flows()


async def _made_blind(world):
    """A token of a room that does not ask its own gate."""
    grant = await world.room_gate.open(wish("piazza", who=actor(method="oidc")))
    other = replace(grant, request=replace(grant.request, camera="nord.piazza"))
    return other, world.asserter.assertion_for(other)


async def test_a_flapping_camera_does_not_flood_the_line(world):
    """States alone are told every few seconds, the newest one."""
    sent = len(world.up.said)
    for number in range(20):
        world.posts["piazza"].state = (StreamState.STALLED, StreamState.LIVE)[number % 2]
        await world.edge.tell(LINE)
        world.advance(0.5)
    assert 1 <= len(world.up.said) - sent <= 3
    world.posts["piazza"].state = StreamState.STALLED
    world.advance(10)
    assert await world.edge.tell(LINE)
    assert world.offers.offered("nord.piazza").state == "stalled"


async def test_what_the_room_did_not_take_is_offered_again(world):
    """A line that breaks in between costs nothing but time."""
    world.edge_town = with_site(world.edge_town, "centro", name="Nuovo nome")
    world.up.up = False
    assert not await world.edge.tell(LINE)
    world.up.up = True
    world.advance(2)
    assert await world.edge.tell(LINE)
    assert "Nuovo nome" in repr(world.offers.current().sites)


async def test_a_room_can_ask_for_the_offer_anew(world):
    """After it lost its memory."""
    sent = len(world.up.said)
    await world.down.call("offers?", {})
    world.advance(2)
    assert await world.edge.tell(LINE)
    assert len(world.up.said) == sent + 1


async def test_keeping_ends_and_offers_by_itself(world):
    """The two loops of the box."""
    await world.look()
    keeping = asyncio.ensure_future(world.edge.keep())
    world.cut()
    world.advance(61)
    await until(lambda: ("live.close", "assertion-expired") in world.edge_ledger.told())
    assert not world.looks()
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping


async def test_before_the_room_has_greeted_nothing_is_believed(world):
    """Its key is not known."""

    def unknown():
        raise PeerError("line: not greeted")

    world.edge._sides[LINE].room = replace(world.edge._sides[LINE].room, trust=unknown)
    _, token = await token_of(world)
    with pytest.raises(PeerError, match="not greeted"):
        await world.edge.release(LINE, token, ROOM)


async def test_whoever_checks_a_grant_sees_it_end_with_the_assertion(world):
    """Stills and clips ask the gate, not the line: no round of the loop has to come first."""
    _, token = await token_of(world)
    grant = await world.edge.release(LINE, token, ROOM)
    assert world.edge_gate.check(grant).allowed
    world.advance(60)
    assert world.edge_gate.check(grant).refusal is Refusal.GRANT_ENDED


async def test_what_was_released_does_not_come_back(world):
    """A token that was made before the end and comes after it opens nothing."""
    grant = await world.look()
    late = world.room.assertion_for(grant)
    world.room.over(grant.id, "closed")
    await world.down.quiet()
    assert await refused(world, late) == "over"
    assert not world.flows()


async def test_a_room_that_takes_no_offer_is_left_in_peace(world, caplog):
    """Asked ever more seldom while nothing changes, at once when something does or it greets."""
    room = world.room

    class Deaf(dict):
        def __missing__(self, kind):
            async def unknown(*_):
                raise RefusedError("unknown-kind", kind)

            return unknown

    world.up.handlers = Deaf
    world.edge.greeted(LINE)
    sent = len(world.up.said)
    for _ in range(600):
        world.advance(1)
        assert not await world.edge.tell(LINE)
    tries = len(world.up.said) - sent
    assert 3 <= tries <= 10
    assert sum(one.message == "offer-refused" for one in caplog.records) <= 10
    world.up.handlers = room.handlers
    world.edge.greeted(LINE)
    assert await world.edge.tell(LINE)
    world.up.handlers = Deaf
    for name in ("Uno", "Due"):
        world.edge_town = with_site(world.edge_town, "centro", name=name)
        world.advance(2)
        sent = len(world.up.said)
        assert not await world.edge.tell(LINE)
        assert len(world.up.said) == sent + 1


async def test_looks_are_closed_in_the_ledger_when_the_box_stops(world):
    """Each with what it was, and nothing flows after."""
    await world.look()
    await world.look()
    await world.edge.farewell()
    assert world.edge_ledger.told().count(("live.close", "shutdown")) == 2
    assert not world.looks()
    assert not world.flows()


async def test_the_room_hears_of_an_end_before_the_pictures_stop(world):
    """So it stops reading by itself, and does not take it for a line that broke."""
    await world.look()
    told = []
    world.up.tell = lambda kind, body: told.append((kind, world.looks()))
    world.edge_town = replace(world.edge_town, pauses={"p": Pause("p", "comune", (), "u", 0)})
    await world.edge.tick()
    assert told == [("revoke", 1)]
    assert not world.looks()
