# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A plate is followed through a film and voted on once."""

import cv2
import numpy as np
import pytest

from gateway.analytics.plates.find import boxed
from gateway.analytics.plates.sighting import Sighting
from gateway.cli import plates_film
from gateway.cli.plates_film import LOST_AFTER_S, _follow, _pictures, read_film, read_picture
from gateway.model.errors import ConfigError
from tests.footage import need
from tests.unit.analytics.plates.nets import PLATES, tools

BLANK = np.zeros((90, 160, 3), np.uint8)


def at(left, *, sharpness=1.0):
    """Return a sighting of a plate 40 px wide."""
    return Sighting(boxed((left, 40.0, left + 40.0, 50.0)), (), (), sharpness=sharpness)


def test_what_moves_a_little_is_the_same_plate():
    """Two cars side by side stay two; the sharpest picture is kept."""
    tracks = []
    for number in range(5):
        for left in (10.0, 110.0):
            _follow(tracks, at(left + 4 * number, sharpness=number), BLANK, number / 10)
    assert [len(one.sightings) for one in tracks] == [5, 5]
    assert tracks[0].sharpest.sharpness == 4
    _follow(tracks, at(900.0), BLANK, 0.6)
    assert len(tracks) == 3


def film(path, pictures, rate=10):
    """Write a film."""
    high, wide = pictures[0].shape[:2]
    out = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), rate, (wide, high))
    for one in pictures:
        out.write(one)
    out.release()
    return path


def test_who_is_gone_and_comes_back_is_read_twice(tmp_path, monkeypatch):
    """A plate seen in one picture only is none; progress is told picture by picture."""
    gap = int(LOST_AFTER_S * 10) + 3
    seen = [[at(10.0)]] * 4 + [[]] * gap + [[at(12.0)]] * 3 + [[at(110.0)]] + [[]]
    path = film(tmp_path / "a.avi", [BLANK] * len(seen))
    answers = iter(seen)
    monkeypatch.setattr(plates_film, "look", lambda _models, _picture: next(answers))
    told = []
    found = read_film(tools(), path, lambda done, whole: told.append((done, whole)))
    assert [round(one.from_s, 1) for one in found] == [0.0, round((4 + gap) / 10, 1)]
    assert [one.read.text for one in found] == ["", ""]
    assert told[-1] == (len(seen), len(seen))


def test_what_is_no_film_is_refused(tmp_path):
    """A missing file and one of text."""
    (tmp_path / "b.mp4").write_text("text")
    for name in ("a.mp4", "b.mp4"):
        with pytest.raises(ConfigError, match=name):
            list(_pictures(tmp_path / name))


def test_a_real_photograph_shows_both_readers():
    """Text, box and crop of the plate that everybody reads."""
    picture = cv2.imread(str(need(PLATES / "eu" / "eu5.jpg")))
    found = read_picture(tools(), picture)
    (one,) = [each for each in found if each.read.text in {"OY09FEU", "0Y09FEU"}]
    assert one.first
    assert one.second
    assert one.crop.shape[1] > 2 * one.crop.shape[0]
    assert 200 < (one.box[0] + one.box[2]) / 2 < 450
