# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which rendition a viewer gets, case by case."""

import pytest

from gateway.assembly.which_stream import (
    MASKED,
    SMALLER,
    TRANSCODED,
    Pick,
    Rendition,
    Sight,
    as_sent,
    pick,
)
from gateway.model.media import Codec, StreamKind

MAIN, SUB = StreamKind
H264, H265, JPEG = Codec
OLD, NEW = frozenset({H264}), frozenset({H264, H265})


@pytest.mark.parametrize(
    ("sight", "wish", "codecs", "rendition", "flags"),
    [
        (Sight(H264), MAIN, OLD, Rendition.MAIN, ()),
        (Sight(None), MAIN, OLD, Rendition.MAIN, ()),
        (Sight(H264, H264, has_sub=True), SUB, OLD, Rendition.SUB, ()),
        (Sight(H264), SUB, OLD, Rendition.MAIN, ()),
        (Sight(H265), MAIN, NEW, Rendition.MAIN, ()),
        (Sight(H265), MAIN, OLD, Rendition.H264, (TRANSCODED,)),
        (Sight(JPEG), MAIN, NEW, Rendition.H264, (TRANSCODED,)),
        (Sight(H265, H264, has_sub=True), MAIN, OLD, Rendition.SUB, (SMALLER,)),
        (Sight(H265, None, has_sub=True), MAIN, OLD, Rendition.SUB, (SMALLER,)),
        (Sight(H265, H265, has_sub=True), MAIN, OLD, Rendition.H264, (TRANSCODED,)),
        (Sight(H265, H265, has_sub=True), SUB, OLD, Rendition.SUB_H264, (TRANSCODED,)),
        (Sight(H264, H265, has_sub=True), SUB, OLD, Rendition.MAIN, ()),
        (Sight(H265, masked=True), MAIN, OLD, Rendition.MAIN, (MASKED,)),
        (Sight(H265, H265, has_sub=True, masked=True), SUB, OLD, Rendition.SUB, (MASKED,)),
    ],
)
def test_pass_through_then_the_other_stream_then_coding(sight, wish, codecs, rendition, flags):
    """What the player takes goes through; nothing is coded anew where something can be shown."""
    got = pick(sight, wish, codecs)
    assert (got.rendition, got.flags) == (rendition, flags)
    assert got.codec in codecs


def test_b_frames_are_not_for_who_shows_pictures_as_they_come():
    """The other stream if it has none, else coded anew; a recording program gets them."""
    main, both = frozenset({MAIN}), frozenset(StreamKind)
    assert pick(Sight(H264, reordered=main), MAIN, OLD) == Pick(Rendition.H264, flags=(TRANSCODED,))
    assert pick(Sight(H264, H264, True, reordered=main), MAIN, OLD).rendition is Rendition.SUB
    assert pick(Sight(H264, H264, True, reordered=both), MAIN, OLD).rendition is Rendition.H264
    assert pick(Sight(H264, H264, True, reordered=both), SUB, OLD).rendition is Rendition.SUB_H264
    assert pick(Sight(H264, reordered=main), MAIN, NEW, in_order=False).rendition is Rendition.MAIN


def test_what_is_passed_through_keeps_its_codec():
    """A player that takes H.265 is told so; a masked or coded picture is H.264."""
    assert pick(Sight(H265), MAIN, NEW).codec is H265
    assert pick(Sight(H265, masked=True), MAIN, NEW).codec is H264


def test_a_mark_is_a_stream_of_its_own():
    """Whoever is written into pictures shares them with nobody else, and is told."""
    got = pick(Sight(H264, masked=True), MAIN, OLD, "sala 1a2b3c4d")
    assert got.flags == (MASKED,)  # the Grant says the other
    assert got.stream("banco") == "banco/sala 1a2b3c4d"
    assert got.plain("banco") == "banco"  # for logs, which name nobody


def test_streams_have_names_of_their_own():
    """No two renditions of one camera share a name on the link; the main one is the camera."""
    names = [Pick(one).stream("banco") for one in Rendition]
    assert names == ["banco", "banco/sub", "banco/h264", "banco/sub-h264"]


def test_a_room_gets_what_the_camera_sends():
    """No codec is refused to a room, and its wish is its rendition."""
    assert [as_sent(kind).rendition for kind in StreamKind] == [Rendition.MAIN, Rendition.SUB]
    assert [one.source for one in Rendition] == [MAIN, SUB, MAIN, SUB]
