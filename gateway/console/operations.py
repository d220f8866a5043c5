# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Health and metrics, for monitoring. No persons, plates or credentials in either.

Who is nobody's monitoring reads figures of the box as a whole: names of cameras and devices would
tell one controller what another one has.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable
from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from gateway.console.identity import TheServices, maybe_actor, source_ip
from gateway.console.services import Services
from gateway.console.views import HealthView
from gateway.model.registry import Role

METRICS = "text/plain; version=0.0.4; charset=utf-8"


_OF_THE_BOX = re.compile(r"(?:no progress|ledger|alarms|sweep|clock|witness|media)\b[^\n]*")
_LABELS = re.compile(r"^[a-zA-Z_:][a-zA-Z0-9_:]*\{(.*)\} ")
_SHARED = re.compile(r'process="[a-z]+"')
"""The only label that says nothing about anybody's house."""


def _is_monitoring(request: Request, services: Services) -> bool:
    """Return whether names may be told: to the control socket, a monitoring host, a sysadmin."""
    if request.scope.get("extensions", {}).get("peercred") is not None:
        return True
    monitors = {ipaddress.ip_address(one) for one in services.box.monitors}
    if monitors and _address(source_ip(request)) in monitors:
        return True
    actor = maybe_actor(request)
    return actor is not None and actor.role is Role.SYSADMIN


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _unnamed(problems: Iterable[str]) -> list[str]:
    """Return the problems of the box; of whatever has a name only how many there are."""
    told, counts = [], Counter[str]()
    for problem in problems:
        if _OF_THE_BOX.match(problem):
            told.append(problem)
        else:
            counts[problem.split(maxsplit=1)[0].strip(":")] += 1
    return [*told, *(f"{kind}: {count} with a problem" for kind, count in counts.items())]


def _is_shared(line: str) -> bool:
    """Return whether a line of the exposition may be read by anybody: deny by default."""
    labels = _LABELS.match(line)
    return labels is None or _SHARED.fullmatch(labels[1]) is not None


async def healthz(request: Request, response: Response, services: TheServices) -> HealthView:
    """Return 200 while the box does its job, else 503 with one line per problem."""
    health = services.operations.health()
    if not health.ok:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    full = _is_monitoring(request, services)
    problems = list(health.problems) if full else _unnamed(health.problems)
    return HealthView(ok=health.ok, problems=problems)


async def metrics(request: Request, services: TheServices) -> Response:
    """Return the Prometheus text exposition; samples of a house to monitoring only."""
    text = services.operations.metrics()
    if not _is_monitoring(request, services):
        lines = text.splitlines(keepends=True)
        text = "".join(line for line in lines if _is_shared(line))
    return Response(text, headers={"Content-Type": METRICS})


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
