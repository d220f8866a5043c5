# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A small town behind the console: in memory, but with real rules, so that tests mean something.

Nothing here pretends to be the gate or the ledger of the product; it keeps their contracts (an
entry before a Grant, refusals written too, event-gated disclosure) with a few lines each.
"""

import asyncio
import hashlib
import io
import re
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date

from gateway.console.services import (
    Box,
    Endings,
    ExportFormat,
    ExportWish,
    Health,
    LedgerPlace,
    LookFigures,
    Notices,
    Services,
    Vouched,
)
from gateway.ingest.events import SubscriptionHealth, SubscriptionState
from gateway.ingest.nvr import Channel
from gateway.ingest.onvif_model import DeviceInformation, NtpState, TimeKind
from gateway.model.access import (
    AccessRequest,
    Action,
    Actor,
    Grant,
    Purpose,
    Refusal,
    Regime,
    Verdict,
)
from gateway.model.alarm import (
    Alarm,
    AlarmRecord,
    AlarmState,
    AlarmVerdict,
    Delivery,
    DeliveryState,
)
from gateway.model.alarm import (
    Box as Rectangle,
)
from gateway.model.alarm_times import AlarmTimes, Percentiles, TimesQuery
from gateway.model.audit import LedgerEvent, LedgerQuery, Operation
from gateway.model.errors import ConfigError, WireError
from gateway.model.feedback import Feedback, FeedbackQuery
from gateway.model.identifiers import uuid7
from gateway.model.media import Codec, StreamState, StreamStatus, StreamWish
from gateway.model.registry import (
    Act,
    ActScope,
    Analytic,
    AreaKind,
    Camera,
    Controller,
    Device,
    DeviceKind,
    Disclosure,
    Recipient,
    RecipientKind,
    Registry,
    Role,
    Site,
    SiteKind,
    SiteState,
    User,
    Zone,
)
from gateway.model.time import Moment
from gateway.registry import nearest
from gateway.runtime.clock import SystemClock
from gateway.wire import sdp_fragment

PASSWORD = "parola-di-prova"
ROOM, INSTITUTE = "sala-pl", "istituto"
SQUARE, GATE, PHARMACY = "piazza-1", "varco-nord", "farmacia-1"


def registry() -> Registry:
    """Return the town of the demo, with a few cameras in trouble."""
    controllers = [
        Controller("comune", "Comune di Borgo Apuano", "privacy@comune.example"),
        Controller("farmacia", "Farmacia Santini", "titolare@farmacia.example"),
    ]
    sites = [
        Site(
            "varco-nord", "Varco Nord", "comune", SiteKind.GATE, SiteState.ACTIVE, "Via Aurelia 1"
        ),
        Site("piazza", "Piazza del Mercato", "comune", SiteKind.SQUARE, SiteState.ACTIVE),
        Site(
            "scuola", "Scuola Pascoli", "comune", SiteKind.SCHOOL, SiteState.SUSPENDED, "Via Roma 8"
        ),
        Site(
            "farmacia",
            "Farmacia Santini",
            "farmacia",
            SiteKind.PHARMACY,
            SiteState.ACTIVE,
            "Corso Italia 12",
        ),
    ]
    public, private = AreaKind.PUBLIC, AreaKind.OPEN_TO_PUBLIC
    cameras = [
        _camera(GATE, "Ingresso in città", "varco-nord", public, 20.0, (44.0402, 10.1391)),
        _camera(SQUARE, "Piazza, lato fontana", "piazza", public, 135.0, (44.03035, 10.12975)),
        _camera("piazza-2", "Piazza, lato portici", "piazza", public, 300.0, (44.0302, 10.1305)),
        _camera("scuola-1", "Cortile della scuola", "scuola", public, 90.0, (44.0281, 10.1322)),
        _camera(PHARMACY, "Banco e ingresso", "farmacia", private, 225.0, (44.0303, 10.1300)),
    ]
    recorder = Device(
        "scale", "Registratore comunale", "piazza", "http://192.0.2.9/onvif", most_sessions=2
    )
    counter = Device(
        "banco", "Telecamera del banco", "farmacia", "http://192.0.2.8/", DeviceKind.CAMERA
    )
    cameras[1] = replace(cameras[1], device=recorder.id, channel=1)
    cameras[2] = replace(cameras[2], device=recorder.id, channel=3)
    cameras[4] = replace(cameras[4], device=counter.id)
    return Registry(
        version=7,
        controllers={one.id: one for one in controllers},
        sites={one.id: one for one in sites},
        cameras={one.id: one for one in cameras},
        zones={"banco": Zone("banco", "Dietro il banco", PHARMACY, ((0, 0), (1, 0), (1, 1)))},
        masks={},
        recipients={
            ROOM: Recipient(ROOM, "Sala operativa Polizia Locale", RecipientKind.ROOM),
            INSTITUTE: Recipient(INSTITUTE, "Istituto Apuania Vigilanza", RecipientKind.INSTITUTE),
        },
        acts={"patto-2026": _patto()},
        users={one.id: one for one in _users()},
        devices={recorder.id: recorder, counter.id: counter},
    )


def _camera(
    camera: str,
    name: str,
    site: str,
    area: AreaKind,
    azimuth: float,
    place: tuple[float, float],
) -> Camera:
    url = "rtsp://192.0.2.1/1"
    return Camera(camera, name, site, url, area, "", *place, azimuth, 75.0)


def _patto() -> Act:
    public = ActScope((GATE, SQUARE, "piazza-2", "scuola-1"), (ROOM,))
    shop = ActScope(
        (PHARMACY,), (ROOM, INSTITUTE), (Analytic.INTRUSION,), Disclosure.ON_ALARM, 10.0
    )
    return Act(
        "patto-2026",
        "Patto per la sicurezza urbana",
        "12/2026",
        ("comune", "farmacia"),
        date(2026, 1, 1),
        date(2030, 12, 31),
        (public, shop),
        "DPIA 4/2026",
    )


def _users() -> list[User]:
    return [
        User("anna", "Anna Ricci", Role.PL_OPERATOR, ROOM),
        User("marco", "Marco Santini", Role.OWNER, "farmacia"),
        User("dora", "Dora Bianchi", Role.DPO, "comune"),
        User("aldo", "Aldo Neri", Role.AUDITOR, "comune"),
        User("ivo", "Ivo Galli", Role.INSTITUTE_OPERATOR, INSTITUTE),
        User("sara", "Sara Conti", Role.SYSADMIN, "comune"),
        User("ugo", "Ugo Serra", Role.INSTALLER, "comune"),
        User("rete", "Nodo remoto", Role.MACHINE, ROOM),
    ]


@dataclass(frozen=True)
class MadeSignIn:
    token: str
    actor: Actor
    restricted: bool = False


class Accounts:
    def __init__(self, town: "Town") -> None:
        self._town = town
        self.sessions: dict[str, Actor] = {}
        self.awake: list[str] = []

    async def sign_in(
        self, user: str, password: str, source_ip: str, code: str = "", workstation: str = ""
    ) -> MadeSignIn | None:
        known = self._town.registry.users.get(user)
        if known is None or password != PASSWORD:
            return None
        number = len(self.sessions) + 1
        actor = Actor(
            known.id,
            known.name,
            known.role,
            known.organisation,
            f"s{number}",
            "password",
            source_ip,
        )
        token = hashlib.sha256(f"{user}{number}".encode()).hexdigest()
        self.sessions[token] = actor
        return MadeSignIn(token, actor)

    def resolve(self, token: str) -> Actor | None:
        return self.sessions.get(token)

    resolve_enrolling = resolve

    def seen(self, token: str) -> None:
        self.awake.append(token)

    def by_certificate(self, sha256: str, subject: str, source_ip: str) -> Actor | None:
        return None

    def enrol(self, token: str, box: str) -> None:
        return None

    async def confirm(self, token: str, code: str) -> MadeSignIn | None:
        return None

    async def sign_out(self, token: str) -> None:
        self.sessions.pop(token, None)


@dataclass(frozen=True)
class Entry:
    seq: int
    utc_us: int
    event: LedgerEvent
    erased: tuple[str, ...] = ()


@dataclass(frozen=True)
class Head:
    size: int
    root: bytes
    checkpoint_note: str


@dataclass(frozen=True)
class Finding:
    seq: int
    problem: str


@dataclass(frozen=True)
class Report:
    ok: bool
    size: int
    root: bytes
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Page:
    entries: list[Entry]
    older: int | None
    newer: int | None


@dataclass(frozen=True)
class Export:
    file: io.BytesIO
    name: str = "varco-registro.zip"
    content_type: str = "application/zip"
    bytes: int = 8
    entries: int = 3
    sha256: str = "00" * 32


def _matches(event: LedgerEvent, query: LedgerQuery) -> bool:
    own = query.organisation in ("", event.org, event.controller)
    return own and all(
        wanted in ("", found)
        for wanted, found in (
            (query.person, event.actor_id),
            (query.camera, event.object_id),
            (query.case, event.case_ref),
            (query.event, event.event),
        )
    )


class Ledger:
    """A list and a hash of each entry; tampering changes one and not the other."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self.entries_now: list[Entry] = []
        self.vouching = Vouched()
        self.wishes: list[tuple[ExportWish, Grant]] = []
        self._hashes: list[bytes] = []

    def append(self, event: LedgerEvent) -> int:
        entry = Entry(len(self.entries_now), self._clock.now().utc_us, event)
        self.entries_now.append(entry)
        self._hashes.append(_hash(entry))
        return entry.seq

    def tamper(self, seq: int) -> None:
        entry = self.entries_now[seq]
        self.entries_now[seq] = replace(entry, event=replace(entry.event, actor_id="nessuno"))

    async def entries(self, after: int, limit: int) -> list[Entry]:
        return self.entries_now[after + 1 : after + 1 + limit]

    def head(self) -> Head:
        root = hashlib.sha256(b"".join(self._hashes)).digest()
        note = f"varco.example/demo\n{len(self._hashes)}\n{root.hex()}\n\n— varco.example/demo …\n"
        return Head(len(self._hashes), root, note)

    async def search(self, query: LedgerQuery, place: LedgerPlace) -> Page:
        found = [one for one in self.entries_now if _matches(one.event, query)]
        if place.after is not None:
            found = [one for one in found if one.seq > place.after][: place.limit]
        else:
            below = len(self.entries_now) if place.before is None else place.before
            found = [one for one in found if one.seq < below][-place.limit :]
        return Page(found, found[0].seq if found and found[0].seq else None, None)

    async def vouched(self) -> Vouched:
        return self.vouching

    async def export(self, wish: ExportWish, grant: Grant) -> Export:
        self.wishes.append((wish, grant))
        return Export(io.BytesIO(b"registro"))

    async def verify(self) -> Report:
        bad = [
            Finding(entry.seq, "la voce non corrisponde alla sua impronta")
            for entry, kept in zip(self.entries_now, self._hashes, strict=True)
            if _hash(entry) != kept
        ]
        return Report(not bad, len(self.entries_now), self.head().root, tuple(bad))


def _hash(entry: Entry) -> bytes:
    return hashlib.sha256(repr(entry).encode()).digest()


_WORDS = {
    Refusal.UNKNOWN_CAMERA: ("La telecamera non esiste.", "The camera does not exist."),
    Refusal.ROLE: ("Il suo ruolo non consente di guardare.", "Your role may not look."),
    Refusal.PURPOSE_MISSING: ("Manca lo scopo.", "The purpose is missing."),
    Refusal.CASE_MISSING: ("Manca il riferimento del caso.", "The case is missing."),
    Refusal.SITE_NOT_ACTIVE: (
        "Il sito della telecamera è sospeso: nessuna immagine può essere condivisa.",
        "The site of this camera is suspended: no picture may be shared.",
    ),
    Refusal.NO_ACT: ("Nessun atto lo consente.", "No act allows it."),
    Refusal.ONLY_ON_ALARM: (
        "Il Patto n. 12/2026 apre questa telecamera solo durante un suo allarme; "
        "in questo momento non ce n’è uno in corso.",
        "Patto no. 12/2026 opens this camera only during one of its alarms; "
        "there is none at the moment.",
    ),
    Refusal.ALARM_CLOSED: (
        "L’allarme è chiuso e con esso le sue immagini.",
        "The alarm is closed, and its pictures with it.",
    ),
}


class Gate:
    """Entry first, then the Grant; the rules of the demo town."""

    def __init__(self, town: "Town") -> None:
        self._town = town
        self.closed: list[tuple[str, str, int]] = []
        """Grant id, reason and bytes of each ended access."""

    async def open(self, request: AccessRequest) -> Grant | Verdict:
        refusal = self.refusal(request)
        seq = self._town.ledger.append(_event(request, refusal))
        if refusal is not None:
            it, en = _WORDS[refusal]
            return Verdict(False, refusal, it, en)
        now = self._town.clock.now()
        act = "patto-2026" if request.action is not Action.LOG_READ else ""
        return Grant(f"g{seq}", request, act, Regime.GDPR, now, now.shifted(60), seq)

    def refusal(self, request: AccessRequest) -> Refusal | None:
        actor = request.actor
        if request.action in {Action.LOG_READ, Action.LOG_EXPORT}:
            if actor.role not in {Role.DPO, Role.AUDITOR}:
                return Refusal.ROLE
            return Refusal.PURPOSE_MISSING if request.purpose is None else None
        camera = self._town.registry.cameras.get(request.camera)
        if camera is None:
            return Refusal.UNKNOWN_CAMERA
        if actor.role not in {Role.PL_OPERATOR, Role.OWNER}:
            return Refusal.ROLE
        if request.purpose is None:
            return Refusal.PURPOSE_MISSING
        if not request.case and request.purpose is not Purpose.OWNER:
            return Refusal.CASE_MISSING
        site = self._town.registry.sites[camera.site]
        if site.state is not SiteState.ACTIVE:
            return Refusal.SITE_NOT_ACTIVE
        if actor.role is Role.OWNER:
            return None if site.controller == actor.organisation else Refusal.NO_ACT
        return self._event_gated(request) if camera.id == PHARMACY else None

    def _event_gated(self, request: AccessRequest) -> Refusal | None:
        record = self._town.alarms.get(request.case)
        if request.purpose is not Purpose.ALARM or record is None:
            return Refusal.ONLY_ON_ALARM
        return Refusal.ALARM_CLOSED if record.state is AlarmState.CLOSED else None

    async def close(
        self,
        grant: Grant,
        *,
        reason: str,
        duration_ms: int,
        bytes: int,  # noqa: A002
        frames: int,
    ) -> None:
        self.closed.append((grant.id, reason, bytes))
        opened = self._town.ledger.entries_now[grant.ledger_seq].event
        self._town.ledger.append(
            replace(
                opened,
                event=opened.event.removesuffix(".open") + ".close",
                duration_ms=duration_ms,
                bytes=bytes,
                frames=frames,
                opens=False,
                closes=grant.ledger_seq,
            )
        )


def _event(request: AccessRequest, refusal: Refusal | None) -> LedgerEvent:
    actor = request.actor
    return LedgerEvent(
        event=f"{request.action.value}.{'deny' if refusal else 'open'}",
        operation=Operation.CONSULTATION,
        regime=Regime.GDPR,
        result="denied" if refusal else "ok",
        error=refusal.value if refusal else "",
        actor_id=actor.name,
        actor_type="human",
        org=actor.organisation,
        role=actor.role.value,
        auth_method=actor.method,
        session_id=actor.session,
        src_ip=actor.source_ip,
        object_type="camera" if request.camera else "ledger",
        object_id=request.camera,
        purpose_code=request.purpose.value if request.purpose else "",
        legal_basis_id="" if refusal or not request.camera else "patto-2026",
        case_ref=request.case,
        reason_text=request.reason,
        opens=refusal is None,
    )


@dataclass(frozen=True)
class MadeShift:
    order: str
    until: Moment


class Shifts:
    """One order for each sign-in, eight hours as the console asks."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self.open_now: dict[str, MadeShift] = {}

    def of(self, actor: Actor) -> MadeShift | None:
        return self.open_now.get(actor.session)

    async def open(self, actor: Actor, order: str, hours: float) -> MadeShift | None:
        until = self._clock.now().shifted(hours * 3600)
        kept = self.open_now.setdefault(actor.session, MadeShift(order, until))
        return kept if kept.order == order else None

    async def close(self, actor: Actor) -> None:
        self.open_now.pop(actor.session, None)


class Subscription:
    def __init__(self) -> None:
        self.waiting: list[AlarmRecord | None] = []
        self._ready = asyncio.Event()

    def offer(self, record: AlarmRecord | None) -> None:
        self.waiting.append(record)
        self._ready.set()

    async def receive(self) -> AlarmRecord | None:
        await self._ready.wait()
        record = self.waiting.pop(0)
        if not self.waiting:
            self._ready.clear()
        return record


class Alarms:
    def __init__(self, town: "Town") -> None:
        self._town = town
        self.records: dict[str, AlarmRecord] = {}
        self.subscriptions: set[Subscription] = set()
        self.said = Feedback()

    def raise_one(
        self,
        camera: str = PHARMACY,
        *,
        severity: int = 4,
        ago_s: float = 0.0,
        recipients: tuple[str, ...] = (ROOM, INSTITUTE),
        exercise: bool = True,
    ) -> AlarmRecord:
        raised = self._town.clock.now().shifted(-ago_s)
        number = hashlib.sha256(f"{len(self.records)}".encode()).digest()
        alarm = Alarm(
            uuid7(raised.utc_us, number),
            camera,
            "banco",
            "intrusione",
            severity,
            raised,
            (Rectangle(0.2, 0.3, 0.4, 0.9),),
            exercise,
        )
        record = AlarmRecord(
            alarm, AlarmState.OPEN, raised.utc_us + 4000, act="patto-2026", recipients=recipients
        )
        self._put(record)
        return record

    def change(self, record: AlarmRecord, **facts: object) -> AlarmRecord:
        """Let something happen to an alarm: fields of its record, or of the alarm itself."""
        known = self.records[record.alarm.id]
        own = {name: facts.pop(name) for name in [*facts] if hasattr(known.alarm, name)}
        changed = replace(known, alarm=replace(known.alarm, **own), **facts)
        self._put(changed)
        return changed

    def _put(self, record: AlarmRecord) -> None:
        self.records[record.alarm.id] = record
        for subscription in self.subscriptions:
            subscription.offer(record)

    def get(self, alarm_id: str) -> AlarmRecord | None:
        return self.records.get(alarm_id)

    async def find(self, alarm_id: str) -> AlarmRecord | None:
        return self.records.get(alarm_id)

    async def shown(
        self, organisation: str, cameras: Collection[str], closed: int
    ) -> Sequence[AlarmRecord]:
        mine = [
            one
            for one in await self.recent(len(self.records))
            if organisation in one.recipients or one.alarm.camera in cameras
        ]
        old = [one.alarm.id for one in mine if one.state is AlarmState.CLOSED][closed:]
        return [one for one in mine if one.alarm.id not in old]

    async def recent(self, limit: int) -> Sequence[AlarmRecord]:
        newest = sorted(self.records.values(), key=lambda one: -one.alarm.raised.utc_us)
        return newest[:limit]

    async def take(self, alarm_id: str, by: str) -> AlarmRecord | None:
        record = self.records[alarm_id]
        if not record.taken_utc_us:
            now = self._town.clock.now().utc_us
            self._put(replace(record, taken_utc_us=now, taken_by=by, escalates_utc_us=0))
        return self.records[alarm_id]

    def is_delivered(self, alarm_id: str) -> bool:
        return True

    async def times(self, query: TimesQuery) -> AlarmTimes:
        self.asked = query
        return AlarmTimes(0, Percentiles())

    async def verdicts(self, query: FeedbackQuery) -> Feedback:
        self.asked_verdicts = query
        return self.said

    async def deliveries(self, alarm_id: str) -> Sequence[Delivery]:
        record = self.records[alarm_id]
        state = DeliveryState.DELIVERED
        return [
            Delivery(alarm_id, one, state, 1, 1, record.stored_utc_us) for one in record.recipients
        ]

    async def end(self, alarm_id: str) -> None:
        record = self.records[alarm_id]
        now = self._town.clock.now().utc_us
        self._put(replace(record, state=AlarmState.ENDED, ended_utc_us=now))

    async def close(self, alarm_id: str, by: str, verdict: AlarmVerdict) -> None:
        record = self.records[alarm_id]
        now = self._town.clock.now().utc_us
        closed = replace(
            record, state=AlarmState.CLOSED, closed_utc_us=now, closed_by=by, verdict=verdict
        )
        self._put(closed)
        await self._town.cut()

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[Subscription]:
        subscription = Subscription()
        self.subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self.subscriptions.discard(subscription)


class Stills:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def get(self, alarm_id: str, grant: Grant) -> bytes | None:
        return self.kept.get(alarm_id)


class Clips:
    def __init__(self) -> None:
        self.mp4 = b""

    async def clip(self, grant: Grant, alarm: AlarmRecord) -> bytes:
        return self.mp4


@dataclass(frozen=True)
class Answer:
    session: str
    sdp: str
    etag: str


@dataclass(frozen=True)
class Running:
    session: str
    grant: Grant
    etag: str
    wall: str = ""
    mid: str = "0"
    stream: str = "main"
    wish: StreamWish = StreamWish.AUTO
    flags: tuple[str, ...] = ()
    figures: LookFigures | None = None


@dataclass(frozen=True)
class OpenWall:
    session: str
    owner: str
    mids: tuple[str, ...]
    etag: str = "w1"
    sdp: str = ""
    sign_in: str = ""


class Media:
    """Answers any offer that has H.264; shows nothing (see `live.AiortcMedia` for pictures)."""

    def __init__(self) -> None:
        self.running: dict[str, Running] = {}
        self.ended: list[tuple[str, str]] = []
        self.endings = Endings()
        self.problem: Exception | None = None
        self.asked_for = StreamWish.AUTO
        self.open_walls: dict[str, OpenWall] = {}

    async def open_wall(self, owner: Actor, offer_sdp: str) -> OpenWall:
        if self.problem is not None:
            raise self.problem
        if "H264" not in offer_sdp:
            raise WireError("offer without H264")
        session = f"wall{len(self.open_walls)}"
        mids = tuple(re.findall(r"^a=mid:(\S+)", offer_sdp, re.MULTILINE))
        sdp = await self.answer(session, offer_sdp)
        self.open_walls[session] = wall = OpenWall(
            session, owner.id, mids or ("0",), sdp=sdp, sign_in=owner.session
        )
        return wall

    async def show(self, grant: Grant, wall: str, mid: str, stream: StreamWish) -> Running:
        if self.problem is not None:
            raise self.problem
        for one in self.sessions():
            if (one.wall, one.mid) == (wall, mid):
                await self.close(one.session, "replaced")
        session = f"{wall}.{len(self.ended) + len(self.running) + 1}"
        kind = "main" if stream is StreamWish.MAIN else "sub"
        self.running[session] = Running(session, grant, "", wall, mid, kind, stream)
        return self.running[session]

    def wish(self, session: str, stream: StreamWish) -> None:
        kind = "main" if stream is StreamWish.MAIN else "sub"
        self.running[session] = replace(self.running[session], stream=kind, wish=stream)

    def walls(self) -> Sequence[OpenWall]:
        return tuple(self.open_walls.values())

    async def leave_walls(self, sign_in: str, reason: str) -> None:
        for one in self.walls():
            if one.sign_in == sign_in:
                del self.open_walls[one.session]

    async def open(
        self, grant: Grant, offer_sdp: str, stream: StreamWish = StreamWish.AUTO
    ) -> Answer:
        self.asked_for = stream
        if self.problem is not None:
            raise self.problem
        if "H264" not in offer_sdp:
            raise WireError("offer without H264")
        session = hashlib.sha256(grant.id.encode()).hexdigest()[:20]
        self.running[session] = Running(session, grant, "e1")
        return Answer(session, await self.answer(session, offer_sdp), "e1")

    async def answer(self, session: str, offer_sdp: str) -> str:
        return (
            "v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
        )

    def patch(self, session: str, fragment: str) -> Answer | None:
        """Like the media process: other credentials begin another ICE session."""
        read = sdp_fragment.read(fragment)
        if read.ufrag in {"", "player"}:
            return None
        if session in self.open_walls:
            tag = _next(self.open_walls[session].etag)
            self.open_walls[session] = replace(self.open_walls[session], etag=tag)
        else:
            tag = _next(self.running[session].etag)
            self.running[session] = replace(self.running[session], etag=tag)
        return Answer(session, sdp_fragment.answer(tag, "password-of-ours", "0", ()), tag)

    async def close(self, session: str, reason: str) -> None:
        if self.open_walls.pop(session, None) is not None:
            for one in [one.session for one in self.sessions() if one.wall == session]:
                await self.close(one, reason)
        gone = self.running.pop(session, None)
        if gone is not None:
            person = gone.grant.request.actor.id
            self.endings.note(session, person, reason)
            if gone.wall:
                self.endings.note(f"{gone.wall}/{gone.mid}", person, reason)
                self.endings.note(gone.wall, person, reason)
            self.ended.append((session, reason))

    def sessions(self) -> Sequence[Running]:
        return tuple(self.running.values())


def _next(tag: str) -> str:
    return f"{tag[0]}{int(tag[1:]) + 1}"


@dataclass(frozen=True)
class Change:
    version: int
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    held: str = ""


class Control:
    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    async def apply(
        self, document: bytes, content_type: str, *, replace: bool, by: Actor
    ) -> Change:
        if b"sbagliato" in document:
            raise ConfigError("seed", "cameras.x.url", "is not a URL", "write rtsp://host/path")
        self.calls.append(("apply", f"{content_type} {len(document)} {replace} {by.method}"))
        return Change(8, added=("nuova",))

    def export(self, form: ExportFormat) -> bytes:
        return f"# {form.value}\n".encode()

    async def reload(self, *, by: Actor) -> Sequence[str]:
        self.calls.append(("reload", by.id))
        return ["box.name"]

    async def set_password(self, user_id: str, password: str, *, by: Actor) -> None:
        if user_id != "anna":
            raise ConfigError("registry", f"users.{user_id}", "does not exist")
        self.calls.append(("password", user_id))

    async def reset_totp(self, user_id: str, *, by: Actor) -> None:
        if user_id != "anna":
            raise ConfigError("registry", f"users.{user_id}", "does not exist")
        self.calls.append(("totp-reset", user_id))


@dataclass(frozen=True)
class Outcome:
    text_it: str = ""
    text_en: str = ""
    details: str = ""
    entry: int = -1
    finds: int = -1


@dataclass(frozen=True)
class SceneState:
    enabled: bool = True
    running: bool = False
    done: int = 0
    whole: int = 0
    text_it: str = ""
    text_en: str = ""


@dataclass(frozen=True)
class Scene:
    id: str = "farmacia"
    title_it: str = "Intruso in farmacia"
    title_en: str = "Intruder in the pharmacy"
    text_it: str = "Una figura entra dopo la chiusura: la sala riceve l’allarme e apre le immagini."
    text_en: str = "A figure enters after closing: the room gets the alarm and opens the pictures."


@dataclass(frozen=True)
class Account:
    id: str
    text_it: str
    text_en: str


class Exercise:
    """One scene that raises the pharmacy's alarm, two accounts."""

    def __init__(self, town: "Town") -> None:
        self._town = town
        self.scenes = (Scene(),)
        self.states: dict[str, SceneState] = {}
        self.accounts = (
            Account("anna", "Vede gli allarmi e guarda.", "Sees the alarms and looks."),
            Account("aldo", "Legge il registro, nessun video.", "Reads the ledger, no video."),
        )

    def state(self, scene: str) -> SceneState:
        return self.states.get(scene, SceneState())

    async def run(self, scene: str) -> Outcome | None:
        if scene != "farmacia":
            return None
        self._town.alarms.raise_one()
        return Outcome()

    async def sign_in(self, account: str, source_ip: str) -> MadeSignIn | None:
        if account not in {one.id for one in self.accounts}:
            return None
        return await self._town.accounts.sign_in(account, PASSWORD, source_ip)


@dataclass
class Operations:
    state: Health = field(default_factory=lambda: Health(True))

    def health(self) -> Health:
        return self.state

    def metrics(self) -> str:
        return "# TYPE varco_viewers gauge\nvarco_viewers 0\n"


@dataclass(frozen=True)
class DeviceState:
    """What asking a device told, as the gateway keeps it."""

    device: str
    name: str
    online: bool = False
    problem: str = ""
    since: Moment | None = None
    information: DeviceInformation | None = None
    time: NtpState | None = None
    channels: tuple[Channel, ...] = ()
    events: SubscriptionHealth | None = None
    masks: tuple[tuple[str, str, bool], ...] = ()
    sessions: int = 0
    remarks: tuple[tuple[str, str], ...] = ()

    @property
    def clock_offset_s(self) -> float | None:
        return self.time.utc_offset_s if self.time else None


def devices(now: Moment) -> dict[str, DeviceState]:
    """Return a recorder with many faults, and a camera that was not asked yet."""
    view = Channel(1, "CAM 1", "", "", Codec.H264, (1920, 1080))
    gone = replace(view, number=3, name="CAM 3", problem="il canale non c'è più")
    recorder = DeviceState(
        "scale",
        "Registratore comunale",
        online=True,
        since=now.shifted(-3 * 86_400),
        information=DeviceInformation("Marca", "NVR-16"),
        time=NtpState(False, (), -12.4, TimeKind.MANUAL),
        channels=(view, replace(view, number=2, name="CAM 2"), gone),
        events=SubscriptionHealth(
            SubscriptionState.LIVE,
            now.shifted(-5400),
            last_message=now.shifted(-14),
            recreations=2,
        ),
        masks=(("fontana", SQUARE, True), ("portici", "piazza-2", False)),
        sessions=2,
        remarks=(("l'ora è regolata a mano: impostare NTP", "its time is set by hand: set NTP"),),
    )
    return {one.device: one for one in (recorder, DeviceState("banco", "Telecamera del banco"))}


class Town:
    """Everything, and `services()` to hand it to the console."""

    def __init__(self, *, box: Box | None = None, media: Media | None = None) -> None:
        self.box = box or Box(
            "Borgo Apuano",
            "Polizia Locale",
            "0.1.0",
            exercise=True,
            origins=("https://ok.example",),
        )
        self.clock = SystemClock()
        self.registry = registry()
        self.accounts = Accounts(self)
        self.ledger = Ledger(self.clock)
        self.gate = Gate(self)
        self.alarms = Alarms(self)
        self.stills = Stills()
        self.clips = Clips()
        self.media = media or Media()
        self.operations = Operations()
        self.control = Control()
        self.exercise: Exercise | None = None
        self.notices = Notices()
        self.shifts = Shifts(self.clock)
        self.incidents = None
        """A real desk, where a test brings one."""
        self.reports = None
        """As `incidents`."""
        self.lines = None
        """As `incidents`."""
        self.plates = None
        """As `incidents`."""
        self.hotlists = self.rights = None
        """As `incidents`."""
        self.seconds = None
        """As `incidents`."""
        self.oidc = None
        """As `incidents`."""
        since = self.clock.now().shifted(-754)
        live = StreamStatus(
            StreamState.LIVE,
            since=since,
            codec=Codec.H264,
            width_px=1920,
            height_px=1080,
            clock_offset_s=0.04,
            fps=24.98,
        )
        late = replace(live, clock_offset_s=-61.3, codec=Codec.H265, stalls=1, fps=12.5)
        self.streams = {GATE: late, SQUARE: live, PHARMACY: live}
        stopped = replace(live, state=StreamState.STALLED, stalls=4, fps=0.0)
        self.streams["piazza-2"] = replace(stopped, since=since.shifted(700))
        problem = "192.0.2.1:554: nessuna risposta in 5 s"
        self.devices = devices(self.clock.now())
        self.streams["scuola-1"] = StreamStatus(StreamState.UNREACHABLE, problem, since)

    async def cut(self) -> None:
        """End the sessions whose Grant is no longer good, as the gateway does each second."""
        for info in self.media.sessions():
            refusal = self.gate.refusal(info.grant.request)
            if refusal is not None:
                await self.media.close(info.session, refusal.value)

    def services(self) -> Services:
        return Services(
            box=self.box,
            clock=self.clock,
            registry=lambda: self.registry,
            status=self.streams.get,
            accounts=self.accounts,
            gate=self.gate,
            alarms=self.alarms,
            stills=self.stills,
            clips=self.clips,
            media=self.media,
            endings=self.media.endings,
            ledger=self.ledger,
            operations=self.operations,
            control=self.control,
            surroundings=nearest,
            devices=lambda: tuple(self.devices.values()),
            exercise=self.exercise,
            lines=self.lines,
            notices=self.notices,
            shifts=self.shifts,
            incidents=self.incidents,
            reports=self.reports,
            plates=self.plates,
            hotlists=self.hotlists,
            rights=self.rights,
            seconds=self.seconds,
            oidc=self.oidc,
        )
