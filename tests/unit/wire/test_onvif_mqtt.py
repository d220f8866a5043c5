# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.wire.onvif_mqtt."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.alarm import Why
from gateway.model.errors import ConfigError, InvariantError, WireError
from gateway.model.registry import Recipient, RecipientKind
from gateway.wire.onvif_mqtt import (
    MOST_IDS,
    MOST_PREFIX_BYTES,
    Acknowledgement,
    AlarmNotice,
    Health,
    Message,
    Phase,
    PlateHit,
    PlateLabel,
    ack_payload,
    ack_topic,
    check_prefix,
    deletion,
    event_filter,
    event_payload,
    event_topic,
    health_payload,
    health_topic,
    parse_ack,
    parse_event,
    parse_health,
    parse_plate,
    plate_message,
)

ALARM = "01900000-0000-7000-8000-000000000001"
NOTICE = AlarmNotice(
    ALARM,
    Phase.RAISED,
    "box-1",
    "cam-1",
    "intrusione",
    "retro",
    3,
    False,
    10,
    1_790_000_000_250_000,
)
TOPIC = "varco/b/s/onvif-ej/RuleEngine/FieldDetector/ObjectsInside/&cam-1/intrusione/retro"

UNPRINTABLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs")
tokens = st.text(
    st.characters(exclude_categories=UNPRINTABLE, include_characters=" "), min_size=1, max_size=64
)
times_us = st.integers(0, 253_402_300_799_999_999)
alarm_ids = st.uuids().map(str)
prefixes = st.lists(
    st.text(
        st.characters(
            exclude_categories=UNPRINTABLE, include_characters=" ", exclude_characters="/#+"
        ),
        min_size=1,
        max_size=8,
    ).filter(lambda level: level not in {"onvif-ej", "onvif-mj", "ack", "gw"}),
    min_size=1,
    max_size=4,
).map("/".join).filter(lambda prefix: prefix[0] not in "$&")  # fmt: skip
notices = st.builds(
    AlarmNotice,
    alarm=alarm_ids,
    phase=st.sampled_from(Phase),
    box=st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True),
    camera=tokens,
    rule=tokens,
    zone=tokens,
    severity=st.integers(1, 5),
    exercise=st.booleans(),
    raised_utc_us=times_us,
    at_utc_us=times_us,
)


def test_topics_are_those_of_the_standard():
    """Topics follow ONVIF Core's grammar: prefix, onvif-ej, topic, then the sources after &."""
    assert event_topic("varco/b/s", "cam-1", "intrusione", "retro") == TOPIC
    assert ack_topic("varco/b/s", "box-1") == "varco/b/s/ack/box-1"
    assert health_topic("varco/b/s", "box-1") == "varco/b/s/gw/box-1/health"
    assert event_filter("varco/+/s") == (
        "varco/+/s/onvif-ej/RuleEngine/FieldDetector/ObjectsInside/#"
    )


def test_payload_is_exactly_the_standard_envelope():
    """The payload has UtcTime, Source and Data, a reference to the still, and no Key."""
    body = json.loads(event_payload(NOTICE))
    assert list(body) == ["UtcTime", "Source", "Data"]
    assert body["UtcTime"] == "2026-09-21T14:13:20.250000Z"
    assert body["Data"]["IsInside"] is True
    assert body["Data"]["StillUri"] == f"/api/alarms/{ALARM}/still.jpg"


@pytest.mark.parametrize(
    ("prefix", "problem"),
    [
        ("", "mandatory"),
        ("a/#", "wildcard"),
        ("a+b/c", "wildcard"),
        ("/a", "empty level"),
        ("a/", "empty level"),
        ("a//b", "empty level"),
        ("$SYS/a", "reserved"),
        ("&a", "reserved"),
        ("a/onvif-ej/b", "reserved level 'onvif-ej'"),
        ("a/ack", "reserved level 'ack'"),
        ("a\0b", "cannot be printed"),
        ("a\nb", "cannot be printed"),
        ("a\ud800", "cannot be printed"),
        ("è" * MOST_PREFIX_BYTES, "longer"),
    ],
)
def test_unusable_prefix_is_refused(prefix, problem):
    """A prefix that would make an invalid or ambiguous topic is refused with the reason."""
    with pytest.raises(ConfigError, match=rf"recipient x: topic_prefix: .*{re.escape(problem)}"):
        check_prefix(prefix, where="recipient x")


def test_why_goes_along_and_what_is_no_reason_is_refused():
    """Whoever may know of the alarm may know why; an alarm without a reason stays as it was."""
    why = Why("intrusione", 7, seconds=1.25, confidence=0.5, mode="key-units")
    told = replace(NOTICE, why=why)
    assert parse_event(TOPIC, event_payload(told))[1] == told
    assert b"Why" not in event_payload(NOTICE)
    with pytest.raises(WireError, match="Seconds"):
        parse_event(TOPIC, event_payload(told).replace(b"1.25", b"-1"))


@given(prefixes, tokens, tokens, tokens)
def test_every_topic_is_publishable(prefix, camera, rule, zone):
    """Whatever the ids, a topic has no wildcard, no control character and a fixed depth."""
    check_prefix(prefix, where="x")
    topic = event_topic(prefix, camera, rule, zone)
    assert not set("#+\0") & set(topic)
    assert topic.isprintable()
    assert topic.count("/") == prefix.count("/") + 7
    assert topic.count("&") == prefix.count("&") + 1


@given(prefixes, notices)
def test_notice_survives_the_wire(prefix, notice):
    """What is built is parsed again to the same prefix and notice."""
    topic = event_topic(prefix, notice.camera, notice.rule, notice.zone)
    assert parse_event(topic, event_payload(notice)) == (prefix, notice)


@given(st.lists(alarm_ids, max_size=20), st.lists(alarm_ids, max_size=20))
def test_acknowledgement_survives_the_wire(raised, ended):
    """An acknowledgement is parsed again to the same ids."""
    ack = Acknowledgement(tuple(raised), tuple(ended))
    assert parse_ack(ack_payload(ack)) == ack


@given(st.booleans(), times_us)
def test_health_survives_the_wire(online, utc_us):
    """A health message is parsed again to the same state."""
    health = Health(online, utc_us)
    assert parse_health(health_payload(health)) == health


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_strangers_bytes_raise_nothing_but_wire_error(payload):
    """Any bytes are a value or a WireError, in every parser."""
    for parse in (parse_ack, parse_health, lambda data: parse_event(TOPIC, data)):
        try:
            parse(payload)
        except WireError:
            continue


mutations = st.tuples(
    st.sampled_from(["UtcTime", "Source", "Data"]),
    st.sampled_from(
        ["", "VideoSourceConfigurationToken", "Rule", "AlarmId", "Box", "RaisedUtc", "Severity",
         "Exercise", "IsInside"]
    ),
    json_values | st.sampled_from(["", "x" * 65, "a\nb", "\ud800", 0, 6, 10**30, "0001-01-01"]),
)  # fmt: skip


@given(mutations)
def test_one_wrong_member_is_a_value_or_wire_error(mutation):
    """A message with one strange member never gets through as something else than a notice."""
    outer, inner, value = mutation
    body = json.loads(event_payload(NOTICE))
    if inner and isinstance(body[outer], dict):
        body[outer][inner] = value
    else:
        body[outer] = value
    try:
        _, notice = parse_event(TOPIC, json.dumps(body).encode())
    except WireError:
        return
    assert notice.severity in range(1, 6)
    assert (notice.camera, notice.rule, notice.zone) == ("cam-1", "intrusione", "retro")
    event_payload(notice)


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("varco/b/s", event_payload(NOTICE)),
        (TOPIC.replace("cam-1", "cam-2"), event_payload(NOTICE)),
        (TOPIC.replace("cam-1", "cam%FF"), event_payload(NOTICE)),
        (TOPIC + "/more", event_payload(NOTICE)),
        (TOPIC, b""),
        (TOPIC, b"[" * 100_000),
        (TOPIC, event_payload(NOTICE)[:-1]),
        (TOPIC, event_payload(NOTICE) + b" " * 9000),
        (TOPIC, event_payload(NOTICE).replace(b"000Z", b"000")),
        (TOPIC, event_payload(NOTICE).replace(ALARM.encode(), b"ALARM")),
    ],
)
def test_altered_message_is_refused(topic, payload):
    """A topic that contradicts the payload, and broken payloads, are WireErrors."""
    with pytest.raises(WireError):
        parse_event(topic, payload)


def test_acknowledgement_is_bounded():
    """More ids than one acknowledgement may hold are refused."""
    ack = Acknowledgement((ALARM,) * (MOST_IDS + 1))
    with pytest.raises(WireError, match="ids in one acknowledgement"):
        parse_ack(ack_payload(ack))


ROOM = Recipient("sala", "Sala", RecipientKind.ROOM)
HIT = PlateHit(
    ALARM, "box-1", "varco-nord", "lista", 1_790_000_000_250_000, 0.875, "AB123CD", "IT",
    PlateLabel.WANTED,
)  # fmt: skip
PLATE_TOPIC = "varco/b/s/onvif-ej/RuleEngine/Recognition/LicensePlate/&varco-nord/lista"


def test_a_hit_is_the_standards_event_without_picture_and_never_stays():
    """Every mandatory member of B-48; the plate in the payload only; not retained, 300 s."""
    message = plate_message("varco/b/s", HIT, ROOM)
    assert (message.topic, message.retain, message.expiry_s) == (PLATE_TOPIC, False, 300)
    body = json.loads(message.payload)
    assert body == {
        "UtcTime": "2026-09-21T14:13:20.250000Z",
        "Source": {"VideoSource": "varco-nord", "Rule": "lista"},
        "Data": {
            "Likelihood": 0.875,
            "LicensePlateInfo": {
                "PlateNumber": "AB123CD",
                "PlateType": "Normal",
                "CountryCode": "IT",
                "IssuingEntity": "",
            },
            "Label": "Blacklisted",
            "EventId": ALARM,
            "Box": "box-1",
        },
    }
    assert "AB123CD" not in repr(HIT)
    assert plate_message("varco/b/s", HIT, ROOM, expiry_s=9999).expiry_s == 300
    assert plate_message("varco/b/s", HIT, ROOM, expiry_s=0).expiry_s == 1


def test_a_plate_never_goes_to_an_institute():
    """Whoever tries has a bug, which stops it."""
    institute = Recipient("istituto", "Istituto", RecipientKind.INSTITUTE)
    with pytest.raises(InvariantError, match="istituto"):
        plate_message("varco/b/s", HIT, institute)


@given(
    prefixes,
    st.builds(
        PlateHit,
        hit=alarm_ids,
        box=st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True),
        camera=tokens,
        rule=tokens,
        at_utc_us=times_us,
        likelihood=st.floats(0, 1),
        plate=st.from_regex(r"[A-Z0-9ÄÖÜ]{1,16}", fullmatch=True),
        country=st.sampled_from(["", "IT", "DE"]),
        label=st.sampled_from(PlateLabel),
        verified=st.booleans(),
    ),
)
def test_a_hit_survives_the_wire(prefix, hit):
    """What is built is parsed again to the same prefix and hit."""
    message = plate_message(prefix, hit, ROOM)
    assert parse_plate(message.topic, message.payload) == (prefix, hit)


@given(
    st.sampled_from(
        ["Likelihood", "LicensePlateInfo", "Label", "EventId", "Box", "PlateNumber", "CountryCode",
         "PlateType", "IssuingEntity"]
    ),
    json_values | st.sampled_from([-0.1, 1.1, "x" * 65, "a\nb", {"#text": "AB123CD"}]),
)  # fmt: skip
def test_a_strange_hit_is_a_value_or_an_error_that_tells_no_plate(name, value):
    """Whatever stands in one member; a camera's way of writing texts is read as well."""
    body = json.loads(plate_message("varco/b/s", HIT, ROOM).payload)
    data = body["Data"]
    (data if name in data else data["LicensePlateInfo"])[name] = value
    try:
        _, hit = parse_plate(PLATE_TOPIC, json.dumps(body).encode())
    except WireError as error:
        assert "AB123CD" not in str(error)  # noqa: PT017 - any value is fine too
        return
    assert 0 <= hit.likelihood <= 1
    assert hit.plate


def test_a_deletion_is_nothing_retained():
    """Zero bytes, so that broker and subscribers forget the property (B-47)."""
    assert deletion(TOPIC) == Message(TOPIC, b"", retain=True)


def test_a_holdup_says_its_other_cameras_and_that_it_is_silent():
    """There and back; an ordinary alarm says neither."""
    notice = replace(NOTICE, also=("cam-2", "cam-3"), silent=True)
    assert parse_event(TOPIC, event_payload(notice)) == ("varco/b/s", notice)
    assert b"Also" not in event_payload(NOTICE)
    assert b"Silent" not in event_payload(NOTICE)


@pytest.mark.parametrize("also", ["cam-2", ["a"] * 2, ["a"] * 33, [1], [""], ["a\nb"]])
def test_strange_cameras_of_a_holdup_are_refused(also):
    """No list, the same twice, too many, no name."""
    body = json.loads(event_payload(NOTICE))
    body["Data"]["Also"] = also
    with pytest.raises(WireError, match="Also"):
        parse_event(TOPIC, json.dumps(body).encode())
