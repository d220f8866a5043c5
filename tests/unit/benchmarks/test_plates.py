# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What benchmarks.plates says, and that it says nothing of what it did not measure."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import plates
from benchmarks.lab.figures import Plan, Report, flat
from benchmarks.lab.plate_passages import Result, Voted
from benchmarks.lab.plate_peers import Answer, _rows, _share, signs
from benchmarks.scenes.passages import Weather
from gateway.analytics.plates.evaluate import Judged, Sample
from gateway.model.plate import PlateRead

KEYS = {
    "images", "eu.exact", "eu.exact_strict", "eu.detect_recall", "eu.cer", "two_line.exact",
    "crops.images", "crops.exact", "crops.it_exact", "crops.by_country", "passages.n",
    "passages.exact", "passages.certain_wrong", "cpu_ms_per_frame_720p", "cpu_ms_per_passage",
    "weights_mb",
}  # fmt: skip
"""As the list of evidence names them."""


def said(found, capsys):
    """Return what a report of it has, flat."""
    report = Report("plates", Plan(True, Path("/dev/null"), Namespace()), 1)
    bench = plates.Bench(None, plates.QUICK, None, None, found)
    plates.report(report, bench)
    capsys.readouterr()
    return report.figures


def judged(truth, text, country="", *, found=None, certain=False):
    """Return one sample that was read."""
    read = PlateRead(text, 0.9, certain=certain)
    return Judged(Sample(Path("a.jpg"), truth, country), read, found, text, text, 20.0)


def result(number, *, right=True, told=1, certain=1, wrong=0, weather=Weather.DAY):
    return Result(number, weather, 40.0, 5.0, 30.0, "IT", 8, told, right, certain, wrong, 90.0)


def test_every_key_of_the_evidence_is_there_and_null_without_a_measurement(capsys):
    """Nothing measured: every key, and None instead of an invented figure."""
    figures = said(plates.Found(), capsys)
    names = flat(figures)
    assert names.keys() >= KEYS - {"crops.by_country"}
    assert "by_country" in figures["crops"]
    zero = {"images", "passages.n"}
    assert all(names[key] is None for key in KEYS - zero)
    assert all(names[key] == 0 for key in zero)
    assert all(figures["peer"][name] is None for name in ("eu", "two_line", "crops"))


def test_shares_have_intervals_and_countries_are_told_apart(capsys):
    """O and 0 count as alike in `exact` alone; Italian crops have a figure of their own."""
    found = plates.Found()
    found.eu.ours = [judged("B0123", "BO123", found=True), judged("X1", "", found=False)]
    found.crops.ours = [judged("AA000AA", "AA000AA", "IT"), judged("WX1", "WX2", "PL")]
    found.crops.theirs = [Answer("AA000AA", 200.0), Answer("WX1", 200.0)]
    names = said(found, capsys)
    assert names["eu"]["exact"] == 0.5
    assert names["eu"]["exact_strict"] == 0.0
    assert names["eu"]["detect_recall"] == 0.5
    low, high = names["eu"]["exact_interval"]
    assert 0.0 < low < 0.5 < high < 1.0
    assert names["crops"]["it_exact"] == 1.0
    assert names["crops"]["exact"] == 0.5
    assert names["crops"]["by_country"]["PL"] == {"images": 1, "exact": 0.0}
    assert names["peer"]["crops"]["exact"] == 1.0
    assert names["peer"]["crops"]["ratio_cpu"] == 10.0


def test_certain_and_wrong_is_a_share_of_what_was_certain(capsys):
    """Uncertain reads and missed cars are no part of it, and each condition is told."""
    found = plates.Found()
    found.passages = [
        result(0), result(1, weather=Weather.NIGHT), result(2, right=False, wrong=1),
        result(3, right=False, certain=0), result(4, right=False, told=0, certain=0),
    ]  # fmt: skip
    names = said(found, capsys)["passages"]
    assert names["n"] == 5
    assert names["exact"] == 0.4
    assert names["certain_wrong"] == pytest.approx(1 / 3, abs=1e-4)
    assert names["certain_wrong_n"] == 1
    assert names["missed"] == 1
    assert names["by_condition"]["night"] == {
        "n": 1, "exact": 1.0, "exact_interval": names["by_condition"]["night"]["exact_interval"]
    }  # fmt: skip


def test_a_film_is_held_against_what_was_seen_by_eye(capsys):
    """Two of three in the lane, one beside it, and a text that is on no car."""
    found = plates.Found()
    texts = ("34A36837", "34A23126", "15C17174", "14B02819", "")
    found.video = [Voted(0, 9, PlateRead(text, 0.9, certain=text == "14B02819")) for text in texts]
    told = said(found, capsys)["video"]
    assert told == {
        "passages": 3, "read": 2, "beside": 2, "beside_read": 1, "distinct": 4, "false": 1,
        "false_certain": 1,
    }  # fmt: skip


def test_false_reads_are_told_per_hour_of_film(capsys):
    """One certain and one uncertain read in half an hour."""
    found = plates.Found(quiet_hours=0.5)
    found.quiet = [
        Voted(0, 3, PlateRead("AB12", 0.5)), Voted(4, 6, PlateRead("CD34", 0.9, certain=True)),
        Voted(7, 7, PlateRead("", 0.0)),
    ]  # fmt: skip
    told = said(found, capsys)["quiet"]
    assert told["false_per_hour"] == 4.0
    assert told["false_certain_per_hour"] == 2.0


def test_the_peer_is_heard_on_the_plate_alone_and_in_the_order_of_lines():
    """Text beside the plate does not count against it; two lines are read downwards."""
    quad = np.array([[10, 10], [50, 10], [50, 20], [10, 20]], np.float32)
    assert _share(quad, (0, 0, 30, 40)) == pytest.approx(0.5)
    assert _share(quad, (60, 0, 90, 40)) == 0.0
    lines = [(41.0, 5.0, "C"), (12.0, 30.0, "B"), (14.0, 2.0, "A")]
    assert [text for _, _, text in sorted(_rows(lines))] == ["A", "B", "C"]
    assert signs("rk-755 aj") == "RK755AJ"
