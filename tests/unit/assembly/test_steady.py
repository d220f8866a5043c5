# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.assembly.steady: no figure tells the shop of a hold-up."""

from dataclasses import replace
from types import SimpleNamespace

from gateway.assembly.figures import gauged
from gateway.assembly.steady import (
    COARSE_S,
    COUNTERS,
    Looks,
    Steady,
    SteadyCameras,
    SteadyLines,
    SteadyLive,
    SteadyViewers,
)
from gateway.assembly.streams import IDLE_AFTER_S, joined
from gateway.console.services import LineReport, LineSide
from gateway.model.media import StreamKind, StreamState, StreamStatus
from gateway.model.room import LineState, LineStatus
from gateway.ops.health import LiveSnapshot
from gateway.relay.video.link import SlotState
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


def looks(*names, cameras=(), strangers=0, **figures):
    own = {name: SlotState(1, "uno", True, **figures) for name in names}
    return Looks(own, frozenset(cameras), strangers, len(names))


def test_ones_own_looks_are_counted_while_strangers_stand_still():
    """To look and to find oneself uncounted would tell of a hold-up."""
    now, clock = SimpleNamespace(looks=looks(strangers=1), hides=0), FakeClock()
    viewers = SteadyViewers(lambda: now.looks, lambda: now.hides, clock)
    assert viewers() == 1
    now.hides, now.looks = 1, looks("a", "b", strangers=4)
    assert viewers() == 3
    now.looks = looks(strangers=4)
    assert viewers() == 1
    now.hides = 0
    assert viewers() == 4


def test_what_ones_own_looks_get_adds_to_what_was():
    """Of what strangers get nothing shows, and of one's own everything that was read."""
    now = SimpleNamespace(looks=looks("a", bytes=10), hides=0, live=LiveSnapshot(1, 50, 5, 5))
    live = SteadyLive(lambda: now.live, lambda: now.looks, lambda: now.hides)
    assert live() == gauged(now.live, [SlotState(1, "uno", True)])
    now.hides, now.live = 1, LiveSnapshot(7, 9000, 900, 900, lossy=3)
    assert live() == LiveSnapshot(1, 50, 5, 5)
    now.looks = looks("a", "b", bytes=30, delay_s=0.2)
    assert live() == LiveSnapshot(2, 50 + 20 + 30, 5, 5, delay_s=0.2)
    assert live() == LiveSnapshot(2, 100, 5, 5, delay_s=0.2)
    now.looks = looks(strangers=2)
    assert live() == LiveSnapshot(0, 100, 5, 5)
    now.hides = 0
    assert live() == now.live


def test_where_strangers_looked_before_what_they_reported_stands_still():
    """A median over one's own alone would be another."""
    now = SimpleNamespace(looks=looks(strangers=1), hides=0, live=LiveSnapshot(0, 5, lossy=1))
    live = SteadyLive(lambda: now.live, lambda: now.looks, lambda: now.hides)
    live()
    now.hides, now.looks = 1, looks("a", strangers=2, delay_s=0.2)
    assert live() == LiveSnapshot(1, 5, lossy=1)


class Camera:
    """A post whose streams a test moves; `lasting` are pulled whoever looks."""

    def __init__(self, *lasting):
        self.lasting = lasting
        self.streams = {kind: StreamStatus(StreamState.IDLE) for kind in StreamKind}

    def status(self, kind=None, shown=lambda _, status: status):
        return joined(*(shown(one, self.streams[one]) for one in (StreamKind.MAIN, SUB)))

    def stays(self, kind):
        return kind in self.lasting

    def move(self, kind, state, **facts):
        before = self.streams[kind]
        more = {one: getattr(before, one) + 1 for one in COUNTERS}
        self.streams[kind] = replace(before, state=state, **(more | facts))


SUB = StreamKind.SUB
MAIN = StreamKind.MAIN
LIVE = StreamState.LIVE
IDLE = StreamState.IDLE


class Street:
    """Cameras, who opens and who looks at them."""

    def __init__(self, **cameras):
        self.clock, self.posts, self.opened, self.own = FakeClock(), cameras, (), ()
        self.told = SteadyCameras(
            self.posts.items, lambda: self.opened, lambda: looks(cameras=self.own), self.clock
        )
        self.told()

    def one(self):
        return self.told.status("uno")


def test_a_camera_that_a_stranger_alone_has_pulled_stays_idle():
    """No state, no time and no counter moves, whatever becomes of the stranger's look."""
    street = Street(uno=Camera(), due=Camera())
    before = street.one()
    street.opened = ("uno",)
    for state in (StreamState.CONNECTING, LIVE, StreamState.UNREACHABLE, IDLE):
        street.clock.advance(60)
        for camera in street.posts.values():
            camera.move(MAIN, state, problem="gone", since=street.clock.now(), fps=25.0)
        assert street.one() == before
        assert street.told.streams("uno") == 0
        assert street.told.status("due") == street.posts["due"].status()
    street.opened = ()
    assert street.one() == street.posts["uno"].status()


def test_a_stream_that_is_kept_is_told_as_it_is_and_the_other_one_is_not():
    """What the ring loses the owner reads; what a room's wall adds nobody on site."""
    camera = Camera(MAIN)
    camera.move(MAIN, LIVE)
    street = Street(uno=camera)
    street.opened = ("uno",)
    camera.move(MAIN, LIVE, fps=25.0)
    camera.move(SUB, LIVE)
    assert street.one() == camera.streams[MAIN]
    assert street.told.streams("uno") == 1
    camera.move(MAIN, IDLE)
    assert street.one().state is IDLE
    camera.move(MAIN, StreamState.UNREACHABLE, problem="no route")
    assert (street.one().state, street.one().problem) == (StreamState.UNREACHABLE, "no route")


def test_who_looked_before_goes_on_being_seen_until_he_leaves():
    """A card that went idle at the press would tell as well; afterwards nobody new is seen."""
    camera = Camera()
    camera.move(SUB, LIVE)
    street = Street(uno=camera)
    street.opened = ("uno",)
    street.clock.advance(60)
    camera.move(SUB, LIVE)
    assert street.one() == camera.status()
    camera.move(SUB, IDLE)
    left = street.one()
    assert left.state is IDLE
    street.clock.advance(60)
    camera.move(SUB, LIVE)
    assert street.one() == left


def test_ones_own_look_is_seen_from_its_beginning_to_its_end():
    """As if the stranger, who was there before and stays, were not."""
    camera = Camera()
    street = Street(uno=camera)
    street.opened = ("uno",)
    camera.move(MAIN, LIVE, since=street.clock.now(), units=500)
    assert street.one().state is IDLE
    street.clock.advance(100)
    street.own = ("uno",)
    told = street.one()
    assert (told.state, told.since, told.units) == (LIVE, street.clock.now(), 0)
    camera.move(MAIN, LIVE, units=700)
    assert street.one().units == 200
    street.own = ()
    street.clock.advance(IDLE_AFTER_S - 1)
    assert street.one().state is LIVE
    street.clock.advance(1)
    assert (street.one().state, street.one().units) == (IDLE, 200)
    camera.move(MAIN, LIVE, units=900)
    assert street.one().units == 200


def test_cameras_that_left_are_forgotten():
    """One of the same name begins anew."""
    street = Street(uno=Camera())
    street.posts["uno"].move(MAIN, LIVE)
    street.one()
    del street.posts["uno"]
    assert street.told() == ()
    assert street.one() is None
    street.posts["uno"], street.opened = Camera(), ("uno",)
    street.posts["uno"].move(MAIN, LIVE)
    assert (street.one().state, street.one().units) == (IDLE, 0)
