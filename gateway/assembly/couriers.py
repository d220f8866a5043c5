# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One courier per recipient with a broker, kept equal to the registry."""

import asyncio
import logging
from collections.abc import Mapping

from gateway.model.errors import ConfigError
from gateway.model.registry import Recipient, Registry
from gateway.relay.alarms.delivery import Courier, CourierStatus
from gateway.relay.alarms.mqtt import BrokerOptions, MqttBroker
from gateway.relay.alarms.outbox import Outbox
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)


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
    ) -> None:
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
        wanted = {r.id: r for r in registry.recipients.values() if r.broker in self._brokers}
        problems = [
            f"recipient {r.id}: there is no broker {r.broker} in gateway.toml"
            for r in registry.recipients.values()
            if r.broker and r.broker not in self._brokers
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

    def _start(self, recipient: Recipient) -> None:
        broker = MqttBroker(self._brokers[recipient.broker])
        courier = Courier(recipient, broker, self._outbox, box=self._box, clock=self._clock)
        task = self._tasks.create_task(courier.run(), name=f"courier:{recipient.id}")
        self._running[recipient.id] = (recipient, courier, task)

    def statuses(self) -> tuple[CourierStatus, ...]:
        """Return the state of every line."""
        return tuple(courier.status() for _, courier, _ in self._running.values())
