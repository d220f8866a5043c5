# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A seed: the part of a registry that a person wrote, as TOML or as GeoJSON of cameras.

What a seed says of each entity by itself is checked when it is read; whether its references
lead anywhere is checked together with the registry that it is applied to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gateway.model.errors import ConfigError, ConfigErrors
from gateway.model.registry import Registry, User, empty_registry
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
from gateway.registry.geojson import cameras_document
from gateway.runtime.documents import Document, Loc, check, parse_json, parse_toml, read_text


@dataclass(frozen=True, slots=True)
class Seed:
    """Entities by key, in the order of the text, with the place of each for messages."""

    where: str
    entities: Mapping[Key, Entity]
    places: Mapping[Key, str] = field(compare=False, default_factory=dict)


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


def parse_seed(text: str, where: str) -> Seed:
    """Return the seed of a text: a GeoJSON FeatureCollection if it begins with {, else TOML."""
    if text.lstrip().startswith("{"):
        document = cameras_document(parse_json(text, where))
    else:
        document = parse_toml(text, where)
    file = check(document, schema.File, _repeats(document))
    entities: dict[Key, Entity] = {}
    places: dict[Key, str] = {}
    for kind in KINDS:
        for index, table in enumerate(getattr(file, kind)):
            entity: Entity = table.makes()
            entities[key_of(entity)] = entity
            places[key_of(entity)] = document.place((kind, index))
    return Seed(where, entities, places)


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

    With `remove`, what the seed does not name goes. Users keep their passwords. ConfigErrors if
    a reference leads nowhere.
    """
    before = flatten(registry)
    after = {} if remove else dict(before)
    for key, entity in seed.entities.items():
        old = before.get(key)
        if isinstance(entity, User) and isinstance(old, User) and not entity.password_hash:
            after[key] = replace(entity, password_hash=old.password_hash)
        else:
            after[key] = entity
    faults = disagreements(after, lambda key: seed.places.get(key, seed.where))
    if faults:
        raise ConfigErrors(faults)
    return assemble(registry.version, after)


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
