# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Nobody makes approvers alone: who is one, and what makes somebody one."""

from dataclasses import replace

import pytest

from gateway.model.registry import Recipient, RecipientKind, Role, User, empty_registry
from gateway.registry.approvers import (
    approves,
    existing,
    founders,
    has_proof,
    held_approvers,
    orphaned,
)
from gateway.registry.entities import assemble, flatten, key_of
from tests.unit.registry.worlds import small

HASH = "$argon2id$v=19$x"
DPO = User("dpo", "D", Role.DPO, "farmacia", password_hash=HASH)
OTHER = User("altro", "A", Role.OWNER, "farmacia")


def world(*people, version=1):
    """The small world with these people, in force."""
    return assemble(version, flatten(small()) | {key_of(one): one for one in people})


def held(before, after):
    return [one.subject for one in held_approvers(before, after)]


def founded(before, after):
    return [one.id for one in founders(before, after)]


@pytest.mark.parametrize(
    ("role", "organisation", "expected"),
    [
        (Role.DPO, "farmacia", True),
        (Role.OWNER, "farmacia", True),
        (Role.PS_SUPERVISOR, "sala", True),
        (Role.PS_SUPERVISOR, "farmacia", False),
        (Role.PS_SUPERVISOR, "istituto", False),
        (Role.SYSADMIN, "farmacia", False),
        (Role.PL_OPERATOR, "sala", False),
    ],
)
def test_who_is_an_approver(role, organisation, expected):
    """Role and organisation together."""
    there = world(Recipient("istituto", "I", RecipientKind.INSTITUTE))
    assert approves(User("x", "X", role, organisation), there) is expected


def test_who_could_sign_in():
    """By password, certificate or identity provider, while the account is enabled."""
    assert has_proof(DPO)
    assert not has_proof(replace(DPO, password_hash=""))
    assert has_proof(replace(DPO, password_hash="", certificate_sha256="ab" * 32))
    assert has_proof(replace(DPO, password_hash="", oidc_subject="i|s"))
    assert not has_proof(replace(DPO, enabled=False))


def test_the_first_approver_of_an_organisation_is_entered_and_told_of():
    """Who has a role but no way to sign in could not be asked."""
    unable = replace(DPO, password_hash="")
    for before in (world(), world(unable), world(replace(DPO, role=Role.AUDITOR))):
        assert held(before, world(*before.users.values(), OTHER)) == []
        assert founded(before, world(*before.users.values(), OTHER)) == ["altro"]
    assert founded(world(version=0), world(OTHER)) == [], "an empty box is free"


@pytest.mark.parametrize(
    "now",
    [
        None,
        replace(DPO, enabled=False),
        replace(DPO, role=Role.AUDITOR),
        replace(DPO, password_hash=""),
        replace(DPO, organisation="sala"),
    ],
    ids=["removed", "off", "role", "proof", "organisation"],
)
def test_the_last_approver_of_an_organisation(now):
    """Whatever takes the last one away leaves the organisation alone; a second one does not."""
    left = [now] if now else []
    assert orphaned(world(DPO), world(*left)) == ("farmacia",)
    assert orphaned(world(DPO, OTHER), world(OTHER, *left)) == ("farmacia",), "no proof, no one"
    able = replace(OTHER, certificate_sha256="ab" * 32)
    assert orphaned(world(DPO, able), world(able, *left)) == ()
    assert orphaned(world(*left), world(*left)) == ()
    assert orphaned(world(DPO), empty_registry()) == (), "nothing is left to be asked about"


@pytest.mark.parametrize(
    "was",
    [
        None,
        replace(OTHER, role=Role.AUDITOR),
        replace(OTHER, enabled=False),
        replace(OTHER, organisation="sala"),
        replace(OTHER, certificate_sha256="cd" * 32),
        replace(OTHER, oidc_subject="i|other"),
        replace(OTHER, second_factor=True),
    ],
    ids=["new", "role", "enabled", "organisation", "certificate", "subject", "factor"],
)
def test_whatever_makes_somebody_an_approver_asks_an_existing_one(was):
    """A new account, a better role, another proof of who it is."""
    now = replace(OTHER, certificate_sha256="ab" * 32, oidc_subject="i|s")
    if was is not None and was.certificate_sha256 == "":
        was = replace(was, certificate_sha256="ab" * 32)
    if was is not None and was.oidc_subject == "":
        was = replace(was, oidc_subject="i|s")
    before = world(DPO, *([was] if was else []))
    assert held(before, world(DPO, now)) == ["altro"]
    assert founded(before, world(DPO, now)) == []


@pytest.mark.parametrize(
    "now",
    [
        OTHER,
        replace(OTHER, name="Altro"),
        replace(OTHER, enabled=False),
        replace(OTHER, role=Role.AUDITOR),
        replace(OTHER, certificate_sha256=""),
        replace(OTHER, second_factor=True),
    ],
)
def test_what_takes_away_or_says_nothing_new_is_free(now):
    """Nobody is asked for a name, or for less."""
    before = world(DPO, replace(OTHER, certificate_sha256="ab" * 32))
    now = replace(now, certificate_sha256="ab" * 32 if now is OTHER else now.certificate_sha256)
    assert held(before, world(DPO, now)) == []
    assert founded(before, world(DPO, now)) == []


def test_the_approver_of_another_house_is_not_asked():
    """And those who are there are listed by organisation."""
    before = world(DPO)
    assert held(before, world(DPO, User("capo", "C", Role.PS_SUPERVISOR, "sala"))) == []
    assert [one.id for one in existing("farmacia", before)] == ["dpo"]
    assert existing("sala", before) == ()


def test_an_approver_whose_certificate_changes_is_asked_with_the_old_one():
    """The only one there is can say that the new certificate is theirs."""
    before = world(replace(DPO, certificate_sha256="ab" * 32))
    assert held(before, world(replace(DPO, certificate_sha256="cd" * 32))) == ["dpo"]
