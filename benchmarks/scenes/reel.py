# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Footage of hours, painted and coded only where somebody looks.

A reel yields every access unit of its spec, but what is in one is made when it is first read: a
watch that looks at key pictures alone has one picture of a group painted, one that is woken has
them all. Groups are closed and coded each by an encoder of their own.
"""

import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import cast, overload

from typing_extensions import override

from benchmarks.scenes.coding import Coder, Nals, key_numbers
from benchmarks.scenes.compose import NOWHEN
from benchmarks.scenes.film import Film
from benchmarks.scenes.spec import SUB, Spec
from gateway.model.media import AccessUnit

_NOMINAL_BYTES = 1_500
"""What a unit is said to take in queues that bound their bytes."""


class Reel:
    """The small rendition of a spec, group by group."""

    def __init__(self, spec: Spec, folder: Path) -> None:
        """`folder`: where backgrounds are kept."""
        self.spec = spec
        self.coding = spec.sub or SUB
        self.film = Film(spec, self.coding.size_px, folder)
        self.painted = 0
        """Pictures painted so far."""

    def groups(self) -> Iterator[list[AccessUnit]]:
        """Yield the groups of pictures in order."""
        keys = list(key_numbers(self.coding, self.spec.pictures, self.spec.seed))
        for begin, end in pairwise([*keys, self.spec.pictures]):
            group = _Group(self, begin)
            yield [self._unit(group, number, key=number == begin) for number in range(begin, end)]

    def _unit(self, group: "_Group", number: int, *, key: bool) -> AccessUnit:
        nals = cast("Nals", LazyNals(group, number))
        pts_90k = number * 90_000 // self.spec.fps
        return ReelUnit(pts_90k, key, nals, NOWHEN, NOWHEN, self.coding.codec)


class ReelUnit(AccessUnit):
    """An access unit that is not coded merely because its size is asked for."""

    __slots__ = ()

    @override
    def size_bytes(self) -> int:
        return _NOMINAL_BYTES


class _Group:
    """One group of pictures, coded as far as it has been read."""

    def __init__(self, reel: Reel, begin: int) -> None:
        self._reel, self._begin = reel, begin
        self._coder: Coder | None = None
        self._coded: list[Nals] = []
        self._lock = threading.Lock()

    def nals(self, number: int) -> Nals:
        """Return the NAL units of a picture; those before it are coded on the way."""
        reel = self._reel
        with self._lock:
            if self._coder is None:
                self._coder = Coder(reel.coding, reel.spec.fps)
            while len(self._coded) <= number - self._begin:
                next_number = self._begin + len(self._coded)
                canvas, _ = reel.film.picture(next_number)
                self._coded += self._coder.code(canvas, key=next_number == self._begin)
                reel.painted += 1
            return self._coded[number - self._begin]


class LazyNals(Sequence[bytes]):
    """The NAL units of a picture that is coded when they are first looked at."""

    def __init__(self, group: _Group, number: int) -> None:
        self._group, self._number = group, number

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> Nals: ...

    @override
    def __getitem__(self, index: int | slice) -> bytes | Nals:
        return self._group.nals(self._number)[index]

    @override
    def __len__(self) -> int:
        return len(self._group.nals(self._number))
