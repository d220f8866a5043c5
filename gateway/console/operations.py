# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Health and metrics, for monitoring. No persons, plates or credentials in either."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from gateway.console.identity import TheServices
from gateway.console.views import HealthView

METRICS = "text/plain; version=0.0.4; charset=utf-8"


async def healthz(response: Response, services: TheServices) -> HealthView:
    """Return 200 while the box does its job, else 503 with one line per problem."""
    health = services.operations.health()
    if not health.ok:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return HealthView(ok=health.ok, problems=list(health.problems))


async def metrics(services: TheServices) -> Response:
    """Return the Prometheus text exposition."""
    return Response(services.operations.metrics(), headers={"Content-Type": METRICS})


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(tags=["operations"])
    router.add_api_route(
        "/healthz",
        healthz,
        methods=["GET"],
        responses={503: {"model": HealthView, "description": "Something is wrong"}},
    )
    router.add_api_route(
        "/metrics",
        metrics,
        methods=["GET"],
        response_class=Response,
        responses={200: {"description": "Metrics", "content": {"text/plain": {}}}},
    )
    return router
