# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Topics of a shop's own broker that set hold-up channels off (A-13).

A publisher must not retain what it sends. What a broker kept is no press: it would press again at
each new subscription, after a restart or an absence longer than the session.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final

from gateway.model.errors import ConfigError, PeerError
from gateway.model.registry import Holdup, Registry
from gateway.relay.alarms.delivery import Broker
from gateway.relay.alarms.mqtt import BrokerOptions, MqttBroker
from gateway.runtime.clock import Clock
from gateway.runtime.supervise import Policy, supervise
from gateway.runtime.tally import Tally
from gateway.wire.mqtt_reasons import FAILURE, words
from gateway.wire.onvif_mqtt import Received

log = logging.getLogger(__name__)

REDIAL: Final = Policy(first_s=0.5, most_s=10.0)
MOST_TAKEN: Final = 64
OFF: Final = frozenset({b"", b"0", b"off", b"false"})
"""Payloads that say that a button was let go; anything else is a press."""

Heard = Callable[[str, str], Awaitable[None]]
"""Takes a channel and its topic."""


class HoldupTopics:
    """One subscription for each channel with a topic, kept equal to the registry."""

    def __init__(
        self,
        brokers: Mapping[str, BrokerOptions],
        heard: Heard,
        tasks: asyncio.TaskGroup,
        clock: Clock,
        dial: Callable[[BrokerOptions], Broker] = MqttBroker,
    ) -> None:
        self._brokers = brokers
        self._heard = heard
        self._tasks = tasks
        self._clock = clock
        self._dial = dial
        self.tally = Tally(log, clock)
        self._running: dict[str, tuple[Holdup, asyncio.Task[None]]] = {}
        self._states: dict[str, str] = {}
        """Why a subscription does not stand, by channel."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what a person has to correct, one line each."""
        return tuple(f"hold-up {id_}: {why}" for id_, why in sorted(self._states.items()) if why)

    def reconcile(self, registry: Registry) -> None:
        """Follow the registry; a channel that did not change is not disturbed."""
        wanted = {one.id: one for one in registry.holdups.values() if one.broker}
        for name, (holdup, task) in tuple(self._running.items()):
            if wanted.get(name) != holdup:
                task.cancel()
                del self._running[name]
                self._states.pop(name, None)
        for name, holdup in wanted.items():
            if name in self._running:
                continue
            options = self._brokers.get(holdup.broker)
            if options is None:
                self._states[name] = f"there is no broker {holdup.broker} in gateway.toml"
                continue
            try:
                broker = self._dial(options)
            except ConfigError as error:
                self._states[name] = str(error)
                continue
            task = self._tasks.create_task(self._run(holdup, broker), name=f"holdup:{name}")
            self._running[name] = holdup, task

    async def _run(self, holdup: Holdup, broker: Broker) -> None:
        """Keep a subscription, for ever; a broken one is dialled again."""
        await supervise(
            f"holdup:{holdup.id}",
            partial(self._listen, holdup, broker),
            policy=REDIAL,
            clock=self._clock,
        )

    async def _listen(self, holdup: Holdup, broker: Broker) -> None:
        try:
            async with broker.connect(f"holdup-{holdup.id}", will=None) as line:
                _insist(holdup, await line.subscribe(holdup.topic))
                self._states[holdup.id] = ""
                while True:
                    await self._take(holdup, await line.receive(MOST_TAKEN))
        except PeerError as error:
            self._states[holdup.id] = str(error)
            raise

    async def _take(self, holdup: Holdup, messages: Sequence[Received]) -> None:
        """Take what came together as one press; what the broker had kept is said, and is none."""
        fresh = [one for one in messages if not one.retain]
        if len(fresh) < len(messages):
            self.tally.note("holdup-retained", holdup=holdup.id, topic=holdup.topic)
        if any(one.payload.strip().lower() not in OFF for one in fresh):
            await self._heard(holdup.id, holdup.topic)


def _insist(holdup: Holdup, code: int) -> None:
    """Raise PeerError if a broker refuses the subscription."""
    if code >= FAILURE:
        raise PeerError(f"broker {holdup.broker}, {holdup.topic}: {words(code)}")
