# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The camera in the house: it serves both renditions, obeys its standard input, ends with it."""

import asyncio
import os
import tomllib
from importlib.resources import files

import pytest

from gateway.codec.decode import every_picture, luma
from gateway.ingest.rtsp import RtspSession
from gateway.ingest.source import Sink, StreamSource
from gateway.runtime.clock import SystemClock
from gateway.simulator import house
from gateway.simulator.camera import LOOP
from gateway.simulator.clips import ClipPlan
from gateway.simulator.paint import read_frame_index
from gateway.simulator.town import HOUSE_CAMERA, HOUSE_PLANS, INTRUSION, SUB_PX, build_cameras
from tests.ports import free_port
from tests.unit.simulator.tiny_scene import TinyScene

LOGIN = ("esercitazione", "una parola")


@pytest.fixture(scope="module")
def camera(tmp_path_factory):
    plans = [ClipPlan(HOUSE_CAMERA, name, TinyScene, SUB_PX) for name in (LOOP, INTRUSION)]
    cache = tmp_path_factory.mktemp("clips")
    return build_cameras(cache, house.quietly, SystemClock(), plans)[HOUSE_CAMERA]


async def first_picture(port, path):
    """Return the luma of a key picture of an RTSP path."""
    units = asyncio.Queue()
    sink = Sink(units.put_nowait, lambda _: None, lambda: None)
    url = f"rtsp://{house.HOST}:{port}/{path}"
    source = StreamSource("porto", url, user=LOGIN[0], password=LOGIN[1])
    pulling = asyncio.create_task(RtspSession(source, sink, clock=SystemClock()).run())
    try:
        async with asyncio.timeout(30):
            while not (unit := await units.get()).is_key:
                pass
    finally:
        pulling.cancel()
        await asyncio.wait({pulling})
    (frame,) = every_picture([unit])
    return luma(frame.frame)


async def test_both_renditions_come_and_what_is_asked_for_is_played(camera, monkeypatch):
    read, write = os.pipe()
    monkeypatch.setattr(house.sys, "stdin", os.fdopen(read))
    port = free_port()
    running = asyncio.create_task(house.run(camera, port, LOGIN, SystemClock()))
    try:
        async with asyncio.timeout(30):
            while not camera.fanout.kept():
                await asyncio.sleep(0.01)
        assert read_frame_index(await first_picture(port, "porto")) is not None
        small = await first_picture(port, "porto-piccolo")
        assert small.shape == (SUB_PX[1], SUB_PX[0])
        os.write(write, b"nothing of ours\nintrusion\n")
        async with asyncio.timeout(30):
            while camera.playing != INTRUSION:
                await asyncio.sleep(0.01)
        os.close(write)
        async with asyncio.timeout(30):
            await running
    finally:
        running.cancel()


def test_the_plans_are_the_camera_of_the_seed():
    text = files("gateway.simulator").joinpath("porto.toml").read_text(encoding="utf-8")
    seed = tomllib.loads(
        text.replace("@polygon@", "[]")
        .replace("@from@", "2026-01-01")
        .replace("@until@", "2026-12-31")
    )
    assert [one["id"] for one in seed["camera"]] == [HOUSE_CAMERA]
    assert {plan.clip for plan in HOUSE_PLANS} == {LOOP, INTRUSION}
    assert seed["camera"][0]["sub_url"].endswith("porto-piccolo")
