# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What `varco` commands ask over the control socket; identity is the socket's peer."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.console.identity import TheAdministrator, TheServices
from gateway.console.problem import ProblemError, responses
from gateway.console.services import Control, ExportFormat, Services
from gateway.console.views import (
    CameraStatusView,
    PasswordBody,
    RegistryChangeView,
    ReloadView,
    StatusView,
    box_view,
    iso,
)
from gateway.console.words import Fault
from gateway.model.media import StreamState, StreamStatus

SEEDS = ("application/toml", "application/geo+json")
MOST_SEED_BYTES = 8 << 20
"""A province's cameras as GeoJSON are below 4 MiB."""

_TYPES = {
    ExportFormat.TOML: "application/toml",
    ExportFormat.GEOJSON: "application/geo+json",
    ExportFormat.CSV: "text/csv; charset=utf-8",
}


def _control(services: Services) -> Control:
    if services.control is None:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, Fault.UNAVAILABLE)
    return services.control


async def apply(
    request: Request,
    by: TheAdministrator,
    services: TheServices,
    replace: Annotated[bool, Query(description="Remove what the document lacks.")] = False,
) -> RegistryChangeView:
    """Import a registry document; 422 names what is wrong in it, and nothing changes."""
    content_type = request.headers.get("content-type", SEEDS[0]).partition(";")[0].strip()
    if content_type not in SEEDS:
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, Fault.CONTENT_TYPE, f"send {' or '.join(SEEDS)}"
        )
    change = await _control(services).apply(
        await request.body(), content_type, replace=replace, by=by
    )
    return RegistryChangeView(
        version=change.version,
        added=list(change.added),
        changed=list(change.changed),
        removed=list(change.removed),
    )


async def export(
    _by: TheAdministrator,
    services: TheServices,
    form: Annotated[ExportFormat, Query(alias="format")] = ExportFormat.TOML,
) -> Response:
    """Return the registry, without password hashes."""
    return Response(_control(services).export(form), headers={"Content-Type": _TYPES[form]})


async def reload(by: TheAdministrator, services: TheServices) -> ReloadView:
    """Read the configuration again; what did not change is not disturbed."""
    return ReloadView(changed=list(await _control(services).reload(by=by)))


async def set_password(
    user_id: str, body: PasswordBody, by: TheAdministrator, services: TheServices
) -> None:
    """Give a local account a new password."""
    password = body.password.get_secret_value()
    await _control(services).set_password(user_id, password, by=by)


async def status(_by: TheAdministrator, services: TheServices) -> StatusView:
    """Return the box at a glance."""
    registry = services.registry()
    health = services.operations.health()
    nothing = StreamStatus(StreamState.IDLE)
    streams = {one: services.status(one) or nothing for one in sorted(registry.cameras)}
    return StatusView(
        box=box_view(services.box),
        time=services.clock.now().iso(),
        registry_version=registry.version,
        ledger_size=services.ledger.head().size,
        viewers=len(services.media.sessions()),
        healthy=health.ok,
        problems=list(health.problems),
        cameras=[
            CameraStatusView(
                id=camera,
                state=one.state.value,
                since=iso(one.since.utc_us) if one.since else "",
                problem=one.problem,
                units=one.units,
                lost_packets=one.lost_packets,
            )
            for camera, one in streams.items()
        ],
    )


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(prefix="/control", tags=["control"])
    refused = responses(403, 422, 503)
    router.add_api_route(
        "/registry/apply", apply, methods=["POST"], responses=refused | responses(413, 415)
    )
    router.add_api_route(
        "/registry/export",
        export,
        methods=["GET"],
        response_class=Response,
        responses=refused | {200: {"description": "Registry", "content": {SEEDS[0]: {}}}},
    )
    router.add_api_route("/reload", reload, methods=["POST"], responses=refused)
    router.add_api_route(
        "/users/{user_id}/password",
        set_password,
        methods=["POST"],
        status_code=HTTPStatus.NO_CONTENT,
        responses=refused,
    )
    router.add_api_route("/status", status, methods=["GET"], responses=responses(403))
    return router
