# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""PostgreSQL behind the same jobs as `gateway.runtime.store`, for rooms that outgrow one file.

Sole importer of psycopg (extra `postgresql`). The daemon signs in as a role that owns nothing:
what it may do is what `postgres.sql` granted, so that not even this process can change or delete
a mirrored entry of the log. A read that names organisations sees no row of another (row-level
security); the gateway's own reads are for everybody. `gateway.cli.store` prepares a database with
the owner's account, once.
"""

import asyncio
import logging
import re
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import override

from gateway.model.errors import ConfigError, StoreError
from gateway.runtime.store import settle

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)

T = TypeVar("T")

EVERYBODY = "*"
"""The box itself: sees the rows of all organisations."""
MOST_WAITING = 10_000
MOST_PER_COMMIT = 256
TRIES = 4
"""Of a batch that the server gave up to end a deadlock: nothing of it counted."""
_ROLLED_BACK = "40"
"""SQLSTATE class: transaction rollback."""
CONNECT_S = 5
STATEMENT_MS = 10_000
MOST_READERS = 4
MONTHS_AHEAD = 3
_TABLE = re.compile(
    r"^create table if not exists ([a-z_]+)\((.*?)\)(?:;| partition by)", re.MULTILINE | re.DOTALL
)
_COLUMN = re.compile(r"(?:^|,)\s*(?!primary\b)([a-z_0-9]+) [a-z]")
"""In a table's text without what stands in parentheses."""
_GRANT = re.compile(r"^grant ([a-z, ]+) on ([a-z_, ]+) to @role@;", re.MULTILINE)
_ROLE = re.compile(r"[a-z_][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class PostgresOptions:
    """How a database is reached."""

    conninfo: str = field(repr=False)
    """libpq's words or a URL; may hold a password, is never shown."""

    @override
    def __str__(self) -> str:
        """Return what may be shown: host and database."""
        conninfo = _driver().conninfo.conninfo_to_dict(self.conninfo)
        return f"PostgreSQL {conninfo.get('host', 'local')}/{conninfo.get('dbname', '')}"


class Database:
    """What a job works with: `execute` as SQLite's, with `?` for each argument."""

    def __init__(self, connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
        self._connection = connection

    def execute(self, sql: str, args: Sequence[object] = ()) -> "psycopg.Cursor[tuple[Any, ...]]":
        """Run one statement; the cursor has fetchone, fetchall and rowcount."""
        text = sql.replace("%", "%%").replace("?", "%s").encode()
        return self._connection.execute(text, tuple(args))


Job = Callable[[Database], T]


class PostgresStore:
    """One database; made by `open_postgres`. A connection that broke is made anew."""

    def __init__(self, options: PostgresOptions) -> None:
        self._options = options
        self._name = str(options)
        self._loop = asyncio.get_running_loop()
        self._jobs: deque[tuple[Job[Any], asyncio.Future[Any]]] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._writer: psycopg.Connection[tuple[Any, ...]] | None = None
        self._idle: deque[psycopg.Connection[tuple[Any, ...]]] = deque(maxlen=MOST_READERS)
        self._readers = asyncio.Semaphore(MOST_READERS)
        self._thread = threading.Thread(target=self._run, name="store:postgresql", daemon=True)
        self._thread.start()

    async def write(self, job: Job[T]) -> T:
        """Run `job` in a transaction; return its result once the server has it on disk.

        An exception of the job rolls back that job alone. StoreError if the server is away or
        refuses; whether a commit that broke in the middle counted is not known then, so jobs are
        such that doing them again changes nothing.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        with self._wake:
            if self._closing or len(self._jobs) >= MOST_WAITING:
                raise StoreError(f"{self._name}: not taking writes")
            self._jobs.append((job, future))
            self._wake.notify()
        return await asyncio.shield(future)

    async def read(self, job: Job[T], organisations: Sequence[str] = (EVERYBODY,)) -> T:
        """Run a reading `job`; the server shows it the rows of these organisations alone."""
        async with self._readers:
            return await asyncio.to_thread(self._read, job, tuple(organisations))

    def _read(self, job: Job[T], organisations: tuple[str, ...]) -> T:
        driver = _driver()
        try:
            connection = self._idle.popleft()
        except IndexError:
            connection = self._connect()
        try:
            with connection.transaction():
                connection.execute("set transaction read only")
                self._become(connection, organisations)
                result = job(Database(connection))
        except driver.Error as error:
            connection.close()
            raise StoreError(f"{self._name}: {_words(error)}") from error
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return result

    def _connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        driver = _driver()
        try:
            made: psycopg.Connection[tuple[Any, ...]] = driver.connect(
                self._options.conninfo,
                connect_timeout=CONNECT_S,
                autocommit=True,
                options=f"-c statement_timeout={STATEMENT_MS} -c search_path=varco",
                application_name="varco",
            )
        except driver.Error as error:
            raise StoreError(f"{self._name}: {_words(error)}") from error
        return made

    @staticmethod
    def _become(
        connection: "psycopg.Connection[tuple[Any, ...]]", organisations: Sequence[str]
    ) -> None:
        """Say for this transaction whose rows are meant."""
        if any("," in one for one in organisations):
            raise StoreError("an organisation's id with a comma")
        connection.execute(
            "select set_config('varco.organisations', %s, true)", (",".join(organisations),)
        )

    # the writer's thread ---------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._jobs or self._closing)
                if not self._jobs:
                    break
                batch = [self._jobs.popleft() for _ in range(min(MOST_PER_COMMIT, len(self._jobs)))]
            self._commit(batch)
        if self._writer is not None:
            self._writer.close()

    def _commit(self, batch: list[tuple[Job[Any], asyncio.Future[Any]]]) -> None:
        driver = _driver()
        done: list[tuple[asyncio.Future[Any], Any, BaseException | None]] = []
        for left in reversed(range(TRIES)):
            try:
                done = self._committed(batch)
                break
            except (driver.Error, StoreError) as error:
                if self._writer is not None:
                    self._writer.close()
                    self._writer = None
                if left and str(getattr(error, "sqlstate", None) or "").startswith(_ROLLED_BACK):
                    continue
                failure = StoreError(f"{self._name}: {_words(error)}")
                done = [(future, None, failure) for _, future in batch]
                break
        self._loop.call_soon_threadsafe(settle, done)

    def _committed(
        self, batch: list[tuple[Job[Any], asyncio.Future[Any]]]
    ) -> list[tuple[asyncio.Future[Any], Any, BaseException | None]]:
        """Return what each job gave, once all are on disk."""
        connection = self._writer = self._writer or self._connect()
        with connection.transaction():
            self._become(connection, (EVERYBODY,))
            return [(future, *self._attempt(connection, job)) for job, future in batch]

    def _attempt(
        self, connection: "psycopg.Connection[tuple[Any, ...]]", job: Job[Any]
    ) -> tuple[Any, BaseException | None]:
        """Run one job inside a savepoint; what ends the connection propagates."""
        driver = _driver()
        try:
            with connection.transaction():
                return job(Database(connection)), None
        except driver.OperationalError:
            raise
        except driver.Error as error:
            return None, StoreError(f"{self._name}: {_words(error)}")
        except Exception as error:  # noqa: BLE001 - handed to the caller, who raises it
            return None, error

    def _close(self) -> None:
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        while self._idle:
            self._idle.popleft().close()


@asynccontextmanager
async def open_postgres(options: PostgresOptions) -> AsyncIterator[PostgresStore]:
    """Open a database that `prepare` made; StoreError if it is away or has not all our tables.

    ConfigError if the driver is not installed. On leaving, what waits is written first.
    """
    _driver()
    store = PostgresStore(options)
    try:
        if not await store.write(lambda db: _first(db, "select to_regclass('varco.inbox')")):
            raise StoreError(
                f"{options} was not prepared, or not for this role: run varco store init"
            )
        if lacks := await store.write(lambda db: _lacking(db, _who(db))):
            raise StoreError(
                f"{options} was prepared for an earlier version, without {', '.join(lacks)}:"
                " run varco store init again"
            )
        await store.write(lambda db: _first(db, "select varco.make_partitions(?)", MONTHS_AHEAD))
        yield store
    finally:
        await asyncio.shield(asyncio.to_thread(store._close))  # noqa: SLF001 - same module


def _script() -> str:
    return files("gateway.room").joinpath("postgres.sql").read_text(encoding="utf-8")


def _missing_tables(db: Database) -> list[str]:
    """Return the tables of this version that the owner has not made yet."""
    names = sorted({found[1] for found in _TABLE.finditer(_script())})
    return [one for one in names if not _first(db, "select to_regclass(?)", f"varco.{one}")]


def _lacking(db: Database, role: str) -> list[str]:
    """Return what this version needs and the database has not: tables, columns, a role's rights."""
    lacks = _missing_tables(db)
    for found in _TABLE.finditer(_script()):
        if found[1] in lacks:
            continue
        sql = "select attname from pg_attribute where attrelid = to_regclass(?) and attnum > 0"
        known = {name for (name,) in db.execute(sql, (f"varco.{found[1]}",)).fetchall()}
        text = re.sub(r"\([^)]*\)", "", found[2])
        lacks += [f"{found[1]}.{one}" for one in _COLUMN.findall(text) if one not in known]
    for rights, names in _GRANT.findall(_script()):
        for table in set(names.split(", ")) - set(lacks) - {"schema varco"}:
            for right in rights.split(", "):
                args = (role, f"varco.{table}", right)
                if not _first(db, "select has_table_privilege(?, ?, ?)", *args):
                    lacks.append(f"the right to {right} in {table}")
    return lacks


def _who(db: Database) -> str:
    return str(_first(db, "select current_user"))


def _first(db: Database, sql: str, *args: object) -> object:
    row = db.execute(sql, args).fetchone()
    return row[0] if row else None


def prepare(owner: PostgresOptions, role: str) -> tuple[str, ...]:
    """Make or complete tables, policies and rights with the owner's account; blocks.

    Return the tables that are new; doing it again changes no row. `role`: as whom the daemon signs
    in; it has to exist and must not be the owner. StoreError with the server's words, or with what
    the database lacks that this version cannot add; then nothing has changed.
    """
    driver = _driver()
    if not _ROLE.fullmatch(role):
        raise ConfigError("varco store", "role", f"{role} is no role", "letters, digits and _")
    try:
        with driver.connect(owner.conninfo, connect_timeout=CONNECT_S) as connection:
            _insist(connection, role)
            db = Database(connection)
            new = _missing_tables(db)
            connection.execute(_script().replace("@role@", role).encode())
            connection.execute("select varco.make_partitions(%s)", (MONTHS_AHEAD,))
            if lacks := _lacking(db, role):
                raise StoreError(
                    f"{owner} was made by another version and lacks {', '.join(lacks)}, which this"
                    " one does not add: nothing was changed"
                )
    except driver.Error as error:
        raise StoreError(f"{owner}: {_words(error)}") from error
    return tuple(new)


def _insist(connection: "psycopg.Connection[tuple[Any, ...]]", role: str) -> None:
    """Refuse a daemon that could give itself what it was not granted."""
    found = connection.execute(
        "select rolsuper or rolbypassrls, rolname = current_user from pg_roles where rolname = %s",
        (role,),
    ).fetchone()
    if found is None:
        raise StoreError(f"there is no role {role}: create role {role} login")
    if found[0] or found[1]:
        raise StoreError(f"{role} owns the tables or passes row security: use another role")
    made_by = connection.execute(
        "select pg_get_userbyid(relowner), pg_get_userbyid(relowner) = current_user from pg_class"
        " where oid = to_regclass('varco.inbox')"
    ).fetchone()
    if made_by is not None and made_by[0] == role:
        raise StoreError(f"{role} owns the tables or passes row security: use another role")
    if made_by is not None and not made_by[1]:
        raise StoreError(f"the tables belong to {made_by[0]}: sign in as {made_by[0]}")


@contextmanager
def reading(options: PostgresOptions) -> Iterator[Database]:
    """Open a connection of one's own, for tools; StoreError with the server's words."""
    driver = _driver()
    try:
        with driver.connect(options.conninfo, connect_timeout=CONNECT_S) as connection:
            connection.execute("set transaction read only")
            PostgresStore._become(connection, (EVERYBODY,))  # noqa: SLF001 - same module
            connection.execute("set local search_path = varco")
            yield Database(connection)
    except driver.Error as error:
        raise StoreError(f"{options}: {_words(error)}") from error


def _words(error: BaseException) -> str:
    """Return the first line of what the server said."""
    return str(error).strip().partition("\n")[0][:300]


def _driver() -> ModuleType:
    """Return psycopg; ConfigError if it is not installed."""
    try:
        import psycopg  # noqa: PLC0415 - an extra
        import psycopg.conninfo  # noqa: PLC0415 - an extra
    except ImportError as error:
        problem, advice = "the driver is not installed", "pip install 'varco[postgresql]'"
        raise ConfigError("gateway.toml", "room.store", problem, advice) from error
    return psycopg
