# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Pictures against what a camera usually shows: painted, done to, and decided by the real rule."""

import functools
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.analytics.incident import Raised
from gateway.analytics.reference import EVERY_90K, Reference
from gateway.analytics.tamper import TamperState, decide
from gateway.model.registry import WHOLE_PICTURE, Analytic, Zone
from tests.unit.analytics.seen import seen

SECOND_90K = 90_000
ZONE = Zone("z", "Z", "c", WHOLE_PICTURE, Analytic.TAMPER, dwell_s=4.0, off_after_s=10.0)
Picture = NDArray[np.float32]


def street(seed: int = 3) -> Picture:
    """Return a view with things of many sizes and shades: shape (360, 640), float32, 20..200."""
    drawn = np.random.default_rng(seed)
    picture = np.full((360, 640), 110, np.float32)
    for _ in range(90):
        left, top = (int(v) for v in drawn.integers(0, (600, 330)))
        right, bottom = left + int(drawn.integers(8, 140)), top + int(drawn.integers(6, 90))
        cv2.rectangle(picture, (left, top), (right, bottom), float(drawn.integers(20, 200)), -1)
    return picture


STREET = street()
AS_IT_IS: Callable[[int], Picture] = lambda _: STREET  # noqa: E731 - one of a table


def rained(number: int) -> Picture:
    drawn = np.random.default_rng(number)
    picture = STREET.copy()
    for _ in range(120):
        x, y = (int(v) for v in drawn.integers(0, (640, 340)))
        cv2.line(picture, (x, y), (x + 2, y + 14), 190.0, 1)
    return picture


@functools.cache
def fields() -> Picture:
    """Return noise of one level: shape (7, 360, 640), float32."""
    return np.random.default_rng(2).standard_normal((7, 360, 640), np.float32)


def noise(number: int) -> Picture:
    return fields()[number % 7]


def stored(change: Callable[[int], Picture], *, level: float = 2.0, frozen: bool = False):
    """Return what the rule decides: fifteen seconds as it is, then twelve of a change."""
    reference, state, events = Reference(), TamperState(), []
    for number in range(27):
        picture = AS_IT_IS(number) if number < 15 else change(number - 15)
        noisy = picture + level * noise(15 if frozen and number > 15 else number)
        luma = np.clip(noisy, 0, 255).astype(np.uint8)
        still = reference.compare(luma, number * SECOND_90K)
        one = seen(number, still=still)
        state, event = decide(state, one, ZONE, one.captured)
        events += [event] if event else []
    return [e.why.detail for e in events if isinstance(e, Raised) and e.why]


def infrared(number: int) -> Picture:
    """Return the view as its filter goes: black for a second, then other shades of the same."""
    if number < 2:
        return np.full_like(STREET, 8)
    return cv2.GaussianBlur(60 + 0.45 * np.abs(STREET - 95), (3, 3), 0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(AS_IT_IS, [], id="nothing"),
        pytest.param(lambda _: STREET * 0.45, [], id="a step of light down"),
        pytest.param(lambda _: np.minimum(STREET * 1.25, 255), [], id="a step of light up"),
        pytest.param(lambda n: STREET * (0.75 + 0.25 * np.cos(n / 3)), [], id="clouds"),
        pytest.param(rained, [], id="rain"),
        pytest.param(infrared, [], id="the infrared filter"),
        pytest.param(lambda _: np.full_like(STREET, 45), ["coperta"], id="covered"),
        pytest.param(
            lambda _: cv2.GaussianBlur(STREET, (0, 0), 14), ["sfocata"], id="out of focus"
        ),
        pytest.param(lambda _: street(11), ["spostata"], id="turned away"),
        pytest.param(lambda _: np.roll(STREET, 60, 1), ["spostata"], id="knocked aside"),
        pytest.param(lambda _: np.full_like(STREET, 3), ["buia"], id="lights out"),
    ],
)
def test_what_is_done_is_told_from_what_happens(change, words) -> None:
    """One alarm with the right word within twelve seconds, and none for light and weather."""
    assert stored(change) == words


def test_a_picture_that_stands_still_is_frozen() -> None:
    """The same picture again and again, from a camera that has noise."""
    assert stored(AS_IT_IS, frozen=True) == ["ferma"]


def test_numbers_mean_what_they_say() -> None:
    """Noise in levels, light as its mean, edges against itself, and when it is due."""
    reference = Reference()
    drawn = np.random.default_rng(1)
    luma = np.clip(STREET + drawn.normal(0, 5.0, STREET.shape), 0, 255).astype(np.uint8)
    assert reference.is_due(0)
    first = reference.compare(luma, 0)
    assert not reference.is_due(EVERY_90K - 1)
    assert reference.is_due(EVERY_90K)
    again = reference.compare(luma, EVERY_90K)
    assert first.noise == pytest.approx(5.0, rel=0.3)
    assert first.luma == pytest.approx(float(np.mean(STREET)), abs=2)
    assert (again.edges, again.sharpness) == (pytest.approx(1.0), pytest.approx(1.0))
    assert (again.change, again.shift) == (0.0, pytest.approx(0.0, abs=0.002))
    assert 0 < first.gain < 1


def test_another_view_is_the_view_after_a_long_time() -> None:
    """A camera that somebody turned for good is compared with what it shows now, not for ever."""
    reference = Reference()
    first, other = STREET.astype(np.uint8), street(11).astype(np.uint8)
    reference.compare(first, 0)
    turned = [reference.compare(other, s * SECOND_90K).edges for s in (1, 2, 60)]
    assert max(turned) < 0.5
    reference.compare(other, 1900 * SECOND_90K)
    assert reference.compare(other, 1901 * SECOND_90K).edges > 0.9


def test_any_size() -> None:
    """Very small pictures, and pictures without a single edge, give numbers and no error."""
    for shape in ((16, 16), (90, 160), (1080, 1920)):
        reference = Reference()
        flat = np.full(shape, 128, np.uint8)
        for s in range(3):
            told = reference.compare(flat, s * SECOND_90K)
            assert 0 <= told.edges <= 1
            assert told.noise < 1
