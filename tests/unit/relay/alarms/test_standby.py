# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.relay.alarms.standby; real brokers: tests/peers/test_mosquitto_standby.py."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from gateway.model.errors import CredentialError, PeerError
from gateway.relay.alarms.standby import StandbyBroker, StandbyPace
from tests.fakes import FakeClock

PACE = StandbyPace(first_s=15.0, most_s=300.0, settled_s=60.0)


class HandClock(FakeClock):
    """Sleeps pass when told."""

    def __init__(self):
        super().__init__()
        self.slept = []
        self.gate = asyncio.Event()

    async def sleep(self, seconds):
        self.slept.append(seconds)
        await self.gate.wait()
        self.gate.clear()
        self.advance(seconds)


class Address:
    """A broker that answers or does not."""

    def __init__(self, place):
        self.place = place
        self.trouble = None
        self.dials = []

    @asynccontextmanager
    async def connect(self, client, *, will):
        self.dials.append(client)
        if self.trouble is not None:
            raise self.trouble
        yield self


def patient(error, seconds):
    error.retry_after_s = seconds
    return error


@pytest.fixture
def street():
    clock = HandClock()
    first, second = Address("broker q (a:1)"), Address("broker q (b:1)")
    return clock, first, second, StandbyBroker([first, second], clock, PACE)


async def test_the_first_is_used_while_it_answers(street):
    """The standby is not even dialled."""
    _, first, second, both = street
    async with both.connect("x", will=None) as line:
        assert line is first
    assert second.dials == []
    assert both.problem == ""


async def test_the_second_stands_in_and_says_why(street):
    """A person reads both addresses and what is wrong with the first."""
    _, first, second, both = street
    first.trouble = PeerError("broker q (a:1): refused")
    async with both.connect("x", will=None) as line:
        assert line is second
        assert both.problem == "broker q (b:1) stands in: broker q (a:1): refused"


async def test_it_goes_back_once_the_first_answers(street):
    """The line breaks with words, and the next one is to the first."""
    clock, first, _, both = street
    first.trouble = PeerError("away")
    with pytest.raises(ExceptionGroup) as caught:
        async with both.connect("x", will=None):
            while not clock.slept:
                await asyncio.sleep(0)
            clock.gate.set()
            while len(first.dials) < 2:
                await asyncio.sleep(0)
            first.trouble = None
            clock.gate.set()
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
    assert "broker q (a:1) is back: leaving broker q (b:1)" in str(caught.value.exceptions[0])
    assert clock.slept == [15.0, 30.0]
    assert first.dials == ["x", "x-look", "x-look"]
    async with both.connect("x", will=None) as line:
        assert line is first
    assert both.problem == ""


async def test_an_address_that_told_us_to_stop_is_left_alone_and_holds_nothing_up(street):
    """Its patience is its own: the error that ends the line asks for none."""
    clock, first, second, both = street
    with pytest.raises(ExceptionGroup) as caught:
        async with both.connect("x", will=None):
            raise patient(PeerError("session taken over"), 30.0)
    assert caught.value.exceptions[0].retry_after_s == 0.0
    async with both.connect("x", will=None) as line:
        assert line is second
        assert both.problem == "broker q (b:1) stands in: broker q (a:1) asked us to wait"
    assert first.dials == ["x"]
    clock.advance(31)
    async with both.connect("x", will=None) as line:
        assert line is first


async def test_when_none_takes_us_the_least_patient_decides(street):
    """One error with both reasons; refused credentials only if both refuse them."""
    _, first, second, both = street
    first.trouble = patient(CredentialError("a refuses"), 30.0)
    second.trouble = patient(PeerError("b is away"), 5.0)
    with pytest.raises(PeerError) as caught:
        async with both.connect("x", will=None):
            pass
    error = caught.value
    assert (type(error), str(error), error.retry_after_s) == (
        PeerError, "a refuses; b is away", 5.0,
    )  # fmt: skip
    with pytest.raises(PeerError):  # both asked for patience: then both are tried
        async with both.connect("x", will=None):
            pass
    assert len(first.dials) == 2


async def test_one_that_comes_and_goes_is_tried_ever_more_seldom(street):
    """The wait doubles while the first does not hold for a minute."""
    clock, first, _, both = street
    async with both.connect("x", will=None):
        pass
    first.trouble = PeerError("away")
    for _ in range(2):
        async with both.connect("x", will=None):
            async with asyncio.timeout(30):
                known = len(clock.slept)
                while len(clock.slept) == known:
                    await asyncio.sleep(0)
    assert clock.slept == [30.0, 60.0]
