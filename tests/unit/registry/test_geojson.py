# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Maps in and out."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given

from gateway.model.errors import ConfigError, ConfigErrors
from gateway.registry.geojson import to_geojson
from gateway.registry.polygon import counterclockwise
from gateway.registry.seed import compare, merge, parse_seed
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
    """Check the shape that RFC 7946 §3 demands of a collection of points and polygons."""
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
        coordinates = one["geometry"]["coordinates"]
        if one["geometry"]["type"] == "Point":
            is_position(coordinates)
        else:
            is_exterior_ring(*coordinates)
    assert len({one["id"] for one in data["features"]}) == len(data["features"])
    return data


def is_position(position):
    longitude, latitude = position
    assert -180 <= longitude <= 180
    assert -90 <= latitude <= 90


def is_exterior_ring(ring):
    """Closed, and counterclockwise (§3.1.6)."""
    assert len(ring) >= 4
    assert ring[0] == ring[-1]
    for position in ring:
        is_position(position)
    (x0, y0), *_ = ring
    flat = [(x - x0, y - y0) for x, y in ring]
    doubled = sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairwise(flat))
    assert doubled > 0


@few
@given(registries())
def test_every_export_has_the_shape_of_rfc_7946(registry):
    """Each camera is a Point, longitude first, and each risk area a Polygon."""
    data = is_rfc_7946(to_geojson(registry))
    shapes = {f["id"]: f["geometry"]["coordinates"] for f in data["features"]}
    assert shapes == {c.id: [c.longitude, c.latitude] for c in registry.cameras.values()} | {
        f"risk_area/{a.id}": [[list(p) for p in (*a.polygon, a.polygon[0])]]
        for a in registry.risk_areas.values()
    }


@few
@given(registries())
def test_an_export_that_comes_back_changes_nothing(registry):
    """It has no URL and no credential, so the registry keeps them; areas come back whole."""
    seed = parse_seed(to_geojson(registry), "map.geojson")
    assert {key[0] for key in seed.keys} == {"camera", "risk_area"}
    assert compare(registry, merge(registry, seed)).empty


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


def test_a_map_moves_and_renames_what_is_known():
    """What a feature says is taken over, what it does not say stays as it was."""
    world = small()
    secret = replace(world.cameras["banco"], credential="env:A", sub_url="rtsp://192.0.2.1/2")
    world = replace(world, cameras={"banco": secret})
    data = json.loads(to_geojson(world))
    data["features"][0]["geometry"]["coordinates"] = [10.14, 44.04]
    data["features"][0]["properties"] |= {"name": "Bancone", "target_width_m": None}
    after = merge(world, parse_seed(json.dumps(data), "m"))
    moved = replace(secret, longitude=10.14, latitude=44.04, name="Bancone")
    assert after == replace(world, cameras={"banco": moved})


def test_a_new_camera_without_url_is_told_which_key_to_add():
    """A map invents no address."""
    bare = feature()
    del bare["properties"]["url"]
    with pytest.raises(ConfigErrors) as caught:
        merge(small(), parse_seed(collection(bare), "m"))
    assert str(caught.value) == (
        'm: camera[porta].url: is missing (write url = "rtsp://…", or device and channel of a '
        "recorder)"
    )


def test_a_new_camera_needs_what_the_registry_cannot_know():
    """Each missing key is named; a known camera needs none of them."""
    bare = feature(properties={"id": "porta", "url": "rtsp://192.0.2.2/1"})
    seed = parse_seed(collection(bare), "m")
    with pytest.raises(ConfigErrors) as caught:
        merge(small(), seed)
    assert [problem.key for problem in caught.value.problems] == [
        "camera[porta].name",
        "camera[porta].site",
        "camera[porta].area",
    ]
    known = feature(properties={"id": "banco"})
    after = merge(small(), parse_seed(collection(known), "m"))
    assert after.cameras["banco"].longitude == 10.03


def polygon(*rings, kind="Polygon", **properties):
    shape = {"type": kind, "coordinates": [list(ring) for ring in rings]}
    said = {"id": "stazione", "name": "Stazione"} | properties
    return feature(geometry=shape, properties=said)


RING = [[10.0, 44.0], [10.1, 44.0], [10.1, 44.1], [10.0, 44.0]]
HOLE = [[10.05, 44.01], [10.06, 44.01], [10.06, 44.02], [10.05, 44.01]]


@pytest.mark.parametrize("ring", [RING, RING[::-1]])
def test_a_polygon_is_a_risk_area_whichever_way_it_turns(ring):
    """RFC 7946 §3.1.6: parsers should not reject what turns the other way."""
    hours = [{"since": "22:00:00", "until": "06:00:00"}]
    text = collection(polygon(ring, priority=5, hours=hours, reason="notte"))
    area = merge(small(), parse_seed(text, "m")).risk_areas["stazione"]
    assert set(area.polygon) == {(10.0, 44.0), (10.1, 44.0), (10.1, 44.1)}
    assert area.polygon == counterclockwise(area.polygon)
    assert (area.priority, area.reason, len(area.hours)) == (5, "notte", 1)


def test_a_multipolygon_of_one_part_is_a_polygon():
    """So do many map programs write every polygon."""
    one = polygon(kind="MultiPolygon")
    one["geometry"]["coordinates"] = [[RING]]
    assert parse_seed(collection(one), "m") == parse_seed(collection(polygon(RING)), "m")


@pytest.mark.parametrize(
    ("shape", "fault"),
    [
        (polygon(RING, HOLE), "geometry.coordinates: has a hole (draw areas without holes"),
        (polygon(RING[:-1]), "geometry.coordinates: is not closed (end with the corner"),
        (polygon(), "geometry.coordinates: is no polygon (write one ring"),
        (polygon([[0, 95], *RING]), "geometry.coordinates: is no place on earth"),
        (polygon([["a", 1], *RING]), "geometry.coordinates: is no place on earth"),
        (polygon([True, *RING]), "geometry.coordinates: is no place on earth"),
        (
            polygon([RING], [RING], kind="MultiPolygon"),
            "geometry.coordinates: has 2 parts (draw each as an area of its own)",
        ),
        (
            polygon([[179.9, 1], [-179.9, 1], [179.9, 2], [179.9, 1]]),
            "risk_area[stazione].polygon: crosses the antimeridian (draw one area on each side",
        ),
        (
            polygon([[10, 44], [10.1, 44.1], [10.1, 44], [10, 44.1], [10, 44]]),
            "risk_area[stazione].polygon: crosses itself (write the corners in the order",
        ),
        (polygon(RING, polygon=1), "properties.polygon: is said twice"),
        (polygon(RING, priority=6), "risk_area[stazione].priority: must be less than"),
    ],
)
def test_what_is_wrong_with_an_area_is_said_in_words(shape, fault):
    """One wrong thing gives one line with advice."""
    with pytest.raises(ConfigError) as caught:
        parse_seed(collection(shape), "m")
    assert fault in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


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
            collection(feature(geometry={"type": "LineString", "coordinates": []})),
            "m: features[#1].geometry.type: must be 'Point', 'Polygon' or 'MultiPolygon' "
            '(write "Point": one camera, one place; or "Polygon": a risk area)',
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
    assert parse_seed(collection(feature(), crs=crs), "m").keys == (("camera", "porta"),)
