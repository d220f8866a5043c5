# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.onvif_events, over HTTP as clients see it, and with ours."""

import asyncio
import contextlib
from dataclasses import replace

import aiohttp
import pytest
from lxml import etree

from gateway.analytics.incident import Ended, Raised
from gateway.analytics.triggers import TriggerState, decide, expire
from gateway.ingest.events import Subscription, SubscriptionOptions, SubscriptionState
from gateway.ingest.onvif import open_device
from gateway.ingest.onvif_model import OnvifTarget
from gateway.model.errors import PeerError
from gateway.model.event import PropertyOperation
from gateway.model.registry import Trigger
from gateway.runtime.clock import SystemClock
from gateway.simulator.onvif_device import Authentication, DeviceOptions, OnvifDevice
from gateway.simulator.onvif_events import EventOptions, EventService
from gateway.wire.onvif_events import parse_notification, utc_us

NAMESPACES = {
    "env": "http://www.w3.org/2003/05/soap-envelope",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "wstop": "http://docs.oasis-open.org/wsn/t-1",
    "tns1": "http://www.onvif.org/ver10/topics",
}
DECLARED = " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in NAMESPACES.items())
MOTION = "RuleEngine/CellMotionDetector/Motion"
SOURCE = {"VideoSourceConfigurationToken": "vs0", "Rule": "r1"}
USERS = {"varco": "s3cret"}


class Client:
    """Speaks bare SOAP with one device."""

    def __init__(self, session, address):
        self.session = session
        self.address = address.replace("device_service", "event_service")

    async def ask(self, body, address=""):
        """Return the status and the one child of Body."""
        text = f"<env:Envelope {DECLARED}><env:Body>{body}</env:Body></env:Envelope>"
        headers = {"Content-Type": "application/soap+xml; charset=utf-8"}
        place = address or self.address
        async with self.session.post(place, data=text, headers=headers) as reply:
            root = etree.fromstring(await reply.read())
            return reply.status, root.find("env:Body/*", NAMESPACES)

    async def subscribe(self, termination="PT60S", inside=""):
        time = f"<tev:InitialTerminationTime>{termination}</tev:InitialTerminationTime>"
        status, answer = await self.ask(
            f"<tev:CreatePullPointSubscription>{inside}{time}</tev:CreatePullPointSubscription>"
        )
        assert status == 200, etree.tostring(answer)
        return answer.findtext(".//wsa:Address", None, NAMESPACES)

    async def pull(self, address, span="PT1S", most=10):
        return await self.ask(
            f"<tev:PullMessages><tev:Timeout>{span}</tev:Timeout>"
            f"<tev:MessageLimit>{most}</tev:MessageLimit></tev:PullMessages>",
            address,
        )


def notices(answer):
    """Return what came as events."""
    found = answer.findall("wsnt:NotificationMessage", NAMESPACES)
    return [parse_notification(etree.tostring(one), SystemClock().now()) for one in found]


def span_s(answer):
    """Return TerminationTime minus CurrentTime."""
    times = [
        next(utc_us(one.text) for one in answer.iter(f"{{*}}{name}"))
        for name in ("CurrentTime", "TerminationTime")
    ]
    return (times[1] - times[0]) / 1e6


@contextlib.asynccontextmanager
async def served(**options):
    """A device without authentication; yields its event service and a client."""
    clock = SystemClock()
    service = EventService(clock, EventOptions(**options))
    device = OnvifDevice(DeviceOptions(authentication=Authentication.NONE), [service], clock)
    async with device.serve("127.0.0.1") as address, aiohttp.ClientSession() as session:
        yield service, Client(session, address)


def reason(answer):
    return "".join(answer.itertext())


async def test_a_pull_point_tells_the_state_and_then_what_happens():
    """Initialized at once, a change as soon as it happens, nothing after the time-out."""
    async with served() as (service, client):
        service.fire(MOTION, SOURCE, {"IsMotion": "false"})
        address = await client.subscribe()
        _, answer = await client.pull(address)
        assert 59 < span_s(answer) <= 60
        assert [event.operation for event in notices(answer)] == [PropertyOperation.INITIALIZED]
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            polling = group.create_task(client.pull(address, "PT20S"))
            while service.calls.count("PullMessages") < 2:
                await asyncio.sleep(0.005)
            service.fire(MOTION, SOURCE, {"IsMotion": "true"})
        (event,) = notices((await polling)[1])
        assert (event.topic, event.data) == (MOTION, (("IsMotion", "true"),))
        assert event.source == tuple(SOURCE.items())
        status, answer = await client.pull(address, "PT0.05S")
        assert (status, notices(answer)) == (200, [])


async def test_message_limit_synchronisation_and_deletion():
    """No more than asked for; the state again on demand; what is deleted has none."""
    async with served() as (service, client):
        for number in range(3):
            service.fire(MOTION, {"Rule": str(number)}, {"IsMotion": "true"})
        address = await client.subscribe()
        assert len(notices((await client.pull(address, most=2))[1])) == 2
        assert len(notices((await client.pull(address, most=2))[1])) == 1
        service.fire(MOTION, {"Rule": "0"}, {}, PropertyOperation.DELETED)
        await client.pull(address)
        status, _ = await client.ask("<tev:SetSynchronizationPoint/>", address)
        assert status == 200
        assert len(notices((await client.pull(address))[1])) == 2


async def test_renewal_and_the_end():
    """Renew counts from now; an expired or unsubscribed pull point is unknown."""
    async with served() as (service, client):
        address = await client.subscribe("PT0.2S")
        renew = "<wsnt:Renew><wsnt:TerminationTime>PT1M</wsnt:TerminationTime></wsnt:Renew>"
        status, answer = await client.ask(renew, address)
        assert status == 200
        assert 59 < span_s(answer) <= 60
        status, _ = await client.ask("<wsnt:Unsubscribe/>", address)
        assert (status, service.pull_points) == (200, 0)
        status, answer = await client.pull(address)
        assert (status, "no such pull point" in reason(answer)) == (400, True)
        address = await client.subscribe("PT0.1S")
        status, answer = await client.pull(address, "PT10S")
        assert (status, "no such pull point" in reason(answer)) == (400, True)


async def test_a_filter_lets_only_its_topics_through():
    """A concrete topic set; the dialect and the prefixes must be known."""
    async with served(most_pull_points=9) as (service, client):
        dialect = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
        wanted = f"<tev:Filter><wsnt:TopicExpression Dialect='{dialect}'>tns1:A/B|tns1:C"
        wanted += "</wsnt:TopicExpression></tev:Filter>"
        address = await client.subscribe(inside=wanted)
        for topic in ("A/B", "C", "A", MOTION):
            service.fire(topic, {}, {})
        assert [event.topic for event in notices((await client.pull(address))[1])] == ["A/B", "C"]
        for wrong in (wanted.replace("ConcreteSet", "x"), wanted.replace("tns1:A", "q:A")):
            status, _ = await client.ask(
                f"<tev:CreatePullPointSubscription>{wrong}</tev:CreatePullPointSubscription>"
            )
            assert status == 400


@pytest.mark.parametrize(
    "body",
    [
        "<tev:PullMessages><tev:Timeout>PT1S</tev:Timeout></tev:PullMessages>",
        "<tev:PullMessages><tev:Timeout>1</tev:Timeout><tev:MessageLimit>1</tev:MessageLimit>"
        "</tev:PullMessages>",
        "<tev:PullMessages><tev:Timeout>PT5M</tev:Timeout><tev:MessageLimit>1</tev:MessageLimit>"
        "</tev:PullMessages>",
        "<tev:PullMessages><tev:Timeout>PT1S</tev:Timeout><tev:MessageLimit>0</tev:MessageLimit>"
        "</tev:PullMessages>",
        "<tev:PullMessages><tev:Timeout>PT1S</tev:Timeout><tev:MessageLimit>x</tev:MessageLimit>"
        "</tev:PullMessages>",
        "<wsnt:Renew><wsnt:TerminationTime>2001-01-01T00:00:00Z</wsnt:TerminationTime></wsnt:Renew>",
        "<wsnt:Renew><wsnt:TerminationTime>2101-01-01T00:00:00</wsnt:TerminationTime></wsnt:Renew>",
        "<tev:Renew/>",
        "<wsnt:PullMessages/>",
        "<tev:Seek/>",
    ],
)
async def test_what_the_specification_forbids_is_a_fault(body):
    """Missing, nonsensical and excessive arguments, and operations of another service."""
    async with served() as (_, client):
        status, answer = await client.ask(body, await client.subscribe())
        assert status == 400
        assert answer.tag.endswith("Fault")


async def test_the_number_of_pull_points_is_limited():
    """One too many is a fault; a slot that is given back is free."""
    async with served(most_pull_points=1) as (_, client):
        address = await client.subscribe()
        status, answer = await client.ask("<tev:CreatePullPointSubscription/>")
        assert (status, "no pull point is free" in reason(answer)) == (500, True)
        await client.ask("<wsnt:Unsubscribe/>", address)
        await client.subscribe()


async def test_the_service_tells_what_it_can():
    """Capabilities and the set of topics."""
    async with served() as (_, client):
        _, answer = await client.ask("<tev:GetServiceCapabilities/>")
        assert answer[0].get("MaxPullPoints") == "2"
        _, answer = await client.ask("<tev:GetEventProperties/>")
        topics = answer.find("wstop:TopicSet", NAMESPACES)
        motion = topics.find("tns1:RuleEngine/CellMotionDetector/Motion", NAMESPACES)
        assert motion.get(f"{{{NAMESPACES['wstop']}}}topic") == "true"


async def test_faults_to_order():
    """Each does what it says."""
    async with served() as (service, client):
        address = await client.subscribe()
        service.faults.never_says_false = True
        service.fire(MOTION, SOURCE, {"IsMotion": "false"})
        assert notices((await client.pull(address, "PT0S"))[1]) == []
        service.faults.clock_offset_s = -7200
        _, answer = await client.pull(address, "PT0S")
        now_us = SystemClock().now().utc_us
        told = next(answer.iter("{*}CurrentTime")).text
        assert abs(utc_us(told) + 7_200_000_000 - now_us) < 5_000_000
        service.faults.refuses_renew = service.faults.refuses_synchronisation = True
        assert (await client.ask("<wsnt:Renew/>", address))[0] == 400
        assert (await client.ask("<tev:SetSynchronizationPoint/>", address))[0] == 400
        service.faults.answers_at_once = True
        async with asyncio.timeout(30):
            assert (await client.pull(address, "PT30S"))[0] == 200
        service.die_silently()
        service.fire(MOTION, SOURCE, {"IsMotion": "true"})
        assert notices((await client.pull(address))[1]) == []
        service.forget()
        assert (await client.pull(address))[0] == 400


FAST = SubscriptionOptions(pull_s=0.1, grace_s=1.0, quiet_s=0.5, proof_s=0.3)
FAST = replace(FAST, policy=replace(FAST.policy, first_s=0.05, most_s=0.1, refused_s=(0.1,)))


class Connected:
    """Our client and subscription with a strict device, over real HTTP."""

    def __init__(self, address, service, silence_s):
        self.service = service
        self.events = []
        self.target = OnvifTarget("gate", address, "varco", "s3cret")
        self.subscription = Subscription(
            self._open,
            self.events.append,
            clock=SystemClock(),
            name="gate",
            options=replace(FAST, silence_s=silence_s),
        )

    @contextlib.asynccontextmanager
    async def _open(self):
        async with (
            open_device(self.target, clock=SystemClock()) as device,
            device.pull_point() as point,
        ):
            yield point

    @property
    def health(self):
        return self.subscription.health()

    def fire(self, value="true"):
        self.service.fire(MOTION, SOURCE, {"IsMotion": value})

    async def until(self, condition):
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.01)

    async def hears(self, value="true"):
        """Fire something new and wait until it came."""
        count = len(self.events)
        self.fire(value)
        await self.until(lambda: any(e.data[0][1] == value for e in self.events[count:]))


@contextlib.asynccontextmanager
async def connected(authentication=Authentication.DIGEST, offset_s=0.0, silence_s=60.0, **options):
    """A device with credentials, heard until the block ends."""
    clock = SystemClock()
    service = EventService(clock, EventOptions(**options))
    service.faults.clock_offset_s = offset_s
    described = DeviceOptions(authentication=authentication, users=USERS, clock_offset_s=offset_s)
    async with OnvifDevice(described, [service], clock).serve("127.0.0.1") as address:
        one = Connected(address, service, silence_s)
        one.fire("false")
        async with asyncio.TaskGroup() as group:
            task = group.create_task(one.subscription.run())
            await one.until(lambda: one.events)
            yield one
            task.cancel()
        assert service.pull_points == 0, "left without unsubscribing"


@pytest.mark.parametrize("authentication", [Authentication.DIGEST, Authentication.USERNAME_TOKEN])
async def test_our_client_hears_the_device(authentication):
    """State first, then each change, with source and topic; one pull point; unsubscribed."""
    async with connected(authentication) as one:
        await one.hears("true")
        await one.hears("false")
        assert one.events[0].operation is PropertyOperation.INITIALIZED
        assert one.events[-1].source == tuple(SOURCE.items())
        assert (one.health.state, one.service.created) == (SubscriptionState.LIVE, 1)


async def test_our_client_keeps_a_short_subscription_by_renewing_it():
    """The device grants two seconds and its clock is hours off: renewed, never lost."""
    async with connected(offset_s=5 * 3600.0, most_termination_s=2.0) as one:
        await one.until(lambda: one.health.renewals >= 4)
        await one.hears("true")
        assert one.service.created == 1


async def test_our_client_comes_back_after_the_device_forgot_it():
    """As after a reboot: a new pull point, the state told again, then what happens."""
    async with connected() as one:
        one.service.forget()
        await one.until(lambda: one.health.recreations == 1)
        await one.hears("true")
        assert one.health.is_healthy


async def test_our_client_notices_a_pull_point_that_died_silently():
    """It answers, delivers nothing, and is replaced (pain 11)."""
    async with connected(silence_s=0.4) as one:
        one.service.die_silently()
        await one.until(lambda: one.health.recreations == 1)
        await one.hears("true")


async def test_our_client_survives_a_refused_renewal():
    """A new pull point takes over before the old one ends."""
    async with connected(most_termination_s=2.0) as one:
        one.service.faults.refuses_renew = True
        await one.until(lambda: one.health.recreations >= 2)
        await one.hears("true")
        assert "renewal refused" in one.health.problem


async def test_our_client_waits_for_a_free_pull_point():
    """All slots are taken: failing, with the device's words, until one is free."""
    async with connected(most_pull_points=1) as one:
        async with open_device(one.target, clock=SystemClock()) as device:
            with pytest.raises(PeerError, match="no pull point is free"):
                async with device.pull_point():
                    pass
        assert one.health.is_healthy


TRIGGER = Trigger("t", "Movimento", "c", "VideoSource/MotionAlarm", off_after_s=0.6)


class Alarms:
    """What a trigger makes of what a subscription hears."""

    def __init__(self, one):
        self.one = one
        self.state = TriggerState()
        self.found = []
        self.seen = 0

    def look(self):
        """Decide what came since the last look, then let time pass."""
        events, self.seen = self.one.events[self.seen :], len(self.one.events)
        for event in events:
            self.state, result = decide(self.state, event, TRIGGER)
            self.found += [type(result)] if result is not None else []
        self.state, result = expire(self.state, TRIGGER, SystemClock().now())
        self.found += [type(result)] if result is not None else []
        return self.found


async def test_one_incident_is_one_alarm_over_a_reboot_of_the_device():
    """On, forgotten pull point, the state told again: still the same alarm; then its end."""
    async with connected() as one:
        alarms = Alarms(one)
        await one.hears("true")
        await one.until(lambda: alarms.look() == [Raised])
        one.service.forget()
        await one.until(lambda: one.health.recreations == 1 and one.health.is_healthy)
        await one.until(lambda: one.events[-1].operation is PropertyOperation.INITIALIZED)
        assert alarms.look() in ([Raised], [Raised, Ended])
        await one.until(lambda: alarms.look() == [Raised, Ended])
        one.service.forget()
        await one.until(lambda: one.health.recreations == 2)
        await one.until(lambda: one.events[-1].operation is PropertyOperation.INITIALIZED)
        assert alarms.look() == [Raised, Ended], "an old state that is told again is no news"


async def test_an_alarm_whose_end_is_never_told_ends_all_the_same():
    """The device never says false (pain 12); the next change is a new alarm."""
    async with connected() as one:
        one.service.faults.never_says_false = True
        alarms = Alarms(one)
        await one.hears("true")
        one.fire("false")
        await one.until(lambda: alarms.look() == [Raised, Ended])
        await one.hears("true")
        assert alarms.look() == [Raised, Ended, Raised]


async def test_a_recognised_face_never_leaves_ingest():
    """Fired at a real pull point: dropped, counted, and no trace in events or health (B-24)."""
    async with connected() as one:
        data = {"Likelihood": "0.9", "EnrollmentID": "4711-SECRET"}
        one.service.fire("RuleEngine/Recognition/Face", SOURCE, data)
        await one.hears("true")
        assert one.health.dropped >= 1
        assert "SECRET" not in repr((one.events, one.health))
        assert {event.topic for event in one.events} == {MOTION}
