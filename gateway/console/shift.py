# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The shift of whoever watches the wall: opened once on a service order, then no more questions."""

from http import HTTPStatus

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from gateway.console.identity import TheActor, TheServices
from gateway.console.problem import ProblemError, responses
from gateway.console.services import Services, Shifts
from gateway.console.views import iso
from gateway.console.visibility import purposes_of
from gateway.console.words import Fault
from gateway.model.access import Actor, Purpose


class ShiftBody(BaseModel):
    """A shift to be opened."""

    model_config = ConfigDict(extra="forbid")

    order: str = Field(min_length=1, max_length=100, description="Number of the service order.")
    hours: float = Field(8.0, gt=0, le=12, description="After which it ends by itself.")


class ShiftView(BaseModel):
    """The shift that is open, if any."""

    order: str = Field("", description="Empty: none is open.")
    until: str = Field("", description="RFC 3339, UTC.")


def _shifts(services: Services, actor: Actor) -> Shifts:
    if services.shifts is None:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, Fault.UNAVAILABLE)
    if Purpose.SERVICE not in purposes_of(actor.role, services.registry()):
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.ROLE)
    return services.shifts


async def open_shift(body: ShiftBody, actor: TheActor, services: TheServices) -> ShiftView:
    """Open a shift; the one that is open with the same order is returned as it is."""
    order = body.order.strip()
    if not order:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, Fault.INVALID, "order")
    shift = await _shifts(services, actor).open(actor, order, body.hours)
    if shift is None:
        raise ProblemError(HTTPStatus.CONFLICT, Fault.SHIFT_OPEN)
    return ShiftView(order=shift.order, until=iso(shift.until.utc_us))


async def current_shift(actor: TheActor, services: TheServices) -> ShiftView:
    """Return the shift of this sign-in."""
    shift = _shifts(services, actor).of(actor)
    if shift is None:
        return ShiftView(order="", until="")
    return ShiftView(order=shift.order, until=iso(shift.until.utc_us))


async def close_shift(actor: TheActor, services: TheServices) -> None:
    """End the shift: what was opened under it goes dark; harmless if none is open."""
    await _shifts(services, actor).close(actor)


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(tags=["shift"])
    refused = responses(401, 403, 503)
    router.add_api_route(
        "/api/shift",
        open_shift,
        methods=["POST"],
        responses=refused | responses(409, 422),
    )
    router.add_api_route("/api/shift", current_shift, methods=["GET"], responses=refused)
    router.add_api_route(
        "/api/shift",
        close_shift,
        methods=["DELETE"],
        status_code=HTTPStatus.NO_CONTENT,
        responses=refused,
    )
    return router
