# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Faces of strokes, which need no font."""

import numpy as np

from training import glyphs
from training.layouts import ALPHABET


def test_every_sign_has_ink_and_is_as_high_as_the_others():
    """Each mask touches all four sides, so that plates can be set to the pixel."""
    for face in glyphs.faces((), seed=3, stroked=6):
        for sign in ALPHABET:
            mask = face.glyph(sign)
            assert mask.shape[0] == glyphs.HEIGHT_PX
            edges = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
            assert all(edge.max() > 20 for edge in edges), (face.name, sign)
            assert 0.05 < (mask > 127).mean() <= 1.0, (face.name, sign)


def test_no_two_signs_look_the_same():
    """At one width every pair of signs differs in some pixels of ink, O and 0 too."""
    face = glyphs.Face("own", width=0.5, weight=0.13)
    shapes = {}
    for sign in ALPHABET:
        mask = face.glyph(sign).astype(np.float32)
        wide = np.zeros((glyphs.HEIGHT_PX, 64), np.float32)
        wide[:, : min(64, mask.shape[1])] = mask[:, :64]
        shapes[sign] = wide / 255
    names = sorted(shapes)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            apart = np.abs(shapes[one] - shapes[other]).sum()
            assert apart > 0.05 * min(shapes[one].sum(), shapes[other].sum()), (one, other)


def test_a_heavier_stroke_leaves_more_ink():
    """Weight is what it says."""
    light = glyphs.Face("light", weight=0.10).glyph("H")
    heavy = glyphs.Face("heavy", weight=0.18).glyph("H")
    assert (heavy > 127).mean() > (light > 127).mean() * 1.3


def test_the_same_seed_makes_the_same_faces():
    """Faces differ among themselves and with the seed, not from run to run."""
    first, again, other = (glyphs.faces((), seed=seed, stroked=4) for seed in (1, 1, 2))
    assert [face.width for face in first] == [face.width for face in again]
    assert [face.width for face in first] != [face.width for face in other]
    assert np.array_equal(first[0].glyph("R"), again[0].glyph("R"))
