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

from benchmarks.lab import revoking, tampering, town
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
SMALL = 120
"""Entries of the ledger that is tampered with; half of them in batches."""
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
    decide_s: float
    revoke_rounds: int
    revoke_viewers: int


QUICK = Load(2, 300, 15_000, 5, 1.0, 2, 4)
FULL = Load(5, 2_000, WHOLE, 40, 5.0, 12, 6)


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
        by_kind = mutate(folder, load, found)
        decisions = [decisions_per_s(load.decide_s) for _ in range(load.rounds)]
        revoked, problem = revoke(folder, load)
    report = Report("ledger", plan, load.rounds)
    fill(report, found, by_kind, decisions)
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


def mutate(folder: Path, load: Load, found: Found) -> dict[str, tuple[int, int]]:
    """Try every kind of tampering; return how many were made and how many were found."""
    draw = random.Random(3)
    target = asyncio.run(small_ledger(folder / "small.db"))
    found.intact = found.intact and untouched_is_good(target, folder)
    public = public_bytes(target.key)
    results: dict[str, tuple[int, int]] = {}
    for mutation in MUTATIONS:
        made = noticed = 0
        while made < load.mutations_each:
            copy = replace(target, path=copied(target.path, folder / "tampered.db"))
            if not tamper(copy, mutation, draw):
                continue
            made += 1
            held = target.held if mutation.needs_witness else None
            noticed += not verify(copy.path, public, held).ok
        results[mutation.name] = (made, noticed)
    return results


async def small_ledger(path: Path) -> Target:
    """Write a ledger of single entries and batches."""
    key = Ed25519PrivateKey.generate()
    async with open_ledger(path, origin=ORIGIN, key=key, clock=SystemClock()) as ledger:
        for number in range(SMALL // 2):
            await ledger.append(replace(EVENT, actor_id=f"op-{number}"))
        for batch in range(SMALL // 20):
            some = [replace(EVENT, actor_id=f"op-{batch}-{number}") for number in range(10)]
            await ledger.append_many(some)
        return Target(path, ORIGIN, key, ledger.checkpoint(), ledger.head().size)


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
        clock = SystemClock()
        running = revoking.measure(folder, clock, load.revoke_rounds, load.revoke_viewers)
        return asyncio.run(running), ""
    except* (GatewayError, TimeoutError, OSError) as group:
        problem = "; ".join(str(error) for error in group.exceptions)
    return [], problem


def fill(
    report: Report,
    found: Found,
    by_kind: dict[str, tuple[int, int]],
    decisions: list[float],
) -> None:
    """Write down what was measured."""
    verify_s = median(found.verify_s)
    scale = WHOLE / found.verified
    scaled_s, cpu_s = ((median(one) or 0.0) * scale for one in (found.verify_s, found.verify_cpu_s))
    made = sum(count for count, _ in by_kind.values())
    noticed = sum(count for _, count in by_kind.values())
    kinds: dict[str, Figure] = {
        name: {"made": one, "found": other} for name, (one, other) in by_kind.items()
    }
    report.figures = {
        "appends_per_s": rounded(median(found.appends_per_s), 1),
        "append_ms_p50": rounded(percentile(found.lone_ms, 50)),
        "append_ms_p99": rounded(percentile(found.lone_ms, 99)),
        "append_ms_p99_of_64": rounded(percentile(found.waited_ms, 99)),
        "fdatasync_ms_p50": rounded(percentile(found.fsync_ms, 50)),
        "fdatasync_ms_p99": rounded(percentile(found.fsync_ms, 99)),
        "verify_100k_s": rounded(scaled_s),
        "verify_100k_cpu_s": rounded(cpu_s),
        "verified_entries": found.verified,
        "untouched_verifies": found.intact,
        "mutations": made,
        "mutations_found": noticed,
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
        ("decisions", written(median(decisions), "/s", 0)),
    ]
    missed = [name for name, (one, other) in by_kind.items() if other < one]
    report.rows += [("  not always found", name) for name in missed]


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
        "decisions: CPU time of the pure policy in a town of 100 cameras and 20 acts, "
        "without the ledger entry that each answer costs",
        "revoke: on loopback, decoding viewers in the gate's process; dark is the last decoded "
        "picture or the media process's word, whichever is later",
        "a cut tail and a rewrite with the stolen key are looked for with a checkpoint held "
        "elsewhere; from the file alone nobody can see them",
    ]
    if found.verified < WHOLE:
        report.not_like_for_like.append(
            f"verify_100k_s: {found.verified:,} entries, scaled; the full run verifies 100,000"
        )
    if disk in ("tmpfs", "ramfs"):
        report.not_like_for_like.append("the disk is memory: nothing here is durable")


if __name__ == "__main__":
    sys.exit(main())
