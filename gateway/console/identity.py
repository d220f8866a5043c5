# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who asks: by cookie or bearer token, by client certificate, or by the socket's peer."""

import os
import pwd
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends
from pydantic import Field, SecretStr
from starlette.requests import Request

from gateway.console.problem import ProblemError, sign_in_needed
from gateway.console.services import Services, SignIn
from gateway.console.views import Body
from gateway.console.words import Fault
from gateway.model.access import Actor
from gateway.model.registry import Role

COOKIE = "varco_session"
PERSON = "x-varco-person"
"""Header by which our pages say that a person has just done something; polling lacks it."""
CERTIFICATE = "certificate"
"""`Actor.method` of whoever is known by a client certificate alone."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def services_of(request: Request) -> Services:
    """Return what `build_app` was given."""
    services: Services = request.app.state.services
    return services


def token_of(request: Request) -> str:
    """Return the bearer token, else the cookie's, else nothing."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    return request.cookies.get(COOKIE, "")


def source_ip(request: Request) -> str:
    """Return the address of the TCP peer; forwarding headers are never believed."""
    return request.client.host if request.client else ""


def is_by_person(request: Request) -> bool:
    """Return whether a request keeps the sign-in awake.

    An open page asks by itself, for hours: with a cookie only the header of `PERSON` counts.
    Programs with a bearer token have no page; what changes something counts.
    """
    if request.headers.get("authorization"):
        return request.method not in _SAFE
    return request.headers.get(PERSON) == "1"


def maybe_actor(request: Request) -> Actor | None:
    """Return who asks, or None; by token or cookie, without either by client certificate."""
    accounts, token = services_of(request).accounts, token_of(request)
    if not token:
        tls = _tls(request)
        fingerprint, subject = tls.get("client_cert_sha256"), tls.get("client_cert_name", "")
        return (
            accounts.by_certificate(fingerprint, subject, source_ip(request))
            if fingerprint
            else None
        )
    actor = accounts.resolve(token)
    if actor is not None and is_by_person(request):
        accounts.seen(token)
    return actor


def is_ambient(request: Request) -> bool:
    """Return whether the browser itself says who asks: by cookie, or by its certificate."""
    return COOKIE in request.cookies or "client_cert_sha256" in _tls(request)


def workstation_of(request: Request) -> str:
    """Return the name in the client certificate of the desk that asks; empty without one."""
    return str(_tls(request).get("client_cert_name", ""))


def _tls(request: Request) -> Mapping[str, str]:
    found: Mapping[str, str] = request.scope.get("extensions", {}).get("tls", {})
    return found


def actor_of(request: Request) -> Actor:
    """Return who asks; 401 for nobody."""
    actor = maybe_actor(request)
    if actor is None:
        raise sign_in_needed()
    return actor


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """The certificate that the TLS peer proved to hold; chain verified by the listener."""

    sha256: str
    """Of the DER form, lower-case hexadecimal."""
    subject: str
    """RFC 4514 string."""


def certificate_of(request: Request) -> ClientCertificate:
    """Return the peer's certificate; 401 without one."""
    tls = _tls(request)
    sha256 = tls.get("client_cert_sha256")
    if not sha256:
        raise ProblemError(HTTPStatus.UNAUTHORIZED, Fault.CERTIFICATE_NEEDED)
    return ClientCertificate(sha256, tls.get("client_cert_name", ""))


def local_administrator(request: Request) -> Actor:
    """Return the local user behind a control socket: root or the daemon's own, else 403."""
    peer = request.scope.get("extensions", {}).get("peercred")
    if peer is None or peer["uid"] not in {0, os.geteuid()}:
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.PEER_NOT_ALLOWED)
    uid, pid = peer["uid"], peer["pid"]
    return Actor(
        id=f"uid:{uid}",
        name=_login_name(uid),
        role=Role.SYSADMIN,
        organisation="",
        session=f"pid:{pid}",
        method="peercred",
    )


async def sign_in_for_command(
    services: Services, user: str, password: str, totp: str = ""
) -> SignIn:
    """Sign a person in for one command of the control socket; 401 for nobody.

    Also for a sign-in that may only enrol a second device: no command goes around the code.
    """
    made = await services.accounts.sign_in(user, password, "control-socket", totp)
    if made is not None and not made.restricted:
        return made
    detail = ""
    if made is not None:
        await services.accounts.sign_out(made.token)
        detail = "enrol a second device in the console first"
    raise ProblemError(HTTPStatus.UNAUTHORIZED, Fault.SIGN_IN_REFUSED, detail)


def _login_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def person_of(request: Request) -> Actor:
    """Return who asks, a person who signed in: what is entered in somebody's name needs one.

    403 for a certificate, which says which desk or machine it is and not who sits there.
    """
    actor = actor_of(request)
    if actor.method == CERTIFICATE:
        raise ProblemError(HTTPStatus.FORBIDDEN, Fault.ROLE)
    return actor


TheServices = Annotated[Services, Depends(services_of)]
TheActor = Annotated[Actor, Depends(actor_of)]
ThePerson = Annotated[Actor, Depends(person_of)]
TheCertificate = Annotated[ClientCertificate, Depends(certificate_of)]
TheAdministrator = Annotated[Actor, Depends(local_administrator)]


class Signed(Body):
    """Who asks, over the control socket: a named person."""

    user: str = Field(min_length=1, max_length=64)
    password: SecretStr = Field(min_length=1, max_length=1024)
    totp: str = Field(default="", max_length=16)


@asynccontextmanager
async def signed_in(services: Services, body: Signed) -> AsyncIterator[Actor]:
    """Sign a person in for one command: to be the machine's administrator is not enough."""
    password = body.password.get_secret_value()
    sign_in = await sign_in_for_command(services, body.user, password, body.totp)
    try:
        yield sign_in.actor
    finally:
        await services.accounts.sign_out(sign_in.token)
