# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Why somebody may look at a camera, or not: every question of the policy with its answer."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from gateway.console.identity import TheActor, TheAdministrator, TheServices
from gateway.console.looking import TheReasons, Why
from gateway.console.problem import ProblemError, responses
from gateway.console.services import Services
from gateway.console.views import iso
from gateway.console.words import Fault
from gateway.model.access import AccessRequest, Action, Actor
from gateway.model.room import MOST_CAMERA_CHARS

CameraId = Annotated[str, Path(max_length=MOST_CAMERA_CHARS)]
TheAction = Annotated[Action, Query(description="What would be asked for.")]


class StepView(BaseModel):
    """One question and its answer."""

    question: str
    answer: str = Field(description="yes, or the code of the refusal.")
    ok: bool
    text_it: str
    text_en: str


class WhyView(BaseModel):
    """What the gate would answer, and why; nothing was opened or written."""

    allowed: bool
    steps: list[StepView]
    refusal: str = Field(description="Code of the refusal; empty if it is allowed.")
    act: str = Field(description="Act on which it would rest; empty if none is needed.")
    flags: list[str]
    expires: str = Field(description="RFC 3339, UTC; empty if it is refused.")
    policy_version: int


async def why(
    camera: CameraId,
    reasons: TheReasons,
    actor: TheActor,
    services: TheServices,
    action: TheAction = Action.LIVE,
) -> WhyView:
    """Explain one's own rights at a camera that one may know; 404 for any other."""
    if services.rights is None or not services.rights.knows(actor, camera):
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    return explained(services, actor, action, camera, reasons)


async def explain_for(
    user: Annotated[str, Query(max_length=64, description="Id in the registry.")],
    camera: Annotated[str, Query(max_length=MOST_CAMERA_CHARS)],
    reasons: TheReasons,
    _by: TheAdministrator,
    services: TheServices,
    action: TheAction = Action.LIVE,
) -> WhyView:
    """Explain a registry user's rights to a local administrator; no picture, no entry."""
    known = services.registry().users.get(user)
    if known is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND, f"user {user}")
    actor = Actor(known.id, known.name, known.role, known.organisation, "", "password")
    return explained(services, actor, action, camera, reasons)


def explained(
    services: Services, actor: Actor, action: Action, camera: str, reasons: Why
) -> WhyView:
    """Return what the policy says of a request."""
    if services.rights is None:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, Fault.UNAVAILABLE)
    request = AccessRequest(
        actor, action, camera, reasons.purpose, reasons.case, reasons.reason, reasons.break_glass
    )
    told = services.rights.explain(request)
    verdict = told.verdict
    return WhyView(
        allowed=verdict.allowed,
        steps=[
            StepView(
                question=one.question,
                answer=one.answer,
                ok=one.ok,
                text_it=one.text_it,
                text_en=one.text_en,
            )
            for one in told.steps
        ],
        refusal=verdict.refusal.value if verdict.refusal else "",
        act=verdict.act,
        flags=list(verdict.flags),
        expires=iso(verdict.expires.utc_us) if verdict.expires else "",
        policy_version=verdict.registry_version,
    )


def routes() -> APIRouter:
    """Return the routes for browsers."""
    router = APIRouter(tags=["cameras"])
    router.add_api_route(
        "/api/cameras/{camera}/why", why, methods=["GET"], responses=responses(401, 404, 422)
    )
    return router


def control_routes() -> APIRouter:
    """Return the routes of the control socket."""
    router = APIRouter(prefix="/control", tags=["control"])
    router.add_api_route(
        "/policy/explain", explain_for, methods=["GET"], responses=responses(403, 404, 422, 503)
    )
    return router
