# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Second persons: one code, one request, one sign-in, five minutes, once."""

from dataclasses import replace

import pytest

from gateway.access.second import LASTS_S, MOST, MOST_EACH, Seconds
from gateway.model.registry import Role
from tests.fakes import FakeClock
from tests.unit.access.town import NOW, actor, wish

GLASS = {"break_glass": True, "reason": "rapina in corso"}
BERTA = replace(actor(), id="berta", session="s2", method="password")


def test_a_second_person_agrees_once_to_exactly_this():
    """Somebody else of the same house, within five minutes, for this request of this sign-in."""
    clock = FakeClock(1.0, NOW.utc_us)
    seconds = Seconds(clock)
    code = seconds.ask(wish()).code
    assert seconds.use(code, wish()) == ""
    strangers = (actor(), replace(BERTA, organisation="sala-cc"), replace(BERTA, role=Role.MACHINE))
    assert not any(seconds.agree(code, one) for one in strangers)
    assert seconds.about(code, BERTA) == wish()
    assert seconds.agree(code.lower(), BERTA)
    assert not seconds.agree(code, replace(BERTA, id="carla"))
    others = (wish("banco"), wish(case="x"), wish(**GLASS), wish(who=replace(actor(), session="y")))
    assert [seconds.use(code, one) for one in others] == [""] * 4
    assert seconds.use(code, wish()) == "berta"
    assert seconds.use(code, wish()) == ""
    old = seconds.ask(wish()).code
    seconds.agree(old, BERTA)
    clock.advance(LASTS_S)
    assert seconds.use(old, wish()) == ""


def test_the_certificate_of_a_desk_is_no_second_person():
    """Whoever asked could drop the cookie and go on as the account of the desk's certificate."""
    seconds = Seconds(FakeClock(1.0, NOW.utc_us))
    code = seconds.ask(wish()).code
    desk = replace(BERTA, id="banco-2", method="certificate", certificate_sha256="ab" * 32)
    assert seconds.about(code, desk) is None
    assert not seconds.agree(code, desk)
    assert seconds.agree(code, BERTA)


def test_codes_that_wait_are_few():
    """One person's codes are bounded; the oldest gives way."""
    seconds = Seconds(FakeClock(1.0, NOW.utc_us))
    codes = [seconds.ask(wish()).code for _ in range(MOST_EACH + 1)]
    assert [seconds.agree(code, BERTA) for code in codes] == [False] + [True] * MOST_EACH


def test_codes_of_all_that_wait_are_few():
    """Many people together are bounded too; what they push out is the oldest."""
    seconds = Seconds(FakeClock(1.0, NOW.utc_us))
    people = [replace(actor(), id=f"p{n}") for n in range(MOST + 1)]
    codes = [seconds.ask(wish(who=one)).code for one in people]
    assert seconds.about(codes[0], BERTA) is None
    assert all(seconds.about(code, BERTA) is not None for code in codes[1:])


@pytest.mark.parametrize("late_s", [LASTS_S - 1, LASTS_S])
def test_a_code_that_nobody_confirmed_expires(late_s):
    """The last second still counts, the end does not; the reply says when that is."""
    clock = FakeClock(1.0, NOW.utc_us)
    seconds = Seconds(clock)
    made = seconds.ask(wish())
    assert made.expires == clock.now().shifted(LASTS_S)
    clock.advance(late_s)
    assert seconds.agree(made.code, BERTA) is (late_s < LASTS_S)


def test_without_an_organisation_nobody_is_a_colleague():
    """Two accounts that belong to no house are not of the same house."""
    seconds = Seconds(FakeClock(1.0, NOW.utc_us))
    code = seconds.ask(wish(who=replace(actor(), organisation=""))).code
    assert not seconds.agree(code, replace(BERTA, organisation=""))
