# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a camera says that it saw, in its own words (ONVIF Core, event handling)."""

from dataclasses import dataclass
from enum import Enum

from gateway.model.time import Moment

Item = tuple[str, str]
"""Name and value of a SimpleItem."""


class PropertyOperation(Enum):
    """What an event does to a property; NONE for events that are no properties."""

    NONE = ""
    INITIALIZED = "Initialized"
    CHANGED = "Changed"
    DELETED = "Deleted"


@dataclass(frozen=True, slots=True)
class CameraEvent:
    """One notification message, its namespaces resolved."""

    topic: str
    """Path without the prefix of ONVIF's own topics; a vendor's keeps its namespace, `{ns}A/B`."""
    operation: PropertyOperation
    source: tuple[Item, ...]
    key: tuple[Item, ...]
    data: tuple[Item, ...]
    utc_us: int
    """UtcTime of the camera, by its own clock; 0 if it gives none."""
    received: Moment
