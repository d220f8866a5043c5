# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.assembly.holdup_report; with a desk it is tried in test_holdup."""

from dataclasses import replace

from gateway.assembly.holdup_book import open_holdup_book
from gateway.assembly.holdup_report import WITHIN_S, ReportParts, report
from gateway.model.alarm import Alarm
from gateway.model.holdup import RULE, HoldupSource, Press, Verification
from gateway.relay.alarms.outbox import open_outbox
from tests.fakes import FakeClock
from tests.unit.access.shop import SHOP, VERIFIED, shop
from tests.unit.access.town import NOW

ALARM = Alarm("al-1", "banco", VERIFIED.id, RULE, 5, NOW, also=SHOP[1:], silent=True)


async def test_late_and_unanswered_are_told(tmp_path):
    """More than two seconds are not in time; a centre that said nothing is told as silence."""
    clock = FakeClock(NOW.monotonic_s, NOW.utc_us)
    town = shop(VERIFIED)
    async with (
        open_outbox(tmp_path / "alarms.db", clock=clock) as outbox,
        open_holdup_book(tmp_path / "holdup.db") as book,
    ):
        clock.advance(WITHIN_S + 0.5)
        plan = ((30.0, ("sala-pl",)), (210.0, ()))
        centre = [town.recipients["centrale"]]
        await outbox.raise_alarm(ALARM, recipients=centre, act="a", plan=plan)
        press = Press(VERIFIED.id, "al-1", HoldupSource.BUTTON, "b", NOW.utc_us, exercise=False)
        await book.note(press)
        await book.note(replace(press, alarm="al-gone"))
        parts = ReportParts(book, outbox, lambda: town)
        made = await report(parts, NOW.utc_us, NOW.utc_us + 1)
        (case,) = made.cases
        assert (case.verification, made.in_time) == (Verification.ASKED, False)
        assert made.to_room.p95_s == WITHIN_S + 0.5
        await outbox.escalate("al-1", 0, [town.recipients["sala-pl"]])
        (case,) = (await report(parts, NOW.utc_us, NOW.utc_us + 1)).cases
        assert case.verification is Verification.SILENT
