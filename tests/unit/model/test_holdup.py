# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.model.holdup, and of the cameras that an alarm opens."""

from dataclasses import replace

import pytest

from gateway.model.alarm import Alarm, AlarmRecord, AlarmState
from gateway.model.holdup import RULE, is_hidden, is_holdup
from tests.unit.access.town import NOW

ALARM = Alarm("al-1", "banco", "canale", RULE, 5, NOW, also=("retro", "ingresso"), silent=True)
RECORD = AlarmRecord(ALARM, AlarmState.OPEN, NOW.utc_us)


def test_a_silent_alarm_is_hidden_until_it_is_closed():
    """Open and ended it is hidden, whatever its rule; closed, or not silent, it is not."""
    assert is_hidden(RECORD)
    assert is_hidden(replace(RECORD, state=AlarmState.ENDED))
    assert not is_hidden(replace(RECORD, state=AlarmState.CLOSED))
    loud = replace(RECORD, alarm=replace(ALARM, silent=False))
    assert not is_hidden(loud)
    assert is_holdup(RECORD)
    assert not is_holdup(loud)


def test_each_camera_has_a_picture_of_its_own():
    """The alarm's own has its id, the others a number; a camera that it does not open has none."""
    assert [ALARM.picture(one) for one in ALARM.cameras] == ["al-1", "al-1-1", "al-1-2"]
    with pytest.raises(ValueError, match="tuple"):
        ALARM.picture("piazza")
