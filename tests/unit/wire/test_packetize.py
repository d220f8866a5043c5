# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.packetize."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.packetize import FU_A, STAP_A, fragment

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
