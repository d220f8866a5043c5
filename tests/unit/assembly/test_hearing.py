# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
from gateway.assembly.hearing import MOST_A_SECOND, MOST_BUSY, Hearing
from gateway.model.media import MetadataDocument
from gateway.runtime.clock import SystemClock
from tests.fakes import FakeClock

STREAM = """<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema"
 xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" xmlns:tns1="http://www.onvif.org/ver10/topics">
<tt:Event><wsnt:NotificationMessage>
<wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">tns1:{topic}
</wsnt:Topic><wsnt:Message>
<tt:Message UtcTime="2026-01-01T00:00:00Z" PropertyOperation="Changed">
<tt:Source><tt:SimpleItem Name="VideoSourceConfigurationToken" Value="v1"/></tt:Source>
<tt:Data><tt:SimpleItem Name="IsMotion" Value="true"/></tt:Data></tt:Message>
</wsnt:Message></wsnt:NotificationMessage></tt:Event></tt:MetadataStream>"""


def document(data):
    now = SystemClock().now()
    return MetadataDocument(data.encode(), now, now)


def test_an_event_in_the_stream_is_handed_on_with_its_camera():
    """The same value that a subscription would give."""
    heard = []
    hearing = Hearing(lambda camera, event: heard.append((camera, event)), SystemClock())
    hearing.take("uno", document(STREAM.format(topic="RuleEngine/CellMotionDetector/Motion")))
    ((camera, event),) = heard
    assert camera == "uno"
    assert event.topic == "RuleEngine/CellMotionDetector/Motion"
    assert event.data == (("IsMotion", "true"),)


def test_faces_are_dropped_and_counted_and_rubbish_is_counted():
    """B-24: nothing of it is handed on; and no bytes make it fail."""
    heard = []
    hearing = Hearing(lambda *one: heard.append(one), SystemClock())
    hearing.take("uno", document(STREAM.format(topic="RuleEngine/Recognition/Face")))
    hearing.take("uno", document("<wsnt:NotificationMessage"))
    assert not heard
    assert sum(hearing.dropped.values()) >= 1
    assert hearing.malformed["uno"] == 1


def test_a_camera_that_floods_is_read_no_more_than_its_share():
    """The rest is counted; the neighbour is heard, and the flooder again a second later."""
    heard, clock = [], FakeClock()
    hearing = Hearing(lambda camera, _: heard.append(camera), clock)
    said = document(STREAM.format(topic="RuleEngine/CellMotionDetector/Motion"))
    for _ in range(MOST_A_SECOND + 40):
        hearing.take("uno", said)
    hearing.take("due", said)
    assert (heard.count("uno"), heard.count("due")) == (MOST_A_SECOND, 1)
    assert hearing.skipped["uno"] == 40
    clock.advance(1.0)
    hearing.take("uno", said)
    assert heard[-1] == "uno"


def test_what_was_counted_of_a_camera_goes_with_it():
    """Nothing is kept of cameras that left the registry."""
    hearing = Hearing(lambda *_: None, FakeClock())
    for camera in ("uno", "due"):
        hearing.take(camera, document("<wsnt:NotificationMessage"))
    hearing.keep({"due"})
    assert set(hearing.malformed) == {"due"}
    assert set(hearing._read) == {"due"}


def test_a_camera_whose_documents_take_long_gets_its_share_of_time_alone():
    """50 ms a second, whatever they are; the rest is counted, and the neighbour is heard."""
    clock, heard = FakeClock(), []

    def slow(camera, _):
        heard.append(camera)
        clock.advance(0.02 if camera == "uno" else 0.0)

    hearing = Hearing(slow, clock)
    said = document(STREAM.format(topic="RuleEngine/CellMotionDetector/Motion"))
    began_s = clock.time_s
    while clock.time_s < began_s + 20.0:
        hearing.take("uno", said)
        hearing.take("due", said)
        clock.advance(0.05)
    spent_s = heard.count("uno") * 0.02
    assert MOST_BUSY * 20 * 0.8 < spent_s < MOST_BUSY * 20 + 0.1
    assert hearing.skipped["uno"] > 200
    assert not hearing.skipped["due"]
