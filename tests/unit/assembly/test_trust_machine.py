# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Acts, clock, extensions, policy and crashes in any order: never a look without its ground.

The real gate, registry and ledger on disk; what may be is told here a second time, from the
registry's plain words, without the code that decides.
"""

import asyncio
import contextlib
import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.access.gate import Gate
from gateway.audit.ledger import open_ledger
from gateway.model import registry as m
from gateway.model.access import (
    ACT_ENDED,
    BREAK_GLASS,
    AccessRequest,
    Action,
    Actor,
    Grant,
    Purpose,
)
from gateway.model.alarm import Alarm, AlarmRecord, AlarmState
from gateway.model.errors import ConfigError, ConfigErrors
from gateway.registry.entities import assemble, flatten, key_of
from gateway.registry.seed import Seed
from gateway.registry.store import open_registry
from tests.fakes import FakeClock
from tests.unit.audit.logbook import KEY, ORIGIN
from tests.unit.registry.worlds import small

ROME = ZoneInfo("Europe/Rome")
HOUR_US = 3_600_000_000
FIRST = date(2026, 10, 20)
DAYS = st.integers(0, 12).map(lambda n: FIRST + timedelta(days=n))
"""Around 25 October 2026, when the clocks change."""
PEOPLE = (
    m.User("capo", "C", m.Role.PS_SUPERVISOR, "sala"),
    m.User("dpo", "D", m.Role.DPO, "farmacia"),
    m.User("titolare", "T", m.Role.OWNER, "farmacia"),
)
ROOM = Actor("verdi", "Luca Verdi", m.Role.PL_OPERATOR, "sala", "s", "password")
OWNER = Actor("titolare", "T", m.Role.OWNER, "farmacia", "o", "password")


def midnight_us(day):
    """Return when a day begins in Rome."""
    at = datetime(day.year, day.month, day.day, tzinfo=ROME)
    return round(at.astimezone(UTC).timestamp() * 1_000_000)


def begin():
    """Return the small world with a camera in a private area, active, its act in October."""
    base = small()
    site = replace(base.sites["sede"], state=m.SiteState.ACTIVE)
    camera = replace(base.cameras["banco"], area=m.AreaKind.PRIVATE)
    always = replace(base.acts["patto"].scopes[0], disclosure=m.Disclosure.ALWAYS)
    act = replace(
        base.acts["patto"],
        valid_from=FIRST,
        valid_until=date(2026, 10, 25),
        scopes=(always,),
        dpia="D",
        dpia_date=date(2026, 1, 1),
    )
    masks = {key: one for key, one in flatten(base).items() if key[0] != "mask"}
    return assemble(0, masks | {key_of(one): one for one in (site, camera, act, *PEOPLE)})


class Trust(RuleBasedStateMachine):
    """One box that lives through anything."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock(utc_us=midnight_us(date(2026, 10, 24)) + 12 * HOUR_US)
        self.alarm = None
        self.grants = []
        self.count = 0
        self.extended = "none"
        self.run(self.open())
        self.run(self.registry.apply(Seed("s", flatten(begin())), by="x"))

    def run(self, waited):
        return self.loop.run_until_complete(waited)

    async def open(self):
        self.stack = contextlib.AsyncExitStack()
        enter = self.stack.enter_async_context
        self.registry = await enter(open_registry(self.folder / "r.db", clock=self.clock))
        self.ledger = await enter(
            open_ledger(self.folder / "l.db", origin=ORIGIN, key=KEY, clock=self.clock)
        )
        self.gate = Gate(self.ledger, self.registry.current, self.alarms, self.clock)

    def alarms(self, id_):
        return self.alarm if self.alarm and self.alarm.alarm.id == id_ else None

    def teardown(self):
        self.run(self.stack.aclose())
        self.loop.close()
        shutil.rmtree(self.folder)

    # what happens --------------------------------------------------------------------------------

    @rule(hours=st.sampled_from([0.01, 0.4, 1, 3.9, 4.1, 13, 30]))
    def time_passes(self, hours):
        self.clock.advance(hours * 3600)

    @rule(day=DAYS, second=st.sampled_from([-1, 0, 1]))
    def clock_is_set_to_midnight(self, day, second):
        """Forward or back; the other clock goes on by a little."""
        self.clock.time_s += 1
        self.clock.utc_us = midnight_us(day) + second * 1_000_000

    @rule(since=DAYS, until=DAYS)
    def act_changes(self, since, until):
        """Shorter at once; longer by no document."""
        act = self.registry.current().acts.get("patto")
        if act is not None:
            new = replace(act, valid_from=min(since, until), valid_until=max(since, until))
            if new.valid_from >= act.valid_from and new.valid_until <= act.valid_until:
                self.apply(new)
            else:
                with pytest.raises(ConfigErrors):
                    self.apply(new)
                assert self.registry.current().acts["patto"] == act

    @rule(how=st.sampled_from(m.Disclosure), approve=st.booleans())
    def disclosure_changes(self, how, approve):
        """Narrower at once; wider only if two people say so."""
        before = self.registry.current().acts["patto"]
        scope = replace(before.scopes[0], disclosure=how)
        change = self.apply(replace(before, scopes=(scope,)))
        if change.held:
            assert self.registry.current().acts["patto"] == before
            if approve:
                for who in ("dpo", "capo"):
                    self.run(self.registry.approve(change.held, by=who, reason="sì"))
                assert self.registry.current().acts["patto"].scopes == (scope,)
            else:
                self.run(self.registry.reject(change.held, by="dpo", reason="no"))

    def apply(self, entity):
        return self.run(self.registry.apply(Seed("s", {key_of(entity): entity}), by="x"))

    @rule(state=st.sampled_from([m.SiteState.ACTIVE, m.SiteState.SUSPENDED]))
    def site_changes(self, state):
        self.apply(replace(self.registry.current().sites["sede"], state=state))

    @rule(until=DAYS)
    def act_is_extended(self, until):
        self.count += 1
        self.extended = f"p{self.count}"
        made = m.Extension(self.extended, "patto", until, "dpo", FIRST, "perché")
        self.run(self.registry.enter(made, by="dpo"))

    @rule()
    def extension_is_taken_back(self):
        with contextlib.suppress(ConfigError):
            self.run(self.registry.withdraw("extension", self.extended, by="dpo"))

    @rule()
    def owner_pauses(self):
        with contextlib.suppress(ConfigError):
            pause = m.Pause("stop", "farmacia", (), "titolare", self.clock.utc_us)
            self.run(self.registry.enter(pause, by="titolare"))

    @rule()
    def owner_resumes(self):
        with contextlib.suppress(ConfigError):
            self.run(self.registry.withdraw("pause", "stop", by="titolare"))

    @rule()
    def alarm_is_raised(self):
        self.count += 1
        what = Alarm(f"al-{self.count}", "banco", "dietro", "intrusione", 3, self.clock.now())
        self.alarm = AlarmRecord(what, AlarmState.OPEN, self.clock.utc_us)

    @rule()
    def alarm_is_closed(self):
        if self.alarm is not None:
            self.alarm = replace(self.alarm, state=AlarmState.CLOSED)

    @rule(
        purpose=st.sampled_from([Purpose.SERVICE, Purpose.ALARM, Purpose.INCIDENT]),
        glass=st.booleans(),
    )
    def room_looks(self, purpose, glass):
        case = self.alarm.alarm.id if self.alarm and purpose is not Purpose.SERVICE else "OS 1"
        reason = "rapina in corso" if glass else ""
        self.look(
            AccessRequest(ROOM, Action.LIVE, "banco", purpose, case, reason, break_glass=glass)
        )

    @rule()
    def owner_looks(self):
        made = self.look(AccessRequest(OWNER, Action.LIVE, "banco", Purpose.OWNER))
        assert isinstance(made, Grant), "the owner's own view goes on, whatever acts say"

    def look(self, request):
        """Ask; what is granted is in the ledger already."""
        made = self.run(self.gate.open(request))
        if isinstance(made, Grant):
            self.grants.append(made)
            (entry,) = self.run(self.ledger.entries(made.ledger_seq - 1, 1))
            assert (entry.event.event, entry.event.object_id) == ("live.open", "banco")
            assert (BREAK_GLASS in made.flags) is request.break_glass
            if not made.flags and request.actor is ROOM:
                spare = 4 * HOUR_US if self.incident(made) else 0
                assert made.expires.utc_us <= self.end_us() + spare
        return made

    @rule(hours=st.integers(1, 6), taken_back=st.booleans())
    def incident_runs_over_the_end(self, hours, taken_back):
        """An alarm near the act's end whose look is confirmed again and again."""
        self.owner_resumes()
        self.apply(replace(self.registry.current().sites["sede"], state=m.SiteState.ACTIVE))
        if taken_back:
            act = self.registry.current().acts["patto"]
            self.act_is_extended(act.valid_until + timedelta(days=5))
            self.clock.utc_us = midnight_us(act.valid_until + timedelta(days=1)) + HOUR_US
        else:
            self.clock.utc_us = self.end_us() - HOUR_US // 2
        self.alarm_is_raised()
        self.room_looks(Purpose.ALARM, glass=False)
        if taken_back:
            self.extension_is_taken_back()
        for _ in range(3 * hours):
            self.nobody_looks_without_ground()
            self.looks_are_confirmed()
            self.clock.advance(20 * 60)

    @rule()
    def emergency_lasts_an_hour(self):
        """However often it is confirmed."""
        self.room_looks(Purpose.INCIDENT, glass=True)
        for _ in range(5):
            self.nobody_looks_without_ground()
            self.looks_are_confirmed()
            self.clock.advance(20 * 60)

    @rule()
    def looks_are_confirmed(self):
        for index, grant in enumerate(self.grants):
            made = self.run(self.gate.renew(grant))
            if isinstance(made, Grant):
                self.grants[index] = made

    @rule()
    def process_dies(self):
        """What was granted dies with it; what is on disk does not."""
        before = flatten(self.registry.current())
        self.run(self.stack.aclose())
        self.run(self.open())
        assert flatten(self.registry.current()) == before
        for grant in self.grants:
            assert not self.gate.check(grant).allowed
        self.grants.clear()

    # what may be ---------------------------------------------------------------------------------

    def end_us(self):
        registry = self.registry.current()
        days = [one.until for one in registry.extensions.values() if one.act == "patto"]
        last = max([registry.acts["patto"].valid_until, *days])
        return midnight_us(last + timedelta(days=1))

    def incident(self, grant):
        """Return whether a look hangs on an alarm that is open."""
        return (
            grant.request.purpose in (Purpose.ALARM, Purpose.INCIDENT)
            and self.alarm is not None
            and self.alarm.alarm.id == grant.request.case
            and self.alarm.state is AlarmState.OPEN
        )

    @invariant()
    def nobody_looks_without_ground(self):
        registry, now_us = self.registry.current(), self.clock.utc_us
        act = registry.acts["patto"]
        from_us, end_us = midnight_us(act.valid_from), self.end_us()
        for grant in self.grants:
            verdict = self.gate.check(grant)
            if not verdict.allowed or grant.request.actor is OWNER:
                continue
            assert not registry.pauses, "the owner's off-switch wins"
            assert registry.sites["sede"].state is m.SiteState.ACTIVE
            if BREAK_GLASS in grant.flags:
                assert self.clock.time_s - grant.issued.monotonic_s < 3600
                continue
            disclosure = act.scopes[0].disclosure
            assert disclosure is not m.Disclosure.TEXT_ONLY
            assert disclosure is m.Disclosure.ALWAYS or self.incident(grant)
            if ACT_ENDED in verdict.flags:
                assert self.incident(grant)
                assert from_us <= grant.issued.utc_us < end_us <= now_us < end_us + 4 * HOUR_US
            else:
                assert from_us <= now_us < end_us


Trust.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestTrust = Trust.TestCase
