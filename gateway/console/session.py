# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Sign in, sign out, who am I."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from gateway.console.identity import (
    COOKIE,
    TheCertificate,
    TheServices,
    maybe_actor,
    source_ip,
    token_of,
)
from gateway.console.problem import ProblemError, responses
from gateway.console.services import Services, SignIn
from gateway.console.views import MachineView, SessionView, SignInBody, box_view, user_view
from gateway.console.words import Fault
from gateway.model.access import Actor

SIGNED_OUT = "signed-out"
"""Reason of a live session whose viewer signed out."""


async def who_am_i(request: Request, services: TheServices) -> SessionView:
    """Return the box, and the signed-in person if there is one."""
    actor = maybe_actor(request)
    user = user_view(actor, services.registry()) if actor else None
    return SessionView(box=box_view(services.box, scenes=services.exercise is not None), user=user)


async def sign_in(
    body: SignInBody, request: Request, response: Response, services: TheServices
) -> SessionView:
    """Exchange user and password for a cookie, or for a bearer token if asked."""
    password = body.password.get_secret_value()
    made = await services.accounts.sign_in(body.user, password, source_ip(request))
    if made is None:
        raise ProblemError(
            HTTPStatus.UNAUTHORIZED,
            Fault.SIGN_IN_REFUSED,
            headers={"WWW-Authenticate": 'Bearer realm="varco"'},
        )
    if not body.bearer:
        set_cookie(request, response, made.token)
    return session_view(services, made, token=made.token if body.bearer else None)


def session_view(services: Services, made: SignIn, *, token: str | None = None) -> SessionView:
    """Return the answer to a sign-in."""
    user = user_view(made.actor, services.registry())
    return SessionView(
        box=box_view(services.box, scenes=services.exercise is not None), user=user, token=token
    )


def set_cookie(request: Request, response: Response, token: str) -> None:
    """Give the browser its cookie: hidden from scripts, never sent from elsewhere."""
    response.set_cookie(
        COOKIE,
        token,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path="/",
    )


async def sign_out(request: Request, response: Response, services: TheServices) -> None:
    """End the sign-in and its live pictures; harmless if there is none."""
    token = token_of(request)
    actor = services.accounts.resolve(token) if token else None
    if actor is not None:
        await _darken(services, actor)
        await services.accounts.sign_out(token)
    response.delete_cookie(
        COOKIE,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path="/",
    )


async def _darken(services: Services, actor: Actor) -> None:
    """End the live pictures of a sign-in, in whatever window they are."""
    for one in services.media.sessions():
        if one.grant.request.actor.session == actor.session:
            await services.media.close(one.session, SIGNED_OUT)


async def who_is_the_machine(certificate: TheCertificate) -> MachineView:
    """Return what the client certificate of this connection says."""
    return MachineView(certificate_sha256=certificate.sha256, subject=certificate.subject)


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(tags=["session"])
    router.add_api_route("/api/session", who_am_i, methods=["GET"])
    router.add_api_route(
        "/api/session",
        sign_in,
        methods=["POST"],
        status_code=HTTPStatus.CREATED,
        responses=responses(401, 403, 422),
    )
    router.add_api_route(
        "/api/session", sign_out, methods=["DELETE"], status_code=HTTPStatus.NO_CONTENT
    )
    router.add_api_route(
        "/api/machine/whoami", who_is_the_machine, methods=["GET"], responses=responses(401)
    )
    return router
