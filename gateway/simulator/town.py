# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The simulated town: which cameras there are and what each of them plays."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.runtime.clock import Clock
from gateway.simulator.camera import LOOP, VirtualCamera
from gateway.simulator.clips import ClipPlan, Progress, prepare
from gateway.simulator.scene_gate import Gate
from gateway.simulator.scene_pharmacy import GUARDED, Intrusion, QuietPharmacy
from gateway.simulator.scene_square import Square

INTRUSION = "intrusion"
"""Clip of `farmacia`: somebody enters, searches and leaves."""
GUARDED_POLYGON = GUARDED
"""Corners (x, y) of the guarded zone of `farmacia`, fractions of the picture."""
PLANS = (
    ClipPlan("varco-nord", LOOP, Gate),
    ClipPlan("piazza", LOOP, Square),
    ClipPlan("farmacia", INTRUSION, Intrusion),
    ClipPlan("farmacia", LOOP, QuietPharmacy),
)
"""The longest work first."""


def build_cameras(
    cache: Path, progress: Progress, clock: Clock, plans: Sequence[ClipPlan] = PLANS
) -> Mapping[str, VirtualCamera]:
    """Return the cameras of the town by id; paints what `cache` lacks (blocks, up to a minute)."""
    clips = prepare(plans, cache, progress)
    return {
        camera: VirtualCamera(
            camera, {p.clip: clips[p.name] for p in plans if p.camera == camera}, clock
        )
        for camera in dict.fromkeys(plan.camera for plan in plans)
    }
