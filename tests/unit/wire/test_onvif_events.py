# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.onvif_events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.model.event import CameraEvent, PropertyOperation
from gateway.model.time import Moment
from gateway.wire import xml
from gateway.wire.onvif_events import (
    MOST_ITEMS,
    canonical_topic,
    parse_notification,
    utc_us,
)
from tests.unit.wire.notifications import NAMESPACES, message, notification

NOW = Moment(100.0, 1_790_000_000_000_000)
NOON_US = 1_795_356_000_000_000
MOTION = "RuleEngine/CellMotionDetector/Motion"


def test_a_notification_becomes_an_event():
    """Topic without ONVIF's prefix, operation, all three groups, the camera's own time."""
    data = notification(key={"ObjectId": "7"}, operation="Initialized")
    assert parse_notification(data, NOW) == CameraEvent(
        MOTION,
        PropertyOperation.INITIALIZED,
        (("VideoSourceConfigurationToken", "vs0"), ("Rule", "r1")),
        (("ObjectId", "7"),),
        (("IsMotion", "true"),),
        NOON_US,
        NOW,
    )
    assert parse_notification(xml.parse(data), NOW) == parse_notification(data, NOW)


@pytest.mark.parametrize(
    ("written", "topic"),
    [
        ("tns1:RuleEngine/CellMotionDetector/Motion", MOTION),
        ("tns1:RuleEngine/tns1:CellMotionDetector/tns1:Motion", MOTION),
        ("\n  tns1:RuleEngine / CellMotionDetector/Motion/ \n", MOTION),
        ("RuleEngine/CellMotionDetector/Motion", MOTION),
        ("tnsaxis:Storage/Alert", "{http://www.axis.com/2009/event/topics}Storage/Alert"),
        (
            "tns1:Device/tnsaxis:IO/tnsaxis:Port",
            "Device/{http://www.axis.com/2009/event/topics}IO/Port",
        ),
        ("never:Declared/Here", "{never}Declared/Here"),
        ("", ""),
    ],
)
def test_topics_lose_their_prefixes(written, topic):
    """ONVIF's vanishes, a vendor's is its namespace; one that nobody declared stays as it is."""
    assert parse_notification(notification(written), NOW).topic == topic


def test_a_prefix_means_what_the_document_declares():
    """`tns1` may be anybody's, and any prefix may be ONVIF's; undeclared it is the custom."""
    swapped = notification().replace(b"onvif.org/ver10/topics", b"vendor.example/topics")
    topic = parse_notification(swapped, NOW).topic
    assert topic == "{http://www.vendor.example/topics}RuleEngine/CellMotionDetector/Motion"
    undeclared = notification().replace(b'xmlns:tns1="http://www.onvif.org/ver10/topics"', b"")
    assert parse_notification(undeclared, NOW).topic == MOTION


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            notification().replace(b"<wsnt:Message>", b"").replace(b"</wsnt:Message>", b""),
            id="no wrapper",
        ),
        pytest.param(notification().replace(b"topicExpression/ConcreteSet", b"x"), id="dialect"),
        pytest.param(
            notification().replace(b"wsn/b-2", b"wsn/b-2-draft"), id="another WS-Notification"
        ),
        pytest.param(
            notification().replace(b"<wsnt:Topic", b"<wsnt:SubscriptionReference/><wsnt:Topic"),
            id="a subscription reference before the topic",
        ),
    ],
)
def test_known_oddities_do_not_cost_an_event(data):
    """A camera that writes its envelope wrongly is still heard."""
    event = parse_notification(data, NOW)
    assert (event.topic, event.data) == (MOTION, (("IsMotion", "true"),))


def test_a_bare_message_has_no_topic():
    """tt:Message alone is read, since some documents hold nothing else."""
    event = parse_notification(message(data={"State": "1"}).encode(), NOW)
    assert (event.topic, event.data) == ("", (("State", "1"),))


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("Initialized", PropertyOperation.INITIALIZED),
        ("changed", PropertyOperation.CHANGED),
        ("Deleted", PropertyOperation.DELETED),
        ("", PropertyOperation.NONE),
        ("Updated", PropertyOperation.CHANGED),
    ],
)
def test_operations(operation, expected):
    """Spelt as they may be; what nobody knows counts as a change."""
    assert parse_notification(notification(operation=operation), NOW).operation is expected


def test_element_items_and_pictures_are_left_out():
    """Only SimpleItems count, and none that is as long as a picture."""
    data = (
        '<tt:ElementItem Name="Object"><tt:Appearance><tt:Shape/></tt:Appearance></tt:ElementItem>'
        f'<tt:SimpleItem Name="Image" Value="{"A" * 5000}"/>'
        '<tt:SimpleItem Name=" State " Value=" true "/><tt:SimpleItem Name="Empty"/>'
    )
    event = parse_notification(notification(data=data), NOW)
    assert event.data == (("State", "true"), ("Empty", ""))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<a/>",
        f"<wsnt:NotificationMessage {NAMESPACES}/>".encode(),
        notification().replace(b"xmlns:tt=", b"xmlns:uu="),
        notification(data={"": "x"}),
        notification(data={"n" * 129: "x"}),
        notification(data={f"i{n}": "x" for n in range(MOST_ITEMS + 1)}),
        notification("tns1:" + "A/" * 17),
        notification("tns1:" + "A" * 600),
        notification(data={"x": "y" * (64 << 10)}),
        b"<!DOCTYPE x>" + notification(),
    ],
)
def test_what_is_no_event_is_refused(data):
    """WireError, whether the XML, the bounds or the meaning are broken."""
    with pytest.raises(WireError):
        parse_notification(data, NOW)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T14:00:00Z", NOON_US),
        ("2026-11-22T14:00:00", NOON_US),
        ("2026-11-22 14:00:00 ", NOON_US),
        ("2026-11-22T14:00:00z", NOON_US),
        ("2026-11-22T15:00:00+01:00", NOON_US),
        ("2026-11-22T15:00:00+0100", NOON_US),
        ("2026-11-22T09:30:00-04:30", NOON_US),
        ("2026-11-22T14:00:00.25Z", NOON_US + 250_000),
        ("2026-11-22T14:00:00.123456789Z", NOON_US + 123_456),
        ("2026-11-21T24:00:00Z", NOON_US - 14 * 3_600_000_000),
        ("2026-11-22T13:59:60Z", NOON_US),
        ("2026-1-2T3:4:5Z", 1_767_323_045_000_000),
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("1969-12-31T23:59:59Z", 0),
        ("0000-00-00T00:00:00Z", 0),
        ("0-00-00T00:00:00Z", 0),
        ("9999-12-31T24:00:00Z", 0),
        ("2026-02-30T00:00:00Z", 0),
        ("2026-11-22T24:00:01Z", 0),
        ("2026-11-22T14:61:00Z", 0),
        ("२०२६-११-२२T१४:००:००Z", 0),
        ("soon", 0),
        ("", 0),
    ],
)
def test_times_of_many_forms(text, expected):
    """Each form that cameras write; what is no time is 0 and never costs the event."""
    assert utc_us(text) == expected
    assert parse_notification(notification(utc=text), NOW).utc_us == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("VideoSource/MotionAlarm", MOTION),
        ("RuleEngine/MotionRegionDetector/Motion", "ruleengine/cellmotiondetector/motion"),
        ("RuleEngine/TamperDetector/Tamper", "VideoSource/GlobalSceneChange/ImagingService"),
        (
            "Device/Trigger/{http://www.hikvision.com/2011/event/topics}AlarmIn",
            "Device/Trigger/DigitalInput",
        ),
        ("RuleEngine/LineCrossDetector/LineCross", "RuleEngine/LineDetector/Crossed"),
        ("RuleEngine/IntrusionDetector/Intrusion", "RuleEngine/FieldDetector/ObjectsInside"),
    ],
)
def test_equal_topics_have_one_spelling(one, other):
    """A trigger for one of them hears the other."""
    assert canonical_topic(one) == canonical_topic(other)


def test_different_topics_stay_different():
    """Nothing else is lumped together."""
    topics = [MOTION, "RuleEngine/LineDetector/Crossed", "VideoSource/GlobalSceneChange", "A/B"]
    assert len({canonical_topic(topic) for topic in topics}) == len(topics)


@given(st.data())
def test_any_bytes_give_an_event_or_a_wire_error(data):
    """Damaged, spliced and arbitrary notifications: nothing else gets out."""
    whole = notification(key={"k": "v"})
    cut = data.draw(st.integers(0, len(whole)))
    length = data.draw(st.integers(0, 40))
    patch = data.draw(st.binary(max_size=30) | st.sampled_from([b"</", b"<tt:Message/>", b'"']))
    try:
        event = parse_notification(whole[:cut] + patch + whole[cut + length :], NOW)
    except WireError:
        return
    assert isinstance(event, CameraEvent)
    assert event.utc_us >= 0
