# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What alarm panels report by SIA DC-09 becomes alarms of this box (B-46, A-13).

An alarm of a panel is raised at the panel's camera, under the act that lets this camera's alarms be
told, and to nobody else; without one it stays in the house. The same cause of the same zone is one
alarm while it lives, and its restore ends it. Hold-up and panic signals of a panel with a hold-up
channel are the channel's. That nothing on site may show a hold-up holds without a channel too.
"""

import logging
import os
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.access.policy import acts_for
from gateway.assembly.alarm_ways import way_of
from gateway.assembly.alarms import alarm_event, hearers
from gateway.assembly.journal import Journal
from gateway.assembly.stations import aes_key
from gateway.config.options import Dc09ReceiverOptions
from gateway.model.access import Regime
from gateway.model.alarm import Alarm
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import ConfigError, PeerError
from gateway.model.identifiers import uuid7
from gateway.model.panel import PanelEvent, Qualifier, panel_zone
from gateway.model.registry import Analytic, Panel, Registry
from gateway.model.time import Moment
from gateway.relay.alarms.outbox import Outbox
from gateway.relay.alarms.receiver import Account, Receiver, bare
from gateway.relay.alarms.sia_codes import Code, codes
from gateway.runtime.clock import Clock
from gateway.runtime.supervise import Policy, supervise

log = logging.getLogger(__name__)

HOLDUPS: Final = frozenset({"HA", "PA"})
SAY_AGAIN_S: Final = 3600.0
"""Refusals of one kind are one entry in this time, with their number."""
MOST_SAID: Final = 256
POLICY: Final = Policy(first_s=1.0, most_s=30.0)
_CHOSEN: Final = re.compile(r"\d+")

OnHoldup = Callable[[Panel, PanelEvent], Awaitable[bool]]
"""Takes a hold-up or panic signal of a panel with a channel; False: it is no channel's."""


@dataclass(frozen=True, slots=True)
class PanelParts:
    """What the desk works with."""

    options: Dc09ReceiverOptions
    outbox: Outbox
    journal: Journal
    registry: Callable[[], Registry]
    clock: Clock
    on_holdup: OnHoldup
    hold: Callable[[Alarm], Coroutine[None, None, None]]
    """Keeps the seconds before an alarm."""
    spawn: Callable[[Coroutine[None, None, None]], object]
    exercise: bool = False


@dataclass(slots=True)
class _Said:
    """Refusals of one kind."""

    at_s: float
    unsaid: int = 0


class PanelDesk:
    """The receiver, joined with registry and alarms; `tasks` run until cancelled."""

    def __init__(self, parts: PanelParts) -> None:
        self._p = parts
        self._accounts: dict[str, Account] = {}
        self._panels: dict[str, Panel] = {}
        self._seen: Mapping[str, Panel] | None = None
        self._said: dict[str, _Said] = {}
        self._unusable: tuple[str, ...] = ()
        self._address = ""
        self.port = 0
        """Where it listens; 0 while it does not."""
        self.receiver = Receiver(lambda: self._accounts, self.take, self.refuse, clock=parts.clock)

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what a person has to correct, and which panels are silent or misunderstood."""
        names = {panel.account: panel.id for panel in self._panels.values()}
        lines = (
            f"panel {names.get(one.account, one.account)}: {one.problem or 'silent'}"
            for one in self.receiver.statuses()
            if one.problem or self._is_silent(one.account, online=one.online)
        )
        return (*filter(None, (self._address,)), *self._unusable, *lines)

    def _is_silent(self, account: str, *, online: bool) -> bool:
        return not online and bool(self._accounts[bare(account)].supervision_s)

    def tasks(self) -> tuple[Coroutine[None, None, None], ...]:
        """Return what has to run."""
        return (
            supervise("dc09-receiver", self._listen, clock=self._p.clock, policy=POLICY),
            self.receiver.watch(),
        )

    async def _listen(self) -> None:
        options = self._p.options

        def ready(port: int) -> None:
            self.port, self._address = port, ""

        try:
            await self.receiver.serve(options.host, options.port, ready)
        except OSError as error:
            words = (error.strerror or type(error).__name__).lower()
            self._address = f"dc09_receiver {options.host}:{options.port}: {words}"
            raise PeerError(self._address) from None
        finally:
            self.port = 0

    def reconcile(self, registry: Registry) -> None:
        """Follow the registry; keys are read anew when a panel changed, or one was unusable."""
        if registry.panels == self._seen and not self._unusable:
            return
        self._seen = dict(registry.panels)
        accounts: dict[str, Account] = {}
        panels: dict[str, Panel] = {}
        unusable: list[str] = []
        for panel in registry.panels.values():
            try:
                name = bare(panel.account)
                accounts[name] = self._account(panel, panels.get(name))
                panels[name] = panel
            except ConfigError as error:
                unusable.append(str(error))
        self._accounts, self._panels, self._unusable = accounts, panels, tuple(unusable)

    def _account(self, panel: Panel, other: Panel | None) -> Account:
        where = f"panel {panel.id}"
        if other is not None:  # of a registry that an earlier version took
            problem = f"is that of panel {other.id} too"
            raise ConfigError(where, "account", problem, "write another account")
        if panel.key:
            key = aes_key(panel.key, where, "key")
            return Account(panel.account, key, float(panel.supervision_s))
        if not self._p.options.plain:
            advice = "write a key, or dc09_receiver.plain = true in gateway.toml"
            raise ConfigError(where, "key", "is missing: it would report in clear", advice)
        return Account(panel.account, None, float(panel.supervision_s))

    # events ---------------------------------------------------------------------------------

    async def take(self, event: PanelEvent) -> None:
        """Make an event durable; StoreError if the disk refuses, so that nobody acknowledges it."""
        panel = self._panels.get(bare(event.account))
        code = codes().by_sia.get(event.code)
        if panel is None or code is None:
            return
        if panel.holdup and event.code in HOLDUPS and await self._p.on_holdup(panel, event):
            return
        fields = {"panel": panel.id, "code": event.code, "qualifier": event.qualifier.value}
        log.info("panel", extra=fields)
        if not code.rule:
            return
        camera = self._camera(panel)
        if not camera:
            log.warning("panel-nowhere", extra={"panel": panel.id, "code": event.code})
        elif event.qualifier is Qualifier.NEW:
            await self._raise(panel, camera, code, event)
        else:
            await self._end(camera, code.rule, panel_zone(panel.id, event.zone), event)

    def _camera(self, panel: Panel) -> str:
        """Return where a panel's alarms are raised: its camera, else the first of its channel."""
        holdup = self._p.registry().holdups.get(panel.holdup)
        return panel.camera or (holdup.cameras[0] if holdup is not None else "")

    def _moment(self, utc_us: int) -> Moment:
        """Return a time that a panel told on our clock."""
        now = self._p.clock.now()
        return Moment(now.monotonic_s - (now.utc_us - utc_us) / 1e6, utc_us, now.quality)

    async def _raise(self, panel: Panel, camera: str, code: Code, event: PanelEvent) -> None:
        registry, now = self._p.registry(), self._p.clock.now()
        basis = acts_for(registry, camera, Analytic.INTRUSION, now)
        zone = panel_zone(panel.id, event.zone)
        alarm = Alarm(
            uuid7(now.utc_us, os.urandom(10)), camera, zone, code.rule, code.severity,
            self._moment(event.utc_us), exercise=self._p.exercise, silent=code.sia in HOLDUPS,
        )  # fmt: skip
        way = way_of(alarm, hearers(camera, basis.recipients, registry), registry)
        record = await self._p.outbox.raise_alarm(
            alarm, recipients=way.recipients, act=basis.act.id if basis.act else "",
            key=f"panel/{zone}/{code.sia}", near=way.near, plan=way.plan,
        )  # fmt: skip
        if record.alarm.id != alarm.id:
            return  # it lives already
        log.info("alarm-raised", extra={"alarm": alarm.id, "camera": camera, "zone": zone})
        self._p.spawn(self._p.hold(alarm))
        entry = alarm_event("alarm.raise", record, registry)
        words = f"{panel.id} {event.code}"
        self._p.spawn(self._p.journal.account(replace(entry, reason_text=words)))

    async def _end(self, camera: str, rule: str, zone: str, event: PanelEvent) -> None:
        for record in await self._p.outbox.living_of(camera):
            alarm = record.alarm
            if (alarm.zone, alarm.rule) == (zone, rule) and not record.ended_utc_us:
                await self._p.outbox.end(alarm.id, self._moment(event.utc_us))
                log.info("alarm-ended", extra={"alarm": alarm.id, "zone": zone})

    # refusals -------------------------------------------------------------------------------

    def refuse(self, account: str, peer: str, problem: str) -> None:
        """Write in the ledger that somebody was not heard, once for each kind and hour."""
        panel = self._panels.get(bare(account)) if account else None
        subject = panel.id if panel is not None else ""
        kind = f"{subject} {_kind(problem) if panel is not None else 'stranger'}"
        now_s = self._p.clock.monotonic_s()
        said = self._said.get(kind)
        if said is not None and now_s - said.at_s < SAY_AGAIN_S:
            said.unsaid += 1
            return
        if said is None and len(self._said) >= MOST_SAID:
            del self._said[next(iter(self._said))]
        self._said[kind] = _Said(now_s)
        log.warning("panel-refused", extra={"panel": subject, "peer": peer, "problem": problem})
        entry = LedgerEvent(
            "panel.refuse", Operation.NONE, Regime.GDPR, result="denied", error=problem,
            actor_type="device", object_type="panel", object_id=subject, src_ip=peer,
            channel="dc09", count=1 + (said.unsaid if said is not None else 0),
        )  # fmt: skip
        self._p.spawn(self._p.journal.account(entry))


def _kind(problem: str) -> str:
    """Return what a refusal is about, without what its sender chose: lengths, sums, codes."""
    return _CHOSEN.sub("#", problem.partition(":")[0])
