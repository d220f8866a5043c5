# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Acts and held changes over HTTP, before a real desk on real stores."""

import dataclasses
from contextlib import asynccontextmanager

import pytest

from gateway.console.app import build_app
from gateway.console.listener import bind_tcp
from tests.fakes import FakeClock
from tests.ui.town import Town
from tests.unit.assembly.test_acts import desk, rome
from tests.unit.console.conftest import Site, serving


class Fixed:
    """A desk of canned answers; what it was asked is kept."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def __getattr__(self, name):
        def plain(*args, **more):
            self.asked.append((name, args, more))
            return self.answers.get(name)

        async def waiting(*args, **more):
            return plain(*args, **more)

        return plain if name in ("acts", "may_extend") else waiting


HELD = {
    "id": "h1", "by": "uid:0", "utc_us": 1_790_000_000_000_000, "where": "s.toml",
    "widenings": [{"what": "mask", "camera": "c", "act": "a", "text_it": "i", "text_en": "e"}],
    "approvals": [{"by": "dpo", "utc_us": 1_790_000_000_000_000}], "needed": 2, "state": "held",
}  # fmt: skip
EXTENSION = {"until": "2027-03-01", "reason": "rinnovo"}


@asynccontextmanager
async def before(acts):
    town = Town()
    services = dataclasses.replace(town.services(), acts=acts)
    bound = bind_tcp("127.0.0.1", 0)
    async with serving(build_app(services), [bound]):
        made = Site(town, f"http://127.0.0.1:{bound.getsockname()[1]}")
        user = next(iter(town.registry.users))
        async with made.as_user(user) as client:
            yield client, made


PATHS = [
    ("POST", "/api/acts/patto/extensions", EXTENSION),
    ("POST", "/api/held/h1/approve", {"reason": "serve"}),
    ("POST", "/api/held/h1/reject", {"reason": "non serve"}),
]


@pytest.mark.parametrize(("method", "path", "body"), PATHS)
@pytest.mark.parametrize(("allowed", "status"), [(None, 404), (False, 403)])
async def test_what_somebody_may_not_is_refused_before_anything_happens(
    method, path, body, allowed, status
):
    """404 for what is not to be known to exist, 403 for the rest."""
    acts = Fixed(may_extend=allowed, may_judge=allowed)
    async with before(acts) as (client, _):
        answer = await client.request(method, path, json=body)
        assert answer.status_code == status
        assert {name for name, _, _ in acts.asked} <= {"may_extend", "may_judge"}


@pytest.mark.parametrize(
    ("method", "path", "body"), [*PATHS, ("GET", "/api/acts", None), ("GET", "/api/held", None)]
)
async def test_nobody_without_a_sign_in(method, path, body):
    """Neither reading nor entering."""
    acts = Fixed(may_extend=True, may_judge=True)
    async with before(acts) as (_, made), made.anonymous() as client:
        assert (await client.request(method, path, json=body)).status_code == 401
        assert acts.asked == []


@pytest.mark.parametrize(
    "body",
    [
        {"until": "2027-02-30", "reason": "rinnovo"},
        {"until": "2027-03-01", "reason": ""},
        {"until": "2027-03-01", "reason": "r" * 201},
        EXTENSION | {"document_sha256": "abc"},
        EXTENSION | {"by": "somebody-else"},
    ],
)
async def test_an_extension_is_read_strictly(body):
    """A day that there is, a reason of bounded length, a hash, and nobody else's name."""
    acts = Fixed(may_extend=True)
    async with before(acts) as (client, _):
        answer = await client.post("/api/acts/patto/extensions", json=body)
        assert answer.status_code == 422
        assert not [one for one in acts.asked if one[0] == "extend"]


async def test_held_changes_have_the_shape_that_was_promised():
    """Times in RFC 3339, and whether it has to be read anew."""
    acts = Fixed(may_judge=True, held=[HELD], approve=HELD | {"grown": True})
    async with before(acts) as (client, _):
        (one,) = (await client.get("/api/held")).json()["held"]
        assert one["utc"] == "2026-09-21T14:13:20.000Z"
        assert one["approvals"] == [{"by": "dpo", "utc": "2026-09-21T14:13:20.000Z"}]
        assert (one["needed"], one["state"], one["grown"]) == (2, "held", False)
        answer = await client.post("/api/held/h1/approve", json={"reason": "serve"})
        assert answer.json()["grown"] is True
        name, args, more = acts.asked[-1]
        assert (name, args) == ("approve", ("h1", "serve"))
        assert more["by"].id


async def test_a_real_desk_answers_in_the_shape_of_the_views(tmp_path):
    """An owner reads the own acts, extends one, and another house learns nothing of it."""
    clock = FakeClock(utc_us=rome(2026, 12, 28))
    async with desk(tmp_path, clock) as (acts, registry, _), before(acts) as (_, made):
        async with made.as_user("marco") as client:
            body = (await client.get("/api/acts")).json()
            assert [one["state"] for one in body["acts"]] == ["in-scadenza"]
            assert body["warnings"] == [{"act": "patto", "days_left": 3, "level": 7}]
            (live,) = [one for one in body["resolutions"] if one["analytic"] == "live"]
            assert (live["on"], bool(live["reason_it"])) == (False, True)
            answer = await client.post("/api/acts/patto/extensions", json=EXTENSION)
            assert answer.status_code == 201, answer.text
            assert answer.json()["by"] == "marco"
            again = await client.post("/api/acts/patto/extensions", json=EXTENSION)
            assert again.status_code == 422
            assert (await client.get("/api/acts")).json()["acts"][0]["last_day"] == "2027-03-01"
            assert (await client.get("/api/held")).json() == {"held": []}
        async with made.as_user("dora") as client:
            assert (await client.get("/api/acts")).json()["acts"] == []
            answer = await client.post("/api/acts/patto/extensions", json=EXTENSION)
            assert answer.status_code == 404
        assert len(registry.current().extensions) == 1
