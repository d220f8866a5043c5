# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The order of the test files, and how many whole programs are tested at once."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import turns

ROOT = Path(__file__).parents[2]
HOLD = "from tests import turns\nwith turns.turn():\n    print('mine', flush=True)\n    input()"


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """A run with workers."""
    path = tmp_path / "turns"
    path.touch()
    monkeypatch.setenv("VARCO_TEST_TURNS", str(path))


@pytest.fixture
def worker():
    """Return a maker of processes that say when they have a turn and keep it until told."""
    made = []

    def start(program=HOLD):
        made.append(
            subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        )  # fmt: skip
        return made[-1]

    yield start
    for one in made:
        one.kill()
        one.communicate()


def has_turn(one):
    return one.stdout.readline() == "mine\n"


def waits(monkeypatch):
    """Return whether this process would have to wait for its turn."""

    class WaitedError(Exception):
        pass

    def sleep(seconds):
        raise WaitedError

    with monkeypatch.context() as change:
        change.setattr(turns.time, "sleep", sleep)
        try:
            with turns.turn():
                return False
        except WaitedError:
            return True


def test_heavy_and_light_files_end_together():
    heavy = [f"tests/e2e/test_{number}.py" for number in range(10)]
    light = [f"tests/unit/test_{number}.py" for number in range(100)]
    order = turns.ordered(heavy + light)
    assert sorted(order) == sorted(heavy + light)
    at = [place for place, name in enumerate(order) if turns.is_heavy(name)]
    gaps = [second - first for first, second in zip([*at], [*at[1:], len(order)], strict=True)]
    assert at[0] <= 1
    assert max(gaps) <= 12
    assert min(gaps) >= 8


def test_what_takes_longest_begins_first():
    named = [f"{name}.py" for name in turns.SECONDS]
    order = turns.ordered(["tests/ui/test_unnamed.py", "tests/unit/test_unnamed.py", *named])
    for kind in (True, False):
        seconds = [
            turns.SECONDS.get(name[:-3], 0) for name in order if turns.is_heavy(name) is kind
        ]
        assert seconds == sorted(seconds, reverse=True)
        assert seconds[-1] == 0


def test_every_file_that_is_named_exists():
    assert [name for name in turns.SECONDS if not (ROOT / f"{name}.py").exists()] == []


def test_a_third_waits_until_one_ends_or_dies(shared, worker, monkeypatch):
    first, second = worker(), worker()
    assert has_turn(first)
    assert has_turn(second)
    assert waits(monkeypatch)
    first.communicate("\n")
    assert not waits(monkeypatch)
    third = worker()
    assert has_turn(third)
    assert waits(monkeypatch)
    second.send_signal(signal.SIGKILL)
    second.wait()
    assert not waits(monkeypatch)


def test_a_child_that_outlives_its_test_holds_no_turn(shared, worker, monkeypatch):
    forked = HOLD.replace("    input()", "    import os\n    os.fork()\n    input()")
    holders = [worker(forked), worker(forked)]
    assert all(has_turn(one) for one in holders)
    assert waits(monkeypatch)
    for one in holders:
        one.send_signal(signal.SIGKILL)
        one.wait()
    assert not waits(monkeypatch)


def test_whoever_runs_alone_waits_for_nobody(monkeypatch, worker):
    monkeypatch.delenv("VARCO_TEST_TURNS", raising=False)
    assert all(has_turn(worker()) for _ in range(turns.AT_ONCE + 1))
