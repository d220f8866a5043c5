# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Masks that cameras burn in themselves: believed while they are read back, ours otherwise.

A mask with place CAMERA keeps pass-through, which is why it is preferred. But a camera that was
reset, exchanged or never understood us shows what must not be seen. So a mask of the camera's
counts as the gateway's own until it was read back from the camera, and again when that was too
long ago: then no unmasked picture leaves (the gate refuses live views, stills and clips burn it).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from gateway.model.registry import Camera, Device, Mask, MaskPlace, Registry
from gateway.runtime.clock import Clock

CONFIRMED_S = 180.0
"""A mask counts as burned in by the camera for so long after it was last read back."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a camera's pictures come from; what was read back elsewhere says nothing of them."""

    camera: str
    device: str
    channel: int
    url: str
    sub_url: str
    device_url: str
    make: str
    rtsp_port: int


def place_of(camera: Camera, device: Device) -> Place:
    """Return the place of a camera at a device."""
    return Place(
        camera.id, camera.device, camera.channel, camera.url, camera.sub_url,
        device.url, device.make, device.rtsp_port,
    )  # fmt: skip


def _place_in(registry: Registry, mask: Mask) -> Place | None:
    """Return the place of a mask's camera; None if no device can be asked about it."""
    camera = registry.cameras.get(mask.camera)
    device = registry.devices.get(camera.device) if camera is not None else None
    return place_of(camera, device) if camera is not None and device is not None else None


class MasksInForce:
    """The registry as everybody has to see it who lets pictures out."""

    def __init__(self, registry: Callable[[], Registry], clock: Clock) -> None:
        self._registry = registry
        self._clock = clock
        self._until_s: dict[tuple[Mask, Place], float] = {}
        self._made: tuple[Registry, frozenset[str], Registry] | None = None
        """Registry and ids of the doubted masks, and what was made of them."""

    def entered(self) -> Registry:
        """Return the registry as it was entered, with what edges offer this box as a room."""
        return self._registry()

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
        return self._confirms(mask, self._registry())

    def _confirms(self, mask: Mask, registry: Registry) -> bool:
        place = _place_in(registry, mask)
        if place is None:
            return False
        return self._until_s.get((mask, place), 0.0) > self._clock.monotonic_s()

    def _doubted(self, registry: Registry) -> Iterable[Mask]:
        return (
            mask
            for mask in registry.masks.values()
            if mask.place is MaskPlace.CAMERA and not self._confirms(mask, registry)
        )

    def confirm(self, masks: Iterable[Mask], place: Place) -> None:
        """Note that a camera was just seen to burn these in, at the place that was asked.

        Not where the registry has it by now: it may have changed while the camera was asked.
        """
        until_s = self._clock.monotonic_s() + CONFIRMED_S
        registry = self._registry()
        self._until_s.update({(mask, place): until_s for mask in masks})
        known = set(registry.masks.values())
        self._until_s = {
            (mask, at): s
            for (mask, at), s in self._until_s.items()
            if mask in known and _place_in(registry, mask) == at
        }

    def doubt(self, masks: Iterable[Mask]) -> None:
        """Note that cameras were seen not to burn these in, or cannot be believed any more."""
        ids = {mask.id for mask in masks}
        self._until_s = {key: s for key, s in self._until_s.items() if key[0].id not in ids}
