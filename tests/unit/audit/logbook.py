# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What all ledger tests need: a key, a name, events, and a file to tamper with."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.ledger import open_ledger
from gateway.model.access import Regime
from gateway.model.audit import LedgerEvent, Operation
from tests.fakes import FakeClock

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
ORIGIN = "massa.example/varco"
LOOK = LedgerEvent(
    "live.open",
    Operation.CONSULTATION,
    Regime.LED,
    actor_id="anna",
    actor_type="human",
    org="sala-pl",
    src_ip="192.0.2.7",
    object_type="camera",
    object_id="piazza",
    purpose_code="servizio",
    case_ref="OdS 4",
    reason_text="controllo",
    bytes=7,
)


def event(n):
    """An event that can be told from the others."""
    return replace(LOOK, object_id=f"cam-{n}", case_ref=f"caso {n}")


def opened(path, clock=None, **more):
    """The ledger at a path, as the daemon opens it."""
    given = {"origin": ORIGIN, "key": KEY, "clock": clock or FakeClock()} | more
    return open_ledger(path, **given)


def write(path, batches):
    """Write a ledger of these batch sizes; return the checkpoint after each batch."""

    async def run():
        notes, n = [], 0
        async with opened(path) as ledger:
            for size in batches:
                await ledger.append_many([event(n + i) for i in range(size)])
                n += size
                notes.append(ledger.checkpoint())
        return notes

    return asyncio.run(run())


def copied(path, folder):
    """A copy of a closed ledger, to be tampered with."""
    target = folder / "copy.db"
    target.unlink(missing_ok=True)
    shutil.copy(path, target)
    return target


def tamper(path, *statements):
    """Run SQL as somebody with the file in hand would: without triggers."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for (name,) in db.execute("select name from sqlite_master where type='trigger'").fetchall():
            db.execute(f"drop trigger {name}")
        for statement in statements:
            if isinstance(statement, str):
                db.execute(statement)
            else:
                db.execute(*statement)
