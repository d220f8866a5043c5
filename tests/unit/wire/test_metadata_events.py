# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.metadata_events: events pass, biometric elements do not (B-24)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.model.media import MetadataDocument
from gateway.model.time import Moment
from gateway.wire.metadata_events import (
    MOST_EVENTS,
    MetadataReading,
    biometric_label,
    read,
    read_notification,
    without_biometrics,
)
from gateway.wire.onvif_events import parse_notification
from tests.unit.wire.notifications import notification, stream

NOW = Moment(100.0, 1_790_000_000_000_000)
MOTION = "RuleEngine/CellMotionDetector/Motion"
FACE = (
    '<tt:VideoAnalytics><tt:Frame UtcTime="2026-11-22T14:00:00Z"><tt:Object ObjectId="12">'
    '<tt:Appearance><tt:Shape><tt:BoundingBox left="0" top="0" right="1" bottom="1"/></tt:Shape>'
    '<tt:HumanFace xmlns:fc="http://www.onvif.org/ver20/analytics/humanface"><fc:Gender>Male'
    "</fc:Gender><fc:Complexion>Other</fc:Complexion></tt:HumanFace>"
    '<tt:HumanBody xmlns:bd="http://www.onvif.org/ver20/analytics/humanbody"><bd:BodyMetric>'
    "<bd:Height>180</bd:Height></bd:BodyMetric></tt:HumanBody>"
    '<ext:FaceDescriptor xmlns:ext="urn:vendor">c2VjcmV0</ext:FaceDescriptor>'
    "</tt:Appearance></tt:Object></tt:Frame></tt:VideoAnalytics>"
)
CAR = (
    '<tt:VideoAnalytics><tt:Frame UtcTime="2026-11-22T14:00:00Z"><tt:Object ObjectId="3">'
    "<tt:Appearance><tt:Class><tt:Type Likelihood='0.9'>Vehicle</tt:Type></tt:Class>"
    "</tt:Appearance></tt:Object></tt:Frame></tt:VideoAnalytics>"
)
RECOGNISED = notification(
    "tns1:RuleEngine/Recognition/Face",
    data={"Likelihood": "0.97", "EnrollmentID": "4711-SECRET", "Image": "c2VjcmV0"},
)


def document(data):
    return MetadataDocument(data, NOW, NOW)


def test_events_of_a_metadata_stream_are_kept_and_frames_are_not():
    """Two events among analytics give two events, with the time at which they came."""
    line = notification("tns1:RuleEngine/LineDetector/Crossed", data={"ObjectId": "3"})
    reading = read(document(stream(notification(), line, extra=CAR)))
    assert [event.topic for event in reading.events] == [MOTION, "RuleEngine/LineDetector/Crossed"]
    assert all(event.received is NOW for event in reading.events)
    assert (dict(reading.dropped), reading.malformed) == ({}, 0)


def test_biometric_metadata_never_survives():
    """Faces, bodies and recognised people are dropped and counted, and nothing of them is left."""
    reading = read(document(stream(RECOGNISED, notification(), extra=FACE)))
    assert [event.topic for event in reading.events] == [MOTION]
    assert reading.dropped == {"HumanFace": 1, "HumanBody": 1, "FaceDescriptor": 1, "face": 1}
    assert "SECRET" not in repr(reading)
    assert "c2Vj" not in repr(reading)


def test_biometric_metadata_without_any_event_is_counted_too():
    """A document of frames alone still moves the counter."""
    assert read(document(stream(extra=FACE))).dropped["HumanFace"] == 1


def test_a_recognition_at_the_pull_point_is_dropped():
    """The same sieve stands at the other entrance."""
    assert read_notification(RECOGNISED, NOW) == MetadataReading((), {"face": 1}, 0)
    assert without_biometrics(parse_notification(RECOGNISED, NOW)) is None


def test_an_innocent_event_loses_its_biometric_items():
    """The alarm stays, who it may have been goes; also from elements inside it."""
    data = (
        '<tt:SimpleItem Name="IsInside" Value="true"/><tt:SimpleItem Name="FaceId" Value="9"/>'
        '<tt:SimpleItem Name="Gender" Value="Male"/>'
        '<tt:ElementItem Name="Object"><tt:HumanFace/></tt:ElementItem>'
    )
    notice = notification("tns1:RuleEngine/FieldDetector/ObjectsInside", data=data)
    reading = read_notification(notice, NOW)
    assert [event.data for event in reading.events] == [(("IsInside", "true"),)]
    assert reading.dropped == {"HumanFace": 1, "face": 1, "Category": 1}


def test_an_event_without_biometrics_passes_unchanged():
    """The sieve changes nothing that it has no reason to change."""
    event = parse_notification(notification(), NOW)
    assert without_biometrics(event) == event


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("HumanFace", "HumanFace"),
        ("HumanBody", "HumanBody"),
        ("tnsvendorHumanFaceInfo", "face"),
        ("EnrollmentID", "EnrollmentID"),
        ("enrolment_id", "EnrollmentID"),
        ("FaceFeatureVector", "face"),
        ("Feature_Vector", "FeatureVector"),
        ("FACE", "face"),
        ("faceid", "face"),
        ("MyFaceDetect", "face"),
        ("FacialHair", "face"),
        ("PersonID", "PersonID"),
        ("BiometricScore", "face"),
        ("NetworkInterface", ""),
        ("Surface", ""),
        ("Facet", ""),
        ("Person", ""),
        ("PeopleDetector", ""),
        ("Message", ""),
        ("Image", ""),
        ("LicensePlateInfo", ""),
        ("Storage", ""),
        ("", ""),
    ],
)
def test_names_that_are_dropped(name, label):
    """By list and by words, under few labels; interfaces, people and plates pass."""
    assert biometric_label(name) == label


def test_one_broken_notification_does_not_cost_the_others():
    """It is counted; what stands before and after it is heard."""
    broken = notification(data={"": "x"})
    reading = read(document(stream(notification(), broken, notification())))
    assert (len(reading.events), reading.malformed) == (2, 1)


def test_notifications_count_only_inside_an_event_element():
    """What an object carries in its extensions is no event."""
    extra = f"<tt:Extension>{notification().decode()}</tt:Extension>"
    assert read(document(stream(extra=extra))).events == ()


def test_the_number_of_events_is_bounded():
    """The first ones are kept, the others counted."""
    reading = read(document(stream(*[notification()] * (MOST_EVENTS + 5))))
    assert (len(reading.events), reading.malformed) == (MOST_EVENTS, 5)


def test_a_stream_in_utf_16_is_read_too():
    """The shortcut for documents without events does not miss another encoding."""
    text = stream(notification()).decode().replace("UTF-8", "UTF-16")
    assert len(read(document(text.encode("utf-16"))).events) == 1


def test_a_broken_document_with_events_is_a_wire_error():
    """Whoever reads the track counts it."""
    with pytest.raises(WireError):
        read(document(stream(notification())[:-9]))


@given(st.data())
def test_any_document_gives_a_reading_or_a_wire_error(data):
    """Damaged documents: nothing else gets out, and nothing biometric either."""
    whole = stream(notification(), RECOGNISED, extra=FACE)
    cut = data.draw(st.integers(0, len(whole)))
    patch = data.draw(st.binary(max_size=20))
    try:
        reading = read(document(whole[:cut] + patch + whole[cut + len(patch) :]))
    except WireError:
        return
    assert "4711-SECRET" not in repr(reading)
