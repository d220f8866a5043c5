# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One running box: everything open, joined, and kept true to the registry."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from gateway import __version__
from gateway.access.gate import Gate
from gateway.access.identity import Accounts
from gateway.assembly.acts import ActDesk, ActParts
from gateway.assembly.alarm_lines import AlarmLines, Around, RoomKept
from gateway.assembly.alarms import AlarmDesk, DeskParts
from gateway.assembly.allowance import Allowance
from gateway.assembly.burned import FILE, Burned
from gateway.assembly.cameras import Cameras, Parts
from gateway.assembly.changes import forsaken, unasked
from gateway.assembly.couriers import Couriers
from gateway.assembly.devices import DeviceParts, Devices, OpenDevice
from gateway.assembly.edges import EdgeDesk, EdgeParts
from gateway.assembly.escalation import Escalator, EscalatorParts
from gateway.assembly.face import Face, Gauges
from gateway.assembly.federating import Federation, Joined
from gateway.assembly.figures import live_of
from gateway.assembly.gates import GateParts, Gates, gate_options
from gateway.assembly.hearing import Hearing
from gateway.assembly.holdup import HoldupDesk, HoldupParts
from gateway.assembly.holdup_book import HoldupBook
from gateway.assembly.holdup_mqtt import HoldupTopics
from gateway.assembly.hotlists import HotListDesk, HotListParts
from gateway.assembly.incidents import IncidentDesk, IncidentParts, hooks_of
from gateway.assembly.journal import Journal
from gateway.assembly.key_wishes import KeyWishes
from gateway.assembly.ledger import verified_to
from gateway.assembly.lines import LineParts, lines_of
from gateway.assembly.looking import budget_of, looking_of
from gateway.assembly.masks import MasksInForce
from gateway.assembly.mirroring import Mirroring, MirrorParts
from gateway.assembly.opening import broker_options
from gateway.assembly.owner import OwnerDesk, OwnerParts, told_to
from gateway.assembly.panels import PanelDesk, PanelParts
from gateway.assembly.pictures import Pictures, Snapshot
from gateway.assembly.plans import Basis, CameraPlan, Surroundings, device_plan, plan
from gateway.assembly.plate_book import HitBook
from gateway.assembly.plate_couriers import PlateCouriers, PlatePost, Roads
from gateway.assembly.plates import PlateDesk, PlateParts
from gateway.assembly.renditions import RenditionParts, Renditions
from gateway.assembly.reports import ReportDesk, ReportParts
from gateway.assembly.retention import RetentionDesk, RetentionParts, RulesInForce
from gateway.assembly.states import StateWatch
from gateway.assembly.stations import makers_of
from gateway.assembly.steady import (
    COARSE_S,
    Looks,
    Steady,
    SteadyCameras,
    SteadyLines,
    SteadyLive,
    SteadyViewers,
)
from gateway.assembly.viewing import (
    Accountant,
    ClipParts,
    Clips,
    Confirmations,
    Viewing,
    is_hidden_picture,
)
from gateway.assembly.witnessing import Witnessing
from gateway.audit.ledger import Ledger
from gateway.codec.pool import Pool, PoolStatistics
from gateway.config.options import Options
from gateway.config.secrets import resolve_login
from gateway.console.services import Box, Endings, Notices
from gateway.evidence.stills import Stills
from gateway.ingest.pace import Pace
from gateway.model.access import Grant
from gateway.model.alarm import Observation
from gateway.model.errors import InvariantError, PeerError, StoreError
from gateway.model.event import CameraEvent
from gateway.model.hit import PlatePictures
from gateway.model.media import AccessUnit, StreamKind
from gateway.model.plate import Passage
from gateway.model.registry import Analytic, Point
from gateway.ops.health import DeviceSnapshot, LiveSnapshot
from gateway.ops.watchdog import Progress
from gateway.registry.hotlists import HotLists
from gateway.registry.store import RegistryStore
from gateway.relay.alarms.mqtt import BrokerOptions
from gateway.relay.alarms.outbox import Outbox
from gateway.relay.video.process import MediaProcess
from gateway.room.incidents import IncidentBook
from gateway.room.reports import ReportBook
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout

log = logging.getLogger(__name__)

REPLAN_S = 5.0
"""How soon an act that began or ended shows: analytics stop within a minute (A-47)."""
SETTLE_S = 5.0
SWEEP_S = 30.0
MEDIA_S = 8.0
"""A media process that is away for longer is no progress."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What the composition root has opened, in the order in which it is closed again."""

    options: Options
    config_path: Path
    clock: Clock
    registry: RegistryStore
    ledger: Ledger
    outbox: Outbox
    pool: Pool
    stills: Stills
    accounts: Accounts
    gate: Gate
    endings: Endings
    media: MediaProcess
    journal: Journal
    accountant: Accountant
    masks: MasksInForce
    open_device: OpenDevice
    """Talks ONVIF."""
    witnessing: Witnessing | None = None
    """Has others vouch for the ledger, and verifies it."""
    federation: Federation | None = None
    """What this box shows its rooms, and its edges show it."""
    incidents: IncidentBook | None = None
    """Its rooms' incidents."""
    room: RoomKept | None = None
    """What it keeps of edges' alarms and logs, as a room."""
    holdups: HoldupBook | None = None
    """Tokens and presses of hold-up channels; without it no channel works."""
    reports: ReportBook | None = None
    """What vigilance institutes report."""
    hotlists: HotLists | None = None
    """Plates that are sought."""
    hits: HitBook | None = None
    """Plates that hit a list, until somebody has decided; without it nothing is sought."""
    detector: Pool | None = None
    """Names what moves; None: there is no net for it."""


class RunningBox:
    """The joined parts; its tasks live in the task group that it was given."""

    def __init__(
        self,
        opened: Opened,
        progress: Progress,
        tasks: asyncio.TaskGroup,
        room: socket.socket | None = None,
    ) -> None:
        """Build and start nothing yet; `start` does. `room`: where edges dial this box."""
        self._o = opened
        self.lines = lines_of(opened.options, str(opened.config_path), self._line_parts(room))
        self.edges = self._edges()
        self._tasks = tasks
        self.progress = progress
        most_bytes = opened.options.ring.most_mib << 20
        self.pace = Pace(opened.clock)
        """Who was refused where, for streams, surveys and inspections alike."""
        self.hearing = Hearing(self._hear, opened.clock)
        self.cameras = Cameras(self._camera_parts(most_bytes), tasks)
        self.renditions = self._renditions()
        self.viewing = self._viewing()
        self.clips = self._clips(most_bytes)
        self.holdups = self._holdups()
        self.plates, self.calm = self._plates(), self._calm()
        self.gates = self._gates()
        self.alarm_lines = self._alarm_lines()
        self.mirroring = self._mirroring()
        self.retention = self._retention()
        self.desk = self._desk()
        self.escalator = Escalator(
            EscalatorParts(opened.outbox, opened.journal, opened.masks.current, opened.clock)
        )
        self._burned = Burned(opened.options.box.state_dir / FILE)
        self.devices = Devices(self._device_parts(), tasks)
        self.couriers = self._couriers()
        self.plate_couriers = self._plate_couriers()
        self.panels, self.topics = self._panel_desk(), self._topics()
        self.acts = ActDesk(ActParts(opened.registry, opened.journal, opened.ledger, opened.clock))
        self.face = Face(self._gauges(), progress, opened.clock)
        self.notices = Notices()
        """To the event streams of single persons."""
        self.owners = self._owners()
        self.incidents = self._incidents()
        self.reports = self._reports()
        self.hotlists = self._hotlists()
        self.confirmations = Confirmations(opened.gate, self.viewing, self.notices, opened.clock)
        self._around = self._surroundings()
        self._unusable: dict[str, str] = {}
        self._sweeping = ""

    def _couriers(self) -> Couriers:
        o = self._o
        made = Couriers(
            o.outbox, self._brokers(), self._tasks, box=o.options.box.id, clock=o.clock,
            lines=self.alarm_lines.brokers,
        )  # fmt: skip
        made.makers = makers_of(o.options, str(o.config_path), o.clock)
        return made

    def _plates(self) -> PlateDesk | None:
        o = self._o
        if o.hits is None:
            return None

        def basis(camera: str) -> Basis | None:
            post = self.cameras.post(camera)
            bases = post.plan.bases if post is not None else ()
            return next((one for one in bases if one.analytic is Analytic.PLATES), None)

        return PlateDesk(
            PlateParts(
                o.hits, o.outbox, o.journal, o.masks.entered, o.hotlists, basis, o.clock,
                self._tasks.create_task, o.options.box.exercise, o.options.plates.k_threshold,
                self._plate_pictures, self._ring,
            )
        )  # fmt: skip

    async def _plate_pictures(self, passage: Passage) -> PlatePictures | None:
        """Return what the gate of a passage still has of it; PeerError if that is nothing."""
        made = await self.gates.picture(passage)
        return PlatePictures(made.context, made.crop)

    def _gates(self) -> Gates:
        o = self._o

        def main(camera: str) -> Fanout | None:
            post = self.cameras.post(camera)
            return post.fanout(StreamKind.MAIN) if post is not None else None

        def masks(camera: str) -> Sequence[Sequence[Point]]:
            return [mask.polygon for mask in o.masks.current().masks_of(camera)]

        async def passed(passage: Passage) -> None:
            if self.plates is not None:
                await self.plates.passed(passage)

        options, k_threshold = gate_options(o.options.plates), o.options.plates.k_threshold
        parts = GateParts(o.pool, main, masks, passed, o.clock, options, k_threshold)
        return Gates(parts, self._tasks)

    def _ring(self) -> None:
        if self.plate_couriers is not None:
            self.plate_couriers.ring()

    def _plate_couriers(self) -> PlateCouriers | None:
        o = self._o
        if o.hits is None or o.hotlists is None:
            return None
        post = PlatePost(o.hits, o.hotlists, o.options.box.id, o.clock)
        roads = Roads(self._brokers(), self.alarm_lines.brokers, o.options.box.id)
        return PlateCouriers(post, roads, self._tasks, o.clock)

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            _login,
            float(self._o.options.ring.most_seconds),
            exercise=self._o.options.box.exercise,
            reach=self.lines.reception.reach if self.lines.reception else None,
        )

    def _viewing(self) -> Viewing:
        o = self._o
        self.renditions.on_cut = o.media.cut
        wishes = KeyWishes(self.renditions.source, self._ask_key, self._tasks.create_task, o.clock)
        o.media.on_wanted = wishes.wanted
        allowance = Allowance(o.masks.current, o.clock)
        return Viewing(o.media, self.cameras.post, self.renditions, o.clock, allowance)

    def _renditions(self) -> Renditions:
        o = self._o
        return Renditions(
            RenditionParts(
                self.cameras.post, o.masks.current, o.pool, o.journal.account,
                self._tasks.create_task, o.clock, o.options.ledger.origin,
                o.options.media.transcode_height_px,
            )
        )  # fmt: skip

    def _holdups(self) -> HoldupDesk:
        o, post = self._o, self.cameras.post
        if o.holdups is None:
            raise InvariantError("a box is opened with its book of hold-ups")
        pictures = Pictures(o.pool, o.masks.current, post, self._snap, o.clock)
        parts = HoldupParts(
            o.outbox, o.holdups, o.journal, o.masks.entered, post, pictures, o.stills,
            self.clips.hold, o.clock, o.options.box.exercise,
        )  # fmt: skip
        return HoldupDesk(parts, self._tasks.create_task)

    def _calm(self) -> SteadyCameras:
        """Return the cameras as people on site may see them."""
        opened = self.holdups.opened
        return SteadyCameras(self.cameras.posts, opened, self._looks, self._o.clock)

    def _topics(self) -> HoldupTopics:
        brokers = self._brokers()
        return HoldupTopics(brokers, self.holdups.heard, self._tasks, self._o.clock)

    def _panel_desk(self) -> PanelDesk | None:
        o, listen = self._o, self._o.options.dc09_receiver
        if listen is None:
            return None
        return PanelDesk(
            PanelParts(
                listen, o.outbox, o.journal, o.masks.entered, o.clock, self.holdups.on_panel,
                self.clips.hold, self._tasks.create_task, o.options.box.exercise,
            )
        )  # fmt: skip

    def _alarm_lines(self) -> AlarmLines:
        o = self._o
        made = AlarmLines.of(o.options, self.lines, o.clock)
        if o.federation is not None:
            made.join(
                Around(
                    o.outbox, o.journal, o.gate, o.stills, self.clips, o.federation, o.witnessing,
                    o.masks.entered, o.clock, self._tasks.create_task, o.room,
                    self.holdups, self.plates.keep_foreign if self.plates is not None else None,
                )
            )  # fmt: skip
        return made

    def _mirroring(self) -> Mirroring | None:
        o = self._o
        if o.room is None or o.options.room is None or not o.options.room.store:
            return None
        origin = o.options.ledger.origin
        return Mirroring(MirrorParts(o.room.store, o.ledger, origin, o.registry.current, o.clock))

    def _edges(self) -> EdgeDesk:
        o = self._o
        return EdgeDesk(EdgeParts(o.options, o.registry, o.journal, o.clock), self.lines)

    def _line_parts(self, room: socket.socket | None) -> LineParts:
        o = self._o
        return LineParts(o.registry.current, o.journal.account, o.clock, listener=room)

    def _camera_parts(self, most_bytes: int) -> Parts:
        o = self._o
        return Parts(
            o.clock,
            o.pool,
            self._observe,
            most_bytes,
            on_document=self.hearing.take,
            urgent=self._is_urgent,
            pace=self.pace,
            budget=budget_of(o.options.analytics),
            detector=o.detector,
        )

    def _device_parts(self) -> DeviceParts:
        o, post = self._o, self.cameras.post

        def gop_s(camera: str) -> float:
            return one.gop_s() if (one := post(camera)) is not None else 0.0

        def lost(camera: str) -> str:
            return one.lost() if (one := post(camera)) is not None else ""

        def streams(camera: str) -> int:
            return one.streams() if (one := post(camera)) is not None else 0

        return DeviceParts(
            o.clock, o.open_device, o.masks, self._hear, gop_s, lost, streams, self._burned,
            self.pace,
        )  # fmt: skip

    def _clips(self, most_bytes: int) -> Clips:
        o = self._o
        return Clips(
            ClipParts(
                o.pool, self.cameras.post, o.masks.current, o.gate.check, o.outbox.get,
                o.clock, most_bytes,
            )
        )  # fmt: skip

    def _retention(self) -> RetentionDesk:
        o = self._o
        rules = RulesInForce(o.registry.current, o.options.stills.keep_hours * 3600.0)

        def fanouts() -> Iterable[Fanout]:
            yield from (post.fanout(k) for _, post in self.cameras.posts() for k in StreamKind)
            yield from self.renditions.fanouts()

        def before() -> Iterable[tuple[str, AccessUnit]]:
            yield from self.clips.oldest()
            for camera, post in self.cameras.posts():
                if post.ring is not None and (oldest := post.ring.oldest()) is not None:
                    yield camera, oldest

        hides = partial(is_hidden_picture, alarms=o.outbox.get)
        return RetentionDesk(
            RetentionParts(o.stills, o.registry, rules, o.journal, o.clock, fanouts, before, hides)
        )

    def _desk(self) -> AlarmDesk:
        o = self._o
        parts = DeskParts(
            o.outbox, o.journal, o.stills, o.pool, o.masks.current, self.cameras.post,
            o.clock, o.options.box.exercise, self.clips.hold, self._snap,
        )  # fmt: skip
        return AlarmDesk(parts, self._tasks.create_task)

    def _owners(self) -> OwnerDesk:
        o = self._o
        desk = OwnerDesk(
            OwnerParts(
                o.registry, o.journal.append, o.journal.account, o.ledger.entries,
                lambda: o.ledger.head().size, o.clock, told_to(self.notices.tell),
                self.holdups.hides,
            )
        )  # fmt: skip
        o.journal.watchers.append(desk.noted)
        o.journal.watchers.append(verified_to(self.notices))
        return desk

    def _incidents(self) -> IncidentDesk | None:
        o = self._o
        if o.incidents is None:
            return None
        own = o.options.incidents.organisation
        desk = IncidentDesk(
            IncidentParts(
                o.incidents, o.masks.entered, o.journal, o.clock, o.outbox.get, self.notices,
                own, hooks_of(o.options, str(o.config_path)), o.options.box.exercise,
                o.options.incidents.keep_days,
            )
        )  # fmt: skip
        desk.join(self.lines, o.options)
        return desk

    def _reports(self) -> ReportDesk | None:
        o = self._o
        if o.reports is None:
            return None
        return ReportDesk(
            ReportParts(
                o.reports, o.masks.entered, o.journal, o.clock, self.notices,
                o.options.reports.keep_days, o.options.box.exercise, self.incidents,
            )
        )  # fmt: skip

    def _hotlists(self) -> HotListDesk | None:
        o = self._o
        if o.hotlists is None:
            return None
        parts = HotListParts(o.hotlists, o.registry, o.journal, o.gate.check, o.clock)
        return HotListDesk(parts)

    def _brokers(self) -> Mapping[str, BrokerOptions]:
        options = self._o.options
        where = str(self._o.config_path)
        return {
            line.name: broker_options(line, box=options.box.id, where=where)
            for line in options.brokers
        }

    def box(self) -> Box:
        """Return who we are, for the pages."""
        options = self._o.options.box
        return Box(
            name=options.name,
            organisation=options.name,
            version=__version__,
            exercise=options.exercise,
            language=options.language.value,
            origins=self._o.options.console.origins,
            monitors=self._o.options.console.monitors,
        )

    async def start(self) -> None:
        """Start the tasks that keep the box true; returns at once."""
        await self.desk.adopt()
        federated = self._federated()
        await self.replan()
        for coroutine in (
            *federated,
            self._follow_registry(),
            self.desk.tick(),
            self.desk.listen(),
            self.escalator.keep(),
            self.holdups.keep(),
            self._o.media.keep(self._still_allowed),
            self.renditions.keep(),
            self.viewing.keep(),
            self._sweep(),
            self._settle(),
            self._states().keep(),
            *self._looked_after(),
            *self.lines.tasks(),
            *self.alarm_lines.tasks(),
            *self.edges.tasks(),
            *(self.mirroring.tasks() if self.mirroring is not None else ()),
            *((self.incidents.run(),) if self.incidents is not None else ()),
            *(self.panels.tasks() if self.panels is not None else ()),
            *((self.reports.run(),) if self.reports is not None else ()),
            *((self.hotlists.keep(),) if self.hotlists is not None else ()),
            *((self.plates.keep(),) if self.plates is not None else ()),
            self.owners.follow(),
            self.acts.keep(),
            self.confirmations.keep(),
        ):
            self._tasks.create_task(coroutine)

    def _federated(self) -> tuple[Coroutine[None, None, None], ...]:
        o = self._o
        if o.federation is None:
            return ()
        lent = Joined(
            o.gate, o.journal, o.masks.current, self.cameras.post, self.viewing, self.renditions,
            self.replan,
        )  # fmt: skip
        return o.federation.join(self.lines, lent)

    def _looked_after(self) -> tuple[Coroutine[None, None, None], ...]:
        one = self._o.witnessing
        return (one.cosign(), one.anchor(), one.watch()) if one is not None else ()

    def exercises(self) -> tuple[tuple[str, Callable[[], Awaitable[object]]], ...]:
        """Return real work by which each essential part proves that it makes progress."""
        o = self._o
        return (
            ("ledger", lambda: insist(o.ledger.prove)),
            ("alarms", lambda: insist(o.outbox.prove)),
            ("media", lambda: insist(lambda: o.media.ready(MEDIA_S))),
        )

    async def replan(self) -> Sequence[str]:
        """Make devices, cameras and couriers follow registry, acts and credentials.

        Return the cameras that changed.
        """
        registry, now = self._o.masks.entered(), self._o.clock.now()
        asked = [one for one in registry.devices.values() if one.url]
        self.devices.reconcile({one.id: device_plan(one, registry, _login) for one in asked})
        plans = {
            one.id: self._with_device(plan(one, registry, now, self._around), one.device)
            for one in registry.cameras.values()
        }
        touched = self.cameras.reconcile(plans)
        self.gates.reconcile({one.camera: one.gates for one in plans.values() if one.main})
        self.renditions.follow()
        self.couriers.reconcile(registry)
        if self.plate_couriers is not None:
            self.plate_couriers.reconcile(registry)
        self.topics.reconcile(registry)
        if self.panels is not None:
            self.panels.reconcile(registry)
        unusable = {one.camera: one.problem for one in plans.values() if one.problem}
        for camera, problem in unusable.items() - self._unusable.items():
            event = "camera-problem" if plans[camera].main else "camera-unusable"
            log.error(event, extra={"camera": camera, "problem": problem})
        self._unusable = unusable
        self.hearing.keep(registry.cameras)
        await self._burned.keep(registry.devices)
        return touched

    def _with_device(self, made: CameraPlan, device: str) -> CameraPlan:
        """Return the plan with what is wrong with the camera at its device."""
        problem = self.devices.problem(device, made.camera)
        said = "; ".join(filter(None, (made.problem, problem)))
        return made if said == made.problem else replace(made, problem=said)

    async def _snap(self, camera: str) -> Snapshot:
        known = self._o.registry.current().cameras.get(camera)
        if known is None:
            raise PeerError(f"camera {camera}: not in the registry")
        return await self.devices.snapshot(known)

    async def _ask_key(self, camera: str, kind: StreamKind) -> bool:
        known = self._o.registry.current().cameras.get(camera)
        return known is not None and await self.devices.synchronise(known, kind)

    def _is_urgent(self, camera: str) -> bool:
        return self.viewing.is_urgent(camera)

    def _hear(self, camera: str, event: CameraEvent) -> None:
        self.holdups.hear(camera, event)
        self.desk.hear(camera, event)

    async def _observe(self, observation: Observation) -> None:
        self.gates.observe(observation)
        await self.desk.observe(observation)

    async def _follow_registry(self) -> None:
        """Replan at every change, and every few seconds for acts that begin or end."""
        seen = self._o.registry.current()
        while True:
            try:
                async with asyncio.timeout(REPLAN_S):
                    seen = await self._o.registry.wait_changed(seen)
            except TimeoutError:
                pass
            await self.replan()

    def _still_allowed(self, grant: Grant) -> bool:
        return self._o.gate.check(grant).allowed

    async def _settle(self) -> None:
        """Write what the ledger is owed and let go what nobody holds, every few seconds."""
        while True:
            await self._o.clock.sleep(SETTLE_S)
            await self._o.journal.settle()
            await self._o.accountant.settle()
            self.clips.sweep()
            self.calm()  # who asks during a hold-up is told what was just before

    async def _sweep(self) -> None:
        """Delete copies and Grants whose time is over, every half minute; a full disk may wait."""
        while True:
            try:
                await self.retention.sweep()
                await self._o.gate.sweep()
                self._sweeping = ""
            except StoreError as error:
                if str(error) != self._sweeping:
                    log.error("sweep-fails", extra={"problem": str(error)})  # noqa: TRY400 - the trace says nothing more
                self._sweeping = str(error)
            await self._o.clock.sleep(SWEEP_S)

    def _states(self) -> StateWatch:
        return StateWatch(self._o.journal, self.cameras.statuses, self._o.clock, self._owner_of)

    def _owner_of(self, camera: str) -> str:
        registry = self._o.registry.current()
        known = registry.cameras.get(camera)
        return registry.controller_of(known).id if known is not None else ""

    def _failing(self) -> tuple[str, ...]:
        """Return what keeps the box from its duty."""
        parts = (
            ("ledger", self._o.journal.problem),
            ("alarms", self.desk.problem or self.alarm_lines.problem or self.holdups.problem),
            ("hits", self.plates.problem if self.plates is not None else ""),
            ("sweep", self._sweeping),
        )
        failing = tuple(f"{part}: not written: {problem}" for part, problem in parts if problem)
        one = self._o.witnessing
        return (*failing, f"ledger: {one.altered}") if one is not None and one.altered else failing

    def _limping(self) -> tuple[str, ...]:
        """Return what a person has to correct."""
        one = self._o.witnessing
        hooks = self.incidents.problems if self.incidents is not None else ()
        witnesses = one.problems if one is not None else ()
        panels = self.panels.problems if self.panels is not None else ()
        return (
            *self.couriers.problems, *self.couriers.troubles(), *witnesses, *hooks,
            *self.gates.problems,
            *(self.plate_couriers.problems if self.plate_couriers is not None else ()),
            *self.lines.problems(),
            *self._given_way(), *self.alarm_lines.problems, *self._behind(),
            *self.escalator.problems,
            *self.holdups.problems, *self.topics.problems,
            *panels, *(self.hotlists.problems if self.hotlists is not None else ()),
            *unasked(self._o.registry.founders()),
            *forsaken(self._o.registry.orphans()),
        )  # fmt: skip

    def _given_way(self) -> tuple[str, ...]:
        """Return, however long ago it was, how many alarms no disk ever took."""
        lost = self.desk.lost + self.holdups.lost
        return (f"{lost} alarms gave way to newer ones while the disk refused",) if lost else ()

    def _behind(self) -> tuple[str, ...]:
        problem = self.mirroring.problem if self.mirroring is not None else ""
        reports = self.reports.problem if self.reports is not None else ""
        parts = (("copy of the ledger", problem), ("reports", reports))
        return tuple(f"{part}: {said}" for part, said in parts if said)

    def _cosigned_age_s(self) -> float | None:
        one = self._o.witnessing
        return one.cosigned_age_s() if one is not None else None

    def _devices(self) -> tuple[DeviceSnapshot, ...]:
        return tuple(one.snapshot() for one in self.devices.statuses())

    def _live(self) -> LiveSnapshot:
        said = self.renditions.statistics()
        live = live_of(self._o.media)
        return replace(live, transcodes=said.running, transcodes_refused=said.refused)

    def _looks(self) -> Looks:
        """Return who looks, and who of them at cameras of the own house."""
        media, registry = self._o.media, self._o.registry.current()
        sessions = media.sessions()
        own = [
            one
            for one in sessions
            if self._owner_of(one.grant.camera) == one.grant.request.actor.organisation
        ]
        owners = (registry.users.get(one.owner) for one in media.walls())
        return Looks(
            {one.session: one.state for one in own},
            frozenset(one.grant.camera for one in own),
            len(sessions) - len(own),
            sum(one is not None and one.organisation in registry.controllers for one in owners),
        )

    def _gauges(self) -> Gauges:
        o, hidden = self._o, self.holdups.hidden
        return Gauges(
            cameras=self.calm,
            viewers=SteadyViewers(self._looks, hidden, o.clock),
            live=SteadyLive(self._live, self._looks, hidden),
            gates=Steady(self.gates.snapshot, hidden, o.clock),
            looking=Steady(lambda: looking_of(self.cameras.budget), hidden, o.clock),
            ledger_size=Steady(lambda: o.ledger.head().size, hidden, o.clock, COARSE_S),
            ledger_spilling=lambda: o.ledger.spilling,
            ledger_cosigned_age_s=self._cosigned_age_s,
            registry_version=lambda: o.registry.current().version,
            alarms_open=lambda: o.outbox.living() - self.holdups.hidden(),
            deliveries_waiting=o.outbox.waiting,
            media_restarts=lambda: o.media.restarts,
            children_restarts=lambda: _replaced(o.pool.statistics()),
            failing=self._failing,
            limping=self._limping,
            devices=self._devices,
            biometrics_dropped=self.hearing.dropped.total,
            kept=self.retention.snapshots,
            acts=self.acts.days_left,
            lines=SteadyLines(self.edges.lines, hidden, o.clock),
        )


async def insist(work: Callable[[], Awaitable[object]]) -> None:
    """Return once a part has answered; an answer is progress even if it is a refusal.

    A part that hangs never lets this return: it grows stale, and the watchdog ends the process.
    """
    while True:
        try:
            await work()
        except (TimeoutError, PeerError) as error:
            log.warning("no-answer", extra={"problem": str(error) or type(error).__name__})
        except StoreError:
            return  # it is told where it matters; a full disk is no reason to start anew
        else:
            return


def _replaced(children: PoolStatistics) -> int:
    """Return how many children were replaced since the start."""
    return max(0, children.starts - len(children.pids))


def _login(reference: str, whose: str) -> tuple[str, str]:
    return resolve_login(reference, where=whose, key="credential")
