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
from gateway.model.registry import Camera, Edge, Extension, Registry, User, empty_registry
from gateway.model.time import Moment
from gateway.registry import schema, states
from gateway.registry.entities import (
    GOVERNED,
    KINDS,
    Entity,
    Key,
    assemble,
    bare,
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
    text: str = field(compare=False, default="", repr=False)
    """What was parsed; empty if it was made by hand."""

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
    held: str = ""
    """Id of the held change: nothing was applied, two people have to approve it first."""
    founders: tuple[str, ...] = ()
    """Users who can approve from now on, about whom nobody could be asked (D.7)."""
    orphans: tuple[str, ...] = ()
    """Organisations that had somebody who could approve, and have nobody from now on."""

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
        seed = _whole(parse_toml(text, where))
    elif is_table(text):
        seed = _map(table_document(text, where))
    else:
        seed = _map(map_document(parse_json(text.lstrip("\ufeff"), where)))
    return replace(seed, text=text)


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


def merge(
    registry: Registry, seed: Seed, *, remove: bool = False, now: Moment | None = None
) -> Registry:
    """Return the registry with the seed's entities in it, at the same version number.

    With `remove`, what the seed does not name goes, except what people entered (GOVERNED). Users
    keep their secrets, edges what they were enrolled with; cameras of a map keep what it does not
    say of them, their URL and credential above all. ConfigErrors if a reference leads nowhere, if a
    map brings a new camera without what it needs, if the seed says of a governed entity what nobody
    entered or of an edge what no enrolment brought, or if a site becomes active without what it
    needs. `now` is the first day of sites that become active.
    """
    before = flatten(registry)
    kept = {key: entity for key, entity in before.items() if key[0] in GOVERNED}
    after = kept if remove else dict(before)
    for key, entity in seed.entities.items():
        after[key] = _enrolled(_with_secrets(entity, before.get(key)), before.get(key))
    faults = _merge_rows(before, seed, after)
    faults += _entered_by_nobody(before, seed) if registry.version else []
    faults += _enrolled_by_nobody(before, seed) if registry.version else []
    if remove:
        _drop_extensions(after)
    if now is not None:
        states.dated(before, after, now)

    def place(key: Key) -> str:
        return seed.places.get(key, seed.where)

    faults += disagreements(after, place)
    if faults:
        raise ConfigErrors(faults)
    merged = replace(assemble(registry.version, after), stale=registry.stale)
    lacking = states.newly(states.conditions(merged, place), states.conditions(registry, place))
    if lacking:
        raise ConfigErrors(lacking)
    return merged


def _with_secrets(entity: Entity, old: Entity | None) -> Entity:
    """Return a user with the secrets that no document holds."""
    if not isinstance(entity, User) or not isinstance(old, User):
        return entity
    return replace(
        entity,
        password_hash=entity.password_hash or old.password_hash,
        totp_secret=entity.totp_secret or old.totp_secret,
    )


def _enrolled(entity: Entity, old: Entity | None) -> Entity:
    """Return an edge with what its enrolment told, where a document says nothing of it."""
    if not isinstance(entity, Edge) or not isinstance(old, Edge):
        return entity
    return replace(
        entity,
        certificate_sha256=entity.certificate_sha256 or old.certificate_sha256,
        ledger_vkey=entity.ledger_vkey or old.ledger_vkey,
    )


def _enrolled_by_nobody(before: Mapping[Key, Entity], seed: Seed) -> list[ConfigError]:
    """Return a fault for each key of an edge that did not come with an enrolment.

    Who can apply a document could otherwise let a box of their own in as an edge.
    """
    faults = []
    for key, entity in seed.entities.items():
        if not isinstance(entity, Edge):
            continue
        old = before.get(key)
        for name in ("certificate_sha256", "ledger_vkey"):
            said = getattr(entity, name)
            if said and said != (getattr(old, name) if old else ""):
                where = seed.places.get(key, seed.where)
                problem = "comes with an enrolment, not with a document"
                advice = f"remove the line and run: varco link invite {entity.id}"
                faults.append(ConfigError(where, f"edge[{entity.id}].{name}", problem, advice))
    return faults


def _entered_by_nobody(before: Mapping[Key, Entity], seed: Seed) -> list[ConfigError]:
    """Return a fault for each governed entity that is not in force exactly as the seed has it."""
    problem = "is entered by a named person, not with a document"
    advice = "remove the table; only an empty box takes it from a document"
    return [
        ConfigError(seed.places.get(key, seed.where), f"{key[0]}[{key[1]}]", problem, advice)
        for key, entity in seed.entities.items()
        if key[0] in GOVERNED and before.get(key) != entity
    ]


def _drop_extensions(after: dict[Key, Entity]) -> None:
    """Let the extensions of an act go with it."""
    gone = [
        key
        for key, entity in after.items()
        if isinstance(entity, Extension) and ("act", entity.act) not in after
    ]
    for key in gone:
        del after[key]


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
    """Return what differs, under the version number of `after`; secrets are ignored."""
    old, new = flatten(before), flatten(after)
    changed = [key for key in old.keys() & new.keys() if bare(old[key]) != bare(new[key])]
    return RegistryChange(
        after.version,
        added=_written(new.keys() - old.keys()),
        changed=_written(changed),
        removed=_written(old.keys() - new.keys()),
    )


def check_alone(seed: Seed) -> RegistryChange:
    """Return what the seed would do to an empty box; ConfigErrors if it needs more than itself."""
    return compare(empty_registry(), merge(empty_registry(), seed))


def _written(keys: object) -> tuple[str, ...]:
    return tuple(sorted("/".join(key) for key in keys))  # type: ignore[attr-defined]
