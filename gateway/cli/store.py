# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco store`: prepare a room's PostgreSQL, and check the copy of the log that lies there.

Run by whoever administers the database, with an account that the gateway does not have.
"""

from dataclasses import dataclass

from gateway.cli.speech import Say
from gateway.config.secrets import resolve
from gateway.room.mirror import verify_copy
from gateway.room.postgres import PostgresOptions, prepare, reading
from gateway.wire.checkpoint import parse_vkey


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """What was typed."""

    database: str
    """A reference to libpq's words or a URL, which may hold a password."""
    role: str = ""
    """As whom the gateway signs in."""
    key: str = ""
    """C2SP vkey of the log."""


def init(request: StoreRequest, say: Say) -> int:
    """Make or complete tables and rights."""
    options = _options(request)
    new = ", ".join(prepare(options, request.role))
    print(
        say(
            f"Tabelle nuove: {new}." if new else "Nessuna tabella nuova; le righe restano.",
            f"New tables: {new}." if new else "No new table; rows stay as they are.",
        )
    )
    print(
        say(
            f"{options}: pronto. Il gateway entra come {request.role}, che non può cambiare né "
            "cancellare la copia del registro.",
            f"{options}: ready. The gateway signs in as {request.role}, who can neither change "
            "nor delete the copy of the log.",
        )
    )
    return 0


def verify(request: StoreRequest, say: Say) -> int:
    """Check the copy against its signed checkpoint; WireError with what does not fit."""
    key = parse_vkey(request.key)
    options = _options(request)
    with reading(options) as db:
        size = verify_copy(db, key.origin, key.public)
    told = say(f"{size} voci copiate, integre", f"{size} entries, whole")
    print(f"{key.origin}: {told}")
    return 0


def _options(request: StoreRequest) -> PostgresOptions:
    return PostgresOptions(resolve(request.database, where="varco store", key="--database"))
