# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Reading and exporting the ledger: an access with a lawful aim, granted and written (D.5.7).

An auditor sees all entries; anybody else who may read it only those of the own organisation. The
gaps that this makes in the numbers say nothing about the entries of others.
"""

from collections.abc import AsyncGenerator, Mapping
from datetime import date, datetime, time, timedelta
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from gateway.console.identity import TheActor, TheServices
from gateway.console.looking import Why, ask, one_look
from gateway.console.problem import ProblemError, responses
from gateway.console.services import ExportFile, ExportWish, LedgerPlace, Services
from gateway.console.views import (
    CheckpointView,
    ExportBody,
    FindingView,
    LedgerView,
    VerifyView,
    checkpoint_view,
    ledger_entry_view,
    organisation_name,
)
from gateway.console.visibility import AIMS, reads_ledger
from gateway.console.words import Fault
from gateway.model.access import Action, Actor, Purpose
from gateway.model.audit import ExportForm, LedgerQuery
from gateway.model.registry import Role
from gateway.model.room import MOST_CAMERA_CHARS
from gateway.model.time import ROME

_BLOCK_BYTES = 1 << 18
_DAY_CHARS = len("2026-11-22")

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


def instant(text: str, *, end: bool = False) -> int:
    """Return a time in us since 1970: RFC 3339 with a zone, or a day in Europe/Rome.

    A day that is an `end` counts as a whole. Empty is 0; ProblemError 422 for anything else.
    """
    if not text:
        return 0
    try:
        if len(text) == _DAY_CHARS:
            day = date.fromisoformat(text) + timedelta(days=1 if end else 0)
            moment = datetime.combine(day, time(), ROME)
        else:
            moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("no zone")  # noqa: TRY301 - like any other time that cannot be read
        return max(1, round(moment.timestamp() * 1_000_000))
    except (ValueError, OverflowError) as error:
        advice = "write 2026-11-22 or 2026-11-22T10:00:00+01:00"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, Fault.INVALID, advice) from error


def scope_of(actor: Actor) -> str:
    """Return whose entries somebody may read: empty for all."""
    return "" if actor.role is Role.AUDITOR else actor.organisation


def _span(
    from_: Annotated[str, Query(alias="from", max_length=40)] = "",
    to: Annotated[str, Query(max_length=40)] = "",
) -> tuple[int, int]:
    return instant(from_), instant(to, end=True)


def _query(
    actor: TheActor,
    span: Annotated[tuple[int, int], Depends(_span)],
    person: Annotated[str, Query(max_length=100, description="Account that acted.")] = "",
    camera: Annotated[str, Query(max_length=MOST_CAMERA_CHARS)] = "",
    dossier: Annotated[str, Query(max_length=100, description="Case of the entries.")] = "",
    event: Annotated[str, Query(max_length=64, description="Code, or family: `live.`")] = "",
) -> LedgerQuery:
    """Return the filters of a request, within what the actor may know."""
    return LedgerQuery(person, camera, dossier, event, *span, scope_of(actor))


def _place(
    after: Annotated[int | None, Query(ge=-1)] = None,
    before: Annotated[int | None, Query(ge=0)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> LedgerPlace:
    return LedgerPlace(limit, after, before)


TheQuery = Annotated[LedgerQuery, Depends(_query)]
ThePlace = Annotated[LedgerPlace, Depends(_place)]


async def read(
    actor: TheActor,
    services: TheServices,
    query: TheQuery,
    place: ThePlace,
    aim: Aim = "",
    case: Annotated[str, Query(max_length=100)] = "",
) -> LedgerView:
    """Return matching entries above `after`, or below `before`; without both the newest."""
    grant = await ask(services, actor, Action.LOG_READ, "", _why(aim, case))
    async with one_look(services, grant) as delivered:
        page = await services.ledger.search(query, place)
        registry = services.registry()
        view = LedgerView(
            aim=aim,
            head=await checkpoint_view(services),
            entries=[ledger_entry_view(one, registry, query.organisation) for one in page.entries],
            older=page.older,
            newer=page.newer,
            only=organisation_name(registry, query.organisation),
        )
        delivered.bytes = sum(len(one.model_dump_json()) for one in view.entries)
    return view


def wish_of(body: ExportBody, actor: Actor) -> ExportWish:
    """Return what a body asks for, within what the actor may know."""
    query = LedgerQuery(
        body.person,
        body.camera,
        body.case,
        body.event,
        instant(body.from_),
        instant(body.to, end=True),
        scope_of(actor),
    )
    return ExportWish(query, ExportForm(body.format), body.year, body.bom)


async def send_export(services: Services, actor: Actor, body: ExportBody) -> Response:
    """Have entries leave under a Grant, written before and after."""
    aim = {one.value: one for one in AIMS}.get(body.aim)
    wish = wish_of(body, actor)
    why = Why(aim, body.own_case.strip(), "")
    grant = await ask(services, actor, Action.LOG_EXPORT, "", why)
    async with one_look(services, grant) as delivered:
        made = await services.ledger.export(wish, grant)
        delivered.bytes = made.bytes
    return _Attachment(made)


class _Attachment(StreamingResponse):
    """A file that is gone once it was sent, or its reader went away."""

    def __init__(self, made: ExportFile) -> None:
        headers: Mapping[str, str] = {
            "Content-Disposition": f'attachment; filename="{made.name}"',
            "Content-Length": str(made.bytes),
            "Content-Type": made.content_type,
            "X-Varco-SHA256": made.sha256,
            "X-Varco-Entries": str(made.entries),
        }
        super().__init__(_blocks(made), headers=headers)
        self._made = made

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._made.file.close()


async def _blocks(made: ExportFile) -> AsyncGenerator[bytes, None]:
    while block := await run_in_threadpool(made.file.read, _BLOCK_BYTES):
        yield block


async def export(body: ExportBody, actor: TheActor, services: TheServices) -> Response:
    """Return entries as a file: a package that verifies without us, a table, or a report."""
    return await send_export(services, actor, body)


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
    return await checkpoint_view(services)


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(tags=["ledger"])
    refused = responses(401, 403, 422, 503)
    router.add_api_route("/api/ledger", read, methods=["GET"], responses=refused)
    router.add_api_route(
        "/api/ledger/export",
        export,
        methods=["POST"],
        response_class=Response,
        responses=refused
        | {
            200: {
                "description": "File",
                "content": {"application/zip": {}, "text/csv": {}, "application/x-ndjson": {}},
            }
        },
    )
    router.add_api_route("/api/ledger/verify", verify, methods=["POST"], responses=refused)
    router.add_api_route(
        "/api/ledger/checkpoint", checkpoint, methods=["GET"], responses=responses(401, 403)
    )
    return router
