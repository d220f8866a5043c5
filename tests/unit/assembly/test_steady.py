# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.assembly.steady: no figure tells the shop of a hold-up."""

from types import SimpleNamespace

from gateway.assembly.steady import COARSE_S, Steady, SteadyLines
from gateway.console.services import LineReport, LineSide
from gateway.model.room import LineState, LineStatus
from tests.fakes import FakeClock


def test_a_figure_stands_still_while_something_is_hidden():
    """What it was before is told; afterwards it is what it is."""
    now, clock = SimpleNamespace(value=3, hides=0), FakeClock()
    figure = Steady(lambda: now.value, lambda: now.hides, clock)
    now.value = 4
    assert figure() == 4
    now.hides, now.value = 1, 9
    clock.advance(3600)
    assert figure() == 4
    now.hides = 0
    assert figure() == 9


def test_a_coarse_figure_moves_with_its_quarter_of_an_hour():
    """So that standing still for some minutes is nothing new."""
    now, clock = SimpleNamespace(value=3), FakeClock()
    figure = Steady(lambda: now.value, bool, clock, COARSE_S)
    now.value = 4
    clock.advance(COARSE_S - 1)
    assert figure() == 3
    clock.advance(1)
    assert figure() == 4


def test_a_line_tells_of_no_pictures_that_it_carries_for_a_hold_up():
    """Its state, its address and that it lives go on being told."""
    now, clock = SimpleNamespace(hides=0), FakeClock()
    calm = LineStatus("sala", LineState.UP, streams=0, sent_bytes=10, received_bytes=20)
    now.lines = (LineReport("sala", "Sala", LineSide.ROOM, calm, ()),)
    lines = SteadyLines(lambda: now.lines, lambda: now.hides, clock)
    now.hides = 1
    busy = LineStatus(
        "sala", LineState.UP, heard_utc_us=7, streams=2, sent_bytes=10**9, received_bytes=10**6
    )
    new = LineReport("altra", "Altra", LineSide.ROOM, busy, ())
    now.lines = (LineReport("sala", "Sala", LineSide.ROOM, busy, ()), new)
    known, other = (one.status for one in lines())
    assert (known.streams, known.sent_bytes, known.received_bytes) == (0, 10, 20)
    assert known.heard_utc_us == 7
    assert (other.streams, other.sent_bytes) == (0, 0)
    now.hides = 0
    assert [one.status.streams for one in lines()] == [2, 2]
