# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What gateway and child say about plates comes out as it went in, or is refused without a text."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.plates.request import (
    Lane,
    Passed,
    PictureRequest,
    PlatePicture,
    PlateReply,
    PlateRequest,
    Run,
)
from gateway.codec.warm_up import grey_units
from gateway.model.alarm import Box
from gateway.model.errors import WireError
from gateway.model.plate import Alternative, PlateRead
from gateway.model.registry import Direction

texts = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", max_size=12)
shares = st.floats(0, 1, width=32)


@st.composite
def reads(draw: st.DrawFn) -> PlateRead:
    text = draw(texts)
    return PlateRead(
        text,
        draw(shares),
        tuple(draw(st.lists(shares, min_size=len(text), max_size=len(text)))),
        tuple(draw(st.lists(st.builds(Alternative, texts, shares), max_size=8))),
        draw(st.sampled_from(["", "IT", "SK"])),
        draw(st.sampled_from(["Normal", "Police", "Diplomat"])),
        draw(st.booleans()),
        draw(st.integers(0, 65535)),
    )


passages = st.builds(
    Passed,
    st.integers(0, 2**63),
    st.integers(0, 1),
    st.sampled_from([Direction.AB, Direction.BA]),
    st.integers(-(2**62), 2**62),
    reads(),
    st.just(Box(0.25, 0.5, 0.5, 0.625)),
    st.floats(0, 8192, width=32),
)
replies = st.builds(
    PlateReply,
    st.booleans(),
    *(st.integers(0, 1000) for _ in range(5)),
    st.lists(passages, max_size=3).map(tuple),
    st.just(1.5),
    st.just(0.25),
)


@given(replies)
def test_an_answer_comes_out_as_it_went_in(reply: PlateReply) -> None:
    """Every figure and every text, and none of them in a repr."""
    assert PlateReply.unpack(reply.pack(), 2) == reply
    for one in reply.passed:
        if len(one.read.text) > 3:
            assert one.read.text not in repr(one)


@given(replies, st.data())
def test_a_broken_answer_is_refused_without_its_text(
    reply: PlateReply, data: st.DataObject
) -> None:
    """Cut anywhere, or with a byte changed: a WireError, or an answer of possible numbers."""
    packed = bytearray(reply.pack())
    at = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(WireError):
        PlateReply.unpack(bytes(packed[:at]), 2)
    packed[at] ^= data.draw(st.integers(1, 255))
    said, found = "", reply
    try:
        found = PlateReply.unpack(bytes(packed), 2)
    except WireError as error:
        said = str(error)
    assert not any(len(one.read.text) > 3 and one.read.text in said for one in reply.passed)
    assert all(0 <= one.read.confidence <= 1 and one.lane < 2 for one in found.passed)


def test_a_request_comes_out_as_it_went_in() -> None:
    """Lanes, lines, ways and units."""
    lane = Lane(((0.0, 0.0), (0.5, 0.0), (0.5, 1.0)), ((0.0, 0.5), (0.5, 0.25)), Direction.BA)
    request = PlateRequest("varco", Run.FOLLOW, [lane], grey_units())
    found = PlateRequest.unpack(request.pack())
    assert (found.camera, found.run, found.units) == ("varco", Run.FOLLOW, request.units)
    assert [(tuple(one.polygon), one.line, one.direction) for one in found.lanes] == [
        (lane.polygon, lane.line, lane.direction)
    ]
    point = Lane(lane.polygon, ((0.5, 0.5), (0.5, 0.5)))
    with pytest.raises(WireError, match="trigger line"):
        PlateRequest.unpack(PlateRequest("varco", Run.BEGIN, [point], []).pack())


def test_impossible_figures_are_refused() -> None:
    """A lane that was not asked for, a cost that runs backwards, a text that no plate has."""
    box = Box(0.1, 0.1, 0.2, 0.2)
    good = Passed(1, 0, Direction.AB, 5, PlateRead("AB123CD", 0.5), box, 20.0)
    reply = PlateReply(False, 0, 1, 1, 0, 1, (good,), 1.0, 0.5)
    assert PlateReply.unpack(reply.pack(), 1).passed[0].read.signs == (0.0,) * 7
    with pytest.raises(WireError, match="lane 0, there are 0"):
        PlateReply.unpack(reply.pack(), 0)
    with pytest.raises(WireError, match="cost"):
        PlateReply.unpack(PlateReply(False, 0, 1, 1, 0, 1, (), 0.1, 0.5).pack(), 1)
    with pytest.raises(WireError, match="signs"):
        PlateReply.unpack(reply.pack().replace(b"AB123CD", b"AB 23CD"), 1)


def test_pictures_are_two_jpegs() -> None:
    """The plate's own may be missing; anything else is refused."""
    jpeg = b"\xff\xd8\xff" + bytes(20)
    for crop in (jpeg, b""):
        assert PlatePicture.unpack(PlatePicture(jpeg, crop).pack()) == PlatePicture(jpeg, crop)
    for bad in (b"", struct.pack("!I", 5) + b"hello", PlatePicture(jpeg, b"GIF").pack()):
        with pytest.raises(WireError):
            PlatePicture.unpack(bad)
    request = PictureRequest("varco", 9, [((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))], 640)
    found = PictureRequest.unpack(request.pack())
    assert (found.camera, found.passage, found.width_px) == ("varco", 9, 640)
    assert [tuple(one) for one in found.masks] == list(request.masks)
