# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Cameras and risk areas as a map: GeoJSON (RFC 7946) in and out (A-10, A-11).

A Point is a camera, a Polygon a risk area.
"""

import json
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.model.errors import ConfigError, ConfigErrors
from gateway.model.registry import Registry, RiskArea
from gateway.registry.polygon import counterclockwise
from gateway.registry.rows import READ_ONLY, rows
from gateway.runtime.documents import Document, check
from gateway.runtime.fields import Number, refusal

GEOJSON_TYPE = "application/geo+json"
WGS84 = ("urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:OGC::CRS84")
"""The only system of RFC 7946 §4, as older programs still write it into `crs`."""
AREA_PREFIX = "risk_area/"
"""Before the id of an area's feature, so that no camera's feature has the same."""
DIMENSIONS = (2, 3)
LEAST_RING = 4
"""Positions of a linear ring, the first one twice (RFC 7946 §3.1.6)."""

Position = tuple[float, float]


class _Foreign(BaseModel):
    """An object that may carry foreign members (RFC 7946 §6.1)."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class Geometry(_Foreign):
    """RFC 7946 §3.1, as far as cameras and areas need it."""

    type: Literal["Point", "Polygon", "MultiPolygon"] = Field(
        description='"Point": one camera, one place; or "Polygon": a risk area'
    )
    coordinates: tuple[Any, ...] = Field(description="[longitude, latitude] in degrees")

    @model_validator(mode="after")
    def _check(self) -> "Geometry":
        if self.type == "Point":
            _position(self.coordinates)
        else:
            self.ring()
        return self

    def point(self) -> Position:
        """Return longitude and latitude of a Point."""
        return _position(self.coordinates)

    def ring(self) -> tuple[Position, ...]:
        """Return the corners of a Polygon without the last, which is the first again."""
        polygons = (self.coordinates,) if self.type == "Polygon" else self.coordinates
        if len(polygons) != 1:
            raise _refused(f"has {len(polygons)} parts", "draw each as an area of its own")
        (rings,) = polygons
        if not isinstance(rings, tuple | list) or not rings or not isinstance(rings[0], list):
            raise _refused("is no polygon", "write one ring, [[[10.1, 44.0], …]]")
        if len(rings) > 1:
            raise _refused("has a hole", "draw areas without holes, side by side if need be")
        corners = tuple(_position(one) for one in rings[0])
        if len(corners) < LEAST_RING or corners[0] != corners[-1]:
            raise _refused("is not closed", "end with the corner that it begins with")
        return corners[:-1]


def _refused(problem: str, advice: str) -> Exception:
    return refusal(problem, advice, "coordinates")


def _position(value: Any) -> Position:  # noqa: ANN401 - JSON of any shape
    """Return longitude and latitude; an altitude is let through and forgotten."""
    good = (
        isinstance(value, tuple | list)
        and len(value) in DIMENSIONS
        and all(isinstance(one, int | float) and not isinstance(one, bool) for one in value)
        and abs(value[0]) <= 180  # noqa: PLR2004 - degrees
        and abs(value[1]) <= 90  # noqa: PLR2004 - degrees
    )
    if not good:
        raise _refused("is no place on earth", "write [longitude, latitude] in degrees")
    return float(value[0]), float(value[1])


class Feature(_Foreign):
    """RFC 7946 §3.2."""

    type: Literal["Feature"] = Field(description='"Feature"')
    id: str | Number | None = Field(default=None, description="the camera's id")
    geometry: Geometry = Field(description='{ "type": "Point", "coordinates": [10.03, 44.08] }')
    properties: dict[str, Any] | None = Field(description="the camera's keys")


class Name(_Foreign):
    """The name inside an old `crs`."""

    name: str = Field(description=f'"{WGS84[0]}"')


class Crs(_Foreign):
    """An old `crs` member (GeoJSON 2008 §3)."""

    properties: Name = Field(description=f'{{ "name": "{WGS84[0]}" }}')


class FeatureCollection(_Foreign):
    """RFC 7946 §3.3."""

    type: Literal["FeatureCollection"] = Field(description='"FeatureCollection"')
    features: tuple[Feature, ...] = Field(description="a list of features")
    crs: Crs | None = Field(default=None, description="nothing: RFC 7946 knows WGS 84 only")

    @model_validator(mode="after")
    def _check(self) -> "FeatureCollection":
        if self.crs and self.crs.properties.name not in WGS84:
            raise refusal("is not WGS 84", "export the map in EPSG:4326 and leave crs out", "crs")
        return self


def map_document(document: Document) -> Document:
    """Return a FeatureCollection as tables `camera` and `risk_area`; ConfigErrors if it is none."""
    collection = check(document, FeatureCollection)
    faults = list(_said_twice(document, collection))
    if faults:
        raise ConfigErrors(faults)
    tables: dict[str, list[dict[str, Any]]] = {"camera": [], "risk_area": []}
    for feature in collection.features:
        if feature.geometry.type == "Point":
            longitude, latitude = feature.geometry.point()
            place = {"latitude": latitude, "longitude": longitude}
            tables["camera"].append(_keys(feature) | place)
        else:
            ring = {"polygon": feature.geometry.ring()}
            tables["risk_area"].append(_keys(feature) | ring)
    return Document(document.where, tables, {})


def _said_twice(document: Document, collection: FeatureCollection) -> Iterator[ConfigError]:
    for index, feature in enumerate(collection.features):
        place = {"latitude", "longitude"} if feature.geometry.type == "Point" else {"polygon"}
        for key in sorted(place & (feature.properties or {}).keys()):
            loc = ("features", index, "properties", key)
            yield document.fault(loc, "is said twice", "remove it: geometry says it")


def _keys(feature: Feature) -> dict[str, Any]:
    """Return what a feature says; a null is how map programs say nothing."""
    own = {"id": feature.id.removeprefix(AREA_PREFIX)} if isinstance(feature.id, str) else {}
    said = {
        name: value
        for name, value in (feature.properties or {}).items()
        if value is not None and name not in READ_ONLY
    }
    return {**own, **said}


def to_geojson(registry: Registry) -> str:
    """Return all cameras and risk areas as a FeatureCollection, each sorted by id."""
    cameras = [
        {
            "type": "Feature",
            "id": row["id"],
            "geometry": {"type": "Point", "coordinates": [row["longitude"], row["latitude"]]},
            "properties": {k: v for k, v in row.items() if k not in ("latitude", "longitude")},
        }
        for row in rows(registry)
    ]
    areas = [_area(area) for _, area in sorted(registry.risk_areas.items())]
    return collection_text([*cameras, *areas])


def collection_text(features: list[dict[str, Any]], **members: str) -> str:
    """Return a FeatureCollection, with foreign members in front of the features."""
    collection = {"type": "FeatureCollection", **members, "features": features}
    return json.dumps(collection, ensure_ascii=False, indent=1) + "\n"


def _area(area: RiskArea) -> dict[str, Any]:
    ring = counterclockwise(area.polygon)
    hours = [{"since": s.since.isoformat(), "until": s.until.isoformat()} for s in area.hours]
    return {
        "type": "Feature",
        "id": f"{AREA_PREFIX}{area.id}",
        "geometry": {"type": "Polygon", "coordinates": [[list(p) for p in (*ring, ring[0])]]},
        "properties": {
            "id": area.id,
            "name": area.name,
            "priority": area.priority,
            "hours": hours,
            "reason": area.reason,
        },
    }
