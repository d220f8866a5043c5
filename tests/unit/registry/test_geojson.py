# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Maps in and out."""

import csv
import io
import json
from dataclasses import replace

import pytest
from hypothesis import given

from gateway.model.errors import ConfigError
from gateway.registry.geojson import COLUMNS, to_csv, to_geojson
from gateway.registry.seed import merge, parse_seed
from tests.unit.registry.worlds import few, registries, small


def feature(**more):
    properties = {
        "id": "porta",
        "name": "Porta",
        "site": "sede",
        "url": "rtsp://192.0.2.2/1",
        "area": "privata",
    }
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [10.03, 44.08]},
        "properties": properties,
    } | more


def collection(*features, **more):
    return json.dumps({"type": "FeatureCollection", "features": list(features)} | more)


def is_rfc_7946(text):
    """Check the shape that RFC 7946 §3 demands of a collection of points."""
    data = json.loads(text)
    assert data["type"] == "FeatureCollection"
    assert isinstance(data["features"], list)
    assert "crs" not in data
    for one in data["features"]:
        assert one["type"] == "Feature"
        assert {"type", "geometry", "properties"} <= one.keys()
        assert isinstance(one["id"], str)
        assert isinstance(one["properties"], dict)
        assert one["geometry"].keys() == {"type", "coordinates"}
        assert one["geometry"]["type"] == "Point"
        longitude, latitude = one["geometry"]["coordinates"]
        assert -180 <= longitude <= 180
        assert -90 <= latitude <= 90
    return data


@few
@given(registries())
def test_every_export_has_the_shape_of_rfc_7946(registry):
    """Each camera is one Feature with one Point, longitude first."""
    data = is_rfc_7946(to_geojson(registry))
    assert {f["id"]: f["geometry"]["coordinates"] for f in data["features"]} == {
        c.id: [c.longitude, c.latitude] for c in registry.cameras.values()
    }


def test_a_map_tells_who_owns_the_camera_and_not_how_to_reach_it():
    """No URL and no credential leaves with a map."""
    world = small()
    camera = replace(world.cameras["banco"], credential="file:/segreto")
    text = to_geojson(replace(world, cameras={"banco": camera}))
    assert "192.0.2.1" not in text
    assert "segreto" not in text
    properties = json.loads(text)["features"][0]["properties"]
    assert properties["controller_name"] == "Farmacia"
    assert properties["site_kind"] == "farmacia"
    assert properties["azimuth_deg"] == 210


@few
@given(registries())
def test_the_csv_has_one_line_for_each_camera(registry):
    """Read back by another reader, every cell is what it was."""
    rows = list(csv.DictReader(io.StringIO(to_csv(registry), newline="")))
    assert [row["id"] for row in rows] == sorted(registry.cameras)
    for row in rows:
        assert tuple(row) == COLUMNS
        assert float(row["latitude"]) == registry.cameras[row["id"]].latitude
        assert row["name"].removeprefix("'") == registry.cameras[row["id"]].name.removeprefix("'")


@pytest.mark.parametrize("name", ["=1+1", "+39", "-x", "@SUM(A1)"])
def test_no_cell_of_the_csv_is_a_formula(name):
    """A camera's name must not run in somebody's spreadsheet."""
    world = small()
    world = replace(world, cameras={"banco": replace(world.cameras["banco"], name=name)})
    (row,) = csv.DictReader(io.StringIO(to_csv(world), newline=""))
    assert row["name"] == f"'{name}"


def test_a_map_of_cameras_is_a_seed():
    """Points become cameras; altitude, foreign members and the id's place do not matter."""
    inner = feature(bbox=[1, 2, 3, 4])
    outer = feature(id="cortile")
    del outer["properties"]["id"]
    outer["geometry"]["coordinates"] = [10.5, 44.5, 120]
    text = collection(inner, outer, name="export")
    after = merge(small(), parse_seed(text, "map.geojson"))
    porta, cortile = after.cameras["porta"], after.cameras["cortile"]
    assert (porta.latitude, porta.longitude) == (44.08, 10.03)
    assert (cortile.latitude, cortile.longitude) == (44.5, 10.5)
    assert set(after.cameras) == {"banco", "porta", "cortile"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            '{"type": "Feature"}',
            "m: type: must be 'FeatureCollection' (write \"FeatureCollection\")",
        ),
        (
            collection(feature(geometry={"type": "Polygon", "coordinates": []})),
            "m: features[#1].geometry.type: must be 'Point' "
            '(write "Point": one camera, one place)',
        ),
        (
            collection(feature(geometry={"type": "Point", "coordinates": [44.08, 1003.0]})),
            "m: features[#1].geometry.coordinates: is no place on earth "
            "(write [longitude, latitude] in degrees)",
        ),
        (
            collection(feature(), crs={"properties": {"name": "urn:ogc:def:crs:EPSG::32632"}}),
            "m: crs: is not WGS 84 (export the map in EPSG:4326 and leave crs out)",
        ),
        (
            collection(feature(properties=feature()["properties"] | {"latitude": 1.0})),
            "m: features[#1].properties.latitude: is said twice (remove it: geometry says it)",
        ),
        (
            collection(feature(properties=feature()["properties"] | {"azimut": 1})),
            "m: camera[porta].azimut: unknown key (did you mean azimuth_deg?)",
        ),
        (
            collection(feature(), feature()),
            "m: camera[porta].id: is used twice (write another id)",
        ),
        ("{", "m:1: is not JSON"),
    ],
)
def test_each_fault_of_a_map_names_its_feature(text, fault):
    """One wrong thing gives one line."""
    with pytest.raises(ConfigError) as caught:
        parse_seed(text, "m")
    assert fault in str(caught.value).splitlines()[0]


def test_the_old_name_of_wgs_84_is_accepted():
    """Programs still write the crs member of 2008; its only right value is let through."""
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    assert ("camera", "porta") in parse_seed(collection(feature(), crs=crs), "m").entities
