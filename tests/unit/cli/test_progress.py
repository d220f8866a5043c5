# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a terminal shows while one waits."""

import io

import pytest

from gateway.cli.progress import Progress
from gateway.cli.speech import say_english, say_italian
from tests.fakes import FakeClock


class Screen(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.mark.parametrize(("say", "word"), [(say_italian, "provo"), (say_english, "trying")])
def test_a_terminal_sees_seconds_and_what_is_tried(say, word):
    """One line that is written over; the answer finds it empty."""
    screen, clock = Screen(terminal=True), FakeClock()
    progress = Progress(say, screen, clock)
    progress.tell("provo", "trying")
    clock.advance(7)
    progress.tick()
    progress.clear()
    progress.tick()
    lines = screen.getvalue().split("\r\x1b[K")
    assert lines == ["", f"[  0 s] {word}", f"[  7 s] {word}", ""]


def test_a_pipe_sees_nothing():
    """Scripts read clean output."""
    screen = Screen(terminal=False)
    progress = Progress(say_italian, screen, FakeClock())
    progress.tell("provo", "trying")
    progress.clear()
    assert screen.getvalue() == ""
