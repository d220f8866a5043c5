# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Why an alarm was raised, as fields of JSON: on disk, and on the way to who may know."""

import math
import re
from collections.abc import Mapping
from typing import Final

from gateway.model.alarm import Kind, Why
from gateway.model.errors import WireError

MOST_SECONDS: Final = 366 * 86_400.0
MOST_METRES: Final = 1_000.0
MOST_TRACK: Final = 1 << 63
_WORD = re.compile(r"[\w./-]{0,64}\Z")
_PLACES = 4


def why_fields(why: Why) -> dict[str, object]:
    """Return what is known, without what is not; `read_why` is its inverse to four decimals."""
    fields: dict[str, object] = {
        "Rule": why.rule,
        "Track": why.track,
        "Kind": "" if why.kind is Kind.MOVING else why.kind.value,
        "Seconds": round(why.seconds, _PLACES),
        "Metres": round(why.metres, _PLACES),
        "Confidence": round(why.confidence, _PLACES),
        "Detail": why.detail,
        "Mode": why.mode,
    }
    return {name: value for name, value in fields.items() if value}


def read_why(value: object) -> Why:
    """Return what `why_fields` wrote; WireError for anything else. Unknown fields are ignored."""
    if not isinstance(value, Mapping):
        raise WireError("Why is not an object")
    track = value.get("Track", 0)
    if isinstance(track, bool) or not isinstance(track, int) or not 0 <= track < MOST_TRACK:
        raise WireError("Why: Track is not the number of a track")
    return Why(
        _word(value, "Rule"),
        track,
        _kind(_word(value, "Kind")),
        _number(value, "Seconds", MOST_SECONDS),
        _number(value, "Metres", MOST_METRES),
        _number(value, "Confidence", 1.0),
        _word(value, "Detail"),
        _word(value, "Mode"),
    )


def _kind(word: str) -> Kind:
    """Return a kind; one that we do not know is movement and no more."""
    return next((kind for kind in Kind if kind.value == word), Kind.MOVING)


def _word(value: Mapping[object, object], name: str) -> str:
    word = value.get(name, "")
    if not isinstance(word, str) or _WORD.match(word) is None:
        raise WireError(f"Why: {name} is not a word of at most 64 letters")
    return word


def _number(value: Mapping[object, object], name: str, most: float) -> float:
    number = value.get(name, 0.0)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise WireError(f"Why: {name} is not a number")
    if not math.isfinite(number) or not 0.0 <= number <= most:
        raise WireError(f"Why: {name} is {number!r:.40} (0..{most:g})")
    return float(number)
