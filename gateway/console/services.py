# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the console needs from the rest of the gateway, as Protocols that the root fills in.

The console decides nothing about access and keeps nothing on disk: it turns HTTP into questions
for these objects and their answers into HTTP.
"""

import asyncio
import json
from collections import OrderedDict, deque
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Any, BinaryIO, Final, Protocol

from gateway.model.access import AccessRequest, Actor, Grant, Purpose, Verdict
from gateway.model.alarm import AlarmRecord, AlarmVerdict, Delivery
from gateway.model.alarm_times import AlarmTimes, TimesQuery
from gateway.model.audit import ExportForm, LedgerEvent, LedgerQuery
from gateway.model.feedback import Feedback, FeedbackQuery
from gateway.model.hit import GateHour, Hit, OpenHit
from gateway.model.holdup import HoldupSource, Verification
from gateway.model.hotlist import Delivered, HotEntry, HotList, LocalWish
from gateway.model.incident import Command, Incident, IncidentEvent, Once, Open
from gateway.model.media import StreamStatus, StreamWish
from gateway.model.registry import Camera, Extension, Pause, Registry, Role
from gateway.model.report import Report, ReportDraft, ReportOutcome, Span
from gateway.model.retention import CopyClass
from gateway.model.room import LineStatus
from gateway.model.time import Moment
from gateway.runtime.clock import Clock


class SignIn(Protocol):
    """A fresh sign-in."""

    @property
    def restricted(self) -> bool:
        """It may only enrol a second device."""
        ...

    @property
    def token(self) -> str:
        """The secret that the cookie or the bearer carries."""
        ...

    @property
    def actor(self) -> Actor:
        """Who signed in."""
        ...


class Enrolment(Protocol):
    """What a person puts into their second device."""

    @property
    def secret(self) -> str:
        """Base32."""
        ...

    @property
    def uri(self) -> str:
        """`otpauth://totp/…`."""
        ...

    @property
    def qr_svg(self) -> str:
        """The same as a picture."""
        ...


class Accounts(Protocol):
    """Accounts and their sign-ins."""

    async def sign_in(
        self, user: str, password: str, source_ip: str, code: str = "", workstation: str = ""
    ) -> SignIn | None:
        """Return a sign-in, or None for anything that does not fit.

        SecondFactorNeededError if only the code is missing.
        """
        ...

    def resolve(self, token: str) -> Actor | None:
        """Return whose token it is while the sign-in is valid; it stays as idle as it is."""
        ...

    def resolve_enrolling(self, token: str) -> Actor | None:
        """Return the same, also for a sign-in that may only enrol a second device."""
        ...

    def seen(self, token: str) -> None:
        """Note that a person did something under a sign-in."""
        ...

    def by_certificate(self, sha256: str, subject: str, source_ip: str) -> Actor | None:
        """Return whose client certificate it is; the listener has verified its chain."""
        ...

    def enrol(self, token: str, box: str) -> Enrolment | None:
        """Return a fresh second device to be confirmed; None if this sign-in may not have one."""
        ...

    async def confirm(self, token: str, code: str) -> SignIn | None:
        """Take the second device over; None if the code does not fit."""
        ...

    async def sign_out(self, token: str) -> None:
        """End a sign-in; harmless if unknown."""
        ...


class Begun(Protocol):
    """A sign-in at an identity provider that the browser now goes to."""

    @property
    def location(self) -> str:
        """Where it goes."""
        ...

    @property
    def cookie(self) -> str:
        """What it brings back."""
        ...

    @property
    def lasts_s(self) -> int:
        """How long it may take."""
        ...


class Finished(Protocol):
    """How a sign-in at an identity provider ended."""

    @property
    def sign_in(self) -> SignIn | None:
        """None if there is a problem."""
        ...

    @property
    def problem(self) -> Enum | None:
        """Its value is one of `words.Fault`."""
        ...

    @property
    def next(self) -> str:
        """Path of this console to go on with."""
        ...


class Oidc(Protocol):
    """Identity providers."""

    @property
    def names(self) -> Sequence[tuple[str, str]]:
        """Name and title of each."""
        ...

    async def begin(self, name: str, next_: str) -> Begun | None:
        """Begin a sign-in; None if there is no such provider. PeerError if it is away."""
        ...

    async def finish(self, parameters: Mapping[str, str], cookie: str, source_ip: str) -> Finished:
        """Take the answer that the browser brought."""
        ...


class Ticket(Protocol):
    """What a short token is good for."""

    @property
    def actor(self) -> Actor:
        """Who asked for it."""
        ...

    @property
    def camera(self) -> str:
        """The one camera."""
        ...

    @property
    def purpose(self) -> Purpose:
        """Why."""
        ...

    @property
    def case(self) -> str:
        """Its case."""
        ...

    @property
    def reason(self) -> str:
        """In words."""
        ...


class Issued(Protocol):
    """A fresh short token."""

    @property
    def token(self) -> str:
        """The secret."""
        ...

    @property
    def expires_s(self) -> int:
        """Within which the look has to begin."""
        ...


class Tokens(Protocol):
    """Short tokens for players."""

    async def issue_for(
        self, actor: Actor, camera: str, purpose: Purpose, case: str, reason: str
    ) -> Issued:
        """Return a token whose entry is on disk."""
        ...

    def redeem(self, token: str, camera: str) -> Ticket | None:
        """Return what a token is good for, once."""
        ...

    def began(self, token: str, actor: Actor, session: str) -> None:
        """Let a redeemed token speak for the session that it began."""
        ...

    def holder(self, token: str, session: str) -> Actor | None:
        """Return whose session it is, for the token that began it."""
        ...


class Gate(Protocol):
    """The only maker of Grants."""

    async def open(self, request: AccessRequest) -> Grant | Verdict:
        """Return a Grant after its durable entry, else the refusal (also durable)."""
        ...

    async def close(
        self,
        grant: Grant,
        *,
        reason: str,
        duration_ms: int,
        bytes: int,  # noqa: A002 - the word of D.2
        frames: int,
    ) -> object:
        """Write how the access ended."""
        ...


class AlarmSubscription(Protocol):
    """A bounded queue of alarm changes for one reader."""

    async def receive(self) -> AlarmRecord | None:
        """Wait for the next change; None: some were lost, reload. Cancelling loses nothing."""
        ...


class Alarms(Protocol):
    """The alarms on disk."""

    def get(self, alarm_id: str) -> AlarmRecord | None:
        """Return one alarm from memory."""
        ...

    async def find(self, alarm_id: str) -> AlarmRecord | None:
        """Return one alarm however old it is."""
        ...

    async def shown(
        self, organisation: str, cameras: Collection[str], closed: int
    ) -> Sequence[AlarmRecord]:
        """Return what concerns a recipient or some cameras, newest first; all that is open."""
        ...

    async def recent(self, limit: int) -> Sequence[AlarmRecord]:
        """Return the newest alarms, newest first."""
        ...

    async def deliveries(self, alarm_id: str) -> Sequence[Delivery]:
        """Return what became of an alarm at each recipient."""
        ...

    async def close(self, alarm_id: str, by: str, verdict: AlarmVerdict) -> object:
        """Close an alarm with the operator's verdict."""
        ...

    async def take(self, alarm_id: str, by: str) -> AlarmRecord | None:
        """Note who answers an alarm; return it with whoever was first. None: there is none."""
        ...

    def is_delivered(self, alarm_id: str) -> bool:
        """Return whether every recipient has it."""
        ...

    async def times(self, query: TimesQuery) -> AlarmTimes:
        """Return how long alarms of a period took."""
        ...

    async def verdicts(self, query: FeedbackQuery) -> Feedback:
        """Return what was said of each rule's alarms of a period."""
        ...

    def changes(self) -> AbstractAsyncContextManager[AlarmSubscription]:
        """Subscribe to every change from now on."""
        ...


class Stills(Protocol):
    """Masked pictures of alarms."""

    def get(self, alarm_id: str, grant: Grant) -> bytes | None:
        """Return the JPEG, or None if there is none (any more)."""
        ...


class Clips(Protocol):
    """Makes the seconds before an alarm playable."""

    async def clip(self, grant: Grant, alarm: AlarmRecord) -> bytes:
        """Return a fragmented MP4, masks burned in; empty if the ring holds nothing."""
        ...


class Far(Protocol):
    """Pictures of alarms that edges raised, fetched from them and kept nowhere."""

    async def still(self, grant: Grant, alarm: AlarmRecord) -> bytes:
        """Return the JPEG; empty if there is none (any more). PeerError: the line is down."""
        ...

    async def clip(self, grant: Grant, alarm: AlarmRecord) -> bytes:
        """Return the seconds before; like `still`."""
        ...


class WhepAnswer(Protocol):
    """What the media process answers to an offer."""

    @property
    def session(self) -> str:
        """Id of the session, unguessable, fit for a URL."""
        ...

    @property
    def sdp(self) -> str:
        """The SDP answer."""
        ...

    @property
    def etag(self) -> str:
        """Entity tag of the ICE session, without quotes."""
        ...


class IceAnswer(Protocol):
    """What a player that began a new ICE session must know."""

    @property
    def sdp(self) -> str:
        """A trickle ICE fragment (RFC 8840)."""
        ...

    @property
    def etag(self) -> str:
        """Entity tag of the new ICE session, without quotes."""
        ...


class IceServer(Protocol):
    """A TURN server that relays for one player for a while."""

    @property
    def url(self) -> str:
        """RFC 7065."""
        ...

    @property
    def username(self) -> str:
        """Good for a while; tells nothing of the person."""
        ...

    @property
    def credential(self) -> str:
        """The password."""
        ...


class IceServers(Protocol):
    """Gives players credentials for TURN servers."""

    def issue(self) -> Sequence[IceServer]:
        """Return every server with new credentials."""
        ...


class IceSession(Protocol):
    """One connection to a player."""

    @property
    def session(self) -> str:
        """Id of the session."""
        ...

    @property
    def etag(self) -> str:
        """Entity tag of the ICE session, without quotes."""
        ...


class Wall(IceSession, Protocol):
    """One connection with a slot for each of several pictures."""

    @property
    def owner(self) -> str:
        """Id of the person whose it is."""
        ...

    @property
    def mids(self) -> Sequence[str]:
        """Of the slots, in the order of the offer."""
        ...

    @property
    def sdp(self) -> str:
        """The SDP answer, where it was just opened."""
        ...


class SessionInfo(IceSession, Protocol):
    """One live picture: a WHEP session, or a tile of a wall."""

    @property
    def grant(self) -> Grant:
        """The Grant under which it runs."""
        ...

    @property
    def wall(self) -> str:
        """The wall that it is a tile of; empty: a session of its own."""
        ...

    @property
    def mid(self) -> str:
        """The m-line that it is in."""
        ...

    @property
    def stream(self) -> str:
        """Which rendition is sent."""
        ...

    @property
    def wish(self) -> StreamWish:
        """Which one the viewer wants."""
        ...

    @property
    def flags(self) -> Sequence[str]:
        """What is out of the ordinary about the picture, beside the Grant's."""
        ...

    @property
    def figures(self) -> "LookFigures | None":
        """How it goes; None while that is not known."""
        ...


@dataclass(frozen=True, slots=True)
class LookFigures:
    """How a look goes, a second old at most; counters since it began."""

    connected: bool
    bytes: int
    """UDP payload sent."""
    frames: int
    packets: int
    repeated: int
    overflows: int
    """Times that the send buffer was full and pictures were skipped."""
    fraction_lost: float
    """As the peer last reported, 0..1."""
    jitter_s: float | None
    round_trip_s: float | None
    delay_s: float | None
    """From capture to our sending, newest picture."""
    from_camera: bool
    """Whether the capture is told by the camera's clock; else it is the arrival here."""


class Media(Protocol):
    """Live pictures."""

    async def open(
        self, grant: Grant, offer_sdp: str, stream: StreamWish = StreamWish.AUTO
    ) -> WhepAnswer:
        """Start a session; WireError for an unusable offer, PeerError if media is not there.

        BusyError if the viewer's recipient looks at as much as it may, or the box shows as much
        as it can.
        """
        ...

    async def open_wall(self, owner: Actor, offer_sdp: str) -> Wall:
        """Start a wall that shows nothing yet. WireError, PeerError as above."""
        ...

    async def show(self, grant: Grant, wall: str, mid: str, stream: StreamWish) -> SessionInfo:
        """Show the Grant's camera in a slot, in place of what it shows. Errors as of `open`."""
        ...

    def wish(self, session: str, stream: StreamWish) -> None:
        """Have a running picture go over to another stream of its camera."""
        ...

    def walls(self) -> Sequence[Wall]:
        """Return the walls that are open now."""
        ...

    def patch(self, session: str, fragment: str) -> IceAnswer | None:
        """Take a trickle ICE fragment; the answer if it begins a new ICE session, else None.

        WireError if it cannot be read, PeerError if media or session are not there.
        """
        ...

    async def close(self, session: str, reason: str) -> object:
        """End a session; harmless if it already ended."""
        ...

    def sessions(self) -> Sequence[SessionInfo]:
        """Return what runs now."""
        ...


class LedgerEntry(Protocol):
    """One entry with its opened values."""

    @property
    def seq(self) -> int:
        """Position in the tree, from 0."""
        ...

    @property
    def utc_us(self) -> int:
        """When it was written."""
        ...

    @property
    def event(self) -> LedgerEvent:
        """What happened; erased personal values are empty."""
        ...

    @property
    def erased(self) -> Sequence[str]:
        """Personal fields whose values were deleted."""
        ...


class LedgerHead(Protocol):
    """The tree now."""

    @property
    def size(self) -> int:
        """Number of entries."""
        ...

    @property
    def root(self) -> bytes:
        """Root hash."""
        ...

    @property
    def checkpoint_note(self) -> str:
        """The newest signed checkpoint (C2SP tlog-checkpoint)."""
        ...


class Finding(Protocol):
    """One thing that does not verify."""

    @property
    def seq(self) -> int:
        """The entry; -1 if the tree as a whole."""
        ...

    @property
    def problem(self) -> str:
        """One line."""
        ...


class VerifyReport(Protocol):
    """Outcome of a verification."""

    @property
    def ok(self) -> bool:
        """Nothing was found."""
        ...

    @property
    def size(self) -> int:
        """Entries verified."""
        ...

    @property
    def root(self) -> bytes:
        """Root hash computed."""
        ...

    @property
    def findings(self) -> Sequence[Finding]:
        """What was found."""
        ...


class Ledger(Protocol):
    """The account of who looked; only ever read here."""

    async def entries(self, after: int, limit: int) -> Sequence[LedgerEntry]:
        """Return up to `limit` entries with a sequence above `after` (-1: from the first)."""
        ...

    def head(self) -> LedgerHead:
        """Return size, root and the newest checkpoint."""
        ...

    async def verify(self) -> VerifyReport:
        """Verify the whole file, read-only, off the loop."""
        ...

    async def search(self, query: LedgerQuery, place: "LedgerPlace") -> "LedgerPage":
        """Return a page of the entries that match; it may be short although there is more."""
        ...

    async def vouched(self) -> "Vouched":
        """Return who outside the box vouches for the log, and up to where."""
        ...

    async def export(self, wish: "ExportWish", grant: Grant) -> "ExportFile":
        """Return entries as one file, and write what left; LedgerError, StoreError."""
        ...


@dataclass(frozen=True, slots=True)
class LedgerPlace:
    """Which page of the ledger."""

    limit: int
    after: int | None = None
    """The oldest above this entry; None: the newest."""
    before: int | None = None
    """The newest below this entry."""


class LedgerPage(Protocol):
    """Entries found, oldest first."""

    @property
    def entries(self) -> Sequence[LedgerEntry]:
        """What matches."""
        ...

    @property
    def older(self) -> int | None:
        """Go on below this entry; None if there is nothing."""
        ...

    @property
    def newer(self) -> int | None:
        """Go on above this entry; None if there is nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Vouching:
    """One word from outside about the log."""

    name: str
    """Of the witness; empty for a time stamp."""
    size: int
    """Entries that it covers."""
    utc_us: int


@dataclass(frozen=True, slots=True)
class Vouched:
    """The newest word of each witness, and the newest time stamp."""

    witnesses: tuple[Vouching, ...] = ()
    anchor: Vouching | None = None
    altered: str = ""
    """What the box's own last verification, at the start or at night, found wrong."""


@dataclass(frozen=True, slots=True)
class ExportWish:
    """What is to leave, in which form."""

    query: LedgerQuery
    form: ExportForm
    year: int = 0
    """Of the check of administrators."""
    bom: bool = True
    """Begin a table with the mark by which Excel knows UTF-8."""


class ExportFile(Protocol):
    """An export that is ready to be sent."""

    @property
    def file(self) -> BinaryIO:
        """At its beginning; whoever sends it closes it."""
        ...

    @property
    def name(self) -> str:
        """Fit for a header."""
        ...

    @property
    def content_type(self) -> str:
        """Media type."""
        ...

    @property
    def bytes(self) -> int:
        """Length."""
        ...

    @property
    def entries(self) -> int:
        """How many it is about."""
        ...

    @property
    def sha256(self) -> str:
        """Of the whole file, hexadecimal."""
        ...


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the box does its job."""

    ok: bool
    problems: tuple[str, ...] = ()
    """One line each, without persons or credentials."""


class Operations(Protocol):
    """What monitoring wants to know."""

    def health(self) -> Health:
        """Return the state now."""
        ...

    def metrics(self) -> str:
        """Return the Prometheus text exposition."""
        ...


class ExportFormat(Enum):
    """Forms in which the registry can be taken out."""

    TOML = "toml"
    GEOJSON = "geojson"
    CSV = "csv"
    ITALIAN_CSV = "csv-it"
    """As spreadsheets in Italian read it."""
    OPENSTREETMAP = "osm-geojson"
    """Cameras of public areas with the tags of OpenStreetMap."""


class RegistryChange(Protocol):
    """What an import did."""

    @property
    def version(self) -> int:
        """Version after it."""
        ...

    @property
    def added(self) -> Sequence[str]:
        """Ids that are new."""
        ...

    @property
    def changed(self) -> Sequence[str]:
        """Ids that differ."""
        ...

    @property
    def removed(self) -> Sequence[str]:
        """Ids that are gone."""
        ...

    @property
    def held(self) -> str:
        """Id under which it waits for two people, nothing being applied; empty if it does not."""
        ...


class Control(Protocol):
    """What `varco` commands may ask over the control socket. ConfigError names what is wrong."""

    async def apply(
        self, document: bytes, content_type: str, *, replace: bool, by: Actor
    ) -> RegistryChange:
        """Import a seed; `content_type` tells TOML from GeoJSON."""
        ...

    def export(self, form: ExportFormat) -> bytes:
        """Return the registry, without password hashes."""
        ...

    async def reload(self, *, by: Actor) -> Sequence[str]:
        """Read the configuration again; return what changed, one line each."""
        ...

    async def reset_totp(self, user_id: str, *, by: Actor) -> None:
        """Take the second device away from an account; ConfigError if it does not exist."""
        ...

    async def set_password(self, user_id: str, password: str, *, by: Actor) -> None:
        """Give a local account a new password."""
        ...


@dataclass(frozen=True, slots=True)
class InspectionWish:
    """What is to be probed or accepted."""

    camera: str
    seconds: float
    """Of pictures to be measured."""
    clear_reason: str = ""
    """Why its pictures may travel in clear; sheets only."""


class Inspection(Protocol):
    """Probing and accepting cameras; RefusedError if the gate says no.

    Answers lines of JSON: `progress` while it works, then one `result` or `problem`.
    """

    async def probe(self, wish: InspectionWish, *, by: Actor) -> AsyncGenerator[bytes, None]:
        """Measure a camera; no picture is shown."""
        ...

    async def accept(self, wish: InspectionWish, *, by: Actor) -> AsyncGenerator[bytes, None]:
        """Measure a camera, take one picture and judge."""
        ...


class Acts(Protocol):
    """Acts, their extensions, and changes that wait for two people.

    Answers are as `gateway.console.acts` shows them.
    """

    def acts(self, actor: Actor) -> Mapping[str, Any]:
        """Return what the actor's organisation may know."""
        ...

    def may_extend(self, act_id: str, actor: Actor) -> bool | None:
        """Return whether somebody may extend an act; None: no such act is known to the actor."""
        ...

    async def extend(
        self, act_id: str, until: date, reason: str, document_sha256: str, *, by: Actor
    ) -> Extension:
        """Enter an extension; ConfigError if the day does not fit."""
        ...

    async def held(self, actor: Actor) -> Sequence[Mapping[str, Any]]:
        """Return the held changes that the actor may know of."""
        ...

    async def may_judge(self, held_id: str, actor: Actor) -> bool | None:
        """Return whether somebody may judge a change; None: none is known to the actor."""
        ...

    async def approve(self, held_id: str, reason: str, *, by: Actor) -> Mapping[str, Any]:
        """Approve a change; ConfigError if it cannot be approved."""
        ...

    async def reject(self, held_id: str, reason: str, *, by: Actor) -> Mapping[str, Any]:
        """Reject a change; ConfigError if it does not wait."""
        ...


class SceneCard(Protocol):
    """One scene of an exercise, with a button."""

    @property
    def id(self) -> str:
        """Name of the scene."""
        ...

    @property
    def title_it(self) -> str:
        """What the button says, in Italian."""
        ...

    @property
    def title_en(self) -> str:
        """The same in English."""
        ...

    @property
    def text_it(self) -> str:
        """What will happen, in Italian."""
        ...

    @property
    def text_en(self) -> str:
        """The same in English."""
        ...


class AccountCard(Protocol):
    """One account of an exercise that opens with a click."""

    @property
    def id(self) -> str:
        """Id of the account."""
        ...

    @property
    def text_it(self) -> str:
        """What to see with it, in Italian."""
        ...

    @property
    def text_en(self) -> str:
        """The same in English."""
        ...


class SceneOutcome(Protocol):
    """What a scene tells once it was played; no words where the pages show it by themselves."""

    @property
    def text_it(self) -> str:
        """In Italian."""
        ...

    @property
    def text_en(self) -> str:
        """In English."""
        ...

    @property
    def details(self) -> str:
        """Words of a program, as it printed them."""
        ...

    @property
    def entry(self) -> int:
        """Entry of the ledger that it is about; -1: none."""
        ...

    @property
    def finds(self) -> int:
        """How often a search found what should be nowhere; -1: it is no search."""
        ...


class SceneState(Protocol):
    """How a scene that takes its time stands."""

    @property
    def enabled(self) -> bool:
        """Its button does something now."""
        ...

    @property
    def running(self) -> bool:
        """It goes on by itself."""
        ...

    @property
    def done(self) -> int:
        """Of `whole`, what has happened so far; both 0: it counts nothing."""
        ...

    @property
    def whole(self) -> int:
        """How much it will be."""
        ...

    @property
    def text_it(self) -> str:
        """How it ended, in Italian."""
        ...

    @property
    def text_en(self) -> str:
        """The same in English."""
        ...


class Exercise(Protocol):
    """Scenes and accounts of a simulated town (A-33); never there where pictures are real."""

    @property
    def scenes(self) -> Sequence[SceneCard]:
        """What can be played."""
        ...

    @property
    def accounts(self) -> Sequence[AccountCard]:
        """Who can be played."""
        ...

    def state(self, scene: str) -> SceneState:
        """Return how a scene stands."""
        ...

    async def run(self, scene: str) -> SceneOutcome | None:
        """Play a scene and return what it tells; None if there is none of that name."""
        ...

    async def sign_in(self, account: str, source_ip: str) -> SignIn | None:
        """Sign in as one of these accounts; None for any other."""
        ...


@dataclass(frozen=True, slots=True)
class Box:
    """Who we are, for the header of every page."""

    name: str
    organisation: str
    version: str = ""
    exercise: bool = False
    """Everything shown is simulated (A-33): the pages say ESERCITAZIONE."""
    language: str = "it"
    """Language of a browser that expressed no wish: `it` or `en`."""
    origins: tuple[str, ...] = ()
    """Other origins whose pages may use WHEP with a bearer token; none by default."""
    monitors: tuple[str, ...] = ()
    """Addresses that read health and metrics with the names of cameras; none by default."""


class Endings:
    """Why the last sessions ended, so that a dark player can say it. Bounded, oldest forgotten."""

    def __init__(self, most: int = 1000) -> None:
        self._most = most
        self._ends: OrderedDict[str, tuple[str, str]] = OrderedDict()

    def note(self, session: str, actor_id: str, reason: str) -> None:
        """Remember the reason code of an ended session."""
        self._ends[session] = (actor_id, reason)
        while len(self._ends) > self._most:
            self._ends.popitem(last=False)

    def reason(self, session: str, actor_id: str) -> str | None:
        """Return the reason if that actor's session ended; None for anything else."""
        owner, reason = self._ends.get(session, ("", ""))
        return reason if owner and owner == actor_id else None


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to a person, sent over the event streams that this person has open."""

    event: str
    """Name of the server-sent event, for example `confirm`."""
    data: str
    """JSON without line breaks."""


class NoticeListener:
    """What waits for one event stream; when it is full the oldest is forgotten."""

    def __init__(self, actor: Actor, most: int) -> None:
        self.actor = actor
        self._waiting: deque[Notice] = deque(maxlen=most)
        self._there = asyncio.Event()

    def put(self, notice: Notice) -> None:
        """Add one."""
        self._waiting.append(notice)
        self._there.set()

    async def receive(self) -> Notice:
        """Wait for the next one; cancelling loses nothing."""
        while not self._waiting:
            self._there.clear()
            await self._there.wait()
        return self._waiting.popleft()


class Notices:
    """Messages to persons: nothing is kept for somebody who has no event stream open."""

    def __init__(self, most: int = 64) -> None:
        """`most`: messages that wait for one stream."""
        self._most = most
        self._listeners: list[NoticeListener] = []

    @contextmanager
    def listen(self, actor: Actor) -> Iterator[NoticeListener]:
        """Hear what is told from now on to this person."""
        listener = NoticeListener(actor, self._most)
        self._listeners.append(listener)
        try:
            yield listener
        finally:
            self._listeners.remove(listener)

    def tell(self, event: str, data: Mapping[str, object], *, to: Callable[[Actor], bool]) -> None:
        """Send an event to everybody of whom `to` says so; never waits."""
        notice = Notice(event, json.dumps(data, ensure_ascii=False, separators=(",", ":")))
        for listener in self._listeners:
            if to(listener.actor):
                listener.put(notice)


class DeviceMaker(Protocol):
    """Who made a device."""

    @property
    def manufacturer(self) -> str:
        """One line."""
        ...

    @property
    def model(self) -> str:
        """One line."""
        ...


class DeviceTime(Protocol):
    """Where a device has its time from (B-57)."""

    @property
    def kind(self) -> Enum | None:
        """`NTP` or `Manual`; None if it does not say."""
        ...

    @property
    def servers(self) -> Sequence[str]:
        """Names or addresses."""
        ...

    @property
    def from_dhcp(self) -> bool:
        """They came by DHCP."""
        ...


class DeviceEvents(Protocol):
    """How the subscription to a device's events is (pain 13)."""

    @property
    def state(self) -> Enum:
        """Its value is a code."""
        ...

    @property
    def since(self) -> Moment:
        """When that state was entered."""
        ...

    @property
    def last_message(self) -> Moment | None:
        """When something came last."""
        ...

    @property
    def recreations(self) -> int:
        """How often it had to be made anew."""
        ...

    @property
    def problem(self) -> str:
        """One line."""
        ...


class DeviceChannel(Protocol):
    """One view of a device."""

    @property
    def number(self) -> int:
        """From 1."""
        ...

    @property
    def name(self) -> str:
        """As the device calls it."""
        ...

    @property
    def problem(self) -> str:
        """Why no pictures come of it; one line."""
        ...


class DeviceState(Protocol):
    """What is known of a recorder or camera by asking it (ONVIF)."""

    @property
    def device(self) -> str:
        """Id of the device."""
        ...

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def online(self) -> bool:
        """It answered when it was asked last."""
        ...

    @property
    def problem(self) -> str:
        """Why it did not, one line."""
        ...

    @property
    def clock_offset_s(self) -> float | None:
        """Its clock minus ours; None while that is not known."""
        ...

    @property
    def remarks(self) -> Sequence[tuple[str, str]]:
        """What should be corrected at it, in Italian and in English."""
        ...

    @property
    def since(self) -> Moment | None:
        """When `online` last changed; None while it was never heard of."""
        ...

    @property
    def information(self) -> DeviceMaker | None:
        """Who made it; None while that is not known."""
        ...

    @property
    def time(self) -> DeviceTime | None:
        """Its clock; None while that is not known."""
        ...

    @property
    def events(self) -> DeviceEvents | None:
        """Its events; None if none are asked for."""
        ...

    @property
    def channels(self) -> Sequence[DeviceChannel]:
        """Its views, those included that are lost."""
        ...

    @property
    def sessions(self) -> int:
        """Streams that come from it now."""
        ...

    @property
    def masks(self) -> Sequence[tuple[str, str, bool]]:
        """Masks that it has to burn in: id, camera, and whether that was seen lately."""
        ...


class HoldupFigures(Protocol):
    """One hold-up channel in a report."""

    @property
    def holdup(self) -> str:
        """Its id."""
        ...

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def site(self) -> str:
        """Id of the shop's site."""
        ...

    @property
    def triggers(self) -> int:
        """Alarms of real presses."""
        ...

    @property
    def presses(self) -> int:
        """Real presses."""
        ...

    @property
    def tests(self) -> int:
        """Tests made."""
        ...

    @property
    def undelivered(self) -> int:
        """Alarms that reached nobody."""
        ...


class HoldupCase(Protocol):
    """One alarm in a report."""

    @property
    def alarm(self) -> str:
        """Its id."""
        ...

    @property
    def holdup(self) -> str:
        """Id of the channel."""
        ...

    @property
    def raised_utc_us(self) -> int:
        """When it was pressed."""
        ...

    @property
    def exercise(self) -> bool:
        """It was a test."""
        ...

    @property
    def sources(self) -> Sequence[HoldupSource]:
        """What set it off, press by press."""
        ...

    @property
    def verification(self) -> Verification:
        """What a monitoring centre made of it."""
        ...

    @property
    def verification_s(self) -> float:
        """From the storing to its word."""
        ...

    @property
    def rooms_s(self) -> float:
        """From the press to who was called first; 0: nobody has it."""
        ...

    @property
    def verdict(self) -> AlarmVerdict:
        """What an operator said of it."""
        ...


class HoldupTimes(Protocol):
    """Seconds from the press to who is called first."""

    @property
    def count(self) -> int:
        """How many were measured."""
        ...

    @property
    def p50_s(self) -> float:
        """Median."""
        ...

    @property
    def p95_s(self) -> float:
        """95th percentile."""
        ...


class HoldupReport(Protocol):
    """What the channels did in a period (B-27)."""

    @property
    def from_utc_us(self) -> int:
        """Its beginning."""
        ...

    @property
    def to_utc_us(self) -> int:
        """Its end, excluded."""
        ...

    @property
    def channels(self) -> Sequence[HoldupFigures]:
        """Every channel."""
        ...

    @property
    def cases(self) -> Sequence[HoldupCase]:
        """Every alarm and test."""
        ...

    @property
    def to_room(self) -> HoldupTimes:
        """How soon they arrived."""
        ...

    @property
    def in_time(self) -> bool:
        """Whether 95 of 100 arrived within 2 s."""
        ...


class HoldupChannels(Protocol):
    """Hold-up channels: presses, tokens, the monitoring centre's word."""

    async def press(self, holdup: str, token: str, source_ip: str) -> None:
        """Take a press; on disk when it returns, if it counts. Never raises, tells nothing."""
        ...

    def asks(self, record: AlarmRecord, organisation: str) -> bool:
        """Return whether a hold-up waits for the word of this organisation, the centre."""
        ...

    async def answer(
        self, record: AlarmRecord, verdict: AlarmVerdict, by: str, organisation: str
    ) -> bool:
        """Take the centre's word; False if nobody asks it (any more)."""
        ...

    def devices(self, holdup: str) -> Sequence[str]:
        """Return the devices of a channel that hold a token."""
        ...

    async def make_token(self, holdup: str, device: str, by: Actor) -> str | None:
        """Give a device a token; None: no such channel, or too many devices."""
        ...

    async def revoke_token(self, holdup: str, device: str, by: Actor) -> bool:
        """Take a token back; False if there is none."""
        ...

    async def test(self, holdup: str, by: Actor) -> AlarmRecord | None:
        """Set a channel off as an exercise; None: there is none."""
        ...

    async def report(self, from_utc_us: int, to_utc_us: int) -> HoldupReport:
        """Return what the channels did in a period."""
        ...


class OwnersDesk(Protocol):
    """What an owner learns of its cameras, and its off-switch."""

    def looks(self, controller: str) -> Sequence["OwnersLook"]:
        """Return who looked at a controller's cameras of late, newest first."""
        ...

    def alerts(self, controller: str) -> Sequence["OwnersAlert"]:
        """Return the uses of break-glass of the last 30 days, newest first."""
        ...

    async def acknowledge(self, alert: int, *, by: Actor) -> bool:
        """Note that the owner has read an alert; False if there is none of its own."""
        ...

    async def pause(self, cameras: Sequence[str], reason: str, *, by: Actor) -> Pause:
        """Withhold cameras of the actor's own from everybody else; none named: all of them."""
        ...

    async def resume(self, pause: str, *, by: Actor) -> bool:
        """Take a pause of the actor's own back; False if there is none."""
        ...

    def fitness(self, controller: str) -> "OwnersProject | None":
        """Return the security project of a controller; None if it takes part in none."""
        ...


class OwnersLook(Protocol):
    """One look at a camera, in words that an owner may read: no person's name."""

    @property
    def seq(self) -> int:
        """Entry of the ledger."""
        ...

    @property
    def utc_us(self) -> int:
        """When it began."""
        ...

    @property
    def until_us(self) -> int:
        """When it ended; 0 while it lasts."""
        ...

    @property
    def event(self) -> str:
        """Code of D.3."""
        ...

    @property
    def organisation(self) -> str:
        """Id of who looked."""
        ...

    @property
    def role(self) -> str:
        """Role of who looked."""
        ...

    @property
    def purpose(self) -> str:
        """Purpose code."""
        ...

    @property
    def case(self) -> str:
        """Case; empty where it is withheld or erased."""
        ...

    @property
    def camera(self) -> str:
        """Id."""
        ...

    @property
    def flags(self) -> Sequence[str]:
        """What was out of the ordinary."""
        ...

    @property
    def seconds(self) -> float:
        """How long; 0 while it lasts."""
        ...


class OwnersAlert(Protocol):
    """One use of break-glass."""

    @property
    def look(self) -> OwnersLook:
        """Who, when, which camera."""
        ...

    @property
    def reason(self) -> str:
        """Why, in the words of who did."""
        ...

    @property
    def acknowledged_us(self) -> int:
        """When the owner had read it; 0: not yet."""
        ...


class OwnersProject(Protocol):
    """A controller's part in D.L. 14/2017 art. 7 c. 1-bis (A-26)."""

    @property
    def sites(self) -> int:
        """Sites with a camera."""
        ...

    @property
    def needed(self) -> int:
        """How many the law asks for; 0: no number."""
        ...


class CopiesKept(Protocol):
    """Copies of one class that one controller's cameras left."""

    @property
    def kind(self) -> CopyClass:
        """Class of copy."""
        ...

    @property
    def controller(self) -> str:
        """Id; empty: of cameras that nobody knows any more."""
        ...

    @property
    def keep_h(self) -> float:
        """Term in hours, the longest of its cameras'."""
        ...

    @property
    def oldest_utc_us(self) -> int:
        """When the oldest picture was taken; 0: there is none."""
        ...

    @property
    def items(self) -> int:
        """How many."""
        ...


@dataclass(frozen=True, slots=True)
class HoldOrder:
    """What is to outlast its term, and until when."""

    act: str
    controller: str
    cameras: tuple[str, ...]
    from_utc_us: int
    to_utc_us: int
    until: date
    """Last day, Europe/Rome."""
    reason: str


class Retention(Protocol):
    """Copies of pictures, how long they are kept, and holds."""

    def kept(self) -> Sequence[CopiesKept]:
        """Return every class of every controller."""
        ...

    async def hold(self, order: HoldOrder, *, by: Actor) -> str:
        """Enter a hold; return its id once it is in force. ConfigError names what is wrong."""
        ...

    async def release(self, hold: str, *, by: Actor) -> bool:
        """Take a hold back; False if there is none."""
        ...


def _no_devices() -> Sequence[DeviceState]:
    return ()


class NearbyCamera(Protocol):
    """A camera beside a place, on the ground."""

    @property
    def camera(self) -> str:
        """Its id."""
        ...

    @property
    def distance_m(self) -> float:
        """Along the ground."""
        ...

    @property
    def bearing_deg(self) -> float:
        """From the camera to the place, clockwise from north."""
        ...

    @property
    def off_axis_deg(self) -> float:
        """Between the middle of its picture and the place."""
        ...

    @property
    def look(self) -> Enum:
        """What it has of the place; the value is a stable code."""
        ...


class Surroundings(Protocol):
    """Geometry of cameras on the ground (A-04); pure."""

    def nearest(
        self, cameras: Iterable[Camera], latitude: float, longitude: float, most: int
    ) -> Sequence[NearbyCamera]:
        """Return those that see a place, then those that look towards it, then the near."""
        ...

    def scene(self, camera: Camera) -> tuple[float, float] | None:
        """Return latitude and longitude of what a camera looks at; None if nobody placed it."""
        ...


class ExplainedStep(Protocol):
    """One question of the policy and its answer."""

    @property
    def question(self) -> str:
        """Stable code."""
        ...

    @property
    def ok(self) -> bool:
        """It was no obstacle."""
        ...

    @property
    def answer(self) -> str:
        """`yes`, or the code of the refusal."""
        ...

    @property
    def text_it(self) -> str:
        """One sentence in Italian."""
        ...

    @property
    def text_en(self) -> str:
        """The same in English."""
        ...


class Explanation(Protocol):
    """Why a request would be answered so."""

    @property
    def verdict(self) -> Verdict:
        """The answer."""
        ...

    @property
    def steps(self) -> Sequence[ExplainedStep]:
        """Every question that was asked, up to and with the first no."""
        ...


class Rights(Protocol):
    """What the policy says of rights; opens nothing and writes nothing."""

    def explain(self, request: AccessRequest) -> Explanation:
        """Return why a request would be answered so."""
        ...

    def knows(self, actor: Actor, camera: str) -> bool:
        """Return whether somebody may know that a camera exists."""
        ...


class Shift(Protocol):
    """An open shift."""

    @property
    def order(self) -> str:
        """Number of the service order."""
        ...

    @property
    def until(self) -> Moment:
        """When it ends by itself."""
        ...


class Shifts(Protocol):
    """Shifts of ordinary surveillance, one for each sign-in."""

    def of(self, actor: Actor) -> Shift | None:
        """Return the one that is open."""
        ...

    async def open(self, actor: Actor, order: str, hours: float) -> Shift | None:
        """Open one, or return that of the same order; None if another order is open."""
        ...

    async def close(self, actor: Actor) -> None:
        """End it; harmless if none is open."""
        ...


class SecondCode(Protocol):
    """What a colleague has to confirm."""

    @property
    def code(self) -> str:
        """Eight letters and digits."""
        ...

    @property
    def expires(self) -> Moment:
        """Until when it serves."""
        ...


class Seconds(Protocol):
    """Requests that need a second person."""

    def ask(self, request: AccessRequest) -> SecondCode:
        """Return a code for a colleague."""
        ...

    def about(self, code: str, colleague: Actor) -> AccessRequest | None:
        """Return what a code is about; None for a code that this colleague cannot confirm."""
        ...

    def agree(self, code: str, colleague: Actor) -> bool:
        """Confirm; False for a code that this colleague cannot confirm."""
        ...

    def use(self, code: str, request: AccessRequest) -> str:
        """Return who agreed to exactly this request, once; else nothing."""
        ...


class Looks(Protocol):
    """Looks that go on."""

    async def confirm(self, session: str, actor: Actor) -> Grant | Verdict | None:
        """Take a viewer's answer; None for no such session of this person."""
        ...


@dataclass(frozen=True, slots=True)
class IncidentFrame:
    """What is around an incident for one reader."""

    leads: bool
    """The reader's organisation may change, hand over and close it."""
    shares: bool
    """It may decide who else knows of it."""
    waiting: Mapping[str, int]
    """By organisation, how many events have not arrived in its room yet."""
    viewers: Mapping[str, tuple[str, ...]]
    """By camera, the organisations to which an act in force shows it."""


class Incidents(Protocol):
    """Incidents of rooms: read as far as an organisation may, changed by commands."""

    def listed(self, actor: Actor) -> Sequence[Incident]:
        """Return those of the actor's organisation, the newest first."""
        ...

    async def find(self, incident: str, actor: Actor) -> Incident | None:
        """Return one that is kept; None for what is none of the actor's business. StoreError."""
        ...

    async def journal(self, incident: str, actor: Actor) -> Sequence[IncidentEvent]:
        """Return its numbered events."""
        ...

    async def frame(self, incident: Incident, actor: Actor) -> IncidentFrame:
        """Return what the actor may do with it."""
        ...

    def shown(self, actor: Actor) -> frozenset[str]:
        """Return the cameras that open incidents show to the actor's organisation."""
        ...

    def organisations(self, actor: Actor) -> Mapping[str, str]:
        """Return with whom an incident can be shared: names by id."""
        ...

    def name_of(self, organisation: str) -> str:
        """Return what an organisation is called."""
        ...

    def kinds(self) -> Mapping[str, tuple[str, str, str]]:
        """Return what incidents may be about: class, Italian, English, by code."""
        ...

    @property
    def keep_days(self) -> int:
        """So many days after their closing incidents are deleted."""
        ...

    async def open(self, command: Open, *, by: Actor, once: Once | None = None) -> Incident:
        """Open one; StateError, LedgerError."""
        ...

    async def change(
        self, incident: str, command: Command, *, by: Actor, once: Once | None = None
    ) -> Incident:
        """Change one; StateError, LedgerError."""
        ...

    async def recall(self, once: Once) -> tuple[str, str] | None:
        """Return incident and answer of a request that comes again; None: it is new.

        StateError `key-reused`, `key-running`. What is new has to be finished.
        """
        ...

    def finish(self, once: Once, answer: str) -> Awaitable[None]:
        """Keep the answer of a request that ran; empty: it failed."""
        ...


class Reports(Protocol):
    """Reports of vigilance institutes, as the actor's organisation may know them (A-14..A-16).

    StateError says what cannot be done: `bar` (why this organisation may not send), `unknown`,
    `not-yours`, `taken`, `closed`, `full`, `too-many`, `organisation`, `key-reused`.
    """

    def bar(self, actor: Actor) -> str:
        """Return why somebody may not send reports now; empty: they may."""
        ...

    def is_institute(self, actor: Actor) -> bool:
        """Return whether somebody belongs to an institute, listed or not."""
        ...

    async def listed(
        self, actor: Actor, *, is_open: bool | None = None, limit: int = 200
    ) -> Sequence[Report]:
        """Return the reports of the actor's organisation, the newest first."""
        ...

    async def get(self, report: str, actor: Actor) -> Report | None:
        """Return one; None for what is none of the actor's organisation's business."""
        ...

    async def register(self, actor: Actor, span: Span, reason: str) -> Sequence[Report]:
        """Return part of the organisation's register once the ledger has the reason."""
        ...

    def name_of(self, organisation: str) -> str:
        """Return what an organisation is called here."""
        ...

    def contact_of(self, organisation: str) -> str:
        """Return the one contact point of an institute."""
        ...

    def person_of(self, user: str) -> str:
        """Return the name of a user of this box."""
        ...

    def rooms(self, actor: Actor) -> Mapping[str, str]:
        """Return the rooms to which somebody can pass a report on, by id."""
        ...

    async def send(self, draft: ReportDraft, *, by: Actor, once: Once | None = None) -> Report:
        """Take a report; numbered and durable when it returns."""
        ...

    async def acknowledge(self, report: str, *, by: Actor) -> Report:
        """Say that the actor's organisation deals with it; the same organisation may repeat it."""
        ...

    async def answer(
        self, report: str, text: str, *, by: Actor, once: Once | None = None
    ) -> Report:
        """Answer the institute; return the answer."""
        ...

    async def close(self, report: str, outcome: ReportOutcome, *, by: Actor) -> Report:
        """End a report."""
        ...

    async def pass_on(self, report: str, recipient: str, *, by: Actor) -> Report:
        """Give a report to another room."""
        ...


class LineSide(Enum):
    """What is at the other end of a line."""

    EDGE = "edge"
    ROOM = "room"


@dataclass(frozen=True, slots=True)
class LineReport:
    """One line and what belongs to it."""

    id: str
    """Of the edge, or the name of our line to a room."""
    name: str
    side: LineSide
    status: LineStatus
    organisations: tuple[str, ...]
    """Whose people may know of it; nobody else does."""
    enabled: bool = True
    certificate_until_utc_us: int = 0
    """0: not known."""
    invited_until_utc_us: int = 0
    """An invitation is open until then; 0: none is."""


@dataclass(frozen=True, slots=True)
class InvitationTold:
    """A code that is told once."""

    code: str = field(repr=False)
    until_utc_us: int


class LineDesk(Protocol):
    """Lines of this box, and who may be let in over one; the console asks for roles."""

    @property
    def is_room(self) -> bool:
        """Whether edges dial this box."""
        ...

    def lines(self) -> Sequence[LineReport]:
        """Return how every line stands."""
        ...

    async def invite(
        self, edge: str, name: str, organisations: tuple[str, ...], *, by: Actor
    ) -> InvitationTold:
        """Return a code for an edge; empty values keep what is known. ConfigError: impossible."""
        ...

    async def revoke(self, edge: str, *, by: Actor) -> None:
        """Let an edge in no more."""
        ...


class HotLists(Protocol):
    """Lists of plates that are sought, and what a Grant lets people do with them.

    StateError: `grant`, `unknown`, `not-waiting`, `person`, `same-person`, `newcomer`, `full`; of a
    delivery `signature`, `source`, `kind`, `old`, `base`, `too-large`, `too-many`. ConfigError
    names what is wrong with what was written. No error has a plate.
    """

    @property
    def problem(self) -> str:
        """Why nothing is matched; empty while it is."""
        ...

    @property
    def sources(self) -> Sequence[tuple[str, Sequence[str]]]:
        """Who may deliver which kinds, by name."""
        ...

    async def delivered(self) -> Sequence[HotList]:
        """Return the lists of offices, without what they hold."""
        ...

    async def local(self) -> Sequence[HotEntry]:
        """Return the entries of our own, without plates, those that wait first."""
        ...

    async def entry(self, id_: str) -> HotEntry | None:
        """Return one entry, without its plate; None: there is none (any more)."""
        ...

    def bar(self, entry: HotEntry, actor: Actor) -> str:
        """Return why somebody may not approve an entry as a person; empty: it is another one."""
        ...

    async def add(self, wish: LocalWish, grant: Grant) -> HotEntry:
        """Enter a plate that then waits for a second person; its id is the Grant's object."""
        ...

    async def approve(self, grant: Grant) -> HotEntry:
        """Put the Grant's entry into force."""
        ...

    async def reject(self, grant: Grant) -> HotEntry:
        """Delete the Grant's entry, which waits."""
        ...

    async def remove(self, grant: Grant) -> HotEntry:
        """Delete the Grant's entry."""
        ...

    async def deliver(self, document: bytes, signature: bytes, grant: Grant) -> Delivered:
        """Take a signed list over."""
        ...

    async def reveal(self, grant: Grant) -> str:
        """Return the plate of the Grant's entry."""
        ...

    async def find(self, plate: str, country: str, grant: Grant) -> Sequence[HotEntry]:
        """Return the entries of a plate; WireError if it is none."""
        ...


class Plates(Protocol):
    """Plates that hit a list; nothing of any other. StoreError if the disk refuses."""

    @property
    def k(self) -> int:
        """Figures below it are not told."""
        ...

    async def hits(self) -> Sequence[Hit]:
        """Return what is kept, the newest first."""
        ...

    async def find(self, hit_id: str) -> Hit | None:
        """Return a hit; None if there is none (any more)."""
        ...

    async def open(self, hit_id: str, grant: Grant) -> OpenHit | None:
        """Return what a Grant for plates opens; None if there is nothing, or it is for another."""
        ...

    async def confirm(self, hit_id: str, by: str) -> bool:
        """Confirm what is not certain, so that rooms hear; False: the verdict is the decision."""
        ...

    async def settle(self, hit_id: str) -> None:
        """Do at once what a verdict on the hit's alarm demands."""
        ...

    def told_counts(self, zones: Collection[str]) -> Sequence[GateHour]:
        """Return the figures of gates that may be told."""
        ...


ON_SITE: Final = frozenset({Role.OWNER, Role.INSTALLER})
"""Who must not read off streams or lines that a room looks: it would tell of a hold-up (ADR 32)."""


class Cameras(Protocol):
    """How cameras are seen."""

    def status(self, camera: str) -> StreamStatus | None:
        """Return the state of a camera's stream."""
        ...

    def streams(self, camera: str) -> int:
        """Return how many streams come from a camera."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything behind the console."""

    box: Box
    clock: Clock
    registry: Callable[[], Registry]
    status: Callable[[str], StreamStatus | None]
    """State of one camera's stream by id."""
    accounts: Accounts
    gate: Gate
    alarms: Alarms
    stills: Stills
    clips: Clips
    media: Media
    endings: Endings
    ledger: Ledger
    operations: Operations
    control: Control | None = None
    """Needed by `build_control_app` only."""
    exercise: Exercise | None = None
    """Simulator only: its routes exist only with it."""
    devices: Callable[[], Sequence[DeviceState]] = _no_devices
    """State of every device that can be asked, by id."""
    inspection: Inspection | None = None
    """Needed by `build_control_app` only."""
    tokens: Tokens | None = None
    """Without it nobody gets a short token."""
    oidc: Oidc | None = None
    """Without it nobody signs in at a provider."""
    surroundings: Surroundings | None = None
    """Without it no camera is near another one."""
    ice_servers: IceServers | None = None
    """Without it players reach the box by themselves."""
    notices: Notices = field(default_factory=Notices)
    """Messages to single persons, over their event streams."""
    retention: Retention | None = None
    """Without it nobody reads how long copies are kept."""
    owners: OwnersDesk | None = None
    """Without it nobody has an owner's page."""
    rights: Rights | None = None
    """Without it nothing explains itself."""
    shifts: Shifts | None = None
    """Without it ordinary surveillance knows no shifts."""
    seconds: Seconds | None = None
    """Without it nothing that needs four eyes is opened."""
    acts: Acts | None = None
    """Without it nobody reads or extends acts."""
    looks: Looks | None = None
    """Without it looks run out."""
    incidents: Incidents | None = None
    """Without it there are no incidents."""
    far: Far | None = None
    """Without it alarms of edges have no pictures."""
    reports: Reports | None = None
    """Without it nobody sends or reads reports."""
    lines: LineDesk | None = None
    """Without it this box has no lines."""
    holdups: HoldupChannels | None = None
    """Without it no button sets anything off."""
    plates: Plates | None = None
    """Without it no plate is sought here."""
    hotlists: HotLists | None = None
    """Without it there are no lists of plates."""
    on_site: Cameras | None = None
    """Without it nothing is kept from people on site."""

    def cameras(self, actor: Actor) -> Cameras | None:
        """Return how somebody may see cameras where that is not as they are."""
        return self.on_site if actor.role in ON_SITE else None

    def status_for(self, camera: str, actor: Actor) -> StreamStatus | None:
        """Return the state of one camera's stream as somebody may see it."""
        seen = self.cameras(actor)
        return seen.status(camera) if seen is not None else self.status(camera)
