# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Exits of live pictures: what passes, what is coded anew, and what never comes out."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from gateway.assembly.renditions import EASY, IDLE_AFTER_S, MOST_EVERY, TranscodesBusyError, asked
from gateway.assembly.which_stream import MARKED, Pick, Rendition
from gateway.codec.recode import NEVER, Look
from gateway.model.errors import PeerError
from gateway.model.media import Codec, StreamKind, StreamState, StreamStatus
from gateway.model.registry import Mask
from gateway.runtime.fanout import Fanout, Reader
from tests.fakes import FakeClock
from tests.footage import decoded, scene
from tests.unit.access.town import actor, registry, wish
from tests.unit.assembly.exits import Places, exits_of, until

RIGHT = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
CAMERA = "banco"
MAIN, ANEW = Pick(Rendition.MAIN), Pick(Rendition.H264)


class Post:
    """A camera with two streams."""

    def __init__(self):
        self.streams = {kind: Fanout() for kind in StreamKind}

    def fanout(self, kind):
        return self.streams[kind]

    def rendition(self, kind):
        return kind

    def status(self, kind=None):
        return StreamStatus(StreamState.LIVE, codec=Codec.H265 if kind is StreamKind.MAIN else None)


class House:
    """A camera, its registry, and the exits."""

    def __init__(self, places=1):
        self.registry = replace(registry(), masks={})
        self.clock = FakeClock()
        self.post = Post()
        self.pool = Places(places)
        self.entries = []
        self.cuts = []
        self.exits = exits_of(
            {CAMERA: self.post}.get, lambda: self.registry, self.clock, self.pool, self.write
        )
        self.exits.on_cut = self.cuts.append

    async def write(self, event):
        self.entries.append(event)

    def mask(self, *polygons):
        """Put masks over the camera, in place of those that were."""
        masks = {str(n): Mask(str(n), CAMERA, one, reason="") for n, one in enumerate(polygons)}
        self.registry = replace(self.registry, version=self.registry.version + 1, masks=masks)

    def reader(self, what=MAIN):
        """Return a viewer of a rendition."""
        one = Reader("media:x")
        self.exits.fanout(CAMERA, what).join(one, from_kept=True)
        return one

    def publish(self, units, kind=StreamKind.MAIN):
        for unit in units:
            self.post.streams[kind].publish(unit)

    async def feed(self, units):
        """Publish as a camera does: the child is through with one before the next comes."""
        for one in units:
            calls = self.pool.calls
            self.publish([one])
            await until(lambda calls=calls: self.pool.calls > calls)

    def end(self):
        for one in self.exits._exits.values():
            if one.coding:
                one.coding.end()


@pytest.fixture
async def house():
    one = House()
    yield one
    one.end()


async def drained(reader, count):
    """Return that many units."""
    async with asyncio.timeout(30):
        return [await reader.receive() for _ in range(count)]


async def up_to(reader, last):
    """Return all that comes up to the picture of a unit."""
    came = []
    async with asyncio.timeout(30):
        while not came or came[-1].pts_90k < last.pts_90k:
            came.append(await reader.receive())
    return came


def is_masked(unit_run):
    """Return whether the right half of each picture is black, and the left is not."""
    pictures = [np.asarray(one) for one in decoded(unit_run)]
    assert pictures
    return all(one[:, 160:].max() < 40 < one[:, :150].mean() for one in pictures)


async def test_without_masks_the_cameras_own_bytes_pass_at_once(house):
    """The very same units, without a wait; the camera counts a viewer, and only while there is."""
    units = scene(4, gop=4)
    house.publish(units[:2])
    reader = house.reader()
    house.publish(units[2:])
    assert [reader.receive_nowait() for _ in range(4)] == units
    raw = house.post.streams[StreamKind.MAIN]
    assert raw.readers() == {"exit:banco"}
    house.exits.fanout(CAMERA, MAIN).leave(reader)
    assert not raw.wanted()
    assert house.exits.fanout(CAMERA, MAIN).kept() == ()  # nobody is shown what is old by then
    assert house.pool.calls == 0


async def test_who_comes_back_to_a_stream_at_rest_begins_with_what_is_kept(house):
    """Nobody is there who saw it before; who stays while another comes gets nothing twice."""
    units = scene(8, gop=6)
    house.publish(units[:2])
    first = house.reader()
    house.publish(units[2:4])
    assert await drained(first, 4) == units[:4]
    house.exits.fanout(CAMERA, MAIN).leave(first)
    house.publish(units[4:5])  # the camera is read for other reasons
    assert list(house.exits.at_hand(CAMERA, MAIN)) == units[:5]
    again = house.reader()
    assert await drained(again, 5) == units[:5]
    other = house.reader()
    house.publish(units[5:])
    assert await drained(again, 3) == units[5:]
    assert await drained(other, 8) == units
    assert again.receive_nowait() is None


async def test_who_comes_and_goes_makes_no_b_frames(house):
    """Each begins with older pictures than the one before him saw."""
    house.post.status = lambda kind=None: StreamStatus(StreamState.LIVE, codec=Codec.H264)
    house.publish(scene(6, gop=6))
    for _ in range(6):
        house.exits.fanout(CAMERA, MAIN).leave(house.reader())
    old = frozenset({Codec.H264})
    assert house.exits.choose(CAMERA, StreamKind.MAIN, old).rendition is Rendition.MAIN


async def test_what_is_at_hand_of_a_masked_camera_is_the_masked_picture(house):
    """At rest there is none: what the camera keeps is neither shown nor measured."""
    house.publish(scene(2, gop=2))
    assert len(house.exits.at_hand(CAMERA, MAIN)) == 2
    assert not house.post.streams[StreamKind.MAIN].wanted()
    house.mask(RIGHT)
    house.exits.follow()
    assert list(house.exits.at_hand(CAMERA, MAIN)) == []
    assert not house.pool.taken


async def test_masks_are_burned_into_what_every_reader_gets_once(house):
    """Two viewers of the main stream, one child; who comes later begins at the kept key unit."""
    house.mask(RIGHT)
    units = scene(6, gop=6, visits=range(6), codec=Codec.H265)
    first, second = house.reader(), house.reader()
    await house.feed(units)
    one, other = await drained(first, 6), await drained(second, 6)
    assert is_masked(one)
    assert one == other
    assert [unit.pts_90k for unit in one] == [unit.pts_90k for unit in units]
    assert is_masked(await drained(house.reader(), 6))
    assert len(house.pool.taken) == 1
    await until(lambda: house.entries)
    (entry,) = house.entries
    assert (entry.event, entry.object_id, entry.reason_text) == ("live.recode", CAMERA, "masks: 0")
    assert entry.mask_version == house.registry.version


async def test_a_mask_that_comes_while_somebody_looks(house):
    """From then on no unit passes, nothing kept is shown; then masked ones come by themselves."""
    reader = house.reader()
    units = scene(40, gop=10)
    house.publish(units[:10])
    assert len([reader.receive_nowait() for _ in range(10)]) == 10
    house.cuts.clear()
    house.mask(RIGHT)
    house.clock.advance(0.3)
    house.publish(units[10:20])
    assert reader.receive_nowait() is None
    assert house.exits.fanout(CAMERA, MAIN).kept() == ()
    assert house.cuts == [CAMERA]
    house.exits.tick()
    await until(lambda: house.pool.calls)  # what the camera keeps
    await house.feed(units[20:30])
    assert is_masked(await up_to(reader, units[29]))
    house.mask()
    house.exits.follow()
    house.publish(units[30:])
    assert await drained(reader, 10) == units[30:]  # at the next key unit, never backwards
    await until(lambda: not house.pool.taken)


async def test_what_was_made_with_other_masks_goes_nowhere(house):
    """A picture that is with the child while masks change is thrown away when it comes back."""
    house.mask(((0.0, 0.0), (0.1, 0.0), (0.1, 0.1)))
    reader, seen = house.reader(), []
    (place,) = house.pool.taken
    inner = place.call

    async def slow(kind, payload, *, timeout_s):
        answer = await inner(kind, payload, timeout_s=timeout_s)
        seen.append(kind)
        house.mask(RIGHT)
        house.clock.advance(0.3)
        return answer

    place.call = slow
    house.publish(scene(2, gop=2))
    await until(lambda: seen)
    await asyncio.sleep(0)
    assert reader.receive_nowait() is None
    assert house.exits.fanout(CAMERA, MAIN).kept() == ()


async def test_no_place_is_left(house):
    """Who asks is told at once how many there are; nothing unmasked comes in the meantime."""
    house.mask(RIGHT)
    house.reader()
    sub = Pick(Rendition.SUB)
    with pytest.raises(TranscodesBusyError, match="1 live streams are coded anew already"):
        async with house.exits.use(CAMERA, sub):
            pass
    reader = house.reader(sub)
    house.publish(scene(4, gop=4), StreamKind.SUB)
    await asyncio.sleep(0)
    assert reader.receive_nowait() is None
    said = house.exits.statistics()
    assert (said.running, said.refused, len(said.problems)) == (1, 1, 1)
    with pytest.raises(PeerError, match="not running"):
        async with house.exits.use("ignota", sub):
            pass


async def test_it_lingers_for_ten_seconds_and_gives_its_place_back(house):
    """Operators go back and forth; then the child ends."""
    house.mask(RIGHT)
    reader = house.reader()
    house.exits.fanout(CAMERA, MAIN).leave(reader)
    house.clock.advance(IDLE_AFTER_S - 1)
    house.exits.tick()
    assert len(house.pool.taken) == 1
    house.clock.advance(1.1)
    house.exits.tick()
    assert house.pool.taken == []
    await until(lambda: not house.post.streams[StreamKind.MAIN].wanted())


async def test_a_child_that_is_lost_costs_pictures_and_nothing_else(house):
    """The stream begins anew at the camera's kept key unit; nothing is shown twice or backwards."""
    units = scene(30, gop=30, visits=range(30))
    reader = house.reader(ANEW)
    await house.feed(units[:10])
    before = await drained(reader, 10)
    (place,) = house.pool.taken
    place.is_dead = True
    await house.feed(units[10:11])
    house.publish(units[11:20])
    calls = house.pool.calls
    await until(lambda: house.pool.calls > calls)
    await house.feed(units[20:])
    after = await up_to(reader, units[-1])
    times = [one.pts_90k for one in (*before, *after)]
    assert times == sorted(set(times))
    assert after[0].is_key
    assert house.pool.taken == [place]


async def test_children_that_are_lost_are_no_b_frames(house):
    """Each new child begins with older pictures: that is another reading, not another order."""
    house.post.status = lambda kind=None: StreamStatus(StreamState.LIVE, codec=Codec.H264)
    units = scene(12, gop=12)
    house.reader(ANEW)
    await house.feed(units[:4])
    for number in range(4, 12):
        house.pool.taken[0].is_dead = True
        calls = house.pool.calls
        house.publish([units[number]])
        await until(lambda calls=calls: house.pool.calls >= calls + 2)  # the dead one, the next
    old = frozenset({Codec.H264})
    assert house.exits.choose(CAMERA, StreamKind.MAIN, old).rendition is Rendition.MAIN


async def test_a_camera_that_is_set_up_anew_is_read_where_it_is_now(house):
    """The exit outlives the camera's fan-out, as its viewers do."""
    reader = house.reader()
    house.publish(scene(2, gop=2))
    assert len(await drained(reader, 2)) == 2
    house.post.streams[StreamKind.MAIN] = Fanout()
    house.exits.follow()
    house.publish(scene(2, gop=2))
    assert len(await drained(reader, 2)) == 2


async def test_a_mark_has_a_stream_of_its_own_and_stands_in_the_ledger(house):
    """One person's pictures are written into, nobody else's; the entry says whose mark it is."""
    house.pool.most = 2
    grant = type("Grant", (), {"flags": (MARKED,), "request": wish(actor())})()
    what = house.exits.choose(CAMERA, StreamKind.MAIN, frozenset(Codec), grant)
    assert what.mark.startswith(grant.request.actor.organisation + " ")
    assert "anna" not in what.mark
    async with house.exits.use(CAMERA, what, grant) as fanout:
        mine, plain = Reader("mine"), house.reader()
        fanout.join(mine)
        units = scene(2, gop=2)
        house.publish(units)
        assert await drained(plain, 2) == units
        assert [one.codec for one in await drained(mine, 2)] == [Codec.H264] * 2
    await until(lambda: house.entries)
    assert (house.entries[0].actor_id, house.entries[0].reason_text) == (
        "anna", f"watermark: {what.mark}",
    )  # fmt: skip
    fanout.leave(mine)
    house.clock.advance(IDLE_AFTER_S + 1)
    house.exits.tick()
    house.exits.tick()
    assert [one.what.mark for one in house.exits._exits.values()] == [""]


async def test_a_camera_with_b_frames_is_coded_anew_once_that_is_seen(house):
    """By whoever reads it; two readings of one stream side by side are no step back."""
    old = frozenset({Codec.H264})

    def chosen(**more):
        return house.exits.choose(CAMERA, StreamKind.MAIN, old, **more).rendition

    house.post.status = lambda kind=None: StreamStatus(StreamState.LIVE, codec=Codec.H264)
    house.reader()
    house.reader(ANEW)
    units = scene(9, gop=9)
    await house.feed(units)
    assert chosen() is Rendition.MAIN
    house.publish([replace(one, is_key=False) for one in (units[i] for i in (8, 6, 7, 5, 6, 4))])
    assert chosen() is Rendition.SUB
    del house.post.streams[StreamKind.SUB]
    house.post.rendition = lambda _: StreamKind.MAIN
    assert chosen() is Rendition.H264
    assert chosen(in_order=False) is Rendition.MAIN


async def test_where_nothing_may_be_coded_anew_a_mark_and_a_mask_show_nothing():
    """`transcodes_most = 0`: whoever asks is told; no picture passes instead."""
    house = House(places=0)
    marked = Pick(Rendition.MAIN, mark="sala 1a2b3c4d")
    for what in (marked, ANEW):
        with pytest.raises(TranscodesBusyError, match="0 live streams"):
            async with house.exits.use(CAMERA, what):
                pass
    house.mask(RIGHT)
    house.exits.follow()
    with pytest.raises(TranscodesBusyError):
        async with house.exits.use(CAMERA, MAIN):
            pass
    readers = [house.reader(what) for what in (marked, ANEW, MAIN)]
    house.publish(scene(4, gop=2))
    assert [one.receive_nowait() for one in readers] == [None] * 3


async def test_what_is_chosen_follows_what_the_camera_sends(house):
    """H.265 for a player that takes it; else coded anew; masks before both."""
    old = frozenset({Codec.H264})
    del house.post.streams[StreamKind.SUB]
    house.post.rendition = lambda _: StreamKind.MAIN
    assert house.exits.choose(CAMERA, StreamKind.MAIN, frozenset(Codec)).codec is Codec.H265
    assert house.exits.choose(CAMERA, StreamKind.MAIN, old).rendition is Rendition.H264
    assert house.exits.codec(CAMERA, MAIN) is Codec.H265
    house.mask(RIGHT)
    house.clock.advance(0.3)
    assert house.exits.choose(CAMERA, StreamKind.MAIN, old).flags == ("masked",)
    assert house.exits.codec(CAMERA, MAIN) is Codec.H264


def test_what_is_late_is_thinned_and_then_left_out():
    """A few units that wait cost nothing; more are thinned; half a second is caught up with."""
    units = scene(40, gop=40)
    easy = asked(Look(), units[:EASY], is_fresh=True)
    assert (easy.every, easy.after_90k) == (1, NEVER)
    assert asked(Look(), units[:10], is_fresh=False).every == 3
    late = asked(Look(), units, is_fresh=False)
    assert (late.every, late.after_90k) == (1, units[-1].pts_90k - 18_000)
    dense = [replace(units[0], pts_90k=n) for n in range(100)]
    assert asked(Look(), dense, is_fresh=False).every == MOST_EVERY
