# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Forgeries are such that verification finds them, and never of the original."""

import asyncio

import pytest

from gateway.audit.verify import verify
from gateway.simulator import forgery
from tests.unit.audit.logbook import PUBLIC, event, opened, write


@pytest.fixture
def ledger(tmp_path):
    """A log of five entries."""
    write(tmp_path / "original.db", [5])
    return tmp_path / "original.db"


@pytest.mark.parametrize(("told", "seq"), [(None, 2), (0, 0), (4, 4)])
def test_the_forgery_is_one_that_verification_finds(ledger, tmp_path, told, seq):
    """The copy differs in one bit of one entry, the original stays sound."""
    copy = forgery.copied(ledger, tmp_path)
    assert verify(copy, PUBLIC).ok
    assert forgery.flip(copy, told) == seq
    assert verify(ledger, PUBLIC).ok
    report = verify(copy, PUBLIC)
    assert (report.ok, report.first_bad) == (False, seq)


async def test_a_ledger_in_use_is_copied_whole(tmp_path):
    """With what its writer has not moved into the main file yet; the writer goes on."""
    path = tmp_path / "original.db"
    async with opened(path) as ledger:
        for n in range(5):
            await ledger.append(event(n))
        copy = await asyncio.to_thread(forgery.copied, path, tmp_path)
        assert await asyncio.to_thread(forgery.flip, copy) == 2
        await ledger.append(event(5))
    assert (verify(path, PUBLIC).ok, verify(path, PUBLIC).size) == (True, 6)
    report = verify(copy, PUBLIC)
    assert (report.ok, report.size, report.first_bad) == (False, 5, 2)


def test_a_bit_flipped_back_is_sound_again(ledger, tmp_path):
    """Nothing but that one bit is altered."""
    copy = forgery.copied(ledger, tmp_path)
    forgery.flip(copy, 3)
    assert verify(copy, PUBLIC).first_bad == 3
    forgery.flip(copy, 3)
    assert verify(copy, PUBLIC).ok
