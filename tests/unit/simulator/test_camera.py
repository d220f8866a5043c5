# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.camera, on a clock that jumps instead of waiting."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import ConfigError, InvariantError
from gateway.model.media import AccessUnit
from gateway.model.time import ClockQuality, Moment
from gateway.runtime.fanout import Reader
from gateway.simulator.camera import LOOP, VirtualCamera
from gateway.simulator.clips import Clip
from gateway.simulator.truth import Truth
from tests.fakes import FakeClock

FPS = 5
NEVER = Moment(0.0, 0)


def coded(name, seconds, sets):
    units = []
    for k in range(seconds * FPS):
        nals = (*(sets if k % FPS == 0 else ()), f"{name}-{k}".encode())
        units.append(AccessUnit(k, k % FPS == 0, nals, NEVER, NEVER))
    return tuple(units)


def clip(name, seconds, sub=False):
    units = coded(name, seconds, (b"\x67sps", b"\x68pps"))
    small = coded(f"{name}-small", seconds, (b"\x67s", b"\x68p")) if sub else ()
    return Clip(FPS, units, Truth(((),) * len(units)), small)


class EnoughError(Exception):
    """Ends a run from inside."""


class Tap(Reader):
    """Takes units at once, does things at given counts, and stops after some."""

    def __init__(self, most, todo):
        super().__init__("tap")
        self.units, self.most, self.todo = [], most, todo

    def offer(self, unit):
        self.units.append(unit)
        for action in self.todo.get(len(self.units), ()):
            action()
        if len(self.units) == self.most:
            raise EnoughError


async def play(count, todo=None, clock=None, camera=None):
    """Return the units that a camera publishes, with actions done after so many of them."""
    clock = clock or FakeClock(quality=ClockQuality.EXERCISE)
    camera = camera or VirtualCamera("prova", {LOOP: clip("q", 3), "scene": clip("s", 2)}, clock)
    tap = Tap(count, {at: [lambda f=f: f(camera, clock)] for at, f in (todo or {}).items()})
    camera.fanout.join(tap)
    with pytest.raises(EnoughError):
        await camera.run()
    return tap.units


def names(units):
    return [unit.nals[-1].decode() for unit in units]


async def test_the_loop_goes_on_for_ever_at_the_clocks_pace():
    """Pictures come every fifth of a second, pts grow over the loop's end by the same step."""
    clock = FakeClock(quality=ClockQuality.EXERCISE)
    began_s = clock.monotonic_s()
    units = await play(40, clock=clock)
    assert names(units)[:16] == [f"q-{k % 15}" for k in range(16)]
    assert [unit.pts_90k for unit in units] == [18000 * k for k in range(40)]
    for number, unit in enumerate(units):
        assert unit.captured.monotonic_s == pytest.approx(began_s + number / FPS)
        assert unit.captured.quality is ClockQuality.EXERCISE
        assert unit.captured.utc_us == pytest.approx(
            units[0].captured.utc_us + number * 200_000, abs=5
        )


@given(st.integers(1, 40))
async def test_a_scene_begins_within_a_second_at_a_key_unit(at):
    """Whenever it is triggered, at most a second passes; it plays whole, then the loop again."""
    units = await play(at + 25, {at: lambda camera, _: camera.trigger("scene")})
    shown = names(units)
    start = shown.index("s-0")
    assert start - at <= FPS
    assert units[start].is_key
    assert shown[start : start + 11] == [*(f"s-{k}" for k in range(10)), "q-0"]
    assert [unit.pts_90k for unit in units] == [18000 * k for k in range(len(units))]


async def test_a_trigger_during_its_own_scene_does_nothing():
    """Two clicks play the scene once; a click afterwards plays it again."""
    again = {3: lambda c, _: c.trigger("scene"), 4: lambda c, _: c.trigger("scene"),
             8: lambda c, _: c.trigger("scene"), 19: lambda c, _: c.trigger("scene")}  # fmt: skip
    shown = names(await play(40, again))
    assert [k for k, name in enumerate(shown) if name == "s-0"] == [5, 20]


def test_an_unknown_scene_is_refused_by_name():
    """The error names the camera and what it can play."""
    camera = VirtualCamera("prova", {LOOP: clip("q", 1)}, FakeClock())
    with pytest.raises(ConfigError, match=r"prova.*fuoco.*loop"):
        camera.trigger("fuoco")


async def test_after_a_long_sleep_of_the_machine_it_goes_on_at_a_key_unit():
    """No burst of late pictures: pts jump with the clock, and what follows can be decoded."""
    clock = FakeClock()
    units = await play(20, {7: lambda _, c: c.advance(10.0)}, clock=clock)
    gap = units[7].pts_90k - units[6].pts_90k
    assert gap == pytest.approx(10 * 90_000, abs=18_000)
    assert units[7].is_key
    steps = {other.pts_90k - one.pts_90k for one, other in pairwise(units[7:])}
    assert steps == {18_000}


async def test_a_short_hiccup_is_made_good():
    """Late by less than a second, no picture is lost and the pace is found again."""
    clock = FakeClock()
    units = await play(20, {7: lambda _, c: c.advance(0.7)}, clock=clock)
    assert names(units) == [f"q-{k % 15}" for k in range(20)]
    assert units[19].received.monotonic_s == pytest.approx(1000 + 19 / FPS)
    late = units[8]
    assert late.captured.monotonic_s == pytest.approx(1000 + 8 / FPS)
    assert late.received.monotonic_s > late.captured.monotonic_s


def test_parameter_sets_are_those_of_the_first_unit():
    """SPS and PPS for the SDP, of each rendition that there is."""
    camera = VirtualCamera("prova", {LOOP: clip("q", 1)}, FakeClock())
    assert camera.parameter_sets == (b"\x67sps", b"\x68pps")
    assert camera.sub_parameter_sets == ()
    camera = VirtualCamera("prova", {LOOP: clip("q", 1, sub=True)}, FakeClock())
    assert camera.sub_parameter_sets == (b"\x67s", b"\x68p")


async def test_the_small_rendition_shows_the_same_picture_at_the_same_time():
    """Through loop, scene and loop again, number and times of both renditions agree."""
    clock = FakeClock()
    clips = {LOOP: clip("q", 1, sub=True), "scene": clip("s", 1, sub=True)}
    camera = VirtualCamera("prova", clips, clock)
    small = Tap(100, {})
    camera.sub.join(small)
    units = await play(17, {7: lambda c, _: c.trigger("scene")}, clock=clock, camera=camera)
    assert [name.replace("-small", "") for name in names(small.units)] == names(units)[:16]
    assert names(units)[9:16] == ["q-4", *(f"s-{k}" for k in range(5)), "q-0"]
    for one, other in zip(units, small.units, strict=False):
        assert (one.pts_90k, one.captured, one.is_key) == (
            other.pts_90k, other.captured, other.is_key,
        )  # fmt: skip


async def test_films_are_shown_once_in_order_and_the_loop_begins_anew():
    """At once, one after the other, in the main rendition; then from the loop's key unit on."""
    clock = FakeClock(quality=ClockQuality.EXERCISE)
    both = {LOOP: clip("q", 3, sub=True)}
    camera = VirtualCamera("prova", both, clock)
    one, two = coded("one", 1, (b"\x67sps", b"\x68pps")), coded("two", 1, (b"\x67sps", b"\x68pps"))

    def show(camera, _):
        camera.show(one[:2])
        camera.show(two[:2])
        assert camera.waiting == 4

    units = await play(10, {3: show}, clock, camera)
    assert names(units) == [
        "q-0", "q-1", "q-2", "one-0", "one-1", "two-0", "two-1", "q-0", "q-1", "q-2",
    ]  # fmt: skip
    assert all(b.pts_90k - a.pts_90k == 90_000 // FPS for a, b in pairwise(units))
    assert camera.waiting == 0


async def test_a_held_camera_sends_its_key_picture_once_a_second():
    """Films go on as ever; the loop goes on from there."""
    clock = FakeClock(quality=ClockQuality.EXERCISE)
    film = coded("one", 1, (b"\x67sps", b"\x68pps"))[:2]

    def hold(camera, _):
        camera.held = True

    def show(camera, _):
        camera.show(film)

    def let_go(camera, _):
        camera.held = False

    units = await play(8, {2: hold, 3: show, 6: let_go}, clock)
    assert names(units) == ["q-0", "q-1", "q-0", "one-0", "one-1", "q-0", "q-1", "q-2"]
    numbers = [unit.pts_90k * FPS // 90_000 for unit in units]
    assert numbers == [0, 1, 5, 6, 7, 10, 11, 12]


def test_a_film_begins_with_a_key_unit():
    """Anything else would break what players decode."""
    camera = VirtualCamera("prova", {LOOP: clip("q", 3)}, FakeClock())
    for film in ((), coded("one", 1, ())[1:]):
        with pytest.raises(InvariantError, match="key unit"):
            camera.show(film)
