# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.stream."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.stream import RtpStream
from tests.rtp_camera import Camera


class Listener(RtpStream):
    """Notes what it is told."""

    def __init__(self):
        super().__init__(96)
        self.heard = []

    def receive(self, packet):
        self._receive(packet)

    def _accept(self, packet, payload, timestamp, marker):
        self.heard.append((payload, timestamp, marker))

    def _begin(self):
        self.heard.append("begin")

    def _lose(self, problem):
        self.heard.append("lose")
        self.problem = problem

    def _damage(self, problem):
        self.heard.append("damage")
        self.problem = problem


def test_packets_in_order_are_handed_on():
    """Payload, time and marker of each packet, across the wrap of the numbers."""
    camera, listener = Camera(sequence=65_535, timestamp=5), Listener()
    for packet in (camera.packet(b"a"), camera.packet(b"b", marker=True)):
        listener.receive(packet)
    assert listener.heard == ["begin", (b"a", 5, False), (b"b", 5, True)]


def test_losses_are_counted_and_told_before_the_packet_behind():
    """Three missing packets count three; a jump of thousands counts as one restart."""
    camera, listener = Camera(sequence=10), Listener()
    listener.receive(camera.packet(b"a"))
    camera.sequence += 3
    listener.receive(camera.packet(b"b"))
    assert listener.lost_packets == 3
    assert listener.heard[-2:] == ["lose", (b"b", camera.timestamp, False)]
    assert "3 packets lost before sequence 14, SSRC 00000007" in listener.problem
    camera.sequence += 20_000
    listener.receive(camera.packet(b"c"))
    assert listener.lost_packets == 4


def test_padding_and_extensions_are_left_out():
    """Neither reaches the payload."""
    listener = Listener()
    packet = bytearray(Camera(timestamp=1).packet(b"payload\0\0\3"))
    packet[0] |= 0x20
    listener.receive(bytes(packet))
    assert listener.heard[-1] == (b"payload", 1, False)


def test_a_new_source_begins_anew():
    """Another SSRC is another stream: what was under construction is given up."""
    listener = Listener()
    listener.receive(Camera(ssrc=1).packet(b"a"))
    listener.receive(Camera(ssrc=2).packet(b"b"))
    assert listener.heard[2:4] == ["damage", "begin"]
    assert listener.lost_packets == 0


@given(st.lists(st.binary(max_size=30), max_size=20))
def test_any_bytes_are_taken_or_explained(packets):
    """What is no RTP is a damage with a reason, never an exception."""
    listener = Listener()
    for packet in packets:
        listener.receive(packet)
    assert not listener.heard.count("damage") or listener.problem
