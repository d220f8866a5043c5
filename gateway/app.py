# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Composition root of the gateway process: open, join, serve, close in the opposite order."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from gateway.access import permits
from gateway.access.gate import Gate
from gateway.access.gate import Surroundings as Around
from gateway.access.identity import Accounts, Spent
from gateway.access.shifts import Shifts
from gateway.assembly.alarm_lines import room_kept, room_place
from gateway.assembly.alarm_ways import alarm_bounds
from gateway.assembly.box import Opened, RunningBox
from gateway.assembly.control import ControlDesk
from gateway.assembly.exercise import Exercise
from gateway.assembly.federating import Federation
from gateway.assembly.holdup_book import open_holdup_book
from gateway.assembly.hotlists import hotlists_of
from gateway.assembly.incidents import IncidentCases
from gateway.assembly.inspection import InspectionDesk, inspection_parts
from gateway.assembly.journal import Journal
from gateway.assembly.ledger import LedgerDesk, LedgerSurroundings
from gateway.assembly.looking import detector_of
from gateway.assembly.masks import MasksInForce
from gateway.assembly.opening import (
    Listener,
    console_listener,
    ledger_key,
    machines_listener,
    named,
    outside_of,
    room_listener,
    sole_use,
    state_directory,
)
from gateway.assembly.plate_book import open_hit_book
from gateway.assembly.recorders import bind_recorders, recorder_desk
from gateway.assembly.reports import report_place
from gateway.assembly.retention import RulesInForce, origin_of
from gateway.assembly.services import services_of
from gateway.assembly.viewing import Accountant, subject_of
from gateway.assembly.witnessing import Subject, Witnessing
from gateway.audit.keys import public_bytes
from gateway.audit.ledger import Ledger, open_ledger
from gateway.audit.verify import NO_TRUST
from gateway.codec.pool import Pool, PoolOptions, open_pool
from gateway.config.load import load
from gateway.config.options import Options
from gateway.console.app import build_app, build_control_app
from gateway.console.listener import bind_unix, serve
from gateway.console.services import Endings, Services
from gateway.evidence.stills import Origin, Stills
from gateway.ingest.onvif import Wsdls, open_device
from gateway.model.errors import ConfigError, PeerError
from gateway.model.time import ClockQuality
from gateway.ops.logs import configure
from gateway.ops.notify import Notifier
from gateway.ops.timekeeping import Timekeeper
from gateway.ops.watchdog import Progress, exercise, watch
from gateway.registry.seed import read_seed
from gateway.registry.store import RegistryStore, open_registry
from gateway.relay.alarms.outbox import Outbox, open_outbox
from gateway.relay.video.process import MediaOptions, open_media
from gateway.room.incidents import open_incidents
from gateway.room.reports import open_reports
from gateway.runtime.clock import Clock, SystemClock
from gateway.runtime.names import Loop

Ready = Callable[[Opened], None]
"""Called once the box serves."""
Play = Callable[[Opened, RunningBox, asyncio.TaskGroup], Awaitable[Exercise]]
"""Makes the exercise of a simulated town for the opened box, which starts afterwards; tasks that
scenes start end with the box."""


@dataclass(frozen=True, slots=True)
class _Doors:
    """Where requests come in."""

    listeners: list[Listener]
    """Browsers, and machines with certificates."""
    control: socket.socket
    room: socket.socket | None = None
    """Edges, where this box is a room."""
    recorders: Listener | None = None
    """Recording programs of recipients (RTSP)."""


class _StopError(Exception):
    """Ends the duty's task group on request; never leaves this file."""


def main(config_path: Path) -> int:
    """Run the gateway with a configuration file until SIGTERM or SIGINT; return the exit status."""
    options = load(config_path)
    configure(options.log.level.value, sys.stderr)
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(_main(options, config_path))
    return 0


async def _main(options: Options, config_path: Path) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def asked() -> None:
        if stop.is_set():
            os._exit(130)  # a second signal exits at once
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked)
    await run(options, config_path, stop)


async def run(
    options: Options,
    config_path: Path,
    stop: asyncio.Event,
    *,
    on_ready: Ready | None = None,
    play: Play | None = None,
) -> None:
    """Run one box until `stop` is set; what was open is closed and accounted for."""
    async with AsyncExitStack() as stack:
        doors = _bind(options, str(config_path), stack)
        exercising = options.box.exercise
        clock = SystemClock(ClockQuality.EXERCISE if exercising else ClockQuality.SYNCHRONISED)
        keeper = Timekeeper(clock)
        opened = await _open(options, config_path, stack, (clock, keeper))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_until(stop))
                tasks.create_task(keeper.watch())
                await _serve(opened, doors, tasks, play)
                if on_ready is not None:
                    on_ready(opened)
        except* _StopError:
            Notifier(os.environ).stopping()


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()
    raise _StopError


def _bind(options: Options, where: str, stack: AsyncExitStack) -> _Doors:
    """Take the directories for us alone, then the ports."""
    state_directory(options)
    stack.enter_context(sole_use(options))
    listeners = [console_listener(options.console, where)]
    stack.enter_context(listeners[0][0])
    if options.machines is not None:
        listeners.append(machines_listener(options.machines, where))
        stack.enter_context(listeners[1][0])
    with named(where, "box.runtime_dir"):
        control = stack.enter_context(bind_unix(options.box.control_socket))
    room = room_listener(options.room, where) if options.room is not None else None
    if room is not None:
        stack.enter_context(room)
    recorders = bind_recorders(options.vms, where) if options.vms is not None else None
    if recorders is not None:
        stack.enter_context(recorders[0])
    return _Doors(listeners, control, room, recorders)


async def _open(
    options: Options,
    config_path: Path,
    stack: AsyncExitStack,
    time: tuple[SystemClock, Timekeeper],
) -> Opened:
    """Open stores, children and the media process; the stack closes them in the opposite order."""
    state, (clock, keeper) = options.box.state_dir, time
    enter = stack.enter_async_context
    registry = await enter(_registry(options, clock))
    ledger = await enter(_ledger(options, str(config_path), clock, keeper.offset_ms))
    journal = Journal(ledger, clock)
    witnessing = _witnessing(options, str(config_path), ledger, journal, clock)
    stack.push_async_callback(witnessing.farewell)
    stack.push_async_callback(journal.settle)
    bounds = alarm_bounds(options.alarms)
    outbox = await enter(open_outbox(state / "alarms.db", clock=clock, bounds=bounds))
    stills = _stills(options, clock, outbox, registry)
    pool = await enter(_children(options, clock))
    accounts = Accounts(registry.current, clock, journal, set_totp=registry.set_totp)
    accounts.spent = Spent(await registry.totp_steps(), registry.keep_totp_step)
    federation = Federation(options, registry.current, clock)
    await federation.load()
    stack.push_async_callback(federation.farewell)
    endings, masks = Endings(), MasksInForce(federation.current, clock)
    around = _around(options, accounts, journal, clock)
    around = replace(around, vouched=federation.vouched, recorders_assert=options.room is not None)
    place = room_place(options, str(config_path), "incidents.db")
    cases = IncidentCases(await enter(open_incidents(place, clock=clock)), outbox.get)
    around = replace(around, incidents=cases.case, in_incident=cases.shows)
    gate = Gate(journal, masks.current, outbox.get, clock, around)
    accountant = Accountant(gate, endings, await enter(asyncio.TaskGroup()))
    with named(str(config_path), "media.port"):
        ways, on_end = _ways(options), accountant.session_ended
        media = await enter(open_media(ways, clock=clock, on_end=on_end))
    return Opened(
        options, config_path, clock, registry, ledger, outbox, pool, stills, accounts, gate,
        endings, media, journal, accountant, masks,
        partial(open_device, clock=clock, wsdls=Wsdls()), witnessing, federation,
        cases.book, await room_kept(options, str(config_path), stack),
        await enter(open_holdup_book(state / "holdup.db")),
        reports=await enter(open_reports(report_place(options, str(config_path)), clock=clock)),
        hotlists=await hotlists_of(options, str(config_path), registry, clock),
        hits=await enter(open_hit_book(state / "hits.db")),
        detector=await _detector(options, config_path, clock, stack),
    )  # fmt: skip


@asynccontextmanager
async def _registry(options: Options, clock: Clock) -> AsyncIterator[RegistryStore]:
    """Open the registry; an empty one takes its seed."""
    lines, path = permits.built_in().permits, options.box.state_dir / "registry.db"
    async with open_registry(path, clock=clock, built_in=lines) as registry:
        if registry.current().version == 0 and options.registry.seed:
            await registry.apply(read_seed(options.registry.seed), by="seed")
        yield registry


def _children(options: Options, clock: Clock) -> AbstractAsyncContextManager[Pool]:
    """Return the children that look, code and read plates."""
    plates = options.plates
    kinds = PoolOptions(
        coders=options.media.transcodes_most,
        gates=plates.children,
        plates=str(plates.models or ""),
        second=plates.second,
    )
    return open_pool(options.analytics.workers, clock=clock, options=kinds)


async def _detector(
    options: Options, config_path: Path, clock: SystemClock, stack: AsyncExitStack
) -> Pool | None:
    """Start the child that names what moves, where the user has a net for it."""
    child = detector_of(options.analytics)
    if child is None:
        return None
    with named(str(config_path), "analytics.detector"):
        try:
            return await stack.enter_async_context(open_pool(1, clock=clock, options=child))
        except PeerError as error:
            raise ConfigError(str(options.analytics.detector), "", str(error)) from error


def _ways(options: Options) -> MediaOptions:
    """Return where viewers reach the media process."""
    media = options.media
    return MediaOptions(
        (media.host, media.port),
        media.candidates,
        log_level=options.log.level.value,
        tcp=media.tcp,
    )


def _stills(options: Options, clock: Clock, outbox: Outbox, registry: RegistryStore) -> Stills:
    def origin(name: str) -> Origin | None:
        record, camera = subject_of(name, outbox.get) or (None, "")
        return origin_of(record, registry.current(), camera)

    keep_s = options.stills.keep_hours * 3600
    return Stills(
        options.box.state_dir / "stills",
        clock,
        keep_s,
        camera_of=lambda name: found[1] if (found := subject_of(name, outbox.get)) else None,
        origin_of=origin,
        rules=RulesInForce(registry.current, float(keep_s)),
    )


def _around(options: Options, accounts: Accounts, journal: Journal, clock: Clock) -> Around:
    """Return what the gate asks besides acts and alarms."""
    signed_in = accounts.is_signed_in
    shifts = Shifts(journal, clock, signed_in=signed_in)
    incident_s = options.access.incident_hours * 3600.0
    masked = options.media.transcodes_most > 0
    return Around(
        masked, signed_in=signed_in, shifts=shifts, incident_s=incident_s, is_dark=journal.is_dark
    )


def _witnessing(
    options: Options, where: str, ledger: Ledger, journal: Journal, clock: Clock
) -> Witnessing:
    outside, keys = outside_of(options, where)
    roots = outside.anchor.roots_pem if outside.anchor else b""
    public = public_bytes(ledger_key(options, where))
    subject = Subject(options.box.state_dir / "ledger.db", public, keys, roots)
    return Witnessing(ledger, journal, clock, subject, outside)


def _ledger(
    options: Options, where: str, clock: Clock, offset: Callable[[], int]
) -> AbstractAsyncContextManager[Ledger]:
    return open_ledger(
        options.box.state_dir / "ledger.db",
        origin=options.ledger.origin,
        key=ledger_key(options, where),
        clock=clock,
        spare=options.ledger.spare,
        offset=offset,
    )


async def _serve(
    opened: Opened, doors: _Doors, tasks: asyncio.TaskGroup, play: Play | None
) -> None:
    """Start everything that runs until the stop; returns once the box is ready."""
    progress, notifier = Progress(opened.clock), Notifier(os.environ)
    running = RunningBox(opened, progress, tasks, doors.room)
    services = _services(opened, running)
    if play is not None:
        services = replace(services, exercise=await play(opened, running, tasks))
    await running.start()
    app = build_app(services)
    for listening, tls in doors.listeners:
        tasks.create_task(serve(app, sockets=[listening], tls=tls))
    tasks.create_task(serve(build_control_app(services), sockets=[doors.control]))
    if doors.recorders is not None:
        tasks.create_task(recorder_desk(opened, running, tasks).run(*doors.recorders))
    for part, work in running.exercises():
        tasks.create_task(exercise(part, work, progress, clock=opened.clock))
    tasks.create_task(watch(progress, notifier, clock=opened.clock))
    notifier.ready(f"{len(opened.registry.current().cameras)} cameras")


def _services(opened: Opened, running: RunningBox) -> Services:
    options = opened.options
    key = public_bytes(ledger_key(options, str(opened.config_path)))
    path = options.box.state_dir / "ledger.db"
    config = (opened.config_path, options)
    control = ControlDesk(opened.registry, opened.journal, config, running.replan)
    witnessing = opened.witnessing
    around = LedgerSurroundings(
        opened.masks.entered, running.box(), opened.clock, options.ledger.origin,
        witnessing.witnesses if witnessing else (),
        (lambda: witnessing.altered) if witnessing else str,
    )  # fmt: skip
    trust = witnessing.trust if witnessing else NO_TRUST
    desk = LedgerDesk(opened.ledger, path, key, around, trust)
    services = services_of(opened, running, control, desk)
    inspection = InspectionDesk(inspection_parts(opened, running.cameras.budgets, running.pace))
    services = replace(services, holdups=running.holdups)
    return replace(services, inspection=inspection, incidents=running.incidents)
