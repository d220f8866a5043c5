# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Four eyes: one asks for a code, a colleague confirms it, then the request is repeated with it."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from gateway.console.identity import TheActor, TheServices
from gateway.console.problem import ProblemError, responses
from gateway.console.services import Seconds, Services
from gateway.console.views import iso
from gateway.console.words import Fault
from gateway.model.access import AccessRequest, Action, Purpose
from gateway.model.room import MOST_CAMERA_CHARS

TheCode = Annotated[str, Path(max_length=16)]


class WishBody(BaseModel):
    """What a second person has to agree to."""

    model_config = ConfigDict(extra="forbid")

    camera: str = Field(max_length=MOST_CAMERA_CHARS)
    action: Action = Action.LIVE
    purpose: Purpose
    case: str = Field("", max_length=100)
    reason: str = Field("", max_length=200)
    break_glass: bool = False


class SecondBody(BaseModel):
    """A request for a code."""

    model_config = ConfigDict(extra="forbid")

    request: WishBody


class CodeView(BaseModel):
    """A code for a colleague."""

    code: str
    expires: str = Field(description="RFC 3339, UTC; five minutes from now.")


class SecondView(BaseModel):
    """What a colleague is asked to agree to."""

    asker: str
    camera: str
    action: str
    purpose: str
    case: str
    reason: str


def _seconds(services: Services) -> Seconds:
    if services.seconds is None:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, Fault.UNAVAILABLE)
    return services.seconds


async def ask(body: SecondBody, actor: TheActor, services: TheServices) -> CodeView:
    """Return a code that a colleague of the same organisation has to confirm; opens nothing."""
    wish = body.request
    request = AccessRequest(
        actor,
        wish.action,
        wish.camera,
        wish.purpose,
        wish.case.strip(),
        wish.reason.strip(),
        wish.break_glass,
    )
    made = _seconds(services).ask(request)
    return CodeView(code=made.code, expires=iso(made.expires.utc_us))


async def about(code: TheCode, actor: TheActor, services: TheServices) -> SecondView:
    """Return what a code is about; 404 unless this colleague may confirm it."""
    request = _seconds(services).about(code, actor)
    if request is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.SECOND)
    return SecondView(
        asker=request.actor.name,
        camera=request.camera,
        action=request.action.value,
        purpose=request.purpose.value if request.purpose else "",
        case=request.case,
        reason=request.reason,
    )


async def agree(code: TheCode, actor: TheActor, services: TheServices) -> None:
    """Agree to a colleague's request; 404 unless this person may."""
    if not _seconds(services).agree(code, actor):
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.SECOND)


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(tags=["second"])
    refused = responses(401, 404, 422, 503)
    router.add_api_route(
        "/api/second", ask, methods=["POST"], status_code=HTTPStatus.CREATED, responses=refused
    )
    router.add_api_route("/api/second/{code}", about, methods=["GET"], responses=refused)
    router.add_api_route(
        "/api/second/{code}",
        agree,
        methods=["POST"],
        status_code=HTTPStatus.NO_CONTENT,
        responses=refused,
    )
    return router
