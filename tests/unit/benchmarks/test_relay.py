# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the relay's benchmark concludes from what it counted."""

import argparse
import json

import pytest

from benchmarks import relay
from benchmarks.lab import relay_arms, relay_box
from benchmarks.lab.figures import Plan, Report, flat
from gateway.config.load import parse
from gateway.model.registry import empty_registry
from gateway.registry.seed import merge, parse_seed
from gateway.runtime.clock import SystemClock

NOTHING = {"packets": 0, "asked": 0, "repeats": 0, "in_rtx": 0, "reports": 0, "described": 0,
           "extended": 0}  # fmt: skip


def row(cpu_ms, share=1.0):
    return relay.Row(cpu_ms, (90.0, 70.0), share, 1.0, 1.0, frozenset({"nack"}))


def found_with(**rows):
    found = relay.Found()
    for name, some in rows.items():
        found.rows[name] = some
    return found


def test_evidence_has_every_key(tmp_path):
    """The list of evidence names them; a peer that is not there is null, nothing is invented."""
    found = found_with(ours=[row(1.0)], janus_tuned=[row(4.0)], aiortc=[row(8.0)])
    found.ratios["janus_tuned"], found.ratios["aiortc"] = [4.0], [8.0]
    found.young["warm"], found.delays_s, found.ages_s = [0.2], [0.001, 0.004], [0.05]
    target = tmp_path / "relay.json"
    plan = Plan(quick=True, json=target, extra=argparse.Namespace())
    relay.report(Report("relay", plan, 1), relay.QUICK, found)
    told = flat(json.loads(target.read_text()))
    assert told["viewers"] == 100
    assert told["ours.cpu_ms_per_viewer_s"] == 1.0
    assert told["ours.rss_mb"] == 70.0
    assert told["ours.features"] == ["nack"]
    assert told["peers.janus_tuned.cpu_ms_per_viewer_s"] == 4.0
    assert told["peers.go2rtc"] is None
    assert told["peers.libdatachannel"] is None
    assert told["ratio.best"] == told["ratio.janus_tuned"] == 4.0
    assert told["ratio.aiortc"] == 8.0
    assert told["first_live_picture_s.warm"] == 0.2
    assert told["first_live_picture_s.cold"] is told["first_live_picture_s.thin"] is None
    assert told["added_delay_ms_p99"] == 4.0
    assert told["glass_to_glass_ms_p95"] == 50.0
    assert told["nack_percent"] == 1.0


def test_a_row_with_a_viewer_in_the_dark_does_not_count():
    """However cheap it is: what was not sent costs nothing."""
    found = found_with(ours=[row(1.0), row(9.0, 0.96)], janus_tuned=[row(0.5, 0.5)])
    assert relay.middle(found, "ours", lambda one: one.cpu_ms) == 1.0
    assert relay.peer(found, "janus_tuned") is None
    assert relay.best_of(found) is None
    assert relay.best_of(found_with(aiortc=[row(8.0)], libdatachannel=[row(5.0)])) == (
        "libdatachannel"
    )


def test_a_round_compares_only_rows_that_count(monkeypatch):
    """Each arm's turn comes in every round; what is not installed is said once."""
    order = []

    def arm_row(_stage, name, _load, _found):
        order.append(name)
        if name == "go2rtc":
            raise relay_arms.ArmError("go2rtc is in no registry")
        return row(2.0 if name == "ours" else 6.0, 0.9 if name == "aiortc" else 1.0)

    monkeypatch.setattr(relay, "arm_row", arm_row)
    found = relay.Found()
    for number in range(2):
        relay.one_round(None, number, relay.QUICK, found)
    assert sorted(order) == sorted(2 * list(relay.ARMS))
    assert order[0] != order[len(relay.ARMS)]
    assert found.ratios == {"janus_tuned": [3.0, 3.0], "libdatachannel": [3.0, 3.0]}
    assert len(found.skipped) == 2


def test_the_worst_viewer_decides():
    """Counters of every viewer make one row."""
    given = [NOTHING | {"packets": 500, "asked": 5, "repeats": 5, "in_rtx": 5, "reports": 2},
             NOTHING | {"packets": 400, "asked": 5, "repeats": 3}]  # fmt: skip
    made = relay.row_of(1.5, (1.0,), 500, given, {"profile": "GCM"})
    assert made.least_share == 0.8
    assert not made.counts
    assert made.answered == 0.8
    assert made.nack_percent == pytest.approx(10 / 9)
    assert made.features == {"GCM", "nack", "rtx", "sr"}


def test_longest_freeze_is_between_two_pictures():
    """One picture or none has no gap."""
    assert relay.longest_gap([1.0, 1.04, 1.3, 1.34]) == pytest.approx(0.26)
    assert relay.longest_gap([1.0]) is None


def test_the_gateway_takes_what_the_benchmark_writes(tmp_path):
    """Cameras that are pulled always and such that rest; pictures go where they are reached."""
    seed = parse_seed(relay_box.seed(554, 1, 2), "seed")
    known = merge(empty_registry(), seed, remove=False, now=SystemClock().now())
    assert {name: one.continuous for name, one in known.cameras.items()} == {
        "warm-0": True, "cold-0": False, "cold-1": False,
    }  # fmt: skip
    (tmp_path / "gateway.toml").write_text("")
    whole = f"[box]\n{relay_box.config()}[console]\nport = 8443\n[media]\nport = 8189\n"
    told = relay_box.reachable(whole, "127.0.0.1", "203.0.113.1")
    assert parse(told, tmp_path / "gateway.toml").media.candidates == ("127.0.0.1", "203.0.113.1")
