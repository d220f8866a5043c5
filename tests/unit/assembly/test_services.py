# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
from contextlib import asynccontextmanager

from gateway.access.identity import hash_password
from gateway.assembly.control import ControlDesk
from gateway.assembly.identity import SIGNED_OUT
from gateway.assembly.services import LedgerDesk, services_of
from gateway.model.access import AccessRequest, Action, Grant, Purpose
from gateway.model.alarm import Alarm, AlarmState, AlarmVerdict
from gateway.model.media import StreamState
from tests.unit.assembly.parts import entries, running_box, town
from tests.unit.audit.logbook import PUBLIC


@asynccontextmanager
async def services(folder, seed=None):
    async with running_box(folder, seed or town(folder)) as (box, opened):
        control = ControlDesk(
            opened.registry, opened.journal, (opened.config_path, opened.options), box.replan
        )
        ledger = LedgerDesk(opened.ledger, folder / "ledger.db", PUBLIC)
        yield services_of(opened, box, control, ledger), opened, box


async def raised(opened, number):
    alarm = Alarm(f"al-{number}", "uno", "z", "intrusione", 3, opened.clock.now())
    recipients = [opened.registry.current().recipients["sala-pl"]]
    return await opened.outbox.raise_alarm(alarm, recipients=recipients, act="patto")


async def test_a_camera_that_cannot_be_opened_is_shown_with_its_problem(tmp_path):
    """Through the same door as every other state."""
    seed = town(tmp_path).replace("camera.secret", "missing.secret")
    async with services(tmp_path, seed) as (made, _, _):
        status = made.status("uno")
        assert status.state is StreamState.REFUSED
        assert "missing.secret" in status.problem
        assert made.status("nessuna") is None


async def test_a_verdict_is_in_the_ledger_with_who_gave_it(tmp_path):
    """The alarm closes and the entry names person, role, organisation and verdict."""
    async with services(tmp_path) as (made, opened, _):
        await raised(opened, 1)
        await made.alarms.close("al-1", "anna", AlarmVerdict.FALSE)
        assert made.alarms.get("al-1").state is AlarmState.CLOSED
        (entry,) = await entries(opened.ledger, "alarm.close")
        assert (entry.object_id, entry.actor_id, entry.role) == ("al-1", "anna", "pl.operator")
        assert (entry.org, entry.reason_text) == ("sala-pl", "falso")
        assert (entry.controller, entry.legal_basis_id) == ("comune", "patto")
        await made.alarms.close("unknown", "anna", AlarmVerdict.FALSE)
        await made.alarms.close("al-1", "bruno", AlarmVerdict.CONFIRMED)  # too late: no entry
        assert len(await entries(opened.ledger, "alarm.close")) == 1


async def test_a_page_that_was_too_slow_is_told_to_reload(tmp_path):
    """It gets None once, then what comes later; its stream does not break."""
    async with services(tmp_path) as (made, opened, _), made.alarms.changes() as changes:
        for number in range(300):
            await raised(opened, number)
        assert await changes.receive() is None
        assert (await changes.receive()).alarm.id == "al-257"


async def test_signing_out_ends_what_is_being_looked_at(tmp_path):
    """Sessions of that sign-in end; those of another sign-in of the same person go on."""
    async with services(tmp_path) as (made, opened, box):
        await opened.registry.set_password("anna", hash_password("una frase lunga"))
        signed = [await made.accounts.sign_in("anna", "una frase lunga", "::1") for _ in range(2)]
        for one in signed:
            request = AccessRequest(one.actor, Action.LIVE, "uno", Purpose.SERVICE, "OS 1")
            grant = await made.gate.open(request)
            assert isinstance(grant, Grant), grant
            await made.media.open(grant, "v=0")
        await made.accounts.sign_out(signed[0].token)
        assert [reason for _, reason in opened.media.closed] == [SIGNED_OUT]
        (left,) = box.viewing.sessions()
        assert left.grant.request.actor.session == signed[1].actor.session
        assert made.accounts.resolve(signed[0].token) is None
        assert made.accounts.resolve(signed[1].token)
        await made.accounts.sign_out("unknown")


async def test_the_ledger_is_read_and_verified_as_a_stranger_would(tmp_path):
    """From the file, with the public key alone."""
    async with services(tmp_path) as (made, opened, _):
        await raised(opened, 1)
        await made.alarms.close("al-1", "anna", AlarmVerdict.CONFIRMED)
        found = [one.event.event for one in await made.ledger.entries(-1, 1000)]
        assert found.count("alarm.close") == 1, found
        report = await made.ledger.verify()
        assert report.ok, report
        assert len(found) <= report.size <= made.ledger.head().size
