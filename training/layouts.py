# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Plate layouts as data: what may stand on a plate, country by country (``layouts.toml``)."""

import random
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LISTED = Path(__file__).with_name("layouts.toml")
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""What a reader says; its blank is one more class, 36."""
LETTERS = ALPHABET[10:]
SEPARATORS = " _-.=*:"
_CLASSES = {
    "#": ALPHABET[:10],
    "@": LETTERS,
    "%": "ABCDEFGHJKLMNPRSTVWXYZ",
    "&": "BCDFGHJKLMNPRSTVWXYZ",
    "?": "ABEKMHOPCTYXIZN",
    "^": ALPHABET,
}
_MIXED = "WMNHVYKXBRPDOQGC8S5Z2I1JT7063"
_MIXED_SHARE = 0.25
_REPEATED = re.compile(r"\[(.)(\d)-(\d)\]")
_CODES = (
    "AG AL AN AO AP AR AT AV BA BG BI BL BN BO BR BS BT BZ CA CB CE CH CI CL CN CO CR CS CT CZ EN "
    "FC FE FG FI FM FO FR GE GO GR IM IS KR LC LE LI LO LT LU MB MC ME MI MN MO MS MT NA NO NU OG "
    "OR OT PA PC PD PE PG PI PN PO PR PS PT PU PV PZ RA RC RE RG RI RM RN RO SA SI SO SP SR SS SU "
    "SV TA TE TN TO TP TR TS TV UD VA VB VC VE VI VR VS VT VV"
)
PROVINCES = tuple(_CODES.split())
"""Province codes that Italian plates have borne, abolished ones too."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the plates of one series look; the fields are explained in ``layouts.toml``."""

    country: str
    weight: float
    one: tuple[str, ...] = ()
    two: tuple[str, ...] = ()
    ground: tuple[str, ...] = ("white",)
    inks: tuple[str, ...] = ("black",)
    left: str | None = None
    right: str = ""
    sign: str = ""
    edges: str = ""
    free: float = 0.05
    """How often the left band is missing although the series has one."""
    above: bool = False
    """Words stand above the number (Irish counties)."""


def layouts(path: Path = LISTED) -> tuple[Layout, ...]:
    """Read the layouts; raises ``TypeError`` for a field that there is not."""
    read: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))["layout"]
    made = []
    for entry in read:
        fields: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
        }
        made.append(Layout(**fields))
    return tuple(made)


def choose(of: tuple[Layout, ...], two: bool, dice: random.Random) -> Layout:
    """Draw a layout by weight among those with one-line (or two-line) patterns."""
    fit = [one for one in of if (one.two if two else one.one)]
    return dice.choices(fit, [one.weight for one in fit])[0]


def spell(pattern: str, dice: random.Random) -> tuple[str, ...]:
    """Draw a text for a pattern; return its lines, separators still in them."""
    pattern = _REPEATED.sub(
        lambda found: found[1] * dice.randint(int(found[2]), int(found[3])), pattern
    )
    pattern = pattern.replace("{prov}", dice.choice(PROVINCES))
    text = "".join(_drawn(sign, dice) if sign in _CLASSES else sign for sign in pattern)
    return tuple(text.split("|"))


def _drawn(sign: str, dice: random.Random) -> str:
    """Draw from a class of signs; those that are easily mixed up come more often."""
    pool = _CLASSES[sign]
    often = [one for one in _MIXED if one in pool] if dice.random() < _MIXED_SHARE else []
    return dice.choice(often or pool)


def label(lines: tuple[str, ...]) -> str:
    """Return what a reader has to say for these lines: capitals and digits only."""
    return "".join(sign for sign in "".join(lines).upper() if sign in ALPHABET)
