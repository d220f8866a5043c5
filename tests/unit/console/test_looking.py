# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From a request to a Grant and back."""

import pytest

from gateway.console.looking import one_look, why_of
from gateway.model.access import Purpose


class Gate:
    """A gate that remembers what was closed."""

    def __init__(self):
        self.closed = []

    async def close(self, grant, **how):
        self.closed.append((grant, how["reason"], how["bytes"]))


class Town:
    """As much of the services as a look needs."""

    def __init__(self):
        self.gate = Gate()
        self.clock = self

    def monotonic_s(self):
        return 1.0


@pytest.mark.parametrize(
    ("word", "purpose"), [("allarme", Purpose.ALARM), ("", None), ("curiosita", None)]
)
def test_an_unknown_purpose_is_no_purpose(word, purpose):
    """The gate refuses both, and writes both down."""
    why = why_of(word, " caso ", " perché ")
    assert (why.purpose, why.case, why.reason) == (purpose, "caso", "perché")


async def test_a_look_is_closed_with_what_was_delivered():
    """Bytes that left are what the ledger hears."""
    town = Town()
    async with one_look(town, "grant") as delivered:
        delivered.bytes = 42
    assert town.gate.closed == [("grant", "delivered", 42)]


async def test_a_look_that_fails_is_closed_too():
    """An error on the way does not leave an open entry, and is not swallowed."""
    town = Town()
    with pytest.raises(OSError, match="gone"):
        async with one_look(town, "grant"):
            raise OSError("gone")
    assert town.gate.closed == [("grant", "error", 0)]
