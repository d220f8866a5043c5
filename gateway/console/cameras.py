# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The cameras that somebody may know of, with their live state in codes."""

from fastapi import APIRouter

from gateway.console.identity import TheActor, TheServices
from gateway.console.problem import responses
from gateway.console.views import CameraView, camera_view
from gateway.console.visibility import cameras_of, disclosure_of, may_ask_to_look, sees_alarm
from gateway.model.alarm import AlarmState
from gateway.model.media import StreamState, StreamStatus

RECENT = 200
"""Alarms looked through for open ones; more open at once is a flood, shown on the alarm page."""


async def list_cameras(actor: TheActor, services: TheServices) -> list[CameraView]:
    """Return cards without pictures, by site and name."""
    registry = services.registry()
    open_alarms = {
        record.alarm.camera: record.alarm.id
        for record in await services.alarms.recent(RECENT)
        if record.state is not AlarmState.CLOSED and sees_alarm(record, registry, actor)
    }
    nothing = StreamStatus(StreamState.IDLE)
    cards = [
        camera_view(
            camera,
            services.status(camera.id) or nothing,
            registry,
            disclosure=disclosure_of(registry, camera.id, actor),
            open_alarm=open_alarms.get(camera.id, ""),
        )
        for camera in cameras_of(registry, actor)
    ]
    viewable = may_ask_to_look(actor)
    return [card.model_copy(update={"viewable": viewable}) for card in cards]


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(tags=["cameras"])
    router.add_api_route("/api/cameras", list_cameras, methods=["GET"], responses=responses(401))
    return router
