# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Commands about the ground: who sees a place, how much of it is seen, what maps know of it."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.cli.control_client import Control
from gateway.cli.speech import Say
from gateway.model.registry import Registry, RiskArea
from gateway.registry.coverage import AreaCoverage
from gateway.registry.coverage import coverage as coverage_of
from gateway.registry.entities import assemble
from gateway.registry.nearest import Look
from gateway.registry.nearest import nearest as nearest_cameras
from gateway.registry.osm import ATTRIBUTION, Candidate, candidates_text, read_osm, reconcile
from gateway.registry.seed import parse_seed
from gateway.runtime.documents import read_text


def _registry(control: Control) -> Registry:
    """Return the daemon's registry."""
    return assemble(0, parse_seed(control.export("toml"), "registry").entities)


def nearest(control: Control, place: tuple[float, float], most: int, say: Say) -> int:
    """Print the cameras that see a place (latitude, longitude), the best first; 1 if none."""
    found = nearest_cameras(_registry(control).cameras.values(), place[0], place[1], most)
    if not found:
        print(say("nessuna telecamera vicina", "no camera near"), file=sys.stderr)
        return 1
    words = {
        Look.SEES: say("lo vede", "sees it"),
        Look.TOWARDS: say("guarda da quella parte, lontano", "looks that way, far off"),
        Look.AWAY: say("guarda altrove", "looks elsewhere"),
    }
    for one in found:
        print(f"{one.distance_m:6.0f} m  {one.bearing_deg:3.0f}°  {one.camera}  {words[one.look]}")
    return 0


def coverage(control: Control, say: Say, *, as_json: bool) -> int:
    """Print how much of each risk area is covered and where the gaps are; 1 without an area."""
    registry = _registry(control)
    areas = registry.risk_areas
    found = coverage_of(registry.cameras.values(), areas.values())
    if as_json:
        told = [_told(areas[one.area], one) for one in found]
        print(json.dumps(told, ensure_ascii=False, indent=1))
    elif found:
        for one in found:
            _print_area(areas[one.area], one, say)
        print(
            say(
                "È il meglio che le telecamere possano fare: muri e ostacoli non sono noti.",
                "It is the best that the cameras could do: walls and obstacles are not known.",
            )
        )
    if not found:
        nothing = say("nessuna area a rischio nel registro", "no risk area in the registry")
        print(nothing, file=sys.stderr)
    return 0 if found else 1


def _told(area: RiskArea, one: AreaCoverage) -> dict[str, object]:
    return {
        "id": area.id,
        "name": area.name,
        "priority": area.priority,
        "area_m2": round(one.area_m2, 1),
        "share": round(one.share, 4),
        "cameras": list(one.cameras),
        "gaps": [
            {
                "latitude": round(gap.latitude, 6),
                "longitude": round(gap.longitude, 6),
                "area_m2": round(gap.area_m2, 1),
            }
            for gap in one.gaps
        ],
        "strip_m": round(one.strip_m, 2),
    }


def _print_area(area: RiskArea, one: AreaCoverage, say: Say) -> None:
    priority = say("priorità", "priority")
    print(f"{area.name} ({area.id}), {priority} {area.priority}")
    covered = say("coperto", "covered")
    cameras = ", ".join(one.cameras) or say("nessuna telecamera", "no camera")
    print(f"  {covered} {_percent(one.share)} {say('di', 'of')} {one.area_m2:.0f} m²: {cameras}")
    for gap in one.gaps:
        place = f"{gap.latitude:.6f} {gap.longitude:.6f}"
        print(f"  {say('scoperti', 'open')} {gap.area_m2:.0f} m² {say('attorno a', 'at')} {place}")


def _percent(share: float) -> str:
    """Return a share so that only what is whole reads as 100 %, and only nothing as 0 %."""
    percent = f"{share * 100:.0f}"
    if (percent == "100" and share < 1) or (percent == "0" and share > 0):
        percent = f"{share * 100:.1f}"
        percent = {"100.0": "> 99.9", "0.0": "< 0.1"}.get(percent, percent)
    return f"{percent} %"


def candidates(control: Control, path: Path, say: Say, *, as_json: bool) -> int:
    """Print the cameras of an OpenStreetMap extract beside the nearest registered ones; 1 if none.

    Nothing is applied; the file is read before the daemon is asked.
    """
    known_there = read_osm(read_text(path), str(path))
    found = reconcile(_registry(control), known_there)
    if as_json:
        print(candidates_text(found))
    elif found:
        _print_candidates(found, say)
    if not found:
        nothing = say("nessuna telecamera nel file", "no camera in the file")
        print(f"{path}: {nothing}", file=sys.stderr)
    return 0 if found else 1


def _print_candidates(found: Sequence[Candidate], say: Say) -> None:
    known = say("probabilmente è questa", "probably this one")
    unknown = say("forse manca", "perhaps missing")
    for one in found:
        place = f"{one.osm.latitude:.6f} {one.osm.longitude:.6f}"
        name = "".join(c for c in one.osm.id if c.isprintable())[:64]
        near = say("nessuna telecamera ha una posizione", "no camera is placed")
        if one.nearest:
            near = f"{one.distance_m:.0f} m  {one.nearest}"
        print(f"{name}  {place}  {near}  {known if one.is_known else unknown}")
    print(ATTRIBUTION)
