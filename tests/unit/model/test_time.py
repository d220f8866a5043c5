# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
from gateway.model.time import Moment


def test_iso_has_milliseconds_and_zulu():
    """The form used in payloads and in the ledger."""
    assert Moment(0, 1_790_000_000_250_999).iso() == "2026-09-21T14:13:20.250Z"


def test_shifting_moves_both_clocks():
    """A shift of a quarter of a second is the same on both."""
    assert Moment(10, 1_000_000).shifted(-0.25) == Moment(9.75, 750_000)
