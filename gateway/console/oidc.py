# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Sign-in at an identity provider: the two visits of the browser.

The cookie between them has to be Lax, because the provider sends the browser back; it is worth
nothing by itself. The session's own cookie stays Strict: the page that follows is ours.
"""

from html import escape
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

from gateway.console.identity import TheServices, source_ip, token_of
from gateway.console.problem import ProblemError, answer, responses
from gateway.console.services import Oidc, Services
from gateway.console.session import set_cookie
from gateway.console.words import Fault, Language, language_of, sentence
from gateway.model.errors import PeerError

PENDING = "varco_oidc"
PATH = "/api/oidc"
_STATUS = {
    Fault.OIDC_STATE: HTTPStatus.BAD_REQUEST,
    Fault.OIDC_AWAY: HTTPStatus.SERVICE_UNAVAILABLE,
}


def _oidc(services: Services) -> Oidc:
    if services.oidc is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    return services.oidc


async def login(
    request: Request,
    services: TheServices,
    next_: Annotated[str, Query(alias="next", max_length=512)] = "/",
    provider: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Send the browser to a provider; `next` is a path of this console."""
    try:
        begun = await _oidc(services).begin(provider, next_)
    except PeerError:
        return _problem(request, Fault.OIDC_AWAY)
    if begun is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    response = RedirectResponse(begun.location, HTTPStatus.FOUND)
    response.set_cookie(
        PENDING,
        begun.cookie,
        max_age=begun.lasts_s,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        path=PATH,
    )
    return response


async def callback(request: Request, services: TheServices) -> Response:
    """Take what the provider sent the browser back with; the browser goes on signed in, or not."""
    finished = await _oidc(services).finish(
        request.query_params, request.cookies.get(PENDING, ""), source_ip(request)
    )
    if finished.sign_in is None:
        fault = Fault(finished.problem.value) if finished.problem else Fault.OIDC_TOKEN
        response = _problem(request, fault)
    else:
        response = RedirectResponse(finished.next, HTTPStatus.SEE_OTHER)
        await services.accounts.sign_out(token_of(request))  # whoever sat here before
        set_cookie(request, response, finished.sign_in.token)
    response.delete_cookie(
        PENDING,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        path=PATH,
    )
    return response


def _problem(request: Request, fault: Fault) -> Response:
    """Return a problem as a page, where a browser asks for one, else as any other."""
    status = _STATUS.get(fault, HTTPStatus.FORBIDDEN)
    if "text/html" not in request.headers.get("accept", ""):
        return answer(request, status, fault)
    language = language_of(request)
    italian = language is Language.IT
    title = "Accesso non riuscito" if italian else "Sign-in failed"
    back = "Torna all’accesso" if italian else "Back to sign-in"
    page = (
        f'<!doctype html><html lang="{language.value}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f'<title>Varco</title><link rel="stylesheet" href="/static/console.css">'
        f"<main><h1>{escape(title)}</h1><p>{escape(sentence(fault, language))}</p>"
        f'<p><a href="/">{escape(back)}</a></p></main></html>'
    )
    return HTMLResponse(page, status, {"Content-Language": language.value})


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(prefix=PATH, tags=["session"])
    away = responses(404, 503)
    sent = {302: {"description": "To the provider"}}
    router.add_api_route(
        "/login",
        login,
        methods=["GET"],
        response_class=Response,
        status_code=HTTPStatus.FOUND,
        responses=away | sent | responses(422),
        name="oidc_login",
    )
    router.add_api_route(
        "/callback",
        callback,
        methods=["GET"],
        response_class=Response,
        status_code=HTTPStatus.SEE_OTHER,
        responses=away | responses(400, 403),
        name="oidc_callback",
    )
    return router
