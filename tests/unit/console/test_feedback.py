# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.console.feedback: who reads which figures, and what they look like."""

from datetime import date

import pytest

from gateway.console.alarm_times import scope
from gateway.console.feedback import READERS
from gateway.console.problem import ProblemError
from gateway.model.feedback import Feedback, RuleVerdicts, WeekVerdicts
from gateway.model.registry import Role
from tests.ui.town import PHARMACY
from tests.unit.console.test_alarm_times import actor
from tests.unit.registry.worlds import small

PERIOD = "from=2026-09-01&to=2026-11-30"


def test_a_supervisor_reads_of_the_rooms_alarms_an_owner_of_the_own_cameras():
    """Everybody else is refused: verdicts are no measure of who gives them."""
    registry = small()
    assert scope(actor(Role.PS_SUPERVISOR, "sala"), registry, READERS) == ("sala", None)
    assert scope(actor(Role.OWNER, "farmacia"), registry, READERS) == ("", ("banco",))
    assert scope(actor(Role.DPO, "farmacia"), registry, READERS) == ("", ("banco",))
    assert scope(actor(Role.OWNER, "altro"), registry, READERS) == ("", ())
    for role in set(Role) - {Role.PS_SUPERVISOR, Role.DPO, Role.OWNER}:
        with pytest.raises(ProblemError):
            scope(actor(role, "sala"), registry, READERS)


async def test_figures_come_with_names_bounds_and_advice(site, town):
    """Week by week; a rule that is nearly always wrong gets advice, and nothing is changed."""
    who = next(u for u in town.registry.users.values() if u.role is Role.OWNER)
    weeks = (WeekVerdicts(date(2026, 11, 9), 1, 20, 3), WeekVerdicts(date(2026, 11, 16), 0, 9, 0))
    town.alarms.said = Feedback((RuleVerdicts("intrusione", PHARMACY, "nessuna", weeks),))
    before = town.registry
    async with site.as_user(who.id) as client:
        found = (await client.get(f"/api/rules/feedback?{PERIOD}")).json()
        (one,) = found["rules"]
        assert (one["confirmed"], one["false"], one["unjudged"]) == (1, 29, 3)
        assert one["camera_name"] == town.registry.cameras[PHARMACY].name
        assert one["precision"]["judged"] == 30
        assert one["precision"]["least"] < 1 / 30 < one["precision"]["most"] < 0.2
        assert [week["precision"]["share"] for week in one["weeks"]] == [round(1 / 21, 4), 0]
        assert town.alarms.asked_verdicts.recipient == ""
        assert town.alarms.asked_verdicts.cameras is not None
        assert (await client.get("/api/rules/feedback?from=x&to=y")).status_code == 422
    assert town.registry is before
    async with site.as_user("anna") as operator:
        assert (await operator.get(f"/api/rules/feedback?{PERIOD}")).status_code == 403
