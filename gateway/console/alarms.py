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

from gateway.console.alarm_times import times
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
    iso,
    named_for,
)
from gateway.console.visibility import (
    may_ask_to_look,
    may_close,
    may_take,
    own_cameras,
    sees_alarm,
)
from gateway.console.words import Fault, language_of
from gateway.model.access import Action, Actor, Grant, Purpose
from gateway.model.alarm import AlarmRecord, AlarmState, AlarmVerdict
from gateway.model.room import SEPARATOR

BEAT_S = 10.0
"""An event at least this often: a page that hears nothing knows that its line is cut, though
no end of it came (a cable, a sleeping NAT); and the stream ends soon after a sign-out."""
RETRY_MS = 2_000
"""What a browser waits before it connects again."""

MOST_LISTED = 500
MOST_STREAMS = 16
"""Event streams of one person: a page has one, and a few windows stay open."""
SSE = "text/event-stream"


class _Pulse(Enum):
    """What an event stream says besides alarms."""

    BEAT = "beat"
    READY = "ready"
    SIGNED_OUT = "signed-out"


def _is_judged(record: AlarmRecord) -> bool:
    """Return whether somebody gave the verdict; one that closed by itself still awaits it."""
    return record.state is AlarmState.CLOSED and record.verdict is not AlarmVerdict.NONE


def _is_asked(record: AlarmRecord, services: Services, actor: Actor) -> bool:
    """Return whether the actor is a monitoring centre's, whose word a hold-up waits for."""
    return services.holdups is not None and services.holdups.asks(record, actor.organisation)


def _view(record: AlarmRecord, services: Services, actor: Actor) -> AlarmView:
    registry, asked = services.registry(), _is_asked(record, services, actor)
    view = alarm_view(
        record,
        registry,
        may_close=(may_close(record, registry, actor) or asked) and not _is_judged(record),
        viewable=may_ask_to_look(actor, registry)
        and record.state is not AlarmState.CLOSED
        and bool(record.alarm.camera),
        may_take=may_take(record, registry, actor)
        and record.state is not AlarmState.CLOSED
        and not record.taken_utc_us,
        delivered_all=services.alarms.is_delivered(record.alarm.id),
    )
    who = {
        "taken_by": named_for(record.taken_by, registry, actor.organisation) or view.taken_by,
        "closed_by": named_for(record.closed_by, registry, actor.organisation) or view.closed_by,
    }
    return view.model_copy(update=who | ({"asked": True, "may_take": False} if asked else {}))


async def _known(alarm_id: str, services: Services, actor: Actor) -> AlarmRecord:
    """Return an alarm that concerns the actor; 404 for any other, so that none can be probed."""
    record = await services.alarms.find(alarm_id)
    if record is None or not sees_alarm(record, services.registry(), actor):
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    return record


async def list_alarms(
    actor: TheActor,
    services: TheServices,
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 100,
) -> list[AlarmView]:
    """Return the alarms of the actor's organisation, newest first.

    `limit` is for those that are closed: one that waits for somebody is never left out, however
    many newer ones others have.
    """
    registry = services.registry()
    cameras = own_cameras(registry, actor)
    records = await services.alarms.shown(actor.organisation, cameras, limit)
    return [_view(one, services, actor) for one in records if sees_alarm(one, registry, actor)]


async def one_alarm(
    request: Request, alarm_id: str, actor: TheActor, services: TheServices
) -> AlarmDetailView:
    """Return an alarm and what became of it at each recipient."""
    record = await _known(alarm_id, services, actor)
    registry, language = services.registry(), language_of(request)
    return AlarmDetailView(
        alarm=_view(record, services, actor),
        deliveries=[
            delivery_view(one, registry, language)
            for one in await services.alarms.deliveries(alarm_id)
        ],
    )


async def close_alarm(
    alarm_id: str, body: CloseBody, actor: TheActor, services: TheServices
) -> AlarmView:
    """Close an alarm; from then on its pictures are dark."""
    record = await _known(alarm_id, services, actor)
    if _is_judged(record):
        raise ProblemError(HTTPStatus.CONFLICT, Fault.ALREADY_CLOSED)
    verdict = AlarmVerdict(body.verdict)
    if services.holdups is not None and await services.holdups.answer(
        record, verdict, actor.id, actor.organisation
    ):
        return _view(await services.alarms.find(alarm_id) or record, services, actor)
    if not may_close(record, services.registry(), actor):
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.ROLE)
    await services.alarms.close(alarm_id, actor.id, AlarmVerdict(body.verdict))
    return _view(await services.alarms.find(alarm_id) or record, services, actor)


async def take_alarm(alarm_id: str, actor: TheActor, services: TheServices) -> AlarmView:
    """Answer an alarm: it is the actor's, and goes on to nobody else. Again changes nothing."""
    record = await _known(alarm_id, services, actor)
    if not may_take(record, services.registry(), actor):
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.ROLE)
    if record.state is AlarmState.CLOSED:
        raise ProblemError(HTTPStatus.CONFLICT, Fault.ALREADY_CLOSED)
    record = await services.alarms.take(alarm_id, actor.id) or record
    view = _view(record, services, actor)
    if record.state is AlarmState.CLOSED and not record.taken_utc_us:
        raise ProblemError(HTTPStatus.CONFLICT, Fault.ALREADY_CLOSED)
    if record.taken_by != actor.id:
        raise ProblemError(HTTPStatus.CONFLICT, Fault.ALREADY_TAKEN, view.taken_by)
    return view


async def _own_case(alarm_id: str, why: Why, services: Services, actor: Actor) -> Why:
    """Return the reasons for a picture of this alarm: another alarm is no reason to see it.

    A case that is the number of an alarm that the actor knows becomes this alarm's, so that the
    gate decides about it; that of anybody else's alarm is like one that does not exist.
    """
    named = await services.alarms.find(why.case)
    by_alarm = why.purpose in {Purpose.ALARM, Purpose.INCIDENT}
    if by_alarm and named is not None and sees_alarm(named, services.registry(), actor):
        return replace(why, case=alarm_id)
    return why


async def _still(services: Services, grant: Grant, record: AlarmRecord) -> bytes:
    """Return the picture of an alarm, from the edge that raised it if it was none of ours."""
    if services.far is not None and is_far(record):
        return await services.far.still(grant, record)
    return services.stills.get(record.alarm.picture(grant.camera), grant) or b""


def _camera_of(record: AlarmRecord, camera: str) -> str:
    """Return which of its cameras is meant, its own if none is named; 404 for any other."""
    if camera and camera not in record.alarm.cameras:
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    return camera or record.alarm.camera


TheCamera = Annotated[
    str,
    Query(
        max_length=129,
        description="One of the cameras that the alarm opens; empty: its own.",
    ),
]


async def _clip(services: Services, grant: Grant, record: AlarmRecord) -> bytes:
    if services.far is not None and is_far(record):
        return await services.far.clip(grant, record)
    return await services.clips.clip(grant, record)


def is_far(record: AlarmRecord) -> bool:
    """Return whether an edge raised an alarm."""
    return SEPARATOR in record.alarm.camera


async def still(
    alarm_id: str, why: TheReasons, actor: TheActor, services: TheServices, camera: TheCamera = ""
) -> Response:
    """Return the masked picture that decided the alarm, or another camera's of that moment."""
    record = await _known(alarm_id, services, actor)
    case = await _own_case(alarm_id, why, services, actor)
    grant = await ask(services, actor, Action.SNAPSHOT, _camera_of(record, camera), case)
    async with one_look(services, grant) as delivered:
        jpeg = await _still(services, grant, record)
        if not jpeg:
            delivered.reason = "nothing-kept"
            raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NO_STILL)
        delivered.bytes = len(jpeg)
    return Response(jpeg, media_type="image/jpeg")


async def before(
    alarm_id: str, why: TheReasons, actor: TheActor, services: TheServices, camera: TheCamera = ""
) -> Response:
    """Return the seconds before the alarm as MP4."""
    record = await _known(alarm_id, services, actor)
    case = await _own_case(alarm_id, why, services, actor)
    grant = await ask(services, actor, Action.PLAYBACK, _camera_of(record, camera), case)
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
    nothing is missed. `alarm` carries an AlarmView; its id is that of the alarm and of the
    version, so whoever meets it twice knows. `beat` comes every 10 s, whatever else is said or
    withheld, and carries our time. The stream ends with the sign-in or with the server.
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
        yield _pulse(_Pulse.SIGNED_OUT, services)
        return
    async with services.alarms.changes() as changes:
        with services.notices.listen(asker) as notices:
            yield _pulse(_Pulse.READY, services)
            loop = asyncio.get_running_loop()
            beat_at = loop.time() + BEAT_S
            while not stopping.is_set():
                found = await _next(changes, notices, stopping, beat_at)
                if (late_s := loop.time() - beat_at) >= 0:
                    # in step from the first on: what is withheld moves no beat (ADR 32)
                    beat_at += BEAT_S * (1 + late_s // BEAT_S)
                    found.append(_Pulse.BEAT)
                for news in found:
                    actor = services.accounts.resolve(token)
                    if actor is None or actor.id != actor_id:
                        yield _pulse(_Pulse.SIGNED_OUT, services)
                        return
                    if line := _line(news, services, actor):
                        yield line


def _line(news: AlarmRecord | Notice | _Pulse, services: Services, actor: Actor) -> str:
    """Return an event as it travels; nothing for an alarm that is none of the actor's."""
    if isinstance(news, _Pulse):
        return _pulse(news, services)
    if isinstance(news, Notice):
        return f"event: {news.event}\ndata: {news.data}\n\n"
    if not sees_alarm(news, services.registry(), actor):
        return ""
    view = _view(news, services, actor)
    return f"event: alarm\nid: {view.id}.{view.version}\ndata: {view.model_dump_json()}\n\n"


def _pulse(what: _Pulse, services: Services) -> str:
    """Return an event that is none of an alarm, with our time: a page counts down by it."""
    retry = f"retry: {RETRY_MS}\n" if what is _Pulse.READY else ""
    now = iso(services.clock.now().utc_us)
    return f'{retry}event: {what.value}\ndata: {{"now":"{now}"}}\n\n'


async def _next(
    changes: AlarmSubscription, notices: NoticeListener, stopping: asyncio.Event, until_s: float
) -> list[AlarmRecord | Notice | _Pulse]:
    """Return what came next; nothing at `until_s` of the loop's clock, or when the server stops."""
    found: list[AlarmRecord | Notice | _Pulse] = []

    async def take() -> None:
        found.append(await changes.receive() or _Pulse.READY)

    async def hear() -> None:
        found.append(await notices.receive())

    async def stop() -> None:
        await stopping.wait()

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(until_s), asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in (take(), hear(), stop())]
            for task in tasks:
                task.add_done_callback(lambda _: [one.cancel() for one in tasks])
    return found


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
        "/api/alarms/times", times, methods=["GET"], responses=responses(401, 403, 422)
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
    router.add_api_route(
        "/api/alarms/{alarm_id}/take",
        take_alarm,
        methods=["POST"],
        responses=responses(401, 403, 404, 409),
    )
    _add_pictures(router)
    return router


def _add_pictures(router: APIRouter) -> None:
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
