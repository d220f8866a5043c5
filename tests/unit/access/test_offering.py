# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a room may be told of an edge's cameras: what acts name for it, and nothing else."""

from dataclasses import replace
from datetime import date

from hypothesis import given

from gateway.access import policy
from gateway.access.offering import has_pictures, offered
from gateway.model.access import Verdict
from gateway.model.registry import (
    Analytic,
    Disclosure,
    Edge,
    Extension,
    Pause,
    Recipient,
    RecipientKind,
    SiteState,
)
from gateway.model.room import Offer
from gateway.room.offers import overlaid
from gateway.wire.federation import Parts, parts_of
from tests.unit.access.test_rules import towns
from tests.unit.access.town import (
    NOW,
    SHOP_ACT,
    SQUARE_ACT,
    actor,
    registry,
    wish,
    with_mask,
    with_site,
)

SCOPE_OF_TWO = replace(SQUARE_ACT.scopes[0], recipients=("sala-pl", "questura"))


def ids(town, recipient="sala-pl", now=NOW):
    return [one.id for one in offered(town, recipient, now.utc_us)]


def test_only_cameras_that_acts_name_are_offered():
    """The room gets both, a stranger none."""
    assert ids(registry()) == ["banco", "piazza"]
    assert ids(registry(SHOP_ACT)) == ["banco"]
    assert ids(registry(), "altra-sala") == []


def test_what_an_own_edge_offers_is_not_offered_further():
    """A room that is an edge of another: an edge of its own that names both hides nothing."""
    far = Offer("nord", "Nord", 1, offered(registry(SQUARE_ACT), "sala-pl", NOW.utc_us))
    own = registry(replace(SQUARE_ACT, scopes=(SCOPE_OF_TWO,)))
    outer = Recipient("questura", "Questura", RecipientKind.ROOM)
    nord = Edge("nord", "Nord", "a" * 64, ("sala-pl", "questura"))
    own = replace(own, recipients=own.recipients | {"questura": outer}, edges={"nord": nord})
    town = overlaid(own, {"nord": far})
    assert "nord.piazza" in town.cameras
    cameras = offered(town, "questura", NOW.utc_us)
    assert [one.id for one in cameras] == ["piazza"]
    assert parts_of(Offer("sala", "Sala", 1, cameras))


def test_what_is_told_of_a_camera():
    """Names, place, act and when it may be looked at; no address of the house."""
    one = offered(registry(SHOP_ACT), "sala-pl", NOW.utc_us)[0]
    assert (one.name, one.site_name, one.controller_name) == ("Banco", "Negozio", "Farmacia")
    (act,) = one.acts
    assert (act.id, act.number, act.disclosure) == (
        "accordo-farmacia",
        "12/2026",
        Disclosure.ON_ALARM,
    )
    assert act.before_s == 20.0
    assert act.from_utc_us < NOW.utc_us < act.until_utc_us
    assert "rtsp" not in repr(one)


def test_who_gets_text_alone_is_told_names_alone():
    """Alarms name the camera; nothing else of it is told."""
    town = registry(SHOP_ACT)
    where = replace(town.cameras["banco"], latitude=45.0, longitude=12.0, sub_url="rtsp://b/2")
    town = replace(town, cameras=town.cameras | {"banco": where})
    (one,) = offered(town, "istituto", NOW.utc_us)
    assert [act.disclosure for act in one.acts] == [Disclosure.TEXT_ONLY]
    assert (one.name, one.latitude, one.longitude, one.has_sub) == ("Banco", 0.0, 0.0, False)
    assert not has_pictures(one)
    (one,) = offered(town, "sala-pl", NOW.utc_us)
    assert (one.latitude, one.has_sub, has_pictures(one)) == (45.0, True, True)


def test_a_site_that_is_not_active_is_not_offered():
    """Neither approved nor suspended sites are shown to anybody."""
    for state in SiteState:
        town = with_site(registry(), "centro", state=state)
        assert ("piazza" in ids(town)) is (state is SiteState.ACTIVE)


def test_an_act_that_is_over_offers_nothing_until_it_is_extended():
    """From 24:00 in Rome on."""
    after = NOW.shifted(20 * 86_400)
    assert "piazza" in ids(registry(), now=NOW)
    assert "piazza" not in ids(registry(), now=after)
    longer = Extension("p1", "patto", date(2026, 8, 1), "u", date(2026, 6, 1), "proroga")
    assert "piazza" in ids(replace(registry(), extensions={"p1": longer}), now=after)


def test_a_public_place_without_assessment_is_not_offered():
    """B-16: nobody hears of it before the assessment is there."""
    assert "piazza" not in ids(registry(replace(SQUARE_ACT, dpia=""), SHOP_ACT))


def test_what_is_paused_or_masked_is_offered_as_such():
    """The room's map says why there is no picture."""
    town = replace(registry(), pauses={"p": Pause("p", "comune", (), "u", 0)})
    by_id = {one.id: one for one in offered(town, "sala-pl", NOW.utc_us)}
    assert (by_id["piazza"].paused, by_id["banco"].paused) == (True, False)
    by_id = {one.id: one for one in offered(with_mask(town, "banco"), "sala-pl", NOW.utc_us)}
    assert (by_id["piazza"].masked, by_id["banco"].masked) == (False, True)


def test_two_lines_of_one_act_are_told_as_one():
    """The wider one counts."""
    line = SHOP_ACT.scopes[0]
    both = replace(SHOP_ACT, scopes=(line, replace(line, disclosure=Disclosure.ALWAYS)))
    (act,) = offered(registry(both), "sala-pl", NOW.utc_us)[0].acts
    assert (act.disclosure, act.before_s) == (Disclosure.ALWAYS, 20.0)
    assert not act.watermark
    both = replace(SHOP_ACT, scopes=(replace(line, watermark=True), line))
    assert offered(registry(both), "sala-pl", NOW.utc_us)[0].acts[0].watermark


def test_that_an_act_has_plates_read_is_told_to_the_room():
    """One of its lines is enough; without it the room opens no plate of that camera."""
    line = SHOP_ACT.scopes[0]
    assessed = replace(SHOP_ACT, dpia="DPIA 1/2026", dpia_date=SHOP_ACT.valid_from)
    plates = replace(assessed, scopes=(line, replace(line, analytics=(Analytic.PLATES,))))
    for act, told in ((SHOP_ACT, False), (plates, True)):
        assert offered(registry(act), "sala-pl", NOW.utc_us)[0].acts[0].plates is told


def test_what_is_shown_during_incidents_alone_is_not_offered():
    """An edge knows of no incident of a room."""
    line = replace(SHOP_ACT.scopes[0], disclosure=Disclosure.ON_INCIDENT)
    assert ids(registry(replace(SHOP_ACT, scopes=(line,)))) == []


@given(town=towns())
def test_whatever_the_gate_would_show_is_offered(town):
    """A camera that is not offered would be refused by the policy, for every recipient."""
    for recipient in town.recipients:
        shown = set(ids(town, recipient))
        for camera in town.cameras:
            verdict = policy.decide(
                wish(camera, who=actor(organisation=recipient)), town, None, NOW
            )
            assert isinstance(verdict, Verdict)
            assert not verdict.allowed or camera in shown


@given(town=towns())
def test_whatever_is_offered_can_be_told(town):
    """Every offer fits the line's form."""
    for recipient in town.recipients:
        offer = Offer("nord", "Nord", 1, offered(town, recipient, NOW.utc_us))
        reader = Parts()
        assert [reader.receive(one) for one in parts_of(offer)][-1] == offer
