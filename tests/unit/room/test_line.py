# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One line over real TLS: questions, remarks, floods, slow readers, ends that fall silent."""

import asyncio
import socket
from dataclasses import replace

import pytest

from gateway.model.errors import (
    BusyError,
    CredentialError,
    InvariantError,
    PeerError,
    RefusedError,
    StoreError,
)
from gateway.model.room import SERVER_NAME, LinePeer, Reply
from gateway.room.line import Bounds, Line, SilentError, Timing, foremost
from gateway.runtime.clock import SystemClock
from gateway.runtime.sealed import Sealed
from gateway.wire.uplink import Frame, FrameDecoder, encode
from tests.line_parts import BOUNDS, SOON_S, Proxy, World, address, lines, listener, running, until


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


async def echo(peer, body, blob):
    return Reply({"from": peer.id, **body}, blob[::-1])


def run(coroutine):
    async def bounded():
        async with asyncio.timeout(2 * SOON_S):
            await coroutine

    asyncio.run(bounded())


def test_either_end_asks_and_is_answered(world):
    """Bodies and blobs go both ways, many questions at a time, each with its own answer."""

    async def play():
        async with lines(world, {"echo": echo}, {"echo": echo}) as (one, two, _):
            reply = await one.call("echo", {"x": 1}, b"abc")
            assert (reply.body, reply.blob) == ({"from": "edge", "x": 1}, b"cba")
            async with asyncio.TaskGroup() as tasks:
                asked = [tasks.create_task(two.call("echo", {"n": n})) for n in range(200)]
            assert [one.result().body["n"] for one in asked] == list(range(200))
            assert one.counts().handled >= 200
            assert two.counts().asked == two.counts().answered == 200

    run(play())


def test_what_a_handler_refuses_is_told_and_the_line_goes_on(world):
    """Refusals have their code; what is wrong with us is not told; unknown kinds are refused."""

    async def no(*_):
        raise RefusedError("replayed", "an old serial")

    async def full(*_):
        raise StoreError("/var/lib/varco/secret.db: disk full")

    async def far(*_):
        raise PeerError("camera 10.0.0.7: gone")

    async def play():
        async with lines(world, theirs={"no": no, "full": full, "far": far, "echo": echo}) as found:
            line = found[0]
            with pytest.raises(RefusedError, match="an old serial") as caught:
                await line.call("no", {})
            assert caught.value.code == "replayed"
            for kind in ("full", "far"):
                with pytest.raises(PeerError) as other:
                    await line.call(kind, {})
                assert "secret" not in str(other.value)
                assert "10.0" not in str(other.value)
                assert not isinstance(other.value, RefusedError)
            with pytest.raises(RefusedError) as unknown:
                await line.call("nothing", {})
            assert unknown.value.code == "unknown-kind"
            assert (await line.call("echo", {})).body == {"from": "edge"}

    run(play())


def test_a_bug_of_a_handler_ends_the_line_and_is_raised(world):
    """What nobody foresaw is not told over the line; whoever runs it gets the traceback."""

    async def bug(*_):
        raise InvariantError("impossible")

    async def play():
        near, far = await world.pair()
        asking = Line(near, LinePeer("room", "", ""), SystemClock(), BOUNDS)
        answering = Line(far, LinePeer("edge", "", ""), SystemClock(), BOUNDS)
        answering.greet(answering.peer)
        ends = {}

        async def live(line, handlers):
            try:
                await line.run(handlers)
            except BaseExceptionGroup as group:
                ends[line] = group.exceptions
            except PeerError as error:
                ends[line] = error

        async with running(live(asking, {}), live(answering, {"bug": bug})):
            with pytest.raises(PeerError):
                await asking.call("bug", {})
            await until(lambda: answering in ends)
        assert isinstance(ends[answering][0], InvariantError)

    run(play())


def test_remarks_are_heard_in_order_and_never_wait(world):
    """A remark needs no answer; after the end it says so."""
    heard = []

    async def hear(peer, body, blob):
        heard.append(body["n"])
        return Reply()

    async def play():
        async with lines(world, theirs={"news": hear}) as (one, two, ends):
            assert all(one.tell("news", {"n": n}) for n in range(50))
            await until(lambda: len(heard) == 50)
            assert heard == list(range(50))
            two.end(PeerError("enough"))
            await until(lambda: "one" in ends)
            assert not one.tell("news", {"n": 51})
            with pytest.raises(PeerError):
                await one.call("news", {"n": 52})

    run(play())


def test_a_question_without_an_answer_has_a_bound(world):
    """The asker goes on after its time; the late answer is counted and harms nothing."""
    gate = asyncio.Event()

    async def slow(*_):
        await gate.wait()
        return Reply()

    async def play():
        async with lines(world, theirs={"slow": slow, "echo": echo}) as (one, _, _ends):
            with pytest.raises(PeerError, match="no answer to slow"):
                await one.call("slow", {}, within_s=0.05)
            gate.set()
            await until(lambda: one.counts().late == 1)
            assert (await one.call("echo", {})).body

    run(play())


def test_whoever_waits_when_the_line_ends_is_told(world):
    """A question under way when the connection breaks raises at once, with the reason."""

    async def never(*_):
        await asyncio.Event().wait()

    async def play():
        async with lines(world, theirs={"never": never}) as (one, two, _):
            async with asyncio.TaskGroup() as tasks:
                asked = tasks.create_task(_error_of(one.call("never", {}, within_s=SOON_S)))
                await until(lambda: two._running == 1)
                two.end(PeerError("enough"))
            assert "closed the connection" in str(asked.result())

    run(play())


async def _error_of(asking):
    try:
        await asking
    except PeerError as error:
        return error
    return None


def test_nothing_is_handled_before_the_greeting(world):
    """Questions that come first wait until it is known who asks."""

    async def play():
        near, far = await world.pair()
        asking = Line(near, LinePeer("room", "", ""), SystemClock(), BOUNDS)
        answering = Line(far, LinePeer("?", "", ""), SystemClock(), BOUNDS)

        async def live(line, handlers):
            with pytest.raises(PeerError):
                await line.run(handlers)

        async with running(live(asking, {}), live(answering, {"echo": echo, "hello": echo})):
            async with asyncio.TaskGroup() as tasks:
                first = tasks.create_task(asking.call("echo", {}))
                hello = await asking.call("hello", {})
                assert hello.body == {"from": "?"}
                assert not first.done()
                answering.greet(LinePeer("edge", "", ""))
            assert first.result().body == {"from": "edge"}

    run(play())


def test_a_line_on_which_nobody_greets_is_over(world):
    """Whoever proves a certificate and then says nothing does not stay."""

    async def play():
        near, far = await world.pair()
        line = Line(far, LinePeer("?", "", ""), SystemClock(), replace(BOUNDS, hello_s=0.2))
        other = Line(near, LinePeer("?", "", ""), SystemClock(), BOUNDS)

        async def live():
            with pytest.raises(PeerError):
                await other.run({})

        async with running(live()):
            with pytest.raises(PeerError, match="no greeting"):
                await line.run({})

    run(play())


def test_a_flood_of_questions_is_answered_or_told_busy(world):
    """Beyond what waits, questions are refused at once; the work at a time stays bounded."""
    gate, most = asyncio.Event(), []
    bounds = replace(BOUNDS, most_calls=100, most_handled=4, most_waiting=10)

    async def slow(*_):
        most.append(1)
        await gate.wait()
        return Reply()

    async def play():
        async with lines(world, theirs={"slow": slow}, bounds=bounds) as (one, two, _):
            async with asyncio.TaskGroup() as tasks:
                asked = [
                    tasks.create_task(_error_of(one.call("slow", {}, within_s=SOON_S)))
                    for _ in range(50)
                ]
                await until(lambda: two.counts().refused == 50 - 14)
                assert len(most) == 4
                gate.set()
            errors = [one.result() for one in asked]
            assert sum(isinstance(one, BusyError) for one in errors) == 36
            assert errors.count(None) == 14

    run(play())


def test_a_flood_of_remarks_ends_the_line(world):
    """Nothing said is thrown away in silence: more than anybody can hear ends the connection."""

    async def slow(*_):
        await asyncio.Event().wait()

    async def play():
        bounds = replace(BOUNDS, most_handled=2, most_waiting=10)
        async with lines(world, theirs={"news": slow}, bounds=bounds) as (one, _, ends):
            for n in range(40):
                one.tell("news", {"n": n})
            await until(lambda: "two" in ends)
            assert "more than anybody can hear" in str(ends["two"])

    run(play())


def test_whoever_sends_too_fast_is_read_more_slowly(world):
    """Beyond the allowance frames wait in the kernel, and none is lost."""
    bounds = replace(BOUNDS, frames_a_second=100.0, burst=20.0, most_waiting=1000)

    async def play():
        async with lines(world, theirs={"echo": echo}, bounds=bounds) as (one, two, _):
            loop = asyncio.get_running_loop()
            began_s = loop.time()
            for n in range(8):  # each round trip is one read of ten frames
                async with asyncio.TaskGroup() as tasks:
                    for _ in range(10):
                        tasks.create_task(one.call("echo", {"n": n}))
            assert loop.time() - began_s > 0.4, "80 frames at 100 a second, 20 of them at once"
            assert two.counts().handled == 80

    run(play())


@pytest.mark.parametrize(
    "garbage", [b"\0\0\0\x01x", b"\xff" * 64, b"\0\0\0\x04\0\x02{}", b"GET / HTTP/1.1\r\n\r\n" * 9]
)
def test_garbage_ends_the_line_and_nothing_else(world, garbage):
    """Frames that no valid end sends end the connection with a WireError."""

    async def play():
        near, far = await world.pair()
        line = Line(far, LinePeer("edge", "", ""), SystemClock(), BOUNDS)
        line.greet(line.peer)
        await near.write(garbage)
        with pytest.raises(PeerError, match="line: a frame"):
            await line.run({})
        assert far.closed
        near.close()

    run(play())


def test_an_answer_that_nobody_asked_for_is_ignored(world):
    """Answers to unknown numbers, and twice to one, are counted; the line stands."""

    async def play():
        near, far = await world.pair()
        line = Line(far, LinePeer("edge", "", ""), SystemClock(), BOUNDS)
        line.greet(line.peer)

        async def live():
            with pytest.raises(PeerError):
                await line.run({"echo": echo})

        async with running(live()):
            for number in (7, 7, 1 << 52):
                await near.write(encode(Frame("echo", answers=number)))
            await near.write(encode(Frame("echo", number=1)))
            decoder, frames = FrameDecoder(), []
            while not any(one.kind == "echo" for one in frames):
                frames = decoder.receive(await near.read())
            assert line.counts().late == 3
            near.close()

    run(play())


@pytest.mark.parametrize("asking", [False, True])
def test_of_pictures_one_is_under_way_and_an_alarm_waits_for_no_other(world, asking):
    """Whatever is asked for at once: the next leaves when the other end has read the last."""

    async def play():
        near, far = await world.pair()
        patient = replace(BOUNDS, ping_s=SOON_S, dead_s=SOON_S)  # no other pings
        line = Line(far, LinePeer("edge", "", ""), SystemClock(), patient)
        line.greet(line.peer)
        decoder, seen = FrameDecoder(), []

        async def picture(*_):
            return Reply({}, b"x" * 65_000)

        async def read(enough):
            while not enough():
                seen.extend(decoder.receive(await near.read()))

        def blobs():
            return [one for one in seen if one.blob]

        def pings():
            return [one for one in seen if one.kind == "ping" and one.number]

        async with running(_quiet(line.run({"clip": picture}))):
            clip = ("clip", {}, b"x" * 65_000)
            calls = [asyncio.create_task(_error_of(line.call(*clip))) for _ in range(8 * asking)]
            for number in range(1, 9 - len(calls)):
                await near.write(encode(Frame("clip", number=number)))
            await read(pings)
            for count in range(1, 8):
                line.tell("alarm", {"n": count})
                await read(lambda wanted=count: _alarms(seen) == wanted)
                assert len(blobs()) == count
                landed = pings()[-1].number
                await near.write(encode(Frame("ping", {"utc_us": 1}, answers=landed)))
                await read(lambda wanted=landed: pings()[-1].number != wanted)
                assert len(blobs()) == count + 1
        await asyncio.gather(*calls)
        near.close()

    run(play())


def _alarms(seen):
    return sum(one.kind == "alarm" for one in seen)


def test_an_end_that_reads_nothing_is_given_up(world):
    """What waits for a slow reader is bounded, and so is the time."""
    bounds = replace(BOUNDS, stall_s=0.3, dead_s=SOON_S)

    async def play():
        near, far = await world.pair()
        line = Line(far, LinePeer("edge", "", ""), SystemClock(), bounds)
        line.greet(line.peer)

        async def keep_talking():
            while not far.closed:
                await near.write(encode(Frame("ping")))
                await asyncio.sleep(0.05)

        ends = []

        async def live():
            try:
                await line.run({})
            except PeerError as error:
                ends.append(str(error))

        async def ask():
            await _error_of(line.call("x", {}, b"x" * 65_000, within_s=SOON_S))

        async with running(live(), *(ask() for _ in range(64)), _quiet(keep_talking())):
            await until(lambda: ends)
        assert "does not read" in ends[0]
        near.close()

    run(play())


async def _quiet(talking):
    try:
        await talking
    except PeerError:
        return


def test_remarks_for_a_slow_reader_are_bounded(world):
    """Remarks never wait, so what nobody reads ends the line instead of growing."""

    async def play():
        near, far = await world.pair()
        bounds = replace(BOUNDS, hard_bytes=1 << 20, stall_s=SOON_S)
        line = Line(far, LinePeer("edge", "", ""), SystemClock(), bounds)
        ends = []

        async def live():
            try:
                await line.run({})
            except PeerError as error:
                ends.append(str(error))

        async with running(live()):
            told = 0
            while line.tell("news", {"x": "y" * 50_000}):
                told += 1
                assert told < 1000
                await asyncio.sleep(0)
            await until(lambda: ends)
        assert "too slowly" in ends[0]
        near.close()

    run(play())


def test_silence_is_noticed_by_both_ends(world):
    """When a network swallows everything, each end gives the line up within its bound."""

    async def play():
        with listener() as door:
            proxy = Proxy(address(door))
            async with proxy.open() as where:
                loop = asyncio.get_running_loop()
                near = await _connected(where)
                far, _ = await loop.sock_accept(door)
                client = world.client_context(world.authority.issue("x"))
                async with asyncio.TaskGroup() as tasks:
                    one = tasks.create_task(
                        Sealed.connect(near, client, SERVER_NAME, within_s=SOON_S)
                    )
                    two = tasks.create_task(
                        Sealed.accept(far, world.server_context(), within_s=SOON_S)
                    )
                ends = []

                async def live(sealed):
                    line = Line(sealed, LinePeer("x", "", ""), SystemClock(), BOUNDS)
                    line.greet(line.peer)
                    lines_.append(line)
                    try:
                        await line.run({"echo": echo})
                    except PeerError as error:
                        ends.append(error)

                lines_ = []
                async with running(live(one.result()), live(two.result())):
                    await until(lambda: len(lines_) == 2)
                    assert (await lines_[0].call("echo", {"x": 1})).body["x"] == 1
                    await until(lambda: lines_[0].timing.round_trip_ms)  # it stands by its pings
                    proxy.silent = True
                    await until(lambda: len(ends) == 2)
                assert all(isinstance(one, SilentError) for one in ends)

    run(play())


async def _connected(where):
    sock = socket.socket()
    sock.setblocking(False)
    host, _, port = where.rpartition(":")
    await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
    return sock


def test_delay_and_clock_are_measured(world):
    """Pings tell the round trip, and how far the other clock is from ours."""

    class Ahead(SystemClock):
        def now(self):
            return super().now().shifted(5.0)

    async def play():
        near, far = await world.pair()
        one = Line(near, LinePeer("room", "", ""), SystemClock(), BOUNDS)
        two = Line(far, LinePeer("edge", "", ""), Ahead(), BOUNDS)

        async def live(line):
            line.greet(line.peer)
            with pytest.raises(PeerError):
                await line.run({})

        async with running(live(one), live(two)):
            one.ping()
            two.ping()
            await until(lambda: one.timing.round_trip_ms and two.timing.round_trip_ms)
            assert abs(one.timing.clock_offset_ms - 5000) < 2500
            assert abs(two.timing.clock_offset_ms + 5000) < 2500

    run(play())


def test_the_quickest_answer_tells_the_other_clock():
    """A slow answer says little about the time; only the last ones count."""
    timing = Timing()
    assert (timing.round_trip_ms, timing.clock_offset_ms) == (0.0, 0.0)
    timing.note(500.0, 240.0)
    timing.note(10.0, 1.0)
    timing.note(900.0, -400.0)
    assert (timing.round_trip_ms, timing.clock_offset_ms) == (900.0, 1.0)
    for _ in range(Timing.KEPT):
        timing.note(50.0, 7.0)
    assert timing.clock_offset_ms == 7.0


def test_a_clock_that_was_set_is_believed_at_once():
    """What was measured before it says nothing any more; a slow answer is no such thing."""
    timing = Timing()
    for _ in range(Timing.KEPT):
        timing.note(20.0, 3.0)
    timing.note(22.0, -120_000.0)
    assert timing.clock_offset_ms == -120_000.0
    timing.note(14_000.0, -126_900.0)  # half of it went one way: nobody set anything
    assert timing.clock_offset_ms == -120_000.0
    timing.note(24.0, -120_004.0)
    assert timing.clock_offset_ms == -120_000.0


def test_a_refused_certificate_says_most():
    """Of several errors that end a line, people read the one that they can act on."""
    inner = ExceptionGroup("", [PeerError("b"), CredentialError("c")])
    assert str(foremost(ExceptionGroup("", [PeerError("a"), inner]))) == "c"
    assert str(foremost(ExceptionGroup("", [PeerError("a"), PeerError("b")]))) == "a"


def test_a_dead_line_is_noticed_well_within_ten_seconds():
    """With the looks that a loaded machine is late for, and time left to tell people."""
    bounds = Bounds()
    assert bounds.dead_s + 2 * bounds.look_s <= 7.5
    assert bounds.dead_s > 2 * bounds.ping_s  # two questions, not one, stay unanswered
