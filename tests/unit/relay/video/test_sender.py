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
from gateway.relay.video.sender import Means, Sender
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
