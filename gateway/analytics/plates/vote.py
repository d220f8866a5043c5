# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From readings to one plate: slots are laid over each other, and the grammar picks the text.

Readings of several crops, pictures and readers are aligned by edit distance; in each slot the
logarithms of the probabilities are added, those of one reader weighing less than as many
independent ones would. Certain is what both readers find by themselves, if the grammar knows such
plates and no edge of the picture may have cut it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.analytics.plates.grammar import Grammar, Parse, countries_of, parse
from gateway.analytics.plates.models import SIGNS
from gateway.analytics.plates.read import NOTHING, Reading, Slots
from gateway.analytics.plates.sighting import Sighting
from gateway.model.plate import MOST_ALTERNATIVES, MOST_SIGNS, Alternative, PlateRead

UNREAD = PlateRead("", 0.0, pictures=0)
MISSED = 0.95
"""How probable it is that nothing stands where a reader saw nothing and another did see."""
MISSED_OUTSIDE = 0.6
"""The same before the first and after the last sign that both saw: a crop may end too early."""
KIN = 0.5
"""n readings by one reader count as n to this power."""
MILD = 0.4
"""Readers are surer than they should be: their logarithms are taken by this."""
SURE_SIGN = 0.5
"""Least share of each sign, in each reader's own reading of what is certain."""
LEAST_SIGN = 0.45
"""Less on the geometric mean of its signs: nothing could be read."""
SURE_FOUND = 0.3
"""Least score of the finder for what is certain."""
SURE_HEIGHT_PX = 11.0
"""A lower plate is never certain."""
SURE_TEXT = 0.9
"""Least confidence of what is certain."""
LEAST_COUNTRY = 0.5
_ALIKE = str.maketrans("OQI", "001")


@dataclass(frozen=True, slots=True)
class Fused:
    """Readings laid over each other."""

    slots: Slots
    rows: tuple[int, ...]


def alike(text: str) -> str:
    """Return a text with signs made one that plates write alike: O and Q are 0, I is 1."""
    return text.translate(_ALIKE)


def vote(
    sightings: Sequence[Sighting], grammar: Grammar, countries: Sequence[str] = ()
) -> PlateRead:
    """Return what all sightings of one plate say together; an empty text if nothing was read.

    `countries`: names of what readings tell of countries (`Models.countries`).
    """
    first = [one for seen in sightings for one in seen.readings if one.text]
    other = [one for seen in sightings for one in seen.seconds if one.text]
    if not first and not other:
        return UNREAD
    told = _told([one for one in first if one.countries is not None], countries)
    ours, theirs = fuse(first), fuse(other)
    both = _both(ours, theirs)
    parses = parse(both.slots, both.rows, grammar, told)
    if not parses:
        return UNREAD
    ranked = _ranked(parses, both.slots)
    text, shares = ranked[0][0], _shares(parses[0], both.slots)
    if not shares or np.exp(np.log(np.maximum(shares, 1e-6)).mean()) < LEAST_SIGN:
        return UNREAD
    own = parse(ours.slots, ours.rows, grammar, told)
    second = parse(theirs.slots, theirs.rows, grammar, told)
    agree = _agree(text, own) and _agree(text, second)
    confidence = _confidence(ranked[0][1], agree=agree, known=parses[0].pattern is not None)
    firm = min(_weakest(own, ours.slots), _weakest(second, theirs.slots)) >= SURE_SIGN
    whole = firm and parses[0].pattern is not None and _whole(sightings)
    whole = whole and _wide_too(other, text, grammar, told)
    return PlateRead(
        text[:MOST_SIGNS],
        confidence,
        tuple(shares)[:MOST_SIGNS],
        tuple(Alternative(one, share) for one, share in ranked[1 : MOST_ALTERNATIVES + 1]),
        _country(text, parses[0], grammar, told),
        parses[0].pattern.plate_type if parses[0].pattern else "Normal",
        certain=agree and whole and confidence >= SURE_TEXT,
        pictures=len(sightings),
    )


def _whole(sightings: Sequence[Sighting]) -> bool:
    """Return whether some sighting that both read is uncut, high enough and surely a plate."""
    return any(
        one.seconds and not one.found.cut and one.found.score >= SURE_FOUND
        and one.found.height_px >= SURE_HEIGHT_PX
        for one in sightings
    )  # fmt: skip


def _wide_too(
    readings: Sequence[Reading], text: str, grammar: Grammar, told: Mapping[str, float] | None
) -> bool:
    """Return whether crops that show what is beside the plate say the same, if there are any."""
    wide = [one for one in readings if one.way == "wide"]
    if not wide:
        return True
    fused = fuse(wide)
    return _agree(text, parse(fused.slots, fused.rows, grammar, told))


def _agree(text: str, parses: Sequence[Parse]) -> bool:
    """Return whether a reader by itself comes to the same text."""
    return bool(parses) and alike(parses[0].text) == alike(text)


def _weakest(parses: Sequence[Parse], slots: Slots) -> float:
    return min(_shares(parses[0], slots), default=0.0) if parses else 0.0


def _shares(one: Parse, slots: Slots) -> list[float]:
    """Return how probable each sign of a text is, its likes counted with it."""
    shares = []
    for slot, sign in zip(one.picked, one.text, strict=True):
        like = [number for number, other in enumerate(SIGNS) if alike(other) == alike(sign)]
        shares.append(min(1.0, float(slots[slot][like].sum())))
    return shares


def _confidence(share: float, *, agree: bool, known: bool) -> float:
    """Return how probable it is that the text is right, by what was seen on development data."""
    odds = float(np.log(max(share, 1e-6) / max(1 - share, 1e-6)))
    value = (
        WEIGHTS[0] + WEIGHTS[1] * min(max(odds, -8), 8) + WEIGHTS[2] * agree + WEIGHTS[3] * known
    )
    return float(1 / (1 + np.exp(-value)))


WEIGHTS = (-2.0, 0.5, 4.5, 0.5)
"""Of a constant, the odds of the text, both readers agreeing, and the grammar knowing it."""


def _ranked(parses: Sequence[Parse], slots: Slots) -> list[tuple[str, float]]:
    """Return texts and their probabilities, the best first: parses, and with one sign changed."""
    scores: dict[str, float] = {}
    for one in parses:
        scores[one.text] = max(scores.get(one.text, -np.inf), one.score)
    best = parses[0]
    for at, slot in enumerate(best.picked):
        order = np.argsort(-slots[slot][:NOTHING])[:3]
        told = float(np.log(max(slots[slot][SIGNS.index(best.text[at])], 1e-6)))
        for number in order:
            sign = SIGNS[int(number)]
            text = best.text[:at] + sign + best.text[at + 1 :]
            kind = 0.0 if sign.isdigit() == best.text[at].isdigit() else 2.0
            score = best.score - told + float(np.log(max(slots[slot][number], 1e-6))) - kind
            if sign != best.text[at]:
                scores[text] = max(scores.get(text, -np.inf), score)
    top = max(scores.values())
    shares = {text: float(np.exp(score - top)) for text, score in scores.items()}
    whole = sum(shares.values())
    ordered = sorted(shares.items(), key=lambda item: (item[0] != best.text, -item[1]))
    return [(text, share / whole) for text, share in ordered]


def _told(readings: Sequence[Reading], countries: Sequence[str]) -> dict[str, float] | None:
    """Return the log of what readings tell of countries, beside an even guess."""
    told = [one.countries for one in readings if one.countries is not None]
    if not told or len(told[0]) != len(countries):
        return None
    mean = np.maximum(np.mean(told, axis=0), 1e-3)
    logs = np.log(mean * len(mean))
    return {name: float(log) for name, log in zip(countries, logs, strict=True)}


def _country(text: str, best: Parse, grammar: Grammar, told: Mapping[str, float] | None) -> str:
    """Return the likeliest country of a text; empty if none is likelier than all others."""
    weights = countries_of(text, grammar, told)
    if best.named and best.pattern is not None:
        weights[best.pattern.country] = weights.get(best.pattern.country, 0.0) + sum(
            weights.values()
        )
    name = max(weights, key=lambda one: weights[one], default="")
    return name if name and weights[name] >= LEAST_COUNTRY * sum(weights.values()) else ""


def fuse(readings: Iterable[Reading]) -> Fused:
    """Return readings by one reader laid over each other, the surest as the ground."""
    ordered = sorted(readings, key=lambda one: -one.sureness)
    if not ordered:
        return Fused(np.zeros((0, NOTHING + 1), np.float32), ())
    net = _mild(ordered[0].slots)
    rows = list(ordered[0].rows)
    for count, one in enumerate(ordered[1:], 1):
        net, rows = _laid(net, rows, (_mild(one.slots), list(one.rows)), count)
    return _normal(net * len(ordered) ** (KIN - 1), rows)


def _mild(slots: Slots) -> NDArray[np.float32]:
    return np.asarray(np.log(slots) * MILD, np.float32)


def _both(ours: Fused, theirs: Fused) -> Fused:
    """Return two readers' slots laid over each other; they err independently."""
    if not len(ours.slots) or not len(theirs.slots):
        return ours if len(ours.slots) else theirs
    other = (np.log(np.maximum(theirs.slots, 1e-6)), list(theirs.rows))
    net, rows = _laid(np.log(np.maximum(ours.slots, 1e-6)), list(ours.rows), other, 1)
    return _normal(net, rows)


def _normal(net: NDArray[np.float32], rows: list[int]) -> Fused:
    shares = np.exp(net - net.max(1, keepdims=True))
    return Fused(np.asarray(shares / shares.sum(1, keepdims=True), np.float32), tuple(rows))


def _laid(
    net: NDArray[np.float32],
    rows: list[int],
    other: tuple[NDArray[np.float32], list[int]],
    count: int,
) -> tuple[NDArray[np.float32], list[int]]:
    """Return the sum of logs of a net of `count` readings and one more, aligned."""
    more, more_rows = other
    pairs = _aligned(_shared(net), _shared(more), rows, more_rows)
    inner = [at for at, (one, two) in enumerate(pairs) if one is not None and two is not None]
    made, made_rows = [], []
    for at, (one, two) in enumerate(pairs):
        outside = not inner or not inner[0] < at < inner[-1]
        missed = _missed(MISSED_OUTSIDE if outside else MISSED)
        left = net[one] if one is not None else missed * count
        right = more[two] if two is not None else missed
        made.append(left + right)
        made_rows.append(rows[one] if one is not None else more_rows[two or 0])
    return np.array(made, np.float32), made_rows


def _missed(nothing: float) -> NDArray[np.float32]:
    """Return the logs of a slot in which a reader saw nothing, where another did see something."""
    logs = np.full(NOTHING + 1, np.log((1 - nothing) / NOTHING), np.float32)
    logs[NOTHING] = np.log(nothing)
    return logs * np.float32(MILD)


def _shared(net: NDArray[np.float32]) -> NDArray[np.float32]:
    shares = np.exp(net - net.max(1, keepdims=True))
    return np.asarray(shares / shares.sum(1, keepdims=True), np.float32)


def _aligned(
    one: Slots, two: Slots, rows: Sequence[int], other_rows: Sequence[int]
) -> list[tuple[int | None, int | None]]:
    """Return which slots belong together, by the least edit distance of what they may be."""
    unlike = 1 - one[:, :NOTHING] @ two[:, :NOTHING].T - np.outer(one[:, NOTHING], two[:, NOTHING])
    unlike += 0.3 * (np.asarray(rows)[:, None] != np.asarray(other_rows)[None])
    gaps, other_gaps = 0.55 * (1 - one[:, NOTHING]) + 0.05, 0.55 * (1 - two[:, NOTHING]) + 0.05
    high, wide = len(one), len(two)
    costs = np.zeros((high + 1, wide + 1))
    costs[1:, 0], costs[0, 1:] = np.cumsum(gaps), np.cumsum(other_gaps)
    for i in range(1, high + 1):
        for j in range(1, wide + 1):
            costs[i, j] = min(
                costs[i - 1, j - 1] + unlike[i - 1, j - 1],
                costs[i - 1, j] + gaps[i - 1],
                costs[i, j - 1] + other_gaps[j - 1],
            )
    pairs: list[tuple[int | None, int | None]] = []
    i, j = high, wide
    while i or j:
        if i and j and np.isclose(costs[i, j], costs[i - 1, j - 1] + unlike[i - 1, j - 1]):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif i and np.isclose(costs[i, j], costs[i - 1, j] + gaps[i - 1]):
            i -= 1
            pairs.append((i, None))
        else:
            j -= 1
            pairs.append((None, j))
    return pairs[::-1]
