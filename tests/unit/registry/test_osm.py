# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""OpenStreetMap out and in."""

import contextlib
import json
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import ConfigError
from gateway.model.registry import Analytic, AreaKind, SiteKind, SiteState
from gateway.registry import osm
from gateway.registry.osm import OsmCamera, candidates_text, read_osm, reconcile, to_osm
from gateway.registry.sight import distance_m
from tests.unit.registry.worlds import few, registries, small

TAGS = {"man_made": "surveillance", "surveillance:type": "camera", "camera:direction": "NE"}


def public(**more):
    """Return the small world with a public camera on a square."""
    world = small()
    camera = replace(world.cameras["banco"], area=AreaKind.PUBLIC, **more)
    site = replace(world.sites["sede"], kind=SiteKind.SQUARE, state=SiteState.ACTIVE)
    return replace(world, cameras={"banco": camera}, sites={"sede": site})


def features(registry):
    return json.loads(to_osm(registry))["features"]


def test_a_public_camera_has_the_tags_of_the_map():
    """Key by key as the wiki of OpenStreetMap has them; no id, no name, no address."""
    (one,) = features(public())
    assert one["geometry"]["coordinates"] == [10.1395, 44.0354]
    assert one["properties"] == {
        "man_made": "surveillance",
        "surveillance": "public",
        "surveillance:type": "camera",
        "surveillance:zone": "town",
        "camera:type": "fixed",
        "camera:direction": "210",
        "operator": "Farmacia",
    }
    assert "banco" not in to_osm(public())
    assert "Open Database License" in json.loads(to_osm(public()))["attribution"]


def test_a_gate_that_reads_plates_says_so_and_a_round_view_has_no_direction():
    """ALPR is what the map calls it."""
    world = public(field_of_view_deg=360.0)
    zone = replace(world.zones["dietro"], analytic=Analytic.PLATES)
    (one,) = features(replace(world, zones={"dietro": zone}))
    assert one["properties"]["surveillance:type"] == "ALPR"
    assert "camera:direction" not in one["properties"]
    assert "camera:type" not in one["properties"]


@pytest.mark.parametrize("state", [s for s in SiteState if s is not SiteState.ACTIVE])
def test_a_site_that_is_not_active_is_not_told(state):
    """What is planned, suspended or expired stays inside."""
    world = public()
    site = replace(world.sites["sede"], state=state)
    assert features(replace(world, sites={"sede": site})) == []


@pytest.mark.parametrize(
    "more",
    [
        {"area": AreaKind.PRIVATE},
        {"area": AreaKind.OPEN_TO_PUBLIC},
        {"latitude": 0.0, "longitude": 0.0},
    ],
)
def test_what_is_not_public_or_nowhere_is_not_told(more):
    """A private camera never leaves."""
    world = public()
    camera = replace(world.cameras["banco"], **more)
    assert features(replace(world, cameras={"banco": camera})) == []


@few
@given(registries())
def test_nothing_but_public_cameras_of_active_sites_ever_leaves(registry):
    """For any registry; and never a URL, an id of a device or a credential."""
    text = to_osm(registry)
    told = json.loads(text)["features"]
    allowed = [
        c
        for c in registry.cameras.values()
        if c.area is AreaKind.PUBLIC
        and registry.sites[c.site].state is SiteState.ACTIVE
        and (c.latitude, c.longitude) != (0, 0)
    ]
    assert sorted(f["geometry"]["coordinates"] for f in told) == sorted(
        [c.longitude, c.latitude] for c in allowed
    )
    keys = {"man_made", "operator", "surveillance", "camera"}
    assert all(key.split(":")[0] in keys for f in told for key in f["properties"])


def overpass(*elements):
    return json.dumps({"version": 0.6, "elements": list(elements)})


NODE = {"type": "node", "id": 7, "lat": 44.0354, "lon": 10.14, "tags": TAGS}
XML = """<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6"><note>x</note>
 <node id="7" lat="44.0354" lon="10.14"><tag k="man_made" v="surveillance"/>
  <tag k="surveillance:type" v="camera"/><tag k="camera:direction" v="NE"/></node>
 <node id="8" lat="44.0" lon="10.0"><tag k="highway" v="bus_stop"/></node>
</osm>"""
FLAT = {
    "type": "Feature",
    "geometry": {"type": "Point", "coordinates": [10.14, 44.0354]},
    "properties": {"@id": "node/7"} | TAGS,
}


@pytest.mark.parametrize(
    "text",
    [
        overpass(NODE, {"type": "node", "id": 8, "lat": 1, "lon": 1}),
        overpass(
            {"type": "node", "id": 7, "center": {"lat": 44.0354, "lon": 10.14}, "tags": TAGS},
            NODE | {"tags": {"man_made": "surveillance", "surveillance:type": "guard"}},
        ),
        XML,
        json.dumps({"type": "FeatureCollection", "features": [FLAT]}),
        json.dumps(
            {
                "type": "FeatureCollection",
                "features": [FLAT | {"id": "node/7", "properties": {"tags": TAGS}}, None, {}],
            }
        ),
    ],
)
def test_every_extract_gives_the_same_camera(text):
    """Overpass JSON, OSM XML and both kinds of GeoJSON; what is no camera is left out."""
    (one,) = read_osm(text, "x")
    assert (one.id, one.latitude, one.longitude) == ("node/7", 44.0354, 10.14)
    assert one.tags["surveillance:type"] == "camera"
    assert one.direction_deg == 45.0


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[]", "x: is not a JSON object"),
        ("{}", "x: is no extract of OpenStreetMap"),
        ("<html/>", "x: is not OSM XML"),
        ("<osm", "x: not well-formed XML"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><osm>&b;</osm>', "x: XML with a document type"),
    ],
)
def test_what_is_no_extract_is_refused_in_words(text, fault):
    """The file is named."""
    with pytest.raises(ConfigError) as caught:
        read_osm(text, "x")
    assert fault in str(caught.value)


def test_a_country_is_too_much(monkeypatch):
    """Bounded: ask for a town."""
    monkeypatch.setattr(osm, "MOST_ELEMENTS", 2)
    with pytest.raises(ConfigError, match="ask for a smaller area"):
        read_osm(overpass(NODE, NODE, NODE), "x")


@pytest.mark.parametrize(
    ("value", "degrees"),
    [
        ("90", 90),
        ("-90", 270),
        ("wsw", 247.5),
        ("350-30", 10),
        ("N-E", 45),
        ("0-360", 0),
        ("north", None),
        ("1-2-3", None),
        ("nan", None),
        ("inf", None),
        ("", None),
    ],
)
def test_directions_are_read_as_people_write_them(value, degrees):
    """Degrees, compass points, ranges; else none."""
    assert OsmCamera("node/1", 0, 0, {"camera:direction": value}).direction_deg == degrees


def test_candidates_stand_beside_the_nearest_of_ours():
    """Those that we do not have come first; nobody is nearer than the nearest."""
    chance = random.Random(3)
    banco = small().cameras["banco"]
    ours = {
        f"c{i}": replace(
            banco, id=f"c{i}", latitude=44 + chance.uniform(0, 1), longitude=chance.uniform(9, 11)
        )
        for i in range(60)
    }
    ours["nowhere"] = replace(banco, id="nowhere", latitude=0.0, longitude=0.0)
    world = replace(small(), cameras=ours)
    theirs = [
        OsmCamera(f"node/{i}", 44 + chance.uniform(-1, 2), chance.uniform(8, 12)) for i in range(80)
    ]
    found = reconcile(world, theirs)
    assert [one.distance_m for one in found] == sorted((o.distance_m for o in found), reverse=True)
    for one in found:
        distances = {
            c.id: distance_m(one.osm.latitude, one.osm.longitude, c.latitude, c.longitude)
            for c in ours.values()
            if c.id != "nowhere"
        }
        assert one.distance_m == pytest.approx(min(distances.values()))
        assert one.nearest == min(distances, key=distances.get)


def test_a_camera_across_the_street_is_probably_ours():
    """25 metres; without any camera of ours nothing is known."""
    near, far = OsmCamera("node/1", 44.0355, 10.1395), OsmCamera("node/2", 44.04, 10.1395)
    assert [one.is_known for one in reconcile(small(), [near, far])] == [False, True]
    empty = replace(small(), cameras={})
    (alone,) = reconcile(empty, [near])
    assert (alone.nearest, alone.is_known) == ("", False)
    (feature,) = json.loads(candidates_text([alone]))["features"]
    assert feature["properties"]["distance_m"] is None


def test_the_list_of_candidates_carries_its_licence():
    """The Open Database License asks for it wherever the data goes."""
    text = candidates_text(reconcile(small(), read_osm(overpass(NODE), "x")))
    data = json.loads(text)
    assert "© OpenStreetMap contributors" in data["attribution"]
    assert "Open Database License" in data["attribution"]
    (one,) = data["features"]
    assert one["properties"]["nearest"] == "banco"
    assert one["properties"]["tags"]["camera:direction"] == "NE"


NAMES = [
    "elements",
    "features",
    "tags",
    "lat",
    "lon",
    "center",
    "type",
    "id",
    "geometry",
    "coordinates",
    "properties",
]
json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["elements", "features"]), json_values, max_size=2))
def test_any_json_gives_cameras_or_a_fault(data):
    """Nothing else escapes, whatever the shape."""
    with contextlib.suppress(ConfigError):
        read_osm(json.dumps(data), "x")
