# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What leaves the box has its masks burned in: pixels are the proof."""

import io
from dataclasses import replace

import av
import cv2
import numpy as np
import pytest

from gateway.codec.exits import render_clip, render_still
from gateway.codec.jpeg import StillRequest
from gateway.codec.mux import ClipRequest
from gateway.model.alarm import Box
from gateway.model.errors import WireError
from gateway.model.media import Codec
from tests.footage import decoded, mp4_frames, rgb, scene

LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


def difference(one: np.ndarray, two: np.ndarray) -> float:
    """Return the mean absolute difference."""
    return float(np.abs(one.astype(int) - two.astype(int)).mean())


@pytest.mark.parametrize("codec", list(Codec))
def test_a_masked_still_hides_and_shows(codec: Codec) -> None:
    """In the JPEG everything in the polygon is black, the rest is the last picture."""
    units = scene(5, gop=5, visits=range(5), codec=codec)
    jpeg = render_still(StillRequest([LEFT_HALF], 320, units).pack())
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert pixels.shape == (240, 320, 3)
    assert pixels[:, :152].max() < 24
    last = rgb(4, size=(320, 240), visitor=True)
    assert difference(pixels[:, 168:], last[:, 168:]) < 12


DRAWN = Box(0.25, 0.25, 0.75, 0.75)


def test_boxes_are_drawn_beside_what_they_are_about() -> None:
    """Around the box the picture is yellow; within and far away it is as it was."""
    units = scene(5, gop=5)
    plain, drawn = (
        cv2.imdecode(np.frombuffer(render_still(request.pack()), np.uint8), 1).astype(int)
        for request in (StillRequest([], 320, units), StillRequest([], 320, units, [DRAWN]))
    )
    edge = drawn[57, 100:220]
    assert edge[:, 2].min() > 180
    assert edge[:, 0].max() < 110
    assert np.abs(drawn[76:164, 100:220] - plain[76:164, 100:220]).mean() < 3
    assert np.abs(drawn[:40] - plain[:40]).mean() < 3


def test_no_box_shows_what_a_mask_hides() -> None:
    """Of a box half under a mask the outer half alone is drawn: what is there stays hidden."""
    units = scene(5, gop=5)
    jpeg = render_still(StillRequest([LEFT_HALF], 320, units, [DRAWN]).pack())
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), 1)
    assert pixels[:, :144].max() < 40
    assert pixels[57, 184:220, 2].min() > 180


def test_a_still_is_scaled_down_never_up() -> None:
    """The width asked for is a bound; the shape of the picture stays."""
    units = scene(1, gop=1)
    for asked, shape in ((160, (120, 160)), (1280, (240, 320))):
        jpeg = render_still(StillRequest([], asked, units).pack())
        assert cv2.imdecode(np.frombuffer(jpeg, np.uint8), 1).shape[:2] == shape


@pytest.mark.parametrize("codec", list(Codec))
def test_a_masked_clip_hides_in_every_picture(codec: Codec) -> None:
    """In each picture of the clip the polygon is black, the rest is the source, at its time."""
    units = scene(30, gop=10, visits=range(30), codec=codec)
    frames = mp4_frames(render_clip(ClipRequest([LEFT_HALF], units).pack()))
    assert [round(frame.time * 90_000) for frame in frames] == [3600 * n for n in range(30)]
    for frame, source in zip(frames, decoded(units), strict=True):
        pixels = frame.to_ndarray(format="rgb24")
        assert pixels[:, :156].max() < 24
        assert difference(pixels[:, 164:], source[:, 164:]) < 10


@pytest.mark.parametrize("codec", [Codec.H265, Codec.JPEG])
def test_a_clip_is_h264_whatever_the_camera_sends(codec: Codec) -> None:
    """Browsers play nothing else everywhere: the same pictures, coded anew, with their colours."""
    units = scene(12, gop=6, visits=range(12), codec=codec)
    data = render_clip(ClipRequest([], units).pack())
    with av.open(io.BytesIO(data)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
    frames = mp4_frames(data)
    assert [round(frame.time * 90_000) for frame in frames] == [3600 * n for n in range(12)]
    for frame, source in zip(frames, decoded(units), strict=True):
        assert difference(frame.to_ndarray(format="rgb24"), source) < 6


def test_odd_sizes_are_coded_too() -> None:
    """A JPEG of 161 x 121 pixels: H.264 has even sides, the last column and row are left out."""
    pixels = np.full((121, 161, 3), (200, 40, 90), np.uint8)
    jpeg = bytes(cv2.imencode(".jpg", pixels[:, :, ::-1])[1])
    unit = replace(scene(1, gop=1, codec=Codec.JPEG)[0], nals=(jpeg,))
    for masks in ([], [LEFT_HALF]):
        (frame,) = mp4_frames(render_clip(ClipRequest(masks, [unit]).pack()))
        shown = frame.to_ndarray(format="rgb24")
        assert shown.shape == (120, 160, 3)
        assert np.abs(shown[60, 140].astype(int) - (200, 40, 90)).max() < 8


def test_without_masks_a_clip_is_not_coded_anew() -> None:
    """The slices in an unmasked clip are the camera's own bytes."""
    units = scene(6, gop=6)
    data = render_clip(ClipRequest([], units).pack())
    assert all(unit.nals[-1] in data for unit in units)


def test_a_masked_clip_does_not_hold_the_camera_s_bytes() -> None:
    """No slice of the source survives in a masked clip."""
    units = scene(6, gop=6)
    data = render_clip(ClipRequest([LEFT_HALF], units).pack())
    assert not any(unit.nals[-1][:200] in data for unit in units)


def test_a_mask_that_cannot_be_applied_gives_no_picture() -> None:
    """A polygon of two corners is a refusal: fail closed, never an unmasked picture."""
    units = scene(2, gop=2)
    with pytest.raises(WireError, match="corners"):
        render_still(StillRequest([LEFT_HALF[:2]], 320, units).pack())
    with pytest.raises(WireError, match="corners"):
        render_clip(ClipRequest([LEFT_HALF[:2]], units).pack())
