# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
from tests.fakes import unit


def test_coded_puts_a_start_code_before_each_nal():
    """Four-byte start codes, in order."""
    one = unit(0, True, b"\x65ab")
    assert one.coded() == b"\0\0\0\1\x65ab"
    assert one.size_bytes() == 3
