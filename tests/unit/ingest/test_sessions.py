# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import random
from contextlib import AsyncExitStack

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.ingest.sessions import Budget, Budgets, Priority, SessionLimit


def limit(most, name="NVR ingresso"):
    return SessionLimit("nvr", name, most)


def granted(*claims):
    return [claim.granted.is_set() and not claim.revoked.is_set() for claim in claims]


async def test_no_more_sessions_are_granted_than_the_device_serves():
    """Who comes third waits until one of the first two has ended."""
    budget = Budget(limit(2))
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(budget.claim("a", Priority.CONTINUOUS))
        async with budget.claim("b", Priority.CONTINUOUS) as second:
            third = await stack.enter_async_context(budget.claim("c", Priority.CONTINUOUS))
            assert granted(first, second, third) == [True, True, False]
            assert not first.revoked.is_set()
        assert granted(first, third) == [True, True]
    assert budget.held == 0


async def test_what_matters_more_takes_a_session_only_when_it_has_been_given_up():
    """A wall gives way to an incident; for an instant there is none too many."""
    budget = Budget(limit(1))
    async with AsyncExitStack() as stack:
        incident = None
        async with budget.claim("wall", Priority.WALL) as wall:
            incident = await stack.enter_async_context(budget.claim("alarm", Priority.INCIDENT))
            assert wall.revoked.is_set()
            assert not incident.granted.is_set()
            assert budget.held == 1
        assert incident.granted.is_set()


async def test_equals_do_not_push_each_other_out():
    """Who has a session keeps it against somebody of the same rank."""
    budget = Budget(limit(1))
    async with (
        budget.claim("a", Priority.GUARD) as first,
        budget.claim("b", Priority.GUARD) as late,
    ):
        assert granted(first, late) == [True, False]
        budget.weigh(late, Priority.INCIDENT)
        assert granted(first, late) == [False, False]
        budget.weigh(late, Priority.INCIDENT)
        assert budget.held == 1


async def test_an_unknown_limit_is_no_limit():
    """Nobody waits at a device of which nothing is known."""
    budget = Budget(limit(0))
    async with AsyncExitStack() as stack:
        claims = [
            await stack.enter_async_context(budget.claim(str(n), Priority.WALL)) for n in range(50)
        ]
        assert all(granted(*claims))


async def test_a_smaller_limit_ends_what_matters_least():
    """The registry changes while streams run."""
    budgets = Budgets()
    budget = budgets.of(limit(3))
    async with (
        budget.claim("wall", Priority.WALL) as wall,
        budget.claim("guard", Priority.GUARD) as guard,
        budget.claim("more", Priority.CONTINUOUS) as more,
    ):
        assert all(granted(wall, guard, more))
        assert budgets.of(limit(2)) is budget
        assert granted(wall, guard, more) == [False, True, True]


async def test_a_timid_claim_takes_what_is_free_and_displaces_nobody():
    """Until it is timid no more, or an incident: then it goes first as its priority says."""
    budget = Budget(limit(1))
    async with AsyncExitStack() as stack:
        timid = await stack.enter_async_context(budget.claim("t", Priority.GUARD, timid=True))
        assert granted(timid) == [True]
    async with AsyncExitStack() as stack:
        async with budget.claim("wall", Priority.WALL) as wall:
            timid = await stack.enter_async_context(budget.claim("t", Priority.GUARD, timid=True))
            assert granted(wall, timid) == [True, False]
            budget.weigh(timid, Priority.GUARD, timid=True)
            assert granted(wall, timid) == [True, False]
            budget.weigh(timid, Priority.INCIDENT, timid=True)
            assert wall.revoked.is_set()
        assert granted(timid) == [True]
    async with (
        budget.claim("wall", Priority.WALL) as wall,
        budget.claim("t", Priority.GUARD, timid=True) as timid,
    ):
        budget.weigh(timid, Priority.GUARD, timid=False)
        assert wall.revoked.is_set()


async def test_a_device_that_left_is_forgotten_when_nobody_claims_anything_of_it():
    """Months of changing recorders leave nothing behind."""
    budgets = Budgets()
    budget = budgets.of(limit(2))
    async with budget.claim("a", Priority.WALL):
        budgets.keep(())
        assert budgets.of(limit(2)) is budget
    budgets.keep({"nvr"})
    assert budgets.of(limit(2)) is budget
    budgets.keep(())
    assert budgets.of(limit(2)) is not budget


def test_the_words_name_number_and_recorder():
    """An installer reads why a picture is missing."""
    assert limit(4).words == "limit of 4 sessions of recorder NVR ingresso reached"
    assert Budgets().of(None) is None


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), most=st.integers(1, 5))
async def test_whatever_comes_and_goes_the_limit_holds_and_nobody_is_forgotten(seed, most):
    """Claims come, change weight, obey and leave at random; free sessions never stay unused."""
    draw, budget, open_ = random.Random(seed), Budget(limit(most)), {}
    for step in range(120):
        what = draw.random()
        if what < 0.4 or not open_:
            timid = draw.random() < 0.3
            context = budget.claim(str(step), draw.choice(list(Priority)), timid=timid)
            open_[step] = (context, await context.__aenter__())
        elif what < 0.6:
            budget.weigh(draw.choice(list(open_.values()))[1], draw.choice(list(Priority)))
        else:
            revoked = [k for k, (_, claim) in open_.items() if claim.revoked.is_set()]
            context, _ = open_.pop(draw.choice(revoked or list(open_)))
            await context.__aexit__(None, None, None)
        claims = [claim for _, claim in open_.values()]
        held = [one for one in claims if one.granted.is_set()]
        assert len(held) == budget.held <= most
        assert len(held) == min(most, len(claims))
    for context, _ in open_.values():
        await context.__aexit__(None, None, None)
