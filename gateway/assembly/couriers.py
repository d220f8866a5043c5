# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One courier per recipient with a broker, kept equal to the registry."""

import asyncio
import logging
from collections.abc import Mapping

from gateway.model.errors import ConfigError
from gateway.model.registry import Recipient, Registry
from gateway.model.room import LINE_BROKER
from gateway.relay.alarms.delivery import Broker, Courier, CourierStatus, Pace
from gateway.relay.alarms.mqtt import BrokerOptions, MqttBroker
from gateway.relay.alarms.outbox import Outbox
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
        self._running: dict[str, tuple[Recipient, Courier, asyncio.Task[None]]] = {}
        self.problems: tuple[str, ...] = ()
        """One line for each recipient that no alarm can reach until a person acts."""

    def reconcile(self, registry: Registry) -> None:
        """Follow the registry; a recipient that did not change is not disturbed."""
        wanted = {r.id: r for r in registry.recipients.values() if self._is_known(r.broker)}
        problems = [
            f"recipient {r.id}: there is no {_words(r.broker)} in gateway.toml"
            for r in registry.recipients.values()
            if r.broker and not self._is_known(r.broker)
        ]
        for name, (recipient, _, task) in list(self._running.items()):
            if wanted.get(name) != recipient:
                task.cancel()
                del self._running[name]
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

    def _is_known(self, broker: str) -> bool:
        name = broker.removeprefix(LINE_BROKER)
        return name in (self._brokers if name == broker else self._lines)

    def _start(self, recipient: Recipient) -> None:
        name = recipient.broker.removeprefix(LINE_BROKER)
        broker: Broker
        if name == recipient.broker:
            broker, pace = MqttBroker(self._brokers[name]), None
        else:
            broker, pace = self._lines[name], LINE_PACE
        courier = Courier(
            recipient, broker, self._outbox, box=self._box, clock=self._clock, pace=pace
        )
        task = self._tasks.create_task(courier.run(), name=f"courier:{recipient.id}")
        self._running[recipient.id] = (recipient, courier, task)

    def statuses(self) -> tuple[CourierStatus, ...]:
        """Return the state of every line."""
        return tuple(courier.status() for _, courier, _ in self._running.values())


def _words(broker: str) -> str:
    """Return what a person has to write for a recipient's broker."""
    name = broker.removeprefix(LINE_BROKER)
    return f"broker {name}" if name == broker else f"uplink {name}"
