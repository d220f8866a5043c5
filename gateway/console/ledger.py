# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Reading the ledger: itself an access with a lawful aim, granted and written (D.5.7)."""

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from gateway.console.identity import TheActor, TheServices
from gateway.console.looking import Why, ask, one_look
from gateway.console.problem import ProblemError, responses
from gateway.console.views import (
    CheckpointView,
    FindingView,
    LedgerView,
    VerifyView,
    checkpoint_view,
    ledger_entry_view,
)
from gateway.console.visibility import reads_ledger
from gateway.console.words import Fault
from gateway.model.access import Action, Actor, Purpose

Aim = Annotated[
    Literal[
        "",
        "verifica-liceita",
        "controllo-interno",
        "integrita-sicurezza",
        "procedimento-penale",
    ],
    Query(description="One of the four lawful aims of reading the log."),
]


def _why(aim: str, case: str) -> Why:
    return Why(Purpose(aim) if aim else None, case, "")


async def read(
    actor: TheActor,
    services: TheServices,
    aim: Aim = "",
    case: Annotated[str, Query(max_length=100)] = "",
    after: Annotated[int | None, Query(ge=-1)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> LedgerView:
    """Return entries above `after`, oldest first; without it the newest `limit`."""
    grant = await ask(services, actor, Action.LOG_READ, "", _why(aim, case))
    async with one_look(services, grant) as delivered:
        start = services.ledger.head().size - limit - 1 if after is None else after
        entries = await services.ledger.entries(max(start, -1), limit)
        registry = services.registry()
        view = LedgerView(
            aim=aim,
            head=checkpoint_view(services),
            entries=[ledger_entry_view(one, registry) for one in entries],
        )
        delivered.bytes = sum(len(one.model_dump_json()) for one in view.entries)
    return view


async def verify(
    actor: TheActor, services: TheServices, aim: Aim = Purpose.INTEGRITY.value
) -> VerifyView:
    """Verify the whole ledger now, as `varco audit verify` would."""
    grant = await ask(services, actor, Action.LOG_READ, "", _why(aim, ""))
    async with one_look(services, grant):
        report = await services.ledger.verify()
    return VerifyView(
        ok=report.ok,
        size=report.size,
        root=report.root.hex(),
        findings=[FindingView(seq=one.seq, problem=one.problem) for one in report.findings],
    )


def _require_reader(actor: Actor) -> None:
    if not reads_ledger(actor.role):
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.ROLE)


async def checkpoint(actor: TheActor, services: TheServices) -> CheckpointView:
    """Return the newest signed checkpoint: no personal data, made to be held by others."""
    _require_reader(actor)
    return checkpoint_view(services)


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(tags=["ledger"])
    refused = responses(401, 403, 422, 503)
    router.add_api_route("/api/ledger", read, methods=["GET"], responses=refused)
    router.add_api_route("/api/ledger/verify", verify, methods=["POST"], responses=refused)
    router.add_api_route(
        "/api/ledger/checkpoint", checkpoint, methods=["GET"], responses=responses(401, 403)
    )
    return router
