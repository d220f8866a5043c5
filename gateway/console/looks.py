# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Looks that go on: the viewer confirms that the picture is still needed (D.10)."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from gateway.console.identity import TheActor, TheServices
from gateway.console.problem import ProblemError, RefusedError, responses
from gateway.console.views import iso
from gateway.console.words import Fault
from gateway.model.access import Verdict


class LookView(BaseModel):
    """A look that was confirmed."""

    expires: str = Field(description="When it is asked about again; RFC 3339, UTC.")


async def confirm(
    session: Annotated[str, Path(max_length=200)], actor: TheActor, services: TheServices
) -> LookView:
    """Confirm that one's own picture is still needed; it was never dark meanwhile."""
    looks = services.looks
    answer = await looks.confirm(session, actor) if looks is not None else None
    if answer is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    if isinstance(answer, Verdict):
        raise RefusedError(answer)
    return LookView(expires=iso(answer.expires.utc_us))


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(tags=["looks"])
    router.add_api_route(
        "/api/looks/{session}/confirm",
        confirm,
        methods=["POST"],
        responses=responses(401, 403, 404, 422, 503),
    )
    return router
