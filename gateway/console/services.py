# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the console needs from the rest of the gateway, as Protocols that the root fills in.

The console decides nothing about access and keeps nothing on disk: it turns HTTP into questions
for these objects and their answers into HTTP.
"""

from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from gateway.model.access import AccessRequest, Actor, Grant, Verdict
from gateway.model.alarm import AlarmRecord, AlarmVerdict, Delivery
from gateway.model.audit import LedgerEvent
from gateway.model.media import StreamKind, StreamStatus
from gateway.model.registry import Camera, Registry
from gateway.model.time import Moment
from gateway.runtime.clock import Clock


class SignIn(Protocol):
    """A fresh sign-in."""

    @property
    def token(self) -> str:
        """The secret that the cookie or the bearer carries."""
        ...

    @property
    def actor(self) -> Actor:
        """Who signed in."""
        ...


class Accounts(Protocol):
    """Local accounts and their sign-ins."""

    async def sign_in(self, user: str, password: str, source_ip: str) -> SignIn | None:
        """Return a sign-in, or None for anything that does not fit."""
        ...

    def resolve(self, token: str) -> Actor | None:
        """Return whose token it is while the sign-in is valid."""
        ...

    async def sign_out(self, token: str) -> None:
        """End a sign-in; harmless if unknown."""
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

    async def recent(self, limit: int) -> Sequence[AlarmRecord]:
        """Return the newest alarms, newest first."""
        ...

    async def deliveries(self, alarm_id: str) -> Sequence[Delivery]:
        """Return what became of an alarm at each recipient."""
        ...

    async def close(self, alarm_id: str, by: str, verdict: AlarmVerdict) -> object:
        """Close an alarm with the operator's verdict."""
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


class SessionInfo(Protocol):
    """One running WHEP session."""

    @property
    def session(self) -> str:
        """Id of the session."""
        ...

    @property
    def grant(self) -> Grant:
        """The Grant under which it runs."""
        ...

    @property
    def etag(self) -> str:
        """Entity tag of the ICE session, without quotes."""
        ...


class Media(Protocol):
    """Live pictures."""

    async def open(
        self, grant: Grant, offer_sdp: str, stream: StreamKind = StreamKind.MAIN
    ) -> WhepAnswer:
        """Start a session; WireError for an unusable offer, PeerError if media is not there."""
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

    def run(self, scene: str) -> bool:
        """Start a scene; False if there is none of that name."""
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
    surroundings: Surroundings | None = None
    """Without it no camera is near another one."""
