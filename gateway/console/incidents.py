# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Incidents for pages and for dispatch systems (A-03, A-30): one resource, small commands.

Requests that change something may carry `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-
header): the same key with the same body gets the same answer and changes nothing again.
"""

import hashlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from pydantic import Field, model_validator
from starlette.responses import Response

from gateway.console.identity import CERTIFICATE, TheActor, actor_of, services_of
from gateway.console.problem import ProblemError, responses
from gateway.console.services import IncidentFrame, Incidents
from gateway.console.views import Body, View, iso
from gateway.console.visibility import deals_with_incidents
from gateway.console.words import Fault
from gateway.model.access import Actor
from gateway.model.errors import StateError
from gateway.model.incident import (
    MOST_ALARMS,
    MOST_CAMERAS,
    MOST_TEXT,
    MOST_TITLE,
    Attach,
    Close,
    Command,
    Detach,
    HandOver,
    Incident,
    IncidentEvent,
    Message,
    Once,
    Open,
    Outcome,
    Read,
    Say,
    Share,
    Take,
    Unshare,
    Update,
)
from gateway.model.registry import Role

MOST_LISTED = 500
MOST_KEY = 128

_FAULTS = {
    "unknown": (HTTPStatus.NOT_FOUND, Fault.NOT_FOUND),
    "closed": (HTTPStatus.CONFLICT, Fault.INCIDENT_CLOSED),
    "not-yours": (HTTPStatus.FORBIDDEN, Fault.NOT_RESPONSIBLE),
    "full": (HTTPStatus.CONFLICT, Fault.INCIDENT_FULL),
    "not-possible": (HTTPStatus.CONFLICT, Fault.NOT_POSSIBLE),
    "key-running": (HTTPStatus.CONFLICT, Fault.KEY_RUNNING),
    "key-reused": (HTTPStatus.UNPROCESSABLE_ENTITY, Fault.KEY_REUSED),
}
_REFERENCE = (HTTPStatus.UNPROCESSABLE_ENTITY, Fault.INCIDENT_REFERENCE)
"""A kind, camera, alarm or organisation that the actor's organisation does not know."""

Title = Annotated[str, Field(min_length=1, max_length=MOST_TITLE, pattern=r"^[^\x00-\x1f\x7f]+$")]
Priority = Annotated[int, Field(ge=1, le=5, description="1 (low) to 5 (now).")]
Latitude = Annotated[float, Field(ge=-90, le=90, description="Degrees, WGS 84.")]
Longitude = Annotated[float, Field(ge=-180, le=180, description="Degrees, WGS 84.")]
Address = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Words = Annotated[str, Field(pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")]
Id = Annotated[str, Field(min_length=1, max_length=130)]
Name = Annotated[str, Path(max_length=130)]


# what enters -------------------------------------------------------------------------------


class _Place(Body):
    @model_validator(mode="after")
    def _both(self) -> "_Place":
        if (getattr(self, "latitude", None) is None) != (getattr(self, "longitude", None) is None):
            raise ValueError("write latitude and longitude, or neither")
        return self


class OpenBody(_Place):
    """A new incident."""

    title: Title
    kind: str = Field(min_length=1, max_length=64, description="Code, see the list's `kinds`.")
    priority: Priority = 3
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    address: Address = ""
    cameras: list[Id] = Field(default_factory=list, max_length=MOST_CAMERAS)
    alarms: list[Id] = Field(default_factory=list, max_length=MOST_ALARMS)


class UpdateBody(_Place):
    """What changes; what is left out stays."""

    title: Title | None = None
    kind: str | None = Field(default=None, min_length=1, max_length=64)
    priority: Priority | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    address: Address | None = None


class CamerasBody(Body):
    """Cameras to attach."""

    cameras: list[Id] = Field(min_length=1, max_length=MOST_CAMERAS)


class AlarmsBody(Body):
    """Alarms to attach."""

    alarms: list[Id] = Field(min_length=1, max_length=MOST_ALARMS)


class OrganisationBody(Body):
    """Another organisation."""

    organisation: Id


class CloseIncidentBody(Body):
    """How it ended."""

    outcome: Outcome
    note: Words = Field(default="", max_length=500)


class MessageBody(Body):
    """A word to all who know of the incident."""

    text: Words = Field(min_length=1, max_length=MOST_TEXT)

    @model_validator(mode="after")
    def _said(self) -> "MessageBody":
        if not self.text.strip():
            raise ValueError("write something")
        return self


class ReceiptBody(Body):
    """What was read."""

    upto: Id = Field(description="Id of the newest message that was read.")


# what leaves -------------------------------------------------------------------------------


class PartyView(View):
    """An organisation."""

    id: str
    name: str


class IncidentView(View):
    """One incident, as the reader's organisation may know it."""

    id: str
    title: str
    kind: str
    priority: int
    state: str = Field(description="aperto, preso-in-carico, passato or chiuso.")
    opened: str
    changed: str
    closed: str
    outcome: str
    note: str
    opened_by: PartyView
    responsible: PartyView
    shared_with: list[PartyView]
    latitude: float | None
    longitude: float | None
    address: str
    exercise: bool
    cameras: list[str]
    alarms: list[str]
    messages: int
    unread: int = Field(description="Messages that nobody of the reader's organisation has read.")
    version: int = Field(description="Grows with every event.")


class AttachedCameraView(View):
    """A camera that is attached."""

    id: str
    name: str
    viewers: list[PartyView] = Field(description="To whom an act in force shows it.")


class ReceiptView(View):
    """What became of a message at one organisation."""

    organisation: PartyView
    delivered: str
    read: str


class MessageView(View):
    """A message between rooms."""

    id: str
    at: str
    by: PartyView
    person: str = Field(description="Name; only of the reader's own organisation.")
    own: bool
    text: str
    receipts: list[ReceiptView]


class EventView(View):
    """One numbered line of the incident's journal."""

    number: int
    at: str
    what: str = Field(description="Code of the change.")
    by: PartyView
    person: str
    subject: str = Field(description="Camera, alarm, organisation or outcome it is about.")
    void: bool = Field(description="The room that opened the incident did not take it.")


class IncidentDetailView(View):
    """Everything about one incident that the reader may know."""

    incident: IncidentView
    attached: list[AttachedCameraView]
    messages: list[MessageView]
    journal: list[EventView]
    leads: bool = Field(description="The reader may change, hand over and close it.")
    shares: bool = Field(description="The reader decides who else knows of it.")
    waiting: dict[str, int] = Field(
        description="By organisation, events that have not arrived there yet."
    )


class KindView(View):
    """What an incident may be about."""

    code: str
    of: str = Field(description="One of the five classes.")
    it: str
    en: str


class IncidentsView(View):
    """The incidents, and what is needed to open one."""

    incidents: list[IncidentView]
    kinds: list[KindView]
    outcomes: list[str]
    organisations: list[PartyView] = Field(description="With whom they can be shared.")
    keep_days: int = Field(description="So many days after their closing they are deleted.")


# who and how -------------------------------------------------------------------------------


def incidents_of(request: Request) -> Incidents:
    """Return the incidents for somebody who deals with them; 403 for anybody else."""
    actor, services = actor_of(request), services_of(request)
    if not deals_with_incidents(actor, services.registry()):
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.ROLE)
    if services.incidents is None:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, Fault.UNAVAILABLE)
    return services.incidents


def writer_of(request: Request) -> Actor:
    """Return who changes something: a person who signed in, or a machine with its certificate."""
    actor = actor_of(request)
    if actor.method == CERTIFICATE and actor.role is not Role.MACHINE:
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.ROLE)
    return actor


def key_of(
    idempotency_key: Annotated[
        str, Header(max_length=MOST_KEY + 2, description="Repeats a request without its effect.")
    ] = "",
) -> str:
    """Return the key of a request, with or without the quotes of a structured field."""
    key = idempotency_key.strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if len(key) > MOST_KEY or not key.isprintable():
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, Fault.INVALID, "Idempotency-Key")
    return key


TheIncidents = Annotated[Incidents, Depends(incidents_of)]
TheWriter = Annotated[Actor, Depends(writer_of)]
TheKey = Annotated[str, Depends(key_of)]


@contextmanager
def translated() -> Iterator[None]:
    """Turn what cannot be done into a problem."""
    try:
        yield
    except StateError as error:
        status, fault = _FAULTS.get(error.code, _REFERENCE)
        detail = str(error) if (status, fault) == _REFERENCE else ""
        raise ProblemError(status, fault, detail) from None


class Asking:
    """One request that changes something."""

    def __init__(
        self, request: Request, incidents: TheIncidents, actor: TheWriter, key: TheKey
    ) -> None:
        self.incidents = incidents
        self.actor = actor
        self._key = key
        self._place = f"{request.method} {request.url.path}"

    async def run(
        self,
        body: Body | None,
        work: Callable[[Once | None], Awaitable[Incident]],
        status: HTTPStatus = HTTPStatus.OK,
    ) -> Response:
        """Do it once; what comes again under the same key gets the same answer."""
        once = self._once(body)
        with translated():
            if once is None:
                return self._answer(await work(None), status)
            known = await self.incidents.recall(once)
            if known is not None:
                return await self._again(known[0], known[1], status)
            answer = ""
            try:
                response = self._answer(await work(once), status)
                answer = bytes(response.body).decode()
            finally:
                await self.incidents.finish(once, answer)
            return response

    def _once(self, body: Body | None) -> Once | None:
        if not self._key:
            return None
        text = "" if body is None else body.model_dump_json()
        scope = f"{self.actor.organisation}/{self.actor.id} {self._place}"
        return Once(scope, self._key, hashlib.sha256(text.encode()).hexdigest())

    async def _again(self, incident: str, answer: str, status: HTTPStatus) -> Response:
        if not answer:  # the box went down before it had answered
            found = await self.incidents.find(incident, self.actor)
            if found is None:
                raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
            return self._answer(found, status)
        return _json(answer, incident, status)

    def _answer(self, incident: Incident, status: HTTPStatus) -> Response:
        view = incident_view(incident, self.incidents, self.actor)
        return _json(view.model_dump_json(), incident.id, status)

    async def change(self, incident: str, command: Command, body: Body | None = None) -> Response:
        """Carry out a command on an incident."""
        return await self.run(
            body, lambda once: self.incidents.change(incident, command, by=self.actor, once=once)
        )


def _json(text: str, incident: str, status: HTTPStatus) -> Response:
    created = status is HTTPStatus.CREATED
    headers = {"Location": f"/api/incidents/{incident}"} if created else {}
    return Response(text, status, headers, media_type="application/json")


TheAsking = Annotated[Asking, Depends()]


# reading -----------------------------------------------------------------------------------


async def list_incidents(
    actor: TheActor,
    incidents: TheIncidents,
    state: Annotated[Literal["open", "closed", "all"], Query()] = "all",
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 200,
) -> IncidentsView:
    """Return the incidents of the actor's organisation, the newest first."""
    found = [
        one for one in incidents.listed(actor) if state == "all" or one.is_open == (state == "open")
    ]
    return IncidentsView(
        incidents=[incident_view(one, incidents, actor) for one in found[:limit]],
        kinds=[
            KindView(code=code, of=of, it=it, en=en)
            for code, (of, it, en) in incidents.kinds().items()
        ],
        outcomes=[one.value for one in Outcome],
        organisations=[
            PartyView(id=one, name=name) for one, name in incidents.organisations(actor).items()
        ],
        keep_days=incidents.keep_days,
    )


async def one_incident(
    incident_id: Name, actor: TheActor, incidents: TheIncidents
) -> IncidentDetailView:
    """Return an incident with its journal, messages and receipts."""
    found = await incidents.find(incident_id, actor)
    if found is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    frame = await incidents.frame(found, actor)
    journal = await incidents.journal(incident_id, actor)
    return IncidentDetailView(
        incident=incident_view(found, incidents, actor),
        attached=[
            _attached(camera, name, frame, incidents) for camera, name in found.cameras.items()
        ],
        messages=[_message(one, found, incidents, actor) for one in found.messages],
        journal=[_event(one, incidents) for one in journal if one.kind.value != "receipt"],
        leads=frame.leads,
        shares=frame.shares,
        waiting=dict(frame.waiting),
    )


def incident_view(incident: Incident, incidents: Incidents, actor: Actor) -> IncidentView:
    """Return an incident as it travels."""
    one = incident
    return IncidentView(
        id=one.id,
        title=one.title,
        kind=one.kind,
        priority=one.priority,
        state=one.state.value,
        opened=iso(one.opened_utc_us),
        changed=iso(one.changed_utc_us),
        closed=iso(one.closed_utc_us),
        outcome=one.outcome,
        note=one.note,
        opened_by=_party(one.opened_by, incidents),
        responsible=_party(one.responsible, incidents),
        shared_with=[_party(each, incidents) for each in one.shared_with],
        latitude=one.latitude,
        longitude=one.longitude,
        address=one.address,
        exercise=one.exercise,
        cameras=list(one.cameras),
        alarms=list(one.alarms),
        messages=len(one.messages),
        unread=one.unread(actor.organisation),
        version=one.events,
    )


def _party(organisation: str, incidents: Incidents) -> PartyView:
    return PartyView(id=organisation, name=incidents.name_of(organisation))


def _attached(
    camera: str, name: str, frame: IncidentFrame, incidents: Incidents
) -> AttachedCameraView:
    viewers = [_party(one, incidents) for one in frame.viewers.get(camera, ())]
    return AttachedCameraView(id=camera, name=name, viewers=viewers)


def _message(one: Message, found: Incident, incidents: Incidents, actor: Actor) -> MessageView:
    others = sorted(found.parties - {one.author.organisation})
    return MessageView(
        id=one.id,
        at=iso(one.utc_us),
        by=_party(one.author.organisation, incidents),
        person=one.author.name,
        own=one.author.organisation == actor.organisation,
        text=one.text,
        receipts=[
            ReceiptView(
                organisation=_party(each, incidents),
                delivered=iso(one.delivered.get(each, 0)),
                read=iso(one.read.get(each, 0)),
            )
            for each in others
        ],
    )


def _event(one: IncidentEvent, incidents: Incidents) -> EventView:
    body = one.body
    organisation = str(body.get("with") or body.get("to") or "")
    subject = incidents.name_of(organisation) if organisation else str(
        body.get("name") or body.get("camera") or body.get("alarm") or body.get("outcome") or ""
    )  # fmt: skip
    return EventView(
        number=one.number,
        at=iso(one.utc_us),
        what=one.kind.value,
        by=_party(one.author.organisation, incidents),
        person=one.author.name,
        subject=subject,
        void=one.void,
    )


# changing ----------------------------------------------------------------------------------


async def open_incident(body: OpenBody, ask: TheAsking) -> Response:
    """Open an incident."""
    command = Open(
        body.title.strip(), body.kind, body.priority, body.latitude, body.longitude,
        body.address.strip(), cameras=tuple(body.cameras), alarms=tuple(body.alarms),
    )  # fmt: skip
    return await ask.run(
        body,
        lambda once: ask.incidents.open(command, by=ask.actor, once=once),
        HTTPStatus.CREATED,
    )


async def update_incident(incident_id: Name, body: UpdateBody, ask: TheAsking) -> Response:
    """Change what is known of an incident."""
    return await ask.change(incident_id, Update(**body.model_dump()), body)


async def attach_cameras(incident_id: Name, body: CamerasBody, ask: TheAsking) -> Response:
    """Attach cameras that the actor's organisation knows."""
    return await ask.change(incident_id, Attach(cameras=tuple(body.cameras)), body)


async def detach_camera(incident_id: Name, camera: Name, ask: TheAsking) -> Response:
    """Take a camera away; looks at it for this incident end at once."""
    return await ask.change(incident_id, Detach(camera=camera))


async def attach_alarms(incident_id: Name, body: AlarmsBody, ask: TheAsking) -> Response:
    """Attach alarms that concern the actor's organisation."""
    return await ask.change(incident_id, Attach(alarms=tuple(body.alarms)), body)


async def detach_alarm(incident_id: Name, alarm: Name, ask: TheAsking) -> Response:
    """Take an alarm away."""
    return await ask.change(incident_id, Detach(alarm=alarm))


async def share_incident(incident_id: Name, body: OrganisationBody, ask: TheAsking) -> Response:
    """Let another room know of an incident."""
    return await ask.change(incident_id, Share(body.organisation), body)


async def unshare_incident(incident_id: Name, organisation: Name, ask: TheAsking) -> Response:
    """Take that back; its looks for this incident end at once."""
    return await ask.change(incident_id, Unshare(organisation))


async def take_incident(incident_id: Name, ask: TheAsking) -> Response:
    """Say that the actor's organisation deals with it."""
    return await ask.change(incident_id, Take())


async def hand_over_incident(incident_id: Name, body: OrganisationBody, ask: TheAsking) -> Response:
    """Let another room deal with it."""
    return await ask.change(incident_id, HandOver(body.organisation), body)


async def close_incident(incident_id: Name, body: CloseIncidentBody, ask: TheAsking) -> Response:
    """Close an incident; every look for it ends at once."""
    return await ask.change(incident_id, Close(body.outcome, body.note.strip()), body)


async def send_message(incident_id: Name, body: MessageBody, ask: TheAsking) -> Response:
    """Send a message to all rooms that know of the incident."""
    return await ask.change(incident_id, Say(body.text.strip()), body)


async def read_messages(incident_id: Name, body: ReceiptBody, ask: TheAsking) -> Response:
    """Note that messages were read; who sent them is told."""
    return await ask.change(incident_id, Read(body.upto), body)


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(tags=["incidents"])
    plain, known = responses(401, 403, 503), responses(401, 403, 404, 503)
    router.add_api_route("/api/incidents", list_incidents, methods=["GET"], responses=plain)
    changed = {200: {"description": "As it is now", "model": IncidentView}}
    opened = {201: {"description": "Opened", "model": IncidentView}}
    router.add_api_route(
        "/api/incidents", open_incident, methods=["POST"], status_code=201,
        responses=opened | plain | responses(409, 422),
    )  # fmt: skip
    one = "/api/incidents/{incident_id}"
    router.add_api_route(one, one_incident, methods=["GET"], responses=known)
    for path, method, endpoint in (
        ("", "PATCH", update_incident),
        ("/cameras", "POST", attach_cameras),
        ("/cameras/{camera}", "DELETE", detach_camera),
        ("/alarms", "POST", attach_alarms),
        ("/alarms/{alarm}", "DELETE", detach_alarm),
        ("/shares", "POST", share_incident),
        ("/shares/{organisation}", "DELETE", unshare_incident),
        ("/take", "POST", take_incident),
        ("/hand-over", "POST", hand_over_incident),
        ("/close", "POST", close_incident),
        ("/messages", "POST", send_message),
        ("/receipts", "POST", read_messages),
    ):
        router.add_api_route(
            one + path, endpoint, methods=[method],
            responses=changed | known | responses(409, 422),
        )  # fmt: skip
    return router
