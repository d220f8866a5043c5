# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the reader is taught from."""

import numpy as np

from training import photos, reader_feed
from training.layouts import ALPHABET


def crop(*places: tuple[str, float, int]) -> photos.Crop:
    known = tuple((ALPHABET.index(sign), x, 0.5, line) for sign, x, line in places)
    text = "".join(sign for sign, _, _ in places)
    return photos.Crop(np.zeros((48, 160), np.uint8), text, known)


def test_each_sign_is_told_to_the_token_above_it():
    """The middle of a sign names the token; those beside it may echo it; the rest is blank."""
    wanted = reader_feed.token_classes(crop(("A", 0.1, 0), ("7", 0.5, 0)))
    assert wanted is not None
    assert wanted[4] == ALPHABET.index("A")
    assert wanted[20] == 7
    echo = [reader_feed.BESIDE - ALPHABET.index("A"), reader_feed.BESIDE - 7]
    assert list(wanted[[3, 5, 19, 21]]) == [echo[0], echo[0], echo[1], echo[1]]
    assert (wanted == reader_feed.BLANK).sum() == reader_feed.TOKENS - 6


def test_the_lower_line_is_told_to_the_lower_row():
    """Tokens 40 to 79 read the second line."""
    wanted = reader_feed.token_classes(crop(("B", 0.1, 1)))
    assert wanted is not None
    assert wanted[44] == ALPHABET.index("B")
    assert wanted[4] == reader_feed.BLANK


def test_a_token_between_two_signs_is_free():
    """It may echo either."""
    wanted = reader_feed.token_classes(crop(("A", 0.1, 0), ("B", 0.15, 0)))
    assert wanted is not None
    assert wanted[5] == reader_feed.IGNORED


def test_two_signs_on_one_token_teach_nothing():
    """Such a crop is left out, for CTC could not say both."""
    assert reader_feed.token_classes(crop(("A", 0.10, 0), ("B", 0.11, 0))) is None


def test_a_batch_is_repeatable_and_teaches_what_it_shows():
    """Texts, tokens and pictures come in step and depend on the seed alone."""
    one, other = reader_feed.Feed(5, 8).batch(0.5), reader_feed.Feed(5, 8).batch(0.5)
    assert np.array_equal(one.pictures, other.pictures)
    assert one.texts == other.texts
    assert one.pictures.shape == (8, 48, 160)
    for text, tokens in zip(one.texts, one.tokens, strict=True):
        told = tokens[(tokens >= 0) & (tokens != reader_feed.BLANK)]
        assert tuple(told) == text


def test_a_reading_joins_repeats_and_drops_blanks():
    """Greedy CTC: the same class twice in a row is one sign, a blank between makes it two."""
    kinds = [10, 10, 36, 10, 36, 1, 2, 2]
    logits = np.full((1, len(kinds), reader_feed.CLASSES), -5, np.float32)
    logits[0, np.arange(len(kinds)), kinds] = 5
    assert reader_feed.decoded(logits) == ["AA12"]
