# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Two controllers attack each other over every endpoint with every role (schemathesis).

Whatever is sent: no 5xx, nothing of the other side in any answer, and what the other side owns
answers like what does not exist.
"""

import asyncio
import os
import re
import time
from contextlib import contextmanager

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.e2e.daemon import Daemon, free_port
from tests.e2e.tenants_town import MARK, PASSWORD, ROLES, everybody, founded, named, town

pytestmark = pytest.mark.peer
EXAMPLES = int(os.environ.get("VARCO_ATTACKS", "6"))
"""Made-up requests for each endpoint; `make nightly` asks for many more."""
THEIRS = ("b-cam", "b-sito", "b-casa", "b-patto", "b-nvr", "b-sala", "b-zona", "b-istituto")
"""Ids of the second side; said by the attacker, they come back only as an echo."""
OF_THE_BOX = {"sysadmin", "auditor"}
"""Roles that belong to the whole box, not to a house: see ADR 20."""
DOORS = ("/api/session", "/api/exercise", "/api/oidc")
"""Sign-in is not attacked with random names here: accounts would lock (see test_attacks)."""
LASTS = ("/api/alarms/events",)
"""Answers that have no end."""


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    """A box with both sides; cameras that nobody answers for."""
    folder = tmp_path_factory.mktemp("attack")
    urls = [f"rtsp://127.0.0.1:{free_port()}/x" for _ in range(2)]
    seed = town(urls)
    made = Daemon(folder, seed)
    made.config.write_text(made.config.read_text().replace('monitors = ["127.0.0.1"]', ""))
    asyncio.run(founded(made.state, seed, everybody("a") + everybody("b")))
    with made as one:
        yield one


@pytest.fixture(scope="module")
def people(box):
    """Clients of the first side, signed in, by role."""
    with signed_in(box, "a") as found:
        yield found


@contextmanager
def signed_in(box, side):
    found = {}
    try:
        for role in ROLES:
            client = httpx.Client(base_url=box.url, timeout=20)
            body = {"user": f"{side}-{named(role)}", "password": PASSWORD, "bearer": True}
            reply = client.post("/api/session", json=body)
            if reply.status_code != 201:  # a role that enters by certificate only
                client.close()
                continue
            client.headers["Authorization"] = f"Bearer {reply.json()['token']}"
            found[role] = client
        yield found
    finally:
        for client in found.values():
            client.close()


def is_clean(reply, role):
    """Assert what holds for every answer to the first side."""
    what = f"{role}: {reply.request.method} {reply.request.url}: {reply.status_code}"
    assert reply.status_code < 500 or reply.status_code == 503, f"{what} {reply.text[:300]}"
    if role not in OF_THE_BOX:
        assert MARK not in reply.text, f"{what} tells {reply.text[:500]}"
    assert "Traceback" not in reply.text, what


IDS = st.sampled_from(["a-cam", "b-cam", "a-sito", "b-patto", "b-casa", "a-casa", "x", "0"])


def operations(box):
    """Return every operation of the OpenAPI document, with its label."""
    schema = schemathesis.openapi.from_dict(httpx.get(f"{box.url}/openapi.json").json())
    schema.config.base_url = box.url
    found = [one.ok() for one in schema.get_all_operations()]
    return [
        one
        for one in found
        if not one.path.startswith(DOORS) and one.path not in LASTS and one.path != "/"
    ]


@schemathesis.serializer("application/sdp", "application/trickle-ice-sdpfrag")
def as_text(_context, value):
    """Bodies of WHEP are text."""
    return str(value).encode("utf-8", "replace")


def send(client, box, case):
    """Send a made-up request; return the answer, None if no client can say such a thing."""
    made = case.as_transport_kwargs(base_url=box.url)
    headers = {**dict(made.get("headers") or {}), **client.headers}
    body = made.get("data")
    content = {"content": body} if isinstance(body, bytes | str) else {"data": body}
    try:
        request = client.build_request(
            made["method"],
            made["url"],
            params=made.get("params"),
            json=made.get("json"),
            headers=headers,
            **content,
        )
        return client.send(request)
    except (httpx.InvalidURL, httpx.LocalProtocolError, ValueError):
        return None


def attack(operation, box, people):
    """Attack one operation as every role in turn; return who did."""
    roles, attacked = list(people), set()

    @given(operation.as_strategy(), st.none() | IDS, st.integers(0, len(roles) - 1))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def attacks(case, theirs, turn):
        for name, value in (case.path_parameters or {}).items():
            if theirs is not None and isinstance(value, str):
                case.path_parameters[name] = theirs
        role = roles[turn]
        reply = send(people[role], box, case)
        if reply is not None:
            attacked.add(role)
            is_clean(reply, role)

    attacks()
    return attacked


def test_no_endpoint_breaks_or_tells_of_the_other_side(box, people):
    """Made-up requests, as every role in turn; ids are those of both sides as often as not."""
    every = operations(box)
    assert len(every) > 15
    attacked = {}
    for operation in every:
        attacked[operation.label] = attack(operation, box, people)
    assert all(attacked.values()), attacked
    assert set.union(*attacked.values()) == set(people)
    assert "Traceback" not in box.log.read_text()


CAMERA_PATHS = (
    ("POST", "/whep/{id}?purpose=servizio&case=OS-1"),
    ("POST", "/whep/{id}?purpose=titolare"),
    ("POST", "/whep/{id}?purpose=installazione"),
    ("POST", "/whep/{id}"),
    ("POST", "/whep/{id}?purpose=servizio&case=1&break_glass=true&reason=persona+dispersa"),
    ("GET", "/whep/{id}/abc"),
    ("DELETE", "/whep/{id}/abc"),
    ("GET", "/api/cameras/{id}/why?action=live"),
    ("GET", "/api/cameras/{id}/why?action=live&purpose=titolare"),
    ("GET", "/api/cameras/{id}/why?action=camera.inspect&purpose=installazione"),
    ("GET", "/api/alarms/{id}"),
    ("GET", "/api/cameras/nearest?alarm={id}"),
)
OTHER_SIDE_READS = {"sysadmin"}
"""Who keeps the whole box: it knows all cameras, and sees none."""


def answer(client, method, path, id_):
    """Return what an id answers: the status and the text with the id taken out."""
    content = {"content": "v=0\r\nm=video", "headers": {"Content-Type": "application/sdp"}}
    more = content if method == "POST" else {}
    reply = client.request(method, path.format(id=id_), **more)
    return reply.status_code, re.sub(re.escape(id_), "ID", reply.text)


@pytest.mark.parametrize("role", [one for one in ROLES if one not in OTHER_SIDE_READS])
def test_what_the_other_side_owns_is_like_what_does_not_exist(people, role):
    """The same status and the same words, whoever asks, in whichever way."""
    if role not in people:
        pytest.skip("enters by certificate only")
    client = people[role]
    for method, path in CAMERA_PATHS:
        real, made_up = (answer(client, method, path, one) for one in ("b-cam", "z-cam"))
        assert real == made_up, f"{role} {method} {path}"


def test_the_other_side_takes_as_long_as_nothing(people):
    """Roughly: the middle of many answers differs by less than the wire's own noise."""
    client = people["pl.operator"]
    path = "/whep/{id}?purpose=servizio&case=OS-1"

    spans = {"b-cam": [], "z-cam": []}
    for _ in range(30):  # in turn, so that what else the machine does is in both
        for id_, took in spans.items():
            began = time.perf_counter()
            answer(client, "POST", path, id_)
            took.append(time.perf_counter() - began)
    real_s, made_up_s = (sorted(took)[15] for took in spans.values())
    assert abs(real_s - made_up_s) < max(0.02, 0.5 * made_up_s)


def test_a_refusal_at_the_other_side_has_the_same_class_in_the_ledger(box, people):
    """Both leave a refusal of the same kind; the true reason stands for who may read it."""
    client = people["pl.operator"]
    seen = []
    for id_ in ("b-cam", "z-cam"):
        answer(client, "POST", "/whep/{id}?purpose=servizio&case=UGUALE", id_)
        page = people["auditor"].get("/api/ledger?aim=verifica-liceita&limit=10").json()
        refusals = [one for one in page["entries"] if one["object_id"] == id_]
        seen.append((refusals[-1]["event"], refusals[-1]["result"]))
    assert seen == [("live.deny", "denied")] * 2


def test_every_role_reads_only_its_own_side(people):
    """Lists and pages that take no id; the second side's marker is in none of them."""
    paths = (
        "/api/cameras",
        "/api/devices",
        "/api/alarms",
        "/api/mine",
        "/api/acts",
        "/api/held",
        "/api/retention",
        "/api/shift",
        "/api/ledger?aim=verifica-liceita&limit=500",
        "/api/ledger/checkpoint",
        "/api/cameras/nearest?lat=44.03&lon=10.13",
        "/metrics",
        "/healthz",
        "/api/session",
    )
    for role, client in people.items():
        if role in OF_THE_BOX:
            continue
        for path in paths:
            reply = client.get(path)
            if not path.startswith("/api/ledger?"):  # it echoes what was asked for above
                assert not any(one in reply.text for one in THEIRS), f"{role} {path}: {reply.text}"
            assert MARK not in reply.text, f"{role} {path}"
