# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The hold-up channel's own words: what set it off, and what a monitoring centre made of it."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from gateway.model.alarm import AlarmRecord, AlarmState

RULE: Final = "rapina"
SEVERITY: Final = 5


class HoldupSource(Enum):
    """What set a hold-up channel off."""

    BUTTON = "pulsante"
    """A device that holds a token: a button on the network, a person's phone."""
    CONTACT = "contatto"
    """A dry contact at a camera or a recorder."""
    MQTT = "mqtt"
    PANEL = "centralina"
    """A hold-up or panic signal (HA, PA) of an alarm panel."""
    TEST = "prova"


class Verification(Enum):
    """Where the question stands that a monitoring centre is asked first (B-26)."""

    ASKED = "chiesta"
    CONFIRMED = "confermata"
    FALSE = "falso-allarme"
    """Nobody else was ever told."""
    SILENT = "nessuna-risposta"
    """Nobody said in time that it was nothing: the rooms were called."""
    NONE = "nessuna"
    """Nobody is asked first: the rooms are called at once."""


@dataclass(frozen=True, slots=True)
class Press:
    """What set a channel off, once; the report counts these."""

    holdup: str
    alarm: str
    """That it raised, or that lived already."""
    source: HoldupSource
    device: str
    """Which button, contact, topic or panel."""
    utc_us: int
    exercise: bool


def is_holdup(record: AlarmRecord) -> bool:
    """Return whether an alarm is of this channel."""
    return record.alarm.rule == RULE and record.alarm.silent


def is_hidden(record: AlarmRecord) -> bool:
    """Return whether nothing on site may show an alarm: a silent one that nobody has closed."""
    return record.alarm.silent and record.state is not AlarmState.CLOSED
