# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The owner's index and desk, over a real registry and a real ledger."""

import asyncio
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from gateway.assembly.journal import Journal
from gateway.assembly.owner import (
    DAYS,
    MOST_LOOKS,
    Index,
    OwnerDesk,
    OwnerParts,
    told_to,
)
from gateway.audit.ledger import open_ledger
from gateway.console.services import Notices
from gateway.model.access import Actor, Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import ConfigErrors, LedgerError
from gateway.model.registry import Role
from gateway.registry.seed import parse_seed
from gateway.registry.store import open_registry
from tests.unit.assembly.parts import ShiftedClock, entries, town
from tests.unit.audit.logbook import KEY, ORIGIN

OWNER = Actor("marco", "Marco", Role.OWNER, "comune", "s1", "password", "192.0.2.7")
STRANGER = replace(OWNER, id="sara", organisation="altra", session="s2")
LOOK = LedgerEvent(
    "live.open",
    Operation.CONSULTATION,
    Regime.LED,
    actor_id="anna",
    org="sala-pl",
    role="pl.operator",
    object_type="camera",
    object_id="uno",
    controller="comune",
    purpose_code="servizio",
    case_ref="OS 7",
    opens=True,
)
EMERGENCY = replace(
    LOOK, event="breakglass.use", flags="break-glass", reason_text="persona dispersa", opens=False
)


class Bench:
    """A desk with what is behind it."""

    def __init__(self, registry, ledger, clock):
        self.registry, self.ledger, self.clock = registry, ledger, clock
        self.journal = Journal(ledger, clock)
        self.told = []
        self.hold_up = ""
        """The camera at which one lives."""
        self.desk = self.another()
        self.journal.watchers.append(self.desk.noted)

    def another(self):
        """Return a desk that knows nothing yet, as after a start."""
        return OwnerDesk(
            OwnerParts(
                self.registry,
                self.journal.append,
                self.journal.account,
                self.ledger.entries,
                lambda: self.ledger.head().size,
                self.clock,
                lambda controller, event, data: self.told.append((controller, event, data)),
                lambda camera, _utc_us: camera == self.hold_up,
            )
        )

    async def look(self, **more):
        return await self.journal.append(replace(LOOK, **more))

    async def leave(self, receipt, ms=2500):
        event = replace(LOOK, event="live.close", opens=False, closes=receipt.seq, duration_ms=ms)
        await self.journal.append(event)


@asynccontextmanager
async def bench(folder):
    clock = ShiftedClock()
    async with (
        open_registry(folder / "registry.db", clock=clock) as registry,
        open_ledger(folder / "ledger.db", origin=ORIGIN, key=KEY, clock=clock) as ledger,
    ):
        await registry.apply(parse_seed(town(folder), "seed.toml"), by="seed")
        yield Bench(registry, ledger, clock)


async def test_an_owner_reads_who_looked_and_for_how_long(tmp_path):
    """Organisation, role, purpose, case and camera; never the person."""
    async with bench(tmp_path) as made:
        first = await made.look()
        await made.look(object_id="due", purpose_code="allarme", case_ref="al-1")
        await made.leave(first)
        newest, oldest = made.desk.looks("comune")
        assert (oldest.organisation, oldest.role, oldest.case) == ("sala-pl", "pl.operator", "OS 7")
        assert oldest.until_us >= oldest.utc_us
        assert oldest.seconds == 2.5
        assert (newest.camera, newest.until_us) == ("due", 0)
        assert "anna" not in repr(newest) + repr(oldest)


async def test_a_hold_up_hides_strangers_looks_and_none_of_the_owners_own(tmp_path):
    """The owner who looks and does not find it would know; what is hidden comes afterwards."""
    own = {"org": "comune", "role": "owner.private", "purpose_code": "titolare"}
    async with bench(tmp_path) as made:
        made.hold_up = "uno"
        for emergency in (False, True):
            event = EMERGENCY if emergency else LOOK
            await made.journal.append(event)
            await made.journal.append(replace(event, **own))
        await made.look(object_id="due")
        assert [(one.camera, one.organisation) for one in made.desk.looks("comune")] == [
            ("due", "sala-pl"),
            ("uno", "comune"),
        ]
        assert [one.look.organisation for one in made.desk.alerts("comune")] == ["comune"]
        told = [(data["camera"], data["organisation"]) for _, _, data in made.told]
        assert told == [("uno", "comune"), ("uno", "comune"), ("due", "sala-pl")]
        made.hold_up = ""
        assert len(made.desk.looks("comune")) == 3
        assert len(made.desk.alerts("comune")) == 2


async def test_nobody_reads_of_anothers_cameras(tmp_path):
    """Another controller's looks, and entries of no controller, are not in the book."""
    async with bench(tmp_path) as made:
        await made.look(controller="altra")
        await made.look(controller="")
        assert made.desk.looks("comune") == []
        assert made.desk.alerts("comune") == []
        assert {controller for controller, _, _ in made.told} == {"altra"}


async def test_a_refused_look_is_none(tmp_path):
    """Whoever was shown nothing did not look."""
    async with bench(tmp_path) as made:
        await made.look(event="live.deny", result="denied", opens=False)
        await made.look(result="denied", opens=False)
        assert made.desk.looks("comune") == []


async def test_the_case_of_an_investigation_is_withheld(tmp_path):
    """The owner learns that somebody looked on a magistrate's delegation, not in which case."""
    async with bench(tmp_path) as made:
        await made.look(purpose_code="delega-ag", case_ref="RGNR 1234/26")
        (look,) = made.desk.looks("comune")
        assert (look.purpose, look.case) == ("delega-ag", "")
        assert "RGNR" not in repr(made.told)


async def test_after_a_start_the_same_is_read_back(tmp_path):
    """What the index knew comes out of the ledger again, ends and alerts too."""
    async with bench(tmp_path) as made:
        receipt = await made.look()
        await made.journal.append(EMERGENCY)
        await made.leave(receipt)
        await made.desk.acknowledge(made.desk.alerts("comune")[0].look.seq, by=OWNER)
        later = made.another()
        assert later.looks("comune") == []
        await later.read_back()
        assert later.looks("comune") == made.desk.looks("comune")
        assert later.alerts("comune") == made.desk.alerts("comune")
        assert later.alerts("comune")[0].acknowledged_us


async def test_what_comes_while_it_is_read_back_is_neither_lost_nor_told_twice(tmp_path):
    """An entry between two pages is there once."""
    async with bench(tmp_path) as made:
        await made.look()
        reading, go = asyncio.Event(), asyncio.Event()

        async def read(after, limit):
            reading.set()
            await go.wait()
            return await made.ledger.entries(after, limit)

        later = made.another()
        later._parts = replace(later._parts, read=read)
        made.journal.watchers.append(later.noted)
        task = asyncio.create_task(later.read_back())
        await reading.wait()
        await made.look(object_id="due")
        go.set()
        await task
        await made.look(object_id="tre")
        assert [one.camera for one in later.looks("comune")] == ["tre", "due", "uno"]


async def test_an_erasure_reaches_the_index(tmp_path):
    """What was erased in the ledger does not live on in memory."""
    async with bench(tmp_path) as made:
        await made.look()
        following = asyncio.create_task(made.desk.follow())
        blind = [
            replace(one, event=replace(one.event, case_ref=""))
            for one in await made.ledger.entries(-1, 10)
        ]
        read = asyncio.Event()

        async def erased(after, limit):
            read.set()
            return blind if after < 0 else []

        await asyncio.sleep(0)
        made.desk._parts = replace(made.desk._parts, read=erased)
        await made.journal.append(replace(LOOK, event="log.erase", controller="", opens=False))
        async with asyncio.timeout(30):
            await read.wait()
            while made.desk.looks("comune")[0].case:
                await asyncio.sleep(0)
        following.cancel()


async def test_days_and_looks_are_bounded(tmp_path):
    """Thirty days, and the newest of a busy month."""
    async with bench(tmp_path) as made:
        await made.look()
        made.clock.set(made.clock.now().shifted(DAYS * 86_400.0 + 60))
        await made.look(object_id="due")
        assert [one.camera for one in made.desk.looks("comune")] == ["due"]
    index = Index()
    for seq in range(MOST_LOOKS + 10):
        index.take(seq, seq, LOOK)
    found = index.looks("comune", 0)
    assert len(found) == MOST_LOOKS
    assert found[0].seq == MOST_LOOKS + 9
    index.keep({})
    assert index.looks("comune", 0) == []


async def test_an_emergency_is_an_alert_until_it_is_read(tmp_path):
    """With its reason; the ledger keeps who read it, once, and nobody else may."""
    async with bench(tmp_path) as made:
        receipt = await made.journal.append(EMERGENCY)
        (alert,) = made.desk.alerts("comune")
        assert (alert.reason, alert.acknowledged_us) == ("persona dispersa", 0)
        assert made.told[-1][2]["kind"] == "break-glass"
        assert not await made.desk.acknowledge(receipt.seq, by=STRANGER)
        assert not await made.desk.acknowledge(receipt.seq + 5, by=OWNER)
        assert await made.desk.acknowledge(receipt.seq, by=OWNER)
        assert await made.desk.acknowledge(receipt.seq, by=OWNER)
        assert made.desk.alerts("comune")[0].acknowledged_us
        (entry,) = await entries(made.ledger, "breakglass.ack")
        assert (entry.actor_id, entry.object_id) == ("marco", str(receipt.seq))


async def test_owners_and_dpos_of_the_controller_are_told_and_nobody_else():
    """By organisation and role, over whatever event streams are open."""
    notices = Notices()
    people = [
        OWNER,
        replace(OWNER, role=Role.DPO),
        replace(OWNER, role=Role.SYSADMIN),
        STRANGER,
        replace(OWNER, organisation="sala-pl", role=Role.PL_OPERATOR),
    ]
    with ExitStack() as stack:
        heard = [stack.enter_context(notices.listen(one)) for one in people]
        told_to(notices.tell)("comune", "owner", {"camera": "uno"})
        assert [len(one._waiting) for one in heard] == [1, 1, 0, 0, 0]
        assert (await heard[0].receive()).event == "owner"


async def test_a_pause_stands_at_once_and_is_written_down(tmp_path):
    """One entry for each camera; the registry withholds them for everybody."""
    async with bench(tmp_path) as made:
        pause = await made.desk.pause(["uno"], "inventario", by=OWNER)
        registry = made.registry.current()
        assert registry.is_paused(registry.cameras["uno"])
        assert pause.by == "marco"
        (entry,) = await entries(made.ledger, "sharing.pause")
        assert (entry.object_id, entry.controller, entry.case_ref) == ("uno", "comune", pause.id)
        assert (entry.actor_id, entry.reason_text) == ("marco", "inventario")
        assert await made.desk.resume(pause.id, by=OWNER)
        assert not made.registry.current().pauses
        assert len(await entries(made.ledger, "sharing.resume")) == 1
        assert not await made.desk.resume(pause.id, by=OWNER)


async def test_a_pause_of_everything_names_the_controller(tmp_path):
    """Also cameras that come later are withheld."""
    async with bench(tmp_path) as made:
        await made.desk.pause([], "", by=OWNER)
        registry = made.registry.current()
        assert all(registry.is_paused(one) for one in registry.cameras.values())
        (entry,) = await entries(made.ledger, "sharing.pause")
        assert (entry.object_type, entry.object_id) == ("controller", "comune")


async def test_nobody_pauses_or_resumes_for_another(tmp_path):
    """A pause of others' cameras is refused; a foreign pause does not exist."""
    async with bench(tmp_path) as made:
        pause = await made.desk.pause(["uno"], "", by=OWNER)
        assert not await made.desk.resume(pause.id, by=STRANGER)
        with pytest.raises(ConfigErrors):
            await made.desk.pause(["uno"], "", by=STRANGER)
        assert len(made.registry.current().pauses) == 1


async def test_a_dark_ledger_stops_the_return_not_the_pause(tmp_path):
    """Withholding never waits for the log; showing again does."""
    async with bench(tmp_path) as made:

        async def dark(_event):
            raise LedgerError("disk full")

        made.journal.append = dark
        made.desk._parts = replace(made.desk._parts, append=dark)
        pause = await made.desk.pause(["uno"], "", by=OWNER)
        assert made.registry.current().pauses
        with pytest.raises(LedgerError):
            await made.desk.resume(pause.id, by=OWNER)
        assert made.registry.current().pauses
