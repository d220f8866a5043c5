# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How plates are written: a weak hand on what was read, stronger where the country is known.

Patterns with their sources stand in `grammar.toml`. A pattern picks the plate out of all that was
read: it skips what stands at the ends of a line (bands, stickers, frames) for a price, and takes
of each slot the most probable sign that it allows. What fits no pattern competes at a price too,
so that a plate of an unknown kind stays as it was read.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.analytics.plates.models import SIGNS
from gateway.analytics.plates.read import FLOOR, NOTHING, Slots
from gateway.model.errors import ConfigError

FILE = Path(__file__).with_name("grammar.toml")
FREE = 6.0
"""Price, in nats, of a text that fits no pattern."""
DROP_ENDS, DROP_INSIDE = (2.5, 1.5), 5.5
"""Most that it costs to skip the outermost sign of a line, the next one, and one between others:
bands and frames have one or two."""
HOME, HOME_SIGN = "IT", 2.0
"""At an Italian gate the letter I in front of an Italian plate is the band's."""
COUNTRY_SIGN = 1.0
"""What it is worth, in nats, that the skipped signs spell the country."""
STRANGE_CODE = 5.0
"""In nats: how seldom a plate begins with a district that its country's list does not have."""
DROP_SEAL = 2.9
"""Most that it costs to skip one sign where a seal, an emblem or a dash stands between signs."""
SHARE_WEIGHT = 0.35
"""How much it counts that a country's plates, and a form among them, are seldom."""
MOST_PARSES = 12
LEAST_SIGNS = 3
_DIGITS = SIGNS[:10]
_LETTERS = SIGNS[10:]
_PART = re.compile(r"(.)(?:\{(\d),(\d)\})?")

TWINS = (("0", "O"), ("1", "I"), ("0", "Q"))
"""Signs that many plates write with the same marks: which one is meant only the pattern knows."""
TWIN_SHARE = 0.25
LIKES = (
    "0D",
    "8B",
    "5S",
    "2Z",
    "6G",
    "7T",
    "4A",
    "OD",
    "QO",
    "GC",
    "VY",
    "UV",
    "MN",
    "1T",
    "1L",
    "1J",
)
"""Signs that are taken for each other in poor light; from what readers confused."""
LIKE_SHARE = 0.002

Mask = NDArray[np.float32]
"""(36,): 0 where a sign is allowed, -inf where not."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One way in which plates of one country are written."""

    form: str
    country: str
    plate_type: str
    price: float
    """In nats: how seldom it is."""
    sign: str
    """Distinguishing sign of the country, as in its band."""
    districts: "Districts | None" = None
    """Of a form that begins with the code of one."""
    seal: int = 0
    """Behind so many signs stands a seal, an emblem or a dash; 0: nothing."""


@dataclass(frozen=True, slots=True)
class Districts:
    """Codes with which plates of a country begin."""

    codes: frozenset[str]
    between: tuple[int, int]
    """Fewest and most letters between a code and the first digit."""

    def begin(self, text: str, seal: int) -> bool:
        """Return whether a text begins with a code, that up to its seal if it has one."""
        if seal:
            return text[:seal] in self.codes
        letters = next((at for at, sign in enumerate(text) if sign.isdigit()), len(text))
        low, high = self.between
        ends = range(max(1, letters - high), letters - low + 1)
        return any(text[:end] in self.codes for end in ends)


@dataclass(frozen=True, slots=True)
class Grammar:
    """All patterns, ready for use together."""

    patterns: tuple[Pattern, ...]
    masks: NDArray[np.float32]
    """(S, 36): what each symbol of `table` allows."""
    table: NDArray[np.int64]
    """(P, L): the symbols of each pattern, -1 after its end."""
    lengths: NDArray[np.int64]
    """(P,)"""
    prices: NDArray[np.float32]
    """(P,)"""
    seals: NDArray[np.bool_]
    """(P, L): whether something may stand behind so many signs, less one, that is none."""


@dataclass(frozen=True, slots=True)
class Parse:
    """What a pattern makes of what was read."""

    text: str = field(repr=False)
    picked: tuple[int, ...] = field(repr=False)
    """Slot of each sign."""
    score: float
    """In nats; larger is better, comparable between parses of the same slots."""
    pattern: Pattern | None
    """None: as it was read."""
    named: bool = False
    """The signs before it spell its country."""


def load(path: Path = FILE) -> Grammar:
    """Return the grammar of a file; ConfigError names file and key."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(str(path), "", f"cannot be read: {error}") from error
    patterns: list[Pattern] = []
    rows: list[list[str]] = []
    for number, country in enumerate(told.get("country", ())):
        try:
            for pattern, symbols in _patterns(country):
                patterns.append(pattern)
                rows.append(symbols)
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(str(path), f"country[{number}]", f"{error!r}") from error
    if not patterns:
        raise ConfigError(str(path), "country", "is missing")
    return _grammar(patterns, rows)


def _grammar(patterns: list[Pattern], rows: list[list[str]]) -> Grammar:
    known = {symbol: number for number, symbol in enumerate(sorted({s for r in rows for s in r}))}
    masks = np.full((len(known), len(SIGNS)), -np.inf, np.float32)
    for symbol, number in known.items():
        masks[number, [SIGNS.index(sign) for sign in symbol]] = 0
    longest = max(map(len, rows))
    table = np.full((len(rows), longest), -1, np.int64)
    for number, row in enumerate(rows):
        table[number, : len(row)] = [known[symbol] for symbol in row]
    prices = np.array([one.price for one in patterns], np.float32)
    seals = np.zeros(table.shape, np.bool_)
    for number, pattern in enumerate(patterns):
        if pattern.seal:
            seals[number, pattern.seal - 1] = True
    lengths = np.array([len(row) for row in rows])
    return Grammar(tuple(patterns), masks, table, lengths, prices, seals)


def _patterns(country: Mapping[str, object]) -> Iterator[tuple[Pattern, list[str]]]:
    """Yield each form of a country with the signs that each of its places allows."""
    letters = str(country.get("letters", _LETTERS))
    regions = country.get("regions", ())
    share = float(str(country["share"]))
    districts = _districts(country)
    if not country["source"] or not isinstance(forms := country["forms"], list):
        raise ValueError("source")
    for one in forms:
        rare = float(one.get("rare", 1.0))
        price = -float(np.log(share * rare)) * SHARE_WEIGHT
        begun = None if one.get("any") else districts
        for sealed in _forms(str(one["form"])):
            form, seal = sealed.replace("-", ""), max(0, sealed.find("-"))
            own = begun if form[0] == "@" else None
            made = Pattern(form, str(country["code"]), str(one.get("type", "Normal")), price,
                           str(country["sign"]), own, seal)  # fmt: skip
            if "%" not in form:
                yield made, [_symbol(sign, letters) for sign in form]
                continue
            for region in regions if isinstance(regions, list) else ():
                signs = [*region, *(_symbol(sign, letters) for sign in form[1:])]
                behind = seal + len(region) - 1 if seal else 0
                yield replace(made, form=form.replace("%", str(region)), seal=behind), signs


def _districts(country: Mapping[str, object]) -> Districts | None:
    if not isinstance(lines := country.get("codes"), list):
        return None
    if not isinstance(between := country["between"], list):
        raise TypeError("between")
    low, high = between
    return Districts(frozenset(" ".join(lines).split()), (int(low), int(high)))


def _symbol(sign: str, letters: str) -> str:
    return {"#": _DIGITS, "@": letters}.get(sign, sign)


def _forms(text: str) -> list[str]:
    """Return a form once for each number of times that its parts may come."""
    parts = _PART.findall(text)
    counts = [range(int(low or 1), int(high or 1) + 1) for _, low, high in parts]
    every = ("".join(part[0] * n for part, n in zip(parts, one, strict=True))
             for one in product(*counts))  # fmt: skip
    return [one for one in every if len(one.replace("-", "")) <= 8 or _named(one)]  # noqa: PLR2004


def _named(form: str) -> bool:
    """Return whether a long form begins with a word: only those have more than eight signs."""
    return form[:3].isalpha()


def parse(
    slots: Slots,
    rows: Sequence[int],
    grammar: Grammar,
    countries: Mapping[str, float] | None = None,
) -> tuple[Parse, ...]:
    """Return what the slots (K, 37) may mean, the best first; one parse for each text.

    `countries`: log of how much likelier than usual each country is, as a reader tells it.
    """
    if not len(slots):
        return ()
    logs = np.log(np.maximum(slots @ likeness(), FLOOR))
    skip, free = _skips(logs, rows), logs[:, NOTHING]
    found = [_free(logs, free)]
    scores, steps = _match(logs[:, :NOTHING], skip, grammar)
    prices = grammar.prices
    if countries:
        usual = min(countries.values())
        more = [countries.get(one.country, usual) for one in grammar.patterns]
        prices = prices - np.array(more, np.float32)
    totals = scores - prices
    likely = [int(one) for one in np.argsort(-totals)[: 4 * MOST_PARSES]]
    found += [
        _traced(one, float(totals[one]), (logs, steps), grammar)
        for one in likely
        if np.isfinite(totals[one])
    ]
    return _distinct(found)


def likeness() -> NDArray[np.float32]:
    """Return (37, 37): what share of each sign's probability its likes get as well."""
    likes = np.eye(NOTHING + 1, dtype=np.float32)
    pairs = [(*pair, TWIN_SHARE) for pair in TWINS] + [(*pair, LIKE_SHARE) for pair in LIKES]
    for one, two, share in pairs:
        likes[SIGNS.index(one), SIGNS.index(two)] = share
        likes[SIGNS.index(two), SIGNS.index(one)] = share
    return likes


def _distinct(found: list[Parse]) -> tuple[Parse, ...]:
    """Return the best parse of each text, the best first."""
    best: dict[str, Parse] = {}
    for one in found:
        if len(one.text) >= LEAST_SIGNS and (
            one.text not in best or best[one.text].score < one.score
        ):
            best[one.text] = one
    return tuple(sorted(best.values(), key=lambda one: -one.score)[:MOST_PARSES])


def _skips(logs: NDArray[np.float32], rows: Sequence[int]) -> NDArray[np.float32]:
    """Return (2, K): what it costs at most to skip a slot between signs, and before or after all.

    Between signs of a plate with two lines stand the ends of its lines.
    """
    prices = np.full((2, len(logs)), -DROP_INSIDE, np.float32)
    for row in sorted(set(rows)):
        numbers = [number for number, one in enumerate(rows) if one == row]
        for at, price in reversed(list(enumerate(DROP_ENDS[: len(numbers)]))):
            for number in (numbers[at], numbers[-1 - at]):
                prices[1, number] = -price
            if numbers[0] > 0:
                prices[0, numbers[at]] = -price
            if numbers[-1] < len(logs) - 1:
                prices[0, numbers[-1 - at]] = -price
    return np.asarray(np.maximum(prices, logs[:, NOTHING]), np.float32)


def _free(logs: NDArray[np.float32], skip: NDArray[np.float32]) -> Parse:
    """Return the text as it was read."""
    best = logs[:, :NOTHING].max(1)
    picked = tuple(int(one) for one in np.flatnonzero(best >= skip))
    score = float(np.maximum(best, skip).sum()) - FREE
    text = "".join(SIGNS[int(logs[one, :NOTHING].argmax())] for one in picked)
    return Parse(text, picked, score, None)


def _match(
    logs: NDArray[np.float32], skip: NDArray[np.float32], grammar: Grammar
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the score of each pattern (P,), and where it takes a slot (K, P, L)."""
    inside, outside = skip
    symbols = (logs[:, None, :] + grammar.masks[None]).max(2)
    count, longest = grammar.table.shape
    ways = np.full((count, longest + 1), -np.inf, np.float32)
    ways[:, 0] = 0
    done = np.arange(1, longest + 1) == grammar.lengths[:, None]
    steps = np.zeros((len(logs), count, longest), np.bool_)
    for number in range(len(logs)):
        taken = np.where(grammar.table >= 0, symbols[number][grammar.table], -np.inf)
        inner = np.where(grammar.seals, max(inside[number], -DROP_SEAL), inside[number])
        dropped = np.where(done, outside[number], inner)
        take, leave = ways[:, :-1] + taken, ways[:, 1:] + dropped
        steps[number] = take > leave
        ways[:, 1:] = np.maximum(take, leave)
        ways[:, 0] += outside[number]
    return ways[np.arange(count), grammar.lengths], steps


def _traced(
    number: int,
    score: float,
    seen: tuple[NDArray[np.float32], NDArray[np.bool_]],
    grammar: Grammar,
) -> Parse:
    """Return the text that a pattern made, going back over its steps."""
    logs, steps = seen
    pattern, at = grammar.patterns[number], int(grammar.lengths[number])
    picked: list[int] = []
    for slot in range(len(logs) - 1, -1, -1):
        if at and steps[slot, number, at - 1]:
            picked.append(slot)
            at -= 1
    picked.reverse()
    masks = grammar.masks[grammar.table[number, : len(picked)]]
    signs = (logs[picked, :NOTHING] + masks).argmax(1)
    text = "".join(SIGNS[int(one)] for one in signs)
    worth = HOME_SIGN if pattern.country == HOME else COUNTRY_SIGN
    named = _skipped_before(logs, picked).endswith(pattern.sign)
    if pattern.districts is not None and not pattern.districts.begin(text, pattern.seal):
        return Parse(text, tuple(picked), score - STRANGE_CODE, None, named)
    return Parse(text, tuple(picked), score + worth * named, pattern, named)


def _skipped_before(logs: NDArray[np.float32], picked: list[int]) -> str:
    """Return what stands before the first sign of the plate, as it was read."""
    best = logs[: picked[0] if picked else 0].argmax(1)
    return "".join(SIGNS[int(one)] for one in best if one != NOTHING)


def countries_of(
    text: str, grammar: Grammar, countries: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Return how likely each country is, not normalised, of those that write plates like this."""
    signs = [SIGNS.index(one) for one in text]
    fits = grammar.lengths == len(text)
    if not signs or not fits.any():
        return {}
    table = grammar.table[fits][:, : len(text)]
    allowed = np.isfinite(grammar.masks[table, signs]).all(1)
    weights: dict[str, float] = {}
    for number in np.flatnonzero(fits)[allowed]:
        pattern = grammar.patterns[int(number)]
        told = countries.get(pattern.country, min(countries.values())) if countries else 0.0
        weight = float(np.exp(told - pattern.price / SHARE_WEIGHT))
        weights[pattern.country] = max(weights.get(pattern.country, 0.0), weight)
    return weights
