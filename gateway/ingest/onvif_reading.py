# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From the library's loose objects to our values: anything may be missing, nothing is huge."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeAlias

from lxml import etree

from gateway.ingest import onvif_masks
from gateway.ingest.onvif_addresses import printable
from gateway.ingest.onvif_model import (
    CameraMask,
    DeviceInformation,
    MaskKind,
    MediaProfile,
    NtpState,
    Service,
    TimeKind,
)
from gateway.model.media import Codec

Loose: TypeAlias = Any
"""An object of zeep, or part of one: its attributes are known at run time only."""
MOST_LISTED = 1024
"""A recorder of 64 channels has up to 3 profiles each."""
MOST_MASKS = 64
MOST_POINTS = 128
_CODECS = {"H264": Codec.H264, "H265": Codec.H265, "HEVC": Codec.H265, "JPEG": Codec.JPEG}
_MOST_INTEGER = 1 << 31
_CAPABILITIES = {
    "Device": "http://www.onvif.org/ver10/device/wsdl",
    "Media": "http://www.onvif.org/ver10/media/wsdl",
    "Events": "http://www.onvif.org/ver10/events/wsdl",
}


def at(value: object, *path: str) -> Loose:
    """Return what is at a path of attributes; None where it is missing."""
    found: Loose = value
    for name in path:
        found = getattr(found, name, None)
    return found


def text(value: object) -> str:
    """Return printable text of at most 128 letters; tokens too are kept whole within it."""
    return "" if value is None else printable(str(value))


def integer(value: object) -> int:
    """Return a whole number from 0; what is none, negative or huge is 0."""
    try:
        number = int(str(value))
    except (TypeError, ValueError, OverflowError):
        return 0
    return number if 0 <= number < _MOST_INTEGER else 0


def number(value: object) -> float:
    """Return a finite number from 0; anything else is 0."""
    try:
        found = float(str(value))
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return found if math.isfinite(found) and found >= 0 else 0.0


def listed(value: object) -> list[Loose]:
    """Return a reply's list; zeep returns None for an empty one, a single value for some."""
    if value is None:
        return []
    return list(value)[:MOST_LISTED] if isinstance(value, list) else [value]


def information(value: object) -> DeviceInformation:
    """Read GetDeviceInformation."""
    names = ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber", "HardwareId")
    return DeviceInformation(*(text(at(value, name)) for name in names))


def services(value: object) -> list[Service]:
    """Read GetServices."""
    found = []
    for one in listed(value):
        major, minor = at(one, "Version", "Major"), at(one, "Version", "Minor")
        version = "" if major is None else f"{integer(major)}.{integer(minor):02d}"
        found.append(Service(text(at(one, "Namespace")), str(at(one, "XAddr") or ""), version))
    return found


def capabilities(value: object) -> list[Service]:
    """Read GetCapabilities as if it were GetServices."""
    found = [(space, at(value, name, "XAddr")) for name, space in _CAPABILITIES.items()]
    return [Service(space, str(xaddr)) for space, xaddr in found if xaddr]


def profiles2(value: object) -> tuple[MediaProfile, ...]:
    """Read Media2's GetProfiles; profiles without a video source are left out."""
    found = []
    for one in listed(value):
        parts = at(one, "Configurations")
        encoder = at(parts, "VideoEncoder")
        rate = at(encoder, "RateControl")
        profile = _profile(one, at(parts, "VideoSource"), encoder)
        found.append(
            replace(
                profile,
                fps=number(at(rate, "FrameRateLimit")),
                gop=integer(at(encoder, "GovLength")),
                bit_rate_kbps=integer(at(rate, "BitrateLimit")),
                media2=True,
                has_metadata=at(parts, "Metadata") is not None,
            )
        )
    return tuple(one for one in found if one.token and one.source_token)


def profiles1(value: object) -> tuple[MediaProfile, ...]:
    """Read Media1's GetProfiles; profiles without a video source are left out."""
    found = []
    for one in listed(value):
        encoder = at(one, "VideoEncoderConfiguration")
        rate = at(encoder, "RateControl")
        profile = _profile(one, at(one, "VideoSourceConfiguration"), encoder)
        name = gop_element(encoder)
        found.append(
            replace(
                profile,
                fps=number(at(rate, "FrameRateLimit")),
                gop=integer(at(encoder, name, "GovLength")) if name else 0,
                bit_rate_kbps=integer(at(rate, "BitrateLimit")),
                has_metadata=at(one, "MetadataConfiguration") is not None,
            )
        )
    return tuple(one for one in found if one.token and one.source_token)


def _profile(one: object, source: object, encoder: object) -> MediaProfile:
    encoding = text(at(encoder, "Encoding"))
    size = at(encoder, "Resolution")
    return MediaProfile(
        token=text(at(one, "token")),
        name=text(at(one, "Name")),
        source_token=text(at(source, "SourceToken")),
        source_name=text(at(source, "Name")),
        encoder_token=text(at(encoder, "token")),
        codec=_CODECS.get(encoding.upper().replace(".", "")),
        size_px=(integer(at(size, "Width")), integer(at(size, "Height"))),
        fps=0.0,
        gop=0,
        bit_rate_kbps=0,
        media2=False,
        encoding=encoding,
        source_configuration=text(at(source, "token")),
    )


def gop_element(encoder: object) -> str | None:
    """Return where Media1 keeps the GOP of an encoder; None if it has none (JPEG)."""
    for name in ("H264", "MPEG4"):
        if at(encoder, name) is not None:
            return name
    return None


def utc_s(value: object) -> float | None:
    """Read the UTC time of SystemDateAndTime, seconds since 1970; None if it has none."""
    day, hour = at(value, "UTCDateTime", "Date"), at(value, "UTCDateTime", "Time")
    try:
        year, month, date = (int(at(day, name)) for name in ("Year", "Month", "Day"))
        hours, minutes, seconds = (int(at(hour, name)) for name in ("Hour", "Minute", "Second"))
        # a leap second is the last one twice
        told = datetime(year, month, date, hours, minutes, min(seconds, 59), tzinfo=UTC)
        return told.timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def ntp(told: object, servers: object, offset_s: float | None) -> NtpState:
    """Read GetSystemDateAndTime and GetNTP (None: it has no such operation)."""
    name = text(at(told, "DateTimeType"))
    kind = next((one for one in TimeKind if one.value.lower() == name.lower()), None)
    from_dhcp = bool(at(servers, "FromDHCP"))
    entries = listed(at(servers, "NTPFromDHCP" if from_dhcp else "NTPManual"))
    hosts = [
        text(at(one, "DNSname") or at(one, "IPv4Address") or at(one, "IPv6Address"))
        for one in entries[:8]
    ]
    return NtpState(from_dhcp, tuple(filter(None, hosts)), offset_s, kind)


def masks(value: object) -> tuple[CameraMask, ...]:
    """Read GetMasks; a mask of a kind that we do not know counts as plain colour."""
    found = []
    for one in listed(value)[:MOST_MASKS]:
        points = listed(at(one, "Polygon", "Point"))[:MOST_POINTS]
        polygon = [(_signed(at(it, "x")), _signed(at(it, "y"))) for it in points]
        found.append(
            CameraMask(
                text(at(one, "token")),
                onvif_masks.from_onvif(polygon),
                bool(at(one, "Enabled")),
                _kind(at(one, "Type")) or MaskKind.COLOR,
            )
        )
    return tuple(found)


def mask_limits(value: object) -> onvif_masks.MaskLimits:
    """Read GetMaskOptions."""
    kinds = [_kind(one) for one in listed(at(value, "Types"))]
    colors = listed(at(value, "Color", "ColorList"))[:MOST_MASKS]
    return onvif_masks.MaskLimits(
        most=integer(at(value, "MaxMasks")),
        points=integer(at(value, "MaxPoints")),
        kinds=tuple(one for one in kinds if one is not None),
        rectangle_only=bool(at(value, "RectangleOnly")),
        colors=tuple((number(at(c, "X")), number(at(c, "Y")), number(at(c, "Z"))) for c in colors),
    )


def times(root: etree._Element) -> tuple[int | None, int | None]:
    """Return CurrentTime and TerminationTime of an event reply, UTC in microseconds."""
    found: dict[str, int | None] = {"CurrentTime": None, "TerminationTime": None}
    for element in root.iter("{*}CurrentTime", "{*}TerminationTime"):
        name = etree.QName(element).localname
        if found[name] is None:
            found[name] = _utc_us(element.text or "")
    return found["CurrentTime"], found["TerminationTime"]


def _utc_us(value: str) -> int | None:
    try:
        moment = datetime.fromisoformat(value.strip())
        placed = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return round(placed.timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        return None


def _kind(value: object) -> MaskKind | None:
    name = text(value).lower()
    return next((one for one in MaskKind if one.value.lower() == name), None)


def _signed(value: object) -> float:
    try:
        found = float(str(value))
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return found if math.isfinite(found) else 0.0
