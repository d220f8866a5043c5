# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Local users: signing in, guessing, staying, leaving."""

import asyncio
from dataclasses import replace

import pytest
from argon2 import PasswordHasher

from gateway.access.identity import Accounts, SignInLimits, hash_password
from gateway.model.audit import LedgerReceipt
from gateway.model.errors import LedgerError
from gateway.model.registry import Role
from tests.fakes import FakeClock
from tests.unit.access.town import registry, with_user

CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
GOOD = "molto segreta"
PHC = CHEAP.hash(GOOD)
LIMITS = SignInLimits()
IP = "192.0.2.7"


class Desk:
    """Accounts with everything they ask."""

    def __init__(self, limits=LIMITS):
        self.clock = FakeClock()
        self.registry = with_user(registry(), "anna", password_hash=PHC)
        self.registry = with_user(self.registry, "bruno", password_hash=PHC, enabled=False)
        self.registry = with_user(self.registry, "carla")
        self.events = []
        self.refuses = False
        self.accounts = Accounts(
            lambda: self.registry, self.clock, self, limits=limits, hasher=CHEAP
        )

    async def append(self, event):
        if self.refuses:
            raise LedgerError("disk full")
        self.events.append(event)
        return LedgerReceipt(len(self.events) - 1, "id", 0)

    def names(self):
        return [one.event for one in self.events]

    async def sign_in(self, user="anna", password=GOOD, ip=IP):
        return await self.accounts.sign_in(user, password, ip)


@pytest.fixture
async def desk():
    return Desk()


async def test_the_right_password(desk):
    """Name and password give a token that stands for the person, and an entry."""
    sign_in = await desk.sign_in()
    who = desk.accounts.resolve(sign_in.token)
    assert who == sign_in.actor
    assert (who.id, who.role, who.organisation) == ("anna", Role.PL_OPERATOR, "sala-pl")
    assert (who.method, who.source_ip) == ("password", IP)
    assert desk.names() == ["auth.login"]
    assert desk.events[0].session_id == who.session != sign_in.token


@pytest.mark.parametrize(
    ("user", "password", "error", "actor"),
    [
        ("anna", "wrong", "wrong-password", "anna"),
        ("anna", "", "wrong-password", "anna"),
        ("bruno", GOOD, "account-unusable", "bruno"),
        ("carla", GOOD, "account-unusable", "carla"),
        ("carla", "", "account-unusable", "carla"),
        (GOOD, GOOD, "unknown-user", ""),
        ("\ud800", "\ud800", "unknown-user", ""),
    ],
)
async def test_everything_else(desk, user, password, error, actor):
    """A wrong password, a closed account, one without password, a stranger: none gets in.

    What a stranger typed as a name is not written down: it may be a password.
    """
    assert await desk.sign_in(user, password) is None
    (event,) = desk.events
    assert (event.event, event.result, event.error) == ("auth.fail", "denied", error)
    assert (event.actor_id, event.src_ip) == (actor, IP)


class Counting(PasswordHasher):
    """Counts how often it verifies."""

    __slots__ = ("verified",)

    def verify(self, phc, password):
        self.verified += 1
        return super().verify(phc, password)


async def test_strangers_cost_as_much_as_typing_errors(desk):
    """One hash is verified per attempt, whoever it is about."""
    hasher = Counting(time_cost=1, memory_cost=64, parallelism=1)
    accounts = Accounts(lambda: desk.registry, desk.clock, desk, hasher=hasher)
    for user in ("anna", "bruno", "carla", "nobody"):
        hasher.verified = 0
        assert await accounts.sign_in(user, "wrong", IP) is None
        assert hasher.verified == 1


async def test_the_token_is_not_kept(desk):
    """Nothing in memory or in a printed sign-in shows the token."""
    sign_in = await desk.sign_in()
    assert sign_in.token not in repr(sign_in)
    assert sign_in.token not in repr(vars(desk.accounts))
    assert PHC not in repr(vars(desk.accounts))


async def test_five_failures_lock_name_and_address(desk):
    """After five wrong passwords even the right one waits; others are not affected."""
    for _ in range(LIMITS.failures):
        assert await desk.sign_in(password="wrong") is None
    assert desk.names() == ["auth.fail"] * 5 + ["auth.lock"]
    assert await desk.sign_in() is None
    assert await desk.sign_in(ip="192.0.2.8") is not None
    desk.clock.advance(LIMITS.first_lock_s)
    assert await desk.sign_in() is not None


async def test_locks_grow_up_to_a_bound(desk):
    """Each failure after a lock doubles the next, up to an hour."""
    for _ in range(LIMITS.failures - 1):
        await desk.sign_in(password="wrong")
    waits = []
    for _ in range(10):
        await desk.sign_in(password="wrong")
        wait_s = 0
        while desk.accounts._locked(("anna", IP)):
            desk.clock.advance(30)
            wait_s += 30
        waits.append(wait_s)
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


async def test_success_forgives(desk):
    """A right password starts the count anew."""
    for _ in range(3):
        for _ in range(LIMITS.failures - 1):
            await desk.sign_in(password="wrong")
        assert await desk.sign_in() is not None


async def test_many_names_from_one_address(desk):
    """Trying many names locks the address, and a locked address fills no ledger."""
    for n in range(LIMITS.address_failures):
        await desk.sign_in(f"user-{n}", "wrong")
    before = len(desk.events)
    for n in range(50):
        assert await desk.sign_in(f"other-{n}", "wrong") is None
    assert len(desk.events) == before
    assert desk.names()[-1] == "auth.lock"


async def test_what_is_remembered_of_failures_is_bounded():
    """However many names and addresses knock, the table does not grow past its bound."""
    desk = Desk(replace(LIMITS, most_remembered=10))
    for n in range(30):
        await desk.sign_in("anna", "wrong", f"192.0.2.{n}")
    assert len(desk.accounts._failures) == 10


async def test_too_many_at_once_are_turned_away():
    """Sign-ins beyond what the box can verify are refused unread; long passwords too."""
    desk = Desk(replace(LIMITS, most_verifying=3))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(desk.sign_in()) for _ in range(10)]
    assert sum(task.result() is not None for task in tasks) == 3
    assert await desk.sign_in(password="x" * 2000) is None
    assert desk.names() == ["auth.login"] * 3


async def test_guesses_side_by_side_do_not_outrun_the_lock(desk):
    """A right guess among many parallel wrong ones does not get in once they have locked."""
    async with asyncio.TaskGroup() as group:
        for _ in range(LIMITS.failures):
            group.create_task(desk.sign_in(password="wrong"))
        late = group.create_task(desk.sign_in())
    assert len(desk.events) >= LIMITS.failures
    assert late.result() is None or desk.names().index("auth.login") < LIMITS.failures


@pytest.mark.parametrize("limit", ["idle_s", "absolute_s"])
async def test_a_sign_in_ends(desk, limit):
    """Idle for an hour, or twelve hours old however busy: the token is worth nothing."""
    sign_in = await desk.sign_in()
    step_s = LIMITS.idle_s - 1
    if limit == "idle_s":
        desk.clock.advance(LIMITS.idle_s)
    else:
        for _ in range(int(LIMITS.absolute_s // step_s)):
            desk.clock.advance(step_s)
            assert desk.accounts.resolve(sign_in.token) is not None
        desk.clock.advance(step_s)
    assert desk.accounts.resolve(sign_in.token) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"enabled": False},
        {"role": Role.DPO},
        {"organisation": "istituto"},
        {"password_hash": CHEAP.hash("new")},
        None,
    ],
)
async def test_a_changed_account_signs_its_owner_out(desk, changes):
    """Switching off, another role or house, a new password, deletion: the token stops working."""
    sign_in = await desk.sign_in()
    users = dict(desk.registry.users)
    if changes is None:
        del users["anna"]
    else:
        users["anna"] = replace(users["anna"], **changes)
    desk.registry = replace(desk.registry, users=users)
    assert desk.accounts.resolve(sign_in.token) is None


async def test_sessions_are_bounded():
    """The oldest of a user's sign-ins gives way, then the longest idle of the box."""
    desk = Desk(replace(LIMITS, most_per_user=2, most_sessions=3))
    desk.registry = with_user(desk.registry, "dario", password_hash=PHC)
    anna = [(await desk.sign_in()).token for _ in range(3)]
    assert [desk.accounts.resolve(one) is not None for one in anna] == [False, True, True]
    dario = [(await desk.sign_in("dario")).token for _ in range(2)]
    alive = [desk.accounts.resolve(one) is not None for one in (*anna, *dario)]
    assert alive == [False, False, True, True, True]


async def test_signing_out(desk):
    """Leaving ends the token and is written once; unknown tokens are ignored."""
    sign_in = await desk.sign_in()
    await desk.accounts.sign_out("unknown")
    await desk.accounts.sign_out(sign_in.token)
    await desk.accounts.sign_out(sign_in.token)
    assert desk.accounts.resolve(sign_in.token) is None
    assert desk.names() == ["auth.login", "auth.logout"]


async def test_nobody_signs_in_unseen(desk):
    """Without a ledger there is no sign-in."""
    desk.refuses = True
    with pytest.raises(LedgerError):
        await desk.sign_in()
    assert not desk.accounts._sessions


def test_hashes_are_argon2id():
    """Stored passwords are argon2id with at least the memory that RFC 9106 asks for."""
    phc = hash_password(GOOD)
    assert phc.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert PasswordHasher().verify(phc, GOOD)


async def test_whether_a_sign_in_lasts(desk):
    """It lasts until sign-out, a new password, or its time; asking does not make it longer."""
    first, second = await desk.sign_in(), await desk.sign_in()
    assert desk.accounts.is_signed_in(first.actor)
    await desk.accounts.sign_out(first.token)
    assert not desk.accounts.is_signed_in(first.actor)
    assert desk.accounts.is_signed_in(second.actor)
    desk.clock.advance(LIMITS.idle_s - 1)
    assert desk.accounts.is_signed_in(second.actor)
    desk.clock.advance(1)
    assert not desk.accounts.is_signed_in(second.actor)
    third = await desk.sign_in()
    desk.registry = with_user(desk.registry, "anna", password_hash=CHEAP.hash("un'altra parola"))
    assert not desk.accounts.is_signed_in(third.actor)
    assert desk.accounts.is_signed_in(replace(third.actor, method="peercred"))


async def test_a_sign_in_that_gave_way_does_not_last(desk):
    """The oldest of too many is over for its live pictures too."""
    made = [await desk.sign_in() for _ in range(LIMITS.most_per_user + 1)]
    assert not desk.accounts.is_signed_in(made[0].actor)
    assert all(desk.accounts.is_signed_in(one.actor) for one in made[1:])


async def test_guesses_from_one_ipv6_network_count_together(desk):
    """A host owns 2^64 addresses: another one of its network does not begin anew."""
    for n in range(LIMITS.failures):
        await desk.sign_in(password="sbagliata", ip=f"2001:db8:0:1::{n:x}")
    assert await desk.sign_in(ip="2001:db8:0:1::ffff") is None
    assert await desk.sign_in(ip="2001:db8:0:2::1") is not None
    assert desk.events[0].src_ip == "2001:db8:0:1::0"
