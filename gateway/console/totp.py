# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Enrolling a second device; open also to a sign-in that may do nothing else yet."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from gateway.console.identity import TheServices, token_of
from gateway.console.problem import ProblemError, responses, sign_in_needed
from gateway.console.services import Services
from gateway.console.session import session_view, set_cookie
from gateway.console.views import CodeBody, EnrolmentView, SessionView
from gateway.console.words import Fault


def _enrolling(request: Request, services: Services) -> str:
    """Return the token of whoever asks; 401 for nobody."""
    token = token_of(request)
    if not token or services.accounts.resolve_enrolling(token) is None:
        raise sign_in_needed()
    return token


async def enrol(request: Request, services: TheServices) -> EnrolmentView:
    """Show a fresh secret; it counts once a code of it was given. 409 if there is a device."""
    made = services.accounts.enrol(_enrolling(request, services), services.box.name)
    if made is None:
        raise ProblemError(HTTPStatus.CONFLICT, Fault.NO_ENROLMENT)
    return EnrolmentView(secret=made.secret, uri=made.uri, qr_svg=made.qr_svg)


async def confirm(
    body: CodeBody, request: Request, response: Response, services: TheServices
) -> SessionView:
    """Take the device over; the sign-in becomes a full one, under a new cookie or token."""
    made = await services.accounts.confirm(_enrolling(request, services), body.code)
    if made is None:
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.CODE_WRONG)
    if not body.bearer:
        set_cookie(request, response, made.token)
    return session_view(services, made, token=made.token if body.bearer else None)


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(prefix="/api/totp", tags=["session"])
    router.add_api_route(
        "", enrol, methods=["POST"], responses=responses(401, 409), name="enrol_second_device"
    )
    router.add_api_route(
        "/confirm",
        confirm,
        methods=["POST"],
        responses=responses(401, 403, 422),
        name="confirm_second_device",
    )
    return router
