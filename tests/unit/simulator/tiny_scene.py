# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A scene that is painted at once: a square that walks, and what is true of it."""

from gateway.model.alarm import Box
from gateway.simulator.paint import HEIGHT, WIDTH, Marks, canvas
from gateway.simulator.truth import Kind, Seen


class TinyScene:
    fps, frames = 4, 8

    def __init__(self):
        self._marks = Marks("Prova")

    def draw(self, index):
        picture = canvas(colour=(90, 100, 110))
        left = 100 + 100 * index
        picture[300:400, left : left + 100] = 240
        self._marks.burn(picture, index)
        box = Box(left / WIDTH, 300 / HEIGHT, (left + 100) / WIDTH, 400 / HEIGHT)
        return picture, (Seen(Kind.WALKER, "pedone-1", box),)


class OddScene(TinyScene):
    frames = 9


class LostScene(TinyScene):
    def draw(self, index):
        raise RuntimeError("the painter has left")
