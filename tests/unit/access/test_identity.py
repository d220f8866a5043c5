# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Local users: signing in, guessing, staying, leaving."""

import asyncio
from dataclasses import replace

import pyotp
import pytest
from argon2 import PasswordHasher

from gateway.access.identity import Accounts, SignInLimits, Spent, hash_password
from gateway.model.audit import LedgerReceipt
from gateway.model.errors import LedgerError, SecondFactorNeededError, StoreError
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
        while desk.accounts._failures.is_locked(("anna", IP)):
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
            desk.accounts.seen(sign_in.token)
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


SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code_at(desk, shift=0, secret=SECRET):
    """Return the code of a device, some steps from now."""
    return pyotp.TOTP(secret).generate_otp(desk.clock.now().utc_us // 30_000_000 + shift)


class WithDevices(Desk):
    """Accounts that can enrol; `anna` may have a device already."""

    def __init__(self, **anna):
        super().__init__()
        self.registry = with_user(self.registry, "anna", password_hash=PHC, **anna)
        self.accounts = Accounts(
            lambda: self.registry, self.clock, self, hasher=CHEAP, set_totp=self.set_totp
        )
        self.stored = []

    async def set_totp(self, user, secret):
        self.stored.append((user, secret))
        kept = replace(self.registry.users[user], totp_secret=secret)
        self.registry = replace(self.registry, users=self.registry.users | {user: kept})

    async def with_code(self, code, user="anna", password=GOOD, ip=IP):
        return await self.accounts.sign_in(user, password, ip, code)


@pytest.fixture
async def devices():
    return WithDevices(totp_secret=SECRET)


async def test_password_and_code(devices):
    """The password alone is told that a code is due; with the code the level is `mfa`."""
    with pytest.raises(SecondFactorNeededError):
        await devices.sign_in()
    assert devices.names() == []
    sign_in = await devices.with_code(code_at(devices))
    assert devices.accounts.resolve(sign_in.token).acr == "mfa"
    assert devices.events[-1].acr == "mfa"


async def test_a_used_code_stays_used_over_a_restart(devices):
    """What was taken is kept before the sign-in counts; what cannot be kept is not taken."""
    kept = {}

    async def keep(user, step):
        kept[user] = step

    def restarted(keep=keep):
        made = Accounts(lambda: devices.registry, devices.clock, devices, hasher=CHEAP)
        made.spent = Spent(kept, keep)
        return made

    code = code_at(devices)
    devices.accounts = restarted()
    assert await devices.with_code(code) is not None
    assert kept == {"anna": devices.clock.utc_us // 30_000_000}
    for _ in range(4):
        devices.accounts = restarted()
        assert await devices.with_code(code) is None
        devices.clock.advance(20)
    assert SECRET not in str(kept)

    async def full(user, step):
        raise StoreError("disk full")

    devices.accounts = restarted(full)
    before = len(devices.events)
    with pytest.raises(LedgerError, match="disk full"):
        await devices.with_code(code_at(devices))
    assert len(devices.events) == before
    assert await devices.with_code(code_at(devices)) is None


def test_a_step_of_a_future_that_never_was_locks_nobody_out():
    """A clock that was set back: the very step stays used, others are taken."""
    spent = Spent({"anna": 10_000})
    assert not spent.is_new("anna", 10_000, 100 * 30)
    assert spent.is_new("anna", 100, 100 * 30)
    assert not spent.is_new("anna", 9_999, 9_999 * 30)
    assert spent.is_new("anna", 10_001, 10_000 * 30)


async def test_a_wrong_password_hears_nothing_of_codes(devices):
    """Whether there is a device is told to whoever knows the password, to nobody else."""
    assert await devices.sign_in(password="wrong") is None
    assert await devices.with_code(code_at(devices), password="wrong") is None
    assert devices.names() == ["auth.fail"] * 2


async def test_a_code_counts_once(devices):
    """Replayed at once, in parallel, or after the next one: refused."""
    code = code_at(devices)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(devices.with_code(code)) for _ in range(3)]
    assert sum(task.result() is not None for task in tasks) == 1
    older = code_at(devices, -1)
    assert await devices.with_code(older) is None
    assert devices.names().count("mfa.fail") == 3
    assert devices.events[-1].error == "wrong-code"
    devices.clock.advance(30)
    assert await devices.with_code(code_at(devices)) is not None


async def test_guessing_codes_locks_from_wherever(devices):
    """Five wrong codes of a person, each from another address: codes wait, even the right one."""
    for n in range(LIMITS.code_failures):
        assert await devices.with_code("000000", ip=f"198.51.100.{n}") is None
    assert devices.names()[-1] == "auth.lock"
    assert await devices.with_code(code_at(devices), ip="198.51.100.99") is None
    devices.clock.advance(LIMITS.first_lock_s)
    assert await devices.with_code(code_at(devices), ip="198.51.100.99") is not None


async def test_others_cannot_push_the_lock_out(devices):
    """Failures of thousands of names elsewhere do not make the count of codes forgotten."""
    for n in range(LIMITS.code_failures):
        await devices.with_code("000000", ip=f"198.51.100.{n}")
    for n in range(LIMITS.most_remembered + 10):
        devices.accounts._failures.count((f"x{n}", "y"), 5)
    assert await devices.with_code(code_at(devices), ip="198.51.100.99") is None


async def test_wrong_codes_count_as_wrong_passwords_too(devices):
    """Name and address are locked for passwords as well; a missing code forgives nothing."""
    for _ in range(LIMITS.failures - 1):
        assert await devices.sign_in(password="wrong") is None
    with pytest.raises(SecondFactorNeededError):
        await devices.sign_in()
    assert await devices.with_code("000000") is None
    assert await devices.with_code(code_at(devices)) is None
    assert devices.names()[-1] == "auth.lock"


async def test_whoever_must_have_a_device_can_only_enrol_one():
    """A restricted sign-in is nobody: no page, no Grant; after the code it is a full one."""
    desk = WithDevices(second_factor=True)
    sign_in = await desk.sign_in()
    assert sign_in.restricted
    assert desk.events[-1].error == "enrol-only"
    assert desk.accounts.resolve(sign_in.token) is None
    assert not desk.accounts.is_signed_in(sign_in.actor)
    assert desk.accounts.resolve_enrolling(sign_in.token) == sign_in.actor
    shown = desk.accounts.enrol(sign_in.token, "Nord")
    assert await desk.accounts.confirm(sign_in.token, "000000") is None
    assert desk.stored == []
    full = await desk.accounts.confirm(sign_in.token, code_at(desk, secret=shown.secret))
    assert desk.stored == [("anna", shown.secret)]
    assert desk.accounts.resolve_enrolling(sign_in.token) is None  # fixation
    assert desk.accounts.resolve(full.token).acr == "mfa"
    assert desk.accounts.is_signed_in(full.actor)
    assert desk.names() == ["auth.login", "mfa.fail", "mfa.enrol"]
    assert shown.secret not in repr(desk.events) + repr(vars(desk.accounts))


async def test_enrolling_by_ones_own_wish():
    """The sign-in goes on under its token; the account's other ones end; its code is spent."""
    desk = WithDevices()
    here, there = await desk.sign_in(), await desk.sign_in()
    desk.accounts.enrol(here.token, "Nord")
    shown = desk.accounts.enrol(here.token, "Nord")
    code = code_at(desk, secret=shown.secret)
    full = await desk.accounts.confirm(here.token, code)
    assert full.token == here.token
    assert desk.accounts.resolve(here.token).acr == "mfa"
    assert desk.accounts.resolve(there.token) is None
    assert await desk.with_code(code) is None


async def test_a_device_is_not_replaced_by_a_sign_in(devices):
    """A stolen session does not take the account over: only an administrator resets."""
    sign_in = await devices.with_code(code_at(devices))
    assert devices.accounts.enrol(sign_in.token, "Nord") is None
    assert await devices.accounts.confirm(sign_in.token, code_at(devices, 1)) is None
    await devices.set_totp("anna", "")
    assert devices.accounts.resolve(sign_in.token) is None
    assert (await devices.sign_in()).actor.acr == ""


@pytest.mark.parametrize("token", ["", "x", "\ud800"])
async def test_nobody_enrols_nothing(devices, token):
    """Without a sign-in there is no secret to be had."""
    assert devices.accounts.enrol(token, "Nord") is None
    assert await devices.accounts.confirm(token, "000000") is None


async def test_codes_are_guessed_no_faster_by_enrolling():
    """Confirming is locked like signing in; nothing is stored without the ledger."""
    desk = WithDevices(second_factor=True)
    sign_in = await desk.sign_in()
    shown = desk.accounts.enrol(sign_in.token, "Nord")
    for _ in range(LIMITS.code_failures):
        await desk.accounts.confirm(sign_in.token, "000000")
    assert await desk.accounts.confirm(sign_in.token, code_at(desk, secret=shown.secret)) is None
    desk.clock.advance(LIMITS.first_lock_s)
    desk.refuses = True
    with pytest.raises(LedgerError):
        await desk.accounts.confirm(sign_in.token, code_at(desk, secret=shown.secret))
    assert desk.stored == []
    assert desk.accounts.resolve(sign_in.token) is None


async def test_asking_keeps_nothing_awake(desk):
    """An open page asks all the time; only what a person does counts."""
    sign_in = await desk.sign_in()
    for _ in range(4):
        desk.clock.advance(LIMITS.idle_s / 4)
        alive = desk.accounts.resolve(sign_in.token)
    assert alive is None
    other = await desk.sign_in()
    for _ in range(4):
        desk.clock.advance(LIMITS.idle_s / 2)
        desk.accounts.seen(other.token)
    assert desk.accounts.resolve(other.token) is not None
    desk.accounts.seen("unknown")


SUBJECT = "https://id.example|4711"


async def test_by_provider(desk):
    """The account that is bound to `issuer|sub` is signed in with its level; no password needed."""
    desk.registry = with_user(desk.registry, "elsa", oidc_subject=SUBJECT)
    sign_in = await desk.accounts.sign_in_by_provider(SUBJECT, "L2", IP)
    who = desk.accounts.resolve(sign_in.token)
    assert (who.id, who.method, who.acr) == ("elsa", "oidc", "L2")
    assert (desk.events[0].event, desk.events[0].acr) == ("auth.login", "L2")
    assert desk.accounts.is_signed_in(who)
    assert desk.accounts.enrol(sign_in.token, "Nord") is None
    desk.registry = with_user(desk.registry, "elsa", oidc_subject=SUBJECT + "2")
    assert desk.accounts.resolve(sign_in.token) is None


@pytest.mark.parametrize(
    ("accounts", "error"),
    [
        ([], "unknown-subject"),
        ([("elsa", {"enabled": False})], "account-unusable"),
        ([("elsa", {}), ("elsa2", {})], "unknown-subject"),
    ],
)
async def test_nobody_is_made_up(desk, accounts, error):
    """No account, a closed one, or two of them: refused, and written down without the subject."""
    for user, more in accounts:
        desk.registry = with_user(desk.registry, user, oidc_subject=SUBJECT, **more)
    assert await desk.accounts.sign_in_by_provider(SUBJECT, "L2", IP) is None
    (event,) = desk.events
    assert (event.event, event.error, event.auth_method) == ("auth.fail", error, "oidc")
    assert "4711" not in repr(event)
    assert await desk.accounts.sign_in_by_provider("", "", IP) is None


async def test_a_provider_that_asks_for_no_second_factor_is_not_enough_for_all(desk):
    """Who needs one comes in only where the provider asked for it; the refusal is written."""
    desk.registry = with_user(desk.registry, "elsa", oidc_subject=SUBJECT, second_factor=True)
    with pytest.raises(SecondFactorNeededError):
        await desk.accounts.sign_in_by_provider(SUBJECT, "0", IP)
    (event,) = desk.events
    assert (event.event, event.error) == ("auth.fail", "second-factor-missing")
    assert await desk.accounts.sign_in_by_provider(SUBJECT, "0", IP, strong=True) is not None


async def test_certificates_are_asked_for_each_time(desk):
    """A machine is signed in as long as the registry knows its fingerprint."""
    desk.registry = with_user(desk.registry, "nodo", Role.MACHINE, certificate_sha256="ab" * 32)
    who = desk.accounts.by_certificate("ab" * 32, "CN=nodo", IP)
    assert desk.accounts.is_signed_in(who)
    desk.registry = with_user(desk.registry, "nodo", Role.MACHINE)
    assert not desk.accounts.is_signed_in(who)
    assert not desk.accounts.is_signed_in(replace(who, method="anything", session="s"))


async def test_the_desk_stands_in_the_entry(desk):
    """Where a sign-in came from by its certificate, in bounded length."""
    made = await desk.accounts.sign_in("anna", GOOD, IP, workstation="CN=" + "x" * 500)
    assert desk.events[0].workstation == made.actor.workstation == ("CN=" + "x" * 500)[:200]
