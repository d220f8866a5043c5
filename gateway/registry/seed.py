# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A seed: the part of a registry that a person wrote, as TOML, as GeoJSON or as CSV.

A map (GeoJSON, CSV) is merged key by key: what it does not say of a camera stays as it is.

What a seed says of each entity by itself is checked when it is read; whether its references
lead anywhere is checked together with the registry that it is applied to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gateway.model.errors import ConfigError, ConfigErrors
from gateway.model.registry import Camera, Registry, User, empty_registry
from gateway.registry import schema
from gateway.registry.entities import (
    KINDS,
    Entity,
    Key,
    assemble,
    disagreements,
    flatten,
    key_of,
)
from gateway.registry.geojson import map_document
from gateway.registry.spreadsheet import is_table, table_document
from gateway.runtime.documents import Document, Loc, check, parse_json, parse_toml, read_text


@dataclass(frozen=True, slots=True)
class Seed:
    """Entities by key, in the order of the text, with the place of each for messages."""

    where: str
    entities: Mapping[Key, Entity]
    places: Mapping[Key, str] = field(compare=False, default_factory=dict)
    rows: Mapping[Key, schema.CameraRow] = field(default_factory=dict)
    """Cameras of a map, of which perhaps not everything is said."""

    @property
    def keys(self) -> tuple[Key, ...]:
        """Return what the seed names, in the order of KINDS."""
        named = [*self.entities, *self.rows]
        return tuple(sorted(named, key=lambda key: list(KINDS).index(key[0])))


@dataclass(frozen=True, slots=True)
class RegistryChange:
    """What an apply did, as sorted `kind/id`; all empty if nothing differed."""

    version: int
    """Version in force afterwards."""
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Return whether nothing differed, so that no new version was made."""
        return not (self.added or self.changed or self.removed)


def read_seed(path: Path) -> Seed:
    """Return the seed of a file; ConfigErrors lists everything that is wrong with it."""
    return parse_seed(read_text(path), str(path))


def is_map(text: str) -> bool:
    """Return whether a text is GeoJSON or CSV, so that its references may lead out of it."""
    return text.lstrip("\ufeff \t\r\n").startswith("{") or is_table(text)


def parse_seed(text: str, where: str) -> Seed:
    """Return the seed of a text: GeoJSON if it begins with {, CSV if with its header, else TOML."""
    if not is_map(text):
        return _whole(parse_toml(text, where))
    if is_table(text):
        return _map(table_document(text, where))
    return _map(map_document(parse_json(text.lstrip("\ufeff"), where)))


def _whole(document: Document) -> Seed:
    file = check(document, schema.File, _repeats(document))
    entities: dict[Key, Entity] = {}
    places: dict[Key, str] = {}
    for kind in KINDS:
        for index, table in enumerate(getattr(file, kind)):
            entity: Entity = table.makes()
            entities[key_of(entity)] = entity
            places[key_of(entity)] = document.place((kind, index))
    return Seed(document.where, entities, places)


def _map(document: Document) -> Seed:
    found = check(document, schema.Map, _repeats(document))
    rows: dict[Key, schema.CameraRow] = {("camera", row.id): row for row in found.camera}
    places = {key: document.place(("camera", i)) for i, key in enumerate(rows)}
    areas: dict[Key, Entity] = {("risk_area", area.id): area.makes() for area in found.risk_area}
    return Seed(document.where, areas, places, rows)


def _repeats(document: Document) -> list[ConfigError]:
    """Return a fault for each id that its kind already uses."""
    faults: list[ConfigError] = []
    for kind in KINDS:
        tables: Any = document.data.get(kind)
        seen: set[str] = set()
        for index, table in enumerate(tables if isinstance(tables, list) else []):
            id_ = table.get("id") if isinstance(table, dict) else None
            if isinstance(id_, str) and id_ in seen:
                loc: Loc = (kind, index, "id")
                faults.append(document.fault(loc, "is used twice", "write another id"))
            elif isinstance(id_, str):
                seen.add(id_)
    return faults


def merge(registry: Registry, seed: Seed, *, remove: bool = False) -> Registry:
    """Return the registry with the seed's entities in it, at the same version number.

    With `remove`, what the seed does not name goes. Users keep their passwords; cameras of a map
    keep what it does not say of them, their URL and credential above all. ConfigErrors if a
    reference leads nowhere, or if a map brings a new camera without what it needs.
    """
    before = flatten(registry)
    after = {} if remove else dict(before)
    for key, entity in seed.entities.items():
        old = before.get(key)
        if isinstance(entity, User) and isinstance(old, User) and not entity.password_hash:
            after[key] = replace(entity, password_hash=old.password_hash)
        else:
            after[key] = entity
    faults = _merge_rows(before, seed, after)
    faults += disagreements(after, lambda key: seed.places.get(key, seed.where))
    if faults:
        raise ConfigErrors(faults)
    return assemble(registry.version, after)


def _merge_rows(
    before: Mapping[Key, Entity], seed: Seed, after: dict[Key, Entity]
) -> list[ConfigError]:
    """Put the cameras of a map into `after`; return what is missing of those that are new."""
    faults: list[ConfigError] = []
    for key, row in seed.rows.items():
        old = before.get(key)
        missing = [] if old else list(row.missing())
        for name, advice in missing:
            place = seed.places.get(key, seed.where)
            label = f"camera[{row.id}].{name}"
            faults.append(ConfigError(place, label, "is missing (a new camera)", advice))
        if not missing:
            after[key] = row.makes(old if isinstance(old, Camera) else None)
    return faults


def compare(before: Registry, after: Registry) -> RegistryChange:
    """Return what differs, under the version number of `after`; password hashes are ignored."""
    old, new = flatten(before), flatten(after)
    changed = [key for key in old.keys() & new.keys() if _bare(old[key]) != _bare(new[key])]
    return RegistryChange(
        after.version,
        added=_written(new.keys() - old.keys()),
        changed=_written(changed),
        removed=_written(old.keys() - new.keys()),
    )


def check_alone(seed: Seed) -> RegistryChange:
    """Return what the seed would do to an empty box; ConfigErrors if it needs more than itself."""
    return compare(empty_registry(), merge(empty_registry(), seed))


def _bare(entity: Entity) -> Entity:
    return replace(entity, password_hash="") if isinstance(entity, User) else entity


def _written(keys: object) -> tuple[str, ...]:
    return tuple(sorted("/".join(key) for key in keys))  # type: ignore[attr-defined]
