# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.assembly.retention: a real registry, ledger and disk; time is pushed."""

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest

from gateway.assembly.journal import Journal
from gateway.assembly.retention import RetentionDesk, RetentionParts, RulesInForce, origin_of
from gateway.audit.ledger import open_ledger
from gateway.console.services import HoldOrder
from gateway.evidence.stills import Origin, Stills
from gateway.model.access import Actor
from gateway.model.alarm import Alarm, AlarmRecord, AlarmState
from gateway.model.errors import ConfigError, StoreError
from gateway.model.registry import Role
from gateway.model.retention import CopyClass
from gateway.registry.seed import parse_seed
from gateway.registry.store import open_registry
from gateway.runtime.fanout import Fanout
from tests.fakes import FakeClock, unit
from tests.unit.assembly.parts import entries
from tests.unit.audit.logbook import KEY, ORIGIN

H = 3600
SEED = """
[[controller]]
id = "comune"
name = "Comune"
kind = "comune"
retention_h = 100
retention_reason = "atti vandalici ripetuti"
[[controller]]
id = "bottega"
name = "Bottega"
[[site]]
id = "piazza"
name = "Piazza"
controller = "comune"
kind = "piazza"
state = "bozza"
[[site]]
id = "scuola"
name = "Scuola"
controller = "comune"
kind = "scuola"
state = "bozza"
[[site]]
id = "negozio"
name = "Negozio"
controller = "bottega"
kind = "tabaccheria"
state = "bozza"
[[user]]
id = "dpo"
name = "DPO"
role = "dpo"
organisation = "comune"
"""
CAMERAS = "".join(
    f'[[camera]]\nid = "{one}"\nname = "{one}"\nsite = "{one}"\nurl = "rtsp://192.0.2.1/"\n'
    'area = "privata"\n'
    for one in ("piazza", "scuola", "negozio")
)
DPO = Actor("dpo", "DPO", Role.DPO, "comune", "s", "password")


@dataclass
class World:
    """The parts of a box that keep copies."""

    clock: object
    registry: object
    ledger: object
    stills: object
    desk: object
    folder: object
    fanout: object
    before: list
    cameras: dict

    def picture(self, alarm, camera):
        self.cameras[alarm] = camera
        self.stills.save(alarm, b"\xff\xd8" + alarm.encode())

    def files(self):
        return {path.stem for path in (self.folder / "stills").iterdir()}

    async def deleted(self):
        return [
            (one.controller, one.object_type, one.count)
            for one in await entries(self.ledger, "retention.delete")
        ]

    async def pass_h(self, hours):
        self.clock.advance(hours * H)
        await self.desk.sweep()


@asynccontextmanager
async def world(folder, clock=None):
    clock = clock or FakeClock()
    cameras = {}
    async with (
        open_registry(folder / "registry.db", clock=clock) as registry,
        open_ledger(folder / "ledger.db", origin=ORIGIN, key=KEY, clock=clock) as ledger,
    ):
        if registry.current().version == 0:
            await registry.apply(parse_seed(SEED + CAMERAS, "test"), by="test")

        def origin(alarm):
            raised = Alarm(alarm, cameras[alarm], "z", "intrusione", 3, clock.now())
            return origin_of(AlarmRecord(raised, AlarmState.OPEN, 0), registry.current())

        rules = RulesInForce(registry.current, 24.0 * H)
        stills = Stills(folder / "stills", clock, origin_of=origin, rules=rules)
        fanout, before = Fanout(), []
        parts = RetentionParts(
            stills, registry, rules, Journal(ledger, clock), clock, lambda: [fanout], lambda: before
        )
        desk = RetentionDesk(parts)
        yield World(clock, registry, ledger, stills, desk, folder, fanout, before, cameras)


def order(clock, **changes):
    """A hold of the town's square, of what was taken in the last day, for a week."""
    now = clock.now()
    values = {
        "act": "7/2026",
        "controller": "comune",
        "cameras": ("piazza",),
        "from_utc_us": now.utc_us - 86_400 * 10**6,
        "to_utc_us": now.utc_us,
        "until": now.utc().date() + timedelta(days=7),
        "reason": "richiesta",
    }
    return HoldOrder(**values | changes)


async def test_each_tenants_copies_go_in_their_own_time(tmp_path):
    """Shop and school after 24 h, the town's confirmed ones after its written term; with receipts.

    The ledger learns counts, bytes and a span, and neither alarm nor file.
    """
    async with world(tmp_path) as w:
        for camera in ("piazza", "scuola", "negozio"):
            w.picture(f"al-{camera}", camera)
            assert w.stills.confirm(f"al-{camera}")
        w.picture("al-unconfirmed", "piazza")
        began_us = w.clock.utc_us
        await w.pass_h(23.9)
        assert len(w.files()) == 4
        await w.pass_h(0.2)
        assert w.files() == {"al-piazza"}
        assert sorted(await w.deleted()) == [
            ("bottega", "intervento", 1),
            ("comune", "fermo-immagine", 1),
            ("comune", "intervento", 1),
        ]
        await w.pass_h(75.8)
        assert w.files() == {"al-piazza"}
        await w.pass_h(0.2)
        assert w.files() == set()
        last = (await entries(w.ledger, "retention.delete"))[-1]
        assert last.media_from_utc_us == last.media_to_utc_us == began_us
        assert last.bytes == len(b"\xff\xd8al-piazza")
        assert "al-piazza" not in repr(last)


async def test_a_hold_at_hour_23_preserves_and_its_end_lets_go(tmp_path):
    """D.8, with a restart between; the hold ends by itself after its last day, and says so."""
    clock = FakeClock()
    async with world(tmp_path, clock) as w:
        w.picture("al-held", "piazza")
        w.picture("al-other", "scuola")
        await w.pass_h(23)
        name = await w.desk.hold(order(clock), by=DPO)
        await w.pass_h(20)
        assert w.files() == {"al-held"}
        (entry,) = await entries(w.ledger, "hold.set")
        assert (entry.object_id, entry.case_ref, entry.actor_id) == (name, "7/2026", "dpo")
    clock.utc_us += 48 * H * 10**6
    clock.time_s = 3.0
    async with world(tmp_path, clock) as w:
        await w.desk.sweep()
        assert w.files() == {"al-held"}
        await w.pass_h(24 * 8)
        assert w.files() == set()
        assert w.registry.current().holds == {}
        (entry,) = await entries(w.ledger, "hold.release")
        assert (entry.object_id, entry.error, entry.actor_type) == (name, "over", "service")


async def test_a_hold_that_is_taken_back_lets_go(tmp_path):
    """Released by a person: what is over goes at the next sweep, and both stand in the ledger."""
    async with world(tmp_path) as w:
        w.picture("al-1", "piazza")
        name = await w.desk.hold(order(w.clock, to_utc_us=w.clock.utc_us + 1), by=DPO)
        await w.pass_h(30)
        assert w.files() == {"al-1"}
        assert await w.desk.release(name, by=DPO)
        assert not await w.desk.release(name, by=DPO)
        await w.desk.sweep()
        assert w.files() == set()
        (entry,) = await entries(w.ledger, "hold.release")
        assert (entry.actor_id, entry.role, entry.error) == ("dpo", "dpo", "")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"until": date(2026, 9, 20)}, "until"),
        ({"until": date(2033, 1, 1)}, "until"),
        ({"from_utc_us": -5}, "to"),
        ({"from_utc_us": 2**62}, "to"),
    ],
)
async def test_a_hold_that_makes_no_sense_is_refused(tmp_path, changes, key):
    """Past, endless or without a span: nothing is entered."""
    async with world(tmp_path) as w:
        with pytest.raises(ConfigError) as refused:
            await w.desk.hold(order(w.clock, **changes), by=DPO)
        assert refused.value.key == key
        assert w.registry.current().holds == {}


async def test_what_cannot_be_deleted_is_a_problem_and_tried_again(tmp_path, monkeypatch):
    """The sweep says so, the rest goes, the late one shows; then it goes, too."""
    async with world(tmp_path) as w:
        w.picture("al-1", "negozio")
        w.picture("al-2", "negozio")
        stuck = tmp_path / "stills" / "al-1.jpg"
        unlink = type(stuck).unlink

        def refuse(path, **more):
            if path == stuck:
                raise OSError(5, "Input/output error")
            unlink(path, **more)

        with monkeypatch.context() as patch:
            patch.setattr(type(stuck), "unlink", refuse)
            w.clock.advance(24 * H + 301)
            with pytest.raises(StoreError, match="1 stills not removed: Input/output error"):
                await w.desk.sweep()
        assert w.files() == {"al-1"}
        late = {(one.kind, one.controller): one.late for one in w.desk.snapshots()}
        assert late["fermo-immagine", "bottega"] == 1
        await w.desk.sweep()
        assert w.files() == set()
        assert await w.deleted() == [("bottega", "fermo-immagine", 1)] * 2


async def test_the_oldest_of_each_class_and_tenant_is_told(tmp_path):
    """Terms, counts and ages by controller; seconds in memory are counted like files."""
    async with world(tmp_path) as w:
        w.picture("al-1", "negozio")
        w.clock.advance(600)
        w.before.append(("piazza", unit(0, key=True, at=w.clock.now())))
        w.clock.advance(20)
        await w.desk.sweep()
        kept = {(one.kind, one.controller): one for one in w.desk.kept()}
        shop = kept[CopyClass.STILL, "bottega"]
        assert (shop.items, round(shop.oldest_s), shop.keep_h, shop.late) == (1, 620, 24.0, 0)
        assert round(kept[CopyClass.BEFORE, "comune"].oldest_s) == 20
        assert kept[CopyClass.INCIDENT, "comune"].keep_h == 100.0
        assert kept[CopyClass.INCIDENT, "bottega"].keep_h == 24.0
        assert kept[CopyClass.INCIDENT, "comune"].items == 0


async def test_a_silent_cameras_last_pictures_are_forgotten(tmp_path):
    """The kept group of a camera that went away is nobody's live picture an hour later."""
    async with world(tmp_path) as w:
        w.fanout.publish(unit(0, key=True, at=w.clock.now()))
        w.clock.advance(60)
        await w.desk.sweep()
        assert w.fanout.kept()
        w.clock.advance(1)
        await w.desk.sweep()
        assert not w.fanout.kept()


async def test_a_shorter_term_holds_for_what_is_there(tmp_path):
    """Copies follow the registry in force as soon as it says less."""
    async with world(tmp_path) as w:
        w.picture("al-1", "piazza")
        w.stills.confirm("al-1")
        shorter = SEED.replace("retention_h = 100", "retention_h = 50")
        await w.registry.apply(parse_seed(shorter + CAMERAS, "test"), by="test")
        await w.pass_h(49.9)
        assert w.files() == {"al-1"}
        await w.pass_h(0.2)
        assert w.files() == set()


def test_an_unknown_camera_gets_the_shortest_term():
    """Nothing is assumed of whoever is not in the registry."""
    origin = Origin("x", "", FakeClock().now())
    assert origin.most_h == 24


async def test_pictures_of_a_holdup_that_lives_are_not_counted(tmp_path):
    """A shop reads how many copies there are; they still go in their time."""
    async with world(tmp_path) as w:
        hidden = {"al-2"}
        w.desk._p = replace(w.desk._p, hides=hidden.__contains__)
        w.picture("al-1", "negozio")
        w.picture("al-2", "negozio")

        def items():
            return sum(one.items for one in w.desk.kept() if one.controller == "bottega")

        await w.desk.sweep()
        assert items() == 1
        hidden.clear()
        await w.desk.sweep()
        assert items() == 2
        hidden.add("al-2")
        await w.pass_h(25)
        assert w.files() == set()
