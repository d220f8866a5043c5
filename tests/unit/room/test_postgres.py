# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Jobs on a real PostgreSQL: durable, rolled back alone, seen by whom they concern."""

import asyncio
import uuid

import psycopg
import pytest

from gateway.model.errors import ConfigError, StoreError
from gateway.room.postgres import PostgresOptions, open_postgres, prepare, reading
from gateway.room.store import name_edges
from tests.postgres import DAEMON, OWNER, cluster

ALARM = (
    "insert into inbox(id, prefix, box, camera, rule, zone, severity, exercise, raised_utc_us,"
    " received_utc_us) values(?,?,?,'uno','intrusione','z',3,0,1,1)"
    " on conflict (id) do nothing"
)


@pytest.fixture(scope="module")
def server():
    with cluster() as running:
        with psycopg.connect(running.options(OWNER).conninfo, autocommit=True) as db:
            db.execute(f"create role {DAEMON} login")
        yield running


@pytest.fixture
def database(server):
    """Return a fresh, prepared database: how the owner and how the daemon sign in."""
    name = f"room_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server.options(OWNER).conninfo, autocommit=True) as db:
        db.execute(f"create database {name}")
    owner, daemon = server.options(OWNER, name), server.options(DAEMON, name)
    prepare(owner, DAEMON)
    return owner, daemon


def put(id_, box="edge-a"):
    return lambda db: db.execute(ALARM, (id_, "p", box)).rowcount


async def test_what_was_awaited_is_there_for_others(database):
    owner, daemon = database
    async with open_postgres(daemon) as store:
        assert await store.write(put("018f0000-0000-7000-8000-000000000001")) == 1
        with reading(owner) as db:
            assert db.execute("select box from inbox").fetchall() == [("edge-a",)]
        assert await store.write(put("018f0000-0000-7000-8000-000000000001")) == 0


async def test_a_database_of_an_earlier_version_says_what_to_do(database):
    """A room that could not keep answers does not start in silence; `store init` mends it."""
    owner, daemon = database
    with psycopg.connect(owner.conninfo, autocommit=True) as db:
        db.execute("drop table varco.taken")
    with pytest.raises(StoreError, match=r"without taken: run varco store init again"):
        async with open_postgres(daemon):
            pass
    prepare(owner, DAEMON)
    async with open_postgres(daemon) as store:
        await store.read(lambda db: db.execute("select alarm from taken").fetchall())


async def test_a_job_that_fails_takes_nothing_else_with_it(database):
    _, daemon = database

    def breaks(db):
        put("bad")(db)
        raise ZeroDivisionError

    async with open_postgres(daemon) as store:
        good, bad, wrong = await asyncio.gather(
            store.write(put("good")),
            store.write(breaks),
            store.write(lambda db: db.execute("select nothing from nowhere")),
            return_exceptions=True,
        )
        assert good == 1
        assert isinstance(bad, ZeroDivisionError)
        assert isinstance(wrong, StoreError)
        found = await store.read(lambda db: db.execute("select id from inbox").fetchall())
        assert found == [("good",)]


async def test_the_server_shows_an_organisation_its_rows_alone(database):
    """Row-level security: whatever a query forgets to ask."""
    _, daemon = database
    everything = lambda db: db.execute("select id from inbox order by id").fetchall()  # noqa: E731
    async with open_postgres(daemon) as store:
        await store.write(name_edges([("edge-a", "polizia"), ("edge-b", "questura")]))
        await store.write(put("a", "edge-a"))
        await store.write(put("b", "edge-b"))
        assert await store.read(everything, ["polizia"]) == [("a",)]
        assert await store.read(everything, ["questura"]) == [("b",)]
        assert await store.read(everything, ["polizia", "questura"]) == [("a",), ("b",)]
        assert await store.read(everything, ["nobody"]) == []
        assert await store.read(everything, []) == []
        assert await store.read(everything) == [("a",), ("b",)]
        await store.write(name_edges([("edge-b", "polizia")]))
        assert await store.read(everything, ["polizia"]) == [("b",)]
        with pytest.raises(StoreError, match="comma"):
            await store.read(everything, ["polizia,questura"])


@pytest.mark.parametrize(
    "words",
    [
        "update ledger_mirror set header = ''",
        "delete from ledger_mirror",
        "truncate ledger_mirror",
        "drop table ledger_mirror",
        "alter table ledger_mirror disable trigger all",
        "alter table inbox disable row level security",
        "update ledger_mirror_checkpoint set note = ''",
        "delete from inbox",
        "set role postgres",
    ],
)
async def test_the_daemon_cannot_change_the_copy_of_the_log(database, words):
    _, daemon = database
    async with open_postgres(daemon) as store:
        row = ("box", 0, 1, b"{}", b"l" * 32)
        await store.write(lambda db: db.execute("insert into ledger_mirror values(?,?,?,?,?)", row))
        with pytest.raises(StoreError, match=r"permission denied|must be owner|append only"):
            await store.write(lambda db: db.execute(words))
        kept = await store.read(lambda db: db.execute("select * from ledger_mirror").fetchall())
        assert kept == [row]


def test_not_even_the_owner_changes_it_by_a_slip(database):
    owner, _ = database
    with psycopg.connect(owner.conninfo, autocommit=True) as db:
        db.execute("insert into varco.ledger_mirror values('box', 0, 1, '', '')")
        for words in ("update {} set seq = 1", "delete from {}", "truncate {}"):
            with pytest.raises(psycopg.Error, match="append only"):
                db.execute(words.format("varco.ledger_mirror"))


async def test_rows_lie_in_the_partition_of_their_month(database):
    """Ids are UUIDv7: their first 48 bits are milliseconds."""
    owner, daemon = database
    with psycopg.connect(owner.conninfo, autocommit=True) as db:
        (now_ms,) = db.execute("select (extract(epoch from now()) * 1000)::bigint").fetchone()
        (month,) = db.execute("select to_char(now() at time zone 'UTC', 'YYYY_MM')").fetchone()
    text = f"{now_ms:012x}"
    id_ = f"{text[:8]}-{text[8:]}-7000-8000-000000000000"
    async with open_postgres(daemon) as store:
        await store.write(put(id_))
        await store.write(put("zzz"))
    with psycopg.connect(owner.conninfo, autocommit=True) as db:
        found = dict(db.execute("select id, tableoid::regclass::text from varco.inbox").fetchall())
    assert found[id_] == f"varco.inbox_{month}"
    assert found["zzz"] == "varco.inbox_other"


async def test_a_server_that_was_away_is_used_again(server, database):
    _, daemon = database
    async with open_postgres(daemon) as store:
        await store.write(put("before"))
        await store.read(lambda db: db.execute("select 1").fetchone())
        server.stop("immediate")
        try:
            with pytest.raises(StoreError):
                await store.write(put("meanwhile"))
            with pytest.raises(StoreError):
                await store.read(lambda db: db.execute("select 1").fetchone())
        finally:
            server.start()
        assert await store.write(put("after")) == 1
        found = await store.read(lambda db: db.execute("select id from inbox").fetchall())
        assert set(found) == {("before",), ("after",)}


CATALOGUE = (
    "select table_name, column_name, data_type, column_default from information_schema.columns"
    " where table_schema = 'varco' order by 1, 2",
    "select grantee, table_name, privilege_type from information_schema.role_table_grants"
    " where table_schema = 'varco' order by 1, 2, 3",
    "select tablename, policyname, qual from pg_policies where schemaname = 'varco' order by 1, 2",
    "select relname, relrowsecurity, relforcerowsecurity, pg_get_userbyid(relowner) from pg_class"
    " where relnamespace = 'varco'::regnamespace order by 1",
    "select proname, prosrc, proacl::text from pg_proc where pronamespace = 'varco'::regnamespace"
    " order by 1",
    "select tgrelid::regclass::text, tgname, tgenabled from pg_trigger where not tgisinternal"
    " order by 1, 2",
)


def described(owner):
    """Return everything that preparing makes, as the server tells it."""
    with psycopg.connect(owner.conninfo) as db:
        return [db.execute(one).fetchall() for one in CATALOGUE]


async def test_preparing_again_changes_nothing(server, database):
    """Not a row, not a right, not a policy; the first time tells what is new."""
    owner, daemon = database
    async with open_postgres(daemon) as store:
        await store.write(put("a"))
        await store.write(name_edges([("edge-a", "polizia")]))
    before = described(owner)
    assert prepare(owner, DAEMON) == ()
    assert described(owner) == before
    with reading(owner) as db:
        assert db.execute("select id, box from inbox").fetchall() == [("a", "edge-a")]
        assert db.execute("select edge from edge_organisation").fetchall() == [("edge-a",)]
    fresh = server.options(OWNER, "fresh")
    with psycopg.connect(server.options(OWNER).conninfo, autocommit=True) as db:
        db.execute("create database fresh")
    assert {"inbox", "edge_organisation", "ledger_mirror", "report"} <= set(prepare(fresh, DAEMON))
    assert prepare(fresh, DAEMON) == ()


async def test_preparing_again_disturbs_no_room_at_work(database):
    """An update runs it while the daemon writes: nothing is lost, nobody waits for long."""
    owner, daemon = database
    async with open_postgres(daemon) as store:
        writes = asyncio.gather(*(store.write(put(f"{n:04}")) for n in range(400)))
        again = asyncio.gather(*(asyncio.to_thread(prepare, owner, DAEMON) for _ in range(3)))
        assert sum(await writes) == 400
        assert await again == [(), (), ()]
        found = await store.read(lambda db: db.execute("select count(*) from inbox").fetchone())
        assert found == (400,)


@pytest.mark.parametrize(
    ("older", "lacks", "new"),
    [
        ("drop table varco.report_once", "report_once", ("report_once",)),
        (f"revoke delete on varco.incident_event from {DAEMON}", "the right to delete in inc", ()),
    ],
)
async def test_what_an_earlier_version_lacks_is_named_and_added(database, older, lacks, new):
    owner, daemon = database
    made = described(owner)
    with psycopg.connect(owner.conninfo, autocommit=True) as db:
        db.execute(older)
    with pytest.raises(StoreError, match=rf"earlier version, without {lacks}.*store init again"):
        async with open_postgres(daemon):
            pass
    assert prepare(owner, DAEMON) == new
    assert described(owner) == made
    async with open_postgres(daemon):
        pass


async def test_a_table_of_another_form_is_told_and_left_alone(database):
    """What this version cannot add it does not pretend to have added; nothing is half done."""
    owner, daemon = database
    with psycopg.connect(owner.conninfo, autocommit=True) as db:
        db.execute("alter table varco.incident_once drop column answer")
        db.execute("drop table varco.report_once")
    before = described(owner)
    with pytest.raises(StoreError, match=r"without report_once, incident_once\.answer"):
        async with open_postgres(daemon):
            pass
    with pytest.raises(StoreError, match=r"lacks incident_once\.answer.*nothing was changed"):
        prepare(owner, DAEMON)
    assert described(owner) == before


def test_a_right_that_nobody_grants_any_more_is_taken_away(database):
    owner, _ = database
    made = described(owner)
    with psycopg.connect(owner.conninfo, autocommit=True) as db:
        db.execute(f"grant delete on varco.inbox, varco.inbox_other to {DAEMON}")
    prepare(owner, DAEMON)
    assert described(owner) == made


async def test_another_owner_is_sent_to_the_first_one(server, database):
    """Whose tables they are decides who may complete them: mixed owners would break partitions."""
    owner, daemon = database
    with psycopg.connect(server.options(OWNER).conninfo, autocommit=True) as db:
        db.execute("create role second superuser login")
    second = PostgresOptions(owner.conninfo.replace(f"user={OWNER}", "user=second"))
    before = described(owner)
    with pytest.raises(StoreError, match=f"belong to {OWNER}: sign in as {OWNER}"):
        prepare(second, DAEMON)
    assert described(owner) == before
    async with open_postgres(daemon):
        pass


async def test_a_database_that_was_never_prepared_says_what_to_do(server):
    with psycopg.connect(server.options(OWNER).conninfo, autocommit=True) as db:
        db.execute("create database bare")
    with pytest.raises(StoreError, match=r"not prepared.*run varco store init"):
        async with open_postgres(server.options(DAEMON, "bare")):
            pass


async def test_an_organisation_does_not_read_who_else_knows_of_an_edge(database):
    """Nor do partitions, asked for by name, go round the policy of their table."""
    _, daemon = database
    names = lambda db: db.execute("select edge, organisation from edge_organisation").fetchall()  # noqa: E731
    async with open_postgres(daemon) as store:
        await store.write(name_edges([("a", "polizia"), ("a", "questura"), ("b", "questura")]))
        await store.write(put("zzz", "b"))
        assert await store.read(names, ["polizia"]) == [("a", "polizia")]
        assert len(await store.read(names)) == 3
        with pytest.raises(StoreError, match="permission denied"):
            await store.read(lambda db: db.execute("select id from inbox_other"), ["polizia"])


@pytest.mark.parametrize(
    ("role", "problem"),
    [("absent", "create role"), (OWNER, "another role"), ("x; drop table", "is no role")],
)
def test_a_daemon_that_could_help_itself_is_refused(database, role, problem):
    owner, _ = database
    with pytest.raises((StoreError, ConfigError), match=problem):
        prepare(owner, role)


async def test_a_server_that_is_not_there_is_named_without_its_password():
    options = PostgresOptions("host=/nowhere user=a password=s3cret dbname=room")
    with pytest.raises(StoreError) as found:
        async with open_postgres(options):
            pass
    assert "s3cret" not in str(found.value) + repr(options) + str(options)
    assert "/nowhere/room" in str(found.value)
