# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What an alarm panel or a receiver says: SIA and Contact ID codes, of one account (B-46)."""

from dataclasses import dataclass
from enum import Enum

from gateway.model.alarm import Alarm
from gateway.model.room import SEPARATOR


class Qualifier(Enum):
    """Whether something began or is over."""

    NEW = "nuovo"
    RESTORE = "ripristino"


def panel_zone(panel: str, zone: str) -> str:
    """Return the zone of an alarm that a panel raised: no zone of the registry is named so."""
    return f"{panel}{SEPARATOR}{zone or '0'}"


def is_panel_alarm(alarm: Alarm) -> bool:
    """Return whether a panel of this box raised an alarm; its restore ends it, and no rule."""
    return bool(alarm.camera) and SEPARATOR not in alarm.camera and SEPARATOR in alarm.zone


@dataclass(frozen=True, slots=True)
class PanelEvent:
    """One event of one account, in SIA codes whatever it came as."""

    account: str
    """3 to 16 hexadecimal digits, upper case."""
    code: str
    """SIA code of two letters, for example `HA`, `BA`, `TA`; that of the cause if it is over."""
    qualifier: Qualifier
    utc_us: int
    """When, by the sender's clock; by ours if it did not say."""
    zone: str = ""
    """Zone or user of the panel, digits; empty if it did not say."""
    text: str = ""
    """What the panel calls it; for people only."""
