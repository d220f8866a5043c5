# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import asyncio
import logging
from dataclasses import replace

import pytest

from gateway.assembly.plates import MOST_DUE, SAME_S, UNDECIDED_S, counted
from gateway.model.access import AccessRequest, Action, Grant, Purpose, Regime
from gateway.model.alarm import AlarmState, AlarmVerdict
from gateway.model.errors import PeerError, StoreError
from gateway.model.hit import RULE_HIT, HitState
from gateway.model.plate import ListKind, Passing
from gateway.model.registry import Direction
from gateway.wire.onvif_mqtt import PlateHit, PlateLabel
from tests.unit.access.town import NOW, actor
from tests.unit.assembly.parts import ManualClock, entries, until
from tests.unit.assembly.plate_parts import (
    FAR,
    GATE,
    OTHER,
    PICTURES,
    PLATE,
    Lists,
    Match,
    passage,
    world,
)

LATER_S = 2 * 3_600


def grant(clock, hit, *, action=Action.PLATES, camera="piazza", seconds=60.0):
    request = AccessRequest(actor(), action, camera, Purpose.ALARM, hit.id)
    now = clock.now()
    return Grant("g", request, "patto", Regime.LED, now, now.shifted(seconds), 1)


async def only(w):
    (hit,) = await w.book.all()
    return hit, await w.outbox.find(hit.id)


async def test_a_plate_that_nobody_seeks_leaves_a_figure_and_nothing_else(tmp_path, caplog):
    """No alarm, no row, no entry, no line, no byte on disk: only the hour's figure grew."""
    caplog.set_level(logging.DEBUG)
    async with world(tmp_path) as w:
        size = w.ledger.head().size
        for number in range(12):
            await w.pass_by("ZQ000AA", number=number)
        assert await w.book.all() == []
        assert await w.outbox.recent(10) == []
        assert w.ledger.head().size == size
        assert b"ZQ000AA" not in w.bytes_on_disk()
        assert "ZQ000AA" not in caplog.text
        w.clock.advance(LATER_S)
        (hour,) = w.desk.told_counts(["varco-nord"])
        assert (hour.inward, hour.outward, hour.total) == (None, None, 12)


async def test_a_certain_hit_is_on_disk_and_told_to_all_with_its_plate_to_rooms_alone(tmp_path):
    """One alarm by the kind of list, parcels for the far room only, and no plate in clear."""
    async with world(tmp_path) as w:
        await w.pass_by()
        hit, record = await only(w)
        assert hit.state is HitState.WAITING
        assert (record.alarm.rule, record.alarm.severity, record.act) == (RULE_HIT, 4, "patto")
        assert record.recipients == ("sala-pl", "sala-ps", "istituto-mqtt")
        assert [one.hit.id for one in await w.book.waiting(FAR.id)] == [hit.id]
        assert await w.book.waiting("istituto-mqtt") == []
        assert await w.book.waiting("sala-pl") == []  # it works at this console
        (told,) = await entries(w.ledger, "lpr.hit")
        assert (told.object_id, told.case_ref, told.camera) == ("voce-1", hit.id, "piazza")
        assert len(await entries(w.ledger, "alarm.raise")) == 1
        await until(lambda: _has_pictures(w, hit), what="its pictures")
        assert PLATE.encode() not in w.bytes_on_disk()
        assert PICTURES.context not in w.bytes_on_disk()
        opened = await w.desk.open(hit.id, grant(w.clock, hit))
        assert (opened.secret.text, opened.secret.reason) == (PLATE, "denuncia 12/2026")
        assert opened.pictures == PICTURES
        assert PLATE not in repr((hit, record, opened))


async def _has_pictures(w, hit):
    return (await w.book.kept(hit.id)).crop


@pytest.mark.parametrize(
    ("certain", "match"),
    [(False, Match()), (True, Match(exact=False)), (True, Match(needs_person=True))],
)
async def test_what_is_not_certain_stays_here_until_a_person_confirms_it(tmp_path, certain, match):
    """Nobody outside hears of it; then everybody does, and the alarm stays open for them."""
    async with world(tmp_path, lists=Lists({PLATE: match})) as w:
        await w.pass_by(certain=certain)
        hit, record = await only(w)
        assert hit.state is HitState.TO_VERIFY
        assert record.recipients == ("sala-pl",)
        assert record.escalates_to == ()
        assert await w.book.waiting(FAR.id) == []
        assert await w.desk.confirm(hit.id, "anna")
        hit, record = await only(w)
        assert (hit.state, hit.by) == (HitState.CONFIRMED, "anna")
        assert set(record.recipients) == {"sala-pl", "sala-ps", "istituto-mqtt"}
        assert (record.state, record.taken_by) == (AlarmState.OPEN, "anna")
        assert [one.hit.id for one in await w.book.waiting(FAR.id)] == [hit.id]
        assert not await w.desk.confirm(hit.id, "bruno")  # the first counts
        (ack,) = await entries(w.ledger, "lpr.ack")
        assert (ack.object_id, ack.actor_id) == ("voce-1", "anna")


@pytest.mark.parametrize("certain", [True, False])
async def test_a_discarded_hit_is_gone_at_once_with_its_text_and_pictures(tmp_path, certain):
    """A verdict that says no deletes the row and its sealed bytes; the ledger names the entry."""
    async with world(tmp_path) as w:
        await w.pass_by(certain=certain)
        hit, _ = await only(w)
        await until(lambda: _has_pictures(w, hit), what="its pictures")
        kept = await w.book.kept(hit.id)
        assert kept.secret in w.bytes_on_disk()
        await w.outbox.close(hit.id, "anna", AlarmVerdict.FALSE)
        await w.desk.settle(hit.id)
        assert await w.book.all() == []
        assert await w.book.waiting(FAR.id) == []
        disk = w.bytes_on_disk()
        assert not any(one in disk for one in (kept.secret, kept.crop, kept.context))
        (gone,) = await entries(w.ledger, "lpr.discard")
        assert (gone.object_id, gone.case_ref, gone.actor_id) == ("voce-1", hit.id, "anna")
        assert await w.desk.open(hit.id, grant(w.clock, hit)) is None


async def test_the_same_car_at_the_same_gate_is_one_incident(tmp_path):
    """A second crossing within a minute raises nothing; a later one, or another gate, does."""
    clock = ManualClock(utc_us=NOW.utc_us)
    async with world(tmp_path, clock=clock) as w:
        await w.pass_by()
        clock.advance(SAME_S - 1)
        await w.pass_by(number=2)
        assert len(await w.outbox.recent(10)) == 1
        await w.pass_by(number=3, zone="varco-sud")
        assert len(await w.outbox.recent(10)) == 2
    async with world(tmp_path, clock=clock) as w:  # a restart forgets nothing of it
        await w.pass_by(number=1)
        assert len(await w.outbox.recent(10)) == 2
        clock.advance(2 * SAME_S)
        await w.pass_by(number=2)
        assert len(await w.outbox.recent(10)) == 3


@pytest.mark.parametrize("state", [HitState.WAITING, HitState.CONFIRMED])
async def test_a_crash_between_hit_and_alarm_loses_and_doubles_nothing(tmp_path, state):
    """What the process left half done is finished by the next one, once."""

    class DeadError(Exception):
        pass

    async def die(*_, **__):
        raise DeadError

    uncertain = state is HitState.CONFIRMED
    with pytest.raises(ExceptionGroup):
        async with world(tmp_path) as w:
            if uncertain:
                await w.pass_by(certain=False)
                w.outbox.tell = die
                await w.desk.confirm((await w.book.all())[0].id, "anna")
            w.outbox.raise_alarm = die
            await w.pass_by()
    async with world(tmp_path) as w:
        hit = (await w.book.all())[0]
        assert hit.state is state
        for _ in range(2):
            await w.desk.recover()
            (record,) = await w.outbox.recent(10)
            assert set(record.recipients) == {"sala-pl", "sala-ps", "istituto-mqtt"}
            assert [one.hit.id for one in await w.book.waiting(FAR.id)] == [hit.id]
        assert len(await entries(w.ledger, "lpr.hit")) == 1


async def test_a_hit_without_a_word_is_deleted_after_a_day_a_confirmed_one_after_its_term(tmp_path):
    """24 hours for what nobody judged; for a confirmed one the controller's term."""
    async with world(tmp_path) as w:
        await w.pass_by()
        w.clock.advance(2 * SAME_S)
        await w.pass_by(number=2)
        confirmed, silent = [one.id for one in await w.book.all()]
        await w.outbox.close(confirmed, "anna", AlarmVerdict.CONFIRMED)
        await w.desk.settle(confirmed)
        w.clock.advance(UNDECIDED_S - 2 * SAME_S - 1)
        await w.desk._sweep()
        assert len(await w.book.all()) == 2
        w.clock.advance(1)
        await w.desk._sweep()
        assert [one.id for one in await w.book.all()] == [confirmed]
        (gone,) = await entries(w.ledger, "lpr.discard")
        assert (gone.case_ref, gone.error, gone.actor_id) == (silent, "expired", "")
        w.clock.advance(48 * 3_600)  # 72 h in all: the most a municipality keeps without a reason
        await w.desk._sweep()
        assert await w.book.all() == []


async def test_the_alarm_ends_by_itself_and_waits_for_its_verdict(tmp_path):
    """A minute after the crossing its cause is over; the hit still waits."""
    async with world(tmp_path) as w:
        await w.pass_by()
        await w.desk._sweep()
        assert (await only(w))[1].state is AlarmState.OPEN
        w.clock.advance(SAME_S)
        await w.desk._sweep()
        hit, record = await only(w)
        assert (record.state, hit.state) == (AlarmState.ENDED, HitState.WAITING)


async def test_verdicts_and_expiry_are_followed_while_it_runs(tmp_path):
    """`keep` needs nobody to ask it: a verdict given anywhere deletes the hit."""
    async with world(tmp_path) as w:
        task = w.tasks.create_task(w.desk.keep())
        await w.pass_by()
        hit, _ = await only(w)
        await w.outbox.close(hit.id, "room", AlarmVerdict.EXERCISE)
        await until(lambda: _is_empty(w), what="discarded")
        task.cancel()


async def _is_empty(w):
    return not await w.book.all()


@pytest.mark.parametrize(
    "changes", [{"camera": "banco"}, {"action": Action.SNAPSHOT}, {"seconds": 0.0}]
)
async def test_only_a_grant_for_its_plate_opens_a_hit(tmp_path, changes):
    """Another camera's, another action's and an ended Grant open nothing."""
    async with world(tmp_path) as w:
        await w.pass_by()
        hit, _ = await only(w)
        assert await w.desk.open(hit.id, grant(w.clock, hit, **changes)) is None


async def test_a_disk_that_refuses_is_told_and_tried_again(tmp_path):
    """`passed` returns all the same; the hit is stored as soon as the disk takes it."""
    async with world(tmp_path) as w:
        put, full = w.book.put, True

        async def refuse(*args):
            if full:
                raise StoreError("disk full")
            return await put(*args)

        w.book.put = refuse
        await w.pass_by()
        assert w.desk.problem == "disk full"
        assert await w.outbox.recent(1) == []
        full = False
        await w.desk._sweep()
        assert w.desk.problem == ""
        assert (await only(w))[1].alarm.rule == RULE_HIT


async def test_hits_of_another_deployment_are_named_until_they_are_gone(tmp_path):
    """Sealed under another key they cannot be opened: health says which file, and what to do."""
    async with world(tmp_path) as w:
        (hit,) = await w.pass_by()
        await w.desk.vouch()
        assert w.desk.problem == ""
    async with world(tmp_path, lists=Lists(secret=b"o" * 32)) as w:
        await w.desk.vouch()
        assert "hits.db: 1 of 1 hits are of another deployment" in w.desk.problem
        assert "former_key" in w.desk.problem
        await w.book.drop(hit.id)
        await w.desk._sweep()
        assert w.desk.problem == ""


async def test_hits_that_wait_for_the_disk_are_bounded(tmp_path):
    """The oldest gives way."""
    many = {f"ZQ{n:03}XV": Match(f"v{n}", text=f"ZQ{n:03}XV") for n in range(MOST_DUE + 5)}
    async with world(tmp_path, lists=Lists(many)) as w:

        async def refuse(*_):
            raise StoreError("disk full")

        w.book.put = refuse
        for text in many:
            await w.pass_by(text)
        assert len(w.desk._due) == MOST_DUE


async def test_without_an_act_or_a_list_or_a_text_there_is_no_hit(tmp_path):
    """The act ended while it passed; nobody seeks anything here; the plate could not be read."""
    for changes in ({"basis": lambda _: None}, {"lists": None}):
        async with world(tmp_path, **changes) as w:
            assert await w.pass_by() == []
    async with world(tmp_path, lists=Lists({"": Match()})) as w:
        assert await w.pass_by("") == []


@pytest.mark.parametrize("gone", [PeerError("child died"), None])
async def test_a_hit_stands_without_pictures(tmp_path, gone):
    """A child that died leaves a hit with its text."""

    async def fail(_passage):
        if gone is None:
            return
        raise gone

    async with world(tmp_path, pictures=fail) as w:
        await w.pass_by()
        hit, _ = await only(w)
        await asyncio.sleep(0)
        opened = await w.desk.open(hit.id, grant(w.clock, hit))
        assert (opened.secret.text, opened.pictures.crop) == (PLATE, b"")


async def test_the_kind_of_list_says_how_severe_it_is(tmp_path):
    """Stolen and reported are urgent, one's own less, an inspection least."""
    for kind, severity in (("A1", 4), ("C", 4), ("locale", 3), ("A2", 2)):
        folder = tmp_path / kind
        folder.mkdir()
        async with world(folder, lists=Lists({PLATE: Match(kind=ListKind(kind))})) as w:
            await w.pass_by()
            assert (await only(w))[1].alarm.severity == severity


async def test_a_room_keeps_what_its_edge_brings_until_it_decides(tmp_path):
    """Sealed beside the alarm of the same id, once; a verdict that says no deletes it."""
    (tmp_path / "edge").mkdir()
    async with world(tmp_path / "edge") as w:
        await w.pass_by(OTHER)
        await w.pass_by()
        _, record = await only(w)
    (tmp_path / "room").mkdir()
    async with world(tmp_path / "room") as w:
        far = replace(record.alarm, camera="edge-1.piazza")
        adopted = await w.outbox.adopt(far, recipients=("sala-pl",), act="edge-1.patto")
        told = PlateHit(
            far.id, "edge-1", "piazza", RULE_HIT, NOW.utc_us, 0.97, PLATE, "IT", PlateLabel.WANTED
        )
        for _ in range(2):
            await w.desk.keep_foreign(told, adopted.record)
        (hit,) = await w.book.all()
        assert (hit.camera, hit.kind, hit.passing) == (
            "edge-1.piazza", ListKind.STOLEN, Passing.IN,
        )  # fmt: skip
        assert PLATE.encode() not in w.bytes_on_disk()
        assert len(await entries(w.ledger, "lpr.hit")) == 1
        opened = await w.desk.open(hit.id, grant(w.clock, hit, camera="edge-1.piazza"))
        assert opened.secret.text == PLATE
        await w.outbox.close(far.id, "anna", AlarmVerdict.FALSE)
        await w.desk.settle(far.id)
        assert await w.book.all() == []


async def test_a_room_without_a_key_keeps_no_plate(tmp_path):
    """It refuses rather than write one down in clear."""
    async with world(tmp_path, lists=None) as w:
        told = PlateHit("x", "e", "c", RULE_HIT, 1, 0.9, PLATE, "IT", PlateLabel.WANTED)
        with pytest.raises(StoreError):
            await w.desk.keep_foreign(told, None)


def test_a_gate_counts_the_directions_it_reads():
    """Both, or the one that leads into the city, or the one that leads out."""
    assert counted(GATE) == frozenset(Passing)
    one_way = replace(GATE, direction=Direction.AB)
    assert counted(one_way) == {Passing.IN}
    assert counted(replace(one_way, inbound=Direction.BA)) == {Passing.OUT}


def test_a_passage_in_a_test_has_the_text_it_is_given():
    """The parts of these tests say what they claim."""
    assert passage(ManualClock(utc_us=NOW.utc_us), OTHER).read.text == OTHER
