# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Commands about places, as a user types them; the registry comes from the daemon."""

import json
from dataclasses import replace

import pytest

from gateway.cli.places import _percent
from gateway.model.registry import RiskArea
from gateway.registry.seed import parse_seed
from gateway.registry.seed_text import to_toml
from tests.unit.registry.worlds import SEED, small

EXPORT = "GET /control/registry/export?format=toml"
OSM = {
    "elements": [
        {"type": "node", "id": 1, "lat": 44.0354, "lon": 10.1396, "tags": {}},
        {"type": "node", "id": 2, "lat": 44.0355, "lon": 10.1395, "tags": {}},
        {"type": "node", "id": "3\u001b[2J", "lat": 44.1354, "lon": 10.1395, "tags": {}},
    ]
}
for one in OSM["elements"]:
    one["tags"] = {"man_made": "surveillance"}
OSM["elements"][0]["tags"] = {"amenity": "bank"}


@pytest.fixture
def ask(varco, daemon):
    """Run `varco registry …` against a daemon with a registry."""

    def run(registry, *words, **environ):
        daemon.answer(EXPORT, 200, to_toml(registry), "application/toml")
        return varco("registry", *words, "--socket", daemon.path, **environ)

    return run


def area(name="piazza", *, half_deg=0.0002, priority=4, at=(44.0350, 10.1392)):
    """Return a square in front of the only camera, which looks south-west."""
    south, west = at[0] - half_deg, at[1] - half_deg
    north, east = at[0] + half_deg, at[1] + half_deg
    corners = ((west, south), (east, south), (east, north), (west, north))
    return RiskArea(name, "Piazza", corners, priority)


def test_the_cameras_near_a_place_are_told_with_what_they_see(varco, daemon):
    """Distance, direction and whether it looks there; status 1 if none is near."""
    daemon.answer(EXPORT, 200, SEED)
    camera = parse_seed(SEED, "seed").entities["camera", "banco"]
    place = (camera.latitude, camera.longitude)
    done = varco("registry", "nearest", *place, "--socket", daemon.path)
    assert done.returncode == 0, done.stderr
    assert camera.id in done.stdout
    far = varco("registry", "nearest", "10", "10", "--socket", daemon.path)
    assert (far.returncode, "nessuna telecamera" in far.stderr) == (1, True)


def test_coverage_names_share_cameras_and_gaps(ask):
    """The highest priority first; an area that nobody sees is one gap as large as itself."""
    far = area("porto", priority=5, at=(44.05, 10.13))
    world = replace(small(), risk_areas={one.id: one for one in (area(), far)})
    done = ask(world, "coverage")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "Piazza (porto), priorità 5"
    assert lines[1].startswith("  coperto 0 % di 14")
    assert lines[1].endswith("m²: nessuna telecamera")
    assert lines[2].startswith("  scoperti 14")
    assert lines[3] == "Piazza (piazza), priorità 4"
    assert lines[4].endswith("m²: banco")
    assert "muri e ostacoli" in lines[-1]
    assert "covered" in ask(world, "coverage", LANG="en_GB.UTF-8").stdout


def test_coverage_as_json_says_the_same_in_numbers(ask):
    """Shares from 0 to 1, gaps with a point inside them."""
    done = ask(replace(small(), risk_areas={"piazza": area()}), "coverage", "--json")
    (one,) = json.loads(done.stdout)
    assert (one["id"], one["priority"], one["cameras"]) == ("piazza", 4, ["banco"])
    assert 0 < one["share"] < 1
    open_m2 = sum(gap["area_m2"] for gap in one["gaps"])
    assert open_m2 == pytest.approx(one["area_m2"] * (1 - one["share"]), rel=0.05)
    assert all(abs(gap["latitude"] - 44.0350) < 0.0003 for gap in one["gaps"])


def test_without_a_risk_area_there_is_nothing_to_cover(ask):
    """Status 1 and a sentence; JSON stays JSON."""
    done = ask(small(), "coverage")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nessuna area a rischio" in done.stderr
    assert json.loads(ask(small(), "coverage", "--json").stdout) == []


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0 %"), (0.0001, "< 0.1 %"), (0.004, "0.4 %"), (0.5, "50 %"), (0.9999, "> 99.9 %")],
)
def test_nearly_all_is_not_all(share, words):
    """Only a whole area reads as 100 %, only an unseen one as 0 %."""
    assert _percent(share) == words
    assert _percent(1.0) == "100 %"


def test_candidates_stand_beside_the_nearest_registered_camera(ask, tmp_path):
    """What is farthest from any comes first; what a stranger wrote cannot steer the terminal."""
    (tmp_path / "osm.json").write_text(json.dumps(OSM))
    done = ask(small(), "candidates", "osm.json")
    assert done.returncode == 0, done.stderr
    far, near, source = done.stdout.splitlines()
    assert far.startswith("node/3[2J  44.135400 10.139500  11")
    assert far.endswith(" m  banco  forse manca")
    assert near == "node/2  44.035500 10.139500  11 m  banco  probabilmente è questa"
    assert "OpenStreetMap contributors" in source


def test_candidates_as_json_open_on_a_map(ask, tmp_path):
    """GeoJSON points with the attribution that the licence asks for."""
    (tmp_path / "osm.json").write_text(json.dumps(OSM))
    made = json.loads(ask(small(), "candidates", "osm.json", "--json").stdout)
    assert [one["properties"]["known"] for one in made["features"]] == [False, True]
    assert "Open Database License" in made["attribution"]


def test_candidates_of_a_registry_without_places(ask, tmp_path):
    """Everything is perhaps missing."""
    (tmp_path / "osm.json").write_text(json.dumps(OSM))
    world = small()
    camera = replace(world.cameras["banco"], latitude=0.0, longitude=0.0)
    done = ask(replace(world, cameras={"banco": camera}), "candidates", "osm.json")
    assert done.stdout.count("nessuna telecamera ha una posizione  forse manca") == 2


def test_a_file_that_is_no_extract_is_refused_before_the_daemon_is_asked(varco, daemon, tmp_path):
    """Status 78 with the advice; an extract without a camera is status 1."""
    (tmp_path / "x.json").write_text("{}")
    done = varco("registry", "candidates", "x.json", "--socket", daemon.path)
    assert (done.returncode, daemon.asked) == (78, [])
    assert "x.json: is no extract of OpenStreetMap" in done.stderr
    daemon.answer(EXPORT, 200, to_toml(small()), "application/toml")
    (tmp_path / "x.json").write_text('{"elements": []}')
    done = varco("registry", "candidates", "x.json", "--socket", daemon.path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "nessuna telecamera nel file" in done.stderr
