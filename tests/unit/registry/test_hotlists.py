# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Hot lists on a real disk: two people, signed lists, one key, and no plate anywhere."""

import dataclasses
import hashlib
import logging

import pytest

from gateway.model.access import AccessRequest, Action, Actor, Grant, Purpose, Regime
from gateway.model.errors import ConfigError, StateError, StoreError
from gateway.model.hotlist import EntryState, LocalWish, new_entry_id
from gateway.model.plate import ListKind, PlateRead
from gateway.model.registry import Controller, Role, User
from gateway.registry import hotlists
from gateway.registry.hotlist_import import DAY_US
from gateway.registry.hotlists import HotListSetup, open_hotlists
from gateway.registry.seed import Seed
from gateway.registry.store import open_registry
from tests.fakes import FakeClock
from tests.unit.registry.hotlist_parts import KEYS, OTHER_KEYS, SOURCES, as_json, signed

PLATE, OTHER = "FX417MZ", "GB902KL"
PEOPLE = [
    User("anna", "Anna Riva", Role.PL_OPERATOR, "comune", "$argon2id$a"),
    User("berta", "Berta Fini", Role.PL_OPERATOR, "comune", "$argon2id$b"),
    User("anna2", " anna  RIVA ", Role.PL_OPERATOR, "comune", "$argon2id$c"),
    User("carta", "C", Role.PL_OPERATOR, "comune", certificate_sha256="ab" * 32),
    User("carta2", "D", Role.PL_OPERATOR, "comune", oidc_subject="https://idp|7"),
    User("carta3", "E", Role.PL_OPERATOR, "comune", oidc_subject="https://idp|7"),
    User("assente", "X", Role.PL_OPERATOR, "comune", enabled=False),
]


def people(*users):
    found = {("user", one.id): one for one in users}
    return Seed("s", {("controller", "comune"): Controller("comune", "Comune")} | found)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
async def registry(tmp_path, clock):
    async with open_registry(tmp_path / "registry.db", clock=clock) as opened:
        await opened.apply(people(*PEOPLE), by="uid:0")
        yield opened


async def opened(registry, clock, keys=KEYS, former=None):
    return await open_hotlists(registry, clock, HotListSetup(keys, former, SOURCES))


@pytest.fixture
async def lists(registry, clock):
    return await opened(registry, clock)


def wish(clock, days=30.0, **more):
    until_us = clock.now().utc_us + round(days * DAY_US)
    made = LocalWish(PLATE, "IT", "ricerca di persona", "P 12/2026", "ordinanza 7", "Comando",
                     until_us)  # fmt: skip
    return dataclasses.replace(made, **more)


async def ask(lists, clock, by="anna", **more):
    return await lists.ask(wish(clock, **more), by=by, id_=new_entry_id())


def sees(lists, clock, plate=PLATE):
    read = PlateRead(plate, 0.99, (0.99,) * len(plate), country="IT", certain=True)
    return lists.match(read, clock.now())


def grant(clock, id_, action=Action.HOTLIST_OPEN):
    actor = Actor("anna", "Anna", Role.PL_OPERATOR, "comune", "s", "password")
    request = AccessRequest(actor, action, "", Purpose.INCIDENT, "P 12", "verifica", object=id_)
    now = clock.now()
    return Grant("g", request, "patto", Regime.LED, now, now.shifted(60), 1)


async def test_a_local_entry_waits_for_somebody_else(lists, clock):
    """Until then it matches nothing; who asked and who approved is kept."""
    one = await ask(lists, clock)
    assert (one.state, one.added_by, one.organisation) == (EntryState.WAITING, "anna", "comune")
    assert sees(lists, clock) is None
    done = await lists.approve(one.id, by="berta")
    assert (done.state, done.approved_by) == (EntryState.IN_FORCE, "berta")
    found = sees(lists, clock)
    assert (found.entry, found.kind, found.text) == (one.id, ListKind.LOCAL, PLATE)
    assert (found.reason, found.case) == ("ricerca di persona", "P 12/2026")
    with pytest.raises(StateError, match="not-waiting"):
        await lists.approve(one.id, by="berta")


@pytest.mark.parametrize(
    ("asker", "judge", "why"),
    [
        ("anna", "anna", "same-person"), ("anna", "anna2", "same-person"),
        ("carta2", "carta3", "same-person"), ("anna", "assente", "person"),
        ("anna", "nessuno", "person"), ("anna", "uid:0", "person"),
    ],
)  # fmt: skip
async def test_one_person_is_not_two(lists, clock, asker, judge, why):
    """Neither over two channels nor with two accounts; and nobody who is not there."""
    one = await ask(lists, clock, by=asker)
    with pytest.raises(StateError, match=why):
        await lists.approve(one.id, by=judge)
    assert sees(lists, clock) is None


@pytest.mark.parametrize("how", ["made", "password", "totp", "role", "certificate"])
async def test_who_became_somebody_since_counts_not(registry, lists, clock, how):
    """A new account, another password or second device, another role or certificate."""
    one = await ask(lists, clock)
    judge = "berta"
    if how == "made":
        judge = "nuova"
        await registry.apply(people(User("nuova", "N", Role.PL_OPERATOR, "comune")), by="uid:0")
    elif how == "password":
        await registry.set_password("berta", "$argon2id$z")
    elif how == "totp":
        await registry.set_totp("berta", "A" * 32)
    else:
        changed = {"role": Role.PS_OPERATOR} if how == "role" else {"certificate_sha256": "c" * 64}
        await registry.apply(people(dataclasses.replace(PEOPLE[1], **changed)), by="uid:0")
    with pytest.raises(StateError, match="newcomer"):
        await lists.approve(one.id, by=judge)
    later = await ask(lists, clock, plate=OTHER)
    assert (await lists.approve(later.id, by=judge)).approved_by == judge


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"days": 90.1}, "expires"), ({"days": 0.0}, "expires"), ({"days": -1.0}, "expires"),
        ({"reason": " x "}, "reason"), ({"case": ""}, "case"), ({"act": " "}, "act"),
        ({"requester": ""}, "requester"), ({"plate": "FX?17MZ"}, "plate"),
        ({"country": "I"}, "country"),
    ],
)  # fmt: skip
async def test_a_wish_that_does_not_say_why_or_how_long_is_refused(lists, clock, more, key):
    """At most ninety days, a reason, a case, an act, who asks; the error has no plate."""
    with pytest.raises(ConfigError, match=f"request: {key}: ") as caught:
        await ask(lists, clock, **more)
    assert "17MZ" not in str(caught.value)
    assert await lists.local() == ()


async def test_only_people_of_this_box_ask(lists, clock):
    """Not root, not a closed account."""
    for who in ("uid:0", "assente"):
        with pytest.raises(StateError, match="person"):
            await ask(lists, clock, by=who)


async def test_so_many_wait_at_most(lists, clock, monkeypatch):
    """Nobody fills the list with wishes."""
    monkeypatch.setattr(hotlists, "MOST_WAITING", 1)
    one = await ask(lists, clock)
    with pytest.raises(StateError, match="full"):
        await ask(lists, clock, plate=OTHER)
    await lists.reject(one.id)
    assert await ask(lists, clock, plate=OTHER)


async def test_what_is_rejected_or_removed_is_gone(lists, clock):
    """A rejected one never matched; a removed one matches no more; neither is on the disk."""
    first, second = await ask(lists, clock), await ask(lists, clock, plate=OTHER)
    await lists.approve(second.id, by="berta")
    with pytest.raises(StateError, match="not-waiting"):
        await lists.reject(second.id)
    await lists.reject(first.id)
    await lists.remove(second.id)
    assert sees(lists, clock) is sees(lists, clock, OTHER) is None
    assert await lists.local() == ()
    with pytest.raises(StateError, match="unknown"):
        await lists.remove(second.id)


async def test_the_second_it_is_over_it_matches_nothing_and_then_it_goes(lists, clock):
    """Also one that still waits; the sweep says how many of which list."""
    one = await ask(lists, clock, days=1)
    await ask(lists, clock, plate=OTHER, days=1)
    await lists.approve(one.id, by="berta")
    clock.advance(86_399.0)
    assert sees(lists, clock)
    assert await lists.expire() == ()
    clock.advance(1.0)
    assert sees(lists, clock) is None
    with pytest.raises(StateError, match="unknown"):
        await lists.approve(one.id, by="berta")
    assert await lists.expire() == (("", ListKind.LOCAL, 2),)
    assert await lists.local() == ()
    assert await lists.expire() == ()


async def test_a_signed_list_is_taken_over_and_replaced_whole(lists, clock):
    """What the newer one does not hold is sought no more."""
    done = await lists.deliver(*signed(as_json(PLATE, OTHER)), by="anna")
    assert (done.added, done.removed) == (2, 0)
    found = sees(lists, clock)
    assert (found.kind, found.source, found.act) == (ListKind.STOLEN, "questura", "prot. 1234/2026")
    done = await lists.deliver(*signed(as_json(OTHER, sequence=2)), by="anna")
    assert (done.added, done.removed) == (1, 2)
    assert sees(lists, clock) is None
    (one,) = await lists.lists()
    assert (one.source, one.kind, one.sequence, one.entries, one.by) == (
        "questura", ListKind.STOLEN, 2, 1, "anna",
    )  # fmt: skip


async def test_an_older_list_does_not_come_back(lists, clock):
    """The same file again, a lower number, an earlier date; also after every entry was removed."""
    old = signed(as_json(PLATE, sequence=3))
    await lists.deliver(*old, by="anna")
    await lists.deliver(*signed(as_json(sequence=4)), by="anna")
    for document in (
        old,
        signed(as_json(PLATE, sequence=4)),
        signed(as_json(PLATE, sequence=5, issued="2026-09-20T09:59:59Z")),
    ):
        with pytest.raises(StateError, match="old"):
            await lists.deliver(*document, by="anna")
    assert sees(lists, clock) is None
    (one,) = await lists.lists()
    assert (one.sequence, one.entries) == (4, 0)


async def test_changes_apply_to_the_list_that_they_are_of(lists, clock):
    """Added and removed; to any other list they are refused."""
    await lists.deliver(*signed(as_json(PLATE)), by="anna")
    off = {"plate": PLATE, "change": "remove"}
    changes = {"mode": "changes", "sequence": 2}
    with pytest.raises(StateError, match="base"):
        await lists.deliver(*signed(as_json(off, **changes, base=7)), by="anna")
    done = await lists.deliver(*signed(as_json(off, OTHER, **changes, base=1)), by="anna")
    assert (done.added, done.removed) == (1, 1)
    assert sees(lists, clock) is None
    assert sees(lists, clock, OTHER)


async def test_lists_are_apart(lists, clock):
    """A new list of one kind leaves the other kinds and our own alone."""
    one = await ask(lists, clock, plate=OTHER)
    await lists.approve(one.id, by="berta")
    await lists.deliver(*signed(as_json(PLATE)), by="anna")
    await lists.deliver(*signed(as_json("ZZ000ZZ", kind="C")), by="anna")
    assert (sees(lists, clock).kind, sees(lists, clock, OTHER).kind) == (
        ListKind.STOLEN, ListKind.LOCAL,
    )  # fmt: skip
    assert sees(lists, clock, "ZZ000ZZ").kind is ListKind.REPORTED


async def test_a_plate_is_shown_for_its_own_grant_alone(lists, clock):
    """Not for another entry's, not for another deed's."""
    one, two = await ask(lists, clock), await ask(lists, clock, plate=OTHER)
    assert await lists.reveal(one.id, grant(clock, one.id)) == PLATE
    for wrong in (grant(clock, two.id), grant(clock, one.id, Action.HOTLIST)):
        with pytest.raises(StateError, match="grant"):
            await lists.reveal(one.id, wrong)
    found = await lists.find("fx 417 mz", "it", grant(clock, ""))
    assert [each.id for each in found] == [one.id]
    with pytest.raises(StateError, match="grant"):
        await lists.find(PLATE, "IT", grant(clock, "", Action.HOTLIST_ADD))


async def test_all_is_there_again_after_a_restart(registry, lists, clock):
    """And matched, without anybody's asking."""
    one = await ask(lists, clock)
    await lists.approve(one.id, by="berta")
    await lists.deliver(*signed(as_json(OTHER)), by="anna")
    again = await opened(registry, clock)
    assert (again.problem, again.epoch, len(again)) == ("", 1, 2)
    assert sees(again, clock).entry == one.id
    assert sees(again, clock, OTHER)


async def test_another_key_is_told_and_nothing_is_matched(registry, lists, clock):
    """Nor written, nor opened: a list under two keys would be half a list."""
    one = await ask(lists, clock)
    await lists.approve(one.id, by="berta")
    for keys in (OTHER_KEYS, None):
        wrong = await opened(registry, clock, keys)
        assert "[plates] key" in wrong.problem
        assert sees(wrong, clock) is None
        with pytest.raises(StoreError, match="key"):
            await wrong.deliver(*signed(as_json(OTHER)), by="anna")
        with pytest.raises(StoreError, match="key"):
            await wrong.reveal(one.id, grant(clock, one.id))
    right = await opened(registry, clock)
    assert sees(right, clock).entry == one.id


async def test_with_the_former_key_beside_all_is_written_anew(registry, lists, clock):
    """Under the new key it matches and opens; the old one is no good any more."""
    one = await ask(lists, clock)
    await lists.approve(one.id, by="berta")
    await lists.deliver(*signed(as_json(OTHER)), by="anna")
    hit = lists.seal("text of a hit", "hit 1")
    fresh = await opened(registry, clock, OTHER_KEYS, KEYS)
    assert (fresh.problem, fresh.epoch) == ("", 2)
    assert sees(fresh, clock).entry == one.id
    assert sees(fresh, clock, OTHER)
    assert await fresh.reveal(one.id, grant(clock, one.id)) == PLATE
    assert fresh.unseal(hit, "hit 1") == "text of a hit"
    alone = await opened(registry, clock, OTHER_KEYS)
    assert sees(alone, clock).entry == one.id
    with pytest.raises(StoreError):
        alone.unseal(hit, "hit 1")
    assert (await opened(registry, clock, KEYS)).problem


async def test_a_box_without_key_and_lists_has_no_problem(registry, clock):
    """Nothing is sought, nothing is missing; with a source it is."""
    none = await open_hotlists(registry, clock, HotListSetup(None))
    assert none.problem == ""
    assert sees(none, clock) is None
    assert "key is missing" in (await opened(registry, clock, None)).problem


async def test_no_plate_and_no_plain_hash_of_one_is_anywhere(
    registry, lists, clock, tmp_path, caplog
):
    """Not in the database, its log or its free pages, and not in the service's log."""
    caplog.set_level(logging.DEBUG)
    one, gone = await ask(lists, clock), await ask(lists, clock, plate="EE555PQ")
    await lists.approve(one.id, by="berta")
    await lists.reject(gone.id)
    await lists.deliver(*signed(as_json({"plate": OTHER, "country": "IT"})), by="anna")
    assert sees(lists, clock)
    texts = [PLATE, OTHER, "EE555PQ"]
    needles = [
        form
        for text in texts
        for plain in (text, f"IT|{text}", f"|{text}", f"IT{text}", text.lower())
        for form in (
            plain.encode(),
            hashlib.sha256(plain.encode()).digest(),
            hashlib.sha256(plain.encode()).hexdigest().encode(),
        )
    ]
    files = sorted(tmp_path.glob("registry.db*"))
    assert len(files) > 1, "the write-ahead log is looked at, too"
    for path in files:
        content = path.read_bytes()
        assert content
        assert not [needle for needle in needles if needle in content]
    assert not [text for text in texts if text in caplog.text]
    assert KEYS.digest("IT", PLATE) in b"".join(path.read_bytes() for path in files)
