# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Whose certificate it is."""

from dataclasses import replace

import pytest

from gateway.access.certificates import Certificates, normal
from gateway.model.registry import Role
from tests.unit.access.town import registry, with_user

PRINT = "ab" * 32
OTHER = "cd" * 32


class World:
    """A registry that changes, and who is known in it."""

    def __init__(self, role=Role.MACHINE, organisation="sala-pl", **more):
        self.registry = with_user(
            registry(), "nodo", role, organisation, certificate_sha256=PRINT, **more
        )
        self.certificates = Certificates(lambda: self.registry)

    def change(self, **changes):
        users = self.registry.users
        self.registry = replace(
            self.registry, users=users | {"nodo": replace(users["nodo"], **changes)}
        )


def test_a_machine_is_known_by_its_fingerprint():
    """The actor carries fingerprint, method and the name of the desk; no session of ours."""
    found = World().certificates.actor(PRINT, "CN=nodo", "192.0.2.4")
    assert (found.id, found.role, found.method) == ("nodo", Role.MACHINE, "certificate")
    assert (found.certificate_sha256, found.workstation) == (PRINT, "CN=nodo")
    assert found.source_ip == "192.0.2.4"
    assert found.session.startswith("tls-")


@pytest.mark.parametrize(
    "typed", [PRINT.upper(), ":".join(PRINT[i : i + 2] for i in range(0, 64, 2))]
)
def test_fingerprints_compare_however_they_are_written(typed):
    """Colons and capitals are how tools print them."""
    assert normal(typed) == PRINT
    world = World()
    world.change(certificate_sha256=typed)
    assert world.certificates.actor(PRINT) is not None


@pytest.mark.parametrize("shown", ["", OTHER, PRINT[:-1], PRINT + "0", "x" * 64, "é" * 64])
def test_others_are_nobody(shown):
    """No fingerprint, another one, or none at all."""
    world = World()
    assert world.certificates.actor(shown) is None
    world.change(certificate_sha256="")
    assert world.certificates.actor("") is None


def test_two_accounts_with_one_certificate_are_nobody():
    """Which of them would the ledger name?"""
    world = World()
    world.registry = with_user(
        world.registry, "altro", Role.MACHINE, "sala-pl", certificate_sha256=PRINT
    )
    assert world.certificates.actor(PRINT) is None


@pytest.mark.parametrize(
    ("role", "organisation", "known"),
    [
        (Role.MACHINE, "comune", True),
        (Role.PL_OPERATOR, "sala-pl", True),
        (Role.INSTITUTE_OPERATOR, "istituto", False),
        (Role.OWNER, "farmacia", False),
        (Role.SYSADMIN, "comune", False),
    ],
)
def test_machines_and_rooms_only(role, organisation, known):
    """A certificate alone is no person of an owner, an institute or the administration."""
    found = World(role, organisation).certificates.actor(PRINT)
    assert (found is not None) is known


@pytest.mark.parametrize("more", [{"second_factor": True}, {"totp_secret": "A" * 32}])
def test_it_replaces_no_second_factor(more):
    """Whoever needs two proofs does not get in with one."""
    assert World(**more).certificates.actor(PRINT) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"enabled": False},
        {"certificate_sha256": ""},
        {"certificate_sha256": OTHER},
        {"role": Role.PS_OPERATOR},
        {"organisation": "comune"},
        {"second_factor": True},
    ],
)
def test_revocation_is_immediate(changes):
    """What was made before does not hold any more once the registry says otherwise."""
    world = World()
    made = world.certificates.actor(PRINT)
    assert world.certificates.is_still(made)
    world.change(**changes)
    assert not world.certificates.is_still(made)
