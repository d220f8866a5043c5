# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which stream a look carries: wishes, lines, walls, codecs; the media process stands in."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from gateway.assembly.tuning import Tuning
from gateway.model.access import Purpose
from gateway.model.errors import PeerError, WireError
from gateway.model.media import Codec, StreamKind, StreamState, StreamStatus, StreamWish
from gateway.runtime.fanout import Fanout, Reader
from tests.fakes import FakeClock, unit
from tests.unit.assembly.parts import FakeMedia, RawExits
from tests.whep_parts import grant

H264 = frozenset({Codec.H264})


class Post:
    """A camera with two streams."""

    def __init__(self):
        self.fanouts = {kind: Fanout() for kind in StreamKind}
        for fanout in self.fanouts.values():
            fanout.join(Reader("somebody"))

    def rendition(self, kind):
        return kind if kind in self.fanouts else StreamKind.MAIN

    def fanout(self, kind):
        return self.fanouts[self.rendition(kind)]

    def status(self, kind=None):
        return StreamStatus(StreamState.LIVE)


class Room:
    def __init__(self):
        self.clock = FakeClock()
        self.media = FakeMedia(self.clock)
        self.post = Post()
        self.tuning = Tuning(self.media, RawExits({"piazza": self.post}.get), self.clock)

    def look(self, wish=StreamWish.AUTO, wall="", purpose=Purpose.SERVICE, small=False):
        """Begin a look; return its name."""
        made = grant()
        made = replace(made, request=replace(made.request, purpose=purpose))
        tuned = self.tuning.begin(made, wish, frozenset(self.media.codecs), small=small)
        name = f"look{len(self.media.running)}"
        mid = str(len(self.media.running))
        self.media.begin(name, made, self.tuning.source(made, tuned.pick), wall, mid)
        self.tuning.began(name, tuned)
        return name

    def sent(self, name):
        return self.media.running[name].source.name

    def pass_by(self, name, seconds, **figures):
        """Let seconds pass in which a line is so."""
        for _ in range(seconds):
            self.clock.advance(1.0)
            self.media.report(name, **figures)
            self.tuning.tick()


def test_a_thin_line_gets_the_small_stream_and_the_large_one_back():
    """The same look, switched; a pinned one is not touched."""
    room = Room()
    thin, pinned = room.look(), room.look(StreamWish.MAIN)
    assert room.sent(thin) == "piazza"
    room.media.report(pinned, fraction_lost=0.3)
    room.pass_by(thin, 6, fraction_lost=0.3)
    assert (room.sent(thin), room.sent(pinned)) == ("piazza/sub", "piazza")
    room.pass_by(thin, 15, fraction_lost=0.0)
    assert room.sent(thin) == "piazza"


def test_a_wish_is_followed_at_once_and_auto_begins_to_choose_again():
    """Going back to auto forgets the pin."""
    room = Room()
    name = room.look()
    room.tuning.wish(name, StreamWish.SUB)
    assert room.sent(name) == "piazza/sub"
    room.tuning.wish(name, StreamWish.MAIN)
    assert room.sent(name) == "piazza"
    room.tuning.wish("nobody", StreamWish.SUB)
    assert room.tuning.of("nobody") is None


def test_several_on_a_wall_are_small_but_not_what_an_alarm_asked_for():
    """Alone on the wall the picture is large; a pin stands against it (B-11)."""
    room = Room()
    first = room.look(wall="w")
    assert room.sent(first) == "piazza"
    second = room.look(wall="w", small=True)
    alarm = room.look(wall="w", purpose=Purpose.ALARM, small=True)
    pinned = room.look(StreamWish.MAIN, wall="w", small=True)
    room.tuning.tick()
    assert [room.sent(one) for one in (first, second, alarm, pinned)] == [
        "piazza/sub", "piazza/sub", "piazza", "piazza",
    ]  # fmt: skip
    for one in (second, alarm, pinned):
        room.media.close(one, "left")
    room.pass_by(first, 12)
    assert room.sent(first) == "piazza"


def test_a_recipient_over_its_bandwidth_has_small_pictures():
    """Those that are pinned as well, which say so until their viewer asks again."""
    room = Room()
    name, pinned, small = room.look(), room.look(StreamWish.MAIN), room.look(StreamWish.SUB)
    room.tuning.tick(lambda _: True)
    assert [room.sent(one) for one in (name, pinned, small)] == ["piazza/sub"] * 3
    assert [room.tuning.flags(one) for one in (name, pinned, small)] == [(), ("limited",), ()]
    room.pass_by(pinned, 15)  # below the limit again
    assert (room.sent(name), room.sent(pinned)) == ("piazza", "piazza/sub")
    assert room.tuning.of(pinned).wish is StreamWish.MAIN
    room.tuning.wish(pinned, StreamWish.MAIN)
    assert (room.sent(pinned), room.tuning.flags(pinned)) == ("piazza", ())


def test_a_wish_is_of_one_look_and_knows_of_the_limit():
    """However often somebody asks, the others are neither asked about nor made large again."""
    room = Room()
    name, other = room.look(), room.look()
    room.tuning.tick(lambda _: True)
    chosen, choose = [], room.tuning.exits.choose
    room.tuning.exits.choose = lambda *args: chosen.append(args) or choose(*args)
    room.tuning.wish(name, StreamWish.MAIN)
    assert len(chosen) == 1
    assert [room.sent(one) for one in (name, other)] == ["piazza/sub"] * 2
    assert room.tuning.flags(name) == ("limited",)


def test_a_pinned_look_at_a_camera_without_a_small_stream_is_not_said_to_be_small():
    """There is nothing to step down to."""
    room = Room()
    del room.post.fanouts[StreamKind.SUB]
    name = room.look(StreamWish.MAIN)
    room.tuning.tick(lambda _: True)
    assert (room.sent(name), room.tuning.flags(name)) == ("piazza", ())


def test_a_camera_that_changes_its_codec_is_followed():
    """The stream's name is the same, its codec is not; what nobody takes is coded anew."""
    room = Room()
    room.media.codecs = (Codec.H264, Codec.H265)
    name, main = room.look(StreamWish.MAIN), room.post.fanouts[StreamKind.MAIN]
    main.publish(replace(unit(0, key=True), codec=Codec.H265))
    room.tuning.tick()
    assert (room.sent(name), room.media.running[name].source.codec) == ("piazza", Codec.H265)
    room.media.codecs = (Codec.H264,)
    plain = room.look(StreamWish.MAIN)
    assert room.sent(plain) == "piazza/sub"
    assert room.tuning.flags(plain) == ("smaller",)


def test_what_cannot_be_had_changes_nothing(caplog):
    """A switch that is refused is told, and tried again."""
    room = Room()
    name = room.look()
    switch = room.media.switch

    def refuse(*_):
        raise PeerError("no place is left")

    room.media.switch = refuse
    room.tuning.wish(name, StreamWish.SUB)
    assert room.sent(name) == "piazza"
    assert "not-switched" in caplog.text
    room.media.switch = switch
    room.tuning.tick()
    assert room.sent(name) == "piazza/sub"


def test_a_peer_that_takes_nothing_of_it_is_told():
    """Before anything was opened."""
    room = Room()
    room.post.fanouts[StreamKind.MAIN].publish(replace(unit(0, key=True), codec=Codec.H265))
    with pytest.raises(WireError, match="does not take"):
        room.tuning.begin(grant(), StreamWish.MAIN, frozenset(), small=False)


def large_gop():
    """Return more than a thin line takes in a moment."""
    return [replace(unit(n, key=n == 0), nals=(b"\x65" + bytes(40_000),)) for n in range(4)]


def test_who_begins_is_given_the_small_stream_if_it_is_here_before_he_is():
    """It is fetched meanwhile; the large one comes once the line was clean for a while (ADR 38)."""
    room = Room()
    for one in large_gop():
        room.post.fanouts[StreamKind.MAIN].publish(one)
    name, small = room.look(), room.post.fanouts[StreamKind.SUB]
    room.media.report(name, connected=False)
    assert room.sent(name) == "piazza"
    assert f"first:{name}" in small.readers()
    small.publish(unit(5, key=False))
    assert room.sent(name) == "piazza"
    small.publish(unit(6, key=True))
    assert room.sent(name) == "piazza/sub"
    room.tuning.tick()
    assert room.sent(name) == "piazza/sub"
    room.pass_by(name, 12, fraction_lost=0.0)
    assert room.sent(name) == "piazza"
    assert small.readers() == {"somebody"}


def test_a_small_stream_that_is_late_takes_no_large_picture_away():
    """Neither from who is there already, nor from who has pinned it meanwhile, nor for long."""
    room = Room()
    for one in large_gop():
        room.post.fanouts[StreamKind.MAIN].publish(one)
    there, pinned = room.look(), room.look()
    room.media.report(pinned, connected=False)
    room.tuning.wish(pinned, StreamWish.MAIN)
    room.post.fanouts[StreamKind.SUB].publish(unit(6, key=True))
    assert [room.sent(one) for one in (there, pinned)] == ["piazza", "piazza"]
    room.post.fanouts[StreamKind.SUB].forget()
    room.pass_by(there, 1)
    late = room.look()
    room.media.report(late, connected=False)
    room.pass_by(there, 2)
    assert room.post.fanouts[StreamKind.SUB].readers() == {"somebody"}
    room.post.fanouts[StreamKind.SUB].publish(unit(7, key=True))
    assert room.sent(late) == "piazza"


def test_a_small_stream_is_not_fetched_for_what_goes_out_at_once():
    """Nor where nothing large is kept, for one who has pinned it, nor on a wall."""
    room = Room()
    room.look()
    for one in large_gop():
        room.post.fanouts[StreamKind.MAIN].publish(one)
    room.look(StreamWish.MAIN)
    room.look(wall="w")
    assert room.post.fanouts[StreamKind.SUB].readers() == {"somebody"}


def test_what_is_kept_ends_with_the_looks():
    """No state of a look that is gone."""
    room = Room()
    name = room.look()
    room.media.running = SimpleNamespace(values=list, items=list)
    room.tuning.began("other", room.tuning.of(name))
    assert room.tuning.of(name) is None
