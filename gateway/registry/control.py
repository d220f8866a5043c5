# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the control socket asks of the registry, as plain functions for the composition root."""

from gateway.model.errors import ConfigError
from gateway.model.registry import Registry
from gateway.registry.geojson import CSV_TYPE, GEOJSON_TYPE, to_csv, to_geojson
from gateway.registry.seed import RegistryChange, parse_seed
from gateway.registry.seed_text import TOML_TYPE, to_toml
from gateway.registry.store import RegistryStore

FORMATS = ("geojson", "csv", "toml")


async def apply_text(
    store: RegistryStore, text: str, *, where: str, by: str, replace: bool = False
) -> RegistryChange:
    """Apply a seed that came as text (`POST /control/registry/apply`); ConfigErrors if unusable.

    `where` names the text in messages and in the version's record, for example the file's name.
    """
    return await store.apply(parse_seed(text, where), by=by, replace=replace)


def export(registry: Registry, form: str) -> tuple[str, str]:
    """Return media type and text (`GET /control/registry/export?format=`).

    The whole registry as a TOML seed, or a map of its cameras as GeoJSON or CSV.
    """
    if form == "geojson":
        return GEOJSON_TYPE, to_geojson(registry)
    if form == "csv":
        return CSV_TYPE, to_csv(registry)
    if form == "toml":
        return TOML_TYPE, to_toml(registry)
    raise ConfigError("request", "format", "unknown format", f"write {', '.join(FORMATS)}")
