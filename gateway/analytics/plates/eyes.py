# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The nets as the gatekeeper needs them: find, read every candidate, decide a whole passage."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np

from gateway.analytics.plates import grammar, models, sighting, vote
from gateway.analytics.plates.find import Found, boxed, find
from gateway.analytics.plates.gatekeeper import Look, Spot
from gateway.codec.colour import Colour
from gateway.model.plate import PlateRead

MOST_ESCALATED = 3
"""Looks of one passage that the second reader sees."""


class NetEyes:
    """Finder, own reader, second reader and vote over one set of nets."""

    def __init__(self, nets: models.Models, words: grammar.Grammar) -> None:
        self._nets = nets
        self._words = words

    def find(self, picture: Colour) -> Sequence[Spot]:
        """Return the plates in a picture, the surest first."""
        return [Spot(*one.box, one.score, one) for one in find(self._nets, picture)]

    def read(self, picture: Colour, spot: Spot) -> Look | None:
        """Return what the own reader makes of one plate; None if it is too small."""
        seen = sighting.look_at(self._nets, picture, cast("Found", spot.found))
        if not seen.readings:
            return None
        return Look(seen, None, seen.sharpness)

    def decide(self, looks: Sequence[Look]) -> PlateRead:
        """Return what a passage says; the second reader sees the strongest looks.

        One after the other, as long as the vote is not certain: most passages need one.
        """
        seen = sorted(looks, key=lambda one: one.strength, reverse=True)
        sightings = [cast("sighting.Sighting", one.reading) for one in seen]
        read = vote.vote(sightings, self._words, self._nets.countries)
        for at in range(min(MOST_ESCALATED, len(sightings))):
            sightings[at] = sighting.escalate(self._nets, sightings[at])
            read = vote.vote(sightings, self._words, self._nets.countries)
            if read.certain:
                break
        return read

    def warm(self) -> None:
        """Use every net once: what loads late could not load in a cage."""
        grey = np.full((96, 192, 3), 128, np.uint8)
        self.find(grey)
        look = self.read(grey, Spot(20.0, 30.0, 170.0, 66.0, 1.0, boxed((20.0, 30.0, 170.0, 66.0))))
        self.decide([look] if look is not None else [])


def load(folder: str, *, second: bool = True) -> NetEyes:
    """Return the nets of a folder (empty: ours); ConfigError says which one is wrong."""
    place = models.installed_second() if second else None
    nets = models.load(Path(folder) if folder else models.WEIGHTS, place)
    eyes = NetEyes(nets, grammar.load())
    eyes.warm()
    return eyes
