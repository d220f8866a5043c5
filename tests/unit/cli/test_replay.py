# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.cli.replay: what is typed, what is printed, and who can read the page."""

import json
import re
from pathlib import Path

import pytest

from gateway.cli.main import main
from gateway.cli.replay import ReplayRequest, _begin, _plan
from gateway.cli.speech import Say, speech
from gateway.codec.mp4 import write_mp4
from gateway.model.errors import ConfigError
from tests.footage import scene

SAY: Say = speech({"LANG": "it_IT.UTF-8"})
SEED = Path(__file__).parents[3] / "configs" / "seed-farmacia.toml"


def request(**changes):
    values = {"file": Path("x.mp4"), "seed": None, "camera": "", "sheet": None, "start": ""}
    return ReplayRequest(**(values | changes), as_json=False)


def test_a_recording_from_the_command_line(tmp_path, capsys):
    """What would have alarmed is printed with its reason, and drawn for nobody but the owner."""
    clip, page = tmp_path / "visit.mp4", tmp_path / "page.html"
    clip.write_bytes(write_mp4(scene(300, gop=25, visits=range(150, 230))))
    page.write_text("old")
    page.chmod(0o644)
    assert main(["replay", str(clip), "--sheet", str(page), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (one,) = told["alarms"]
    assert (one["rule"], told["more"], told["units"]) == ("intrusione", 0, 300)
    assert one["why_it"].startswith("Movimento nella zona")
    assert page.stat().st_mode & 0o777 == 0o600
    assert "data:image/jpeg;base64," in page.read_text()


def test_what_cannot_be_replayed_is_said(tmp_path, capsys):
    """A file that is not there, a time without a zone, a camera without a seed."""
    assert main(["replay", str(tmp_path / "none.mp4")])
    assert "none.mp4" in capsys.readouterr().err
    for words in ("yesterday", "2026-11-23T10:00:00"):
        with pytest.raises(ConfigError, match="--start"):
            _begin(words)
    assert _begin("2026-11-23T10:00:00Z").utc_us == 1_795_428_000_000_000
    with pytest.raises(ConfigError, match="--camera"):
        _plan(request(camera="c"), SAY)


def test_zones_and_masks_come_from_a_seed(tmp_path):
    """Of the camera that is named; armed at all hours unless it is said when it was recorded."""
    plan = _plan(request(seed=SEED), SAY)
    zones = {zone.id: zone for zone in plan.zones}
    assert set(zones) == {"farmacia-banco-manomissione", "farmacia-dietro-il-banco"}
    assert [mask.id for mask in plan.masks] == ["farmacia-vetrina"]
    assert zones["farmacia-dietro-il-banco"].armed == ()
    dated = _plan(request(seed=SEED, start="2026-11-23T10:00:00Z"), SAY)
    assert [len(one.armed) for one in dated.zones if one.id == "farmacia-dietro-il-banco"] == [1]
    with pytest.raises(ConfigError, match="none of its cameras"):
        _plan(request(seed=SEED, camera="other"), SAY)
    bare = tmp_path / "bare.toml"
    bare.write_text(re.sub(r"(?s)\[\[zone\]\].*?(?=\n\[\[)", "", SEED.read_text()))
    with pytest.raises(ConfigError, match="has no zone"):
        _plan(request(seed=bare), SAY)


def test_without_a_seed_the_whole_picture_is_guarded():
    """Against movement and tampering, and no mask is known."""
    plan = _plan(request(), SAY)
    assert [zone.analytic.value for zone in plan.zones] == ["intrusione", "manomissione"]
    assert plan.masks == ()
