# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Every way on which pictures leave the box: none without the masks. Pixels are the proof."""

import ast
import contextlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

import gateway
from gateway.assembly import federation, recorders
from gateway.assembly.federation import EdgeFederation, EdgeParts
from gateway.assembly.pictures import Pictures, no_snapshot
from gateway.assembly.recorders import RecorderParts
from gateway.assembly.viewing import ClipParts, Clips, Viewing
from gateway.assembly.which_stream import as_sent
from gateway.child import handlers
from gateway.codec.decode import luma
from gateway.evidence.ring import Ring
from gateway.model.access import Verdict
from gateway.model.media import Codec, StreamKind, StreamWish
from gateway.relay.video.process import WhepAnswer
from gateway.runtime.fanout import Reader
from tests.footage import mp4_frames, scene
from tests.unit.access.town import alarm
from tests.unit.assembly.exits import until
from tests.unit.assembly.test_renditions import CAMERA, RIGHT, House, is_masked, up_to
from tests.whep_parts import grant

UNITS = scene(4, gop=4, visits=range(4), codec=Codec.H265)


class Children:
    """The handlers of a child, in this process."""

    def __init__(self):
        self._table = handlers()

    async def call(self, _affinity, kind, payload, *, timeout_s):
        return self._table[kind](payload)


class Media:
    """Takes what it is fed with and shows it to nobody."""

    def __init__(self):
        self.source = None

    def offered(self, _sdp):
        return frozenset({Codec.H264})

    def takes(self, _wall, _mid):
        return frozenset({Codec.H264})

    async def open(self, grant_, _sdp, source):
        self.source, self.grant = source, grant_
        return WhepAnswer("s", "v=0", '"e"')

    def play(self, _wall, _mid, grant_, source):
        self.source, self.grant = source, grant_
        return "s"

    def sessions(self):
        return ()

    walls = sessions


@pytest.fixture
async def house():
    one = House(places=2)
    one.mask(RIGHT)
    yield one
    one.end()


async def pictures_of(house, fanout):
    """Return what a reader of that fan-out gets while the camera sends."""
    reader = Reader("media:x")
    fanout.join(reader, from_kept=True)
    small = house.exits.fanout(CAMERA, as_sent(StreamKind.SUB))
    kind = StreamKind.SUB if fanout is small else StreamKind.MAIN
    for unit in UNITS:
        calls = house.pool.calls
        house.publish([unit], kind)
        await until(lambda calls=calls: house.pool.calls > calls)
    got = await up_to(reader, UNITS[-1])
    fanout.leave(reader)
    return got


async def browser(house):
    media = Media()
    viewing = Viewing(media, {CAMERA: house.post}.get, house.exits, house.clock)
    await viewing.open(grant(CAMERA), "v=0")
    return media.source.fanout


async def wall(house):
    media = Media()
    viewing = Viewing(media, {CAMERA: house.post}.get, house.exits, house.clock)
    with contextlib.suppress(RuntimeError):  # this media process tells of no look
        await viewing.show(grant(CAMERA), "w", "0", StreamWish.SUB)
    return media.source.fanout


async def recorder(house):
    parts = RecorderParts(
        None, None, lambda: house.registry, {CAMERA: house.post}.get, None, None, house.clock,
        house.exits,
    )  # fmt: skip
    return recorders._Lease(parts, grant(CAMERA), StreamKind.MAIN).main


def line(house, kind):
    parts = EdgeParts(
        "Edge", False, None, lambda: house.registry, None, {CAMERA: house.post}.get,
        house.exits, house.clock,
    )  # fmt: skip
    post = SimpleNamespace(plan=SimpleNamespace(camera=CAMERA, sub="x"), fanout=None)
    return federation._Lease(EdgeFederation(parts, ()), None, post, kind)


async def line_main(house):
    return line(house, StreamKind.MAIN).main


async def line_small(house):
    return line(house, StreamKind.MAIN).small


@pytest.mark.parametrize("way", [browser, wall, recorder, line_main, line_small])
async def test_live_pictures_carry_the_masks_on_every_way(house, way):
    """Browser, wall, recording program, line to a room and its small stand-in."""
    fanout = await way(house)
    assert fanout not in house.post.streams.values()
    assert is_masked(await pictures_of(house, fanout))


async def test_stills_and_clips_carry_them(house):
    """A still of a live picture, and the seconds before an alarm."""
    pool, posts = Children(), {CAMERA: house.post}
    pictures = Pictures(pool, lambda: house.registry, posts.get, no_snapshot, house.clock)
    still = await pictures.still(CAMERA, UNITS, "al-1")
    grey = cv2.imdecode(np.frombuffer(still, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert grey[:, 164:].max() < 24 < grey[:, :150].mean()
    record, allowed = alarm(CAMERA), Verdict(True, None, "", "")
    house.post.ring = Ring(30.0, 1 << 24, clock=house.clock)
    for unit in scene(4, gop=4, visits=range(4)):
        house.post.ring.offer(replace(unit, captured=record.alarm.raised))
    parts = ClipParts(
        pool, posts.get, lambda: house.registry, lambda _: allowed, lambda _: record,
        house.clock, 1 << 24,
    )  # fmt: skip
    shown = mp4_frames(await Clips(parts).clip(grant(CAMERA), record))
    assert len(shown) == 4
    for frame in shown:
        picture = luma(frame)
        assert picture[:, 164:].max() < 40 < picture[:, :150].mean()


def test_nobody_else_reads_a_camera_and_nobody_makes_pictures_without_asking_for_masks():
    """A new way out has to come through an exit; who reads a camera's own fan-out stands here."""
    own = {"cameras.py", "renditions.py", "box.py"}
    own |= {"alarms.py", "holdup.py"}  # for stills
    folder = Path(gateway.__file__).parent / "assembly"
    for path in sorted(folder.glob("*.py")):
        text = path.read_text()
        calls = [
            ast.unparse(node.func)
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Call)
        ]
        reads = [one for one in calls if one.endswith("post.fanout")]
        assert not reads or path.name in own, f"{path.name}: {reads}"
        makes = {"still", "clip"} & set(calls)
        # a replayed recording has no camera to ask: every mask of its seed is burned in
        asks = "self._plan.masks" if path.name == "replay.py" else "with_masks_in_force("
        assert not makes or asks in text, f"{path.name}: {makes}"
