# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The owner's page: who looked at my cameras, in an emergency too, and the switch that ends it."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from gateway.console.identity import TheActor, ThePerson, TheServices
from gateway.console.problem import ProblemError, responses
from gateway.console.services import OwnersDesk, OwnersLook, Services
from gateway.console.views import Body, View, iso, organisation_name
from gateway.console.words import Fault
from gateway.model.access import Actor
from gateway.model.registry import Pause, Registry, Role

READERS = frozenset({Role.OWNER, Role.DPO})
MOST_PAUSES = 100
"""Pauses that one controller may have at once."""
MOST_CAMERAS = 200
AT_ONCE = frozenset({"live.snapshot", "clip.export", "clip.download"})
"""Looks that are over as they begin."""

PauseId = Annotated[str, Path(max_length=64)]
AlertId = Annotated[int, Path(ge=0, lt=2**53)]


class PauseBody(Body):
    """What the owner withholds from everybody else."""

    cameras: list[Annotated[str, Field(min_length=1, max_length=64)]] = Field(
        default_factory=list, max_length=MOST_CAMERAS, description="Empty: all, also new ones."
    )
    reason: str = Field(default="", max_length=200)


class OwnCameraView(View):
    """One camera of the owner's."""

    id: str
    name: str
    site_name: str
    paused: bool


class LookView(View):
    """Somebody saw pictures; organisation and role, never the person."""

    utc: str
    until: str = Field(description="Empty while it lasts.")
    seconds: float
    event: str
    organisation: str
    organisation_name: str
    role: str
    purpose: str
    case: str = Field(description="Empty where it is withheld (delega-ag) or was erased.")
    camera: str
    camera_name: str
    flags: list[str]


class AlertView(View):
    """Somebody looked in an emergency."""

    id: int
    utc: str
    organisation: str
    organisation_name: str
    role: str
    purpose: str
    case: str
    camera: str
    camera_name: str
    reason: str
    flags: list[str]
    acknowledged: str = Field(description="When the owner had read it; empty: not yet.")


class PauseView(View):
    """A pause that stands."""

    id: str
    cameras: list[str] = Field(description="Empty: all of the controller's.")
    since: str
    by: str
    by_name: str
    reason: str


class ProjectView(View):
    """The controller's security project (D.L. 14/2017 art. 7 c. 1-bis)."""

    sites: int = Field(description="Sites with a camera.")
    needed: int = Field(description="How many the law asks for; 0: no number.")


class ControllerView(View):
    """Whose page it is."""

    id: str
    name: str
    kind: str
    project: ProjectView | None


class MineView(View):
    """Everything that an owner is entitled to know at a glance."""

    controller: ControllerView
    cameras: list[OwnCameraView]
    looks: list[LookView]
    alerts: list[AlertView]
    pauses: list[PauseView]
    may_pause: bool


def _desk(actor: Actor, services: Services, roles: frozenset[Role] = READERS) -> OwnersDesk:
    """Return the desk; 403 for whoever is no owner, whatever exists."""
    own = actor.organisation in services.registry().controllers
    if services.owners is None or actor.role not in roles or not own:
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.ROLE)
    return services.owners


async def mine(actor: TheActor, services: TheServices) -> MineView:
    """Return the controller's cameras, who looked at them, and what is withheld (30 days)."""
    desk, registry = _desk(actor, services), services.registry()
    owner = registry.controllers[actor.organisation]
    project = desk.fitness(owner.id)
    own = [one for one in registry.cameras.values() if registry.controller_of(one).id == owner.id]
    return MineView(
        controller=ControllerView(
            id=owner.id,
            name=owner.name,
            kind=owner.kind.value,
            project=ProjectView(sites=project.sites, needed=project.needed) if project else None,
        ),
        cameras=[
            OwnCameraView(
                id=one.id,
                name=one.name,
                site_name=registry.sites[one.site].name,
                paused=registry.is_paused(one),
            )
            for one in sorted(own, key=lambda one: (one.name, one.id))
        ],
        looks=[_look(one, registry) for one in desk.looks(owner.id)],
        alerts=_alerts(desk, owner.id, registry),
        pauses=[
            _pause(one, registry) for one in registry.pauses.values() if one.controller == owner.id
        ],
        may_pause=actor.role is Role.OWNER,
    )


def _camera_name(camera: str, registry: Registry) -> str:
    known = registry.cameras.get(camera)
    return known.name if known else camera


def _look(look: OwnersLook, registry: Registry) -> LookView:
    ended_us = look.utc_us if look.event in AT_ONCE else look.until_us
    return LookView(
        utc=iso(look.utc_us),
        until=iso(ended_us),
        seconds=round(look.seconds, 1),
        event=look.event,
        organisation=look.organisation,
        organisation_name=organisation_name(registry, look.organisation),
        role=look.role,
        purpose=look.purpose,
        case=look.case,
        camera=look.camera,
        camera_name=_camera_name(look.camera, registry),
        flags=list(look.flags),
    )


def _alerts(desk: OwnersDesk, controller: str, registry: Registry) -> list[AlertView]:
    return [
        AlertView(
            id=one.look.seq,
            utc=iso(one.look.utc_us),
            organisation=one.look.organisation,
            organisation_name=organisation_name(registry, one.look.organisation),
            role=one.look.role,
            purpose=one.look.purpose,
            case=one.look.case,
            camera=one.look.camera,
            camera_name=_camera_name(one.look.camera, registry),
            reason=one.reason,
            flags=list(one.look.flags),
            acknowledged=iso(one.acknowledged_us),
        )
        for one in desk.alerts(controller)
    ]


def _pause(pause: Pause, registry: Registry) -> PauseView:
    by = registry.users.get(pause.by)
    return PauseView(
        id=pause.id,
        cameras=list(pause.cameras),
        since=iso(pause.since_utc_us),
        by=pause.by,
        by_name=by.name if by else pause.by,
        reason=pause.reason,
    )


async def pause(body: PauseBody, actor: ThePerson, services: TheServices) -> PauseView:
    """Withhold cameras from everybody else: looks end, alarms stay in the house (within 2 s)."""
    desk, registry = _desk(actor, services, frozenset({Role.OWNER})), services.registry()
    own = {
        one.id
        for one in registry.cameras.values()
        if registry.controller_of(one).id == actor.organisation
    }
    if not own.issuperset(body.cameras):
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    standing = [one for one in registry.pauses.values() if one.controller == actor.organisation]
    if len(standing) >= MOST_PAUSES:
        raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, Fault.TOO_MANY)
    made = await desk.pause(body.cameras, body.reason.strip(), by=actor)
    return _pause(made, services.registry())


async def resume(pause_id: PauseId, actor: ThePerson, services: TheServices) -> None:
    """Take a pause back."""
    desk = _desk(actor, services, frozenset({Role.OWNER}))
    if not await desk.resume(pause_id, by=actor):
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)


async def acknowledge(alert: AlertId, actor: ThePerson, services: TheServices) -> None:
    """Say that a look in an emergency was read; the ledger keeps when."""
    desk = _desk(actor, services)
    if not await desk.acknowledge(alert, by=actor):
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(tags=["mine"])
    router.add_api_route("/api/mine", mine, methods=["GET"], responses=responses(401, 403))
    router.add_api_route(
        "/api/mine/pause",
        pause,
        methods=["POST"],
        status_code=HTTPStatus.CREATED,
        responses=responses(401, 403, 404, 422, 429, 503),
    )
    router.add_api_route(
        "/api/mine/pause/{pause_id}",
        resume,
        methods=["DELETE"],
        status_code=HTTPStatus.NO_CONTENT,
        responses=responses(401, 403, 404, 422, 503),
    )
    router.add_api_route(
        "/api/mine/alerts/{alert}",
        acknowledge,
        methods=["POST"],
        status_code=HTTPStatus.NO_CONTENT,
        responses=responses(401, 403, 404, 422, 503),
    )
    return router
