# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Forms of values that only the box's file has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.config.schema import Console, Media, is_address, is_wildcard


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_wildcards_are_recognised_and_are_no_address(host):
    """A wildcard can be listened on, not told to a browser."""
    assert is_wildcard(host)
    assert not is_address(host)


@given(st.ip_addresses())
def test_every_other_address_can_be_a_candidate(address):
    """Any address in numbers but the unspecified one."""
    assert is_address(str(address)) is not address.is_unspecified


def test_a_private_key_in_place_of_its_file_is_refused_and_not_shown():
    """Somebody who pastes the key is told to write where it is."""
    pasted = "-----BEGIN PRIVATE KEY----- MC4CAQAw"
    with pytest.raises(ValidationError) as caught:
        Console.model_validate({"tls_certificate": "a", "tls_key": pasted})
    assert "MC4CAQAw" not in str(caught.value.errors(include_input=False))


def test_media_takes_at_most_eight_candidates():
    """An answer with hundreds of candidates would slow every browser down."""
    with pytest.raises(ValidationError):
        Media.model_validate({"candidates": ["192.0.2.1"] * 9})
