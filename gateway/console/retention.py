# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How long copies of pictures are kept, and the holds by which some outlast their term (B-01, D.8).

A controller's people read and hold what is theirs; the supervisor of a room what acts, in force or
not, name for it. A hold is taken back by people of the organisation that entered it.
"""

from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from pydantic import AwareDatetime, Field

from gateway.console.identity import TheActor, ThePerson, TheServices
from gateway.console.problem import ProblemError, responses
from gateway.console.services import CopiesKept, HoldOrder, Retention, Services
from gateway.console.views import Body, View
from gateway.console.words import Fault
from gateway.model.access import Actor
from gateway.model.identifiers import ID_FORM
from gateway.model.registry import Hold, Registry, Role
from gateway.model.retention import CopyClass

OWN = frozenset({Role.OWNER, Role.DPO})
"""Roles of a controller that read its terms and enter holds."""
MAY = OWN | {Role.PS_SUPERVISOR}
MOST_CAMERAS = 200
_Camera = Annotated[str, Field(pattern=ID_FORM.pattern.replace(r"\Z", "$"), max_length=64)]


class KeptView(View):
    """Copies of one class of one controller."""

    name: str
    controller: str
    controller_name: str
    keep_h: float
    reason: str
    oldest_utc: str
    items: int


class HoldView(View):
    """One hold; `until` is its last day in Europe/Rome."""

    id: str
    act: str
    controller: str
    cameras: list[str]
    from_utc: str
    to_utc: str
    until: date
    by: str
    reason: str
    releasable: bool


class RetentionView(View):
    """What the actor's organisation may know."""

    classes: list[KeptView]
    holds: list[HoldView]


class HoldBody(Body):
    """What has to outlast its term."""

    act: str = Field(min_length=1, max_length=100, description="Number of the order or request.")
    controller: str = Field("", max_length=64, description="Needed by a room without cameras.")
    cameras: list[_Camera] = Field([], max_length=MOST_CAMERAS, description="None: all of them.")
    from_: AwareDatetime = Field(alias="from")
    to: AwareDatetime
    until: date
    reason: str = Field("", max_length=200)


class MadeView(View):
    """The new hold's id."""

    id: str


def controllers_of(registry: Registry, actor: Actor) -> frozenset[str]:
    """Return the controllers whose copies an actor may know of."""
    if actor.role in OWN:
        return frozenset({actor.organisation} & registry.controllers.keys())
    if actor.role is not Role.PS_SUPERVISOR:
        return frozenset()
    named = _named(registry, actor.organisation)
    sites = {registry.cameras[one].site for one in named if one in registry.cameras}
    return frozenset(registry.sites[one].controller for one in sites)


def _named(registry: Registry, organisation: str) -> frozenset[str]:
    """Return the cameras that acts name for a recipient."""
    return frozenset(
        camera
        for act in registry.acts.values()
        for scope in act.scopes
        if organisation in scope.recipients
        for camera in scope.cameras
    )


def _desk(services: Services, actor: Actor) -> Retention:
    """Return the desk; 404 where there is none, 403 for roles that have no say."""
    if services.retention is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    if actor.role not in MAY:
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.ROLE)
    return services.retention


async def overview(actor: TheActor, services: TheServices) -> RetentionView:
    """Return terms, the oldest copies and the holds of what the actor's organisation knows."""
    desk = _desk(services, actor)
    registry = services.registry()
    known = controllers_of(registry, actor)
    return RetentionView(
        classes=[_kept(one, registry) for one in desk.kept() if one.controller in known],
        holds=[
            _hold(one, registry, actor)
            for one in sorted(registry.holds.values(), key=lambda one: (one.until, one.id))
            if _sees(one, registry, actor)
        ],
    )


def _kept(one: CopiesKept, registry: Registry) -> KeptView:
    controller = registry.controllers[one.controller]
    return KeptView(
        name=one.kind.value,
        controller=controller.id,
        controller_name=controller.name,
        keep_h=one.keep_h,
        reason=controller.retention_reason if one.kind is CopyClass.INCIDENT else "",
        oldest_utc=_iso(one.oldest_utc_us) if one.items else "",
        items=one.items,
    )


def _hold(one: Hold, registry: Registry, actor: Actor) -> HoldView:
    person = registry.users.get(one.by)
    return HoldView(
        id=one.id,
        act=one.act,
        controller=one.controller,
        cameras=list(one.cameras),
        from_utc=_iso(one.from_utc_us),
        to_utc=_iso(one.to_utc_us),
        until=one.until,
        by=person.name if person else one.by,
        reason=one.reason,
        releasable=_may_release(one, registry, actor),
    )


def _sees(hold: Hold, registry: Registry, actor: Actor) -> bool:
    """Return whether a hold concerns the actor: its controller's, or cameras named for its room."""
    if hold.controller not in controllers_of(registry, actor):
        return False
    if actor.role in OWN:
        return True
    setter = registry.users.get(hold.by)
    if setter is not None and setter.organisation == actor.organisation:
        return True
    return bool(hold.cameras) and set(hold.cameras) <= _named(registry, actor.organisation)


def _may_release(hold: Hold, registry: Registry, actor: Actor) -> bool:
    """Return whether it is the actor's to take back; of people who left, whoever may see it."""
    setter = registry.users.get(hold.by)
    return setter is None or setter.organisation == actor.organisation


async def hold(body: HoldBody, actor: ThePerson, services: TheServices) -> MadeView:
    """Have copies outlast their term until a day; it ends by itself."""
    desk = _desk(services, actor)
    registry = services.registry()
    known = controllers_of(registry, actor)
    cameras = tuple(dict.fromkeys(body.cameras))
    reach = _reach(registry, actor, known)
    if not set(cameras) <= reach:
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    owners = {registry.sites[registry.cameras[one].site].controller for one in cameras}
    controller = body.controller or _only(owners or known)
    if controller not in known or owners - {controller}:
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    if actor.role not in OWN and not cameras:
        # what no act names for a room is not the room's to hold
        all_of = registry.cameras
        cameras = tuple(
            one
            for one in sorted(reach)
            if registry.sites[all_of[one].site].controller == controller
        )
    order = HoldOrder(
        act=body.act,
        controller=controller,
        cameras=cameras,
        from_utc_us=_us(body.from_),
        to_utc_us=_us(body.to),
        until=body.until,
        reason=body.reason,
    )
    return MadeView(id=await desk.hold(order, by=actor))


def _reach(registry: Registry, actor: Actor, known: frozenset[str]) -> frozenset[str]:
    """Return the cameras that an actor may name."""
    if actor.role in OWN:
        found = registry.cameras.values()
        return frozenset(one.id for one in found if registry.sites[one.site].controller in known)
    return _named(registry, actor.organisation) & registry.cameras.keys()


def _only(owners: set[str] | frozenset[str]) -> str:
    """Return the one controller that can be meant; 422 if there are several."""
    if len(owners) != 1:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, Fault.INVALID, "controller")
    return next(iter(owners))


async def release(hold_id: str, actor: ThePerson, services: TheServices) -> None:
    """Take a hold back; what is over goes at the next sweep."""
    desk = _desk(services, actor)
    registry = services.registry()
    found = registry.holds.get(hold_id)
    if found is None or not _sees(found, registry, actor):
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    if not _may_release(found, registry, actor):
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.ROLE)
    if not await desk.release(hold_id, by=actor):
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)


def _us(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)


def _iso(utc_us: int) -> str:
    at = datetime.fromtimestamp(utc_us / 1e6, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(tags=["retention"])
    router.add_api_route(
        "/api/retention", overview, methods=["GET"], responses=responses(401, 403, 404)
    )
    router.add_api_route(
        "/api/holds",
        hold,
        methods=["POST"],
        status_code=HTTPStatus.CREATED,
        responses=responses(401, 403, 404, 422),
    )
    router.add_api_route(
        "/api/holds/{hold_id}",
        release,
        methods=["DELETE"],
        status_code=HTTPStatus.NO_CONTENT,
        responses=responses(401, 403, 404),
    )
    return router
