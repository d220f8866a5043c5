# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A gate decodes around passages only and hands each on once, by the real child in its cage."""

import asyncio
import contextlib
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.analytics.plates.gate import Gate, GateOptions
from gateway.codec.pool import Pool, PoolOptions, open_pool
from gateway.model.errors import PeerError, WireError
from gateway.model.media import AccessUnit
from gateway.model.plate import Passage, Passing
from gateway.model.registry import Analytic, Direction, Zone
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from tests.unit.analytics.plates.blocks import EVERY_90K, Car, film, timed

COMMAND = (sys.executable, "-m", "tests.unit.analytics.plates.block_child")
LEFT = Zone(
    "sinistra", "Corsia sinistra", "varco", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)),
    Analytic.PLATES, line=((0.0, 0.5), (0.5, 0.5)), inbound=Direction.AB, lane="1",
)  # fmt: skip
RIGHT = Zone(
    "destra", "Corsia destra", "varco", ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)),
    Analytic.PLATES, line=((0.5, 0.5), (1.0, 0.5)), inbound=Direction.AB, lane="2",
)  # fmt: skip
A, B, C = "AB123CD", "FX987ZY", "GZ456KL"
pytestmark = pytest.mark.filterwarnings("error")


class Desk:
    """Takes what a gate hands on."""

    def __init__(self) -> None:
        self.passages: list[Passage] = []

    async def passed(self, passage: Passage) -> None:
        self.passages.append(passage)

    def told(self) -> list[tuple[str, str, Passing]]:
        return [(one.read.text, one.lane, one.passing) for one in self.passages]


@asynccontextmanager
async def children(**more: object) -> AsyncIterator[Pool]:
    options = PoolOptions(command=COMMAND, spares=0, gates=1, restart_s=0.0, **more)
    async with open_pool(0, clock=SystemClock(), options=options) as pool:
        yield pool


def gate_of(pool: Pool, desk: Desk, zones: Sequence[Zone] = (LEFT, RIGHT), **more) -> Gate:
    return Gate("varco", zones, Fanout(), pool, clock=SystemClock(), on_passage=desk.passed, **more)


async def guard(gate: Gate, units: Sequence[AccessUnit], wakes: Sequence[int] = (0,)) -> None:
    """Take a stream, woken at some of its pictures."""
    for number, unit in enumerate(units):
        if number in wakes:
            gate.wake()
        await gate.take(unit)


def shifted(units: Sequence[AccessUnit], by_90k: int) -> list[AccessUnit]:
    return [timed(replace(unit, pts_90k=unit.pts_90k + by_90k)) for unit in units]


async def test_each_passage_is_handed_on_with_lane_way_and_time() -> None:
    """In and out come from the geometry of the track and from which way leads inwards."""
    units = film([Car(A, 5, 60, x=0.25), Car(B, 10, 60, x=0.75, start=0.9, end=0.12)], 100)
    desk = Desk()
    async with children() as pool:
        gate = gate_of(pool, desk)
        await guard(gate, units)
        await gate.finish()
    assert sorted(desk.told()) == [(A, "1", Passing.IN), (B, "2", Passing.OUT)]
    first = next(one for one in desk.passages if one.lane == "1")
    assert (first.camera, first.zone, first.read.certain) == ("varco", "sinistra", True)
    crossed_90k = units[5 + 29].pts_90k
    assert abs(first.crossed.monotonic_s - crossed_90k / 90_000) < 0.2
    assert gate.statistics().passages == 2


async def test_a_quiet_lane_costs_nothing_and_a_late_wake_loses_no_picture() -> None:
    """Nothing is decoded before the wake; the kept units then show the car from its beginning."""
    units = film([Car(A, 150, 50, x=0.25)], 330)
    desk = Desk()
    async with children() as pool:
        gate = gate_of(pool, desk)
        await guard(gate, units[:150], wakes=())
        assert (gate.statistics().decoded_units, pool.statistics().starts) == (0, 0)
        await guard(gate, units[150:], wakes=(32,))
        said = gate.statistics()
    assert desk.told() == [(A, "1", Passing.IN)]
    assert not said.awake
    assert said.wakes == 1
    assert said.decoded_units < 200
    assert said.units == 330


async def test_outside_its_hours_a_gate_does_not_wake() -> None:
    """A lane that is not read now wakes nobody."""
    desk = Desk()
    async with children() as pool:
        gate = gate_of(pool, desk, is_open=lambda _: False)
        await guard(gate, film([Car(A, 5, 40, x=0.25)], 60), wakes=(0, 20))
        assert gate.statistics().decoded_units == 0
    assert desk.passages == []


async def test_a_stream_that_breaks_tells_what_had_crossed() -> None:
    """A car over the line before the break is told, one that was not is not; then it goes on."""
    units = film([Car(A, 0, 60, x=0.25), Car(B, 20, 60, x=0.75)], 60)
    later = film([Car(C, 5, 60, x=0.25)], 90, first_90k=90_000_000)
    desk = Desk()
    async with children() as pool:
        gate = gate_of(pool, desk)
        await guard(gate, units[:38])
        await gate._break_off(40)
        await guard(gate, later)
        await gate.finish()
    assert desk.told() == [(A, "1", Passing.IN), (C, "1", Passing.IN)]


async def test_a_killed_child_costs_no_passage_and_doubles_none() -> None:
    """The next one is told what was kept: who crossed before is not told again."""
    units = film([Car(A, 0, 50, x=0.25), Car(B, 40, 50, x=0.75)], 130)
    desk = Desk()
    async with children() as pool:
        gate = gate_of(pool, desk, options=GateOptions(before_s=5.0))
        await guard(gate, units[:60])
        assert desk.told() == [(A, "1", Passing.IN)]
        (pid,) = pool.statistics().pids
        os.kill(pid, signal.SIGKILL)
        await guard(gate, units[60:], wakes=())
        await gate.finish()
        assert gate.statistics().failures <= 1
    assert desk.told() == [(A, "1", Passing.IN), (B, "2", Passing.IN)]


async def test_a_child_that_served_enough_is_replaced_while_the_lane_is_empty() -> None:
    """The next passage is read by another process; passages are numbered on."""
    desk = Desk()
    options = GateOptions(passages=1, settle_s=0.0)
    units = film([Car(A, 5, 40, x=0.25)], 150)
    async with children() as pool:
        gate = gate_of(pool, desk, options=options)
        await guard(gate, units)
        (before,) = pool.statistics().pids
        assert gate.statistics().renewals == 1
        await guard(gate, shifted(film([Car(B, 5, 40, x=0.25)], 150), 20 * 90_000))
        (after,) = pool.statistics().pids or (0,)
    assert before != after
    assert [one.id for one in desk.passages] == [1, 2]
    assert [text for text, *_ in desk.told()] == [A, B]


async def test_the_picture_can_be_had_once_and_only_at_once() -> None:
    """The desk asks while it holds the passage; a second time, or later, there is none."""
    desk, pictures = Desk(), []
    async with children() as pool:
        gate = gate_of(pool, desk)

        async def ask(passage: Passage) -> None:
            await desk.passed(passage)
            pictures.append(await gate.picture(passage.id, []))

        gate._on_passage = ask
        await guard(gate, film([Car(A, 5, 50, x=0.25)], 90))
        await gate.finish()
        with pytest.raises(WireError):
            await gate.picture(1, [])
    (one,) = pictures
    assert len(one.context) > 2000
    assert one.crop.startswith(b"\xff\xd8")


async def test_a_pool_without_gates_reads_no_plates() -> None:
    """Such a box starts no child for them."""
    desk = Desk()
    options = PoolOptions(command=COMMAND, spares=0)
    async with open_pool(0, clock=SystemClock(), options=options) as pool:
        with pytest.raises(PeerError, match="no child of this box reads plates"):
            await pool.call("varco", 5, b"", timeout_s=1.0)
        gate = gate_of(pool, desk)
        await guard(gate, film([Car(A, 0, 10)], 10))
        assert gate.statistics().failures >= 1


PLATE = re.compile(rb"[A-Z]{2}[0-9]{3}[A-Z]{2}|(?:[A-Z]\0){2}(?:[0-9]\0){3}(?:[A-Z]\0){2}")


def residue(pid: int, texts: Sequence[str]) -> int:
    """Return how many of the texts stand anywhere in a process's memory, in 8 or 16 bits."""
    wanted, found = set(texts), set[str]()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            area, rights, *_ = line.split()
            begin, end = (int(part, 16) for part in area.split("-"))
            if "r" not in rights or line.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            memory.seek(begin)
            with contextlib.suppress(OSError):
                data = memory.read(end - begin)
                found |= {hit.replace(b"\0", b"").decode() for hit in PLATE.findall(data)} & wanted
    return len(found)


def plates(count: int) -> list[str]:
    """Return different plates, none of them written anywhere."""
    letters = "ABCDEFGHJKLMNPRSTVWXYZ"
    return [
        f"{letters[n % 22]}{letters[n // 22 % 22]}{(n * 37) % 1000:03d}{letters[n * 7 % 22]}X"
        for n in range(count)
    ]


def test_the_search_finds_what_is_there() -> None:
    """A process that does keep texts is found out, one that does not is not."""
    texts = plates(50)
    program = "import sys; kept = sys.stdin.readline().split(); print(1, flush=True); input()"
    with subprocess.Popen(
        (sys.executable, "-c", program), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdin.write(" ".join(texts[:40]) + "\n")
        other.stdin.flush()
        other.stdout.readline()
        assert residue(other.pid, texts) == 40
        other.kill()


async def test_nothing_is_kept_of_two_hundred_passages(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No text is in a log; of the child's memory the residue is measured."""
    caplog.set_level(logging.DEBUG)
    texts, seen, count = plates(216), set[str](), 0

    async def passed(passage: Passage) -> None:
        nonlocal count
        count += 1
        seen.add(passage.read.text)
        assert passage.read.text not in repr(passage)

    async with children() as pool:
        gate = Gate("varco", (LEFT, RIGHT), Fanout(), pool, clock=SystemClock(), on_passage=passed)
        for at in range(0, len(texts), 24):
            cars = [
                Car(text, 1 + 6 * n, 14, x=0.25 if n % 2 else 0.75)
                for n, text in enumerate(texts[at : at + 24])
            ]
            await guard(gate, shifted(film(cars, 155), at // 24 * 156 * EVERY_90K))
        await gate.finish()
        (pid,) = pool.statistics().pids
        assert len(seen & set(texts)) == count == len(texts)
        await asyncio.sleep(5.0)  # what is promised is a time
        left = residue(pid, texts)
    assert not any(text in caplog.text for text in texts)
    assert left <= 2, f"{left} of {len(texts)} texts are still in the child's memory"
    print(f"residue: {left} of {len(texts)} texts in the child after 5 s")
