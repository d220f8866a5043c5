# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Puts the console together: one application for browsers and machines, one for the control socket.

An application keeps `state.services`, `state.streams` (event streams by person) and
`state.stopping`; the listener sets the last so that open event streams end by themselves.
"""

import asyncio
import mimetypes
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope
from typing_extensions import override

from gateway.console import (
    acts,
    alarms,
    cameras,
    control,
    devices,
    exercise,
    feedback,
    holdup,
    hotlists,
    incidents,
    ledger,
    lines,
    looks,
    mine,
    oidc,
    operations,
    plates,
    problem,
    reports,
    retention,
    second,
    session,
    shield,
    shift,
    tokens,
    totp,
    walls,
    whep,
    why,
)
from gateway.console.services import Services

STATIC = Path(__file__).parent / "static"
_CACHE = "no-cache"
"""Pages and scripts are asked for again with their ETag: an upgrade shows at once."""


class _Static(StaticFiles):
    """Files of the pages, always revalidated."""

    @override
    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file with its ETag, or 304."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = _CACHE
        return response


async def _page() -> FileResponse:
    """Return the one page; it shows every view by its fragment."""
    return FileResponse(STATIC / "index.html", headers={"Cache-Control": _CACHE})


def _operation_id(route: APIRoute) -> str:
    """Return a short, stable name for generated clients."""
    tag = str(route.tags[0]) if route.tags else "page"
    return f"{tag}_{route.name}"


def _new_app(services: Services, title: str) -> FastAPI:
    app = FastAPI(
        title=title,
        version=services.box.version or "0",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        license_info={"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
    )
    app.state.services = services
    app.state.streams = Counter[str]()
    app.state.stopping = asyncio.Event()
    problem.install(app)
    return app


@cache
def _included(make: Callable[[], APIRouter]) -> tuple[BaseRoute, ...]:
    """Return the routes of a module as an application includes them, looked through once.

    No application changes them; each would else do it again when it is first asked anything.
    """
    first = FastAPI(openapi_url=None, generate_unique_id_function=_operation_id)
    first.include_router(make())
    return tuple(first.routes)


def _add(app: FastAPI, *made: Callable[[], APIRouter]) -> None:
    """Let an application answer for these modules."""
    for make in made:
        app.router.routes.extend(_included(make))


def _pages() -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    pages.add_api_route("/", _page, methods=["GET", "HEAD"], response_class=FileResponse)
    return pages


def build_app(services: Services) -> FastAPI:
    """Return the application for browsers and machines (pages, API, WHEP, OpenAPI 3.1)."""
    mimetypes.add_type("text/javascript", ".js")
    app = _new_app(services, "Varco")
    for people in (session, totp, tokens, oidc, shift, second):
        _add(app, people.routes)
    for pictures in (cameras, devices, alarms, feedback, incidents, whep, walls, looks, why):
        _add(app, pictures.routes)
    for accounts in (acts, holdup, ledger, lines, mine, retention, operations):
        _add(app, accounts.routes)
    for told in (reports, plates, hotlists):
        _add(app, told.routes)
    if services.exercise is not None and services.box.exercise:
        _add(app, exercise.routes)
    _add(app, _pages)
    app.mount("/static", _Static(directory=STATIC), name="static")
    _describe(app)
    app.add_middleware(shield.BodyLimit)
    app.add_middleware(shield.OriginGuard, origins=services.box.origins)
    app.add_middleware(shield.SecurityHeaders)
    return app


def build_control_app(services: Services) -> FastAPI:
    """Return the application for the AF_UNIX control socket; root or our own uid only."""
    app = _new_app(services, "Varco control")
    _add(app, control.routes, acts.control_routes, lines.control_routes, holdup.control_routes)
    _add(app, hotlists.control_routes, why.control_routes, operations.routes)
    _describe(app)
    app.add_middleware(shield.BodyLimit, most_bytes=control.MOST_SEED_BYTES)
    app.add_middleware(shield.SecurityHeaders)
    return app


def _describe(app: FastAPI) -> None:
    """Complete the OpenAPI document with the problem schema that every error refers to.

    The document is made when it is first asked for: no start of a box waits for it.
    """
    plain = app.openapi

    def document() -> dict[str, Any]:
        schema = plain()
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        if "Problem" not in schemas:
            schemas["Problem"] = problem.Problem.model_json_schema()
        return schema

    # FastAPI documents this way of extending its document ("Extending OpenAPI").
    app.openapi = document  # type: ignore[method-assign]
