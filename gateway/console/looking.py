# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From a request to a Grant, and back: nothing here shows a picture without one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Query

from gateway.console.problem import ProblemError, RefusedError
from gateway.console.services import Services
from gateway.console.words import Fault
from gateway.model.access import AccessRequest, Action, Actor, Grant, Purpose, Verdict
from gateway.model.errors import BusyError, PeerError, WireError


@dataclass(frozen=True, slots=True)
class Why:
    """Purpose, case and reason of a request to look."""

    purpose: Purpose | None
    """None also for a code that does not exist: the gate refuses both and writes it down."""
    case: str
    reason: str
    break_glass: bool = False
    """An emergency: acts say no, the reason says why."""
    second: str = ""
    """Code that a colleague has confirmed, where four eyes are needed."""


def why_of(
    purpose: Annotated[str, Query(max_length=64, description="Purpose code (D.2).")] = "",
    case: Annotated[str, Query(max_length=100, description="Alarm id, order or file.")] = "",
    reason: Annotated[str, Query(max_length=200, description="Free text, optional.")] = "",
    break_glass: Annotated[
        bool, Query(description="Look in an emergency; the reason has ten characters or more.")
    ] = False,
    second: Annotated[
        str, Query(max_length=16, description="Code that a colleague has confirmed.")
    ] = "",
) -> Why:
    """Return the reasons in the query of a request."""
    known = {one.value: one for one in Purpose}
    return Why(known.get(purpose), case.strip(), reason.strip(), break_glass, second.strip())


TheReasons = Annotated[Why, Depends(why_of)]


def request_of(
    services: Services, actor: Actor, action: Action, camera: str, why: Why
) -> AccessRequest:
    """Return what the gate is asked; the code of a second person is used up by it."""
    request = AccessRequest(
        actor, action, camera, why.purpose, why.case, why.reason, why.break_glass
    )
    if not why.second or services.seconds is None:
        return request
    return replace(request, second=services.seconds.use(why.second, request))


async def ask(services: Services, actor: Actor, action: Action, camera: str, why: Why) -> Grant:
    """Return a Grant, or raise the gate's refusal; either way the ledger holds it first."""
    request = request_of(services, actor, action, camera, why)
    answer = await services.gate.open(request)
    if isinstance(answer, Verdict):
        raise RefusedError(answer)
    return answer


async def never_began(services: Services, grant: Grant, reason: str) -> None:
    """Close the Grant of a look that came to nothing."""
    await services.gate.close(grant, reason=reason, duration_ms=0, bytes=0, frames=0)


@asynccontextmanager
async def beginning(services: Services, grant: Grant) -> AsyncIterator[None]:
    """Begin a live picture in the block; whatever keeps it from that closes the Grant.

    406 for an offer that cannot be answered, 429 where as much is looked at as may be, 503
    where as much is as can be now.
    """
    try:
        yield
    except WireError as error:
        await never_began(services, grant, "offer-not-acceptable")
        raise ProblemError(
            HTTPStatus.NOT_ACCEPTABLE, Fault.OFFER_UNUSABLE, str(error)[:200]
        ) from error
    except RefusedError as error:  # the edge where the camera is has its own gate
        refusal = error.verdict.refusal
        await never_began(services, grant, refusal.value if refusal else "refused")
        raise
    except BusyError as error:
        await never_began(services, grant, "limit-reached")
        status, headers = HTTPStatus.TOO_MANY_REQUESTS, {}
        if error.retry_after_s:  # not the viewer's limit: the box is busy now
            headers = {"Retry-After": f"{error.retry_after_s:.0f}"}
            status = HTTPStatus.SERVICE_UNAVAILABLE
        raise ProblemError(status, Fault.VIEW_LIMIT, str(error)[:200], headers) from error
    except PeerError:
        await never_began(services, grant, "media-unavailable")
        raise


class Delivered:
    """What left under a Grant, filled in by whoever sends it."""

    def __init__(self) -> None:
        self.bytes = 0
        self.reason = "delivered"


@asynccontextmanager
async def one_look(services: Services, grant: Grant) -> AsyncIterator[Delivered]:
    """Close the Grant when the block ends, with what was delivered, also after an error."""
    delivered = Delivered()
    began_s = services.clock.monotonic_s()
    try:
        yield delivered
    except BaseException:
        delivered.reason = "error"
        raise
    finally:
        await services.gate.close(
            grant,
            reason=delivered.reason,
            duration_ms=round((services.clock.monotonic_s() - began_s) * 1000),
            bytes=delivered.bytes,
            frames=0,
        )
