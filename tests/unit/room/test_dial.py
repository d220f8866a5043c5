# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""An edge dials a real room: refusals in words, dead networks, second ways, pictures."""

import asyncio
import socket
from dataclasses import replace

import pytest

from gateway.model.errors import ConfigError, PeerError
from gateway.model.room import LineState, Reply
from gateway.room.dial import MOST_SPARES, _Media, connect
from tests.certificates import Authority
from tests.line_parts import (
    DOORSTEP,
    PATIENCE,
    ROOM,
    SOON_S,
    Proxy,
    World,
    address,
    listener,
    until,
)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def run(play):
    async def bounded():
        async with asyncio.timeout(3 * SOON_S):
            await play()

    asyncio.run(bounded())


async def is_up(uplink):
    await until(lambda: uplink.status().state is LineState.UP)


def test_an_edge_dials_and_both_ends_talk(world):
    """The line is up by itself; each end answers the other, and knows who that is."""

    async def name(peer, body, blob):
        return Reply({"asked_by": peer.id, **body}, blob)

    async def play():
        issued, seen = world.edge(), []
        async with world.room({"name": name}) as (room, where):
            up = world.uplink(issued, where, {"name": name})
            up.on_up.append(seen.append)
            with pytest.raises(PeerError, match="questura"):
                await up.call("name", {})
            assert not up.tell("name", {})
            async with world.dialled(issued, where, {"name": name}) as uplink:
                await is_up(uplink)
                assert uplink.peer_id == "questura"
                assert uplink.greeting["heartbeat_s"] == 20
                assert uplink.peer.certificate_sha256 == world.server.sha256
                assert (await uplink.call("name", {}, b"x")).body["asked_by"] == "farmacia"
                reply = await room.caller("farmacia").call("name", {"x": 1})
                assert reply.body == {"asked_by": "questura", "x": 1}
                status = uplink.status()
                assert (status.address, status.problem, status.dials) == (where, "", 1)
                await until(lambda: uplink.status().round_trip_ms > 0)
                assert uplink.status().sent_bytes > 0

    run(play)


def test_heartbeats_carry_states(world):
    """The room has what the edge tells of itself, from the first moment on."""

    async def play():
        issued = world.edge()
        async with (
            world.room() as (room, where),
            world.dialled(issued, where, states=lambda: {"disk": "full"}),
        ):
            await until(lambda: room.states("farmacia") == {"disk": "full"})

    run(play)


def test_a_room_that_restarts_finds_its_edges_again(world):
    """The line comes back by itself, however often; who listens is told each time."""

    async def play():
        issued, downs, problems = world.edge(), [], []
        with listener() as door:
            where = address(door)
            async with world.dialled(issued, where) as uplink:
                uplink.on_down.append(downs.append)
                uplink.on_down.append(lambda _: problems.append(uplink.status().problem))
                for _ in range(3):
                    room = world.reception(door)
                    running = asyncio.create_task(room.run())
                    await is_up(uplink)
                    running.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await running
                    await until(lambda: uplink.status().state is LineState.DOWN)
                    assert uplink.status().problem
                assert [one.id for one in downs] == ["questura"] * 3
                assert all("closed the connection" in one for one in problems)

    run(play)


def test_a_room_that_refuses_says_why(world):
    """Unknown certificate, then taken in: refused in words first, up by itself afterwards."""

    async def play():
        issued = world.authority.issue("farmacia")
        async with world.room() as (_, where), world.dialled(issued, where) as uplink:
            await until(lambda: uplink.status().state is LineState.REFUSED)
            assert "belongs to no edge" in uplink.status().problem
            world.edge(certificate_sha256=issued.sha256)
            await is_up(uplink)

    run(play)


@pytest.mark.parametrize("whose", ["other", "expired", "room", "name"])
def test_certificates_that_are_not_taken(world, tmp_path, whose):
    """Refused in words: our certificate by the room, or the room's by us, or our name."""

    async def play():
        world.edge()
        issued, changes, told = world.edges["farmacia"], {}, []
        if whose == "other":
            issued, words = Authority(tmp_path).issue("farmacia"), "refuses our certificate"
        elif whose == "expired":
            issued, words = world.authority.issue("farmacia", days=-1), "expired"
        elif whose == "room":
            issued, words = world.edge(), "does not verify"
            changes["ca"] = Authority(tmp_path).file
        else:
            issued, words, changes["edge"] = world.edge(), "not of scuola", "scuola"
        async with world.room() as (_, where), world.dialled(issued, where, **changes) as uplink:
            uplink.on_refused.append(told.append)
            await until(lambda: uplink.status().state is LineState.REFUSED)
            assert words in uplink.status().problem
            assert len(told) == 1
            assert words in told[0]

    run(play)


def test_an_edge_that_is_disabled_while_it_is_up(world):
    """The line goes within two seconds, and people at the edge read why."""

    async def play():
        issued = world.edge()
        async with world.room() as (_, where), world.dialled(issued, where) as uplink:
            await is_up(uplink)
            edge = world.edges["farmacia"]
            world.edges = {"farmacia": replace(edge, enabled=False)}
            await until(lambda: uplink.status().state is LineState.REFUSED)
            assert "disabled" in uplink.status().problem
            world.edges = {"farmacia": edge}
            await is_up(uplink)

    run(play)


def test_a_box_that_is_not_enrolled_waits(world):
    """Without a certificate nothing is dialled; with one it is, at once when told."""

    async def play():
        issued, there = world.edge(), []
        patience = replace(PATIENCE, enrolled_s=3600.0)

        def context(alpn):
            if not there:
                raise ConfigError("line.pem", "", "is not there", "enrol")
            return world.client_context(issued, alpn)

        async with (
            world.room() as (_, where),
            world.dialled(issued, where, patience=patience, context=context) as uplink,
        ):
            await until(lambda: uplink.status().state is LineState.NOT_ENROLLED)
            assert uplink.status().dials == 0
            there.append(True)
            uplink.redial()
            await is_up(uplink)

    run(play)


def test_a_network_that_swallows_everything(world):
    """Both ends notice, and the edge dials anew; when the network is back the line is, too."""

    async def play():
        issued = world.edge()
        async with world.room() as (room, where):
            proxy = Proxy(where)
            async with proxy.open() as through, world.dialled(issued, through) as uplink:
                await is_up(uplink)
                proxy.silent = True
                await until(lambda: uplink.status().state is LineState.SILENT)
                await until(lambda: room.lines()[0].state is LineState.DOWN)
                await until(lambda: uplink.status().state is LineState.DOWN)
                assert uplink.status().heard_utc_us > 0
                proxy.hang_up()
                proxy.silent = False
                await is_up(uplink)
                await until(lambda: room.lines()[0].state is LineState.UP)

    run(play)


def test_the_second_way_is_taken_and_the_best_one_again(world):
    """When the best address is dead the next one is used, until the best answers again."""

    async def play():
        issued = world.edge()
        async with world.room() as (_, where):
            best = Proxy(where)
            second = Proxy(where)
            async with (
                best.open() as first,
                second.open() as other,
                world.dialled(issued, [first, other]) as uplink,
            ):
                await is_up(uplink)
                assert uplink.status().address == first
                best.refusing = True
                best.hang_up()
                await until(lambda: uplink.status().address == other)
                await is_up(uplink)
                best.refusing = False
                await until(lambda: uplink.status().address == first)
                await is_up(uplink)
                assert (await uplink.call("heartbeat", {})).body["utc_us"]

    run(play)


def test_a_way_that_fell_silent_is_tried_last(world):
    """A dead network is not dialled again before the other way was."""

    async def play():
        issued = world.edge()
        async with world.room() as (_, where):
            best = Proxy(where)
            async with best.open() as first:
                patience = replace(PATIENCE, connect_s=SOON_S, return_s=3600.0)
                async with world.dialled(issued, [first, where], patience=patience) as uplink:
                    await is_up(uplink)
                    assert uplink.status().address == first
                    best.silent = True  # it still takes connections, and loses every byte
                    await until(lambda: uplink.status().address == where)
                    await is_up(uplink)

    run(play)


def test_an_address_that_is_not_a_room(world):
    """Another service, a closed port, a name of nobody: words, and the good address is used."""

    async def play():
        issued = world.edge()
        with listener() as door:
            closed = address(door)
        patience = replace(PATIENCE, connect_s=2.0)
        async with world.room() as (_, where):
            async with world.dialled(issued, [closed, where], patience=patience) as uplink:
                await is_up(uplink)
                assert uplink.status().address == where
            async with world.dialled(issued, closed, patience=patience) as uplink:
                await until(lambda: "refused" in uplink.status().problem)
                assert closed in uplink.status().problem
            async with world.dialled(issued, [], patience=patience) as uplink:
                await until(lambda: "no address" in uplink.status().problem)

    run(play)


def test_a_local_address_is_bound():
    """`host:port@local` leaves from that address; one that is not ours is an error in words."""

    async def play():
        with listener() as door:
            sock = await connect(f"{address(door)}@127.0.0.9", SOON_S)
            assert sock.getsockname()[0] == "127.0.0.9"
            sock.close()
            with pytest.raises(PeerError, match=r"@192\.0\.2\.1"):
                await connect(f"{address(door)}@192.0.2.1", SOON_S)
            with pytest.raises(PeerError):
                await connect(f"{address(door)}@::1", SOON_S)
            sock = socket.create_connection(door.getsockname())
            sock.close()

    run(play)


def test_one_connection_waits_for_a_picture_and_more_come_when_asked(world):
    """Each that is taken is served by itself; another waits at once; `bring` makes more."""
    served, gate = [], asyncio.Event()

    async def on_media(sealed):
        asked = await sealed.read()
        served.append(asked)
        await sealed.write(b"answer to " + asked)
        await gate.wait()

    async def play():
        issued = world.edge()
        async with (
            world.room() as (room, where),
            world.dialled(issued, where, on_media=on_media) as uplink,
        ):
            await is_up(uplink)
            pool = room._known["farmacia"].pool
            await until(lambda: pool.spares == 1)
            first = await room.media("farmacia")
            await first.write(b"one")
            assert await first.read() == b"answer to one"
            await until(lambda: pool.spares == 1)
            async with asyncio.TaskGroup() as tasks:
                taken = [tasks.create_task(room.media("farmacia")) for _ in range(4)]
            for number, one in enumerate(taken):
                await one.result().write(b"%d" % number)
            await until(lambda: len(served) == 5)
            assert uplink.status().streams == 5
            gate.set()
            for one in taken:
                await one.result().read()
                with pytest.raises(PeerError):
                    await one.result().read()
            await until(lambda: uplink.status().streams == 0)
            for one in (first, *(one.result() for one in taken)):
                one.close()

    run(play)


def test_a_room_cannot_have_any_number_brought(world):
    """However many it asks for, spares are bounded."""

    async def play():
        issued = world.edge()
        doorstep = replace(DOORSTEP, most_spares=100)
        async with (
            world.room(doorstep=doorstep) as (room, where),
            world.dialled(issued, where) as uplink,
        ):
            await is_up(uplink)
            room.standing("farmacia").tell("bring", {"n": 10_000})
            room.standing("farmacia").tell("bring", {"n": "many"})
            pool = room._known["farmacia"].pool
            await until(lambda: pool.spares == MOST_SPARES)
            await uplink.call("heartbeat", {})
            assert pool.spares == MOST_SPARES

    run(play)


def test_pictures_end_with_the_line(world):
    """When the line ends, connections for pictures do; the new line has its own."""
    ended = []

    async def on_media(sealed):
        try:
            await sealed.read()
            await asyncio.Event().wait()
        finally:
            ended.append(sealed)

    async def play():
        issued = world.edge()
        async with (
            world.room() as (room, where),
            world.dialled(issued, where, on_media=on_media) as uplink,
        ):
            await is_up(uplink)
            taken = await room.media("farmacia")
            await taken.write(b"one")
            await until(lambda: uplink.status().streams == 1)
            uplink.redial("moved")
            with pytest.raises(PeerError):
                await taken.read()
            taken.close()
            await until(lambda: ended)
            await is_up(uplink)
            again = await room.media("farmacia")
            again.close()
            assert ended[0].closed

    run(play)


def test_a_bug_while_pictures_are_served_harms_nothing_else(world):
    """One connection ends; the line and the next picture do not."""
    served = []

    async def on_media(sealed):
        served.append(await sealed.read())
        raise ZeroDivisionError

    async def play():
        issued = world.edge()
        async with (
            world.room() as (room, where),
            world.dialled(issued, where, on_media=on_media) as uplink,
        ):
            await is_up(uplink)
            for number in range(2):
                taken = await room.media("farmacia")
                await taken.write(b"%d" % number)
                with pytest.raises(PeerError):
                    await taken.read()
                taken.close()
            assert served == [b"0", b"1"]
            assert uplink.status().dials == 1

    run(play)


@pytest.mark.parametrize("says", ["carabinieri", "Questura <b>", "", "q" * 65])
def test_a_room_does_not_pass_for_another(world, says):
    """Its people stand in our log under its name: another one than we enrolled with is refused."""

    async def play():
        issued = world.edge()
        async with (
            world.room(greeting=lambda: ROOM | {"room": says}) as (_, where),
            world.dialled(issued, where, room=lambda: "questura") as uplink,
        ):
            await until(lambda: uplink.status().problem)
            assert uplink.status().state is not LineState.UP
            assert uplink.peer is None
            assert uplink.peer_id == ""

    run(play)


async def test_a_room_that_asks_while_the_line_ends_harms_nothing():
    """Its group of tasks takes nobody any more; that is no bug of anybody's."""
    waits = []

    class MovedError(Exception):
        pass

    async def ends(media):
        raise MovedError

    async def stays(media):
        try:
            await asyncio.Event().wait()
        finally:
            media.more(2)
            waits.append(media._waiting)

    with pytest.raises(ExceptionGroup):
        async with asyncio.TaskGroup() as tasks:
            media = _Media(None, "room:1", tasks, None)
            tasks.create_task(stays(media))
            await asyncio.sleep(0)
            tasks.create_task(ends(media))
    assert waits == [0]
