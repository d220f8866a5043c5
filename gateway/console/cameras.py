# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The cameras that somebody may know of, with their live state in codes."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query

from gateway.console.identity import TheActor, TheServices
from gateway.console.problem import ProblemError, responses
from gateway.console.services import Services
from gateway.console.views import CameraView, NearbyCameraView, camera_view
from gateway.console.visibility import (
    cameras_of,
    disclosure_of,
    may_ask_to_look,
    own_cameras,
    sees_alarm,
    views_of,
)
from gateway.console.words import Fault
from gateway.model.access import Actor
from gateway.model.alarm import AlarmState
from gateway.model.media import StreamState, StreamStatus
from gateway.model.registry import Camera

MOST_NEAR = 50


async def list_cameras(actor: TheActor, services: TheServices) -> list[CameraView]:
    """Return cards without pictures, by site and name."""
    return await _cards(actor, services)


async def _cards(actor: Actor, services: Services) -> list[CameraView]:
    registry = services.registry()
    own = own_cameras(registry, actor)
    open_alarms = {
        record.alarm.camera: record.alarm.id
        for record in await services.alarms.shown(actor.organisation, own, 0)
        if record.state is not AlarmState.CLOSED and sees_alarm(record, registry, actor)
    }
    nothing = StreamStatus(StreamState.IDLE)
    cards = [
        camera_view(
            camera,
            services.status_for(camera.id, actor) or nothing,
            registry,
            disclosure=disclosure_of(registry, camera.id, actor),
            open_alarm=open_alarms.get(camera.id, ""),
        )
        for camera in known_cameras(services, actor)
    ]
    viewable = may_ask_to_look(actor, registry)
    return [card.model_copy(update={"viewable": viewable}) for card in cards]


def known_cameras(services: Services, actor: Actor) -> list[Camera]:
    """Return the cameras that somebody knows; those of open incidents come last (ADR 26)."""
    registry = services.registry()
    known = cameras_of(registry, actor)
    if services.incidents is None or "incidents" not in views_of(actor.role):
        return known
    ids = {one.id for one in known}
    more = [registry.cameras.get(one) for one in sorted(services.incidents.shown(actor) - ids)]
    return known + [one for one in more if one is not None]


async def nearest_cameras(
    actor: TheActor,
    services: TheServices,
    lat: Annotated[float | None, Query(ge=-90, le=90, description="Degrees, WGS 84.")] = None,
    lon: Annotated[float | None, Query(ge=-180, le=180, description="Degrees, WGS 84.")] = None,
    alarm: Annotated[
        str, Query(max_length=64, description="Instead of a place: what its camera looks at.")
    ] = "",
    most: Annotated[int, Query(ge=1, le=MOST_NEAR)] = 10,
) -> list[NearbyCameraView]:
    """Return the cameras near a place: those that see it first, then by distance (A-04).

    Only cameras that the actor's organisation knows; the camera of the alarm itself is left out.
    """
    if alarm:
        place, own = await _scene_of(alarm, actor, services)
    elif lat is not None and lon is not None:
        place, own = (lat, lon), ""
    else:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, Fault.INVALID, "lat and lon, or alarm")
    if place is None or services.surroundings is None:
        return []
    known = [one for one in known_cameras(services, actor) if one.id != own]
    found = services.surroundings.nearest(known, *place, most)
    cards = {card.id: card for card in await _cards(actor, services)} if found else {}
    return [
        NearbyCameraView(
            camera=cards[one.camera],
            distance_m=round(one.distance_m, 1),
            bearing_deg=round(one.bearing_deg, 1) % 360,
            off_axis_deg=round(one.off_axis_deg, 1),
            look=one.look.value,
        )
        for one in found
        if one.camera in cards
    ]


async def _scene_of(
    alarm: str, actor: Actor, services: Services
) -> tuple[tuple[float, float] | None, str]:
    """Return what the camera of an alarm looks at and its id; 404 for others' alarms."""
    registry = services.registry()
    record = await services.alarms.find(alarm)
    if record is None or not sees_alarm(record, registry, actor):
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    camera = registry.cameras.get(record.alarm.camera)
    if camera is None or services.surroundings is None:
        return None, ""
    return services.surroundings.scene(camera), camera.id


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(tags=["cameras"])
    router.add_api_route("/api/cameras", list_cameras, methods=["GET"], responses=responses(401))
    router.add_api_route(
        "/api/cameras/nearest",
        nearest_cameras,
        methods=["GET"],
        responses=responses(401, 404, 422),
    )
    return router
