# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A disk whose power is cut: what was written and not synced may be gone, whole or in parts.

A VFS in the very SQLite library that Python's `sqlite3` uses, so that the code under test runs
unchanged: each write goes to its file, and what stood there before is remembered until a sync of
that file has returned. `image` is what the disk holds after the power went: of each write that
was not synced, all, nothing, or some sectors. From then on nothing can be written any more.

Only the data of files is in doubt, not that they exist; the index in shared memory does not
survive, as on a real machine. POSIX, and a `sqlite3` that is linked against a shared library.
"""

import ctypes
import os
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

SECTOR_BYTES: Final = 512
OK: Final = 0
IOERR: Final = 10
NAME: Final = b"varco-power"
_P, _I, _I64 = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
_OPEN = ctypes.CFUNCTYPE(_I, _P, _P, _P, _I, _P)
_CLOSE = ctypes.CFUNCTYPE(_I, _P)
_WRITE = ctypes.CFUNCTYPE(_I, _P, _P, _I, _I64)
_TRUNCATE = ctypes.CFUNCTYPE(_I, _P, _I64)
_SYNC = ctypes.CFUNCTYPE(_I, _P, _I)


class DiskError(Exception):
    """SQLite cannot be watched in this process."""


class _Vfs(ctypes.Structure):
    """`sqlite3_vfs`, version 3 (sqlite3.h); what we do not touch has no type."""

    _fields_ = (
        ("iVersion", _I), ("szOsFile", _I), ("mxPathname", _I), ("pNext", _P),
        ("zName", ctypes.c_char_p), ("pAppData", _P), ("xOpen", _P), ("rest", _P * 16),
    )  # fmt: skip


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods`, version 3."""

    _fields_ = (
        ("iVersion", _I), ("xClose", _P), ("xRead", _P), ("xWrite", _P), ("xTruncate", _P),
        ("xSync", _P), ("rest", _P * 13),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Change:
    """One write or truncation that is not synced."""

    at: int
    before: bytes
    length: int
    size: int
    """Of the file, before."""


@dataclass(slots=True)
class _File:
    path: Path
    methods: "_Original"
    doubtful: list[_Change] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Original:
    close: Callable[..., int]
    write: Callable[..., int]
    truncate: Callable[..., int]
    sync: Callable[..., int]


class Disk:
    """The default disk of every database that this process opens, once `use` was called."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._files: dict[int, _File] = {}
        self._patched: dict[int, tuple[_Methods, _Original]] = {}
        self._left = -1
        self._image: dict[str, bytes] | None = None
        self._draw = random.Random(0)
        self.operations = 0
        self.lies = False
        """A sync answers and does nothing: for proof that losses are seen."""
        self._calls = (
            _OPEN(self._open), _CLOSE(self._close), _WRITE(self._write), _TRUNCATE(self._truncate),
            _SYNC(self._sync),
        )  # fmt: skip
        self._library = _library()
        self._real = self._library.sqlite3_vfs_find(None)
        if not self._real:
            raise DiskError("SQLite has no file system")
        real = ctypes.cast(self._real, ctypes.POINTER(_Vfs)).contents
        self._real_open = _OPEN(real.xOpen)
        self._vfs = _Vfs.from_buffer_copy(real)
        self._vfs.pNext, self._vfs.zName = None, NAME
        self._vfs.xOpen = _address(self._calls[0])

    def use(self) -> None:
        """Have databases that are opened from now on lie on this disk, whose power is on."""
        with self._lock:
            self._left, self._image = -1, None
            self._files.clear()
        self._library.sqlite3_vfs_register(ctypes.byref(self._vfs), 1)

    def leave(self) -> None:
        """Have them lie on the real one again."""
        self._library.sqlite3_vfs_unregister(ctypes.byref(self._vfs))
        self._library.sqlite3_vfs_register(self._real, 1)

    def cut_after(self, operations: int, seed: int) -> None:
        """Cut the power after so many writes, truncations and syncs from now."""
        with self._lock:
            self._left, self._draw = operations, random.Random(seed)

    @property
    def is_cut(self) -> bool:
        """Return whether the power is gone."""
        return self._image is not None

    def image(self) -> dict[str, bytes]:
        """Return what the files hold after the cut, by name. DiskError if there was none."""
        if self._image is None:
            raise DiskError("the power was not cut")
        return self._image

    # ---- called by SQLite, on any thread

    def _open(self, _vfs: int, name: int, file: int, flags: int, told: int) -> int:
        code: int = self._real_open(self._real, name, file, flags, told)
        if code == OK and name:
            path = Path(os.fsdecode(ctypes.string_at(name)))
            methods, original = self._methods(ctypes.c_void_p.from_address(file).value or 0)
            ctypes.c_void_p.from_address(file).value = ctypes.addressof(methods)
            with self._lock:
                known = [one.doubtful for one in self._files.values() if one.path == path]
                self._files[file] = _File(path, original, known[0] if known else [])
        return code

    def _methods(self, address: int) -> tuple[_Methods, _Original]:
        """Return a copy of a table of methods with ours in it, and those that ours replace."""
        with self._lock:
            if address not in self._patched:
                real = _Methods.from_address(address)
                original = _Original(
                    _CLOSE(real.xClose), _WRITE(real.xWrite), _TRUNCATE(real.xTruncate),
                    _SYNC(real.xSync),
                )  # fmt: skip
                copy = _Methods.from_buffer_copy(real)
                copy.xClose, copy.xWrite, copy.xTruncate, copy.xSync = map(
                    _address, self._calls[1:]
                )
                self._patched[address] = copy, original
            return self._patched[address]

    def _close(self, file: int) -> int:
        with self._lock:
            one = self._files.pop(file)
        return one.methods.close(file)

    def _write(self, file: int, data: int, length: int, at: int) -> int:
        with self._lock:
            one = self._files[file]
            if self._tick():
                return IOERR
            self._remember(one, at, length)
            return one.methods.write(file, data, length, at)

    def _truncate(self, file: int, size: int) -> int:
        with self._lock:
            one = self._files[file]
            if self._tick():
                return IOERR
            self._remember(one, size, max(0, one.path.stat().st_size - size))
            return one.methods.truncate(file, size)

    def _sync(self, file: int, flags: int) -> int:
        with self._lock:
            one = self._files[file]
            if self._tick():
                return IOERR
            if self.lies:
                return OK
            code = one.methods.sync(file, flags)
            if code == OK:
                one.doubtful.clear()
            return code

    def _remember(self, one: _File, at: int, length: int) -> None:
        with one.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(at)
            one.doubtful.append(_Change(at, file.read(length), length, size))

    def _tick(self) -> bool:
        """Count an operation; return whether the power is gone."""
        self.operations += 1
        if self._image is not None:
            return True
        self._left -= 1
        if self._left == 0:
            self._image = {one.path.name: self._after(one) for one in self._files.values()}
            return True
        return False

    def _after(self, one: _File) -> bytes:
        content = bytearray(one.path.read_bytes())
        for change in reversed(one.doubtful):
            fate = self._draw.randrange(3)
            if fate == 0:
                continue  # it reached the platter
            _undo(content, change, 1.0 if fate == 1 else 0.5, self._draw)
            if fate == 1 and change.size < len(content) and self._draw.random() < 0.5:
                del content[change.size :]
        return bytes(content)


def _undo(content: bytearray, change: _Change, share: float, draw: random.Random) -> None:
    """Put back what stood there before in such a share of the sectors."""
    end = change.at + change.length
    content.extend(bytes(max(0, end - len(content))))
    for at in range(change.at, end, SECTOR_BYTES):
        if draw.random() < share:
            until = min(at + SECTOR_BYTES, end)
            old = change.before[at - change.at : until - change.at]
            content[at:until] = old + bytes(until - at - len(old))


def _address(call: Any) -> int:  # noqa: ANN401 - a ctypes function
    return ctypes.cast(call, _P).value or 0


def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL("libsqlite3.so.0")
    except OSError as error:
        raise DiskError("SQLite is no shared library here") from error
    library.sqlite3_vfs_find.restype = _P
    library.sqlite3_vfs_find.argtypes = (ctypes.c_char_p,)
    library.sqlite3_vfs_register.argtypes = (_P, _I)
    library.sqlite3_vfs_unregister.argtypes = (_P,)
    return library
