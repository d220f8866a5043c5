# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.ingest.events: hours on a clock that jumps, and hangs on the real one."""

import asyncio
import contextlib
from collections import deque
from dataclasses import replace

import pytest

from gateway.ingest import events
from gateway.ingest.events import (
    Subscription,
    SubscriptionOptions,
    SubscriptionState,
)
from gateway.ingest.onvif_model import Pulled
from gateway.model.errors import CredentialError, PeerError
from gateway.runtime.clock import SystemClock
from tests.fakes import FakeClock
from tests.unit.wire.notifications import notification

HOUR_S = 3600.0
MOTION = notification()
INITIAL = notification(operation="Initialized")


class Device:
    """A device whose pull points live on a clock of their own, with faults to order."""

    def __init__(self, clock):
        self.clock = clock
        self.grant_s = 60.0
        self.offset_s = 0.0
        self.properties = [INITIAL]
        self.refuses = set()
        self.error = PeerError("the device is on fire")
        self.extends = self.is_instant = self.is_mute = False
        self.has_sane_times = True
        self.points = []
        self.opened_s = []
        self.pulls_s = []
        self.renewed_s = []
        self.on_pull = None

    @contextlib.asynccontextmanager
    async def open(self):
        self.opened_s.append(self.clock.monotonic_s())
        self._refuse("open")
        point = Point(self)
        self.points.append(point)
        try:
            yield point
        finally:
            self.points.remove(point)
            self._refuse("close")

    def fire(self, *messages):
        for point in self.points:
            point.waiting.extend(messages)

    def _refuse(self, call):
        if call in self.refuses:
            raise self.error


class Point:
    """One pull point."""

    def __init__(self, device):
        self.device = device
        self.ends_s = device.clock.monotonic_s() + device.grant_s
        self.waiting = deque()
        self.is_dead = False

    async def pull(self, timeout_s, most):
        device, clock = self.device, self.device.clock
        await asyncio.sleep(0)
        device._refuse("pull")
        device.pulls_s.append(clock.monotonic_s())
        if device.on_pull is not None:
            device.on_pull()
        dead = self.is_dead or device.is_mute
        if not device.is_instant and (dead or not self.waiting):
            clock.advance(timeout_s)
        if clock.monotonic_s() > self.ends_s:
            raise PeerError("the pull point is unknown")
        if device.extends:
            self.ends_s = clock.monotonic_s() + device.grant_s
        count = 0 if dead else min(most, len(self.waiting))
        messages = tuple(self.waiting.popleft() for _ in range(count))
        now_us = clock.now().utc_us + round(device.offset_s * 1e6)
        left_s = self.ends_s - clock.monotonic_s() if device.has_sane_times else -7200
        return Pulled(now_us, now_us + round(left_s * 1e6), messages)

    async def renew(self, termination_s):
        self.device._refuse("renew")
        self.device.renewed_s.append(self.device.clock.monotonic_s())
        self.ends_s = self.device.clock.monotonic_s() + min(termination_s, self.device.grant_s)

    async def synchronise(self):
        self.device._refuse("synchronise")
        self.waiting.extend(self.device.properties)


class Listening:
    """A subscription to a device, run over hours of its clock."""

    def __init__(self, **of_device):
        self.clock = FakeClock()
        self.device = Device(self.clock)
        for name, value in of_device.items():
            setattr(self.device, name, value)
        self.events = []
        self.subscription = Subscription(
            self.device.open, self.events.append, clock=self.clock, name="gate"
        )

    @property
    def health(self):
        return self.subscription.health()

    @contextlib.asynccontextmanager
    async def running(self):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.subscription.run())
            yield
            task.cancel()

    async def until(self, condition):
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0)

    async def over(self, seconds):
        """Let time pass."""
        end_s = self.clock.monotonic_s() + seconds
        await self.until(lambda: self.clock.monotonic_s() >= end_s)


async def test_messages_become_events_in_order():
    """Initialized first, then what happens; the health says live and when the last one came."""
    listening = Listening()
    async with listening.running():
        await listening.until(lambda: listening.events)
        listening.device.fire(MOTION, notification(operation="Changed", data={"IsMotion": "false"}))
        await listening.until(lambda: len(listening.events) == 3)
        assert listening.health.last_message == listening.events[-1].received
    assert [event.operation.value for event in listening.events] == [
        "Initialized",
        "Changed",
        "Changed",
    ]
    health = listening.health
    assert (health.state, health.events, health.problem) == (SubscriptionState.LIVE, 3, "")
    assert health.is_healthy


async def test_biometric_events_are_counted_and_go_no_further():
    """B-24: nothing of a recognised face reaches the consumer (nor a broken message)."""
    face = notification("tns1:RuleEngine/Recognition/Face", data={"EnrollmentID": "4711"})
    listening = Listening(properties=[face, b"<broken", INITIAL])
    async with listening.running():
        await listening.until(lambda: listening.events)
    assert [event.topic for event in listening.events] == ["RuleEngine/CellMotionDetector/Motion"]
    health = listening.health
    assert (health.events, health.dropped, health.malformed) == (1, 1, 1)
    assert "cannot be read" in health.problem
    assert "4711" not in repr((listening.events, health))


@pytest.mark.parametrize("offset_s", [0.0, 5 * HOUR_S, -5 * HOUR_S])
@pytest.mark.parametrize("grant_s", [60.0, 10.0, 300.0])
async def test_a_quiet_subscription_is_renewed_for_hours(offset_s, grant_s):
    """Never created twice, whatever the device's clock says and however little it grants."""
    listening = Listening(offset_s=offset_s, grant_s=grant_s)
    async with listening.running():
        await listening.over(6 * HOUR_S)
        assert listening.health.state in {SubscriptionState.QUIET, SubscriptionState.LIVE}
    device = listening.device
    assert len(device.opened_s) == 1
    gaps_s = [
        late - early for early, late in zip(device.renewed_s, device.renewed_s[1:], strict=False)
    ]
    granted_s = min(grant_s, 60.0)
    assert granted_s / 4 < min(gaps_s) <= max(gaps_s) < granted_s
    assert listening.health.renewals == len(device.renewed_s)


async def test_a_device_whose_times_make_no_sense_is_renewed_by_our_clock():
    """Termination before the present: what was asked for counts."""
    listening = Listening(has_sane_times=False)
    async with listening.running():
        await listening.over(HOUR_S)
    assert len(listening.device.opened_s) == 1


async def test_a_clock_that_is_set_during_a_subscription_does_no_harm():
    """Set hours ahead or back in the middle: at worst one new pull point."""
    listening = Listening()
    async with listening.running():
        for offset_s in (3 * HOUR_S, -3 * HOUR_S, 0.0):
            await listening.over(100)
            listening.device.offset_s = offset_s
        await listening.over(HOUR_S)
    assert len(listening.device.opened_s) == 1
    assert len(listening.device.renewed_s) < 200


async def test_quiet_is_healthy():
    """Nothing happens for a while: QUIET, still healthy; then a message: LIVE."""
    listening = Listening()
    async with listening.running():
        await listening.until(lambda: listening.health.state is SubscriptionState.QUIET)
        assert listening.health.is_healthy
        listening.device.fire(MOTION)
        await listening.until(lambda: listening.health.state is SubscriptionState.LIVE)
    assert listening.health.recreations == 0


async def test_a_subscription_that_dies_silently_is_noticed_and_replaced():
    """It answers every pull with nothing, even when asked for its state: created anew."""
    listening = Listening()
    device = listening.device
    async with listening.running():
        await listening.until(lambda: listening.events)
        device.points[0].is_dead = True
        died_s = listening.clock.monotonic_s()
        await listening.until(lambda: len(device.opened_s) == 2)
        assert device.opened_s[1] - died_s < 800
        await listening.until(lambda: listening.health.state is SubscriptionState.LIVE)
        device.fire(MOTION)
        await listening.until(lambda: listening.events[-1].operation.value == "Changed")
    health = listening.health
    assert (health.recreations, health.problem) == (1, "")


async def test_a_device_that_stays_mute_is_shown_as_failing():
    """It had a state once and tells none any more: unhealthy, and tried at a bearable rate."""
    listening = Listening()
    async with listening.running():
        await listening.until(lambda: listening.events)
        listening.device.is_mute = True
        await listening.until(lambda: listening.health.state is SubscriptionState.FAILING)
        opened = len(listening.device.opened_s)
        await listening.over(6 * HOUR_S)
        assert listening.health.state is SubscriptionState.FAILING
        assert "not even the present state" in listening.health.problem
        assert 10 < len(listening.device.opened_s) - opened < 60
        listening.device.is_mute = False
        await listening.until(lambda: listening.health.state is SubscriptionState.LIVE)
        assert listening.health.problem == ""


async def test_a_device_without_properties_is_healthy_and_asked_ever_more_rarely():
    """It never had anything to tell: no proof is possible, none is insisted on."""
    listening = Listening(properties=[])
    async with listening.running():
        await listening.over(48 * HOUR_S)
        assert listening.health.is_healthy
        assert 2 < len(listening.device.opened_s) < 16
        listening.device.fire(notification(operation=""))
        await listening.until(lambda: listening.events)


@pytest.mark.parametrize("call", ["open", "pull"])
async def test_faults_are_retried_without_a_storm(call):
    """FAILING with the reason; tried about once a minute; then it comes back by itself."""
    listening = Listening(refuses={call})
    async with listening.running():
        await listening.over(HOUR_S)
        assert listening.health.state is SubscriptionState.FAILING
        assert listening.health.problem == "the device is on fire"
        assert not listening.health.is_healthy
        assert 40 < len(listening.device.opened_s) < 120
        listening.device.refuses.clear()
        await listening.until(lambda: listening.events)
    assert (listening.health.state, listening.health.problem) == (SubscriptionState.LIVE, "")


async def test_refused_credentials_are_not_hammered():
    """REFUSED, and a handful of attempts an hour, because devices lock accounts."""
    listening = Listening(refuses={"open"}, error=CredentialError("refused"))
    async with listening.running():
        await listening.over(HOUR_S)
        assert listening.health.state is SubscriptionState.REFUSED
    assert len(listening.device.opened_s) < 10


async def test_a_device_that_refuses_renewal_gets_a_new_pull_point_in_time():
    """Before the old one ends, so that no pull fails and the state is never FAILING."""
    listening = Listening(refuses={"renew"})
    states = set()
    listening.device.on_pull = lambda: states.add(listening.health.state)
    async with listening.running():
        await listening.over(HOUR_S)
        assert "renewal refused: the device is on fire" in listening.health.problem
    assert SubscriptionState.FAILING not in states
    assert 60 <= listening.health.recreations < 120


async def test_a_device_that_extends_by_pulling_needs_no_renewal():
    """It may refuse Renew for ever; its pull point is kept."""
    listening = Listening(refuses={"renew"}, extends=True)
    async with listening.running():
        await listening.over(HOUR_S)
    assert listening.health.recreations == 0


async def test_a_device_without_synchronisation_is_heard_all_the_same():
    """SetSynchronizationPoint is refused; events come."""
    listening = Listening(refuses={"synchronise"})
    async with listening.running():
        await listening.until(lambda: listening.device.points)
        listening.device.fire(MOTION)
        await listening.until(lambda: listening.events)
    assert listening.health.recreations == 0


async def test_a_device_that_never_waits_is_asked_once_a_second():
    """An empty answer at once, again and again: no request storm."""
    listening = Listening(is_instant=True)
    async with listening.running():
        await listening.over(100)
    assert 90 < len(listening.device.pulls_s) < 110


async def test_a_flood_of_messages_is_paced():
    """A device that always has something is asked 20 times a second at most."""
    listening = Listening()
    listening.device.on_pull = lambda: listening.device.fire(*[MOTION] * 200)
    async with listening.running():
        await listening.over(10)
    assert len(listening.device.pulls_s) <= 210


async def test_messages_that_take_long_to_read_leave_time_for_others():
    """Whatever a device sends, four fifths of the loop are left to the rest of the box."""
    listening = Listening()
    busy_s = 0.0

    def read(_event):
        nonlocal busy_s
        busy_s += 0.01
        listening.clock.advance(0.01)

    listening.subscription._on_event = read
    listening.device.on_pull = lambda: listening.device.fire(*[MOTION] * 200)
    began_s = listening.clock.monotonic_s()
    async with listening.running():
        await listening.over(60)
    assert 5 < busy_s < 0.25 * (listening.clock.monotonic_s() - began_s)


FAST = SubscriptionOptions(pull_s=0.02, grace_s=0.05, open_s=0.05, most=8)
FAST = replace(FAST, policy=replace(FAST.policy, first_s=0.01, most_s=0.02))


class Stuck(Device):
    """Calls that are never answered, on the real clock."""

    def __init__(self, hangs):
        super().__init__(SystemClock())
        self.hangs = set(hangs)
        self.closed = 0

    @contextlib.asynccontextmanager
    async def open(self):
        self.opened_s.append(self.clock.monotonic_s())
        await self.stick("open")
        yield self
        self.closed += 1
        await self.stick("close")

    async def stick(self, call):
        if call in self.hangs:
            await asyncio.Event().wait()

    async def pull(self, timeout_s, most):
        await self.stick("pull")
        await asyncio.sleep(timeout_s)
        self.pulls_s.append(self.clock.monotonic_s())
        return Pulled(None, None, ())

    async def renew(self, termination_s):
        await self.stick("renew")

    async def synchronise(self):
        await self.stick("synchronise")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("open", "CreatePullPointSubscription was not answered within 0.05 s"),
        ("pull", "PullMessages was not answered within 0.07 s"),
    ],
)
async def test_a_call_that_hangs_is_given_up(call, words):
    """FAILING with the name of the call, and another attempt."""
    device = Stuck([call])
    subscription = Subscription(device.open, print, clock=SystemClock(), options=FAST)
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        task = group.create_task(subscription.run())
        while len(device.opened_s) < 3:
            await asyncio.sleep(0.005)
        assert (subscription.health().state, subscription.health().problem) == (
            SubscriptionState.FAILING,
            words,
        )
        task.cancel()


@pytest.mark.parametrize("hangs", [[], ["synchronise"], ["close"], ["pull", "close"]])
async def test_cancelling_unsubscribes_in_bounded_time(hangs):
    """The slot is given back; a device that does not answer cannot hold us."""
    device = Stuck(hangs)
    subscription = Subscription(device.open, print, clock=SystemClock(), options=FAST)
    async with asyncio.timeout(30):
        task = asyncio.get_running_loop().create_task(subscription.run())
        while not (device.opened_s if "pull" in hangs else device.pulls_s):
            await asyncio.sleep(0.005)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert task.cancelled()
    assert device.closed == 1
    assert len(asyncio.all_tasks()) == 1


def told(left_s):
    """Return an empty answer of a device that says how long it keeps the pull point."""
    return Pulled(5_000_000, 5_000_000 + round(left_s * 1e6), ())


def test_times_that_make_no_sense_move_nothing():
    """Past, or hours away because its clock was set: the end that was known before stays."""
    lease = events._Lease(1000.0, 60.0)
    lease.heard(told(60.0), 1000.0)
    for nonsense in (told(-7200.0), told(0.0), told(3 * HOUR_S), Pulled(None, 5, ())):
        lease.heard(nonsense, 1010.0)
        assert (lease.end_s, lease.granted_s) == (1060.0, 60.0)


def test_only_the_first_answer_says_how_long_is_granted():
    """A longer time that is told later delays the renewal, and does not hasten it."""
    lease = events._Lease(1000.0, 60.0)
    lease.heard(told(60.0), 1000.0)
    assert not lease.is_due(1029.0)
    assert lease.is_due(1030.0)
    lease.heard(told(300.0), 1020.0)
    assert not lease.is_due(1289.0)
    assert lease.is_due(1290.0)
