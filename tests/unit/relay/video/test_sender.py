# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.relay.video.sender on lines that carry less than there is to send."""

import asyncio
import contextlib
import itertools

import pytest

from gateway.model.media import AccessUnit, Codec
from gateway.relay.video import thin
from gateway.relay.video.outlet import Outlet, PlainPipe
from gateway.relay.video.rtsp_server import ReverseSession
from gateway.relay.video.sender import ALONE_S, Means, Sender
from gateway.relay.video.thin import LineBudget
from gateway.runtime.fanout import Fanout
from gateway.wire import rtp
from gateway.wire.rtsp import RtspReceiver
from gateway.wire.rtsp_serving import Track
from tests.fakes import FakeClock
from tests.footage import decoded, scene
from tests.rtsp_line import CLOCK, Doorman, Encoder, Ends, Lease, Room, dial_of, sockets

MAIN = scene(25, gop=25, visits=range(25), size=(640, 480))
SMALL = scene(25, gop=25, visits=range(25), size=(160, 120))
MAIN_RATE = sum(unit.size_bytes() for unit in MAIN)
"""Bytes a second."""


@contextlib.asynccontextmanager
async def on_a_thin_line(folder, share, *, main=MAIN, small=SMALL, budget=None):
    """A room that pulls over a line that carries `share` of the main rendition."""
    fanout, little = Fanout(), Fanout() if small else None
    told = []
    async with asyncio.TaskGroup() as tasks:
        ends, budget = Ends(folder), budget or LineBudget()
        edge, far, line = await ends.thin(tasks, share * MAIN_RATE)
        publishing = [tasks.create_task(Encoder(main, fanout).run())]
        if small:
            publishing.append(tasks.create_task(Encoder(small, little).run()))
        lease = Lease(fanout, little)
        served = ReverseSession(
            edge, Doorman(gate_main=lease), CLOCK, budget, lambda *one: told.append(one)
        )
        room = Room(dial_of(far))
        serving = asyncio.ensure_future(served.run())
        pulling = asyncio.ensure_future(room.session.run())
        try:
            yield room, line, told
        finally:
            for task in (pulling, serving, *publishing):
                task.cancel()
            await asyncio.wait({pulling, serving})
            line.close()
    assert len(lease.ends) == 1


def ages_s(room, since=0):
    """Return how old each picture was when it came to the room, by the camera's own clock."""
    return [
        came_s - unit.captured.monotonic_s
        for came_s, unit in zip(room.came_s[since:], room.units[since:], strict=True)
    ]


def rising(units):
    """Return whether time goes on in every step."""
    return all(a.pts_90k < b.pts_90k for a, b in itertools.pairwise(units))


async def test_a_thin_line_shows_the_small_rendition_live(tmp_path):
    """Within seconds the small one stands in: time goes on, every picture decodes, none is old."""
    async with on_a_thin_line(tmp_path, 0.3) as (room, _, told):
        await room.until(lambda _: told)
        begun = len(room.units)
        await room.until(lambda got: len(got) >= begun + 60)
        statistics = room.session.statistics()
    assert told[0] == ("gate", True, "small-stream")
    assert rising(room.units)
    shapes = [picture.shape for picture in decoded(room.units)]
    assert len(shapes) == len(room.units)
    assert shapes[-1] == (120, 160, 3)
    late = sorted(ages_s(room, begun + 10))
    assert late[len(late) // 2] < 1.0
    assert statistics.size_px == (160, 120)


async def test_what_waits_too_long_is_left_out_up_to_a_key_picture(tmp_path):
    """Without a small rendition few pictures come, each whole, none of them of long ago."""
    async with on_a_thin_line(tmp_path, 0.5, small=None) as (room, _, told):
        await room.until(lambda _: told, within_s=60)
        begun = sum(unit.is_key for unit in room.units)
        await room.until(lambda got: sum(one.is_key for one in got) >= begun + 3, within_s=60)
    assert told[0] == ("gate", True, "key-pictures")
    assert rising(room.units)
    assert len(decoded(room.units)) == len(room.units)
    assert sorted(ages_s(room))[len(room.units) // 2] < 3.0
    published = 25 * (room.came_s[-1] - room.came_s[0])
    assert len(room.units) < published


async def test_the_main_rendition_comes_back_when_there_is_room(tmp_path, monkeypatch):
    """After a quiet while, at a key picture, in the same session."""
    monkeypatch.setattr(thin, "HOLD_S", 1.0)
    async with on_a_thin_line(tmp_path, 0.3) as (room, line, told):
        await room.until(lambda _: told)
        await room.until(lambda got: len(got) >= 5)
        line.rate = 10_000_000
        await room.until(lambda _: told[-1][1] is False)
        begun = len(room.units)
        await room.until(lambda got: len(got) > begun + 30)
    assert [one[1] for one in told[:2]] == [True, False]
    assert rising(room.units)
    assert decoded(room.units)[-1].shape == (480, 640, 3)
    assert room.plays == 1


async def test_a_stream_of_a_thin_line_begins_small(tmp_path):
    """Nobody waits for a large picture that will not come."""
    budget = LineBudget()
    budget.note_thin(CLOCK.monotonic_s())
    async with on_a_thin_line(tmp_path, 0.3, budget=budget) as (room, _, told):
        await room.until(lambda got: len(got) >= 5)
    assert told[0] == ("gate", True, "small-stream")
    assert {picture.shape for picture in decoded(room.units)} == {(120, 160, 3)}


async def test_a_budget_bounds_what_a_wide_line_is_given(tmp_path):
    """The owner's own uplink is not filled: the line is wide, the bound is not."""
    budget = LineBudget(round(0.3 * MAIN_RATE * 8 / 1000))
    async with on_a_thin_line(tmp_path, 100.0, budget=budget) as (room, line, told):
        await room.until(lambda _: told)
        carried, began_s = line.carried, CLOCK.monotonic_s()
        await room.until(lambda got: len(got) >= 60)
        rate = (line.carried - carried) / (CLOCK.monotonic_s() - began_s)
    assert rate < 0.5 * MAIN_RATE
    assert rising(room.units)
    assert len(decoded(room.units)) == len(room.units)


async def test_a_small_rendition_in_another_codec_does_not_stand_in(tmp_path):
    """A session has one payload format: few pictures come instead, and it is said."""
    other = scene(25, gop=25, visits=range(25), size=(160, 120), codec=Codec.JPEG)
    async with on_a_thin_line(tmp_path, 0.3, small=other) as (room, _, told):
        await room.until(lambda _: told, within_s=60)
        begun = len(room.units)
        await room.until(lambda got: len(got) > begun, within_s=60)
    assert told[0] == ("gate", True, "key-pictures")
    assert {unit.codec for unit in room.units} == {Codec.H264}


@pytest.mark.parametrize("share", [2.0])
async def test_a_line_that_carries_it_all_loses_nothing(tmp_path, share):
    """No picture is left out while there is room."""
    async with on_a_thin_line(tmp_path, share) as (room, _, told):
        await room.until(lambda got: len(got) >= 60)
    steps = {b.pts_90k - a.pts_90k for a, b in zip(room.units, room.units[1:], strict=False)}
    assert not told
    assert steps == {3600}


async def test_a_picture_given_up_halfway_leaves_a_gap():
    """What went out of it is not taken for a whole picture: a number is missing behind it."""
    ours, theirs = await sockets()
    clock, fanout = FakeClock(), Fanout()
    outlet = Outlet(PlainPipe(ours), lambda: None, clock.monotonic_s)
    share = LineBudget(8).join()
    means = Means(outlet, share, clock, lambda *_: None, "rtsp:")
    sender = Sender(Lease(fanout), Track(96, 0, 7, 4000), Codec.H264, means)
    sender.begin(small=False)
    key, now = bytes([0x65]) * 100, clock.now()
    slices = tuple(bytes([0x41]) * 4000 for _ in range(8))
    fanout.publish(AccessUnit(0, True, (key,), now, now))
    fanout.publish(AccessUnit(3600, False, slices, now, now))
    assert sender.has_backlog
    clock.advance(0.6)
    sender.look()
    assert not sender.has_backlog
    clock.advance(3600)
    fanout.publish(AccessUnit(7200, False, (key,), now, now))
    fanout.publish(AccessUnit(10_800, True, (key,), now, now))
    sender.end()
    theirs.setblocking(False)
    (media,) = RtspReceiver().receive(theirs.recv(1 << 20))
    packets = [rtp.parse(bytes(view)) for channel, view in media.frames if not channel]
    numbers = [one.sequence - packets[0].sequence for one in packets]
    sent = len(numbers) - 2
    assert 0 < sent < len(slices)
    assert numbers == [*range(sent + 1), numbers[-1]]
    assert numbers[-1] > sent + 1
    assert [packets[0].timestamp, packets[-1].timestamp] == [0, 10_800]
    assert sender.skipped_units == 2
    ours.close()
    theirs.close()


# two at a time ----------------------------------------------------------------------------------


class CountingPipe(PlainPipe):
    """Counts what is sealed, as each costs what a picture costs."""

    def __init__(self, sock):
        super().__init__(sock)
        self.sealed = []

    def seal(self, data):
        self.sealed.append(data)
        return data


class Wide:
    """A sender on a line that takes everything, and a camera whose clock is ours."""

    def __init__(self, ends, budget, small=None):
        self.ours, self.theirs = ends
        self.theirs.setblocking(False)
        self.clock, self.fanout = FakeClock(), Fanout()
        self.pipe = CountingPipe(self.ours)
        outlet = Outlet(self.pipe, lambda: None, self.clock.monotonic_s)
        means = Means(outlet, budget.join(), self.clock, lambda *_: None, "rtsp:")
        lease = Lease(self.fanout, small)
        self.sender = Sender(lease, Track(96, 0, 7, 16_000), Codec.H264, means)
        self.number = 0
        self.show(key=True)
        self.sender.begin(small=False)
        for _ in range(round(ALONE_S / 0.04) + 2):
            self.show()
        self.sender._send_held()
        self.seen()

    def show(self, *, key=False, step_s=0.04, size=500, fanout=None):
        """Show the next picture; that of another fan-out has a time of its own."""
        self.clock.advance(step_s)
        now, self.number = self.clock.now(), self.number + 1
        nal, time_90k = bytes([0x65 if key else 0x41]) * size, self.number * 3600
        time_90k += 36_000 * (fanout is not None)
        (fanout or self.fanout).publish(AccessUnit(time_90k, key, (nal,), now, now))
        with contextlib.suppress(BlockingIOError):
            self.theirs.recv(1 << 20)

    def seen(self):
        """Return the pictures that came in each write since, by their numbers; wait for none."""
        sealed, self.pipe.sealed = self.pipe.sealed, []
        found = []
        for data in sealed:
            (media,) = RtspReceiver().receive(data)
            parsed = [rtp.parse(bytes(view)) for channel, view in media.frames if not channel]
            found.append([one.timestamp // 3600 for one in parsed if one.marker])
        return found

    def numbers(self):
        """Return the pictures that came since, however they were written."""
        return [number for write in self.seen() for number in write]

    def close(self):
        self.sender.end()
        self.ours.close()
        self.theirs.close()


@contextlib.asynccontextmanager
async def on_a_wide_line(*, pairs=True, small=None, most_kbps=0):
    """Give a `Wide` whose first seconds are over, and whose next picture waits for another."""
    made = Wide(await sockets(), LineBudget(most_kbps, pairs=pairs), small)
    try:
        yield made
    finally:
        made.close()


async def test_two_pictures_go_together_while_the_line_is_free():
    """Half the writes; all pictures, in their order."""
    async with on_a_wide_line() as line:
        first = line.number + 1
        for _ in range(6):
            line.show()
        assert line.seen() == [[first + n, first + n + 1] for n in (0, 2, 4)]
        assert line.sender.sent_units == line.number
        assert not line.sender.has_backlog


async def test_a_key_picture_never_waits():
    """What was held goes before it, and it goes at once; nor does it wait for the next one."""
    async with on_a_wide_line() as line:
        first = line.number + 1
        line.show()
        assert line.seen() == []
        line.show(key=True)
        assert line.numbers() == [first, first + 1]
        line.show(key=True)
        assert line.seen() == [[first + 2]]


async def test_a_picture_without_a_next_one_goes_alone():
    """Soon, by itself."""
    async with on_a_wide_line() as line:
        line.show()
        assert line.seen() == []
        async with asyncio.timeout(20):
            while not (seen := line.seen()):
                await asyncio.sleep(0.005)
        assert seen == [[line.number]]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"pairs": False}, {}),
        ({"most_kbps": 1_000_000}, {}),
        ({}, {"step_s": 0.08}),
        ({}, {"size": 40_000}),
    ],
    ids=["each-at-once", "budget", "slow-camera", "large-pictures"],
)
async def test_where_it_would_be_late_or_does_not_help_each_goes_at_once(given, shown):
    """Where the owner says so, on a line with a budget, of a slow camera, of large pictures."""
    async with on_a_wide_line(**given) as line:
        for _ in range(4):
            line.show(**shown)
            assert line.sender._held is None


async def test_at_the_beginning_each_goes_at_once():
    """Somebody waits for the first picture."""
    ours, theirs = await sockets()
    clock, fanout, pipe = FakeClock(), Fanout(), CountingPipe(ours)
    outlet = Outlet(pipe, lambda: None, clock.monotonic_s)
    share = LineBudget(pairs=True).join()
    means = Means(outlet, share, clock, lambda *_: None, "rtsp:")
    sender = Sender(Lease(fanout), Track(96, 0, 7, 4000), Codec.H264, means)
    sender.begin(small=False)
    for number in range(round(ALONE_S / 0.04) - 1):
        clock.advance(0.04)
        now = clock.now()
        fanout.publish(AccessUnit(number * 3600, not number, (b"\x65" * 50,), now, now))
        assert len(pipe.sealed) == number + 1
    sender.end()
    ours.close()
    theirs.close()


async def test_what_is_held_does_not_go_out_after_the_end():
    """A look that was taken back ends at once."""
    async with on_a_wide_line() as line:
        line.show()
        line.sender.end()
        line.sender._send_held()
        await asyncio.sleep(0)
        assert line.seen() == []
        assert line.sender._holding is None


async def test_another_rendition_follows_what_was_held():
    """Its key picture comes after the held one, not before."""
    small = Fanout()
    async with on_a_wide_line(small=small) as line:
        first = line.number + 1
        line.show()
        line.sender._join(is_small=True, from_kept=False)
        line.show(key=True, fanout=small)
        assert line.sender.rendition.is_small
        assert line.numbers() == [first, first + 1]
