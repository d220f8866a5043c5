# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A named person at the command line: what they enter stands in the ledger under their name."""

import getpass
import sys
from dataclasses import dataclass

from gateway.cli.speech import Say


@dataclass(frozen=True, slots=True)
class Person:
    """Who answers for a command."""

    user: str
    from_stdin: bool
    totp: str = ""

    def asked(self, say: Say) -> dict[str, str]:
        """Return who asks with the password, typed without echo or read as one line."""
        if self.from_stdin:
            password = sys.stdin.readline().rstrip("\r\n")
        else:
            password = getpass.getpass(
                say(f"Password di {self.user}: ", f"Password of {self.user}: ")
            )
        return {"user": self.user, "password": password, "totp": self.totp}
