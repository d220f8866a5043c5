# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Changes that wait for two people because they open something wider (D.7), beside the versions.

The jobs here run on the registry's own writer; who may judge, and when it is enough, is pure.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import Enum

from gateway.model.errors import ConfigError
from gateway.model.registry import Act, Registry, Role, User
from gateway.registry.approvers import approves
from gateway.registry.seed import RegistryChange
from gateway.registry.widening import Widening, Wider

NEEDED = 2
"""People who have to agree, at the least."""
MOST_WAITING = 16
MOST_SHOWN = 100
PATIENCE_US = 30 * 86_400 * 1_000_000
"""How long a change waits."""

SCHEMA = """
create table if not exists held (
  id text primary key,
  utc_us integer not null,
  by text not null,
  source text not null,
  text text not null,
  remove integer not null,
  widenings text not null check (json_valid(widenings)),
  state text not null,
  decided_utc_us integer not null,
  decided_by text not null,
  decided_reason text not null
) strict, without rowid;
create table if not exists approval (
  held text not null references held (id),
  user text not null,
  utc_us integer not null,
  reason text not null,
  primary key (held, user)
) strict, without rowid;
create table if not exists newcomer (
  held text not null references held (id),
  user text not null,
  primary key (held, user)
) strict, without rowid;
create table if not exists stale (
  act text not null,
  held text not null references held (id),
  reason text not null,
  assessed text not null,
  primary key (act, held)
) strict, without rowid;
"""
"""`stale.assessed` is the date of the assessment that did not foresee the widening. `newcomer`
names who was not there, or could have been somebody else, when the change was asked for."""


class HeldState(Enum):
    """What became of a held change."""

    WAITING = "held"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Approval:
    """Who agreed (or decided), when and why."""

    by: str
    utc_us: int
    reason: str


@dataclass(frozen=True, slots=True)
class HeldChange:
    """A document that is not in force yet."""

    id: str
    utc_us: int
    by: str
    """Who asked."""
    source: str
    text: str
    remove: bool
    widenings: tuple[Widening, ...]
    approvals: tuple[Approval, ...] = ()
    state: HeldState = HeldState.WAITING
    decided: Approval | None = None
    newcomers: frozenset[str] = frozenset()
    """Accounts that were made or bound to a person anew since it was asked for: they count not."""

    @property
    def opens(self) -> tuple[Widening, ...]:
        """Return what it opens about cameras; the rest are people who could approve."""
        return tuple(one for one in self.widenings if one.what is not Wider.APPROVER)

    @property
    def houses(self) -> frozenset[str]:
        """Return the organisations that would get an approver."""
        raised = (one for one in self.widenings if one.what is Wider.APPROVER)
        return frozenset(id_ for one in raised for id_ in one.controllers)

    @property
    def is_waiting(self) -> bool:
        """Return whether it can still be approved."""
        return self.state is HeldState.WAITING

    @property
    def controllers(self) -> tuple[str, ...]:
        """Return whose cameras are concerned."""
        return tuple(dict.fromkeys(id_ for one in self.widenings for id_ in one.controllers))

    @property
    def acts(self) -> tuple[str, ...]:
        """Return the acts whose assessment did not foresee it."""
        return tuple(dict.fromkeys(id_ for one in self.widenings for id_ in one.acts))

    def is_over(self, now_utc_us: int) -> bool:
        """Return whether it has waited for too long."""
        return now_utc_us - self.utc_us >= PATIENCE_US


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an approval led to."""

    held: HeldChange
    change: RegistryChange | None
    """What was applied; None while it still waits."""
    has_grown: bool = False
    """By the registry in force it opens more: it has to be read and approved anew."""


def needed(one: HeldChange, registry: Registry) -> int:
    """Return how many people have to agree: two, and one of each controller concerned.

    Where nothing but approvers change, one of each of their organisations is enough.
    """
    houses = len(_concerned(one, registry) | one.houses)
    return max(NEEDED, houses) if one.opens else houses


def _concerned(one: HeldChange, registry: Registry) -> frozenset[str]:
    named = frozenset(id_ for wide in one.opens for id_ in wide.controllers)
    return named & registry.controllers.keys()


def may_judge(one: HeldChange, user: User, registry: Registry) -> bool:
    """Return whether a person may approve or reject.

    Never who asked, and nobody who has become an approver since. A supervisor is one of a room,
    and judges cameras that acts name for it: the role alone makes nobody of another house a judge.
    """
    if not user.enabled or user.id == one.by or user.id in one.newcomers:
        return False
    if not approves(user, registry):
        return False
    if user.role is Role.PS_SUPERVISOR:
        return user.organisation in one.houses or _names(one, user.organisation, registry)
    return user.organisation in one.controllers


def _names(one: HeldChange, room: str, registry: Registry) -> bool:
    """Return whether acts name all cameras concerned for a room; a controller's: one of them."""
    named = {
        camera
        for act in registry.acts.values()
        for scope in act.scopes
        if room in scope.recipients
        for camera in scope.cameras
    }
    owners = {registry.sites[registry.cameras[id_].site].controller for id_ in named}
    return bool(one.opens) and all(
        wide.camera in named if wide.camera in registry.cameras else owners & {*wide.controllers}
        for wide in one.opens
    )


def judge(one: HeldChange, registry: Registry, user_id: str) -> User:
    """Return the person who judges; ConfigError if this person may not, or has already."""
    user = registry.users.get(user_id)
    place = f"held[{one.id}]"
    if user is None or not may_judge(one, user, registry):
        raise ConfigError("registry", place, "this person may not approve it")
    if any(approval.by == user_id for approval in one.approvals):
        raise ConfigError("registry", place, "this person has approved it already")
    return user


def is_agreed(one: HeldChange, registry: Registry) -> bool:
    """Return whether enough people agree who may, by the registry in force."""
    people = [registry.users.get(approval.by) for approval in one.approvals]
    good = {user.id: user for user in people if user and may_judge(one, user, registry)}
    organisations = {user.organisation for user in good.values()}
    if not one.houses | _concerned(one, registry) <= organisations:
        return False
    return len(good) >= NEEDED or (bool(good) and not one.opens)


def insert(connection: sqlite3.Connection, one: HeldChange) -> None:
    """Keep a new one, and mark the assessments concerned."""
    connection.execute(
        "insert into held values (?, ?, ?, ?, ?, ?, ?, ?, 0, '', '')",
        (
            one.id, one.utc_us, one.by, one.source, one.text, int(one.remove),
            _written(one.widenings), one.state.value,
        ),
    )  # fmt: skip
    _mark_stale(connection, one)


def regrow(connection: sqlite3.Connection, one: HeldChange) -> None:
    """Replace what it opens, and let the approvals fall."""
    connection.execute("delete from approval where held = ?", (one.id,))
    connection.execute(
        "update held set widenings = ? where id = ?", (_written(one.widenings), one.id)
    )
    _mark_stale(connection, one)


def agree(connection: sqlite3.Connection, held_id: str, mark: Approval) -> None:
    """Write down an approval."""
    row = (held_id, mark.by, mark.utc_us, mark.reason)
    connection.execute("insert into approval values (?, ?, ?, ?)", row)


def bind_anew(connection: sqlite3.Connection, users: Iterable[str]) -> None:
    """Keep accounts that could be somebody else's from now on out of all that waits."""
    connection.executemany(
        "insert or ignore into newcomer select id, ? from held where state = ?",
        [(user, HeldState.WAITING.value) for user in users],
    )


def decide(connection: sqlite3.Connection, held_id: str, state: HeldState, mark: Approval) -> None:
    """End one; what was not approved leaves no assessment stale."""
    connection.execute(
        "update held set state = ?, decided_utc_us = ?, decided_by = ?, decided_reason = ?"
        " where id = ?",
        (state.value, mark.utc_us, mark.by, mark.reason, held_id),
    )
    if state is not HeldState.APPROVED:
        connection.execute("delete from stale where held = ?", (held_id,))


def _mark_stale(connection: sqlite3.Connection, one: HeldChange) -> None:
    for act in one.acts:
        about = [wide for wide in one.widenings if act in wide.acts]
        reason = "; ".join(wide.text_it for wide in about)[:500]
        assessed = max(wide.assessed for wide in about)
        connection.execute(
            "insert or replace into stale values (?, ?, ?, ?)", (act, one.id, reason, assessed)
        )


def stale(connection: sqlite3.Connection, acts: Mapping[str, Act]) -> dict[str, str]:
    """Return the acts whose assessment is not younger than the one that a widening outdated."""
    found: dict[str, str] = {}
    for id_, reason, assessed in connection.execute(
        "select act, reason, assessed from stale order by act, held"
    ):
        act = acts.get(id_)
        if act is None or act.dpia_date is None or act.dpia_date.isoformat() > assessed:
            continue
        found[id_] = f"{found[id_]}; {reason}"[:500] if id_ in found else reason
    return found


def load(connection: sqlite3.Connection) -> tuple[HeldChange, ...]:
    """Return those that wait and the newest others, newest first."""
    approvals: dict[str, list[Approval]] = {}
    for id_, user, utc_us, reason in connection.execute(
        "select held, user, utc_us, reason from approval order by utc_us, user"
    ):
        approvals.setdefault(id_, []).append(Approval(user, utc_us, reason))
    newcomers: dict[str, set[str]] = {}
    for id_, user in connection.execute("select held, user from newcomer"):
        newcomers.setdefault(id_, set()).add(user)
    rows = connection.execute(
        "select * from held order by state = ? desc, id desc limit ?",
        (HeldState.WAITING.value, MOST_SHOWN),
    )
    return tuple(
        replace(
            _read(row, tuple(approvals.get(row[0], ()))),
            newcomers=frozenset(newcomers.get(row[0], ())),
        )
        for row in rows
    )


def _read(row: tuple[object, ...], approvals: tuple[Approval, ...]) -> HeldChange:
    id_, utc_us, by, source, text, remove, widenings, state, when, who, why = row
    decided = Approval(str(who), int(str(when)), str(why)) if when else None
    return HeldChange(
        str(id_), int(str(utc_us)), str(by), str(source), str(text), bool(remove),
        _widenings(str(widenings)), approvals, HeldState(state), decided,
    )  # fmt: skip


def _written(found: tuple[Widening, ...]) -> str:
    return json.dumps([asdict(one) | {"what": one.what.value} for one in found])


def _widenings(text: str) -> tuple[Widening, ...]:
    return tuple(
        Widening(
            **one
            | {
                "what": Wider(one["what"]),
                "acts": tuple(one["acts"]),
                "controllers": tuple(one["controllers"]),
            }
        )
        for one in json.loads(text)
    )
