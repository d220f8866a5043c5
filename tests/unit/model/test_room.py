# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Names at a room, and addresses as people write them."""

import pytest

from gateway.model.identifiers import ID_FORM
from gateway.model.room import address_problem, at_edge, at_room, split_address


def test_a_camera_of_an_edge_is_named_so_that_it_shadows_none_of_ours():
    name = at_room("farmacia-porto", "porto")
    assert at_edge(name) == ("farmacia-porto", "porto")
    assert at_edge("piazza") == ("", "piazza")
    assert not ID_FORM.match(name)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("sala.example:8445", ("sala.example", 8445, "")),
        ("203.0.113.7:1@192.0.2.9", ("203.0.113.7", 1, "192.0.2.9")),
        ("[2001:db8::7]:65535", ("2001:db8::7", 65535, "")),
    ],
)
def test_addresses_are_taken_apart(text, parts):
    assert address_problem(text.partition("@")[0]) == ""
    assert split_address(text) == parts


@pytest.mark.parametrize(
    "text",
    ["sala.example", "sala.example:", ":1", "2001:db8::7:1", "[sala.example]:1", "a b:1",
     "sala.example:0", "sala.example:65536", "sala.example:²", "sala.example:+1"],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_the_reason(text):
    assert address_problem(text)
