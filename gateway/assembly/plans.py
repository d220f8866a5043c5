# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What each camera should be doing now, as a value: registry and acts in, plan out."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.access.policy import acts_for
from gateway.ingest.camera import CameraSource
from gateway.model.errors import ConfigError
from gateway.model.registry import Analytic, Camera, Registry, Zone
from gateway.model.time import Moment

Resolve = Callable[[str, str], tuple[str, str]]
"""Turns a credential reference into user and password; the second argument names the camera."""


MOST_RING_S = 30.0
"""What `gateway.evidence.ring` keeps at most."""


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """One camera's duty; two equal plans mean that nothing has to change."""

    camera: str
    """Its id."""
    source: CameraSource | None
    """None: it cannot be opened until a person corrects something, see `problem`."""
    continuous: bool
    """Pulled without a viewer."""
    zones: tuple[Zone, ...] = ()
    """What is guarded now; empty where no act in force allows it."""
    act: str = ""
    """Act under which zones are guarded; empty without one."""
    recipients: tuple[str, ...] = ()
    """Who hears of an alarm."""
    ring_s: float = 0.0
    """Seconds before an alarm that may be kept in RAM."""
    off_reason: str = ""
    """Why a camera with zones is not guarded, in Italian; empty while it is."""
    problem: str = ""
    """What a person has to correct; names file and key, never the secret."""


def plan(
    camera: Camera,
    registry: Registry,
    now: Moment,
    resolve: Resolve,
    most_ring_s: float = MOST_RING_S,
) -> CameraPlan:
    """Return what `camera` should be doing at `now`; what makes it unusable is its own problem."""
    try:
        source = _source(camera, resolve)
    except ConfigError as error:
        return CameraPlan(camera.id, None, camera.continuous, problem=str(error))
    zones = tuple(z for z in registry.zones_of(camera.id) if z.analytic is Analytic.INTRUSION)
    basis = acts_for(registry, camera.id, Analytic.INTRUSION, now)
    if basis.act is None:
        off = basis.reason.text_it if basis.reason and zones else ""
        return CameraPlan(camera.id, source, camera.continuous, off_reason=off)
    allowed_s = min(basis.retention_before_s, most_ring_s, MOST_RING_S)
    return CameraPlan(
        camera.id,
        source,
        camera.continuous,
        zones,
        basis.act.id,
        basis.recipients,
        allowed_s if zones else 0.0,
    )


def _source(camera: Camera, resolve: Resolve) -> CameraSource:
    """Return where the camera is and how it is opened; ConfigError if that is not known."""
    user, password = "", ""
    if camera.credential:
        user, password = resolve(camera.credential, camera.id)
    return CameraSource(camera.id, camera.url, user, password)
