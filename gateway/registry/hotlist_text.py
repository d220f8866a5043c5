# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A plate as it is compared: normal form, and what else the same marks may be (D.9); pure.

Other spellings are made when a read is compared and never stored. No error here has a text.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from gateway.model.errors import WireError
from gateway.model.plate import MOST_ALTERNATIVES, MOST_SIGNS, PlateRead

LEAST_SIGNS: Final = 4
"""A shorter text would be found in half the town; the shortest national plates have 4."""
MOST_TRIED: Final = 48
"""Texts tried for one read."""
FLOOR: Final = 0.02
"""A spelling less likely than this is no reason to stop anybody."""
TWIN: Final = 0.95
"""O and 0, I and 1 are one glyph on most plates, and clerks type either: it says nothing."""
CONFUSED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "B": "8", "8": "B", "D": "0", "G": "6", "6": "G", "Q": "0O", "S": "5", "5": "S",
        "U": "V", "V": "U", "Z": "2", "2": "Z", "0": "DQ", "O": "DQ",
    }
)  # fmt: skip
"""Signs that readers take for each other (findings §5); twins are not among them."""
TWINS: Final[Mapping[str, str]] = MappingProxyType({"O": "0", "0": "O", "I": "1", "1": "I"})
LEAST_DOUBT: Final = 0.02
"""What is left to a confused sign however sure the reader was."""
_SIGNS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_IGNORED: Final = frozenset(" -.·•/_'’\t")


def normal(text: str) -> str:
    """Return a plate's text without blanks and marks between, in capitals A-Z and digits.

    WireError, without the text, for anything that is no plate: other signs, too short, too long.
    """
    folded = unicodedata.normalize("NFKD", text.strip())
    signs = [
        sign for sign in folded.upper() if sign not in _IGNORED and not unicodedata.combining(sign)
    ]
    if not all(sign in _SIGNS for sign in signs):
        raise WireError("a plate has letters A-Z and digits")
    if not LEAST_SIGNS <= len(signs) <= MOST_SIGNS:
        raise WireError(f"a plate has {LEAST_SIGNS} to {MOST_SIGNS} letters and digits")
    return "".join(signs)


def country_code(text: str) -> str:
    """Return ISO 3166-1 alpha-2 in capitals, or nothing; WireError for anything else."""
    code = text.strip().upper()
    if code and not (len(code) == 2 and code.isascii() and code.isalpha()):  # noqa: PLR2004 - alpha-2
        raise WireError("a country is two letters (ISO 3166-1), or empty for any")
    return code


@dataclass(frozen=True, slots=True)
class Spelling:
    """One text that a read may be."""

    text: str = field(repr=False)
    probability: float
    """0..1; of the read's own text its confidence."""
    is_read: bool
    """The read's own text, sign by sign."""


def spellings(read: PlateRead, most: int = MOST_TRIED) -> tuple[Spelling, ...]:
    """Return what a read may be, the most likely first, each text once, at most `most`.

    The read's own text is always the first, however unsure it is; nothing if it is none.
    """
    own = _comparable(read.text)
    if not own:
        return ()
    found = {own: Spelling(own, read.confidence, is_read=True)}
    others = [(_comparable(a.text), a.probability) for a in read.alternatives[:MOST_ALTERNATIVES]]
    for text, probability in others:
        _keep(found, text, probability)
    signs = read.signs if len(read.signs) == len(own) else (read.confidence,) * len(own)
    for twin, factor in _twins(own):
        _keep(found, twin, read.confidence * factor)
        for text, doubt in _confused(twin, signs):
            _keep(found, text, read.confidence * factor * doubt)
    for text, probability in others:  # the reader has named its confusions by naming them
        for twin, factor in _twins(text):
            _keep(found, twin, probability * factor)
    first, *rest = found.values()
    rest = sorted(rest, key=lambda one: (-one.probability, one.text))
    return (first, *rest[: most - 1])


def _comparable(text: str) -> str:
    try:
        return normal(text)
    except WireError:
        return ""


def _keep(found: dict[str, Spelling], text: str, probability: float) -> None:
    known = found.get(text)
    if not text or probability < FLOOR or (known and known.probability >= probability):
        return
    if known is None or not known.is_read:
        found[text] = Spelling(text, probability, is_read=False)


def _confused(text: str, signs: Sequence[float]) -> Iterator[tuple[str, float]]:
    """Yield the texts with one sign taken for another, and how doubtful that sign is."""
    for at, sign in enumerate(text):
        for other in CONFUSED.get(sign, ""):
            yield text[:at] + other + text[at + 1 :], max(1.0 - signs[at], LEAST_DOUBT)


def _twins(text: str) -> list[tuple[str, float]]:
    """Return a text with every choice of its twins, itself first; at most 16."""
    found = [(text, 1.0)]
    for at, sign in enumerate(text):
        twin = TWINS.get(sign)
        if twin is not None and len(found) <= 8:  # noqa: PLR2004 - two to the fourth
            found += [(one[:at] + twin + one[at + 1 :], factor * TWIN) for one, factor in found]
    return found
