# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A slot from look to look: what it sends, when it changes, what it counts and what it forgets."""

import pytest

from gateway.model.errors import InvariantError
from gateway.model.media import Codec
from gateway.relay.video import link
from gateway.relay.video.hub import Hub
from gateway.relay.video.port import Path
from gateway.relay.video.slots import Slot, Way
from gateway.wire import rtcp
from tests.fakes import FakeClock, unit

TERMS = link.Slot("0", 11, 12, (link.SlotFormat(Codec.H264, 96, None),))


class Protector:
    """Packets as they are: SSRC, number and payload."""

    overhead_bytes = 28
    pieces = 1

    def protect(self, stream, index, timestamp, payloads, **_):
        return [(stream.ssrc, index + at, payload) for at, payload in enumerate(payloads)]


class Port:
    def __init__(self):
        self.sent = []

    def send_train(self, path, buffers, pieces):
        self.sent += buffers
        return True


class Room:
    """One slot, and cameras by the first byte of what their pictures hold."""

    def __init__(self):
        self.clock = FakeClock()
        self.port = Port()
        self.way = Way(Path(("192.0.2.1", 9)), self.port, Protector())
        self.hubs = {}
        self.slot = Slot(TERMS, "c")
        self.count = 0

    def publish(self, name, key=False, size=20):
        self.count += 1
        nal = bytes((0x65 if key else 0x41,)) + name.encode() + bytes(size)
        self.hub(name).publish(unit(self.count, key, nal), self.clock.monotonic_s())

    def hub(self, name):
        return self.hubs.setdefault(name, Hub())

    def play(self, name, look=1):
        self.slot.begin(link.Play("s", "0", look, name, Codec.H264, True), 0.0)
        self.show()

    def show(self):
        hub = self.hub(self.slot.play.stream)
        self.slot.show(hub, self.way, self.clock.monotonic_s())

    def seen(self):
        """Return what was sent since the last call, by camera."""
        sent, self.port.sent = self.port.sent, []
        return "".join(chr(payload[1]) for _, _, payload in sent)

    def ask_again(self, number):
        self.clock.advance(2.0)
        self.slot.viewer.report(None, self.clock.now())  # repeats are allowed anew
        packets = [rtcp.RtcpNack(0, TERMS.ssrc, (number & 0xFFFF,))]
        self.slot.viewer.receive(packets, self.clock.now())


def test_a_switch_waits_for_the_key_unit_and_goes_on_counting():
    """The old stream plays until then; numbers and the look's counters go on."""
    room = Room()
    room.publish("a", key=True)
    room.play("a")
    room.publish("a")
    room.play("b")
    assert room.slot.is_behind()
    room.publish("b")
    room.show()
    room.publish("a")
    assert room.slot.state().stream == "a"
    numbers = [number for _, number, _ in room.port.sent]
    assert room.seen() == "aaa"
    room.publish("b", key=True)
    room.show()
    assert not room.slot.is_behind()
    room.publish("a")
    numbers += [number for _, number, _ in room.port.sent]
    assert room.seen() == "b"
    assert numbers == list(range(numbers[0], numbers[0] + 4))
    state = room.slot.state()
    assert (state.look, state.stream, state.frames) == (1, "b", 4)


def test_a_look_counts_from_its_own_beginning():
    """The next look in the same slot begins at nought, its numbers do not."""
    room = Room()
    room.publish("a", key=True)
    room.play("a")
    last = room.port.sent[-1][1]
    stopped = room.slot.end("left")
    assert (stopped.look, stopped.reason, stopped.frames) == (1, "left", 1)
    assert stopped.bytes > 0
    assert room.slot.end("again") is None
    room.publish("a")
    room.seen()
    room.publish("b", key=True)
    room.play("b", look=2)
    assert (room.slot.state().look, room.slot.state().frames) == (2, 1)
    assert room.port.sent[-1][1] == last + 1


def test_what_a_look_has_shown_ends_with_it():
    """A packet of a look that is over is not sent again, neither in the dark nor under the next."""
    room = Room()
    room.publish("a", key=True)
    room.play("a")
    first = room.port.sent[0][1]
    room.ask_again(first)
    assert room.seen() == "aa"
    room.slot.end("grant-not-valid")
    room.ask_again(first)
    assert room.seen() == ""
    room.publish("b", key=True)
    room.play("b", look=2)
    room.ask_again(first)
    assert room.seen() == "b"


def test_what_was_shown_without_a_mask_is_not_sent_again():
    """A stream that was cut begins at its next key unit, and its past is gone."""
    room = Room()
    room.publish("a", key=True)
    room.play("a")
    first = room.port.sent[0][1]
    room.seen()
    room.hub("a").forget()
    room.ask_again(first)
    assert room.seen() == ""


def test_a_codec_that_the_peer_does_not_take():
    """Nothing begins, whatever the gateway asks."""
    slot = Slot(TERMS, "c")
    assert not slot.begin(link.Play("s", "0", 1, "a", Codec.H265, True), 0.0)
    assert slot.play is None
    with pytest.raises(InvariantError):
        slot.state()


def test_before_the_peer_is_there_a_look_has_sent_nothing():
    """It stands in the state all the same."""
    room = Room()
    room.slot.begin(link.Play("s", "0", 4, "a", Codec.H264, True), 0.0)
    assert room.slot.state() == link.SlotState(4, "", connected=False)
    assert room.slot.end("left") == link.Stopped(4, "left", 0, 0)
