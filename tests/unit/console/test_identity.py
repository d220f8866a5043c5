# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who asks, and what is never believed."""

import os
from types import SimpleNamespace

import pytest
from starlette.requests import Request

from gateway.console import acts, mine, retention
from gateway.console.identity import (
    actor_of,
    certificate_of,
    is_ambient,
    local_administrator,
    maybe_actor,
    person_of,
    source_ip,
    token_of,
    workstation_of,
)
from gateway.console.problem import ProblemError
from gateway.model.access import Actor
from gateway.model.registry import Role


def request(headers=(), **scope):
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return Request({"type": "http", "headers": raw, "client": ("10.0.0.9", 1), **scope})


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ([], ""),
        ([("cookie", "varco_session=c1")], "c1"),
        ([("authorization", "Bearer b1")], "b1"),
        ([("authorization", "bearer  b1 "), ("cookie", "varco_session=c1")], "b1"),
        ([("authorization", "Basic dTpw")], ""),
        ([("cookie", "other=x")], ""),
    ],
)
def test_the_token_is_the_bearers_else_the_cookies(headers, token):
    """A bearer goes before a cookie; other schemes are no identity."""
    assert token_of(request(headers)) == token


def test_forwarding_headers_are_not_believed():
    """The address is that of the TCP peer, whatever a header says."""
    asked = request([("x-forwarded-for", "1.2.3.4"), ("forwarded", "for=1.2.3.4")])
    assert source_ip(asked) == "10.0.0.9"


def test_a_forwarded_certificate_is_no_certificate():
    """Only what the listener put into the scope counts."""
    with pytest.raises(ProblemError):
        certificate_of(request([("x-client-cert", "abc"), ("x-ssl-client-s-dn", "CN=x")]))
    found = certificate_of(
        request(extensions={"tls": {"client_cert_sha256": "ab", "client_cert_name": "CN=sala"}})
    )
    assert (found.sha256, found.subject) == ("ab", "CN=sala")


@pytest.mark.parametrize("uid", sorted({0, os.geteuid()}))
def test_root_and_the_daemon_s_own_user_may_command(uid):
    """They are named in the ledger by uid, without pictures: role sysadmin."""
    made = local_administrator(request(extensions={"peercred": {"uid": uid, "pid": 7, "gid": 0}}))
    assert (made.id, made.method, made.role.value) == (f"uid:{uid}", "peercred", "sysadmin")


@pytest.mark.parametrize(
    "extensions", [{}, {"peercred": {"uid": 12345, "pid": 7, "gid": 0}}, {"tls": {}}]
)
def test_anybody_else_may_not(extensions):
    """Another uid, or a connection that proves none, is refused."""
    with pytest.raises(ProblemError):
        local_administrator(request(extensions=extensions))


class Certified:
    """Accounts that know one certificate."""

    def resolve(self, token):
        return None

    def by_certificate(self, sha256, subject, source_ip):
        return (sha256, subject, source_ip) if sha256 == "ab" else None


def with_certificate(headers=(), sha256="ab", accounts=None):
    """Return a request over a connection with a client certificate."""
    services = SimpleNamespace(accounts=accounts or Certified())
    app = SimpleNamespace(state=SimpleNamespace(services=services))
    tls = {"client_cert_sha256": sha256, "client_cert_name": "CN=sala"}
    return request(headers, app=app, extensions={"tls": tls})


def test_a_certificate_speaks_where_no_token_does():
    """Without token and cookie it is whoever the fingerprint belongs to; with one, never."""
    assert maybe_actor(with_certificate()) == ("ab", "CN=sala", "10.0.0.9")
    assert maybe_actor(with_certificate(sha256="cd")) is None
    assert maybe_actor(with_certificate([("cookie", "varco_session=old")])) is None
    assert maybe_actor(with_certificate([("authorization", "Bearer old")])) is None
    assert workstation_of(with_certificate()) == "CN=sala"
    assert workstation_of(request()) == ""


def test_certificates_are_as_ambient_as_cookies():
    """A browser shows both by itself: another page's requests are held to the same rules."""
    assert is_ambient(with_certificate())
    assert is_ambient(request([("cookie", "varco_session=x")]))
    assert not is_ambient(request([("authorization", "Bearer x")]))


class Desk:
    """A certificate of a desk, and a person's token at the same desk."""

    def by_certificate(self, sha256, subject, source_ip):
        return Actor("banco", "B", Role.PS_SUPERVISOR, "sala", "tls-ab", "certificate")

    def resolve(self, token):
        return Actor("capo", "C", Role.PS_SUPERVISOR, "sala", "s1", "password")


def test_what_is_entered_in_somebodys_name_needs_somebody():
    """A desk's certificate reads; extending, approving, pausing and holding take a person."""
    assert actor_of(with_certificate(accounts=Desk())).id == "banco"
    with pytest.raises(ProblemError) as refused:
        person_of(with_certificate(accounts=Desk()))
    assert refused.value.status == 403
    signed_in = with_certificate([("cookie", "varco_session=t")], accounts=Desk())
    assert person_of(signed_in).id == "capo"


def test_every_deed_in_somebodys_name_asks_for_a_person():
    """Also the ones that are added to these files later."""
    deeds = {
        (method, route.path)
        for module in (acts, mine, retention)
        for route in module.routes().routes
        for method in route.methods - {"GET", "HEAD"}
        if person_of not in [one.call for one in route.dependant.dependencies]
    }
    assert deeds == set()
