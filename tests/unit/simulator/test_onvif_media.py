# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Media and Media2 of the strict device: limits and faults (what they answer, zeep judges)."""

import pytest

from gateway.simulator.onvif_device import SoapFaultError
from gateway.simulator.onvif_media import MaskLimits, MediaOptions, MediaState, SimulatedMask
from tests.onvif_parts import PROFILES

TRIANGLE = ((-1.0, 1.0), (1.0, 1.0), (0.0, -1.0))
SQUARE = ((-1.0, 1.0), (1.0, 1.0), (1.0, -1.0), (-1.0, -1.0))


def state(**options):
    return MediaState(PROFILES, MediaOptions(554, **options))


def mask(token="", polygon=TRIANGLE, kind="Pixelated", configuration="vsc-vs-1"):
    return SimulatedMask(token, configuration, polygon, kind, enabled=True)


def test_unknown_tokens_have_their_own_faults():
    """NoProfile for profiles, NoConfig for configurations."""
    for call in (lambda s: s.profile("x"), lambda s: s.snapshot_uri("x", "http://cam")):
        with pytest.raises(SoapFaultError) as told:
            call(state())
        assert told.value.subcode.endswith("NoProfile")
    for call in (lambda s: s.of_encoder("x"), lambda s: s.check_source("x")):
        with pytest.raises(SoapFaultError) as told:
            call(state())
        assert told.value.subcode.endswith("NoConfig")


@pytest.mark.parametrize(("gop", "size"), [(0, (1920, 1080)), (251, (1920, 1080)), (25, (1, 1))])
def test_encoders_change_only_within_their_range(gop, size):
    """A GOP out of range or another size is ConfigModify and changes nothing."""
    media = state()
    with pytest.raises(SoapFaultError) as told:
        media.set_gop("vec-main", gop, size)
    assert told.value.subcode.endswith("ConfigModify")
    assert media.profiles["main"].gop == 50
    media.set_gop("vec-main", 25, (1920, 1080))
    assert media.profiles["main"].gop == 25


def test_masks_are_bounded_per_source():
    """So many masks and no more; tokens are given out by the device and must exist to be set."""
    media = state(masks=MaskLimits(most=1))
    token = media.put_mask(mask())
    assert media.put_mask(mask(token, SQUARE)) == token
    assert media.masks[token].polygon == SQUARE
    with pytest.raises(SoapFaultError, match="no more masks"):
        media.put_mask(mask())
    with pytest.raises(SoapFaultError, match="does not exist"):
        media.put_mask(mask("stranger"))
    with pytest.raises(SoapFaultError, match="does not exist"):
        media.put_mask(mask(configuration="x"))


@pytest.mark.parametrize(
    ("limits", "wrong"),
    [
        (MaskLimits(), mask(polygon=((-1.1, 0), (0, 0), (1, 1)))),
        (MaskLimits(), mask(polygon=TRIANGLE[:2])),
        (MaskLimits(points=3), mask(polygon=SQUARE)),
        (MaskLimits(rectangle_only=True), mask()),
        (MaskLimits(kinds=("Color",)), mask()),
        (MaskLimits(), mask(kind="Color")),
    ],
)
def test_masks_beyond_the_options_are_faults(limits, wrong):
    """What GetMaskOptions does not offer cannot be set; a colour mask needs its colour."""
    with pytest.raises(SoapFaultError):
        state(masks=limits).put_mask(wrong)


def test_uris_follow_the_options():
    """RTSPS and snapshots exist only where the options say so; IPv6 hosts are bracketed."""
    media = state(rtsps_port=0)
    uri = media.stream_uri(PROFILES[0], "http://[::1]:80", tls=False)
    assert uri == "rtsp://[::1]:554/ch1/main"
    with pytest.raises(SoapFaultError, match="RTSPS"):
        media.stream_uri(PROFILES[0], "http://cam", tls=True)
    with pytest.raises(SoapFaultError, match="no snapshots"):
        media.snapshot_uri("main", "http://cam")
    with pytest.raises(SoapFaultError):
        state(masks=None).limits()
