# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import asyncio
import contextlib
import logging
from dataclasses import replace

from gateway.assembly.couriers import Couriers
from gateway.model.registry import Recipient, RecipientKind
from gateway.relay.alarms.mqtt import BrokerOptions
from gateway.relay.alarms.outbox import open_outbox
from gateway.room.mqtt_line import LineBroker
from gateway.runtime.clock import SystemClock
from tests.line_pair import Pair
from tests.unit.access.town import registry
from tests.unit.assembly.parts import until


def recipient(id_="istituto", broker="prova", **more):
    return Recipient(id_, id_.title(), RecipientKind.INSTITUTE, broker=broker, **more)


def town(*recipients):
    return replace(registry(), recipients={one.id: one for one in recipients})


class Street:
    """Couriers towards a broker's port that counts who dials."""

    def __init__(self, made, dials):
        self.made = made
        self.dials = dials

    def tasks(self):
        return {name: task for name, (_, _, task) in self.made._running.items()}


@contextlib.asynccontextmanager
async def couriers(folder, **options):
    dials = []

    async def answer(reader, writer):
        dials.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    clock = SystemClock()
    brokers = {"prova": BrokerOptions("prova", "127.0.0.1", port, **options)}
    try:
        async with (
            open_outbox(folder / "alarms.db", clock=clock) as outbox,
            asyncio.TaskGroup() as tasks,
        ):
            made = Couriers(outbox, brokers, tasks, box="prova", clock=clock)
            yield Street(made, dials)
            made.reconcile(town())
    finally:
        server.close()
        await server.wait_closed()


async def test_an_unchanged_recipient_is_not_disturbed(tmp_path):
    """Its courier's task is the same one after every change of others."""
    async with couriers(tmp_path) as street:
        street.made.reconcile(town(recipient(), recipient("altro")))
        before = street.tasks()
        changed = recipient("altro", topic_prefix="altro/tema")
        street.made.reconcile(town(recipient(), changed, recipient("terzo")))
        after = street.tasks()
        assert after["istituto"] is before["istituto"]
        assert after["altro"] is not before["altro"]
        assert sorted(after) == ["altro", "istituto", "terzo"]
        await until(before["altro"].done, what="the old courier ended")
        assert {s.recipient for s in street.made.statuses()} == {"altro", "istituto", "terzo"}


async def test_a_recipient_that_is_gone_has_no_courier(tmp_path):
    """Nor has one without a broker: it reads this box's own console."""
    async with couriers(tmp_path) as street:
        street.made.reconcile(town(recipient()))
        (task,) = street.tasks().values()
        await until(lambda: street.dials, what="it dials")
        street.made.reconcile(town(recipient("sala", broker="")))
        await until(task.done, what="it ended")
        assert street.made.statuses() == ()
        assert street.made.problems == ()


async def test_an_unknown_broker_is_a_problem_that_people_see(tmp_path, caplog):
    """Named with recipient and broker, said once in the log, gone when it is mended."""
    async with couriers(tmp_path) as street:
        for _ in range(3):
            street.made.reconcile(town(recipient(), recipient("perso", broker="ignoto")))
        (problem,) = street.made.problems
        assert "perso" in problem
        assert "ignoto" in problem
        said = [r for r in caplog.records if r.message == "recipient-unreachable"]
        assert [r.levelno for r in said] == [logging.ERROR]
        street.made.reconcile(town(recipient(), recipient("perso")))
        assert street.made.problems == ()


async def test_an_unusable_topic_is_that_recipients_problem_alone(tmp_path):
    """The others get their alarms."""
    async with couriers(tmp_path) as street:
        street.made.reconcile(town(recipient("storto", topic_prefix="a/#"), recipient()))
        assert list(street.tasks()) == ["istituto"]
        assert "storto" in street.made.problems[0]


async def test_a_line_is_a_broker_of_its_own(tmp_path):
    """Named by its uplink; one that is not in the configuration is said in those words."""
    clock = SystemClock()
    pair = Pair()
    line = LineBroker("questura", pair.edge, pair.edge.is_up, clock)
    async with (
        open_outbox(tmp_path / "alarms.db", clock=clock) as outbox,
        asyncio.TaskGroup() as tasks,
    ):
        made = Couriers(outbox, {}, tasks, box="b", clock=clock, lines={"questura": line})
        broken = recipient("altra", broker="line:provincia")
        made.reconcile(town(recipient("sala", broker="line:questura"), broken))
        assert made.problems == ("recipient altra: there is no uplink provincia in gateway.toml",)
        await until(lambda: made.statuses()[0].online, what="it is on the line")
        pair.cut()
        await until(lambda: not made.statuses()[0].online, what="it noticed")
        made.reconcile(town())


async def test_a_line_is_no_broker_of_the_same_name(tmp_path):
    """Neither stands in for the other."""
    async with couriers(tmp_path) as street:
        street.made.reconcile(town(recipient(broker="line:prova")))
        assert "no uplink prova" in street.made.problems[0]
        assert street.tasks() == {}


async def test_a_standby_is_dialled_when_the_first_hangs_up(tmp_path):
    """People read both addresses; not before a minute, for it may be a restart."""
    async with couriers(tmp_path, standby=(("127.0.0.2", 9),)) as street:
        street.made.reconcile(town(recipient()))
        await until(lambda: street.made.statuses()[0].problem, what="both were tried")
        (status,) = street.made.statuses()
        assert "127.0.0.1:" in status.problem
        assert "broker prova (127.0.0.2:9)" in status.problem
        assert street.made.troubles() == ()
        clock = street.made._clock
        street.made._clock = replaced_time(clock, clock.monotonic_s() + 61)
        assert street.made.troubles() == (f"recipient istituto: {status.problem}",)
        street.made._clock = clock


def replaced_time(clock, time_s):
    later = type(clock)()
    later.monotonic_s = lambda: time_s
    return later


async def test_cameras_and_zones_that_left_are_no_longer_kept(tmp_path):
    """What comes back is kept again; what the registry never named always is."""
    async with couriers(tmp_path) as street:
        full = replace(town(recipient()), zones={"banco": None})
        street.made.reconcile(full)
        camera = next(iter(full.cameras))
        assert street.made._keeps(camera, "banco")
        street.made.reconcile(replace(full, cameras={}, zones={}))
        assert not street.made._keeps(camera, "")
        assert not street.made._keeps("x", "banco")
        assert street.made._keeps("mai-vista", "manomissione")
        street.made.reconcile(full)
        assert street.made._keeps(camera, "banco")
