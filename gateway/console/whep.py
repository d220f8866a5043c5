# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""WHEP (draft-ietf-wish-whep-03, B-51): a live picture for a Grant.

The media process is ICE-lite: it learns the viewer's addresses from STUN checks, so trickled
candidates are validated and acknowledged, and no ICE servers are announced (no Link header).
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response

from gateway.console.identity import TheServices
from gateway.console.looking import TheReasons, ask
from gateway.console.problem import ProblemError, RefusedError, responses
from gateway.console.services import Services, SessionInfo, WhepAnswer
from gateway.console.shield import WHEP_ALLOWED
from gateway.console.tokens import TheHolder, TheViewer
from gateway.console.views import WhepSessionView, iso
from gateway.console.words import Fault
from gateway.model.access import Action, Actor, Grant
from gateway.model.errors import PeerError, WireError
from gateway.model.media import StreamKind
from gateway.model.room import MOST_CAMERA_CHARS

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
BY_VIEWER = "viewer-left"
"""Reason of a session that its viewer ended."""

CameraId = Annotated[str, Path(max_length=MOST_CAMERA_CHARS)]
SessionId = Annotated[str, Path(max_length=200)]
TheStream = Annotated[StreamKind, Query(description="main for incidents, sub for walls")]
_SDP_BODY = {"requestBody": {"required": True, "content": {SDP: {"schema": {"type": "string"}}}}}
_FRAGMENT_BODY = {
    "requestBody": {"required": True, "content": {FRAGMENT: {"schema": {"type": "string"}}}}
}


def _require_type(request: Request, wanted: str) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != wanted:
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            Fault.CONTENT_TYPE,
            f"send {wanted}",
            {"Accept-Post": SDP},
        )


async def _text(request: Request) -> str:
    """Return the body as text; empty if it is none."""
    try:
        return (await request.body()).decode("utf-8")
    except UnicodeDecodeError:
        return ""


async def watch(
    camera: CameraId,
    request: Request,
    why: TheReasons,
    viewer: TheViewer,
    services: TheServices,
    stream: TheStream = StreamKind.MAIN,
) -> Response:
    """Answer an SDP offer; the ledger knows of it, granted or refused, before anything leaves."""
    _require_type(request, SDP)
    grant = await ask(services, viewer.actor, Action.LIVE, camera, viewer.why(why))
    offer = await _offer(services, grant, request)
    answer = await _negotiate(services, grant, offer, stream)
    viewer.began(services, answer.session)
    return Response(
        answer.sdp,
        status_code=HTTPStatus.CREATED,
        media_type=SDP,
        headers={
            "Location": f"/whep/{camera}/{answer.session}",
            "ETag": f'"{answer.etag}"',
            "Accept-Patch": FRAGMENT,
        },
    )


async def _offer(services: Services, grant: Grant, request: Request) -> str:
    """Return the offer; an offer that is none at all closes the Grant."""
    offer = await _text(request)
    if offer.startswith("v=0") and "\nm=video" in offer:
        return offer
    await _never_began(services, grant, "offer-malformed")
    raise ProblemError(HTTPStatus.BAD_REQUEST, Fault.OFFER_MALFORMED, "an SDP offer with m=video")


async def _negotiate(
    services: Services, grant: Grant, offer: str, stream: StreamKind
) -> WhepAnswer:
    """Return the media process's answer; every other outcome closes the Grant."""
    try:
        return await services.media.open(grant, offer, stream)
    except WireError as error:
        await _never_began(services, grant, "offer-not-acceptable")
        raise ProblemError(
            HTTPStatus.NOT_ACCEPTABLE, Fault.OFFER_UNUSABLE, str(error)[:200]
        ) from error
    except RefusedError as error:  # the edge where the camera is has its own gate
        refusal = error.verdict.refusal
        await _never_began(services, grant, refusal.value if refusal else "refused")
        raise
    except PeerError:
        await _never_began(services, grant, "media-unavailable")
        raise


async def _never_began(services: Services, grant: Grant, reason: str) -> None:
    await services.gate.close(grant, reason=reason, duration_ms=0, bytes=0, frames=0)


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
    """Take trickled candidates (RFC 8840); 412 if they belong to another ICE session."""
    _require_type(request, FRAGMENT)
    info = _own_session(services, camera, session, actor)
    if if_match not in {"*", f'"{info.etag}"'}:
        raise ProblemError(HTTPStatus.PRECONDITION_FAILED, Fault.STALE)
    if "a=" not in await _text(request):
        raise ProblemError(HTTPStatus.BAD_REQUEST, Fault.OFFER_MALFORMED)
    return Response(status_code=HTTPStatus.NO_CONTENT)


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
    grant = _own_session(services, camera, session, actor).grant
    return WhepSessionView(
        session=session,
        state="live",
        reason="",
        flags=list(grant.flags),
        expires=iso(grant.expires.utc_us),
    )


async def options() -> Response:
    """Say what the resource takes; CORS is answered earlier, for configured origins only."""
    return Response(
        status_code=HTTPStatus.NO_CONTENT,
        headers={"Allow": WHEP_ALLOWED, "Accept-Post": SDP, "Accept-Patch": FRAGMENT},
    )


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(tags=["whep"])
    endpoint, resource = "/whep/{camera}", "/whep/{camera}/{session}"
    answers = responses(400, 401, 403, 404, 406, 413, 415, 503)
    answers[201] = {"description": "SDP answer", "content": {SDP: {}}}
    router.add_api_route(
        endpoint,
        watch,
        methods=["POST"],
        status_code=HTTPStatus.CREATED,
        response_class=Response,
        responses=answers,
        openapi_extra=_SDP_BODY,
    )
    router.add_api_route(
        resource,
        trickle,
        methods=["PATCH"],
        status_code=HTTPStatus.NO_CONTENT,
        response_class=Response,
        responses=responses(400, 401, 403, 404, 412, 415),
        openapi_extra=_FRAGMENT_BODY,
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
