# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A small town to ask questions about: two controllers, a room, an institute, two acts."""

from dataclasses import replace
from datetime import UTC, date, datetime

from gateway.model.access import AccessRequest, Action, Actor, Purpose
from gateway.model.alarm import Alarm, AlarmRecord, AlarmState
from gateway.model.registry import (
    Act,
    ActScope,
    Analytic,
    AreaKind,
    Camera,
    Controller,
    Disclosure,
    Mask,
    Recipient,
    RecipientKind,
    Registry,
    Role,
    Site,
    SiteKind,
    SiteState,
    User,
)
from gateway.model.time import Moment


def at(*when):
    """A moment in UTC; the monotonic clock starts somewhere else."""
    utc_us = round(datetime(*when, tzinfo=UTC).timestamp()) * 1_000_000
    return Moment(utc_us / 1e6 - 1_700_000_000, utc_us)


NOW = at(2026, 6, 15, 10)
SQUARE_ACT = Act(
    "patto",
    "Patto per la sicurezza urbana",
    "7/2026",
    ("Comune", "Prefettura"),
    date(2026, 1, 1),
    date(2026, 6, 30),
    (ActScope(("piazza",), ("sala-pl",), (Analytic.INTRUSION,), retention_before_s=10.0),),
    dpia="DPIA 3/2025",
    dpia_date=date(2025, 12, 1),
)
SHOP_ACT = Act(
    "accordo-farmacia",
    "Accordo video-allarme",
    "12/2026",
    ("Farmacia", "Comune"),
    date(2026, 2, 1),
    date(2027, 1, 31),
    (
        ActScope(("banco",), ("sala-pl",), (Analytic.INTRUSION,), Disclosure.ON_ALARM, 20.0),
        ActScope(("banco",), ("istituto",), (Analytic.INTRUSION,), Disclosure.TEXT_ONLY),
    ),
)


def registry(*acts, version=5):
    """The town's registry with these acts, by default both."""
    return Registry(
        version,
        {"comune": Controller("comune", "Comune"), "farmacia": Controller("farmacia", "Farmacia")},
        {
            "centro": Site("centro", "Centro", "comune", SiteKind.SQUARE, SiteState.ACTIVE),
            "negozio": Site("negozio", "Negozio", "farmacia", SiteKind.PHARMACY, SiteState.ACTIVE),
        },
        {
            "piazza": Camera("piazza", "Piazza", "centro", "rtsp://a/", AreaKind.PUBLIC),
            "banco": Camera("banco", "Banco", "negozio", "rtsp://b/", AreaKind.PRIVATE),
        },
        {},
        {},
        {
            "sala-pl": Recipient("sala-pl", "Sala PL", RecipientKind.ROOM),
            "istituto": Recipient("istituto", "Istituto", RecipientKind.INSTITUTE),
        },
        {act.id: act for act in acts or (SQUARE_ACT, SHOP_ACT)},
        {},
    )


def with_site(town, site, **changes):
    """The same registry with one site changed."""
    return replace(town, sites=town.sites | {site: replace(town.sites[site], **changes)})


def with_mask(town, camera):
    """The same registry with a mask on one camera."""
    shape = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
    return replace(town, masks=town.masks | {"m": Mask("m", camera, shape)})


def with_user(town, user, role=Role.PL_OPERATOR, organisation="sala-pl", **more):
    """The same registry with a local user."""
    account = User(user, user.title(), role, organisation, **more)
    return replace(town, users=town.users | {user: account})


def actor(role=Role.PL_OPERATOR, organisation="sala-pl", **more):
    """Somebody who proved who they are by certificate."""
    return Actor(
        "anna", "Anna", role, organisation, "s1", more.pop("method", "certificate"), **more
    )


def wish(camera="piazza", purpose=Purpose.SERVICE, case="OdS 4", who=None, **more):
    """One request; ordinary by default."""
    action = more.pop("action", Action.LIVE)
    return AccessRequest(who or actor(), action, camera, purpose, case, **more)


def alarm(camera="banco", state=AlarmState.OPEN, id_="al-1"):
    """The record of an alarm."""
    what = Alarm(id_, camera, "zona", "intrusione", 3, NOW)
    return AlarmRecord(what, state, NOW.utc_us)
