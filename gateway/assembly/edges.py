# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who may dial this box, and how every line stands, for people; renewal of our own certificates."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gateway.assembly.journal import Journal, signed
from gateway.assembly.lines import Lines
from gateway.config.load import line_folder
from gateway.config.options import Options, UplinkOptions
from gateway.console.services import InvitationTold, LineReport, LineSide
from gateway.model.access import Actor, Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import ConfigError, RefusedError
from gateway.model.registry import Edge, Registry
from gateway.model.room import LINE_CERTIFICATE, LinePeer, LineState, LineStatus, Reply
from gateway.registry.store import RegistryStore
from gateway.room.authority import open_authority, span_of
from gateway.room.enrolment import (
    Enrolment,
    EnrolmentParts,
    RoomWord,
    keep_renewed,
    read_membership,
)
from gateway.room.invitations import FILE, Invitations
from gateway.room.knocks import host_of
from gateway.runtime.clock import Clock

KEYS = {"assertion": "assertion_key", "witness": "witness_key", "log": "vkey"}
"""Public keys that are pinned at enrolment, by their place in the greeting."""
CERTIFICATES_S = 10.0
"""How often our own certificates are looked at, for the page."""


@dataclass(frozen=True, slots=True)
class EdgeParts:
    """What the desk works with."""

    options: Options
    registry: RegistryStore
    journal: Journal
    clock: Clock


class EdgeDesk:
    """Enrolment at a room, and lines at either end; see `gateway.console.services.LineDesk`."""

    def __init__(self, parts: EdgeParts, lines: Lines) -> None:
        """Join `lines` before their tasks run; ConfigError if the authority is unusable."""
        self._p, self._lines = parts, lines
        self._known: dict[str, tuple[str, int]] = {}
        self.enrolment = self._enrolment()
        if self.enrolment is not None:
            lines.enrol = self.enrolment.serve
            lines.recognise = self.enrolment.recognise
            lines.handlers_room["renew"] = self._renew

    def _enrolment(self) -> Enrolment | None:
        room, box, p = self._p.options.room, self._p.options.box, self._p
        if room is None:
            return None
        now = p.clock.now().utc_us
        authority = open_authority(box.state_dir, box.id, now)
        authority.furnish(room.addresses, box.id, now)

        def edge(id_: str) -> Edge | None:
            return p.registry.current().edges.get(id_)

        def word() -> RoomWord:
            told = {name: self._lines.greeting.get(key, "") for name, key in KEYS.items()}
            keys = {name: one for name, one in told.items() if isinstance(one, str) and one}
            return RoomWord(box.id, room.name, room.addresses, keys)

        return Enrolment(
            EnrolmentParts(
                authority=authority,
                invitations=Invitations(box.state_dir / FILE),
                clock=p.clock,
                word=word,
                edge=edge,
                admit=lambda edge, by: p.registry.admit(edge, by=by),
                note=self._note,
            )
        )

    def tasks(self) -> tuple[Coroutine[None, None, None], ...]:
        """Return what has to run."""
        return (*(self._keep(one) for one in self._own()), self._look())

    def _own(self) -> Iterable[UplinkOptions]:
        """Return the uplinks whose certificates came with an enrolment, not from elsewhere."""
        for one in self._p.options.uplinks:
            if one.certificate == self._folder(one) / LINE_CERTIFICATE:
                yield one

    def _folder(self, one: UplinkOptions) -> Path:
        return line_folder(self._p.options.box.state_dir, one.name)

    async def _keep(self, one: UplinkOptions) -> None:
        await keep_renewed(self._lines.uplinks[one.name], self._folder(one), self._p.clock)

    async def _look(self) -> None:
        """Know until when our certificates count, and what rooms are called; for ever."""
        while True:
            self._known = await asyncio.to_thread(self._read)
            await self._p.clock.sleep(CERTIFICATES_S)

    def _read(self) -> dict[str, tuple[str, int]]:
        found = {}
        for one in self._p.options.uplinks:
            name, until = "", 0
            try:
                until = span_of(one.certificate.read_bytes())[1]
                member = read_membership(self._folder(one))
                name = member.name if member else ""
            except (OSError, ValueError, ConfigError):
                pass  # the line itself says so
            found[one.name] = (name, until)
        return found

    # for people ------------------------------------------------------------------------------

    @property
    def is_room(self) -> bool:
        """Whether edges dial this box."""
        return self.enrolment is not None

    def lines(self) -> tuple[LineReport, ...]:
        """Return how every line stands: the rooms that we dial, then the edges by name."""
        registry = self._p.registry.current()
        dialled: list[LineReport] = []
        edges: list[LineReport] = []
        options = {one.name: one for one in self._p.options.uplinks}
        waiting = self.enrolment.waiting() if self.enrolment else {}
        for name, status in self._lines.statuses():
            if name:
                dialled.append(self._room(options[name], status, registry))
            elif (edge := registry.edges.get(status.peer)) is not None:
                edges.append(self._edge(edge, status, waiting))
        return (*dialled, *sorted(edges, key=lambda one: (one.name, one.id)))

    def _room(self, one: UplinkOptions, status: LineStatus, registry: Registry) -> LineReport:
        name, until = self._known.get(one.name, ("", 0))
        owners = {
            registry.sites[registry.cameras[camera].site].controller
            for act in registry.acts.values()
            for scope in act.scopes
            for camera in scope.cameras
            if one.recipient in scope.recipients
        }
        known = registry.recipients.get(one.recipient)
        if status.state is LineState.NOT_ENROLLED:
            status = replace(status, problem="")  # a file that is missing is not news
        return LineReport(
            one.name, name or (known.name if known else one.name), LineSide.ROOM, status,
            (one.recipient, *sorted(owners)), certificate_until_utc_us=until,
        )  # fmt: skip

    def _edge(self, edge: Edge, status: LineStatus, waiting: Mapping[str, int]) -> LineReport:
        until = self.enrolment.certificate_until(edge) if self.enrolment else 0
        return LineReport(
            edge.id, edge.name, LineSide.EDGE, status, edge.organisations, edge.enabled,
            until, waiting.get(edge.id, 0),
        )  # fmt: skip

    async def invite(
        self, edge: str, name: str, organisations: tuple[str, ...], *, by: Actor
    ) -> InvitationTold:
        """Return a code for an edge, which stands in the registry from now on."""
        if self.enrolment is None:
            raise _no_room()
        known = self._p.registry.current().edges.get(edge) or Edge(edge, edge)
        wanted = replace(
            known, name=name or known.name, organisations=organisations or known.organisations
        )
        try:
            code, made = await self.enrolment.invite(wanted, by.id)
        except RefusedError as error:
            raise ConfigError("request", f"edge[{edge}]", error.text) from error
        await self._account(by, "edge.invite", edge, ",".join(wanted.organisations))
        return InvitationTold(code, made.until_utc_us)

    async def revoke(self, edge: str, *, by: Actor) -> None:
        """Let an edge in no more."""
        known = self._p.registry.current().edges.get(edge)
        if self.enrolment is None or known is None:
            raise _no_room()
        await self.enrolment.revoke(known, by.id)
        await self._account(by, "edge.revoke", edge, "")

    async def _account(self, by: Actor, event: str, edge: str, words: str) -> None:
        version = self._p.registry.current().version
        entry = replace(_about(event, edge), reason_text=words[:200], policy_version=version)
        await self._p.journal.account(signed(entry, by))

    # for edges -------------------------------------------------------------------------------

    async def _note(self, edge: str, problem: str, address: str) -> None:
        version = self._p.registry.current().version
        entry = replace(
            _about("edge.enrol", edge),
            result="denied" if problem else "ok",
            error=problem,
            actor_type="device",
            src_ip=host_of(address) if address else "",
            channel="line",
            policy_version=version,
        )
        await self._p.journal.account(entry)

    async def _renew(self, peer: LinePeer, body: Mapping[str, Any], blob: bytes) -> Reply:
        assert self.enrolment is not None  # noqa: S101 - hooked in only then
        return await self.enrolment.renew(peer, body, blob)


def _about(event: str, edge: str) -> LedgerEvent:
    return LedgerEvent(event, Operation.NONE, Regime.GDPR, object_type="edge", object_id=edge)


def _no_room() -> ConfigError:
    advice = "write a table [room] in gateway.toml and restart"
    return ConfigError("request", "edge", "no edge dials this box", advice)
