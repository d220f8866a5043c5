# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Errors as application/problem+json (RFC 9457), in the language of whoever asked."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.console.words import Fault, Language, language_of, sentence
from gateway.model.access import Refusal, Verdict
from gateway.model.errors import (
    ConfigError,
    LedgerError,
    PeerError,
    SecondFactorNeededError,
    StoreError,
)

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """What went wrong; `code` is stable, `title` is for people."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field("about:blank", description="Always about:blank; see code.")
    title: str = Field(description="One sentence in the language of the request.")
    status: int = Field(description="The HTTP status again.")
    code: str = Field(description="Stable code: a refusal of the gate or a fault of the API.")
    detail: str = Field("", description="What exactly, for whoever wrote the request.")


class ProblemError(Exception):
    """Ends a request with a problem; made where the problem is found."""

    def __init__(
        self,
        status: int,
        fault: Fault,
        detail: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.fault = fault
        self.detail = detail
        self.headers = dict(headers or {})
        super().__init__(f"{status} {fault.value} {detail}".strip())


class RefusedError(Exception):
    """The gate said no; the verdict carries both sentences."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        super().__init__(verdict.text_en)


def sign_in_needed() -> ProblemError:
    """Return the 401 that RFC 6750 §3 and WHEP want."""
    return ProblemError(
        HTTPStatus.UNAUTHORIZED,
        Fault.SIGN_IN_NEEDED,
        headers={"WWW-Authenticate": 'Bearer realm="varco"'},
    )


def respond(problem: Problem, language: Language, headers: Mapping[str, str]) -> Response:
    """Return the response for a problem."""
    return Response(
        problem.model_dump_json(),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers={"Content-Language": language.value, "Cache-Control": "no-store", **headers},
    )


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of problem answers."""
    reference = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: reference}}
        for status in statuses
    }


_REFUSAL_STATUS = {
    Refusal.UNKNOWN_CAMERA: HTTPStatus.NOT_FOUND,
    Refusal.LEDGER: HTTPStatus.SERVICE_UNAVAILABLE,
    Refusal.LINE: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Refusals that are not a plain 403."""

_HTTP_FAULTS = {
    HTTPStatus.NOT_FOUND: Fault.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: Fault.METHOD,
}


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - registered for this class only
    return answer(request, error.status, error.fault, error.detail, error.headers)


def answer(
    request: Request,
    status: int,
    fault: Fault,
    detail: str = "",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a fault as a response in the language of the request."""
    language = language_of(request)
    problem = Problem(
        type="about:blank",
        title=sentence(fault, language),
        status=int(status),
        code=fault.value,
        detail=detail,
    )
    return respond(problem, language, headers or {})


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)  # noqa: S101 - registered for this class only
    language = language_of(request)
    verdict = error.verdict
    refusal = verdict.refusal
    status = HTTPStatus.FORBIDDEN
    if refusal is not None:
        status = _REFUSAL_STATUS.get(refusal, HTTPStatus.FORBIDDEN)
    problem = Problem(
        type="about:blank",
        title=verdict.text_it if language is Language.IT else verdict.text_en,
        status=int(status),
        code=refusal.value if refusal else Fault.ROLE.value,
        detail="",
    )
    return respond(problem, language, {})


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    fault = _HTTP_FAULTS.get(HTTPStatus(error.status_code), Fault.INVALID)
    return answer(request, error.status_code, fault, "", error.headers)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    detail = "; ".join(
        f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5]
    )
    return answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, Fault.INVALID, detail)


async def _on_config(request: Request, error: Exception) -> Response:
    return answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, Fault.CONFIGURATION, str(error))


async def _on_code_needed(request: Request, _error: Exception) -> Response:
    headers = {"WWW-Authenticate": 'Bearer realm="varco"'}
    return answer(request, HTTPStatus.UNAUTHORIZED, Fault.CODE_NEEDED, "", headers)


async def _on_unavailable(request: Request, error: Exception) -> Response:
    log.warning("request-unavailable", extra={"path": request.url.path, "problem": str(error)})
    headers = {"Retry-After": "2"}
    return answer(request, HTTPStatus.SERVICE_UNAVAILABLE, Fault.UNAVAILABLE, "", headers)


async def _on_ledger(request: Request, error: Exception) -> Response:
    log.error("ledger-not-writable", extra={"path": request.url.path, "problem": str(error)})
    language = language_of(request)
    title = {
        Language.IT: "Il registro degli accessi non è scrivibile: nessuna immagine può uscire.",
        Language.EN: "The access ledger cannot be written: no picture may leave.",
    }[language]
    problem = Problem(
        type="about:blank", title=title, status=503, code=Refusal.LEDGER.value, detail=""
    )
    return respond(problem, language, {"Retry-After": "2"})


async def _on_bug(request: Request, _error: Exception) -> Response:
    return answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, Fault.INTERNAL)


def install(app: FastAPI) -> None:
    """Translate every error of the application into a problem."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(RefusedError, _on_refusal)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(ConfigError, _on_config)
    app.add_exception_handler(SecondFactorNeededError, _on_code_needed)
    app.add_exception_handler(PeerError, _on_unavailable)
    app.add_exception_handler(LedgerError, _on_ledger)
    app.add_exception_handler(StoreError, _on_unavailable)
    app.add_exception_handler(Exception, _on_bug)
