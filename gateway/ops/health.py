# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How the box is, as one value, as one verdict, and as Prometheus text."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from gateway.model.media import StreamState, StreamStatus
from gateway.model.room import LineState, LineStatus
from gateway.model.time import ClockQuality
from gateway.ops.clockwatch import ClockLevel, judge_offset

ACT_WARNING_DAYS = 30
MOST_NAMED = 8
"""Cameras in one line."""


@dataclass(frozen=True, slots=True)
class DeviceSnapshot:
    """The ONVIF side of one device."""

    name: str
    """Its id."""
    reachable: bool
    subscription_healthy: bool | None = None
    """Whether its events arrive; None: none are asked for."""
    events: int = 0
    """Since the process began."""
    problem: str = ""
    """One line, without credentials."""
    clock_offset_s: float | None = None
    """Its clock minus our UTC, by ONVIF; None until asked."""
    dropped: int | None = None
    """Biometric topics, items and elements in its events (B-24); None: no events asked for."""


@dataclass(frozen=True, slots=True)
class KeptSnapshot:
    """Copies of pictures of one class and controller."""

    kind: str
    controller: str
    """Its id."""
    items: int
    oldest_s: float
    """Age of the oldest; 0 if there is none."""
    late: int = 0
    """Older than their term by more than five minutes (B-01), and not held."""


@dataclass(frozen=True, slots=True)
class LineSnapshot:
    """One line between this box and a room, or an edge."""

    name: str
    side: str
    """What is at the other end: edge or room."""
    status: LineStatus
    heard_s: float | None
    """Since something came over it; None: never."""


@dataclass(frozen=True, slots=True)
class LiveSnapshot:
    """Live pictures for viewers, all together: no person, camera or recipient is in it."""

    walls: int = 0
    bytes: int = 0
    """Sent since the start, like what follows."""
    frames: int = 0
    packets: int = 0
    repeated: int = 0
    overflows: int = 0
    lossy: int = 0
    """Viewers who last reported to lose more than two packets in a hundred."""
    round_trip_s: float | None = None
    """Median over the viewers; None while none has reported."""
    delay_s: float | None = None
    """From capture to sending, the longest of the newest pictures."""
    transcodes: int = 0
    """Streams that are coded anew now: masks, and what browsers cannot play."""
    transcodes_refused: int = 0


@dataclass(frozen=True, slots=True)
class LookingSnapshot:
    """What analysis may cost and costs, in cores."""

    budget_cores: float = 0.0
    used_cores: float = 0.0
    reduced: tuple[str, ...] = ()
    """Cameras that are looked at less than they should be."""


@dataclass(frozen=True, slots=True)
class GatesSnapshot:
    """All gates together: no camera, lane, vehicle or hour is in it."""

    open: int = 0
    awake: int = 0
    passages: int = 0
    """Since the start, like what follows."""
    unread: int = 0
    looked: int = 0
    """Pictures that were searched for plates."""
    skipped: int = 0
    """Pictures that were decoded and not searched, to keep to the budget."""
    failures: int = 0
    cost_s: float = 0.0


@dataclass(frozen=True, slots=True)
class BoxSnapshot:
    """Everything that /healthz and /metrics tell; no person, plate or case is in it."""

    version: str
    uptime_s: float
    cameras: tuple[tuple[str, StreamStatus], ...]
    viewers: int
    ledger_size: int
    ledger_spilling: bool
    """Entries go to the spare file: the main one cannot be written."""
    registry_version: int
    alarms_open: int
    deliveries_waiting: int
    media_restarts: int
    children_restarts: int
    stale: tuple[str, ...]
    """Essential parts without progress."""
    biometrics_dropped: int = 0
    """Elements and items about faces and bodies in metadata tracks, dropped unread (B-24)."""
    devices: tuple[DeviceSnapshot, ...] = ()
    ledger_cosigned_age_s: float | None = None
    """Since a witness last vouched for the access ledger; None: never."""
    clock: ClockQuality = ClockQuality.SYNCHRONISED
    """How well our own clock is known."""
    kept: tuple[KeptSnapshot, ...] = ()
    acts: tuple[tuple[str, int], ...] = ()
    """Days left of each act, by id; negative once it is over."""
    lines: tuple[LineSnapshot, ...] = ()
    live: LiveSnapshot = LiveSnapshot()
    looking: LookingSnapshot = LookingSnapshot()
    gates: GatesSnapshot = GatesSnapshot()


@dataclass(frozen=True, slots=True)
class Health:
    """`ok` while the box does its duty; `problems` in words for a person."""

    ok: bool
    problems: tuple[str, ...]


def health(snapshot: BoxSnapshot) -> Health:
    """Judge a snapshot: stale parts and a spilling ledger fail it, all else only shows up."""
    fatal = [f"no progress: {part}" for part in snapshot.stale]
    if snapshot.ledger_spilling:
        fatal.append("ledger: writing to the spare file")
    shown = [
        *_clock(snapshot),
        *_cameras(snapshot),
        *_devices(snapshot),
        *_late(snapshot),
        *_ending(snapshot),
        *_looking(snapshot),
    ]
    return Health(not fatal, (*fatal, *shown))


def _clock(snapshot: BoxSnapshot) -> Iterable[str]:
    verdict = judge_offset(0.0, snapshot.clock)
    if verdict.is_problem:
        yield f"clock: {verdict.text_en}"


def _cameras(snapshot: BoxSnapshot) -> Iterable[str]:
    fine = {StreamState.LIVE, StreamState.IDLE}
    for camera, status in snapshot.cameras:
        if status.state not in fine:
            yield f"camera {camera}: {status.state.value}"
        verdict = judge_offset(status.clock_offset_s, snapshot.clock)
        if verdict.is_problem and verdict.level is not ClockLevel.OURS:
            yield f"camera {camera}: {verdict.text_en}"


def _devices(snapshot: BoxSnapshot) -> Iterable[str]:
    for device in snapshot.devices:
        if not device.reachable:
            why = f": {device.problem}" if device.problem else ""
            yield f"device {device.name}: unreachable{why}"
        elif device.subscription_healthy is False:
            yield f"device {device.name}: its events do not arrive"
        verdict = judge_offset(device.clock_offset_s, snapshot.clock)
        if verdict.is_problem and verdict.level is not ClockLevel.OURS:
            yield f"device {device.name}: {verdict.text_en}"


def _late(snapshot: BoxSnapshot) -> Iterable[str]:
    for one in snapshot.kept:
        if one.late:
            owner = one.controller or "unknown"
            yield f"retention {one.kind} of {owner}: {one.late} copies are older than their term"


def _ending(snapshot: BoxSnapshot) -> Iterable[str]:
    for act, days in snapshot.acts:
        if days < 0:
            yield f"act {act}: is over, nothing is shared under it"
        elif days <= ACT_WARNING_DAYS:
            yield f"act {act}: ends in {days} days"


def _looking(snapshot: BoxSnapshot) -> Iterable[str]:
    if reduced := snapshot.looking.reduced:
        named = ", ".join(reduced[:MOST_NAMED]) + (" …" if len(reduced) > MOST_NAMED else "")
        cores = snapshot.looking.budget_cores
        yield f"analytics: {len(reduced)} cameras are looked at less ({cores:g} cores): {named}"


# metrics -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Described:
    """One metric as documentation and exposition name it."""

    name: str
    """Counters without the `_total` that the exposition appends."""
    about: str
    labels: tuple[str, ...] = ()
    is_counter: bool = False


def _gauge(name: str, about: str, *labels: str) -> Described:
    return Described(f"varco_{name}", about, labels)


def _counter(name: str, about: str, *labels: str) -> Described:
    return Described(f"varco_{name}", about, labels, is_counter=True)


BOX: tuple[tuple[Described, Callable[[BoxSnapshot], float]], ...] = (
    (_gauge("uptime_seconds", "Since the process began"), lambda s: s.uptime_s),
    (_gauge("viewers", "Live sessions; still during a hold-up"), lambda s: s.viewers),
    (
        _gauge(
            "ledger_entries",
            "Entries in the access ledger, a quarter of an hour late at most",
        ),
        lambda s: s.ledger_size,
    ),
    (_gauge("ledger_spilling", "1 while the spare file is in use"), lambda s: s.ledger_spilling),
    (
        _gauge("ledger_cosigned_age_seconds", "Since a witness cosigned the ledger; NaN: never"),
        lambda s: float("nan") if s.ledger_cosigned_age_s is None else s.ledger_cosigned_age_s,
    ),
    (
        _gauge("looking_budget_cores", "What analysis may use; still during a hold-up"),
        lambda s: s.looking.budget_cores,
    ),
    (
        _gauge("looking_used_cores", "What analysis uses; still during a hold-up"),
        lambda s: s.looking.used_cores,
    ),
    (
        _gauge(
            "looking_reduced_cameras",
            "Cameras that are looked at less than they should be, by budget",
        ),
        lambda s: len(s.looking.reduced),
    ),
    (_gauge("registry_version", "Version in force"), lambda s: s.registry_version),
    (_gauge("alarms_open", "Alarms not closed"), lambda s: s.alarms_open),
    (
        _gauge("deliveries_waiting", "Deliveries not confirmed, without hold-ups that live"),
        lambda s: s.deliveries_waiting,
    ),
    (
        _gauge("clock_synchronised", "1 while our own clock is known to be right"),
        lambda s: s.clock is ClockQuality.SYNCHRONISED,
    ),
)
DROPPED = _counter(
    "metadata_biometrics_dropped",
    "Items and elements about faces and bodies, dropped unread from metadata tracks",
)
RESTARTS = _counter("process_restarts", "Restarts of our own processes", "process")
ACT_DAYS = _gauge("act_days_left", "Days after today on which an act is in force", "act")
STATE = _gauge("camera_state", "1 at the state in which the stream is", "camera", "state")

CAMERA: tuple[tuple[Described, Callable[[StreamStatus], float | None]], ...] = (
    (
        _gauge("camera_live", "1 while pictures come", "camera"),
        lambda s: s.state is StreamState.LIVE,
    ),
    (_gauge("camera_fps", "Pictures a second, over the last two", "camera"), lambda s: s.fps),
    (
        _gauge("camera_clock_offset_seconds", "Camera clock minus our UTC", "camera"),
        lambda s: s.clock_offset_s,
    ),
    (
        _gauge("camera_clock_drift_ppm", "How much faster its clock runs than ours", "camera"),
        lambda s: s.clock_drift_ppm,
    ),
    (_counter("camera_units", "Pictures", "camera"), lambda s: s.units),
    (_counter("camera_key_units", "Key pictures", "camera"), lambda s: s.key_units),
    (_counter("camera_received_bytes", "Bytes received", "camera"), lambda s: s.received_bytes),
    (_counter("camera_lost_packets", "RTP packets lost", "camera"), lambda s: s.lost_packets),
    (_counter("camera_connects", "Sessions that came to play", "camera"), lambda s: s.connects),
    (
        _counter("camera_reconnects", "Sessions that came to play after the first", "camera"),
        lambda s: max(0, s.connects - 1),
    ),
    (
        _counter("camera_stalls", "Times that pictures stopped on a standing session", "camera"),
        lambda s: s.stalls,
    ),
)
DEVICE: tuple[tuple[Described, Callable[[DeviceSnapshot], float | None]], ...] = (
    (
        _gauge("device_reachable", "1 while its ONVIF side answers", "device"),
        lambda d: d.reachable,
    ),
    (
        _gauge("device_subscription_healthy", "1 while its events arrive", "device"),
        lambda d: d.subscription_healthy,
    ),
    (
        _gauge("device_clock_offset_seconds", "Device clock minus our UTC, by ONVIF", "device"),
        lambda d: d.clock_offset_s,
    ),
    (_counter("device_events", "Events received", "device"), lambda d: d.events),
    (
        _counter(
            "device_biometrics_dropped",
            "Topics, items and elements about faces and bodies, dropped unread from its events",
            "device",
        ),
        lambda d: d.dropped,
    ),
)


KEPT: tuple[tuple[Described, Callable[[KeptSnapshot], float]], ...] = (
    (
        _gauge("kept_copies", "Copies of pictures that are kept", "class", "controller"),
        lambda k: k.items,
    ),
    (
        _gauge("kept_oldest_seconds", "Age of the oldest of them", "class", "controller"),
        lambda k: k.oldest_s,
    ),
)


LIVE: tuple[tuple[Described, Callable[[LiveSnapshot], float | None]], ...] = (
    (_gauge("live_walls", "Connections with several pictures"), lambda one: one.walls),
    (_counter("live_sent_bytes", "Sent to viewers; still during a hold-up"), lambda one: one.bytes),
    (_counter("live_frames", "Pictures sent; still during a hold-up"), lambda one: one.frames),
    (_counter("live_packets", "Packets sent; still during a hold-up"), lambda one: one.packets),
    (
        _counter("live_repeated_packets", "Sent again on request; still during a hold-up"),
        lambda one: one.repeated,
    ),
    (
        _counter("live_overflows", "Times that pictures were skipped, the line being full"),
        lambda one: one.overflows,
    ),
    (
        _gauge("live_lossy_viewers", "Viewers who lose more than two packets in a hundred"),
        lambda one: one.lossy,
    ),
    (
        _gauge("live_round_trip_seconds", "Median over the viewers"),
        lambda one: one.round_trip_s,
    ),
    (
        _gauge("live_delay_seconds", "Longest, from capture to sending, of the newest pictures"),
        lambda one: one.delay_s,
    ),
    (
        _gauge("live_transcodes", "Streams coded anew: masks, and what browsers cannot play"),
        lambda one: one.transcodes,
    ),
    (
        _counter("live_transcodes_refused", "Looks refused because no place was left to do so"),
        lambda one: one.transcodes_refused,
    ),
)


GATES: tuple[tuple[Described, Callable[[GatesSnapshot], float]], ...] = (
    (_gauge("gates", "Cameras whose plates are read under an act in force"), lambda g: g.open),
    (_gauge("gates_awake", "Of those, how many are decoded now"), lambda g: g.awake),
    (_counter("gate_passages", "Passages of all gates together"), lambda g: g.passages),
    (
        _counter("gate_passages_unread", "Of those, how many had no legible plate"),
        lambda g: g.unread,
    ),
    (_counter("gate_pictures_searched", "Pictures searched for plates"), lambda g: g.looked),
    (
        _counter("gate_pictures_skipped", "Pictures decoded and not searched, by budget"),
        lambda g: g.skipped,
    ),
    (_counter("gate_failures", "Requests lost with their child"), lambda g: g.failures),
    (_counter("gate_cpu_seconds", "Spent by the children of gates"), lambda g: g.cost_s),
)


LINE_STATE = _gauge("line_state", "1 at the state in which the line is", "line", "side", "state")
LINE: tuple[tuple[Described, Callable[[LineSnapshot], float | None]], ...] = (
    (
        _gauge("line_heard_seconds", "Since something came over it", "line", "side"),
        lambda one: one.heard_s,
    ),
    (
        _gauge("line_round_trip_seconds", "Of the last heartbeat", "line", "side"),
        lambda one: one.status.round_trip_ms / 1e3,
    ),
    (
        _gauge(
            "line_streams",
            "Pictures' streams over it now; still during a hold-up",
            "line",
            "side",
        ),
        lambda one: one.status.streams,
    ),
    (_counter("line_dials", "Connections tried", "line", "side"), lambda one: one.status.dials),
    (
        _counter(
            "line_sent_bytes",
            "Bytes sent, sealed; still during a hold-up",
            "line",
            "side",
        ),
        lambda one: one.status.sent_bytes,
    ),
    (
        _counter(
            "line_received_bytes",
            "Bytes received, sealed; still during a hold-up",
            "line",
            "side",
        ),
        lambda one: one.status.received_bytes,
    ),
)


def described() -> tuple[Described, ...]:
    """Return every metric that the box exposes, in the order of the exposition."""
    return (
        *(one for one, _ in BOX),
        *(one for one, _ in LIVE),
        *(one for one, _ in GATES),
        DROPPED,
        RESTARTS,
        STATE,
        *(one for one, _ in CAMERA),
        *(one for one, _ in DEVICE),
        *(one for one, _ in KEPT),
        ACT_DAYS,
        LINE_STATE,
        *(one for one, _ in LINE),
    )


class _BoxCollector(Collector):
    """Turns one snapshot into metric families."""

    def __init__(self, snapshot: BoxSnapshot) -> None:
        self._snapshot = snapshot

    @override
    def collect(self) -> Iterable[Metric]:
        """Yield the box's families, then the cameras', then the devices'."""
        s = self._snapshot
        for one, read in BOX:
            yield _family(one, [((), read(s))])
        for each_live, amount in LIVE:
            yield _family(each_live, [((), amount(s.live))])
        for each_gate, total in GATES:
            yield _family(each_gate, [((), total(s.gates))])
        yield _family(DROPPED, [((), float(s.biometrics_dropped))])
        restarts = [(("media",), s.media_restarts), (("child",), s.children_restarts)]
        yield _family(RESTARTS, restarts)
        states = [
            ((camera, state.value), float(status.state is state))
            for camera, status in s.cameras
            for state in StreamState
        ]
        yield _family(STATE, states)
        for one, look in CAMERA:
            yield _family(one, [((camera,), look(status)) for camera, status in s.cameras])
        for one, ask in DEVICE:
            yield _family(one, [((device.name,), ask(device)) for device in s.devices])
        for one, tell in KEPT:
            yield _family(one, [((kept.kind, kept.controller), tell(kept)) for kept in s.kept])
        yield _family(ACT_DAYS, [((act,), float(days)) for act, days in s.acts])
        stands = [
            ((one.name, one.side, state.value), float(one.status.state is state))
            for one in s.lines
            for state in LineState
        ]
        yield _family(LINE_STATE, stands)
        for each, count in LINE:
            yield _family(each, [((one.name, one.side), count(one)) for one in s.lines])


def _family(
    one: Described, samples: Iterable[tuple[tuple[str, ...], float | None]]
) -> GaugeMetricFamily | CounterMetricFamily:
    """Return a metric with its samples; what is not known has none."""
    kind = CounterMetricFamily if one.is_counter else GaugeMetricFamily
    family = kind(one.name, one.about, labels=one.labels)
    for labels, value in samples:
        if value is not None:
            family.add_metric(labels, float(value))
    return family


def metrics_text(snapshot: BoxSnapshot) -> bytes:
    """Return the Prometheus exposition of a snapshot."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_BoxCollector(snapshot))
    return generate_latest(registry)
