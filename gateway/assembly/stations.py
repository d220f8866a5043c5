# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Couriers that are no MQTT ones: central stations (`dc09:`), web addresses (`webhook:`)."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from gateway.config.options import Dc09Options, Options
from gateway.config.secrets import resolve
from gateway.model.errors import ConfigError
from gateway.model.registry import Recipient
from gateway.model.room import DC09_BROKER, HOOK_BROKER
from gateway.relay.alarms.dc09 import Dc09Courier
from gateway.relay.alarms.dc09_line import Station, key_of
from gateway.relay.alarms.delivery import CourierStatus
from gateway.relay.alarms.outbox import Outbox
from gateway.relay.alarms.webhook import AlarmHook, HookCourier
from gateway.runtime.clock import Clock
from gateway.wire.dc09 import Sender, Token


class AnyCourier(Protocol):
    """What brings alarms to one recipient."""

    async def run(self) -> None:
        """Deliver until cancelled."""
        ...

    def status(self) -> CourierStatus:
        """Return a snapshot."""
        ...


MakeCourier = Callable[[Recipient, Outbox], AnyCourier]
"""ConfigError if the recipient asks for what such a courier cannot do."""


def makers_of(options: Options, where: str, clock: Clock) -> Mapping[str, MakeCourier]:
    """Return what makes couriers, by `Recipient.broker`; ConfigError for an unusable secret."""
    makers: dict[str, MakeCourier] = {}
    for one in options.stations:
        made = partial(_station_courier, _station(one, where), clock)
        makers[DC09_BROKER + one.name] = made
    for hook in options.webhooks:
        key = f"webhook[{hook.name}].secret"
        secret = resolve(hook.secret, where=where, key=key)
        target = AlarmHook(hook.name, hook.url, secret, hook.private, hook.ca)
        makers[HOOK_BROKER + hook.name] = partial(_hook_courier, target, options.box.id, clock)
    return makers


def _station_courier(
    station: Station, clock: Clock, recipient: Recipient, outbox: Outbox
) -> AnyCourier:
    return Dc09Courier(recipient, station, outbox, clock=clock)


def _hook_courier(
    hook: AlarmHook, box: str, clock: Clock, recipient: Recipient, outbox: Outbox
) -> AnyCourier:
    return HookCourier(recipient, hook, outbox, box=box, clock=clock)


def _station(one: Dc09Options, where: str) -> Station:
    key = aes_key(one.key, where, f"dc09[{one.name}].key") if one.key else None
    return Station(
        name=one.name,
        receivers=tuple(_place(text) for text in one.receivers),
        sender=Sender(one.account, one.line, one.receiver, key),
        token=Token(one.format.value),
        supervision_s=float(one.supervision_s),
        zones=dict(one.zones),
    )


def aes_key(reference: str, where: str, key: str) -> bytes:
    """Return the AES key behind a reference; ConfigError if there is none or it is none."""
    try:
        return key_of(resolve(reference, where=where, key=key))
    except ValueError as error:
        problem, _, advice = str(error).partition(": ")
        raise ConfigError(where, key, problem, advice) from None


def _place(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def words(broker: str) -> str:
    """Return what a person has to write for such a recipient; empty if it is none of ours."""
    for prefix, table in ((DC09_BROKER, "dc09"), (HOOK_BROKER, "webhook")):
        if broker.startswith(prefix):
            return f"{table} {broker.removeprefix(prefix)}"
    return ""
