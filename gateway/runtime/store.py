# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""SQLite behind one writer thread with group commit: what is awaited is durable.

A database has exactly one writer (architecture: *Processes*). Jobs that wait while a commit runs
share the next transaction, so that a slow fsync is paid once for many (findings §3). The log of
the database is carried over (a checkpoint, two fsyncs) beside the commits and not inside them.
"""

import asyncio
import contextlib
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, TypeVar

from gateway.model.errors import DiskFullError, StoreError

log = logging.getLogger(__name__)

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]
"""Runs on the store's thread inside a transaction; must not keep the connection."""

MOST_WAITING = 10_000
"""Jobs that may wait; then `write` refuses, since a disk that slow has failed."""
MOST_PER_COMMIT = 256
BUSY_MS = 5_000
"""A verifier may hold a read lock for a moment."""
COMMITS_PER_CHECKPOINT = 64
"""About 3 MiB of log; SQLite's own bound is 4 MiB."""
MOST_LOG_PAGES = 4_096
"""16 MiB: commits that never pause make the checkpoint wait; then it is done between two."""


class _Checkpoints:
    """Carries the log of a database over on a thread and a connection of their own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._wake = threading.Condition()
        self._due = self._closing = False
        self.is_late = False
        """The log has grown beyond its bound: the writer is to do it."""
        self._thread = threading.Thread(target=self._run, name=f"log:{path.name}", daemon=True)
        self._thread.start()

    def ask(self) -> None:
        """Have one made; returns at once."""
        with self._wake:
            self._due = True
            self._wake.notify()

    def close(self) -> None:
        """Return once none is under way."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._due or self._closing)
                if self._closing:
                    return
                self._due = False
            try:
                with closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
                    connection.execute("pragma synchronous=full")
                    self.is_late = carry_over(connection) > MOST_LOG_PAGES
            except sqlite3.Error as error:  # the next commit meets it too, and tells its caller
                log.warning(
                    "checkpoint-fails", extra={"store": str(self._path), "problem": str(error)}
                )


def carry_over(connection: sqlite3.Connection) -> int:
    """Write what the log holds into the database, waiting for nobody.

    Return how many pages it held: commits meanwhile make it longer, and it is begun anew only by
    a commit that finds all of it carried over.
    """
    _, pages, _ = connection.execute("pragma wal_checkpoint(passive)").fetchone()
    return int(pages)


class Store:
    """One database file; made by `open_store`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._jobs: deque[tuple[Job[Any], asyncio.Future[Any]]] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._commits = 0
        self._checkpoints = _Checkpoints(path)
        self._thread = threading.Thread(target=self._run, name=f"store:{path.name}", daemon=True)
        self._thread.start()

    async def write(self, job: Job[T]) -> T:
        """Run `job` in a FULL-sync transaction; return its result once it is on disk.

        An exception of the job rolls back that job alone and is raised here. StoreError if the
        database refuses (disk full, corrupt). Cancelling does not take the job back.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        with self._wake:
            if self._closing or len(self._jobs) >= MOST_WAITING:
                raise StoreError(f"{self.path}: not taking writes")
            self._jobs.append((job, future))
            self._wake.notify()
        return await asyncio.shield(future)

    async def read(self, job: Job[T]) -> T:
        """Run a reading `job` on a connection of its own; it sees only what is committed."""
        return await asyncio.to_thread(self._read, job)

    def _read(self, job: Job[T]) -> T:
        uri = f"{self.path.absolute().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
                connection.execute(f"pragma busy_timeout={BUSY_MS}")
                return job(connection)
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}") from error

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._jobs or self._closing)
                if not self._jobs:
                    return
                batch = [self._jobs.popleft() for _ in range(min(MOST_PER_COMMIT, len(self._jobs)))]
            self._commit(batch)
            self._carry_over()

    def _carry_over(self) -> None:
        """See to the log now and then, after everybody was answered."""
        self._commits += 1
        if self._checkpoints.is_late:
            self._checkpoints.is_late = False
            with contextlib.suppress(sqlite3.Error):  # the next commit meets it too
                carry_over(self._connection)
        elif self._commits >= COMMITS_PER_CHECKPOINT:
            self._commits = 0
            self._checkpoints.ask()

    def _commit(self, batch: list[tuple[Job[Any], asyncio.Future[Any]]]) -> None:
        done: list[tuple[asyncio.Future[Any], Any, BaseException | None]] = []
        try:
            self._connection.execute("begin immediate")
            for job, future in batch:
                done.append((future, *self._attempt(job)))
            self._connection.execute("commit")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            self._commits = COMMITS_PER_CHECKPOINT  # room in the log may be what is missing
            failure = _failure(self.path, error)
            done = [(future, None, failure) for _, future in batch]
        self._loop.call_soon_threadsafe(settle, done)

    def _attempt(self, job: Job[Any]) -> tuple[Any, BaseException | None]:
        """Run one job inside a savepoint; database errors that end the transaction propagate."""
        self._connection.execute("savepoint job")
        try:
            result = job(self._connection)
        except sqlite3.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - handed to the caller, who raises it
            self._connection.execute("rollback to job")
            self._connection.execute("release job")
            return None, error
        self._connection.execute("release job")
        return result, None

    def _close(self) -> None:
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        self._checkpoints.close()
        self._connection.close()


def _failure(path: Path, error: sqlite3.Error) -> StoreError:
    """Return what a caller is told; SQLITE_FULL is the one refusal that space undoes."""
    full = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL
    return (DiskFullError if full else StoreError)(f"{path}: {error}")


def settle(done: list[tuple[asyncio.Future[Any], Any, BaseException | None]]) -> None:
    """Tell each caller what became of its job; called on the loop that they wait on."""
    for future, result, error in done:
        if future.cancelled():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
            future.exception()  # a cancelled caller must not leave an unretrieved error behind


@asynccontextmanager
async def open_store(path: Path, schema: str) -> AsyncIterator[Store]:
    """Open (or create) a WAL, FULL-sync database and apply `schema` (idempotent SQL).

    On leaving, what waits is written, then the file is closed. StoreError if it cannot be used.
    """
    try:
        connection = await asyncio.to_thread(_connect, path, schema)
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error
    store = Store(path, connection)
    try:
        yield store
    finally:
        await asyncio.shield(asyncio.to_thread(store._close))  # noqa: SLF001 - same module


def _connect(path: Path, schema: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute(f"pragma busy_timeout={BUSY_MS}")
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
    connection.execute("pragma wal_autocheckpoint=0")
    connection.execute(f"pragma journal_size_limit={MOST_LOG_PAGES * 4096}")
    connection.execute("pragma foreign_keys=on")
    connection.executescript(schema)
    path.chmod(0o600)
    return connection
