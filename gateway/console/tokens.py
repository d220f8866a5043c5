# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Short tokens: issued to whoever is signed in, taken instead of a sign-in by WHEP, once."""

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from gateway.console.identity import TheActor, TheServices, maybe_actor, services_of, token_of
from gateway.console.looking import Why
from gateway.console.problem import ProblemError, responses, sign_in_needed
from gateway.console.services import Services, Ticket, Tokens
from gateway.console.views import TokenBody, TokenView
from gateway.console.words import Fault
from gateway.model.access import Actor, Purpose

_REPEATABLE = frozenset({"purpose", "case", "reason", "stream", "lang"})
"""What a request with a short token may say; anything more was not asked for with the token."""


def _tokens(services: Services) -> Tokens:
    if services.tokens is None:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, Fault.UNAVAILABLE)
    return services.tokens


async def issue(body: TokenBody, actor: TheActor, services: TheServices) -> TokenView:
    """Give a token for one look at one camera; the gate decides when the look begins."""
    purpose = next((one for one in Purpose if one.value == body.purpose), None)
    if purpose is None:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, Fault.INVALID, "purpose")
    made = await _tokens(services).issue_for(
        actor, body.camera, purpose, body.case.strip(), body.reason.strip()
    )
    return TokenView(token=made.token, expires_s=made.expires_s)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who begins a look: by sign-in, or by a short token, which says what for."""

    actor: Actor
    token: str = ""
    ticket: Ticket | None = None

    def why(self, asked: Why) -> Why:
        """Return the reasons that count: a short token's own, which a request may only repeat."""
        ticket = self.ticket
        if ticket is None:
            return asked
        said = (asked.purpose or ticket.purpose, asked.case, asked.reason)
        repeated = (ticket.purpose, asked.case and ticket.case, asked.reason and ticket.reason)
        if said != repeated:
            raise _not_valid()
        return replace(asked, purpose=ticket.purpose, case=ticket.case, reason=ticket.reason)

    def began(self, services: Services, session: str) -> None:
        """Let the token speak for the session that it has begun."""
        if self.ticket is not None and services.tokens is not None:
            services.tokens.began(self.token, self.actor, session)


def viewer_of(camera: str, request: Request) -> Viewer:
    """Return who wants to look at a camera; a short token is spent by it. 401 for nobody."""
    actor = maybe_actor(request)
    if actor is not None:
        return Viewer(actor)
    tokens, token = services_of(request).tokens, token_of(request)
    if tokens is None or not request.headers.get("authorization"):
        raise sign_in_needed()  # a short token is no cookie
    ticket = tokens.redeem(token, camera)
    unknown_words = set(request.query_params) - _REPEATABLE
    if ticket is None or unknown_words:
        raise _not_valid()
    return Viewer(ticket.actor, token, ticket)


def holder_of(session: str, request: Request) -> Actor:
    """Return who asks about a running session; its short token speaks for it alone."""
    actor = maybe_actor(request)
    tokens = services_of(request).tokens
    if actor is None and tokens is not None and request.headers.get("authorization"):
        actor = tokens.holder(token_of(request), session)
    if actor is None:
        raise sign_in_needed()
    return actor


def _not_valid() -> ProblemError:
    """Return the 401 of RFC 6750 §3.1; it does not tell why."""
    return ProblemError(
        HTTPStatus.UNAUTHORIZED,
        Fault.TOKEN,
        headers={"WWW-Authenticate": 'Bearer realm="varco", error="invalid_token"'},
    )


TheViewer = Annotated[Viewer, Depends(viewer_of)]
TheHolder = Annotated[Actor, Depends(holder_of)]


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(tags=["whep"])
    router.add_api_route(
        "/api/tokens",
        issue,
        methods=["POST"],
        status_code=HTTPStatus.CREATED,
        responses=responses(401, 403, 422, 503),
        name="issue_token",
    )
    return router
