# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The media process in-process: STUN, leases and consent on a clock that a test moves."""

import asyncio
import random
import socket
from contextlib import asynccontextmanager
from dataclasses import replace
from unittest.mock import Mock

import pytest
from aioice import stun as peer
from OpenSSL import SSL

from gateway.model.media import Codec
from gateway.relay.video import link, sessions
from gateway.relay.video.srtp import GCM_128, SrtpKeys
from gateway.wire.frames import FrameReceiver
from tests.fakes import FakeClock

PASSWORD = "session-password-22-chars"
ICE = link.Credentials("ours", PASSWORD, "theirs")
H264 = (link.SlotFormat(Codec.H264, 96, 97),)
TERMS = link.OpenSession("s1", ICE, (("sha-256", "AB"),), "c", (link.Slot("0", 1, 2, H264),), 0.0)
WALL = replace(TERMS, slots=(*TERMS.slots, link.Slot("1", 3, 4, H264)), idle_s=link.WALL_IDLE_S)


def another(terms=TERMS):
    """A second session beside that of `terms`."""
    return replace(terms, session="s2", ice=replace(ICE, ufrag="second"))


class SteppedClock(FakeClock):
    """Sleepers wake when `step` has moved time far enough."""

    def __init__(self):
        super().__init__()
        self.sleepers = []

    async def sleep(self, seconds):
        future = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.time_s + seconds, future))
        await future

    async def step(self, seconds):
        """Move on in steps of 50 ms, letting everything run in between."""
        for _ in range(round(seconds / 0.05)):
            self.advance(0.05)
            due = [one for one in self.sleepers if one[0] <= self.time_s + 1e-9]
            self.sleepers = [one for one in self.sleepers if one not in due]
            for _, future in due:
                if not future.done():
                    future.set_result(None)
            for _ in range(5):
                await asyncio.sleep(0)


class Gateway:
    """Our end of the link, and a peer's UDP socket."""

    def __init__(self, clock, reader, writer, udp, client):
        self.clock, self.reader, self.writer = clock, reader, writer
        self.udp, self.client = udp, client
        self.receiver = FrameReceiver()
        self.frames = []

    async def tell(self, frame):
        self.writer.write(frame)
        await self.writer.drain()

    async def expect(self, kind):
        """Return the payload of the next frame of a kind."""
        async with asyncio.timeout(30):
            while True:
                for index, frame in enumerate(self.frames):
                    if frame.kind == kind:
                        del self.frames[index]
                        return frame.payload
                self.frames += self.receiver.receive(await self.reader.read(9999))

    async def open(self, terms=TERMS, looks=(1,)):
        """Open a session with these looks in its first slots."""
        await self.tell(link.open_session(terms))
        for slot, look in zip(terms.slots, looks, strict=False):
            await self.play(look, slot.mid, terms.session)
        assert link.read_text(await self.expect(link.Kind.OPENED)) == terms.session

    async def play(self, look, mid="0", session="s1", codec=Codec.H264):
        await self.tell(link.play(link.Play(session, mid, look, "piazza", codec, False)))

    async def stopped(self):
        return link.read_stopped(await self.expect(link.Kind.STOPPED))

    async def end(self):
        return link.read_ended(await self.expect(link.Kind.ENDED))

    def send(self, data, client=None):
        (client or self.client).sendto(data, self.udp.getsockname())

    async def answer(self, timeout_s=5.0, client=None):
        """Return the next datagram that the peer gets."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(timeout_s):
            return await loop.sock_recv(client or self.client, 2000)


def bound():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


@asynccontextmanager
async def serving():
    ours, theirs = socket.socketpair()
    clock = SteppedClock()
    with bound() as udp, bound() as client:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(sessions.serve(udp, theirs, clock))
            reader, writer = await asyncio.open_connection(sock=ours)
            gateway = Gateway(clock, reader, writer, udp, client)
            await gateway.expect(link.Kind.HELLO)
            try:
                yield gateway
            finally:
                writer.close()
                async with asyncio.timeout(30):
                    await asyncio.wait([task])


def check(username="ours:theirs", password=PASSWORD, **attributes):
    message = peer.Message(peer.Method.BINDING, peer.Class.REQUEST)
    message.attributes["USERNAME"] = username
    message.attributes.update(attributes)
    message.add_message_integrity(password.encode())
    return bytes(message)


async def test_check_is_answered():
    """A check with the session's password is answered with the address it came from."""
    async with serving() as gateway:
        await gateway.open()
        gateway.send(check())
        answer = peer.parse_message(await gateway.answer())
        assert answer.check_message_integrity(PASSWORD.encode())
        assert answer.attributes["XOR-MAPPED-ADDRESS"] == gateway.client.getsockname()


async def test_role_conflict_is_answered():
    """A peer that believes to be controlled gets 487, and no session begins."""
    async with serving() as gateway:
        await gateway.open()
        gateway.send(check(**{"ICE-CONTROLLED": 1}))
        answer = peer.parse_message(await gateway.answer())
        assert answer.attributes["ERROR-CODE"][0] == 487


@pytest.mark.parametrize(
    "forged",
    [
        check(password="guessed"),
        check(username="ours:somebody"),
        check(username="other:theirs"),
        b"\0\1\0\0" + bytes(16),
        b"\x16\xfe\xff" + bytes(100),
        b"\x80\xc8" + bytes(100),
    ],
    ids=["password", "remote", "local", "bare", "dtls", "rtcp"],
)
async def test_stranger_gets_nothing(forged):
    """Who does not know the session gets no byte back; who does is served right after."""
    async with serving() as gateway:
        await gateway.open()
        gateway.send(forged)
        gateway.send(check())
        answer = peer.parse_message(await gateway.answer())
        assert answer.message_class is peer.Class.RESPONSE
        with pytest.raises(TimeoutError):
            await gateway.answer(0.05)


async def test_damaged_checks_are_ignored_or_answered():
    """A thousand damaged checks and random datagrams later the port still answers."""
    draw = random.Random(7)
    async with serving() as gateway:
        await gateway.open()
        for round_number in range(1000):
            noise = bytearray(check() if round_number % 2 else draw.randbytes(draw.randrange(99)))
            for _ in range(draw.randrange(4)):
                if noise:
                    noise[draw.randrange(len(noise))] = draw.randrange(256)
            gateway.send(bytes(noise))
            if round_number % 50 == 0:
                await asyncio.sleep(0)
        with bound() as fresh:
            async with asyncio.timeout(30):
                while True:
                    gateway.send(check(), fresh)
                    try:
                        answer = await gateway.answer(0.2, fresh)
                    except TimeoutError:
                        continue
                    break
        assert peer.parse_message(answer).message_class is peer.Class.RESPONSE


async def test_addresses_of_one_peer_are_bounded():
    """A peer may check from eight places; a ninth gets no answer."""
    async with serving() as gateway:
        await gateway.open()
        clients = [bound() for _ in range(sessions.MOST_ADDRESSES + 1)]
        try:
            for client in clients[:-1]:
                gateway.send(check(), client)
                await gateway.answer(client=client)
            gateway.send(check(), clients[-1])
            with pytest.raises(TimeoutError):
                await gateway.answer(0.05, clients[-1])
        finally:
            for client in clients:
                client.close()


def client_hello():
    """The first flight of a DTLS client."""
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_tlsext_use_srtp(b"SRTP_AEAD_AES_128_GCM")
    connection = SSL.Connection(context)
    connection.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    return connection.bio_read(1500)


async def test_answers_go_where_the_peer_nominates():
    """Until a nomination the first address counts, then the nominated one; not a mere check."""
    async with serving() as gateway:
        await gateway.open()
        with bound() as second, bound() as third:
            for client, attributes in (
                (gateway.client, {}),
                (second, {"USE-CANDIDATE": None}),
                (third, {}),
            ):
                gateway.send(check(**attributes), client)
                await gateway.answer(client=client)
            gateway.send(client_hello(), third)
            reply = await gateway.answer(client=second)
            assert 20 <= reply[0] < 64
            with pytest.raises(TimeoutError):
                await gateway.answer(0.05, third)


async def test_lease_expires_after_two_seconds():
    """Without renewal a session ends after 2 s; renewed, it goes on."""
    async with serving() as gateway:
        await gateway.open()
        await gateway.clock.step(1.5)
        await gateway.tell(link.renew([1, 99]))
        await gateway.open(another(), (2,))  # the renewal is read
        await gateway.clock.step(1.9)
        assert not any(one.kind == link.Kind.ENDED for one in gateway.frames)
        await gateway.clock.step(0.3)
        ends = {(await gateway.end()).session, (await gateway.end()).session}
        assert ends == {"s1", "s2"}


async def renewed(gateway, seconds):
    """Let time pass with the lease renewed."""
    for _ in range(round(seconds)):
        await gateway.tell(link.renew([1]))
        await gateway.clock.step(1)


async def test_peer_that_never_comes():
    """A session whose peer never checks ends after 15 s."""
    async with serving() as gateway:
        await gateway.open()
        await renewed(gateway, sessions.CONNECT_S + 1)
        assert await gateway.stopped() == link.Stopped(1, "never-connected", 0, 0)
        assert await gateway.end() == link.Ended("s1", "never-connected")


async def test_consent_expires(monkeypatch):
    """30 s after its last check a peer is cut off, though its lease goes on."""
    monkeypatch.setattr(sessions, "CONNECT_S", 1000)
    async with serving() as gateway:
        await gateway.open()
        await renewed(gateway, 10)
        gateway.send(check())
        await gateway.answer()
        await renewed(gateway, 29)
        assert not any(one.kind == link.Kind.ENDED for one in gateway.frames)
        await renewed(gateway, 2)
        assert (await gateway.end()).reason == "peer-silent"


async def test_close_is_confirmed_once():
    """CLOSE ends a session with its reason; a second one is ignored."""
    async with serving() as gateway:
        await gateway.open()
        await gateway.tell(link.close("s1", "viewer-left"))
        assert (await gateway.end()).reason == "viewer-left"
        await gateway.tell(link.close("s1", "again"))
        await gateway.open(another())
        assert not any(one.kind == link.Kind.ENDED for one in gateway.frames)


async def test_end_of_link_ends_all():
    """When the gateway goes, every session is ended and the process returns."""
    async with serving() as gateway:
        await gateway.open()
        gateway.writer.write_eof()
        assert (await gateway.end()).reason == "shutdown"
        assert await gateway.reader.read() == b""


async def test_a_gateway_that_is_gone_is_told_nothing(caplog):
    """What there is to say of many sessions is not written to a link that nobody reads."""
    async with serving() as gateway:
        for number in range(10):
            name = str(number)
            await gateway.open(replace(TERMS, session=name, ice=replace(ICE, ufrag=name)), ())
        gateway.writer.transport.abort()
    assert not [one for one in caplog.records if one.name == "asyncio"]


async def test_state_is_told_each_second():
    """The heartbeat names each session and whether it plays."""
    async with serving() as gateway:
        await gateway.open()
        await gateway.clock.step(1.1)
        state = link.read_state(await gateway.expect(link.Kind.STATE))
        assert state == [link.SlotState(1, "", False)]


class Met:
    """A handshake that is over as soon as it begins."""

    def __init__(self, *_):
        pass

    async def keys(self, _timeout_s):
        return SrtpKeys(GCM_128, bytes(28), bytes(28))

    async def close(self):
        pass


async def test_who_has_come_is_told_at_once(monkeypatch):
    """No time passes: with which stream a look begins is chosen until its viewer is there."""
    monkeypatch.setattr(sessions, "Handshake", Met)
    async with serving() as gateway:
        await gateway.open()
        gateway.send(check())
        (state,) = link.read_state(await gateway.expect(link.Kind.STATE))
        assert (state.look, state.connected) == (1, True)


async def test_sessions_are_bounded(monkeypatch):
    """Beyond the bound a session is refused, those before go on."""
    monkeypatch.setattr(sessions, "MOST_SESSIONS", 1)
    async with serving() as gateway:
        await gateway.open()
        await gateway.tell(link.open_session(another()))
        assert await gateway.end() == link.Ended("s2", "too-many-sessions")
        gateway.send(check())
        assert await gateway.answer()


async def test_a_replayed_check_draws_nothing_away():
    """A check that somebody heard and sends again from elsewhere gets no answer and no media."""
    async with serving() as gateway:
        await gateway.open()
        heard = check(**{"USE-CANDIDATE": None})
        gateway.send(heard)
        await gateway.answer()
        with bound() as elsewhere:
            gateway.send(heard, elsewhere)
            gateway.send(heard)
            await gateway.answer()
            gateway.send(client_hello())
            assert 20 <= (await gateway.answer())[0] < 64
            with pytest.raises(TimeoutError):
                await gateway.answer(0.05, elsewhere)


# walls ------------------------------------------------------------------------------------


async def looks_of(gateway):
    """Return the looks of the next heartbeat."""
    await gateway.clock.step(1.05)
    return {one.look for one in link.read_state(await gateway.expect(link.Kind.STATE))}


async def test_a_look_on_a_wall_ends_alone():
    """Its lease runs out or it is stopped; the other look and the connection go on."""
    async with serving() as gateway:
        await gateway.open(WALL, (1, 2))
        for _ in range(3):
            await gateway.tell(link.renew([2]))
            assert 2 in await looks_of(gateway)
        assert await gateway.stopped() == link.Stopped(1, "lease-expired", 0, 0)
        await gateway.play(3, "0")
        await gateway.tell(link.stop(2, "viewer-left"))
        assert (await gateway.stopped()).look == 2
        assert not any(one.kind == link.Kind.ENDED for one in gateway.frames)
        gateway.send(check())
        assert await gateway.answer()


async def test_a_wall_waits_a_minute_for_its_next_picture(monkeypatch):
    """From the last one on; then the connection ends."""
    monkeypatch.setattr(sessions, "CONNECT_S", 1000)
    async with serving() as gateway:
        await gateway.open(WALL, ())
        await gateway.clock.step(50)
        await gateway.play(1)
        await gateway.tell(link.stop(1, "viewer-left"))
        await gateway.stopped()
        await gateway.clock.step(58)
        assert not any(one.kind == link.Kind.ENDED for one in gateway.frames)
        await gateway.clock.step(3)
        assert await gateway.end() == link.Ended("s1", "idle")


async def test_the_end_of_a_wall_is_told_after_that_of_its_looks():
    """Each look once, with the reason; then nothing of the session is left."""
    async with serving() as gateway:
        await gateway.open(WALL, (1, 2))
        await gateway.tell(link.close("s1", "viewer-left"))
        assert {(await gateway.stopped()).look, (await gateway.stopped()).look} == {1, 2}
        assert await gateway.end() == link.Ended("s1", "viewer-left")
        await gateway.play(3)
        assert await gateway.stopped() == link.Stopped(3, "no-slot", 0, 0)
        assert await looks_of(gateway) == set()


async def test_a_slot_shows_one_look_at_a_time():
    """Another look takes its place; what the peer does not take gets nothing."""
    async with serving() as gateway:
        await gateway.open(WALL, (1,))
        await gateway.play(2)
        assert await gateway.stopped() == link.Stopped(1, "replaced", 0, 0)
        await gateway.play(3, "7")
        assert (await gateway.stopped()).reason == "no-slot"
        await gateway.play(4, "1", codec=Codec.H265)
        assert (await gateway.stopped()).reason == "codec-not-offered"
        assert await looks_of(gateway) == {2}


async def test_an_ice_restart_keeps_the_session_and_drops_the_old_credentials():
    """Both are good until the new ones have nominated a path; then the old ones prove nothing."""
    fresh = link.Credentials("fresh", PASSWORD + "2", "theirs2")
    async with serving() as gateway:
        await gateway.open()
        gateway.send(check(**{"USE-CANDIDATE": None}))
        await gateway.answer()
        await gateway.tell(link.restart("s1", fresh))
        await gateway.tell(link.restart("nobody", fresh))
        await gateway.open(another(), (2,))  # the restart is read
        gateway.send(check())
        await gateway.answer()
        with bound() as moved:
            new = check("fresh:theirs2", fresh.password, **{"USE-CANDIDATE": None})
            gateway.send(new, moved)
            await gateway.answer(client=moved)
            gateway.send(check())
            with pytest.raises(TimeoutError):
                await gateway.answer(0.05)
            gateway.send(client_hello(), moved)
            assert 20 <= (await gateway.answer(client=moved))[0] < 64


@pytest.fixture
def made(monkeypatch):
    """What `serving` serves."""
    found, begin = [], sessions.Media.__init__

    def noted(self, *args):
        begin(self, *args)
        found.append(self)

    monkeypatch.setattr(sessions.Media, "__init__", noted)
    return found


async def test_a_second_ice_restart_leaves_the_path_that_works(made):
    """What came in between was never nominated: it is dropped, and nothing is kept at the end."""
    fresh = [link.Credentials(f"fresh{n}", f"{PASSWORD}{n}", f"theirs{n}") for n in range(4)]
    async with serving() as gateway:
        await gateway.open()
        gateway.send(check(**{"USE-CANDIDATE": None}))
        await gateway.answer()
        for ice in fresh:
            await gateway.tell(link.restart("s1", ice))
        await gateway.open(another(), (2,))  # the restarts are read
        (media,) = made
        assert set(media._by_ufrag) == {"ours", "fresh3", "second"}
        gateway.send(check())  # consent of the pictures that still flow
        await gateway.answer()
        gateway.send(check("fresh1:theirs1", fresh[1].password))
        with pytest.raises(TimeoutError):
            await gateway.answer(0.05)
        last = check("fresh3:theirs3", fresh[3].password, **{"USE-CANDIDATE": None})
        gateway.send(last)
        await gateway.answer()
        assert set(media._by_ufrag) == {"fresh3", "second"}
        for name in ("s1", "s2"):
            await gateway.tell(link.close(name, "left"))
            await gateway.end()
        assert not media._by_ufrag


async def test_what_waits_for_a_slow_peer_goes_with_the_look_and_with_old_masks(made, monkeypatch):
    """Over TCP seconds of pictures may wait: none is shown that must not be any more."""
    dropped = []
    monkeypatch.setattr(sessions.Port, "drop", lambda _, address: dropped.append(address))
    async with serving() as gateway:
        await gateway.open(WALL, (1,))
        gateway.send(check(**{"USE-CANDIDATE": None}))
        await gateway.answer()
        at = gateway.client.getsockname()
        (media,) = made
        hub = media._hub("piazza")
        hub._viewers.add(Mock())
        media._looks[1][1]._hub = hub
        await gateway.tell(link.forget("another"))
        await gateway.tell(link.forget("piazza"))
        await gateway.open(another(), (2,))  # that is read
        assert dropped == [at]
        media._looks[1][1]._hub = None
        await gateway.tell(link.stop(1, "revoked"))
        await gateway.stopped()
        assert dropped == [at, at]
