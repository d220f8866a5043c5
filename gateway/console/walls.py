# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Walls: up to 16 live pictures in one connection, each under a Grant of its own (ADR 35).

A wall is opened without a camera and shows nothing: its answer gives every m-line its numbers.
What a tile shows is asked for afterwards, without SDP; each PUT with another camera is one Grant
and one entry in the ledger, exactly as a POST to /whep/{camera}.
"""

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Request, Response
from pydantic import Field

from gateway.console.identity import TheActor, TheServices
from gateway.console.looking import TheReasons, Why, ask, beginning
from gateway.console.problem import ProblemError, responses
from gateway.console.services import Services, SessionInfo, Wall
from gateway.console.views import Body, FiguresView, View, figures_view, iso
from gateway.console.whep import (
    BY_VIEWER,
    FRAGMENT,
    FRAGMENT_BODY,
    SDP,
    SDP_BODY,
    SessionId,
    created,
    offer_of,
    patched,
    require_type,
    text_of,
)
from gateway.console.words import Fault
from gateway.model.access import Action, Actor
from gateway.model.errors import WireError
from gateway.model.media import StreamWish
from gateway.model.room import MOST_CAMERA_CHARS

Mid = Annotated[str, Path(max_length=256, description="As in the m-line's a=mid.")]


class TileBody(Body):
    """What a tile is to show."""

    camera: str = Field(min_length=1, max_length=MOST_CAMERA_CHARS)
    stream: StreamWish = Field(
        StreamWish.AUTO,
        description="auto: the line decides, and a wall of several has small pictures; main, sub: "
        "pinned.",
    )


class TileView(View):
    """One slot of a wall."""

    mid: str
    state: Literal["dark", "live", "ended"]
    """Dark: nothing was ever asked for here, or it is forgotten."""
    reason: str = Field(default="", description="Stable code of why it ended.")
    camera: str = ""
    look: str = Field(default="", description="Its name at POST /api/looks/{session}/confirm.")
    stream: str = Field(default="", description="Which rendition is sent: main, sub, h264...")
    wish: str = Field(default="", description="Which one was asked for: auto, main, sub.")
    flags: list[str] = Field(default=[], description="What is out of the ordinary.")
    expires: str = Field(default="", description="When it ends by itself.")
    figures: FiguresView | None = None


class WallView(View):
    """A wall with its tiles, in the order of the offer."""

    session: str
    state: Literal["open", "ended"]
    reason: str = Field(default="", description="Why its last tile ended; empty while open.")
    tiles: list[TileView]


async def open_wall(request: Request, actor: TheActor, services: TheServices) -> Response:
    """Answer an offer with up to 16 video m-lines; no camera is opened by it."""
    require_type(request, SDP)
    offer = await offer_of(request)
    try:
        wall = await services.media.open_wall(actor, offer)
    except WireError as error:
        raise ProblemError(
            HTTPStatus.NOT_ACCEPTABLE, Fault.OFFER_UNUSABLE, str(error)[:200]
        ) from error
    return created(services, f"/walls/{wall.session}", wall)


def _own(services: Services, session: str, actor: Actor) -> Wall:
    """Return a running wall of the actor; 404 or 403 else."""
    for wall in services.media.walls():
        if wall.session == session:
            if wall.owner != actor.id:
                raise ProblemError(HTTPStatus.FORBIDDEN, Fault.NOT_YOURS)
            return wall
    raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)


def _tiles(services: Services, session: str) -> dict[str, SessionInfo]:
    return {one.mid: one for one in services.media.sessions() if one.wall == session}


async def show(
    session: SessionId,
    mid: Mid,
    body: TileBody,
    why: TheReasons,
    actor: TheActor,
    services: TheServices,
) -> TileView:
    """Show a camera in a tile, or another stream of the camera that it shows."""
    wall = _own(services, session, actor)
    if mid not in wall.mids:
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    now = _tiles(services, session).get(mid)
    if now is not None and _is_same(now, body.camera, why):
        services.media.wish(now.session, body.stream)
        return _live(_tiles(services, session).get(mid, now))
    grant = await ask(services, actor, Action.LIVE, body.camera, why)
    async with beginning(services, grant):
        return _live(await services.media.show(grant, session, mid, body.stream))


def _is_same(now: SessionInfo, camera: str, why: Why) -> bool:
    """Return whether a request asks for what a tile's Grant covers already."""
    request = now.grant.request
    told = (why.purpose, why.case, why.reason)
    is_told = told in {(None, "", ""), (request.purpose, request.case, request.reason)}
    return request.camera == camera and is_told and not (why.break_glass or why.second)


def _live(one: SessionInfo) -> TileView:
    return TileView(
        mid=one.mid,
        state="live",
        camera=one.grant.camera,
        look=one.session,
        stream=one.stream,
        wish=one.wish.value,
        flags=[*one.grant.flags, *one.flags],
        expires=iso(one.grant.expires.utc_us),
        figures=figures_view(one.figures),
    )


def _dark(services: Services, wall: Wall, mid: str, actor: Actor) -> TileView:
    reason = services.endings.reason(f"{wall.session}/{mid}", actor.id)
    return TileView(mid=mid, state="ended" if reason else "dark", reason=reason or "")


async def clear(session: SessionId, mid: Mid, actor: TheActor, services: TheServices) -> None:
    """End what a tile shows; the other tiles go on, and so does the connection."""
    _own(services, session, actor)
    tile = _tiles(services, session).get(mid)
    if tile is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    await services.media.close(tile.session, BY_VIEWER)


async def state(session: SessionId, actor: TheActor, services: TheServices) -> WallView:
    """Tell how a wall's tiles go, or why the wall is dark."""
    reason = services.endings.reason(session, actor.id)
    if reason is not None and all(one.session != session for one in services.media.walls()):
        return WallView(session=session, state="ended", reason=reason, tiles=[])
    wall, tiles = _own(services, session, actor), _tiles(services, session)
    shown = (
        _live(tiles[mid]) if mid in tiles else _dark(services, wall, mid, actor)
        for mid in wall.mids
    )
    return WallView(session=session, state="open", tiles=list(shown))


async def trickle(
    session: SessionId,
    request: Request,
    actor: TheActor,
    services: TheServices,
    if_match: Annotated[str, Header(max_length=200)] = "*",
) -> Response:
    """Take trickled candidates, or begin a new ICE session, as PATCH of a WHEP session does."""
    require_type(request, FRAGMENT)
    return patched(services, _own(services, session, actor), await text_of(request), if_match)


async def leave(session: SessionId, actor: TheActor, services: TheServices) -> None:
    """End one's own wall with all its tiles."""
    await services.media.close(_own(services, session, actor).session, BY_VIEWER)


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(tags=["walls"])
    opened = responses(400, 401, 403, 406, 413, 415, 503)
    opened[201] = {"description": "SDP answer", "content": {SDP: {}}}
    router.add_api_route(
        "/walls",
        open_wall,
        methods=["POST"],
        status_code=HTTPStatus.CREATED,
        response_class=Response,
        responses=opened,
        openapi_extra=SDP_BODY,
    )
    resource, tile = "/walls/{session}", "/walls/{session}/tiles/{mid}"
    found = responses(401, 403, 404)
    router.add_api_route(resource, state, methods=["GET"], responses=found, name="wall_state")
    router.add_api_route(resource, leave, methods=["DELETE"], responses=found, name="leave_wall")
    router.add_api_route(
        resource,
        trickle,
        methods=["PATCH"],
        status_code=HTTPStatus.NO_CONTENT,
        response_class=Response,
        responses=responses(400, 401, 403, 404, 412, 415, 503),
        openapi_extra=FRAGMENT_BODY,
        name="trickle_wall",
    )
    router.add_api_route(
        tile, show, methods=["PUT"], responses=responses(400, 401, 403, 404, 406, 422, 429, 503),
        name="show_tile",
    )  # fmt: skip
    router.add_api_route(tile, clear, methods=["DELETE"], responses=found, name="clear_tile")
    return router
