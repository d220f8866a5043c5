# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Recording programs of recipients: who they are, and whether they still are (ADR 23).

A recorder shows a password on each connection and has no sign-in. Its Actor's session carries a
print of the account as it was, so that any change to the account ends its looks.
"""

import hashlib

from gateway.model.access import Actor
from gateway.model.registry import Registry, Role, User

NOBODY_KNOWN = "persona non identificata"
"""Reason in each entry: a program reads, whoever sits in front of it."""
_PRINT_CHARS = 16


def actor_of(user: User, source_ip: str, method: str, connection: str) -> Actor:
    """Return the actor of one connection; `connection`: anything that tells it from others."""
    return Actor(
        user.id,
        user.name,
        user.role,
        user.organisation,
        f"rtsp-{connection}-{_print(user)}",
        method,
        source_ip,
    )


def is_still(actor: Actor, registry: Registry) -> bool:
    """Return whether the account is what it was when the recorder showed its password."""
    user = registry.users.get(actor.id)
    if user is None or not is_usable(user):
        return False
    same = (user.role, user.organisation) == (actor.role, actor.organisation)
    return same and actor.session.rpartition("-")[2] == _print(user)


def is_usable(user: User) -> bool:
    """Return whether an account may be a recorder's: a machine's, enabled."""
    return user.enabled and user.role is Role.MACHINE


def _print(user: User) -> str:
    text = f"{user.id}\0{user.password_hash}\0{user.organisation}\0{user.role.value}"
    return hashlib.sha256(text.encode()).hexdigest()[:_PRINT_CHARS]
