# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which names a role reads: its own, those of its acts, and nobody else's."""

from dataclasses import replace

import pytest

from gateway.console import visibility
from gateway.model.access import Actor, Purpose
from gateway.model.registry import Permit, Role
from tests.ui.town import GATE, INSTITUTE, PHARMACY, ROOM, SQUARE, Town, registry

REGISTRY = registry()


def actor(role, organisation):
    return Actor("u", "U", role, organisation, "s", "password")


@pytest.mark.parametrize(
    ("role", "organisation", "seen"),
    [
        (Role.PL_OPERATOR, ROOM, {GATE, SQUARE, "piazza-2", "scuola-1", PHARMACY}),
        (Role.OWNER, "farmacia", {PHARMACY}),
        (Role.SYSADMIN, "elsewhere", set(REGISTRY.cameras)),
        (Role.INSTITUTE_OPERATOR, INSTITUTE, set()),
        (Role.AUDITOR, "comune", set()),
        (Role.OWNER, "stranger", set()),
    ],
)
def test_cameras_of(role, organisation, seen):
    """A room knows the cameras of its acts, a controller its own, who has no such page none."""
    assert {one.id for one in visibility.cameras_of(REGISTRY, actor(role, organisation))} == seen


def test_disclosure_is_told_per_organisation():
    """The room is told that the shop shows itself on alarm; a stranger is told nothing."""
    room, stranger = actor(Role.PL_OPERATOR, ROOM), actor(Role.PL_OPERATOR, "sala-b")
    assert visibility.disclosure_of(REGISTRY, PHARMACY, room) == "su-allarme"
    assert visibility.disclosure_of(REGISTRY, SQUARE, room) == "sempre"
    assert visibility.disclosure_of(REGISTRY, SQUARE, stranger) == ""


@pytest.mark.parametrize(
    ("role", "organisation", "sees", "closes"),
    [
        (Role.PL_OPERATOR, ROOM, True, True),
        (Role.OWNER, "farmacia", True, True),
        (Role.INSTITUTE_OPERATOR, INSTITUTE, True, False),
        (Role.PL_OPERATOR, "sala-b", False, False),
        (Role.OWNER, "comune", False, False),
        (Role.DPO, "farmacia", False, False),
        (Role.SYSADMIN, ROOM, False, False),
    ],
)
def test_who_sees_and_closes_an_alarm(role, organisation, sees, closes):
    """Recipient or owner see it; the verdict is the room's or the owner's."""
    record = Town().alarms.raise_one()
    who = actor(role, organisation)
    assert visibility.sees_alarm(record, REGISTRY, who) is sees
    assert visibility.may_close(record, REGISTRY, who) is closes


def test_every_role_has_its_pages():
    """No role is forgotten, and only who may choose a purpose is offered pictures."""
    assert set(visibility.VIEWS) == set(Role)
    assert visibility.reads_ledger(Role.DPO)
    assert not visibility.reads_ledger(Role.SYSADMIN)
    assert visibility.may_ask_to_look(actor(Role.OWNER, "farmacia"))
    assert not visibility.may_ask_to_look(actor(Role.AUDITOR, "comune"))


def test_purposes_follow_the_permits_of_the_registry():
    """A role with lines of its own is offered what they say of live pictures, and no more."""

    def offered(role, *lines):
        permits = {
            str(at): Permit(str(at), role, actions, purposes)
            for at, (actions, purposes) in enumerate(lines)
        }
        return visibility.purposes_of(role, replace(REGISTRY, permits=permits))

    pl = Role.PL_OPERATOR
    assert offered(pl) == visibility.purposes_of(pl)
    assert offered(pl, (("live",), ("servizio", "allarme"))) == (Purpose.SERVICE,)
    assert offered(pl, (("playback",), ("servizio",))) == ()
    assert offered(pl, ((), ("delega-ag",)), (("live",), ("titolare",))) == (
        Purpose.JUDICIAL,
        Purpose.OWNER,
    )
    assert offered(Role.SYSADMIN, ((), ())) == ()
    other = {"x": Permit("x", Role.OWNER, ("live",), ("titolare",))}
    assert visibility.purposes_of(pl, replace(REGISTRY, permits=other)) == offered(pl)
