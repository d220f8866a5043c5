# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.room.enrolment: both ends over real TLS, and those who should not get in."""

import asyncio
import base64
import contextlib
import socket
import ssl
import stat
from dataclasses import replace

import pytest
from cryptography import x509

from gateway.model.errors import (
    ConfigError,
    CredentialError,
    PeerError,
    RefusedError,
    StoreError,
    WireError,
)
from gateway.model.registry import Edge
from gateway.model.room import (
    LINE_CA,
    LINE_CERTIFICATE,
    LINE_NEXT,
    LINE_ROOM,
    LinePeer,
    LineState,
    LineStatus,
    Reply,
)
from gateway.room.authority import new_key, open_authority, request_for
from gateway.room.enrolment import (
    LOCK_S,
    MOST_FAILURES,
    MOST_NOTED,
    RENEW_LEAST_S,
    Failures,
    join,
    keep,
    keep_renewed,
    membership_of,
    read_membership,
    renew,
)
from gateway.room.invitations import LIFE_US, MOST_TRIES, read_code, write_code
from gateway.runtime.sealed import Sealed
from gateway.wire.uplink import ALPN_ENROL, Frame, FrameDecoder, encode
from tests.fakes import FakeClock
from tests.unit.room.enrolling import NOW, Room

DAY_US = 86_400 * 1_000_000


async def invited(room, edge="varco-nord"):
    text, made = await room.enrolment.invite(room.edges[edge], "rossi")
    return read_code(text), made


async def said(room, body, kind="enrol", number=1):
    """Hold the exchange by hand; return the code of the refusal, or the body of the answer."""
    host, port = room.addresses[0].split(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([ALPN_ENROL])
    plain = socket.socket()
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, (host, int(port)))
    sealed = await Sealed.connect(plain, context, "x", within_s=20)
    decoder, frames = FrameDecoder(), []
    try:
        while not frames:
            frames = decoder.receive(await sealed.read())
        if frames[0].error:
            return frames.pop().error[0]
        await sealed.write(encode(Frame(kind, body, number=number)))
        frames = []
        while not frames:
            frames = decoder.receive(await sealed.read())
        return frames[0].error[0] if frames[0].error else frames[0].body
    finally:
        sealed.close()


def asked(code, edge="varco-nord", key=None, **more):
    secret = base64.b64encode(code.secret).decode()
    return {"secret": secret, "edge": edge, "csr": request_for(key or new_key(), edge)} | more


def sha256_of(pem):
    from gateway.room.authority import fingerprint

    return fingerprint(x509.load_pem_x509_certificate(pem)).hex()


@pytest.fixture
def room(tmp_path):
    (tmp_path / "room").mkdir()
    return Room(tmp_path / "room", ("varco-nord", "varco-sud"))


def test_every_place_that_a_name_leads_to_is_tried(room):
    """As the line itself does: the first may be an IPv6 address that leads nowhere."""

    async def run():
        loop = asyncio.get_running_loop()

        async def found(_host, port, **_):
            kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
            return [(*kind, (one, port)) for one in ("127.0.0.9", "127.0.0.1")]

        async with room.door():
            code, _ = await invited(room)
            loop.getaddrinfo = found
            port = code.addresses[0].rpartition(":")[2]
            return await join(replace(code, addresses=(f"sala.example:{port}",)), "", NOW)

    assert asyncio.run(run()).membership.room == "sala"


def test_an_edge_joins_by_the_way_that_the_address_names(room):
    """What stands behind the @ is where it leaves from."""
    came = []

    async def run():
        async with room.door():
            code, _ = await invited(room)
            served = room.enrolment.serve

            async def serve(sealed):
                came.append(sealed.peer_address.rpartition(":")[0])
                await served(sealed)

            room.enrolment.serve = serve
            return await join(replace(code, addresses=(f"{code.addresses[0]}@127.0.0.7",)), "", NOW)

    assert asyncio.run(run()).membership.room == "sala"
    assert came == ["127.0.0.7"]


def test_an_invited_edge_gets_its_certificate_and_keeps_it(room, tmp_path):
    """Code, certificate, registry, files: after it the line can be dialled."""

    async def run():
        async with room.door():
            code, made = await invited(room)
            assert made.until_utc_us == NOW + LIFE_US
            assert room.enrolment.waiting() == {"varco-nord": made.until_utc_us}
            return await join(code, "", NOW)

    joined = asyncio.run(run())
    folder = tmp_path / "state" / "lines" / "sala"
    (tmp_path / "state").mkdir()
    assert read_membership(folder) is None
    keep(folder, joined)
    edge = room.edges["varco-nord"]
    pem = (folder / LINE_CERTIFICATE).read_bytes()
    assert edge.certificate_sha256 == sha256_of(pem)
    assert room.enrolment.waiting() == {}
    assert room.enrolment.certificate_until(edge) == NOW + 730 * DAY_US
    assert room.enrolment.certificate_until(replace(edge, certificate_sha256="0")) == 0
    assert room.notes == [("varco-nord", "")]
    member = read_membership(folder)
    assert (member.room, member.name, member.edge) == ("sala", "Sala", "varco-nord")
    assert member.keys == {"witness": "sala+0+x"}
    assert member.addresses == joined.membership.addresses == room.addresses
    for name in (LINE_CA, LINE_CERTIFICATE, LINE_ROOM):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_cert_chain(folder / LINE_CERTIFICATE)
    context.load_verify_locations(folder / LINE_CA)
    assert b"PRIVATE" in pem
    assert "PRIVATE" not in repr(joined), "a key stands in no log"


def test_the_key_of_the_log_comes_with_it(room):
    """And one that is none is refused before the code is used up."""
    vkey = "varco/nord+4c1efbdc+AfXFxoEkgDzCWUrlgMPgAwpwpHDyLI4nLPFwGVJQmxVQ"

    async def run():
        async with room.door():
            code, _ = await invited(room)
            assert await said(room, asked(code, vkey="nonsense")) == "request"
            from gateway.wire.checkpoint import VerifierKey

            good = VerifierKey("varco/nord", bytes(32)).vkey()
            await join(code, good, NOW)
            return good

    assert asyncio.run(run()) == room.edges["varco-nord"].ledger_vkey
    assert vkey != room.edges["varco-nord"].ledger_vkey


def test_a_code_used_twice_lets_nobody_in(room):
    """Not even the same box; the certificate of the first stands."""

    async def run():
        async with room.door():
            code, _ = await invited(room)
            await join(code, "", NOW)
            first = room.edges["varco-nord"].certificate_sha256
            with pytest.raises(RefusedError) as caught:
                await join(code, "", NOW)
            assert caught.value.code == "code-used"
            assert room.edges["varco-nord"].certificate_sha256 == first

    asyncio.run(run())


def test_two_at_once_with_one_code_are_one(room):
    """However close the second comes."""

    async def run():
        async with room.door():
            code, _ = await invited(room)
            found = await asyncio.gather(
                join(code, "", NOW), join(code, "", NOW), return_exceptions=True
            )
            refused = [one for one in found if isinstance(one, RefusedError)]
            assert [one.code for one in refused] == ["code-used"]

    asyncio.run(run())


def test_an_expired_code_says_so(room):
    """A day by the room's clock."""

    async def run():
        async with room.door():
            code, _ = await invited(room)
            room.clock.utc_us += LIFE_US
            with pytest.raises(RefusedError) as caught:
                await join(code, "", NOW)
            assert caught.value.code == "code-expired"
            assert not room.edges["varco-nord"].certificate_sha256

    asyncio.run(run())


def test_who_guesses_waits_and_the_guessed_at_do_not_suffer(room):
    """After some wrong secrets an address is not heard for a while; the log got two lines."""

    async def run():
        async with room.door():
            code, _ = await invited(room)
            for number in range(MOST_FAILURES):
                wrong = replace(code, secret=bytes([number]) * 16)
                assert await said(room, asked(wrong)) == "code-unknown"
            assert await said(room, asked(code)) == "busy"
            assert room.notes == [("varco-nord", "code-unknown")] * 2
            room.clock.time_s += LOCK_S
            await join(code, "", NOW)

    asyncio.run(run())


def test_a_request_for_another_name_lets_nobody_in_as_that(room):
    """In the question, in the certificate request, or both; then the code is void."""

    async def run():
        async with room.door():
            code, _ = await invited(room)
            assert await said(room, asked(code, "varco-sud")) == "name"
            mixed = asked(code) | {"csr": request_for(new_key(), "varco-sud")}
            assert await said(room, mixed) == "name"
            assert MOST_TRIES == 3
            assert await said(room, mixed) == "name"
            assert await said(room, asked(code)) == "code-void"
            assert not any(one.certificate_sha256 for one in room.edges.values())

    asyncio.run(run())


def test_a_request_with_somebody_elses_key_lets_nobody_in(room):
    """The key of another edge, of which an attacker saw the request."""
    key = new_key()

    async def run():
        async with room.door():
            first, _ = await invited(room, "varco-sud")
            assert "certificate" in await said(room, asked(first, "varco-sud", key))
            code, _ = await invited(room)
            assert await said(room, asked(code, key=key)) == "key"
            assert not room.edges["varco-nord"].certificate_sha256

    asyncio.run(run())


@pytest.mark.parametrize(
    "change",
    [
        {"secret": 5},
        {"secret": "AAAA"},
        {"secret": "é"},
        {"edge": "../x"},
        {"edge": None},
        {"csr": ["x"]},
    ],
)
def test_nonsense_is_refused_and_costs_the_code_nothing(room, change):
    """The right box still gets in."""

    async def run():
        async with room.door():
            code, _ = await invited(room)
            assert await said(room, asked(code) | change) == "request"
            assert await said(room, asked(code), kind="hello") == "request"
            await join(code, "", NOW)

    asyncio.run(run())


def test_a_room_with_a_forged_authority_is_told_nothing(room, tmp_path):
    """Whoever answers at the address in the room's name: no secret, no request reaches it."""
    (tmp_path / "forged").mkdir()
    forged = Room(tmp_path / "forged", ("varco-nord",))
    heard = []
    forged.enrolment._enrol = heard.append

    async def run():
        async with forged.door():
            room.addresses = forged.addresses
            code, _ = await invited(room)
            with pytest.raises(CredentialError, match="is not the room of this invitation"):
                await join(code, "", NOW)

    asyncio.run(run())
    assert heard == []
    assert forged.notes == []


def test_a_forged_room_that_shows_the_true_authority_is_told_nothing(room, tmp_path):
    """The authority's certificate is no secret; the connection's own must come from it."""
    (tmp_path / "forged").mkdir()
    forged = Room(tmp_path / "forged", ("varco-nord",))
    heard = []
    forged.enrolment._enrol = heard.append
    true = room.authority.ca_pem

    class Liar:
        """The forger's authority with the true one's certificate to show."""

        def __getattr__(self, name):
            return true if name == "ca_pem" else getattr(forged.authority, name)

    forged.enrolment._p = replace(forged.parts, authority=Liar())

    async def run():
        async with forged.door():
            room.addresses = forged.addresses
            code, _ = await invited(room)
            with pytest.raises(CredentialError, match="told nothing"):
                await join(code, "", NOW)

    asyncio.run(run())
    assert heard == []


def test_an_edge_that_poses_as_the_room_is_told_nothing(room, tmp_path):
    """An enrolled edge has a certificate of the true authority, but none of a server."""

    async def run():
        async with room.door():
            code, _ = await invited(room, "varco-sud")
            joined = await join(code, "", NOW)
            stolen, _ = await invited(room)
        (tmp_path / "posed").mkdir()
        posed = Room(tmp_path / "posed", ("varco-nord",))
        posed.authority.server_file.write_bytes(joined.pem)
        posed.enrolment._p = replace(posed.parts, authority=room.authority)
        heard = []
        posed.enrolment._enrol = heard.append
        room.authority, real = posed.authority, room.authority
        real_ca = posed.authority.ca_file
        real_ca.write_text(real.ca_pem)
        async with posed.door():
            with pytest.raises(CredentialError, match="told nothing"):
                await join(replace(stolen, addresses=posed.addresses), "", NOW)
        assert heard == []

    asyncio.run(run())


def test_the_next_address_is_tried_and_all_are_told(room):
    """A dead one costs nothing but a moment; with no other, each says what happened."""

    async def run():
        with socket.create_server(("127.0.0.1", 0)) as taken:
            dead = f"127.0.0.1:{taken.getsockname()[1]}"
        async with room.door():
            code, _ = await invited(room)
            await join(replace(code, addresses=(dead, *code.addresses)), "", NOW)
            code, _ = await invited(room, "varco-sud")
        with pytest.raises(PeerError, match=dead) as caught:
            await join(replace(code, addresses=(dead, "nobody.invalid:1")), "", NOW)
        assert "nobody.invalid:1" in str(caught.value)

    asyncio.run(run())


def test_a_revoked_edge_is_out_and_so_is_its_open_code(room):
    """Neither the certificate nor the invitation counts; only a new one does."""

    async def run():
        async with room.door():
            code, _ = await invited(room)
            await room.enrolment.revoke(room.edges["varco-nord"], "rossi")
            edge = room.edges["varco-nord"]
            assert (edge.enabled, edge.certificate_sha256) == (False, "")
            with pytest.raises(RefusedError) as caught:
                await join(code, "", NOW)
            assert caught.value.code == "code-withdrawn"
            again, _ = await invited(room)
            assert room.edges["varco-nord"].enabled
            await join(again, "", NOW)
            assert room.edges["varco-nord"].certificate_sha256

    asyncio.run(run())


def test_an_invitation_does_not_bring_a_disabled_certificate_back(room):
    """Whoever disabled an edge and invites it anew wants a new certificate."""

    async def run():
        async with room.door():
            code, _ = await invited(room)
            await join(code, "", NOW)
            room.edges["varco-nord"] = replace(room.edges["varco-nord"], enabled=False)
            await invited(room)
            edge = room.edges["varco-nord"]
            assert (edge.enabled, edge.certificate_sha256) == (True, "")

    asyncio.run(run())


def test_an_edge_that_left_the_registry_meanwhile_is_not_enrolled(room):
    """A code is no right of its own."""

    async def run():
        async with room.door():
            code, _ = await invited(room)
            gone = room.edges.pop("varco-nord")
            assert await said(room, asked(code)) == "edge-gone"
            room.edges["varco-nord"] = replace(gone, enabled=False)
            assert await said(room, asked(code)) == "edge-gone"

    asyncio.run(run())


def test_a_registry_that_cannot_be_written_enrols_nobody(room):
    """The other end learns only that it did not work."""

    async def run():
        async with room.door():
            code, _ = await invited(room)

            async def full(edge, by):
                raise StoreError("registry.db: disk full")

            room.enrolment._p = replace(room.parts, admit=full)
            assert await said(room, asked(code)) == "unavailable"
            assert not room.edges["varco-nord"].certificate_sha256

    asyncio.run(run())


def test_who_says_nothing_is_let_go_and_takes_no_place(room, monkeypatch):
    """An exchange has a bound; one address holds two of them at most."""
    monkeypatch.setattr("gateway.room.enrolment.EXCHANGE_S", 0.3)

    async def run():
        async with room.door():
            host, port = room.addresses[0].split(":")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols([ALPN_ENROL])
            sealed = []
            for _ in range(2):
                reader, writer = await asyncio.open_connection(
                    host, int(port), ssl=context, server_hostname=""
                )
                sealed.append((reader, writer))
            for reader, writer in sealed:
                async with asyncio.timeout(30):
                    assert b"CERTIFICATE" in await reader.read()
                writer.close()
            assert room.enrolment._busy.total() == 0

    asyncio.run(run())


# renewal ---------------------------------------------------------------------------------------


class Wire:
    """A line between an edge and a room; it stands while the room knows the certificate in use.

    An answer may get lost at a given question: then the room has done it, and the line is down.
    """

    def __init__(self, room, folder, edge="varco-nord", breaks_at=()):
        self.room, self.folder, self.edge, self.breaks_at = room, folder, edge, breaks_at
        self.calls, self.redials, self.down = 0, [], False

    def known(self):
        held = sha256_of((self.folder / LINE_CERTIFICATE).read_bytes())
        return self.room.edges[self.edge].certificate_sha256 == held

    def status(self):
        return LineStatus("sala", LineState.UP if self.known() else LineState.REFUSED)

    def redial(self, reason=""):
        self.redials.append(reason)

    async def call(self, kind, body, blob=b"", *, within_s=10.0):
        assert kind == "renew"
        if not self.known():
            raise PeerError("line: the room refuses us")
        self.calls += 1
        answer = await self.room.enrolment.renew(LinePeer(self.edge, "", ""), body, blob)
        if self.calls in self.breaks_at:
            raise PeerError("line: broke")
        return answer


@pytest.fixture
def enrolled(room, tmp_path):
    """An edge of the room, enrolled; return its folder."""

    async def run():
        async with room.door():
            code, _ = await invited(room)
            return await join(code, "", NOW)

    (tmp_path / "state").mkdir()
    folder = tmp_path / "state" / "lines" / "sala"
    keep(folder, asyncio.run(run()))
    return folder


async def looks(line, clock, done):
    """Let the edge look after its certificate until `done`, however many looks that takes."""
    task = asyncio.create_task(keep_renewed(line, line.folder, clock))
    async with asyncio.timeout(60):
        while not done():
            line.room.clock.time_s = clock.time_s
            await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def test_it_is_renewed_in_time_with_a_new_key_and_not_before(room, enrolled):
    """An hourly look; at two thirds of two years it is due, and the old one counts no more."""
    clock, line = FakeClock(utc_us=NOW), Wire(room, enrolled)
    before = (enrolled / LINE_CERTIFICATE).read_bytes()
    asyncio.run(looks(line, clock, lambda: clock.sleeps.count(3600.0) >= 3))
    assert line.calls == 0
    room.clock.utc_us = clock.utc_us = NOW + 500 * DAY_US
    asyncio.run(looks(line, clock, lambda: line.redials))
    after = (enrolled / LINE_CERTIFICATE).read_bytes()
    assert not (enrolled / LINE_NEXT).exists()
    keys = [x509.load_pem_x509_certificate(one).public_key() for one in (before, after)]
    assert keys[0] != keys[1]
    assert line.known()
    assert room.authority.pending(sha256_of(after)) == ""
    assert line.redials == ["its certificate was renewed"]


@pytest.mark.parametrize("breaks_at", [(1,), (2,), (1, 2, 3), (2, 3)])
def test_a_renewal_that_breaks_locks_nobody_out(room, enrolled, breaks_at):
    """Whichever answers get lost, the edge ends with a certificate that the room counts on."""
    clock, line = FakeClock(utc_us=NOW + 500 * DAY_US), Wire(room, enrolled, breaks_at=breaks_at)
    room.clock.utc_us = clock.utc_us
    before = (enrolled / LINE_CERTIFICATE).read_bytes()

    def done():
        changed = (enrolled / LINE_CERTIFICATE).read_bytes() != before
        return changed and line.known() and not (enrolled / LINE_NEXT).exists()

    asyncio.run(looks(line, clock, done))


def test_a_room_that_was_restored_from_an_old_copy_is_found_again(room, enrolled):
    """It knows the old certificate, the edge has both: it goes back, and renews anew."""
    clock, line = FakeClock(utc_us=NOW + 500 * DAY_US), Wire(room, enrolled, breaks_at=(2,))
    room.clock.utc_us = clock.utc_us
    old = room.edges["varco-nord"]
    asyncio.run(looks(line, clock, lambda: line.calls == 2))
    room.edges["varco-nord"] = old
    asyncio.run(looks(line, clock, lambda: not (enrolled / LINE_NEXT).exists() and line.known()))


def test_a_certificate_that_waits_is_recognised_once_the_edge_shows_it(room, enrolled):
    """And that of a disabled or revoked edge is not."""

    async def run():
        async def renewed():
            room.clock.time_s += RENEW_LEAST_S
            body = {"csr": request_for(new_key(), "varco-nord")}
            reply = await room.enrolment.renew(LinePeer("varco-nord", "", ""), body, b"")
            return sha256_of(reply.body["certificate"].encode())

        sha256 = await renewed()
        assert await room.enrolment.recognise("0" * 64) == ""
        was = room.edges["varco-nord"]
        room.edges["varco-nord"] = replace(was, enabled=False)
        assert await room.enrolment.recognise(sha256) == ""
        room.edges["varco-nord"] = was
        assert await room.enrolment.recognise(sha256) == "varco-nord"
        assert room.edges["varco-nord"].certificate_sha256 == sha256
        sha256 = await renewed()
        await room.enrolment.revoke(room.edges["varco-nord"], "rossi")
        assert await room.enrolment.recognise(sha256) == ""

    asyncio.run(run())


@pytest.mark.parametrize("way", ["recognise", "done"])
def test_a_revoked_edge_does_not_bring_itself_back_meanwhile(room, enrolled, way):
    """What asks while the registry is being written finds the edge revoked, not as it was."""

    async def run():
        room.clock.time_s += RENEW_LEAST_S
        peer = LinePeer("varco-nord", "", "")
        body = {"csr": request_for(new_key(), "varco-nord")}
        reply = await room.enrolment.renew(peer, body, b"")
        sha256 = sha256_of(reply.body["certificate"].encode())
        writing, go = asyncio.Event(), asyncio.Event()

        async def slow(edge, by):
            writing.set()
            await go.wait()
            room.edges[edge.id] = edge

        room.enrolment._p = replace(room.parts, admit=slow)

        async def comes_back():
            if way == "recognise":
                assert await room.enrolment.recognise(sha256) == ""
            else:
                with pytest.raises(RefusedError):
                    await room.enrolment.renew(peer, {"done": sha256}, b"")

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(room.enrolment.revoke(room.edges["varco-nord"], "rossi"))
            await writing.wait()
            tasks.create_task(comes_back())
            await asyncio.sleep(0)
            go.set()
        edge = room.edges["varco-nord"]
        assert (edge.enabled, edge.certificate_sha256) == (False, "")

    asyncio.run(run())


def test_a_revoked_edge_cannot_change_over(room, enrolled):
    """What was pending when it was revoked never counts."""

    async def run():
        peer = LinePeer("varco-nord", "", "")
        body = {"csr": request_for(new_key(), "varco-nord")}
        reply = await room.enrolment.renew(peer, body, b"")
        sha256 = sha256_of(reply.body["certificate"].encode())
        await room.enrolment.revoke(room.edges["varco-nord"], "rossi")
        for enabled, code in ((False, "edge-gone"), (True, "unknown")):
            room.edges["varco-nord"] = replace(room.edges["varco-nord"], enabled=enabled)
            with pytest.raises(RefusedError) as caught:
                await room.enrolment.renew(peer, {"done": sha256}, b"")
            assert caught.value.code == code

    asyncio.run(run())


def test_an_edge_renews_for_itself_alone_and_not_all_the_time(room, enrolled):
    """Its line's certificate says who it is; neither a name nor another's `done` counts."""

    async def run():
        nord, sud = (LinePeer(one, "", "") for one in ("varco-nord", "varco-sud"))
        ask = room.enrolment.renew

        async def refused(peer, body):
            with pytest.raises(RefusedError) as caught:
                await ask(peer, body, b"")
            return caught.value.code

        foreign = {"csr": request_for(new_key(), "varco-sud")}
        assert await refused(nord, foreign) == "name"
        assert await refused(nord, {"csr": request_for(new_key(), "varco-nord")}) == "busy"
        room.clock.time_s += RENEW_LEAST_S
        reply = await ask(nord, {"csr": request_for(new_key(), "varco-nord")}, b"")
        sha256 = sha256_of(reply.body["certificate"].encode())
        assert await refused(sud, {"done": sha256}) == "unknown"
        assert await refused(LinePeer("nobody", "", ""), {"done": sha256}) == "edge-gone"
        with pytest.raises(WireError):
            await ask(nord, {"csr": 5}, b"")

    asyncio.run(run())


def test_a_room_that_answers_nonsense_changes_nothing(room, enrolled, tmp_path):
    """Also one that signs with another authority."""
    before = sorted(one.name for one in enrolled.iterdir())
    (tmp_path / "other").mkdir()
    other = open_authority(tmp_path / "other", "sala", NOW)

    class Nonsense(Wire):
        async def call(self, kind, body, blob=b"", *, within_s=10.0):
            return Reply({"certificate": other.issue(body["csr"], "varco-nord", NOW)[0]})

    with pytest.raises(WireError):
        asyncio.run(renew(Nonsense(room, enrolled), enrolled, "varco-nord"))
    assert sorted(one.name for one in enrolled.iterdir()) == before


# small things ----------------------------------------------------------------------------------


def test_what_a_room_tells_of_itself_is_not_believed_blindly():
    """Ids, addresses and keys have a form; the code's addresses stand in for bad ones."""
    good = {"id": "sala", "name": "Sala", "edge": "nord", "addresses": ["a:1", "b", 5], "keys": {}}
    assert membership_of(good, ("c:1",)).addresses == ("a:1",)
    assert membership_of(good | {"addresses": ["x"]}, ("c:1",)).addresses == ("c:1",)
    assert membership_of(good | {"keys": {"a": "b", "c": 5}}).keys == {"a": "b"}
    for change in ({"id": "../x"}, {"name": "a\nb"}, {"edge": 5}, {"keys": []}, {"addresses": "a"}):
        with pytest.raises(WireError):
            membership_of(good | change)


def test_a_membership_that_cannot_be_read_is_told(tmp_path):
    """It is not taken for a box that was never enrolled."""
    for text in ("{", "[]", "{}"):
        (tmp_path / LINE_ROOM).write_text(text)
        with pytest.raises(ConfigError, match="enrol again"):
            read_membership(tmp_path)


def test_failures_are_bounded_and_a_household_counts_as_one():
    """Memory, entries of the log, and IPv6 addresses of one /64."""
    clock = FakeClock()
    failures = Failures(clock)
    noted = [failures.count(f"198.51.{n // 250}.{n % 250}:5") for n in range(5000)]
    assert sum(noted) == MOST_NOTED
    assert len(failures._known) <= 1024
    for number in range(MOST_FAILURES):
        failures.count(f"[2001:db8:1:2:{number}::1]:99")
    assert failures.is_locked("[2001:db8:1:2:ffff::1]:7")
    assert not failures.is_locked("[2001:db8:1:3::1]:7")
    clock.advance(LOCK_S)
    assert not failures.is_locked("[2001:db8:1:2:ffff::1]:7")


def test_codes_of_the_room_fit_the_reader(room):
    """What `invite` prints is what `join` takes."""

    async def run():
        text, _ = await room.enrolment.invite(Edge("varco-nord", "Nord"), "rossi")
        code = read_code(text)
        assert write_code(code) == text
        assert (code.edge, code.addresses) == ("varco-nord", room.addresses)

    asyncio.run(run())
