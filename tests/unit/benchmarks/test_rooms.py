# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the benchmark of rooms measures with: pictures that tell their age, boxes, seeds."""

import argparse
import json
import struct

import av
import numpy as np
import pytest

from benchmarks import rooms
from benchmarks.lab import boxes, counted, link, pictures, viewers
from benchmarks.lab.figures import Plan, Report
from benchmarks.lab.interconnection import (
    View,
    edge_config,
    edge_seed,
    room_config,
    room_seed,
)
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
    )
    assert set(keys.split()) <= told.keys()
    assert {"delay_s_p95", "back_s_after_cut"} <= told["lte"].keys()
    assert told["uplink_ratio"] is None
    assert told["skipped"] == ["everything: no root"]
    assert "not measured" in capsys.readouterr().out
