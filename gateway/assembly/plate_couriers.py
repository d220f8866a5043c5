# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Plates that hit a list, on their way: one courier for each room with a broker or a line."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.assembly.plate_book import HitBook, Parcel
from gateway.assembly.plate_seal import Sealer, open_secret
from gateway.model.errors import ConfigError
from gateway.model.hit import RULE_HIT, HitState
from gateway.model.registry import Recipient, Registry
from gateway.model.room import LINE_BROKER
from gateway.relay.alarms.delivery import Broker
from gateway.relay.alarms.mqtt import BrokerOptions, MqttBroker
from gateway.relay.alarms.plate_courier import PlateCourier
from gateway.relay.alarms.standby import StandbyBroker
from gateway.runtime.clock import Clock
from gateway.wire.onvif_mqtt import PlateHit, PlateLabel, may_have_plates


class PlatePost:
    """The parcels of the book of hits, opened on their way out and nowhere before."""

    def __init__(self, book: HitBook, sealer: Sealer, box: str, clock: Clock) -> None:
        self._book = book
        self._sealer = sealer
        self._box = box
        self._clock = clock

    async def waiting(self, recipient: str) -> Sequence[PlateHit]:
        """Return what a recipient has not got: certain, or confirmed by a person, and no other."""
        return [self._open(one) for one in await self._book.waiting(recipient)]

    async def sent(self, hit: str, recipient: str) -> None:
        """Note that it has it."""
        await self._book.sent(hit, recipient, self._clock.now().utc_us)

    async def refused(self, hit: str, recipient: str, problem: str) -> None:
        """Note why it has not."""
        await self._book.refused(hit, recipient, problem)

    def _open(self, parcel: Parcel) -> PlateHit:
        hit, secret = parcel.hit, open_secret(self._sealer, parcel.secret, parcel.hit.id)
        return PlateHit(
            hit=hit.id,
            box=self._box,
            camera=hit.camera,
            rule=RULE_HIT,
            at_utc_us=hit.crossed_utc_us,
            likelihood=round(hit.likelihood, 4),
            plate=secret.text if hit.exact else secret.listed or secret.text,
            country=hit.country,
            label=PlateLabel.WANTED,
            plate_type=hit.plate_type,
            verified=hit.state is HitState.CONFIRMED,
        )


@dataclass(frozen=True, slots=True)
class Roads:
    """By what recipients are reached."""

    brokers: Mapping[str, BrokerOptions]
    lines: Mapping[str, Broker]
    """What stands for a broker on each uplink, by the uplink's name."""
    box: str


class PlateCouriers:
    """Starts and stops couriers as rooms come, change and go."""

    def __init__(
        self, post: PlatePost, roads: Roads, tasks: asyncio.TaskGroup, clock: Clock
    ) -> None:
        self._post = post
        self._roads = roads
        self._tasks = tasks
        self._clock = clock
        self._running: dict[str, tuple[Recipient, PlateCourier, Callable[[], object]]] = {}

    def reconcile(self, registry: Registry) -> None:
        """Follow the registry; a room that did not change is not disturbed."""
        rooms = {
            one.id: one
            for one in registry.recipients.values()
            if may_have_plates(one) and self._is_known(one.broker)
        }
        for name, (recipient, _, cancel) in list(self._running.items()):
            if rooms.get(name) != recipient:
                cancel()
                del self._running[name]
        for name, recipient in rooms.items():
            if name not in self._running:
                self._start(recipient)

    def _start(self, recipient: Recipient) -> None:
        try:
            courier = PlateCourier(
                recipient, self._broker(recipient.broker), self._post,
                box=self._roads.box, clock=self._clock,
            )  # fmt: skip
        except ConfigError:
            return  # the courier of its alarms says what is wrong with it
        task = self._tasks.create_task(courier.run(), name=f"plates:{recipient.id}")
        self._running[recipient.id] = (recipient, courier, task.cancel)

    def _is_known(self, broker: str) -> bool:
        name = broker.removeprefix(LINE_BROKER)
        return bool(broker) and name in (
            self._roads.brokers if name == broker else self._roads.lines
        )

    def _broker(self, name: str) -> Broker:
        line = name.removeprefix(LINE_BROKER)
        if line != name:
            return self._roads.lines[line]
        options = self._roads.brokers[name]
        first = MqttBroker(options)
        if not options.standby:
            return first
        others = [
            MqttBroker(replace(options, host=host, port=port)) for host, port in options.standby
        ]
        return StandbyBroker([first, *others], self._clock)

    def ring(self) -> None:
        """Say that there may be something to bring; never waits."""
        for _, courier, _ in self._running.values():
            courier.ring()

    @property
    def problems(self) -> tuple[str, ...]:
        """Return one line for each room that does not take plates."""
        return tuple(
            f"recipient {name}: plates: {courier.problem}"
            for name, (_, courier, _) in self._running.items()
            if courier.problem
        )
