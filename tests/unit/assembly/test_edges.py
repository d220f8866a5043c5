# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""An edge is invited, joins, dials, renews and is revoked: real boxes' parts over real TLS."""

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from gateway.assembly.edges import EdgeDesk, EdgeParts
from gateway.assembly.journal import Journal
from gateway.assembly.lines import LineParts, lines_of
from gateway.audit.ledger import open_ledger
from gateway.config.load import line_folder, parse
from gateway.console.services import LineSide
from gateway.model.access import Actor
from gateway.model.errors import ConfigError, ConfigErrors, RefusedError
from gateway.model.registry import Role
from gateway.model.room import LineState
from gateway.registry.seed import parse_seed
from gateway.registry.store import open_registry
from gateway.room.enrolment import join, keep, renew
from gateway.room.invitations import read_code
from gateway.runtime.clock import SystemClock
from tests.unit.assembly.parts import entries, until
from tests.unit.audit.logbook import KEY, ORIGIN
from tests.unit.registry.worlds import SEED

CAPO = Actor("capo", "Capo", Role.PS_SUPERVISOR, "sala", "s1", "password")
WAIT_S = 150.0


@dataclass
class Box:
    options: object
    registry: object
    ledger: object
    lines: object
    desk: EdgeDesk


@asynccontextmanager
async def box(folder, name, text, listener=None):
    """Open a box's registry, ledger and lines; its tasks run until the block ends."""
    folder.mkdir(exist_ok=True)
    where = folder / "gateway.toml"
    head = f'[box]\nid = "{name}"\nname = "{name.title()}"\nstate_dir = "state"\n'
    options = parse(head + text, where)
    options.box.state_dir.mkdir(exist_ok=True)
    clock = SystemClock()
    async with (
        open_registry(folder / "r.db", clock=clock) as registry,
        open_ledger(folder / "l.db", origin=ORIGIN, key=KEY, clock=clock) as ledger,
    ):
        if registry.current().version == 0:
            await registry.apply(parse_seed(SEED, "s"), by="x")
        journal = Journal(ledger, clock)
        parts = LineParts(registry.current, journal.account, clock, listener=listener)
        lines = lines_of(options, str(where), parts)
        desk = EdgeDesk(EdgeParts(options, registry, journal, clock), lines)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in (*lines.tasks(), *desk.tasks())]
            try:
                yield Box(options, registry, ledger, lines, desk)
            finally:
                for one in tasks:
                    one.cancel()


@asynccontextmanager
async def both(tmp_path):
    """A room and an edge that knows nothing of it but a name."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        room_text = f'[room]\nname = "Sala"\nport = {port}\naddresses = ["127.0.0.1:{port}"]\n'
        edge_text = '[[uplink]]\nname = "questura"\nrecipient = "sala"\n'
        async with (
            box(tmp_path / "room", "sala-op", room_text, listener) as room,
            box(tmp_path / "edge", "nord", edge_text) as edge,
        ):
            yield room, edge


async def enrol(room, edge):
    told = await room.desk.invite("nord", "Varco nord", ("sala",), by=CAPO)
    joined = await join(read_code(told.code), "", SystemClock().now().utc_us)
    keep(line_folder(edge.options.box.state_dir, "questura"), joined)
    edge.lines.uplinks["questura"].redial()
    return told


def state(one):
    return one.desk.lines()[0].status.state


async def test_from_the_invitation_to_the_end(tmp_path):
    """Invited, joined without a restart, up, renewed, revoked and dark: all of it in the log."""
    async with both(tmp_path) as (room, edge):
        assert room.desk.is_room
        assert not edge.desk.is_room
        assert state(edge) is LineState.NOT_ENROLLED or state(edge) is LineState.CONNECTING
        told = await enrol(room, edge)
        assert told.code not in repr(told)
        await until(lambda: state(edge) is LineState.UP, WAIT_S)
        await until(lambda: state(room) is LineState.UP, WAIT_S)
        (there,) = room.desk.lines()
        assert (there.id, there.name, there.side) == ("nord", "Varco nord", LineSide.EDGE)
        assert there.organisations == ("sala",)
        assert there.invited_until_utc_us == 0
        assert there.certificate_until_utc_us > there.status.since_utc_us
        edge.desk._known = edge.desk._read()
        (here,) = edge.desk.lines()
        assert (here.id, here.name, here.side) == ("questura", "Sala", LineSide.ROOM)
        assert here.organisations == ("sala", "farmacia")
        assert here.certificate_until_utc_us == there.certificate_until_utc_us

        before = room.registry.current().edges["nord"].certificate_sha256
        folder = line_folder(edge.options.box.state_dir, "questura")
        uplink = edge.lines.uplinks["questura"]
        await renew(uplink, folder, "nord")
        from gateway.room.enrolment import change_over

        assert await change_over(uplink, folder)
        after = room.registry.current().edges["nord"].certificate_sha256
        assert after != before
        await until(
            lambda: (
                room.lines.reception.standing("nord").peer.certificate_sha256 == after
                if state(room) is LineState.UP
                else False
            ),
            WAIT_S,
        )

        await room.desk.revoke("nord", by=CAPO)
        await until(lambda: state(edge) in (LineState.REFUSED, LineState.DOWN), WAIT_S)
        (there,) = room.desk.lines()
        assert not there.enabled
        await until(lambda: entries(room.ledger, "line.refuse"), WAIT_S)
        assert state(edge) is not LineState.UP

        (invited,) = await entries(room.ledger, "edge.invite")
        assert (invited.actor_id, invited.object_id, invited.org) == ("capo", "nord", "sala")
        assert told.code not in invited.reason_text
        enrolled = await entries(room.ledger, "edge.enrol")
        assert [(one.object_id, one.result) for one in enrolled] == [("nord", "ok")] * 2
        (revoked,) = await entries(room.ledger, "edge.revoke")
        assert revoked.actor_id == "capo"
        versions = await room.registry.versions()
        assert {one.by for one in versions} == {"x", "capo", "enrolment"}


async def test_a_revoked_edge_comes_back_by_a_new_invitation_alone(tmp_path):
    """Its old files open nothing, also while it is invited again."""
    async with both(tmp_path) as (room, edge):
        await enrol(room, edge)
        await until(lambda: state(edge) is LineState.UP, WAIT_S)
        await room.desk.revoke("nord", by=CAPO)
        await until(lambda: state(edge) is not LineState.UP, WAIT_S)
        told = await room.desk.invite("nord", "", (), by=CAPO)
        assert room.registry.current().edges["nord"].name == "Varco nord"
        edge.lines.uplinks["questura"].redial()
        await until(lambda: entries(room.ledger, "line.refuse"), WAIT_S)
        assert state(edge) is not LineState.UP
        joined = await join(read_code(told.code), "", SystemClock().now().utc_us)
        keep(line_folder(edge.options.box.state_dir, "questura"), joined)
        edge.lines.uplinks["questura"].redial()
        await until(lambda: state(edge) is LineState.UP, WAIT_S)


async def test_who_comes_with_a_used_code_is_written_down(tmp_path):
    """The room's log names the edge and why; the code is in no entry."""
    async with both(tmp_path) as (room, edge):
        told = await enrol(room, edge)
        with pytest.raises(RefusedError):
            await join(read_code(told.code), "", SystemClock().now().utc_us)
        denied = [one for one in await entries(room.ledger, "edge.enrol") if one.result != "ok"]
        assert [(one.object_id, one.error) for one in denied] == [("nord", "code-used")]


async def test_an_invitation_that_does_not_fit_says_so_and_changes_nothing(tmp_path):
    """An organisation that is not there; a box that is no room."""
    async with both(tmp_path) as (room, edge):
        with pytest.raises(ConfigErrors, match="nowhere"):
            await room.desk.invite("nord", "Nord", ("nowhere",), by=CAPO)
        assert room.registry.current().edges == {}
        assert await entries(room.ledger, "edge.invite") == []
        with pytest.raises(ConfigError, match="no edge dials this box"):
            await edge.desk.invite("sud", "Sud", (), by=CAPO)
        with pytest.raises(ConfigError):
            await room.desk.revoke("nobody", by=CAPO)


async def test_a_document_cannot_enrol(tmp_path):
    """Whoever may apply a document could else let a box of their own in as this edge."""
    foreign = '[[edge]]\nid = "nord"\nname = "Nord"\ncertificate_sha256 = "' + "0f" * 32 + '"\n'
    async with both(tmp_path) as (room, edge):
        await enrol(room, edge)
        good = room.registry.current().edges["nord"]
        with pytest.raises(ConfigErrors, match="comes with an enrolment"):
            await room.registry.apply(parse_seed(foreign, "s"), by="x")
        plain = '[[edge]]\nid = "nord"\nname = "Nord"\norganisations = ["sala"]\n'
        await room.registry.apply(parse_seed(plain, "s"), by="x")
        assert room.registry.current().edges["nord"] == replace(good, name="Nord")


async def test_a_certificate_from_elsewhere_is_left_alone(tmp_path):
    """Who brought it renews it."""
    text = (
        '[[uplink]]\nname = "q"\nrecipient = "sala"\naddresses = ["127.0.0.1:9"]\n'
        'certificate = "a.pem"\nkey = "a.key"\nca = "ca.pem"\n'
    )
    async with box(tmp_path / "edge", "nord", text) as edge:
        assert list(edge.desk._own()) == []
        assert edge.desk._read() == {"q": ("", 0)}
