# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What crosses the HTTP border: typed bodies, and how they are made from our vocabulary.

Times are RFC 3339 UTC with milliseconds; an empty string where there is none yet.
"""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from gateway.console.services import Box, LedgerEntry, LookFigures, Services, Vouching
from gateway.console.visibility import knows_camera, purposes_of, views_of
from gateway.console.words import Language
from gateway.model.access import Actor, Refusal
from gateway.model.alarm import Alarm, AlarmRecord, AlarmState, AlarmVerdict, Delivery
from gateway.model.audit import LedgerEvent
from gateway.model.media import StreamStatus
from gateway.model.registry import Camera, Registry
from gateway.model.room import MOST_CAMERA_CHARS, at_edge
from gateway.model.why import sentence
from gateway.wire.trouble_words import italian, unplaced


class Body(BaseModel):
    """Anything that enters: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class View(BaseModel):
    """Anything that leaves."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SignInBody(Body):
    """Who wants to sign in."""

    user: str = Field(min_length=1, max_length=64)
    password: SecretStr = Field(min_length=1, max_length=1024)
    bearer: bool = Field(
        default=False, description="Answer with a bearer token instead of a cookie."
    )
    totp: str = Field(
        default="", max_length=16, description="Code of the second device, if there is one."
    )


class CodeBody(Body):
    """A code of the device that is being enrolled."""

    code: str = Field(min_length=6, max_length=16)
    bearer: bool = Field(default=False, description="The new token instead of a cookie.")


class TokenBody(Body):
    """What a short token is to be good for."""

    camera: str = Field(min_length=1, max_length=MOST_CAMERA_CHARS)
    purpose: str = Field(min_length=1, max_length=64, description="Purpose code (D.2).")
    case: str = Field(default="", max_length=100)
    reason: str = Field(default="", max_length=200)


class TokenView(View):
    """A short token for one player."""

    token: str = Field(description="Bearer at POST /whep/{camera}, once.")
    expires_s: int = Field(description="The look has to begin within so many seconds.")


class EnrolmentView(View):
    """A second device to be."""

    secret: str = Field(description="Base32.")
    uri: str = Field(description="otpauth://totp/…")
    qr_svg: str = Field(description="The same as a picture (SVG, nothing active in it).")


class ProviderView(View):
    """An identity provider."""

    name: str = Field(description="For /api/oidc/login?provider=")
    title: str


class CloseBody(Body):
    """The operator's word on an alarm."""

    verdict: Literal["confermato", "falso", "esercitazione"]


class PasswordBody(Body):
    """A new password."""

    password: SecretStr = Field(min_length=12, max_length=1024)


class ProbeBody(Body):
    """Which camera is to be measured, and for how long."""

    camera: str = Field(min_length=1, max_length=MOST_CAMERA_CHARS)
    seconds: float = Field(default=10.0, ge=1, le=300)


class AcceptBody(ProbeBody):
    """Which camera is to be accepted, and by whom."""

    user: str = Field(min_length=1, max_length=64)
    password: SecretStr = Field(min_length=1, max_length=1024)
    clear_reason: str = Field(
        default="", max_length=200, description="Why its pictures may travel in clear."
    )
    totp: str = Field(default="", max_length=16, description="Code of the second device.")


class BoxView(View):
    """Which gateway this is."""

    name: str
    organisation: str
    version: str
    exercise: bool = Field(description="Everything shown is simulated (ESERCITAZIONE).")
    scenes: bool = Field(description="The exercise offers scenes and accounts.")
    language: str


class UserView(View):
    """Who is signed in, and what the pages offer."""

    id: str
    name: str
    role: str
    organisation: str
    organisation_name: str
    views: list[str] = Field(description="Pages of this role: alarms, cameras, devices, ledger.")
    purposes: list[str] = Field(description="Purposes that the dialogue offers; the gate decides.")


class SessionView(View):
    """The box, and the person if one is signed in."""

    box: BoxView
    user: UserView | None
    enrol: bool = Field(
        default=False, description="Signed in, but only to enrol a second device (user is null)."
    )
    oidc: list[ProviderView] = Field(default=[], description="Where else one can sign in.")
    token: str | None = Field(default=None, description="Only in answer to `bearer: true`.")


class CameraView(View):
    """One camera with its live state; no picture."""

    id: str
    name: str
    site: str
    site_name: str
    site_kind: str
    site_state: str
    address: str
    owner: str
    owner_name: str
    area: str
    latitude: float
    longitude: float
    azimuth_deg: float
    field_of_view_deg: float
    state: str = Field(description="idle, connecting, live, stalled, unreachable, refused, …")
    since: str
    problem: str
    codec: str = Field(description="H264, H265, JPEG; empty until known.")
    width_px: int
    height_px: int
    fps: float = Field(description="Pictures a second over the last seconds; 0 until known.")
    stalls: int = Field(description="How often pictures stopped although the session stood.")
    clock_offset_s: float | None = Field(description="Camera clock minus ours; null if unknown.")
    device_name: str = Field(description="Recorder or box that it hangs off; empty if none.")
    channel: int = Field(description="Channel of a recorder, from 1; 0 if none.")
    open_alarm: str = Field(description="Id of an alarm of this camera that is not closed.")
    disclosure: str = Field(description="sempre, su-allarme, or empty where no act speaks of it.")
    viewable: bool = Field(description="The role may ask to look at all; the gate decides.")
    paused: bool = Field(default=False, description="The owner withholds it from everybody else.")


class NearbyCameraView(View):
    """A camera beside a place; whether it may be looked at, the gate decides."""

    camera: CameraView
    distance_m: float
    bearing_deg: float = Field(description="From the camera to the place, clockwise from north.")
    off_axis_deg: float = Field(description="Between the middle of its picture and the place.")
    look: str = Field(description="vede, guarda-verso or guarda-altrove.")


class NamedView(View):
    """Something of the registry, by id and name."""

    id: str
    name: str


class CauseView(View):
    """What made a rule decide, as data and as a sentence; nothing of it names anybody."""

    track: int = Field(description="Of its camera; 0: none decided.")
    kind: str
    seconds: float = Field(description="How long it lasted when it was decided.")
    metres: float = Field(description="Height of what decided; 0: not known.")
    confidence: float = Field(description="0..1; 0: nothing said.")
    detail: str
    mode: str = Field(description="What was decoded meanwhile.")
    text_it: str
    text_en: str


class AlarmView(View):
    """One alarm in words and times."""

    id: str
    camera: str
    camera_name: str
    site_name: str
    zone: str
    zone_name: str
    rule: str
    severity: int = Field(ge=1, le=5)
    raised: str
    state: str
    stored: str
    ended: str
    closed: str
    closed_by: str
    verdict: str
    exercise: bool
    act: str
    act_title: str
    recipients: list[str]
    boxes: list[tuple[float, float, float, float]]
    may_close: bool
    viewable: bool
    taken: str = Field(default="", description="When somebody answered it (t_operator).")
    taken_by: str = ""
    may_take: bool = False
    escalates: str = Field(
        default="", description="When it goes on to further recipients unless somebody answers."
    )
    escalates_to: list[str] = Field(
        default_factory=list, description="Their names; may be unknown."
    )
    unanswered: bool = Field(default=False, description="It went to everybody; nobody answered.")
    group: str = Field(default="", description="Id of the first alarm of the same incident.")
    repeats: int = Field(default=0, description="How often its cause was reported again.")
    silent: bool = Field(default=False, description="Nothing on site may show it (hold-up).")
    asked: bool = Field(
        default=False, description="A hold-up waits for the actor's word: the rooms come after it."
    )
    also: list[NamedView] = Field(
        default_factory=list, description="Further cameras that it opens."
    )
    delivered_all: bool = Field(default=True, description="Every recipient has it; seconds late.")
    version: int = Field(
        default=0, description="Grows with all that happens to it: an older view is an old one."
    )
    why: CauseView | None = Field(
        default=None, description="What made a rule decide; null where no rule of ours did."
    )


class DeliveryView(View):
    """What became of an alarm at one recipient."""

    recipient: str
    recipient_name: str
    state: str
    attempts: int
    delivered: str
    problem: str


class AlarmDetailView(View):
    """One alarm and its deliveries."""

    alarm: AlarmView
    deliveries: list[DeliveryView]


class FiguresView(View):
    """How a picture goes, a second old at most; counters since it began."""

    connected: bool
    bytes: int
    frames: int
    packets: int
    repeated: int = Field(description="Packets that were sent again.")
    overflows: int = Field(description="Times that pictures were skipped, the line being full.")
    fraction_lost: float = Field(description="As the player last reported, 0 to 1.")
    jitter_s: float | None = Field(description="As the player last reported; null: never.")
    round_trip_s: float | None
    delay_s: float | None = Field(description="From capture to our sending, newest picture.")
    to_viewer_s: float | None = Field(
        description="The same and half a round trip: on the player's doorstep."
    )
    from_camera: bool = Field(
        description="Whether capture is told by the camera's clock; else it is the arrival here."
    )


def figures_view(figures: LookFigures | None) -> FiguresView | None:
    """Return how a picture goes; None where that is not known."""
    if figures is None:
        return None
    there_s = None
    if figures.delay_s is not None and figures.round_trip_s is not None:
        there_s = round(figures.delay_s + figures.round_trip_s / 2, 4)
    return FiguresView(**asdict(figures), to_viewer_s=there_s)


class WhepSessionView(View):
    """What became of a viewer's session."""

    session: str
    state: Literal["live", "ended"]
    reason: str = Field(description="Stable code of why it ended; empty while live.")
    flags: list[str] = Field(default=[], description="What is out of the ordinary while live.")
    expires: str = Field(default="", description="When it ends by itself; empty once it ended.")
    stream: str = Field(default="", description="Which rendition is sent: main, sub, h264...")
    figures: FiguresView | None = None


class LedgerEntryView(View):
    """One entry of the ledger; erased personal values are empty."""

    seq: int
    time: str
    event: str
    operation: str
    regime: str
    result: str
    error: str
    actor: str
    actor_type: str
    organisation: str
    role: str
    method: str
    source_ip: str
    object_type: str
    object_id: str
    object_name: str
    controller: str
    purpose: str
    legal_basis: str
    case: str
    reason: str
    recipient: str
    channel: str
    bytes: int
    duration_ms: int
    frames: int
    policy_version: int
    closes: int
    erased: list[str]
    acr: str = ""
    workstation: str = ""
    second: str = Field(default="", description="Who agreed, where four eyes were needed.")
    flags: list[str] = Field(default=[], description="What is out of the ordinary.")
    recipient_organisation: str = ""
    mask_version: int = 0


class VouchingView(View):
    """One word from outside about the log."""

    name: str = Field(description="Of the witness; empty for a time stamp.")
    size: int = Field(description="Entries that it covers.")
    time: str


class CheckpointView(View):
    """The head of the ledger and its newest signed checkpoint."""

    size: int
    root: str
    note: str = Field(description="C2SP tlog-checkpoint, signed with Ed25519.")
    witnesses: list[VouchingView] = Field(default=[], description="Newest word of each witness.")
    anchor: VouchingView | None = Field(default=None, description="Newest RFC 3161 time stamp.")
    altered: str = Field(
        default="", description="What our own last verification found; empty: it was intact."
    )


class LedgerView(View):
    """A page of the ledger."""

    aim: str
    head: CheckpointView
    entries: list[LedgerEntryView]
    older: int | None = Field(default=None, description="Pass it as `before`; null: no more.")
    newer: int | None = Field(default=None, description="Pass it as `after`; null: no more.")
    only: str = Field(default="", description="Only entries of this controller are shown.")


class ExportBody(Body):
    """Which entries are to leave, in which form, and why."""

    aim: str = Field(default="", max_length=64, description="One of the four lawful aims.")
    own_case: str = Field(default="", max_length=100, description="Case of whoever asks.")
    format: Literal["jsonl", "csv", "ocsf", "report", "admins"] = "jsonl"
    from_: str = Field(default="", alias="from", max_length=40)
    to: str = Field(default="", max_length=40)
    person: str = Field(default="", max_length=100)
    camera: str = Field(default="", max_length=MOST_CAMERA_CHARS)
    case: str = Field(default="", max_length=100)
    event: str = Field(default="", max_length=64)
    year: int = Field(default=0, ge=0, le=9999, description="Of the check of administrators.")
    bom: bool = Field(default=True, description="Mark by which Excel knows UTF-8.")


class SignedExportBody(ExportBody):
    """The same with who asks, over the control socket."""

    user: str = Field(min_length=1, max_length=64)
    password: SecretStr = Field(min_length=1, max_length=1024)
    totp: str = Field(default="", max_length=16)


class FindingView(View):
    """Something that does not verify."""

    seq: int
    problem: str


class VerifyView(View):
    """Outcome of a verification."""

    ok: bool
    size: int
    root: str
    findings: list[FindingView]


class HealthView(View):
    """Whether the box does its job."""

    ok: bool
    problems: list[str]


class MachineView(View):
    """Who a client certificate says that you are."""

    certificate_sha256: str
    subject: str
    user: UserView | None = Field(default=None, description="Its account here; null if none.")


class ExerciseSceneView(View):
    """A scene of the exercise."""

    id: str
    title: str
    text: str
    enabled: bool = Field(default=True, description="Its button does something now.")
    running: bool = Field(default=False, description="It goes on by itself; ask again.")
    done: int = Field(default=0, description="Of `whole`, what has happened so far.")
    whole: int = Field(default=0, description="0: it counts nothing.")
    state: str = Field(default="", description="How it ended, in the language of the request.")


class ExerciseAccountView(View):
    """An account of the exercise."""

    id: str
    name: str
    organisation_name: str
    text: str


class SceneOutcomeView(View):
    """What a scene tells once it was played."""

    text: str = Field(description="In the language of the request; empty: the pages show it.")
    details: str = Field(description="Words of a program, as it printed them.")
    entry: int = Field(description="Entry of the ledger that it is about; -1: none.")
    finds: int = Field(
        description="How often a search found what should be nowhere; -1: it is no search."
    )


class ExerciseView(View):
    """What the exercise offers."""

    scenes: list[ExerciseSceneView]
    accounts: list[ExerciseAccountView]


class RegistryChangeView(View):
    """What an import did."""

    version: int
    added: list[str]
    changed: list[str]
    removed: list[str]
    held: str = ""
    """Id of the held change: nothing is applied before two people approve it."""


class ReloadView(View):
    """What reading the configuration again changed."""

    changed: list[str]


class CameraStatusView(View):
    """A camera's stream for `varco status`."""

    id: str
    state: str
    since: str
    problem: str
    units: int
    lost_packets: int


class StatusView(View):
    """The box for `varco status`."""

    box: BoxView
    time: str
    registry_version: int
    ledger_size: int
    viewers: int
    healthy: bool
    problems: list[str]
    cameras: list[CameraStatusView]


def iso(utc_us: int) -> str:
    """Return RFC 3339 UTC with milliseconds; an empty string for 0 (unknown)."""
    if utc_us == 0:
        return ""
    moment = datetime.fromtimestamp(utc_us // 1_000_000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc_us // 1000 % 1000:03d}Z"


def box_view(box: Box, *, scenes: bool = False) -> BoxView:
    """Return the header of the pages."""
    return BoxView(
        name=box.name,
        organisation=box.organisation,
        version=box.version,
        exercise=box.exercise,
        scenes=scenes and box.exercise,
        language=box.language,
    )


def organisation_name(registry: Registry, organisation: str) -> str:
    """Return the name of a controller or recipient; its id if it is not (any more) known."""
    known = registry.controllers.get(organisation) or registry.recipients.get(organisation)
    return known.name if known else organisation


def user_view(actor: Actor, registry: Registry) -> UserView:
    """Return the signed-in person."""
    return UserView(
        id=actor.id,
        name=actor.name,
        role=actor.role.value,
        organisation=actor.organisation,
        organisation_name=organisation_name(registry, actor.organisation),
        views=list(views_of(actor.role)),
        purposes=[purpose.value for purpose in purposes_of(actor.role, registry)],
    )


def camera_view(
    camera: Camera, status: StreamStatus, registry: Registry, *, disclosure: str, open_alarm: str
) -> CameraView:
    """Return one card; `viewable` is set by the caller with `model_copy`."""
    site = registry.sites[camera.site]
    device = registry.devices.get(camera.device)
    return CameraView(
        id=camera.id,
        name=camera.name,
        site=site.id,
        site_name=site.name,
        site_kind=site.kind.value,
        site_state=site.state.value,
        address=site.address,
        owner=site.controller,
        owner_name=organisation_name(registry, site.controller),
        area=camera.area.value,
        latitude=camera.latitude,
        longitude=camera.longitude,
        azimuth_deg=camera.azimuth_deg,
        field_of_view_deg=camera.field_of_view_deg,
        state=status.state.value,
        since=iso(status.since.utc_us) if status.since else "",
        problem=status.problem,
        codec=status.codec.name if status.codec else "",
        width_px=status.width_px,
        height_px=status.height_px,
        fps=round(status.fps, 2),
        stalls=status.stalls,
        clock_offset_s=status.clock_offset_s,
        device_name=device.name if device else "",
        channel=camera.channel if device else 0,
        open_alarm=open_alarm,
        disclosure=disclosure,
        viewable=False,
        paused=registry.is_paused(camera),
    )


def alarm_view(
    record: AlarmRecord,
    registry: Registry,
    *,
    may_close: bool,
    viewable: bool,
    may_take: bool = False,
    delivered_all: bool = True,
) -> AlarmView:
    """Return one alarm with names instead of ids where the registry still knows them."""
    alarm = record.alarm
    camera = registry.cameras.get(alarm.camera)
    zone = registry.zones.get(alarm.zone) or registry.triggers.get(alarm.zone)
    act = registry.acts.get(record.act)
    closed_by = registry.users.get(record.closed_by)
    return AlarmView(
        id=alarm.id,
        camera=alarm.camera,
        camera_name=camera.name if camera else _subject(record, registry),
        site_name=registry.sites[camera.site].name if camera else "",
        zone=alarm.zone,
        zone_name=zone.name if zone else _zone_name(record),
        rule=alarm.rule,
        severity=alarm.severity,
        raised=iso(alarm.raised.utc_us),
        state=record.state.value,
        stored=iso(record.stored_utc_us),
        ended=iso(record.ended_utc_us),
        closed=iso(record.closed_utc_us),
        closed_by=closed_by.name if closed_by else _name_of_edge(record.closed_by, registry),
        verdict=record.verdict.value,
        exercise=alarm.exercise,
        act=record.act,
        act_title=act.title if act else record.act,
        recipients=[organisation_name(registry, one) for one in record.recipients],
        boxes=[(box.left, box.top, box.right, box.bottom) for box in alarm.boxes],
        may_close=may_close,
        viewable=viewable,
        **_answer_of(record, registry),
        may_take=may_take,
        group=record.group or alarm.id,
        repeats=record.repeats,
        silent=alarm.silent,
        also=[NamedView(id=one, name=camera_name(one, registry)) for one in alarm.also],
        delivered_all=delivered_all,
        version=version_of(record),
        why=_why_view(alarm, zone.name if zone else ""),
    )


def _why_view(alarm: Alarm, zone: str) -> CauseView | None:
    """Return why, for whoever may know the alarm: it says no more than what was seen."""
    why = alarm.why
    if why is None:
        return None
    return CauseView(
        track=why.track,
        kind=why.kind.value,
        seconds=why.seconds,
        metres=why.metres,
        confidence=why.confidence,
        detail=why.detail,
        mode=why.mode,
        text_it=sentence(why, "it", zone=zone),
        text_en=sentence(why, "en", zone=zone),
    )


def version_of(record: AlarmRecord) -> int:
    """Return how much happened to an alarm: what is known of it is never unsaid, so this grows.

    Two views of one alarm may cross on their way; the lower number is the older one.
    """
    facts = (
        record.ended_utc_us or record.state is not AlarmState.OPEN,
        record.closed_utc_us or record.state is AlarmState.CLOSED,
        record.verdict is not AlarmVerdict.NONE,
        record.taken_utc_us,
    )
    return record.repeats + record.step + len(record.recipients) + sum(map(bool, facts))


def _answer_of(record: AlarmRecord, registry: Registry) -> dict[str, Any]:
    """Return who answered an alarm, or when it goes on and to whom."""
    taken_by = registry.users.get(record.taken_by)
    open_ = record.state is not AlarmState.CLOSED and not record.taken_utc_us
    return {
        "taken": iso(record.taken_utc_us),
        "taken_by": taken_by.name if taken_by else _name_of_edge(record.taken_by, registry),
        "escalates": iso(record.escalates_utc_us),
        "escalates_to": [organisation_name(registry, one) for one in record.escalates_to],
        "unanswered": open_ and bool(record.step) and not record.escalates_utc_us,
    }


def camera_name(id_: str, registry: Registry) -> str:
    """Return the name of a camera; its id where the registry does not know it."""
    camera = registry.cameras.get(id_)
    return camera.name if camera else id_


def named_for(person: str, registry: Registry, organisation: str) -> str:
    """Return who somebody is for a reader: colleagues by name, others by their organisation.

    Empty for an id that is no user's.
    """
    user = registry.users.get(person)
    if user is None:
        return ""
    if user.organisation == organisation:
        return user.name
    return organisation_name(registry, user.organisation)


def _name_of_edge(id_: str, registry: Registry) -> str:
    edge = registry.edges.get(id_)
    return edge.name if edge else id_


def _subject(record: AlarmRecord, registry: Registry) -> str:
    """Return what an alarm is about that no camera of the registry raised: an edge, by its name."""
    edge, camera = at_edge(record.alarm.camera)
    if not camera:  # of a line
        return _name_of_edge(record.alarm.zone, registry)
    return f"{_name_of_edge(edge, registry)} · {camera}" if edge else camera


def _zone_name(record: AlarmRecord) -> str:
    """Return a zone that the registry does not know: as the edge names it, none for a line."""
    return at_edge(record.alarm.zone)[1] if record.alarm.camera else ""


def delivery_view(delivery: Delivery, registry: Registry, language: Language) -> DeliveryView:
    """Return one delivery with its recipient's name; what is wrong without anybody's address."""
    problem = unplaced(delivery.problem)
    return DeliveryView(
        recipient=delivery.recipient,
        recipient_name=organisation_name(registry, delivery.recipient),
        state=delivery.state.value,
        attempts=delivery.attempts,
        delivered=iso(delivery.delivered_utc_us),
        problem=italian(problem) if language is Language.IT else problem,
    )


def object_name(event: LedgerEvent, registry: Registry) -> str:
    """Return the name of what an entry is about, if the registry knows it."""
    camera = registry.cameras.get(event.camera or event.object_id)
    return camera.name if camera else event.object_id


def discreet(event: LedgerEvent, registry: Registry, own: str) -> LedgerEvent:
    """Return an entry as the readers of one organisation get it; empty: of none, so as it is.

    Their own people's wish to see a camera that they may not know reads as if there were none:
    the true reason is its controller's to read (A-26).
    """
    foreign = own and event.result == "denied" and event.controller not in {"", own}
    if not foreign or knows_camera(registry, event.object_id, own):
        return event
    unknown = Refusal.UNKNOWN_CAMERA.value
    return replace(event, controller="", error=unknown, legal_basis_id="", recipient_org="")


def ledger_entry_view(entry: LedgerEntry, registry: Registry, own: str = "") -> LedgerEntryView:
    """Return one entry; names are added. `own`: see `discreet`."""
    event = discreet(entry.event, registry, own)
    hidden = event is not entry.event
    return LedgerEntryView(
        seq=entry.seq,
        time=iso(entry.utc_us),
        event=event.event,
        operation=event.operation.value,
        regime=event.regime.value,
        result=event.result,
        error=event.error,
        actor=event.actor_id,
        actor_type=event.actor_type,
        organisation=organisation_name(registry, event.org),
        role=event.role,
        method=event.auth_method,
        source_ip=event.src_ip,
        object_type=event.object_type,
        object_id=event.object_id,
        object_name=event.object_id if hidden else object_name(event, registry),
        controller=organisation_name(registry, event.controller),
        purpose=event.purpose_code,
        legal_basis=event.legal_basis_id,
        case=event.case_ref,
        reason=event.reason_text,
        recipient=event.recipient_id,
        channel=event.channel,
        bytes=event.bytes,
        duration_ms=event.duration_ms,
        frames=event.frames,
        policy_version=event.policy_version,
        closes=event.closes,
        erased=list(entry.erased),
        acr=event.acr,
        workstation=event.workstation,
        second=event.delegated_by,
        flags=[one for one in event.flags.split(",") if one],
        recipient_organisation=organisation_name(registry, event.recipient_org),
        mask_version=event.mask_version,
    )


async def checkpoint_view(services: Services) -> CheckpointView:
    """Return the head of the ledger now, and who vouches for it."""
    head, vouched = services.ledger.head(), await services.ledger.vouched()
    return CheckpointView(
        size=head.size,
        root=head.root.hex(),
        note=head.checkpoint_note,
        witnesses=[_vouching_view(one) for one in vouched.witnesses],
        anchor=_vouching_view(vouched.anchor) if vouched.anchor else None,
        altered=vouched.altered,
    )


def _vouching_view(one: Vouching) -> VouchingView:
    return VouchingView(name=one.name, size=one.size, time=iso(one.utc_us))
