# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Packets are cut once, numbered, and put on a timeline without leaps."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.time import Moment
from gateway.relay.video.packets import MOST_SEGMENTS, Packetizer
from tests.fakes import unit

KEY = (b"\x67sps", b"\x68pps", b"\x65" + bytes(100_000))


def at(pts_90k, received_s, key=False):
    moment = Moment(received_s, round(received_s * 1e6))
    return replace(unit(0, key), pts_90k=pts_90k, captured=moment, received=moment)


def test_runs_fit_one_call():
    """No run has more packets than one call takes, and all but its last are equally long."""
    packetized = Packetizer().packetize(replace(unit(0, True), nals=KEY))
    assert packetized.count == sum(map(len, packetized.runs)) > MOST_SEGMENTS
    assert packetized.is_key
    for run in packetized.runs:
        assert len(run) <= MOST_SEGMENTS
        assert len({len(one) for one in run[:-1]}) <= 1
        assert len(run[-1]) <= len(run[0])


def test_payload_by_number():
    """Every packet is found by its number, and none beyond the last."""
    packetized = Packetizer().packetize(replace(unit(0, True), nals=KEY))
    flat = [one for run in packetized.runs for one in run]
    assert [packetized.payload(number) for number in range(packetized.count)] == flat
    with pytest.raises(IndexError):
        packetized.payload(packetized.count)


def test_canonical_index_counts_packets():
    """A unit's index is the number of packets before it."""
    packetizer = Packetizer()
    units = [packetizer.packetize(replace(unit(n, True), nals=KEY)) for n in range(3)]
    assert [one.index for one in units] == [0, units[0].count, 2 * units[0].count]


def test_nothing_to_send():
    """A unit of delimiters alone is no packet."""
    assert Packetizer().packetize(replace(unit(0), nals=(b"\x09\xf0",))) is None


@pytest.mark.parametrize(
    ("pts", "step"),
    [(3600, 3600), (3600 - 7200, 3600 - 7200), (-900_000, 9000), (90_000_000, 9000)],
    ids=["regular", "reordered", "clock-back", "clock-ahead"],
)
def test_camera_clock_that_starts_anew(pts, step):
    """A new origin of the camera's clock becomes the time that passed; small steps are kept."""
    packetizer = Packetizer()
    first = packetizer.packetize(at(0, 10.0))
    second = packetizer.packetize(at(pts, 10.1))
    assert second.time_90k - first.time_90k == step


def test_stalled_line_keeps_the_cameras_time():
    """Units that arrive late and together keep the camera's distances."""
    packetizer = Packetizer()
    times = [packetizer.packetize(at(3600 * n, 10.0 if n < 2 else 14.0)).time_90k for n in range(6)]
    assert times == [3600 * n for n in range(6)]


@given(st.lists(st.tuples(st.integers(-(1 << 40), 1 << 40), st.floats(0, 60)), max_size=30))
def test_timeline_never_leaps(arrivals):
    """Whatever the camera's clock does, time goes back at most 1 s and ahead as it passes."""
    packetizer, received_s, last = Packetizer(), 0.0, None
    for pts, waited_s in arrivals:
        received_s += waited_s
        now = packetizer.packetize(at(pts, received_s)).time_90k
        if last is not None:
            assert -90_000 <= now - last <= 90_000 * (waited_s + 2) + 2
        last = now
