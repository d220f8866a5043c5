# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Another pharmacy of the town, by the harbour: built the other way round, behind a NAT."""

from dataclasses import replace

import numpy as np
from typing_extensions import override

from gateway.model.alarm import Box
from gateway.simulator import scene_pharmacy as pharmacy
from gateway.simulator.paint import Picture
from gateway.simulator.truth import Seen

NAME = "Farmacia del Porto"
GUARDED = tuple((1.0 - x, y) for x, y in reversed(pharmacy.GUARDED))
"""The guarded zone, fractions of the picture."""


class _Mirrored(pharmacy.Room):
    """The room with left and right exchanged before the marks are burned in."""

    def __init__(self) -> None:
        super().__init__(NAME, mirrored=True)

    @override
    def finish(self, picture: Picture, index: int, number: int) -> Picture:
        return super().finish(np.ascontiguousarray(picture[:, ::-1]), index, number)


class QuietPort(pharmacy.QuietPharmacy):
    """The scene `porto` when nothing happens."""

    def __init__(self) -> None:
        super().__init__(_Mirrored())


class PortIntrusion(pharmacy.Intrusion):
    """The scene `porto` when somebody enters, searches the till and leaves."""

    def __init__(self) -> None:
        super().__init__(_Mirrored())

    @override
    def truth(self, index: int) -> tuple[Seen, ...]:
        return tuple(replace(one, box=_mirrored(one.box)) for one in super().truth(index))


def _mirrored(box: Box) -> Box:
    return Box(1.0 - box.right, box.top, 1.0 - box.left, box.bottom)
