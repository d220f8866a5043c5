# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What is to be read in the toll gate's film, looked up by eye (339 pictures, Vietnamese plates).

The film was cut after picture 149 and goes on earlier; a line of text at the top right names a
fourth plate that is on no car: whoever reads it there has read falsely.
"""

from dataclasses import dataclass

PICTURES = 339
FPS = 18.1


@dataclass(frozen=True, slots=True)
class Shown:
    """One plate and where it is legible, first and last picture."""

    text: str
    first: int
    last: int
    in_lane: bool = True
    """Else it stands in the next lane, behind a post, small and seen from the side."""


SHOWN = (
    Shown("34A36837", 0, 43),
    Shown("34A23126", 107, 125),
    Shown("89C20339", 297, 338),
    Shown("34C12323", 24, 25, in_lane=False),
    Shown("15C17174", 153, 246, in_lane=False),
)
