# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the hold-up channels remember beside their alarms: tokens (hashed), presses, answers.

The alarms themselves, whom they reach and when they go on lie in the outbox. Nothing here decides
whether somebody is called: if this file cannot be written, a hold-up is raised all the same.
"""

import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.model.holdup import HoldupSource, Press, Verification
from gateway.runtime.store import Store, open_store

SCHEMA: Final = """
create table if not exists token(
  sha256 text primary key, holdup text not null, device text not null,
  made_utc_us integer not null, unique(holdup, device)
) strict;
create table if not exists press(
  n integer primary key autoincrement,
  holdup text not null, alarm text not null, source text not null, device text not null,
  utc_us integer not null, exercise integer not null
) strict;
create index if not exists press_utc on press(utc_us);
create table if not exists answer(
  alarm text primary key, state text not null, by text not null, utc_us integer not null
) strict;
"""
MOST_TOKENS: Final = 32
"""Devices of one channel."""
KEPT_US: Final = 400 * 86_400_000_000
"""Presses and answers: two reports of six months, and a month to send the second."""
MOST_PRESSES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Device:
    """What holds a token."""

    holdup: str
    name: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What a centre said."""

    state: Verification
    by: str
    utc_us: int


class HoldupBook:
    """One `holdup.db`; made by `open_holdup_book`. StoreError wherever the disk refuses."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tokens: dict[str, Device] = {}

    async def load(self) -> None:
        """Read the tokens; `token` answers from memory."""
        rows = await self._store.read(
            lambda db: db.execute("select sha256, holdup, device from token").fetchall()
        )
        self._tokens = {row[0]: Device(row[1], row[2]) for row in rows}

    def token(self, sha256: str) -> Device | None:
        """Return the device of a token by its hash; never waits."""
        return self._tokens.get(sha256)

    def devices(self, holdup: str) -> tuple[str, ...]:
        """Return the names of a channel's devices."""
        return tuple(sorted(one.name for one in self._tokens.values() if one.holdup == holdup))

    async def put_token(self, sha256: str, device: Device, utc_us: int) -> bool:
        """Give a device a token, in place of the one it had; False if there are too many."""
        if len({*self.devices(device.holdup), device.name}) > MOST_TOKENS:
            return False

        def job(db: sqlite3.Connection) -> None:
            db.execute(
                "delete from token where holdup=? and device=?", (device.holdup, device.name)
            )
            values = (sha256, device.holdup, device.name, utc_us)
            db.execute("insert into token values(?,?,?,?)", values)

        await self._store.write(job)
        await self.load()
        return True

    async def drop_token(self, device: Device) -> bool:
        """Take a device's token back; False if it had none."""
        sql = "delete from token where holdup=? and device=?"
        gone = await self._store.write(
            lambda db: db.execute(sql, (device.holdup, device.name)).rowcount
        )
        await self.load()
        return bool(gone)

    async def note(self, press: Press) -> None:
        """Keep one press; those that no report asks for any more go."""
        values = (
            press.holdup, press.alarm, press.source.value, press.device, press.utc_us,
            int(press.exercise),
        )  # fmt: skip

        def job(db: sqlite3.Connection) -> None:
            db.execute(
                "insert into press(holdup, alarm, source, device, utc_us, exercise)"
                " values(?,?,?,?,?,?)",
                values,
            )
            db.execute("delete from press where utc_us<?", (press.utc_us - KEPT_US,))
            db.execute("delete from answer where utc_us<?", (press.utc_us - KEPT_US,))

        await self._store.write(job)

    async def answered(self, alarm: str, answer: Answered) -> None:
        """Keep what a centre said; the first counts."""
        values = (alarm, answer.state.value, answer.by, answer.utc_us)
        sql = "insert or ignore into answer values(?,?,?,?)"
        await self._store.write(lambda db: db.execute(sql, values))

    async def presses(self, from_utc_us: int, to_utc_us: int) -> list[Press]:
        """Return the presses of a period, oldest first; the newest MOST_PRESSES at most."""
        sql = (
            "select holdup, alarm, source, device, utc_us, exercise from press"
            " where utc_us>=? and utc_us<? order by n desc limit ?"
        )
        rows = await self._store.read(
            lambda db: db.execute(sql, (from_utc_us, to_utc_us, MOST_PRESSES)).fetchall()
        )
        return [
            Press(row[0], row[1], HoldupSource(row[2]), row[3], row[4], bool(row[5]))
            for row in reversed(rows)
        ]

    async def answers(self) -> Mapping[str, Answered]:
        """Return what centres said, by alarm."""
        rows = await self._store.read(lambda db: db.execute("select * from answer").fetchall())
        return {row[0]: Answered(Verification(row[1]), row[2], row[3]) for row in rows}


@asynccontextmanager
async def open_holdup_book(path: Path) -> AsyncIterator[HoldupBook]:
    """Open `holdup.db`."""
    async with open_store(path, SCHEMA) as store:
        book = HoldupBook(store)
        await book.load()
        yield book
