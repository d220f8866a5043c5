# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Acts of a running box: what people see and enter of them, and what the ledger is told."""

import hashlib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from gateway.access import calendar
from gateway.assembly.changes import account as account_changes
from gateway.assembly.journal import Journal, signed
from gateway.assembly.standing import ActState, Standing, resolutions, standing
from gateway.audit.entry import LedgerEntry
from gateway.audit.ledger import Ledger
from gateway.model.access import Actor, Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import ConfigError, LedgerError, StoreError
from gateway.model.registry import Act, ActScope, Extension, RecipientKind, Registry, Role
from gateway.registry import held
from gateway.registry.entities import encode
from gateway.registry.held import HeldChange
from gateway.registry.store import RegistryStore
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)

TICK_S = 20.0
"""How soon a warning or an end is written; what stops with an act stops by itself (replan)."""
MOST_EXTENSION_DAYS = 3 * 366
PAGE = 500
_CONTROLLERS = (Role.DPO, Role.OWNER)
_READERS = frozenset(Role) - {Role.AUDITOR, Role.MACHINE}


@dataclass(frozen=True, slots=True)
class ActParts:
    """What the desk works with."""

    registry: RegistryStore
    journal: Journal
    ledger: Ledger
    clock: Clock


class ActDesk:
    """Acts, extensions and held changes, each deed with its entry in the ledger."""

    def __init__(self, parts: ActParts) -> None:
        self._p = parts

    # what people see -------------------------------------------------------------------------

    def acts(self, actor: Actor) -> Mapping[str, Any]:
        """Return acts, warnings and resolutions, as far as the actor's organisation may know."""
        registry, now = self._p.registry.current(), self._p.clock.now()
        if actor.role not in _READERS:
            return {"acts": [], "warnings": [], "resolutions": []}
        known = {
            act.id: lines
            for act in registry.acts.values()
            if (lines := _visible(act, registry, actor))
        }
        standings = [standing(registry, registry.acts[id_], now) for id_ in known]
        return {
            "acts": [_act_view(one, registry, known[one.act.id]) for one in standings],
            "warnings": [
                {"act": one.act.id, "days_left": one.days_left, "level": one.level}
                for one in standings
                if one.level is not None
            ],
            "resolutions": [
                {
                    "camera": one.camera, "analytic": one.what, "recipient": one.recipient,
                    "on": one.on, "act": one.act,
                    "reason_it": one.reason_it, "reason_en": one.reason_en,
                }
                for one in resolutions(registry, now)
                if _concerns(registry, actor, one.camera, one.recipient)
            ],
        }  # fmt: skip

    def days_left(self) -> tuple[tuple[str, int], ...]:
        """Return how many days are left to each act that has begun, by id."""
        registry, now = self._p.registry.current(), self._p.clock.now()
        every = (standing(registry, act, now) for _, act in sorted(registry.acts.items()))
        return tuple(
            (one.act.id, max(one.days_left, -1))
            for one in every
            if one.state is not ActState.FUTURE
        )

    # extensions ------------------------------------------------------------------------------

    def may_extend(self, act_id: str, actor: Actor) -> bool | None:
        """Return whether somebody may extend an act; None: the actor knows of no such act."""
        registry = self._p.registry.current()
        act = registry.acts.get(act_id)
        if act is None or actor.role not in _READERS or not _visible(act, registry, actor):
            return None
        if actor.role is Role.PS_SUPERVISOR:
            room = registry.recipients.get(actor.organisation)
            return room is not None and room.kind is RecipientKind.ROOM
        owners = {
            registry.sites[registry.cameras[id_].site].controller
            for scope in act.scopes
            for id_ in scope.cameras
        }
        return actor.role in _CONTROLLERS and owners == {actor.organisation}

    async def extend(
        self, act_id: str, until: date, reason: str, document_sha256: str, *, by: Actor
    ) -> Extension:
        """Enter an extension in somebody's name; ConfigError if the day does not fit."""
        registry, today = self._p.registry.current(), calendar.today(self._p.clock.now())
        act = registry.acts[act_id]
        last = registry.last_day(act)
        key = f"act[{act_id}].until"
        if until <= last or until < today:
            advice = f"write a day after {max(last, today).isoformat()}"
            raise ConfigError("request", key, "does not extend the act", advice)
        if (until - last).days > MOST_EXTENSION_DAYS:
            raise ConfigError("request", key, "is too far away", "a new act is needed for it")
        made = Extension(
            f"proroga-{os.urandom(8).hex()}", act_id, until, by.id, today, reason, document_sha256
        )
        change = await self._p.registry.enter(made, by=by.id)
        event = _by(by, "legalbasis.extend", "act", act_id)
        await self._p.journal.account(
            replace(
                event, legal_basis_id=act_id, reason_text=f"{until.isoformat()} {reason}"[:200],
                content_hash=document_sha256, policy_version=change.version,
            )
        )  # fmt: skip
        return made

    # held changes ----------------------------------------------------------------------------

    async def held(self, actor: Actor) -> Sequence[Mapping[str, Any]]:
        """Return the held changes that somebody may judge, asked for, or administers."""
        registry = self._p.registry.current()
        return [
            _held_view(one, registry)
            for one in await self._p.registry.held()
            if _sees(one, registry, actor)
        ]

    async def may_judge(self, held_id: str, actor: Actor) -> bool | None:
        """Return whether somebody may judge a held change; None: there is none to be known."""
        registry = self._p.registry.current()
        for one in await self._p.registry.held():
            if one.id == held_id and _sees(one, registry, actor):
                user = registry.users.get(actor.id)
                return user is not None and held.may_judge(one, user, registry)
        return None

    async def approve(self, held_id: str, reason: str, *, by: Actor) -> Mapping[str, Any]:
        """Approve a held change; the last approval puts it into force."""
        judged = await self._p.registry.approve(held_id, by=by.id, reason=reason)
        event = _by(by, "policy.approve", "change", held_id)
        version = self._p.registry.current().version
        if judged.has_grown:
            event = replace(event, result="denied", error="has-grown")
        await self._p.journal.account(replace(event, reason_text=reason, policy_version=version))
        if judged.has_grown:
            for entry in stale_entries(judged.held, by):
                await self._p.journal.account(entry)
        if judged.change is not None and not judged.change.empty:
            change = judged.change
            words = f"held {held_id}: +{len(change.added)} ~{len(change.changed)}"
            await self._p.journal.account(
                replace(
                    _by(by, "config.change", "configuration", f"registry/{change.version}"),
                    reason_text=f"{words} -{len(change.removed)}", policy_version=change.version,
                )
            )  # fmt: skip
            await account_changes(self._p.registry, self._p.journal, change, by)
        return {**_held_view(judged.held, self._p.registry.current()), "grown": judged.has_grown}

    async def reject(self, held_id: str, reason: str, *, by: Actor) -> Mapping[str, Any]:
        """Reject a held change."""
        one = await self._p.registry.reject(held_id, by=by.id, reason=reason)
        event = _by(by, "policy.reject", "change", held_id)
        await self._p.journal.account(replace(event, reason_text=reason))
        return {**_held_view(one, self._p.registry.current()), "grown": False}

    # what the ledger is told -----------------------------------------------------------------

    async def keep(self) -> None:
        """Tell the ledger of acts that come, change, near their end and end."""
        while True:
            try:
                await self.tick()
            except StoreError as error:
                log.warning("acts-not-written", extra={"problem": str(error)})
            await self._p.clock.sleep(TICK_S)

    async def tick(self) -> None:
        """Write what is due once, also if the process ended in between."""
        for one in await self._p.registry.expire_held():
            event = replace(_by(None, "policy.reject", "change", one.id), error="expired")
            await self._p.journal.account(event)
        registry, now = self._p.registry.current(), self._p.clock.now()
        due = dict(_due(registry, [standing(registry, a, now) for a in registry.acts.values()]))
        said = await self._p.registry.marks()
        fresh = {key: event for key, event in due.items() if key not in said}
        gone = [key for key in said if _is_gone(key, due)]
        for key in gone:
            if key.startswith("act/"):
                id_ = key.split("/")[1]
                if id_ not in registry.acts:
                    fresh[f"removed/{id_}"] = _about_act(
                        "legalbasis.add", id_, "removed", registry.version
                    )
        if fresh or gone:
            await self._say(fresh, said, gone)

    async def _say(
        self, fresh: Mapping[str, LedgerEvent], said: frozenset[str], gone: Sequence[str]
    ) -> None:
        """Append each once: a mark with the ledger's size stands before, the final one after."""
        size = self._p.ledger.head().size
        begun = {one.rpartition("@")[0]: one for one in said if "@" in one}
        starting = [f"{key}@{size}" for key in fresh if key not in begun]
        if starting:
            await self._p.registry.mark(starting)
        pending = {key: begun.get(key, f"{key}@{size}") for key in fresh}
        done: list[str] = []
        try:
            for key, event in fresh.items():
                if key not in begun or not await self._is_written(event, begun[key]):
                    await self._p.journal.append(event)
                done.append(key)
        except LedgerError as error:
            log.warning("acts-not-written", extra={"problem": str(error)})
            gone = []
        kept = [key for key in done if not key.startswith("removed/")]
        await self._p.registry.mark(kept, forget=[*(pending[key] for key in done), *gone])

    async def _is_written(self, event: LedgerEvent, mark: str) -> bool:
        """Return whether the entry was written before the process ended."""
        after = int(mark.rpartition("@")[2]) - 1
        while entries := await self._p.ledger.entries(after, PAGE):
            if any(_same(one, event) for one in entries):
                return True
            after = entries[-1].seq
        return False


def _same(entry: LedgerEntry, event: LedgerEvent) -> bool:
    parts = ("event", "object_id", "content_hash", "reason_text")
    return all(getattr(entry.event, part) == getattr(event, part) for part in parts)


def held_entries(one: HeldChange, by: Actor) -> Iterator[LedgerEvent]:
    """Yield the entries of a change that is held from now on."""
    words = "; ".join(wide.text_it for wide in one.widenings)[:200]
    event = _by(by, "policy.held", "change", one.id)
    yield replace(event, reason_text=words, channel="control-socket")
    yield from stale_entries(one, by)


def stale_entries(one: HeldChange, by: Actor) -> Iterator[LedgerEvent]:
    """Yield an entry for each assessment that a change makes stale."""
    for act in one.acts:
        words = "; ".join(wide.text_it for wide in one.widenings if act in wide.acts)[:200]
        event = _by(by, "dpia.stale", "act", act)
        yield replace(event, legal_basis_id=act, reason_text=words, case_ref=one.id)


def _by(by: Actor | None, event: str, object_type: str, object_id: str) -> LedgerEvent:
    """Return an entry in somebody's name; without one it is the box's own."""
    blank = LedgerEvent(
        event, Operation.NONE, Regime.GDPR, object_type=object_type, object_id=object_id
    )
    return blank if by is None else signed(blank, by)


def _about_act(event: str, act: str, words: str, version: int) -> LedgerEvent:
    blank = _by(None, event, "act", act)
    return replace(blank, legal_basis_id=act, reason_text=words, policy_version=version)


def _due(registry: Registry, standings: Sequence[Standing]) -> Iterator[tuple[str, LedgerEvent]]:
    """Yield mark and entry of everything that has to stand in the ledger by now."""
    for one in standings:
        act = one.act
        digest = hashlib.sha256(encode(act).encode()).hexdigest()
        entry = _about_act("legalbasis.add", act.id, "", registry.version)
        yield f"act/{act.id}/{digest[:16]}", replace(entry, content_hash=digest)
        last = registry.last_day(act).isoformat()
        if one.level == 0:
            entry = _about_act("legalbasis.expire", act.id, last, registry.version)
            yield f"expire/{act.id}/{last}", entry
        elif one.level is not None:
            entry = _about_act(
                "legalbasis.warn", act.id, f"{one.level} d, {last}", registry.version
            )
            yield f"warn/{act.id}/{last}/{one.level}", entry
    for site in registry.sites.values():
        entry = replace(
            _by(None, "site.state", "site", site.id), controller=site.controller,
            reason_text=site.state.value, policy_version=registry.version,
        )  # fmt: skip
        yield f"site/{site.id}/{site.state.value}", entry


def _is_gone(mark: str, due: Mapping[str, LedgerEvent]) -> bool:
    """Return whether a mark of an act's or a site's form is no longer true: it may come back."""
    return mark.startswith(("act/", "site/")) and "@" not in mark and mark not in due


# who may know what ---------------------------------------------------------------------------


def _owner(registry: Registry, camera: str) -> str:
    return registry.sites[registry.cameras[camera].site].controller


def _concerns(registry: Registry, actor: Actor, camera: str, recipient: str) -> bool:
    own = actor.organisation
    return actor.role is Role.SYSADMIN or own in (recipient, _owner(registry, camera))


def _visible(act: Act, registry: Registry, actor: Actor) -> tuple[ActScope, ...]:
    """Return the lines of an act as the actor may know them: the own cameras, the own name."""
    if actor.role is Role.SYSADMIN:
        return act.scopes
    lines = []
    for scope in act.scopes:
        if actor.organisation in scope.recipients:
            lines.append(replace(scope, recipients=(actor.organisation,)))
            continue
        own = tuple(id_ for id_ in scope.cameras if _owner(registry, id_) == actor.organisation)
        if own:
            lines.append(replace(scope, cameras=own))
    return tuple(lines)


def _act_view(one: Standing, registry: Registry, lines: tuple[ActScope, ...]) -> dict[str, Any]:
    act = one.act
    extensions = (each for each in registry.extensions.values() if each.act == act.id)
    return {
        "id": act.id,
        "kind": act.kind.value,
        "title": act.title,
        "number": act.number,
        "parties": list(act.parties),
        "valid_from": act.valid_from.isoformat(),
        "valid_until": act.valid_until.isoformat(),
        "last_day": registry.last_day(act).isoformat(),
        "state": one.state.value,
        "days_left": one.days_left,
        "dpia": act.dpia,
        "dpia_date": act.dpia_date.isoformat() if act.dpia_date else "",
        "dpia_stale": registry.stale.get(act.id, ""),
        "document_sha256": act.document_sha256,
        "extensions": [
            {
                "until": each.until.isoformat(),
                "by": each.by,
                "entered": each.entered.isoformat(),
                "reason": each.reason,
            }
            for each in sorted(extensions, key=lambda each: each.until)
        ],
        "scopes": [
            {
                "cameras": list(line.cameras),
                "recipients": list(line.recipients),
                "analytics": [analytic.value for analytic in line.analytics],
                "disclosure": line.disclosure.value,
            }
            for line in lines
        ],
    }


def _sees(one: HeldChange, registry: Registry, actor: Actor) -> bool:
    user = registry.users.get(actor.id)
    judge = user is not None and held.may_judge(one, user, registry)
    return actor.role is Role.SYSADMIN or actor.id == one.by or judge


def _held_view(one: HeldChange, registry: Registry) -> dict[str, Any]:
    return {
        "id": one.id,
        "by": one.by,
        "utc_us": one.utc_us,
        "where": one.source,
        "widenings": [
            {
                "what": wide.what.value,
                "camera": wide.camera,
                "act": ", ".join(wide.acts),
                "text_it": wide.text_it,
                "text_en": wide.text_en,
            }
            for wide in one.widenings
        ],
        "approvals": [{"by": each.by, "utc_us": each.utc_us} for each in one.approvals],
        "needed": held.needed(one, registry),
        "state": one.state.value,
    }
