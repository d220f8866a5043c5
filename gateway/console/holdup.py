# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Hold-up buttons: one address that answers everybody alike, and what commands ask about it."""

from datetime import UTC, date, datetime, time
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from gateway.console.identity import TheAdministrator, TheServices, source_ip
from gateway.console.problem import ProblemError, responses
from gateway.console.services import HoldupChannels, HoldupReport, Services
from gateway.console.views import Body, View, iso
from gateway.console.words import Fault

ANSWER_S: Final = 0.25
"""Every answer is given so long after the question: nobody reads off it what it did."""
MOST_TOKEN: Final = 128
_DAY_US: Final = 86_400_000_000

HoldupId = Annotated[str, Path(max_length=64)]
DeviceName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w .-]+$")]


class TokenBody(Body):
    """Which device."""

    device: DeviceName = "pulsante"
    revoke: bool = False


class TokenView(View):
    """A token, shown this once."""

    holdup: str
    device: str
    token: str = Field(description="Empty: it was taken back.")


class TestView(View):
    """A test that was set off."""

    alarm: str
    raised: str


class ChannelView(View):
    """One channel."""

    id: str
    name: str
    site: str
    devices: list[str]


class ChannelFiguresView(View):
    """One channel in a report."""

    id: str
    name: str
    site: str
    triggers: int
    presses: int
    tests: int
    undelivered: int


class CaseView(View):
    """One alarm in a report."""

    alarm: str
    holdup: str
    raised: str
    exercise: bool
    sources: list[str]
    verification: str
    verification_s: float
    rooms_s: float = Field(description="From the press to whoever was called first; 0: nobody.")
    verdict: str


class HoldupReportView(View):
    """A period (B-27)."""

    since: str
    until: str
    channels: list[ChannelFiguresView]
    cases: list[CaseView]
    count: int = Field(description="Alarms and tests that arrived.")
    p50_s: float
    p95_s: float
    in_time: bool = Field(description="The 95th percentile is 2 s or less.")


async def press(holdup_id: str, request: Request, services: TheServices) -> Response:
    """Set a hold-up channel off with a device's bearer token.

    202 after a fixed time, whatever came of it: who stands beside the button learns nothing. A
    press that counts is on disk by then; only a disk that takes none keeps the answer back.
    """
    begun_s = services.clock.monotonic_s()
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if services.holdups is not None:
        given = token.strip()[:MOST_TOKEN] if scheme.lower() == "bearer" else ""
        await services.holdups.press(holdup_id[:64], given, source_ip(request))
    await services.clock.sleep(max(0.0, begun_s + ANSWER_S - services.clock.monotonic_s()))
    return Response(status_code=HTTPStatus.ACCEPTED, headers={"Cache-Control": "no-store"})


def routes() -> APIRouter:
    """Return the route of the buttons."""
    router = APIRouter(tags=["holdup"])
    router.add_api_route(
        "/api/holdup/{holdup_id}",
        press,
        methods=["POST"],
        status_code=HTTPStatus.ACCEPTED,
        response_class=Response,
    )
    return router


# what commands ask ------------------------------------------------------------------------------


def _channels(services: Services) -> HoldupChannels:
    if services.holdups is None:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, Fault.UNAVAILABLE)
    return services.holdups


async def channels(_by: TheAdministrator, services: TheServices) -> list[ChannelView]:
    """Return the channels and the devices that hold a token."""
    desk, registry = _channels(services), services.registry()
    return [
        ChannelView(id=one.id, name=one.name, site=one.site, devices=list(desk.devices(one.id)))
        for _, one in sorted(registry.holdups.items())
    ]


async def token(
    holdup_id: HoldupId, body: TokenBody, by: TheAdministrator, services: TheServices
) -> TokenView:
    """Give a device a token, in place of the one it had, or take it back."""
    desk = _channels(services)
    made: str | None = ""
    if not body.revoke:
        made = await desk.make_token(holdup_id, body.device, by)
    elif not await desk.revoke_token(holdup_id, body.device, by):
        made = None
    if made is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    return TokenView(holdup=holdup_id, device=body.device, token=made)


async def test(holdup_id: HoldupId, by: TheAdministrator, services: TheServices) -> TestView:
    """Set a channel off as an exercise, marked as one everywhere."""
    record = await _channels(services).test(holdup_id, by)
    if record is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    return TestView(alarm=record.alarm.id, raised=iso(record.alarm.raised.utc_us))


async def report(
    _by: TheAdministrator,
    services: TheServices,
    since: Annotated[date, Query(alias="from", description="First day, UTC.")],
    until: Annotated[date, Query(alias="to", description="Last day, UTC.")],
) -> HoldupReportView:
    """Return what the channels did in a period."""
    first_us, last_us = _utc_us(since), _utc_us(until) + _DAY_US
    return _report(await _channels(services).report(first_us, last_us))


def _utc_us(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp()) * 1_000_000


def _report(made: HoldupReport) -> HoldupReportView:
    return HoldupReportView(
        since=iso(made.from_utc_us),
        until=iso(made.to_utc_us),
        channels=[
            ChannelFiguresView(
                id=one.holdup, name=one.name, site=one.site, triggers=one.triggers,
                presses=one.presses, tests=one.tests, undelivered=one.undelivered,
            )
            for one in made.channels
        ],
        cases=[
            CaseView(
                alarm=one.alarm, holdup=one.holdup, raised=iso(one.raised_utc_us),
                exercise=one.exercise, sources=[each.value for each in one.sources],
                verification=one.verification.value,
                verification_s=round(one.verification_s, 3), rooms_s=round(one.rooms_s, 3),
                verdict=one.verdict.value,
            )
            for one in made.cases
        ],
        count=made.to_room.count,
        p50_s=round(made.to_room.p50_s, 3),
        p95_s=round(made.to_room.p95_s, 3),
        in_time=made.in_time,
    )  # fmt: skip


def control_routes() -> APIRouter:
    """Return the routes of the control socket."""
    router = APIRouter(prefix="/control/holdup", tags=["holdup"])
    refused = responses(403, 503)
    router.add_api_route("", channels, methods=["GET"], responses=refused)
    router.add_api_route("/report", report, methods=["GET"], responses=refused | responses(422))
    missing = refused | responses(404, 422)
    router.add_api_route("/{holdup_id}/token", token, methods=["POST"], responses=missing)
    router.add_api_route("/{holdup_id}/test", test, methods=["POST"], responses=missing)
    return router
