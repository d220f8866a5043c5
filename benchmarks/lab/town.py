# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A registry of the size of a province, and the questions that people ask of it."""

from datetime import date

from gateway.model.access import AccessRequest, Action, Actor, Purpose
from gateway.model.registry import (
    Act,
    ActScope,
    Analytic,
    AreaKind,
    Camera,
    Controller,
    Disclosure,
    Recipient,
    RecipientKind,
    Registry,
    Role,
    Site,
    SiteKind,
    SiteState,
)
from gateway.model.time import Moment

CONTROLLERS = 200
CAMERAS_EACH = 10
"""A province: its municipalities, schools and shops."""


def town(now: Moment) -> Registry:
    """Return controllers with their cameras, and one act for each controller.

    The acts are in force at `now`. Of each controller's cameras the room sees some always, some on
    alarm; the institute gets text only.
    """
    year = now.utc().year
    owners = [f"titolare-{number}" for number in range(CONTROLLERS)]
    cameras = {
        name: Camera(name, name, owner, "rtsp://192.0.2.1/", AreaKind.PUBLIC)
        for owner in owners
        for name in _names(owner)
    }
    return Registry(
        1,
        {owner: Controller(owner, owner) for owner in owners},
        {owner: Site(owner, owner, owner, SiteKind.SQUARE, SiteState.ACTIVE) for owner in owners},
        cameras,
        {},
        {},
        {
            "sala": Recipient("sala", "Sala", RecipientKind.ROOM),
            "istituto": Recipient("istituto", "Istituto", RecipientKind.INSTITUTE),
        },
        {f"atto-{owner}": _act(owner, year) for owner in owners},
        {},
    )


def questions(registry: Registry) -> list[AccessRequest]:
    """Return one question per camera and kind of asker; about a third is to be refused."""
    room = Actor("op", "op", Role.PL_OPERATOR, "sala", "s1", "certificate", "192.0.2.7")
    guard = Actor("gg", "gg", Role.INSTITUTE_OPERATOR, "istituto", "s2", "certificate")
    asked: list[AccessRequest] = []
    for name, camera in registry.cameras.items():
        owner = Actor("ti", "ti", Role.OWNER, camera.site, "s3", "certificate")
        asked += [
            AccessRequest(room, Action.LIVE, name, Purpose.SERVICE, "OdS 4"),
            AccessRequest(owner, Action.LIVE, name, Purpose.OWNER),
            AccessRequest(guard, Action.LIVE, name, Purpose.ALARM, "al-1"),
        ]
    return asked


def look(camera: str) -> AccessRequest:
    """Return an operator's ordinary wish."""
    actor = Actor("op", "op", Role.PL_OPERATOR, "sala", "s1", "certificate", "192.0.2.7")
    return AccessRequest(actor, Action.LIVE, camera, Purpose.SERVICE, "OdS 4")


def first_camera(registry: Registry) -> str:
    """Return a camera that the room always sees."""
    return next(iter(registry.cameras))


def _names(owner: str) -> list[str]:
    return [f"{owner}-{number}" for number in range(CAMERAS_EACH)]


def _act(owner: str, year: int) -> Act:
    names = _names(owner)
    analytics = (Analytic.INTRUSION,)
    return Act(
        id=f"atto-{owner}",
        title="Patto per la sicurezza urbana",
        number="1/2026",
        parties=("Prefettura", owner),
        valid_from=date(year - 1, 1, 1),
        valid_until=date(year + 1, 12, 31),
        scopes=(
            ActScope(tuple(names[:-1]), ("sala",), analytics),
            ActScope(tuple(names[-1:]), ("sala",), analytics, Disclosure.ON_ALARM, 10.0),
            ActScope(tuple(names), ("istituto",), analytics, Disclosure.TEXT_ONLY),
        ),
        dpia="DPIA",
        dpia_date=date(year - 1, 1, 1),
    )
