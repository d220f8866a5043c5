# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Why sessions ended: told to their viewer, to nobody else, and not for ever."""

from gateway.console.services import Endings


def test_the_reason_is_told_to_the_viewer_alone():
    """Another person gets nothing, as for a session that never was."""
    endings = Endings()
    endings.note("s1", "anna", "grant-expired")
    assert endings.reason("s1", "anna") == "grant-expired"
    assert endings.reason("s1", "ivo") is None
    assert endings.reason("s2", "anna") is None
    assert endings.reason("s2", "") is None


def test_the_oldest_are_forgotten():
    """What is remembered is bounded."""
    endings = Endings(most=2)
    for name in ("s1", "s2", "s3"):
        endings.note(name, "anna", "viewer-left")
    assert [endings.reason(one, "anna") for one in ("s1", "s2", "s3")] == [
        None,
        "viewer-left",
        "viewer-left",
    ]
