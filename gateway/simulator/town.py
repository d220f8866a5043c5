# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The simulated town: which cameras there are, what each plays, and what it hangs off."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.runtime.clock import Clock
from gateway.simulator import button as buttons
from gateway.simulator.button import Button
from gateway.simulator.camera import LOOP, VirtualCamera
from gateway.simulator.clips import ClipPlan, Progress, prepare
from gateway.simulator.nvr import RecorderChannel, RecorderOptions, Rendition, VirtualRecorder
from gateway.simulator.onvif_device import DeviceOptions
from gateway.simulator.onvif_events import EventOptions, EventService
from gateway.simulator.paint import HEIGHT, WIDTH
from gateway.simulator.rtsp_server import Mount
from gateway.simulator.scene_gate import Gate
from gateway.simulator.scene_lanes import LANES, LINES, QuietLanes
from gateway.simulator.scene_pharmacy import GUARDED, Intrusion, QuietPharmacy
from gateway.simulator.scene_port import GUARDED as PORT_GUARDED
from gateway.simulator.scene_port import PortIntrusion, QuietPort
from gateway.simulator.scene_square import Square

INTRUSION = "intrusion"
"""Clip of `farmacia`: somebody enters, searches and leaves."""
GUARDED_POLYGON = GUARDED
"""Corners (x, y) of the guarded zone of `farmacia`, fractions of the picture."""
RECORDED = "farmacia"
"""The camera behind the recorder."""
FAST_LANES = "corsie"
"""The camera whose plates are read: an empty road until the exercise sends cars."""
CHANNEL_NAME = "Ingresso"
MAIN_PATH, SUB_PATH = "canale1/principale", "canale1/secondario"
MOST_SESSIONS = 4
"""RTSP sessions that the recorder serves; the seed says so too."""
SUB_PX = (480, 270)
PLANS = (
    ClipPlan("varco-nord", LOOP, Gate),
    ClipPlan("piazza", LOOP, Square),
    ClipPlan(RECORDED, INTRUSION, Intrusion, SUB_PX),
    ClipPlan(RECORDED, LOOP, QuietPharmacy, SUB_PX),
    ClipPlan(FAST_LANES, LOOP, QuietLanes),
)
"""The longest work first."""
HOUSE_CAMERA = "porto"
"""The camera behind NAT, of a box of its own."""
HOUSE_POLYGON = PORT_GUARDED
"""Corners (x, y) of the guarded zone of `porto`."""
SUB_SUFFIX = "-piccolo"
"""Of the RTSP path of a small rendition."""
HOUSE_PLANS = (
    ClipPlan(HOUSE_CAMERA, INTRUSION, PortIntrusion, SUB_PX),
    ClipPlan(HOUSE_CAMERA, LOOP, QuietPort, SUB_PX),
)


def lane_words() -> Mapping[str, str]:
    """Return what the seed's marks of the fast lanes stand for."""
    polygons = {f"@lane-{at}@": polygon for at, polygon in enumerate(LANES, 1)}
    lines = {f"@line-{at}@": line for at, line in enumerate(LINES, 1)}
    both = {**polygons, **lines}
    return {mark: json.dumps([list(point) for point in points]) for mark, points in both.items()}


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


@dataclass(frozen=True, slots=True)
class RecorderPlace:
    """Where the recorder is, and who may enter."""

    host: str
    onvif_port: int
    rtsp_port: int
    users: Mapping[str, str] = field(repr=False)


@asynccontextmanager
async def serve_recorder(
    camera: VirtualCamera, button: Button, place: RecorderPlace, clock: Clock
) -> AsyncIterator[str]:
    """Run a recorder with the camera on its one channel and the button on its input.

    Yields the URL of its ONVIF device service.
    """
    fps = float(camera.clips[LOOP].fps)
    channel = RecorderChannel(
        CHANNEL_NAME,
        Rendition(Mount(camera.fanout, camera.parameter_sets), (WIDTH, HEIGHT), fps, int(fps)),
        Rendition(Mount(camera.sub, camera.sub_parameter_sets), SUB_PX, fps, int(fps)),
    )
    options = RecorderOptions(
        device=DeviceOptions(model="NVR", name=f"Registratore {camera.name}", users=place.users),
        most_sessions=MOST_SESSIONS,
        main_path=MAIN_PATH,
        sub_path=SUB_PATH,
        rtsp_port=place.rtsp_port,
    )
    events = EventService(clock, EventOptions(topics=(buttons.TOPIC,)))
    recorder = VirtualRecorder([channel], options, clock, [events])
    async with recorder.serve(place.host, place.onvif_port) as url, asyncio.TaskGroup() as tasks:
        pressing = tasks.create_task(button.run(events.fire))
        try:
            yield url
        finally:
            pressing.cancel()
