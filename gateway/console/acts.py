# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Acts on which sharing rests, their extensions, and changes that wait for two people (A-18)."""

from datetime import date
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from gateway.console.identity import (
    Signed,
    TheActor,
    TheAdministrator,
    ThePerson,
    TheServices,
    signed_in,
)
from gateway.console.problem import ProblemError, responses
from gateway.console.services import Acts, Services
from gateway.console.views import iso, organisation_name
from gateway.console.words import Fault
from gateway.model.access import Actor

Id = Annotated[str, Path(max_length=64)]
_SHA256 = r"^(?:[0-9a-f]{64})?$"


class _View(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ExtensionView(_View):
    """A *proroga*."""

    until: date
    by: str = Field(description="Account of the person who entered it.")
    entered: date
    reason: str


class ScopeView(_View):
    """What an act allows, as far as the reader may know."""

    cameras: list[str]
    recipients: list[str]
    analytics: list[str]
    disclosure: str


class ActView(_View):
    """One act today."""

    id: str
    kind: str
    title: str
    number: str
    parties: list[str]
    valid_from: date
    valid_until: date
    last_day: date = Field(description="With its extensions; ends at 24:00 Europe/Rome.")
    state: str = Field(description="in-vigore, in-scadenza, scaduto, futuro or prorogato.")
    days_left: int = Field(description="Days after today; negative once it is over.")
    dpia: str
    dpia_date: str
    dpia_stale: str = Field(description="Why the assessment is out of date; empty if it is not.")
    document_sha256: str
    extensions: list[ExtensionView]
    scopes: list[ScopeView]


class ActWarningView(_View):
    """An act that ends soon, or has ended (level 0)."""

    act: str
    days_left: int
    level: int


class ResolutionView(_View):
    """Whether a recipient gets something of a camera now, and on which act, or why not."""

    camera: str
    analytic: str = Field(description="`live`, or an analytic.")
    recipient: str
    on: bool
    act: str
    reason_it: str
    reason_en: str


class ActsView(_View):
    """Everything about acts that the reader's organisation may know."""

    acts: list[ActView]
    warnings: list[ActWarningView]
    resolutions: list[ResolutionView]
    recipient_names: dict[str, str] = Field(
        default_factory=dict, description="Of the recipients named above, by id."
    )


class ExtensionBody(_View):
    """A *proroga* to be entered."""

    until: date
    reason: str = Field(min_length=3, max_length=200)
    document_sha256: str = Field("", pattern=_SHA256)


class WideningView(_View):
    """One thing that a held change would open wider."""

    what: str
    camera: str
    act: str
    text_it: str
    text_en: str


class ApprovalView(_View):
    """Somebody agreed."""

    by: str
    utc: str


class HeldView(_View):
    """A registry document that is not in force yet."""

    id: str
    by: str
    utc: str
    where: str
    widenings: list[WideningView]
    approvals: list[ApprovalView]
    needed: int
    state: str = Field(description="held, approved, rejected or expired.")
    grown: bool = Field(
        default=False,
        description="It opens more than what was approved: the approvals fell, read it again.",
    )


class HeldChangesView(_View):
    """Held changes, those that wait first."""

    held: list[HeldView]


class JudgementBody(_View):
    """Why somebody approves or rejects."""

    reason: str = Field(min_length=3, max_length=200)


class SignedExtensionBody(Signed, ExtensionBody):
    """An extension with who asks."""


class SignedJudgementBody(Signed, JudgementBody):
    """A judgement with who asks."""


def _acts(services: Services) -> Acts:
    if services.acts is None:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, Fault.UNAVAILABLE)
    return services.acts


def _held_view(one: dict[str, Any]) -> HeldView:
    approvals = [
        {"by": each["by"], "utc": iso(each["utc_us"])} for each in one.get("approvals", ())
    ]
    rest = {key: value for key, value in one.items() if key != "utc_us"}
    return HeldView.model_validate({**rest, "approvals": approvals, "utc": iso(one["utc_us"])})


def _require(allowed: bool | None) -> None:
    """Let pass who may; 404 for what the actor may not know to exist."""
    if allowed is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    if not allowed:
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.ROLE)


async def read(actor: TheActor, services: TheServices) -> ActsView:
    """Return acts, warnings, and what each camera is switched on for."""
    found = ActsView.model_validate(_acts(services).acts(actor))
    ids = {one.recipient for one in found.resolutions}
    ids |= {one for act in found.acts for scope in act.scopes for one in scope.recipients}
    registry = services.registry()
    return found.model_copy(
        update={"recipient_names": {one: organisation_name(registry, one) for one in ids}}
    )


async def _extend(services: Services, act: str, body: ExtensionBody, actor: Actor) -> ExtensionView:
    acts = _acts(services)
    _require(acts.may_extend(act, actor))
    made = await acts.extend(act, body.until, body.reason, body.document_sha256, by=actor)
    return ExtensionView(until=made.until, by=made.by, entered=made.entered, reason=made.reason)


async def extend(
    act: Id, body: ExtensionBody, actor: ThePerson, services: TheServices
) -> ExtensionView:
    """Enter a *proroga* in the name of the signed-in person."""
    return await _extend(services, act, body, actor)


async def held(actor: TheActor, services: TheServices) -> HeldChangesView:
    """Return the changes that wait for two people, and how earlier ones ended."""
    found = await _acts(services).held(actor)
    return HeldChangesView(held=[_held_view(dict(one)) for one in found])


async def _judge(
    services: Services, held_id: str, reason: str, actor: Actor, *, agree: bool
) -> HeldView:
    acts = _acts(services)
    _require(await acts.may_judge(held_id, actor))
    judge = acts.approve if agree else acts.reject
    return _held_view(dict(await judge(held_id, reason, by=actor)))


async def approve(
    held_id: Id, body: JudgementBody, actor: ThePerson, services: TheServices
) -> HeldView:
    """Approve a held change; the last approval that is needed puts it into force."""
    return await _judge(services, held_id, body.reason, actor, agree=True)


async def reject(
    held_id: Id, body: JudgementBody, actor: ThePerson, services: TheServices
) -> HeldView:
    """Reject a held change."""
    return await _judge(services, held_id, body.reason, actor, agree=False)


# over the control socket -----------------------------------------------------------------------


async def control_read(by: TheAdministrator, services: TheServices) -> ActsView:
    """Return all acts."""
    return ActsView.model_validate(_acts(services).acts(by))


async def control_extend(
    act: Id, body: SignedExtensionBody, _by: TheAdministrator, services: TheServices
) -> ExtensionView:
    """Enter a *proroga* in the name of a person, who signs in for it."""
    async with signed_in(services, body) as actor:
        return await _extend(services, act, body, actor)


async def control_held(by: TheAdministrator, services: TheServices) -> HeldChangesView:
    """Return all held changes."""
    found = await _acts(services).held(by)
    return HeldChangesView(held=[_held_view(dict(one)) for one in found])


async def control_approve(
    held_id: Id, body: SignedJudgementBody, _by: TheAdministrator, services: TheServices
) -> HeldView:
    """Approve a held change in the name of a person, who signs in for it."""
    async with signed_in(services, body) as actor:
        return await _judge(services, held_id, body.reason, actor, agree=True)


async def control_reject(
    held_id: Id, body: SignedJudgementBody, _by: TheAdministrator, services: TheServices
) -> HeldView:
    """Reject a held change in the name of a person, who signs in for it."""
    async with signed_in(services, body) as actor:
        return await _judge(services, held_id, body.reason, actor, agree=False)


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(prefix="/api", tags=["acts"])
    refused = responses(401, 403, 404, 422, 503)
    router.add_api_route("/acts", read, methods=["GET"], responses=responses(401, 503))
    router.add_api_route(
        "/acts/{act}/extensions",
        extend,
        methods=["POST"],
        status_code=HTTPStatus.CREATED,
        responses=refused,
    )
    router.add_api_route("/held", held, methods=["GET"], responses=responses(401, 503))
    router.add_api_route("/held/{held_id}/approve", approve, methods=["POST"], responses=refused)
    router.add_api_route("/held/{held_id}/reject", reject, methods=["POST"], responses=refused)
    return router


def control_routes() -> APIRouter:
    """Return the routes of the control socket."""
    router = APIRouter(prefix="/control", tags=["control"])
    refused = responses(401, 403, 404, 422, 503)
    router.add_api_route("/acts", control_read, methods=["GET"], responses=responses(403, 503))
    router.add_api_route(
        "/acts/{act}/extensions",
        control_extend,
        methods=["POST"],
        status_code=HTTPStatus.CREATED,
        responses=refused,
    )
    router.add_api_route("/held", control_held, methods=["GET"], responses=responses(403, 503))
    for name, endpoint in (("approve", control_approve), ("reject", control_reject)):
        router.add_api_route(
            f"/held/{{held_id}}/{name}", endpoint, methods=["POST"], responses=refused
        )
    return router
