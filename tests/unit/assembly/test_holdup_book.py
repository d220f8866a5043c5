# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.assembly.holdup_book."""

from gateway.assembly.holdup_book import (
    KEPT_US,
    MOST_TOKENS,
    Answered,
    Device,
    open_holdup_book,
)
from gateway.model.holdup import HoldupSource, Press, Verification


def _press(utc_us, alarm="al-1"):
    return Press("canale", alarm, HoldupSource.CONTACT, "uscita", utc_us, exercise=False)


async def test_tokens_survive_a_restart_and_are_bounded(tmp_path):
    """A device has one; there are no more than MOST_TOKENS devices."""
    async with open_holdup_book(tmp_path / "holdup.db") as book:
        for number in range(MOST_TOKENS):
            assert await book.put_token(f"{number:064x}", Device("canale", f"p{number}"), 1)
        assert not await book.put_token("f" * 64, Device("canale", "altro"), 1)
        assert await book.put_token("e" * 64, Device("canale", "p0"), 2)
    async with open_holdup_book(tmp_path / "holdup.db") as book:
        assert book.token("e" * 64) == Device("canale", "p0")
        assert book.token(f"{0:064x}") is None
        assert len(book.devices("canale")) == MOST_TOKENS
        assert not await book.drop_token(Device("canale", "altro"))


async def test_presses_are_of_a_period_and_go_when_no_report_asks_for_them(tmp_path):
    """From the first microsecond to before the last; the first answer of a centre counts."""
    async with open_holdup_book(tmp_path / "holdup.db") as book:
        for utc_us in (10, 20, 30):
            await book.note(_press(utc_us))
        assert [one.utc_us for one in await book.presses(10, 30)] == [10, 20]
        await book.answered("al-1", Answered(Verification.FALSE, "carla", 12))
        await book.answered("al-1", Answered(Verification.CONFIRMED, "carla", 13))
        assert (await book.answers())["al-1"].state is Verification.FALSE
        await book.note(_press(KEPT_US + 25))
        assert [one.utc_us for one in await book.presses(0, 1 << 60)] == [30, KEPT_US + 25]
        assert await book.answers() == {}
