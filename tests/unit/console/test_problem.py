# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Errors become problems: the right status, a stable code, the language asked for, no secret."""

import json

import httpx
import pytest
from fastapi import FastAPI

from gateway.console import problem
from gateway.console.problem import ProblemError, RefusedError
from gateway.console.words import SENTENCES, Fault
from gateway.model.access import Refusal, Verdict
from gateway.model.errors import ConfigError, LedgerError, PeerError, StoreError


async def answered(error, **headers):
    """Return what an application answers whose handler raises `error`."""
    app = FastAPI()
    problem.install(app)

    @app.get("/")
    async def fail():
        raise error

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://box") as client:
        return await client.get("/", headers=headers)


def refused(refusal):
    return RefusedError(Verdict(False, refusal, "No, perché.", "No, because."))


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ProblemError(409, Fault.ALREADY_CLOSED), 409, "alarm-already-closed"),
        (refused(Refusal.NO_ACT), 403, "no-act"),
        (refused(Refusal.UNKNOWN_CAMERA), 404, "unknown-camera"),
        (refused(Refusal.LEDGER), 503, "ledger-not-writable"),
        (ConfigError("seed.toml", "camera.url", "is no URL", "write one"), 422, "configuration"),
        (PeerError("rtsp://10.0.0.9 secret"), 503, "service-unavailable"),
        (StoreError("/var/lib/secret: full"), 503, "service-unavailable"),
        (LedgerError("/var/lib/secret: full"), 503, "ledger-not-writable"),
        (RuntimeError("secret"), 500, "internal-error"),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Exception) else None,
)
async def test_each_error_is_a_problem(error, status, code):
    """Status and code fit, the type is problem+json, and inner words stay inside."""
    answer = await answered(error)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert "secret" not in answer.text
    assert answer.json()["status"] == status
    if status == 503 and not isinstance(error, RefusedError):
        assert answer.headers["retry-after"] == "2"


async def test_a_refusal_speaks_the_language_asked_for():
    """Italian first; English on request, and the header says which."""
    for wish, title in (("", "No, perché."), ("en-GB,it;q=0.5", "No, because.")):
        answer = await answered(refused(Refusal.ROLE), **{"Accept-Language": wish})
        assert answer.json()["title"] == title
        assert answer.headers["content-language"] == ("en" if wish else "it")


def test_every_fault_has_both_sentences():
    """No code without words."""
    assert set(SENTENCES) == set(Fault)
    assert all(it and en and it != en for it, en in SENTENCES.values())


def test_the_schema_of_the_errors_is_described_once():
    """Routes refer to one Problem."""
    described = problem.responses(401, 503)
    assert set(described) == {401, 503}
    assert "#/components/schemas/Problem" in json.dumps(described)
