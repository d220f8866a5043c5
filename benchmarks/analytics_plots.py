# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Draws what each detector sees on composed clips: `python -m benchmarks.analytics_plots FOLDER`.

One SVG per question, read by docs/design/analytics.md. Every picture is decoded, so that what is
drawn is what the detectors can see, not what a mode of watching leaves them.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any, Final

from benchmarks.scenes.compose import Clip, compose_all, default_cache
from benchmarks.scenes.spec import (
    SUB,
    Act,
    Disturb,
    Disturbance,
    Event,
    Light,
    Shape,
    Spec,
    Tamper,
    Tampering,
)
from gateway.analytics import rulebook
from gateway.analytics.incident import Incident, Raised
from gateway.analytics.look import Feed, LookReply, LookRequest, Sight
from gateway.analytics.looker import Looker
from gateway.model.alarm import Observation
from gateway.model.registry import Analytic, Zone
from gateway.model.time import Moment

GROUND = "yard"
LEAD_S = 24.0
SEED = 4711
WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
ZONES = (
    Zone("movimento", "", "c", WHOLE),
    Zone("manomissione", "", "c", (), Analytic.TAMPER),
)
_WIDE, _ROW, _LEFT, _GAP = 900, 64, 190, 12
_BATCH = 50
_SLOW: Final[dict[str, Any]] = {"fps": 12, "sub": replace(SUB, gop=12)}
"""Tampering is judged on key pictures: more of them in between would show nothing."""
_COLOURS = {"event": "#2e8b57", "disturb": "#b8860b", "tamper": "#b22222"}


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of one clip; times in seconds."""

    clip: Clip
    sights: tuple[Sight, ...]
    alarms: tuple[tuple[str, float], ...]
    """Zone and time."""


def person(begin_s: float, distance_m: float = 12.0, *, act: Act = Act.CROSSING) -> Event:
    """Return somebody on foot."""
    return Event(Shape.PERSON, act, begin_s, distance_m, 1.4, stay_s=6.0, look=3)


def moving() -> list[Spec]:
    """Return clips in which somebody comes, alone and beside each disturbance."""
    car = Event(Shape.VEHICLE, Act.CROSSING, 44.0, 16.0, 6.0, look=5)
    far = person(58.0, 30.0)
    clips = [Spec("alone", GROUND, SEED, 75.0, (person(LEAD_S), car, far))]
    for kind, light in (
        (Disturb.FOLIAGE, Light.DAY),
        (Disturb.RAIN, Light.DAY),
        (Disturb.CLOUD, Light.DAY),
        (Disturb.SHAKE, Light.DAY),
        (Disturb.FLICKER, Light.NIGHT),
        (Disturb.HEADLIGHTS, Light.NIGHT),
        (Disturb.INSECTS, Light.NIGHT),
        (Disturb.IR_SWITCH, Light.DUSK),
    ):
        noise = (Disturbance(kind, LEAD_S, 60.0),)
        spec = Spec(kind.value, GROUND, SEED, 75.0, (person(46.0),), noise, light=light)
        clips.append(spec)
    return clips


def tampered() -> list[Spec]:
    """Return a clip for each way to tamper, and for what only looks like it."""
    clips = [
        Spec(kind.value, GROUND, SEED, 45.0, tamperings=(Tampering(kind, 25.0, 45.0),), **_SLOW)
        for kind in Tamper
    ]
    for kind in (Disturb.LIGHT_STEP, Disturb.IR_SWITCH, Disturb.CLOUD, Disturb.RAIN):
        noise = (Disturbance(kind, 25.0, 45.0),)
        clips.append(Spec(f"benign-{kind.value}", GROUND, SEED, 45.0, disturbances=noise, **_SLOW))
    return clips


def look(clip: Clip) -> Seen:
    """Return what the detectors see in a clip's small rendition, and what the rules decide."""
    looker, sights = Looker(), list[Sight]()
    for at in range(0, len(clip.sub), _BATCH):
        feed = Feed.FOLLOW if at else Feed.START
        request = LookRequest("c", feed, [WHOLE], clip.sub[at : at + _BATCH])
        sights += LookReply.unpack(looker.look(request.pack()), 1).sights
    states: dict[str, Incident] = {}
    alarms: list[tuple[str, float]] = []
    for sight in sights:
        observation = _observed(sight)
        for zone in ZONES:
            before = states.get(zone.id)
            now = observation.captured
            states[zone.id], event = rulebook.decide(before, observation, zone, now)
            if isinstance(event, Raised):
                alarms.append((zone.id, sight.pts_90k / 90_000))
    return Seen(clip, tuple(sights), tuple(alarms))


def _observed(sight: Sight) -> Observation:
    at_s = sight.pts_90k / 90_000
    return Observation(
        "c",
        Moment(at_s, round(at_s * 1e6)),
        sight.pts_90k,
        sight.boxes,
        (ZONES[0].id,) if sight.occupied else (),
        sight.fraction,
        sight.unsettled,
        sight.tracks,
        sight.still,
    )


def drawn(title: str, rows: Sequence[Seen], *, edges: bool) -> str:
    """Return an SVG with a row per clip.

    From below: what was painted (bars), what moves (area, root of the share), when it counts as
    going somewhere (line above), alarms (red). With `edges`: surviving edges instead of movement.
    """
    high = len(rows) * (_ROW + _GAP) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {high}" role="img"'
        f' font-family="sans-serif" font-size="12"><title>{escape(title)}</title>'
        f'<rect width="{_WIDE}" height="{high}" fill="#ffffff"/>'
    ]
    for number, seen in enumerate(rows):
        parts.append(f'<g transform="translate(0 {number * (_ROW + _GAP) + 10})">')
        parts += _row(seen, edges=edges)
        parts.append("</g>")
    length_s = rows[0].clip.spec.length_s
    for second in range(0, round(length_s) + 1, 10):
        x = _at(second, length_s)
        parts.append(f'<text x="{x:.0f}" y="{high - 10}" text-anchor="middle">{second} s</text>')
    return "\n".join(parts) + "</svg>\n"


def _row(seen: Seen, *, edges: bool) -> list[str]:
    length_s, parts = seen.clip.spec.length_s, list[str]()
    parts.append(f'<text x="8" y="{_ROW / 2}">{escape(seen.clip.spec.name)}</text>')
    for begin_s, end_s, kind in _painted(seen.clip):
        x, width = _at(begin_s, length_s), _at(end_s, length_s) - _at(begin_s, length_s)
        parts.append(
            f'<rect x="{x:.1f}" y="{_ROW - 8}" width="{width:.1f}" height="7"'
            f' fill="{_COLOURS[kind]}"/>'
        )
    tall = _ROW - 18
    values = [
        (one.pts_90k / 90_000, (one.still.edges if one.still else None) if edges else one.fraction)
        for one in seen.sights
    ]
    points = [
        f"{_at(at, length_s):.1f},{8 + tall * (1 - (v if edges else min(1.0, v**0.5))):.1f}"
        for at, v in values
        if v is not None
    ]
    parts.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="#1d6a90"/>')
    for one in seen.sights:
        x = _at(one.pts_90k / 90_000, length_s)
        if one.unsettled:
            parts.append(f'<rect x="{x:.1f}" y="2" width="1.2" height="3" fill="#aaaaaa"/>')
        elif one.occupied and not edges:
            parts.append(f'<rect x="{x:.1f}" y="2" width="1.2" height="3" fill="#2e8b57"/>')
    wanted = ZONES[1].id if edges else ZONES[0].id
    for zone, at_s in seen.alarms:
        if zone == wanted:
            x = _at(at_s, length_s)
            parts.append(
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{_ROW}" stroke="#b22222"'
                ' stroke-width="2"/>'
            )
    parts.append(
        f'<line x1="{_LEFT}" x2="{_WIDE - 10}" y1="{_ROW - 10}" y2="{_ROW - 10}" stroke="#888"/>'
    )
    return parts


def _painted(clip: Clip) -> list[tuple[float, float, str]]:
    spec = clip.spec
    bars = [(one.begin_s, min(one.end_s, spec.length_s), "disturb") for one in spec.disturbances]
    bars += [(one.begin_s, one.end_s, "tamper") for one in spec.tamperings]
    return bars + [(one.begin_s, one.end_s, "event") for one in clip.truth.happenings]


def _at(seconds: float, length_s: float) -> float:
    return _LEFT + seconds / length_s * (_WIDE - _LEFT - 10)


def told(rows: Sequence[Seen]) -> str:
    """Return one line per clip: what was painted, and when which rule would have alarmed."""
    lines = []
    for seen in rows:
        spans = [f"{one.begin_s:.1f}-{one.end_s:.1f}" for one in seen.clip.truth.happenings]
        alarms = [f"{zone} {at_s:.1f}" for zone, at_s in seen.alarms]
        lines.append(f"{seen.clip.spec.name}: events {spans}; alarms {alarms}")
    return "\n".join(lines)


def main(folder: Path) -> int:
    """Write the plots and print what they show."""
    for name, specs, edges in (
        ("analytics-moving", moving(), False),
        ("analytics-tamper", tampered(), True),
    ):
        rows = [look(clip) for clip in compose_all(specs, default_cache())]
        text = drawn(name, rows, edges=edges)
        tag = "SPDX-"  # in two pieces: the licence check reads this file as well
        header = f"<!-- {tag}FileCopyrightText: 2026 The Varco authors\n"
        licence = f"{tag}License-Identifier: EUPL-1.2\n-->\n"
        (folder / f"{name}.svg").write_text(header + licence + text, encoding="utf-8")
        print(told(rows), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/img")))
