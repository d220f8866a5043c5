# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.town."""

import tomllib
from importlib.resources import files

from gateway.simulator.camera import LOOP
from gateway.simulator.clips import ClipPlan
from gateway.simulator.paint import HEIGHT, STRIP_BLOCK_PX
from gateway.simulator.town import GUARDED_POLYGON, INTRUSION, PLANS, build_cameras
from tests.fakes import FakeClock
from tests.unit.simulator.tiny_scene import TinyScene


def test_the_plans_are_the_cameras_of_the_seed():
    """Each camera of town.toml has its loop, the pharmacy also its intrusion, and no other."""
    text = files("gateway.simulator").joinpath("town.toml").read_text(encoding="utf-8")
    for mark in ("@polygon@", "@from@", "@until@"):
        text = text.replace(mark, "[]")
    cameras = {camera["id"] for camera in tomllib.loads(text)["camera"]}
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
