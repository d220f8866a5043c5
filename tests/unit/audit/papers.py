# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What tests of printed pages and tables share: a town, a cover, entries an hour apart."""

from datetime import datetime

from gateway.audit.entry import LedgerEntry
from gateway.audit.report import Cover, Proof
from gateway.model.time import ROME
from tests.ui.town import registry

NOON_US = 1_795_345_200_000_000
"""22/11/2026 12:00 in Rome."""
TOWN = registry()
CAMERA = next(iter(TOWN.cameras))
COVER = Cover(
    "Varco",
    "",
    "Dora, DPO",
    "verifica-liceita",
    datetime(2026, 11, 22, tzinfo=ROME),
    "sempre",
)
PROOF = Proof(ok=True, size=9, root="ab" * 32)


def entries(*events):
    """These events, an hour apart."""
    return [
        LedgerEntry(
            seq=at, id="x", utc_us=NOON_US + at * 3_600_000_000, mono_us=0,
            clock_sync="synchronised",
            software="0", event=one, erased=("actor_id",) if not one.actor_id else (),
            spilled=False, header=b"h",
        )
        for at, one in enumerate(events)
    ]  # fmt: skip
