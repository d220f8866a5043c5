# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Words for asking to look, and for the answer. Only `gateway.access.gate` makes a Grant."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from gateway.model.registry import Role
from gateway.model.time import Moment


class Purpose(Enum):
    """Why somebody looks (D.2 purpose_code); free text never replaces it."""

    ALARM = "allarme"
    """An alarm is its own case: `case` is the alarm's id."""
    INCIDENT = "intervento"
    SERVICE = "servizio"
    """Ordinary surveillance under a service order: `case` is its number."""
    JUDICIAL = "delega-ag"
    OWNER = "titolare"
    """The owner's own camera; no case needed for live pictures."""
    INSTALLATION = "installazione"
    LEGALITY = "verifica-liceita"
    """Reading the log: first of the four aims of DPR 15/2018 art. 24 c.5 (D.5.7)."""
    INTERNAL_CONTROL = "controllo-interno"
    INTEGRITY = "integrita-sicurezza"
    PROCEEDINGS = "procedimento-penale"


class Action(Enum):
    """What is asked for; the values are the event families of D.3."""

    LIVE = "live"
    SNAPSHOT = "live.snapshot"
    PLAYBACK = "playback"
    """The seconds before an alarm, from the RAM ring."""
    LOG_READ = "log.read"
    CONFIGURE = "config.change"
    INSPECT = "camera.inspect"
    """Measuring a camera's stream; no picture is shown."""
    RECORDED = "recorded"
    PTZ = "ptz"
    EXPORT = "clip.export"
    PLATES = "lpr.query"
    HOTLIST = "hotlist"
    """Seeing which lists there are, and taking entries off them; no plate is shown."""
    HOTLIST_ADD = "hotlist.add"
    HOTLIST_IMPORT = "hotlist.import"
    HOTLIST_APPROVE = "hotlist.approve"
    HOTLIST_OPEN = "hotlist.open"
    """Reading the plate of one entry, or asking whether a plate stands on a list."""
    LOG_EXPORT = "log.export"
    GOVERN = "policy.change"
    """Acts, extensions, held changes, pauses, holds."""


RECORDER_METHODS = frozenset(("rtsp-basic", "rtsp-digest"))
"""How recording programs prove who they are (Actor.method): they look under a standing order, in no
shift, and nobody knows who sits in front of them."""
BREAK_GLASS = "break-glass"
ACT_ENDED = "act-ended-incident-open"
"""The act is over; the look goes on for an open incident, for a bounded time."""
UNCONFIRMED = "unconfirmed"
"""Nobody answered the reconfirmation yet."""
WATERMARK = "watermark"
"""The act has who looks written into the live picture."""
FLAGS = (BREAK_GLASS, ACT_ENDED, UNCONFIRMED, WATERMARK)


class Regime(Enum):
    """Which law governs an operation (D.1)."""

    GDPR = "GDPR"
    LED = "LED"


@dataclass(frozen=True, slots=True)
class Actor:
    """An authenticated person or machine."""

    id: str
    name: str
    role: Role
    organisation: str
    session: str
    """Pseudonymous id of the sign-in, not the secret."""
    method: str
    """How identity was proved: password, certificate, peercred."""
    source_ip: str = ""
    certificate_sha256: str = ""
    acr: str = ""
    """Level of the sign-in as the identity provider states it; `mfa` for password and TOTP."""
    workstation: str = ""
    stated_organisation: str = ""
    """As a room names its person's, for the ledger; decided is by `organisation`."""


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """One wish to look, as the gate sees it."""

    actor: Actor
    action: Action
    camera: str
    purpose: Purpose | None
    case: str = ""
    reason: str = ""
    """At most 200 characters."""
    break_glass: bool = False
    """Look without an act in force: a reason is needed, the owner is told (at most 60 minutes)."""
    second: str = ""
    """Id of the person who agreed, where four eyes are needed."""
    object: str = ""
    """What it is about where that is no camera: a list, or the id of its entry."""


class Refusal(Enum):
    """Why not; each has one Italian and one English sentence in the gate."""

    UNKNOWN_CAMERA = "unknown-camera"
    ROLE = "role-may-not"
    SITE_NOT_ACTIVE = "site-not-active"
    PURPOSE_MISSING = "purpose-missing"
    PURPOSE_NOT_ALLOWED = "purpose-not-allowed"
    CASE_MISSING = "case-missing"
    NO_ACT = "no-act"
    ACT_EXPIRED = "act-expired"
    ACT_NOT_YET = "act-not-yet-in-force"
    NO_DPIA = "no-dpia"
    ONLY_ON_ALARM = "only-on-alarm"
    ALARM_CLOSED = "alarm-closed"
    PAUSED = "paused-by-owner"
    HOURS = "outside-hours"
    FOUR_EYES = "second-person-needed"
    REASON_MISSING = "reason-missing"
    NO_SHIFT = "no-shift"
    """Ordinary surveillance without an open service order of this shift."""
    SCHOOL_OPEN = "school-open"
    NOT_IN_INCIDENT = "not-in-incident"
    """The case is an incident to which this camera is not attached, or another organisation's."""
    INCIDENT_CLOSED = "incident-closed"
    ONLY_ON_INCIDENT = "only-on-incident"
    """The act shows it during an incident that is shared with the recipient, and then alone."""
    WORN_OUT = "break-glass-not-possible"
    TEXT_ONLY = "text-only"
    """The act gives this recipient alarms as text, no pictures."""
    MASK = "mask-cannot-be-applied"
    LEDGER = "ledger-not-writable"
    EDGE = "refused-by-edge"
    """This room would allow it; the edge where the camera is does not."""
    LINE = "line-down"
    """The line to the edge where the camera is does not stand."""
    GRANT_ENDED = "grant-ended"
    """It was given, and has run out or was revoked since."""


class Verdict(NamedTuple):
    """The gate's answer; pure data, makes nothing happen by itself.

    A tuple, because one is made at every decision: a frozen dataclass takes four times as long.
    """

    allowed: bool
    refusal: Refusal | None
    text_it: str
    text_en: str
    act: str = ""
    regime: Regime = Regime.GDPR
    expires: Moment | None = None
    registry_version: int = 0
    flags: tuple[str, ...] = ()
    """What is out of the ordinary: see FLAGS."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The only key that relay, ring and stills accept.

    Made by `gateway.access.gate` alone, after the ledger holds the entry durably.
    """

    id: str
    request: AccessRequest
    act: str
    regime: Regime
    issued: Moment
    expires: Moment
    ledger_seq: int
    flags: tuple[str, ...] = ()
    """See FLAGS."""

    @property
    def camera(self) -> str:
        """Id of the one camera that it opens."""
        return self.request.camera
