# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How right each rule is, by the verdicts of those who answered; no person, no single alarm."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from gateway.console.alarm_times import period, scope
from gateway.console.identity import TheActor, TheServices
from gateway.console.problem import responses
from gateway.console.views import View, camera_name
from gateway.model.feedback import FeedbackQuery, RuleVerdicts, precision, suggestions
from gateway.model.registry import Registry, Role

READERS = frozenset({Role.DPO, Role.OWNER})


class PrecisionView(View):
    """Share of the judged alarms that were right; `least` and `most` hold in 95 of 100 cases."""

    judged: int
    share: float
    least: float
    most: float


class WeekView(View):
    """What was said of one week's alarms."""

    monday: str = Field(description="Its first day in Europe/Rome.")
    confirmed: int
    false: int
    unjudged: int
    precision: PrecisionView | None


class SuggestionView(View):
    """What people may do; nothing does it by itself."""

    advice: str
    key: str = Field(description="Of the zone in the registry; empty: it is about none.")
    now: str
    proposed: str


class RuleFeedbackView(View):
    """One rule of one camera's zone."""

    rule: str
    camera: str
    camera_name: str
    zone: str
    zone_name: str
    confirmed: int
    false: int
    unjudged: int
    precision: PrecisionView | None
    weeks: list[WeekView]
    false_hours: list[int] = Field(description="False ones by hour of the day, Europe/Rome.")
    suggestions: list[SuggestionView]


class FeedbackView(View):
    """What was said in a period, the rule with most false alarms first."""

    rules: list[RuleFeedbackView]
    truncated: bool


async def feedback(
    actor: TheActor,
    services: TheServices,
    from_: Annotated[str, Query(alias="from", max_length=40)],
    to: Annotated[str, Query(max_length=40)],
) -> FeedbackView:
    """Return how right rules were: of a room's own alarms, or of one's own cameras."""
    begin_us, end_us = period(from_, to)
    registry = services.registry()
    recipient, cameras = scope(actor, registry, READERS)
    query = FeedbackQuery(begin_us, end_us, recipient, cameras, services.box.exercise)
    found = await services.alarms.verdicts(query)
    return FeedbackView(
        rules=[_rule(one, registry) for one in found.rules], truncated=found.truncated
    )


def _rule(one: RuleVerdicts, registry: Registry) -> RuleFeedbackView:
    zone = registry.zones.get(one.zone)
    named = zone or registry.triggers.get(one.zone)
    return RuleFeedbackView(
        rule=one.rule,
        camera=one.camera,
        camera_name=camera_name(one.camera, registry),
        zone=one.zone,
        zone_name=named.name if named else one.zone,
        confirmed=one.confirmed,
        false=one.false,
        unjudged=one.unjudged,
        precision=_precision(one.confirmed, one.false),
        weeks=[
            WeekView(
                monday=week.monday.isoformat(),
                confirmed=week.confirmed,
                false=week.false,
                unjudged=week.unjudged,
                precision=_precision(week.confirmed, week.false),
            )
            for week in one.weeks
        ],
        false_hours=list(one.false_hours),
        suggestions=[
            SuggestionView(
                advice=told.advice.value, key=told.key, now=told.now, proposed=told.proposed
            )
            for told in suggestions(one, zone)
        ],
    )


def _precision(confirmed: int, false: int) -> PrecisionView | None:
    known = precision(confirmed, false)
    if known is None:
        return None
    share, least, most = (round(value, 4) for value in (known.share, known.least, known.most))
    return PrecisionView(judged=known.judged, share=share, least=least, most=most)


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(tags=["alarms"])
    router.add_api_route(
        "/api/rules/feedback", feedback, methods=["GET"], responses=responses(401, 403, 422)
    )
    return router
