# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A ledger on a disk whose durable writes take long: a process with a preloaded library.

Run as a program it is that process: it appends at an even pace, then at random moments with the
same mean (Poisson), and prints what each append took.
"""

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
static long us(void) {
  struct timespec now; clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}
static int slow(const char *name, int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  const char *least = getenv("VARCO_BENCH_FSYNC_US");
  long until = us() + (least ? atol(least) : 0);
  int result = real(fd);
  long left = until - us();
  struct timespec rest = {left / 1000000, (left % 1000000) * 1000};
  if (left > 0) nanosleep(&rest, 0);
  return result;
}
int fsync(int fd) { return slow("fsync", fd); }
int fdatasync(int fd) { return slow("fdatasync", fd); }
"""
"""Each durable write takes a least time, whatever the disk below does."""
MOST_S = 240.0


@dataclass(frozen=True, slots=True)
class Slow:
    """Milliseconds."""

    even_ms: list[float]
    bursty_ms: list[float]
    fsync_ms: list[float]
    """What a page took, to show that the disk was slow indeed."""


def measure(folder: Path, count: int, per_s: float, fsync_ms: float) -> tuple[Slow | None, str]:
    """Return what appends take at a pace, or why that could not be measured."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None, "no C compiler for the library that slows the disk"
    library = folder / "slow.so"
    source = folder / "slow.c"
    source.write_text(SOURCE)
    made = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        return None, f"the library that slows the disk: {made.stderr.strip()[:200]}"
    environment = os.environ | {
        "LD_PRELOAD": str(library),
        "VARCO_BENCH_FSYNC_US": str(round(fsync_ms * 1000)),
    }
    words = [sys.executable, "-m", __name__, str(folder / "slow.db"), str(count), str(per_s)]
    try:
        done = subprocess.run(
            words, env=environment, capture_output=True, text=True, check=False, timeout=MOST_S
        )
    except subprocess.TimeoutExpired:
        return None, f"not within {MOST_S:.0f} s"
    if done.returncode:
        return None, done.stderr.strip()[-200:]
    return Slow(**json.loads(done.stdout)), ""


async def _appends(path: Path, count: int, per_s: float) -> dict[str, list[float]]:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - the child alone
        Ed25519PrivateKey,
    )

    from benchmarks.ledger import EVENT, ORIGIN, fsyncs  # noqa: PLC0415 - the child alone
    from gateway.audit.ledger import open_ledger  # noqa: PLC0415
    from gateway.runtime.clock import SystemClock  # noqa: PLC0415

    draw = random.Random(7)
    took: dict[str, list[float]] = {"fsync_ms": fsyncs(path.parent, 20)}
    key = Ed25519PrivateKey.generate()
    async with open_ledger(path, origin=ORIGIN, key=key, clock=SystemClock()) as ledger:

        async def one(into: list[float], number: int) -> None:
            began_s = time.perf_counter()
            await ledger.append(replace(EVENT, case_ref=f"caso {number}"))
            into.append(1000 * (time.perf_counter() - began_s))

        for name in ("even_ms", "bursty_ms"):
            into = took[name] = []
            due_s = time.perf_counter()
            async with asyncio.TaskGroup() as tasks:
                for number in range(count):
                    wait_s = due_s - time.perf_counter()
                    await asyncio.sleep(max(0.0, wait_s))
                    tasks.create_task(one(into, number))
                    due_s += 1 / per_s if name == "even_ms" else draw.expovariate(per_s)
    return took


if __name__ == "__main__":
    print(
        json.dumps(asyncio.run(_appends(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))))
    )
