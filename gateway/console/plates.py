# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Hits of hot lists: what waits for a person, the plate under a Grant, the decision (A-09, B-25).

The list tells no plate. Opening one needs a Grant, is one request, and stands in the ledger as
`lpr.query`. Nobody decides about a hit that they have not opened: a person compares first.
"""

import base64
from collections import OrderedDict
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from gateway.console.identity import TheActor, TheServices
from gateway.console.looking import TheReasons, ask, one_look
from gateway.console.problem import ProblemError, responses
from gateway.console.services import Plates, Services
from gateway.console.views import Body, View, camera_name, iso, named_for
from gateway.console.visibility import ROOM_ROLES, knows_camera, may_close, sees_plates
from gateway.console.words import Fault
from gateway.model.access import Action, Actor
from gateway.model.alarm import AlarmRecord, AlarmState, AlarmVerdict
from gateway.model.hit import GateHour, Hit, HitState
from gateway.model.registry import Analytic, Registry

MOST_OPENED = 10_000
"""Who opened which hit, in memory; the oldest gives way, and is opened again."""

TheHit = Annotated[str, Path(max_length=64)]


class HitView(View):
    """A hit without its plate."""

    id: str = Field(description="Of the hit and of its alarm.")
    state: Literal["da-verificare", "in-attesa", "confermato"]
    crossed: str
    camera: str
    camera_name: str
    site_name: str
    gate_name: str
    lane: str
    passing: str = Field(description="entrata, uscita, or empty if it is not known.")
    list: str = Field(description="A1, A2, C, locale, or empty: the edge that sent it knows.")
    entry: str = Field(description="Id of the entry of the list; empty at a room.")
    country: str
    confidence: float
    exact: bool = Field(description="False: found through another reading of the same marks.")
    certain: bool
    severity: int
    exercise: bool
    decided_by: str
    decided: str
    open: bool = Field(description="Its alarm is open: that is the case to open the plate with.")
    may_decide: bool
    told: bool = Field(description="Rooms elsewhere have been told.")


class ReadingView(View):
    """One text, and how likely it is."""

    text: str
    probability: float


class OpenHitView(View):
    """What a Grant opens."""

    text: str = Field(description="As it was read.")
    listed: str = Field(description="As it stands on the list; empty at a room.")
    signs: list[float] = Field(description="Confidence of each sign of text, 0..1.")
    alternatives: list[ReadingView]
    reason: str
    crop: str = Field(description="JPEG of the plate in base64; empty if there is none.")
    context: str = Field(description="JPEG of the vehicle, masked, in base64; empty if none.")


class DecisionBody(Body):
    """What a person says of a hit that they have compared."""

    verdict: Literal["confermato", "falso"]


class GateHourView(View):
    """Vehicles of one gate in one hour; null: below the threshold, or not counted."""

    zone: str
    gate_name: str
    camera_name: str
    begin: str
    inward: int | None
    outward: int | None
    total: int | None


class CountsView(View):
    """Figures of gates; hours that are over, of the last two days."""

    k: int = Field(description="Figures below it are withheld.")
    hours: list[GateHourView]


def _desk(services: Services, actor: Actor) -> Plates:
    if services.plates is None or actor.role not in ROOM_ROLES:
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    return services.plates


async def _known(services: Services, actor: Actor, hit_id: str) -> tuple[Plates, Hit, AlarmRecord]:
    """Return a hit that concerns the actor; 404 for any other, so that none can be probed."""
    desk = _desk(services, actor)
    hit, record = await desk.find(hit_id), await services.alarms.find(hit_id)
    if hit is None or record is None or not sees_plates(record, services.registry(), actor):
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    return desk, hit, record


def _may_decide(hit: Hit, record: AlarmRecord, registry: Registry, actor: Actor) -> bool:
    if record.verdict is not AlarmVerdict.NONE or hit.state is HitState.CONFIRMED:
        return False
    return may_close(record, registry, actor)


def _view(hit: Hit, record: AlarmRecord, services: Services, actor: Actor) -> HitView:
    registry = services.registry()
    camera = registry.cameras.get(hit.camera)
    site = registry.sites.get(camera.site) if camera else None
    zone = registry.zones.get(hit.zone)
    elsewhere = [registry.recipients.get(one) for one in record.recipients]
    return HitView(
        id=hit.id,
        state=hit.state.value,
        crossed=iso(hit.crossed_utc_us),
        camera=hit.camera,
        camera_name=camera_name(hit.camera, registry),
        site_name=site.name if site else "",
        gate_name=zone.name if zone else hit.zone,
        lane=hit.lane,
        passing=hit.passing.value if hit.passing else "",
        list=hit.kind.value if hit.kind else "",
        entry=hit.entry,
        country=hit.country,
        confidence=round(hit.likelihood, 4),
        exact=hit.exact,
        certain=hit.certain,
        severity=record.alarm.severity,
        exercise=record.alarm.exercise,
        decided_by=named_for(hit.by, registry, actor.organisation),
        decided=iso(hit.decided_utc_us) if hit.decided_utc_us else "",
        open=record.state is not AlarmState.CLOSED,
        may_decide=_may_decide(hit, record, registry, actor),
        told=any(one is not None and bool(one.broker) for one in elsewhere),
    )


async def hits(actor: TheActor, services: TheServices) -> list[HitView]:
    """Return the hits that concern the actor's room, those that wait first, then the newest."""
    desk, found = _desk(services, actor), []
    for hit in await desk.hits():
        record = await services.alarms.find(hit.id)
        if record is not None and sees_plates(record, services.registry(), actor):
            found.append(_view(hit, record, services, actor))
    return sorted(found, key=lambda one: not one.may_decide)


async def open_hit(
    request: Request, response: Response, hit_id: TheHit, why: TheReasons, actor: TheActor,
    services: TheServices,
) -> OpenHitView:  # fmt: skip
    """Return plate, readings and pictures of a hit; the ledger holds it first."""
    desk, hit, _ = await _known(services, actor, hit_id)
    grant = await ask(services, actor, Action.PLATES, hit.camera, why)
    async with one_look(services, grant) as delivered:
        opened = await desk.open(hit_id, grant)
        if opened is None:
            delivered.reason = "nothing-kept"
            raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
        pictures, secret = opened.pictures, opened.secret
        delivered.bytes = len(pictures.context) + len(pictures.crop)
    _note_opened(request, hit_id, actor)
    response.headers["Cache-Control"] = "no-store"
    return OpenHitView(
        text=secret.text,
        listed=secret.listed,
        signs=[round(one, 4) for one in secret.signs],
        alternatives=[
            ReadingView(text=text, probability=round(share, 4))
            for text, share in secret.alternatives
        ],
        reason=secret.reason,
        crop=base64.b64encode(pictures.crop).decode(),
        context=base64.b64encode(pictures.context).decode(),
    )


def _opened(request: Request) -> "OrderedDict[tuple[str, str], None]":
    """Return who opened which hit, since the start."""
    state = request.app.state
    if not hasattr(state, "opened_hits"):
        state.opened_hits = OrderedDict()
    known: OrderedDict[tuple[str, str], None] = state.opened_hits
    return known


def _note_opened(request: Request, hit_id: str, actor: Actor) -> None:
    known = _opened(request)
    known[hit_id, actor.id] = None
    while len(known) > MOST_OPENED:
        known.popitem(last=False)


async def decide(
    request: Request, hit_id: TheHit, body: DecisionBody, actor: TheActor, services: TheServices
) -> HitView | None:
    """Confirm a hit, or discard it: then text and pictures are deleted before this returns."""
    desk, hit, record = await _known(services, actor, hit_id)
    registry = services.registry()
    if record.verdict is not AlarmVerdict.NONE:
        raise ProblemError(HTTPStatus.CONFLICT, Fault.ALREADY_CLOSED)
    if not _may_decide(hit, record, registry, actor):
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.ROLE)
    if (hit_id, actor.id) not in _opened(request):
        raise ProblemError(HTTPStatus.CONFLICT, Fault.PLATE_UNSEEN)
    verdict = AlarmVerdict(body.verdict)
    waits = hit.state is HitState.TO_VERIFY and verdict is AlarmVerdict.CONFIRMED
    if not (waits and await desk.confirm(hit_id, actor.id)):
        await services.alarms.close(hit_id, actor.id, verdict)
        await desk.settle(hit_id)
    after, record = await desk.find(hit_id), await services.alarms.find(hit_id) or record
    return _view(after, record, services, actor) if after is not None else None


async def counts(actor: TheActor, services: TheServices) -> CountsView:
    """Return how many vehicles passed the gates that the actor's room knows, hour by hour."""
    desk, registry = _desk(services, actor), services.registry()
    gates = {
        one.id: one
        for one in registry.zones.values()
        if one.analytic is Analytic.PLATES
        and knows_camera(registry, one.camera, actor.organisation)
    }
    return CountsView(
        k=desk.k,
        hours=[_hour(one, registry) for one in desk.told_counts(gates)],
    )


def _hour(one: GateHour, registry: Registry) -> GateHourView:
    zone = registry.zones[one.zone]
    return GateHourView(
        zone=one.zone,
        gate_name=zone.name,
        camera_name=camera_name(zone.camera, registry),
        begin=iso(one.from_utc_us),
        inward=one.inward,
        outward=one.outward,
        total=one.total,
    )


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(prefix="/api/plates", tags=["plates"])
    router.add_api_route("/hits", hits, methods=["GET"], responses=responses(401, 404))
    router.add_api_route(
        "/hits/{hit_id}", open_hit, methods=["GET"], responses=responses(401, 403, 404, 503)
    )
    router.add_api_route(
        "/hits/{hit_id}/decision",
        decide,
        methods=["POST"],
        responses=responses(401, 403, 404, 409, 422),
    )
    router.add_api_route("/counts", counts, methods=["GET"], responses=responses(401, 404))
    return router
