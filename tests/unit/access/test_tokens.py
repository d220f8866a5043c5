# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Short tokens: one look, soon, at one camera, under a sign-in that lasts."""

import pytest

from gateway.access.tokens import Ticket, TokenLimits, Tokens
from gateway.model.access import Purpose
from gateway.model.audit import LedgerReceipt
from gateway.model.errors import LedgerError
from tests.fakes import FakeClock
from tests.unit.access.town import actor, registry


class Desk:
    """Tokens with everything they ask."""

    def __init__(self, limits=None):
        self.clock = FakeClock()
        self.events = []
        self.gone = set()
        self.refuses = False
        self.tokens = Tokens(
            self.clock, self, registry, lambda one: one.session not in self.gone, limits
        )

    async def append(self, event):
        if self.refuses:
            raise LedgerError("disk full")
        self.events.append(event)
        return LedgerReceipt(0, "id", 0)

    async def issue(self, camera="piazza", **more):
        ticket = Ticket(actor(**more), camera, Purpose.SERVICE, "OdS 4", "perché")
        return (await self.tokens.issue(ticket)).token


@pytest.fixture
def desk():
    return Desk()


async def test_a_token_opens_one_look_once(desk):
    """What was asked with it comes back, with whoever asked; the second time nothing does."""
    token = await desk.issue()
    ticket = desk.tokens.redeem(token, "piazza")
    assert (ticket.actor.id, ticket.camera, ticket.purpose) == ("anna", "piazza", Purpose.SERVICE)
    assert (ticket.case, ticket.reason) == ("OdS 4", "perché")
    assert desk.tokens.redeem(token, "piazza") is None


async def test_issuing_is_written_down(desk):
    """The entry says who, which camera and why, and never the token."""
    token = await desk.issue(source_ip="192.0.2.1", acr="mfa", workstation="CN=desk")
    (event,) = desk.events
    assert (event.event, event.object_id, event.purpose_code) == (
        "token.issue",
        "piazza",
        "servizio",
    )
    assert (event.actor_id, event.case_ref, event.acr) == ("anna", "OdS 4", "mfa")
    assert (event.controller, event.workstation) == ("comune", "CN=desk")
    assert token not in repr(event)


async def test_no_entry_no_token(desk):
    """Fail closed."""
    desk.refuses = True
    with pytest.raises(LedgerError):
        await desk.issue()
    assert len(desk.tokens) == 0


@pytest.mark.parametrize("late_s", [59.9, 60.0])
async def test_it_has_to_begin_within_a_minute(desk, late_s):
    """Sixty seconds later it is worth nothing."""
    token = await desk.issue()
    desk.clock.advance(late_s)
    assert (desk.tokens.redeem(token, "piazza") is None) is (late_s >= 60)


async def test_at_another_camera_it_is_spent(desk):
    """Nobody tries doors with a token."""
    token = await desk.issue()
    assert desk.tokens.redeem(token, "banco") is None
    assert desk.tokens.redeem(token, "piazza") is None


@pytest.mark.parametrize("token", ["", "vw1-", "vw1-" + "A" * 43, "\ud800", "x" * 100_000])
async def test_guesses_are_nothing(desk, token):
    """Unknown tokens open nothing and spend nothing."""
    good = await desk.issue()
    assert desk.tokens.redeem(token, "piazza") is None
    assert desk.tokens.holder(token, "s") is None
    assert desk.tokens.redeem(good, "piazza") is not None


async def test_it_dies_with_the_sign_in(desk):
    """Before it is used and after."""
    waiting, used = await desk.issue(), await desk.issue()
    ticket = desk.tokens.redeem(used, "piazza")
    desk.tokens.began(used, ticket.actor, "w1")
    assert desk.tokens.holder(used, "w1") == ticket.actor
    desk.gone.add("s1")
    assert desk.tokens.redeem(waiting, "piazza") is None
    assert desk.tokens.holder(used, "w1") is None


async def test_a_used_token_speaks_for_its_own_session_only(desk):
    """Not for another one, and not as a token any more."""
    token = await desk.issue()
    ticket = desk.tokens.redeem(token, "piazza")
    assert desk.tokens.holder(token, "") is None
    desk.tokens.began(token, ticket.actor, "w1")
    desk.clock.advance(3_600)
    assert desk.tokens.holder(token, "w1") is not None
    assert desk.tokens.holder(token, "w2") is None
    assert desk.tokens.redeem(token, "piazza") is None


async def test_tokens_are_not_kept(desk):
    """Memory holds digests."""
    token = await desk.issue()
    assert token not in repr(desk.tokens._kept)
    assert token.removeprefix("vw1-") not in repr(desk.tokens._kept)


async def test_memory_is_bounded():
    """By sign-in and in all; what is over goes first."""
    desk = Desk(TokenLimits(most=3, most_waiting=2))
    first = [await desk.issue() for _ in range(3)]
    assert desk.tokens.redeem(first[0], "piazza") is None
    assert len(desk.tokens) == 2
    desk.clock.advance(60)
    await desk.issue()
    assert len(desk.tokens) == 1
    for n in range(5):
        desk.tokens.began(f"t{n}", actor(), f"w{n}")
    assert len(desk.tokens) <= 3
