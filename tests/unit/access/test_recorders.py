# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.access.recorders."""

from dataclasses import replace

import pytest

from gateway.access.recorders import actor_of, is_still
from gateway.model.access import RECORDER_METHODS
from gateway.model.registry import Role, User
from tests.unit.access.town import registry

USER = User("vms", "Registratore", Role.MACHINE, "sala-pl", password_hash="$argon2id$x")


def still(**changes):
    """Return whether a look goes on after these changes to the account."""
    actor = actor_of(USER, "192.0.2.7", "rtsp-basic", "c0ffee")
    return is_still(actor, replace(registry(), users={"vms": replace(USER, **changes)}))


def test_an_account_as_it_was_goes_on():
    """Nothing changed but its name."""
    assert still()
    assert still(name="Altro nome")


@pytest.mark.parametrize(
    "changes",
    [
        {"enabled": False},
        {"password_hash": "$argon2id$y"},
        {"organisation": "altra"},
        {"role": Role.PL_OPERATOR},
    ],
)
def test_any_change_to_the_account_ends_its_looks(changes):
    """Whoever took the password away, or the account, means now."""
    assert not still(**changes)


def test_an_account_that_is_gone_ends_too():
    """A registry without it knows nobody of that name."""
    actor = actor_of(USER, "192.0.2.7", "rtsp-digest", "c0ffee")
    assert not is_still(actor, replace(registry(), users={}))
    assert actor.method in RECORDER_METHODS
    assert (actor.id, actor.source_ip, actor.organisation) == ("vms", "192.0.2.7", "sala-pl")


def test_connections_are_told_apart_and_hold_no_secret():
    """Two sessions of one account have two names; the hash stands in neither."""
    one, two = (actor_of(USER, "", "rtsp-basic", name) for name in ("a1", "b2"))
    assert one.session != two.session
    assert "argon2id" not in one.session
