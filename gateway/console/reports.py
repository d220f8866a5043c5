# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Reports of vigilance institutes for phones, machines and rooms (A-14, A-15, A-16, B-29).

An institute sends and reads its own; a room reads those that were routed to it, acknowledges,
answers, passes on and closes them. `Idempotency-Key` repeats a sending without its effect: a phone
that lost its network asks again and gets the same number. There are no pictures here.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field, model_validator
from starlette.responses import Response

from gateway.console.identity import TheActor, actor_of, services_of
from gateway.console.incidents import Latitude, Longitude, Name, TheKey, TheWriter
from gateway.console.ledger import instant
from gateway.console.problem import ProblemError, responses
from gateway.console.services import Reports
from gateway.console.views import Body, View, iso
from gateway.console.visibility import deals_with_reports
from gateway.console.words import SENTENCES, Fault, Language, language_of
from gateway.model.access import Actor
from gateway.model.errors import StateError
from gateway.model.incident import Once
from gateway.model.report import (
    KINDS,
    MOST_ANSWER,
    MOST_PLACE,
    MOST_REPORT_TEXT,
    Direction,
    Passage,
    Report,
    ReportDraft,
    ReportOutcome,
    ReportPassage,
    ReportState,
    ReportWords,
    Span,
    routing,
)
from gateway.model.time import ROME

MOST_LISTED = 500
CALL_112 = (
    "Emergenza: chiamare subito il 112 (NUE). Varco non chiama nessuno da solo.",
    "Emergency: call 112 at once. Varco calls nobody by itself.",
)
BOM = "\ufeff"
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""What a spreadsheet would run leaves with an apostrophe before it."""
HEADERS = (
    "Numero", "Data e ora (Roma)", "Istituto", "Tipo", "Classe", "Urgente",
    "Economico-finanziaria", "Stato", "Destinatari", "Regola", "Luogo", "Latitudine",
    "Longitudine", "Testo", "Presa in carico", "In carico a", "Chiusa", "Esito", "Risponde a",
    "Esercitazione", "Identificativo",
)  # fmt: skip

_FAULTS = {
    "unknown": (HTTPStatus.NOT_FOUND, Fault.NOT_FOUND),
    "not-yours": (HTTPStatus.FORBIDDEN, Fault.ROLE),
    "taken": (HTTPStatus.CONFLICT, Fault.REPORT_TAKEN),
    "closed": (HTTPStatus.CONFLICT, Fault.REPORT_CLOSED),
    "full": (HTTPStatus.CONFLICT, Fault.REPORTS_FULL),
    "too-many": (HTTPStatus.TOO_MANY_REQUESTS, Fault.REPORTS_TOO_MANY),
    "organisation": (HTTPStatus.UNPROCESSABLE_ENTITY, Fault.INCIDENT_REFERENCE),
    "key-reused": (HTTPStatus.UNPROCESSABLE_ENTITY, Fault.KEY_REUSED),
}
_BARS = {one.value: one for one in Fault}

Words = Annotated[str, Field(pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")]
Kind = Literal[
    "reato-imminente",
    "fuga-dal-luogo-del-reato",
    "persone-o-veicoli-sospetti",
    "veicolo-rubato-o-abbandonato",
    "ostacolo-sulla-strada",
    "interruzione-di-energia",
    "persona-in-difficolta",
    "allontanamento-da-struttura",
    "disagio-sociale",
    "degrado-urbano",
]


# what enters -------------------------------------------------------------------------------


class ReportBody(Body):
    """A report; with a position, a street, or both."""

    kind: Kind = Field(description="One of the ten kinds of the protocol.")
    text: Words = Field(default="", max_length=MOST_REPORT_TEXT)
    place: Annotated[str, Field(max_length=MOST_PLACE, pattern=r"^[^\x00-\x1f\x7f]*$")] = Field(
        default="", description="Street and town."
    )
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    accuracy_m: float = Field(default=0.0, ge=0, le=1_000_000, description="Metres, 0: not known.")
    urgent: bool = Field(default=False, description="Somebody has to call 112 now.")
    economic: bool = Field(default=False, description="Economic or financial offences.")
    seen: str = Field(
        default="", max_length=40, description="When it was written, RFC 3339; empty: now."
    )

    @model_validator(mode="after")
    def _somewhere(self) -> "ReportBody":
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("write latitude and longitude, or neither")
        if self.latitude is None and not self.place.strip():
            raise ValueError("write where: latitude and longitude, or place")
        return self


class AnswerBody(Body):
    """What a room tells the institute."""

    text: Words = Field(min_length=1, max_length=MOST_ANSWER)
    outcome: ReportOutcome | None = Field(default=None, description="Close it with this, too.")

    @model_validator(mode="after")
    def _said(self) -> "AnswerBody":
        if not self.text.strip():
            raise ValueError("write something")
        return self


class CloseReportBody(Body):
    """How it ended."""

    outcome: ReportOutcome


class RouteBody(Body):
    """To whom it goes on."""

    recipient: str = Field(min_length=1, max_length=130)


class RegisterBody(Body):
    """Which part of the register, and why."""

    reason: Annotated[str, Field(min_length=3, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
    form: Literal["csv", "json"] = "csv"
    from_: str = Field(default="", alias="from", max_length=40, description="A day, or RFC 3339.")
    to: str = Field(default="", max_length=40)


# what leaves -------------------------------------------------------------------------------


class OrganisationView(View):
    """An organisation."""

    id: str
    name: str


class PassageView(View):
    """One line of a report's journal."""

    number: int
    at: str
    what: str = Field(description="received, routed, acknowledged, answered or closed.")
    by: OrganisationView
    person: str = Field(description="Name; only of the reader's own organisation.")
    to: list[OrganisationView]
    detail: str = Field(description="Line of the table, number of the answer, or outcome.")


class ReportView(View):
    """One report, as the reader's organisation may know it."""

    id: str
    number: str = Field(description="IN-2026-000001, or OUT-2026-000001 for an answer.")
    direction: Literal["IN", "OUT"]
    kind: str
    of: str = Field(description="One of the five classes.")
    sent: str
    seen: str = Field(description="When it was written, by the sender's clock; empty: as sent.")
    state: str = Field(description="ricevuta, instradata, presa-in-carico or chiusa.")
    institute: OrganisationView
    contact: str = Field(description="The institute's one contact point; for rooms.")
    recipients: list[OrganisationView]
    line: str = Field(description="Of the routing table; empty: a person passed it on.")
    text: str
    place: str
    latitude: float | None
    longitude: float | None
    accuracy_m: float
    forgotten: bool = Field(description="Its words are gone, their time is over.")
    urgent: bool
    economic: bool
    exercise: bool
    taken: str
    taken_by: OrganisationView | None
    outcome: str
    answers: str = Field(description="Id of the report that this one answers.")
    own: bool = Field(description="The reader's organisation sent it.")
    may_ack: bool
    may_answer: bool
    may_close: bool = Field(description="And pass it on: no other organisation deals with it.")
    instruction: str = Field(description="What the sender has to do now; empty: nothing.")
    version: int


class ReportDetailView(View):
    """A report with its journal and its answers."""

    report: ReportView
    passages: list[PassageView]
    answers: list[ReportView]


class ReportKindView(View):
    """One of the ten kinds."""

    code: str
    of: str
    it: str
    en: str


class ReportsView(View):
    """Reports, and what is needed to send one."""

    reports: list[ReportView]
    kinds: list[ReportKindView]
    outcomes: list[str]
    rooms: list[OrganisationView] = Field(description="To which a report can be passed on.")
    may_send: bool
    bar: str = Field(description="Why the reader may not send; empty: they may.")
    bar_text: str
    institute: bool = Field(description="The reader belongs to an institute.")


# who and how -------------------------------------------------------------------------------


def reports_of(request: Request) -> Reports:
    """Return the reports for somebody of a room or an institute; 403 for anybody else."""
    actor, services = actor_of(request), services_of(request)
    if not deals_with_reports(actor, services.registry()):
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.ROLE)
    if services.reports is None:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, Fault.UNAVAILABLE)
    return services.reports


TheReports = Annotated[Reports, Depends(reports_of)]
TheLanguage = Annotated[Language, Depends(language_of)]


@contextmanager
def _translated(reports: Reports) -> Iterator[None]:
    """Turn what cannot be done into a problem; who has a report stands in its detail."""
    try:
        yield
    except StateError as error:
        if error.code == "bar":
            bar = str(error).partition(": ")[2]
            fault = _BARS.get(bar, Fault.ROLE)
            raise ProblemError(HTTPStatus.FORBIDDEN, fault) from None
        status, fault = _FAULTS[error.code]
        headers = {"Retry-After": "5"} if status == HTTPStatus.TOO_MANY_REQUESTS else {}
        holder = str(error).partition(": ")[2] if fault is Fault.REPORT_TAKEN else ""
        raise ProblemError(status, fault, reports.name_of(holder), headers) from None


def _once(actor: Actor, key: str, place: str, body: Body) -> Once | None:
    if not key:
        return None
    scope = f"{actor.organisation}/{actor.id} {place}"
    return Once(scope, key, hashlib.sha256(body.model_dump_json().encode()).hexdigest())


class Shown:
    """Reports as one reader may know them."""

    def __init__(self, reports: TheReports, actor: TheActor, language: TheLanguage) -> None:
        self.reports = reports
        self.actor = actor
        self._language = language
        self._is_room = not reports.is_institute(actor)

    def organisation(self, id_: str) -> OrganisationView:
        """Return an organisation with its name."""
        return OrganisationView(id=id_, name=self.reports.name_of(id_) if id_ else "Varco")

    def said(self, words: tuple[str, str]) -> str:
        """Return words in the reader's language."""
        return words[0 if self._language is Language.IT else 1]

    def view(self, one: Report) -> ReportView:
        """Return a report as it travels."""
        words = one.words or ReportWords()
        taken, closed = one.last(Passage.ACKNOWLEDGED), one.last(Passage.CLOSED)
        mine = one.passages[0].by.organisation == self.actor.organisation if one.passages else False
        addressed = self.actor.organisation in one.recipients
        waits = one.state in (ReportState.RECEIVED, ReportState.ROUTED)
        return ReportView(
            id=one.id,
            number=one.number,
            direction=one.direction.value,
            kind=one.kind,
            of=KINDS[one.kind].of.value,
            sent=iso(one.sent_utc_us),
            seen=iso(words.seen_utc_us),
            state=one.state.value,
            institute=self.organisation(one.institute),
            contact=self.reports.contact_of(one.institute) if self._is_room else "",
            recipients=[self.organisation(each) for each in one.recipients],
            line=one.line,
            text=words.text,
            place=words.place,
            latitude=words.latitude,
            longitude=words.longitude,
            accuracy_m=words.accuracy_m,
            forgotten=one.words is None,
            urgent=one.urgent,
            economic=one.economic,
            exercise=one.exercise,
            taken=iso(taken.utc_us) if taken else "",
            taken_by=self.organisation(taken.by.organisation) if taken else None,
            outcome=closed.detail if closed else "",
            answers=one.answers,
            own=mine,
            may_ack=addressed and waits,
            may_answer=addressed and one.direction is Direction.IN,
            may_close=addressed and self._may_close(one),
            instruction=self.said(CALL_112) if one.urgent and mine else "",
            version=len(one.passages),
        )

    def _may_close(self, one: Report) -> bool:
        """Return whether nobody else deals with a report that goes on."""
        free = one.holder in ("", self.actor.organisation)
        return free and one.is_open and one.direction is Direction.IN

    def passage(self, one: ReportPassage) -> PassageView:
        """Return a line of the journal; others' people have no name here."""
        told = routing(one.detail) if one.what is Passage.ROUTED else None
        own = one.by.organisation == self.actor.organisation and one.by.actor
        return PassageView(
            number=one.number,
            at=iso(one.utc_us),
            what=one.what.value,
            by=self.organisation(one.by.organisation),
            person=self.reports.person_of(one.by.actor) if own else "",
            to=[self.organisation(each) for each in told.recipients] if told else [],
            detail=told.line if told else one.detail,
        )


TheView = Annotated[Shown, Depends()]


# reading -----------------------------------------------------------------------------------


async def list_reports(
    shown: TheView,
    state: Annotated[Literal["open", "closed", "all"], Query()] = "all",
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 200,
) -> ReportsView:
    """Return the reports of the actor's organisation, the newest first.

    `limit` is for those that are closed: one that goes on is never left out.
    """
    reports, actor = shown.reports, shown.actor
    is_open = None if state == "all" else state == "open"
    found = await reports.listed(actor, is_open=is_open, limit=limit)
    bar, institute = reports.bar(actor), reports.is_institute(actor)
    fault = _BARS.get(bar)
    return ReportsView(
        reports=[shown.view(one) for one in found],
        kinds=[
            ReportKindView(code=one.code, of=one.of.value, it=one.it, en=one.en)
            for one in KINDS.values()
        ],
        outcomes=[one.value for one in ReportOutcome],
        rooms=[]
        if institute
        else [OrganisationView(id=id_, name=name) for id_, name in reports.rooms(actor).items()],
        may_send=institute and not bar,
        bar=bar,
        bar_text=shown.said(SENTENCES[fault]) if fault is not None else "",
        institute=institute,
    )


async def one_report(report_id: Name, shown: TheView) -> ReportDetailView:
    """Return a report with its journal and its answers."""
    found = await shown.reports.get(report_id, shown.actor)
    if found is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    every = await shown.reports.listed(shown.actor, limit=MOST_LISTED)
    return ReportDetailView(
        report=shown.view(found),
        passages=[shown.passage(one) for one in found.passages],
        answers=[shown.view(one) for one in reversed(every) if one.answers == found.id],
    )


# writing -----------------------------------------------------------------------------------


async def send_report(
    body: ReportBody, shown: TheView, actor: TheWriter, key: TheKey, response: Response
) -> ReportView:
    """Send a report; the number in the answer is its receipt."""
    words = ReportWords(
        body.text.strip(), body.place.strip(), body.latitude, body.longitude, body.accuracy_m,
        instant(body.seen),
    )  # fmt: skip
    draft = ReportDraft(body.kind, words, body.urgent, body.economic)
    with _translated(shown.reports):
        made = await shown.reports.send(draft, by=actor, once=_once(actor, key, "send", body))
    response.headers["Location"] = f"/api/reports/{made.id}"
    return shown.view(made)


async def acknowledge_report(report_id: Name, shown: TheView, actor: TheWriter) -> ReportView:
    """Say that the actor's organisation deals with it."""
    with _translated(shown.reports):
        return shown.view(await shown.reports.acknowledge(report_id, by=actor))


async def answer_report(
    report_id: Name, body: AnswerBody, shown: TheView, actor: TheWriter, key: TheKey
) -> ReportView:
    """Answer the institute, numbered; return the answer. With an outcome the report is closed."""
    once = _once(actor, key, f"answer {report_id}", body)
    with _translated(shown.reports):
        about = await shown.reports.get(report_id, actor)
        holder = about.holder if about is not None else ""
        if body.outcome is not None and holder not in ("", actor.organisation):
            raise StateError("taken", holder)  # before the institute reads an answer
        made = await shown.reports.answer(report_id, body.text.strip(), by=actor, once=once)
        if body.outcome is not None:
            await shown.reports.close(report_id, body.outcome, by=actor)
    return shown.view(made)


async def close_report(
    report_id: Name, body: CloseReportBody, shown: TheView, actor: TheWriter
) -> ReportView:
    """Close a report."""
    with _translated(shown.reports):
        return shown.view(await shown.reports.close(report_id, body.outcome, by=actor))


async def route_report(
    report_id: Name, body: RouteBody, shown: TheView, actor: TheWriter
) -> ReportView:
    """Pass a report on to another room."""
    with _translated(shown.reports):
        return shown.view(await shown.reports.pass_on(report_id, body.recipient, by=actor))


async def export_register(body: RegisterBody, shown: TheView, actor: TheWriter) -> Response:
    """Return the organisation's register, in and out, as a table or as JSON."""
    span = Span(instant(body.from_), instant(body.to, end=True))
    found = await shown.reports.register(actor, span, body.reason)
    until = f"-{_day(found[-1])}" if found else ""
    name = f'attachment; filename="segnalazioni{until}.{body.form}"'
    headers = {"Content-Disposition": name}
    if body.form == "json":
        rows = [
            {**shown.view(one).model_dump(mode="json"),
             "passages": [shown.passage(each).model_dump(mode="json") for each in one.passages]}
            for one in found
        ]  # fmt: skip
        text = json.dumps({"reports": rows}, ensure_ascii=False)
        return Response(text, headers=headers, media_type="application/json")
    numbers = {one.id: one.number for one in found}
    table = BOM + _line(HEADERS) + "".join(_line(_cells(one, shown, numbers)) for one in found)
    return Response(table, headers=headers, media_type="text/csv; charset=utf-8")


def _day(report: Report) -> date:
    return datetime.fromtimestamp(report.sent_utc_us / 1e6, ROME).date()


def _cells(one: Report, shown: Shown, numbers: dict[str, str]) -> list[object]:
    view, kind = shown.view(one), KINDS[one.kind]
    closed = one.last(Passage.CLOSED)
    return [
        one.number, _when(one.sent_utc_us), view.institute.name, kind.it, kind.of.value,
        _yes(one.urgent), _yes(one.economic), one.state.value,
        ", ".join(each.name for each in view.recipients), one.line, view.place,
        _decimal(view.latitude), _decimal(view.longitude), view.text,
        _when(taken.utc_us) if (taken := one.last(Passage.ACKNOWLEDGED)) else "",
        view.taken_by.name if view.taken_by else "", _when(closed.utc_us) if closed else "",
        view.outcome, numbers.get(one.answers, one.answers), _yes(one.exercise), one.id,
    ]  # fmt: skip


def _when(utc_us: int) -> str:
    return datetime.fromtimestamp(utc_us / 1e6, ROME).strftime("%d/%m/%Y %H:%M:%S")


def _yes(value: object) -> str:
    return "sì" if value else ""


def _decimal(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}".replace(".", ",")


def _line(cells: Iterable[object]) -> str:
    out = io.StringIO(newline="")
    safe = (f"'{text}" if _FORMULA.match(text := str(one)) else text for one in cells)
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerow(safe)
    return out.getvalue()


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(tags=["reports"])
    plain, known = responses(401, 403, 503), responses(401, 403, 404, 503)
    router.add_api_route("/api/reports", list_reports, methods=["GET"], responses=plain)
    router.add_api_route(
        "/api/reports", send_report, methods=["POST"], status_code=201,
        responses=plain | responses(409, 422, 429),
    )  # fmt: skip
    router.add_api_route(
        "/api/reports/register", export_register, methods=["POST"],
        responses=plain | responses(422), response_class=Response,
    )  # fmt: skip
    one = "/api/reports/{report_id}"
    router.add_api_route(one, one_report, methods=["GET"], responses=known)
    for path, endpoint, status in (
        ("/ack", acknowledge_report, 200),
        ("/answers", answer_report, 201),
        ("/close", close_report, 200),
        ("/route", route_report, 200),
    ):
        router.add_api_route(
            one + path, endpoint, methods=["POST"], status_code=status,
            responses=known | responses(409, 422),
        )  # fmt: skip
    return router
