# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.packetize."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.model.media import Codec
from gateway.wire import jfif
from gateway.wire.packetize import (
    FU_A,
    STAP_A,
    fragment,
    fragment_h265,
    fragment_jpeg,
    fragment_metadata,
    payloads,
)
from tests.footage import rgb, scene

SPS = bytes.fromhex("67640028ac")
PPS = bytes.fromhex("68ee3c80")
SEI = b"\x06\x05\x01\x00\x80"


def reassemble(payloads: list[bytes]) -> list[bytes]:
    """Undo the packetisation, written from RFC 6184 §5.7-5.8 and nothing else."""
    nals: list[bytes] = []
    for payload in payloads:
        kind = payload[0] & 31
        if kind == STAP_A:
            at = 1
            while at < len(payload):
                length = int.from_bytes(payload[at : at + 2], "big")
                nals.append(payload[at + 2 : at + 2 + length])
                at += 2 + length
        elif kind == FU_A:
            if payload[1] & 0x80:
                nals.append(bytes((payload[0] & 0xE0 | payload[1] & 31,)))
            nals[-1] += payload[2:]
        else:
            nals.append(payload)
    return nals


def test_parameter_sets_share_one_payload():
    """SPS, PPS and SEI before a slice travel in one STAP-A with the highest importance."""
    runs = fragment([SPS, PPS, SEI, b"\x65" + b"x" * 50])
    assert runs[0][0][0] == 0x60 | STAP_A
    assert len(runs) == 2
    assert reassemble(runs[0]) == [SPS, PPS, SEI]


def test_a_lone_parameter_set_stays_a_single_unit():
    """A STAP-A of one would only cost bytes."""
    assert fragment([PPS, b"\x41y"]) == [[PPS], [b"\x41y"]]


def test_delimiters_and_reserved_types_are_dropped():
    """An access unit delimiter, an empty unit and payload-structure types do not travel."""
    assert fragment([b"\x09\xf0", b"", b"\x7cxx", b"\x78yy", b"\x00z", b"\x41s"]) == [[b"\x41s"]]


def test_fragments_are_balanced():
    """A unit one byte above the bound becomes two halves, not a full one and a crumb."""
    ((first, second),) = fragment([b"\x65" + bytes(1188)])
    assert (len(first), len(second)) == (596, 596)
    assert (first[:2], second[:2]) == (b"\x7c\x85", b"\x7c\x45")


def test_an_oversized_group_is_cut_before_the_bound():
    """Parameter sets that do not fit together take another payload."""
    runs = fragment([b"\x67" + bytes(40), b"\x68" + bytes(40)], most_bytes=64)
    assert [len(run[0]) for run in runs] == [41, 41]


NALS = st.lists(
    st.builds(
        lambda kind, importance, body: bytes((importance << 5 | kind,)) + body,
        st.sampled_from([1, 5, 6, 7, 8]),
        st.integers(0, 3),
        st.binary(max_size=400),
    ),
    max_size=6,
)


@given(NALS, st.integers(8, 120))
def test_every_run_suits_the_kernel_and_loses_nothing(nals: list[bytes], most_bytes: int):
    """Sizes in a run are equal but for a shorter last one, within the bound, and reassemble."""
    runs = fragment(nals, most_bytes)
    for run in runs:
        sizes = [len(payload) for payload in run]
        assert len(set(sizes[:-1])) <= 1
        assert sizes[-1] <= sizes[0] <= most_bytes
        assert all(size > 2 for size in sizes[1:])
    assert reassemble([payload for run in runs for payload in run]) == nals


VPS, SPS_5, PPS_5 = b"\x40\x01vps", b"\x42\x01sps", b"\x44\x01pps"


def reassemble_h265(parts: list[bytes]) -> list[bytes]:
    """Undo the packetisation, written from RFC 7798 §4.4 and nothing else."""
    nals: list[bytes] = []
    for payload in parts:
        kind = payload[0] >> 1 & 63
        if kind == 48:
            at = 2
            while at < len(payload):
                length = int.from_bytes(payload[at : at + 2], "big")
                nals.append(payload[at + 2 : at + 2 + length])
                at += 2 + length
        elif kind == 49:
            if payload[2] & 0x80:
                nals.append(bytes((payload[0] & 0x81 | (payload[2] & 63) << 1, payload[1])))
            nals[-1] += payload[3:]
        else:
            nals.append(payload)
    return nals


def test_h265_parameter_sets_share_one_payload():
    """VPS, SPS and PPS travel in one AP with the lowest layer and temporal number."""
    (first,), (second,) = fragment_h265([VPS, SPS_5, PPS_5, b"\x26\x01slice", b"\x46\x01\x50"])
    assert first[:2] == b"\x60\x01"
    assert reassemble_h265([first]) == [VPS, SPS_5, PPS_5]
    assert second == b"\x26\x01slice"


@given(
    st.lists(
        st.builds(
            lambda kind, body: bytes((kind << 1, 1)) + body,
            st.sampled_from([1, 19, 21, 32, 33, 34, 39]),
            st.binary(min_size=1, max_size=400),
        ),
        max_size=6,
    ),
    st.integers(16, 120),
)
def test_h265_payloads_are_bounded_and_lose_nothing(nals: list[bytes], most_bytes: int):
    """No payload is larger than asked for, and all units come back."""
    runs = fragment_h265(nals, most_bytes)
    for run in runs:
        assert len({len(one) for one in run[:-1]}) <= 1
        assert len(run[-1]) <= len(run[0])
    parts = [one for run in runs for one in run]
    assert all(len(part) <= most_bytes for part in parts)
    assert reassemble_h265(parts) == nals


def test_jpeg_brings_its_tables_and_its_shape():
    """RFC 2435 §3.1: offsets, type 1, Q 255, blocks of eight, tables in the first payload."""
    pixels = rgb(0, size=(160, 80), visitor=False)
    data = bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 92])[1])
    first, *rest = fragment_jpeg(data, 1000)
    assert first[:8] == bytes((0, 0, 0, 0, 1, 255, 20, 10))
    assert first[8:12] == b"\0\0\0\x80"
    tables = jfif.parse(data).tables
    assert first[12:140] == tables[0] + tables[1]
    at = len(first) - 140
    for payload in rest:
        assert int.from_bytes(payload[1:4], "big") == at
        assert len(payload) <= 1000
        at += len(payload) - 8
    assert first[140:] + b"".join(one[8:] for one in rest) == jfif.parse(data).scan


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111], "neither 4:2:0 nor 4:2:2"),
        ([cv2.IMWRITE_JPEG_OPTIMIZE, 1], "Huffman tables of its own"),
        ([cv2.IMWRITE_JPEG_PROGRESSIVE, 1], "only baseline"),
    ],
)
def test_jpeg_that_rtp_cannot_carry_is_refused(options, words):
    """Never packets that show something else."""
    data = bytes(cv2.imencode(".jpg", rgb(0, size=(160, 80), visitor=False), options)[1])
    with pytest.raises(WireError, match=words):
        fragment_jpeg(data)


def test_a_grey_jpeg_is_refused():
    """One component is no type of RFC 2435."""
    data = bytes(cv2.imencode(".jpg", np.zeros((80, 160), np.uint8))[1])
    with pytest.raises(WireError, match="neither"):
        fragment_jpeg(data)


def test_large_jpeg_leaves_its_size_to_the_sdp():
    """Beyond 2040 pixels the fields are zero."""
    data = bytes(cv2.imencode(".jpg", np.zeros((64, 2560, 3), np.uint8))[1])
    assert fragment_jpeg(data)[0][6:8] == b"\0\0"


def test_metadata_is_only_cut():
    """Pieces of at most that size, all of it."""
    parts = fragment_metadata(bytes(range(250)), 100)
    assert [len(part) for part in parts] == [100, 100, 50]
    assert b"".join(parts) == bytes(range(250))


@pytest.mark.parametrize("codec", list(Codec))
def test_units_of_each_codec_have_payloads(codec):
    """The one door for our own cameras."""
    parts = payloads(scene(1, gop=1, codec=codec)[0], 500)
    assert all(0 < len(part) <= 500 for part in parts)
