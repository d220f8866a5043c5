# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Acts of a running box: who sees and extends what, and what the ledger is told once."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.assembly import acts
from gateway.assembly.acts import ActDesk, ActParts
from gateway.assembly.control import ControlDesk
from gateway.assembly.journal import Journal
from gateway.audit.ledger import open_ledger
from gateway.model.access import Actor
from gateway.model.errors import ConfigError, LedgerError
from gateway.model.registry import Controller, RecipientKind, Role, User
from gateway.registry.seed import Seed, parse_seed
from gateway.registry.store import open_registry
from tests.fakes import FakeClock
from tests.unit.assembly.parts import entries, opened_box, town
from tests.unit.audit.logbook import KEY, ORIGIN
from tests.unit.registry.worlds import SEED

ROME = ZoneInfo("Europe/Rome")
DAY_US = 86_400_000_000
TEXT = SEED.replace("valid_until = 2027-12-31", "valid_until = 2026-12-31").replace(
    "approvato", "inviato"
)
PEOPLE = [
    User("dpo", "D", Role.DPO, "farmacia"),
    User("capo", "C", Role.PS_SUPERVISOR, "sala"),
    User("dpo-bar", "B", Role.DPO, "bar"),
]


def rome(year, month, day, hour=12, minute=0, second=0):
    at = datetime(year, month, day, hour, minute, second, tzinfo=ROME)
    return int(at.astimezone(UTC).timestamp() * 1_000_000)


def actor(user, role, organisation):
    return Actor(user, user, role, organisation, "s1", "password")


DPO = actor("dpo", Role.DPO, "farmacia")
CAPO = actor("capo", Role.PS_SUPERVISOR, "sala")
BAR = actor("dpo-bar", Role.DPO, "bar")


@asynccontextmanager
async def desk(folder, clock, *, append=None):
    """Open registry and ledger on disk; the first time with the small world."""
    async with (
        open_registry(folder / "r.db", clock=clock) as registry,
        open_ledger(folder / "l.db", origin=ORIGIN, key=KEY, clock=clock) as ledger,
    ):
        if registry.current().version == 0:
            await registry.apply(parse_seed(TEXT, "s"), by="x")
            bar = {("controller", "bar"): Controller("bar", "Bar")}
            people = {("user", one.id): one for one in PEOPLE}
            await registry.apply(Seed("p", bar | people), by="x")
        journal = Journal(ledger, clock)
        if append is not None:
            journal.append = append(journal.append)
        yield ActDesk(ActParts(registry, journal, ledger, clock)), registry, ledger


async def told(ledger, event):
    return [one.reason_text for one in await entries(ledger, event)]


async def test_each_warning_and_the_end_are_written_once(tmp_path):
    """At 90, 30 and 7 days and when it is over, over restarts and ticks without number."""
    clock = FakeClock(utc_us=rome(2026, 9, 20))
    seen = []
    for day in range(110):
        async with desk(tmp_path, clock) as (made, _, ledger):
            await made.tick()
            await made.tick()
            seen.append((day, await told(ledger, "legalbasis.warn")))
            ended = await told(ledger, "legalbasis.expire")
            assert len(ended) <= 1
            assert bool(ended) is (clock.utc_us >= rome(2027, 1, 1, 0))
        clock.utc_us += DAY_US
    firsts = {len(found): day for day, found in reversed(seen)}
    last = date(2026, 12, 31)
    start = date(2026, 9, 20)
    for count, days in ((1, 90), (2, 30), (3, 7)):
        assert (last - start).days - firsts[count] == days
    assert seen[-1][1] == ["90 d, 2026-12-31", "30 d, 2026-12-31", "7 d, 2026-12-31"]


async def test_a_clock_that_jumps_says_nothing_twice(tmp_path):
    """Ahead by a year and back: the end stands once, and what was skipped is not made up for."""
    clock = FakeClock(utc_us=rome(2026, 9, 20))
    async with desk(tmp_path, clock) as (made, _, ledger):
        await made.tick()
        clock.utc_us = rome(2027, 9, 20)
        await made.tick()
        assert await told(ledger, "legalbasis.warn") == []
        clock.utc_us = rome(2026, 12, 28)
        for _ in range(3):
            await made.tick()
        assert await told(ledger, "legalbasis.warn") == ["7 d, 2026-12-31"]
        clock.utc_us = rome(2027, 9, 20)
        await made.tick()
        assert await told(ledger, "legalbasis.expire") == ["2026-12-31"]


async def test_a_process_that_dies_between_entry_and_mark_writes_it_once(tmp_path):
    """What the ledger holds is found again; what it does not hold is written."""
    clock = FakeClock(utc_us=rome(2026, 12, 28))

    class DiedError(Exception):
        pass

    def dying(real, *, before):
        async def append(event):
            if event.event != "legalbasis.warn":
                return await real(event)
            if not before:
                await real(event)
            raise DiedError

        return append

    for before in (True, False, False):
        async with desk(tmp_path, clock, append=lambda real, b=before: dying(real, before=b)) as (
            made, _, ledger,
        ):  # fmt: skip
            if not (await told(ledger, "legalbasis.warn")):
                with pytest.raises(DiedError):
                    await made.tick()
    async with desk(tmp_path, clock) as (made, registry, ledger):
        await made.tick()
        await made.tick()
        assert await told(ledger, "legalbasis.warn") == ["7 d, 2026-12-31"]
        assert not [one for one in await registry.marks() if "@" in one]
        assert len(await told(ledger, "legalbasis.add")) == 1


async def test_a_dark_ledger_is_told_later(tmp_path):
    """Nothing is marked that was not written."""
    clock = FakeClock(utc_us=rome(2026, 12, 28))
    dark = [True]

    def failing(real):
        async def append(event):
            if dark[0]:
                raise LedgerError("full")
            return await real(event)

        return append

    async with desk(tmp_path, clock, append=failing) as (made, _, ledger):
        await made.tick()
        assert await entries(ledger) == []
        dark[0] = False
        await made.tick()
        assert await told(ledger, "legalbasis.warn") == ["7 d, 2026-12-31"]


async def test_acts_and_sites_that_come_change_and_go_stand_in_the_ledger(tmp_path):
    """With the hash of what they said; a state that returns is told again."""
    clock = FakeClock(utc_us=rome(2026, 9, 20))
    async with desk(tmp_path, clock) as (made, registry, ledger):
        await made.tick()
        (first,) = await entries(ledger, "legalbasis.add")
        assert (first.object_id, first.legal_basis_id) == ("patto", "patto")
        await registry.apply(parse_seed(TEXT.replace("1/2026", "1bis/2026"), "s"), by="x")
        await made.tick()
        _, second = await entries(ledger, "legalbasis.add")
        assert second.content_hash != first.content_hash
        for state in ("approvato", "bozza", "inviato"):
            await registry.apply(parse_seed(TEXT.replace('"inviato"', f'"{state}"'), "s"), by="x")
            await made.tick()
        assert await told(ledger, "site.state") == ["inviato", "approvato", "bozza", "inviato"]
        rest = {
            k: e for k, e in parse_seed(TEXT, "s").entities.items() if k[0] not in ("act", "zone")
        }
        await registry.apply(Seed("s", rest), by="x", replace=True)
        await made.tick()
        await made.tick()
        assert (await told(ledger, "legalbasis.add"))[-1] == "removed"
        assert len(await told(ledger, "legalbasis.add")) == 4


async def test_an_extension_carries_an_act_on_in_a_persons_name(tmp_path):
    """The last day moves for everybody, the ledger says who, and warnings begin anew."""
    clock = FakeClock(utc_us=rome(2026, 12, 28))
    async with desk(tmp_path, clock) as (made, registry, ledger):
        await made.tick()
        assert made.may_extend("patto", CAPO)
        await made.extend("patto", date(2027, 2, 1), "rinnovo in firma", "0f" * 32, by=CAPO)
        (entry,) = await entries(ledger, "legalbasis.extend")
        assert (entry.actor_id, entry.role, entry.legal_basis_id) == (
            "capo",
            "ps.supervisor",
            "patto",
        )
        assert entry.content_hash == "0f" * 32
        assert entry.policy_version == registry.current().version
        await made.tick()
        assert await told(ledger, "legalbasis.warn") == ["7 d, 2026-12-31", "90 d, 2027-02-01"]
        clock.utc_us = rome(2027, 1, 2)
        (act,) = made.acts(CAPO)["acts"]
        assert (act["state"], act["last_day"], act["days_left"]) == ("prorogato", "2027-02-01", 30)
        assert act["extensions"][0]["by"] == "capo"
        clock.utc_us = rome(2027, 2, 2)
        assert made.acts(CAPO)["acts"][0]["state"] == "scaduto"


@pytest.mark.parametrize("until", [date(2026, 12, 31), date(2026, 12, 1), date(2031, 1, 1)])
async def test_a_day_that_extends_nothing_is_refused(tmp_path, until):
    """Neither the same day, nor an earlier one, nor a decade."""
    async with desk(tmp_path, FakeClock(utc_us=rome(2026, 12, 28))) as (made, registry, _):
        with pytest.raises(ConfigError):
            await made.extend("patto", until, "perché", "", by=DPO)
        assert registry.current().extensions == {}


@pytest.mark.parametrize(
    ("who", "may"),
    [
        (DPO, True),
        (CAPO, True),
        (actor("titolare", Role.OWNER, "farmacia"), True),
        (actor("verdi", Role.PL_OPERATOR, "sala"), False),
        (actor("root", Role.SYSADMIN, "farmacia"), False),
        (BAR, None),
        (actor("capo", Role.PS_SUPERVISOR, "altra-sala"), None),
        (actor("aud", Role.AUDITOR, "farmacia"), None),
    ],
)
async def test_who_extends(tmp_path, who, may):
    """A supervisor of a room in the act, the DPO or the owner of all its cameras; else nobody."""
    async with desk(tmp_path, FakeClock(utc_us=rome(2026, 9, 20))) as (made, _, _ledger):
        assert made.may_extend("patto", who) is may
        assert made.may_extend("niente", who) is None


async def test_a_supervisors_role_in_an_institute_extends_nothing(tmp_path):
    """The act names it, its role says supervisor: it is no room all the same."""
    async with desk(tmp_path, FakeClock(utc_us=rome(2026, 9, 20))) as (made, registry, _):
        room = replace(registry.current().recipients["sala"], kind=RecipientKind.INSTITUTE)
        await registry.apply(Seed("s", {("recipient", "sala"): room}), by="uid:0")
        assert made.may_extend("patto", CAPO) is False


async def test_an_organisation_sees_only_what_names_it(tmp_path):
    """Neither another's act, nor its warnings, nor what is switched on for whom."""
    async with desk(tmp_path, FakeClock(utc_us=rome(2026, 12, 28))) as (made, _, _ledger):
        for reader in (BAR, actor("aud", Role.AUDITOR, "farmacia")):
            assert made.acts(reader) == {"acts": [], "warnings": [], "resolutions": []}
        for reader in (DPO, CAPO):
            seen = made.acts(reader)
            assert [one["id"] for one in seen["acts"]] == ["patto"]
            assert seen["warnings"] == [{"act": "patto", "days_left": 3, "level": 7}]
            assert {one["recipient"] for one in seen["resolutions"]} == {"sala"}


@pytest.mark.parametrize("last", [date(2026, 10, 24), date(2026, 10, 25)])
async def test_an_act_ends_at_midnight_in_rome_also_when_the_clocks_change(tmp_path, last):
    """The last second of the last day is in force, the first of the next is not."""
    clock = FakeClock(utc_us=rome(2026, 9, 20))
    async with desk(tmp_path, clock) as (made, registry, _):
        act = replace(registry.current().acts["patto"], valid_until=last)
        await registry.apply(Seed("s", {("act", "patto"): act}), by="x")
        end_us = rome(last.year, last.month, last.day + 1, 0)
        clock.utc_us = end_us - 1
        assert made.acts(CAPO)["acts"][0]["state"] == "in-scadenza"
        clock.utc_us = end_us
        assert made.acts(CAPO)["acts"][0]["state"] == "scaduto"
        assert end_us == {24: 1_792_879_200, 25: 1_792_969_200}[last.day] * 1_000_000


# held changes on a box -------------------------------------------------------------------------


async def test_a_held_change_is_accounted_for_from_end_to_end(tmp_path):
    """Held, stale, approved twice, in force: each has its entry and its name."""
    people = "".join(
        f'[[user]]\nid = "{i}"\nname = "{i}"\nrole = "{r}"\norganisation = "{o}"\n'
        for i, r, o in (("dpo", "dpo", "comune"), ("capo", "ps.supervisor", "sala-pl"))
    )
    seed = town(tmp_path, more=people)
    root = Actor("uid:0", "root", Role.SYSADMIN, "", "", "peercred")
    async with opened_box(tmp_path, seed) as o:

        async def replan():
            return ()

        control = ControlDesk(o.registry, o.journal, (o.config_path, o.options), replan)
        made = ActDesk(ActParts(o.registry, o.journal, o.ledger, o.clock))
        wide = seed.replace('["intrusione"]', '["intrusione", "targhe"]')
        change = await control.apply(wide.encode(), "application/toml", replace=False, by=root)
        (held,) = await entries(o.ledger, "policy.held")
        (stale,) = await entries(o.ledger, "dpia.stale")
        assert (held.object_id, held.actor_id) == (change.held, "uid:0")
        assert (stale.object_id, stale.case_ref) == ("patto", change.held)
        dpo, capo = actor("dpo", Role.DPO, "comune"), actor("capo", Role.PS_SUPERVISOR, "sala-pl")
        assert await made.may_judge(change.held, dpo) is True
        assert await made.may_judge(change.held, BAR) is None
        assert await made.may_judge(change.held, root) is False
        assert await made.held(BAR) == []
        assert (await made.held(dpo))[0]["needed"] == 2
        await made.approve(change.held, "serve", by=capo)
        done = await made.approve(change.held, "valutato", by=dpo)
        assert (done["state"], done["grown"]) == ("approved", False)
        assert [one.actor_id for one in await entries(o.ledger, "policy.approve")] == [
            "capo",
            "dpo",
        ]
        last = (await entries(o.ledger, "config.change"))[-1]
        assert last.object_id == f"registry/{o.registry.current().version}"
        assert made.acts(dpo)["acts"][0]["dpia_stale"]


async def test_a_rejected_change_and_one_that_expires_are_accounted_for(tmp_path):
    """Who said no, or that nobody said yes."""
    clock = FakeClock(utc_us=rome(2026, 9, 20))
    wide = TEXT.replace('"su-allarme"', '"sempre"')
    async with desk(tmp_path, clock) as (made, registry, ledger):
        held = (await registry.apply(parse_seed(wide, "s"), by="uid:0")).held
        await made.reject(held, "non serve", by=DPO)
        await registry.apply(parse_seed(wide, "s"), by="uid:0")
        clock.utc_us += 31 * DAY_US
        await made.tick()
        found = [(one.actor_id, one.error) for one in await entries(ledger, "policy.reject")]
        assert found == [("dpo", ""), ("", "expired")]


async def test_days_left_are_those_of_acts_that_have_begun(tmp_path):
    """For the gauge."""
    clock = FakeClock(utc_us=rome(2026, 12, 30))
    async with desk(tmp_path, clock) as (made, _, _ledger):
        assert made.days_left() == (("patto", 1),)
        clock.utc_us = rome(2027, 3, 1)
        assert made.days_left() == (("patto", -1),)


async def test_the_duty_goes_on_after_a_disk_that_refused(tmp_path, monkeypatch):
    """A full disk is no reason to stop warning for ever."""
    clock = FakeClock(utc_us=rome(2026, 12, 28))
    async with desk(tmp_path, clock) as (made, registry, ledger):
        real, calls = registry.marks, []

        async def marks():
            calls.append(1)
            if len(calls) == 1:
                raise LedgerError("full")
            if len(calls) == 3:
                raise KeyboardInterrupt
            return await real()

        monkeypatch.setattr(registry, "marks", marks)
        with pytest.raises(KeyboardInterrupt):
            await made.keep()
        assert await told(ledger, "legalbasis.warn") == ["7 d, 2026-12-31"]
        assert acts.TICK_S <= 60
