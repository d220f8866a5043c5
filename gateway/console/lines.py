# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Lines between this box and others: how each stands, and who may be let in over one."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Annotated

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
from gateway.console.services import ON_SITE, LineDesk, LineReport, LineSide, Services
from gateway.console.views import iso, organisation_name
from gateway.console.visibility import knows_camera, partners_of, views_of
from gateway.console.words import Fault
from gateway.model.access import Actor
from gateway.model.identifiers import ID_FORM
from gateway.model.registry import RecipientKind, Registry, Role
from gateway.model.room import at_room

MANAGERS = frozenset({Role.PS_SUPERVISOR, Role.SYSADMIN})
"""Who lets edges in and out, and reads where lines lead."""
_ID = ID_FORM.pattern.removesuffix(r"\Z")
TheEdge = Annotated[str, Path(max_length=64)]


class _View(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReducedView(_View):
    """A camera of which only the small stream comes, because the line is slow."""

    camera: str
    name: str


class LineView(_View):
    """One line, as far as the reader may know of it."""

    id: str
    name: str
    side: str = Field(description="What is at the other end: edge or room.")
    state: str = Field(
        description="da-associare, in-collegamento, attiva, muta, interrotta or rifiutata."
    )
    enabled: bool
    problem: str = Field(description="Why it is down; for those who manage lines.")
    since_utc: str = Field(description="Since when it is so; empty if it never was otherwise.")
    heard_utc: str = Field(description="When something came last; empty: never.")
    round_trip_ms: float
    clock_offset_ms: float = Field(description="Their clock minus ours.")
    address: str = Field(description="The one in use; for those who manage lines.")
    streams: int
    reduced: list[ReducedView] = Field(description="Without cameras unknown to the reader.")
    certificate_until: str
    invited_until: str = Field(description="An invitation is open until then; empty: none is.")
    may_manage: bool


class OrganisationView(_View):
    """Somebody whose people may know of an edge."""

    id: str
    name: str


class LinesView(_View):
    """All lines that the reader may know of."""

    lines: list[LineView]
    is_room: bool = Field(description="Edges dial this box.")
    may_invite: bool
    organisations: list[OrganisationView] = Field(description="Who can be named; empty unless …")
    always: str = Field(description="Who knows of a new edge in any case; empty: nobody.")


class InvitationBody(_View):
    """An edge that is to be let in; one that is known keeps what is left out."""

    edge: str = Field(pattern=f"^{_ID}$", description="Id of the edge's box.")
    name: str = Field("", max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")
    organisations: list[str] = Field(
        default_factory=list, max_length=64, description="Whose people may know of it."
    )


class InvitationView(_View):
    """A code to be passed on; it is shown once and kept nowhere."""

    edge: str
    code: str
    expires: str
    kept: int = Field(
        description="Organisations that were not named, know of the edge still, and are left: "
        "only the sysadmin takes them away."
    )


class SignedInvitationBody(Signed, InvitationBody):
    """An invitation with who answers for it."""


class SignedBody(Signed):
    """Who answers for a command."""


def _desk(services: Services) -> LineDesk:
    if services.lines is None:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, Fault.UNAVAILABLE)
    return services.lines


def _knows(report: LineReport, actor: Actor) -> bool:
    return actor.role is Role.SYSADMIN or actor.organisation in report.organisations


def _manages(report: LineReport, actor: Actor) -> bool:
    return report.side is LineSide.EDGE and actor.role in MANAGERS and _knows(report, actor)


def _view(report: LineReport, actor: Actor, registry: Registry) -> LineView:
    status = report.status
    manager = actor.role in MANAGERS
    return LineView(
        id=report.id,
        name=report.name,
        side=report.side.value,
        state=status.state.value,
        enabled=report.enabled,
        problem=status.problem if manager else "",
        since_utc=iso(status.since_utc_us),
        heard_utc=iso(status.heard_utc_us),
        round_trip_ms=round(status.round_trip_ms, 1),
        clock_offset_ms=round(status.clock_offset_ms, 1),
        address=status.address if manager else "",
        streams=0 if actor.role in ON_SITE else status.streams,
        reduced=list(_reduced(report, actor, registry)),
        certificate_until=iso(report.certificate_until_utc_us),
        invited_until=iso(report.invited_until_utc_us) if manager else "",
        may_manage=_manages(report, actor),
    )


def _reduced(report: LineReport, actor: Actor, registry: Registry) -> Iterable[ReducedView]:
    """Yield the cameras that the actor's organisation knows; some see lines, no cameras."""
    if actor.role is Role.SYSADMIN or actor.role in ON_SITE:
        return
    is_edge = report.side is LineSide.EDGE
    for one in report.status.reduced:
        camera = at_room(report.id, one) if is_edge and one not in registry.cameras else one
        if knows_camera(registry, camera, actor.organisation):
            yield ReducedView(camera=camera, name=registry.cameras[camera].name)


def _nameable(registry: Registry, actor: Actor) -> list[OrganisationView]:
    """Return whom somebody may name as those who know of an edge.

    A supervisor: the own house first, then the rooms that stand in an act with it.
    """
    if actor.role is Role.SYSADMIN:
        ids = [*registry.recipients, *registry.controllers]
    else:
        partners = partners_of(actor.organisation, registry) - {actor.organisation}
        known = (registry.recipients.get(one) for one in sorted(partners))
        rooms = [one.id for one in known if one and one.kind is RecipientKind.ROOM]
        ids = [actor.organisation, *rooms]
    return [OrganisationView(id=one, name=organisation_name(registry, one)) for one in ids]


def lines_of(actor: Actor, services: Services) -> LinesView:
    """Return what somebody may know of lines."""
    registry, desk = services.registry(), services.lines
    if desk is None or "lines" not in views_of(actor.role):
        return LinesView(lines=[], is_room=False, may_invite=False, organisations=[], always="")
    known = [one for one in desk.lines() if _knows(one, actor)]
    may_invite = desk.is_room and actor.role in MANAGERS
    return LinesView(
        lines=[_view(one, actor, registry) for one in known],
        is_room=desk.is_room,
        may_invite=may_invite,
        organisations=_nameable(registry, actor) if may_invite else [],
        always=actor.organisation if may_invite and actor.role is not Role.SYSADMIN else "",
    )


async def read(actor: TheActor, services: TheServices) -> LinesView:
    """Return every line that the reader's organisation may know of, and how it stands."""
    return lines_of(actor, services)


def _may_be_named(edge: str, registry: Registry, actor: Actor) -> bool:
    """Return whether somebody may give a new edge this id.

    An edge with the id of a recipient speaks for that room in incidents (ADR 26): no supervisor
    makes somebody else's.
    """
    return edge not in registry.recipients or actor.role is Role.SYSADMIN


async def _invite(body: InvitationBody, actor: Actor, services: Services) -> InvitationView:
    desk = _desk(services)
    if actor.role not in MANAGERS or not desk.is_room:
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.ROLE)
    known = {one.id: one for one in desk.lines() if one.side is LineSide.EDGE}.get(body.edge)
    if known is not None and not _manages(known, actor):
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.ROLE)
    if known is None and not _may_be_named(body.edge, services.registry(), actor):
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.ROLE)
    named = set(body.organisations) - set(known.organisations if known else ())
    if named - {one.id for one in _nameable(services.registry(), actor)}:
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.ROLE)
    organisations = tuple(dict.fromkeys(body.organisations))
    if known is None and actor.role is not Role.SYSADMIN:  # who invites has to know of it
        organisations = tuple(dict.fromkeys((actor.organisation, *organisations)))
    kept = () if known is None else _kept(known, organisations, actor)
    made = await desk.invite(body.edge, body.name.strip(), organisations + kept, by=actor)
    return InvitationView(
        edge=body.edge, code=made.code, expires=iso(made.until_utc_us), kept=len(kept)
    )


def _kept(known: LineReport, named: tuple[str, ...], actor: Actor) -> tuple[str, ...]:
    """Return the others that a supervisor, who may not know of them, cannot leave out."""
    if not named or actor.role is Role.SYSADMIN:
        return ()
    return tuple(one for one in known.organisations if one not in (*named, actor.organisation))


async def _revoke(edge: str, actor: Actor, services: Services) -> None:
    desk = _desk(services)
    known = {one.id: one for one in desk.lines() if one.side is LineSide.EDGE}.get(edge)
    if known is None or not _knows(known, actor):
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    if not _manages(known, actor):
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.ROLE)
    await desk.revoke(edge, by=actor)


async def invite(body: InvitationBody, actor: ThePerson, services: TheServices) -> InvitationView:
    """Invite an edge in the name of the signed-in person; the code is told this once."""
    return await _invite(body, actor, services)


async def revoke(edge: TheEdge, actor: ThePerson, services: TheServices) -> None:
    """Let an edge in no more: its line ends within two seconds."""
    await _revoke(edge, actor, services)


# over the control socket -----------------------------------------------------------------------


async def control_lines(by: TheAdministrator, services: TheServices) -> LinesView:
    """Return all lines."""
    return lines_of(by, services)


async def control_invite(
    body: SignedInvitationBody, _by: TheAdministrator, services: TheServices
) -> InvitationView:
    """Invite an edge in the name of a person, who signs in for it."""
    async with signed_in(services, body) as actor:
        return await _invite(body, actor, services)


async def control_revoke(
    edge: TheEdge, body: SignedBody, _by: TheAdministrator, services: TheServices
) -> None:
    """Let an edge in no more, in the name of a person, who signs in for it."""
    async with signed_in(services, body) as actor:
        await _revoke(edge, actor, services)


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(prefix="/api", tags=["lines"])
    refused = responses(401, 403, 422, 503)
    router.add_api_route("/lines", read, methods=["GET"], responses=responses(401))
    router.add_api_route(
        "/lines/invitations",
        invite,
        methods=["POST"],
        status_code=HTTPStatus.CREATED,
        responses=refused,
    )
    router.add_api_route(
        "/lines/{edge}",
        revoke,
        methods=["DELETE"],
        status_code=HTTPStatus.NO_CONTENT,
        responses=refused | responses(404),
    )
    return router


def control_routes() -> APIRouter:
    """Return the routes of the control socket."""
    router = APIRouter(prefix="/control", tags=["control"])
    refused = responses(401, 403, 422, 503)
    router.add_api_route("/lines", control_lines, methods=["GET"], responses=responses(403))
    router.add_api_route(
        "/lines/invitations",
        control_invite,
        methods=["POST"],
        status_code=HTTPStatus.CREATED,
        responses=refused,
    )
    router.add_api_route(
        "/lines/{edge}/revoke",
        control_revoke,
        methods=["POST"],
        status_code=HTTPStatus.NO_CONTENT,
        responses=refused | responses(404),
    )
    return router
