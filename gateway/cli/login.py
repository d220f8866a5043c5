# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""User and password of a camera at the command line: by reference or typed, never as an argument.

Arguments stand in the process list and in the shell's history.
"""

import getpass
import sys

from gateway.cli.speech import Say
from gateway.config.secrets import resolve_login


def camera_login(credential: str | None, *, ask: bool, say: Say, where: str) -> tuple[str, str]:
    """Return user and password, both empty if none were given; ConfigError if unusable."""
    if credential:
        return resolve_login(credential, where=where, key="--credential")
    if not ask:
        return "", ""
    print(say("Utente: ", "User: "), end="", file=sys.stderr, flush=True)
    user = sys.stdin.readline().strip()
    return user, getpass.getpass("Password: ")
