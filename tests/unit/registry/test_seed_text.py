# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A registry written as a seed."""

import tomllib
from dataclasses import replace

from hypothesis import given

from gateway.model.registry import empty_registry
from gateway.registry.seed import merge, parse_seed
from gateway.registry.seed_text import to_toml
from tests.unit.registry.worlds import few, registries, small


@few
@given(registries())
def test_a_seed_brings_back_the_registry_that_wrote_it(registry):
    """Registry -> TOML -> Registry changes nothing."""
    assert merge(empty_registry(), parse_seed(to_toml(registry), "s")) == registry


def test_defaults_and_passwords_are_not_written():
    """What a person did not say is not said for them."""
    user = replace(small().users["verdi"], password_hash="$argon2id$x")
    text = to_toml(replace(small(), users={"verdi": user}))
    assert "argon2id" not in text
    assert "field_of_view_deg" not in text
    assert tomllib.loads(text)["user"] == [
        {"id": "verdi", "name": "Luca Verdi", "role": "pl.operator", "organisation": "sala"}
    ]


def test_quotes_and_backslashes_are_escaped():
    """A name may hold what TOML gives a meaning to."""
    name = 'L\'"Angolo" \\ c:\\u0041'
    world = small()
    world = replace(world, sites={"sede": replace(world.sites["sede"], name=name)})
    assert tomllib.loads(to_toml(world))["site"][0]["name"] == name
