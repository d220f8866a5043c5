# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
from gateway.wire.annex_b import split_annex_b


def test_nal_units_are_found_between_start_codes() -> None:
    """Three- and four-byte start codes and trailing zeros do not belong to a NAL unit."""
    stream = b"\0\0\0\1\x67abc\0\0\1\x68d\0\0\0\1\x65\0\0\2e\0"
    assert list(split_annex_b(stream)) == [b"\x67abc", b"\x68d", b"\x65\0\0\2e"]


def test_start_codes_of_three_and_four_bytes_are_cut_off():
    """A byte stream gives its NAL units whatever zeros stand before the ones."""
    data = b"\0\0\0\1\x67ab\0\0\1\x68c\0\0\0\0\1\x65d"
    assert split_annex_b(data) == [b"\x67ab", b"\x68c", b"\x65d"]
