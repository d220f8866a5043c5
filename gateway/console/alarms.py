# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Alarms: the list, the live stream of changes, the verdict, and the pictures under a Grant."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from enum import Enum
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import StreamingResponse

from gateway.console.identity import TheActor, TheServices, token_of
from gateway.console.looking import TheReasons, Why, ask, one_look
from gateway.console.problem import ProblemError, responses
from gateway.console.services import AlarmSubscription, Notice, NoticeListener, Services
from gateway.console.views import (
    AlarmDetailView,
    AlarmView,
    CloseBody,
    alarm_view,
    delivery_view,
)
from gateway.console.visibility import may_ask_to_look, may_close, sees_alarm
from gateway.console.words import Fault
from gateway.model.access import Action, Actor, Grant, Purpose
from gateway.model.alarm import AlarmRecord, AlarmState, AlarmVerdict
from gateway.model.room import SEPARATOR

BEAT_S = 10.0
"""A comment this often: keeps the line open, and ends the stream soon after a sign-out."""
RETRY_MS = 2_000
"""What a browser waits before it connects again."""

MOST_LISTED = 500
MOST_STREAMS = 16
"""Event streams of one person: a page has one, and a few windows stay open."""
SSE = "text/event-stream"


class _Pulse(Enum):
    """What an event stream says besides alarms."""

    BEAT = ": beat\n\n"
    READY = f"retry: {RETRY_MS}\nevent: ready\ndata: {{}}\n\n"
    SIGNED_OUT = "event: signed-out\ndata: {}\n\n"


def _is_judged(record: AlarmRecord) -> bool:
    """Return whether somebody gave the verdict; one that closed by itself still awaits it."""
    return record.state is AlarmState.CLOSED and record.verdict is not AlarmVerdict.NONE


def _view(record: AlarmRecord, services: Services, actor: Actor) -> AlarmView:
    registry = services.registry()
    return alarm_view(
        record,
        registry,
        may_close=may_close(record, registry, actor) and not _is_judged(record),
        viewable=may_ask_to_look(actor, registry)
        and record.state is not AlarmState.CLOSED
        and bool(record.alarm.camera),
    )


async def _known(alarm_id: str, services: Services, actor: Actor) -> AlarmRecord:
    """Return an alarm that concerns the actor; 404 for any other, so that none can be probed."""
    record = services.alarms.get(alarm_id)
    if record is None:
        older = await services.alarms.recent(MOST_LISTED)
        record = next((one for one in older if one.alarm.id == alarm_id), None)
    if record is None or not sees_alarm(record, services.registry(), actor):
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    return record


async def list_alarms(
    actor: TheActor,
    services: TheServices,
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 100,
) -> list[AlarmView]:
    """Return the newest alarms of the actor's organisation, newest first."""
    registry = services.registry()
    records = await services.alarms.recent(limit)
    return [_view(one, services, actor) for one in records if sees_alarm(one, registry, actor)]


async def one_alarm(alarm_id: str, actor: TheActor, services: TheServices) -> AlarmDetailView:
    """Return an alarm and what became of it at each recipient."""
    record = await _known(alarm_id, services, actor)
    registry = services.registry()
    return AlarmDetailView(
        alarm=_view(record, services, actor),
        deliveries=[
            delivery_view(one, registry) for one in await services.alarms.deliveries(alarm_id)
        ],
    )


async def close_alarm(
    alarm_id: str, body: CloseBody, actor: TheActor, services: TheServices
) -> AlarmView:
    """Close an alarm; from then on its pictures are dark."""
    record = await _known(alarm_id, services, actor)
    if not may_close(record, services.registry(), actor):
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.ROLE)
    if _is_judged(record):
        raise ProblemError(HTTPStatus.CONFLICT, Fault.ALREADY_CLOSED)
    await services.alarms.close(alarm_id, actor.id, AlarmVerdict(body.verdict))
    return _view(services.alarms.get(alarm_id) or record, services, actor)


def _own_case(alarm_id: str, why: Why, services: Services, actor: Actor) -> Why:
    """Return the reasons for a picture of this alarm: another alarm is no reason to see it.

    A case that is the number of an alarm that the actor knows becomes this alarm's, so that the
    gate decides about it; that of anybody else's alarm is like one that does not exist.
    """
    named = services.alarms.get(why.case)
    by_alarm = why.purpose in {Purpose.ALARM, Purpose.INCIDENT}
    if by_alarm and named is not None and sees_alarm(named, services.registry(), actor):
        return replace(why, case=alarm_id)
    return why


async def _still(services: Services, grant: Grant, record: AlarmRecord) -> bytes:
    """Return the picture of an alarm, from the edge that raised it if it was none of ours."""
    if services.far is not None and is_far(record):
        return await services.far.still(grant, record)
    return services.stills.get(record.alarm.id, grant) or b""


async def _clip(services: Services, grant: Grant, record: AlarmRecord) -> bytes:
    if services.far is not None and is_far(record):
        return await services.far.clip(grant, record)
    return await services.clips.clip(grant, record)


def is_far(record: AlarmRecord) -> bool:
    """Return whether an edge raised an alarm."""
    return SEPARATOR in record.alarm.camera


async def still(alarm_id: str, why: TheReasons, actor: TheActor, services: TheServices) -> Response:
    """Return the masked picture that decided the alarm."""
    record = await _known(alarm_id, services, actor)
    case = _own_case(alarm_id, why, services, actor)
    grant = await ask(services, actor, Action.SNAPSHOT, record.alarm.camera, case)
    async with one_look(services, grant) as delivered:
        jpeg = await _still(services, grant, record)
        if not jpeg:
            delivered.reason = "nothing-kept"
            raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NO_STILL)
        delivered.bytes = len(jpeg)
    return Response(jpeg, media_type="image/jpeg")


async def before(
    alarm_id: str, why: TheReasons, actor: TheActor, services: TheServices
) -> Response:
    """Return the seconds before the alarm as MP4."""
    record = await _known(alarm_id, services, actor)
    case = _own_case(alarm_id, why, services, actor)
    grant = await ask(services, actor, Action.PLAYBACK, record.alarm.camera, case)
    async with one_look(services, grant) as delivered:
        clip = await _clip(services, grant, record)
        if not clip:
            delivered.reason = "nothing-kept"
            raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NO_CLIP)
        delivered.bytes = len(clip)
    return Response(clip, media_type="video/mp4")


async def events(request: Request, actor: TheActor, services: TheServices) -> StreamingResponse:
    """Stream every change of an alarm of the actor's organisation (server-sent events).

    `ready` comes once the subscription stands, and again after a gap: then fetch the list and
    nothing is missed. `alarm` carries an AlarmView. The stream ends with the sign-in or with
    the server.
    """
    stopping: asyncio.Event = request.app.state.stopping
    streams: Counter[str] = request.app.state.streams
    if streams[actor.id] >= MOST_STREAMS:
        raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, Fault.TOO_MANY)
    return StreamingResponse(
        _counted(_lines(services, actor.id, token_of(request), stopping), streams, actor.id),
        media_type=SSE,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _counted(
    lines: AsyncGenerator[str, None], streams: Counter[str], actor_id: str
) -> AsyncIterator[str]:
    """Yield the lines; while they last, they count as a stream of that person."""
    streams[actor_id] += 1
    try:
        async with aclosing(lines):
            async for line in lines:
                yield line
    finally:
        streams[actor_id] -= 1
        if not streams[actor_id]:
            del streams[actor_id]


async def _lines(
    services: Services, actor_id: str, token: str, stopping: asyncio.Event
) -> AsyncGenerator[str, None]:
    asker = services.accounts.resolve(token)
    if asker is None:
        yield _Pulse.SIGNED_OUT.value
        return
    async with services.alarms.changes() as changes:
        with services.notices.listen(asker) as notices:
            yield _Pulse.READY.value
            while not stopping.is_set():
                for news in await _next(changes, notices, stopping):
                    actor = services.accounts.resolve(token)
                    if actor is None or actor.id != actor_id:
                        yield _Pulse.SIGNED_OUT.value
                        return
                    if line := _line(news, services, actor):
                        yield line


def _line(news: AlarmRecord | Notice | _Pulse, services: Services, actor: Actor) -> str:
    """Return an event as it travels; nothing for an alarm that is none of the actor's."""
    if isinstance(news, _Pulse):
        return news.value
    if isinstance(news, Notice):
        return f"event: {news.event}\ndata: {news.data}\n\n"
    if not sees_alarm(news, services.registry(), actor):
        return ""
    data = _view(news, services, actor).model_dump_json()
    return f"event: alarm\nid: {news.alarm.id}\ndata: {data}\n\n"


async def _next(
    changes: AlarmSubscription, notices: NoticeListener, stopping: asyncio.Event
) -> list[AlarmRecord | Notice | _Pulse]:
    """Return what came next; a beat after a while without, or when the server stops."""
    found: list[AlarmRecord | Notice | _Pulse] = []

    async def take() -> None:
        found.append(await changes.receive() or _Pulse.READY)

    async def hear() -> None:
        found.append(await notices.receive())

    async def stop() -> None:
        await stopping.wait()

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BEAT_S), asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in (take(), hear(), stop())]
            for task in tasks:
                task.add_done_callback(lambda _: [one.cancel() for one in tasks])
    return found or [_Pulse.BEAT]


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(tags=["alarms"])
    plain = responses(401)
    router.add_api_route("/api/alarms", list_alarms, methods=["GET"], responses=plain)
    router.add_api_route(
        "/api/alarms/events",
        events,
        methods=["GET"],
        response_class=StreamingResponse,
        responses=plain | responses(429) | {200: {"description": "Changes", "content": {SSE: {}}}},
    )
    router.add_api_route(
        "/api/alarms/{alarm_id}", one_alarm, methods=["GET"], responses=responses(401, 404)
    )
    router.add_api_route(
        "/api/alarms/{alarm_id}/close",
        close_alarm,
        methods=["POST"],
        responses=responses(401, 403, 404, 409, 422),
    )
    pictures = responses(401, 403, 404, 503)
    router.add_api_route(
        "/api/alarms/{alarm_id}/still.jpg",
        still,
        methods=["GET"],
        response_class=Response,
        responses=pictures | {200: {"description": "Picture", "content": {"image/jpeg": {}}}},
    )
    router.add_api_route(
        "/api/alarms/{alarm_id}/before.mp4",
        before,
        methods=["GET"],
        response_class=Response,
        responses=pictures | {200: {"description": "Clip", "content": {"video/mp4": {}}}},
    )
    return router
