# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What each camera and device should be doing now, as values: registry and acts in, plans out."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from gateway.access.holdup import holdup_basis
from gateway.access.policy import acts_for
from gateway.analytics.calendar import EVERY_YEAR
from gateway.ingest.makes import Make, find_make, read_makes
from gateway.ingest.onvif_model import OnvifTarget
from gateway.ingest.sessions import SessionLimit
from gateway.ingest.source import StreamSource, Trust
from gateway.model.errors import ConfigError
from gateway.model.media import StreamKind
from gateway.model.registry import (
    Analytic,
    Camera,
    Device,
    Holidays,
    Mask,
    MaskPlace,
    Registry,
    Trigger,
    Zone,
)
from gateway.model.room import LINE_SCHEME
from gateway.model.time import Moment
from gateway.registry.zone_keys import gate_faults
from gateway.runtime.sealed import Sealed

Resolve = Callable[[str, str], tuple[str, str]]
"""Turns a credential reference into user and password; the second argument says whose, in words."""

OTHERS = (
    Analytic.CROSSING,
    Analytic.LOITERING,
    Analytic.STOPPED,
    Analytic.TAMPER,
    Analytic.LOSS,
)
"""Analyses that run here besides intrusion; each only where an act names it."""
MOST_RING_S = 30.0
"""What `gateway.evidence.ring` keeps at most."""
LINE_STALL_S = 10.0
"""On a thin line only key pictures may come for a while; a dead line is noticed by itself."""
LINE_CONNECT_S = 12.0
"""The edge may have to decide, and its camera to be dialled, before it answers."""

Reach = Callable[[str], Awaitable[Sealed]]
"""Returns a connection on which an edge (its id) awaits RTSP; PeerError if there is none now."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What plans are made with besides registry and time."""

    resolve: Resolve
    most_ring_s: float = MOST_RING_S
    makes: Mapping[str, Make] = field(default_factory=read_makes)
    exercise: bool = False
    """Recordings may play in place of cameras (A-33)."""
    reach: Reach | None = None
    """How boxes are reached that dialled in; None: none can."""


@dataclass(frozen=True, slots=True)
class EdgeDial:
    """Where the pictures of one edge come from; equal to any other of the same edge."""

    edge: str
    reach: Reach = field(repr=False)

    async def __call__(self) -> Sealed:
        """Return a connection; PeerError if there is none now."""
        return await self.reach(self.edge)


@dataclass(frozen=True, slots=True)
class Basis:
    """Under which act an analysis runs, and who hears of its alarms."""

    analytic: Analytic
    act: str
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """One camera's duty; two equal plans mean that nothing has to change."""

    camera: str
    """Its id."""
    main: StreamSource | None
    """None: it cannot be opened until a person corrects something, see `problem`."""
    continuous: bool
    """The main stream is pulled without a viewer."""
    zones: tuple[Zone, ...] = ()
    """What is guarded now; empty where no act in force allows it."""
    act: str = ""
    """Act under which zones are guarded; empty without one."""
    recipients: tuple[str, ...] = ()
    """Who hears of an alarm."""
    ring_s: float = 0.0
    """Seconds before an alarm that may be kept in RAM."""
    off_reason: str = ""
    """Why a camera with zones is not guarded, in Italian; empty while it is."""
    problem: str = ""
    """What a person has to correct; names file and key, never the secret."""
    sub: StreamSource | None = None
    """The small rendition, if there is one."""
    triggers: tuple[Trigger, ...] = ()
    """Events of the camera's own that become alarms; on the same basis as `zones`."""
    limit: SessionLimit | None = None
    """Sessions of the device that the camera hangs off."""
    contacts: tuple[Trigger, ...] = ()
    """Events that set a hold-up channel off, whatever analysis an act allows."""
    bases: tuple[Basis, ...] = ()
    """Of each analysis besides intrusion that a zone asks for and an act in force allows."""
    gates: tuple[Zone, ...] = ()
    """Lanes in which plates are read now; no rule decides on them."""

    @property
    def looked_at(self) -> tuple[Zone, ...]:
        """Return the zones that need pictures; a loss of pictures is noticed without any."""
        return tuple(zone for zone in self.zones if zone.analytic is not Analytic.LOSS)

    @property
    def watched_zones(self) -> tuple[Zone, ...]:
        """Return the zones whose pictures are watched: those of rules, and lanes that wake."""
        return (*self.looked_at, *self.gates)

    @property
    def is_tied(self) -> bool:
        """Return whether it matters that pictures come, even if nobody looks at them."""
        return any(zone.analytic is Analytic.LOSS for zone in self.zones)

    def basis(self, analytic: Analytic) -> Basis:
        """Return under which act an analysis runs; intrusion and the camera's own events share."""
        own = Basis(analytic, self.act, self.recipients)
        return next((one for one in self.bases if one.analytic is analytic), own)

    @property
    def watched(self) -> StreamKind:
        """Return the rendition that is looked at: the cheaper one."""
        return StreamKind.SUB if self.sub is not None else StreamKind.MAIN

    @property
    def listens(self) -> bool:
        """Return whether events are read in the watched stream's metadata now."""
        source = self.source(self.watched)
        heard = self.triggers or self.contacts
        return bool(heard) and source is not None and source.wants_metadata

    def source(self, kind: StreamKind) -> StreamSource | None:
        """Return where one rendition comes from."""
        return self.main if kind is StreamKind.MAIN else self.sub


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """One device's ONVIF side; two equal plans mean that nothing has to change."""

    device: Device
    target: OnvifTarget | None
    """None: it cannot be asked until a person corrects something, see `problem`."""
    cameras: tuple[Camera, ...] = ()
    """What hangs off it, by id."""
    masks: tuple[Mask, ...] = ()
    """What its cameras themselves have to hide."""
    problem: str = ""


def plan(camera: Camera, registry: Registry, now: Moment, around: Surroundings) -> CameraPlan:
    """Return what `camera` should be doing at `now`; what makes it unusable is its own problem."""
    try:
        main = _source(StreamKind.MAIN, camera, registry, around)
    except ConfigError as error:
        return CameraPlan(camera.id, None, camera.continuous, problem=str(error))
    pulled = CameraPlan(camera.id, main, camera.continuous, limit=_limit(camera, registry))
    try:
        pulled = replace(pulled, sub=_source(StreamKind.SUB, camera, registry, around))
    except ConfigError as error:
        pulled = replace(pulled, problem=str(error))
    guarded = _guarded(pulled, registry, now, around.most_ring_s)
    guarded = _with_gates(guarded, registry, now)
    return _with_holdups(guarded, registry, now, around.most_ring_s)


def _with_holdups(
    guarded: CameraPlan, registry: Registry, now: Moment, most_ring_s: float
) -> CameraPlan:
    """Return the plan with what hold-up channels need: their contacts, the seconds before."""
    holdups = [one for one in registry.holdups.values() if guarded.camera in one.cameras]
    names = {name for one in registry.holdups.values() for name in one.contacts}
    contacts = tuple(one for one in registry.triggers_of(guarded.camera) if one.id in names)
    if not holdups and not contacts:
        return guarded
    bases = [holdup_basis(one, registry, now) for one in holdups]
    before_s = max((one.before_s.get(guarded.camera, 0.0) for one in bases), default=0.0)
    act = next((one.act for one in bases if one.act), "")
    return replace(
        guarded,
        triggers=tuple(one for one in guarded.triggers if one.id not in names),
        contacts=contacts,
        act=guarded.act or act,
        ring_s=max(guarded.ring_s, min(before_s, most_ring_s, MOST_RING_S)),
    )


def _guarded(pulled: CameraPlan, registry: Registry, now: Moment, most_ring_s: float) -> CameraPlan:
    """Return the plan with what an act in force allows; without one nothing is looked at."""
    asked = registry.zones_of(pulled.camera)
    zones = tuple(z for z in asked if z.analytic is Analytic.INTRUSION)
    triggers = registry.triggers_of(pulled.camera)
    basis = acts_for(registry, pulled.camera, Analytic.INTRUSION, now)
    if basis.act is None:
        has_duty = bool(zones or triggers)
        off = basis.reason.text_it if basis.reason and has_duty else ""
        guarded = replace(pulled, off_reason=off)
    else:
        allowed_s = min(basis.retention_before_s, most_ring_s, MOST_RING_S)
        guarded = replace(
            pulled,
            zones=zones,
            triggers=triggers,
            act=basis.act.id,
            recipients=basis.recipients,
            ring_s=allowed_s if zones or triggers else 0.0,
        )
    return _with_others(guarded, registry, now, most_ring_s)


def _with_others(
    guarded: CameraPlan, registry: Registry, now: Moment, most_ring_s: float
) -> CameraPlan:
    """Return the plan with the analyses besides intrusion, each on the act that names it."""
    for analytic in OTHERS:
        zones = tuple(z for z in registry.zones_of(guarded.camera) if z.analytic is analytic)
        if not zones:
            continue
        basis = acts_for(registry, guarded.camera, analytic, now)
        if basis.act is None:
            off = guarded.off_reason or (basis.reason.text_it if basis.reason else "")
            guarded = replace(guarded, off_reason=off)
            continue
        allowed_s = min(basis.retention_before_s, most_ring_s, MOST_RING_S)
        guarded = replace(
            guarded,
            zones=(*guarded.zones, *zones),
            act=guarded.act or basis.act.id,
            bases=(*guarded.bases, Basis(analytic, basis.act.id, basis.recipients)),
            ring_s=max(guarded.ring_s, allowed_s),
        )
    return replace(guarded, zones=with_feasts(guarded.zones, guarded.camera, registry))


def _with_gates(guarded: CameraPlan, registry: Registry, now: Moment) -> CameraPlan:
    """Return the plan with the lanes whose plates an act in force has read (A-09).

    A lane that was stored without what makes a gate of it is a problem of the camera; the others
    are read.
    """
    zones = tuple(z for z in registry.zones_of(guarded.camera) if z.analytic is Analytic.PLATES)
    if not zones:
        return guarded
    basis = acts_for(registry, guarded.camera, Analytic.PLATES, now)
    if basis.act is None:
        off = guarded.off_reason or (basis.reason.text_it if basis.reason else "")
        return replace(guarded, off_reason=off)
    faults = [
        f"zone {zone.id}: {key} {problem} ({advice})"
        for zone in zones
        for key, problem, advice in gate_faults(zone)
    ]
    sound = tuple(zone for zone in zones if not any(gate_faults(zone)))
    return replace(
        guarded,
        gates=with_feasts(sound, guarded.camera, registry),
        bases=(*guarded.bases, Basis(Analytic.PLATES, basis.act.id, basis.recipients)),
        problem="; ".join(filter(None, (guarded.problem, *faults))),
    )


def with_feasts(zones: tuple[Zone, ...], camera: str, registry: Registry) -> tuple[Zone, ...]:
    """Return zones with the holidays of their site alone."""
    known = registry.cameras.get(camera)
    site = registry.sites.get(known.site) if known else None
    if site is None:
        return zones
    patron = (site.patron.replace(year=EVERY_YEAR),) if site.patron else ()
    feasts = (*patron, *site.closed_days)
    if not feasts:
        return zones
    return tuple(
        zone if zone.holidays is Holidays.AS_WEEKDAYS else replace(zone, feasts=feasts)
        for zone in zones
    )


def device_plan(device: Device, registry: Registry, resolve: Resolve) -> DevicePlan:
    """Return how `device` is to be asked; what makes that impossible is its own problem."""
    cameras = tuple(c for _, c in sorted(registry.cameras.items()) if c.device == device.id)
    ids = {camera.id for camera in cameras}
    masks = tuple(
        m
        for _, m in sorted(registry.masks.items())
        if m.camera in ids and m.place is MaskPlace.CAMERA
    )
    try:
        user, password = (
            resolve(device.credential, f"device {device.id}") if device.credential else ("", "")
        )
    except ConfigError as error:
        return DevicePlan(device, None, cameras, masks, str(error))
    trust = Trust(sha256=device.tls_sha256)
    target = OnvifTarget(device.id, device.url, user, password, trust, device.hosts)
    return DevicePlan(device, target, cameras, masks)


def _limit(camera: Camera, registry: Registry) -> SessionLimit | None:
    device = registry.devices.get(camera.device)
    if device is None or device.most_sessions <= 0:
        return None
    return SessionLimit(device.id, device.name, device.most_sessions)


def _source(
    kind: StreamKind, camera: Camera, registry: Registry, around: Surroundings
) -> StreamSource | None:
    """Return where a rendition is and how it is opened; None if there is none.

    ConfigError if that cannot be known. The credential of the device is used where the camera has
    none of its own; the device's pin only for its own host.
    """
    device = registry.devices.get(camera.device)
    key = "url" if kind is StreamKind.MAIN else "sub_url"
    where = f"camera {camera.id}"
    url = camera.url if kind is StreamKind.MAIN else camera.sub_url
    if not url and not (kind is StreamKind.SUB and camera.url):
        url = _by_template(kind, camera, device, around.makes)
    if not url:
        return None
    if url.startswith(f"{LINE_SCHEME}://"):
        return _on_line(kind, camera, url, around.reach)
    reference = camera.credential or (device.credential if device else "")
    user, password = around.resolve(reference, where) if reference else ("", "")
    by_subscription = device is not None and device.events and bool(device.url)
    try:
        source = StreamSource(
            camera=camera.id,
            url=url,
            kind=kind,
            user=user,
            password=password,
            transport=camera.transport,
            trust=Trust(sha256=camera.tls_sha256),
            hosts=(*camera.hosts, *(device.hosts if device else ())),
            # of both, since the watch may go over to the other one; heard is the watched one alone
            wants_metadata=bool(registry.triggers_of(camera.id)) and not by_subscription,
        )
    except ConfigError as error:
        raise ConfigError(where, key, error.problem, error.advice) from None
    if source.scheme == "file" and not around.exercise:
        advice = "recordings play only on a box with exercise = true"
        raise ConfigError(where, key, "is a recording, not a camera", advice)
    if (
        device is not None
        and not camera.tls_sha256
        and source.host == urlsplit(device.url).hostname
    ):
        source = replace(source, trust=Trust(sha256=device.tls_sha256))
    return source


def _on_line(kind: StreamKind, camera: Camera, url: str, reach: Reach | None) -> StreamSource:
    """Return where a rendition of an edge's camera is; ConfigError if no edge can dial in here."""
    where, key = f"camera {camera.id}", "url" if kind is StreamKind.MAIN else "sub_url"
    edge = urlsplit(url).hostname or ""
    try:
        return StreamSource(
            camera=camera.id,
            url=url.partition("?")[0],
            kind=kind,
            connect_s=LINE_CONNECT_S,
            least_stall_s=LINE_STALL_S,
            dial=EdgeDial(edge, reach) if reach is not None and edge else None,
        )
    except ConfigError as error:
        advice = "such cameras are offered by edges; write [room] to let them dial in"
        raise ConfigError(where, key, error.problem, advice) from None


def _by_template(
    kind: StreamKind, camera: Camera, device: Device | None, makes: Mapping[str, Make]
) -> str:
    """Return the URL of a channel by its device's make; empty if the make has no such stream."""
    if device is None or not device.make:
        advice = 'write url = "rtsp://…", or a device with a make'
        raise ConfigError(f"camera {camera.id}", "url", "is missing", advice)
    make = find_make(makes, device.make, f"device {device.id}")
    host = urlsplit(device.url).hostname or next(iter(device.hosts), "")
    if not host:
        advice = 'write url = "http://host", the address of the device'
        raise ConfigError(f"device {device.id}", "url", "is missing", advice)
    return make.url(kind, host, camera.channel or 1, device.rtsp_port)
