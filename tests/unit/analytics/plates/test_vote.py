# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Readings are laid over each other; certain is what two readers find by themselves."""

import cv2
import numpy as np
import pytest

from gateway.analytics.plates.evaluate import crop_sighting
from gateway.analytics.plates.find import Found, boxed
from gateway.analytics.plates.models import SIGNS
from gateway.analytics.plates.read import NOTHING, Reading
from gateway.analytics.plates.sighting import Sighting, escalate, look, look_at
from gateway.analytics.plates.vote import alike, fuse, vote
from gateway.model.plate import MOST_ALTERNATIVES
from tests.unit.analytics.plates.nets import plate, scene, tools

GRAMMAR = tools().grammar
PLACE = boxed((100.0, 100.0, 220.0, 126.0))


def reading(text, *, sure=0.9995, way="loose", doubt=None):
    """Return a reading of one line; `doubt`: place -> (other sign, its probability)."""
    made = np.full((len(text), 37), (1 - sure) / 36, np.float32)
    for number, sign in enumerate(text):
        other, share = (doubt or {}).get(number, (sign, 0.0))
        made[number, SIGNS.index(other)] += share
        made[number, SIGNS.index(sign)] = sure - share
    places = tuple(np.linspace(0.1, 0.9, len(text)).tolist())
    return Reading(made, (0,) * len(text), places, way)


def seen(first, second=(), found=PLACE):
    """Return a sighting with these texts."""
    both = (tuple(reading(one) for one in first), tuple(reading(one) for one in second))
    return Sighting(found, (), *both)


def test_two_readers_that_agree_are_certain():
    """One alone never is, nor two that differ; the text is the same all along."""
    both = vote([seen(["AB123CD"], ["AB123CD"])], GRAMMAR)
    alone = vote([seen(["AB123CD"])], GRAMMAR)
    apart = vote([seen(["AB123CD"], ["AB128CD"])], GRAMMAR)
    assert (both.text, both.certain, both.country) == ("AB123CD", True, "IT")
    assert (alone.text, alone.certain) == ("AB123CD", False)
    assert not apart.certain
    assert {"AB123CD", "AB128CD"} <= {apart.text, *(one.text for one in apart.alternatives)}
    assert both.confidence > alone.confidence > apart.confidence
    assert len(both.signs) == 7


def test_twins_do_not_make_readers_differ():
    """O for 0 and I for 1 is the same mark."""
    read = vote([seen(["AB1O3CD"], ["AB103CD"])], GRAMMAR)
    assert (read.text, read.certain) == ("AB103CD", True)
    assert alike("OQI0") == "0010"


@pytest.mark.parametrize(
    "found",
    [
        Found(PLACE.quad, 1.0, cut=True),
        Found(PLACE.quad, 0.1),
        boxed((100.0, 100.0, 140.0, 109.0)),
    ],
)
def test_what_is_cut_doubtful_or_tiny_is_never_certain(found):
    """Whatever both readers say."""
    read = vote([seen(["AB123CD"], ["AB123CD"], found)], GRAMMAR)
    assert (read.text, read.certain) == ("AB123CD", False)


def test_what_the_grammar_does_not_know_is_never_certain():
    """Lettering on a lorry, read alike by both."""
    read = vote([seen(["TRASPORTI"], ["TRASPORTI"])], GRAMMAR)
    assert not read.certain


def test_a_wider_look_that_shows_more_takes_the_certainty():
    """The finder cut two letters off, and both readers read the rest."""
    close, wide = reading("48AH7"), reading("RK48AH7", way="wide")
    cut = Sighting(PLACE, (), (close,), (reading("48AH7"), wide))
    assert not vote([cut], GRAMMAR).certain


def test_many_pictures_outvote_a_wrong_one():
    """Also where a sign is missing in one, and one too many in another."""
    track = [seen([text]) for text in ("AB123CD", "AB123CD", "A8123CD", "AB12CD", "AB1123CD")]
    read = vote([*track, seen(["AB123CD"], ["AB123CD"])], GRAMMAR)
    assert read.text == "AB123CD"
    assert read.pictures == 6


def test_doubt_about_a_sign_is_an_alternative():
    """With its probability, the likeliest first."""
    one = reading("AB128CD", doubt={4: ("3", 0.4)})
    read = vote([Sighting(PLACE, (), (one,))], GRAMMAR)
    assert read.text == "AB128CD"
    assert read.alternatives[0].text == "AB123CD"
    assert 0.05 < read.alternatives[0].probability < 0.5
    assert len(read.alternatives) <= MOST_ALTERNATIVES
    shares = [one.probability for one in read.alternatives]
    assert shares == sorted(shares, reverse=True)


def test_nothing_read_is_an_empty_text():
    """No sightings, sightings without readings, and signs that are as good as noise."""
    even = Reading(np.full((5, 37), 1 / 37, np.float32), (0,) * 5, (0.1,) * 5, "close")
    for sightings in ([], [Sighting(PLACE, (), ())], [Sighting(PLACE, (), (even,))]):
        read = vote(sightings, GRAMMAR)
        assert (read.text, read.certain) == ("", False)


def test_fused_slots_are_probabilities():
    """Of nothing there are none."""
    fused = fuse([reading("AB12"), reading("AB1")])
    assert fused.slots.sum(1) == pytest.approx(np.ones(4), abs=1e-4)
    assert fused.slots[3, NOTHING] > 0.05
    assert len(fuse([]).slots) == 0


def odd_pictures():
    """Yield pictures of which nothing is certain, or what is certain is right."""
    flat = plate("AB123CD", 40)
    rng = np.random.default_rng(5)
    street, box = scene("AB123CD")
    yield "0 px", np.zeros((0, 0, 3), np.uint8), ""
    yield "gray", flat[:, :, 1], "AB123CD"
    yield "upside down", cv2.rotate(flat, cv2.ROTATE_180), ""
    yield "on its side", cv2.rotate(flat, cv2.ROTATE_90_CLOCKWISE), ""
    yield "motion blur", cv2.blur(flat, (25, 1)), "AB123CD"
    bright = np.clip(flat.astype(int) * 4 + 120, 0, 255).astype(np.uint8)
    yield "retro-reflecting", bright, "AB123CD"
    yield "half", flat[:, : flat.shape[1] // 2], ""
    yield "noise", rng.integers(0, 256, (60, 200, 3)).astype(np.uint8), ""
    yield "lettering", plate("TRASPORTI ROSSI", 40), ""
    yield "street", street, "AB123CD"
    yield "cut by the edge", street[:, : int(box[2]) - 40], ""


@pytest.mark.parametrize("case", list(odd_pictures()), ids=lambda case: case[0])
def test_odd_pictures_never_break_it_and_never_make_a_wrong_certainty(case):
    """As crops and as whole pictures."""
    _, pixels, text = case
    sightings = [escalate(tools().models, one) for one in look(tools().models, pixels)]
    if pixels.size:
        sightings.append(crop_sighting(tools().models, pixels))
    for one in sightings:
        read = vote([one], GRAMMAR)
        assert not read.certain or read.text == text


def test_two_plates_are_two_texts():
    """One above the other in one picture, each with its own."""
    lower, box = scene("AB123CD")
    upper, other = scene("XY789ZW", place=(420, 200))
    lower[195:250, 410:700] = upper[195:250, 410:700]
    texts = [
        vote([escalate(tools().models, look_at(tools().models, lower, boxed(one)))], GRAMMAR).text
        for one in (box, other)
    ]
    assert texts == ["AB123CD", "XY789ZW"]
