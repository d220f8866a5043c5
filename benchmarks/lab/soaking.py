# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Whether anything grows while one stream goes over a thin line for a long time.

A picture that is a little later each minute, a queue that is a little longer, memory that never
comes back: each of them is seen only after half an hour.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields

from benchmarks.lab.figures import Figure, median, rounded

EVERY_S = 10.0
SETTLING = 6
"""Samples at the beginning that say nothing yet: the stream steps to what the line carries."""
FEWEST = 9
"""Samples after those, of which a verdict is possible."""
MOST_GROWTH = {
    "delay_s": 0.1,
    "edge_unsent_kb": 64.0,
    "room_unread_kb": 64.0,
    "link_packets": 50.0,
    "edge_mb": 8.0,
    "room_mb": 8.0,
}
"""By how much the median of the last third may be above that of the first. 50 packets are 0.15 s of
4 Mbit/s; queues and memory breathe by less than the rest of these."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How things stand at one moment; units of 10^3 and 10^6 bytes."""

    at_s: float
    """Since the beginning."""
    delay_s: float | None
    """Median age of the pictures that were shown since the last sample; None: none was."""
    shown: int
    edge_unsent_kb: float
    """In the edge's sockets of the line, not acknowledged by the room."""
    room_unread_kb: float
    """In the room's sockets, not read by the gateway."""
    link_packets: int
    """On their way from the edge, its queue included."""
    edge_mb: float
    """Resident, all processes of the gateway."""
    room_mb: float


@dataclass(frozen=True, slots=True)
class Soak:
    """A series and what is to be said of it."""

    samples: tuple[Sample, ...]
    growth: dict[str, float | None]
    """Of each figure in MOST_GROWTH, in its unit; None: too few samples."""
    grew: tuple[str, ...]
    """Figures that grew by more than they may."""
    dark: int
    """Samples in which no picture was shown."""

    @property
    def steady(self) -> bool | None:
        """Return whether nothing grew and pictures came all the time; None: too short to tell."""
        if self.dark or self.grew:
            return False
        return None if None in self.growth.values() else True

    def figures(self) -> dict[str, Figure]:
        """Return it for the JSON object: one row a sample, columns by name."""
        rows: list[Figure] = [
            [rounded(value) for value in asdict(one).values()] for one in self.samples
        ]
        return {
            "seconds": rounded(self.samples[-1].at_s, 0) if self.samples else 0,
            "steady": self.steady,
            "grew": list[Figure](self.grew),
            "growth": {name: rounded(value) for name, value in self.growth.items()},
            "dark_samples": self.dark,
            "columns": [one.name for one in fields(Sample)],
            "series": rows,
        }


def soak(take: Callable[[float], Sample], wait: Callable[[float], float], seconds: float) -> Soak:
    """Sample each EVERY_S for so long. `wait(until)` returns the time since the beginning."""
    samples = []
    due_s = EVERY_S
    while due_s <= seconds:
        samples.append(take(wait(due_s)))
        due_s += EVERY_S
    return judged(samples)


def judged(samples: Sequence[Sample]) -> Soak:
    """Return a series with its verdict."""
    settled = samples[SETTLING:]
    third = len(settled) // 3
    growth: dict[str, float | None] = {}
    for name in MOST_GROWTH:
        parts = (settled[:third], settled[len(settled) - third :])
        values = [
            [getattr(one, name) for one in part if getattr(one, name) is not None] for part in parts
        ]
        first, last = map(median, values)
        is_known = len(settled) >= FEWEST and first is not None and last is not None
        growth[name] = last - first if is_known else None  # type: ignore[operator]
    grew = tuple(
        name for name, value in growth.items() if value is not None and value > MOST_GROWTH[name]
    )
    return Soak(tuple(samples), growth, grew, sum(not one.shown for one in samples))
