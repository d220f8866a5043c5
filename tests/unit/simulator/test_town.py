# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.town."""

import asyncio
import tomllib
from contextlib import asynccontextmanager
from importlib.resources import files

from gateway.codec.decode import every_picture, luma
from gateway.ingest.nvr import channels_by_onvif
from gateway.ingest.rtsp import RtspSession
from gateway.ingest.source import Sink, StreamSource
from gateway.runtime.clock import SystemClock
from gateway.simulator import button
from gateway.simulator.button import Button
from gateway.simulator.camera import LOOP
from gateway.simulator.clips import ClipPlan
from gateway.simulator.paint import HEIGHT, STRIP_BLOCK_PX, read_frame_index
from gateway.simulator.town import (
    CHANNEL_NAME,
    GUARDED_POLYGON,
    INTRUSION,
    MAIN_PATH,
    MOST_SESSIONS,
    PLANS,
    RECORDED,
    SUB_PATH,
    SUB_PX,
    RecorderPlace,
    build_cameras,
    lane_words,
    serve_recorder,
)
from gateway.wire.metadata_events import read_notification
from tests.fakes import FakeClock
from tests.onvif_parts import PASSWORD, USER, opened
from tests.unit.simulator.tiny_scene import TinyScene


def test_the_plans_are_the_cameras_of_the_seed():
    """Each camera of town.toml has its loop, the pharmacy also its intrusion, and no other."""
    cameras = {camera["id"] for camera in tomllib.loads(seed_text())["camera"]}
    assert {plan.camera for plan in PLANS if plan.clip == LOOP} == cameras
    assert {plan.camera for plan in PLANS if plan.clip == INTRUSION} == {"farmacia"}


def test_clips_of_a_camera_share_pace_and_the_longest_trigger_wait():
    """All clips of a camera have the same pictures a second, so that they can follow each other."""
    for camera in {plan.camera for plan in PLANS}:
        rates = {plan.build.fps for plan in PLANS if plan.camera == camera}
        assert len(rates) == 1
        assert rates <= {15, 25}


def test_the_guarded_polygon_is_inside_the_picture_and_spares_strip_and_banner():
    """Corners in fractions, none in the frame strip's or the banner's rows."""
    assert len(GUARDED_POLYGON) >= 3
    for x, y in GUARDED_POLYGON:
        assert 0 <= x <= 1
        assert 0.1 < y < 1 - STRIP_BLOCK_PX / HEIGHT


def test_cameras_are_built_by_id_with_their_clips(tmp_path):
    """One camera per id, each with the clips that its plans name."""
    plans = [ClipPlan("a", LOOP, TinyScene), ClipPlan("a", "scene", TinyScene)]
    cameras = build_cameras(tmp_path, lambda share, what: None, FakeClock(), plans)
    assert set(cameras) == {"a"}
    assert set(cameras["a"].clips) == {LOOP, "scene"}
    assert [nal[0] & 0x1F for nal in cameras["a"].parameter_sets] == [7, 8]


def seed_text():
    text = files("gateway.simulator").joinpath("town.toml").read_text(encoding="utf-8")
    for mark in ("@polygon@", "@from@", "@until@", *lane_words()):
        text = text.replace(mark, "[]")
    return text


def test_the_seed_names_the_recorder_as_it_is():
    """Paths, session limit and the button's input are what the simulated recorder has."""
    seed = tomllib.loads(seed_text())
    (device,), (trigger,) = seed["device"], seed["trigger"]
    camera = next(one for one in seed["camera"] if one["id"] == RECORDED)
    assert (camera["device"], camera["channel"]) == (device["id"], 1)
    assert camera["url"] == f"@recorder@/{MAIN_PATH}"
    assert camera["sub_url"] == f"@recorder@/{SUB_PATH}"
    assert "credential" not in camera
    assert (device["most_sessions"], device["events"]) == (MOST_SESSIONS, True)
    assert trigger["topic"] == button.TOPIC
    assert trigger["source"] == [["InputToken", button.INPUT]]
    assert (trigger["camera"], trigger["severity"]) == (RECORDED, 5)


def test_only_the_recorded_camera_has_a_small_rendition():
    """Its clips all have it, so that they can follow each other in both."""
    assert {plan.sub_px for plan in PLANS if plan.camera == RECORDED} == {SUB_PX}
    assert {plan.sub_px for plan in PLANS if plan.camera != RECORDED} == {(0, 0)}


@asynccontextmanager
async def recorder(tmp_path):
    """A recorder with a running camera of tiny pictures, opened by our client."""
    clock = SystemClock()
    plans = [ClipPlan("prova", LOOP, TinyScene, SUB_PX)]
    camera = await asyncio.to_thread(build_cameras, tmp_path, lambda *_: None, clock, plans)
    contact = Button(clock)
    place = RecorderPlace("127.0.0.1", 0, 0, {USER: PASSWORD})
    async with (
        serve_recorder(camera["prova"], contact, place, clock) as url,
        opened(url) as device,
        asyncio.TaskGroup() as tasks,
    ):
        playing = tasks.create_task(camera["prova"].run())
        yield device, contact
        playing.cancel()


async def few(url, most):
    """Pull so many units of a stream as the gateway does."""
    units, enough = [], asyncio.Event()

    def take(unit):
        units.append(unit)
        if len(units) == most:
            enough.set()

    sink = Sink(take, lambda _document: None, lambda: None)
    source = StreamSource("prova", url, user=USER, password=PASSWORD)
    pulling = asyncio.create_task(RtspSession(source, sink, clock=SystemClock()).run())
    async with asyncio.timeout(30):
        await enough.wait()
    pulling.cancel()
    await asyncio.wait([pulling])
    return units


async def test_the_recorder_shows_one_channel_in_two_renditions(tmp_path):
    """Asked over ONVIF it names channel and both streams; both play the town's pictures."""
    async with recorder(tmp_path) as (device, _):
        (channel,) = await channels_by_onvif(device)
        assert (channel.number, channel.name, channel.size_px) == (1, CHANNEL_NAME, (1280, 720))
        for url, path, shape in (
            (channel.main_url, MAIN_PATH, (720, 1280)),
            (channel.sub_url, SUB_PATH, SUB_PX[::-1]),
        ):
            assert url.endswith(f"/{path}")
            lumas = [luma(picture.frame) for picture in every_picture(await few(url, 3))]
            assert {one.shape for one in lumas} == {shape}
            numbers = [read_frame_index(one) for one in lumas]
            assert [(number - numbers[0]) % 8 for number in numbers] == [0, 1, 2]


async def test_the_recorder_reports_the_button(tmp_path):
    """A pull point hears the open contact, then the press: true, and false a second later."""
    heard = []
    async with (
        recorder(tmp_path) as (device, contact),
        asyncio.timeout(30),
        device.pull_point() as point,
    ):
        while len(heard) < 3:
            for message in (await point.pull(5.0, 16)).messages:
                (event,) = read_notification(message, SystemClock().now()).events
                heard.append((event.topic, event.source, event.data))
            if len(heard) == 1:
                contact.press()
    source = (("InputToken", button.INPUT),)
    states = [(("LogicalState", state),) for state in ("false", "true", "false")]
    assert heard == [(button.TOPIC, source, state) for state in states]
