# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Masks that cameras burn in themselves: believed while they are read back, ours otherwise.

A mask with place CAMERA keeps pass-through, which is why it is preferred. But a camera that was
reset, exchanged or never understood us shows what must not be seen. So a mask of the camera's
counts as the gateway's own until it was read back from the camera, and again when that was too
long ago: then no unmasked picture leaves (the gate refuses live views, stills and clips burn it).
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from gateway.model.registry import Mask, MaskPlace, Registry
from gateway.runtime.clock import Clock

CONFIRMED_S = 180.0
"""A mask counts as burned in by the camera for so long after it was last read back."""


class MasksInForce:
    """The registry as everybody has to see it who lets pictures out."""

    def __init__(self, registry: Callable[[], Registry], clock: Clock) -> None:
        self._registry = registry
        self._clock = clock
        self._until_s: dict[Mask, float] = {}
        self._made: tuple[Registry, frozenset[str], Registry] | None = None
        """Registry and ids of the doubted masks, and what was made of them."""

    def current(self) -> Registry:
        """Return the registry in which masks that no camera confirms are the gateway's."""
        registry = self._registry()
        doubted = frozenset(mask.id for mask in self._doubted(registry))
        if not doubted:
            return registry
        if self._made is None or self._made[0] is not registry or self._made[1] != doubted:
            masks = {
                name: replace(mask, place=MaskPlace.GATEWAY) if name in doubted else mask
                for name, mask in registry.masks.items()
            }
            self._made = (registry, doubted, replace(registry, masks=masks))
        return self._made[2]

    def confirms(self, mask: Mask) -> bool:
        """Return whether the camera was seen to burn this one in, not too long ago."""
        return self._until_s.get(mask, 0.0) > self._clock.monotonic_s()

    def _doubted(self, registry: Registry) -> Iterable[Mask]:
        return (
            mask
            for mask in registry.masks.values()
            if mask.place is MaskPlace.CAMERA and not self.confirms(mask)
        )

    def confirm(self, masks: Iterable[Mask]) -> None:
        """Note that a camera was just seen to burn these in."""
        until_s = self._clock.monotonic_s() + CONFIRMED_S
        known = set(self._registry().masks.values())
        self._until_s = {mask: s for mask, s in self._until_s.items() if mask in known}
        self._until_s.update(dict.fromkeys(masks, until_s))

    def doubt(self, masks: Iterable[Mask]) -> None:
        """Note that a camera was seen not to burn these in."""
        for mask in masks:
            self._until_s.pop(mask, None)
