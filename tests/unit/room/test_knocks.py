# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who is sent away: how often one is listened to, and what is told of it."""

import asyncio

from gateway.room.knocks import (
    MOST_KEPT,
    MOST_TOLD,
    MOST_WELCOME,
    WELCOME_S,
    Knocks,
    Refusal,
    Refusals,
    host_of,
)
from tests.line_parts import SOON_S


def test_an_address_that_fails_too_often_is_not_heard_for_a_minute():
    """Others are not meant; after the minute it may try again."""
    knocks = Knocks(most=3)
    for _ in range(3):
        assert knocks.may_knock("1.2.3.4", 100.0)
        knocks.failed("1.2.3.4", 100.0)
    assert not knocks.may_knock("1.2.3.4", 159.0)
    assert knocks.may_knock("1.2.3.5", 159.0)
    assert knocks.may_knock("1.2.3.4", 160.0)
    knocks.failed("1.2.3.4", 160.0)
    assert knocks.may_knock("1.2.3.4", 161.0)


def test_memory_of_addresses_is_bounded():
    """Ten thousand strangers are not remembered; the one heard of last is."""
    knocks = Knocks(most=1)
    for number in range(10_000):
        knocks.failed(str(number), 0.0)
    assert len(knocks._failures) == MOST_KEPT
    assert not knocks.may_knock("9999", 1.0)
    assert knocks.may_knock("0", 1.0)


def test_where_an_edge_was_known_failures_shut_nobody_out():
    """Ten minutes long; afterwards the address is like any other."""
    knocks = Knocks(most=3)
    knocks.welcomed("1.2.3.4", 100.0)
    for _ in range(3):
        knocks.failed("1.2.3.4", 99.0 + WELCOME_S)
        knocks.failed("1.2.3.5", 99.0 + WELCOME_S)
    assert knocks.may_knock("1.2.3.4", 99.0 + WELCOME_S)
    assert not knocks.may_knock("1.2.3.5", 99.0 + WELCOME_S)
    assert not knocks.may_knock("1.2.3.4", 100.0 + WELCOME_S)
    for number in range(MOST_WELCOME + 10):
        knocks.welcomed(str(number), 800.0)
    assert len(knocks._welcome) == MOST_WELCOME


def told(notes):
    """Return what is told of refusals noted at their times."""
    found = []

    async def tell(refusal):
        found.append(refusal)

    async def play():
        made = Refusals(tell)
        for refusal, at_s in notes:
            made.note(refusal, at_s)
        running = asyncio.create_task(made.run())
        async with asyncio.timeout(SOON_S):
            while made._queue:
                await asyncio.sleep(0)
        running.cancel()
        assert made.count == len(notes)

    asyncio.run(play())
    return found


def test_one_that_repeats_is_told_once_a_minute_with_its_number():
    """What is not told is counted with the next that is."""
    one = Refusal("1.2.3.4:5", "unknown", "words", "ab")
    again = Refusal("9.9.9.9:5", "unknown", "words", "ab")
    found = told([(one, 0.0), (again, 1.0), (again, 59.0), (one, 61.0)])
    assert [(refusal.address, refusal.unsaid) for refusal in found] == [
        ("1.2.3.4:5", 0),
        ("1.2.3.4:5", 2),
    ]


def test_different_ones_are_told_but_not_too_many():
    """A crowd of strangers fills no ledger: the first are told, the rest counted."""
    crowd = [(Refusal(f"1.2.{n >> 8}.{n & 255}:1", "handshake"), n * 0.001) for n in range(5000)]
    found = told([*crowd, (Refusal("8.8.8.8:1", "handshake"), 100.0)])
    assert len(found) == MOST_TOLD + 1
    assert found[-1].unsaid == 5000 - MOST_TOLD


def test_hosts_of_addresses():
    """Brackets of IPv6 go with the port."""
    assert host_of("1.2.3.4:5") == "1.2.3.4"
    assert host_of("[::1]:5") == "::1"
