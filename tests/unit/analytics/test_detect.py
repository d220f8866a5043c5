# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What detectors answer, as bytes and as words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.detect import Detection, DetectReply, clipped, kinds_of
from gateway.model.alarm import Box, Kind
from gateway.model.errors import WireError

REPLY = DetectReply((Detection(Kind.VEHICLE, 0.5, Box(0.25, 0.5, 0.75, 1.0)),), 0.125)


def test_what_is_packed_is_read_again():
    """Kind, confidence, box and cost survive the way to the gateway."""
    assert DetectReply.unpack(REPLY.pack()) == REPLY


@given(st.binary(max_size=80))
def test_anything_else_is_refused(data: bytes):
    """Bytes that nobody packed give a WireError, or a reply that is possible in every number."""
    try:
        reply = DetectReply.unpack(data)
    except WireError:
        return
    for one in reply.detections:
        assert 0 <= one.box.left < one.box.right <= 1
        assert 0 <= one.confidence <= 1


@pytest.mark.parametrize("cut", range(len(REPLY.pack())))
def test_a_reply_cut_short_is_refused(cut: int):
    """No shorter reply means anything."""
    with pytest.raises(WireError):
        DetectReply.unpack(REPLY.pack()[:cut])


def test_classes_have_our_names_and_no_others():
    """Of COCO's classes those that guard a place count; a kite is none of them."""
    told = {0: "person", 2: "Car", 3: "motorcycle", 33: "kite", 80: "movimento", 81: "veicolo"}
    assert kinds_of(told) == {
        0: Kind.PERSON, 2: Kind.VEHICLE, 3: Kind.TWO_WHEELER, 81: Kind.VEHICLE,
    }  # fmt: skip


def test_boxes_end_at_the_edge():
    """What reaches over the picture is cut; what lies outside is none."""
    assert clipped(-0.5, 0.25, 0.5, 1.5) == Box(0.0, 0.25, 0.5, 1.0)
    assert clipped(1.25, 0.0, 1.5, 1.0) is None
