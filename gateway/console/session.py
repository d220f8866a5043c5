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
    workstation_of,
)
from gateway.console.problem import ProblemError, responses
from gateway.console.services import Services, SignIn
from gateway.console.views import (
    MachineView,
    ProviderView,
    SessionView,
    SignInBody,
    UserView,
    box_view,
    user_view,
)
from gateway.console.visibility import reads_plates
from gateway.console.words import Fault
from gateway.model.access import Actor
from gateway.model.registry import Role

SIGNED_OUT = "signed-out"
"""Reason of a live session whose viewer signed out."""


async def who_am_i(request: Request, services: TheServices) -> SessionView:
    """Return the box, and the signed-in person if there is one."""
    actor, token = maybe_actor(request), token_of(request)
    user = _user(actor, services) if actor else None
    enrolling = actor is None and bool(token) and services.accounts.resolve_enrolling(token)
    return SessionView(
        box=box_view(services.box, scenes=services.exercise is not None),
        user=user,
        enrol=bool(enrolling),
        oidc=_providers(services),
    )


def _user(actor: Actor, services: Services) -> UserView:
    """Return the signed-in person; a box without lines has no page of them."""
    view = user_view(actor, services.registry())
    absent = {"reports"} if services.reports is None else set[str]()
    if services.plates is None or not reads_plates(services.registry()):
        absent.add("plates")
    if services.hotlists is None:
        absent.add("hotlists")
    if services.lines is None and actor.role is not Role.SYSADMIN:
        absent.add("lines")
    return view.model_copy(update={"views": [one for one in view.views if one not in absent]})


def _providers(services: Services) -> list[ProviderView]:
    names = services.oidc.names if services.oidc is not None else ()
    return [ProviderView(name=name, title=title) for name, title in names]


async def sign_in(
    body: SignInBody, request: Request, response: Response, services: TheServices
) -> SessionView:
    """Exchange user, password and code for a cookie, or for a bearer token if asked.

    401 `totp-needed`: the password is right, the code is due. `enrol` in the answer: the sign-in
    may only enrol a second device, which the account has to have.
    """
    made = await services.accounts.sign_in(
        body.user,
        body.password.get_secret_value(),
        source_ip(request),
        body.totp,
        workstation_of(request),
    )
    if made is None:
        raise ProblemError(
            HTTPStatus.UNAUTHORIZED,
            Fault.SIGN_IN_REFUSED,
            headers={"WWW-Authenticate": 'Bearer realm="varco"'},
        )
    if not body.bearer:
        await services.accounts.sign_out(request.cookies.get(COOKIE, ""))  # who sat here before
        set_cookie(request, response, made.token)
    return session_view(services, made, token=made.token if body.bearer else None)


def session_view(services: Services, made: SignIn, *, token: str | None = None) -> SessionView:
    """Return the answer to a sign-in."""
    user = None if made.restricted else _user(made.actor, services)
    return SessionView(
        box=box_view(services.box, scenes=services.exercise is not None),
        user=user,
        enrol=made.restricted,
        oidc=_providers(services),
        token=token,
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
    actor = services.accounts.resolve_enrolling(token) if token else None
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


async def who_is_the_machine(
    certificate: TheCertificate, request: Request, services: TheServices
) -> MachineView:
    """Return what the client certificate of this connection says, and whose it is here."""
    actor = services.accounts.by_certificate(
        certificate.sha256, certificate.subject, source_ip(request)
    )
    return MachineView(
        certificate_sha256=certificate.sha256,
        subject=certificate.subject,
        user=_user(actor, services) if actor else None,
    )


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
