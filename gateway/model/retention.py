# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How long copies of pictures may be kept at most: by controller, class of copy and regime (D.4).

These are ceilings: configuration and registry may ask for less, never for more.
"""

from enum import Enum

from gateway.model.registry import Controller, Site, SiteKind, TenantKind

PRIVATE_H = 24
"""Private controllers, schools and whoever is not known (B-01: «al massimo ventiquattro ore»)."""
MUNICIPAL_H = 72
"""Municipalities and public bodies, where they give no reason for longer (B-03)."""
MOST_H = 168
"""Nobody keeps longer (B-02, D.L. 11/2009 art. 6 c. 8: seven days); only a hold does."""
BEFORE_H = 1
"""The seconds before an alarm live in RAM until it is closed, which takes forty minutes at most."""
_PUBLIC = frozenset({TenantKind.MUNICIPALITY, TenantKind.PUBLIC_BODY})


class CopyClass(Enum):
    """Kinds of copies of pictures that a box keeps."""

    STILL = "fermo-immagine"
    """The picture of an alarm."""
    INCIDENT = "intervento"
    """The picture of an alarm that a person confirmed."""
    BEFORE = "secondi-prima"
    """Coded pictures from before an alarm, in memory."""


def ceiling_h(controller: Controller | None, site: Site | None = None) -> int:
    """Return the most hours that a copy may be kept; an unknown controller gets the shortest."""
    in_school = site is not None and site.kind is SiteKind.SCHOOL
    if in_school or controller is None or controller.kind not in _PUBLIC:
        bound = PRIVATE_H
    elif controller.retention_reason.strip():
        bound = MOST_H
    else:
        bound = MUNICIPAL_H
    asked = controller.retention_h if controller is not None else 0
    default = min(bound, MUNICIPAL_H)
    return min(bound, asked) if asked > 0 else default


def fault(controller: Controller) -> str:
    """Return why the hours that a controller asks for are not allowed; empty if they are."""
    asked = controller.retention_h
    if asked > MOST_H:
        return f"is more than {MOST_H}"
    if controller.kind not in _PUBLIC:
        return f"is more than {PRIVATE_H}, the most for its kind" if asked > PRIVATE_H else ""
    if asked > MUNICIPAL_H and not controller.retention_reason.strip():
        return f"is more than {MUNICIPAL_H} without a reason"
    return ""
