# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which keys belong to which analysis of a zone."""

from collections.abc import Iterator, Mapping
from typing import Final

from gateway.model.alarm import Kind
from gateway.model.registry import WHOLE_PICTURE, Analytic, Direction, Zone

WHOLE: Final = frozenset({Analytic.TAMPER, Analytic.LOSS, Analytic.CROSSING})
"""Rules of the whole picture, if nothing else is written."""
DWELLS_S: Final[Mapping[Analytic, tuple[float, float]]] = {
    Analytic.LOITERING: (5.0, 3600.0),
    Analytic.STOPPED: (5.0, 86_400.0),
    Analytic.TAMPER: (2.0, 60.0),
    Analytic.LOSS: (5.0, 3600.0),
}
"""Least and most `dwell_s` of the rules that have one."""
_ANALYSES = ", ".join(one.value for one in DWELLS_S)

Fault = tuple[str, str, str]
"""Key, problem, advice."""


def zone_faults(zone: Zone) -> Iterator[Fault]:
    """Yield key, problem and advice for each key that does not fit a zone's analysis."""
    yield from _place(zone)
    yield from _line(zone)
    yield from _dwell(zone)
    yield from _sizes(zone)
    yield from gate_faults(zone)


def gate_faults(zone: Zone) -> Iterator[Fault]:
    """Yield what keeps a zone from being a gate (A-09), or what only a gate may say.

    Zones that were stored before gates had a line are asked too: see `gateway.assembly.gates`.
    """
    is_gate = zone.analytic is Analytic.PLATES
    if is_gate and not zone.line:
        advice = "write the line at which a passage counts, [[0.2, 0.6], [0.8, 0.6]]"
        yield "line", "is missing", advice
    if is_gate and zone.inbound is Direction.BOTH:
        advice = 'write "ab" or "ba", the way over the line that leads into the city'
        yield "inbound", "is missing", advice
    if not is_gate and zone.inbound is not Direction.BOTH:
        yield "inbound", "belongs to targhe alone", "remove it"
    if not is_gate and zone.lane:
        yield "lane", "belongs to targhe alone", "remove it"


def _place(zone: Zone) -> Iterator[Fault]:
    if zone.analytic in (Analytic.TAMPER, Analytic.LOSS):
        if zone.polygon != WHOLE_PICTURE:
            problem = f"does not belong to {zone.analytic.value}, which is of the whole picture"
            yield "polygon", problem, "remove it"
    elif not zone.polygon:
        advice = "write 3 to 64 corners, [[0.1, 0.2], [0.9, 0.2], [0.5, 0.9]]"
        yield "polygon", "is missing", advice


def _line(zone: Zone) -> Iterator[Fault]:
    if zone.analytic is Analytic.CROSSING:
        if not zone.line:
            yield "line", "is missing", "write two points, [[0.2, 0.6], [0.8, 0.6]]"
        return
    if zone.analytic is Analytic.PLATES:
        return
    if zone.line:
        yield "line", "belongs to attraversamento and targhe alone", "remove it"
    if zone.direction is not Direction.BOTH:
        yield "direction", "belongs to attraversamento and targhe alone", "remove it"


def _dwell(zone: Zone) -> Iterator[Fault]:
    if not zone.dwell_s:
        return
    if zone.analytic not in DWELLS_S:
        problem = f"does not belong to {zone.analytic.value}"
        yield "dwell_s", problem, f"remove it; it belongs to {_ANALYSES}"
        return
    least_s, most_s = DWELLS_S[zone.analytic]
    if not least_s <= zone.dwell_s <= most_s:
        problem = f"is out of the range of {zone.analytic.value}"
        yield "dwell_s", problem, f"write {least_s:g} to {most_s:g} seconds"


def _sizes(zone: Zone) -> Iterator[Fault]:
    if zone.analytic in (Analytic.TAMPER, Analytic.LOSS, Analytic.PLATES):
        for key in ("classes", "least_m", "most_m"):
            if getattr(zone, key):
                yield key, f"does not belong to {zone.analytic.value}", "remove it"
    if Kind.MOVING in zone.classes:
        yield "classes", "names movimento, which always counts", "leave it out"
    if len(set(zone.classes)) < len(zone.classes):
        yield "classes", "names something twice", "write each once"
    if 0 < zone.most_m < zone.least_m:
        yield "most_m", "is less than least_m", "write more, or 0 for any"
