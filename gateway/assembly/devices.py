# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The ONVIF side of each device, kept true: clock, channels, masks, key distance, events."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import urlsplit

from gateway.assembly.burned import Burned
from gateway.assembly.masks import MasksInForce, Place, place_of
from gateway.assembly.pictures import Snapshot
from gateway.assembly.plans import DevicePlan
from gateway.ingest.events import Subscription, SubscriptionHealth
from gateway.ingest.nvr import MOST_CHANNELS, Channel, channels_of, renditions
from gateway.ingest.onvif_model import (
    CameraMask,
    DeviceInformation,
    MaskKind,
    MediaProfile,
    NtpState,
    OnvifDevice,
    OnvifTarget,
    PullPoint,
    TimeKind,
)
from gateway.ingest.pace import Login, Pace
from gateway.model.errors import CredentialError, PeerError
from gateway.model.event import CameraEvent
from gateway.model.media import StreamKind
from gateway.model.registry import Camera, Device, Mask, Point
from gateway.model.time import Moment
from gateway.ops.health import DeviceSnapshot
from gateway.runtime.clock import Clock
from gateway.runtime.supervise import Policy, supervise

log = logging.getLogger(__name__)

SURVEY_S = 600.0
"""How often a device is asked how it is (B-57)."""
MASKS_S = 60.0
"""The same where it burns in masks: well within `masks.CONFIRMED_S`."""
GLANCE_S = 1.0
"""How often is looked whether pictures of a camera with masks stopped or came back."""
LATER_S = 5.0
"""After a refusal the streams try first, then the survey, then the subscription: so that the
others see one more refusal before they knock themselves."""
WARN_S, SEAL_S = 1.0, 5.0
"""A clock that is off by more is worth a word; by more than that no evidence is sealed (B-57)."""
SNAPSHOT_S = 20.0
"""Bound of asking for a still, from the first byte to the last."""
KEY_S = 5.0
"""Bound of asking for a key picture; later the next one has come by itself."""
NEAR = 0.02
"""Cameras round mask corners to their own grid: so much, in fractions of the picture."""
_POLICY = Policy(first_s=5.0, most_s=120.0, refused_s=(30.0, 120.0, 600.0, 1800.0))
_HIDING = (MaskKind.COLOR, MaskKind.PIXELATED)
"""What is under a blur can be guessed."""
_SOURCES = ("VideoSource", "VideoSourceToken", "VideoSourceConfigurationToken", "Source")
"""Names under which events tell of which view they are (ONVIF Core and Analytics)."""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Words:
    """One thing that somebody should know, in both languages."""

    it: str
    en: str


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """What is known of a device's ONVIF side; the last survey's until the next one."""

    device: str
    name: str
    online: bool = False
    """The last survey succeeded."""
    problem: str = ""
    """Why it did not, one line."""
    since: Moment | None = None
    """When `online` last changed."""
    surveyed: Moment | None = None
    """When it was last asked with success."""
    information: DeviceInformation | None = None
    time: NtpState | None = None
    channels: tuple[Channel, ...] = ()
    """Those that are there, and those that were there and are gone, with their problem."""
    notes: tuple[Words, ...] = ()
    """What should be corrected at the device."""
    events: SubscriptionHealth | None = None
    """How the subscription to its events is; None: not wanted."""
    sessions: int = 0
    """Streams that come from it now."""
    masks: tuple[tuple[str, str, bool], ...] = ()
    """Masks that it has to burn in: id, camera, and whether that was seen lately."""

    def snapshot(self) -> DeviceSnapshot:
        """Return what monitoring is told."""
        events = self.events
        return DeviceSnapshot(
            self.device,
            self.online,
            events.is_healthy if events else None,
            events.events if events else 0,
            self.problem,
            self.clock_offset_s,
            events.dropped if events else None,
        )

    @property
    def remarks(self) -> tuple[tuple[str, str], ...]:
        """Return the notes in Italian and English."""
        return tuple((one.it, one.en) for one in self.notes)

    @property
    def clock_offset_s(self) -> float | None:
        """Return its clock minus ours; None while that is not known."""
        return self.time.utc_offset_s if self.time else None


OpenDevice = Callable[[OnvifTarget], AbstractAsyncContextManager[OnvifDevice]]


@dataclass(frozen=True, slots=True)
class DeviceParts:
    """What every device shares."""

    clock: Clock
    open: OpenDevice
    masks: MasksInForce
    on_event: Callable[[str, CameraEvent], None]
    """Takes an event of a camera, by its id; must not wait."""
    measured_gop_s: Callable[[str], float] = lambda _: 0.0
    """Distance of a camera's key pictures as seen; 0 while not known."""
    lost: Callable[[str], str] = lambda _: ""
    """Why pictures of a camera that somebody needs do not come; empty while they do."""
    streams: Callable[[str], int] = lambda _: 0
    """How many streams of a camera come now."""
    burned: Burned = field(default_factory=Burned)
    """Which masks in the cameras are ours."""
    pace: Pace | None = None
    """Who was refused where, the same that the streams ask; None: each device by itself."""


class DevicePost:
    """One device's tasks, and what they found out."""

    def __init__(self, first: DevicePlan, parts: DeviceParts, tasks: asyncio.TaskGroup) -> None:
        """Start asking and listening as `first` says, in `tasks`."""
        self.plan = first
        self._parts = parts
        self._tasks = tasks
        self._status = DeviceStatus(first.device.id, first.device.name, problem=first.problem)
        self._problems: dict[str, str] = {}
        """What is wrong with a camera at the device, by camera, in Italian."""
        self._wanted = asyncio.Event()
        """A survey is wanted now."""
        self._running: list[asyncio.Task[None]] = []
        self._subscription: Subscription | None = None
        self._pace = parts.pace or Pace(parts.clock)
        self._answered = asyncio.Event()
        """A survey has succeeded; nobody listens before."""
        self._refused = False
        """The last survey was."""
        self._away: set[str] = set()
        """Cameras with masks whose pictures do not come."""
        parts.masks.doubt(first.masks)
        self._start()

    def status(self) -> DeviceStatus:
        """Return what is known now."""
        events = self._subscription.health() if self._subscription else None
        parts = self._parts
        return replace(
            self._status,
            events=events,
            channels=self._channels(),
            sessions=sum(parts.streams(one.id) for one in self.plan.cameras),
            masks=tuple((m.id, m.camera, parts.masks.confirms(m)) for m in self.plan.masks),
        )

    def _channels(self) -> tuple[Channel, ...]:
        """Return the channels, those included as lost whose pictures do not come."""
        known = self._status.channels
        lost: dict[int, str] = {}
        for camera in self.plan.cameras:
            channel = channel_of(camera, known)
            if channel is not None and not channel.problem:
                lost[channel.number] = self._parts.lost(camera.id)
        return tuple(
            replace(one, problem=f"il flusso non arriva: {why}")
            if (why := lost.get(one.number, ""))
            else one
            for one in known
        )

    def problem(self, camera: str) -> str:
        """Return what is wrong with a camera at the device, in Italian, or nothing."""
        return self._problems.get(camera, "")

    def change(self, plan: DevicePlan) -> None:
        """Go over to another plan; only another address or login ends what runs."""
        before, self.plan = self.plan, plan
        moved = _places(before).items() ^ _places(plan).items()
        self._parts.masks.doubt(mask for mask, _ in moved)
        self._status = replace(self._status, name=plan.device.name)
        same_line = plan.device.events == before.device.events
        if plan.target == before.target and plan.problem == before.problem and same_line:
            self._wanted.set()
            return
        self._parts.masks.doubt(before.masks)
        self.stop()
        self._status = DeviceStatus(plan.device.id, plan.device.name, problem=plan.problem)
        self._problems = {}
        self._start()

    def stop(self) -> None:
        """End what runs; nothing is known of the device's masks any more."""
        for task in self._running:
            task.cancel()
        self._running, self._subscription = [], None
        self._answered, self._refused, self._away = asyncio.Event(), False, set()
        self._parts.masks.doubt(self.plan.masks)

    def _start(self) -> None:
        target, parts = self.plan.target, self._parts
        if target is None:
            return
        name = f"device:{self.plan.device.id}"
        survey = supervise(name, lambda: self._survey(target), clock=parts.clock, policy=_POLICY)
        self._running.append(self._tasks.create_task(survey, name=name))
        if self.plan.device.events:
            name = f"events:{self.plan.device.id}"
            self._subscription = Subscription(
                lambda: self._pull_point(target), self._heard, clock=parts.clock, name=name
            )
            listening = self._listen(self._subscription, self._answered)
            self._running.append(self._tasks.create_task(listening, name=name))

    async def _listen(self, subscription: Subscription, answered: asyncio.Event) -> None:
        """Subscribe as soon as a survey has shown that the device takes our credentials."""
        await answered.wait()
        await subscription.run()

    @asynccontextmanager
    async def _open(self, target: OnvifTarget) -> AsyncIterator[OnvifDevice]:
        """Open the device unless it has just refused this account; a refusal is told to all."""
        login = login_of(target)
        if wait_s := self._pace.login_wait_s(login):
            due = self._parts.clock.now().shifted(wait_s).utc()
            words = f"{login.host} has refused this user and password"
            error = CredentialError(f"{words}; next attempt at {due:%H:%M:%S} UTC")
            error.retry_after_s = wait_s + LATER_S
            raise error
        try:
            async with self._parts.open(target) as device:
                yield device
        except CredentialError as error:
            error.retry_after_s = self._pace.login_refused(login) + LATER_S
            raise

    @asynccontextmanager
    async def _pull_point(self, target: OnvifTarget) -> AsyncIterator[PullPoint]:
        """Open the device while the subscription lasts; never while surveys are refused."""
        if self._refused:
            error = CredentialError(f"device {self.plan.device.id}: {self._status.problem}")
            error.retry_after_s = self._pace.login_wait_s(login_of(target)) + 2 * LATER_S
            raise error
        async with self._open(target) as device, device.pull_point() as pull_point:
            yield pull_point

    # asking --------------------------------------------------------------------------------

    async def _survey(self, target: OnvifTarget) -> None:
        """Ask everything, again and again; PeerError as soon as the device cannot be asked."""
        while True:
            self._wanted.clear()  # a plan that changes from here on is looked at once more
            try:
                async with self._open(target) as device:
                    status = await Survey(self.plan, self._status, self._parts).ask(device)
            except PeerError as error:
                self._refused = isinstance(error, CredentialError)
                self._parts.masks.doubt(self.plan.masks)  # who comes back may have been reset
                self._enter(replace(self._status, problem=str(error)), online=False)
                raise
            self._refused = False
            self._pace.login_accepted(login_of(target))
            self._answered.set()
            self._problems = status.problems
            self._enter(status.status, online=True)
            await self._pause()

    def _enter(self, status: DeviceStatus, *, online: bool) -> None:
        before, now = self._status, self._parts.clock.now()
        if online != before.online or before.since is None:
            status = replace(status, since=now)
            fields = {"device": status.device, "online": online, "problem": status.problem}
            log.info("device-state", extra=fields)
        self._status = replace(status, online=online, surveyed=now if online else before.surveyed)

    async def _pause(self) -> None:
        """Wait until the next survey is due, or wanted."""
        every_s = MASKS_S if self.plan.masks else SURVEY_S
        async with asyncio.TaskGroup() as tasks:
            waits = (
                tasks.create_task(self._parts.clock.sleep(every_s)),
                tasks.create_task(_set(self._wanted)),
                tasks.create_task(self._returned()),
            )
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for one in waits:
                one.cancel()

    async def _returned(self) -> None:
        """Return when pictures of a camera with masks come again: it may have been reset."""
        while True:
            came_back = False
            for camera in {mask.camera for mask in self.plan.masks}:
                away = bool(self._parts.lost(camera))
                if away == (camera in self._away):
                    continue
                self._parts.masks.doubt(m for m in self.plan.masks if m.camera == camera)
                came_back |= not away
                (self._away.add if away else self._away.discard)(camera)
            if came_back:
                await self._parts.clock.sleep(LATER_S)  # one that comes and goes is asked rarely
                return
            await self._parts.clock.sleep(GLANCE_S)

    # seeing --------------------------------------------------------------------------------

    async def snapshot(self, camera: Camera) -> Snapshot:
        """Return a still of a camera's view, bounded; PeerError.

        A device that does not answer its surveys is not asked: it may have refused us.
        """
        where, target = f"device {self.plan.device.id}", self.plan.target
        if target is None or not self._status.online:
            raise PeerError(f"{where}: {self._status.problem or 'it has not answered yet'}")
        try:
            async with asyncio.timeout(SNAPSHOT_S), self._open(target) as device:
                profiles = await device.profiles()
                channel = channel_of(camera, self._status.channels)
                source = channel.source if channel is not None else ""
                main, _ = renditions([one for one in profiles if one.source_token == source])
                if main is None:
                    raise PeerError(f"{where}: it has no view of camera {camera.id}")
                return Snapshot(await device.snapshot(main.token), main.size_px)
        except TimeoutError:
            raise PeerError(f"{where}: no still within {SNAPSHOT_S:g} s") from None

    async def synchronise(self, camera: Camera, kind: StreamKind) -> bool:
        """Ask for a key picture of one of a camera's streams now, bounded; PeerError.

        Return False, without a question, where the device does not answer its surveys.
        """
        where, target = f"device {self.plan.device.id}", self.plan.target
        if target is None or not self._status.online:
            return False
        try:
            async with asyncio.timeout(KEY_S), self._open(target) as device:
                profiles = await device.profiles()
                channel = channel_of(camera, self._status.channels)
                source = channel.source if channel is not None else ""
                group = [one for one in profiles if one.source_token == source]
                main, sub = renditions(group)
                profile = sub if kind is StreamKind.SUB and sub is not None else main
                if profile is None:
                    raise PeerError(f"{where}: it has no view of camera {camera.id}")
                await device.synchronise(profile.token)
        except TimeoutError:
            raise PeerError(f"{where}: no answer within {KEY_S:g} s") from None
        return True

    # hearing -------------------------------------------------------------------------------

    def _heard(self, event: CameraEvent) -> None:
        for camera in cameras_of(event, self.plan.cameras, self._status.channels):
            self._parts.on_event(camera, event)


def login_of(target: OnvifTarget) -> Login:
    """Return who knocks at a device, and where."""
    return Login(urlsplit(target.url).hostname or "", target.user, target.password)


def _places(plan: DevicePlan) -> dict[Mask, Place]:
    """Return where each mask of a plan has to be."""
    places = {one.id: place_of(one, plan.device) for one in plan.cameras}
    return {mask: places[mask.camera] for mask in plan.masks if mask.camera in places}


async def _set(event: asyncio.Event) -> None:
    await event.wait()


def cameras_of(
    event: CameraEvent, cameras: Sequence[Camera], channels: Sequence[Channel]
) -> tuple[str, ...]:
    """Return which of a device's cameras an event is about, by id.

    By the token of a video source, a profile or a configuration; a device with one camera has no
    doubt. What names a view that we do not know is about none of several; what names no view at
    all (a contact, a disk) is about all, and their triggers tell which input they mean.
    """
    if len(cameras) <= 1:
        return tuple(camera.id for camera in cameras)
    values = {value for name, value in event.source if value}
    meant = {one.number for one in channels if values & set(one.tokens)}
    if meant:
        return tuple(camera.id for camera in cameras if camera.channel in meant)
    names_a_view = any(name in _SOURCES for name, _ in event.source)
    return () if names_a_view else tuple(camera.id for camera in cameras)


def channel_of(camera: Camera, channels: Sequence[Channel]) -> Channel | None:
    """Return a camera's channel: by its number, or the only one there is."""
    there = [one for one in channels if one.source]
    if camera.channel:
        return next((one for one in there if one.number == camera.channel), None)
    return there[0] if len(there) == 1 else None


@dataclass(frozen=True, slots=True)
class Found:
    """What one survey found."""

    status: DeviceStatus
    problems: dict[str, str]
    """By camera, in Italian."""


class Survey:
    """One round of questions; what the device does not answer costs nothing else."""

    def __init__(self, plan: DevicePlan, before: DeviceStatus, parts: DeviceParts) -> None:
        self._plan = plan
        self._before = before
        self._parts = parts
        self._notes: list[Words] = []
        self._problems: dict[str, list[str]] = {}

    async def ask(self, device: OnvifDevice) -> Found:
        """Ask everything; PeerError only if the device does not even name its profiles."""
        profiles = await device.profiles()
        information = await self._tried(device.information(), "informazioni", "information")
        time = await self._tried(device.ntp(), "orologio", "clock")
        self._judge_time(time)
        channels = self._channels(profiles)
        for camera in self._plan.cameras:
            channel = channel_of(camera, channels)
            if channel is None or channel.problem:
                self._lost(camera, channel)
            source = channel.source if channel is not None else ""
            group = [one for one in profiles if one.source_token == source]
            await self._masks(device, camera, channels, group)
            if channel is not None:
                await self._shorten(device, camera, group)
        status = replace(
            self._before,
            problem="",
            information=information or self._before.information,
            time=time,
            channels=channels,
            notes=(*self._notes, *(Words(note, note) for note in device.notes)),
        )
        return Found(status, {name: "; ".join(said) for name, said in self._problems.items()})

    async def _tried(self, question: Awaitable[T], it: str, en: str) -> T | None:
        """Return an answer; None, with a note, if this question is not answered."""
        try:
            return await question
        except CredentialError:
            raise
        except PeerError as error:
            self._notes.append(Words(f"{it}: {error}", f"{en}: {error}"))
            return None

    def _judge_time(self, time: NtpState | None) -> None:
        """Say what is wrong with the clock (B-57)."""
        if time is None:
            return
        offset_s = time.utc_offset_s
        if offset_s is not None and abs(offset_s) > WARN_S:
            it = f"l'orologio è sfasato di {offset_s:+.1f} s"
            en = f"its clock is off by {offset_s:+.1f} s"
            if abs(offset_s) > SEAL_S:
                it += ": nessuna prova può essere sigillata"
                en += ": no evidence can be sealed"
            self._notes.append(Words(it, en))
        if time.kind is TimeKind.MANUAL:
            self._notes.append(
                Words("l'ora è regolata a mano: impostare NTP", "its time is set by hand: set NTP")
            )
        elif time.kind is TimeKind.NTP and not time.servers and not time.from_dhcp:
            self._notes.append(
                Words("NTP è attivo ma senza server", "NTP is on, but without a server")
            )

    def _channels(self, profiles: Sequence[MediaProfile]) -> tuple[Channel, ...]:
        """Return the channels with the numbers they had before, and those that are gone."""
        found = channels_of(profiles)
        known = {one.source: one for one in self._before.channels}
        shifts = [known[one.source].number - one.number for one in found if one.source in known]
        shift = shifts[0] if shifts else 0
        found = tuple(replace(one, number=one.number + shift) for one in found)
        there = {one.source for one in found} | {one.number for one in found}
        gone = [
            replace(one, problem="il canale non c'è più")
            for one in self._before.channels
            if not {one.source, one.number} & there
        ]
        # a device that names its views anew at every start must not fill the memory
        gone = gone[: max(0, MOST_CHANNELS - len(found))]
        return tuple(sorted((*found, *gone), key=lambda one: one.number))

    def _lost(self, camera: Camera, channel: Channel | None) -> None:
        what = channel.problem if channel else "il registratore non ha questo canale"
        self._say(camera.id, f"canale {camera.channel or '?'}: {what}")

    def _say(self, camera: str, problem: str) -> None:
        self._problems.setdefault(camera, []).append(problem)

    async def _masks(
        self,
        device: OnvifDevice,
        camera: Camera,
        channels: Sequence[Channel],
        group: Sequence[MediaProfile],
    ) -> None:
        """Have the camera burn its masks in, and believe only what is read back.

        On every configuration that its pictures may come by: small renditions may have their own.
        """
        wanted = tuple(mask for mask in self._plan.masks if mask.camera == camera.id)
        channel, name = channel_of(camera, channels), self._plan.device.id
        is_there = channel is not None and not channel.problem
        places = (
            sorted({p.source_configuration for p in group if p.codec is not None})
            if is_there
            else []
        )
        if not wanted and not any(self._parts.burned.of(name, one) for one in places):
            return
        # another camera of the registry may show the same channel: its masks stay on, too
        all_there = tuple(
            mask
            for other in self._plan.cameras
            if channel_of(other, channels) == channel
            for mask in self._plan.masks
            if mask.camera == other.id
        )
        try:
            have = [await self._put(device, one, all_there) if one else () for one in places]
        except CredentialError:
            raise
        except PeerError as error:
            self._parts.masks.doubt(wanted)
            after = "le applica il gateway" if wanted else "quelle tolte dal registro restano"
            self._say(camera.id, f"maschere nella telecamera: {error}; {after}")
            return
        if not shows_device(camera, self._plan.device):
            have = []
            self._say(camera.id, "url: non è un indirizzo del dispositivo (hosts)")
        self._judge_masks(camera, wanted, have)

    def _judge_masks(
        self, camera: Camera, wanted: Sequence[Mask], have: Sequence[tuple[CameraMask, ...]]
    ) -> None:
        """Believe the masks that are on every one of the configurations."""
        burned = [mask for mask in wanted if have and all(is_burned(mask, one) for one in have)]
        doubted = [mask for mask in wanted if mask not in burned]
        self._parts.masks.confirm(burned, place_of(camera, self._plan.device))
        self._parts.masks.doubt(doubted)
        if doubted:
            ids = ", ".join(mask.id for mask in doubted)
            self._say(
                camera.id, f"maschere {ids}: non sono nella telecamera; le applica il gateway"
            )

    async def _put(
        self, device: OnvifDevice, place: str, wanted: Sequence[Mask]
    ) -> tuple[CameraMask, ...]:
        """Add what is missing, take off what of ours is not wanted any more; return what is there.

        Masks of the owner's stay; so does everything where nothing has to change.
        """
        name, burned = self._plan.device.id, self._parts.burned
        have = await device.masks(place)
        missing = [mask.polygon for mask in wanted if not is_burned(mask, have)]
        ours = [*burned.of(name, place), *missing]
        unwanted = [one for one in ours if not any(_same(mask.polygon, one) for mask in wanted)]
        kept = _without(have, unwanted)
        if missing or len(kept) < len(have):
            await burned.note(name, place, ours)
            try:
                made = [CameraMask("", polygon) for polygon in missing]
                have = await device.put_masks(place, (*kept, *made))
            except PeerError:
                self._parts.masks.doubt(wanted)  # some may be gone by now
                raise
        there = [one for one in ours if any(_same(one, mask.polygon) for mask in have)]
        await burned.note(name, place, there)
        return have

    async def _shorten(
        self, device: OnvifDevice, camera: Camera, profiles: Sequence[MediaProfile]
    ) -> None:
        """Shorten the distance of key pictures where the owner lets us."""
        most_s = self._plan.device.most_gop_s
        if most_s <= 0:
            return
        for profile in filter(None, renditions(profiles)):
            if profile.fps <= 0:
                continue
            gop_s = profile.gop / profile.fps or self._parts.measured_gop_s(camera.id)
            if gop_s <= most_s:
                continue
            try:
                now = await device.set_gop(profile, max(1, int(most_s * profile.fps)))
            except CredentialError:
                raise
            except PeerError as error:
                self._say(camera.id, f"distanza delle immagini chiave {gop_s:.1f} s: {error}")
                continue
            fields = {"camera": camera.id, "was_s": round(gop_s, 1), "gop": now.gop}
            log.info("gop-shortened", extra=fields)
            if now.gop > most_s * profile.fps:
                words = f"resta di {now.gop / profile.fps:.1f} s"
                self._say(camera.id, f"distanza delle immagini chiave: {words}")


def shows_device(camera: Camera, device: Device) -> bool:
    """Return whether a camera's own URLs, if it has any, are of the device that burns its masks."""
    known = {urlsplit(device.url).hostname, *device.hosts}
    return all(urlsplit(url).hostname in known for url in (camera.url, camera.sub_url) if url)


def is_burned(mask: Mask, have: Iterable[CameraMask]) -> bool:
    """Return whether one of the camera's masks hides the polygon, corner by corner."""
    return any(
        one.enabled and one.kind in _HIDING and _same(mask.polygon, one.polygon) for one in have
    )


def _without(have: Iterable[CameraMask], polygons: Iterable[tuple[Point, ...]]) -> list[CameraMask]:
    """Return the masks but for one like ours for each of the polygons."""
    kept = list(have)
    for polygon in polygons:
        alike = (one for one in kept if one.enabled and one.kind in _HIDING)
        found = next((one for one in alike if _same(polygon, one.polygon)), None)
        if found is not None:
            kept.remove(found)
    return kept


def _same(wanted: tuple[Point, ...], found: tuple[Point, ...]) -> bool:
    """Return whether two polygons are one, wherever and in whichever sense they begin."""
    if len(wanted) != len(found):
        return False
    count = len(found)
    turned = (found[start:] + found[:start] for start in range(count))
    return any(_near(wanted, one) or _near(wanted, one[::-1]) for one in turned)


def _near(wanted: tuple[Point, ...], found: tuple[Point, ...]) -> bool:
    return all(
        abs(a[0] - b[0]) <= NEAR and abs(a[1] - b[1]) <= NEAR
        for a, b in zip(wanted, found, strict=True)
    )


class Devices:
    """All posts, kept equal to the plans."""

    def __init__(self, parts: DeviceParts, tasks: asyncio.TaskGroup) -> None:
        self._parts = parts
        self._tasks = tasks
        self._posts: dict[str, DevicePost] = {}

    def reconcile(self, plans: Mapping[str, DevicePlan]) -> tuple[str, ...]:
        """Start, change and stop posts so that they follow `plans`; return the ids touched."""
        touched = sorted(self._posts.keys() - plans.keys())
        for name in touched:
            self._posts.pop(name).stop()
        for name, plan in plans.items():
            post = self._posts.get(name)
            if post is None:
                self._posts[name] = DevicePost(plan, self._parts, self._tasks)
                touched.append(name)
            elif post.plan != plan:
                post.change(plan)
                touched.append(name)
        return tuple(sorted(touched))

    def post(self, device: str) -> DevicePost | None:
        """Return a device's post."""
        return self._posts.get(device)

    async def snapshot(self, camera: Camera) -> Snapshot:
        """Return a still that a camera's device takes; PeerError."""
        post = self._posts.get(camera.device)
        if post is None:
            raise PeerError(f"camera {camera.id}: no device can be asked for a still")
        return await post.snapshot(camera)

    async def synchronise(self, camera: Camera, kind: StreamKind) -> bool:
        """Ask a camera's device for a key picture; False if there is none to ask, PeerError."""
        post = self._posts.get(camera.device)
        return post is not None and await post.synchronise(camera, kind)

    def problem(self, device: str, camera: str) -> str:
        """Return what is wrong with a camera at its device, in Italian, or nothing."""
        post = self._posts.get(device)
        return post.problem(camera) if post is not None else ""

    def statuses(self) -> tuple[DeviceStatus, ...]:
        """Return what is known of every device, by id."""
        return tuple(self._posts[name].status() for name in sorted(self._posts))
