# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Below a witnessed checkpoint nothing can be changed unseen, not even with the key."""

import random

import pytest

from gateway.audit.verify import verify
from tests.unit.audit.logbook import KEY, PUBLIC, copied, write
from tests.unit.audit.mutations import KINDS, apply


@pytest.mark.parametrize("kind", KINDS)
def test_every_mutation_is_found_and_named(tmp_path, kind):
    """With every checkpoint held by a witness, the first entry that was touched is named."""
    original = tmp_path / "ledger.db"
    held = write(original, [1] * 24)
    for seed in range(25):
        copy = copied(original, tmp_path)
        mutation = apply(copy, random.Random(seed), KEY, kind)
        report = verify(copy, PUBLIC, held)
        assert not report.ok, (mutation, seed)
        assert report.first_bad == mutation.first_bad, (mutation, seed, report.findings)


@pytest.mark.parametrize("kind", KINDS)
def test_with_one_checkpoint_held_it_is_found(tmp_path, kind):
    """A single newest checkpoint is enough to see it; the span that is named holds the entry."""
    original = tmp_path / "ledger.db"
    held = write(original, [1, 5, 7, 3])[-1]
    for seed in range(15):
        copy = copied(original, tmp_path)
        mutation = apply(copy, random.Random(seed), KEY, kind)
        report = verify(copy, PUBLIC, held)
        assert not report.ok, (mutation, seed)
        if not report.missing:  # a tail that is gone is named by its own first entry
            assert report.first_bad <= mutation.first_bad
