# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which of the masks inside a camera are ours: those that we put there, remembered on disk.

ONVIF gives a mask no name, and its token may change hands, so what is remembered is the polygon,
per device and view. It is written down before the camera is told: a box that dies in between never
forgets a mask of its own. A mask that was there already is its owner's and never taken off; so is
every mask of a camera that left the registry (to hide less needs a person), and all of them if the
file is lost.
"""

import asyncio
import json
import logging
import os
from collections.abc import Container, Iterable
from pathlib import Path

from gateway.model.registry import Point

log = logging.getLogger(__name__)

FILE = "camera-masks.json"
Polygon = tuple[Point, ...]
_Known = dict[str, dict[str, tuple[Polygon, ...]]]
"""Polygons by device and video source configuration."""


class Burned:
    """The memory of one box; a disk that refuses costs the memory of what is new, nothing else."""

    def __init__(self, path: Path | None = None) -> None:
        """Read what was written; without `path` nothing outlives the process."""
        self._path = path
        self._turn = asyncio.Lock()
        self._known = _read(path) if path is not None else {}

    def of(self, device: str, configuration: str) -> tuple[Polygon, ...]:
        """Return what we put on a view."""
        return self._known.get(device, {}).get(configuration, ())

    async def note(self, device: str, configuration: str, polygons: Iterable[Polygon]) -> None:
        """Remember what of ours is on a view now, or is about to be."""
        polygons = tuple(dict.fromkeys(polygons))
        if polygons == self.of(device, configuration):
            return
        views = {**self._known.get(device, {}), configuration: polygons}
        self._known[device] = {name: own for name, own in views.items() if own}
        await self._write()

    async def keep(self, devices: Container[str]) -> None:
        """Forget devices that left the registry."""
        gone = [device for device in self._known if device not in devices]
        for device in gone:
            del self._known[device]
        if gone:
            await self._write()

    async def _write(self) -> None:
        if self._path is None:
            return
        async with self._turn:
            try:
                await asyncio.to_thread(_replace, self._path, json.dumps(self._known))
            except OSError as error:
                fields = {"file": self._path.name, "problem": error.strerror or "cannot be written"}
                log.error("masks-not-remembered", extra=fields)  # noqa: TRY400 - the trace says nothing more


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _read(path: Path) -> _Known:
    """Return what was written; nothing, and a line in the log, if it cannot be understood."""
    try:
        known = json.loads(path.read_text())
        return {
            str(device): {
                str(view): tuple(tuple((float(x), float(y)) for x, y in one) for one in polygons)
                for view, polygons in views.items()
            }
            for device, views in known.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        fields = {"file": path.name, "problem": type(error).__name__}
        log.error("masks-forgotten", extra=fields)  # noqa: TRY400 - the trace says nothing more
        return {}
