# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.clips, with real painting processes and a tiny scene."""

import ast
import shutil
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise

import pytest

from gateway.model.errors import InvariantError, StoreError
from gateway.simulator import clips
from gateway.simulator.clips import ClipPlan, content_key, paint_part, prepare
from gateway.simulator.paint import read_frame_index
from tests.unit.simulator.pictures import decoded
from tests.unit.simulator.tiny_scene import LostScene, OddScene, TinyScene

PLAN = ClipPlan("prova", "loop", TinyScene, (480, 270))


class Steps:
    """Writes down the progress."""

    def __init__(self):
        self.said = []

    def __call__(self, share, what):
        self.said.append((share, what))


@pytest.fixture(scope="module")
def painted(tmp_path_factory):
    """A cache with the tiny clip, painted once for this module; tests copy what they harm."""
    cache = tmp_path_factory.mktemp("town")
    steps = Steps()
    clip = prepare([PLAN], cache, steps, workers=1)[PLAN.name]
    return cache, clip, steps.said


def test_a_clip_is_coded_in_order_with_key_units_each_second(painted):
    """Two seconds of four pictures, each telling its index, with what is true of it."""
    _, clip, _ = painted
    assert clip.fps == 4
    assert [unit.is_key for unit in clip.units] == [True, False, False, False] * 2
    assert [unit.pts_90k for unit in clip.units] == [k * 22500 for k in range(8)]
    lumas = decoded(clips.pack_many(clip.units))
    assert [read_frame_index(luma) for luma in lumas] == list(range(8))
    assert [seen[0].box.left for seen in clip.truth.pictures] == [
        (100 + 100 * k) / 1280 for k in range(8)
    ]


def test_the_small_rendition_has_the_same_pictures(painted):
    """As many units with the same times and key units, in its own size, each with its index."""
    _, clip, _ = painted
    assert [(u.pts_90k, u.is_key) for u in clip.sub] == [(u.pts_90k, u.is_key) for u in clip.units]
    lumas = [luma[:270] for luma in decoded(clips.pack_many(clip.sub))]
    assert {luma.shape for luma in lumas} == {(270, 480)}
    assert [read_frame_index(luma) for luma in lumas] == list(range(8))
    for number, luma in enumerate(lumas):
        bright = luma[115:145].mean(axis=0) > 180
        assert bright.nonzero()[0].mean() == pytest.approx((150 + 100 * number) * 0.375, abs=2)
    assert sum(u.size_bytes() for u in clip.sub) < sum(u.size_bytes() for u in clip.units) / 2


def test_a_plan_that_wants_another_rendition_paints_anew(painted):
    """The cache is not believed where the plan's small size changed; without one there is none."""
    cache, clip, _ = painted
    plain = replace(PLAN, sub_px=(0, 0))
    try:
        assert prepare([plain], cache, Steps(), workers=1)[plain.name] == replace(clip, sub=())
    finally:
        assert prepare([PLAN], cache, Steps(), workers=1)[PLAN.name] == clip


def test_a_clip_that_another_process_just_saved_stays(painted, tmp_path, monkeypatch):
    """Two that paint at once end with one sound clip, and neither fails."""
    cache, clip, _ = painted
    (folder,) = cache.iterdir()
    shutil.copytree(folder, tmp_path / folder.name)
    monkeypatch.setattr(clips.shutil, "rmtree", lambda *_, **__: None)
    clips._save(tmp_path / folder.name, PLAN, clip)
    assert prepare([PLAN], tmp_path, Steps())[PLAN.name] == clip


def test_progress_grows_to_one(painted):
    """A bar drawn from it never goes back and ends full; it names the clip."""
    _, _, said = painted
    assert said[-1] == (1.0, "")
    assert all(one[0] <= other[0] for one, other in pairwise(said))
    assert {what for _, what in said[:-1]} == {"prova-loop"}
    assert len(said) >= 3


def test_the_second_start_paints_nothing(painted):
    """From the cache comes the same clip, without a painting process."""
    cache, clip, _ = painted
    steps = Steps()
    assert prepare([PLAN], cache, steps)[PLAN.name] == clip
    assert steps.said == [(1.0, "")]


def test_a_changed_byte_is_noticed_and_painted_over(painted):
    """Whichever file is harmed, the clip is not believed; painted anew it is the same again."""
    cache, clip, _ = painted
    (folder,) = cache.iterdir()
    for name in ("sub.bin", "truth.json", "manifest.json", "units.bin"):
        assert clips._load(folder, PLAN) == clip
        sound = (folder / name).read_bytes()
        data = bytearray(sound)
        data[len(data) // 2] ^= 0x40
        (folder / name).write_bytes(data)
        assert clips._load(folder, PLAN) is None
        if name != "units.bin":
            (folder / name).write_bytes(sound)
    steps = Steps()
    assert prepare([PLAN], cache, steps, workers=1)[PLAN.name] == clip
    assert len(steps.said) > 1
    assert [entry.name for entry in cache.iterdir()] == [folder.name]


def test_what_older_code_painted_is_thrown_away(painted):
    """A new key takes the place of the old one; other clips stay."""
    cache, clip, _ = painted
    (folder,) = cache.iterdir()
    old = folder.rename(cache / ("prova-loop-" + "0" * 16))
    other = cache / ("prova-loop-sera-" + "0" * 16)
    other.mkdir()
    assert prepare([PLAN], cache, Steps(), workers=1)[PLAN.name] == clip
    assert not old.exists()
    assert other.exists()
    other.rmdir()


def test_painting_is_deterministic():
    """Painted again, also in this process, the bytes are the same."""
    assert paint_part(TinyScene, 4, 8) == paint_part(TinyScene, 4, 8)


def test_a_scene_that_does_not_end_with_a_group_is_our_bug(tmp_path):
    """A loop must be cut at a key unit."""
    with pytest.raises(InvariantError, match="group"):
        prepare([ClipPlan("prova", "odd", OddScene)], tmp_path, Steps(), workers=1)
    assert list(tmp_path.iterdir()) == []


def test_a_painter_that_fails_says_so(tmp_path):
    """The painting process's error reaches the caller, and nothing half done is kept."""
    with pytest.raises(RuntimeError, match="painter has left"):
        prepare([ClipPlan("prova", "lost", LostScene)], tmp_path, Steps(), workers=2)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    """A file where the folder should be gives a StoreError with its path."""
    (tmp_path / "town").write_text("not a folder")
    with pytest.raises(StoreError, match="town"):
        prepare([PLAN], tmp_path / "town", Steps(), workers=1)


def test_the_key_follows_everything_that_paints():
    """Every module that a scene needs, directly or not, is part of the key."""
    package = files("gateway.simulator")
    scenes = {"scene_gate", "scene_lanes", "scene_square", "scene_pharmacy", "scene_port"}
    needed, waiting = set(), {*scenes, "clips"}
    while waiting:
        name = waiting.pop()
        needed.add(f"{name}.py")
        for node in ast.walk(ast.parse(package.joinpath(f"{name}.py").read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                if node.module.startswith("gateway.simulator."):
                    found = {node.module.rpartition(".")[2]}
                elif node.module == "gateway.simulator":
                    found = {alias.name for alias in node.names}
                else:
                    continue
                waiting |= {one for one in found if f"{one}.py" not in needed}
    assert needed | {"encode.py"} == clips._PAINTERS
    assert len(content_key()) == 16
