# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The files that installers start from: each loads, and its comments tell the truth."""

import re
from pathlib import Path

import pytest

from gateway.config.load import changes, load, parse
from gateway.config.schema import File
from gateway.ingest.makes import read_makes
from gateway.model.registry import SiteKind, SiteState, empty_registry
from gateway.registry.coverage import coverage
from gateway.registry.entities import GOVERNED, KINDS
from gateway.registry.schema import File as SeedFile
from gateway.registry.seed import merge, read_seed

CONFIGS = Path(__file__).parents[3] / "configs"
GATEWAY = CONFIGS / "gateway.toml"
SEEDS = sorted(CONFIGS.glob("seed-*.toml"))
RECORDER = "registratore"
DEFAULT = re.compile(r"^#(?=\S+ = )", re.MULTILINE)
EXAMPLE_KEY = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
"""Public, and nobody's: the first test vector of RFC 8032."""
EXAMPLE = re.compile(r"^## ", re.MULTILINE)


def test_the_sample_is_a_box_of_defaults():
    """As delivered it says who the box is and nothing else."""
    plain = parse('[box]\nid = "varco-nord"\nname = "Varco Nord"\n', GATEWAY)
    assert load(GATEWAY) == plain


def test_what_the_sample_calls_a_default_is_one():
    """With every # taken away the box is still the same."""
    text, count = DEFAULT.subn("", GATEWAY.read_text())
    assert count >= 15
    assert changes(load(GATEWAY), parse(text, GATEWAY)) == ()


def test_each_default_of_the_sample_is_really_read():
    """Every shown line, if it said something else, would change the box or be refused."""
    for line in DEFAULT.sub("\0", GATEWAY.read_text()).splitlines():
        if line.startswith("\0"):
            key = line[1:].split(" = ")[0]
            assert any(key in table.model_fields for table in tables(File)), key


def test_the_examples_of_the_sample_load():
    """With every ## taken away too, the file is good and every table is there."""
    text, count = EXAMPLE.subn("", GATEWAY.read_text())
    assert count >= 15
    options = parse(text, GATEWAY)
    assert options.machines is not None
    assert options.brokers[0].tls is not None
    assert options.registry.seed == CONFIGS / "seed.toml"


def test_the_sample_shows_every_key():
    """A key that is added to the schema must be explained to installers."""
    text = EXAMPLE.sub("", DEFAULT.sub("", GATEWAY.read_text()))
    shown = set(re.findall(r"^(\w+) = ", text, re.MULTILINE))
    assert {name for table in tables(File) for name in table.model_fields} - set(
        File.model_fields
    ) - {"tls", "witness", "account", "zone", "source"} <= shown
    for name in File.model_fields:
        assert re.search(rf"^\[\[?{name}\]", text, re.MULTILINE), name


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)
def test_every_seed_is_whole_and_its_site_is_of_its_kind(path):
    """Each seed can be applied to an empty box, and is named after what it shows."""
    registry = merge(empty_registry(), read_seed(path))
    assert registry.cameras
    assert registry.acts
    assert registry.users
    kinds = {site.kind for site in registry.sites.values()}
    name = path.stem.removeprefix("seed-")
    assert kinds == {SiteKind.COMPANY if name == RECORDER else SiteKind(name)}


def test_there_is_a_seed_for_each_site_type_that_is_promised():
    """Six kinds of site, six files; and one for cameras behind a recorder."""
    assert [path.stem.removeprefix("seed-") for path in SEEDS] == [
        "banca",
        "condominio",
        "farmacia",
        "piazza",
        RECORDER,
        "scuola",
        "varco",
    ]


def test_the_seeds_together_show_every_kind_of_entity_and_refusal():
    """They hold all tables but those that people enter, and one site that is not active."""
    seeds = [read_seed(path) for path in SEEDS]
    assert {kind for seed in seeds for kind, _ in seed.entities} == set(KINDS) - GOVERNED
    assert set(SeedFile.model_fields) == set(KINDS)
    states = {e.state for s in seeds for (kind, _), e in s.entities.items() if kind == "site"}
    assert states > {SiteState.ACTIVE}


def test_the_recorder_seed_shows_channels_sub_streams_and_its_risk_area_is_covered():
    """Cameras by channel without URL, one with both URLs, and an area that they look at."""
    registry = merge(empty_registry(), read_seed(CONFIGS / f"seed-{RECORDER}.toml"))
    cameras = registry.cameras.values()
    assert sorted(camera.channel for camera in cameras) == [1, 2, 3, 4]
    assert [camera.id for camera in cameras if camera.url] == ["marmi-carico"]
    assert [camera.id for camera in cameras if camera.sub_url] == ["marmi-carico"]
    (area,) = coverage(cameras, registry.risk_areas.values())
    assert {device.make for device in registry.devices.values()} <= read_makes().keys()
    assert 0.02 < area.share < 0.9
    assert len(area.cameras) == 4
    assert area.gaps


@pytest.mark.parametrize("path", [GATEWAY, *SEEDS], ids=lambda path: path.stem)
def test_samples_hold_no_real_address_and_no_secret(path):
    """Addresses of RFC 5737, names of RFC 2606, and references only."""
    text = path.read_text()
    for address in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", text):
        assert address.startswith(("192.0.2.", "127.0.0.1", "0.0.0.0")), address
    for secret in re.findall(r'(?:password|credential|key) = "([^"]*)"', text):
        if secret.startswith("sala.example/"):
            continue  # a witness's public key
        if secret == EXAMPLE_KEY:
            continue  # the public half of an office's key
        assert secret.startswith(("credential:", "env:", "file:")), secret


def tables(model):
    """Yield every table of the schema."""
    from gateway.runtime.documents import _table

    yield model
    for field in model.model_fields.values():
        inner = _table(field.annotation)
        if inner is not None:
            yield from tables(inner)
