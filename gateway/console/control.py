# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What `varco` commands ask over the control socket; identity is the socket's peer."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from gateway.console.identity import TheAdministrator, TheServices, sign_in_for_command
from gateway.console.ledger import send_export
from gateway.console.problem import ProblemError, responses
from gateway.console.services import (
    Control,
    ExportFormat,
    Inspection,
    InspectionWish,
    Services,
)
from gateway.console.views import (
    AcceptBody,
    CameraStatusView,
    PasswordBody,
    ProbeBody,
    RegistryChangeView,
    ReloadView,
    SignedExportBody,
    StatusView,
    box_view,
    iso,
)
from gateway.console.words import Fault, Language, language_of
from gateway.model.media import StreamState, StreamStatus
from gateway.model.registry import Registry
from gateway.wire.trouble_words import italian

SEEDS = ("application/toml", "application/geo+json", "text/csv")
MOST_SEED_BYTES = 8 << 20
"""A province's cameras as GeoJSON are below 4 MiB."""
NO_LADDER = (
    "allarmi: nessuna [[escalation]] nel registro: se nessuno risponde non viene avvisato altri",
    "alarms: no [[escalation]] in the registry: if nobody answers, nobody else is told",
)

_TYPES = {
    ExportFormat.TOML: "application/toml",
    ExportFormat.GEOJSON: "application/geo+json",
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.ITALIAN_CSV: "text/csv; charset=utf-8",
    ExportFormat.OPENSTREETMAP: "application/geo+json",
}


def _control(services: Services) -> Control:
    if services.control is None:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, Fault.UNAVAILABLE)
    return services.control


async def apply(
    request: Request,
    response: Response,
    by: TheAdministrator,
    services: TheServices,
    replace: Annotated[bool, Query(description="Remove what the document lacks.")] = False,
) -> RegistryChangeView:
    """Import a registry document; 422 names what is wrong in it, and nothing changes.

    202: it opens something wider and is held, nothing of it is in force.
    """
    content_type = request.headers.get("content-type", SEEDS[0]).partition(";")[0].strip()
    if content_type not in SEEDS:
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, Fault.CONTENT_TYPE, f"send {' or '.join(SEEDS)}"
        )
    change = await _control(services).apply(
        await request.body(), content_type, replace=replace, by=by
    )
    if change.held:
        response.status_code = HTTPStatus.ACCEPTED
    return RegistryChangeView(
        version=change.version,
        added=list(change.added),
        changed=list(change.changed),
        removed=list(change.removed),
        held=change.held,
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


async def reset_totp(user_id: str, by: TheAdministrator, services: TheServices) -> None:
    """Take the second device away from an account."""
    await _control(services).reset_totp(user_id, by=by)


async def status(request: Request, _by: TheAdministrator, services: TheServices) -> StatusView:
    """Return the box at a glance; what is wrong in the reader's language, English unless asked."""
    is_italian = language_of(request, Language.EN) is Language.IT
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
        problems=[
            *(italian(one) if is_italian else one for one in health.problems),
            *((NO_LADDER[not is_italian],) if _lacks_ladder(registry) else ()),
        ],
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


def _lacks_ladder(registry: Registry) -> bool:
    """Return whether acts name somebody to tell of alarms, and no escalation anybody after them."""
    named = any(scope.recipients for act in registry.acts.values() for scope in act.scopes)
    return named and not registry.escalations


LINES = "application/x-ndjson"


class _Lines(StreamingResponse):
    """Lines as they come; when the reader goes, the work behind them ends."""

    def __init__(self, lines: AsyncGenerator[bytes, None]) -> None:
        super().__init__(lines, media_type=LINES)
        self._lines = lines

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""
        async with aclosing(self._lines):
            await super().__call__(scope, receive, send)


def _inspection(services: Services) -> Inspection:
    if services.inspection is None:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, Fault.UNAVAILABLE)
    return services.inspection


async def probe(body: ProbeBody, by: TheAdministrator, services: TheServices) -> Response:
    """Measure a camera's stream; lines of JSON, `progress` and then `result` or `problem`."""
    wish = InspectionWish(body.camera, body.seconds)
    return _Lines(await _inspection(services).probe(wish, by=by))


async def accept(body: AcceptBody, _by: TheAdministrator, services: TheServices) -> Response:
    """Make an acceptance sheet under the account of the installer, who signs in for it."""
    inspection = _inspection(services)
    password = body.password.get_secret_value()
    sign_in = await sign_in_for_command(services, body.user, password, body.totp)
    wish = InspectionWish(body.camera, body.seconds, body.clear_reason)
    try:
        lines = await inspection.accept(wish, by=sign_in.actor)
    except BaseException:
        await services.accounts.sign_out(sign_in.token)
        raise

    async def signed() -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(lines):
                async for line in lines:
                    yield line
        finally:
            await services.accounts.sign_out(sign_in.token)

    return _Lines(signed())


async def export_ledger(
    body: SignedExportBody, _by: TheAdministrator, services: TheServices
) -> Response:
    """Return entries of the ledger to a named person, who signs in for it (D.5.7).

    To be the machine's administrator is not enough: the gate asks who that person is.
    """
    password = body.password.get_secret_value()
    sign_in = await sign_in_for_command(services, body.user, password, body.totp)
    try:
        return await send_export(services, sign_in.actor, body)
    finally:
        await services.accounts.sign_out(sign_in.token)


def _add_inspections(router: APIRouter, refused: dict[int | str, dict[str, Any]]) -> None:
    """Add what measures cameras and tells how far it is."""
    streamed: dict[int | str, dict[str, Any]] = {
        200: {"description": "Lines of JSON", "content": {LINES: {}}}
    }
    for path, endpoint, more in (("/probe", probe, {404}), ("/accept", accept, {401, 404})):
        router.add_api_route(
            path,
            endpoint,
            methods=["POST"],
            response_class=StreamingResponse,
            responses=refused | responses(*more) | streamed,
        )


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(prefix="/control", tags=["control"])
    refused = responses(403, 422, 503)
    _add_inspections(router, refused)
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
    router.add_api_route(
        "/users/{user_id}/totp-reset",
        reset_totp,
        methods=["POST"],
        status_code=HTTPStatus.NO_CONTENT,
        responses=refused,
    )
    router.add_api_route(
        "/ledger/export",
        export_ledger,
        methods=["POST"],
        response_class=Response,
        responses=refused
        | responses(401)
        | {200: {"description": "File", "content": {"application/zip": {}, "text/csv": {}}}},
    )
    router.add_api_route("/status", status, methods=["GET"], responses=responses(403))
    return router
