# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What edges offer, over the room's own registry: seen by whom it should, and by nobody else."""

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access import calendar, policy
from gateway.console.visibility import cameras_of
from gateway.model.access import Refusal
from gateway.model.errors import RefusedError, WireError
from gateway.model.registry import Disclosure, Edge, Role, SiteState
from gateway.model.room import Offer, OfferedAct
from gateway.room import offers as module
from gateway.room.offers import LEAST_BETWEEN_S, Offers, overlaid
from gateway.wire.federation import parts_of
from tests.fakes import FakeClock
from tests.unit.access.town import NOW, actor, registry, wish
from tests.unit.wire.test_federation import CAMERA

NORTH = Edge("nord", "Edge Nord", "a" * 64, ("sala-pl",))
SOUTH = Edge("sud", "Edge Sud", "b" * 64, ("istituto",))
ACT = replace(
    CAMERA.acts[0],
    from_utc_us=calendar.begin_us(date(2026, 1, 1)),
    until_utc_us=calendar.end_us(date(2026, 12, 31)),
)
OURS = replace(CAMERA, acts=(ACT,))


def town(*edges):
    return replace(registry(), edges={one.id: one for one in edges or (NORTH, SOUTH)})


def offer(*cameras, edge="nord", **more):
    return Offer(edge, edge.title(), 1, cameras or (OURS,), **more)


def look(camera, registry, **more):
    return policy.decide(wish(camera, **more), registry, None, NOW)


def test_a_camera_of_an_edge_can_be_asked_for_like_any_other():
    """Under its own act, by the organisation that the room's registry names."""
    known = overlaid(town(), {"nord": offer()})
    camera = known.cameras["nord.banco"]
    assert (camera.url, camera.sub_url) == ("line://nord/banco", "line://nord/banco?stream=sub")
    assert not camera.continuous
    verdict = look("nord.banco", known)
    assert (verdict.allowed, verdict.act) == (True, "nord.patto")
    assert known.sites["nord.farmacia"].name == "Edge Nord · Farmacia"
    assert known.controller_of(camera).id == "nord.farmacista"


def test_nobody_else_sees_the_cameras_of_an_edge():
    """Two organisations in one room never see each other's edges (A-26)."""
    known = overlaid(town(), {"nord": offer(), "sud": offer(edge="sud")})
    seen = [one.id for one in cameras_of(known, actor())]
    assert "nord.banco" in seen
    assert "sud.banco" not in seen
    assert look("sud.banco", known).refusal is Refusal.NO_ACT
    assert not policy.is_known(actor(), "sud.banco", known)
    other = actor(Role.OWNER, "farmacia")
    assert not [one for one in cameras_of(known, other) if "." in one.id]


def test_an_edge_that_is_not_ours_any_more_shows_nothing():
    """Not in the registry, disabled, or nobody's: the registry stays as it is."""
    for edges in ((SOUTH,), (replace(NORTH, enabled=False),), (replace(NORTH, organisations=()),)):
        stored = town(*edges)
        assert overlaid(stored, {"nord": offer()}) is stored


def test_nothing_of_the_room_is_shadowed():
    """An edge that names its things like ours changes none of ours."""
    named = replace(
        OURS, id="piazza", site="centro", controller="comune", acts=(replace(ACT, id="patto"),)
    )
    stored = town()
    known = overlaid(stored, {"nord": offer(named)})
    for kind in ("controllers", "sites", "cameras", "acts", "users", "recipients", "edges"):
        before, after = getattr(stored, kind), getattr(known, kind)
        assert {name: after[name] for name in before} == before
        assert all(name.startswith("nord.") for name in after.keys() - before.keys())
    assert {name.partition(".")[0] for name in known.cameras if "." in name} == {"nord"}


def test_what_is_paused_there_is_refused_here():
    """With the words that people know."""
    known = overlaid(town(), {"nord": offer(replace(OURS, paused=True), replace(OURS, id="x"))})
    assert look("nord.banco", known).refusal is Refusal.PAUSED
    assert look("nord.x", known).allowed


def test_disclosure_and_term_are_the_edges():
    """An alarm is needed where the act says so; the act ends here when it ends there."""
    on_alarm = replace(OURS, acts=(replace(ACT, disclosure=Disclosure.ON_ALARM),))
    known = overlaid(town(), {"nord": offer(on_alarm)})
    assert look("nord.banco", known).refusal is Refusal.ONLY_ON_ALARM
    marked = replace(OURS, acts=(replace(ACT, watermark=True),))
    known = overlaid(town(), {"nord": offer(marked)})
    assert look("nord.banco", known).flags == ("watermark",)
    over = replace(OURS, acts=(replace(ACT, until_utc_us=calendar.begin_us(date(2026, 6, 1))),))
    known = overlaid(town(), {"nord": offer(over)})
    assert look("nord.banco", known).refusal is Refusal.ACT_EXPIRED


@given(
    since=st.integers(1, 20_000),
    days=st.integers(1, 4_000),
    clock=st.integers(0, 86_399_999_999),
    whole=st.booleans(),
)
def test_an_act_lasts_exactly_as_long_here_as_there(since, days, clock, whole):
    """Whatever day and hour it ends, also when clocks change, to the microsecond."""
    first = date.fromordinal(date(1970, 1, 2).toordinal() + since)
    last = date.fromordinal(first.toordinal() + days)
    until_us = calendar.end_us(last)
    if not whole:
        until_us = calendar.begin_us(last) + clock
    act = OfferedAct("a", "A", "1", calendar.begin_us(first), until_us, Disclosure.ALWAYS)
    known = overlaid(town(), {"nord": offer(replace(OURS, acts=(act,)))})
    view = policy.view_of(known)
    begins, ends = act.from_utc_us, act.until_utc_us
    assert view.in_force("nord.a", begins)
    assert not view.in_force("nord.a", begins - 1)
    assert not view.in_force("nord.a", ends + 3_600_000_000)
    assert view.in_force("nord.a", ends - 1 - 3_600_000_000) or ends - begins < 7_200_000_000
    assert all(site.state is SiteState.ACTIVE for site in known.sites.values())


def test_an_exercise_is_marked():
    """What a simulator shows never looks like a place."""
    known = overlaid(town(), {"nord": offer(exercise=True)})
    assert known.sites["nord.farmacia"].name.endswith("(esercitazione)")


class Kept:
    def __init__(self, folder):
        self.clock = FakeClock()
        self.town = town()
        self.folder = folder
        self.offers = Offers(lambda: self.town, folder, self.clock)

    def take(self, edge, one):
        self.clock.advance(LEAST_BETWEEN_S)
        for body in parts_of(one):
            self.offers.receive(edge, json.loads(json.dumps(body)))


@pytest.fixture
def kept(tmp_path):
    return Kept(tmp_path / "offers")


def test_the_registry_is_made_anew_only_when_it_changes(kept):
    """States come and go with every look; views of the registry are kept by identity."""
    kept.take("nord", offer())
    first, version = kept.offers.current(), kept.offers.version
    kept.take("nord", offer(replace(OURS, state="stalled", problem="x", masked=True)))
    assert kept.offers.current() is first
    assert kept.offers.offered("nord.banco").state == "stalled"
    kept.take("nord", offer(replace(OURS, name="Altro")))
    assert kept.offers.current().cameras["nord.banco"].name == "Altro"
    assert kept.offers.version > version
    kept.town = replace(kept.town, version=6)
    assert kept.offers.current().version == 6
    assert kept.offers.entered() is kept.town


def test_an_edge_that_lies_about_its_identity_is_refused(kept):
    """Its certificate says who it is; an offer in another's name does not count."""
    with pytest.raises(RefusedError, match="wrong-edge"):
        kept.take("nord", offer(edge="sud"))
    with pytest.raises(RefusedError, match="unknown-edge"):
        kept.take("ignoto", offer(edge="ignoto"))
    kept.town = town(replace(NORTH, enabled=False))
    with pytest.raises(RefusedError, match="unknown-edge"):
        kept.take("nord", offer())
    assert kept.offers.current() is kept.town


def test_a_strange_offer_changes_nothing(kept):
    """The last good one stays."""
    kept.take("nord", offer())
    (body,) = parts_of(offer())
    kept.clock.advance(LEAST_BETWEEN_S)
    with pytest.raises(WireError):
        kept.offers.receive("nord", body | {"cameras": [{}]})
    assert "nord.banco" in kept.offers.current().cameras


def test_an_edge_that_does_not_wait_is_refused(kept):
    """Nobody keeps the room busy with registries."""
    kept.take("nord", offer())
    with pytest.raises(RefusedError, match="too-often"):
        kept.offers.receive("nord", parts_of(offer())[0])


def test_edges_are_bounded(kept, monkeypatch):
    """Memory, too."""
    monkeypatch.setattr(module, "MOST_EDGES", 1)
    kept.take("nord", offer())
    with pytest.raises(RefusedError, match="too-many"):
        kept.take("sud", offer(edge="sud"))


def test_what_an_edge_offered_is_there_after_a_restart(kept):
    """Its cameras stay on the map while it is away; states do not."""
    kept.take("nord", offer(replace(OURS, state="live")))
    kept.offers.save("nord")
    kept.offers.save("sud")
    again = Offers(lambda: kept.town, kept.folder, kept.clock)
    again.load()
    assert again.current().cameras.keys() == kept.offers.current().cameras.keys()
    assert again.offered("nord.banco").state == ""
    assert not again.is_up("nord")
    assert [one.name for one in kept.folder.iterdir()] == ["nord.json"]


@pytest.mark.parametrize("text", ["", "[]", "7", "[7]", '{"a":1}', "[" * 9999, "[{}]", "\0\xff"])
def test_a_spoilt_file_is_left_out(kept, text):
    """A disk's mistake hides one edge until it dials again, and stops nothing."""
    kept.take("sud", offer(edge="sud"))
    kept.offers.save("sud")
    (kept.folder / "nord.json").write_text(text, "latin-1")
    (kept.folder / "altro.json").write_text((kept.folder / "sud.json").read_text())
    again = Offers(lambda: kept.town, kept.folder, kept.clock)
    again.load()
    assert [one for one in again.current().cameras if "." in one] == ["sud.banco"]


def test_an_edge_that_left_is_forgotten(kept):
    """In memory and on disk."""
    kept.take("nord", offer())
    kept.offers.save("nord")
    kept.town = town(SOUTH)
    kept.offers.prune()
    assert not list(kept.folder.iterdir())
    kept.town = town()
    assert "nord.banco" not in kept.offers.current().cameras
