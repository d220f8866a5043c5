# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the account of every look costs, whether tampering shows, and how soon a no takes effect.

Appends are durable (FULL-sync SQLite, a signed checkpoint each) in real files on a disk. Every
kind of tampering is tried on copies of a closed ledger. Decisions are those of the access policy.
"""

import asyncio
import gc
import os
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.lab import pixels, slow_disk, tampering, town
from benchmarks.lab.figures import (
    Figure,
    Report,
    filesystem,
    median,
    parser,
    percentile,
    plan_of,
    rounded,
    written,
)
from benchmarks.lab.tampering import MUTATIONS, Target, tamper
from gateway.access.policy import decide
from gateway.audit.keys import public_bytes
from gateway.audit.ledger import Ledger, open_ledger
from gateway.audit.verify import verify
from gateway.model.access import Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import GatewayError
from gateway.model.time import Moment
from gateway.runtime.clock import SystemClock

ORIGIN = "bench.example/varco"
WHOLE = 100_000
CALLERS = 64
"""Appends that wait at once: a busy room at the change of shift."""
SMALL = 60
"""Entries of the ledger that is tampered with."""
PER_S = 50
SLOW_FSYNC_MS = 10
EVENT = LedgerEvent(
    "live.open",
    Operation.CONSULTATION,
    Regime.LED,
    actor_id="operatrice-7",
    actor_type="human",
    org="sala-pl",
    role="pl.operator",
    auth_method="password",
    session_id="2f6c1f0e",
    src_ip="192.0.2.7",
    object_type="camera",
    object_id="piazza",
    controller="comune",
    purpose_code="servizio",
    legal_basis_id="patto-2026",
    case_ref="OdS 4",
    reason_text="controllo ordinario",
    recipient_org="sala-pl",
    channel="webrtc",
    policy_version=7,
)


@dataclass(frozen=True, slots=True)
class Load:
    """How much is measured."""

    rounds: int
    lone: int
    """Appends, one after the other, per round."""
    entries: int
    """Entries of the ledger that is verified, each with a checkpoint of its own."""
    mutations_each: int
    slow: int
    """Appends at PER_S on a disk of SLOW_FSYNC_MS."""
    decide_s: float
    revoke_rounds: int
    revoke_viewers: int


QUICK = Load(2, 300, 15_000, 8, 300, 1.0, 2, 4)
FULL = Load(5, 2_000, WHOLE, 360, 3_000, 5.0, 8, 5)


@dataclass(slots=True)
class Found:
    """What was measured."""

    lone_ms: list[float]
    fsync_ms: list[float]
    appends_per_s: list[float]
    waited_ms: list[float]
    verify_s: list[float]
    verify_cpu_s: list[float]
    verified: int = 0
    intact: bool = True
    """The untouched ledgers verified, and erasing personal values changed nothing."""


def main() -> int:
    """Measure, print, write."""
    command = parser("ledger", __doc__)
    command.add_argument(
        "--dir", type=Path, default=Path("/var/tmp"), help="a folder on the disk to measure"
    )
    plan = plan_of(command.parse_args())
    load = QUICK if plan.quick else FULL
    with tempfile.TemporaryDirectory(prefix="varco-ledger-", dir=plan.extra.dir) as name:
        folder = Path(name)
        disk = filesystem(folder)
        found = asyncio.run(appends(folder, load))
        slow, no_slow = slow_disk.measure(folder, load.slow, PER_S, SLOW_FSYNC_MS)
        by_kind = mutate(folder, load, found)
        decisions = [decisions_per_s(load.decide_s) for _ in range(load.rounds)]
        revoked, problem = revoke(folder, load)
    report = Report("ledger", plan, load.rounds)
    fill(report, found, by_kind, decisions)
    add_slow(report, slow, no_slow)
    add_revokes(report, revoked, problem)
    add_remarks(report, found, disk)
    report.publish()
    return 0


async def appends(folder: Path, load: Load) -> Found:
    """Append alone and together, then verify the whole."""
    found = Found([], [], [], [], [], [])
    key, clock, path = Ed25519PrivateKey.generate(), SystemClock(), folder / "large.db"
    async with open_ledger(path, origin=ORIGIN, key=key, clock=clock) as ledger:
        for _ in range(load.rounds):
            found.lone_ms += await one_by_one(ledger, load.lone)
            found.fsync_ms += fsyncs(folder, load.lone // 10)
            missing = load.entries - ledger.head().size
            share = min(missing, load.entries // load.rounds)
            rate, waited_ms = await together(ledger, share)
            found.appends_per_s.append(rate)
            found.waited_ms += waited_ms
        if (left := load.entries - ledger.head().size) > 0:
            await together(ledger, left)
        held = ledger.checkpoint()
    for _ in range(load.rounds):
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        report = verify(path, public_bytes(key), held)
        found.verify_s.append(time.perf_counter() - began_s)
        found.verify_cpu_s.append(time.process_time() - began_cpu_s)
        found.verified, found.intact = report.size, found.intact and report.ok
    return found


async def one_by_one(ledger: Ledger, count: int) -> list[float]:
    """Append, each after the last is on disk; return how long each took, in milliseconds."""
    took_ms: list[float] = []
    for number in range(count):
        event = replace(EVENT, case_ref=f"caso {number}")
        began_s = time.perf_counter()
        await ledger.append(event)
        took_ms.append(1000 * (time.perf_counter() - began_s))
    return took_ms


async def together(ledger: Ledger, count: int) -> tuple[float, list[float]]:
    """Append from many callers at once; return entries per second and each one's wait in ms."""
    waited_ms: list[float] = []
    left = iter(range(count))

    async def caller() -> None:
        for number in left:
            began_s = time.perf_counter()
            await ledger.append(replace(EVENT, case_ref=f"caso {number}"))
            waited_ms.append(1000 * (time.perf_counter() - began_s))

    began_s = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(caller())
    return count / (time.perf_counter() - began_s), waited_ms


def fsyncs(folder: Path, count: int) -> list[float]:
    """Return what the disk itself takes for a page that must be durable, in milliseconds."""
    took_ms: list[float] = []
    path = folder / "page"
    with path.open("wb") as file:
        for _ in range(count):
            began_s = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fdatasync(file.fileno())
            took_ms.append(1000 * (time.perf_counter() - began_s))
    path.unlink()
    return took_ms


@dataclass(slots=True)
class Outcome:
    """What became of one kind of tampering."""

    made: int = 0
    found: int = 0
    nameable: int = 0
    """Changed an entry of the log, so that there is a first bad one."""
    named: int = 0
    """The verifier named exactly that one."""


def mutate(folder: Path, load: Load, found: Found) -> dict[str, Outcome]:
    """Try every kind of tampering below witnessed checkpoints; return what became of each.

    The first bad entry is told by comparing the files, not by whoever tampered.
    """
    draw = random.Random(3)
    target = asyncio.run(small_ledger(folder / "small.db"))
    found.intact = found.intact and untouched_is_good(target, folder)
    public = public_bytes(target.key)
    results: dict[str, Outcome] = {}
    for mutation in MUTATIONS:
        outcome = results[mutation.name] = Outcome()
        while outcome.made < load.mutations_each:
            copy = replace(target, path=copied(target.path, folder / "tampered.db"))
            if not tamper(copy, mutation, draw):
                continue
            outcome.made += 1
            first = tampering.first_difference(target.path, copy.path)
            # where only checkpoints were touched, those that are held would prove all the same
            report = verify(copy.path, public, None if first is None else target.witnessed)
            outcome.found += not report.ok
            if first is not None and 0 <= first < target.size:
                outcome.nameable += 1
                outcome.named += report.first_bad == first
    return results


async def small_ledger(path: Path) -> Target:
    """Write a ledger with a checkpoint for each entry, each kept by a witness."""
    key = Ed25519PrivateKey.generate()
    witnessed: list[str] = []
    async with open_ledger(path, origin=ORIGIN, key=key, clock=SystemClock()) as ledger:
        for number in range(SMALL):
            await ledger.append(replace(EVENT, actor_id=f"op-{number}"))
            witnessed.append(ledger.checkpoint())
        size = ledger.head().size
        return Target(path, ORIGIN, key, ledger.checkpoint(), size, tuple(witnessed))


def untouched_is_good(target: Target, folder: Path) -> bool:
    """Return whether an untouched copy verifies, and one whose personal values were erased."""
    copy = replace(target, path=copied(target.path, folder / "tampered.db"))
    public = public_bytes(target.key)
    before = verify(copy.path, public, target.held).ok
    erase = tampering.Mutation("erasure", lambda scene: scene.run("delete from opened"))
    return before and tamper(copy, erase, random.Random(4)) and verify(copy.path, public).ok


def copied(source: Path, to: Path) -> Path:
    """Return a fresh copy of a closed ledger."""
    for path in (to, to.with_name(f"{to.name}-wal"), to.with_name(f"{to.name}-shm")):
        path.unlink(missing_ok=True)
    shutil.copy(source, to)
    return to


def decisions_per_s(seconds: float) -> float:
    """Return how many requests the policy answers per second of CPU, in a town of 100 cameras."""
    now: Moment = SystemClock().now()
    registry = town.town(now)
    asked = town.questions(registry)
    gc.collect()
    made, began_s = 0, time.process_time()
    while (spent_s := time.process_time() - began_s) < seconds:
        for request in asked:
            decide(request, registry, None, now)
        made += len(asked)
    return made / spent_s


def revoke(folder: Path, load: Load) -> tuple[list[float | None], str]:
    """Return the times to dark, or why they could not be measured."""
    try:
        running = pixels.measure(folder, SystemClock(), load.revoke_rounds, load.revoke_viewers)
        return asyncio.run(running), ""
    except* (GatewayError, TimeoutError, OSError, ImportError) as group:
        problem = "; ".join(str(error) for error in group.exceptions)
    return [], problem


def fill(
    report: Report,
    found: Found,
    by_kind: dict[str, Outcome],
    decisions: list[float],
) -> None:
    """Write down what was measured."""
    verify_s = median(found.verify_s)
    scale = WHOLE / found.verified
    scaled_s, cpu_s = ((median(one) or 0.0) * scale for one in (found.verify_s, found.verify_cpu_s))
    made, noticed, nameable, named = (
        sum(getattr(one, name) for one in by_kind.values())
        for name in ("made", "found", "nameable", "named")
    )
    kinds: dict[str, Figure] = {
        name: {"made": o.made, "found": o.found, "nameable": o.nameable, "named": o.named}
        for name, o in by_kind.items()
    }
    report.figures = {
        "appends_per_s": rounded(median(found.appends_per_s), 1),
        "append_alone_ms_p50": rounded(percentile(found.lone_ms, 50)),
        "append_alone_ms_p99": rounded(percentile(found.lone_ms, 99)),
        "append_ms_p99_of_64": rounded(percentile(found.waited_ms, 99)),
        "fdatasync_ms_p50": rounded(percentile(found.fsync_ms, 50)),
        "fdatasync_ms_p99": rounded(percentile(found.fsync_ms, 99)),
        "verify_100k_s": rounded(scaled_s),
        "verify_100k_cpu_s": rounded(cpu_s),
        "verified_entries": found.verified,
        "untouched_verifies": found.intact,
        "mutations": made,
        "mutations_found": noticed,
        "mutations_nameable": nameable,
        "mutations_first_bad_named": named,
        "mutations_by_kind": kinds,
        "decisions_per_s": rounded(median(decisions), 0),
    }
    report.rows = [
        ("durable appends, 64 callers", written(median(found.appends_per_s), "/s", 0)),
        ("one append, p50", written(percentile(found.lone_ms, 50), "ms")),
        ("one append, p99", written(percentile(found.lone_ms, 99), "ms")),
        ("fdatasync of one page, p50", written(percentile(found.fsync_ms, 50), "ms")),
        (f"verify {found.verified:,} entries", written(verify_s, "s")),
        ("verify 100,000 entries", f"{written(scaled_s, 's')} ({written(cpu_s, 's')} of CPU)"),
        ("untouched ledgers verify", "yes" if found.intact else "NO"),
        (f"tampering found, {len(by_kind)} kinds", f"{noticed} of {made}"),
        ("  first bad entry named", f"{named} of {nameable}"),
        ("decisions", written(median(decisions), "/s", 0)),
    ]
    for name, one in by_kind.items():
        if one.found < one.made:
            report.rows.append(("  not always found", f"{name}: {one.found} of {one.made}"))
        if one.named < one.nameable:
            report.rows.append(("  not always named", f"{name}: {one.named} of {one.nameable}"))


def add_slow(report: Report, slow: slow_disk.Slow | None, problem: str) -> None:
    """Write down what appends take where a durable write takes long."""
    even = slow.even_ms if slow else []
    bursty = slow.bursty_ms if slow else []
    report.figures |= {
        "append_ms_p50": rounded(percentile(even, 50)),
        "append_ms_p99": rounded(percentile(even, 99)),
        "append_ms_p99_random": rounded(percentile(bursty, 99)),
        "slow_fsync_ms_p50": rounded(percentile(slow.fsync_ms, 50)) if slow else None,
    }
    where = f"{PER_S}/s, fsync of {SLOW_FSYNC_MS} ms"
    report.rows += [
        (f"append at {where}, p99", written(percentile(even, 99), "ms")),
        ("  the same at random moments, p99", written(percentile(bursty, 99), "ms")),
    ]
    if problem:
        report.skipped.append(f"append_ms_p99: {problem}")


def add_revokes(report: Report, revoked: list[float | None], problem: str) -> None:
    """Write down how soon it was dark."""
    known = [one for one in revoked if one is not None]
    report.figures |= {
        "revoke_s_p95": rounded(percentile(known, 95)),
        "revoke_s_most": rounded(max(known, default=None)),
        "revokes": len(revoked),
        "revokes_never_dark": len(revoked) - len(known),
    }
    report.rows.append(
        (f"revoke to dark, p95 of {len(known)}", written(percentile(known, 95), "s"))
    )
    if problem:
        report.skipped.append(f"revoke_s_p95: {problem}")


def add_remarks(report: Report, found: Found, disk: str) -> None:
    """Say under which conditions this was measured."""
    report.figures["filesystem"] = disk
    report.not_like_for_like = [
        "no peer: other audit logs do not offer the same guarantees",
        f"decisions: CPU time of the pure policy over {town.CONTROLLERS} controllers and acts with "
        f"{town.CONTROLLERS * town.CAMERAS_EACH} cameras, without the entry that each answer costs",
        "revoke: on loopback; dark is the last change of the pixels that Chromium shows of a "
        "moving picture, without the console's own page, which blanks the last one besides",
        "append_ms_p99: each fsync and fdatasync of the ledger's process is made to take "
        f"{SLOW_FSYNC_MS} ms at least by a preloaded library; the disk below is this machine's",
        "tampering: below checkpoints of every entry that a witness holds; a cut tail and a "
        "rewrite with the stolen key nobody can see from the file alone",
    ]
    if found.verified < WHOLE:
        report.not_like_for_like.append(
            f"verify_100k_s: {found.verified:,} entries, scaled; the full run verifies 100,000"
        )
    if disk in ("tmpfs", "ramfs"):
        report.not_like_for_like.append("the disk is memory: nothing here is durable")


if __name__ == "__main__":
    sys.exit(main())
