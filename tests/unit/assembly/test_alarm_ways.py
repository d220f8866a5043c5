# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.assembly.alarm_ways."""

from dataclasses import replace

from gateway.assembly.alarm_ways import alarm_bounds, way_of
from gateway.config.options import AlarmOptions
from gateway.model.alarm import Alarm
from gateway.model.registry import Escalation, EscalationStep, Recipient, RecipientKind
from gateway.relay.alarms.escalation import ANSWER_S
from tests.fakes import FakeClock
from tests.unit.registry.worlds import small

PL = Recipient("pl", "Polizia locale", RecipientKind.ROOM)
PS = Recipient("ps", "Questura", RecipientKind.ROOM, broker="b")


def test_a_policy_only_delays_those_whom_the_act_names():
    """Without one all hear at once; a recipient of the policy alone hears never."""
    steps = (EscalationStep(0, ("pl",)), EscalationStep(60, ("ps", "estraneo")))
    ladder = Escalation("notte", cameras=("banco",), steps=steps)
    alarm = Alarm("a", "banco", "z", "intrusione", 3, FakeClock().now())
    plain = way_of(alarm, [PS, PL], small())
    assert (plain.recipients, plain.near) == ((PS, PL), {"banco"})
    assert plain.plan == ((ANSWER_S, ()),)
    registry = replace(small(), escalations={"notte": ladder})
    way = way_of(alarm, [PS, PL], registry)
    assert (way.recipients, way.plan) == ((PL,), ((60, ("ps",)), (240, ())))
    assert way_of(replace(alarm, camera="altra"), [PS, PL], registry).plan == plain.plan


def test_the_book_keeps_what_the_configuration_says():
    """Days and mebibytes become seconds and bytes."""
    bounds = alarm_bounds(AlarmOptions(keep_days=2, most=5000, ballast_mib=3))
    assert (bounds.keep_s, bounds.most, bounds.ballast_bytes) == (172_800, 5000, 3 << 20)
