# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Labelled pictures become figures with intervals."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from gateway.analytics.plates import evaluate as figures
from gateway.analytics.plates.evaluate import Judged, Sample
from gateway.model.errors import ConfigError
from gateway.model.plate import PlateRead
from tests.footage import need
from tests.unit.analytics.plates.nets import PLATES, plate, scene, tools


def judged(true, read, *, certain=False, found=None, country="IT"):
    """Return what became of a sample."""
    sample = Sample(Path("a.jpg"), true, country)
    return Judged(sample, PlateRead(read, 0.9, certain=certain), found, read, "", 10.0)


def test_wilsons_interval_is_the_published_one():
    """104 of 108, as findings tell; bounds stay within 0 and 1."""
    assert figures.wilson(104, 108) == pytest.approx((0.9086, 0.9855), abs=2e-4)
    assert figures.wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=2e-4)
    assert figures.wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=2e-4)
    assert figures.wilson(0, 0) == (0.0, 1.0)


def test_texts_are_compared_with_twins_as_one():
    """Marks and blanks do not count; anything else does."""
    assert figures.same("ab-123 oQ", "AB123O0")
    assert figures.same("I", "1")
    assert not figures.same("B8", "88")
    assert figures.distance("AB123", "AB23") == 1
    assert figures.distance("", "ABC") == 3


def test_figures_count_what_they_say():
    """Right, right to the letter, certain and wrong, found, character errors; by country too."""
    every = [
        judged("AB123CD", "AB123CD", certain=True, found=True),
        judged("AB103CD", "AB1O3CD", found=True),
        judged("AB123CD", "AB128CD", certain=True, found=True, country="FR"),
        judged("AB123CD", "", found=False, country="FR"),
    ]
    score = figures.score(every)
    assert (score.n, score.exact, score.exact_strict) == (4, 0.5, 0.25)
    assert (score.certain, score.certain_wrong, score.recall) == (2, 1, 0.75)
    assert score.cer == pytest.approx(8 / 28)
    assert score.exact_low < 0.5 < score.exact_high
    parts = figures.by_country(every)
    assert (parts["IT"].exact, parts["FR"].exact) == (1.0, 0.0)
    assert figures.score([judged("A", "A")]).recall is None
    assert figures.score([]).n == 0


def test_frames_crops_and_names_are_understood(tmp_path):
    """Three ways to say what stands on a plate."""
    frames, crops, names = (tmp_path / name for name in ("frames", "crops", "names"))
    for folder in (frames, crops, names):
        folder.mkdir()
    (frames / "a.txt").write_text("a.jpg\t10\t20\t100\t30\tAB 123 CD\n")
    (one,) = figures.samples(frames)
    assert (one.file.name, one.text, one.box) == ("a.jpg", "AB123CD", (10, 20, 100, 30))
    (crops / "crops.tsv").write_text("file\ttext\tcountry\nx.png\tab-123\ti\n\ny.png\tZ9\tFR\n")
    told = [(one.text, one.country, one.box) for one in figures.samples(crops)]
    assert told == [("AB123", "IT", None), ("Z9", "FR", None)]
    for name in ("crop_d_b-ab12_close.jpg", "gb_ab12cde.jpg", "nothing.jpg", "note.txt"):
        (names / name).write_bytes(b"")
    told = [(one.text, one.country) for one in figures.samples(names)]
    assert told == [("BAB12", "DE"), ("AB12CDE", "GB")]


def test_what_is_no_set_is_refused_by_name(tmp_path):
    """No folder, an empty one, a bad line, a file that is no picture."""
    with pytest.raises(ConfigError, match="is no folder"):
        figures.samples(tmp_path / "none")
    with pytest.raises(ConfigError, match="no labelled picture"):
        figures.samples(tmp_path)
    (tmp_path / "a.txt").write_text("a.jpg x 2 3 4 AB\n")
    with pytest.raises(ConfigError, match=r"a\.txt:1"):
        figures.samples(tmp_path)
    with pytest.raises(ConfigError, match=r"no\.jpg"):
        figures.picture(tmp_path / "no.jpg")
    (tmp_path / "b.jpg").write_bytes(b"text")
    with pytest.raises(ConfigError, match=r"b\.jpg.*no picture"):
        figures.picture(tmp_path / "b.jpg")


def test_a_drawn_set_is_judged(tmp_path):
    """A crop that is read right, a frame whose plate stands elsewhere than is said: not found."""
    cv2.imwrite(str(tmp_path / "it_ab123cd.png"), plate("AB123CD", 48))
    (crop,) = figures.evaluate(tools(), tmp_path)
    assert crop.found is None
    assert figures.same(crop.read.text, "AB123CD")
    assert crop.cpu_ms > 0
    picture, _ = scene("AB123CD")
    cv2.imwrite(str(tmp_path / "f.png"), picture)
    (tmp_path / "f.txt").write_text("f.png 2 2 30 9 AB123CD\n")
    steps = []
    (frame,) = figures.evaluate(tools(), tmp_path, lambda done, whole: steps.append((done, whole)))
    assert (frame.found, frame.read.text, steps) == (False, "", [(1, 1)])


@pytest.mark.parametrize(("kind", "step", "least"), [("eu", 4, 0.75), ("two_line", 6, 0.78)])
def test_real_plates_are_read(kind, step, least):
    """Bounds are below what was measured and above what one broken step gives."""
    chosen = figures.samples(need(PLATES / kind))[::step]
    score = figures.score([figures.judge(tools(), one) for one in chosen])
    assert score.exact >= least
    assert score.certain_wrong <= 1
    assert np.isfinite(score.cpu_ms)
