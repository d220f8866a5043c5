# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""WHEP (draft-ietf-wish-whep-03, B-51): a live picture for a Grant.

The media process is ICE-lite: it learns the viewer's addresses from STUN checks, so trickled
candidates are validated and acknowledged. ICE servers are announced to whoever is known: at POST,
and at OPTIONS, since browsers want to know them before they make an offer.
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response

from gateway.console.identity import TheServices, maybe_actor
from gateway.console.looking import TheReasons, ask, beginning, never_began
from gateway.console.problem import ProblemError, responses
from gateway.console.services import IceSession, Services, SessionInfo, Wall, WhepAnswer
from gateway.console.shield import WHEP_ALLOWED
from gateway.console.tokens import TheHolder, TheViewer
from gateway.console.views import WhepSessionView, figures_view, iso
from gateway.console.words import Fault
from gateway.model.access import Action, Actor, Grant
from gateway.model.errors import WireError
from gateway.model.media import StreamWish
from gateway.model.room import MOST_CAMERA_CHARS

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
BY_VIEWER = "viewer-left"
"""Reason of a session that its viewer ended."""

CameraId = Annotated[str, Path(max_length=MOST_CAMERA_CHARS)]
SessionId = Annotated[str, Path(max_length=200)]
TheStream = Annotated[
    StreamWish, Query(description="auto: the line decides, large first; main, sub: pinned")
]
SDP_BODY = {"requestBody": {"required": True, "content": {SDP: {"schema": {"type": "string"}}}}}
FRAGMENT_BODY = {
    "requestBody": {"required": True, "content": {FRAGMENT: {"schema": {"type": "string"}}}}
}


def require_type(request: Request, wanted: str) -> None:
    """Refuse a body of another media type: 415."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != wanted:
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            Fault.CONTENT_TYPE,
            f"send {wanted}",
            {"Accept-Post": SDP},
        )


async def text_of(request: Request) -> str:
    """Return the body as text; empty if it is none."""
    try:
        return (await request.body()).decode("utf-8")
    except UnicodeDecodeError:
        return ""


async def offer_of(request: Request) -> str:
    """Return the SDP offer in a body; 400 if it is none at all."""
    offer = await text_of(request)
    if offer.startswith("v=0") and "\nm=video" in offer:
        return offer
    raise ProblemError(HTTPStatus.BAD_REQUEST, Fault.OFFER_MALFORMED, "an SDP offer with m=video")


async def watch(
    camera: CameraId,
    request: Request,
    why: TheReasons,
    viewer: TheViewer,
    services: TheServices,
    stream: TheStream = StreamWish.AUTO,
) -> Response:
    """Answer an SDP offer; the ledger knows of it, granted or refused, before anything leaves."""
    require_type(request, SDP)
    grant = await ask(services, viewer.actor, Action.LIVE, camera, viewer.why(why))
    offer = await _offer(services, grant, request)
    async with beginning(services, grant):
        answer = await services.media.open(grant, offer, stream)
    viewer.began(services, answer.session)
    return created(services, f"/whep/{camera}/{answer.session}", answer)


def created(services: Services, location: str, answer: WhepAnswer | Wall) -> Response:
    """Return the answer to an offer: 201 with the SDP and where the session is."""
    headers = {"Location": location, "ETag": f'"{answer.etag}"', "Accept-Patch": FRAGMENT}
    return Response(
        answer.sdp,
        status_code=HTTPStatus.CREATED,
        media_type=SDP,
        headers={**headers, **ice_links(services)},
    )


def ice_links(services: Services) -> dict[str, str]:
    """Return the Link header that names the ICE servers (RFC 9725 §4.6); empty without any."""
    if services.ice_servers is None:
        return {}
    links = (
        f'<{one.url}>; rel="ice-server"; username="{one.username}"; '
        f'credential="{one.credential}"; credential-type="password"'
        for one in services.ice_servers.issue()
    )
    return {"Link": ", ".join(links)}


async def _offer(services: Services, grant: Grant, request: Request) -> str:
    """Return the offer; an offer that is none at all closes the Grant."""
    try:
        return await offer_of(request)
    except ProblemError:
        await never_began(services, grant, "offer-malformed")
        raise


def _own_session(services: Services, camera: str, session: str, actor: Actor) -> SessionInfo:
    """Return a running session of the actor on that camera; 404 or 403 else."""
    for info in services.media.sessions():
        if info.session == session and info.grant.camera == camera:
            if info.grant.request.actor.id != actor.id:
                raise ProblemError(HTTPStatus.FORBIDDEN, Fault.NOT_YOURS)
            return info
    raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)


async def trickle(
    camera: CameraId,
    session: SessionId,
    request: Request,
    actor: TheHolder,
    services: TheServices,
    if_match: Annotated[str, Header(max_length=200)] = "*",
) -> Response:
    """Take trickled candidates: 204; answer a new ICE session of the player: 200 with ours.

    412 if the fragment belongs to an ICE session that is over (RFC 9725 §4.3).
    """
    require_type(request, FRAGMENT)
    info = _own_session(services, camera, session, actor)
    return patched(services, info, await text_of(request), if_match)


def patched(services: Services, info: IceSession, fragment: str, if_match: str) -> Response:
    """Return the answer to a PATCH of a session; ProblemError says what is wrong with it."""
    tags = {one.strip().removeprefix("W/") for one in if_match.split(",")}
    if not tags & {"*", f'"{info.etag}"'}:
        raise ProblemError(HTTPStatus.PRECONDITION_FAILED, Fault.STALE)
    try:
        answer = services.media.patch(info.session, fragment)
    except WireError as error:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, Fault.OFFER_MALFORMED, str(error)[:200]
        ) from error
    if answer is None:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return Response(answer.sdp, media_type=FRAGMENT, headers={"ETag": f'"{answer.etag}"'})


async def leave(
    camera: CameraId, session: SessionId, actor: TheHolder, services: TheServices
) -> None:
    """End one's own session."""
    info = _own_session(services, camera, session, actor)
    await services.media.close(info.session, BY_VIEWER)


async def session_state(
    camera: CameraId, session: SessionId, actor: TheHolder, services: TheServices
) -> WhepSessionView:
    """Tell a player that went dark whether its session ended, and why."""
    reason = services.endings.reason(session, actor.id)
    if reason is not None:
        return WhepSessionView(session=session, state="ended", reason=reason)
    info = _own_session(services, camera, session, actor)
    return WhepSessionView(
        session=session,
        state="live",
        reason="",
        flags=[*info.grant.flags, *info.flags],
        expires=iso(info.grant.expires.utc_us),
        stream=info.stream,
        figures=figures_view(info.figures),
    )


async def options(request: Request, services: TheServices) -> Response:
    """Say what the resource takes, and to who is signed in which ICE servers there are.

    CORS is answered earlier, for configured origins only.
    """
    known = maybe_actor(request) is not None
    return Response(
        status_code=HTTPStatus.NO_CONTENT,
        headers={
            "Allow": WHEP_ALLOWED,
            "Accept-Post": SDP,
            "Accept-Patch": FRAGMENT,
            **(ice_links(services) if known else {}),
        },
    )


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(tags=["whep"])
    endpoint, resource = "/whep/{camera}", "/whep/{camera}/{session}"
    answers = responses(400, 401, 403, 404, 406, 413, 415, 429, 503)
    answers[201] = {"description": "SDP answer", "content": {SDP: {}}}
    answered = responses(400, 401, 403, 404, 412, 415, 503)
    answered[200] = {"description": "Our new ICE session", "content": {FRAGMENT: {}}}
    router.add_api_route(
        endpoint,
        watch,
        methods=["POST"],
        status_code=HTTPStatus.CREATED,
        response_class=Response,
        responses=answers,
        openapi_extra=SDP_BODY,
    )
    router.add_api_route(
        resource,
        trickle,
        methods=["PATCH"],
        status_code=HTTPStatus.NO_CONTENT,
        response_class=Response,
        responses=answered,
        openapi_extra=FRAGMENT_BODY,
    )
    router.add_api_route(
        resource, session_state, methods=["GET"], responses=responses(401, 403, 404)
    )
    router.add_api_route(resource, leave, methods=["DELETE"], responses=responses(401, 403, 404))
    for number, path in enumerate((endpoint, resource)):
        router.add_api_route(
            path,
            options,
            methods=["OPTIONS"],
            status_code=HTTPStatus.NO_CONTENT,
            response_class=Response,
            operation_id=f"whep_options_{number}",
        )
    return router
