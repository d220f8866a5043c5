# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A button wired to an input of a device, which tells of it as ONVIF wants it."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from gateway.model.event import PropertyOperation
from gateway.runtime.clock import Clock

TOPIC = "Device/Trigger/DigitalInput"
INPUT = "1"
PRESSED_S = 1.0
"""A finger on a button; relays of real ones hold as long."""


class Fire(Protocol):
    """How a device tells its pull points."""

    def __call__(
        self,
        topic: str,
        source: Mapping[str, str],
        data: Mapping[str, str],
        operation: PropertyOperation = PropertyOperation.CHANGED,
    ) -> None:
        """Tell all of them; never waits."""
        ...


class Button:
    """`press` closes the contact for a moment, as seen by whom `run` tells."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pressed = asyncio.Event()

    def press(self) -> None:
        """Press; while it is pressed already this does nothing."""
        self._pressed.set()

    async def run(self, fire: Fire) -> None:
        """Tell that the contact is open, then of each press, until cancelled."""
        _tell(fire, "false", PropertyOperation.INITIALIZED)
        while True:
            await self._pressed.wait()
            _tell(fire, "true", PropertyOperation.CHANGED)
            await self._clock.sleep(PRESSED_S)
            _tell(fire, "false", PropertyOperation.CHANGED)
            self._pressed.clear()


def _tell(fire: Fire, state: str, operation: PropertyOperation) -> None:
    fire(TOPIC, {"InputToken": INPUT}, {"LogicalState": state}, operation)
