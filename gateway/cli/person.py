# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A named person at the command line: what they enter stands in the ledger under their name."""

import getpass
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from gateway.cli.control_client import CodeNeededError
from gateway.cli.speech import Say

Told = TypeVar("Told")


@dataclass(frozen=True, slots=True)
class Person:
    """Who answers for a command."""

    user: str
    from_stdin: bool
    totp: str = ""

    def sign(self, send: Callable[[dict[str, str]], Told], say: Say) -> Told:
        """Send something with who asks and the password; ask for the code where it is due.

        Both are typed without echo, or read as one line each. PeerError as `send` raises it.
        """
        asked = {"user": self.user, "password": self._typed(*_password(self.user), say)}
        try:
            return send(asked | ({"totp": self.totp} if self.totp else {}))
        except CodeNeededError:
            code = self._typed("Codice a sei cifre: ", "Six-digit code: ", say).strip()
            if not code:
                raise
        return send(asked | {"totp": code})

    def _typed(self, italian: str, english: str, say: Say) -> str:
        if self.from_stdin:
            return sys.stdin.readline().rstrip("\r\n")
        return getpass.getpass(say(italian, english))


def _password(user: str) -> tuple[str, str]:
    return f"Password di {user}: ", f"Password of {user}: "
