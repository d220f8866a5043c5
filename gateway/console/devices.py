# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Recorders and cameras as devices: reachable, on time, heard, and what is wrong with each."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from pydantic import Field

from gateway.console.identity import TheActor, TheServices
from gateway.console.problem import responses
from gateway.console.services import DeviceState, Services
from gateway.console.views import View, iso
from gateway.console.visibility import cameras_of, views_of
from gateway.model.access import Actor
from gateway.model.registry import Camera, Device, Role

_TECHNICIANS = frozenset({Role.INSTALLER, Role.SYSADMIN})
_PATH = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/?#]+)[/?#]\S*", re.IGNORECASE)


class NoteView(View):
    """One thing that should be corrected at a device."""

    it: str
    en: str


class DeviceTimeView(View):
    """Where a device has its time from."""

    kind: str = Field(description="NTP, Manual, or empty if it does not say.")
    servers: list[str]
    from_dhcp: bool


class DeviceEventsView(View):
    """How the subscription to a device's events is."""

    state: str = Field(description="connecting, live, quiet, failing or refused.")
    since: str
    last_message: str = Field(description="Empty if none has come.")
    recreations: int = Field(description="How often it had to be made anew.")
    problem: str


class ChannelView(View):
    """One view of a device, and the camera of the registry that it is."""

    number: int = Field(description="From 1; 0 if it is the only one and was not numbered.")
    name: str = Field(description="As the device calls it.")
    camera: str = Field(description="Empty if the registry has none for it.")
    camera_name: str
    state: str = Field(description="Of the camera; empty without one.")
    problem: str


class DeviceMaskView(View):
    """A mask that a camera itself has to burn in."""

    id: str
    camera: str
    camera_name: str
    confirmed: bool = Field(description="Read back from it lately; else the gateway burns it in.")


class DeviceView(View):
    """One device; no credential, and addresses without paths but for technicians."""

    id: str
    name: str
    kind: str = Field(description="registratore or telecamera.")
    site: str
    site_name: str
    manufacturer: str
    model: str
    online: bool = Field(description="It answered when it was asked last.")
    since: str = Field(description="Since when; empty while it was never heard of.")
    problem: str
    clock_offset_s: float | None = Field(description="Its clock minus ours; null if unknown.")
    time: DeviceTimeView | None
    events: DeviceEventsView | None = Field(description="null: not asked for.")
    sessions_used: int = Field(description="Streams that come from it now.")
    sessions_most: int = Field(description="How many it serves; 0: not known.")
    channels: list[ChannelView]
    masks: list[DeviceMaskView]
    notes: list[NoteView]


@dataclass(frozen=True, slots=True)
class _Reader:
    """Who reads, and from where."""

    actor: Actor
    services: Services


async def list_devices(actor: TheActor, services: TheServices) -> list[DeviceView]:
    """Return the devices that are asked (ONVIF), by site and name.

    Those that a camera hangs off which the actor knows; technicians and the owner get all of
    their own house, also channels that no camera of the registry uses.
    """
    if "devices" not in views_of(actor.role):
        return []
    registry = services.registry()
    known = cameras_of(registry, actor)
    by_device: dict[str, list[Camera]] = {}
    for camera in known:
        by_device.setdefault(camera.device, []).append(camera)
    found: list[DeviceView] = []
    for state in services.devices():
        device = registry.devices.get(state.device)
        if device is None:
            continue
        at_home = _is_at_home(device, actor, services)
        if at_home or device.id in by_device:
            cameras = by_device.get(device.id, [])
            found.append(_view(state, (device, cameras, at_home), actor, services))
    return sorted(found, key=lambda one: (one.site_name, one.name, one.id))


def _is_at_home(device: Device, actor: Actor, services: Services) -> bool:
    """Return whether the device is of the actor's own house, and a matter for its role."""
    own = services.registry().sites[device.site].controller == actor.organisation
    return own and actor.role in _TECHNICIANS | {Role.OWNER}


def _view(
    state: DeviceState,
    what: tuple[Device, Sequence[Camera], bool],
    actor: Actor,
    services: Services,
) -> DeviceView:
    device, cameras, at_home = what
    site = services.registry().sites[device.site]
    names = {camera.id: camera.name for camera in cameras}
    view = DeviceView(
        id=device.id,
        name=device.name,
        kind=device.kind.value,
        site=site.id,
        site_name=site.name,
        manufacturer=state.information.manufacturer if state.information else "",
        model=state.information.model if state.information else "",
        online=state.online,
        since=iso(state.since.utc_us) if state.since else "",
        problem=state.problem,
        clock_offset_s=state.clock_offset_s,
        time=_time(state),
        events=_events(state),
        sessions_used=_sessions(state, actor, services),
        sessions_most=device.most_sessions,
        channels=list(_channels(state, cameras, _Reader(actor, services), everything=at_home)),
        masks=[
            DeviceMaskView(id=mask, camera=camera, camera_name=names[camera], confirmed=confirmed)
            for mask, camera, confirmed in state.masks
            if camera in names
        ],
        notes=[NoteView(it=it, en=en) for it, en in state.remarks],
    )
    return view if actor.role in _TECHNICIANS else without_paths(view)


def _sessions(state: DeviceState, actor: Actor, services: Services) -> int:
    """Return how many streams come, without those that would tell people on site of a hold-up."""
    seen = services.cameras(actor)
    if seen is None:
        return state.sessions
    return sum(seen.streams(one.id) for one in _cameras_at(state, services))


def _time(state: DeviceState) -> DeviceTimeView | None:
    time = state.time
    if time is None:
        return None
    kind = str(time.kind.value) if time.kind is not None else ""
    return DeviceTimeView(kind=kind, servers=list(time.servers), from_dhcp=time.from_dhcp)


def _events(state: DeviceState) -> DeviceEventsView | None:
    events = state.events
    if events is None:
        return None
    last = events.last_message
    return DeviceEventsView(
        state=str(events.state.value),
        since=iso(events.since.utc_us),
        last_message=iso(last.utc_us) if last else "",
        recreations=events.recreations,
        problem=events.problem,
    )


def _channels(
    state: DeviceState, cameras: Sequence[Camera], reader: _Reader, *, everything: bool
) -> Iterable[ChannelView]:
    """Yield the channels of cameras that the actor knows; with `everything` the others too."""
    left = list(cameras)
    taken = {one.channel for one in _cameras_at(state, reader.services)}
    for channel in state.channels:
        numbers = {channel.number, 0} if len(state.channels) == 1 else {channel.number}
        camera = next((one for one in left if one.channel in numbers), None)
        if camera is not None:
            left.remove(camera)
            yield _channel(channel.number, channel.name, channel.problem, camera, reader)
        elif everything and channel.number not in taken:
            yield _channel(channel.number, channel.name, channel.problem, None, reader)
    for camera in left:  # not asked yet, or it has no such channel
        yield _channel(camera.channel, "", "", camera, reader)


def _cameras_at(state: DeviceState, services: Services) -> Iterable[Camera]:
    return (one for one in services.registry().cameras.values() if one.device == state.device)


def _channel(
    number: int, name: str, problem: str, camera: Camera | None, reader: _Reader
) -> ChannelView:
    status = reader.services.status_for(camera.id, reader.actor) if camera is not None else None
    return ChannelView(
        number=number,
        name=name,
        camera=camera.id if camera else "",
        camera_name=camera.name if camera else "",
        state=status.state.value if status else "",
        problem=problem,
    )


def without_paths(view: DeviceView) -> DeviceView:
    """Return the view with addresses cut behind the host: paths tell how to get in."""
    events = view.events
    cut = {
        "problem": _cut(view.problem),
        "notes": [NoteView(it=_cut(one.it), en=_cut(one.en)) for one in view.notes],
        "channels": [
            one.model_copy(update={"name": _cut(one.name), "problem": _cut(one.problem)})
            for one in view.channels
        ],
        "events": events and events.model_copy(update={"problem": _cut(events.problem)}),
    }
    return view.model_copy(update=cut)


def _cut(text: str) -> str:
    return _PATH.sub(r"\1", text)


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(tags=["devices"])
    router.add_api_route("/api/devices", list_devices, methods=["GET"], responses=responses(401))
    return router
