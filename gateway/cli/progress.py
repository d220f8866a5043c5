# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One line on a terminal that says what is being tried, and for how long already."""

from typing import TextIO

from gateway.cli.speech import Say
from gateway.runtime.clock import Clock

_CLEAR = "\r\x1b[K"


class Progress:
    """Writes to a terminal only; into a pipe or a file it writes nothing."""

    def __init__(self, say: Say, stream: TextIO, clock: Clock) -> None:
        self.say = say
        """The language of whoever reads."""
        self._stream = stream
        self._clock = clock
        self._began_s = clock.monotonic_s()
        self._shown = stream.isatty()
        self._text = ""

    def tell(self, italian: str, english: str) -> None:
        """Say what begins now."""
        self._text = self.say(italian, english)
        self.tick()

    def tick(self) -> None:
        """Show the seconds again; call it about once a second."""
        if self._shown and self._text:
            seconds = self._clock.monotonic_s() - self._began_s
            self._stream.write(f"{_CLEAR}[{seconds:3.0f} s] {self._text}")
            self._stream.flush()

    def clear(self) -> None:
        """Take the line away: what follows is the answer."""
        if self._shown and self._text:
            self._stream.write(_CLEAR)
            self._stream.flush()
        self._text = ""
