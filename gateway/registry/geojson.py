# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Cameras as a map: GeoJSON (RFC 7946) in and out, CSV (RFC 4180) out (A-10, F11).

What leaves is a map: no URL, no credential. So an export cannot be imported as it is; an import
needs the `url` of each camera among its properties.
"""

import csv
import io
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.model.errors import ConfigError, ConfigErrors
from gateway.model.registry import Camera, Registry
from gateway.runtime.documents import Document, check
from gateway.runtime.fields import Number, refusal

GEOJSON_TYPE = "application/geo+json"
CSV_TYPE = "text/csv; charset=utf-8"

COLUMNS = (
    "id",
    "name",
    "site",
    "site_name",
    "site_kind",
    "site_state",
    "address",
    "controller",
    "controller_name",
    "area",
    "latitude",
    "longitude",
    "azimuth_deg",
    "field_of_view_deg",
    "target_width_m",
    "continuous",
)
"""Of the CSV; a feature's properties are the same without the two coordinates."""
WGS84 = ("urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:OGC::CRS84")
"""The only system of RFC 7946 §4, as older programs still write it into `crs`."""


class _Foreign(BaseModel):
    """An object that may carry foreign members (RFC 7946 §6.1)."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class Geometry(_Foreign):
    """RFC 7946 §3.1.2: longitude, latitude and perhaps altitude."""

    type: Literal["Point"] = Field(description='"Point": one camera, one place')
    coordinates: tuple[Number, ...] = Field(description="[longitude, latitude] in degrees")

    @model_validator(mode="after")
    def _check(self) -> "Geometry":
        if len(self.coordinates) not in (2, 3) or not _on_earth(*self.coordinates[:2]):
            raise refusal(
                "is no place on earth", "write [longitude, latitude] in degrees", "coordinates"
            )
        return self


def _on_earth(longitude: float, latitude: float) -> bool:
    return abs(longitude) <= 180 and abs(latitude) <= 90  # noqa: PLR2004 - degrees


class Feature(_Foreign):
    """RFC 7946 §3.2."""

    type: Literal["Feature"] = Field(description='"Feature"')
    id: str | None = Field(default=None, description="the camera's id")
    geometry: Geometry = Field(description='{ "type": "Point", "coordinates": [10.03, 44.08] }')
    properties: dict[str, Any] = Field(description="the camera's keys")


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


def cameras_document(document: Document) -> Document:
    """Return a FeatureCollection as the `camera` tables of a seed; ConfigErrors if it is none."""
    collection = check(document, FeatureCollection)
    faults: list[ConfigError] = []
    cameras: list[dict[str, Any]] = []
    for index, feature in enumerate(collection.features):
        taken = {"latitude", "longitude"} & feature.properties.keys()
        if taken:
            loc = ("features", index, "properties", min(taken))
            faults.append(document.fault(loc, "is said twice", "remove it: geometry says it"))
        longitude, latitude = feature.geometry.coordinates[:2]
        place = {"latitude": latitude, "longitude": longitude}
        own = {"id": feature.id} if feature.id is not None else {}
        cameras.append({**own, **feature.properties, **place})
    if faults:
        raise ConfigErrors(faults)
    return Document(document.where, {"camera": cameras}, {})


def to_geojson(registry: Registry) -> str:
    """Return all cameras as a FeatureCollection, sorted by id."""
    features = [
        {
            "type": "Feature",
            "id": camera.id,
            "geometry": {"type": "Point", "coordinates": [camera.longitude, camera.latitude]},
            "properties": {
                name: value
                for name, value in _row(registry, camera).items()
                if name not in ("latitude", "longitude")
            },
        }
        for camera in _sorted(registry)
    ]
    collection = {"type": "FeatureCollection", "features": features}
    return json.dumps(collection, ensure_ascii=False, indent=1) + "\n"


def to_csv(registry: Registry) -> str:
    """Return all cameras as CSV with a header, sorted by id; no cell is a formula."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    for camera in _sorted(registry):
        writer.writerow({k: _cell(v) for k, v in _row(registry, camera).items()})
    return text.getvalue()


def _sorted(registry: Registry) -> list[Camera]:
    return [camera for _, camera in sorted(registry.cameras.items())]


def _row(registry: Registry, camera: Camera) -> dict[str, str | float | bool]:
    site = registry.sites[camera.site]
    controller = registry.controllers[site.controller]
    return {
        "id": camera.id,
        "name": camera.name,
        "site": site.id,
        "site_name": site.name,
        "site_kind": site.kind.value,
        "site_state": site.state.value,
        "address": site.address,
        "controller": controller.id,
        "controller_name": controller.name,
        "area": camera.area.value,
        "latitude": camera.latitude,
        "longitude": camera.longitude,
        "azimuth_deg": camera.azimuth_deg,
        "field_of_view_deg": camera.field_of_view_deg,
        "target_width_m": camera.target_width_m,
        "continuous": camera.continuous,
    }


def _cell(value: str | float | bool) -> str | float:
    """Return what stands in a cell; text that a spreadsheet would run gets an apostrophe."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@")):
        return f"'{value}"
    return value
