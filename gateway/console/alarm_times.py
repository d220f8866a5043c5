# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How long alarms took from the picture to the operator, for those who answer for it (B-45)."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Query

from gateway.console.identity import TheActor, TheServices
from gateway.console.ledger import instant
from gateway.console.problem import ProblemError
from gateway.console.views import View, organisation_name
from gateway.console.words import Fault
from gateway.model.access import Actor
from gateway.model.alarm_times import Answers, Percentiles, RecipientTimes, TimesQuery
from gateway.model.registry import Registry, Role

_DAY_US = 86_400_000_000
_MOST_DAYS = 366
READERS = frozenset({Role.DPO})


class SecondsView(View):
    """Percentiles in seconds; all 0 where there were none."""

    count: int
    p50: float
    p90: float
    p95: float
    p99: float


class AnswersView(View):
    """How soon somebody answered what was delivered."""

    asked: int
    answered: int
    seconds: SecondsView
    within: dict[str, float]


class RecipientTimesView(View):
    """Figures of one recipient."""

    recipient: str
    recipient_name: str
    alarms: int
    delivered: int
    to_sent: SecondsView
    to_delivered: SecondsView
    holdups: AnswersView
    others: AnswersView
    to_verdict: SecondsView


class AlarmTimesView(View):
    """Figures of a period; no person and no single alarm is named."""

    alarms: int
    to_disk: SecondsView
    recipients: list[RecipientTimesView]
    truncated: bool


async def times(
    actor: TheActor,
    services: TheServices,
    from_: Annotated[str, Query(alias="from", max_length=40)],
    to: Annotated[str, Query(max_length=40)],
) -> AlarmTimesView:
    """Return the figures of a period: a room's own, or those of a controller's own cameras."""
    begin_us, end_us = period(from_, to)
    registry = services.registry()
    recipient, cameras = scope(actor, registry, READERS)
    query = TimesQuery(begin_us, end_us, recipient, cameras, services.box.exercise)
    found = await services.alarms.times(query)
    return AlarmTimesView(
        alarms=found.alarms,
        to_disk=_seconds(found.to_disk),
        recipients=[_recipient(one, registry) for one in found.recipients],
        truncated=found.truncated,
    )


def period(from_: str, to: str) -> tuple[int, int]:
    """Return begin and end in microseconds UTC; 422 unless they are a year apart at most."""
    begin_us, end_us = instant(from_), instant(to, end=True)
    if not 0 < end_us - begin_us <= (_MOST_DAYS + 1) * _DAY_US:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY, Fault.INVALID, "from, to: a year at most"
        )
    return begin_us, end_us


def scope(
    actor: Actor, registry: Registry, readers: frozenset[Role]
) -> tuple[str, tuple[str, ...] | None]:
    """Return whose alarms somebody may read figures of: a recipient's, or those of cameras.

    A supervisor those of the own room; `readers` those of the own organisation; others get 403.
    """
    if actor.role is Role.PS_SUPERVISOR:
        return actor.organisation, None
    if actor.role not in readers:
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.ROLE)
    if actor.organisation in registry.recipients:
        return actor.organisation, None
    own = sorted(
        one.id
        for one in registry.cameras.values()
        if registry.sites[one.site].controller == actor.organisation
    )
    return "", tuple(own)


def _recipient(one: RecipientTimes, registry: Registry) -> RecipientTimesView:
    return RecipientTimesView(
        recipient=one.recipient,
        recipient_name=organisation_name(registry, one.recipient),
        alarms=one.alarms,
        delivered=one.delivered,
        to_sent=_seconds(one.to_sent),
        to_delivered=_seconds(one.to_delivered),
        holdups=_answers(one.holdups),
        others=_answers(one.others),
        to_verdict=_seconds(one.to_verdict),
    )


def _answers(one: Answers) -> AnswersView:
    return AnswersView(
        asked=one.asked,
        answered=one.answered,
        seconds=_seconds(one.seconds),
        within={str(bound_s): round(share, 4) for bound_s, share in one.within},
    )


def _seconds(one: Percentiles) -> SecondsView:
    values = (round(value, 3) for value in (one.p50_s, one.p90_s, one.p95_s, one.p99_s))
    p50, p90, p95, p99 = values
    return SecondsView(count=one.count, p50=p50, p90=p90, p95=p95, p99=p99)
