# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What an alarm panel or a receiver says: SIA and Contact ID codes, of one account (B-46)."""

from dataclasses import dataclass
from enum import Enum


class Qualifier(Enum):
    """Whether something began or is over."""

    NEW = "nuovo"
    RESTORE = "ripristino"


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
