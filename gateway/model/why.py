# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Why an alarm was raised, as one sentence in Italian or English made from data.

Nobody is called a person, nothing a vehicle, unless a model of the user's own said so (A-43).
"""

from collections.abc import Mapping
from typing import Final

from gateway.model.alarm import Kind, Why
from gateway.model.hit import RULE_HIT, read_detail
from gateway.model.plate import ListKind, Passing

_MINUTES_FROM_S = 120.0
_HOURS_FROM_S = 7200.0

_KINDS: Final[Mapping[Kind, tuple[str, str]]] = {
    Kind.MOVING: ("Movimento", "Movement"),
    Kind.PERSON: ("Persona", "A person"),
    Kind.VEHICLE: ("Veicolo", "A vehicle"),
    Kind.TWO_WHEELER: ("Bicicletta o moto", "A bicycle or motorcycle"),
}
_RULES: Final[Mapping[str, tuple[str, str]]] = {
    "intrusione": ("{what} nella zona{name} da {span}", "{what} in the zone{name} for {span}"),
    "attraversamento": (
        "{what} attraverso la linea{name}{way}",
        "{what} across the line{name}{way}",
    ),
    "stazionamento": (
        "{what} che resta nella zona{name} da {span}",
        "{what} that stays in the zone{name}, for {span} now",
    ),
    "veicolo-fermo": (
        "{what} nella zona{name} da {span}",
        "{what} in the zone{name} for {span}",
    ),
    "manomissione": ("{fault} da {span}", "{fault} for {span}"),
    "perdita-video": (
        "Nessuna immagine dalla telecamera da {span}",
        "No picture from the camera for {span}",
    ),
    RULE_HIT: (
        "Targa{listed}{passing}{gate}{lane}{sure}",
        "Plate{listed}{passing}{gate}{lane}{sure}",
    ),
}
"""Sentences by rule; a rule that is not here has none."""
_STANDS: Final = {
    True: ("Veicolo fermo", "A vehicle standing"),
    False: ("Oggetto grande quanto un veicolo, fermo,", "Something the size of a vehicle standing"),
}
_FAULTS: Final[Mapping[str, tuple[str, str]]] = {
    "coperta": ("Inquadratura coperta", "The view has been covered"),
    "sfocata": ("Inquadratura sfocata", "The view has been out of focus"),
    "spostata": ("Inquadratura spostata", "The view has been turned away"),
    "ferma": ("Immagine bloccata, sempre la stessa,", "The picture has been frozen"),
    "buia": ("Inquadratura buia", "The view has been dark"),
}
_LISTS: Final[Mapping[ListKind | None, tuple[str, str]]] = {
    ListKind.STOLEN: (" nella lista A1 (veicoli rubati)", " on list A1 (stolen vehicles)"),
    ListKind.NO_INSPECTION: (" nella lista A2 (senza revisione)", " on list A2 (no inspection)"),
    ListKind.REPORTED: (" nella lista C (segnalata da un ufficio)", " on list C (reported)"),
    ListKind.LOCAL: (" nella lista locale", " on the local list"),
    None: (" cercata", " that is sought"),
}
_PASSINGS: Final[Mapping[Passing | None, tuple[str, str]]] = {
    Passing.IN: (", in entrata in città", ", entering the city"),
    Passing.OUT: (", in uscita dalla città", ", leaving the city"),
    None: ("", ""),
}
_GATE: Final = (" al varco {}", " at the gate {}")
_LANE: Final = ("corsia", "lane")
_UNSURE: Final = (", da verificare", ", to be verified")
_FAULT: Final = ("Telecamera manomessa", "The camera has been tampered with")
_WAYS: Final[Mapping[str, tuple[str, str]]] = {
    "ab": (", dal lato A al lato B", ", from side A to side B"),
    "ba": (", dal lato B al lato A", ", from side B to side A"),
}
_METRES: Final = ("altezza circa {} m", "about {} m high")
_CONFIDENCE: Final = ("attendibilità {} %", "confidence {} %")
_MODES: Final[Mapping[str, tuple[str, str]]] = {
    "key-units-alone-by-budget": (
        "visto nei soli fotogrammi chiave perché il gateway è carico",
        "seen in key pictures alone because the gateway is busy",
    ),
    "a-key-unit-now-and-then-by-budget": (
        "visto in pochi fotogrammi perché il gateway è carico",
        "seen in few pictures because the gateway is busy",
    ),
}
"""What the reader is told of how it was watched: only what makes it less certain."""


def sentence(why: Why, language: str, *, zone: str = "") -> str:
    """Return why, as one sentence; empty for a rule that has none.

    `language`: `it`, anything else is English. `zone`: its name as people know it.
    """
    form = _RULES.get(why.rule)
    if form is None:
        return ""
    at = 0 if language == "it" else 1
    quotes = ("«{}»", "“{}”")[at]
    standing = why.rule == "veicolo-fermo"
    what = (_STANDS[why.kind is Kind.VEHICLE] if standing else _KINDS[why.kind])[at]
    kind, passing, lane, sure = read_detail(why.detail)
    words = form[at].format(
        listed=_LISTS[kind][at],
        passing=_PASSINGS[passing][at],
        gate=_GATE[at].format(quotes.format(zone)) if zone else "",
        lane=_lane(lane, at),
        sure="" if sure else _UNSURE[at],
        what=what,
        name=f" {quotes.format(zone)}" if zone else "",
        span=_span(why.seconds, at),
        way=_WAYS.get(why.detail, ("", ""))[at],
        fault=_FAULTS.get(why.detail, _FAULT)[at],
    )
    return "; ".join([words, *_details(why, at)]) + "."


def _lane(lane: str, at: int) -> str:
    """Return which lane, in the gate's own words."""
    words = lane.replace("-", " ").strip()
    if not words:
        return ""
    named = words.lower().startswith(_LANE)
    return f", {words.lower() if named else f'{_LANE[at]} {words}'}"


def _details(why: Why, at: int) -> list[str]:
    """Return what else is known, each in a few words."""
    found = []
    if why.metres > 0:
        found.append(_METRES[at].format(_number(why.metres, 1, at)))
    if why.confidence > 0:
        found.append(_CONFIDENCE[at].format(round(100 * why.confidence)))
    if why.mode in _MODES:
        found.append(_MODES[why.mode][at])
    return found


def _span(seconds: float, at: int) -> str:
    """Return a length of time: 1,2 s; 42 s; 5 min; 3 h."""
    if seconds >= _HOURS_FROM_S:
        return f"{_number(seconds / 3600, 0, at)} h"
    if seconds >= _MINUTES_FROM_S:
        return f"{_number(seconds / 60, 0, at)} min"
    return f"{_number(seconds, 1 if seconds < 10 else 0, at)} s"  # noqa: PLR2004 - as people say it


def _number(value: float, digits: int, at: int) -> str:
    text = f"{value:.{digits}f}"
    return text.replace(".", ",") if at == 0 else text
