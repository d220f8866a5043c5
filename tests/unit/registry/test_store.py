# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The registry on a real disk."""

import asyncio
import sqlite3
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from gateway.model.errors import ConfigError, ConfigErrors, StoreError
from gateway.model.registry import Edge, Role, SiteState, User, empty_registry
from gateway.registry.entities import GOVERNED, flatten
from gateway.registry.seed import Seed, parse_seed
from gateway.registry.store import open_registry
from tests.fakes import EPOCH_US, FakeClock
from tests.unit.registry.worlds import SEED, registries, small

HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA"


@pytest.fixture
async def store(tmp_path):
    async with open_registry(tmp_path / "registry.db", clock=FakeClock()) as opened:
        yield opened


def seed(text=SEED):
    return parse_seed(text, "seed.toml")


async def test_an_empty_box_has_version_0(store):
    """Before the first seed there is nothing."""
    assert store.current() == empty_registry()
    assert await store.versions() == ()


async def test_a_first_seed_makes_version_1(store):
    """What was applied is in force, and who did it is written down."""
    change = await store.apply(seed(), by="root")
    assert (change.version, len(change.added), change.changed, change.removed) == (1, 8, (), ())
    assert change.added[:2] == ("act/patto", "camera/banco")
    assert store.current() == replace(small(), version=1)
    (version,) = await store.versions()
    assert (version.by, version.source, version.utc_us) == ("root", "seed.toml", EPOCH_US)
    assert version.change == change


async def test_the_same_seed_again_makes_no_version(store):
    """An identical apply disturbs nobody: not even the object changes."""
    await store.apply(seed(), by="root")
    before = store.current()
    change = await store.apply(seed(), by="root")
    assert change.empty
    assert change.version == 1
    assert store.current() is before


async def test_only_what_differs_is_named(store):
    """An unchanged camera does not appear in a change."""
    await store.apply(seed(), by="root")
    change = await store.apply(seed(SEED.replace("Luca", "Lucio")), by="root")
    assert (change.version, change.added, change.changed) == (2, (), ("user/verdi",))
    assert store.current().cameras["banco"] == small().cameras["banco"]


async def test_a_partial_seed_leaves_the_rest_and_replace_removes_it(store):
    """Two meanings of one seed, chosen by the caller."""
    await store.apply(seed(), by="root")
    part = seed('[[controller]]\nid = "comune"\nname = "Comune"\n')
    assert (await store.apply(part, by="root")).removed == ()
    change = await store.apply(part, by="root", replace=True)
    assert change.version == 3
    assert change.removed == tuple(sorted("/".join(key) for key in flatten(small())))
    assert flatten(store.current()).keys() == {("controller", "comune")}


async def test_a_seed_whose_references_lead_nowhere_changes_nothing(store):
    """The faults carry the seed's lines; version and registry stay."""
    text = '\n[[camera]]\nid = "a"\nname = "A"\nsite = "x"\nurl = "rtsp://a/"\narea = "privata"\n'
    with pytest.raises(ConfigErrors, match=r"^seed\.toml:2: camera\[a\]\.site: there is no site x"):
        await store.apply(seed(text), by="root")
    assert store.current() == empty_registry()


async def test_old_versions_can_be_read_back(store):
    """What was in force at a version is answered years later."""
    await store.apply(seed(), by="a")
    await store.apply(seed(SEED.replace("Luca", "Lucio")), by="b")
    await store.apply(seed('[[controller]]\nid = "c"\nname = "C"\n'), by="c", replace=True)
    assert await store.at(0) == empty_registry()
    assert await store.at(1) == replace(small(), version=1)
    assert (await store.at(2)).users["verdi"].name == "Lucio Verdi"
    assert await store.at(3) == store.current()
    assert [version.by for version in await store.versions()] == ["c", "b", "a"]
    assert [version.by for version in await store.versions(limit=1)] == ["c"]
    with pytest.raises(ConfigError, match="there is no version 4"):
        await store.at(4)


async def test_everything_is_there_after_a_restart(tmp_path):
    """Registry, version and passwords are read from disk."""
    path = tmp_path / "registry.db"
    async with open_registry(path, clock=FakeClock()) as store:
        await store.apply(seed(), by="root")
        await store.set_password("verdi", HASH)
        before = store.current()
    async with open_registry(path, clock=FakeClock()) as store:
        assert store.current() == before
        assert store.current().users["verdi"].password_hash == HASH


async def test_a_password_is_no_version_and_leaves_no_trace_of_the_old_one(store, tmp_path):
    """Changing a password changes nothing that versions keep."""
    await store.apply(seed(), by="root")
    await store.set_password("verdi", HASH)
    await store.set_password("verdi", HASH + "new")
    assert store.current().version == 1
    assert store.current().users["verdi"].password_hash == HASH + "new"
    assert (await store.at(1)).users["verdi"].password_hash == ""
    with sqlite3.connect(tmp_path / "registry.db") as connection:
        assert connection.execute("select hash from password").fetchall() == [(HASH + "new",)]
        assert not connection.execute("select 1 from entity where body like '%argon%'").fetchall()
    connection.close()


async def test_a_seed_keeps_passwords_and_removal_of_the_user_ends_them(store):
    """A user who is removed and comes back has no password."""
    await store.apply(seed(), by="root")
    await store.set_password("verdi", HASH)
    await store.apply(seed(SEED.replace("Luca", "Lucio")), by="root", replace=True)
    assert store.current().users["verdi"].password_hash == HASH
    await store.apply(seed(SEED[: SEED.index("[[user]]")]), by="root", replace=True)
    await store.apply(seed(), by="root")
    assert store.current().users["verdi"].password_hash == ""


async def test_used_codes_are_remembered_and_go_with_the_user(tmp_path, store):
    """A step of time by user: no version, and nothing that the registry shows."""
    await store.apply(seed(), by="root")
    before = store.current()
    await store.keep_totp_step("verdi", 7)
    await store.keep_totp_step("verdi", 9)
    assert store.current() is before
    async with open_registry(tmp_path / "registry.db", clock=FakeClock()) as again:
        assert await again.totp_steps() == {"verdi": 9}
    await store.apply(seed(SEED[: SEED.index("[[user]]")]), by="root", replace=True)
    assert await store.totp_steps() == {}


async def test_a_password_can_be_taken_away(store):
    """An empty hash locks the account."""
    await store.apply(seed(), by="root")
    await store.set_password("verdi", HASH)
    await store.set_password("verdi", "")
    assert store.current().users["verdi"].password_hash == ""


async def test_the_same_password_again_disturbs_nobody(store):
    """What did not change wakes no waiter."""
    await store.apply(seed(), by="root")
    await store.set_password("verdi", HASH)
    before = store.current()
    await store.set_password("verdi", HASH)
    assert store.current() is before


async def test_passwords_of_nobody_and_passwords_in_the_clear_are_refused(store):
    """The user must exist, and what is stored must be a hash."""
    await store.apply(seed(), by="root")
    with pytest.raises(ConfigError, match="there is no such user"):
        await store.set_password("nessuno", HASH)
    with pytest.raises(ConfigError, match="is not an argon2id hash") as caught:
        await store.set_password("verdi", "hunter2")
    assert "hunter2" not in str(caught.value)


async def test_whoever_waits_hears_of_changes_and_of_passwords(store):
    """A waiter gets the newest registry, also if it changed before it waited."""
    seen = store.current()
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        waiter = group.create_task(store.wait_changed(seen))
        await store.apply(seed(), by="root")
    assert waiter.result() is store.current()
    assert await store.wait_changed(seen) is store.current()
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        waiter = group.create_task(store.wait_changed(store.current()))
        await asyncio.sleep(0)
        await store.set_password("verdi", HASH)
    assert waiter.result().users["verdi"].password_hash == HASH


async def test_seeds_that_come_together_are_applied_one_after_the_other(store):
    """Two administrators at once make two versions, and neither undoes the other."""
    controllers = [f'[[controller]]\nid = "c{i}"\nname = "C"\n' for i in range(20)]
    async with asyncio.TaskGroup() as group:
        for i, text in enumerate(controllers):
            group.create_task(store.apply(seed(text), by=str(i)))
    assert store.current().version == 20
    assert len(store.current().controllers) == 20


async def test_a_cancelled_apply_is_either_in_memory_and_on_disk_or_in_neither(store):
    """After a cancellation the next apply does not stumble over what is on disk."""
    for step in range(60):
        text = f'[[controller]]\nid = "c{step}"\nname = "C"\n'
        async with asyncio.TaskGroup() as group:
            task = group.create_task(store.apply(seed(text), by="x"))
            for _ in range(step % 6):
                await asyncio.sleep(0)
            await asyncio.sleep(step // 6 * 0.0002)  # also while it is read back
            task.cancel()
        stored = await store.at(store.current().version)
        assert stored == store.current()
        versions = await store.versions()
        assert len(versions) == store.current().version
    draft = seed(SEED.replace('"approvato"', '"bozza"'))
    assert (await store.apply(draft, by="y")).version == store.current().version


async def test_a_database_from_before_devices_still_loads(tmp_path):
    """Rows without the newer fields are read with their defaults, and nothing counts as changed."""
    path = tmp_path / "registry.db"
    newer = ("sub_url", "transport", "device", "channel", "tls_sha256", "hosts", "density_class")
    async with open_registry(path, clock=FakeClock()) as store:
        await store.apply(seed(), by="root")
    with sqlite3.connect(path) as connection:
        paths = ", ".join(f"'$.{name}'" for name in newer)
        connection.execute(
            f"update entity set body = json_remove(body, {paths}) where kind = 'camera'"
        )
        (body,) = connection.execute("select body from entity where kind = 'camera'").fetchone()
    connection.close()
    assert not any(name in body for name in newer)
    async with open_registry(path, clock=FakeClock()) as store:
        assert store.current().cameras == small().cameras
        assert (await store.apply(seed(), by="root")).empty


async def test_a_damaged_row_is_named(tmp_path):
    """A database that somebody edited is refused with the row that cannot be read."""
    path = tmp_path / "registry.db"
    async with open_registry(path, clock=FakeClock()) as store:
        await store.apply(seed(), by="root")
    with sqlite3.connect(path) as connection:
        connection.execute("update entity set body = '{}' where kind = 'camera'")
    connection.close()
    with pytest.raises(StoreError, match=r"registry\.db: row camera/banco cannot be read"):
        async with open_registry(path, clock=FakeClock()):
            pytest.fail("opened a damaged registry")


async def test_a_file_that_is_no_database_is_named(tmp_path):
    """The path is told."""
    (tmp_path / "registry.db").write_bytes(b"x" * 4096)
    with pytest.raises(StoreError, match=r"registry\.db: file is not a database"):
        async with open_registry(tmp_path / "registry.db", clock=FakeClock()):
            pytest.fail("opened something else")


def quiet(world):
    """Return a world in which no site is active and a person of each controller can judge."""
    sites = {i: replace(one, state=SiteState.DRAFT) for i, one in world.sites.items()}
    judges = {
        f"dpo-{i}"[:64].rstrip("-"): User(f"dpo-{i}"[:64].rstrip("-"), "D", Role.DPO, i)
        for i in world.controllers
    }
    return replace(world, sites=sites, users=world.users | judges)


def enrolled(world, before):
    """Return a world whose edges have what they were enrolled with before, and no other."""
    edges = {}
    for id_, one in world.edges.items():
        old = before.edges.get(id_)
        told = (old.certificate_sha256, old.ledger_vkey) if old else ("", "")
        edges[id_] = replace(one, certificate_sha256=told[0], ledger_vkey=told[1])
    return replace(world, edges=edges)


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(first=registries(), second=registries())
def test_any_two_registries_follow_each_other(tmp_path_factory, first, second):
    """Registry -> rows -> Registry, through the file: at once, or held and in force only then."""
    first, second = quiet(first), enrolled(quiet(second), first)
    kept = {key: one for key, one in flatten(first).items() if key[0] in GOVERNED}
    named = {key: one for key, one in flatten(second).items() if key[0] not in GOVERNED}

    async def run():
        path = tmp_path_factory.mktemp("r") / "registry.db"
        async with open_registry(path, clock=FakeClock()) as store:
            await store.apply(Seed("1", flatten(first)), by="x")
            before = store.current()
            try:
                change = await store.apply(Seed("2", named), by="x", replace=True)
            except ConfigErrors:
                assert store.current() is before
                longer = any(
                    one.valid_until > first.acts[id_].valid_until
                    or one.valid_from < first.acts[id_].valid_from
                    for id_, one in second.acts.items()
                    if id_ in first.acts
                )
                assert kept or longer, "only what people entered or signed can be in the way"
                return
            if change.held:
                assert flatten(store.current()) == flatten(before)
            else:
                after = {k: e for k, e in flatten(store.current()).items() if k[0] not in GOVERNED}
                assert after == named
                gone = {k for k in kept if k not in flatten(store.current())}
                assert all(k[0] == "extension" for k in gone)
            assert flatten(await store.at(1)) == flatten(first)
            now = store.current()
        async with open_registry(path, clock=FakeClock()) as store:
            assert store.current() == now

    asyncio.run(run())


async def test_an_edge_is_entered_and_changed_in_somebodys_name(store):
    """Each change is a version with its author; what is the same already makes none."""
    await store.apply(seed(), by="x")
    nord = Edge("nord", "Nord", organisations=("sala",))
    assert (await store.admit(nord, by="capo")).added == ("edge/nord",)
    known = replace(nord, certificate_sha256="ab" * 32)
    assert (await store.admit(known, by="enrolment")).changed == ("edge/nord",)
    assert (await store.admit(known, by="enrolment")).empty
    assert store.current().edges == {"nord": known}
    assert [one.by for one in await store.versions()] == ["enrolment", "capo", "x"]
    with pytest.raises(ConfigErrors, match="nowhere"):
        await store.admit(replace(nord, organisations=("nowhere",)), by="capo")
    assert (await store.at(2)).edges == {"nord": nord}
