# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a camera's clock is worth: fine, to be corrected, or too wrong for evidence (B-57)."""

from dataclasses import dataclass
from enum import Enum

from gateway.model.time import ClockQuality

WARN_S = 1.0
"""B-57: from here on a person is told."""
BLOCK_S = 5.0
"""B-57: from here on evidence of this camera is not sealed."""


class ClockLevel(Enum):
    """How bad it is."""

    FINE = "fine"
    UNKNOWN = "unknown"
    """The camera has not told its time."""
    WARN = "warn"
    BLOCK = "block"
    OURS = "ours"
    """Our own clock cannot judge anybody's."""


@dataclass(frozen=True, slots=True)
class ClockVerdict:
    """The level, and what to say of it; empty where all is well."""

    level: ClockLevel
    may_seal: bool
    """Whether evidence of this camera may be sealed as far as time goes."""
    text_it: str = ""
    text_en: str = ""

    @property
    def is_problem(self) -> bool:
        """Whether a person has to do something."""
        return self.level in (ClockLevel.WARN, ClockLevel.BLOCK, ClockLevel.OURS)


_OURS = ClockVerdict(
    ClockLevel.OURS,
    may_seal=False,
    text_it="l'orologio di questo apparato non è sincronizzato: controllare il servizio orario "
    "(NTP); finché dura non si sigillano prove e non si giudicano gli orologi delle telecamere",
    text_en="this box's own clock is not synchronised: check its time service (NTP); until then "
    "no evidence is sealed and no camera's clock is judged",
)
_EXERCISE = ClockVerdict(ClockLevel.FINE, may_seal=False)
_UNKNOWN = ClockVerdict(
    ClockLevel.UNKNOWN,
    may_seal=True,
    text_it="la telecamera non comunica la propria ora: vale quella di ricezione",
    text_en="the camera does not tell its time: the time of reception counts",
)


def judge_offset(offset_s: float | None, own_quality: ClockQuality) -> ClockVerdict:
    """Return what an offset (camera minus our UTC) means; an exercise is never evidence."""
    if own_quality is ClockQuality.EXERCISE:
        return _EXERCISE
    if own_quality is not ClockQuality.SYNCHRONISED:
        return _OURS
    if offset_s is None:
        return _UNKNOWN
    wrong_s = abs(offset_s)
    if wrong_s <= WARN_S:
        return ClockVerdict(ClockLevel.FINE, may_seal=True)
    it, en = _amount(wrong_s, "it"), _amount(wrong_s, "en")
    ahead = offset_s > 0
    text_it = f"orologio {'avanti' if ahead else 'indietro'} di {it}: impostare NTP"
    text_en = f"clock {'fast' if ahead else 'slow'} by {en}: set NTP"
    if wrong_s <= BLOCK_S:
        return ClockVerdict(ClockLevel.WARN, may_seal=True, text_it=text_it, text_en=text_en)
    return ClockVerdict(
        ClockLevel.BLOCK,
        may_seal=False,
        text_it=f"{text_it}; finché dura le prove non si sigillano",
        text_en=f"{text_en}; until then evidence is not sealed",
    )


_UNITS = (
    (2 * 86_400.0, 86_400.0, "giorni", "days"),
    (2 * 3_600.0, 3_600.0, "ore", "hours"),
    (2 * 60.0, 60.0, "minuti", "minutes"),
)
"""From how many seconds on, the unit, and its names."""


def _amount(seconds: float, language: str) -> str:
    """Return a duration as people say it, `2,4 s`, `3 ore`, `412 giorni`."""
    for least_s, unit_s, italian, english in _UNITS:
        if seconds >= least_s:
            return f"{seconds / unit_s:.0f} {italian if language == 'it' else english}"
    text = f"{seconds:.1f} s"
    return text.replace(".", ",") if language == "it" else text
