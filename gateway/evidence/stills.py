# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One masked JPEG per alarm, for its term (B-01), opened only with a Grant.

A still is never the reason why an alarm fails: if it cannot be kept, the alarm goes on without.

A file is the JPEG and behind it a note of what it is (JSON), the note's length and a mark, so that
picture and note come and go together; a picture ends at its own end marker for every reader.
"""

import contextlib
import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.evidence.elapsed import Elapsed
from gateway.evidence.retention import Copy, Now, Receipt, Rules, due, receipts
from gateway.model.access import Action, Grant
from gateway.model.errors import InvariantError, StoreError
from gateway.model.identifiers import ID_FORM
from gateway.model.retention import PRIVATE_H, CopyClass
from gateway.model.time import ClockQuality, Moment
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)

MOST_RECEIPTS = 10_000
"""Deletions whose receipts wait to be taken; more become a line in the log."""
_SUFFIX = ".jpg"
_PART = ".part"
_MARK = b"VARCO-C1"
_MOST_NOTE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a still comes from."""

    camera: str
    controller: str
    captured: Moment
    most_h: float = PRIVATE_H
    """Ceiling of its controller now, in hours."""


class Stills:
    """A directory of stills; call `sweep` at least every few minutes.

    What is over is not opened any more, swept or not. Beside the directory lies a file
    `NAME.elapsed` with the counted time that ages are told by. Methods may be called from any
    one thread at a time; `get` from another.
    """

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        keep_s: float = 86_400,
        *,
        camera_of: Callable[[str], str | None] = lambda _: None,
        origin_of: Callable[[str], Origin | None] = lambda _: None,
        rules: Callable[[], Rules] | None = None,
    ) -> None:
        """`camera_of`, `origin_of`: of an alarm, None if not known; without `rules`: `keep_s`."""
        self._directory = directory
        self._clock = clock
        self._camera_of = camera_of
        self._origin_of = origin_of
        plain = Rules(keep_s)
        self._rules = rules or (lambda: plain)
        self._known: dict[str, Copy] = {}
        self._gone: list[Copy] = []
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{directory}: {error.strerror}") from error
        self._elapsed = Elapsed(directory.with_name(f"{directory.name}.elapsed"), clock)

    def save(self, alarm_id: str, jpeg: bytes) -> None:
        """Keep a still (0600), whole or not at all; StoreError if the disk refuses."""
        if not ID_FORM.match(alarm_id):
            raise InvariantError(f"{alarm_id!r} is not an alarm id")
        now, counted = self._clock.now(), self._elapsed.now()
        origin = self._origin_of(alarm_id) or Origin("", "", now)
        copy = Copy(
            alarm_id + _SUFFIX,
            CopyClass.STILL,
            origin.camera,
            origin.controller,
            origin.captured.utc_us,
            origin.captured.quality is not ClockQuality.UNSYNCHRONISED,
            counted.counted_us,
            counted.run,
            origin.most_h,
            len(jpeg),
        )
        self._write(copy, jpeg)

    def _write(self, copy: Copy, jpeg: bytes) -> None:
        path = self._directory / copy.name
        part = path.with_suffix(_PART)
        try:
            part.unlink(missing_ok=True)
            handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(jpeg + _trailer(copy))
            os.utime(part, ns=(copy.captured_utc_us * 1000, copy.captured_utc_us * 1000))
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise StoreError(
                f"{path}: still not kept ({error.strerror}); the alarm is not affected"
            ) from error
        self._known[copy.name] = copy

    def confirm(self, alarm_id: str) -> bool:
        """Keep the still of a confirmed alarm for its controller's term; False if there is none."""
        name = alarm_id + _SUFFIX
        found = self._read(name) if ID_FORM.match(alarm_id) else None
        if found is None or due((found[1],), self._rules(), self._elapsed.now()):
            return False
        jpeg, copy = found
        self._write(replace(copy, kind=CopyClass.INCIDENT), jpeg)
        return True

    def get(self, alarm_id: str, grant: Grant) -> bytes | None:
        """Return the JPEG; None if there is none (any more), or the Grant does not open it.

        A Grant opens it that is unexpired, is for pictures (live, snapshot, playback) and is for
        the alarm's camera; where `camera_of` knows none, its case must be the alarm.
        """
        if not ID_FORM.match(alarm_id) or not self._opens(grant, alarm_id):
            log.warning("still-not-opened", extra={"grant": grant.id})
            return None
        found = self._read(alarm_id + _SUFFIX)
        if found is None or due((found[1],), self._rules(), self._elapsed.now()):
            return None
        return found[0]

    def _read(self, name: str) -> tuple[bytes, Copy] | None:
        """Return picture and note; None if there is no such file."""
        path = self._directory / name
        try:
            data = path.read_bytes()
            note = _note(data[-_MOST_NOTE_BYTES:])
            copy = self._known.get(name) or self._found(name, path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}") from error
        return data[: len(data) - note[1]] if note else data, copy

    def _opens(self, grant: Grant, alarm_id: str) -> bool:
        if grant.request.action not in (Action.LIVE, Action.SNAPSHOT, Action.PLAYBACK):
            return False
        if grant.expires.monotonic_s <= self._clock.monotonic_s():
            return False
        camera = self._camera_of(alarm_id)
        if camera is None:
            return grant.request.case == alarm_id
        return grant.camera == camera

    def copies(self) -> tuple[Copy, ...]:
        """Return what is kept, and clear away what an interrupted `save` left."""
        return self._list()[0]

    def _list(self) -> tuple[tuple[Copy, ...], int]:
        cleared = 0
        found: dict[str, Copy] = {}
        try:
            for path in self._directory.iterdir():
                if path.suffix == _PART:
                    path.unlink(missing_ok=True)
                    cleared += 1
                elif path.suffix == _SUFFIX:
                    with contextlib.suppress(FileNotFoundError):  # its term ended meanwhile
                        known = self._known.get(path.name)
                        found[path.name] = known or self._found(path.name, path)
        except OSError as error:
            raise StoreError(f"{self._directory}: {error.strerror}") from error
        self._known = found
        return tuple(found.values()), cleared

    def _found(self, name: str, path: Path) -> Copy:
        """Return what an earlier run kept; without a readable note the file's own time counts."""
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _MOST_NOTE_BYTES))
            note = _note(file.read())
        if note is not None:
            return replace(note[0], name=name, size_bytes=size - note[1])
        utc_us = path.stat().st_mtime_ns // 1000
        counted_us = self._elapsed.now().counted_us
        return Copy(name, CopyClass.STILL, "", "", utc_us, True, counted_us, "", size_bytes=size)

    def sweep(self) -> int:
        """Remove what is over, and what an interrupted `save` left; return how many files went.

        StoreError if one of them could not be removed, once all others are: the next call tries
        again. `receipts` tells what went.
        """
        self._elapsed.mark()
        copies, cleared = self._list()
        over = due(copies, self._rules(), self._elapsed.now())
        gone: list[Copy] = []
        problem = ""
        for one in over:
            try:
                (self._directory / one.name).unlink(missing_ok=True)
            except OSError as error:
                problem = error.strerror or type(error).__name__
            else:
                gone.append(one)
                self._known.pop(one.name, None)
        if gone:
            self._note_gone(gone)
            self._settle()
        if problem:
            left = len(over) - len(gone)
            raise StoreError(f"{self._directory}: {left} stills not removed: {problem}")
        return len(gone) + cleared

    def _note_gone(self, gone: list[Copy]) -> None:
        log.info("stills-removed", extra={"removed": len(gone)})
        room = MOST_RECEIPTS - len(self._gone)
        if len(gone) > room:
            log.error("receipts-lost", extra={"deletions": len(gone) - room})
        self._gone += gone[:room]

    def _settle(self) -> None:
        """Have the directory forget the names on the disk, too."""
        try:
            handle = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise StoreError(f"{self._directory}: {error.strerror}") from error
        try:
            os.fsync(handle)
        except OSError as error:
            raise StoreError(f"{self._directory}: {error.strerror}") from error
        finally:
            os.close(handle)

    def receipts(self) -> tuple[Receipt, ...]:
        """Return what was removed since the last call."""
        gone, self._gone = self._gone, []
        return receipts(gone)

    def now(self) -> Now:
        """Return this instant as ages are told by."""
        return self._elapsed.now()


def _trailer(copy: Copy) -> bytes:
    note = {
        "class": copy.kind.value,
        "camera": copy.camera,
        "controller": copy.controller,
        "captured_utc_us": copy.captured_utc_us,
        "believed": copy.believed,
        "counted_us": copy.counted_us,
        "run": copy.run,
        "most_h": copy.most_h,
    }
    text = json.dumps(note, separators=(",", ":")).encode()
    return text + len(text).to_bytes(4, "big") + _MARK


def _note(tail: bytes) -> tuple[Copy, int] | None:
    """Return the note at the end of a file and its size in bytes; None if there is none."""
    frame = 4 + len(_MARK)
    if not tail.endswith(_MARK) or len(tail) < frame:
        return None
    size = int.from_bytes(tail[-frame : -len(_MARK)], "big")
    if not 0 < size <= len(tail) - frame:
        return None
    try:
        note = json.loads(tail[-frame - size : -frame])
        copy = Copy(
            "",
            CopyClass(note["class"]),
            str(note["camera"]),
            str(note["controller"]),
            int(note["captured_utc_us"]),
            note["believed"] is True,
            int(note["counted_us"]),
            str(note["run"]),
            float(note["most_h"]),
        )
    except (ValueError, KeyError, TypeError):
        return None
    return copy, size + frame
