# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Hot lists of a running box: opened with their key, swept, and told to the ledger."""

import base64
from dataclasses import replace
from types import SimpleNamespace

import pytest

from gateway.access.gate import Gate
from gateway.assembly.hotlists import HotListDesk, HotListParts, hotlists_of
from gateway.config.options import PlateOptions, PlateSourceLine
from gateway.model.access import AccessRequest, Action, Actor, Purpose
from gateway.model.audit import LedgerReceipt
from gateway.model.errors import ConfigError, StateError
from gateway.model.hotlist import LocalWish, new_entry_id
from gateway.model.plate import ListKind
from gateway.model.registry import Role
from gateway.registry.entities import flatten
from gateway.registry.hotlist_import import DAY_US
from gateway.registry.seed import Seed
from gateway.registry.store import open_registry
from tests.fakes import FakeClock
from tests.ui.hotlist_town import with_plates
from tests.ui.town import ROOM
from tests.ui.town import registry as town_registry
from tests.unit.registry.hotlist_parts import PUBLIC, as_json, signed

SECRET, OTHER = (base64.b64encode(bytes([one]) * 32).decode() for one in (1, 2))
LINE = PlateSourceLine("questura", base64.b64encode(PUBLIC).decode(), ("A1",))
ANNA = Actor("anna", "Anna Ricci", Role.PL_OPERATOR, ROOM, "s1", "password")
BERTA = replace(ANNA, id="berta", session="s2")


class Told:
    """What the ledger is told."""

    def __init__(self):
        self.events = []

    async def append(self, event):
        self.events.append(event)
        return LedgerReceipt(len(self.events), "id", 0)

    async def account(self, event):
        self.events.append(event)

    def of(self, *codes):
        return [one for one in self.events if one.event in codes]


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
async def store(tmp_path, clock):
    async with open_registry(tmp_path / "registry.db", clock=clock) as opened:
        kinds = {"user", "controller", "recipient"}
        town = flatten(with_plates(town_registry()))
        await opened.apply(
            Seed("t", {key: one for key, one in town.items() if key[0] in kinds}), by="seed"
        )
        yield opened


def options(monkeypatch, key=SECRET, former="", sources=(LINE,)):
    monkeypatch.setenv("PLATES", key)
    monkeypatch.setenv("FORMER", former)
    return SimpleNamespace(
        plates=PlateOptions(
            key="env:PLATES" if key else "", former_key="env:FORMER" if former else "",
            sources=sources,
        )
    )  # fmt: skip


@pytest.fixture
async def desk(monkeypatch, store, clock):
    told, town = Told(), with_plates(town_registry())
    gate = Gate(told, lambda: town, lambda _: None, clock)
    lists = await hotlists_of(options(monkeypatch), "gateway.toml", store, clock)
    made = HotListDesk(HotListParts(lists, store, told, gate.check, clock))
    return SimpleNamespace(desk=made, gate=gate, told=told, clock=clock)


async def granted(desk, action, object_="", actor=ANNA):
    request = AccessRequest(
        actor, action, "", Purpose.INCIDENT, "INT 12", "ricerca di persona", object=object_
    )
    return await desk.gate.open(request)


async def added(desk, **more):
    until_us = desk.clock.now().utc_us + DAY_US
    wish = LocalWish("FX417MZ", "IT", "ricerca di persona", "INT 12", "ord. 7", "Comando", until_us)
    grant = await granted(desk, Action.HOTLIST_ADD, new_entry_id())
    return await desk.desk.add(replace(wish, **more), grant)


async def test_what_is_over_is_deleted_and_the_ledger_says_how_many_of_which_list(desk):
    """Once, and by nobody."""
    await added(desk)
    await desk.desk.sweep()
    assert not desk.told.of("hotlist.expire")
    desk.clock.advance(86_400.0)
    await desk.desk.sweep()
    await desk.desk.sweep()
    (event,) = desk.told.of("hotlist.expire")
    assert (event.object_id, event.count, event.actor_id) == ("locale/locale", 1, "")
    assert await desk.desk.local() == ()


async def test_a_grant_opens_what_it_was_given_for_and_while_it_holds(desk):
    """Not another deed, not a made-up one, and not after its end."""
    one = await added(desk)
    grant = await granted(desk, Action.HOTLIST_OPEN, one.id)
    assert await desk.desk.reveal(grant) == "FX417MZ"
    approval = await granted(desk, Action.HOTLIST_APPROVE, one.id, BERTA)
    for wrong in (approval, replace(grant, id="made-up")):
        with pytest.raises(StateError, match="grant"):
            await desk.desk.reveal(wrong)
    desk.clock.advance(3_600.0)
    with pytest.raises(StateError, match="grant"):
        await desk.desk.reveal(grant)
    assert (await desk.desk.approve(await granted(desk, Action.HOTLIST_APPROVE, one.id, BERTA))).id


async def test_what_came_to_nothing_stands_in_the_ledger_with_its_reason(desk):
    """And never with the plate."""
    with pytest.raises(ConfigError):
        await added(desk, plate="FX?17MZ")
    one = await added(desk)
    with pytest.raises(StateError, match="same-person"):
        await desk.desk.approve(await granted(desk, Action.HOTLIST_APPROVE, one.id))
    failed = [(e.event, e.error, e.object_id) for e in desk.told.events if e.result == "error"]
    assert [one[:2] for one in failed] == [
        ("hotlist.add", "not-usable"), ("hotlist.approve", "same-person"),
    ]  # fmt: skip
    assert failed[1][2] == one.id
    assert "17MZ" not in repr(desk.told.events)


async def test_a_delivery_is_told_with_its_digest_and_counts(desk):
    """Also to what it amounts: what was added and what is gone."""
    grant = await granted(desk, Action.HOTLIST_IMPORT)
    document, signature = signed(as_json("FX417MZ", "EE555PQ"))
    done = await desk.desk.deliver(document, signature, grant)
    (event,) = desk.told.of("hotlist.change")
    assert (event.object_id, event.count, event.content_hash, event.reason_text) == (
        "questura/A1", 2, done.hotlist.sha256, "n. 1: +2 -0",
    )  # fmt: skip
    assert (done.hotlist.kind, done.hotlist.by) == (ListKind.STOLEN, "anna")


async def test_a_key_or_source_that_is_none_stops_the_start(monkeypatch, store, clock):
    """With the name of the file's key, and not with its content."""
    for changed, named in (
        ({"key": "kurz"}, "plates.key"), ({"former": "kurz"}, "plates.former_key"),
        ({"sources": (replace(LINE, key="kurz"),)}, "plates.source[questura].key"),
        ({"sources": (LINE, LINE)}, "plates.source"),
    ):  # fmt: skip
        with pytest.raises(ConfigError) as caught:
            await hotlists_of(options(monkeypatch, **changed), "gateway.toml", store, clock)
        assert caught.value.key == named
        assert "kurz" not in str(caught.value)


async def test_another_key_is_a_problem_of_health_and_the_former_one_mends_it(
    monkeypatch, store, clock, desk
):
    """The box works without lists; with both keys they come back."""
    await desk.desk.deliver(*signed(as_json("FX417MZ")), await granted(desk, Action.HOTLIST_IMPORT))
    wrong = await hotlists_of(options(monkeypatch, OTHER), "gateway.toml", store, clock)
    parts = HotListParts(wrong, store, desk.told, desk.gate.check, clock)
    assert [one[:8] for one in HotListDesk(parts).problems] == ["plates: "]
    assert len(wrong) == 0
    both = await hotlists_of(options(monkeypatch, OTHER, SECRET), "gateway.toml", store, clock)
    assert (both.problem, len(both)) == ("", 1)
