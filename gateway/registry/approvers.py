# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who can approve held changes, and which changes would make somebody one (D.7): pure functions.

An administrator who could create two approvers could approve alone whatever he asks for. So a
new approver needs the yes of one whom the same organisation has already.
"""

from collections.abc import Iterator

from gateway.model.registry import RecipientKind, Registry, Role, User
from gateway.registry.widening import Widening, Wider


def approves(user: User, registry: Registry) -> bool:
    """Return whether an account's role lets it approve; a supervisor is one of a room."""
    if user.role is Role.PS_SUPERVISOR:
        room = registry.recipients.get(user.organisation)
        return room is not None and room.kind is RecipientKind.ROOM
    return user.role in (Role.DPO, Role.OWNER)


def has_proof(user: User) -> bool:
    """Return whether anybody could sign in as this account."""
    return user.enabled and bool(user.password_hash or user.certificate_sha256 or user.oidc_subject)


def binding(user: User) -> tuple[object, ...]:
    """Return what a registry's document says of who the person behind an account is."""
    return (
        user.role,
        user.organisation,
        user.enabled,
        user.second_factor,
        user.certificate_sha256,
        user.oidc_subject,
    )


def existing(organisation: str, registry: Registry) -> tuple[User, ...]:
    """Return the approvers of an organisation who can sign in, by id."""
    return tuple(
        user
        for _, user in sorted(registry.users.items())
        if user.organisation == organisation and has_proof(user) and approves(user, registry)
    )


def raised(before: Registry, after: Registry) -> tuple[User, ...]:
    """Return the accounts that a change makes approvers, or binds to another person, by id."""
    return tuple(
        user
        for id_, user in sorted(after.users.items())
        if user.enabled and approves(user, after) and _is_other(before.users.get(id_), user, before)
    )


def _is_other(was: User | None, user: User, before: Registry) -> bool:
    """Return whether an account could be another person's now, or was no approver."""
    if was is None or not was.enabled or not approves(was, before):
        return True
    if was.organisation != user.organisation or (was.second_factor and not user.second_factor):
        return True
    proofs = (
        (was.certificate_sha256, user.certificate_sha256),
        (was.oidc_subject, user.oidc_subject),
    )
    return any(now and now != then for then, now in proofs)


def held_approvers(before: Registry, after: Registry) -> Iterator[Widening]:
    """Yield each new approver whose organisation has one to ask."""
    for user in raised(before, after):
        if not existing(user.organisation, before):
            continue
        text_it = f"{user.id} ({user.role.value}) potrà approvare per {user.organisation}"
        text_en = f"{user.id} ({user.role.value}) could approve for {user.organisation}"
        yield Widening(
            Wider.APPROVER, "", user.id, 0, 1, (), (user.organisation,), text_it, text_en
        )


def orphaned(before: Registry, after: Registry) -> tuple[str, ...]:
    """Return the organisations that a change leaves without anybody who could approve, by id.

    One that goes itself has nothing left to be asked about.
    """
    houses = {user.organisation for user in before.users.values() if user.enabled}
    there = after.controllers.keys() | after.recipients.keys()
    return tuple(
        id_ for id_ in sorted(houses & there) if existing(id_, before) and not existing(id_, after)
    )


def founders(before: Registry, after: Registry) -> tuple[User, ...]:
    """Return the new approvers about whom nobody could be asked; none on an empty box."""
    if not before.version:
        return ()
    return tuple(user for user in raised(before, after) if not existing(user.organisation, before))
