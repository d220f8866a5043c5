# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Space kept back for the day the disk is full (findings §3).

SQLite refuses DELETE, too, when the disk is full: an acknowledgement could not be written, and
nothing could be removed to make room. A file of zeros beside the database is given back then.
"""

import contextlib
import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)


class Ballast:
    """A file that holds disk space; its methods block and are called on a thread."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        """`size_bytes` 0: there is none. Nothing is written before `restore`."""
        self._path = path
        self.size_bytes = size_bytes
        self.is_out = False
        """It was given back and could not be made anew yet."""

    def free_bytes(self) -> int:
        """Return what the disk still takes."""
        found = os.statvfs(self._path.parent)
        return found.f_bavail * found.f_frsize

    def restore(self) -> bool:
        """Make the file if there is room for twice its size; True if it lies there now."""
        if not self.size_bytes:
            self._path.unlink(missing_ok=True)
            return False
        try:
            if self._path.exists() and self._path.stat().st_size == self.size_bytes:
                self.is_out = False
                return True
            self._path.unlink(missing_ok=True)
            if self.free_bytes() < 2 * self.size_bytes:
                self.is_out = True
                return False
            self._write()
        except OSError as error:
            log.warning("no-ballast", extra={"path": str(self._path), "problem": str(error)})
            self.is_out = True
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            return False
        self.is_out = False
        return True

    def _write(self) -> None:
        number = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.posix_fallocate(number, 0, self.size_bytes)
            os.fsync(number)
        finally:
            os.close(number)

    def release(self) -> bool:
        """Give the space back; False if there was none to give."""
        self.is_out = self.is_out or bool(self.size_bytes)
        try:
            self._path.unlink()
        except OSError:
            return False
        log.warning("ballast-released", extra={"path": str(self._path), "bytes": self.size_bytes})
        return True

    def is_scarce(self) -> bool:
        """Return whether what is left of it must be kept for acknowledgements."""
        return self.is_out and self.free_bytes() < self.size_bytes // 2
