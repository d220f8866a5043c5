# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.identifiers import ID_FORM, uuid7


@given(st.integers(0, (1 << 47) * 1000), st.binary(min_size=10, max_size=16))
def test_uuid7_has_version_variant_and_time(utc_us, randomness):
    """Version 7, RFC variant, and the milliseconds in the first 48 bits."""
    made = uuid.UUID(uuid7(utc_us, randomness))
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == utc_us // 1000


def test_uuid7_sorts_by_time():
    """Later ids are larger strings whatever the randomness."""
    assert uuid7(1_000_000, b"\xff" * 10) < uuid7(2_000_000, b"\0" * 10)


@pytest.mark.parametrize("good", ["a", "varco-nord", "c1", "a" * 64])
def test_good_ids(good):
    """Lower case, digits and inner hyphens."""
    assert ID_FORM.match(good)


@pytest.mark.parametrize("bad", ["", "-a", "a-", "A", "a b", "a/b", "a#", "à", "a" * 65, "a\n"])
def test_bad_ids(bad):
    """Nothing that would need escaping in a topic, a URL or a file name."""
    assert not ID_FORM.match(bad)
