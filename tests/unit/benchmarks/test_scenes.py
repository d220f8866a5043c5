# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of benchmarks.scenes: composed footage is exact, seeded and made only once."""

import json
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from benchmarks.scenes import catalogue, grounds
from benchmarks.scenes.coding import key_numbers
from benchmarks.scenes.compose import compose
from benchmarks.scenes.film import Film
from benchmarks.scenes.grounds import scaled
from benchmarks.scenes.moving import way
from benchmarks.scenes.reel import Reel
from benchmarks.scenes.spec import (
    VARIABLE_GOP,
    Act,
    Coding,
    Disturb,
    Disturbance,
    Event,
    Light,
    Rate,
    Shape,
    Spec,
    Tamper,
    Tampering,
)
from benchmarks.scenes.truth import from_json, holds, to_json
from gateway.model.errors import WireError
from gateway.model.media import Codec
from tests.footage import decoded

SIZE = (320, 180)
SMALL = Coding(SIZE, 200, gop=5)
WALK = Event(Shape.PERSON, Act.CROSSING, 0.0, 9.0, 4.0, look=3)
PLAIN = Spec("prova", "yard", 7, 1.0, fps=10, sub=SMALL)
WALKING = replace(PLAIN, events=(WALK,), length_s=4.0)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """One cache for the backgrounds of this module."""
    return tmp_path_factory.mktemp("scenes")


@pytest.fixture(scope="module")
def clip(cache):
    """Somebody crosses the yard."""
    return compose(WALKING, cache)


def film(cache, **changes):
    return Film(replace(PLAIN, **changes), SIZE, cache)


def test_a_picture_is_the_same_alone_and_after_others(cache):
    """Each picture follows from the spec and its number: footage can be entered anywhere."""
    changes = {
        "events": (WALK,),
        "disturbances": tuple(Disturbance(kind, 0, 9) for kind in Disturb),
        "light": Light.NIGHT,
    }
    one, other = film(cache, **changes), film(cache, **changes)
    for number in range(7):
        one.picture(number)
    assert np.array_equal(one.picture(7)[0].luma, other.picture(7)[0].luma)
    assert one.picture(7)[1] == other.picture(7)[1]


def test_what_is_painted_lies_in_the_box_of_the_truth(cache):
    """What an event changes lies in its box, but for the shadow at its feet."""
    calm, walked = film(cache), film(cache, events=(WALK,))
    changed = cv2.absdiff(calm.picture(18)[0].luma, walked.picture(18)[0].luma) > 10
    (sight,) = walked.picture(18)[1]
    left, right = (round(one * SIZE[0]) for one in (sight.box.left, sight.box.right))
    top, bottom = (round(one * SIZE[1]) for one in (sight.box.top, sight.box.bottom))
    inside = changed[top:bottom, left:right].sum()
    assert changed.sum() > 100
    assert inside > 0.8 * changed.sum()
    assert changed[top : bottom + 6, left - 3 : right + 3].sum() > 0.97 * changed.sum()
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert abs(rows[0] - top) <= 3
    assert abs(columns[0] - left) <= 3


def test_metres_of_the_truth_are_those_of_the_lens(clip):
    """A walker's height in the picture follows from distance and lens."""
    seen = next(one for one in clip.truth.happenings[0].seen if one.picture == 18)
    lens = scaled(grounds.PLACES["yard"].lens, SIZE)
    foot, head = lens.project(np.array([[seen.x_m, 0.0, seen.z_m], [seen.x_m, 1.7, seen.z_m]]))
    assert (seen.box.bottom - seen.box.top) * SIZE[1] == pytest.approx(foot[1] - head[1], rel=0.2)
    assert seen.foot[0] * SIZE[0] == pytest.approx(foot[0], abs=6)


def test_a_crossing_takes_as_long_as_its_way(clip):
    """It is seen for nearly all of its path, from one edge to the other."""
    (happening,) = clip.truth.happenings
    path = way(WALK, scaled(grounds.PLACES["yard"].lens, SIZE), SIZE[0])
    assert path.lasts_s - 0.6 < happening.lasts_s <= path.lasts_s + 0.1
    assert happening.seen[0].box.left < 0.1
    assert happening.seen[-1].box.right > 0.9


def test_whoever_stops_stands_still_and_goes_on():
    """A stopping vehicle has its stay in the middle of its way."""
    event = Event(Shape.VEHICLE, Act.STOPPING, 0.0, 15.0, 5.0, stay_s=6.0)
    path = way(event, grounds.PLACES["yard"].lens, grounds.WIDTH)
    begins, ends = path.at_s[1], path.at_s[2]
    assert ends - begins == pytest.approx(6.0)
    assert path.where(begins + 1).x_m == path.where(ends - 1).x_m
    assert not path.where(begins + 1).moves
    assert path.where(path.lasts_s) is None


def test_a_clip_comes_out_of_the_cache_as_it_went_in(cache, clip):
    """The second time nothing is painted; a changed byte is found and the clip made anew."""
    assert compose(WALKING, cache) == clip
    (place,) = cache.glob("prova-" + WALKING.key() + "*")
    data = (place / "sub.bin").read_bytes()
    (place / "sub.bin").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert compose(WALKING, cache) == clip


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
@pytest.mark.parametrize("rate", list(Rate))
def test_every_picture_can_be_decoded_and_keys_are_where_they_are_meant(cache, codec, rate):
    """Both codecs and rates; parameter sets stand at each key unit."""
    made = compose(replace(PLAIN, sub=replace(SMALL, codec=codec, rate=rate)), cache)
    assert [number for number, unit in enumerate(made.sub) if unit.is_key] == [0, 5]
    assert len(made.sub[5].nals) > len(made.sub[4].nals)
    assert len(decoded(list(made.sub))) == PLAIN.pictures
    assert len(decoded(list(made.sub[5:]))) == 5


def test_a_variable_gop_varies_and_follows_from_the_seed():
    """As smart codecs do: some groups are ten times as long as others."""
    coding = replace(SMALL, gop=VARIABLE_GOP)
    one, same, other = (list(key_numbers(coding, 3000, seed)) for seed in (1, 1, 2))
    assert one == same != other
    assert {25, 250} <= set(np.diff(one))


def test_a_truth_is_read_as_it_was_written(clip):
    """And nothing else is read."""
    assert from_json(to_json(clip.truth)) == clip.truth
    for data in (b"", b"[]", b"{}", to_json(clip.truth).replace(b"crossing", b"flying")):
        with pytest.raises(WireError):
            from_json(data)


def test_a_reel_paints_only_what_is_read(cache):
    """Units can be counted, queued and sized without painting one picture."""
    reel = Reel(replace(WALKING, length_s=60.0), cache)
    groups = list(reel.groups())
    assert sum(unit.size_bytes() > 0 for group in groups for unit in group) == 600
    assert reel.painted == 0
    key = groups[40][0].coded()
    assert reel.painted == 1
    assert len(decoded(list(groups[40]))) == 5
    assert reel.painted == 5
    assert groups[40][0].coded() == key


@pytest.mark.parametrize("kind", list(Disturb))
def test_every_disturbance_stirs_the_picture_and_ends(cache, kind):
    """More changes from picture to picture while it lasts than before."""
    moved = film(cache, disturbances=(Disturbance(kind, 2.0, 30.0),), seed=11)
    calm = film(cache, seed=11)

    def differs(number):
        pictures = (made.picture(number)[0].luma for made in (moved, calm))
        return int((cv2.absdiff(*pictures) > 6).sum())

    assert differs(5) == 0
    assert any(differs(number) > 30 for number in range(25, 280, 3))


def test_a_light_is_no_event(cache):
    """Infrared takes the colours; nothing of a disturbance is written down as an event."""
    made = film(cache, disturbances=(Disturbance(Disturb.IR_SWITCH, 0.5, 9.0),))
    before, (after, sights) = made.picture(0)[0], made.picture(20)
    assert before.blue.std() > 2
    assert after.blue.std() == 0
    assert sights == ()


@pytest.mark.parametrize("kind", list(Tamper))
def test_every_tampering_does_what_it_is_called(cache, kind):
    """Covered and dark leave no edges, defocus blurs, moving shifts, freezing repeats."""
    made = film(cache, tamperings=(Tampering(kind, 1.0, 60.0),))
    before, after, later = (made.picture(number)[0].luma for number in (5, 40, 47))

    def edges(luma):
        return float(np.abs(cv2.Laplacian(cv2.GaussianBlur(luma, (0, 0), 1), cv2.CV_32F)).mean())

    if kind is Tamper.FROZEN:
        assert np.array_equal(after, later)
    else:
        assert not np.array_equal(after, later)
    if kind in {Tamper.COVERED, Tamper.DARK, Tamper.DEFOCUSED}:
        assert edges(after) < 0.75 * edges(before)
    if kind is Tamper.DARK:
        assert after.mean() < 30
    if kind is Tamper.MOVED:
        assert np.corrcoef(before.reshape(-1), after.reshape(-1))[0, 1] < 0.9


def test_the_events_of_the_figures_are_many_and_distinct():
    """Of every shape and act, no two alike, none of those developed on; half are by bad light."""
    reported, developed = (
        catalogue.events(seed, long=60, short=30) for seed in (catalogue.REPORT, catalogue.DEVELOP)
    )
    found = [event for spec in reported for event in spec.events]
    assert len(found) == 90
    assert len({replace(event, begin_s=0.0) for event in found}) == 90
    assert {event.shape for event in found} == set(Shape)
    assert {event.act for event in found} == set(Act)
    assert not {event for spec in developed for event in spec.events} & set(found)
    assert {spec.sub.codec for spec in reported} == {Codec.H264, Codec.H265}
    assert {spec.sub.gop for spec in reported} == {25, 50, 250, VARIABLE_GOP}
    assert len({spec.noise for spec in reported}) == 3
    for spec in reported:
        begins = [event.begin_s for event in spec.events]
        assert begins[0] >= catalogue.LEAD_S
        assert all(b - a >= catalogue.GAP_S for a, b in pairwise(begins))


def test_quiet_footage_has_weather_and_nobody_in_it():
    """All disturbances come, no event does."""
    made = catalogue.quiet(catalogue.REPORT, cameras=8, hours=1.0)
    assert not any(spec.events or spec.tamperings for spec in made)
    assert {one.kind for spec in made for one in spec.disturbances} == set(Disturb)
    assert sum(spec.length_s for spec in made) == 8 * 3600


def test_the_load_is_quiet_first_and_busy_then(cache):
    """Its halves can be played in any order: nothing reaches over."""
    coding = replace(SMALL, gop=50)
    spec = replace(catalogue.load(1, coding, coding), main=None)
    made = Film(spec, SIZE, cache)
    assert [bool(made.picture(number)[1]) for number in (0, 100, 199)] == [False] * 3
    assert all(made.picture(number)[1] for number in range(210, 400, 10))


def test_a_polygon_holds_what_lies_in_it():
    """Also one that is not convex."""
    notched = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.4), (0.0, 1.0))
    assert holds(notched, (0.2, 0.5))
    assert not holds(notched, (0.5, 0.8))
    assert not holds(notched, (1.2, 0.5))


def test_an_unknown_ground_and_missing_footage_are_named(cache, monkeypatch, tmp_path):
    """The error says which."""
    with pytest.raises(KeyError, match="moon"):
        compose(replace(PLAIN, ground="moon"), cache)
    place = replace(grounds.PLACES["street"], source=tmp_path / "gone")
    monkeypatch.setitem(grounds.PLACES, "street", place)
    with pytest.raises(FileNotFoundError, match="street"):
        compose(replace(PLAIN, ground="street"), cache)
    assert "street" not in grounds.present()


def test_the_key_of_a_spec_follows_from_all_of_it():
    """Whatever changes the pictures changes the key."""
    keys = {
        PLAIN.key(),
        replace(PLAIN, seed=8).key(),
        replace(PLAIN, events=(WALK,)).key(),
        replace(PLAIN, sub=replace(SMALL, kbps=201)).key(),
    }
    assert len(keys) == 4
    assert json.dumps(sorted(keys))
