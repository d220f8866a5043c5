# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.console.alarm_times: who may read whose figures."""

import pytest

from gateway.console.alarm_times import READERS, scope
from gateway.console.problem import ProblemError
from gateway.model.access import Actor
from gateway.model.registry import Role
from tests.unit.registry.worlds import small


def actor(role, organisation):
    return Actor(
        id="x", name="X", role=role, organisation=organisation, session="s", method="password"
    )


def test_a_supervisor_reads_the_own_rooms_figures_and_a_dpo_the_own_cameras():
    """Everybody else is refused, the operators whom they are about included."""
    registry = small()
    assert scope(actor(Role.PS_SUPERVISOR, "sala"), registry, READERS) == ("sala", None)
    assert scope(actor(Role.DPO, "farmacia"), registry, READERS) == ("", ("banco",))
    assert scope(actor(Role.DPO, "sala"), registry, READERS) == ("sala", None)
    assert scope(actor(Role.DPO, "altro"), registry, READERS) == ("", ())
    for role in set(Role) - {Role.PS_SUPERVISOR, Role.DPO}:
        with pytest.raises(ProblemError):
            scope(actor(role, "sala"), registry, READERS)


async def test_the_period_is_asked_for_and_bounded(site, town):
    """Days count as a whole; none, a reversed one and more than a year are refused."""
    async with site.as_user("anna") as client:
        refused = await client.get("/api/alarms/times?from=2026-09-01&to=2026-09-30")
        assert refused.status_code == 403
    who = next(
        (u for u in town.registry.users.values() if u.role in (Role.PS_SUPERVISOR, Role.DPO)), None
    )
    assert who is not None
    async with site.as_user(who.id) as client:
        found = await client.get("/api/alarms/times?from=2026-09-01&to=2026-09-30")
        assert (found.status_code, found.json()["alarms"]) == (200, 0)
        asked = town.alarms.asked
        assert asked.to_utc_us - asked.from_utc_us == 30 * 86_400_000_000
        for query in ("from=2026-09-02&to=2026-09-01", "from=2020-01-01&to=2026-01-01", "from=x"):
            assert (await client.get(f"/api/alarms/times?{query}")).status_code == 422
