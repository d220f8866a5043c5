# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How long pictures stay in a relay, from packets that somebody else wrote down."""

import struct

import pytest

from benchmarks.lab.relay_tap import Inlet, Out, Tap, delays

STEP = 3600


def interleaved(stamp, *, marker=True, channel=0, size=20):
    head = bytes((0x80, 96 | (0x80 if marker else 0), 0, 1)) + struct.pack("!II", stamp, 5)
    body = head + bytes(size)
    return b"$" + bytes((channel,)) + len(body).to_bytes(2, "big") + body


def test_a_picture_has_come_when_its_last_packet_has():
    """Cut anywhere into segments, with a segment seen twice and what is no media between."""
    stream = (
        b"RTSP/1.0 200 OK\r\n\r\n" + interleaved(7, marker=False) + interleaved(7)
        + interleaved(8, channel=1) + interleaved(3607)
    )  # fmt: skip
    inlet, first = Inlet(), 4_294_967_290
    cuts = [0, 30, 70, 95, len(stream)]
    for index in range(len(cuts) - 1):
        part = stream[cuts[index] : cuts[index + 1]]
        for _ in range(2):
            inlet.segment((first + cuts[index]) % (1 << 32), part, float(index))
    assert inlet.ended == {7: 2.0, 3607: 3.0}


def trains(port, offset, delay_s, count=10, ssrc=9):
    return [
        Out(n / 25 + delay_s, port, ssrc, (n * STEP + offset) % (1 << 32)) for n in range(count)
    ]


def test_delays_are_of_the_same_picture_also_beyond_the_next_one():
    """A viewer's own origin of time is found; its repeats are in another stream and left out."""
    came = {n * STEP: n / 25 for n in range(10)}
    late = trains(1, 500, 0.002)
    late[4] = Out(late[4].at_s + 0.070, 1, 9, late[4].timestamp)
    repeats = [Out(0.9, 1, 77, 500)]
    every, last = delays(came, [*late, *repeats, *trains(2, (1 << 32) - 100, 0.003)])
    assert len(every) == 20
    assert max(every) == pytest.approx(0.072)
    assert sorted(every)[-2] == pytest.approx(0.003)
    assert sorted(last)[-2:] == [pytest.approx(0.003), pytest.approx(0.072)]
    assert delays({}, trains(1, 0, 0.1)) == ([], [])


def test_packets_are_read_as_the_kernel_shows_them():
    """TCP whole, of UDP the head: a train's first datagram; RTCP is none."""
    tap = Tap()
    for number in range(3):
        data = interleaved(number * STEP)
        tcp = struct.pack("!HHIIBBHHH", 554, 40_000, number * len(data), 0, 0x50, 0, 0, 0, 0)
        tap.hear(bytes((0x45,)) + bytes(8) + bytes((6,)) + bytes(10) + tcp + data, number / 25)
        for second in (99, 200):
            head = bytes((0x80, second, 0, 1)) + struct.pack("!II", number * STEP + 5, 9)
            udp = struct.pack("!HHHH", 8189, 50_000, 1200, 0) + head
            tap.hear(bytes((0x45,)) + bytes(8) + bytes((17,)) + bytes(10) + udp, number / 25 + 0.01)
    every, last = tap.delays()
    assert every == last == [pytest.approx(0.01)] * 3
