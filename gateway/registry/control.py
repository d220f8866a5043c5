# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the control socket asks of the registry, as plain functions for the composition root."""

from collections.abc import Callable, Mapping

from gateway.model.errors import ConfigError
from gateway.model.registry import Registry
from gateway.registry.geojson import GEOJSON_TYPE, to_geojson
from gateway.registry.osm import candidates_text, read_osm, reconcile, to_osm
from gateway.registry.seed import RegistryChange, parse_seed
from gateway.registry.seed_text import TOML_TYPE, to_toml
from gateway.registry.spreadsheet import CSV_TYPE, to_csv, to_italian_csv
from gateway.registry.store import RegistryStore

_FORMS: Mapping[str, tuple[str, Callable[[Registry], str]]] = {
    "geojson": (GEOJSON_TYPE, to_geojson),
    "csv": (CSV_TYPE, to_csv),
    "csv-it": (CSV_TYPE, to_italian_csv),
    "osm-geojson": (GEOJSON_TYPE, to_osm),
    "toml": (TOML_TYPE, to_toml),
}
FORMATS = tuple(_FORMS)


async def apply_text(
    store: RegistryStore, text: str, *, where: str, by: str, replace: bool = False
) -> RegistryChange:
    """Apply a seed that came as text (`POST /control/registry/apply`); ConfigErrors if unusable.

    `where` names the text in messages and in the version's record, for example the file's name.
    """
    return await store.apply(parse_seed(text, where), by=by, replace=replace)


def export(registry: Registry, form: str) -> tuple[str, str]:
    """Return media type and text (`GET /control/registry/export?format=`).

    `toml`: the whole registry as a seed. `geojson`: cameras and risk areas as a map. `csv`,
    `csv-it` (for spreadsheets in Italian): cameras. `osm-geojson`: cameras of public areas of
    active sites with the tags of OpenStreetMap.
    """
    if form not in _FORMS:
        raise ConfigError("request", "format", "unknown format", f"write {', '.join(FORMATS)}")
    media_type, write = _FORMS[form]
    return media_type, write(registry)


def candidates(registry: Registry, text: str, where: str) -> str:
    """Return what OpenStreetMap knows (Overpass JSON or XML, GeoJSON) beside what we know.

    GeoJSON with its attribution; nothing is applied. ConfigError if the text is neither.
    """
    return candidates_text(reconcile(registry, read_osm(text, where)))
