# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.assembly.holdup_refusals: seen, counted, and never a flood."""

import pytest

from gateway.assembly.holdup_refusals import MOST_ENTRIES, MOST_SAID, SAY_AGAIN_S, Refusals, place
from tests.fakes import FakeClock


def spread(refusals, clock, count, minutes):
    """Refuse from ever new networks, as fast as may be; return what the entries stand for."""
    said = []
    for minute in range(minutes):
        said += [
            refusals.note(f"2001:db8:{minute:x}:{number:x}::1", "token") for number in range(count)
        ]
        clock.advance(SAY_AGAIN_S)
    return [one for one in said if one]


def test_who_owns_a_network_is_one_source():
    """Each address of a /64 is the same one; another /64 and an IPv4 address are others."""
    refusals = Refusals(FakeClock())
    said = [refusals.note(f"2001:db8:1:2:{number:x}::9", "token") for number in range(3_000)]
    assert said == [1] + [0] * 2_999
    assert refusals.note("2001:db8:1:3::9", "token") == 1
    assert refusals.note("192.0.2.7", "token") == 1
    assert refusals.note("192.0.2.7", "too-often") == 1


def test_all_sources_together_write_few_entries_and_every_refusal_is_counted():
    """Many networks at once: MOST_ENTRIES a minute, and the next entry stands for the rest."""
    clock = FakeClock()
    refusals = Refusals(clock)
    said = spread(refusals, clock, count=2 * MOST_SAID, minutes=3)
    assert len(said) == 3 * MOST_ENTRIES
    assert said[0] == 1
    assert sum(said) + refusals._over == 3 * 2 * MOST_SAID
    assert len(refusals._said) <= MOST_SAID


def test_a_source_that_goes_on_is_said_again_with_its_number():
    """Once a minute."""
    clock = FakeClock()
    refusals = Refusals(clock)
    for _ in range(5):
        refusals.note("192.0.2.7", "token")
    clock.advance(SAY_AGAIN_S)
    assert refusals.note("192.0.2.7", "token") == 5


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("rapina/banco", "rapina/banco"),
        ("", ""),
    ],
)
def test_a_source_is_named_by_its_place(source, where):
    """A mapped address is not everybody's; a device of ours is what it is called."""
    assert place(source) == where
