# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""That a person of this room answers an edge's alarm, on its way to the edge (ADR 29).

An answer is in `AnswerQueue` before the room's own book has it, and is repeated until the edge
has replied: what stops an escalation must not be lost with a line or a process.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.model.errors import PeerError, RefusedError
from gateway.model.room import Caller
from gateway.room.mqtt_line import NOT_YET
from gateway.room.store import Database, RoomStore
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)

TAKEN: Final = "taken"
"""room → edge {alarm, by, utc_us} → {taken: when somebody answered first, microseconds UTC}."""
MOST_SENT: Final = 64
"""Answers of one edge in one round."""
ANSWER_S: Final = 20.0

SCHEMA: Final = """
create table if not exists taken(
  alarm text not null primary key, edge text not null, actor text not null,
  utc_us bigint not null,
  sent_utc_us bigint not null default 0, problem text not null default ''
);
create index if not exists taken_waiting on taken(edge, utc_us) where sent_utc_us = 0;
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """Who of this room answers an edge's alarm."""

    alarm: str
    edge: str
    by: str
    """Id of the person at this room."""
    utc_us: int


class AnswerQueue:
    """Answers on their way, and those that arrived; one for each alarm, the first counts."""

    def __init__(self, store: RoomStore, clock: Clock) -> None:
        """`store` has the tables of SCHEMA."""
        self._store = store
        self._clock = clock

    async def put(self, alarm: str, edge: str, by: str) -> Answer:
        """Keep an answer durably; return the one that counts. StoreError if the disk refuses."""
        values = (alarm, edge, by, self._clock.now().utc_us)

        def job(db: Database) -> Answer:
            db.execute(
                "insert into taken(alarm, edge, actor, utc_us) values(?,?,?,?)"
                " on conflict (alarm) do nothing",
                values,
            )
            return _answer(db.execute(f"{_SELECT} where alarm=?", (alarm,)).fetchone())

        return await self._store.write(job)

    async def waiting(self, limit: int = MOST_SENT) -> list[Answer]:
        """Return what no edge has replied to yet, oldest first, at most `limit` of each edge."""
        rows = await self._store.read(
            lambda db: db.execute(
                f"{_SELECT} where sent_utc_us=0 order by edge, utc_us, alarm"
            ).fetchall()
        )
        found: dict[str, list[Answer]] = {}
        for one in map(_answer, rows):
            own = found.setdefault(one.edge, [])
            if len(own) < limit:
                own.append(one)
        return [one for own in found.values() for one in own]

    async def settle(self, alarm: str, problem: str = "") -> None:
        """Note that the edge has it, or why it never will."""
        now_us = self._clock.now().utc_us
        sql = "update taken set sent_utc_us=?, problem=? where alarm=? and sent_utc_us=0"
        await self._store.write(lambda db: db.execute(sql, (now_us, problem[:400], alarm)))

    async def prune(self, before_utc_us: int) -> None:
        """Forget answers that arrived, or never will, before a time; those that wait stay."""
        sql = "delete from taken where sent_utc_us<>0 and sent_utc_us<?"
        await self._store.write(lambda db: db.execute(sql, (before_utc_us,)))


async def send_answer(queue: AnswerQueue, one: Answer, caller: Caller) -> str:
    """Bring one answer to its edge; return why it was refused, or nothing.

    PeerError while the line is down or slow: it stays in the queue. StoreError: it is sent again,
    which is harmless.
    """
    body = {"alarm": one.alarm, "by": one.by, "utc_us": one.utc_us}
    try:
        await caller.call(TAKEN, body, within_s=ANSWER_S)
    except RefusedError as error:
        if error.code == NOT_YET:
            raise PeerError(str(error)) from error
        log.warning("answer-refused", extra={"edge": one.edge, "problem": str(error)})
        await queue.settle(one.alarm, str(error))
        return str(error)
    await queue.settle(one.alarm)
    return ""


_SELECT = "select alarm, edge, actor, utc_us from taken"


def _answer(row: Sequence[Any]) -> Answer:
    return Answer(row[0], row[1], row[2], int(row[3]))
