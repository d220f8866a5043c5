# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.evidence.elapsed."""

import pytest

from gateway.evidence.elapsed import Elapsed
from tests.fakes import FakeClock

US = 10**6


def test_time_counts_over_restarts_and_time_off(tmp_path):
    """Running and off both count; another run has another name."""
    clock = FakeClock()
    first = Elapsed(tmp_path / "e", clock)
    clock.advance(100)
    assert first.now().counted_us == 100 * US
    first.mark()
    clock.advance(50)  # a crash: not marked any more
    clock.utc_us += 3600 * US
    clock.time_s = 1.0
    second = Elapsed(tmp_path / "e", clock)
    assert second.now().counted_us == (100 + 50 + 3600) * US
    assert second.now().run != first.now().run
    assert not second.now().lost


@pytest.mark.parametrize("jump_s", [-(10**7), 10**7])
def test_a_jump_while_running_counts_nothing(tmp_path, jump_s):
    """The monotonic clock counts alone."""
    clock = FakeClock()
    elapsed = Elapsed(tmp_path / "e", clock)
    clock.utc_us += jump_s * US
    clock.advance(10)
    assert elapsed.now().counted_us == 10 * US


def test_behind_the_mark_nobody_knows_until_it_is_passed(tmp_path):
    """Lost over further restarts, too; found again when UTC has passed the mark."""
    clock = FakeClock()
    Elapsed(tmp_path / "e", clock).mark()
    clock.utc_us -= 3600 * US
    for _ in range(2):
        again = Elapsed(tmp_path / "e", clock)
        assert again.now().lost
        again.mark()
    clock.utc_us += 3600 * US
    assert not again.now().lost


@pytest.mark.parametrize("text", ["", "{", "[]", '{"counted_us": "x", "utc_us": 1}', "null"])
def test_a_broken_file_begins_anew(tmp_path, text):
    """Nothing is assumed of what cannot be read."""
    (tmp_path / "e").write_text(text)
    assert Elapsed(tmp_path / "e", FakeClock()).now().counted_us == 0


def test_a_disk_that_refuses_ends_nothing(tmp_path):
    """The mark may wait."""
    elapsed = Elapsed(tmp_path / "gone" / "e", FakeClock())
    elapsed.mark()
