# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of benchmarks.analytics and its lab: what counts as found, false and cheap."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import analytics
from benchmarks.analytics import FULL, QUICK, Found, compared, cpu_ms, report
from benchmarks.lab import analysing, replaying
from benchmarks.lab.analysis_cost import OURS, RECIPE, Arm, Cost, cost
from benchmarks.lab.figures import Plan, Report, flat
from benchmarks.lab.recipe import RecipeMotion, command
from benchmarks.lab.replaying import Mode, Seen, Told
from benchmarks.lab.scene_camera import Source
from benchmarks.lab.scoring import Pixels, Score, Tampered, tampered, united
from benchmarks.scenes.compose import compose
from benchmarks.scenes.reel import Reel
from benchmarks.scenes.spec import (
    SUB,
    Act,
    Disturb,
    Disturbance,
    Event,
    Shape,
    Spec,
    Tamper,
    Tampering,
)
from benchmarks.scenes.truth import Camera, Happening, Truth
from benchmarks.scenes.truth import Seen as Sighted
from gateway.model.alarm import Box
from gateway.model.registry import Analytic

KEYS = [
    "false_alarms_per_camera_day",
    "quiet_hours",
    "recall_long",
    "recall_short",
    "events_distinct",
    "main.ours_cpu_ms_per_stream_s",
    "main.recipe_cpu_ms_per_stream_s",
    "main.ratio",
    "main.ratio_100",
    "sub.ours_cpu_ms_per_stream_s",
    "sub.recipe_cpu_ms_per_stream_s",
    "sub.ratio",
    "sub.ratio_100",
    "wake_s_p95",
    "duty_false",
    "fmeasure_highway",
]
WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def happening(begin_s, end_s, row=0.5):
    """Something stands in the middle of the picture for a while."""
    box = Box(0.4, row - 0.2, 0.6, row)
    seen = tuple(Sighted(n, box, 0.0, 9.0) for n in range(round(begin_s * 10), round(end_s * 10)))
    return Happening("e", Shape.PERSON, Act.CROSSING, 1.0, 9.0, begin_s, end_s, seen)


def truth(*happenings, zone=WHOLE):
    return Truth("t", "yard", 10, 600, Camera(0.7, 4.0, 0.2), zone, happenings, ())


def intrusion(second, known_s=None):
    return Told(Analytic.INTRUSION, second, second if known_s is None else known_s)


def scored(whole, *alarms, stirs=()):
    score = Score()
    score.add(whole, Seen(alarms=list(alarms), stirs_s=list(stirs)))
    return score


def test_an_event_is_long_from_three_seconds_on_and_found_while_it_lasts():
    """Raised from a picture meanwhile, or within a second after; not before it came."""
    whole = truth(happening(10, 14), happening(30, 32), happening(50, 50.5))
    assert scored(whole).long == [False]
    assert scored(whole).short == [False]
    assert scored(whole, intrusion(12)).long == [True]
    assert scored(whole, intrusion(32.9)).short == [True]
    assert scored(whole, intrusion(9.5)).long == [False]
    assert scored(whole, intrusion(15.5)).long == [False]
    assert "2.0 s" in scored(whole).missed[1]


def test_an_event_outside_of_the_zone_is_none_and_its_alarm_is_not_stray():
    """What stands in no zone need not be found; to tell of it is no cry of wolf."""
    whole = truth(happening(10, 14, row=0.5), zone=((0, 0.6), (1, 0.6), (1, 1), (0, 1)))
    score = scored(whole, intrusion(12), intrusion(40))
    assert score.long == score.short == []
    assert score.stray == 1


def test_wake_and_alarm_are_counted_to_the_newest_picture_looked_at():
    """A group that is looked at after all does not turn back time."""
    score = scored(
        truth(happening(10, 14)), intrusion(10.4, 12.1), stirs=[(4.0, 4.0), (10.1, 12.0)]
    )
    assert score.wake_s == [pytest.approx(2.0)]
    assert score.alarm_s == [pytest.approx(2.1)]
    assert united([score, score]).wake_s == [pytest.approx(2.0)] * 2


def test_tampering_is_found_from_its_begin_on():
    """What was raised before is counted as early."""
    spec = Spec("t", "yard", 1, 60.0, tamperings=(Tampering(Tamper.MOVED, 30.0, 60.0),))
    early, right = Told(Analytic.TAMPER, 20, 20), Told(Analytic.TAMPER, 35, 36, "spostata")
    assert tampered(spec, Seen()) == Tampered(Tamper.MOVED, None, "", 0)
    found = tampered(spec, Seen(alarms=[early, intrusion(31), right]))
    assert found == Tampered(Tamper.MOVED, 6.0, "spostata", 1)


def test_false_alarms_are_per_camera_and_day_and_name_their_weather():
    """Two in an hour are 48 a day; decoding what need not be is counted beside."""
    spec = Spec("q", "yard", 1, 3600.0, disturbances=(Disturbance(Disturb.RAIN, 0, 100),))
    seen = Seen(alarms=[intrusion(50), intrusion(500), Told(Analytic.TAMPER, 1, 1)])
    seen.units, seen.keys, seen.decoded = 1000, 20, 69
    found = analysing.of_quiet(spec, seen)
    assert found.per_day == 48
    assert [one.rpartition(": ")[2] for one in found.alarms] == ["rain", "calm"]
    assert found.tamper_false == 1
    assert found.duty == 0.05
    assert analysing.Quiet().per_day is None


def test_pixels_are_compared_where_the_label_says_something():
    """Shadows must not move; what lies outside or is unknown counts for nobody."""
    label = np.array([[255, 255, 0, 50, 85, 170]], np.uint8)
    mask = np.array([[255, 0, 0, 255, 255, 255]], np.uint8)
    found = Pixels()
    found.add(mask, label)
    assert (found.right, found.wrong, found.passed) == (1, 1, 1)
    assert found.fmeasure == 0.5


def test_the_recipe_sees_a_block_and_not_a_still_picture():
    """Its running average learns the scene; light that changes everything is passed over."""
    rng = np.random.default_rng(1)
    still = rng.integers(60, 180, (180, 320), np.uint8)
    motion = RecipeMotion()
    assert not any(motion.step(still) for _ in range(20))
    moved = still.copy()
    moved[60:140, 100:160] = 255 - moved[60:140, 100:160] // 2
    (region,) = max([motion.step(moved)], key=len)[:1]
    assert 45 <= region.left <= 60
    assert "fps=5,scale=640:360" in command("rtsp://127.0.0.1/0", (640, 360))


def test_a_cycle_is_as_busy_as_it_is_called(tmp_path):
    """5 % are two groups of forty; what is always busy has no quiet group."""
    spec = Spec("c", "yard", 1, 1.6, fps=10, sub=replace(SUB, size_px=(320, 180), gop=2))
    source = Source.of(compose(spec, tmp_path).sub)
    assert (len(source.quiet), len(source.busy)) == (4, 4)
    cycle = source.cycle(5)
    assert len(cycle) == 40
    assert [group in source.busy for group in cycle].count(True) == 2
    assert all(group in source.busy for group in source.cycle(100))


def test_cost_is_what_lies_between_two_counts():
    """Per second and stream that were due, whether their pictures came or not."""
    before = {"at_s": 10.0, "cpu_ms": 100.0, "units": 0, "rss_mb": 8.0, "decoded": 0, "lost": 0}
    after = {"at_s": 20.0, "cpu_ms": 500.0, "units": 450, "rss_mb": 8.0, "decoded": 45, "lost": 3}
    used = cost(before, after, 2)
    assert used == Cost(20.0, 0.9, 4.0, 0.1, 3)
    assert not used.counts


def test_ratios_are_of_rounds_that_count():
    """An arm that lost pictures is not cheap."""
    found = Found()
    mine, theirs = Arm(OURS, "sub", 5), Arm(RECIPE, "sub", 5)
    found.costs[mine] += [Cost(2.0, 1.0, 1, 0.1), Cost(0.1, 0.2, 1, 0.1), Cost(4.0, 1.0, 1, 0.1)]
    found.costs[theirs] += [Cost(16.0, 1.0, 1, None)] * 3
    assert cpu_ms(found, mine) == 3.0
    assert compared(found, "sub", 5) == 6.0
    assert compared(found, "main", 5) is None


@pytest.mark.parametrize("load", [QUICK, FULL])
def test_every_key_of_the_evidence_is_there_also_when_nothing_was_measured(load, capsys):
    """What was not measured is null, never invented."""
    made = Report("analytics", Plan(True, None, None), 1)
    report(made, load, Found())
    figures = flat(made.figures)
    assert set(KEYS) <= set(figures)
    assert figures["main.ratio"] is None
    assert figures["recall_long"] is None
    assert "not measured" in capsys.readouterr().out


def test_each_part_can_be_asked_for_alone():
    """And nothing else is measured then."""
    words = analytics._parser()
    assert words.parse_args(["--parts", "quiet", "pixels"]).parts == ["quiet", "pixels"]
    assert tuple(words.parse_args([]).parts) == analytics.PARTS


def test_footage_goes_through_the_real_watch_and_child(tmp_path):
    """Somebody crosses the yard: one intrusion from a picture meanwhile, and only he is decoded."""
    event = Event(Shape.PERSON, Act.CROSSING, 16.0, 8.0, 3.0, look=3)
    coding = replace(SUB, size_px=(320, 180), gop=20)
    spec = Spec("r", "yard", 5, 34.0, fps=10, events=(event,), sub=coding)
    reel = Reel(spec, tmp_path)
    seen = replaying.run(reel.groups(), reel.film.ground.zone, Mode.KEYS)
    (alarm,) = [one for one in seen.alarms if one.analytic is Analytic.INTRUSION]
    assert 16.0 <= alarm.captured_s <= 21.0
    assert alarm.captured_s <= alarm.known_s
    assert seen.units == 340
    assert seen.keys == 17
    assert (seen.failures, seen.lost) == (0, 0)
    assert 0.1 < seen.duty < 0.9
    assert reel.painted < 340
