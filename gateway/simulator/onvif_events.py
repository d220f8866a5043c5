# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A strict event service for the simulated device (ONVIF Core; WS-BaseNotification).

Pull points with long polls that expire by the service's own clock, a bound on how many there are,
and the faults that real devices have, to order.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from lxml import etree

from gateway.model.event import PropertyOperation
from gateway.runtime.clock import Clock
from gateway.simulator.onvif_device import (
    ADDRESSING,
    EVENTS,
    SCHEMA,
    SoapFaultError,
    Tags,
    require_namespace,
    text_of,
)

NOTIFICATION: Final = "http://docs.oasis-open.org/wsn/b-2"
TOPICS: Final = "http://www.onvif.org/ver10/topics"
TOPIC_SETS: Final = "http://docs.oasis-open.org/wsn/t-1"
CONCRETE: Final = "http://docs.oasis-open.org/wsn/t-1/TopicExpression/Concrete"
CONCRETE_SET: Final = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
ITEM_FILTER: Final = "http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter"
MOST_WAITING = 256
"""Messages that a pull point keeps for a client that does not fetch them; then the oldest goes."""

TEV = Tags(EVENTS, tev=EVENTS, tns1=TOPICS)
WSNT = Tags(NOTIFICATION, wsnt=NOTIFICATION, tns1=TOPICS)
TT = Tags(SCHEMA, tt=SCHEMA)

_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


@dataclass(frozen=True, slots=True)
class EventOptions:
    """What the service is like."""

    most_pull_points: int = 2
    most_timeout_s: float = 60.0
    """Longest long poll; beyond it PullMessages is refused."""
    most_messages: int = 100
    most_termination_s: float = 3600.0
    default_termination_s: float = 60.0
    pull_extends: bool = False
    """Each PullMessages keeps the subscription, as old devices did."""
    topics: tuple[str, ...] = ("RuleEngine/CellMotionDetector/Motion", "VideoSource/MotionAlarm")
    """What GetEventProperties tells."""


@dataclass(slots=True)
class EventFaults:
    """Faults to order; all may change while the service runs."""

    refuses_renew: bool = False
    refuses_synchronisation: bool = False
    never_says_false: bool = False
    """Messages whose data say false are lost (pain 12)."""
    hangs: bool = False
    """PullMessages is never answered."""
    answers_at_once: bool = False
    """No long poll: an empty answer comes immediately (pain 14)."""
    clock_offset_s: float = 0.0
    """Its clock minus the real one."""


@dataclass(frozen=True, slots=True)
class _Notice:
    """One message, not yet written as XML."""

    topic: str
    source: tuple[tuple[str, str], ...]
    data: tuple[tuple[str, str], ...]
    operation: PropertyOperation
    at: datetime


@dataclass(eq=False, slots=True)
class _PullPoint:
    """One subscription."""

    ends_s: float
    """By the monotonic clock."""
    topics: tuple[str, ...]
    """What the filter lets through; empty: all."""
    waiting: deque[_Notice] = field(default_factory=lambda: deque(maxlen=MOST_WAITING))
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    is_dead: bool = False
    """Answers, but delivers nothing."""

    def offer(self, notice: _Notice) -> None:
        """Queue a message that passes the filter."""
        if not self.is_dead and (not self.topics or notice.topic in self.topics):
            self.waiting.append(notice)
            self.stirred.set()


class EventService:
    """A `SoapService`; `fire` makes something happen."""

    namespace = EVENTS
    path = "/onvif/event_service"

    def __init__(self, clock: Clock, options: EventOptions | None = None) -> None:
        self.options = options or EventOptions()
        self.faults = EventFaults()
        self.created = 0
        """Pull points since the beginning; for tests."""
        self.calls: deque[str] = deque(maxlen=1000)
        """Operations in order; for tests."""
        self._clock = clock
        self._points: dict[str, _PullPoint] = {}
        self._properties: dict[tuple[str, tuple[tuple[str, str], ...]], _Notice] = {}
        self._operations: Mapping[str, Callable[[etree._Element, str], etree._Element]] = {
            f"{{{EVENTS}}}GetServiceCapabilities": self._capabilities,
            f"{{{EVENTS}}}GetEventProperties": self._event_properties,
            f"{{{EVENTS}}}CreatePullPointSubscription": self._create,
            f"{{{EVENTS}}}SetSynchronizationPoint": self._synchronise,
            f"{{{NOTIFICATION}}}Renew": self._renew,
            f"{{{NOTIFICATION}}}Unsubscribe": self._unsubscribe,
        }

    @property
    def pull_points(self) -> int:
        """How many are alive."""
        self._expire()
        return len(self._points)

    def fire(
        self,
        topic: str,
        source: Mapping[str, str],
        data: Mapping[str, str],
        operation: PropertyOperation = PropertyOperation.CHANGED,
    ) -> None:
        """Tell every pull point; `topic` without prefix is ONVIF's."""
        topic = topic if ":" in topic else f"tns1:{topic}"
        sources = tuple(source.items())
        notice = _Notice(topic, sources, tuple(data.items()), operation, self._utc())
        if operation is PropertyOperation.DELETED:
            self._properties.pop((topic, sources), None)
        elif operation is not PropertyOperation.NONE:
            self._properties[(topic, sources)] = notice
        if self.faults.never_says_false and "false" in data.values():
            return
        for point in self._points.values():
            point.offer(notice)

    def die_silently(self) -> None:
        """Make the pull points of now answer for ever and deliver nothing."""
        for point in self._points.values():
            point.is_dead = True
            point.waiting.clear()

    def forget(self) -> None:
        """Lose every pull point, as a reboot does."""
        for point in self._points.values():
            point.stirred.set()
        self._points.clear()

    async def call(self, operation: str, request: etree._Element, device_url: str) -> bytes:
        """Answer one operation."""
        self.calls.append(operation)
        self._expire()
        if request.tag == f"{{{EVENTS}}}PullMessages":
            return etree.tostring(await self._pull(request))
        answer = self._operations.get(str(request.tag))
        if answer is None:
            require_namespace(request, EVENTS)
            raise SoapFaultError("ter:ActionNotSupported", "Optional Action Not Implemented")
        return etree.tostring(answer(request, device_url))

    async def _pull(self, request: etree._Element) -> etree._Element:
        point = self._point(request)
        timeout_s = _seconds(text_of(request, "Timeout"), self._utc())
        most = _number(text_of(request, "MessageLimit"))
        if timeout_s > self.options.most_timeout_s or not 0 < most <= self.options.most_messages:
            raise SoapFaultError("ter:InvalidArgVal", "Timeout or MessageLimit is too large")
        if self.options.pull_extends:
            point.ends_s = max(
                point.ends_s, self._clock.monotonic_s() + self.options.default_termination_s
            )
        if self.faults.hangs:
            await asyncio.Event().wait()
        await self._wait(point, timeout_s)
        self._point(request)
        notices = [point.waiting.popleft() for _ in range(min(most, len(point.waiting)))]
        return TEV(
            "PullMessagesResponse",
            TEV("CurrentTime", _iso(self._utc())),
            TEV("TerminationTime", self._termination(point)),
            *(_notification(notice) for notice in notices),
        )

    async def _wait(self, point: _PullPoint, timeout_s: float) -> None:
        """Wait for a message, the time-out or the end of the subscription."""
        left_s = point.ends_s - self._clock.monotonic_s()
        if point.waiting or self.faults.answers_at_once:
            return
        point.stirred.clear()
        try:
            async with asyncio.timeout(max(0.0, min(timeout_s, left_s))):
                await point.stirred.wait()
        except TimeoutError:
            self._expire()

    def _create(self, request: etree._Element, url: str) -> etree._Element:
        if len(self._points) >= self.options.most_pull_points:
            raise SoapFaultError(
                "ter:SubscribeCreationFailedFault", "no pull point is free", receiver=True
            )
        wanted = request.findtext(f"{{{EVENTS}}}InitialTerminationTime")
        span_s = self._span_s(wanted)
        self.created += 1
        name = f"{self.path}/{self.created}"
        point = _PullPoint(self._clock.monotonic_s() + span_s, _filter(request))
        self._points[name] = point
        self._tell_all(point)
        maker = Tags(ADDRESSING, wsa=ADDRESSING)
        return TEV(
            "CreatePullPointSubscriptionResponse",
            TEV("SubscriptionReference", maker("Address", url + name)),
            WSNT("CurrentTime", _iso(self._utc())),
            WSNT("TerminationTime", self._termination(point)),
        )

    def _renew(self, request: etree._Element, _url: str) -> etree._Element:
        point = self._point(request)
        if self.faults.refuses_renew:
            raise SoapFaultError("ter:UnacceptableTerminationTimeFault", "renewal is refused")
        span_s = self._span_s(request.findtext(f"{{{NOTIFICATION}}}TerminationTime"))
        point.ends_s = self._clock.monotonic_s() + span_s
        return WSNT(
            "RenewResponse",
            WSNT("TerminationTime", self._termination(point)),
            WSNT("CurrentTime", _iso(self._utc())),
        )

    def _synchronise(self, request: etree._Element, _url: str) -> etree._Element:
        point = self._point(request)
        if self.faults.refuses_synchronisation:
            raise SoapFaultError("ter:ActionNotSupported", "Optional Action Not Implemented")
        self._tell_all(point)
        return TEV("SetSynchronizationPointResponse")

    def _unsubscribe(self, request: etree._Element, _url: str) -> etree._Element:
        point = self._point(request)
        self._points = {name: one for name, one in self._points.items() if one is not point}
        point.stirred.set()
        return WSNT("UnsubscribeResponse")

    def _capabilities(self, _request: etree._Element, _url: str) -> etree._Element:
        capabilities = TEV(
            "Capabilities",
            WSPullPointSupport="true",
            MaxPullPoints=str(self.options.most_pull_points),
        )
        return TEV("GetServiceCapabilitiesResponse", capabilities)

    def _event_properties(self, _request: etree._Element, _url: str) -> etree._Element:
        topics = Tags(TOPIC_SETS, wstop=TOPIC_SETS, tns1=TOPICS)("TopicSet")
        for topic in self.options.topics:
            _grow(topics, topic)
        return TEV(
            "GetEventPropertiesResponse",
            TEV("TopicNamespaceLocation", "http://www.onvif.org/onvif/ver10/topics/topicns.xml"),
            WSNT("FixedTopicSet", "true"),
            topics,
            WSNT("TopicExpressionDialect", CONCRETE),
            WSNT("TopicExpressionDialect", CONCRETE_SET),
            TEV("MessageContentFilterDialect", ITEM_FILTER),
            TEV(
                "MessageContentSchemaLocation", "http://www.onvif.org/onvif/ver10/schema/onvif.xsd"
            ),
        )

    def _tell_all(self, point: _PullPoint) -> None:
        """Queue the present state of every property."""
        for notice in self._properties.values():
            if self.faults.never_says_false and "false" in dict(notice.data).values():
                continue
            initial = PropertyOperation.INITIALIZED
            point.offer(_Notice(notice.topic, notice.source, notice.data, initial, notice.at))

    def _point(self, request: etree._Element) -> _PullPoint:
        found = self._points.get(str(request.getroottree().docinfo.URL))
        if found is None:
            raise SoapFaultError("ter:InvalidArgVal/ter:ResourceUnknownFault", "no such pull point")
        return found

    def _expire(self) -> None:
        now_s = self._clock.monotonic_s()
        self._points = {name: one for name, one in self._points.items() if one.ends_s > now_s}

    def _span_s(self, wanted: str | None) -> float:
        if wanted is None or not wanted.strip():
            return self.options.default_termination_s
        span_s = _seconds(wanted.strip(), self._utc())
        if span_s <= 0:
            raise SoapFaultError(
                "ter:UnacceptableInitialTerminationTimeFault", "the termination time is past"
            )
        return min(span_s, self.options.most_termination_s)

    def _utc(self) -> datetime:
        """Return what the service's own clock says."""
        real = datetime.fromtimestamp(self._clock.now().utc_us / 1_000_000, UTC)
        return real + timedelta(seconds=self.faults.clock_offset_s)

    def _termination(self, point: _PullPoint) -> str:
        left_s = point.ends_s - self._clock.monotonic_s()
        return _iso(self._utc() + timedelta(seconds=left_s))


def _notification(notice: _Notice) -> etree._Element:
    attributes = {"UtcTime": _iso(notice.at)}
    if notice.operation is not PropertyOperation.NONE:
        attributes["PropertyOperation"] = notice.operation.value
    groups = [
        TT(name, *(TT("SimpleItem", Name=key, Value=value) for key, value in items))
        for name, items in (("Source", notice.source), ("Data", notice.data))
    ]
    return WSNT(
        "NotificationMessage",
        WSNT("Topic", notice.topic, Dialect=CONCRETE_SET),
        WSNT("Message", TT("Message", *groups, **attributes)),
    )


def _filter(request: etree._Element) -> tuple[str, ...]:
    """Return the topics that a filter names; SoapFaultError for dialects that are not known."""
    expression = request.find(f"{{{EVENTS}}}Filter/{{{NOTIFICATION}}}TopicExpression")
    if expression is None:
        return ()
    if expression.get("Dialect") not in {CONCRETE, CONCRETE_SET}:
        raise SoapFaultError("ter:TopicExpressionDialectUnknownFault", "unknown dialect")
    prefixes = {prefix for prefix, space in expression.nsmap.items() if space == TOPICS}
    topics = [one.strip() for one in (expression.text or "").split("|")]
    found = []
    for topic in topics:
        prefix, colon, rest = topic.partition(":")
        if not colon or prefix not in prefixes:
            raise SoapFaultError("ter:InvalidTopicExpressionFault", "a prefix is not declared")
        found.append(f"tns1:{rest}")
    return tuple(found)


def _grow(topics: etree._Element, topic: str) -> None:
    """Add one topic to a topic set."""
    place = topics
    for number, name in enumerate(topic.split("/")):
        tag = name if number else f"{{{TOPICS}}}{name}"
        found = place.find(tag)
        place = found if found is not None else etree.SubElement(place, tag)
    place.set(f"{{{TOPIC_SETS}}}topic", "true")


def _seconds(text: str, now: datetime) -> float:
    """Return an xs:duration, or the distance to an xs:dateTime, in seconds; SoapFaultError."""
    match = _DURATION.fullmatch(text)
    if match is not None and len(text) > len("PT"):
        days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise SoapFaultError("ter:InvalidArgVal", f"{text[:40]!r} is no time") from None
    if when.tzinfo is None:
        raise SoapFaultError("ter:InvalidArgVal", "a time needs its zone")
    return (when - now).total_seconds()


def _number(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise SoapFaultError("ter:InvalidArgVal", f"{text[:40]!r} is no number")
    return int(text)


def _iso(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
