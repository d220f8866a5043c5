# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One courier per recipient with a broker, kept equal to the registry."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace

from gateway.assembly import stations
from gateway.assembly.stations import AnyCourier, MakeCourier
from gateway.model.errors import ConfigError
from gateway.model.registry import Recipient, Registry
from gateway.model.room import LINE_BROKER
from gateway.relay.alarms.delivery import Broker, Courier, CourierStatus, Pace
from gateway.relay.alarms.mqtt import BrokerOptions, MqttBroker
from gateway.relay.alarms.outbox import Outbox
from gateway.relay.alarms.standby import StandbyBroker
from gateway.runtime.clock import Clock
from gateway.runtime.supervise import Policy

log = logging.getLogger(__name__)

LINE_PACE = Pace(
    window=32,
    probes=8,
    first_s=1.0,
    most_s=10.0,
    refused_first_s=30.0,
    redial=Policy(first_s=0.1, most_s=0.5),
)
"""On a line the answer is the room's own commit, and a thin one is not to be filled; that it
stands again is waited for without dialling."""

ABSENT_S = 60.0
"""A broker that is away for so long is told to people; alarms wait meanwhile."""


class Couriers:
    """Starts, replaces and stops couriers as recipients come, change and go."""

    def __init__(
        self,
        outbox: Outbox,
        brokers: Mapping[str, BrokerOptions],
        tasks: asyncio.TaskGroup,
        *,
        box: str,
        clock: Clock,
        lines: Mapping[str, Broker] | None = None,
    ) -> None:
        """`lines`: what stands for a broker on each uplink, by the uplink's name."""
        self._lines = lines or {}
        self._outbox = outbox
        self._brokers = brokers
        self._tasks = tasks
        self._box = box
        self._clock = clock
        self.makers: Mapping[str, MakeCourier] = {}
        """What makes couriers of other kinds, by `Recipient.broker`; set before `reconcile`."""
        self._running: dict[str, tuple[Recipient, AnyCourier, asyncio.Task[None]]] = {}
        self._standbys: dict[str, StandbyBroker] = {}
        self._present: frozenset[str] = frozenset()
        self._gone: frozenset[str] = frozenset()
        self.problems: tuple[str, ...] = ()
        """One line for each recipient that no alarm can reach until a person acts."""

    def reconcile(self, registry: Registry) -> None:
        """Follow the registry; a recipient that did not change is not disturbed."""
        self._outbox.know(registry.recipients.keys())
        wanted = {r.id: r for r in registry.recipients.values() if self._is_known(r.broker)}
        problems = [
            f"recipient {r.id}: there is no {_words(r.broker)} in gateway.toml"
            for r in registry.recipients.values()
            if r.broker and not self._is_known(r.broker)
        ]
        self._look_for_gone(registry)
        for name, (recipient, courier, task) in list(self._running.items()):
            if wanted.get(name) != recipient:
                task.cancel()
                del self._running[name]
                self._standbys.pop(name, None)
                if recipient.broker in self._brokers and isinstance(courier, Courier):
                    self._tasks.create_task(_part(task, courier), name=f"farewell:{name}")
            elif isinstance(courier, Courier):
                courier.forget(self._keeps)
        for name, recipient in wanted.items():
            if name not in self._running:
                try:
                    self._start(recipient)
                except ConfigError as error:
                    problems.append(f"recipient {name}: {error}")
        for problem in problems:
            if problem not in self.problems:
                log.error("recipient-unreachable", extra={"problem": problem})
        self.problems = tuple(sorted(problems))

    def _look_for_gone(self, registry: Registry) -> None:
        """Note the cameras and zones that left the registry while we ran."""
        present = frozenset({*registry.cameras, *registry.zones})
        self._gone = (self._gone | self._present) - present
        self._present = present

    def _keeps(self, camera: str, zone: str) -> bool:
        """Return whether a zone's state is still to be had; what the registry never named is."""
        return camera not in self._gone and zone not in self._gone

    def _is_known(self, broker: str) -> bool:
        if broker in self.makers:
            return True
        name = broker.removeprefix(LINE_BROKER)
        return name in (self._brokers if name == broker else self._lines)

    def _start(self, recipient: Recipient) -> None:
        courier = self._courier(recipient)
        task = self._tasks.create_task(courier.run(), name=f"courier:{recipient.id}")
        self._running[recipient.id] = (recipient, courier, task)

    def _courier(self, recipient: Recipient) -> AnyCourier:
        """Return a courier for a recipient; ConfigError if it cannot be one of its kind."""
        if (make := self.makers.get(recipient.broker)) is not None:
            return make(recipient, self._outbox)
        name = recipient.broker.removeprefix(LINE_BROKER)
        broker: Broker
        if name == recipient.broker:
            broker, pace = self._mqtt(recipient.id, self._brokers[name]), None
        else:
            broker, pace = self._lines[name], LINE_PACE
        courier = Courier(
            recipient, broker, self._outbox, box=self._box, clock=self._clock, pace=pace
        )
        courier.forget(self._keeps)
        return courier

    def _mqtt(self, recipient: str, options: BrokerOptions) -> Broker:
        """Return the broker of the configuration, or all of them, the first one first."""
        first = MqttBroker(options)
        if not options.standby:
            return first
        others = [
            MqttBroker(replace(options, host=host, port=port)) for host, port in options.standby
        ]
        self._standbys[recipient] = StandbyBroker([first, *others], self._clock)
        return self._standbys[recipient]

    def statuses(self) -> tuple[CourierStatus, ...]:
        """Return the state of every line."""
        return tuple(self._status(name, one) for name, (_, one, _) in self._running.items())

    def _status(self, name: str, courier: AnyCourier) -> CourierStatus:
        status = courier.status()
        standby = self._standbys.get(name)
        return replace(status, problem=status.problem or (standby.problem if standby else ""))

    def troubles(self) -> tuple[str, ...]:
        """Return one line for each recipient whose broker refuses, is not the first, or is away.

        An absence is told once it lasts.
        """
        now_s = self._clock.monotonic_s()
        return tuple(
            f"recipient {one.recipient}: {one.problem}"
            for one in self.statuses()
            if one.problem and (one.online or now_s - one.since.monotonic_s >= ABSENT_S)
        )


async def _part(task: asyncio.Task[None], courier: Courier) -> None:
    """Wait until a courier has hung up, then let it empty what it left at the broker."""
    await asyncio.wait([task])
    await courier.farewell()


def _words(broker: str) -> str:
    """Return what a person has to write for a recipient's broker."""
    if other := stations.words(broker):
        return other
    name = broker.removeprefix(LINE_BROKER)
    return f"broker {name}" if name == broker else f"uplink {name}"
