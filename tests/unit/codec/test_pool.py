# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Real children: started, fed, killed, stopped and replaced."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gateway.analytics.look import Feed, LookReply, LookRequest
from gateway.codec.pool import Pool, PoolBusyError, PoolOptions, open_pool
from gateway.codec.protocol import Kind
from gateway.codec.recode import NEVER, Look, RecodeRequest
from gateway.model.errors import ConfigError, PeerError, WireError
from gateway.runtime.clock import SystemClock
from tests.footage import scene

LOOK_ALONE = PoolOptions(spares=0)


def look(camera: str = "cam", pictures: int = 1) -> bytes:
    """Return a LOOK request about a small scene."""
    return LookRequest(camera, Feed.START, [], scene(pictures, gop=50)).pack()


async def ask(pool: Pool, camera: str = "cam", timeout_s: float = 20.0) -> LookReply:
    """Have a camera's child look at one picture."""
    data = await pool.call(camera, Kind.LOOK, look(camera), timeout_s=timeout_s)
    return LookReply.unpack(data, 0)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; fails after twenty seconds."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_camera_keeps_its_child_and_others_share_the_rest() -> None:
    """Cameras spread over the children, and each always meets the same one."""
    async with open_pool(2, clock=SystemClock(), options=LOOK_ALONE) as pool:
        for camera in ("a", "b", "a", "b"):
            await ask(pool, camera)
        assert pool._slots["a"] is not pool._slots["b"]
        assert [slot.child.requests for slot in pool.looking] == [2, 2]


async def test_useless_bytes_are_refused_and_the_child_lives() -> None:
    """Bytes that are no request, and an unknown kind, are WireErrors; no child is lost."""
    async with open_pool(1, clock=SystemClock(), options=LOOK_ALONE) as pool:
        pids = pool.statistics().pids
        with pytest.raises(WireError):
            await pool.call("cam", Kind.LOOK, b"\xff" * 40, timeout_s=5)
        with pytest.raises(WireError, match="no handler"):
            await pool.call("cam", 99, b"", timeout_s=5)
        await ask(pool)
        assert pool.statistics().pids == pids
        assert pool.statistics().failures == 0


async def test_a_child_killed_in_the_middle_costs_one_request() -> None:
    """SIGKILL during a request: its caller gets PeerError, the next call works."""
    async with open_pool(1, clock=SystemClock(), options=LOOK_ALONE) as pool:
        (pid,) = pool.statistics().pids
        os.kill(pid, signal.SIGSTOP)
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(_outcome(ask(pool)))
            second = tasks.create_task(_outcome(ask(pool)))
            await until(lambda: pool.statistics().requests == 1)
            os.kill(pid, signal.SIGKILL)
        assert isinstance(first.result(), PeerError)
        assert isinstance(second.result(), LookReply)
        assert pool.statistics().failures == 1
        assert pool.statistics().pids != (pid,)


async def test_a_child_killed_while_idle_costs_nothing() -> None:
    """SIGKILL between two requests: the next call is answered by a new child."""
    async with open_pool(1, clock=SystemClock(), options=LOOK_ALONE) as pool:
        (pid,) = pool.statistics().pids
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not pool.looking[0].child.alive())
        await ask(pool)
        assert pool.statistics().starts == 2


async def test_a_child_that_hangs_is_killed() -> None:
    """A stopped child is killed at the time-out, replaced, and its neighbour never notices."""
    async with open_pool(2, clock=SystemClock(), options=LOOK_ALONE) as pool:
        await ask(pool, "a")
        await ask(pool, "b")
        stuck, fine = (slot.child.process.pid for slot in pool.looking)
        os.kill(stuck, signal.SIGSTOP)
        async with asyncio.TaskGroup() as tasks:
            late = tasks.create_task(_outcome(ask(pool, "a", 0.3)))
            near = tasks.create_task(_outcome(ask(pool, "b", 20)))
        assert isinstance(late.result(), PeerError)
        assert "longer than 0.3 s" in str(late.result())
        assert isinstance(near.result(), LookReply)
        with pytest.raises(ProcessLookupError):
            os.kill(stuck, 0)
        await ask(pool, "a")
        assert fine in pool.statistics().pids


async def test_too_many_waiting_requests_are_refused_at_once() -> None:
    """Beyond the bound a request is refused and the child is left in peace."""
    options = replace(LOOK_ALONE, waiting=2)
    async with open_pool(1, clock=SystemClock(), options=options) as pool:
        (pid,) = pool.statistics().pids
        os.kill(pid, signal.SIGSTOP)
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(_outcome(ask(pool)))
            await until(lambda: pool.statistics().requests == 1)
            waiting = [tasks.create_task(_outcome(ask(pool))) for _ in range(3)]
            await until(lambda: pool.statistics().refused == 1)
            os.kill(pid, signal.SIGCONT)
        kinds = [type(task.result()) for task in (first, *waiting)]
        assert kinds == [LookReply, LookReply, LookReply, PoolBusyError]
        assert pool.statistics().pids == (pid,)


async def test_a_cancelled_caller_leaves_the_child_alone() -> None:
    """Cancelling a request loses its answer only; the next one gets its own answer."""
    async with open_pool(1, clock=SystemClock(), options=LOOK_ALONE) as pool:
        pids = pool.statistics().pids
        async with asyncio.TaskGroup() as tasks:
            gone = tasks.create_task(pool.call("cam", Kind.LOOK, look(pictures=20), timeout_s=9))
            await until(lambda: pool.statistics().requests == 1)
            gone.cancel()
        reply = await ask(pool)
        assert reply.pictures == 1
        assert pool.statistics().pids == pids


@pytest.mark.parametrize("bound", [{"requests": 3}, {"resident_bytes": 1}])
async def test_a_child_is_recycled(bound: dict) -> None:
    """After its number of requests, or when it has grown, a child is replaced between two."""
    async with open_pool(1, clock=SystemClock(), options=replace(LOOK_ALONE, **bound)) as pool:
        (pid,) = pool.statistics().pids
        for _ in range(3):
            await ask(pool)
        await until(lambda: pool.statistics().recycled >= 1)
        await ask(pool)
        assert pid not in pool.statistics().pids
        assert pool.statistics().failures == 0


async def test_a_child_is_not_recycled_because_its_gateway_is_large() -> None:
    """What a child has used is its own: a child of a large process starts small."""
    ballast = np.ones(300 << 20, np.uint8)
    small = replace(LOOK_ALONE, resident_bytes=250 << 20)
    async with open_pool(1, clock=SystemClock(), options=small) as pool:
        (pid,) = pool.statistics().pids
        for _ in range(3):
            await ask(pool)
        assert pool.statistics().pids == (pid,)
        assert pool.statistics().recycled == 0
    assert ballast[-1] == 1


async def test_closing_ends_the_children_and_their_callers() -> None:
    """When the pool closes, what waits gets PeerError and no child is left."""
    async with (
        asyncio.TaskGroup() as tasks,
        open_pool(1, clock=SystemClock(), options=LOOK_ALONE) as pool,
    ):
        (pid,) = pool.statistics().pids
        os.kill(pid, signal.SIGSTOP)
        calls = [tasks.create_task(_outcome(ask(pool))) for _ in range(2)]
        await until(lambda: pool.statistics().waiting == 2)
    assert [type(call.result()) for call in calls] == [PeerError, PeerError]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(PeerError, match="closed"):
        await ask(pool)


async def test_a_child_that_refuses_is_a_configuration_error(tmp_path: Path) -> None:
    """Where libseccomp is missing, opening the pool fails with words, not with a naked child."""
    script = tmp_path / "child.py"
    script.write_text(
        "import os, sys\nsys.modules['pyseccomp'] = None\n"
        "from gateway.child import main\nos._exit(main(sys.argv[1:]))\n"
    )
    options = replace(LOOK_ALONE, command=(sys.executable, str(script)))
    with pytest.raises(ConfigError, match="libseccomp cannot be loaded"):
        async with open_pool(1, clock=SystemClock(), options=options):
            pytest.fail("served without a sandbox")
    accepted = replace(options, without_seccomp=True)
    async with open_pool(1, clock=SystemClock(), options=accepted) as pool:
        await ask(pool)


async def test_a_program_that_is_no_child_is_told_from_one() -> None:
    """A missing program, and one that ends at once, are PeerErrors."""
    for command in (("/nonexistent/child",), ("/bin/true",)):
        with pytest.raises(PeerError):
            async with open_pool(1, clock=SystemClock(), options=PoolOptions(command=command)):
                pytest.fail("served by something else")


@pytest.mark.parametrize("words", ["7, b''", "130, b''", "128, b''", "129, b'no'"])
async def test_a_child_that_breaks_the_protocol_is_replaced(tmp_path: Path, words: str) -> None:
    """An unknown kind, or an answer cut short, is a PeerError; the child does not stay."""
    script = tmp_path / "child.py"
    script.write_text(
        "import socket, struct, sys\n"
        "channel = socket.socket(fileno=int(sys.argv[2]))\n"
        "def say(kind, body): channel.sendall(struct.pack('!IB', len(body) + 1, kind) + body)\n"
        "say(128, b'')\n"
        "while channel.recv(1 << 20):\n"
        f"    say(*({words}))\n"
    )
    options = replace(LOOK_ALONE, command=(sys.executable, str(script)), restart_s=0.0)
    async with open_pool(1, clock=SystemClock(), options=options) as pool:
        (pid,) = pool.statistics().pids
        with pytest.raises(PeerError):
            await ask(pool)
        await until(lambda: pool.statistics().starts == 2)
        assert pid not in pool.statistics().pids


async def test_no_secret_reaches_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential in the gateway's environment is not in the child's."""
    monkeypatch.setenv("CAMERA_PASSWORD", "hunter2")
    async with open_pool(1, clock=SystemClock(), options=LOOK_ALONE) as pool:
        (pid,) = pool.statistics().pids
        environment = await asyncio.to_thread(Path(f"/proc/{pid}/environ").read_bytes)
    assert b"PATH=" in environment
    assert b"hunter2" not in environment


async def _outcome(call) -> object:
    """Return what a call gave or raised."""
    try:
        return await call
    except PeerError as error:
        return error


def recode(fresh: bool = True) -> bytes:
    """Return a RECODE request about a small scene."""
    return RecodeRequest(Look(), fresh, NEVER, 1, scene(2, gop=2)).pack()


async def test_a_stream_has_its_child_for_itself_and_no_more_than_there_are() -> None:
    """What it has learnt stays while it is taken; the next one meets a child that knows nothing."""
    options = replace(LOOK_ALONE, coders=1)
    async with open_pool(0, clock=SystemClock(), options=options) as pool:
        assert pool.statistics().pids == ()
        with pool.take() as place:
            await place.call(Kind.RECODE, recode(), timeout_s=20)
            await place.call(Kind.RECODE, recode(fresh=False), timeout_s=20)
            assert pool.statistics().taken == 1
            pid = place.pid
            with pytest.raises(PoolBusyError), pool.take():
                pass
        await until(lambda: pool.statistics().pids == ())
        with pool.take() as place:
            with pytest.raises(WireError, match="not begun"):
                await place.call(Kind.RECODE, recode(fresh=False), timeout_s=20)
            assert place.pid not in (pid, None)
