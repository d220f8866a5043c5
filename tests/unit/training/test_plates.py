# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Synthetic plates: what is drawn is what is said."""

import hashlib

import numpy as np

from training import glyphs, layouts, plates

FACES = glyphs.faces((), seed=0, stroked=12)
LISTED = layouts.layouts()


def drawn(seed: int, count: int) -> list[plates.Plate]:
    printer = plates.Printer(LISTED, FACES, seed)
    return [printer.plate() for _ in range(count)]


def test_the_same_seed_draws_the_same_pixels():
    """Training can be repeated: text and picture depend on the seed alone."""

    def print_of(seed: int) -> str:
        all_of = hashlib.sha256()
        for plate in drawn(seed, 25):
            all_of.update(plate.text.encode() + plate.picture.tobytes())
        return all_of.hexdigest()

    assert print_of(11) == print_of(11)
    assert print_of(11) != print_of(12)


def test_signs_spell_the_text_and_stand_on_the_plate():
    """Signs from left to right, upper line first, are the text; all lie within the plate."""
    for plate in drawn(13, 300):
        ordered = sorted(plate.signs, key=lambda sign: (sign.line, sign.x))
        assert "".join(layouts.ALPHABET[sign.kind] for sign in ordered) == plate.text
        left, top, right, foot = plate.box
        assert all(left <= sign.x <= right and top <= sign.y <= foot for sign in plate.signs)
        assert {sign.line for sign in plate.signs} == ({0, 1} if plate.two else {0})


def test_there_is_ink_where_a_sign_is_said_to_stand():
    """Around each sign's place the picture has the contrast of a letter."""
    weak = total = 0
    for plate in drawn(17, 200):
        for sign in plate.signs:
            x, y = round(sign.x), round(sign.y)
            part = plate.picture[max(0, y - 14) : y + 14, max(0, x - 20) : x + 20]
            total += 1
            weak += int(part.max()) - int(part.min()) < 50
    assert weak / total < 0.01


def test_an_italian_plate_has_dark_bands_and_a_light_middle():
    """The bands of a current Italian plate are darker than its ground, right and left."""
    italian = tuple(one for one in LISTED if one.country == "I" and one.left == "I" and one.one)
    printer = plates.Printer(italian[:1], FACES, 19, two=0.0)
    both = 0
    for _ in range(60):
        plate = printer.plate()
        x0, y0, x1, y1 = plate.box
        own = plate.picture[y0:y1, x0:x1].astype(np.float32)
        ground = np.median(own[6:12, own.shape[1] // 4 : -own.shape[1] // 4])
        ends = (np.median(own[8:-8, 4:16]), np.median(own[8:-8, -16:-4]))
        both += all(end < ground - 20 for end in ends)
    assert both > 30


def test_a_text_can_be_ordered():
    """What is asked for is written, with its separators drawn and not read."""
    plate = plates.Printer(LISTED, FACES, 23).plate(only="I", text="AB 123*CD")
    assert plate.text == "AB123CD"
    assert plate.country == "I"
    assert not plate.two
