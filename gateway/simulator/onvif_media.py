# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Media (ver10) and Media2 (ver20) of the strict device: one state, two services."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from lxml import etree

from gateway.model.media import Codec
from gateway.model.registry import Point
from gateway.simulator.onvif_device import (
    MEDIA,
    MEDIA2,
    SCHEMA,
    TT,
    OnvifDevice,
    SoapFaultError,
    Tags,
    require_namespace,
    text_of,
)

TRT = Tags(MEDIA, trt=MEDIA, tt=SCHEMA)
TR2 = Tags(MEDIA2, tr2=MEDIA2, tt=SCHEMA)


@dataclass(frozen=True, slots=True)
class SimulatedProfile:
    """One rendition of one channel."""

    token: str
    name: str
    source: str
    """Token of the video source; its configuration is `vsc-` and this."""
    source_name: str
    path: str
    """Of the RTSP stream, without a slash in front."""
    codec: Codec = Codec.H264
    size_px: tuple[int, int] = (1920, 1080)
    fps: float = 25.0
    gop: int = 50
    bit_rate_kbps: int = 3000
    has_metadata: bool = False

    def encoder(self) -> str:
        """Return the token of its encoder configuration."""
        return f"vec-{self.token}"

    def source_configuration(self) -> str:
        """Return the token of its video source configuration."""
        return f"vsc-{self.source}"


@dataclass(frozen=True, slots=True)
class SimulatedMask:
    """A privacy mask as Media2 sees it: -1..1, y up."""

    token: str
    configuration: str
    polygon: tuple[Point, ...]
    kind: str
    enabled: bool
    color: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class MaskLimits:
    """GetMaskOptions."""

    most: int = 4
    points: int = 8
    rectangle_only: bool = False
    kinds: tuple[str, ...] = ("Color", "Pixelated", "Blurred")


@dataclass(frozen=True, slots=True)
class MediaOptions:
    """What the device can do."""

    rtsp_port: int = 554
    rtsps_port: int = 0
    """0: no RTSPS."""
    snapshot: Callable[[str], Awaitable[bytes]] | None = field(default=None, repr=False)
    """Returns a JPEG for a profile's token; None: no snapshots."""
    gop_range: tuple[int, int] = (1, 250)
    masks: MaskLimits | None = field(default_factory=MaskLimits)
    """None: a device without masks."""


_MOST_NOTED = 100


class MediaState:
    """What both services show and change."""

    def __init__(self, profiles: tuple[SimulatedProfile, ...], options: MediaOptions) -> None:
        self.options = options
        self.profiles: dict[str, SimulatedProfile] = {one.token: one for one in profiles}
        self.masks: dict[str, SimulatedMask] = {}
        self.synchronised: list[str] = []
        """Profiles of which a key picture was asked, newest last."""
        self._made = 0

    def profile(self, token: str) -> SimulatedProfile:
        """Return a profile; SoapFaultError as the specification wants it."""
        found = self.profiles.get(token)
        if found is None:
            raise SoapFaultError("ter:InvalidArgVal/ter:NoProfile", "Profile token does not exist")
        return found

    def of_encoder(self, token: str) -> SimulatedProfile:
        """Return the profile whose encoder configuration this is."""
        for one in self.profiles.values():
            if one.encoder() == token:
                return one
        raise _no_configuration()

    def check_source(self, token: str) -> None:
        """Refuse the token of a video source configuration that does not exist."""
        if all(one.source_configuration() != token for one in self.profiles.values()):
            raise _no_configuration()

    def set_gop(self, encoder: str, gop: int, size_px: tuple[int, int]) -> None:
        """Change an encoder's GOP; its size cannot be changed here."""
        profile = self.of_encoder(encoder)
        low, high = self.options.gop_range
        if not low <= gop <= high or size_px != profile.size_px:
            raise SoapFaultError("ter:InvalidArgVal/ter:ConfigModify", "Parameters cannot be set")
        self.profiles[profile.token] = replace(profile, gop=gop)

    def put_mask(self, mask: SimulatedMask) -> str:
        """Make or replace a mask within the limits; returns its token."""
        limits = self.limits()
        self.check_source(mask.configuration)
        used = [one for one in self.masks.values() if one.configuration == mask.configuration]
        if not mask.token and len(used) >= limits.most:
            raise SoapFaultError("ter:Action/ter:MaxMasks", "no more masks", receiver=True)
        if mask.token and mask.token not in self.masks:
            raise _no_configuration()
        _check_mask(mask, limits)
        if not mask.token:
            self._made += 1
            mask = replace(mask, token=f"mask-{self._made}")
        self.masks[mask.token] = mask
        return mask.token

    def limits(self) -> MaskLimits:
        """Return the mask options; SoapFaultError if there are no masks."""
        if self.options.masks is None:
            raise SoapFaultError("ter:ActionNotSupported", "Optional Action Not Implemented")
        return self.options.masks

    def synchronise(self, token: str) -> None:
        """Note that somebody wants a key picture of a profile."""
        self.synchronised.append(self.profile(token).token)
        del self.synchronised[:-_MOST_NOTED]

    def stream_uri(self, profile: SimulatedProfile, url: str, *, tls: bool) -> str:
        """Return where a profile's stream is."""
        if tls and not self.options.rtsps_port:
            raise SoapFaultError(
                "ter:InvalidArgVal/ter:InvalidStreamSetup", "RTSPS is not supported"
            )
        host = urlsplit(url).hostname or ""
        host = f"[{host}]" if ":" in host else host
        port = self.options.rtsps_port if tls else self.options.rtsp_port
        return f"{'rtsps' if tls else 'rtsp'}://{host}:{port}/{profile.path}"

    def snapshot_uri(self, token: str, url: str) -> str:
        """Return where a profile's still picture is."""
        self.profile(token)
        if self.options.snapshot is None:
            raise SoapFaultError("ter:ActionNotSupported", "no snapshots", receiver=True)
        return f"{url}/snapshot/{token}"

    def serve_snapshots(self, device: OnvifDevice) -> None:
        """Let the device answer the snapshot URIs."""
        snapshot = self.options.snapshot
        if snapshot is None:
            return
        for token in self.profiles:

            async def read(token: str = token) -> bytes:
                return await snapshot(token)

            device.serve_file(f"/snapshot/{token}", "image/jpeg", read)


def _no_configuration() -> SoapFaultError:
    return SoapFaultError("ter:InvalidArgVal/ter:NoConfig", "Configuration token does not exist")


def _check_mask(mask: SimulatedMask, limits: MaskLimits) -> None:
    bounded = all(-1 <= x <= 1 and -1 <= y <= 1 for x, y in mask.polygon)
    enough = 3 <= len(mask.polygon) <= limits.points  # noqa: PLR2004 - a triangle
    corners = len({x for x, _ in mask.polygon}) == len({y for _, y in mask.polygon}) == 2  # noqa: PLR2004
    square = not limits.rectangle_only or (corners and len(mask.polygon) == 4)  # noqa: PLR2004
    if not (bounded and enough and square and mask.kind in limits.kinds):
        raise SoapFaultError("ter:InvalidArgVal/ter:InvalidPolygon", "mask cannot be represented")
    if mask.kind == "Color" and mask.color is None:
        raise SoapFaultError("ter:InvalidArgVal", "Color is needed for type Color")


def _flag(value: str | None) -> bool:
    if value not in {"true", "false", "1", "0"}:
        raise SoapFaultError("ter:InvalidArgVal", "not a boolean")
    return value in {"true", "1"}


def _number(value: str | None) -> float:
    try:
        return float(value or "")
    except ValueError:
        raise SoapFaultError("ter:InvalidArgVal", "not a number") from None


def _child(request: etree._Element, path: str) -> etree._Element:
    found = request.find(path, {"tt": SCHEMA, "tr2": MEDIA2, "trt": MEDIA})
    if found is None:
        raise SoapFaultError("ter:InvalidArgs", f"{path} is missing")
    return found


def _size(configuration: etree._Element) -> tuple[int, int]:
    width = _child(configuration, "tt:Resolution/tt:Width").text
    height = _child(configuration, "tt:Resolution/tt:Height").text
    return int(_number(width)), int(_number(height))


def _video_source(tags: Tags, name: str, profile: SimulatedProfile) -> etree._Element:
    width, height = profile.size_px
    bounds = TT("Bounds", x="0", y="0", width=str(width), height=str(height))
    return tags(
        name,
        TT("Name", profile.source_name),
        TT("UseCount", "2"),
        TT("SourceToken", profile.source),
        bounds,
        token=profile.source_configuration(),
    )


def _multicast() -> etree._Element:
    address = TT("Address", TT("Type", "IPv4"), TT("IPv4Address", "224.0.0.1"))
    return TT("Multicast", address, TT("Port", "0"), TT("TTL", "1"), TT("AutoStart", "false"))


def _resolution(profile: SimulatedProfile) -> etree._Element:
    width, height = profile.size_px
    return TT("Resolution", TT("Width", str(width)), TT("Height", str(height)))


def _metadata(tags: Tags, name: str) -> etree._Element:
    parts = (TT("Name", "metadata"), TT("UseCount", "1"), _multicast())
    timeout = TT("SessionTimeout", "PT60S")
    made = tags(name, *parts, timeout)
    made.set("token", "md-1")
    return made


class _Operations:
    """Looks an operation up in a table and answers it."""

    namespace = ""
    path = ""

    def __init__(
        self,
        state: MediaState,
        operations: "Mapping[str, Callable[[etree._Element, str], etree._Element]]",
    ) -> None:
        self._state = state
        self._operations = operations

    async def call(self, operation: str, request: etree._Element, device_url: str) -> bytes:
        """Answer one operation."""
        require_namespace(request, self.namespace)
        answer = self._operations.get(operation)
        if answer is None:
            raise SoapFaultError("ter:ActionNotSupported", "Optional Action Not Implemented")
        return etree.tostring(answer(request, device_url))


class Media1Service(_Operations):
    """Media (ver10): H.264 and JPEG only, because its types know nothing else."""

    namespace = MEDIA
    path = "/onvif/media_service"

    def __init__(self, state: MediaState) -> None:
        table = {
            "GetProfiles": self._profiles,
            "GetStreamUri": self._stream_uri,
            "GetSnapshotUri": self._snapshot_uri,
            "SetSynchronizationPoint": self._synchronise,
            "GetVideoEncoderConfiguration": self._encoder,
            "SetVideoEncoderConfiguration": self._set_encoder,
        }
        super().__init__(state, table)

    def _profiles(self, _request: etree._Element, _url: str) -> etree._Element:
        shown = [one for one in self._state.profiles.values() if one.codec is not Codec.H265]
        return TRT("GetProfilesResponse", *map(self._profile, shown))

    def _profile(self, profile: SimulatedProfile) -> etree._Element:
        parts = [
            TT("Name", profile.name),
            _video_source(TT, "VideoSourceConfiguration", profile),
            self._configuration(TT, "VideoEncoderConfiguration", profile),
        ]
        if profile.has_metadata:
            parts.append(_metadata(TT, "MetadataConfiguration"))
        return TRT("Profiles", *parts, token=profile.token, fixed="true")

    def _configuration(self, tags: Tags, name: str, profile: SimulatedProfile) -> etree._Element:
        gop = TT("GovLength", str(profile.gop))
        parts = [
            TT("Name", f"encoder {profile.name}"),
            TT("UseCount", "1"),
            TT("Encoding", profile.codec.value),
            _resolution(profile),
            TT("Quality", "5"),
            TT(
                "RateControl",
                TT("FrameRateLimit", str(round(profile.fps))),
                TT("EncodingInterval", "1"),
                TT("BitrateLimit", str(profile.bit_rate_kbps)),
            ),
        ]
        if profile.codec is Codec.H264:
            parts.append(TT("H264", gop, TT("H264Profile", "Main")))
        parts += [_multicast(), TT("SessionTimeout", "PT60S")]
        return tags(name, *parts, token=profile.encoder())

    def _encoder(self, request: etree._Element, _url: str) -> etree._Element:
        profile = self._state.of_encoder(text_of(request, "ConfigurationToken"))
        name = "GetVideoEncoderConfigurationResponse"
        return TRT(name, self._configuration(TRT, "Configuration", profile))

    def _set_encoder(self, request: etree._Element, _url: str) -> etree._Element:
        _flag(text_of(request, "ForcePersistence"))
        configuration = _child(request, "trt:Configuration")
        gop = _child(configuration, "tt:H264/tt:GovLength").text
        for name in ("Name", "UseCount", "Encoding", "Quality", "Multicast", "SessionTimeout"):
            _child(configuration, f"tt:{name}")
        token = configuration.get("token") or ""
        self._state.set_gop(token, int(_number(gop)), _size(configuration))
        return TRT("SetVideoEncoderConfigurationResponse")

    def _stream_uri(self, request: etree._Element, url: str) -> etree._Element:
        profile = self._state.profile(text_of(request, "ProfileToken"))
        stream = _child(request, "trt:StreamSetup/tt:Stream").text
        protocol = _child(request, "trt:StreamSetup/tt:Transport/tt:Protocol").text
        if stream != "RTP-Unicast" or protocol not in {"UDP", "TCP", "RTSP", "HTTP"}:
            raise SoapFaultError(
                "ter:InvalidArgVal/ter:InvalidStreamSetup", "stream setup is not supported"
            )
        uri = self._state.stream_uri(profile, url, tls=False)
        return TRT("GetStreamUriResponse", self._media_uri(uri))

    def _synchronise(self, request: etree._Element, _url: str) -> etree._Element:
        self._state.synchronise(text_of(request, "ProfileToken"))
        return TRT("SetSynchronizationPointResponse")

    def _snapshot_uri(self, request: etree._Element, url: str) -> etree._Element:
        uri = self._state.snapshot_uri(text_of(request, "ProfileToken"), url)
        return TRT("GetSnapshotUriResponse", self._media_uri(uri))

    @staticmethod
    def _media_uri(uri: str) -> etree._Element:
        invalid = ("InvalidAfterConnect", "InvalidAfterReboot")
        flags = [TT(name, "false") for name in invalid]
        return TRT("MediaUri", TT("Uri", uri), *flags, TT("Timeout", "PT0S"))


class Media2Service(_Operations):
    """Media2 (ver20): every codec, RTSPS, masks."""

    namespace = MEDIA2
    path = "/onvif/media2_service"

    def __init__(self, state: MediaState) -> None:
        table = {
            "GetProfiles": self._profiles,
            "GetVideoEncoderConfigurations": self._encoders,
            "SetVideoEncoderConfiguration": self._set_encoder,
            "GetStreamUri": self._stream_uri,
            "GetSnapshotUri": self._snapshot_uri,
            "SetSynchronizationPoint": self._synchronise,
            "GetMasks": self._masks,
            "GetMaskOptions": self._mask_options,
            "CreateMask": self._create_mask,
            "SetMask": self._set_mask,
            "DeleteMask": self._delete_mask,
        }
        super().__init__(state, table)

    def _profiles(self, request: etree._Element, _url: str) -> etree._Element:
        token = request.findtext(f"{{{MEDIA2}}}Token")
        wanted = {one.text or "" for one in request.findall(f"{{{MEDIA2}}}Type")}
        shown = [self._state.profile(token)] if token else list(self._state.profiles.values())
        return TR2("GetProfilesResponse", *(self._profile(one, wanted) for one in shown))

    def _profile(self, profile: SimulatedProfile, wanted: set[str]) -> etree._Element:
        """Return it with configurations of the types asked for only (Media2 §5.2.3)."""
        parts: list[etree._Element] = []
        if wanted & {"All", "VideoSource"}:
            parts.append(_video_source(TR2, "VideoSource", profile))
        if wanted & {"All", "VideoEncoder"}:
            parts.append(self._configuration("VideoEncoder", profile))
        if profile.has_metadata and wanted & {"All", "Metadata"}:
            parts.append(_metadata(TR2, "Metadata"))
        name = TR2("Name", profile.name)
        children = (name, TR2("Configurations", *parts)) if parts else (name,)
        return TR2("Profiles", *children, token=profile.token, fixed="true")

    def _configuration(self, name: str, profile: SimulatedProfile) -> etree._Element:
        rate = TT(
            "RateControl",
            TT("FrameRateLimit", str(profile.fps)),
            TT("BitrateLimit", str(profile.bit_rate_kbps)),
            ConstantBitRate="false",
        )
        return TR2(
            name,
            TT("Name", f"encoder {profile.name}"),
            TT("UseCount", "1"),
            TT("Encoding", profile.codec.value),
            _resolution(profile),
            rate,
            TT("Quality", "5"),
            token=profile.encoder(),
            GovLength=str(profile.gop),
            Profile="Main",
        )

    def _encoders(self, request: etree._Element, _url: str) -> etree._Element:
        token = request.findtext(f"{{{MEDIA2}}}ConfigurationToken")
        shown = [self._state.of_encoder(token)] if token else list(self._state.profiles.values())
        made = [self._configuration("Configurations", one) for one in shown]
        return TR2("GetVideoEncoderConfigurationsResponse", *made)

    def _set_encoder(self, request: etree._Element, _url: str) -> etree._Element:
        configuration = _child(request, "tr2:Configuration")
        for name in ("Name", "UseCount", "Encoding", "Quality"):
            _child(configuration, f"tt:{name}")
        token = configuration.get("token") or ""
        gop = int(_number(configuration.get("GovLength")))
        self._state.set_gop(token, gop, _size(configuration))
        return TR2("SetVideoEncoderConfigurationResponse")

    def _stream_uri(self, request: etree._Element, url: str) -> etree._Element:
        protocol = text_of(request, "Protocol")
        if protocol not in {"RtspUnicast", "RTSP", "RtspsUnicast", "RtspOverHttp"}:
            raise SoapFaultError(
                "ter:InvalidArgVal/ter:InvalidStreamSetup", "protocol is not supported"
            )
        profile = self._state.profile(text_of(request, "ProfileToken"))
        uri = self._state.stream_uri(profile, url, tls=protocol == "RtspsUnicast")
        return TR2("GetStreamUriResponse", TR2("Uri", uri))

    def _synchronise(self, request: etree._Element, _url: str) -> etree._Element:
        self._state.synchronise(text_of(request, "ProfileToken"))
        return TR2("SetSynchronizationPointResponse")

    def _snapshot_uri(self, request: etree._Element, url: str) -> etree._Element:
        uri = self._state.snapshot_uri(text_of(request, "ProfileToken"), url)
        return TR2("GetSnapshotUriResponse", TR2("Uri", uri))

    def _masks(self, request: etree._Element, _url: str) -> etree._Element:
        self._state.limits()
        configuration = request.findtext(f"{{{MEDIA2}}}ConfigurationToken")
        if configuration:
            self._state.check_source(configuration)
        shown = [
            one for one in self._state.masks.values() if configuration in {None, one.configuration}
        ]
        return TR2("GetMasksResponse", *map(_mask_element, shown))

    def _mask_options(self, request: etree._Element, _url: str) -> etree._Element:
        limits = self._state.limits()
        self._state.check_source(text_of(request, "ConfigurationToken"))
        kinds = [TR2("Types", one) for one in limits.kinds]
        options = TR2(
            "Options",
            TR2("MaxMasks", str(limits.most)),
            TR2("MaxPoints", str(limits.points)),
            *kinds,
            TR2("Color", TT("ColorList", X="0", Y="0", Z="0")),
            RectangleOnly="true" if limits.rectangle_only else "false",
            SingleColorOnly="true",
        )
        return TR2("GetMaskOptionsResponse", options)

    def _create_mask(self, request: etree._Element, _url: str) -> etree._Element:
        mask = replace(_mask_of(_child(request, "tr2:Mask")), token="")
        return TR2("CreateMaskResponse", TR2("Token", self._state.put_mask(mask)))

    def _set_mask(self, request: etree._Element, _url: str) -> etree._Element:
        mask = _mask_of(_child(request, "tr2:Mask"))
        if not mask.token:
            raise _no_configuration()
        self._state.put_mask(mask)
        return TR2("SetMaskResponse")

    def _delete_mask(self, request: etree._Element, _url: str) -> etree._Element:
        if self._state.masks.pop(text_of(request, "Token"), None) is None:
            raise _no_configuration()
        return TR2("DeleteMaskResponse")


def _mask_element(mask: SimulatedMask) -> etree._Element:
    points = [TT("Point", x=f"{x:.6f}", y=f"{y:.6f}") for x, y in mask.polygon]
    parts = [
        TR2("ConfigurationToken", mask.configuration),
        TR2("Polygon", *points),
        TR2("Type", mask.kind),
    ]
    if mask.color is not None:
        x, y, z = map(str, mask.color)
        parts.append(TR2("Color", X=x, Y=y, Z=z))
    parts.append(TR2("Enabled", "true" if mask.enabled else "false"))
    return TR2("Masks", *parts, token=mask.token)


def _mask_of(element: etree._Element) -> SimulatedMask:
    points = _child(element, "tr2:Polygon").findall(f"{{{SCHEMA}}}Point")
    color = element.find(f"{{{MEDIA2}}}Color")
    return SimulatedMask(
        element.get("token") or "",
        text_of(element, "ConfigurationToken"),
        tuple((_number(one.get("x")), _number(one.get("y"))) for one in points),
        text_of(element, "Type"),
        _flag(text_of(element, "Enabled")),
        None
        if color is None
        else (_number(color.get("X")), _number(color.get("Y")), _number(color.get("Z"))),
    )
