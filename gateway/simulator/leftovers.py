# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Searches files, words and the memory of processes for plates that nobody seeks (D.9).

A plate is looked for as text in 8 and in 16 bits, in capital and small letters, and as its plain
SHA-256, in bytes and in hexadecimal digits. As a program it runs in a process of its own: whoever
knows the plates would find them in itself. Memory comes as open files of /proc, which the process
that may read them has opened.
"""

import hashlib
import json
import os
import re
import string
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final

import numpy as np

from gateway.simulator import traffic

_LETTERS: Final = string.ascii_letters.encode()
_DIGITS: Final = string.digits.encode()
_KINDS: Final = bytes(
    b"A"[0] if one in _LETTERS else b"0"[0] if one in _DIGITS else one and b"."[0]
    for one in range(256)
)
"""What each byte is: A a letter, 0 a digit, NUL itself, a full stop anything else."""
_PLATES: Final = tuple("AA000AA".encode(code) for code in ("ascii", "utf-16-le"))
_HEX: Final = re.compile(rb"[0-9a-f]{64,}")
_DIGEST: Final = 32
_PART: Final = 16 << 20
"""Memory is read in parts of so many bytes, which overlap by a little."""
_OVERLAP: Final = 64
CONTROL: Final = "ZZ000ZZ"
"""No car has it: it is put into a file to see that the search finds it there."""


@dataclass(frozen=True, slots=True)
class Memory:
    """One process whose memory is open."""

    name: str
    maps: int
    """File descriptors of /proc/PID/maps and /proc/PID/mem."""
    mem: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a search found."""

    sought: int
    """How many plates were looked for."""
    files: int
    bytes: int
    found: tuple[tuple[str, int], ...]
    """Each place that has any, and how many finds."""
    control: bool
    """The plate that was put there for it was found, in each form."""
    memory: tuple[tuple[str, int], ...]
    """Each process with how many of the plates its writable memory has."""
    left: int
    """How many different plates that is."""


def finds(data: bytes, texts: Collection[str]) -> int:
    """Return how often plates stand in some bytes, each form once for each plate."""
    digests = {hashlib.sha256(one.encode()).digest() for one in texts}
    return len(_texts(data) & set(texts)) + len(_hexes(data) & digests) + _raw(data, digests)


def _texts(data: bytes) -> set[str]:
    """Return what has the form of a plate, in 8 or in 16 bits."""
    kinds = data.translate(_KINDS)
    found = set()
    for form in _PLATES:
        at = kinds.find(form)
        while at >= 0:
            found.add(data[at : at + len(form)].replace(b"\0", b"").upper().decode())
            at = kinds.find(form, at + 1)
    return found


def _hexes(data: bytes) -> set[bytes]:
    """Return each 32 bytes that stand there in hexadecimal digits."""
    runs = (run.group() for run in _HEX.finditer(data.lower()))
    return {
        bytes.fromhex(run[at : at + 2 * _DIGEST].decode())
        for run in runs
        for at in range(len(run) - 2 * _DIGEST + 1)
    }


def _raw(data: bytes, digests: Collection[bytes]) -> int:
    """Return how many digests stand there as they are."""
    signs = np.frombuffer(data, np.uint8).astype(np.uint16)
    if signs.size < _DIGEST:
        return 0
    begins = np.zeros(1 << 16, np.bool_)
    begins[[one[0] << 8 | one[1] for one in digests]] = True
    places = np.flatnonzero(begins[signs[:-1] << 8 | signs[1:]])
    return len({data[at : at + _DIGEST] for at in places.tolist()} & set(digests))


def files(folders: Sequence[Path], spared: Collection[str] = ()) -> Iterator[Path]:
    """Return the files below some folders, but those of the names that are spared."""
    for folder in folders:
        for one in sorted(folder.rglob("*")):
            if one.is_file() and not one.is_symlink() and one.name not in spared:
                yield one


def written(memory: Memory, texts: Collection[str]) -> set[str]:
    """Return those of the texts that stand in a writable page of a process."""
    found: set[str] = set()
    os.lseek(memory.maps, 0, os.SEEK_SET)
    with os.fdopen(os.dup(memory.maps), "rb", buffering=0) as lines:
        areas = [line.split()[:2] for line in lines.read().splitlines() if b"[v" not in line]
    for area, rights in areas:
        if rights.startswith(b"rw"):
            begin, end = (int(part, 16) for part in area.split(b"-"))
            for data in _parts(memory.mem, begin, end):
                found |= _texts(data)
    return found & set(texts)


def _parts(number: int, begin: int, end: int) -> Iterator[bytes]:
    """Yield the pages of an area; what is gone or cannot be read is left out."""
    while begin < end:
        try:
            data = os.pread(number, min(_PART, end - begin), begin)
        except (OSError, OverflowError):
            return
        if not data:
            return
        yield data
        begin += len(data) if begin + len(data) >= end else max(1, len(data) - _OVERLAP)


def below(pid: int) -> list[int]:
    """Return the processes below one."""
    found, waiting = [], [pid]
    while waiting:
        for path in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            try:
                children = [int(one) for one in path.read_text().split()]
            except OSError:
                continue  # it ended
            found += children
            waiting += children
    return found


def name_of(pid: int) -> str:
    """Return a process's id, and what it runs."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        words = []
    at = words.index("-m") + 1 if "-m" in words else 0
    return " ".join([str(pid), *words[at : at + 2]])


@contextmanager
def opened(processes: Mapping[int, str]) -> Iterator[list[Memory]]:
    """Open the memory of processes, by id; those that ended, or that are closed to us, are not."""
    made = []
    with ExitStack() as stack:
        for pid, name in processes.items():
            try:
                both = [
                    stack.enter_context(Path(f"/proc/{pid}/{one}").open("rb", buffering=0))
                    for one in ("maps", "mem")
                ]
            except OSError:
                continue
            made.append(Memory(name, both[0].fileno(), both[1].fileno()))
        yield made


def search(
    texts: Sequence[str],
    folders: Sequence[Path],
    answers: Mapping[str, str],
    memories: Sequence[Memory],
    spared: Collection[str] = (),
) -> Report:
    """Search everything; `answers`: words by where they come from."""
    count = size = 0
    found = []
    for path in files(folders, spared):
        try:
            data = path.read_bytes()
        except OSError:
            continue  # it is gone
        count, size = count + 1, size + len(data)
        found.append((path.name, finds(data, texts)))
    for name, words in answers.items():
        found.append((name, finds(words.encode(), texts)))
    kept = [(one.name, written(one, texts)) for one in memories]
    return Report(
        len(texts), count, size, tuple(one for one in found if one[1]), _controlled(folders),
        tuple((name, len(one)) for name, one in kept), len(set().union(*(one for _, one in kept))),
    )  # fmt: skip


def _controlled(folders: Sequence[Path]) -> bool:
    """Put the control plate into a file of the first folder, in each form; whether it is found."""
    digest = hashlib.sha256(CONTROL.encode())
    forms: tuple[Callable[[IO[bytes]], int], ...] = (
        lambda file: file.write(CONTROL.lower().encode("utf-16-le")),
        lambda file: file.write(digest.hexdigest().upper().encode()),
        lambda file: file.write(digest.digest()),
    )
    with tempfile.NamedTemporaryFile(dir=folders[0]) as file:
        for number, write in enumerate(forms, 1):
            write(file)
            file.write(b"\n")
            file.flush()
            path = Path(file.name)
            if path not in files(folders) or finds(path.read_bytes(), [CONTROL]) != number:
                return False
    return True


def main() -> int:
    """Read what to search as JSON from the standard input; print the report as JSON."""
    told = json.load(sys.stdin)
    report = search(
        traffic.others(told["seed"], told["count"]),
        [Path(one) for one in told["folders"]],
        told["answers"],
        [Memory(*one) for one in told["memories"]],
        told["spared"],
    )
    print(json.dumps(asdict(report)))  # noqa: T201 - for whoever started it
    return 0


if __name__ == "__main__":
    sys.exit(main())
