# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Incidents of one room and between two: who knows, who may look, and that no event gets lost."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import pytest

from gateway.assembly.incident_door import MOST_NEW, NEW_S, SAY_AGAIN_S
from gateway.config.options import UplinkOptions
from gateway.model.access import Grant, Purpose, Refusal, Verdict
from gateway.model.alarm import AlarmState
from gateway.model.errors import DownError, LedgerError, RefusedError, StateError
from gateway.model.identifiers import uuid7
from gateway.model.incident import (
    Attach,
    Change,
    Close,
    Detach,
    HandOver,
    IncidentState,
    Open,
    Outcome,
    Read,
    Say,
    Share,
    Take,
    Unshare,
)
from gateway.model.registry import Disclosure
from gateway.room.partners import Exchange
from gateway.wire.incident import Told, pack
from tests.fakes import EPOCH_US, FakeClock
from tests.line_parts import address, listener, running
from tests.unit.assembly.incident_parts import (
    ALARM,
    ANNA,
    ARMA,
    BRUNO,
    CARLA,
    INSTITUTE,
    PINO,
    PL,
    QUESTURA,
    Line,
    alarm_at,
    house,
    municipal,
    of_state,
    of_state_with,
    scope,
    town,
    two_rooms,
    wish,
)
from tests.unit.assembly.parts import until
from tests.unit.assembly.test_lines import Boxes

ROBBERY = Open("Rapina in farmacia", "reato", 5, 44.03, 10.13, "Corso Italia 12")
OVER = Close(Outcome.RESOLVED)
DAY_US = 86_400_000_000


def refusal(answer):
    return answer.refusal if isinstance(answer, Verdict) else None


async def test_an_incident_is_in_the_ledger_and_in_its_journal(tmp_path):
    """Each change is a numbered event with who and what, and an entry; words are a hash there."""
    async with house(tmp_path, municipal()) as pl:
        made = await pl.desk.open(replace(ROBBERY, cameras=("piazza",)), by=ANNA)
        await pl.desk.change(made.id, Take(), by=BRUNO)
        await pl.desk.change(made.id, Share(QUESTURA), by=ANNA)
        await pl.desk.change(made.id, Say("Uomo con casco in fuga"), by=ANNA)
        closed = await pl.desk.change(made.id, replace(OVER, note="fermato"), by=ANNA)
        assert (closed.state, closed.outcome, closed.note) == (
            IncidentState.CLOSED, "risolto", "fermato",
        )  # fmt: skip
        journal = await pl.desk.journal(made.id, ANNA)
        assert [one.number for one in journal] == list(range(1, 7))
        assert [one.kind for one in journal] == [
            Change.OPENED, Change.CAMERA_ATTACHED, Change.TAKEN, Change.SHARED, Change.MESSAGE,
            Change.CLOSED,
        ]  # fmt: skip
        assert [one.author.actor for one in journal][2] == "bruno"
        assert await pl.codes() == [
            "incident.open", "incident.change", "incident.share", "message.out", "incident.close",
        ]  # fmt: skip
        (said,) = await pl.entries("message.out")
        assert (said.recipient_org, len(said.content_hash)) == (QUESTURA, 64)
        assert "casco" not in repr(said)
        assert {one.object_id for one in await pl.entries("incident.share")} == {made.id}


async def test_closed_incidents_go_and_the_ledger_has_the_receipt(tmp_path):
    """How many, of whose, under which registry; the open one stays."""
    async with house(tmp_path, municipal()) as pl:
        for _ in range(2):
            made = await pl.desk.open(ROBBERY, by=ANNA)
            await pl.desk.change(made.id, OVER, by=ANNA)
        stays = await pl.desk.open(ROBBERY, by=ANNA)
        await pl.desk.forget()
        pl.clock.ahead_us = (pl.desk.keep_days - 1) * DAY_US
        await pl.desk.forget()
        assert await pl.entries("retention.delete") == []
        pl.clock.ahead_us += 2 * DAY_US
        await pl.desk.forget()
        (receipt,) = await pl.entries("retention.delete")
        assert [one.id for one in pl.desk.listed(ANNA)] == [stays.id]
    assert (receipt.object_type, receipt.count, receipt.org) == ("incident", 2, PL)
    assert receipt.policy_version == 1


async def test_what_the_ledger_refuses_does_not_happen(tmp_path):
    """Without an entry nothing is shared: the answer is an error and the incident is as it was."""
    async with house(tmp_path, municipal()) as pl:
        made = await pl.desk.open(ROBBERY, by=ANNA)

        async def refuse(event):
            raise LedgerError("disk full")

        pl.journal.append = refuse
        with pytest.raises(LedgerError):
            await pl.desk.change(made.id, Share(QUESTURA), by=ANNA)
        assert pl.book.get(made.id).shared_with == ()


async def test_organisations_know_only_their_own_incidents(tmp_path):
    """What is not theirs and not shared is not listed, not found, and cannot be changed."""
    async with house(tmp_path, municipal()) as pl:
        made = await pl.desk.open(ROBBERY, by=ANNA)
        await pl.desk.change(made.id, Share(QUESTURA), by=ANNA)
        assert [one.id for one in pl.desk.listed(PINO)] == [made.id]
        assert list(pl.desk.listed(CARLA)) == []
        assert pl.desk.get(made.id, CARLA) is None
        assert await pl.desk.journal(made.id, CARLA) == []
        for command in (Say("ehi"), Take(), OVER, Share(ARMA), Attach(("piazza",))):
            with pytest.raises(StateError, match="unknown"):
                await pl.desk.change(made.id, command, by=CARLA)


async def test_names_stay_within_the_own_organisation(tmp_path):
    """Another room reads organisation and role of who wrote, no name and no account."""
    async with house(tmp_path, municipal()) as pl:
        made = await pl.desk.open(ROBBERY, by=ANNA)
        await pl.desk.change(made.id, Share(QUESTURA), by=ANNA)
        await pl.desk.change(made.id, Say("In zona"), by=ANNA)
        for who, name in ((BRUNO, "Anna"), (PINO, "")):
            (message,) = pl.desk.get(made.id, who).messages
            assert message.author.name == name
            assert {one.author.name for one in await pl.desk.journal(made.id, who)} == {name}
        assert pl.desk.get(made.id, PINO).messages[0].author.actor == ""


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (Attach(cameras=("esiste-no",)), "camera"),
        (Attach(alarms=(ALARM,)), "alarm"),
        (Share(INSTITUTE), "organisation"),
        (Share("comune"), "organisation"),
        (HandOver("nessuno"), "organisation"),
        (HandOver(PL), "not-possible"),
        (Read("0"), "unknown"),
    ],
)
async def test_only_what_is_known_can_be_named(tmp_path, command, code):
    """Cameras, alarms and rooms that the actor's organisation does not know are refused."""
    async with house(tmp_path, municipal()) as pl:
        made = await pl.desk.open(ROBBERY, by=ANNA)
        with pytest.raises(StateError) as refused:
            await pl.desk.change(made.id, command, by=ANNA)
        assert refused.value.code == code
        assert len(await pl.desk.journal(made.id, ANNA)) == 1
        assert await pl.codes() == ["incident.open"]


async def test_cameras_show_only_to_whom_an_act_shows_them(tmp_path):
    """A guest sees the attached cameras that acts name to it, and reads of no others."""
    async with house(tmp_path, municipal()) as pl:
        made = await pl.desk.open(replace(ROBBERY, cameras=("piazza", "varco")), by=ANNA)
        assert pl.desk.shown(PINO) == frozenset()
        assert not pl.gate.knows(PINO, "varco")
        await pl.desk.change(made.id, Share(QUESTURA), by=ANNA)
        assert set(pl.desk.get(made.id, PINO).cameras) == {"varco"}
        assert pl.desk.shown(PINO) == {"varco"}
        assert pl.gate.knows(PINO, "varco")
        assert not pl.gate.knows(PINO, "piazza")
        told = [one.body.get("camera") for one in await pl.desk.journal(made.id, PINO)]
        assert "varco" in told
        assert "piazza" not in told
        frame = await pl.desk.frame(pl.desk.get(made.id, ANNA), ANNA)
        assert frame.viewers == {"piazza": (PL,), "varco": (QUESTURA, PL)}


# the gate ----------------------------------------------------------------------------------


async def test_a_shared_incident_opens_a_camera_and_its_end_closes_it(tmp_path):
    """Attached, shared, open, and an act that names it so: a Grant; each of them gone: dark."""
    async with house(tmp_path, municipal()) as pl:
        made = await pl.desk.open(replace(ROBBERY, cameras=("varco",)), by=ANNA)
        look = wish("varco", made.id, PINO)
        assert refusal(await pl.gate.open(look)) is Refusal.UNKNOWN_CAMERA
        await pl.desk.change(made.id, Share(QUESTURA), by=ANNA)
        for end in (Detach("varco"), Unshare(QUESTURA), OVER):
            grant = await pl.gate.open(look)
            assert isinstance(grant, Grant), end
            assert pl.gate.check(grant).allowed
            await pl.desk.change(made.id, end, by=ANNA)
            assert not pl.gate.check(grant).allowed, end
            if end is not OVER:
                again = Attach(("varco",)) if isinstance(end, Detach) else Share(QUESTURA)
                await pl.desk.change(made.id, again, by=ANNA)
        assert refusal(pl.gate.preview(wish("varco", made.id, ANNA))) is Refusal.INCIDENT_CLOSED


async def test_no_act_no_picture_although_it_is_shared(tmp_path):
    """Sharing gives nothing by itself: no line of an act, another's line or an expired one."""
    lines = {
        "none": (scope(("varco",), (PL,)), scope(("piazza",), (QUESTURA,))),
        "text": (scope(("varco",), (PL,)), scope(("varco",), (QUESTURA,), Disclosure.TEXT_ONLY)),
    }
    for name, scopes in lines.items():
        async with house(tmp_path / name, town(*scopes)) as pl:
            made = await pl.desk.open(replace(ROBBERY, cameras=("varco",)), by=ANNA)
            await pl.desk.change(made.id, Share(QUESTURA), by=ANNA)
            assert not isinstance(await pl.gate.open(wish("varco", made.id, PINO)), Grant)
    over = town(
        scope(("varco",), (QUESTURA,), Disclosure.ON_INCIDENT),
        scope(("varco",), (PL,)),
        until=date(2021, 1, 1),
    )
    async with house(tmp_path / "over", over) as pl:
        made = await pl.desk.open(replace(ROBBERY, cameras=("varco",)), by=ANNA)
        await pl.desk.change(made.id, Share(QUESTURA), by=ANNA)
        answer = await pl.gate.open(wish("varco", made.id, PINO))
        assert refusal(answer) is Refusal.ACT_EXPIRED


async def test_such_a_line_opens_for_an_incident_and_for_nothing_else(tmp_path):
    """A service order, a made-up number, an alarm or another incident do not open it."""
    async with house(tmp_path, municipal()) as pl:
        made = await pl.desk.open(replace(ROBBERY, cameras=("varco",)), by=ANNA)
        await pl.desk.change(made.id, Share(QUESTURA), by=ANNA)
        other = await pl.desk.open(ROBBERY, by=ANNA)
        await pl.desk.change(other.id, Share(QUESTURA), by=ANNA)
        preview = {
            case: pl.gate.preview(wish("varco", case, PINO)).refusal
            for case in (made.id, other.id, "4711")
        }
        assert preview == {
            made.id: None,
            other.id: Refusal.NOT_IN_INCIDENT,
            "4711": Refusal.ONLY_ON_INCIDENT,
        }
        order = wish("varco", "OdS 4", PINO, Purpose.SERVICE)
        assert pl.gate.preview(order).refusal is Refusal.ONLY_ON_INCIDENT


async def test_an_incident_opens_an_event_gated_camera_only_with_its_open_alarm(tmp_path):
    """Nobody opens an incident to get around the alarm that an act asks for."""
    async with house(tmp_path, municipal()) as pl:
        made = await pl.desk.open(replace(ROBBERY, cameras=("banco",)), by=ANNA)
        look = wish("banco", made.id, ANNA)
        assert pl.gate.preview(look).refusal is Refusal.ONLY_ON_ALARM
        pl.alarms[ALARM] = alarm_at("banco")
        assert pl.gate.preview(look).refusal is Refusal.ONLY_ON_ALARM
        await pl.desk.change(made.id, Attach(alarms=(ALARM,)), by=ANNA)
        grant = await pl.gate.open(look)
        assert isinstance(grant, Grant)
        pl.alarms[ALARM] = alarm_at("banco", state=AlarmState.CLOSED)
        assert not pl.gate.check(grant).allowed
        pl.alarms[ALARM] = alarm_at("piazza")
        assert pl.gate.preview(look).refusal is Refusal.ONLY_ON_ALARM


async def test_a_dispatchers_number_and_an_alarm_stay_good_cases(tmp_path):
    """A case that is none of our incidents is what it was before."""
    async with house(tmp_path, municipal()) as pl:
        pl.alarms[ALARM] = alarm_at("banco")
        assert pl.gate.preview(wish("piazza", "112/4711", ANNA)).allowed
        assert pl.gate.preview(wish("banco", ALARM, ANNA)).allowed


# two rooms ---------------------------------------------------------------------------------


async def shared(pl, ps, **more):
    """Open an incident at the municipal room and wait until the Questura has it."""
    made = await pl.desk.open(replace(ROBBERY, cameras=("piazza", "varco"), **more), by=ANNA)
    await pl.desk.change(made.id, Share(QUESTURA), by=ANNA)
    await until(lambda: ps.desk.get(made.id, PINO), what="shared")
    await until(lambda: _same(pl, ps, made.id, but={"piazza"}), what="everything shared")
    return made


def _same(pl, ps, incident, but=frozenset()):
    """Whether both rooms hold the same incident, apart from what is not for both."""
    here, there = pl.book.get(incident), ps.book.get(incident)
    if here is None or there is None:
        return False
    cameras = {f"{PL}.{one}" for one in here.cameras if one not in but}
    return (
        (here.title, here.state, here.outcome, here.responsible, here.shared_with, cameras)
        == (there.title, there.state, there.outcome, there.responsible, there.shared_with,
            set(there.cameras))
        and [one.text for one in here.messages] == [one.text for one in there.messages]
        and [dict(one.read).keys() for one in here.messages]
        == [dict(one.read).keys() for one in there.messages]
        and [dict(one.delivered).keys() for one in here.messages]
        == [dict(one.delivered).keys() for one in there.messages]
    )  # fmt: skip


async def test_a_shared_incident_arrives_with_what_acts_let_the_other_room_know(tmp_path):
    """Title, place and the one camera that its line names; the other stays unspoken of."""
    async with two_rooms(tmp_path) as (pl, ps, (up, _)):
        made = await shared(pl, ps)
        there = ps.desk.get(made.id, PINO)
        assert (there.title, there.latitude, there.home) == ("Rapina in farmacia", 44.03, PL)
        assert (there.opened_by, there.responsible) == (PL, PL)
        assert set(there.cameras) == {f"{PL}.varco"}
        assert "piazza" not in repr(up.asked)
        assert "anna" not in repr(up.asked).lower()
        assert isinstance(await ps.gate.open(wish(f"{PL}.varco", made.id, PINO)), Grant)
        await until(lambda: _has(ps, "incident.open"), what="the entry there")


async def _has(room, code):
    return code in await room.codes()


async def test_messages_carry_receipts_both_ways(tmp_path):
    """Delivered once it is on disk over there, read once somebody there has read it; counted."""
    async with two_rooms(tmp_path) as (pl, ps, _):
        made = await shared(pl, ps)
        await pl.desk.change(made.id, Say("Fugge verso nord"), by=ANNA)
        delivered = await until(
            lambda: pl.book.get(made.id).messages[0].delivered, what="delivered"
        )
        assert set(delivered) == {QUESTURA}
        assert ps.desk.get(made.id, PINO).unread(QUESTURA) == 1
        assert pl.desk.get(made.id, ANNA).unread(PL) == 0
        (message,) = ps.desk.get(made.id, PINO).messages
        await ps.desk.change(made.id, Read(message.id), by=PINO)
        await until(lambda: pl.book.get(made.id).messages[0].read, what="read")
        assert ps.desk.get(made.id, PINO).unread(QUESTURA) == 0
        await ps.desk.change(made.id, Say("Inviamo volante"), by=PINO)
        await until(lambda: len(pl.book.get(made.id).messages) == 2, what="the answer")
        answer = pl.desk.get(made.id, ANNA).messages[1]
        assert (answer.author.organisation, answer.author.name) == (QUESTURA, "")
        (entry,) = await until(lambda: ps.entries("message.in"), what="message.in")
        (sent,) = await pl.entries("message.out")
        assert entry.content_hash == sent.content_hash


async def test_nothing_is_lost_over_cuts_and_lost_answers(tmp_path):
    """Both rooms write while the line is down; when it is back both hold the same, once."""
    async with two_rooms(tmp_path) as (pl, ps, (up, down)):
        made = await shared(pl, ps)
        up.is_up = down.is_up = False
        for n in range(5):
            await pl.desk.change(made.id, Say(f"pl {n}"), by=ANNA)
            await ps.desk.change(made.id, Say(f"ps {n}"), by=PINO)
        await pl.desk.change(made.id, HandOver(QUESTURA), by=ANNA)
        frame = await pl.desk.frame(pl.book.get(made.id), ANNA)
        assert frame.waiting[QUESTURA] >= 6
        up.lose_answers = down.lose_answers = 2
        up.is_up = down.is_up = True
        await until(
            lambda: len(ps.book.get(made.id).messages) == 10
            and _same(pl, ps, made.id, but={"piazza"}),
            bound_s=40.0, what="both the same",
        )  # fmt: skip
        ids = [one.id for one in await ps.book.journal(made.id)]
        assert len(ids) == len(set(ids))
        await until(lambda: _nothing_owed(pl, ps, made.id), bound_s=40.0, what="nothing owed")
        assert ps.book.get(made.id).responsible == QUESTURA


async def _nothing_owed(pl, ps, incident):
    return not await pl.book.owes(incident) and not await ps.book.owes(incident)


async def test_an_incident_that_was_handed_over_is_taken_and_closed_there(tmp_path):
    """The other room leads then, ours no more; its closing ends looks here, too."""
    async with two_rooms(tmp_path) as (pl, ps, _):
        made = await shared(pl, ps)
        with pytest.raises(StateError, match="not-yours"):
            await ps.desk.change(made.id, OVER, by=PINO)
        await pl.desk.change(made.id, HandOver(QUESTURA), by=ANNA)
        await until(lambda: ps.book.get(made.id).responsible == QUESTURA, what="handed over")
        with pytest.raises(StateError, match="not-yours"):
            await pl.desk.change(made.id, OVER, by=ANNA)
        grant = await pl.gate.open(wish("varco", made.id, ANNA))
        assert isinstance(grant, Grant)
        await ps.desk.change(made.id, Take(), by=PINO)
        await ps.desk.change(made.id, OVER, by=PINO)
        await until(lambda: not pl.book.get(made.id).is_open, what="closed here")
        assert not pl.gate.check(grant).allowed
        (event,) = [
            one for one in await pl.desk.journal(made.id, ANNA) if one.kind is Change.CLOSED
        ]
        assert event.author.organisation == QUESTURA


async def test_what_the_home_did_not_take_stands_void_where_it_was_written(tmp_path):
    """Taken back while the other room closed it unheard: the home's word stands in both."""
    async with two_rooms(tmp_path) as (pl, ps, (up, down)):
        made = await shared(pl, ps)
        await pl.desk.change(made.id, HandOver(QUESTURA), by=ANNA)
        await until(lambda: ps.book.get(made.id).responsible == QUESTURA, what="handed over")
        up.is_up = down.is_up = False
        await ps.desk.change(made.id, OVER, by=PINO)
        await pl.desk.change(made.id, Unshare(QUESTURA), by=ANNA)
        await pl.desk.change(made.id, Share(QUESTURA), by=ANNA)
        up.is_up = down.is_up = True
        await until(
            lambda: ps.book.get(made.id).is_open and ps.book.get(made.id).responsible == PL,
            bound_s=40.0, what="void there",
        )  # fmt: skip
        assert pl.book.get(made.id).is_open
        void = [one.kind for one in await ps.book.journal(made.id) if one.void]
        assert void == [Change.CLOSED]


async def test_a_room_whose_sharing_was_taken_back_is_dark_and_told_so(tmp_path):
    """It learns that, its people see the incident no more, and nothing further arrives."""
    async with two_rooms(tmp_path) as (pl, ps, _):
        made = await shared(pl, ps)
        grant = await ps.gate.open(wish(f"{PL}.varco", made.id, PINO))
        await pl.desk.change(made.id, Unshare(QUESTURA), by=ANNA)
        await until(lambda: ps.desk.get(made.id, PINO) is None, what="taken back")
        assert not ps.gate.check(grant).allowed
        await pl.desk.change(made.id, Say("solo per noi"), by=ANNA)
        await until(lambda: _nothing_owed(pl, ps, made.id), what="nothing owed")
        assert "solo per noi" not in repr(await ps.book.journal(made.id))


async def test_what_was_taken_back_before_it_left_never_leaves(tmp_path):
    """Shared and unshared while the line is down: the other room hears nothing, not even that."""
    async with house(tmp_path, municipal(), own=PL) as pl:
        line = Line(PL)
        pl.desk.dial("linea-questura", QUESTURA, line)
        exchange = Exchange(pl.book, lambda: pl.desk.partners()[0], pl.clock)
        line.is_up = False
        made = await pl.desk.open(ROBBERY, by=ANNA)
        await pl.desk.change(made.id, Say("non deve uscire"), by=ANNA)
        await pl.desk.change(made.id, Share(QUESTURA), by=ANNA)
        assert await pl.book.owes(made.id) == {"room:linea-questura": 3}
        with pytest.raises(DownError):
            await exchange._send_some()
        await pl.desk.change(made.id, Unshare(QUESTURA), by=ANNA)
        line.is_up = True
        assert await pl.book.owes(made.id) == {}
        assert not await exchange._send_some()
        assert line.asked == []


@pytest.mark.parametrize("again", [False, True])
async def test_what_was_not_sent_yet_stays_but_the_taking_back_is_told(tmp_path, again):
    """Also if it was shared and taken back once more meanwhile."""
    async with two_rooms(tmp_path) as (pl, ps, (up, down)):
        made = await shared(pl, ps)
        up.is_up = down.is_up = False
        await pl.desk.change(made.id, Say("non deve uscire"), by=ANNA)
        await pl.desk.change(made.id, Unshare(QUESTURA), by=ANNA)
        if again:
            await pl.desk.change(made.id, Share(QUESTURA), by=ANNA)
            await pl.desk.change(made.id, Unshare(QUESTURA), by=ANNA)
        up.is_up = down.is_up = True
        await until(lambda: ps.desk.get(made.id, PINO) is None, what="taken back")
        await until(lambda: _nothing_owed(pl, ps, made.id), what="nothing owed")
        assert "uscire" not in repr(await ps.book.journal(made.id))


async def test_a_room_that_may_have_heard_is_told_that_it_was_taken_back(tmp_path):
    """The answer got lost: nobody knows here that it arrived."""
    async with two_rooms(tmp_path) as (pl, ps, (up, _)):
        up.lose_answers = 1_000
        made = await pl.desk.open(ROBBERY, by=ANNA)
        await pl.desk.change(made.id, Share(QUESTURA), by=ANNA)
        await until(lambda: ps.book.get(made.id), what="heard")
        up.is_up = False
        await until(lambda: up.downs, what="found the line down")
        await pl.desk.change(made.id, Unshare(QUESTURA), by=ANNA)
        up.lose_answers, up.is_up = 0, True
        await until(lambda: ps.desk.get(made.id, PINO) is None, what="taken back")


async def test_nobody_shares_over_a_line_of_another_organisation_of_the_room(tmp_path):
    """The line is that of the municipal police: the Carabinieri beside them have none (A-26)."""
    async with two_rooms(tmp_path) as (pl, ps, _):
        assert pl.desk.organisations(CARLA) == {}
        assert set(pl.desk.organisations(ANNA)) == {QUESTURA}
        assert set(ps.desk.organisations(PINO)) == {PL}
        assert ps.desk.organisations(CARLA) == {}
        made = await pl.desk.open(ROBBERY, by=CARLA)
        for command in (Share(QUESTURA), HandOver(QUESTURA)):
            with pytest.raises(StateError, match="organisation"):
                await pl.desk.change(made.id, command, by=CARLA)


async def test_a_second_organisation_of_a_room_is_itself_in_the_other(tmp_path):
    """Joined by an act, it opens, writes, hands over and gets back under its own name."""
    async with two_rooms(tmp_path) as (pl, ps, _):
        joint = scope(("varco",), (ARMA, QUESTURA), Disclosure.ON_INCIDENT)
        pl.registry = town(scope(("piazza",), (PL,)), joint)
        made = await pl.desk.open(ROBBERY, by=CARLA)
        await pl.desk.change(made.id, Share(QUESTURA), by=CARLA)
        await pl.desk.change(made.id, Say("parola dei Carabinieri"), by=CARLA)
        await until(lambda: ps.book.get(made.id) and ps.book.get(made.id).messages, what="told")
        there, itself = ps.book.get(made.id), f"{PL}/Carabinieri"
        assert (there.opened_by, there.responsible) == (itself, itself)
        assert there.parties == {itself, QUESTURA}
        assert there.messages[0].author.organisation == itself
        await pl.desk.change(made.id, HandOver(QUESTURA), by=CARLA)
        await until(lambda: ps.book.get(made.id).responsible == QUESTURA, what="handed over")
        await ps.desk.change(made.id, HandOver(itself), by=PINO)
        await until(lambda: pl.book.get(made.id).responsible == ARMA, what="handed back")
        await until(lambda: _nothing_owed(pl, ps, made.id), what="nothing owed")
        assert not [one for one in await ps.book.journal(made.id) if one.void]


async def test_what_is_kept_is_found_although_memory_let_it_go(tmp_path, monkeypatch):
    """Closed incidents stay for a year: by its id one is read, with its journal."""
    monkeypatch.setattr("gateway.room.incidents.MOST_REMEMBERED", 3)
    async with house(tmp_path, municipal()) as pl:
        made = await pl.desk.open(ROBBERY, by=ANNA)
        await pl.desk.change(made.id, Say("ciao"), by=ANNA)
        await pl.desk.change(made.id, OVER, by=ANNA)
        for _ in range(4):
            await pl.desk.open(ROBBERY, by=ANNA)
        assert pl.desk.get(made.id, ANNA) is None
        found = await pl.desk.find(made.id, ANNA)
        assert (found.outcome, len(await pl.desk.journal(made.id, ANNA))) == ("risolto", 3)
        assert await pl.desk.find(made.id, CARLA) is None
        read = await pl.desk.change(made.id, Read(found.messages[0].id), by=ANNA)
        assert not read.is_open


async def test_another_room_cannot_fill_ours_with_incidents_that_it_closes(tmp_path):
    """So many at once, then one a minute; what it opened before goes on, and others are free."""
    async with house(tmp_path, of_state(), own=QUESTURA) as ps:
        ps.desk._door._clock = clock = FakeClock()
        handlers = ps.desk.receive(lambda _: Line(PL))
        peer = Line(PL).peer
        for number in range(MOST_NEW):
            await handlers["incident"](peer, told_closed(number), b"")
        with pytest.raises(RefusedError, match="not-yet"):
            await handlers["incident"](peer, told_closed(MOST_NEW), b"")
        await handlers["incident"](peer, told_closed(0), b"")
        clock.advance(NEW_S)
        await handlers["incident"](peer, told_closed(MOST_NEW), b"")
        with pytest.raises(RefusedError, match="not-yet"):
            await handlers["incident"](peer, told_closed(MOST_NEW + 1), b"")
        assert len(ps.desk.listed(PINO)) == MOST_NEW + 1
        (refused,) = await ps.entries("line.refuse")
        assert (refused.object_id, refused.error) == (PL, "not-yet")


def told_closed(number):
    """Return the frame of an incident that another room opens, shares and closes at once."""
    bodies = (
        (Change.OPENED, {"title": "x", "kind": "reato"}),
        (Change.SHARED, {"with": "peer"}),
        (Change.CLOSED, {"outcome": "risolto", "note": ""}),
    )
    told = [
        Told(
            uuid7(EPOCH_US + 1000 * number, bytes([at] * 10)), at, EPOCH_US, kind, "self", "", body
        )
        for at, (kind, body) in enumerate(bodies, 1)
    ]
    return pack(uuid7(EPOCH_US + 1000 * number, bytes(10)), told)


async def test_both_rooms_come_back_with_everything_after_a_restart(tmp_path):
    """Incidents, and what the other room is owed, are on disk."""
    async with two_rooms(tmp_path) as (pl, ps, (up, down)):
        made = await shared(pl, ps)
        up.is_up = down.is_up = False
        await pl.desk.change(made.id, Say("prima del guasto"), by=ANNA)
    async with two_rooms(tmp_path) as (pl, ps, _):
        assert pl.book.get(made.id).messages[0].text == "prima del guasto"
        await until(lambda: ps.book.get(made.id).messages, what="what was owed")


async def test_a_box_that_is_no_room_is_refused(tmp_path):
    """An edge of which no recipient has the name tells nothing, whatever it sends."""
    async with two_rooms(tmp_path) as (_, ps, (up, _down)):
        handler = up.handlers["incident"]
        peer = replace(up.peer, id="tabaccheria")
        with pytest.raises(RefusedError, match="not-a-room"):
            await handler(peer, {"incident": "x", "events": []}, b"")
        gone = {one: each for one, each in ps.registry.recipients.items() if one != PL}
        ps.registry = replace(ps.registry, recipients=gone)
        with pytest.raises(RefusedError, match="not-a-room"):
            await handler(up.peer, {"incident": "x", "events": []}, b"")
        refused = await ps.entries("line.refuse")
        assert [(one.object_id, one.error, one.case_ref) for one in refused] == [
            ("tabaccheria", "not-a-room", "x"), (PL, "not-a-room", "x"),
        ]  # fmt: skip


async def test_who_speaks_in_our_name_stands_in_the_ledger_once_with_how_often(tmp_path):
    """Every ten minutes one entry; the next one counts those between."""
    async with two_rooms(tmp_path) as (_, ps, (up, _down)):
        ps.desk._door._clock = clock = FakeClock()
        frame = told_closed(0)
        frame["events"][0]["who"] = "peer"
        for wait_s in (0.0, 1.0, 1.0, SAY_AGAIN_S):
            clock.advance(wait_s)
            with pytest.raises(RefusedError, match="not-yours"):
                await up.handlers["incident"](up.peer, frame, b"")
        refused = await ps.entries("line.refuse")
        assert [(one.error, one.count) for one in refused] == [("not-yours", 0), ("not-yours", 3)]


async def test_two_rooms_share_over_a_real_line(tmp_path):
    """TLS with both certificates: shared, answered, read and closed; a cut loses nothing."""
    boxes = Boxes(tmp_path)
    lines = (scope(("varco",), (PL,)), scope(("varco",), ("ps",), Disclosure.ON_INCIDENT))
    here, there = town(*lines), of_state_with("farmacia")
    room = replace(here.recipients[QUESTURA], id="ps")
    here = replace(here, recipients=here.recipients | {"ps": room})
    with listener() as door:
        at_room, at_edge = boxes.room(door), boxes.edge(address(door))
        async with (
            house(tmp_path / "pl", here, own=PL) as pl,
            house(tmp_path / "ps", there, own=QUESTURA) as ps,
        ):
            uplink = UplinkOptions("questura", "ps", (), 0, 90, tmp_path, "", tmp_path)
            pl.desk.join(at_edge, SimpleNamespace(uplinks=(uplink,)))
            ps.desk.join(at_room, SimpleNamespace(uplinks=()))
            work = (*at_room.tasks(), *at_edge.tasks(), pl.desk.run(), ps.desk.run())
            async with running(*work):
                made = await pl.desk.open(replace(ROBBERY, cameras=("varco",)), by=ANNA)
                await pl.desk.change(made.id, Share("ps"), by=ANNA)
                await until(lambda: ps.desk.get(made.id, PINO), bound_s=30, what="shared")
                await until(lambda: ps.desk.shown(PINO), bound_s=30, what="its camera")
                assert ps.desk.shown(PINO) == {"farmacia.varco"}
                await ps.desk.change(made.id, Say("Arriviamo"), by=PINO)
                await until(lambda: pl.book.get(made.id).messages, bound_s=30, what="the answer")
                (message,) = pl.desk.get(made.id, ANNA).messages
                await pl.desk.change(made.id, Read(message.id), by=ANNA)
                await until(lambda: ps.book.get(made.id).messages[0].read, bound_s=30, what="read")
                at_edge.uplinks["questura"].redial()
                await pl.desk.change(made.id, OVER, by=ANNA)
                await until(lambda: not ps.book.get(made.id).is_open, bound_s=30, what="closed")
