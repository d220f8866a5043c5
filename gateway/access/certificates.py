# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Machines and rooms that are known by their client certificate.

The listener has verified the chain; here a fingerprint becomes an account of the registry, anew
for each request, so that disabling the account or taking the fingerprint away revokes at once.
"""

import re
from collections.abc import Callable
from typing import Final

from gateway.model.access import Actor
from gateway.model.registry import RecipientKind, Registry, Role, User

METHOD: Final = "certificate"
MOST_WORKSTATION_CHARS: Final = 200
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_SESSION_CHARS: Final = 32


def normal(sha256: str) -> str:
    """Return a fingerprint as we compare it: lower case, without colons; empty if it is none."""
    bare = sha256.replace(":", "").strip().lower()
    return bare if _FINGERPRINT.fullmatch(bare) else ""


class Certificates:
    """Whose certificate it is."""

    def __init__(self, registry: Callable[[], Registry]) -> None:
        self._registry = registry

    def actor(self, sha256: str, subject: str = "", source_ip: str = "") -> Actor | None:
        """Return who shows a certificate; None if no account, or more than one, has it.

        `subject` is the certificate's name (RFC 4514); it tells the workstation and decides
        nothing.
        """
        fingerprint = normal(sha256)
        if not fingerprint:
            return None
        registry = self._registry()
        found = [one for one in registry.users.values() if _has(one, fingerprint)]
        if len(found) != 1 or not _may(found[0], registry):
            return None
        user = found[0]
        return Actor(
            id=user.id,
            name=user.name,
            role=user.role,
            organisation=user.organisation,
            session=f"tls-{fingerprint[:_SESSION_CHARS]}",
            method=METHOD,
            source_ip=source_ip,
            certificate_sha256=fingerprint,
            workstation=subject[:MOST_WORKSTATION_CHARS],
        )

    def is_still(self, actor: Actor) -> bool:
        """Return whether an actor made here is still who the registry says."""
        now = self.actor(actor.certificate_sha256)
        return now is not None and (now.id, now.role, now.organisation, now.session) == (
            actor.id,
            actor.role,
            actor.organisation,
            actor.session,
        )


def _has(user: User, fingerprint: str) -> bool:
    return bool(user.certificate_sha256) and normal(user.certificate_sha256) == fingerprint


def _may(user: User, registry: Registry) -> bool:
    """Return whether an account may be known by a certificate alone: a machine's or a room's."""
    if not user.enabled or user.second_factor or user.totp_secret:
        return False
    recipient = registry.recipients.get(user.organisation)
    is_room = recipient is not None and recipient.kind is RecipientKind.ROOM
    return user.role is Role.MACHINE or is_room
