# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Lists of plates that are sought: seen without a plate, changed by named people (A-49, D.9).

Every deed goes through the gate, which writes it down, or its refusal. A plate comes in with the
body of a request, never with its address, and leaves by `open` alone.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import Field, SecretStr

from gateway.console.identity import (
    Signed,
    TheActor,
    TheAdministrator,
    ThePerson,
    TheServices,
    signed_in,
)
from gateway.console.ledger import instant
from gateway.console.problem import ProblemError, RefusedError, responses
from gateway.console.services import HotLists, Services
from gateway.console.views import Body, View, iso, organisation_name
from gateway.console.words import Fault
from gateway.model.access import AccessRequest, Action, Actor, Grant, Purpose, Verdict
from gateway.model.errors import StateError, WireError
from gateway.model.hotlist import (
    Delivered,
    EntryState,
    HotEntry,
    HotList,
    LocalWish,
    new_entry_id,
)
from gateway.model.registry import Registry

Id = Annotated[str, Path(min_length=14, max_length=14, pattern="^[0-9a-f]+$")]
Told = TypeVar("Told")

_FAULTS = {
    "grant": (HTTPStatus.FORBIDDEN, Fault.ROLE),
    "unknown": (HTTPStatus.NOT_FOUND, Fault.NOT_FOUND),
    "not-waiting": (HTTPStatus.CONFLICT, Fault.HOTLIST_DECIDED),
    "person": (HTTPStatus.FORBIDDEN, Fault.ROLE),
    "same-person": (HTTPStatus.FORBIDDEN, Fault.HOTLIST_SAME_PERSON),
    "newcomer": (HTTPStatus.FORBIDDEN, Fault.HOTLIST_NEWCOMER),
    "full": (HTTPStatus.CONFLICT, Fault.HOTLIST_FULL),
    "signature": (HTTPStatus.UNPROCESSABLE_ENTITY, Fault.HOTLIST_SIGNATURE),
    "source": (HTTPStatus.UNPROCESSABLE_ENTITY, Fault.HOTLIST_SIGNATURE),
    "kind": (HTTPStatus.UNPROCESSABLE_ENTITY, Fault.HOTLIST_SIGNATURE),
    "old": (HTTPStatus.CONFLICT, Fault.HOTLIST_OLD),
    "base": (HTTPStatus.CONFLICT, Fault.HOTLIST_OLD),
    "too-large": (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, Fault.TOO_LARGE),
    "too-many": (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, Fault.TOO_LARGE),
}


class HotListView(View):
    """One office's list."""

    source: str
    kind: str = Field(description="A1 stolen, A2 no inspection, C reported by offices.")
    sequence: int
    issued: str
    received: str
    sha256: str = Field(description="Of the file that was signed.")
    act: str
    reason: str
    requester: str
    by: str = Field(description="Account that entered it.")
    entries: int
    first_end: str
    last_end: str


class HotEntryView(View):
    """One entry, without its plate."""

    id: str
    kind: str
    country: str = Field(description="ISO 3166-1 alpha-2; empty: any.")
    since: str
    until: str
    label: str
    reason: str
    act: str
    case: str
    requester: str
    organisation: str
    added: str
    added_by: str
    approved: str
    approved_by: str
    state: str = Field(description="in-attesa (matches nothing) or in-vigore.")
    source: str = Field(description="Who delivered it; empty: entered here.")
    bar: str = Field(
        default="",
        description="Why the reader may not approve it: same-person, newcomer, person.",
    )


class HotSourceView(View):
    """Who may deliver lists."""

    name: str
    kinds: list[str]


class HotListsView(View):
    """All lists; no plate stands here."""

    problem: str = Field(description="Why nothing is matched; empty while it is.")
    now: str
    lists: list[HotListView]
    entries: list[HotEntryView]
    sources: list[HotSourceView]
    may: list[str] = Field(description="Of add, import, approve, open.")


class PlateView(View):
    """A plate, shown to one person for one reason."""

    plate: str
    country: str


class DeliveredView(View):
    """What became of a delivery."""

    source: str
    kind: str
    sequence: int
    added: int
    removed: int
    over: int = Field(description="Left out: their time was over already.")


class WhyBody(Body):
    """Why somebody touches a plate."""

    purpose: Purpose
    case: str = Field(min_length=1, max_length=100)
    reason: str = Field(min_length=5, max_length=200)


class DeedBody(Body):
    """Why an entry is rejected or taken off."""

    reason: str = Field(min_length=5, max_length=200)


class EntryBody(WhyBody):
    """A plate that is to be sought."""

    plate: SecretStr = Field(min_length=1, max_length=40)
    country: str = Field(default="", max_length=2)
    act: str = Field(min_length=1, max_length=200, description="On which it rests.")
    requester: str = Field(min_length=1, max_length=200, description="Office or person.")
    until: str = Field(max_length=40, description="At most 90 days away.")
    label: str = Field(default="", max_length=200)


class LookupBody(WhyBody):
    """A plate that is looked for on the lists."""

    plate: SecretStr = Field(min_length=1, max_length=40)
    country: str = Field(default="", max_length=2)


class SignedEntryBody(Signed, EntryBody):
    """A plate that is to be sought, with who asks."""


class SignedDeedBody(Signed, DeedBody):
    """Why an entry is taken off, with who asks."""


class SignedDeliveryBody(Signed, WhyBody):
    """A signed list, with who enters it."""

    document: str = Field(description="The file, base64.")
    signature: str = Field(max_length=200, description="Ed25519, base64.")


def _lists(services: Services) -> HotLists:
    if services.hotlists is None:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, Fault.UNAVAILABLE)
    return services.hotlists


@contextmanager
def _faults() -> Iterator[None]:
    """Have what the lists cannot do told as a problem."""
    try:
        yield
    except StateError as error:
        status, fault = _FAULTS.get(error.code, (HTTPStatus.CONFLICT, Fault.NOT_POSSIBLE))
        detail = str(error) if status == HTTPStatus.UNPROCESSABLE_ENTITY else ""
        raise ProblemError(status, fault, detail) from error
    except WireError as error:
        detail = f"plate: {error}"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, Fault.INVALID, detail) from error


async def _asked(services: Services, request: AccessRequest) -> Grant:
    """Return a Grant whose entry is on disk, or raise the refusal, which is, too."""
    answer = await services.gate.open(request)
    if isinstance(answer, Verdict):
        raise RefusedError(answer)
    return answer


def _request(actor: Actor, action: Action, why: WhyBody, object_: str) -> AccessRequest:
    return AccessRequest(
        actor, action, "", why.purpose, why.case.strip(), why.reason.strip(), object=object_
    )


async def _deed(
    services: Services,
    request: AccessRequest,
    work: Callable[[HotLists, Grant], Awaitable[Told]],
) -> Told:
    """Do something under a Grant of its own; 404 for an entry that is not there."""
    lists = _lists(services)
    adds = request.action in (Action.HOTLIST_ADD, Action.HOTLIST_IMPORT) or not request.object
    if not adds and await lists.entry(request.object) is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    grant = await _asked(services, request)
    with _faults():
        return await work(lists, grant)


_MAY = {
    "add": Action.HOTLIST_ADD,
    "import": Action.HOTLIST_IMPORT,
    "approve": Action.HOTLIST_APPROVE,
    "open": Action.HOTLIST_OPEN,
}


def _may(services: Services, actor: Actor, action: Action) -> bool:
    """Return whether somebody could do something with a case; nothing is opened or written."""
    request = AccessRequest(actor, action, "", Purpose.SERVICE, "-")
    return services.rights is None or services.rights.explain(request).verdict.allowed


async def hotlists(actor: TheActor, services: TheServices) -> HotListsView:
    """Return all lists without plates; whoever may not see them is refused in the ledger."""
    lists = _lists(services)
    if not _may(services, actor, Action.HOTLIST):
        await _asked(services, AccessRequest(actor, Action.HOTLIST, "", Purpose.SERVICE))
    may = [name for name, action in _MAY.items() if _may(services, actor, action)]
    return await _overview(services, lists, may, actor)


async def _overview(
    services: Services, lists: HotLists, may: list[str], actor: Actor | None
) -> HotListsView:
    registry = services.registry()
    entries = await lists.local() if actor is not None else ()
    return HotListsView(
        problem=lists.problem,
        now=services.clock.now().iso(),
        lists=[_list_view(one) for one in await lists.delivered()],
        entries=[
            _entry_view(one, registry).model_copy(update={"bar": _bar(lists, one, actor)})
            for one in entries
        ],
        sources=[HotSourceView(name=name, kinds=list(kinds)) for name, kinds in lists.sources],
        may=may,
    )


def _bar(lists: HotLists, one: HotEntry, actor: Actor | None) -> str:
    waits = one.state is EntryState.WAITING
    return lists.bar(one, actor) if waits and actor is not None else ""


def _list_view(one: HotList) -> HotListView:
    return HotListView(
        source=one.source,
        kind=one.kind.value,
        sequence=one.sequence,
        issued=iso(one.issued_us),
        received=iso(one.received_us),
        sha256=one.sha256,
        act=one.act,
        reason=one.reason,
        requester=one.requester,
        by=one.by,
        entries=one.entries,
        first_end=iso(one.first_end_us),
        last_end=iso(one.last_end_us),
    )


def _entry_view(one: HotEntry, registry: Registry) -> HotEntryView:
    return HotEntryView(
        id=one.id,
        kind=one.kind.value,
        country=one.country,
        since=iso(one.from_us),
        until=iso(one.until_us),
        label=one.label,
        reason=one.reason,
        act=one.act,
        case=one.case,
        requester=one.requester,
        organisation=organisation_name(registry, one.organisation),
        added=iso(one.added_us),
        added_by=_name(one.added_by, registry),
        approved=iso(one.approved_us),
        approved_by=_name(one.approved_by, registry),
        state=one.state.value,
        source=one.source,
    )


def _name(id_: str, registry: Registry) -> str:
    user = registry.users.get(id_)
    return user.name if user is not None else id_


async def _add(services: Services, body: EntryBody, actor: Actor) -> HotEntryView:
    wish = LocalWish(
        body.plate.get_secret_value(), body.country, body.reason, body.case, body.act,
        body.requester, instant(body.until, end=True), body.label,
    )  # fmt: skip
    request = _request(actor, Action.HOTLIST_ADD, body, new_entry_id())
    made = await _deed(services, request, lambda lists, grant: lists.add(wish, grant))
    return _entry_view(made, services.registry())


async def add_entry(body: EntryBody, actor: ThePerson, services: TheServices) -> HotEntryView:
    """Enter a plate; it matches nothing until somebody else has approved it."""
    return await _add(services, body, actor)


async def approve_entry(
    entry: Id, body: WhyBody, actor: ThePerson, services: TheServices
) -> HotEntryView:
    """Put somebody else's entry into force."""
    request = _request(actor, Action.HOTLIST_APPROVE, body, entry)
    made = await _deed(services, request, lambda lists, grant: lists.approve(grant))
    return _entry_view(made, services.registry())


async def reject_entry(
    entry: Id, body: DeedBody, actor: ThePerson, services: TheServices
) -> HotEntryView:
    """Delete an entry that waits."""
    request = _taking_off(actor, entry, body)
    gone = await _deed(services, request, lambda lists, grant: lists.reject(grant))
    return _entry_view(gone, services.registry())


def _taking_off(actor: Actor, entry: str, body: DeedBody) -> AccessRequest:
    reason = body.reason.strip()
    return AccessRequest(actor, Action.HOTLIST, "", Purpose.SERVICE, reason=reason, object=entry)


async def remove_entry(
    entry: Id, body: DeedBody, actor: ThePerson, services: TheServices
) -> HotEntryView:
    """Delete an entry, also one of an office's list (until it is delivered again)."""
    request = _taking_off(actor, entry, body)
    gone = await _deed(services, request, lambda lists, grant: lists.remove(grant))
    return _entry_view(gone, services.registry())


async def open_entry(
    entry: Id, body: WhyBody, actor: ThePerson, services: TheServices
) -> PlateView:
    """Show the plate of one entry; who reads it, and why, stands in the ledger first."""
    found = await _lists(services).entry(entry)
    request = _request(actor, Action.HOTLIST_OPEN, body, entry)
    plate = await _deed(services, request, lambda lists, grant: lists.reveal(grant))
    return PlateView(plate=plate, country=found.country if found is not None else "")


async def look_up(body: LookupBody, actor: ThePerson, services: TheServices) -> list[HotEntryView]:
    """Return the entries of a plate, as it is written; the ledger has who asked, not which."""
    request = _request(actor, Action.HOTLIST_OPEN, body, "")
    plate = body.plate.get_secret_value()
    found = await _deed(
        services, request, lambda lists, grant: lists.find(plate, body.country, grant)
    )
    return [_entry_view(one, services.registry()) for one in found]


def _delivered_view(done: Delivered) -> DeliveredView:
    one = done.hotlist
    return DeliveredView(
        source=one.source, kind=one.kind.value, sequence=one.sequence, added=done.added,
        removed=done.removed, over=done.over,
    )  # fmt: skip


def _why_of_import(
    purpose: Purpose,
    case: Annotated[str, Query(min_length=1, max_length=100)],
    reason: Annotated[str, Query(min_length=5, max_length=200)],
) -> WhyBody:
    return WhyBody(purpose=purpose, case=case, reason=reason)


async def import_list(
    request: Request,
    actor: ThePerson,
    services: TheServices,
    signature: Annotated[str, Query(max_length=200, description="Ed25519 over the body, base64.")],
    why: Annotated[WhyBody, Depends(_why_of_import)],
) -> DeliveredView:
    """Take over the signed list that is the body, CSV or JSON, byte by byte as it was signed."""
    document, raw = await request.body(), signature.replace(" ", "+").encode()
    wish = _request(actor, Action.HOTLIST_IMPORT, why, "")
    return _delivered_view(
        await _deed(services, wish, lambda lists, grant: lists.deliver(document, raw, grant))
    )


# over the control socket -----------------------------------------------------------------------


async def control_hotlists(_by: TheAdministrator, services: TheServices) -> HotListsView:
    """Return which lists there are; an administrator sees no entry of our own (D.5.7)."""
    return await _overview(services, _lists(services), [], None)


async def control_import(
    body: SignedDeliveryBody, _by: TheAdministrator, services: TheServices
) -> DeliveredView:
    """Take a signed list over in the name of a person, who signs in for it."""
    document = _bytes(body.document)
    async with signed_in(services, body) as actor:
        wish = _request(actor, Action.HOTLIST_IMPORT, body, "")
        return _delivered_view(
            await _deed(
                services,
                wish,
                lambda lists, grant: lists.deliver(document, body.signature.encode(), grant),
            )
        )


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY, Fault.INVALID, "document: is not base64"
        ) from None


async def control_add(
    body: SignedEntryBody, _by: TheAdministrator, services: TheServices
) -> HotEntryView:
    """Enter a plate in the name of a person, who signs in for it."""
    async with signed_in(services, body) as actor:
        return await _add(services, body, actor)


async def control_remove(
    entry: Id, body: SignedDeedBody, _by: TheAdministrator, services: TheServices
) -> HotEntryView:
    """Delete an entry in the name of a person, who signs in for it."""
    async with signed_in(services, body) as actor:
        request = _taking_off(actor, entry, body)
        gone = await _deed(services, request, lambda lists, grant: lists.remove(grant))
    return _entry_view(gone, services.registry())


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(prefix="/api/hotlists", tags=["hotlists"])
    refused = responses(401, 403, 404, 409, 422, 503)
    router.add_api_route("", hotlists, methods=["GET"], responses=responses(401, 403, 503))
    router.add_api_route(
        "/imports", import_list, methods=["POST"], responses=refused | responses(413),
        openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}}},
    )  # fmt: skip
    router.add_api_route("/lookup", look_up, methods=["POST"], responses=refused)
    router.add_api_route(
        "/entries", add_entry, methods=["POST"], status_code=201, responses=refused
    )
    for name, endpoint in (
        ("approve", approve_entry),
        ("reject", reject_entry),
        ("remove", remove_entry),
        ("open", open_entry),
    ):
        router.add_api_route(
            f"/entries/{{entry}}/{name}", endpoint, methods=["POST"], responses=refused
        )
    return router


def control_routes() -> APIRouter:
    """Return the routes of the control socket."""
    router = APIRouter(prefix="/control/hotlists", tags=["control"])
    refused = responses(401, 403, 404, 409, 422, 503)
    router.add_api_route("", control_hotlists, methods=["GET"], responses=responses(403, 503))
    router.add_api_route(
        "/imports", control_import, methods=["POST"], responses=refused | responses(413)
    )
    router.add_api_route(
        "/entries", control_add, methods=["POST"], status_code=201, responses=refused
    )
    router.add_api_route(
        "/entries/{entry}/remove", control_remove, methods=["POST"], responses=refused
    )
    return router
