# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.assembly.replay: the watch, the child and the rules of a box over a file."""

from dataclasses import replace
from datetime import time

import cv2
import numpy as np
import pytest

from gateway.assembly.replay import MOST_ALARMS, ReplayPlan, _Run, _upto, replay
from gateway.codec.mp4 import write_mp4
from gateway.codec.pool import open_pool
from gateway.model.alarm import Box, Observation
from gateway.model.registry import Analytic, ArmedHours, Mask, Zone
from gateway.model.time import Moment
from gateway.runtime.clock import SystemClock
from tests.fakes import FakeClock, unit
from tests.footage import scene
from tests.unit.assembly.parts import FakePool

WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
TOP = Mask("m", "c", ((0.0, 0.0), (1.0, 0.0), (1.0, 0.2), (0.0, 0.2)))
ZONE = Zone("tutto", "Tutto", "c", WHOLE, off_after_s=2.0)
BEGIN = Moment(0.0, 0)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Sixteen seconds; a visitor from the eighth to the eleventh."""
    path = tmp_path_factory.mktemp("clip") / "visit.mp4"
    path.write_bytes(write_mp4(scene(400, gop=25, visits=range(200, 280))))
    return path


async def test_what_would_have_alarmed_is_found_and_drawn(clip):
    """One alarm while the visitor is there, with its masked still; the way there is told."""
    told = []
    plan = ReplayPlan("c", (ZONE, Zone("niente", "N", "c", (), Analytic.LOSS)), (TOP,))
    async with open_pool(1, clock=SystemClock()) as pool:
        found = await replay(
            clip,
            plan,
            pool=pool,
            clock=SystemClock(),
            begin=BEGIN,
            on_progress=lambda used, shown_s: told.append((used, shown_s)),
        )
    (one,) = found.alarms
    assert 8 < one.at_s < 11
    assert one.ended_s is None or 11 < one.ended_s < 16
    assert (one.event.why.rule, found.more, one.zone) == ("intrusione", 0, ZONE)
    pixels = cv2.imdecode(np.frombuffer(one.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert pixels[: pixels.shape[0] // 6].max() < 40
    assert found.length_s == pytest.approx(399 / 25, abs=0.01)
    assert max(found.moving[:8]) < 0.01 < max(found.moving[8:11])
    assert found.watch.units == 400
    assert [used for used, _ in told] == sorted(used for used, _ in told)
    assert len(told) == 400
    assert plan.unseen == (plan.zones[1],)


def run(zone=ZONE):
    return _Run(ReplayPlan("c", (zone,)), FakePool("gone"), FakeClock(), BEGIN)


async def presence(one, begin_s, count, *, zone="tutto"):
    for at in range(count):
        now = BEGIN.shifted(begin_s + at * 0.5)
        boxes = (Box(0.1, 0.1, 0.2, 0.2),) if zone else ()
        seen = (zone,) if zone else ()
        await one._observe(Observation("c", now, 0, boxes, seen, 0.1 if zone else 0.0))


async def test_each_incident_ends_the_alarm_that_it_began():
    """Two visits are two alarms; without a picture an alarm is one all the same."""
    one = run()
    for begin_s in (0.0, 100.0):
        await presence(one, begin_s, 5)
        await presence(one, begin_s + 2.5, 10, zone="")
    found = await one.finish()
    assert [would.jpeg for would in found.alarms] == [b"", b""]
    assert all(would.at_s < would.ended_s < would.at_s + 10 for would in found.alarms)


async def test_hours_count_by_the_time_of_the_recording():
    """What is not armed then would not have alarmed."""
    zone = replace(ZONE, armed=(ArmedHours(time(3), time(4)),))
    one = run(zone)
    await presence(one, 0.0, 20)  # 01:00 in Rome
    await presence(one, 2.5 * 3600, 5)
    found = await one.finish()
    assert [would.at_s > 2 * 3600 for would in found.alarms] == [True]


async def test_too_many_are_counted_alone():
    """A rule that never rests fills neither memory nor page."""
    one = run(replace(ZONE, off_after_s=1.0))
    for at in range(MOST_ALARMS + 3):
        await presence(one, at * 10.0, 3)
        await presence(one, at * 10.0 + 2, 6, zone="")
    found = await one.finish()
    assert (len(found.alarms), found.more) == (MOST_ALARMS, 3)


def test_two_gops_are_kept_for_a_picture():
    """A picture is made from its own key unit on; what is older is forgotten."""
    one = run()
    for at in range(100):
        one._keep(replace(unit(at * 3600, key=at % 10 == 0), captured=BEGIN.shifted(at / 25)))
    assert len(one._kept) <= 30
    cut = _upto(one._kept, BEGIN.shifted(95 / 25))
    assert (cut[0].is_key, len(cut)) == (True, 6)
