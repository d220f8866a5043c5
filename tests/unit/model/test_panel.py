# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.model.panel."""

import pytest

from gateway.model.alarm import Alarm
from gateway.model.panel import is_panel_alarm, panel_zone
from gateway.model.time import ClockQuality, Moment

NOW = Moment(1.0, 1, ClockQuality.SYNCHRONISED)


@pytest.mark.parametrize(
    ("camera", "zone", "ours"),
    [
        ("banco", panel_zone("centralina", "3"), True),
        ("banco", panel_zone("centralina", ""), True),
        ("banco", "retro", False),
        ("varco-sud.banco", "varco-sud.centralina.3", False),
        ("", "varco-sud", False),
    ],
)
def test_a_panels_alarms_are_told_from_others(camera, zone, ours):
    """A zone of a panel has a dot, which no zone of the registry has; an edge's camera has too."""
    assert is_panel_alarm(Alarm("x", camera, zone, "furto", 4, NOW)) is ours
