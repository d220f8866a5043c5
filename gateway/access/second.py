# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Four eyes: one person asks, a colleague of the same organisation agrees, the look is opened.

The code travels from mouth to mouth; it is bound to one request of one sign-in, lasts five
minutes and serves once.
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from gateway.access.certificates import METHOD as BY_CERTIFICATE
from gateway.model.access import AccessRequest, Actor
from gateway.model.registry import Role
from gateway.model.time import Moment
from gateway.runtime.clock import Clock

LASTS_S: Final = 300.0
MOST: Final = 256
"""Codes that wait at once; the oldest gives way."""
MOST_EACH: Final = 8
"""Of one person."""
_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_LENGTH: Final = 8
"""40 bits, readable aloud; a guess needs a sign-in of the same organisation."""
_NO_SECOND: Final = {Role.MACHINE, Role.SYSADMIN, Role.INSTALLER}
"""Roles that agree to nobody's look."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code and until when it serves."""

    code: str
    expires: Moment


@dataclass(slots=True)
class _Waiting:
    request: AccessRequest
    expires: Moment
    agreed: str = ""
    """Id of the colleague."""


class Seconds:
    """Requests that wait for a second person."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()

    def ask(self, request: AccessRequest) -> Code:
        """Return the code that a colleague has to confirm."""
        self._forget()
        own = [code for code, one in self._waiting.items() if _asker(one) == request.actor.id]
        for code in own[: max(0, len(own) + 1 - MOST_EACH)]:
            del self._waiting[code]
        while len(self._waiting) >= MOST:
            self._waiting.popitem(last=False)
        code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        expires = self._clock.now().shifted(LASTS_S)
        self._waiting[code] = _Waiting(request, expires)
        return Code(code, expires)

    def about(self, code: str, colleague: Actor) -> AccessRequest | None:
        """Return who asks for what; None for a code that this colleague cannot confirm."""
        found = self._found(code, colleague)
        return found.request if found is not None else None

    def agree(self, code: str, colleague: Actor) -> bool:
        """Note the agreement; False for a code that this colleague cannot confirm."""
        found = self._found(code, colleague)
        if found is None:
            return False
        found.agreed = colleague.id
        return True

    def _found(self, code: str, colleague: Actor) -> _Waiting | None:
        self._forget()
        found = self._waiting.get(code.strip().upper())
        if found is None or found.agreed or colleague.role in _NO_SECOND:
            return None
        if colleague.method == BY_CERTIFICATE:
            return None  # a desk, perhaps the asker's own, is not a second person
        asker = found.request.actor
        same_house = asker.organisation and asker.organisation == colleague.organisation
        return found if same_house and asker.id != colleague.id else None

    def use(self, code: str, request: AccessRequest) -> str:
        """Return the id of the colleague who agreed to exactly this, once; else nothing."""
        self._forget()
        name = code.strip().upper()
        found = self._waiting.get(name)
        if found is None or not found.agreed or _bound(found.request) != _bound(request):
            return ""
        del self._waiting[name]
        return found.agreed

    def _forget(self) -> None:
        now_s = self._clock.monotonic_s()
        for code in [c for c, one in self._waiting.items() if one.expires.monotonic_s <= now_s]:
            del self._waiting[code]


def _asker(waiting: _Waiting) -> str:
    return waiting.request.actor.id


def _bound(request: AccessRequest) -> tuple[object, ...]:
    """Return what an agreement is about: who, from which sign-in, what, and why."""
    return (
        request.actor.id, request.actor.session, request.action, request.camera,
        request.purpose, request.case, request.break_glass,
    )  # fmt: skip
