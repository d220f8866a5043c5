# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A virtual recorder: one ONVIF device and one RTSP server in front of many channels."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from typing_extensions import override

from gateway.model.media import AccessUnit, StreamKind
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout, Reader
from gateway.simulator import rtsp_server
from gateway.simulator.onvif_device import DeviceOptions, OnvifDevice, SoapService
from gateway.simulator.onvif_media import (
    MaskLimits,
    Media1Service,
    Media2Service,
    MediaOptions,
    MediaState,
    SimulatedProfile,
)
from gateway.simulator.rtsp_server import Mount


@dataclass(frozen=True, slots=True)
class Rendition:
    """What a channel offers as main or as sub stream."""

    mount: Mount
    size_px: tuple[int, int] = (1920, 1080)
    fps: float = 25.0
    gop: int = 50


@dataclass(frozen=True, slots=True)
class RecorderChannel:
    """One input of the recorder."""

    name: str
    main: Rendition
    sub: Rendition | None = None


@dataclass(frozen=True, slots=True)
class RecorderOptions:
    """What the recorder is like."""

    device: DeviceOptions = field(default_factory=lambda: DeviceOptions(model="NVR"))
    """Its users are those of RTSP too; none opens both to everybody."""
    most_sessions: int = 0
    """RTSP sessions that it serves at once, over all channels; 0: no limit."""
    main_path: str = "Streaming/Channels/{channel}01"
    sub_path: str = "Streaming/Channels/{channel}02"
    media1: bool = True
    media2: bool = True
    rtsp_port: int = 0
    """0: any."""
    snapshot: Callable[[str], Awaitable[bytes]] | None = field(default=None, repr=False)
    masks: MaskLimits | None = field(default_factory=MaskLimits)
    """None: a recorder without masks."""


class VirtualRecorder:
    """Channels are numbered from 1; `serve` yields the URL of the device service."""

    def __init__(
        self,
        channels: Sequence[RecorderChannel],
        options: RecorderOptions,
        clock: Clock,
        services: Sequence[SoapService] = (),
    ) -> None:
        """`services`: more of the device's, events for example."""
        self.options = options
        self._clock = clock
        self._services = tuple(services)
        self._gates: dict[int, dict[str, _Gate]] = {}
        self._sources: dict[str, Mount] = {}
        self._mounts: dict[str, Mount] = {}
        self._profiles: list[SimulatedProfile] = []
        for number, channel in enumerate(channels, 1):
            self._gates[number] = {}
            self._add(number, channel, StreamKind.MAIN, channel.main)
            if channel.sub is not None:
                self._add(number, channel, StreamKind.SUB, channel.sub)

    @property
    def profiles(self) -> tuple[SimulatedProfile, ...]:
        """Return what the ONVIF side lists."""
        return tuple(self._profiles)

    def plug(self, channel: int) -> None:
        """Connect a channel's camera again."""
        for path, gate in self._gates[channel].items():
            gate.open = True
            self._mounts[path] = replace(self._sources[path], fanout=gate.fanout)

    def unplug(self, channel: int) -> None:
        """Pull a channel's camera out: running streams fall silent, new ones find nothing (404).

        Its ONVIF profiles stay, as on real recorders.
        """
        for path, gate in self._gates[channel].items():
            gate.open = False
            gate.fanout.forget()
            self._mounts.pop(path, None)

    @asynccontextmanager
    async def serve(self, host: str, port: int = 0) -> AsyncIterator[str]:
        """Serve RTSP and ONVIF (on `port`; 0: any); yields the URL of the device service."""
        users = dict(self.options.device.users) or None
        self._join()
        try:
            async with rtsp_server.serve(
                host,
                self.options.rtsp_port,
                self._mounts,
                credentials=users,
                clock=self._clock,
                service=rtsp_server.Service(most_sessions=self.options.most_sessions),
            ) as rtsp_port:
                device = self._device(rtsp_port)
                async with device.serve(host, port) as url:
                    yield url
        finally:
            self._leave()

    def _device(self, rtsp_port: int) -> OnvifDevice:
        own = self.options
        options = MediaOptions(rtsp_port=rtsp_port, snapshot=own.snapshot, masks=own.masks)
        self.media = state = MediaState(self.profiles, options)
        services: list[SoapService] = list(self._services)
        if self.options.media1:
            services.append(Media1Service(state))
        if self.options.media2:
            services.append(Media2Service(state))
        device = OnvifDevice(self.options.device, services, self._clock)
        state.serve_snapshots(device)
        return device

    def _add(
        self, number: int, channel: RecorderChannel, kind: StreamKind, rendition: Rendition
    ) -> None:
        pattern = self.options.main_path if kind is StreamKind.MAIN else self.options.sub_path
        path = pattern.format(channel=number, channel0=number - 1, channel2=f"{number:02d}")
        gate = _Gate(f"recorder-{number}-{kind.value}")
        self._gates[number][path] = gate
        self._sources[path] = rendition.mount
        self._mounts[path] = replace(rendition.mount, fanout=gate.fanout)
        self._profiles.append(
            SimulatedProfile(
                token=f"ch{number}-{kind.value}",
                name=f"{channel.name} {kind.value}",
                source=f"input-{number}",
                source_name=channel.name,
                path=path,
                codec=rendition.mount.codec,
                size_px=rendition.size_px,
                fps=rendition.fps,
                gop=rendition.gop,
            )
        )

    def _join(self) -> None:
        for gates in self._gates.values():
            for path, gate in gates.items():
                self._sources[path].fanout.join(gate, from_kept=True)

    def _leave(self) -> None:
        for gates in self._gates.values():
            for path, gate in gates.items():
                self._sources[path].fanout.leave(gate)


class _Gate(Reader):
    """The cable between a camera and the recorder: passes pictures on while it is plugged in."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.fanout = Fanout()
        self.open = True

    @override
    def offer(self, unit: AccessUnit) -> None:
        """Pass a picture on, or lose it."""
        if self.open:
            self.fanout.publish(unit)
