# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`hits.db`: hits until somebody has decided, and whom their plates must still reach (D.4, D.9).

A hit is on disk before its alarm is raised, and its alarm is raised again after a crash: both have
one id, so that nobody sees it twice. What tells the plate is sealed before it comes here. What is
deleted is overwritten in the file, and the log of the database is emptied behind it.
"""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from gateway.model.alarm import Box
from gateway.model.hit import Hit, HitState
from gateway.model.plate import ListKind, Passing
from gateway.runtime.store import Store, open_store

SCHEMA: Final = """
pragma secure_delete=on;
create table if not exists hit(
  id text primary key, camera text not null, zone text not null, lane text not null,
  passing text not null, entry text not null, kind text not null, country text not null,
  likelihood real not null, certain integer not null, crossed_utc_us integer not null,
  state text not null, plate_type text not null, exact integer not null, act text not null,
  severity integer not null, box text not null, by text not null, decided_utc_us integer not null,
  told integer not null default 0,
  secret blob not null, context blob, crop blob
) strict;
create table if not exists parcel(
  hit text not null references hit(id) on delete cascade, recipient text not null,
  sent_utc_us integer not null default 0, problem text not null default '',
  primary key(hit, recipient)
) strict;
"""
_COLUMNS: Final = (
    "id, camera, zone, lane, passing, entry, kind, country, likelihood, certain, crossed_utc_us,"
    " state, plate_type, exact, act, severity, box, by, decided_utc_us"
)
_SELECT: Final = f"select {_COLUMNS} from hit"  # noqa: S608 - our own words only
MOST_LISTED: Final = 1_000
MOST_PARCELS: Final = 64
"""Of one recipient, taken at once."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The sealed parts of a hit; a picture that did not come is empty."""

    secret: bytes = field(repr=False)
    context: bytes = field(default=b"", repr=False)
    crop: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A hit on its way to a recipient."""

    hit: Hit
    secret: bytes = field(repr=False)


class HitBook:
    """The hits of this box, and at a room its edges'; StoreError wherever the disk refuses."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def put(self, hit: Hit, secret: bytes, *, told: bool = False) -> bool:
        """Keep a hit, durably; False if it is there already. `told`: its alarm stands."""
        sql = f"insert or ignore into hit({_COLUMNS}, secret, told) values({','.join('?' * 21)})"
        values = (*_row(hit), secret, int(told))
        return bool(await self._store.write(lambda db: db.execute(sql, values).rowcount))

    async def get(self, hit_id: str) -> Hit | None:
        """Return a hit; None if there is none (any more)."""
        return next(iter(await self._hits(" where id=?", (hit_id,))), None)

    async def all(self) -> list[Hit]:
        """Return the hits that are kept, the newest first."""
        return await self._hits(" order by crossed_utc_us desc, id desc limit ?", (MOST_LISTED,))

    async def untold(self) -> list[Hit]:
        """Return the hits of which alarm or recipients may be missing, oldest first."""
        return await self._hits(" where told=0 order by id limit ?", (MOST_LISTED,))

    async def last(self, zone: str, entry: str) -> int:
        """Return when an entry last crossed a gate, UTC µs; 0: never."""
        sql = "select coalesce(max(crossed_utc_us), 0) from hit where zone=? and entry=?"
        return await self._store.read(lambda db: int(db.execute(sql, (zone, entry)).fetchone()[0]))

    async def kept(self, hit_id: str) -> Kept | None:
        """Return the sealed parts of a hit."""
        sql = "select secret, context, crop from hit where id=?"
        row = await self._store.read(lambda db: db.execute(sql, (hit_id,)).fetchone())
        return Kept(row[0], row[1] or b"", row[2] or b"") if row else None

    async def keep_pictures(self, hit_id: str, context: bytes, crop: bytes) -> None:
        """Add sealed pictures; nothing if the hit was discarded meanwhile."""
        sql = "update hit set context=?, crop=? where id=?"
        await self._store.write(lambda db: db.execute(sql, (context, crop, hit_id)))

    async def told(self, hit_id: str) -> None:
        """Note that the alarm stands, with everybody who is to hear of it."""
        await self._store.write(
            lambda db: db.execute("update hit set told=1 where id=?", (hit_id,))
        )

    async def confirm(self, hit_id: str, by: str, utc_us: int) -> Hit | None:
        """Note who confirmed a hit; None if there is none, or somebody did before.

        One that was not certain is to be told from now on: `untold` returns it.
        """

        def job(db: sqlite3.Connection) -> Hit | None:
            row = db.execute(f"{_SELECT} where id=?", (hit_id,)).fetchone()
            if row is None or _hit(row).state is HitState.CONFIRMED:
                return None
            before = _hit(row)
            sql = "update hit set state=?, by=?, decided_utc_us=?, told=told and ? where id=?"
            certain = int(before.state is not HitState.TO_VERIFY)
            db.execute(sql, (HitState.CONFIRMED.value, by, utc_us, certain, hit_id))
            return replace(before, state=HitState.CONFIRMED, by=by, decided_utc_us=utc_us)

        return await self._store.write(job)

    async def drop(self, hit_id: str) -> bool:
        """Delete a hit with all that tells its plate; False if there is none."""
        gone = await self._store.write(
            lambda db: db.execute("delete from hit where id=?", (hit_id,)).rowcount
        )
        await asyncio.to_thread(_empty_log, self._store.path)
        return bool(gone)

    # parcels -------------------------------------------------------------------------------------

    async def address(self, hit_id: str, recipients: Collection[str]) -> int:
        """Have the plate brought to recipients; return how many are new."""
        rows = [(hit_id, one) for one in recipients]

        def job(db: sqlite3.Connection) -> int:
            if db.execute("select 1 from hit where id=?", (hit_id,)).fetchone() is None:
                return 0
            sql = "insert or ignore into parcel(hit, recipient) values(?,?)"
            return sum(db.execute(sql, row).rowcount for row in rows)

        return await self._store.write(job)

    async def waiting(self, recipient: str) -> list[Parcel]:
        """Return what a recipient has not got, oldest first; never what nobody may tell yet."""
        sql = (
            f"select {_COLUMNS}, secret from hit join parcel on hit=id"  # noqa: S608 - our own words
            " where recipient=? and sent_utc_us=0 and state<>? order by id limit ?"
        )
        values = (recipient, HitState.TO_VERIFY.value, MOST_PARCELS)
        rows = await self._store.read(lambda db: db.execute(sql, values).fetchall())
        return [Parcel(_hit(row), row[-1]) for row in rows]

    async def sent(self, hit_id: str, recipient: str, utc_us: int) -> None:
        """Note that a recipient has it."""
        sql = "update parcel set sent_utc_us=?, problem='' where hit=? and recipient=?"
        await self._store.write(lambda db: db.execute(sql, (utc_us, hit_id, recipient)))

    async def refused(self, hit_id: str, recipient: str, problem: str) -> None:
        """Note why a recipient has not got it."""
        sql = "update parcel set problem=? where hit=? and recipient=?"
        await self._store.write(lambda db: db.execute(sql, (problem[:400], hit_id, recipient)))

    async def _hits(self, clause: str, values: tuple[object, ...]) -> list[Hit]:
        rows = await self._store.read(lambda db: db.execute(_SELECT + clause, values).fetchall())
        return [_hit(row) for row in rows]


@asynccontextmanager
async def open_hit_book(path: Path) -> AsyncIterator[HitBook]:
    """Open `hits.db`."""
    async with open_store(path, SCHEMA) as store:
        yield HitBook(store)


def _empty_log(path: Path) -> None:
    """Empty the write-ahead log, in which deleted pages would live on; later if somebody reads."""
    with contextlib.suppress(sqlite3.Error), closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")


def _row(hit: Hit) -> tuple[object, ...]:
    box = [hit.box.left, hit.box.top, hit.box.right, hit.box.bottom] if hit.box else []
    return (
        hit.id, hit.camera, hit.zone, hit.lane, hit.passing.value if hit.passing else "",
        hit.entry, hit.kind.value if hit.kind else "", hit.country, hit.likelihood,
        int(hit.certain), hit.crossed_utc_us, hit.state.value, hit.plate_type, int(hit.exact),
        hit.act, hit.severity, json.dumps(box), hit.by, hit.decided_utc_us,
    )  # fmt: skip


def _hit(row: tuple[object, ...]) -> Hit:
    texts = [str(one) for one in row]
    id_, camera, zone, lane = texts[:4]
    box = json.loads(texts[16])
    return Hit(
        id_,
        camera,
        zone,
        lane,
        Passing(texts[4]) if texts[4] else None,
        texts[5],
        ListKind(texts[6]) if texts[6] else None,
        texts[7],
        float(texts[8]),
        texts[9] == "1",
        int(texts[10]),
        HitState(texts[11]),
        texts[12],
        texts[13] == "1",
        texts[14],
        int(texts[15]),
        Box(*box) if box else None,
        texts[17],
        int(texts[18]),
    )
