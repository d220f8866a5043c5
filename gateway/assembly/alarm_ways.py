# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which way a new alarm takes: who hears at once, who later, and whose incident it may be."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.config.options import AlarmOptions
from gateway.model.alarm import Alarm
from gateway.model.registry import Recipient, Registry
from gateway.relay.alarms.book_rows import Stage
from gateway.relay.alarms.escalation import policy_for, stages
from gateway.relay.alarms.groups import near_cameras
from gateway.relay.alarms.outbox import Bounds


def alarm_bounds(options: AlarmOptions) -> Bounds:
    """Return how much the book of alarms keeps, as the configuration says."""
    return Bounds(
        keep_s=options.keep_days * 86_400.0,
        most=options.most,
        ballast_bytes=options.ballast_mib << 20,
    )


@dataclass(frozen=True, slots=True)
class Way:
    """What `Outbox.raise_alarm` wants to know besides the alarm."""

    recipients: tuple[Recipient, ...]
    plan: tuple[Stage, ...]
    near: frozenset[str]


def way_of(alarm: Alarm, hearing: Sequence[Recipient], registry: Registry) -> Way:
    """Return the way of an alarm that `hearing` may hear of: the act's recipients, no others."""
    policy = policy_for(alarm.camera, alarm.severity, tuple(registry.escalations.values()))
    at_once, later = stages([one.id for one in hearing], policy)
    return Way(
        tuple(one for one in hearing if one.id in at_once),
        later,
        near_cameras(alarm.camera, registry),
    )
