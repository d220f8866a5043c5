# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which vigilance institute may send reports today (A-16, B-34), and why another may not. Pure.

It is asked at every report: an institute that goes from the list, or whose certificate runs out,
sends nothing more from that moment on, whatever sign-ins and connections it has.
"""

from datetime import date
from enum import Enum

from gateway.model.registry import Institute, Registry


class Bar(Enum):
    """Why an organisation may not send reports."""

    UNKNOWN = "not-an-institute"
    DISABLED = "institute-disabled"
    NOT_LISTED_YET = "institute-not-listed-yet"
    NO_LONGER_LISTED = "institute-no-longer-listed"
    CERTIFICATE = "institute-certificate-expired"


def institute_of(registry: Registry, organisation: str) -> Institute | None:
    """Return the entry of an organisation; the registry has one at most."""
    every = registry.institutes.values()
    return next((one for one in every if one.organisation == organisation), None)


def bar_of(registry: Registry, organisation: str, today: date) -> Bar | None:
    """Return why an organisation may not send reports on a day (Europe/Rome); None: it may."""
    found = institute_of(registry, organisation)
    if found is None:
        return Bar.UNKNOWN
    if not found.enabled:
        return Bar.DISABLED
    if today < found.listed_from:
        return Bar.NOT_LISTED_YET
    if today > found.listed_until:
        return Bar.NO_LONGER_LISTED
    if not found.certificate or today > found.certificate_until:
        return Bar.CERTIFICATE
    return None
