# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.reorder."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.wire import rtp
from gateway.wire.reorder import MOST_MISORDER, Reception, ReorderWindow


def packet(sequence, timestamp=0, ssrc=7):
    return rtp.HEADER.pack(0x80, 96, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + b"x"


def number(data):
    return data[2] << 8 | data[3]


def passed(window, numbers, now_s=0.0):
    return [number(one) for n in numbers for one in window.receive(packet(n), now_s)]


def test_what_is_in_order_passes_at_once():
    """Nothing is held, nothing is counted, across the wrap of the numbers."""
    window = ReorderWindow()
    assert passed(window, range(65_530, 65_545)) == [n & 0xFFFF for n in range(65_530, 65_545)]
    assert (window.reordered, window.lost, window.dropped) == (0, 0, 0)
    assert window.deadline() is None


def test_what_comes_late_but_in_time_is_put_right():
    """Two swapped packets, and one that three overtook."""
    window = ReorderWindow()
    assert passed(window, [1, 3, 2, 4, 6, 7, 8, 5, 9]) == list(range(1, 10))
    assert (window.reordered, window.lost) == (2, 0)


def test_a_gap_is_a_loss_after_its_time():
    """What waits behind it goes on, at the deadline and not before."""
    window = ReorderWindow(most_s=0.06)
    assert passed(window, [1, 4, 5]) == [1]
    assert window.deadline() == 0.06
    assert window.expire(0.05) == []
    assert [number(one) for one in window.expire(0.06)] == [4, 5]
    assert (window.lost, window.deadline()) == (2, None)


def test_a_gap_is_a_loss_after_so_many_packets():
    """The window never holds more than its bound."""
    window = ReorderWindow(most_packets=4)
    assert passed(window, [1, 3, 4, 5, 6]) == [1]
    assert passed(window, [7]) == [3, 4, 5, 6, 7]
    assert window.lost == 1


def test_doubles_and_latecomers_are_dropped():
    """Twice the same, once while it is held, and one whose loss was declared."""
    window = ReorderWindow()
    assert passed(window, [1, 1, 3, 3]) == [1]
    window.expire(1.0)
    assert passed(window, [2, 4], 1.0) == [4]
    assert window.dropped == 3


def test_a_new_source_begins_anew():
    """Another SSRC and a jump of the numbers give out what was held and start over."""
    window = ReorderWindow()
    assert passed(window, [1, 3]) == [1]
    assert [number(one) for one in window.receive(packet(500, ssrc=8), 0.0)] == [3, 500]
    assert [number(one) for one in window.receive(packet(501, ssrc=8), 0.0)] == [501]
    assert [number(one) for one in window.receive(packet(30_000, ssrc=8), 0.0)] == [30_000]


def test_what_is_no_packet_is_left_to_the_reader():
    """A short datagram passes as it is."""
    assert ReorderWindow().receive(b"\x80", 0.0) == [b"\x80"]


@given(
    st.lists(
        st.tuples(
            st.one_of(st.integers(0, 40), st.integers(0, 65_535)),
            st.integers(0, 1),
            st.floats(0, 0.05),
        ),
        max_size=60,
    )
)
def test_any_order_is_given_out_in_order_within_bounds(arrivals):
    """Numbers only grow within a source until it restarts; never more is held than allowed."""
    window, now_s, last = ReorderWindow(8, 0.06), 0.0, None
    for sequence, ssrc, passed_s in arrivals:
        now_s += passed_s
        for one in [*window.expire(now_s), *window.receive(packet(sequence, ssrc=ssrc), now_s)]:
            source, current = one[8:12], number(one)
            if last and last[0] == source:
                assert 0 < (current - last[1] & 0xFFFF) < (1 << 16) - MOST_MISORDER
            last = (source, current)
        assert len(window._held) <= 8


def test_a_report_tells_losses_since_the_last_one_and_in_all():
    """One of four packets is missing, then none (RFC 3550 A.3)."""
    reception = Reception()
    for sequence in (10, 11, 13):
        reception.receive(packet(sequence), 0.0)
    first = reception.report(0.0)
    assert (first.lost, first.fraction_lost, first.highest_sequence) == (1, 64, 13)
    for sequence in (14, 15):
        reception.receive(packet(sequence), 0.0)
    second = reception.report(0.0)
    assert (second.lost, second.fraction_lost, second.highest_sequence) == (1, 0, 15)


def test_the_numbers_wrap_in_a_report():
    """Cycles stand in the upper half."""
    reception = Reception()
    for sequence in range(65_530, 65_540):
        reception.receive(packet(sequence), 0.0)
    report = reception.report(0.0)
    assert report.highest_sequence == 1 << 16 | 3
    assert report.lost == 0


def test_jitter_is_that_of_the_standard():
    """Packets that come 10 ms too late each other time: 900 ticks, smoothed by 16 (A.8)."""
    reception = Reception()
    reception.receive(packet(0, 0), 0.0)
    reception.receive(packet(1, 3600), 0.05)
    assert reception.report(0.0).jitter == round(900 / 16)


def test_a_report_tells_when_the_last_sender_report_came():
    """Middle bits of its NTP time, and the delay in 1/65536 s."""
    reception = Reception()
    assert reception.report(0.0) is None
    reception.receive(packet(0), 0.0)
    reception.sender_report(0x1122334455667788, 1.0)
    report = reception.report(1.5)
    assert (report.last_sr, report.delay_since_sr) == (0x33445566, 32_768)


def test_a_new_source_is_reported_from_its_beginning():
    """What the old one lost is not the new one's."""
    reception = Reception()
    for sequence in (1, 9):
        reception.receive(packet(sequence), 0.0)
    reception.receive(packet(500, ssrc=8), 0.0)
    report = reception.report(0.0)
    assert (report.ssrc, report.lost) == (8, 0)
