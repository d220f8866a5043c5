# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a camera tells of a face in its stream leaves a number, and no trace anywhere (B-24).

The events of a recorder (PullPoint) are in test_recorder; the source in tests/architecture.
"""

import asyncio
import contextlib
import threading

import pytest

from gateway.model.media import MetadataDocument
from gateway.runtime.clock import SystemClock
from gateway.simulator.rtsp_server import Documents
from tests.e2e.conftest import BROKER, seed
from tests.e2e.daemon import Daemon, until
from tests.virtual_camera import virtual_camera

pytestmark = pytest.mark.peer
LOGIN = {"admin": "s3cret-camera"}
MARKS = ("ZZ-Ada-Esempio-ZZ", "ZZ-Vettore-ZZ", "ZZ-Triste-ZZ", "ZZ-Iscritta-ZZ")
HEAD = """<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema"
 xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" xmlns:tns1="http://www.onvif.org/ver10/topics"
 xmlns:fc="http://www.onvif.org/ver20/analytics/humanface">"""
FRAME = f"""<tt:VideoAnalytics><tt:Frame UtcTime="2026-01-01T00:00:00Z"><tt:Object ObjectId="7">
<tt:Appearance><fc:HumanFace><fc:Gender>{MARKS[2]}</fc:Gender></fc:HumanFace>
<tt:EnrollmentID>{MARKS[3]}</tt:EnrollmentID><tt:FeatureVector>{MARKS[1]}</tt:FeatureVector>
</tt:Appearance></tt:Object></tt:Frame></tt:VideoAnalytics>"""
EVENT = """<tt:Event><wsnt:NotificationMessage>
<wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">tns1:{topic}
</wsnt:Topic><wsnt:Message>
<tt:Message UtcTime="2026-01-01T00:00:00Z" PropertyOperation="Changed">
<tt:Source><tt:SimpleItem Name="VideoSourceConfigurationToken" Value="v1"/></tt:Source>
<tt:Data>{items}</tt:Data></tt:Message>
</wsnt:Message></wsnt:NotificationMessage></tt:Event>"""
ITEM = '<tt:SimpleItem Name="{}" Value="{}"/>'
FACE = EVENT.format(
    topic="RuleEngine/Recognition/Face",
    items=ITEM.format("PersonName", MARKS[0]) + ITEM.format("Likelihood", "0.99"),
)
MOTION = EVENT.format(
    topic="RuleEngine/CellMotionDetector/Motion",
    items=ITEM.format("IsMotion", "true") + ITEM.format("PersonName", MARKS[0]),
)
DOCUMENT = f"{HEAD}{FRAME}{FACE}{MOTION}</tt:MetadataStream>".encode()
TRIGGER = """
[[trigger]]
id = "movimento"
name = "Movimento visto dalla telecamera"
camera = "uno"
topic = "RuleEngine/CellMotionDetector/Motion"
"""


@contextlib.contextmanager
def telling_camera():
    """Run a camera that tells of a face and of motion, again and again; yields its port."""
    ready, stop, ports = threading.Event(), threading.Event(), []

    async def run():
        documents, clock = Documents(), SystemClock()
        async with virtual_camera(credentials=LOGIN, documents=documents) as port:
            ports.append(port)
            ready.set()
            while not stop.is_set():
                now = clock.now()
                documents.publish(MetadataDocument(DOCUMENT, now, now))
                await asyncio.sleep(0.5)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        assert ready.wait(20)
        yield ports[0]
    finally:
        stop.set()
        thread.join(20)


def test_a_face_in_the_metadata_track_leaves_a_number_and_nothing_else(
    broker, subscriber, tmp_path
):
    """Its neighbour in the same document becomes an alarm, so the track was read indeed."""
    with telling_camera() as port:
        town = seed(tmp_path, {"uno": f"rtsp://127.0.0.1:{port}/live"}) + TRIGGER
        with Daemon(tmp_path, town, extra=BROKER.format(port=broker.port)) as box:
            box.with_passwords("operatore")
            client = box.client("operatore")
            until(
                lambda: [a for a in client.get("/api/alarms").json() if a["rule"] == "evento"],
                40,
                "the motion beside the face becomes an alarm",
            )
            until(subscriber, 20, "the institute got it")
            dropped = "varco_metadata_biometrics_dropped_total"
            until(lambda: (box.metric(dropped) or 0) >= 8, 20, "the drops are counted")
            answers = [client.get(path).text for path in ("/api/alarms", "/metrics", "/healthz")]
            assert box.stop() == 0
        kept = {one.name: one.read_bytes() for one in box.state.rglob("*") if one.is_file()}
        assert {"ledger.db", "alarms.db", "registry.db"} <= kept.keys()
        kept |= {"log": box.log.read_bytes(), "mqtt": "\n".join(subscriber()).encode()}
        kept["http"] = "".join(answers).encode()
        for mark in MARKS:
            found = [name for name, data in kept.items() if mark.encode() in data]
            assert not found, f"{mark} in {found}"
