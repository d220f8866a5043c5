# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A room's listener over real TLS: who comes in, who does not, and who has to leave."""

import asyncio
import contextlib
import socket
import ssl
from dataclasses import replace

import pytest

from gateway.model.errors import CredentialError, InvariantError, PeerError, RefusedError
from gateway.model.room import LineState, Reply
from gateway.room.knocks import MOST_FAILURES, WELCOME_S
from gateway.room.reception import MOST_BUGS
from gateway.runtime.sealed import Sealed
from gateway.wire.uplink import ALPN_ENROL, ALPN_LINE, ALPN_MEDIA, Frame, FrameDecoder, encode
from tests.certificates import Authority
from tests.line_parts import DOORSTEP, SOON_S, World, until

HELLO = {"v": 1, "edge": "farmacia", "name": "Farmacia", "software": "test", "exercise": False}


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def run(play):
    async def bounded():
        async with asyncio.timeout(3 * SOON_S):
            await play()

    asyncio.run(bounded())


class Edge:
    """A bare edge that says what a test wants."""

    def __init__(self, sealed):
        self.sealed = sealed
        self._decoder, self._frames, self._number = FrameDecoder(), [], 0

    async def next(self):
        """Return the next frame that is no ping."""
        while True:
            while self._frames:
                frame = self._frames.pop(0)
                if frame.kind != "ping":
                    return frame
                if frame.number:
                    now = {"utc_us": 1}
                    await self.sealed.write(encode(Frame("ping", now, answers=frame.number)))
            self._frames += self._decoder.receive(await self.sealed.read())

    async def ask(self, kind, body):
        self._number += 1
        await self.sealed.write(encode(Frame(kind, body, number=self._number)))
        return await self.next()

    async def ended(self):
        """Wait until the room hangs up."""
        with contextlib.suppress(PeerError):
            while True:
                await self.next()
        self.sealed.close()


async def greeted(world, where, issued, **changes):
    edge = Edge(await world.dial(where, issued))
    answer = await edge.ask("hello", HELLO | changes)
    assert answer.error is None, answer.error
    return edge, answer


def state(room, edge="farmacia"):
    return next(one for one in room.lines() if one.peer == edge)


def test_an_edge_is_known_by_its_certificate(world):
    """Hello is answered with who the room is; the line is up, and gone when the edge goes."""

    async def play():
        issued, ups, downs = world.edge(), [], []
        world.edge("scuola", certificate_sha256="")
        async with world.room() as (room, where):
            room.on_up.append(ups.append)
            room.on_down.append(downs.append)
            assert state(room).state is LineState.DOWN
            assert state(room, "scuola").state is LineState.NOT_ENROLLED
            edge, answer = await greeted(world, where, issued)
            assert answer.body["room"] == "questura"
            assert answer.body["utc_us"] > 0
            status = state(room)
            assert status.state is LineState.UP
            assert status.address == edge.sealed.local_address
            assert room.hello("farmacia")["software"] == "test"
            assert room.hello("farmacia")["exercise"] is False
            assert ups[0].certificate_sha256 == issued.sha256
            beat = await edge.ask("heartbeat", {"utc_us": 1, "states": {"load": 3}})
            assert beat.body["utc_us"] > 0
            assert room.states("farmacia") == {"load": 3}
            edge.sealed.close()
            await until(lambda: downs)
            status = state(room)
            assert status.state is LineState.DOWN
            assert "closed the connection" in status.problem
            assert status.received_bytes > 0

    run(play)


def test_a_caller_outlives_lines(world):
    """The same caller asks on whatever line stands, and says so while none does."""

    async def play():
        issued = world.edge()
        async with world.room() as (room, where):
            caller = room.caller("farmacia")
            with pytest.raises(PeerError, match="down"):
                await caller.call("offers?", {})
            assert not caller.tell("release", {})
            for _ in range(2):
                edge, _ = await greeted(world, where, issued)
                async with asyncio.TaskGroup() as tasks:
                    asked = tasks.create_task(caller.call("offers?", {}, within_s=SOON_S))
                    question = await edge.next()
                    answer = Frame(question.kind, {"cameras": []}, answers=question.number)
                    await edge.sealed.write(encode(answer))
                assert asked.result().body == {"cameras": []}
                assert caller.tell("release", {"grant": "g"})
                assert (await edge.next()).body == {"grant": "g"}
                edge.sealed.close()
                await until(lambda: state(room).state is LineState.DOWN)

    run(play)


@pytest.mark.parametrize("days", [30, -1])
def test_a_certificate_of_another_authority_or_expired(world, tmp_path, days):
    """The handshake fails, the other end hears why, and the refusal is told."""

    async def play():
        world.edge()
        authority = world.authority if days < 0 else Authority(tmp_path)
        issued = authority.issue("farmacia", days=days)
        async with world.room() as (_, where):
            sealed = await world.dial(where, issued)
            with pytest.raises(CredentialError):
                await sealed.read()
            sealed.close()
            refusal = (await until(lambda: world.refusals))[0]
        assert refusal.reason == "certificate"
        assert "does not verify" in refusal.text
        assert refusal.address.startswith("127.0.0.1:")

    run(play)


def test_a_good_certificate_of_nobody(world):
    """Our authority signed it, no edge has it: the other end reads why, and it is told."""

    async def play():
        world.edge()
        stranger = world.authority.issue("stranger")
        async with world.room() as (room, where):
            edge = Edge(await world.dial(where, stranger))
            answer = await edge.ask("hello", HELLO)
            assert answer.error[0] == "unknown"
            await edge.ended()
            refusal = (await until(lambda: world.refusals))[0]
            assert (refusal.reason, refusal.certificate_sha256) == ("unknown", stranger.sha256)
            assert state(room).state is LineState.DOWN
            assert room.refusals == 1

    run(play)


def test_a_disabled_edge(world):
    """It is told that it is disabled, and shown as refused."""

    async def play():
        issued = world.edge(enabled=False)
        async with world.room() as (room, where):
            edge = Edge(await world.dial(where, issued))
            assert (await edge.ask("hello", HELLO)).error[0] == "disabled"
            await edge.ended()
            refusal = (await until(lambda: world.refusals))[0]
            assert (refusal.reason, refusal.edge) == ("disabled", "farmacia")
            assert room.lines()[0].state in (LineState.DOWN, LineState.REFUSED)

    run(play)


def test_an_edge_that_claims_to_be_another(world):
    """The certificate decides: another id is refused, and told with the certificate."""

    async def play():
        issued = world.edge()
        world.edge("scuola")
        async with world.room() as (room, where):
            edge = Edge(await world.dial(where, issued))
            assert (await edge.ask("hello", HELLO | {"edge": "scuola"})).error[0] == "edge-id"
            refusal = (await until(lambda: world.refusals))[0]
            assert (refusal.reason, refusal.edge) == ("edge-id", "farmacia")
            assert refusal.certificate_sha256 == issued.sha256
            assert state(room, "scuola").state is LineState.DOWN
            assert state(room).state is LineState.DOWN
            edge.sealed.close()

    run(play)


@pytest.mark.parametrize(
    "changes", [{"v": 2}, {"v": None}, {"name": 7}, {"name": "a\nb"}, {"name": "x" * 500}]
)
def test_a_hello_of_another_version(world, changes):
    """What is no hello of ours is refused, and the line does not come up."""

    async def play():
        issued = world.edge()
        async with world.room() as (room, where):
            edge = Edge(await world.dial(where, issued))
            assert (await edge.ask("hello", HELLO | changes)).error[0] == "wire"
            assert state(room).state is LineState.DOWN
            edge.sealed.close()

    run(play)


@pytest.mark.parametrize("alpn", ["http/1.1", ALPN_ENROL])
def test_a_protocol_that_is_not_spoken_here(world, alpn):
    """Without a protocol of ours, or enrolment where nobody enrols, the connection is closed."""

    async def play():
        issued = world.edge()
        async with world.room() as (_, where):
            sealed = await world.dial(where, issued, alpn)
            with pytest.raises(PeerError):
                await sealed.read()
            sealed.close()
            assert (await until(lambda: world.refusals))[0].reason == "alpn"

    run(play)


def test_garbage_and_silence_at_the_door(world):
    """Scanners get no answer; those who say nothing are let go after the handshake's bound."""

    async def play():
        issued = world.edge()
        doorstep = replace(DOORSTEP, handshake_s=0.3)
        async with world.room(doorstep=doorstep) as (_, where):
            host, _, port = where.rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"GET / HTTP/1.1\r\nHost: room\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()
            reader, writer = await asyncio.open_connection(host, int(port))
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()
            await until(lambda: [one.reason for one in world.refusals] == ["handshake"])
            await until(lambda: _refused(world) == 1)
            edge, _ = await greeted(world, where, issued)
            edge.sealed.close()

    run(play)


def _refused(world):
    return len(world.refusals)


def test_half_open_connections_are_bounded(world):
    """Whoever holds the door with silent connections does not keep an edge out."""

    async def play():
        issued = world.edge()
        doorstep = replace(DOORSTEP, most_half_open=8, most_half_open_each=100, handshake_s=60.0)
        async with world.room(doorstep=doorstep) as (room, where):
            host, _, port = where.rpartition(":")
            held = []
            for _ in range(40):
                sock = socket.socket()
                sock.setblocking(False)
                await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
                held.append(sock)
            await until(lambda: len(room._half_open) == 8)
            edge, _ = await greeted(world, where, issued)
            assert state(room).state is LineState.UP
            edge.sealed.close()
            for sock in held:
                sock.close()

    run(play)


def test_an_address_with_too_many_half_open_connections(world):
    """One address may not hold all handshakes."""

    async def play():
        doorstep = replace(DOORSTEP, most_half_open_each=2, handshake_s=60.0)
        async with world.room(doorstep=doorstep) as (room, where):
            host, _, port = where.rpartition(":")
            ends = [await asyncio.open_connection(host, int(port)) for _ in range(3)]
            assert await ends[2][0].read() == b""
            assert len(room._half_open) == 2
            for _, writer in ends:
                writer.close()

    run(play)


def test_an_address_that_fails_too_often_is_not_heard(world):
    """After many failures the door stays shut for that address for a while."""

    async def play():
        async with world.room() as (room, where):
            stranger = world.authority.issue("stranger")
            with contextlib.suppress(PeerError, ConnectionError):
                for _ in range(60):
                    edge = Edge(await world.dial(where, stranger))
                    await edge.ask("hello", HELLO)
                    edge.sealed.close()
            assert room.refusals == 30
            assert len(world.refusals) < 30

    run(play)


def test_strangers_behind_the_same_router_do_not_shut_out_an_edge(world):
    """A revoked box beside it may redial as it likes: line and pictures of the edge come in."""

    async def play():
        farmacia, stranger = world.edge(), world.authority.issue("stranger")
        async with world.room() as (room, where):
            first, _ = await greeted(world, where, farmacia)
            for _ in range(MOST_FAILURES + 5):
                other = Edge(await world.dial(where, stranger))
                await other.ask("hello", HELLO)
                other.sealed.close()
            assert room.refusals == MOST_FAILURES + 5
            picture = await world.dial(where, farmacia, ALPN_MEDIA)
            await until(lambda: room._known["farmacia"].pool.spares)
            first.sealed.close()
            await until(lambda: state(room).state is LineState.DOWN)
            again, _ = await greeted(world, where, farmacia)
            for one in (picture, again.sealed):
                one.close()

    run(play)


def test_an_address_is_known_as_long_as_heartbeats_come_from_it(world):
    """A line that stands for hours needs no new handshake for that."""

    async def play():
        farmacia = world.edge()
        async with world.room() as (room, where):
            edge, _ = await greeted(world, where, farmacia)
            room._knocks.welcomed("127.0.0.1", -WELCOME_S)
            await edge.ask("heartbeat", {"states": {}})
            assert room._knocks._welcome["127.0.0.1"] > 0
            edge.sealed.close()

    run(play)


def test_a_line_dialled_anew_replaces_the_old_one(world):
    """After a change of address the new line counts at once; the stale one is closed."""

    async def play():
        issued, ups, downs = world.edge(), [], []
        async with world.room() as (room, where):
            room.on_up.append(ups.append)
            room.on_down.append(downs.append)
            first, _ = await greeted(world, where, issued)
            spare = await world.dial(where, issued, ALPN_MEDIA)
            await until(lambda: room._known["farmacia"].pool.spares == 1)
            second, _ = await greeted(world, where, issued)
            await first.ended()
            with pytest.raises(PeerError):
                await spare.read()
            spare.close()
            assert state(room).address == second.sealed.local_address
            assert (await second.ask("heartbeat", {})).error is None
            assert len(ups) == 2
            assert not downs
            second.sealed.close()
            await until(lambda: downs)

    run(play)


def _disable(edges):
    return {name: replace(one, enabled=False) for name, one in edges.items()}


def _replace(edges):
    return {name: replace(one, certificate_sha256="ab" * 32) for name, one in edges.items()}


@pytest.mark.parametrize("change", [_disable, _replace, lambda _: {}])
def test_whoever_may_not_stay_is_cut_off(world, change):
    """Disabled, given another certificate, or gone: line and pictures end within two seconds."""

    async def play():
        issued = world.edge()
        async with world.room() as (room, where):
            edge, _ = await greeted(world, where, issued)
            spare = await world.dial(where, issued, ALPN_MEDIA)
            running = await room.media("farmacia")
            other = await world.dial(where, issued, ALPN_MEDIA)
            await until(lambda: room._known["farmacia"].pool.spares == 1)
            world.edges = change(world.edges)
            await edge.ended()
            for one in (spare, other):
                with pytest.raises(PeerError):
                    await one.read()
                one.close()
            with pytest.raises(PeerError):
                await running.read()
            running.close()
            await until(lambda: all(one.state is not LineState.UP for one in room.lines()))
            with pytest.raises(PeerError):
                await room.media("farmacia")

    run(play)


def test_a_certificate_that_runs_out_ends_the_line(world):
    """A line does not outlive the certificate that it was made with."""

    async def play():
        issued = world.edge()
        async with world.room() as (room, where):
            edge, _ = await greeted(world, where, issued)
            room._known["farmacia"].expires_utc_us = 1
            await edge.ended()
            assert "expired" in state(room).problem

    run(play)


def test_an_edge_that_is_given_a_certificate_just_now(world):
    """One that the registry does not know yet is asked for, and is in it then."""

    async def play():
        fresh = world.authority.issue("farmacia")
        asked = []

        async def recognise(sha256):
            asked.append(sha256)
            if sha256 != fresh.sha256:
                return ""
            world.edges = {"farmacia": replace(world.edges["farmacia"], certificate_sha256=sha256)}
            return "farmacia"

        world.edge()
        async with world.room(recognise=recognise) as (room, where):
            edge, _ = await greeted(world, where, fresh)
            assert asked == [fresh.sha256]
            assert state(room).state is LineState.UP
            edge.sealed.close()

    run(play)


def test_pictures_take_the_spare_or_have_one_brought(world):
    """The room takes what waits; with none it says so on the line and takes what comes."""

    async def play():
        issued = world.edge()
        async with world.room() as (room, where):
            edge, _ = await greeted(world, where, issued)
            spare = await world.dial(where, issued, ALPN_MEDIA)
            await until(lambda: room._known["farmacia"].pool.spares)
            first = await room.media("farmacia")
            await first.write(b"OPTIONS")
            assert await spare.read() == b"OPTIONS"
            assert state(room).streams == 1
            async with asyncio.TaskGroup() as tasks:
                second = tasks.create_task(room.media("farmacia"))
                asked = await edge.next()
                assert (asked.kind, asked.body) == ("bring", {"n": 1})
                other = await world.dial(where, issued, ALPN_MEDIA)
            assert isinstance(second.result(), Sealed)
            assert state(room).streams == 2
            for one in (first, second.result(), spare, other, edge.sealed):
                one.close()
            await until(lambda: state(room).streams == 0)

    run(play)


def test_pictures_without_a_line(world):
    """A connection for pictures of an edge whose line is down is closed; nobody waits for one."""

    async def play():
        issued = world.edge()
        async with world.room() as (room, where):
            sealed = await world.dial(where, issued, ALPN_MEDIA)
            with pytest.raises(PeerError):
                await sealed.read()
            sealed.close()
            with pytest.raises(PeerError, match="down"):
                await room.media("farmacia")
            with pytest.raises(PeerError):
                await room.media("nobody")

    run(play)


def test_who_waits_for_a_line_that_broke_has_it_as_soon_as_it_stands(world):
    """Nobody asks again and again meanwhile; an edge that was never here is told at once."""

    async def play():
        issued = world.edge()
        async with world.room() as (room, where):
            with pytest.raises(PeerError):
                await room.reach("farmacia")
            first, _ = await greeted(world, where, issued)
            first.sealed.close()
            await until(lambda: room._known["farmacia"].line is None)
            async with asyncio.TaskGroup() as tasks:
                waits = tasks.create_task(room.reach("farmacia"))
                await asyncio.sleep(0)
                assert not waits.done()
                edge, _ = await greeted(world, where, issued)
                spare = await world.dial(where, issued, ALPN_MEDIA)
            assert isinstance(waits.result(), Sealed)
            for one in (waits.result(), spare, edge.sealed):
                one.close()

    run(play)


def test_an_edge_that_brings_nothing(world):
    """Whoever waits for a picture's connection is told after its bound."""

    async def play():
        issued = world.edge()
        async with world.room(doorstep=replace(DOORSTEP, media_s=0.2)) as (room, where):
            edge, _ = await greeted(world, where, issued)
            with pytest.raises(PeerError, match="no connection for pictures"):
                await room.media("farmacia")
            edge.sealed.close()

    run(play)


def _without_certificate(world, alpn):
    context = ssl.create_default_context(cafile=world.authority.file)
    context.set_alpn_protocols([alpn])
    return context


def test_enrolment_needs_no_certificate(world):
    """A connection for enrolment goes to whoever enrols, and is closed afterwards."""

    async def play():
        async def enrol(sealed):
            await sealed.write(b"who are you, " + sealed.peer_sha256.encode() + b"?")

        bare = _without_certificate(world, ALPN_ENROL)
        async with world.room(enrol=enrol) as (_, where):
            sealed = await world.dial(where, None, context=bare)
            assert await sealed.read() == b"who are you, ?"
            with pytest.raises(PeerError):
                await sealed.read()
            sealed.close()

    run(play)


@pytest.mark.parametrize("alpn", [ALPN_LINE, ALPN_MEDIA])
def test_a_line_needs_a_certificate(world, alpn):
    """Without one nothing is said, and it is told."""

    async def play():
        bare = _without_certificate(world, alpn)
        async with world.room() as (_, where):
            sealed = await world.dial(where, None, context=bare)
            with pytest.raises(PeerError):
                await sealed.read()
            sealed.close()
            assert (await until(lambda: world.refusals))[0].reason == "certificate"

    run(play)


def test_a_bug_that_one_edge_brings_out_harms_no_other(world):
    """Its line ends; after a few it is not listened to, while others are."""

    async def bug(*_):
        raise InvariantError("impossible")

    async def fine(*_):
        return Reply({"fine": True})

    async def play():
        issued, other = world.edge(), world.edge("scuola")
        async with world.room({"bug": bug, "fine": fine}) as (_, where):
            quiet, _ = await greeted(world, where, other, edge="scuola")
            for _ in range(MOST_BUGS):
                edge, _ = await greeted(world, where, issued)
                with pytest.raises(PeerError):
                    await edge.ask("bug", {})
                edge.sealed.close()
            edge = Edge(await world.dial(where, issued))
            assert (await edge.ask("hello", HELLO)).error[0] == "bugs"
            edge.sealed.close()
            assert (await quiet.ask("fine", {})).body == {"fine": True}
            quiet.sealed.close()

    run(play)


def test_lines_that_never_greet_are_bounded(world):
    """One certificate holds a few of them; the oldest gives way."""

    async def play():
        issued = world.edge()
        async with world.room(doorstep=replace(DOORSTEP, most_ungreeted=2)) as (room, where):
            ends = [await world.dial(where, issued) for _ in range(4)]
            await until(lambda: room._known["farmacia"].dials == 4)
            for one in ends[:2]:
                with pytest.raises(PeerError):
                    while True:
                        await one.read()
            assert len(room._known["farmacia"].ungreeted) == 2
            for one in ends:
                one.close()

    run(play)


def test_hello_twice(world):
    """A line is greeted once."""

    async def play():
        issued = world.edge()
        async with world.room() as (_, where):
            edge, _ = await greeted(world, where, issued)
            assert (await edge.ask("hello", HELLO)).error[0] == "greeted"
            edge.sealed.close()

    run(play)


def test_what_other_parts_answer(world):
    """Handlers given later count; what they refuse is told."""

    async def no(peer, *_):
        raise RefusedError("not-offered", peer.id)

    async def play():
        issued, handlers = world.edge(), {}
        async with world.room(handlers) as (_, where):
            edge, _ = await greeted(world, where, issued)
            assert (await edge.ask("offer", {})).error[0] == "unknown-kind"
            handlers["offer"] = no
            assert (await edge.ask("offer", {})).error == ("not-offered", "farmacia")
            edge.sealed.close()

    run(play)


def test_a_listener_without_certificate(world):
    """A room whose certificate cannot be read lets nobody in, and stays."""

    async def play():
        issued = world.edge()
        pem = world.server.file.read_bytes()
        world.server.file.write_text("spoilt")
        async with world.room() as (_, where):
            with pytest.raises(PeerError):
                await world.dial(where, issued)
            world.server.file.write_bytes(pem)
            edge, _ = await greeted(world, where, issued)
            edge.sealed.close()

    run(play)


@pytest.mark.parametrize("is_room", [False, True])
def test_an_exercise_and_the_real_thing_do_not_meet(world, is_room):
    """A-33: either way the edge reads why, the ledger has it, and nothing else is heard."""

    async def play():
        issued, heard = world.edge(), []

        async def alarm(peer, body, blob):
            heard.append(peer.id)
            return Reply()

        async with world.room({"alarm": alarm}, exercise=is_room) as (room, where):
            edge = Edge(await world.dial(where, issued))
            answer = await edge.ask("hello", HELLO | {"exercise": not is_room})
            assert answer.error[0] == "exercise"
            assert "esercitazione" in answer.error[1]
            await edge.sealed.write(encode(Frame("alarm", {}, number=2)))
            assert state(room).state is LineState.DOWN
            refusal = await until(lambda: world.refusals)
            assert (refusal[0].reason, refusal[0].edge) == ("exercise", "farmacia")
            edge.sealed.close()
            fits, _ = await greeted(world, where, issued, exercise=is_room)
            assert state(room).state is LineState.UP
            assert heard == []
            fits.sealed.close()

    run(play)
