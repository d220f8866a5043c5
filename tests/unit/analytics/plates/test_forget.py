# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What is wiped is zeros, wherever it stood."""

from dataclasses import dataclass

import numpy as np

from gateway.analytics.plates.forget import wipe


@dataclass(frozen=True)
class Crop:
    pixels: np.ndarray
    rest: object


def test_arrays_and_byte_arrays_are_filled_in_place() -> None:
    """In sequences, mappings and dataclasses; a view clears what it looks into."""
    whole = np.full((4, 4), 7, np.uint8)
    view, text = whole[1:3, 1:3], bytearray(b"AB123CD")
    wipe([Crop(view, {"a": (text, np.ones(3, np.float32))}), None, "AB", 3])
    assert whole.sum() == 7 * 12
    assert text == bytes(7)


def test_what_cannot_be_written_is_left() -> None:
    """A read-only array is nobody's error here."""
    fixed = np.full(3, 9, np.uint8)
    fixed.flags.writeable = False
    wipe(fixed)
    assert fixed.sum() == 27
