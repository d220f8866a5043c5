# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.ingest.quirks."""

from gateway.ingest.quirks import DEFAULT, RECONNECT


def test_a_returning_camera_is_tried_again_soon_enough():
    """The longest silence between two SYNs leaves half a second for the picture within 3 s."""
    longest_wait_s = RECONNECT.most_s * (1 + RECONNECT.jitter)
    first_syn_to_give_up_s = DEFAULT.handshake_s - 1.0
    assert longest_wait_s + first_syn_to_give_up_s <= 2.5


def test_refused_credentials_are_tried_rarely():
    """Cameras lock accounts after about five wrong tries within minutes."""
    assert RECONNECT.refused_s >= 30
