# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.assembly.panels, on a real outbox and ledger."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.assembly.journal import Journal
from gateway.assembly.panels import PanelDesk, PanelParts
from gateway.audit.ledger import open_ledger
from gateway.config.options import Dc09ReceiverOptions
from gateway.model.errors import StoreError
from gateway.model.panel import PanelEvent, Qualifier
from gateway.model.registry import Panel
from gateway.relay.alarms.outbox import open_outbox
from gateway.wire.dc09 import Content, Token
from tests.dc09_parts import KEY, dialled
from tests.unit.access.town import NOW, registry
from tests.unit.assembly.parts import ManualClock, entries, until
from tests.unit.audit.logbook import KEY as LEDGER_KEY
from tests.unit.audit.logbook import ORIGIN

CLEAR = Panel("centralina", "Centralina", "1A2B", camera="banco")
NEW, RESTORE = Qualifier.NEW, Qualifier.RESTORE


class Bench:
    def __init__(self, outbox, ledger, clock, panels, **options):
        self.outbox, self.ledger, self.clock = outbox, ledger, clock
        self.registry = replace(registry(), panels={one.id: one for one in panels})
        self.pressed, self.held, self.spawned = [], [], []
        self.takes = True
        given = {"host": "127.0.0.1", "port": 0, "plain": True} | options
        self.desk = PanelDesk(
            PanelParts(
                Dc09ReceiverOptions(**given), outbox, Journal(ledger, clock),
                lambda: self.registry, clock, self.press, self.hold, self.spawned.append,
            )
        )  # fmt: skip
        self.desk.reconcile(self.registry)

    async def press(self, panel, event):
        self.pressed.append((panel.id, event.code))
        return self.takes

    async def hold(self, alarm):
        self.held.append(alarm.id)

    async def settle(self):
        while self.spawned:
            await self.spawned.pop(0)

    async def say(self, code, qualifier=NEW, zone="3", account="1A2B"):
        event = PanelEvent(account, code, qualifier, self.clock.now().utc_us, zone)
        await self.desk.take(event)
        await self.settle()

    async def alarms(self):
        return await self.outbox.recent(50)


@asynccontextmanager
async def bench(folder, *panels, **options):
    clock = ManualClock(utc_us=NOW.utc_us)
    async with (
        open_outbox(folder / "alarms.db", clock=clock) as outbox,
        open_ledger(folder / "ledger.db", origin=ORIGIN, key=LEDGER_KEY, clock=clock) as ledger,
    ):
        yield Bench(outbox, ledger, clock, panels or (CLEAR,), **options)


async def test_an_event_is_an_alarm_at_the_panels_camera(tmp_path):
    """Under the camera's act and to its recipients alone; the ledger says which panel it was."""
    async with bench(tmp_path) as one:
        await one.say("BA")
        (record,) = await one.alarms()
        alarm = record.alarm
        assert (alarm.camera, alarm.zone, alarm.rule) == ("banco", "centralina.3", "furto")
        assert (alarm.severity, alarm.silent) == (4, False)
        assert record.act == "accordo-farmacia"
        assert set(record.recipients) == {"istituto", "sala-pl"}
        assert one.held == [alarm.id]
        raised = [e for e in await entries(one.ledger) if e.event == "alarm.raise"]
        assert [e.object_id for e in raised] == [alarm.id]


async def test_the_same_cause_is_one_alarm_and_its_restore_ends_it(tmp_path):
    """Repeated it is no new one; the restore of another zone ends nothing."""
    async with bench(tmp_path) as one:
        for _ in range(3):
            await one.say("BA")
        await one.say("BA", zone="4")
        await one.say("BA", RESTORE, zone="5")
        records = {r.alarm.zone: r for r in await one.alarms()}
        assert set(records) == {"centralina.3", "centralina.4"}
        assert records["centralina.3"].repeats == 2
        await one.say("BA", RESTORE)
        ended = {r.alarm.zone: bool(r.ended_utc_us) for r in await one.alarms()}
        assert ended == {"centralina.3": True, "centralina.4": False}
        await one.say("BA")
        assert len(await one.alarms()) == 3


async def test_states_raise_nothing(tmp_path):
    """Armed, disarmed, tested: acknowledged and no alarm."""
    async with bench(tmp_path) as one:
        for code in ("OP", "RP", "TS", "BB"):
            await one.say(code)
        assert await one.alarms() == []


@pytest.mark.parametrize("code", ["HA", "PA"])
async def test_a_holdup_is_its_channels(tmp_path, code):
    """The hook takes it; if it is no channel's after all, it is a silent alarm of the camera."""
    async with bench(tmp_path, replace(CLEAR, holdup="rapina-banco")) as one:
        await one.say(code)
        assert one.pressed == [("centralina", code)]
        assert await one.alarms() == []
        one.takes = False
        await one.say(code)
        (record,) = await one.alarms()
        assert (record.alarm.severity, record.alarm.silent) == (5, True)
        await one.say("BA")
        assert len(one.pressed) == 2


async def test_without_an_act_it_stays_in_the_house(tmp_path):
    """The owner's own alarm, told to nobody else."""
    async with bench(tmp_path) as one:
        one.registry = replace(one.registry, acts={})
        await one.say("BA")
        (record,) = await one.alarms()
        assert (record.act, record.recipients) == ("", ())


async def test_a_disk_that_refuses_is_told_to_the_receiver(tmp_path, monkeypatch):
    """So that nobody acknowledges what is not kept."""
    async with bench(tmp_path) as one:

        async def refuse(*_args, **_more):
            raise StoreError("disk is full")

        monkeypatch.setattr(one.outbox, "raise_alarm", refuse)
        with pytest.raises(StoreError):
            await one.say("BA")


async def test_strangers_are_one_entry_an_hour(tmp_path):
    """A flood of refusals fills no ledger, and a panel's own refusals have their own entry."""
    async with bench(tmp_path) as one:
        for number in range(50):
            one.desk.refuse(f"{number:04X}F", "192.0.2.9", "unknown account")
        one.desk.refuse("1A2B", "", "not understood: SIA code QQ")
        await one.settle()
        refused = [e for e in await entries(one.ledger) if e.event == "panel.refuse"]
        assert [e.object_id for e in refused] == ["", "centralina"]
        one.clock.advance(3601)
        one.desk.refuse("FFFF", "192.0.2.9", "unknown account")
        await one.settle()
        refused = [e for e in await entries(one.ledger) if e.event == "panel.refuse"]
        assert len(refused) == 3


async def test_what_a_stranger_varies_makes_no_new_entry(tmp_path):
    """Who knows an account's number sends lengths, sums and codes as it likes."""
    async with bench(tmp_path) as one:
        for number in range(600):
            one.desk.refuse("1A2B", "192.0.2.9", f"encrypted, and {number} bytes are no blocks")
            one.desk.refuse("1A2B", "192.0.2.9", f"not understood: SIA code {number}")
        await one.settle()
        refused = [e for e in await entries(one.ledger) if e.event == "panel.refuse"]
        assert len(refused) == 2


async def test_a_panel_without_a_key_is_heard_only_on_purpose(tmp_path):
    """And says what to write; the others are heard all the same."""
    key = tmp_path / "key"
    key.write_text(KEY.decode())
    key.chmod(0o600)
    good = Panel("buona", "Buona", "BEEF", camera="banco", key=f"file:{key}")
    lost = Panel("persa", "Persa", "DEAD", camera="banco", key="file:/nowhere/key")
    async with bench(tmp_path, CLEAR, good, lost, plain=False) as one:
        clear, gone = one.desk.problems
        assert "panel centralina" in clear
        assert "panel persa" in gone
        assert set(one.desk._accounts) == {"BEEF"}


async def test_from_the_socket_to_the_disk(tmp_path):
    """A panel dials in; its ACK says that the alarm is kept. Silence shows among the problems."""
    async with bench(tmp_path, replace(CLEAR, supervision_s=60)) as one:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(task) for task in one.desk.tasks()]
            await until(lambda: one.desk.port, what="listening")
            async with dialled(one.desk.port) as panel:
                said = Content("Nri1/BA003", (), one.clock.now().utc_us)
                assert (await panel.say(Token.SIA, 1, said)).token is Token.ACK
            assert [r.alarm.rule for r in await one.alarms()] == ["furto"]
            assert one.desk.problems == ()

            async def silent():
                one.clock.advance(61)
                return any("silent" in line for line in one.desk.problems)

            await until(silent, what="the silence is told")
            assert any(r.alarm.rule == "linea-interrotta" for r in await one.alarms())
            for task in running:
                task.cancel()
        await one.settle()


async def test_two_accounts_that_zeros_alone_tell_apart_are_named(tmp_path):
    """A registry of an earlier version may have them: the first is heard, both are named."""
    other = replace(CLEAR, id="altra", account="0" + CLEAR.account)
    async with bench(tmp_path, CLEAR, other) as one:
        (problem,) = one.desk.problems
        assert "panel altra" in problem
        assert "panel centralina" in problem
        assert len(one.desk._accounts) == 1
