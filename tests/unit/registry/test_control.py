# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the control socket asks."""

import json

import pytest

from gateway.model.errors import ConfigError, ConfigErrors
from gateway.registry.control import FORMATS, apply_text, candidates, export
from gateway.registry.seed import parse_seed
from gateway.registry.store import open_registry
from tests.fakes import FakeClock
from tests.unit.registry.worlds import SEED, small


async def test_text_is_applied_under_the_name_it_came_with(tmp_path):
    """The version's record and the faults name the text."""
    async with open_registry(tmp_path / "registry.db", clock=FakeClock()) as store:
        change = await apply_text(store, SEED, where="upload", by="root")
        assert change.version == 1
        assert (await store.versions())[0].source == "upload"
        with pytest.raises(ConfigErrors, match=r"^upload:1: camra: unknown key"):
            await apply_text(store, "camra = 1", where="upload", by="root")


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_can_be_exported(form):
    """Each form has its media type and holds the camera."""
    kind, text = export(small(), form)
    assert form.removeprefix("osm-").removesuffix("-it") in kind.replace("geo+json", "geojson")
    assert ("banco" in text) is (form != "osm-geojson")


def test_the_toml_export_is_a_seed_of_everything():
    """What leaves as TOML can be applied elsewhere."""
    assert len(parse_seed(export(small(), "toml")[1], "x").entities) == 8


def test_an_unknown_form_is_refused_with_those_that_exist():
    """The answer lists what can be asked for."""
    with pytest.raises(ConfigError, match="write geojson, csv, csv-it, osm-geojson, toml"):
        export(small(), "pdf")


@pytest.mark.parametrize("form", ["geojson", "csv", "csv-it", "toml"])
async def test_every_form_that_holds_ids_can_be_applied_again(tmp_path, form):
    """An export that comes back makes no new version."""
    async with open_registry(tmp_path / "registry.db", clock=FakeClock()) as store:
        await apply_text(store, SEED, where="s", by="root")
        _, text = export(store.current(), form)
        assert (await apply_text(store, text, where="back", by="root")).empty
        assert store.current().version == 1


def test_candidates_are_a_map_with_its_attribution():
    """What OpenStreetMap knows is shown beside what we know, and nothing is applied."""
    node = {"type": "node", "id": 7, "lat": 44.0354, "lon": 10.1395}
    node["tags"] = {"man_made": "surveillance"}
    text = candidates(small(), json.dumps({"elements": [node]}), "osm.json")
    assert json.loads(text)["features"][0]["properties"]["nearest"] == "banco"
    assert "© OpenStreetMap contributors" in text
