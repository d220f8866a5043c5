# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a recipient's people may look at together, on a clock that a test moves."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from gateway.assembly.allowance import Allowance
from gateway.model.errors import BusyError
from gateway.model.registry import Recipient, RecipientKind
from tests.fakes import FakeClock
from tests.whep_parts import grant

ROOM = Recipient("comune", "Sala PL", RecipientKind.ROOM, viewers_most=2, bandwidth_kbps=1000)


class Looks:
    """Looks of one recipient, each with bytes sent."""

    def __init__(self, recipient=ROOM):
        self.clock = FakeClock()
        self.registry = SimpleNamespace(recipients={recipient.id: recipient})
        self.allowance = Allowance(lambda: self.registry, self.clock)
        self.running = []

    def add(self):
        name = f"s{len(self.running)}"
        self.running.append(SimpleNamespace(session=name, grant=grant(), bytes=0))

    def pass_by(self, seconds, kbps):
        """Let time pass while each look gets that much."""
        for _ in range(seconds):
            self.clock.advance(1.0)
            for one in self.running:
                one.bytes += kbps * 125
            self.allowance.note(self.running)

    @property
    def is_over(self):
        return self.allowance.is_over(grant())

    def insist(self):
        with self.allowance.place(grant(), self.running):
            pass


def test_so_many_pictures_and_no_more():
    """The next one is refused, by the recipient's name; one that ended makes room."""
    looks = Looks()
    looks.add()
    looks.insist()
    looks.add()
    with pytest.raises(BusyError, match="Sala PL: 2 pictures"):
        looks.insist()
    looks.running.pop()
    looks.insist()


def test_what_is_about_to_begin_counts_as_well():
    """Many that are asked for at once are no way around; one that came to nothing makes room."""
    looks = Looks()
    looks.add()
    with looks.allowance.place(grant(), looks.running), pytest.raises(BusyError):
        looks.insist()
    with pytest.raises(ZeroDivisionError), looks.allowance.place(grant(), looks.running):
        raise ZeroDivisionError
    looks.insist()
    assert not looks.allowance._beginning


def test_a_recipient_over_its_bandwidth_gets_no_more_until_it_is_clearly_below():
    """One second more does not count, nor does one second less."""
    looks = Looks()
    looks.add()
    looks.pass_by(2, 0)
    looks.pass_by(1, 2000)
    assert not looks.is_over
    looks.pass_by(9, 2000)
    assert looks.is_over
    with pytest.raises(BusyError, match="of 1000 kbit/s"):
        looks.insist()
    looks.pass_by(20, 800)
    assert looks.is_over
    looks.pass_by(8, 300)
    assert looks.is_over
    looks.pass_by(12, 300)
    assert not looks.is_over
    looks.insist()


def test_others_and_those_without_a_bound_are_not_measured_against_it():
    """Nought is no bound; a look of an organisation that is no recipient has none."""
    looks = Looks(replace(ROOM, viewers_most=0, bandwidth_kbps=0))
    for _ in range(9):
        looks.add()
    looks.pass_by(10, 50_000)
    assert not looks.is_over
    looks.insist()
    other = Looks(replace(ROOM, id="questura"))
    for _ in range(3):
        other.add()
    other.pass_by(10, 50_000)
    assert not other.is_over
    other.insist()


def test_what_is_kept_ends_with_the_looks():
    """No counter of a look or recipient that is gone."""
    looks = Looks()
    looks.add()
    looks.pass_by(10, 5000)
    looks.running.clear()
    looks.pass_by(1, 0)
    assert not looks.allowance._shares
    assert not looks.allowance._bytes
