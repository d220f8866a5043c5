# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Child processes that answer one JSON line to each line, and what the kernel says of them."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

ANSWER_S = 60.0
"""A child that says nothing for so long is broken."""


class ChildError(Exception):
    """A child process ended or did not answer."""


class Child:
    """One running child; made by `child`."""

    def __init__(self, process: "subprocess.Popen[str]", name: str) -> None:
        self.pid = process.pid
        self._process = process
        self._name = name

    def read(self, timeout_s: float = ANSWER_S) -> dict[str, Any]:
        """Return the next line that it prints."""
        out = _pipe(self._process.stdout)
        ready, _, _ = select.select([out], [], [], timeout_s)
        line = out.readline() if ready else ""
        if not line:
            raise ChildError(f"{self._name}: no answer within {timeout_s:.0f} s")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, word: str, timeout_s: float = ANSWER_S) -> dict[str, Any]:
        """Send a line and return the answer."""
        into = _pipe(self._process.stdin)
        into.write(word + "\n")
        into.flush()
        return self.read(timeout_s)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once, also if it is stopped."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise ChildError("a child without pipes")
    return pipe


@contextmanager
def child(module: str, *words: str) -> Iterator[Child]:
    """Run `python -m module words`; killed on leaving."""
    made = start(module, *words)
    try:
        yield made
    finally:
        made.kill()


def start(module: str, *words: str) -> Child:
    """Run `python -m module words`; whoever calls this kills it."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    return Child(process, module)


def say(answer: dict[str, Any]) -> None:
    """Print one answer, from inside a child."""
    print(json.dumps(answer), flush=True)


def cpu_ms(pid: int) -> float:
    """Return the CPU time that all threads of a process have used so far, in milliseconds."""
    spent_ns = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            spent_ns += int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue  # a thread that ended just now
    return spent_ns / 1e6


def cpu_parts_ms(pid: int) -> tuple[float, float]:
    """Return what of a process's CPU time so far was its own code's and what the kernel's, in ms.

    The sum is measured; how it divides is sampled at the kernel's tick.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    tick_ms = 1000 / os.sysconf("SC_CLK_TCK")
    return int(fields[11]) * tick_ms, int(fields[12]) * tick_ms  # utime, stime: proc(5)


def rss_mb(pid: int) -> float:
    """Return the resident set of a process, in units of 10^6 bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
