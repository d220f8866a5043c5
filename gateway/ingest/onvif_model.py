# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What an ONVIF device says about itself, in our words; `gateway.ingest.onvif` does the talking."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from gateway.ingest.source import Trust
from gateway.model.errors import PeerError
from gateway.model.media import Codec
from gateway.model.registry import Point, Transport


class OnvifFaultError(PeerError):
    """The device answered with a SOAP fault; the text has its reason."""

    def __init__(self, text: str, subcodes: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.subcodes = subcodes
        """Local names, outer first: `InvalidArgVal`, `NoProfile` (ONVIF Core §5.8.2)."""


@dataclass(frozen=True, slots=True)
class OnvifTarget:
    """One device and how it may be talked to."""

    id: str
    """Of the device or camera, for messages and logs."""
    url: str
    """Of its device service, `http(s)://host[:port][/onvif/device_service]`; no credentials."""
    user: str = ""
    password: str = field(default="", repr=False)
    trust: Trust = field(default_factory=Trust)
    hosts: tuple[str, ...] = ()
    """Further hosts that its addresses may name; any other is rewritten to the host of `url`."""


@dataclass(frozen=True, slots=True)
class DeviceInformation:
    """GetDeviceInformation (ONVIF Core §8.1.1); printable, each at most 128 characters."""

    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    hardware: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """One entry of GetServices (ONVIF Core §8.1.2.2); GetCapabilities where that is absent."""

    namespace: str
    xaddr: str
    """Already checked and, behind NAT, rewritten."""
    version: str = ""
    """`2.60`; empty if the device did not say."""


@dataclass(frozen=True, slots=True)
class MediaProfile:
    """A media profile that has video."""

    token: str
    name: str
    source_token: str
    """Of the video source: recorders have one per channel."""
    source_name: str
    """Of the video source configuration: recorders often put the channel's name here."""
    encoder_token: str
    """Of the video encoder configuration; empty if none is attached."""
    codec: Codec | None
    """None: no encoder, or one that we cannot read (then `encoding` says which)."""
    size_px: tuple[int, int]
    fps: float
    gop: int
    """Pictures from one key picture to the next; 0 if the device does not say."""
    bit_rate_kbps: int
    """The limit; 0 if the device does not say."""
    media2: bool
    """Came from Media2, so that it is asked for its stream there too."""
    encoding: str = ""
    """As the device names it."""
    source_configuration: str = ""
    """Token of the video source configuration: masks hang on it (Media2)."""
    has_metadata: bool = False
    """A metadata configuration is attached: events can come in the stream."""


class TimeKind(Enum):
    """Where a device has its time from (DateTimeType, ONVIF Core §8.2.3)."""

    NTP = "NTP"
    MANUAL = "Manual"


@dataclass(frozen=True, slots=True)
class NtpState:
    """A device's clock and where it has its time from (B-57)."""

    from_dhcp: bool
    servers: tuple[str, ...]
    """Names or addresses, those in force; empty if none is set or it does not tell."""
    utc_offset_s: float | None
    """Its clock minus ours, to about half a second; None if it does not tell the time in UTC."""
    kind: TimeKind | None
    """None: neither NTP nor Manual was said."""


class MaskKind(Enum):
    """How a device hides what is under a mask (Media2 §5.3.9); it offers one or more."""

    COLOR = "Color"
    PIXELATED = "Pixelated"
    BLURRED = "Blurred"


@dataclass(frozen=True, slots=True)
class CameraMask:
    """A privacy mask inside the device."""

    token: str
    """Empty for one that is still to be made."""
    polygon: tuple[Point, ...]
    """At least three points, fractions of the picture, origin at the top left."""
    enabled: bool = True
    kind: MaskKind = MaskKind.COLOR


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one PullMessages brought (ONVIF Core §9.2)."""

    current_utc_us: int | None
    """The device's clock when it answered; None if that could not be read."""
    termination_utc_us: int | None
    """When, by its clock, the subscription ends unless renewed."""
    messages: tuple[bytes, ...]
    """Each one a whole wsnt:NotificationMessage element as XML."""


class PullPoint(Protocol):
    """An open pull-point subscription."""

    async def pull(self, timeout_s: float, most: int) -> Pulled:
        """Wait at the device up to `timeout_s` for up to `most` messages; PeerError."""
        ...

    async def renew(self, termination_s: float) -> None:
        """Keep the subscription for `termination_s` from now; PeerError."""
        ...

    async def synchronise(self) -> None:
        """Ask for the present state of every property; PeerError."""
        ...


class OnvifDevice(Protocol):
    """What `gateway.ingest.onvif.OnvifClient` offers; whoever needs less declares less.

    Every method raises PeerError (CredentialError when refused) and is bounded in time and bytes.
    """

    @property
    def clock_offset_s(self) -> float | None:
        """Its clock minus ours when it was opened; None if it does not tell."""
        ...

    @property
    def has_events(self) -> bool:
        """It has an event service."""
        ...

    @property
    def has_media2(self) -> bool:
        """It has Media2: H.265 and masks."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was odd and was put right, one line each, for the installer."""
        ...

    async def information(self) -> DeviceInformation:
        """Return who made it."""
        ...

    async def services(self) -> tuple[Service, ...]:
        """Return what it offers."""
        ...

    async def profiles(self) -> tuple[MediaProfile, ...]:
        """Return its video profiles; Media2's if there are any, else Media1's."""
        ...

    async def stream_uri(self, token: str, *, transport: Transport, tls: bool = False) -> str:
        """Return the RTSP URI of a profile, without credentials, on an allowed host."""
        ...

    async def snapshot_uri(self, token: str) -> str:
        """Return the HTTP URI of a profile's still picture, without credentials."""
        ...

    async def synchronise(self, token: str) -> None:
        """Ask for a key picture of a profile now."""
        ...

    async def snapshot(self, token: str) -> bytes:
        """Return a still picture: one JPEG, at most 8 MiB."""
        ...

    async def ntp(self) -> NtpState:
        """Return where it has its time from and how far it is off."""
        ...

    async def set_gop(self, profile: MediaProfile, gop: int) -> MediaProfile:
        """Set the pictures per GOP, read it back and return the profile as it now is."""
        ...

    async def masks(self, configuration: str) -> tuple[CameraMask, ...]:
        """Return the privacy masks of a video source configuration."""
        ...

    async def put_masks(
        self, configuration: str, masks: Sequence[CameraMask]
    ) -> tuple[CameraMask, ...]:
        """Make `masks` all the masks there are, read them back and return them."""
        ...

    def pull_point(
        self, *, filter_topic: str = "", termination_s: float = 60.0
    ) -> AbstractAsyncContextManager[PullPoint]:
        """Subscribe to events; unsubscribes when left."""
        ...
