# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Commands that ask the running daemon."""

import getpass
import sys
from pathlib import Path

from gateway.cli.control_client import ChangeReply, Control
from gateway.cli.parser import CONFIG
from gateway.cli.speech import Say
from gateway.config.load import load
from gateway.model.errors import ConfigError
from gateway.registry.seed import parse_seed
from gateway.runtime.documents import read_text

SOCKET = Path("/run/varco/control.sock")
LEAST_PASSWORD = 12
"""Characters; NIST SP 800-63B-4 §3.1.1.2 wants 15 for a lone password, AgID guides say 8 to 12."""


def control_socket(socket: Path | None, config: Path | None) -> Path:
    """Return the socket that was named, else that of the configuration, else the usual one."""
    if socket is not None:
        return socket
    if config is None and not CONFIG.exists():
        return SOCKET
    return load(config or CONFIG).box.control_socket


def apply(control: Control, path: Path, say: Say, *, replace: bool) -> int:
    """Import a seed; what is wrong with it by itself is said before anything is sent."""
    text = read_text(path)
    parse_seed(text, str(path))
    change = control.apply(text, replace=replace)
    _print_change(change, say)
    return 0


def _print_change(change: ChangeReply, say: Say) -> None:
    if change.held:
        print(
            say(
                f"in attesa di due approvazioni: {change.held}; nulla è cambiato "
                "(varco registry held)",
                f"held for two approvals: {change.held}; nothing changed (varco registry held)",
            )
        )
        return
    for sign, names in (("+", change.added), ("~", change.changed), ("-", change.removed)):
        for name in names:
            print(f"{sign} {name}")
    if change.added or change.changed or change.removed:
        print(say(f"registro: versione {change.version}", f"registry: version {change.version}"))
    else:
        print(
            say(
                f"nulla da cambiare: resta la versione {change.version}",
                f"nothing to change: version {change.version} stays",
            )
        )


def export(control: Control, form: str) -> int:
    """Print the registry."""
    sys.stdout.write(control.export(form))
    return 0


def reload(control: Control, say: Say) -> int:
    """Have the configuration read again and print what it changed."""
    changed = control.reload().changed
    for line in changed:
        print(line)
    if not changed:
        print(say("nulla è cambiato", "nothing changed"))
    return 0


def status(control: Control, say: Say) -> int:
    """Print the daemon's state; what is wrong in the reader's language."""
    print(control.status(say("it", "en")))
    return 0


def set_password(control: Control, user: str, say: Say, *, from_stdin: bool) -> int:
    """Set a user's password, typed twice or read as one line."""
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = getpass.getpass(say("Nuova password: ", "New password: "))
        if password != getpass.getpass(say("Ripeti la password: ", "Repeat the password: ")):
            print(say("Le due password non coincidono.", "The passwords differ."), file=sys.stderr)
            return 2
    if len(password) < LEAST_PASSWORD:
        problem = say("è troppo corta", "is too short")
        advice = say(f"almeno {LEAST_PASSWORD} caratteri", f"at least {LEAST_PASSWORD} characters")
        raise ConfigError("varco user password", "password", problem, advice)
    control.set_password(user, password)
    print(say(f"password di {user} impostata", f"password of {user} set"))
    return 0


def reset_totp(control: Control, user: str, say: Say) -> int:
    """Take a user's second device away."""
    control.reset_totp(user)
    print(
        say(
            f"{user}: secondo dispositivo tolto, i suoi accessi sono chiusi",
            f"{user}: second device taken away, the sign-ins made with it are over",
        )
    )
    return 0
