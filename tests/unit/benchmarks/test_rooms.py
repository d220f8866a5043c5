# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the benchmark of rooms measures with: pictures that tell their age, boxes, seeds."""

import argparse
import dataclasses
import functools
import json
import struct

import av
import numpy as np
import pytest

from benchmarks import rooms
from benchmarks.lab import boxes, counted, link, pictures, soaking, viewers
from benchmarks.lab.figures import Plan, Report
from benchmarks.lab.interconnection import (
    View,
    edge_config,
    edge_seed,
    room_config,
    room_seed,
)
from benchmarks.lab.network import LabError
from benchmarks.lab.process import child
from gateway.config.load import parse
from gateway.model.registry import empty_registry
from gateway.registry.seed import merge, parse_seed
from gateway.runtime.clock import SystemClock
from gateway.simulator.paint import read_frame_index


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    folder = tmp_path_factory.mktemp("film")
    counted.make(folder, 100)
    return folder


@pytest.mark.parametrize(("name", "size"), [("main", counted.MAIN_PX), ("sub", counted.SUB_PX)])
def test_every_picture_of_the_film_says_which_it_is(film, name, size):
    """Decoded, across the seam of the two halves; a key picture begins each group."""
    source, decoder = pictures.load(film / name), av.CodecContext.create("h264", "r")
    assert [n for n, one in enumerate(source) if pictures.is_key(one)] == [0, 50]
    seen = []
    for unit in source:
        packet = av.Packet(b"".join(b"\0\0\0\1" + nal for nal in unit))
        for frame in decoder.decode(packet):
            assert (frame.width, frame.height) == size
            luma = viewers.luma_of(frame)
            assert luma.shape == size[::-1]
            seen.append(read_frame_index(luma))
    assert seen == list(range(100))
    assert counted.kbps(film / name) > 50


def test_the_age_of_a_picture_comes_out_of_its_pixels():
    """Also when the loop has begun anew; an illegible one has no age."""
    luma = np.full((360, 640), 90, np.uint8)
    assert counted.age_s(luma, 0.0, 5.0) is None
    counted.mark(luma, 50)
    assert counted.age_s(luma, 100.0, 102.3) == pytest.approx(0.3)
    assert counted.age_s(luma, 100.0, 102.3 + 3 * counted.LOOP_S) == pytest.approx(0.3)


def test_cameras_answer_in_a_process_of_their_own(film):
    """They say their port and when they began."""
    with child("benchmarks.lab.counted", "0", "2", str(film)) as made:
        told = made.read()
    assert told["port"] > 0
    assert told["began_s"] > 0


def test_viewers_refuse_in_words():
    """An order that cannot be done is answered with the reason, and the next one is done."""
    with child("benchmarks.lab.viewers") as made:
        told = {"url": "http://127.0.0.1:9", "token": "x", "address": "127.0.0.1"}
        made.ask(json.dumps(told))
        refused = made.ask(json.dumps({"look": "/whep/uno", "many": 1}))
        assert "connection" in refused["error"].lower()
        assert made.ask(json.dumps({"close": True})) == {"given": []}


def test_only_media_is_dropped_in_the_kernel():
    """The filter lets STUN and DTLS through (RFC 7983: first bytes 0-3 and 20-63)."""

    def passes(first):
        at, accumulator = 0, 0
        while True:
            code, yes, no, value = viewers._FILTER[at]
            if code == 6:
                return value > 0
            if code == 0x30:
                accumulator = first
                at += 1
            else:
                at += 1 + (yes if accumulator >= value else no)

    assert [first for first in range(256) if not passes(first)] == list(range(128, 192))
    assert struct.calcsize("HBBI") == 8


def test_seeds_and_configurations_are_what_the_gateway_takes(tmp_path):
    """An edge shows what its act names, a room knows whose edges are whose."""
    now = SystemClock().now()
    views = [View("banco", "rtsp://127.0.0.1:1/banco", ("pl",)), View("retro", "rtsp://x.test/r")]
    edge = merge(
        empty_registry(),
        parse_seed(edge_seed("negozio", views, {"pl": "sala"}), "edge"),
        remove=False,
        now=now,
    )
    (act,) = edge.acts.values()
    assert [scope.cameras for scope in act.scopes] == [("banco",)]
    assert edge.recipients["pl"].broker == "line:sala"
    room = merge(
        empty_registry(),
        parse_seed(room_seed(["pl"], {"negozio": ["pl"]}), "room"),
        remove=False,
        now=now,
    )
    assert room.edges["negozio"].organisations == ("pl",)
    config = tmp_path / "gateway.toml"
    made = parse(boxes._completed(edge_config("negozio", {"sala": "pl"}), tmp_path), config)
    assert [one.recipient for one in made.uplinks] == ["pl"]
    assert parse(boxes._completed(room_config(), tmp_path), config).room is not None


def test_terms_travel_as_one_line():
    """What a running link is told is what it was asked."""
    terms = link.Terms(delay_ms=60, loss=0.02, cut=True)
    assert link.Terms(**json.loads(link.words(terms))) == terms


def test_a_condition_that_never_holds_is_an_error():
    """It says what was waited for."""
    with pytest.raises(boxes.BoxError, match="something: not within 0 s"):
        boxes.until(lambda: False, 0.0, "something")


def test_the_report_has_every_key_also_when_nothing_was_measured(tmp_path, capsys):
    """`null`, never invented; what is missing is said."""
    path = tmp_path / "rooms.json"
    made = Report("rooms", Plan(True, path, argparse.Namespace()), 1)
    rooms.report(made, rooms.QUICK, rooms.Found(skipped=["everything: no root"]))
    told = json.loads(path.read_text())
    keys = (
        "operators uplink_ratio edge_cpu_ms_per_stream_s edges room_cpu_cores"
        " cold_first_picture_s warm_first_picture_s held_first_picture_s dead_line_noticed_s"
        " edge_cpu_own_ms_per_stream_s edge_cpu_kernel_ms_per_stream_s"
        " edge_cpu_one_kernel_ms_per_stream_s edge_cpu_receiving_ms_per_stream_s"
        " router_cpu_ms_per_stream_s soak part_s"
    )
    assert set(keys.split()) <= told.keys()
    assert {"delay_s_p95", "back_s_after_cut"} <= told["lte"].keys()
    assert told["uplink_ratio"] is None
    for key in ("least_share", "edges", "soak", "dead_line_not_noticed", "room_dark_viewers"):
        assert told[key] is None, key
    assert set(told["lte"].values()) == {None}
    assert told["skipped"] == ["everything: no root"]
    assert "not measured" in capsys.readouterr().out


def told(tmp_path, found, load=rooms.QUICK):
    path = tmp_path / "rooms.json"
    rooms.report(Report("rooms", Plan(True, path, argparse.Namespace()), 1), load, found)
    return json.loads(path.read_text())


@pytest.mark.parametrize(
    ("words", "parts", "minutes"),
    [
        ([], "looks operators toll mobile cuts crowd", 0),
        (["--soak", "2"], "looks operators toll mobile cuts soak crowd", 2),
        (["--parts", "soak"], "soak", 30),
        (["--parts", "soak", "toll", "--soak", "0.5"], "toll soak", 0.5),
    ],
)
def test_parts_are_done_in_their_order_and_the_long_one_only_if_asked_for(words, parts, minutes):
    load, wanted = rooms.asked_for(rooms._parser().parse_args(words))
    assert wanted == parts.split()
    assert load.soak_min == minutes
    assert (load.edges, load.cameras, load.mobile_s, load.cuts) == (20, 4, 300.0, 3)


def test_a_run_is_made_smaller_by_hand():
    """Of the full run's parts, as they are."""
    words = ["--edges", "3", "--rounds", "1", "--mobile", "9"]
    load, _ = rooms.asked_for(rooms._parser().parse_args(words))
    assert (load.edges, load.rounds, load.mobile_s) == (3, 1, 9.0)
    assert not load.beside


def test_a_part_that_fails_is_null_and_named_and_the_others_keep_theirs(tmp_path, capsys):
    """Also by a bug of its own; half of its figures are none."""
    found = rooms.Found()

    def good():
        found.uplink_ratio.append(1.02)

    def half():
        found.cold.append((0.1, 0.2))
        found.uplink_ratio.append(9.0)
        raise KeyError("no such camera")

    assert rooms.attempt("operators", good, found)
    assert not rooms.attempt("looks", half, found)
    made = told(tmp_path, found)
    assert (made["uplink_ratio"], made["cold_first_picture_s"]) == (1.02, None)
    assert made["skipped"] == ["looks: KeyError: 'no such camera'"]
    assert set(made["part_s"]) == {"operators", "looks"}
    assert "operators: 0 s" in capsys.readouterr().err


def test_a_run_that_is_interrupted_tells_what_it_had():
    found = rooms.Found()

    def part():
        found.cold.append((0.1, 0.2))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rooms.attempt("looks", part, found)
    assert (found.cold, found.skipped) == ([], ["looks: interrupted"])


def test_what_cannot_be_built_leaves_every_part_named(tmp_path, monkeypatch):
    """Both laboratories of a full run are tried; none of their figures is there."""
    tried = []

    def refused():
        tried.append(True)
        raise LabError("no TUN devices")

    monkeypatch.setattr(rooms, "lab", refused)
    monkeypatch.setattr(counted, "make", functools.partial(counted.make, count=100))
    found = rooms.Found()
    rooms.measure(tmp_path, rooms.FULL, found, ["looks", "toll", "crowd"])
    made = told(tmp_path, found)
    assert len(tried) == 2
    assert "looks: one edge and the room failed" in made["skipped"]
    assert "toll: one edge and the room failed" in made["skipped"]
    assert "crowd: 20 edges failed" in made["skipped"]
    assert "one edge and the room: LabError: no TUN devices" in made["skipped"]
    assert "cuts: not asked for" in made["skipped"]
    assert made["edge_cpu_ms_per_stream_s"] is made["room_cpu_cores"] is None
    assert made["stream_kbps"] > 0


def series(count=30, **late):
    """Samples that are alike, but for what the last third has."""
    calm = {
        "delay_s": 0.3, "shown": 250, "edge_unsent_kb": 4.0, "room_unread_kb": 0.0,
        "link_packets": 9, "edge_mb": 300.0, "room_mb": 200.0,
    }  # fmt: skip
    return [
        soaking.Sample(10.0 * n, **(calm | (late if n >= count * 2 / 3 else {})))
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("late", "steady", "grew"),
    [
        ({}, True, ()),
        ({"delay_s": 0.39}, True, ()),
        ({"delay_s": 0.41}, False, ("delay_s",)),
        ({"edge_unsent_kb": 90.0, "link_packets": 80}, False, ("edge_unsent_kb", "link_packets")),
        ({"edge_mb": 320.0}, False, ("edge_mb",)),
        ({"room_mb": 100.0}, True, ()),
        ({"shown": 0, "delay_s": None}, False, ()),
    ],
)
def test_half_an_hour_is_judged_by_its_thirds(tmp_path, late, steady, grew):
    """What is less is no growth; no picture at all is no steadiness."""
    found = soaking.judged(series(**late))
    assert (found.steady, found.grew) == (steady, grew)
    made = told(tmp_path, rooms.Found(soak=found))["soak"]
    assert made["steady"] is steady
    assert len(made["series"]) == 30
    assert made["series"][3][made["columns"].index("edge_mb")] == 300.0


def test_too_short_a_soak_says_so_and_its_beginning_does_not_count():
    """While the stream steps to what the line carries nothing is growth."""
    assert soaking.judged(series(8)).steady is None
    rising = series(30)
    rising[:6] = [dataclasses.replace(one, delay_s=0.01, edge_mb=10.0) for one in rising[:6]]
    assert soaking.judged(rising).steady is True
    assert soaking.judged([]).figures()["steady"] is None


def test_a_soak_samples_at_its_times():
    """Every ten seconds from the first ten on, until the end."""
    asked = []

    def wait(until_s):
        asked.append(until_s)
        return until_s + 0.5

    (one,) = series(1)
    found = soaking.soak(lambda at_s: dataclasses.replace(one, at_s=at_s), wait, 60.0)
    assert asked == [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
    assert [sample.at_s for sample in found.samples][-1] == 60.5
