# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.access.holdup, and what the gate opens under a hold-up."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.access import policy
from gateway.access.holdup import holdup_basis
from gateway.model.access import Action, Purpose, Refusal
from gateway.model.alarm import Alarm, AlarmRecord, AlarmState
from gateway.model.holdup import RULE
from gateway.model.registry import Disclosure
from gateway.registry.seed import parse_seed
from tests.unit.access.shop import ACT, HOLDUP, SCOPES, SHOP, VERIFIED, shop
from tests.unit.access.town import NOW, actor, at, wish

ALARM = Alarm("al-1", "banco", HOLDUP.id, RULE, 5, NOW, also=SHOP[1:], silent=True)
RECORD = AlarmRecord(ALARM, AlarmState.OPEN, NOW.utc_us, recipients=("sala-pl",))


def test_the_rooms_of_the_act_are_called_and_the_centre_first():
    """Rooms and centre come from the channel as far as acts in force name them."""
    basis = holdup_basis(VERIFIED, shop(VERIFIED), NOW)
    assert (basis.rooms, basis.centre, basis.withheld) == (("sala-pl",), "centrale", ())
    assert basis.act == "accordo-farmacia"
    assert basis.before_s == dict.fromkeys(SHOP, 30.0)


def test_a_room_that_an_act_does_not_name_for_each_camera_is_not_called():
    """One camera of the shop outside the act keeps a recipient out: it would open all of them."""
    scopes = (replace(SCOPES[0], cameras=SHOP[:2]), SCOPES[1])
    basis = holdup_basis(VERIFIED, shop(VERIFIED, replace(ACT, scopes=scopes)), NOW)
    assert (basis.rooms, basis.centre, basis.withheld) == ((), "centrale", ("sala-pl",))


@pytest.mark.parametrize("when", [at(2026, 1, 31, 12), at(2027, 2, 1, 12)])
def test_an_act_before_or_after_its_term_calls_nobody(when):
    """Acts that are not in force count for nothing."""
    basis = holdup_basis(HOLDUP, shop(), when)
    assert (basis.rooms, basis.act, set(basis.before_s.values())) == ((), "", {0})


def test_a_scope_for_incidents_alone_calls_nobody():
    """Nobody has an incident yet when the button is pressed."""
    scopes = (replace(SCOPES[0], disclosure=Disclosure.ON_INCIDENT),)
    basis = holdup_basis(HOLDUP, shop(act=replace(ACT, scopes=scopes)), NOW)
    assert basis.rooms == ()


def _decide(camera, record=RECORD, action=Action.LIVE, who=None):
    request = wish(camera, Purpose.ALARM, "al-1", who, action=action)
    return policy.decide(request, shop(), record, NOW)


@pytest.mark.parametrize("camera", SHOP)
@pytest.mark.parametrize("action", [Action.LIVE, Action.SNAPSHOT, Action.PLAYBACK])
def test_a_holdup_opens_every_camera_of_its_shop(camera, action):
    """Live and the seconds before, of the alarm's own camera and of each other one."""
    assert _decide(camera, action=action).allowed


def test_a_holdup_opens_nothing_else():
    """A camera that is not the shop's stays as it was: the alarm is none of its."""
    assert not _decide("piazza").allowed
    assert _decide("piazza").act == ""


@pytest.mark.parametrize("camera", SHOP)
def test_after_the_verdict_all_of_them_are_dark(camera):
    """A closed hold-up opens no camera any more."""
    closed = replace(RECORD, state=AlarmState.CLOSED)
    assert _decide(camera, closed).refusal is Refusal.ALARM_CLOSED


def test_a_room_that_was_not_called_does_not_look():
    """Until the centre has confirmed, the number of the alarm opens the police nothing."""
    asked = replace(RECORD, recipients=("centrale",))
    assert not _decide("banco", asked).allowed
    assert not _decide("ingresso", RECORD, who=actor(organisation="questura")).allowed


def test_an_ordinary_alarm_opens_its_own_camera_alone():
    """What does not say that it opens more does not."""
    plain = replace(RECORD, alarm=replace(ALARM, also=(), silent=False))
    assert _decide("banco", plain).allowed
    assert not _decide("ingresso", plain).allowed


def test_the_channel_of_the_guide_is_one():
    """The table of docs/guide/antirapina.md is read as it is printed."""
    guide = Path(__file__).parents[3] / "docs" / "guide" / "antirapina.md"
    (block,) = re.findall(
        r"^```toml\n(.*?)^```", guide.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    (channel,) = parse_seed(block, "guide").entities.values()
    assert (channel.verify, channel.contacts) == ("centrale", ("pulsante-banco",))
