# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""OpenStreetMap: our public cameras with its tags, and its cameras as candidates (A-10, A-46).

Only cameras of public areas of active sites leave: never a private one, never one that is not
approved. `camera:angle` is not written: there it is the tilt, which the registry does not know.
What comes in is never applied: a person compares it with what is registered.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from gateway.model.errors import ConfigError, WireError
from gateway.model.registry import Analytic, AreaKind, Camera, Registry, SiteKind, SiteState
from gateway.registry.geojson import collection_text
from gateway.registry.polygon import METRES_PER_DEGREE
from gateway.registry.sight import distance_m, is_placed
from gateway.runtime.documents import MOST_BYTES, parse_json
from gateway.wire import xml

MOST_ELEMENTS = 20_000
MOST_TAGS = 100
SAME_M = 25.0
"""Nearer than this, a candidate is probably the registered camera."""
ATTRIBUTION = (
    "Contains data © OpenStreetMap contributors, available under the Open Database License 1.0 "
    "(https://www.openstreetmap.org/copyright)"
)
NOTICE = (
    "Public cameras of active sites only. In a work derived from OpenStreetMap: "
    "© OpenStreetMap contributors, Open Database License 1.0 "
    "(https://www.openstreetmap.org/copyright)"
)
ZONES: Mapping[SiteKind, str] = {
    SiteKind.BANK: "bank",
    SiteKind.PHARMACY: "shop",
    SiteKind.JEWELLER: "shop",
    SiteKind.TOBACCONIST: "shop",
    SiteKind.CONDOMINIUM: "building",
    SiteKind.COMPANY: "building",
    SiteKind.SCHOOL: "building",
    SiteKind.SQUARE: "town",
    SiteKind.GATE: "traffic",
}
_COMPASS = (
    *("N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE"),
    *("S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"),
)


@dataclass(frozen=True, slots=True)
class OsmCamera:
    """A surveillance camera as OpenStreetMap knows it."""

    id: str
    """`node/123`."""
    latitude: float
    longitude: float
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def direction_deg(self) -> float | None:
        """Return `camera:direction` (degrees, compass point, middle of a range), if it has one."""
        value = self.tags.get("camera:direction", self.tags.get("direction", "")).strip().upper()
        if (alone := _degrees(value)) is not None:
            return alone
        ends = [_degrees(part) for part in value.split("-")]
        if len(ends) != 2 or ends[0] is None or ends[1] is None:  # noqa: PLR2004 - from, to
            return None
        return (ends[0] + (ends[1] - ends[0]) % 360 / 2) % 360


@dataclass(frozen=True, slots=True)
class Candidate:
    """A camera of OpenStreetMap beside the nearest registered one."""

    osm: OsmCamera
    nearest: str
    """Id of the camera; empty if none is placed."""
    distance_m: float

    @property
    def is_known(self) -> bool:
        """Return whether it probably is that camera."""
        return bool(self.nearest) and self.distance_m <= SAME_M


def to_osm(registry: Registry) -> str:
    """Return the public cameras of active sites as GeoJSON whose properties are OSM tags."""
    plates = {z.camera for z in registry.zones.values() if z.analytic is Analytic.PLATES}
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [camera.longitude, camera.latitude]},
            "properties": _tags(registry, camera, plates=camera.id in plates),
        }
        for _, camera in sorted(registry.cameras.items())
        if _may_be_told(registry, camera)
    ]
    return collection_text(features, attribution=NOTICE)


def _may_be_told(registry: Registry, camera: Camera) -> bool:
    site = registry.sites[camera.site]
    public = camera.area is AreaKind.PUBLIC and site.state is SiteState.ACTIVE
    return public and is_placed(camera)


def _tags(registry: Registry, camera: Camera, *, plates: bool) -> dict[str, str]:
    """Return the tags of https://wiki.openstreetmap.org/wiki/Tag:man_made=surveillance."""
    tags = {
        "man_made": "surveillance",
        "surveillance": "public",
        "surveillance:type": "ALPR" if plates else "camera",
        "operator": registry.controller_of(camera).name,
    }
    if zone := ZONES.get(registry.sites[camera.site].kind):
        tags["surveillance:zone"] = zone
    if camera.field_of_view_deg < 360:  # noqa: PLR2004 - degrees; all around has no direction
        tags["camera:type"] = "fixed"
        tags["camera:direction"] = str(round(camera.azimuth_deg) % 360)
    return tags


def _degrees(word: str) -> float | None:
    if word in _COMPASS:
        return _COMPASS.index(word) * 22.5
    try:
        value = float(word)
    except ValueError:
        return None
    return value % 360 if abs(value) <= 360 else None  # noqa: PLR2004 - degrees


def read_osm(text: str, where: str) -> tuple[OsmCamera, ...]:
    """Return the cameras of an OSM extract: Overpass JSON, OSM XML or GeoJSON; else ConfigError.

    What is not `man_made=surveillance`, or watches without a camera (`guard`), is left out.
    """
    bare = text.lstrip("\ufeff \t\r\n")
    elements = _of_xml(bare, where) if bare.startswith("<") else _of_json(bare, where)
    cameras: list[OsmCamera] = []
    for one in elements:
        if one.tags.get("man_made") != "surveillance":
            continue
        if one.tags.get("surveillance:type", "camera").lower() in ("camera", "alpr", "anpr"):
            cameras.append(one)
        if len(cameras) > MOST_ELEMENTS:
            advice = f"ask for a smaller area, at most {MOST_ELEMENTS} cameras"
            raise ConfigError(where, "", "holds too many cameras", advice)
    return tuple(cameras)


def _of_xml(text: str, where: str) -> Iterator[OsmCamera]:
    """Yield the nodes of OSM XML (API 0.6), and ways that have a `center` (Overpass)."""
    try:
        root = xml.parse(text.encode(), MOST_BYTES)
    except WireError as error:
        raise ConfigError(where, "", str(error), "export it again as OSM XML or GeoJSON") from error
    if root.tag != "osm":
        raise ConfigError(where, "", "is not OSM XML", "write a file that begins with <osm>")
    for element in root.iterchildren("node", "way", "relation"):
        place = element if element.tag == "node" else element.find("center")
        position = None
        if place is not None:
            position = _position({"lat": place.get("lat"), "lon": place.get("lon")})
        if position:
            tags = {str(t.get("k")): str(t.get("v")) for t in element.iterchildren("tag")}
            name = f"{element.tag}/{element.get('id', '')}"
            yield OsmCamera(name, *position, _bounded(tags))


def _of_json(text: str, where: str) -> Iterator[OsmCamera]:
    data = parse_json(text, where).data
    if isinstance(data.get("elements"), list):
        yield from filter(None, map(_element, data["elements"]))
    elif isinstance(data.get("features"), list):
        yield from filter(None, map(_feature, data["features"]))
    else:
        advice = 'write Overpass JSON ("elements"), OSM XML or GeoJSON ("features")'
        raise ConfigError(where, "", "is no extract of OpenStreetMap", advice)


def _element(element: Any) -> OsmCamera | None:  # noqa: ANN401 - JSON of any shape
    """Return an element of Overpass JSON, by its own place or its centre."""
    if not isinstance(element, dict):
        return None
    place = element.get("center", element)
    position = _position(place) if isinstance(place, dict) else None
    if position is None:
        return None
    name = f"{element.get('type', 'node')}/{element.get('id', '')}"[:64]
    return OsmCamera(name, *position, _strings(element.get("tags")))


def _feature(feature: Any) -> OsmCamera | None:  # noqa: ANN401 - JSON of any shape
    """Return a GeoJSON point; Overpass writes tags flat, others below `tags`."""
    if not isinstance(feature, dict):
        return None
    geometry, properties = feature.get("geometry"), feature.get("properties")
    if not isinstance(geometry, dict) or not isinstance(properties, dict):
        return None
    point = geometry.get("coordinates")
    if geometry.get("type") != "Point" or not isinstance(point, list) or len(point) < 2:  # noqa: PLR2004
        return None
    position = _position({"lon": point[0], "lat": point[1]})
    inner = properties.get("tags")
    tags = _strings(inner if isinstance(inner, dict) else properties)
    name = str(properties.get("@id", feature.get("id", "")))[:64]
    return OsmCamera(name, *position, tags) if position else None


def _position(place: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return latitude and longitude, or None if they are no place on earth."""
    try:
        latitude, longitude = float(place["lat"]), float(place["lon"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    good = abs(latitude) <= 90 and abs(longitude) <= 180  # noqa: PLR2004 - degrees
    return (latitude, longitude) if good else None


def _strings(tags: Any) -> Mapping[str, str]:  # noqa: ANN401 - JSON of any shape
    if not isinstance(tags, dict):
        return {}
    return _bounded({k: str(v) for k, v in tags.items() if isinstance(v, str | int | float)})


def _bounded(tags: Mapping[str, str]) -> Mapping[str, str]:
    """Return tags as OSM has them: at most 255 characters each, printable."""
    kept = list(tags.items())[:MOST_TAGS]
    return {k[:255]: "".join(c for c in v[:255] if c.isprintable()) for k, v in kept}


def reconcile(registry: Registry, found: Sequence[OsmCamera]) -> tuple[Candidate, ...]:
    """Return each camera of OSM with the nearest registered one, the farthest from any first."""
    placed = sorted(
        (c.latitude, c.longitude, c.id) for c in registry.cameras.values() if is_placed(c)
    )
    candidates = [Candidate(one, *_nearest(one, placed)) for one in found]
    return tuple(sorted(candidates, key=lambda one: (-one.distance_m, one.osm.id)))


def _nearest(one: OsmCamera, placed: Sequence[tuple[float, float, str]]) -> tuple[str, float]:
    """Return id and distance; searched outwards by latitude, which bounds the distance."""
    name, best = "", inf
    up = bisect_left(placed, (one.latitude,))
    down = up - 1
    while True:
        north = placed[up][0] - one.latitude if up < len(placed) else inf
        south = one.latitude - placed[down][0] if down >= 0 else inf
        closest = min(north, south)
        if closest == inf or closest * METRES_PER_DEGREE * 0.999 > best:
            return name, best
        index = up if north <= south else down
        latitude, longitude, id_ = placed[index]
        metres = distance_m(one.latitude, one.longitude, latitude, longitude)
        if metres < best:
            name, best = id_, metres
        up, down = (up + 1, down) if north <= south else (up, down - 1)


def candidates_text(candidates: Sequence[Candidate]) -> str:
    """Return candidates as GeoJSON for a map program, with the attribution that ODbL asks for."""
    features = [
        {
            "type": "Feature",
            "id": one.osm.id,
            "geometry": {"type": "Point", "coordinates": [one.osm.longitude, one.osm.latitude]},
            "properties": {
                "osm": one.osm.id,
                "nearest": one.nearest or None,
                "distance_m": round(one.distance_m, 1) if one.nearest else None,
                "known": one.is_known,
                "direction_deg": one.osm.direction_deg,
                "tags": dict(one.osm.tags),
            },
        }
        for one in candidates
    ]
    return collection_text(features, attribution=ATTRIBUTION)
