# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.button."""

import asyncio

import pytest

from gateway.model.event import PropertyOperation
from gateway.simulator.button import PRESSED_S, TOPIC, Button
from tests.fakes import FakeClock


class EnoughError(Exception):
    """Ends a run from inside."""


async def told(presses, most):
    """Press after so many messages; return the first `most` messages."""
    clock = FakeClock()
    button, heard = Button(clock), []

    def fire(topic, source, data, operation):
        heard.append((topic, source, data["LogicalState"], operation, clock.time_s))
        for _ in range(presses.get(len(heard), 0)):
            button.press()
        if len(heard) == most:
            raise EnoughError

    with pytest.raises(EnoughError):
        async with asyncio.timeout(30):
            await button.run(fire)
    return heard


async def test_a_press_closes_the_contact_and_opens_it_again():
    """The open contact is told first, then true, then after the press false."""
    heard = await told({1: 1}, 3)
    assert [one[2] for one in heard] == ["false", "true", "false"]
    assert [one[3] for one in heard] == [
        PropertyOperation.INITIALIZED, PropertyOperation.CHANGED, PropertyOperation.CHANGED,
    ]  # fmt: skip
    assert {(one[0], *one[1].items()) for one in heard} == {(TOPIC, ("InputToken", "1"))}
    assert heard[2][4] - heard[1][4] == pytest.approx(PRESSED_S)


async def test_a_press_while_it_is_pressed_does_nothing():
    """Three impatient presses are one; a later one is another."""
    clock = FakeClock()
    button, states = Button(clock), []

    def fire(_topic, _source, data, _operation):
        states.append(data["LogicalState"])

    running = asyncio.create_task(button.run(fire))
    for wanted in (3, 5):
        for _ in range(3):
            button.press()
        while len(states) < wanted:
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        assert states == ["false", *(["true", "false"] * (wanted // 2))]
    running.cancel()
    await asyncio.wait([running])
