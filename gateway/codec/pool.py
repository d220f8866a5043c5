# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Children that touch hostile pictures, seen from the gateway: started, fed, killed, replaced.

One request is in flight per child. Requests with the same affinity (a camera's id) go to the
same child, so that what it has learnt stays; those without any (stills, clips) have children of
their own, so that a long clip never delays motion. Whoever codes a live stream anew takes a whole
child for as long as that lasts (`take`). Plates are read in children of their own, which alone
load nets, from the first request on. A dead child costs its own request only.
"""

import asyncio
import contextlib
import logging
import os
import re
import socket
import sys
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import gateway
from gateway.codec.protocol import Kind
from gateway.model.errors import ConfigError, PeerError, WireError
from gateway.runtime.clock import Clock
from gateway.wire.frames import MOST_BYTES, Frame, FrameReceiver, send

log = logging.getLogger(__name__)

_CHUNK_BYTES = 1 << 20
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ", "VIRTUAL_ENV")
"""What a child inherits; secrets may stand in the environment and must not."""
_MODULE = ("-m", "gateway", "child")
_PLATES = frozenset({Kind.PLATES, Kind.PLATE_PICTURE})
_FORGETFUL = {
    "GLIBC_TUNABLES": "glibc.malloc.perturb=165:glibc.malloc.tcache_count=0",
    "PYTHONMALLOC": "malloc",
}
"""Environment of a child that reads plates: every object of Python and every array comes from the
C library, and that overwrites what is freed (D.9). Another C library ignores both."""
_FOR_EVER = 1 << 60
"""A child that codes a stream is not replaced in the middle of it."""


class PoolBusyError(PeerError):
    """More waits for this child than it can do; nothing was sent and nothing was killed."""


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """Bounds of a pool."""

    command: tuple[str, ...] = (sys.executable, *_MODULE)
    """What starts a child; `--fd N` and the options below are added."""
    spares: int = 2
    """Children for requests without affinity; each is started when first needed."""
    coders: int = 0
    """Children that may be taken for live streams; each runs only while it is taken."""
    waiting: int = 64
    """Requests that may wait for one child; the next is refused at once."""
    start_s: float = 30.0
    """A child that is not ready by then is killed."""
    restart_s: float = 1.0
    """Least time between two starts of one child."""
    requests: int = 100_000
    """A child is replaced after so many."""
    resident_bytes: int = 600 << 20
    """Or once its peak resident memory has passed this."""
    address_bytes: int = 2 << 30
    """Hard bound of its address space."""
    without_seccomp: bool = False
    """Accept children without a system-call filter; only for kernels that have none."""
    gates: int = 0
    """Children that read plates; each is started when first needed."""
    plates: str | None = None
    """Of those: the folder of their nets, empty for ours. None: of no use for plates."""
    second: bool = True
    """Of those: they have a second reader, where it is installed."""


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """Counters since the pool was opened."""

    requests: int
    failures: int
    """Requests lost with their child (death or time-out)."""
    refused: int
    """Requests refused because too many waited."""
    starts: int
    recycled: int
    waiting: int
    pids: tuple[int, ...]
    """Children that are alive now."""
    taken: int = 0
    """Children taken for live streams now."""
    coders: int = 0
    """How many may be."""


@dataclass(slots=True)
class _Counts:
    requests: int = 0
    failures: int = 0
    refused: int = 0
    starts: int = 0
    recycled: int = 0


@dataclass(frozen=True, slots=True)
class _Job:
    frame: Frame
    timeout_s: float
    answer: asyncio.Future[bytes] = field(default_factory=asyncio.Future)


@dataclass(slots=True)
class _Child:
    """A running process and the stream to it."""

    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    receiver: FrameReceiver = field(default_factory=lambda: FrameReceiver(MOST_BYTES))
    requests: int = 0
    peak_bytes: int = 0

    def alive(self) -> bool:
        return self.process.returncode is None and not self.reader.at_eof()

    async def exchange(self, frame: Frame) -> Frame:
        """Send one frame, return the next that comes; PeerError when the child is gone."""
        self.requests += 1
        try:
            self.writer.write(send(frame))
            await self.writer.drain()
            return await self.receive()
        except OSError as error:
            raise PeerError(f"child {self.process.pid} is gone: {error}") from error

    async def receive(self) -> Frame:
        """Return the next frame; PeerError at the end of the stream."""
        while data := await self.reader.read(_CHUNK_BYTES):
            frames = self.receiver.receive(data)
            if len(frames) > 1:
                raise WireError(f"child {self.process.pid} answered more than it was asked")
            if frames:
                return frames[0]
        raise PeerError(f"child {self.process.pid} ended in the middle of a request")

    async def kill(self) -> None:
        """End it at once and wait for the system to say so."""
        self.writer.close()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


class _Slot:
    """A place for one child, with its queue; the task `run` does the work."""

    def __init__(self, name: str, options: PoolOptions, clock: Clock, counts: _Counts) -> None:
        self.name = name
        self.cameras = 0
        self.child: _Child | None = None
        self.jobs: deque[_Job] = deque()
        self.busy = False
        self.is_taken = False
        """By one stream, for itself."""
        self.is_stale = False
        """What the child has learnt is of no use to anybody; it is ended."""
        self._options = options
        self._clock = clock
        self._counts = counts
        self._wake = asyncio.Event()
        self._started_s = -1e9

    def load(self) -> int:
        """Return how many requests are ahead of a new one."""
        return len(self.jobs) + self.busy

    def add(self, job: _Job) -> None:
        """Queue a job; PoolBusyError if too many wait."""
        if len(self.jobs) >= self._options.waiting:
            self._counts.refused += 1
            raise PoolBusyError(f"child {self.name}: {len(self.jobs)} requests wait already")
        self.jobs.append(job)
        self._wake.set()

    def free(self) -> None:
        """Give a taken place back: its child ends, whatever it still does."""
        self.is_taken, self.is_stale = False, True
        for job in self.jobs:
            if not job.answer.done():
                job.answer.set_exception(PeerError(f"child {self.name} was given back"))
                job.answer.exception()  # who gave it back will not look
        self.jobs.clear()
        self._wake.set()

    async def run(self) -> None:
        """Do the jobs one by one until cancelled; the child dies with this task."""
        job: _Job | None = None
        try:
            while True:
                while self.jobs or self.is_stale:
                    if self.is_stale:
                        self.is_stale = False
                        await self.drop()
                        continue
                    job = self.jobs.popleft()
                    if not job.answer.done():  # else its caller went away
                        self.busy = True
                        await self._do(job)
                        self.busy = False
                    if not self.is_stale:
                        await self._replace()
                self._wake.clear()
                await self._wake.wait()
        finally:
            for left in (job, *self.jobs):
                if left is not None and not left.answer.done():
                    left.answer.set_exception(PeerError("the child pool was closed"))
                    left.answer.exception()  # a caller that is gone too will not look
            await self.drop()

    async def _replace(self) -> None:
        """Have the next child ready before the next request comes, if one was lost."""
        if self.child is None:
            try:
                await self.ready()
            except (PeerError, ConfigError) as error:
                log.warning("child-not-started", extra={"child": self.name, "problem": str(error)})

    async def _do(self, job: _Job) -> None:
        """Answer one job, whatever happens to the child."""
        try:
            child = await self.ready()
            answer = await self._exchange(child, job)
        except (PeerError, ConfigError) as error:
            problem = error if isinstance(error, PeerError) else PeerError(str(error))
            if not job.answer.done():
                job.answer.set_exception(problem)
        else:
            if not job.answer.done():
                job.answer.set_result(answer)
            await self._recycle(child)

    async def _exchange(self, child: _Child, job: _Job) -> bytes:
        """Return the body of the answer; a child that dies or is late is ended and replaced."""
        self._counts.requests += 1
        try:
            async with asyncio.timeout(job.timeout_s):
                frame = await child.exchange(job.frame)
            if frame.kind != Kind.FAILED:
                return _body(child, frame)
        except TimeoutError as error:
            problem = f"child {self.name} took longer than {job.timeout_s:g} s"
            await self._lose(problem)
            raise PeerError(problem) from error
        except PeerError as error:
            await self._lose(str(error))
            raise PeerError(f"{error} ({self.name})") from error
        raise WireError(frame.payload[:500].decode(errors="replace"))

    async def _lose(self, problem: str) -> None:
        self._counts.failures += 1
        child = self.child
        await self.drop()
        status = child.process.returncode if child else None
        log.warning("child-lost", extra={"child": self.name, "problem": problem, "status": status})

    async def _recycle(self, child: _Child) -> None:
        """Replace a child that has grown or served enough."""
        full = child.peak_bytes > self._options.resident_bytes
        if full or child.requests >= self._options.requests:
            self._counts.recycled += 1
            await self.drop()

    async def ready(self) -> _Child:
        """Return a living child, started if need be; PeerError or ConfigError if none comes."""
        if self.child is not None and not self.child.alive():
            log.warning("child-ended", extra={"child": self.name})
            await self.drop()
        if self.child is None:
            wait_s = self._started_s + self._options.restart_s - self._clock.monotonic_s()
            if wait_s > 0:
                await self._clock.sleep(wait_s)
            self._started_s = self._clock.monotonic_s()
            self.child = await _start(self._options)
            self._counts.starts += 1
        return self.child

    async def drop(self) -> None:
        """End the child, if there is one; a cancelled call can be made again."""
        if self.child is not None:
            await self.child.kill()
            self.child = None


class Place:
    """A child that one stream has for itself, and with it what the child has learnt."""

    def __init__(self, slot: _Slot) -> None:
        self._slot = slot

    @property
    def pid(self) -> int | None:
        """Process id of the child; None while none runs."""
        return self._slot.child.process.pid if self._slot.child is not None else None

    async def call(self, kind: int, payload: bytes, *, timeout_s: float) -> bytes:
        """Return the child's answer; errors as those of `Pool.call`. A new child knows nothing."""
        job = _Job(Frame(kind, payload), timeout_s)
        self._slot.add(job)
        return await job.answer


class Pool:
    """The children of one gateway; made by `open_pool`."""

    def __init__(self, workers: int, options: PoolOptions, clock: Clock) -> None:
        self._counts = _Counts()
        plain = replace(options, plates=None)
        self.looking = [
            _Slot(f"look-{number}", plain, clock, self._counts) for number in range(workers)
        ]
        self.spare = [
            _Slot(f"spare-{number}", plain, clock, self._counts) for number in range(options.spares)
        ]
        lasting = replace(plain, requests=_FOR_EVER)
        self.coders = [
            _Slot(f"code-{number}", lasting, clock, self._counts)
            for number in range(options.coders)
        ]
        forgetful = replace(lasting, plates=options.plates or "")
        self.gates = [
            _Slot(f"gate-{number}", forgetful, clock, self._counts)
            for number in range(options.gates)
        ]
        self._slots: dict[str, _Slot] = {}
        self._gate_slots: dict[str, _Slot] = {}
        self._open = True

    async def call(self, affinity: str, kind: int, payload: bytes, *, timeout_s: float) -> bytes:
        """Return a child's answer to one request.

        `affinity`: what must always meet the same child, or empty. `timeout_s` counts from when
        the child begins; a request that waits longer than that for its turn is given up too.
        Raises WireError if the child found the bytes useless, PoolBusyError if too much waits,
        PeerError if the child died or was too slow (it is killed and replaced). Cancelling
        leaves the child undisturbed.
        """
        if not self._open:
            raise PeerError("the child pool was closed")
        slot = self._gate(affinity) if kind in _PLATES else self._slot(affinity)
        job = _Job(Frame(kind, payload), timeout_s)
        slot.add(job)
        return await job.answer

    def _slot(self, affinity: str) -> _Slot:
        """Return the place of an affinity; a new one goes where fewest are."""
        if not affinity:
            return min(self.spare or self.looking, key=_Slot.load)
        return _placed(affinity, self._slots, self.looking)

    def _gate(self, affinity: str) -> _Slot:
        """Return the place of a gate's camera; PeerError if no child reads plates."""
        if not self.gates:
            raise PeerError("no child of this box reads plates")
        return _placed(affinity, self._gate_slots, self.gates)

    def renew(self, affinity: str) -> None:
        """End the child that reads the plates of a camera, whatever it still does.

        The next request has another one started, which knows nothing.
        """
        slot = self._gate_slots.get(affinity)
        if slot is not None:
            self._counts.recycled += 1
            slot.free()

    def leave(self, affinity: str) -> None:
        """Forget a gate's camera; the child of which no gate is left ends."""
        slot = self._gate_slots.pop(affinity, None)
        if slot is not None:
            slot.cameras -= 1
            if slot.cameras == 0:
                slot.free()

    @contextlib.contextmanager
    def take(self) -> Iterator[Place]:
        """Lend a child to one stream; PoolBusyError, at once, if all are lent."""
        slot = next((one for one in self.coders if not one.is_taken), None)
        if slot is None or not self._open:
            self._counts.refused += 1
            raise PoolBusyError(f"{len(self.coders)} live streams are coded anew already")
        slot.is_taken = True
        try:
            yield Place(slot)
        finally:
            slot.free()

    def close(self) -> None:
        """Refuse what comes from now on."""
        self._open = False

    def statistics(self) -> PoolStatistics:
        """Return a snapshot."""
        slots = self.looking + self.spare + self.coders + self.gates
        counts = self._counts
        return PoolStatistics(
            counts.requests,
            counts.failures,
            counts.refused,
            counts.starts,
            counts.recycled,
            sum(slot.load() for slot in slots),
            tuple(s.child.process.pid for s in slots if s.child is not None),
            sum(one.is_taken for one in self.coders),
            len(self.coders),
        )


def _placed(affinity: str, known: dict[str, _Slot], places: list[_Slot]) -> _Slot:
    """Return the place of an affinity; a new one goes where fewest are."""
    slot = known.get(affinity)
    if slot is None:
        slot = known[affinity] = min(places, key=lambda one: one.cameras)
        slot.cameras += 1
    return slot


@contextlib.asynccontextmanager
async def open_pool(
    workers: int, *, clock: Clock, options: PoolOptions | None = None
) -> AsyncIterator[Pool]:
    """Run `workers` children for as long as the context lasts.

    Raises ConfigError if a child refuses to start (no sandbox), PeerError if none comes up.
    """
    pool = Pool(workers, options or PoolOptions(), clock)
    slots = pool.looking + pool.spare + pool.coders + pool.gates
    try:
        for slot in pool.looking:
            await slot.ready()
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(slot.run(), name=slot.name) for slot in slots]
            try:
                yield pool
            finally:
                pool.close()
                for task in running:
                    task.cancel()
    finally:
        for slot in slots:
            await slot.drop()


async def _start(options: PoolOptions) -> _Child:
    """Start one child and wait until its cage is closed."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    try:
        process = await asyncio.create_subprocess_exec(
            *_command(options, theirs.fileno()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            env=_environment() | (_FORGETFUL if options.plates is not None else {}),
        )
    except OSError as error:
        ours.close()
        raise PeerError(f"child cannot be started: {error}") from error
    finally:
        theirs.close()
    try:
        reader, writer = await asyncio.open_unix_connection(sock=ours)
    except BaseException:
        ours.close()
        process.kill()
        await process.wait()
        raise
    child = _Child(process, reader, writer)
    try:
        async with asyncio.timeout(options.start_s):
            frame = await child.receive()
        _expect_ready(frame)
    except TimeoutError as error:
        await child.kill()
        raise PeerError(f"child was not ready within {options.start_s:g} s") from error
    except BaseException:
        await child.kill()
        raise
    return child


def _body(child: _Child, frame: Frame) -> bytes:
    """Return what DONE carries, and note how large the child has become."""
    if frame.kind != Kind.DONE or not frame.payload:
        raise WireError(f"child {child.process.pid} answered kind {frame.kind}, or nothing")
    child.peak_bytes = _peak_bytes(child.process.pid)
    return frame.payload


def _peak_bytes(pid: int) -> int:
    """Return a process's peak resident memory (proc(5) VmHWM); 0 if it cannot be told.

    Not getrusage: what that tells of a child begins with the size of us, who started it.
    """
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    found = _PEAK.search(text)
    return int(found[1]) << 10 if found else 0


def _expect_ready(frame: Frame) -> None:
    """Return if the child's first word is READY."""
    if frame.kind == Kind.REFUSED:
        words = frame.payload[:500].decode(errors="replace")
        raise ConfigError("child process", "sandbox", words)
    if frame.kind != Kind.READY:
        raise PeerError(f"child began with kind {frame.kind}")


def _command(options: PoolOptions, fd: int) -> Iterator[str]:
    yield from options.command
    yield from ("--fd", str(fd), "--memory-bytes", str(options.address_bytes))
    if options.without_seccomp:
        yield "--without-seccomp"
    if options.plates is not None:
        yield from ("--plates", options.plates)
        if not options.second:
            yield "--without-second"


def _environment() -> dict[str, str]:
    """Return what a child needs and nothing that it must not know."""
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    here = str(Path(gateway.__file__).resolve().parent.parent)
    one_thread = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    return {**kept, **one_thread, "PYTHONPATH": here, "MALLOC_ARENA_MAX": "2"}
