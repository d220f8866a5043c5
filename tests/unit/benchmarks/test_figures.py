# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Figures: what is not known is null, never invented."""

import argparse
import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.lab import figures
from benchmarks.lab.figures import Plan, Report

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1)


@given(NUMBERS, st.integers(1, 100))
def test_a_percentile_is_a_value_that_enough_others_do_not_pass(values, percent):
    """At least that share of the values is at or below it, and fewer below it."""
    found = figures.percentile(values, percent)
    assert found in values
    assert sum(one <= found for one in values) >= len(values) * percent / 100
    assert sum(one < found for one in values) < max(1, len(values) * percent / 100)


def test_nothing_measured_is_null():
    """Of no values there is no percentile, no median, no ratio, and people read so."""
    assert figures.percentile([], 95) is None
    assert figures.median([]) is None
    assert figures.ratio(None, 1.0) is None
    assert figures.ratio(1.0, None) is None
    assert figures.written(None, "s") == "not measured"


def test_a_ratio_says_how_many_times_cheaper_ours_is():
    """Theirs divided by ours."""
    assert figures.ratio(6.0, 1.5) == 4.0
    assert figures.median([3.0, 1.0, 2.0, 10.0]) == 2.5


def test_a_report_has_the_keys_of_every_benchmark(tmp_path, capsys):
    """The JSON carries commit, machine and what is missing; the table names it too."""
    path = tmp_path / "x.json"
    report = Report("x", Plan(True, path, argparse.Namespace()), 2, {"ours": {"ms": 1.0}})
    report.skipped.append("janus: not installed")
    report.publish()
    document = json.loads(path.read_text())
    common = {"commit", "machine", "rounds", "quick", "not_like_for_like", "skipped"}
    assert common <= document.keys()
    assert figures.flat(document)["ours.ms"] == 1.0
    assert "janus: not installed" in capsys.readouterr().out


def test_the_commit_is_the_one_that_git_names():
    """It begins with HEAD, and says if files differ from it."""
    head = subprocess.run(
        ["git", "-C", str(figures.ROOT), "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    expected = {head.stdout.strip(), f"{head.stdout.strip()}-dirty"}
    assert figures.commit() in (expected if head.returncode == 0 else {"unknown"})


def test_the_file_system_of_a_path_is_told():
    """/proc is what it is; a benchmark must not take memory for a disk."""
    assert figures.filesystem(Path("/proc/self")) == "proc"


@pytest.mark.parametrize("name", ["ingest", "ledger"])
def test_every_benchmark_takes_the_agreed_words(name):
    """--quick and --json stand in the help of each."""
    text = figures.parser(name, "What it measures.").format_help()
    assert "--quick" in text
    assert "--json FILE" in text
